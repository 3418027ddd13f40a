-- What tasks waited for before, one row a stretch: written by the statement that replaces or removes a stored hold, so it
-- costs an insertion for each hold that ends, and a start that was never held costs nothing.
--
-- No foreign key: checking it would cost as much again, and rows are only made from `held`, which has one. With its task a
-- row is deleted all the same.
CREATE TABLE {schema}.past_wait (
    task_id  bigint      NOT NULL,
    since    timestamptz NOT NULL,
    finished timestamptz NOT NULL,
    reason   jsonb       NOT NULL
);
CREATE INDEX past_wait_task ON {schema}.past_wait (task_id);

CREATE FUNCTION {schema}.forget_past_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM {schema}.past_wait w USING gone WHERE w.task_id = gone.id;
    RETURN NULL;
END $$;

CREATE TRIGGER task_deleted AFTER DELETE ON {schema}.task REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.forget_past_waits();
