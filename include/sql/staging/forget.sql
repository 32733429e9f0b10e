DELETE FROM ops.staged
WHERE staged_id = %(staged_id)s;
