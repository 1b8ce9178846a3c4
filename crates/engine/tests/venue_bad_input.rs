//! Every command with each field out of range, unknown, duplicated, zero, negative or maximal: a refusal with its
//! reason, or, where the value is good after all, no panic; after a refusal the state's digest is what it was.

mod venue_world;

use std::collections::BTreeMap;

use tiderace_engine::venue::Venue;
use tiderace_types::venue::{
    ANY_INSTRUMENT, AdjustTrade, ApproveOverride, BustTrade, Cancel, CancelAll, Command, ConnectionSet, Deposit, Event,
    FundContribution, GreeksSet, IndexSet, KillSet, Malformed, MarkSet, MassQuote, MmpReset, NewOrder, ProposeOverride,
    QuoteEntry, Replace, SettlementSet, StateSet, Withdraw,
};
use tiderace_types::{
    AccountId, Amount, AssetId, ClOrdId, ExecId, ExecType, InstrumentId, KillScope, Layout, OrdType, Price, Qty,
    Reason, Side, TimeInForce, TradingState, Ts,
};
use venue_world::{ALICE, BOB, apply, order, qty, world};

/// What a command must come to.
enum Wanted {
    /// One refusal with this reason, and nothing changed.
    Refused(Reason),
    /// Good or refused; no panic, and nothing changed where it was refused.
    Any,
}

struct Sweep {
    venue: Venue,
    cases: usize,
    refused: BTreeMap<&'static str, usize>,
}

fn reasons(events: &[Event]) -> Vec<Reason> {
    let reason = |event: &Event| match event {
        Event::Report(report) if report.exec_type == ExecType::Rejected => Some(report.reason),
        Event::CommandRefused(refused) => Some(refused.reason),
        _ => None,
    };
    events.iter().filter_map(reason).collect()
}

impl Sweep {
    fn case(&mut self, name: &str, command: impl Into<Command>, wanted: &Wanted) {
        let command = command.into();
        self.cases += 1;
        let before = self.venue.digest();
        let mut events = Vec::new();
        self.venue.apply(self.venue.now(), &command, &mut events);
        let got = reasons(&events);
        for reason in &got {
            *self.refused.entry(reason.name()).or_default() += 1;
        }
        if events.len() == 1 && got.len() == 1 {
            assert_eq!(self.venue.digest(), before, "{name}: a refusal changed the state");
        }
        match wanted {
            Wanted::Refused(reason) => {
                assert_eq!(got, [*reason], "{name}: {events:?}");
                assert_eq!(events.len(), 1, "{name}: more than a refusal: {events:?}");
            }
            Wanted::Any => {}
        }
    }

    fn refused(&mut self, name: &str, command: impl Into<Command>, reason: Reason) {
        self.case(name, command, &Wanted::Refused(reason));
    }
}

