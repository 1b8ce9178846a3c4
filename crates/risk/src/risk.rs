//! The controls and their state. The order of checks stands at [`Risk::check`].

use std::collections::BTreeSet;

use tiderace_types::event::{FillBooked, KillChanged, OrderSent, OrderUpdated, StrategyEnabled};
use tiderace_types::input::{BalanceSet, EnableStrategy, Kill};
use tiderace_types::num::div_round;
use tiderace_types::{
    Amount, AssetId, ClOrdId, Fraction, Instrument, InstrumentId, KillScope, OrdStatus, OrdType, Price, Qty, Reason,
    Refusal, Rounding, Side, Ts,
};

use crate::config::{ConfigError, InstrumentLimits, RiskConfig};
use crate::funds::{Draw, Funds};
use crate::holding::{Exposure, Holding};
use crate::id_map::{Handle, IdMap};
use crate::open_orders::{Claim, Open, OpenOrders, Prices, Replacing};
use crate::windows::{OrderKey, RecentOrders, Window};

/// Stands for what does not fit: above every limit, and half of the range so that sums still compare.
const TOO_LARGE: i128 = i128::MAX >> 1;

/// The live book's best bid and ask, which an order is judged against.
pub type Reference = (Price, Price);

/// One instrument with its limits and what counts against them.
#[derive(Clone, Debug)]
struct Desk {
    instrument: Instrument,
    limits: InstrumentLimits,
    draw: Draw,
    /// Row of the base asset's total.
    total: usize,
    holding: Holding,
    /// Margin claimed for the worst exposure.
    margin: i128,
    /// Price of the last order or fill, at which that margin is counted.
    price: Price,
}

/// One strategy's throttle.
#[derive(Clone, Debug)]
struct Strategy {
    executions: Window,
    is_stopped: bool,
}

/// An order that was just allowed, so that sending it need not value it again.
type Allowed = (ClOrdId, Prices, Claim);

/// The desk's controls.
#[derive(Clone, Debug)]
pub struct Risk {
    config: RiskConfig,
    desks: Vec<Desk>,
    /// Per base asset.
    totals: Vec<(AssetId, Exposure)>,
    funds: Funds,
    open: OpenOrders,
    messages: Window,
    recent: RecentOrders,
    strategies: Vec<Strategy>,
    strategy_rows: IdMap<u64>,
    kills: BTreeSet<(KillScope, u32)>,
    allowed: Option<Allowed>,
}

impl Risk {
    /// Controls with nothing held. `instruments` in id order; `seed` (of the genesis) places ids in the maps and decides
    /// nothing else.
    ///
    /// # Errors
    /// [`ConfigError`] of [`RiskConfig::check`].
    pub fn new(config: &RiskConfig, instruments: &[Instrument], seed: u64) -> Result<Self, ConfigError> {
        config.check(instruments)?;
        let (mut funds, mut totals) = (Funds::default(), Vec::new());
        let mut desks = Vec::with_capacity(instruments.len());
        for (instrument, limits) in instruments.iter().zip(&config.instruments) {
            desks.push(Desk {
                draw: Draw::of(instrument, limits.initial_margin, &mut funds),
                total: total_of(&mut totals, instrument.base),
                instrument: instrument.clone(),
                limits: limits.clone(),
                holding: Holding::default(),
                margin: 0,
                price: Price::ZERO,
            });
        }
        let capacity = usize::try_from(config.max_open_orders.min(65_536)).unwrap_or(0);
        Ok(Self {
            desks,
            totals,
            funds,
            open: OpenOrders::new(capacity, seed),
            messages: Window::new(config.max_messages, config.message_window_ns),
            recent: RecentOrders::new(config.duplicate_window_ns, seed),
            strategies: Vec::new(),
            strategy_rows: IdMap::new(0, seed),
            kills: BTreeSet::new(),
            allowed: None,
            config: config.clone(),
        })
    }

