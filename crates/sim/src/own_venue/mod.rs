//! Tiderace's own venue as the world of a run: the desk is one account of it, and the seeded order flow are the others.
//!
//! Every order, ours and theirs, goes through [`Venue::apply`]; so what the desk takes is gone, what it posts is seen
//! and traded against, and the makers of the flow answer. The market data that the venue's events give is the tape of
//! the run. It needs no file: genesis and journal give it again ([`retrace`]), since flow, latencies and matching follow
//! from the seed and from what the desk did when.
//!
//! On equal times the flow goes before the desk's orders. Refused: what [`OwnVenueError`] says.

mod gate;
mod options;
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
    AccountId, ClOrdId, ExecType, InstrumentId, InstrumentKind, MarketEvent, OrdType, Output, PostOnly, Price, Qty,
    Side, TimeInForce, TradingState, Ts,
};

pub use options::OptionsConfig;
pub use retrace::{RetraceError, retrace};

use crate::driver::{Link, World};
use crate::order_flow::{BookView, Entry, FlowCommand, FlowEvent, FlowParams, OrderFlowError, OrderFlows};
use crate::{Latency, LatencyModel, Leg, Reports, SimConfig, SimConfigError};
use gate::{DESK, Gate, PLAIN};
use options::{Options, Turn};
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
    /// How options are quoted, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<OptionsConfig>,
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
    /// An option without what it is quoted by, or a number of that is out of its range.
    Options(&'static str),
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
            Self::Options(key) => write!(
                f,
                "own venue: surface.{key} is missing or out of range; an option is quoted by a vol of 1 % to 500 %, with an \
                 underlying beside it; correct [surface], or add the perpetual"
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
    /// Whose books they are: what is no option.
    flow_ids: Vec<InstrumentId>,
    options: Option<Options>,
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
        let OwnVenueConfig { start, duration_ns, options } =
            sim.own_venue.ok_or(OwnVenueError::OutOfRange("own_venue"))?;
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
        let flowing = || desk.instruments.iter().filter(|instrument| instrument.kind != InstrumentKind::Option);
        let params = flowing().map(|instrument| FlowParams::btc_like(instrument, start));
        let params = params.collect::<Result<Vec<_>, _>>().map_err(OwnVenueError::Flow)?;
        let makers = makers_of(&params);
        let venue = Venue::new(venue_config(desk, sim, makers)).map_err(OwnVenueError::Venue)?;
        let maker = AccountId(CROWD.saturating_add(makers).saturating_add(1));
        let options = Options::new(&desk.instruments, options, sim.seed, start, maker)?;
        let mut own = Self {
            venue,
            flows: OrderFlows::new(params, sim.seed).map_err(OwnVenueError::Flow)?,
            flow_ids: flowing().map(|instrument| instrument.id).collect(),
            options,
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
        for id in own.flow_ids.clone() {
            own.open(id);
        }
        own.open_options(desk);
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
        let opening = self.flow_mut(id).map(crate::order_flow::OrderFlow::opening).unwrap_or_default();
        for command in opening {
            self.apply(self.ts_start, &flow_command(id, command));
            self.tell_flow(id);
        }
        self.tell_book(id);
    }

    /// The makers' first quotes, before anybody looks.
    fn open_options(&mut self, desk: &DeskConfig) {
        let venue = &self.venue;
        let quotes = self.options.as_mut().map(|options| options.open(|id| mid2_of(venue, id))).unwrap_or_default();
        for (_, command) in &quotes {
            self.apply(self.ts_start, command);
        }
        let options = desk.instruments.iter().filter(|instrument| instrument.kind == InstrumentKind::Option);
        for option in options {
            self.tell_book(option.id);
        }
    }

    fn tell_book(&mut self, id: InstrumentId) {
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
        let (venue, flow_ids) = (&self.venue, &self.flow_ids);
        let view = |book: usize| {
            let id = flow_ids.get(book);
            id.and_then(|id| book_of(venue, *id)).map_or(BookView::default(), BookView::of)
        };
        self.head = self.flows.next(view).filter(|(ts, _, _)| *ts <= self.ts_end);
    }

    fn step_flow(&mut self, out: &mut Reports) {
        let Some((ts, book, command)) = self.head.take() else { return };
        let Some(id) = self.flow_ids.get(book).copied() else { return };
        self.now = ts;
        self.apply(ts, &flow_command(id, command));
        self.settle(ts, id, None, out);
        self.draw();
    }

    /// The options' makers and takers, and the surface; what they see is the books as they are.
    fn step_options(&mut self, out: &mut Reports) {
        let venue = &self.venue;
        let Some(options) = &mut self.options else { return };
        let ts = options.ts_next();
        let Turn { commands, surface } = options.turn(|id| mid2_of(venue, id));
        self.now = ts;
        for (id, command) in commands {
            self.apply(ts, &command);
            self.settle(ts, id, None, out);
        }
        out.extend(surface.map(|surface| (ts, surface.into())));
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
        let Self { flows, flow_ids, options, events, .. } = self;
        let mut flow = flow_ids.binary_search(&id).ok().and_then(|book| flows.book_mut(book));
        for event in events {
            let Event::Report(report) = event else { continue };
            match (&mut flow, &mut *options) {
                (Some(flow), _) if report.account != DESK => {
                    if let Some(told) = flow_event(report) {
                        flow.on_event(&told);
                    }
                }
                (None, Some(options)) => options.on_report(report),
                (Some(_), _) | (None, None) => {}
            }
        }
    }

    fn flow_mut(&mut self, id: InstrumentId) -> Option<&mut crate::order_flow::OrderFlow> {
        let book = self.flow_ids.binary_search(&id).ok()?;
        self.flows.book_mut(book)
    }

    /// When the options move next, up to the end.
    fn ts_options(&self) -> Ts {
        self.options.as_ref().map(Options::ts_next).filter(|ts| *ts <= self.ts_end).unwrap_or(Ts::MAX)
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
        self.head.map_or(Ts::MAX, |(ts, _, _)| ts).min(self.ts_options()).min(self.orders.ts_next())
    }

    fn step(&mut self, out: &mut Reports) {
        let (ts_options, ts_orders) = (self.ts_options(), self.orders.ts_next());
        if self.head.is_some_and(|(ts, _, _)| ts <= ts_orders.min(ts_options)) {
            self.step_flow(out);
        } else if ts_options != Ts::MAX && ts_options <= ts_orders {
            self.step_options(out);
        } else {
            self.step_desk(out);
        }
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

/// Twice the mid of a book with both sides.
fn mid2_of(venue: &Venue, id: InstrumentId) -> Option<i64> {
    let view = BookView::of(book_of(venue, id)?);
    view.best_bid?.get().checked_add(view.best_ask?.get())
}

/// How many makers the flow has.
fn makers_of(params: &[FlowParams]) -> u32 {
    let makers = params.iter().filter_map(|params| params.makers.as_ref()).map(|makers| makers.count).max();
    makers.unwrap_or(0)
}

/// The venue of a run: its instruments with their fees; the desk, the crowd and the makers, without limits, and where
/// there are options their makers and takers.
fn venue_config(desk: &DeskConfig, sim: &SimConfig, makers: u32) -> VenueConfig {
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
    let has_options = desk.instruments.iter().any(|instrument| instrument.kind == InstrumentKind::Option);
    let of_options = ["option-maker", "option-taker"].into_iter().filter(|_| has_options).map(str::to_owned);
    let names = ["desk".to_owned(), "crowd".to_owned()].into_iter();
    let names = names.chain((1..=makers).map(|maker| format!("maker-{maker}"))).chain(of_options);
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
