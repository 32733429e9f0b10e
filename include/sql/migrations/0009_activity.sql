-- depends: 0008_people

-- Who learned what, when: the same words for the same things over all three sources.

CREATE SCHEMA activity;

COMMENT ON SCHEMA activity IS 'Learning activity over all sources, computed by the DAG learning_activity from the vendors'' tables, for the days that changed.';

CREATE FUNCTION activity.seconds_in(parts nummultirange) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
SELECT coalesce(sum(upper(part) - lower(part)), 0) FROM unnest(parts) AS part;
END;

COMMENT ON FUNCTION activity.seconds_in(nummultirange) IS 'How long some parts of a video are together, such as those that were watched: activity.seconds_in(range_agg(watched)).';

CREATE FUNCTION activity.seconds_in(times tstzmultirange) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
SELECT coalesce(sum(extract(EPOCH FROM upper(part) - lower(part))), 0) FROM unnest(times) AS part;
END;

COMMENT ON FUNCTION activity.seconds_in(tstzmultirange) IS 'How long some spans of time are together.';

CREATE TABLE activity.video (
    account_id bigint NOT NULL REFERENCES people.account (account_id) ON DELETE CASCADE,
    course text,
    video text,
    day date NOT NULL,
    first_at timestamptz NOT NULL,
    watched nummultirange,
    unique_seconds numeric,
    played_seconds numeric NOT NULL,
    speed numeric,
    role text,
    source text NOT NULL,
    _origin text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (source, _origin, day, account_id, course, video)
);

CREATE INDEX video_account ON activity.video (account_id, day);

CREATE INDEX video_video ON activity.video (video, day);

COMMENT ON TABLE activity.video IS 'What an account played of a video in a course on a UTC day: from each play to the next event of the video.';
COMMENT ON COLUMN activity.video.account_id IS 'The account; activity.person_video has its person.';
COMMENT ON COLUMN activity.video.course IS 'The source''s own id of the course, as in activity.course_day.';
COMMENT ON COLUMN activity.video.video IS 'edX: id of the video (event.id). Echo360: media identifier; NULL where the report has none.';
COMMENT ON COLUMN activity.video.day IS 'The UTC day on which the play began, or Echo360''s session of the player.';
COMMENT ON COLUMN activity.video.first_at IS 'When it first began on that day.';
COMMENT ON COLUMN activity.video.watched IS 'The parts that were played, in seconds from the beginning of the video, each once. range_agg(watched) unites those of several days or people. NULL where no position is told, as in Echo360''s beats.';
COMMENT ON COLUMN activity.video.unique_seconds IS 'How long these parts are together.';
COMMENT ON COLUMN activity.video.played_seconds IS 'Seconds of the video that were played; what was played again counts again. edX: from each play to the next event of the video; a seek while it plays begins anew; never more than the time that went by, times the speed, nor than the video''s duration where it is told. Where no event tells the position, to the account''s next event within 30 minutes; a play with none of these counts nothing. Echo360: 30 for each beat, and the union of the intervals of each session of the player.';
COMMENT ON COLUMN activity.video.speed IS 'edX: the speed at which it was played, the mean by seconds played; one above 16 or not above 0 is not believed. NULL at Echo360, which tells the speed only of single moments.';
COMMENT ON COLUMN activity.video.role IS 'The account''s role in these rows of Echo360, one of staff before others; NULL at edX.';
COMMENT ON COLUMN activity.video.source IS 'edx or echo360.';
COMMENT ON COLUMN activity.video._origin IS 'The edX site or the Echo360 host.';

CREATE TABLE activity.problem_day (
    account_id bigint NOT NULL REFERENCES people.account (account_id) ON DELETE CASCADE,
    course text,
    problem text,
    day date NOT NULL,
    first_at timestamptz,
    last_at timestamptz,
    attempts bigint NOT NULL,
    correct bigint NOT NULL,
    first_is_correct boolean,
    correct_at timestamptz,
    score numeric,
    max_score numeric,
    answers_shown bigint NOT NULL,
    shown_at timestamptz,
    source text NOT NULL,
    _origin text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (source, _origin, day, account_id, course, problem)
);

