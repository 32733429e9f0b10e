-- The newest version's rows stand, of a vendor's file (replace_file) or of a day (snapshot).

-- section: compare
-- What this delivery brings, beside what stands; where nothing does, there is nothing to compare.
WITH standing AS (
    SELECT
        delivery_id,
        made_at,
        version
    FROM ops.standing
    WHERE dataset = %(dataset)s AND origin = %(origin)s AND part = %(part)s
),

brought AS (
    SELECT
        %(rows_staged)s::bigint AS rows,
        CASE WHEN EXISTS (SELECT FROM standing)
            THEN (SELECT sum(hash_record_extended(ROW({columns}, _extras), 0)) FROM {staging})
        END AS fingerprint
),

present AS (
    SELECT
        count(*) AS rows,
        sum(hash_record_extended(ROW({columns}, _extras), 0)) AS fingerprint
    FROM {target}
    WHERE _delivery = (SELECT delivery_id FROM standing)
)

SELECT
    %(part)s AS part,
    s.delivery_id AS standing,
    brought.rows AS rows_brought,
    present.rows AS rows_present,
    (s.made_at, s.version) > (%(made_at)s, %(version)s) IS TRUE AS stands_newer,
    s.delivery_id IS NOT NULL
    AND brought.rows = present.rows
    AND brought.fingerprint IS NOT DISTINCT FROM present.fingerprint AS unchanged
FROM brought
CROSS JOIN present
LEFT JOIN standing AS s ON TRUE;

-- section: delete
DELETE FROM {target}
WHERE _delivery = (
    SELECT delivery_id
    FROM ops.standing
    WHERE dataset = %(dataset)s AND origin = %(origin)s AND part = ANY(%(parts)s)
);

-- section: insert
INSERT INTO {target} ({columns}, _origin, _delivery, _row, _extras)
SELECT
    {columns},
    _origin,
    _delivery,
    _row,
    _extras
FROM {staging};
