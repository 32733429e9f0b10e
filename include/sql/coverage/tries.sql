-- The latest failed tries to load these deliveries, and how many there were of each.
SELECT
    wanted.delivery_id,
    failed.failed_at,
    failed.sentence,
    failed.dag_id,
    failed.run_id,
    failed.task_id,
    (SELECT count(*) FROM ops.failed_try AS t WHERE t.delivery_id = wanted.delivery_id) AS tries
FROM unnest(%(deliveries)s::bigint []) AS wanted (delivery_id)
CROSS JOIN LATERAL (
    SELECT
        f.failed_at,
        f.sentence,
        f.dag_id,
        f.run_id,
        f.task_id
    FROM ops.failed_try AS f
    WHERE f.delivery_id = wanted.delivery_id
    ORDER BY f.failed_at DESC
    LIMIT %(limit)s
) AS failed
ORDER BY wanted.delivery_id ASC, failed.failed_at DESC;
