-- depends: 0011_erasure

-- What learners did, without names, for research: a random pseudonym for each person and purpose.

CREATE SCHEMA research;

COMMENT ON SCHEMA research IS 'What learners did, for research: pseudonyms in place of people, days and hours in place of times, no text and no address. Only for the roles that are purposes.';

CREATE TABLE stewardship.purpose (
    purpose name PRIMARY KEY,
    smallest_cell integer NOT NULL CHECK (smallest_cell > 1),
    opened_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE stewardship.purpose IS 'For what people have pseudonyms. The DAG learning_activity opens a purpose and discards it.';
COMMENT ON COLUMN stewardship.purpose.purpose IS 'Its name, which is that of the role whose members see it.';
COMMENT ON COLUMN stewardship.purpose.smallest_cell IS 'Counts of fewer people than this are left out of what is summed up.';
COMMENT ON COLUMN stewardship.purpose.opened_at IS 'Since when it is there.';

CREATE TABLE stewardship.pseudonym (
    purpose name NOT NULL REFERENCES stewardship.purpose (purpose) ON DELETE CASCADE,
    person_id uuid NOT NULL,
    pseudonym uuid NOT NULL DEFAULT gen_random_uuid(),
    PRIMARY KEY (purpose, person_id)
);

COMMENT ON TABLE stewardship.pseudonym IS 'Who a pseudonym is. They are random, and of another purpose others. Without these lines nobody can go back from a pseudonym to a person.';
COMMENT ON COLUMN stewardship.pseudonym.purpose IS 'The purpose.';
COMMENT ON COLUMN stewardship.pseudonym.person_id IS 'The person, as in people.link.';
COMMENT ON COLUMN stewardship.pseudonym.pseudonym IS 'What the person is called for this purpose.';

-- current_user is who asks, also in a view that is read with its owner's rights.
CREATE VIEW stewardship.own_purpose AS
SELECT
    p.purpose,
    p.smallest_cell
FROM stewardship.purpose AS p
INNER JOIN pg_roles AS r ON p.purpose = r.rolname
WHERE pg_has_role(r.oid, 'USAGE');

COMMENT ON VIEW stewardship.own_purpose IS 'The purposes whose roles whoever asks is a member of.';
COMMENT ON COLUMN stewardship.own_purpose.purpose IS 'The purpose.';
COMMENT ON COLUMN stewardship.own_purpose.smallest_cell IS 'Its smallest cell.';

-- security_barrier: no function of the reader's sees a row before it is known to be the reader's.

CREATE VIEW research.course_day WITH (security_barrier) AS
SELECT
    s.purpose,
    s.pseudonym,
    d.source,
    d.listed_course,
    d.source_course,
    d.day,
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
FROM stewardship.own_purpose AS p
INNER JOIN stewardship.pseudonym AS s ON p.purpose = s.purpose
INNER JOIN activity.person_course_day AS d ON s.person_id = d.person_id;

CREATE VIEW research.video WITH (security_barrier) AS
SELECT
    s.purpose,
    s.pseudonym,
    d.source,
    d.listed_course,
    d.source_course,
    d.video,
    d.day,
    d.watched,
    d.unique_seconds,
    d.played_seconds,
    d.speed,
    d._origin
FROM stewardship.own_purpose AS p
INNER JOIN stewardship.pseudonym AS s ON p.purpose = s.purpose
INNER JOIN activity.person_video AS d ON s.person_id = d.person_id;

CREATE VIEW research.problem WITH (security_barrier) AS
SELECT
    s.purpose,
    s.pseudonym,
    d.source,
    d.listed_course,
    d.source_course,
    d.problem,
    (d.first_at AT TIME ZONE 'UTC')::date AS first_day,
    (d.last_at AT TIME ZONE 'UTC')::date AS last_day,
    d.attempts,
    d.correct,
    d.first_is_correct,
    d.seconds_to_correct,
    d.score,
    d.max_score,
    d.answers_shown,
    d.was_shown_before_correct,
    d._origin
FROM stewardship.own_purpose AS p
INNER JOIN stewardship.pseudonym AS s ON p.purpose = s.purpose
INNER JOIN activity.person_problem AS d ON s.person_id = d.person_id;

CREATE VIEW research.session WITH (security_barrier) AS
SELECT
    s.purpose,
    s.pseudonym,
    d.source,
    d.listed_course,
    d.source_course,
    d.day,
    date_trunc('hour', d.begun, 'UTC') AS begun_hour,
    d.events,
    d.active_seconds,
    d._origin
FROM stewardship.own_purpose AS p
INNER JOIN stewardship.pseudonym AS s ON p.purpose = s.purpose
INNER JOIN activity.person_session AS d ON s.person_id = d.person_id;

CREATE VIEW research.lab WITH (security_barrier) AS
SELECT
    s.purpose,
    s.pseudonym,
    d.source,
    d.listed_course,
    d.source_course,
    d.assignment,
    d.part,
    d.day,
    d.sessions,
    d.seconds,
    d.without_end,
    d.disconnects,
    d._origin
FROM stewardship.own_purpose AS p
INNER JOIN stewardship.pseudonym AS s ON p.purpose = s.purpose
INNER JOIN activity.person_lab AS d ON s.person_id = d.person_id;

CREATE VIEW research.assignment WITH (security_barrier) AS
SELECT
    s.purpose,
    s.pseudonym,
    d.source,
    d.listed_course,
    d.source_course,
    d.assignment,
    d.score,
    d.max_score,
    d.submissions,
    (d.submitted_at AT TIME ZONE 'UTC')::date AS submitted_day,
    d._origin
FROM stewardship.own_purpose AS p
INNER JOIN stewardship.pseudonym AS s ON p.purpose = s.purpose
INNER JOIN activity.person_assignment AS d ON s.person_id = d.person_id;

CREATE VIEW research.course_week WITH (security_barrier) AS
SELECT
    p.purpose,
    w.course,
    w.week,
    w.learners,
    CASE WHEN w.edx_learners >= p.smallest_cell THEN w.edx_learners END AS edx_learners,
    CASE WHEN w.echo360_learners >= p.smallest_cell THEN w.echo360_learners END AS echo360_learners,
    CASE WHEN w.vocareum_learners >= p.smallest_cell THEN w.vocareum_learners END AS vocareum_learners,
    CASE WHEN w.active_learners >= p.smallest_cell THEN w.active_hours END AS active_hours,
    CASE WHEN w.video_learners >= p.smallest_cell THEN w.video_hours END AS video_hours,
    CASE WHEN w.lab_learners >= p.smallest_cell THEN w.lab_hours END AS lab_hours,
    CASE WHEN w.attempt_learners >= p.smallest_cell THEN w.attempts END AS attempts,
    CASE WHEN w.attempt_learners >= p.smallest_cell THEN w.correct END AS correct,
    CASE WHEN w.poll_learners >= p.smallest_cell THEN w.polls END AS polls,
    CASE WHEN w.post_learners >= p.smallest_cell THEN w.posts END AS posts
FROM stewardship.own_purpose AS p
INNER JOIN (
    SELECT
        coalesce(listed_course, source_course) AS course,
        date_trunc('week', day)::date AS week,
        count(DISTINCT person_id) AS learners,
        count(DISTINCT person_id) FILTER (WHERE source = 'edx') AS edx_learners,
        count(DISTINCT person_id) FILTER (WHERE source = 'echo360') AS echo360_learners,
        count(DISTINCT person_id) FILTER (WHERE source = 'vocareum') AS vocareum_learners,
        count(DISTINCT person_id) FILTER (WHERE active_seconds > 0) AS active_learners,
        count(DISTINCT person_id) FILTER (WHERE video_seconds > 0) AS video_learners,
        count(DISTINCT person_id) FILTER (WHERE lab_seconds > 0) AS lab_learners,
        count(DISTINCT person_id) FILTER (WHERE attempts > 0) AS attempt_learners,
        count(DISTINCT person_id) FILTER (WHERE polls > 0) AS poll_learners,
        count(DISTINCT person_id) FILTER (WHERE posts > 0) AS post_learners,
        round(sum(active_seconds) / 3600, 2) AS active_hours,
        round(sum(video_seconds) / 3600, 2) AS video_hours,
        round(sum(lab_seconds) / 3600, 2) AS lab_hours,
        sum(attempts)::bigint AS attempts,
        sum(correct)::bigint AS correct,
        sum(polls)::bigint AS polls,
        sum(posts)::bigint AS posts
    FROM activity.person_course_day
    GROUP BY coalesce(listed_course, source_course), date_trunc('week', day)
) AS w ON w.learners >= p.smallest_cell;

CREATE VIEW research.video_segment WITH (security_barrier) AS
SELECT
    p.purpose,
    g.source,
    g.course,
    g.video,
    g.from_second,
    g.viewers,
    g.views,
    g._origin
FROM stewardship.own_purpose AS p
INNER JOIN activity.video_segment AS g ON g.viewers >= p.smallest_cell;

COMMENT ON VIEW research.course_day IS 'What a learner did in a course on a UTC day: a row for each account. Staff are left out.';
COMMENT ON VIEW research.video IS 'What a learner played of a video on a UTC day: a row for each account. Staff are left out.';
COMMENT ON VIEW research.problem IS 'What a learner did with a problem of edX, on all days together: a row for each account. Staff are left out.';
COMMENT ON VIEW research.session IS 'Sessions of a learner in a course of edX: a row for each account. Staff are left out.';
COMMENT ON VIEW research.lab IS 'Labs of a learner on a UTC day: a row for each account. Staff are left out.';
COMMENT ON VIEW research.assignment IS 'Scores of a learner''s assignments at Vocareum: a row for each account. Staff are left out.';
COMMENT ON VIEW research.course_week IS 'A week of a course over all sources, without staff; weeks of fewer learners than the purpose''s smallest cell are left out, and what fewer of them did is NULL.';
COMMENT ON VIEW research.video_segment IS 'How many watched each 5 seconds of a video, on all days together, staff included; where there were fewer than the purpose''s smallest cell, the row is left out.';

-- The other columns are those of activity.
DO $$
DECLARE
    told record;
BEGIN
    FOR told IN
        SELECT v.relname, a.attname,
            coalesce(
                CASE a.attname
                    WHEN 'purpose' THEN 'The purpose, a role.'
                    WHEN 'pseudonym' THEN 'The learner, by a random id that is of this purpose alone.'
                    WHEN 'begun_hour' THEN 'The hour in which it began, UTC.'
                    WHEN 'first_day' THEN 'The UTC day of the first attempt.'
                    WHEN 'last_day' THEN 'The UTC day of the last attempt.'
                    WHEN 'submitted_day' THEN 'The UTC day of the last submission.'
                END,
                col_description(t.oid, c.attnum)
            ) AS comment
        FROM pg_class AS v
        INNER JOIN pg_attribute AS a ON a.attrelid = v.oid AND a.attnum > 0
        LEFT JOIN pg_class AS t
            ON t.relnamespace = 'activity'::regnamespace
                AND t.relname IN (v.relname, 'person_' || v.relname)
                AND t.relkind = 'v'
                AND (t.relname LIKE 'person\_%' OR v.relname IN ('course_week', 'video_segment'))
        LEFT JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attname = a.attname
        WHERE v.relnamespace = 'research'::regnamespace
    LOOP
        EXECUTE format('COMMENT ON COLUMN research.%I.%I IS %L', told.relname, told.attname, told.comment);
    END LOOP;
END
$$;

CALL stewardship.classify('indirect', 'research.%', '
    pseudonym day begun_hour first_day last_day submitted_day
');
CALL stewardship.classify('none', 'research.%', '
    purpose _origin active_hours active_seconds answers_shown assignment attempts correct course
    disconnects echo360_learners edx_learners events first_is_correct from_second lab_hours lab_seconds
    learners listed_course max_score part played_seconds polls posts problem score seconds
    seconds_to_correct sessions slides source source_course speed submissions unique_seconds video
    video_hours video_seconds viewers views vocareum_learners was_shown_before_correct watched week
    without_end
');
CALL stewardship.classify('none', 'stewardship.purpose', 'purpose smallest_cell opened_at');
CALL stewardship.classify('none', 'stewardship.own_purpose', 'purpose smallest_cell');
CALL stewardship.classify('direct', 'stewardship.pseudonym', 'person_id');
CALL stewardship.classify('indirect', 'stewardship.pseudonym', 'pseudonym');
CALL stewardship.classify('none', 'stewardship.pseudonym', 'purpose');

CREATE PROCEDURE stewardship.let_research(researcher name)
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA research TO %I', researcher);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA research TO %I', researcher);
END
$$;

COMMENT ON PROCEDURE stewardship.let_research(name) IS 'Lets a role read the views of research, of which it sees the purposes that it is a member of. To be called by the owner of the tables or an administrator; again and again does no harm.';

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'learning_warehouse_researcher') THEN
        CREATE ROLE learning_warehouse_researcher NOLOGIN;
    END IF;
EXCEPTION
    -- The login may not, or the migrations of another database of this server were quicker.
    WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'learning_warehouse_researcher') THEN
        CALL stewardship.let_research('learning_warehouse_researcher');
    END IF;
END
$$;
