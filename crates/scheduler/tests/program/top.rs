//! `scheduler top`, driven in a terminal.

use std::process::Command;

use testkit::servers::{Relay, address_of, database_url, through};

use crate::live::Live;
use crate::terminal::Terminal;
use crate::{command, run};

const SMALL: (u16, u16) = (80, 24);
const ENTER: &str = "\r";
const ESCAPE: &str = "\u{1b}";
const RIGHT: &str = "\u{1b}[C";
const DOWN: &str = "\u{1b}[B";

/// A simulation of the example's snapshot that stands still: 17 and 18 run, 40 waits for 17, 42 for 40.
fn simulation() -> Command {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/cluster.json");
    command(&["top", "--simulate", example, "--at", "0"])
}

fn live(live: &Live, url: &str) -> Command {
    let mut command = command(&["top", "--every", "0.2"]);
    command.env("DATABASE_URL", url).env("DATABASE_SCHEMA", &live.schema);
    command
}

#[test]
fn a_simulation_shows_its_queue_filters_follows_a_chain_and_leaves_the_terminal_as_it_was() {
    let terminal = Terminal::run(&simulation(), SMALL);
    let text = terminal.shows("Migrate shop");
    assert!(text.contains("simulation of cluster.json") && text.contains("PAUSED"), "{text}");
    assert!(text.contains("waits for job 17 to release"), "the reason: {text}");
    assert!(terminal.has_colour());

    terminal.press("/report");
    let text = terminal.hides("Migrate shop");
    assert!(text.contains("46 Report"), "{text}");
    terminal.press(ESCAPE);
    terminal.shows("Migrate shop");

    terminal.press("/42");
    terminal.press(ENTER);
    terminal.shows("filter “42”");
    terminal.press(ENTER);
    let text = terminal.shows("what task 42 waits for");
    assert!(text.contains("hold: waits for project update 40, on which it depends"), "{text}");
    assert!(text.contains("→ project update 40 shop.git waits for job 17"), "{text}");
    assert!(text.contains("→ job 17 Deploy shop"), "the chain is followed to its end: {text}");
    terminal.press(ESCAPE);
    terminal.hides("what task 42 waits for");

    terminal.press("2");
    terminal.press(ESCAPE);
    terminal.shows("Deploy shop");
    terminal.press("q");
    let text = terminal.ends_well_with(0);
    assert!(!text.contains("Deploy shop"), "nothing of it is left: {text}");
}

#[test]
fn r8_3_a_cancel_in_a_simulation_runs_it_again_from_there_on() {
    let terminal = Terminal::run(&simulation(), SMALL);
    terminal.shows("45 Patch more");
    terminal.press("/45");
    terminal.press(ENTER);
    terminal.press("c");
    terminal.shows("Cancel job 45 Patch more hosts?");
    terminal.press("n");
    let text = terminal.hides("Cancel job 45");
    assert!(text.contains("45 Patch more"), "{text}");
    terminal.press("cy");
    terminal.until("the second run", |text| {
        !text.contains("RUNNING AGAIN") && text.contains("task 45 is canceled at this moment")
    });
    terminal.press(RIGHT);
    terminal.press("3");
    terminal.until("the canceled task among those that ended", |text| {
        text.contains("3 Ended 1/") && text.contains("45 Patch more") && text.contains("canceled")
    });
    terminal.press("\u{3}");
    terminal.ends_well_with(0);
}

#[test]
fn sizes_follow_each_other_and_the_smallest_only_says_so() {
    let terminal = Terminal::run(&simulation(), (200, 50));
    terminal.until("all panes", |text| {
        ["4 Cluster", "Deploy shop", "Migrate shop"].iter().all(|words| text.contains(words))
    });
    terminal.resize((20, 4));
    terminal.shows("too small");
    terminal.resize((1, 1));
    terminal.resize(SMALL);
    let text = terminal.shows("Migrate shop");
    assert!(!text.contains("Deploy shop  "), "one pane: {text}");
    terminal.press(DOWN);
    terminal.shows("job 42 Migrate shop waits");
    terminal.press("q");
    terminal.ends_well_with(0);
}

#[test]
fn no_color_takes_the_colour_away_and_nothing_else() {
    let mut command = Command::new("env");
    let plain = simulation();
    command.arg("NO_COLOR=1").arg(plain.get_program()).args(plain.get_args());
    let terminal = Terminal::run(&command, SMALL);
    terminal.shows("Migrate shop");
    assert!(!terminal.has_colour());
    terminal.press("q");
    terminal.ends_well_with(0);
}

#[test]
fn a_signal_ends_it_and_the_terminal_is_as_it_was() {
    let mut command = Command::new("timeout");
    let plain = simulation();
    command.args(["--foreground", "-s", "TERM", "3"]).arg(plain.get_program()).args(plain.get_args());
    let terminal = Terminal::run(&command, SMALL);
    terminal.shows("Migrate shop");
    terminal.ends_well_with(124);
}

#[test]
fn what_is_no_terminal_is_refused_with_the_remedy() {
    for arguments in [&["top"][..], &["top", "--demo"], &["top", "--generate", "tasks=10"]] {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
        assert!(ran.err.contains("standard output is no terminal"), "{ran:?}");
    }
    assert!(run(&["top"]).err.contains("`scheduler status` prints the same once"));
    assert!(run(&["top", "--generate", "tasks=10"]).err.contains("`scheduler simulate` prints"));
}

