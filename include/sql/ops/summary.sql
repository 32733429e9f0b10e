-- What a run did, and what its alerts are about.

-- section: of_run
-- What a run's deliveries were of, table by table: their days, and the report requests that the run
-- made or shared.
SELECT
    d.dataset,
    min(d.first_day)::text AS first_day,
    (max(d.end_day) - 1)::text AS last_day,
    (
        SELECT count(*)
        FROM ops.report_request AS r
        WHERE
            'echo360.' || r.report = d.dataset
            AND %(run)s = ANY (r.runs)
            AND r.request_id IS NOT NULL
    ) AS requests
FROM ops.delivery AS d
WHERE d.delivery_id = ANY (%(deliveries)s)
GROUP BY d.dataset
ORDER BY d.dataset;

-- section: rejects
-- The tables of which the run's deliveries had a larger share of rows rejected than allowed.
SELECT
    dataset,
    sum(rows_read)::bigint AS rows_read,
    sum(rows_rejected)::bigint AS rows_rejected
FROM ops.delivery
WHERE delivery_id = ANY(%(deliveries)s)
GROUP BY dataset
HAVING sum(rows_rejected) > %(share)s::numeric * sum(rows_read)
ORDER BY dataset;

-- section: schema_changes
SELECT
    dataset,
    origin,
    change,
    header
FROM ops.schema_change
WHERE first_seen_at >= %(since)s
    AND split_part(dataset, '.', 1) = ANY(%(schemas)s)
ORDER BY dataset, origin, change, header;

-- section: gaps
-- The days that the run leapt over: after all that was loaded before it, before the last that it
-- loaded, and not loaded by it. Of what has no days, such as Vocareum's grades, there are none; of
-- edX's logs they are those in their names.
WITH loaded AS (
    SELECT
        d.dataset,
        d.origin,
        d.delivery_id = ANY(%(deliveries)s) AS now,
        CASE
            WHEN d.dataset = 'edx.event' THEN daterange(log.day, log.day, '[]')
            ELSE daterange(d.first_day, d.end_day)
        END AS days
    FROM ops.delivery AS d
    CROSS JOIN LATERAL (
        SELECT ops.try_date(
            replace(substring(split_part(d.name, '/', -1), '\d{4}-?\d\d-?\d\d'), '-', '')
        ) AS day
    ) AS log
    WHERE d.status = 'merged'
        AND (d.first_day IS NOT NULL OR (d.dataset = 'edx.event' AND log.day IS NOT NULL))
        AND EXISTS (
            SELECT FROM ops.delivery AS mine
            WHERE mine.delivery_id = ANY(%(deliveries)s)
                AND mine.dataset = d.dataset
                AND mine.origin = d.origin
        )
),

spans AS (
    SELECT
        dataset,
        origin,
        range_agg(days) FILTER (WHERE now) AS brought,
        max(upper(days)) FILTER (WHERE NOT now) AS begins,
        max(upper(days)) AS ends
    FROM loaded
    GROUP BY dataset, origin
)

SELECT
    spans.dataset,
    spans.origin,
    lower(gap.days) AS first_day,
    upper(gap.days) - 1 AS last_day
FROM spans
CROSS JOIN LATERAL unnest(
    datemultirange(daterange(spans.begins, spans.ends)) - spans.brought
) AS gap (days)
WHERE spans.begins IS NOT NULL
ORDER BY spans.dataset, spans.origin, first_day;
