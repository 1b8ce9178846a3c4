//! One sample of every record, each field with a value of its own and, where the type allows it, in every byte.

use tiderace_types::event::{
    ArrivalTaken, BookChanged, BreakCleared, BreakRaised, CancelSent, FillBooked, KillChanged, OrderSent, OrderUpdated,
    ParentUpdated, ProgramNoted, ProgramStopped, Refused, ReplaceSent, SliceStarted, StatusRequested, StrategyEnabled,
    TimerFired, VenueSkipped,
};
use tiderace_types::input::{
    BalanceSet, CancelAll, CancelOrder, CancelParent, CancelReject, ClearBreak, EnableStrategy, End, ExecutionReport,
    Kill, LoadAlgo, MarketData, PauseParent, ReplaceOrder, ResumeParent, SetTimer, SubmitOrder, SubmitParent,
    SurfaceTaken, Timer,
};
use tiderace_types::venue::{SurfaceForward, SurfacePublished, SurfaceVol};
use tiderace_types::{
    AccountId, Amount, AssetId, AtEnd, ClOrdId, ExecId, ExecType, Fraction, Input, InstrumentId, KillScope,
    MarketEvent, MarketKind, OrdStatus, OrdType, Output, ParentId, ParentStatus, Price, Qty, Reason, Side, Tags,
    TimeInForce, Ts, VenueId,
};

const ORDER: ClOrdId = ClOrdId(0x8000_0000_0000_0102);
const ORIG: ClOrdId = ClOrdId(0x0f0e_0d0c_0b0a_0908);
const PARENT: ParentId = ParentId(0x1716_1514_1312_1110);
const EXEC: ExecId = ExecId(0x2726_2524_2322_2120);
const BOOK: InstrumentId = InstrumentId(0x0302);
const TAGS: Tags = Tags { trader: 0x31, algorithm: 0x3332, strategy: 0x36_3534, client: 0x3a39_3837 };
const CAUSE: u64 = 0x4746_4544_4342_4140;
const PRICE: Price = Price::new(-6_183_764);
const TS: Ts = Ts::new(1_700_000_000_123_456_789);
const AMOUNT: Amount = Amount::new(-123_456_789_012_345_678_901_234_567_890);

fn qty(lots: i64) -> Qty {
    Qty::new(lots).unwrap()
}

