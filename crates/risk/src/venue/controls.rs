//! The controls and their state. The order of checks stands at [`Controls::check_new`].

use std::collections::BTreeSet;

use tiderace_types::venue::{ApproveOverride, LimitChanged, NO_GROUP, ProposeOverride};
use tiderace_types::{AccountId, Amount, InstrumentId, KillScope, Qty, Reason, Refusal, Side, Ts};

use super::kills::{Kill, Kills};
use super::limits::{self, AccountLimits, InstrumentTerms, Limit, LimitsError, VenueAccount};
use super::mmp::{Frozen, Greeks, Group};
use super::overrides::Overrides;
use super::windows::Sums;

/// What is asked before an order enters, or a replace takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderAsk {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub instrument: InstrumentId,
    /// Label of the strategy.
    pub strategy: u32,
    /// Buy or sell.
    pub side: Side,
    /// Its total in lots; of a replace the new total.
    pub order_qty: Qty,
    /// Of this, what is left to trade; of a new order all.
    pub leaves_qty: Qty,
    /// Lots that the replaced order has left, which it gives back; zero for a new order.
    pub replaced_qty: Qty,
    /// Size of its value at its limit price, in 10^-12 of the settlement asset's unit, or whatever unit the limits on value are given
    /// in; absent for orders without a price.
    pub value: Option<Amount>,
    /// The account's position in lots, below zero when short.
    pub position: i64,
    /// Group of market-maker protection, or [`NO_GROUP`].
    pub mmp_group: u16,
    /// Whether it replaces a working order.
    pub is_replace: bool,
}

/// What a timer brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The account's connection did not come back in time: cancel all its orders and quotes.
    DeadMan(AccountId),
    /// The freeze of a group has passed (orders were admitted again at that very time, event or not).
    Unfrozen(AccountId, u16),
    /// An override ended: the limit as it is now.
    Limit(LimitChanged),
    /// A proposal waited for its second person until the time it would have ended.
    ProposalExpired(u64),
}

/// Timers of one time fire in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    DeadMan(AccountId),
    Unfreeze(AccountId, u16),
    Override(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) config: VenueAccount,
    /// The limits in force: those of the configuration, and overrides.
    pub(super) limits: AccountLimits,
    pub(super) messages: Sums<1>,
    /// Orders and trades.
    pub(super) orders: Sums<2>,
    pub(super) groups: Vec<Group>,
    pub(super) open_orders: u64,
    /// Working lots by instrument, buys and sells; empty where no position is limited.
    pub(super) working: Vec<[i128; 2]>,
    /// When the dead-man timer runs out.
    pub(super) ts_dead_man: Option<Ts>,
}

/// The venue's controls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controls {
    pub(super) accounts: Vec<Account>,
    pub(super) instruments: Vec<InstrumentTerms>,
    pub(super) greeks: Vec<Greeks>,
    pub(super) kills: Kills,
    pub(super) overrides: Overrides,
    pub(super) timers: BTreeSet<(Ts, Timer)>,
    /// Groups that reached a limit in this sweep, in the order in which they did.
    pub(super) reached: Vec<(AccountId, u16)>,
}

impl Controls {
    /// Controls with nothing counted. Rows are ids: accounts by [`AccountId`], instruments by [`InstrumentId`].
    ///
    /// # Errors
    /// [`LimitsError`], for the first limit that cannot be enforced.
    pub fn new(accounts: &[VenueAccount], instruments: &[InstrumentTerms]) -> Result<Self, LimitsError> {
        limits::check(accounts, instruments)?;
        Ok(Self {
            accounts: accounts.iter().map(|account| Account::new(account, instruments.len())).collect(),
            instruments: instruments.to_vec(),
            greeks: vec![Greeks::default(); instruments.len()],
            kills: Kills::default(),
            overrides: Overrides::default(),
            timers: BTreeSet::new(),
            reached: Vec::with_capacity(16),
        })
    }

    /// Asks whether a session may send one more message (new order, replace, mass quote), and counts it if so. One that
    /// is held back does not count.
    ///
    /// # Errors
    /// 2022.
    pub fn on_message(&mut self, ts: Ts, account: AccountId) -> Result<(), Refusal> {
        let Some(account) = self.account_mut(account) else { return Ok(()) };
        let Some(throttle) = account.limits.throttle else { return Ok(()) };
        let [sent] = account.messages.at(ts);
        if sent >= i128::from(throttle.messages) {
            return Err(Refusal::new(Reason::Throttled, sent.saturating_add(1), throttle.messages));
        }
        account.messages.push(ts, [1]);
        Ok(())
    }

