-- Rows that name erased people, in a staging table or in the warehouse's: found by the values of the
-- columns that identify, whose hashes are compared with the tombstones.

-- section: any
SELECT EXISTS (SELECT FROM stewardship.tombstone) AS any;

-- section: columns
SELECT
    name,
    identifies,
    side
FROM stewardship.column_class
WHERE relation = %(table)s AND side IS NOT NULL
ORDER BY side, name;

-- section: tombstones
SELECT
    hash,
    erasure_id
FROM stewardship.tombstone
WHERE hash = ANY(%(hashes)s::bytea []);

-- section: values
SELECT DISTINCT
    {origin} AS _origin,
    {columns}
FROM {rows}
WHERE {scope};

-- section: count
SELECT
    _delivery,
    {columns},
    count(*) AS rows
FROM {rows}
WHERE {scope} AND ({named})
GROUP BY _delivery, {columns};

-- section: delete
WITH gone AS (
    DELETE FROM {rows}
    WHERE {scope} AND ({named})
    RETURNING _delivery, {columns}
)

SELECT
    _delivery,
    {columns},
    count(*) AS rows
FROM gone
GROUP BY _delivery, {columns};

-- section: empty
UPDATE {rows}
SET {emptied}
WHERE {scope} AND ({named});

-- section: rejected
SELECT
    _delivery,
    _row,
    raw
FROM {rejected}
WHERE _delivery = ANY(%(deliveries)s);

-- section: forget
DELETE FROM {rejected} AS r
USING unnest(%(in)s::bigint [], %(rows)s::bigint []) AS f (delivery_id, _row)
WHERE r._delivery = f.delivery_id AND r._row = f._row;

-- section: texts
SELECT
    tableoid,
    ctid,
    {origin} AS _origin,
    {columns}
FROM {rows}
WHERE {scope} AND {may};

-- section: rewrite
UPDATE {rows}
SET {changed}
WHERE tableoid = %(tableoid)s AND ctid = %(ctid)s::tid;
