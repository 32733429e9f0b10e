DROP TABLE raw_record;
