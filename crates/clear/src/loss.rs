//! Losses that a defaulter cannot bear: the layers that do, what the house takes over, and who is deleveraged last.

use std::collections::BTreeMap;

use tiderace_types::{AccountId, Amount, AssetId, InstrumentId, Price, Qty, Reason, Refusal, Rounding, Side};

use crate::adl::{AdlPosition, adl_queue, adl_score};
use crate::clearing::Clearing;
use crate::contract::lots;
use crate::default::{Action, Layer, Stage};
use crate::ledger::{House, LedgerAccount, PostingKind};
use crate::waterfall::{LayerAmounts, pro_rata, waterfall};
use crate::wide::mul_div;

/// A layer, its amounts, and the accounts of the ledger that they are taken from.
struct Source {
    layer: Layer,
    purses: Vec<(LedgerAccount, Option<u32>, i128)>,
}

impl Clearing {
    /// The layers above nothing, for a default of this account, as they stand.
    fn sources(&self, account: AccountId, asset: AssetId) -> Vec<Source> {
        let own = self.members.get(Self::row(account)).copied().flatten();
        let has = |purse: LedgerAccount| self.ledger.total(purse, asset).max(0);
        let house = |layer, house| {
            let purse = LedgerAccount::House(house);
            Source { layer, purses: vec![(purse, None, has(purse))] }
        };
        let share = |member: u32| (LedgerAccount::Mutual(member), Some(member), has(LedgerAccount::Mutual(member)));
        let all = || (0u32..).zip(&self.config.members);
        let others = || all().filter(|(member, _)| Some(*member) != own);
        let cap = i128::from(self.config.default_rules.assessment_cap.get());
        let assessed = others().filter_map(|(member, terms)| {
            let payer = terms.account.filter(|payer| *payer != account)?;
            let most = mul_div(has(LedgerAccount::Mutual(member)), cap, 1_000_000_000, Rounding::Floor);
            let able = self.balance(payer, asset).available.get().max(0);
            Some((LedgerAccount::Trading(payer), Some(member), most.min(able)))
        });
        vec![
            Source { layer: Layer::DefaulterShare, purses: own.map(share).into_iter().collect() },
            house(Layer::Insurance, House::Insurance),
            house(Layer::House, House::Capital),
            Source { layer: Layer::Mutual, purses: others().map(|(member, _)| share(member)).collect() },
            Source { layer: Layer::Assessment, purses: assessed.collect() },
        ]
    }

    /// What all layers together have for a default of this account.
    pub(crate) fn layers_total(&self, account: AccountId, asset: AssetId) -> i128 {
        let sources = self.sources(account, asset);
        let purses = sources.iter().flat_map(|source| &source.purses);
        purses.fold(0i128, |sum, (_, _, amount)| sum.saturating_add(*amount))
    }

    /// What all layers have where a member's account keeps only so much that may be assessed.
    pub(crate) fn layers_with(&self, account: AccountId, asset: AssetId, payer: AccountId, left: i128) -> i128 {
        let sources = self.sources(account, asset);
        let purses = sources.iter().flat_map(|source| &source.purses);
        purses.fold(0i128, |sum, (purse, _, amount)| {
            let is_payer = *purse == LedgerAccount::Trading(payer);
            sum.saturating_add(if is_payer { (*amount).min(left.max(0)) } else { *amount })
        })
    }

    /// What an account lacks in an asset, in the unit where its collateral is pooled.
    fn lack(&self, account: AccountId, asset: AssetId) -> i128 {
        self.standing(account, asset).equity.get().min(0).saturating_neg()
    }

    /// Whether the layers have what an account lacks in an asset.
    pub(crate) fn is_borne(&self, account: AccountId, asset: AssetId) -> bool {
        self.lack(account, asset) <= self.layers_total(account, asset)
    }

