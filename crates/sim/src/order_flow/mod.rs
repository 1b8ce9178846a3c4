//! Order flow out of a seed: orders for a market of real matching, which react to what the market does.
//!
//! A crowd after Cont, Stoikov and Talreja ("A stochastic model for order book dynamics", Operations Research 58(3),
//! 2010): at distance `i` from the opposite best, limit orders arrive at intensity `lambda(i)` and each resting order is
//! canceled at `theta(i)`; market orders arrive at `mu`. On top, each off where its params are none: market orders that
//! excite market orders ([`Excitation`]), a value common to several books ([`FairParams`]) and makers
//! ([`MakerParams`]).
//!
//! An [`OrderFlow`] knows no engine. Its caller asks for the next command with [`OrderFlow::next`], telling the best
//! prices, carries it out, and tells with [`OrderFlow::on_event`] what became of its orders; so the same flow drives
//! [`FlowMarket`] (one matcher), a venue, or several books at once ([`OrderFlows`]).
//!
//! Invariants: params, seed, views and events decide every command; times never go back; ids are never used twice.
//! Others' orders in the book are seen in the view and never canceled. Refused: what [`FlowParams::check`] refuses.
//! The model, its numbers and what it was held against: `docs/FLOW.md`.
//!
//! ```
//! use tiderace_sim::order_flow::{FlowMarket, FlowParams};
//! use tiderace_types::Side;
//!
//! let mut market = FlowMarket::new(FlowParams::cont_stoikov_talreja(), 42)?;
//! market.open();
//! for _ in 0..1_000 {
//!     let (ts, command, events) = market.step();
//! }
//! assert!(market.book().total_qty(Side::Buy).get() > 0);
//! # Ok::<(), tiderace_sim::order_flow::OrderFlowError>(())
//! ```

mod fair;
mod hawkes;
mod live;
mod makers;
mod market;
mod params;

use std::collections::VecDeque;

use tiderace_types::{Price, Qty, Side, Ts};

pub use hawkes::Excitation;
pub use makers::MakerParams;
pub use market::{FlowMarket, OrderFlows};
pub use params::{FairParams, FlowParams, LEVELS_MAX, MAKERS_MAX, OrderFlowError, OrderSize, PER_S_MAX};

use crate::rng::{self, Rng};
use fair::Fair;
use hawkes::Excited;
use live::{Live, Resting};
use makers::{Maker, Sight};

/// The crowd's owner; the makers' are from 1.
pub const CROWD: u32 = 0;
/// The stream of the seed that a flow draws from; flows of several books have the next ones.
const STREAM: u64 = 0x666c_6f77;

/// The best prices of the book; none where a side is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookView {
    /// The highest bid.
    pub best_bid: Option<Price>,
    /// The lowest ask.
    pub best_ask: Option<Price>,
}

/// On what terms a limit order enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It trades what it can, and rests.
    Gtc,
    /// It is refused where it would trade.
    PostOnly,
    /// It trades what it can; the rest is canceled.
    Ioc,
}

/// What somebody in the flow asks of the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowCommand {
    /// Enter a limit order.
    New {
        /// Its id.
        order_id: u64,
        /// Whose: [`CROWD`], or a maker.
        owner: u32,
        /// Buy or sell.
        side: Side,
        /// In ticks.
        price: Price,
        /// In lots.
        qty: Qty,
        /// On what terms.
        entry: Entry,
    },
    /// Enter a market order.
    Market {
        /// Its id.
        order_id: u64,
        /// Whose.
        owner: u32,
        /// Buy or sell.
        side: Side,
        /// In lots.
        qty: Qty,
    },
    /// Take an order out.
    Cancel {
        /// Which.
        order_id: u64,
        /// Whose.
        owner: u32,
    },
}

