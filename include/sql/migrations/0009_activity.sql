-- depends: 0008_people

-- Who learned what, when: the same words for the same things over all three sources.

CREATE SCHEMA activity;

COMMENT ON SCHEMA activity IS 'Learning activity over all sources, computed by the DAG learning_activity from the vendors'' tables, for the days that changed.';

CREATE FUNCTION activity.is_deed(event_source text, event_kind text, event_type text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN event_source IS DISTINCT FROM 'task'
    AND (
        event_kind IS DISTINCT FROM 'implicit'
        OR event_type !~ '/(heartbeat|event|handler|xblock|modx|api|static|jsi18n|user_api|save_user_state|transcript)(/|$)'
    );

COMMENT ON FUNCTION activity.is_deed(text, text, text) IS 'Whether an edX event is something that a person did: not a task, the server''s heartbeat or a request that a page makes by itself.';

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
COMMENT ON COLUMN activity.course_day.video_seconds IS 'Seconds of videos that were played, on the day on which they began. edX: from each play to the next event of the video; a seek while it plays begins anew; never more than the time that went by, times the speed. Where no event tells the position, to the account''s next event within 30 minutes. Echo360: 30 for each beat, and the union of the intervals of each session of the player.';
COMMENT ON COLUMN activity.course_day.attempts IS 'Answers that edX''s server checked; one that was logged under both names (until July 2013) counts once.';
COMMENT ON COLUMN activity.course_day.correct IS 'Those of them that were correct.';
COMMENT ON COLUMN activity.course_day.answers_shown IS 'Times that the answer of a problem was shown.';
COMMENT ON COLUMN activity.course_day.lab_seconds IS 'Seconds in labs between start and end, overlapping ones once, split at UTC midnight; what goes beyond the day after its launch is left out, and a lab without an end counts nothing.';
COMMENT ON COLUMN activity.course_day.polls IS 'Responses to polls that were given or changed.';
COMMENT ON COLUMN activity.course_day.posts IS 'Questions and answers that were written or changed; at edX threads, responses and comments of the forum that were created.';
COMMENT ON COLUMN activity.course_day.slides IS 'Slide decks that were opened.';
COMMENT ON COLUMN activity.course_day.source IS 'edx, echo360 or vocareum.';
COMMENT ON COLUMN activity.course_day._origin IS 'The edX site, the Echo360 host or the Vocareum org.';

CREATE VIEW activity.person_course_day AS
SELECT
    l.person_id,
    d.account_id,
    d.source,
    CASE d.source
        WHEN 'edx' THEN (SELECT min(c.course) FROM people.course AS c WHERE c.edx_course_id = d.course)
        WHEN 'vocareum' THEN (SELECT min(c.course) FROM people.course AS c WHERE c.vocareum_course_id = d.course)
        ELSE (SELECT min(c.course) FROM people.course AS c WHERE c.echo360_course_identifier = d.course)
    END AS listed_course,
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
    d._origin
FROM activity.course_day AS d
INNER JOIN people.link AS l ON d.account_id = l.account_id;

COMMENT ON VIEW activity.person_course_day IS 'activity.course_day with the person of each account and the course of the institution''s list: a row for each account, so sum over the accounts of a person.';
COMMENT ON COLUMN activity.person_course_day.person_id IS 'The person, a random id; see people.link.';
COMMENT ON COLUMN activity.person_course_day.listed_course IS 'The course as the institution''s list (people.course) calls it; NULL where the list has no course for it.';
COMMENT ON COLUMN activity.person_course_day.source_course IS 'The source''s own id of the course.';

-- The other columns are those of the table.
DO $$
DECLARE
    shared record;
BEGIN
    FOR shared IN
        SELECT a.attname, col_description(t.attrelid, t.attnum) AS comment
        FROM pg_attribute AS a
        INNER JOIN pg_attribute AS t
            ON t.attrelid = 'activity.course_day'::regclass AND a.attname = t.attname AND t.attnum > 0
        WHERE a.attrelid = 'activity.person_course_day'::regclass AND a.attnum > 0
    LOOP
        EXECUTE format(
            'COMMENT ON COLUMN activity.person_course_day.%I IS %L', shared.attname, shared.comment
        );
    END LOOP;
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'learning_warehouse_reader') THEN
        CALL ops.let_read('learning_warehouse_reader');
    END IF;
END
$$;
