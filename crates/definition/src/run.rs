//! What a worker does for a task: a handler by its name, and what it is given.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use scheduler_core::Seconds;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The handler that runs a command as a child process; every node has it.
pub const COMMAND: &str = "command";

/// The most that a payload may be, as JSON: 1 MiB. Workers claim hundreds of tasks at once, and hold their payloads in memory.
pub const PAYLOAD_LIMIT: usize = 1 << 20;

/// What is wrong with a payload, if it is too large.
pub fn too_large(payload: &Value) -> Option<String> {
    let size = serde_json::to_vec(payload).map_or(usize::MAX, |text| text.len());
    (size > PAYLOAD_LIMIT).then(|| {
        format!(
            "the payload has {size} bytes, and at most {PAYLOAD_LIMIT} are kept: put large things where the task can \
             read them, and their place into the payload"
        )
    })
}

/// The name of a handler: letters, digits, `-`, `_`, `.` and `:`, at most 100 of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HandlerName(Arc<str>);

/// A text that is no name of a handler.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a handler's name has 1 to 100 letters, digits, '-', '_', '.' or ':', and this one has not: {0:?}")]
pub struct HandlerNameError(String);

impl HandlerName {
    /// The handler that runs commands.
    #[must_use]
    pub fn command() -> Self {
        Self(Arc::from(COMMAND))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for HandlerName {
    type Error = HandlerNameError;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
        if (1..=100).contains(&name.len()) && name.chars().all(fits) {
            Ok(Self(Arc::from(name)))
        } else {
            Err(HandlerNameError(name.chars().take(120).collect()))
        }
    }
}

impl TryFrom<String> for HandlerName {
    type Error = HandlerNameError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::try_from(name.as_str())
    }
}

impl From<HandlerName> for String {
    fn from(name: HandlerName) -> Self {
        name.0.as_ref().into()
    }
}

impl fmt::Display for HandlerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a worker does: this handler, with this payload.
///
/// In files either `{ command = ["ansible-playbook", "site.yml"], timeout = 3600 }` or
/// `{ handler = "name", payload = { … } }`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Run {
    /// Who runs it.
    pub handler: HandlerName,
    /// What it is given.
    pub payload: Value,
}

/// Without the payload, which may hold secrets.
impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("handler", &self.handler).finish_non_exhaustive()
    }
}

impl Run {
    /// Runs a command.
    #[must_use]
    pub fn command(command: CommandPayload) -> Self {
        Self { handler: HandlerName::command(), payload: command.into() }
    }

    /// With these values laid over the payload, key by key; a payload that is no object is replaced.
    #[must_use]
    pub fn with(mut self, over: Option<&Value>) -> Self {
        match (&mut self.payload, over) {
            (_, None) => {}
            (Value::Object(under), Some(Value::Object(over))) => {
                under.extend(over.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            (payload, Some(over)) => *payload = over.clone(),
        }
        self
    }
}

/// The payload of the handler [`COMMAND`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandPayload {
    /// The program and its arguments; no shell is between.
    pub argv: Vec<String>,
    /// After how many seconds it is stopped; left out, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
    /// The directory to run in; left out, the node's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Variables to add to the node's environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
}

impl From<CommandPayload> for Value {
    fn from(command: CommandPayload) -> Self {
        let mut object = serde_json::Map::new();
        object.insert("argv".into(), command.argv.into());
        if let Some(timeout) = command.timeout {
            object.insert("timeout".into(), timeout.get().into());
        }
        if let Some(directory) = command.directory {
            object.insert("directory".into(), directory.into());
        }
        if !command.environment.is_empty() {
            object.insert("environment".into(), command.environment.into_iter().collect());
        }
        Self::Object(object)
    }
}

/// A [`Run`] as people write it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    directory: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    environment: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handler: Option<HandlerName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

/// A [`Run`] that says too much or too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Neither.
    #[error("say what to run: either `command = [\"program\", \"argument\"]` or `handler = \"name\"`")]
    Nothing,
    /// Both.
    #[error(
        "`command`, `timeout`, `directory` and `environment` do not go with `handler` and `payload`: keep one of the two"
    )]
    Both,
    /// No program.
    #[error("`command` is empty: its first word is the program")]
    EmptyCommand,
}

impl TryFrom<Written> for Run {
    type Error = RunError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { command, timeout, directory, environment, handler, payload } = written;
        let of_command = timeout.is_some() || directory.is_some() || !environment.is_empty();
        match (command, handler) {
            (Some(_), Some(_)) => Err(RunError::Both),
            (Some(_), None) if payload.is_some() => Err(RunError::Both),
            (Some(argv), None) if argv.first().is_none_or(String::is_empty) => Err(RunError::EmptyCommand),
            (Some(argv), None) => Ok(Self::command(CommandPayload { argv, timeout, directory, environment })),
            (None, Some(_)) if of_command => Err(RunError::Both),
            (None, Some(handler)) => Ok(Self { handler, payload: payload.unwrap_or(Value::Null) }),
            (None, None) => Err(RunError::Nothing),
        }
    }
}

impl From<Run> for Written {
    fn from(run: Run) -> Self {
        let command = (run.handler.as_str() == COMMAND)
            .then(|| serde_json::from_value::<CommandPayload>(run.payload.clone()).ok())
            .flatten();
        let mut written = Self {
            command: None,
            timeout: None,
            directory: None,
            environment: BTreeMap::new(),
            handler: None,
            payload: None,
        };
        match command {
            Some(command) => {
                written.command = Some(command.argv);
                written.timeout = command.timeout;
                written.directory = command.directory;
                written.environment = command.environment;
            }
            None => {
                written.handler = Some(run.handler);
                written.payload = (!run.payload.is_null()).then_some(run.payload);
            }
        }
        written
    }
}
