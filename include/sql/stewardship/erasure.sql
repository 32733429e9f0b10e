-- Who a request is about, and what is kept of an erasure.

-- section: roster
SELECT DISTINCT
    institution_id,
    email,
    other_emails,
    name,
    edx_username AS "edx username",
    edx_user_id AS "edx user_id",
    vocareum_user_id AS "vocareum user_id",
    echo360_user_id AS "echo360 user_id"
FROM people.roster
WHERE lower(institution_id) = ANY(%(institution_id)s)
    OR lower(edx_username) = ANY(%(edx username)s)
    OR lower(edx_user_id) = ANY(%(edx user_id)s)
    OR lower(vocareum_user_id) = ANY(%(vocareum user_id)s)
    OR lower(echo360_user_id) = ANY(%(echo360 user_id)s)
    OR lower(email) = ANY(%(email)s);

-- section: accounts
-- All accounts of the people of whom one is named: by its id, or by an address that no other
-- person's account has.
WITH owner AS (
    SELECT
        d.address,
        array_agg(DISTINCT coalesce(l.person_id, a.own_person_id)) AS people
    FROM people.account_address AS d
    INNER JOIN people.account AS a ON d.account_id = a.account_id
    LEFT JOIN people.link AS l ON a.account_id = l.account_id
    WHERE d.address = ANY(%(email)s)
    GROUP BY d.address
),

person AS (
    SELECT coalesce(l.person_id, a.own_person_id) AS person_id
    FROM people.account AS a
    LEFT JOIN people.link AS l ON a.account_id = l.account_id
    WHERE (
        (a.source || ' ' || a.kind, lower(a.value)) IN (
            SELECT * FROM unnest(%(kinds)s::text [], %(values)s::text [])
        )
        AND (%(origin)s::text IS NULL OR a._origin = %(origin)s)
    )
    OR (a.kind = 'email' AND a.value = ANY(%(email)s))
    OR coalesce(l.person_id, a.own_person_id) = ANY(%(people)s::uuid [])
    UNION
    SELECT people[1] FROM owner
    WHERE cardinality(people) = 1
)

SELECT
    a.source,
    a._origin,
    a.kind,
    a.value,
    ARRAY(
        SELECT d.address
        FROM people.account_address AS d
        WHERE d.account_id = a.account_id
            AND NOT EXISTS (
                SELECT FROM people.account_address AS other
                INNER JOIN people.account AS b ON other.account_id = b.account_id
                LEFT JOIN people.link AS m ON b.account_id = m.account_id
                WHERE other.address = d.address
                    AND coalesce(m.person_id, b.own_person_id) <> coalesce(l.person_id, a.own_person_id)
            )
    ) AS addresses
FROM people.account AS a
LEFT JOIN people.link AS l ON a.account_id = l.account_id
WHERE coalesce(l.person_id, a.own_person_id) IN (SELECT person_id FROM person)
ORDER BY a.account_id;

-- section: origins
SELECT DISTINCT
    split_part(dataset, '.', 1) AS source,
    origin
FROM ops.delivery
WHERE split_part(dataset, '.', 1) <> 'people';

-- section: edx_ids
SELECT DISTINCT
    _origin,
    user_id::text AS value
FROM edx.event
WHERE (_origin, lower(username)) IN (SELECT * FROM unnest(%(origins)s::text [], %(values)s::text []))
    AND user_id IS NOT NULL;

-- section: edx_names
SELECT DISTINCT
    _origin,
    username AS value
FROM edx.event
WHERE (_origin, user_id::text) IN (SELECT * FROM unnest(%(origins)s::text [], %(values)s::text []))
    AND username <> '';

-- section: names
WITH person AS (
    SELECT DISTINCT
        p._origin,
        p.user_id
    FROM unnest(%(origins)s::text [], %(values)s::text []) AS p (_origin, user_id)
)

SELECT r.name FROM vocareum.enrollment AS r
INNER JOIN person AS p ON r._origin = p._origin AND r.userid = p.user_id
UNION
SELECT concat_ws(' ', r.first_name, r.last_name) FROM echo360.videoview AS r
INNER JOIN person AS p ON r._origin = p._origin AND r.user_id = p.user_id
UNION
SELECT concat_ws(' ', r.first_name, r.last_name) FROM echo360.presentation AS r
INNER JOIN person AS p ON r._origin = p._origin AND r.user_id = p.user_id
UNION
SELECT concat_ws(' ', r.first_name, r.last_name) FROM echo360.viewsessions AS r
INNER JOIN person AS p ON r._origin = p._origin AND r.user_id = p.user_id;

-- section: enter
INSERT INTO stewardship.erasure (erasure_id, requested_at, due_at)
VALUES (%(erasure_id)s, %(requested_at)s, %(due_at)s)
ON CONFLICT (erasure_id) DO UPDATE SET done_at = NULL;

-- section: bury
INSERT INTO stewardship.tombstone (hash, erasure_id)
SELECT
    h.hash,
    %(erasure_id)s
FROM unnest(%(hashes)s::bytea []) AS h (hash)
ON CONFLICT DO NOTHING;

-- section: known
SELECT
    e.erasure_id::text AS erasure_id,
    count(t.hash) AS tombstones
