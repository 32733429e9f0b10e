-- What each account did at Echo360, of the days that are due. The rows of all reports are read once, with
-- those shortly before and after a day; each table is computed from that, and a day of a course from the
-- videos before it.

-- section: prepare
CREATE TEMPORARY TABLE deed (
    _origin text,
    day date,
    begins timestamptz,
    ends timestamptz,
    account_id bigint,
    course text,
    at timestamptz,
    what text,
    id text,
    media text,
    role text,
    next_at timestamptz
) ON COMMIT DROP;

-- section: read
-- A poll or a post is told by both versions of its report, and counts once.
WITH due AS (
    SELECT
        d.origin,
        d.day,
        d.day::timestamptz AS begins,
        (d.day + 1)::timestamptz AS ends
    FROM unnest(%(origins)s::text [], %(days)s::date []) AS d (origin, day)
),

row_of_deed AS (
    SELECT _origin, event_timestamp AS at, user_id, email, role, coalesce(course_identifier, course_id) AS course, 'beat' AS what, NULL AS id, video_id AS media, _delivery, _row
    FROM echo360.videoview
    UNION ALL
    SELECT _origin, event_timestamp, user_id, email, role, coalesce(course_identifier, course_id), 'slides', NULL, NULL, _delivery, _row
    FROM echo360.presentation
    UNION ALL
    SELECT _origin, event_timestamp, user_id, email, role, coalesce(course_identifier, course_id), 'confused', NULL, NULL, _delivery, _row
    FROM echo360.confused
    UNION ALL
    SELECT _origin, event_timestamp, user_id, email, role, coalesce(course_identifier, course_id), 'notes', NULL, NULL, _delivery, _row
    FROM echo360.notes
    UNION ALL
    SELECT _origin, event_timestamp, user_id, user_email, user_role, NULL, 'live', NULL, NULL, _delivery, _row
    FROM echo360.liveviews
    UNION ALL
    SELECT _origin, event_timestamp, user_id, user_email, user_role, coalesce(course_code, course_id), 'player', NULL, NULL, _delivery, _row
    FROM echo360.viewsessions
    WHERE session_status = 'SESSION_BEGIN'
    UNION ALL
    SELECT _origin, event_timestamp, user_id, email, role, coalesce(course_identifier, course_id), 'poll', answer_id, NULL, NULL, NULL
    FROM echo360.polling
    UNION ALL
    SELECT _origin, event_timestamp, user_id, email, role, coalesce(course_identifier, course_id), 'poll', answer_id, NULL, NULL, NULL
    FROM echo360.pollingv2
    WHERE lower(action) IS DISTINCT FROM 'deleted'
    UNION ALL
    SELECT _origin, event_timestamp, coalesce(answer_user_id, question_user_id), coalesce(answer_email, question_email), CASE WHEN answer_user_id IS NULL THEN question_role ELSE answer_role END, coalesce(course_identifier, course_id), 'post', coalesce(answer_id, question_id), NULL, NULL, NULL
    FROM echo360.qanda
    UNION ALL
    SELECT _origin, event_timestamp, coalesce(answer_user_id, question_user_id), coalesce(answer_email, question_email), CASE WHEN answer_user_id IS NULL THEN question_role ELSE answer_role END, coalesce(course_identifier, course_id), 'post', coalesce(answer_id, question_id), NULL, NULL, NULL
    FROM echo360.qanda2
    WHERE lower(action) IS DISTINCT FROM 'deleted'
),

one AS (
    SELECT DISTINCT ON (due.origin, due.day, a.account_id, r.course, r.at, r.what, r.id, r._delivery, r._row)
        due.*,
        a.account_id,
        r.course,
        r.at,
        r.what,
        r.id,
        r.media,
        r.role,
        r._delivery,
        r._row
    FROM due
    INNER JOIN row_of_deed AS r
        ON due.origin = r._origin
            AND r.at >= due.begins - interval '30 minutes'
            AND r.at < due.ends + interval '30 minutes'
    INNER JOIN people.account AS a
        ON a.source = 'echo360'
            AND r._origin = a._origin
            AND CASE WHEN r.user_id IS NULL THEN 'email' ELSE 'user_id' END = a.kind
            AND coalesce(r.user_id, people.address(r.email)) = a.value
    ORDER BY
        due.origin ASC, due.day ASC, a.account_id ASC, r.course ASC, r.at ASC, r.what ASC, r.id ASC,
        r._delivery ASC, r._row ASC, people.is_staff(r.role) DESC, r.role ASC
)

INSERT INTO deed
SELECT
    origin,
    day,
    begins,
    ends,
    account_id,
    course,
    at,
    what,
    id,
    media,
    role,
    lead(at) OVER (PARTITION BY origin, day, account_id ORDER BY at, what, id, _delivery, _row)
FROM one;

-- section: video
WITH due AS (
    SELECT
        d.origin,
        d.day,
        d.day::timestamptz AS begins,
        (d.day + 1)::timestamptz AS ends
    FROM unnest(%(origins)s::text [], %(days)s::date []) AS d (origin, day)
),