    /// Counts a cancel as a message. Cancels are never held back.
    pub fn on_cancel(&mut self, ts: Ts, account: AccountId) {
        let Some(account) = self.account_mut(account) else { return };
        if account.limits.throttle.is_some() {
            account.messages.push(ts, [1]);
        }
    }

    /// Whether an order may enter. State does not change.
    ///
    /// # Errors
    /// The first of these that says no: [`Controls::check_sizes`], [`Controls::check_kills`], [`Controls::check_frozen`],
    /// [`Controls::check_limits`]. A venue with rules of its own between them calls the four. Of the others that work,
    /// a reduce-only kill knows here those of accounts with a position limit.
    pub fn check_new(&mut self, ts: Ts, ask: &OrderAsk) -> Result<(), Refusal> {
        self.check_sizes(ask)?;
        self.check_kills(ask, || {
            let account = self.account(ask.account);
            account.map_or(0, |account| account.others(ask))
        })?;
        self.check_frozen(ts, ask.account, ask.mmp_group)?;
        self.check_limits(ts, ask)
    }

    /// The instrument's sizes.
    ///
    /// # Errors
    /// In this order: 2016 below its `min_order_qty`, 2019 above its `max_order_qty`, 2020 above its `max_order_value`.
    pub fn check_sizes(&self, ask: &OrderAsk) -> Result<(), Refusal> {
        let Some(terms) = self.instruments.get(ask.instrument.index()) else { return Ok(()) };
        if let Some(min) = terms.min_order_qty.filter(|min| ask.order_qty < *min) {
            return Err(Refusal::new(Reason::TooSmall, ask.order_qty.get(), min.get()));
        }
        if let Some(max) = terms.max_order_qty.filter(|max| ask.order_qty > *max) {
            return Err(Refusal::new(Reason::TooLarge, ask.order_qty.get(), max.get()));
        }
        check_value(ask, terms.max_order_value)
    }

    /// Kill switches. A reduce-only one admits what is, together with the `others` that work on its side, no larger than
    /// the position that it reduces; it alone asks for them, in lots.
    ///
    /// # Errors
    /// 2013 with the id that was killed.
    pub fn check_kills(&self, ask: &OrderAsk, others: impl FnOnce() -> i128) -> Result<(), Refusal> {
        let Some(kill) = self.killed(ask.account, Some(ask.instrument), Some(ask.strategy)) else { return Ok(()) };
        let reducible = i128::from(ask.position).saturating_mul(i128::from(ask.side.sign())).saturating_neg();
        if kill.reduce_only && others().saturating_add(ask.leaves_qty.get().into()) <= reducible {
            return Ok(());
        }
        Err(Refusal::new(Reason::Killed, kill.id, 0))
    }

    /// Whether a group of market-maker protection takes orders.
    ///
    /// # Errors
    /// 2024 with the time asked and the time at which the freeze ends.
    pub fn check_frozen(&self, ts: Ts, account: AccountId, group: u16) -> Result<(), Refusal> {
        match self.is_frozen(ts, account, group) {
            Some(until) => Err(Refusal::new(Reason::MmpFrozen, ts.get(), until.get())),
            None => Ok(()),
        }
    }

    /// The account's limits.
    ///
    /// # Errors
    /// In this order: 2019 above its `max_order_qty`, 2020 above its `max_order_value`, 2021 beyond its `position_limit`
    /// with all working orders of the side filled (what only makes the position smaller never is), 2025 above its
    /// `max_open_orders` (not for a replace), 2023 above its orders for each trade.
    pub fn check_limits(&mut self, ts: Ts, ask: &OrderAsk) -> Result<(), Refusal> {
        let lot = self.lot(ask.instrument);
        let Some(account) = self.account_mut(ask.account) else { return Ok(()) };
        let qty = i128::from(ask.order_qty.get()).saturating_mul(lot);
        if let Some(max) = account.limits.max_order_qty.filter(|max| qty > max.get()) {
            return Err(Refusal::new(Reason::TooLarge, qty, max.get()));
        }
        check_value(ask, account.limits.max_order_value)?;
        account.check_position(ask, lot)?;
        if let Some(max) = account.limits.max_open_orders.filter(|_| !ask.is_replace) {
            let with_it = account.open_orders.saturating_add(1);
            if with_it > u64::from(max) {
                return Err(Refusal::new(Reason::OpenOrdersLimit, with_it, max));
            }
        }
        account.check_order_to_trade(ts)
    }