CREATE INDEX problem_day_account ON activity.problem_day (account_id, day);

CREATE INDEX problem_day_problem ON activity.problem_day (problem, day);

COMMENT ON TABLE activity.problem_day IS 'What an account did with a problem of edX on a UTC day; activity.problem has all days together.';
COMMENT ON COLUMN activity.problem_day.account_id IS 'The account; activity.person_problem has its person.';
COMMENT ON COLUMN activity.problem_day.course IS 'The course of the events: course_id.';
COMMENT ON COLUMN activity.problem_day.problem IS 'id of the problem (event.problem_id); NULL where the event tells none.';
COMMENT ON COLUMN activity.problem_day.day IS 'The UTC day.';
COMMENT ON COLUMN activity.problem_day.first_at IS 'When the first attempt was checked; NULL if the answer was only shown.';
COMMENT ON COLUMN activity.problem_day.last_at IS 'When the last attempt was checked.';
COMMENT ON COLUMN activity.problem_day.attempts IS 'Answers that the server checked; one that was logged under both names (until July 2013) counts once. What the browser sends is not counted beside it.';
COMMENT ON COLUMN activity.problem_day.correct IS 'Those of them that were correct.';
COMMENT ON COLUMN activity.problem_day.first_is_correct IS 'Whether the first attempt of the day was correct.';
COMMENT ON COLUMN activity.problem_day.correct_at IS 'When the first correct attempt of the day was checked.';
COMMENT ON COLUMN activity.problem_day.score IS 'The most points that an attempt of the day got.';
COMMENT ON COLUMN activity.problem_day.max_score IS 'Points that can be had.';
COMMENT ON COLUMN activity.problem_day.answers_shown IS 'Times that the answer was shown.';
COMMENT ON COLUMN activity.problem_day.shown_at IS 'When it was first shown on the day.';
COMMENT ON COLUMN activity.problem_day.source IS 'Always edx.';
COMMENT ON COLUMN activity.problem_day._origin IS 'The edX site.';

CREATE TABLE activity.session (
    account_id bigint NOT NULL REFERENCES people.account (account_id) ON DELETE CASCADE,
    course text,
    day date NOT NULL,
    begun timestamptz NOT NULL,
    ended timestamptz NOT NULL,
    events bigint NOT NULL,
    active_seconds numeric NOT NULL,
    source text NOT NULL,
    _origin text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (source, _origin, day, account_id, course, begun)
);

CREATE INDEX session_account ON activity.session (account_id, day);

COMMENT ON TABLE activity.session IS 'Sessions of an account in a course of edX: events with less than 30 minutes from each to the next. edX''s own session is a login, and says nothing about this.';
COMMENT ON COLUMN activity.session.account_id IS 'The account; activity.person_session has its person.';
COMMENT ON COLUMN activity.session.course IS 'The course of the events: course_id; NULL outside of any course.';
COMMENT ON COLUMN activity.session.day IS 'The UTC day on which it began; it has the events after midnight too, until 2 o''clock. What goes on after that is another session, of the day after.';
COMMENT ON COLUMN activity.session.begun IS 'When its first event was.';
COMMENT ON COLUMN activity.session.ended IS 'When its last event was.';
COMMENT ON COLUMN activity.session.events IS 'How many events, without tasks, heartbeats and requests that a page makes by itself.';
COMMENT ON COLUMN activity.session.active_seconds IS 'Seconds from each of them to the account''s next event in any course, where it came within 30 minutes.';
COMMENT ON COLUMN activity.session.source IS 'Always edx.';
COMMENT ON COLUMN activity.session._origin IS 'The edX site.';

