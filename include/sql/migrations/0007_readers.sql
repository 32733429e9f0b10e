-- depends: 0006_edx_views

-- Reading the warehouse needs no more than the role learning_warehouse_reader. It is made here
-- where the login may make roles; where not, an administrator makes one of any name, and then
-- CALL ops.let_read('its name').

CREATE OR REPLACE PROCEDURE ops.let_read(reader name)
LANGUAGE plpgsql
AS $$
DECLARE
    data name;
    owner name := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'ops');
BEGIN
    FOREACH data IN ARRAY ARRAY['vocareum', 'echo360', 'edx', 'activity'] LOOP
        CONTINUE WHEN to_regnamespace(data) IS NULL;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', data, reader);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', data, reader);
        EXECUTE format(
            'ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT ON TABLES TO %I',
            owner, data, reader
        );
    END LOOP;
    EXECUTE format('GRANT USAGE ON SCHEMA ops TO %I', reader);
    EXECUTE format(
        'GRANT SELECT ON ops.delivery, ops.current_part, ops.failed_try, ops.schema_change, '
        'ops.report_request TO %I',
        reader
    );
    EXECUTE format(
        'GRANT SELECT (delivery_id, _row, line, rejected_at) ON ops.rejected_row TO %I', reader
    );
END
$$;

COMMENT ON PROCEDURE ops.let_read(name) IS 'Lets a role read all tables and views of vocareum, echo360, edx and activity, future ones and partitions too, and the ledger; of rejected rows where they were, but neither the raw text nor the reason, which quotes it: they may hold anything. To be called by the owner of the tables or an administrator; again and again does no harm.';

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'learning_warehouse_reader') THEN
        CREATE ROLE learning_warehouse_reader NOLOGIN;
    END IF;
EXCEPTION
    -- The login may not, or the migrations of another database of this server were quicker.
    WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'learning_warehouse_reader') THEN
        CALL ops.let_read('learning_warehouse_reader');
    END IF;
END
$$;
