-- depends: 0012_readers

ALTER TABLE ops.delivery ADD COLUMN removed_at timestamptz;

COMMENT ON COLUMN ops.delivery.removed_at IS 'When its bytes were removed from the landing zone, where a newer version had long taken its place (include/retention.toml).';

-- In plpgsql each statement sees what was committed before it, so that the lock guards the others.
CREATE FUNCTION ops.undo(unwanted bigint) RETURNS SETOF ops.delivery
LANGUAGE plpgsql
AS $$
DECLARE
    bad ops.delivery;
BEGIN
    SELECT d.* INTO STRICT bad FROM ops.delivery AS d WHERE d.delivery_id = unwanted;
    PERFORM pg_advisory_xact_lock(hashtextextended('merge ' || bad.dataset, 0));
    SELECT d.* INTO STRICT bad FROM ops.delivery AS d WHERE d.delivery_id = unwanted;
    IF NOT EXISTS (
        SELECT FROM ops.standing AS s WHERE s.dataset = bad.dataset AND s.origin = bad.origin
    ) THEN
        RAISE EXCEPTION 'No delivery takes the place of another in %: delete its rows by hand.', bad.dataset;
    END IF;
    EXECUTE format('DELETE FROM %s WHERE _delivery = $1', bad.dataset::regclass) USING unwanted;
    DELETE FROM ops.standing AS s WHERE s.delivery_id = unwanted;
    UPDATE ops.delivery AS d
    SET
        status = 'merged',
        problem = NULL,
        details = d.details || '{"undone": true}',
        rows_filtered = d.rows_filtered + d.rows_merged + d.rows_duplicate + d.rows_superseded,
        rows_merged = 0,
        rows_duplicate = 0,
        rows_superseded = 0
    WHERE d.delivery_id = unwanted;
    IF bad.status <> 'merged' THEN
        RETURN;
    END IF;
    RETURN QUERY
    UPDATE ops.delivery AS d
    SET
        status = 'landed',
        superseded_by = NULL,
        rows_read = 0,
        rows_merged = 0,
        rows_duplicate = 0,
        rows_superseded = 0,
        rows_filtered = 0,
        rows_rejected = 0,
        merged_at = NULL
    WHERE d.dataset = bad.dataset
        AND d.origin = bad.origin
        AND d.delivery_id <> unwanted
        AND d.status = 'merged'
        AND d.removed_at IS NULL
        AND NOT d.details ? 'undone'
        AND (d.name = bad.name OR (d.first_day < bad.end_day AND bad.first_day < d.end_day))
    RETURNING d.*;
END
$$;

COMMENT ON FUNCTION ops.undo(bigint) IS 'Take back what a delivery did to a table of which parts stand: its rows go, and count as filtered; a held one is let go. It is not loaded again unless a run asks for it with reload. Returns the other deliveries of the same file or days: the DAG warehouse_rebuild loads them again.';
