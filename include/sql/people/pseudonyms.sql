-- Pseudonyms for research: opened, kept up, discarded.

-- section: open
INSERT INTO stewardship.purpose (purpose, smallest_cell)
VALUES (%(purpose)s, %(smallest_cell)s)
ON CONFLICT (purpose) DO UPDATE
    SET smallest_cell = excluded.smallest_cell;

-- section: discard
DELETE FROM stewardship.purpose
WHERE purpose = %(purpose)s;

-- section: wipe
-- Deleted lines, and samples of them in the statistics, would tell the same.
VACUUM (FULL, ANALYZE) stewardship.pseudonym;

-- section: forget
-- Who has no account any more.
DELETE FROM stewardship.pseudonym AS s
WHERE NOT EXISTS (SELECT FROM people.link AS l WHERE l.person_id = s.person_id);

-- section: add
INSERT INTO stewardship.pseudonym (purpose, person_id)
SELECT
    p.purpose,
    l.person_id
FROM stewardship.purpose AS p
CROSS JOIN (SELECT DISTINCT person_id FROM people.link) AS l
ORDER BY p.purpose, l.person_id
ON CONFLICT DO NOTHING;

-- section: counts
SELECT
    p.purpose::text AS purpose,
    count(s.person_id) AS people
FROM stewardship.purpose AS p
LEFT JOIN stewardship.pseudonym AS s ON p.purpose = s.purpose
GROUP BY p.purpose
ORDER BY p.purpose;
