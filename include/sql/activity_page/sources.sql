-- What there is of each source and origin, and until which day. The query jumps in the index from one
-- pair to the next: a table has many rows and few pairs.
WITH RECURSIVE known AS (
    (
        SELECT
            source,
            _origin
        FROM activity.course_day
        ORDER BY source, _origin
        LIMIT 1
    )
    UNION ALL
    SELECT
        following.source,
        following._origin
    FROM known
    CROSS JOIN LATERAL (
        SELECT
            d.source,
            d._origin
        FROM activity.course_day AS d
        WHERE (d.source, d._origin) > (known.source, known._origin)
        ORDER BY d.source, d._origin
        LIMIT 1
    ) AS following
)

SELECT
    known.source,
    known._origin AS origin,
    latest.day AS last_day
FROM known
CROSS JOIN LATERAL (
    SELECT d.day
    FROM activity.course_day AS d
    WHERE d.source = known.source AND d._origin = known._origin
    ORDER BY d.day DESC
    LIMIT 1
) AS latest
WHERE known.source = any(%(sources)s::text [])
ORDER BY known.source, known._origin;
