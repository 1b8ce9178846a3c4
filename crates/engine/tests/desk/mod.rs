//! A desk over three small books, driven by hand and journaled: reports are written by the test, and every trial can be
//! replayed.
//!
//! Prices are whole dollars. Spot and linear lots are 0.01 BTC, inverse contracts 100 USD. The mids are 60000 (spot, 0),
//! 59990 (linear, 1) and 59995 (inverse, 2); fees and funding are nil, so what counts is the distance from the mid.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tiderace_engine::replay::{Replayed, replay};
use tiderace_engine::{Desk, DeskConfig, Engine};
use tiderace_journal::{Reader, Writer};
use tiderace_types::event::{OrderSent, Refused};
use tiderace_types::input::{CancelReject, ExecutionReport, LoadAlgo, SubmitOrder, SubmitParent, Timer};
use tiderace_types::{
    Amount, AssetId, AtEnd, ClOrdId, ExecId, ExecType, Fraction, Input, InstrumentId, MarketEvent, MarketKind,
    OrdStatus, OrdType, Output, ParentId, ParentStatus, Price, Qty, Reason, Side, Tags, TimeInForce, Ts,
};

pub(crate) const SEC: i64 = 1_000_000_000;
/// The trials' first moment.
pub(crate) const START: i64 = 1_700_000_000 * SEC;
/// One BTC in base units; one contract or BTC in feed units.
pub(crate) const ONE: i64 = 100_000_000;
pub(crate) const SPOT: InstrumentId = InstrumentId(0);
pub(crate) const LINEAR: InstrumentId = InstrumentId(1);
pub(crate) const INVERSE: InstrumentId = InstrumentId(2);

fn instrument(id: u16, symbol: &str, kind: &str, style: &str, lot_size: i64, multiplier: i64) -> Value {
    let settle = u16::from(style != "inverse");
    json!({
        "id": id, "version": 1, "venue": id, "symbol": symbol, "kind": kind, "style": style,
        "base": 0, "quote": 1, "settle": settle, "base_decimals": 8, "quote_decimals": 8,
        "tick_size": 1_000_000_000_000_i64, "lot_size": lot_size, "contract_multiplier": multiplier,
        "min_order_qty": 1, "max_order_qty": 1_000_000, "min_notional": 500_000_000,
        "maturity_ns": null, "strike_price": null, "put_or_call": null,
    })
}

/// The genesis of the trials; change it before it is used.
pub(crate) fn genesis() -> Value {
    let one = 1_000_000_000_000_i64;
    let limits = json!({
        "max_order_qty": 100_000, "max_order_value": 1_000_000 * i128::from(ONE), "max_position": 1000 * ONE,
        "initial_margin": 100_000_000, "fee": 0,
    });
    let cost = json!({
        "taker_fee": 0, "maker_fee": 0, "funding_rate": 0, "funding_interval_ns": 0, "quote_rate": 1_000_000_000,
    });
    let terms = |asset: u16| json!({"taker_fee": 0, "maker_fee": 0, "fee_asset": asset});
    json!({
        "rules_version": 2,
        "assets": [{"asset": "BTC", "decimals": 8}, {"asset": "USDT", "decimals": 8}],
        "venues": ["spot", "linear", "inverse"],
        "labels": ["", "person"],
        "instruments": [
            instrument(0, "BTCUSDT", "spot", "linear", one / 100, one),
            instrument(1, "BTCUSDT_PERP", "perpetual", "linear", one / 100, one),
            instrument(2, "BTCUSD_PERP", "perpetual", "inverse", one, 100 * one),
        ],
        "oms": {"ack_timeout_ns": 5 * SEC, "max_closed": 1000, "max_executions": 1000, "reserved_orders": 16},
        "risk": {
            "account": 7, "collar": 100_000_000, "max_open_orders": 100, "max_total_position": [], "max_messages": 0,
            "message_window_ns": 0, "duplicate_window_ns": 0, "max_executions": 0, "execution_window_ns": 0,
            "needs_funds": false, "instruments": [limits, limits, limits],
        },
        "route": {"holding_ns": 0, "costs": [cost, cost, cost]},
        "sim": {
            "instruments": [terms(1), terms(1), terms(0)], "queue": "risk_averse", "feed": "recorded",
            "order_entry": {"constant_ns": 1}, "response": {"constant_ns": 1}, "seed": 1,
        },
        "recording": {}, "synthetic": true, "algos": [twap(TAKING), twap(POSTING)], "parents": [], "balances": [],
    })
}

