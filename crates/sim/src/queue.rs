//! Where a resting order of ours stands in a queue of which only the displayed total is known.
//!
//! A trade at the price comes off the front. A decrease of the displayed quantity that no trade explains is a cancel,
//! ahead of us or behind us; the models differ in the share they put ahead:
//!
//! - risk averse: none, as long as there is enough behind to explain it;
//! - power and log: f(ahead) / (f(ahead) + f(behind)) with f(x) = x^n, or ln(1 + x).
//!
//! The estimator is Rigtorp's ("Estimating order queue position", 2013); the shapes are those that the documentation of
//! hftbacktest lists as queue models. In every model what cannot have been behind was ahead, and the other way round.
//! Owns the formula alone; who trades with whom is `exchange`'s.

use serde::{Deserialize, Serialize};

use crate::rng;

const E8: f64 = 100_000_000.0;
const E9: f64 = 1_000_000_000.0;

/// How an unexplained decrease is shared between those ahead of us and those behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueModel {
    /// Everything behind us leaves first: only trades move us forward.
    RiskAverse,
    /// f(x) = x^n, with n in 10^-9: at 1 in proportion, above 1 the longer part loses more than its share.
    Power(u32),
    /// f(x) = ln(1 + x), x in what the venue counts: the shorter part loses more than its share.
    Log,
}

impl QueueModel {
    /// How much of `decrease_e8` was ahead of us, of `ahead_e8` ahead and `behind_e8` behind before it.
    #[must_use]
    pub fn decrease_ahead(self, ahead_e8: i64, behind_e8: i64, decrease_e8: i64) -> i64 {
        let (ahead_e8, behind_e8) = (ahead_e8.max(0), behind_e8.max(0));
        let least = decrease_e8.saturating_sub(behind_e8).max(0);
        let most = decrease_e8.min(ahead_e8).max(0);
        let f = |e8: i64| match self {
            Self::RiskAverse => 0.0,
            Self::Power(exponent_e9) => libm::pow(rng::float(e8) / E8, f64::from(exponent_e9) / E9),
            Self::Log => libm::log1p(rng::float(e8) / E8),
        };
        let (front, back) = (f(ahead_e8), f(behind_e8));
        let share = if front > 0.0 { front / (front + back) } else { 0.0 };
        // Rounded down: the remainder of a quantity stays ahead of us.
        rng::floor(share * rng::float(decrease_e8)).max(least).min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODELS: [QueueModel; 5] = [
        QueueModel::RiskAverse,
        QueueModel::Power(500_000_000),
        QueueModel::Power(1_000_000_000),
        QueueModel::Power(3_000_000_000),
        QueueModel::Log,
    ];

    #[test]
    fn shares_equal_hand_computed_ones() {
        const BTC: i64 = 100_000_000;
        let cases = [
            // (model, ahead, behind, decrease, of it ahead)
            (QueueModel::RiskAverse, 3 * BTC, BTC, BTC, 0),
            (QueueModel::RiskAverse, 3 * BTC, BTC, 2 * BTC, BTC),
            (QueueModel::Power(1_000_000_000), 3 * BTC, BTC, BTC, 3 * BTC / 4),
            // 3^2 / (3^2 + 1^2) = 0.9
            (QueueModel::Power(2_000_000_000), 3 * BTC, BTC, BTC, 90_000_000),
            // ln 4 / (ln 4 + ln 2) = 2/3
            (QueueModel::Log, 3 * BTC, BTC, BTC, 66_666_666),
            // The model says half of 3; the part behind holds 1 only, so 2 were ahead.
            (QueueModel::Log, 2 * BTC, BTC, 3 * BTC, 2 * BTC),
            (QueueModel::Power(1_000_000_000), 0, BTC, BTC, 0),
        ];
        for (model, ahead, behind, decrease, wanted) in cases {
            let got = model.decrease_ahead(ahead, behind, decrease);
            assert!((got - wanted).abs() <= 1, "{model:?} {ahead} {behind} {decrease}: {got}, not {wanted}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_decrease_never_takes_more_than_is_there(
            ahead in 0_i64..1_000_000_000_000, behind in 0_i64..1_000_000_000_000, share in 0_i64..=1_000,
        ) {
            let decrease = (ahead + behind) / 1_000 * share;
            for model in MODELS {
                let moved = model.decrease_ahead(ahead, behind, decrease);
                proptest::prop_assert!((0..=ahead).contains(&moved));
                proptest::prop_assert!(decrease - moved <= behind, "what was not ahead was behind");
                proptest::prop_assert!(moved >= QueueModel::RiskAverse.decrease_ahead(ahead, behind, decrease));
            }
        }
    }
}
