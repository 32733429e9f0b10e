INSERT INTO ops.staged (delivery_id, table_name, rows_read, rows_rejected, rows_filtered)
VALUES (%(delivery_id)s, %(table_name)s, %(rows_read)s, %(rows_rejected)s, %(rows_filtered)s)
RETURNING staged_id;
