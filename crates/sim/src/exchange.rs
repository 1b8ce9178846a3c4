//! The simulated venues behind the instruments of a run, on exchange time.
//!
//! Takers sweep the displayed depth level by level, one fill a level at the level's price, up to their limit and never
//! beyond the known reach; makers wait in a queue (see `resting`) and fill at their own price. Recorded participants do
//! not react to us: what we take stays gone (see `depth`), what we post is not in the feed.
//! Our own orders do not meet each other.
//!
//! Reports of one command come in this order: `New` (or `Replaced`), the fills, the cancel of the rest. A refused
//! command gives one `Rejected` or one [`CancelReject`] and changes nothing. Order and execution ids count upwards.
//! Latency is the driver's: `out` holds (venue time, report).

use tiderace_types::event::{CancelSent, OrderSent, ReplaceSent, StatusRequested};
use tiderace_types::input::{CancelReject, ExecutionReport};
use tiderace_types::{
    Amount, AssetId, ClOrdId, ExecId, ExecType, Input, Instrument, InstrumentId, MarketEvent, MarketKind, OrdStatus,
    OrdType, Price, Qty, Reason, Rounding, Side, TimeInForce, Ts,
};

use crate::config::{SimConfig, SimConfigError, VenueTerms};
use crate::depth::Depth;
use crate::order::{Order, Orders, fee_of_fill};
use crate::queue::QueueModel;
use crate::resting::{MakerFill, RestingSide};

/// Reports on their way out, each with its venue time.
pub type Reports = Vec<(Ts, Input)>;

/// One instrument's market.
struct Market {
    instrument: Instrument,
    terms: VenueTerms,
    depth: Depth,
    bids: RestingSide,
    asks: RestingSide,
}

/// The simulated venues of a run.
pub struct SimExchange {
    markets: Vec<Market>,
    orders: Orders,
    queue: QueueModel,
    exec_ids: u64,
    arrivals: u64,
    maker_fills: Vec<MakerFill>,
}

impl SimExchange {
    /// Venues with empty books, without orders.
    ///
    /// # Errors
    /// [`SimConfigError`] when the config does not fit the instruments.
    pub fn new(config: &SimConfig, instruments: &[Instrument]) -> Result<Self, SimConfigError> {
        config.check(instruments)?;
        let markets = instruments.iter().zip(&config.instruments).map(|(instrument, terms)| Market {
            instrument: instrument.clone(),
            terms: *terms,
            depth: Depth::default(),
            bids: RestingSide::new(Side::Buy),
            asks: RestingSide::new(Side::Sell),
        });
        Ok(Self {
            markets: markets.collect(),
            orders: Orders::new(config.seed),
            queue: config.queue,
            exec_ids: 0,
            arrivals: 0,
            maker_fills: Vec::new(),
        })
    }

    /// Whether an order of ours rests at an instrument. Where none does, its market may be brought up to date late: just
    /// before the next order reaches it.
    #[must_use]
    pub fn has_resting(&self, instrument: InstrumentId) -> bool {
        self.markets.get(instrument.index()).is_some_and(Market::has_resting)
    }

    /// Takes in one market record, in the order of the tape, and fills what rests.
    pub fn on_market(&mut self, event: &MarketEvent, out: &mut Reports) {
        let Some(market) = self.markets.get_mut(event.instrument.index()) else { return };
        market.depth.apply(event);
        if market.has_resting() {
            self.on_market_resting(event, out);
        }
    }

    fn on_market_resting(&mut self, event: &MarketEvent, out: &mut Reports) {
        let model = self.queue;
        let Some(market) = self.markets.get_mut(event.instrument.index()) else { return };
        match event.kind {
            MarketKind::Level if market.depth.shown_at(event.side(), event.price).is_some() => {
                market.resting(event.side()).on_level(model, event.price, event.qty_e8, event.ts_event);
            }
            MarketKind::Clear | MarketKind::Gap => {
                market.bids.forget_shown();
                market.asks.forget_shown();
            }
            MarketKind::Live => {
                let Market { depth, bids, asks, .. } = market;
                bids.on_live(model, event.ts_event, |price| depth.shown_at(Side::Buy, price));
                asks.on_live(model, event.ts_event, |price| depth.shown_at(Side::Sell, price));
            }
            MarketKind::Trade => {
                let side = event.side().opposite();
                let fills = &mut self.maker_fills;
                let Market { instrument, bids, asks, .. } = market;
                let resting = if side == Side::Buy { bids } else { asks };
                resting.on_trade(instrument, event.price, event.qty_e8, event.ts_event, fills);
                self.book_maker_fills(event.ts_event, out);
            }
            MarketKind::Level | MarketKind::Best | MarketKind::Reach => {}
        }
        if event.is_last() {
            self.fill_crossed(event, Side::Buy, out);
            self.fill_crossed(event, Side::Sell, out);
        }
    }

