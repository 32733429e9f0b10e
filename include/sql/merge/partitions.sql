-- section: list
SELECT child.relname AS name
FROM pg_inherits AS i
INNER JOIN pg_class AS child ON i.inhrelid = child.oid
WHERE i.inhparent = to_regclass(%(table)s);

-- section: lock_timeout
SET LOCAL lock_timeout = '5s';

-- section: is_there
SELECT to_regclass(%(table)s) IS NOT NULL AS is_there;

-- section: create
-- Made apart and attached with a CHECK that it holds already: readers of the table do not wait.
CREATE TABLE {partition} (
    LIKE {target} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE,
    CONSTRAINT {bounds} CHECK ({clock} >= {month} AND {clock} < {next_month})
);

-- section: attach
ALTER TABLE {target} ATTACH PARTITION {partition} FOR VALUES FROM ({month}) TO ({next_month});

-- section: drop_bounds
ALTER TABLE {partition} DROP CONSTRAINT {bounds};
