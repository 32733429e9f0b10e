-- The requests for these days whose reports have landed, and whether that is spent for another run:
-- it is held, was removed from the landing zone, or was undone and nothing stands for a day of it.
SELECT
    request.request_id,
    (
        d.status = 'held'
        OR d.removed_at IS NOT NULL
        OR (
            d.details ? 'undone'
            AND EXISTS (
                SELECT FROM generate_series(d.first_day, d.end_day - 1, '1 day') AS day (day)
                WHERE NOT EXISTS (
                    SELECT FROM ops.standing AS s
                    WHERE s.dataset = d.dataset
                        AND s.origin = d.origin
                        AND s.part = day.day::date::text
                )
            )
        )
    ) AS is_spent
FROM ops.report_request AS request
INNER JOIN ops.delivery AS d
    ON request.origin = d.origin
    AND request.created = d.made_at
    AND request.request_id = d.version
WHERE request.origin = %(origin)s
    AND request.report = %(report)s
    AND request.first_day >= %(first_day)s
    AND request.end_day <= %(end_day)s
    AND d.dataset = %(dataset)s;
