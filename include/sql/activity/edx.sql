-- What each account did at edX, of the days that are due. What is needed of a day's events is read once,
-- with those shortly before and after it; each table is computed from that, and a day of a course from
-- the tables before it. Each account is computed by itself, so that a day can be computed for a few.

-- section: prepare
CREATE TEMPORARY TABLE deed (
    _origin text,
    day date,
    begins timestamptz,
    ends timestamptz,
    account_id bigint,
    course text,
    time timestamptz,
    event_hash uuid,
    event_kind text,
    event_type text,
    event jsonb,
    next_at timestamptz
) ON COMMIT DROP;

-- section: read
WITH due AS (
    SELECT
        d.origin,
        d.day,
        d.day::timestamptz AS begins,
        (d.day + 1)::timestamptz AS ends
    FROM unnest(%(origins)s::text [], %(days)s::date []) AS d (origin, day)
)

INSERT INTO deed
SELECT
    due.*,
    a.account_id,
    e.course_id,
    e.time,
    e.event_hash,
    e.event_kind,
    e.event_type,
    CASE WHEN e.event_kind ~ '(_video|^problem_check|^showanswer)$' THEN e.event END,
    lead(e.time) OVER (PARTITION BY due.origin, due.day, a.account_id ORDER BY e.time, e.event_hash)
FROM due
INNER JOIN edx.event AS e
    ON due.origin = e._origin
        AND e.time >= due.begins - interval '3 hours'
        AND e.time < due.ends + interval '3 hours'
INNER JOIN people.account AS a
    ON a.source = 'edx'
        AND e._origin = a._origin
        AND CASE WHEN e.username <> '' THEN 'username' ELSE 'user_id' END = a.kind
        AND coalesce(nullif(e.username, ''), e.user_id::text) = a.value
WHERE e.event_source IS DISTINCT FROM 'task'
    AND edx.is_asked_for(e.event_kind, e.event_type)
    AND (e.username <> '' OR e.user_id IS NOT NULL)
    AND (%(accounts)s::text [] IS NULL OR e.username = ANY(%(accounts)s::text []));

-- section: video
WITH told AS (
    SELECT
        d.*,
        d.event ->> 'id' AS video,
        CASE WHEN d.event_kind = 'seek_video' THEN ops.try_numeric(d.event ->> 'new_time') ELSE p.position END
            AS begins_at,
        CASE WHEN d.event_kind = 'seek_video' THEN ops.try_numeric(d.event ->> 'old_time') ELSE p.position END
            AS ends_at,
        CASE WHEN p.speed > 0 AND p.speed <= 16 THEN p.speed END AS told_speed,
        ops.try_numeric(d.event ->> 'duration') AS duration
    FROM deed AS d
    CROSS JOIN LATERAL (
        SELECT
            coalesce(
                ops.try_numeric(d.event ->> 'currentTime'), ops.try_numeric(d.event ->> 'current_time')
            ) AS position,
            coalesce(
                ops.try_numeric(d.event ->> 'new_speed'), ops.try_numeric(d.event ->> 'speed')
            ) AS speed
    ) AS p
    WHERE d.event_kind IN (
        'load_video', 'play_video', 'pause_video', 'stop_video', 'complete_video', 'seek_video',
        'speed_change_video'
    )
),

video AS (
    SELECT
        *,
        count(*) FILTER (WHERE event_kind NOT IN ('seek_video', 'speed_change_video')) OVER w AS state,
        count(told_speed) OVER w AS speeds
    FROM told
    WINDOW w AS (
        PARTITION BY _origin, day, account_id, course, video ORDER BY time, event_hash
    )
),

stretch AS (
    SELECT
        *,
        first_value(event_kind) OVER (
            PARTITION BY _origin, day, account_id, course, video, state ORDER BY time, event_hash
        ) AS since,
        coalesce(
            first_value(told_speed) OVER (
                PARTITION BY _origin, day, account_id, course, video, speeds ORDER BY time, event_hash
            ),
            1
        ) AS speed,
        lead(event_kind) OVER w AS next_kind,
        lead(ends_at) OVER w AS next_position,
        lead(time) OVER w AS next_event_at
    FROM video
    WINDOW w AS (
        PARTITION BY _origin, day, account_id, course, video ORDER BY time, event_hash
    )
),

played AS (
    SELECT
        *,
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
        ) AS seconds
    FROM stretch
    WHERE since = 'play_video' AND time >= begins AND time < ends
),

