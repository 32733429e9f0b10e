-- What is loaded of tables that are replaced by files of a day or a month: the files of the days that
-- are looked at, and the last one before them, which shows that loading had begun. Then what waits
-- for them, landed or held and newer than what is current: "behind" where an older version is
-- current, else "waiting".
SELECT
    pair.dataset,
    pair.origin,
    file.first_day,
    file.end_day,
    file.made_at,
    1 AS loaded,
    0 AS waiting,
    0 AS behind,
    file.rows_read,
    file.rows_merged::float8 AS rows_merged,
    file.rows_rejected
FROM unnest(%(datasets)s::text [], %(origins)s::text []) AS pair (dataset, origin)
CROSS JOIN LATERAL (
    SELECT
        d.first_day,
        d.end_day,
        d.made_at,
        d.rows_read,
        d.rows_merged,
        d.rows_rejected
    FROM ops.delivery AS d
    WHERE d.dataset = pair.dataset
        AND d.origin = pair.origin
        AND d.end_day > %(first_day)s::date
        AND d.first_day < %(end_day)s::date
        AND EXISTS (SELECT FROM ops.current_part AS c WHERE c.delivery_id = d.delivery_id)
    UNION ALL
    (
        SELECT
            d.first_day,
            d.end_day,
            d.made_at,
            d.rows_read,
            d.rows_merged,
            d.rows_rejected
        FROM ops.delivery AS d
        WHERE d.dataset = pair.dataset
            AND d.origin = pair.origin
            AND d.end_day <= %(first_day)s::date
            AND EXISTS (SELECT FROM ops.current_part AS c WHERE c.delivery_id = d.delivery_id)
        ORDER BY d.end_day DESC
        LIMIT 1
    )
) AS file
UNION ALL
SELECT
    d.dataset,
    d.origin,
    d.first_day,
    d.end_day,
    d.made_at,
    0 AS loaded,
    (c.part IS NULL)::integer AS waiting,
    (c.part IS NOT NULL)::integer AS behind,
    0 AS rows_read,
    0 AS rows_merged,
    0 AS rows_rejected
FROM unnest(%(datasets)s::text [], %(origins)s::text []) AS pair (dataset, origin)
INNER JOIN ops.delivery AS d ON pair.dataset = d.dataset AND pair.origin = d.origin
LEFT JOIN ops.current_part AS c
    ON d.dataset = c.dataset AND d.origin = c.origin AND d.name = c.part
WHERE d.status IN ('landed', 'held')
    AND d.end_day > %(first_day)s::date
    AND d.first_day < %(end_day)s::date
    AND (c.part IS NULL OR (c.made_at, c.version) < (d.made_at, d.version));
