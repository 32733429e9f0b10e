INSERT INTO edx.tracking_log_tar (uri, version, size, made_at, members, junk)
VALUES (%(uri)s, %(version)s, %(size)s, %(made_at)s, %(members)s, %(junk)s)
ON CONFLICT (uri, version) DO UPDATE
    SET walked_at = now();
