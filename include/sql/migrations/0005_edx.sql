-- depends: 0004_echo360_views

-- edX tracking logs. Comments are the vendor's words where it has any.

CREATE SCHEMA edx;

COMMENT ON SCHEMA edx IS 'edX tracking logs: all user interactions with the site, from tar files in the course-data bucket.';

CREATE FUNCTION edx.is_asked_for(event_kind text, event_type text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN event_kind <> 'implicit'
    OR event_kind IS NULL
    OR event_type
    !~ '/(heartbeat|event|handler|xblock|xmodule|modx|api|static|jsi18n|user_api|save_user_state|transcripts?|notification_prefs|xdomain_proxy\.html)(/|$)';

COMMENT ON FUNCTION edx.is_asked_for(text, text) IS 'Whether an event is more than a request that a page or the server makes by itself: an explicit event, or a page that was visited.';

CREATE TABLE edx.event (
    time timestamptz NOT NULL,
    event_hash uuid NOT NULL,
    username text,
    user_id bigint,
    session text,
    course_id text,
    course_from text,
    org_id text,
    event_source text,
    event_type text,
    name text,
    event_kind text,
    event_status text NOT NULL,
    event jsonb,
    event_text text,
    context jsonb,
    page text,
    referer text,
    ip text,
    agent text,
    accept_language text,
    host text,
    repairs text [],
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb,
    PRIMARY KEY (time, event_hash),
    CONSTRAINT course_from CHECK (course_from IN ('context', 'page', 'event_type', 'event', 'request')),
    CONSTRAINT event_status CHECK (
        event_status IN (
            'object', 'json_string', 'doubly_encoded', 'key_value', 'list', 'truncated', 'string', 'empty'
        )
    )
) PARTITION BY RANGE (time);

CREATE INDEX event_kind ON edx.event (event_kind, course_id, time) WHERE event_kind <> 'implicit';

-- For a user's events of some days, without the requests that pages make by themselves.
CREATE INDEX event_username ON edx.event (username, time) WHERE edx.is_asked_for(event_kind, event_type);

-- The rows of a delivery are close together, and a BRIN index costs nothing to keep.
CREATE INDEX event_delivery ON edx.event USING brin (_delivery);

COMMENT ON TABLE edx.event IS 'One row for each line of a tracking log, once, however often it is delivered. A partition for each month of time.';
COMMENT ON COLUMN edx.event.time IS 'GMT time the event was triggered. A line from before 2011, or from more than two days ahead, is rejected.';
COMMENT ON COLUMN edx.event.event_hash IS 'The first 128 bits of the SHA-256 of the line, without what is no part of its JSON object: what makes an event the same event.';
COMMENT ON COLUMN edx.event.username IS 'username of the user who triggered the event, empty string for anonymous events (not logged in).';
COMMENT ON COLUMN edx.event.user_id IS 'id of that user (context.user_id), where it is a number.';
COMMENT ON COLUMN edx.event.session IS 'key identifying the user''s session, may be undefined; 32 digits, mostly.';
COMMENT ON COLUMN edx.event.course_id IS 'course of the event, see course_from. Old ids (MITx/6.00x/2012_Fall) and opaque ones (course-v1:...).';
COMMENT ON COLUMN edx.event.course_from IS 'Which field names the course, the first of these that does. context: context.course_id. page, event_type: the path, as in /courses/<id>/... or /xblock/<usage key>, as edX derives it. event: its course_id or course. request: the GET or POST parameter course_id.';
COMMENT ON COLUMN edx.event.org_id IS 'organization of the course: context.org_id, else the one in course_id.';
COMMENT ON COLUMN edx.event.event_source IS 'event source: browser (via javascript), server (during the processing of a request), mobile.';
COMMENT ON COLUMN edx.event.event_type IS 'type of event triggered, values depend on event_source; of an implicit event the path of the URL, which begins with /.';
COMMENT ON COLUMN edx.event.name IS 'name of the event, since May 2014; it may differ from event_type.';
COMMENT ON COLUMN edx.event.event_kind IS 'What edx.event_alias makes of event_type, or else of name: one spelling for all spellings. implicit: event_type is a path. NULL: the table does not know it.';
COMMENT ON COLUMN edx.event.event_status IS 'In which form the event was written. object: as a JSON record. json_string: as a string that encodes one. doubly_encoded: as a string in a string. key_value: as GET parameters. list: as a list, or a string that encodes one. truncated: as a JSON string that was cut off. string: as any other text, or a number. empty: not at all.';
COMMENT ON COLUMN edx.event.event IS 'specifics of the event (dependent on the event_type): an object, or a list where event_status is list; NULL where it is truncated, string or empty.';
COMMENT ON COLUMN edx.event.event_text IS 'The event as it came, where it came as a text that is not JSON: truncated, key_value, string.';
COMMENT ON COLUMN edx.event.context IS 'context of the event, since October 2013: course_id, org_id, path, user_id, module, course_user_tags, asides; from mobile applications also application, client, component, received_at.';
COMMENT ON COLUMN edx.event.page IS 'page the user was visiting when the event was generated.';
COMMENT ON COLUMN edx.event.referer IS 'page from which the request came, as the browser said.';
COMMENT ON COLUMN edx.event.ip IS 'user ip address.';
COMMENT ON COLUMN edx.event.agent IS 'users browser agent string.';
COMMENT ON COLUMN edx.event.accept_language IS 'languages that the browser asked for.';
COMMENT ON COLUMN edx.event.host IS 'host of the site that the user was visiting.';
COMMENT ON COLUMN edx.event.repairs IS 'What had to be repaired before the line could be read or stored; NULL for nearly all. prefix: text before its object was cut off. nul: NULs were taken out, or became U+FFFD. utf-8: bytes that are no UTF-8 became U+FFFD. surrogate: lone surrogates became U+FFFD. control, escape: characters that JSON wants escaped otherwise. number: NaN, Infinity or a number out of range became a string. username: one of more than 255 characters is in _extras.';
COMMENT ON COLUMN edx.event._origin IS 'The edX site.';
COMMENT ON COLUMN edx.event._delivery IS 'The line of ops.delivery that brought the row first.';
COMMENT ON COLUMN edx.event._row IS 'The record''s ordinal in its log file, from 1.';
COMMENT ON COLUMN edx.event._extras IS 'Fields of the line that the table has no column for.';

CREATE TABLE edx.event_alias (
    event_source text,
    event_type text NOT NULL,
    event_kind text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (event_source, event_type)
);

COMMENT ON TABLE edx.event_alias IS 'Every spelling of an event that is known, in event_type or in name, and the one spelling that event_kind gives it. It is read when a log is loaded.';
COMMENT ON COLUMN edx.event_alias.event_source IS 'The event source to which the line applies; NULL: any.';
COMMENT ON COLUMN edx.event_alias.event_type IS 'The spelling in the log.';
COMMENT ON COLUMN edx.event_alias.event_kind IS 'The spelling in edx.event.event_kind.';

INSERT INTO edx.event_alias (event_source, event_type, event_kind)
VALUES
-- Problems. The server's problem_check was save_problem_check until 15 October 2013; the browser
-- sends one of the same name, with the inputs only.
('server', 'problem_check', 'problem_check'),
('server', 'save_problem_check', 'problem_check'),
('browser', 'problem_check', 'problem_check_browser'),
(NULL, 'problem_check_fail', 'problem_check_fail'),
(NULL, 'save_problem_check_fail', 'problem_check_fail'),
(NULL, 'showanswer', 'showanswer'),
(NULL, 'show_answer', 'showanswer'),
(NULL, 'reset_problem', 'reset_problem'),
(NULL, 'reset_problem_fail', 'reset_problem_fail'),
(NULL, 'problem_show', 'problem_show'),
(NULL, 'problem_graded', 'problem_graded'),
(NULL, 'problem_save', 'problem_save'),
(NULL, 'problem_reset', 'problem_reset'),
(NULL, 'save_problem_success', 'save_problem_success'),
(NULL, 'save_problem_fail', 'save_problem_fail'),
(NULL, 'problem_rescore', 'problem_rescore'),
(NULL, 'problem_rescore_fail', 'problem_rescore_fail'),
(NULL, 'edx.problem.hint.demandhint_displayed', 'edx.problem.hint.demandhint_displayed'),
(NULL, 'edx.problem.hint.feedback_displayed', 'edx.problem.hint.feedback_displayed'),
-- Sequences.
(NULL, 'seq_goto', 'seq_goto'),
(NULL, 'edx.ui.lms.sequence.tab_selected', 'seq_goto'),
(NULL, 'seq_next', 'seq_next'),
(NULL, 'edx.ui.lms.sequence.next_selected', 'seq_next'),
(NULL, 'seq_prev', 'seq_prev'),
(NULL, 'edx.ui.lms.sequence.previous_selected', 'seq_prev'),
-- Textbooks and pages.
(NULL, 'book', 'book'),
(NULL, 'textbook.pdf.thumbnails.toggled', 'textbook.pdf.thumbnails.toggled'),
(NULL, 'textbook.pdf.thumbnail.navigated', 'textbook.pdf.thumbnail.navigated'),
(NULL, 'textbook.pdf.outline.toggled', 'textbook.pdf.outline.toggled'),
(NULL, 'textbook.pdf.chapter.navigated', 'textbook.pdf.chapter.navigated'),
(NULL, 'textbook.pdf.page.navigated', 'textbook.pdf.page.navigated'),
(NULL, 'textbook.pdf.zoom.buttons.changed', 'textbook.pdf.zoom.buttons.changed'),
(NULL, 'textbook.pdf.zoom.menu.changed', 'textbook.pdf.zoom.menu.changed'),
(NULL, 'textbook.pdf.display.scaled', 'textbook.pdf.display.scaled'),
(NULL, 'textbook.pdf.page.scrolled', 'textbook.pdf.page.scrolled'),
(NULL, 'textbook.pdf.search.executed', 'textbook.pdf.search.executed'),
(NULL, 'textbook.pdf.search.navigatednext', 'textbook.pdf.search.navigatednext'),
(NULL, 'textbook.pdf.search.highlight.toggled', 'textbook.pdf.search.highlight.toggled'),
(NULL, 'textbook.pdf.searchcasesensitivity.toggled', 'textbook.pdf.searchcasesensitivity.toggled'),
(NULL, 'page_close', 'page_close'),
-- Videos, in the browser and on mobile devices.
(NULL, 'load_video', 'load_video'),
(NULL, 'edx.video.loaded', 'load_video'),
(NULL, 'play_video', 'play_video'),
(NULL, 'edx.video.played', 'play_video'),
(NULL, 'pause_video', 'pause_video'),
(NULL, 'edx.video.paused', 'pause_video'),
(NULL, 'stop_video', 'stop_video'),
(NULL, 'edx.video.stopped', 'stop_video'),
(NULL, 'seek_video', 'seek_video'),
(NULL, 'edx.video.position.changed', 'seek_video'),
(NULL, 'speed_change_video', 'speed_change_video'),
(NULL, 'edx.video.speed.changed', 'speed_change_video'),
(NULL, 'show_transcript', 'show_transcript'),
(NULL, 'edx.video.transcript.shown', 'show_transcript'),
(NULL, 'hide_transcript', 'hide_transcript'),
(NULL, 'edx.video.transcript.hidden', 'hide_transcript'),
(NULL, 'complete_video', 'complete_video'),
(NULL, 'edx.video.completed', 'complete_video'),
(NULL, 'edx.video.closed_captions.shown', 'edx.video.closed_captions.shown'),
(NULL, 'edx.video.closed_captions.hidden', 'edx.video.closed_captions.hidden'),
(NULL, 'video_show_cc_menu', 'video_show_cc_menu'),
(NULL, 'edx.video.language_menu.shown', 'video_show_cc_menu'),
(NULL, 'video_hide_cc_menu', 'video_hide_cc_menu'),
(NULL, 'edx.video.language_menu.hidden', 'video_hide_cc_menu'),
-- Open-ended responses, peer and staff grading: the document says problem, the logs say question.
(NULL, 'rubric_select', 'rubric_select'),
(NULL, 'oe_show_problem', 'oe_show_question'),
(NULL, 'oe_show_question', 'oe_show_question'),
(NULL, 'oe_hide_problem', 'oe_hide_question'),
(NULL, 'oe_hide_question', 'oe_hide_question'),
(NULL, 'peer_grading_show_problem', 'peer_grading_show_question'),
(NULL, 'peer_grading_show_question', 'peer_grading_show_question'),
(NULL, 'peer_grading_hide_problem', 'peer_grading_hide_question'),
(NULL, 'peer_grading_hide_question', 'peer_grading_hide_question'),
(NULL, 'staff_grading_show_problem', 'staff_grading_show_question'),
(NULL, 'staff_grading_show_question', 'staff_grading_show_question'),
(NULL, 'staff_grading_hide_problem', 'staff_grading_hide_question'),
(NULL, 'staff_grading_hide_question', 'staff_grading_hide_question'),
(NULL, 'oe_show_full_feedback', 'oe_show_full_feedback'),
(NULL, 'oe_show_respond_to_feedback', 'oe_show_respond_to_feedback'),
(NULL, 'oe_feedback_response_selected', 'oe_feedback_response_selected'),
-- Their successors.
(NULL, 'openassessmentblock.create_submission', 'openassessmentblock.create_submission'),
(NULL, 'openassessmentblock.save_submission', 'openassessmentblock.save_submission'),
(NULL, 'openassessmentblock.save_files_descriptions', 'openassessmentblock.save_files_descriptions'),
(NULL, 'openassessmentblock.remove_uploaded_file', 'openassessmentblock.remove_uploaded_file'),
(NULL, 'openassessmentblock.get_peer_submission', 'openassessmentblock.get_peer_submission'),
(NULL, 'openassessmentblock.get_submission_for_staff_grading', 'openassessmentblock.get_submission_for_staff_grading'),
(NULL, 'openassessmentblock.peer_assess', 'openassessmentblock.peer_assess'),
(NULL, 'openassessmentblock.self_assess', 'openassessmentblock.self_assess'),
(NULL, 'openassessmentblock.staff_assess', 'openassessmentblock.staff_assess'),
(NULL, 'openassessmentblock.submit_feedback_on_assessments', 'openassessmentblock.submit_feedback_on_assessments'),
(NULL, 'openassessment.student_training_assess_example', 'openassessment.student_training_assess_example'),
(NULL, 'openassessment.upload_file', 'openassessment.upload_file'),
-- Enrollment, grades, navigation.
(NULL, 'edx.course.enrollment.activated', 'edx.course.enrollment.activated'),
(NULL, 'edx.course.enrollment.deactivated', 'edx.course.enrollment.deactivated'),
(NULL, 'edx.course.enrollment.mode_changed', 'edx.course.enrollment.mode_changed'),
(NULL, 'edx.grades.problem.submitted', 'edx.grades.problem.submitted'),
(NULL, 'edx.grades.problem.rescored', 'edx.grades.problem.rescored'),
(NULL, 'edx.grades.problem.score_overridden', 'edx.grades.problem.score_overridden'),
(NULL, 'edx.grades.problem.state_deleted', 'edx.grades.problem.state_deleted'),
(NULL, 'edx.grades.subsection.score_overridden', 'edx.grades.subsection.score_overridden'),
(NULL, 'edx.grades.subsection.grade_calculated', 'edx.grades.subsection.grade_calculated'),
(NULL, 'edx.grades.course.grade_calculated', 'edx.grades.course.grade_calculated'),
(NULL, 'edx.course.grade.passed.first_time', 'edx.course.grade.passed.first_time'),
(NULL, 'edx.course.grade.now_passed', 'edx.course.grade.now_passed'),
(NULL, 'edx.course.grade.now_failed', 'edx.course.grade.now_failed'),
(NULL, 'link_clicked', 'link_clicked'),
(NULL, 'edx.ui.lms.link_clicked', 'link_clicked'),
(NULL, 'outline.selected', 'outline.selected'),
(NULL, 'edx.ui.lms.outline.selected', 'outline.selected'),
-- Completion of content.
(NULL, 'edx.completion.block_completion.changed', 'edx.completion.block_completion.changed'),
(NULL, 'edx.done.toggled', 'edx.done.toggled'),
-- Discussions.
(NULL, 'edx.forum.searched', 'edx.forum.searched'),
(NULL, 'edx.forum.thread.created', 'edx.forum.thread.created'),
(NULL, 'edx.forum.thread.viewed', 'edx.forum.thread.viewed'),
(NULL, 'edx.forum.thread.voted', 'edx.forum.thread.voted'),
(NULL, 'edx.forum.thread.edited', 'edx.forum.thread.edited'),
(NULL, 'edx.forum.thread.deleted', 'edx.forum.thread.deleted'),
(NULL, 'edx.forum.thread.reported', 'edx.forum.thread.reported'),
(NULL, 'edx.forum.thread.unreported', 'edx.forum.thread.unreported'),
(NULL, 'edx.forum.thread.followed', 'edx.forum.thread.followed'),
(NULL, 'edx.forum.thread.unfollowed', 'edx.forum.thread.unfollowed'),
(NULL, 'edx.forum.thread.locked', 'edx.forum.thread.locked'),
(NULL, 'edx.forum.thread.unlocked', 'edx.forum.thread.unlocked'),
(NULL, 'edx.forum.response.created', 'edx.forum.response.created'),
(NULL, 'edx.forum.response.voted', 'edx.forum.response.voted'),
(NULL, 'edx.forum.response.edited', 'edx.forum.response.edited'),
(NULL, 'edx.forum.response.deleted', 'edx.forum.response.deleted'),
(NULL, 'edx.forum.response.reported', 'edx.forum.response.reported'),
(NULL, 'edx.forum.response.unreported', 'edx.forum.response.unreported'),
(NULL, 'edx.forum.response.mark', 'edx.forum.response.mark'),
(NULL, 'edx.forum.response.unmark', 'edx.forum.response.unmark'),
(NULL, 'edx.forum.comment.created', 'edx.forum.comment.created'),
(NULL, 'edx.forum.comment.edited', 'edx.forum.comment.edited'),
(NULL, 'edx.forum.comment.deleted', 'edx.forum.comment.deleted'),
(NULL, 'edx.forum.comment.reported', 'edx.forum.comment.reported'),
(NULL, 'edx.forum.comment.unreported', 'edx.forum.comment.unreported'),
-- Course home, tools, bookmarks, settings.
(NULL, 'edx.course.home.resume_course.clicked', 'edx.course.home.resume_course.clicked'),
(NULL, 'edx.course.home.course_update.toggled', 'edx.course.home.course_update.toggled'),
(NULL, 'edx.course.home.upgrade_verified.clicked', 'edx.course.home.upgrade_verified.clicked'),
(NULL, 'edx.course.tool.accessed', 'edx.course.tool.accessed'),
(NULL, 'edx.course.goal.added', 'edx.course.goal.added'),
(NULL, 'edx.course.goal.updated', 'edx.course.goal.updated'),
(NULL, 'edx.bookmark.accessed', 'edx.bookmark.accessed'),
(NULL, 'edx.bookmark.added', 'edx.bookmark.added'),
(NULL, 'edx.bookmark.listed', 'edx.bookmark.listed'),
(NULL, 'edx.bookmark.removed', 'edx.bookmark.removed'),
(NULL, 'edx.user.settings.viewed', 'edx.user.settings.viewed'),
(NULL, 'edx.user.settings.change_initiated', 'edx.user.settings.change_initiated'),
(NULL, 'edx.user.settings.changed', 'edx.user.settings.changed'),
-- Drag and drop.
(NULL, 'edx.drag_and_drop_v2.feedback.closed', 'edx.drag_and_drop_v2.feedback.closed'),
(NULL, 'edx.drag_and_drop_v2.feedback.opened', 'edx.drag_and_drop_v2.feedback.opened'),
(NULL, 'edx.drag_and_drop_v2.item.dropped', 'edx.drag_and_drop_v2.item.dropped'),
(NULL, 'edx.drag_and_drop_v2.item.picked_up', 'edx.drag_and_drop_v2.item.picked_up'),
(NULL, 'edx.drag_and_drop_v2.loaded', 'edx.drag_and_drop_v2.loaded'),
-- Timed and proctored exams.
(NULL, 'edx.special_exam.practice.allowance.created', 'edx.special_exam.practice.allowance.created'),
(NULL, 'edx.special_exam.practice.allowance.deleted', 'edx.special_exam.practice.allowance.deleted'),
(NULL, 'edx.special_exam.practice.attempt.created', 'edx.special_exam.practice.attempt.created'),
(NULL, 'edx.special_exam.practice.attempt.deleted', 'edx.special_exam.practice.attempt.deleted'),
(NULL, 'edx.special_exam.practice.attempt.download_software_clicked', 'edx.special_exam.practice.attempt.download_software_clicked'),
(NULL, 'edx.special_exam.practice.attempt.error', 'edx.special_exam.practice.attempt.error'),
(NULL, 'edx.special_exam.practice.attempt.ready_to_start', 'edx.special_exam.practice.attempt.ready_to_start'),
(NULL, 'edx.special_exam.practice.attempt.ready_to_submit', 'edx.special_exam.practice.attempt.ready_to_submit'),
(NULL, 'edx.special_exam.practice.attempt.started', 'edx.special_exam.practice.attempt.started'),
(NULL, 'edx.special_exam.practice.attempt.submitted', 'edx.special_exam.practice.attempt.submitted'),
(NULL, 'edx.special_exam.practice.created', 'edx.special_exam.practice.created'),
(NULL, 'edx.special_exam.practice.updated', 'edx.special_exam.practice.updated'),
(NULL, 'edx.special_exam.proctored.allowance.created', 'edx.special_exam.proctored.allowance.created'),
(NULL, 'edx.special_exam.proctored.allowance.deleted', 'edx.special_exam.proctored.allowance.deleted'),
(NULL, 'edx.special_exam.proctored.attempt.created', 'edx.special_exam.proctored.attempt.created'),
(NULL, 'edx.special_exam.proctored.attempt.declined', 'edx.special_exam.proctored.attempt.declined'),
(NULL, 'edx.special_exam.proctored.attempt.deleted', 'edx.special_exam.proctored.attempt.deleted'),
(NULL, 'edx.special_exam.proctored.attempt.download_software_clicked', 'edx.special_exam.proctored.attempt.download_software_clicked'),
(NULL, 'edx.special_exam.proctored.attempt.error', 'edx.special_exam.proctored.attempt.error'),
(NULL, 'edx.special_exam.proctored.attempt.ready_to_start', 'edx.special_exam.proctored.attempt.ready_to_start'),
(NULL, 'edx.special_exam.proctored.attempt.ready_to_submit', 'edx.special_exam.proctored.attempt.ready_to_submit'),
(NULL, 'edx.special_exam.proctored.attempt.rejected', 'edx.special_exam.proctored.attempt.rejected'),
(NULL, 'edx.special_exam.proctored.attempt.review_received', 'edx.special_exam.proctored.attempt.review_received'),
(NULL, 'edx.special_exam.proctored.attempt.started', 'edx.special_exam.proctored.attempt.started'),
(NULL, 'edx.special_exam.proctored.attempt.submitted', 'edx.special_exam.proctored.attempt.submitted'),
(NULL, 'edx.special_exam.proctored.attempt.verified', 'edx.special_exam.proctored.attempt.verified'),
(NULL, 'edx.special_exam.proctored.created', 'edx.special_exam.proctored.created'),
(NULL, 'edx.special_exam.proctored.option-presented', 'edx.special_exam.proctored.option-presented'),
(NULL, 'edx.special_exam.proctored.updated', 'edx.special_exam.proctored.updated'),
(NULL, 'edx.special_exam.timed.allowance.created', 'edx.special_exam.timed.allowance.created'),
(NULL, 'edx.special_exam.timed.allowance.deleted', 'edx.special_exam.timed.allowance.deleted'),
(NULL, 'edx.special_exam.timed.attempt.created', 'edx.special_exam.timed.attempt.created'),
(NULL, 'edx.special_exam.timed.attempt.deleted', 'edx.special_exam.timed.attempt.deleted'),
(NULL, 'edx.special_exam.timed.attempt.ready_to_submit', 'edx.special_exam.timed.attempt.ready_to_submit'),
(NULL, 'edx.special_exam.timed.attempt.started', 'edx.special_exam.timed.attempt.started'),
(NULL, 'edx.special_exam.timed.attempt.submitted', 'edx.special_exam.timed.attempt.submitted'),
(NULL, 'edx.special_exam.timed.created', 'edx.special_exam.timed.created'),
(NULL, 'edx.special_exam.timed.updated', 'edx.special_exam.timed.updated');

CREATE TABLE edx.tracking_log_tar (
    uri text NOT NULL,
    version text NOT NULL,
    size bigint NOT NULL,
    made_at timestamptz NOT NULL,
    members integer NOT NULL,
    junk integer NOT NULL,
    walked_at timestamptz NOT NULL DEFAULT now(),
    untaken text [] NOT NULL DEFAULT '{}',
    PRIMARY KEY (uri, version)
);

COMMENT ON TABLE edx.tracking_log_tar IS 'The tars whose members are all in ops.delivery: such a tar is not read again. Tars are cumulative: each repeats what the ones before it had.';
COMMENT ON COLUMN edx.tracking_log_tar.uri IS 'Its URI.';
COMMENT ON COLUMN edx.tracking_log_tar.version IS 'Its ETag there.';
COMMENT ON COLUMN edx.tracking_log_tar.size IS 'Its bytes.';
COMMENT ON COLUMN edx.tracking_log_tar.made_at IS 'Its LastModified.';
COMMENT ON COLUMN edx.tracking_log_tar.members IS 'Tracking logs in it.';
COMMENT ON COLUMN edx.tracking_log_tar.junk IS 'Other members, which are skipped.';
COMMENT ON COLUMN edx.tracking_log_tar.walked_at IS 'When it was walked last.';
COMMENT ON COLUMN edx.tracking_log_tar.untaken IS 'Logs in it that cannot be taken, each with the reason: sparse files, and names that are too long.';

CREATE TABLE edx.told_by_content (
    origin text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('log', 'tar', 'compressed tar', 'junk')),
    told_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (origin, name, version)
);

COMMENT ON TABLE edx.told_by_content IS 'Files whose names do not say what they are, with what their first bytes say: such a file is not read again for that.';
COMMENT ON COLUMN edx.told_by_content.origin IS 'The edX site.';
COMMENT ON COLUMN edx.told_by_content.name IS 'Its key in the bucket, or its name in a tar.';
COMMENT ON COLUMN edx.told_by_content.version IS 'Tells it from another file of that name.';
COMMENT ON COLUMN edx.told_by_content.kind IS 'log, tar, compressed tar, or junk, which is skipped.';
COMMENT ON COLUMN edx.told_by_content.told_at IS 'When it was looked into.';
