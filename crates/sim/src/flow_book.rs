//! One book of a generated flow: a row of prices, each a level step from the next, and the orders that arrive at it.
//!
//! Bids fill the row up to `bid`, asks from `ask` on, nothing lies between; both are always there: the last level of a
//! side is never taken away.

use tiderace_types::{InstrumentId, MarketEvent, MarketKind, Price, Side, Ts};

use crate::flow::{FlowConfig, FlowTerms};
use crate::rng::{self, Rng};

/// Slots of the table that turns a draw into a distance.
const DISTANCE_SLOTS: usize = 4_096;
/// Most levels on either side of the start, whatever the fair value does.
const HALF_ROW_MAX: i64 = 1 << 15;
/// Most levels that one arrival moves the best price by.
const SWEEP_MAX: i64 = 16;
/// One in so many cancels takes the whole level.
const WHOLE_CANCEL_ONE_IN: u64 = 8;

/// The state of one generated book.
pub(crate) struct FlowBook {
    instrument: InstrumentId,
    terms: FlowTerms,
    lot_e8: i64,
    /// Displayed by place, in lots.
    row: Vec<i64>,
    /// Price of place zero, in ticks.
    row_price: i64,
    bid: i64,
    ask: i64,
    /// Fair value as a place, and where it started.
    fair: i64,
    fair_start: f64,
    /// Distance by slot: slots in proportion to 1 / distance.
    distances: Vec<u16>,
    /// Time of the message being made, and the levels that it changes, each once.
    ts: Ts,
    changes: Vec<(Side, i64)>,
    update_id: u64,
    trade_id: u64,
    market_share_e9: u64,
}

impl FlowBook {
    /// An empty book around its start. The terms have been checked.
    pub(crate) fn new(instrument: InstrumentId, terms: &FlowTerms, lot_e8: i64) -> Self {
        let mid_places = terms.mid.get() / terms.level_step.max(1);
        let half = HALF_ROW_MAX.min(mid_places.saturating_sub(1));
        let width = usize::try_from(half.saturating_mul(2).saturating_add(1)).unwrap_or(0);
        let mut book = Self {
            instrument,
            terms: *terms,
            lot_e8,
            row: vec![0; width],
            row_price: mid_places.saturating_sub(half).saturating_mul(terms.level_step),
            bid: 0,
            ask: 0,
            fair: 0,
            fair_start: rng::float(half),
            distances: distance_table(terms.levels),
            ts: Ts::ZERO,
            changes: Vec::new(),
            update_id: 1,
            trade_id: 0,
            market_share_e9: u64::try_from(terms.market_share.get()).unwrap_or(0),
        };
        book.set_fair(0.0);
        book
    }

    /// Moves the fair value to `fraction` from its start; it stays where the row has room around it.
    pub(crate) fn set_fair(&mut self, fraction: f64) {
        let mid_places = rng::float(self.terms.mid.get() / self.terms.level_step.max(1));
        let width = i64::try_from(self.row.len()).unwrap_or(0);
        let margin = i64::from(self.terms.levels).min(width / 4);
        self.fair = rng::floor(self.fair_start + mid_places * fraction).clamp(margin, width.saturating_sub(margin));
    }

    /// Fills the book and tells it whole.
    pub(crate) fn snapshot(&mut self, ts: Ts, rng: &mut Rng, events: &mut Vec<MarketEvent>) {
        self.ts = ts;
        (self.bid, self.ask) = (self.fair.saturating_sub(1), self.fair);
        self.emit(MarketKind::Clear, Side::Buy, 0, 0, MarketEvent::SNAPSHOT, events);
        let levels = i64::from(self.terms.levels);
        for side in [Side::Buy, Side::Sell] {
            for distance in 0..levels {
                let place = self.best(side).saturating_sub(side.sign().saturating_mul(distance));
                let lots = self.draw_lots(self.terms.level_qty.get(), rng);
                if self.set(place, lots) {
                    self.emit(MarketKind::Level, side, place, lots, MarketEvent::SNAPSHOT, events);
                }
            }
        }
        for side in [Side::Buy, Side::Sell] {
            let place = self.best(side).saturating_sub(side.sign().saturating_mul(levels.saturating_sub(1)));
            self.emit(MarketKind::Reach, side, place, 0, MarketEvent::SNAPSHOT, events);
        }
        let flags = MarketEvent::SNAPSHOT | MarketEvent::LAST;
        self.emit(MarketKind::Live, Side::Buy, 0, 0, flags, events);
    }

