//! The lines of `plan`, read into a rule set.

use std::sync::Arc;

use scheduler_core::{
    Claim, Claimant, ControlPlane, Forks, Matrix, Mode, Resource, RuleSet, Seconds, Simultaneous, TaskCount,
};

use super::line::{Line, ParseError};
use super::names::Names;

/// The preset that the rest of a `plan` line names, and whether sentences are to be shown.
pub(super) fn preset(line: &mut Line<'_>) -> Result<(RuleSet, bool), ParseError> {
    let word = line.word("a rule set")?;
    let presets = [RuleSet::tower_2018(), RuleSet::awx_2024()];
    let Some(rules) = presets.into_iter().find(|rules| rules.name == word) else {
        return Err(line.error(format!("`{word}` is no rule set")));
    };
    let words = line.skip("words");
    line.done()?;
    Ok((rules, words))
}

/// Reads one line that changes the rule set.
pub(super) fn option(rules: &mut RuleSet, names: &mut Names, mut line: Line<'_>) -> Result<(), ParseError> {
    let Some(word) = line.next() else { return Ok(()) };
    match word.as_str() {
        "start-limit" => rules.start_limit = TaskCount::new(line.number("a limit")?),
        "reserve-after" => rules.reserve_after = Some(Seconds::new(line.seconds("a length of time")?)),
        "heartbeat-grace" => rules.heartbeat_grace = Seconds::new(line.seconds("a length of time")?),
        "dispatch-grace" => rules.dispatch_grace = Seconds::new(line.seconds("a length of time")?),
        "default-groups" => rules.default_groups = names.groups(&mut line)?,
        "control-plane" => {
            let group = names.group(&mut line)?;
            if !line.skip("impact") {
                return Err(line.error("a control plane has an `impact`"));
            }
            let impact = Forks::new(line.number("a number of forks")?);
            rules.control_plane = Some(ControlPlane { group, impact });
        }
        "chronological" => rules.chronological = line.skip("on") || !line.skip("off"),
        "claim" => {
            let (by, resource) = (claimant(&mut line)?, resource(&mut line)?);
            let mode = mode(&mut line)?;
            let simultaneous = match line.skip("simultaneous") {
                false => Simultaneous::Same,
                true if line.skip("nothing") => Simultaneous::Nothing,
                true => Simultaneous::As(self::mode(&mut line)?),
            };
            rules.claims.push(Claim { by, resource, mode, simultaneous });
        }
        "forbid" => {
            let resource = resource(&mut line)?;
            let cell = (mode(&mut line)?, mode(&mut line)?);
            match rules.matrices.iter_mut().find(|matrix| matrix.resource == resource) {
                Some(matrix) => matrix.forbidden.push(cell),
                None => rules.matrices.push(Matrix { resource, forbidden: vec![cell] }),
            }
        }
        _ => return Err(line.error(format!("`{word}` is no line of `plan`"))),
    }
    line.done()
}

fn claimant(line: &mut Line<'_>) -> Result<Claimant, ParseError> {
    let word = line.word("a claimant")?;
    Ok(match word.as_str() {
        "job" => Claimant::Job,
        "project-update" => Claimant::ProjectUpdate,
        "inventory-update" => Claimant::InventoryUpdate,
        "command" => Claimant::AdHocCommand,
        "system-job" => Claimant::SystemJob,
        "workflow" => Claimant::WorkflowJob,
        "slices" => Claimant::SlicedWorkflowJob,
        _ => return Err(line.error(format!("`{word}` claims nothing"))),
    })
}

fn resource(line: &mut Line<'_>) -> Result<Resource, ParseError> {
    let word = line.word("a resource")?;
    Ok(match word.as_str() {
        "project" => Resource::Project,
        "inventory" => Resource::Inventory,
        "source" => Resource::InventorySource,
        "job-template" => Resource::JobTemplate,
        "workflow-template" => Resource::WorkflowTemplate,
        "system-job-slot" => Resource::SystemJobSlot,
        "own" => Resource::Own(Arc::from(line.word("a name")?)),
        _ => return Err(line.error(format!("`{word}` is no resource; one of your own is `own {word}`"))),
    })
}

pub(super) fn mode(line: &mut Line<'_>) -> Result<Mode, ParseError> {
    let word = line.word("a mode")?;
    let found = Mode::ALL.into_iter().find(|mode| mode.to_string() == word);
    found.ok_or_else(|| line.error(format!("`{word}` is no mode")))
}
