//! With real children.

use std::path::PathBuf;

use rustix::process::Pid;
use scheduler_core::{DispatchId, Kind, TaskId};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::definition::{HandlerName, Run};
use crate::ports::{Assignment, Output, Slice, SliceNumber};

const OPTIONS: CommandOptions = CommandOptions {
    output_limit: 1024,
    term_grace: Duration::from_millis(300),
    withheld: &["CARGO_PKG_NAME"],
    open_files: Some(100),
};

fn shell(script: &str) -> CommandPayload {
    CommandPayload { argv: vec!["sh".into(), "-c".into(), script.into()], ..CommandPayload::default() }
}

fn context(stopping: &CancellationToken) -> Context {
    let assignment = Assignment {
        task: TaskId::new(1),
        dispatch: DispatchId::new(7),
        kind: Kind::Job,
        name: "a command".into(),
        run: Run { handler: HandlerName::command(), payload: serde_json::Value::Null },
        slice: None,
        waited: Duration::ZERO,
    };
    Context::new(&assignment, None, stopping.clone())
}

async fn end(payload: CommandPayload) -> Ended {
    run_with(payload, context(&CancellationToken::new())).await
}

async fn run_with(payload: CommandPayload, context: Context) -> Ended {
    run(payload, context, OPTIONS, Arc::default()).await.expect("there is room for a command")
}

#[tokio::test]
async fn a_command_is_told_its_task_and_its_slice() {
    let script = "echo $SCHEDULER_TASK ${SCHEDULER_SLICE-none} ${SCHEDULER_SLICES-none}";
    assert_eq!(printed(&end(shell(script)).await), "1 none none\n");
    let mut context = context(&CancellationToken::new());
    context.slice = Some(Slice { number: SliceNumber(2), of: SliceNumber(3) });
    let ended = run_with(shell(script), context).await;
    assert_eq!(printed(&ended), "1 2 3\n");
}

fn printed(ended: &Ended) -> &str {
    ended.output.as_ref().map_or("", |output| output.text.as_str())
}

/// A file of this test's own, and a wait until a child has written its process id into it.
struct PidFile(PathBuf);

impl PidFile {
    fn new(test: &str) -> Self {
        let file = std::env::temp_dir().join(format!("control-plane-{}-{test}", std::process::id()));
        let _ = std::fs::remove_file(&file);
        Self(file)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path of text")
    }

    async fn pid(&self) -> Pid {
        loop {
            let text = std::fs::read_to_string(&self.0).unwrap_or_default();
            if let Some(pid) = text.strip_suffix('\n') {
                return Pid::from_raw(pid.parse().expect("a process id")).expect("not 0");
            }
            sleep(POLL).await;
        }
    }

