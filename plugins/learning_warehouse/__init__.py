"""Learning activity of three vendors, kept complete and current in a Postgres warehouse."""
