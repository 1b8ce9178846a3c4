//! A slow, obvious matcher: a list of orders that is searched each time. The oracle for the fast one.

use tiderace_matching::{Command, Event, NewOrder, SelfTradePrevention};
use tiderace_types::{OrdType, Price, Qty, Reason, Refusal, Side, TimeInForce, TradeKind};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Resting {
    pub(crate) order_id: u64,
    pub(crate) owner: u32,
    pub(crate) side: Side,
    pub(crate) price: i64,
    pub(crate) shown: i64,
    pub(crate) leaves: i64,
    pub(crate) cum: i64,
    display: i64,
    post_only: bool,
    mode: SelfTradePrevention,
    /// When it, or its slice, joined the line.
    time: u64,
}

#[derive(Clone, Default)]
pub(crate) struct Slow {
    orders: Vec<Resting>,
    clock: u64,
}

impl Slow {
    /// The orders of a side, first in line first.
    pub(crate) fn line(&self, side: Side) -> Vec<Resting> {
        let mut line: Vec<_> = self.orders.iter().filter(|order| order.side == side).copied().collect();
        line.sort_by_key(rank);
        line
    }

    /// What is shown, and what rests, at a price.
    pub(crate) fn level(&self, side: Side, price: i64) -> (i64, i64) {
        let at = self.orders.iter().filter(|order| order.side == side && order.price == price);
        at.fold((0, 0), |(shown, leaves), order| (shown + order.shown, leaves + order.leaves))
    }

    pub(crate) fn best(&self, side: Side) -> Option<i64> {
        self.first(side).map(|at| self.orders[at].price)
    }

    pub(crate) fn apply(&mut self, command: &Command) -> Vec<Event> {
        let mut events = Vec::new();
        let (order_id, refused) = match *command {
            Command::New(order) => (order.order_id, self.enter(&order, &mut events)),
            Command::Cancel { order_id } => (order_id, self.cancel(order_id, &mut events)),
            Command::Replace { order_id, price, order_qty } => {
                (order_id, self.replace(order_id, price.get(), order_qty.get(), &mut events))
            }
        };
        if let Some(reason) = refused {
            events.push(Event::Rejected { order_id, refusal: Refusal::plain(reason) });
        }
        events
    }

