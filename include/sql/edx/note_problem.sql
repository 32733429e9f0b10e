UPDATE ops.delivery
SET problem = %(problem)s
WHERE delivery_id = ANY(%(deliveries)s) AND status <> 'merged';
