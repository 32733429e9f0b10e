-- What a merge writes down of a batch of deliveries, in its transaction.

-- section: forget_rejects
DELETE FROM ops.rejected_row
WHERE delivery_id = ANY(%(deliveries)s);

-- section: reject
INSERT INTO ops.rejected_row (delivery_id, _row, line, raw, reason)
SELECT
    _delivery,
    _row,
    line,
    raw,
    reason
FROM {rejected}
WHERE _delivery = ANY(%(deliveries)s);

-- section: merged
UPDATE ops.delivery AS d
SET
    status = 'merged',
    problem = NULL,
    details = details - 'undone',
    superseded_by = CASE
        WHEN NOT EXISTS (
            SELECT FROM ops.current_part AS c
            WHERE c.delivery_id = d.delivery_id
        ) THEN d.superseded_by
    END,
    rows_read = m.rows_read,
    rows_merged = m.rows_merged,
    rows_duplicate = m.rows_duplicate,
    rows_superseded = m.rows_superseded,
    rows_filtered = m.rows_filtered,
    rows_held = 0,
    rows_erased = m.rows_erased,
    rows_rejected = m.rows_rejected,
    merged_at = clock_timestamp(),
    dag_id = %(dag_id)s,
    run_id = %(run_id)s,
    task_id = %(task_id)s
FROM
    unnest(
        %(deliveries)s::bigint [],
        %(rows_read)s::bigint [],
        %(rows_merged)s::bigint [],
        %(rows_duplicate)s::bigint [],
        %(rows_superseded)s::bigint [],
        %(rows_filtered)s::bigint [],
        %(rows_erased)s::bigint [],
        %(rows_rejected)s::bigint []
    ) AS m (
        delivery_id, rows_read, rows_merged, rows_duplicate, rows_superseded, rows_filtered, rows_erased,
        rows_rejected
    )
WHERE d.delivery_id = m.delivery_id;

-- section: held
UPDATE ops.delivery
SET
    status = 'held',
    problem = %(problem)s,
    details = details || jsonb_build_object('shrinks', %(parts)s::text []),
    rows_read = %(rows_read)s,
    rows_merged = 0,
    rows_duplicate = 0,
    rows_superseded = 0,
    rows_filtered = %(rows_filtered)s,
    rows_held = %(rows_good)s,
    rows_erased = %(rows_erased)s,
    rows_rejected = %(rows_rejected)s,
    dag_id = %(dag_id)s,
    run_id = %(run_id)s,
    task_id = %(task_id)s
WHERE delivery_id = %(delivery_id)s;

-- section: replayed
-- Rejected rows that are rows now move from one count to the others.
UPDATE ops.delivery
SET
    rows_merged = rows_merged + %(rows_merged)s,
    rows_duplicate = rows_duplicate + %(rows_duplicate)s,
    rows_erased = rows_erased + %(rows_erased)s,
    rows_rejected = rows_rejected - %(rows_merged)s - %(rows_duplicate)s - %(rows_erased)s,
    merged_at = clock_timestamp()
WHERE delivery_id = %(delivery_id)s;
