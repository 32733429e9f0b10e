-- What each account did in Vocareum's labs, of the days that are due.

-- section: prepare
CREATE TEMPORARY TABLE deed (
    _origin text,
    day date,
    begins timestamptz,
    account_id bigint,
    course text,
    assignment text,
    part text,
    begun timestamptz,
    end_time timestamptz,
    disconnects integer,
    run tstzrange
) ON COMMIT DROP;

-- section: read
-- Sessions that began on the day or on the day before, and of each what fell on the day. Of a session
-- that is in the files of two days, the later file counts.
WITH due AS (
    SELECT
        d.origin,
        d.day,
        d.day::timestamptz AS begins,
        (d.day + 1)::timestamptz AS ends
    FROM unnest(%(origins)s::text [], %(days)s::date []) AS d (origin, day)
),

latest AS (
    SELECT DISTINCT ON (due.origin, due.day, s._day, vocareum.person(s.user_id, s.user_email), s.part_id, coalesce(s.launch_time, s.start_time))
        due.*,
        s.*,
        CASE WHEN s.user_id ~ '^\d+$' THEN 'user_id' ELSE 'email' END AS kind,
        CASE WHEN s.user_id ~ '^\d+$' THEN s.user_id ELSE people.address(s.user_email) END AS value,
        coalesce(s.launch_time, s.start_time) AS begun,
        greatest(coalesce(s.start_time, s.launch_time), due.begins) AS since
    FROM due
    INNER JOIN vocareum.lab_sessions AS s
        ON due.origin = s._origin AND s._day IN (due.day, due.day - 1)
    INNER JOIN ops.delivery AS f ON s._delivery = f.delivery_id
    ORDER BY
        due.origin ASC, due.day ASC, s._day ASC, vocareum.person(s.user_id, s.user_email) ASC, s.part_id ASC,
        coalesce(s.launch_time, s.start_time) ASC, f.first_day DESC NULLS LAST, s._delivery DESC, s._row DESC
)

INSERT INTO deed
SELECT
    l.origin,
    l.day,
    l.begins,
    a.account_id,
    l.course_id,
    l.assignment_id,
    l.part_id,
    l.begun,
    l.end_time,
    l.disconnects,
    tstzrange(l.since, least(greatest(l.end_time, l.since), greatest(l.ends, l.since)))
FROM latest AS l
INNER JOIN people.account AS a
    ON a.source = 'vocareum' AND l.origin = a._origin AND l.kind = a.kind AND l.value = a.value;

-- section: lab
SELECT
    account_id,
    course,
    assignment,
    part,
    day,
    min(begun) FILTER (WHERE begun >= begins),
    max(begun) FILTER (WHERE begun >= begins),
    count(*) FILTER (WHERE begun >= begins),
    activity.seconds_in(range_agg(run)),
    count(*) FILTER (WHERE begun >= begins AND end_time IS NULL),
    coalesce(sum(disconnects) FILTER (WHERE begun >= begins), 0),
    'vocareum',
    _origin
FROM deed
GROUP BY account_id, course, assignment, part, day, _origin
HAVING count(*) FILTER (WHERE begun >= begins) > 0 OR NOT isempty(range_agg(run))

-- section: course_day
SELECT
    account_id,
    course,
    day,
    min(begun) FILTER (WHERE begun >= begins),
    max(begun) FILTER (WHERE begun >= begins),
    count(*) FILTER (WHERE begun >= begins),
    0,
    0,
    0,
    0,
    0,
    activity.seconds_in(range_agg(run)),
    0,
    0,
    0,
    NULL,
    'vocareum',
    _origin
FROM deed
GROUP BY account_id, course, day, _origin
HAVING count(*) FILTER (WHERE begun >= begins) > 0 OR NOT isempty(range_agg(run))
