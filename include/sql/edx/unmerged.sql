-- Logs that an earlier run found in these tars, as they are now, and none has merged. What landed
-- names its tar.
SELECT
    d.delivery_id,
    d.name,
    tar.uri AS tar_uri,
    d.size
FROM unnest(%(uris)s::text [], %(etags)s::text []) AS tar (uri, etag)
INNER JOIN ops.delivery AS d
    ON coalesce(d.details ->> 'tar', d.uri) = tar.uri AND d.details ->> 'etag' = tar.etag
WHERE d.dataset = %(dataset)s AND d.status <> 'merged'
ORDER BY d.delivery_id;
