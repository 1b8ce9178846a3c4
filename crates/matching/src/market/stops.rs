//! Orders that wait for a trigger.
//!
//! Stops lie by trigger price in two sets for each source: those that a price at or above wakes, and those that a price
//! at or below wakes, so that a print that wakes none looks at two ends. Trailing levels move with the prints and lie in
//! a list that a print walks where it is outside of the prices that leave all of them alone. What is woken stands in
//! line until [`Stops::next_fired`] asks: print by print, the nearest to the price before the print first, then the elder
//! (the smaller id).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
#[derive(Default)]
struct Line {
    rising: BTreeSet<(Price, u64)>,
    falling: BTreeSet<(Price, u64)>,
    trailing: Vec<Trail>,
    /// Prices from and to which, inclusive, no trailing level moves and none is reached; none where that is not known.
    quiet: Option<(i64, i64)>,
}

impl Line {
    /// Lets the trailing levels follow; `wake` hears of those that are reached.
    fn follow(&mut self, px: Price, mut wake: impl FnMut(&Trail)) {
        if self.trailing.is_empty() || self.quiet.is_some_and(|(from, to)| (from..=to).contains(&px.get())) {
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

/// All of one market.
#[derive(Default)]
pub(super) struct Stops {
    orders: BTreeMap<u64, NewOrder>,
    last: Line,
    mark: Line,
    index: Line,
    fired: VecDeque<u64>,
    /// Those that one print woke: distance, id.
    woken: Vec<(u64, u64)>,
}

impl Stops {
    pub(super) fn get(&self, order_id: u64) -> Option<&NewOrder> {
        self.orders.get(&order_id)
    }

    /// Listening or fired, elder first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &NewOrder> {
        self.orders.values()
    }

    /// The price at which an order triggers now.
    pub(super) fn level(&self, order: &NewOrder) -> Price {
        if order.ord_type != OrdType::TrailingStop {
            return order.stop_px;
        }
        let trails = &self.line(order.trigger).trailing;
        trails
            .iter()
            .find(|trail| trail.order_id == order.order_id)
            .and_then(|trail| trail.level)
            .unwrap_or(Price::ZERO)
    }

    /// Lets an order listen from `now`, the price of its source; one beyond its trigger is fired.
    pub(super) fn insert(&mut self, order: NewOrder, now: Option<Price>) {
        self.orders.insert(order.order_id, order);
        if order.ord_type == OrdType::TrailingStop {
            let offset = order.trailing_offset.get();
            let mut trail = Trail { order_id: order.order_id, side: order.side, offset, level: None };
            if let Some(px) = now {
                trail.follow(px);
            }
            let line = self.line_mut(order.trigger);
            line.trailing.push(trail);
            line.quiet = None;
        } else {
            self.listen(&order, now);
        }
    }

    fn listen(&mut self, order: &NewOrder, now: Option<Price>) {
        let key = (order.stop_px, order.order_id);
        let is_rising = rises(order);
        if now.is_some_and(|px| if is_rising { px >= order.stop_px } else { px <= order.stop_px }) {
            self.fired.push_back(order.order_id);
            return;
        }
        let line = self.line_mut(order.trigger);
        if is_rising {
            line.rising.insert(key)
        } else {
            line.falling.insert(key)
        };
    }

    /// Changes an order that waits; a new trigger price is looked at as on entry.
    pub(super) fn replace(&mut self, order: NewOrder, now: Option<Price>) {
        let Some(before) = self.orders.insert(order.order_id, order) else { return };
        if before.stop_px == order.stop_px || self.fired.contains(&order.order_id) {
            return;
        }
        if order.ord_type == OrdType::TrailingStop {
            let line = self.line_mut(order.trigger);
            line.quiet = None;
            if let Some(trail) = line.trailing.iter_mut().find(|trail| trail.order_id == order.order_id) {
                trail.level = Some(order.stop_px);
            }
        } else {
            self.unlist(&before);
            self.listen(&order, now);
        }
    }

    pub(super) fn remove(&mut self, order_id: u64) -> Option<NewOrder> {
        let order = self.orders.remove(&order_id)?;
        self.unlist(&order);
        self.fired.retain(|&fired| fired != order_id);
        Some(order)
    }

    /// Takes the first that was fired out of the line.
    pub(super) fn next_fired(&mut self) -> Option<NewOrder> {
        let order_id = self.fired.pop_front()?;
        self.orders.remove(&order_id)
    }

    /// A price of a source: wakes what it reaches, the nearest to the price before first. Where none is known that the
    /// orders were held against, the price came by those first that are furthest from it now.
    pub(super) fn scan(&mut self, trigger: Trigger, px: Price, before: Option<Price>) {
        if self.orders.is_empty() {
            return;
        }
        let mut woken = std::mem::take(&mut self.woken);
        let line = self.line_mut(trigger);
        let away = |level: Price| match before {
            Some(from) => level.get().abs_diff(from.get()),
            None => u64::MAX.saturating_sub(level.get().abs_diff(px.get())),
        };
        while let Some(&(level, order_id)) = line.rising.first().filter(|(level, _)| *level <= px) {
            line.rising.pop_first();
            woken.push((away(level), order_id));
        }
        while let Some(&(level, order_id)) = line.falling.last().filter(|(level, _)| *level >= px) {
            line.falling.pop_last();
            woken.push((away(level), order_id));
        }
        line.follow(px, |trail| woken.push((away(trail.level.unwrap_or(px)), trail.order_id)));
        woken.sort_unstable();
        self.fired.extend(woken.drain(..).map(|(_, order_id)| order_id));
        self.woken = woken;
    }

    fn unlist(&mut self, order: &NewOrder) {
        let key = (order.stop_px, order.order_id);
        let line = self.line_mut(order.trigger);
        if order.ord_type == OrdType::TrailingStop {
            line.trailing.retain(|trail| trail.order_id != order.order_id);
        } else if rises(order) {
            line.rising.remove(&key);
        } else {
            line.falling.remove(&key);
        }
    }

    const fn line(&self, trigger: Trigger) -> &Line {
        match trigger {
            Trigger::Last => &self.last,
            Trigger::Mark => &self.mark,
            Trigger::Index => &self.index,
        }
    }

    const fn line_mut(&mut self, trigger: Trigger) -> &mut Line {
        match trigger {
            Trigger::Last => &mut self.last,
            Trigger::Mark => &mut self.mark,
            Trigger::Index => &mut self.index,
        }
    }

    /// Appends every order, the trailing levels in their order, and the line of the fired.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        super::snapshot::put_all(self.orders.values(), out, NewOrder::put);
        for line in [&self.last, &self.mark, &self.index] {
            super::snapshot::put_all(line.trailing.iter(), out, |trail, out| {
                super::snapshot::put_option(trail.level, out);
                tiderace_types::Field::put(&trail.order_id, out);
            });
        }
        super::snapshot::put_all(self.fired.iter(), out, tiderace_types::Field::put);
    }

    pub(super) fn decode(bytes: &mut &[u8]) -> Result<Self, tiderace_types::DecodeError> {
        use super::snapshot::{bad, take_all, take_option};
        let mut stops = Self::default();
        for order in take_all(bytes, NewOrder::take)? {
            stops.orders.insert(order.order_id, order);
        }
        for trigger in [Trigger::Last, Trigger::Mark, Trigger::Index] {
            let levels = take_all(bytes, |bytes| {
                let level = take_option(bytes)?;
                Ok((level, <u64 as tiderace_types::Field>::take(bytes)?))
            })?;
            for (level, order_id) in levels {
                let order = stops.orders.get(&order_id).copied().ok_or(bad("Stops"))?;
                let offset = order.trailing_offset.get();
                stops.line_mut(trigger).trailing.push(Trail { order_id, side: order.side, offset, level });
            }
        }
        stops.fired = take_all(bytes, <u64 as tiderace_types::Field>::take)?.into();
        let fired: BTreeSet<u64> = stops.fired.iter().copied().collect();
        let listening: Vec<_> =
            stops.orders.values().filter(|order| !fired.contains(&order.order_id)).copied().collect();
        for order in listening.iter().filter(|order| order.ord_type != OrdType::TrailingStop) {
            stops.listen(order, None);
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
