SELECT request.first_day, request.end_day, request.created, request.runs
FROM ops.report_request AS request
WHERE request.origin = %(origin)s
    AND request.request_id = %(request_id)s
ORDER BY request.intent_id DESC
LIMIT 1;
