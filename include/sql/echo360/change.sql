UPDATE ops.report_request
SET
    runs = %(runs)s,
    request_id = %(request_id)s,
    status = %(status)s,
    created = %(created)s,
    problem = %(problem)s,
    posts = %(posts)s,
    posting_at = %(posting_at)s,
    seen_before = %(seen_before)s,
    refused_at = %(refused_at)s,
    answered_at = %(answered_at)s,
    closed_at = %(closed_at)s
WHERE intent_id = %(intent_id)s
RETURNING *;
