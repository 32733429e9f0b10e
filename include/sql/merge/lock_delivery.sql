SELECT
    delivery_id,
    dataset,
    origin,
    name,
    version,
    made_at,
    first_day,
    end_day,
    status,
    rows_read,
    rows_merged,
    rows_duplicate,
    rows_superseded,
    rows_filtered,
    rows_rejected
FROM ops.delivery
WHERE delivery_id = %(delivery_id)s
FOR NO KEY UPDATE;
