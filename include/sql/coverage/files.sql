-- What is loaded of tables that are replaced by files of a day or a month: the files of the days that
-- are looked at, and the last one before them, which tells that loading had begun. Then what has
-- landed for them and is not merged: it has no merged_at, by which the index finds it.
SELECT
    pair.dataset,
    pair.origin,
    file.first_day,
    file.end_day,
    file.made_at,
    1 AS loaded,
    0 AS waiting,
    file.rows_rejected
FROM unnest(%(datasets)s::text [], %(origins)s::text []) AS pair (dataset, origin)
CROSS JOIN LATERAL (
    SELECT
        d.first_day,
        d.end_day,
        d.made_at,
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
    1 AS waiting,
    d.rows_rejected
FROM unnest(%(datasets)s::text [], %(origins)s::text []) AS pair (dataset, origin)
INNER JOIN ops.delivery AS d ON pair.dataset = d.dataset AND pair.origin = d.origin
WHERE d.status = 'landed'
    AND d.merged_at IS NULL
    AND d.end_day > %(first_day)s::date
    AND d.first_day < %(end_day)s::date
    AND NOT EXISTS (
        SELECT FROM ops.current_part AS c
        WHERE c.dataset = d.dataset
            AND c.origin = d.origin
            AND c.part = d.name
            AND (c.made_at, c.version) >= (d.made_at, d.version)
    );
