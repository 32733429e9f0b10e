-- depends: 0005_edx

-- Families of events as tables, over edx.event: no second copy, and no cast that can fail. A view has
-- the fields of its events under the vendor's names; a field that is called like a column of edx.event
-- (course_id, user_id, name) begins with event_ there, so that conditions on course_id and time reach
-- the table's index and its partitions.

-- In PL/pgSQL: the planner would work out the casts of a CASE before it knows whether they hold. A
-- string is parsed by recursion: one nested deeper than the server's stack allows would end the query.
CREATE FUNCTION edx.object_of(value jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    most_brackets CONSTANT integer := 5000;
    text_of text;
BEGIN
    IF jsonb_typeof(value) = 'string' THEN
        text_of := value #>> '{}';
        IF length(text_of) - length(translate(text_of, '[{', '')) <= most_brackets
            AND pg_input_is_valid(text_of, 'jsonb')
        THEN
            value := text_of::jsonb;
        END IF;
    END IF;
    RETURN CASE WHEN jsonb_typeof(value) = 'object' THEN value END;
END
$$;

COMMENT ON FUNCTION edx.object_of(jsonb) IS 'The object that a field is, or that a string encodes ("string/json" in the document); NULL for anything else, and for a string with more than 5000 opening brackets.';

CREATE FUNCTION edx.texts_of(value jsonb) RETURNS text []
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(SELECT item #>> '{}' FROM jsonb_path_query(value, '$[*]') AS item);

COMMENT ON FUNCTION edx.texts_of(jsonb) IS 'The values of a field that is one value or a list of values.';

-- Videos.

CREATE VIEW edx.video_interaction AS
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
    ops.try_numeric(e.event ->> 'duration') AS duration,
    e.event ->> 'seek_type' AS seek_type,
    ops.try_numeric(e.event ->> 'requested_skip_interval') AS requested_skip_interval,
    e.event ->> 'language' AS language,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'load_video', 'play_video', 'pause_video', 'stop_video', 'seek_video', 'speed_change_video',
    'show_transcript', 'hide_transcript', 'complete_video', 'edx.video.closed_captions.shown',
    'edx.video.closed_captions.hidden', 'video_show_cc_menu', 'video_hide_cc_menu'
);

COMMENT ON VIEW edx.video_interaction IS 'What users did with videos, in the browser and on mobile devices, under the old names and the new: event_kind is one of load_video, play_video, pause_video, stop_video, seek_video, speed_change_video, show_transcript, hide_transcript, complete_video, edx.video.closed_captions.shown and .hidden, video_show_cc_menu, video_hide_cc_menu (the menu of languages).';
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
COMMENT ON COLUMN edx.video_interaction.duration IS 'length of the video, in seconds.';
COMMENT ON COLUMN edx.video_interaction.seek_type IS 'of seek_video on mobile devices: slide, skip, where edX has not made a type of it.';
COMMENT ON COLUMN edx.video_interaction.requested_skip_interval IS 'of seek_video on mobile devices: seconds that the user moved, backward if negative.';
COMMENT ON COLUMN edx.video_interaction.language IS 'of video_hide_cc_menu: language of the transcript that the user selected.';
COMMENT ON COLUMN edx.video_interaction.event_status IS 'In which form the event was written, see edx.event.';
COMMENT ON COLUMN edx.video_interaction.event_hash IS 'With time, the key of the row in edx.event.';
COMMENT ON COLUMN edx.video_interaction._origin IS 'The edX site.';

-- Problems, as the server saw them.

-- The twin of an attempt is looked for where there are twins: in the partitions before July 2013 ended.
CREATE VIEW edx.problem_attempt AS
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
    ops.try_int8(edx.object_of(e.event -> 'state') ->> 'seed') AS state_seed,
    ops.try_bool(edx.object_of(e.event -> 'state') ->> 'done') AS state_done,
    edx.object_of(edx.object_of(e.event -> 'state') -> 'student_answers') AS state_student_answers,
    edx.object_of(edx.object_of(e.event -> 'state') -> 'correct_map') AS state_correct_map,
    edx.object_of(edx.object_of(e.event -> 'state') -> 'input_state') AS state_input_state,
    e.context #>> '{module,display_name}' AS module_display_name,
    e.context #>> '{module,usage_key}' AS module_usage_key,
    e.event_type,
    coalesce(
        e.time < '2013-07-15T00:00:00Z'
        AND EXISTS (
            SELECT
            FROM edx.event AS twin
            WHERE twin.event_kind = 'problem_check'
                AND twin.time < '2013-07-15T00:00:02Z'
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
COMMENT ON COLUMN edx.problem_attempt.state_seed IS 'seed of the problem''s random numbers (state.seed).';
COMMENT ON COLUMN edx.problem_attempt.state_done IS 'whether the problem was answered (state.done).';
COMMENT ON COLUMN edx.problem_attempt.state_student_answers IS 'students answers as they were before: {id: value or list} (state.student_answers).';
COMMENT ON COLUMN edx.problem_attempt.state_correct_map IS 'what the grader had said of them (state.correct_map).';
COMMENT ON COLUMN edx.problem_attempt.state_input_state IS 'state of each input: {id: object} (state.input_state).';
COMMENT ON COLUMN edx.problem_attempt.module_display_name IS 'name of the problem (context.module.display_name).';
COMMENT ON COLUMN edx.problem_attempt.module_usage_key IS 'id of the problem''s block (context.module.usage_key).';
COMMENT ON COLUMN edx.problem_attempt.event_type IS 'type of event triggered, as the log spells it.';
COMMENT ON COLUMN edx.problem_attempt.emitted_twice IS 'Until 15 July 2013 the server emitted the event under both names: true where the other one is there too, within two seconds. To count such attempts once, leave out those with event_type save_problem_check.';
COMMENT ON COLUMN edx.problem_attempt.event_status IS 'In which form the event was written, see edx.event.';
COMMENT ON COLUMN edx.problem_attempt.event_hash IS 'With time, the key of the row in edx.event.';
COMMENT ON COLUMN edx.problem_attempt._origin IS 'The edX site.';

CREATE VIEW edx.problem_response AS
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

CREATE VIEW edx.problem_check_failure AS
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
    e.event ->> 'problem_id' AS problem_id,
    e.event ->> 'failure' AS failure,
    edx.object_of(e.event -> 'answers') AS answers,
    edx.object_of(e.event -> 'state') AS state,
    ops.try_int8(edx.object_of(e.event -> 'state') ->> 'seed') AS state_seed,
    ops.try_bool(edx.object_of(e.event -> 'state') ->> 'done') AS state_done,
    edx.object_of(edx.object_of(e.event -> 'state') -> 'student_answers') AS state_student_answers,
    edx.object_of(edx.object_of(e.event -> 'state') -> 'correct_map') AS state_correct_map,
    edx.object_of(edx.object_of(e.event -> 'state') -> 'input_state') AS state_input_state,
    e.context #>> '{module,display_name}' AS module_display_name,
    e.context #>> '{module,usage_key}' AS module_usage_key,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind = 'problem_check_fail';

COMMENT ON VIEW edx.problem_check_failure IS 'Answers that users submitted and the server did not check: problem_check_fail, until 15 October 2013 save_problem_check_fail.';
COMMENT ON COLUMN edx.problem_check_failure.problem_id IS 'id of the problem being checked.';
COMMENT ON COLUMN edx.problem_check_failure.failure IS 'why the problem was not checked: closed, unreset.';
COMMENT ON COLUMN edx.problem_check_failure.answers IS 'students answers: {id: value or list}.';
COMMENT ON COLUMN edx.problem_check_failure.state IS 'current problem state: seed, done, student_answers, correct_map, input_state.';
COMMENT ON COLUMN edx.problem_check_failure.state_seed IS 'seed of the problem''s random numbers (state.seed).';
COMMENT ON COLUMN edx.problem_check_failure.state_done IS 'whether the problem was answered (state.done).';
COMMENT ON COLUMN edx.problem_check_failure.state_student_answers IS 'students answers as they were before: {id: value or list} (state.student_answers).';
COMMENT ON COLUMN edx.problem_check_failure.state_correct_map IS 'what the grader had said of them (state.correct_map).';
COMMENT ON COLUMN edx.problem_check_failure.state_input_state IS 'state of each input: {id: object} (state.input_state).';
COMMENT ON COLUMN edx.problem_check_failure.module_display_name IS 'name of the problem (context.module.display_name).';
COMMENT ON COLUMN edx.problem_check_failure.module_usage_key IS 'id of the problem''s block (context.module.usage_key).';

CREATE VIEW edx.shown_answer AS
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
    e.event ->> 'problem_id' AS problem_id,
    e.context #>> '{module,display_name}' AS module_display_name,
    e.context #>> '{module,usage_key}' AS module_usage_key,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind = 'showanswer';

COMMENT ON VIEW edx.shown_answer IS 'Answers that were shown to users who asked for them: showanswer of the server, show_answer in the document.';
COMMENT ON COLUMN edx.shown_answer.problem_id IS 'id of the problem being shown, such as i4x://MITx/6.00x/problem/L15:L15_Problem_2.';
COMMENT ON COLUMN edx.shown_answer.module_display_name IS 'name of the problem (context.module.display_name).';
COMMENT ON COLUMN edx.shown_answer.module_usage_key IS 'id of the problem''s block (context.module.usage_key).';

CREATE VIEW edx.problem_reset AS
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
    e.event ->> 'problem_id' AS problem_id,
    edx.object_of(e.event -> 'old_state') AS old_state,
    edx.object_of(e.event -> 'new_state') AS new_state,
    e.event ->> 'failure' AS failure,
    e.context #>> '{module,display_name}' AS module_display_name,
    e.context #>> '{module,usage_key}' AS module_usage_key,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN ('reset_problem', 'reset_problem_fail');

COMMENT ON VIEW edx.problem_reset IS 'Problems that users reset, and those that the server did not reset: reset_problem, reset_problem_fail.';
COMMENT ON COLUMN edx.problem_reset.problem_id IS 'id of the problem being reset; the document says, being shown.';
COMMENT ON COLUMN edx.problem_reset.old_state IS 'problem state before the reset.';
COMMENT ON COLUMN edx.problem_reset.new_state IS 'problem state afterwards.';
COMMENT ON COLUMN edx.problem_reset.failure IS 'of reset_problem_fail: why the problem was not reset: closed, not_done.';
COMMENT ON COLUMN edx.problem_reset.module_display_name IS 'name of the problem (context.module.display_name).';
COMMENT ON COLUMN edx.problem_reset.module_usage_key IS 'id of the problem''s block (context.module.usage_key).';

CREATE VIEW edx.saved_problem AS
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
    e.event ->> 'problem_id' AS problem_id,
    edx.object_of(e.event -> 'answers') AS answers,
    edx.object_of(e.event -> 'state') AS state,
    e.event ->> 'failure' AS failure,
    e.context #>> '{module,display_name}' AS module_display_name,
    e.context #>> '{module,usage_key}' AS module_usage_key,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'save_problem_success', 'save_problem_fail'
);

COMMENT ON VIEW edx.saved_problem IS 'Answers that users saved without having them checked: save_problem_success and save_problem_fail of the server.';
COMMENT ON COLUMN edx.saved_problem.problem_id IS 'id of the problem being saved.';
COMMENT ON COLUMN edx.saved_problem.answers IS 'students answers: {id: value or list}.';
COMMENT ON COLUMN edx.saved_problem.state IS 'current problem state: seed, done, student_answers, correct_map, input_state.';
COMMENT ON COLUMN edx.saved_problem.failure IS 'of save_problem_fail: why the problem was not saved: closed, done.';
COMMENT ON COLUMN edx.saved_problem.module_display_name IS 'name of the problem (context.module.display_name).';
COMMENT ON COLUMN edx.saved_problem.module_usage_key IS 'id of its block (context.module.usage_key).';

CREATE VIEW edx.rescored_problem AS
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
    e.event ->> 'problem_id' AS problem_id,
    e.event ->> 'student' AS student,
    e.event ->> 'success' AS success,
    ops.try_int4(e.event ->> 'attempts') AS attempts,
    ops.try_numeric(e.event ->> 'orig_score') AS orig_score,
    ops.try_numeric(e.event ->> 'orig_total') AS orig_total,
    ops.try_numeric(e.event ->> 'new_score') AS new_score,
    ops.try_numeric(e.event ->> 'new_total') AS new_total,
    edx.object_of(e.event -> 'correct_map') AS correct_map,
    edx.object_of(e.event -> 'state') AS state,
    e.event ->> 'failure' AS failure,
    e.event ->> 'task_id' AS task_id,
    e.context #>> '{module,display_name}' AS module_display_name,
    e.context #>> '{module,usage_key}' AS module_usage_key,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'problem_rescore', 'problem_rescore_fail'
);

COMMENT ON VIEW edx.rescored_problem IS 'Answers that were marked again: problem_rescore, problem_rescore_fail.';
COMMENT ON COLUMN edx.rescored_problem.problem_id IS 'id of the problem being rescored.';
COMMENT ON COLUMN edx.rescored_problem.student IS 'username of the person whose response is being rescored; username is who did it.';
COMMENT ON COLUMN edx.rescored_problem.success IS 'whether the problem was correct: correct, incorrect.';
COMMENT ON COLUMN edx.rescored_problem.attempts IS 'number of attempts.';
COMMENT ON COLUMN edx.rescored_problem.orig_score IS 'points before.';
COMMENT ON COLUMN edx.rescored_problem.orig_total IS 'points that could be had before.';
COMMENT ON COLUMN edx.rescored_problem.new_score IS 'points afterwards.';
COMMENT ON COLUMN edx.rescored_problem.new_total IS 'points that can be had afterwards.';
COMMENT ON COLUMN edx.rescored_problem.correct_map IS 'what the grader said of each answer, as in edx.problem_attempt.';
COMMENT ON COLUMN edx.rescored_problem.state IS 'current problem state: seed, done, student_answers, correct_map, input_state.';
COMMENT ON COLUMN edx.rescored_problem.failure IS 'of problem_rescore_fail: why the problem was not rescored: unsupported, unanswered, input_error, unexpected.';
COMMENT ON COLUMN edx.rescored_problem.task_id IS 'id of the task that rescored.';
COMMENT ON COLUMN edx.rescored_problem.module_display_name IS 'name of the problem (context.module.display_name).';
COMMENT ON COLUMN edx.rescored_problem.module_usage_key IS 'id of its block (context.module.usage_key).';

CREATE VIEW edx.hint_display AS
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
    e.event ->> 'module_id' AS module_id,
    ops.try_int4(e.event ->> 'hint_index') AS hint_index,
    ops.try_int4(e.event ->> 'hint_len') AS hint_len,
    e.event ->> 'hint_text' AS hint_text,
    e.event ->> 'hint_label' AS hint_label,
    e.event -> 'hints' AS hints,
    e.event ->> 'trigger_type' AS trigger_type,
    e.event ->> 'problem_part_id' AS problem_part_id,
    e.event ->> 'question_type' AS question_type,
    ops.try_bool(e.event ->> 'correctness') AS correctness,
    e.event -> 'student_answer' AS student_answer,
    e.event -> 'choice_all' AS choice_all,
    e.context #>> '{module,display_name}' AS module_display_name,
    e.context #>> '{module,usage_key}' AS module_usage_key,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'edx.problem.hint.demandhint_displayed', 'edx.problem.hint.feedback_displayed'
);

