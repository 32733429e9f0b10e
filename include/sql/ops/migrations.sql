-- Around the migrations, which yoyo applies.

-- section: applied
SELECT migration_id FROM ops._yoyo_migration;

-- section: lock
SELECT pg_advisory_lock(hashtextextended('learning_warehouse migrations', 0));

-- section: unlock
SELECT pg_advisory_unlock(hashtextextended('learning_warehouse migrations', 0));

-- section: create_schema
-- CREATE SCHEMA IF NOT EXISTS asks for the right to create one even where it is there.
DO $$
BEGIN
    IF to_regnamespace('ops') IS NULL THEN
        CREATE SCHEMA ops;
    END IF;
END
$$;
