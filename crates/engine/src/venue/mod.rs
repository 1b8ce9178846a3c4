//! The venue: accounts, ids, controls, markets and reports, as one state machine.
//!
//! [`Venue::apply`] takes one command at its time and appends what follows. It owns the table of live orders, the ids
//! that accounts ever used, holdings and balances; matching of one instrument is [`tiderace_matching::Market`], limits
//! are `risk`. It reads no clock, draws nothing, and panics on no input: what a rule refuses is a report or a
//! [`CommandRefused`](tiderace_types::venue::CommandRefused), and nothing has changed then.

mod clears;
mod conditions;
mod config;
mod core;
mod data;
mod enter;
mod holds;
mod host;
mod ids;
mod operate;
mod orders;
mod snapshot;
mod surfaces;
mod tariffs;
mod terms;
mod volumes;

pub use config::{
    AccountConfig, Band, Breaker, ConfigError, FEE_TIERS_MAX, FeeTier, Fees, HOLDINGS_MAX, Listing, RandomEnd,
    Scheduled, VenueConfig,
};
pub use data::{MarketDatum, Update};
pub use terms::{AccountRules, ClearingRules, ContractRules, MutualShare, PortfolioRules};
pub use tiderace_clear::config::{
    AuctionKind, CollateralTerms, CostMethod, DefaultRules, Funding, FundingKind, MarginTerms,
};
pub use tiderace_clear::{Balance, Clearing, Contract, Fund, House, LedgerAccount, Posting, PostingKind, Standing};
pub use tiderace_margin::{Params, sets};
pub use tiderace_risk::venue::{AccountLimits, MmpLimits, OrderToTrade, Throttle};

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tiderace_clear::Action;
use tiderace_matching::market::{Market, Owner, Place};
use tiderace_risk::venue::Frozen;
use tiderace_types::venue::{Command, Event, NO_ENTRY, Single};
use tiderace_types::venue_data::MarketData;
use tiderace_types::{
    AccountId, Amount, AssetId, ClOrdId, ExecType, InstrumentId, OrdStatus, Price, Qty, Reason, Rounding, Side, Ts,
};

use self::conditions::Conditions;
use self::core::{Asked, Core, status_of};
use self::data::Feed;
use self::holds::Holds;
use self::host::Desk;
use self::ids::Ids;
use self::orders::{Orders, Row, Stage};
use self::surfaces::Surfaces;
use self::tariffs::Tariffs;

/// Live orders that a market has room for before its tables grow.
const CAPACITY: usize = 1 << 10;
/// A market without a timer.
const NEVER: Ts = Ts::MAX;

/// A live order, as its account sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderState {
    /// The venue's key.
    pub order_id: u64,
    /// Where.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Where it stands.
    pub ord_status: OrdStatus,
    /// Its limit, in ticks.
    pub price: Price,
    /// Its total, in lots.
    pub order_qty: Qty,
    /// Filled.
    pub cum_qty: Qty,
    /// Left.
    pub leaves_qty: Qty,
    /// Sum of lots x ticks over its fills.
    pub cum_value: Amount,
    /// Whether it is in the book; a stop that listens, a child that waits and a suspended peg are not.
    pub is_working: bool,
}

/// What an account holds of an instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Lots, signed.
    pub qty: i64,
    /// Signed sum of what the open lots cost, in raw units of [`tiderace_clear::Contract`].
    pub cost: Amount,
    /// Realized profit, in base units of the settlement asset.
    pub realized: Amount,
    /// What the open lots would gain at the mark, in base units of the settlement asset, rounded down.
    pub unrealized: Amount,
}

/// The venue.
pub struct Venue {
    config: VenueConfig,
    now: Ts,
    markets: Vec<Market>,
    /// When each market's next timer is due, and the least of them.
    timers: Vec<Ts>,
    timer: Ts,
    core: Core,
    /// Markets that this command touched.
    dirty: Vec<InstrumentId>,
    events: Vec<tiderace_matching::Event>,
    scratch: Vec<u64>,
    frozen: Vec<Frozen>,
    /// What clearing asks for.
    actions: Vec<Action>,
    surfaces: Surfaces,
    conditions: Conditions,
    /// Liquidations that wait for a market, and until when.
    waiting: BTreeMap<AccountId, (InstrumentId, Ts)>,
}

