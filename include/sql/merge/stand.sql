-- From now on these parts stand as this delivery left them; one that it only confirmed keeps the
-- delivery that brought its rows.
INSERT INTO ops.standing AS s (dataset, origin, part, delivery_id, made_at, version)
SELECT
    %(dataset)s,
    %(origin)s,
    part,
    %(delivery_id)s,
    %(made_at)s,
    %(version)s
FROM unnest(%(parts)s::text []) AS part
ON CONFLICT (dataset, origin, part) DO UPDATE
    SET
        delivery_id = CASE
            WHEN excluded.part = ANY(%(confirmed)s::text []) THEN s.delivery_id
            ELSE excluded.delivery_id
        END,
        made_at = excluded.made_at,
        version = excluded.version;
