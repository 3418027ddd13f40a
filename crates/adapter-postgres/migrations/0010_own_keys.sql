-- Keys of a user's own resources: with a mode of their own, and given when something is launched.
SET LOCAL search_path = pg_catalog, pg_temp;

-- Whether these are keys of own resources as readers take them: a list of {"resource": text, "key": integer}, each with or without a
-- "mode".
CREATE OR REPLACE FUNCTION {schema}.are_own_keys(keys jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN jsonb_typeof(keys) = 'array' AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(CASE jsonb_typeof(keys) WHEN 'array' THEN keys ELSE '[]' END) AS one
        WHERE CASE WHEN jsonb_typeof(one) = 'object' AND one - 'resource' - 'key' - 'mode' = '{}'
                AND jsonb_typeof(one -> 'resource') = 'string' AND jsonb_typeof(one -> 'key') = 'number'
                AND one ->> 'key' ~ '^-?[0-9]+$'
                AND COALESCE(one -> 'mode', 'null') IN
                    ('null', '"update"', '"use"', '"command"', '"exclusive"', '"shared"', '"slices"')
            THEN (one ->> 'key')::numeric NOT BETWEEN -9223372036854775808 AND 9223372036854775807
            ELSE true END);

-- Launches a list of requests, all or none, and returns their ids in the same order. A request is an object with `kind` and
-- `name` of what is defined, and optionally `priority`, `payload`, `depends_on`, `launch_type`, `trace`, `own_keys`
-- (added to those that are defined; of what becomes a workflow job its own, and not those of its jobs); of kind `ad-hoc-command` its
-- `name` is the inventory's, and it has `handler`, `groups` and `forks` of its own.
CREATE OR REPLACE FUNCTION {schema}.launch_all(requests jsonb) RETURNS bigint[] LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ids bigint[];
    workflows bigint[];
    wrong text;
BEGIN
    SELECT string_agg(DISTINCT r.own_keys::text, ', ') INTO wrong
    FROM jsonb_to_recordset(requests) AS r (own_keys jsonb)
    WHERE CASE WHEN r.own_keys IS NULL OR r.own_keys = 'null' THEN false WHEN {schema}.are_own_keys(r.own_keys)
        THEN jsonb_array_length(r.own_keys) > 100 ELSE true END;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'nothing is launched, since these are no keys of own resources: %; give a list of at most 100, each as {"resource": "licence", "key": 7}, with a "mode" if it is to be claimed in another than the rule''s', left(wrong, 1000)
            USING ERRCODE = 'SCH01';
    END IF;

    WITH request AS MATERIALIZED (
        SELECT nextval('{schema}.task_id') AS id, asked.*
        FROM (
            SELECT * FROM ROWS FROM (jsonb_to_recordset(requests) AS (kind text, name text, priority integer,
                payload jsonb, depends_on bigint[], launch_type text, trace text, handler text, groups text[],
                forks bigint, own_keys jsonb)) WITH ORDINALITY AS r (kind, name, priority, payload, depends_on, launch_type,
                trace, handler, groups, forks, asked_keys, position)
            ORDER BY position
        ) AS asked
    ), filled AS MATERIALIZED (
        SELECT r.id, r.position, r.payload, r.handler, r.depends_on, r.trace,
            COALESCE(r.launch_type, 'manual') AS launch_type,
            CASE WHEN l.id IS NULL THEN 'ad_hoc_command' WHEN l.slices > 1 OR l.kind = 'workflow' THEN 'workflow_job'
                WHEN l.kind = 'template' THEN 'job' WHEN l.kind = 'project' THEN 'project_update'
                WHEN l.kind = 'inventory-source' THEN 'inventory_update' ELSE 'system_job' END AS kind,
            l.kind AS of_kind, l.id AS of_id, l.run_id AS defined_run, l.project_id, l.own_keys,
            COALESCE(NULLIF(r.asked_keys, 'null'), '[]') AS asked_keys,
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
            groups, NULLIF(CASE kind WHEN 'job' THEN COALESCE(own_keys, '[]') ELSE '[]' END || asked_keys, '[]'),
            NULLIF(depends_on, '{}'), trace
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

-- `launch` and `submit` take keys too. With one more argument they are new functions, so they take over the owners and the rights of
-- those that they replace.
DO $$
DECLARE
    old record;
    rights text[] := '{}';
    each text;
BEGIN
    FOR old IN
        SELECT p.oid::regprocedure AS signature, p.proname, p.proacl,
            format('%I.%I(text, text, integer, jsonb, bigint[], jsonb)', n.nspname, p.proname) AS renewed,
            pg_get_userbyid(p.proowner) AS owner
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.oid IN (to_regprocedure('{schema}.launch(text, text, integer, jsonb, bigint[])'),
            to_regprocedure('{schema}.submit(text, text, integer, jsonb, bigint[])'))
    LOOP
        rights := rights || format('ALTER FUNCTION %s OWNER TO %I', old.renewed, old.owner);
        IF old.proacl IS NOT NULL THEN
            rights := rights || format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', old.renewed)
                || ARRAY(SELECT format('GRANT EXECUTE ON FUNCTION %s TO %s%s', old.renewed,
                    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                    CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
                    FROM aclexplode(old.proacl) AS a WHERE a.privilege_type = 'EXECUTE');
        END IF;
        EXECUTE format('DROP FUNCTION %s', old.signature);
    END LOOP;

    -- Launches what is defined under this kind (`template`, `project`, `inventory-source`, `system-job`, `workflow`) and name, as part
    -- of the caller's transaction; the payload is laid over the defined one, key by key, the keys of own resources are added.
    CREATE FUNCTION {schema}.launch(
        kind text, name text, priority integer DEFAULT NULL, payload jsonb DEFAULT NULL, depends_on bigint[] DEFAULT '{}',
        own_keys jsonb DEFAULT NULL
    ) RETURNS bigint LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $launch$
        SELECT ({schema}.launch_all(jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
            'kind', $1, 'name', $2, 'priority', $3, 'depends_on', to_jsonb($5), 'own_keys', $6))
            || CASE WHEN $4 IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('payload', $4) END)))[1]
    $launch$;

    -- `launch` for roles that have no rights on the tables: it runs with those of the owner, so that whoever launches cannot write,
    -- and forge, rows. Nobody may call it unless it is granted: to a role of one's own, with USAGE on the schema.
    -- Whoever may launch chooses the payload, and with it what the handler `command` runs.
    CREATE FUNCTION {schema}.submit(
        kind text, name text, priority integer DEFAULT NULL, payload jsonb DEFAULT NULL, depends_on bigint[] DEFAULT '{}',
        own_keys jsonb DEFAULT NULL
    ) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $submit$
        SELECT {schema}.launch($1, $2, $3, $4, $5, $6)
    $submit$;
    REVOKE ALL ON FUNCTION {schema}.submit(text, text, integer, jsonb, bigint[], jsonb) FROM PUBLIC;

    FOREACH each IN ARRAY rights LOOP
        EXECUTE each;
    END LOOP;
END $$;
