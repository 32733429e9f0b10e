-- What was asked of Echo360, and what became of it.

-- section: lock_patience
SELECT
    set_config('lock_timeout', %(milliseconds)s::text, TRUE),
    set_config('idle_in_transaction_session_timeout', '0', TRUE);

-- section: lock
-- One submits to a host at a time. The lock goes with its transaction, which waits for Echo360.
SELECT pg_advisory_xact_lock(hashtextextended('ops.report_request ' || %(origin)s, 0));

-- section: now
SELECT clock_timestamp() AS now;

-- section: of_window
-- The last line of a window that this run has a part in; else its current one, whoever wrote it.
SELECT request.*
FROM ops.report_request AS request
WHERE request.origin = %(origin)s
    AND request.report = %(report)s
    AND request.first_day = %(first_day)s
    AND request.end_day = %(end_day)s
    AND (request.closed_at IS NULL OR %(run)s = ANY (request.runs))
ORDER BY %(run)s = ANY (request.runs) DESC, request.line_id DESC
LIMIT 1;

-- section: intend
INSERT INTO ops.report_request (
    origin, report, first_day, end_day, attempt, split_from, runs, reload
)
VALUES (
    %(origin)s,
    %(report)s,
    %(first_day)s,
    %(end_day)s,
    %(attempt)s,
    %(split_from)s,
    %(runs)s,
    %(reload)s
)
RETURNING *;

-- section: change
UPDATE ops.report_request
SET
    runs = %(runs)s,
    request_id = %(request_id)s,
    status = %(status)s,
    created = %(created)s,
    problem = %(problem)s,
    submissions = %(submissions)s,
    submitting_since = %(submitting_since)s,
    listed_before = %(listed_before)s,
    refused_at = %(refused_at)s,
    answered_at = %(answered_at)s,
    closed_at = %(closed_at)s
WHERE line_id = %(line_id)s
RETURNING *;

-- section: taken
SELECT request.request_id
FROM ops.report_request AS request
WHERE request.origin = %(origin)s
    AND request.request_id = ANY (%(request_ids)s);

-- section: in_flight
-- Ours that may be in flight without being listed: just submitted, or of unknown outcome.
SELECT request.request_id
FROM ops.report_request AS request
WHERE request.origin = %(origin)s
    AND request.line_id <> %(line_id)s
    AND request.closed_at IS NULL
    AND (
        (request.status = 'Pending' AND request.answered_at > %(since)s)
        OR request.submitting_since > %(earliest_submission)s
    );

-- section: landed
-- The requests for these days whose reports have landed, and whether that is spent for another run:
-- it is held, was removed from the landing zone, or was undone and a day of it is not in the table.
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
                    SELECT FROM ops.current_part AS c
                    WHERE c.dataset = d.dataset
                        AND c.origin = d.origin
                        AND c.part = day.day::date::text
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

-- section: find
SELECT request.first_day, request.end_day, request.created, request.runs
FROM ops.report_request AS request
WHERE request.origin = %(origin)s
    AND request.request_id = %(request_id)s
ORDER BY request.line_id DESC
LIMIT 1;
