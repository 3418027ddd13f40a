//! Writes a whole plan in the transaction that holds the lock (R12.3).
//!
//! First the rows of tasks, in one guarded statement; what it did not touch had changed. If the plan ends or takes back
//! such a row, all is dropped. Else everything that rests on it is left out: its message, the tasks that it asked
//! for, the steps of its graph. A task that would lose a link so stays underived, and the next pass derives it anew.

use std::collections::{HashMap, HashSet};

use control_plane::ports::{Commit, Committed, Reading, SkippedStart, StoreError};
use scheduler_core::{Action, NodeStep, Origin, Plan, State, Task, TaskId, TaskRef};

use super::create::{self, New};
use super::hold::Holds;
use super::patch::{self, Change, Patch, Taken};
use super::read::Digests;
use super::step::{self, Steps};
use crate::config::{Lock, Schema};
use crate::limits::{FOR_A_ROW, millis};
use crate::session::Session;

const WHAT: &str = "committing a plan";

const NOTIFY: &str = "SELECT pg_notify('{channel}', $1)";

/// Writes the plan, or drops it.
pub(super) async fn commit(
    schema: &Schema,
    mut session: Session,
    stored: &Digests,
    reading: &Reading,
    plan: &Plan,
) -> Result<Commit, StoreError> {
    let draft = Draft::of(reading, plan);
    let mut committed = Committed::default();
    if draft.patches.is_empty() && plan.creates.is_empty() {
        Holds::of(plan, stored, |_| None)?.write(&session).await?;
        session.commit(WHAT).await?;
        return Ok(Commit::Done(committed));
    }
    let key = schema.lock(Lock::Pending);
    let row = millis(FOR_A_ROW);
    let words = format!("SELECT pg_advisory_xact_lock({key}); SET LOCAL lock_timeout = {row}");
    session.run(WHAT, &words).await?;
    let ids = create::ids(&session, plan.creates.len()).await?;

    let (mut out, mut taken) = (LeftOut::default(), Taken::Waited);
    let kept = step::kept(&session, &plan.nodes).await?;
    if let Some(&task) = kept.iter().find(|task| draft.must.contains(task)) {
        session.roll_back(WHAT).await?;
        return Ok(Commit::Stale { task });
    }
    if !kept.is_empty() {
        tracing::warn!(
            "somebody keeps a node of a workflow, or has changed it: the plan is written without that workflow"
        );
        out.grow(plan, kept);
    }
    session.run(WHAT, "SAVEPOINT plan").await?;
    let patched = loop {
        let patches = draft.with_ids(&ids, &out);
        let Some(patched) = patch::write(&session, &patches, taken).await? else {
            tracing::warn!(
                "somebody keeps a row of a task that the plan changes: the plan is written without it"
            );
            session.run(WHAT, "ROLLBACK TO SAVEPOINT plan").await?;
            taken = Taken::LeftOut;
            continue;
        };
        let applied: HashSet<i64> = patched.applied.iter().copied().collect();
        let missing = patches.iter().filter(|patch| !applied.contains(&patch.task.id.get()));
        let missing: Vec<TaskId> = missing.map(|patch| patch.task.id).collect();
        if let Some(&task) = missing.iter().find(|task| draft.must.contains(task)) {
            session.roll_back(WHAT).await?;
            return Ok(Commit::Stale { task });
        }
        if !out.grow(plan, missing) || !draft.links_to(&out.creates) {
            break patched;
        }
        // Links to a creation that is left out are written already: once more, without them.
        session.run(WHAT, "ROLLBACK TO SAVEPOINT plan").await?;
    };
    committed.dispatched = patched.sent;
    committed.skipped = skipped(plan, &out);
    committed.created = out.created(&ids);

    create::write(&session, &draft.new_tasks(&ids, &out)).await?;
    let mut steps = Steps::default();
    for decision in plan.nodes.iter().filter(|decision| !out.rows.contains(&decision.workflow)) {
        let job = match decision.step {
            NodeStep::Run(create) => committed.created.get(create.position()).copied().flatten(),
            NodeStep::Skip(_) | NodeStep::TemplateMissing => None,
        };
        steps.push(decision, job.map(TaskId::get));
    }
    steps.write(&session).await?;
    let id = |task| match task {
        TaskRef::Task { id, .. } => Some(id),
        TaskRef::New { id, .. } => committed.created.get(id.position()).copied().flatten(),
    };
    Holds::of(plan, stored, id)?.write(&session).await?;
    let wakes = match (patched.sent > 0, draft.orders) {
        (true, true) => "outbox,orders",
        (true, false) => "outbox",
        (false, true) => "orders",
        (false, false) => "",
    };
    if !wakes.is_empty() {
        session.query(WHAT, NOTIFY, &[&wakes]).await?;
    }
    session.commit(WHAT).await?;
    Ok(Commit::Done(committed))
}

/// The starts and new dispatches whose rows had changed.
fn skipped(plan: &Plan, out: &LeftOut) -> Vec<SkippedStart> {
    let dispatched = plan.decisions.iter().filter(|decision| {
        decision.action.start().is_some() || matches!(decision.action, Action::Redispatch(_))
    });
    let tasks = dispatched.map(|decision| decision.task).filter(|task| out.rows.contains(task));
    tasks.map(|task| SkippedStart { task }).collect()
}

/// A plan as changes of rows, before new tasks have ids.
struct Draft<'a> {
    reading: &'a Reading,
    plan: &'a Plan,
    /// In the order of the plan; a row at most once.
    patches: Vec<Drafted<'a>>,
    /// The rows that the plan ends or takes back.
    must: HashSet<TaskId>,
    /// Whether a worker has something to learn: what it runs has ended, or should.
    orders: bool,
}

