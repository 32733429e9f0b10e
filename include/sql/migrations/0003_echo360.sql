-- depends: 0001_ops

-- Echo360 reports. Comments are the vendor's words where it has any.

CREATE SCHEMA echo360;

COMMENT ON SCHEMA echo360 IS 'Echo360 reports: what /public/api/v1/reporting/ makes on request.';

CREATE TABLE echo360.videoview (
    video_id uuid,
    video_name text,
    section_id uuid,
    section_number text,
    course_id uuid,
    course_identifier text,
    course_name text,
    event_timestamp timestamptz NOT NULL,
    duration_minute numeric,
    user_id uuid,
    first_name text,
    last_name text,
    email ops.email,
    role ops.role,
    _origin text NOT NULL,
    _delivery bigint NOT NULL,
    _row bigint NOT NULL,
    _extras jsonb
);

CREATE INDEX videoview_clock ON echo360.videoview (_origin, event_timestamp);

CREATE INDEX videoview_delivery ON echo360.videoview (_delivery);

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
    media_id uuid,
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

COMMENT ON TABLE echo360.asset IS 'Asset Report: engagement for all video assets. These counts are for all time; no date parameters are supplied. A row is a video in a section, as it stood on snapshot_day.';
COMMENT ON COLUMN echo360.asset.snapshot_day IS 'The last UTC day of the run that requested the report: its counts stand as they were when that day was over.';
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

CREATE TABLE ops.report_request (
    intent_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    origin text NOT NULL,
    report text NOT NULL,
    first_day date NOT NULL,
    end_day date NOT NULL,
    attempt integer NOT NULL DEFAULT 1,
    parent bigint REFERENCES ops.report_request (intent_id),
    runs text [] NOT NULL,
    request_id text,
    status text,
    created timestamptz,
    problem text,
    intended_at timestamptz NOT NULL DEFAULT now(),
    posts integer NOT NULL DEFAULT 0,
    posting_at timestamptz,
    seen_before text [] NOT NULL DEFAULT '{}',
    answered_at timestamptz,
    closed_at timestamptz,
    CONSTRAINT report_request_window CHECK (first_day < end_day)
);

CREATE UNIQUE INDEX report_request_current
    ON ops.report_request (origin, report, first_day, end_day)
    WHERE closed_at IS NULL;

CREATE INDEX report_request_history ON ops.report_request (origin, report, first_day, end_day, intent_id);

CREATE INDEX report_request_parent ON ops.report_request (parent);

CREATE INDEX report_request_id ON ops.report_request (origin, request_id);

COMMENT ON TABLE ops.report_request IS 'One line for each request to Echo360, written before it is submitted. Of the lines of one window at most one is current (not closed). Whether it is loaded tells ops.delivery, whose version is the request id.';
COMMENT ON COLUMN ops.report_request.origin IS 'The Echo360 host.';
COMMENT ON COLUMN ops.report_request.report IS 'The report, as the document names it.';
COMMENT ON COLUMN ops.report_request.first_day IS 'First UTC day of the window (the parameter start); for a report without dates the day that its snapshot is kept as.';
COMMENT ON COLUMN ops.report_request.end_day IS 'First UTC day after it (the parameter end).';
COMMENT ON COLUMN ops.report_request.attempt IS 'Which try at its window this is, from 1.';
COMMENT ON COLUMN ops.report_request.parent IS 'The line of the longer window that kept failing and of which this is a part.';
COMMENT ON COLUMN ops.report_request.runs IS 'The DAG runs that it serves: DAG and run.';
COMMENT ON COLUMN ops.report_request.request_id IS 'Echo360''s requestId, once known.';
COMMENT ON COLUMN ops.report_request.status IS 'Echo360''s word, as last seen: Pending, Available, Expired, Failed, Missing.';
COMMENT ON COLUMN ops.report_request.created IS 'When Echo360 created the request.';
COMMENT ON COLUMN ops.report_request.problem IS 'Why it was closed.';
COMMENT ON COLUMN ops.report_request.intended_at IS 'When this line was written.';
COMMENT ON COLUMN ops.report_request.posts IS 'How often it was submitted without a known outcome, the present time included.';
COMMENT ON COLUMN ops.report_request.posting_at IS 'When a submission began whose outcome is not known yet: it holds a slot.';
COMMENT ON COLUMN ops.report_request.seen_before IS 'The requests for the same window that Echo360 listed before that submission: any other one is its outcome.';
COMMENT ON COLUMN ops.report_request.answered_at IS 'When its request id became known.';
COMMENT ON COLUMN ops.report_request.closed_at IS 'When it ceased to be current: another try or a newer request took its place, or it was given up.';
