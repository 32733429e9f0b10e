-- Versions of files that tell the state as it is now, by the UTC day on which the vendor made them;
-- but for what was undone.
SELECT
    pair.dataset,
    pair.origin,
    version.day AS first_day,
    version.day + 1 AS end_day,
    version.made_at,
    version.loaded,
    version.waiting,
    version.rows_rejected
FROM unnest(%(datasets)s::text [], %(origins)s::text []) AS pair (dataset, origin)
CROSS JOIN LATERAL (
    SELECT
        (d.made_at AT TIME ZONE 'UTC')::date AS day,
        max(d.made_at) AS made_at,
        count(*) FILTER (WHERE d.status = 'merged') AS loaded,
        count(*) FILTER (
            WHERE d.status = 'landed'
                AND NOT EXISTS (
                    SELECT FROM ops.delivery AS later
                    WHERE later.dataset = d.dataset
                        AND later.origin = d.origin
                        AND later.name = d.name
                        AND later.status = 'merged'
                        AND NOT later.details ? 'undone'
                        AND (later.made_at, later.version) > (d.made_at, d.version)
                )
        ) AS waiting,
        sum(d.rows_rejected) AS rows_rejected
    FROM ops.delivery AS d
    WHERE d.dataset = pair.dataset
        AND d.origin = pair.origin
        AND d.made_at >= %(first_day)s::date::timestamptz
        AND d.made_at < %(end_day)s::date::timestamptz
        AND NOT d.details ? 'undone'
    GROUP BY 1
) AS version;
