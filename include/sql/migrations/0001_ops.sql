-- The ledger of deliveries, the types that a contract may name, and the one tolerant cast of each.

CREATE SCHEMA IF NOT EXISTS ops;

COMMENT ON SCHEMA ops IS 'The ledger: what was delivered, what became of every row of it, and which delivery is current for each day or file.';

CREATE DOMAIN ops.identifier AS text;

COMMENT ON DOMAIN ops.identifier IS 'An id, as text: masked ones such as 1731xxx occur. Blanks around it are taken off as it is loaded, and a UUID in capitals becomes one in small letters.';

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
    status text NOT NULL DEFAULT 'landed' CHECK (status IN ('landed', 'merged', 'held', 'replaced')),
    problem text,
    rows_read bigint NOT NULL DEFAULT 0,
    rows_merged bigint NOT NULL DEFAULT 0,
    rows_duplicate bigint NOT NULL DEFAULT 0,
    rows_superseded bigint NOT NULL DEFAULT 0,
    rows_filtered bigint NOT NULL DEFAULT 0,
    rows_held bigint NOT NULL DEFAULT 0,
    rows_erased bigint NOT NULL DEFAULT 0,
    rows_rejected bigint NOT NULL DEFAULT 0,
    superseded_by bigint REFERENCES ops.delivery (delivery_id),
    landed_at timestamptz NOT NULL DEFAULT now(),
    merged_at timestamptz,
    removed_at timestamptz,
    dag_id text,
    run_id text,
    task_id text,
    UNIQUE (dataset, origin, name, version),
    CONSTRAINT delivery_window CHECK (first_day < end_day),
    CONSTRAINT delivery_adds_up CHECK (
        rows_read
        = rows_merged + rows_duplicate + rows_superseded + rows_filtered + rows_held + rows_erased
        + rows_rejected
    )
);

-- The page of coverage reads the last ninety days and the last load of each dataset.
CREATE INDEX delivery_made ON ops.delivery (dataset, origin, made_at);

CREATE INDEX delivery_merged ON ops.delivery (dataset, origin, merged_at);

CREATE INDEX delivery_waiting ON ops.delivery (dataset, origin, name) WHERE status IN ('landed', 'held');

-- After years a name has thousands of versions, and a dataset thousands of days: steps read the
-- last.
CREATE INDEX delivery_latest ON ops.delivery (dataset, origin, name, made_at, version);

CREATE INDEX delivery_first_day ON ops.delivery (dataset, origin, first_day);

CREATE INDEX delivery_end_day ON ops.delivery (dataset, origin, end_day) WHERE status = 'merged';

-- The day in the name of a tracking log, as YYYYMMDD.
CREATE INDEX delivery_log_day ON ops.delivery (
    origin,
    replace(substring(split_part(name, '/', -1), '\d{4}-?\d\d-?\d\d'), '-', '')
) WHERE dataset = 'edx.event';

