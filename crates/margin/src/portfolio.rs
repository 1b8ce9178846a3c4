//! Portfolio margin of one account: positions and open orders against [`RiskArrays`], kept as running sums.
//!
//! loss(s) = -(P&L of the positions(s) + sum over orders of min(0, P&L of the fill at its limit(s), fees in)); what is
//! asked for is the loss factor times the worst of these, or of the forward contingency where that is worse, plus the
//! contingencies; orders add theirs standalone. An expiry nets by itself, since its value is discounted as a whole.
//! One more order costs one row; one more lot of a position one row and its expiry. Sums are exact, so that what was
//! added can be taken out again, in any order, and the same state is reached.

use tiderace_types::{Amount, Rate, Rounding};

use crate::arrays::{DECIMALS, LOTS_MAX, LegKind, RiskArrays, Scale};
use crate::factor::Factor;
use crate::params::SCENARIOS_MAX;
use crate::standard::Requirement;

/// Columns that one pass of a sum over positions keeps in registers.
const LANES: usize = 4;

/// An order that may fill, in terms of the arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillAt {
    /// Index of the leg.
    pub leg: u32,
    /// Lots, below zero for a sale.
    pub lots: i64,
    /// What the fill gains at once against the arrays, fees in, in 10^-12 of the settlement asset; mostly below zero.
    pub edge: i128,
}

/// What the worst loss comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing loses.
    None,
    /// A scenario, by index.
    Scenario(usize),
    /// Basis risk of the expiries.
    Forward,
}

/// Notionals that contingencies are a share of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notionals {
    pub(crate) perpetual: i128,
    pub(crate) option: i128,
    /// Loss, not below zero.
    pub(crate) forward: i128,
}

/// Positions and orders of one account in the legs of one [`RiskArrays`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portfolio {
    /// Legs held with their lots, by leg.
    pub(crate) held: Vec<(u32, i64)>,
    /// Sums of lots x row, a block of `width` for each group.
    pub(crate) sums: Vec<i128>,
    /// Profit or loss of perpetuals (first) and of each expiry, a block of scenarios for each, undamped.
    nets: Vec<i128>,
    /// Their sums.
    pub(crate) pnl: Vec<i128>,
    /// Forward contingency of each expiry: a loss, not below zero.
    forwards: Vec<i128>,
    pub(crate) notionals: Notionals,
    /// Of orders: sums of losses by scenario, none above zero.
    pub(crate) orders: Vec<i128>,
    pub(crate) order_notionals: Notionals,
}

impl RiskArrays {
    /// The order `lots` (signed) at `limit` with a fee of at most `fee` base units.
    /// `None` where it does not fit or there is no such leg.
    #[must_use]
    pub fn fill_at(&self, leg: u32, lots: i64, limit: Rate, fee: Amount) -> Option<FillAt> {
        let index = usize::try_from(leg).ok()?;
        let terms = &self.legs().get(index)?.terms;
        let size = i128::from(lots.unsigned_abs());
        // Bought, the better price is the higher mark; an inverse contract's value falls with its price.
        let (pays, gets) = (Rounding::Ceil, Rounding::Floor);
        let (mark, is_bought) = (self.legs().get(index)?.mark, lots > 0);
        let edge = if terms.is_paid() {
            let base = i128::from(*self.row(index)?.get(self.params().scenarios.len())?);
            let base = base.checked_mul(i128::from(lots))?;
            let price = terms.value(size, limit, if is_bought { pays } else { gets })?;
            if is_bought { base.checked_sub(price)? } else { base.checked_add(price)? }
        } else {
            let loses = (limit > mark) == is_bought;
            let difference = terms.difference(size, limit, mark, if loses { pays } else { gets })?;
            if loses { difference.checked_neg()? } else { difference }
        };
        let fee = tiderace_types::instrument::rescale(fee.get(), self.settle_decimals(), DECIMALS, Rounding::Ceil)?;
        Some(FillAt { leg, lots, edge: edge.checked_sub(fee)? })
    }
}

impl Portfolio {
    /// No positions and no orders.
    #[must_use]
    pub fn new(arrays: &RiskArrays) -> Self {
        let (scenarios, expiries) = (arrays.shapes().len(), arrays.expiries().len());
        let groups = expiries.saturating_mul(2).saturating_add(1);
        Self {
            held: Vec::new(),
            sums: vec![0; groups.saturating_mul(arrays.width())],
            nets: vec![0; expiries.saturating_add(1).saturating_mul(scenarios)],
            pnl: vec![0; scenarios],
            forwards: vec![0; expiries],
            notionals: Notionals::default(),
            orders: vec![0; scenarios],
            order_notionals: Notionals::default(),
        }
    }

