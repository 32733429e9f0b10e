-- What stands of tables that are replaced by UTC days: the days that are looked at, and the last one
-- before them, which tells that loading had begun.
SELECT
    pair.dataset,
    pair.origin,
    standing.part::date AS first_day,
    standing.part::date + 1 AS end_day,
    standing.made_at,
    1 AS stands,
    0 AS waiting,
    d.rows_rejected
FROM unnest(%(datasets)s::text [], %(origins)s::text []) AS pair (dataset, origin)
CROSS JOIN LATERAL (
    SELECT
        s.part,
        s.made_at,
        s.delivery_id
    FROM ops.standing AS s
    WHERE s.dataset = pair.dataset
        AND s.origin = pair.origin
        AND s.part >= %(first_day)s::date::text
        AND s.part < %(end_day)s::date::text
    UNION ALL
    (
        SELECT
            s.part,
            s.made_at,
            s.delivery_id
        FROM ops.standing AS s
        WHERE s.dataset = pair.dataset
            AND s.origin = pair.origin
            AND s.part < %(first_day)s::date::text
        ORDER BY s.part DESC
        LIMIT 1
    )
) AS standing
INNER JOIN ops.delivery AS d ON standing.delivery_id = d.delivery_id;
