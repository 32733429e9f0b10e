-- The latest rejected rows, cut to what a page can show.

-- section: latest
SELECT
    d.dataset,
    d.origin,
    d.name,
    r.line,
    r.rejected_at,
    left(r.reason, %(letters)s) AS reason,
    left(r.raw, %(letters)s) AS raw,
    length(r.raw) AS raw_length
FROM ops.rejected_row AS r
INNER JOIN ops.delivery AS d ON r.delivery_id = d.delivery_id
WHERE split_part(d.dataset, '.', 1) = ANY(%(schemas)s)
ORDER BY r.rejected_at DESC, r.delivery_id DESC, r._row DESC
LIMIT %(limit)s;

-- section: of_deliveries
SELECT
    d.dataset,
    d.origin,
    d.name,
    r.line,
    r.rejected_at,
    left(r.reason, %(letters)s) AS reason,
    left(r.raw, %(letters)s) AS raw,
    length(r.raw) AS raw_length
FROM unnest(%(deliveries)s::bigint []) AS wanted (delivery_id)
INNER JOIN ops.delivery AS d ON wanted.delivery_id = d.delivery_id
CROSS JOIN LATERAL (
    SELECT
        _row,
        line,
        rejected_at,
        reason,
        raw
    FROM ops.rejected_row
    WHERE delivery_id = wanted.delivery_id
    ORDER BY _row
    LIMIT %(limit)s
) AS r
ORDER BY d.delivery_id DESC, r._row ASC
LIMIT %(limit)s;