/// A desk with its journal and tape.
pub(crate) struct Trial {
    pub(crate) engine: Engine,
    pub(crate) path: PathBuf,
    pub(crate) tape: Vec<MarketEvent>,
    pub(crate) now: i64,
    exec_id: u64,
}

impl Drop for Trial {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A file of its own, gone with the trial.
pub(crate) fn scratch() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("tiderace-desk-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let _ = std::fs::remove_file(&path);
    path
}

impl Trial {
    pub(crate) fn with(genesis: &Value) -> Self {
        let json = genesis.to_string();
        let config = DeskConfig::from_json(&json).unwrap();
        let path = scratch();
        let writer = Writer::create(&path).unwrap();
        let engine = Engine::new(Desk::new(&config).unwrap(), &json, Some(writer)).unwrap();
        Self { engine, path, tape: Vec::new(), now: START, exec_id: 0 }
    }

    pub(crate) fn new() -> Self {
        Self::with(&genesis())
    }

    /// All three books live, 10 BTC (6000 contracts) a level, two levels a side.
    pub(crate) fn live() -> Self {
        let mut trial = Self::new();
        trial.all_live();
        trial
    }

    pub(crate) fn all_live(&mut self) -> Vec<Output> {
        let mut out = self.snapshot(SPOT, 60_000, 10);
        out.extend(self.snapshot(LINEAR, 59_990, 10));
        out.extend(self.snapshot(INVERSE, 59_995, 6_000));
        out
    }

    pub(crate) fn apply(&mut self, input: impl Into<Input>) -> Vec<Output> {
        self.engine.input(Ts::new(self.now), &input.into()).unwrap();
        self.follow()
    }

    /// The outputs, and those of what programs do a nanosecond later.
    fn follow(&mut self) -> Vec<Output> {
        let mut out = self.engine.outputs().to_vec();
        let has_begun = |o: &Output| match o {
            Output::ArrivalTaken(_) => true,
            Output::ParentUpdated(parent) => parent.status == ParentStatus::Working,
            _ => false,
        };
        if !out.iter().any(has_begun) {
            return out;
        }
        let soon = Ts::new(self.now + 1);
        while self.engine.desk().next_timer() <= soon {
            self.engine.input(soon, &Timer { ts_due: self.engine.desk().next_timer() }.into()).unwrap();
            out.extend_from_slice(self.engine.outputs());
        }
        out
    }

    /// Loads the shipped TWAP with these parameters. Gives its number.
    pub(crate) fn load(&mut self, twap: Twap) -> u32 {
        let algo = self.engine.desk().algos();
        let (form, params) = (tiderace_algo::TWAP_FORM.to_vec(), twap.params());
        assert_eq!(self.apply(LoadAlgo { algo, form, params }), []);
        algo
    }

    /// The parent of four slices, with other parameters.
    pub(crate) fn parent_of(&mut self, twap: Twap) -> SubmitParent {
        SubmitParent { algo: self.load(twap), ..parent() }
    }

    /// Moves the clock and fires every timer that comes due on the way.
    pub(crate) fn pass(&mut self, ns: i64) -> Vec<Output> {
        let until = self.now + ns;
        let mut out = Vec::new();
        for _ in 0..10_000 {
            let due = self.engine.desk().next_timer().get();
            if due > until {
                self.now = until;
                return out;
            }
            self.now = self.now.max(due);
            self.engine.input(Ts::new(self.now), &Timer { ts_due: Ts::new(due) }.into()).unwrap();
            out.extend_from_slice(self.engine.outputs());
        }
        panic!("timers never end");
    }

    pub(crate) fn market(&mut self, event: MarketEvent) -> Vec<Output> {
        let index = u64::try_from(self.tape.len()).unwrap();
        self.tape.push(event);
        self.engine.market(index, &event).unwrap();
        self.follow()
    }

