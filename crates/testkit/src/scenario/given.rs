//! The lines of `given`, read into a snapshot.

use std::sync::Arc;

use scheduler_core::{
    Convergence, Dispatch, DispatchId, Edge, EdgeKind, Forks, Graph, GroupId, Instance, InstanceGroup,
    InventorySource, LastUpdate, LaunchType, Members, Node, NodeId, NodeType, OwnKey, Placement, Priority,
    Progress, Project, Seconds, Snapshot, State, Task, TaskCount, TaskId, ThinVec, Work, cpu_capacity,
    instance_capacity, job_impact, memory_capacity,
};

use super::line::{Line, ParseError, now, outcome};
use super::names::Names;
use super::work::WorkLine;

/// A snapshot in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub(super) snapshot: Snapshot,
    pub(super) names: Names,
    /// The workflow that the next nodes belong to, and whether its graph was begun.
    workflow: Option<(TaskId, bool)>,
}

impl Given {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self { snapshot: Snapshot { now: now(), ..Snapshot::default() }, ..Self::default() }
    }

    /// Adds the cluster of a block that names none; must come before the first task is read.
    pub(super) fn default_cluster(&mut self) {
        let node = self.names.define_instance("node-a");
        let group = self.names.define_group("default");
        self.snapshot.instances.push(Instance {
            id: node,
            hostname: "node-a".to_owned(),
            node_type: NodeType::Hybrid,
            capacity: Forks::new(100),
            enabled: true,
            last_heartbeat: Some(now()),
        });
        self.snapshot.groups.push(InstanceGroup {
            id: group,
            name: "default".to_owned(),
            members: Members::Instances(vec![node]),
            max_concurrent_jobs: TaskCount::new(0),
            max_forks: Forks::ZERO,
        });
    }

    /// Reads one line.
    pub(super) fn line(&mut self, mut line: Line<'_>) -> Result<(), ParseError> {
        let Some(word) = line.next() else { return Ok(()) };
        match word.as_str() {
            "no" if line.skip("cluster") => {}
            "instance" => self.instance(&mut line)?,
            "group" => self.group(&mut line)?,
            "project" | "source" => self.updated(&word, &mut line)?,
            "graph" => {
                self.graph(&line, true)?;
            }
            "node" => self.node(&mut line)?,
            "edge" => self.edge(&mut line)?,
            _ => match WorkLine::start(&word) {
                Some(work) => self.task(work, &mut line)?,
                None => return Err(line.error(format!("`{word}` opens no line of `given`"))),
            },
        }
        line.done()
    }

    fn instance(&mut self, line: &mut Line<'_>) -> Result<(), ParseError> {
        let name = line.word("a name")?;
        let mut instance = Instance {
            id: self.names.define_instance(&name),
            hostname: name,
            node_type: NodeType::Hybrid,
            capacity: Forks::new(100),
            enabled: true,
            last_heartbeat: Some(now()),
        };
        while let Some(word) = line.next() {
            match word.as_str() {
                "capacity" => instance.capacity = Forks::new(line.number("a number of forks")?),
                "cpus" => instance.capacity = capacity(line)?,
                "type" => {
                    let word = line.word("a node type")?;
                    instance.node_type = match word.as_str() {
                        "hybrid" => NodeType::Hybrid,
                        "execution" => NodeType::Execution,
                        "control" => NodeType::Control,
                        "hop" => NodeType::Hop,
                        _ => return Err(line.error(format!("`{word}` is no node type"))),
                    };
                }
                "disabled" => instance.enabled = false,
                "heartbeat" if line.skip("never") => instance.last_heartbeat = None,
                "heartbeat" => instance.last_heartbeat = Some(line.time("a moment or `never`")?),
                "hostname" => instance.hostname = line.word("a hostname")?,
                _ => return Err(line.error(format!("an instance has no `{word}`"))),
            }
        }
        self.snapshot.instances.push(instance);
        Ok(())
    }

    fn group(&mut self, line: &mut Line<'_>) -> Result<(), ParseError> {
        let name = line.word("a name")?;
        let Some(name) = name.strip_suffix(':') else {
            return Err(line.error("a group's name ends with a colon, and its members follow"));
        };
        let mut group = InstanceGroup {
            id: self.names.define_group(name),
            name: name.to_owned(),
            members: Members::Instances(Vec::new()),
            max_concurrent_jobs: TaskCount::new(0),
            max_forks: Forks::ZERO,
        };
        while let Some(word) = line.next() {
            match (word.as_str(), &mut group.members) {
                ("max-jobs", _) => group.max_concurrent_jobs = TaskCount::new(line.number("a limit")?),
                ("max-forks", _) => group.max_forks = Forks::new(line.number("a limit")?),
                ("container", members) => *members = Members::Container,
                (name, Members::Instances(members)) => match self.names.known_instance(name) {
                    Some(instance) => members.push(instance),
                    None => return Err(line.error(format!("no instance `{name}` above"))),
                },
                (_, Members::Container) => return Err(line.error("a container group has no instances")),
            }
        }
        self.snapshot.groups.push(group);
        Ok(())
    }

    fn updated(&mut self, what: &str, line: &mut Line<'_>) -> Result<(), ParseError> {
        let id: i64 = line.number("an id")?;
        let (mut update_on_launch, mut cache_timeout, mut last_update) = (false, Seconds::new(0), None);
        let (mut inventory, mut source_project) = (None, None);
        while let Some(word) = line.next() {
            match (what, word.as_str()) {
                (_, "update-on-launch") => update_on_launch = true,
                (_, "cache") => cache_timeout = Seconds::new(line.seconds("a length of time")?),
                (_, "last") => {
                    let task = TaskId::new(line.number("a task")?);
                    last_update = Some(LastUpdate { task, outcome: line.outcome()?, at: line.maybe_time() });
                }
                ("source", "inventory") => inventory = Some(line.number::<i64>("an inventory")?),
                ("source", "from-project") => source_project = Some(line.number::<i64>("a project")?),
                _ => return Err(line.error(format!("a {what} has no `{word}`"))),
            }
        }
        if what == "project" {
            self.snapshot.projects.push(Project {
                id: id.into(),
                update_on_launch,
                cache_timeout,
                last_update,
            });
            return Ok(());
        }
        let inventory = inventory.ok_or_else(|| line.error("a source belongs to an `inventory`"))?;
        self.snapshot.inventory_sources.push(InventorySource {
            id: id.into(),
            inventory: inventory.into(),
            update_on_launch,
            cache_timeout,
            source_project: source_project.map(Into::into),
            last_update,
        });
        Ok(())
    }

    fn task(&mut self, mut work: WorkLine, line: &mut Line<'_>) -> Result<(), ParseError> {
        let id = TaskId::new(line.number("the task's id")?);
        let kind = work.kind();
        let first_group = self.snapshot.groups.first().map(|group| group.id);
        let mut groups: Option<Vec<GroupId>> = None;
        let mut task = Task {
            impact: Forks::new(u32::from(kind.needs_place())),
            dependencies_derived: true,
            ..Task::new(id, now() - chrono::TimeDelta::seconds(60), Work::SystemJob {})
        };
        let mut state = StateLine::default();
        while let Some(word) = line.next() {
            if work.attribute(&word, line)? || state.attribute(&word, line, &mut self.names)? {
                continue;
            }
            match word.as_str() {
                "created" => task.created = line.time("a moment")?,
                "priority" => task.priority = Priority::new(line.number("a priority")?),
                "impact" => task.impact = Forks::new(line.number("a number of forks")?),
                "hosts" => task.impact = impact_of_hosts(line)?,
                "in" => groups = Some(self.names.groups(line)?),
                "after" => task.dependencies.extend(line.numbers().into_iter().map(TaskId::new)),
                "launch" => task.launch_type = launch_type(line)?,
                "name" => task.name = Arc::from(line.word("a name")?),
                "key" => {
                    let resource = line.word("a resource")?;
                    task.own_keys.push(OwnKey::new(resource, line.number::<i64>("a key")?));
                }
                "mode" => {
                    let mode = super::rules::mode(line)?;
                    let last = task.own_keys.last_mut().ok_or_else(|| line.error("a mode follows a key"))?;
                    last.mode = Some(mode);
                }
                "new" => task.dependencies_derived = false,
                "cancel" => task.cancel_requested = true,
                _ => return Err(line.error(format!("a {kind} has no `{word}`"))),
            }
        }
        let usual = Placement {
            group: first_group,
            node: self.snapshot.instances.first().map(|instance| instance.id),
            controller: None,
        };
        task.state = state.finish(id, if kind.needs_place() { usual } else { Placement::default() });
        task.work = work.finish();
        let usual_groups = first_group.filter(|_| kind.needs_place()).into_iter().collect();
        task.groups = Arc::from(groups.unwrap_or(usual_groups));
        self.workflow = matches!(task.work, Work::WorkflowJob { .. }).then_some((id, false));
        self.snapshot.tasks.push(task);
        Ok(())
    }

    /// The graph that the line belongs to; a new one when there is none yet or when it is asked for.
    fn graph(&mut self, line: &Line<'_>, new: bool) -> Result<&mut Graph, ParseError> {
        let Some((workflow, begun)) = &mut self.workflow else {
            return Err(line.error("a graph's lines stand below their workflow"));
        };
        if new || !*begun {
            *begun = true;
            let graph = Graph { workflow: *workflow, nodes: Vec::new(), edges: Vec::new() };
            self.snapshot.graphs.push(graph);
        }
        self.snapshot.graphs.last_mut().ok_or_else(|| line.error("no graph"))
    }

    fn node(&mut self, line: &mut Line<'_>) -> Result<(), ParseError> {
        let usual = Work::Job {
            project: Some(1.into()),
            inventory: Some(1.into()),
            template: None,
            allow_simultaneous: false,
            sources_already_updated: ThinVec::new(),
        };
        let mut node = Node {
            id: NodeId::new(line.number("the node's id")?),
            starts: Some(Box::new(usual)),
            convergence: Convergence::Any,
            progress: Progress::Untouched,
        };
        while let Some(word) = line.next() {
            match word.as_str() {
                "all" => node.convergence = Convergence::All,
                "skipped" => node.progress = Progress::Skipped,
                "template-missing" => node.progress = Progress::TemplateMissing,
                "job" => node.progress = Progress::Job(TaskId::new(line.number("a task")?)),
                "ended" => {
                    let task = TaskId::new(line.number("a task")?);
                    node.progress = Progress::Ended { task, outcome: line.outcome()? };
                }
                "starts" => node.starts = starts(line)?.map(Box::new),
                _ => return Err(line.error(format!("a node has no `{word}`"))),
            }
        }
        self.graph(line, false)?.nodes.push(node);
        Ok(())
    }

    fn edge(&mut self, line: &mut Line<'_>) -> Result<(), ParseError> {
        let word = line.word("`success`, `failure` or `always`")?;
        let on = match word.as_str() {
            "success" => EdgeKind::Success,
            "failure" => EdgeKind::Failure,
            "always" => EdgeKind::Always,
            _ => return Err(line.error(format!("`{word}` is no kind of edge"))),
        };
        let from = NodeId::new(line.number("a node")?);
        if !line.skip("->") {
            return Err(line.error("`->` belongs between the nodes of an edge"));
        }
        let to = NodeId::new(line.number("a node")?);
        self.graph(line, false)?.edges.push(Edge { from, to, on });
        Ok(())
    }
}

