-- What vendors handed over, and what became of it.

-- section: deliver
-- Where a line is there already, the place of its bytes may have changed: what was the matter with
-- those before is over, unless it is held. In the order of their names: two tasks that enter the
-- same lines at once would deadlock otherwise.
INSERT INTO ops.delivery AS known (
    dataset, origin, name, version, made_at, first_day, end_day, uri, size, details
)
SELECT
    line.dataset, line.origin, line.name, line.version, line.made_at,
    line.first_day, line.end_day, line.uri, line.size, line.details
FROM jsonb_to_recordset(%(lines)s) AS line (
    dataset text, origin text, name text, version text, made_at timestamptz,
    first_day date, end_day date, uri text, size bigint, details jsonb
)
ORDER BY line.dataset, line.origin, line.name, line.version
ON CONFLICT (dataset, origin, name, version) DO UPDATE
    SET
        uri = excluded.uri,
        size = excluded.size,
        details = excluded.details,
        problem = CASE WHEN known.status = 'held' THEN known.problem END,
        removed_at = NULL
RETURNING
    known.delivery_id, known.dataset, known.origin, known.name, known.version, known.made_at,
    known.first_day, known.end_day, known.uri, known.size, known.details, known.status,
    known.problem, known.removed_at;

-- section: find
SELECT
    delivery_id, dataset, origin, name, version, made_at,
    first_day, end_day, uri, size, details, status, problem, removed_at
FROM ops.delivery
WHERE delivery_id = ANY(%(deliveries)s);

-- section: versions
SELECT
    delivery_id, dataset, origin, name, version, made_at,
    first_day, end_day, uri, size, details, status, problem, removed_at
FROM ops.delivery
WHERE dataset = %(dataset)s
    AND origin = %(origin)s
    AND name = ANY(%(names)s::text []);

-- section: of_listed
-- For each listed name, the versions that decide what is to be done: the listed one, the latest
-- one, the latest that is loaded, and what waits. Each is found by an index, however many versions
-- there were.
SELECT DISTINCT
    d.delivery_id, d.dataset, d.origin, d.name, d.version, d.made_at,
    d.first_day, d.end_day, d.uri, d.size, d.details, d.status, d.problem, d.removed_at
FROM unnest(%(names)s::text [], %(versions)s::text []) AS listed (name, version)
CROSS JOIN LATERAL (
    (
        SELECT latest.*
        FROM ops.delivery AS latest
        WHERE latest.dataset = %(dataset)s
            AND latest.origin = %(origin)s
            AND latest.name = listed.name
        ORDER BY latest.made_at DESC, latest.version DESC
        LIMIT 1
    )
    UNION ALL
    (
        SELECT loaded.*
        FROM ops.delivery AS loaded
        WHERE loaded.dataset = %(dataset)s
            AND loaded.origin = %(origin)s
            AND loaded.name = listed.name
            AND loaded.status = 'merged'
            AND NOT loaded.details ? 'undone'
        ORDER BY loaded.made_at DESC, loaded.version DESC
        LIMIT 1
    )
    UNION ALL
    SELECT known.*
    FROM ops.delivery AS known
    WHERE known.dataset = %(dataset)s
        AND known.origin = %(origin)s
        AND known.name = listed.name
        AND known.version = listed.version
    UNION ALL
    SELECT waiting.*
    FROM ops.delivery AS waiting
    WHERE waiting.dataset = %(dataset)s
        AND waiting.origin = %(origin)s
        AND waiting.name = listed.name
        AND waiting.status IN ('landed', 'held')
) AS d;

-- section: newest
-- But for those of which no day is kept any more.
SELECT DISTINCT ON (name)
    delivery_id, dataset, origin, name, version, made_at,
    first_day, end_day, uri, size, details, status, problem, removed_at
FROM ops.delivery
WHERE dataset = %(dataset)s
    AND origin = %(origin)s
    AND made_at < coalesce(%(made_before)s::timestamptz, 'infinity')
    AND delivery_id NOT IN (
        SELECT o.delivery_id FROM ops.outlived_delivery AS o WHERE o.dataset = %(dataset)s
    )