    /// One arrival and what it changes; answers with the number of level changes, zero where nothing did.
    pub(crate) fn next_message(
        &mut self,
        config: &FlowConfig,
        ts: Ts,
        rng: &mut Rng,
        events: &mut Vec<MarketEvent>,
    ) -> u64 {
        let gap2 = self.fair.saturating_mul(2).saturating_sub(self.bid.saturating_add(self.ask));
        let draw = rng.bits();
        self.ts = ts;
        self.changes.clear();
        if rng.below(1_000_000_000) < self.market_share_e9 {
            // Even odds at fair value, nine in ten from eight levels away on.
            let lean = 500_i64.saturating_add(gap2.saturating_mul(25).clamp(-400, 400));
            let side = if i64::try_from(rng.below(1_000)).unwrap_or(0) < lean { Side::Buy } else { Side::Sell };
            self.market_order(config, side, rng, events);
        } else if gap2.abs() > 2 && draw & 1 == 0 {
            self.reprice(gap2 / 2, rng);
        } else {
            let side = if draw & 2 == 0 { Side::Buy } else { Side::Sell };
            if draw & 4 == 0 { self.limit_order(side, rng) } else { self.cancel(side, rng) }
        }
        self.tell(events)
    }

    /// A limit order at a drawn distance from the opposite best: it never crosses.
    fn limit_order(&mut self, side: Side, rng: &mut Rng) {
        let place = self.draw_place(side, rng);
        // Half of the mean: where cancels take half of a level on average, that keeps the mean where it is.
        let lots = self.draw_lots(self.terms.level_qty.get() / 2, rng);
        let stands = self.lots_at(place);
        if self.set(place, stands.saturating_add(lots)) {
            self.improve(side, place);
            self.changed(side, place);
        }
    }

    /// A cancel at a drawn distance: a part of what stands there, evenly drawn, or all of it.
    fn cancel(&mut self, side: Side, rng: &mut Rng) {
        let place = self.draw_place(side, rng);
        let stands = self.lots_at(place);
        if stands == 0 {
            return;
        }
        let is_whole = rng.below(WHOLE_CANCEL_ONE_IN) == 0;
        let part = i64::try_from(rng.below(stands.unsigned_abs())).unwrap_or(0).saturating_add(1);
        self.reduce(side, place, if is_whole { stands } else { part });
    }

    /// A market order: takes from the opposite side, best first, and prints each level's trade.
    fn market_order(&mut self, config: &FlowConfig, side: Side, rng: &mut Rng, events: &mut Vec<MarketEvent>) {
        let mut left = self.draw_lots(self.terms.market_qty.get(), rng);
        for _ in 0..SWEEP_MAX {
            let place = self.best(side.opposite());
            let lots = self.lots_at(place).min(left);
            if !self.reduce(side.opposite(), place, lots) {
                return;
            }
            if config.has_trades {
                self.trade_id = self.trade_id.saturating_add(1);
                self.emit(MarketKind::Trade, side, place, lots, MarketEvent::LAST, events);
            }
            left = left.saturating_sub(lots);
            if left == 0 {
                return;
            }
        }
    }

    /// Makers follow the fair value: on the side it came near they leave, on the other they step up behind it.
    fn reprice(&mut self, by: i64, rng: &mut Rng) {
        let (leaving, following) = if by > 0 { (Side::Sell, Side::Buy) } else { (Side::Buy, Side::Sell) };
        let by = by.abs().min(SWEEP_MAX);
        let edge = self.best(leaving).saturating_add(by.saturating_mul(following.sign()));
        while (edge.saturating_sub(self.best(leaving))).saturating_mul(following.sign()) > 0 {
            let place = self.best(leaving);
            if !self.reduce(leaving, place, self.lots_at(place)) {
                return;
            }
        }
        let place = edge.saturating_sub(following.sign());
        let lots = self.draw_lots(self.terms.level_qty.get(), rng);
        let stands = self.lots_at(place);
        if self.set(place, stands.saturating_add(lots)) {
            self.improve(following, place);
            self.changed(following, place);
        }
    }

    /// Takes lots away from a level. Nothing happens, and the answer is no, where that would empty the side.
    fn reduce(&mut self, side: Side, place: i64, lots: i64) -> bool {
        let rest = self.lots_at(place).saturating_sub(lots).max(0);
        if rest == 0 && place == self.best(side) {
            let Some(next) = self.next_level(side, place) else { return false };
            match side {
                Side::Buy => self.bid = next,
                Side::Sell => self.ask = next,
            }
        }
        let is_set = self.set(place, rest);
        if is_set {
            self.changed(side, place);
        }
        is_set
    }

