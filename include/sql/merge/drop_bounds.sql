ALTER TABLE {partition} DROP CONSTRAINT {bounds};
