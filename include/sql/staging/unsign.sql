UPDATE ops.staged
SET task = NULL
WHERE task = %(task)s;
