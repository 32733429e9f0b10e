-- What the learners of a course did in each week; learners are counted once, in whatever source.
SELECT
    date_trunc('week', day)::date AS week,
    count(DISTINCT person_id) AS learners,
    sum(video_seconds) / 3600 AS video_hours,
    sum(attempts) AS attempts,
    sum(correct) AS correct,
    sum(lab_seconds) / 3600 AS lab_hours
FROM activity.person_course_day
WHERE {course}
    AND source = any(%(sources)s::text [])
    AND day >= %(first_day)s
    AND day < %(end_day)s
GROUP BY week
ORDER BY week;
