//! Who names whom: what a store refuses to leave without, and a simulation refuses to begin without.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{
    DefinitionKind, Definitions, Endings, Flaw, GroupDefinition, InstanceDefinition, InventoryDefinition,
    InventorySourceDefinition, JobTemplateDefinition, Place, ProjectDefinition, Run, RunTime, Starts,
    SystemJobDefinition, WorkflowDefinition,
};

/// A definition by its kind and its name.
pub type Named<'a> = (DefinitionKind, &'a str);

/// What tables, checks and simulations ask of a definition, whatever its kind.
pub trait Definition: Clone + PartialEq {
    /// Its kind.
    const KIND: DefinitionKind;

    /// Its name.
    fn name(&self) -> &str;

    /// The groups that its tasks may run in, in order of preference.
    fn groups(&self) -> &[String] {
        &[]
    }

    /// What its tasks run.
    fn run(&self) -> Option<&Run> {
        None
    }

    /// How long they run in a simulation.
    fn run_time(&self) -> Option<&RunTime> {
        None
    }

    /// How they end in a simulation.
    fn endings(&self) -> Option<Endings> {
        None
    }

    /// Itself, without what only a simulation reads.
    #[must_use]
    fn kept(self) -> Self {
        self
    }

    /// What it names besides its groups.
    fn others(&self) -> Vec<Named<'_>> {
        Vec::new()
    }

    /// Everything that it names.
    fn references(&self) -> Vec<Named<'_>> {
        let mut all = self.others();
        all.extend(self.groups().iter().map(|name| (DefinitionKind::Group, name.as_str())));
        all
    }
}

/// One kind of definition: by which field it goes, what it names, and for those that run something that they do.
macro_rules! definition {
    ($type:ty, $kind:ident, $name:ident, |$one:ident| $others:expr $(, $run:ident)?) => {
        impl Definition for $type {
            const KIND: DefinitionKind = DefinitionKind::$kind;

            fn name(&self) -> &str {
                &self.$name
            }

            fn others(&self) -> Vec<Named<'_>> {
                let $one = self;
                $others
            }
            $(
                fn groups(&self) -> &[String] {
                    &self.groups
                }

                fn run(&self) -> Option<&Run> {
                    self.$run.as_ref()
                }

                fn run_time(&self) -> Option<&RunTime> {
                    self.run_time.as_ref()
                }

                fn endings(&self) -> Option<Endings> {
                    self.endings
                }

                fn kept(self) -> Self {
                    Self { run_time: None, endings: None, ..self }
                }
            )?
        }
    };
}

definition!(InstanceDefinition, Instance, hostname, |_one| Vec::new());
definition!(GroupDefinition, Group, name, |group| all(DefinitionKind::Instance, &group.instances));
definition!(ProjectDefinition, Project, name, |_one| Vec::new(), run);
definition!(InventoryDefinition, Inventory, name, |_one| Vec::new());
definition!(
    InventorySourceDefinition,
    InventorySource,
    name,
    |source| {
        let inventory = (DefinitionKind::Inventory, source.inventory.as_str());
        [vec![inventory], all(DefinitionKind::Project, &source.source_project)].concat()
    },
    run
);
definition!(
    JobTemplateDefinition,
    JobTemplate,
    name,
    |template| {
        let inventory = all(DefinitionKind::Inventory, &template.inventory);
        [all(DefinitionKind::Project, &template.project), inventory].concat()
    },
    run
);
definition!(SystemJobDefinition, SystemJob, name, |_one| Vec::new(), run);

impl Definition for WorkflowDefinition {
    const KIND: DefinitionKind = DefinitionKind::Workflow;

    fn name(&self) -> &str {
        &self.name
    }

    fn others(&self) -> Vec<Named<'_>> {
        self.nodes.iter().filter_map(|node| node.starts.named()).collect()
    }

    fn kept(mut self) -> Self {
        self.nodes.iter_mut().for_each(|node| node.starts.kept());
        self
    }
}

