-- The ledger of deliveries, the types that a contract may name, and the one tolerant cast of each.

CREATE SCHEMA IF NOT EXISTS ops;

CREATE SCHEMA staging;

COMMENT ON SCHEMA ops IS 'The ledger: what was delivered, what became of every row of it, and what stands now.';

COMMENT ON SCHEMA staging IS 'Deliveries between stage and merge, in UNLOGGED tables that live for minutes.';

CREATE DOMAIN ops.identifier AS text;

COMMENT ON DOMAIN ops.identifier IS 'An id, as text: masked ones such as 1731xxx occur. Blanks around it are taken off as it is loaded.';

CREATE DOMAIN ops.email AS ops.identifier;

COMMENT ON DOMAIN ops.email IS 'An e-mail address.';

CREATE DOMAIN ops.role AS ops.identifier;

COMMENT ON DOMAIN ops.role IS 'The role of a person: student, teacher and the like, one word or several, never a number.';

CREATE TABLE ops.delivery (
    delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset text NOT NULL,
    origin text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    made_at timestamptz NOT NULL,
    first_day date,
    end_day date,
    uri text NOT NULL,
    size bigint,
    details jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'landed' CHECK (status IN ('landed', 'merged', 'held')),
    problem text,
    rows_read bigint NOT NULL DEFAULT 0,
    rows_merged bigint NOT NULL DEFAULT 0,
    rows_duplicate bigint NOT NULL DEFAULT 0,
    rows_superseded bigint NOT NULL DEFAULT 0,
    rows_filtered bigint NOT NULL DEFAULT 0,
    rows_rejected bigint NOT NULL DEFAULT 0,
    superseded_by bigint REFERENCES ops.delivery (delivery_id),
    landed_at timestamptz NOT NULL DEFAULT now(),
    merged_at timestamptz,
    UNIQUE (dataset, origin, name, version),
    CONSTRAINT delivery_window CHECK (first_day < end_day),
    CONSTRAINT delivery_adds_up CHECK (
        rows_read = rows_merged + rows_duplicate + rows_superseded + rows_filtered + rows_rejected
    )
);

COMMENT ON TABLE ops.delivery IS 'One line for each piece that a vendor handed over: a version of a file, a report for a window, a member of a tar.';
COMMENT ON COLUMN ops.delivery.delivery_id IS 'The id that every row of the warehouse carries as _delivery.';
COMMENT ON COLUMN ops.delivery.dataset IS 'The table it is for, with its schema.';
COMMENT ON COLUMN ops.delivery.origin IS 'The Vocareum org, the Echo360 host or the edX site that it comes from.';
COMMENT ON COLUMN ops.delivery.name IS 'What the vendor calls it: an S3 key, a report and its window, a server and its log file.';
COMMENT ON COLUMN ops.delivery.version IS 'Which version of that name: an ETag, a request id, a probe of the bytes.';
COMMENT ON COLUMN ops.delivery.made_at IS 'When the vendor made it; of two versions the later one stands, and of equal ones that whose version sorts last.';
COMMENT ON COLUMN ops.delivery.first_day IS 'First UTC day of the window that it covers.';
COMMENT ON COLUMN ops.delivery.end_day IS 'First UTC day after that window.';
COMMENT ON COLUMN ops.delivery.uri IS 'Where its bytes lie, unchanged, to be loaded again.';
COMMENT ON COLUMN ops.delivery.size IS 'Bytes at that place.';
COMMENT ON COLUMN ops.delivery.details IS 'What its source needs besides to read it, such as the byte range of a tar member.';
COMMENT ON COLUMN ops.delivery.status IS 'landed: its bytes are there. merged: its rows are counted below. held: it would shrink what stands too far; the Param accept_shrink loads it.';
COMMENT ON COLUMN ops.delivery.problem IS 'Why it is held.';
COMMENT ON COLUMN ops.delivery.rows_read IS 'Records in it: header and blank lines do not count.';
COMMENT ON COLUMN ops.delivery.rows_merged IS 'Rows that went into the table.';
COMMENT ON COLUMN ops.delivery.rows_duplicate IS 'Rows that were there already.';
COMMENT ON COLUMN ops.delivery.rows_superseded IS 'Rows for which a later version already stood.';
COMMENT ON COLUMN ops.delivery.rows_filtered IS 'Rows left out because the run was asked to.';
COMMENT ON COLUMN ops.delivery.rows_rejected IS 'Rows that could not be loaded; they are in ops.rejected_row.';
COMMENT ON COLUMN ops.delivery.superseded_by IS 'The delivery that took the place of all that this one had brought.';
COMMENT ON COLUMN ops.delivery.landed_at IS 'When it was entered here.';
COMMENT ON COLUMN ops.delivery.merged_at IS 'When its rows were last merged.';

