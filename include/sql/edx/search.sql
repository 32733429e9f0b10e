-- What the search for logs reads and writes.

-- section: known_tars
SELECT
    uri,
    version,
    members,
    junk,
    untaken
FROM edx.tracking_log_tar
WHERE uri = ANY(%(uris)s::text []);

-- section: unmerged
-- Logs of these sites that an earlier run found and none has merged: in these tars, as they are now
-- (what landed names its tar), or in plain tars that are not among them. The latter are looked for
-- once, a day after they were found: until then another run may be loading them.
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
    AND d.status = 'landed'
    AND d.merged_at IS NULL
    AND (
        tar.uri IS NOT NULL
        OR (
            d.details ? 'offset'
            AND d.problem IS NULL
            AND d.landed_at < now() - interval '1 day'
        )
    )
ORDER BY d.delivery_id;

-- section: note_lost
UPDATE ops.delivery
SET
    problem = %(problem)s,
    details = details || '{"lost": true}'
WHERE delivery_id = ANY(%(deliveries)s) AND status = 'landed';

-- section: note_tar
INSERT INTO edx.tracking_log_tar (uri, version, size, made_at, members, junk, untaken)
VALUES (%(uri)s, %(version)s, %(size)s, %(made_at)s, %(members)s, %(junk)s, %(untaken)s)
ON CONFLICT (uri, version) DO UPDATE
    SET walked_at = now(), untaken = excluded.untaken;

-- section: told
SELECT
    told.name,
    told.version,
    told.kind
FROM unnest(%(names)s::text [], %(versions)s::text []) AS asked (name, version)
INNER JOIN edx.told_by_content AS told
    ON told.origin = %(origin)s AND asked.name = told.name AND asked.version = told.version;

-- section: note_told
INSERT INTO edx.told_by_content (origin, name, version, kind)
SELECT
    %(origin)s,
    told.name,
    told.version,
    told.kind
FROM unnest(%(names)s::text [], %(versions)s::text [], %(kinds)s::text [])
    AS told (name, version, kind)
ON CONFLICT (origin, name, version) DO NOTHING;
