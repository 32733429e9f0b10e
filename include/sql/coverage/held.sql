-- Deliveries that are held, by what they would shrink, unless something later has replaced it.
SELECT
    d.dataset,
    d.origin,
    coalesce(d.first_day, (d.made_at AT TIME ZONE 'UTC')::date) AS first_day,
    coalesce(d.end_day, (d.made_at AT TIME ZONE 'UTC')::date + 1) AS end_day,
    ops.try_date(held.part) AS day
FROM ops.delivery AS d
CROSS JOIN LATERAL jsonb_array_elements_text(d.details -> 'shrinks') AS held (part)
INNER JOIN ops.current_part AS c
    ON d.dataset = c.dataset AND d.origin = c.origin AND held.part = c.part
WHERE d.status = 'held'
    AND (d.made_at, d.version) > (c.made_at, c.version)
    AND coalesce(d.end_day, (d.made_at AT TIME ZONE 'UTC')::date + 1) > %(first_day)s::date
    AND d.dataset = ANY(%(datasets)s);
