-- What is not there yet, by the table's key. In the order of the key: two merges of overlapping
-- rows at once would deadlock otherwise. A row that came twice is taken from where it came first.
--
-- A few late rows change a day for a few users only, whose names go to ops.changed_day. Rows of
-- nobody (an empty name) change it for nobody.

-- section: take_out
WITH gone AS (
    DELETE FROM {target}
    WHERE _delivery = ANY(%(deliveries)s)
    RETURNING
        _delivery,
        {clock} AS at,
        CASE WHEN username <> '' OR user_id IS NULL THEN coalesce(username, '') END AS account
),

went AS (
    SELECT DISTINCT
        _delivery,
        (at AT TIME ZONE 'UTC')::date AS day,
        account
    FROM gone
)

INSERT INTO ops.changed_day (dataset, origin, day, accounts, delivery_id)
SELECT
    %(dataset)s,
    %(origin)s,
    day,
    CASE WHEN count(*) = count(account) AND count(*) <= 1000 THEN array_remove(array_agg(account), '') END,
    _delivery
FROM went
GROUP BY _delivery, day;

-- section: months
SELECT DISTINCT date_trunc('month', day, 'UTC')::date AS month
FROM (
    SELECT DISTINCT date_bin('1 day', {clock}, '2000-01-01 00:00:00Z') AS day
    FROM {staging}
) AS days
WHERE day >= coalesce(
    (SELECT k.first_day FROM ops.kept_since AS k WHERE k.dataset = %(dataset)s)::timestamptz, '-infinity'
)
ORDER BY month;

-- section: memory
-- For the sort of a batch's rows, which would go by way of the disk.
SELECT set_config('work_mem', '128MB', TRUE)
WHERE pg_size_bytes(current_setting('work_mem')) < pg_size_bytes('128MB');

-- section: insert
-- It fails where the table has one of the rows, and what it had inserted is left to VACUUM.
WITH inserted AS (
    INSERT INTO {target} ({columns}, _origin, _delivery, _row, _extras)
    SELECT DISTINCT ON ({key})
        {columns},
        %(origin)s,
        _delivery,
        _row,
        {extras}
    FROM {staging}
    WHERE %(is_all)s OR _delivery = ANY(%(deliveries)s)
    ORDER BY {key}, _delivery, _row

    -- section: or_leave
    -- With this behind it the insert does not fail, and takes half as long again: it is only for logs
    -- of which something is there. Of one that is there whole or in its beginning, the first row
    -- fails.
    ON CONFLICT DO NOTHING

    -- section: counts
    RETURNING
        _delivery,
        {clock} AS at,
        CASE WHEN username <> '' OR user_id IS NULL THEN coalesce(username, '') END AS account
),

came AS (
    SELECT
        _delivery,
        date_bin('1 day', at, '2000-01-01 00:00:00Z') AS day,
        account,
        count(*) AS rows
    FROM inserted
    GROUP BY _delivery, day, account
),

changed AS (
    INSERT INTO ops.changed_day (dataset, origin, day, accounts, delivery_id)
    SELECT
        %(dataset)s,
        %(origin)s,
        (day AT TIME ZONE 'UTC')::date,
        CASE WHEN count(*) = count(account) AND count(*) <= 1000 THEN array_remove(array_agg(account), '') END,
        _delivery
    FROM came
    GROUP BY _delivery, day
)

SELECT
    _delivery AS delivery_id,
    sum(rows)::bigint AS rows
FROM came
GROUP BY _delivery;
