//! What the tests of the controls share: two instruments, limits that nothing meets, and short ways to say things.
#![allow(dead_code, reason = "each test uses its part")]

use tiderace_risk::{InstrumentLimits, Reference, Risk, RiskConfig};
use tiderace_types::event::{FillBooked, OrderSent, OrderUpdated};
use tiderace_types::ids::Tags;
use tiderace_types::input::{BalanceSet, Kill};
use tiderace_types::*;

/// Best prices of the test: 60000.00 and 60000.02, so the mid is 6000001 ticks.
pub(crate) const BOOK: Option<Reference> = Some((Price::new(6_000_000), Price::new(6_000_002)));

pub(crate) fn spot() -> Instrument {
    Instrument {
        id: InstrumentId(0),
        version: 1,
        venue: VenueId(0),
        symbol: "BTCUSDT".into(),
        kind: InstrumentKind::Spot,
        style: Style::Linear,
        base: AssetId(0),
        quote: AssetId(1),
        settle: AssetId(1),
        base_decimals: 8,
        quote_decimals: 8,
        tick_size: 10_000_000_000,
        lot_size: 10_000_000,
        contract_multiplier: 1_000_000_000_000,
        min_order_qty: Qty::new(10).unwrap(),
        max_order_qty: Qty::new(900_000).unwrap(),
        min_notional: Amount::new(500_000_000),
        maturity_ns: None,
        strike_price: None,
        put_or_call: None,
    }
}

/// Linear perpetual, the same steps, at venue 1.
pub(crate) fn linear() -> Instrument {
    Instrument { id: InstrumentId(1), venue: VenueId(1), kind: InstrumentKind::Perpetual, ..spot() }
}

/// Inverse perpetual of 100 USD a contract, settled in BTC, at venue 2.
pub(crate) fn inverse() -> Instrument {
    Instrument {
        id: InstrumentId(2),
        venue: VenueId(2),
        kind: InstrumentKind::Perpetual,
        style: Style::Inverse,
        settle: AssetId(0),
        lot_size: 1_000_000_000_000,
        contract_multiplier: 100_000_000_000_000,
        ..spot()
    }
}

pub(crate) fn config() -> RiskConfig {
    let limits = InstrumentLimits {
        max_order_qty: Qty::MAX,
        max_order_value: Amount::new(1 << 100),
        max_position: Amount::new(1 << 100),
        initial_margin: Fraction::new(100_000_000),
        fee: Fraction::ZERO,
    };
    RiskConfig {
        account: AccountId(3),
        collar: Fraction::new(10_000_000),
        max_open_orders: 1_000,
        max_total_position: Vec::new(),
        max_messages: 0,
        message_window_ns: 0,
        duplicate_window_ns: 0,
        max_executions: 0,
        execution_window_ns: 0,
        needs_funds: false,
        instruments: vec![limits.clone(), limits.clone(), limits],
    }
}

pub(crate) fn risk(config: &RiskConfig) -> Risk {
    Risk::new(config, &[spot(), linear(), inverse()], 42).unwrap()
}

/// Limits changed by `change`, for all instruments alike.
pub(crate) fn limited(change: impl Fn(&mut InstrumentLimits)) -> RiskConfig {
    let mut config = config();
    config.instruments.iter_mut().for_each(change);
    config
}

pub(crate) fn qty(lots: i64) -> Qty {
    Qty::new(lots).unwrap()
}

/// Order `id` at instrument 0, at the mid.
pub(crate) fn order(id: u64, side: Side, lots: i64) -> OrderSent {
    OrderSent {
        cl_ord_id: ClOrdId(id),
        parent_id: ParentId(0),
        tags: Tags { strategy: 7, ..Tags::default() },
        instrument: InstrumentId(0),
        side,
        ord_type: OrdType::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        order_qty: qty(lots),
        price: Price::new(6_000_001),
    }
}

pub(crate) fn buy(id: u64, lots: i64) -> OrderSent {
    order(id, Side::Buy, lots)
}

pub(crate) fn sell(id: u64, lots: i64) -> OrderSent {
    order(id, Side::Sell, lots)
}

pub(crate) fn at(instrument: u16, order: OrderSent) -> OrderSent {
    OrderSent { instrument: InstrumentId(instrument), ..order }
}

/// Checks and sends.
pub(crate) fn send(risk: &mut Risk, ts: i64, order: &OrderSent) -> Result<(), Refusal> {
    let order = risk.check(Ts::new(ts), order, BOOK)?;
    risk.on_sent(Ts::new(ts), &order);
    Ok(())
}

pub(crate) fn updated(order: &OrderSent, ord_status: OrdStatus, cum: i64) -> OrderUpdated {
    let left = if ord_status.is_closed() { 0 } else { order.order_qty.get() - cum };
    OrderUpdated {
        cl_ord_id: order.cl_ord_id,
        parent_id: order.parent_id,
        instrument: order.instrument,
        side: order.side,
        ord_status,
        order_qty: order.order_qty,
        cum_qty: qty(cum),
        leaves_qty: qty(left),
        price: order.price,
        reason: Reason::None,
    }
}

/// A fill of `lots` of an order at its price, as the oms books it.
pub(crate) fn fill(order: &OrderSent, lots: i64) -> FillBooked {
    let instrument = &[spot(), linear(), inverse()][order.instrument.index()];
    let (gained, paid) = match order.side {
        Side::Buy => (Rounding::Floor, Rounding::Ceil),
        Side::Sell => (Rounding::Ceil, Rounding::Floor),
    };
    FillBooked {
        cl_ord_id: order.cl_ord_id,
        parent_id: order.parent_id,
        exec_id: ExecId(1),
        tags: order.tags,
        instrument: order.instrument,
        side: order.side,
        last_qty: qty(lots),
        last_px: order.price,
        exposure: instrument.exposure(qty(lots), order.price, gained).unwrap(),
        notional: instrument.notional(qty(lots), order.price, paid).unwrap(),
        fee: Amount::ZERO,
        fee_asset: AssetId(1),
        is_maker: false,
        is_reversal: false,
        transact_time: Ts::ZERO,
    }
}

/// Sends and fills whole, without asking.
pub(crate) fn trade(risk: &mut Risk, ts: i64, order: &OrderSent) -> Option<event::StrategyEnabled> {
    risk.on_sent(Ts::new(ts), order);
    let stopped = risk.on_fill(Ts::new(ts), &fill(order, order.order_qty.get()));
    risk.on_update(&updated(order, OrdStatus::Filled, order.order_qty.get()));
    stopped
}

pub(crate) fn balance(venue: u16, asset: u16, amount: i128) -> BalanceSet {
    BalanceSet { account: AccountId(3), venue: VenueId(venue), asset: AssetId(asset), amount: Amount::new(amount) }
}

pub(crate) fn kill(scope: KillScope, id: u32, is_on: bool) -> Kill {
    Kill { scope, id, is_on }
}
