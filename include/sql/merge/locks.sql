-- What a merge locks, in this order: the row of the tombstones, that of its table, then the lines of its deliveries by their
-- ids. Readers may lock neither.

-- section: enter
INSERT INTO ops.dataset_lock (dataset)
VALUES (%(dataset)s)
ON CONFLICT DO NOTHING;

-- section: dataset
-- In a statement of its own, before what it guards: only then does READ COMMITTED see what a rival
-- committed while this one waited.
SELECT dataset FROM ops.dataset_lock
WHERE dataset = %(dataset)s
FOR UPDATE;

-- section: share
-- Of merges of which several may run at once, beside none that locks the row.
SELECT dataset FROM ops.dataset_lock
WHERE dataset = %(dataset)s
FOR KEY SHARE;

-- section: deliveries
SELECT
    delivery_id,
    dataset,
    name,
    status,
    removed_at,
    rows_read,
    rows_merged,
    rows_duplicate,
    rows_superseded,
    rows_filtered,
    rows_erased,
    rows_rejected,
    dag_id,
    run_id,
    task_id
FROM ops.delivery
WHERE delivery_id = ANY(%(deliveries)s)
ORDER BY delivery_id
FOR NO KEY UPDATE;
