-- What is not there yet, by the table's key. In the order of the key: two merges of overlapping
-- rows at once would deadlock otherwise. A row that stands twice in the log is taken where it stands
-- first.

-- section: take_out
DELETE FROM {target}
WHERE _delivery = %(delivery_id)s;

-- section: months
SELECT DISTINCT date_trunc('month', day, 'UTC')::date AS month
FROM (
    SELECT DISTINCT date_bin('1 day', {clock}, '2000-01-01 00:00:00Z') AS day
    FROM {staging}
) AS days
ORDER BY month;

-- section: memory
-- For the sort of one log's rows, which would go by way of the disk.
SET LOCAL work_mem = '128MB';

-- section: insert_new
-- It fails where the table has one of the rows. ON CONFLICT would not, and takes half as long again.
INSERT INTO {target} ({columns}, _origin, _delivery, _row, _extras)
SELECT DISTINCT ON ({key})
    {columns},
    _origin,
    _delivery,
    _row,
    _extras
FROM {staging}
ORDER BY {key}, _row;

-- section: insert
INSERT INTO {target} ({columns}, _origin, _delivery, _row, _extras)
SELECT DISTINCT ON ({key})
    {columns},
    _origin,
    _delivery,
    _row,
    _extras
FROM {staging}
ORDER BY {key}, _row
ON CONFLICT DO NOTHING;
