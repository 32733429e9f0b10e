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

CREATE TABLE activity.lab (
    account_id bigint NOT NULL REFERENCES people.account (account_id) ON DELETE CASCADE,
    course text,
    assignment text,
    part text,
    day date NOT NULL,
    first_at timestamptz,
    last_at timestamptz,
    sessions bigint NOT NULL,
    seconds numeric NOT NULL,
    without_end bigint NOT NULL,
    disconnects bigint NOT NULL,
    source text NOT NULL,
    _origin text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (source, _origin, day, account_id, course, assignment, part)
);

CREATE INDEX lab_account ON activity.lab (account_id, day);

COMMENT ON TABLE activity.lab IS 'Labs of an account in a part of an assignment on a UTC day. What they cost: activity.lab_cost.';
COMMENT ON COLUMN activity.lab.account_id IS 'The account; activity.person_lab has its person.';
COMMENT ON COLUMN activity.lab.course IS 'Vocareum id of course.';
COMMENT ON COLUMN activity.lab.assignment IS 'Vocareum id of assignment.';
COMMENT ON COLUMN activity.lab.part IS 'Vocareum id of part.';
COMMENT ON COLUMN activity.lab.day IS 'The UTC day.';
COMMENT ON COLUMN activity.lab.first_at IS 'When the first lab of the day was launched; NULL where all of the day''s time comes from the day before.';
COMMENT ON COLUMN activity.lab.last_at IS 'When the last one was launched.';
COMMENT ON COLUMN activity.lab.sessions IS 'Labs launched. Of a session that is in the files of two days, the later file counts.';
COMMENT ON COLUMN activity.lab.seconds IS 'Seconds between start and end, of overlapping sessions once, split at UTC midnight. Vocareum does not tell how much of it the lab was idle. What goes beyond the day after the launch is left out.';
COMMENT ON COLUMN activity.lab.without_end IS 'Those of the sessions that have no end, and so no seconds.';
COMMENT ON COLUMN activity.lab.disconnects IS 'How often the user was disconnected in the sessions that began on the day.';
COMMENT ON COLUMN activity.lab.source IS 'Always vocareum.';
COMMENT ON COLUMN activity.lab._origin IS 'The Vocareum org.';

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

CREATE VIEW activity.whole_since AS
SELECT
    split_part(dataset, '.', 1) AS source,
    max(first_day) AS first_day
FROM ops.kept_since
WHERE dataset IN ('edx.event', 'vocareum.lab_sessions') OR dataset LIKE 'echo360.%'
GROUP BY split_part(dataset, '.', 1);

COMMENT ON VIEW activity.whole_since IS 'From which day on the rows are all there from which the tables of activity are computed; days before it are not computed again, and stay as they are. A source of which all is kept has no line.';
COMMENT ON COLUMN activity.whole_since.source IS 'edx, echo360 or vocareum.';
COMMENT ON COLUMN activity.whole_since.first_day IS 'The UTC day.';

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

CREATE VIEW activity.person_lab AS
SELECT
    l.person_id,
    d.account_id,
    d.source,
    c.course AS listed_course,
    d.course AS source_course,
    d.assignment,
    d.part,
    d.day,
    d.first_at,
    d.last_at,
    d.sessions,
    d.seconds,
    d.without_end,
    d.disconnects,
    r.role,
    d._origin
FROM activity.lab AS d
INNER JOIN people.link AS l ON d.account_id = l.account_id
LEFT JOIN people.course_id AS c ON d.source = c.source AND d.course = c.source_course
LEFT JOIN people.enrolled_as AS e ON d.account_id = e.account_id AND d.course = e.course
CROSS JOIN LATERAL (SELECT coalesce(l.role, e.role) AS role) AS r
WHERE NOT people.is_staff(r.role);

COMMENT ON VIEW activity.person_lab IS 'activity.lab with the person of each account and the course of the institution''s list: a row for each account. Staff are left out; the table has them.';

CREATE VIEW activity.lab_cost AS
SELECT
    a.account_id,
    c.course_id::text AS course,
    c.assignment_id::text AS assignment,
    c.part_id::text AS part,
    c.day,
    sum(c.cost_change) AS cost,
    'vocareum' AS source,
    c._origin
