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
    _delivery bigint NOT NULL REFERENCES ops.delivery (delivery_id),
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX lab_sessions_delivery ON vocareum.lab_sessions (_delivery);

CREATE INDEX lab_sessions_course ON vocareum.lab_sessions (course_id, launch_time);

COMMENT ON TABLE vocareum.lab_sessions IS 'Records all lab types (VM, Container, Cloud): lab_sessions/lab_sessions_y-m-d.csv, a file for each UTC day. A session that runs over midnight may stand in two of them.';
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
    _delivery bigint NOT NULL REFERENCES ops.delivery (delivery_id),
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