counted AS (
    SELECT
        account_id,
        course,
        video,
        day,
        range_agg(numrange(begins_at, begins_at + seconds)) FILTER (WHERE begins_at >= 0) AS watched,
        sum(seconds) AS played_seconds,
        sum(speed * seconds) / sum(seconds) AS speed,
        min(time) AS first_at,
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
    round(speed, 2),
    NULL,
    'edx',
    _origin
FROM counted

-- section: problem_day
-- Until July 2013 an answer was logged under both names.
WITH deed_of_problem AS (
    SELECT
        *,
        event ->> 'problem_id' AS problem,
        event_kind = 'problem_check' AND NOT (
            event_type = 'save_problem_check'
            AND time < '2013-07-15T00:00:00Z'
            AND count(*) FILTER (WHERE event_type = 'problem_check') OVER (
                PARTITION BY _origin, day, account_id, event_kind, event ->> 'problem_id'
                ORDER BY time
                RANGE BETWEEN interval '2 seconds' PRECEDING AND interval '2 seconds' FOLLOWING
            ) > 0
        ) AS is_attempt
    FROM deed
    WHERE event_kind IN ('problem_check', 'showanswer')
)

SELECT
    account_id,
    course,
    problem,
    day,
    min(time) FILTER (WHERE is_attempt),
    max(time) FILTER (WHERE is_attempt),
    count(*) FILTER (WHERE is_attempt),
    count(*) FILTER (WHERE is_attempt AND event ->> 'success' = 'correct'),
    (
        array_agg(coalesce(event ->> 'success' = 'correct', FALSE) ORDER BY time, event_hash)
        FILTER (WHERE is_attempt)
    )[1],
    min(time) FILTER (WHERE is_attempt AND event ->> 'success' = 'correct'),
    max(ops.try_numeric(event ->> 'grade')) FILTER (WHERE is_attempt),
    max(ops.try_numeric(event ->> 'max_grade')) FILTER (WHERE is_attempt),
    count(*) FILTER (WHERE event_kind = 'showanswer'),
    min(time) FILTER (WHERE event_kind = 'showanswer'),
    'edx',
    _origin
FROM deed_of_problem
WHERE time >= begins AND time < ends AND (is_attempt OR event_kind = 'showanswer')
GROUP BY account_id, course, problem, day, _origin

-- section: session
-- One that began the day before ends at 2 o'clock at the latest, and what comes then begins another.
WITH sitting AS (
    SELECT
        *,
        lag(time) OVER (PARTITION BY _origin, day, account_id, course ORDER BY time, event_hash) AS previous_at
    FROM deed
    WHERE time < ends + interval '2 hours'
),

numbered AS (
    SELECT
        *,
        count(*) FILTER (WHERE previous_at IS NULL OR time - previous_at >= interval '30 minutes') OVER (
            PARTITION BY _origin, day, account_id, course ORDER BY time, event_hash
        ) AS number
    FROM sitting
),

divided AS (
    SELECT
        *,
        time >= begins + interval '2 hours'
        AND min(time) OVER (PARTITION BY _origin, day, account_id, course, number) < begins AS is_rest
    FROM numbered
)

SELECT
    account_id,
    course,
    day,
    min(time),
    max(time),
    count(*),
    coalesce(
        sum(extract(EPOCH FROM next_at - time)) FILTER (WHERE next_at - time < interval '30 minutes'), 0
    ),
    'edx',
    _origin
FROM divided
GROUP BY account_id, course, day, number, is_rest, begins, ends, _origin
HAVING min(time) >= begins AND min(time) < ends

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
        min(time) FILTER (WHERE time >= begins AND time < ends) AS first_at,
        max(time) FILTER (WHERE time >= begins AND time < ends) AS last_at,
        count(*) FILTER (WHERE time >= begins AND time < ends) AS events,
        sum(
            extract(EPOCH FROM least(next_at, ends) - greatest(time, begins))
        ) FILTER (
            WHERE next_at - time < interval '30 minutes' AND next_at > begins AND time < ends
        ) AS active_seconds,
        0 AS video_seconds,
        0 AS attempts,
        0 AS correct,
        0 AS answers_shown,
        count(*) FILTER (
            WHERE time >= begins AND time < ends
                AND event_kind ~ '^edx\.forum\.(thread|response|comment)\.created$'
        ) AS posts
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
        0
    FROM activity.video
    INNER JOIN due USING (_origin, day)
    WHERE source = 'edx' AND account_id IN (SELECT account_id FROM deed)
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
        0,
        attempts,
        correct,
        answers_shown,
        0
    FROM activity.problem_day
    INNER JOIN due USING (_origin, day)
    WHERE source = 'edx' AND account_id IN (SELECT account_id FROM deed)
)

SELECT
    account_id,
    course,
    day,
    min(first_at),
    max(last_at),
    sum(events)::bigint,
    coalesce(sum(active_seconds), 0),
    sum(video_seconds),
    sum(attempts)::bigint,
    sum(correct)::bigint,
    sum(answers_shown)::bigint,
    0,
    0,
    sum(posts)::bigint,
    0,
    NULL,
    'edx',
    _origin
FROM counted
GROUP BY account_id, course, day, _origin
HAVING sum(events) > 0 OR sum(active_seconds) > 0
