-- depends: 0002_vocareum

-- Echo360 reports, in the order of its document. Comments are its words where it has any.

CREATE SCHEMA echo360;

COMMENT ON SCHEMA echo360 IS 'Echo360 reports: what /public/api/v1/reporting/ makes on request.';

CREATE TABLE echo360.videoview (
    video_id ops.identifier,
    video_name text,
    section_id ops.identifier,
    section_number text,
    course_id ops.identifier,
    course_identifier text,
    course_name text,
    event_timestamp timestamptz NOT NULL,
    duration_minute numeric,
    user_id ops.identifier,
    first_name text,
    last_name text,
    email ops.email,
    role ops.role,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

-- Events are added, deleted and stored day by day: a few BRIN pages lead to those of a window or a
-- delivery. Those of this table are looked for by the UTC day too, as the views count them.
CREATE INDEX videoview_days ON echo360.videoview
USING brin (event_timestamp, ((event_timestamp AT TIME ZONE 'UTC')::date), _delivery) WITH (autosummarize = TRUE);

COMMENT ON TABLE echo360.videoview IS 'Video Views by User Report: non-aggregated video view events with user associations. Each event indicates 30 seconds of watched video, so that equal rows are events of their own. Views that occurred in a classroom, through a Group, or through the media details page for video or audio media.';
COMMENT ON COLUMN echo360.videoview.video_id IS 'video identifier (UUID).';
COMMENT ON COLUMN echo360.videoview.video_name IS 'video name.';
COMMENT ON COLUMN echo360.videoview.section_id IS 'section identifier (UUID).';
COMMENT ON COLUMN echo360.videoview.section_number IS 'section number.';
COMMENT ON COLUMN echo360.videoview.course_id IS 'course identifier (UUID).';
COMMENT ON COLUMN echo360.videoview.course_identifier IS 'course identifier as displayed in the UI.';
COMMENT ON COLUMN echo360.videoview.course_name IS 'course name.';
COMMENT ON COLUMN echo360.videoview.event_timestamp IS 'timestamp in UTC.';
COMMENT ON COLUMN echo360.videoview.duration_minute IS 'total video duration in minutes.';
COMMENT ON COLUMN echo360.videoview.user_id IS 'user identifier (UUID).';
COMMENT ON COLUMN echo360.videoview.first_name IS 'user first name.';
COMMENT ON COLUMN echo360.videoview.last_name IS 'user last name.';
COMMENT ON COLUMN echo360.videoview.email IS 'email address of the user. Also: user email.';
COMMENT ON COLUMN echo360.videoview.role IS 'institution level user role.';
COMMENT ON COLUMN echo360.videoview._origin IS 'The Echo360 host: echo360.org.';
COMMENT ON COLUMN echo360.videoview._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN echo360.videoview._row IS 'The record''s ordinal in its report, from 1.';
COMMENT ON COLUMN echo360.videoview._extras IS 'What the report had and the table has no column for.';

CREATE TABLE echo360.asset (
    snapshot_day date NOT NULL,
    video_name text,
    create_date timestamptz,
    section_number text,
    owner_name text,
    media_id ops.identifier,
    scheduled boolean,
    course_identifier text,
    organization_name text,
    department_name text,
    room_name text,
    building_name text,
    campus_name text,
    term_name text,
    transcribed boolean,
    device text,
    video_duration_in_minutes numeric,
    last_view timestamptz,
    view_count bigint,
    downloads bigint,
    view_duration_in_minutes numeric,
    public bigint,
    private bigint,
    live bigint,
    on_demand bigint,
    published_date timestamptz,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX asset_clock ON echo360.asset (_origin, snapshot_day);

CREATE INDEX asset_delivery ON echo360.asset (_delivery);

COMMENT ON TABLE echo360.asset IS 'Asset Report: engagement for all video assets. These counts are for all time; no date parameters are supplied. A row is a video in a section, as it was on snapshot_day.';
COMMENT ON COLUMN echo360.asset.snapshot_day IS 'The UTC day on which Echo360 made the report: its counts are those of that day.';
COMMENT ON COLUMN echo360.asset.video_name IS 'video name.';
COMMENT ON COLUMN echo360.asset.create_date IS 'video creation timestamp (UTC).';
COMMENT ON COLUMN echo360.asset.section_number IS 'section number.';
COMMENT ON COLUMN echo360.asset.owner_name IS 'owner first name, last name.';
COMMENT ON COLUMN echo360.asset.media_id IS 'media identifier (UUID).';
COMMENT ON COLUMN echo360.asset.scheduled IS '1 if from a scheduled capture, 0 otherwise (ad hoc captures).';
COMMENT ON COLUMN echo360.asset.course_identifier IS 'course identifier (UUID), says Echo360; other reports have it as displayed in the UI.';
COMMENT ON COLUMN echo360.asset.organization_name IS 'organization name.';
COMMENT ON COLUMN echo360.asset.department_name IS 'department name.';
COMMENT ON COLUMN echo360.asset.room_name IS 'room name.';
COMMENT ON COLUMN echo360.asset.building_name IS 'building name.';
COMMENT ON COLUMN echo360.asset.campus_name IS 'campus name.';
COMMENT ON COLUMN echo360.asset.term_name IS 'term name.';
COMMENT ON COLUMN echo360.asset.transcribed IS '1 if the video has been automatically transcribed, 0 otherwise (no transcription).';
COMMENT ON COLUMN echo360.asset.device IS 'capture source/device type that created the asset, including Zoom or OneDrive where applicable.';
COMMENT ON COLUMN echo360.asset.video_duration_in_minutes IS 'video duration in minutes.';
COMMENT ON COLUMN echo360.asset.last_view IS 'timestamp (UTC) of the most recent video view.';
COMMENT ON COLUMN echo360.asset.view_count IS 'total number of video views.';
COMMENT ON COLUMN echo360.asset.downloads IS 'total number of downloads.';
COMMENT ON COLUMN echo360.asset.view_duration_in_minutes IS 'cumulative view time for all users and views.';
COMMENT ON COLUMN echo360.asset.public IS 'total number of views resulting from public links.';
COMMENT ON COLUMN echo360.asset.private IS 'total number of views from sources other than public links.';
COMMENT ON COLUMN echo360.asset.live IS 'total number of views from a live stream, if any.';
COMMENT ON COLUMN echo360.asset.on_demand IS 'total number of video-on-demand (VOD) views.';
COMMENT ON COLUMN echo360.asset.published_date IS 'the date this video was published to the identified section.';
COMMENT ON COLUMN echo360.asset._origin IS 'The Echo360 host: echo360.org.';
COMMENT ON COLUMN echo360.asset._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN echo360.asset._row IS 'The record''s ordinal in its report, from 1.';
COMMENT ON COLUMN echo360.asset._extras IS 'What the report had and the table has no column for.';

CREATE TABLE echo360.assetbydate (
    day date NOT NULL,
    video_name text,
    create_date timestamptz,
    section_number text,
    owner_name text,
    media_id ops.identifier,
    scheduled boolean,
    course_identifier text,
    organization_name text,
    department_name text,
    room_name text,
    building_name text,
    campus_name text,
    term_name text,
    transcribed boolean,
    device text,
    video_duration_in_minutes numeric,
    last_view timestamptz,
    view_count bigint,
    downloads bigint,
    view_duration_in_minutes numeric,
    public bigint,
    private bigint,
    live bigint,
    on_demand bigint,
    published_date timestamptz,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX assetbydate_clock ON echo360.assetbydate (_origin, day);

CREATE INDEX assetbydate_delivery ON echo360.assetbydate (_delivery);

COMMENT ON TABLE echo360.assetbydate IS 'Asset By Date Report: engagement for all video assets within the identified date-range, up to one year prior to the date the report is requested. A row is a video in a section; its counts are those of day.';
COMMENT ON COLUMN echo360.assetbydate.day IS 'The UTC day for which the report was requested: the counts of a longer period could not be split into days.';
COMMENT ON COLUMN echo360.assetbydate.video_name IS 'video name.';
COMMENT ON COLUMN echo360.assetbydate.create_date IS 'video creation timestamp (UTC).';
COMMENT ON COLUMN echo360.assetbydate.section_number IS 'section number.';
COMMENT ON COLUMN echo360.assetbydate.owner_name IS 'owner first name, last name.';
COMMENT ON COLUMN echo360.assetbydate.media_id IS 'media identifier (UUID).';
COMMENT ON COLUMN echo360.assetbydate.scheduled IS '1 if from a scheduled capture, 0 otherwise (ad hoc captures).';
COMMENT ON COLUMN echo360.assetbydate.course_identifier IS 'course identifier (UUID), says Echo360; other reports have it as displayed in the UI.';
COMMENT ON COLUMN echo360.assetbydate.organization_name IS 'organization name.';
COMMENT ON COLUMN echo360.assetbydate.department_name IS 'department name.';
COMMENT ON COLUMN echo360.assetbydate.room_name IS 'room name.';
COMMENT ON COLUMN echo360.assetbydate.building_name IS 'building name.';
COMMENT ON COLUMN echo360.assetbydate.campus_name IS 'campus name.';
COMMENT ON COLUMN echo360.assetbydate.term_name IS 'term name.';
COMMENT ON COLUMN echo360.assetbydate.transcribed IS '1 if the video has been automatically transcribed, 0 otherwise (no transcription).';
COMMENT ON COLUMN echo360.assetbydate.device IS 'capture source/device type that created the asset, including Zoom or OneDrive where applicable.';
COMMENT ON COLUMN echo360.assetbydate.video_duration_in_minutes IS 'video duration in minutes.';
COMMENT ON COLUMN echo360.assetbydate.last_view IS 'timestamp (UTC) of the most recent video view.';
COMMENT ON COLUMN echo360.assetbydate.view_count IS 'total number of video views.';
COMMENT ON COLUMN echo360.assetbydate.downloads IS 'total number of downloads.';
COMMENT ON COLUMN echo360.assetbydate.view_duration_in_minutes IS 'cumulative view time for all users and views.';
COMMENT ON COLUMN echo360.assetbydate.public IS 'total number of views resulting from public links.';
COMMENT ON COLUMN echo360.assetbydate.private IS 'total number of views from sources other than public links.';
COMMENT ON COLUMN echo360.assetbydate.live IS 'total number of views from a live stream, if any.';
COMMENT ON COLUMN echo360.assetbydate.on_demand IS 'total number of video-on-demand (VOD) views.';
COMMENT ON COLUMN echo360.assetbydate.published_date IS 'the date this video was published to the section identified.';
COMMENT ON COLUMN echo360.assetbydate._origin IS 'The Echo360 host: echo360.org.';
COMMENT ON COLUMN echo360.assetbydate._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN echo360.assetbydate._row IS 'The record''s ordinal in its report, from 1.';
COMMENT ON COLUMN echo360.assetbydate._extras IS 'What the report had and the table has no column for.';

CREATE TABLE echo360.presentation (
    presentation_id ops.identifier,
    presentation_name text,
    section_id ops.identifier,
    section_number text,
    course_id ops.identifier,
    course_identifier text,
    course_name text,
    event_timestamp timestamptz NOT NULL,
    user_id ops.identifier,
    first_name text,
    last_name text,
    email ops.email,
    role ops.role,
    slide_count integer,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX presentation_days ON echo360.presentation USING brin (event_timestamp, _delivery) WITH (autosummarize = TRUE);

COMMENT ON TABLE echo360.presentation IS 'Presentation Report: engagement for presentations (slide decks). Each row represents a user view of a presentation.';
COMMENT ON COLUMN echo360.presentation.presentation_id IS 'presentation identifier (UUID).';
COMMENT ON COLUMN echo360.presentation.presentation_name IS 'presentation name.';
COMMENT ON COLUMN echo360.presentation.section_id IS 'section identifier (UUID).';
COMMENT ON COLUMN echo360.presentation.section_number IS 'section number.';
COMMENT ON COLUMN echo360.presentation.course_id IS 'course identifier (UUID).';
COMMENT ON COLUMN echo360.presentation.course_identifier IS 'course identifier as displayed in the UI.';
COMMENT ON COLUMN echo360.presentation.course_name IS 'course name.';
COMMENT ON COLUMN echo360.presentation.event_timestamp IS 'timestamp in UTC.';
COMMENT ON COLUMN echo360.presentation.user_id IS 'user identifier (UUID).';
COMMENT ON COLUMN echo360.presentation.first_name IS 'user first name.';
COMMENT ON COLUMN echo360.presentation.last_name IS 'user last name.';
COMMENT ON COLUMN echo360.presentation.email IS 'email address of the user. Also: user email.';
COMMENT ON COLUMN echo360.presentation.role IS 'institution level user role.';
COMMENT ON COLUMN echo360.presentation.slide_count IS 'total slide count for presentation.';
COMMENT ON COLUMN echo360.presentation._origin IS 'The Echo360 host: echo360.org.';
COMMENT ON COLUMN echo360.presentation._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN echo360.presentation._row IS 'The record''s ordinal in its report, from 1.';
COMMENT ON COLUMN echo360.presentation._extras IS 'What the report had and the table has no column for.';

CREATE TABLE echo360.liveviews (
    media_id ops.identifier,
    media_name text,
    user_id ops.identifier,
    first_name text,
    last_name text,
    user_email ops.email,
    user_role ops.role,
    scope text,
    event text,
    event_timestamp timestamptz NOT NULL,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX liveviews_days ON echo360.liveviews USING brin (event_timestamp, _delivery) WITH (autosummarize = TRUE);

COMMENT ON TABLE echo360.liveviews IS 'Live Views Report: non-aggregated live stream and live classroom view events with user associations. LEAVE events are generated after 32 to 62 seconds for users who close the window or browser without hiding the stream or exiting the classroom.';
COMMENT ON COLUMN echo360.liveviews.media_id IS 'system identifier of the media (UUID).';
COMMENT ON COLUMN echo360.liveviews.media_name IS 'name of the media.';
COMMENT ON COLUMN echo360.liveviews.user_id IS 'system identifier of the user performing the event (UUID).';
COMMENT ON COLUMN echo360.liveviews.first_name IS 'first name (given name) of the user performing the event.';
COMMENT ON COLUMN echo360.liveviews.last_name IS 'last name (surname) of the user performing the event.';
COMMENT ON COLUMN echo360.liveviews.user_email IS 'email address of the user performing the event. Also: email.';
COMMENT ON COLUMN echo360.liveviews.user_role IS 'current role of the user performing the event.';
COMMENT ON COLUMN echo360.liveviews.scope IS 'type of event: CLASSROOM (enter or exit the classroom) or LIVE_STREAM (show or hide the live stream in the classroom).';
COMMENT ON COLUMN echo360.liveviews.event IS 'JOIN or LEAVE event for the scope of this entry.';
COMMENT ON COLUMN echo360.liveviews.event_timestamp IS 'timestamp of the event in UTC.';
COMMENT ON COLUMN echo360.liveviews._origin IS 'The Echo360 host: echo360.org.';
COMMENT ON COLUMN echo360.liveviews._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN echo360.liveviews._row IS 'The record''s ordinal in its report, from 1.';
COMMENT ON COLUMN echo360.liveviews._extras IS 'What the report had and the table has no column for.';

CREATE TABLE echo360.viewsessions (
    event_timestamp timestamptz NOT NULL,
    session_id ops.identifier,
    session_status text,
    media_id ops.identifier,
    media_name text,
    media_duration numeric,
    lms_course_name text,
    course_id ops.identifier,
    course_code text,
    course_name text,
    section_id ops.identifier,
    section_number text,
    lesson_id ops.identifier,
    lesson_name text,
    user_id ops.identifier,
    first_name text,
    last_name text,
    user_email ops.email,
    user_role ops.role,
    intervals_played jsonb,
    playback_speed integer,
    playback_volume integer,
    playback_position numeric,
    transcript_active boolean,
    cc_active boolean,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX viewsessions_days ON echo360.viewsessions USING brin (event_timestamp, _delivery) WITH (autosummarize = TRUE);

COMMENT ON TABLE echo360.viewsessions IS 'Media View Sessions Report: non-aggregated media view sessions with user associations and player detail. Each event is a view session of the noted status. Views through any public link for media, for the embedded media player, including embedded interactive media, and for the media details page for interactive media only.';
COMMENT ON COLUMN echo360.viewsessions.event_timestamp IS 'the date/time this viewing event occurred (in UTC).';
COMMENT ON COLUMN echo360.viewsessions.session_id IS 'system ID of the session generated by this viewing event; echo360.viewsessiondetails has its intervals (beacons).';
COMMENT ON COLUMN echo360.viewsessions.session_status IS 'SESSION_BEGIN: the media is loaded on the page. SESSION_END: the viewing event ended by the user''s action. SESSION_STALE: it timed out after 48 hours of inactivity.';
COMMENT ON COLUMN echo360.viewsessions.media_id IS 'system ID of the media being viewed in this event.';
COMMENT ON COLUMN echo360.viewsessions.media_name IS 'name of the media being viewed in this event.';
COMMENT ON COLUMN echo360.viewsessions.media_duration IS 'total length of this media in minutes.';
COMMENT ON COLUMN echo360.viewsessions.lms_course_name IS 'name of the LMS/VLE course where the viewing event occurred (if applicable).';
COMMENT ON COLUMN echo360.viewsessions.course_id IS 'system ID of the Echo360 course where the viewing event occurred (if applicable).';
COMMENT ON COLUMN echo360.viewsessions.course_code IS 'number or unique identifier for the Echo360 course where the viewing event occurred (if applicable).';
COMMENT ON COLUMN echo360.viewsessions.course_name IS 'name of the Echo360 course where the viewing event occurred (if applicable).';
COMMENT ON COLUMN echo360.viewsessions.section_id IS 'system ID of the Echo360 section where the viewing event occurred (if applicable).';
COMMENT ON COLUMN echo360.viewsessions.section_number IS 'number or other identifier of the Echo360 section where the viewing event occurred (if applicable).';
COMMENT ON COLUMN echo360.viewsessions.lesson_id IS 'system ID of the Echo360 class/lesson where the viewing event occurred (if applicable).';
COMMENT ON COLUMN echo360.viewsessions.lesson_name IS 'name of the Echo360 class/lesson where the viewing event occurred (if applicable).';
COMMENT ON COLUMN echo360.viewsessions.user_id IS 'system ID of the user who performed the viewing event.';
COMMENT ON COLUMN echo360.viewsessions.first_name IS 'first name of the user who performed the viewing event.';
COMMENT ON COLUMN echo360.viewsessions.last_name IS 'last name of the user who performed the viewing event.';
COMMENT ON COLUMN echo360.viewsessions.user_email IS 'email address of the user who performed the viewing event. Also: email.';
COMMENT ON COLUMN echo360.viewsessions.user_role IS 'role the user is logged in as when performing this viewing event.';
COMMENT ON COLUMN echo360.viewsessions.intervals_played IS 'array of intervals, in milliseconds, that were logged as viewed at the moment this session status was recorded: [[0,80000],[120000,160000]]. Always blank for SESSION_BEGIN.';
COMMENT ON COLUMN echo360.viewsessions.playback_speed IS 'playback speed at the time this session status was recorded, in percent: 1x speed is 100.';
COMMENT ON COLUMN echo360.viewsessions.playback_volume IS 'volume at the time this session status was recorded, in percent: full volume is 100.';
COMMENT ON COLUMN echo360.viewsessions.playback_position IS 'location of the playhead at the time this session status was recorded (in milliseconds).';
COMMENT ON COLUMN echo360.viewsessions.transcript_active IS 'whether the transcript panel was open (visible) at the time this session status was recorded.';
COMMENT ON COLUMN echo360.viewsessions.cc_active IS 'whether the closed captions were turned on (visible) at the time this session status was recorded.';
COMMENT ON COLUMN echo360.viewsessions._origin IS 'The Echo360 host: echo360.org.';
COMMENT ON COLUMN echo360.viewsessions._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN echo360.viewsessions._row IS 'The record''s ordinal in its report, from 1.';
COMMENT ON COLUMN echo360.viewsessions._extras IS 'What the report had and the table has no column for.';

CREATE TABLE echo360.viewsessiondetails (
    event_timestamp timestamptz NOT NULL,
    session_id ops.identifier,
    media_id ops.identifier,
    media_name text,
    user_id ops.identifier,
    intervals_played jsonb,
    playback_speed integer,
    playback_volume integer,
    playback_position numeric,
    transcript_active boolean,
    cc_active boolean,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX viewsessiondetails_days ON echo360.viewsessiondetails USING brin (event_timestamp, _delivery) WITH (autosummarize = TRUE);

COMMENT ON TABLE echo360.viewsessiondetails IS 'Media View Session Details Report: non-aggregated video view events that include both the session ID and the beacon events that occurred within each session. Beacon events are sent approximately every 30 seconds and/or when a change in the player status warrants one. The views are those of echo360.viewsessions.';
COMMENT ON COLUMN echo360.viewsessiondetails.event_timestamp IS 'the date/time, in UTC, this viewing event (the session or beacon entry) occurred.';
COMMENT ON COLUMN echo360.viewsessiondetails.session_id IS 'system ID of the viewing session that applies to this beacon.';
COMMENT ON COLUMN echo360.viewsessiondetails.media_id IS 'system ID of the media being viewed in this session.';
COMMENT ON COLUMN echo360.viewsessiondetails.media_name IS 'name of the media being viewed in this session.';
COMMENT ON COLUMN echo360.viewsessiondetails.user_id IS 'system ID of the user performing the view session.';
COMMENT ON COLUMN echo360.viewsessiondetails.intervals_played IS 'array of intervals that were watched for the duration of this session beacon, in milliseconds: [[0,10000],[120000,146000]].';
COMMENT ON COLUMN echo360.viewsessiondetails.playback_speed IS 'speed of playback set in the player at the time of this session beacon, in percent: 1x speed is 100. The document explains this under playbackVolume.';
COMMENT ON COLUMN echo360.viewsessiondetails.playback_volume IS 'volume of the playback set in the player at the time of this session beacon, in percent: full volume is 100. The document explains this under playbackSpeed.';
COMMENT ON COLUMN echo360.viewsessiondetails.playback_position IS 'location of the playhead in the player (in milliseconds) at the time of this session beacon.';
COMMENT ON COLUMN echo360.viewsessiondetails.transcript_active IS 'whether or not the transcript panel was open/visible at the time of this session beacon.';
COMMENT ON COLUMN echo360.viewsessiondetails.cc_active IS 'whether or not the closed captions were enabled/visible at the time of this session beacon.';
COMMENT ON COLUMN echo360.viewsessiondetails._origin IS 'The Echo360 host: echo360.org.';
COMMENT ON COLUMN echo360.viewsessiondetails._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN echo360.viewsessiondetails._row IS 'The record''s ordinal in its report, from 1.';
COMMENT ON COLUMN echo360.viewsessiondetails._extras IS 'What the report had and the table has no column for.';

CREATE TABLE echo360.confused (
    presentation_id ops.identifier,
    presentation_name text,
    section_id ops.identifier,
    section_number text,
    course_id ops.identifier,
    course_identifier text,
    course_name text,
    event_timestamp timestamptz NOT NULL,
    user_id ops.identifier,
    first_name text,
    last_name text,
    email ops.email,
    role ops.role,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX confused_days ON echo360.confused USING brin (event_timestamp, _delivery) WITH (autosummarize = TRUE);

COMMENT ON TABLE echo360.confused IS 'Confusion by User Report: non-aggregated events indicating that a user marked a presentation slide as confusing.';
COMMENT ON COLUMN echo360.confused.presentation_id IS 'presentation identifier (UUID).';
COMMENT ON COLUMN echo360.confused.presentation_name IS 'presentation name.';
COMMENT ON COLUMN echo360.confused.section_id IS 'section identifier (UUID).';
COMMENT ON COLUMN echo360.confused.section_number IS 'section number.';
COMMENT ON COLUMN echo360.confused.course_id IS 'course identifier (UUID).';
COMMENT ON COLUMN echo360.confused.course_identifier IS 'course identifier as displayed in the UI.';
COMMENT ON COLUMN echo360.confused.course_name IS 'course name.';
COMMENT ON COLUMN echo360.confused.event_timestamp IS 'timestamp in UTC.';
COMMENT ON COLUMN echo360.confused.user_id IS 'user identifier (UUID).';
COMMENT ON COLUMN echo360.confused.first_name IS 'user first name.';
COMMENT ON COLUMN echo360.confused.last_name IS 'user last name.';
COMMENT ON COLUMN echo360.confused.email IS 'email address of the user. Also: user email.';
COMMENT ON COLUMN echo360.confused.role IS 'institution level user role.';
COMMENT ON COLUMN echo360.confused._origin IS 'The Echo360 host: echo360.org.';
COMMENT ON COLUMN echo360.confused._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN echo360.confused._row IS 'The record''s ordinal in its report, from 1.';
COMMENT ON COLUMN echo360.confused._extras IS 'What the report had and the table has no column for.';

CREATE TABLE echo360.polling (
    presentation_id ops.identifier,
    presentation_name text,
    section_id ops.identifier,
    section_number text,
    course_id ops.identifier,
    course_identifier text,
    course_name text,
    activity_id ops.identifier,
    activity_prompt text,
    activity_content jsonb,
    solution text,
    event_timestamp timestamptz NOT NULL,
    answer_id ops.identifier,
    answer text,
    is_correct text,
    user_id ops.identifier,
    first_name text,
    last_name text,
    email ops.email,
    role ops.role,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX polling_days ON echo360.polling USING brin (event_timestamp, _delivery) WITH (autosummarize = TRUE);

COMMENT ON TABLE echo360.polling IS 'Polling by User Report - presentations: student responses given for poll questions located in presentation media. Announced as deprecated on June 30, 2022; echo360.pollingv2 has this data and more.';
COMMENT ON COLUMN echo360.polling.presentation_id IS 'presentation identifier (UUID).';
COMMENT ON COLUMN echo360.polling.presentation_name IS 'presentation name.';
COMMENT ON COLUMN echo360.polling.section_id IS 'section identifier (UUID).';
COMMENT ON COLUMN echo360.polling.section_number IS 'section number.';
COMMENT ON COLUMN echo360.polling.course_id IS 'course identifier (UUID).';
COMMENT ON COLUMN echo360.polling.course_identifier IS 'course identifier as displayed in the UI.';
COMMENT ON COLUMN echo360.polling.course_name IS 'course name.';
COMMENT ON COLUMN echo360.polling.activity_id IS 'activity identifier (UUID).';
COMMENT ON COLUMN echo360.polling.activity_prompt IS 'question text.';
COMMENT ON COLUMN echo360.polling.activity_content IS 'JSON record of available poll responses.';
COMMENT ON COLUMN echo360.polling.solution IS 'correct answer.';
COMMENT ON COLUMN echo360.polling.event_timestamp IS 'timestamp in UTC.';
COMMENT ON COLUMN echo360.polling.answer_id IS 'answer identifier (UUID).';
COMMENT ON COLUMN echo360.polling.answer IS 'answer supplied by user.';
COMMENT ON COLUMN echo360.polling.is_correct IS 'DEPRECATED, do not use.';
COMMENT ON COLUMN echo360.polling.user_id IS 'user identifier (UUID).';
COMMENT ON COLUMN echo360.polling.first_name IS 'user first name.';
COMMENT ON COLUMN echo360.polling.last_name IS 'user last name.';
COMMENT ON COLUMN echo360.polling.email IS 'email address of the user. Also: user email.';
COMMENT ON COLUMN echo360.polling.role IS 'institution level user role.';
COMMENT ON COLUMN echo360.polling._origin IS 'The Echo360 host: echo360.org.';
COMMENT ON COLUMN echo360.polling._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN echo360.polling._row IS 'The record''s ordinal in its report, from 1.';
COMMENT ON COLUMN echo360.polling._extras IS 'What the report had and the table has no column for.';

CREATE TABLE echo360.pollingv2 (
    media_id ops.identifier,
    media_name text,
    section_id ops.identifier,
    section_number text,
    course_id ops.identifier,
    lms_course_id ops.identifier,
    course_identifier text,
    lms_course_identifier text,
    course_name text,
    lms_course_name text,
    poll_id ops.identifier,
    poll_prompt text,
    poll_content jsonb,
    solution text,
    action text,
    event_timestamp timestamptz NOT NULL,
    answer_id ops.identifier,
    answer text,
    user_id ops.identifier,
    first_name text,
    last_name text,
    email ops.email,
    role ops.role,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX pollingv2_days ON echo360.pollingv2 USING brin (event_timestamp, _delivery) WITH (autosummarize = TRUE);

COMMENT ON TABLE echo360.pollingv2 IS 'Polling by User Report - Version 2 - all media types: all student responses to polling questions in both presentation and interactive media. If multiple actions apply to a response, they occupy multiple rows.';
COMMENT ON COLUMN echo360.pollingv2.media_id IS 'system ID (UUID) of the media.';
COMMENT ON COLUMN echo360.pollingv2.media_name IS 'name of the media.';
COMMENT ON COLUMN echo360.pollingv2.section_id IS 'system ID (UUID) of the Echo360 section where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.pollingv2.section_number IS 'number or other identifier of the Echo360 section where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.pollingv2.course_id IS 'system ID (UUID) of the Echo360 course where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.pollingv2.lms_course_id IS 'LMS system ID for the LMS course where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.pollingv2.course_identifier IS 'number or unique identifier as displayed in the UI for the Echo360 course where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.pollingv2.lms_course_identifier IS 'LMS course code or unique identifier as displayed in the UI for the LMS course where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.pollingv2.course_name IS 'name of the Echo360 course where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.pollingv2.lms_course_name IS 'name of the LMS course where the response occurred (if applicable).';
COMMENT ON COLUMN echo360.pollingv2.poll_id IS 'system ID (UUID) of the poll.';
COMMENT ON COLUMN echo360.pollingv2.poll_prompt IS 'question text of the poll.';
COMMENT ON COLUMN echo360.pollingv2.poll_content IS 'JSON record of available poll responses.';
COMMENT ON COLUMN echo360.pollingv2.solution IS 'correct answer text or selection area of the poll (if applicable).';
COMMENT ON COLUMN echo360.pollingv2.action IS 'action performed on the response: Created, Updated (polling slides where students can edit their responses) or Deleted (the poll is deleted after students responded).';
COMMENT ON COLUMN echo360.pollingv2.event_timestamp IS 'timestamp in UTC of when the response was provided.';
COMMENT ON COLUMN echo360.pollingv2.answer_id IS 'system identifier (UUID) of the response given by user.';
COMMENT ON COLUMN echo360.pollingv2.answer IS 'response given by the user to this poll.';
COMMENT ON COLUMN echo360.pollingv2.user_id IS 'system identifier (UUID) of the user.';
COMMENT ON COLUMN echo360.pollingv2.first_name IS 'user first name.';
COMMENT ON COLUMN echo360.pollingv2.last_name IS 'user last name.';
COMMENT ON COLUMN echo360.pollingv2.email IS 'email address of the user. Also: user email.';
COMMENT ON COLUMN echo360.pollingv2.role IS 'Echo360 institution-level user role.';
COMMENT ON COLUMN echo360.pollingv2._origin IS 'The Echo360 host: echo360.org.';
COMMENT ON COLUMN echo360.pollingv2._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN echo360.pollingv2._row IS 'The record''s ordinal in its report, from 1.';
COMMENT ON COLUMN echo360.pollingv2._extras IS 'What the report had and the table has no column for.';

CREATE TABLE echo360.qanda (
    question_id ops.identifier,
    question text,
    section_id ops.identifier,
    section_number text,
    course_id ops.identifier,
    course_identifier text,
    course_name text,
    question_user_id ops.identifier,
    question_first_name text,
    question_last_name text,
    question_email ops.email,
    question_role ops.role,
    answer_id ops.identifier,
    answer text,
    event_timestamp timestamptz NOT NULL,
    answer_user_id ops.identifier,
    answer_first_name text,
    answer_last_name text,
    answer_email ops.email,
    answer_role ops.role,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX qanda_days ON echo360.qanda USING brin (event_timestamp, _delivery) WITH (autosummarize = TRUE);

COMMENT ON TABLE echo360.qanda IS 'Question and Answer Report: discussion posts/questions and, where applicable, corresponding responses/answers for course Q&A/discussions. Announced as deprecated on June 30, 2022; echo360.qanda2 has this data and more.';
COMMENT ON COLUMN echo360.qanda.question_id IS 'question identifier (UUID).';
COMMENT ON COLUMN echo360.qanda.question IS 'question text.';
COMMENT ON COLUMN echo360.qanda.section_id IS 'section identifier (UUID).';
COMMENT ON COLUMN echo360.qanda.section_number IS 'section number.';
COMMENT ON COLUMN echo360.qanda.course_id IS 'course identifier (UUID).';
COMMENT ON COLUMN echo360.qanda.course_identifier IS 'course identifier as displayed in the UI.';
COMMENT ON COLUMN echo360.qanda.course_name IS 'course name.';
COMMENT ON COLUMN echo360.qanda.question_user_id IS 'question creator user identifier (UUID).';
COMMENT ON COLUMN echo360.qanda.question_first_name IS 'question creator user first name.';
COMMENT ON COLUMN echo360.qanda.question_last_name IS 'question creator user last name.';
COMMENT ON COLUMN echo360.qanda.question_email IS 'question creator user email.';
COMMENT ON COLUMN echo360.qanda.question_role IS 'question creator institution level user role.';
COMMENT ON COLUMN echo360.qanda.answer_id IS 'answer identifier (UUID).';
COMMENT ON COLUMN echo360.qanda.answer IS 'answer text.';
COMMENT ON COLUMN echo360.qanda.event_timestamp IS 'timestamp in UTC.';
COMMENT ON COLUMN echo360.qanda.answer_user_id IS 'answer creator user identifier (UUID).';
COMMENT ON COLUMN echo360.qanda.answer_first_name IS 'answer creator user first name.';
COMMENT ON COLUMN echo360.qanda.answer_last_name IS 'answer creator user last name.';
COMMENT ON COLUMN echo360.qanda.answer_email IS 'answer creator user email.';
COMMENT ON COLUMN echo360.qanda.answer_role IS 'answer creator institution level user role.';
COMMENT ON COLUMN echo360.qanda._origin IS 'The Echo360 host: echo360.org.';
COMMENT ON COLUMN echo360.qanda._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN echo360.qanda._row IS 'The record''s ordinal in its report, from 1.';
COMMENT ON COLUMN echo360.qanda._extras IS 'What the report had and the table has no column for.';

CREATE TABLE echo360.qanda2 (
    entity text,
    action text,
    question_id ops.identifier,
    question text,
    section_id ops.identifier,
    section_number text,
    course_id ops.identifier,
    course_identifier text,
    course_name text,
    question_user_id ops.identifier,
    question_first_name text,
    question_last_name text,
    question_email ops.email,
    question_role ops.role,
    answer_id ops.identifier,
    answer text,
    event_timestamp timestamptz NOT NULL,
    answer_user_id ops.identifier,
    answer_first_name text,
    answer_last_name text,
    answer_email ops.email,
    answer_role ops.role,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX qanda2_days ON echo360.qanda2 USING brin (event_timestamp, _delivery) WITH (autosummarize = TRUE);

COMMENT ON TABLE echo360.qanda2 IS 'Question and Answer Report - Version 2: discussion posts/questions and, where applicable, corresponding responses/answers for course Q&A/discussions. If multiple actions apply to an entity, they occupy multiple rows.';
COMMENT ON COLUMN echo360.qanda2.entity IS 'the item whose data occupies this row: Question or Response.';
COMMENT ON COLUMN echo360.qanda2.action IS 'action performed on the entity in the row: Created, Updated or Deleted.';
COMMENT ON COLUMN echo360.qanda2.question_id IS 'question identifier (UUID).';
COMMENT ON COLUMN echo360.qanda2.question IS 'question text.';
COMMENT ON COLUMN echo360.qanda2.section_id IS 'section identifier (UUID).';
COMMENT ON COLUMN echo360.qanda2.section_number IS 'section number.';
COMMENT ON COLUMN echo360.qanda2.course_id IS 'course identifier (UUID).';
COMMENT ON COLUMN echo360.qanda2.course_identifier IS 'course identifier as displayed in the UI.';
COMMENT ON COLUMN echo360.qanda2.course_name IS 'course name.';
COMMENT ON COLUMN echo360.qanda2.question_user_id IS 'question creator user identifier (UUID).';
COMMENT ON COLUMN echo360.qanda2.question_first_name IS 'question creator user first name.';
COMMENT ON COLUMN echo360.qanda2.question_last_name IS 'question creator user last name.';
COMMENT ON COLUMN echo360.qanda2.question_email IS 'question creator user email.';
COMMENT ON COLUMN echo360.qanda2.question_role IS 'question creator institution level user role.';
COMMENT ON COLUMN echo360.qanda2.answer_id IS 'answer identifier (UUID).';
COMMENT ON COLUMN echo360.qanda2.answer IS 'answer text.';
COMMENT ON COLUMN echo360.qanda2.event_timestamp IS 'timestamp in UTC.';
COMMENT ON COLUMN echo360.qanda2.answer_user_id IS 'answer creator user identifier (UUID).';
COMMENT ON COLUMN echo360.qanda2.answer_first_name IS 'answer creator user first name.';
COMMENT ON COLUMN echo360.qanda2.answer_last_name IS 'answer creator user last name.';
COMMENT ON COLUMN echo360.qanda2.answer_email IS 'answer creator user email.';
COMMENT ON COLUMN echo360.qanda2.answer_role IS 'answer creator institution level user role.';
COMMENT ON COLUMN echo360.qanda2._origin IS 'The Echo360 host: echo360.org.';
COMMENT ON COLUMN echo360.qanda2._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN echo360.qanda2._row IS 'The record''s ordinal in its report, from 1.';
COMMENT ON COLUMN echo360.qanda2._extras IS 'What the report had and the table has no column for.';

CREATE TABLE echo360.notes (
    presentation_id ops.identifier,
    presentation_name text,
    section_id ops.identifier,
    section_number text,
    course_id ops.identifier,
    course_identifier text,
    course_name text,
    content jsonb,
    note_count integer,
    event_timestamp timestamptz NOT NULL,
    user_id ops.identifier,
    first_name text,
    last_name text,
    email ops.email,
    role ops.role,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX notes_days ON echo360.notes USING brin (event_timestamp, _delivery) WITH (autosummarize = TRUE);

COMMENT ON TABLE echo360.notes IS 'Notes by User Report: metadata for created or updated notes.';
COMMENT ON COLUMN echo360.notes.presentation_id IS 'presentation identifier (UUID).';
COMMENT ON COLUMN echo360.notes.presentation_name IS 'presentation name.';
COMMENT ON COLUMN echo360.notes.section_id IS 'section identifier (UUID).';
COMMENT ON COLUMN echo360.notes.section_number IS 'section number.';
COMMENT ON COLUMN echo360.notes.course_id IS 'course identifier (UUID).';
COMMENT ON COLUMN echo360.notes.course_identifier IS 'course identifier as displayed in the UI.';
COMMENT ON COLUMN echo360.notes.course_name IS 'course name.';
COMMENT ON COLUMN echo360.notes.content IS 'JSON blob describing noted content.';
COMMENT ON COLUMN echo360.notes.note_count IS 'number of words in note.';
COMMENT ON COLUMN echo360.notes.event_timestamp IS 'timestamp in UTC.';
COMMENT ON COLUMN echo360.notes.user_id IS 'user identifier (UUID).';
COMMENT ON COLUMN echo360.notes.first_name IS 'user first name.';
COMMENT ON COLUMN echo360.notes.last_name IS 'user last name.';
COMMENT ON COLUMN echo360.notes.email IS 'email address of the user. Also: user email.';
COMMENT ON COLUMN echo360.notes.role IS 'institution level user role.';
COMMENT ON COLUMN echo360.notes._origin IS 'The Echo360 host: echo360.org.';
COMMENT ON COLUMN echo360.notes._delivery IS 'The line of ops.delivery that brought the row.';
COMMENT ON COLUMN echo360.notes._row IS 'The record''s ordinal in its report, from 1.';
COMMENT ON COLUMN echo360.notes._extras IS 'What the report had and the table has no column for.';
