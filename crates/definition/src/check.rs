//! What can be wrong with a set of definitions, seen from the set alone: everything at once, each with its place and remedy.

use std::collections::BTreeSet;
use std::fmt;

use scheduler_core::words::is_hidden;

use super::{
    DefinitionKind, Definitions, RulesDefinition, Run, RunError, VERSION, WorkflowDefinition, too_large,
};

/// Where something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the definition of this kind and name.
    Of(DefinitionKind, String),
    /// In the rules.
    Rules,
    /// In the launch at this position, from 0.
    Launch(usize),
    /// In the change of the cluster at this position, from 0.
    Change(usize),
    /// In the file as a whole.
    File,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(kind, name) => write!(f, "{} {name:?}", kind.token()),
            Self::Rules => f.write_str("the rules"),
            Self::Launch(position) => write!(f, "launch[{position}]"),
            Self::Change(position) => write!(f, "changes[{position}]"),
            Self::File => f.write_str("the file"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// In which definition.
    pub place: Place,
    /// What is wrong, and the remedy.
    pub message: String,
}

impl Flaw {
    /// In this place; the message says the remedy too.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into() }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File => f.write_str(&self.message),
            Place::Rules => write!(f, "rules: {}", self.message),
            place => write!(f, "{place}: {}", self.message),
        }
    }
}

/// Everything that is wrong with a set of definitions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Flaws(pub Vec<Flaw>);

impl Definitions {
    /// The names of what is defined here, in the order of the file.
    #[must_use]
    pub fn names(&self) -> Vec<(DefinitionKind, &str)> {
        let mut names = Vec::new();
        names.extend(self.instances.iter().map(|one| (DefinitionKind::Instance, one.hostname.as_str())));
        names.extend(self.groups.iter().map(|one| (DefinitionKind::Group, one.name.as_str())));
        names.extend(self.projects.iter().map(|one| (DefinitionKind::Project, one.name.as_str())));
        names.extend(self.inventories.iter().map(|one| (DefinitionKind::Inventory, one.name.as_str())));
        names.extend(
            self.inventory_sources.iter().map(|one| (DefinitionKind::InventorySource, one.name.as_str())),
        );
        names.extend(self.job_templates.iter().map(|one| (DefinitionKind::JobTemplate, one.name.as_str())));
        names.extend(self.system_jobs.iter().map(|one| (DefinitionKind::SystemJob, one.name.as_str())));
        names.extend(self.workflows.iter().map(|one| (DefinitionKind::Workflow, one.name.as_str())));
        names
    }

    /// What each definition runs, of those that are to run something.
    fn runs(&self) -> impl Iterator<Item = ((DefinitionKind, &str), Option<&Run>)> {
        let projects = self.projects.iter().map(|one| (DefinitionKind::Project, &one.name, &one.run));
        let sources =
            self.inventory_sources.iter().map(|one| (DefinitionKind::InventorySource, &one.name, &one.run));
        let templates =
            self.job_templates.iter().map(|one| (DefinitionKind::JobTemplate, &one.name, &one.run));
        let system_jobs = self.system_jobs.iter().map(|one| (DefinitionKind::SystemJob, &one.name, &one.run));
        let all = projects.chain(sources).chain(templates).chain(system_jobs);
        all.map(|(kind, name, run)| ((kind, name.as_str()), run.as_ref()))
    }

    /// Checks what a store is given, as far as it can be seen here alone: names that are empty, too long, taken twice or hold
    /// what nobody sees, groups that are both kinds, graphs with unknown nodes or cycles, templates without slices, payloads
    /// that are too large, a grace that no heartbeat can keep, nothing to run. Names that are not here may be in the store.
    ///
    /// # Errors
    ///
    /// With everything that is wrong.
    pub fn check(&self) -> Result<(), Flaws> {
        let mut flaws = self.form();
        for ((kind, name), _) in self.runs().filter(|(_, run)| run.is_none()) {
            let place = Place::Of(kind, name.into());
            flaws.push(Flaw { place, message: format!("missing field `run`: {}", RunError::Nothing) });
        }
        if flaws.is_empty() { Ok(()) } else { Err(Flaws(flaws)) }
    }

