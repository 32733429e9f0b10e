-- Rejected rows of a delivery that were read again, and are rows now.

-- section: still_rejected
-- A rival, or a reload of the delivery, may have been quicker.
DELETE FROM {staging} AS s
WHERE NOT EXISTS (
        SELECT FROM ops.rejected_row AS r
        WHERE r.delivery_id = %(delivery_id)s AND r._row = s._row
    );

-- section: accept
DELETE FROM ops.rejected_row AS r
USING {staging} AS s
WHERE r.delivery_id = %(delivery_id)s AND r._row = s._row;
