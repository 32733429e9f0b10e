-- depends: 0010_edx_families

-- The page of coverage asks the ledger for the last ninety days, the last load of each dataset and
-- the latest rejected rows; each of these indexes leads there without a walk through the rest.

CREATE INDEX delivery_made ON ops.delivery (dataset, origin, made_at);

CREATE INDEX delivery_merged ON ops.delivery (dataset, origin, merged_at);

CREATE INDEX delivery_held ON ops.delivery (dataset, origin) WHERE status = 'held';

-- The day in the name of a tracking log, as YYYYMMDD.
CREATE INDEX delivery_log_day ON ops.delivery (
    origin,
    replace(substring(split_part(name, '/', -1), '\d{4}-?\d\d-?\d\d'), '-', '')
) WHERE dataset = 'edx.event';

CREATE INDEX rejected_row_latest ON ops.rejected_row (rejected_at);
