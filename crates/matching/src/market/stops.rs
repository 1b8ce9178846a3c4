//! Orders that wait for a trigger.
//!
//! Stops lie by trigger price in two ladders for each source: those that a price at or above wakes, and those that a
//! price at or below wakes, so that a print that wakes none looks at two ends. Stops of one trigger price are chained.
//! Trailing levels move with the prints and lie in a list that a print walks where it is outside of the prices that leave
//! all of them alone. What is woken stands in line until [`Stops::next_fired`] asks: print by print, the nearest to the
//! price before the print first, then the elder (the smaller id).

use std::collections::VecDeque;

use tiderace_book::Ladder;
use tiderace_types::id_map::{Handle, IdMap};
use tiderace_types::{OrdType, Price, Side, Trigger};

use super::NewOrder;

/// A stop whose level follows the market.
#[derive(Clone, Copy)]
struct Trail {
    order_id: u64,
    side: Side,
    offset: i64,
    /// None until its source has a price.
    level: Option<Price>,
}

impl Trail {
    /// Moves the level in the order's favour; true where the price is beyond it.
    fn follow(&mut self, px: Price) -> bool {
        let level = match self.side {
            Side::Buy => {
                let here = Price::new(px.get().saturating_add(self.offset));
                self.level.map_or(here, |level| level.min(here))
            }
            Side::Sell => {
                let here = Price::new(px.get().saturating_sub(self.offset));
                self.level.map_or(here, |level| level.max(here))
            }
        };
        self.level = Some(level);
        match self.side {
            Side::Buy => px >= level,
            Side::Sell => px <= level,
        }
    }
}

/// Those that listen to one source.
struct Line {
    /// By trigger price, the lowest first: the first row of those at it.
    rising: Ladder<Option<u32>>,
    /// By the complement of the trigger price, so the highest first.
    falling: Ladder<Option<u32>>,
    trailing: Vec<Trail>,
    /// Prices from and to which, inclusive, no trailing level moves and none is reached; none where that is not known.
    quiet: Option<(i64, i64)>,
}

impl Line {
    fn new() -> Self {
        Self { rising: Ladder::new(), falling: Ladder::new(), trailing: Vec::new(), quiet: None }
    }

    /// Whether a price wakes any, or may move a trailing level.
    fn is_met(&self, px: i64) -> bool {
        let is_reached = |first: Option<(i64, _)>, key: i64| first.is_some_and(|(first, _)| first <= key);
        is_reached(self.rising.best(), px) || is_reached(self.falling.best(), !px) || self.may_follow(px)
    }

    fn may_follow(&self, px: i64) -> bool {
        !self.trailing.is_empty() && self.quiet.is_none_or(|(from, to)| px < from || px > to)
    }

    /// The ladder an order lies in, and its key there.
    const fn place(&mut self, order: &NewOrder) -> (&mut Ladder<Option<u32>>, i64) {
        let px = order.stop_px.get();
        if rises(order) { (&mut self.rising, px) } else { (&mut self.falling, !px) }
    }

    /// Lets the trailing levels follow; `wake` hears of those that are reached.
    fn follow(&mut self, px: Price, mut wake: impl FnMut(&Trail)) {
        if !self.may_follow(px.get()) {
            return;
        }
        let (mut from, mut to) = (i64::MIN, i64::MAX);
        self.trailing.retain_mut(|trail| {
            let is_beyond = trail.follow(px);
            if is_beyond {
                wake(trail);
            } else {
                let level = trail.level.unwrap_or(px).get();
                let (lowest, highest) = match trail.side {
                    Side::Buy => (level.saturating_sub(trail.offset), level.saturating_sub(1)),
                    Side::Sell => (level.saturating_add(1), level.saturating_add(trail.offset)),
                };
                (from, to) = (from.max(lowest), to.min(highest));
            }
            !is_beyond
        });
        self.quiet = Some((from, to));
    }
}

/// An order that waits.
struct Row {
    order: NewOrder,
    /// It lies in a ladder, between these of the same trigger price.
    is_listed: bool,
    prev: Option<u32>,
    next: Option<u32>,
}

/// The orders that wait, by id.
struct Rows {
    ids: IdMap<u64>,
    rows: Vec<Option<Row>>,
    free: Vec<u32>,
}

impl Rows {
    fn find(&self, order_id: u64) -> Option<u32> {
        self.ids.get(order_id).map(|handle| handle.row)
    }

    fn get(&self, row: u32) -> Option<&Row> {
        self.rows.get(usize::try_from(row).ok()?)?.as_ref()
    }

    fn get_mut(&mut self, row: u32) -> Option<&mut Row> {
        self.rows.get_mut(usize::try_from(row).ok()?)?.as_mut()
    }

    fn insert(&mut self, order: NewOrder) -> u32 {
        let waiting = Some(Row { order, is_listed: false, prev: None, next: None });
        let order_id = order.order_id;
        let place = self.free.last().and_then(|&row| Some((row, self.rows.get_mut(usize::try_from(row).ok()?)?)));
        let row = if let Some((row, place)) = place {
            *place = waiting;
            self.free.pop();
            row
        } else {
            // 2^32 rows are more than memory holds.
            let row = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
            self.rows.push(waiting);
            row
        };
        self.ids.insert(order_id, Handle { row, generation: 0 });
        row
    }