    /// The next level of a side behind `place`, within twice the busy range.
    fn next_level(&self, side: Side, place: i64) -> Option<i64> {
        let reach = i64::from(self.terms.levels).saturating_mul(2);
        (1..=reach).map(|d| place.saturating_sub(side.sign().saturating_mul(d))).find(|p| self.lots_at(*p) > 0)
    }

    fn improve(&mut self, side: Side, place: i64) {
        match side {
            Side::Buy => self.bid = self.bid.max(place),
            Side::Sell => self.ask = self.ask.min(place),
        }
    }

    fn changed(&mut self, side: Side, place: i64) {
        if !self.changes.contains(&(side, place)) {
            self.changes.push((side, place));
        }
    }

    /// Tells the changed levels as one message after the trades that caused them.
    fn tell(&mut self, events: &mut Vec<MarketEvent>) -> u64 {
        let Some((last, others)) = self.changes.split_last() else { return 0 };
        self.update_id = self.update_id.saturating_add(1);
        for (side, place) in others {
            self.emit(MarketKind::Level, *side, *place, self.shown(*side, *place), 0, events);
        }
        self.emit(MarketKind::Level, last.0, last.1, self.shown(last.0, last.1), MarketEvent::LAST, events);
        u64::try_from(self.changes.len()).unwrap_or(0)
    }

    fn emit(&self, kind: MarketKind, side: Side, place: i64, lots: i64, flags: u8, events: &mut Vec<MarketEvent>) {
        let has_price = !matches!(kind, MarketKind::Clear | MarketKind::Live);
        let price = self.row_price.saturating_add(place.saturating_mul(self.terms.level_step));
        events.push(MarketEvent {
            ts_event: self.ts,
            ts_recv: self.ts,
            price: Price::new(if has_price { price } else { 0 }),
            qty_e8: lots.saturating_mul(self.lot_e8),
            seq: if kind == MarketKind::Trade { self.trade_id } else { self.update_id },
            instrument: self.instrument,
            kind,
            flags: if side == Side::Sell { flags | MarketEvent::ASK } else { flags },
        });
    }

    /// What one side displays at a place: nothing where the other side has moved in.
    fn shown(&self, side: Side, place: i64) -> i64 {
        let is_ours = match side {
            Side::Buy => place <= self.bid,
            Side::Sell => place >= self.ask,
        };
        if is_ours { self.lots_at(place) } else { 0 }
    }

    const fn best(&self, side: Side) -> i64 {
        match side {
            Side::Buy => self.bid,
            Side::Sell => self.ask,
        }
    }

    fn lots_at(&self, place: i64) -> i64 {
        usize::try_from(place).ok().and_then(|p| self.row.get(p)).copied().unwrap_or(0)
    }

    /// Sets a level; false beyond the row's ends.
    fn set(&mut self, place: i64, lots: i64) -> bool {
        let level = usize::try_from(place).ok().and_then(|p| self.row.get_mut(p));
        level.map(|level| *level = lots).is_some()
    }

    fn draw_place(&self, side: Side, rng: &mut Rng) -> i64 {
        let slot = rng.bits() >> 52;
        let distance = usize::try_from(slot).ok().and_then(|s| self.distances.get(s)).copied().unwrap_or(1);
        self.best(side.opposite()).saturating_sub(side.sign().saturating_mul(i64::from(distance)))
    }

    /// Whole lots, exponential about `mean`, at least one.
    fn draw_lots(&self, mean: i64, rng: &mut Rng) -> i64 {
        rng::floor(rng::float(mean) * rng.exponential()).max(1)
    }
}

/// Distances 1 to `levels`, each in as many slots as its share of the sum of 1 / distance.
fn distance_table(levels: u32) -> Vec<u16> {
    let sum: f64 = (1..=levels).map(|d| 1.0 / f64::from(d)).sum();
    let slots = rng::float(i64::try_from(DISTANCE_SLOTS).unwrap_or(0));
    let mut table = Vec::with_capacity(DISTANCE_SLOTS);
    let mut share = 0.0;
    for distance in 1..=levels {
        share += 1.0 / f64::from(distance) / sum;
        while table.len() < DISTANCE_SLOTS && rng::float(i64::try_from(table.len()).unwrap_or(0)) + 0.5 <= share * slots
        {
            table.push(u16::try_from(distance).unwrap_or(u16::MAX));
        }
    }
    table.resize(DISTANCE_SLOTS, 1);
    table
}