CREATE TABLE activity.course_day (
    account_id bigint NOT NULL REFERENCES people.account (account_id) ON DELETE CASCADE,
    course text,
    day date NOT NULL,
    first_at timestamptz,
    last_at timestamptz,
    events bigint NOT NULL,
    active_seconds numeric NOT NULL,
    video_seconds numeric NOT NULL,
    attempts bigint NOT NULL,
    correct bigint NOT NULL,
    answers_shown bigint NOT NULL,
    lab_seconds numeric NOT NULL,
    polls bigint NOT NULL,
    posts bigint NOT NULL,
    slides bigint NOT NULL,
    role text,
    source text NOT NULL,
    _origin text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (source, _origin, day, account_id, course)
);

CREATE INDEX course_day_account ON activity.course_day (account_id, day);

CREATE INDEX course_day_course ON activity.course_day (course, day);

COMMENT ON TABLE activity.course_day IS 'What an account did in a course on a UTC day. Nothing is here of who is known by no name, id or address.';
COMMENT ON COLUMN activity.course_day.account_id IS 'The account; activity.person_course_day has its person.';
COMMENT ON COLUMN activity.course_day.course IS 'The source''s own id of the course: course_id at edX and Vocareum, course identifier at Echo360, or its course id where there is none; NULL outside of any course.';
COMMENT ON COLUMN activity.course_day.day IS 'The UTC day.';
COMMENT ON COLUMN activity.course_day.first_at IS 'When the first thing was done; NULL where all of the day''s time comes from what began the day before.';
COMMENT ON COLUMN activity.course_day.last_at IS 'When the last thing was begun.';
COMMENT ON COLUMN activity.course_day.events IS 'How many things were done. edX: events, without tasks, heartbeats and requests that a page makes by itself. Echo360: beats of a video, sessions of the player, slide decks, polls, posts, notes, confusing slides, joins and leaves of a live lecture. Vocareum: labs launched.';
COMMENT ON COLUMN activity.course_day.active_seconds IS 'Seconds from each of these to the account''s next one in any course, where it came within 30 minutes: they count for the course in which the gap begins, and are split at UTC midnight. A last one counts nothing.';
COMMENT ON COLUMN activity.course_day.video_seconds IS 'Seconds of videos that were played, on the day on which they began: the sum of played_seconds in activity.video.';
COMMENT ON COLUMN activity.course_day.attempts IS 'Answers that edX''s server checked; one that was logged under both names (until July 2013) counts once.';
COMMENT ON COLUMN activity.course_day.correct IS 'Those of them that were correct.';
COMMENT ON COLUMN activity.course_day.answers_shown IS 'Times that the answer of a problem was shown.';
COMMENT ON COLUMN activity.course_day.lab_seconds IS 'Seconds in labs between start and end, overlapping ones once, split at UTC midnight; what goes beyond the day after its launch is left out, and a lab without an end counts nothing.';
COMMENT ON COLUMN activity.course_day.polls IS 'Responses to polls that were given or changed.';
COMMENT ON COLUMN activity.course_day.posts IS 'Questions and answers that were written or changed; at edX threads, responses and comments of the forum that were created.';
COMMENT ON COLUMN activity.course_day.slides IS 'Slide decks that were opened.';
COMMENT ON COLUMN activity.course_day.role IS 'The account''s role in these rows of Echo360, one of staff before others; NULL at the other sources, whose rows tell none.';
COMMENT ON COLUMN activity.course_day.source IS 'edx, echo360 or vocareum.';
COMMENT ON COLUMN activity.course_day._origin IS 'The edX site, the Echo360 host or the Vocareum org.';

CREATE VIEW people.enrolled_as AS
SELECT DISTINCT ON (a.account_id, e.courseid)
    a.account_id,
    e.courseid::text AS course,
    e.role::text AS role
FROM vocareum.enrollment AS e
INNER JOIN people.account AS a
    ON a.source = 'vocareum' AND a.kind = 'user_id' AND e._origin = a._origin AND e.userid = a.value
WHERE e.role IS NOT NULL
ORDER BY a.account_id ASC, e.courseid ASC, people.is_staff(e.role) DESC, e.role ASC;

