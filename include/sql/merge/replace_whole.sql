-- The newest version's rows are current, of a vendor's file (replace_file) or of a day (snapshot).

-- section: compare
-- What each delivery brings, beside what is current; where nothing is, there is nothing to compare.
WITH part AS (
    SELECT
        b.part,
        b.delivery_id,
        b.made_at,
        b.version,
        b.rows,
        c.delivery_id AS current,
        c.made_at AS current_made_at,
        c.version AS current_version
    FROM
        unnest(
            %(parts)s::text [],
            %(deliveries)s::bigint [],
            %(made_at)s::timestamptz [],
            %(versions)s::text [],
            %(rows_good)s::bigint []
        ) AS b (part, delivery_id, made_at, version, rows)
    LEFT JOIN ops.current_part AS c
        ON c.dataset = %(dataset)s AND c.origin = %(origin)s AND b.part = c.part
),

brought AS (
    SELECT
        _delivery,
        sum(hash_record_extended(ROW({values}, {extras}), 0)) AS fingerprint
    FROM {staging}
    WHERE _delivery = ANY(ARRAY(SELECT p.delivery_id FROM part AS p WHERE p.current IS NOT NULL))
        AND EXISTS (SELECT FROM part AS p WHERE p.current IS NOT NULL)
    GROUP BY _delivery
),

present AS (
    SELECT
        _delivery,
        count(*) AS rows,
        sum(hash_record_extended(ROW({columns}, _extras), 0)) AS fingerprint
    FROM {target}
    WHERE _delivery = ANY(ARRAY(SELECT p.current FROM part AS p WHERE p.current IS NOT NULL))
    GROUP BY _delivery
)

SELECT
    part.part,
    part.delivery_id,
    part.current,
    part.rows AS rows_brought,
    coalesce(present.rows, 0) AS rows_present,
    (part.current_made_at, part.current_version) > (part.made_at, part.version) IS TRUE AS is_older,
    part.current IS NOT NULL
    AND part.rows = coalesce(present.rows, 0)
    AND brought.fingerprint IS NOT DISTINCT FROM present.fingerprint AS unchanged
FROM part
LEFT JOIN brought ON part.delivery_id = brought._delivery
LEFT JOIN present ON part.current = present._delivery
ORDER BY part.part;

-- section: delete
DELETE FROM {target}
WHERE _delivery = ANY(%(replaced)s::bigint []);

-- section: is_renewed
_delivery = ANY(%(renewed)s::bigint [])
