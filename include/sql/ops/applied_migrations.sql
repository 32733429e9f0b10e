SELECT migration_id FROM ops._yoyo_migration;
