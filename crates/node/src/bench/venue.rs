//! The whole pipeline over a venue: throughput, latency, recovery, a kill.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tiderace_engine::venue::{AccountConfig, Fees, Listing, MarginTerms, PortfolioRules, Venue, VenueConfig};
use tiderace_journal::{Config as LogConfig, Disk, FileSystem, Mode, Retention};
use tiderace_margin::{Factor, sets};
use tiderace_types::venue::{Clock, Command, Event, IndexSet, KillSet, MarkSet, NewOrder, Single, SurfacePublished};
use tiderace_types::{
    AccountId, Amount, Asset, AssetId, ClOrdId, ExecType, Field, Instrument, InstrumentId, InstrumentKind, KillScope,
    Price, Qty, Side, Style, TimeInForce, TradingState, Ts, VenueId,
};

use super::flow::{ACCOUNTS, VenueFlow};
use super::{Spread, elapsed_ns, per_second};
use crate::backoff::Backoff;
use crate::crash::Plan;
use crate::error::NodeError;
use crate::follower::{Follower, FollowerConfig};
use crate::histogram::Histogram;
use crate::pipeline::{Config, Inlet, NotTaken, Outlet, Pipeline};
use crate::recover::{Recovery, recover};

const INSTRUMENTS: u16 = 4;
const GENESIS: &[u8] = b"bench";
const TS: Ts = Ts::new(1_000_000_000);

/// What a closed-loop run gives.
#[derive(Clone, Copy, Debug)]
pub struct Throughput {
    /// Commands a second, from the first submitted to the last output read.
    pub commands_per_s: u64,
    /// Outputs read, as a checksum.
    pub outputs: u64,
}

/// What an open-loop run gives.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// In the engine: from taken to handed on.
    pub service: Spread,
    /// From the time a command should have been sent to its first output at the client.
    pub end_to_end: Spread,
    /// Snapshots begun and finished while commands were sent.
    pub snapshots: u64,
    /// Share of the sends that were late by more than a microsecond, in thousandths: where the client was the brake.
    pub late_permille: u64,
}

/// What a recovery gives.
#[derive(Clone, Copy, Debug)]
pub struct Recovered {
    /// Nanoseconds of the opening.
    pub ns: u64,
    /// Commands replayed in it.
    pub replayed: u64,
    /// Whether it began with a snapshot.
    pub has_snapshot: bool,
}

/// A venue with four futures and sixteen accounts, nothing limited.
#[must_use]
pub fn config() -> VenueConfig {
    let asset = |name: &str| Asset { asset: name.to_owned(), decimals: 6 };
    VenueConfig {
        seed: 1,
        start: Ts::ZERO,
        assets: vec![asset("BASE"), asset("QUOTE")],
        instruments: (0..INSTRUMENTS).map(listing).collect(),
        accounts: (0..ACCOUNTS).map(account).collect(),
        fund: Vec::new(),
        clearing: Default::default(),
    }
}

fn listing(n: u16) -> Listing {
    let instrument = Instrument {
        id: InstrumentId(n),
        version: 1,
        venue: VenueId(0),
        symbol: format!("BENCH-{n}"),
        kind: InstrumentKind::Perpetual,
        style: Style::Linear,
        base: AssetId(0),
        quote: AssetId(1),
        settle: AssetId(1),
        base_decimals: 6,
        quote_decimals: 6,
        tick_size: 10_000_000_000,
        lot_size: 1_000_000_000,
        contract_multiplier: 1_000_000_000_000,
        min_order_qty: ONE,
        max_order_qty: Qty::MAX,
        min_notional: Amount::ZERO,
        maturity_ns: None,
        strike_price: None,
        put_or_call: None,
    };
    Listing {
        instrument,
        max_order_value: None,
        fees: Fees::default(),
        fee_tiers: Vec::new(),
        band: None,
        breaker: None,
        random_end: None,
        schedule: Vec::new(),
        state: TradingState::Continuous,
        clearing: Default::default(),
    }
}

fn account(n: u32) -> AccountConfig {
    AccountConfig {
        name: format!("account {n}"),
        member: None,
        stp_group: None,
        balances: Vec::new(),
        dead_man_ns: None,
        mmp: Vec::new(),
        limits: Default::default(),
        clearing: Default::default(),
    }
}

const ONE: Qty = match Qty::new(1) {
    Some(one) => one,
    None => Qty::ZERO,
};

/// A new venue; its configuration is this module's own.
#[expect(clippy::expect_used, reason = "the configuration is fixed, and a bench without it is none")]
fn fresh() -> Venue {
    Venue::new(config()).expect("the configuration holds")
}

fn log_config(mode: Mode) -> LogConfig {
    LogConfig { mode, ..LogConfig::default() }
}

