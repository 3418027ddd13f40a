-- What people define. Ids are never given twice, so that a task of a removed definition is never taken for one of its
-- successor of the same name.

CREATE TABLE {schema}.instance (
    id             bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hostname       text    NOT NULL UNIQUE CHECK (hostname <> ''),
    node_type      text    NOT NULL CHECK (node_type IN ('hybrid', 'execution', 'control', 'hop')),
    capacity       bigint  NOT NULL CHECK (capacity BETWEEN 0 AND 4294967295),
    enabled        boolean NOT NULL DEFAULT true,
    last_heartbeat timestamptz,
    -- Which life of the node: each start under the name has a higher one.
    incarnation    bigint  NOT NULL DEFAULT 0,
    version        text    NOT NULL DEFAULT ''
) WITH (fillfactor = 50);

CREATE TABLE {schema}.instance_group (
    id                  bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                text    NOT NULL UNIQUE CHECK (name <> ''),
    container           boolean NOT NULL DEFAULT false,
    max_concurrent_jobs bigint  NOT NULL DEFAULT 0 CHECK (max_concurrent_jobs BETWEEN 0 AND 4294967295),
    max_forks           bigint  NOT NULL DEFAULT 0 CHECK (max_forks BETWEEN 0 AND 4294967295)
);

CREATE TABLE {schema}.group_member (
    group_id    bigint  NOT NULL REFERENCES {schema}.instance_group ON DELETE CASCADE,
    instance_id bigint  NOT NULL REFERENCES {schema}.instance,
    -- The place in the definition, so that it is given back as it was written.
    position    integer NOT NULL,
    PRIMARY KEY (group_id, instance_id)
);

CREATE TABLE {schema}.inventory (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name  text   NOT NULL UNIQUE CHECK (name <> ''),
    hosts bigint NOT NULL DEFAULT 0 CHECK (hosts BETWEEN 0 AND 4294967295)
);

-- What a worker does: a handler and its payload. Tasks of one definition share one row; it is never changed, so that a
-- task runs what was defined when it was launched.
CREATE SEQUENCE {schema}.run_id;
CREATE TABLE {schema}.run (
    id      bigint PRIMARY KEY DEFAULT nextval('{schema}.run_id'),
    handler text   NOT NULL,
    payload jsonb  NOT NULL
);

-- Whatever can be launched, by kind and name: what a new task is filled in from stands in one row.
CREATE SEQUENCE {schema}.launchable_id;
CREATE TABLE {schema}.launchable (
    id                 bigint  PRIMARY KEY DEFAULT nextval('{schema}.launchable_id'),
    kind               text    NOT NULL
                               CHECK (kind IN ('template', 'project', 'inventory-source', 'system-job', 'workflow')),
    name               text    NOT NULL CHECK (name <> ''),
    run_id             bigint  REFERENCES {schema}.run,
    -- Ids of instance groups in order of preference; a group that is named here is not removed.
    groups             bigint[],
    priority           integer NOT NULL DEFAULT 0,
    -- A template's project, and the project that a source reads from.
    project_id         bigint  REFERENCES {schema}.launchable,
    inventory_id       bigint  REFERENCES {schema}.inventory,
    update_on_launch   boolean NOT NULL DEFAULT false,
    cache_timeout      bigint  NOT NULL DEFAULT 0 CHECK (cache_timeout BETWEEN 0 AND 4294967295),
    allow_simultaneous boolean NOT NULL DEFAULT false,
    forks              bigint  CHECK (forks BETWEEN 0 AND 4294967295),
    impact             bigint  CHECK (impact BETWEEN 0 AND 4294967295),
    slices             bigint  NOT NULL DEFAULT 1 CHECK (slices BETWEEN 1 AND 1000),
    own_keys           jsonb,
    UNIQUE (kind, name),
    CHECK ((run_id IS NULL) = (kind = 'workflow')),
    CHECK (kind <> 'inventory-source' OR inventory_id IS NOT NULL)
);
CREATE INDEX launchable_of_project ON {schema}.launchable (project_id) WHERE project_id IS NOT NULL;
CREATE INDEX launchable_of_inventory ON {schema}.launchable (inventory_id) WHERE inventory_id IS NOT NULL;

-- The graph of a workflow template. Edges are lists of node ids of the same workflow.
CREATE TABLE {schema}.workflow_node (
    workflow_id bigint NOT NULL REFERENCES {schema}.launchable ON DELETE CASCADE,
    node_id     bigint NOT NULL,
    name        text   NOT NULL,
    -- NULL for an approval.
    starts_id   bigint REFERENCES {schema}.launchable,
    timeout     bigint CHECK (timeout BETWEEN 0 AND 4294967295),
    convergence text   NOT NULL CHECK (convergence IN ('any', 'all')),
    on_success  bigint[],
    on_failure  bigint[],
    always      bigint[],
    PRIMARY KEY (workflow_id, node_id)
);
CREATE INDEX workflow_node_starts ON {schema}.workflow_node (starts_id) WHERE starts_id IS NOT NULL;

-- The rules to go by: at most one row.
CREATE TABLE {schema}.rules (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    definition jsonb   NOT NULL
);
