//! What holds of any sequence of commands, reports and market records, sane or not. Bounded to seconds;
//! `TIDERACE_FULL=1` runs many more.
//!
//! A venue of the test answers what the desk sends, late and in any order. An honest one repeats and reorders its reports
//! but never lies; a broken one also corrupts, busts and invents them.

mod desk;

use std::collections::BTreeMap;

use desk::{
    INVERSE, LINEAR, ONE, SEC, SPOT, TAKING, Trial, Twap, algo, genesis, lots, order, parent, rows, tags, twap, write,
};
use proptest::prelude::*;
use tiderace_engine::replay::replay;
use tiderace_types::event::OrderSent;
use tiderace_types::input::{
    CancelAll, CancelOrder, CancelParent, CancelReject, ClearBreak, EnableStrategy, ExecutionReport, Kill, PauseParent,
    ReplaceOrder, ResumeParent, SetTimer, SubmitOrder, SubmitParent,
};
use tiderace_types::{
    Amount, ClOrdId, ExecId, ExecType, Input, InstrumentId, KillScope, MarketEvent, MarketKind, OrdStatus, Output,
    ParentId, Price, Qty, Reason, Rounding, Side, Ts,
};

/// Of one to five slices, posted in none to all of their fourths; then a program that asks for anything.
const ALGOS: u32 = 25 + 8;

fn algos() -> Vec<serde_json::Value> {
    let chaos = include_bytes!("programs/chaos.form");
    let wild = (0..8_i64).map(|row| {
        let words = [SEC * (1 + row * row), 5 + 10 * row];
        algo(chaos, &words.map(i64::to_le_bytes).concat())
    });
    let of = |row: i64| twap(Twap { slices: row / 5 + 1, passive_share: row % 5 * 250_000_000, ..TAKING });
    (0..25).map(of).chain(wild).collect()
}

const BOOKS: [InstrumentId; 3] = [SPOT, LINEAR, INVERSE];

/// What happens next; numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    Pass(i64),
    Level {
        book: usize,
        is_ask: bool,
        away: i64,
        units: i64,
    },
    Gap(usize),
    Snapshot {
        book: usize,
        moved: i64,
    },
    Parent {
        id: u64,
        is_sell: bool,
        order_qty: i64,
        algo: u32,
        instruments: u64,
    },
    ParentCommand {
        id: u64,
        what: u8,
    },
    Order {
        id: u64,
        book: usize,
        is_sell: bool,
        qty: i64,
        away: i64,
    },
    Replace {
        id: u64,
        orig: u64,
        qty: i64,
    },
    Cancel(u64),
    Switch {
        what: u8,
        id: u32,
        is_on: bool,
    },
    /// The venue acts on one of its orders.
    Venue {
        order: prop::sample::Index,
        what: u8,
        qty: i64,
    },
    /// One of the venue's reports arrives, out of turn or again.
    Report {
        at: prop::sample::Index,
        is_kept: bool,
    },
    /// A report arrives changed.
    Corrupt {
        at: prop::sample::Index,
        what: u8,
        value: i64,
    },
}

fn step(is_broken: bool) -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    let corrupt = (index(), 0_u8..9, prop_oneof![-3_i64..60, any::<i64>()]);
    prop_oneof![
        6 => prop_oneof![0..SEC, 0..30 * SEC].prop_map(Step::Pass),
        4 => (0..3_usize, any::<bool>(), -1..4_i64, 0..8_i64)
            .prop_map(|(book, is_ask, away, units)| Step::Level { book, is_ask, away, units }),
        1 => (0..3_usize).prop_map(Step::Gap),
        1 => (0..3_usize, -20..20_i64).prop_map(|(book, moved)| Step::Snapshot { book, moved }),
        2 => (1..4_u64, any::<bool>(), 1..300_i64, 0..ALGOS, 0..9_u64).prop_map(
            |(id, is_sell, order_qty, algo, instruments)| Step::Parent { id, is_sell, order_qty, algo, instruments }
        ),
        1 => (1..5_u64, 0..3_u8).prop_map(|(id, what)| Step::ParentCommand { id, what }),
        2 => (0..20_u64, 0..4_usize, any::<bool>(), 0..30_i64, -3..4_i64)
            .prop_map(|(id, book, is_sell, qty, away)| Step::Order { id, book, is_sell, qty, away }),
        1 => (20..30_u64, 1..30_u64, 0..40_i64).prop_map(|(id, orig, qty)| Step::Replace { id, orig, qty }),
        1 => (0..30_u64).prop_map(Step::Cancel),
        1 => (0..8_u8, 0..3_u32, any::<bool>()).prop_map(|(what, id, is_on)| Step::Switch { what, id, is_on }),
        9 => (index(), 0..10_u8, 1..40_i64).prop_map(|(order, what, qty)| Step::Venue { order, what, qty }),
        12 => (index(), any::<bool>()).prop_map(|(at, is_kept)| Step::Report { at, is_kept }),
        4 => corrupt.prop_map(move |(at, what, value)| match is_broken {
            true => Step::Corrupt { at, what, value },
            false => Step::Report { at, is_kept: what < 4 },
        }),
    ]
}

