//! Where to rest the passive share: at the best price of our own side, where making costs least.

use tiderace_types::{Price, Rate, Rounding, Side};

use crate::minimum::meets_minimum;
use crate::{Candidate, Child, Fee, Request, Router};

impl Router {
    /// The order to rest, on the live book where joining the best price of our own side has the least cost with the
    /// maker fee (ties to the smaller instrument id). None where every venue's best price is beyond the limit or the
    /// known edge, would trade at once, or takes no order so small.
    #[must_use]
    pub fn post(&self, request: &Request<'_>) -> Option<Child> {
        let offers = request.candidates.iter().filter_map(|candidate| self.offer(request, candidate));
        offers.min_by_key(|(cost, child)| (*cost, child.instrument)).map(|(_, child)| child)
    }

    fn offer(&self, request: &Request<'_>, candidate: &Candidate<'_>) -> Option<(Rate, Child)> {
        let side = request.side;
        let yardstick = self.yardstick(candidate, side, Fee::Maker).ok()?;
        let price = passive_price(candidate, side)?;
        let instrument = candidate.instrument;
        let order_qty = instrument.qty_within(request.exposure, price).min(candidate.most_lots(side, price));
        if !meets_minimum(instrument, order_qty, price) {
            return None;
        }
        let exposure = instrument.exposure(order_qty, price, Rounding::Ceil)?;
        Some((yardstick.cost(price)?, Child { instrument: instrument.id, side, order_qty, price, exposure }))
    }
}

/// The best price of our own side, where an order there would rest.
fn passive_price(candidate: &Candidate<'_>, side: Side) -> Option<Price> {
    let book = candidate.book;
    let price = book.best(side)?.price;
    let would_rest = book.best(side.opposite()).is_none_or(|other| match side {
        Side::Buy => price < other.price,
        Side::Sell => price > other.price,
    });
    (would_rest && candidate.is_within_limit(side, price) && book.is_known(side, price)).then_some(price)
}