COMMENT ON VIEW people.enrolled_as IS 'The role of Vocareum''s accounts in their courses, one of staff before others, dropped courses included.';
COMMENT ON COLUMN people.enrolled_as.account_id IS 'The account.';
COMMENT ON COLUMN people.enrolled_as.course IS 'Vocareum id of course.';
COMMENT ON COLUMN people.enrolled_as.role IS 'role of the user in the course, such as student.';

CREATE VIEW activity.person_course_day AS
SELECT
    l.person_id,
    d.account_id,
    d.source,
    c.course AS listed_course,
    d.course AS source_course,
    d.day,
    d.first_at,
    d.last_at,
    d.events,
    d.active_seconds,
    d.video_seconds,
    d.attempts,
    d.correct,
    d.answers_shown,
    d.lab_seconds,
    d.polls,
    d.posts,
    d.slides,
    r.role,
    d._origin
FROM activity.course_day AS d
INNER JOIN people.link AS l ON d.account_id = l.account_id
LEFT JOIN people.course_id AS c ON d.source = c.source AND d.course = c.source_course
LEFT JOIN people.enrolled_as AS e ON d.account_id = e.account_id AND d.course = e.course
CROSS JOIN LATERAL (SELECT coalesce(l.role, d.role, e.role) AS role) AS r
WHERE NOT people.is_staff(r.role);

COMMENT ON VIEW activity.person_course_day IS 'activity.course_day with the person of each account and the course of the institution''s list: a row for each account, so sum over the accounts of a person. Staff are left out; activity.course_day has them.';


CREATE VIEW activity.problem AS
SELECT
    account_id,
    course,
    problem,
    min(first_at) AS first_at,
    max(last_at) AS last_at,
    sum(attempts)::bigint AS attempts,
    sum(correct)::bigint AS correct,
    (array_agg(first_is_correct ORDER BY day) FILTER (WHERE first_is_correct IS NOT NULL))[1]
        AS first_is_correct,
    min(correct_at) AS correct_at,
    extract(EPOCH FROM min(correct_at) - min(first_at)) AS seconds_to_correct,
    max(score) AS score,
    max(max_score) AS max_score,
    sum(answers_shown)::bigint AS answers_shown,
    min(shown_at) AS shown_at,
    coalesce(min(shown_at) < min(correct_at), FALSE) AS was_shown_before_correct,
    source,
    _origin
FROM activity.problem_day
GROUP BY account_id, course, problem, source, _origin;

COMMENT ON VIEW activity.problem IS 'What an account did with a problem, on all days together: activity.problem_day has them one by one.';
COMMENT ON COLUMN activity.problem.account_id IS 'The account; activity.person_problem has its person.';
COMMENT ON COLUMN activity.problem.course IS 'The course of the events: course_id.';
COMMENT ON COLUMN activity.problem.problem IS 'id of the problem.';
COMMENT ON COLUMN activity.problem.first_at IS 'When the first attempt was checked; NULL if the answer was only shown.';
COMMENT ON COLUMN activity.problem.last_at IS 'When the last attempt was checked.';
COMMENT ON COLUMN activity.problem.attempts IS 'How many attempts there were.';
COMMENT ON COLUMN activity.problem.correct IS 'Those of them that were correct.';
COMMENT ON COLUMN activity.problem.first_is_correct IS 'Whether the very first attempt was correct.';
COMMENT ON COLUMN activity.problem.correct_at IS 'When an attempt was first correct.';
COMMENT ON COLUMN activity.problem.seconds_to_correct IS 'Seconds from the first attempt to that; 0 if the first was correct.';
COMMENT ON COLUMN activity.problem.score IS 'The most points that an attempt got.';
COMMENT ON COLUMN activity.problem.max_score IS 'Points that can be had.';
COMMENT ON COLUMN activity.problem.answers_shown IS 'Times that the answer was shown.';
COMMENT ON COLUMN activity.problem.shown_at IS 'When it was first shown.';
COMMENT ON COLUMN activity.problem.was_shown_before_correct IS 'Whether the answer was shown before the first correct attempt.';
COMMENT ON COLUMN activity.problem.source IS 'Always edx.';
COMMENT ON COLUMN activity.problem._origin IS 'The edX site.';

