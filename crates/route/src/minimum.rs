//! The smallest order that a venue accepts.

use tiderace_types::num::div_round;
use tiderace_types::{Amount, Instrument, Price, Qty, Rounding, Side};

use crate::{Candidate, Router};

/// Whether the venue accepts an order of `qty` at `price`: one lot, its minimum quantity and its minimum notional.
pub(crate) fn meets_minimum(instrument: &Instrument, qty: Qty, price: Price) -> bool {
    qty > Qty::ZERO && qty >= instrument.min_order_qty && is_worth_minimum(instrument, qty, price)
}

impl Router {
    /// The smallest exposure that a selected venue would accept on this side, at the price on top of its book or, where
    /// the book is not live, at its arrival mid: a passing gap does not complete a parent. [`Amount::MAX`] where no
    /// venue would accept anything.
    #[must_use]
    pub fn smallest_child(&self, side: Side, candidates: &[Candidate<'_>]) -> Amount {
        let smallest = candidates.iter().filter(|candidate| candidate.is_selected).filter_map(|candidate| {
            let best = candidate.book.best(side.opposite()).filter(|_| candidate.book.is_live());
            let price = best.map_or(Price::new(candidate.arrival_mid2.div_euclid(2)), |level| level.price);
            let qty =
                smallest_qty(candidate.instrument, price).filter(|qty| *qty <= candidate.most_lots(side, price))?;
            candidate.instrument.exposure(qty, candidate.sizing_price(side, price), Rounding::Ceil)
        });
        smallest.min().unwrap_or(Amount::MAX)
    }
}

/// The fewest lots that the venue accepts at `price`. `None` where there are none.
#[must_use]
pub fn smallest_qty(instrument: &Instrument, price: Price) -> Option<Qty> {
    let one = Qty::new(1)?;
    let lots_for = |rounding| {
        let lot = instrument.notional(one, price, rounding)?.get();
        i64::try_from(div_round(instrument.min_notional.get(), lot, Rounding::Ceil)?).ok()
    };
    // A lot's notional rounded up bounds the answer from below, rounded down from above.
    let least = instrument.min_order_qty.get().max(1);
    let mut low = lots_for(Rounding::Ceil).unwrap_or(1).max(least);
    let mut high = lots_for(Rounding::Floor).unwrap_or(i64::MAX).max(low).min(instrument.max_order_qty.get());
    while low < high {
        let middle = low.midpoint(high);
        if is_worth_minimum(instrument, Qty::new(middle)?, price) {
            high = middle;
        } else {
            low = middle.checked_add(1)?;
        }
    }
    let qty = Qty::new(low)?;
    (qty <= instrument.max_order_qty && is_worth_minimum(instrument, qty, price)).then_some(qty)
}

fn is_worth_minimum(instrument: &Instrument, qty: Qty, price: Price) -> bool {
    // A notional too large for its integer is no small one.
    instrument.notional(qty, price, Rounding::Floor).is_none_or(|notional| notional >= instrument.min_notional)
}
