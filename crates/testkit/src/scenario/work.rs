//! What a task is, from the attributes on its line.

use scheduler_core::{Kind, ProjectUpdateType, Timestamp, Work, WorkflowOf};

use super::line::{Line, ParseError};

/// The attributes of a task's work that were read so far.
pub(super) struct WorkLine {
    word: String,
    kind: Kind,
    project: Option<i64>,
    inventory: Option<i64>,
    template: Option<i64>,
    source: Option<i64>,
    from_project: Option<i64>,
    already_updated: Vec<i64>,
    simultaneous: bool,
    run: bool,
    expires: Option<Timestamp>,
}

/// The words that open a task's line.
const KINDS: [(&str, Kind); 8] = [
    ("job", Kind::Job),
    ("project-update", Kind::ProjectUpdate),
    ("inventory-update", Kind::InventoryUpdate),
    ("command", Kind::AdHocCommand),
    ("system-job", Kind::SystemJob),
    ("workflow", Kind::WorkflowJob),
    ("slices", Kind::WorkflowJob),
    ("approval", Kind::WorkflowApproval),
];

impl WorkLine {
    /// Starts a line if its first word is a kind of task.
    pub(super) fn start(word: &str) -> Option<Self> {
        let &(_, kind) = KINDS.iter().find(|(name, _)| *name == word)?;
        Some(Self {
            word: word.to_owned(),
            kind,
            project: None,
            inventory: None,
            template: None,
            source: None,
            from_project: None,
            already_updated: Vec::new(),
            simultaneous: false,
            run: false,
            expires: None,
        })
    }

    /// The kind of the work.
    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Reads one attribute; says whether this kind of work has it.
    pub(super) fn attribute(&mut self, word: &str, line: &mut Line<'_>) -> Result<bool, ParseError> {
        match (self.kind, word) {
            (Kind::Job | Kind::ProjectUpdate, "project") => self.project = Some(line.number("a project")?),
            (Kind::Job | Kind::InventoryUpdate | Kind::AdHocCommand, "inventory") => {
                self.inventory = Some(line.number("an inventory")?);
            }
            (Kind::Job | Kind::WorkflowJob, "template") => self.template = Some(line.number("a template")?),
            (Kind::Job | Kind::WorkflowJob, "simultaneous") => self.simultaneous = true,
            (Kind::Job, "already-updated") => self.already_updated.extend(line.numbers()),
            (Kind::ProjectUpdate, "run") => self.run = true,
            (Kind::InventoryUpdate, "source") => self.source = Some(line.number("a source")?),
            (Kind::InventoryUpdate, "from-project") => self.from_project = Some(line.number("a project")?),
            (Kind::WorkflowApproval, "expires") => self.expires = Some(line.time("a moment")?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The work.
    pub(super) fn finish(self) -> Work {
        match self.kind {
            Kind::Job => Work::Job {
                project: self.project.map(Into::into),
                inventory: self.inventory.map(Into::into),
                template: self.template.map(Into::into),
                allow_simultaneous: self.simultaneous,
                sources_already_updated: self.already_updated.into_iter().map(Into::into).collect(),
            },
            Kind::ProjectUpdate => Work::ProjectUpdate {
                project: self.project.map(Into::into),
                job_type: if self.run { ProjectUpdateType::Run } else { ProjectUpdateType::Check },
            },
            Kind::InventoryUpdate => Work::InventoryUpdate {
                source: self.source.map(Into::into),
                inventory: self.inventory.map(Into::into),
                source_project: self.from_project.map(Into::into),
            },
            Kind::AdHocCommand => Work::AdHocCommand { inventory: self.inventory.map(Into::into) },
            Kind::SystemJob => Work::SystemJob {},
            Kind::WorkflowJob => Work::WorkflowJob {
                of: if self.word == "slices" {
                    WorkflowOf::Slices(self.template.map(Into::into))
                } else {
                    WorkflowOf::Template(self.template.map(Into::into))
                },
                allow_simultaneous: self.simultaneous,
            },
            Kind::WorkflowApproval => Work::WorkflowApproval { expires: self.expires },
        }
    }
}
