-- Every dataset of every origin that the ledger knows, with its last load. The query jumps in the
-- index from one pair to the next: a ledger has many lines and few pairs.
WITH RECURSIVE known AS (
    (
        SELECT
            dataset,
            origin
        FROM ops.delivery
        ORDER BY dataset, origin
        LIMIT 1
    )
    UNION ALL
    SELECT
        following.dataset,
        following.origin
    FROM known
    CROSS JOIN LATERAL (
        SELECT
            d.dataset,
            d.origin
        FROM ops.delivery AS d
        WHERE (d.dataset, d.origin) > (known.dataset, known.origin)
        ORDER BY d.dataset, d.origin
        LIMIT 1
    ) AS following
)

SELECT
    known.dataset,
    known.origin,
    last_load.name,
    last_load.merged_at,
    last_load.rows_read,
    last_load.rows_merged,
    last_load.rows_rejected
FROM known
LEFT JOIN LATERAL (
    SELECT
        d.name,
        d.merged_at,
        d.rows_read,
        d.rows_merged,
        d.rows_rejected
    FROM ops.delivery AS d
    WHERE d.dataset = known.dataset AND d.origin = known.origin AND d.merged_at IS NOT NULL
    ORDER BY d.merged_at DESC
    LIMIT 1
) AS last_load ON TRUE
ORDER BY known.dataset, known.origin;