COMMENT ON TABLE ops.delivery IS 'One line for each piece that a vendor handed over: a version of a file, a report for a window, a member of a tar.';
COMMENT ON COLUMN ops.delivery.delivery_id IS 'The id that every row of the warehouse carries as _delivery.';
COMMENT ON COLUMN ops.delivery.dataset IS 'The table it is for, with its schema.';
COMMENT ON COLUMN ops.delivery.origin IS 'The Vocareum org, the Echo360 host or the edX site that it comes from.';
COMMENT ON COLUMN ops.delivery.name IS 'What the vendor calls it: an S3 key, a report and its window, a server and its log file.';
COMMENT ON COLUMN ops.delivery.version IS 'Which version of that name: an ETag, a request id, a probe of the bytes.';
COMMENT ON COLUMN ops.delivery.made_at IS 'When the vendor made it; of two versions the later one is current, and of two made at the same time the one whose version sorts last.';
COMMENT ON COLUMN ops.delivery.first_day IS 'First UTC day of the window that it covers.';
COMMENT ON COLUMN ops.delivery.end_day IS 'First UTC day after that window.';
COMMENT ON COLUMN ops.delivery.uri IS 'Where its bytes are, unchanged, to be loaded again.';
COMMENT ON COLUMN ops.delivery.size IS 'Bytes at that place.';
COMMENT ON COLUMN ops.delivery.details IS 'What else its source needs to read it, such as the byte range of a tar member.';
COMMENT ON COLUMN ops.delivery.status IS 'landed: its bytes are there. merged: its rows are counted below. held: a day or file would lose more than half of its rows by it; the Param accept_shrink loads it. replaced: it was never merged, and a newer version is.';
COMMENT ON COLUMN ops.delivery.problem IS 'Why it is held; for an edX log, also how its bytes are damaged, or that no tar contains it any more.';
COMMENT ON COLUMN ops.delivery.rows_read IS 'Records in it: header and blank lines do not count.';
COMMENT ON COLUMN ops.delivery.rows_merged IS 'Rows that went into the table.';
COMMENT ON COLUMN ops.delivery.rows_duplicate IS 'Rows that were there already.';
COMMENT ON COLUMN ops.delivery.rows_superseded IS 'Rows for which a later version was there already.';
COMMENT ON COLUMN ops.delivery.rows_filtered IS 'Rows left out because a Param of the run says so, because the delivery was undone, or because their day is not kept any more (ops.kept_since).';
COMMENT ON COLUMN ops.delivery.rows_held IS 'Good rows of a delivery that is held.';
COMMENT ON COLUMN ops.delivery.rows_erased IS 'Rows of people who were erased on request: removed later, or left out as it was loaded.';
COMMENT ON COLUMN ops.delivery.rows_rejected IS 'Rows that could not be loaded; they are in ops.rejected_row.';
COMMENT ON COLUMN ops.delivery.superseded_by IS 'The delivery that replaced all that this one had brought.';
COMMENT ON COLUMN ops.delivery.landed_at IS 'When it was entered here.';
COMMENT ON COLUMN ops.delivery.merged_at IS 'When its rows were last merged.';
COMMENT ON COLUMN ops.delivery.removed_at IS 'When its bytes were removed from the landing zone, because a newer version had replaced it or its days are not kept any more (include/retention.toml).';
COMMENT ON COLUMN ops.delivery.dag_id IS 'The DAG that merged or held it last.';
COMMENT ON COLUMN ops.delivery.run_id IS 'The run that merged or held it last.';
COMMENT ON COLUMN ops.delivery.task_id IS 'The task that merged or held it last.';

CREATE TABLE ops.current_part (
    dataset text NOT NULL,
    origin text NOT NULL,
    part text NOT NULL,
    delivery_id bigint NOT NULL REFERENCES ops.delivery (delivery_id),
    made_at timestamptz NOT NULL,
    version text NOT NULL,
    PRIMARY KEY (dataset, origin, part)
);

CREATE INDEX current_part_delivery ON ops.current_part (delivery_id);

COMMENT ON TABLE ops.current_part IS 'For each part of a replaced table (a UTC day, or a file of the vendor) the delivery whose rows are in the table now. A day without rows has a line too.';
COMMENT ON COLUMN ops.current_part.part IS 'The UTC day (YYYY-MM-DD) of a report, or the key of a file.';
COMMENT ON COLUMN ops.current_part.delivery_id IS 'The delivery that brought the rows.';
COMMENT ON COLUMN ops.current_part.made_at IS 'The vendor''s time of the latest delivery that brought or confirmed them: only a later one may replace them.';
COMMENT ON COLUMN ops.current_part.version IS 'The version of that delivery, which decides between equal times.';

CREATE TABLE ops.kept_since (
    dataset text PRIMARY KEY,
    first_day date NOT NULL
);

