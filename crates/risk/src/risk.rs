//! The controls and their state. The order of checks stands at [`Risk::check`].

use std::collections::BTreeSet;

use tiderace_types::event::{FillBooked, KillChanged, OrderSent, OrderUpdated, StrategyEnabled};
use tiderace_types::input::{BalanceSet, EnableStrategy, Kill};
use tiderace_types::{
    Amount, AssetId, ClOrdId, Instrument, InstrumentId, KillScope, OrdStatus, OrdType, Price, Qty, Reason, Refusal,
    Side, TimeInForce, Ts,
};

use crate::config::{ConfigError, InstrumentLimits, RiskConfig};
use crate::funds::{Draw, Funds};
use crate::gains::Gains;
use crate::holding::{Exposure, Holding};
use crate::market::{Market, Reference, TOO_LARGE};
use crate::open_orders::{Claim, Open, OpenOrders, Prices, Replacing};
use crate::windows::{OrderKey, RecentOrders, Window};
use tiderace_types::id_map::{Handle, IdMap};

/// One strategy's throttle.
#[derive(Clone, Debug)]
struct Strategy {
    executions: Window,
    is_stopped: bool,
}

/// One base asset over all its instruments.
#[derive(Clone, Debug)]
struct Total {
    base: AssetId,
    exposure: Exposure,
    max_position: Option<i128>,
}

/// An order that was just allowed, so that sending it need not value it again.
type Allowed = (ClOrdId, Prices, Claim, OrderKey);

