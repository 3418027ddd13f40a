//! Cycles, named.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{Display, Write};

use crate::component::components;
use crate::table::{FxHashMap, FxHashSet, Row};
use crate::words::NAMED;

/// One cycle of each component of the rows below `size`, beginning with its smallest row.
pub(super) fn cycles(rows: &[Row], size: usize, edges: impl Fn(Row, &mut Vec<Row>)) -> Vec<Vec<Row>> {
    components(rows, size, &edges).into_iter().filter_map(|component| cycle_in(&component, &edges)).collect()
}

/// Every member of a component has a successor in it, so that a walk within it must come round.
fn cycle_in(component: &[Row], edges: impl Fn(Row, &mut Vec<Row>)) -> Option<Vec<Row>> {
    let members: FxHashSet<Row> = component.iter().copied().collect();
    let mut walked: Vec<Row> = Vec::new();
    let mut when: FxHashMap<Row, usize> = FxHashMap::default();
    let mut at = *component.iter().min()?;
    loop {
        if let Some(&from) = when.get(&at) {
            let mut cycle = walked.split_off(from);
            let smallest = cycle.iter().enumerate().min_by_key(|(_, row)| **row).map_or(0, |(at, _)| at);
            cycle.rotate_left(smallest);
            return Some(cycle);
        }
        when.insert(at, walked.len());
        walked.push(at);
        let mut next = Vec::new();
        edges(at, &mut next);
        at = next.into_iter().filter(|row| members.contains(row)).min()?;
    }
}

/// "1 → 2 → 1".
pub(super) fn named<T: Display>(cycle: impl ExactSizeIterator<Item = T>) -> String {
    let length = cycle.len();
    let mut words = String::new();
    let mut first = None;
    for member in cycle.take(NAMED) {
        let member = member.to_string();
        words.push_str(&member);
        words.push_str(" → ");
        first.get_or_insert(member);
    }
    if length > NAMED {
        let _ = write!(words, "… ({length} in all) → ");
    }
    words.push_str(first.as_deref().unwrap_or_default());
    words
}
