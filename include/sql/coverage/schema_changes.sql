-- The latest columns and reports that came or went.
SELECT
    c.dataset,
    c.origin,
    c.change,
    left(c.header, %(letters)s) AS header,
    c.first_seen_at,
    d.name
FROM ops.schema_change AS c
LEFT JOIN ops.delivery AS d ON c.delivery_id = d.delivery_id
WHERE split_part(c.dataset, '.', 1) = ANY(%(schemas)s)
ORDER BY c.first_seen_at DESC, c.dataset ASC, c.origin ASC, c.header ASC
LIMIT %(limit)s;
