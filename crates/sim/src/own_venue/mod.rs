//! Tiderace's own venue as the world of a run: the desk is one account of it, and the seeded order flow are the others.
//!
//! Every order, ours and theirs, goes through [`Venue::apply`]; so what the desk takes is gone, what it posts is seen
//! and traded against, and the makers of the flow answer. The market data that the venue's events give is the tape of
//! the run. It needs no file: genesis and journal give it again ([`retrace`]), since flow, latencies and matching follow
//! from the seed and from what the desk did when.
//!
//! On equal times the flow goes before the desk's orders. Refused: what [`OwnVenueError`] says.

mod gate;
mod publish;
mod retrace;

use core::fmt;

use serde::{Deserialize, Serialize};
use tiderace_book::by_order::Book;
use tiderace_engine::DeskConfig;
use tiderace_engine::venue::{AccountConfig, Fees, Listing, Venue, VenueConfig};
use tiderace_matching::Terms;
use tiderace_matching::market::Market;
use tiderace_types::venue::{Cancel, Command, Event, NewOrder, Report};
use tiderace_types::{
    AccountId, ClOrdId, ExecType, InstrumentId, MarketEvent, OrdType, Output, PostOnly, Price, Qty, Side, TimeInForce,
    TradingState, Ts,
};

pub use retrace::{RetraceError, retrace};

use crate::driver::{Link, World};
use crate::order_flow::{BookView, Entry, FlowCommand, FlowEvent, FlowParams, OrderFlowError, OrderFlows};
use crate::{Latency, LatencyModel, Leg, Reports, SimConfig, SimConfigError};
use gate::{DESK, Gate, PLAIN};
use publish::Publisher;

/// The longest run: half a day, some 30 million market records of 48 bytes.
pub const DURATION_NS_MAX: i64 = 43_200_000_000_000;
/// The account of the crowd; makers follow it.
const CROWD: u32 = 1;

/// When a market of our own opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnVenueConfig {
    /// When its books open.
    pub start: Ts,
    /// How long the run is, above zero, at most [`DURATION_NS_MAX`].
    pub duration_ns: i64,
}

/// Why there is no such venue.
#[derive(Debug)]
pub enum OwnVenueError {
    /// The simulation's part of the genesis is not one of this build's.
    Json(serde_json::Error),
    /// The run is not to be on our own venue, or a number is out of its range.
    OutOfRange(&'static str),
    /// What is simulated is refused.
    Sim(SimConfigError),
    /// An instrument is not one that the flow can trade.
    Flow(OrderFlowError),
    /// The venue refuses its tables.
    Venue(tiderace_engine::venue::ConfigError),
}

impl fmt::Display for OwnVenueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the genesis is not valid: sim: {error}"),
            Self::OutOfRange(key) => write!(
                f,
                "own venue: {key} is out of range; it opens after 1970, for up to 12 hours, and its feed is not recorded; \
                 correct synthetic.start, synthetic.duration or sim.feed"
            ),
            Self::Sim(error) => write!(f, "{error}"),
            Self::Flow(error) => write!(
                f,
                "{error}; the order flow of our own venue is that of a BTC market; name a recording, or correct the instrument"
            ),
            Self::Venue(error) => write!(f, "own venue: {error}"),
        }
    }
}

impl std::error::Error for OwnVenueError {}

/// A venue with its flow, up to the end of a run.
pub struct OwnVenue {
    venue: Venue,
    flows: OrderFlows,
    /// The flow's next command: drawn when the one before was done.
    head: Option<(Ts, usize, FlowCommand)>,
    gate: Gate,
    orders: Link<Output>,
    publisher: Publisher,
    events: Vec<Event>,
    /// Sides and prices that a command may have changed.
    touched: Vec<(Side, Price)>,
    ts_start: Ts,
    ts_end: Ts,
    now: Ts,
}

