-- An attempt that nobody merged; a younger one may still be on its way.
SELECT table_name
FROM ops.staged
WHERE merged_at IS NULL AND staged_at < now() - %(age)s::interval
ORDER BY staged_id
LIMIT 1
FOR UPDATE SKIP LOCKED;
