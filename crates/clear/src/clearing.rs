//! The state machine: who has what, who owes whom, and what a fill, a price or a time does to it.

use std::collections::{BTreeMap, VecDeque};

use tiderace_types::{
    AccountId, Amount, AssetId, ExecId, InstrumentId, Price, Qty, Reason, Refusal, Rounding, Side, Ts,
};

use crate::bilateral::Bilateral;
use crate::config::{ClearConfig, ConfigError, CostMethod, DAY_NS};
use crate::contract::{Contract, STEP_ONE};
use crate::default::{Auction, Stage};
use crate::ledger::{CASH_MAX, House, Ledger, LedgerAccount, Posting, PostingKind, TrialRow};
use crate::market::{Index, Market};
use crate::payoff::Payoffs;
use crate::portfolio::{Asked, Book};
use crate::position::Position;
use crate::rule::Rule;
use crate::trades::TradeRecord;

/// No slot: the account never had a position in the instrument.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// What an account's positions come to in one settlement asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) open: i128,
    pub(crate) value: i128,
    pub(crate) initial: i128,
    pub(crate) maintenance: i128,
    pub(crate) held: i128,
    /// Whether a margin rule ever asked for something here: what margin says yes to is nobody's default.
    pub(crate) was_margined: bool,
}

/// Clearing of one venue.
#[derive(Debug)]
pub struct Clearing {
    pub(crate) config: ClearConfig,
    pub(crate) contracts: Vec<Contract>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) markets: Vec<Market>,
    /// By base asset.
    pub(crate) indices: Vec<Index>,
    pub(crate) ledger: Ledger,
    slots: Vec<u32>,
    pub(crate) positions: Vec<Position>,
    pub(crate) of_account: Vec<Vec<u32>>,
    pub(crate) of_instrument: Vec<Vec<u32>>,
    /// By account and asset.
    pub(crate) sums: Vec<Sums>,
    pub(crate) stages: Vec<Stage>,
    /// Member of each account: a customer may move.
    pub(crate) members: Vec<Option<u32>>,
    /// What novation has paid out and not yet taken, by instrument, in base units of its settlement asset.
    pub(crate) pools: Vec<i128>,
    pub(crate) trades: VecDeque<TradeRecord>,
    pub(crate) traded: u64,
    pub(crate) now: Ts,
    pub(crate) next_settlement: Ts,
    /// Accounts that may be below their maintenance margin, each once, in the order found.
    pub(crate) to_review: VecDeque<AccountId>,
    /// Whose order of a liquidation was answered last: the next to be looked at. Nobody's between two commands.
    pub(crate) answered: Option<AccountId>,
    pub(crate) auctions: Vec<Auction>,
    /// Whether an account is on the list, by account.
    pub(crate) is_queued: Vec<bool>,
    /// When the next thing is due by itself.
    pub(crate) timer: Ts,
    /// Bilateral trades that wait, by key, and the next key.
    pub(crate) bilaterals: Vec<Bilateral>,
    pub(crate) next_bilateral: u64,
    /// Risk arrays and the portfolios under them.
    pub(crate) books: Vec<Book>,
    /// What each portfolio adds to its account's sums, by settlement asset, underlying and account.
    pub(crate) asked: BTreeMap<(AssetId, AssetId, AccountId), Asked>,
    pub(crate) payoffs: Payoffs,
    /// What payoffs brought about while nobody could be told; empty between two commands.
    pub(crate) noted: Vec<crate::default::Action>,
}

