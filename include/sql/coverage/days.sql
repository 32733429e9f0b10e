-- What stands of tables that are replaced by UTC days: the days that are looked at, and the last one
-- before them, which tells that loading had begun. Then what has landed for them and is not merged:
-- it has no merged_at, by which the index finds it.
SELECT
    pair.dataset,
    pair.origin,
    standing.part::date AS first_day,
    standing.part::date + 1 AS end_day,
    standing.made_at,
    1 AS stands,
    0 AS waiting,
    d.rows_rejected
FROM unnest(%(datasets)s::text [], %(origins)s::text []) AS pair (dataset, origin)
CROSS JOIN LATERAL (
    SELECT
        s.part,
        s.made_at,
        s.delivery_id
    FROM ops.standing AS s
    WHERE s.dataset = pair.dataset
        AND s.origin = pair.origin
        AND s.part >= %(first_day)s::date::text
        AND s.part < %(end_day)s::date::text
    UNION ALL
    (
        SELECT
            s.part,
            s.made_at,
            s.delivery_id
        FROM ops.standing AS s
        WHERE s.dataset = pair.dataset
            AND s.origin = pair.origin
            AND s.part < %(first_day)s::date::text
        ORDER BY s.part DESC
        LIMIT 1
    )
) AS standing
INNER JOIN ops.delivery AS d ON standing.delivery_id = d.delivery_id
UNION ALL
SELECT
    d.dataset,
    d.origin,
    day.day::date AS first_day,
    day.day::date + 1 AS end_day,
    d.made_at,
    0 AS stands,
    1 AS waiting,
    d.rows_rejected
FROM unnest(%(datasets)s::text [], %(origins)s::text []) AS pair (dataset, origin)
INNER JOIN ops.delivery AS d ON pair.dataset = d.dataset AND pair.origin = d.origin
CROSS JOIN generate_series(
    greatest(d.first_day, %(first_day)s::date),
    least(d.end_day, %(end_day)s::date) - 1,
    '1 day'
) AS day (day)
WHERE d.status = 'landed'
    AND d.merged_at IS NULL
    AND NOT EXISTS (
        SELECT FROM ops.standing AS s
        WHERE s.dataset = d.dataset
            AND s.origin = d.origin
            AND s.part = day.day::date::text
            AND (s.made_at, s.version) >= (d.made_at, d.version)
    );