    /// Takes a loss of an account from the layers, in order, into the default account; returns what none of them had.
    pub(crate) fn cover(&mut self, account: AccountId, asset: AssetId, loss: i128, out: &mut Vec<Action>) -> i128 {
        let sources = self.sources(account, asset);
        let amounts = |source: &Source| source.purses.iter().map(|(_, _, amount)| *amount).collect();
        let layers: Vec<_> = sources.iter().map(|source| LayerAmounts::Members(amounts(source))).collect();
        let drawn = waterfall(loss, &layers);
        for (source, draw) in sources.iter().zip(&drawn.layers) {
            for ((purse, member, _), used) in source.purses.iter().zip(&draw.members) {
                if *used == 0 {
                    continue;
                }
                let default = LedgerAccount::House(House::Default);
                self.ledger.post(*purse, default, (asset, *used), PostingKind::Waterfall, account.0.into());
                let (layer, member, amount) = (source.layer, *member, Amount::new(*used));
                out.push(Action::LayerUsed { account, layer, member, asset, amount });
            }
        }
        drawn.uncovered
    }

    /// Covers what an account without positions owes; returns what stays owed, by asset.
    fn cover_debts(&mut self, account: AccountId, out: &mut Vec<Action>) -> Vec<(AssetId, i128)> {
        let mut owed = Vec::new();
        for asset in self.assets() {
            let debt = self.cash(account, asset).saturating_neg();
            if debt <= 0 || !self.sums(account, asset).was_margined {
                continue;
            }
            let debt = debt.saturating_sub(self.exchange(account, asset, debt));
            let left = self.cover(account, asset, debt, out);
            let covered = (asset, debt.saturating_sub(left));
            self.pay(House::Default, account, covered, PostingKind::Waterfall, account.0.into());
            if left > 0 {
                owed.push((asset, left));
            }
        }
        owed
    }

    /// A pooled account pays a debt with its other assets first: the insurance fund takes them at the index, less their
    /// haircut, as far as it has what is owed. Returns what was paid.
    fn exchange(&mut self, account: AccountId, asset: AssetId, debt: i128) -> i128 {
        let mut paid = 0i128;
        if !self.is_pooled(account) {
            return paid;
        }
        for other in self.assets().filter(|other| *other != asset) {
            let left = debt.saturating_sub(paid);
            let able = left.min(self.fund(crate::Fund::Insurance, asset).get());
            let has = self.cash(account, other);
            if able <= 0 || has <= 0 {
                continue;
            }
            let worth = self.out_of_unit(asset, self.as_collateral(other, has));
            let bought = able.min(worth);
            let given = mul_div(has, bought, worth.max(1), Rounding::Ceil);
            self.pay(House::Insurance, account, (asset, bought), PostingKind::Waterfall, account.0.into());
            let given = (other, given.saturating_neg());
            self.pay(House::Insurance, account, given, PostingKind::Waterfall, account.0.into());
            paid = paid.saturating_add(bought);
        }
        paid
    }

    /// A defaulter without positions: the layers pay its debts. What none of them has stays owed.
    pub(crate) fn close_out(&mut self, account: AccountId, out: &mut Vec<Action>) {
        for (asset, left) in self.cover_debts(account, out) {
            let amount = Amount::new(left);
            out.push(Action::LayerUsed { account, layer: Layer::Nobody, member: None, asset, amount });
        }
        self.set_stage(account, Stage::Healthy);
    }

    /// What the house's positions and these others, netted, need as maintenance in an asset. `None` where a price is
    /// missing or a number does not fit.
    fn house_needs(&self, taken: &[(InstrumentId, i64)], asset: AssetId) -> Option<i128> {
        let mut lots: BTreeMap<InstrumentId, i64> = BTreeMap::new();
        let held = self.derivatives(self.house_account());
        for (instrument, qty) in held.iter().chain(taken) {
            let of = lots.entry(*instrument).or_default();
            *of = of.checked_add(*qty)?;
        }
        let mut needs = 0i128;
        for (instrument, qty) in lots {
            if self.contract(instrument)?.settle() == asset {
                needs = needs.checked_add(self.house_need(instrument, qty)?)?;
            }
        }
        Some(needs)
    }