COMMENT ON VIEW edx.hint_display IS 'Hints and feedback that were shown to users: edx.problem.hint.demandhint_displayed (the user asked for a hint), .feedback_displayed (an answer led to it).';
COMMENT ON COLUMN edx.hint_display.module_id IS 'id of the problem.';
COMMENT ON COLUMN edx.hint_display.hint_index IS 'of demandhint_displayed: which hint it was, from 0.';
COMMENT ON COLUMN edx.hint_display.hint_len IS 'of demandhint_displayed: number of hints of the problem.';
COMMENT ON COLUMN edx.hint_display.hint_text IS 'of demandhint_displayed: text of the hint.';
COMMENT ON COLUMN edx.hint_display.hint_label IS 'of feedback_displayed: the text before it, such as Correct.';
COMMENT ON COLUMN edx.hint_display.hints IS 'of feedback_displayed: list of {text}.';
COMMENT ON COLUMN edx.hint_display.trigger_type IS 'of feedback_displayed: single, compound.';
COMMENT ON COLUMN edx.hint_display.problem_part_id IS 'of feedback_displayed: id of the response.';
COMMENT ON COLUMN edx.hint_display.question_type IS 'of feedback_displayed: type of the response, such as stringresponse.';
COMMENT ON COLUMN edx.hint_display.correctness IS 'of feedback_displayed: whether the answer was correct.';
COMMENT ON COLUMN edx.hint_display.student_answer IS 'of feedback_displayed: list of answers.';
COMMENT ON COLUMN edx.hint_display.choice_all IS 'of feedback_displayed: list of all choices.';
COMMENT ON COLUMN edx.hint_display.module_display_name IS 'name of the problem (context.module.display_name).';
COMMENT ON COLUMN edx.hint_display.module_usage_key IS 'id of its block (context.module.usage_key).';

-- Problems, as the browser saw them.

CREATE VIEW edx.shown_problem AS
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
    e.event ->> 'problem' AS problem,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind = 'problem_show';

COMMENT ON VIEW edx.shown_problem IS 'Problems that were shown to users: problem_show of the browser.';
COMMENT ON COLUMN edx.shown_problem.problem IS 'id of the problem being checked.';

CREATE VIEW edx.browser_problem_check AS
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
    edx.object_of(e.event) AS inputs,
    e.event_text,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind = 'problem_check_browser';

