//! Strongly connected components: who waits, by way of others, for themselves.
//!
//! Tarjan's algorithm without recursion, so that no chain of tasks is too long for the stack. Linear but for the maps.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

struct Mark {
    index: usize,
    low: usize,
    open: bool,
}

/// The components of a graph, each after those that it leads to.
pub(super) fn components<K: Copy + Ord>(
    nodes: impl Iterator<Item = K>,
    mut next: impl FnMut(K) -> Vec<K>,
) -> Vec<Vec<K>> {
    let mut marks: BTreeMap<K, Mark> = BTreeMap::new();
    let mut open: Vec<K> = Vec::new();
    let mut found = Vec::new();
    for root in nodes {
        if marks.contains_key(&root) {
            continue;
        }
        let mut path: Vec<(K, Vec<K>)> = Vec::new();
        enter(root, &mut marks, &mut open);
        path.push((root, next(root)));
        while let Some((node, rest)) = path.last_mut() {
            let node = *node;
            if let Some(to) = rest.pop() {
                match marks.get(&to) {
                    None => {
                        enter(to, &mut marks, &mut open);
                        path.push((to, next(to)));
                    }
                    Some(mark) if mark.open => {
                        let low = mark.index;
                        lower(node, low, &mut marks);
                    }
                    Some(_) => {}
                }
                continue;
            }
            path.pop();
            let Some(mark) = marks.get(&node) else { continue };
            let (index, low) = (mark.index, mark.low);
            if let Some((parent, _)) = path.last() {
                lower(*parent, low, &mut marks);
            }
            if index == low {
                let from = open.iter().rposition(|member| *member == node).unwrap_or(0);
                let component = open.split_off(from);
                for member in &component {
                    if let Some(mark) = marks.get_mut(member) {
                        mark.open = false;
                    }
                }
                found.push(component);
            }
        }
    }
    found
}

fn enter<K: Copy + Ord>(node: K, marks: &mut BTreeMap<K, Mark>, open: &mut Vec<K>) {
    let index = marks.len();
    marks.insert(node, Mark { index, low: index, open: true });
    open.push(node);
}

fn lower<K: Copy + Ord>(node: K, low: usize, marks: &mut BTreeMap<K, Mark>) {
    if let Some(mark) = marks.get_mut(&node) {
        mark.low = mark.low.min(low);
    }
}

/// The nodes that lie on a circle, each with the number of its component.
pub(super) fn on_circles<K: Copy + Ord>(
    nodes: impl Iterator<Item = K>,
    mut next: impl FnMut(K) -> Vec<K>,
) -> BTreeMap<K, usize> {
    let mut loops = BTreeSet::new();
    let components = components(nodes, |node| {
        let to = next(node);
        if to.contains(&node) {
            loops.insert(node);
        }
        to
    });
    let mut on = BTreeMap::new();
    for (number, component) in components.into_iter().enumerate() {
        let round = component.len() > 1 || component.iter().any(|node| loops.contains(node));
        if round {
            on.extend(component.into_iter().map(|node| (node, number)));
        }
    }
    on
}