    /// A new order reaches its venue.
    pub fn on_order(&mut self, ts: Ts, sent: &OrderSent, out: &mut Reports) {
        let mut order = Order {
            cl_ord_id: sent.cl_ord_id,
            order_id: 0,
            instrument: sent.instrument,
            side: sent.side,
            ord_status: OrdStatus::New,
            post_only: sent.post_only,
            reason: Reason::None,
            order_qty: sent.order_qty,
            cum_qty: Qty::ZERO,
            price: if sent.ord_type == OrdType::Limit { sent.price } else { Price::ZERO },
            arrival: 0,
            met_depth: false,
        };
        if self.orders.row_of(sent.cl_ord_id).is_some() {
            // The key belongs to another order, so this one gets no row.
            order.close(OrdStatus::Rejected, Reason::DuplicateClOrdId);
            let exec_id = self.next_exec_id();
            return push(out, ts, order.report(ExecType::Rejected, exec_id, ts));
        }
        let reason = self.entry_refusal(sent);
        if reason != Reason::None {
            order.close(OrdStatus::Rejected, reason);
        }
        let Some(row) = self.orders.add(order) else { return };
        if reason != Reason::None {
            return self.report(row, ExecType::Rejected, ts, out);
        }
        self.report(row, ExecType::New, ts, out);
        let is_limit = sent.ord_type == OrdType::Limit;
        let limit = match (is_limit, sent.side) {
            (true, _) => sent.price,
            (false, Side::Buy) => Price::MAX,
            (false, Side::Sell) => Price::MIN,
        };
        if sent.time_in_force == TimeInForce::Fok && !self.can_fill_whole(sent, limit) {
            return self.close(row, OrdStatus::Canceled, Reason::FokUnfilled, ts, out);
        }
        self.sweep(row, limit, ts, out);
        let Some(order) = self.orders.get(row) else { return };
        if order.leaves_qty() == Qty::ZERO {
            return;
        }
        match (is_limit, sent.time_in_force) {
            (true, TimeInForce::Gtc | TimeInForce::Gtd | TimeInForce::Gfa | TimeInForce::Gfn) => self.rest(row),
            (true, TimeInForce::Ioc | TimeInForce::Fok) => {
                self.close(row, OrdStatus::Canceled, Reason::ImmediateRestCanceled, ts, out);
            }
            (false, _) => self.close(row, OrdStatus::Canceled, Reason::NoLiquidity, ts, out),
        }
    }

    /// A cancel reaches its venue.
    pub fn on_cancel(&mut self, ts: Ts, sent: &CancelSent, out: &mut Reports) {
        let row = match self.working_row(sent.orig_cl_ord_id) {
            Ok(row) => row,
            Err((ord_status, reason)) => {
                let reject = CancelReject {
                    cl_ord_id: sent.cl_ord_id,
                    orig_cl_ord_id: sent.orig_cl_ord_id,
                    is_replace: false,
                    ord_status,
                    reason,
                };
                return out.push((ts, Input::CancelReject(reject)));
            }
        };
        self.unrest(row);
        let exec_id = self.next_exec_id();
        if let Some(order) = self.orders.get_mut(row) {
            order.close(OrdStatus::Canceled, Reason::CanceledByUser);
            let mut report = order.report(ExecType::Canceled, exec_id, ts);
            (report.cl_ord_id, report.orig_cl_ord_id) = (sent.cl_ord_id, sent.orig_cl_ord_id);
            push(out, ts, report);
        }
    }