FROM (
    SELECT user_id, user_email, course_id, assignment_id, part_id, day, cost_change, _origin
    FROM vocareum.aws_cost_change
    UNION ALL
    SELECT user_id, user_email, course_id, assignment_id, part_id, day, cost_change, _origin
    FROM vocareum.azure_cost_change
) AS c
INNER JOIN people.account AS a
    ON a.source = 'vocareum'
        AND c._origin = a._origin
        AND CASE WHEN c.user_id ~ '^\d+$' THEN 'user_id' ELSE 'email' END = a.kind
        AND CASE WHEN c.user_id ~ '^\d+$' THEN c.user_id ELSE people.address(c.user_email) END = a.value
WHERE c.cost_change <> 0
GROUP BY a.account_id, c.course_id, c.assignment_id, c.part_id, c.day, c._origin;

COMMENT ON VIEW activity.lab_cost IS 'What an account''s labs cost on a day. A view, for a file that comes late changes the difference of the file after it, however many days later that is.';
COMMENT ON COLUMN activity.lab_cost.account_id IS 'The account; activity.person_lab_cost has its person.';
COMMENT ON COLUMN activity.lab_cost.course IS 'Vocareum id of course, by vocareum.part; NULL for a part that Vocareum''s mapping does not have.';
COMMENT ON COLUMN activity.lab_cost.assignment IS 'Vocareum id of assignment.';
COMMENT ON COLUMN activity.lab_cost.part IS 'Vocareum id of part.';
COMMENT ON COLUMN activity.lab_cost.day IS 'The day of the file in which the cost came.';
COMMENT ON COLUMN activity.lab_cost.cost IS 'Dollars: what the counters of AWS and Azure rose by since the file before.';
COMMENT ON COLUMN activity.lab_cost.source IS 'Always vocareum.';
COMMENT ON COLUMN activity.lab_cost._origin IS 'The Vocareum org.';

CREATE VIEW activity.person_lab_cost AS
SELECT
    l.person_id,
    d.account_id,
    d.source,
    c.course AS listed_course,
    d.course AS source_course,
    d.assignment,
    d.part,
    d.day,
    d.cost,
    l.role,
    d._origin
FROM activity.lab_cost AS d
INNER JOIN people.link AS l ON d.account_id = l.account_id
LEFT JOIN people.course_id AS c ON d.source = c.source AND d.course = c.source_course
WHERE NOT people.is_staff(l.role);

COMMENT ON VIEW activity.person_lab_cost IS 'activity.lab_cost with the person of each account and the course of the institution''s list. Staff are left out.';

CREATE VIEW activity.assignment AS
WITH vocareum AS (
    SELECT DISTINCT ON (g._origin, a.account_id, g.courseid, g.asnid)
        a.account_id,
        g.courseid::text AS course,
        g.asnid::text AS assignment,
        g.asnname AS title,
        g.asnscore AS score,
        g.maxscore AS max_score,
        max(g.submission) OVER one AS submissions,
        max(g.submission_time) OVER one AS submitted_at,
        coalesce(g.isoverride, FALSE) AS is_overridden,
        g._origin
    FROM vocareum.grades AS g
    INNER JOIN people.account AS a
        ON a.source = 'vocareum' AND a.kind = 'user_id' AND g._origin = a._origin AND g.userid = a.value
    WINDOW one AS (PARTITION BY g._origin, a.account_id, g.courseid, g.asnid)
    ORDER BY
        g._origin ASC,
        a.account_id ASC,
        g.courseid ASC,
        g.asnid ASC,
        g.submission DESC NULLS LAST,
        g.submission_time DESC NULLS LAST,
        g._row DESC
),

calculated AS (
    SELECT DISTINCT ON (_origin, event_user_id, event_course_id, block_id)
        _origin,
        event_user_id,
        event_course_id,
        block_id,
        weighted_graded_earned,
        weighted_graded_possible
    FROM edx.grade_change
    WHERE event_kind = 'edx.grades.subsection.grade_calculated'
    ORDER BY
        _origin ASC, event_user_id ASC, event_course_id ASC, block_id ASC, time DESC, event_hash DESC
),

overridden AS (
    SELECT DISTINCT ON (_origin, event_user_id, event_course_id, block_id)
        _origin,
        event_user_id,
        event_course_id,
        block_id,
        override_deleted
    FROM edx.grade_change
    WHERE event_kind = 'edx.grades.subsection.score_overridden'
    ORDER BY
        _origin ASC, event_user_id ASC, event_course_id ASC, block_id ASC, time DESC, event_hash DESC
)

SELECT
    account_id,
    course,
    assignment,
    title,
    score,
    max_score,
    submissions,
    submitted_at,
    is_overridden,
    'vocareum' AS source,
    _origin