    /// Positions by leg, in any order, a leg at most once; no orders. `None` where a leg is unknown or lots do not fit.
    #[must_use]
    pub fn of(arrays: &RiskArrays, positions: &[(u32, i64)]) -> Option<Self> {
        let mut portfolio = Self::new(arrays);
        portfolio.held = positions.iter().copied().filter(|(_, lots)| *lots != 0).collect();
        portfolio.held.sort_unstable_by_key(|(leg, _)| *leg);
        portfolio.recompute(arrays)?;
        Some(portfolio)
    }

    /// Computes everything about positions again, after the arrays have changed (the legs being the same). Orders are
    /// forgotten: their edges depend on the arrays; add them again. `None` where a leg is unknown or lots do not fit.
    pub fn recompute(&mut self, arrays: &RiskArrays) -> Option<()> {
        let is_sound = |pair: &[(u32, i64)]| match pair {
            [(one, _), (two, _)] => one < two,
            _ => true,
        };
        let count = arrays.legs().len();
        let is_known = |(leg, lots): &(u32, i64)| {
            usize::try_from(*leg).is_ok_and(|leg| leg < count) && lots.unsigned_abs() <= LOTS_MAX.unsigned_abs()
        };
        if !self.held.windows(2).all(is_sound) || !self.held.iter().all(is_known) {
            return None;
        }
        self.clear_orders();
        self.sums.fill(0);
        self.sum_up(arrays)?;
        for net in 0..=arrays.expiries().len() {
            self.net(arrays, net)?;
        }
        self.pnl.fill(0);
        for net in self.nets.chunks_exact(self.pnl.len().max(1)) {
            for (sum, pnl) in self.pnl.iter_mut().zip(net) {
                *sum = sum.wrapping_add(*pnl);
            }
        }
        self.notionals = Notionals { forward: self.forwards.iter().sum(), ..self.notionals_of_positions(arrays)? };
        Some(())
    }

    /// Sums of lots x row by group. Bounds of lots, entries and legs keep them below 2^112.
    fn sum_up(&mut self, arrays: &RiskArrays) -> Option<()> {
        let width = arrays.width();
        let mut rest = self.held.as_slice();
        while let Some((first, _)) = rest.first() {
            let group = arrays.legs().get(usize::try_from(*first).ok()?)?.kind.group();
            let same = |(leg, _): &(u32, i64)| {
                let leg = usize::try_from(*leg).ok().and_then(|leg| arrays.legs().get(leg));
                leg.is_some_and(|leg| leg.kind.group() == group)
            };
            let (run, after) = rest.split_at(rest.partition_point(same));
            rest = after;
            let start = group.checked_mul(width)?;
            let sums = self.sums.get_mut(start..start.checked_add(width)?)?;
            add_rows(arrays.rows(), width, run, sums)?;
        }
        Some(())
    }

    /// Profit or loss of the perpetuals (0) or of an expiry (its index and 1).
    fn net(&mut self, arrays: &RiskArrays, net: usize) -> Option<()> {
        let (width, scenarios) = (arrays.width(), self.pnl.len());
        let start = net.checked_mul(scenarios)?;
        let out = self.nets.get_mut(start..start.checked_add(scenarios)?)?;
        let block = |group: usize| {
            let start = group.checked_mul(width)?;
            self.sums.get(start..start.checked_add(width)?)
        };
        let Some(expiry) = net.checked_sub(1) else {
            for ((out, sum), shape) in out.iter_mut().zip(block(0)?).zip(arrays.shapes()) {
                *out = if shape.is_skew { 0 } else { *sum };
            }
            return Some(());
        };
        let terms = arrays.expiries().get(expiry)?;
        let group = expiry.checked_mul(2)?.checked_add(1)?;
        let (options, futures) = (block(group)?, block(group.checked_add(1)?)?);
        let [base, up, down] = options.get(scenarios..)? else { return None };
        let [_, future_up, future_down] = futures.get(scenarios..)? else { return None };
        let columns = out.iter_mut().zip(options).zip(futures).zip(arrays.shapes());
        for (((out, value), future), shape) in columns {
            let pnl = discounted(*value, terms.long, terms.short).wrapping_sub(*base).wrapping_add(*future);
            *out = if shape.is_skew { pnl.abs().wrapping_neg() } else { pnl };
        }
        let rise = up.wrapping_sub(*base).wrapping_add(*future_up);
        let fall = down.wrapping_sub(*base).wrapping_add(*future_down);
        *self.forwards.get_mut(expiry)? = terms.forward.times(rise.min(fall).min(0)).wrapping_neg();
        Some(())
    }