ORDER BY name ASC, made_at DESC, version DESC;

-- section: first_day
SELECT min(first_day) AS first_day
FROM ops.delivery
WHERE dataset = %(dataset)s AND origin = %(origin)s;

-- section: landed
-- What is in a bucket.
SELECT
    delivery_id, dataset, origin, name, version, made_at,
    first_day, end_day, uri, size, details, status, problem, removed_at
FROM ops.delivery
WHERE dataset = %(dataset)s
    AND starts_with(uri, %(place)s)
    AND removed_at IS NULL;

-- section: current_days
SELECT
    part::date AS day,
    made_at
FROM ops.current_part
WHERE dataset = %(dataset)s
    AND origin = %(origin)s
    AND part >= %(first_day)s::date::text
    AND part < %(end_day)s::date::text;

-- section: note_failed_try
INSERT INTO ops.failed_try (delivery_id, sentence, dag_id, run_id, task_id)
SELECT
    failed.delivery_id,
    %(sentence)s,
    %(dag_id)s,
    %(run_id)s,
    %(task_id)s
FROM unnest(%(deliveries)s::bigint []) AS failed (delivery_id);

-- section: note_replaced
-- What waits, where a newer version of its name is merged, or newer versions of all its days are
-- current. In a table that is appended to, only what is damaged: another version of its name may
-- lack some of its rows. What a merge has locked is left to that merge.
UPDATE ops.delivery AS d
SET
    status = 'replaced',
    superseded_by = replaced.successor
FROM (
    SELECT
        old.delivery_id,
        coalesce(namesake.delivery_id, days.delivery_id) AS successor
    FROM ops.delivery AS old
    LEFT JOIN LATERAL (
        SELECT newer.delivery_id
        FROM ops.delivery AS newer
        WHERE newer.dataset = old.dataset
            AND newer.origin = old.origin
            AND newer.name = old.name
            AND newer.status = 'merged'
            AND NOT newer.details ? 'undone'
            AND newer.delivery_id <> old.delivery_id
            AND (
                (newer.made_at, newer.version) > (old.made_at, old.version)
                OR (%(is_appended)s AND newer.made_at = old.made_at)
            )
        ORDER BY newer.made_at DESC, newer.version DESC
        LIMIT 1
    ) AS namesake ON TRUE
    LEFT JOIN LATERAL (
        SELECT max(c.delivery_id) AS delivery_id
        FROM generate_series(old.first_day, old.end_day - 1, '1 day') AS day (day)
        INNER JOIN ops.current_part AS c
            ON c.dataset = old.dataset AND c.origin = old.origin AND c.part = day.day::date::text
        WHERE (c.made_at, c.version) > (old.made_at, old.version)
        HAVING count(*) = old.end_day - old.first_day
    ) AS days ON TRUE
    WHERE old.dataset = %(dataset)s
        AND old.origin = ANY(%(origins)s)
        AND old.status IN ('landed', 'held')
        AND (
            NOT %(is_appended)s
            OR (old.problem IS NOT NULL AND NOT old.details ? 'lost')
        )
        AND coalesce(namesake.delivery_id, days.delivery_id) IS NOT NULL
    FOR NO KEY UPDATE OF old SKIP LOCKED
) AS replaced
WHERE d.delivery_id = replaced.delivery_id
RETURNING d.delivery_id, d.name;

-- section: note_schema_changes
INSERT INTO ops.schema_change (dataset, origin, header, change, delivery_id)
SELECT
    %(dataset)s,
    %(origin)s,
    c.header,
    c.change,
    c.delivery_id
FROM
    unnest(
        %(headers)s::text [], %(changes)s::text [], %(deliveries)s::bigint []
    ) AS c (header, change, delivery_id)
ORDER BY c.header, c.change
ON CONFLICT DO NOTHING
RETURNING header, change;
