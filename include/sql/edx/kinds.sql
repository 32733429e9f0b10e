SELECT
    event_source,
    event_type,
    event_kind
FROM edx.event_alias;
