//! How long tasks waited: percentiles, over all and by kind, group and template.

use std::collections::BTreeMap;

use scheduler_core::{GroupId, Kind};
use serde::Serialize;

use crate::{Bar, Outcome, Span, TemplateKey};

/// How long tasks waited from their launch to their start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waiting {
    /// All that started.
    pub all: Quantiles,
    /// By kind.
    pub kinds: Vec<(Kind, Quantiles)>,
    /// By the group that they came by.
    pub groups: Vec<(GroupId, Quantiles)>,
    /// By template, with its name.
    pub templates: Vec<(TemplateKey, String, Quantiles)>,
}

/// Lengths of time by percentile: of a hundred, so many were at most this long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// Of how many.
    pub count: usize,
    /// Their mean.
    pub mean: Span,
    /// The median.
    pub p50: Span,
    /// Nine in ten.
    pub p90: Span,
    /// 95 in a hundred.
    pub p95: Span,
    /// 99 in a hundred.
    pub p99: Span,
    /// The longest.
    pub max: Span,
}

impl Quantiles {
    /// Of these, in any order.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a mean for people")]
    pub fn of(mut spans: Vec<Span>) -> Self {
        spans.sort_unstable();
        let sum: f64 = spans.iter().map(|span| span.seconds()).sum();
        Self {
            count: spans.len(),
            mean: Span::from_seconds(if spans.is_empty() { 0.0 } else { sum / spans.len() as f64 }),
            p50: quantile(&spans, 50),
            p90: quantile(&spans, 90),
            p95: quantile(&spans, 95),
            p99: quantile(&spans, 99),
            max: spans.last().copied().unwrap_or_default(),
        }
    }
}

/// The smallest that so many in a hundred do not exceed; of nothing, nothing.
pub(crate) fn quantile<T: Copy + Default>(sorted: &[T], percent: usize) -> T {
    let rank = sorted.len().saturating_mul(percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

impl Outcome {
    /// How long tasks waited.
    #[must_use]
    pub fn waiting(&self) -> Waiting {
        let mut kinds: BTreeMap<Kind, Vec<Span>> = BTreeMap::new();
        let mut groups: BTreeMap<GroupId, Vec<Span>> = BTreeMap::new();
        let mut templates: BTreeMap<TemplateKey, (&Bar, Vec<Span>)> = BTreeMap::new();
        let mut all = Vec::new();
        for bar in &self.timeline.bars {
            let Some(waited) = bar.waited() else { continue };
            all.push(waited);
            kinds.entry(bar.kind).or_default().push(waited);
            if let Some(group) = bar.placement.group {
                groups.entry(group).or_default().push(waited);
            }
            if let Some(template) = bar.template {
                templates.entry(template).or_insert_with(|| (bar, Vec::new())).1.push(waited);
            }
        }
        let named = |(key, (bar, spans)): (TemplateKey, (&Bar, Vec<Span>))| {
            (key, bar.name.to_string(), Quantiles::of(spans))
        };
        Waiting {
            all: Quantiles::of(all),
            kinds: kinds.into_iter().map(|(kind, spans)| (kind, Quantiles::of(spans))).collect(),
            groups: groups.into_iter().map(|(group, spans)| (group, Quantiles::of(spans))).collect(),
            templates: templates.into_iter().map(named).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let of = |seconds: &[u64]| {
            Quantiles::of(seconds.iter().map(|&second| Span::from_whole_seconds(second)).collect())
        };
        let ten = of(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(ten.p50, Span::from_whole_seconds(5));
        assert_eq!(ten.p90, Span::from_whole_seconds(9));
        assert_eq!(ten.max, Span::from_whole_seconds(10));
        assert_eq!(ten.mean, Span::from_seconds(5.5));
        assert_eq!(of(&[7]).p50, of(&[7]).p99);
        assert_eq!(of(&[]), Quantiles::default());
    }
}
