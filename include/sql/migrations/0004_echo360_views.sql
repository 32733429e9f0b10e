-- depends: 0003_echo360

-- What the reports say only row by row: how long was watched, what became of an answer.

-- In PL/pgSQL: the planner might cast the numbers before it knows whether they are any.
CREATE FUNCTION echo360.parts_played(intervals jsonb) RETURNS nummultirange
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
    IF jsonb_typeof(intervals) <> 'array' OR intervals @? 'strict $[*] ? (
        @.type() != "array" || @.size() != 2 || @[*].type() != "number"
    )' THEN
        RETURN '{}';
    END IF;
    RETURN (
        SELECT coalesce(
            range_agg(numrange((pair ->> 0)::numeric * 0.001, (pair ->> 1)::numeric * 0.001)), '{}'
        )
        FROM jsonb_array_elements(intervals) AS pair
        WHERE (pair ->> 0)::numeric < (pair ->> 1)::numeric
    );
END
$$;

COMMENT ON FUNCTION echo360.parts_played(jsonb) IS 'The parts of a media that an intervalsPlayed covers, in seconds from its beginning. None for what is not an array of pairs of numbers; a pair that does not end after it begins adds nothing.';

CREATE FUNCTION echo360.seconds_played(intervals jsonb) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
SELECT coalesce(sum(upper(part) - lower(part)), 0)
FROM unnest(echo360.parts_played(intervals)) AS part;
END;

COMMENT ON FUNCTION echo360.seconds_played(jsonb) IS 'The seconds that an intervalsPlayed covers, what several of its intervals cover once. 0 for what is not an array of pairs of numbers; a pair that does not end after it begins adds nothing.';

CREATE VIEW echo360.viewing_time AS
WITH session AS (
    SELECT DISTINCT ON (
        _origin, session_id, media_id, CASE WHEN session_id IS NULL THEN (_delivery, _row) END
    )
        min(event_timestamp) OVER one AS begun,
        user_id,
        media_id,
        media_name,
        coalesce(course_code, course_id) AS course,
        coalesce(session_status IN ('SESSION_END', 'SESSION_STALE'), FALSE) AS ended,
        intervals_played,
        _origin
    FROM echo360.viewsessions
    WINDOW one AS (
        PARTITION BY
            _origin, session_id, media_id, CASE WHEN session_id IS NULL THEN (_delivery, _row) END
    )
    ORDER BY
        _origin ASC,
        session_id ASC,
        media_id ASC,
        CASE WHEN session_id IS NULL THEN (_delivery, _row) END ASC,
        intervals_played IS NOT NULL AND session_status IN ('SESSION_END', 'SESSION_STALE') DESC NULLS LAST,
        event_timestamp DESC,
        _delivery DESC,
        _row DESC
),

watched AS (
    SELECT
        (event_timestamp AT TIME ZONE 'UTC')::date AS day,
        user_id,
        video_id AS media_id,
        coalesce(course_identifier, course_id) AS course,
        max(video_name) AS media_name,
        30 * count(*) AS from_beats,
        0 AS from_intervals,
        _origin
    FROM echo360.videoview
    GROUP BY (event_timestamp AT TIME ZONE 'UTC')::date, user_id, video_id, coalesce(course_identifier, course_id), _origin
    UNION ALL
    SELECT
        (begun AT TIME ZONE 'UTC')::date AS day,
        user_id,
        media_id,
        course,
        max(media_name) AS media_name,
        0 AS from_beats,
        sum(echo360.seconds_played(intervals_played)) AS from_intervals,
        _origin
    FROM session
    WHERE ended AND intervals_played IS NOT NULL
    GROUP BY (begun AT TIME ZONE 'UTC')::date, user_id, media_id, course, _origin
)

SELECT
    day,
    user_id,
    media_id,
    course,
    max(media_name) AS media_name,
    sum(from_beats)::bigint AS seconds_from_beats,
    sum(from_intervals) AS seconds_from_intervals,
    sum(from_beats + from_intervals) AS seconds,
    _origin
FROM watched
GROUP BY day, user_id, media_id, course, _origin
HAVING sum(from_beats + from_intervals) > 0;

