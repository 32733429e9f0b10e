-- Day by day of the requested window, the newest delivery's rows stand, with their multiplicity.

-- section: compare
-- What this delivery brings for each day, beside what stands.
WITH day AS (
    SELECT generate_series(%(first_day)s::date, %(end_day)s::date - 1, '1 day')::date AS day
),

brought AS (
    SELECT
        ({clock} AT TIME ZONE 'UTC')::date AS day,
        count(*) AS rows,
        sum(hash_record_extended(ROW({columns}, _extras), 0)) AS fingerprint
    FROM {staging}
    GROUP BY 1
),

present AS (
    SELECT
        ({clock} AT TIME ZONE 'UTC')::date AS day,
        count(*) AS rows,
        sum(hash_record_extended(ROW({columns}, _extras), 0)) AS fingerprint
    FROM {target}
    WHERE _origin = %(origin)s
        AND {clock} >= %(first_day)s::date::timestamptz
        AND {clock} < %(end_day)s::date::timestamptz
    GROUP BY 1
)

SELECT
    day.day::text AS part,
    s.delivery_id AS standing,
    coalesce(brought.rows, 0) AS rows_brought,
    coalesce(present.rows, 0) AS rows_present,
    (s.made_at, s.version) > (%(made_at)s, %(version)s) IS TRUE AS stands_newer,
    s.delivery_id IS NOT NULL
    AND coalesce(brought.rows, 0) = coalesce(present.rows, 0)
    AND brought.fingerprint IS NOT DISTINCT FROM present.fingerprint AS unchanged
FROM day
LEFT JOIN brought ON day.day = brought.day
LEFT JOIN present ON day.day = present.day
LEFT JOIN ops.standing AS s
    ON s.dataset = %(dataset)s AND s.origin = %(origin)s AND s.part = day.day::text
ORDER BY day.day;

-- section: delete
DELETE FROM {target}
WHERE _origin = %(origin)s
    AND {clock} >= %(first_day)s::date::timestamptz
    AND {clock} < %(end_day)s::date::timestamptz
    AND ({clock} AT TIME ZONE 'UTC')::date = ANY(%(parts)s::date []);

-- section: insert
INSERT INTO {target} ({columns}, _origin, _delivery, _row, _extras)
SELECT
    {columns},
    _origin,
    _delivery,
    _row,
    _extras
FROM {staging}
WHERE ({clock} AT TIME ZONE 'UTC')::date = ANY(%(parts)s::date []);
