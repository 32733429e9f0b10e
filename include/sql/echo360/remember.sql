-- A request that was made and has landed, where its line is lost.
INSERT INTO ops.report_request (
    origin, report, first_day, end_day, runs, request_id, status, created, answered_at,
    in_flight_since, closed_at
)
SELECT
    %(origin)s,
    %(report)s,
    %(first_day)s,
    %(end_day)s,
    %(runs)s::text [],
    %(request_id)s,
    'Available',
    %(created)s,
    %(created)s,
    %(created)s,
    %(closed_at)s
WHERE NOT EXISTS (
        SELECT FROM ops.report_request AS known
        WHERE known.origin = %(origin)s AND known.request_id = %(request_id)s
    )
ON CONFLICT DO NOTHING;