CREATE VIEW echo360.poll_response AS
WITH response AS (
    SELECT DISTINCT ON (_origin, answer_id, CASE WHEN answer_id IS NULL THEN (_delivery, _row) END)
        media_id,
        media_name,
        section_id,
        section_number,
        course_id,
        lms_course_id,
        course_identifier,
        lms_course_identifier,
        course_name,
        lms_course_name,
        poll_id,
        poll_prompt,
        poll_content,
        solution,
        answer_id,
        answer,
        user_id,
        first_name,
        last_name,
        email,
        role,
        action,
        min(event_timestamp) OVER one AS begun,
        event_timestamp AS changed,
        count(*) OVER one AS actions,
        _origin
    FROM echo360.pollingv2
    WINDOW one AS (PARTITION BY _origin, answer_id, CASE WHEN answer_id IS NULL THEN (_delivery, _row) END)
    ORDER BY
        _origin ASC,
        answer_id ASC,
        CASE WHEN answer_id IS NULL THEN (_delivery, _row) END ASC,
        event_timestamp DESC,
        array_position('{created,updated,deleted}'::text [], lower(action)) DESC NULLS LAST,
        _delivery DESC,
        _row DESC
)

SELECT
    media_id,
    media_name,
    section_id,
    section_number,
    course_id,
    lms_course_id,
    course_identifier,
    lms_course_identifier,
    course_name,
    lms_course_name,
    poll_id,
    poll_prompt,
    poll_content,
    solution,
    answer_id,
    answer,
    begun AS first_answered_at,
    changed AS last_changed_at,
    actions,
    user_id,
    first_name,
    last_name,
    email,
    role,
    _origin
FROM response
WHERE lower(action) IS DISTINCT FROM 'deleted';

CREATE VIEW echo360.question_response AS
WITH question AS (
    SELECT DISTINCT ON (_origin, question_id, CASE WHEN question_id IS NULL THEN (_delivery, _row) END)
        question_id,
        question,
        section_id,
        section_number,
        course_id,
        course_identifier,
        course_name,
        question_user_id,
        question_first_name,
        question_last_name,
        question_email,
        question_role,
        action,
        min(event_timestamp) OVER one AS begun,
        event_timestamp AS changed,
        count(*) OVER one AS actions,
        _origin
    FROM echo360.qanda2
    WHERE lower(entity) = 'question'
    WINDOW one AS (PARTITION BY _origin, question_id, CASE WHEN question_id IS NULL THEN (_delivery, _row) END)
    ORDER BY
        _origin ASC,
        question_id ASC,
        CASE WHEN question_id IS NULL THEN (_delivery, _row) END ASC,
        event_timestamp DESC,
        array_position('{created,updated,deleted}'::text [], lower(action)) DESC NULLS LAST,
        _delivery DESC,
        _row DESC
),

response AS (
    SELECT DISTINCT ON (_origin, answer_id, CASE WHEN answer_id IS NULL THEN (_delivery, _row) END)
        question_id,
        question,
        section_id,
        section_number,
        course_id,
        course_identifier,
        course_name,
        question_user_id,
        question_first_name,
        question_last_name,
        question_email,
        question_role,
        answer_id,
        answer,
        answer_user_id,
        answer_first_name,
        answer_last_name,
        answer_email,
        answer_role,
        action,
        min(event_timestamp) OVER one AS begun,
        event_timestamp AS changed,
        count(*) OVER one AS actions,
        _origin
    FROM echo360.qanda2
    WHERE lower(entity) = 'response'
    WINDOW one AS (PARTITION BY _origin, answer_id, CASE WHEN answer_id IS NULL THEN (_delivery, _row) END)
    ORDER BY
        _origin ASC,
        answer_id ASC,
        CASE WHEN answer_id IS NULL THEN (_delivery, _row) END ASC,
        event_timestamp DESC,
        array_position('{created,updated,deleted}'::text [], lower(action)) DESC NULLS LAST,
        _delivery DESC,
        _row DESC
),

current_response AS (
    SELECT * FROM response
    WHERE lower(action) IS DISTINCT FROM 'deleted'
)

