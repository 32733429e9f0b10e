-- The requests for these days whose reports have landed, and whether that is spent for another run:
-- it is held, was undone since, or was removed from the landing zone.
SELECT
    request.request_id,
    (d.status = 'held' OR d.details ? 'undone' OR d.removed_at IS NOT NULL) AS is_spent
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
