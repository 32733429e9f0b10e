-- Before the attempt's table is filled: should it be killed, the line tells what is left of it.
INSERT INTO ops.staged (delivery_id, table_name)
VALUES (%(delivery_id)s, %(table_name)s);