SELECT
    coalesce(q.question_id, r.question_id) AS question_id,
    coalesce(q.question, r.question) AS question,
    coalesce(q.section_id, r.section_id) AS section_id,
    coalesce(q.section_number, r.section_number) AS section_number,
    coalesce(q.course_id, r.course_id) AS course_id,
    coalesce(q.course_identifier, r.course_identifier) AS course_identifier,
    coalesce(q.course_name, r.course_name) AS course_name,
    coalesce(q.question_user_id, r.question_user_id) AS question_user_id,
    coalesce(q.question_first_name, r.question_first_name) AS question_first_name,
    coalesce(q.question_last_name, r.question_last_name) AS question_last_name,
    coalesce(q.question_email, r.question_email) AS question_email,
    coalesce(q.question_role, r.question_role) AS question_role,
    q.begun AS asked_at,
    q.changed AS question_changed_at,
    q.actions AS question_actions,
    r.answer_id,
    r.answer,
    r.answer_user_id,
    r.answer_first_name,
    r.answer_last_name,
    r.answer_email,
    r.answer_role,
    r.begun AS answered_at,
    r.changed AS answer_changed_at,
    r.actions AS answer_actions,
    coalesce(q._origin, r._origin) AS _origin
FROM question AS q
FULL JOIN current_response AS r ON q._origin = r._origin AND q.question_id = r.question_id
WHERE lower(q.action) IS DISTINCT FROM 'deleted';

CREATE VIEW echo360.newest_asset AS
WITH newest AS (
    SELECT
        _origin,
        max(snapshot_day) AS snapshot_day
    FROM echo360.asset
    GROUP BY _origin
)

SELECT
    a.snapshot_day,
    a.video_name,
    a.create_date,
    a.section_number,
    a.owner_name,
    a.media_id,
    a.scheduled,
    a.course_identifier,
    a.organization_name,
    a.department_name,
    a.room_name,
    a.building_name,
    a.campus_name,
    a.term_name,
    a.transcribed,
    a.device,
    a.video_duration_in_minutes,
    a.last_view,
    a.view_count,
    a.downloads,
    a.view_duration_in_minutes,
    a.public,
    a.private,
    a.live,
    a.on_demand,
    a.published_date,
    a._origin
FROM echo360.asset AS a
INNER JOIN newest AS n ON a._origin = n._origin AND a.snapshot_day = n.snapshot_day;

COMMENT ON VIEW echo360.viewing_time IS 'How much of a media a user watched on a UTC day, in seconds of the media. echo360.videoview and echo360.viewsessions contain different views, so their seconds are added. What is watched again in another session counts again.';
COMMENT ON COLUMN echo360.viewing_time.day IS 'UTC day: of a video view event its own, of a session that of its first row, SESSION_BEGIN where the day on which it began is loaded, for SESSION_STALE comes days after the viewing. A session that has not ended counts nothing yet.';
COMMENT ON COLUMN echo360.viewing_time.user_id IS 'user identifier (UUID); NULL for all those whom the report does not name.';
COMMENT ON COLUMN echo360.viewing_time.media_id IS 'media identifier (UUID).';
COMMENT ON COLUMN echo360.viewing_time.course IS 'course identifier, or course id where there is none; NULL outside of any course. What is watched in two courses counts in each.';
COMMENT ON COLUMN echo360.viewing_time.media_name IS 'name of the media; of several names on a day the last of the alphabet.';
COMMENT ON COLUMN echo360.viewing_time.seconds_from_beats IS '30 for each row of echo360.videoview: in a classroom, through a Group, or on the details page of video or audio media.';
COMMENT ON COLUMN echo360.viewing_time.seconds_from_intervals IS 'what the intervals of echo360.viewsessions cover, as each session last had them: through a public link, in the embedded player, or on the details page of interactive media.';
COMMENT ON COLUMN echo360.viewing_time.seconds IS 'both together.';
COMMENT ON COLUMN echo360.viewing_time._origin IS 'The Echo360 host: echo360.org.';

