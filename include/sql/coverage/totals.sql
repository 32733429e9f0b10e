-- What is current of each table and origin, whenever it came: rows, rejected rows and the last day.

-- section: parts
-- Tables that are replaced by days or files. The rows of a delivery that is current for some of its
-- days only are spread over them evenly.
SELECT
    kept.dataset,
    kept.origin,
    round(sum(d.rows_merged * least(kept.share / coalesce(d.end_day - d.first_day, 1), 1.0)))::bigint
        AS rows_merged,
    sum(d.rows_rejected)::bigint AS rows_rejected,
    max(coalesce(kept.day, d.end_day - 1, (d.made_at AT TIME ZONE 'UTC')::date)) AS last_day
FROM (
    SELECT
        c.dataset,
        c.origin,
        c.delivery_id,
        max(ops.try_date(c.part)) FILTER (WHERE c.dataset = ANY(%(by_day)s)) AS day,
        CASE WHEN c.dataset = ANY(%(by_day)s) THEN count(*)::numeric ELSE 'infinity' END AS share
    FROM ops.current_part AS c
    WHERE c.dataset = ANY(%(datasets)s)
    GROUP BY c.dataset, c.origin, c.delivery_id
) AS kept
INNER JOIN ops.delivery AS d ON kept.delivery_id = d.delivery_id
GROUP BY kept.dataset, kept.origin;

-- section: logs
-- Tracking logs, whose events are added to those that are there.
SELECT
    'edx.event' AS dataset,
    origin.origin,
    log.rows_merged,
    log.rows_rejected,
    log.last_day
FROM unnest(%(origins)s::text []) AS origin (origin)
CROSS JOIN LATERAL (
    SELECT
        sum(d.rows_merged)::bigint AS rows_merged,
        sum(d.rows_rejected)::bigint AS rows_rejected,
        max(ops.try_date(
            replace(substring(split_part(d.name, '/', -1), '\d{4}-?\d\d-?\d\d'), '-', '')
        )) AS last_day
    FROM ops.delivery AS d
    WHERE d.dataset = 'edx.event' AND d.origin = origin.origin AND d.status = 'merged'
) AS log
WHERE log.rows_merged IS NOT NULL;
