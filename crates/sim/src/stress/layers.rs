//! Watches that no layer of the waterfall pays while one above it has money: posting by posting, from the ledger itself.

use std::collections::BTreeMap;

use tiderace_engine::venue::{Clearing, House, LedgerAccount, Posting, PostingKind};
use tiderace_types::{AccountId, AssetId};

/// Names of the layers, in order.
pub(super) const NAMES: [&str; 7] =
    ["defaulter_share", "insurance", "house", "mutual", "assessment", "gains", "nobody"];
/// Row of what auto-deleveraging costs those who are deleveraged.
pub(super) const GAINS: usize = 5;

/// What the purses of the layers hold, posting by posting.
#[derive(Debug)]
pub(super) struct Watch {
    held: BTreeMap<(LedgerAccount, AssetId), i128>,
    members: u32,
    house: AccountId,
    /// Base units that each layer paid, by asset: the ledger's own account of it.
    pub(super) paid: [[i128; 2]; 7],
    /// Postings of a layer while one above had money.
    pub(super) out_of_order: u64,
    /// What the insurance fund took: fees of liquidations and what defaulters had left.
    pub(super) fees: [i128; 2],
    /// What the positions that it took over have paid it so far.
    pub(super) taken_over: [i128; 2],
}

impl Watch {
    pub(super) fn new(clearing: &Clearing, members: u32) -> Self {
        let house = [House::Insurance, House::Capital].map(LedgerAccount::House);
        let purses: Vec<_> = house.into_iter().chain((0..members).map(LedgerAccount::Mutual)).collect();
        let mut held = BTreeMap::new();
        for asset in [AssetId(0), AssetId(1)] {
            for purse in &purses {
                held.insert((*purse, asset), clearing.total(*purse, asset).get());
            }
        }
        let house = clearing.house_account();
        Self { held, members, house, paid: [[0; 2]; 7], out_of_order: 0, fees: [0; 2], taken_over: [0; 2] }
    }

    fn has(&self, purse: LedgerAccount, asset: AssetId) -> bool {
        self.held.get(&(purse, asset)).is_some_and(|held| *held > 0)
    }

    /// Whether a layer above this one has money for a default of a customer of `own`.
    fn has_above(&self, layer: usize, own: Option<u32>, asset: AssetId) -> bool {
        let share = |member: u32| self.has(LedgerAccount::Mutual(member), asset);
        let others = || (0..self.members).filter(|member| Some(*member) != own);
        (layer > 0 && own.is_some_and(share))
            || (layer > 1 && self.has(LedgerAccount::House(House::Insurance), asset))
            || (layer > 2 && self.has(LedgerAccount::House(House::Capital), asset))
            || (layer > 3 && others().any(share))
    }

    /// Follows one posting; the layer that it is from, where it is from one.
    pub(super) fn follow(&mut self, clearing: &Clearing, of: &Posting) -> Option<usize> {
        let of = &self.as_purses(of);
        let mut from = None;
        if of.kind == PostingKind::Waterfall {
            let defaulter = AccountId(u32::try_from(of.cause).unwrap_or(u32::MAX));
            let own = clearing.member(defaulter);
            from = layer_of(of, defaulter, own);
            if let Some(layer) = from {
                if self.has_above(layer, own, of.asset) {
                    self.out_of_order = self.out_of_order.saturating_add(1);
                }
                if let Some(paid) = self.paid.get_mut(layer).and_then(|paid| paid.get_mut(of.asset.index())) {
                    *paid = paid.saturating_add(of.amount);
                }
            }
        }
        for (purse, amount) in [(of.debit, of.amount.saturating_neg()), (of.credit, of.amount)] {
            if let Some(held) = self.held.get_mut(&(purse, of.asset)) {
                *held = held.saturating_add(amount);
            }
        }
        self.flow(of);
        from
    }

    /// The cash of the house's own account is the insurance fund.
    fn as_purses(&self, of: &Posting) -> Posting {
        let purse = |at: LedgerAccount| {
            if at == LedgerAccount::Trading(self.house) { LedgerAccount::House(House::Insurance) } else { at }
        };
        Posting { debit: purse(of.debit), credit: purse(of.credit), ..*of }
    }

    /// Counts what the insurance fund took in fees and what positions that the house took over gave or cost.
    fn flow(&mut self, of: &Posting) {
        let fund = LedgerAccount::House(House::Insurance);
        let amount = if of.credit == fund {
            of.amount
        } else if of.debit == fund {
            of.amount.saturating_neg()
        } else {
            return;
        };
        let sums = match of.kind {
            PostingKind::LiquidationFee => &mut self.fees,
            PostingKind::Waterfall => return,
            PostingKind::Opening
            | PostingKind::Deposit
            | PostingKind::Withdrawal
            | PostingKind::Contribution
            | PostingKind::Fee
            | PostingKind::Realized
            | PostingKind::Premium
            | PostingKind::Delivery
            | PostingKind::Variation
            | PostingKind::Funding
            | PostingKind::Interest
            | PostingKind::Settlement
            | PostingKind::Rounding
            | PostingKind::Correction
            | PostingKind::Auction
            | PostingKind::Haircut
            | PostingKind::Transfer => &mut self.taken_over,
        };
        if let Some(sum) = sums.get_mut(of.asset.index()) {
            *sum = sum.saturating_add(amount);
        }
    }
}

/// The layer that a posting of a waterfall is from; none where it only passes a layer's money on.
fn layer_of(of: &Posting, defaulter: AccountId, own: Option<u32>) -> Option<usize> {
    let to_default = of.credit == LedgerAccount::House(House::Default);
    match of.debit {
        LedgerAccount::Mutual(member) if to_default => Some(if Some(member) == own { 0 } else { 3 }),
        LedgerAccount::House(House::Insurance) if to_default => Some(1),
        LedgerAccount::House(House::Capital) if to_default => Some(2),
        LedgerAccount::Trading(_) if to_default => Some(4),
        LedgerAccount::Trading(payer) if payer != defaulter && of.credit == LedgerAccount::Trading(defaulter) => {
            Some(GAINS)
        }
        LedgerAccount::Trading(_) | LedgerAccount::House(_) | LedgerAccount::Mutual(_) => None,
    }
}
