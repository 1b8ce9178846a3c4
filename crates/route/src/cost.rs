//! What a price costs, relative to the instrument's own fair value.
//!
//! For a buy, per unit of exposure: (price - arrival mid) + fee on the price + funding expected over the holding time,
//! in the quote currency, times the declared quote rate. For a sell the difference and the funding change sign. The
//! level at which an instrument trades cancels out: basis is not skill. Every division rounds up, so a cost is never
//! understated.

use tiderace_types::num::div_round;
use tiderace_types::{Fraction, Instrument, Price, Rate, Rounding, Side};

use crate::{RouteConfig, VenueCost};

/// Which fee a price pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fee {
    /// Taking.
    Taker,
    /// Making.
    Maker,
}

/// Measures prices of one instrument and side against its arrival mid.
#[derive(Clone, Copy, Debug)]
pub struct Yardstick {
    sign: i128,
    mid2: i128,
    /// Rate of one tick.
    tick: i128,
    fee: Fraction,
    funding: i128,
    quote_rate: Fraction,
}

impl Yardstick {
    /// A yardstick at `arrival_mid2` (bid plus ask in ticks at arrival). `None` where a number does not fit.
    #[must_use]
    pub fn new(instrument: &Instrument, side: Side, arrival_mid2: i64, fee: Fee, config: &RouteConfig) -> Option<Self> {
        let venue = config.costs.get(instrument.id.index())?;
        let mid2 = i128::from(arrival_mid2);
        let tick = instrument.rate(Price::new(1))?.get();
        let sign = i128::from(side.sign());
        let mid = div_round(sign.checked_mul(mid2)?.checked_mul(tick)?, 2, Rounding::Ceil)?;
        let fee = match fee {
            Fee::Taker => venue.taker_fee,
            Fee::Maker => venue.maker_fee,
        };
        let funding = funding(mid, venue, config.holding_ns)?;
        Some(Self { sign, mid2, tick, fee, funding, quote_rate: venue.quote_rate })
    }

    /// What a unit of exposure costs at `price`. Never falls as the price gets worse. `None` where a number does not fit.
    #[must_use]
    pub fn cost(&self, price: Price) -> Option<Rate> {
        let price = i128::from(price.get());
        let away2 = self.sign.checked_mul(price.checked_mul(2)?.checked_sub(self.mid2)?)?;
        let away = div_round(away2.checked_mul(self.tick)?, 2, Rounding::Ceil)?;
        // A fee is on the size of the notional: a negative price (a spread) pays one too.
        let notional = Rate::new(price.checked_abs()?.checked_mul(self.tick)?);
        let fee = notional.times(self.fee, Rounding::Ceil)?.get();
        let cost = away.checked_add(fee)?.checked_add(self.funding)?;
        Rate::new(cost).times(self.quote_rate, Rounding::Ceil)
    }
}

/// Funding over the holding time on the signed arrival mid: taken there and not at each price, since a venue charges it
/// on its mark and not on what we paid.
fn funding(signed_mid: i128, venue: &VenueCost, holding_ns: i64) -> Option<i128> {
    if venue.funding_interval_ns <= 0 {
        return Some(0);
    }
    let one_interval = Rate::new(signed_mid).times(venue.funding_rate, Rounding::Ceil)?.get();
    let held = one_interval.checked_mul(i128::from(holding_ns))?;
    div_round(held, i128::from(venue.funding_interval_ns), Rounding::Ceil)
}
