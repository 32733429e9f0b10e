-- What each account did in each course, of the days that are due: one definition for each source. Each
-- day is computed by itself, from its own rows and those shortly before and after it, and each account
-- from its own, so that a day can be computed for a few accounts.

-- section: edx
WITH due AS (
    SELECT
        d.origin,
        d.day,
        d.day::timestamptz AS begins,
        (d.day + 1)::timestamptz AS ends
    FROM unnest(%(origins)s::text [], %(days)s::date []) AS d (origin, day)
),

deed AS MATERIALIZED (
    SELECT
        due.*,
        CASE WHEN e.username <> '' THEN 'username' ELSE 'user_id' END AS kind,
        coalesce(nullif(e.username, ''), e.user_id::text) AS value,
        e.course_id AS course,
        e.time,
        e.event_hash,
        e.event_kind,
        e.event_type,
        e.event
    FROM due
    INNER JOIN edx.event AS e
        ON due.origin = e._origin
            AND e.time >= due.begins - interval '3 hours'
            AND e.time < due.ends + interval '3 hours'
    WHERE e.event_source IS DISTINCT FROM 'task'
        AND edx.is_asked_for(e.event_kind, e.event_type)
        AND (e.username <> '' OR e.user_id IS NOT NULL)
        AND (%(accounts)s::text [] IS NULL OR e.username = ANY(%(accounts)s::text []))
),

followed AS (
    SELECT
        *,
        lead(time) OVER (PARTITION BY origin, day, kind, value ORDER BY time, event_hash) AS next_at
    FROM deed
),

video AS (
    SELECT
        *,
        event ->> 'id' AS video,
        CASE WHEN event_kind = 'seek_video' THEN ops.try_numeric(event ->> 'new_time') ELSE coalesce(
            ops.try_numeric(event ->> 'currentTime'), ops.try_numeric(event ->> 'current_time')
        ) END AS begins_at,
        CASE WHEN event_kind = 'seek_video' THEN ops.try_numeric(event ->> 'old_time') ELSE coalesce(
            ops.try_numeric(event ->> 'currentTime'), ops.try_numeric(event ->> 'current_time')
        ) END AS ends_at,
        coalesce(
            ops.try_numeric(event ->> 'new_speed'), ops.try_numeric(event ->> 'speed')
        ) AS told_speed,
        ops.try_numeric(event ->> 'duration') AS duration,
        count(*) FILTER (WHERE event_kind NOT IN ('seek_video', 'speed_change_video')) OVER w AS state,
        count(
            coalesce(ops.try_numeric(event ->> 'new_speed'), ops.try_numeric(event ->> 'speed'))
        ) OVER w AS speeds
    FROM followed
    WHERE event_kind IN (
        'load_video', 'play_video', 'pause_video', 'stop_video', 'complete_video', 'seek_video',
        'speed_change_video'
    )
    WINDOW w AS (
        PARTITION BY origin, day, kind, value, course, event ->> 'id' ORDER BY time, event_hash
    )
),

stretch AS (
    SELECT
        *,
        first_value(event_kind) OVER (
            PARTITION BY origin, day, kind, value, course, video, state ORDER BY time, event_hash
        ) AS since,
        coalesce(
            first_value(told_speed) OVER (
                PARTITION BY origin, day, kind, value, course, video, speeds ORDER BY time, event_hash
            ),
            1
        ) AS speed,
        lead(event_kind) OVER w AS next_kind,
        lead(ends_at) OVER w AS next_position,
        lead(time) OVER w AS next_event_at
    FROM video
    WINDOW w AS (
        PARTITION BY origin, day, kind, value, course, video ORDER BY time, event_hash
    )
),

-- Until July 2013 an answer was logged under both names.
twin AS (
    SELECT DISTINCT
        d.day,
        d.time,
        d.event_hash
    FROM deed AS d
    INNER JOIN deed AS other
        ON d.origin = other.origin
            AND d.day = other.day
            AND d.kind = other.kind
            AND d.value = other.value
            AND d.event ->> 'problem_id' = other.event ->> 'problem_id'
    WHERE d.time < '2013-07-15T00:00:00Z'
        AND d.event_kind = 'problem_check'
        AND d.event_type = 'save_problem_check'
        AND other.event_type = 'problem_check'
        AND other.time BETWEEN d.time - interval '2 seconds' AND d.time + interval '2 seconds'
),

