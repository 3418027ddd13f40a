//! A plan as text: one line for each decision, node, creation and derivation, in the order of the plan, and `more`.
//!
//! The lines show a reason's token and what it carries, and so stay the same when a sentence is rewritten; the scenarios of
//! R10 show the sentences.

use core::fmt::Display;

use scheduler_core::{
    Action, Create, Decision, Derived, Disuse, End, Lack, LaunchType, Loss, Malformed, MissingResource,
    NodeDecision, NodeFailure, NodeStep, Origin, OutOfUse, Place, Plan, ProjectUpdateType, Reason,
    ResourceKey, Role, Shortfall, SkipReason, TaskRef, Then, Work, WorkflowOf,
};

use super::line::relative;
use super::names::Names;

/// The text of a plan, a line feed after each line; with `words`, the library's sentence below each line.
pub(super) fn plan(plan: &Plan, names: &Names, words: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut add = |line: String, sentence: &dyn Display| {
        lines.push(line);
        if words {
            lines.push(format!("  {sentence}"));
        }
    };
    plan.decisions.iter().for_each(|decision| add(names.decision(decision), decision));
    plan.nodes.iter().for_each(|decision| add(node(decision), decision));
    plan.creates.iter().enumerate().for_each(|(position, new)| add(create(position, new), new));
    plan.derived.iter().for_each(|links| add(derived(links), links));
    if plan.unconsidered.get() > 0 {
        lines.push(format!("unconsidered {}", plan.unconsidered.get()));
    }
    if plan.more {
        lines.push("more".to_owned());
    }
    if lines.is_empty() {
        lines.push("nothing".to_owned());
    }
    lines.join("\n") + "\n"
}

impl Names {
    fn decision(&self, decision: &Decision) -> String {
        let task = format!("{} {}", decision.kind, decision.task);
        match &decision.action {
            Action::Start(place) => format!("start {task}{}", self.place(place)),
            Action::Hold(reason) => format!("hold {task} {}", self.reason(reason)),
            Action::End(end) => format!("end {task} {}", self.end(end)),
            Action::TakeBack(back) => {
                let then = match &back.then {
                    Then::Start(place) => format!("start{}", self.place(place)),
                    Then::Hold(reason) => format!("hold {}", self.reason(reason)),
                    Then::End(end) => format!("end {}", self.end(end)),
                };
                format!("take back {task} from dispatch {}: {then}", back.replaces)
            }
            Action::Redispatch(dispatch) => format!("redispatch {task}, replacing dispatch {dispatch}"),
            Action::RequestCancel { workflow } => {
                format!("request cancel of {task}: workflow job {workflow}")
            }
            Action::Leave(why) => format!("leave {task} {}", malformed(why)),
        }
    }

    fn place(&self, place: &Place) -> String {
        let (at, controller) = match place {
            Place::Nowhere => return String::new(),
            Place::Container { group, controller } => {
                (format!(" in container {}", self.of_group(*group)), controller)
            }
            Place::Instance { group, node, controller } => {
                (format!(" on {} by {}", self.of_instance(*node), self.of_group(*group)), controller)
            }
        };
        match controller {
            Some(controller) => format!("{at} controlled by {}", self.of_instance(*controller)),
            None => at,
        }
    }

    fn reason(&self, reason: &Reason) -> String {
        let token = reason.token();
        match reason {
            Reason::Malformed(why) => malformed(why),
            Reason::Dependency { on } => format!("{token}: {on}"),
            Reason::Blocked { resource, wanted, held, holder, holder_kind } => format!(
                "{token}: {} wanted for {wanted}, held for {held} by {holder_kind} {holder}",
                key(resource)
            ),
            Reason::Behind { resource, wanted, older_wants, older, older_kind } => format!(
                "{token}: {} wanted for {wanted}, for {older_wants} by {older_kind} {older}",
                key(resource)
            ),
            Reason::NoCapacity(groups) | Reason::NeverFits(groups) => {
                let groups: Vec<_> = groups.iter().map(|shortfall| self.shortfall(shortfall)).collect();
                format!("{token}: {}", groups.join("; "))
            }
            Reason::Circle { waits, circle } => {
                let circle: Vec<_> = circle.iter().map(TaskRef::to_string).collect();
                format!("{token}: {} [{}]", circle.join(" > "), self.reason(waits))
            }
            unknown => format!("{token}: {unknown}"),
        }
    }

