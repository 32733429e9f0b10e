-- From what merges wrote down to what has to be computed again.

-- section: take
-- With the days before and after it that a day has a part in. What has no day has accounts only, and
-- the institution's lists have none: matching looks at all of them.
WITH changed AS (
    DELETE FROM ops.changed_day
    RETURNING split_part(dataset, '.', 1) AS source, origin, day
)

INSERT INTO ops.to_refresh (what, origin, day)
SELECT DISTINCT
    w.what || ' ' || c.source,
    c.origin,
    c.day + n.n
FROM changed AS c
INNER JOIN (
    VALUES
    ('people.account', 'vocareum', 0, 0),
    ('people.account', 'echo360', 0, 0),
    ('people.account', 'edx', 0, 0),
    ('activity.course_day', 'vocareum', 0, 1),
    ('activity.course_day', 'echo360', -3, 3),
    ('activity.course_day', 'edx', -1, 1)
) AS w (what, source, earliest, latest) ON c.source = w.source
CROSS JOIN generate_series(w.earliest, w.latest) AS n (n)
WHERE c.day IS NOT NULL OR w.what = 'people.account'
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
