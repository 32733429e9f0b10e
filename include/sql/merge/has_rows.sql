SELECT EXISTS (SELECT FROM {staging}) AS has_rows;
