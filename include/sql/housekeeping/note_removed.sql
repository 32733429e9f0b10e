UPDATE ops.delivery
SET removed_at = now()
WHERE delivery_id = ANY(%(deliveries)s);
