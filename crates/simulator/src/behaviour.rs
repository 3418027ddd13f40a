//! How tasks behave once they run: how long, and how they end. A draw depends on the seed and on the task alone, not on the
//! order in which tasks start, so that two runs of one workload differ only by what was changed between them.

use scheduler_core::Outcome;

pub use definition::{Endings, RunTime};

use crate::{Seed, Span};

/// How the tasks of a template behave.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    /// How long they run.
    pub run_time: RunTime,
    /// How they end.
    pub endings: Endings,
}

impl Behaviour {
    /// Always as long, and successful.
    #[must_use]
    pub const fn fixed(span: Span) -> Self {
        Self { run_time: RunTime::Fixed(span), endings: Endings { failed: 0.0, error: 0.0, canceled: 0.0 } }
    }

    /// What one task does. The same seed and task give the same answer.
    #[must_use]
    pub fn draw(&self, seed: Seed, task: u64) -> (Span, Outcome) {
        let mut numbers = seed.numbers(task);
        let span = self.run_time.draw(&mut numbers);
        (span, self.endings.draw(&mut numbers))
    }
}

/// What is drawn by chance.
pub(crate) trait Draw {
    /// What a number stands for.
    type Drawn;

    /// One of them.
    fn draw(&self, numbers: &mut fastrand::Rng) -> Self::Drawn;
}

impl Draw for RunTime {
    type Drawn = Span;

    fn draw(&self, numbers: &mut fastrand::Rng) -> Span {
        match self {
            Self::Fixed(span) => *span,
            Self::Uniform { from, to } => {
                let (from, to) = (from.millis().min(to.millis()), from.millis().max(to.millis()));
                Span::from_millis(numbers.u64(from..=to))
            }
            Self::Exponential { mean } => Span::from_seconds(mean.seconds() * -open(numbers).ln()),
            Self::LogNormal { median, sigma } => {
                Span::from_seconds(median.seconds() * (sigma * normal(numbers)).exp())
            }
            Self::Empirical(seen) => {
                let at = numbers.usize(0..seen.len().max(1));
                seen.get(at).copied().unwrap_or_default()
            }
        }
    }
}

impl Draw for Endings {
    type Drawn = Outcome;

    fn draw(&self, numbers: &mut fastrand::Rng) -> Outcome {
        let number = numbers.f64();
        if number < self.failed {
            Outcome::Failed
        } else if number < self.failed + self.error {
            Outcome::Error
        } else if number < self.failed + self.error + self.canceled {
            Outcome::Canceled
        } else {
            Outcome::Successful
        }
    }
}

/// Above 0, up to and including 1.
fn open(numbers: &mut fastrand::Rng) -> f64 {
    1.0 - numbers.f64()
}

/// The standard normal distribution, by Box and Muller.
fn normal(numbers: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * open(numbers).ln()).sqrt();
    radius * (std::f64::consts::TAU * numbers.f64()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_of(run_time: &RunTime) -> f64 {
        let mut numbers = Seed::new(1).numbers(1);
        let draws = 20_000;
        (0..draws).map(|_| run_time.draw(&mut numbers).seconds()).sum::<f64>() / f64::from(draws)
    }

    #[test]
    fn draws_keep_to_the_mean() {
        let seconds = Span::from_seconds;
        for run_time in [
            RunTime::Fixed(seconds(60.0)),
            RunTime::Uniform { from: seconds(20.0), to: seconds(100.0) },
            RunTime::Exponential { mean: seconds(60.0) },
            RunTime::LogNormal { median: seconds(40.0), sigma: 0.8 },
            RunTime::Empirical([10.0, 20.0, 90.0].map(seconds).into()),
        ] {
            let (drawn, said) = (mean_of(&run_time), run_time.mean().seconds());
            assert!((drawn - said).abs() < said * 0.05, "{run_time:?}: {drawn} instead of {said}");
        }
    }

    #[test]
    fn a_draw_depends_on_the_seed_and_the_task_alone() {
        let behaviour = Behaviour {
            run_time: RunTime::Exponential { mean: Span::from_seconds(60.0) },
            endings: Endings { failed: 0.3, error: 0.1, canceled: 0.1 },
        };
        assert_eq!(behaviour.draw(Seed::new(7), 1), behaviour.draw(Seed::new(7), 1));
        assert_ne!(behaviour.draw(Seed::new(7), 1).0, behaviour.draw(Seed::new(7), 2).0);
        assert_ne!(behaviour.draw(Seed::new(7), 1).0, behaviour.draw(Seed::new(8), 1).0);
        let ends: Vec<Outcome> = (0..1000).map(|task| behaviour.draw(Seed::new(7), task).1).collect();
        let share = ends.iter().filter(|&&end| end == Outcome::Failed).count();
        assert!((250..350).contains(&share), "{share} of 1000 failed");
    }
}
