-- The courses with activity, those with most learners first: those of the institution's list under
-- its name for them, others under their source's own id.
WITH active AS (
    SELECT DISTINCT
        listed_course,
        CASE WHEN listed_course IS NULL THEN source END AS source,
        CASE WHEN listed_course IS NULL THEN _origin END AS origin,
        CASE WHEN listed_course IS NULL THEN source_course END AS source_course,
        person_id
    FROM activity.person_course_day
    WHERE source = any(%(sources)s::text [])
        AND _origin = any(%(origins)s::text [])
        AND day >= %(first_day)s
        AND day < %(end_day)s
        AND source_course IS NOT NULL
)

SELECT
    coalesce(listed_course, source_course) AS course,
    source,
    origin,
    count(*) AS learners
FROM active
GROUP BY listed_course, source, origin, source_course
ORDER BY learners DESC, course ASC, source ASC, origin ASC
LIMIT %(limit)s;
