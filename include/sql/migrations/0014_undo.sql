-- depends: 0013_upkeep

-- As it was, but that what still stands of a delivery which another undoing sent back is undone like
-- any other, and that a table which is appended to is known by its key, not by what stands just now.
-- In plpgsql each statement sees what was committed before it, so that the lock guards the others.
CREATE OR REPLACE FUNCTION ops.undo(unwanted bigint) RETURNS SETOF ops.delivery
LANGUAGE plpgsql
AS $$
DECLARE
    bad ops.delivery;
    had_stood boolean;
BEGIN
    SELECT d.* INTO STRICT bad FROM ops.delivery AS d WHERE d.delivery_id = unwanted;
    PERFORM pg_advisory_xact_lock(hashtextextended('merge ' || bad.dataset, 0));
    SELECT d.* INTO STRICT bad FROM ops.delivery AS d WHERE d.delivery_id = unwanted;
    IF EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS c
        WHERE c.conrelid = bad.dataset::regclass AND c.contype = 'p'
    ) THEN
        RAISE EXCEPTION 'No delivery takes the place of another in %: delete its rows by hand.', bad.dataset;
    END IF;
    EXECUTE format('DELETE FROM %s WHERE _delivery = $1', bad.dataset::regclass) USING unwanted;
    DELETE FROM ops.standing AS s WHERE s.delivery_id = unwanted;
    had_stood := FOUND;
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
    IF bad.status <> 'merged' AND NOT had_stood THEN
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

COMMENT ON COLUMN ops.delivery.problem IS 'Why it is held, or, of an edX log, in what way its bytes are damaged, or that no tar holds it any more.';
