ALTER TABLE {staging} ALTER COLUMN {clock} SET DEFAULT {day};
