SELECT
    split_part(dataset, '.', 1) AS source,
    split_part(dataset, '.', 2) AS table,
    count(*) AS deliveries,
    sum(rows_read) AS read,
    sum(rows_merged) AS merged,
    sum(rows_duplicate) AS duplicate,
    sum(rows_superseded) AS superseded,
    sum(rows_filtered) AS filtered,
    sum(rows_held) AS held,
    sum(rows_rejected) AS rejected,
    round(extract(EPOCH FROM max(merged_at) - min(landed_at)), 1) AS seconds
FROM ops.delivery
GROUP BY dataset
ORDER BY dataset
