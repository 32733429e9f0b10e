-- From the lines of a tracking log to the staging table.

-- section: kinds
SELECT
    event_source,
    event_type,
    event_kind
FROM edx.event_alias;

-- section: copy
COPY {rows} ({columns}) FROM STDIN (ENCODING 'UTF8');

-- section: copy_rejected
COPY {rejected} (_row, line, raw, reason) FROM STDIN (ENCODING 'UTF8');

-- section: note_problem
UPDATE ops.delivery
SET problem = %(problem)s
WHERE delivery_id = ANY(%(deliveries)s) AND status = 'landed';

-- section: rejected_lines
SELECT
    _row,
    raw
FROM ops.rejected_row
WHERE delivery_id = %(delivery_id)s
ORDER BY _row;

-- section: number
-- The rows, counted from 1 as they were staged, get the numbers that they have in their delivery.
UPDATE {rows} AS s
SET _row = n.number
FROM unnest(%(numbers)s::bigint []) WITH ORDINALITY AS n (number, ordinal)
WHERE s._row = n.ordinal;
