-- The days of a table of activity: taken out, and computed again.

-- section: analyze
ANALYZE deed;

-- section: delete
DELETE FROM {table}
WHERE source = %(source)s
    AND (_origin, day) IN (SELECT * FROM unnest(%(origins)s::text [], %(days)s::date []))
    AND (
        %(accounts)s::text [] IS NULL
        OR account_id IN (
            SELECT account_id FROM people.account
            WHERE source = %(source)s AND kind = 'username' AND value = ANY(%(accounts)s::text [])
        )
    );

-- section: insert
INSERT INTO {table} ({columns})
{definition};

-- section: forget
-- What the table does not keep any more, see include/retention.toml.
DELETE FROM {table}
WHERE day < (SELECT k.first_day FROM ops.kept_since AS k WHERE k.dataset = %(dataset)s)
    AND EXISTS (SELECT FROM ops.kept_since AS k WHERE k.dataset = %(dataset)s);

-- section: all
-- For a rebuild: all days that have rows, of all origins.
INSERT INTO ops.changed_day (dataset, origin, day)
SELECT 'edx.event', _origin, (time AT TIME ZONE 'UTC')::date FROM edx.event GROUP BY 2, 3
UNION ALL
SELECT 'vocareum.lab_sessions', _origin, day FROM people.vocareum_user GROUP BY 2, 3
UNION ALL
SELECT 'echo360.videoview', _origin, (event_timestamp AT TIME ZONE 'UTC')::date
FROM people.echo360_user GROUP BY 2, 3
UNION ALL
SELECT source || '.', _origin, day FROM activity.course_day GROUP BY 1, 2, 3;
