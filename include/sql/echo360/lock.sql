SELECT pg_advisory_xact_lock(hashtextextended('ops.report_request ' || %(origin)s, 0));
