DELETE FROM ops.staged
WHERE table_name = %(table_name)s;
