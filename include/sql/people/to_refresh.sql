-- From what merges wrote down to what has to be computed again.

-- section: take
-- With the days before and after it that a day has a part in. What has no day has accounts only, and
-- the institution's lists have none: matching looks at all of them. Where only a few accounts of a day
-- changed, it is for them alone, until there are too many of them.
WITH changed AS (
    DELETE FROM ops.changed_day
    RETURNING split_part(dataset, '.', 1) AS source, origin, day, accounts
)

INSERT INTO ops.to_refresh AS r (what, origin, day, accounts)
SELECT
    w.what || ' ' || c.source,
    c.origin,
    c.day + n.n,
    CASE
        WHEN bool_and(c.accounts IS NOT NULL) AND count(DISTINCT a.account) <= 10000
            THEN array_agg(DISTINCT a.account)
    END
FROM changed AS c
INNER JOIN (
    VALUES
    ('people.account', 'vocareum', 0, 0),
    ('people.account', 'echo360', 0, 0),
    ('people.account', 'edx', 0, 0),
    ('activity', 'vocareum', 0, 1),
    ('activity', 'echo360', -3, 3),
    ('activity', 'edx', -1, 1)
) AS w (what, source, earliest, latest) ON c.source = w.source
CROSS JOIN generate_series(w.earliest, w.latest) AS n (n)
LEFT JOIN LATERAL unnest(c.accounts) AS a (account) ON TRUE
WHERE (c.day IS NOT NULL OR w.what = 'people.account')
    AND (c.accounts IS NULL OR a.account IS NOT NULL)
    AND NOT EXISTS (
        SELECT FROM activity.whole_since AS s
        WHERE w.what = 'activity' AND c.source = s.source AND c.day + n.n < s.first_day
    )
GROUP BY w.what, c.source, c.origin, c.day + n.n
ON CONFLICT (what, origin, day) DO UPDATE
    SET accounts = CASE
        WHEN r.accounts IS NOT NULL
            AND excluded.accounts IS NOT NULL
            AND cardinality(r.accounts || excluded.accounts) <= 10000
            THEN r.accounts || excluded.accounts
    END;

-- section: batch
-- Days of everybody, or days of a few accounts. The lines go with the transaction that has computed them.
DELETE FROM ops.to_refresh
WHERE ctid = ANY(
    ARRAY(
        SELECT ctid FROM ops.to_refresh
        WHERE what = %(what)s AND (accounts IS NULL) = %(everybody)s
        ORDER BY day
        LIMIT %(limit)s
    )
)
RETURNING origin, day, accounts;
