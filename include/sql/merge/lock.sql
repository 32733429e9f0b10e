-- In a statement of its own, before what it guards: only then does READ COMMITTED see what a rival
-- committed while this one waited.
SELECT pg_advisory_xact_lock(hashtextextended('merge ' || %(dataset)s, 0));
