-- depends: 0009_activity

-- What each column says of people. A migration that makes a column calls stewardship.classify for it.

CREATE SCHEMA stewardship;

COMMENT ON SCHEMA stewardship IS 'Personal data: which column holds what. Readers do not see it.';

CREATE TABLE stewardship.column_class (
    relation text NOT NULL,
    name text NOT NULL,
    class text NOT NULL CHECK (class IN ('direct', 'indirect', 'free text', 'none')),
    PRIMARY KEY (relation, name)
);

COMMENT ON TABLE stewardship.column_class IS 'What each column of the warehouse''s tables and views says of people: a line for each.';
COMMENT ON COLUMN stewardship.column_class.relation IS 'The table or view, with its schema.';
COMMENT ON COLUMN stewardship.column_class.name IS 'The column.';
COMMENT ON COLUMN stewardship.column_class.class IS 'direct: it says by itself who it is, by a name, an address or an id. indirect: together with others it may tell who it is, such as a time, an IP address or the id of what one person made; the place of a row in its delivery, or a hash of it, leads back to who it is. free text: what people wrote, or what may hold anything, a URL too. none: nothing of these, such as a course or a score.';

CREATE PROCEDURE stewardship.classify(of_class text, pattern text, names text)
LANGUAGE plpgsql
AS $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY regexp_split_to_array(btrim(names, E' \n'), '\s+') LOOP
        INSERT INTO stewardship.column_class AS known (relation, name, class)
        SELECT format('%I.%I', n.nspname, c.relname), a.attname, of_class
        FROM pg_attribute AS a
        INNER JOIN pg_class AS c ON a.attrelid = c.oid
        INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
        WHERE format('%I.%I', n.nspname, c.relname) LIKE pattern
            AND c.relkind IN ('r', 'p', 'v')
            AND NOT c.relispartition
            AND c.relname !~ 'yoyo'
            AND a.attname = wanted
            AND a.attnum > 0
            AND NOT a.attisdropped
        ON CONFLICT (relation, name) DO UPDATE SET class = excluded.class;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'No relation like % has a column %.', pattern, wanted;
        END IF;
    END LOOP;
END
$$;

COMMENT ON PROCEDURE stewardship.classify(text, text, text) IS 'Gives columns their class: those of these names, with blanks between them, in the relations whose names with the schema are LIKE the pattern. A later call for the same column counts.';

-- Vocareum.