/// An order as its venue has it.
#[derive(Clone, Copy)]
struct VenueOrder {
    sent: OrderSent,
    cum: i64,
    is_open: bool,
}

struct World {
    trial: Trial,
    mids: [i64; 3],
    orders: Vec<VenueOrder>,
    /// Keys of requests to cancel or replace, by order.
    requests: BTreeMap<ClOrdId, Vec<(ClOrdId, Option<(Qty, Price)>)>>,
    reports: Vec<Input>,
    exec_id: u64,
    inputs: Vec<(i64, Input)>,
    outputs: Vec<Output>,
    /// Inputs journaled and the digest then, after each of the steps' own inputs.
    digests: Vec<(u64, [u8; 32])>,
}

impl World {
    fn new() -> Self {
        let mut genesis = genesis();
        genesis["algos"] = algos().into();
        let mut trial = Trial::with(&genesis);
        trial.all_live();
        Self {
            trial,
            mids: [60_000, 59_990, 59_995],
            orders: Vec::new(),
            requests: BTreeMap::new(),
            reports: Vec::new(),
            exec_id: 0,
            inputs: Vec::new(),
            outputs: Vec::new(),
            digests: Vec::new(),
        }
    }

    fn take(&mut self, out: Vec<Output>) {
        for output in &out {
            match output {
                Output::OrderSent(sent) => self.orders.push(VenueOrder { sent: *sent, cum: 0, is_open: true }),
                Output::CancelSent(c) => self.requests.entry(c.orig_cl_ord_id).or_default().push((c.cl_ord_id, None)),
                Output::ReplaceSent(r) => {
                    let terms = Some((r.order_qty, r.price));
                    self.requests.entry(r.orig_cl_ord_id).or_default().push((r.cl_ord_id, terms));
                }
                _ => {}
            }
        }
        self.outputs.extend(out);
    }

    fn apply(&mut self, input: impl Into<Input>) {
        let input = input.into();
        self.inputs.push((self.trial.now, input.clone()));
        let out = self.trial.apply(input);
        self.digests.push((self.trial.engine.inputs(), self.trial.engine.digest()));
        self.take(out);
    }

