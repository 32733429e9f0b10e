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
    _extras jsonb
);

CREATE INDEX lab_sessions_days ON vocareum.lab_sessions
USING brin (_delivery, launch_time) WITH (autosummarize = TRUE);

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
