SELECT pg_advisory_lock(hashtextextended('learning_warehouse migrations', 0));
