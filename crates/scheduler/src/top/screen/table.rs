//! A table on the screen: columns that share the width, one row under the cursor, and only the rows that are seen are made.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::text::{fit, width};
use super::theme::Theme;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) width: Width,
    /// Numbers stand to the right.
    pub(super) right: bool,
}

/// How wide a column is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Width {
    Fixed(u16),
    /// A part of what is left, by weight.
    Part(u16),
}

impl Column {
    pub(super) const fn left(title: &'static str, width: u16) -> Self {
        Self { title, width: Width::Fixed(width), right: false }
    }

    pub(super) const fn right(title: &'static str, width: u16) -> Self {
        Self { title, width: Width::Fixed(width), right: true }
    }

    pub(super) const fn part(title: &'static str, weight: u16) -> Self {
        Self { title, width: Width::Part(weight), right: false }
    }
}

/// What stands in a row: pieces of text for each column.
pub(super) type Cells = Vec<Vec<Span<'static>>>;

/// One piece of text.
pub(super) fn cell(text: impl Into<String>, style: Style) -> Vec<Span<'static>> {
    vec![Span::styled(text.into(), style)]
}

/// The columns of this width, with one column between them and one before.
fn widths(columns: &[Column], all: u16) -> Vec<usize> {
    let gaps = u16::try_from(columns.len()).unwrap_or(u16::MAX);
    let fixed = columns.iter().map(|column| match column.width {
        Width::Fixed(width) => width,
        Width::Part(_) => 0,
    });
    let left = usize::from(all.saturating_sub(gaps).saturating_sub(fixed.sum()));
    let weights = columns.iter().map(|column| match column.width {
        Width::Part(weight) => usize::from(weight),
        Width::Fixed(_) => 0,
    });
    let weights = weights.sum::<usize>().max(1);
    columns
        .iter()
        .map(|column| match column.width {
            Width::Fixed(width) => usize::from(width),
            Width::Part(weight) => left * usize::from(weight) / weights,
        })
        .collect()
}

/// Where the seen rows begin, so that the cursor is among them: in the middle, save near both ends.
pub(super) fn first_seen(cursor: usize, rows: usize, height: usize) -> usize {
    cursor.saturating_sub(height / 2).min(rows.saturating_sub(height))
}

/// Draws the titles and the rows that are seen. `cells` makes the row at a position.
pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    columns: &[Column],
    (rows, cursor): (usize, Option<usize>),
    theme: Theme,
    cells: impl Fn(usize) -> Cells,
) {
    if area.height == 0 {
        return;
    }
    let widths = widths(columns, area.width);
    let titles = columns.iter().map(|column| cell(column.title, theme.dim())).collect();
    buf.set_line(area.x, area.y, &line(columns, &widths, titles), area.width);
    let height = usize::from(area.height).saturating_sub(1);
    let first = first_seen(cursor.unwrap_or(0), rows, height);
    for (y, at) in (area.y.saturating_add(1)..).zip(first..rows.min(first + height)) {
        buf.set_line(area.x, y, &line(columns, &widths, cells(at)), area.width);
        if cursor == Some(at) {
            buf.set_style(Rect { y, height: 1, ..area }, theme.selected());
        }
    }
}

fn line(columns: &[Column], widths: &[usize], cells: Cells) -> Line<'static> {
    let mut spans = Vec::with_capacity(cells.len() * 2);
    for ((column, &most), pieces) in columns.iter().zip(widths).zip(cells) {
        let mut left = most;
        let mut fitted = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let text = fit(&piece.content, left);
            left -= width(&text).min(left);
            fitted.push(Span::styled(text, piece.style));
        }
        let blank = Span::raw(" ".repeat(left));
        spans.push(Span::raw(" "));
        if column.right {
            spans.push(blank);
            spans.extend(fitted);
        } else {
            spans.extend(fitted);
            spans.push(blank);
        }
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_always_among_the_rows_that_are_seen() {
        for (rows, height) in [(0, 5), (3, 5), (5, 5), (100, 5), (100, 1), (100, 0)] {
            for cursor in 0..rows {
                let first = first_seen(cursor, rows, height);
                assert!(first <= cursor, "{rows} {height} {cursor}");
                assert!(height == 0 || cursor < first + height, "{rows} {height} {cursor}");
            }
        }
    }

    #[test]
    fn columns_share_what_is_left() {
        let columns = [Column::right("id", 6), Column::part("name", 1), Column::part("why", 3)];
        assert_eq!(widths(&columns, 49), [6, 10, 30]);
        assert_eq!(widths(&columns, 3), [6, 0, 0], "too narrow is cut by the screen, not a defect");
    }
}
