INSERT INTO ops.schema_change (dataset, origin, header, change, delivery_id)
VALUES (%(dataset)s, %(origin)s, %(header)s, %(change)s, %(delivery_id)s)
ON CONFLICT DO NOTHING;
