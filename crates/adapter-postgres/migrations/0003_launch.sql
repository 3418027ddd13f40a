-- Launching, for the program and for any client inside its own transaction.

-- R6.6: one fork more than the hosts it can work on at once; no inventory has no hosts.
CREATE FUNCTION {schema}.job_impact(hosts bigint, forks bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT LEAST(LEAST(COALESCE(hosts, 0), COALESCE(NULLIF(forks, 0), 5)) + 1, 4294967295)
$$;

-- Gives these new workflow jobs their graphs: copies of their templates', or one node a slice.
CREATE FUNCTION {schema}.copy_nodes(workflows bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO {schema}.node
        (workflow_id, node_id, name, starts_id, timeout, convergence, on_success, on_failure, always)
    SELECT t.id, n.node_id, n.name, n.starts_id, n.timeout, n.convergence, n.on_success, n.on_failure, n.always
    FROM {schema}.task t JOIN {schema}.workflow_node n ON n.workflow_id = t.workflow_template_id
    WHERE t.id = ANY (workflows) AND t.kind = 'workflow_job';
    INSERT INTO {schema}.node (workflow_id, node_id, name, starts_id)
    SELECT t.id, slice, 'slice ' || slice, l.id
    FROM {schema}.task t
        JOIN {schema}.launchable l ON l.id = t.template_id
        CROSS JOIN generate_series(1, l.slices) AS slice
    WHERE t.id = ANY (workflows) AND t.kind = 'workflow_job';
$$;

-- Launches a list of requests, all or none, and returns their ids in the same order. A request is an object with `kind` and
-- `name` of what is defined, and optionally `priority`, `payload`, `depends_on`, `launch_type`, `trace`; of kind
-- `ad-hoc-command` its `name` is the inventory's, and it has `handler`, `groups` and `forks` of its own.
CREATE FUNCTION {schema}.launch_all(requests jsonb) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
    workflows bigint[];
    wrong text;
BEGIN
    WITH request AS MATERIALIZED (
        SELECT nextval('{schema}.task_id') AS id, asked.*
        FROM (
            SELECT * FROM ROWS FROM (jsonb_to_recordset(requests) AS (kind text, name text, priority integer,
                payload jsonb, depends_on bigint[], launch_type text, trace text, handler text, groups text[],
                forks bigint)) WITH ORDINALITY AS r (kind, name, priority, payload, depends_on, launch_type, trace,
                handler, groups, forks, position)
            ORDER BY position
        ) AS asked
    ), filled AS MATERIALIZED (
        SELECT r.id, r.position, r.payload, r.handler, r.depends_on, r.trace,
            COALESCE(r.launch_type, 'manual') AS launch_type,
            CASE WHEN l.id IS NULL THEN 'ad_hoc_command' WHEN l.slices > 1 OR l.kind = 'workflow' THEN 'workflow_job'
                WHEN l.kind = 'template' THEN 'job' WHEN l.kind = 'project' THEN 'project_update'
                WHEN l.kind = 'inventory-source' THEN 'inventory_update' ELSE 'system_job' END AS kind,
            l.kind AS of_kind, l.id AS of_id, l.run_id AS defined_run, l.project_id, l.own_keys,
            -- Not the command itself, whose arguments may hold secrets.
            COALESCE(l.name, r.handler) AS name,
            COALESCE(r.priority, l.priority, 0) AS priority,
            COALESCE(l.allow_simultaneous, false) AS allow_simultaneous,
            i.id AS inventory_id, i.hosts, COALESCE(r.forks, l.forks) AS forks, l.impact AS set_impact,
            CASE WHEN l.id IS NOT NULL THEN l.groups
                ELSE NULLIF(ARRAY(SELECT g.id FROM unnest(r.groups) WITH ORDINALITY AS named (name, position)
                    JOIN {schema}.instance_group g ON g.name = named.name ORDER BY named.position), '{}')
                END AS groups,
            CASE WHEN (r.payload IS NOT NULL AND l.kind IS DISTINCT FROM 'workflow') OR l.id IS NULL
                THEN nextval('{schema}.run_id') END AS own_run
        FROM request r
            LEFT JOIN {schema}.launchable l ON l.kind = r.kind AND l.name = r.name
            LEFT JOIN {schema}.inventory i
                ON i.id = COALESCE(l.inventory_id,
                    (SELECT named.id FROM {schema}.inventory named
                        WHERE r.kind = 'ad-hoc-command' AND named.name = r.name))
        WHERE l.id IS NOT NULL
            OR i.id IS NOT NULL AND NOT EXISTS (SELECT FROM unnest(r.groups) AS named
                WHERE named NOT IN (SELECT g.name FROM {schema}.instance_group g))
    ), own AS (
        INSERT INTO {schema}.run (id, handler, payload)
        SELECT f.own_run, COALESCE(f.handler, d.handler),
            CASE WHEN d.payload IS NULL THEN COALESCE(f.payload, 'null')
                WHEN jsonb_typeof(d.payload) = 'object' AND jsonb_typeof(f.payload) = 'object'
                THEN d.payload || f.payload ELSE f.payload END
        FROM filled f LEFT JOIN {schema}.run d ON d.id = f.defined_run
        WHERE f.own_run IS NOT NULL
    ), launched AS (
        INSERT INTO {schema}.task (id, name, kind, launch_type, priority, impact, allow_simultaneous, run_id, project_id,
            inventory_id, template_id, workflow_template_id, source_id, source_project_id, update_type, groups, own_keys,
            dependencies, trace)
        SELECT id, name, kind, launch_type, priority,
            CASE kind WHEN 'job' THEN COALESCE(set_impact, {schema}.job_impact(hosts, forks))
                WHEN 'ad_hoc_command' THEN {schema}.job_impact(hosts, forks)
                WHEN 'system_job' THEN 5 WHEN 'workflow_job' THEN 0 ELSE 1 END,
            allow_simultaneous,
            COALESCE(own_run, defined_run),
            CASE kind WHEN 'job' THEN project_id WHEN 'project_update' THEN of_id END,
            CASE WHEN kind IN ('job', 'inventory_update', 'ad_hoc_command') THEN inventory_id END,
            CASE of_kind WHEN 'template' THEN of_id END,
            CASE of_kind WHEN 'workflow' THEN of_id END,
            CASE kind WHEN 'inventory_update' THEN of_id END,
            CASE kind WHEN 'inventory_update' THEN project_id END,
            CASE kind WHEN 'project_update' THEN 'check' END,
            groups, CASE kind WHEN 'job' THEN own_keys END, NULLIF(depends_on, '{}'), trace
        FROM filled ORDER BY position
        RETURNING id, kind
    )
    SELECT (SELECT array_agg(f.id ORDER BY f.position) FROM filled f),
        (SELECT array_agg(l.id) FROM launched l WHERE l.kind = 'workflow_job')
    INTO ids, workflows;

    SELECT string_agg(DISTINCT format('"%s"', r.name), ', ') INTO wrong
    FROM jsonb_to_recordset(requests) AS r (kind text, name text, payload jsonb)
    WHERE r.kind = 'workflow' AND r.payload IS NOT NULL;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the workflow % runs nothing itself, so it takes no payload: give it to what its nodes start', wrong
            USING ERRCODE = 'SCH01';
    END IF;

    IF COALESCE(cardinality(ids), 0) <> jsonb_array_length(requests) THEN
        SELECT string_agg(DISTINCT CASE WHEN r.kind <> 'ad-hoc-command' THEN format('%s "%s"', r.kind, r.name)
            ELSE format('inventory "%s" or one of the groups %s', r.name, COALESCE(r.groups, '{}')) END, ', ')
        INTO wrong
        FROM jsonb_to_recordset(requests) AS r (kind text, name text, groups text[])
        WHERE NOT EXISTS (SELECT FROM {schema}.launchable l WHERE l.kind = r.kind AND l.name = r.name)
            AND (r.kind <> 'ad-hoc-command'
                OR NOT EXISTS (SELECT FROM {schema}.inventory i WHERE i.name = r.name)
                OR EXISTS (SELECT FROM unnest(r.groups) AS named
                    WHERE named NOT IN (SELECT g.name FROM {schema}.instance_group g)));
        RAISE EXCEPTION 'nothing is launched, since this is not defined: %; define it, or correct the name', wrong
            USING ERRCODE = 'SCH01';
    END IF;

    SELECT string_agg(DISTINCT dependency, ', ') INTO wrong
    FROM jsonb_array_elements(requests) AS r
        CROSS JOIN jsonb_array_elements_text(NULLIF(r -> 'depends_on', 'null')) AS dependency
    WHERE NOT EXISTS (SELECT FROM {schema}.task t WHERE t.id = dependency::bigint AND t.id <> ALL (ids));
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'nothing is launched, since there is no task % to depend on: correct the id', wrong
            USING ERRCODE = 'SCH01';
    END IF;

    IF workflows IS NOT NULL THEN
        PERFORM {schema}.copy_nodes(workflows);
    END IF;
    PERFORM pg_notify('{channel}', 'schedule');
    RETURN COALESCE(ids, '{}');
END $$;

-- Launches what is defined under this kind (`template`, `project`, `inventory-source`, `system-job`, `workflow`) and name, as part
-- of the caller's transaction; the payload is laid over the defined one, key by key.
CREATE FUNCTION {schema}.launch(
    kind text, name text, priority integer DEFAULT NULL, payload jsonb DEFAULT NULL, depends_on bigint[] DEFAULT '{}'
) RETURNS bigint LANGUAGE sql AS $$
    SELECT ({schema}.launch_all(jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
        'kind', $1, 'name', $2, 'priority', $3, 'depends_on', to_jsonb($5)))
        || CASE WHEN $4 IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('payload', $4) END)))[1]
$$;
