DELETE FROM ops.rejected_row
WHERE delivery_id = %(delivery_id)s;