    fn remove(&mut self, row: u32) -> Option<NewOrder> {
        let Row { order, .. } = self.rows.get_mut(usize::try_from(row).ok()?)?.take()?;
        self.ids.remove(order.order_id);
        self.free.push(row);
        Some(order)
    }

    const fn len(&self) -> usize {
        self.rows.len().saturating_sub(self.free.len())
    }

    /// All, elder first.
    fn in_order(&self) -> Vec<&NewOrder> {
        let mut all: Vec<_> = self.rows.iter().flatten().map(|row| &row.order).collect();
        all.sort_unstable_by_key(|order| order.order_id);
        all
    }
}

/// A line for each source.
struct Lines {
    last: Line,
    mark: Line,
    index: Line,
}

impl Lines {
    const fn of(&self, trigger: Trigger) -> &Line {
        match trigger {
            Trigger::Last => &self.last,
            Trigger::Mark => &self.mark,
            Trigger::Index => &self.index,
        }
    }

    const fn of_mut(&mut self, trigger: Trigger) -> &mut Line {
        match trigger {
            Trigger::Last => &mut self.last,
            Trigger::Mark => &mut self.mark,
            Trigger::Index => &mut self.index,
        }
    }
}

/// All of one market.
pub(super) struct Stops {
    waiting: Rows,
    lines: Lines,
    fired: VecDeque<u64>,
    /// Those that one print woke: distance, id.
    woken: Vec<(u64, u64)>,
}