    /// Counts an order or replace that was accepted, each leg of a quote too, for the order-to-trade limit.
    pub fn on_order(&mut self, ts: Ts, account: AccountId) {
        self.count(ts, account, [1, 0]);
    }

    /// Counts a trade of an account, for the order-to-trade limit.
    pub fn on_trade(&mut self, ts: Ts, account: AccountId) {
        self.count(ts, account, [0, 1]);
    }

    /// Takes in that an order's `leaves_qty` changed: from zero on entry, to zero at its end. Orders that wait for a
    /// trigger or a parent have entered.
    pub fn on_leaves(&mut self, account: AccountId, instrument: InstrumentId, side: Side, before: Qty, after: Qty) {
        let Some(account) = self.account_mut(account) else { return };
        match (before == Qty::ZERO, after == Qty::ZERO) {
            (true, false) => account.open_orders = account.open_orders.saturating_add(1),
            (false, true) => account.open_orders = account.open_orders.saturating_sub(1),
            (true, true) | (false, false) => {}
        }
        if let Some([buys, sells]) = account.working.get_mut(instrument.index()) {
            let lots = match side {
                Side::Buy => buys,
                Side::Sell => sells,
            };
            *lots = lots.saturating_add(i128::from(after.get())).saturating_sub(i128::from(before.get()));
        }
    }

    /// Counts a fill for market-maker protection: `lots` bought, or below zero sold, at greeks as they are now. Which
    /// fills count (those of resting orders and quotes of the group) the caller decides.
    pub fn on_fill(&mut self, ts: Ts, account: AccountId, group: u16, instrument: InstrumentId, lots: i64) {
        if group == NO_GROUP {
            return;
        }
        let contracts = i128::from(lots).saturating_mul(self.lot(instrument));
        let greeks = self.greeks.get(instrument.index()).copied().unwrap_or_default();
        let is_first = self.group_mut(account, group).is_some_and(|group| group.fill(ts, contracts, greeks));
        if is_first {
            self.reached.push((account, group));
        }
    }

    /// Sets the greeks of one contract, for fills from now on.
    pub fn set_greeks(&mut self, instrument: InstrumentId, delta: Amount, vega: Amount) {
        if let Some(greeks) = self.greeks.get_mut(instrument.index()) {
            *greeks = Greeks { delta, vega };
        }
    }

    /// Delta and vega of one contract, as set: zeros where nobody did.
    #[must_use]
    pub fn greeks(&self, instrument: InstrumentId) -> (Amount, Amount) {
        let greeks = self.greeks.get(instrument.index()).copied().unwrap_or_default();
        (greeks.delta, greeks.vega)
    }

    /// At the end of a sweep: freezes the groups that reached a limit and appends them, in the order in which they did.
    /// The caller cancels their orders and quotes.
    pub fn take_triggered(&mut self, out: &mut Vec<Frozen>) {
        let mut reached = core::mem::take(&mut self.reached);
        for (account, group) in reached.drain(..) {
            self.drop_unfreeze(account, group);
            if let Some(ts_until) = self.group_mut(account, group).and_then(Group::freeze) {
                self.timers.insert((ts_until, Timer::Unfreeze(account, group)));
                out.push(Frozen { account, group, ts_until });
            }
        }
        self.reached = reached;
    }

    /// Ends a freeze, and starts the group's sums at zero. Gives whether it was frozen.
    ///
    /// # Errors
    /// 1025 when the account has no such group.
    pub fn mmp_reset(&mut self, ts: Ts, account: AccountId, group: u16) -> Result<bool, Refusal> {
        let was_frozen = self.is_frozen(ts, account, group).is_some();
        self.drop_unfreeze(account, group);
        self.reached.retain(|reached| *reached != (account, group));
        let found = self.group_mut(account, group).ok_or(Refusal::new(Reason::BadField, group, 0))?;
        found.reset();
        Ok(was_frozen)
    }

    /// Until when a group is frozen, if it is at `ts`.
    #[must_use]
    pub fn is_frozen(&self, ts: Ts, account: AccountId, group: u16) -> Option<Ts> {
        self.account(account)?.groups.iter().find(|of| of.limits.group == group)?.frozen(ts)
    }

    /// Switches a kill; gives whether that changed anything. The caller cancels what a switched-on kill covers, changed
    /// or not.
    pub fn kill(&mut self, scope: KillScope, id: u32, is_on: bool, reduce_only: bool) -> bool {
        self.kills.set(scope, id, is_on, reduce_only)
    }

