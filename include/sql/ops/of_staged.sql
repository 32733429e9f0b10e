-- The deliveries of attempts to stage them.
SELECT DISTINCT s.delivery_id
FROM ops.staged AS s
WHERE s.staged_id = ANY(%(staged)s)
ORDER BY s.delivery_id;
