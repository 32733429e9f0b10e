-- What a run's deliveries were of, table by table: their days, and the report requests that the run
-- made or shared.
SELECT
    d.dataset,
    min(d.first_day)::text AS first_day,
    (max(d.end_day) - 1)::text AS last_day,
    (
        SELECT count(*)
        FROM ops.report_request AS r
        WHERE
            'echo360.' || r.report = d.dataset
            AND %(run)s = ANY (r.runs)
            AND r.request_id IS NOT NULL
    ) AS requests
FROM ops.delivery AS d
WHERE d.delivery_id = ANY (%(deliveries)s)
GROUP BY d.dataset
ORDER BY d.dataset;