CREATE VIEW activity.person_video AS
SELECT
    l.person_id,
    d.account_id,
    d.source,
    c.course AS listed_course,
    d.course AS source_course,
    d.video,
    d.day,
    d.first_at,
    d.watched,
    d.unique_seconds,
    d.played_seconds,
    d.speed,
    r.role,
    d._origin
FROM activity.video AS d
INNER JOIN people.link AS l ON d.account_id = l.account_id
LEFT JOIN people.course_id AS c ON d.source = c.source AND d.course = c.source_course
CROSS JOIN LATERAL (SELECT coalesce(l.role, d.role) AS role) AS r
WHERE NOT people.is_staff(r.role);

COMMENT ON VIEW activity.person_video IS 'activity.video with the person of each account and the course of the institution''s list: a row for each account. Staff are left out; the table has them.';

CREATE VIEW activity.person_problem AS
SELECT
    l.person_id,
    d.account_id,
    d.source,
    c.course AS listed_course,
    d.course AS source_course,
    d.problem,
    d.first_at,
    d.last_at,
    d.attempts,
    d.correct,
    d.first_is_correct,
    d.correct_at,
    d.seconds_to_correct,
    d.score,
    d.max_score,
    d.answers_shown,
    d.shown_at,
    d.was_shown_before_correct,
    l.role,
    d._origin
FROM activity.problem AS d
INNER JOIN people.link AS l ON d.account_id = l.account_id
LEFT JOIN people.course_id AS c ON d.source = c.source AND d.course = c.source_course
WHERE NOT people.is_staff(l.role);

COMMENT ON VIEW activity.person_problem IS 'activity.problem with the person of each account and the course of the institution''s list: a row for each account. Staff are left out; the table has them.';

CREATE VIEW activity.person_session AS
SELECT
    l.person_id,
    d.account_id,
    d.source,
    c.course AS listed_course,
    d.course AS source_course,
    d.day,
    d.begun,
    d.ended,
    d.events,
    d.active_seconds,
    l.role,
    d._origin
FROM activity.session AS d
INNER JOIN people.link AS l ON d.account_id = l.account_id
LEFT JOIN people.course_id AS c ON d.source = c.source AND d.course = c.source_course
WHERE NOT people.is_staff(l.role);

COMMENT ON VIEW activity.person_session IS 'activity.session with the person of each account and the course of the institution''s list: a row for each account. Staff are left out; the table has them.';

-- The other columns are those of the table.
DO $$
DECLARE
    shared record;
BEGIN
    FOR shared IN
        SELECT v.relname, a.attname, d.comment
        FROM pg_class AS v
        INNER JOIN pg_attribute AS a ON a.attrelid = v.oid AND a.attnum > 0
        LEFT JOIN pg_class AS t
            ON t.relnamespace = v.relnamespace AND v.relname = 'person_' || t.relname
        LEFT JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attname = a.attname
        CROSS JOIN LATERAL (
            SELECT coalesce(
                CASE a.attname
                    WHEN 'role' THEN 'The role in the roster; where it says none, in Echo360''s rows of the day, or in Vocareum''s enrollment. edX''s logs tell no role: name its staff in the roster.'
                    WHEN 'person_id' THEN 'The person, a random id; see people.link.'
                    WHEN 'listed_course' THEN 'The course as the institution''s list (people.course) calls it; NULL where the list has no course for it.'
                    WHEN 'source_course' THEN 'The source''s own id of the course.'
                END,
                col_description(t.oid, c.attnum)
            ) AS comment
        ) AS d
        WHERE v.relnamespace = 'activity'::regnamespace
            AND v.relkind = 'v'
            AND col_description(v.oid, a.attnum) IS NULL
    LOOP
        EXECUTE format('COMMENT ON COLUMN activity.%I.%I IS %L', shared.relname, shared.attname, shared.comment);
    END LOOP;
END
$$;

-- What may be one course, for a person to look at.

