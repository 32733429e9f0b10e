-- What the search for logs asks and notes.

-- section: known_tars
SELECT
    uri,
    version,
    members,
    junk
FROM edx.tracking_log_tar
WHERE uri = ANY(%(uris)s::text []);

-- section: unmerged
-- Logs of these sites that an earlier run found and none has merged: in these tars, as they are now
-- (what landed names its tar), or in plain tars that are not among them. The latter are looked for
-- once, a day after they were found: until then somebody may be at it. Not what is damaged and was
-- delivered anew since.
SELECT
    d.delivery_id,
    d.name,
    tar.uri AS tar_uri,
    d.size
FROM ops.delivery AS d
LEFT JOIN unnest(%(uris)s::text [], %(etags)s::text []) AS tar (uri, etag)
    ON coalesce(d.details ->> 'tar', d.uri) = tar.uri AND d.details ->> 'etag' = tar.etag
WHERE d.dataset = %(dataset)s
    AND d.origin = ANY(%(sites)s)
    AND d.status <> 'merged'
    AND d.merged_at IS NULL
    AND (
        tar.uri IS NOT NULL
        OR (
            d.details ? 'offset'
            AND d.problem IS NULL
            AND d.landed_at < now() - interval '1 day'
        )
    )
    AND (
        d.problem IS NULL
        OR NOT EXISTS (
            SELECT FROM ops.delivery AS anew
            WHERE anew.dataset = d.dataset
                AND anew.origin = d.origin
                AND anew.name = d.name
                AND anew.status = 'merged'
                AND anew.made_at >= d.made_at
        )
    )
ORDER BY d.delivery_id;

-- section: note_tar
INSERT INTO edx.tracking_log_tar (uri, version, size, made_at, members, junk)
VALUES (%(uri)s, %(version)s, %(size)s, %(made_at)s, %(members)s, %(junk)s)
ON CONFLICT (uri, version) DO UPDATE
    SET walked_at = now();
