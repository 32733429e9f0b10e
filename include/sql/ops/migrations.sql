-- Around the migrations, which yoyo applies.

-- section: applied
SELECT migration_id FROM ops._yoyo_migration;

-- section: create_lock
-- CREATE SCHEMA IF NOT EXISTS needs the right to create one even where it exists. Sessions that
-- come here at the same time wait for the first one.
DO $$
BEGIN
    IF to_regclass('ops.migration_lock') IS NOT NULL THEN
        RETURN;
    END IF;
    IF to_regnamespace('ops') IS NULL THEN
        CREATE SCHEMA ops;
    END IF;
    CREATE TABLE ops.migration_lock (only_row boolean PRIMARY KEY CHECK (only_row));
    INSERT INTO ops.migration_lock VALUES (TRUE);
    COMMENT ON TABLE ops.migration_lock IS 'One row: who migrates locks it. Readers have no right to.';
    COMMENT ON COLUMN ops.migration_lock.only_row IS 'Always true.';
EXCEPTION
    WHEN duplicate_schema OR duplicate_table OR unique_violation THEN NULL;
END
$$;

-- section: never_idle
-- The migrations go over a connection of their own.
SELECT set_config('idle_in_transaction_session_timeout', '0', TRUE);

-- section: lock
SELECT only_row FROM ops.migration_lock
FOR UPDATE;
