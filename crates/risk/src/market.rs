//! One instrument: its limits, what counts against them, and the checks that look at one order alone.

use tiderace_types::event::{FillBooked, OrderSent};
use tiderace_types::num::div_round;
use tiderace_types::{
    Amount, Fraction, Instrument, OrdType, Price, Qty, Reason, Refusal, Rounding, Side, Style, TimeInForce,
};

use crate::config::InstrumentLimits;
use crate::funds::Draw;
use crate::gains::Gains;
use crate::holding::Holding;
use crate::open_orders::{Claim, Prices};

/// Stands for what does not fit: above every limit, and half of the range so that sums still compare.
pub(crate) const TOO_LARGE: i128 = i128::MAX >> 1;

/// The live book's best bid and ask, which an order is judged against.
pub type Reference = (Price, Price);

/// One instrument with its limits and what counts against them.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) instrument: Instrument,
    pub(crate) limits: InstrumentLimits,
    pub(crate) draw: Draw,
    /// Row of the base asset's total.
    pub(crate) total: usize,
    pub(crate) holding: Holding,
    /// Margin claimed for the worst exposure.
    pub(crate) margin: i128,
    /// Price at which that margin is counted: the largest that the last order sent may trade at, or of the first fill
    /// where none was sent before.
    pub(crate) price: Price,
}

impl Market {
    pub(crate) fn check_qty(&self, order_qty: Qty) -> Result<(), Refusal> {
        let least = self.instrument.min_order_qty;
        if order_qty < least {
            return Err(Refusal::new(Reason::TooSmall, order_qty.get(), least.get()));
        }
        let most = self.limits.max_order_qty.min(self.instrument.max_order_qty);
        if order_qty > most {
            return Err(Refusal::new(Reason::MaxOrderQty, order_qty.get(), most.get()));
        }
        Ok(())
    }

    /// The order as it may go out: a market order becomes an immediate limit order at the collar's edge, the worst price
    /// that it may trade at, so that every rule about prices holds for it. Without a reference it stays as it is.
    pub(crate) fn bounded(&self, sent: &OrderSent, collar: Fraction, reference: Option<Reference>) -> OrderSent {
        let (OrdType::Market, Some((bid, ask))) = (sent.ord_type, reference) else { return *sent };
        let (low, high) = edges(bid, ask, collar);
        let price = if sent.side == Side::Buy { high } else { low };
        let time_in_force = match sent.time_in_force {
            TimeInForce::Fok => TimeInForce::Fok,
            TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Gtd | TimeInForce::Gfa | TimeInForce::Gfn => {
                TimeInForce::Ioc
            }
        };
        OrderSent { ord_type: OrdType::Limit, time_in_force, price, ..*sent }
    }

    /// The collar around the mid, and the prices at which an order within it is valued. A limit price counts as the most
    /// that a buy pays, and the collar's low edge as the least: a price that falls while the order is under way makes more
    /// exposure of an inverse contract. A sale may do better than its limit, so it counts at the bid at least.
    pub(crate) fn check_collar(
        &self,
        sent: &OrderSent,
        collar: Fraction,
        reference: Option<Reference>,
    ) -> Result<Prices, Refusal> {
        let (bid, ask) = reference.ok_or(Refusal::plain(Reason::NoReference))?;
        if bid <= Price::ZERO || bid > ask {
            return Err(Refusal::new(Reason::NoReference, bid.get(), ask.get()));
        }
        let (low, high) = edges(bid, ask, collar);
        let price = sent.price;
        if price < low || price > high {
            let edge = if price < low { low } else { high };
            return Err(Refusal::new(Reason::PriceCollar, price.get(), edge.get()));
        }
        Ok(match sent.side {
            Side::Buy => Prices { value: price, exposure: low },
            Side::Sell => Prices { value: price.max(bid), exposure: price },
        })
    }

