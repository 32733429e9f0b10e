-- Learners active in each week, by source, and whatever the source (NULL): who is in two counts once.
WITH active AS (
    SELECT DISTINCT
        date_trunc('week', day)::date AS week,
        source,
        person_id
    FROM activity.person_course_day
    WHERE source = any(%(sources)s::text [])
        AND _origin = any(%(origins)s::text [])
        AND day >= %(first_day)s
        AND day < %(end_day)s
)

SELECT
    week,
    source,
    count(DISTINCT person_id) AS learners
FROM active
GROUP BY GROUPING SETS ((week, source), (week))
ORDER BY week, source;