    /// What a position of the house needs as maintenance.
    fn house_need(&self, instrument: InstrumentId, qty: i64) -> Option<i128> {
        let (mark, index) = (self.mark(instrument), self.index(self.contract(instrument)?.base()));
        let needed = self.rules.get(instrument.index())?.requirement(qty, mark, index)?.maintenance.get();
        Some(self.decayed_margin(instrument, needed))
    }

    /// Whether the house can take over an account's positions: the layers bear what the account lacks, and were the
    /// insurance fund to bear it alone, the house's equity would still cover the maintenance of all that it then holds.
    /// The fund's cash alone says little: premiums of short options are in it.
    fn can_carry(&self, account: AccountId, asset: AssetId) -> bool {
        let (house, taken) = (self.house_account(), self.derivatives(account));
        let settles = |of: AssetId| {
            taken.iter().any(|(instrument, _)| self.contract(*instrument).is_some_and(|at| at.settle() == of))
        };
        self.assets().all(|of| {
            let is_meant = of == asset || (!self.is_pooled(account) && self.sums(account, of).was_margined);
            let lack = if is_meant { self.lack(account, of) } else { 0 };
            let is_taken = settles(of);
            if lack > 0 && !self.is_borne(account, of) {
                return false;
            }
            if lack == 0 && !is_taken {
                return true;
            }
            let equity = self.standing(house, of).equity.get().saturating_sub(lack);
            let needs = self.house_needs(&taken, of).map(|needs| needs.max(is_taken.into()));
            // What was paid for at the trade the fund pays for in cash.
            let cash = self.cash(house, of).saturating_sub(self.sums(account, of).value).saturating_sub(lack);
            needs.is_some_and(|needs| needs == 0 || (equity >= needs && cash >= 0))
        })
    }

    /// The house lets go of what it took over and can carry no longer, as anyone must: where its equity is below what its
    /// positions need, or its cash below zero, they are closed against the other side at the mark, the heaviest first.
    /// Cash that is below zero then the layers below the fund bear, and last those who were closed.
    pub(crate) fn review_house(&mut self, out: &mut Vec<Action>) {
        let house = self.house_account();
        for asset in self.assets() {
            let mut takers = Vec::new();
            while let Some((instrument, qty)) = self.carried_too_much(asset) {
                self.deleverage(house, instrument, qty, &mut takers, out);
                if self.qty(house, instrument) == qty {
                    break;
                }
            }
            let debt = self.cash(house, asset).saturating_neg();
            if debt <= 0 {
                continue;
            }
            let left = self.cover(house, asset, debt, out);
            let covered = (asset, debt.saturating_sub(left));
            self.pay(House::Default, house, covered, PostingKind::Waterfall, house.0.into());
            if !self.share_rest(house, asset, left.saturating_neg(), &takers) {
                let (layer, amount) = (Layer::Nobody, Amount::new(left));
                out.push(Action::LayerUsed { account: house, layer, member: None, asset, amount });
            }
        }
    }

    /// What the house holds that settles in an asset.
    fn carries(&self, asset: AssetId) -> impl Iterator<Item = &crate::Position> {
        let settles = move |of: &&crate::Position| self.contract(of.instrument).is_some_and(|at| at.settle() == asset);
        self.positions(self.house_account()).filter(settles)
    }

    /// The position of the house that needs most in an asset, where it can no longer carry all of them.
    fn carried_too_much(&self, asset: AssetId) -> Option<(InstrumentId, i64)> {
        self.carries(asset).next()?;
        let house = self.house_account();
        let needs = self.house_needs(&[], asset)?;
        if self.cash(house, asset) >= 0 && self.standing(house, asset).equity.get() >= needs {
            return None;
        }
        let mut heaviest = None;
        for position in self.carries(asset) {
            let (instrument, qty) = (position.instrument, position.qty);
            let weight = self.house_need(instrument, qty).unwrap_or(0);
            if heaviest.is_none_or(|(_, most)| weight > most) {
                heaviest = Some(((instrument, qty), weight));
            }
        }
        heaviest.map(|(of, _)| of)
    }