/// The desk's controls.
#[derive(Clone, Debug)]
pub struct Risk {
    config: RiskConfig,
    markets: Vec<Market>,
    totals: Vec<Total>,
    funds: Funds,
    gains: Gains,
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
        let mut markets = Vec::with_capacity(instruments.len());
        for (instrument, limits) in instruments.iter().zip(&config.instruments) {
            markets.push(Market {
                draw: Draw::of(instrument, limits.initial_margin, &mut funds),
                total: total_of(&mut totals, instrument.base, config),
                instrument: instrument.clone(),
                limits: limits.clone(),
                holding: Holding::default(),
                margin: 0,
                price: Price::ZERO,
            });
        }
        let capacity = usize::try_from(config.max_open_orders.min(65_536)).unwrap_or(0);
        Ok(Self {
            markets,
            totals,
            funds,
            gains: Gains::new(),
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

    /// Whether a new order may be sent. Gives it as it goes out: a market order is bounded by the collar's edge.
    ///
    /// # Errors
    /// The first of these that says no: 2001 instrument, 2013 kill, 2012 strategy stopped, 2010 message rate,
    /// 2017 price above zero, 2016 minimum quantity, 2004 quantity, 2003 reference, 2002 collar, 2016 minimum notional,
    /// 2005 value, 2011 duplicate, 2007 open orders, 2006 position (of the instrument, then of the base asset),
    /// 2008 or 2009 funds. An order that only reduces its instrument's position is exempt from that instrument's
    /// maximum and from margin (with its fee), and from nothing else.
    pub fn check(&mut self, ts: Ts, sent: &OrderSent, reference: Option<Reference>) -> Result<OrderSent, Refusal> {
        let bounded = |market: &Market| market.bounded(sent, self.config.collar, reference);
        // Two market orders are the same at any edge.
        let (key, sent) = (OrderKey::of(sent), &self.market(sent.instrument).map_or(*sent, bounded));
        let (prices, claim) = self.check_terms(ts, sent, sent.order_qty, reference)?;
        self.check_duplicate(ts, key)?;
        let open = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        if open >= self.config.max_open_orders {
            let with_it = i128::from(open).saturating_add(1);
            return Err(Refusal::new(Reason::MaxOpenOrders, with_it, self.config.max_open_orders));
        }
        self.check_exposure(sent, claim, prices)?;
        self.allowed = Some((sent.cl_ord_id, prices, claim, key));
        Ok(*sent)
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
        self.allowed = Some((sent.cl_ord_id, prices, new, OrderKey::of(sent)));
        Ok(())
    }

    /// Counts an order that was sent.
    pub fn on_sent(&mut self, ts: Ts, sent: &OrderSent) {
        self.messages.push(ts);
        let Some((prices, claim, key)) = self.valued(sent, sent.order_qty) else { return };
        self.recent.push(ts, key);
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
        let Some((prices, new, _)) = self.valued(sent, sent.order_qty.saturating_sub(old.cum_qty)) else { return };
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
        if let Some(market) = self.markets.get_mut(fill.instrument.index()) {
            let gain = market.realise(fill, &mut self.gains);
            let before = market.holding.exposure.position;
            market.holding.fill(i128::from(fill.last_qty.get()).saturating_mul(direction), exposure);
            let moved = market.holding.exposure.position.saturating_sub(before);
            if let Some(total) = self.totals.get_mut(market.total) {
                total.exposure.position = total.exposure.position.saturating_add(moved);
            }
            match market.draw {
                Draw::Spot { quote, base } => {
                    self.funds.pay(base, exposure);
                    self.funds.pay(quote, fill.notional.get().saturating_mul(direction).saturating_neg());
                }
                Draw::Margin { settle, .. } => self.funds.pay(settle, gain),
            }
            if let Some(pool) = self.funds.existing(market.instrument.venue, fill.fee_asset) {
                self.funds.pay(pool, fill.fee.get().saturating_mul(sign).saturating_neg());
            }
            let price = if market.price == Price::ZERO { Some(fill.last_px) } else { None };
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

    /// Whether any kill is on.
    #[must_use]
    pub fn has_kill(&self) -> bool {
        !self.kills.is_empty()
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

    /// The limits of an instrument.
    #[must_use]
    pub fn limits(&self, instrument: InstrumentId) -> Option<&InstrumentLimits> {
        self.market(instrument).map(|market| &market.limits)
    }

    /// The exposure held of an instrument, below zero when short. Zero when it is flat in lots.
    #[must_use]
    pub fn position(&self, instrument: InstrumentId) -> Amount {
        self.market(instrument).map_or(Amount::ZERO, |market| Amount::new(market.holding.exposure.position))
    }

    /// Whether an order does more than reduce its instrument's position, with all that is open on its side.
    #[must_use]
    pub fn is_opening(&self, sent: &OrderSent) -> bool {
        let lots = i128::from(sent.order_qty.get());
        self.market(sent.instrument).is_none_or(|market| !market.holding.is_reducing(sent.side, lots))
    }

    /// Orders that count as open.
    #[must_use]
    pub fn open_len(&self) -> usize {
        self.open.len()
    }

    fn market(&self, instrument: InstrumentId) -> Option<&Market> {
        self.markets.get(instrument.index())
    }

    /// What can be said of an order by itself, up to its value; gives what it claims at what prices.
    fn check_terms(
        &self,
        ts: Ts,
        sent: &OrderSent,
        claimed_qty: Qty,
        reference: Option<Reference>,
    ) -> Result<(Prices, Claim), Refusal> {
        let count = i128::try_from(self.markets.len()).unwrap_or(TOO_LARGE);
        let unknown = Refusal::new(Reason::UnknownInstrument, sent.instrument.0, count.saturating_sub(1));
        let market = self.market(sent.instrument).ok_or(unknown)?;
        self.check_switches(ts, sent)?;
        check_words(sent)?;
        if sent.ord_type == OrdType::Limit && sent.price <= Price::ZERO {
            return Err(Refusal::new(Reason::BadPrice, sent.price.get(), 1));
        }
        market.check_qty(sent.order_qty)?;
        let prices = market.check_collar(sent, self.config.collar, reference)?;
        let value = market.check_value(sent, prices)?;
        let value = (claimed_qty == sent.order_qty).then_some(value);
        let claim = market.claim(sent.side, claimed_qty, prices, value);
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

    fn check_duplicate(&mut self, ts: Ts, key: OrderKey) -> Result<(), Refusal> {
        let window_ns = self.config.duplicate_window_ns;
        if window_ns <= 0 {
            return Ok(());
        }
        match self.recent.ns_since_same(ts, key) {
            Some(ns) => Err(Refusal::new(Reason::DuplicateOrder, ns, window_ns)),
            None => Ok(()),
        }
    }

    /// Position and funds, with `more` than what counts already.
    fn check_exposure(&self, sent: &OrderSent, more: Claim, prices: Prices) -> Result<(), Refusal> {
        let Some(market) = self.market(sent.instrument) else { return Ok(()) };
        let is_reducing = market.holding.is_reducing(sent.side, more.lots);
        let worst = market.holding.exposure.worst(sent.side, more.exposure);
        let limit = market.limits.max_position.get();
        if worst > limit && !is_reducing {
            return Err(Refusal::new(Reason::MaxPosition, worst, limit));
        }
        let limit = self.totals.get(market.total).and_then(|total| Some((total.exposure, total.max_position?)));
        if let Some((exposure, limit)) = limit {
            let worst = exposure.worst(sent.side, more.exposure);
            if worst > limit {
                return Err(Refusal::new(Reason::MaxPosition, worst, limit));
            }
        }
        if self.config.needs_funds { self.check_funds(market, sent.side, more, prices, is_reducing) } else { Ok(()) }
    }

    fn check_funds(
        &self,
        market: &Market,
        side: Side,
        more: Claim,
        prices: Prices,
        is_reducing: bool,
    ) -> Result<(), Refusal> {
        let (pool, reason, wanted) = match market.draw {
            Draw::Spot { quote, base } => {
                let pool = if side == Side::Buy { quote } else { base };
                (pool, Reason::InsufficientBalance, more.funds)
            }
            Draw::Margin { settle, rule } => {
                let worst = market.holding.exposure.worst_of_both(side, more.exposure);
                let margin = rule.margin(worst, prices.value).saturating_sub(market.margin);
                let wanted = margin.saturating_add(more.funds);
                (settle, Reason::InsufficientMargin, if is_reducing { 0 } else { wanted })
            }
        };
        let free = self.funds.free(pool);
        if wanted > 0 && wanted > free { Err(Refusal::new(reason, wanted, free)) } else { Ok(()) }
    }

    /// The prices, claim and key of an order that goes out: those of its check, where it was the last one.
    fn valued(&mut self, sent: &OrderSent, claimed_qty: Qty) -> Option<(Prices, Claim, OrderKey)> {
        let allowed = self.allowed.take().filter(|(cl_ord_id, ..)| *cl_ord_id == sent.cl_ord_id);
        if let Some((_, prices, claim, key)) = allowed {
            return Some((prices, claim, key));
        }
        let market = self.market(sent.instrument)?;
        let prices = Prices { value: sent.price, exposure: sent.price };
        Some((prices, market.claim(sent.side, claimed_qty, prices, None), OrderKey::of(sent)))
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
        if let Some(market) = self.market(old.instrument).filter(|_| open.replacing.is_some() || !is_unchanged) {
            open.claim = market.claim(old.side, updated.leaves_qty, open.prices, None);
            if let Some(replacing) = open.replacing {
                let left = replacing.order_qty.saturating_sub(updated.cum_qty);
                open.claim = open.claim.larger(market.claim(old.side, left, replacing.prices, None));
            }
        }
        self.open.put(handle, open);
        self.change_claim(old.instrument, old.side, old.claim, open.claim, None);
    }

    /// An order that counted as closed works again (a filled one after a bust).
    fn reopen(&mut self, updated: &OrderUpdated) {
        let Some(market) = self.market(updated.instrument) else { return };
        let prices = Prices { value: updated.price, exposure: updated.price };
        let claim = market.claim(updated.side, updated.leaves_qty, prices, None);
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
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        if old == new && price.is_none() {
            return;
        }
        let by = new.less(old);
        market.holding.change_open(side, by.lots, by.exposure);
        if let Some(total) = self.totals.get_mut(market.total) {
            total.exposure.change_open(side, by.exposure);
        }
        let pool = match market.draw {
            Draw::Spot { quote, .. } if side == Side::Buy => quote,
            Draw::Spot { base, .. } => base,
            Draw::Margin { settle, .. } => settle,
        };
        self.funds.claim(pool, by.funds);
        self.claim_margin(instrument, price);
    }

    /// Counts a derivative's margin anew, at `price` where there is a new one.
    fn claim_margin(&mut self, instrument: InstrumentId, price: Option<Price>) {
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        market.price = price.unwrap_or(market.price);
        let Draw::Margin { settle, rule } = market.draw else { return };
        if !self.config.needs_funds {
            return;
        }
        let margin = rule.margin(market.holding.exposure.worst_of_both(Side::Buy, 0), market.price);
        self.funds.claim(settle, margin.saturating_sub(market.margin));
        market.margin = margin;
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

fn total_of(totals: &mut Vec<Total>, base: AssetId, config: &RiskConfig) -> usize {
    totals.iter().position(|total| total.base == base).unwrap_or_else(|| {
        let limit = config.max_total_position.iter().find(|limit| limit.asset == base);
        let max_position = limit.map(|limit| limit.max_position.get());
        totals.push(Total { base, exposure: Exposure::default(), max_position });
        totals.len().saturating_sub(1)
    })
}

/// The desk sends plain market and limit orders; what waits, follows or gathers is for its stages to do.
fn check_words(sent: &OrderSent) -> Result<(), Refusal> {
    let is_plain = matches!(sent.ord_type, OrdType::Market | OrdType::Limit)
        && matches!(sent.time_in_force, TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok);
    if is_plain { Ok(()) } else { Err(Refusal::new(Reason::BadField, sent.ord_type.fix(), 0)) }
}