    fn notionals_of_positions(&self, arrays: &RiskArrays) -> Option<Notionals> {
        let mut notionals = Notionals::default();
        for (at, (leg, lots)) in self.held.iter().enumerate() {
            // A pair mostly stands beside: a search for each would cost more than all the sums.
            let beside = |pair: u32| {
                let around = [at.checked_add(1), at.checked_sub(1)].into_iter().flatten();
                let found = around.filter_map(|at| self.held.get(at)).find(|(leg, _)| *leg == pair);
                found.map_or_else(|| self.lots(pair), |(_, lots)| *lots)
            };
            let (perpetual, option) = notional(arrays, *leg, *lots, beside)?;
            notionals.perpetual = notionals.perpetual.wrapping_add(perpetual);
            notionals.option = notionals.option.wrapping_add(option);
        }
        Some(notionals)
    }

    /// Lots held of a leg.
    #[must_use]
    pub fn lots(&self, leg: u32) -> i64 {
        let found = self.held.binary_search_by_key(&leg, |(leg, _)| *leg).ok();
        found.and_then(|at| self.held.get(at)).map_or(0, |(_, lots)| *lots)
    }

    /// Legs held with their lots, by leg.
    #[must_use]
    pub fn positions(&self) -> &[(u32, i64)] {
        &self.held
    }

    /// Sets the lots of one leg and leaves orders alone. `None`, with nothing changed, where the leg is unknown or the
    /// lots do not fit.
    pub fn set(&mut self, arrays: &RiskArrays, leg: u32, lots: i64) -> Option<()> {
        let index = usize::try_from(leg).ok()?;
        let kind = arrays.legs().get(index)?.kind;
        if lots.unsigned_abs() > LOTS_MAX.unsigned_abs() {
            return None;
        }
        let more = i128::from(lots.checked_sub(self.lots(leg))?);
        let pair = arrays.legs().get(index)?.pair;
        self.count_notional(arrays, leg, pair, false)?;
        match self.held.binary_search_by_key(&leg, |(leg, _)| *leg) {
            Ok(at) if lots == 0 => {
                self.held.remove(at);
            }
            Ok(at) => *self.held.get_mut(at)? = (leg, lots),
            Err(_) if lots == 0 => {}
            Err(at) => self.held.insert(at, (leg, lots)),
        }
        self.count_notional(arrays, leg, pair, true)?;
        let start = kind.group().checked_mul(arrays.width())?;
        for (sum, entry) in self.sums.iter_mut().skip(start).zip(arrays.row(index)?) {
            *sum = sum.wrapping_add(more.wrapping_mul(i128::from(*entry)));
        }
        let net = match kind {
            LegKind::Perpetual => 0,
            LegKind::Option { expiry } | LegKind::Future { expiry } => usize::from(expiry).saturating_add(1),
        };
        self.count_net(net, i128::wrapping_sub);
        self.net(arrays, net)?;
        self.count_net(net, i128::wrapping_add);
        Some(())
    }

    /// Adds or takes out what a leg and its pair add to the notionals.
    fn count_notional(&mut self, arrays: &RiskArrays, leg: u32, pair: Option<u32>, is_in: bool) -> Option<()> {
        for leg in [Some(leg), pair].into_iter().flatten() {
            let (perpetual, option) = notional(arrays, leg, self.lots(leg), |pair| self.lots(pair))?;
            let count = if is_in { i128::wrapping_add } else { i128::wrapping_sub };
            self.notionals.perpetual = count(self.notionals.perpetual, perpetual);
            self.notionals.option = count(self.notionals.option, option);
        }
        Some(())
    }

    /// Adds or takes out a net's profit or loss and its forward contingency.
    fn count_net(&mut self, net: usize, count: fn(i128, i128) -> i128) {
        let scenarios = self.pnl.len();
        let block = self.nets.iter().skip(net.saturating_mul(scenarios));
        for (sum, pnl) in self.pnl.iter_mut().zip(block) {
            *sum = count(*sum, *pnl);
        }
        if let Some(forward) = net.checked_sub(1).and_then(|expiry| self.forwards.get(expiry)) {
            self.notionals.forward = count(self.notionals.forward, *forward);
        }
    }