impl Venue {
    /// A venue at its start.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: VenueConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let (seed, surfaces) = (config.seed, Surfaces::new(&config)?);
        let listings = config.instruments.iter().zip(0u64..);
        let markets: Vec<_> = listings
            .map(|(listing, row)| Market::new(listing.market(config.start), CAPACITY, seed.wrapping_add(row)))
            .collect();
        let timers: Vec<_> = markets.iter().map(|market| market.next_timer().unwrap_or(NEVER)).collect();
        let core = Core {
            orders: Orders::new(config.accounts.len()),
            ids: config.accounts.iter().zip(0u64..).map(|(_, row)| Ids::new(seed.wrapping_add(row))).collect(),
            owners: owners(&config),
            clearing: Clearing::new(config.clear_config()).map_err(ConfigError::Clearing)?,
            tariffs: Tariffs::new(&config).ok_or(ConfigError::OutOfRange { field: "steps", row: 0 })?,
            holds: Holds::new(&config),
            controls: config.controls()?,
            feed: Feed::new(config.instruments.len()),
            fills: VecDeque::new(),
            aside: Vec::new(),
            waiting: BTreeMap::new(),
            expiries: BTreeSet::new(),
            ready: VecDeque::new(),
            reduce_only: Vec::new(),
            quotes: BTreeMap::new(),
            asked: Asked::Nothing,
            is_counted: false,
            is_in: false,
            is_in_auction: false,
            is_liquidation: false,
        };
        Ok(Self {
            conditions: Conditions::new(config.instruments.len()),
            now: config.start,
            timer: timers.iter().copied().min().unwrap_or(NEVER),
            config,
            markets,
            timers,
            core,
            dirty: Vec::new(),
            events: Vec::new(),
            scratch: Vec::new(),
            frozen: Vec::new(),
            actions: Vec::new(),
            surfaces,
            waiting: BTreeMap::new(),
        })
    }

    /// Fires the timers due until `ts`, each at its own time, then does the command; appends what follows. A time
    /// before the one reached is taken as that one.
    pub fn apply(&mut self, ts: Ts, command: &Command, out: &mut Vec<Event>) {
        self.conditions.fill(ts);
        self.advance(ts, out);
        match command {
            Command::MassQuote(quote) => self.mass_quote(quote, out),
            Command::SurfacePublished(surface) => self.surface(surface, out),
            Command::ListPayoff(payoff) => self.list_payoff(payoff, out),
            Command::SubmitConditional(conditional) => self.submit_conditional(conditional, out),
            Command::Single(Single::NewOrder(order)) => self.enter(order, NO_ENTRY, out),
            Command::Single(Single::Replace(change)) => self.replace(change, out),
            Command::Single(Single::Cancel(cancel)) => self.cancel(cancel, out),
            Command::Single(other) => self.operate(other, out),
        }
        self.settle(out);
        self.conditions.rest(self.now);
    }

    /// Fires what is due until `ts` and stays there.
    fn advance(&mut self, ts: Ts, out: &mut Vec<Event>) {
        while let Some(next) = self.next_timer().filter(|next| *next <= ts) {
            self.now = self.now.max(next);
            let is_of_clearing = self.core.clearing.next_timer() == Some(next);
            // Whatever is due, clearing stands at its time: an auction that begins now ends later.
            self.clearing_timer(next, out);
            if !is_of_clearing {
                self.fire(next, ts, out);
            }
            self.settle(out);
        }
        self.now = self.now.max(ts);
        self.clearing_timer(self.now, out);
    }

    /// Does the one thing beside clearing that is due first; nothing where only a liquidation waited until then.
    fn fire(&mut self, next: Ts, target: Ts, out: &mut Vec<Event>) {
        if let Some(due) = self.core.controls.due(next) {
            self.on_due(due, out);
        } else if let Some((_, _, child)) = self.core.expiries.first().copied().filter(|(ts, ..)| *ts <= next) {
            self.core.close(child, ExecType::Expired, Reason::TimeReached, out);
        } else if let Some(row) = self.timers.iter().position(|timer| *timer == next) {
            let at = InstrumentId(u16::try_from(row).unwrap_or(u16::MAX));
            self.core.asked = Asked::Nothing;
            self.with_market(at, out, |market, desk, now, events| market.on_timer(now, desk, events));
        } else {
            self.conditions_timer(next, target, out);
        }
    }

    /// Lets a market work and writes what it says.
    fn with_market(
        &mut self,
        at: InstrumentId,
        out: &mut Vec<Event>,
        work: impl FnOnce(&mut Market, &mut Desk<'_>, Ts, &mut Vec<tiderace_matching::Event>),
    ) {
        let Some(market) = self.markets.get_mut(at.index()) else { return };
        self.core.is_in = false;
        self.core.is_in_auction = market.state().is_auction();
        work(market, &mut Desk { core: &mut self.core, instrument: at, ts: self.now }, self.now, &mut self.events);
        for event in self.events.drain(..) {
            self.core.on_event(self.now, market, at, &event, out);
        }
        self.touch(at);
        if self.core.aside.is_empty() {
            return;
        }
        let is_in = self.core.is_in;
        // Taken first: a cancel comes by here again, and a sweep may have set many aside.
        for (order_id, reason) in ::core::mem::take(&mut self.core.aside).into_iter().rev() {
            self.cancel_one(order_id, reason, out);
        }
        self.core.is_in = is_in;
    }

    fn touch(&mut self, at: InstrumentId) {
        if !self.dirty.contains(&at) {
            self.dirty.push(at);
        }
        self.conditions.stir(at);
    }

    /// What follows a command, until all is quiet: protection, pegs, children, stops, clearing, conditions.
    fn settle(&mut self, out: &mut Vec<Event>) {
        loop {
            self.core.asked = Asked::Nothing;
            if self.settle_mmp(out) | self.settle_pegs(out)
                || self.settle_children(out)
                || self.settle_stops(out)
                || self.settle_clearing(out)
                || self.settle_waiting()
                || self.settle_conditions(out)
            {
                continue;
            }
            break;
        }
        while let Some(at) = self.dirty.pop() {
            let timer = self.markets.get(at.index()).and_then(Market::next_timer).unwrap_or(NEVER);
            let Some(known) = self.timers.get_mut(at.index()) else { continue };
            let before = ::core::mem::replace(known, timer);
            if timer < self.timer {
                self.timer = timer;
            } else if before == self.timer && timer != before {
                self.timer = self.timers.iter().copied().min().unwrap_or(NEVER);
            }
        }
    }

    fn settle_pegs(&mut self, out: &mut Vec<Event>) -> bool {
        let mut any = false;
        let mut row = 0usize;
        while let Some(at) = self.dirty.get(row).copied() {
            row = row.saturating_add(1);
            self.with_market(at, out, |market, desk, now, events| any |= market.settle_pegs(now, desk, events));
        }
        any
    }

    fn settle_stops(&mut self, out: &mut Vec<Event>) -> bool {
        let mut any = false;
        let mut row = 0usize;
        while let Some(at) = self.dirty.get(row).copied().filter(|_| !any) {
            row = row.saturating_add(1);
            self.with_market(at, out, |market, desk, now, events| any = market.settle_stops(now, desk, events));
        }
        any
    }

    /// The time reached.
    #[must_use]
    pub const fn now(&self) -> Ts {
        self.now
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_timer(&self) -> Option<Ts> {
        let child = self.core.expiries.first().map_or(NEVER, |(ts, ..)| *ts);
        let clearing = self.core.clearing.next_timer().unwrap_or(NEVER);
        let waiting = self.waiting.values().map(|(_, until)| *until).min().unwrap_or(NEVER);
        let condition = self.conditions.next_timer();
        let own = child.min(self.timer).min(waiting).min(condition);
        let timer = self.core.controls.next_timer().unwrap_or(NEVER).min(clearing).min(own);
        (timer != NEVER).then_some(timer)
    }

    /// The genesis.
    #[must_use]
    pub const fn config(&self) -> &VenueConfig {
        &self.config
    }

    /// The market of an instrument.
    #[must_use]
    pub fn market(&self, instrument: InstrumentId) -> Option<&Market> {
        self.markets.get(instrument.index())
    }

    /// An order that has not ended.
    #[must_use]
    pub fn order(&self, account: AccountId, cl_ord_id: ClOrdId) -> Option<OrderState> {
        self.core.find(account, cl_ord_id).map(|row| self.state_of(row))
    }

    /// A quote that has not ended: entry of a mass quote from zero, and its side.
    #[must_use]
    pub fn quote(&self, account: AccountId, quote_id: ClOrdId, entry: u16, side: Side) -> Option<OrderState> {
        let is_it = |row: &&Row| row.cl_ord_id == quote_id && row.quote_entry == entry && row.side == side;
        self.orders_of(account).find(is_it).map(|row| self.state_of(row))
    }

    fn orders_of(&self, account: AccountId) -> impl Iterator<Item = &Row> {
        self.core.orders.of_account(account)
    }

    fn state_of(&self, row: &Row) -> OrderState {
        let view = self.market(row.instrument).and_then(|market| market.order(row.order_id));
        OrderState {
            order_id: row.order_id,
            instrument: row.instrument,
            side: row.side,
            ord_status: status_of(row),
            price: view.map_or(row.price, |view| view.price),
            order_qty: row.order_qty,
            cum_qty: row.cum_qty,
            leaves_qty: row.leaves_qty(),
            cum_value: Amount::new(row.cum_value),
            is_working: row.stage == Stage::Working && view.is_some_and(|view| view.place == Place::Book),
        }
    }

    /// Live orders of an account, quotes, stops and waiting children included.
    #[must_use]
    pub fn open_orders(&self, account: AccountId) -> usize {
        self.orders_of(account).count()
    }

    /// What an account holds of an instrument.
    #[must_use]
    pub fn position(&self, account: AccountId, instrument: InstrumentId) -> Position {
        let Some(held) = self.core.clearing.position(account, instrument) else { return Position::default() };
        Position {
            qty: held.qty,
            cost: Amount::new(held.cost),
            realized: Amount::new(held.realized),
            unrealized: self.unrealized(held),
        }
    }

    fn unrealized(&self, held: &tiderace_clear::Position) -> Amount {
        let (clearing, at) = (&self.core.clearing, held.instrument);
        let Some((contract, mark)) = clearing.contract(at).zip(clearing.mark(at)) else { return Amount::ZERO };
        let side = if held.qty < 0 { Side::Sell } else { Side::Buy };
        let lots = Qty::new(held.qty.saturating_abs()).unwrap_or(Qty::ZERO);
        let worth = contract.signed(contract.raw(lots, mark), side);
        Amount::new(contract.cash(worth.saturating_sub(held.cost), Rounding::Floor))
    }

    /// Cash of an account.
    #[must_use]
    pub fn balance(&self, account: AccountId, asset: AssetId) -> Balance {
        self.core.clearing.balance(account, asset)
    }

    /// Margin of an account: in the asset that its positions settle in.
    #[must_use]
    pub fn margin(&self, account: AccountId) -> Standing {
        self.core.clearing.margin(account)
    }

    /// All of clearing: the ledger, positions, funds.
    #[must_use]
    pub const fn clearing(&self) -> &Clearing {
        &self.core.clearing
    }

    /// What an account's next trade would pay: the fees of its tier.
    #[must_use]
    pub fn fees(&self, account: AccountId, instrument: InstrumentId) -> Fees {
        self.core.tariffs.fees(self.now, account, instrument)
    }

    /// Starts to keep the postings of the ledger for [`Self::drain_postings`].
    pub const fn enable_postings(&mut self) {
        self.core.clearing.enable_postings();
    }

    /// Moves the postings of the commands since the last call to the end of `into`.
    pub fn drain_postings(&mut self, into: &mut Vec<Posting>) {
        self.core.clearing.drain_postings(into);
    }

    /// Starts to keep market data for [`Self::drain_market_data`].
    pub const fn enable_market_data(&mut self) {
        self.core.feed.enable();
    }

    /// Moves the market data of the commands since the last call to the end of `into`.
    pub fn drain_market_data(&mut self, into: &mut Vec<MarketDatum>) {
        self.core.feed.drain(into);
    }

    /// Appends the snapshot of an instrument's market data: with the increments above its `rpt_seq` a client that starts
    /// here has the book of one that was there from the start. Nothing for an unknown instrument.
    pub fn market_data_snapshot(&self, instrument: InstrumentId, out: &mut Vec<MarketData>) {
        if let Some(market) = self.market(instrument) {
            data::snapshot(self.now, instrument, self.rpt_seq(instrument), market, out);
        }
    }

    /// Number of an instrument's last change of market data: a snapshot of its book holds until there.
    #[must_use]
    pub fn rpt_seq(&self, instrument: InstrumentId) -> u64 {
        self.core.feed.rpt_seq(instrument)
    }
}

/// Accounts and their self-trade groups: a group's number lies above those of all accounts.
fn owners(config: &VenueConfig) -> Vec<Owner> {
    let mut groups: Vec<u32> = config.accounts.iter().filter_map(|account| account.stp_group).collect();
    groups.sort_unstable();
    groups.dedup();
    let accounts = config.accounts.len();
    let number = |label: u32| {
        let row = groups.binary_search(&label).unwrap_or(0);
        u32::try_from(accounts.saturating_add(row)).unwrap_or(u32::MAX)
    };
    let rows = config.accounts.iter().zip(0u32..);
    rows.map(|(account, row)| Owner { account: row, group: account.stp_group.map_or(row, number) }).collect()
}
