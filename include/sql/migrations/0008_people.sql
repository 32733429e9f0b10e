-- depends: 0007_readers

-- Who the sources speak of, and who is the same person: lists of the institution, accounts, links.

CREATE SCHEMA people;

COMMENT ON SCHEMA people IS 'Who is who: the institution''s lists of people and courses, the accounts that the sources speak of, and which accounts are one person. Readers do not see it.';

CREATE TABLE people.roster (
    institution_id ops.identifier,
    email ops.email,
    other_emails text,
    name text,
    role ops.role,
    edx_username ops.identifier,
    edx_user_id ops.identifier,
    vocareum_user_id ops.identifier,
    echo360_user_id ops.identifier,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX roster_delivery ON people.roster (_delivery);

COMMENT ON TABLE people.roster IS 'The institution''s lists of people: the files below roster/ in the landing zone. Any column may be empty. Open edX''s export of auth_user is such a file as it is.';
COMMENT ON COLUMN people.roster.institution_id IS 'The institution''s own id of the person; rows with the same one are one person. Also: student id, person id.';
COMMENT ON COLUMN people.roster.email IS 'E-mail address. Also: mail, e-mail address.';
COMMENT ON COLUMN people.roster.other_emails IS 'Other e-mail addresses, earlier ones too, with blanks, commas or semicolons between them.';
COMMENT ON COLUMN people.roster.name IS 'Name, for whoever reads the list; nothing is matched by it.';
COMMENT ON COLUMN people.roster.role IS 'The person''s role, such as student or staff: it counts more than what a source says.';
COMMENT ON COLUMN people.roster.edx_username IS 'User name at edX; case does not count. Also: username.';
COMMENT ON COLUMN people.roster.edx_user_id IS 'Id at edX. Also: id.';
COMMENT ON COLUMN people.roster.vocareum_user_id IS 'Vocareum id of user.';
COMMENT ON COLUMN people.roster.echo360_user_id IS 'Echo360''s user identifier (UUID).';
COMMENT ON COLUMN people.roster._origin IS 'Always institution.';
COMMENT ON COLUMN people.roster._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN people.roster._row IS 'The record''s ordinal in its file, from 1.';
COMMENT ON COLUMN people.roster._extras IS 'What the file had and the table has no column for; of auth_user''s columns not the password.';

CREATE FUNCTION people.without_password() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW._extras := NEW._extras - ARRAY['password', 'Password', 'PASSWORD'];
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION people.without_password() IS 'The hash of a password that an export of auth_user may have is not kept.';

CREATE TRIGGER without_password BEFORE INSERT ON people.roster
FOR EACH ROW WHEN (NEW._extras IS NOT NULL) EXECUTE FUNCTION people.without_password();

CREATE TABLE people.course (
    course ops.identifier NOT NULL,
    title text,
    term text,
    starts date,
    ends date,
    edx_course_id ops.identifier,
    echo360_course_identifier ops.identifier,
    lms_course_id ops.identifier,
    vocareum_course_id ops.identifier,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX course_delivery ON people.course (_delivery);

COMMENT ON TABLE people.course IS 'The institution''s lists of courses: the files below courses/ in the landing zone. A course may have several rows, such as one for each of its ids at a source.';
COMMENT ON COLUMN people.course.course IS 'What the institution calls the course, as in the other rows of it.';
COMMENT ON COLUMN people.course.title IS 'Title of the course. Also: course name.';
COMMENT ON COLUMN people.course.term IS 'Term in which it is taught.';
COMMENT ON COLUMN people.course.starts IS 'First day. Also: start date.';
COMMENT ON COLUMN people.course.ends IS 'Last day. Also: end date.';
COMMENT ON COLUMN people.course.edx_course_id IS 'course_id at edX, such as course-v1:UniversityA+C20150+Fall.';
COMMENT ON COLUMN people.course.echo360_course_identifier IS 'course identifier at Echo360.';
COMMENT ON COLUMN people.course.lms_course_id IS 'LMS course id at Echo360.';
COMMENT ON COLUMN people.course.vocareum_course_id IS 'Vocareum id of course.';
COMMENT ON COLUMN people.course._origin IS 'Always institution.';
COMMENT ON COLUMN people.course._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN people.course._row IS 'The record''s ordinal in its file, from 1.';
COMMENT ON COLUMN people.course._extras IS 'What the file had and the table has no column for.';

CREATE FUNCTION people.address(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value LIKE '%_@_%' THEN lower(ops.without_blanks(value)) END;

COMMENT ON FUNCTION people.address(text) IS 'An e-mail address as it is compared: without blanks around it, in small letters; NULL for what is none.';

CREATE FUNCTION people.is_staff(role text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(
    role ~* '\m(staff|instructor|teacher|teaching|professor|lecturer|faculty|assistant|ta|grader|administrator|admin|designer|owner)\M',
    FALSE
);

COMMENT ON FUNCTION people.is_staff(text) IS 'Whether a role is that of somebody who teaches or runs the course, by one of these words in it: staff, instructor, teacher, teaching, professor, lecturer, faculty, assistant, TA, grader, administrator, admin, designer, owner.';

CREATE VIEW people.course_id AS
SELECT
    i.source,
    i.source_course,
    min(c.course) AS course
FROM people.course AS c
CROSS JOIN LATERAL (
    VALUES
    ('edx', c.edx_course_id::text),
    ('echo360', c.echo360_course_identifier::text),
    ('vocareum', c.vocareum_course_id::text)
) AS i (source, source_course)
WHERE i.source_course IS NOT NULL
GROUP BY i.source, i.source_course;

COMMENT ON VIEW people.course_id IS 'The ids of the institution''s courses at the sources, from people.course.';
COMMENT ON COLUMN people.course_id.source IS 'edx, echo360 or vocareum.';
COMMENT ON COLUMN people.course_id.source_course IS 'The source''s id of the course.';
COMMENT ON COLUMN people.course_id.course IS 'The course in the institution''s list; of several the first by name.';

CREATE TABLE people.account (
    account_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    own_person_id uuid NOT NULL DEFAULT gen_random_uuid(),
    source text NOT NULL CHECK (source IN ('edx', 'echo360', 'vocareum')),
    _origin text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('user_id', 'username', 'email')),
    value text NOT NULL,
    first_seen date,
    last_seen date,
    UNIQUE (source, _origin, kind, value)
);

COMMENT ON TABLE people.account IS 'Who the sources speak of: a line for each account, made when its first row is seen, and kept.';
COMMENT ON COLUMN people.account.account_id IS 'The id that the tables of activity carry.';
COMMENT ON COLUMN people.account.own_person_id IS 'Random. The person that the account is as long as it is matched with none of a smaller account_id.';
COMMENT ON COLUMN people.account.source IS 'edx, echo360 or vocareum.';
COMMENT ON COLUMN people.account._origin IS 'The edX site, the Echo360 host or the Vocareum org.';
COMMENT ON COLUMN people.account.kind IS 'What value is. edX: username, or user_id where there is no name. Echo360: user_id, or email where there is none. Vocareum: user_id, or email where the id is masked.';
COMMENT ON COLUMN people.account.value IS 'The user name or id as the source writes it; an address in small letters.';
COMMENT ON COLUMN people.account.first_seen IS 'The first UTC day of its rows; NULL if none of them has a day.';
COMMENT ON COLUMN people.account.last_seen IS 'The last UTC day of its rows; NULL if none of them has a day.';

CREATE TABLE people.account_address (
    account_id bigint NOT NULL REFERENCES people.account (account_id) ON DELETE CASCADE,
    address text NOT NULL,
    PRIMARY KEY (account_id, address)
);

CREATE INDEX account_address_address ON people.account_address (address);

COMMENT ON TABLE people.account_address IS 'The e-mail addresses with which rows of an account came, earlier ones too.';
COMMENT ON COLUMN people.account_address.account_id IS 'The account.';
COMMENT ON COLUMN people.account_address.address IS 'The address, as people.address writes it.';

CREATE TABLE people.account_user_id (
    account_id bigint NOT NULL REFERENCES people.account (account_id) ON DELETE CASCADE,
    user_id text NOT NULL,
    PRIMARY KEY (account_id, user_id)
);

CREATE INDEX account_user_id_user_id ON people.account_user_id (user_id);

COMMENT ON TABLE people.account_user_id IS 'The ids with which events of a user name of edX came: enrollments and grades name the user by the id alone.';
COMMENT ON COLUMN people.account_user_id.account_id IS 'The account, of kind username.';
COMMENT ON COLUMN people.account_user_id.user_id IS 'Id at edX.';

CREATE TABLE people.link (
    account_id bigint PRIMARY KEY REFERENCES people.account (account_id) ON DELETE CASCADE,
    person_id uuid NOT NULL,
    evidence text NOT NULL CHECK (evidence IN ('roster', 'email', 'alone')),
    role text,
    since timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX link_person ON people.link (person_id);

COMMENT ON TABLE people.link IS 'Which person each account is. Of the accounts of one person, the one with the smallest account_id gives person_id.';
COMMENT ON COLUMN people.link.account_id IS 'The account.';
COMMENT ON COLUMN people.link.person_id IS 'The person, a random id.';
COMMENT ON COLUMN people.link.evidence IS 'roster: a row of the roster names the account''s user name or id. email: its address is that of one account of each source and origin at most, and of one person of the roster at most. alone: nothing says whose it is.';
COMMENT ON COLUMN people.link.role IS 'The role of the person in the roster, one of staff before others; NULL where the roster says none.';
COMMENT ON COLUMN people.link.since IS 'Since when it is so.';

CREATE TABLE people.conflict (
    reason text NOT NULL,
    value text NOT NULL,
    accounts bigint [] NOT NULL
);

COMMENT ON TABLE people.conflict IS 'What would match accounts and was not used, because it is ambiguous. Mend the roster: the next run of learning_activity matches again.';
COMMENT ON COLUMN people.conflict.reason IS 'shared address: several accounts of one source and origin have it, or several people of the roster. account claimed twice: the roster names it for several people. people disagree: the addresses of these accounts lead to several people of the roster.';
COMMENT ON COLUMN people.conflict.value IS 'The address; or source, kind and value of the account.';
COMMENT ON COLUMN people.conflict.accounts IS 'The accounts that are not matched by it.';

CREATE VIEW people.person AS
SELECT
    person_id,
    count(*) AS accounts,
    array_agg(DISTINCT evidence ORDER BY evidence) AS evidence,
    max(since) AS since
FROM people.link
GROUP BY person_id;

COMMENT ON VIEW people.person IS 'The people: a row for each.';
COMMENT ON COLUMN people.person.person_id IS 'Random.';
COMMENT ON COLUMN people.person.accounts IS 'How many accounts they have.';
COMMENT ON COLUMN people.person.evidence IS 'What matched them, see people.link.';
COMMENT ON COLUMN people.person.since IS 'When an account was last matched.';

CREATE VIEW people.merged AS
SELECT
    a.own_person_id AS from_person_id,
    l.person_id AS into_person_id,
    l.since
FROM people.account AS a
INNER JOIN people.link AS l ON a.account_id = l.account_id
WHERE a.own_person_id <> l.person_id;

COMMENT ON VIEW people.merged IS 'Persons that have become another: who kept a person_id finds here whom to look for now.';
COMMENT ON COLUMN people.merged.from_person_id IS 'The person of an account before it was matched.';
COMMENT ON COLUMN people.merged.into_person_id IS 'The person that it is now.';
COMMENT ON COLUMN people.merged.since IS 'Since when.';

CREATE VIEW people.edx_user AS
SELECT DISTINCT ON (a._origin, i.user_id)
    a._origin,
    i.user_id,
    a.account_id
FROM people.account AS a
INNER JOIN (
    SELECT account_id, user_id, TRUE AS is_named FROM people.account_user_id
    UNION ALL
    SELECT account_id, value, FALSE FROM people.account WHERE kind = 'user_id'
) AS i ON a.account_id = i.account_id
WHERE a.source = 'edx'
ORDER BY a._origin ASC, i.user_id ASC, i.is_named DESC, a.last_seen DESC, a.account_id ASC;

COMMENT ON VIEW people.edx_user IS 'Whose account an id at edX is: the user name that came with it last; where none did, the account of the id itself.';
COMMENT ON COLUMN people.edx_user._origin IS 'The edX site.';
COMMENT ON COLUMN people.edx_user.user_id IS 'Id at edX.';
COMMENT ON COLUMN people.edx_user.account_id IS 'The account.';

-- The people in each source's rows, with the UTC day of the row.

CREATE VIEW people.vocareum_user AS
SELECT _origin, _day AS day, user_id, user_email AS email FROM vocareum.lab_sessions
UNION ALL
SELECT c._origin, d.first_day, c.user_id, c.user_email
FROM vocareum.aws_cost AS c
INNER JOIN ops.delivery AS d ON c._delivery = d.delivery_id
UNION ALL
SELECT c._origin, d.first_day, c.user_id, c.user_email
FROM vocareum.azure_cost AS c
INNER JOIN ops.delivery AS d ON c._delivery = d.delivery_id
UNION ALL
SELECT s._origin, d.first_day, s.user_id, s.user_email
FROM vocareum.service_spend AS s
INNER JOIN ops.delivery AS d ON s._delivery = d.delivery_id
UNION ALL
SELECT _origin, NULL::date, userid, email FROM vocareum.enrollment
UNION ALL
SELECT _origin, NULL::date, userid, NULL::ops.email FROM vocareum.grades;

COMMENT ON VIEW people.vocareum_user IS 'The people of Vocareum''s rows.';
COMMENT ON COLUMN people.vocareum_user._origin IS 'The Vocareum org.';
COMMENT ON COLUMN people.vocareum_user.day IS 'The day as in ops.changed_day.';
COMMENT ON COLUMN people.vocareum_user.user_id IS 'Vocareum id of user.';
COMMENT ON COLUMN people.vocareum_user.email IS 'email of user on Vocareum.';

CREATE VIEW people.echo360_user AS
SELECT _origin, event_timestamp, user_id, email FROM echo360.videoview
UNION ALL
SELECT _origin, event_timestamp, user_id, email FROM echo360.presentation
UNION ALL
SELECT _origin, event_timestamp, user_id, user_email FROM echo360.liveviews
UNION ALL
SELECT _origin, event_timestamp, user_id, user_email FROM echo360.viewsessions
UNION ALL
SELECT _origin, event_timestamp, user_id, NULL::ops.email FROM echo360.viewsessiondetails
UNION ALL
SELECT _origin, event_timestamp, user_id, email FROM echo360.confused
UNION ALL
SELECT _origin, event_timestamp, user_id, email FROM echo360.polling
UNION ALL
SELECT _origin, event_timestamp, user_id, email FROM echo360.pollingv2
UNION ALL
SELECT _origin, event_timestamp, user_id, email FROM echo360.notes
UNION ALL
SELECT _origin, event_timestamp, question_user_id, question_email FROM echo360.qanda
UNION ALL
SELECT _origin, event_timestamp, answer_user_id, answer_email FROM echo360.qanda
UNION ALL
SELECT _origin, event_timestamp, question_user_id, question_email FROM echo360.qanda2
UNION ALL
SELECT _origin, event_timestamp, answer_user_id, answer_email FROM echo360.qanda2;

COMMENT ON VIEW people.echo360_user IS 'The people of Echo360''s rows.';
COMMENT ON COLUMN people.echo360_user._origin IS 'The Echo360 host.';
COMMENT ON COLUMN people.echo360_user.event_timestamp IS 'When the row happened.';
COMMENT ON COLUMN people.echo360_user.user_id IS 'user identifier (UUID).';
COMMENT ON COLUMN people.echo360_user.email IS 'email address.';

CREATE TABLE ops.to_refresh (
    what text NOT NULL,
    origin text NOT NULL,
    day date,
    accounts text [],
    UNIQUE NULLS NOT DISTINCT (what, origin, day)
);

COMMENT ON TABLE ops.to_refresh IS 'What learning_activity has to compute again, from ops.changed_day; a line goes in the transaction that has done it.';
COMMENT ON COLUMN ops.to_refresh.what IS 'people.account or activity, and the source whose accounts or whose days in the tables of activity are computed.';
COMMENT ON COLUMN ops.to_refresh.origin IS 'The Vocareum org, the Echo360 host or the edX site.';
COMMENT ON COLUMN ops.to_refresh.day IS 'The UTC day; NULL for what has none.';
COMMENT ON COLUMN ops.to_refresh.accounts IS 'Only these edX user names, at most 10000; NULL: everybody.';
