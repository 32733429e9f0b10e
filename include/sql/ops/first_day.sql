SELECT min(first_day) AS first_day
FROM ops.delivery
WHERE dataset = %(dataset)s AND origin = %(origin)s;