    /// A replace reaches its venue. At the same price and no larger the order keeps its place; otherwise it goes to the
    /// back, or takes. A new total that is already filled cancels the rest.
    pub fn on_replace(&mut self, ts: Ts, sent: &ReplaceSent, out: &mut Reports) {
        let row = match self.replaceable_row(sent) {
            Ok(row) => row,
            Err((ord_status, reason)) => {
                let reject = CancelReject {
                    cl_ord_id: sent.cl_ord_id,
                    orig_cl_ord_id: sent.orig_cl_ord_id,
                    is_replace: true,
                    ord_status,
                    reason,
                };
                return out.push((ts, Input::CancelReject(reject)));
            }
        };
        let Some(before) = self.orders.get(row).copied() else { return };
        let is_done = sent.order_qty <= before.cum_qty;
        let keeps_place = sent.price == before.price && sent.order_qty <= before.order_qty && !is_done;
        if !keeps_place {
            self.unrest(row);
        }
        self.orders.add_key(sent.cl_ord_id, row);
        let exec_id = self.next_exec_id();
        let Some(order) = self.orders.get_mut(row) else { return };
        order.cl_ord_id = sent.cl_ord_id;
        if is_done {
            order.close(OrdStatus::Canceled, Reason::CanceledByUser);
            let mut report = order.report(ExecType::Canceled, exec_id, ts);
            report.orig_cl_ord_id = sent.orig_cl_ord_id;
            return push(out, ts, report);
        }
        (order.order_qty, order.price) = (sent.order_qty, sent.price);
        let mut report = order.report(ExecType::Replaced, exec_id, ts);
        report.orig_cl_ord_id = sent.orig_cl_ord_id;
        push(out, ts, report);
        let (arrival, price, leaves) = (order.arrival, order.price, order.leaves_qty());
        if keeps_place {
            if let Some(market) = self.markets.get_mut(before.instrument.index()) {
                market.resting(before.side).set_leaves(arrival, price, leaves);
            }
            return;
        }
        self.sweep(row, price, ts, out);
        if self.orders.get(row).is_some_and(|o| o.leaves_qty() > Qty::ZERO) {
            self.rest(row);
        }
    }

    /// The venue is asked where an order stands. It knows every order that ever reached it, by its latest key or an
    /// earlier one; of any other it says `Rejected`.
    pub fn on_status_request(&mut self, ts: Ts, sent: &StatusRequested, out: &mut Reports) {
        if let Some(row) = self.orders.row_of(sent.cl_ord_id) {
            return self.report(row, ExecType::OrderStatus, ts, out);
        }
        let exec_id = self.next_exec_id();
        let unknown = ExecutionReport {
            instrument: sent.instrument,
            cl_ord_id: sent.cl_ord_id,
            orig_cl_ord_id: ClOrdId(0),
            order_id: 0,
            exec_id,
            exec_ref_id: ExecId(0),
            exec_type: ExecType::OrderStatus,
            ord_status: OrdStatus::Rejected,
            side: Side::Buy,
            order_qty: Qty::ZERO,
            price: Price::ZERO,
            last_qty: Qty::ZERO,
            last_px: Price::ZERO,
            cum_qty: Qty::ZERO,
            leaves_qty: Qty::ZERO,
            is_maker: false,
            fee: Amount::ZERO,
            fee_asset: AssetId(0),
            reason: Reason::UnknownOrder,
            transact_time: ts,
        };
        push(out, ts, unknown);
    }

    /// The venue's own checks of a new order, in this order: instrument, quantity, price, value, post-only.
    fn entry_refusal(&self, sent: &OrderSent) -> Reason {
        let Some(market) = self.markets.get(sent.instrument.index()) else { return Reason::UnknownInstrument };
        let is_limit = sent.ord_type == OrdType::Limit;
        if let Some(reason) = market.bad_terms(sent.order_qty, is_limit.then_some(sent.price)) {
            return reason;
        }
        let takes = sent.post_only && market.depth.crosses(&market.instrument, sent.side, sent.price);
        if takes { Reason::WouldCross } else { Reason::None }
    }

    /// The row of a working order by its current key.
    fn working_row(&self, cl_ord_id: ClOrdId) -> Result<u32, (OrdStatus, Reason)> {
        let unknown = (OrdStatus::Rejected, Reason::UnknownOrder);
        let row = self.orders.row_of(cl_ord_id).ok_or(unknown)?;
        let order = self.orders.get(row).ok_or(unknown)?;
        if order.ord_status.is_closed() {
            return Err((order.ord_status, Reason::OrderClosed));
        }
        if order.cl_ord_id == cl_ord_id { Ok(row) } else { Err((order.ord_status, Reason::UnknownOrder)) }
    }