/// What became of an order. Those of orders that are not the flow's are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowEvent {
    /// It traded.
    Filled {
        /// Which.
        order_id: u64,
        /// How much.
        last_qty: Qty,
        /// What it has left.
        leaves_qty: Qty,
    },
    /// It was canceled or refused, or a cancel of it was refused: it does not rest.
    Ended {
        /// Which.
        order_id: u64,
    },
}

/// The ids of a flow's orders.
pub(crate) struct Ids(u64);

impl Ids {
    const fn next(&mut self) -> u64 {
        let id = self.0;
        self.0 = id.wrapping_add(1);
        id
    }
}

/// The order flow of one book.
pub struct OrderFlow {
    params: FlowParams,
    /// Sums of the limit orders' intensities up to each distance, on one side.
    limit_sums: Vec<f64>,
    /// The quickest of the cancels' intensities.
    cancel_most: f64,
    rng: Rng,
    ids: Ids,
    ts: Ts,
    /// The best prices last seen, for a side that is empty.
    bid: i64,
    ask: i64,
    live: Live,
    excited: Excited,
    fair: Option<Fair>,
    makers: Vec<Maker>,
    pending: VecDeque<FlowCommand>,
}

/// The intensities at one moment, both sides together but for market orders.
struct Rates {
    limits: f64,
    cancels: f64,
    buys: f64,
    sells: f64,
}

impl Rates {
    fn total(&self) -> f64 {
        self.limits + self.cancels + self.buys + self.sells
    }
}

impl OrderFlow {
    /// The flow of one book.
    ///
    /// # Errors
    /// [`OrderFlowError`] where a number is out of its range.
    pub fn new(params: FlowParams, seed: u64) -> Result<Self, OrderFlowError> {
        Self::of_book(params, seed, 0)
    }

    /// The flow of one of several books of a seed, which have their fair value in common and nothing else.
    ///
    /// # Errors
    /// [`OrderFlowError`] where a number is out of its range.
    pub fn of_book(params: FlowParams, seed: u64, book: u16) -> Result<Self, OrderFlowError> {
        params.check()?;
        let mut rng = Rng::new(seed, STREAM.wrapping_add(u64::from(book)));
        let mut sum = 0.0;
        let rates = (1..=params.max_levels).map(|distance| params.limit_rate(distance));
        let limit_sums = rates.map(|rate| {
            sum += rate;
            sum
        });
        let limit_sums = limit_sums.collect();
        let makers = params.makers.iter().flat_map(|makers| (1..=makers.count).map(move |owner| (owner, makers)));
        let makers = makers.map(|(owner, terms)| Maker::new(owner, params.start, terms, &mut rng)).collect();
        let half = (params.level_step / 2).max(1);
        let fair = params.fair.map(|fair| Fair::new(fair, params.mid.get(), params.start, seed));
        let mid = fair.as_ref().map_or(params.mid.get(), |fair| rng::floor(fair.ticks()));
        Ok(Self {
            limit_sums,
            cancel_most: params.cancel_per_s.iter().copied().fold(0.0, f64::max),
            rng,
            ids: Ids(params.order_ids_from),
            ts: params.start,
            bid: mid.saturating_sub(half),
            ask: mid.saturating_add(half),
            live: Live::new(seed),
            excited: Excited::default(),
            fair,
            makers,
            pending: VecDeque::new(),
            params,
        })
    }

    /// What it is made of.
    #[must_use]
    pub const fn params(&self) -> &FlowParams {
        &self.params
    }

    /// The time of the last command.
    #[must_use]
    pub const fn now(&self) -> Ts {
        self.ts
    }

    /// Resting orders of the crowd.
    #[must_use]
    pub fn crowd_orders(&self) -> u64 {
        self.live.len()
    }

    /// What each maker holds, in lots.
    pub fn maker_inventories(&self) -> impl Iterator<Item = i64> {
        self.makers.iter().map(Maker::held)
    }

    /// The common value, in ticks of this book.
    #[must_use]
    pub fn fair(&self) -> Option<f64> {
        self.fair.as_ref().map(Fair::ticks)
    }

