//! Completions and manual pages.

use crate::{file, run};

#[test]
fn completions_of_every_shell_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(&["completions", shell]);
        assert_eq!(ran.code, Some(0), "{shell}: {}", ran.err);
        for word in ["simulate", "forecast", "--cluster"] {
            assert!(ran.out.contains(word.trim_start_matches('-')), "{shell} does not know {word}");
        }
    }
    let unknown = run(&["completions", "tcsh"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("bash"), "{}", unknown.err);
}

#[test]
fn a_shell_takes_its_completions() {
    let script = format!("{}\ncomplete -p scheduler", run(&["completions", "bash"]).out);
    // A file, since an argument cannot be as long.
    let path = file("completions.bash", script);
    let taken = std::process::Command::new("bash").args(["--norc", &path]).output();
    let taken = taken.expect("bash, which the scripts need too");
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    assert!(String::from_utf8_lossy(&taken.stdout).contains("_scheduler"));
}

#[test]
fn every_command_has_a_page() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("man-pages");
    // An earlier run may have left pages of commands that are gone.
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).expect("a directory for the pages");
    let ran = run(&["man", "--into", folder.to_str().expect("a path of text")]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let page = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    assert!(page("scheduler.1").contains("scheduler\\-simulate(1)"), "{}", page("scheduler.1"));
    assert!(page("scheduler-simulate.1").contains("\\-\\-change"));
    assert!(page("scheduler-import-swf.1").contains("\\-\\-backlog"));
    assert_eq!(ran.out.lines().count(), std::fs::read_dir(&folder).expect("pages").count());
    assert!(run(&["man"]).out.contains(".TH scheduler 1"));
}

#[test]
fn pages_that_cannot_be_written_are_named() {
    let ran = run(&["man", "--into", "no-such-directory"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("no-such-directory") && ran.err.contains("exists"), "{}", ran.err);
}
