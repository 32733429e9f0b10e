-- From what merges wrote down to what has to be computed again.

-- section: take
-- A dataset of the lists has no part in it: matching looks at all of them.
WITH changed AS (
    DELETE FROM ops.changed_day
    RETURNING dataset, origin, day
)

INSERT INTO ops.to_refresh (what, origin, day)
SELECT DISTINCT
    'people.account ' || split_part(dataset, '.', 1),
    origin,
    day
FROM changed
WHERE split_part(dataset, '.', 1) IN ('vocareum', 'echo360', 'edx')
ON CONFLICT DO NOTHING;

-- section: batch
-- The lines go with the transaction that has computed them.
DELETE FROM ops.to_refresh
WHERE ctid = ANY(
    ARRAY(
        SELECT ctid FROM ops.to_refresh
        WHERE what = %(what)s
        ORDER BY day
        LIMIT %(limit)s
    )
)
RETURNING origin, day;
