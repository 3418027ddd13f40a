-- What no reader could read is kept out of the tables: one such row would stop every pass, or every message behind it. Rows that
-- are there already are not looked at again until they change.

ALTER TABLE {schema}.run
    ADD CONSTRAINT run_handler CHECK (handler ~ '^[A-Za-z0-9_.:-]{1,100}$') NOT VALID,
    -- Twice the limit of what a definition or a launch may give, since one is laid over the other.
    ADD CONSTRAINT run_payload CHECK (octet_length(payload::text) <= 2 * 1048576) NOT VALID;

ALTER TABLE {schema}.task
    ADD CONSTRAINT task_dependencies CHECK (array_position(dependencies, NULL) IS NULL) NOT VALID,
    ADD CONSTRAINT task_groups CHECK (array_position(groups, NULL) IS NULL) NOT VALID,
    ADD CONSTRAINT task_sources CHECK (array_position(sources_already_updated, NULL) IS NULL) NOT VALID,
    ADD CONSTRAINT task_own_keys CHECK (jsonb_typeof(own_keys) = 'array') NOT VALID,
    ADD CONSTRAINT task_times CHECK (isfinite(created) AND isfinite(dispatched) AND isfinite(started)
        AND isfinite(finished) AND isfinite(expires)) NOT VALID;

ALTER TABLE {schema}.launchable
    ADD CONSTRAINT launchable_groups CHECK (array_position(groups, NULL) IS NULL) NOT VALID;

ALTER TABLE {schema}.node
    ADD CONSTRAINT node_edges CHECK (array_position(on_success, NULL) IS NULL
        AND array_position(on_failure, NULL) IS NULL AND array_position(always, NULL) IS NULL) NOT VALID;

-- Whoever deletes a finished task asks whether it is the job of a node.
CREATE INDEX node_job ON {schema}.node (job_id) WHERE job_id IS NOT NULL;
