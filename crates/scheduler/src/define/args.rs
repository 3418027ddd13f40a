//! The arguments of the commands that define things one by one.
//!
//! Each flag stands for one field of the format of definitions: a flag lays its value over what is defined already, and an empty
//! value takes the field away. So a flag needs no meaning of its own, and what it may say is checked where files are.

use clap::{Args, Subcommand, ValueEnum};
use control_plane::definition::DefinitionKind;
use serde_json::{Map, Value, json};

use crate::args::Database;
use crate::failure::Failure;
use crate::source::Source;

/// What can be done with the definitions of one kind.
#[derive(Debug, Subcommand)]
pub(crate) enum Define<F: Flags> {
    /// List them
    List {
        /// Print JSON, in the format of `apply`
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        database: Database,
    },
    /// Define one, or change what is given of one; an empty value takes an optional field away
    Set {
        /// Its name
        name: String,
        /// More fields, or all, from a TOML or JSON file, or `-`; flags count for more
        #[arg(long, value_name = "FILE")]
        from: Option<Source>,
        #[command(flatten)]
        flags: F,
        #[command(flatten)]
        database: Database,
    },
    /// Remove one that nothing else needs
    Remove {
        /// Its name
        name: String,
        #[command(flatten)]
        database: Database,
    },
}

/// The flags of one kind of definition.
pub(crate) trait Flags: Args {
    /// The kind.
    const KIND: DefinitionKind;

    /// The fields that are given. An error is about a payload that cannot be read.
    fn fields(&self) -> Result<Fields, Failure>;
}

/// Fields to lay over a definition; `null` takes one away.
#[derive(Debug, Default)]
pub(crate) struct Fields(pub(crate) Map<String, Value>);

impl Fields {
    fn put(mut self, key: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(key.to_owned(), value.into());
        }
        self
    }

    /// A name, where an empty one takes the field away.
    fn name(self, key: &str, name: Option<&String>) -> Self {
        self.put(key, name.map(|name| if name.is_empty() { Value::Null } else { name.as_str().into() }))
    }

    /// Names, where one empty name stands for none.
    fn names(self, key: &str, names: Option<&Vec<String>>) -> Self {
        let filled = |names: &Vec<String>| -> Value {
            names.iter().filter(|name| !name.is_empty()).map(String::as_str).collect()
        };
        self.put(key, names.map(filled))
    }

    fn run(self, flags: &RunFlags) -> Result<Self, Failure> {
        let fields = flags.fields()?;
        Ok(self.put("run", (!fields.is_empty()).then_some(fields)))
    }
}

/// What to run.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "What to run")]
pub(crate) struct RunFlags {
    /// A handler, instead of a command
    #[arg(long, value_name = "NAME", conflicts_with = "command")]
    pub(crate) handler: Option<String>,
    /// What the handler is given, as JSON, or the name of a file of it
    #[arg(long, value_name = "JSON|@FILE", conflicts_with = "command")]
    pub(crate) payload: Option<String>,
    /// After how many seconds the command is stopped
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u32>,
    /// The directory that the command runs in
    #[arg(long, value_name = "PATH")]
    pub(crate) directory: Option<String>,
    /// A variable of the command's environment; may be repeated
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) environment: Vec<(String, String)>,
    /// The program and its arguments, after `--`; no shell is between
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

impl RunFlags {
    /// The fields of a `run` that are given.
    pub(crate) fn fields(&self) -> Result<Map<String, Value>, Failure> {
        let payload = self.payload.as_deref().map(payload).transpose()?;
        let variables: Map<String, Value> =
            self.environment.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let command: Value = self.command.iter().map(String::as_str).collect();
        Ok(Fields::default()
            .put("handler", self.handler.as_deref())
            .put("payload", payload)
            .put("timeout", self.timeout)
            .name("directory", self.directory.as_ref())
            .put("environment", (!variables.is_empty()).then_some(variables))
            .put("command", (!self.command.is_empty()).then_some(command))
            .0)
    }
}

