//! Who is short of margin, and what the book is asked to take: one order at a time, each followed by a new look.

use tiderace_types::{AccountId, AssetId, InstrumentId, Price, Qty, Rounding, Side};

use crate::clearing::Clearing;
use crate::contract::lots;
use crate::default::{Action, Stage};
use crate::position::Position;
use crate::wide::mul_div;

const ONE: i128 = 1_000_000_000;

impl Clearing {
    /// Where an account stands on the way down.
    #[must_use]
    pub fn stage(&self, account: AccountId) -> Stage {
        self.stages.get(Self::row(account)).copied().unwrap_or_default()
    }

    pub(crate) fn set_stage(&mut self, account: AccountId, stage: Stage) {
        if let Some(at) = self.stages.get_mut(Self::row(account)) {
            *at = stage;
        }
    }

    /// Looks at every account whose margin may have become short and says what is to be done. To be called when a
    /// command is done, again after each round of its actions, until it says nothing; every [`Action::Liquidate`] is
    /// answered with [`Self::liquidated`] before.
    ///
    /// A round ends with the first order into the book, and an account that was answered comes before all others: what
    /// it lost has been drawn from the layers before anyone else counts on them.
    pub fn review(&mut self, out: &mut Vec<Action>) {
        out.append(&mut self.noted);
        while let Some(account) = self.next_to_review() {
            self.review_one(account, out);
            if matches!(out.last(), Some(Action::Liquidate { .. })) {
                return;
            }
        }
    }

    fn next_to_review(&mut self) -> Option<AccountId> {
        if let Some(account) = self.answered.take() {
            return Some(account);
        }
        let account = self.to_review.pop_front()?;
        if let Some(is_queued) = self.is_queued.get_mut(Self::row(account)) {
            *is_queued = false;
        }
        Some(account)
    }

    fn review_one(&mut self, account: AccountId, out: &mut Vec<Action>) {
        if account == self.house_account() {
            self.review_house(out);
            return;
        }
        let stage = self.stage(account);
        if stage == Stage::Auction {
            return;
        }
        let Some(asset) = self.short_of(account) else {
            let is_near = self.assets().any(|asset| self.is_in_need(account, asset));
            if is_near && stage == Stage::Healthy {
                out.push(Action::Warn { account });
            }
            self.set_stage(account, if is_near { Stage::Warned } else { Stage::Healthy });
            return;
        };
        if self.positions(account).all(|position| self.is_spot(position.instrument)) {
            self.close_out(account, out);
            return;
        }
        let is_dry = match stage {
            Stage::Reducing { is_dry } => is_dry,
            Stage::Healthy | Stage::Warned | Stage::Auction => {
                out.push(Action::CancelRiskAdding { account });
                self.set_stage(account, Stage::Reducing { is_dry: false });
                false
            }
        };
        match self.next_order(account, asset).filter(|_| !is_dry) {
            Some(order) => out.push(order),
            None => self.open_auction(account, asset, out),
        }
    }

    fn is_spot(&self, instrument: InstrumentId) -> bool {
        self.contract(instrument).is_none_or(crate::Contract::is_spot)
    }

    /// The asset in which an account has less than its positions need, or owes what no position can bring back.
    pub(crate) fn short_of(&self, account: AccountId) -> Option<AssetId> {
        self.assets().find(|asset| {
            let of = self.standing(account, *asset);
            let is_owing = of.collateral.get() < 0 && self.sums(account, *asset).was_margined;
            (of.maintenance.get() > 0 || is_owing) && of.collateral < of.maintenance
        })
    }

    /// The next order into the book: of the position that needs most, no more than brings the account back, no less than
    /// a step, at a limit that the layers of the waterfall can still bear.
    fn next_order(&self, account: AccountId, asset: AssetId) -> Option<Action> {
        let rules = &self.config.default_rules;
        let is_meant = |position: &&Position| {
            let contract = self.contract(position.instrument);
            contract.is_some_and(|of| !of.is_spot() && (of.settle() == asset || self.is_pooled(account)))
        };
        let mut largest: Option<&Position> = None;
        for position in self.positions(account).filter(is_meant) {
            if largest.is_none_or(|of| self.weight(position) > self.weight(of)) {
                largest = Some(position);
            }
        }
        let position = largest?;
        let (contract, mark) = (self.contract(position.instrument)?, self.mark(position.instrument)?);
        let standing = self.standing(account, asset);
        let size = i128::from(position.qty).abs();
        let gap = standing.maintenance.get().saturating_sub(standing.collateral.get());
        let is_portfolio = self.is_in_portfolio(account, position.instrument);
        let needed = if is_portfolio && standing.collateral.get() > 0 {
            1
        } else if standing.collateral.get() <= 0 || position.maintenance <= 0 {
            size
        } else {
            mul_div(size, gap, position.maintenance, Rounding::Ceil)
        };
        let step = mul_div(size, rules.step.get().into(), ONE, Rounding::Ceil);
        let qty = needed.max(step).clamp(1, size);
        let (side, away) = if position.qty > 0 { (Side::Sell, -1) } else { (Side::Buy, 1) };
        let notional = contract.cash(contract.raw(lots(position.qty), mark), Rounding::Ceil).saturating_abs();
        let room = standing.equity.get().saturating_add(self.layers_total(account, asset));
        if room <= 0 {
            return None;
        }
        // A coin-settled long loses more than in proportion as the price falls.
        let whole = if contract.is_inverse() && side == Side::Sell { notional.saturating_add(room) } else { notional };
        let bearable = mul_div(room, ONE, whole.max(1), Rounding::Floor);
        let part = i128::from(rules.limit.get()).min(bearable);
        let ticks = i128::from(mark.get());
        let distance = mul_div(ticks.saturating_abs(), part, ONE, Rounding::Floor);
        let limit = ticks.saturating_add(distance.saturating_mul(away));
        let limit = if self.may_be_negative(position.instrument) { limit } else { limit.max(1) };
        Some(Action::Liquidate {
            account,
            instrument: position.instrument,
            side,
            qty: Qty::new(i64::try_from(qty).ok()?)?,
            limit: Price::new(i64::try_from(limit).ok()?),
        })
    }

    /// What ranks a position: what it needs, or in a portfolio what it is worth.
    fn weight(&self, position: &Position) -> (i128, i128) {
        let worth = |contract: &crate::Contract| {
            let mark = self.mark(position.instrument).unwrap_or(Price::ZERO);
            contract.cash(contract.raw(lots(position.qty), mark), Rounding::Floor).saturating_abs()
        };
        (position.maintenance, self.contract(position.instrument).map_or(0, worth))
    }

    /// A liquidation order is done: so many lots were filled. Nothing filled means that the book has nothing to give.
    pub fn liquidated(&mut self, account: AccountId, instrument: InstrumentId, filled: Qty) {
        if let Stage::Reducing { .. } = self.stage(account) {
            self.set_stage(account, Stage::Reducing { is_dry: filled == Qty::ZERO });
            self.look_at(account, instrument);
            self.answered = Some(account);
        }
    }
}