fn starts(line: &mut Line<'_>) -> Result<Option<Work>, ParseError> {
    let word = line.word("a kind of task or `nothing`")?;
    if word == "nothing" {
        return Ok(None);
    }
    let mut work =
        WorkLine::start(&word).ok_or_else(|| line.error(format!("`{word}` is no kind of task")))?;
    while let Some(word) = line.next() {
        if !work.attribute(&word, line)? {
            return Err(line.error(format!("a node that starts a {} has no `{word}`", work.kind())));
        }
    }
    Ok(Some(work.finish()))
}

/// What CPUs, memory and adjustment give, by the formulas of R6.6.
fn capacity(line: &mut Line<'_>) -> Result<Forks, ParseError> {
    let cpus = cpu_capacity(line.number("a number of CPUs")?);
    if !line.skip("memory") {
        return Err(line.error("`memory N`, in MiB, belongs after `cpus N`"));
    }
    let memory = memory_capacity(line.number("a number of MiB")?);
    let adjustment = if line.skip("adjustment") { line.number("an adjustment")? } else { 1.0 };
    Ok(instance_capacity(cpus, memory, adjustment))
}

/// The impact of a job, by the formula of R6.6.
fn impact_of_hosts(line: &mut Line<'_>) -> Result<Forks, ParseError> {
    let hosts = line.number("a number of hosts")?;
    let forks = if line.skip("forks") { Some(line.number("a number of forks")?) } else { None };
    Ok(job_impact(hosts, forks))
}