COMMENT ON VIEW edx.browser_problem_check IS 'Problems that users checked: problem_check of the browser, one row for each; edx.problem_input has its inputs, edx.problem_attempt what the server made of it.';
COMMENT ON COLUMN edx.browser_problem_check.inputs IS 'values of all input fields from the problem being checked, decoded: {input: value or list}.';
COMMENT ON COLUMN edx.browser_problem_check.event_text IS 'the same as it came, in the style of GET parameters (key=value&key=value).';

CREATE VIEW edx.browser_problem_change AS
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
    edx.object_of(e.event) AS inputs,
    e.event_text AS event_text,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'problem_save', 'problem_reset'
);

COMMENT ON VIEW edx.browser_problem_change IS 'Problems that users saved (problem_save) or reset (problem_reset) in the browser, one row for each; edx.problem_input has their inputs, edx.saved_problem and edx.problem_reset what the server made of it.';
COMMENT ON COLUMN edx.browser_problem_change.inputs IS 'values of all input fields from the problem, decoded: {input: value or list}.';
COMMENT ON COLUMN edx.browser_problem_change.event_text IS 'the same as it came, in the style of GET parameters (key=value&key=value).';

CREATE VIEW edx.problem_input AS
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
    i.input,
    regexp_replace(i.input, '^input_|\[\]$', '', 'g') AS id,
    edx.texts_of(i.value) AS values,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
CROSS JOIN LATERAL jsonb_each(edx.object_of(e.event)) AS i (input, value)
WHERE e.event_kind IN ('problem_check_browser', 'problem_save', 'problem_reset');

COMMENT ON VIEW edx.problem_input IS 'One row for each input field of a problem that a user checked, saved or reset in the browser, with its values: event_kind is problem_check_browser, problem_save or problem_reset.';
COMMENT ON COLUMN edx.problem_input.input IS 'name of the input field, as the browser sends it: input_<id>, or input_<id>[] where several values may be chosen.';
COMMENT ON COLUMN edx.problem_input.id IS 'id of the response: the key in answers, correct_map and submission of edx.problem_attempt.';
COMMENT ON COLUMN edx.problem_input.values IS 'values of the input field, decoded, in their order.';

CREATE VIEW edx.graded_problem AS
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
    e.event ->> 0 AS answers,
    e.event ->> 1 AS html,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind = 'problem_graded';

COMMENT ON VIEW edx.graded_problem IS 'Problems whose marks the browser was given: problem_graded, a list [answers, html].';
COMMENT ON COLUMN edx.graded_problem.answers IS 'values of all input fields from the problem, in the style of GET parameters.';
COMMENT ON COLUMN edx.graded_problem.html IS 'the problem with its marks, as it was displayed.';

-- Sequences, textbooks, pages, links.

CREATE VIEW edx.sequence_navigation AS
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
    ops.try_int4(e.event ->> 'old') AS old,
    ops.try_int4(e.event ->> 'new') AS new,
    ops.try_int4(e.event ->> 'current_tab') AS current_tab,
    ops.try_int4(e.event ->> 'tab_count') AS tab_count,
    e.event ->> 'widget_placement' AS widget_placement,
    ops.try_int4(e.event ->> 'target_tab') AS target_tab,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN ('seq_goto', 'seq_next', 'seq_prev');

COMMENT ON VIEW edx.sequence_navigation IS 'How users went through sequences, under the old names and the new: event_kind is seq_goto (a tab was chosen), seq_next or seq_prev.';
COMMENT ON COLUMN edx.sequence_navigation.id IS 'edX id of the sequence.';
COMMENT ON COLUMN edx.sequence_navigation.old IS 'sequence element being jumped from.';
COMMENT ON COLUMN edx.sequence_navigation.new IS 'sequence element being jumped to.';
COMMENT ON COLUMN edx.sequence_navigation.current_tab IS 'since 2016: sequence element that the user was at, from 1.';
COMMENT ON COLUMN edx.sequence_navigation.tab_count IS 'since 2016: number of elements of the sequence.';
COMMENT ON COLUMN edx.sequence_navigation.widget_placement IS 'since 2016: where the control is that the user clicked: top, bottom.';
COMMENT ON COLUMN edx.sequence_navigation.target_tab IS 'since 2016, of seq_goto: sequence element that the user chose.';

CREATE VIEW edx.book_navigation AS
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
    e.event ->> 'type' AS type,
    ops.try_int4(e.event ->> 'old') AS old,
    ops.try_int4(e.event ->> 'new') AS new,
    e.event ->> 'chapter' AS chapter,
    e.event ->> 'name' AS event_name,
    ops.try_int4(e.event ->> 'page') AS event_page,
    e.event ->> 'chapter_title' AS chapter_title,
    e.event ->> 'thumbnail_title' AS thumbnail_title,
    e.event ->> 'direction' AS direction,
    e.event ->> 'amount' AS amount,
    e.event ->> 'query' AS query,
    e.event ->> 'status' AS status,
    ops.try_bool(e.event ->> 'caseSensitive') AS casesensitive,
    ops.try_bool(e.event ->> 'highlightAll') AS highlightall,
    ops.try_bool(e.event ->> 'findprevious') AS findprevious,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'book', 'textbook.pdf.thumbnails.toggled', 'textbook.pdf.thumbnail.navigated',
    'textbook.pdf.outline.toggled', 'textbook.pdf.chapter.navigated',
    'textbook.pdf.page.navigated', 'textbook.pdf.zoom.buttons.changed',
    'textbook.pdf.zoom.menu.changed', 'textbook.pdf.display.scaled',
    'textbook.pdf.page.scrolled', 'textbook.pdf.search.executed',
    'textbook.pdf.search.navigatednext', 'textbook.pdf.search.highlight.toggled',
    'textbook.pdf.searchcasesensitivity.toggled'
);

COMMENT ON VIEW edx.book_navigation IS 'What users did with textbooks: book, and with textbooks in PDF textbook.pdf.* too.';
COMMENT ON COLUMN edx.book_navigation.type IS 'of book: how the user went there: gotopage, prevpage, nextpage.';
COMMENT ON COLUMN edx.book_navigation.old IS 'of book: from page number.';
COMMENT ON COLUMN edx.book_navigation.new IS 'of book: to page number; next page number.';
COMMENT ON COLUMN edx.book_navigation.chapter IS 'file of the chapter, of a textbook in PDF.';
COMMENT ON COLUMN edx.book_navigation.event_name IS 'name of the event, as its field name spells it, such as textbook.pdf.page.loaded.';
COMMENT ON COLUMN edx.book_navigation.event_page IS 'of textbook.pdf: number of the page that is open, or that the user goes to.';
COMMENT ON COLUMN edx.book_navigation.chapter_title IS 'of textbook.pdf.chapter.navigated: title of the chapter.';
COMMENT ON COLUMN edx.book_navigation.thumbnail_title IS 'of textbook.pdf.thumbnail.navigated: title of the page.';
COMMENT ON COLUMN edx.book_navigation.direction IS 'where the user went: in, out (zoom), up, down (scroll).';
COMMENT ON COLUMN edx.book_navigation.amount IS 'size of the display, such as 1.25 or page_fit.';
COMMENT ON COLUMN edx.book_navigation.query IS 'of a search: what the user looked for.';
COMMENT ON COLUMN edx.book_navigation.status IS 'of a search: what was found of it, if not all went well.';
COMMENT ON COLUMN edx.book_navigation.casesensitive IS 'of a search: whether case matters.';
COMMENT ON COLUMN edx.book_navigation.highlightall IS 'of a search: whether all finds are highlighted.';
COMMENT ON COLUMN edx.book_navigation.findprevious IS 'of a search: whether the user went back.';

CREATE VIEW edx.closed_page AS
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
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind = 'page_close';

COMMENT ON VIEW edx.closed_page IS 'Pages that users closed: page_close. page indicates which page was being closed.';

CREATE VIEW edx.link_click AS
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
    e.event ->> 'current_url' AS current_url,
    e.event ->> 'target_url' AS target_url,
    e.event ->> 'target_name' AS target_name,
    e.event ->> 'widget_placement' AS widget_placement,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN ('link_clicked', 'outline.selected');

COMMENT ON VIEW edx.link_click IS 'Links that users clicked (link_clicked), and lines of an outline that they chose (outline.selected).';
COMMENT ON COLUMN edx.link_click.current_url IS 'page with the link.';
COMMENT ON COLUMN edx.link_click.target_url IS 'page to which the link leads.';
COMMENT ON COLUMN edx.link_click.target_name IS 'of outline.selected: title of the line.';
COMMENT ON COLUMN edx.link_click.widget_placement IS 'of outline.selected: where the outline is, such as accordion.';

-- Open-ended responses, peer and staff grading.

