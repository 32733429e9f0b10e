SELECT count(*) AS rows FROM {staging};