FROM vocareum
UNION ALL
SELECT
    u.account_id,
    c.event_course_id,
    c.block_id,
    NULL,
    c.weighted_graded_earned,
    c.weighted_graded_possible,
    NULL,
    NULL,
    o.block_id IS NOT NULL AND o.override_deleted IS NOT TRUE,
    'edx',
    c._origin
FROM calculated AS c
INNER JOIN people.edx_user AS u ON c._origin = u._origin AND c.event_user_id::text = u.user_id
LEFT JOIN overridden AS o
    ON c._origin = o._origin
        AND c.event_user_id = o.event_user_id
        AND c.event_course_id = o.event_course_id
        AND c.block_id = o.block_id
WHERE c.weighted_graded_possible > 0;

COMMENT ON VIEW activity.assignment IS 'The grade of an account for an assignment. Vocareum: as of the newest grades.csv of the course, a row for each assignment, where vocareum.grades has one for each rubric of each part of each submission; who has a masked id is not here. edX: the grade of a graded subsection that was calculated last, of users of whom there is any event.';
COMMENT ON COLUMN activity.assignment.account_id IS 'The account; activity.person_assignment has its person.';
COMMENT ON COLUMN activity.assignment.course IS 'The source''s own id of the course.';
COMMENT ON COLUMN activity.assignment.assignment IS 'Vocareum id of assignment; at edX the id of the subsection''s block.';
COMMENT ON COLUMN activity.assignment.title IS 'name of assignment; edX''s events tell none.';
COMMENT ON COLUMN activity.assignment.score IS 'Vocareum: score for the assignment, of the last submission. edX: weighted_graded_earned.';
COMMENT ON COLUMN activity.assignment.max_score IS 'highest score a user can receive; at edX weighted_graded_possible.';
COMMENT ON COLUMN activity.assignment.submissions IS 'How often it was submitted: the number of the last submission. NULL at edX.';
COMMENT ON COLUMN activity.assignment.submitted_at IS 'when it was last submitted. NULL at edX.';
COMMENT ON COLUMN activity.assignment.is_overridden IS 'Whether a teacher has set the grade.';
COMMENT ON COLUMN activity.assignment.source IS 'vocareum or edx.';
COMMENT ON COLUMN activity.assignment._origin IS 'The Vocareum org or the edX site.';

CREATE VIEW activity.person_assignment AS
SELECT
    l.person_id,
    d.account_id,
    d.source,
    c.course AS listed_course,
    d.course AS source_course,
    d.assignment,
    d.title,
    d.score,
    d.max_score,
    d.submissions,
    d.submitted_at,
    d.is_overridden,
    r.role,
    d._origin
FROM activity.assignment AS d
INNER JOIN people.link AS l ON d.account_id = l.account_id
LEFT JOIN people.course_id AS c ON d.source = c.source AND d.course = c.source_course
LEFT JOIN people.enrolled_as AS e ON d.account_id = e.account_id AND d.course = e.course
CROSS JOIN LATERAL (SELECT coalesce(l.role, e.role) AS role) AS r
WHERE NOT people.is_staff(r.role);

COMMENT ON VIEW activity.person_assignment IS 'activity.assignment with the person of each account and the course of the institution''s list. Staff are left out.';

CREATE VIEW activity.attendance AS
WITH step AS (
    SELECT
        v.*,
        a.account_id,
        upper(v.event) = 'JOIN' AS is_join,
        lead(v.event_timestamp) OVER (
            PARTITION BY v._origin, a.account_id, v.media_id, v.scope
            ORDER BY v.event_timestamp, v._delivery, v._row
        ) AS next_at,
        max(v.event_timestamp) OVER (
            PARTITION BY v._origin, a.account_id, v.media_id
            ORDER BY v.event_timestamp
            RANGE BETWEEN CURRENT ROW AND '4 hours'::interval FOLLOWING
        ) AS last_seen
    FROM echo360.liveviews AS v
    INNER JOIN people.account AS a
        ON a.source = 'echo360'
            AND v._origin = a._origin
            AND CASE WHEN v.user_id IS NULL THEN 'email' ELSE 'user_id' END = a.kind
            AND coalesce(v.user_id, people.address(v.user_email)) = a.value
),

stay AS (
    SELECT
        *,
        (event_timestamp AT TIME ZONE 'UTC')::date AS day,
        tstzrange(
            event_timestamp,
            CASE WHEN next_at <= event_timestamp + interval '4 hours' THEN next_at ELSE last_seen END
        ) AS span
    FROM step
    WHERE is_join
)

