-- The learners of a course, and which accounts they have where the reader may see the people.

-- section: page
-- Those with most active time first; active hours of each week, from the first one on.
WITH active AS (
    SELECT
        person_id,
        (day - %(first_day)s::date) / 7 AS week,
        sum(active_seconds) / 3600 AS active_hours,
        sum(video_seconds) / 3600 AS video_hours,
        sum(attempts) AS attempts,
        sum(correct) AS correct,
        sum(lab_seconds) / 3600 AS lab_hours,
        count(DISTINCT day) AS days,
        max(day) AS last_day
    FROM activity.person_course_day
    WHERE {course}
        AND source = any(%(sources)s::text [])
        AND day >= %(first_day)s
        AND day < %(end_day)s
    GROUP BY person_id, week
)

SELECT
    person_id,
    array_agg(week ORDER BY week) AS weeks,
    array_agg(active_hours ORDER BY week) AS hours_by_week,
    sum(active_hours) AS active_hours,
    sum(video_hours) AS video_hours,
    sum(attempts) AS attempts,
    sum(correct) AS correct,
    sum(lab_hours) AS lab_hours,
    sum(days) AS days,
    max(last_day) AS last_day,
    count(*) OVER () AS learners
FROM active
GROUP BY person_id
ORDER BY active_hours DESC, person_id ASC
LIMIT %(limit)s OFFSET %(offset)s;

-- section: may_read_accounts
SELECT
    CASE
        WHEN has_schema_privilege('people', 'USAGE')
            THEN has_table_privilege('people.account', 'SELECT')
                AND has_table_privilege('people.link', 'SELECT')
        ELSE FALSE
    END AS may;

-- section: accounts
SELECT
    l.person_id,
    a.source,
    a.value
FROM people.link AS l
INNER JOIN people.account AS a ON l.account_id = a.account_id
WHERE l.person_id = any(%(people)s::uuid []) AND a.source = any(%(sources)s::text [])
ORDER BY l.person_id, a.source, a.value;
