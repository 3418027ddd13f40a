-- Whose turn it is. Advisory locks are for whoever can reach the database to take, and to keep for ever; these rows and this table
-- only for who may write here.
SET LOCAL search_path = pg_catalog, pg_temp;

-- Locked row by row, and never written: a pass tries its own and waits for no other.
CREATE TABLE {schema}.turn (what text PRIMARY KEY);
INSERT INTO {schema}.turn VALUES ('pass'), ('past'), ('definitions');

-- Locked as a whole, shared or alone: who wants it alone is not overtaken by others who share it, as on a row.
CREATE TABLE {schema}.turn_of_pending ();

CREATE FUNCTION {schema}.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the rows of "turn" stand for locks, and stay as they are';
END $$;
CREATE TRIGGER kept BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {schema}.turn
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_change();
