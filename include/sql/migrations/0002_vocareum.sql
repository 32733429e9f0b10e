-- depends: 0001_ops

-- Vocareum lab analytics. Comments are the vendor's words where it has any.

CREATE SCHEMA vocareum;

COMMENT ON SCHEMA vocareum IS 'Vocareum lab analytics: the files of s3://vocareum-us-west-2-lab-analytics/org{orgid}/.';

CREATE TABLE vocareum.lab_sessions (
    user_id ops.identifier,
    user_email ops.email,
    course_id ops.identifier,
    course_name text,
    assignment_id ops.identifier,
    assignment_name text,
    part_id ops.identifier,
    part_name text,
    lab_type text,
    start_time timestamptz,
    end_time timestamptz,
    duration_min numeric,
    log text,
    tags text,
    launch_time timestamptz,
    init_time timestamptz,
    launch_to_ready_duration_mins numeric,
    concurrent_labs_count integer,
    disconnects integer,
    latency_time_ms numeric,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb,
    _day date GENERATED ALWAYS AS ((coalesce(launch_time, start_time) AT TIME ZONE 'UTC')::date) STORED
);

CREATE INDEX lab_sessions_days ON vocareum.lab_sessions
USING brin (_delivery, launch_time) WITH (autosummarize = TRUE);

COMMENT ON TABLE vocareum.lab_sessions IS 'Records all lab types (VM, Container, Cloud): lab_sessions/lab_sessions_y-m-d.csv, a file for each UTC day. A session that runs over midnight may be in two of them.';
COMMENT ON COLUMN vocareum.lab_sessions.user_id IS 'Vocareum id of user.';
COMMENT ON COLUMN vocareum.lab_sessions.user_email IS 'email of user on Vocareum.';
COMMENT ON COLUMN vocareum.lab_sessions.course_id IS 'Vocareum id of course.';
COMMENT ON COLUMN vocareum.lab_sessions.course_name IS 'name of course.';
COMMENT ON COLUMN vocareum.lab_sessions.assignment_id IS 'Vocareum id of assignment.';
COMMENT ON COLUMN vocareum.lab_sessions.assignment_name IS 'name of assignment.';
COMMENT ON COLUMN vocareum.lab_sessions.part_id IS 'Vocareum id of part.';
COMMENT ON COLUMN vocareum.lab_sessions.part_name IS 'name of part.';
COMMENT ON COLUMN vocareum.lab_sessions.lab_type IS 'one of these options: Cloud, Container, Databricks, VM.';
COMMENT ON COLUMN vocareum.lab_sessions.start_time IS 'when EC2 instance is started.';
COMMENT ON COLUMN vocareum.lab_sessions.end_time IS 'time lab was ended.';
COMMENT ON COLUMN vocareum.lab_sessions.duration_min IS 'length of lab (end_time - start_time), in minutes.';
COMMENT ON COLUMN vocareum.lab_sessions.log IS 'event messages (e.g. LAUNCH initiated, START successful).';
COMMENT ON COLUMN vocareum.lab_sessions.tags IS 'only used internally by Vocareum.';
COMMENT ON COLUMN vocareum.lab_sessions.launch_time IS 'when "Start Lab" is clicked.';
COMMENT ON COLUMN vocareum.lab_sessions.init_time IS 'when lab is actually ready to use.';
COMMENT ON COLUMN vocareum.lab_sessions.launch_to_ready_duration_mins IS 'time it takes from launch time to init time, in minutes.';
COMMENT ON COLUMN vocareum.lab_sessions.concurrent_labs_count IS 'number of labs already started when user starts lab.';
COMMENT ON COLUMN vocareum.lab_sessions.disconnects IS 'number of times user gets disconnected.';
COMMENT ON COLUMN vocareum.lab_sessions.latency_time_ms IS 'estimated measure of user''s internet speed, in milliseconds.';
COMMENT ON COLUMN vocareum.lab_sessions._origin IS 'The Vocareum org, as in the bucket: org123.';
COMMENT ON COLUMN vocareum.lab_sessions._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN vocareum.lab_sessions._row IS 'The record''s ordinal in its file, from 1.';
COMMENT ON COLUMN vocareum.lab_sessions._extras IS 'What the file had and the table has no column for.';
COMMENT ON COLUMN vocareum.lab_sessions._day IS 'The UTC day on which the lab was launched, or else started. It may be the day before the file''s.';