CREATE VIEW edx.rubric_selection AS
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
    e.event ->> 'location' AS location,
    ops.try_int4(e.event ->> 'category') AS category,
    coalesce(ops.try_int4(e.event ->> 'value'), ops.try_int4(e.event ->> 'selection')) AS value,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind = 'rubric_select';

COMMENT ON VIEW edx.rubric_selection IS 'What users selected in rubrics: rubric_select.';
COMMENT ON COLUMN edx.rubric_selection.location IS 'location of the rubric''s problem, such as i4x://MITx/6.00x/problem/L15:L15_Problem_2.';
COMMENT ON COLUMN edx.rubric_selection.category IS 'category number of the rubric selection.';
COMMENT ON COLUMN edx.rubric_selection.value IS 'value selected within the category (value, or selection).';

CREATE VIEW edx.prompt_display AS
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
    substring(e.event_kind FROM '^(oe|peer_grading|staff_grading)_') AS grading,
    substring(e.event_kind FROM '_(show|hide)_question$') AS action,
    e.event ->> 'location' AS location,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'oe_show_question', 'oe_hide_question', 'peer_grading_show_question',
    'peer_grading_hide_question', 'staff_grading_show_question', 'staff_grading_hide_question'
);

COMMENT ON VIEW edx.prompt_display IS 'Prompts of problems that users had shown or hidden: (oe / peer_grading / staff_grading)_show_problem and _hide_problem, _show_question and _hide_question in the logs.';
COMMENT ON COLUMN edx.prompt_display.grading IS 'where: oe (open-ended response), peer_grading, staff_grading.';
COMMENT ON COLUMN edx.prompt_display.action IS 'what was done with the prompt: show, hide.';
COMMENT ON COLUMN edx.prompt_display.location IS 'the location of the problem whose prompt we''re showing, or hiding.';

CREATE VIEW edx.feedback_interaction AS
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
    ops.try_int4(e.event ->> 'value') AS value,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'oe_show_full_feedback', 'oe_show_respond_to_feedback', 'oe_feedback_response_selected'
);

COMMENT ON VIEW edx.feedback_interaction IS 'What users did with the feedback on an open-ended response: oe_show_full_feedback, oe_show_respond_to_feedback (page is where the feedback, or the feedback response form, was shown), oe_feedback_response_selected.';
COMMENT ON COLUMN edx.feedback_interaction.value IS 'of oe_feedback_response_selected: the value selected in the feedback response form.';

CREATE VIEW edx.open_assessment AS
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
    e.event ->> 'submission_uuid' AS submission_uuid,
    e.event -> 'answer' AS answer,
    coalesce(edx.object_of(e.event -> 'saved_response'), e.event -> 'saved_response') AS saved_response,
    ops.try_int4(e.event ->> 'attempt_number') AS attempt_number,
    ops.try_timestamptz(e.event ->> 'created_at') AS created_at,
    ops.try_timestamptz(e.event ->> 'submitted_at') AS submitted_at,
    e.event ->> 'course_id' AS event_course_id,
    e.event ->> 'item_id' AS item_id,
    e.event ->> 'requesting_student_id' AS requesting_student_id,
    e.event ->> 'requesting_staff_id' AS requesting_staff_id,
    e.event ->> 'submission_returned_uuid' AS submission_returned_uuid,
    e.event ->> 'type' AS type,
    e.event ->> 'scorer_id' AS scorer_id,
    e.event ->> 'score_type' AS score_type,
    ops.try_timestamptz(e.event ->> 'scored_at') AS scored_at,
    e.event ->> 'feedback' AS feedback,
    e.event ->> 'feedback_text' AS feedback_text,
    edx.texts_of(e.event -> 'options') AS options,
    e.event -> 'parts' AS parts,
    edx.object_of(e.event -> 'rubric') ->> 'contenthash' AS rubric_contenthash,
    edx.object_of(e.event -> 'corrections') AS corrections,
    edx.object_of(e.event -> 'options_selected') AS options_selected,
    e.event ->> 'student_item_key' AS student_item_key,
    e.event ->> 'fileName' AS filename,
    ops.try_int8(e.event ->> 'fileSize') AS filesize,
    e.event ->> 'fileType' AS filetype,
    e.context #>> '{module,display_name}' AS module_display_name,
    e.context #>> '{module,usage_key}' AS module_usage_key,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'openassessmentblock.create_submission', 'openassessmentblock.save_submission',
    'openassessmentblock.save_files_descriptions', 'openassessmentblock.remove_uploaded_file',
    'openassessmentblock.get_peer_submission',
    'openassessmentblock.get_submission_for_staff_grading', 'openassessmentblock.peer_assess',
    'openassessmentblock.self_assess', 'openassessmentblock.staff_assess',
    'openassessmentblock.submit_feedback_on_assessments',
    'openassessment.student_training_assess_example', 'openassessment.upload_file'
);

COMMENT ON VIEW edx.open_assessment IS 'Open responses and their assessment by the users themselves, peers and staff: openassessmentblock.*, openassessment.student_training_assess_example, openassessment.upload_file. They replaced oe_* and peer_grading_*.';
COMMENT ON COLUMN edx.open_assessment.submission_uuid IS 'id of the response.';
COMMENT ON COLUMN edx.open_assessment.answer IS 'of create_submission: the response.';
COMMENT ON COLUMN edx.open_assessment.saved_response IS 'of save_submission and save_files_descriptions: what was saved.';
COMMENT ON COLUMN edx.open_assessment.attempt_number IS 'of create_submission: which attempt it was.';
COMMENT ON COLUMN edx.open_assessment.created_at IS 'of create_submission: when the response was submitted.';
COMMENT ON COLUMN edx.open_assessment.submitted_at IS 'of create_submission: the same.';
COMMENT ON COLUMN edx.open_assessment.event_course_id IS 'of get_peer_submission, get_submission_for_staff_grading: course of the assessment.';
COMMENT ON COLUMN edx.open_assessment.item_id IS 'of the same: id of the problem.';
COMMENT ON COLUMN edx.open_assessment.requesting_student_id IS 'of get_peer_submission: anonymous id of the user who wants a response to assess.';
COMMENT ON COLUMN edx.open_assessment.requesting_staff_id IS 'of get_submission_for_staff_grading: anonymous id of the member of the staff.';
COMMENT ON COLUMN edx.open_assessment.submission_returned_uuid IS 'of the same two: id of the response that was given to be assessed; NULL if there was none.';
COMMENT ON COLUMN edx.open_assessment.type IS 'of the assessment by staff: full-grade, regrade.';
COMMENT ON COLUMN edx.open_assessment.scorer_id IS 'of an assessment: anonymous id of the user who made it.';
COMMENT ON COLUMN edx.open_assessment.score_type IS 'of an assessment: PE (by a peer), SE (by oneself), ST (by staff).';
COMMENT ON COLUMN edx.open_assessment.scored_at IS 'of an assessment: when it was submitted.';
COMMENT ON COLUMN edx.open_assessment.feedback IS 'of an assessment: comment on the response.';
COMMENT ON COLUMN edx.open_assessment.feedback_text IS 'of submit_feedback_on_assessments: comment on the assessments.';
COMMENT ON COLUMN edx.open_assessment.options IS 'of submit_feedback_on_assessments: labels that the user chose.';
COMMENT ON COLUMN edx.open_assessment.parts IS 'of an assessment: list of criterion, option and feedback.';
COMMENT ON COLUMN edx.open_assessment.rubric_contenthash IS 'of an assessment: hash of the rubric (rubric.contenthash).';
COMMENT ON COLUMN edx.open_assessment.corrections IS 'of student_training_assess_example: {criterion: right option} where the user chose another one.';
COMMENT ON COLUMN edx.open_assessment.options_selected IS 'of student_training_assess_example: {criterion: option that the user chose}.';
COMMENT ON COLUMN edx.open_assessment.student_item_key IS 'of remove_uploaded_file: key of the file.';
COMMENT ON COLUMN edx.open_assessment.filename IS 'of upload_file: name of the file.';
COMMENT ON COLUMN edx.open_assessment.filesize IS 'of upload_file: its bytes.';
COMMENT ON COLUMN edx.open_assessment.filetype IS 'of upload_file: its MIME type.';
COMMENT ON COLUMN edx.open_assessment.module_display_name IS 'name of the problem (context.module.display_name).';
COMMENT ON COLUMN edx.open_assessment.module_usage_key IS 'id of its block (context.module.usage_key).';

-- Enrollment and grades.

CREATE VIEW edx.enrollment_change AS
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
    e.event ->> 'course_id' AS event_course_id,
    ops.try_int8(e.event ->> 'user_id') AS event_user_id,
    e.event ->> 'mode' AS mode,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'edx.course.enrollment.activated', 'edx.course.enrollment.deactivated',
    'edx.course.enrollment.mode_changed'
);

