SELECT EXISTS (SELECT FROM {staging} WHERE {doubts}) AS doubtful;