    pub(crate) fn event(&self, instrument: InstrumentId, kind: MarketKind, side: Side) -> MarketEvent {
        MarketEvent {
            ts_event: Ts::new(self.now),
            ts_recv: Ts::new(self.now),
            price: Price::ZERO,
            qty_e8: 0,
            seq: 0,
            instrument,
            kind,
            flags: if side == Side::Sell { MarketEvent::ASK } else { 0 },
        }
    }

    /// A depth message of one level, `units` of BTC or contracts.
    pub(crate) fn level(&mut self, instrument: InstrumentId, side: Side, price: i64, units: i64) -> Vec<Output> {
        let event = self.event(instrument, MarketKind::Level, side);
        self.market(MarketEvent {
            price: Price::new(price),
            qty_e8: units * ONE,
            flags: event.flags | MarketEvent::LAST,
            ..event
        })
    }

    /// A snapshot: two levels a side of `units` each, one and two dollars off `mid`; no reach.
    pub(crate) fn snapshot(&mut self, instrument: InstrumentId, mid: i64, units: i64) -> Vec<Output> {
        let mut out = self.market(self.event(instrument, MarketKind::Clear, Side::Buy));
        for side in [Side::Buy, Side::Sell] {
            for away in 1..=2 {
                let event = self.event(instrument, MarketKind::Level, side);
                let price = Price::new(mid - side.sign() * away);
                out.extend(self.market(MarketEvent { price, qty_e8: units * ONE, ..event }));
            }
        }
        let live = self.event(instrument, MarketKind::Live, Side::Buy);
        out.extend(self.market(MarketEvent { flags: MarketEvent::LAST, ..live }));
        out
    }

    pub(crate) fn gap(&mut self, instrument: InstrumentId) -> Vec<Output> {
        let gap = self.event(instrument, MarketKind::Gap, Side::Buy);
        self.market(MarketEvent { flags: MarketEvent::LAST, ..gap })
    }

    /// A report with a new ExecID, about an order as it was sent.
    pub(crate) fn report(&mut self, sent: &OrderSent, exec_type: ExecType, cum_qty: i64) -> ExecutionReport {
        self.exec_id += 1;
        let leaves =
            if matches!(exec_type, ExecType::New | ExecType::Trade) { sent.order_qty.get() - cum_qty } else { 0 };
        ExecutionReport {
            instrument: sent.instrument,
            cl_ord_id: sent.cl_ord_id,
            orig_cl_ord_id: ClOrdId(0),
            order_id: sent.cl_ord_id.0,
            exec_id: ExecId(self.exec_id),
            exec_ref_id: ExecId(0),
            exec_type,
            ord_status: match exec_type {
                ExecType::New => OrdStatus::New,
                ExecType::Trade if leaves == 0 => OrdStatus::Filled,
                ExecType::Trade => OrdStatus::PartiallyFilled,
                ExecType::Rejected => OrdStatus::Rejected,
                _ => OrdStatus::Canceled,
            },
            side: sent.side,
            order_qty: sent.order_qty,
            price: sent.price,
            last_qty: Qty::ZERO,
            last_px: Price::ZERO,
            cum_qty: lots(cum_qty),
            leaves_qty: lots(leaves.max(0)),
            is_maker: false,
            fee: Amount::ZERO,
            fee_asset: AssetId(1),
            reason: Reason::None,
            transact_time: Ts::new(self.now),
        }
    }

    pub(crate) fn ack(&mut self, sent: &OrderSent) -> Vec<Output> {
        let report = self.report(sent, ExecType::New, 0);
        self.apply(report)
    }

    /// A fill of `last` lots at the order's price, `cum` in all.
    pub(crate) fn fill(&mut self, sent: &OrderSent, last: i64, cum: i64) -> Vec<Output> {
        let report = self.fill_report(sent, last, cum);
        self.apply(report)
    }

    pub(crate) fn fill_report(&mut self, sent: &OrderSent, last: i64, cum: i64) -> ExecutionReport {
        let report = self.report(sent, ExecType::Trade, cum);
        ExecutionReport { last_qty: lots(last), last_px: sent.price, ..report }
    }

