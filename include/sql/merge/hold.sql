UPDATE ops.delivery
SET
    status = 'held',
    problem = %(problem)s,
    details = details || jsonb_build_object('shrinks', %(parts)s::text [])
WHERE delivery_id = %(delivery_id)s AND status <> 'merged';
