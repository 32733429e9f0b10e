UPDATE ops.delivery
SET
    status = 'merged',
    problem = NULL,
    details = details - 'undone',
    superseded_by = CASE
        WHEN NOT EXISTS (
            SELECT FROM ops.standing AS s
            WHERE s.delivery_id = %(delivery_id)s
        ) THEN superseded_by
    END,
    rows_read = %(rows_read)s,
    rows_merged = %(rows_merged)s,
    rows_duplicate = %(rows_duplicate)s,
    rows_superseded = %(rows_superseded)s,
    rows_filtered = %(rows_filtered)s,
    rows_rejected = %(rows_rejected)s,
    merged_at = clock_timestamp()
WHERE delivery_id = %(delivery_id)s;
