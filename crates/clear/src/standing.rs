//! Where an account stands: cash, open profit, requirements, what orders hold, and what is left.
//!
//! Figures of a position follow its instrument's mark at once; an account's sums are kept by difference, so a fill costs
//! the same whatever else the account holds.

use tiderace_types::{AccountId, Amount, AssetId, Fraction, InstrumentId, Price, Qty, Reason, Refusal, Rounding, Side};

use crate::clearing::{Clearing, Sums};
use crate::default::Stage;
use crate::position::Working;

/// Cash of an account in an asset, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// All of it.
    pub total: Amount,
    /// What may be withdrawn or used: min(total, equity - initial margin) - held.
    pub available: Amount,
    /// What working orders hold.
    pub held: Amount,
}

/// Margin of an account in an asset, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// In which asset: the unit where collateral is pooled.
    pub asset: AssetId,
    /// Cash, open profit, and the value of what was paid for at the trade.
    pub equity: Amount,
    /// What requirements are held against: equity, in the unit after haircut and limit where collateral is pooled. A
    /// short option's mark weighs twice under standard margin, in equity and in its requirement: on the safe side.
    pub collateral: Amount,
    /// Initial requirement of the positions.
    pub initial: Amount,
    /// Maintenance requirement of the positions.
    pub maintenance: Amount,
    /// What working orders hold.
    pub held: Amount,
}

/// An order that wants to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderAsk {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Lots that it may still trade.
    pub qty: Qty,
    /// Its limit, or the worst price that it may trade at; the mark where absent.
    pub price: Option<Price>,
    /// The dearer of its fees; at a match the one that it pays.
    pub fee: Fraction,
}

/// What a working order holds: kept with the order, given back as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderHold {
    /// Lots that it may still trade.
    pub lots: i64,
    /// What its fill would lose at once, fees in; of a spot order what it would hand over.
    pub cost: i128,
}