fn new_orders(sweep: &mut Sweep) {
    let good = order(ALICE, 1_000, Side::Buy, 50, 2);
    let extremes = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX].map(Price::new);
    let sizes = [0, 1, i64::MAX - 1, i64::MAX].map(qty);
    use Reason::*;
    let stop = NewOrder { ord_type: OrdType::Stop, stop_px: Price::new(200), ..good };
    let trailing = NewOrder { ord_type: OrdType::TrailingStop, trailing_offset: Price::new(5), ..good };
    let gtd = NewOrder { time_in_force: TimeInForce::Gtd, ..good };
    let cases = [
        ("account", NewOrder { account: AccountId(99), ..good }, UnknownAccount),
        ("account max", NewOrder { account: AccountId(u32::MAX), ..good }, UnknownAccount),
        ("instrument", NewOrder { instrument: InstrumentId(99), ..good }, UnknownSymbol),
        ("instrument max", NewOrder { instrument: ANY_INSTRUMENT, ..good }, UnknownSymbol),
        ("id zero", NewOrder { cl_ord_id: ClOrdId(0), ..good }, BadClOrdId),
        ("id used", NewOrder { cl_ord_id: ClOrdId(1), ..good }, DuplicateClOrdId),
        ("qty zero", NewOrder { order_qty: Qty::ZERO, ..good }, BadQty),
        ("qty too large", NewOrder { order_qty: qty(1_001), ..good }, TooLarge),
        ("qty max", NewOrder { order_qty: Qty::MAX, price: Price::MAX, ..good }, TooMuchValue),
        ("qty too small", NewOrder { instrument: InstrumentId(1), order_qty: qty(1), ..good }, TooSmall),
        ("value", NewOrder { order_qty: qty(1_000), price: Price::new(40_000), ..good }, TooMuchValue),
        ("price zero", NewOrder { price: Price::ZERO, ..good }, BadPrice),
        ("price negative", NewOrder { price: Price::MIN, ..good }, BadPrice),
        ("stop without price", NewOrder { stop_px: Price::ZERO, ..stop }, BadTrigger),
        ("trailing without offset", NewOrder { trailing_offset: Price::ZERO, ..trailing }, BadTrigger),
        ("trailing negative", NewOrder { trailing_offset: Price::MIN, ..trailing }, BadTrigger),
        ("limit with a stop price", NewOrder { stop_px: Price::new(5), ..good }, BadTrigger),
        ("expired", NewOrder { expire_time: Ts::MIN, ..gtd }, ExpiredOnEntry),
        ("auction order", NewOrder { time_in_force: TimeInForce::Gfa, ..good }, AuctionOnly),
        ("oco unknown", NewOrder { oco: ClOrdId(77), ..good }, BadLink),
        ("oco itself", NewOrder { oco: good.cl_ord_id, ..good }, BadLink),
        ("oco max", NewOrder { oco: ClOrdId(u64::MAX), ..good }, BadLink),
        ("oto unknown", NewOrder { oto: ClOrdId(77), ..good }, BadLink),
        ("nothing to reduce", NewOrder { reduce_only: true, ..good }, NotReducing),
    ];
    for (name, order, reason) in cases {
        sweep.refused(name, order, reason);
    }
    let mut id = 2_000;
    let mut any = |sweep: &mut Sweep, name, order: NewOrder| {
        id += 1;
        sweep.case(name, NewOrder { cl_ord_id: ClOrdId(id), ..order }, &Wanted::Any);
    };
    for instrument in [0, 1, 2].map(InstrumentId) {
        for ord_type in OrdType::ALL.iter().copied() {
            let good = NewOrder { ord_type, instrument, ..good };
            for value in extremes {
                any(sweep, "price", NewOrder { price: value, ..good });
                any(sweep, "stop_px", NewOrder { stop_px: value, ..good });
                any(sweep, "trailing_offset", NewOrder { trailing_offset: value, ..good });
                any(sweep, "peg_offset", NewOrder { peg_offset: value, ..good });
                any(sweep, "expire_time", NewOrder { expire_time: Ts::new(value.get()), ..gtd });
            }
            for size in sizes {
                any(sweep, "order_qty", NewOrder { order_qty: size, ..good });
                any(sweep, "display_qty", NewOrder { display_qty: size, ..good });
                any(sweep, "min_qty", NewOrder { min_qty: size, ..good });
            }
            for group in [0, 1, 99, u16::MAX] {
                any(sweep, "mmp_group", NewOrder { mmp_group: group, ..good });
            }
            any(sweep, "strategy", NewOrder { strategy: u32::MAX, ..good });
        }
    }
}