    fn enter(&mut self, order: &NewOrder, events: &mut Vec<Event>) -> Option<Reason> {
        let is_market = order.ord_type == OrdType::Market;
        let may_rest = !is_market && !matches!(order.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        let lots = order.order_qty.get();
        let market_price = if order.side == Side::Buy { i64::MAX } else { i64::MIN };
        let incoming = Resting {
            order_id: order.order_id,
            owner: order.owner,
            side: order.side,
            price: if is_market { market_price } else { order.price.get() },
            shown: 0,
            leaves: lots,
            cum: 0,
            display: order.display_qty.map_or(i64::MAX, Qty::get),
            post_only: order.post_only,
            mode: order.self_trade_prevention,
            time: 0,
        };
        if lots == 0 || order.min_qty.get() > lots || i128::from(lots) > 10_000 * i128::from(incoming.display) {
            return Some(Reason::BadQty);
        }
        if self.find(order.order_id).is_some() {
            return Some(Reason::DuplicateOrderId);
        }
        if may_rest && !self.has_room(order.side, 0, lots) {
            return Some(Reason::SideFull);
        }
        if order.post_only && self.crosses(&incoming) {
            return Some(Reason::WouldCross);
        }
        events.push(Event::Accepted { order_id: order.order_id });
        let is_fok = order.time_in_force == TimeInForce::Fok;
        let wanted = if is_fok { lots } else { order.min_qty.get() };
        // Try it on a copy of the market.
        if wanted > 0 && self.clone().sweep(incoming, is_market, &mut Vec::new()).cum < wanted {
            let reason = if is_fok { Reason::FokUnfilled } else { Reason::MinQtyUnfilled };
            events.push(Event::Canceled { order_id: order.order_id, qty: order.order_qty, reason });
            return None;
        }
        let left = self.sweep(incoming, is_market, events);
        if left.leaves > 0 && may_rest {
            self.rest(left);
        } else if left.leaves > 0 {
            let reason = if is_market { Reason::NoLiquidity } else { Reason::ImmediateRestCanceled };
            events.push(Event::Canceled { order_id: order.order_id, qty: qty(left.leaves), reason });
        }
        None
    }

    fn cancel(&mut self, order_id: u64, events: &mut Vec<Event>) -> Option<Reason> {
        let Some(at) = self.find(order_id) else { return Some(Reason::UnknownOrder) };
        let order = self.orders.remove(at);
        events.push(Event::Canceled { order_id, qty: qty(order.leaves), reason: Reason::CanceledByUser });
        None
    }

    fn replace(&mut self, order_id: u64, price: i64, lots: i64, events: &mut Vec<Event>) -> Option<Reason> {
        let Some(at) = self.find(order_id) else { return Some(Reason::UnknownOrder) };
        let old = self.orders[at];
        if lots <= old.cum {
            return self.cancel(order_id, events);
        }
        let leaves = lots - old.cum;
        let keeps_priority = price == old.price && leaves < old.leaves;
        let new = Resting { price, leaves, shown: old.shown.min(leaves), ..old };
        if !keeps_priority && i128::from(leaves) > 10_000 * i128::from(old.display) {
            return Some(Reason::BadQty);
        }
        if !keeps_priority && !self.has_room(old.side, old.leaves, leaves) {
            return Some(Reason::SideFull);
        }
        if !keeps_priority && old.post_only && self.crosses(&new) {
            return Some(Reason::WouldCross);
        }
        events.push(Event::Replaced { order_id, price: Price::new(price), leaves_qty: qty(leaves), keeps_priority });
        if keeps_priority {
            self.orders[at] = new;
        } else {
            self.orders.remove(at);
            let left = self.sweep(new, false, events);
            if left.leaves > 0 {
                self.rest(left);
            }
        }
        None
    }

    /// Trades until prices meet no more, or nothing is left; returns the incoming order as it then is.
    fn sweep(&mut self, mut taker: Resting, is_market: bool, events: &mut Vec<Event>) -> Resting {
        while taker.leaves > 0 && self.crosses(&taker) {
            let at = self.first(taker.side.opposite()).unwrap();
            let mut maker = self.orders[at];
            if maker.owner == taker.owner && taker.mode != SelfTradePrevention::None {
                let smaller = maker.leaves.min(taker.leaves);
                let (of_maker, of_taker) = match taker.mode {
                    SelfTradePrevention::None => unreachable!(),
                    SelfTradePrevention::CancelTaker => (0, taker.leaves),
                    SelfTradePrevention::CancelMaker => (maker.leaves, 0),
                    SelfTradePrevention::CancelBoth => (maker.leaves, taker.leaves),
                    SelfTradePrevention::Decrement => (smaller, smaller),
                };
                maker.leaves -= of_maker;
                maker.shown = maker.shown.min(maker.leaves);
                taker.leaves -= of_taker;
                for (order, cut) in [(&maker, of_maker), (&taker, of_taker)] {
                    let (order_id, reason) = (order.order_id, Reason::SelfTrade);
                    match (cut, order.leaves) {
                        (0, _) => {}
                        (_, 0) => events.push(Event::Canceled { order_id, qty: qty(cut), reason }),
                        (_, leaves) => {
                            // A market order has no price of its own.
                            let is_bare = is_market && order_id == taker.order_id;
                            let price = Price::new(if is_bare { 0 } else { order.price });
                            let leaves_qty = qty(leaves);
                            events.push(Event::Restated { order_id, price, leaves_qty, reason });
                        }
                    }
                }
            } else {
                let lots = taker.leaves.min(maker.shown);
                maker.shown -= lots;
                maker.leaves -= lots;
                maker.cum += lots;
                taker.leaves -= lots;
                taker.cum += lots;
                events.push(Event::Trade {
                    maker: maker.order_id,
                    taker: taker.order_id,
                    aggressor: taker.side,
                    price: Price::new(maker.price),
                    qty: qty(lots),
                    maker_leaves_qty: qty(maker.leaves),
                    taker_leaves_qty: qty(taker.leaves),
                    kind: TradeKind::Continuous,
                });
            }
            if maker.leaves == 0 {
                self.orders.remove(at);
            } else if maker.shown == 0 {
                self.orders.remove(at);
                self.rest(maker);
            } else {
                self.orders[at] = maker;
            }
        }
        taker
    }

    fn rest(&mut self, order: Resting) {
        self.clock += 1;
        self.orders.push(Resting { shown: order.leaves.min(order.display), time: self.clock, ..order });
    }

    fn first(&self, side: Side) -> Option<usize> {
        let of_side = self.orders.iter().enumerate().filter(|(_, order)| order.side == side);
        of_side.min_by_key(|(_, order)| rank(order)).map(|(at, _)| at)
    }

    fn find(&self, order_id: u64) -> Option<usize> {
        self.orders.iter().position(|order| order.order_id == order_id)
    }

    fn crosses(&self, order: &Resting) -> bool {
        let Some(best) = self.best(order.side.opposite()) else { return false };
        if order.side == Side::Buy { order.price >= best } else { order.price <= best }
    }

    fn has_room(&self, side: Side, less: i64, more: i64) -> bool {
        let resting: i128 = self.orders.iter().filter(|o| o.side == side).map(|o| i128::from(o.leaves)).sum();
        resting - i128::from(less) + i128::from(more) <= i128::from(i64::MAX)
    }
}

/// Price, then time.
fn rank(order: &Resting) -> (i128, u64) {
    (-i128::from(order.side.sign()) * i128::from(order.price), order.time)
}

fn qty(lots: i64) -> Qty {
    Qty::new(lots).unwrap()
}