    /// Whether a new order may be sent.
    ///
    /// # Errors
    /// The first of these that says no: 2001 instrument, 2013 kill, 2012 strategy stopped, 2010 message rate,
    /// 2017 price above zero, 2016 minimum quantity, 2004 quantity, 2003 reference, 2002 collar, 2016 minimum notional,
    /// 2005 value, 2011 duplicate, 2007 open orders, 2006 position (of the instrument, then of the base asset),
    /// 2008 or 2009 funds. An order that only reduces its instrument's position is exempt from that instrument's
    /// maximum and from margin, and from nothing else.
    pub fn check(&mut self, ts: Ts, sent: &OrderSent, reference: Option<Reference>) -> Result<(), Refusal> {
        let (prices, claim) = self.check_terms(ts, sent, sent.order_qty, reference)?;
        self.check_duplicate(ts, sent)?;
        let open = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        if open >= self.config.max_open_orders {
            let with_it = i128::from(open).saturating_add(1);
            return Err(Refusal::new(Reason::MaxOpenOrders, with_it, self.config.max_open_orders));
        }
        self.check_exposure(sent, claim, prices)?;
        self.allowed = Some((sent.cl_ord_id, prices, claim));
        Ok(())
    }

    /// Whether the order `orig` may be replaced by `sent` (the order as it would then stand). Until the venue answers,
    /// the larger of both counts.
    ///
    /// # Errors
    /// Those of [`Risk::check`] without 2011 and 2007.
    pub fn check_replace(
        &mut self,
        ts: Ts,
        orig: ClOrdId,
        sent: &OrderSent,
        reference: Option<Reference>,
    ) -> Result<(), Refusal> {
        let old = self.open.find(orig).and_then(|handle| self.open.get(handle)).copied();
        let cum_qty = old.map_or(Qty::ZERO, |old| old.cum_qty);
        let (prices, new) = self.check_terms(ts, sent, sent.order_qty.saturating_sub(cum_qty), reference)?;
        let old = old.map_or(Claim::default(), |old| old.claim);
        self.check_exposure(sent, new.larger(old).less(old), prices)?;
        self.allowed = Some((sent.cl_ord_id, prices, new));
        Ok(())
    }

    /// Counts an order that was sent.
    pub fn on_sent(&mut self, ts: Ts, sent: &OrderSent) {
        self.messages.push(ts);
        self.recent.push(ts, OrderKey::of(sent));
        let Some((prices, claim)) = self.valued(sent, sent.order_qty) else { return };
        let open = Open {
            cl_ord_id: sent.cl_ord_id,
            instrument: sent.instrument,
            side: sent.side,
            price: sent.price,
            prices,
            cum_qty: Qty::ZERO,
            replacing: None,
            claim,
        };
        self.open.insert(open);
        self.change_claim(sent.instrument, sent.side, Claim::default(), claim, Some(prices.value));
    }

    /// Counts a replace that was sent, given as the order would then stand.
    pub fn on_replace_sent(&mut self, ts: Ts, orig: ClOrdId, sent: &OrderSent) {
        self.messages.push(ts);
        let Some(handle) = self.open.find(orig) else { return };
        let Some(old) = self.open.get(handle).copied() else { return };
        let Some((prices, new)) = self.valued(sent, sent.order_qty.saturating_sub(old.cum_qty)) else { return };
        let replacing = Replacing { cl_ord_id: sent.cl_ord_id, order_qty: sent.order_qty, prices };
        let claim = new.larger(old.claim);
        self.open.add_key(handle, sent.cl_ord_id);
        self.open.put(handle, Open { replacing: Some(replacing), claim, ..old });
        self.change_claim(old.instrument, old.side, old.claim, claim, Some(prices.value));
    }

    /// Counts a cancel that was sent as a message. Cancels are never held back.
    pub fn on_cancel_sent(&mut self, ts: Ts) {
        self.messages.push(ts);
    }

    /// Takes an order's new state in.
    pub fn on_update(&mut self, updated: &OrderUpdated) {
        match self.open.find(updated.cl_ord_id) {
            Some(handle) if updated.ord_status.is_closed() => self.close(handle),
            Some(handle) => self.update(handle, updated),
            None if updated.ord_status.is_closed() => {}
            None => self.reopen(updated),
        }
    }

    /// Takes a fill in, or one undone. Gives the stop of a strategy that has filled too often.
    pub fn on_fill(&mut self, ts: Ts, fill: &FillBooked) -> Option<StrategyEnabled> {
        let sign = if fill.is_reversal { -1 } else { 1_i128 };
        let direction = sign.saturating_mul(fill.side.sign().into());
        let exposure = fill.exposure.get().saturating_mul(direction);
        if let Some(desk) = self.desks.get_mut(fill.instrument.index()) {
            let before = desk.holding.exposure.position;
            desk.holding.fill(i128::from(fill.last_qty.get()).saturating_mul(direction), exposure);
            let moved = desk.holding.exposure.position.saturating_sub(before);
            if let Some((_, total)) = self.totals.get_mut(desk.total) {
                total.position = total.position.saturating_add(moved);
            }
            if let Draw::Spot { quote, base } = desk.draw {
                self.funds.pay(base, exposure);
                self.funds.pay(quote, fill.notional.get().saturating_mul(direction).saturating_neg());
            }
            if let Some(pool) = self.funds.existing(desk.instrument.venue, fill.fee_asset) {
                self.funds.pay(pool, fill.fee.get().saturating_mul(sign).saturating_neg());
            }
            let price = if desk.price == Price::ZERO { Some(fill.last_px) } else { None };
            self.claim_margin(fill.instrument, price);
        }
        if fill.is_reversal { None } else { self.count_execution(ts, fill.tags.strategy) }
    }

