-- Ours that may be in flight without being listed: just submitted, or of unknown outcome.
SELECT request.request_id
FROM ops.report_request AS request
WHERE request.origin = %(origin)s
    AND request.intent_id <> %(intent_id)s
    AND request.closed_at IS NULL
    AND (
        (request.status = 'Pending' AND request.answered_at > %(since)s)
        OR request.posting_at > %(posting_since)s
    );
