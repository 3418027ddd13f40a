//! The smallest pass.

#[test]
fn r11_an_empty_snapshot_gives_an_idle_plan() {
    let plan =
        scheduler_core::plan(&scheduler_core::Snapshot::default(), &scheduler_core::RuleSet::default());
    assert!(plan.is_idle() && !plan.more);
}