session AS (
    SELECT DISTINCT ON (due.origin, due.day, s.session_id, s.media_id, CASE WHEN s.session_id IS NULL THEN (s._delivery, s._row) END)
        due.*,
        CASE WHEN s.user_id IS NULL THEN 'email' ELSE 'user_id' END AS kind,
        coalesce(s.user_id, people.address(s.user_email)) AS value,
        coalesce(s.course_code, s.course_id) AS course,
        s.user_role AS role,
        s.media_id,
        echo360.parts_played(s.intervals_played) AS watched,
        s.intervals_played IS NOT NULL AS is_told,
        coalesce(s.session_status IN ('SESSION_END', 'SESSION_STALE'), FALSE) AS is_over,
        min(s.event_timestamp) OVER (
            PARTITION BY due.origin, due.day, s.session_id, s.media_id, CASE WHEN s.session_id IS NULL THEN (s._delivery, s._row) END
        ) AS begun
    FROM due
    INNER JOIN echo360.viewsessions AS s
        ON due.origin = s._origin
            AND s.event_timestamp >= due.begins - interval '3 days'
            AND s.event_timestamp < due.ends + interval '3 days'
    ORDER BY
        due.origin ASC, due.day ASC, s.session_id ASC, s.media_id ASC,
        CASE WHEN s.session_id IS NULL THEN (s._delivery, s._row) END ASC,
        s.intervals_played IS NOT NULL AND s.session_status IN ('SESSION_END', 'SESSION_STALE') DESC NULLS LAST,
        s.event_timestamp DESC, s._delivery DESC, s._row DESC
),

played AS (
    SELECT
        _origin,
        day,
        account_id,
        course,
        media AS video,
        at AS first_at,
        NULL::nummultirange AS watched,
        30 AS seconds,
        role
    FROM deed
    WHERE what = 'beat' AND at >= begins AND at < ends
    UNION ALL
    SELECT
        s.origin,
        s.day,
        a.account_id,
        s.course,
        s.media_id,
        s.begun,
        s.watched,
        activity.seconds_in(s.watched),
        s.role
    FROM session AS s
    INNER JOIN people.account AS a
        ON a.source = 'echo360' AND s.origin = a._origin AND s.kind = a.kind AND s.value = a.value
    WHERE s.is_over AND s.is_told AND s.begun >= s.begins AND s.begun < s.ends
),

counted AS (
    SELECT
        account_id,
        course,
        video,
        day,
        min(first_at) AS first_at,
        range_agg(watched) AS watched,
        sum(seconds) AS played_seconds,
        (array_agg(role ORDER BY people.is_staff(role) DESC, role))[1] AS role,
        _origin
    FROM played
    WHERE seconds > 0
    GROUP BY account_id, course, video, day, _origin
)

SELECT
    account_id,
    course,
    video,
    day,
    first_at,
    watched,
    activity.seconds_in(watched),
    played_seconds,
    NULL,
    role,
    'echo360',
    _origin
FROM counted

-- section: course_day
WITH due AS (
    SELECT * FROM unnest(%(origins)s::text [], %(days)s::date []) AS d (_origin, day)
),

counted AS (
    SELECT
        _origin,
        day,
        account_id,
        course,
        min(at) FILTER (WHERE at >= begins AND at < ends) AS first_at,
        max(at) FILTER (WHERE at >= begins AND at < ends) AS last_at,
        count(*) FILTER (WHERE at >= begins AND at < ends) AS events,
        coalesce(
            sum(extract(EPOCH FROM least(next_at, ends) - greatest(at, begins))) FILTER (
                WHERE next_at - at < interval '30 minutes' AND next_at > begins AND at < ends
            ),
            0
        ) AS active_seconds,
        0 AS video_seconds,
        count(DISTINCT id) FILTER (WHERE at >= begins AND at < ends AND what = 'poll') AS polls,
        count(DISTINCT id) FILTER (WHERE at >= begins AND at < ends AND what = 'post') AS posts,
        count(*) FILTER (WHERE at >= begins AND at < ends AND what = 'slides') AS slides,
        (
            array_agg(role ORDER BY people.is_staff(role) DESC, role) FILTER (WHERE at >= begins AND at < ends)
        )[1] AS role
    FROM deed
    GROUP BY _origin, day, account_id, course
    UNION ALL
    SELECT
        _origin,
        day,
        account_id,
        course,
        NULL,
        NULL,
        0,
        0,
        played_seconds,
        0,
        0,
        0,
        role
    FROM activity.video
    INNER JOIN due USING (_origin, day)
    WHERE source = 'echo360'
)

SELECT
    account_id,
    course,
    day,
    min(first_at),
    max(last_at),
    sum(events)::bigint,
    sum(active_seconds),
    sum(video_seconds),
    0,
    0,
    0,
    0,
    sum(polls)::bigint,
    sum(posts)::bigint,
    sum(slides)::bigint,
    (array_agg(role ORDER BY people.is_staff(role) DESC, role))[1],
    'echo360',
    _origin
FROM counted
GROUP BY account_id, course, day, _origin
HAVING sum(events) > 0 OR sum(active_seconds) > 0 OR sum(video_seconds) > 0