    fn shortfall(&self, shortfall: &Shortfall) -> String {
        let lack = match &shortfall.lack {
            Lack::UnknownGroup => "unknown".to_owned(),
            Lack::LargerThanLimit { needed, limit } => {
                format!("needs {}, limit {}", needed.get(), limit.get())
            }
            Lack::NoUsableInstance => "no usable instance".to_owned(),
            Lack::NoUsableController { needed } => format!("no usable controller with {}", needed.get()),
            Lack::OutOfUse(out) => self.out_of_use(out),
            Lack::ControllersOutOfUse(out) => format!("no controller, {}", self.out_of_use(out)),
            Lack::TaskLimit { used, limit } => format!("tasks {} of {}", used.get(), limit.get()),
            Lack::ForkLimit { needed, used, limit } => {
                format!("needs {}, {} of {} used", needed.get(), used.get(), limit.get())
            }
            Lack::Reserved { task, kind } => format!("reserved for {kind} {task}"),
            Lack::Full { needed, free, total } => {
                format!("needs {}, {} free of {}", needed.get(), free.get(), total.get())
            }
            Lack::NoController { needed, free } => {
                format!("needs a controller with {}, {} free", needed.get(), free.get())
            }
            unknown => unknown.token().to_owned(),
        };
        format!("{}: {lack}", self.of_group(shortfall.group))
    }

    fn out_of_use(&self, out: &OutOfUse) -> String {
        let instances = out.instances.iter().map(|out| {
            let cause = match out.cause {
                Disuse::Disabled => "disabled".to_owned(),
                Disuse::NeverHeardOf => "never heard of".to_owned(),
                Disuse::Lost { last_heartbeat } => format!("silent since {}", relative(last_heartbeat)),
            };
            format!("{} {cause}", self.of_instance(out.instance))
        });
        let others = Some(out.others.get()).filter(|&others| others > 0);
        let all: Vec<String> = instances.chain(others.map(|others| format!("{others} more"))).collect();
        format!("out of use {}", all.join(", "))
    }

    fn end(&self, end: &End) -> String {
        let status = end.outcome();
        let why = match end {
            End::InstanceLost { instance, role, loss } => {
                let role = match role {
                    Role::Node => "node",
                    Role::Controller => "controller",
                };
                let loss = match loss {
                    Loss::Gone => "gone".to_owned(),
                    Loss::Silent { last_heartbeat: None } => "never heard of".to_owned(),
                    Loss::Silent { last_heartbeat: Some(at) } => format!("silent since {}", relative(*at)),
                };
                format!("{role} {} {loss}", self.of_instance(*instance))
            }
            End::DependencyFailed { on, kind, .. } => format!("{kind} {on} failed"),
            End::DependencyCanceled { on, kind, .. } => format!("{kind} {on} canceled"),
            End::CancelRequested => "cancel requested".to_owned(),
            End::CanceledWithWorkflow { workflow } => format!("with workflow job {workflow}"),
            End::ApprovalExpired { expires } => format!("expired {}", relative(*expires)),
            End::WorkflowSuccessful => return format!("{status}"),
            End::WorkflowFailed { node } => format!("node {node}"),
            End::WorkflowCanceled => "no job left".to_owned(),
        };
        format!("{status}: {why}")
    }
}

fn malformed(why: &Malformed) -> String {
    let token = why.token();
    match why {
        Malformed::DuplicateId | Malformed::NoKnownGroup | Malformed::NoGraph => token.to_owned(),
        Malformed::MissingDependency { on } => format!("{token}: {on}"),
        Malformed::DependencyCycle { by } => format!("{token}: by {by}"),
        Malformed::GraphCycle { node } | Malformed::GraphEdge { node } | Malformed::GraphNode { node } => {
            format!("{token}: node {node}")
        }
        unknown => format!("{token}: {unknown}"),
    }
}