struct Drafted<'a> {
    task: &'a Task,
    change: Change,
    links: Option<&'a [TaskRef]>,
}

impl<'a> Draft<'a> {
    fn of(reading: &'a Reading, plan: &'a Plan) -> Self {
        let tasks: HashMap<TaskId, &Task> =
            reading.snapshot.tasks.iter().map(|task| (task.id, task)).collect();
        let mut draft = Self { reading, plan, patches: Vec::new(), must: HashSet::new(), orders: false };
        let mut at: HashMap<TaskId, usize> = HashMap::new();
        let mut row = |draft: &mut Self, id: TaskId, change: Change| {
            let &task = tasks.get(&id)?;
            let next = draft.patches.len();
            let at = *at.entry(id).or_insert(next);
            if at == next {
                draft.patches.push(Drafted { task, change, links: None });
            }
            Some(at)
        };
        for decision in &plan.decisions {
            let Some(task) = tasks.get(&decision.task) else { continue };
            let Some(change) = Change::of(&decision.action, task) else { continue };
            row(&mut draft, decision.task, change);
            let learns = match &decision.action {
                Action::End(_) | Action::TakeBack(_) => {
                    draft.must.insert(decision.task);
                    matches!(task.state, State::Running(_))
                }
                // A request needs no guard, so the task may have been claimed since the snapshot.
                Action::RequestCancel { .. } => true,
                _ => false,
            };
            draft.orders |= learns && task.kind().needs_place();
        }
        for derived in &plan.derived {
            if let Some(at) = row(&mut draft, derived.task, Change::Keep)
                && let Some(drafted) = draft.patches.get_mut(at)
            {
                drafted.links = Some(&derived.links);
            }
        }
        // What asks for a creation or a step must be as it was, even when nothing else happens to it.
        for create in &plan.creates {
            match create.origin {
                Origin::Node { workflow: id, .. } | Origin::Dependency { of: TaskRef::Task { id, .. } } => {
                    row(&mut draft, id, Change::Keep);
                }
                Origin::Dependency { of: TaskRef::New { .. } } => {}
            }
        }
        for decision in &plan.nodes {
            row(&mut draft, decision.workflow, Change::Keep);
        }
        draft
    }

    /// The patches, without rows that had changed, and with links only where all of them are there.
    fn with_ids(&self, ids: &[i64], out: &LeftOut) -> Vec<Patch<'a>> {
        let patches = self.patches.iter().filter(|drafted| !out.rows.contains(&drafted.task.id));
        patches
            .map(|drafted| Patch {
                task: drafted.task,
                change: drafted.change.clone(),
                links: drafted.links.and_then(|links| out.known(links, ids)),
            })
            .collect()
    }

    /// Whether a row gets a link to one of these creations.
    fn links_to(&self, creates: &HashSet<usize>) -> bool {
        let mut links = self.patches.iter().filter_map(|drafted| drafted.links).flatten();
        links.any(|link| matches!(link, TaskRef::New { id, .. } if creates.contains(&id.position())))
    }

    fn new_tasks(&self, ids: &[i64], out: &LeftOut) -> Vec<New<'a>> {
        let creates = &self.plan.creates;
        let kept = creates.iter().zip(ids).enumerate().filter(|(at, _)| !out.creates.contains(at));
        kept.map(|(_, (create, &id))| New {
            id,
            create,
            origin: create::origin(creates, create),
            created: create.created.unwrap_or(self.reading.snapshot.now),
            links: out.known(&create.dependencies, ids),
        })
        .collect()
    }
}

/// What is left out, since rows had changed.
#[derive(Default)]
struct LeftOut {
    rows: HashSet<TaskId>,
    /// Creations by their position.
    creates: HashSet<usize>,
}

impl LeftOut {
    /// Adds rows that had changed, and the creations that they asked for; whether there are more creations now.
    fn grow(&mut self, plan: &Plan, rows: Vec<TaskId>) -> bool {
        self.rows.extend(rows);
        let before = self.creates.len();
        // A creation may ask for another that stands before or after it: until nothing more is found.
        loop {
            let size = self.creates.len();
            for (at, create) in plan.creates.iter().enumerate() {
                let lost = match create.origin {
                    Origin::Node { workflow: id, .. }
                    | Origin::Dependency { of: TaskRef::Task { id, .. } } => self.rows.contains(&id),
                    Origin::Dependency { of: TaskRef::New { id, .. } } => {
                        self.creates.contains(&id.position())
                    }
                };
                if lost {
                    self.creates.insert(at);
                }
            }
            if self.creates.len() == size {
                return size > before;
            }
        }
    }

    /// The ids of these tasks, if none of them is left out.
    fn known(&self, links: &[TaskRef], ids: &[i64]) -> Option<Vec<i64>> {
        let known = |link: &TaskRef| match link {
            TaskRef::Task { id, .. } => Some(id.get()),
            TaskRef::New { id, .. } if self.creates.contains(&id.position()) => None,
            TaskRef::New { id, .. } => ids.get(id.position()).copied(),
        };
        links.iter().map(known).collect()
    }

    fn created(&self, ids: &[i64]) -> Vec<Option<TaskId>> {
        let created = ids.iter().enumerate();
        created.map(|(at, &id)| (!self.creates.contains(&at)).then_some(TaskId::new(id))).collect()
    }
}
