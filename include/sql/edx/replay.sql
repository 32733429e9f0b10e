-- Deliveries, made in these days, that still have rejected rows.
SELECT
    d.delivery_id,
    count(*) AS rows_rejected
FROM ops.delivery AS d
INNER JOIN ops.rejected_row AS r ON d.delivery_id = r.delivery_id
WHERE d.dataset = %(dataset)s
    AND d.rows_rejected > 0
    AND d.made_at >= coalesce(%(first_day)s::date, '-infinity')
    AND d.made_at < coalesce(%(end_day)s::date, 'infinity')
GROUP BY d.delivery_id
ORDER BY d.delivery_id;
