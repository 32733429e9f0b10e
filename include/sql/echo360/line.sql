-- The last line of a window that this run has a part in; else its current one, whoever wrote it.
SELECT request.*
FROM ops.report_request AS request
WHERE request.origin = %(origin)s
    AND request.report = %(report)s
    AND request.first_day = %(first_day)s
    AND request.end_day = %(end_day)s
    AND (request.closed_at IS NULL OR %(run)s = ANY (request.runs))
ORDER BY %(run)s = ANY (request.runs) DESC, request.intent_id DESC
LIMIT 1;
