-- What all tables have in common of which parts are replaced: a UTC day, or a file of the vendor.

-- section: insert
INSERT INTO {target} ({columns}, _origin, _delivery, _row, _extras)
SELECT
    {values},
    %(origin)s,
    _delivery,
    _row,
    {extras}
FROM {staging}
WHERE %(is_all)s OR ({is_renewed});

-- section: make_current
-- From now on these parts are as a delivery brought them; one that was only confirmed keeps the
-- delivery that brought its rows.
INSERT INTO ops.current_part AS c (dataset, origin, part, delivery_id, made_at, version)
SELECT
    %(dataset)s,
    %(origin)s,
    p.part,
    p.delivery_id,
    p.made_at,
    p.version
FROM
    unnest(
        %(parts)s::text [], %(deliveries)s::bigint [], %(made_at)s::timestamptz [], %(versions)s::text []
    ) AS p (part, delivery_id, made_at, version)
ON CONFLICT (dataset, origin, part) DO UPDATE
    SET
        delivery_id = excluded.delivery_id,
        made_at = excluded.made_at,
        version = excluded.version;

-- section: name_successors
-- A delivery of which nothing is current any more names the one that took its place.
UPDATE ops.delivery AS d
SET superseded_by = r.successor
FROM unnest(%(replaced)s::bigint [], %(successors)s::bigint []) AS r (delivery_id, successor)
WHERE d.delivery_id = r.delivery_id
    AND r.successor <> r.delivery_id
    AND NOT EXISTS (SELECT FROM ops.current_part AS c WHERE c.delivery_id = d.delivery_id);

-- section: first_reason
-- Why the first row of a delivery was rejected, without the values that the reason quotes.
SELECT
    line,
    left(regexp_replace(reason, $$E?'([^']|'')*'$$, '…', 'g'), 200) AS reason
FROM {rejected}
WHERE _delivery = %(delivery_id)s
ORDER BY _row
LIMIT 1;
