-- The rows, counted from 1 as they were staged, get the numbers that they have in their delivery.
UPDATE {staging} AS s
SET _row = n.number
FROM unnest(%(numbers)s::bigint []) WITH ORDINALITY AS n (number, ordinal)
WHERE s._row = n.ordinal;