counted AS (
    SELECT
        f.origin,
        f.day,
        f.kind,
        f.value,
        f.course,
        min(f.time) FILTER (WHERE f.time >= f.begins AND f.time < f.ends) AS first_at,
        max(f.time) FILTER (WHERE f.time >= f.begins AND f.time < f.ends) AS last_at,
        count(*) FILTER (WHERE f.time >= f.begins AND f.time < f.ends) AS events,
        coalesce(
            sum(
                extract(EPOCH FROM least(f.next_at, f.ends) - greatest(f.time, f.begins))
            ) FILTER (
                WHERE f.next_at - f.time < interval '30 minutes'
                    AND f.next_at > f.begins AND f.time < f.ends
            ),
            0
        ) AS active_seconds,
        0 AS video_seconds,
        count(*) FILTER (
            WHERE f.time >= f.begins AND f.time < f.ends
                AND f.event_kind = 'problem_check' AND t.event_hash IS NULL
        ) AS attempts,
        count(*) FILTER (
            WHERE f.time >= f.begins AND f.time < f.ends
                AND f.event_kind = 'problem_check' AND t.event_hash IS NULL
                AND f.event ->> 'success' = 'correct'
        ) AS correct,
        count(*) FILTER (
            WHERE f.time >= f.begins AND f.time < f.ends AND f.event_kind = 'showanswer'
        ) AS answers_shown,
        count(*) FILTER (
            WHERE f.time >= f.begins AND f.time < f.ends
                AND f.event_kind ~ '^edx\.forum\.(thread|response|comment)\.created$'
        ) AS posts
    FROM followed AS f
    LEFT JOIN twin AS t ON f.day = t.day AND f.time = t.time AND f.event_hash = t.event_hash
    GROUP BY f.origin, f.day, f.kind, f.value, f.course
    UNION ALL
    SELECT
        origin,
        day,
        kind,
        value,
        course,
        NULL,
        NULL,
        0,
        0,
        sum(
            greatest(
                CASE
                    WHEN next_kind NOT IN ('load_video', 'play_video') AND next_position >= begins_at
                        THEN least(
                            next_position - begins_at,
                            extract(EPOCH FROM next_event_at - time) * speed,
                            duration - begins_at
                        )
                    WHEN least(next_event_at, next_at) - time < interval '30 minutes'
                        THEN least(
                            extract(EPOCH FROM least(next_event_at, next_at) - time) * speed,
                            duration - begins_at
                        )
                END,
                0
            )
        ),
        0,
        0,
        0,
        0
    FROM stretch
    WHERE since = 'play_video' AND time >= begins AND time < ends
    GROUP BY origin, day, kind, value, course
)

SELECT
    a.account_id,
    c.course,
    c.day,
    min(c.first_at) AS first_at,
    max(c.last_at) AS last_at,
    sum(c.events)::bigint AS events,
    sum(c.active_seconds) AS active_seconds,
    sum(c.video_seconds) AS video_seconds,
    sum(c.attempts)::bigint AS attempts,
    sum(c.correct)::bigint AS correct,
    sum(c.answers_shown)::bigint AS answers_shown,
    0 AS lab_seconds,
    0 AS polls,
    sum(c.posts)::bigint AS posts,
    0 AS slides,
    NULL AS role,
    'edx' AS source,
    c.origin AS _origin
FROM counted AS c
INNER JOIN people.account AS a
    ON a.source = 'edx' AND c.origin = a._origin AND c.kind = a.kind AND c.value = a.value
GROUP BY a.account_id, c.course, c.day, c.origin
HAVING sum(c.events) > 0 OR sum(c.active_seconds) > 0

-- section: echo360
WITH due AS (
    SELECT
        d.origin,
        d.day,
        d.day::timestamptz AS begins,
        (d.day + 1)::timestamptz AS ends
    FROM unnest(%(origins)s::text [], %(days)s::date []) AS d (origin, day)
),

