//! Which lane a bar is on.
//!
//! Lanes stand in sections: one a group, with a lane of what waited for it, one for each of its instances, and one for what runs on its
//! containers; then instances of no group, then what runs without any place (workflow jobs, approvals), then what never started.
//! Whether a wait was for a group is known from where the task went in the end, so each task waits in one lane only.

use rustc_hash::FxHashMap;
use scheduler_core::{GroupId, InstanceId, Members};
use serde::Serialize;
use simulator::{Bar, Capacity, Moment, Place};

use crate::Picture;
use crate::packing::{Rows, Stretches};

/// A part of the page with a headline.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    /// The headline.
    pub(crate) name: String,
    /// Its lanes, from the top.
    pub(crate) lanes: Vec<Lane>,
}

/// A lane.
#[derive(Debug, Serialize)]
pub(crate) struct Lane {
    /// What its bars have in common.
    pub(crate) kind: LaneKind,
    /// What stands beside it.
    pub(crate) name: String,
    /// How many rows it has.
    pub(crate) rows: u32,
    /// The position of its place among the picture's capacities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) capacity: Option<usize>,
}

/// What the bars of a lane have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LaneKind {
    /// They wait.
    Waiting,
    /// They run on an instance.
    Instance,
    /// They run in a container group.
    Container,
    /// They run nowhere.
    Placeless,
    /// They never started.
    NeverStarted,
}

/// A stretch of rows on a lane. Lanes are numbered through all sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stand {
    /// The lane.
    pub(crate) lane: usize,
    /// The first row.
    pub(crate) row: u32,
}

/// Where the bars stand.
#[derive(Debug)]
pub(crate) struct Lanes {
    /// From the top.
    pub(crate) sections: Vec<Section>,
    /// Where each task runs, in the order of the bars.
    pub(crate) runs: Vec<Option<Stand>>,
    /// Where each task waits.
    pub(crate) waits: Vec<Option<Stand>>,
}

/// What tells lanes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Waiting(Option<GroupId>),
    Instance(InstanceId),
    Container(GroupId),
    Placeless,
    NeverStarted,
}

impl Lanes {
    /// Puts every bar of a picture on a lane.
    pub(crate) fn of(picture: &Picture<'_>) -> Self {
        let bars = &picture.timeline.bars;
        let runs = stands(bars, |bar| {
            let key = run_key(bar);
            let to = bar.finished.unwrap_or(picture.end);
            Some((key, bar.started?, to, height(key, bar)))
        });
        let waits = stands(bars, |bar| {
            let to = bar.started.or(bar.finished).unwrap_or(picture.end);
            (to > bar.launched).then(|| (wait_key(bar), bar.launched, to, 1))
        });
        let mut lanes = Self { sections: Vec::new(), runs: Vec::new(), waits: Vec::new() };
        let mut known = runs.rows;
        known.extend(waits.rows);
        let numbers = lanes.arrange(picture, &known);
        let numbered = |stand: Option<(Key, u32)>| {
            let (key, row) = stand?;
            Some(Stand { lane: *numbers.get(&key)?, row })
        };
        lanes.runs = runs.stands.into_iter().map(numbered).collect();
        lanes.waits = waits.stands.into_iter().map(numbered).collect();
        lanes
    }

    /// Puts the lanes that have bars, and those of every instance, into sections, and numbers them.
    fn arrange(&mut self, picture: &Picture<'_>, rows: &FxHashMap<Key, u32>) -> FxHashMap<Key, usize> {
        let homes = homes(picture);
        let mut numbers = FxHashMap::default();
        let mut section = |name: &str, keys: Vec<Listed<'_>>| {
            let mut lanes = Vec::new();
            for (key, kind, name, capacity) in keys {
                let always = kind == LaneKind::Instance;
                if let Some(&rows) = rows.get(&key).or(always.then_some(&0)) {
                    numbers.insert(key, numbers.len());
                    lanes.push(Lane { kind, name: name.to_owned(), rows, capacity });
                }
            }
            if !lanes.is_empty() {
                self.sections.push(Section { name: name.to_owned(), lanes });
            }
        };
        for (position, capacity) in picture.capacities.iter().enumerate() {
            let Place::Group(group) = capacity.of else { continue };
            let mut keys = vec![(Key::Waiting(Some(group)), LaneKind::Waiting, "waiting", None)];
            keys.extend(instances(picture, &homes, Some(group)));
            keys.push((Key::Container(group), LaneKind::Container, "containers", Some(position)));
            section(&capacity.name, keys);
        }
        section("instances of no group", instances(picture, &homes, None));
        let placeless = vec![
            (Key::Waiting(None), LaneKind::Waiting, "waiting", None),
            (Key::Placeless, LaneKind::Placeless, "running", None),
        ];
        section("workflows, approvals, and what needs no instance", placeless);
        section("never started", vec![(Key::NeverStarted, LaneKind::NeverStarted, "waiting", None)]);
        numbers
    }
}