FROM stewardship.erasure AS e
LEFT JOIN stewardship.tombstone AS t ON e.erasure_id = t.erasure_id
GROUP BY e.erasure_id;

-- section: tables
SELECT DISTINCT relation AS name
FROM stewardship.column_class
WHERE side IS NOT NULL
ORDER BY name;

-- section: listed
SELECT to_jsonb(t)::text AS line
FROM {table} AS t
WHERE {named};

-- section: count
UPDATE stewardship.erasure AS e
SET counts = counts || jsonb_build_object(
    %(place)s::text, coalesce((counts ->> %(place)s)::bigint, 0) + n.rows
)
FROM unnest(%(erasures)s::uuid [], %(rows)s::bigint []) AS n (erasure_id, rows)
WHERE e.erasure_id = n.erasure_id;

-- section: move_merged
-- In the ledger the rows that went count as erased.
UPDATE ops.delivery AS d
SET
    rows_merged = rows_merged - g.rows,
    rows_erased = rows_erased + g.rows
FROM unnest(%(deliveries)s::bigint [], %(rows)s::bigint []) AS g (delivery_id, rows)
WHERE d.delivery_id = g.delivery_id;

-- section: rejected
SELECT
    r.delivery_id,
    r._row,
    r.raw || ' ' || r.reason AS raw,
    d.dataset,
    d.origin
FROM ops.rejected_row AS r
INNER JOIN ops.delivery AS d ON r.delivery_id = d.delivery_id
ORDER BY d.dataset, d.origin;

-- section: forget_rejected
DELETE FROM ops.rejected_row AS r
USING unnest(%(deliveries)s::bigint [], %(rows)s::bigint []) AS f (delivery_id, _row)
WHERE r.delivery_id = f.delivery_id AND r._row = f._row
RETURNING r.delivery_id;

-- section: move_rejected
UPDATE ops.delivery AS d
SET
    rows_rejected = rows_rejected - g.rows,
    rows_erased = rows_erased + g.rows
FROM unnest(%(deliveries)s::bigint [], %(rows)s::bigint []) AS g (delivery_id, rows)
WHERE d.delivery_id = g.delivery_id;

-- section: headers
SELECT
    dataset,
    origin,
    header
FROM ops.schema_change;

-- section: forget_headers
DELETE FROM ops.schema_change
WHERE dataset = %(dataset)s AND origin = %(origin)s AND header = ANY(%(headers)s::text []);

-- section: all_accounts
SELECT
    account_id,
    source,
    _origin,
    kind,
    value
FROM people.account;

-- section: all_addresses
SELECT DISTINCT address FROM people.account_address;

-- section: forget_accounts
DELETE FROM people.account
WHERE account_id = ANY(%(accounts)s::bigint []);

-- section: forget_addresses
DELETE FROM people.account_address
WHERE address = ANY(%(addresses)s::text []);

-- section: forget_conflicts
DELETE FROM people.conflict
WHERE accounts && %(accounts)s::bigint [] OR value = ANY(%(addresses)s::text []);

-- section: forget_changed
UPDATE ops.changed_day
SET accounts = ARRAY(SELECT a.name FROM unnest(accounts) AS a (name) WHERE a.name <> ALL(%(names)s::text []))
WHERE accounts && %(names)s::text [];

-- section: forget_to_refresh
UPDATE ops.to_refresh
SET accounts = ARRAY(SELECT a.name FROM unnest(accounts) AS a (name) WHERE a.name <> ALL(%(names)s::text []))
WHERE accounts && %(names)s::text [];

-- section: marts
SELECT c.relation AS name
FROM stewardship.column_class AS c
INNER JOIN pg_class AS r ON r.oid = c.relation::regclass
WHERE c.relation LIKE 'activity.%%' AND c.name = 'account_id' AND r.relkind IN ('r', 'p')
ORDER BY name;

-- section: forget_marts
WITH gone AS (
    DELETE FROM {table}
    WHERE account_id = ANY(%(accounts)s::bigint [])
    RETURNING account_id
)

SELECT
    account_id,
    count(*) AS rows
FROM gone
GROUP BY account_id;

-- section: open
SELECT erasure_id::text AS erasure_id
FROM stewardship.erasure
WHERE done_at IS NULL
ORDER BY requested_at, erasure_id;

-- section: close
UPDATE stewardship.erasure
SET done_at = coalesce(done_at, now())
WHERE erasure_id = ANY(%(erasures)s::uuid [])
RETURNING erasure_id::text, requested_at, due_at, done_at, counts;

-- section: late
SELECT
    count(*) AS erasures,
    min(due_at) AS due_at
FROM stewardship.erasure
WHERE done_at IS NULL AND due_at < now() + make_interval(days => %(days)s);

-- section: settle
-- What statistics and dead rows still hold.
SELECT DISTINCT c.relation AS name
FROM stewardship.column_class AS c
INNER JOIN pg_class AS r ON r.oid = c.relation::regclass
WHERE r.relkind IN ('r', 'p') AND c.class <> 'none'
ORDER BY name;

-- section: vacuum
VACUUM (FULL, ANALYZE) {table};
