//! The demonstration runs to its end, and shows what it promises.

use crate::run;

#[test]
fn the_demonstration_runs_to_its_end() {
    let ran = run(&["demo"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(ran.out.contains("All done after"), "{}", ran.out);
    let shown = [
        "start     job 2 collect-metrics",
        "create    inventory update",
        "for job 1 deploy-web",
        "hold      job 9 patch-fleet",
        "start     job 9 patch-fleet",
        "behind_older_task",
        "skip      node 3",
        "roll-back",
        "approved",
        "succeed   workflow job",
        "every plan audited",
    ];
    for words in shown {
        assert!(ran.out.contains(words), "`{words}` is missing in:\n{}", ran.out);
    }
}

#[test]
fn the_demonstration_is_the_same_every_time() {
    assert_eq!(run(&["demo"]).out, run(&["demo"]).out);
}