    /// Gives the order's value, at its largest.
    pub(crate) fn check_value(&self, sent: &OrderSent, prices: Prices) -> Result<i128, Refusal> {
        let value =
            |price, rounding| self.instrument.notional(sent.order_qty, price, rounding).map_or(TOO_LARGE, Amount::get);
        let least = self.instrument.min_notional.get();
        let most = self.limits.max_order_value.get();
        let largest = value(prices.value, Rounding::Ceil);
        // The venue judges an order by its limit.
        let judged = sent.price;
        if judged != prices.value || largest <= least {
            let smallest = value(judged, Rounding::Floor);
            if smallest < least {
                return Err(Refusal::new(Reason::TooSmall, smallest, least));
            }
        }
        if largest > most { Err(Refusal::new(Reason::MaxOrderValue, largest, most)) } else { Ok(largest) }
    }

    /// What `qty` claims at its worst; `value` is its value at `prices`, where that is known already.
    pub(crate) fn claim(&self, side: Side, qty: Qty, prices: Prices, value: Option<i128>) -> Claim {
        let fits = |amount: Option<Amount>| amount.map_or(TOO_LARGE, Amount::get);
        let exposure = fits(self.instrument.exposure(qty, prices.exposure, Rounding::Ceil));
        let notional = || fits(self.instrument.notional(qty, prices.value, Rounding::Ceil));
        let funds = match (self.draw, side) {
            (Draw::Spot { .. }, Side::Buy) => {
                let value = value.unwrap_or_else(notional);
                value.saturating_add(self.fee(value))
            }
            (Draw::Spot { .. }, Side::Sell) => exposure,
            (Draw::Margin { .. }, Side::Buy | Side::Sell) => match self.instrument.style {
                Style::Linear | Style::Quanto => self.fee(value.unwrap_or_else(notional)),
                Style::Inverse => self.fee(exposure),
            },
        };
        Claim { lots: qty.get().into(), exposure, funds }
    }

    fn fee(&self, value: i128) -> i128 {
        if self.limits.fee == Fraction::ZERO {
            return 0;
        }
        Amount::new(value).times(self.limits.fee, Rounding::Ceil).map_or(TOO_LARGE, Amount::get)
    }

    /// Counts what a fill brought in, and gives what it realises in the settlement asset; nothing for spot. To be asked
    /// before the position moves.
    pub(crate) fn realise(&mut self, fill: &FillBooked, gains: &mut Gains) -> i128 {
        if matches!(self.draw, Draw::Spot { .. }) {
            return 0;
        }
        let direction = i128::from(fill.side.sign()).saturating_mul(if fill.is_reversal { -1 } else { 1 });
        let brought_in = match self.instrument.style {
            Style::Linear | Style::Quanto => fill.notional.get().saturating_mul(direction).saturating_neg(),
            Style::Inverse => fill.exposure.get().saturating_mul(direction),
        };
        let lots = i128::from(fill.last_qty.get()).saturating_mul(direction);
        if fill.is_reversal {
            let gain = gains.take(fill.instrument, fill.exec_id);
            return self.holding.unrealise(lots, brought_in, gain);
        }
        let gain = self.holding.realise(lots, brought_in);
        gains.push(fill.instrument, fill.exec_id, gain);
        gain
    }
}

/// The lowest and highest price within `collar` of the mid; the lowest is at least one tick.
fn edges(bid: Price, ask: Price, collar: Fraction) -> (Price, Price) {
    let one = i128::from(Fraction::ONE.get());
    let twice_mid = i128::from(bid.get()).saturating_add(ask.get().into());
    let edge = |share: i128, rounding| {
        let edge = twice_mid.checked_mul(share).and_then(|edge| div_round(edge, one.saturating_mul(2), rounding));
        Price::new(edge.and_then(|edge| i64::try_from(edge.max(1)).ok()).unwrap_or(i64::MAX))
    };
    let collar = i128::from(collar.get());
    (edge(one.saturating_sub(collar), Rounding::Ceil), edge(one.saturating_add(collar), Rounding::Floor))
}
