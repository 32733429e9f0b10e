-- What a course's labs cost in each week, at AWS and Azure: what the counters of its parts rose by.
WITH part AS (
    SELECT DISTINCT
        m._origin,
        m.part_id
    FROM vocareum.asn_mapping AS m
    INNER JOIN (
        SELECT DISTINCT
            _origin,
            source_course
        FROM activity.person_course_day
        WHERE {course}
            AND source = 'vocareum'
            AND day >= %(first_day)s
            AND day < %(end_day)s
    ) AS c ON m._origin = c._origin AND m.course_id = c.source_course
    WHERE m.part_id IS NOT NULL
),

risen AS (
    SELECT
        day,
        cost_change
    FROM vocareum.aws_cost_change
    WHERE _origin = any(ARRAY(SELECT _origin FROM part)) AND part_id = any(ARRAY(SELECT part_id FROM part))
    UNION ALL
    SELECT
        day,
        cost_change
    FROM vocareum.azure_cost_change
    WHERE _origin = any(ARRAY(SELECT _origin FROM part)) AND part_id = any(ARRAY(SELECT part_id FROM part))
)

SELECT
    date_trunc('week', day)::date AS week,
    sum(cost_change) AS cost
FROM risen
WHERE day >= %(first_day)s AND day < %(end_day)s
GROUP BY week
ORDER BY week;