    /// The orders of a book that opens: at each distance about as many as will stand there, `lambda / theta`, all at the
    /// start. To be sent before the first [`Self::next`].
    pub fn opening(&mut self) -> Vec<FlowCommand> {
        let mut commands = Vec::new();
        for distance in 1..=self.params.max_levels {
            let cancels = self.params.cancel_rate(i64::from(distance)) + self.market_rate_at(distance);
            let mean = self.params.limit_rate(distance) / cancels.max(f64::MIN_POSITIVE);
            for side in [Side::Buy, Side::Sell] {
                // At least one at the best, so that the book opens with both sides.
                let least = i64::from(distance == 1);
                let orders = rng::floor(mean + self.rng.unit()).clamp(least, 1_000);
                for _ in 0..orders {
                    let price = self.price_at(side, distance);
                    commands.push(self.rest(side, Price::new(price)));
                }
            }
        }
        commands
    }

    /// A limit order of the crowd out of turn, for a book that is to open in a given state.
    pub fn rest(&mut self, side: Side, price: Price) -> FlowCommand {
        let qty = self.draw_qty(self.params.limit_qty);
        let order_id = self.ids.next();
        self.live.add(Resting { order_id, side, price: price.get() });
        FlowCommand::New { order_id, owner: CROWD, side, price, qty, entry: Entry::Gtc }
    }

    /// The next command and its time, drawn from the book as it is now. What became of all commands before has to have
    /// been told.
    pub fn next(&mut self, view: &BookView) -> (Ts, FlowCommand) {
        self.see(view);
        loop {
            if let Some(command) = self.pending.pop_front() {
                return (self.ts, command);
            }
            let rates = self.rates();
            let bound = rates.total();
            let seconds = self.rng.exponential() / bound;
            let drawn = self.ts.plus_ns(rng::floor(seconds * 1e9).max(1));
            let turn = self.makers.iter().map(|maker| maker.turn).min().filter(|turn| *turn <= drawn);
            self.pass(turn.unwrap_or(drawn));
            if turn.is_some() {
                // Waiting has no memory: what was drawn for later is drawn anew.
                self.make();
                continue;
            }
            let at = self.rng.unit() * bound;
            if let Some(command) = self.pick(at) {
                return (self.ts, command);
            }
        }
    }

    /// Takes in what became of an order.
    pub fn on_event(&mut self, event: &FlowEvent) {
        match *event {
            FlowEvent::Filled { order_id, last_qty, leaves_qty } => {
                let soon = self.ts.plus_ns(self.params.makers.map_or(1, |makers| makers.reaction_ns));
                let is_makers = self.makers.iter_mut().any(|maker| maker.fill(order_id, last_qty, leaves_qty, soon));
                if !is_makers && leaves_qty == Qty::ZERO {
                    self.live.remove(order_id);
                }
            }
            FlowEvent::Ended { order_id } => {
                self.live.remove(order_id);
                for maker in &mut self.makers {
                    maker.end(order_id);
                }
            }
        }
    }

    /// Keeps the best prices; an empty side is where it was, or out of the other's way.
    fn see(&mut self, view: &BookView) {
        match (view.best_bid, view.best_ask) {
            (Some(bid), Some(ask)) => (self.bid, self.ask) = (bid.get(), ask.get()),
            (Some(bid), None) => (self.bid, self.ask) = (bid.get(), self.ask.max(bid.get().saturating_add(1))),
            (None, Some(ask)) => (self.bid, self.ask) = (self.bid.min(ask.get().saturating_sub(1)), ask.get()),
            (None, None) => {}
        }
    }

    fn pass(&mut self, now: Ts) {
        let seconds = rng::float(now.get().saturating_sub(self.ts.get())) / 1e9;
        self.excited.pass(seconds, self.params.excitation);
        self.ts = now;
        if let Some(fair) = &mut self.fair {
            fair.advance(now);
        }
    }

    fn mid(&self) -> f64 {
        (rng::float(self.bid) + rng::float(self.ask)) / 2.0
    }

