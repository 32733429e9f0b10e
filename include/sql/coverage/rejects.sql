-- Rejected rows: where they were, and for editors of the DAG what they say.

-- section: latest
-- The deliveries to which the latest rejected rows belong.
SELECT
    d.delivery_id,
    d.dataset,
    d.origin,
    d.name,
    d.rows_read,
    d.rows_rejected,
    max(r.rejected_at) AS rejected_at
FROM (
    SELECT
        newest.delivery_id,
        newest.rejected_at
    FROM ops.rejected_row AS newest
    INNER JOIN ops.delivery AS of_it ON newest.delivery_id = of_it.delivery_id
    WHERE split_part(of_it.dataset, '.', 1) = ANY(%(schemas)s)
    ORDER BY newest.rejected_at DESC
    LIMIT %(rows)s
) AS r
INNER JOIN ops.delivery AS d ON r.delivery_id = d.delivery_id
GROUP BY d.delivery_id
ORDER BY rejected_at DESC, d.delivery_id DESC
LIMIT %(limit)s;

-- section: places
SELECT
    d.delivery_id,
    d.name,
    r._row,
    r.line,
    r.rejected_at
FROM unnest(%(deliveries)s::bigint []) AS wanted (delivery_id)
INNER JOIN ops.delivery AS d ON wanted.delivery_id = d.delivery_id
CROSS JOIN LATERAL (
    SELECT
        _row,
        line,
        rejected_at
    FROM ops.rejected_row
    WHERE delivery_id = wanted.delivery_id
    ORDER BY _row
    LIMIT %(limit)s
) AS r
ORDER BY d.delivery_id DESC, r._row ASC
LIMIT %(limit)s;

-- section: texts
-- What these rows say: it may be anything, personal data too.
SELECT
    r.delivery_id,
    r._row,
    left(r.reason, %(letters)s) AS reason,
    left(r.raw, %(letters)s) AS raw,
    length(r.raw) AS raw_length
FROM unnest(%(deliveries)s::bigint [], %(rows)s::bigint []) AS wanted (delivery_id, _row)
INNER JOIN ops.rejected_row AS r
    ON wanted.delivery_id = r.delivery_id AND wanted._row = r._row;