COMMENT ON VIEW echo360.poll_response IS 'Each response to a poll as it is after its newest action; deleted ones are left out. Of actions at one time the order is Created, Updated, Deleted. A row of echo360.pollingv2 without an answer_id is a response of its own.';
COMMENT ON COLUMN echo360.poll_response.media_id IS 'system ID (UUID) of the media.';
COMMENT ON COLUMN echo360.poll_response.media_name IS 'name of the media.';
COMMENT ON COLUMN echo360.poll_response.section_id IS 'system ID (UUID) of the Echo360 section where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.poll_response.section_number IS 'number or other identifier of the Echo360 section where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.poll_response.course_id IS 'system ID (UUID) of the Echo360 course where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.poll_response.lms_course_id IS 'LMS system ID for the LMS course where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.poll_response.course_identifier IS 'number or unique identifier as displayed in the UI for the Echo360 course where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.poll_response.lms_course_identifier IS 'LMS course code or unique identifier as displayed in the UI for the LMS course where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.poll_response.course_name IS 'name of the Echo360 course where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.poll_response.lms_course_name IS 'name of the LMS course where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.poll_response.poll_id IS 'system ID (UUID) of the poll.';
COMMENT ON COLUMN echo360.poll_response.poll_prompt IS 'question text of the poll.';
COMMENT ON COLUMN echo360.poll_response.poll_content IS 'JSON record of available poll responses.';
COMMENT ON COLUMN echo360.poll_response.solution IS 'correct answer text or selection area of the poll (if applicable).';
COMMENT ON COLUMN echo360.poll_response.answer_id IS 'system identifier (UUID) of the response given by user.';
COMMENT ON COLUMN echo360.poll_response.answer IS 'response given by the user to this poll.';
COMMENT ON COLUMN echo360.poll_response.first_answered_at IS 'timestamp in UTC of its earliest action.';
COMMENT ON COLUMN echo360.poll_response.last_changed_at IS 'timestamp in UTC of its newest action.';
COMMENT ON COLUMN echo360.poll_response.actions IS 'number of actions, 1 if it was only created.';
COMMENT ON COLUMN echo360.poll_response.user_id IS 'system identifier (UUID) of the user.';
COMMENT ON COLUMN echo360.poll_response.first_name IS 'user first name.';
COMMENT ON COLUMN echo360.poll_response.last_name IS 'user last name.';
COMMENT ON COLUMN echo360.poll_response.email IS 'email address of the user.';
COMMENT ON COLUMN echo360.poll_response.role IS 'Echo360 institution-level user role.';
COMMENT ON COLUMN echo360.poll_response._origin IS 'The Echo360 host: echo360.org.';

COMMENT ON VIEW echo360.question_response IS 'Questions with their responses, each as it is after its newest action: a row for each response, and one for a question without any. Deleted responses are left out, and deleted questions with all their responses. Actions at the same time are ordered Created, Updated, Deleted. Where the question itself is not loaded, its columns come from the responses.';
COMMENT ON COLUMN echo360.question_response.question_id IS 'question identifier (UUID).';
COMMENT ON COLUMN echo360.question_response.question IS 'question text.';
COMMENT ON COLUMN echo360.question_response.section_id IS 'section identifier (UUID).';
COMMENT ON COLUMN echo360.question_response.section_number IS 'section number.';
COMMENT ON COLUMN echo360.question_response.course_id IS 'course identifier (UUID).';
COMMENT ON COLUMN echo360.question_response.course_identifier IS 'course identifier as displayed in the UI.';
COMMENT ON COLUMN echo360.question_response.course_name IS 'course name.';
COMMENT ON COLUMN echo360.question_response.question_user_id IS 'question creator user identifier (UUID).';
COMMENT ON COLUMN echo360.question_response.question_first_name IS 'question creator user first name.';
COMMENT ON COLUMN echo360.question_response.question_last_name IS 'question creator user last name.';
COMMENT ON COLUMN echo360.question_response.question_email IS 'question creator user email.';
COMMENT ON COLUMN echo360.question_response.question_role IS 'question creator institution level user role.';
COMMENT ON COLUMN echo360.question_response.asked_at IS 'timestamp in UTC of the question''s earliest action; NULL where only responses to it are loaded.';
COMMENT ON COLUMN echo360.question_response.question_changed_at IS 'timestamp in UTC of the question''s newest action.';
COMMENT ON COLUMN echo360.question_response.question_actions IS 'number of actions on the question.';
COMMENT ON COLUMN echo360.question_response.answer_id IS 'answer identifier (UUID).';
COMMENT ON COLUMN echo360.question_response.answer IS 'answer text.';
COMMENT ON COLUMN echo360.question_response.answer_user_id IS 'answer creator user identifier (UUID).';
COMMENT ON COLUMN echo360.question_response.answer_first_name IS 'answer creator user first name.';
COMMENT ON COLUMN echo360.question_response.answer_last_name IS 'answer creator user last name.';
COMMENT ON COLUMN echo360.question_response.answer_email IS 'answer creator user email.';
COMMENT ON COLUMN echo360.question_response.answer_role IS 'answer creator institution level user role.';
COMMENT ON COLUMN echo360.question_response.answered_at IS 'timestamp in UTC of the response''s earliest action.';
COMMENT ON COLUMN echo360.question_response.answer_changed_at IS 'timestamp in UTC of the response''s newest action.';
COMMENT ON COLUMN echo360.question_response.answer_actions IS 'number of actions on the response.';
COMMENT ON COLUMN echo360.question_response._origin IS 'The Echo360 host: echo360.org.';

