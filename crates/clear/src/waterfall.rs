//! Who bears a loss: layer by layer, and within a layer of members pro rata to the unit.

use tiderace_types::Rounding;

use crate::wide::mul_div;

/// A layer of a waterfall: what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerAmounts {
    /// One purse.
    One(i128),
    /// One of each member, in the order named.
    Members(Vec<i128>),
}

/// What a layer paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerDraw {
    /// All of it.
    pub used: i128,
    /// Of each member, in the order named; empty where the layer is one purse.
    pub members: Vec<i128>,
}

/// What a waterfall came to: what was used and what is uncovered sum to the loss.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// By layer, in order.
    pub layers: Vec<LayerDraw>,
    /// What no layer had.
    pub uncovered: i128,
}

/// Takes a loss from layers in order. No layer is touched while the one above has money; members of a layer bear it pro
/// rata to their amounts by largest remainder, ties to the one named first, and nobody more than its amount. Amounts
/// below zero count as nothing.
#[must_use]
pub fn waterfall(loss: i128, layers: &[LayerAmounts]) -> Drawn {
    let mut left = loss.max(0);
    let mut drawn = Drawn::default();
    for layer in layers {
        let draw = match layer {
            LayerAmounts::One(amount) => LayerDraw { used: left.min((*amount).max(0)), members: Vec::new() },
            LayerAmounts::Members(amounts) => {
                let sum = amounts.iter().fold(0i128, |sum, amount| sum.saturating_add((*amount).max(0)));
                let used = left.min(sum);
                LayerDraw { used, members: pro_rata(used, amounts) }
            }
        };
        left = left.saturating_sub(draw.used);
        drawn.layers.push(draw);
    }
    drawn.uncovered = left;
    drawn
}

/// Shares a total among amounts by largest remainder, ties to the one named first: the shares sum to the total as long
/// as the amounts do, and none is more than its amount.
#[must_use]
pub fn pro_rata(total: i128, amounts: &[i128]) -> Vec<i128> {
    let sum = amounts.iter().fold(0i128, |sum, amount| sum.saturating_add((*amount).max(0)));
    let total = total.clamp(0, sum);
    let mut shares = Vec::with_capacity(amounts.len());
    let mut rests = Vec::with_capacity(amounts.len());
    for (row, amount) in amounts.iter().enumerate() {
        let amount = (*amount).max(0);
        let share = mul_div(total, amount, sum.max(1), Rounding::Floor);
        // The rest is below the sum, so what the products lose above 128 bits is lost twice.
        let rest = total.wrapping_mul(amount).wrapping_sub(share.wrapping_mul(sum));
        shares.push(share);
        rests.push((core::cmp::Reverse(rest), row));
    }
    let given = shares.iter().fold(0i128, |sum, share| sum.saturating_add(*share));
    let left = usize::try_from(total.saturating_sub(given)).unwrap_or(0);
    rests.sort_unstable();
    for (_, row) in rests.into_iter().take(left) {
        if let Some(share) = shares.get_mut(row) {
            *share = share.saturating_add(1);
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use LayerAmounts::{Members, One};
    use proptest::prelude::*;

    #[test]
    fn no_layer_is_touched_while_the_one_above_has_money() {
        let layers = [One(100), One(50), Members(vec![30, 10]), One(1_000)];
        let drawn = waterfall(170, &layers);
        let used: Vec<i128> = drawn.layers.iter().map(|layer| layer.used).collect();
        assert_eq!((used, drawn.uncovered), (vec![100, 50, 20, 0], 0));
        assert_eq!(drawn.layers[2].members, vec![15, 5]);
    }

    #[test]
    fn the_largest_remainder_wins_and_ties_go_to_the_one_named_first() {
        assert_eq!(pro_rata(10, &[1, 1, 1]), vec![1, 1, 1]);
        assert_eq!(pro_rata(2, &[1, 1, 1]), vec![1, 1, 0]);
        assert_eq!(pro_rata(100, &[333, 333, 334]), vec![33, 33, 34]);
    }

    proptest! {
        #[test]
        fn used_and_uncovered_sum_to_the_loss(
            loss in 0i128..1 << 100, one in 0i128..1 << 100, members in proptest::collection::vec(0i128..1 << 98, 0..8),
        ) {
            let drawn = waterfall(loss, &[One(one), Members(members.clone())]);
            let used: i128 = drawn.layers.iter().map(|layer| layer.used).sum();
            prop_assert_eq!(used + drawn.uncovered, loss);
            prop_assert_eq!(drawn.layers[1].members.iter().sum::<i128>(), drawn.layers[1].used);
            prop_assert!(drawn.layers[1].members.iter().zip(&members).all(|(share, amount)| share <= amount));
        }
    }
}
