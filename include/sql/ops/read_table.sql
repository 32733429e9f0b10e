SELECT
    a.attname AS name,
    t.typname AS type,
    a.attnotnull AS required,
    col_description(c.oid, a.attnum) AS comment,
    coalesce(a.attnum = ANY(k.conkey), FALSE) AS in_key,
    c.relkind = 'p' AS partitioned
FROM pg_class AS c
INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
INNER JOIN pg_type AS t ON a.atttypid = t.oid
LEFT JOIN pg_constraint AS k ON k.conrelid = c.oid AND k.contype = 'p'
WHERE c.oid = to_regclass(%(table)s)
ORDER BY a.attnum;
