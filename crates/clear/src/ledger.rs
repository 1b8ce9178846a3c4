//! The double-entry ledger: cash of every account and of the house's named accounts, by asset.
//!
//! A posting takes an amount from one account and gives it to another, so the books balance by construction: in each
//! asset all accounts together are zero, where custody is minus what the outside has brought. Who wants the postings
//! themselves switches them on and drains them; they are no part of the state.

use tiderace_types::{AccountId, AssetId, DecodeError, Field, Ts};

use crate::bytes::{put_len, take_into};

/// No balance grows beyond it, so that no sum overflows.
pub const CASH_MAX: i128 = 1 << 100;

/// An account of the ledger: the trading accounts come first, then those of the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerAccount {
    /// A trading account.
    Trading(AccountId),
    /// An account of the house.
    House(House),
    /// A member's share of the mutual fund.
    Mutual(u32),
}

/// The house's own accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum House {
    /// The insurance fund, which also holds what the house takes over.
    Insurance,
    /// The other side of what came in from outside.
    Custody,
    /// Fees and rebates.
    Fees,
    /// Remainders of roundings.
    Rounding,
    /// Between the two sides of novated trades: profit paid to one and not yet taken from another.
    Novation,
    /// The house's capital in the waterfall.
    Capital,
    /// What a default costs, until a layer pays it; zero at rest.
    Default,
    /// Interest on negative balances.
    Interest,
}

impl House {
    /// Every one, in order.
    pub const ALL: [Self; 8] = [
        Self::Insurance,
        Self::Custody,
        Self::Fees,
        Self::Rounding,
        Self::Novation,
        Self::Capital,
        Self::Default,
        Self::Interest,
    ];

    const fn row(self) -> usize {
        match self {
            Self::Insurance => 0,
            Self::Custody => 1,
            Self::Fees => 2,
            Self::Rounding => 3,
            Self::Novation => 4,
            Self::Capital => 5,
            Self::Default => 6,
            Self::Interest => 7,
        }
    }
}

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PostingKind {
    /// The balances of the genesis.
    Opening,
    /// From outside.
    Deposit,
    /// To outside.
    Withdrawal,
    /// To a fund.
    Contribution,
    /// Fee or rebate of a fill.
    Fee,
    /// Profit of a position that was reduced.
    Realized,
    /// Premium of an option or binary.
    Premium,
    /// Base or quote of a spot fill.
    Delivery,
    /// Open profit at the daily settlement.
    Variation,
    /// Funding.
    Funding,
    /// Interest on a negative balance.
    Interest,
    /// Profit or payoff at expiry.
    Settlement,
    /// What did not come out even.
    Rounding,
    /// Undone or moved to another price by an operator.
    Correction,
    /// Fee of a liquidation.
    LiquidationFee,
    /// What a winner of an auction pays or is paid.
    Auction,
    /// A layer of the waterfall pays.
    Waterfall,
    /// Gains reduced where nobody is left to pay.
    Haircut,
    /// Between accounts of one tree, or a customer that moves.
    Transfer,
}

/// One posting: `amount` > 0 from `debit` to `credit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Its number, without gaps.
    pub seq: u64,
    /// When.
    pub ts: Ts,
    /// Who gives.
    pub debit: LedgerAccount,
    /// Who is given.
    pub credit: LedgerAccount,
    /// Of what.
    pub asset: AssetId,
    /// In base units.
    pub amount: i128,
    /// Why.
    pub kind: PostingKind,
    /// Trade, instrument or other key that caused it.
    pub cause: u64,
}

/// A line of a trial balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialRow {
    /// Whose.
    pub account: LedgerAccount,
    /// Of what.
    pub asset: AssetId,
    /// In base units; of custody minus what the outside has brought.
    pub total: i128,
}

/// A line of an account's statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementRow {
    /// What moved.
    pub posting: Posting,
    /// Signed, as the account sees it.
    pub change: i128,
    /// The account's balance after it.
    pub total: i128,
}

/// The ledger.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    cash: Vec<i128>,
    accounts: usize,
    assets: usize,
    seq: u64,
    pub(crate) ts: Ts,
    is_on: bool,
    postings: Vec<Posting>,
}

impl Ledger {
    pub(crate) fn new(accounts: usize, members: usize, assets: usize, start: Ts) -> Self {
        let rows = accounts.saturating_add(House::ALL.len()).saturating_add(members);
        let cash = vec![0; rows.saturating_mul(assets)];
        Self { cash, accounts, assets, seq: 0, ts: start, is_on: false, postings: Vec::new() }
    }

