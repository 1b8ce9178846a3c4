//! Market makers out of a seed: each quotes a ladder on both sides of its own price, and moves it with what it holds.
//!
//! A maker's price lies between the book's mid and the common value, off by a draw of its own, and is shifted against
//! what it holds: the reservation price of Avellaneda and Stoikov ("High-frequency trading in a limit order book",
//! Quantitative Finance 8(3), 2008), there `mid - held * gamma * sigma^2 * (T - t)`, here by `skew` ticks at
//! `max_inventory`. At that inventory it quotes the reducing side alone. It takes what others left on the wrong side of
//! its quotes. It has turns at random times, and one `reaction_ns` after each fill.

use std::collections::BTreeMap;

use tiderace_types::{Price, Qty, Side, Ts};

use super::params::{MAKERS_MAX, OrderFlowError, PER_S_MAX};
use super::{Entry, FlowCommand, Ids};
use crate::rng::{self, Rng};

/// The numbers of the makers of one book, all alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MakerParams {
    /// How many.
    pub count: u32,
    /// Quotes a side.
    pub levels: u32,
    /// Ticks from one quote to the next.
    pub level_step: i64,
    /// Mean quantity of a quote.
    pub qty: Qty,
    /// Ticks from its price to its best quotes.
    pub half_spread: f64,
    /// Ticks by which `max_inventory` shifts its price.
    pub skew: f64,
    /// The most it holds, long or short.
    pub max_inventory: Qty,
    /// How much of its price is the common value; the rest is the mid.
    pub fair_weight: f64,
    /// Deviation, in ticks, of what it takes the value to be.
    pub noise: f64,
    /// How often it looks.
    pub turns_per_s: f64,
    /// How soon after a fill it looks again.
    pub reaction_ns: i64,
}

impl MakerParams {
    pub(super) fn check(&self) -> Result<(), OrderFlowError> {
        let is_distance = |ticks: f64| (0.0..=1e12).contains(&ticks);
        let rules = [
            ((1..=MAKERS_MAX).contains(&self.count), "makers.count", "1 to 64"),
            ((1..=1_000).contains(&self.levels), "makers.levels", "1 to 1000"),
            ((1..=1_000_000_000).contains(&self.level_step), "makers.level_step", "1 to 10^9"),
            (self.qty > Qty::ZERO && self.qty.get() <= i64::MAX / 1_000_000, "makers.qty", "one lot to 9 * 10^12"),
            (self.max_inventory > Qty::ZERO, "makers.max_inventory", "one lot or more"),
            (is_distance(self.half_spread), "makers.half_spread", "0 to 10^12"),
            (is_distance(self.skew), "makers.skew", "0 to 10^12"),
            (is_distance(self.noise), "makers.noise", "0 to 10^12"),
            ((0.0..=1.0).contains(&self.fair_weight), "makers.fair_weight", "0 to 1"),
            (
                self.turns_per_s > 0.0 && self.turns_per_s <= PER_S_MAX,
                "makers.turns_per_s",
                "above zero, to a million a second",
            ),
            ((1..=1 << 50).contains(&self.reaction_ns), "makers.reaction_ns", "1 to 2^50"),
        ];
        rules.into_iter().find(|(holds, ..)| !holds).map_or(Ok(()), |(_, key, rule)| Err(OrderFlowError { key, rule }))
    }
}

/// What a maker sees when it looks, in ticks.
#[derive(Clone, Copy)]
pub(super) struct Sight {
    pub(super) bid: i64,
    pub(super) ask: i64,
    pub(super) fair: Option<f64>,
}

pub(super) struct Maker {
    owner: u32,
    held: i64,
    pub(super) turn: Ts,
    /// Its orders: side, price, and whether it is a quote that rests.
    orders: BTreeMap<u64, (Side, i64, bool)>,
}

impl Maker {
    pub(super) fn new(owner: u32, start: Ts, params: &MakerParams, rng: &mut Rng) -> Self {
        let mut maker = Self { owner, held: 0, turn: start, orders: BTreeMap::new() };
        maker.sleep(start, params, rng);
        maker
    }

    pub(super) const fn held(&self) -> i64 {
        self.held
    }

    fn sleep(&mut self, now: Ts, params: &MakerParams, rng: &mut Rng) {
        self.turn = now.plus_ns(rng::floor(rng.exponential() / params.turns_per_s * 1e9).max(1));
    }

