-- Made apart and attached with a CHECK that it holds already: readers of the table do not wait.
CREATE TABLE {partition} (
    LIKE {target} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE,
    CONSTRAINT {bounds} CHECK ({clock} >= {month} AND {clock} < {next_month})
);
