//! Child processes, in real time.

use control_plane::ports::{Admin as _, CancelAnswer, TaskStatus};

use crate::bench::Bench;

#[tokio::test]
async fn r8_3_a_running_command_is_told_to_cancel_and_its_output_kept() {
    let bench = Bench::new().await;
    let node = bench.start(bench.node("node-1"));
    let task = bench.launch("shell").await;
    bench.until(task, TaskStatus::Running).await;
    // So that it has printed: what it prints cannot be seen before it ends.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(bench.store.cancel(&[task]).await.unwrap(), [CancelAnswer::Requested]);
    let canceled = bench.until(task, TaskStatus::Canceled).await;
    assert_eq!(canceled.explanation, "it was asked to cancel: stopped with SIGTERM");
    assert_eq!(bench.store.output(task).await.unwrap().unwrap().text, "hello\n");
    node.stop().await.unwrap();
}