COMMENT ON TABLE ops.kept_since IS 'Of each table whose rows include/retention.toml does not keep for ever, the first day that is kept: rows of earlier days were removed, and are not loaded again. It moves forward only; the landing zone has a copy (kept_since/), which warehouse_rebuild reads.';
COMMENT ON COLUMN ops.kept_since.dataset IS 'The table, with its schema.';
COMMENT ON COLUMN ops.kept_since.first_day IS 'The first UTC day that is kept.';

-- A file without days is as old as the version that last brought or confirmed its rows.
CREATE VIEW ops.outlived_delivery AS
SELECT
    d.delivery_id,
    d.dataset
FROM ops.delivery AS d
INNER JOIN ops.kept_since AS k ON d.dataset = k.dataset
WHERE coalesce(
    d.end_day,
    (
        greatest(
            d.made_at, (SELECT max(c.made_at) FROM ops.current_part AS c WHERE c.delivery_id = d.delivery_id)
        ) AT TIME ZONE 'UTC'
    )::date + 1
) <= k.first_day;

COMMENT ON VIEW ops.outlived_delivery IS 'The deliveries of which no day is kept any more, see ops.kept_since. One without days (a file of grades, a log of edX) counts by the day on which the vendor made it.';
COMMENT ON COLUMN ops.outlived_delivery.delivery_id IS 'The delivery.';
COMMENT ON COLUMN ops.outlived_delivery.dataset IS 'The table that it is for, with its schema.';

-- Without a key, so that no merge waits for another.
CREATE TABLE ops.changed_day (
    dataset text NOT NULL,
    origin text NOT NULL,
    day date,
    accounts text [],
    delivery_id bigint
);

COMMENT ON TABLE ops.changed_day IS 'The UTC days whose rows changed since the DAG learning_activity last ran, written by each merge in its transaction: days of rows that came and of rows that went. A day may be here several times.';
COMMENT ON COLUMN ops.changed_day.dataset IS 'The table whose rows changed, with its schema.';
COMMENT ON COLUMN ops.changed_day.origin IS 'The Vocareum org, the Echo360 host or the edX site of these rows.';
COMMENT ON COLUMN ops.changed_day.day IS 'The UTC day of these rows; of a file, its first day; NULL for files without a date, and for rows that do not tell their day.';
COMMENT ON COLUMN ops.changed_day.accounts IS 'The edX user names whose rows changed, at most 1000. NULL: more than that, or users who are known by their id only, or the table''s days change as a whole.';
COMMENT ON COLUMN ops.changed_day.delivery_id IS 'The delivery whose rows came or went; NULL where rows changed in their place.';

CREATE TABLE ops.dataset_lock (
    dataset text PRIMARY KEY
);

COMMENT ON TABLE ops.dataset_lock IS 'A row for each table that is loaded: a merge locks the row of its table (FOR UPDATE), so that no other merge of it runs meanwhile; merges that only append share it (FOR KEY SHARE). Readers have no right to lock it.';
COMMENT ON COLUMN ops.dataset_lock.dataset IS 'The table, with its schema; or something else that only one task may do at a time, such as making the partitions of a table, or submitting to an Echo360 host.';

CREATE TABLE ops.rejected_row (
    delivery_id bigint NOT NULL REFERENCES ops.delivery (delivery_id),
    _row bigint NOT NULL,
    line bigint,
    raw text NOT NULL,
    reason text NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (delivery_id, _row)
);

-- The page of coverage shows the latest.
CREATE INDEX rejected_row_latest ON ops.rejected_row (rejected_at);

COMMENT ON TABLE ops.rejected_row IS 'Every record that could not be loaded, as it came, with the reason.';
COMMENT ON COLUMN ops.rejected_row._row IS 'The record''s ordinal in its delivery, from 1.';
COMMENT ON COLUMN ops.rejected_row.line IS 'The line of the delivery at which the record begins, from 1; a header is line 1.';
COMMENT ON COLUMN ops.rejected_row.raw IS 'The record as it came; bytes that text cannot hold are written as \xNN.';
COMMENT ON COLUMN ops.rejected_row.reason IS 'What is wrong with it, column by column.';

