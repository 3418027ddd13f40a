//! A decision as a row: one word, and a sentence that says where or why.

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use comfy_table::{Cell, Color};
use scheduler_core::{Action, Decision, End, NodeStep, Outcome, Outlook, Reason, Then};

use crate::output::cell;
use crate::words::Names;

/// The decisions that a table can be limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Show {
    /// Tasks that start
    Starts,
    /// Tasks that stay pending, and malformed workflows that are left as they are
    Holds,
    /// Tasks that end
    Ends,
    /// Dispatches that are taken back, sent again or asked to cancel
    Dispatches,
    /// Nodes of workflows
    Nodes,
    /// Tasks to create
    Creates,
    /// Dependencies that were derived
    Links,
}

/// How a decision looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Work begins or ended well.
    Good,
    /// Work waits.
    Waiting,
    /// Work failed, or never can begin.
    Bad,
    /// Something is arranged.
    Plain,
}

impl Tone {
    /// In a line of text.
    pub(crate) fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Waiting => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Plain => AnsiColor::Cyan.on_default(),
        }
    }

    /// In a table.
    pub(crate) fn cell(self, word: &str) -> Cell {
        cell(word).fg(match self {
            Self::Good => Color::DarkGreen,
            Self::Waiting => Color::DarkYellow,
            Self::Bad => Color::DarkRed,
            Self::Plain => Color::DarkCyan,
        })
    }
}

/// A decision in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    /// What becomes of the task, in a word.
    pub(crate) word: &'static str,
    /// The stable name for machines of what stands behind it, where there is one.
    pub(crate) token: Option<&'static str>,
    /// Where or why.
    pub(crate) sentence: String,
    /// How it looks.
    pub(crate) tone: Tone,
    /// In which part of the table it belongs.
    pub(crate) show: Show,
}

/// Describes a decision.
pub(crate) fn describe(decision: &Decision, names: &Names<'_>) -> Described {
    match &decision.action {
        Action::Start(place) => starts(names.place(*place)),
        Action::Hold(reason) => holds(reason, reason.to_string()),
        Action::End(end) => ends(end, end.to_string()),
        Action::TakeBack(back) => {
            let replaced = format!("dispatch {} is void: its instance is gone or lost", back.replaces);
            let described = match &back.then {
                Then::Start(place) => starts(format!("{}; {replaced}", names.place(*place))),
                Then::Hold(reason) => holds(reason, format!("{replaced}; {reason}")),
                Then::End(end) => ends(end, format!("{end}; {replaced}")),
            };
            Described { word: took_back(&back.then), show: Show::Dispatches, ..described }
        }
        Action::Redispatch(replaced) => Described {
            word: "send again",
            token: None,
            sentence: format!("dispatch {replaced} was not taken up in time; it stays where it is"),
            tone: Tone::Plain,
            show: Show::Dispatches,
        },
        Action::RequestCancel { workflow } => Described {
            word: "ask to cancel",
            token: None,
            sentence: format!("workflow job {} was asked to cancel", names.task(*workflow)),
            tone: Tone::Plain,
            show: Show::Dispatches,
        },
        Action::Leave(malformed) => Described {
            word: "leave",
            token: Some(malformed.token()),
            sentence: malformed.to_string(),
            tone: Tone::Bad,
            show: Show::Holds,
        },
    }
}

const fn took_back(then: &Then) -> &'static str {
    match then {
        Then::Start(_) => "start elsewhere",
        Then::Hold(_) => "take back",
        Then::End(_) => "take back, end",
    }
}

fn starts(sentence: String) -> Described {
    Described { word: "start", token: None, sentence, tone: Tone::Good, show: Show::Starts }
}

/// Describes the reason of a held task.
fn holds(reason: &Reason, sentence: String) -> Described {
    let (word, tone) = held(reason.outlook() == Outlook::Never);
    Described { word, token: Some(reason.token()), sentence, tone, show: Show::Holds }
}

/// How a held task looks, which may never run as things stand.
pub(crate) const fn held(never: bool) -> (&'static str, Tone) {
    if never { ("hold, never runs", Tone::Bad) } else { ("hold", Tone::Waiting) }
}

fn ends(end: &End, sentence: String) -> Described {
    let (word, tone) = outcome(end.outcome());
    Described { word, token: Some(end.token()), sentence, tone, show: Show::Ends }
}

/// How a task ended, in a word.
pub(crate) const fn outcome(outcome: Outcome) -> (&'static str, Tone) {
    match outcome {
        Outcome::Successful => ("succeed", Tone::Good),
        Outcome::Failed => ("fail", Tone::Bad),
        Outcome::Error => ("error", Tone::Bad),
        Outcome::Canceled => ("cancel", Tone::Bad),
    }
}

/// What becomes of a node, in a word, and why.
pub(crate) fn node(step: &NodeStep) -> (&'static str, String, Tone) {
    match step {
        NodeStep::Run(create) => ("run", format!("its job is {create}"), Tone::Good),
        NodeStep::Skip(reason) => ("skip", reason.to_string(), Tone::Waiting),
        NodeStep::TemplateMissing => ("fail", "its template is missing".to_owned(), Tone::Bad),
    }
}
