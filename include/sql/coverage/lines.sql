-- Lines of the ledger that a task's page leads to.

-- section: deliveries
SELECT
    delivery_id,
    dataset,
    origin,
    name,
    version,
    uri,
    size,
    first_day,
    end_day - 1 AS last_day,
    made_at,
    landed_at,
    merged_at,
    CASE WHEN details ? 'undone' THEN 'undone' ELSE status END AS status,
    problem,
    dag_id,
    run_id,
    task_id,
    superseded_by,
    rows_read,
    rows_merged,
    rows_duplicate,
    rows_superseded,
    rows_filtered,
    rows_held,
    rows_erased,
    rows_rejected
FROM ops.delivery
WHERE delivery_id = ANY(%(deliveries)s)
    AND split_part(dataset, '.', 1) = ANY(%(schemas)s)
ORDER BY delivery_id
LIMIT %(limit)s;

-- section: requests
SELECT
    origin,
    report,
    first_day,
    end_day - 1 AS last_day,
    attempt,
    request_id,
    status,
    written_at,
    answered_at,
    closed_at,
    problem
FROM ops.report_request
WHERE report = %(report)s
    AND %(run)s = ANY(runs)
    AND 'echo360' = ANY(%(schemas)s)
ORDER BY first_day, line_id
LIMIT %(limit)s;