CREATE TABLE ops.failed_try (
    delivery_id bigint NOT NULL REFERENCES ops.delivery (delivery_id),
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sentence text NOT NULL,
    dag_id text NOT NULL,
    run_id text NOT NULL,
    task_id text NOT NULL
);

CREATE INDEX failed_try_delivery ON ops.failed_try (delivery_id, failed_at);

COMMENT ON TABLE ops.failed_try IS 'One line for each try to load a delivery that failed, or in which it was held.';
COMMENT ON COLUMN ops.failed_try.sentence IS 'Why it failed and what to do, as the task''s log has it.';
COMMENT ON COLUMN ops.failed_try.dag_id IS 'The DAG that tried.';
COMMENT ON COLUMN ops.failed_try.run_id IS 'The run that tried.';
COMMENT ON COLUMN ops.failed_try.task_id IS 'The task that tried.';

CREATE TABLE ops.schema_change (
    dataset text NOT NULL,
    origin text NOT NULL,
    header text NOT NULL,
    change text NOT NULL CHECK (change IN ('new', 'missing')),
    delivery_id bigint REFERENCES ops.delivery (delivery_id),
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (dataset, origin, header, change)
);

COMMENT ON TABLE ops.schema_change IS 'Columns that a vendor sent and the table lacks (they are kept in _extras), and columns that the table has and a vendor did not send; also reports and required parameters that Echo360 lists and that are not known here.';
COMMENT ON COLUMN ops.schema_change.dataset IS 'The table; for a report that has none, the one that it would have.';
COMMENT ON COLUMN ops.schema_change.header IS 'The header as the vendor spells it, or the column that was missing; or "report", or "parameter" and its name.';
COMMENT ON COLUMN ops.schema_change.delivery_id IS 'The delivery in which this was first seen; none for a report or a parameter.';

CREATE TABLE ops.report_request (
    line_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    origin text NOT NULL,
    report text NOT NULL,
    first_day date NOT NULL,
    end_day date NOT NULL,
    attempt integer NOT NULL DEFAULT 1,
    split_from bigint REFERENCES ops.report_request (line_id),
    runs text [] NOT NULL,
    plans text [] NOT NULL DEFAULT '{}',
    reload boolean NOT NULL DEFAULT FALSE,
    request_id text,
    status text,
    created timestamptz,
    problem text,
    written_at timestamptz NOT NULL DEFAULT now(),
    submissions integer NOT NULL DEFAULT 0,
    submitting_since timestamptz,
    listed_before text [] NOT NULL DEFAULT '{}',
    refused_at timestamptz,
    answered_at timestamptz,
    in_flight_since timestamptz,
    waiting_since timestamptz,
    yielding_since timestamptz,
    closed_at timestamptz,
    CONSTRAINT report_request_window CHECK (first_day < end_day)
);

CREATE UNIQUE INDEX report_request_current
    ON ops.report_request (origin, report, first_day, end_day)
    WHERE closed_at IS NULL;

CREATE INDEX report_request_history ON ops.report_request (origin, report, first_day, end_day, line_id);

CREATE INDEX report_request_split_from ON ops.report_request (split_from);

CREATE INDEX report_request_id ON ops.report_request (origin, request_id);

