CREATE UNLOGGED TABLE {rejected} (
    _row bigint NOT NULL,
    line bigint,
    raw text NOT NULL,
    reason text NOT NULL
) WITH (autovacuum_enabled = FALSE);
