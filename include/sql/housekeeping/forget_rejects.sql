-- The counts in ops.delivery stay as they are.
WITH forgotten AS (
    DELETE FROM ops.rejected_row AS r
    USING ops.delivery AS d
    WHERE r.delivery_id = d.delivery_id
        AND r.rejected_at < now() - make_interval(days => %(days)s)
    RETURNING d.dataset
)

SELECT
    dataset,
    count(*) AS rows
FROM forgotten
GROUP BY dataset
ORDER BY dataset;
