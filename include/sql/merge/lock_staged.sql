SELECT
    s.staged_id,
    s.delivery_id,
    s.table_name,
    s.rows_read,
    s.rows_rejected,
    s.rows_filtered,
    s.merged_at
FROM ops.staged AS s
WHERE s.staged_id = %(staged_id)s
FOR UPDATE;
