-- In the transaction that fills it: COPY freezes only what nobody else can have seen.
TRUNCATE ONLY {lane};
