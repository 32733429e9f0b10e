-- What is no longer needed.

-- section: rejected_rows
-- The counts in ops.delivery stay as they are.
WITH forgotten AS (
    DELETE FROM ops.rejected_row AS r
    USING ops.delivery AS d
    WHERE r.delivery_id = d.delivery_id
        AND r.rejected_at < now() - make_interval(days => %(days)s)
    RETURNING d.dataset
)

SELECT
    dataset,
    count(*) AS rows
FROM forgotten
GROUP BY dataset
ORDER BY dataset;

-- section: outdated
-- Deliveries that nothing in the warehouse needs any more: a newer version of the name is merged, or
-- a newer delivery is current for each of their days, and no day or file is as they left or confirmed
-- it. Only of tables whose parts are replaced: what is appended once is needed for ever. Not
-- while a merge has its line: it may be about to become current again.
SELECT
    d.delivery_id, d.dataset, d.origin, d.name, d.version, d.made_at,
    d.first_day, d.end_day, d.uri, d.size, d.details, d.status, d.problem, d.removed_at
FROM ops.delivery AS d
WHERE d.status IN ('merged', 'replaced')
    AND d.removed_at IS NULL
    AND d.landed_at < now() - make_interval(days => %(days)s)
    AND starts_with(d.uri, %(place)s)
    AND (
        EXISTS (
            SELECT FROM ops.delivery AS newer
            WHERE newer.dataset = d.dataset
                AND newer.origin = d.origin
                AND newer.name = d.name
                AND newer.status = 'merged'
                AND (newer.made_at, newer.version) > (d.made_at, d.version)
        )
        OR d.end_day - d.first_day = (
            SELECT count(*)
            FROM generate_series(d.first_day, d.end_day - 1, '1 day') AS day (day)
            INNER JOIN ops.current_part AS c ON day.day::date::text = c.part
            WHERE c.dataset = d.dataset
                AND c.origin = d.origin
                AND (c.made_at, c.version) > (d.made_at, d.version)
        )
    )
    AND EXISTS (
        SELECT FROM ops.current_part AS c
        WHERE c.dataset = d.dataset AND c.origin = d.origin
    )
    AND NOT EXISTS (SELECT FROM ops.current_part AS c WHERE c.delivery_id = d.delivery_id)
    AND NOT EXISTS (
        SELECT FROM ops.current_part AS c
        WHERE c.dataset = d.dataset
            AND c.origin = d.origin
            AND c.made_at = d.made_at
            AND c.version = d.version
    )
ORDER BY d.delivery_id
LIMIT 100
FOR NO KEY UPDATE OF d SKIP LOCKED;

-- section: note_removed
UPDATE ops.delivery
SET removed_at = now()
WHERE delivery_id = ANY(%(deliveries)s);