    /// Waits until the process has ended; a zombie has.
    async fn ended(&self) {
        let pid = self.pid().await.as_raw_nonzero();
        let state = || {
            let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            status.rsplit(") ").next().and_then(|rest| rest.chars().next())
        };
        while !matches!(state(), None | Some('Z' | 'X')) {
            sleep(POLL).await;
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn exit_code_0_is_successful_and_both_outputs_are_kept_in_order() {
    let ended = end(shell("echo one; echo two >&2; echo three")).await;
    assert_eq!(ended.outcome, Outcome::Successful);
    assert_eq!(ended.output, Some(Output { text: "one\ntwo\nthree\n".into(), truncated: false }));
}

#[tokio::test]
async fn any_other_exit_code_is_failed_and_named() {
    let ended = end(shell("exit 3")).await;
    assert_eq!((ended.outcome, ended.explanation.as_str()), (Outcome::Failed, "exit code 3"));
    let ended = end(shell("kill -9 $$")).await;
    assert_eq!((ended.outcome, ended.explanation.as_str()), (Outcome::Failed, "killed by signal 9"));
}

#[tokio::test]
async fn what_cannot_run_is_an_error_that_names_the_program() {
    let missing = CommandPayload { argv: vec!["no-such-program".into()], ..CommandPayload::default() };
    let ended = end(missing).await;
    assert_eq!(ended.outcome, Outcome::Error);
    assert!(ended.explanation.starts_with("could not run \"no-such-program\": "), "{}", ended.explanation);
    let nowhere = CommandPayload { directory: Some("/no/such/place".into()), ..shell("true") };
    let ended = end(nowhere).await;
    assert_eq!(ended.outcome, Outcome::Error);
    assert!(ended.explanation.contains("in directory \"/no/such/place\""), "{}", ended.explanation);
    assert_eq!(end(CommandPayload::default()).await.outcome, Outcome::Error);
}

#[tokio::test]
async fn standard_input_is_empty_and_the_environment_is_added_to() {
    let mut payload = shell("cat; echo \"$GREETING in $PWD\"");
    payload.environment.insert("GREETING".into(), "hello".into());
    payload.directory = Some("/".into());
    assert_eq!(printed(&end(payload).await), "hello in /\n");
}

#[tokio::test]
async fn output_is_kept_up_to_the_limit_and_never_blocks_the_child() {
    let ended =
        end(shell("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo last words")).await;
    assert_eq!(ended.outcome, Outcome::Successful);
    let output = ended.output.expect("it printed");
    assert!(output.truncated && output.text.len() < 2 * OPTIONS.output_limit);
    assert!(output.text.starts_with("line 0\n") && output.text.ends_with("last words\n"));
}

#[tokio::test]
async fn a_timeout_fails_it() {
    let payload = CommandPayload { timeout: Some(Seconds::new(1)), ..shell("echo begun; sleep 60") };
    let ended = end(payload).await;
    assert_eq!(ended.outcome, Outcome::Failed);
    assert_eq!(ended.explanation, "not done within its timeout of 1 s: stopped with SIGTERM");
    assert_eq!(printed(&ended), "begun\n");
}

#[tokio::test]
async fn cancel_ends_the_whole_group_gently_first() {
    let file = PidFile::new("gentle");
    let script = format!("sh -c 'echo $$ > {}; exec sleep 60' & wait", file.path());
    let stopping = CancellationToken::new();
    let (ended, ()) = tokio::join!(run_with(shell(&script), context(&stopping)), async {
        file.pid().await;
        stopping.cancel();
    });
    assert_eq!(ended.outcome, Outcome::Canceled);
    file.ended().await;
}

#[tokio::test]
async fn what_ignores_sigterm_is_killed_after_the_grace() {
    let file = PidFile::new("stubborn");
    let script =
        format!("trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > {}; sleep 60; sleep 60' & wait", file.path());
    let stopping = CancellationToken::new();
    let (ended, ()) = tokio::join!(run_with(shell(&script), context(&stopping)), async {
        file.pid().await;
        stopping.cancel();
    });
    assert_eq!(ended.outcome, Outcome::Canceled);
    assert!(ended.explanation.starts_with("killed with SIGKILL"), "{}", ended.explanation);
    file.ended().await;
}

#[tokio::test]
async fn what_ends_with_exit_code_0_though_it_was_told_to_stop_is_successful() {
    let file = PidFile::new("well");
    let script =
        format!("trap 'echo done; exit 0' TERM; echo $$ > {}; while :; do sleep 0.05; done", file.path());
    let stopping = CancellationToken::new();
    let (ended, ()) = tokio::join!(run_with(shell(&script), context(&stopping)), async {
        file.pid().await;
        stopping.cancel();
    });
    assert_eq!(ended.outcome, Outcome::Successful, "{}", ended.explanation);
    assert!(ended.explanation.contains("told to stop"), "{}", ended.explanation);
    assert!(printed(&ended).ends_with("done\n"));
    // A timeout is a limit: whatever the command makes of its end, it was not done within it.
    let late = CommandPayload {
        timeout: Some(Seconds::new(1)),
        ..shell("trap 'exit 0' TERM; while :; do sleep 0.05; done")
    };
    assert_eq!(end(late).await.outcome, Outcome::Failed);
}

#[tokio::test]
async fn a_command_does_not_inherit_what_is_withheld_nor_its_node_s_many_open_files() {
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some(), "a test has it");
    let names = "env | grep -E '^(PATH|CARGO_PKG_NAME|SCHEDULER_TASK)=' | cut -d= -f1 | sort";
    assert_eq!(printed(&end(shell(names)).await), "PATH\nSCHEDULER_TASK\n");
    // The limit comes an instant after the start.
    assert_eq!(printed(&end(shell("sleep 0.2; ulimit -Sn")).await), "100\n");
}

#[test]
fn want_of_room_is_told_from_what_is_wrong_with_a_command() {
    use rustix::io::Errno;
    for none in [Errno::MFILE, Errno::NFILE, Errno::AGAIN, Errno::NOMEM] {
        assert!(start::is_no_room(&none.into()), "{none}");
    }
    for wrong in [Errno::NOENT, Errno::ACCESS, Errno::TOOBIG] {
        assert!(!start::is_no_room(&wrong.into()), "{wrong}");
    }
}

#[tokio::test]
async fn nothing_that_stays_in_the_group_outlives_the_command() {
    let file = PidFile::new("left-behind");
    let script = format!(
        "sh -c 'echo $$ > {}; exec sleep 60' & until [ -s {} ]; do :; done",
        file.path(),
        file.path()
    );
    assert_eq!(end(shell(&script)).await.outcome, Outcome::Successful);
    file.ended().await;
}

#[tokio::test]
async fn a_command_that_is_cut_off_takes_its_group_along() {
    let file = PidFile::new("cut-off");
    let script = format!("sh -c 'echo $$ > {}; exec sleep 60' & wait", file.path());
    tokio::select! {
        _ = end(shell(&script)) => panic!("it cannot end by itself"),
        _ = file.pid() => {}
    }
    file.ended().await;
}
