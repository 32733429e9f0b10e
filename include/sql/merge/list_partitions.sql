SELECT child.relname AS name
FROM pg_inherits AS i
INNER JOIN pg_class AS child ON i.inhrelid = child.oid
WHERE i.inhparent = to_regclass(%(table)s);
