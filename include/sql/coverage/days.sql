-- What is loaded of tables that are replaced by UTC days: the days that are looked at, and the last
-- one before them, which shows that loading had begun. Then what waits for them, landed or held and
-- newer than what is current: "behind" where an older version is current, else "waiting".
SELECT
    pair.dataset,
    pair.origin,
    loaded.part::date AS first_day,
    loaded.part::date + 1 AS end_day,
    loaded.made_at,
    1 AS loaded,
    0 AS waiting,
    0 AS behind,
    d.rows_read,
    d.rows_merged::float8 / coalesce(d.end_day - d.first_day, 1) AS rows_merged,
    d.rows_rejected
FROM unnest(%(datasets)s::text [], %(origins)s::text []) AS pair (dataset, origin)
CROSS JOIN LATERAL (
    SELECT
        c.part,
        c.made_at,
        c.delivery_id
    FROM ops.current_part AS c
    WHERE c.dataset = pair.dataset
        AND c.origin = pair.origin
        AND c.part >= %(first_day)s::date::text
        AND c.part < %(end_day)s::date::text
    UNION ALL
    (
        SELECT
            c.part,
            c.made_at,
            c.delivery_id
        FROM ops.current_part AS c
        WHERE c.dataset = pair.dataset
            AND c.origin = pair.origin
            AND c.part < %(first_day)s::date::text
        ORDER BY c.part DESC
        LIMIT 1
    )
) AS loaded
INNER JOIN ops.delivery AS d ON loaded.delivery_id = d.delivery_id
UNION ALL
SELECT
    d.dataset,
    d.origin,
    day.day::date AS first_day,
    day.day::date + 1 AS end_day,
    d.made_at,
    0 AS loaded,
    (c.part IS NULL)::integer AS waiting,
    (c.part IS NOT NULL)::integer AS behind,
    0 AS rows_read,
    0 AS rows_merged,
    0 AS rows_rejected
FROM unnest(%(datasets)s::text [], %(origins)s::text []) AS pair (dataset, origin)
INNER JOIN ops.delivery AS d ON pair.dataset = d.dataset AND pair.origin = d.origin
CROSS JOIN generate_series(
    greatest(d.first_day, %(first_day)s::date),
    least(d.end_day, %(end_day)s::date) - 1,
    '1 day'
) AS day (day)
LEFT JOIN ops.current_part AS c
    ON d.dataset = c.dataset AND d.origin = c.origin AND c.part = day.day::date::text
WHERE d.status IN ('landed', 'held')
    AND (c.part IS NULL OR (c.made_at, c.version) < (d.made_at, d.version));