COMMENT ON VIEW edx.enrollment_change IS 'Users who were enrolled in a course, or left it, or changed their mode: event_kind is edx.course.enrollment.activated, .deactivated or .mode_changed.';
COMMENT ON COLUMN edx.enrollment_change.event_course_id IS 'course of the enrollment.';
COMMENT ON COLUMN edx.enrollment_change.event_user_id IS 'id of the user who is enrolled; user_id is who did it.';
COMMENT ON COLUMN edx.enrollment_change.mode IS 'mode of the enrollment, such as audit, honor, verified.';

CREATE VIEW edx.submitted_grade AS
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
    ops.try_numeric(e.event ->> 'weighted_earned') AS weighted_earned,
    ops.try_numeric(e.event ->> 'weighted_possible') AS weighted_possible,
    e.event ->> 'problem_id' AS problem_id,
    ops.try_int8(e.event ->> 'user_id') AS event_user_id,
    e.event ->> 'course_id' AS event_course_id,
    e.event ->> 'event_transaction_id' AS event_transaction_id,
    e.event ->> 'event_transaction_type' AS event_transaction_type,
    e.context #>> '{module,display_name}' AS module_display_name,
    e.context #>> '{module,usage_key}' AS module_usage_key,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind = 'edx.grades.problem.submitted';

COMMENT ON VIEW edx.submitted_grade IS 'Points that users got for a problem: edx.grades.problem.submitted.';
COMMENT ON COLUMN edx.submitted_grade.weighted_earned IS 'points that the user has, weighted.';
COMMENT ON COLUMN edx.submitted_grade.weighted_possible IS 'points that can be had, weighted.';
COMMENT ON COLUMN edx.submitted_grade.problem_id IS 'id of the problem.';
COMMENT ON COLUMN edx.submitted_grade.event_user_id IS 'id of the user who has the points.';
COMMENT ON COLUMN edx.submitted_grade.event_course_id IS 'course of the problem.';
COMMENT ON COLUMN edx.submitted_grade.event_transaction_id IS 'id of the transaction: the events that one click led to have the same.';
COMMENT ON COLUMN edx.submitted_grade.event_transaction_type IS 'event that began the transaction.';
COMMENT ON COLUMN edx.submitted_grade.module_display_name IS 'name of the problem (context.module.display_name).';
COMMENT ON COLUMN edx.submitted_grade.module_usage_key IS 'id of the problem''s block (context.module.usage_key).';

CREATE VIEW edx.grade_change AS
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
    ops.try_int8(e.event ->> 'user_id') AS event_user_id,
    e.event ->> 'course_id' AS event_course_id,
    e.event ->> 'problem_id' AS problem_id,
    e.event ->> 'block_id' AS block_id,
    ops.try_numeric(e.event ->> 'new_weighted_earned') AS new_weighted_earned,
    ops.try_numeric(e.event ->> 'new_weighted_possible') AS new_weighted_possible,
    ops.try_numeric(e.event ->> 'weighted_graded_earned') AS weighted_graded_earned,
    ops.try_numeric(e.event ->> 'weighted_graded_possible') AS weighted_graded_possible,
    ops.try_numeric(e.event ->> 'weighted_total_earned') AS weighted_total_earned,
    ops.try_numeric(e.event ->> 'weighted_total_possible') AS weighted_total_possible,
    ops.try_numeric(coalesce(e.event ->> 'percent_grade', e.event ->> 'percent')) AS percent_grade,
    e.event ->> 'letter_grade' AS letter_grade,
    ops.try_bool(e.event ->> 'only_if_higher') AS only_if_higher,
    ops.try_bool(e.event ->> 'override_deleted') AS override_deleted,
    ops.try_int8(e.event ->> 'instructor_id') AS instructor_id,
    ops.try_timestamptz(e.event ->> 'first_attempted') AS first_attempted,
    e.event ->> 'course_version' AS course_version,
    e.event ->> 'grading_policy_hash' AS grading_policy_hash,
    e.event ->> 'visible_blocks_hash' AS visible_blocks_hash,
    coalesce(
        ops.try_timestamptz(e.event ->> 'subtree_edited_timestamp'),
        ops.try_timestamptz(e.event ->> 'subtree_edited_on')
    ) AS subtree_edited_timestamp,
    coalesce(
        ops.try_timestamptz(e.event ->> 'course_edited_timestamp'),
        ops.try_timestamptz(e.event ->> 'course_edited_on')
    ) AS course_edited_timestamp,
    e.event ->> 'event_transaction_id' AS event_transaction_id,
    e.event ->> 'event_transaction_type' AS event_transaction_type,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'edx.grades.problem.rescored', 'edx.grades.problem.score_overridden',
    'edx.grades.problem.state_deleted', 'edx.grades.subsection.score_overridden',
    'edx.grades.subsection.grade_calculated', 'edx.grades.course.grade_calculated',
    'edx.course.grade.passed.first_time', 'edx.course.grade.now_passed',
    'edx.course.grade.now_failed'
);

COMMENT ON VIEW edx.grade_change IS 'Grades that were calculated, and points that staff changed: edx.grades.problem.rescored, .score_overridden, .state_deleted; edx.grades.subsection.grade_calculated, .score_overridden; edx.grades.course.grade_calculated; edx.course.grade.passed.first_time, .now_passed, .now_failed. edx.submitted_grade has the points that users got.';
COMMENT ON COLUMN edx.grade_change.event_user_id IS 'id of the user who has the grade.';
COMMENT ON COLUMN edx.grade_change.event_course_id IS 'course of the grade.';
COMMENT ON COLUMN edx.grade_change.problem_id IS 'of a problem: its id.';
COMMENT ON COLUMN edx.grade_change.block_id IS 'of a subsection: its id.';
COMMENT ON COLUMN edx.grade_change.new_weighted_earned IS 'of a problem: points that the user has now, weighted.';
COMMENT ON COLUMN edx.grade_change.new_weighted_possible IS 'of a problem: points that can be had now, weighted.';
COMMENT ON COLUMN edx.grade_change.weighted_graded_earned IS 'of a subsection: points of its graded problems.';
COMMENT ON COLUMN edx.grade_change.weighted_graded_possible IS 'of a subsection: points that can be had for them.';
COMMENT ON COLUMN edx.grade_change.weighted_total_earned IS 'of a subsection: points of all its problems.';
COMMENT ON COLUMN edx.grade_change.weighted_total_possible IS 'of a subsection: points that can be had for them.';
COMMENT ON COLUMN edx.grade_change.percent_grade IS 'of a course: the grade as a share of 1 (percent_grade; percent in the documentation).';
COMMENT ON COLUMN edx.grade_change.letter_grade IS 'of a course: the grade as its policy calls it, such as B; empty if there is none.';
COMMENT ON COLUMN edx.grade_change.only_if_higher IS 'whether a grade could only rise.';
COMMENT ON COLUMN edx.grade_change.override_deleted IS 'of subsection.score_overridden: whether the change was taken back.';
COMMENT ON COLUMN edx.grade_change.instructor_id IS 'id of the member of the staff who did it.';
COMMENT ON COLUMN edx.grade_change.first_attempted IS 'of a subsection: when the user first tried a problem of it.';
COMMENT ON COLUMN edx.grade_change.course_version IS 'version of the course.';
COMMENT ON COLUMN edx.grade_change.grading_policy_hash IS 'of a course: hash of its grading policy.';
COMMENT ON COLUMN edx.grade_change.visible_blocks_hash IS 'of a subsection: hash of what the user could see of it.';
COMMENT ON COLUMN edx.grade_change.subtree_edited_timestamp IS 'of a subsection: when it was last edited (or subtree_edited_on).';
COMMENT ON COLUMN edx.grade_change.course_edited_timestamp IS 'of a course: when it was last edited (or course_edited_on).';
COMMENT ON COLUMN edx.grade_change.event_transaction_id IS 'id of the transaction: the events that one click led to have the same.';
COMMENT ON COLUMN edx.grade_change.event_transaction_type IS 'event that began the transaction.';

CREATE VIEW edx.block_completion AS
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
    ops.try_int8(e.event ->> 'user_id') AS event_user_id,
    e.event ->> 'course_id' AS event_course_id,
    e.event ->> 'block_id' AS block_id,
    e.event ->> 'block_type' AS block_type,
    ops.try_numeric(e.event ->> 'completion') AS completion,
    ops.try_bool(e.event ->> 'is_new') AS is_new,
    ops.try_bool(e.event ->> 'done') AS done,
    e.context #>> '{module,display_name}' AS module_display_name,
    e.context #>> '{module,usage_key}' AS module_usage_key,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'edx.completion.block_completion.changed', 'edx.done.toggled'
);