    /// The strictest kill that covers: whole kills before reduce-only ones, then all, account, instrument, strategy.
    #[must_use]
    pub fn killed(&self, account: AccountId, instrument: Option<InstrumentId>, strategy: Option<u32>) -> Option<Kill> {
        self.kills.covering(account, instrument, strategy)
    }

    /// Takes in that an account's connection went or came back. Gives whether its orders are to be canceled at once. Its
    /// dead-man timer runs from the first loss: one that is told again puts nothing off.
    pub fn connection(&mut self, ts: Ts, account: AccountId, is_up: bool) -> bool {
        let Some(found) = self.account_mut(account) else { return false };
        if !is_up && found.ts_dead_man.is_some() {
            return false;
        }
        let before = found.ts_dead_man.take();
        let delay = found.config.dead_man_ns.filter(|_| !is_up);
        found.ts_dead_man = delay.map(|ns| ts.plus_ns(ns));
        let after = found.ts_dead_man;
        if let Some(before) = before {
            self.timers.remove(&(before, Timer::DeadMan(account)));
        }
        if let Some(after) = after {
            self.timers.insert((after, Timer::DeadMan(account)));
        }
        !is_up && after.is_none()
    }

    /// When [`Controls::due`] next has something to say.
    #[must_use]
    pub fn next_timer(&self) -> Option<Ts> {
        self.timers.first().map(|(ts, _)| *ts)
    }

    /// Fires the first timer due at or before `ts`. Call until there is none.
    pub fn due(&mut self, ts: Ts) -> Option<Due> {
        while self.next_timer().is_some_and(|next| next <= ts) {
            let (_, timer) = self.timers.pop_first()?;
            let due = match timer {
                Timer::DeadMan(account) => {
                    self.account_mut(account).and_then(|found| found.ts_dead_man.take()).map(|_| Due::DeadMan(account))
                }
                Timer::Unfreeze(account, group) => self
                    .group_mut(account, group)
                    .and_then(|found| found.ts_until.take())
                    .map(|_| Due::Unfrozen(account, group)),
                Timer::Override(id) => self.end_override(id),
            };
            if due.is_some() {
                return due;
            }
        }
        None
    }

    /// A first person proposes to override a limit of an account, up or down.
    ///
    /// # Errors
    /// 1022 account, 1025 a limit that is no limit or off, an operator of zero, a value below zero or a time that is not
    /// ahead, 2029 a key in use, 2028 too many.
    pub fn propose(&mut self, ts: Ts, proposal: &ProposeOverride) -> Result<(), Refusal> {
        let account =
            self.account(proposal.account).ok_or(Refusal::new(Reason::UnknownAccount, proposal.account.0, 0))?;
        let limit = Limit::from_code(proposal.limit).filter(|limit| account.config.limits.get(*limit).is_some());
        if limit.is_none() {
            return Err(Refusal::new(Reason::BadField, proposal.limit, 0));
        }
        self.overrides.propose(ts, proposal)?;
        self.timers.insert((proposal.expire_time, Timer::Override(proposal.override_id)));
        Ok(())
    }

    /// A second person lets a proposal be: from now until its end the limit has its value. Of two for one limit the one
    /// approved last counts.
    ///
    /// # Errors
    /// 2027 not proposed, or no longer; 1025 an operator of zero; 2026 the same person.
    pub fn approve(&mut self, approval: &ApproveOverride) -> Result<LimitChanged, Refusal> {
        let approved = self.overrides.approve(approval)?;
        Ok(self.set_limit(approved))
    }

    /// The limits of an account as they are now.
    #[must_use]
    pub fn limits(&self, account: AccountId) -> Option<&AccountLimits> {
        self.account(account).map(|account| &account.limits)
    }

    /// Working orders of an account.
    #[must_use]
    pub fn open_orders(&self, account: AccountId) -> u64 {
        self.account(account).map_or(0, |account| account.open_orders)
    }

    fn account(&self, account: AccountId) -> Option<&Account> {
        self.accounts.get(usize::try_from(account.0).ok()?)
    }

    fn account_mut(&mut self, account: AccountId) -> Option<&mut Account> {
        self.accounts.get_mut(usize::try_from(account.0).ok()?)
    }

    fn group_mut(&mut self, account: AccountId, group: u16) -> Option<&mut Group> {
        self.account_mut(account)?.groups.iter_mut().find(|of| of.limits.group == group)
    }

