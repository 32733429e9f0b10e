-- Which accounts are one person: by the roster, then by e-mail addresses. The result depends on what is
-- there, and not on the order in which it came. In one transaction, in this order.

-- section: keys
-- What an account is known by: a person of the roster, who names its name or id, or an address.
CREATE TEMPORARY TABLE match_key ON COMMIT DROP AS
WITH person AS (
    SELECT
        coalesce('id ' || institution_id, 'row ' || _delivery || ' ' || _row) AS person,
        r.*
    FROM people.roster AS r
),

named AS (
    SELECT
        p.person,
        n.source,
        n.kind,
        lower(n.value) AS value
    FROM person AS p
    CROSS JOIN LATERAL (
        VALUES
        ('edx', 'username', p.edx_username),
        ('edx', 'user_id', p.edx_user_id),
        ('vocareum', 'user_id', p.vocareum_user_id),
        ('echo360', 'user_id', p.echo360_user_id)
    ) AS n (source, kind, value)
    WHERE n.value IS NOT NULL
)

SELECT
    a.account_id,
    'roster' AS evidence,
    n.person AS key,
    a.source,
    a._origin,
    a.kind,
    a.value
FROM named AS n
INNER JOIN people.account AS a
    ON n.source = a.source AND n.kind = a.kind AND n.value = lower(a.value)
UNION
SELECT
    a.account_id,
    'email' AS evidence,
    d.address AS key,
    a.source,
    a._origin,
    a.kind,
    a.value
FROM people.account_address AS d
INNER JOIN people.account AS a ON d.account_id = a.account_id;

-- section: addresses
CREATE TEMPORARY TABLE match_address ON COMMIT DROP AS
SELECT DISTINCT
    coalesce('id ' || r.institution_id, 'row ' || r._delivery || ' ' || r._row) AS person,
    people.address(a.address) AS address
FROM people.roster AS r
CROSS JOIN LATERAL regexp_split_to_table(concat_ws(' ', r.email, r.other_emails), '[\s,;]+') AS a (address)
WHERE people.address(a.address) IS NOT NULL;

-- section: forget_conflicts
DELETE FROM people.conflict;

-- section: claimed_twice
WITH claimed AS (
    SELECT account_id
    FROM match_key
    WHERE evidence = 'roster'
    GROUP BY account_id
    HAVING count(*) > 1
),

unused AS (
    DELETE FROM match_key AS k
    USING claimed AS c
    WHERE k.account_id = c.account_id AND k.evidence = 'roster'
    RETURNING k.*
)

INSERT INTO people.conflict (reason, value, accounts)
SELECT DISTINCT
    'account claimed twice',
    concat_ws(' ', source, kind, value),
    ARRAY[account_id]
FROM unused;

-- section: shared_addresses
-- An account that is known by nothing but the address does not make it a shared one.
WITH shared AS (
    SELECT key
    FROM match_key
    WHERE evidence = 'email' AND kind <> 'email'
    GROUP BY source, _origin, key
    HAVING count(*) > 1
    UNION
    SELECT address
    FROM (
        SELECT
            address,
            person
        FROM match_address
        UNION
        SELECT
            e.key,
            r.key
        FROM match_key AS e
        INNER JOIN match_key AS r ON e.account_id = r.account_id AND r.evidence = 'roster'
        WHERE e.evidence = 'email'
    ) AS claim
    GROUP BY address
    HAVING count(*) > 1
),

unused AS (
    DELETE FROM match_key AS k
    USING shared AS s
    WHERE k.key = s.key AND k.evidence = 'email'
    RETURNING k.key, k.account_id
)

INSERT INTO people.conflict (reason, value, accounts)
SELECT
    'shared address',
    key,
    array_agg(account_id ORDER BY account_id)
FROM unused
GROUP BY key;

-- section: edges
-- All that an account is joined by: a person of the roster joins those who are named for them and those
-- who have one of their addresses.
CREATE TEMPORARY TABLE match_edge ON COMMIT DROP AS
SELECT
    account_id,
    evidence,
    evidence || ' ' || key AS node