    /// Adds an order. `None`, with nothing changed, where the leg is unknown or a number does not fit.
    pub fn add(&mut self, arrays: &RiskArrays, order: &FillAt) -> Option<()> {
        let mut rows = Rows::of(&self.orders, self.order_notionals)?;
        rows.count(arrays, order, i128::checked_add)?;
        self.put(&rows);
        Some(())
    }

    /// Takes out an order that was added with the same arrays. `None`, with nothing changed, as for [`Portfolio::add`].
    pub fn remove(&mut self, arrays: &RiskArrays, order: &FillAt) -> Option<()> {
        let mut rows = Rows::of(&self.orders, self.order_notionals)?;
        rows.count(arrays, order, i128::checked_sub)?;
        self.put(&rows);
        Some(())
    }

    fn put(&mut self, rows: &Rows) {
        for (sum, row) in self.orders.iter_mut().zip(rows.losses) {
            *sum = row;
        }
        self.order_notionals = rows.notionals;
    }

    /// Forgets all orders.
    pub fn clear_orders(&mut self) {
        self.orders.fill(0);
        self.order_notionals = Notionals::default();
    }

    /// What is asked for, orders in. `None` where it does not fit.
    #[must_use]
    pub fn requirement(&self, arrays: &RiskArrays) -> Option<Requirement> {
        self.required(arrays, &self.orders, self.order_notionals)
    }

    /// What positions alone ask for: what orders hold is [`Portfolio::requirement`] less this.
    #[must_use]
    pub fn requirement_of_positions(&self, arrays: &RiskArrays) -> Option<Requirement> {
        self.required(arrays, &[0; SCENARIOS_MAX], Notionals::default())
    }

    /// What would be asked for with these orders too. Touches nothing.
    #[must_use]
    pub fn margin_after(&self, arrays: &RiskArrays, orders: &[FillAt]) -> Option<Requirement> {
        let mut rows = Rows::of(&self.orders, self.order_notionals)?;
        for order in orders {
            rows.count(arrays, order, i128::checked_add)?;
        }
        self.required(arrays, &rows.losses, rows.notionals)
    }

    /// The worst loss, not below zero, and what it comes from.
    pub(crate) fn worst(&self, arrays: &RiskArrays, orders: &[i128], forward: i128) -> (i128, Cause) {
        let (mut worst, mut cause) = (0, Cause::None);
        for (scenario, ((pnl, order), shape)) in self.pnl.iter().zip(orders).zip(arrays.shapes()).enumerate() {
            let loss = shape.damped(*pnl).saturating_add(*order).saturating_neg();
            if loss > worst {
                (worst, cause) = (loss, Cause::Scenario(scenario));
            }
        }
        if forward > worst { (forward, Cause::Forward) } else { (worst, cause) }
    }

    fn required(&self, arrays: &RiskArrays, orders: &[i128], extra: Notionals) -> Option<Requirement> {
        let params = arrays.params();
        let forward = self.notionals.forward.checked_add(extra.forward)?;
        let (worst, _) = self.worst(arrays, orders, forward);
        let perpetual = self.notionals.perpetual.checked_add(extra.perpetual)?;
        let option = self.notionals.option.checked_add(extra.option)?;
        let up = |share: Factor, of: i128| if of == 0 { Some(0) } else { share.of(of, Rounding::Ceil) };
        let (loss, contingency) = (&params.loss_factor, &params.contingency);
        let kept = up(contingency.perpetual.maintenance, perpetual)?
            .checked_add(up(contingency.option.maintenance, option)?)?;
        let added =
            up(contingency.perpetual.initial, perpetual)?.checked_add(up(contingency.option.initial, option)?)?;
        let maintenance = up(loss.maintenance, worst)?.checked_add(kept)?;
        let initial = up(loss.initial, worst)?.checked_add(kept)?.checked_add(added)?;
        let amount = |value: i128| arrays.base_units(value, Rounding::Ceil);
        Some(Requirement { initial: amount(initial)?, maintenance: amount(maintenance)? })
    }
}

/// What one leg adds to the notionals: a perpetual its size, a short option what its pair does not cover.
fn notional(arrays: &RiskArrays, leg: u32, lots: i64, lots_of_pair: impl Fn(u32) -> i64) -> Option<(i128, i128)> {
    let leg = arrays.legs().get(usize::try_from(leg).ok()?)?;
    let of = |lots: i64| i128::from(lots.unsigned_abs()).wrapping_mul(i128::from(leg.notional));
    Some(match leg.kind {
        LegKind::Perpetual => (of(lots), 0),
        LegKind::Option { .. } if lots < 0 => {
            let covered = leg.pair.map_or(0, lots_of_pair).max(0);
            (0, of(lots.saturating_add(covered).min(0)))
        }
        LegKind::Option { .. } | LegKind::Future { .. } => (0, 0),
    })
}

