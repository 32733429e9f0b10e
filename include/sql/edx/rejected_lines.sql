SELECT
    _row,
    raw
FROM ops.rejected_row
WHERE delivery_id = %(delivery_id)s
ORDER BY _row;