const fn side_row(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

impl Clearing {
    pub(crate) fn sums_at(&self, account: AccountId, asset: AssetId) -> Option<usize> {
        if asset.index() >= self.config.assets.len() {
            return None;
        }
        Self::row(account).checked_mul(self.config.assets.len())?.checked_add(asset.index())
    }

    pub(crate) fn sums(&self, account: AccountId, asset: AssetId) -> Sums {
        self.sums_at(account, asset).and_then(|at| self.sums.get(at)).copied().unwrap_or_default()
    }

    /// Takes a position's figures anew, its portfolio's too, and carries the difference into its account's sums.
    pub(crate) fn revalue(&mut self, slot: usize) {
        self.revalue_plain(slot);
        self.follow(slot);
    }

    /// Takes the figures of a position alone.
    pub(crate) fn revalue_plain(&mut self, slot: usize) {
        let Some(position) = self.positions.get(slot) else { return };
        let (account, instrument, qty) = (position.account, position.instrument, position.qty);
        let Some(contract) = self.contracts.get(instrument.index()) else { return };
        let settle = contract.settle();
        let (mark, index) = (self.mark(instrument), self.index(contract.base()));
        let mut next = Sums { initial: position.initial, maintenance: position.maintenance, ..Sums::default() };
        if let (Some(mark), true) = (mark, qty != 0) {
            let worth = contract.cost_at(qty, mark);
            if contract.is_marked() {
                next.open = contract.cash(worth.saturating_sub(position.cost), Rounding::Floor);
            } else if contract.is_premium() {
                next.value = contract.cash(worth, Rounding::Floor);
            }
        }
        let is_portfolio = self.is_in_portfolio(account, instrument);
        if let Some(rule) = self.rules.get(instrument.index()) {
            if is_portfolio || account == self.house_account() {
                (next.initial, next.maintenance) = (0, 0);
            } else if let Some(requirement) = rule.requirement(qty, mark, index) {
                let part = |amount: Amount| self.decayed_margin(instrument, amount.get());
                (next.initial, next.maintenance) = (part(requirement.initial), part(requirement.maintenance));
            }
            next.held = if is_portfolio { 0 } else { self.held(position, mark, index).unwrap_or(position.held) };
        }
        let Some(position) = self.positions.get_mut(slot) else { return };
        let before = Sums {
            open: core::mem::replace(&mut position.open, next.open),
            value: core::mem::replace(&mut position.value, next.value),
            initial: core::mem::replace(&mut position.initial, next.initial),
            maintenance: core::mem::replace(&mut position.maintenance, next.maintenance),
            held: core::mem::replace(&mut position.held, next.held),
            was_margined: false,
        };
        if let Some(sums) = self.sums_at(account, settle).and_then(|at| self.sums.get_mut(at)) {
            let carry = |sum: &mut i128, now: i128, then: i128| {
                *sum = sum.saturating_add(now.saturating_sub(then));
            };
            carry(&mut sums.open, next.open, before.open);
            carry(&mut sums.value, next.value, before.value);
            carry(&mut sums.initial, next.initial, before.initial);
            carry(&mut sums.maintenance, next.maintenance, before.maintenance);
            carry(&mut sums.held, next.held, before.held);
            sums.was_margined |= next.maintenance > 0;
        }
    }

    /// What a position's orders hold: the worst side filled whole, less what the position needs now.
    fn held(&self, position: &crate::Position, mark: Option<Price>, index: Option<i128>) -> Option<i128> {
        self.held_with(position.qty, position.orders, position.instrument, mark, index)
    }

    fn held_with(
        &self,
        qty: i64,
        [buys, sells]: [Working; 2],
        instrument: InstrumentId,
        mark: Option<Price>,
        index: Option<i128>,
    ) -> Option<i128> {
        if buys == Working::default() && sells == Working::default() {
            return Some(0);
        }
        let rule = self.rules.get(instrument.index())?;
        let initial = |lots: i64| rule.requirement(lots, mark, index).map(|of| of.initial.get());
        let now = initial(qty)?;
        let bought = initial(qty.checked_add(buys.lots)?)?.checked_add(buys.cost)?;
        let sold = initial(qty.checked_sub(sells.lots)?)?.checked_add(sells.cost)?;
        bought.max(sold).max(now).checked_sub(now)
    }

    /// Takes every position of an instrument anew, and looks at who may be in need.
    pub(crate) fn revalue_all(&mut self, instrument: InstrumentId) {
        let mut row = 0usize;
        while let Some(slot) = self.of_instrument.get(instrument.index()).and_then(|slots| slots.get(row)).copied() {
            row = row.saturating_add(1);
            let Ok(slot) = usize::try_from(slot) else { continue };
            let Some(position) = self.positions.get(slot) else { continue };
            if position.qty == 0 && position.held == 0 {
                continue;
            }
            let account = position.account;
            // Scenarios follow their arrays, not the mark.
            self.revalue_plain(slot);
            self.look_at(account, instrument);
        }
    }

    /// Cash of an account.
    #[must_use]
    pub fn balance(&self, account: AccountId, asset: AssetId) -> Balance {
        let total = self.cash(account, asset);
        let sums = self.sums(account, asset);
        let standing = self.standing(account, asset);
        let room = standing.collateral.get().saturating_sub(standing.initial.get());
        let room = if standing.asset == asset { room } else { self.out_of_unit(asset, room) };
        let held = if standing.asset == asset { standing.held.get() } else { sums.held };
        let available = total.min(room).saturating_sub(held);
        Balance { total: Amount::new(total), available: Amount::new(available), held: Amount::new(sums.held) }
    }

    /// Margin of an account in an asset, or of all of them in the unit where its collateral is pooled.
    #[must_use]
    pub fn standing(&self, account: AccountId, asset: AssetId) -> Standing {
        if self.is_pooled(account) {
            return self.pooled(account);
        }
        let sums = self.sums(account, asset);
        let equity = self.cash(account, asset).saturating_add(sums.open).saturating_add(sums.value);
        Standing {
            asset,
            equity: Amount::new(equity),
            collateral: Amount::new(equity),
            initial: Amount::new(sums.initial),
            maintenance: Amount::new(sums.maintenance),
            held: Amount::new(sums.held),
        }
    }

    /// Margin of an account: in the asset that its positions settle in (the first of them), else in the first asset that
    /// it has cash in.
    #[must_use]
    pub fn margin(&self, account: AccountId) -> Standing {
        let settles = self.positions(account).filter_map(|position| self.contract(position.instrument));
        let asset = settles.map(crate::Contract::settle).min();
        let has_cash = |asset: &AssetId| self.cash(account, *asset) != 0;
        let asset = asset.or_else(|| self.assets().find(has_cash)).unwrap_or_default();
        self.standing(account, asset)
    }

    pub(crate) fn assets(&self) -> impl Iterator<Item = AssetId> + use<> {
        let count = u16::try_from(self.config.assets.len()).unwrap_or(u16::MAX);
        (0..count).map(AssetId)
    }

    /// Everything in the unit: cash and what is open as collateral, after haircut and limit; debts whole.
    fn pooled(&self, account: AccountId) -> Standing {
        let mut all = Standing { asset: self.config.unit, ..Standing::default() };
        let mut sum = Sums::default();
        let (mut equity, mut collateral) = (0i128, 0i128);
        for asset in self.assets() {
            let of = self.sums(account, asset);
            let cash = self.cash(account, asset);
            if of == Sums::default() && cash == 0 {
                continue;
            }
            let counted = cash.saturating_add(of.open).saturating_add(of.value);
            equity = equity.saturating_add(self.in_unit(asset, counted, Rounding::Floor).unwrap_or(0));
            collateral = collateral.saturating_add(self.as_collateral(asset, counted));
            let up = |amount| self.in_unit(asset, amount, Rounding::Ceil).unwrap_or(i128::MAX >> 8);
            sum.initial = sum.initial.saturating_add(up(of.initial));
            sum.maintenance = sum.maintenance.saturating_add(up(of.maintenance));
            sum.held = sum.held.saturating_add(up(of.held));
        }
        (all.equity, all.collateral) = (Amount::new(equity), Amount::new(collateral));
        (all.initial, all.maintenance) = (Amount::new(sum.initial), Amount::new(sum.maintenance));
        all.held = Amount::new(sum.held);
        all
    }

    /// What an amount of an asset counts in the unit. Without an index what is owned counts nothing and what is owed
    /// more than anyone has.
    pub(crate) fn as_collateral(&self, asset: AssetId, amount: i128) -> i128 {
        if amount < 0 {
            return self.in_unit(asset, amount, Rounding::Floor).unwrap_or(i128::MIN >> 8);
        }
        let terms = self.config.assets.get(asset.index()).and_then(|terms| terms.collateral);
        let (haircut, limit) = match terms {
            Some(terms) => (terms.haircut, terms.limit.map_or(i128::MAX, Amount::get)),
            None if asset == self.config.unit => (Fraction::ZERO, i128::MAX),
            None => return 0,
        };
        let worth = self.in_unit(asset, amount.min(limit), Rounding::Floor).unwrap_or(0);
        let kept = Fraction::ONE.get().saturating_sub(haircut.get());
        crate::wide::mul_div(worth, kept.into(), Fraction::ONE.get().into(), Rounding::Floor)
    }

    pub(crate) fn out_of_unit(&self, asset: AssetId, amount: i128) -> i128 {
        let one = self.config.assets.get(asset.index()).map_or(0, |terms| terms.asset.decimals);
        let one = tiderace_types::instrument::pow10(one).unwrap_or(1);
        let worth = self.in_unit(asset, one, Rounding::Ceil).unwrap_or(i128::MAX >> 8);
        crate::wide::mul_div(amount, one, worth.max(1), Rounding::Floor)
    }

    pub(crate) fn is_pooled(&self, account: AccountId) -> bool {
        self.config.accounts.get(Self::row(account)).is_some_and(|row| row.is_pooled)
    }

    pub(crate) fn is_portfolio(&self, account: AccountId) -> bool {
        self.config.accounts.get(Self::row(account)).is_some_and(|row| row.is_portfolio)
    }

    /// Puts an account on the list of those to review where what it has no longer covers what would warn it.
    pub(crate) fn look_at(&mut self, account: AccountId, instrument: InstrumentId) {
        if account == self.house_account() {
            self.queue(account);
            return;
        }
        if !self.knows(account) {
            return;
        }
        let Some(settle) = self.contract(instrument).map(crate::Contract::settle) else { return };
        let Some(stage) = self.stages.get(Self::row(account)) else { return };
        if *stage == Stage::Healthy && !self.is_in_need(account, settle) && !self.is_owing(account, settle) {
            return;
        }
        self.queue(account);
    }

    pub(crate) fn queue(&mut self, account: AccountId) {
        if let Some(is_queued) = self.is_queued.get_mut(Self::row(account)).filter(|is_queued| !**is_queued) {
            *is_queued = true;
            self.to_review.push_back(account);
        }
    }

    /// Whether an account that was margined owes more than it has.
    pub(crate) fn is_owing(&self, account: AccountId, asset: AssetId) -> bool {
        self.sums(account, asset).was_margined && self.standing(account, asset).collateral < Amount::ZERO
    }

    pub(crate) fn is_in_need(&self, account: AccountId, asset: AssetId) -> bool {
        let of = self.standing(account, asset);
        let one = i128::from(Fraction::ONE.get());
        of.maintenance > Amount::ZERO
            && of.maintenance.get().saturating_mul(one)
                > of.collateral.get().saturating_mul(self.config.default_rules.warn_at.get().into())
    }

    pub(crate) fn check_stage(&self, account: AccountId) -> Result<(), Refusal> {
        match self.stages.get(Self::row(account)) {
            Some(Stage::Auction) => Err(Refusal::new(Reason::InDefault, account.0, 0)),
            Some(Stage::Healthy | Stage::Warned | Stage::Reducing { .. }) | None => Ok(()),
        }
    }

    /// What an order would hold.
    fn hold_of(&self, ask: &OrderAsk) -> Option<OrderHold> {
        let contract = self.contract(ask.instrument)?;
        let mark = self.mark(ask.instrument);
        let price = ask.price.or(mark)?;
        let raw = contract.raw(ask.qty, price);
        let fee = contract.fee(raw, ask.fee).max(0);
        let lots = ask.qty.get();
        if contract.is_spot() {
            let cost = match ask.side {
                Side::Buy => contract.cash(raw, Rounding::Ceil).saturating_add(fee),
                Side::Sell => contract.lots(ask.qty, Rounding::Ceil),
            };
            return Some(OrderHold { lots, cost });
        }
        let paid = contract.signed(raw, ask.side);
        let loss = if contract.is_premium() {
            // A program's requirement leaves its mark out: what is sold below the mark is lost at once.
            let rule = self.payoffs.get(ask.instrument).map(crate::payoff::Payoff::rule);
            let below = rule.map_or(0, |rule| contract.raw(ask.qty, rule.bounded(mark.unwrap_or(price))));
            let gap = if ask.side == Side::Sell && rule.is_some() { below.saturating_add(paid) } else { paid };
            contract.cash(gap.max(0), Rounding::Ceil)
        } else {
            let at_mark = mark.map_or(raw, |mark| contract.raw(ask.qty, mark));
            let gap = paid.saturating_sub(contract.signed(at_mark, ask.side));
            contract.cash(gap.max(0), Rounding::Ceil)
        };
        Some(OrderHold { lots, cost: loss.saturating_add(fee) })
    }

    /// Whether an account may have an order work, in place of what `replaced` holds.
    ///
    /// # Errors
    /// [`Reason::UnknownAccount`], [`Reason::UnknownSymbol`], [`Reason::InDefault`], [`Reason::InstrumentExpired`],
    /// [`Reason::PayoffNotListed`] or [`Reason::OverLimit`] for a program, [`Reason::NoReferencePrice`] or [`Reason::NoRiskArray`]
    /// where margin has nothing to go by, [`Reason::StaleSurface`] where what it goes by is too old,
    /// [`Reason::InsufficientMargin`], or for spot [`Reason::InsufficientBalance`].
    pub fn check_order(&self, ask: &OrderAsk, replaced: OrderHold) -> Result<OrderHold, Refusal> {
        self.check_account(ask.account)?;
        let contract = self.check_instrument(ask.instrument)?;
        self.check_stage(ask.account)?;
        if self.markets.get(ask.instrument.index()).is_some_and(|market| market.is_settled) {
            return Err(Refusal::new(Reason::InstrumentExpired, ask.instrument.0, 0));
        }
        if !self.is_margined(ask.instrument) {
            return Ok(OrderHold { lots: ask.qty.get(), cost: 0 });
        }
        self.check_payoff(ask.instrument, ask.qty)?;
        // A program is margined by itself: no risk array speaks of it.
        if self.is_portfolio(ask.account) && !contract.is_spot() && !contract.is_program() {
            let (hold, more) = self.portfolio_order(ask, replaced)?;
            let available = self.balance(ask.account, contract.settle()).available.get();
            if more > 0 && more > available {
                return Err(Refusal::new(Reason::InsufficientMargin, more, available));
            }
            return Ok(hold);
        }
        let unpriced = Refusal::new(Reason::NoReferencePrice, ask.instrument.0, 0);
        let hold = self.hold_of(ask).ok_or(unpriced)?;
        if contract.is_spot() {
            let asset = if ask.side == Side::Buy { contract.settle() } else { contract.base() };
            let more = hold.cost.saturating_sub(replaced.cost);
            let available = self.balance(ask.account, asset).available.get();
            if more > 0 && more > available {
                return Err(Refusal::new(Reason::InsufficientBalance, more, available));
            }
            return Ok(hold);
        }
        let (qty, mut orders, before) = match self.position(ask.account, ask.instrument) {
            Some(position) => (position.qty, position.orders, position.held),
            None => (0, <[Working; 2]>::default(), 0),
        };
        if let Some(side) = orders.get_mut(side_row(ask.side)) {
            side.lots = side.lots.saturating_add(hold.lots).saturating_sub(replaced.lots);
            side.cost = side.cost.saturating_add(hold.cost).saturating_sub(replaced.cost);
        }
        let (mark, index) = (self.mark(ask.instrument).or(ask.price), self.index(contract.base()));
        let after = self.held_with(qty, orders, ask.instrument, mark, index).ok_or(unpriced)?;
        let more = after.saturating_sub(before);
        let available = self.balance(ask.account, contract.settle()).available.get();
        if more > 0 && more > available {
            return Err(Refusal::new(Reason::InsufficientMargin, more, available));
        }
        Ok(hold)
    }

    /// An order works from now on, and holds what [`Self::check_order`] said.
    pub fn order_in(&mut self, account: AccountId, instrument: InstrumentId, side: Side, hold: OrderHold) {
        self.move_hold(account, instrument, side, hold, 1);
    }

    /// An order works no more.
    pub fn order_out(&mut self, account: AccountId, instrument: InstrumentId, side: Side, hold: OrderHold) {
        self.move_hold(account, instrument, side, hold, -1);
    }

    /// A working order has fewer lots left: it holds its part from now on. Call this before the fill is booked.
    pub fn order_changed(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        side: Side,
        hold: &mut OrderHold,
        leaves_qty: Qty,
    ) {
        let lots = leaves_qty.get().min(hold.lots);
        let cost = if lots == 0 {
            0
        } else {
            crate::wide::mul_div(hold.cost, lots.into(), hold.lots.max(1).into(), Rounding::Ceil)
        };
        let gone = OrderHold { lots: hold.lots.saturating_sub(lots), cost: hold.cost.saturating_sub(cost) };
        self.move_hold(account, instrument, side, gone, -1);
        *hold = OrderHold { lots, cost };
    }

    /// Whether margin has a say in an instrument.
    #[must_use]
    pub fn is_margined(&self, instrument: InstrumentId) -> bool {
        self.rules.get(instrument.index()).is_some_and(crate::rule::Rule::is_on)
    }

    fn move_hold(&mut self, account: AccountId, instrument: InstrumentId, side: Side, hold: OrderHold, sign: i64) {
        let is_on = self.is_margined(instrument);
        if !is_on || !self.knows(account) || hold == OrderHold::default() {
            return;
        }
        let Some(contract) = self.contracts.get(instrument.index()) else { return };
        if contract.is_spot() {
            let asset = if side == Side::Buy { contract.settle() } else { contract.base() };
            if let Some(sums) = self.sums_at(account, asset).and_then(|at| self.sums.get_mut(at)) {
                sums.held = sums.held.saturating_add(hold.cost.saturating_mul(sign.into()));
            }
            return;
        }
        let Some(slot) = self.slot(account, instrument) else { return };
        let orders = self.positions.get_mut(slot).and_then(|position| position.orders.get_mut(side_row(side)));
        let before = orders.as_deref().copied().unwrap_or_default();
        if let Some(working) = orders {
            working.lots = working.lots.saturating_add(hold.lots.saturating_mul(sign));
            working.cost = working.cost.saturating_add(hold.cost.saturating_mul(sign.into()));
        }
        self.revalue_plain(slot);
        self.follow_orders(slot, side, before);
    }

    /// Whether a maker may still have this fill, at what it would pay for it: what makes its position smaller always,
    /// what makes it larger while its collateral covers the fee and the initial margin that it then needs.
    ///
    /// # Errors
    /// [`Reason::InsufficientMargin`], [`Reason::InDefault`], [`Reason::StaleSurface`], [`Reason::NoReferencePrice`].
    pub fn may_fill(&self, ask: &OrderAsk) -> Result<(), Refusal> {
        let OrderAsk { account, instrument, side, qty, price, .. } = *ask;
        let is_on = self.is_margined(instrument);
        let Some(contract) = self.contract(instrument).filter(|contract| is_on && !contract.is_spot()) else {
            return Ok(());
        };
        let at = self.qty(account, instrument);
        let after = at.saturating_add(qty.get().saturating_mul(side.sign()));
        let is_smaller = after.unsigned_abs() <= at.unsigned_abs() && (after == 0 || (after < 0) == (at < 0));
        if is_smaller {
            return Ok(());
        }
        self.check_stage(account)?;
        self.check_vintage(account, instrument)?;
        let unpriced = Refusal::new(Reason::NoReferencePrice, instrument.0, 0);
        let loss = self.hold_of(ask).ok_or(unpriced)?.cost;
        let (mark, index) = (self.mark(instrument).or(price), self.index(contract.base()));
        let needs = |lots: i64| {
            if self.is_in_portfolio(account, instrument) {
                return self.portfolio_initial(account, instrument, lots);
            }
            let rule = self.rules.get(instrument.index())?;
            rule.requirement(lots, mark, index).map(|of| of.initial.get())
        };
        let more = needs(after).ok_or(unpriced)?.saturating_sub(needs(at).ok_or(unpriced)?).saturating_add(loss);
        let of = self.standing(account, contract.settle());
        let room = of.collateral.get().saturating_sub(of.initial.get());
        if more > room && more > 0 {
            return Err(Refusal::new(Reason::InsufficientMargin, more, room));
        }
        Ok(())
    }
}
