//! Draws: SplitMix64 (Steele, Lea, Flood 2014), whose whole state is one seeded word.

/// A seeded stream of draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A whole number from 0 to `bound` - 1; 0 where `bound` is 0. The bias of scaling is below `bound` / 2^64.
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()).wrapping_mul(u128::from(bound));
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// A whole number from `low` to `high`, in steps of 2^-32 of their distance; `low` where `high` is not above it.
    pub fn between(&mut self, low: i128, high: i128) -> i128 {
        let distance = high.saturating_sub(low).saturating_add(1).max(1);
        let draw = i128::from(self.below(1 << 32));
        let moved =
            distance.checked_mul(draw).map_or_else(|| (distance >> 32).saturating_mul(draw), |moved| moved >> 32);
        low.saturating_add(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_that_of_the_reference() {
        let mut chance = Chance::new(1_234_567);
        let words: Vec<u64> = (0..3).map(|_| chance.next()).collect();
        assert_eq!(words, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn draws_stay_below_their_bound() {
        let mut chance = Chance::new(7);
        assert!((0..1000).all(|_| chance.below(10) < 10));
        assert_eq!((chance.below(0), chance.below(1)), (0, 0));
    }

    #[test]
    fn draws_between_two_reach_both_and_no_further() {
        let mut chance = Chance::new(7);
        let draws: Vec<i128> = (0..1000).map(|_| chance.between(3, 6)).collect();
        assert!((3..=6).all(|value| draws.contains(&value)) && draws.iter().all(|draw| (3..=6).contains(draw)));
        assert_eq!((chance.between(5, 5), chance.between(5, 4)), (5, 5));
        assert!((0..1000).all(|_| (i128::MIN..=i128::MAX).contains(&chance.between(0, i128::MAX))));
    }
}