/// A payload, from the command line or, out of the sight of other users, from a file. It may be secret, so that no error repeats
/// any of it: what parses the arguments would.
fn payload(text: &str) -> Result<Value, Failure> {
    match text.strip_prefix('@') {
        Some(path) => {
            let read = std::fs::read(path).map_err(|error| {
                Failure::new(format!("--payload: {path}: cannot be read: {error}")).remedy("check the path")
            })?;
            json(&read, path)
        }
        None => json(text.as_bytes(), "--payload"),
    }
}

fn json(text: &[u8], place: &str) -> Result<Value, Failure> {
    serde_json::from_slice(text).map_err(|error| {
        Failure::new(format!("{place}:{}:{}: this is not JSON", error.line(), error.column()))
            .remedy("give a JSON value, as in --payload '{\"key\": 1}', or @FILE")
    })
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What an instance may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NodeTypeName {
    /// Runs every kind of task, and controls
    Hybrid,
    /// Runs jobs, ad hoc commands and inventory updates
    Execution,
    /// Runs project updates and system jobs, and controls
    Control,
    /// Only passes messages on
    Hop,
}

impl From<NodeTypeName> for scheduler_core::NodeType {
    fn from(name: NodeTypeName) -> Self {
        match name {
            NodeTypeName::Hybrid => Self::Hybrid,
            NodeTypeName::Execution => Self::Execution,
            NodeTypeName::Control => Self::Control,
            NodeTypeName::Hop => Self::Hop,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct InstanceFlags {
    /// What it has, in forks
    #[arg(long, value_name = "FORKS")]
    capacity: Option<u32>,
    /// What it may do
    #[arg(long, value_name = "TYPE")]
    node_type: Option<NodeTypeName>,
    /// Whether it may get new tasks
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enabled: Option<bool>,
}

impl Flags for InstanceFlags {
    const KIND: DefinitionKind = DefinitionKind::Instance;

    fn fields(&self) -> Result<Fields, Failure> {
        let node_type = self.node_type.map(|name| json!(scheduler_core::NodeType::from(name)));
        Ok(Fields::default()
            .put("capacity", self.capacity)
            .put("node_type", node_type)
            .put("enabled", self.enabled))
    }
}

#[derive(Debug, Args)]
pub(crate) struct GroupFlags {
    /// The hostnames of its instances
    #[arg(long, value_name = "HOSTNAME", value_delimiter = ',')]
    instances: Option<Vec<String>>,
    /// It is a container platform, which has no instances
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    container: Option<bool>,
    /// How many tasks may hold a place by it; 0 for no limit
    #[arg(long, value_name = "N")]
    max_concurrent_jobs: Option<u32>,
    /// How many forks they may have together; 0 for no limit
    #[arg(long, value_name = "FORKS")]
    max_forks: Option<u32>,
}

impl Flags for GroupFlags {
    const KIND: DefinitionKind = DefinitionKind::Group;

    fn fields(&self) -> Result<Fields, Failure> {
        Ok(Fields::default()
            .names("instances", self.instances.as_ref())
            .put("container", self.container)
            .put("max_concurrent_jobs", self.max_concurrent_jobs)
            .put("max_forks", self.max_forks))
    }
}

#[derive(Debug, Args)]
pub(crate) struct ProjectFlags {
    #[command(flatten)]
    update: UpdateFlags,
    #[command(flatten)]
    run: RunFlags,
}

/// What projects and inventory sources have in common.
#[derive(Debug, Args)]
struct UpdateFlags {
    /// Whether a job that uses it first needs an update
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    update_on_launch: Option<bool>,
    /// How long a successful update stays fresh
    #[arg(long, value_name = "SECONDS")]
    cache_timeout: Option<u32>,
    /// The groups that its updates may run in, in order of preference
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    groups: Option<Vec<String>>,
}

impl UpdateFlags {
    fn fields(&self) -> Fields {
        Fields::default()
            .put("update_on_launch", self.update_on_launch)
            .put("cache_timeout", self.cache_timeout)
            .names("groups", self.groups.as_ref())
    }
}

impl Flags for ProjectFlags {
    const KIND: DefinitionKind = DefinitionKind::Project;

    fn fields(&self) -> Result<Fields, Failure> {
        self.update.fields().run(&self.run)
    }
}

#[derive(Debug, Args)]
pub(crate) struct InventoryFlags {
    /// How many hosts it has
    #[arg(long, value_name = "N")]
    hosts: Option<u32>,
}

impl Flags for InventoryFlags {
    const KIND: DefinitionKind = DefinitionKind::Inventory;

    fn fields(&self) -> Result<Fields, Failure> {
        Ok(Fields::default().put("hosts", self.hosts))
    }
}

#[derive(Debug, Args)]
pub(crate) struct InventorySourceFlags {
    /// The inventory that it belongs to
    #[arg(long, value_name = "NAME")]
    inventory: Option<String>,
    /// The project that it reads from
    #[arg(long, value_name = "NAME")]
    source_project: Option<String>,
    #[command(flatten)]
    update: UpdateFlags,
    #[command(flatten)]
    run: RunFlags,
}

impl Flags for InventorySourceFlags {
    const KIND: DefinitionKind = DefinitionKind::InventorySource;

    fn fields(&self) -> Result<Fields, Failure> {
        self.update
            .fields()
            .name("inventory", self.inventory.as_ref())
            .name("source_project", self.source_project.as_ref())
            .run(&self.run)
    }
}

#[derive(Debug, Args)]
pub(crate) struct TemplateFlags {
    /// The project that its jobs use
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// The inventory that its jobs use
    #[arg(long, value_name = "NAME")]
    inventory: Option<String>,
    /// Whether several of its jobs may run at once
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    allow_simultaneous: Option<bool>,
    /// How many hosts a job works on at once
    #[arg(long, value_name = "N")]
    forks: Option<u32>,
    /// What a job costs, instead of what hosts and forks make of it
    #[arg(long, value_name = "FORKS")]
    impact: Option<u32>,
    /// Into how many jobs a launch is cut
    #[arg(long, value_name = "N")]
    slices: Option<u32>,
    /// Higher is considered first
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i32>,
    /// The groups that its jobs may run in, in order of preference
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    groups: Option<Vec<String>>,
    #[command(flatten)]
    run: RunFlags,
}

impl Flags for TemplateFlags {
    const KIND: DefinitionKind = DefinitionKind::JobTemplate;

    fn fields(&self) -> Result<Fields, Failure> {
        Fields::default()
            .name("project", self.project.as_ref())
            .name("inventory", self.inventory.as_ref())
            .put("allow_simultaneous", self.allow_simultaneous)
            .put("forks", self.forks)
            .put("impact", self.impact)
            .put("slices", self.slices)
            .put("priority", self.priority)
            .names("groups", self.groups.as_ref())
            .run(&self.run)
    }
}

#[derive(Debug, Args)]
pub(crate) struct SystemJobFlags {
    /// The groups that it may run in, in order of preference
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    groups: Option<Vec<String>>,
    #[command(flatten)]
    run: RunFlags,
}

impl Flags for SystemJobFlags {
    const KIND: DefinitionKind = DefinitionKind::SystemJob;

    fn fields(&self) -> Result<Fields, Failure> {
        Fields::default().names("groups", self.groups.as_ref()).run(&self.run)
    }
}

/// Its nodes come from a file.
#[derive(Debug, Args)]
pub(crate) struct WorkflowFlags {
    /// Whether several of its workflow jobs may run at once
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    allow_simultaneous: Option<bool>,
    /// Higher is considered first
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i32>,
}

impl Flags for WorkflowFlags {
    const KIND: DefinitionKind = DefinitionKind::Workflow;

    fn fields(&self) -> Result<Fields, Failure> {
        Ok(Fields::default()
            .put("allow_simultaneous", self.allow_simultaneous)
            .put("priority", self.priority))
    }
}
