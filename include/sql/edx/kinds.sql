-- The kinds of events: which there are none for, and those of rows that are already there.

-- section: unknown
-- Explicit events that these deliveries brought and edx.event_alias does not know.
SELECT
    coalesce(event_type, name, '') AS event_type,
    count(*) AS rows
FROM edx.event
WHERE event_kind IS NULL AND _delivery = ANY(%(deliveries)s)
GROUP BY coalesce(event_type, name, '')
ORDER BY rows DESC, event_type ASC;

-- section: name
-- Each event gets the kind that a load would give it now: that of its event_type, else that of its
-- name; an alias for its event_source goes before one for any. It is looked up once for each spelling.
WITH spelling AS MATERIALIZED (
    SELECT DISTINCT
        event_source,
        event_type,
        name,
        event_kind
    FROM {partition}
    WHERE event_kind IS DISTINCT FROM 'implicit'
),

named AS MATERIALIZED (
    SELECT
        s.event_source,
        s.event_type,
        s.name,
        s.event_kind,
        (
            SELECT a.event_kind
            FROM edx.event_alias AS a
            WHERE a.event_type IN (s.event_type, s.name)
                AND (a.event_source IS NULL OR a.event_source = s.event_source)
            ORDER BY a.event_type <> s.event_type NULLS LAST, a.event_source IS NULL
            LIMIT 1
        ) AS new_kind
    FROM spelling AS s
),

renamed AS (
    UPDATE {partition} AS e
    SET event_kind = n.new_kind
    FROM named AS n
    WHERE n.new_kind IS DISTINCT FROM n.event_kind
        AND coalesce(e.event_type, '') = coalesce(n.event_type, '')
        AND e.event_type IS NOT DISTINCT FROM n.event_type
        AND e.event_source IS NOT DISTINCT FROM n.event_source
        AND e.name IS NOT DISTINCT FROM n.name
        AND e.event_kind IS NOT DISTINCT FROM n.event_kind
    RETURNING e._origin, (e.time AT TIME ZONE 'UTC')::date AS day
),

counted AS (
    SELECT
        _origin,
        day,
        count(*) AS rows
    FROM renamed
    GROUP BY _origin, day
),

changed AS (
    INSERT INTO ops.changed_day (dataset, origin, day)
    SELECT
        'edx.event',
        _origin,
        day
    FROM counted
)

SELECT coalesce(sum(rows), 0)::bigint AS rows
FROM counted;