    /// Sets what is free of an asset at a venue. Balances of other accounts than the desk's are not counted.
    pub fn set_balance(&mut self, balance: &BalanceSet) {
        if balance.account == self.config.account {
            let pool = self.funds.pool(balance.venue, balance.asset);
            self.funds.set_free(pool, balance.amount);
        }
    }

    /// Switches a kill; gives the change, if it is one.
    pub fn set_kill(&mut self, kill: &Kill) -> Option<KillChanged> {
        let id = if kill.scope == KillScope::All { 0 } else { kill.id };
        let key = (kill.scope, id);
        let is_changed = if kill.is_on { self.kills.insert(key) } else { self.kills.remove(&key) };
        is_changed.then_some(KillChanged { scope: kill.scope, id, is_on: kill.is_on })
    }

    /// The kill that covers orders of this instrument and strategy, if one is on.
    #[must_use]
    pub fn is_killed(&self, instrument: InstrumentId, strategy: u32) -> Option<(KillScope, u32)> {
        if self.kills.is_empty() {
            return None;
        }
        let covering = [
            (KillScope::All, 0),
            (KillScope::Account, self.config.account.0),
            (KillScope::Strategy, strategy),
            (KillScope::Instrument, instrument.0.into()),
        ];
        covering.into_iter().find(|key| self.kills.contains(key))
    }

    /// Lets a strategy trade again after its throttle.
    ///
    /// # Errors
    /// 2012 when `operator` is zero: a person has to stand for it by name.
    pub fn enable_strategy(&mut self, enable: &EnableStrategy) -> Result<StrategyEnabled, Refusal> {
        if enable.operator == 0 {
            return Err(Refusal::new(Reason::RepeatedExecution, 0, 1));
        }
        let row = self.strategy_rows.get(enable.strategy.into());
        if let Some(strategy) = row.and_then(|row| self.strategies.get_mut(row.index())) {
            strategy.is_stopped = false;
            strategy.executions.clear();
        }
        Ok(StrategyEnabled { strategy: enable.strategy, is_enabled: true, operator: enable.operator })
    }

    /// The exposure held of an instrument, below zero when short. Zero when it is flat in lots.
    #[must_use]
    pub fn position(&self, instrument: InstrumentId) -> Amount {
        self.desk(instrument).map_or(Amount::ZERO, |desk| Amount::new(desk.holding.exposure.position))
    }

    /// Whether an order does more than reduce its instrument's position, with all that is open on its side.
    #[must_use]
    pub fn is_opening(&self, sent: &OrderSent) -> bool {
        let lots = i128::from(sent.order_qty.get());
        self.desk(sent.instrument).is_none_or(|desk| !desk.holding.is_reducing(sent.side, lots))
    }

    /// Orders that count as open.
    #[must_use]
    pub fn open_len(&self) -> usize {
        self.open.len()
    }

    fn desk(&self, instrument: InstrumentId) -> Option<&Desk> {
        self.desks.get(instrument.index())
    }

    /// What can be said of an order by itself, up to its value; gives what it claims at what prices.
    fn check_terms(
        &self,
        ts: Ts,
        sent: &OrderSent,
        claimed_qty: Qty,
        reference: Option<Reference>,
    ) -> Result<(Prices, Claim), Refusal> {
        let count = i128::try_from(self.desks.len()).unwrap_or(TOO_LARGE);
        let unknown = Refusal::new(Reason::UnknownInstrument, sent.instrument.0, count.saturating_sub(1));
        let desk = self.desk(sent.instrument).ok_or(unknown)?;
        self.check_switches(ts, sent)?;
        if sent.ord_type == OrdType::Limit && sent.price <= Price::ZERO {
            return Err(Refusal::new(Reason::BadPrice, sent.price.get(), 1));
        }
        desk.check_qty(sent.order_qty)?;
        let prices = desk.check_collar(sent, self.config.collar, reference)?;
        let value = desk.check_value(sent, prices)?;
        let value = (claimed_qty == sent.order_qty).then_some(value);
        let claim = desk.claim(sent.side, claimed_qty, prices, value);
        Ok((prices, claim))
    }

