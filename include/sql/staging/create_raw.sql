-- The records of a file as text, field by field, with what the casts need to say of a refused one.
CREATE TEMPORARY TABLE raw_record (
    _row bigint,
    _line bigint,
    _raw text,
    _reason text,
    _extras jsonb,
    {columns}
) ON COMMIT DROP;
