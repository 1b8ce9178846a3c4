//! Auto-deleveraging: who of the other side is closed first, and how much.

use tiderace_types::Rounding;

use crate::wide::mul_div;

/// A position that may be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdlPosition {
    /// Lots, signed.
    pub qty: i64,
    /// Profit x leverage; see [`adl_score`].
    pub score: i128,
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdlRow {
    /// Row of the position as named.
    pub row: usize,
    /// Lots of it that are closed, >= 0.
    pub closed: i64,
}

/// The whole queue of the side opposite to a bankrupt position of `qty` lots: highest score first, ties to the one named
/// first, each closed as far as is needed.
#[must_use]
pub fn adl_queue(positions: &[AdlPosition], qty: i64) -> Vec<AdlRow> {
    let is_opposite = |at: i64| qty != 0 && at != 0 && (at < 0) != (qty < 0);
    let opposite = positions.iter().enumerate().filter(|(_, position)| is_opposite(position.qty));
    let mut queue: Vec<_> =
        opposite.map(|(row, position)| (core::cmp::Reverse(position.score), row, position.qty)).collect();
    queue.sort_unstable();
    let mut left = qty.saturating_abs();
    let rows = queue.into_iter().map(|(_, row, at)| {
        let closed = left.min(at.saturating_abs());
        left = left.saturating_sub(closed);
        AdlRow { row, closed }
    });
    rows.collect()
}

/// What ranks a position: profit in parts of its entry price, times leverage in profit, by leverage in loss; in 10^-18,
/// prices in any one unit, leverage in 10^-9.
#[must_use]
pub fn adl_score(is_long: bool, entry: i128, mark: i128, leverage_e9: i128) -> i128 {
    const ONE: i128 = 1_000_000_000_000_000_000;
    const LEVERAGE_ONE: i128 = 1_000_000_000;
    let gain = if is_long { mark.saturating_sub(entry) } else { entry.saturating_sub(mark) };
    let part = mul_div(gain, ONE, entry.saturating_abs().max(1), Rounding::Floor);
    if part >= 0 {
        mul_div(part, leverage_e9, LEVERAGE_ONE, Rounding::Floor)
    } else {
        mul_div(part, LEVERAGE_ONE, leverage_e9.max(1), Rounding::Floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_other_side_is_ranked_highest_first_ties_to_the_first_named() {
        let at = |qty, score| AdlPosition { qty, score };
        let positions = [at(-5, 10), at(7, 99), at(-5, 30), at(-5, 10)];
        let rows: Vec<_> = adl_queue(&positions, 8).iter().map(|row| (row.row, row.closed)).collect();
        assert_eq!(rows, [(2, 5), (0, 3), (3, 0)]);
    }

    #[test]
    fn profit_counts_times_leverage_and_loss_by_it() {
        let one = 1_000_000_000_000_000_000;
        assert_eq!(adl_score(true, 100, 110, 10_000_000_000), one);
        assert_eq!(adl_score(false, 100, 90, 5_000_000_000), one / 2);
        assert_eq!(adl_score(true, 100, 90, 10_000_000_000), -one / 100);
    }
}
