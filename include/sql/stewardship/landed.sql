-- section: deliveries
SELECT
    delivery_id, dataset, origin, name, version, made_at,
    first_day, end_day, uri, size, details
FROM ops.delivery
WHERE dataset = ANY(%(tables)s::text [])
    AND starts_with(uri, %(place)s)
    AND removed_at IS NULL
ORDER BY delivery_id;

-- section: note
UPDATE ops.delivery
SET
    size = %(size)s,
    details = %(details)s
WHERE delivery_id = %(delivery_id)s;

-- section: elsewhere
-- Logs that were read in edX's own bucket, and brought rows of erased people.
SELECT
    uri,
    name
FROM ops.delivery
WHERE dataset = 'edx.event' AND rows_erased > 0 AND NOT starts_with(uri, %(place)s)
ORDER BY uri, name;
