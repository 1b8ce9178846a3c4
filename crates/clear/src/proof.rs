//! Proof of liabilities: a Merkle tree in which every node also carries the sum of what lies below it.
//!
//! The root says what the venue owes in all; an account checks with its proof that its own balance is in that sum. A
//! balance below zero counts as zero, so that no debt hides a liability.

use tiderace_types::{AccountId, AssetId};

use crate::clearing::Clearing;

/// A node: its hash and the sum of the leaves below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SumNode {
    /// BLAKE3.
    pub hash: [u8; 32],
    /// In base units, >= 0.
    pub sum: i128,
}

/// One step of a proof: the neighbour, and whether it is the left one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The neighbour.
    pub node: SumNode,
    /// Whether it stands to the left.
    pub is_left: bool,
}

/// The tree over an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SumTree {
    levels: Vec<Vec<SumNode>>,
}

/// The leaf of an account: its id, a salt that keeps its balance from being guessed, and the balance.
#[must_use]
pub fn leaf(account: AccountId, salt: [u8; 32], balance: i128) -> SumNode {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"leaf").update(&account.0.to_le_bytes()).update(&salt).update(&balance.to_le_bytes());
    SumNode { hash: *hasher.finalize().as_bytes(), sum: balance }
}

/// A parent; `None` where the sum does not fit or a child's is below zero.
fn parent(left: &SumNode, right: &SumNode) -> Option<SumNode> {
    if left.sum < 0 || right.sum < 0 {
        return None;
    }
    let sum = left.sum.checked_add(right.sum)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"node");
    for node in [left, right] {
        hasher.update(&node.hash).update(&node.sum.to_le_bytes());
    }
    Some(SumNode { hash: *hasher.finalize().as_bytes(), sum })
}

impl SumTree {
    /// The tree over leaves; an odd one is paired with an empty one. `None` without leaves or where a sum does not fit.
    #[must_use]
    pub fn new(leaves: Vec<SumNode>) -> Option<Self> {
        let empty = SumNode { hash: [0; 32], sum: 0 };
        let mut levels = vec![leaves];
        while levels.last()?.len() > 1 {
            let above = levels.last()?.chunks(2).map(|pair| match pair {
                [left, right] => parent(left, right),
                [left] => parent(left, &empty),
                [] | [_, _, ..] => None,
            });
            let above = above.collect::<Option<Vec<_>>>()?;
            levels.push(above);
        }
        levels.last()?.first()?;
        Some(Self { levels })
    }

    /// What the venue publishes.
    #[must_use]
    pub fn root(&self) -> SumNode {
        let root = self.levels.last().and_then(|level| level.first());
        root.copied().unwrap_or(SumNode { hash: [0; 32], sum: 0 })
    }

    /// The way from a leaf to the root.
    #[must_use]
    pub fn proof(&self, row: usize) -> Option<Vec<Step>> {
        self.levels.first()?.get(row)?;
        let (mut at, mut steps) = (row, Vec::new());
        for level in self.levels.iter().take(self.levels.len().saturating_sub(1)) {
            let is_left = at.checked_rem(2)? == 1;
            let neighbour = if is_left { at.checked_sub(1)? } else { at.checked_add(1)? };
            let node = level.get(neighbour).copied().unwrap_or(SumNode { hash: [0; 32], sum: 0 });
            steps.push(Step { node, is_left });
            at = at.checked_div(2)?;
        }
        Some(steps)
    }
}

/// Whether a leaf is in the sum that a root stands for.
#[must_use]
pub fn is_included(leaf: SumNode, proof: &[Step], root: SumNode) -> bool {
    let climbed = proof
        .iter()
        .try_fold(leaf, |node, step| if step.is_left { parent(&step.node, &node) } else { parent(&node, &step.node) });
    climbed == Some(root) && leaf.sum >= 0
}

impl Clearing {
    /// The tree of what accounts are owed in an asset, by account; `salt` is the venue's secret of the day.
    #[must_use]
    pub fn liabilities(&self, asset: AssetId, salt: [u8; 32]) -> Option<SumTree> {
        let leaves = (0u32..).zip(&self.config.accounts).map(|(id, _)| self.liability(AccountId(id), asset, salt));
        SumTree::new(leaves.collect())
    }

    /// The leaf of one account, for it to check.
    #[must_use]
    pub fn liability(&self, account: AccountId, asset: AssetId, salt: [u8; 32]) -> SumNode {
        let own = blake3::keyed_hash(&salt, &account.0.to_le_bytes());
        leaf(account, *own.as_bytes(), self.cash(account, asset).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_is_in_the_sum_and_no_other_balance_is() {
        for count in 1u32..20 {
            let leaves: Vec<_> = (0..count).map(|id| leaf(AccountId(id), [7; 32], i128::from(id) * 10)).collect();
            let tree = SumTree::new(leaves.clone()).unwrap();
            assert_eq!(tree.root().sum, leaves.iter().map(|leaf| leaf.sum).sum::<i128>());
            for (row, of) in leaves.iter().enumerate() {
                let proof = tree.proof(row).unwrap();
                assert!(is_included(*of, &proof, tree.root()));
                let wrong = leaf(AccountId(u32::try_from(row).unwrap()), [7; 32], of.sum + 1);
                assert!(!is_included(wrong, &proof, tree.root()));
            }
            assert!(tree.proof(leaves.len()).is_none());
        }
        assert!(SumTree::new(Vec::new()).is_none());
        assert!(SumTree::new(vec![leaf(AccountId(0), [0; 32], -1), leaf(AccountId(1), [0; 32], 1)]).is_none());
    }
}
