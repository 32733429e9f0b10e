"""Learning activity of three vendors, kept complete and current in a Postgres warehouse."""

__version__ = "1.0.0.dev0"