    fn check_switches(&self, ts: Ts, sent: &OrderSent) -> Result<(), Refusal> {
        if let Some((_, id)) = self.is_killed(sent.instrument, sent.tags.strategy) {
            return Err(Refusal::new(Reason::Killed, id, 0));
        }
        let max = self.config.max_executions;
        if max > 0 && self.strategy(sent.tags.strategy).is_some_and(|strategy| strategy.is_stopped) {
            return Err(Refusal::new(Reason::RepeatedExecution, max, max));
        }
        if self.messages.is_full(ts) {
            let max = self.config.max_messages;
            return Err(Refusal::new(Reason::MessageRate, i128::from(max).saturating_add(1), max));
        }
        Ok(())
    }

    fn check_duplicate(&mut self, ts: Ts, sent: &OrderSent) -> Result<(), Refusal> {
        let window_ns = self.config.duplicate_window_ns;
        if window_ns <= 0 {
            return Ok(());
        }
        match self.recent.ns_since_same(ts, OrderKey::of(sent)) {
            Some(ns) => Err(Refusal::new(Reason::DuplicateOrder, ns, window_ns)),
            None => Ok(()),
        }
    }

    /// Position and funds, with `more` than what counts already.
    fn check_exposure(&self, sent: &OrderSent, more: Claim, prices: Prices) -> Result<(), Refusal> {
        let Some(desk) = self.desk(sent.instrument) else { return Ok(()) };
        let is_reducing = desk.holding.is_reducing(sent.side, more.lots);
        let worst = desk.holding.exposure.worst(sent.side, more.exposure);
        let limit = desk.limits.max_position.get();
        if worst > limit && !is_reducing {
            return Err(Refusal::new(Reason::MaxPosition, worst, limit));
        }
        let limit = self.config.max_total_position.get();
        let total = self.totals.get(desk.total).map_or(0, |(_, total)| total.worst(sent.side, more.exposure));
        if limit > 0 && total > limit {
            return Err(Refusal::new(Reason::MaxPosition, total, limit));
        }
        if self.config.needs_funds { self.check_funds(desk, sent.side, more, prices, is_reducing) } else { Ok(()) }
    }

    fn check_funds(
        &self,
        desk: &Desk,
        side: Side,
        more: Claim,
        prices: Prices,
        is_reducing: bool,
    ) -> Result<(), Refusal> {
        let (pool, reason, wanted) = match desk.draw {
            Draw::Spot { quote, base } => {
                let pool = if side == Side::Buy { quote } else { base };
                (pool, Reason::InsufficientBalance, more.funds)
            }
            Draw::Margin { settle, rule } => {
                let worst = desk.holding.exposure.worst_of_both(side, more.exposure);
                let wanted = rule.margin(worst, prices.value).saturating_sub(desk.margin);
                (settle, Reason::InsufficientMargin, if is_reducing { 0 } else { wanted })
            }
        };
        let free = self.funds.free(pool);
        if wanted > 0 && wanted > free { Err(Refusal::new(reason, wanted, free)) } else { Ok(()) }
    }

    /// The prices and claim of an order that goes out: those of its check, where it was the last one.
    fn valued(&mut self, sent: &OrderSent, claimed_qty: Qty) -> Option<(Prices, Claim)> {
        let allowed = self.allowed.take().filter(|(cl_ord_id, ..)| *cl_ord_id == sent.cl_ord_id);
        if let Some((_, prices, claim)) = allowed {
            return Some((prices, claim));
        }
        let desk = self.desk(sent.instrument)?;
        let price = if sent.ord_type == OrdType::Limit { sent.price } else { desk.price };
        let prices = Prices { value: price, exposure: price };
        Some((prices, desk.claim(sent.side, claimed_qty, prices, None)))
    }

    fn close(&mut self, handle: Handle) {
        let Some(open) = self.open.get(handle).copied() else { return };
        self.open.remove(handle);
        self.change_claim(open.instrument, open.side, open.claim, Claim::default(), None);
    }

