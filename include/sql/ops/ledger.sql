-- What vendors handed over, and what became of it.

-- section: deliver
-- Where the line is there already, what may have changed is where its bytes lie: what was the matter
-- with those before is over, unless it is held.
INSERT INTO ops.delivery AS known (
    dataset, origin, name, version, made_at, first_day, end_day, uri, size, details
)
VALUES (
    %(dataset)s, %(origin)s, %(name)s, %(version)s, %(made_at)s,
    %(first_day)s, %(end_day)s, %(uri)s, %(size)s, %(details)s
)
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

-- section: newest
SELECT DISTINCT ON (name)
    delivery_id, dataset, origin, name, version, made_at,
    first_day, end_day, uri, size, details, status, problem, removed_at
FROM ops.delivery
WHERE dataset = %(dataset)s
    AND origin = %(origin)s
    AND made_at < coalesce(%(made_before)s::timestamptz, 'infinity')
ORDER BY name ASC, made_at DESC, version DESC;

-- section: first_day
SELECT min(first_day) AS first_day
FROM ops.delivery
WHERE dataset = %(dataset)s AND origin = %(origin)s;

-- section: landed
-- What lies in a bucket.
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
