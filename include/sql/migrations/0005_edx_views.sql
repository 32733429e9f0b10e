-- depends: 0004_edx

-- Families of events as tables, over edx.event: no second copy, and no cast that can fail. Columns
-- are named as the fields of the events are.

-- In PL/pgSQL: the planner would work out the casts of a CASE before it knows whether they hold.
CREATE OR REPLACE FUNCTION edx.object_of(value jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF jsonb_typeof(value) = 'string' AND pg_input_is_valid(value #>> '{}', 'jsonb') THEN
        value := (value #>> '{}')::jsonb;
    END IF;
    RETURN CASE WHEN jsonb_typeof(value) = 'object' THEN value END;
END
$$;

COMMENT ON FUNCTION edx.object_of(jsonb) IS 'The object that a field is, or that a string encodes ("string/json" in the document); NULL for anything else.';

CREATE OR REPLACE VIEW edx.video_interaction AS
SELECT
    e.time,
    e.username,
    e.user_id,
    e.session,
    e.course_id,
    e.org_id,
    e.event_source,
    e.event_kind,
    e.event_type,
    e.name,
    e.page,
    e.event ->> 'id' AS id,
    e.event ->> 'code' AS code,
    ops.try_numeric(coalesce(e.event ->> 'currentTime', e.event ->> 'current_time')) AS currenttime,
    ops.try_numeric(e.event ->> 'speed') AS speed,
    ops.try_numeric(e.event ->> 'old_time') AS old_time,
    ops.try_numeric(e.event ->> 'new_time') AS new_time,
    e.event ->> 'type' AS type,
    ops.try_numeric(e.event ->> 'old_speed') AS old_speed,
    ops.try_numeric(e.event ->> 'new_speed') AS new_speed,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'load_video', 'play_video', 'pause_video', 'stop_video', 'seek_video', 'speed_change_video',
    'show_transcript', 'hide_transcript'
);

COMMENT ON VIEW edx.video_interaction IS 'What users did with videos, in the browser and on mobile devices, under the old names and the new: event_kind is one of load_video, play_video, pause_video, stop_video, seek_video, speed_change_video, show_transcript, hide_transcript.';
COMMENT ON COLUMN edx.video_interaction.time IS 'GMT time the event was triggered.';
COMMENT ON COLUMN edx.video_interaction.username IS 'username of the user who triggered the event.';
COMMENT ON COLUMN edx.video_interaction.user_id IS 'id of that user.';
COMMENT ON COLUMN edx.video_interaction.session IS 'key identifying the user''s session.';
COMMENT ON COLUMN edx.video_interaction.course_id IS 'course of the event.';
COMMENT ON COLUMN edx.video_interaction.org_id IS 'organization of the course.';
COMMENT ON COLUMN edx.video_interaction.event_source IS 'event source: browser, mobile.';
COMMENT ON COLUMN edx.video_interaction.event_kind IS 'What the user did, one spelling for all spellings.';
COMMENT ON COLUMN edx.video_interaction.event_type IS 'type of event triggered, as the log spells it.';
COMMENT ON COLUMN edx.video_interaction.name IS 'name of the event, as the log spells it.';
COMMENT ON COLUMN edx.video_interaction.page IS 'page the user was visiting.';
COMMENT ON COLUMN edx.video_interaction.id IS 'edX id of the video being watched.';
COMMENT ON COLUMN edx.video_interaction.code IS 'youtube id of the video being watched.';
COMMENT ON COLUMN edx.video_interaction.currenttime IS 'time the video was played, paused or stopped at, in seconds (currentTime, or current_time).';
COMMENT ON COLUMN edx.video_interaction.speed IS 'video speed being played: 0.75, 1.0, 1.25, 1.50.';
COMMENT ON COLUMN edx.video_interaction.old_time IS 'of seek_video: time from which the user went, in seconds.';
COMMENT ON COLUMN edx.video_interaction.new_time IS 'of seek_video: time to which the user went, in seconds.';
COMMENT ON COLUMN edx.video_interaction.type IS 'of seek_video: how the user went there, such as onSlideSeek.';
COMMENT ON COLUMN edx.video_interaction.old_speed IS 'of speed_change_video: speed before.';
COMMENT ON COLUMN edx.video_interaction.new_speed IS 'of speed_change_video: speed afterwards.';
COMMENT ON COLUMN edx.video_interaction.event_status IS 'In which form the event was written, see edx.event.';
COMMENT ON COLUMN edx.video_interaction.event_hash IS 'With time, the key of the row in edx.event.';
COMMENT ON COLUMN edx.video_interaction._origin IS 'The edX site.';

CREATE OR REPLACE VIEW edx.problem_attempt AS
SELECT
    e.time,
    e.username,
    e.user_id,
    e.session,
    e.course_id,
    e.org_id,
    e.event ->> 'problem_id' AS problem_id,
    e.event ->> 'success' AS success,
    ops.try_int4(e.event ->> 'attempts') AS attempts,
    ops.try_numeric(e.event ->> 'grade') AS grade,
    ops.try_numeric(e.event ->> 'max_grade') AS max_grade,
    edx.object_of(e.event -> 'answers') AS answers,
    edx.object_of(e.event -> 'correct_map') AS correct_map,
    edx.object_of(e.event -> 'submission') AS submission,
    edx.object_of(e.event -> 'state') AS state,
    e.context #>> '{module,display_name}' AS module_display_name,
    e.context #>> '{module,usage_key}' AS module_usage_key,
    e.event_type,
    coalesce(
        e.time < '2013-07-15T00:00:00Z'
        AND EXISTS (
            SELECT
            FROM edx.event AS twin
            WHERE twin.event_kind = 'problem_check'
                AND twin.time BETWEEN e.time - interval '2 seconds' AND e.time + interval '2 seconds'
                AND twin.event_type <> e.event_type
                AND twin.username = e.username
                AND twin.event ->> 'problem_id' = e.event ->> 'problem_id'
        ),
        FALSE
    ) AS emitted_twice,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind = 'problem_check';

COMMENT ON VIEW edx.problem_attempt IS 'Answers that users submitted and the server checked: problem_check of the server, until 15 October 2013 save_problem_check.';
COMMENT ON COLUMN edx.problem_attempt.time IS 'GMT time the event was triggered.';
COMMENT ON COLUMN edx.problem_attempt.username IS 'username of the user who triggered the event.';
COMMENT ON COLUMN edx.problem_attempt.user_id IS 'id of that user.';
COMMENT ON COLUMN edx.problem_attempt.session IS 'key identifying the user''s session.';
COMMENT ON COLUMN edx.problem_attempt.course_id IS 'course of the event.';
COMMENT ON COLUMN edx.problem_attempt.org_id IS 'organization of the course.';
COMMENT ON COLUMN edx.problem_attempt.problem_id IS 'id of the problem being checked.';
COMMENT ON COLUMN edx.problem_attempt.success IS 'whether the problem was correct: correct, incorrect.';
COMMENT ON COLUMN edx.problem_attempt.attempts IS 'number of attempts.';
COMMENT ON COLUMN edx.problem_attempt.grade IS 'points of this attempt.';
COMMENT ON COLUMN edx.problem_attempt.max_grade IS 'points that can be had.';
COMMENT ON COLUMN edx.problem_attempt.answers IS 'students answers: {id: value or list}.';
COMMENT ON COLUMN edx.problem_attempt.correct_map IS 'what the grader said of each answer; edx.problem_response has its fields.';
COMMENT ON COLUMN edx.problem_attempt.submission IS 'question and answer of each response; edx.problem_response has its fields.';
COMMENT ON COLUMN edx.problem_attempt.state IS 'current problem state: seed, done, student_answers, correct_map, input_state.';
COMMENT ON COLUMN edx.problem_attempt.module_display_name IS 'name of the problem (context.module.display_name).';
COMMENT ON COLUMN edx.problem_attempt.module_usage_key IS 'id of the problem''s block (context.module.usage_key).';
COMMENT ON COLUMN edx.problem_attempt.event_type IS 'type of event triggered, as the log spells it.';
COMMENT ON COLUMN edx.problem_attempt.emitted_twice IS 'Until 15 July 2013 the server emitted the event under both names: true where the other one is there too, within two seconds. To count such attempts once, leave out those with event_type save_problem_check.';
COMMENT ON COLUMN edx.problem_attempt.event_status IS 'In which form the event was written, see edx.event.';
COMMENT ON COLUMN edx.problem_attempt.event_hash IS 'With time, the key of the row in edx.event.';
COMMENT ON COLUMN edx.problem_attempt._origin IS 'The edX site.';

CREATE OR REPLACE VIEW edx.problem_response AS
SELECT
    a.time,
    a.username,
    a.user_id,
    a.course_id,
    a.problem_id,
    a.attempts,
    r.id,
    a.answers -> r.id AS answer,
    a.correct_map -> r.id ->> 'correctness' AS correctness,
    ops.try_numeric(a.correct_map -> r.id ->> 'npoints') AS npoints,
    a.correct_map -> r.id ->> 'msg' AS msg,
    a.correct_map -> r.id ->> 'hint' AS hint,
    a.correct_map -> r.id ->> 'hintmode' AS hintmode,
    edx.object_of(a.correct_map -> r.id -> 'queuestate') ->> 'key' AS queuestate_key,
    edx.object_of(a.correct_map -> r.id -> 'queuestate') ->> 'time' AS queuestate_time,
    a.correct_map -> r.id ->> 'answervariable' AS answervariable,
    a.submission -> r.id ->> 'question' AS question,
    a.submission -> r.id -> 'answer' AS submission_answer,
    a.submission -> r.id ->> 'response_type' AS response_type,
    a.submission -> r.id ->> 'input_type' AS input_type,
    ops.try_bool(a.submission -> r.id ->> 'correct') AS correct,
    a.submission -> r.id ->> 'variant' AS variant,
    a.submission -> r.id ->> 'group_label' AS group_label,
    a.event_type,
    a.emitted_twice,
    a.event_hash,
    a._origin
FROM edx.problem_attempt AS a
CROSS JOIN LATERAL jsonb_object_keys(
    coalesce(a.answers, '{}') || coalesce(a.correct_map, '{}') || coalesce(a.submission, '{}')
) AS r (id);

COMMENT ON VIEW edx.problem_response IS 'One row for each response of an attempt (a problem may have several): what answers, correct_map and submission say of it.';
COMMENT ON COLUMN edx.problem_response.time IS 'GMT time the event was triggered.';
COMMENT ON COLUMN edx.problem_response.username IS 'username of the user who triggered the event.';
COMMENT ON COLUMN edx.problem_response.user_id IS 'id of that user.';
COMMENT ON COLUMN edx.problem_response.course_id IS 'course of the event.';
COMMENT ON COLUMN edx.problem_response.problem_id IS 'id of the problem being checked.';
COMMENT ON COLUMN edx.problem_response.attempts IS 'number of attempts.';
COMMENT ON COLUMN edx.problem_response.id IS 'id of the response: the key in answers, correct_map and submission.';
COMMENT ON COLUMN edx.problem_response.answer IS 'students answer: a value, or a list.';
COMMENT ON COLUMN edx.problem_response.correctness IS 'correct, incorrect.';
COMMENT ON COLUMN edx.problem_response.npoints IS 'points given.';
COMMENT ON COLUMN edx.problem_response.msg IS 'message of the grader.';
COMMENT ON COLUMN edx.problem_response.hint IS 'hint that was given.';
COMMENT ON COLUMN edx.problem_response.hintmode IS 'when the hint is shown: on_request, always.';
COMMENT ON COLUMN edx.problem_response.queuestate_key IS 'of an answer that waits for an external grader: its key in the queue.';
COMMENT ON COLUMN edx.problem_response.queuestate_time IS 'of an answer that waits for an external grader: since when.';
COMMENT ON COLUMN edx.problem_response.answervariable IS 'name of the variable that the answer was given to.';
COMMENT ON COLUMN edx.problem_response.question IS 'text of the question.';
COMMENT ON COLUMN edx.problem_response.submission_answer IS 'text of the answer, or a list of texts.';
COMMENT ON COLUMN edx.problem_response.response_type IS 'type of the response, such as multiplechoiceresponse.';
COMMENT ON COLUMN edx.problem_response.input_type IS 'type of the input, such as choicegroup.';
COMMENT ON COLUMN edx.problem_response.correct IS 'whether the response was correct.';
COMMENT ON COLUMN edx.problem_response.variant IS 'variant of a randomized problem.';
COMMENT ON COLUMN edx.problem_response.group_label IS 'label of the group that the question belongs to.';
COMMENT ON COLUMN edx.problem_response.event_type IS 'type of event triggered, as the log spells it.';
COMMENT ON COLUMN edx.problem_response.emitted_twice IS 'See edx.problem_attempt.';
COMMENT ON COLUMN edx.problem_response.event_hash IS 'With time, the key of the row in edx.event.';
COMMENT ON COLUMN edx.problem_response._origin IS 'The edX site.';
