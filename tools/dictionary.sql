-- What the catalogue knows of the warehouse's tables and views, for the data dictionary.

-- section: relations
SELECT
    n.nspname AS schema,
    c.relname AS name,
    CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END AS kind,
    obj_description(c.oid, 'pg_class') AS comment
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
WHERE n.nspname = ANY(%(schemas)s)
    AND c.relkind IN ('r', 'p', 'v')
    AND NOT c.relispartition
    AND c.relname !~ 'yoyo'
ORDER BY n.nspname, c.relkind = 'v', c.relname;

-- section: columns
SELECT
    n.nspname AS schema,
    c.relname AS relation,
    a.attname AS name,
    format_type(a.atttypid, a.atttypmod) AS type,
    a.attnotnull AS required,
    coalesce(a.attnum = ANY(k.conkey), FALSE) AS is_key,
    p.class,
    col_description(c.oid, a.attnum) AS comment
FROM pg_attribute AS a
INNER JOIN pg_class AS c ON a.attrelid = c.oid
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
LEFT JOIN pg_constraint AS k ON k.conrelid = c.oid AND k.contype = 'p'
LEFT JOIN stewardship.column_class AS p
    ON p.relation = format('%%I.%%I', n.nspname, c.relname) AND a.attname = p.name
WHERE n.nspname = ANY(%(schemas)s) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY n.nspname, c.relname, a.attnum;

-- section: schemas
SELECT
    nspname AS name,
    obj_description(oid, 'pg_namespace') AS comment
FROM pg_namespace
WHERE nspname = ANY(%(schemas)s)
ORDER BY nspname;

-- section: types
SELECT
    format_type(t.oid, NULL) AS name,
    format_type(t.typbasetype, t.typtypmod) AS type,
    obj_description(t.oid, 'pg_type') AS comment
FROM pg_type AS t
INNER JOIN pg_namespace AS n ON t.typnamespace = n.oid
WHERE n.nspname = ANY(%(schemas)s) AND t.typtype = 'd'
ORDER BY name;

-- section: foreign_keys
SELECT
    f.conrelid::regclass::text AS child,
    f.confrelid::regclass::text AS parent,
    a.attname AS name
FROM pg_constraint AS f
INNER JOIN pg_attribute AS a ON f.conrelid = a.attrelid AND a.attnum = f.conkey[1]
INNER JOIN pg_namespace AS n ON f.connamespace = n.oid
WHERE f.contype = 'f' AND n.nspname = ANY(%(schemas)s)
ORDER BY child, name;