/// One of every input, by kind.
pub(crate) fn inputs() -> Vec<Input> {
    vec![
        MarketData { offset: 0x5756_5554_5352_5150, count: 0x6362_6160 }.into(),
        SubmitParent {
            parent_id: PARENT,
            cause_seq: CAUSE,
            tags: TAGS,
            side: Side::Buy,
            order_qty: Amount::new(4_000_000_000),
            limit: Fraction::new(3_000_000),
            ts_start: TS,
            duration_ns: 300_000_000_000,
            algo: 0x0b0a_0908,
            seed: 0x7776_7574_7372_7170,
            instruments: 0b111,
            would: Fraction::new(1_000_000),
            would_qty: Amount::new(1_000_000_000),
            max_participation: Fraction::new(250_000_000),
            clip_min: Amount::new(10_000_000),
            clip_max: Amount::new(90_000_000),
            at_end: AtEnd::Take,
            spread_max: Fraction::new(500_000),
            range_max: Fraction::new(2_000_000),
        }
        .into(),
        CancelParent { parent_id: PARENT, cause_seq: CAUSE }.into(),
        PauseParent { parent_id: PARENT, cause_seq: CAUSE }.into(),
        ResumeParent { parent_id: PARENT, cause_seq: CAUSE }.into(),
        SubmitOrder {
            cl_ord_id: ORIG,
            cause_seq: CAUSE,
            tags: TAGS,
            instrument: BOOK,
            side: Side::Sell,
            ord_type: OrdType::Limit,
            time_in_force: TimeInForce::Ioc,
            post_only: true,
            order_qty: qty(77),
            price: PRICE,
        }
        .into(),
        ReplaceOrder { cl_ord_id: ORDER, orig_cl_ord_id: ORIG, cause_seq: CAUSE, order_qty: qty(78), price: PRICE }
            .into(),
        CancelOrder { orig_cl_ord_id: ORIG, cause_seq: CAUSE }.into(),
        CancelAll { scope: KillScope::Instrument, id: 2, cause_seq: CAUSE }.into(),
        Kill { scope: KillScope::Strategy, id: 0x6766_6564, is_on: true }.into(),
        EnableStrategy { strategy: 5, operator: 6 }.into(),
        ClearBreak { instrument: BOOK, operator: 7 }.into(),
        ExecutionReport {
            instrument: BOOK,
            cl_ord_id: ORDER,
            orig_cl_ord_id: ORIG,
            order_id: 0x8786_8584_8382_8180,
            exec_id: EXEC,
            exec_ref_id: ExecId(9),
            exec_type: ExecType::Trade,
            ord_status: OrdStatus::PartiallyFilled,
            side: Side::Buy,
            order_qty: qty(100),
            price: PRICE,
            last_qty: qty(30),
            last_px: Price::new(6_183_700),
            cum_qty: qty(40),
            leaves_qty: qty(60),
            is_maker: true,
            fee: AMOUNT,
            fee_asset: AssetId(0x0908),
            reason: Reason::VenueRejected,
            transact_time: TS,
        }
        .into(),
        CancelReject {
            cl_ord_id: ORDER,
            orig_cl_ord_id: ORIG,
            is_replace: true,
            ord_status: OrdStatus::Filled,
            reason: Reason::OrderClosed,
        }
        .into(),
        Timer { ts_due: TS }.into(),
        SetTimer { id: 11, ts_due: TS, cause_seq: CAUSE }.into(),
        BalanceSet { account: AccountId(12), venue: VenueId(13), asset: AssetId(14), amount: AMOUNT }.into(),
        End { interrupted: true }.into(),
        load_algo().into(),
        surface_taken().into(),
    ]
}

/// The one of varying length.
pub(crate) fn load_algo() -> LoadAlgo {
    LoadAlgo { algo: 0x0403_0201, form: vec![0x54, 0x52, 0x50], params: vec![1, 2] }
}

/// The published surface among the inputs.
pub(crate) fn surface_taken() -> SurfaceTaken {
    let e12 = |value: i128| Amount::new(value * 1_000_000_000_000);
    let maturity = Ts::new(1_700_000_000_000_000_000);
    let forward = SurfaceForward { maturity, forward: e12(60_000), discount: e12(1), rate: Amount::ZERO };
    let vol = SurfaceVol { instrument: InstrumentId(2), vol: Amount::new(500_000_000_000) };
    let surface = SurfacePublished { base: AssetId(1), version: 7, forwards: vec![forward], vols: vec![vol] };
    SurfaceTaken { surface }
}

