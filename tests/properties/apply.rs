//! A store in one function: writes a plan into the snapshot that it was made of.

use scheduler_core::{
    Action, CreateId, Dispatch, DispatchId, Forks, Graph, Kind, NodeStep, Outcome, Place, Plan, Progress,
    Snapshot, State, Task, TaskId, TaskRef, Then,
};

/// The snapshot that the next pass sees if nothing else happens and no time goes by. The ids in it are unique.
pub(crate) fn apply(snapshot: &Snapshot, plan: &Plan) -> Snapshot {
    let mut next = snapshot.clone();
    let first = snapshot
        .tasks
        .iter()
        .map(|task| task.id.get())
        .chain(
            snapshot
                .graphs
                .iter()
                .flat_map(|graph| &graph.nodes)
                .filter_map(|node| Some(node.progress.job()?.get())),
        )
        .max()
        .unwrap_or(0)
        .max(10_000)
        + 1;
    let id_of = |create: CreateId| TaskId::new(first + i64::try_from(create.position()).unwrap());
    let linked = |link: &TaskRef| match link {
        TaskRef::Task { id, .. } => *id,
        TaskRef::New { id, .. } => id_of(*id),
    };
    for decision in &plan.decisions {
        let task = next.tasks.iter_mut().find(|task| task.id == decision.task).unwrap();
        decide(task, &decision.action, snapshot);
        if task.kind() == Kind::WorkflowJob && decision.action.start().is_some() {
            next.graphs.push(Graph { workflow: task.id, nodes: Vec::new(), edges: Vec::new() });
        }
    }
    for (position, create) in (0..).zip(&plan.creates) {
        let failed = State::Finished { outcome: Outcome::Failed, at: Some(snapshot.now) };
        next.tasks.push(Task {
            id: id_of(CreateId::new(position)),
            name: "created".into(),
            created: create.created.unwrap_or(snapshot.now),
            priority: create.priority,
            impact: Forks::new(1),
            work: create.work.clone(),
            state: if create.failed.is_some() { failed } else { State::Pending },
            launch_type: create.launch_type,
            groups: [].into(),
            dependencies: create.dependencies.iter().map(linked).collect(),
            dependencies_derived: create.dependencies_derived,
            cancel_requested: false,
            own_keys: [].into_iter().collect(),
        });
    }
    for derived in &plan.derived {
        let task = next.tasks.iter_mut().find(|task| task.id == derived.task).unwrap();
        task.dependencies.extend(derived.links.iter().map(linked));
        task.dependencies_derived = true;
    }
    for decision in &plan.nodes {
        let graph = next.graphs.iter_mut().find(|graph| graph.workflow == decision.workflow).unwrap();
        let node = graph.nodes.iter_mut().find(|node| node.id == decision.node).unwrap();
        node.progress = match &decision.step {
            NodeStep::Run(create) => Progress::Job(id_of(*create)),
            NodeStep::Skip(_) => Progress::Skipped,
            NodeStep::TemplateMissing => Progress::TemplateMissing,
        };
    }
    next
}

fn decide(task: &mut Task, action: &Action, snapshot: &Snapshot) {
    let dispatched = |place: &Place| match place {
        Place::Nowhere => State::Running(Box::default()),
        place => State::Waiting(Box::new(Dispatch {
            id: DispatchId::new(1_000 + task.id.get()),
            since: snapshot.now,
            placement: (*place).into(),
        })),
    };
    let ended =
        |end: &scheduler_core::End| State::Finished { outcome: end.outcome(), at: Some(snapshot.now) };
    match action {
        Action::Start(place) => task.state = dispatched(place),
        Action::End(end) => task.state = ended(end),
        Action::TakeBack(back) => {
            task.state = match &back.then {
                Then::Start(place) => dispatched(place),
                Then::Hold(_) => State::Pending,
                Then::End(end) => ended(end),
            };
        }
        Action::Redispatch(_) => {
            if let State::Waiting(dispatch) = &mut task.state {
                dispatch.since = snapshot.now;
            }
        }
        Action::RequestCancel { .. } => task.cancel_requested = true,
        Action::Hold(_) | Action::Leave(_) => {}
    }
}
