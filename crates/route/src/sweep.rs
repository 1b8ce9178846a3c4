//! Taking displayed depth over several books, cheapest first.
//!
//! Levels of all live books are taken in the order of [`Yardstick::cost`] until the exposure is covered, never above
//! it: whole lots, each level's lots valued at its own price (inverse contracts that are bought: at what it may fall to on
//! the way) and rounded up. A venue is done at the parent's limit, at the edge of what its snapshot reached, at its
//! largest order in lots or in value, or once what is left is below one of its lots.
//!
//! A child below its venue's minimum is dropped, the smallest first, and the walk is made again without that venue, so
//! that the others are offered its exposure. A dropped venue stays out for this request: at most one walk a candidate.

use tiderace_book::{Book, BookState, Source, View};
use tiderace_types::num::div_round;
use tiderace_types::{Amount, Fraction, Instrument, InstrumentId, Price, Qty, Reason, Rounding, Side, Style};

use crate::minimum::meets_minimum;
use crate::{Fee, RouteConfig, RouteConfigError, Yardstick};

/// One instrument that may be used.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// Its definition.
    pub instrument: &'a Instrument,
    /// Its book.
    pub book: &'a Book,
    /// Best bid plus best ask in ticks when the parent arrived: the instrument's own fair value.
    pub arrival_mid2: i64,
    /// The parent's limit on this instrument.
    pub limit_px: Price,
    /// Whether the parent's venue list names it.
    pub is_selected: bool,
    /// Largest order in lots, by the venue and by the desk's own limit.
    pub max_order_qty: Qty,
    /// Largest order value in base units of the quote asset.
    pub max_order_value: Amount,
    /// Share by which the price may fall before an order gets there. Inverse contracts that are bought are sized as if it
    /// did: they are more exposure at a lower price.
    pub price_improvement: Fraction,
}

/// What to route.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Buy or sell.
    pub side: Side,
    /// Base units to cover.
    pub exposure: Amount,
    /// Where it may go.
    pub candidates: &'a [Candidate<'a>],
}

/// An order to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// Where.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Lots.
    pub order_qty: Qty,
    /// Limit price: of a sweep the worst level touched.
    pub price: Price,
    /// Base units it stands for, at most: at the levels' prices, or those that they may fall to; rounded up a level.
    pub exposure: Amount,
}

/// Where a request goes. Each candidate is in `children` or in `skipped`, both in the candidates' order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Immediate-or-cancel orders, at most one a candidate.
    pub children: Vec<Child>,
    /// Candidates that get nothing, and why.
    pub skipped: Vec<(InstrumentId, Reason)>,
    /// Sum over the children, never above the request.
    pub exposure: Amount,
}

/// Decides where exposure goes, by declared costs.
#[derive(Clone, Debug)]
pub struct Router {
    config: RouteConfig,
}

/// What a walk has done with one candidate.
#[derive(Clone, Copy)]
struct Take {
    /// None: left out, for `reason`.
    yardstick: Option<Yardstick>,
    reason: Reason,
    lots: Qty,
    exposure: Amount,
    worst: Price,
    is_reached: bool,
}

impl Router {
    /// A router with one cost for each of `instruments` in the genesis table.
    ///
    /// # Errors
    /// [`RouteConfigError`].
    pub fn new(config: RouteConfig, instruments: usize) -> Result<Self, RouteConfigError> {
        config.check(instruments)?;
        Ok(Self { config })
    }

    /// What the router was told.
    #[must_use]
    pub const fn config(&self) -> &RouteConfig {
        &self.config
    }

    /// Plans the taking of a request.
    #[must_use]
    pub fn sweep(&self, request: &Request<'_>) -> Plan {
        let mut plan = Plan::default();
        self.sweep_into(request, &mut plan);
        plan
    }

