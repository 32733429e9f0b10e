DROP TABLE IF EXISTS {staging}, {rejected} CASCADE;
