-- The latest deliveries of one dataset that are for one day, by the rule of its kind.

-- section: covering
SELECT
    delivery_id,
    name,
    uri,
    made_at,
    merged_at,
    CASE WHEN details ? 'undone' THEN 'undone' ELSE status END AS status,
    problem,
    dag_id,
    run_id,
    task_id,
    rows_read,
    rows_merged,
    rows_rejected,
    details ->> 'tar' AS tar
FROM ops.delivery
WHERE dataset = %(dataset)s
    AND origin = %(origin)s
    AND first_day <= %(day)s::date
    AND end_day > %(day)s::date
ORDER BY made_at DESC, version DESC
LIMIT %(limit)s;

-- section: made
SELECT
    delivery_id,
    name,
    uri,
    made_at,
    merged_at,
    CASE WHEN details ? 'undone' THEN 'undone' ELSE status END AS status,
    problem,
    dag_id,
    run_id,
    task_id,
    rows_read,
    rows_merged,
    rows_rejected,
    details ->> 'tar' AS tar
FROM ops.delivery
WHERE dataset = %(dataset)s
    AND origin = %(origin)s
    AND made_at >= %(day)s::date::timestamptz
    AND made_at < (%(day)s::date + 1)::timestamptz
ORDER BY made_at DESC, version DESC
LIMIT %(limit)s;

-- section: logged
SELECT
    delivery_id,
    name,
    uri,
    made_at,
    merged_at,
    CASE WHEN details ? 'undone' THEN 'undone' ELSE status END AS status,
    problem,
    dag_id,
    run_id,
    task_id,
    rows_read,
    rows_merged,
    rows_rejected,
    details ->> 'tar' AS tar
FROM ops.delivery
WHERE dataset = 'edx.event'
    AND origin = %(origin)s
    AND replace(substring(split_part(name, '/', -1), '\d{4}-?\d\d-?\d\d'), '-', '')
    = to_char(%(day)s::date, 'YYYYMMDD')
ORDER BY made_at DESC, version DESC
LIMIT %(limit)s;
