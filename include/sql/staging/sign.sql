UPDATE ops.staged
SET task = %(task)s
WHERE staged_id = %(staged_id)s;