    fn update(&mut self, handle: Handle, updated: &OrderUpdated) {
        let Some(old) = self.open.get(handle).copied() else { return };
        let mut open = Open { cum_qty: updated.cum_qty, ..old };
        if let Some(replacing) = old.replacing {
            if replacing.cl_ord_id == updated.cl_ord_id {
                // Its price may differ from what was asked; that is seen to below.
                (open.cl_ord_id, open.prices, open.replacing) = (replacing.cl_ord_id, replacing.prices, None);
                self.open.remove_key(old.cl_ord_id);
            } else if matches!(updated.ord_status, OrdStatus::New | OrdStatus::PartiallyFilled) {
                open.replacing = None;
                self.open.remove_key(replacing.cl_ord_id);
            }
        }
        if open.price != updated.price {
            open.price = updated.price;
            open.prices = Prices {
                value: open.prices.value.max(updated.price),
                exposure: open.prices.exposure.min(updated.price),
            };
        }
        let lots = i128::from(updated.leaves_qty.get());
        let is_unchanged = open.prices == old.prices && old.claim.lots == lots;
        if let Some(desk) = self.desk(old.instrument).filter(|_| open.replacing.is_some() || !is_unchanged) {
            open.claim = desk.claim(old.side, updated.leaves_qty, open.prices, None);
            if let Some(replacing) = open.replacing {
                let left = replacing.order_qty.saturating_sub(updated.cum_qty);
                open.claim = open.claim.larger(desk.claim(old.side, left, replacing.prices, None));
            }
        }
        self.open.put(handle, open);
        self.change_claim(old.instrument, old.side, old.claim, open.claim, None);
    }

    /// An order that counted as closed works again (a filled one after a bust).
    fn reopen(&mut self, updated: &OrderUpdated) {
        let Some(desk) = self.desk(updated.instrument) else { return };
        let prices = Prices { value: updated.price, exposure: updated.price };
        let claim = desk.claim(updated.side, updated.leaves_qty, prices, None);
        self.open.insert(Open {
            cl_ord_id: updated.cl_ord_id,
            instrument: updated.instrument,
            side: updated.side,
            price: updated.price,
            prices,
            cum_qty: updated.cum_qty,
            replacing: None,
            claim,
        });
        self.change_claim(updated.instrument, updated.side, Claim::default(), claim, None);
    }

    fn change_claim(&mut self, instrument: InstrumentId, side: Side, old: Claim, new: Claim, price: Option<Price>) {
        let Some(desk) = self.desks.get_mut(instrument.index()) else { return };
        if old == new && price.is_none() {
            return;
        }
        let by = new.less(old);
        desk.holding.change_open(side, by.lots, by.exposure);
        if let Some((_, total)) = self.totals.get_mut(desk.total) {
            total.change_open(side, by.exposure);
        }
        if let Draw::Spot { quote, base } = desk.draw {
            self.funds.claim(if side == Side::Buy { quote } else { base }, by.funds);
        }
        self.claim_margin(instrument, price);
    }

    /// Counts a derivative's margin anew, at `price` where there is a new one.
    fn claim_margin(&mut self, instrument: InstrumentId, price: Option<Price>) {
        let Some(desk) = self.desks.get_mut(instrument.index()) else { return };
        desk.price = price.unwrap_or(desk.price);
        let Draw::Margin { settle, rule } = desk.draw else { return };
        if !self.config.needs_funds {
            return;
        }
        let margin = rule.margin(desk.holding.exposure.worst_of_both(Side::Buy, 0), desk.price);
        self.funds.claim(settle, margin.saturating_sub(desk.margin));
        desk.margin = margin;
    }

    fn strategy(&self, strategy: u32) -> Option<&Strategy> {
        self.strategies.get(self.strategy_rows.get(strategy.into())?.index())
    }

    fn count_execution(&mut self, ts: Ts, strategy: u32) -> Option<StrategyEnabled> {
        if self.config.max_executions == 0 {
            return None;
        }
        if self.strategy(strategy).is_none() {
            let row = u32::try_from(self.strategies.len()).ok()?;
            let executions = Window::new(self.config.max_executions, self.config.execution_window_ns);
            self.strategies.push(Strategy { executions, is_stopped: false });
            self.strategy_rows.insert(strategy.into(), Handle { row, generation: 0 });
        }
        let row = self.strategy_rows.get(strategy.into())?;
        let state = self.strategies.get_mut(row.index())?;
        state.executions.push(ts);
        let is_stopping = !state.is_stopped && state.executions.is_full(ts);
        state.is_stopped |= is_stopping;
        is_stopping.then_some(StrategyEnabled { strategy, is_enabled: false, operator: 0 })
    }
}