impl Stops {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            waiting: Rows { ids: IdMap::new(0, seed), rows: Vec::new(), free: Vec::new() },
            lines: Lines { last: Line::new(), mark: Line::new(), index: Line::new() },
            fired: VecDeque::new(),
            woken: Vec::new(),
        }
    }

    pub(super) fn get(&self, order_id: u64) -> Option<&NewOrder> {
        if self.waiting.len() == 0 {
            return None;
        }
        Some(&self.waiting.get(self.waiting.find(order_id)?)?.order)
    }

    /// Listening or fired, elder first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &NewOrder> {
        self.waiting.in_order().into_iter()
    }

    /// The price at which an order triggers now.
    pub(super) fn level(&self, order: &NewOrder) -> Price {
        if order.ord_type != OrdType::TrailingStop {
            return order.stop_px;
        }
        let trails = &self.lines.of(order.trigger).trailing;
        trails
            .iter()
            .find(|trail| trail.order_id == order.order_id)
            .and_then(|trail| trail.level)
            .unwrap_or(Price::ZERO)
    }

    /// Lets an order listen from `now`, the price of its source; one beyond its trigger is fired.
    pub(super) fn insert(&mut self, order: &NewOrder, now: Option<Price>) {
        let row = self.waiting.insert(*order);
        if order.ord_type == OrdType::TrailingStop {
            let offset = order.trailing_offset.get();
            let mut trail = Trail { order_id: order.order_id, side: order.side, offset, level: None };
            if let Some(px) = now {
                trail.follow(px);
            }
            let line = self.lines.of_mut(order.trigger);
            line.trailing.push(trail);
            line.quiet = None;
        } else {
            self.listen(row, order, now);
        }
    }

    fn listen(&mut self, row: u32, order: &NewOrder, now: Option<Price>) {
        if now.is_some_and(|px| if rises(order) { px >= order.stop_px } else { px <= order.stop_px }) {
            self.fired.push_back(order.order_id);
            return;
        }
        let (ladder, key) = self.lines.of_mut(order.trigger).place(order);
        let next = ladder.get(key);
        ladder.put(key, Some(row));
        if let Some(behind) = next.and_then(|next| self.waiting.get_mut(next)) {
            behind.prev = Some(row);
        }
        if let Some(place) = self.waiting.get_mut(row) {
            (place.is_listed, place.prev, place.next) = (true, None, next);
        }
    }

    /// Changes an order that waits; a new trigger price is looked at as on entry.
    pub(super) fn replace(&mut self, order: &NewOrder, now: Option<Price>) {
        let Some(row) = self.waiting.find(order.order_id) else { return };
        let Some(place) = self.waiting.get_mut(row) else { return };
        let before = std::mem::replace(&mut place.order, *order);
        if before.stop_px == order.stop_px {
            return;
        }
        if order.ord_type == OrdType::TrailingStop {
            let line = self.lines.of_mut(order.trigger);
            line.quiet = None;
            if let Some(trail) = line.trailing.iter_mut().find(|trail| trail.order_id == order.order_id) {
                trail.level = Some(order.stop_px);
            }
        } else if place.is_listed {
            self.unlist(row, &before);
            self.listen(row, order, now);
        }
    }

    pub(super) fn remove(&mut self, order_id: u64) -> Option<NewOrder> {
        if self.waiting.len() == 0 {
            return None;
        }
        let row = self.waiting.find(order_id)?;
        let order = self.waiting.get(row)?.order;
        self.unlist(row, &order);
        self.fired.retain(|&fired| fired != order_id);
        self.waiting.remove(row)
    }

    /// Takes the first that was fired out of the line.
    pub(super) fn next_fired(&mut self) -> Option<NewOrder> {
        let order_id = self.fired.pop_front()?;
        self.waiting.remove(self.waiting.find(order_id)?)
    }

    /// A price of a source: wakes what it reaches, the nearest to the price before first. Where none is known that the
    /// orders were held against, the price came by those first that are furthest from it now.
    #[inline]
    pub(super) fn scan(&mut self, trigger: Trigger, px: Price, before: Option<Price>) {
        if self.lines.of(trigger).is_met(px.get()) {
            self.wake(trigger, px, before);
        }
    }

    fn wake(&mut self, trigger: Trigger, px: Price, before: Option<Price>) {
        let Self { waiting, lines, fired, woken } = self;
        let line = lines.of_mut(trigger);
        let away = |level: Price| match before {
            Some(from) => level.get().abs_diff(from.get()),
            None => u64::MAX.saturating_sub(level.get().abs_diff(px.get())),
        };
        for (ladder, reached) in [(&mut line.rising, px.get()), (&mut line.falling, !px.get())] {
            while let Some((key, first)) = ladder.best().filter(|(key, _)| *key <= reached) {
                ladder.remove(key);
                let mut at = first;
                while let Some(row) = at.and_then(|at| waiting.get_mut(at)) {
                    row.is_listed = false;
                    at = row.next;
                    woken.push((away(row.order.stop_px), row.order.order_id));
                }
            }
        }
        line.follow(px, |trail| woken.push((away(trail.level.unwrap_or(px)), trail.order_id)));
        woken.sort_unstable();
        fired.extend(woken.drain(..).map(|(_, order_id)| order_id));
    }

    /// Takes an order out of what wakes it, where it has not been woken.
    fn unlist(&mut self, row: u32, order: &NewOrder) {
        let line = self.lines.of_mut(order.trigger);
        if order.ord_type == OrdType::TrailingStop {
            line.trailing.retain(|trail| trail.order_id != order.order_id);
            return;
        }
        let Some(place) = self.waiting.get_mut(row).filter(|row| row.is_listed) else { return };
        place.is_listed = false;
        let (prev, next) = (place.prev, place.next);
        if let Some(behind) = next.and_then(|next| self.waiting.get_mut(next)) {
            behind.prev = prev;
        }
        if let Some(before) = prev.and_then(|prev| self.waiting.get_mut(prev)) {
            before.next = next;
        } else {
            let (ladder, key) = line.place(order);
            if next.is_some() {
                ladder.put(key, next)
            } else {
                ladder.remove(key)
            };
        }
    }

    /// Appends every order, the trailing levels in their order, and the line of the fired.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        super::snapshot::put_all(self.waiting.in_order().into_iter(), out, NewOrder::put);
        for line in [&self.lines.last, &self.lines.mark, &self.lines.index] {
            super::snapshot::put_all(line.trailing.iter(), out, |trail, out| {
                super::snapshot::put_option(trail.level, out);
                tiderace_types::Field::put(&trail.order_id, out);
            });
        }
        super::snapshot::put_all(self.fired.iter(), out, tiderace_types::Field::put);
    }

    pub(super) fn decode(bytes: &mut &[u8], seed: u64) -> Result<Self, tiderace_types::DecodeError> {
        use super::snapshot::{bad, take_all, take_option};
        let mut stops = Self::new(seed);
        for order in take_all(bytes, NewOrder::take)? {
            if stops.waiting.find(order.order_id).is_some() {
                return Err(bad("Stops"));
            }
            stops.waiting.insert(order);
        }
        for trigger in [Trigger::Last, Trigger::Mark, Trigger::Index] {
            let levels = take_all(bytes, |bytes| {
                let level = take_option(bytes)?;
                Ok((level, <u64 as tiderace_types::Field>::take(bytes)?))
            })?;
            for (level, order_id) in levels {
                let order = stops.get(order_id).copied().ok_or(bad("Stops"))?;
                let offset = order.trailing_offset.get();
                stops.lines.of_mut(trigger).trailing.push(Trail { order_id, side: order.side, offset, level });
            }
        }
        stops.fired = take_all(bytes, <u64 as tiderace_types::Field>::take)?.into();
        let fired: std::collections::BTreeSet<u64> = stops.fired.iter().copied().collect();
        let waits = |order: &&NewOrder| order.ord_type != OrdType::TrailingStop && !fired.contains(&order.order_id);
        let listening: Vec<_> = stops.iter().filter(waits).copied().collect();
        for order in &listening {
            if let Some(row) = stops.waiting.find(order.order_id) {
                stops.listen(row, order, None);
            }
        }
        Ok(stops)
    }
}

/// Whether a price at or above wakes it: a buy stop, or a sell take-profit.
const fn rises(order: &NewOrder) -> bool {
    let takes_profit = matches!(order.ord_type, OrdType::TakeProfit | OrdType::TakeProfitLimit);
    match order.side {
        Side::Buy => !takes_profit,
        Side::Sell => takes_profit,
    }
}
