//! Every example runs, and what it says is true: each asserts on what it shows.

#[path = "../examples/embedded.rs"]
mod embedded;
#[path = "../examples/explain_pending.rs"]
mod explain_pending;
#[path = "../examples/one_pass.rs"]
mod one_pass;
#[path = "../examples/own_rules.rs"]
mod own_rules;
#[path = "../examples/own_tables.rs"]
mod own_tables;
#[path = "../examples/property_test.rs"]
mod property_test;
#[path = "../examples/resident.rs"]
mod resident;

#[test]
fn embedded_runs() {
    embedded::main();
}

#[test]
fn one_pass_runs() {
    one_pass::main();
}

#[test]
fn explain_pending_runs() {
    explain_pending::main();
}

#[test]
fn own_rules_runs() {
    own_rules::main();
}

#[test]
fn r12_3_own_tables_runs() {
    own_tables::main();
}

#[test]
fn property_test_runs() {
    property_test::main();
}

#[test]
fn resident_runs() {
    // Its `main` does the same with a million tasks.
    let _with_many: fn() = resident::main;
    resident::show(2_000);
}