impl Desk {
    fn check_qty(&self, order_qty: Qty) -> Result<(), Refusal> {
        let least = self.instrument.min_order_qty;
        if order_qty < least {
            return Err(Refusal::new(Reason::TooSmall, order_qty.get(), least.get()));
        }
        let most = self.limits.max_order_qty.min(self.instrument.max_order_qty);
        if order_qty > most {
            return Err(Refusal::new(Reason::MaxOrderQty, order_qty.get(), most.get()));
        }
        Ok(())
    }

    /// The collar around the mid, and the prices at which an order within it is valued. A limit price counts as the most
    /// that a buy pays; a sale may do better than its limit, so it counts at the bid at least; a market order may go to
    /// either edge.
    fn check_collar(
        &self,
        sent: &OrderSent,
        collar: Fraction,
        reference: Option<Reference>,
    ) -> Result<Prices, Refusal> {
        let (bid, ask) = reference.ok_or(Refusal::plain(Reason::NoReference))?;
        if bid <= Price::ZERO || bid > ask {
            return Err(Refusal::new(Reason::NoReference, bid.get(), ask.get()));
        }
        let (low, high) = edges(bid, ask, collar);
        if sent.ord_type == OrdType::Market {
            return Ok(Prices { value: high, exposure: low });
        }
        let price = sent.price;
        if price < low || price > high {
            let edge = if price < low { low } else { high };
            return Err(Refusal::new(Reason::PriceCollar, price.get(), edge.get()));
        }
        Ok(match sent.side {
            Side::Buy => Prices { value: price, exposure: price.min(bid) },
            Side::Sell => Prices { value: price.max(bid), exposure: price },
        })
    }

    /// Gives the order's value, at its largest.
    fn check_value(&self, sent: &OrderSent, prices: Prices) -> Result<i128, Refusal> {
        let value =
            |price, rounding| self.instrument.notional(sent.order_qty, price, rounding).map_or(TOO_LARGE, Amount::get);
        let least = self.instrument.min_notional.get();
        let most = self.limits.max_order_value.get();
        let largest = value(prices.value, Rounding::Ceil);
        // The venue judges a limit order by its limit, a market order by the market; both are at least `exposure`'s price.
        let judged = if sent.ord_type == OrdType::Limit { sent.price } else { prices.exposure };
        if judged != prices.value || largest <= least {
            let smallest = value(judged, Rounding::Floor);
            if smallest < least {
                return Err(Refusal::new(Reason::TooSmall, smallest, least));
            }
        }
        if largest > most { Err(Refusal::new(Reason::MaxOrderValue, largest, most)) } else { Ok(largest) }
    }

    /// What `qty` claims at its worst; `value` is its value at `prices`, where that is known already.
    fn claim(&self, side: Side, qty: Qty, prices: Prices, value: Option<i128>) -> Claim {
        let fits = |amount: Option<Amount>| amount.map_or(TOO_LARGE, Amount::get);
        let exposure = fits(self.instrument.exposure(qty, prices.exposure, Rounding::Ceil));
        let notional = || fits(self.instrument.notional(qty, prices.value, Rounding::Ceil));
        let funds = match (self.draw, side) {
            (Draw::Spot { .. }, Side::Buy) => value.unwrap_or_else(notional),
            (Draw::Spot { .. }, Side::Sell) => exposure,
            (Draw::Margin { .. }, Side::Buy | Side::Sell) => 0,
        };
        Claim { lots: qty.get().into(), exposure, funds }
    }
}

/// The lowest and highest price within `collar` of the mid; the lowest is at least one tick.
fn edges(bid: Price, ask: Price, collar: Fraction) -> (Price, Price) {
    let one = i128::from(Fraction::ONE.get());
    let twice_mid = i128::from(bid.get()).saturating_add(ask.get().into());
    let edge = |share: i128, rounding| {
        let edge = twice_mid.checked_mul(share).and_then(|edge| div_round(edge, one.saturating_mul(2), rounding));
        Price::new(edge.and_then(|edge| i64::try_from(edge.max(1)).ok()).unwrap_or(i64::MAX))
    };
    let collar = i128::from(collar.get());
    (edge(one.saturating_sub(collar), Rounding::Ceil), edge(one.saturating_add(collar), Rounding::Floor))
}

fn total_of(totals: &mut Vec<(AssetId, Exposure)>, base: AssetId) -> usize {
    totals.iter().position(|(asset, _)| *asset == base).unwrap_or_else(|| {
        totals.push((base, Exposure::default()));
        totals.len().saturating_sub(1)
    })
}
