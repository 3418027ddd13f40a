//! Graphs of workflows.

use alloc::boxed::Box;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{Size, at_most, id, outcome, percent, shuffled, work};
use crate::{Convergence, Edge, EdgeKind, Graph, Node, NodeId, Progress};

/// A graph without cycles: fresh, under way or with all of its nodes done. Which workflow job it is of, and which tasks
/// are its nodes' jobs, is out of the given ranges.
pub fn graph(size: Size) -> impl Strategy<Value = Graph> {
    let nodes = vec(node(size), 0..=at_most(size.nodes, 0));
    let edges = vec((any::<u16>(), any::<u16>(), edge_kind()), 0..=at_most(size.nodes, 0) + 1);
    let touched = prop_oneof![
        2 => Just(usize::MAX),
        3 => 0..=at_most(size.nodes, 0),
    ];
    (id(size.tasks), nodes, shuffled(size.nodes), edges, touched).prop_map(
        |(workflow, mut nodes, ids, edges, touched)| {
            for (node, id) in nodes.iter_mut().zip(&ids) {
                node.id = NodeId::new(*id);
            }
            // The nodes stand in an order that no edge runs against, so the first ones are the first to have come anywhere.
            for node in nodes.iter_mut().skip(touched) {
                node.progress = Progress::Untouched;
            }
            let edges = edges.into_iter().filter_map(|(a, b, on)| edge(&nodes, a, b, on)).collect();
            Graph { workflow, nodes, edges }
        },
    )
}

/// An edge from the earlier to the later of two nodes.
fn edge(nodes: &[Node], a: u16, b: u16, on: EdgeKind) -> Option<Edge> {
    let a = usize::from(a).checked_rem(nodes.len())?;
    let b = usize::from(b).checked_rem(nodes.len())?;
    let (from, to) = (nodes.get(a.min(b))?.id, nodes.get(a.max(b))?.id);
    (from != to).then_some(Edge { from, to, on })
}

fn edge_kind() -> impl Strategy<Value = EdgeKind> {
    prop_oneof![
        3 => Just(EdgeKind::Success),
        2 => Just(EdgeKind::Failure),
        2 => Just(EdgeKind::Always),
    ]
}

fn node(size: Size) -> impl Strategy<Value = Node> {
    (id(size.nodes), option::weighted(0.9, work(size)), percent(35), progress(size)).prop_map(
        |(id, starts, all, progress)| Node {
            id,
            starts: starts.map(Box::new),
            convergence: if all { Convergence::All } else { Convergence::Any },
            progress,
        },
    )
}

fn progress(size: Size) -> impl Strategy<Value = Progress> {
    prop_oneof![
        2 => Just(Progress::Untouched),
        1 => Just(Progress::Skipped),
        1 => Just(Progress::TemplateMissing),
        4 => id(size.tasks).prop_map(Progress::Job),
        4 => (id(size.tasks), outcome()).prop_map(|(task, outcome)| Progress::Ended { task, outcome }),
    ]
}
