//! Trading states, auctions from begin to uncross, and what the clock does.
//!
//! Auctions wake no stops. After one the uncross print does, then the mark and the index as they are by then.
//!
//! Due at one time, first what ends auctions, then the schedule, then expiries, the elder first.

use std::collections::BTreeMap;

use tiderace_book::by_order::Order;
use tiderace_types::{Price, Qty, Reason, Side, TimeInForce, TradeKind, TradingState, Trigger, Ts};

use super::auction::{Depth, uncross_price};
use super::off_book::{Turn, Watched};
use super::{BookChange, Fill, Host, Indication, Market, OffBook, Resting};
use crate::event::Event;
use crate::sweep::{Watch, trade};

const DAY_NS: i64 = 86_400_000_000_000;

impl Market {
    /// Changes what may happen. Leaving an auction for any state but `halted` uncrosses first.
    pub fn set_state<H: Host>(
        &mut self,
        ts: Ts,
        state: TradingState,
        reason: Reason,
        host: &mut H,
        events: &mut Vec<Event>,
    ) {
        if self.off.state == state {
            return;
        }
        self.off.put_off = None;
        let was_auction = self.off.state.is_auction();
        let mut print = None;
        // An auction after a halt gathers on.
        let goes_on = state == TradingState::Halted || (state.is_auction() && !was_auction);
        let uncrosses = self.off.is_gathering && !goes_on;
        if uncrosses {
            // What reduce-only orders did not trade may leave others crossed: they uncross again.
            while let Some(indication) = self.indication() {
                // Who may not trade there leaves first: without it the price may be another.
                if self.end_refused(&indication, host, events) {
                    continue;
                }
                print = self.uncross(indication.price, host, events).or(print);
            }
            self.end_all(TimeInForce::Gfa, Reason::AuctionEnded, host, events);
        }
        self.off.is_gathering = state.is_auction() || (self.off.is_gathering && !uncrosses);
        self.off.state = state;
        self.off.auction_end = None;
        self.off.indicated = None;
        events.push(Event::StateChanged { state, reason });
        if let Some(px) = print {
            self.off.prints.clear();
            let before = self.off.last_px.unwrap_or(px);
            self.off.print(ts, px);
            if state.is_auction() {
                // The print of the auction that is over wakes stops; they enter when the next one is over too.
                self.off.stops.scan(Trigger::Last, px, Some(before));
            }
        }
        if was_auction && !state.is_auction() {
            self.off.hear_again();
        }
        if state.is_auction() && !was_auction {
            self.end_all(TimeInForce::Gfn, Reason::AuctionBegan, host, events);
        }
    }

    /// Where the book would uncross; none where it does not cross.
    #[must_use]
    pub fn indication(&self) -> Option<Indication> {
        let (bid, ask) = (self.book.best(Side::Buy)?, self.book.best(Side::Sell)?);
        if bid.price < ask.price {
            return None;
        }
        let levels = |side, reaches: &dyn Fn(Price) -> bool| -> Vec<Depth> {
            let levels = self.book.levels(side).take_while(|level| reaches(level.price));
            levels.map(|level| (level.price, level.total_qty)).collect()
        };
        let bids = levels(Side::Buy, &|px| px >= ask.price);
        let asks = levels(Side::Sell, &|px| px <= bid.price);
        uncross_price(&bids, &asks, self.off.last_px.or(self.off.mark))
    }

    /// When something is due by itself.
    #[must_use]
    pub fn next_timer(&self) -> Option<Ts> {
        let off = &self.off;
        let expiry = off.expiries.first().map(|first| first.0);
        if off.scheduled.is_none() && off.put_off.is_none() && off.auction_end.is_none() {
            return expiry;
        }
        let turns = [off.auction_end, off.put_off.map(|turn| turn.0), off.scheduled.map(|turn| turn.0)];
        turns.into_iter().flatten().chain(expiry).min()
    }

    /// Does the one thing that is due first, where that is not after `ts`; the settling comes after each.
    pub fn on_timer<H: Host>(&mut self, ts: Ts, host: &mut H, events: &mut Vec<Event>) {
        let Some(due) = self.next_timer().filter(|&due| due <= ts) else { return };
        if self.off.auction_end == Some(due) {
            self.end_volatility(due, host, events);
        } else if let Some((_, state)) = self.off.put_off.take_if(|turn| turn.0 == due) {
            self.set_state(due, state, Reason::Scheduled, host, events);
        } else if let Some((_, state)) = self.off.scheduled.take_if(|turn| turn.0 == due) {
            self.off.scheduled = self.off.turn_after(due);
            self.turn(due, state, host, events);
        } else if let Some((_, order_id)) = self.off.expiries.first() {
            self.off.expiries.remove(order_id);
            if let Some(qty) = self.off.take_out(&mut self.book, order_id, host) {
                events.push(Event::Expired { order_id, qty, reason: Reason::TimeReached });
            }
        }
    }

