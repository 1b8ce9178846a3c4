//! What is held and what may come of one instrument, and of one base asset over all its instruments.

use tiderace_types::num::div_round;
use tiderace_types::{Rounding, Side};

/// Position and open orders, as exposure in base units, at their worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exposure {
    pub(crate) position: i128,
    pub(crate) open_buys: i128,
    pub(crate) open_sells: i128,
}

impl Exposure {
    /// The exposure on `side` if every open order of that side and `more` filled, above zero when it is on that side.
    pub(crate) fn worst(&self, side: Side, more: i128) -> i128 {
        let worst = match side {
            Side::Buy => self.position.saturating_add(self.open_buys),
            Side::Sell => 0_i128.saturating_sub(self.position).saturating_add(self.open_sells),
        };
        worst.saturating_add(more)
    }

    /// The larger of both sides, `more` on `side` included.
    pub(crate) fn worst_of_both(&self, side: Side, more: i128) -> i128 {
        self.worst(side, more).max(self.worst(side.opposite(), 0)).max(0)
    }

    pub(crate) fn change_open(&mut self, side: Side, by: i128) {
        let open = match side {
            Side::Buy => &mut self.open_buys,
            Side::Sell => &mut self.open_sells,
        };
        *open = open.saturating_add(by);
    }
}

/// One instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) exposure: Exposure,
    /// The position in lots, below zero when short.
    pub(crate) position_lots: i128,
    /// What opening the position brought in less what it cost, in base units of the settlement asset: sums of notionals,
    /// of an inverse contract of exposures, never from an average.
    pub(crate) cost: i128,
    pub(crate) open_buy_lots: i128,
    pub(crate) open_sell_lots: i128,
}

impl Holding {
    /// Counts a fill of `lots` and `exposure`, both below zero for a sale. What closes takes its share of the
    /// position's exposure with it (for an inverse contract, exposure at the closing price would leave a rest behind),
    /// rounded so that more stays.
    pub(crate) fn fill(&mut self, lots: i128, exposure: i128) {
        let (held, after) = (self.position_lots, self.position_lots.saturating_add(lots));
        let is_closing = held.signum().saturating_mul(lots.signum()) < 0;
        let before = self.exposure.position;
        self.exposure.position = if !is_closing {
            before.saturating_add(exposure)
        } else if after.signum() != held.signum() {
            share(exposure, after, lots)
        } else {
            share(before, after, held)
        };
        self.position_lots = after;
    }

    /// Counts what a fill of `lots` brought in, before [`Holding::fill`] moves the position; gives the gain that it
    /// realises, rounded down. What closes takes its share of the cost with it.
    pub(crate) fn realise(&mut self, lots: i128, brought_in: i128) -> i128 {
        let (held, after) = (self.position_lots, self.position_lots.saturating_add(lots));
        let is_closing = held.signum().saturating_mul(lots.signum()) < 0;
        let whole = self.cost.saturating_add(brought_in);
        self.cost = if !is_closing {
            whole
        } else if after.signum() != held.signum() {
            share_up(brought_in, after, lots)
        } else {
            share_up(self.cost, after, held)
        };
        whole.saturating_sub(self.cost)
    }

    /// Undoes a fill that had realised `gain`, and gives what that realises: `gain` back, and the whole cost where
    /// nothing is held any more.
    pub(crate) fn unrealise(&mut self, lots: i128, brought_in: i128, gain: i128) -> i128 {
        let cost = self.cost.saturating_add(brought_in).saturating_add(gain);
        let is_flat = self.position_lots.saturating_add(lots) == 0;
        self.cost = if is_flat { 0 } else { cost };
        if is_flat { cost.saturating_sub(gain) } else { gain.saturating_neg() }
    }

    pub(crate) fn change_open(&mut self, side: Side, lots: i128, exposure: i128) {
        self.exposure.change_open(side, exposure);
        let open = match side {
            Side::Buy => &mut self.open_buy_lots,
            Side::Sell => &mut self.open_sell_lots,
        };
        *open = open.saturating_add(lots);
    }

    /// Whether `lots` more on `side`, with all that is open there, still only reduce the position.
    pub(crate) fn is_reducing(&self, side: Side, lots: i128) -> bool {
        let (held, open) = match side {
            Side::Buy => (0_i128.saturating_sub(self.position_lots), self.open_buy_lots),
            Side::Sell => (self.position_lots, self.open_sell_lots),
        };
        held > 0 && open.saturating_add(lots) <= held
    }
}

/// `of` x `part` / `whole`, away from zero; all of it where that cannot be computed.
fn share(of: i128, part: i128, whole: i128) -> i128 {
    let Some(product) = of.checked_mul(part) else { return of };
    let rest = product.checked_rem(whole).unwrap_or(0);
    let quotient = product.checked_div(whole).unwrap_or(of);
    if rest == 0 { quotient } else { quotient.saturating_add(product.signum().saturating_mul(whole.signum())) }
}

/// `of` x `part` / `whole`, rounded up; all of it where that cannot be computed.
fn share_up(of: i128, part: i128, whole: i128) -> i128 {
    of.checked_mul(part).and_then(|product| div_round(product, whole, Rounding::Ceil)).unwrap_or(of)
}
