//! The columns of a list: which of them fit, how wide they are, and by which it is sorted.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::tone::style;
use crate::report::parts::layout::{Cell, fit};

/// The narrowest that the main column gets before others leave.
const LEAST_MAIN: usize = 8;

/// The order in which a list is sorted by a column, unless it is reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SortOrder {
    /// The least first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// A column of a list.
#[derive(Debug)]
pub(super) struct ListColumn {
    pub(super) title: &'static str,
    /// The width that it has at least.
    least: usize,
    /// Its part of the width that is left.
    share: usize,
    /// Its turn to leave where the window is narrow, the lowest first; `None` for columns that stay.
    turn: Option<u8>,
    /// Aligned to the right, as numbers are.
    right: bool,
    /// The order of a list that is sorted by it; `None` where it cannot be.
    pub(super) order: Option<SortOrder>,
}

impl ListColumn {
    /// A text of at least `least` columns, which takes part in what is left.
    pub(super) const fn text(title: &'static str, least: usize, share: usize) -> Self {
        Self { title, least, share, turn: None, right: false, order: None }
    }

    /// A number in `width` columns.
    pub(super) const fn number(title: &'static str, width: usize) -> Self {
        Self { title, least: width, share: 0, turn: None, right: true, order: None }
    }

    /// The column, which leaves at this turn.
    pub(super) const fn leaves(mut self, turn: u8) -> Self {
        self.turn = Some(turn);
        self
    }

    /// The column, by which the list can be sorted.
    pub(super) const fn sorts(mut self, order: SortOrder) -> Self {
        self.order = Some(order);
        self
    }
}

/// By which column a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sorting {
    /// Its place among the columns.
    pub(super) column: usize,
    pub(super) is_reversed: bool,
}

impl Sorting {
    /// The order in which the list is.
    pub(super) fn order(self, columns: &[ListColumn]) -> SortOrder {
        let order = columns.get(self.column).and_then(|column| column.order);
        match (order.unwrap_or(SortOrder::Ascending), self.is_reversed) {
            (SortOrder::Ascending, false) | (SortOrder::Descending, true) => SortOrder::Ascending,
            (SortOrder::Ascending, true) | (SortOrder::Descending, false) => SortOrder::Descending,
        }
    }

    /// By the next column that a list can be sorted by.
    pub(super) fn next(self, columns: &[ListColumn]) -> Self {
        let all = (self.column + 1..columns.len()).chain(0..=self.column);
        let next = all.into_iter().find(|&at| columns[at].order.is_some());
        Self { column: next.unwrap_or(self.column), is_reversed: false }
    }
}

/// The columns that fit a window.
pub(super) struct FittedColumns {
    columns: &'static [ListColumn],
    /// The place and width of each that is shown.
    pub(super) shown: Vec<(usize, usize)>,
    sorting: Sorting,
}

impl FittedColumns {
    /// Fits columns to a width. The sorted one stays as long as the window has room for it.
    pub(super) fn new(columns: &'static [ListColumn], sorting: Sorting, width: usize) -> Self {
        let mut shown: Vec<(usize, usize)> =
            columns.iter().enumerate().map(|(at, column)| (at, column.least)).collect();
        let used = |shown: &[(usize, usize)]| {
            shown.iter().map(|(_, width)| width + 1).sum::<usize>().saturating_sub(1)
        };
        while used(&shown) > width {
            let leaving = shown
                .iter()
                .filter(|(at, _)| *at != sorting.column)
                .filter_map(|&(at, _)| Some((columns[at].turn?, at)))
                .min();
            let Some((_, at)) = leaving else { break };
            shown.retain(|&(other, _)| other != at);
        }
        // The column with the greatest share gives what is still missing; where that would leave
        // nothing of it, the sorted one leaves.
        let main =
            |shown: &[(usize, usize)]| (0..shown.len()).max_by_key(|&i| columns[shown[i].0].share);
        let missing = used(&shown).saturating_sub(width);
        if let Some(at) = main(&shown).filter(|_| missing > 0) {
            if shown[at].1 < missing + LEAST_MAIN && shown.len() > 2 {
                shown
                    .retain(|&(other, _)| other != sorting.column || columns[other].turn.is_none());
            }
            let missing = used(&shown).saturating_sub(width);
            if let Some(at) = main(&shown) {
                shown[at].1 = shown[at].1.saturating_sub(missing);
            }
        }
        let mut left = width.saturating_sub(used(&shown));
        let mut shares: usize = shown.iter().map(|(at, _)| columns[*at].share).sum();
        for (at, width) in &mut shown {
            let share = columns[*at].share;
            if shares > 0 && share > 0 {
                let more = left * share / shares;
                *width += more;
                left -= more;
                shares -= share;
            }
        }
        Self { columns, shown, sorting }
    }

