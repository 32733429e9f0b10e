SELECT
    uri,
    version,
    members,
    junk
FROM edx.tracking_log_tar
WHERE uri = ANY(%(uris)s::text []);