fn open(dir: &Path, mode: Mode) -> Result<Recovery<Venue>, NodeError> {
    open_with(dir, mode, fresh)
}

fn open_with(dir: &Path, mode: Mode, fresh: fn() -> Venue) -> Result<Recovery<Venue>, NodeError> {
    let fs: Arc<dyn FileSystem> = Arc::new(Disk);
    recover(&fs, dir, log_config(mode), GENESIS, fresh, |_| {})
}

/// The same venue with every account margined by the scenarios of `deribit_pm`, and rich enough for all it does.
#[expect(clippy::expect_used, reason = "the configuration is fixed, and a bench without it is none")]
fn fresh_margined() -> Venue {
    let mut config = config();
    let part = |of: i128| Factor::new(Factor::ONE.get() / of);
    let margin = MarginTerms::Tiered { initial: part(50), maintenance: part(100), per_unit: Factor::ZERO };
    for listing in &mut config.instruments {
        listing.clearing.margin = Some(margin.clone());
    }
    for account in &mut config.accounts {
        account.clearing.is_portfolio = true;
        account.balances = vec![(AssetId(1), Amount::new(1 << 90))];
    }
    let params = sets::parse(sets::DERIBIT_PM).expect("the shipped set holds");
    config.clearing.portfolio = vec![PortfolioRules { base: AssetId(0), params, max_age_ns: None }];
    Venue::new(config).expect("the configuration holds")
}

/// Index, marks and surface, before anybody may trade by scenarios.
fn references() -> Vec<Command> {
    const AT: i64 = 100_000;
    let index = IndexSet { base: AssetId(0), price: Amount::new(i128::from(AT) * 10_000_000_000) };
    let marks = (0..INSTRUMENTS).map(|n| MarkSet { instrument: InstrumentId(n), price: Price::new(AT) }.into());
    let surface = SurfacePublished { base: AssetId(0), version: 1, forwards: Vec::new(), vols: Vec::new() };
    let mut commands = vec![index.into()];
    commands.extend(marks);
    commands.push(surface.into());
    commands
}

fn follower(dir: &Path, outlet: &Outlet) -> Result<Follower, NodeError> {
    let retention = Retention { keep_snapshots: 2, keep_segments_before_snapshot: usize::MAX };
    let config = FollowerConfig { segments: 1, retention };
    Follower::start(Arc::new(Disk), dir, GENESIS.to_vec(), fresh, config, outlet.durable_seq_fn())
}

/// Sends `commands` made beforehand as fast as they are taken, and reads every output.
///
/// # Errors
/// [`NodeError`].
pub fn throughput(dir: &Path, mode: Mode, commands: usize) -> Result<Throughput, NodeError> {
    throughput_of(dir, mode, commands, fresh, &[])
}

/// The same commands with portfolio margin on: what each order needs is held before it enters, and taken anew as it
/// fills and leaves.
///
/// # Errors
/// [`NodeError`].
pub fn throughput_margined(dir: &Path, mode: Mode, commands: usize) -> Result<Throughput, NodeError> {
    throughput_of(dir, mode, commands, fresh_margined, &references())
}

fn throughput_of(
    dir: &Path,
    mode: Mode,
    commands: usize,
    fresh: fn() -> Venue,
    before: &[Command],
) -> Result<Throughput, NodeError> {
    let mut flow = VenueFlow::new(INSTRUMENTS, commands, 1);
    let made: Vec<Command> = before.iter().cloned().chain((0..commands).map(|_| flow.next())).collect();
    let (pipeline, mut inlet, mut outlet) = Pipeline::start(open_with(dir, mode, fresh)?, Config::default())?;
    let mut outputs = 0_u64;
    let start = Instant::now();
    let mut backoff = Backoff::default();
    for command in &made {
        send(&mut inlet, &mut outlet, command, &mut backoff, &mut outputs);
    }
    pipeline.stop(inlet, outlet, |_| outputs = outputs.saturating_add(1))?;
    let sent = u64::try_from(commands).unwrap_or(u64::MAX);
    Ok(Throughput { commands_per_s: per_second(sent, elapsed_ns(start)), outputs })
}

/// Does something harmless and waits until the next segment is made: a node that just started is busy with that.
fn settle(inlet: &mut Inlet) -> Result<u64, NotTaken> {
    let seq = inlet.submit(TS, &Clock { ts_now: TS }.into())?;
    std::thread::sleep(Duration::from_millis(500));
    Ok(seq)
}

/// Sends one command, reading outputs while there is no room.
fn send(inlet: &mut Inlet, outlet: &mut Outlet, command: &Command, backoff: &mut Backoff, outputs: &mut u64) {
    while inlet.submit(TS, command) == Err(NotTaken::Full) {
        let before = *outputs;
        while outlet.poll().is_some() {
            *outputs = outputs.saturating_add(1);
        }
        if before == *outputs {
            backoff.wait();
        } else {
            backoff.reset();
        }
    }
}