/// One of every output, by kind.
pub(crate) fn outputs() -> Vec<Output> {
    vec![
        OrderSent {
            cl_ord_id: ORDER,
            parent_id: PARENT,
            tags: TAGS,
            instrument: BOOK,
            side: Side::Buy,
            ord_type: OrdType::Market,
            time_in_force: TimeInForce::Fok,
            post_only: false,
            order_qty: qty(1_000_000),
            price: PRICE,
        }
        .into(),
        CancelSent { cl_ord_id: ORDER, orig_cl_ord_id: ORIG, instrument: BOOK }.into(),
        ReplaceSent { cl_ord_id: ORDER, orig_cl_ord_id: ORIG, instrument: BOOK, order_qty: qty(5), price: PRICE }
            .into(),
        StatusRequested { cl_ord_id: ORDER, instrument: BOOK }.into(),
        OrderUpdated {
            cl_ord_id: ORDER,
            parent_id: PARENT,
            instrument: BOOK,
            side: Side::Sell,
            ord_status: OrdStatus::PendingReplace,
            order_qty: qty(9),
            cum_qty: qty(4),
            leaves_qty: qty(5),
            price: PRICE,
            reason: Reason::TimedOut,
        }
        .into(),
        FillBooked {
            cl_ord_id: ORDER,
            parent_id: PARENT,
            exec_id: EXEC,
            tags: TAGS,
            instrument: BOOK,
            side: Side::Buy,
            last_qty: qty(3),
            last_px: PRICE,
            exposure: Amount::new(30_000),
            notional: AMOUNT,
            fee: Amount::new(-17),
            fee_asset: AssetId(1),
            is_maker: true,
            is_reversal: true,
            transact_time: TS,
        }
        .into(),
        Refused {
            id: ORDER.0,
            kind: 7,
            instrument: InstrumentId(u16::MAX),
            reason: Reason::PriceCollar,
            value: Amount::new(6_300_000),
            limit: AMOUNT,
        }
        .into(),
        ParentUpdated {
            parent_id: PARENT,
            status: ParentStatus::Expired,
            cum_qty: Amount::new(3_999_000_000),
            leaves_qty: Amount::new(1_000_000),
            reason: Reason::EndReached,
        }
        .into(),
        SliceStarted {
            parent_id: PARENT,
            slice: 59,
            target: Amount::new(4_000_000_000),
            cum_qty: Amount::new(3_900_000_000),
            take: Amount::new(75_000_000),
            post: Amount::new(25_000_000),
        }
        .into(),
        ArrivalTaken {
            parent_id: PARENT,
            instrument: BOOK,
            bid_px: PRICE,
            ask_px: Price::new(1),
            limit_px: Price::new(2),
        }
        .into(),
        VenueSkipped { parent_id: PARENT, instrument: BOOK, reason: Reason::Dearer }.into(),
        BookChanged { instrument: BOOK, is_live: true, reason: Reason::None }.into(),
        BreakRaised {
            instrument: BOOK,
            cl_ord_id: ORDER,
            exec_id: EXEC,
            reason: Reason::Overfill,
            ours: qty(10),
            theirs: qty(11),
        }
        .into(),
        BreakCleared { instrument: BOOK, operator: 8 }.into(),
        KillChanged { scope: KillScope::All, id: 0, is_on: false }.into(),
        StrategyEnabled { strategy: 5, is_enabled: true, operator: 6 }.into(),
        TimerFired { id: 15, ts_due: TS }.into(),
        ProgramStopped {
            parent_id: PARENT,
            trap: 3,
            statement: 0x0d0c_0b0a,
            fuel_used: 0x9796_9594_9392_9190,
            reason: Reason::ProgramTrapped,
        }
        .into(),
        ProgramNoted { parent_id: PARENT, label: 16, value: -17 }.into(),
    ]
}

/// One of every market record, by kind.
pub(crate) fn market_events() -> Vec<MarketEvent> {
    let event = |kind, flags| MarketEvent {
        ts_event: Ts::new(TS.get() - 5_000_000),
        ts_recv: TS,
        price: PRICE,
        qty_e8: 123_456_789,
        seq: CAUSE,
        instrument: BOOK,
        kind,
        flags,
    };
    vec![
        event(MarketKind::Level, MarketEvent::ASK),
        event(MarketKind::Trade, MarketEvent::LAST),
        event(MarketKind::Best, MarketEvent::ASK | MarketEvent::LAST),
        event(MarketKind::Clear, MarketEvent::SNAPSHOT),
        event(MarketKind::Reach, MarketEvent::ASK | MarketEvent::SNAPSHOT),
        event(MarketKind::Live, MarketEvent::LAST | MarketEvent::SNAPSHOT),
        event(MarketKind::Gap, MarketEvent::LAST),
    ]
}