    /// A turn of the schedule: the end of an auction may be put off by a random time.
    fn turn<H: Host>(&mut self, ts: Ts, state: TradingState, host: &mut H, events: &mut Vec<Event>) {
        let ends_auction = self.off.state.is_auction() && state != self.off.state;
        let delay_ns = if ends_auction { self.off.draw_ns() } else { 0 };
        if delay_ns > 0 {
            self.off.put_off = Some((ts.plus_ns(delay_ns), state));
        } else {
            self.set_state(ts, state, Reason::Scheduled, host, events);
        }
    }

    /// The next trade would be a move too large: an auction begins.
    pub(super) fn break_circuit<H: Host>(&mut self, ts: Ts, host: &mut H, events: &mut Vec<Event>) {
        let Some(breaker) = self.off.config.breaker else { return };
        self.set_state(ts, TradingState::VolatilityAuction, Reason::CircuitBreaker, host, events);
        let delay_ns = self.off.draw_ns();
        self.off.auction_end = Some(ts.plus_ns(breaker.auction_ns).plus_ns(delay_ns));
        self.off.extensions = 0;
    }

    /// An auction of the breaker is over, or goes on where it would still break.
    fn end_volatility<H: Host>(&mut self, ts: Ts, host: &mut H, events: &mut Vec<Event>) {
        let indication = self.indication();
        let off = &mut self.off;
        let Some(breaker) = off.config.breaker else { return };
        let would_break = indication.is_some_and(|at| off.prints.would_break(&breaker, ts, at.price, off.last_px));
        if would_break && off.extensions < breaker.max_extensions {
            off.extensions = off.extensions.saturating_add(1);
            off.auction_end = Some(ts.plus_ns(breaker.extension_ns));
        } else {
            self.set_state(ts, TradingState::Continuous, Reason::TimeReached, host, events);
        }
    }

    /// Trades all that meets at a price, whole orders in price-time priority; the price where anything traded.
    fn uncross<H: Host>(&mut self, price: Price, host: &mut H, events: &mut Vec<Event>) -> Option<Price> {
        let mut has_traded = false;
        loop {
            let bid = self.book.front(Side::Buy).filter(|order| order.price >= price).copied();
            let ask = self.book.front(Side::Sell).filter(|order| order.price <= price).copied();
            let (Some(bid), Some(ask)) = (bid, ask) else { break };
            let mut qty = bid.leaves_qty().min(ask.leaves_qty());
            for order in [&bid, &ask] {
                if order.terms.is_reduce_only() && qty > Qty::ZERO {
                    let watch = &mut Watched::new(&mut self.off, host, Ts::ZERO);
                    qty = qty.min(watch.cap(order.order_id, order.owner, order.side, qty));
                    if qty == Qty::ZERO {
                        self.cancel(order.order_id, Reason::NotReducing, host, events);
                    }
                }
            }
            if qty == Qty::ZERO {
                continue;
            }
            has_traded = true;
            let mut leaves_qty = [Qty::ZERO; 2];
            for (order, leaves_qty) in [&bid, &ask].into_iter().zip(&mut leaves_qty) {
                let order_id = order.order_id;
                *leaves_qty = self.book.fill_front_whole(order.side, qty).unwrap_or(Qty::ZERO);
                if *leaves_qty == Qty::ZERO {
                    host.book_changed(&BookChange::Remove { order_id });
                    self.off.forget(order_id, order.terms);
                } else {
                    let visible_qty = self.book.get(order_id).map_or(Qty::ZERO, |order| order.visible_qty);
                    host.book_changed(&BookChange::Set { order_id, visible_qty });
                }
            }
            let [maker_leaves_qty, taker_leaves_qty] = leaves_qty;
            let fill = Fill {
                maker: bid.order_id,
                taker: ask.order_id,
                maker_account: bid.owner,
                taker_account: ask.owner,
                aggressor: if bid.order_id > ask.order_id { Side::Buy } else { Side::Sell },
                price,
                qty,
                kind: TradeKind::Auction,
                maker_leaves_qty,
                taker_leaves_qty,
            };
            events.push(trade(&fill));
            self.off.tell_fill(&mut self.book, &fill, None, host, events);
        }
        has_traded.then_some(price)
    }