fn key(resource: &ResourceKey) -> String {
    match resource {
        ResourceKey::Project(id) => format!("project {id}"),
        ResourceKey::Inventory(id) => format!("inventory {id}"),
        ResourceKey::InventorySource(id) => format!("inventory source {id}"),
        ResourceKey::JobTemplate(id) => format!("job template {id}"),
        ResourceKey::WorkflowTemplate(id) => format!("workflow template {id}"),
        ResourceKey::SystemJobSlot => "system-job slot".to_owned(),
        ResourceKey::Own(own) => format!("{} {}", own.resource, own.key),
    }
}

fn node(decision: &NodeDecision) -> String {
    let step = match decision.step {
        NodeStep::Run(new) => format!("runs {new}"),
        NodeStep::Skip(SkipReason::NoPathIn) => "skipped: no path in".to_owned(),
        NodeStep::Skip(SkipReason::ParentUnsatisfied { parent }) => {
            format!("skipped: not after node {parent}")
        }
        NodeStep::Skip(SkipReason::WorkflowCanceled) => "skipped: workflow canceled".to_owned(),
        NodeStep::TemplateMissing => "template missing".to_owned(),
    };
    format!("node {} of {} {step}", decision.node, decision.workflow)
}

fn create(position: usize, new: &Create) -> String {
    let mut text = format!("create new-{position} {}", work(&new.work));
    let usual = match new.origin {
        Origin::Dependency { of } => {
            text += &format!(" for {of}");
            LaunchType::Dependency
        }
        Origin::Node { workflow, node } => {
            text += &format!(" for node {node} of {workflow}");
            LaunchType::Workflow
        }
    };
    if new.launch_type != usual {
        text += &format!(" launch {:?}", new.launch_type);
    }
    if new.priority.get() != 0 {
        text += &format!(" priority {}", new.priority.get());
    }
    if let Some(created) = new.created {
        text += &format!(" created {}", relative(created));
    }
    text += &after(&new.dependencies);
    if new.dependencies_derived && matches!(new.origin, Origin::Node { .. }) {
        text += " derived";
    }
    match &new.failed {
        None => text,
        Some(NodeFailure::Recursion { template, ancestor }) => {
            format!("{text} failed: workflow template {template} is running above as {ancestor}")
        }
        Some(NodeFailure::MissingResource { resource }) => {
            let resource = match resource {
                MissingResource::Project => "project",
                MissingResource::Inventory => "inventory",
            };
            format!("{text} failed: no {resource}")
        }
    }
}

fn derived(derived: &Derived) -> String {
    format!("derived {}{}", derived.task, after(&derived.links))
}

fn after(links: &[TaskRef]) -> String {
    let links: Vec<_> = links.iter().map(TaskRef::to_string).collect();
    if links.is_empty() { String::new() } else { format!(" after {}", links.join(", ")) }
}

fn work(work: &Work) -> String {
    let mut text = work.kind().to_string();
    let mut add = |name: &str, id: Option<i64>| {
        if let Some(id) = id {
            text += &format!(" {name} {id}");
        }
    };
    let mut flag = None;
    match work {
        Work::Job { project, inventory, template, allow_simultaneous, .. } => {
            add("project", project.map(|id| id.get()));
            add("inventory", inventory.map(|id| id.get()));
            add("template", template.map(|id| id.get()));
            flag = allow_simultaneous.then_some(" simultaneous");
        }
        Work::ProjectUpdate { project, job_type } => {
            add("project", project.map(|id| id.get()));
            flag = (*job_type == ProjectUpdateType::Run).then_some(" run");
        }
        Work::InventoryUpdate { source, inventory, source_project } => {
            add("source", source.map(|id| id.get()));
            add("inventory", inventory.map(|id| id.get()));
            add("from-project", source_project.map(|id| id.get()));
        }
        Work::AdHocCommand { inventory } => add("inventory", inventory.map(|id| id.get())),
        Work::SystemJob {} | Work::WorkflowApproval { .. } => {}
        Work::WorkflowJob { of, allow_simultaneous } => {
            match of {
                WorkflowOf::Template(template) => add("template", template.map(|id| id.get())),
                WorkflowOf::Slices(template) => add("slices of", template.map(|id| id.get())),
            }
            flag = allow_simultaneous.then_some(" simultaneous");
        }
    }
    text + flag.unwrap_or_default()
}
