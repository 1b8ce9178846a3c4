//! A slow, obvious market: one list of all orders that is searched each time, no memory of what was looked at before.
//! It follows the rules word by word; where one asks what would happen, it tries that on a copy of itself. The oracle
//! for the fast one, positions of reduce-only orders included.

use std::collections::BTreeMap;

use tiderace_matching::Event;
use tiderace_matching::market::{BandRule, Change, MarketConfig, NewOrder, Place};
use tiderace_types::{
    OrdType, PegTo, PostOnly, Price, Qty, Reason, Refusal, SelfTradePrevention, Side, TimeInForce, TradeKind,
    TradingState, Trigger, Ts,
};

const ONE: i128 = 1_000_000_000;

/// An order, wherever it waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// As it was sent; what a replace changed is changed here.
    pub(super) sent: NewOrder,
    pub(super) place: Place,
    /// Its limit now.
    pub(super) price: i64,
    pub(super) shown: i64,
    pub(super) leaves: i64,
    pub(super) cum: i64,
    /// When it, or its slice, joined the line.
    time: u64,
    /// The trigger price now, of a trailing stop none before its source has a price.
    pub(super) level: Option<i64>,
    pub(super) has_fired: bool,
    is_market: bool,
}

impl Row {
    fn of(sent: NewOrder) -> Self {
        let is_trailing = sent.ord_type == OrdType::TrailingStop;
        Self {
            sent,
            place: Place::Book,
            price: sent.price.get(),
            shown: 0,
            leaves: sent.order_qty.get(),
            cum: 0,
            time: 0,
            level: (!is_trailing).then_some(sent.stop_px.get()),
            has_fired: false,
            is_market: false,
        }
    }

    fn id(&self) -> u64 {
        self.sent.order_id
    }

    fn slice(&self) -> i64 {
        if self.sent.display_qty == Qty::ZERO { self.leaves } else { self.leaves.min(self.sent.display_qty.get()) }
    }

    fn is_immediate(&self) -> bool {
        matches!(self.sent.time_in_force, TimeInForce::Ioc | TimeInForce::Fok)
    }

    fn reaches(&self, price: i64) -> bool {
        reaches(self.sent.side, self.price, price)
    }
}

fn reaches(side: Side, limit: i64, price: i64) -> bool {
    if side == Side::Buy { price <= limit } else { price >= limit }
}

fn qty(lots: i64) -> Qty {
    Qty::new(lots).unwrap()
}

#[derive(Clone)]
pub(super) struct Slow {
    config: MarketConfig,
    pub(super) now: Ts,
    pub(super) state: TradingState,
    is_gathering: bool,
    pub(super) rows: Vec<Row>,
    line: u64,
    fired: Vec<u64>,
    last: Option<i64>,
    mark: Option<i64>,
    index: Option<i64>,
    /// Since the last uncross.
    prints: Vec<(Ts, i64)>,
    auction_end: Option<Ts>,
    extensions: u32,
    indicated: Option<(i64, i64, i64)>,
    positions: BTreeMap<u32, i64>,
    events: Vec<Event>,
}

type Checked<T> = Result<T, Reason>;