CREATE TABLE vocareum.enrollment (
    userid ops.identifier NOT NULL,
    courseid ops.identifier NOT NULL,
    role ops.role,
    name text,
    email ops.email,
    client_key ops.identifier,
    client_userid ops.identifier,
    dropped boolean,
    organization_terms_agreed boolean,
    organization_terms_agreed_date_utc timestamptz,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX enrollment_delivery ON vocareum.enrollment (_delivery);

CREATE INDEX enrollment_user ON vocareum.enrollment (userid);

COMMENT ON TABLE vocareum.enrollment IS 'Who is enrolled in a course, as of the latest file: enrollment/course{courseid}/enrollment.csv, written every 24 hours.';
COMMENT ON COLUMN vocareum.enrollment.userid IS 'Vocareum id of user.';
COMMENT ON COLUMN vocareum.enrollment.courseid IS 'Vocareum id of course.';
COMMENT ON COLUMN vocareum.enrollment.role IS 'role of the user in the course, such as student.';
COMMENT ON COLUMN vocareum.enrollment.name IS 'name of the user; the vendor leaves it out of some rows.';
COMMENT ON COLUMN vocareum.enrollment.email IS 'email of the user.';
COMMENT ON COLUMN vocareum.enrollment.client_key IS 'key of the client (the LMS integration) through which the user came.';
COMMENT ON COLUMN vocareum.enrollment.client_userid IS 'id of the user at that client.';
COMMENT ON COLUMN vocareum.enrollment.dropped IS '1 if the user dropped the course.';
COMMENT ON COLUMN vocareum.enrollment.organization_terms_agreed IS '1 if the user agreed to the terms of the organization.';
COMMENT ON COLUMN vocareum.enrollment.organization_terms_agreed_date_utc IS 'when the user agreed to them, UTC.';
COMMENT ON COLUMN vocareum.enrollment._origin IS 'The Vocareum org, as in the bucket: org123.';
COMMENT ON COLUMN vocareum.enrollment._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN vocareum.enrollment._row IS 'The record''s ordinal in its file, from 1.';
COMMENT ON COLUMN vocareum.enrollment._extras IS 'What the file had and the table has no column for.';

CREATE TABLE vocareum.aws_cost (
    aws_account_id ops.identifier,
    user_id ops.identifier,
    user_email ops.email,
    part_id ops.identifier,
    part_name text,
    cost numeric,
    file_updated_time timestamptz,
    deactivation_date timestamptz,
    status_code text,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX aws_cost_delivery ON vocareum.aws_cost USING brin (_delivery) WITH (autosummarize = TRUE);

CREATE INDEX aws_cost_user ON vocareum.aws_cost (user_id);

COMMENT ON TABLE vocareum.aws_cost IS 'Spend accumulated per user: cloud_spend/aws_cost_y-m-d.csv, a file for each UTC day. Costs are counters: view vocareum.aws_cost_change has their differences.';
COMMENT ON COLUMN vocareum.aws_cost.aws_account_id IS 'AWS id of account assigned to user.';
COMMENT ON COLUMN vocareum.aws_cost.user_id IS 'Vocareum id of user.';
COMMENT ON COLUMN vocareum.aws_cost.user_email IS 'email of user on Vocareum.';
COMMENT ON COLUMN vocareum.aws_cost.part_id IS 'Vocareum id of part.';
COMMENT ON COLUMN vocareum.aws_cost.part_name IS 'name of part.';
COMMENT ON COLUMN vocareum.aws_cost.cost IS 'amount of dollars spent for this AWS account, accumulated.';
COMMENT ON COLUMN vocareum.aws_cost.file_updated_time IS 'when the file was updated.';
COMMENT ON COLUMN vocareum.aws_cost.deactivation_date IS 'when the AWS account was deactivated.';
COMMENT ON COLUMN vocareum.aws_cost.status_code IS 'one of https://help.vocareum.com/en/articles/7856424-aws-account-status-codes.';
COMMENT ON COLUMN vocareum.aws_cost._origin IS 'The Vocareum org, as in the bucket: org123.';
COMMENT ON COLUMN vocareum.aws_cost._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN vocareum.aws_cost._row IS 'The record''s ordinal in its file, from 1.';
COMMENT ON COLUMN vocareum.aws_cost._extras IS 'What the file had and the table has no column for.';

CREATE TABLE vocareum.azure_cost (
    user_id ops.identifier,
    user_email ops.email,
    part_id ops.identifier,
    part_name text,
    month integer,
    year integer,
    monthly_cost_to_date numeric,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX azure_cost_delivery ON vocareum.azure_cost USING brin (_delivery) WITH (autosummarize = TRUE);

CREATE INDEX azure_cost_user ON vocareum.azure_cost (user_id);

COMMENT ON TABLE vocareum.azure_cost IS 'Spend accumulated per user: cloud_spend/azure/azure_cost_y-m-d.csv, a file for each UTC day. Costs are counters that begin each month at zero: view vocareum.azure_cost_change has their differences.';
COMMENT ON COLUMN vocareum.azure_cost.user_id IS 'Vocareum id of user.';
COMMENT ON COLUMN vocareum.azure_cost.user_email IS 'email of user on Vocareum.';
COMMENT ON COLUMN vocareum.azure_cost.part_id IS 'Vocareum id of part.';
COMMENT ON COLUMN vocareum.azure_cost.part_name IS 'name of part.';
COMMENT ON COLUMN vocareum.azure_cost.month IS 'the month of the cost, from 1 to 12.';
COMMENT ON COLUMN vocareum.azure_cost.year IS 'the year of the cost.';
COMMENT ON COLUMN vocareum.azure_cost.monthly_cost_to_date IS 'dollars spent in that month so far.';
COMMENT ON COLUMN vocareum.azure_cost._origin IS 'The Vocareum org, as in the bucket: org123.';
COMMENT ON COLUMN vocareum.azure_cost._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN vocareum.azure_cost._row IS 'The record''s ordinal in its file, from 1.';
COMMENT ON COLUMN vocareum.azure_cost._extras IS 'What the file had and the table has no column for.';

CREATE TABLE vocareum.service_spend (
    aws_account_id ops.identifier,
    user_id ops.identifier,
    user_email ops.email,
    course_id ops.identifier,
    part_id ops.identifier,
    service text,
    cost numeric,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX service_spend_delivery ON vocareum.service_spend (_delivery);

CREATE INDEX service_spend_course ON vocareum.service_spend (course_id);

COMMENT ON TABLE vocareum.service_spend IS 'Cost accumulated for a particular AWS service per account: service_spend/service_spend_y-m.csv, a file for each month that grows until the month is over.';
COMMENT ON COLUMN vocareum.service_spend.aws_account_id IS 'AWS id of account assigned to user.';
COMMENT ON COLUMN vocareum.service_spend.user_id IS 'Vocareum id of user.';
COMMENT ON COLUMN vocareum.service_spend.user_email IS 'email of user on Vocareum.';
COMMENT ON COLUMN vocareum.service_spend.course_id IS 'Vocareum id of course.';
COMMENT ON COLUMN vocareum.service_spend.part_id IS 'Vocareum id of part.';
COMMENT ON COLUMN vocareum.service_spend.service IS 'name of AWS service.';
COMMENT ON COLUMN vocareum.service_spend.cost IS 'amount of dollars spent for this AWS service in the month of the file.';
COMMENT ON COLUMN vocareum.service_spend._origin IS 'The Vocareum org, as in the bucket: org123.';
COMMENT ON COLUMN vocareum.service_spend._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN vocareum.service_spend._row IS 'The record''s ordinal in its file, from 1.';
COMMENT ON COLUMN vocareum.service_spend._extras IS 'What the file had and the table has no column for.';

CREATE TABLE vocareum.grades (
    courseid ops.identifier NOT NULL,
    coursename text,
    asnid ops.identifier,
    asnname text,
    ispeerreviewon boolean,
    maxscore numeric,
    userid ops.identifier NOT NULL,
    partnerid ops.identifier,
    asnscore numeric,
    isoverride boolean,
    partid ops.identifier,
    partname text,
    partscore numeric,
    rubricid ops.identifier,
    rubricname text,
    rubricscore numeric,
    graderid ops.identifier,
    submission integer,
    submission_time timestamptz,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX grades_delivery ON vocareum.grades (_delivery);

CREATE INDEX grades_user ON vocareum.grades (userid);

CREATE INDEX grades_course ON vocareum.grades (courseid);

COMMENT ON TABLE vocareum.grades IS 'Grades of a course, as of the latest file: grades/course{courseid}/grades.csv, written every 24 hours. A row for each rubric of each part of each submission.';
COMMENT ON COLUMN vocareum.grades.courseid IS 'Vocareum id of course.';
COMMENT ON COLUMN vocareum.grades.coursename IS 'name of Vocareum course.';
COMMENT ON COLUMN vocareum.grades.asnid IS 'Vocareum id of assignment.';
COMMENT ON COLUMN vocareum.grades.asnname IS 'name of assignment.';
COMMENT ON COLUMN vocareum.grades.ispeerreviewon IS '1/true if the assignment uses peer review grading.';
COMMENT ON COLUMN vocareum.grades.maxscore IS 'highest score a user can receive.';
COMMENT ON COLUMN vocareum.grades.userid IS 'Vocareum id of user.';
COMMENT ON COLUMN vocareum.grades.partnerid IS 'Vocareum id of partner (if it is a team assignment); the vendor leaves it out of some rows.';
COMMENT ON COLUMN vocareum.grades.asnscore IS 'score that the user received for the assignment.';
COMMENT ON COLUMN vocareum.grades.isoverride IS '1/true if the user''s grade was overridden by a teacher.';
COMMENT ON COLUMN vocareum.grades.partid IS 'Vocareum id of part.';
COMMENT ON COLUMN vocareum.grades.partname IS 'name of part.';
COMMENT ON COLUMN vocareum.grades.partscore IS 'score that the user received for the part.';
COMMENT ON COLUMN vocareum.grades.rubricid IS 'Vocareum id of rubric (a.k.a. grading criterion).';
COMMENT ON COLUMN vocareum.grades.rubricname IS 'name of rubric.';
COMMENT ON COLUMN vocareum.grades.rubricscore IS 'score that the user received for that rubric.';
COMMENT ON COLUMN vocareum.grades.graderid IS 'Vocareum id of user who graded the assignment.';
COMMENT ON COLUMN vocareum.grades.submission IS 'number indicating which submission the row is for (e.g. submission = 2 means user''s second submission).';
COMMENT ON COLUMN vocareum.grades.submission_time IS 'when the assignment was submitted.';
COMMENT ON COLUMN vocareum.grades._origin IS 'The Vocareum org, as in the bucket: org123.';
COMMENT ON COLUMN vocareum.grades._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN vocareum.grades._row IS 'The record''s ordinal in its file, from 1.';
COMMENT ON COLUMN vocareum.grades._extras IS 'What the file had and the table has no column for.';

CREATE TABLE vocareum.course_mapping (
    org_id ops.identifier,
    org_name text,
    course_id ops.identifier NOT NULL,
    course_name text,
    create_method text,
    parent_course_id ops.identifier,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX course_mapping_delivery ON vocareum.course_mapping (_delivery);

CREATE INDEX course_mapping_course ON vocareum.course_mapping (course_id);

COMMENT ON TABLE vocareum.course_mapping IS 'List of courses in the org and clones of those courses, as of the latest file: course-asn_mapping/course_mapping.csv, written every 24 hours.';
COMMENT ON COLUMN vocareum.course_mapping.org_id IS 'Vocareum id of org.';
COMMENT ON COLUMN vocareum.course_mapping.org_name IS 'name of org.';
COMMENT ON COLUMN vocareum.course_mapping.course_id IS 'Vocareum id of course.';
COMMENT ON COLUMN vocareum.course_mapping.course_name IS 'name of course.';
COMMENT ON COLUMN vocareum.course_mapping.create_method IS 'how the course was made, such as Clone by Reference.';
COMMENT ON COLUMN vocareum.course_mapping.parent_course_id IS 'Vocareum id of the course that it is a clone of.';
COMMENT ON COLUMN vocareum.course_mapping._origin IS 'The Vocareum org, as in the bucket: org123.';
COMMENT ON COLUMN vocareum.course_mapping._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN vocareum.course_mapping._row IS 'The record''s ordinal in its file, from 1.';
COMMENT ON COLUMN vocareum.course_mapping._extras IS 'What the file had and the table has no column for.';

CREATE TABLE vocareum.asn_mapping (
    org_id ops.identifier,
    course_id ops.identifier,
    assignment_id ops.identifier NOT NULL,
    assignment_name text,
    part_id ops.identifier,
    part_name text,
    parent_assignment_id ops.identifier,
    parent_part_id ops.identifier,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX asn_mapping_delivery ON vocareum.asn_mapping (_delivery);

CREATE INDEX asn_mapping_assignment ON vocareum.asn_mapping (assignment_id);

COMMENT ON TABLE vocareum.asn_mapping IS 'List of assignments in a course and copies of those assignments, as of the latest file: course-asn_mapping/asn_mapping.csv, written every 24 hours.';
COMMENT ON COLUMN vocareum.asn_mapping.org_id IS 'Vocareum id of org.';
COMMENT ON COLUMN vocareum.asn_mapping.course_id IS 'Vocareum id of course.';
COMMENT ON COLUMN vocareum.asn_mapping.assignment_id IS 'Vocareum id of assignment.';
COMMENT ON COLUMN vocareum.asn_mapping.assignment_name IS 'name of assignment.';
COMMENT ON COLUMN vocareum.asn_mapping.part_id IS 'Vocareum id of part.';
COMMENT ON COLUMN vocareum.asn_mapping.part_name IS 'name of part.';
COMMENT ON COLUMN vocareum.asn_mapping.parent_assignment_id IS 'Vocareum id of the assignment that it is a copy of.';
COMMENT ON COLUMN vocareum.asn_mapping.parent_part_id IS 'Vocareum id of the part that it is a copy of.';
COMMENT ON COLUMN vocareum.asn_mapping._origin IS 'The Vocareum org, as in the bucket: org123.';
COMMENT ON COLUMN vocareum.asn_mapping._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN vocareum.asn_mapping._row IS 'The record''s ordinal in its file, from 1.';
COMMENT ON COLUMN vocareum.asn_mapping._extras IS 'What the file had and the table has no column for.';

-- What the files say only by comparison: counters as differences, the latest of several rows.

CREATE FUNCTION vocareum.person(user_id text, user_email text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN user_id ~ '^\d+$' THEN user_id ELSE coalesce(user_id || ' ', '') || coalesce(user_email, '') END;

COMMENT ON FUNCTION vocareum.person(text, text) IS 'The person of a row: the id of the user; where ids are masked, several users have the same one, so the e-mail address is added.';

CREATE VIEW vocareum.part AS
SELECT DISTINCT ON (_origin, part_id)
    _origin,
    part_id,
    assignment_id,
    course_id
FROM vocareum.asn_mapping
WHERE part_id IS NOT NULL
ORDER BY _origin, part_id, _delivery, _row;

COMMENT ON VIEW vocareum.part IS 'The parts of assignments, each once: to which assignment and course it belongs, by vocareum.asn_mapping.';
COMMENT ON COLUMN vocareum.part._origin IS 'The Vocareum org, as in the bucket: org123.';
COMMENT ON COLUMN vocareum.part.part_id IS 'Vocareum id of part.';
COMMENT ON COLUMN vocareum.part.assignment_id IS 'Vocareum id of assignment.';
COMMENT ON COLUMN vocareum.part.course_id IS 'Vocareum id of course.';

CREATE VIEW vocareum.aws_cost_change AS
WITH counter AS (
    SELECT
        c._origin,
        c.aws_account_id,
        c.user_id,
        c.user_email,
        c.part_id,
        c.part_name,
        d.first_day AS day,
        lag(d.first_day) OVER earlier AS previous_day,
        c.cost,
        lag(c.cost) OVER earlier AS previous_cost
    FROM vocareum.aws_cost AS c
    INNER JOIN ops.delivery AS d ON c._delivery = d.delivery_id
    WHERE c.cost IS NOT NULL
    WINDOW earlier AS (
        PARTITION BY
            c._origin, c.aws_account_id, vocareum.person(c.user_id, c.user_email), c.part_id
        ORDER BY d.first_day, c.file_updated_time, c._delivery, c._row
    )
)

SELECT
    c.day,
    c.previous_day,
    c.aws_account_id,
    c.user_id,
    c.user_email,
    c.part_id,
    c.part_name,
    p.course_id,
    p.assignment_id,
    c.cost,
    c.previous_cost,
    CASE WHEN c.cost < c.previous_cost THEN c.cost ELSE c.cost - coalesce(c.previous_cost, 0) END
        AS cost_change,
    coalesce(c.cost < c.previous_cost, FALSE) AS decreased,
    c._origin
FROM counter AS c
LEFT JOIN vocareum.part AS p ON c._origin = p._origin AND c.part_id = p.part_id;

CREATE VIEW vocareum.azure_cost_change AS
WITH counter AS (
    SELECT
        c._origin,
        c.user_id,
        c.user_email,
        c.part_id,
        c.part_name,
        c.year,
        c.month,
        d.first_day AS day,
        lag(d.first_day) OVER earlier AS previous_day,
        c.monthly_cost_to_date,
        lag(c.monthly_cost_to_date) OVER earlier AS previous_cost
    FROM vocareum.azure_cost AS c
    INNER JOIN ops.delivery AS d ON c._delivery = d.delivery_id
    WHERE c.monthly_cost_to_date IS NOT NULL
    WINDOW earlier AS (
        PARTITION BY
            c._origin, vocareum.person(c.user_id, c.user_email), c.part_id, c.year, c.month
        ORDER BY d.first_day, c._delivery, c._row
    )
)

SELECT
    c.day,
    c.previous_day,
    c.user_id,
    c.user_email,
    c.part_id,
    c.part_name,
    p.course_id,
    p.assignment_id,
    c.year,
    c.month,
    c.monthly_cost_to_date,
    c.previous_cost,
    c.monthly_cost_to_date - coalesce(c.previous_cost, 0) AS cost_change,
    coalesce(c.monthly_cost_to_date < c.previous_cost, FALSE) AS decreased,
    c._origin
FROM counter AS c
LEFT JOIN vocareum.part AS p ON c._origin = p._origin AND c.part_id = p.part_id;

CREATE VIEW vocareum.service_spend_by_month AS
SELECT
    d.first_day AS month,
    s.aws_account_id,
    s.user_id,
    s.user_email,
    s.course_id,
    s.part_id,
    s.service,
    sum(s.cost) AS cost,
    s._origin
FROM vocareum.service_spend AS s
INNER JOIN ops.delivery AS d ON s._delivery = d.delivery_id
GROUP BY
    d.first_day,
    s.aws_account_id,
    s.user_id,
    s.user_email,
    s.course_id,
    s.part_id,
    s.service,
    s._origin;

CREATE VIEW vocareum.latest_lab_session AS
WITH session AS (
    SELECT
        l.*,
        d.first_day AS file_day,
        vocareum.person(l.user_id, l.user_email) AS person,
        coalesce(l.launch_time, l.start_time) AS begun
    FROM vocareum.lab_sessions AS l
    INNER JOIN ops.delivery AS d ON l._delivery = d.delivery_id
)

SELECT DISTINCT ON (
    _origin, person, part_id, begun, CASE WHEN begun IS NULL THEN (_delivery, _row) END
)
    user_id,
    user_email,
    course_id,
    course_name,
    assignment_id,
    assignment_name,
    part_id,
    part_name,
    lab_type,
    start_time,
    end_time,
    duration_min,
    log,
    tags,
    launch_time,
    init_time,
    launch_to_ready_duration_mins,
    concurrent_labs_count,
    disconnects,
    latency_time_ms,
    file_day,
    _origin
FROM session
ORDER BY
    _origin ASC,
    person ASC,
    part_id ASC,
    begun ASC,
    CASE WHEN begun IS NULL THEN (_delivery, _row) END ASC,
    file_day DESC NULLS LAST,
    _delivery DESC,
    _row DESC;

CREATE VIEW vocareum.current_enrollment AS
SELECT
    userid,
    courseid,
    role,
    name,
    email,
    client_key,
    client_userid,
    organization_terms_agreed,
    organization_terms_agreed_date_utc,
    _origin
FROM vocareum.enrollment
WHERE dropped IS NOT TRUE;

CREATE VIEW vocareum.current_grade AS
SELECT DISTINCT ON (
    _origin, courseid, asnid, userid, CASE WHEN userid ~ '^\d+$' THEN NULL ELSE _row END,
    partid, rubricid
)
    courseid,
    coursename,
    asnid,
    asnname,
    ispeerreviewon,
    maxscore,
    userid,
    partnerid,
    asnscore,
    isoverride,
    partid,
    partname,
    partscore,
    rubricid,
    rubricname,
    rubricscore,
    graderid,
    submission,
    submission_time,
    _origin
FROM vocareum.grades
ORDER BY
    _origin ASC,
    courseid ASC,
    asnid ASC,
    userid ASC,
    CASE WHEN userid ~ '^\d+$' THEN NULL ELSE _row END ASC,
    partid ASC,
    rubricid ASC,
    submission DESC NULLS LAST,
    submission_time DESC NULLS LAST,
    _row DESC;

COMMENT ON VIEW vocareum.aws_cost_change IS 'What each counter of vocareum.aws_cost rose by, from one daily file to the next that has it. A counter that falls has started again: its new amount counts from zero, and the row says decreased. The first row of a counter counts from zero too.';
COMMENT ON COLUMN vocareum.aws_cost_change.day IS 'UTC day of the file.';
COMMENT ON COLUMN vocareum.aws_cost_change.previous_day IS 'UTC day of the file before it that has this counter; there may be days without a file between.';
COMMENT ON COLUMN vocareum.aws_cost_change.aws_account_id IS 'AWS id of account assigned to user.';
COMMENT ON COLUMN vocareum.aws_cost_change.user_id IS 'Vocareum id of user.';
COMMENT ON COLUMN vocareum.aws_cost_change.user_email IS 'email of user on Vocareum.';
COMMENT ON COLUMN vocareum.aws_cost_change.part_id IS 'Vocareum id of part.';
COMMENT ON COLUMN vocareum.aws_cost_change.part_name IS 'name of part.';
COMMENT ON COLUMN vocareum.aws_cost_change.course_id IS 'Course of the part, by vocareum.part.';
COMMENT ON COLUMN vocareum.aws_cost_change.assignment_id IS 'Assignment of the part, by vocareum.part.';
COMMENT ON COLUMN vocareum.aws_cost_change.cost IS 'amount of dollars spent for this AWS account, accumulated.';
COMMENT ON COLUMN vocareum.aws_cost_change.previous_cost IS 'cost on the previous day.';
COMMENT ON COLUMN vocareum.aws_cost_change.cost_change IS 'dollars since the previous day; after a decrease, since zero.';
COMMENT ON COLUMN vocareum.aws_cost_change.decreased IS 'whether the counter fell.';
COMMENT ON COLUMN vocareum.aws_cost_change._origin IS 'The Vocareum org, as in the bucket: org123.';

COMMENT ON VIEW vocareum.azure_cost_change IS 'What each counter of vocareum.azure_cost rose by within the month of the row, in which it begins at zero, from one daily file to the next that has it. A counter that falls inside its month gives a negative change, and the row says decreased.';
COMMENT ON COLUMN vocareum.azure_cost_change.day IS 'UTC day of the file.';
COMMENT ON COLUMN vocareum.azure_cost_change.previous_day IS 'UTC day of the file before it that has this counter for the same month.';
COMMENT ON COLUMN vocareum.azure_cost_change.user_id IS 'Vocareum id of user.';
COMMENT ON COLUMN vocareum.azure_cost_change.user_email IS 'email of user on Vocareum.';
COMMENT ON COLUMN vocareum.azure_cost_change.part_id IS 'Vocareum id of part.';
COMMENT ON COLUMN vocareum.azure_cost_change.part_name IS 'name of part.';
COMMENT ON COLUMN vocareum.azure_cost_change.course_id IS 'Course of the part, by vocareum.part.';
COMMENT ON COLUMN vocareum.azure_cost_change.assignment_id IS 'Assignment of the part, by vocareum.part.';
COMMENT ON COLUMN vocareum.azure_cost_change.year IS 'the year of the cost.';
COMMENT ON COLUMN vocareum.azure_cost_change.month IS 'the month of the cost, from 1 to 12.';
COMMENT ON COLUMN vocareum.azure_cost_change.monthly_cost_to_date IS 'dollars spent in that month so far.';
COMMENT ON COLUMN vocareum.azure_cost_change.previous_cost IS 'monthly_cost_to_date on the previous day.';
COMMENT ON COLUMN vocareum.azure_cost_change.cost_change IS 'dollars since the previous day; on the first day of a month, since zero.';
COMMENT ON COLUMN vocareum.azure_cost_change.decreased IS 'whether the counter fell inside its month.';
COMMENT ON COLUMN vocareum.azure_cost_change._origin IS 'The Vocareum org, as in the bucket: org123.';

COMMENT ON VIEW vocareum.service_spend_by_month IS 'Dollars spent for each AWS service in a month, by account, user, course and part. The latest month is as of its latest file.';
COMMENT ON COLUMN vocareum.service_spend_by_month.month IS 'first day of the month, UTC.';
COMMENT ON COLUMN vocareum.service_spend_by_month.aws_account_id IS 'AWS id of account assigned to user.';
COMMENT ON COLUMN vocareum.service_spend_by_month.user_id IS 'Vocareum id of user.';
COMMENT ON COLUMN vocareum.service_spend_by_month.user_email IS 'email of user on Vocareum.';
COMMENT ON COLUMN vocareum.service_spend_by_month.course_id IS 'Vocareum id of course.';
COMMENT ON COLUMN vocareum.service_spend_by_month.part_id IS 'Vocareum id of part.';
COMMENT ON COLUMN vocareum.service_spend_by_month.service IS 'name of AWS service.';
COMMENT ON COLUMN vocareum.service_spend_by_month.cost IS 'amount of dollars spent for this AWS service in the month.';
COMMENT ON COLUMN vocareum.service_spend_by_month._origin IS 'The Vocareum org, as in the bucket: org123.';

COMMENT ON VIEW vocareum.latest_lab_session IS 'Each lab session once. One that runs over midnight is in two daily files: the row of the later file counts. A session is known by its user, its part and its launch time, or its start time where there is none.';
COMMENT ON COLUMN vocareum.latest_lab_session.user_id IS 'Vocareum id of user.';
COMMENT ON COLUMN vocareum.latest_lab_session.user_email IS 'email of user on Vocareum.';
COMMENT ON COLUMN vocareum.latest_lab_session.course_id IS 'Vocareum id of course.';
COMMENT ON COLUMN vocareum.latest_lab_session.course_name IS 'name of course.';
COMMENT ON COLUMN vocareum.latest_lab_session.assignment_id IS 'Vocareum id of assignment.';
COMMENT ON COLUMN vocareum.latest_lab_session.assignment_name IS 'name of assignment.';
COMMENT ON COLUMN vocareum.latest_lab_session.part_id IS 'Vocareum id of part.';
COMMENT ON COLUMN vocareum.latest_lab_session.part_name IS 'name of part.';
COMMENT ON COLUMN vocareum.latest_lab_session.lab_type IS 'one of these options: Cloud, Container, Databricks, VM.';
COMMENT ON COLUMN vocareum.latest_lab_session.start_time IS 'when EC2 instance is started.';
COMMENT ON COLUMN vocareum.latest_lab_session.end_time IS 'time lab was ended.';
COMMENT ON COLUMN vocareum.latest_lab_session.duration_min IS 'length of lab (end_time - start_time), in minutes.';
COMMENT ON COLUMN vocareum.latest_lab_session.log IS 'event messages (e.g. LAUNCH initiated, START successful).';
COMMENT ON COLUMN vocareum.latest_lab_session.tags IS 'only used internally by Vocareum.';
COMMENT ON COLUMN vocareum.latest_lab_session.launch_time IS 'when "Start Lab" is clicked.';
COMMENT ON COLUMN vocareum.latest_lab_session.init_time IS 'when lab is actually ready to use.';
COMMENT ON COLUMN vocareum.latest_lab_session.launch_to_ready_duration_mins IS 'time it takes from launch time to init time, in minutes.';
COMMENT ON COLUMN vocareum.latest_lab_session.concurrent_labs_count IS 'number of labs already started when user starts lab.';
COMMENT ON COLUMN vocareum.latest_lab_session.disconnects IS 'number of times user gets disconnected.';
COMMENT ON COLUMN vocareum.latest_lab_session.latency_time_ms IS 'estimated measure of user''s internet speed, in milliseconds.';
COMMENT ON COLUMN vocareum.latest_lab_session.file_day IS 'UTC day of the file that the row is from.';
COMMENT ON COLUMN vocareum.latest_lab_session._origin IS 'The Vocareum org, as in the bucket: org123.';

COMMENT ON VIEW vocareum.current_enrollment IS 'Who is enrolled now: those of vocareum.enrollment who have not dropped the course.';
COMMENT ON COLUMN vocareum.current_enrollment.userid IS 'Vocareum id of user.';
COMMENT ON COLUMN vocareum.current_enrollment.courseid IS 'Vocareum id of course.';
COMMENT ON COLUMN vocareum.current_enrollment.role IS 'role of the user in the course, such as student.';
COMMENT ON COLUMN vocareum.current_enrollment.name IS 'name of the user; the vendor leaves it out of some rows.';
COMMENT ON COLUMN vocareum.current_enrollment.email IS 'email of the user.';
COMMENT ON COLUMN vocareum.current_enrollment.client_key IS 'key of the client (the LMS integration) through which the user came.';
COMMENT ON COLUMN vocareum.current_enrollment.client_userid IS 'id of the user at that client.';
COMMENT ON COLUMN vocareum.current_enrollment.organization_terms_agreed IS '1 if the user agreed to the terms of the organization.';
COMMENT ON COLUMN vocareum.current_enrollment.organization_terms_agreed_date_utc IS 'when the user agreed to them, UTC.';
COMMENT ON COLUMN vocareum.current_enrollment._origin IS 'The Vocareum org, as in the bucket: org123.';

COMMENT ON VIEW vocareum.current_grade IS 'The row of the latest submission, for each user, assignment, part and rubric. Where the id of the user is masked, several users have the same, and all their rows are shown.';
COMMENT ON COLUMN vocareum.current_grade.courseid IS 'Vocareum id of course.';
COMMENT ON COLUMN vocareum.current_grade.coursename IS 'name of Vocareum course.';
COMMENT ON COLUMN vocareum.current_grade.asnid IS 'Vocareum id of assignment.';
COMMENT ON COLUMN vocareum.current_grade.asnname IS 'name of assignment.';
COMMENT ON COLUMN vocareum.current_grade.ispeerreviewon IS '1/true if the assignment uses peer review grading.';
COMMENT ON COLUMN vocareum.current_grade.maxscore IS 'highest score a user can receive.';
COMMENT ON COLUMN vocareum.current_grade.userid IS 'Vocareum id of user.';
COMMENT ON COLUMN vocareum.current_grade.partnerid IS 'Vocareum id of partner (if it is a team assignment); the vendor leaves it out of some rows.';
COMMENT ON COLUMN vocareum.current_grade.asnscore IS 'score that the user received for the assignment.';
COMMENT ON COLUMN vocareum.current_grade.isoverride IS '1/true if the user''s grade was overridden by a teacher.';
COMMENT ON COLUMN vocareum.current_grade.partid IS 'Vocareum id of part.';
COMMENT ON COLUMN vocareum.current_grade.partname IS 'name of part.';
COMMENT ON COLUMN vocareum.current_grade.partscore IS 'score that the user received for the part.';
COMMENT ON COLUMN vocareum.current_grade.rubricid IS 'Vocareum id of rubric (a.k.a. grading criterion).';
COMMENT ON COLUMN vocareum.current_grade.rubricname IS 'name of rubric.';
COMMENT ON COLUMN vocareum.current_grade.rubricscore IS 'score that the user received for that rubric.';
COMMENT ON COLUMN vocareum.current_grade.graderid IS 'Vocareum id of user who graded the assignment.';
COMMENT ON COLUMN vocareum.current_grade.submission IS 'number indicating which submission the row is for (e.g. submission = 2 means user''s second submission).';
COMMENT ON COLUMN vocareum.current_grade.submission_time IS 'when the assignment was submitted.';
COMMENT ON COLUMN vocareum.current_grade._origin IS 'The Vocareum org, as in the bucket: org123.';