SELECT
    account_id,
    media_id::text AS video,
    max(media_name) AS title,
    day,
    min(event_timestamp) AS first_at,
    count(*) AS joins,
    activity.seconds_in(range_agg(span)) AS seconds,
    coalesce(
        activity.seconds_in(range_agg(span) FILTER (WHERE upper(scope) = 'LIVE_STREAM')), 0
    ) AS stream_seconds,
    (array_agg(user_role::text ORDER BY people.is_staff(user_role) DESC, user_role ASC))[1] AS role,
    'echo360' AS source,
    _origin
FROM stay
GROUP BY account_id, media_id, day, _origin;

COMMENT ON VIEW activity.attendance IS 'How long an account attended a live lecture of Echo360. The report tells no course.';
COMMENT ON COLUMN activity.attendance.account_id IS 'The account; activity.person_attendance has its person.';
COMMENT ON COLUMN activity.attendance.video IS 'Media identifier.';
COMMENT ON COLUMN activity.attendance.title IS 'Name of the media; of several names the last of the alphabet.';
COMMENT ON COLUMN activity.attendance.day IS 'The UTC day of the JOIN.';
COMMENT ON COLUMN activity.attendance.first_at IS 'The first JOIN of the day.';
COMMENT ON COLUMN activity.attendance.joins IS 'How often the account joined, the classroom or the live stream in it.';
COMMENT ON COLUMN activity.attendance.seconds IS 'Seconds from each JOIN to the next event of its scope; the time in the classroom and with the live stream in it counts once. Where none comes within 4 hours, to the account''s last event of the media in that time. A LEAVE without a JOIN counts nothing.';
COMMENT ON COLUMN activity.attendance.stream_seconds IS 'Those of them in which the live stream was shown.';
COMMENT ON COLUMN activity.attendance.role IS 'The account''s role in these rows, one of staff before others.';
COMMENT ON COLUMN activity.attendance.source IS 'Always echo360.';
COMMENT ON COLUMN activity.attendance._origin IS 'The Echo360 host.';

CREATE VIEW activity.person_attendance AS
SELECT
    l.person_id,
    d.account_id,
    d.source,
    d.video,
    d.title,
    d.day,
    d.first_at,
    d.joins,
    d.seconds,
    d.stream_seconds,
    r.role,
    d._origin
FROM activity.attendance AS d
INNER JOIN people.link AS l ON d.account_id = l.account_id
CROSS JOIN LATERAL (SELECT coalesce(l.role, d.role) AS role) AS r
WHERE NOT people.is_staff(r.role);

COMMENT ON VIEW activity.person_attendance IS 'activity.attendance with the person of each account. Staff are left out.';

CREATE VIEW activity.video_segment AS
SELECT
    v.course,
    v.video,
    s.n * 5 AS from_second,
    count(DISTINCT v.account_id) AS viewers,
    count(DISTINCT (v.account_id, v.day)) AS views,
    v.source,
    v._origin
FROM activity.video AS v
CROSS JOIN LATERAL unnest(v.watched * '{[0,86400)}') AS part (part)
CROSS JOIN LATERAL generate_series(
    floor(lower(part.part) / 5)::integer, ceil(upper(part.part) / 5)::integer - 1
) AS s (n)
GROUP BY v.course, v.video, s.n, v.source, v._origin;

COMMENT ON VIEW activity.video_segment IS 'How many watched each 5 seconds of a video, on all days together, staff included. Beyond 24 hours from its beginning nothing is counted.';
COMMENT ON COLUMN activity.video_segment.course IS 'The source''s own id of the course.';
COMMENT ON COLUMN activity.video_segment.video IS 'edX: id of the video. Echo360: media identifier.';
COMMENT ON COLUMN activity.video_segment.from_second IS 'Where in the video the 5 seconds begin.';
COMMENT ON COLUMN activity.video_segment.viewers IS 'How many accounts watched some of them.';
COMMENT ON COLUMN activity.video_segment.views IS 'The same, each account once for each day on which it did.';
COMMENT ON COLUMN activity.video_segment.source IS 'edx or echo360.';
COMMENT ON COLUMN activity.video_segment._origin IS 'The edX site or the Echo360 host.';