COMMENT ON VIEW edx.block_completion IS 'Blocks that users completed, in part or not any more: edx.completion.block_completion.changed, and edx.done.toggled, the switch that a user sets.';
COMMENT ON COLUMN edx.block_completion.event_user_id IS 'id of the user.';
COMMENT ON COLUMN edx.block_completion.event_course_id IS 'course of the block.';
COMMENT ON COLUMN edx.block_completion.block_id IS 'id of the block; of edx.done.toggled see module_usage_key.';
COMMENT ON COLUMN edx.block_completion.block_type IS 'type of the block, such as problem.';
COMMENT ON COLUMN edx.block_completion.completion IS 'how much of the block is completed: 0 to 1.';
COMMENT ON COLUMN edx.block_completion.is_new IS 'whether nothing was known of it before.';
COMMENT ON COLUMN edx.block_completion.done IS 'of edx.done.toggled: whether the user says so.';
COMMENT ON COLUMN edx.block_completion.module_display_name IS 'name of the block (context.module.display_name).';
COMMENT ON COLUMN edx.block_completion.module_usage_key IS 'id of its block (context.module.usage_key).';

-- Discussions.

CREATE VIEW edx.forum_action AS
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
    e.event ->> 'title' AS title,
    e.event ->> 'body' AS body,
    e.event ->> 'thread_type' AS thread_type,
    e.event ->> 'commentable_id' AS commentable_id,
    e.event ->> 'category_id' AS category_id,
    e.event ->> 'category_name' AS category_name,
    e.event ->> 'group_id' AS group_id,
    e.event ->> 'team_id' AS team_id,
    edx.object_of(e.event -> 'discussion') ->> 'id' AS discussion_id,
    edx.object_of(e.event -> 'response') ->> 'id' AS response_id,
    e.event ->> 'target_username' AS target_username,
    e.event ->> 'vote_value' AS vote_value,
    ops.try_bool(e.event ->> 'undo_vote') AS undo_vote,
    ops.try_bool(
        coalesce(edx.object_of(e.event -> 'options') ->> 'followed', e.event ->> 'followed')
    ) AS followed,
    ops.try_bool(e.event ->> 'anonymous') AS anonymous,
    ops.try_bool(e.event ->> 'anonymous_to_peers') AS anonymous_to_peers,
    ops.try_bool(e.event ->> 'truncated') AS truncated,
    ops.try_bool(e.event ->> 'title_truncated') AS title_truncated,
    e.event ->> 'content_type' AS content_type,
    ops.try_bool(e.event ->> 'own_content') AS own_content,
    e.event ->> 'edit_reason' AS edit_reason,
    e.event ->> 'lock_reason' AS lock_reason,
    e.event ->> 'mark_type' AS mark_type,
    ops.try_bool(e.event ->> 'reported_status_cleared') AS reported_status_cleared,
    e.event ->> 'query' AS query,
    e.event ->> 'corrected_text' AS corrected_text,
    ops.try_int4(e.event ->> 'page') AS event_page,
    ops.try_int4(e.event ->> 'total_results') AS total_results,
    e.event ->> 'url' AS url,
    edx.texts_of(e.event -> 'user_forums_roles') AS user_forums_roles,
    edx.texts_of(e.event -> 'user_course_roles') AS user_course_roles,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'edx.forum.searched', 'edx.forum.thread.created', 'edx.forum.thread.viewed',
    'edx.forum.thread.voted', 'edx.forum.thread.edited', 'edx.forum.thread.deleted',
    'edx.forum.thread.reported', 'edx.forum.thread.unreported', 'edx.forum.thread.followed',
    'edx.forum.thread.unfollowed', 'edx.forum.thread.locked', 'edx.forum.thread.unlocked',
    'edx.forum.response.created', 'edx.forum.response.voted', 'edx.forum.response.edited',
    'edx.forum.response.deleted', 'edx.forum.response.reported',
    'edx.forum.response.unreported', 'edx.forum.response.mark', 'edx.forum.response.unmark',
    'edx.forum.comment.created', 'edx.forum.comment.edited', 'edx.forum.comment.deleted',
    'edx.forum.comment.reported', 'edx.forum.comment.unreported'
);

COMMENT ON VIEW edx.forum_action IS 'What users did in discussions: edx.forum.searched; edx.forum.thread.*, edx.forum.response.* (answers to a thread), edx.forum.comment.* (answers to a response), such as created, viewed, voted, edited, deleted, reported.';
COMMENT ON COLUMN edx.forum_action.id IS 'id of the thread, response or comment.';
COMMENT ON COLUMN edx.forum_action.title IS 'title of a thread, cut after 1000 characters.';
COMMENT ON COLUMN edx.forum_action.body IS 'text, cut after 2000 characters.';
COMMENT ON COLUMN edx.forum_action.thread_type IS 'discussion, question.';
COMMENT ON COLUMN edx.forum_action.commentable_id IS 'id of the topic.';
COMMENT ON COLUMN edx.forum_action.category_id IS 'the same.';
COMMENT ON COLUMN edx.forum_action.category_name IS 'name of the topic.';
COMMENT ON COLUMN edx.forum_action.group_id IS 'id of the cohort to which it is restricted.';
COMMENT ON COLUMN edx.forum_action.team_id IS 'id of the team that discusses.';
COMMENT ON COLUMN edx.forum_action.discussion_id IS 'of a response or comment: id of the thread (discussion.id).';
COMMENT ON COLUMN edx.forum_action.response_id IS 'of a comment: id of the response (response.id).';
COMMENT ON COLUMN edx.forum_action.target_username IS 'user who wrote what was viewed, voted for, edited, deleted or reported.';
COMMENT ON COLUMN edx.forum_action.vote_value IS 'of voted: up.';
COMMENT ON COLUMN edx.forum_action.undo_vote IS 'of voted: whether the user took the vote back.';
COMMENT ON COLUMN edx.forum_action.followed IS 'whether the user follows the thread (options.followed, or followed).';
COMMENT ON COLUMN edx.forum_action.anonymous IS 'whether all others see no name.';
COMMENT ON COLUMN edx.forum_action.anonymous_to_peers IS 'whether other students see no name.';
COMMENT ON COLUMN edx.forum_action.truncated IS 'whether body was cut.';
COMMENT ON COLUMN edx.forum_action.title_truncated IS 'whether title was cut.';
COMMENT ON COLUMN edx.forum_action.content_type IS 'Post, Response, Comment.';
COMMENT ON COLUMN edx.forum_action.own_content IS 'whether the user wrote it.';
COMMENT ON COLUMN edx.forum_action.edit_reason IS 'of edited: why.';
COMMENT ON COLUMN edx.forum_action.lock_reason IS 'of thread.locked: why.';
COMMENT ON COLUMN edx.forum_action.mark_type IS 'of response.mark, .unmark: Answer, Endorse.';
COMMENT ON COLUMN edx.forum_action.reported_status_cleared IS 'of unreported: whether nobody reports it any more.';
COMMENT ON COLUMN edx.forum_action.query IS 'of searched: what the user looked for.';
COMMENT ON COLUMN edx.forum_action.corrected_text IS 'of searched: how it was respelled.';
COMMENT ON COLUMN edx.forum_action.event_page IS 'of searched: number of the page of results.';
COMMENT ON COLUMN edx.forum_action.total_results IS 'of searched: number of results.';
COMMENT ON COLUMN edx.forum_action.url IS 'page from which the thread can be viewed.';
COMMENT ON COLUMN edx.forum_action.user_forums_roles IS 'roles of the user in discussions, such as Student, Moderator.';
COMMENT ON COLUMN edx.forum_action.user_course_roles IS 'roles of the user in the course: Instructor, Staff.';

-- Course home, tools, bookmarks, settings.

CREATE VIEW edx.course_home_action AS
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
    e.event ->> 'event_type' AS event_event_type,
    e.event ->> 'url' AS url,
    e.event ->> 'action' AS action,
    ops.try_timestamptz(e.event ->> 'publish_date') AS publish_date,
    e.event ->> 'location' AS location,
    e.event ->> 'tool_name' AS tool_name,
    e.event ->> 'goal_key' AS goal_key,
    ops.try_int4(e.event ->> 'days_per_week') AS days_per_week,
    ops.try_bool(e.event ->> 'subscribed_to_reminders') AS subscribed_to_reminders,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'edx.course.home.resume_course.clicked', 'edx.course.home.course_update.toggled',
    'edx.course.home.upgrade_verified.clicked', 'edx.course.tool.accessed',
    'edx.course.goal.added', 'edx.course.goal.updated'
);

COMMENT ON VIEW edx.course_home_action IS 'What users did on the home page of a course, and tools that they opened: edx.course.home.*, edx.course.tool.accessed, edx.course.goal.added and .updated.';
COMMENT ON COLUMN edx.course_home_action.event_event_type IS 'of resume_course.clicked: start, resume.';
COMMENT ON COLUMN edx.course_home_action.url IS 'of resume_course.clicked: page to which it leads.';
COMMENT ON COLUMN edx.course_home_action.action IS 'of course_update.toggled: show, hide.';
COMMENT ON COLUMN edx.course_home_action.publish_date IS 'of course_update.toggled: day of the update.';
COMMENT ON COLUMN edx.course_home_action.location IS 'of upgrade_verified.clicked: where the button was: sidebar, notification.';
COMMENT ON COLUMN edx.course_home_action.tool_name IS 'of edx.course.tool.accessed: name of the tool, such as edx.bookmarks.';
COMMENT ON COLUMN edx.course_home_action.goal_key IS 'of edx.course.goal: the goal, in older logs.';
COMMENT ON COLUMN edx.course_home_action.days_per_week IS 'of edx.course.goal: days a week that the user wants to learn.';
COMMENT ON COLUMN edx.course_home_action.subscribed_to_reminders IS 'of edx.course.goal: whether the user wants to be reminded.';

