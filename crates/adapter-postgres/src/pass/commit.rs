//! Writes a whole plan in the transaction that holds the lock (R12.3).
//!
//! First the rows of tasks, in one guarded statement; what it did not touch had changed, or somebody else keeps it. If the plan
//! ends or takes back a row that had changed, all is dropped. Else what rests on the row is left out ([`Omission`]), also where the
//! plan ends it: a row that is kept says nothing new to a plan made anew. A task that would lose a link so stays underived, and
//! the next pass derives it anew.

use std::collections::{BTreeSet, HashMap, HashSet};

use control_plane::ports::{Commit, Committed, Reading, SkippedStart, StoreError};
use scheduler_core::{Action, Decision, NodeStep, Origin, Plan, State, Task, TaskId, TaskRef};

use super::create::{self, New};
use super::hold::Holds;
use super::omission::Omission;
use super::patch::{self, Change, Patch, Patched, Taken};
use super::read::Digests;
use super::step::{self, Steps};
use crate::limits::{FOR_A_ROW, millis};
use crate::session::Session;
use crate::turn;

const WHAT: &str = "committing a plan";

const NOTIFY: &str = "SELECT pg_notify('{channel}', $1)";

/// Writes the plan, or drops it.
pub(super) async fn commit(
    mut session: Session,
    stored: &Digests,
    reading: &Reading,
    plan: &Plan,
) -> Result<Commit, StoreError> {
    let draft = Draft::of(reading, plan);
    let mut committed = Committed::default();
    if draft.patches.is_empty() && plan.creates.is_empty() {
        Holds::of(plan, stored, &HashSet::new(), |_| None)?.write(&session).await?;
        session.commit(WHAT).await?;
        return Ok(Commit::Done(committed));
    }
    let row = millis(FOR_A_ROW);
    let words = format!("{}; SET LOCAL lock_timeout = {row}", turn::PENDING_ALONE);
    session.run(WHAT, &words).await?;
    let ids = create::ids(&session, plan.creates.len()).await?;

    let mut out = Omission::of(&reading.snapshot, plan);
    let patched = match rows(&session, &draft, &ids, &mut out).await? {
        Rows::Written(patched) => patched,
        Rows::Changed(task) => {
            session.roll_back(WHAT).await?;
            return Ok(Commit::Stale { task });
        }
    };
    committed.dispatched = patched.sent;
    (committed.skipped, committed.kept) = left_out(plan, &out);
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
    Holds::of(plan, stored, &out.rows, id)?.write(&session).await?;
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

/// What became of the rows of tasks.
enum Rows {
    /// They are written, but for what was added to the omission.
    Written(Patched),
    /// The plan ends or takes back this one, which had changed.
    Changed(TaskId),
}

/// Writes the rows of tasks, once more for as long as more of the plan turns out to be left out.
async fn rows(
    session: &Session,
    draft: &Draft<'_>,
    ids: &[i64],
    out: &mut Omission<'_>,
) -> Result<Rows, StoreError> {
    let nodes = step::untaken(session, &draft.plan.nodes).await?;
    if nodes.taken == Taken::Waited
        && let Some(&task) = nodes.workflows.iter().find(|task| draft.must.contains(task))
    {
        return Ok(Rows::Changed(task));
    }
    out.leave_out(nodes.workflows);
    session.run(WHAT, "SAVEPOINT plan").await?;
    let mut taken = Taken::Waited;
    loop {
        let patches = draft.with_ids(ids, out);
        if let Some(patched) = patch::write(session, &patches, taken).await? {
            let missing = patched.missing(&patches);
            let changed = |task: &&TaskId| draft.must.contains(task) && !patched.kept.contains(task);
            if let Some(&task) = missing.iter().find(changed) {
                return Ok(Rows::Changed(task));
            }
            let lost_creations = out.leave_out(missing);
            // What rests on a row, and links to a creation that is left out, may be written already.
            let written_too_much = patched.applied.iter().any(|task| out.rows.contains(task))
                || lost_creations && draft.links_to(&out.creates);
            if !written_too_much {
                if let Some(task) = patched.kept.iter().min() {
                    let count = patched.kept.len();
                    tracing::warn!(%task, count, "somebody keeps rows of tasks: the plan is written without them");
                }
                return Ok(Rows::Written(patched));
            }
        } else {
            taken = Taken::LeftOut;
        }
        session.run(WHAT, "ROLLBACK TO SAVEPOINT plan").await?;
    }
}

/// The starts and new dispatches that were left out, and what else was.
fn left_out(plan: &Plan, out: &Omission<'_>) -> (Vec<SkippedStart>, BTreeSet<TaskId>) {
    let (mut skipped, mut kept) = (Vec::new(), BTreeSet::new());
    for Decision { task, action, .. } in &plan.decisions {
        if !out.rows.contains(task) {
        } else if action.start().is_some() || matches!(action, Action::Redispatch(_)) {
            skipped.push(SkippedStart { task: *task });
        } else if action.changes_something() {
            kept.insert(*task);
        }
    }
    (skipped, kept)
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
    fn with_ids(&self, ids: &[i64], out: &Omission<'_>) -> Vec<Patch<'a>> {
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

    fn new_tasks(&self, ids: &[i64], out: &Omission<'_>) -> Vec<New<'a>> {
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
