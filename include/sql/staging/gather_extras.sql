-- Each header that the table lacks has a text column of its own; together they are _extras.
ALTER TABLE {staging}
    DROP COLUMN _extras,
    {extra_columns},
    ADD COLUMN _extras jsonb GENERATED ALWAYS AS (
        nullif(jsonb_strip_nulls(jsonb_object({headers}, ARRAY[{extra_names}])), '{{}}'::jsonb)
    ) STORED;
