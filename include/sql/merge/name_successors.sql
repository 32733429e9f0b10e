-- A delivery of which nothing stands any more names the one that took its place.
UPDATE ops.delivery AS d
SET superseded_by = r.successor
FROM unnest(%(replaced)s::bigint [], %(successors)s::bigint []) AS r (delivery_id, successor)
WHERE d.delivery_id = r.delivery_id
    AND r.successor <> r.delivery_id
    AND NOT EXISTS (SELECT FROM ops.standing AS s WHERE s.delivery_id = d.delivery_id);
