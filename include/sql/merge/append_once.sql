-- What is not there yet, by the table's key. In the order of the key: two merges of overlapping
-- rows at once would deadlock otherwise.

-- section: take_out
DELETE FROM {target}
WHERE _delivery = %(delivery_id)s;

-- section: months
SELECT DISTINCT date_trunc('month', {clock}, 'UTC')::date AS month
FROM {staging}
ORDER BY month;

-- section: insert
INSERT INTO {target} ({columns}, _origin, _delivery, _row, _extras)
SELECT
    {columns},
    _origin,
    _delivery,
    _row,
    _extras
FROM {staging}
ORDER BY {key}
ON CONFLICT DO NOTHING;