    pub(crate) fn canceled(&mut self, sent: &OrderSent, cum: i64) -> Vec<Output> {
        let report = self.report(sent, ExecType::Canceled, cum);
        self.apply(report)
    }

    /// The venue refuses to cancel, and says that the order stands at `ord_status`.
    pub(crate) fn cancel_reject(&mut self, cancel: ClOrdId, sent: &OrderSent, ord_status: OrdStatus) -> Vec<Output> {
        self.apply(CancelReject {
            cl_ord_id: cancel,
            orig_cl_ord_id: sent.cl_ord_id,
            is_replace: false,
            ord_status,
            reason: Reason::None,
        })
    }

    /// Acks each order, fills it whole at its price.
    pub(crate) fn fill_all(&mut self, out: &[Output]) -> Vec<Output> {
        let mut more = Vec::new();
        for sent in sent(out) {
            more.extend(self.ack(&sent));
            let lots = sent.order_qty.get();
            more.extend(self.fill(&sent, lots, lots));
        }
        more
    }

    /// Ends the run and replays it.
    pub(crate) fn end(&mut self) -> Replayed {
        let digest = self.engine.finish(Ts::new(self.now), false).unwrap();
        let replayed = replay(&self.path, &self.tape).unwrap();
        assert_eq!(replayed.digest, digest, "replay is live");
        replayed
    }
}

pub(crate) fn lots(lots: i64) -> Qty {
    Qty::new(lots).unwrap()
}

/// Parameters of the shipped TWAP.
#[derive(Clone, Copy)]
pub(crate) struct Twap {
    pub(crate) slices: i64,
    pub(crate) size_jitter: i64,
    pub(crate) time_jitter: i64,
    pub(crate) catch_up_cap: i64,
    pub(crate) passive_share: i64,
}

/// Four even slices, all taken, which catch up to twice the even slice.
pub(crate) const TAKING: Twap =
    Twap { slices: 4, size_jitter: 0, time_jitter: 0, catch_up_cap: 2_000_000_000, passive_share: 0 };
/// The same, all posted.
pub(crate) const POSTING: Twap = Twap { passive_share: 1_000_000_000, ..TAKING };

impl Twap {
    pub(crate) fn params(self) -> Vec<u8> {
        let Self { slices, size_jitter, time_jitter, catch_up_cap, passive_share } = self;
        let words = [slices, size_jitter, time_jitter, catch_up_cap, passive_share];
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}

/// The shipped TWAP as a row of a genesis.
pub(crate) fn twap(twap: Twap) -> Value {
    algo(tiderace_algo::TWAP_FORM, &twap.params())
}

pub(crate) fn algo(form: &[u8], params: &[u8]) -> Value {
    json!({"form": hex(form), "params": hex(params)})
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Buy 1 BTC in four slices over 100 s, all taken, on all three books.
pub(crate) fn parent() -> SubmitParent {
    SubmitParent {
        parent_id: ParentId(1),
        cause_seq: 0,
        tags: tags(1),
        side: Side::Buy,
        order_qty: Amount::new(ONE.into()),
        limit: Fraction::new(10_000_000),
        ts_start: Ts::ZERO,
        duration_ns: 100 * SEC,
        algo: 0,
        seed: 1,
        instruments: 0b111,
        would: Fraction::ZERO,
        would_qty: Amount::ZERO,
        max_participation: Fraction::ZERO,
        clip_min: Amount::ZERO,
        clip_max: Amount::ZERO,
        at_end: AtEnd::Expire,
        spread_max: Fraction::ZERO,
        range_max: Fraction::ZERO,
    }
}

/// The same, all posted.
pub(crate) fn posting_parent() -> SubmitParent {
    SubmitParent { algo: 1, ..parent() }
}

/// A parent of the config, worked by the first of its algorithms, here the shipped TWAP.
pub(crate) fn configured(json: &mut Value, twap_is: Twap, order_qty: i64, duration_ns: i64, instruments: u64) {
    json["algos"] = json!([twap(twap_is)]);
    json["parents"] = json!([{
        "parent_id": 1, "tags": {"trader": 0, "algorithm": 0, "strategy": 0, "client": 0}, "side": "buy",
        "order_qty": order_qty, "limit": 10_000_000, "ts_start": 0, "duration_ns": duration_ns, "algo": 0, "seed": 1,
        "instruments": instruments, "would": 0, "would_qty": 0, "max_participation": 0, "clip_min": 0, "clip_max": 0,
        "at_end": "expire", "spread_max": 0, "range_max": 0,
    }]);
}

pub(crate) fn tags(strategy: u32) -> Tags {
    Tags { trader: 1, algorithm: 2, strategy, client: 3 }
}

/// A client's limit order, good till cancel, of 10 lots.
pub(crate) fn order(id: u64, instrument: InstrumentId, side: Side, price: i64) -> SubmitOrder {
    SubmitOrder {
        cl_ord_id: ClOrdId(id),
        cause_seq: 0,
        tags: tags(1),
        instrument,
        side,
        ord_type: OrdType::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        order_qty: lots(10),
        price: Price::new(price),
    }
}

pub(crate) fn sent(out: &[Output]) -> Vec<OrderSent> {
    out.iter().filter_map(|o| if let Output::OrderSent(sent) = o { Some(*sent) } else { None }).collect()
}

/// (instrument, lots, price) of the orders sent.
pub(crate) fn orders(out: &[Output]) -> Vec<(u16, i64, i64)> {
    sent(out).iter().map(|o| (o.instrument.0, o.order_qty.get(), o.price.get())).collect()
}

/// (key of the cancel, key of the order).
pub(crate) fn cancels(out: &[Output]) -> Vec<(ClOrdId, ClOrdId)> {
    let cancel = |o: &Output| {
        if let Output::CancelSent(sent) = o { Some((sent.cl_ord_id, sent.orig_cl_ord_id)) } else { None }
    };
    out.iter().filter_map(cancel).collect()
}

pub(crate) fn refusals(out: &[Output]) -> Vec<Refused> {
    out.iter().filter_map(|o| if let Output::Refused(refused) = o { Some(*refused) } else { None }).collect()
}

/// Reason, value and limit of the one refusal.
pub(crate) fn refusal(out: &[Output]) -> (Reason, i128, i128) {
    let refused = refusals(out);
    assert_eq!(refused.len(), 1, "{out:?}");
    (refused[0].reason, refused[0].value.get(), refused[0].limit.get())
}

/// The parent's last status with its reason and what it has filled.
pub(crate) fn parent_state(out: &[Output]) -> Option<(tiderace_types::ParentStatus, Reason, i128)> {
    let state = |o: &Output| {
        if let Output::ParentUpdated(p) = o { Some((p.status, p.reason, p.cum_qty.get())) } else { None }
    };
    out.iter().filter_map(state).next_back()
}

/// One record of a journal as it can be written again.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) kind: u16,
    pub(crate) ts: i64,
    pub(crate) outputs_crc: u32,
    pub(crate) payload: Vec<u8>,
    outputs_digest: Option<[u8; 32]>,
}

pub(crate) fn rows(path: &PathBuf) -> Vec<Row> {
    let mut reader = Reader::open(path).unwrap();
    let mut rows = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        for (at, record) in batch.records().enumerate() {
            let outputs_digest = (at == 0).then_some(batch.header.outputs_digest);
            let (header, payload) = (record.header, record.payload.to_vec());
            rows.push(Row {
                kind: header.kind,
                ts: header.ts,
                outputs_crc: header.outputs_crc,
                payload,
                outputs_digest,
            });
        }
    }
    rows
}

/// Writes the rows as a journal whose every checksum and hash holds.
pub(crate) fn write(rows: &[Row]) -> Written {
    let path = scratch();
    let mut writer = Writer::create(&path).unwrap();
    let mut digest = [0; 32];
    for row in rows {
        if let Some(next) = row.outputs_digest {
            writer.close_batch(digest).unwrap();
            digest = next;
        }
        writer.append(row.kind, row.ts, row.outputs_crc, &row.payload).unwrap();
    }
    writer.finish(digest).unwrap();
    Written(path)
}

/// A file that goes with its test.
pub(crate) struct Written(pub(crate) PathBuf);

impl Drop for Written {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
