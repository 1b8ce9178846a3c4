//! What time does: funding, the daily settlement, interest, expiry.

use tiderace_types::{AccountId, Fraction, InstrumentId, Price, Qty, Reason, Rounding, Ts};

use crate::clearing::Clearing;
use crate::config::{DAY_NS, FundingKind, HOUR_NS};
use crate::contract::{Contract, lots};
use crate::default::{Action, Layer};
use crate::ledger::{House, LedgerAccount, PostingKind};
use crate::market::{NEVER, ONE_E18, next_multiple};
use crate::prices::instrument_of;
use crate::waterfall::pro_rata;
use crate::wide::mul_div;

/// Days of a year of interest.
const DAYS: i128 = 365;

/// One account's share of an expiry.
struct Outcome {
    slot: usize,
    account: AccountId,
    profit: i128,
}

impl Clearing {
    /// When something is due by itself.
    #[must_use]
    pub fn next_timer(&self) -> Option<Ts> {
        (self.timer != NEVER).then_some(self.timer)
    }

    pub(crate) fn refresh_timer(&mut self) {
        let markets = self.markets.iter().map(crate::market::Market::due);
        let auctions = self.auctions.iter().map(|auction| auction.ends);
        let first = self.next_settlement.min(self.payoffs.due());
        self.timer = markets.chain(auctions).fold(first, Ts::min);
    }

    /// Goes on to `ts`, doing at its own time what is due on the way. A time before the one reached is taken as that one.
    pub fn advance(&mut self, ts: Ts, out: &mut Vec<Action>) {
        while self.timer <= ts && self.timer != NEVER {
            self.now = self.now.max(self.timer);
            self.ledger.ts = self.now;
            self.on_timer(out);
            self.refresh_timer();
        }
        self.now = self.now.max(ts);
        self.ledger.ts = self.now;
    }

    /// At one moment: funding first, then observations of payoffs, then expiry, then the daily settlement, then auctions.
    fn on_timer(&mut self, out: &mut Vec<Action>) {
        let now = self.now;
        for row in 0..self.markets.len() {
            if self.markets.get(row).is_some_and(|market| market.next_funding <= now) {
                self.accrue(instrument_of(row));
                self.fund_instrument(instrument_of(row), out);
            }
        }
        self.observe_payoffs(out);
        for row in 0..self.markets.len() {
            let is_due = self.markets.get(row).is_some_and(|market| market.due() <= now && market.maturity <= now);
            if is_due {
                self.accrue(instrument_of(row));
                self.expire(instrument_of(row), out);
            }
        }
        if self.next_settlement <= now {
            self.settle_day(out);
            self.next_settlement = self.next_settlement.plus_ns(DAY_NS);
        }
        self.end_auctions(out);
    }

    fn fund_instrument(&mut self, instrument: InstrumentId, out: &mut Vec<Action>) {
        let mark = self.mark(instrument);
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        let Some(funding) = market.funding else { return };
        match funding.kind {
            FundingKind::Continuous => {
                market.next_funding = next_multiple(self.now, HOUR_NS);
                self.each(instrument, Self::pay_continuous_and_revalue);
            }
            FundingKind::Periodic => {
                market.next_funding = next_multiple(self.now, funding.interval_ns);
                match (market.take_rate(), mark) {
                    (Some(rate), Some(mark)) => {
                        self.pay_periodic(instrument, rate, mark);
                        out.push(Action::FundingPaid { instrument, rate });
                    }
                    (None, _) | (_, None) => out.push(Action::Missing { instrument, reason: Reason::StaleIndex }),
                }
            }
        }
    }

    /// Does something for every open position of an instrument, in the order in which accounts came to it.
    pub(crate) fn each(&mut self, instrument: InstrumentId, mut work: impl FnMut(&mut Self, usize)) {
        let mut row = 0usize;
        while let Some(slot) = self.of_instrument.get(instrument.index()).and_then(|slots| slots.get(row)).copied() {
            row = row.saturating_add(1);
            let Ok(slot) = usize::try_from(slot) else { continue };
            if self.positions.get(slot).is_some_and(|position| position.qty != 0) {
                work(self, slot);
            }
        }
    }

    fn pay_continuous_and_revalue(&mut self, slot: usize) {
        self.pay_continuous(slot);
        let Some((account, instrument)) = self.positions.get(slot).map(|of| (of.account, of.instrument)) else {
            return;
        };
        self.look_at(account, instrument);
    }

    fn pay_periodic(&mut self, instrument: InstrumentId, rate: i128, mark: Price) {
        let Some(settle) = self.contract(instrument).map(Contract::settle) else { return };
        let mut sum = 0i128;
        self.each(instrument, |clearing, slot| {
            let Some(position) = clearing.positions.get(slot) else { return };
            let Some(contract) = clearing.contracts.get(instrument.index()) else { return };
            let account = position.account;
            let raw = contract.raw(lots(position.qty), mark);
            let raw = if position.qty > 0 { raw.saturating_neg() } else { raw };
            let amount = contract.cash_part(raw, rate, Rounding::Floor);
            sum = sum.saturating_add(amount);
            let cause = u64::from(instrument.0);
            clearing.pay(House::Novation, account, (settle, amount), PostingKind::Funding, cause);
            clearing.look_at(account, instrument);
        });
        let (from, to) = (LedgerAccount::House(House::Novation), LedgerAccount::House(House::Rounding));
        let left = (settle, sum.saturating_neg());
        self.ledger.post(from, to, left, PostingKind::Rounding, instrument.0.into());
    }

