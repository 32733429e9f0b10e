-- Which days a merge changed, of rows that came and of rows that went.

-- section: parts
INSERT INTO ops.changed_day (dataset, origin, day, delivery_id)
SELECT
    %(dataset)s,
    %(origin)s,
    p.part::date,
    p.delivery_id
FROM unnest(%(parts)s::text [], %(changed)s::bigint []) AS p (part, delivery_id);

-- section: rows
-- Of files whose rows know their day.
INSERT INTO ops.changed_day (dataset, origin, day, delivery_id)
SELECT DISTINCT
    %(dataset)s,
    %(origin)s,
    _day,
    _delivery
FROM {target}
WHERE _delivery = ANY(%(changed)s::bigint []);

-- section: files
INSERT INTO ops.changed_day (dataset, origin, day, delivery_id)
SELECT
    dataset,
    origin,
    first_day,
    delivery_id
FROM ops.delivery
WHERE delivery_id = ANY(%(changed)s::bigint []);