fn discounted(value: i128, long: Scale, short: Scale) -> i128 {
    if value < 0 { short.times(value) } else { long.times(value) }
}

/// Sums of orders on the stack: a what-if and a change use the same code.
struct Rows {
    losses: [i128; SCENARIOS_MAX],
    notionals: Notionals,
}

impl Rows {
    fn of(orders: &[i128], notionals: Notionals) -> Option<Self> {
        let mut losses = [0; SCENARIOS_MAX];
        losses.get_mut(..orders.len())?.copy_from_slice(orders);
        Some(Self { losses, notionals })
    }

    /// Counts one order in or out, by itself: discounted as if its expiry held nothing else, contingencies too.
    fn count(&mut self, arrays: &RiskArrays, order: &FillAt, count: fn(i128, i128) -> Option<i128>) -> Option<()> {
        let index = usize::try_from(order.leg).ok()?;
        let (leg, row) = (arrays.legs().get(index)?, arrays.row(index)?);
        if order.lots.unsigned_abs() > LOTS_MAX.unsigned_abs() {
            return None;
        }
        let lots = i128::from(order.lots);
        let scenarios = arrays.shapes().len();
        let [base, up, down] = row.get(scenarios..)? else { return None };
        let times = |entry: i64| lots.wrapping_mul(i128::from(entry));
        let base = times(*base);
        let (expiry, is_option) = match leg.kind {
            LegKind::Perpetual => (None, false),
            LegKind::Option { expiry } => (Some(arrays.expiries().get(usize::from(expiry))?), true),
            LegKind::Future { expiry } => (Some(arrays.expiries().get(usize::from(expiry))?), false),
        };
        for ((sum, entry), shape) in self.losses.iter_mut().zip(row).zip(arrays.shapes()) {
            let value = times(*entry);
            let pnl = match expiry {
                Some(expiry) if is_option => discounted(value, expiry.long, expiry.short).wrapping_sub(base),
                Some(_) | None => value,
            };
            let pnl = match (shape.is_skew, expiry.is_some()) {
                (true, true) => pnl.abs().wrapping_neg(),
                (true, false) => 0,
                (false, _) => pnl,
            };
            *sum = count(*sum, shape.damped(pnl).checked_add(order.edge)?.min(0))?;
        }
        let notional = i128::from(order.lots.unsigned_abs()).wrapping_mul(i128::from(leg.notional));
        let of = &mut self.notionals;
        match expiry {
            None => of.perpetual = count(of.perpetual, notional)?,
            Some(expiry) => {
                let worst = times(*up).min(times(*down)).wrapping_sub(base).min(0);
                of.forward = count(of.forward, expiry.forward.times(worst).wrapping_neg())?;
                if is_option && lots < 0 {
                    of.option = count(of.option, notional)?;
                }
            }
        }
        Some(())
    }
}

/// Adds lots x row of every position of `run` to `sums`, a few columns at a time so that sums stay in registers.
fn add_rows(rows: &[i64], width: usize, run: &[(u32, i64)], sums: &mut [i128]) -> Option<()> {
    let mut column = 0_usize;
    let (blocks, rest) = sums.as_chunks_mut::<LANES>();
    for block in blocks {
        let mut lanes = [0_i128; LANES];
        for (leg, lots) in run {
            let start = usize::try_from(*leg).ok()?.wrapping_mul(width).wrapping_add(column);
            let entries = rows.get(start..)?.first_chunk::<LANES>()?;
            let lots = i128::from(*lots);
            for (lane, entry) in lanes.iter_mut().zip(entries) {
                *lane = lane.wrapping_add(lots.wrapping_mul(i128::from(*entry)));
            }
        }
        for (sum, lane) in block.iter_mut().zip(lanes) {
            *sum = sum.wrapping_add(lane);
        }
        column = column.wrapping_add(LANES);
    }
    for sum in rest {
        for (leg, lots) in run {
            let at = usize::try_from(*leg).ok()?.wrapping_mul(width).wrapping_add(column);
            *sum = sum.wrapping_add(i128::from(*lots).wrapping_mul(i128::from(*rows.get(at)?)));
        }
        column = column.wrapping_add(1);
    }
    Some(())
}
