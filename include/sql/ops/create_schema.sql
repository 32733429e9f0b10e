-- CREATE SCHEMA IF NOT EXISTS asks for the right to create one even where it is there.
DO $$
BEGIN
    IF to_regnamespace('ops') IS NULL THEN
        CREATE SCHEMA ops;
    END IF;
END
$$;
