UPDATE ops.staged
SET merged_at = clock_timestamp()
WHERE staged_id = %(staged_id)s;