row_of_deed AS (
    SELECT _origin, event_timestamp AS at, user_id, email, role, coalesce(course_identifier, course_id) AS course, 'beat' AS what, NULL AS id, _delivery, _row
    FROM echo360.videoview
    UNION ALL
    SELECT _origin, event_timestamp, user_id, email, role, coalesce(course_identifier, course_id), 'slides', NULL, _delivery, _row
    FROM echo360.presentation
    UNION ALL
    SELECT _origin, event_timestamp, user_id, email, role, coalesce(course_identifier, course_id), 'confused', NULL, _delivery, _row
    FROM echo360.confused
    UNION ALL
    SELECT _origin, event_timestamp, user_id, email, role, coalesce(course_identifier, course_id), 'notes', NULL, _delivery, _row
    FROM echo360.notes
    UNION ALL
    SELECT _origin, event_timestamp, user_id, user_email, user_role, NULL, 'live', NULL, _delivery, _row
    FROM echo360.liveviews
    UNION ALL
    SELECT _origin, event_timestamp, user_id, user_email, user_role, coalesce(course_code, course_id), 'player', NULL, _delivery, _row
    FROM echo360.viewsessions
    WHERE session_status = 'SESSION_BEGIN'
    UNION ALL
    SELECT _origin, event_timestamp, user_id, email, role, coalesce(course_identifier, course_id), 'poll', answer_id, NULL, NULL
    FROM echo360.polling
    UNION ALL
    SELECT _origin, event_timestamp, user_id, email, role, coalesce(course_identifier, course_id), 'poll', answer_id, NULL, NULL
    FROM echo360.pollingv2
    WHERE lower(action) IS DISTINCT FROM 'deleted'
    UNION ALL
    SELECT _origin, event_timestamp, coalesce(answer_user_id, question_user_id), coalesce(answer_email, question_email), CASE WHEN answer_user_id IS NULL THEN question_role ELSE answer_role END, coalesce(course_identifier, course_id), 'post', coalesce(answer_id, question_id), NULL, NULL
    FROM echo360.qanda
    UNION ALL
    SELECT _origin, event_timestamp, coalesce(answer_user_id, question_user_id), coalesce(answer_email, question_email), CASE WHEN answer_user_id IS NULL THEN question_role ELSE answer_role END, coalesce(course_identifier, course_id), 'post', coalesce(answer_id, question_id), NULL, NULL
    FROM echo360.qanda2
    WHERE lower(action) IS DISTINCT FROM 'deleted'
),

-- A poll or a post is told by both versions of its report, and counts once.
deed AS MATERIALIZED (
    SELECT DISTINCT ON (origin, day, kind, value, course, at, what, id, _delivery, _row)
        due.*,
        CASE WHEN r.user_id IS NULL THEN 'email' ELSE 'user_id' END AS kind,
        coalesce(r.user_id, people.address(r.email)) AS value,
        r.course,
        r.at,
        r.what,
        r.id,
        r._delivery,
        r._row,
        r.role
    FROM due
    INNER JOIN row_of_deed AS r
        ON due.origin = r._origin
            AND r.at >= due.begins - interval '30 minutes'
            AND r.at < due.ends + interval '30 minutes'
    ORDER BY
        origin, day, kind, value, course, at, what, id, _delivery, _row,
        people.is_staff(r.role) DESC, role
),

followed AS (
    SELECT
        *,
        lead(at) OVER (
            PARTITION BY origin, day, kind, value ORDER BY at, what, id, _delivery, _row
        ) AS next_at
    FROM deed
),

session AS (
    SELECT DISTINCT ON (due.origin, due.day, s.session_id, s.media_id, CASE WHEN s.session_id IS NULL THEN (s._delivery, s._row) END)
        due.*,
        CASE WHEN s.user_id IS NULL THEN 'email' ELSE 'user_id' END AS kind,
        coalesce(s.user_id, people.address(s.user_email)) AS value,
        coalesce(s.course_code, s.course_id) AS course,
        s.user_role AS role,
        s.intervals_played,
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
        due.origin, due.day, s.session_id, s.media_id, CASE WHEN s.session_id IS NULL THEN (s._delivery, s._row) END,
        s.intervals_played IS NOT NULL AND s.session_status IN ('SESSION_END', 'SESSION_STALE') DESC NULLS LAST,
        s.event_timestamp DESC, s._delivery DESC, s._row DESC
),

counted AS (
    SELECT
        origin,
        day,
        kind,
        value,
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
        30 * count(*) FILTER (WHERE at >= begins AND at < ends AND what = 'beat') AS video_seconds,
        count(DISTINCT id) FILTER (WHERE at >= begins AND at < ends AND what = 'poll') AS polls,
        count(DISTINCT id) FILTER (WHERE at >= begins AND at < ends AND what = 'post') AS posts,
        count(*) FILTER (WHERE at >= begins AND at < ends AND what = 'slides') AS slides,
        (
            array_agg(role ORDER BY people.is_staff(role) DESC, role) FILTER (WHERE at >= begins AND at < ends)
        )[1] AS role
    FROM followed
    GROUP BY origin, day, kind, value, course
    UNION ALL
    SELECT
        origin,
        day,
        kind,
        value,
        course,
        NULL,
        NULL,
        0,
        0,
        sum(echo360.seconds_played(intervals_played)),
        0,
        0,
        0,
        (array_agg(role ORDER BY people.is_staff(role) DESC, role))[1]
    FROM session
    WHERE is_over AND intervals_played IS NOT NULL AND begun >= begins AND begun < ends
    GROUP BY origin, day, kind, value, course
)