/// Sends `commands` made beforehand at `rate` a second, whatever comes back. With `segment_bytes` a follower takes a
/// snapshot after each segment of that size; only those that it finished while commands were sent are counted.
///
/// # Errors
/// [`NodeError`].
pub fn latency(
    dir: &Path,
    mode: Mode,
    commands: usize,
    rate: u64,
    segment_bytes: Option<u64>,
) -> Result<Latency, NodeError> {
    let mut flow = VenueFlow::new(INSTRUMENTS, commands, 1);
    let made: Vec<Command> = (0..commands).map(|_| flow.next()).collect();
    let config = Config { is_timed: true, ..Config::default() };
    let log = log_config(mode);
    let log = LogConfig { segment_bytes: segment_bytes.unwrap_or(log.segment_bytes), ..log };
    let fs: Arc<dyn FileSystem> = Arc::new(Disk);
    let recovery = recover(&fs, dir, log, GENESIS, fresh, |_| {})?;
    let (pipeline, mut inlet, mut outlet) = Pipeline::start(recovery, config)?;
    let follower = segment_bytes.map(|_| follower(dir, &outlet)).transpose()?;
    // An inlet that was just made has room.
    let _ = settle(&mut inlet);
    let mut clock = Due { start: Instant::now(), first_seq: inlet.next_seq(), rate: rate.max(1), last: None };
    let mut times = Histogram::default();
    let mut late = 0_u64;
    for command in &made {
        let due = clock.due(inlet.next_seq());
        let mut is_waited = false;
        loop {
            while let Some(output) = outlet.poll() {
                clock.hear(output.seq, &mut times);
            }
            if elapsed_ns(clock.start) >= due && inlet.submit(TS, command) != Err(NotTaken::Full) {
                break;
            }
            is_waited = true;
            std::hint::spin_loop();
        }
        late = late.saturating_add(u64::from(!is_waited && elapsed_ns(clock.start) > due.saturating_add(1_000)));
    }
    let taken = follower.as_ref().map_or(0, |follower| follower.taken().count());
    let snapshots = u64::try_from(taken).unwrap_or(u64::MAX);
    let stopped = pipeline.stop(inlet, outlet, |output| clock.hear(output.seq, &mut times))?;
    if let Some(follower) = follower {
        follower.stop()?;
    }
    let service = stopped.service.as_ref().map(Spread::from).unwrap_or_default();
    let sent = u64::try_from(commands).unwrap_or(u64::MAX).max(1);
    let late_permille = late.saturating_mul(1_000) / sent;
    Ok(Latency { service, end_to_end: Spread::from(&times), snapshots, late_permille })
}

/// When each command is due.
struct Due {
    start: Instant,
    first_seq: u64,
    rate: u64,
    /// Sequence heard last: of each command the first output counts.
    last: Option<u64>,
}

impl Due {
    fn due(&self, seq: u64) -> u64 {
        let n = u128::from(seq.saturating_sub(self.first_seq));
        u64::try_from(n.saturating_mul(1_000_000_000) / u128::from(self.rate)).unwrap_or(u64::MAX)
    }

    fn hear(&mut self, seq: u64, times: &mut Histogram) {
        if self.last != Some(seq) {
            self.last = Some(seq);
            times.push(elapsed_ns(self.start).saturating_sub(self.due(seq)));
        }
    }
}

/// Writes a journal of `commands`, with snapshots beside it if asked.
///
/// # Errors
/// [`NodeError`].
pub fn write(dir: &Path, commands: usize, has_snapshots: bool) -> Result<(), NodeError> {
    let (pipeline, mut inlet, mut outlet) = Pipeline::start(open(dir, Mode::Os)?, Config::default())?;
    let follower = if has_snapshots { Some(follower(dir, &outlet)?) } else { None };
    let mut flow = VenueFlow::new(INSTRUMENTS, commands, 1);
    let (mut backoff, mut outputs) = (Backoff::default(), 0);
    for _ in 0..commands {
        send(&mut inlet, &mut outlet, &flow.next(), &mut backoff, &mut outputs);
    }
    if let Some(follower) = follower {
        // It may be a little behind: what it snapshots of closed segments is then there.
        std::thread::sleep(Duration::from_millis(500));
        follower.stop()?;
    }
    pipeline.stop(inlet, outlet, |_| {})?;
    Ok(())
}

