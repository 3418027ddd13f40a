-- Whose rights and whose rows.
--
-- Functions run with the rights of whoever calls them, often the scheduler's own. So they find functions, operators and types in
-- PostgreSQL's own schema and nowhere else, whatever others may have created in `public`; this file as well.
SET LOCAL search_path = pg_catalog, pg_temp;

ALTER FUNCTION {schema}.refuse_transition() SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION {schema}.forget_past_waits() SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION {schema}.copy_nodes(bigint[]) SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION {schema}.launch_all(jsonb) SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION {schema}.launch(text, text, integer, jsonb, bigint[]) SET search_path = pg_catalog, pg_temp;

-- Resolved now and for good, so that it needs no path, with which it could not be written into the statements that call it.
CREATE OR REPLACE FUNCTION {schema}.job_impact(hosts bigint, forks bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
    RETURN LEAST(LEAST(COALESCE(hosts, 0), COALESCE(NULLIF(forks, 0), 5)) + 1, 4294967295);

-- `launch` for roles that have no rights on the tables: it runs with those of the owner, so that whoever launches cannot write, and forge,
-- rows. Nobody may call it unless it is granted: to a role of one's own, with USAGE on the schema.
-- Whoever may launch chooses the payload, and with it what the handler `command` runs.
CREATE FUNCTION {schema}.submit(
    kind text, name text, priority integer DEFAULT NULL, payload jsonb DEFAULT NULL, depends_on bigint[] DEFAULT '{}'
) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT {schema}.launch($1, $2, $3, $4, $5)
$$;
REVOKE ALL ON FUNCTION {schema}.submit(text, text, integer, jsonb, bigint[]) FROM PUBLIC;

-- Whether these are keys of own resources as readers take them: a list of {"resource": text, "key": integer}.
CREATE FUNCTION {schema}.are_own_keys(keys jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN jsonb_typeof(keys) = 'array' AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(CASE jsonb_typeof(keys) WHEN 'array' THEN keys ELSE '[]' END) AS one
        WHERE CASE WHEN jsonb_typeof(one) = 'object' AND one - 'resource' - 'key' = '{}'
                AND jsonb_typeof(one -> 'resource') = 'string' AND jsonb_typeof(one -> 'key') = 'number'
                AND one ->> 'key' ~ '^-?[0-9]+$'
            THEN (one ->> 'key')::numeric NOT BETWEEN -9223372036854775808 AND 9223372036854775807
            ELSE true END);

-- What no reader could read, and what no pass could start, is kept out of the tables. Rows that are there already would fail with
-- their next change, so they are put right: a task that has not started ends with an error, and says why.
UPDATE {schema}.task SET status = 'error', finished = clock_timestamp(), own_keys = NULL,
    explanation = CASE WHEN own_keys IS NOT NULL THEN 'its own keys cannot be read' ELSE 'there is nothing that it could run' END
WHERE finished IS NULL AND status = 'pending' AND kind NOT IN ('workflow_job', 'workflow_approval')
    AND (run_id IS NULL OR own_keys IS NOT NULL AND NOT {schema}.are_own_keys(own_keys));
UPDATE {schema}.task SET own_keys = NULL
WHERE finished IS NULL AND own_keys IS NOT NULL AND NOT {schema}.are_own_keys(own_keys);
UPDATE {schema}.node SET timeout = LEAST(GREATEST(timeout, 0), 4294967295)
WHERE timeout NOT BETWEEN 0 AND 4294967295;

ALTER TABLE {schema}.task
    DROP CONSTRAINT task_own_keys,
    ADD CONSTRAINT task_own_keys CHECK (own_keys IS NULL OR {schema}.are_own_keys(own_keys)) NOT VALID,
    ADD CONSTRAINT task_run CHECK (run_id IS NOT NULL OR finished IS NOT NULL
        OR kind IN ('workflow_job', 'workflow_approval')) NOT VALID;

ALTER TABLE {schema}.launchable
    ADD CONSTRAINT launchable_own_keys CHECK (own_keys IS NULL OR {schema}.are_own_keys(own_keys)) NOT VALID;

ALTER TABLE {schema}.workflow_node
    ADD CONSTRAINT workflow_node_edges CHECK (array_position(on_success, NULL) IS NULL
        AND array_position(on_failure, NULL) IS NULL AND array_position(always, NULL) IS NULL) NOT VALID;

ALTER TABLE {schema}.node
    ADD CONSTRAINT node_timeout CHECK (timeout BETWEEN 0 AND 4294967295) NOT VALID;
