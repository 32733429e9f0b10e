UPDATE ops.staged
SET
    rows_read = %(rows_read)s,
    rows_rejected = %(rows_rejected)s,
    rows_filtered = %(rows_filtered)s
WHERE table_name = %(table_name)s
RETURNING staged_id;
