-- What earlier tries of a task staged whole and nobody merged.
SELECT delivery_id, max(staged_id) AS staged_id
FROM ops.staged
WHERE task = %(task)s
    AND merged_at IS NULL
    AND staged_at >= %(since)s
GROUP BY delivery_id;
