-- depends: 0007_echo360_reports

ALTER TABLE ops.report_request
    ADD COLUMN reload boolean NOT NULL DEFAULT FALSE,
    ADD COLUMN refused_at timestamptz;

COMMENT ON COLUMN ops.report_request.refused_at IS 'When it was refused while a slot seemed to be free: others may hold all of them without being listed yet.';
COMMENT ON COLUMN ops.report_request.reload IS 'Whether its run loads again: nobody''s earlier request is adopted for it.';

ALTER TABLE ops.schema_change ALTER COLUMN delivery_id DROP NOT NULL;

COMMENT ON TABLE ops.schema_change IS 'Columns that a vendor sent and the table lacks (they are kept in _extras), and columns that the table has and a vendor did not send; also reports and required parameters that Echo360 lists and that are not known here.';
COMMENT ON COLUMN ops.schema_change.dataset IS 'The table; for a report that has none, the one that it would have.';
COMMENT ON COLUMN ops.schema_change.header IS 'The header as the vendor spells it, or the column that was missing; or "report", or "parameter" and its name.';
COMMENT ON COLUMN ops.schema_change.delivery_id IS 'The delivery in which this was first seen; none for a report or a parameter.';