    /// As [`Self::sweep`], into a plan whose memory is used again.
    pub fn sweep_into(&self, request: &Request<'_>, plan: &mut Plan) {
        let mut takes: Vec<Take> =
            request.candidates.iter().map(|candidate| self.take_of(candidate, request.side)).collect();
        for _ in request.candidates {
            walk(request, &mut takes);
            let Some(smallest) = smallest_below_minimum(request, &mut takes) else { break };
            smallest.leave_out(Reason::BelowMinimum);
        }
        plan.fill(request, &takes);
    }

    /// The yardstick for `fee` on a candidate that may be used now, or why it may not.
    pub(crate) fn yardstick(&self, candidate: &Candidate<'_>, side: Side, fee: Fee) -> Result<Yardstick, Reason> {
        if !candidate.is_selected {
            return Err(Reason::NotSelected);
        }
        match candidate.book.state() {
            BookState::NotLive => Err(Reason::BookNotLive),
            BookState::Stale => Err(Reason::BookStale),
            BookState::Live => Yardstick::new(candidate.instrument, side, candidate.arrival_mid2, fee, &self.config)
                .ok_or(Reason::Unpriced),
        }
    }

    fn take_of(&self, candidate: &Candidate<'_>, side: Side) -> Take {
        let yardstick = self.yardstick(candidate, side, Fee::Taker);
        Take {
            yardstick: yardstick.ok(),
            reason: yardstick.err().unwrap_or(Reason::None),
            lots: Qty::ZERO,
            exposure: Amount::ZERO,
            worst: candidate.limit_px,
            is_reached: false,
        }
    }
}

impl Candidate<'_> {
    /// The price at which what is taken at `price` counts as exposure, at its most.
    #[must_use]
    pub fn sizing_price(&self, side: Side, price: Price) -> Price {
        if side == Side::Sell || self.instrument.style != Style::Inverse {
            return price;
        }
        let one = Fraction::ONE.get();
        let left = i128::from(one.saturating_sub(self.price_improvement.get()));
        let lower = i128::from(price.get()).checked_mul(left);
        let lower = lower.and_then(|lower| div_round(lower, one.into(), Rounding::Floor));
        lower.and_then(|lower| i64::try_from(lower).ok()).map_or(price, Price::new)
    }

    /// Most lots of one order whose worst price is `price`.
    #[must_use]
    pub fn most_lots(&self, side: Side, price: Price) -> Qty {
        // A sale is valued at the bid, where that is better than its limit.
        let bid = self.book.best(Side::Buy).map_or(price, |level| level.price);
        let price = if side == Side::Buy { price } else { price.max(bid) };
        let lot = Qty::new(1).and_then(|lot| self.instrument.notional(lot, price, Rounding::Ceil));
        let lots = lot.and_then(|lot| self.max_order_value.get().checked_div(lot.get()));
        let lots = lots.map_or(0, |lots| i64::try_from(lots.max(0)).unwrap_or(i64::MAX));
        self.max_order_qty.min(Qty::new(lots).unwrap_or(Qty::ZERO))
    }

    /// Whether a price is within the parent's limit.
    pub(crate) fn is_within_limit(&self, side: Side, price: Price) -> bool {
        match side {
            Side::Buy => price <= self.limit_px,
            Side::Sell => price >= self.limit_px,
        }
    }

    /// Why nothing is taken at a price of the other side, if it is not.
    fn refuses(&self, side: Side, price: Price) -> Option<Reason> {
        if !self.is_within_limit(side, price) {
            Some(Reason::BeyondLimit)
        } else if !self.book.is_known(side.opposite(), price) {
            Some(Reason::KnownEdge)
        } else {
            None
        }
    }

    /// Why a walk that was open to it took nothing.
    fn reason(&self, side: Side, take: &Take, yardstick: &Yardstick) -> Reason {
        let Some(best) = self.book.best(side.opposite()) else { return Reason::NoDepth };
        if take.is_reached {
            return Reason::BelowMinimum;
        }
        let refusal = self.refuses(side, best.price);
        refusal.unwrap_or(if yardstick.cost(best.price).is_some() { Reason::Dearer } else { Reason::Unpriced })
    }
}

