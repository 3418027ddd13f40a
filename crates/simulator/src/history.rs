//! How long tasks ran in the past, by template: what forecasts draw from.

use std::collections::BTreeMap;
use std::sync::Arc;

use scheduler_core::Kind;

use crate::{Moment, RunTime, Span, TemplateKey, Timeline, swf};

/// Run times of the past, by template and by kind. Kept sorted.
#[derive(Clone, Debug, Default)]
pub struct History {
    templates: BTreeMap<TemplateKey, Vec<Span>>,
    kinds: BTreeMap<Kind, Vec<Span>>,
}

impl History {
    /// Adds runs: of which template, of which kind, how long.
    pub fn extend(&mut self, runs: impl IntoIterator<Item = (Option<TemplateKey>, Kind, Span)>) {
        for (template, kind, span) in runs {
            if let Some(template) = template {
                self.templates.entry(template).or_default().push(span);
            }
            self.kinds.entry(kind).or_default().push(span);
        }
        for spans in self.templates.values_mut().chain(self.kinds.values_mut()) {
            spans.sort_unstable();
        }
    }

    /// The runs of a timeline that had ended by a moment, however they ended.
    #[must_use]
    pub fn of(timeline: &Timeline, by: Moment) -> Self {
        let ended = timeline.bars.iter().filter(|bar| bar.finished.is_some_and(|finished| finished <= by));
        let mut history = Self::default();
        history.extend(ended.filter_map(|bar| Some((bar.template, bar.kind, bar.ran()?))));
        history
    }

    /// The runs of a log.
    #[must_use]
    pub fn of_log(log: &swf::Log) -> Self {
        let mut history = Self::default();
        history.extend(log.jobs.iter().map(|job| {
            let template = job.application.map(|number| TemplateKey::Job(number.into()));
            (template, Kind::Job, job.ran())
        }));
        history
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// How long tasks of this template ran; of a template that never ran, those of its kind. Sorted.
    #[must_use]
    pub fn runs(&self, template: Option<TemplateKey>, kind: Kind) -> Option<&[Span]> {
        let own = template.and_then(|template| self.templates.get(&template));
        own.or_else(|| self.kinds.get(&kind)).map(Vec::as_slice)
    }

    /// Every template of which something is known, with its run times.
    pub(crate) fn run_times(&self) -> impl Iterator<Item = (TemplateKey, RunTime)> + '_ {
        self.templates.iter().map(|(key, spans)| (*key, RunTime::Empirical(Arc::from(spans.as_slice()))))
    }
}

/// How much longer a task runs that has run for so long, drawn from sorted run times.
///
/// Of the runs that were longer, one is taken. When none was, it runs up to as long again: nothing better is known of what
/// never happened. Without knowing how long it has run, a long run is the more likely to be met under way, and at any moment
/// of it.
pub(crate) fn remaining(runs: &[Span], elapsed: Option<Span>, numbers: &mut fastrand::Rng) -> Span {
    match elapsed {
        Some(elapsed) => {
            let shorter = runs.partition_point(|&run| run <= elapsed);
            let longer = runs.get(shorter..).unwrap_or_default();
            match longer.get(numbers.usize(0..longer.len().max(1))) {
                Some(run) => Span::from_millis(run.millis().saturating_sub(elapsed.millis())),
                None => Span::from_seconds(elapsed.seconds() * numbers.f64()),
            }
        }
        None => {
            let all: f64 = runs.iter().map(|run| run.seconds()).sum();
            let mut left = numbers.f64() * all;
            let met = runs.iter().find(|run| {
                left -= run.seconds();
                left <= 0.0
            });
            Span::from_seconds(met.map_or(0.0, |run| run.seconds()) * numbers.f64())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    #[test]
    fn what_is_left_of_a_run_is_drawn_from_longer_ones() {
        let runs = [10, 20, 100].map(Span::from_whole_seconds);
        let mut numbers = Seed::new(1).numbers(1);
        for _ in 0..100 {
            let left = remaining(&runs, Some(Span::from_whole_seconds(30)), &mut numbers);
            assert_eq!(left, Span::from_whole_seconds(70));
            assert!(remaining(&runs, Some(Span::from_whole_seconds(200)), &mut numbers).seconds() <= 200.0);
            assert!(remaining(&runs, None, &mut numbers).seconds() <= 100.0);
        }
    }

    #[test]
    fn a_template_without_runs_is_like_others_of_its_kind() {
        let mut history = History::default();
        assert!(history.is_empty());
        let key = |id: i64| Some(TemplateKey::Job(id.into()));
        history.extend([(key(1), Kind::Job, Span::from_whole_seconds(5))]);
        assert_eq!(history.runs(key(1), Kind::Job), history.runs(key(2), Kind::Job));
        assert_eq!(history.runs(None, Kind::SystemJob), None);
    }
}