/// Opens the journal that [`write`] left.
///
/// # Errors
/// [`NodeError`].
pub fn reopen(dir: &Path) -> Result<Recovered, NodeError> {
    let start = Instant::now();
    let recovery = open(dir, Mode::Os)?;
    let ns = elapsed_ns(start);
    Ok(Recovered { ns, replayed: recovery.replayed, has_snapshot: recovery.from_snapshot.is_some() })
}

/// Enters `orders` that rest, kills the venue, and returns nanoseconds from the kill to the last cancel at the client,
/// and how many came.
///
/// # Errors
/// [`NodeError`].
pub fn kill(dir: &Path, mode: Mode, orders: u64) -> Result<(u64, u64), NodeError> {
    let (pipeline, mut inlet, mut outlet) = Pipeline::start(open(dir, mode)?, Config::default())?;
    let (mut backoff, mut outputs) = (Backoff::default(), 0);
    for n in 1..=orders {
        let away = i64::try_from(n % 100).unwrap_or(0);
        let account = AccountId(u32::try_from(n % u64::from(ACCOUNTS)).unwrap_or(0));
        let instrument = InstrumentId(u16::try_from(n % u64::from(INSTRUMENTS)).unwrap_or(0));
        let price = Price::new(100_000_i64.saturating_sub(away));
        let order = NewOrder::limit(account, instrument, ClOrdId(n), Side::Buy, price, ONE);
        send(&mut inlet, &mut outlet, &order.into(), &mut backoff, &mut outputs);
    }
    while outputs < orders {
        outputs = outputs.saturating_add(u64::from(outlet.poll().is_some()));
    }
    let _ = settle(&mut inlet);
    let kill = KillSet { scope: KillScope::All, id: 0, is_on: true, reduce_only: false };
    let start = Instant::now();
    send(&mut inlet, &mut outlet, &kill.into(), &mut backoff, &mut outputs);
    let (mut canceled, mut ns) = (0_u64, 0);
    while canceled < orders && elapsed_ns(start) < 10_000_000_000 {
        // A client that only spins takes a core from the venue where there are few.
        let Some(output) = outlet.poll() else {
            backoff.wait();
            continue;
        };
        backoff.reset();
        if let Event::Report(report) = output.event
            && report.exec_type == ExecType::Canceled
        {
            canceled = canceled.saturating_add(1);
            ns = elapsed_ns(start);
        }
    }
    pipeline.stop(inlet, outlet, |_| {})?;
    Ok((ns, canceled))
}

/// What the crash bench runs: this venue, one order an id.
#[must_use]
pub fn crash_plan(mode: Mode) -> Plan<Venue> {
    let order = |id: u64| {
        let side = if id.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let price = Price::new(i64::try_from(id % 7).unwrap_or(0).saturating_add(100_000));
        let account = AccountId(u32::try_from(id % u64::from(ACCOUNTS)).unwrap_or(0));
        let instrument = InstrumentId(u16::try_from(id % u64::from(INSTRUMENTS)).unwrap_or(0));
        NewOrder::limit(account, instrument, ClOrdId(id), side, price, ONE).into()
    };
    Plan { genesis: GENESIS.to_vec(), fresh, opening: Vec::new(), order, mode }
}

/// The commands of [`throughput`] as rows for Python: kind u16, account u32, instrument u16, `cl_ord_id` u64,
/// `orig_cl_ord_id` u64, side u8, `time_in_force` u8, price i64, quantity i64; little-endian, no padding.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "the flow has three kinds, and a row holds no other")]
pub fn rows(commands: usize) -> Vec<u8> {
    let mut flow = VenueFlow::new(INSTRUMENTS, commands, 1);
    let mut rows = Vec::new();
    for _ in 0..commands {
        let command = flow.next();
        let kind = command.kind();
        let Command::Single(single) = command else { continue };
        let (account, instrument, id, orig, side, tif, price, qty) = match single {
            Single::NewOrder(o) => {
                (o.account, o.instrument, o.cl_ord_id, ClOrdId(0), o.side, o.time_in_force, o.price, o.order_qty)
            }
            Single::Replace(r) => {
                let side = Side::Buy;
                (r.account, InstrumentId(0), r.cl_ord_id, r.orig_cl_ord_id, side, r.time_in_force, r.price, r.order_qty)
            }
            Single::Cancel(c) => {
                let (none, gtc) = (InstrumentId(0), TimeInForce::Gtc);
                (c.account, none, ClOrdId(0), c.orig_cl_ord_id, Side::Buy, gtc, Price::ZERO, Qty::ZERO)
            }
            _ => continue,
        };
        kind.put(&mut rows);
        account.put(&mut rows);
        instrument.put(&mut rows);
        id.put(&mut rows);
        orig.put(&mut rows);
        side.put(&mut rows);
        tif.put(&mut rows);
        price.put(&mut rows);
        qty.put(&mut rows);
    }
    rows
}
