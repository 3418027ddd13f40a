//! What the suites define, and launch of it.

use control_plane::definition::Definitions;
use control_plane::ports::{Launch, Launchable, StoreError};
use serde_json::{Value, json};

/// Every field says something else than its default.
pub(super) fn everything() -> Definitions {
    definitions(json!({
        "rules": {
            "preset": "awx-2024",
            "default_groups": ["second", "first"],
            "control_plane": { "group": "first", "impact": 2 },
            "chronological": true, "heartbeat_grace": 33, "dispatch_grace": 44, "start_limit": 55, "reserve_after": 66,
            "claims": [{ "by": "job", "resource": { "own": "licence" }, "mode": "exclusive" }],
            "matrices": [{ "resource": { "own": "licence" }, "forbidden": [["exclusive", "exclusive"]] }],
        },
        "instance": [{ "hostname": "one", "node_type": "control", "capacity": 3, "enabled": false }],
        "group": [
            { "name": "first", "instances": ["one"], "max_concurrent_jobs": 4, "max_forks": 5 },
            { "name": "second", "container": true },
        ],
        "project": [{ "name": "code", "update_on_launch": true, "cache_timeout": 6, "groups": ["second", "first"],
            "run": { "command": ["git", "pull"], "timeout": 30, "directory": "/srv", "environment": { "A": "b" } } }],
        "inventory": [{ "name": "hosts", "hosts": 7 }],
        "inventory-source": [{ "name": "source", "inventory": "hosts", "update_on_launch": true, "cache_timeout": 8,
            "source_project": "code", "groups": ["first"], "run": { "handler": "read", "payload": { "deep": [1, null] } } }],
        "template": [{ "name": "job", "project": "code", "inventory": "hosts", "allow_simultaneous": true, "forks": 9,
            "impact": 10, "slices": 11, "priority": -12, "groups": ["first", "second"],
            "own_keys": [{ "resource": "licence", "key": 13 }], "run": { "handler": "play", "payload": "text" } }],
        "system-job": [{ "name": "system", "groups": ["first"], "run": { "handler": "system" } }],
        "workflow": [
            { "name": "inner" },
            { "name": "flow", "allow_simultaneous": true, "priority": 14, "node": [
                { "name": "z", "starts": { "template": "job" }, "on_success": ["a", "b"], "on_failure": ["c"], "always": ["d"] },
                { "name": "a", "starts": { "project": "code" }, "convergence": "all" },
                { "name": "b", "starts": { "inventory-source": "source" } },
                { "name": "c", "starts": { "system-job": "system" } },
                { "name": "d", "starts": { "approval": { "timeout": 15 } }, "on_success": ["e"] },
                { "name": "e", "starts": { "workflow": "inner" }, "on_success": ["f"] },
                { "name": "f", "starts": { "approval": {} } },
            ]},
        ],
    }))
}

/// Definitions as a file would have them.
pub(super) fn definitions(json: Value) -> Definitions {
    serde_json::from_value(json).expect("the definitions of a test can be read")
}

fn run() -> Value {
    json!({ "handler": "work" })
}

/// The cluster of most tests.
pub(super) fn cluster() -> Definitions {
    definitions(json!({
        "rules": { "default_groups": ["default"] },
        "instance": [
            { "hostname": "node-a", "capacity": 20 },
            { "hostname": "node-b", "capacity": 10 },
        ],
        "group": [
            { "name": "default", "instances": ["node-a", "node-b"] },
            { "name": "only-b", "instances": ["node-b"] },
            { "name": "cloud", "container": true, "max_concurrent_jobs": 100 },
        ],
        "project": [
            { "name": "shop", "run": run() },
            { "name": "fresh", "update_on_launch": true, "cache_timeout": 3600, "groups": ["only-b"], "run": run() },
        ],
        "inventory": [
            { "name": "web", "hosts": 3 },
            { "name": "cloud-hosts", "hosts": 50 },
        ],
        "inventory-source": [
            { "name": "cloud", "inventory": "cloud-hosts", "update_on_launch": true, "cache_timeout": 3600,
              "source_project": "fresh", "run": run() },
        ],
        "template": [
            { "name": "deploy", "project": "shop", "inventory": "web", "allow_simultaneous": true, "impact": 2,
              "run": { "handler": "deploy", "payload": { "colour": "blue", "size": 1 } } },
            { "name": "alone", "project": "shop", "inventory": "web", "impact": 2, "priority": 3, "run": run() },
            { "name": "on-b", "project": "shop", "inventory": "web", "allow_simultaneous": true, "impact": 2,
              "groups": ["only-b"], "run": run() },
            { "name": "pod", "inventory": "web", "allow_simultaneous": true, "groups": ["cloud"], "run": run() },
            { "name": "build", "project": "fresh", "inventory": "web", "allow_simultaneous": true, "run": run() },
            { "name": "survey", "project": "shop", "inventory": "cloud-hosts", "allow_simultaneous": true,
              "run": run() },
            { "name": "sliced", "project": "shop", "inventory": "web", "slices": 3, "priority": 4,
              "run": { "handler": "work", "payload": { "part": "whole" } } },
        ],
        "system-job": [{ "name": "clean", "run": run() }],
        "workflow": [
            { "name": "release", "priority": 2, "node": [
                { "name": "first", "starts": { "template": "deploy" }, "on_success": ["second"], "on_failure": ["rescue"] },
                { "name": "second", "starts": { "template": "deploy" } },
                { "name": "rescue", "starts": { "template": "deploy" } },
            ] },
        ],
    }))
}

/// A person's launch of what is defined.
pub(super) fn template(name: &str) -> Launch {
    Launch::of(Launchable::JobTemplate(name.into()))
}

/// A person's launch of a workflow.
pub(super) fn workflow(name: &str) -> Launch {
    Launch::of(Launchable::Workflow(name.into()))
}

/// The message of a refusal.
pub(super) fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Refused(message)) => message,
        other => panic!("not refused but {other:?}"),
    }
}