    fn step(&mut self, step: &Step) {
        match step.clone() {
            Step::Pass(ns) => {
                let out = self.trial.pass(ns);
                self.take(out);
            }
            Step::Level { book, is_ask, away, units } => {
                let side = if is_ask { Side::Sell } else { Side::Buy };
                let scale = if book == 2 { 600 } else { 1 };
                let price = self.mids[book] - side.sign() * away;
                let out = self.trial.level(BOOKS[book], side, price, units * scale);
                self.take(out);
            }
            Step::Gap(book) => {
                let out = self.trial.gap(BOOKS[book]);
                self.take(out);
            }
            Step::Snapshot { book, moved } => {
                self.mids[book] += moved;
                let units = if book == 2 { 6_000 } else { 10 };
                let out = self.trial.snapshot(BOOKS[book], self.mids[book], units);
                self.take(out);
            }
            Step::Parent { id, is_sell, order_qty, algo, instruments } => self.apply(SubmitParent {
                parent_id: ParentId(id),
                side: if is_sell { Side::Sell } else { Side::Buy },
                order_qty: Amount::new(i128::from(order_qty) * i128::from(ONE) / 100 + 3),
                algo,
                instruments,
                ..parent()
            }),
            Step::ParentCommand { id, what } => {
                let parent_id = ParentId(id);
                match what {
                    0 => self.apply(CancelParent { parent_id, cause_seq: 0 }),
                    1 => self.apply(PauseParent { parent_id, cause_seq: 0 }),
                    _ => self.apply(ResumeParent { parent_id, cause_seq: 0 }),
                }
            }
            Step::Order { id, book, is_sell, qty, away } => {
                let side = if is_sell { Side::Sell } else { Side::Buy };
                let mid = self.mids.get(book).copied().unwrap_or(60_000);
                let instrument = InstrumentId(u16::try_from(book).unwrap());
                let order = order(id, instrument, side, mid + away);
                self.apply(SubmitOrder { order_qty: lots(qty), tags: tags(u32::try_from(id % 3).unwrap()), ..order });
            }
            Step::Replace { id, orig, qty } => self.apply(ReplaceOrder {
                cl_ord_id: ClOrdId(id),
                orig_cl_ord_id: ClOrdId(orig),
                cause_seq: 0,
                order_qty: lots(qty),
                price: Price::new(60_000),
            }),
            Step::Cancel(id) => self.apply(CancelOrder { orig_cl_ord_id: ClOrdId(id), cause_seq: 0 }),
            Step::Switch { what, id, is_on } => self.switch(what, id, is_on),
            Step::Venue { order, what, qty } => self.venue(order, what, qty),
            Step::Report { at, is_kept } => {
                if !self.reports.is_empty() {
                    let at = at.index(self.reports.len());
                    let report = if is_kept { self.reports[at].clone() } else { self.reports.remove(at) };
                    self.apply(report);
                }
            }
            Step::Corrupt { at, what, value } => {
                if !self.reports.is_empty() {
                    let report = corrupted(self.reports[at.index(self.reports.len())].clone(), what, value);
                    self.apply(report);
                }
            }
        }
    }

    fn switch(&mut self, what: u8, id: u32, is_on: bool) {
        let scope = KillScope::ALL[usize::from(what) % KillScope::ALL.len()];
        match what {
            0..4 => self.apply(Kill { scope, id, is_on }),
            4 => self.apply(CancelAll { scope: KillScope::Strategy, id, cause_seq: 0 }),
            5 => self.apply(ClearBreak { instrument: InstrumentId(u16::try_from(id).unwrap()), operator: 1 }),
            6 => self.apply(EnableStrategy { strategy: id, operator: u32::from(is_on) }),
            _ => {
                let ts_due = Ts::new(self.trial.now + i64::from(id) * SEC - SEC);
                self.apply(SetTimer { id: id.into(), ts_due, cause_seq: 0 });
            }
        }
    }

    /// The venue moves one of its orders on and reports it; the report waits for its turn.
    fn venue(&mut self, order: prop::sample::Index, what: u8, qty: i64) {
        if self.orders.is_empty() {
            return;
        }
        let order = order.index(self.orders.len());
        let VenueOrder { sent, cum, is_open } = self.orders[order];
        let request = self.requests.get_mut(&sent.cl_ord_id).and_then(Vec::pop);
        self.exec_id += 1;
        let left = sent.order_qty.get() - cum;
        let base = |world: &mut Self, exec_type, cum| {
            let report = world.trial.report(&sent, exec_type, cum);
            ExecutionReport { exec_id: ExecId(1_000_000 + world.exec_id), ..report }
        };
        let report = match (what, request) {
            (0 | 1, _) if cum == 0 && is_open => base(self, ExecType::New, 0).into(),
            (2..6, _) if is_open && left > 0 => {
                let last = qty.min(left);
                self.orders[order].cum += last;
                self.orders[order].is_open = last < left;
                let report = base(self, ExecType::Trade, cum + last);
                // What takes may do better than its limit, within what children are sized for.
                let better = if sent.post_only { 0 } else { sent.price.get() * (qty % 3) / 1_000 };
                let last_px = Price::new(sent.price.get() - sent.side.sign() * better);
                ExecutionReport { last_qty: lots(last), last_px, ..report }.into()
            }
            (6 | 7, Some((request, None))) if is_open => {
                self.orders[order].is_open = false;
                let report = base(self, ExecType::Canceled, cum);
                ExecutionReport { cl_ord_id: request, orig_cl_ord_id: sent.cl_ord_id, ..report }.into()
            }
            (_, Some((request, Some((order_qty, price))))) if is_open && order_qty.get() > cum => {
                let report = base(self, ExecType::Replaced, cum);
                self.orders[order].sent = OrderSent { cl_ord_id: request, order_qty, price, ..sent };
                ExecutionReport {
                    cl_ord_id: request,
                    orig_cl_ord_id: sent.cl_ord_id,
                    ord_status: OrdStatus::New,
                    order_qty,
                    price,
                    leaves_qty: lots(order_qty.get() - cum),
                    ..report
                }
                .into()
            }
            (_, Some((request, terms))) => CancelReject {
                cl_ord_id: request,
                orig_cl_ord_id: sent.cl_ord_id,
                is_replace: terms.is_some(),
                ord_status: if is_open { OrdStatus::New } else { OrdStatus::Filled },
                reason: Reason::None,
            }
            .into(),
            (8, None) if is_open => {
                self.orders[order].is_open = false;
                base(self, ExecType::Canceled, cum).into()
            }
            (9, None) if is_open && cum == 0 => {
                self.orders[order].is_open = false;
                base(self, ExecType::Rejected, 0).into()
            }
            _ => {
                let ord_status = match (is_open, left) {
                    (true, _) => OrdStatus::New,
                    (false, 0) => OrdStatus::Filled,
                    (false, _) => OrdStatus::Canceled,
                };
                let report = base(self, ExecType::OrderStatus, cum);
                ExecutionReport { ord_status, leaves_qty: lots(if is_open { left } else { 0 }), ..report }.into()
            }
        };
        self.reports.push(report);
    }
}