impl OwnVenue {
    /// A venue whose books are open, and told.
    ///
    /// # Errors
    /// [`OwnVenueError`].
    pub fn new(desk: &DeskConfig, sim: &SimConfig) -> Result<Self, OwnVenueError> {
        let OwnVenueConfig { start, duration_ns } = sim.own_venue.ok_or(OwnVenueError::OutOfRange("own_venue"))?;
        let is_time = start > Ts::ZERO && start.plus_ns(DURATION_NS_MAX) < Ts::MAX;
        let checks = [
            ("start", is_time),
            ("duration_ns", (1..=DURATION_NS_MAX).contains(&duration_ns)),
            ("feed", sim.feed != LatencyModel::Recorded),
        ];
        if let Some((key, _)) = checks.into_iter().find(|(_, is_good)| !is_good) {
            return Err(OwnVenueError::OutOfRange(key));
        }
        sim.check(&desk.instruments).map_err(OwnVenueError::Sim)?;
        let params = desk.instruments.iter().map(|instrument| FlowParams::btc_like(instrument, start));
        let params = params.collect::<Result<Vec<_>, _>>().map_err(OwnVenueError::Flow)?;
        let venue = Venue::new(venue_config(desk, sim, &params)).map_err(OwnVenueError::Venue)?;
        let mut own = Self {
            venue,
            flows: OrderFlows::new(params, sim.seed).map_err(OwnVenueError::Flow)?,
            head: None,
            gate: Gate::new(desk.instruments.iter().map(|instrument| instrument.settle).collect()),
            orders: Link::new(Latency::new(sim.order_entry, sim.seed, Leg::OrderEntry)),
            publisher: Publisher::new(&desk.instruments, Latency::new(sim.feed, sim.seed, Leg::Feed)),
            events: Vec::new(),
            touched: Vec::new(),
            ts_start: start,
            ts_end: start.plus_ns(duration_ns),
            now: start,
        };
        for instrument in &desk.instruments {
            own.open(instrument.id);
        }
        own.draw();
        Ok(own)
    }

    /// What has reached the desk, record by record.
    #[must_use]
    pub fn into_tape(self) -> Vec<MarketEvent> {
        self.publisher.into_tape()
    }

    /// Fills a book with the flow's first orders, and tells it.
    fn open(&mut self, id: InstrumentId) {
        let opening = self.flows.book_mut(id.index()).map(crate::order_flow::OrderFlow::opening).unwrap_or_default();
        for command in opening {
            self.apply(self.ts_start, &flow_command(id, command));
            self.tell_flow(id);
        }
        let Some(book) = book_of(&self.venue, id) else { return };
        let levels = [Side::Buy, Side::Sell].into_iter();
        let levels = levels.flat_map(|side| book.levels(side).map(move |level| (side, level)));
        let levels = levels.map(|(side, level)| (side, level.price, level.total_qty));
        self.publisher.snapshot(self.ts_start, id, levels);
    }

    fn apply(&mut self, ts: Ts, command: &Command) {
        self.events.clear();
        self.venue.apply(ts, command, &mut self.events);
    }

    /// Draws the flow's next command from the books as they are now.
    fn draw(&mut self) {
        let venue = &self.venue;
        let view = |book: usize| {
            let id = u16::try_from(book).map(InstrumentId).ok();
            id.and_then(|id| book_of(venue, id)).map_or(BookView::default(), BookView::of)
        };
        self.head = self.flows.next(view).filter(|(ts, _, _)| *ts <= self.ts_end);
    }

    fn step_flow(&mut self, out: &mut Reports) {
        let Some((ts, book, command)) = self.head.take() else { return };
        let Ok(id) = u16::try_from(book).map(InstrumentId) else { return };
        self.now = ts;
        self.apply(ts, &flow_command(id, command));
        self.settle(ts, id, None, out);
        self.draw();
    }

    fn step_desk(&mut self, out: &mut Reports) {
        let Some((ts, message)) = self.orders.receive() else { return };
        self.now = ts;
        if let Output::StatusRequested(sent) = &message {
            return self.gate.on_status_request(ts, sent, out);
        }
        let (Some(id), Some(command)) = (crate::driver::venue_of(&message), Gate::command(&message)) else { return };
        if let Output::ReplaceSent(sent) = &message {
            // A replaced order leaves the price where it was.
            self.touched.extend(self.gate.place_of(sent.orig_cl_ord_id));
        }
        self.apply(ts, &command);
        self.settle(ts, id, Some(&message), out);
    }

    /// Tells everybody what followed from a command: the flow, the desk, and the feed.
    fn settle(&mut self, ts: Ts, id: InstrumentId, cause: Option<&Output>, out: &mut Reports) {
        self.tell_flow(id);
        for event in &self.events {
            if let Event::Trade(trade) = event {
                self.publisher.trade(trade);
            }
            let Event::Report(report) = event else { continue };
            self.touched.push((report.side, report.price));
            if report.account == DESK {
                self.gate.on_report(ts, cause, report, out);
            }
        }
        let Some(book) = book_of(&self.venue, id) else { return };
        for (side, price) in self.touched.drain(..) {
            self.publisher.level(id, side, price, book.level(side, price).total_qty, 0);
        }
        self.publisher.send(ts, id);
    }

    fn tell_flow(&mut self, id: InstrumentId) {
        let Some(flow) = self.flows.book_mut(id.index()) else { return };
        for event in &self.events {
            if let Event::Report(report) = event
                && report.account != DESK
                && let Some(told) = flow_event(report)
            {
                flow.on_event(&told);
            }
        }
    }
}

impl World for OwnVenue {
    fn ts_start(&self) -> Ts {
        self.ts_start
    }

    fn ts_end(&self) -> Ts {
        self.ts_end
    }

