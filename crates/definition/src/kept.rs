//! What of a file is a store's to keep: a simulation reads more of it than that.

use crate::{Definition, Definitions, Flaws, Starts};

impl Definitions {
    /// Checks what a store is given, and leaves out what only a simulation reads: it is none of a store's business, and one
    /// file serves both.
    ///
    /// # Errors
    ///
    /// With everything that is wrong.
    pub fn kept(&self) -> Result<Self, Flaws> {
        fn all<D: Definition>(list: &[D]) -> Vec<D> {
            list.iter().cloned().map(D::kept).collect()
        }
        self.check()?;
        Ok(Self {
            rules: self.rules.clone(),
            instances: self.instances.clone(),
            groups: self.groups.clone(),
            projects: all(&self.projects),
            inventories: self.inventories.clone(),
            inventory_sources: all(&self.inventory_sources),
            job_templates: all(&self.job_templates),
            system_jobs: all(&self.system_jobs),
            workflows: all(&self.workflows),
            ..Self::default()
        })
    }
}

impl Starts {
    /// Without what only a simulation reads.
    pub(crate) fn kept(&mut self) {
        if let Self::Approval { run_time, endings, .. } = self {
            (*run_time, *endings) = (None, None);
        }
    }
}