    /// The intensities now. That of cancels is a bound: as if every order stood where cancels are quickest.
    fn rates(&self) -> Rates {
        let lean = self.fair.as_ref().map_or(0.0, |fair| fair.lean(self.mid()));
        let market = self.params.market_per_s;
        Rates {
            limits: 2.0 * self.limit_sums.last().copied().unwrap_or(0.0),
            cancels: self.cancel_most * rng::float(i64::try_from(self.live.len()).unwrap_or(i64::MAX)),
            buys: market * (1.0 + lean) + self.excited.buy,
            sells: market * (1.0 - lean) + self.excited.sell,
        }
    }

    /// The command at a point of the line of intensities. None where the point lies beyond what they are by now, which
    /// is how intensities that fall, or are bounds, are drawn exactly (Ogata's thinning).
    fn pick(&mut self, at: f64) -> Option<FlowCommand> {
        let rates = self.rates();
        let mut at = at;
        if at < rates.limits {
            let sum = rates.limits / 2.0;
            let (side, at) = if at < sum { (Side::Buy, at) } else { (Side::Sell, at - sum) };
            let row = self.limit_sums.partition_point(|sum| *sum <= at);
            let distance = u32::try_from(row).unwrap_or(0).saturating_add(1).min(self.params.max_levels);
            let price = self.price_at(side, distance);
            return Some(self.rest(side, Price::new(price)));
        }
        at -= rates.limits;
        if at < rates.cancels {
            return self.pick_cancel();
        }
        at -= rates.cancels;
        let side = if at < rates.buys { Side::Buy } else { Side::Sell };
        if at >= rates.buys + rates.sells {
            return None;
        }
        self.excited.jump(side, self.params.excitation);
        let qty = self.draw_qty(self.params.market_qty);
        Some(FlowCommand::Market { order_id: self.ids.next(), owner: CROWD, side, qty })
    }

    /// The cancel of any order alike, kept as often as the intensity at its distance is of the bound.
    fn pick_cancel(&mut self) -> Option<FlowCommand> {
        let row = self.rng.below(self.live.len());
        let Resting { order_id, side, price } = self.live.get(row)?;
        let opposite = if side == Side::Buy { self.ask } else { self.bid };
        let step = self.params.level_step;
        let ticks = opposite.saturating_sub(price).saturating_mul(side.sign());
        let rate = self.params.cancel_rate(ticks.saturating_add(step).saturating_sub(1) / step);
        (self.rng.unit() * self.cancel_most < rate).then_some(FlowCommand::Cancel { order_id, owner: CROWD })
    }

    /// Lets every maker whose turn it is act.
    fn make(&mut self) {
        let Some(params) = self.params.makers else { return };
        let sight = Sight { bid: self.bid, ask: self.ask, fair: self.fair() };
        for maker in self.makers.iter_mut().filter(|maker| maker.turn <= self.ts) {
            maker.act(self.ts, sight, &params, &mut self.ids, &mut self.rng, &mut self.pending);
        }
    }

    /// The price of a side's order at a distance from the opposite best.
    fn price_at(&self, side: Side, distance: u32) -> i64 {
        let ticks = self.params.level_step.saturating_mul(i64::from(distance));
        match side {
            Side::Buy => self.ask.saturating_sub(ticks),
            Side::Sell => self.bid.saturating_add(ticks),
        }
    }

    /// What market orders take from a distance: all of it from the best.
    fn market_rate_at(&self, distance: u32) -> f64 {
        if distance == 1 { self.params.market_per_s } else { 0.0 }
    }

    fn draw_qty(&mut self, size: OrderSize) -> Qty {
        match size {
            OrderSize::Fixed(qty) => qty,
            OrderSize::Exponential(mean) => {
                Qty::new(rng::floor(rng::float(mean.get()) * self.rng.exponential()).max(1)).unwrap_or(mean)
            }
        }
    }
}