COMMENT ON TABLE ops.report_request IS 'One line for each request to Echo360, written before it is submitted. At most one line of a window is current (not closed). ops.delivery, whose version is the request id, says whether it is loaded.';
COMMENT ON COLUMN ops.report_request.line_id IS 'The id of this line; request_id is Echo360''s.';
COMMENT ON COLUMN ops.report_request.origin IS 'The Echo360 host.';
COMMENT ON COLUMN ops.report_request.report IS 'The report, as the document names it.';
COMMENT ON COLUMN ops.report_request.first_day IS 'First UTC day of the window (the parameter start); for a report without dates the day that its snapshot is kept as.';
COMMENT ON COLUMN ops.report_request.end_day IS 'First UTC day after it (the parameter end).';
COMMENT ON COLUMN ops.report_request.attempt IS 'Which try at its window this is, from 1.';
COMMENT ON COLUMN ops.report_request.split_from IS 'The line of the longer window that kept failing and was split into this one and others.';
COMMENT ON COLUMN ops.report_request.runs IS 'The DAG runs that it serves: DAG and run.';
COMMENT ON COLUMN ops.report_request.plans IS 'The tokens of those runs'' plans: a window is requested once in a plan, and again when the task plan is executed again.';
COMMENT ON COLUMN ops.report_request.reload IS 'Whether its run has the Param reload: then no earlier request is used for it.';
COMMENT ON COLUMN ops.report_request.request_id IS 'Echo360''s requestId, once known.';
COMMENT ON COLUMN ops.report_request.status IS 'Echo360''s word, as last seen: Pending, Available, Expired, Failed, Missing.';
COMMENT ON COLUMN ops.report_request.created IS 'When Echo360 created the request.';
COMMENT ON COLUMN ops.report_request.problem IS 'Why it was closed.';
COMMENT ON COLUMN ops.report_request.written_at IS 'When this line was written.';
COMMENT ON COLUMN ops.report_request.submissions IS 'How often it was submitted, a submission under way included. One that Echo360 refused, or that was never sent, does not count.';
COMMENT ON COLUMN ops.report_request.submitting_since IS 'When a submission began whose outcome is not known yet: it holds a slot.';
COMMENT ON COLUMN ops.report_request.listed_before IS 'The requests for the same window that Echo360 listed before that submission: any other one is its outcome.';
COMMENT ON COLUMN ops.report_request.refused_at IS 'When it was refused while a slot seemed to be free: others may hold all of them without being listed yet.';
COMMENT ON COLUMN ops.report_request.answered_at IS 'When its request id became known.';
COMMENT ON COLUMN ops.report_request.in_flight_since IS 'When it was first submitted, or adopted: the patience of its run counts from then.';
COMMENT ON COLUMN ops.report_request.waiting_since IS 'Since when it waits for a slot; empty where it does not, or was passed over.';
COMMENT ON COLUMN ops.report_request.yielding_since IS 'Since when it leaves a free slot to another report or run, whose turn it is.';
COMMENT ON COLUMN ops.report_request.closed_at IS 'When it stopped being current: another try or a newer request replaced it, or it was given up.';

-- In plpgsql each statement sees what was committed before it, so that the lock guards the others.
-- A table that is appended to is known by its primary key. What is still current of a delivery that
-- another undo sent back is undone like any other.
CREATE FUNCTION ops.undo(unwanted bigint) RETURNS SETOF ops.delivery
LANGUAGE plpgsql
AS $$
DECLARE
    bad ops.delivery;
    was_current boolean;