COMMENT ON VIEW echo360.newest_asset IS 'The newest snapshot of echo360.asset of each host: only the rows of its latest snapshot_day.';
COMMENT ON COLUMN echo360.newest_asset.snapshot_day IS 'The UTC day on which Echo360 made the report: its counts are those of that day.';
COMMENT ON COLUMN echo360.newest_asset.video_name IS 'video name.';
COMMENT ON COLUMN echo360.newest_asset.create_date IS 'video creation timestamp (UTC).';
COMMENT ON COLUMN echo360.newest_asset.section_number IS 'section number.';
COMMENT ON COLUMN echo360.newest_asset.owner_name IS 'owner first name, last name.';
COMMENT ON COLUMN echo360.newest_asset.media_id IS 'media identifier (UUID).';
COMMENT ON COLUMN echo360.newest_asset.scheduled IS '1 if from a scheduled capture, 0 otherwise (ad hoc captures).';
COMMENT ON COLUMN echo360.newest_asset.course_identifier IS 'course identifier (UUID), says Echo360; other reports have it as displayed in the UI.';
COMMENT ON COLUMN echo360.newest_asset.organization_name IS 'organization name.';
COMMENT ON COLUMN echo360.newest_asset.department_name IS 'department name.';
COMMENT ON COLUMN echo360.newest_asset.room_name IS 'room name.';
COMMENT ON COLUMN echo360.newest_asset.building_name IS 'building name.';
COMMENT ON COLUMN echo360.newest_asset.campus_name IS 'campus name.';
COMMENT ON COLUMN echo360.newest_asset.term_name IS 'term name.';
COMMENT ON COLUMN echo360.newest_asset.transcribed IS '1 if the video has been automatically transcribed, 0 otherwise (no transcription).';
COMMENT ON COLUMN echo360.newest_asset.device IS 'capture source/device type that created the asset, including Zoom or OneDrive where applicable.';
COMMENT ON COLUMN echo360.newest_asset.video_duration_in_minutes IS 'video duration in minutes.';
COMMENT ON COLUMN echo360.newest_asset.last_view IS 'timestamp (UTC) of the most recent video view.';
COMMENT ON COLUMN echo360.newest_asset.view_count IS 'total number of video views.';
COMMENT ON COLUMN echo360.newest_asset.downloads IS 'total number of downloads.';
COMMENT ON COLUMN echo360.newest_asset.view_duration_in_minutes IS 'cumulative view time for all users and views.';
COMMENT ON COLUMN echo360.newest_asset.public IS 'total number of views resulting from public links.';
COMMENT ON COLUMN echo360.newest_asset.private IS 'total number of views from sources other than public links.';
COMMENT ON COLUMN echo360.newest_asset.live IS 'total number of views from a live stream, if any.';
COMMENT ON COLUMN echo360.newest_asset.on_demand IS 'total number of video-on-demand (VOD) views.';
COMMENT ON COLUMN echo360.newest_asset.published_date IS 'the date this video was published to the identified section.';
COMMENT ON COLUMN echo360.newest_asset._origin IS 'The Echo360 host: echo360.org.';
