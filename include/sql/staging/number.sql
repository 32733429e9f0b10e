-- The next row of this table has this number.
SELECT setval(pg_get_serial_sequence(%(table)s, '_row'), %(row)s, FALSE);
