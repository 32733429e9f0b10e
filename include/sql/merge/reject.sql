INSERT INTO ops.rejected_row (delivery_id, _row, line, raw, reason)
SELECT
    %(delivery_id)s,
    _row,
    line,
    raw,
    reason
FROM {rejected};
