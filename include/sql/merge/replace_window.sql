-- Day by day of the requested window, the newest delivery's rows stand, with their multiplicity.

-- section: compare
-- What this delivery brings for each day, beside what stands. Where nothing does, there is nothing to
-- compare, and all that a window of one day brings is that day's.
WITH day AS (
    SELECT
        d.day::date AS day,
        s.delivery_id,
        s.made_at,
        s.version
    FROM generate_series(%(first_day)s::date, %(end_day)s::date - 1, '1 day') AS d (day)
    LEFT JOIN ops.standing AS s
        ON s.dataset = %(dataset)s AND s.origin = %(origin)s AND s.part = d.day::date::text
),

new AS (
    SELECT count(*) = 1 AND count(delivery_id) = 0 AS is_one_new_day
    FROM day
),

brought AS (
    SELECT
        ({clock} AT TIME ZONE 'UTC')::date AS day,
        count(*) AS rows,
        sum(hash_record_extended(ROW({columns}, _extras), 0)) FILTER (
            WHERE ({clock} AT TIME ZONE 'UTC')::date
                = ANY(ARRAY(SELECT day FROM day WHERE delivery_id IS NOT NULL))
        ) AS fingerprint
    FROM {staging}
    WHERE NOT (SELECT is_one_new_day FROM new)
    GROUP BY 1
    UNION ALL
    SELECT
        %(first_day)s::date AS day,
        %(rows_staged)s::bigint AS rows,
        NULL::numeric AS fingerprint
    FROM new
    WHERE is_one_new_day
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
    day.delivery_id AS standing,
    coalesce(brought.rows, 0) AS rows_brought,
    coalesce(present.rows, 0) AS rows_present,
    (day.made_at, day.version) > (%(made_at)s, %(version)s) IS TRUE AS stands_newer,
    day.delivery_id IS NOT NULL
    AND coalesce(brought.rows, 0) = coalesce(present.rows, 0)
    AND brought.fingerprint IS NOT DISTINCT FROM present.fingerprint AS unchanged
FROM day
LEFT JOIN brought ON day.day = brought.day
LEFT JOIN present ON day.day = present.day
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
WHERE %(is_all)s OR ({clock} AT TIME ZONE 'UTC')::date = ANY(%(parts)s::date []);
