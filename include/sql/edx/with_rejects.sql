-- Deliveries of which rejected rows are left, made in these days.
SELECT
    delivery_id,
    rows_rejected
FROM ops.delivery
WHERE dataset = %(dataset)s
    AND rows_rejected > 0
    AND made_at >= coalesce(%(first_day)s::date, '-infinity')
    AND made_at < coalesce(%(end_day)s::date, 'infinity')
ORDER BY delivery_id;
