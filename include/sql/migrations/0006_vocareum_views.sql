-- depends: 0002_vocareum

-- What the files say only by comparison: counters as differences, the latest of several rows.

CREATE FUNCTION vocareum.person(user_id text, user_email text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN user_id ~ '^\d+$' THEN user_id ELSE coalesce(user_id || ' ', '') || coalesce(user_email, '') END;

COMMENT ON FUNCTION vocareum.person(text, text) IS 'Whom a row is about: the id of the user; where that is masked, several users have the same, and the e-mail address tells them apart.';

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
    day,
    previous_day,
    aws_account_id,
    user_id,
    user_email,
    part_id,
    part_name,
    cost,
    previous_cost,
    CASE WHEN cost < previous_cost THEN cost ELSE cost - coalesce(previous_cost, 0) END
        AS cost_change,
    coalesce(cost < previous_cost, FALSE) AS decreased,
    _origin
FROM counter;

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
    day,
    previous_day,
    user_id,
    user_email,
    part_id,
    part_name,
    year,
    month,
    monthly_cost_to_date,
    previous_cost,
    monthly_cost_to_date - coalesce(previous_cost, 0) AS cost_change,
    coalesce(monthly_cost_to_date < previous_cost, FALSE) AS decreased,
    _origin
FROM counter;

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

COMMENT ON VIEW vocareum.aws_cost_change IS 'What each counter of vocareum.aws_cost rose by, from one daily file to the next that has it. A counter that falls has begun anew: its new amount counts from zero, and the row says decreased. The first row of a counter counts from zero too.';
COMMENT ON COLUMN vocareum.aws_cost_change.day IS 'UTC day of the file.';
COMMENT ON COLUMN vocareum.aws_cost_change.previous_day IS 'UTC day of the file before it that has this counter; days without a file lie between.';
COMMENT ON COLUMN vocareum.aws_cost_change.aws_account_id IS 'AWS id of account assigned to user.';
COMMENT ON COLUMN vocareum.aws_cost_change.user_id IS 'Vocareum id of user.';
COMMENT ON COLUMN vocareum.aws_cost_change.user_email IS 'email of user on Vocareum.';
COMMENT ON COLUMN vocareum.aws_cost_change.part_id IS 'Vocareum id of part.';
COMMENT ON COLUMN vocareum.aws_cost_change.part_name IS 'name of part.';
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

COMMENT ON VIEW vocareum.latest_lab_session IS 'Each lab session once. One that runs over midnight stands in two daily files: the row of the later file counts. A session is known by its user, its part and its launch time, or its start time where there is none.';
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

COMMENT ON VIEW vocareum.current_grade IS 'Of each rubric of each part of each assignment of a user the row of the latest submission. Where the id of the user is masked, several users have the same, and all their rows stand.';
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