    fn replaceable_row(&self, sent: &ReplaceSent) -> Result<u32, (OrdStatus, Reason)> {
        let row = self.working_row(sent.orig_cl_ord_id)?;
        let unknown = (OrdStatus::Rejected, Reason::UnknownOrder);
        let order = self.orders.get(row).ok_or(unknown)?;
        let market = self.markets.get(order.instrument.index()).ok_or(unknown)?;
        let refuse = |reason| Err((order.ord_status, reason));
        if self.orders.row_of(sent.cl_ord_id).is_some() {
            return refuse(Reason::DuplicateClOrdId);
        }
        if sent.order_qty > order.cum_qty
            && let Some(reason) = market.bad_terms(sent.order_qty, Some(sent.price))
        {
            return refuse(reason);
        }
        if order.post_only && market.depth.crosses(&market.instrument, order.side, sent.price) {
            return refuse(Reason::WouldCross);
        }
        Ok(row)
    }

    fn can_fill_whole(&self, sent: &OrderSent, limit: Price) -> bool {
        self.markets.get(sent.instrument.index()).is_some_and(|market| {
            market.depth.fillable(&market.instrument, sent.side, limit, sent.order_qty) == sent.order_qty
        })
    }

    /// Takes what an order can within `limit`.
    fn sweep(&mut self, row: u32, limit: Price, ts: Ts, out: &mut Reports) {
        let Self { markets, orders, exec_ids, .. } = self;
        let Some(order) = orders.get_mut(row) else { return };
        let Some(Market { instrument, terms, depth, .. }) = markets.get_mut(order.instrument.index()) else { return };
        depth.take(instrument, order.side, limit, order.leaves_qty(), |last_px, last_qty| {
            *exec_ids = exec_ids.saturating_add(1);
            let fill = Fill { last_qty, last_px, is_maker: false };
            push(out, ts, book_fill(order, instrument, terms, fill, ExecId(*exec_ids), ts));
        });
    }

    /// Fills our resting orders of one side from displayed depth that crosses them, best and oldest first. What the feed
    /// adds came to us: it fills us as makers, at our price. What a snapshot shows to an order that met depth when it
    /// arrived was there before it: that it takes, at the levels' prices, and a post-only order is canceled instead.
    fn fill_crossed(&mut self, event: &MarketEvent, side: Side, out: &mut Reports) {
        let ts = event.ts_event;
        while let Some((arrival, row)) = self.first_crossed(event.instrument, side) {
            let Some(order) = self.orders.get(row) else { return };
            let (price, post_only) = (order.price, order.post_only);
            let takes = event.kind == MarketKind::Live && order.met_depth;
            if takes && post_only {
                self.unrest(row);
                self.close(row, OrdStatus::Canceled, Reason::WouldCross, ts, out);
                continue;
            }
            if takes {
                self.sweep(row, price, ts, out);
            } else {
                self.fill_as_maker(row, ts, out);
            }
            let leaves = self.orders.get(row).map_or(Qty::ZERO, Order::leaves_qty);
            let Some(market) = self.markets.get_mut(event.instrument.index()) else { return };
            if leaves > Qty::ZERO {
                return market.resting(side).set_leaves(arrival, price, leaves);
            }
            market.resting(side).remove(arrival, price);
        }
    }

    /// The first resting order of a side in priority, where it could take: its arrival and row.
    fn first_crossed(&mut self, id: InstrumentId, side: Side) -> Option<(u64, u32)> {
        let market = self.markets.get_mut(id.index())?;
        let (arrival, row, price) = market.resting(side).first()?;
        market.depth.crosses(&market.instrument, side, price).then_some((arrival, row))
    }

    /// Fills an order from crossing depth, at its own price.
    fn fill_as_maker(&mut self, row: u32, ts: Ts, out: &mut Reports) {
        let Self { markets, orders, maker_fills, .. } = self;
        let Some(order) = orders.get(row) else { return };
        let Some(Market { instrument, depth, .. }) = markets.get_mut(order.instrument.index()) else { return };
        maker_fills.push((row, depth.take(instrument, order.side, order.price, order.leaves_qty(), |_, _| ())));
        self.book_maker_fills(ts, out);
    }