CREATE VIEW edx.bookmark_action AS
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
    e.event ->> 'bookmark_id' AS bookmark_id,
    e.event ->> 'component_type' AS component_type,
    e.event ->> 'component_usage_id' AS component_usage_id,
    e.event ->> 'course_id' AS event_course_id,
    e.event ->> 'list_type' AS list_type,
    ops.try_int4(e.event ->> 'bookmarks_count') AS bookmarks_count,
    ops.try_int4(e.event ->> 'page_number') AS page_number,
    ops.try_int4(e.event ->> 'page_size') AS page_size,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'edx.bookmark.accessed', 'edx.bookmark.added', 'edx.bookmark.listed',
    'edx.bookmark.removed'
);

COMMENT ON VIEW edx.bookmark_action IS 'What users did with bookmarks: edx.bookmark.accessed, .added, .listed, .removed.';
COMMENT ON COLUMN edx.bookmark_action.bookmark_id IS 'id of the bookmark.';
COMMENT ON COLUMN edx.bookmark_action.component_type IS 'type of the block that is marked, such as vertical.';
COMMENT ON COLUMN edx.bookmark_action.component_usage_id IS 'id of the block.';
COMMENT ON COLUMN edx.bookmark_action.event_course_id IS 'course of the bookmark.';
COMMENT ON COLUMN edx.bookmark_action.list_type IS 'of listed: per_course, all_courses.';
COMMENT ON COLUMN edx.bookmark_action.bookmarks_count IS 'of listed: number of bookmarks.';
COMMENT ON COLUMN edx.bookmark_action.page_number IS 'of listed: page of the list.';
COMMENT ON COLUMN edx.bookmark_action.page_size IS 'of listed: number of bookmarks on the page.';

CREATE VIEW edx.setting_action AS
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
    ops.try_int8(e.event ->> 'user_id') AS event_user_id,
    e.event ->> 'page' AS event_page,
    e.event ->> 'visibility' AS visibility,
    e.event ->> 'table' AS setting_table,
    e.event ->> 'setting' AS setting,
    e.event -> 'old' AS old,
    e.event -> 'new' AS new,
    edx.texts_of(e.event -> 'truncated') AS truncated,
    edx.object_of(e.event -> 'settings') AS settings,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'edx.user.settings.viewed', 'edx.user.settings.change_initiated',
    'edx.user.settings.changed'
);

COMMENT ON VIEW edx.setting_action IS 'Settings that users looked at or changed: edx.user.settings.viewed, .change_initiated, .changed.';
COMMENT ON COLUMN edx.setting_action.event_user_id IS 'id of the user whose settings they are.';
COMMENT ON COLUMN edx.setting_action.event_page IS 'of viewed: account, profile.';
COMMENT ON COLUMN edx.setting_action.visibility IS 'of viewed: who may see the profile.';
COMMENT ON COLUMN edx.setting_action.setting_table IS 'of changed: table of the setting (table), such as auth_userprofile.';
COMMENT ON COLUMN edx.setting_action.setting IS 'of changed: name of the setting.';
COMMENT ON COLUMN edx.setting_action.old IS 'of changed: value before.';
COMMENT ON COLUMN edx.setting_action.new IS 'of changed: value afterwards.';
COMMENT ON COLUMN edx.setting_action.truncated IS 'of changed: which of the values were cut: old, new.';
COMMENT ON COLUMN edx.setting_action.settings IS 'of change_initiated: {setting: {old_value, new_value}}.';

-- Drag and drop; timed and proctored exams.

CREATE VIEW edx.drag_and_drop AS
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
    ops.try_int4(e.event ->> 'item_id') AS item_id,
    e.event ->> 'item' AS item,
    ops.try_int4(e.event ->> 'location_id') AS location_id,
    e.event ->> 'location' AS location,
    ops.try_bool(e.event ->> 'is_correct') AS is_correct,
    ops.try_bool(e.event ->> 'is_correct_location') AS is_correct_location,
    e.event ->> 'input' AS input,
    e.event ->> 'content' AS content,
    ops.try_bool(e.event ->> 'manually') AS manually,
    ops.try_bool(e.event ->> 'truncated') AS truncated,
    e.context #>> '{module,display_name}' AS module_display_name,
    e.context #>> '{module,usage_key}' AS module_usage_key,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'edx.drag_and_drop_v2.feedback.closed', 'edx.drag_and_drop_v2.feedback.opened',
    'edx.drag_and_drop_v2.item.dropped', 'edx.drag_and_drop_v2.item.picked_up',
    'edx.drag_and_drop_v2.loaded'
);

COMMENT ON VIEW edx.drag_and_drop IS 'What users did in problems of the type drag and drop, and the feedback: edx.drag_and_drop_v2.loaded, .item.picked_up, .item.dropped, .feedback.opened, .feedback.closed.';
COMMENT ON COLUMN edx.drag_and_drop.item_id IS 'number of the item.';
COMMENT ON COLUMN edx.drag_and_drop.item IS 'of item.dropped: name of the item.';
COMMENT ON COLUMN edx.drag_and_drop.location_id IS 'of item.dropped: number of the zone.';
COMMENT ON COLUMN edx.drag_and_drop.location IS 'of item.dropped: name of the zone.';
COMMENT ON COLUMN edx.drag_and_drop.is_correct IS 'of item.dropped: whether item and input are correct.';
COMMENT ON COLUMN edx.drag_and_drop.is_correct_location IS 'of item.dropped: whether the zone is correct.';
COMMENT ON COLUMN edx.drag_and_drop.input IS 'of item.dropped: number that the user entered.';
COMMENT ON COLUMN edx.drag_and_drop.content IS 'of feedback: its text.';
COMMENT ON COLUMN edx.drag_and_drop.manually IS 'of feedback.closed: whether the user closed it.';
COMMENT ON COLUMN edx.drag_and_drop.truncated IS 'of feedback: whether content was cut.';
COMMENT ON COLUMN edx.drag_and_drop.module_display_name IS 'name of the problem (context.module.display_name).';
COMMENT ON COLUMN edx.drag_and_drop.module_usage_key IS 'id of its block (context.module.usage_key).';

CREATE VIEW edx.special_exam AS
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
    substring(e.event_kind FROM '^edx\.special_exam\.([a-z]+)\.') AS exam_type,
    ops.try_int8(e.event ->> 'exam_id') AS exam_id,
    e.event ->> 'exam_name' AS exam_name,
    e.event ->> 'exam_content_id' AS exam_content_id,
    ops.try_bool(e.event ->> 'exam_is_active') AS exam_is_active,
    ops.try_bool(e.event ->> 'exam_is_practice_exam') AS exam_is_practice_exam,
    ops.try_bool(e.event ->> 'exam_is_proctored') AS exam_is_proctored,
    ops.try_numeric(e.event ->> 'exam_default_time_limit_mins') AS exam_default_time_limit_mins,
    ops.try_int8(e.event ->> 'attempt_id') AS attempt_id,
    ops.try_int8(e.event ->> 'attempt_user_id') AS attempt_user_id,
    e.event ->> 'attempt_code' AS attempt_code,
    e.event ->> 'attempt_status' AS attempt_status,
    ops.try_numeric(e.event ->> 'attempt_allowed_time_limit_mins') AS attempt_allowed_time_limit_mins,
    ops.try_timestamptz(e.event ->> 'attempt_started_at') AS attempt_started_at,
    ops.try_timestamptz(e.event ->> 'attempt_completed_at') AS attempt_completed_at,
    ops.try_numeric(e.event ->> 'attempt_event_elapsed_time_secs') AS attempt_event_elapsed_time_secs,
    e.event ->> 'review_attempt_code' AS review_attempt_code,
    e.event ->> 'review_status' AS review_status,
    e.event ->> 'review_video_url' AS review_video_url,
    ops.try_int8(e.event ->> 'allowance_user_id') AS allowance_user_id,
    e.event ->> 'allowance_key' AS allowance_key,
    e.event ->> 'allowance_value' AS allowance_value,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind IN (
    'edx.special_exam.practice.allowance.created',
    'edx.special_exam.practice.allowance.deleted', 'edx.special_exam.practice.attempt.created',
    'edx.special_exam.practice.attempt.deleted',
    'edx.special_exam.practice.attempt.download_software_clicked',
    'edx.special_exam.practice.attempt.error',
    'edx.special_exam.practice.attempt.ready_to_start',
    'edx.special_exam.practice.attempt.ready_to_submit',
    'edx.special_exam.practice.attempt.started', 'edx.special_exam.practice.attempt.submitted',
    'edx.special_exam.practice.created', 'edx.special_exam.practice.updated',
    'edx.special_exam.proctored.allowance.created',
    'edx.special_exam.proctored.allowance.deleted',
    'edx.special_exam.proctored.attempt.created', 'edx.special_exam.proctored.attempt.declined',
    'edx.special_exam.proctored.attempt.deleted',
    'edx.special_exam.proctored.attempt.download_software_clicked',
    'edx.special_exam.proctored.attempt.error',
    'edx.special_exam.proctored.attempt.ready_to_start',
    'edx.special_exam.proctored.attempt.ready_to_submit',
    'edx.special_exam.proctored.attempt.rejected',
    'edx.special_exam.proctored.attempt.review_received',
    'edx.special_exam.proctored.attempt.started',
    'edx.special_exam.proctored.attempt.submitted',
    'edx.special_exam.proctored.attempt.verified', 'edx.special_exam.proctored.created',
    'edx.special_exam.proctored.option-presented', 'edx.special_exam.proctored.updated',
    'edx.special_exam.timed.allowance.created', 'edx.special_exam.timed.allowance.deleted',
    'edx.special_exam.timed.attempt.created', 'edx.special_exam.timed.attempt.deleted',
    'edx.special_exam.timed.attempt.ready_to_submit', 'edx.special_exam.timed.attempt.started',
    'edx.special_exam.timed.attempt.submitted', 'edx.special_exam.timed.created',
    'edx.special_exam.timed.updated'
);

