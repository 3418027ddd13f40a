-- Tasks, the graphs of workflow jobs, stored holds, outputs and the outbox.
--
-- `task` is read whole by every pass (its unfinished rows) and written in bulk. So `status` and all that changes with it
-- stand in no index: pending → waiting → running rewrites a row within its page where there is room (a HOT update), and
-- only a task's end touches an index. Half-filled pages leave that room for a pass that starts everything at once.
-- Nothing here has a foreign key to a definition: one such row would be share-locked by
-- every launch, and a task keeps its keys when its definition is removed.

CREATE SEQUENCE {schema}.task_id;
CREATE SEQUENCE {schema}.dispatch_id;

CREATE TABLE {schema}.task (
    id                      bigint      PRIMARY KEY DEFAULT nextval('{schema}.task_id'),
    created                 timestamptz NOT NULL DEFAULT now(),
    impact                  bigint      NOT NULL DEFAULT 0 CHECK (impact BETWEEN 0 AND 4294967295),
    priority                integer     NOT NULL DEFAULT 0,
    dependencies_derived    boolean     NOT NULL DEFAULT false,
    cancel_requested        boolean     NOT NULL DEFAULT false,
    allow_simultaneous      boolean     NOT NULL DEFAULT false,
    kind                    text        NOT NULL,
    status                  text        NOT NULL DEFAULT 'pending',
    launch_type             text        NOT NULL DEFAULT 'manual',
    name                    text        NOT NULL,
    -- What a worker does; of a workflow job of slices, what each of them does.
    run_id                  bigint,
    project_id              bigint,
    inventory_id            bigint,
    template_id             bigint,
    workflow_template_id    bigint,
    source_id               bigint,
    source_project_id       bigint,
    update_type             text        CHECK (update_type IN ('check', 'run')),
    sources_already_updated bigint[],
    expires                 timestamptz,
    -- Instance groups in order of preference; NULL for the default groups.
    groups                  bigint[],
    own_keys                jsonb,
    -- Tasks that must be successful first. A list, since it is read and written with the row and never looked up backwards.
    dependencies            bigint[],
    trace                   text,
    -- The workflow job whose node it is the job of.
    workflow_id             bigint,
    dispatch_id             bigint,
    dispatched              timestamptz,
    group_id                bigint,
    node_id                 bigint,
    controller_id           bigint,
    -- Who runs it, in which life.
    taken_by                bigint,
    incarnation             bigint,
    started                 timestamptz,
    finished                timestamptz,
    explanation             text,
    CONSTRAINT task_kind CHECK (kind IN ('job', 'project_update', 'inventory_update', 'ad_hoc_command', 'system_job',
        'workflow_job', 'workflow_approval')),
    CONSTRAINT task_launch_type CHECK (launch_type IN ('manual', 'relaunch', 'callback', 'scheduled', 'dependency',
        'workflow', 'sync', 'scm', 'webhook')),
    CONSTRAINT task_status CHECK (status IN ('pending', 'waiting', 'running', 'successful', 'failed', 'error', 'canceled')),
    CONSTRAINT task_finished CHECK ((finished IS NULL) = (status IN ('pending', 'waiting', 'running'))),
    -- A fence exactly where somebody may take or hold the task; workflow jobs and approvals are never dispatched (R6.5).
    CONSTRAINT task_dispatch CHECK (CASE status
        WHEN 'pending' THEN dispatch_id IS NULL AND dispatched IS NULL AND group_id IS NULL AND taken_by IS NULL
        WHEN 'waiting' THEN dispatch_id IS NOT NULL AND dispatched IS NOT NULL AND run_id IS NOT NULL
            AND taken_by IS NULL
        WHEN 'running' THEN started IS NOT NULL
            AND (dispatch_id IS NULL) = (kind IN ('workflow_job', 'workflow_approval'))
        ELSE true END)
) WITH (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05
);

