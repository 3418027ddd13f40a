//! The past: how long tasks ran, by template, and what was launched when. What forecasts draw from.

use std::collections::BTreeMap;
use std::sync::Arc;

use scheduler_core::{Forks, Kind, LaunchType};

use crate::{Bar, Moment, RunTime, Span, TemplateKey, Timeline, swf};

const DAY: Span = Span::from_whole_seconds(86_400);

/// Run times of the past, by template and by kind, kept sorted, and launches.
#[derive(Clone, Debug, Default)]
pub struct History {
    templates: BTreeMap<TemplateKey, Vec<Span>>,
    kinds: BTreeMap<Kind, Vec<Span>>,
    launches: Vec<PastLaunch>,
    /// When it ends, if that is known; else with its last launch.
    end: Option<Moment>,
}

/// A job or command that somebody launched. Moments count from the beginning of the history, whenever that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastLaunch {
    /// When.
    pub at: Moment,
    /// From what.
    pub template: Option<TemplateKey>,
    /// Of which kind.
    pub kind: Kind,
    /// What it costs.
    pub impact: Forks,
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

    /// Adds launches, in any order. Those that passes made themselves (updates, jobs of workflows) are none.
    pub fn launch(&mut self, launches: impl IntoIterator<Item = PastLaunch>) {
        let plain = |launch: &PastLaunch| matches!(launch.kind, Kind::Job | Kind::AdHocCommand);
        self.launches.extend(launches.into_iter().filter(plain));
        self.launches.sort_by_key(|launch| launch.at);
    }

    /// It ends at this moment, whenever the last launch was: the time of day of now.
    pub const fn ends_at(&mut self, end: Moment) {
        self.end = Some(end);
    }

    /// The launches of a timeline from its beginning by a moment, and the runs that had ended by then, however they ended.
    #[must_use]
    pub fn of(timeline: &Timeline, by: Moment) -> Self {
        let ended = timeline.bars.iter().filter(|bar| bar.finished.is_some_and(|finished| finished <= by));
        let mut history = Self::default();
        history.extend(ended.filter_map(|bar| Some((bar.template, bar.kind, bar.ran()?))));
        let by_people = |bar: &&Bar| {
            (Moment::START..=by).contains(&bar.launched)
                && !matches!(bar.launch_type, LaunchType::Dependency | LaunchType::Workflow)
        };
        let launches = timeline.bars.iter().filter(by_people).map(|bar| PastLaunch {
            at: bar.launched,
            template: bar.template,
            kind: bar.kind,
            impact: bar.impact,
        });
        history.launch(launches);
        history.ends_at(by);
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
        history.launch(log.jobs.iter().map(|job| PastLaunch {
            at: Moment::from_seconds(job.submitted),
            template: job.application.map(|number| TemplateKey::Job(number.into())),
            kind: Kind::Job,
            impact: job.impact(),
        }));
        history
    }

    /// What was launched from a random day on, at the same time of day as at the end of the history: with the time from then. Of a
    /// history of less than two days the moment is any.
    pub(crate) fn again_as_on_some_day(
        &self,
        numbers: &mut fastrand::Rng,
    ) -> impl Iterator<Item = (Span, &PastLaunch)> + use<'_> {
        let first = self.launches.first().map_or(Moment::START, |launch| launch.at);
        let last = self.end.or_else(|| self.launches.last().map(|launch| launch.at)).unwrap_or_default();
        let all = last.since(first).millis();
        let days = all / DAY.millis();
        let back =
            if days >= 2 { numbers.u64(1..=days).saturating_mul(DAY.millis()) } else { numbers.u64(0..=all) };
        let from = Moment::from_millis(last.millis().saturating_sub_unsigned(back));
        let at = self.launches.partition_point(|launch| launch.at <= from);
        let launches = self.launches.get(at..).unwrap_or_default().iter();
        launches.map(move |launch| (launch.at.since(from), launch))
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
    fn what_came_on_some_day_comes_again_at_its_time_of_day() {
        let mut history = History::default();
        let launch = |hours: i64| PastLaunch {
            at: Moment::from_seconds(hours * 3600),
            template: None,
            kind: Kind::Job,
            impact: Forks::new(1),
        };
        // Every day at noon, for ten days; the history ends at noon.
        history.launch((0..10).map(|day| launch(day * 24 + 12)));
        for number in 0..50 {
            let mut numbers = Seed::new(number).numbers(1);
            let hours: Vec<u64> = history
                .again_as_on_some_day(&mut numbers)
                .map(|(after, _)| after.millis() / 3_600_000)
                .collect();
            assert!(!hours.is_empty() && hours.iter().all(|hour| hour % 24 == 0), "{hours:?}");
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