BEGIN
    SELECT d.* INTO STRICT bad FROM ops.delivery AS d WHERE d.delivery_id = unwanted;
    INSERT INTO ops.dataset_lock (dataset) VALUES (bad.dataset) ON CONFLICT DO NOTHING;
    PERFORM FROM ops.dataset_lock AS l WHERE l.dataset = bad.dataset FOR UPDATE;
    SELECT d.* INTO STRICT bad FROM ops.delivery AS d WHERE d.delivery_id = unwanted;
    IF EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS c
        WHERE c.conrelid = bad.dataset::regclass AND c.contype = 'p'
    ) THEN
        RAISE EXCEPTION 'No delivery takes the place of another in %: delete its rows by hand.', bad.dataset;
    END IF;
    IF EXISTS (
        SELECT FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = bad.dataset::regclass AND a.attname = '_day'
    ) THEN
        EXECUTE format(
            'INSERT INTO ops.changed_day (dataset, origin, day, delivery_id) '
            'SELECT DISTINCT $1, $2, _day, $3 FROM %s WHERE _delivery = $3',
            bad.dataset::regclass
        ) USING bad.dataset, bad.origin, unwanted;
    ELSE
        INSERT INTO ops.changed_day (dataset, origin, day, delivery_id)
        SELECT
            bad.dataset,
            bad.origin,
            CASE WHEN c.part <> bad.name THEN c.part::date ELSE bad.first_day END,
            unwanted
        FROM ops.current_part AS c
        WHERE c.delivery_id = unwanted;
    END IF;
    EXECUTE format('DELETE FROM %s WHERE _delivery = $1', bad.dataset::regclass) USING unwanted;
    DELETE FROM ops.current_part AS c WHERE c.delivery_id = unwanted;
    was_current := FOUND;
    UPDATE ops.delivery AS d
    SET
        status = 'merged',
        problem = NULL,
        details = d.details || '{"undone": true}',
        rows_filtered
        = d.rows_filtered + d.rows_merged + d.rows_duplicate + d.rows_superseded + d.rows_held,
        rows_merged = 0,
        rows_duplicate = 0,
        rows_superseded = 0,
        rows_held = 0
    WHERE d.delivery_id = unwanted;
    IF bad.status <> 'merged' AND NOT was_current THEN
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
        rows_held = 0,
        rows_erased = 0,
        rows_rejected = 0,
        merged_at = NULL
    WHERE d.dataset = bad.dataset
        AND d.origin = bad.origin
        AND d.delivery_id <> unwanted
        AND d.status IN ('merged', 'replaced')
        AND d.removed_at IS NULL
        AND NOT d.details ? 'undone'
        AND (d.name = bad.name OR (d.first_day < bad.end_day AND bad.first_day < d.end_day))
    RETURNING d.*;
END
$$;

COMMENT ON FUNCTION ops.undo(bigint) IS 'Take back what a delivery did to a table whose days or files are replaced: its rows are deleted, and count as filtered; a held one is discarded. It is not loaded again unless a run has the Param reload. Returns the other deliveries of the same file or days: the DAG warehouse_rebuild loads them again.';

-- A tolerant cast gives NULL where its type refuses the value, and never an error. The cast is outside
-- the CASE: inside, the planner would carry it out on a constant before asking whether it
-- may. They are STABLE, as pg_input_is_valid is, and so become part of the query that calls them.

CREATE FUNCTION ops.try_text(value text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN value;

CREATE FUNCTION ops.without_blanks(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(
    btrim(
        value,
        E' \t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u2028\u2029\u202f\u205f\u3000\ufeff'
    ),
    ''
);

COMMENT ON FUNCTION ops.without_blanks(text) IS 'A value without the blanks of any kind around it; NULL where nothing is left.';

CREATE FUNCTION ops.try_identifier(value text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN ops.without_blanks(value) ~ '^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$'
        THEN lower(ops.without_blanks(value))
    ELSE ops.without_blanks(value)
END;

CREATE FUNCTION ops.try_email(value text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ops.without_blanks(value);

CREATE FUNCTION ops.try_role(value text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ops.without_blanks(value);

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
            AND value !~ '^\s*\d{1,2}[-/.]\d{1,2}[-/.]\d'
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
    to_timestamp((CASE WHEN value ~ '^\s*[1-9]\d{12}\s*$' THEN value END)::bigint / 1000.0),
    (
        CASE
            WHEN value !~* '(^|[^a-z])(now|today|tomorrow|yesterday|epoch|infinity)([^a-z]|$)'
                AND value !~ '^\s*\d{1,2}[-/.]\d{1,2}[-/.]\d'
                AND pg_input_is_valid(value, 'timestamptz')
                THEN value
        END
    )::timestamptz
);

COMMENT ON FUNCTION ops.try_timestamptz(text) IS 'Everything that PostgreSQL reads as a time, but for its words such as now and infinity, and for dates such as 03/02/2022, where it is not known which number is the day; and seconds and milliseconds since 1970. These come first: PostgreSQL reads 1645821231 as the last day of the year 164582.';

CREATE FUNCTION ops.try_jsonb(value text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (CASE WHEN pg_input_is_valid(value, 'jsonb') THEN value END)::jsonb;
