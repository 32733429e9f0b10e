-- section: create
-- The records of a file as text, field by field, with what the casts need to say of a refused one.
CREATE TEMPORARY TABLE raw_record (
    _row bigint,
    _line bigint,
    _raw text,
    _reason text,
    _extras jsonb,
    {columns}
) ON COMMIT DROP;

-- section: copy
COPY raw_record FROM STDIN;

-- section: is_cast
SELECT set_config('learning_warehouse.is_cast', 'yes', TRUE);

-- section: cast
-- Every field through its type's one tolerant cast; a record with a refused field goes aside whole.
WITH record AS MATERIALIZED (
    SELECT
        raw._row,
        raw._line,
        raw._raw,
        raw._extras,
        {casts},
        concat_ws('; ', raw._reason, {refusals}) AS _reason
    FROM raw_record AS raw
),

accepted AS (
    INSERT INTO {rows} (_row, _extras, {columns})
    SELECT
        _row,
        _extras,
        {columns}
    FROM record
    WHERE _reason = ''
    ORDER BY _row
)

INSERT INTO {rejected} (_row, line, raw, reason)
SELECT
    _row,
    _line,
    _raw,
    _reason
FROM record
WHERE _reason <> '';
