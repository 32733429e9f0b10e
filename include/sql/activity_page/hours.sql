-- At which hours of which weekdays (Monday is 1, in UTC) sessions of a course began, at edX alone: no
-- other source tells of sessions.
SELECT
    extract(ISODOW FROM begun AT TIME ZONE 'UTC')::integer AS weekday,
    extract(HOUR FROM begun AT TIME ZONE 'UTC')::integer AS hour,
    count(*) AS sessions
FROM activity.person_session
WHERE {course}
    AND source = any(%(sources)s::text [])
    AND day >= %(first_day)s
    AND day < %(end_day)s
GROUP BY weekday, hour
ORDER BY weekday, hour;
