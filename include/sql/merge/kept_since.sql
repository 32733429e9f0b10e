-- Rows of days that are not kept any more leave the staging table before days and files are compared.

-- section: by_row
WITH gone AS (
    DELETE FROM {staging}
    WHERE {clock} < (SELECT k.first_day FROM ops.kept_since AS k WHERE k.dataset = %(dataset)s)::timestamptz
        AND EXISTS (SELECT FROM ops.kept_since AS k WHERE k.dataset = %(dataset)s)
    RETURNING _delivery
)

SELECT
    _delivery AS delivery_id,
    count(*) AS rows
FROM gone
GROUP BY _delivery;

-- section: by_file
WITH gone AS (
    DELETE FROM {staging}
    WHERE _delivery IN (
        SELECT o.delivery_id FROM ops.outlived_delivery AS o
        WHERE o.dataset = %(dataset)s AND o.delivery_id = ANY(%(deliveries)s)
    )
    AND EXISTS (SELECT FROM ops.kept_since AS k WHERE k.dataset = %(dataset)s)
    RETURNING _delivery
)

SELECT
    _delivery AS delivery_id,
    count(*) AS rows
FROM gone
GROUP BY _delivery;