    /// The titles, with a mark at the one by which the list is sorted.
    pub(super) fn titles(&self) -> Line<'static> {
        let order = match self.sorting.order(self.columns) {
            SortOrder::Ascending => '▴',
            SortOrder::Descending => '▾',
        };
        let title = |&(at, _): &(usize, usize)| {
            let title = self.columns[at].title;
            if at == self.sorting.column {
                Cell::trusted(format!("{title}{order}"))
            } else {
                Cell::trusted(title)
            }
        };
        self.line(self.shown.iter().map(title).collect(), false)
    }

    /// A row: a cell for each column that is shown, a blank between them.
    pub(super) fn line(&self, cells: Vec<Cell>, colour: bool) -> Line<'static> {
        let mut spans = Vec::new();
        for (Cell { text, tone }, &(at, width)) in cells.into_iter().zip(&self.shown) {
            if !spans.is_empty() {
                spans.push(Span::raw(" "));
            }
            let text = fit(text.as_str(), width);
            let pad = " ".repeat(width.saturating_sub(text.width()));
            let text = if self.columns[at].right { pad + &text } else { text + &pad };
            spans.push(Span::styled(text, style(tone, colour)));
        }
        Line::from(spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[ListColumn] = &[
        ListColumn::text("PORT", 9, 0).sorts(SortOrder::Ascending),
        ListColumn::text("SPEAKING", 20, 3),
        ListColumn::number("BYTES", 6).leaves(2).sorts(SortOrder::Descending),
        ListColumn::number("RATE", 10).leaves(1).sorts(SortOrder::Descending),
    ];

    fn titles(column: usize, width: usize) -> String {
        let sorting = Sorting { column, is_reversed: false };
        FittedColumns::new(COLUMNS, sorting, width).titles().to_string()
    }

    #[test]
    fn the_sorted_column_is_marked_and_stays_in_a_narrow_window() {
        assert_eq!(titles(3, 48), "PORT      SPEAKING              BYTES      RATE▾");
        assert_eq!(titles(2, 48), "PORT      SPEAKING             BYTES▾       RATE");
        assert_eq!(titles(2, 40), "PORT      SPEAKING                BYTES▾");
        assert_eq!(titles(3, 36), "PORT      SPEAKING             RATE▾");
        assert_eq!(titles(0, 20), "PORT▴     SPEAKING  ");
        for width in 0..200 {
            for column in [0, 2, 3] {
                assert!(titles(column, width).width() <= width.max(12), "{width} {column}");
            }
        }
    }

    #[test]
    fn sorting_goes_round_and_can_be_reversed() {
        let mut sorting = Sorting { column: 0, is_reversed: true };
        assert_eq!(sorting.order(COLUMNS), SortOrder::Descending);
        let mut seen = Vec::new();
        for _ in 0..4 {
            sorting = sorting.next(COLUMNS);
            seen.push(sorting.column);
        }
        assert_eq!(seen, [2, 3, 0, 2]);
        assert_eq!(sorting.order(COLUMNS), SortOrder::Descending);
    }
}
