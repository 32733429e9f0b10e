SELECT request.request_id
FROM ops.report_request AS request
WHERE request.origin = %(origin)s
    AND request.request_id = ANY (%(request_ids)s);