CREATE VIEW people.course_proposal AS
WITH title AS (
    SELECT 'vocareum' AS source, _origin, course_id AS course, course_name AS title FROM vocareum.course_mapping
    UNION
    SELECT 'echo360', _origin, coalesce(course_code, course_id), course_name FROM echo360.viewsessions
    UNION
    SELECT 'echo360', _origin, coalesce(course_identifier, course_id), course_name FROM echo360.presentation
),

course AS (
    SELECT
        d.source,
        d._origin,
        d.course,
        min(t.title) AS title,
        min(d.day) AS first_day,
        max(d.day) AS last_day
    FROM activity.course_day AS d
    LEFT JOIN title AS t ON d.source = t.source AND d._origin = t._origin AND d.course = t.course
    WHERE d.course IS NOT NULL
    GROUP BY d.source, d._origin, d.course
),

code AS (
    SELECT
        c.*,
        substring(w.word FROM '\d{3,}') AS number,
        lower(substring(w.word FROM '^[[:alpha:]]+')) AS subject
    FROM course AS c
    CROSS JOIN LATERAL (
        VALUES
        (CASE WHEN c.source = 'edx' THEN split_part(translate(c.course, '/', '+'), '+', 2) ELSE c.course END),
        (substring(c.title FROM '[[:alpha:]]+[ -]?\d{3,}'))
    ) AS w (word)
),

pair AS (
    SELECT
        a.source,
        a._origin,
        a.course,
        a.title,
        b.source AS other_source,
        b._origin AS other_origin,
        b.course AS other_course,
        b.title AS other_title,
        bool_or(a.number = b.number AND coalesce(a.subject = b.subject, TRUE)) AS is_same_number,
        bool_or(lower(btrim(a.title)) = lower(btrim(b.title))) AS is_same_title
    FROM code AS a
    INNER JOIN code AS b
        ON a.source < b.source AND a.first_day <= b.last_day AND b.first_day <= a.last_day
    GROUP BY a.source, a._origin, a.course, a.title, b.source, b._origin, b.course, b.title
)

SELECT
    p.source,
    p._origin,
    p.course,
    p.title,
    p.other_source,
    p.other_origin,
    p.other_course,
    p.other_title,
    CASE
        WHEN p.is_same_number AND p.is_same_title THEN 'number and title'
        WHEN p.is_same_number THEN 'number'
        ELSE 'title'
    END AS shared
FROM pair AS p
LEFT JOIN people.course_id AS a ON p.source = a.source AND p.course = a.source_course
LEFT JOIN people.course_id AS b ON p.other_source = b.source AND p.other_course = b.source_course
WHERE (p.is_same_number OR p.is_same_title) AND (a.course IS NULL OR b.course IS NULL);

COMMENT ON VIEW people.course_proposal IS 'Courses of two sources that may be the same: they were active on some of the same days and share a number or the title. Nothing is mapped by it: to confirm one, add a row with both ids to your list of courses.';
COMMENT ON COLUMN people.course_proposal.source IS 'edx, echo360 or vocareum.';
COMMENT ON COLUMN people.course_proposal._origin IS 'The edX site, the Echo360 host or the Vocareum org.';
COMMENT ON COLUMN people.course_proposal.course IS 'The source''s id of the course.';
COMMENT ON COLUMN people.course_proposal.title IS 'Its title there; edX''s logs tell none.';
COMMENT ON COLUMN people.course_proposal.other_source IS 'The other source.';
COMMENT ON COLUMN people.course_proposal.other_origin IS 'Its edX site, Echo360 host or Vocareum org.';
COMMENT ON COLUMN people.course_proposal.other_course IS 'Its id of the course.';
COMMENT ON COLUMN people.course_proposal.other_title IS 'The title there.';
COMMENT ON COLUMN people.course_proposal.shared IS 'What they share: number, title, or both. A number is three digits or more, in the id or in the title, with the same letters before it where both have some.';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'learning_warehouse_reader') THEN
        CALL ops.let_read('learning_warehouse_reader');
    END IF;
END
$$;
