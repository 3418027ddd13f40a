//! Who belongs together, and what keeps whom: workflows level by level, and a statement for each thing that keeps.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use control_plane::ports::{Family, Kept, Purge, StoreError};
use scheduler_core::{TaskId, Timestamp};

use super::{Old, WHAT};
use crate::row::Columns;
use crate::session::Session;

const PARENTS: &str = "SELECT id, workflow_id FROM {schema}.task WHERE id = ANY ($1)";

const JOBS: &str = "
    SELECT workflow_id, job_id FROM {schema}.node WHERE workflow_id = ANY ($1) AND job_id IS NOT NULL";

/// With whether it is the update that passes go by (R4.2), of a project or a source that is still defined.
const MEMBERS: &str = "
    SELECT t.id, t.finished,
        CASE t.kind
            WHEN 'project_update' THEN t.update_type = 'check' AND t.launch_type <> 'sync'
                AND EXISTS (SELECT FROM {schema}.launchable l WHERE l.id = t.project_id)
                AND NOT EXISTS (SELECT FROM {schema}.task u
                    WHERE u.project_id = t.project_id AND u.finished IS NOT NULL AND u.kind = 'project_update'
                        AND u.update_type = 'check' AND u.launch_type <> 'sync'
                        AND (u.finished, u.id) > (t.finished, t.id))
            WHEN 'inventory_update' THEN t.launch_type <> 'sync'
                AND EXISTS (SELECT FROM {schema}.launchable l WHERE l.id = t.source_id)
                AND NOT EXISTS (SELECT FROM {schema}.task u
                    WHERE u.source_id = t.source_id AND u.finished IS NOT NULL AND u.kind = 'inventory_update'
                        AND u.launch_type <> 'sync' AND (u.finished, u.id) > (t.finished, t.id))
            ELSE false END
    FROM {schema}.task t WHERE t.id = ANY ($1)";

/// What a launch holds, since a new task is to depend on it, is passed over.
const LOCK: &str = "SELECT id FROM {schema}.task WHERE id = ANY ($1) ORDER BY id FOR UPDATE SKIP LOCKED";

/// Of these, those that unfinished tasks depend on.
const DEPENDENCIES: &str = "
    SELECT DISTINCT dependency FROM {schema}.task t CROSS JOIN unnest(t.dependencies) AS dependency
    WHERE t.finished IS NULL AND t.dependencies IS NOT NULL AND dependency = ANY ($1)";

const UNSENT: &str = "SELECT DISTINCT task_id FROM {schema}.outbox WHERE task_id = ANY ($1)";

/// The families of the tasks of a portion.
#[derive(Default)]
pub(super) struct Families {
    families: BTreeMap<i64, Family>,
    /// The outermost workflow job of each member.
    roots: HashMap<i64, i64>,
}

impl Families {
    pub(super) fn of(&self, member: i64) -> Option<&Family> {
        self.families.get(self.roots.get(&member)?)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Family> {
        self.families.values()
    }
}

/// Finds out about everybody who belongs to one of these tasks. Unless nothing is to be removed, the rows that are
/// old enough are locked then.
pub(super) async fn families(
    session: &Session,
    portion: &Purge,
    old: &[Old],
) -> Result<Families, StoreError> {
    if old.is_empty() {
        return Ok(Families::default());
    }
    let roots = members(session, roots(session, old).await?).await?;
    let ids: Vec<i64> = roots.keys().copied().collect();
    let mut last_updates: HashMap<i64, bool> = HashMap::new();
    for row in &session.query(WHAT, MEMBERS, &[&ids]).await? {
        let columns = &mut Columns::of(row);
        let (id, finished): (i64, Option<Timestamp>) = (columns.next()?, columns.next_time_if_any()?);
        if finished.is_some_and(|finished| finished < portion.ended_before) {
            last_updates.insert(id, columns.next::<Option<bool>>()?.unwrap_or_default());
        }
    }
    let ids: Vec<i64> = last_updates.keys().copied().collect();
    let free = if portion.dry_run { ids.iter().copied().collect() } else { set(session, LOCK, &ids).await? };
    // After the locks: whoever depends on one of them has either come before, and is seen, or finds it gone.
    let needed = set(session, DEPENDENCIES, &ids).await?;
    let unsent = set(session, UNSENT, &ids).await?;

    let mut families: BTreeMap<i64, Family> = BTreeMap::new();
    for (&member, &root) in &roots {
        let family = families.entry(root).or_default();
        let Some(&is_last) = last_updates.get(&member) else {
            family.add_young();
            continue;
        };
        let kept = if needed.contains(&member) || !free.contains(&member) {
            Some(Kept::Dependency)
        } else if is_last {
            Some(Kept::LastUpdate)
        } else {
            unsent.contains(&member).then_some(Kept::Unsent)
        };
        family.add(TaskId::new(member), kept);
    }
    Ok(Families { families, roots })
}

/// The outermost workflow job of each of these tasks; of one that belongs to none, itself.
async fn roots(session: &Session, old: &[Old]) -> Result<HashMap<i64, i64>, StoreError> {
    let mut above: HashMap<i64, i64> =
        old.iter().filter_map(|task| task.workflow.map(|workflow| (task.id, workflow))).collect();
    let mut open: Vec<i64> = above.values().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let mut known: HashSet<i64> = HashSet::new();
    while !open.is_empty() {
        let mut next = BTreeSet::new();
        for row in session.query(WHAT, PARENTS, &[&open]).await? {
            let columns = &mut Columns::of(&row);
            let id: i64 = columns.next()?;
            known.insert(id);
            if let Some(workflow) = columns.next::<Option<i64>>()? {
                above.insert(id, workflow);
                next.insert(workflow);
            }
        }
        open = next.into_iter().filter(|id| !known.contains(id)).collect();
    }
    let root = |task: i64| {
        let mut root = task;
        // Ids of workflow jobs are below those of their jobs, so this ends whatever a client has written.
        while let Some(&workflow) = above.get(&root).filter(|&&up| up < root && known.contains(&up)) {
            root = workflow;
        }
        root
    };
    Ok(old.iter().map(|task| (task.id, root(task.id))).collect())
}

/// Adds to these tasks, each with its root, everybody whom the nodes of their workflows started.
async fn members(session: &Session, mut roots: HashMap<i64, i64>) -> Result<HashMap<i64, i64>, StoreError> {
    let mut open: Vec<i64> = roots.values().copied().collect::<BTreeSet<_>>().into_iter().collect();
    roots.extend(open.iter().map(|&root| (root, root)).collect::<Vec<_>>());
    let mut walked: HashSet<i64> = HashSet::new();
    while !open.is_empty() {
        walked.extend(&open);
        let mut next = BTreeSet::new();
        for row in session.query(WHAT, JOBS, &[&open]).await? {
            let columns = &mut Columns::of(&row);
            let (workflow, job): (i64, i64) = (columns.next()?, columns.next()?);
            let root = roots.get(&workflow).copied().unwrap_or(workflow);
            roots.insert(job, root);
            next.insert(job);
        }
        open = next.into_iter().filter(|id| !walked.contains(id)).collect();
    }
    Ok(roots)
}

async fn set(session: &Session, statement: &str, ids: &[i64]) -> Result<HashSet<i64>, StoreError> {
    let rows = session.query(WHAT, statement, &[&ids]).await?;
    rows.iter().map(|row| Columns::of(row).next()).collect()
}