impl Take {
    fn leave_out(&mut self, reason: Reason) {
        (self.yardstick, self.reason) = (None, reason);
        self.restart();
    }

    fn restart(&mut self) {
        (self.lots, self.exposure, self.is_reached) = (Qty::ZERO, Amount::ZERO, false);
    }

    /// Takes lots at a price and answers their exposure; takes nothing where a sum does not fit.
    fn add(&mut self, instrument: &Instrument, lots: Qty, price: Price, sizing_price: Price) -> Amount {
        let sums = || {
            let taken = instrument.exposure(lots, sizing_price, Rounding::Ceil)?;
            Some((taken, self.lots.checked_add(lots)?, self.exposure.checked_add(taken)?))
        };
        match sums().filter(|_| lots > Qty::ZERO) {
            None => Amount::ZERO,
            Some((taken, lots, exposure)) => {
                (self.lots, self.exposure, self.worst) = (lots, exposure, price);
                taken
            }
        }
    }
}

/// Takes levels in the order of cost. What is left of the exposure after it is covered by no open venue's lot.
fn walk(request: &Request<'_>, takes: &mut [Take]) {
    let side = request.side;
    takes.iter_mut().for_each(Take::restart);
    let mut view = View::new(request.candidates.iter().zip(takes.iter()).map(|(candidate, take)| {
        let (candidate, yardstick) = (*candidate, take.yardstick);
        Source {
            book: candidate.book,
            instrument: candidate.instrument.id,
            side: side.opposite(),
            cost: move |price| match candidate.refuses(side, price) {
                None => yardstick.as_ref()?.cost(price),
                Some(_) => None,
            },
        }
    }));
    let mut left = request.exposure;
    while left > Amount::ZERO {
        let Some(ranked) = view.next() else { break };
        let at = ranked.source;
        let (Some(candidate), Some(take)) = (request.candidates.get(at), takes.get_mut(at)) else { break };
        let instrument = candidate.instrument;
        let price = ranked.level.price;
        let (most, sizing_price) = (candidate.most_lots(side, price), candidate.sizing_price(side, price));
        let room = most.saturating_sub(take.lots);
        let offered = instrument.lots_of_feed_qty(ranked.level.qty_e8).min(room);
        let fitting = instrument.qty_within(left, sizing_price);
        take.is_reached = true;
        let taken = take.add(instrument, offered.min(fitting), price, sizing_price);
        left = Amount::new(left.get().saturating_sub(taken.get()));
        if take.lots >= most || fitting < offered || fitting == Qty::ZERO {
            view.close(at);
        }
    }
}

/// The child with the least exposure among those that their venue would refuse, ties to the first candidate.
fn smallest_below_minimum<'t>(request: &Request<'_>, takes: &'t mut [Take]) -> Option<&'t mut Take> {
    let pairs = request.candidates.iter().zip(takes);
    pairs
        .filter(|(candidate, take)| {
            take.lots > Qty::ZERO && !meets_minimum(candidate.instrument, take.lots, take.worst)
        })
        .min_by_key(|(_, take)| take.exposure)
        .map(|(_, take)| take)
}

impl Plan {
    fn fill(&mut self, request: &Request<'_>, takes: &[Take]) {
        self.children.clear();
        self.skipped.clear();
        self.exposure = Amount::ZERO;
        for (candidate, take) in request.candidates.iter().zip(takes) {
            let instrument = candidate.instrument.id;
            if take.lots > Qty::ZERO {
                // Sums to what the walk took off a request that fits: no overflow.
                self.exposure = Amount::new(self.exposure.get().saturating_add(take.exposure.get()));
                self.children.push(Child {
                    instrument,
                    side: request.side,
                    order_qty: take.lots,
                    price: take.worst,
                    exposure: take.exposure,
                });
            } else {
                let reason = match &take.yardstick {
                    Some(yardstick) => candidate.reason(request.side, take, yardstick),
                    None => take.reason,
                };
                self.skipped.push((instrument, reason));
            }
        }
    }
}