CREATE VIEW activity.course AS
WITH changed AS (
    SELECT DISTINCT ON (_origin, event_user_id, event_course_id)
        _origin,
        event_user_id,
        event_course_id,
        event_kind <> 'edx.course.enrollment.deactivated' AS is_enrolled,
        mode
    FROM edx.enrollment_change
    ORDER BY _origin ASC, event_user_id ASC, event_course_id ASC, time DESC, event_hash DESC
),

enrolled AS (
    SELECT
        a.account_id,
        e.courseid::text AS course,
        bool_or(e.dropped IS NOT TRUE) AS is_enrolled,
        NULL AS mode,
        a.source,
        a._origin
    FROM vocareum.enrollment AS e
    INNER JOIN people.account AS a
        ON a.source = 'vocareum' AND a.kind = 'user_id' AND e._origin = a._origin AND e.userid = a.value
    GROUP BY a.account_id, e.courseid, a.source, a._origin
    UNION ALL
    SELECT
        u.account_id,
        c.event_course_id,
        c.is_enrolled,
        c.mode,
        'edx',
        c._origin
    FROM changed AS c
    INNER JOIN people.edx_user AS u ON c._origin = u._origin AND c.event_user_id::text = u.user_id
),

told AS (
    SELECT
        account_id,
        course,
        CASE WHEN events > 0 THEN day END AS day,
        first_at,
        last_at,
        attempts,
        correct,
        role,
        source,
        _origin,
        NULL AS is_enrolled,
        NULL AS mode
    FROM activity.course_day
    UNION ALL
    SELECT account_id, course, NULL, NULL, NULL, 0, 0, NULL, source, _origin, is_enrolled, mode
    FROM enrolled
),

total AS (
    SELECT
        account_id,
        course,
        bool_or(is_enrolled) AS is_enrolled,
        max(mode) AS mode,
        min(first_at) AS first_at,
        max(last_at) AS last_at,
        count(day) AS active_days,
        count(DISTINCT date_trunc('week', day)) AS active_weeks,
        max(max(day)) OVER (PARTITION BY source, _origin, course) - max(day) AS days_since,
        sum(attempts)::bigint AS attempts,
        sum(correct)::bigint AS correct,
        (array_agg(role ORDER BY people.is_staff(role) DESC, role ASC) FILTER (WHERE role IS NOT NULL))[1] AS role,
        source,
        _origin
    FROM told
    GROUP BY account_id, course, source, _origin
)

SELECT
    account_id,
    course,
    is_enrolled,
    mode,
    first_at,
    last_at,
    active_days,
    active_weeks,
    days_since,
    attempts,
    correct,
    CASE WHEN is_enrolled IS NOT FALSE THEN array_remove(
        ARRAY[
            CASE WHEN active_days = 0 THEN 'enrolled, and never active' END,
            CASE WHEN days_since >= 14 THEN format('not active for %s days', days_since) END,
            CASE WHEN attempts >= 10 AND correct * 2 < attempts THEN format('%s of %s attempts correct', correct, attempts) END
        ],
        NULL
    ) ELSE '{}' END AS reasons,
    role,
    source,
    _origin
FROM total;

COMMENT ON VIEW activity.course IS 'An account in a course, on all days together. Who is enrolled at Vocareum is here without any activity, too, and who is at edX if there is any event of the user.';
COMMENT ON COLUMN activity.course.account_id IS 'The account; activity.person_course has its person.';
COMMENT ON COLUMN activity.course.course IS 'The source''s own id of the course, as in activity.course_day.';
COMMENT ON COLUMN activity.course.is_enrolled IS 'Vocareum: whether the newest enrollment.csv has the account in the course, and not as dropped. edX: what the last change of the enrollment says. NULL where nothing says it, as at Echo360.';
COMMENT ON COLUMN activity.course.mode IS 'edX: mode of the enrollment, such as audit, honor, verified.';
COMMENT ON COLUMN activity.course.first_at IS 'When the account first did something in the course.';
COMMENT ON COLUMN activity.course.last_at IS 'When it last did something.';
COMMENT ON COLUMN activity.course.active_days IS 'On how many UTC days it did something.';
COMMENT ON COLUMN activity.course.active_weeks IS 'In how many weeks, from Monday to Sunday.';
COMMENT ON COLUMN activity.course.days_since IS 'Days from its last day to the last day on which anybody did something in the course.';
COMMENT ON COLUMN activity.course.attempts IS 'Answers that edX''s server checked.';
COMMENT ON COLUMN activity.course.correct IS 'Those of them that were correct.';
COMMENT ON COLUMN activity.course.reasons IS 'Reasons to look at it, with the numbers; empty if there is none, and for who dropped the course. Enrolled, and never active. Not active for 14 days or more (days_since). Less than half of 10 attempts or more correct.';
COMMENT ON COLUMN activity.course.role IS 'The account''s role in Echo360''s rows, one of staff before others.';
COMMENT ON COLUMN activity.course.source IS 'edx, echo360 or vocareum.';
COMMENT ON COLUMN activity.course._origin IS 'The edX site, the Echo360 host or the Vocareum org.';