fn replaces(sweep: &mut Sweep) {
    let good = Replace {
        account: ALICE,
        orig_cl_ord_id: ClOrdId(1),
        cl_ord_id: ClOrdId(500_000),
        fields: Replace::PRICE,
        price: Price::new(91),
        order_qty: qty(3),
        stop_px: Price::ZERO,
        display_qty: Qty::ZERO,
        time_in_force: TimeInForce::Gtc,
        expire_time: Ts::ZERO,
    };
    use Reason::*;
    let sized = Replace { fields: Replace::ORDER_QTY, ..good };
    let cases = [
        ("account", Replace { account: AccountId(99), ..good }, UnknownAccount),
        ("order", Replace { orig_cl_ord_id: ClOrdId(98), ..good }, UnknownOrder),
        ("order max", Replace { orig_cl_ord_id: ClOrdId(u64::MAX), ..good }, UnknownOrder),
        ("order of another", Replace { account: BOB, orig_cl_ord_id: ClOrdId(1), ..good }, UnknownOrder),
        ("id zero", Replace { cl_ord_id: ClOrdId(0), ..good }, BadClOrdId),
        ("id used", Replace { cl_ord_id: ClOrdId(1), ..good }, DuplicateClOrdId),
        ("fields", Replace { fields: 255, ..good }, BadField),
        ("price zero", Replace { price: Price::ZERO, ..good }, BadPrice),
        ("price negative", Replace { price: Price::MIN, ..good }, BadPrice),
        ("price max", Replace { price: Price::MAX, ..good }, TooMuchValue),
        ("qty zero", Replace { order_qty: Qty::ZERO, ..sized }, BadQty),
        ("qty max", Replace { order_qty: Qty::MAX, ..sized }, TooLarge),
    ];
    for (name, command, reason) in cases {
        sweep.refused(name, command, reason);
    }
    for (id, fields) in (600_000..).zip(0..=u8::MAX) {
        let fresh = order(ALICE, id + 1_000, Side::Buy, 30, 2);
        sweep.case("fresh", fresh, &Wanted::Any);
        let good = Replace { orig_cl_ord_id: fresh.cl_ord_id, ..good };
        let extreme = Replace { price: Price::MAX, stop_px: Price::MIN, display_qty: Qty::MAX, ..good };
        let extreme = Replace { expire_time: Ts::MIN, cl_ord_id: ClOrdId(id), fields, ..extreme };
        sweep.case("replace extremes", extreme, &Wanted::Any);
    }
}

fn cancels_and_quotes(sweep: &mut Sweep) {
    use Reason::*;
    for (account, id, reason) in [
        (AccountId(99), 1, UnknownAccount),
        (ALICE, 0, UnknownOrder),
        (ALICE, 99_999_999, UnknownOrder),
        (ALICE, u64::MAX, UnknownOrder),
    ] {
        sweep.refused("cancel", Cancel { account, orig_cl_ord_id: ClOrdId(id) }, reason);
    }
    let all = CancelAll { account: BOB, instrument: ANY_INSTRUMENT, side: 0, kind: 0 };
    sweep.refused("cancel all", CancelAll { account: AccountId(u32::MAX), ..all }, UnknownAccount);
    sweep.refused("cancel all", CancelAll { instrument: InstrumentId(77), ..all }, UnknownSymbol);
    sweep.refused("cancel all", CancelAll { side: 255, ..all }, BadField);
    sweep.refused("cancel all", CancelAll { kind: 255, ..all }, BadField);
    sweep.refused("cancel all", CancelAll { kind: 7, ..all }, BadField);
    let entry = QuoteEntry {
        instrument: InstrumentId(0),
        bid_px: Price::new(80),
        bid_qty: qty(1),
        ask_px: Price::new(120),
        ask_qty: qty(1),
    };
    let quote = MassQuote { account: ALICE, quote_id: ClOrdId(700_000), mmp_group: 0, entries: vec![entry] };
    sweep.refused("quote", MassQuote { account: AccountId(99), ..quote.clone() }, UnknownAccount);
    sweep.refused("quote", MassQuote { quote_id: ClOrdId(0), ..quote.clone() }, BadClOrdId);
    sweep.refused("quote", MassQuote { quote_id: ClOrdId(1), ..quote.clone() }, DuplicateClOrdId);
    sweep.refused("quote", MassQuote { entries: vec![entry; 1_001], ..quote.clone() }, BadField);
    for (id, value) in (700_001..).zip([i64::MIN, -1, 0, 1, i64::MAX]) {
        let bad = QuoteEntry { bid_px: Price::new(value), ask_px: Price::new(value), ask_qty: Qty::MAX, ..entry };
        let bad = MassQuote { quote_id: ClOrdId(id), entries: vec![bad], ..quote.clone() };
        sweep.case("quote extremes", bad, &Wanted::Any);
    }
    let unknown = QuoteEntry { instrument: ANY_INSTRUMENT, ..entry };
    sweep.case("leg", MassQuote { quote_id: ClOrdId(700_100), entries: vec![unknown], ..quote }, &Wanted::Any);
}

