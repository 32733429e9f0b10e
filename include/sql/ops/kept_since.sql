-- What goes because its day is not kept any more.

-- section: raise
INSERT INTO ops.kept_since AS k (dataset, first_day)
VALUES (%(dataset)s, %(first_day)s)
ON CONFLICT (dataset) DO UPDATE
    SET first_day = excluded.first_day
    WHERE k.first_day < excluded.first_day;

-- section: first_day
SELECT first_day FROM ops.kept_since
WHERE dataset = %(dataset)s;

-- section: forget_refresh
DELETE FROM ops.to_refresh AS r
USING activity.whole_since AS w
WHERE r.what = 'activity ' || w.source AND r.day < w.first_day;

-- section: landed
-- What lies in the landing zone, loaded or not.
SELECT
    d.delivery_id, d.dataset, d.origin, d.name, d.version, d.made_at,
    d.first_day, d.end_day, d.uri, d.size, d.details, d.status, d.problem, d.removed_at
FROM ops.delivery AS d
WHERE d.delivery_id IN (SELECT o.delivery_id FROM ops.outlived_delivery AS o WHERE o.dataset = %(dataset)s)
    AND d.removed_at IS NULL
    AND starts_with(d.uri, %(place)s)
ORDER BY d.delivery_id
LIMIT 100
FOR NO KEY UPDATE OF d SKIP LOCKED;

-- section: landed_of_partition
-- Logs that have rows in a partition that goes, and no row that is kept.
SELECT
    d.delivery_id, d.dataset, d.origin, d.name, d.version, d.made_at,
    d.first_day, d.end_day, d.uri, d.size, d.details, d.status, d.problem, d.removed_at
FROM ops.delivery AS d
WHERE d.delivery_id IN (SELECT p._delivery FROM {partition} AS p)
    AND d.removed_at IS NULL
    AND d.rows_duplicate = 0
    AND starts_with(d.uri, %(place)s)
    AND NOT EXISTS (
        SELECT FROM {target} AS kept
        WHERE kept._delivery = d.delivery_id
            AND kept.{clock} >= %(first_day)s::date::timestamptz
    )
ORDER BY d.delivery_id
LIMIT 100
FOR NO KEY UPDATE OF d SKIP LOCKED;

-- section: note_removed
-- What was waiting waits no longer.
UPDATE ops.delivery
SET
    removed_at = now(),
    status = CASE WHEN status IN ('landed', 'held') THEN 'merged' ELSE status END,
    problem = NULL,
    rows_filtered = rows_filtered + rows_held,
    rows_held = 0
WHERE delivery_id = ANY(%(deliveries)s);

-- section: rejected_of
DELETE FROM ops.rejected_row
WHERE delivery_id = ANY(%(deliveries)s);

-- section: rejected
DELETE FROM ops.rejected_row
WHERE delivery_id IN (SELECT o.delivery_id FROM ops.outlived_delivery AS o WHERE o.dataset = %(dataset)s);

-- section: by_clock
{clock} < %(first_day)s::date::timestamptz

-- section: by_file
_delivery IN (SELECT o.delivery_id FROM ops.outlived_delivery AS o WHERE o.dataset = %(dataset)s)

-- section: count
SELECT count(*) AS rows FROM {target}
WHERE {is_too_old};

-- section: delete
DELETE FROM {target}
WHERE {is_too_old};

-- section: partitions
-- By name: one that was detached and not dropped yet is found too.
SELECT
    c.relname AS name,
    i.inhrelid IS NOT NULL AS is_attached,
    coalesce(i.inhdetachpending, FALSE) AS is_pending
FROM pg_class AS c
LEFT JOIN pg_inherits AS i ON c.oid = i.inhrelid AND i.inhparent = to_regclass(%(dataset)s)
WHERE c.relnamespace = to_regnamespace(split_part(%(dataset)s, '.', 1))
    AND c.relkind = 'r'
    AND c.relname ~ ('^' || split_part(%(dataset)s, '.', 2) || '_\d\d\d\d_\d\d$')
    AND to_date(right(c.relname, 7), 'YYYY_MM') < %(first_day)s
ORDER BY c.relname;

-- section: detach
ALTER TABLE {target} DETACH PARTITION {partition} CONCURRENTLY;

-- section: finalize
ALTER TABLE {target} DETACH PARTITION {partition} FINALIZE;

-- section: drop
DROP TABLE {partition};