/// A lane that may come: it is left out when it has no bars, unless it is an instance's.
type Listed<'p> = (Key, LaneKind, &'p str, Option<usize>);

/// The instances that stand under a group, or under none.
fn instances<'p>(
    picture: &Picture<'p>,
    homes: &FxHashMap<InstanceId, GroupId>,
    home: Option<GroupId>,
) -> Vec<Listed<'p>> {
    let listed = |(position, capacity): (usize, &'p Capacity)| {
        let instance = capacity.of.instance()?;
        let here = homes.get(&instance).copied() == home;
        here.then_some((Key::Instance(instance), LaneKind::Instance, capacity.name.as_str(), Some(position)))
    };
    picture.capacities.iter().enumerate().filter_map(listed).collect()
}

/// Where bars stand by the keys of their lanes, and how many rows each lane has.
struct Stands {
    stands: Vec<Option<(Key, u32)>>,
    rows: FxHashMap<Key, u32>,
}

/// Gives rows to bars in the order of their beginnings; `part` names the lane, from when to when, and how many rows.
fn stands(bars: &[Bar], part: impl Fn(&Bar) -> Option<(Key, Moment, Moment, u32)>) -> Stands {
    let mut parts: Vec<(usize, (Key, Moment, Moment, u32))> =
        bars.iter().enumerate().filter_map(|(position, bar)| Some((position, part(bar)?))).collect();
    parts.sort_by_key(|&(_, (_, from, to, _))| (from, std::cmp::Reverse(to)));
    let mut stretches: FxHashMap<Key, Stretches> = FxHashMap::default();
    let mut rows: FxHashMap<Key, Rows> = FxHashMap::default();
    let mut stands = vec![None; bars.len()];
    for (position, (key, from, to, height)) in parts {
        let row = match key {
            Key::Instance(_) => stretches.entry(key).or_default().take(from, to, height),
            _ => rows.entry(key).or_default().take(from, to),
        };
        if let Some(stand) = stands.get_mut(position) {
            *stand = Some((key, row));
        }
    }
    let high = stretches.iter().map(|(&key, lane)| (key, lane.rows()));
    let flat = rows.iter().map(|(&key, lane)| (key, lane.rows()));
    Stands { stands, rows: high.chain(flat).collect() }
}

fn run_key(bar: &Bar) -> Key {
    match (bar.placement.node, bar.placement.group) {
        (Some(node), _) => Key::Instance(node),
        (None, Some(group)) => Key::Container(group),
        (None, None) => Key::Placeless,
    }
}

fn wait_key(bar: &Bar) -> Key {
    if bar.started.is_none() { Key::NeverStarted } else { Key::Waiting(bar.placement.group) }
}

/// A bar's height in rows: what it costs on an instance, one elsewhere.
fn height(key: Key, bar: &Bar) -> u32 {
    if matches!(key, Key::Instance(_)) { bar.impact.get().max(1) } else { 1 }
}

/// The group under which each instance stands.
fn homes(picture: &Picture<'_>) -> FxHashMap<InstanceId, GroupId> {
    let mut tasks: FxHashMap<(InstanceId, GroupId), usize> = FxHashMap::default();
    for bar in &picture.timeline.bars {
        if let (Some(node), Some(group)) = (bar.placement.node, bar.placement.group) {
            *tasks.entry((node, group)).or_default() += 1;
        }
    }
    let mut most: Vec<(usize, InstanceId, GroupId)> =
        tasks.into_iter().map(|((node, group), count)| (count, node, group)).collect();
    most.sort_unstable();
    let mut homes: FxHashMap<InstanceId, GroupId> =
        most.into_iter().map(|(_, node, group)| (node, group)).collect();
    for group in picture.groups.iter().rev() {
        if let Members::Instances(ids) = &group.members {
            homes.extend(ids.iter().map(|&id| (id, group.id)));
        }
    }
    homes
}