CALL stewardship.classify('direct', 'vocareum.%', '
    user_id userid user_email email name client_key client_userid partnerid graderid aws_account_id
');
CALL stewardship.classify('indirect', 'vocareum.%', '
    _delivery _row role start_time end_time launch_time init_time submission_time
    organization_terms_agreed_date_utc file_updated_time deactivation_date
');
CALL stewardship.classify('free text', 'vocareum.%', '
    _extras log tags submission status_code
');
CALL stewardship.classify('none', 'vocareum.%', '
    _origin _day asnid asnname asnscore assignment_id assignment_name concurrent_labs_count cost
    cost_change course_id course_name courseid coursename create_method day decreased disconnects
    dropped duration_min file_day isoverride ispeerreviewon lab_type latency_time_ms
    launch_to_ready_duration_mins maxscore month monthly_cost_to_date org_id org_name
    organization_terms_agreed parent_assignment_id parent_course_id parent_part_id part_id part_name
    partid partname partscore previous_cost previous_day rubricid rubricname rubricscore service year
');

-- Echo360. What tells of a medium as a whole is nobody's; the name of a medium or a class may be
-- anything that a teacher wrote, and no more than that.

CALL stewardship.classify('direct', 'echo360.%', '
    user_id first_name last_name email user_email owner_name
    question_user_id question_first_name question_last_name question_email
    answer_user_id answer_first_name answer_last_name answer_email
');
CALL stewardship.classify('indirect', 'echo360.%', '
    _delivery _row role user_role question_role answer_role event_timestamp session_id
    question_id answer_id asked_at question_changed_at answered_at answer_changed_at
    first_answered_at last_changed_at
');
CALL stewardship.classify('none', 'echo360.%', '
    _origin action actions activity_content activity_id activity_prompt answer_actions building_name
    campus_name cc_active course course_code course_id course_identifier course_name create_date day
    department_name device downloads duration_minute entity event intervals_played is_correct last_view
    lesson_id lesson_name live lms_course_id lms_course_identifier lms_course_name media_duration
    media_id media_name note_count on_demand organization_name playback_position playback_speed
    playback_volume poll_content poll_id poll_prompt presentation_id presentation_name private public
    published_date question_actions room_name scheduled scope seconds seconds_from_beats
    seconds_from_intervals section_id section_number session_status slide_count snapshot_day solution
    term_name transcribed transcript_active video_duration_in_minutes video_id video_name view_count
    view_duration_in_minutes
');
CALL stewardship.classify('free text', 'echo360.%', '_extras content question answer');

-- edX. A URL may hold a user name, and the name and the type of a request are its URL.

CALL stewardship.classify('direct', 'edx.%', '
    username user_id event_user_id attempt_user_id allowance_user_id instructor_id target_username student
    requesting_student_id requesting_staff_id scorer_id student_item_key
');
CALL stewardship.classify('indirect', 'edx.%', '
    _delivery _row time event_hash session ip agent accept_language
    user_forums_roles user_course_roles attempt_id attempt_code review_attempt_code attempt_started_at
    attempt_completed_at created_at submitted_at scored_at first_attempted bookmark_id submission_uuid
    submission_returned_uuid discussion_id response_id team_id group_id event_transaction_id task_id
    queuestate_key queuestate_time publish_date subtree_edited_timestamp course_edited_timestamp
');
CALL stewardship.classify('free text', 'edx.%', '
    _extras name event event_text context page referer path get post suffix
    url current_url target_url review_video_url
    answer answers saved_response submission submission_answer student_answer choice_all
    input inputs values state state_student_answers state_correct_map state_input_state old_state
    new_state correct_map msg hint html question
    title body query corrected_text edit_reason lock_reason target_name
    feedback feedback_text options parts corrections options_selected filename content
    old new settings value allowance_value item failure goal_key
');
CALL stewardship.classify('none', 'edx.%', '
    _origin action allowance_key amount anonymous anonymous_to_peers answervariable
    attempt_allowed_time_limit_mins attempt_event_elapsed_time_secs attempt_number attempt_status attempts
    block_id block_type bookmarks_count casesensitive category category_id category_name chapter
    chapter_title code commentable_id completion component_type component_usage_id content_type correct
    correctness course_from course_id course_version current_tab currenttime days_per_week direction done
    duration emitted_twice event_course_id event_event_type event_kind event_name event_page event_source
    event_status event_transaction_type event_type exam_content_id exam_default_time_limit_mins exam_id
    exam_is_active exam_is_practice_exam exam_is_proctored exam_name exam_type filesize filetype
    findprevious followed grade grading grading_policy_hash group_label handler highlightall hint_index
    hint_label hint_len hint_text hintmode hints host id input_type is_correct is_correct_location is_new
    item_id junk kind language letter_grade list_type location location_id made_at manually mark_type
    max_grade members mode module_display_name module_id module_usage_key new_score new_speed new_time
    new_total new_weighted_earned new_weighted_possible npoints old_speed old_time only_if_higher org_id
    orig_score orig_total origin override_deleted own_content page_number page_size percent_grade problem
    problem_id problem_part_id question_type repairs reported_status_cleared requested_skip_interval
    response_type review_status rubric_contenthash score_type seek_type setting setting_table size speed
    state_done state_seed status subscribed_to_reminders success tab_count target_tab thread_type
    thumbnail_title title_truncated told_at tool_name total_results trigger_type truncated type undo_vote
    untaken uri usage_key variant version visibility visible_blocks_hash vote_value walked_at
    weighted_earned weighted_graded_earned weighted_graded_possible weighted_possible
    weighted_total_earned weighted_total_possible widget_placement
');
CALL stewardship.classify('free text', 'edx.event', 'event_type');
CALL stewardship.classify('indirect', 'edx.forum_action', 'id');
CALL stewardship.classify('none', 'edx.told_by_content', 'name');
CALL stewardship.classify('none', 'edx.sequence_navigation', 'old new');
CALL stewardship.classify('none', 'edx.book_navigation', 'old new');
CALL stewardship.classify('none', 'edx.rubric_selection', 'value');

-- People.

CALL stewardship.classify('direct', 'people.%', '
    account_id accounts address user_id email value person_id own_person_id from_person_id into_person_id
    institution_id other_emails name edx_username edx_user_id vocareum_user_id echo360_user_id
');
CALL stewardship.classify('indirect', 'people.%', '
    _delivery _row role first_seen last_seen since day event_timestamp
');
CALL stewardship.classify('free text', 'people.%', '_extras');
CALL stewardship.classify('none', 'people.%', '
    _origin course echo360_course_identifier edx_course_id ends evidence kind lms_course_id other_course
    other_origin other_source other_title reason shared source source_course starts term title
    vocareum_course_id
');
CALL stewardship.classify('none', 'people.person', 'accounts');
CALL stewardship.classify('none', 'people.course', '_delivery _row');

-- Activity.

CALL stewardship.classify('direct', 'activity.%', 'account_id person_id');
CALL stewardship.classify('indirect', 'activity.%', '
    role day first_at last_at begun ended correct_at shown_at submitted_at
');
CALL stewardship.classify('none', 'activity.%', '
    _origin active_days active_hours active_seconds active_weeks answers_shown assignment attempts correct
    cost course days_since disconnects echo360_learners edx_learners events first_is_correct from_second
    is_enrolled is_overridden joins lab_hours lab_seconds learners listed_course max_score mode part
    played_seconds polls posts problem reasons score seconds seconds_to_correct sessions slides source
    source_course speed stream_seconds submissions title unique_seconds video video_hours video_seconds
    viewers views vocareum_learners was_shown_before_correct watched week without_end
');
CALL stewardship.classify('none', 'activity.whole_since', 'first_day');

-- The ledger, and what is kept here.

CALL stewardship.classify('direct', 'ops.%', 'accounts');
CALL stewardship.classify('free text', 'ops.%', 'raw reason header');
CALL stewardship.classify('none', 'ops.%', '
    _row answered_at attempt change closed_at created dag_id dataset day delivery_id details end_day
    failed_at first_day first_seen_at in_flight_since landed_at line line_id listed_before made_at
    merged_at name only_row origin part plans problem refused_at rejected_at reload removed_at report
    request_id rows_duplicate rows_erased rows_filtered rows_held rows_merged rows_read rows_rejected
    rows_superseded run_id runs sentence size split_from status submissions submitting_since superseded_by
    task_id uri version waiting_since what written_at yielding_since
');
CALL stewardship.classify('none', 'stewardship.column_class', 'relation name class');
