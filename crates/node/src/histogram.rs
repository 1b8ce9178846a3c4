//! Times by size: 128 buckets for each doubling, so that a value is told to better than one percent, without keeping
//! every one of them.

const BITS: u32 = 7;
const BUCKETS: usize = 64 << BITS;

/// Nanoseconds, counted by size.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, max: 0 }
    }
}

impl Histogram {
    /// Takes in a time.
    pub fn push(&mut self, ns: u64) {
        if let Some(count) = self.counts.get_mut(bucket(ns)) {
            *count = count.saturating_add(1);
        }
        self.total = self.total.saturating_add(1);
        self.max = self.max.max(ns);
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.total
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The largest.
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// The time that so many in ten thousand reach at most.
    #[must_use]
    pub fn at(&self, of_10_000: u64) -> u64 {
        let rank = u128::from(self.total).saturating_mul(u128::from(of_10_000)).div_ceil(10_000);
        let mut seen = 0_u128;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen = seen.saturating_add(u128::from(*count));
            if seen >= rank && *count > 0 {
                return top(bucket).min(self.max);
            }
        }
        self.max
    }
}

/// Values below 128 are told exactly; above, the leading bits count.
fn bucket(ns: u64) -> usize {
    let shift = ns.checked_ilog2().unwrap_or(0).saturating_sub(BITS);
    let leading = usize::try_from(ns >> shift).unwrap_or(0);
    (usize::try_from(shift).unwrap_or(0) << BITS).saturating_add(leading)
}

/// The largest value of a bucket.
fn top(bucket: usize) -> u64 {
    let leading = bucket & ((2 << BITS) - 1);
    let (shift, leading) = if bucket < (2 << BITS) {
        (0, leading)
    } else {
        let within = bucket & ((1 << BITS) - 1);
        ((bucket >> BITS).saturating_sub(1), within | (1 << BITS))
    };
    let low = u64::try_from(leading).unwrap_or(u64::MAX);
    let shift = u32::try_from(shift).unwrap_or(0);
    (low << shift) | ((1_u64 << shift).saturating_sub(1))
}