fn operators(sweep: &mut Sweep) {
    use Reason::*;
    let (nowhere, nobody, nothing) = (InstrumentId(99), AccountId(99), AssetId(99));
    let here = InstrumentId(0);
    sweep.refused("mmp reset", MmpReset { account: nobody, mmp_group: 0 }, UnknownAccount);
    sweep.refused("mmp reset", MmpReset { account: ALICE, mmp_group: 9 }, BadField);
    sweep.refused("mark", MarkSet { instrument: nowhere, price: Price::new(1) }, UnknownSymbol);
    sweep.refused("settlement", SettlementSet { instrument: nowhere, price: Price::new(1) }, UnknownSymbol);
    for price in [Price::ZERO, Price::new(-1), Price::MIN] {
        sweep.refused("mark", MarkSet { instrument: here, price }, BadPrice);
        sweep.refused("settlement", SettlementSet { instrument: here, price }, BadPrice);
    }
    sweep.refused("index", IndexSet { base: nothing, price: Amount::new(1) }, UnknownAsset);
    for price in [i128::MIN, -1, 0, i128::MAX] {
        sweep.refused("index", IndexSet { base: AssetId(1), price: Amount::new(price) }, BadPrice);
    }
    let max = Amount::MAX;
    sweep.refused("greeks", GreeksSet { instrument: nowhere, delta: max, vega: max }, UnknownSymbol);
    sweep.refused("state", StateSet { instrument: nowhere, state: TradingState::Halted }, UnknownSymbol);
    let (asset, one) = (AssetId(0), Amount::new(1));
    sweep.refused("deposit", Deposit { account: nobody, asset, amount: one }, UnknownAccount);
    sweep.refused("withdraw", Withdraw { account: nobody, asset, amount: one }, UnknownAccount);
    sweep.refused("deposit", Deposit { account: ALICE, asset: nothing, amount: one }, UnknownAsset);
    sweep.refused("withdraw", Withdraw { account: ALICE, asset: nothing, amount: one }, UnknownAsset);
    for amount in [i128::MIN, -1, 0, i128::MAX].map(Amount::new) {
        sweep.refused("deposit", Deposit { account: ALICE, asset, amount }, BadAmount);
        sweep.refused("withdraw", Withdraw { account: ALICE, asset, amount }, BadAmount);
        sweep.refused("fund", FundContribution { member: 0, asset, amount }, BadAmount);
    }
    sweep.refused("fund", FundContribution { member: 0, asset: nothing, amount: one }, UnknownAsset);
    sweep.refused("fund", FundContribution { member: 1, asset, amount: one }, UnknownMember);
    let rich = Amount::new(1 << 100);
    sweep.refused("deposit", Deposit { account: ALICE, asset, amount: rich }, OverLimit);
    sweep.refused("withdraw", Withdraw { account: ALICE, asset, amount: Amount::new(1 << 80) }, InsufficientBalance);
    for (scope, reason) in [(KillScope::Account, UnknownAccount), (KillScope::Instrument, UnknownSymbol)] {
        for id in [99, u32::from(u16::MAX), u32::MAX] {
            sweep.refused("kill", KillSet { scope, id, is_on: true, reduce_only: false }, reason);
        }
    }
    sweep.refused("connection", ConnectionSet { account: nobody, is_up: false }, UnknownAccount);
    for id in [0, 99, u64::MAX].map(ExecId) {
        sweep.refused("bust", BustTrade { trade_id: id, operator: 1 }, UnknownTrade);
        sweep.refused("adjust", AdjustTrade { trade_id: id, price: Price::new(1), operator: 1 }, UnknownTrade);
    }
    let adjust = AdjustTrade { trade_id: ExecId(1), price: Price::ZERO, operator: 1 };
    for price in [i64::MIN, -1, 0].map(Price::new) {
        sweep.refused("adjust", AdjustTrade { price, ..adjust }, BadPrice);
    }
    let propose = ProposeOverride {
        override_id: 1,
        account: ALICE,
        limit: 4,
        value: Amount::new(5),
        expire_time: sweep.venue.now().plus_ns(10),
        operator: 1,
    };
    sweep.refused("propose", ProposeOverride { account: nobody, ..propose }, UnknownAccount);
    for limit in [0, 200, u8::MAX] {
        sweep.refused("propose", ProposeOverride { limit, ..propose }, BadField);
    }
    sweep.refused("propose", ProposeOverride { value: Amount::MIN, ..propose }, BadField);
    sweep.refused("propose", ProposeOverride { expire_time: Ts::MIN, ..propose }, BadField);
    sweep.refused("propose", ProposeOverride { operator: 0, ..propose }, BadField);
    sweep.refused("approve", ApproveOverride { override_id: 9, operator: 2 }, UnknownOverride);
    sweep.case("propose", propose, &Wanted::Any);
    sweep.refused("propose", propose, DuplicateOverride);
    sweep.refused("approve", ApproveOverride { override_id: 1, operator: 1 }, SamePerson);
    for kind in [NewOrder::KIND, Replace::KIND, Cancel::KIND, MassQuote::KIND, Withdraw::KIND, 0, u16::MAX] {
        for reason in [BadTick, BadLot, BadQty, BadField, UnknownSymbol, UnknownAccount] {
            let malformed = Malformed {
                kind,
                account: AccountId(u32::MAX),
                instrument: ANY_INSTRUMENT,
                cl_ord_id: ClOrdId(u64::MAX),
                reason,
                value: Amount::MIN,
                limit: Amount::MAX,
            };
            sweep.refused("malformed", malformed, reason);
        }
    }
}

