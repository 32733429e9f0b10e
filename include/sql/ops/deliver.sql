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
