//! Paths of the index in whole numbers: the same on every machine, without a float.
//!
//! Each step multiplies by exp(s z - s^2 / 2) with s = vol x sqrt(time in years of 365 days): no drift, so that the mean
//! stays at the index. A draw is the sum of twelve uniform ones less six: mean 0, variance 1, never beyond 6. Every
//! second path is the mirror of the one before. The seed is the listing's, so the same state has the same value.

use tiderace_types::{Rounding, Ts};

use crate::wide::mul_div;

/// Nanoseconds of a year of 365 days.
const YEAR_NS: i128 = 365 * 86_400 * 1_000_000_000;
const E12: i128 = 1_000_000_000_000;
pub(super) const E18: i128 = 1_000_000_000_000_000_000;
const E9: i128 = 1_000_000_000;
/// ln 2 in 10^-18.
const LN_2: i128 = 693_147_180_559_945_309;
/// No step goes beyond e to this power.
const EXPONENT_MAX: i128 = 20 * E18;
/// No path goes beyond this many times the index, nor below its inverse.
const GROWTH_MAX: i128 = E18 * 1_000_000_000;

/// Draws of `paths` paths of `steps` steps, 10^-9, path by path.
pub(super) fn draws(paths: u32, steps: u32, seed: u64) -> Vec<i64> {
    let (mut all, mut own) = (Vec::new(), Vec::new());
    let mut random = seed;
    for path in 0..paths {
        if path % 2 == 0 {
            own = (0..steps).map(|_| draw(&mut random)).collect();
        } else {
            own.iter_mut().for_each(|draw| *draw = draw.saturating_neg());
        }
        all.extend_from_slice(&own);
    }
    all
}

fn draw(random: &mut u64) -> i64 {
    let sum = (0..12).fold(0i128, |sum, _| sum.saturating_add((next(random) >> 32).into()));
    let centred = sum.saturating_sub(6 << 32);
    i64::try_from(centred.saturating_mul(E9) >> 32).unwrap_or(0)
}

/// Splitmix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Standard deviation of the log of the index from one time to another, 10^-12.
pub(super) fn deviation(vol_e12: i128, from: Ts, to: Ts) -> i128 {
    let elapsed = i128::from(to.ns_since(from).max(0));
    let part_e24 = mul_div(elapsed, E12.saturating_mul(E12), YEAR_NS, Rounding::Floor);
    let root_e12 = part_e24.checked_isqrt().unwrap_or(0);
    mul_div(vol_e12, root_e12, E12, Rounding::Floor)
}

/// Where the index stands after a step, as a multiple of where it began, 10^-18.
pub(super) fn step(growth_e18: i128, deviation_e12: i128, draw_e9: i64) -> i128 {
    let move_e12 = mul_div(deviation_e12, draw_e9.into(), E9, Rounding::Floor);
    let drift_e12 = mul_div(deviation_e12, deviation_e12, 2 * E12, Rounding::Floor);
    let exponent = move_e12.saturating_sub(drift_e12).saturating_mul(1_000_000);
    let inverse = E18.saturating_mul(E18).checked_div(GROWTH_MAX).unwrap_or(1);
    mul_div(growth_e18, exp(exponent), E18, Rounding::Floor).clamp(inverse, GROWTH_MAX)
}

/// e to the power, both in 10^-18, within a few units of the last place.
fn exp(exponent: i128) -> i128 {
    let exponent = exponent.clamp(-EXPONENT_MAX, EXPONENT_MAX);
    let halvings = exponent.div_euclid(LN_2);
    let rest = exponent.rem_euclid(LN_2);
    let (mut sum, mut term) = (E18, E18);
    for n in 1..=20i128 {
        // Both below 10^18: the product of two words.
        term = term.saturating_mul(rest).checked_div(E18.saturating_mul(n)).unwrap_or(0);
        sum = sum.saturating_add(term);
    }
    let shift = u32::try_from(halvings.abs()).unwrap_or(0).min(64);
    if halvings < 0 { sum >> shift } else { sum << shift }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_the_exponential() {
        for (exponent, wanted) in [
            (0, E18),
            (E18, 2_718_281_828_459_045_235),
            (-E18, 367_879_441_171_442_321),
            (E18 / 2, 1_648_721_270_700_128_146),
            (3 * E18, 20_085_536_923_187_667_740),
            (-10 * E18, 45_399_929_762_484),
        ] {
            assert!((exp(exponent) - wanted).abs() <= 200, "{exponent}: {} against {wanted}", exp(exponent));
        }
    }

    #[test]
    fn draws_have_mean_zero_variance_one_and_repeat() {
        let all = draws(2_000, 4, 7);
        assert_eq!(all, draws(2_000, 4, 7));
        assert_ne!(all, draws(2_000, 4, 8));
        let count = i128::try_from(all.len()).unwrap();
        assert_eq!(all.iter().map(|z| i128::from(*z)).sum::<i128>(), 0, "mirrored");
        let variance = all.iter().map(|z| i128::from(*z) * i128::from(*z)).sum::<i128>() / count;
        assert!((variance - E18).abs() < E18 / 20, "{variance}");
        assert!(all.iter().all(|z| z.abs() <= 6_000_000_000));
    }

    #[test]
    fn a_year_at_half_vol_deviates_by_a_half_and_keeps_its_mean() {
        let to = Ts::new(i64::try_from(YEAR_NS).unwrap());
        let sd = deviation(E12 / 2, Ts::ZERO, to);
        assert_eq!(sd, E12 / 2);
        let all = draws(20_000, 1, 3);
        let mean = all.iter().map(|z| step(E18, sd, *z)).sum::<i128>() / 20_000;
        assert!((mean - E18).abs() < E18 / 100, "{mean}");
        assert_eq!(step(E18, 0, 5), E18);
    }
}