    /// Nobody bid what can be borne. Where the house can carry the positions it takes them over; else the other side is
    /// deleveraged, most profit times leverage first. Either way at the price at which the defaulter has nothing left:
    /// what it has over goes to who takes its positions, what it lacks after all layers is theirs to bear.
    pub(crate) fn close_without_bid(&mut self, account: AccountId, asset: AssetId, out: &mut Vec<Action>) {
        if self.can_carry(account, asset) {
            let house = self.house_account();
            for (instrument, qty) in self.derivatives(account) {
                let mark = self.mark(instrument).unwrap_or(Price::ZERO);
                self.hand_over(account, house, instrument, qty, mark);
            }
            self.close_out(account, out);
            for of in self.assets() {
                if self.sums(account, of).was_margined {
                    let surplus = (of, self.cash(account, of).max(0).saturating_neg());
                    self.pay(House::Insurance, account, surplus, PostingKind::LiquidationFee, account.0.into());
                }
            }
            return;
        }
        let mut takers = Vec::new();
        for (instrument, qty) in self.derivatives(account) {
            self.deleverage(account, instrument, qty, &mut takers, out);
        }
        let owed = self.cover_debts(account, out);
        for of in self.assets() {
            if !self.sums(account, of).was_margined {
                continue;
            }
            let lack = owed.iter().find(|(asset, _)| *asset == of).map_or(0, |(_, left)| *left);
            let rest = if lack > 0 { lack.saturating_neg() } else { self.cash(account, of).max(0) };
            if !self.share_rest(account, of, rest, &takers) && lack > 0 {
                let (layer, amount) = (Layer::Nobody, Amount::new(lack));
                out.push(Action::LayerUsed { account, layer, member: None, asset: of, amount });
            }
        }
        self.set_stage(account, Stage::Healthy);
    }

    /// What the bankruptcy price differs from the mark by, in cash: to or from those who were deleveraged, by what was
    /// closed of theirs. The house has paid with its fund already and pays no more. False where nobody is there to share.
    fn share_rest(
        &mut self,
        account: AccountId,
        asset: AssetId,
        rest: i128,
        takers: &[(AccountId, AssetId, i128)],
    ) -> bool {
        let house = self.house_account();
        let is_meant = |of: &&(AccountId, AssetId, i128)| of.1 == asset && (rest >= 0 || of.0 != house);
        let of: Vec<_> = takers.iter().filter(is_meant).collect();
        let weights: Vec<i128> = of.iter().map(|(_, _, weight)| *weight).collect();
        let total = weights.iter().fold(0i128, |sum, weight| sum.saturating_add(*weight));
        if total == 0 {
            return rest == 0;
        }
        // Whole rounds first where there is more to share than there are weights.
        let size = rest.saturating_abs();
        let rounds = size.checked_div(total).unwrap_or(0);
        let shares = pro_rata(size.checked_rem(total).unwrap_or(0), &weights);
        for ((taker, _, weight), share) in of.into_iter().zip(shares) {
            let share = share.saturating_add(weight.saturating_mul(rounds));
            let share = if rest < 0 { share.saturating_neg() } else { share };
            let (debit, credit) = (LedgerAccount::Trading(account), LedgerAccount::Trading(*taker));
            self.ledger.post(debit, credit, (asset, share), PostingKind::Waterfall, account.0.into());
            self.queue(*taker);
        }
        true
    }

