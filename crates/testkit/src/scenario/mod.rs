//! Scenarios as text files that a domain expert can read, correct and add to.
//!
//! A file holds prose, and blocks of a situation (`given`), a pass (`plan`) and the plan that must come out (below `----`, up
//! to an empty line). One `given` may serve several `plan`s. `#` starts a comment; the first one of a file says
//! which rule it shows (`# R2: …`) and why the rule is there.
//!
//! ```text
//! # R2: a project update may not start while a job uses the project.
//! given
//!   job 1 project 3 running
//!   project-update 2 project 3
//! plan tower-2018
//! ----
//! hold project update 2 resource_held: project 3 wanted for update, held for use by job 1
//! ```
//!
//! # The lines of `given`
//!
//! Times are relative to the moment of the pass: `-60s`, `+5s`, `now`. Instances and groups go by name, in order of
//! appearance; `?name` stands for one that the snapshot lacks. Attributes stand in any order.
//!
//! | line | attributes |
//! | --- | --- |
//! | `instance NAME` | `capacity N` (100) or `cpus N memory MIB [adjustment X]`, `type hybrid\|execution\|control\|hop`, `disabled`, `heartbeat TIME\|never` (`now`), `hostname NAME` |
//! | `group NAME: INSTANCE…` or `group NAME: container` | `max-jobs N`, `max-forks N` |
//! | `project N` | `update-on-launch`, `cache Ns`, `last TASK OUTCOME [TIME]` |
//! | `source N` | the same, `inventory N`, `from-project N` |
//! | `job N` | `project N`, `inventory N`, `template N`, `simultaneous`, `already-updated SOURCE` |
//! | `project-update N` | `project N`, `run` (its job type) |
//! | `inventory-update N` | `source N`, `inventory N`, `from-project N` |
//! | `command N` | `inventory N` |
//! | `system-job N` | |
//! | `workflow N`, `slices N` | `template N` (a workflow's, a job's), `simultaneous` |
//! | `approval N` | `expires TIME` |
//! | any task | `created TIME` (-60s), `priority N`, `impact N` (1) or `hosts N [forks N]`, `in GROUP…`, `after TASK…`, `launch TYPE`, `name "…"`, `key NAME N [mode MODE]`, `new` (its dependencies are not derived yet), `cancel` (was asked for) |
//! | state of a task | `pending` (default), `running`, `waiting [dispatch N] [since TIME]`, `successful\|failed\|error\|canceled [TIME]` |
//! | where it is | `on INSTANCE`, `by GROUP`, `controlled-by INSTANCE`, `nowhere` |
//! | `node N`, below a workflow | `all` (convergence), `skipped`, `template-missing`, `job TASK`, `ended TASK OUTCOME`, and last `starts nothing` or `starts` and a task's line without its number |
//! | `edge success\|failure\|always N -> N` | |
//! | `graph` | starts the workflow's graph even if no node follows; a second one gives it a second graph |
//! | `no cluster` | see below |
//!
//! What is left out: without any instance or group, the snapshot gets `instance node-a` in `group default`, unless it says
//! `no cluster`. A task without `in` names the first group; `in none` names none. A holding task without a place is
//! on the first instance by the first group, if it needs a place. A node without `starts` starts a job of project 1 and inventory 1.
//!
//! # The lines of `plan`
//!
//! `plan tower-2018` or `plan awx-2024`, then `words` if the sentences for people are to be shown. Indented lines below
//! change the rule set: `start-limit N`, `reserve-after Ns`, `heartbeat-grace Ns`, `dispatch-grace Ns`, `default-groups GROUP…`,
//! `control-plane GROUP impact N`, `chronological on|off`, `claim CLAIMANT RESOURCE MODE [simultaneous MODE|nothing]`,
//! `forbid RESOURCE PENDING-MODE HELD-MODE`; a resource of one's own is `own NAME`.

mod file;
mod given;
mod line;
mod names;
mod render;
mod rules;
mod work;

pub use file::{Scenario, ScenarioFile};
pub use line::ParseError;