    /// What is wrong with each definition by itself, whoever reads it.
    #[must_use]
    pub fn form(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if let Some(other) = self.version.filter(|version| *version != VERSION) {
            let message = format!(
                "version: this is a workload of version {other}; this program reads version {VERSION}: write it in that version"
            );
            flaws.push(Flaw { place: Place::File, message });
        }
        let mut seen = BTreeSet::new();
        for (kind, name) in self.names() {
            let mut flaw = |message: &str| {
                flaws.push(Flaw { place: Place::Of(kind, name.into()), message: message.into() });
            };
            if name.trim().is_empty() {
                flaw("the name is empty: give it one");
            }
            if name.chars().count() > 200 {
                flaw("the name is longer than 200 characters: shorten it");
            }
            if let Some(message) = hides(name) {
                flaw(&message);
            }
            if !seen.insert((kind, name)) {
                flaw("the name is taken twice in this file: rename one of the two");
            }
        }
        for group in &self.groups {
            if group.container && !group.instances.is_empty() {
                flaws.push(Flaw {
                    place: Place::Of(DefinitionKind::Group, group.name.clone()),
                    message: "a container group has no instances: remove `instances` or `container`".into(),
                });
            }
        }
        for template in &self.job_templates {
            if !(1..=1000).contains(&template.slices) {
                flaws.push(Flaw {
                    place: Place::Of(DefinitionKind::JobTemplate, template.name.clone()),
                    message: format!("{} slices: a launch is cut into 1 to 1000", template.slices),
                });
            }
        }
        for (place, run) in self.runs() {
            if let Some(message) = run.and_then(|run| too_large(&run.payload)) {
                flaws.push(Flaw { place: Place::Of(place.0, place.1.to_owned()), message });
            }
        }
        if let Some(message) = self.rules.as_ref().and_then(RulesDefinition::too_short) {
            flaws.push(Flaw { place: Place::Rules, message });
        }
        for workflow in &self.workflows {
            check_graph(workflow, &mut flaws);
        }
        flaws
    }
}

/// What is wrong with a name that does not show all that is in it.
fn hides(name: &str) -> Option<String> {
    let (at, hidden) = name.chars().enumerate().find(|&(_, letter)| is_hidden(letter))?;
    Some(format!(
        "character {} of the name is U+{:04X}, which a terminal obeys or nobody sees: remove it",
        at + 1,
        u32::from(hidden)
    ))
}

/// Nodes with one name, edges to no node, cycles.
fn check_graph(workflow: &WorkflowDefinition, flaws: &mut Vec<Flaw>) {
    let place = Place::Of(DefinitionKind::Workflow, workflow.name.clone());
    let mut flaw = |message: String| flaws.push(Flaw { place: place.clone(), message });
    let mut names = BTreeSet::new();
    for node in &workflow.nodes {
        if let Some(message) = hides(&node.name) {
            flaw(format!("node {:?}: {message}", node.name));
        }
        if !names.insert(node.name.as_str()) {
            flaw(format!("two nodes have the name {:?}: rename one of them", node.name));
        }
    }
    let mut sound = true;
    for node in &workflow.nodes {
        for child in children(node) {
            if !names.contains(child) {
                sound = false;
                flaw(format!("node {:?} leads to {child:?}, which is no node of it", node.name));
            }
        }
    }
    if sound && let Some(stuck) = first_in_cycle(workflow) {
        flaw(format!("its nodes form a circle through {stuck:?}: a workflow never comes back to a node"));
    }
}

fn children(node: &super::NodeDefinition) -> impl Iterator<Item = &str> {
    node.on_success.iter().chain(&node.on_failure).chain(&node.always).map(String::as_str)
}

/// A node that is never free of unfinished parents when nodes without parents are taken away again and again.
fn first_in_cycle(workflow: &WorkflowDefinition) -> Option<&str> {
    let mut left: Vec<&super::NodeDefinition> = workflow.nodes.iter().collect();
    loop {
        let led_to: BTreeSet<&str> = left.iter().flat_map(|node| children(node)).collect();
        let before = left.len();
        left.retain(|node| led_to.contains(node.name.as_str()));
        if left.is_empty() {
            return None;
        }
        if left.len() == before {
            return left.first().map(|node| node.name.as_str());
        }
    }
}
