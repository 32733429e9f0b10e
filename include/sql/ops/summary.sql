-- What a run did, and what its alerts are about.

-- section: of_run
-- What a run's deliveries contained, table by table: their days (of edX's logs those in their
-- names), and the report requests that the run made or shared.
SELECT
    d.dataset,
    min(coalesce(d.first_day, log.day))::text AS first_day,
    max(coalesce(d.end_day - 1, log.day))::text AS last_day,
    (
        SELECT count(*)
        FROM ops.report_request AS r
        WHERE
            'echo360.' || r.report = d.dataset
            AND %(run)s = ANY (r.runs)
            AND r.request_id IS NOT NULL
    ) AS requests
FROM ops.delivery AS d
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN d.dataset = 'edx.event'
            THEN ops.try_date(
                replace(substring(split_part(d.name, '/', -1), '\d{4}-?\d\d-?\d\d'), '-', '')
            )
    END AS day
) AS log
WHERE d.delivery_id = ANY (%(deliveries)s)
GROUP BY d.dataset
ORDER BY d.dataset;

-- section: rejects
-- The tables of which the run's deliveries, or one of them, had a larger share of rows rejected than
-- allowed: for each a row without a name for all of it, then the deliveries, the worst first.
WITH counted AS (
    SELECT
        dataset,
        name,
        sum(rows_read)::bigint AS rows_read,
        sum(rows_rejected)::bigint AS rows_rejected,
        grouping(name) = 1 AS is_all
    FROM ops.delivery
    WHERE delivery_id = ANY(%(deliveries)s)
    GROUP BY GROUPING SETS ((dataset), (dataset, delivery_id, name))
),

judged AS (
    SELECT
        counted.*,
        rows_rejected > %(share)s::numeric * rows_read AS is_above
    FROM counted
)

SELECT
    j.dataset,
    j.name,
    j.rows_read,
    j.rows_rejected
FROM judged AS j
WHERE j.is_above
    OR (j.is_all AND EXISTS (SELECT FROM judged AS o WHERE o.dataset = j.dataset AND o.is_above))
ORDER BY j.dataset ASC, j.is_all DESC, j.rows_rejected DESC, j.name ASC;

-- section: schema_changes
-- A row for each table and kind of change; reports and parameters that are not known here apart from
-- columns.
SELECT
    dataset,
    origin,
    change,
    array_agg(header ORDER BY header) AS headers
FROM ops.schema_change
WHERE first_seen_at >= %(since)s
    AND split_part(dataset, '.', 1) = ANY(%(schemas)s)
GROUP BY dataset, origin, change, header = 'report', header LIKE 'parameter %%'
ORDER BY dataset, origin, change, min(header);

-- section: gaps
-- The days that the run skipped: after all that was loaded before it, before the last that it
-- loaded, and not loaded by it. For data without days, such as Vocareum's grades, there are none;
-- for edX's logs they are those in their names.
WITH brought AS (
    SELECT
        d.dataset,
        d.origin,
        range_agg(
            CASE
                WHEN d.dataset = 'edx.event' THEN daterange(log.day, log.day, '[]')
                ELSE daterange(d.first_day, d.end_day)
            END
        ) AS days
    FROM ops.delivery AS d
    CROSS JOIN LATERAL (
        SELECT ops.try_date(
            replace(substring(split_part(d.name, '/', -1), '\d{4}-?\d\d-?\d\d'), '-', '')
        ) AS day
    ) AS log
    WHERE d.delivery_id = ANY(%(deliveries)s)
        AND d.status = 'merged'
        AND CASE WHEN d.dataset = 'edx.event' THEN log.day ELSE d.first_day END IS NOT NULL
    GROUP BY d.dataset, d.origin
),

spans AS (
    SELECT
        b.dataset,
        b.origin,
        b.days,
        coalesce(report.end_day, log.day + 1) AS begins
    FROM brought AS b
    LEFT JOIN LATERAL (
        SELECT d.end_day
        FROM ops.delivery AS d
        WHERE d.dataset = b.dataset
            AND d.origin = b.origin
            AND d.status = 'merged'
            AND d.end_day IS NOT NULL
            AND d.delivery_id <> ALL(%(deliveries)s)
        ORDER BY d.end_day DESC
        LIMIT 1
    ) AS report ON b.dataset <> 'edx.event'
    LEFT JOIN LATERAL (
        SELECT ops.try_date(named.digits) AS day
        FROM ops.delivery AS d
        CROSS JOIN LATERAL (
            SELECT replace(substring(split_part(d.name, '/', -1), '\d{4}-?\d\d-?\d\d'), '-', '') AS digits
        ) AS named
        WHERE d.dataset = 'edx.event'
            AND d.origin = b.origin
            AND d.status = 'merged'
            AND named.digits IS NOT NULL
            AND ops.try_date(named.digits) IS NOT NULL
            AND d.delivery_id <> ALL(%(deliveries)s)
        ORDER BY named.digits DESC
        LIMIT 1
    ) AS log ON b.dataset = 'edx.event'
)

SELECT
    spans.dataset,
    spans.origin,
    lower(gap.days) AS first_day,
    upper(gap.days) - 1 AS last_day
FROM spans
CROSS JOIN LATERAL unnest(
    datemultirange(daterange(spans.begins, greatest(spans.begins, upper(spans.days)))) - spans.days
) AS gap (days)
WHERE spans.begins IS NOT NULL
ORDER BY spans.dataset, spans.origin, first_day;