COMMENT ON VIEW edx.special_exam IS 'Timed and proctored exams: edx.special_exam.(proctored / practice / timed).attempt.* (what became of an attempt), .allowance.*, .created, .updated.';
COMMENT ON COLUMN edx.special_exam.exam_type IS 'proctored, practice, timed.';
COMMENT ON COLUMN edx.special_exam.exam_id IS 'id of the exam.';
COMMENT ON COLUMN edx.special_exam.exam_name IS 'title of the exam.';
COMMENT ON COLUMN edx.special_exam.exam_content_id IS 'id of the subsection with the exam.';
COMMENT ON COLUMN edx.special_exam.exam_is_active IS 'whether the exam can be taken.';
COMMENT ON COLUMN edx.special_exam.exam_is_practice_exam IS 'whether it is for practice.';
COMMENT ON COLUMN edx.special_exam.exam_is_proctored IS 'whether it is proctored.';
COMMENT ON COLUMN edx.special_exam.exam_default_time_limit_mins IS 'minutes that users have for the exam.';
COMMENT ON COLUMN edx.special_exam.attempt_id IS 'id of the attempt.';
COMMENT ON COLUMN edx.special_exam.attempt_user_id IS 'id of the user who takes the exam.';
COMMENT ON COLUMN edx.special_exam.attempt_code IS 'code of the attempt.';
COMMENT ON COLUMN edx.special_exam.attempt_status IS 'state of the attempt, such as created, started, submitted.';
COMMENT ON COLUMN edx.special_exam.attempt_allowed_time_limit_mins IS 'minutes that this user has.';
COMMENT ON COLUMN edx.special_exam.attempt_started_at IS 'when the user began.';
COMMENT ON COLUMN edx.special_exam.attempt_completed_at IS 'when the user submitted.';
COMMENT ON COLUMN edx.special_exam.attempt_event_elapsed_time_secs IS 'seconds from the beginning to the event.';
COMMENT ON COLUMN edx.special_exam.review_attempt_code IS 'of attempt.review_received: code of the review.';
COMMENT ON COLUMN edx.special_exam.review_status IS 'of attempt.review_received: Clean, Suspicious, Rules Violation.';
COMMENT ON COLUMN edx.special_exam.review_video_url IS 'of attempt.review_received: where the film of the exam is.';
COMMENT ON COLUMN edx.special_exam.allowance_user_id IS 'of allowance: id of the user who is allowed something.';
COMMENT ON COLUMN edx.special_exam.allowance_key IS 'of allowance: type of what is allowed.';
COMMENT ON COLUMN edx.special_exam.allowance_value IS 'of allowance: how much of it.';

-- Requests. The index leaves them out: nine of ten lines are requests.

CREATE VIEW edx.implicit_request AS
SELECT
    e.time,
    e.username,
    e.user_id,
    e.session,
    e.course_id,
    e.org_id,
    e.event_source,
    e.page,
    e.event_type AS path,
    replace(coalesce(block.usage_key, module.usage_key), ';_', '/') AS usage_key,
    coalesce(block.handler, module.handler) AS handler,
    block.suffix,
    e.event -> 'GET' AS get,
    e.event -> 'POST' AS post,
    e.event_text,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
-- Without regular expressions, whose time may grow with the square of a path. What follows /xblock/
-- is usage key, handler and suffix; a usage key may have slashes itself.
CROSS JOIN LATERAL (
    SELECT
        replace(
            substr(e.event_type, nullif(strpos(e.event_type, '/xblock/'), 0) + length('/xblock/')),
            '/handler_noauth/',
            '/handler/'
        ) AS after_xblock,
        rtrim(
            substr(e.event_type, nullif(strpos(e.event_type, '/modx/'), 0) + length('/modx/')), '/'
        ) AS after_modx
) AS path
CROSS JOIN LATERAL (
    SELECT
        nullif(strpos(path.after_xblock, '/handler/'), 0) AS key_ends,
        nullif(split_part(path.after_modx, '/', -1), path.after_modx) AS module_handler
) AS part
CROSS JOIN LATERAL (
    SELECT substr(path.after_xblock, part.key_ends + length('/handler/')) AS called
) AS handling
CROSS JOIN LATERAL (
    SELECT
        nullif(left(path.after_xblock, part.key_ends - 1), '') AS usage_key,
        nullif(split_part(handling.called, '/', 1), '') AS handler,
        nullif(
            rtrim(substr(handling.called, strpos(handling.called || '/', '/') + 1), '/'), ''
        ) AS suffix
) AS block
CROSS JOIN LATERAL (
    SELECT
        left(path.after_modx, -length(part.module_handler) - 1) AS usage_key,
        part.module_handler AS handler
) AS module
WHERE e.event_kind = 'implicit';

COMMENT ON VIEW edx.implicit_request IS 'Requests for pages and to handlers, which the server logs on its own: implicit events, whose event_type is the path of the URL.';
COMMENT ON COLUMN edx.implicit_request.path IS 'path of the URL that was requested.';
COMMENT ON COLUMN edx.implicit_request.usage_key IS 'block whose handler was called: the id after /xblock/ or /modx/, with / where the path has ;_.';
COMMENT ON COLUMN edx.implicit_request.handler IS 'handler that was called, such as xmodule_handler; under /modx/ the last part of the path, such as problem_check.';
COMMENT ON COLUMN edx.implicit_request.suffix IS 'what follows the handler in the path, such as problem_check or goto_position.';
COMMENT ON COLUMN edx.implicit_request.get IS 'GET parameters: {name: list of values}.';
COMMENT ON COLUMN edx.implicit_request.post IS 'POST parameters: {name: list of values}.';
COMMENT ON COLUMN edx.implicit_request.event_text IS 'the event as it came, where it was cut off (event_status is truncated, at 512 characters): get and post are NULL then.';

-- What the views have in common is described once.
DO $$
DECLARE
    family text;
    field text;
    described text;
BEGIN
    FOR family, field, described IN
        SELECT c.relname, a.attname, d.described
        FROM pg_class AS c
        INNER JOIN pg_attribute AS a ON a.attrelid = c.oid
        INNER JOIN (
            VALUES
            ('time', 'GMT time the event was triggered.'),
            ('username', 'username of the user who triggered the event, empty string for anonymous events (not logged in).'),
            ('user_id', 'id of that user.'),
            ('session', 'key identifying the user''s session.'),
            ('course_id', 'course of the event.'),
            ('org_id', 'organization of the course.'),
            ('event_source', 'event source: browser, server, mobile.'),
            ('event_kind', 'type of event, one spelling for all spellings.'),
            ('event_type', 'type of event triggered, as the log spells it.'),
            ('name', 'name of the event, as the log spells it.'),
            ('page', 'page the user was visiting when the event was generated.'),
            ('event_status', 'In which form the event was written, see edx.event.'),
            ('event_hash', 'With time, the key of the row in edx.event.'),
            ('_origin', 'The edX site.')
        ) AS d (field, described) ON a.attname = d.field
        WHERE c.relnamespace = 'edx'::regnamespace
            AND c.relkind = 'v'
            AND col_description(c.oid, a.attnum) IS NULL
    LOOP
        EXECUTE format('COMMENT ON COLUMN edx.%I.%I IS %L', family, field, described);
    END LOOP;
END
$$;
