-- One submits to a host at a time. The lock goes with its transaction, which waits for Echo360.

-- section: patience
SELECT
    set_config('lock_timeout', %(milliseconds)s::text, TRUE),
    set_config('idle_in_transaction_session_timeout', '0', TRUE);

-- section: lock
SELECT pg_advisory_xact_lock(hashtextextended('ops.report_request ' || %(origin)s, 0));

-- section: time
SELECT clock_timestamp() AS now;