#[test]
fn bad_input_is_an_error_before_there_is_a_screen() {
    for (arguments, words) in [
        (vec!["top", "--simulate", "/nowhere.toml"], "/nowhere.toml"),
        (vec!["top"], "no database is named"),
        (vec!["top", "--speed", "fast"], "is no speed, such as 60x"),
        (vec!["top", "--every", "0"], "at least 0.1 s"),
        (
            vec!["top", "--database-url", "postgres://bob:geheim@127.0.0.1:1/base"],
            "the store cannot be reached",
        ),
    ] {
        let terminal = Terminal::run(&command(&arguments), (160, 50));
        terminal.shows(words);
        let text = terminal.ends_well_with(1);
        assert!(text.contains("error:") && !text.contains("geheim"), "{text}");
    }
}

#[test]
fn the_demonstration_is_a_cluster_to_look_at() {
    let terminal = Terminal::run(&command(&["top", "--demo"]), (160, 50));
    terminal.shows("deploy-web");
    terminal.shows("node-a (datacentre)");
    terminal.until("the machine that is lost", |text| text.contains("branch-1") && text.contains(" lost "));
    terminal.press("q");
    terminal.ends_well_with(0);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn a_live_control_plane_is_shown_filtered_explained_and_a_task_canceled() {
    let plane = Live::new();
    assert_eq!(plane.run(&["launch", "template:deploy-web", "system-job:no-operation"]).code, Some(0));
    plane.pass();
    let terminal = Terminal::run(&live(&plane, &plane.url), (120, 30));
    // A name may be drawn before what stands behind it.
    let text = terminal.until("a task with its reason", |text| {
        text.contains("deploy-web")
            && (text.contains("has no instance in use") || text.contains("waits for project update"))
    });
    assert!(text.contains("LIVE") && text.contains("pending"), "{text}");

    terminal.press("/deploy-web");
    terminal.press(ENTER);
    let text = terminal.hides("no-operation");
    assert!(text.contains("1 deploy-web"), "{text}");
    terminal.press(ENTER);
    let text = terminal.shows("what task 1 waits for");
    terminal.shows("→ ");
    let explained = plane.run(&["explain", "1"]).out;
    let second = explained.lines().nth(1).expect("a second line").split(" (").next().unwrap_or_default();
    assert!(terminal.text().contains(second), "{second} is not in {text}");
    terminal.press(ESCAPE);
    terminal.hides("what task 1 waits for");

    terminal.press("c");
    terminal.shows("Cancel job 1 deploy-web?");
    terminal.press("y");
    terminal.shows("task 1 is asked to cancel");
    plane.pass();
    terminal.until("an empty queue", |text| text.contains("none of"));
    terminal.press("3");
    let text = terminal
        .until("the task that ended", |text| text.contains("1 deploy-web") && text.contains("canceled"));
    assert!(plane.run(&["explain", "1"]).out.contains("canceled"), "{text}");
    terminal.press(ESCAPE);
    terminal.hides("filter “");
    terminal.press("4");
    terminal.shows("never joined");
    terminal.press("q");
    terminal.ends_well_with(0);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn a_lost_store_is_said_the_screen_stays_and_comes_back_by_itself() {
    let plane = Live::new();
    assert_eq!(plane.run(&["launch", "system-job:no-operation"]).code, Some(0));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let relay = runtime.block_on(Relay::to(address_of(&database_url())));
    let terminal = Terminal::run(&live(&plane, &through(&plane.url, relay.address())), (120, 30));
    terminal.shows("no-operation");
    relay.down();
    let text = terminal.shows("STALE");
    assert!(text.contains("no-operation"), "the screen stays: {text}");
    assert!(text.contains("nothing new for") && text.contains("the store cannot be reached"), "{text}");
    assert!(!text.contains("postgres://"), "no URL: {text}");
    terminal.press("cy");
    terminal.shows("task 1 is not canceled");
    relay.up();
    terminal.shows("LIVE");
    assert_eq!(plane.run(&["launch", "system-job:no-operation"]).code, Some(0));
    terminal.shows("2 pending");
    terminal.press("q");
    terminal.ends_well_with(0);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn tables_that_are_missing_are_an_error_that_says_how_to_make_them() {
    let plane = Live::empty();
    let terminal = Terminal::run(&live(&plane, &plane.url), (120, 30));
    terminal.shows("run `scheduler migrate`");
    terminal.ends_well_with(1);
}

#[test]
fn a_generated_workload_is_played_faster_and_slower_and_seeks() {
    let terminal =
        Terminal::run(&command(&["top", "--generate", "tasks=200,load=2,instances=2", "--at", "0"]), SMALL);
    terminal.shows("⏸ 0 s of ");
    terminal.press("+");
    terminal.shows(" at 32x");
    terminal.press("--");
    terminal.shows(" at 8x");
    (0..25).for_each(|_| terminal.press(RIGHT));
    terminal.until("tasks that ended", |text| !text.contains(" 0 ended"));
    terminal.press(" ");
    terminal.shows("PLAYING");
    terminal.press("q");
    terminal.ends_well_with(0);
}
