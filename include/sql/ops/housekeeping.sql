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
-- each of their days stands as a newer delivery has it, and no day or file stands as they left or
-- confirmed it. Only of tables of which parts stand: what is appended once stands for ever. Not while
-- it is staged: it may be about to stand again.
SELECT
    d.delivery_id, d.dataset, d.origin, d.name, d.version, d.made_at,
    d.first_day, d.end_day, d.uri, d.size, d.details, d.status, d.problem, d.removed_at
FROM ops.delivery AS d
WHERE d.status = 'merged'
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
            INNER JOIN ops.standing AS s ON day.day::date::text = s.part
            WHERE s.dataset = d.dataset
                AND s.origin = d.origin
                AND (s.made_at, s.version) > (d.made_at, d.version)
        )
    )
    AND EXISTS (
        SELECT FROM ops.standing AS s
        WHERE s.dataset = d.dataset AND s.origin = d.origin
    )
    AND NOT EXISTS (
        SELECT FROM ops.staged AS t
        WHERE t.delivery_id = d.delivery_id AND t.merged_at IS NULL
    )
    AND NOT EXISTS (SELECT FROM ops.standing AS s WHERE s.delivery_id = d.delivery_id)
    AND NOT EXISTS (
        SELECT FROM ops.standing AS s
        WHERE s.dataset = d.dataset
            AND s.origin = d.origin
            AND s.made_at = d.made_at
            AND s.version = d.version
    )
ORDER BY d.delivery_id
LIMIT 100
FOR NO KEY UPDATE OF d SKIP LOCKED;

-- section: note_removed
UPDATE ops.delivery
SET removed_at = now()
WHERE delivery_id = ANY(%(deliveries)s);