    /// Pays what continuous funding has come to since a position last paid. Before its quantity changes, always.
    pub(crate) fn pay_continuous(&mut self, slot: usize) {
        let Some(position) = self.positions.get(slot) else { return };
        let (account, instrument, qty, funded) = (position.account, position.instrument, position.qty, position.funded);
        let is_continuous = self.markets.get(instrument.index()).and_then(|market| market.funding);
        if is_continuous.is_none_or(|funding| funding.kind != FundingKind::Continuous) {
            return;
        }
        self.accrue(instrument);
        let Some(paid) = self.markets.get(instrument.index()).map(|market| market.paid) else { return };
        let Some(contract) = self.contracts.get(instrument.index()) else { return };
        let settle = contract.settle();
        let amount = contract.cash_e18(funded.saturating_sub(paid), qty.into(), Rounding::Floor);
        if let Some(position) = self.positions.get_mut(slot) {
            position.funded = paid;
        }
        self.pay_profit(instrument, account, (settle, amount), PostingKind::Funding, instrument.0.into());
    }

    /// Open profit of perpetuals and futures becomes cash, and positions cost their mark from here on. What the profits
    /// do not sum to goes to the rounding account.
    fn settle_day(&mut self, out: &mut Vec<Action>) {
        for row in 0..self.contracts.len() {
            let instrument = instrument_of(row);
            let is_marked = self.contracts.get(row).is_some_and(Contract::is_marked);
            let Some(mark) = self.mark(instrument).filter(|_| is_marked) else { continue };
            self.each(instrument, |clearing, slot| clearing.settle_position(slot, mark));
            self.sweep(instrument);
        }
        self.charge_interest();
        out.push(Action::Settled { ts: self.now });
    }

    pub(crate) fn settle_position(&mut self, slot: usize, mark: Price) {
        self.pay_continuous(slot);
        let Some(position) = self.positions.get_mut(slot) else { return };
        let (account, instrument) = (position.account, position.instrument);
        let Some(contract) = self.contracts.get(instrument.index()) else { return };
        let cost = contract.cost_at(position.qty, mark);
        let amount = contract.cash(cost.saturating_sub(position.cost), Rounding::Floor);
        position.restate(cost);
        position.realized = position.realized.saturating_add(amount);
        let settle = contract.settle();
        self.pay_profit(instrument, account, (settle, amount), PostingKind::Variation, instrument.0.into());
        self.revalue(slot);
        self.look_at(account, instrument);
    }

    fn charge_interest(&mut self) {
        let yearly = i128::from(self.config.interest.get());
        if yearly <= 0 {
            return;
        }
        for (id, _) in (0u32..).zip(0..self.config.accounts.len()) {
            for asset in self.assets() {
                let owed = self.cash(AccountId(id), asset).saturating_neg();
                if owed > 0 {
                    let part = DAYS.saturating_mul(Fraction::ONE.get().into());
                    let due = mul_div(owed, yearly, part, Rounding::Ceil);
                    let due = (asset, due.saturating_neg());
                    self.pay(House::Interest, AccountId(id), due, PostingKind::Interest, 0);
                }
            }
        }
    }

    /// Requirement of an instrument as its settlement average sets: what is set can lose no more.
    pub(crate) fn decayed_margin(&self, instrument: InstrumentId, amount: i128) -> i128 {
        let Some(market) = self.markets.get(instrument.index()) else { return amount };
        // What a program makes of the average is not known: its margin stays.
        let is_program = self.contract(instrument).is_some_and(Contract::is_program);
        if amount == 0 || market.maturity == NEVER || is_program {
            return amount;
        }
        match market.part_set() {
            0 => amount,
            set => mul_div(amount, ONE_E18.saturating_sub(set).max(0), ONE_E18, Rounding::Ceil),
        }
    }

    /// Part of an instrument's delta that is left as its settlement average sets, in 10^-18.
    #[must_use]
    pub fn delta_left(&self, instrument: InstrumentId) -> i128 {
        let set = self.markets.get(instrument.index()).map_or(0, crate::market::Market::part_set);
        ONE_E18.saturating_sub(set).max(0)
    }

    fn expire(&mut self, instrument: InstrumentId, out: &mut Vec<Action>) {
        let Some(contract) = self.contracts.get(instrument.index()) else { return };
        let (tick, base) = (contract.tick(), contract.base());
        let index = self.index(base);
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        let given = market.settlement.map(|price| i128::from(price.get()).saturating_mul(tick));
        let Some(price) = given.or_else(|| market.average()).or(index) else {
            market.is_missing = true;
            out.push(Action::Missing { instrument, reason: Reason::NoSettlementPrice });
            return;
        };
        market.is_settled = true;
        market.next_funding = NEVER;
        self.settle_at(instrument, price, out);
        out.push(Action::Expired { instrument, price });
    }

