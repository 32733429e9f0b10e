-- What lies in a bucket.
SELECT
    delivery_id, dataset, origin, name, version, made_at,
    first_day, end_day, uri, size, details, status, problem, removed_at
FROM ops.delivery
WHERE dataset = %(dataset)s
    AND starts_with(uri, %(place)s)
    AND removed_at IS NULL;