CREATE TABLE ops.staged (
    staged_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id bigint NOT NULL REFERENCES ops.delivery (delivery_id),
    table_name text NOT NULL UNIQUE,
    rows_read bigint NOT NULL DEFAULT 0,
    rows_rejected bigint NOT NULL DEFAULT 0,
    rows_filtered bigint NOT NULL DEFAULT 0,
    staged_at timestamptz NOT NULL DEFAULT now(),
    merged_at timestamptz
);

CREATE INDEX staged_waiting ON ops.staged (staged_at) WHERE merged_at IS NULL;

COMMENT ON TABLE ops.staged IS 'One line for each attempt to stage a delivery. It is LOGGED while its table is not, and written before it is filled: after a crash of the server or a kill the line tells what there should be.';
COMMENT ON COLUMN ops.staged.table_name IS 'The table in the schema staging; rejected rows lie beside it in <table_name>_rejected.';
COMMENT ON COLUMN ops.staged.rows_read IS 'Records read from the delivery.';
COMMENT ON COLUMN ops.staged.rows_rejected IS 'Of these, those in <table_name>_rejected.';
COMMENT ON COLUMN ops.staged.rows_filtered IS 'Of these, those left out because the run was asked to.';
COMMENT ON COLUMN ops.staged.merged_at IS 'When it was merged, or found to be merged already; its tables are gone then.';

CREATE TABLE ops.standing (
    dataset text NOT NULL,
    origin text NOT NULL,
    part text NOT NULL,
    delivery_id bigint NOT NULL REFERENCES ops.delivery (delivery_id),
    made_at timestamptz NOT NULL,
    version text NOT NULL,
    PRIMARY KEY (dataset, origin, part)
);

CREATE INDEX standing_delivery ON ops.standing (delivery_id);

COMMENT ON TABLE ops.standing IS 'What stands: for each part of a replaced table (a UTC day, or a file of the vendor) the delivery whose rows are in the table. A day without rows stands too.';
COMMENT ON COLUMN ops.standing.part IS 'The UTC day (YYYY-MM-DD) of a report, or the key of a file.';
COMMENT ON COLUMN ops.standing.delivery_id IS 'The delivery that brought the rows.';
COMMENT ON COLUMN ops.standing.made_at IS 'The vendor''s time of the latest delivery that brought or confirmed them: only a later one may replace them.';
COMMENT ON COLUMN ops.standing.version IS 'The version of that delivery, which decides between equal times.';

CREATE TABLE ops.rejected_row (
    delivery_id bigint NOT NULL REFERENCES ops.delivery (delivery_id),
    _row bigint NOT NULL,
    line bigint,
    raw text NOT NULL,
    reason text NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (delivery_id, _row)
);

COMMENT ON TABLE ops.rejected_row IS 'Every record that could not be loaded, as it came, with the reason.';
COMMENT ON COLUMN ops.rejected_row._row IS 'The record''s ordinal in its delivery, from 1.';
COMMENT ON COLUMN ops.rejected_row.line IS 'The line of the delivery at which the record begins, from 1; a header is line 1.';
COMMENT ON COLUMN ops.rejected_row.raw IS 'The record as it came; bytes that text cannot hold are written as \xNN.';
COMMENT ON COLUMN ops.rejected_row.reason IS 'What is wrong with it, column by column.';

