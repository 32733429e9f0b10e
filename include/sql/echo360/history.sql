-- What earlier runs did for a report's days.

-- section: first_scheduled
-- The first of these days that a scheduled run has requested.
SELECT min(first_day) AS first_day
FROM ops.report_request
WHERE origin = %(origin)s
    AND report = %(report)s
    AND first_day >= %(first_day)s
    AND EXISTS (SELECT FROM unnest(runs) AS run WHERE run LIKE '%% scheduled\_\_%%');

-- section: troubled
-- Days that are held, and days that were given up.
SELECT shrinks.part::date AS day
FROM ops.delivery AS d
CROSS JOIN jsonb_array_elements_text(d.details -> 'shrinks') AS shrinks (part)
WHERE d.dataset = %(dataset)s
    AND d.origin = %(origin)s
    AND d.status = 'held'
UNION
SELECT request.first_day
FROM ops.report_request AS request
WHERE request.origin = %(origin)s
    AND request.report = %(report)s
    AND request.end_day = request.first_day + 1
    AND request.attempt >= %(attempts)s
    AND request.status = ANY(%(failed)s)
    AND request.closed_at IS NOT NULL;
