-- Members that an earlier run found in these tars, and none has merged.
SELECT
    delivery_id,
    size
FROM ops.delivery
WHERE dataset = %(dataset)s
    AND uri = ANY(%(uris)s::text [])
    AND status <> 'merged'
ORDER BY delivery_id;