    /// Cancels what would trade in an uncross and may not; false where nothing is refused.
    fn end_refused<H: Host>(&mut self, at: &Indication, host: &mut H, events: &mut Vec<Event>) -> bool {
        if H::IS_SILENT {
            return false;
        }
        let mut refused = Vec::new();
        for side in [Side::Buy, Side::Sell] {
            let mut left = at.qty;
            let mut traded: BTreeMap<u32, Qty> = BTreeMap::new();
            let levels = self.book.levels(side).map(|level| level.price);
            let meets = |price: &Price| if side == Side::Buy { *price >= at.price } else { *price <= at.price };
            for order in levels.take_while(meets).flat_map(|price| self.book.orders(side, price)) {
                if left == Qty::ZERO {
                    break;
                }
                let qty = order.leaves_qty().min(left);
                let Order { order_id, owner: account, .. } = *order;
                if order.terms.is_reduce_only() {
                    // It trades down to flat at most, which nobody is refused.
                    left = left.saturating_sub(host.cap(order_id, self.off.owner(account), side, qty));
                    continue;
                }
                let of_account = traded.entry(account).or_default();
                let all = of_account.checked_add(qty).unwrap_or(Qty::MAX);
                match host.refuses(&Resting { order_id, account, side, price: at.price }, all) {
                    Some(reason) => refused.push((order_id, reason)),
                    None => {
                        *of_account = all;
                        left = left.saturating_sub(qty);
                    }
                }
            }
        }
        let is_any = !refused.is_empty();
        for (order_id, reason) in refused {
            self.cancel(order_id, reason, host, events);
        }
        is_any
    }

    /// Cancels all orders of a time in force, the elder first.
    fn end_all<H: Host>(&mut self, time_in_force: TimeInForce, reason: Reason, host: &mut H, events: &mut Vec<Event>) {
        let pegs = &self.off.pegs;
        let suspended = pegs.rows.iter().filter_map(|peg| pegs.suspended(peg.order_id));
        let of_book =
            super::in_line(&self.book).chain(suspended).map(|order| (order.order_id, order.terms.time_in_force));
        let of_stops = self.off.stops.iter().map(|order| (order.order_id, order.time_in_force));
        let mut ending: Vec<u64> =
            of_book.chain(of_stops).filter(|order| order.1 == time_in_force).map(|order| order.0).collect();
        ending.sort_unstable();
        for order_id in ending {
            self.cancel(order_id, reason, host, events);
        }
    }

    /// Says where the auction would uncross, where that is news.
    pub(super) fn indicate(&mut self, events: &mut Vec<Event>) {
        let now = self.indication();
        if now == self.off.indicated {
            return;
        }
        self.off.indicated = now;
        let nothing = Indication { price: Price::ZERO, qty: Qty::ZERO, surplus: Qty::ZERO, surplus_side: Side::Buy };
        let Indication { price, qty, surplus, surplus_side } = now.unwrap_or(nothing);
        events.push(Event::Indication { price, qty, surplus, surplus_side });
    }
}

impl OffBook {
    /// The first turn of the schedule after `ts`; of two at one time, the one that is listed last.
    pub(super) fn turn_after(&self, ts: Ts) -> Option<Turn> {
        let midnight = ts.get().saturating_sub(ts.get().rem_euclid(DAY_NS));
        let turns = self.config.schedule.iter().rev().map(|turn| {
            let today = midnight.saturating_add(turn.time_of_day_ns);
            let at = if today > ts.get() { today } else { today.saturating_add(DAY_NS) };
            (Ts::new(at), turn.state)
        });
        turns.filter(|turn| turn.0 > ts).min_by_key(|turn| turn.0)
    }

    /// The next random time, zero where there are none.
    fn draw_ns(&mut self) -> i64 {
        let Some(random) = self.config.random_end else { return 0 };
        self.draws = self.draws.wrapping_add(1);
        // SplitMix64: the n-th draw of a seed, whatever happened before.
        let mut x = random.seed.wrapping_add(self.draws.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
        let span = u64::try_from(random.max_ns).unwrap_or(0).saturating_add(1);
        i64::try_from(x.checked_rem(span).unwrap_or(0)).unwrap_or(0)
    }
}
