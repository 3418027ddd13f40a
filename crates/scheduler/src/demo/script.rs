//! What people do in the demonstration, and in which order.
//!
//! Where a step only makes sense once a task has come so far, it waits for that, so that the story is the same on a slow
//! machine.

use std::sync::Arc;
use std::time::Duration;

use control_plane::NodeError;
use control_plane::definition::{CommandPayload, Run};
use control_plane::ports::{Answer, Launch, Launchable, Store, TaskFilter, TaskStatus};
use scheduler_core::{Kind, TaskId};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Event;
use crate::failure::Failure;

/// With fewer tasks pending than this, there is room for more.
const FEW: usize = 8;

const LOOK: Duration = Duration::from_millis(20);

/// Everything, one after the other.
pub(super) async fn play(
    store: Arc<dyn Store>,
    events: UnboundedSender<Event>,
    doomed: Option<JoinHandle<Result<(), NodeError>>>,
) -> Result<(), Failure> {
    let people = People { store, events };
    people.launch(&[template("deploy-web"), template("collect-metrics")]).await?;
    people.launch(&[template("collect-metrics"), template("collect-metrics")]).await?;
    people.pause(400).await;
    people.launch(&[Launchable::Workflow("release".into())]).await?;
    people.pause(100).await;
    people.launch(&[template("patch-fleet"), uptime()]).await?;
    // Waits for the jobs that use the fleet's project; the next job of it may not overtake it.
    people.launch(&[Launchable::Project("fleet-code".into())]).await?;
    people.pause(50).await;
    people.launch(&[template("collect-metrics")]).await?;
    let back_up = people.launch(&[template("back-up")]).await?;
    let sync = people.launch(&[template("sync-branch")]).await?;
    people.until(&sync, TaskStatus::Running).await?;
    let count = people.launch(&[template("count-stock")]).await?;
    people.until(&count, TaskStatus::Waiting).await?;
    people.pause(200).await;
    people.unplug(doomed);
    people.approve().await?;
    people.launch(&[template("deploy-web"), Launchable::SystemJob("clean-up".into())]).await?;
    people.until(&back_up, TaskStatus::Running).await?;
    people.cancel(&back_up).await?;
    people.say(Event::Curtain);
    Ok(())
}

/// The same people go on for as long as somebody looks: more whenever little waits.
pub(super) async fn go_on(store: Arc<dyn Store>, events: UnboundedSender<Event>) -> Result<(), Failure> {
    let people = People { store, events };
    let pending = TaskFilter { statuses: vec![TaskStatus::Pending], ..TaskFilter::default() };
    loop {
        if people.store.tasks(&pending).await?.len() < FEW {
            people.launch(&[Launchable::Workflow("release".into()), template("deploy-web")]).await?;
            people.launch(&["collect-metrics"; 4].map(template)).await?;
            people.launch(&[template("deploy-web"), template("patch-fleet"), uptime()]).await?;
            people.launch(&[Launchable::Project("fleet-code".into()), template("collect-metrics")]).await?;
            people.approve().await?;
        }
        people.pause(500).await;
    }
}

fn template(name: &str) -> Launchable {
    Launchable::JobTemplate(name.to_owned())
}

fn uptime() -> Launchable {
    let argv = ["sh", "-c", "sleep 0.2; echo up 41 days"].map(str::to_owned).to_vec();
    Launchable::AdHocCommand {
        inventory: "production".to_owned(),
        run: Run::command(CommandPayload { argv, ..CommandPayload::default() }),
        groups: vec!["edge".to_owned(), "datacentre".to_owned()],
        forks: Some(2),
    }
}

struct People {
    store: Arc<dyn Store>,
    events: UnboundedSender<Event>,
}

impl People {
    fn say(&self, event: Event) {
        // Without a listener there is no demonstration any more.
        let _sent = self.events.send(event);
    }

    async fn pause(&self, milliseconds: u64) {
        sleep(Duration::from_millis(milliseconds)).await;
    }

    async fn launch(&self, what: &[Launchable]) -> Result<Vec<TaskId>, Failure> {
        let launches: Vec<Launch> = what.iter().cloned().map(Launch::of).collect();
        let ids = self.store.launch(&launches).await?;
        for &id in &ids {
            self.say(Event::Launched(id));
        }
        Ok(ids)
    }

    /// Waits until the first of these has come at least so far.
    async fn until(&self, tasks: &[TaskId], status: TaskStatus) -> Result<(), Failure> {
        let Some(&task) = tasks.first() else { return Ok(()) };
        while self.store.task(task).await?.is_some_and(|task| task.status < status) {
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// The process of a node ends without a word: whatever it was about to do, it does not.
    fn unplug(&self, node: Option<JoinHandle<Result<(), NodeError>>>) {
        if let Some(node) = node {
            node.abort();
            self.say(Event::Unplugged);
        }
    }

    /// Waits for an approval that waits for a word, thinks, and gives it.
    async fn approve(&self) -> Result<(), Failure> {
        let waiting = TaskFilter { statuses: vec![TaskStatus::Running], ..TaskFilter::default() };
        let approval = loop {
            let running = self.store.tasks(&waiting).await?;
            if let Some(found) = running.iter().find(|task| task.kind == Kind::WorkflowApproval) {
                break found.id;
            }
            sleep(LOOK).await;
        };
        self.pause(500).await;
        self.store.answer(approval, Answer::Approve).await?;
        self.say(Event::Done { word: "approve", task: approval });
        Ok(())
    }

    async fn cancel(&self, tasks: &[TaskId]) -> Result<(), Failure> {
        for &task in tasks {
            self.say(Event::Done { word: "cancel", task });
        }
        self.store.cancel(tasks).await?;
        Ok(())
    }
}