    /// Books a fill of one of its orders; false where the order is not its own.
    pub(super) fn fill(&mut self, order_id: u64, qty: Qty, leaves_qty: Qty, soon: Ts) -> bool {
        let Some((side, ..)) = self.orders.get(&order_id).copied() else { return false };
        self.held = self.held.saturating_add(side.sign().saturating_mul(qty.get()));
        self.turn = self.turn.min(soon);
        if leaves_qty == Qty::ZERO {
            self.orders.remove(&order_id);
        }
        true
    }

    pub(super) fn end(&mut self, order_id: u64) {
        self.orders.remove(&order_id);
    }

    /// Looks, and says what it does about it.
    pub(super) fn act(
        &mut self,
        now: Ts,
        sight: Sight,
        params: &MakerParams,
        ids: &mut Ids,
        rng: &mut Rng,
        commands: &mut impl Extend<FlowCommand>,
    ) {
        self.sleep(now, params, rng);
        let mid = (rng::float(sight.bid) + rng::float(sight.ask)) / 2.0;
        let value = sight.fair.map_or(mid, |fair| mid + params.fair_weight * (fair - mid));
        let room = rng::float(params.max_inventory.get());
        let share = (rng::float(self.held) / room).clamp(-1.0, 1.0);
        let price = value + params.noise * rng.normal() - params.skew * share;
        for side in [Side::Buy, Side::Sell] {
            let sign = side.sign();
            let is_full = self.held.saturating_mul(sign) >= params.max_inventory.get();
            let best = outward(side, price - params.half_spread * rng::float(sign));
            let opposite = if side == Side::Buy { sight.ask } else { sight.bid };
            let wants_to_take = best.saturating_sub(opposite).saturating_mul(sign) > 0;
            if wants_to_take && !is_full {
                commands.extend([self.order(side, best, Entry::Ioc, params, ids, rng)]);
            }
            // A quote goes next to the opposite best at most; what it takes moves that only afterwards.
            let limit = opposite.saturating_sub(sign);
            let first = if wants_to_take || best == opposite { limit } else { best };
            let levels = if is_full { 0 } else { params.levels };
            self.quote(side, first, levels, params, ids, rng, commands);
        }
    }

    /// Cancels the quotes of a side that stand off its ladder, and fills the ladder's gaps.
    #[expect(clippy::too_many_arguments, reason = "one ladder's place, its terms, and where draws and commands go")]
    fn quote(
        &mut self,
        side: Side,
        first: i64,
        levels: u32,
        params: &MakerParams,
        ids: &mut Ids,
        rng: &mut Rng,
        commands: &mut impl Extend<FlowCommand>,
    ) {
        let rung = |row: u32| {
            first.saturating_sub(params.level_step.saturating_mul(i64::from(row)).saturating_mul(side.sign()))
        };
        let mut ladder: Vec<i64> = (0..levels).map(rung).collect();
        for (order_id, (own_side, price, is_quote)) in &self.orders {
            if *own_side != side || !is_quote {
                continue;
            }
            let reach = params.level_step / 2;
            match ladder.iter().position(|rung| rung.abs_diff(*price) <= reach.unsigned_abs()) {
                Some(row) => drop(ladder.swap_remove(row)),
                None => commands.extend([FlowCommand::Cancel { order_id: *order_id, owner: self.owner }]),
            }
        }
        ladder.sort_unstable_by_key(|rung| rung.abs_diff(first));
        for rung in ladder {
            commands.extend([self.order(side, rung, Entry::PostOnly, params, ids, rng)]);
        }
    }

    fn order(
        &mut self,
        side: Side,
        price: i64,
        entry: Entry,
        params: &MakerParams,
        ids: &mut Ids,
        rng: &mut Rng,
    ) -> FlowCommand {
        let order_id = ids.next();
        self.orders.insert(order_id, (side, price, entry == Entry::PostOnly));
        let lots = rng::floor(rng::float(params.qty.get()) * (0.5 + rng.unit())).max(1);
        let qty = Qty::new(lots).unwrap_or(params.qty);
        FlowCommand::New { order_id, owner: self.owner, side, price: Price::new(price), qty, entry }
    }
}

/// A float as ticks, bids down and asks up.
fn outward(side: Side, price: f64) -> i64 {
    match side {
        Side::Buy => rng::floor(price),
        Side::Sell => rng::floor(-price).saturating_neg(),
    }
}
