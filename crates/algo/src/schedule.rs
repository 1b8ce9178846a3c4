//! The plan of a TWAP: for each slice its time and the exposure that should be filled when it is done.
//!
//! Sizes are whole lots whose sum is the order, exactly. With jitter, each slice weighs 1 + r with |r| <= the jitter, and
//! the r come in pairs that cancel (shuffled), so the weights sum to the number of slices and no slice strays from its
//! bound by more than the rounding of one lot. A slice's time moves later within its own interval, so times increase
//! strictly and all lie within [start, end).

use tiderace_types::{Amount, Rounding, Ts, input::SubmitParent, num::div_round};

use crate::chance::Chance;

/// Most slices of one parent: what keeps a plan in memory small.
pub const SLICES_MAX: u32 = 100_000;
/// Most base units of one parent: what keeps lots x weights within an i128.
pub const ORDER_QTY_MAX: Amount = Amount::new(1_000_000_000_000_000_000_000_000);

const ONE: i128 = 1_000_000_000;
/// Parts the stream of times from that of sizes, so that switching one jitter off leaves the other's draws alone.
const TIMES: u64 = 0x7469_6D65_735F_5F5F;

/// One slice of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// When it is due.
    pub ts: Ts,
    /// Exposure that should be filled when it is done.
    pub target: Amount,
}

/// A plan: slices in time order, whose last target is the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    slices: Vec<Slice>,
}

impl Schedule {
    /// The plan of `parent` from `ts_start` on, in whole `lot`s of exposure. While the last slice is below
    /// `smallest_child` the one before joins it, at the later time: no dust child is planned at the end, and nothing is
    /// pulled forward. The parent was checked by [`crate::Twap::new`].
    #[must_use]
    pub fn new(parent: &SubmitParent, ts_start: Ts, lot: Amount, smallest_child: Amount) -> Self {
        let targets = targets(parent, lot);
        let mut slices: Vec<Slice> =
            times(parent, ts_start).zip(targets).map(|(ts, target)| Slice { ts, target }).collect();
        while let [.., before, last] = slices.as_mut_slice() {
            if last.target.get().saturating_sub(before.target.get()) >= smallest_child.get() {
                break;
            }
            *before = *last;
            slices.pop();
        }
        Self { slices }
    }

    /// The slices, in time order.
    #[must_use]
    pub fn slices(&self) -> &[Slice] {
        &self.slices
    }

    /// What slice `index` adds to the target of the one before.
    pub(crate) fn own_qty(&self, index: usize) -> i128 {
        let target = |i: usize| self.slices.get(i).map_or(0, |slice| slice.target.get());
        let before = index.checked_sub(1).map_or(0, target);
        target(index).saturating_sub(before)
    }
}

/// Splits `lots` into `n` whole parts as even as a running floor makes them: ten in three are 3, 3, 4.
pub fn twap_slices(lots: i64, n: u32) -> impl Iterator<Item = i64> {
    let cumulative = move |k: u32| i128::from(lots).saturating_mul(k.into()).div_euclid(i128::from(n.max(1)));
    (0..n).map(move |k| {
        let part = cumulative(k.saturating_add(1)).saturating_sub(cumulative(k));
        i64::try_from(part).unwrap_or(0)
    })
}

fn times(parent: &SubmitParent, ts_start: Ts) -> impl Iterator<Item = Ts> {
    let (n, duration) = (i128::from(parent.slices.max(1)), i128::from(parent.duration_ns));
    let jitter = i128::from(parent.time_jitter.get());
    let even = move |k: i128| duration.saturating_mul(k).div_euclid(n);
    let mut chance = Chance::new(parent.seed ^ TIMES);
    (0..n).map(move |k| {
        let gap = even(k.saturating_add(1)).saturating_sub(even(k));
        // Rounded up, so that any jitter may move a time; at most the gap, so that it stays before the next one's.
        let reach = div_round(gap.saturating_mul(jitter), ONE, Rounding::Ceil).unwrap_or(0);
        let offset = chance.below(u64::try_from(reach).unwrap_or(0));
        let ns = even(k).saturating_add(offset.into());
        ts_start.plus_ns(i64::try_from(ns).unwrap_or(i64::MAX))
    })
}

fn targets(parent: &SubmitParent, lot: Amount) -> impl Iterator<Item = Amount> {
    let lots = parent.order_qty.get().div_euclid(lot.get().max(1));
    let whole = ONE.saturating_mul(parent.slices.into());
    let order_qty = parent.order_qty;
    weights(parent).into_iter().scan(0_i128, move |sum, weight| {
        *sum = sum.saturating_add(weight);
        let target = lots.saturating_mul(*sum).div_euclid(whole).saturating_mul(lot.get());
        // What is below one lot goes with the last slice: the sum is the order.
        Some(if *sum == whole { order_qty } else { Amount::new(target) })
    })
}

/// The slices' weights, 10^-9; they sum to the number of slices exactly.
fn weights(parent: &SubmitParent) -> Vec<i128> {
    let n = usize::try_from(parent.slices).unwrap_or(0);
    let mut weights = vec![ONE; n];
    let jitter = u64::try_from(parent.size_jitter.get()).unwrap_or(0);
    if jitter == 0 {
        return weights;
    }
    let mut chance = Chance::new(parent.seed);
    for pair in weights.as_chunks_mut::<2>().0 {
        let draw = chance.below(jitter.saturating_mul(2).saturating_add(1));
        let strayed = i128::from(draw).saturating_sub(jitter.into());
        *pair = [ONE.saturating_add(strayed), ONE.saturating_sub(strayed)];
    }
    for last in (1..n).rev() {
        let other = chance.below(u64::try_from(last).unwrap_or(0).saturating_add(1));
        weights.swap(last, usize::try_from(other).unwrap_or(last));
    }
    weights
}
