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
WHERE e.event_kind = 'problem_check_browser';

COMMENT ON VIEW edx.problem_input IS 'One row for each input field of a problem that a user checked (problem_check of the browser), with its values.';
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
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind = 'book';

COMMENT ON VIEW edx.book_navigation IS 'How users went through textbooks: book.';
COMMENT ON COLUMN edx.book_navigation.type IS 'how the user went there: gotopage, prevpage, nextpage.';
COMMENT ON COLUMN edx.book_navigation.old IS 'from page number.';
COMMENT ON COLUMN edx.book_navigation.new IS 'to page number; next page number.';
COMMENT ON COLUMN edx.book_navigation.chapter IS 'file of the chapter, of a textbook in PDF.';
COMMENT ON COLUMN edx.book_navigation.event_name IS 'name of the event, as its field name spells it, such as textbook.pdf.page.navigated.';

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
    replace(
        coalesce(
            substring(e.event_type FROM '/xblock/([^/]+)/handler(?:_noauth)?/'),
            substring(e.event_type FROM '/modx/(.+)/[^/]+/?$')
        ),
        ';_', '/'
    ) AS usage_key,
    coalesce(
        substring(e.event_type FROM '/xblock/[^/]+/handler(?:_noauth)?/([^/]+)'),
        substring(e.event_type FROM '/modx/.+/([^/]+)/?$')
    ) AS handler,
    rtrim(
        substring(e.event_type FROM '/xblock/[^/]+/handler(?:_noauth)?/[^/]+/(.+)$'), '/'
    ) AS suffix,
    e.event -> 'GET' AS get,
    e.event -> 'POST' AS post,
    e.event_text,
    e.event_status,
    e.event_hash,
    e._origin
FROM edx.event AS e
WHERE e.event_kind = 'implicit';

COMMENT ON VIEW edx.implicit_request IS 'Requests for pages and to handlers, which the server logs by itself: implicit events, whose event_type is the path of the URL.';
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
