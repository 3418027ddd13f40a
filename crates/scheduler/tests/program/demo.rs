//! The demonstration runs to its end, and shows what it promises.

use crate::run;

#[test]
fn the_demonstration_runs_to_its_end_and_shows_what_it_promises() {
    let ran = run(&["demo"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    assert!(ran.out.contains("All done after"), "{}", ran.out);
    let shown = [
        // R4: updates on launch.
        "create          inventory update",
        "create          project update",
        "for job 1 deploy-web",
        // R6: a full group, and a task that only the idle rule lets run.
        "and may hold 2 tasks",
        "patch-fleet",
        // R3: no overtaking.
        "behind_older_task",
        // R7: the way back, the approval, and the end of the workflow.
        "skip            node",
        "roll-back",
        "approved        workflow approval",
        "succeed         workflow job",
        // Real processes.
        "\"3 artefacts\"",
        "exit code 3; \"column exists already\"",
        // R8: a cancel, and a machine that is lost.
        "canceled        job",
        "unplug          branch-1",
        "start elsewhere job",
        "is void: its instance is gone or lost",
        // R12: every pass of it.
        "every plan audited",
        "1 canceled, 2 failed",
    ];
    for words in shown {
        assert!(ran.out.contains(words), "`{words}` is missing in:\n{}", ran.out);
    }
}

#[test]
fn r12_4_no_task_of_the_demonstration_ends_twice() {
    let out = run(&["demo"]).out;
    let ends = ["succeeded ", "failed ", "canceled ", "approved "];
    let mut tasks: Vec<&str> = out
        .lines()
        .filter_map(|line| {
            ends.iter().find_map(|end| line.split_once(end)).map(|(_, rest)| rest.trim_start())
        })
        .filter_map(|rest| rest.split("  ").next())
        .collect();
    let told = tasks.len();
    tasks.sort_unstable();
    tasks.dedup();
    assert!(told > 15 && tasks.len() == told, "{out}");
}
