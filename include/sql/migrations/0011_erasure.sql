-- depends: 0010_column_classes

-- People who are erased on request, and by what they are known again without their names.

ALTER TABLE stewardship.column_class
    ADD COLUMN identifies text,
    ADD COLUMN side text,
    ADD CONSTRAINT has_side CHECK (identifies IS NULL OR side IS NOT NULL);

COMMENT ON COLUMN stewardship.column_class.identifies IS 'By what the column names a person: user_id, username, email, institution_id, name; behind a source, as in edx username, where the table is the institution''s. NULL: it does not name who is erased.';
COMMENT ON COLUMN stewardship.column_class.side IS 'Whom the column is about. row: whoever the row is about; the row goes with them. text: anybody whom it mentions; the mention alone is taken out. Anything else: somebody whom the row names; the columns of that side are emptied when they are erased.';

CREATE PROCEDURE stewardship.identify(pattern text, of_side text, by_what text, names text)
LANGUAGE plpgsql
AS $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY regexp_split_to_array(btrim(names, E' \n'), '\s+') LOOP
        UPDATE stewardship.column_class AS known
        SET identifies = by_what, side = of_side
        FROM pg_class AS c
        WHERE known.relation LIKE pattern
            AND known.name = wanted
            AND c.oid = known.relation::regclass
            AND c.relkind IN ('r', 'p');
        IF NOT FOUND THEN
            RAISE EXCEPTION 'No table like % has a column % with a class.', pattern, wanted;
        END IF;
    END LOOP;
END
$$;

COMMENT ON PROCEDURE stewardship.identify(text, text, text, text) IS 'Says which columns of tables whose names are LIKE the pattern name a person, on which side, and by what; NULL for those that are only emptied with the side.';

CALL stewardship.identify('vocareum.%', 'row', 'user_id', 'user_id userid');
CALL stewardship.identify('vocareum.%', 'row', 'email', 'user_email email');
CALL stewardship.identify('vocareum.grades', 'partner', 'user_id', 'partnerid');
CALL stewardship.identify('vocareum.grades', 'grader', 'user_id', 'graderid');
CALL stewardship.identify('echo360.%', 'row', 'user_id', 'user_id');
CALL stewardship.identify('echo360.%', 'row', 'email', 'email user_email');
CALL stewardship.identify('echo360.qanda%', 'question', 'user_id', 'question_user_id');
CALL stewardship.identify('echo360.qanda%', 'question', 'email', 'question_email');
CALL stewardship.identify(
    'echo360.qanda%', 'question', NULL, 'question question_first_name question_last_name question_role'
);
CALL stewardship.identify('echo360.qanda%', 'answer', 'user_id', 'answer_user_id');
CALL stewardship.identify('echo360.qanda%', 'answer', 'email', 'answer_email');
CALL stewardship.identify(
    'echo360.qanda%', 'answer', NULL, 'answer answer_first_name answer_last_name answer_role'
);
CALL stewardship.identify('echo360.asset%', 'owner', 'name', 'owner_name');
CALL stewardship.identify('edx.event', 'row', 'username', 'username');
CALL stewardship.identify('edx.event', 'row', 'user_id', 'user_id');
CALL stewardship.identify(
    'edx.event', 'text', NULL, 'event event_text context page referer event_type name _extras'
);
CALL stewardship.identify('people.roster', 'row', 'institution_id', 'institution_id');
CALL stewardship.identify('people.roster', 'row', 'email', 'email other_emails');
CALL stewardship.identify('people.roster', 'row', 'edx username', 'edx_username');
CALL stewardship.identify('people.roster', 'row', 'edx user_id', 'edx_user_id');
CALL stewardship.identify('people.roster', 'row', 'vocareum user_id', 'vocareum_user_id');
CALL stewardship.identify('people.roster', 'row', 'echo360 user_id', 'echo360_user_id');

CREATE TABLE stewardship.erasure (
    erasure_id uuid PRIMARY KEY,
    requested_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    done_at timestamptz,
    counts jsonb NOT NULL DEFAULT '{}'
);

COMMENT ON TABLE stewardship.erasure IS 'One line for each person who was erased on request, without a name.';
COMMENT ON COLUMN stewardship.erasure.erasure_id IS 'Made with the key stewardship_key from what the request names: the same request has the same id.';
COMMENT ON COLUMN stewardship.erasure.requested_at IS 'When the request was first taken up.';
COMMENT ON COLUMN stewardship.erasure.due_at IS 'Until when it has to be done.';
COMMENT ON COLUMN stewardship.erasure.done_at IS 'When tables and landing zone were done with.';
COMMENT ON COLUMN stewardship.erasure.counts IS 'How many rows went, or were emptied of a mention, by place.';

CREATE TABLE stewardship.tombstone (
    hash bytea NOT NULL,
    erasure_id uuid NOT NULL REFERENCES stewardship.erasure (erasure_id) ON DELETE CASCADE,
    PRIMARY KEY (hash, erasure_id)
);

CREATE INDEX tombstone_erasure ON stewardship.tombstone (erasure_id);

COMMENT ON TABLE stewardship.tombstone IS 'By what an erased person is known again: loading leaves out rows that name one, and erasure removes them. Without the key, which is in Airflow''s connection stewardship_key, nobody can be found by it.';
COMMENT ON COLUMN stewardship.tombstone.hash IS 'HMAC-SHA-256 of source, origin, kind and value, with the key stewardship_key.';
COMMENT ON COLUMN stewardship.tombstone.erasure_id IS 'The erasure.';

CALL stewardship.classify('none', 'stewardship.column_class', 'identifies side');
CALL stewardship.classify('none', 'stewardship.erasure', 'requested_at due_at done_at counts');
CALL stewardship.classify('indirect', 'stewardship.erasure', 'erasure_id');
CALL stewardship.classify('indirect', 'stewardship.tombstone', 'hash erasure_id');

INSERT INTO ops.dataset_lock (dataset) VALUES ('stewardship.tombstone');