    fn due(&mut self) -> Ts {
        self.head.map_or(Ts::MAX, |(ts, _, _)| ts).min(self.orders.ts_next())
    }

    fn step(&mut self, out: &mut Reports) {
        let is_flows = self.head.is_some_and(|(ts, _, _)| ts <= self.orders.ts_next());
        if is_flows { self.step_flow(out) } else { self.step_desk(out) }
    }

    fn send(&mut self, ts: Ts, message: &Output) {
        self.orders.send(ts, *message);
    }

    fn ts_record(&self) -> Ts {
        self.publisher.ts_next()
    }

    fn take_record(&mut self) -> Option<(u64, MarketEvent)> {
        self.publisher.take_next()
    }

    fn progress(&self) -> (u64, u64) {
        let ms = |from: Ts, to: Ts| u64::try_from(to.get().saturating_sub(from.get()) / 1_000_000).unwrap_or(0);
        (ms(self.ts_start, self.now), ms(self.ts_start, self.ts_end))
    }
}

/// What rests at an instrument.
fn book_of(venue: &Venue, id: InstrumentId) -> Option<&Book<Terms>> {
    venue.market(id).map(Market::book)
}

/// The venue of a run: its instruments with their fees; the desk, the crowd and the makers, without limits.
fn venue_config(desk: &DeskConfig, sim: &SimConfig, params: &[FlowParams]) -> VenueConfig {
    let listings = desk.instruments.iter().zip(&sim.instruments).map(|(instrument, terms)| Listing {
        instrument: instrument.clone(),
        max_order_value: None,
        fees: Fees { maker: terms.maker_fee, taker: terms.taker_fee },
        fee_tiers: Vec::new(),
        band: None,
        breaker: None,
        random_end: None,
        schedule: Vec::new(),
        state: TradingState::Continuous,
        clearing: tiderace_engine::venue::ContractRules::default(),
    });
    let makers = params.iter().filter_map(|params| params.makers.as_ref()).map(|makers| makers.count).max();
    let names = ["desk".to_owned(), "crowd".to_owned()].into_iter();
    let names = names.chain((1..=makers.unwrap_or(0)).map(|maker| format!("maker-{maker}")));
    let account = |name| AccountConfig {
        name,
        member: None,
        stp_group: None,
        balances: Vec::new(),
        dead_man_ns: None,
        mmp: Vec::new(),
        limits: tiderace_engine::venue::AccountLimits::default(),
        clearing: tiderace_engine::venue::AccountRules::default(),
    };
    VenueConfig {
        seed: sim.seed,
        start: tiderace_types::Ts::ZERO,
        assets: desk.assets.clone(),
        instruments: listings.collect(),
        accounts: names.map(account).collect(),
        fund: Vec::new(),
        clearing: tiderace_engine::venue::ClearingRules::default(),
    }
}

/// A command of the flow in the venue's words: a maker is one account at all books, and order ids are keys.
fn flow_command(instrument: InstrumentId, command: FlowCommand) -> Command {
    let account = |owner: u32| AccountId(CROWD.saturating_add(owner));
    match command {
        FlowCommand::New { order_id, owner, side, price, qty, entry } => {
            let (account, cl_ord_id) = (account(owner), ClOrdId(order_id));
            let order = NewOrder { account, instrument, cl_ord_id, side, price, order_qty: qty, ..PLAIN };
            Command::from(match entry {
                Entry::Gtc => order,
                Entry::PostOnly => NewOrder { post_only: PostOnly::Reject, ..order },
                Entry::Ioc => NewOrder { time_in_force: TimeInForce::Ioc, ..order },
            })
        }
        FlowCommand::Market { order_id, owner, side, qty } => Command::from(NewOrder {
            account: account(owner),
            instrument,
            cl_ord_id: ClOrdId(order_id),
            side,
            ord_type: OrdType::Market,
            order_qty: qty,
            ..PLAIN
        }),
        FlowCommand::Cancel { order_id, owner } => {
            Command::from(Cancel { account: account(owner), orig_cl_ord_id: ClOrdId(order_id) })
        }
    }
}

/// What a report tells the flow.
fn flow_event(report: &Report) -> Option<FlowEvent> {
    let order_id = report.cl_ord_id.0;
    let (last_qty, leaves_qty): (Qty, Qty) = (report.last_qty, report.leaves_qty);
    match report.exec_type {
        ExecType::Trade => Some(FlowEvent::Filled { order_id, last_qty, leaves_qty }),
        ExecType::Canceled | ExecType::Rejected | ExecType::Expired => Some(FlowEvent::Ended { order_id }),
        ExecType::New
        | ExecType::Replaced
        | ExecType::Suspended
        | ExecType::Restated
        | ExecType::TradeCorrect
        | ExecType::TradeCancel
        | ExecType::OrderStatus
        | ExecType::Triggered => None,
    }
}
