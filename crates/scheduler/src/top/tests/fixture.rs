//! A small control plane to look at, and how to look at it.

use control_plane::ports::TaskStatus;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use scheduler_core::{Forks, Kind, NodeType, Priority, TaskCount, Timestamp};

use crate::overview::{Counts, Group, Hold, Liveness, Node, Overview, Row, Rows};
use crate::top::screen::{self, Theme};
use crate::top::state::State;
use crate::top::view::View;

/// So many seconds after nine in the morning.
pub(super) fn at(seconds: i64) -> Timestamp {
    "2026-03-02T09:00:00Z".parse::<Timestamp>().unwrap() + chrono::TimeDelta::seconds(seconds)
}

pub(super) fn task(id: i64, name: &str, kind: Kind, status: TaskStatus) -> Row {
    Row {
        id: id.into(),
        name: name.into(),
        kind,
        status,
        priority: Priority::new(0),
        impact: Forks::new(6),
        created: at(0),
        started: None,
        finished: None,
        place: "".into(),
        workflow: None,
        cancel_requested: false,
        answerable: false,
        hold: None,
        decision: None,
        explanation: "".into(),
    }
}

fn waits(row: Row, token: &'static str, sentence: &str, since: i64) -> Row {
    let never = token == "never_fits";
    Row { hold: Some(Hold { token, sentence: sentence.into(), since: Some(at(since)), never }), ..row }
}

fn ran(row: Row, node: &str, started: i64, finished: Option<i64>) -> Row {
    Row {
        place: format!("on {node} (datacentre)").into(),
        started: Some(at(started)),
        finished: finished.map(at),
        ..row
    }
}

fn node(name: &str, used: u32, capacity: u32, state: Liveness, heard: i64) -> Node {
    Node {
        hostname: name.to_owned(),
        node_type: NodeType::Hybrid,
        used: Forks::new(used),
        capacity: Forks::new(capacity),
        state,
        last_heartbeat: Some(at(heard)),
        version: "0.1.0".to_owned(),
    }
}

/// Five tasks wait, two run, two have ended, at a minute past nine.
pub(super) fn view() -> View {
    use Kind::{AdHocCommand, Job, ProjectUpdate, WorkflowApproval};
    use TaskStatus::{Failed, Pending, Running, Successful};
    let queue = vec![
        waits(
            task(40, "shop.git", ProjectUpdate, Pending),
            "resource_held",
            "waits for job 17 to release project 3 (held for use, wanted for update)",
            10,
        ),
        waits(
            task(42, "Migrate shop", Job, Pending),
            "waiting_for_dependency",
            "waits for project update 40, on which it depends",
            12,
        ),
        waits(
            task(43, "Check shop", Job, Pending),
            "behind_older_task",
            "may not overtake the older project update 40, which waits for project 3 too (the older wants it for update, this one for use)",
            14,
        ),
        Row {
            created: at(-600),
            impact: Forks::new(64),
            ..waits(
                task(47, "Render", Job, Pending),
                "never_fits",
                "can never run as things stand: group 2 \"gpu\" has no usable instance that may run this kind of task",
                -500,
            )
        },
        task(48, "uptime", AdHocCommand, Pending),
    ];
    let running = vec![
        ran(task(17, "Deploy shop", Job, Running), "node-a", 2, None),
        Row {
            started: Some(at(30)),
            place: "waits for a person's word".into(),
            ..task(21, "Go live?", WorkflowApproval, Running)
        },
    ];
    let ended = vec![
        Row {
            explanation: "exit code 3".into(),
            ..ran(task(12, "Migrate database", Job, Failed), "node-b", 5, Some(50))
        },
        ran(task(11, "Build", Job, Successful), "node-a", 0, Some(20)),
    ];
    View {
        about: "schema scheduler".to_owned(),
        overview: Overview {
            now: at(60),
            counts: Counts { pending: 5, waiting: 0, running: 2, ended: None },
            holds: [("never_fits".to_owned(), 1)].into(),
            pending: Rows { total: 5, tasks: queue },
            holding: Rows { total: 2, tasks: running },
            finished: ended,
            groups: vec![Group {
                name: "datacentre".to_owned(),
                used: Forks::new(6),
                capacity: Forks::new(28),
                container: false,
                max_forks: Forks::ZERO,
                max_concurrent_jobs: TaskCount::new(0),
                limit: Some(Forks::new(28)),
                tasks: None,
            }],
            nodes: vec![
                node("node-a", 6, 20, Liveness::InUse, 60),
                node("node-b", 0, 8, Liveness::TakesNoWork, 58),
                node("node-c", 0, 8, Liveness::Lost, -300),
            ],
            ..Overview::default()
        },
        ..View::default()
    }
}

/// What a terminal of this size shows.
pub(super) fn drawn(view: &View, state: &State, (width, height): (u16, u16)) -> String {
    let theme = Theme { colour: true };
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen::draw(frame, view, state, theme)).unwrap();
    let text = terminal.backend().to_string();
    let lines = text.lines().map(|line| line.trim_matches('"').trim_end()).collect::<Vec<_>>();
    lines.join("\n")
}