    /// Reports the fills that a resting side has already taken out of its queues.
    fn book_maker_fills(&mut self, ts: Ts, out: &mut Reports) {
        let Self { markets, orders, exec_ids, maker_fills, .. } = self;
        for (row, last_qty) in maker_fills.drain(..) {
            let Some(order) = orders.get_mut(row) else { continue };
            let Some(market) = markets.get(order.instrument.index()) else { continue };
            *exec_ids = exec_ids.saturating_add(1);
            let fill = Fill { last_qty, last_px: order.price, is_maker: true };
            push(out, ts, book_fill(order, &market.instrument, &market.terms, fill, ExecId(*exec_ids), ts));
        }
    }

    /// Lets an order wait at the back of its price.
    fn rest(&mut self, row: u32) {
        self.arrivals = self.arrivals.saturating_add(1);
        let Some(order) = self.orders.get_mut(row) else { return };
        order.arrival = self.arrivals;
        let Some(market) = self.markets.get_mut(order.instrument.index()) else { return };
        order.met_depth = market.depth.may_meet(order.side, order.price);
        let shown_e8 = market.depth.shown_at(order.side, order.price);
        market.resting(order.side).add(row, order.arrival, order.price, order.leaves_qty(), shown_e8);
    }

    fn unrest(&mut self, row: u32) {
        let Some(order) = self.orders.get(row) else { return };
        if let Some(market) = self.markets.get_mut(order.instrument.index()) {
            market.resting(order.side).remove(order.arrival, order.price);
        }
    }

    fn close(&mut self, row: u32, ord_status: OrdStatus, reason: Reason, ts: Ts, out: &mut Reports) {
        if let Some(order) = self.orders.get_mut(row) {
            order.close(ord_status, reason);
        }
        self.report(row, ExecType::Canceled, ts, out);
    }

    fn report(&mut self, row: u32, exec_type: ExecType, ts: Ts, out: &mut Reports) {
        let exec_id = self.next_exec_id();
        if let Some(order) = self.orders.get(row) {
            push(out, ts, order.report(exec_type, exec_id, ts));
        }
    }

    const fn next_exec_id(&mut self) -> ExecId {
        self.exec_ids = self.exec_ids.saturating_add(1);
        ExecId(self.exec_ids)
    }
}

impl Market {
    fn has_resting(&self) -> bool {
        !(self.bids.is_empty() && self.asks.is_empty())
    }

    const fn resting(&mut self, side: Side) -> &mut RestingSide {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// What a venue checks of quantity and price; a market order has no price.
    fn bad_terms(&self, order_qty: Qty, price: Option<Price>) -> Option<Reason> {
        let instrument = &self.instrument;
        if order_qty == Qty::ZERO || instrument.feed_qty_of_lots(order_qty).is_none() {
            return Some(Reason::BadQty);
        }
        if order_qty < instrument.min_order_qty {
            return Some(Reason::TooSmall);
        }
        if order_qty > instrument.max_order_qty {
            return Some(Reason::MaxOrderQty);
        }
        let price = price?;
        if price <= Price::ZERO {
            return Some(Reason::BadPrice);
        }
        match instrument.notional(order_qty, price, Rounding::Floor) {
            None => Some(Reason::BadQty),
            Some(value) if value < instrument.min_notional => Some(Reason::TooSmall),
            Some(_) => None,
        }
    }
}

/// One fill before it is booked.
#[derive(Clone, Copy)]
struct Fill {
    last_qty: Qty,
    last_px: Price,
    is_maker: bool,
}

fn book_fill(
    order: &mut Order,
    instrument: &Instrument,
    terms: &VenueTerms,
    fill: Fill,
    exec_id: ExecId,
    ts: Ts,
) -> ExecutionReport {
    let Fill { last_qty, last_px, is_maker } = fill;
    order.fill(last_qty);
    ExecutionReport {
        last_qty,
        last_px,
        is_maker,
        fee: fee_of_fill(instrument, terms, last_qty, last_px, is_maker),
        fee_asset: terms.fee_asset,
        ..order.report(ExecType::Trade, exec_id, ts)
    }
}

fn push(out: &mut Reports, ts: Ts, report: ExecutionReport) {
    out.push((ts, Input::ExecutionReport(report)));
}