/// A report with one thing wrong.
fn corrupted(report: Input, what: u8, value: i64) -> Input {
    let Input::ExecutionReport(mut report) = report else { return report };
    let qty = Qty::new(value.saturating_abs()).unwrap_or(Qty::MAX);
    match what {
        0 => report.cl_ord_id = ClOrdId(value.unsigned_abs()),
        1 => report.last_qty = qty,
        2 => report.cum_qty = qty,
        3 => report.last_px = Price::new(value),
        4 => report.instrument = InstrumentId(u16::try_from(value & 3).unwrap()),
        5 => report.order_qty = qty,
        6 => {
            (report.exec_type, report.exec_ref_id) = (ExecType::TradeCancel, report.exec_id);
            report.leaves_qty = qty;
        }
        7 => (report.exec_type, report.exec_ref_id) = (ExecType::TradeCorrect, report.exec_id),
        _ => report.side = report.side.opposite(),
    }
    // Busts and inventions have keys of their own.
    if value & 1 == 0 || what >= 6 {
        report.exec_id = ExecId(value.unsigned_abs() | 1 << 40);
    }
    report.into()
}

/// Sum of the fills of each parent, those undone taken off.
fn filled(outputs: &[Output]) -> BTreeMap<ParentId, i128> {
    let mut sums = BTreeMap::new();
    for output in outputs {
        if let Output::FillBooked(fill) = output {
            let exposure = if fill.is_reversal { -fill.exposure.get() } else { fill.exposure.get() };
            *sums.entry(fill.parent_id).or_insert(0) += exposure;
        }
    }
    sums.remove(&ParentId(0));
    sums
}

/// What each parent last said that it has filled.
fn told(outputs: &[Output]) -> BTreeMap<ParentId, i128> {
    let state = |o: &Output| if let Output::ParentUpdated(p) = o { Some((p.parent_id, p.cum_qty.get())) } else { None };
    outputs.iter().filter_map(state).collect()
}

fn order_qty(inputs: &[(i64, Input)], id: ParentId, outputs: &[Output]) -> i128 {
    let is_accepted = |o: &Output| matches!(o, Output::ParentUpdated(p) if p.parent_id == id);
    let leaves = outputs.iter().find(|o| is_accepted(o)).map(|o| match o {
        Output::ParentUpdated(p) => p.cum_qty.get() + p.leaves_qty.get(),
        _ => 0,
    });
    assert!(inputs.iter().any(|(_, input)| matches!(input, Input::SubmitParent(p) if p.parent_id == id)));
    leaves.unwrap_or(0)
}

/// Oms and risk agree on what is open, and no order works that its stage has closed.
fn check_open(world: &World) -> Result<(), TestCaseError> {
    let desk = world.trial.engine.desk();
    prop_assert_eq!(desk.risk().open_len(), desk.oms().working_len());
    for order in desk.oms().working() {
        prop_assert!(!order.ord_status().is_closed());
        prop_assert_eq!(order.leaves_qty(), order.order_qty.saturating_sub(order.cum_qty));
    }
    Ok(())
}

