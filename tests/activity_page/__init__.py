"""The page of activity: what its charts say, and the page itself in a browser."""
