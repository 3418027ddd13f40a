//! `scheduler launch`: new tasks, all or none.

pub(crate) mod args;

use std::io::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use control_plane::definition::Run;
use control_plane::ports::{Launch, Launchable, Store, TaskStatus, TaskView};
use scheduler_core::words::visible;
use scheduler_core::{OwnKey, Priority, Resource, TaskId};
use serde_json::{Map, Value, json};

use super::{LONGEST_WHY, title, tone, unknown_task};
use crate::Found;
use crate::failure::Failure;
use crate::open;
use crate::output::Output;
use crate::progress::{Progress, Unit};
use args::LaunchArgs;

/// How long to wait before asking again whether a task has ended.
const PATIENCE: Duration = Duration::from_millis(100);

/// Fewer are launched in a moment.
const MANY: usize = 5_000;

/// Launches, says the ids, and waits for the ends if that is wanted.
pub(crate) fn run(args: &LaunchArgs) -> Result<Found, Failure> {
    let launches = launches(args)?;
    let mut out = Output::stdout();
    open::block_on(async {
        let store = open::store(&args.database)?;
        meant(&*store, &args.own_keys).await?;
        let ids = launch(&*store, &launches).await?;
        if !args.wait {
            told(&ids, &launches, args.json, &mut out)?;
            return Ok(Found::Nothing);
        }
        if !args.json {
            told(&ids, &launches, false, &mut out)?;
            out.flush()?;
        }
        let ended = ends(&*store, &ids, |task| if args.json { Ok(()) } else { tell(task, &mut out) }).await?;
        if args.json {
            serde_json::to_writer_pretty(&mut out, &ended).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Ok(Found::something_if(ended.iter().any(|task| task.status != TaskStatus::Successful)))
    })
    .and_then(|found| out.finish().map(|()| found))
}

/// Refuses keys by which nobody would be kept from anything: a lock of a misspelt name is none.
async fn meant(store: &dyn Store, keys: &[OwnKey]) -> Result<(), Failure> {
    if keys.is_empty() {
        return Ok(());
    }
    let rules = store.definitions().await?.rules.unwrap_or_default();
    for key in keys {
        let resource = Resource::Own(key.resource.clone());
        if !rules.claims.iter().any(|claim| claim.resource == resource) {
            return Err(Failure::new(format!("no row of the rules is about {:?}", &*key.resource))
                .remedy("correct the name, or add a row: see `[[rules.claims]]` in the cluster's file"));
        }
        let matrix = rules.matrices.iter().find(|matrix| matrix.resource == resource);
        let names =
            |mode| matrix.is_some_and(|matrix| matrix.forbidden.iter().any(|&(a, b)| a == mode || b == mode));
        if let Some(mode) = key.mode.filter(|&mode| !names(mode)) {
            return Err(Failure::new(format!("the rules say nothing of {:?} for {mode}", &*key.resource))
                .remedy("claim it in a mode that its matrix names"));
        }
    }
    Ok(())
}

/// Launches all, and says on standard error how far it has come when they are many.
async fn launch(store: &dyn Store, launches: &[Launch]) -> Result<Vec<TaskId>, Failure> {
    if launches.len() < MANY {
        return Ok(store.launch(launches).await?);
    }
    let progress = Mutex::new(Progress::new("launching", Unit::Tasks));
    let taken = |count| {
        if let Ok(mut progress) = progress.lock() {
            progress.set(count, launches.len());
        }
    };
    let launched = store.launch_many(launches, &taken).await;
    if let Ok(progress) = progress.into_inner() {
        progress.finish();
    }
    Ok(launched?)
}

fn launches(args: &LaunchArgs) -> Result<Vec<Launch>, Failure> {
    let of = match &args.inventory {
        Some(inventory) => vec![Launchable::AdHocCommand {
            inventory: inventory.clone(),
            run: ad_hoc(args)?,
            groups: args.groups.clone(),
            forks: args.forks,
        }],
        None => args.what.clone(),
    };
    let payload = if args.inventory.is_some() { None } else { over(args)? };
    let launch = |of: &Launchable| Launch {
        priority: args.priority.map(Priority::new),
        payload: payload.clone(),
        dependencies: args.after.iter().copied().map(TaskId::new).collect(),
        own_keys: args.own_keys.clone(),
        trace: args.trace.clone(),
        ..Launch::of(of.clone())
    };
    let count = usize::try_from(args.count).unwrap_or(usize::MAX);
    Ok(of.iter().flat_map(|of| std::iter::repeat_n(launch(of), count)).collect())
}

/// What an ad hoc command runs.
fn ad_hoc(args: &LaunchArgs) -> Result<Run, Failure> {
    serde_json::from_value(Value::Object(args.run.fields()?)).map_err(|error| {
        Failure::new(error.to_string())
            .remedy("give the command after `--`, as in `scheduler launch --inventory production -- uptime`")
    })
}

/// What to lay over the payload that is defined: the payload given, and what the command's flags stand for in it.
fn over(args: &LaunchArgs) -> Result<Option<Value>, Failure> {
    if args.run.handler.is_some() {
        return Err(Failure::new("what a definition runs is part of it".to_owned())
            .remedy("leave --handler out, or change the definition"));
    }
    let mut fields = args.run.fields()?;
    let payload = fields.remove("payload");
    let mut object: Map<String, Value> = fields;
    if let Some(argv) = object.remove("command") {
        object.insert("argv".to_owned(), argv);
    }
    Ok(match payload {
        None if object.is_empty() => None,
        None => Some(Value::Object(object)),
        Some(Value::Object(mut under)) => {
            under.extend(object);
            Some(Value::Object(under))
        }
        Some(payload) if object.is_empty() => Some(payload),
        Some(_) => {
            return Err(Failure::new(
                "--payload is no JSON object, so nothing can be laid over it".to_owned(),
            ));
        }
    })
}

fn told(ids: &[TaskId], launches: &[Launch], json: bool, out: &mut Output) -> Result<(), Failure> {
    let launched = ids.iter().zip(launches);
    if json {
        let rows: Vec<Value> =
            launched.map(|(id, launch)| json!({ "id": id, "launched": what(&launch.of) })).collect();
        serde_json::to_writer_pretty(&mut *out, &rows).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        for (id, launch) in launched {
            writeln!(out, "launched {id} {}", what(&launch.of))?;
        }
    }
    Ok(())
}

/// `template:deploy-web`, as it was written.
pub(crate) fn what(of: &Launchable) -> String {
    match of {
        Launchable::JobTemplate(name) => format!("template:{name}"),
        Launchable::Project(name) => format!("project:{name}"),
        Launchable::InventorySource(name) => format!("inventory-source:{name}"),
        Launchable::SystemJob(name) => format!("system-job:{name}"),
        Launchable::Workflow(name) => format!("workflow:{name}"),
        Launchable::AdHocCommand { inventory, .. } => format!("a command on {inventory}"),
    }
}

/// Waits until these tasks have ended, one after the other, and hands each to `tell`.
async fn ends(
    store: &dyn Store,
    ids: &[TaskId],
    mut tell: impl FnMut(&TaskView) -> Result<(), Failure>,
) -> Result<Vec<TaskView>, Failure> {
    let mut ended = Vec::with_capacity(ids.len());
    for &id in ids {
        let task = loop {
            let task = store.task(id).await?.ok_or_else(|| unknown_task(id))?;
            if task.status.is_finished() {
                break task;
            }
            tokio::time::sleep(PATIENCE).await;
        };
        tell(&task)?;
        ended.push(task);
    }
    Ok(ended)
}

fn tell(task: &TaskView, out: &mut Output) -> Result<(), Failure> {
    let style = tone(task.status).style();
    let why = if task.explanation.is_empty() {
        String::new()
    } else {
        format!(": {}", visible(&task.explanation).within(LONGEST_WHY))
    };
    writeln!(out, "{style}{}{style:#} {}{why}", task.status.token(), title(task))?;
    out.flush()?;
    Ok(())
}
