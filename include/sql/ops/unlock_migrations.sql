SELECT pg_advisory_unlock(hashtextextended('learning_warehouse migrations', 0));