    fn lot(&self, instrument: InstrumentId) -> i128 {
        self.instruments.get(instrument.index()).map_or(0, |terms| terms.lot.get())
    }

    fn count(&mut self, ts: Ts, account: AccountId, terms: [i128; 2]) {
        let Some(account) = self.account_mut(account) else { return };
        if account.limits.order_to_trade.is_some() {
            account.orders.push(ts, terms);
        }
    }

    fn drop_unfreeze(&mut self, account: AccountId, group: u16) {
        if let Some(until) = self.group_mut(account, group).and_then(|found| found.ts_until.take()) {
            self.timers.remove(&(until, Timer::Unfreeze(account, group)));
        }
    }

    fn end_override(&mut self, override_id: u64) -> Option<Due> {
        let (ended, was_in_force) = self.overrides.end(override_id)?;
        Some(if was_in_force { Due::Limit(self.set_limit(ended)) } else { Due::ProposalExpired(override_id) })
    }

    /// Sets the limit that `cause` names to what it now is; gives the change, with the key of the cause.
    pub(super) fn set_limit(&mut self, cause: ProposeOverride) -> LimitChanged {
        let same = |of: &&ProposeOverride| of.account == cause.account && of.limit == cause.limit;
        let in_force = self.overrides.in_force.iter().rfind(same).copied();
        let limit = Limit::from_code(cause.limit);
        let mut value = Amount::ZERO;
        if let Some((found, limit)) = self.account_mut(cause.account).zip(limit) {
            let standing = in_force.map(|of| of.value).or(found.config.limits.get(limit));
            found.limits.set(limit, standing.unwrap_or_default());
            value = found.limits.get(limit).unwrap_or_default();
        }
        LimitChanged {
            override_id: cause.override_id,
            account: cause.account,
            limit: cause.limit,
            value,
            expire_time: in_force.map_or(Ts::ZERO, |of| of.expire_time),
        }
    }
}

impl Account {
    fn new(config: &VenueAccount, instruments: usize) -> Self {
        let limits = &config.limits;
        Self {
            messages: Sums::new(limits.throttle.map_or(1, |throttle| throttle.window_ns)),
            orders: Sums::new(limits.order_to_trade.map_or(1, |ratio| ratio.window_ns)),
            groups: config.mmp.iter().copied().map(Group::new).collect(),
            open_orders: 0,
            working: vec![[0; 2]; if limits.position_limit.is_some() { instruments } else { 0 }],
            ts_dead_man: None,
            limits: limits.clone(),
            config: config.clone(),
        }
    }

    /// Lots that work on the side of an order, without what it replaces; zero where they are not counted.
    fn others(&self, ask: &OrderAsk) -> i128 {
        let [buys, sells] = self.working.get(ask.instrument.index()).copied().unwrap_or_default();
        let working = match ask.side {
            Side::Buy => buys,
            Side::Sell => sells,
        };
        working.saturating_sub(ask.replaced_qty.get().into())
    }

    fn check_position(&self, ask: &OrderAsk, lot: i128) -> Result<(), Refusal> {
        let Some(limit) = self.limits.position_limit else { return Ok(()) };
        let others = self.others(ask);
        let position = i128::from(ask.position).saturating_mul(ask.side.sign().into());
        let worst = position.saturating_add(others).saturating_add(ask.leaves_qty.get().into()).saturating_mul(lot);
        // Above zero it is a position on the order's own side; at or below, the order only reduces.
        if worst > limit.get().max(0) { Err(Refusal::new(Reason::PositionLimit, worst, limit.get())) } else { Ok(()) }
    }

    fn check_order_to_trade(&mut self, ts: Ts) -> Result<(), Refusal> {
        let Some(ratio) = self.limits.order_to_trade else { return Ok(()) };
        let [orders, trades] = self.orders.at(ts);
        let earned = trades.saturating_mul(ratio.orders_per_trade.into());
        let allowed = earned.saturating_add(ratio.free_orders.into());
        let with_it = orders.saturating_add(1);
        if with_it > allowed { Err(Refusal::new(Reason::OrderToTrade, with_it, allowed)) } else { Ok(()) }
    }
}

fn check_value(ask: &OrderAsk, max: Option<Amount>) -> Result<(), Refusal> {
    match ask.value.zip(max) {
        Some((value, max)) if value > max => Err(Refusal::new(Reason::TooMuchValue, value.get(), max.get())),
        Some(_) | None => Ok(()),
    }
}