SELECT
    a.account_id,
    c.course,
    c.day,
    min(c.first_at) AS first_at,
    max(c.last_at) AS last_at,
    sum(c.events)::bigint AS events,
    sum(c.active_seconds) AS active_seconds,
    sum(c.video_seconds) AS video_seconds,
    0 AS attempts,
    0 AS correct,
    0 AS answers_shown,
    0 AS lab_seconds,
    sum(c.polls)::bigint AS polls,
    sum(c.posts)::bigint AS posts,
    sum(c.slides)::bigint AS slides,
    (array_agg(c.role ORDER BY people.is_staff(c.role) DESC, c.role))[1] AS role,
    'echo360' AS source,
    c.origin AS _origin
FROM counted AS c
INNER JOIN people.account AS a
    ON a.source = 'echo360' AND c.origin = a._origin AND c.kind = a.kind AND c.value = a.value
GROUP BY a.account_id, c.course, c.day, c.origin
HAVING sum(c.events) > 0 OR sum(c.active_seconds) > 0 OR sum(c.video_seconds) > 0

-- section: vocareum
-- Of a session that is in the files of two days, the later file counts.
WITH due AS (
    SELECT
        d.origin,
        d.day,
        d.day::timestamptz AS begins,
        (d.day + 1)::timestamptz AS ends
    FROM unnest(%(origins)s::text [], %(days)s::date []) AS d (origin, day)
),

session AS (
    SELECT DISTINCT ON (due.origin, due.day, s._day, vocareum.person(s.user_id, s.user_email), s.part_id, coalesce(s.launch_time, s.start_time))
        due.*,
        CASE WHEN s.user_id ~ '^\d+$' THEN 'user_id' ELSE 'email' END AS kind,
        CASE WHEN s.user_id ~ '^\d+$' THEN s.user_id ELSE people.address(s.user_email) END AS value,
        s.course_id AS course,
        coalesce(s.launch_time, s.start_time) AS at,
        tstzrange(
            greatest(coalesce(s.start_time, s.launch_time), due.begins),
            least(greatest(s.end_time, coalesce(s.start_time, s.launch_time), due.begins), greatest(due.ends, coalesce(s.start_time, s.launch_time)))
        ) AS run
    FROM due
    INNER JOIN vocareum.lab_sessions AS s
        ON due.origin = s._origin AND s._day IN (due.day, due.day - 1)
    INNER JOIN ops.delivery AS f ON s._delivery = f.delivery_id
    ORDER BY
        due.origin, due.day, s._day, vocareum.person(s.user_id, s.user_email), s.part_id, coalesce(s.launch_time, s.start_time),
        f.first_day DESC NULLS LAST, s._delivery DESC, s._row DESC
),

run AS (
    SELECT
        origin,
        day,
        kind,
        value,
        course,
        min(at) FILTER (WHERE at >= begins) AS first_at,
        max(at) FILTER (WHERE at >= begins) AS last_at,
        count(*) FILTER (WHERE at >= begins) AS events,
        range_agg(run) AS runs
    FROM session
    GROUP BY origin, day, kind, value, course
)

SELECT
    a.account_id,
    r.course,
    r.day,
    r.first_at,
    r.last_at,
    r.events,
    0 AS active_seconds,
    0 AS video_seconds,
    0 AS attempts,
    0 AS correct,
    0 AS answers_shown,
    coalesce(t.seconds, 0) AS lab_seconds,
    0 AS polls,
    0 AS posts,
    0 AS slides,
    NULL AS role,
    'vocareum' AS source,
    r.origin AS _origin
FROM run AS r
INNER JOIN people.account AS a
    ON a.source = 'vocareum' AND r.origin = a._origin AND r.kind = a.kind AND r.value = a.value
CROSS JOIN LATERAL (
    SELECT sum(extract(EPOCH FROM upper(one) - lower(one))) AS seconds FROM unnest(r.runs) AS one
) AS t
WHERE r.events > 0 OR t.seconds > 0
