SELECT
    delivery_id, dataset, origin, name, version, made_at,
    first_day, end_day, uri, size, details, status, problem, removed_at
FROM ops.delivery
WHERE delivery_id = %(delivery_id)s;
