//! What is written: columns that hold what the bars say, lanes in their sections, and nothing that could be markup.

use scheduler_core::{Forks, GroupId, InstanceGroup, InstanceId, Members, TaskCount};
use serde_json::{Value, json};
use timeline::Picture;

use crate::pictures::{Small, simulated};

fn written(picture: &Picture<'_>) -> String {
    let mut page = Vec::new();
    timeline::write(picture, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

/// The data of a page.
fn payload(page: &str) -> (&str, Value) {
    let (_, rest) = page.split_once("id=\"payload\">").unwrap();
    let (text, _) = rest.split_once("</script>").unwrap();
    (text, serde_json::from_str(text).unwrap())
}

/// A column without its runs.
fn column(value: &Value) -> Vec<i64> {
    let numbers =
        |list: &Value| list.as_array().unwrap().iter().map(|one| one.as_i64().unwrap()).collect::<Vec<_>>();
    match value.get("runs") {
        Some(runs) => {
            numbers(runs).chunks(2).flat_map(|run| vec![run[0]; usize::try_from(run[1]).unwrap()]).collect()
        }
        None => numbers(value),
    }
}

fn sums(value: &Value) -> Vec<i64> {
    let mut sum = 0;
    column(value)
        .into_iter()
        .map(|difference| {
            sum += difference;
            sum
        })
        .collect()
}

/// The sections and their lanes.
fn lanes(payload: &Value) -> Vec<String> {
    let sections = payload["sections"].as_array().unwrap();
    let words = |value: &Value| value.as_str().unwrap().to_owned();
    let names = |section: &Value| {
        let lanes = section["lanes"].as_array().unwrap().iter().map(|lane| words(&lane["name"]));
        format!("{}: {}", words(&section["name"]), lanes.collect::<Vec<_>>().join(", "))
    };
    sections.iter().map(names).collect()
}

#[test]
fn columns_hold_what_the_bars_say() {
    let (workload, outcome) = simulated("tasks=300,load=1.2,instances=3");
    let page = written(&Picture::of(&outcome, &workload.cluster.groups));
    let (_, data) = payload(&page);
    let unit = data["unit"].as_i64().unwrap();
    let tasks = &data["tasks"];
    let (ids, launched) = (sums(&tasks["id"]), sums(&tasks["launched"]));
    let (started, finished) = (column(&tasks["started"]), column(&tasks["finished"]));
    let (impact, counts) = (column(&tasks["impact"]), column(&tasks["waits"]["counts"]));
    assert_eq!(ids.len(), outcome.timeline.bars.len());
    for (at, bar) in outcome.timeline.bars.iter().enumerate() {
        assert_eq!(ids[at], bar.task.get());
        assert_eq!(launched[at] * unit, bar.launched.millis());
        assert_eq!((launched[at] + started[at] - 1) * unit, bar.started.unwrap().millis());
        assert_eq!(
            (launched[at] + started[at] - 1 + finished[at] - 1) * unit,
            bar.finished.unwrap().millis()
        );
        assert_eq!(impact[at], i64::from(bar.impact.get()));
        assert_eq!(counts[at], i64::try_from(bar.waits.len() * 3).unwrap());
    }
}

#[test]
fn moments_are_counted_in_the_largest_unit_that_loses_nothing() {
    let small = Small::new();
    assert_eq!(payload(&written(&small.picture())).1["unit"], json!(1000));
    let mut finer = small.timeline().clone();
    finer.bars[0].launched = simulator::Moment::from_millis(-20);
    let picture = Picture { timeline: &finer, ..small.picture() };
    assert_eq!(payload(&written(&picture)).1["unit"], json!(10));
}

#[test]
fn lanes_stand_under_their_groups() {
    let small = Small::new();
    let plain = lanes(&payload(&written(&small.picture())).1);
    assert_eq!(plain, ["default: waiting, node-a", "never started: waiting"]);
    let group = |members: Vec<InstanceId>| InstanceGroup {
        id: GroupId::new(1),
        name: "default".into(),
        members: Members::Instances(members),
        max_concurrent_jobs: TaskCount::new(0),
        max_forks: Forks::ZERO,
    };
    let idle = Small::with_instance("node-b", InstanceId::new(2));
    let loose = lanes(&payload(&written(&idle.picture())).1);
    assert_eq!(
        loose,
        ["default: waiting, node-a", "instances of no group: node-b", "never started: waiting"],
        "an instance on which nothing ran is seen too"
    );
    let groups = [group(vec![InstanceId::new(1), InstanceId::new(2)])];
    let grouped = lanes(&payload(&written(&Picture { groups: &groups, ..idle.picture() })).1);
    assert_eq!(grouped, ["default: waiting, node-a, node-b", "never started: waiting"]);
}

#[test]
fn nothing_of_a_picture_is_markup() {
    let small = Small::new();
    let hostile = Picture { title: "</title><script>alert(1)</script>", about: "<b>", ..small.picture() };
    let page = written(&hostile);
    let (text, data) = payload(&page);
    assert!(!text.contains(['<', '>', '&']), "{text}");
    assert_eq!(data["title"], json!(hostile.title));
    assert_eq!(page.matches("<script").count(), 2, "the data and the program");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(page.contains("<title>&lt;/title&gt;"));
}

#[test]
fn the_page_needs_no_network() {
    let page = written(&Small::new().picture());
    assert!(page.contains("Content-Security-Policy\" content=\"default-src 'none';"));
    for outside in ["http:", "https:", "src=\"", "@import", "url(", "innerHTML", "eval("] {
        let rest = page.replace("http://www.w3.org/2000/svg", "").replace("clip-path=\"url(#", "");
        // The payload has the hostile name, whose `src` is inert.
        let (head, tail) = rest.split_once("id=\"payload\">").unwrap();
        let program = tail.split_once("</script>").unwrap().1;
        assert!(!head.contains(outside) && !program.contains(outside), "{outside}");
    }
}

#[test]
fn a_picture_without_tasks_is_a_page_too() {
    let nothing = simulator::Timeline::default();
    let page = written(&Picture { timeline: &nothing, ..Small::new().picture() });
    assert_eq!(
        lanes(&payload(&page).1),
        ["instances of no group: node-a"],
        "nothing says of which group it is"
    );
}
