-- What stands for each of these days, and the last day before them for which anything does.
SELECT
    s.part::date AS day,
    s.made_at
FROM ops.standing AS s
WHERE s.dataset = %(dataset)s
    AND s.origin = %(origin)s
    AND s.part < %(end_day)s::date::text
    AND s.part >= coalesce(
        (
            SELECT max(earlier.part)
            FROM ops.standing AS earlier
            WHERE earlier.dataset = %(dataset)s
                AND earlier.origin = %(origin)s
                AND earlier.part < %(first_day)s::date::text
        ),
        ''
    )
ORDER BY s.part;
