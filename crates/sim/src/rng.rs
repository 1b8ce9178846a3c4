//! The one source of chance in a simulation: xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number
//! generators", ACM TOMS 47, 2021), seeded through splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
//!
//! The same seed gives the same draws on every machine: integers are exact, and floats use IEEE basic operations and
//! the pure-Rust `libm` only, never the platform's. Refuses nothing; not for secrets.

/// A seeded generator. Each use takes a `stream` of its own, so that adding draws in one place moves no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The generator of `seed`, on its `stream`.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut key = seed;
        let mixed = split_mix(&mut key) ^ stream;
        let mut key = mixed;
        Self { state: [split_mix(&mut key), split_mix(&mut key), split_mix(&mut key), split_mix(&mut key)] }
    }

    /// 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        let [s0, s1, s2, s3] = self.state;
        let result = s0.wrapping_add(s3).rotate_left(23).wrapping_add(s0);
        let shifted = s1 << 17;
        let (s2, s3) = (s2 ^ s0, s3 ^ s1);
        let (s1, s0) = (s1 ^ s2, s0 ^ s3);
        self.state = [s0, s1, s2 ^ shifted, s3.rotate_left(45)];
        result
    }

    /// A whole number from 0 up to but without `bound`; zero where `bound` is zero.
    ///
    /// The high half of a 128-bit product: its bias is below `bound` / 2^64, which no run is long enough to see.
    pub const fn below(&mut self, bound: u64) -> u64 {
        widening_high(self.bits(), bound)
    }

    /// A float from 0 up to but without 1, of 53 bits.
    pub fn unit(&mut self) -> f64 {
        to_float(self.bits() >> 11) * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A draw of the exponential distribution with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }

    /// A draw of the normal distribution with mean 0 and deviation 1 (Box and Muller, 1958; the second is not kept,
    /// so that a draw depends on nothing before it).
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(2.0 * self.exponential());
        radius * libm::cos(2.0 * core::f64::consts::PI * self.unit())
    }
}

const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[expect(clippy::as_conversions, reason = "the high 64 of 128 bits fit; a const fn has no From")]
const fn widening_high(a: u64, b: u64) -> u64 {
    ((a as u128 * b as u128) >> 64) as u64
}

#[expect(clippy::as_conversions, reason = "53 bits are exact in a double")]
const fn to_float(bits: u64) -> f64 {
    bits as f64
}

/// A whole number as a float; exact up to 2^53, which holds 90 million BTC in 10^-8.
#[expect(clippy::as_conversions, reason = "the one way from whole numbers to chance")]
pub(crate) const fn float(value: i64) -> f64 {
    value as f64
}

/// The nearest whole number below; clamped to the range, zero for NaN.
#[expect(clippy::as_conversions, reason = "the one way from chance to whole numbers; the cast saturates")]
pub(crate) fn floor(value: f64) -> i64 {
    libm::floor(value) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_equal_the_published_generator() {
        // xoshiro256plusplus.c from the state {1, 2, 3, 4}.
        let mut rng = Rng { state: [1, 2, 3, 4] };
        let draws: Vec<u64> = (0..5).map(|_| rng.bits()).collect();
        assert_eq!(
            draws,
            [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386, 9_228_616_714_210_784_205]
        );
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut rng = Rng::new(7, 0);
        let n = 200_000;
        let (mut unit, mut exponential, mut normal, mut square) = (0.0, 0.0, 0.0, 0.0);
        for _ in 0..n {
            unit += rng.unit();
            exponential += rng.exponential();
            let z = rng.normal();
            normal += z;
            square += z * z;
        }
        let n = f64::from(n);
        assert!((unit / n - 0.5).abs() < 0.005);
        assert!((exponential / n - 1.0).abs() < 0.01);
        assert!((normal / n).abs() < 0.01);
        assert!((square / n - 1.0).abs() < 0.02);
    }

    #[test]
    fn streams_of_one_seed_differ_and_bounds_hold() {
        assert_ne!(Rng::new(1, 0).bits(), Rng::new(1, 1).bits());
        let mut rng = Rng::new(3, 0);
        let mut seen = [0_u32; 7];
        for _ in 0..70_000 {
            seen[usize::try_from(rng.below(7)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|n| (9_500..10_500).contains(n)), "{seen:?}");
        assert_eq!(rng.below(0), 0);
    }
}
