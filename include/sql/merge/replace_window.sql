-- Day by day of the requested window, the newest delivery's rows are current, with their
-- multiplicity.

-- section: compare
-- What each delivery brings for each day of its window, beside what is current. Where nothing is,
-- there is nothing to compare, and all that a window of one day brings is that day's.
WITH day AS (
    SELECT
        d.day::date AS day,
        b.delivery_id,
        b.made_at,
        b.version,
        b.rows,
        b.end_day - b.first_day = 1 AND c.delivery_id IS NULL AS is_one_new_day,
        c.delivery_id AS current,
        c.made_at AS current_made_at,
        c.version AS current_version
    FROM
        unnest(
            %(deliveries)s::bigint [],
            %(first_days)s::date [],
            %(end_days)s::date [],
            %(made_at)s::timestamptz [],
            %(versions)s::text [],
            %(rows_good)s::bigint []
        ) AS b (delivery_id, first_day, end_day, made_at, version, rows)
    CROSS JOIN LATERAL generate_series(b.first_day, b.end_day - 1, '1 day') AS d (day)
    LEFT JOIN ops.current_part AS c
        ON c.dataset = %(dataset)s AND c.origin = %(origin)s AND c.part = d.day::date::text
),

brought AS (
    SELECT
        ({clock} AT TIME ZONE 'UTC')::date AS day,
        count(*) AS rows,
        sum(hash_record_extended(ROW({values}, {extras}), 0)) FILTER (
            WHERE ({clock} AT TIME ZONE 'UTC')::date
                = ANY(ARRAY(SELECT o.day FROM day AS o WHERE o.current IS NOT NULL))
        ) AS fingerprint
    FROM {staging}
    WHERE _delivery = ANY(ARRAY(SELECT o.delivery_id FROM day AS o WHERE NOT o.is_one_new_day))
        AND EXISTS (SELECT FROM day AS o WHERE NOT o.is_one_new_day)
    GROUP BY 1
    UNION ALL
    SELECT
        day.day,
        day.rows,
        NULL::numeric AS fingerprint
    FROM day
    WHERE day.is_one_new_day
),

present AS (
    SELECT
        ({clock} AT TIME ZONE 'UTC')::date AS day,
        count(*) AS rows,
        sum(hash_record_extended(ROW({columns}, _extras), 0)) AS fingerprint
    FROM {target}
    WHERE _origin = %(origin)s
        AND {clock} >= (SELECT min(o.day) FROM day AS o WHERE o.current IS NOT NULL)::timestamptz
        AND {clock} < (SELECT max(o.day) + 1 FROM day AS o WHERE o.current IS NOT NULL)::timestamptz
    GROUP BY 1
)

SELECT
    day.day::text AS part,
    day.delivery_id,
    day.current,
    coalesce(brought.rows, 0) AS rows_brought,
    coalesce(present.rows, 0) AS rows_present,
    (day.current_made_at, day.current_version) > (day.made_at, day.version) IS TRUE AS is_older,
    day.current IS NOT NULL
    AND coalesce(brought.rows, 0) = coalesce(present.rows, 0)
    AND brought.fingerprint IS NOT DISTINCT FROM present.fingerprint AS unchanged
FROM day
LEFT JOIN brought ON day.day = brought.day
LEFT JOIN present ON day.day = present.day
ORDER BY day.day;

-- section: delete
DELETE FROM {target}
WHERE _origin = %(origin)s
    AND {clock} >= (SELECT min(p.part::date) FROM unnest(%(parts)s::text []) AS p (part))::timestamptz
    AND {clock} < (SELECT max(p.part::date) + 1 FROM unnest(%(parts)s::text []) AS p (part))::timestamptz
    AND ({clock} AT TIME ZONE 'UTC')::date = ANY(%(parts)s::date []);

-- section: is_renewed
({clock} AT TIME ZONE 'UTC')::date = ANY(%(parts)s::date [])
AND _delivery = ANY(%(deliveries)s::bigint [])
