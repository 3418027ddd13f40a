//! Text that fits: cut with an ellipsis, numbers with thousands apart, bars, and short words.

use ratatui::text::Span;
use scheduler_core::Kind;

/// The columns that a text takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// As much of it as fits, with an ellipsis where something is left out.
pub(super) fn fit(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut taken = 0;
    for letter in text.chars() {
        let next = taken + width(letter.encode_utf8(&mut [0; 4]));
        if next + 1 > most {
            break;
        }
        kept.push(letter);
        taken = next;
    }
    if most > 0 {
        kept.push('…');
    }
    kept
}

/// In lines of this many columns, broken between words where that is possible.
pub(super) fn wrapped(text: &str, most: usize) -> Vec<String> {
    let most = most.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let gap = usize::from(!line.is_empty());
        if gap > 0 && width(&line) + gap + width(word) > most {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for letter in word.chars() {
            if width(&line) >= most {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    lines.push(line);
    lines
}

/// `1,204`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A bar of so many columns, to an eighth of a column, on a track; more than all of it is all of it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a terminal's width"
)]
pub(super) fn bar(share: f64, width: usize) -> (String, String) {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    // What is used at all is seen.
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    let part = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    let full = format!("{}{part}", "█".repeat(eighths / 8));
    let rest = width.saturating_sub(full.chars().count());
    (full, "░".repeat(rest))
}

/// A kind in one word.
pub(super) const fn short(kind: Kind) -> &'static str {
    match kind {
        Kind::Job => "job",
        Kind::ProjectUpdate => "project",
        Kind::InventoryUpdate => "inventory",
        Kind::AdHocCommand => "ad hoc",
        Kind::SystemJob => "system",
        Kind::WorkflowJob => "workflow",
        Kind::WorkflowApproval => "approval",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns_and_says_so() {
        assert_eq!(fit("deploy-web", 10), "deploy-web");
        assert_eq!(fit("deploy-web", 7), "deploy…");
        assert_eq!(fit("日本語の名前", 7), "日本語…", "a wide letter takes two columns");
        assert_eq!((fit("abc", 1).as_str(), fit("abc", 0).as_str()), ("…", ""));
    }

    #[test]
    fn long_text_is_broken_between_words_and_no_line_is_wider() {
        assert_eq!(wrapped("waits for job 17 to end", 10), ["waits for", "job 17 to", "end"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("", 3), [""]);
    }

    #[test]
    fn numbers_and_bars_read_well() {
        assert_eq!([0, 999, 1204, 1_234_567].map(count), ["0", "999", "1,204", "1,234,567"]);
        let drawn = |share| {
            let (full, rest) = bar(share, 8);
            full + &rest
        };
        assert_eq!(drawn(0.0), "░░░░░░░░");
        assert_eq!(drawn(0.5), "████░░░░");
        assert_eq!(drawn(0.55), "████▍░░░");
        assert_eq!(drawn(0.001), "▏░░░░░░░", "a little is not nothing");
        assert_eq!(drawn(3.0), "████████");
    }
}
