UPDATE ops.delivery
SET problem = %(problem)s
WHERE delivery_id = %(delivery_id)s AND status <> 'merged';