/// No child of a parent lies beyond the limit that its arrival gave, or is below what its venue accepts.
fn check_children(world: &World) -> Result<(), TestCaseError> {
    let mut limits = BTreeMap::new();
    for output in &world.outputs {
        match output {
            Output::ArrivalTaken(taken) => {
                limits.insert((taken.parent_id, taken.instrument), taken.limit_px);
            }
            Output::OrderSent(sent) if sent.parent_id.0 > 0 => {
                let limit = limits.get(&(sent.parent_id, sent.instrument)).copied();
                let is_within = limit.is_some_and(|limit| match sent.side {
                    Side::Buy => sent.price <= limit,
                    Side::Sell => sent.price >= limit,
                });
                prop_assert!(is_within, "{sent:?} beyond {limit:?}");
                let instrument = &world.trial.engine.desk().instruments()[sent.instrument.index()];
                let notional = instrument.notional(sent.order_qty, sent.price, Rounding::Floor).unwrap();
                prop_assert!(notional >= instrument.min_notional, "{sent:?} is dust");
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_sums(world: &World) -> Result<(), TestCaseError> {
    let told = told(&world.outputs);
    for (parent_id, sum) in filled(&world.outputs) {
        prop_assert_eq!(told.get(&parent_id), Some(&sum), "the fills of parent {} are what it has filled", parent_id.0);
    }
    Ok(())
}

fn cases(few: u32) -> ProptestConfig {
    let is_full = std::env::var_os("TIDERACE_FULL").is_some();
    ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::with_cases(if is_full { few * 100 } else { few }) }
}

proptest! {
    #![proptest_config(cases(150))]

    /// Whatever the order and number of its reports, an honest venue never makes a parent get more than it asked for.
    #[test]
    fn no_parent_gets_more_than_its_order(steps in prop::collection::vec(step(false), 1..150)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            check_open(&world)?;
            for (parent_id, cum) in told(&world.outputs) {
                let whole = order_qty(&world.inputs, parent_id, &world.outputs);
                prop_assert!(cum <= whole, "parent {}: {cum} of {whole}", parent_id.0);
            }
        }
        check_sums(&world)?;
        check_children(&world)?;
        world.trial.end();
    }

    /// Reports of any kind, however wrong: nothing panics, fills and parents agree, and a replay is the run.
    #[test]
    fn any_sequence_of_reports_is_taken_in(steps in prop::collection::vec(step(true), 1..150)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            check_open(&world)?;
        }
        check_sums(&world)?;
        world.trial.end();
    }

    /// The journal cut after any input replays to the digest at that point.
    #[test]
    fn a_journal_cut_anywhere_replays_to_the_digest_there(
        steps in prop::collection::vec(step(true), 1..60),
        at in any::<prop::sample::Index>(),
    ) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.step(step));
        world.trial.end();
        if !world.digests.is_empty() {
            let (inputs, digest) = world.digests[at.index(world.digests.len())];
            let rows = rows(&world.trial.path);
            let replayed = replay(&write(&rows[..usize::try_from(inputs).unwrap()]).0, &world.trial.tape).unwrap();
            prop_assert_eq!((replayed.inputs, replayed.digest), (inputs, digest));
        }
    }

    /// The same inputs give the same outputs, in any process and any number of times.
    #[test]
    fn the_same_inputs_give_the_same_outputs(steps in prop::collection::vec(step(true), 1..80)) {
        let run = || {
            let mut world = World::new();
            steps.iter().for_each(|step| world.step(step));
            (std::mem::take(&mut world.outputs), world.trial.end().digest)
        };
        prop_assert_eq!(run(), run());
    }

    /// Market records of any kind and any numbers: nothing panics, and the replay is the run.
    #[test]
    fn any_market_record_is_taken_in(
        records in prop::collection::vec(
            (1_u8..8, 0_u16..4, prop_oneof![59_980_i64..60_020, any::<i64>()], any::<i64>(), any::<u8>()), 0..200
        ),
        is_sell: bool,
    ) {
        let mut trial = Trial::new();
        let side = if is_sell { Side::Sell } else { Side::Buy };
        trial.apply(SubmitParent { side, instruments: 1, ..parent() });
        for (kind, instrument, price, qty_e8, flags) in records {
            let event = trial.event(InstrumentId(instrument), MarketKind::from_u8(kind).unwrap(), Side::Buy);
            trial.market(MarketEvent { price: Price::new(price), qty_e8, flags, ..event });
        }
        trial.pass(200 * SEC);
        trial.end();
    }
}