impl Clearing {
    /// Clearing at its start, with the balances of the genesis.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: ClearConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let (accounts, assets, instruments) = (config.accounts.len(), config.assets.len(), config.contracts.len());
        let rows = accounts.saturating_add(1);
        let mut contracts = Vec::with_capacity(instruments);
        let mut rules = Vec::with_capacity(instruments);
        for (row, terms) in config.contracts.iter().enumerate() {
            let wrong = ConfigError::OutOfRange { field: "steps", row };
            contracts.push(Contract::new(&config, terms).ok_or(wrong)?);
            let settle = config.assets.get(terms.instrument.settle.index()).ok_or(wrong)?;
            rules.push(Rule::new(terms, settle.asset.decimals));
        }
        let day = config.start.get().div_euclid(DAY_NS).saturating_mul(DAY_NS);
        let today = Ts::new(day.saturating_add(config.settle_at_ns));
        let mut clearing = Self {
            contracts,
            rules,
            markets: config.contracts.iter().map(|terms| Market::new(terms, config.start)).collect(),
            indices: vec![Index::default(); assets],
            ledger: Ledger::new(accounts, config.members.len(), assets, config.start),
            slots: vec![NO_SLOT; rows.saturating_mul(instruments)],
            positions: Vec::new(),
            of_account: vec![Vec::new(); rows],
            of_instrument: vec![Vec::new(); instruments],
            sums: vec![Sums::default(); rows.saturating_mul(assets)],
            stages: vec![Stage::Healthy; rows],
            members: config.accounts.iter().map(|row| row.member).collect(),
            pools: vec![0; instruments],
            trades: VecDeque::new(),
            traded: 0,
            now: config.start,
            next_settlement: if today > config.start { today } else { today.plus_ns(DAY_NS) },
            to_review: VecDeque::new(),
            answered: None,
            auctions: Vec::new(),
            is_queued: vec![false; rows],
            timer: config.start,
            bilaterals: Vec::new(),
            next_bilateral: 1,
            books: Vec::new(),
            asked: BTreeMap::new(),
            payoffs: Payoffs::of(instruments),
            noted: Vec::new(),
            config,
        };
        clearing.open();
        clearing.refresh_timer();
        Ok(clearing)
    }

    /// Posts the balances of the genesis.
    fn open(&mut self) {
        let custody = LedgerAccount::House(House::Custody);
        for (id, row) in (0u32..).zip(&self.config.accounts) {
            for (asset, amount) in &row.balances {
                let to = LedgerAccount::Trading(AccountId(id));
                self.ledger.post(custody, to, (*asset, amount.get()), PostingKind::Opening, 0);
            }
        }
        for (id, row) in (0u32..).zip(&self.config.members) {
            for (asset, amount) in &row.mutual {
                let to = LedgerAccount::Mutual(id);
                self.ledger.post(custody, to, (*asset, amount.get()), PostingKind::Opening, 0);
            }
        }
        let funds = [(&self.config.insurance, House::Insurance), (&self.config.house_capital, House::Capital)];
        for (amounts, house) in funds {
            for (asset, amount) in amounts {
                let to = LedgerAccount::House(house);
                self.ledger.post(custody, to, (*asset, amount.get()), PostingKind::Opening, 0);
            }
        }
    }

    /// The genesis.
    #[must_use]
    pub const fn config(&self) -> &ClearConfig {
        &self.config
    }

    /// The time reached.
    #[must_use]
    pub const fn now(&self) -> Ts {
        self.now
    }

    /// How an instrument's fills are counted.
    #[must_use]
    pub fn contract(&self, instrument: InstrumentId) -> Option<&Contract> {
        self.contracts.get(instrument.index())
    }

    /// The account that holds what the house took over; its cash is the insurance fund.
    #[must_use]
    pub fn house_account(&self) -> AccountId {
        AccountId(u32::try_from(self.config.accounts.len()).unwrap_or(u32::MAX))
    }

    pub(crate) fn row(account: AccountId) -> usize {
        usize::try_from(account.0).unwrap_or(usize::MAX)
    }

    pub(crate) fn knows(&self, account: AccountId) -> bool {
        Self::row(account) < self.config.accounts.len()
    }

    pub(crate) fn check_account(&self, account: AccountId) -> Result<(), Refusal> {
        if self.knows(account) { Ok(()) } else { Err(Refusal::new(Reason::UnknownAccount, account.0, 0)) }
    }

    pub(crate) fn check_instrument(&self, instrument: InstrumentId) -> Result<&Contract, Refusal> {
        self.contract(instrument).ok_or(Refusal::new(Reason::UnknownSymbol, instrument.0, 0))
    }

    pub(crate) fn check_amount(&self, asset: AssetId, amount: Amount) -> Result<(), Refusal> {
        if asset.index() >= self.config.assets.len() {
            return Err(Refusal::new(Reason::UnknownAsset, asset.0, 0));
        }
        if amount <= Amount::ZERO {
            return Err(Refusal::new(Reason::BadAmount, amount.get(), 1));
        }
        if amount.get() > CASH_MAX {
            return Err(Refusal::new(Reason::BadAmount, amount.get(), CASH_MAX));
        }
        Ok(())
    }

    /// Where a pair's position is, if it ever had one.
    pub(crate) fn find(&self, account: AccountId, instrument: InstrumentId) -> Option<usize> {
        let slot = self.slots.get(self.pair(account, instrument)?).copied()?;
        if slot == NO_SLOT { None } else { usize::try_from(slot).ok() }
    }

    fn pair(&self, account: AccountId, instrument: InstrumentId) -> Option<usize> {
        if instrument.index() >= self.contracts.len() {
            return None;
        }
        Self::row(account).checked_mul(self.contracts.len())?.checked_add(instrument.index())
    }

    /// Where a pair's position is; made where there was none.
    pub(crate) fn slot(&mut self, account: AccountId, instrument: InstrumentId) -> Option<usize> {
        if let Some(slot) = self.find(account, instrument) {
            return Some(slot);
        }
        let pair = self.pair(account, instrument).filter(|pair| *pair < self.slots.len())?;
        let slot = u32::try_from(self.positions.len()).ok().filter(|slot| *slot != NO_SLOT)?;
        let funded = self.markets.get(instrument.index()).map_or(0, |market| market.paid);
        self.positions.push(Position { account, instrument, funded, ..Position::default() });
        *self.slots.get_mut(pair)? = slot;
        self.of_account.get_mut(Self::row(account))?.push(slot);
        self.of_instrument.get_mut(instrument.index())?.push(slot);
        usize::try_from(slot).ok()
    }

    /// Enters the places of positions that were read from bytes.
    pub(crate) fn index_positions(&mut self) {
        for (slot, position) in (0u32..).zip(&self.positions) {
            let (account, instrument) = (Self::row(position.account), position.instrument.index());
            let pair = account.saturating_mul(self.contracts.len()).saturating_add(instrument);
            if let Some(at) = self.slots.get_mut(pair) {
                *at = slot;
            }
            if let Some(list) = self.of_account.get_mut(account) {
                list.push(slot);
            }
            if let Some(list) = self.of_instrument.get_mut(instrument) {
                list.push(slot);
            }
        }
    }

    /// What an account holds of an instrument.
    #[must_use]
    pub fn position(&self, account: AccountId, instrument: InstrumentId) -> Option<&Position> {
        self.positions.get(self.find(account, instrument)?)
    }

    /// Lots that an account holds of an instrument, signed.
    #[must_use]
    pub fn qty(&self, account: AccountId, instrument: InstrumentId) -> i64 {
        self.position(account, instrument).map_or(0, |position| position.qty)
    }

    /// Positions of an account that are not flat.
    pub fn positions(&self, account: AccountId) -> impl Iterator<Item = &Position> {
        let slots = self.of_account.get(Self::row(account)).map_or(&[][..], Vec::as_slice);
        let all = slots.iter().filter_map(|slot| self.positions.get(usize::try_from(*slot).ok()?));
        all.filter(|position| position.qty != 0)
    }

    /// Cash of an account of the ledger.
    #[must_use]
    pub fn total(&self, account: LedgerAccount, asset: AssetId) -> Amount {
        Amount::new(self.ledger.total(account, asset))
    }

    pub(crate) fn cash(&self, account: AccountId, asset: AssetId) -> i128 {
        self.ledger.total(LedgerAccount::Trading(account), asset)
    }

    /// Moves an amount from the house to an account, or back where it is below zero.
    pub(crate) fn pay(
        &mut self,
        house: House,
        account: AccountId,
        amount: (AssetId, i128),
        kind: PostingKind,
        cause: u64,
    ) {
        self.ledger.post(LedgerAccount::House(house), LedgerAccount::Trading(account), amount, kind, cause);
    }

    /// Profit of an instrument goes through novation, whose share of it is counted by instrument.
    pub(crate) fn pay_profit(
        &mut self,
        instrument: InstrumentId,
        account: AccountId,
        amount: (AssetId, i128),
        kind: PostingKind,
        cause: u64,
    ) {
        self.pay(House::Novation, account, amount, kind, cause);
        if let Some(pool) = self.pools.get_mut(instrument.index()) {
            *pool = pool.saturating_sub(amount.1);
        }
    }

    /// What novation has left of an instrument that is settled everywhere is a remainder of roundings.
    pub(crate) fn sweep(&mut self, instrument: InstrumentId) {
        let Some(asset) = self.contract(instrument).map(Contract::settle) else { return };
        let Some(left) = self.pools.get_mut(instrument.index()).map(core::mem::take) else { return };
        let (from, to) = (LedgerAccount::House(House::Novation), LedgerAccount::House(House::Rounding));
        self.ledger.post(from, to, (asset, left), PostingKind::Rounding, instrument.0.into());
    }

    /// Money arrives; returns the new total.
    ///
    /// # Errors
    /// [`Reason::UnknownAccount`], [`Reason::UnknownAsset`], [`Reason::BadAmount`], [`Reason::OverLimit`], and
    /// [`Reason::NotCollateral`] where the account's collateral is pooled and the asset counts nothing.
    pub fn deposit(&mut self, account: AccountId, asset: AssetId, amount: Amount) -> Result<Amount, Refusal> {
        self.check_account(account)?;
        self.check_amount(asset, amount)?;
        let has_value = self.config.assets.get(asset.index()).is_some_and(|terms| terms.collateral.is_some());
        if self.is_pooled(account) && asset != self.config.unit && !has_value {
            return Err(Refusal::new(Reason::NotCollateral, asset.0, 0));
        }
        let total = self.cash(account, asset).saturating_add(amount.get());
        if total > CASH_MAX {
            return Err(Refusal::new(Reason::OverLimit, total, CASH_MAX));
        }
        self.pay(House::Custody, account, (asset, amount.get()), PostingKind::Deposit, 0);
        if self.stage(account) != Stage::Healthy {
            self.queue(account);
        }
        Ok(Amount::new(total))
    }

    /// Money leaves, as far as it is available; returns the new total.
    ///
    /// # Errors
    /// As [`Self::deposit`], [`Reason::InDefault`], and [`Reason::InsufficientBalance`] beyond what is available.
    pub fn withdraw(&mut self, account: AccountId, asset: AssetId, amount: Amount) -> Result<Amount, Refusal> {
        self.check_account(account)?;
        self.check_amount(asset, amount)?;
        self.check_stage(account)?;
        self.check_secured(account, asset)?;
        let available = self.balance(account, asset).available;
        if amount > available {
            return Err(Refusal::new(Reason::InsufficientBalance, amount.get(), available.get()));
        }
        self.pay(House::Custody, account, (asset, amount.get().saturating_neg()), PostingKind::Withdrawal, 0);
        Ok(Amount::new(self.cash(account, asset)))
    }

    /// Money for the mutual fund from a member.
    ///
    /// # Errors
    /// [`Reason::UnknownMember`], [`Reason::UnknownAsset`], [`Reason::BadAmount`], [`Reason::OverLimit`].
    pub fn contribute_mutual(&mut self, member: u32, asset: AssetId, amount: Amount) -> Result<(), Refusal> {
        if usize::try_from(member).is_ok_and(|row| row >= self.config.members.len()) {
            return Err(Refusal::new(Reason::UnknownMember, member, 0));
        }
        self.contribute(LedgerAccount::Mutual(member), asset, amount)
    }

    /// Money for the insurance fund or the house's capital, from outside.
    ///
    /// # Errors
    /// [`Reason::UnknownAsset`], [`Reason::BadAmount`], [`Reason::OverLimit`].
    pub fn contribute(&mut self, to: LedgerAccount, asset: AssetId, amount: Amount) -> Result<(), Refusal> {
        self.check_amount(asset, amount)?;
        let total = self.ledger.total(to, asset).saturating_add(amount.get());
        if total > CASH_MAX {
            return Err(Refusal::new(Reason::OverLimit, total, CASH_MAX));
        }
        let custody = LedgerAccount::House(House::Custody);
        self.ledger.post(custody, to, (asset, amount.get()), PostingKind::Contribution, 0);
        Ok(())
    }

    /// What a layer of the waterfall has: the mutual fund is the sum of its members' shares.
    #[must_use]
    pub fn fund(&self, layer: Fund, asset: AssetId) -> Amount {
        match layer {
            Fund::Insurance => self.total(LedgerAccount::House(House::Insurance), asset),
            Fund::House => self.total(LedgerAccount::House(House::Capital), asset),
            Fund::Mutual => {
                let shares = (0u32..).zip(&self.config.members);
                let shares = shares.map(|(row, _)| self.ledger.total(LedgerAccount::Mutual(row), asset));
                Amount::new(shares.fold(0i128, i128::saturating_add))
            }
        }
    }

    /// Every account of the ledger with money, in order: in each asset the sum is zero.
    #[must_use]
    pub fn trial_balance(&self) -> Vec<TrialRow> {
        self.ledger.trial_balance()
    }

    /// Whether debits equal credits in every asset, and every instrument's lots are as many long as short.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        let are_even = self.of_instrument.iter().zip(&self.contracts).all(|(slots, contract)| {
            let lots = slots.iter().filter_map(|slot| self.positions.get(usize::try_from(*slot).ok()?));
            contract.is_spot() || lots.map(|position| i128::from(position.qty)).sum::<i128>() == 0
        });
        are_even && self.ledger.is_balanced()
    }

    /// Starts to keep postings for [`Self::drain_postings`].
    pub const fn enable_postings(&mut self) {
        self.ledger.enable();
    }

    /// Moves the postings since the last call to the end of `into`.
    pub fn drain_postings(&mut self, into: &mut Vec<Posting>) {
        self.ledger.drain(into);
    }

    /// Moves money between two accounts of one tree, as far as it is available.
    ///
    /// # Errors
    /// As [`Self::withdraw`]; [`Reason::UnknownAccount`] where the two have no common parent.
    pub fn transfer(&mut self, from: AccountId, to: AccountId, asset: AssetId, amount: Amount) -> Result<(), Refusal> {
        self.check_account(from)?;
        self.check_account(to)?;
        self.check_amount(asset, amount)?;
        self.check_stage(from)?;
        self.check_secured(from, asset)?;
        if self.root(from) != self.root(to) {
            return Err(Refusal::new(Reason::UnknownAccount, to.0, from.0));
        }
        let available = self.balance(from, asset).available;
        if amount > available {
            return Err(Refusal::new(Reason::InsufficientBalance, amount.get(), available.get()));
        }
        let (debit, credit) = (LedgerAccount::Trading(from), LedgerAccount::Trading(to));
        self.ledger.post(debit, credit, (asset, amount.get()), PostingKind::Transfer, 0);
        Ok(())
    }

    fn root(&self, account: AccountId) -> AccountId {
        let mut at = account;
        while let Some(parent) = self.config.accounts.get(Self::row(at)).and_then(|row| row.parent) {
            at = parent;
        }
        at
    }

    pub(crate) fn is_fifo(&self, account: AccountId) -> bool {
        self.config.accounts.get(Self::row(account)).is_some_and(|row| row.cost == CostMethod::Fifo)
    }

    /// Mark of an instrument: as set, else from the index, else its last trade; where it has a basis bound, within that.
    #[must_use]
    pub fn mark(&self, instrument: InstrumentId) -> Option<Price> {
        let market = self.markets.get(instrument.index())?;
        let contract = self.contracts.get(instrument.index())?;
        let of_index = || self.index_ticks(contract).filter(|_| contract.is_marked());
        let price = market.mark.or_else(of_index).or(market.last)?;
        match (market.basis_max, self.index(contract.base())) {
            (Some(basis_max), Some(index)) => Some(crate::basis_mark(contract, price, index, basis_max)),
            (Some(_) | None, Some(_) | None) => {
                let price = contract.bounded(price);
                // What a payoff cannot come to in any scenario is not what it is worth.
                let payoff = if contract.is_program() { self.payoffs.get(instrument) } else { None };
                Some(payoff.map_or(price, |payoff| payoff.rule().bounded(price)))
            }
        }
    }

    /// The index of an instrument's base asset in ticks, rounded down.
    pub(crate) fn index_ticks(&self, contract: &Contract) -> Option<Price> {
        let index = self.index(contract.base())?;
        let ticks = tiderace_types::num::div_round(index, contract.tick(), Rounding::Floor)?;
        i64::try_from(ticks).ok().map(Price::new)
    }

    /// The index of a base asset, in steps of 10^-12 of the quote asset.
    #[must_use]
    pub fn index(&self, base: AssetId) -> Option<i128> {
        self.indices.get(base.index()).and_then(|index| index.price)
    }

    /// Amounts of an asset in base units of the unit that pooled collateral is valued in; at the index, down.
    pub(crate) fn in_unit(&self, asset: AssetId, amount: i128, rounding: Rounding) -> Option<i128> {
        if asset == self.config.unit {
            return Some(amount);
        }
        let scale = |of: AssetId| {
            let decimals = self.config.assets.get(of.index())?.asset.decimals;
            tiderace_types::instrument::pow10(decimals)
        };
        let num = self.index(asset)?.checked_mul(scale(self.config.unit)?)?;
        Some(crate::wide::mul_div(amount, num, scale(asset)?.checked_mul(STEP_ONE)?, rounding))
    }

    /// Fills between two accounts of one are no move.
    pub(crate) fn trade_id(&mut self) -> ExecId {
        self.traded = self.traded.saturating_add(1);
        ExecId(self.traded)
    }

    /// Lots by which an order of a side can bring an account to flat.
    #[must_use]
    pub fn reducible(&self, account: AccountId, instrument: InstrumentId, side: Side) -> Qty {
        let lots = self.position(account, instrument).map_or(0, |position| position.reducible(side));
        Qty::new(lots).unwrap_or(Qty::ZERO)
    }
}

/// A layer of the waterfall that one may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fund {
    /// The insurance fund.
    Insurance,
    /// The members' mutual fund.
    Mutual,
    /// The house's capital.
    House,
}
