-- The deliveries of attempts to stage them, and where their bytes lie.
SELECT DISTINCT
    d.delivery_id,
    d.uri
FROM ops.staged AS s
INNER JOIN ops.delivery AS d ON s.delivery_id = d.delivery_id
WHERE s.staged_id = ANY(%(staged)s)
ORDER BY d.delivery_id;
