//! What an account holds of an instrument: lots and what they cost, by the mean or the oldest first.

use std::collections::VecDeque;

use tiderace_types::{AccountId, InstrumentId, Qty, Rounding, Side};

use crate::wide::mul_div;

/// A position, with the margin figures that follow from it and from the instrument's mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub instrument: InstrumentId,
    /// Lots, signed.
    pub qty: i64,
    /// Signed raw sum of what the open lots cost; see [`crate::Contract`].
    pub cost: i128,
    /// Profit that became cash, in base units of the settlement asset.
    pub realized: i128,
    /// Working buys and sells.
    pub(crate) orders: [Working; 2],
    /// The instrument's funding sum up to which this has paid.
    pub(crate) funded: i128,
    /// Open profit of what is settled daily, at the mark, in base units.
    pub open: i128,
    /// Value of what was paid for at the trade, at the mark, in base units.
    pub value: i128,
    /// Initial margin at the mark.
    pub initial: i128,
    /// Maintenance margin at the mark.
    pub maintenance: i128,
    /// What working orders hold.
    pub held: i128,
    /// Open lots, oldest first, where the account counts so.
    pub(crate) lots: VecDeque<(i64, i128)>,
}

/// Working orders of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Working {
    pub(crate) lots: i64,
    /// What they would lose at once, fees in.
    pub(crate) cost: i128,
}

impl Position {
    /// Books a fill at the mean cost and returns its profit in raw units: what closes leaves, the rest opens.
    pub(crate) fn fill(&mut self, side: Side, qty: Qty, value: i128) -> i128 {
        let lots = qty.get().saturating_mul(side.sign());
        let is_closing = self.qty != 0 && (self.qty < 0) != (lots < 0);
        if !is_closing {
            self.qty = self.qty.saturating_add(lots);
            self.cost = self.cost.saturating_add(value);
            return 0;
        }
        let open = i128::from(self.qty).abs();
        let closed = i128::from(qty.get()).min(open);
        let cost = share(self.cost, closed, open);
        let closing = share(value, closed, i128::from(qty.get()));
        self.qty = self.qty.saturating_add(lots);
        self.cost = self.cost.saturating_sub(cost).saturating_add(value.saturating_sub(closing));
        cost.saturating_add(closing).saturating_neg()
    }

    /// Books a fill against the oldest lots first.
    pub(crate) fn fill_fifo(&mut self, side: Side, qty: Qty, value: i128) -> i128 {
        let sign = side.sign();
        let (mut left, mut value, mut profit) = (qty.get(), value, 0i128);
        while left > 0 && self.qty != 0 && (self.qty < 0) != (sign < 0) {
            let Some((lots, cost)) = self.lots.front_mut() else {
                // Lots that were there before the account counted so.
                self.lots.push_back((self.qty.saturating_abs(), self.cost));
                continue;
            };
            let closed = left.min(*lots);
            let gone = share(*cost, closed.into(), (*lots).into());
            let closing = share(value, closed.into(), left.into());
            *lots = lots.saturating_sub(closed);
            *cost = cost.saturating_sub(gone);
            if *lots == 0 {
                self.lots.pop_front();
            }
            left = left.saturating_sub(closed);
            value = value.saturating_sub(closing);
            self.qty = self.qty.saturating_add(closed.saturating_mul(sign));
            self.cost = self.cost.saturating_sub(gone);
            profit = profit.saturating_sub(gone).saturating_sub(closing);
        }
        if left > 0 {
            self.qty = self.qty.saturating_add(left.saturating_mul(sign));
            self.cost = self.cost.saturating_add(value);
            self.lots.push_back((left, value));
        }
        profit
    }

    /// The open lots are one lot at this cost from now on.
    pub(crate) fn restate(&mut self, cost: i128) {
        self.cost = cost;
        if !self.lots.is_empty() {
            self.lots.clear();
            if self.qty != 0 {
                self.lots.push_back((self.qty.saturating_abs(), cost));
            }
        }
    }

    /// Lots by which an order of a side can bring the position to flat.
    #[must_use]
    pub const fn reducible(&self, side: Side) -> i64 {
        match side {
            Side::Buy if self.qty < 0 => self.qty.saturating_neg(),
            Side::Sell if self.qty > 0 => self.qty,
            Side::Buy | Side::Sell => 0,
        }
    }
}

/// `part` of `whole` of a cost, rounded up: what is closed never shows more profit than there is.
fn share(value: i128, part: i128, whole: i128) -> i128 {
    if part == whole {
        return value;
    }
    mul_div(value, part, whole, Rounding::Ceil)
}