    fn row(&self, account: LedgerAccount) -> usize {
        match account {
            LedgerAccount::Trading(id) => usize::try_from(id.0).unwrap_or(usize::MAX),
            LedgerAccount::House(house) => self.accounts.saturating_add(house.row()),
            LedgerAccount::Mutual(member) => self
                .accounts
                .saturating_add(House::ALL.len())
                .saturating_add(usize::try_from(member).unwrap_or(usize::MAX)),
        }
    }

    fn at(&self, account: LedgerAccount, asset: AssetId) -> Option<usize> {
        if asset.index() >= self.assets {
            return None;
        }
        self.row(account).checked_mul(self.assets)?.checked_add(asset.index()).filter(|at| *at < self.cash.len())
    }

    /// Cash; zero where one of the two is unknown.
    pub(crate) fn total(&self, account: LedgerAccount, asset: AssetId) -> i128 {
        self.at(account, asset).and_then(|at| self.cash.get(at)).copied().unwrap_or(0)
    }

    /// Moves an amount, backwards where it is below zero. Nothing moves where an account is unknown or a sum too large.
    pub(crate) fn post(
        &mut self,
        debit: LedgerAccount,
        credit: LedgerAccount,
        (asset, amount): (AssetId, i128),
        kind: PostingKind,
        cause: u64,
    ) -> bool {
        if amount == 0 || debit == credit {
            return true;
        }
        let (Some(from), Some(to)) = (self.at(debit, asset), self.at(credit, asset)) else { return false };
        let (Some(given), Some(taken)) = (self.cash.get(from), self.cash.get(to)) else { return false };
        let (Some(given), Some(taken)) = (given.checked_sub(amount), taken.checked_add(amount)) else { return false };
        if let Some(cash) = self.cash.get_mut(from) {
            *cash = given;
        }
        if let Some(cash) = self.cash.get_mut(to) {
            *cash = taken;
        }
        self.seq = self.seq.saturating_add(1);
        if self.is_on {
            let (debit, credit) = if amount < 0 { (credit, debit) } else { (debit, credit) };
            let amount = amount.saturating_abs();
            self.postings.push(Posting { seq: self.seq, ts: self.ts, debit, credit, asset, amount, kind, cause });
        }
        true
    }

    pub(crate) const fn enable(&mut self) {
        self.is_on = true;
    }

    pub(crate) fn drain(&mut self, into: &mut Vec<Posting>) {
        into.append(&mut self.postings);
    }

    /// Whether all accounts together are zero in every asset.
    pub(crate) fn is_balanced(&self) -> bool {
        let mut sums = vec![0i128; self.assets];
        for row in self.cash.chunks(self.assets.max(1)) {
            for (sum, cash) in sums.iter_mut().zip(row) {
                *sum = sum.saturating_add(*cash);
            }
        }
        sums.iter().all(|sum| *sum == 0)
    }

    /// Every account with money, in order.
    pub(crate) fn trial_balance(&self) -> Vec<TrialRow> {
        let accounts = (0u32..).take(self.accounts).map(|id| LedgerAccount::Trading(AccountId(id)));
        let houses = House::ALL.into_iter().map(LedgerAccount::House);
        let members = (0u32..).map(LedgerAccount::Mutual);
        let mut rows = Vec::new();
        for (account, cash) in accounts.chain(houses).chain(members).zip(self.cash.chunks(self.assets.max(1))) {
            for (asset, total) in (0u16..).map(AssetId).zip(cash) {
                if *total != 0 {
                    rows.push(TrialRow { account, asset, total: *total });
                }
            }
        }
        rows
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_len(self.cash.len(), out);
        self.cash.iter().for_each(|cash| cash.put(out));
        self.seq.put(out);
        self.ts.put(out);
    }

    pub(crate) fn restore(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        take_into(&mut self.cash, bytes, Field::take)?;
        self.seq = Field::take(bytes)?;
        self.ts = Field::take(bytes)?;
        Ok(())
    }
}

/// The statement of an account over postings, from its balance before them.
#[must_use]
pub fn statement(postings: &[Posting], account: LedgerAccount, asset: AssetId, opening: i128) -> Vec<StatementRow> {
    let mut total = opening;
    let of = postings.iter().filter(|p| p.asset == asset && (p.debit == account || p.credit == account));
    of.map(|posting| {
        let change = if posting.credit == account { posting.amount } else { posting.amount.saturating_neg() };
        total = total.saturating_add(change);
        StatementRow { posting: *posting, change, total }
    })
    .collect()
}