-- What a pass reads. `id` never changes and `finished` only once.
CREATE INDEX task_unfinished ON {schema}.task (id) WHERE finished IS NULL;
CREATE INDEX task_workflow ON {schema}.task (id) WHERE finished IS NULL AND kind = 'workflow_job';
-- The update that finished last (R4.2).
CREATE INDEX task_project_update ON {schema}.task (project_id, finished DESC, id DESC)
    WHERE finished IS NOT NULL AND kind = 'project_update' AND update_type = 'check' AND launch_type <> 'sync';
CREATE INDEX task_source_update ON {schema}.task (source_id, finished DESC, id DESC)
    WHERE finished IS NOT NULL AND kind = 'inventory_update' AND launch_type <> 'sync';
-- What people look at: the latest first.
CREATE INDEX task_finished ON {schema}.task (finished DESC, id DESC) WHERE finished IS NOT NULL;

CREATE FUNCTION {schema}.refuse_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'task % may not go from % to %', OLD.id, OLD.status, NEW.status USING ERRCODE = 'SCH02';
END $$;

-- What is finished stays so, what is taken up is not dispatched again, and nothing is taken up without a dispatch. The
-- condition is checked without calling the function, which costs next to nothing.
CREATE TRIGGER task_transition BEFORE UPDATE OF status ON {schema}.task FOR EACH ROW
    WHEN (OLD.finished IS NOT NULL AND OLD.status <> NEW.status
        OR OLD.status = 'running' AND NEW.status = 'waiting'
        OR OLD.status = 'pending' AND NEW.status = 'running' AND OLD.kind NOT IN ('workflow_job', 'workflow_approval'))
    EXECUTE FUNCTION {schema}.refuse_transition();

-- The graph that a workflow job runs: a copy of its template's, or one node a slice.
CREATE TABLE {schema}.node (
    workflow_id bigint NOT NULL REFERENCES {schema}.task ON DELETE CASCADE,
    node_id     bigint NOT NULL,
    name        text   NOT NULL,
    -- What it starts; NULL for an approval. No foreign key: a definition that is gone is a missing template (R7.2).
    starts_id   bigint,
    timeout     bigint,
    convergence text   NOT NULL DEFAULT 'any' CHECK (convergence IN ('any', 'all')),
    on_success  bigint[],
    on_failure  bigint[],
    always      bigint[],
    progress    text   NOT NULL DEFAULT 'untouched'
                       CHECK (progress IN ('untouched', 'skipped', 'template_missing', 'job')),
    job_id      bigint REFERENCES {schema}.task,
    PRIMARY KEY (workflow_id, node_id),
    CHECK ((progress = 'job') = (job_id IS NOT NULL))
) WITH (fillfactor = 80);

-- Why a pending task was held when that last changed. The digest covers what waits for what, not the numbers that waver.
CREATE TABLE {schema}.held (
    task_id bigint      PRIMARY KEY REFERENCES {schema}.task ON DELETE CASCADE,
    digest  bigint      NOT NULL,
    token   text        NOT NULL,
    reason  jsonb       NOT NULL,
    since   timestamptz NOT NULL
);

-- What a task printed: in a table of its own, so that no pass reads past it.
CREATE TABLE {schema}.task_output (
    task_id   bigint  PRIMARY KEY REFERENCES {schema}.task ON DELETE CASCADE,
    text      text    NOT NULL,
    truncated boolean NOT NULL
);

-- Messages to send. No foreign key: rows are only made from the very update that dispatches the task.
CREATE TABLE {schema}.outbox (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id     bigint      NOT NULL,
    dispatch_id bigint      NOT NULL,
    -- The node whose queue it goes to; NULL for the shared one.
    node_id     bigint,
    written     timestamptz NOT NULL DEFAULT statement_timestamp(),
    rests_until timestamptz,
    kind        text        NOT NULL,
    handler     text        NOT NULL,
    trace       text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