impl Slow {
    pub(super) fn new(config: MarketConfig) -> Self {
        Self {
            state: config.state,
            is_gathering: config.state.is_auction(),
            config,
            now: Ts::ZERO,
            rows: Vec::new(),
            line: 0,
            fired: Vec::new(),
            last: None,
            mark: None,
            index: None,
            prints: Vec::new(),
            auction_end: None,
            extensions: 0,
            indicated: None,
            positions: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    /// What happened since it was asked last.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The orders of a side in line.
    pub(super) fn in_line(&self, side: Side) -> Vec<Row> {
        let mut line: Vec<_> =
            self.rows.iter().filter(|row| row.place == Place::Book && row.sent.side == side).collect();
        line.sort_by_key(|row| (-side.sign() * row.price, row.time));
        line.into_iter().copied().collect()
    }

    fn best(&self, side: Side) -> Option<i64> {
        self.in_line(side).first().map(|row| row.price)
    }

    fn find(&self, order_id: u64) -> Option<usize> {
        self.rows.iter().position(|row| row.id() == order_id)
    }

    fn refuse(&mut self, order_id: u64, reason: Reason) {
        self.events.push(Event::Rejected { order_id, refusal: Refusal::plain(reason) });
    }

    // Commands.

    pub(super) fn enter(&mut self, order: &NewOrder) {
        let order_id = order.order_id;
        let limit = match self.admit(order) {
            Ok(limit) => limit,
            Err(reason) => return self.refuse(order_id, reason),
        };
        self.events.push(Event::Accepted { order_id });
        let row = Row::of(*order);
        match order.ord_type {
            OrdType::Limit | OrdType::Market => self.begin(row, limit),
            OrdType::Pegged => match self.peg_price(order) {
                Some(price) => self.go(Row { price, ..row }, 0),
                None if order.time_in_force == TimeInForce::Fok => self.end(&row, Reason::FokUnfilled),
                None if row.is_immediate() => self.end(&row, Reason::ImmediateRestCanceled),
                None => {
                    self.events.push(Event::Suspended { order_id });
                    self.rows.push(Row { place: Place::Suspended, shown: 0, ..row });
                }
            },
            _ => {
                self.rows.push(Row { place: Place::Stop, ..row });
                let is_trailing = order.ord_type == OrdType::TrailingStop;
                // Held against the last trade in an auction it would be held against what was before it.
                let is_stale = self.state.is_auction() && order.trigger == Trigger::Last && !is_trailing;
                if let Some(px) = self.source(order.trigger).filter(|_| !is_stale) {
                    self.hold(order_id, px);
                }
            }
        }
    }

    pub(super) fn cancel(&mut self, order_id: u64, reason: Reason) {
        if let Some(at) = self.find(order_id) {
            let row = self.rows.remove(at);
            self.fired.retain(|&fired| fired != order_id);
            self.end(&row, reason);
        }
    }

    pub(super) fn replace(&mut self, order_id: u64, change: &Change) {
        if let Err(reason) = self.try_replace(order_id, change) {
            self.refuse(order_id, reason);
        }
    }

    fn try_replace(&mut self, order_id: u64, change: &Change) -> Checked<()> {
        let at = self.find(order_id).ok_or(Reason::UnknownOrder)?;
        let row = self.rows[at];
        self.check_state()?;
        let total = change.order_qty.map_or(row.leaves + row.cum, Qty::get);
        if total == 0 {
            return Err(Reason::BadQty);
        }
        if total <= row.cum {
            self.cancel(order_id, Reason::CanceledByUser);
            return Ok(());
        }
        let mut next = row;
        next.leaves = total - row.cum;
        next.price = change.price.map_or(row.price, Price::get);
        next.sent.display_qty = change.display_qty.unwrap_or(row.sent.display_qty);
        next.sent.time_in_force = change.time_in_force.unwrap_or(row.sent.time_in_force);
        next.sent.expire_time = change.expire_time.unwrap_or(row.sent.expire_time);
        let is_stop = row.place == Place::Stop;
        if is_stop && row.sent.min_qty.get() > total {
            return Err(Reason::BadQty);
        }
        if is_stop && change.stop_px.is_some_and(|px| self.check_price(px.get()).is_err()) {
            return Err(Reason::BadTrigger);
        }
        if change.time_in_force.is_some() || change.expire_time.is_some() {
            let had_end = row.sent.time_in_force == TimeInForce::Gtd;
            let end = change.expire_time.unwrap_or(if had_end { row.sent.expire_time } else { self.now });
            self.check_time(next.sent.time_in_force, end)?;
        }
        if let Some(price) = change.price {
            self.check_price(price.get())?;
            self.check_band(row.sent.side, price.get())?;
            if !is_stop && row.sent.ord_type == OrdType::Pegged || is_stop && !row.sent.ord_type.has_limit() {
                return Err(Reason::BadPrice);
            }
            let meets = self.best(row.sent.side.opposite()).is_some_and(|best| next.reaches(best));
            if row.place == Place::Book && !self.state.is_auction() && meets {
                if row.sent.post_only != PostOnly::Off {
                    return Err(Reason::WouldCross);
                }
                if self.state == TradingState::PostOnly {
                    return Err(Reason::PostOnlyState);
                }
            }
        }
        if is_stop {
            self.replace_stop(at, &row, next, change);
            return Ok(());
        }
        let is_in_place = next.price == row.price
            && next.leaves <= row.leaves
            && shown(&next) == shown(&row)
            && !next.is_immediate()
            && row.place == Place::Book;
        self.say_replaced(order_id, next.price, next.leaves, is_in_place);
        if is_in_place {
            next.shown = row.shown.min(next.leaves);
            self.rows[at] = next;
        } else if row.place == Place::Suspended {
            self.rows[at] = next;
        } else {
            self.rows.remove(at);
            self.go(next, 0);
        }
        Ok(())
    }

    fn replace_stop(&mut self, at: usize, row: &Row, mut next: Row, change: &Change) {
        let is_trailing = row.sent.ord_type == OrdType::TrailingStop;
        let price = if is_trailing { 0 } else { next.price };
        self.say_replaced(row.id(), price, next.leaves, next.leaves <= row.leaves);
        let stop_px = change.stop_px.unwrap_or(row.sent.stop_px);
        next.sent.stop_px = stop_px;
        let has_moved = stop_px != row.sent.stop_px && !row.has_fired;
        if has_moved {
            next.level = Some(stop_px.get());
        }
        self.rows[at] = next;
        let is_stale = self.state.is_auction() && row.sent.trigger == Trigger::Last;
        if has_moved
            && !is_trailing
            && let Some(px) = self.source(row.sent.trigger).filter(|_| !is_stale)
        {
            self.hold(row.id(), px);
        }
    }

    fn say_replaced(&mut self, order_id: u64, price: i64, leaves: i64, keeps_priority: bool) {
        let (price, leaves_qty) = (Price::new(price), qty(leaves));
        self.events.push(Event::Replaced { order_id, price, leaves_qty, keeps_priority });
    }

    pub(super) fn hear(&mut self, trigger: Trigger, px: i64) {
        let place = match trigger {
            Trigger::Last => &mut self.last,
            Trigger::Mark => &mut self.mark,
            Trigger::Index => &mut self.index,
        };
        let before = place.replace(px).unwrap_or(px);
        if !self.state.is_auction() {
            self.wake(trigger, px, |level| i128::from(level.abs_diff(before)));
        }
    }

    // What an order must hold to.

    fn admit(&self, order: &NewOrder) -> Checked<i64> {
        let &NewOrder { order_qty, min_qty, ord_type, stop_px, trailing_offset, .. } = order;
        let has_many_slices = order.display_qty != Qty::ZERO && order_qty.get() > 10_000 * order.display_qty.get();
        if order_qty == Qty::ZERO || min_qty > order_qty || has_many_slices {
            return Err(Reason::BadQty);
        }
        if ord_type.has_limit() {
            self.check_price(order.price.get())?;
        }
        if ord_type == OrdType::Pegged && min_qty != Qty::ZERO {
            return Err(Reason::BadQty);
        }
        let is_trailing = ord_type == OrdType::TrailingStop;
        let wants_level = ord_type.is_triggered() && !is_trailing;
        let good_level = if wants_level { self.check_price(stop_px.get()).is_ok() } else { stop_px == Price::ZERO };
        if !good_level || is_trailing != (trailing_offset > Price::ZERO) || trailing_offset < Price::ZERO {
            return Err(Reason::BadTrigger);
        }
        self.check_state()?;
        if self.state.is_auction() && (ord_type == OrdType::Market || order.post_only != PostOnly::Off) {
            return Err(Reason::NotInAuction);
        }
        self.check_time(order.time_in_force, order.expire_time)?;
        if order.reduce_only && self.room(order.owner.account, order.side) == 0 {
            return Err(Reason::NotReducing);
        }
        match ord_type {
            OrdType::Limit | OrdType::Market => self.limit(order),
            _ if ord_type.has_limit() => self.check_band(order.side, order.price.get()).map(|()| 0),
            _ => Ok(0),
        }
    }

    fn check_price(&self, price: i64) -> Checked<()> {
        if price > 0 || self.config.allows_negative { Ok(()) } else { Err(Reason::BadPrice) }
    }

    fn check_state(&self) -> Checked<()> {
        match self.state {
            TradingState::Halted => Err(Reason::Halted),
            TradingState::Closed => Err(Reason::Closed),
            TradingState::CancelOnly => Err(Reason::CancelOnlyState),
            _ => Ok(()),
        }
    }

    fn check_time(&self, time_in_force: TimeInForce, end: Ts) -> Checked<()> {
        match (time_in_force, self.state.is_auction()) {
            (TimeInForce::Ioc | TimeInForce::Fok | TimeInForce::Gfn, true) => Err(Reason::NotInAuction),
            (TimeInForce::Gfa, false) => Err(Reason::AuctionOnly),
            (TimeInForce::Gtd, _) if end <= self.now => Err(Reason::ExpiredOnEntry),
            _ => Ok(()),
        }
    }

    /// The bound of a side: of what the band allows around each reference, the narrower.
    fn bound(&self, side: Side) -> Option<i64> {
        let band = self.config.band?;
        let around = |px: i64, fraction: i64| {
            let by = i128::from(px.abs()) * i128::from(fraction) / ONE;
            px + side.sign() * i64::try_from(by).unwrap()
        };
        let bounds = [(self.mark, band.static_), (self.last, band.dynamic)];
        let bounds = bounds.into_iter().filter_map(|(px, fraction)| Some(around(px?, fraction?.get())));
        if side == Side::Buy { bounds.min() } else { bounds.max() }
    }

    fn check_band(&self, side: Side, price: i64) -> Checked<()> {
        match self.bound(side) {
            Some(bound) if !reaches(side, bound, price) => Err(Reason::PriceBand),
            _ => Ok(()),
        }
    }

    /// The worst price that an order takes.
    fn limit(&self, order: &NewOrder) -> Checked<i64> {
        let side = order.side;
        let makers = self.in_line(side.opposite());
        let limit = if order.ord_type.has_limit() {
            self.check_band(side, order.price.get())?;
            order.price.get()
        } else if let Some(bound) = self.bound(side) {
            let is_inside = |row: &&Row| reaches(side, bound, row.price);
            let inside: i64 = makers.iter().filter(is_inside).map(|row| row.leaves).sum();
            let has_more = makers.iter().any(|row| !is_inside(&row));
            let rejects = self.config.band.is_some_and(|band| band.market == BandRule::Reject);
            if rejects && has_more && inside < order.order_qty.get() {
                return Err(Reason::PriceBand);
            }
            bound
        } else if side == Side::Buy {
            i64::MAX
        } else {
            i64::MIN
        };
        let Some(best) = self.best(side.opposite()).filter(|&best| reaches(side, limit, best)) else {
            return Ok(limit);
        };
        if self.state.is_auction() {
            return Ok(limit);
        }
        if self.state == TradingState::PostOnly {
            return Err(Reason::PostOnlyState);
        }
        let behind = best - side.sign();
        match order.post_only {
            PostOnly::Off => Ok(limit),
            PostOnly::Reprice if order.ord_type.has_limit() && self.check_price(behind).is_ok() => Ok(behind),
            _ => Err(Reason::WouldCross),
        }
    }

    // Trading.

    fn begin(&mut self, row: Row, limit: i64) {
        let is_market = !row.sent.ord_type.has_limit();
        self.go(Row { price: limit, is_market, place: Place::Book, ..row }, row.sent.min_qty.get());
    }

    /// An order meets the book; what is left rests or ends.
    fn go(&mut self, mut taker: Row, min_qty: i64) {
        taker.place = Place::Book;
        let mut is_broken = false;
        if !self.state.is_auction() {
            let is_fok = taker.sent.time_in_force == TimeInForce::Fok;
            let wanted = if is_fok { taker.leaves } else { min_qty };
            let mut tried = taker;
            self.clone().sweep(&mut tried);
            // A reduce-only one counts on no more than it may fill now, also where it would trade with its own account.
            let may = !taker.sent.reduce_only || self.room(taker.sent.owner.account, taker.sent.side) >= wanted;
            if wanted > 0 && !may || tried.cum - taker.cum < wanted {
                return self.end(&taker, if is_fok { Reason::FokUnfilled } else { Reason::MinQtyUnfilled });
            }
            is_broken = !self.sweep(&mut taker);
        }
        if taker.leaves > 0 {
            match self.ending(&taker, is_broken) {
                Some(reason) => self.end(&taker, reason),
                None => self.rest(taker),
            }
        }
        if is_broken && let Some(breaker) = self.config.breaker {
            self.set_state(TradingState::VolatilityAuction, Reason::CircuitBreaker);
            self.auction_end = Some(self.now.plus_ns(breaker.auction_ns));
            self.extensions = 0;
        }
    }

    fn ending(&self, taker: &Row, is_broken: bool) -> Option<Reason> {
        let is_gfn = taker.sent.time_in_force == TimeInForce::Gfn;
        if is_broken && (taker.is_market || taker.is_immediate() || is_gfn) {
            return Some(Reason::CircuitBreaker);
        }
        if taker.is_market {
            let has_more = self.best(taker.sent.side.opposite()).is_some();
            return Some(if has_more { Reason::PriceBand } else { Reason::NoLiquidity });
        }
        if taker.is_immediate() {
            return Some(Reason::ImmediateRestCanceled);
        }
        let is_flat = taker.sent.reduce_only && self.room(taker.sent.owner.account, taker.sent.side) == 0;
        is_flat.then_some(Reason::NotReducing)
    }

    /// False where the circuit breaker forbade the next price.
    fn sweep(&mut self, taker: &mut Row) -> bool {
        let side = taker.sent.side;
        while taker.leaves > 0 {
            let front = self.in_line(side.opposite()).first().copied();
            let Some(maker) = front.filter(|maker| taker.reaches(maker.price)) else { break };
            let mode = taker.sent.self_trade_prevention;
            if mode != SelfTradePrevention::None && group(taker) == group(&maker) {
                self.prevent(taker, &maker);
                continue;
            }
            let mut lots = taker.leaves.min(maker.shown);
            if taker.sent.reduce_only {
                lots = lots.min(self.room(taker.sent.owner.account, side));
                if lots == 0 {
                    self.end(taker, Reason::NotReducing);
                    taker.leaves = 0;
                    break;
                }
            }
            if maker.sent.reduce_only {
                lots = lots.min(self.room(maker.sent.owner.account, side.opposite()));
                if lots == 0 {
                    self.cancel(maker.id(), Reason::NotReducing);
                    continue;
                }
            }
            if self.would_break(maker.price) {
                return false;
            }
            taker.leaves -= lots;
            taker.cum += lots;
            self.fill_maker(&maker, lots, false);
            let leaves = [maker.leaves - lots, taker.leaves];
            self.trade((&maker, taker), leaves, side, maker.price, lots, TradeKind::Continuous);
            self.end_flat(Some(taker));
            self.prints.push((self.now, maker.price));
            self.hear(Trigger::Last, maker.price);
        }
        true
    }

    /// Takes lots from an order of the book. A slice that is used up, and in an uncross any, is followed by a fresh one,
    /// in an uncross in its place.
    fn fill_maker(&mut self, maker: &Row, lots: i64, is_uncross: bool) {
        let at = self.find(maker.id()).unwrap();
        let row = &mut self.rows[at];
        row.leaves -= lots;
        row.cum += lots;
        row.shown -= lots.min(row.shown);
        if row.leaves == 0 {
            self.rows.remove(at);
        } else if is_uncross {
            row.shown = row.slice();
        } else if row.shown == 0 {
            row.shown = row.slice();
            self.line += 1;
            row.time = self.line;
        }
    }

    fn trade(
        &mut self,
        (maker, taker): (&Row, &Row),
        [maker_leaves, taker_leaves]: [i64; 2],
        aggressor: Side,
        price: i64,
        lots: i64,
        kind: TradeKind,
    ) {
        for row in [maker, taker] {
            *self.positions.entry(row.sent.owner.account).or_default() += lots * row.sent.side.sign();
        }
        self.events.push(Event::Trade {
            maker: maker.id(),
            taker: taker.id(),
            aggressor,
            price: Price::new(price),
            qty: qty(lots),
            maker_leaves_qty: qty(maker_leaves),
            taker_leaves_qty: qty(taker_leaves),
            kind,
        });
    }

    /// Reduce-only orders of accounts with nothing to reduce leave, the elder first, wherever they wait.
    fn end_flat(&mut self, taker: Option<&mut Row>) {
        let mut all: Vec<Row> = self.rows.clone();
        all.extend(taker.as_deref().filter(|taker| taker.leaves > 0).copied());
        all.retain(|row| row.sent.reduce_only && self.room(row.sent.owner.account, row.sent.side) == 0);
        all.sort_by_key(Row::id);
        let taker_id = taker.as_deref().map(Row::id);
        let mut ends_taker = false;
        for row in all {
            if Some(row.id()) == taker_id {
                self.end(&row, Reason::NotReducing);
                ends_taker = true;
            } else {
                self.cancel(row.id(), Reason::NotReducing);
            }
        }
        if let Some(taker) = taker.filter(|_| ends_taker) {
            taker.leaves = 0;
        }
    }

    fn prevent(&mut self, taker: &mut Row, maker: &Row) {
        let both = maker.leaves.min(taker.leaves);
        let (of_maker, of_taker) = match taker.sent.self_trade_prevention {
            SelfTradePrevention::None => (0, 0),
            SelfTradePrevention::CancelTaker => (0, taker.leaves),
            SelfTradePrevention::CancelMaker => (maker.leaves, 0),
            SelfTradePrevention::CancelBoth => (maker.leaves, taker.leaves),
            SelfTradePrevention::Decrement => (both, both),
        };
        let at = self.find(maker.id()).unwrap();
        let left = &mut self.rows[at];
        left.leaves -= of_maker;
        left.shown = left.shown.min(left.leaves);
        let left = *left;
        if left.leaves == 0 {
            self.rows.remove(at);
        }
        taker.leaves -= of_taker;
        self.cut(&left, of_maker);
        self.cut(taker, of_taker);
    }

    fn cut(&mut self, row: &Row, lots: i64) {
        let (order_id, reason) = (row.id(), Reason::SelfTrade);
        match (lots, row.leaves) {
            (0, _) => {}
            (_, 0) => self.events.push(Event::Canceled { order_id, qty: qty(lots), reason }),
            (_, leaves) => {
                let price = Price::new(if row.is_market { 0 } else { row.price });
                self.events.push(Event::Restated { order_id, price, leaves_qty: qty(leaves), reason });
            }
        }
    }

    fn rest(&mut self, mut row: Row) {
        self.line += 1;
        row.time = self.line;
        row.shown = row.slice();
        row.place = Place::Book;
        self.rows.push(row);
    }

    fn end(&mut self, row: &Row, reason: Reason) {
        self.events.push(Event::Canceled { order_id: row.id(), qty: qty(row.leaves), reason });
    }

    fn room(&self, account: u32, side: Side) -> i64 {
        let position = self.positions.get(&account).copied().unwrap_or(0);
        (-position * side.sign()).max(0)
    }

    fn would_break(&self, px: i64) -> bool {
        let Some(breaker) = self.config.breaker else { return false };
        let in_window = self.prints.iter().filter(|print| self.now.ns_since(print.0) < breaker.window_ns);
        let mut prints: Vec<i64> = in_window.map(|print| print.1).collect();
        if prints.is_empty() {
            prints.extend(self.last);
        }
        let (Some(&low), Some(&high)) = (prints.iter().min(), prints.iter().max()) else { return false };
        let exceeds =
            |apart: i64, of: i64| i128::from(apart) * ONE > i128::from(of.abs()) * i128::from(breaker.move_.get());
        exceeds(px - low, low) || exceeds(high - px, high)
    }

    // Stops and pegs.

    fn source(&self, trigger: Trigger) -> Option<i64> {
        match trigger {
            Trigger::Last => self.last,
            Trigger::Mark => self.mark,
            Trigger::Index => self.index,
        }
    }

    /// Holds one stop against a price: a trailing level follows, and what is reached fires. True where it does.
    fn hold(&mut self, order_id: u64, px: i64) -> bool {
        let at = self.find(order_id).unwrap();
        let row = &mut self.rows[at];
        if row.sent.ord_type == OrdType::TrailingStop {
            let here = px + row.sent.side.sign() * row.sent.trailing_offset.get();
            let level = row.level.unwrap_or(here);
            row.level = Some(if row.sent.side == Side::Buy { level.min(here) } else { level.max(here) });
        }
        let takes_profit = matches!(row.sent.ord_type, OrdType::TakeProfit | OrdType::TakeProfitLimit);
        let rises = (row.sent.side == Side::Buy) != takes_profit;
        let level = row.level.unwrap();
        let is_reached = if rises { px >= level } else { px <= level };
        if is_reached {
            row.has_fired = true;
            self.fired.push(order_id);
        }
        is_reached
    }

    /// Holds all that listen to a source against a price; what is reached fires, the least away first, then the elder.
    fn wake(&mut self, trigger: Trigger, px: i64, away: impl Fn(i64) -> i128) {
        let listens = |row: &&Row| row.place == Place::Stop && row.sent.trigger == trigger && !row.has_fired;
        let ids: Vec<u64> = self.rows.iter().filter(listens).map(Row::id).collect();
        let woken_before = self.fired.len();
        for order_id in ids {
            self.hold(order_id, px);
        }
        let mut woken = self.fired.split_off(woken_before);
        woken.sort_by_key(|&id| (away(self.rows[self.find(id).unwrap()].level.unwrap()), id));
        self.fired.extend(woken);
    }

    pub(super) fn settle(&mut self) {
        while self.settle_pegs() || self.settle_stop() {}
    }

    fn settle_stop(&mut self) -> bool {
        if !matches!(self.state, TradingState::Continuous | TradingState::PostOnly) || self.fired.is_empty() {
            return false;
        }
        let order_id = self.fired.remove(0);
        let row = self.rows.remove(self.find(order_id).unwrap());
        self.events.push(Event::Triggered { order_id });
        let as_now = NewOrder { price: Price::new(row.price), order_qty: qty(row.leaves), ..row.sent };
        match self.limit(&as_now) {
            Ok(limit) => self.begin(row, limit),
            Err(reason) => self.end(&row, reason),
        }
        true
    }

    fn settle_pegs(&mut self) -> bool {
        let has_moved = self.check_state().is_ok() && self.move_pegs();
        if self.state.is_auction() && !has_moved {
            let now = self.indication();
            if now != self.indicated {
                self.indicated = now;
                let (price, lots, surplus) = now.unwrap_or((0, 0, 0));
                self.events.push(Event::Indication {
                    price: Price::new(price),
                    qty: qty(lots),
                    surplus: qty(surplus.abs()),
                    surplus_side: if surplus < 0 { Side::Sell } else { Side::Buy },
                });
            }
        }
        has_moved
    }

    /// Each peg once, the elder first.
    fn move_pegs(&mut self) -> bool {
        let is_peg = |row: &&Row| row.sent.ord_type == OrdType::Pegged;
        let mut pegs: Vec<u64> = self.rows.iter().filter(is_peg).map(Row::id).collect();
        pegs.sort_unstable();
        let mut has_moved = false;
        for order_id in pegs {
            // It may have left since.
            let Some(at) = self.find(order_id) else { continue };
            let row = self.rows[at];
            let is_resting = row.place == Place::Book;
            let price = self.peg_price(&row.sent);
            if price == is_resting.then_some(row.price) {
                continue;
            }
            has_moved = true;
            if let Some(px) = price {
                let (price, leaves_qty) = (Price::new(px), qty(row.leaves));
                self.events.push(Event::Restated { order_id, price, leaves_qty, reason: Reason::ReferenceMoved });
                self.rows.remove(at);
                self.go(Row { price: px, ..row }, 0);
            } else {
                self.events.push(Event::Suspended { order_id });
                self.rows[at].place = Place::Suspended;
                self.rows[at].shown = 0;
            }
        }
        has_moved
    }

    /// Where a peg belongs; none where it is suspended.
    fn peg_price(&self, peg: &NewOrder) -> Option<i64> {
        if self.state.is_auction() {
            return None;
        }
        let side = peg.side;
        let plain = |side| self.in_line(side).into_iter().find(|row| row.sent.ord_type != OrdType::Pegged);
        let best = |side| plain(side).map(|row: Row| row.price);
        let reference = match peg.peg_to {
            PegTo::Best => best(side)?,
            PegTo::Opposite => best(side.opposite())?,
            PegTo::Mark => self.mark?,
            PegTo::Mid => {
                let sum = best(Side::Buy)? + best(Side::Sell)?;
                if side == Side::Buy { sum.div_euclid(2) } else { -(-sum).div_euclid(2) }
            }
        };
        let mut price = reference + peg.peg_offset.get();
        // The most that a buyer bids, the least that a seller asks.
        let mut hold = |most: i64| price = if side == Side::Buy { price.min(most) } else { price.max(most) };
        if (peg.post_only != PostOnly::Off || self.state == TradingState::PostOnly)
            && let Some(touch) = self.best(side.opposite())
        {
            hold(touch - side.sign());
        }
        if let Some(bound) = self.bound(side) {
            hold(bound);
        }
        self.check_price(price).ok().map(|()| price)
    }

    // States, auctions and the clock.

    pub(super) fn set_state(&mut self, state: TradingState, reason: Reason) {
        if self.state == state {
            return;
        }
        let was_auction = self.state.is_auction();
        let mut print = None;
        let is_over = was_auction || !state.is_auction();
        if self.is_gathering && is_over && state != TradingState::Halted {
            self.is_gathering = false;
            while let Some((price, ..)) = self.indication() {
                print = self.uncross(price).or(print);
            }
            self.end_all(TimeInForce::Gfa, Reason::AuctionEnded);
        }
        self.is_gathering |= state.is_auction();
        self.state = state;
        self.auction_end = None;
        self.indicated = None;
        self.events.push(Event::StateChanged { state, reason });
        if let Some(px) = print {
            self.prints = vec![(self.now, px)];
            let before = self.last.unwrap_or(px);
            self.hear(Trigger::Last, px);
            if state.is_auction() {
                self.wake(Trigger::Last, px, |level| i128::from(level.abs_diff(before)));
            }
        }
        if was_auction && !state.is_auction() {
            for trigger in [Trigger::Mark, Trigger::Index] {
                if let Some(px) = self.source(trigger) {
                    self.wake(trigger, px, |level| -i128::from(level.abs_diff(px)));
                }
            }
        }
        if state.is_auction() && !was_auction {
            self.end_all(TimeInForce::Gfn, Reason::AuctionBegan);
        }
    }

    fn end_all(&mut self, time_in_force: TimeInForce, reason: Reason) {
        let ends = |row: &&Row| row.sent.time_in_force == time_in_force;
        let mut ids: Vec<u64> = self.rows.iter().filter(ends).map(Row::id).collect();
        ids.sort_unstable();
        for order_id in ids {
            self.cancel(order_id, reason);
        }
    }

    /// Price, volume, and what buyers (above zero) or sellers would have left: every tick is tried.
    fn indication(&self) -> Option<(i64, i64, i64)> {
        let (bids, asks) = (self.in_line(Side::Buy), self.in_line(Side::Sell));
        let (high, low) = (bids.first()?.price, asks.first()?.price);
        let at = |price: i64| {
            let of = |rows: &[Row]| rows.iter().filter(|row| row.reaches(price)).map(|row| row.leaves).sum::<i64>();
            let (demand, supply) = (of(&bids), of(&asks));
            (price, demand.min(supply), demand - supply)
        };
        let mut all: Vec<_> = (low..=high).map(at).collect();
        let most = all.iter().map(|at| at.1).max()?;
        all.retain(|at| at.1 == most);
        let least = all.iter().map(|at| at.2.abs()).min()?;
        all.retain(|at| at.2.abs() == least);
        if all.iter().all(|at| at.2 > 0) {
            return all.last().copied();
        }
        if all.iter().all(|at| at.2 < 0) {
            return all.first().copied();
        }
        let reference = self.last.or(self.mark).unwrap_or((low + high).div_euclid(2));
        all.into_iter().min_by_key(|at| ((at.0 - reference).abs(), at.0))
    }

    fn uncross(&mut self, price: i64) -> Option<i64> {
        let mut print = None;
        loop {
            let front = |side| self.in_line(side).first().copied().filter(|row| row.reaches(price));
            let (Some(bid), Some(ask)) = (front(Side::Buy), front(Side::Sell)) else { return print };
            let mut lots = bid.leaves.min(ask.leaves);
            for row in [&bid, &ask] {
                if row.sent.reduce_only && lots > 0 {
                    lots = lots.min(self.room(row.sent.owner.account, row.sent.side));
                    if lots == 0 {
                        self.cancel(row.id(), Reason::NotReducing);
                    }
                }
            }
            if lots == 0 {
                continue;
            }
            print = Some(price);
            self.fill_maker(&bid, lots, true);
            self.fill_maker(&ask, lots, true);
            let aggressor = if bid.id() > ask.id() { Side::Buy } else { Side::Sell };
            let leaves = [bid.leaves - lots, ask.leaves - lots];
            self.trade((&bid, &ask), leaves, aggressor, price, lots, TradeKind::Auction);
            self.end_flat(None);
        }
    }

    pub(super) fn next_timer(&self) -> Option<Ts> {
        self.first_to_expire().map(|(ts, _)| ts).into_iter().chain(self.auction_end).min()
    }

    fn first_to_expire(&self) -> Option<(Ts, u64)> {
        let dated = self.rows.iter().filter(|row| row.sent.time_in_force == TimeInForce::Gtd);
        dated.map(|row| (row.sent.expire_time, row.id())).min()
    }

    pub(super) fn on_timer(&mut self) {
        if self.auction_end == Some(self.now) {
            let would_break = self.indication().is_some_and(|(price, ..)| self.would_break(price));
            match self.config.breaker {
                Some(breaker) if would_break && self.extensions < breaker.max_extensions => {
                    self.extensions += 1;
                    self.auction_end = Some(self.now.plus_ns(breaker.extension_ns));
                }
                _ => self.set_state(TradingState::Continuous, Reason::TimeReached),
            }
        } else if let Some((_, order_id)) = self.first_to_expire() {
            let row = self.rows.remove(self.find(order_id).unwrap());
            self.fired.retain(|&fired| fired != order_id);
            self.events.push(Event::Expired { order_id, qty: qty(row.leaves), reason: Reason::TimeReached });
        }
    }
}

/// Accounts below two are one group.
fn group(row: &Row) -> u32 {
    row.sent.owner.group
}

fn shown(row: &Row) -> i64 {
    if row.sent.display_qty == Qty::ZERO { i64::MAX } else { row.sent.display_qty.get() }
}
