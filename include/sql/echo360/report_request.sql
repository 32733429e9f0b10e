-- What was requested from Echo360, and what became of it.

-- section: lock_patience
SELECT
    set_config('lock_timeout', %(milliseconds)s::text, TRUE),
    set_config('idle_in_transaction_session_timeout', '0', TRUE);

-- section: now
SELECT clock_timestamp() AS now;

-- section: of_window
-- The last line of a window that this plan has a part in; else its current one, of any run.
SELECT request.*
FROM ops.report_request AS request
WHERE request.origin = %(origin)s
    AND request.report = %(report)s
    AND request.first_day = %(first_day)s
    AND request.end_day = %(end_day)s
    AND (request.closed_at IS NULL OR %(plan)s = ANY (request.plans))
ORDER BY %(plan)s = ANY (request.plans) DESC, request.line_id DESC
LIMIT 1;

-- section: intend
INSERT INTO ops.report_request (
    origin, report, first_day, end_day, attempt, split_from, runs, plans, reload
)
VALUES (
    %(origin)s,
    %(report)s,
    %(first_day)s,
    %(end_day)s,
    %(attempt)s,
    %(split_from)s,
    %(runs)s,
    %(plans)s,
    %(reload)s
)
RETURNING *;

-- section: change
UPDATE ops.report_request
SET
    runs = %(runs)s,
    plans = %(plans)s,
    request_id = %(request_id)s,
    status = %(status)s,
    created = %(created)s,
    problem = %(problem)s,
    submissions = %(submissions)s,
    submitting_since = %(submitting_since)s,
    listed_before = %(listed_before)s,
    refused_at = %(refused_at)s,
    answered_at = %(answered_at)s,
    in_flight_since = %(in_flight_since)s,
    waiting_since = %(waiting_since)s,
    yielding_since = %(yielding_since)s,
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

-- section: before
-- A line for each report and run that waits for a slot and whose turn comes before that of this
-- line.
WITH turns AS (
    SELECT
        request.report,
        request.runs[1] AS run,
        max(request.in_flight_since) AS had_slot_at,
        min(request.waiting_since) AS waiting_since,
        max(request.line_id) FILTER (
            WHERE request.waiting_since IS NOT NULL AND request.closed_at IS NULL
        ) AS line_id
    FROM ops.report_request AS request
    WHERE request.origin = %(origin)s
    GROUP BY request.report, request.runs[1]
)

SELECT turns.line_id
FROM turns
WHERE turns.line_id IS NOT NULL
    AND (turns.report, turns.run) <> (%(report)s, (%(runs)s::text [])[1])
    AND (coalesce(turns.had_slot_at, '-infinity'), turns.waiting_since, turns.report, turns.run) < (
        SELECT
            coalesce(max(mine.had_slot_at), '-infinity'),
            coalesce(min(mine.waiting_since), %(waiting_since)s),
            %(report)s,
            (%(runs)s::text [])[1]
        FROM turns AS mine
        WHERE mine.report = %(report)s AND mine.run = (%(runs)s::text [])[1]
    );

-- section: pass_over
UPDATE ops.report_request AS request
SET waiting_since = NULL
FROM ops.report_request AS passed
WHERE passed.line_id = ANY (%(line_ids)s)
    AND request.origin = passed.origin
    AND request.report = passed.report
    AND request.runs[1] = passed.runs[1]
    AND request.waiting_since IS NOT NULL;

-- section: queue
SELECT
    count(*) FILTER (WHERE request.waiting_since IS NOT NULL) AS windows,
    min(request.waiting_since) FILTER (WHERE request.report = %(report)s) AS waiting_since,
    max(request.in_flight_since) AS slot_taken_at
FROM ops.report_request AS request
WHERE request.origin = %(origin)s;

-- section: landed
-- The requests for these days whose reports have landed, and whether another run cannot use them:
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
