-- The accounts of changed days. What is there already stays, with its days and addresses widened.

-- section: vocareum
SELECT DISTINCT
    'vocareum' AS source,
    u._origin,
    CASE WHEN u.user_id ~ '^\d+$' THEN 'user_id' ELSE 'email' END AS kind,
    CASE WHEN u.user_id ~ '^\d+$' THEN u.user_id ELSE people.address(u.email) END AS value,
    people.address(u.email) AS address,
    NULL AS user_id,
    u.day
FROM people.vocareum_user AS u
INNER JOIN due ON u._origin = due.origin AND (u.day = due.day OR coalesce(u.day, due.day) IS NULL)

-- section: echo360
SELECT DISTINCT
    'echo360' AS source,
    u._origin,
    CASE WHEN u.user_id IS NULL THEN 'email' ELSE 'user_id' END AS kind,
    coalesce(u.user_id, people.address(u.email)) AS value,
    people.address(u.email) AS address,
    NULL AS user_id,
    due.day
FROM due
INNER JOIN people.echo360_user AS u
    ON due.origin = u._origin
        AND u.event_timestamp >= due.day::timestamptz
        AND u.event_timestamp < (due.day + 1)::timestamptz

-- section: edx
SELECT DISTINCT
    'edx' AS source,
    e._origin,
    CASE WHEN e.username <> '' THEN 'username' ELSE 'user_id' END AS kind,
    coalesce(nullif(e.username, ''), e.user_id::text) AS value,
    NULL AS address,
    CASE WHEN e.username <> '' THEN e.user_id::text END AS user_id,
    due.day
FROM due
INNER JOIN edx.event AS e
    ON due.origin = e._origin
        AND e.time >= due.day::timestamptz
        AND e.time < (due.day + 1)::timestamptz

-- section: edx_names
-- Of a day of which only the rows of these users changed: they are looked up in the index of user names,
-- which has no requests that a page makes by itself.
SELECT DISTINCT
    'edx' AS source,
    due.origin AS _origin,
    'username' AS kind,
    due.name AS value,
    NULL AS address,
    e.user_id::text AS user_id,
    due.day
FROM due
LEFT JOIN edx.event AS e
    ON due.origin = e._origin
        AND due.name = e.username
        AND e.time >= due.day::timestamptz
        AND e.time < (due.day + 1)::timestamptz
        AND edx.is_asked_for(e.event_kind, e.event_type)

-- section: enter
WITH due AS (
    SELECT
        d.origin,
        d.day,
        d.name
    FROM unnest(%(origins)s::text [], %(days)s::date [], %(names)s::text []) AS d (origin, day, name)
),

seen AS MATERIALIZED (
    {seen}
),

entered AS (
    INSERT INTO people.account AS a (source, _origin, kind, value, first_seen, last_seen)
    SELECT
        source,
        _origin,
        kind,
        value,
        min(day),
        max(day)
    FROM seen
    WHERE value IS NOT NULL
    GROUP BY source, _origin, kind, value
    ORDER BY source, _origin, kind, value
    ON CONFLICT (source, _origin, kind, value) DO UPDATE
        SET
            first_seen = least(a.first_seen, excluded.first_seen),
            last_seen = greatest(a.last_seen, excluded.last_seen)
    RETURNING account_id, source, _origin, kind, value
),

numbered AS (
    INSERT INTO people.account_user_id (account_id, user_id)
    SELECT DISTINCT
        e.account_id,
        s.user_id
    FROM entered AS e
    INNER JOIN seen AS s USING (source, _origin, kind, value)
    WHERE s.user_id IS NOT NULL
    ON CONFLICT DO NOTHING
)

INSERT INTO people.account_address (account_id, address)
SELECT DISTINCT
    e.account_id,
    s.address
FROM entered AS e
INNER JOIN seen AS s USING (source, _origin, kind, value)
WHERE s.address IS NOT NULL
ON CONFLICT DO NOTHING;

-- section: analyze
-- Its rows are joined to a day's events: a planner that takes them for few would read the day once for
-- each account.
ANALYZE people.account;