fn launch_type(line: &mut Line<'_>) -> Result<LaunchType, ParseError> {
    let word = line.word("a launch type")?;
    Ok(match word.as_str() {
        "manual" => LaunchType::Manual,
        "relaunch" => LaunchType::Relaunch,
        "callback" => LaunchType::Callback,
        "scheduled" => LaunchType::Scheduled,
        "dependency" => LaunchType::Dependency,
        "workflow" => LaunchType::Workflow,
        "sync" => LaunchType::Sync,
        "scm" => LaunchType::Scm,
        "webhook" => LaunchType::Webhook,
        _ => return Err(line.error(format!("`{word}` is no launch type"))),
    })
}

/// How far a task has come, and where it is.
#[derive(Default)]
struct StateLine {
    state: State,
    placement: Option<Placement>,
}

impl StateLine {
    fn attribute(&mut self, word: &str, line: &mut Line<'_>, names: &mut Names) -> Result<bool, ParseError> {
        match word {
            "pending" => self.state = State::Pending,
            "running" => self.state = State::Running(Box::default()),
            "waiting" => {
                let mut dispatch = Dispatch { id: 0.into(), since: now(), placement: Placement::default() };
                if line.skip("dispatch") {
                    dispatch.id = line.number::<i64>("a dispatch")?.into();
                }
                if line.skip("since") {
                    dispatch.since = line.time("a moment")?;
                }
                self.state = State::Waiting(Box::new(dispatch));
            }
            "on" => self.placement.get_or_insert_default().node = Some(names.instance(line)?),
            "by" => self.placement.get_or_insert_default().group = Some(names.group(line)?),
            "controlled-by" => {
                self.placement.get_or_insert_default().controller = Some(names.instance(line)?);
            }
            "nowhere" => self.placement = Some(Placement::default()),
            _ => match outcome(word) {
                Some(outcome) => self.state = State::Finished { outcome, at: line.maybe_time() },
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    fn finish(self, task: TaskId, usual: Placement) -> State {
        let at = self.placement.unwrap_or(usual);
        match self.state {
            State::Running(_) => State::Running(Box::new(at)),
            State::Waiting(mut dispatch) => {
                dispatch.placement = at;
                if dispatch.id.get() == 0 {
                    dispatch.id = DispatchId::new(task.get() * 100);
                }
                State::Waiting(dispatch)
            }
            other => other,
        }
    }
}