FROM match_key
UNION
SELECT
    k.account_id,
    k.evidence,
    'roster ' || a.person AS node
FROM match_key AS k
INNER JOIN match_address AS a ON k.key = a.address
WHERE k.evidence = 'email';

CREATE INDEX ON match_edge (node);

CREATE INDEX ON match_edge (account_id);

ANALYZE match_edge;

-- section: disagreeing
-- Accounts whose addresses lead, by way of others, to several people of the roster: of these no address
-- is used.
WITH RECURSIVE reached AS (
    SELECT
        account_id AS beginning,
        account_id
    FROM match_edge
    UNION
    SELECT
        r.beginning,
        other.account_id
    FROM reached AS r
    INNER JOIN match_edge AS mine ON r.account_id = mine.account_id
    INNER JOIN match_edge AS other ON mine.node = other.node
),

disagreeing AS (
    SELECT r.beginning AS account_id
    FROM reached AS r
    INNER JOIN match_edge AS e ON r.account_id = e.account_id
    WHERE starts_with(e.node, 'roster ')
    GROUP BY r.beginning
    HAVING count(DISTINCT e.node) > 1
),

unused AS (
    DELETE FROM match_edge AS e
    USING disagreeing AS d
    WHERE e.account_id = d.account_id AND e.evidence = 'email'
    RETURNING e.account_id, e.node
)

INSERT INTO people.conflict (reason, value, accounts)
SELECT
    'people disagree',
    substr(node, 7),
    array_agg(account_id ORDER BY account_id)
FROM unused
WHERE starts_with(node, 'email ')
GROUP BY node;

-- section: link
WITH RECURSIVE reached AS (
    SELECT
        account_id AS beginning,
        account_id
    FROM match_edge
    UNION
    SELECT
        r.beginning,
        other.account_id
    FROM reached AS r
    INNER JOIN match_edge AS mine ON r.account_id = mine.account_id
    INNER JOIN match_edge AS other ON mine.node = other.node
),

matched AS (
    SELECT
        a.account_id,
        CASE
            WHEN bool_or(e.evidence = 'roster') THEN 'roster'
            WHEN count(DISTINCT r.account_id) > 1 OR bool_or(starts_with(e.node, 'roster ')) THEN 'email'
            ELSE 'alone'
        END AS evidence,
        coalesce(min(r.account_id), a.account_id) AS first_account
    FROM people.account AS a
    LEFT JOIN match_edge AS e ON a.account_id = e.account_id
    LEFT JOIN reached AS r ON a.account_id = r.beginning
    GROUP BY a.account_id
),

role AS (
    SELECT DISTINCT ON (m.first_account)
        m.first_account,
        p.role
    FROM matched AS m
    INNER JOIN match_edge AS e ON m.account_id = e.account_id
    INNER JOIN (
        SELECT
            'roster ' || coalesce('id ' || institution_id, 'row ' || _delivery || ' ' || _row) AS node,
            r.role
        FROM people.roster AS r
        WHERE r.role IS NOT NULL
    ) AS p ON e.node = p.node
    ORDER BY m.first_account ASC, people.is_staff(p.role) DESC, p.role ASC
)

INSERT INTO people.link AS l (account_id, person_id, evidence, role)
SELECT
    m.account_id,
    f.own_person_id,
    m.evidence,
    r.role
FROM matched AS m
INNER JOIN people.account AS f ON m.first_account = f.account_id
LEFT JOIN role AS r ON m.first_account = r.first_account
ON CONFLICT (account_id) DO UPDATE
    SET
        person_id = excluded.person_id,
        evidence = excluded.evidence,
        role = excluded.role,
        since = excluded.since
    WHERE (l.person_id, l.evidence, l.role) IS DISTINCT FROM (excluded.person_id, excluded.evidence, excluded.role);

-- section: counts
SELECT
    count(*) AS accounts,
    count(DISTINCT person_id) AS people,
    count(*) FILTER (WHERE evidence = 'roster') AS by_roster,
    count(*) FILTER (WHERE evidence = 'email') AS by_email,
    (SELECT count(*) FROM people.conflict) AS conflicts
FROM people.link;
