-- Tracking logs by the day in their name, and the last one before the days that are looked at,
-- which shows that loading had begun. Day by day: the index has the days, so no name has to be
-- read. What waits is "behind" where an older version of the same log is merged.
SELECT
    'edx.event' AS dataset,
    origin.origin,
    day.day::date AS first_day,
    day.day::date + 1 AS end_day,
    log.made_at,
    log.loaded,
    log.waiting,
    log.behind,
    log.rows_read,
    log.rows_merged,
    log.rows_rejected
FROM unnest(%(origins)s::text []) AS origin (origin)
CROSS JOIN generate_series(%(first_day)s::date, %(end_day)s::date - 1, '1 day') AS day (day)
CROSS JOIN LATERAL (
    SELECT
        max(d.made_at) AS made_at,
        count(*) FILTER (WHERE d.status = 'merged') AS loaded,
        count(*) FILTER (
            WHERE d.status IN ('landed', 'held') AND namesake.made_at IS NULL
        ) AS waiting,
        count(*) FILTER (
            WHERE d.status IN ('landed', 'held') AND namesake.made_at < d.made_at
        ) AS behind,
        sum(d.rows_read) FILTER (WHERE d.status = 'merged') AS rows_read,
        sum(d.rows_merged) FILTER (WHERE d.status = 'merged') AS rows_merged,
        sum(d.rows_rejected) FILTER (WHERE d.status = 'merged') AS rows_rejected
    FROM ops.delivery AS d
    LEFT JOIN LATERAL (
        SELECT max(other.made_at) AS made_at
        FROM ops.delivery AS other
        WHERE d.status IN ('landed', 'held')
            AND other.dataset = d.dataset
            AND other.origin = d.origin
            AND other.name = d.name
            AND other.status = 'merged'
    ) AS namesake ON TRUE
    WHERE d.dataset = 'edx.event'
        AND d.origin = origin.origin
        AND replace(substring(split_part(d.name, '/', -1), '\d{4}-?\d\d-?\d\d'), '-', '')
        = to_char(day.day, 'YYYYMMDD')
) AS log
WHERE log.made_at IS NOT NULL
UNION ALL
SELECT
    before.dataset,
    before.origin,
    %(first_day)s::date - 1 AS first_day,
    %(first_day)s::date AS end_day,
    before.made_at,
    1 AS loaded,
    0 AS waiting,
    0 AS behind,
    0 AS rows_read,
    0 AS rows_merged,
    0 AS rows_rejected
FROM unnest(%(origins)s::text []) AS origin (origin)
CROSS JOIN LATERAL (
    SELECT
        d.dataset,
        d.origin,
        d.made_at
    FROM ops.delivery AS d
    WHERE d.dataset = 'edx.event'
        AND d.origin = origin.origin
        AND replace(substring(split_part(d.name, '/', -1), '\d{4}-?\d\d-?\d\d'), '-', '')
        < to_char(%(first_day)s::date, 'YYYYMMDD')
        AND d.status = 'merged'
    ORDER BY replace(substring(split_part(d.name, '/', -1), '\d{4}-?\d\d-?\d\d'), '-', '') DESC
    LIMIT 1
) AS before;