    /// Pays out an expiry: losers as far as they can, then the waterfall, and gains bear what is left.
    fn settle_at(&mut self, instrument: InstrumentId, price: i128, out: &mut Vec<Action>) {
        let mut outcomes = Vec::new();
        let payout = self.payout(instrument, price, out);
        self.each(instrument, |clearing, slot| {
            clearing.pay_continuous(slot);
            let Some(position) = clearing.positions.get_mut(slot) else { return };
            let Some(contract) = clearing.contracts.get(instrument.index()) else { return };
            let profit = match payout {
                // The same whole number for both sides.
                Some(per_lot) => per_lot.saturating_mul(position.qty.into()),
                None => outcome(contract, position.qty, position.cost, price),
            };
            let account = position.account;
            position.qty = 0;
            position.restate(0);
            outcomes.push(Outcome { slot, account, profit });
            clearing.revalue(slot);
        });
        outcomes.sort_unstable_by_key(|outcome| outcome.account);
        let Some(settle) = self.contract(instrument).map(Contract::settle) else { return };
        let cause = u64::from(instrument.0);
        // All pay what they can before any layer is asked: a member that is assessed may owe something here itself.
        let mut shorts = Vec::new();
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.profit < 0) {
            let owed = outcome.profit.saturating_neg();
            let paid = owed.min(self.can_pay(outcome.account, settle));
            let loss = (settle, paid.saturating_neg());
            self.pay_profit(instrument, outcome.account, loss, PostingKind::Settlement, cause);
            outcome.profit = paid.saturating_neg();
            if owed > paid {
                shorts.push((outcome.account, owed.saturating_sub(paid)));
            }
        }
        let mut uncovered = 0i128;
        for (account, short) in &shorts {
            let left = self.cover(*account, settle, *short, out);
            self.bear(instrument, (settle, short.saturating_sub(left)));
            uncovered = uncovered.saturating_add(left);
        }
        let gains: Vec<i128> = outcomes.iter().map(|outcome| outcome.profit.max(0)).collect();
        let cuts = pro_rata(uncovered, &gains);
        let cut = cuts.iter().fold(0i128, |sum, cut| sum.saturating_add(*cut));
        let rest = uncovered.saturating_sub(cut);
        if let Some((account, _)) = shorts.last().filter(|_| rest > 0) {
            // Gains that were paid before cannot be reduced: it is a loss by name, no remainder of roundings.
            self.bear(instrument, (settle, rest));
            let (account, amount) = (*account, tiderace_types::Amount::new(rest));
            out.push(Action::LayerUsed { account, layer: Layer::Nobody, member: None, asset: settle, amount });
        }
        for (outcome, cut) in outcomes.iter_mut().zip(cuts) {
            if cut > 0 {
                let (account, amount) = (outcome.account, tiderace_types::Amount::new(cut));
                out.push(Action::LayerUsed { account, layer: Layer::Haircut, member: None, asset: settle, amount });
                outcome.profit = outcome.profit.saturating_sub(cut);
            }
            if outcome.profit > 0 {
                let gain = (settle, outcome.profit);
                self.pay_profit(instrument, outcome.account, gain, PostingKind::Settlement, cause);
            }
        }
        for outcome in &outcomes {
            if let Some(position) = self.positions.get_mut(outcome.slot) {
                position.realized = position.realized.saturating_add(outcome.profit);
            }
            self.look_at(outcome.account, instrument);
        }
        self.sweep(instrument);
    }

    /// What a loser cannot pay comes out of the default account.
    fn bear(&mut self, instrument: InstrumentId, amount: (tiderace_types::AssetId, i128)) {
        let (from, to) = (LedgerAccount::House(House::Default), LedgerAccount::House(House::Novation));
        self.ledger.post(from, to, amount, PostingKind::Waterfall, instrument.0.into());
        if let Some(pool) = self.pools.get_mut(instrument.index()) {
            *pool = pool.saturating_add(amount.1);
        }
    }

    /// What an account can pay in an asset without going below zero; the house's own purse whatever it is.
    fn can_pay(&self, account: AccountId, asset: tiderace_types::AssetId) -> i128 {
        if self.is_pooled(account) {
            let room = self.balance(account, asset).available.get();
            return room.max(self.cash(account, asset)).max(0);
        }
        self.cash(account, asset).max(0)
    }
}

fn outcome(contract: &Contract, qty: i64, cost: i128, price: i128) -> i128 {
    if contract.is_marked() {
        return contract.profit_at(qty, cost, price);
    }
    let size: Qty = lots(qty);
    if qty > 0 {
        contract.payoff(size, price, Rounding::Floor)
    } else {
        contract.payoff(size, price, Rounding::Ceil).saturating_neg()
    }
}