fn all<'a>(kind: DefinitionKind, names: impl IntoIterator<Item = &'a String>) -> Vec<Named<'a>> {
    names.into_iter().map(|name| (kind, name.as_str())).collect()
}

impl Starts {
    /// The definition that a node starts; an approval has none.
    #[must_use]
    pub fn named(&self) -> Option<Named<'_>> {
        Some(match self {
            Self::Template(name) => (DefinitionKind::JobTemplate, name),
            Self::Project(name) => (DefinitionKind::Project, name),
            Self::InventorySource(name) => (DefinitionKind::InventorySource, name),
            Self::SystemJob(name) => (DefinitionKind::SystemJob, name),
            Self::Workflow(name) => (DefinitionKind::Workflow, name),
            Self::Approval { .. } => return None,
        })
    }
}

/// Somebody names something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Who.
    pub by: Place,
    /// What.
    pub of: Named<'a>,
}

/// That what is named is not there, and what to do.
impl fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = self.of;
        let (by, kind) = (&self.by, kind.token());
        write!(f, "{by} names the {kind} {name:?}, which is not defined: define it, or name another")
    }
}

impl Definitions {
    /// Everything that is named here, and by whom.
    #[must_use]
    pub fn references(&self) -> Vec<Reference<'_>> {
        let mut found = Vec::new();
        look(&self.groups, &mut found);
        look(&self.projects, &mut found);
        look(&self.inventory_sources, &mut found);
        look(&self.job_templates, &mut found);
        look(&self.system_jobs, &mut found);
        look(&self.workflows, &mut found);
        let of_rules = self.rules.iter().flat_map(super::RulesDefinition::groups);
        found.extend(of_rules.map(|name| Reference { by: Place::Rules, of: (DefinitionKind::Group, name) }));
        for (position, launch) in self.launches.iter().enumerate() {
            let named = launch.references();
            found.extend(named.map(|of| Reference { by: Place::Launch(position), of }));
        }
        found
    }

    /// What is named here and defined nowhere in it.
    #[must_use]
    pub fn dangling(&self) -> Vec<Reference<'_>> {
        let names: BTreeSet<Named<'_>> = self.names().into_iter().collect();
        let mut references = self.references();
        references.retain(|reference| !names.contains(&reference.of));
        references
    }
}

/// So many names are offered instead of one that is not there.
const OFFERED: usize = 10;

impl Definitions {
    /// What is named here and defined nowhere in it, for whoever has nothing but this: with the names that there are.
    #[must_use]
    pub fn unresolved(&self) -> Vec<Flaw> {
        let mut names: BTreeMap<DefinitionKind, BTreeSet<&str>> = BTreeMap::new();
        for (kind, name) in self.names() {
            names.entry(kind).or_default().insert(name);
        }
        let flaw = |Reference { by, of: (kind, name) }: Reference<'_>| {
            let known = names.get(&kind).into_iter().flatten();
            let offered: Vec<&str> = known.clone().take(OFFERED).copied().collect();
            let known = match (offered.join(", "), known.skip(OFFERED).count()) {
                (none, _) if none.is_empty() => "there is none".to_owned(),
                (offered, 0) => format!("there are {offered}"),
                (offered, more) => format!("there are {offered} and {more} more"),
            };
            let kind = kind.token();
            let what =
                format!("there is no {kind} {name:?}: define it as [[{kind}]], or name another: {known}");
            Flaw::new(by, what)
        };
        self.dangling().into_iter().map(flaw).collect()
    }
}

fn look<'a, D: Definition>(definitions: &'a [D], found: &mut Vec<Reference<'a>>) {
    for one in definitions {
        let by = || Place::Of(D::KIND, one.name().to_owned());
        found.extend(one.references().into_iter().map(|of| Reference { by: by(), of }));
    }
}
