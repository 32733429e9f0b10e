"""The page of coverage: its SQL, its commands, and the page itself in a browser."""
