-- Deliveries that are held, by what they would shrink, where nothing later has taken its place.
SELECT
    d.dataset,
    d.origin,
    coalesce(d.first_day, (d.made_at AT TIME ZONE 'UTC')::date) AS first_day,
    coalesce(d.end_day, (d.made_at AT TIME ZONE 'UTC')::date + 1) AS end_day,
    ops.try_date(held.part) AS day
FROM ops.delivery AS d
CROSS JOIN LATERAL jsonb_array_elements_text(d.details -> 'shrinks') AS held (part)
INNER JOIN ops.standing AS s
    ON d.dataset = s.dataset AND d.origin = s.origin AND held.part = s.part
WHERE d.status = 'held'
    AND (d.made_at, d.version) > (s.made_at, s.version)
    AND coalesce(d.end_day, (d.made_at AT TIME ZONE 'UTC')::date + 1) > %(first_day)s::date
    AND d.dataset = ANY(%(datasets)s);