#[test]
fn every_bad_field_is_refused_with_its_reason_and_changes_nothing() {
    let mut sweep = Sweep { venue: world(), cases: 0, refused: BTreeMap::new() };
    cancels_and_quotes(&mut sweep);
    operators(&mut sweep);
    replaces(&mut sweep);
    new_orders(&mut sweep);
    println!("{} commands; refusals by reason: {:?}", sweep.cases, sweep.refused);
    assert!(sweep.cases > 1_000);
}

#[test]
fn the_state_comes_back_from_its_bytes() {
    let mut sweep = Sweep { venue: world(), cases: 0, refused: BTreeMap::new() };
    new_orders(&mut sweep);
    let mut bytes = Vec::new();
    sweep.venue.encode(&mut bytes);
    let mut twin = Venue::decode(sweep.venue.config().clone(), &bytes).unwrap();
    assert_eq!(twin.digest(), sweep.venue.digest());
    for id in 0..200 {
        let sell = order(BOB, 900_000 + id, Side::Sell, 40 + i64::try_from(id).unwrap(), 3);
        let (of_one, of_twin) = (apply(&mut sweep.venue, sell), apply(&mut twin, sell));
        assert_eq!(of_one, of_twin);
    }
    assert_eq!(twin.digest(), sweep.venue.digest());
    for cut in (0..bytes.len()).step_by(101) {
        assert!(Venue::decode(sweep.venue.config().clone(), &bytes[..cut]).is_err());
    }
}