    /// Closes a position against the other side's, best ranked first, at the mark.
    fn deleverage(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        qty: i64,
        takers: &mut Vec<(AccountId, AssetId, i128)>,
        out: &mut Vec<Action>,
    ) {
        let Some(contract) = self.contracts.get(instrument.index()) else { return };
        let (Some(mark), settle) = (self.mark(instrument), contract.settle()) else { return };
        let house = self.house_account();
        let slots = self.of_instrument.get(instrument.index()).map_or(&[][..], Vec::as_slice);
        let open = slots.iter().filter_map(|slot| self.positions.get(usize::try_from(*slot).ok()?));
        let mut others: Vec<_> = open.filter(|of| of.qty != 0 && of.account != account).collect();
        others.sort_unstable_by_key(|of| of.account);
        let ranked: Vec<_> = others
            .iter()
            .map(|of| {
                let score = if of.account == house { i128::MIN } else { self.score(of, mark) };
                AdlPosition { qty: of.qty, score }
            })
            .collect();
        let price = self.bankruptcy_price(account, instrument, settle, mark);
        let rows = adl_queue(&ranked, qty);
        let closed: Vec<_> = rows
            .iter()
            .filter(|row| row.closed > 0)
            .filter_map(|row| Some((others.get(row.row)?.account, row.closed)))
            .collect();
        let side = if qty > 0 { Side::Sell } else { Side::Buy };
        for (other, closed) in closed {
            let signed = if qty > 0 { closed } else { closed.saturating_neg() };
            self.hand_over(account, other, instrument, signed, mark);
            let qty = Qty::new(closed).unwrap_or(Qty::ZERO);
            let weight = self.contract(instrument).map_or(0, |of| of.cash(of.raw(qty, mark), Rounding::Floor));
            takers.push((other, settle, weight.max(1)));
            out.push(Action::Deleveraged { bankrupt: account, account: other, instrument, side, qty, price });
        }
    }

    /// Profit x leverage of a position at the mark, from the value that it was opened at and its account's equity.
    fn score(&self, position: &crate::Position, mark: Price) -> i128 {
        let Some(contract) = self.contract(position.instrument) else { return 0 };
        let entry = position.cost.saturating_abs();
        let now = contract.raw(lots(position.qty), mark).saturating_abs();
        let is_long = position.cost >= 0;
        let equity = self.standing(position.account, contract.settle()).equity.get();
        let notional = contract.cash(now, Rounding::Floor);
        let leverage = mul_div(notional, 1_000_000_000, equity.max(1), Rounding::Floor);
        adl_score(is_long, entry, now, leverage)
    }

    /// The price of an instrument at which its defaulter has nothing left, nearest tick towards the mark.
    fn bankruptcy_price(&self, account: AccountId, instrument: InstrumentId, asset: AssetId, mark: Price) -> Price {
        let room = self.standing(account, asset).equity.get();
        // What the house has over stays in its fund.
        let is_short = room < 0 || account == self.house_account();
        let room = if is_short { room.saturating_add(self.layers_total(account, asset)).min(0) } else { room };
        let (Some(contract), Some(position)) = (self.contract(instrument), self.position(account, instrument)) else {
            return mark;
        };
        let notional = contract.cash(contract.raw(lots(position.qty), mark), Rounding::Ceil).saturating_abs().max(1);
        let gap = mul_div(mark.get().into(), room, notional, Rounding::Floor);
        let gap = if position.qty > 0 { gap.saturating_neg() } else { gap };
        let price = i128::from(mark.get()).saturating_add(gap);
        Price::new(i64::try_from(price).unwrap_or(mark.get()))
    }

    /// Moves the customers of a member, with all that they have, to another: their positions stay open.
    ///
    /// # Errors
    /// [`Reason::UnknownMember`].
    pub fn port(&mut self, from: u32, to: u32) -> Result<usize, Refusal> {
        for member in [from, to] {
            if usize::try_from(member).is_ok_and(|row| row >= self.config.members.len()) {
                return Err(Refusal::new(Reason::UnknownMember, member, 0));
            }
        }
        let mut moved = 0usize;
        for (member, terms) in self.members.iter_mut().zip(&self.config.accounts) {
            if *member == Some(from) && !terms.is_house {
                *member = Some(to);
                moved = moved.saturating_add(1);
            }
        }
        Ok(moved)
    }

    /// The member that an account belongs to now.
    #[must_use]
    pub fn member(&self, account: AccountId) -> Option<u32> {
        self.members.get(Self::row(account)).copied().flatten()
    }
}