CREATE TABLE ops.schema_change (
    dataset text NOT NULL,
    origin text NOT NULL,
    header text NOT NULL,
    change text NOT NULL CHECK (change IN ('new', 'missing')),
    delivery_id bigint NOT NULL REFERENCES ops.delivery (delivery_id),
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (dataset, origin, header, change)
);

COMMENT ON TABLE ops.schema_change IS 'Columns that a vendor sent and the table lacks (they are kept in _extras), and columns that the table has and a vendor did not send.';
COMMENT ON COLUMN ops.schema_change.header IS 'The header as the vendor spells it, or the column that was missing.';
COMMENT ON COLUMN ops.schema_change.delivery_id IS 'The delivery in which this was first seen.';

-- A tolerant cast gives NULL where its type refuses the value, and never an error. The cast stands
-- outside the CASE: inside, the planner would carry it out on a constant before asking whether it
-- may. They are STABLE, as pg_input_is_valid is, and so become part of the query that calls them.

CREATE FUNCTION ops.try_text(value text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN value;

CREATE FUNCTION ops.try_identifier(value text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(btrim(value), '');

CREATE FUNCTION ops.try_email(value text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(btrim(value), '');

CREATE FUNCTION ops.try_role(value text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(btrim(value), '');

CREATE FUNCTION ops.try_uuid(value text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (CASE WHEN pg_input_is_valid(btrim(value), 'uuid') THEN btrim(value) END)::uuid;

CREATE FUNCTION ops.try_numeric(value text) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (CASE WHEN value !~* '(nan|inf)' AND pg_input_is_valid(value, 'numeric') THEN value END)::numeric;

CREATE FUNCTION ops.try_float8(value text) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    CASE WHEN value !~* '(nan|inf)' AND pg_input_is_valid(value, 'double precision') THEN value END
)::double precision;

CREATE FUNCTION ops.try_int8(value text) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    CASE
        WHEN pg_input_is_valid(value, 'bigint') THEN value
        WHEN value ~ '^\s*[+-]?\d{1,18}\.0*\s*$' THEN split_part(value, '.', 1)
    END
)::bigint;

CREATE FUNCTION ops.try_int4(value text) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    CASE
        WHEN pg_input_is_valid(value, 'integer') THEN value
        WHEN value ~ '^\s*[+-]?\d{1,9}\.0*\s*$' THEN split_part(value, '.', 1)
    END
)::integer;

CREATE FUNCTION ops.try_bool(value text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (CASE WHEN pg_input_is_valid(value, 'boolean') THEN value END)::boolean;

CREATE FUNCTION ops.try_date(value text) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    CASE
        WHEN value !~* '(^|[^a-z])(now|today|tomorrow|yesterday|epoch|infinity)([^a-z]|$)'
            AND pg_input_is_valid(value, 'date')
            THEN value
    END
)::date;

CREATE FUNCTION ops.try_timestamptz(value text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(
    to_timestamp(
        (CASE WHEN value ~ '^\s*[1-9]\d{8,9}(\.\d+)?\s*$' THEN value END)::double precision
    ),
    to_timestamp((CASE WHEN value ~ '^\s*[1-9]\d{11,12}\s*$' THEN value END)::bigint / 1000.0),
    (
        CASE
            WHEN value !~* '(^|[^a-z])(now|today|tomorrow|yesterday|epoch|infinity)([^a-z]|$)'
                AND pg_input_is_valid(value, 'timestamptz')
                THEN value
        END
    )::timestamptz
);

COMMENT ON FUNCTION ops.try_timestamptz(text) IS 'Everything that PostgreSQL reads as a time, but for its words such as now and infinity; and seconds and milliseconds since 1970. These come first: PostgreSQL reads 1645821231 as the last day of the year 164582.';

CREATE FUNCTION ops.try_jsonb(value text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (CASE WHEN pg_input_is_valid(value, 'jsonb') THEN value END)::jsonb;
