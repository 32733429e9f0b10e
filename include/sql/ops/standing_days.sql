SELECT
    part::date AS day,
    made_at
FROM ops.standing
WHERE dataset = %(dataset)s
    AND origin = %(origin)s
    AND part >= %(first_day)s::date::text
    AND part < %(end_day)s::date::text;