CREATE VIEW activity.person_course AS
SELECT
    l.person_id,
    d.account_id,
    d.source,
    c.course AS listed_course,
    d.course AS source_course,
    d.is_enrolled,
    d.mode,
    d.first_at,
    d.last_at,
    d.active_days,
    d.active_weeks,
    d.days_since,
    d.attempts,
    d.correct,
    d.reasons,
    r.role,
    d._origin
FROM activity.course AS d
INNER JOIN people.link AS l ON d.account_id = l.account_id
LEFT JOIN people.course_id AS c ON d.source = c.source AND d.course = c.source_course
LEFT JOIN people.enrolled_as AS e ON d.account_id = e.account_id AND d.course = e.course
CROSS JOIN LATERAL (SELECT coalesce(l.role, d.role, e.role) AS role) AS r
WHERE NOT people.is_staff(r.role);

COMMENT ON VIEW activity.person_course IS 'activity.course with the person of each account and the course of the institution''s list: a row for each account. Staff are left out.';

CREATE VIEW activity.course_week AS
WITH told AS (
    SELECT
        coalesce(listed_course, source_course) AS course,
        date_trunc('week', day)::date AS week,
        person_id,
        source,
        active_seconds,
        video_seconds,
        lab_seconds,
        attempts,
        correct,
        polls,
        posts,
        0 AS cost
    FROM activity.person_course_day
    UNION ALL
    SELECT
        coalesce(listed_course, source_course),
        date_trunc('week', day)::date,
        NULL,
        NULL,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        cost
    FROM activity.person_lab_cost
)

SELECT
    course,
    week,
    count(DISTINCT person_id) AS learners,
    count(DISTINCT person_id) FILTER (WHERE source = 'edx') AS edx_learners,
    count(DISTINCT person_id) FILTER (WHERE source = 'echo360') AS echo360_learners,
    count(DISTINCT person_id) FILTER (WHERE source = 'vocareum') AS vocareum_learners,
    round(sum(active_seconds) / 3600, 2) AS active_hours,
    round(sum(video_seconds) / 3600, 2) AS video_hours,
    round(sum(lab_seconds) / 3600, 2) AS lab_hours,
    sum(attempts)::bigint AS attempts,
    sum(correct)::bigint AS correct,
    sum(polls)::bigint AS polls,
    sum(posts)::bigint AS posts,
    sum(cost) AS cost
FROM told
GROUP BY course, week;

COMMENT ON VIEW activity.course_week IS 'A week of a course at a glance, over all sources, without staff.';
COMMENT ON COLUMN activity.course_week.course IS 'The course as the institution''s list calls it, or else the source''s own id; NULL outside of any course.';
COMMENT ON COLUMN activity.course_week.week IS 'The Monday with which the week begins, in UTC.';
COMMENT ON COLUMN activity.course_week.learners IS 'How many people did something.';
COMMENT ON COLUMN activity.course_week.edx_learners IS 'Those of them who did something at edX.';
COMMENT ON COLUMN activity.course_week.echo360_learners IS 'Those of them who did something at Echo360.';
COMMENT ON COLUMN activity.course_week.vocareum_learners IS 'Those of them who did something at Vocareum.';
COMMENT ON COLUMN activity.course_week.active_hours IS 'Hours of activity at edX and Echo360, see activity.course_day.';
COMMENT ON COLUMN activity.course_week.video_hours IS 'Hours of videos that were played.';
COMMENT ON COLUMN activity.course_week.lab_hours IS 'Hours in labs.';
COMMENT ON COLUMN activity.course_week.attempts IS 'Answers that edX''s server checked.';
COMMENT ON COLUMN activity.course_week.correct IS 'Those of them that were correct.';
COMMENT ON COLUMN activity.course_week.polls IS 'Responses to polls.';
COMMENT ON COLUMN activity.course_week.posts IS 'Questions, answers and posts of the forum.';
COMMENT ON COLUMN activity.course_week.cost IS 'Dollars that the labs of these learners cost.';
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
