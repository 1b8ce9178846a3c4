//! Reconciliation: trades to positions, positions to ledger, ledger to custodian. A difference is a break, with its age
//! and an owner, until it is gone.

use std::collections::BTreeMap;

use tiderace_types::{AccountId, Amount, AssetId, InstrumentId, Ts};

use crate::clearing::Clearing;
use crate::ledger::{House, LedgerAccount};
use crate::trades::Fill;

/// Between which two books a break stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakKind {
    /// Trades do not add up to a position.
    Position {
        /// Whose.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
    },
    /// Longs and shorts of an instrument differ.
    Netting {
        /// Of what.
        instrument: InstrumentId,
    },
    /// Debits and credits of an asset differ.
    Ledger {
        /// Of what.
        asset: AssetId,
    },
    /// The custodian has another amount than the ledger says.
    Custody {
        /// Of what.
        asset: AssetId,
    },
}

/// A difference between two books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Break {
    /// Which.
    pub kind: BreakKind,
    /// What our books say.
    pub ours: i128,
    /// What the other side says.
    pub theirs: i128,
    /// When it was first seen: its age is now less this.
    pub since: Ts,
    /// Label of the person who looks after it; zero is nobody yet.
    pub owner: u32,
}

/// Holds assets for the venue, outside.
pub trait Custodian {
    /// Why it could not do as told.
    type Error;
    /// Asks to pay out; the key is ours.
    ///
    /// # Errors
    /// Where the custodian did not take it.
    fn instruct(&mut self, key: u64, asset: AssetId, amount: Amount) -> Result<(), Self::Error>;
    /// Whether an instruction is done.
    ///
    /// # Errors
    /// Where the custodian did not answer.
    fn is_confirmed(&mut self, key: u64) -> Result<bool, Self::Error>;
    /// What it holds.
    ///
    /// # Errors
    /// Where the custodian did not answer.
    fn balance(&mut self, asset: AssetId) -> Result<Amount, Self::Error>;
}

/// Breaks that stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    breaks: BTreeMap<BreakKind, Break>,
}

impl Reconciliation {
    /// Compares all books at `now`. `fills` are all that were ever booked (busts out); `None` leaves positions aside.
    /// `custody` is what the custodian says of each asset. Breaks that are gone are forgotten, those that stay keep
    /// their age and owner.
    pub fn run(&mut self, now: Ts, clearing: &Clearing, fills: Option<&[Fill]>, custody: &[(AssetId, Amount)]) {
        let mut seen = Vec::new();
        if let Some(fills) = fills {
            clearing.compare_positions(fills, &mut seen);
        }
        clearing.compare_books(&mut seen);
        for (asset, held) in custody {
            let ours = clearing.total(LedgerAccount::House(House::Custody), *asset).get().saturating_neg();
            seen.push((BreakKind::Custody { asset: *asset }, ours, held.get()));
        }
        let mut breaks = BTreeMap::new();
        for (kind, ours, theirs) in seen.into_iter().filter(|(_, ours, theirs)| ours != theirs) {
            let before = self.breaks.get(&kind);
            let since = before.map_or(now, |before| before.since);
            let owner = before.map_or(0, |before| before.owner);
            breaks.insert(kind, Break { kind, ours, theirs, since, owner });
        }
        self.breaks = breaks;
    }

    /// Breaks that stand, in order of their books.
    pub fn breaks(&self) -> impl Iterator<Item = &Break> {
        self.breaks.values()
    }

    /// Gives a break to a person; false where there is no such break.
    pub fn assign(&mut self, kind: BreakKind, owner: u32) -> bool {
        self.breaks.get_mut(&kind).is_some_and(|of| {
            of.owner = owner;
            true
        })
    }
}

impl Clearing {
    fn compare_positions(&self, fills: &[Fill], seen: &mut Vec<(BreakKind, i128, i128)>) {
        let mut sums: BTreeMap<(AccountId, InstrumentId), i128> = BTreeMap::new();
        for fill in fills {
            let lots = i128::from(fill.qty.get()).saturating_mul(fill.taker_side.sign().into());
            for (account, lots) in [(fill.taker, lots), (fill.maker, lots.saturating_neg())] {
                let sum = sums.entry((account, fill.instrument)).or_default();
                *sum = sum.saturating_add(lots);
            }
        }
        for position in &self.positions {
            sums.entry((position.account, position.instrument)).or_default();
        }
        for ((account, instrument), theirs) in sums {
            if self.markets.get(instrument.index()).is_none_or(|market| !market.is_settled) {
                let ours = self.qty(account, instrument).into();
                seen.push((BreakKind::Position { account, instrument }, ours, theirs));
            }
        }
    }

    fn compare_books(&self, seen: &mut Vec<(BreakKind, i128, i128)>) {
        let mut lots: BTreeMap<InstrumentId, (i128, i128)> = BTreeMap::new();
        for position in &self.positions {
            let (long, short) = lots.entry(position.instrument).or_default();
            let side = if position.qty > 0 { long } else { short };
            *side = side.saturating_add(i128::from(position.qty).abs());
        }
        for (instrument, (long, short)) in lots {
            seen.push((BreakKind::Netting { instrument }, long, short));
        }
        let mut sums: BTreeMap<AssetId, (i128, i128)> = BTreeMap::new();
        for row in self.trial_balance() {
            let (credit, debit) = sums.entry(row.asset).or_default();
            let side = if row.total > 0 { credit } else { debit };
            *side = side.saturating_add(row.total.saturating_abs());
        }
        for (asset, (credit, debit)) in sums {
            seen.push((BreakKind::Ledger { asset }, credit, debit));
        }
    }
}
