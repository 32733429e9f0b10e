UPDATE ops.delivery
SET status = 'held', problem = %(problem)s
WHERE delivery_id = %(delivery_id)s;
