-- Versions of files of the present state, by the UTC day on which the vendor made them, without
-- undone ones. What waits is "behind" where an older version of its file is current.
SELECT
    pair.dataset,
    pair.origin,
    version.day AS first_day,
    version.day + 1 AS end_day,
    version.made_at,
    version.loaded,
    version.waiting,
    version.behind,
    version.rows_read,
    version.rows_merged,
    version.rows_rejected
FROM unnest(%(datasets)s::text [], %(origins)s::text []) AS pair (dataset, origin)
CROSS JOIN LATERAL (
    SELECT
        (d.made_at AT TIME ZONE 'UTC')::date AS day,
        max(d.made_at) AS made_at,
        count(*) FILTER (WHERE d.status = 'merged') AS loaded,
        count(*) FILTER (WHERE d.status IN ('landed', 'held') AND c.part IS NULL) AS waiting,
        count(*) FILTER (
            WHERE d.status IN ('landed', 'held') AND (c.made_at, c.version) < (d.made_at, d.version)
        ) AS behind,
        sum(d.rows_read) FILTER (WHERE d.status = 'merged') AS rows_read,
        sum(d.rows_merged) FILTER (WHERE d.status = 'merged') AS rows_merged,
        sum(d.rows_rejected) FILTER (WHERE d.status = 'merged') AS rows_rejected
    FROM ops.delivery AS d
    LEFT JOIN ops.current_part AS c
        ON d.dataset = c.dataset AND d.origin = c.origin AND d.name = c.part
    WHERE d.dataset = pair.dataset
        AND d.origin = pair.origin
        AND d.made_at >= %(first_day)s::date::timestamptz
        AND d.made_at < %(end_day)s::date::timestamptz
        AND NOT d.details ? 'undone'
    GROUP BY 1
) AS version;
