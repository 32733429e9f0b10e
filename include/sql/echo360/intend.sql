INSERT INTO ops.report_request (
    origin, report, first_day, end_day, attempt, parent, runs, reload
)
VALUES (
    %(origin)s,
    %(report)s,
    %(first_day)s,
    %(end_day)s,
    %(attempt)s,
    %(parent)s,
    %(runs)s,
    %(reload)s
)
RETURNING *;
