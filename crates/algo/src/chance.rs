//! Draws of a plan: SplitMix64 (Steele, Lea, Flood 2014), whose whole state is one seeded word.

/// A seeded stream of draws.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A whole number from 0 to `bound` - 1; 0 where `bound` is 0. The bias of scaling is below `bound` / 2^64.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()).wrapping_mul(u128::from(bound));
        u64::try_from(product >> 64).unwrap_or(0)
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
}
