//! What open orders hold under standard margin.
//!
//! Any set of orders may fill, and margin is largest when all of one side do: an instrument's orders hold the initial
//! margin of the position with every buy filled, or with every sell, whichever asks for more, less what the position
//! asks for now. On top comes what each fill loses by itself: a limit beyond the mark, the fee, and the whole premium of
//! options bought beyond those that were short (one that closes a short gives back what it costs). One more order never
//! holds less. A spot order holds the cash or the coins that it would hand over.

use tiderace_types::{Amount, AssetId, Instrument, Price, Qty, Rate, Rounding, Side};

use crate::standard::{Model, Quotes, Terms};

/// An order that may fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Buy or sell.
    pub side: Side,
    /// Lots left.
    pub qty: Qty,
    /// Its limit, a market order's worst price: in the quote asset, an inverse option's in the coin.
    pub limit: Rate,
    /// The most that its fill may cost in fees, in base units of the settlement asset; a rebate counts as zero.
    pub fee: Amount,
}

/// Open orders of one account in one instrument: sums, so that one more or less is one addition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOrders {
    buy_lots: i64,
    sell_lots: i64,
    loss: i128,
    premium: i128,
}

/// What an order adds to [`OpenOrders`]: kept with the order, taken out again as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    side: Side,
    lots: i64,
    /// What the fill loses against the mark, and its fee.
    loss: i128,
    /// What it pays beyond that for an option that it opens.
    premium: i128,
}

impl Terms {
    /// What the fill of `order` would lose at once against the mark, and the premium that it would pay. `None` where it
    /// does not fit.
    #[must_use]
    pub fn held(&self, order: &Wanted, mark: Rate) -> Option<Held> {
        let lots = i128::from(order.qty.get());
        let is_worse = match order.side {
            Side::Buy => order.limit > mark,
            Side::Sell => order.limit < mark,
        };
        // An inverse contract's better limit may be no price at all: it is not looked at.
        let loss = if is_worse { self.difference(lots, order.limit, mark, Rounding::Ceil)? } else { 0 };
        let premium = match order.side {
            Side::Buy if self.is_paid() => self.value(lots, order.limit, Rounding::Ceil)?.checked_sub(loss)?.max(0),
            Side::Buy | Side::Sell => 0,
        };
        let loss = loss.checked_add(order.fee.get().max(0))?;
        Some(Held { side: order.side, lots: order.qty.get(), loss, premium })
    }
}

impl OpenOrders {
    /// With one more. `None` where the sums do not fit.
    #[must_use]
    pub fn with(self, held: &Held) -> Option<Self> {
        let (buy, sell) = held.lots_by_side();
        Some(Self {
            buy_lots: self.buy_lots.checked_add(buy)?,
            sell_lots: self.sell_lots.checked_add(sell)?,
            loss: self.loss.checked_add(held.loss)?,
            premium: self.premium.checked_add(held.premium)?,
        })
    }

    /// With one less, which was put in before.
    #[must_use]
    pub fn without(self, held: &Held) -> Option<Self> {
        let (buy, sell) = held.lots_by_side();
        Some(Self {
            buy_lots: self.buy_lots.checked_sub(buy)?,
            sell_lots: self.sell_lots.checked_sub(sell)?,
            loss: self.loss.checked_sub(held.loss)?,
            premium: self.premium.checked_sub(held.premium)?,
        })
    }

    /// What these hold beside a position of `lots` (signed). `None` where it does not fit.
    #[must_use]
    pub fn margin(&self, terms: &Terms, model: Option<&Model>, lots: i64, quotes: &Quotes) -> Option<Amount> {
        let initial = |lots: i64| match model {
            Some(model) => terms.requirement(model, lots, quotes).map(|r| r.initial.get()),
            None => Some(0),
        };
        let now = initial(lots)?;
        let (bought, sold) = (lots.checked_add(self.buy_lots)?, lots.checked_sub(self.sell_lots)?);
        let worst = initial(bought)?.max(initial(sold)?).max(now);
        let premium = if bought > 0 { self.premium } else { 0 };
        worst.checked_sub(now)?.checked_add(self.loss)?.checked_add(premium).map(Amount::new)
    }
}

impl Held {
    const fn lots_by_side(&self) -> (i64, i64) {
        match self.side {
            Side::Buy => (self.lots, 0),
            Side::Sell => (0, self.lots),
        }
    }
}

/// Which asset a spot order holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpotHeld {
    /// The asset.
    pub asset: AssetId,
    /// How much, rounded up.
    pub amount: Amount,
}

/// What a spot order holds: a buy its value at the limit with the fee, a sell what it delivers. `None` where it does not
/// fit.
#[must_use]
pub fn spot_held(instrument: &Instrument, side: Side, qty: Qty, limit: Price, fee: Amount) -> Option<SpotHeld> {
    match side {
        Side::Buy => {
            let value = instrument.notional(qty, limit, Rounding::Ceil)?;
            let amount = value.checked_add(Amount::new(fee.get().max(0)))?;
            Some(SpotHeld { asset: instrument.quote, amount })
        }
        Side::Sell => {
            let amount = instrument.exposure(qty, limit, Rounding::Ceil)?;
            Some(SpotHeld { asset: instrument.base, amount })
        }
    }
}
