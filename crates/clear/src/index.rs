//! An index price: the median of its sources, without those that are stale or stand apart.

use tiderace_types::{Amount, Fraction, Reason, Refusal, Ts};

use crate::wide::mul_div;

/// When a source counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexRules {
    /// A source older than this does not count.
    pub stale_ns: i64,
    /// Nor one further than this from the median of the fresh ones.
    pub outlier: Fraction,
    /// Fewer than so many that count give no index.
    pub sources_min: usize,
}

/// Prices of the sources of one index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexSources {
    /// By source: when and what it said last, in steps of 10^-12.
    last: Vec<Option<(Ts, i128)>>,
}

impl IndexSources {
    /// So many sources, none of which has spoken.
    #[must_use]
    pub fn new(sources: usize) -> Self {
        Self { last: vec![None; sources] }
    }

    /// A source says a price. One at or below zero, or older than its last, is passed over; false then.
    pub fn push(&mut self, source: usize, ts: Ts, price: Amount) -> bool {
        let Some(last) = self.last.get_mut(source) else { return false };
        if price <= Amount::ZERO || last.is_some_and(|(then, _)| then > ts) {
            return false;
        }
        *last = Some((ts, price.get()));
        true
    }

    /// The index at `now`: the median of those that count, the mean of the two in the middle rounded down.
    ///
    /// # Errors
    /// [`Reason::StaleIndex`] with how many sources count and how many must.
    pub fn price(&self, now: Ts, rules: &IndexRules) -> Result<Amount, Refusal> {
        let is_fresh = |(ts, _): &&(Ts, i128)| now.ns_since(*ts) <= rules.stale_ns;
        let mut fresh: Vec<i128> = self.last.iter().flatten().filter(is_fresh).map(|(_, price)| *price).collect();
        let count = |n: usize| i128::try_from(n).unwrap_or(i128::MAX);
        let too_few = |n: usize| Refusal::new(Reason::StaleIndex, count(n), count(rules.sources_min));
        let middle = median(&mut fresh).ok_or(too_few(0))?;
        let one = Fraction::ONE.get().into();
        let room = mul_div(middle, rules.outlier.get().max(0).into(), one, tiderace_types::Rounding::Floor);
        fresh.retain(|price| price.saturating_sub(middle).saturating_abs() <= room);
        if fresh.len() < rules.sources_min {
            return Err(too_few(fresh.len()));
        }
        median(&mut fresh).map(Amount::new).ok_or(too_few(0))
    }
}

fn median(of: &mut [i128]) -> Option<i128> {
    of.sort_unstable();
    let half = of.len().checked_div(2)?;
    let high = *of.get(half)?;
    if of.len().checked_rem(2)? == 1 {
        return Some(high);
    }
    let low = *of.get(half.checked_sub(1)?)?;
    Some(low.saturating_add(high.saturating_sub(low).checked_div(2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: IndexRules = IndexRules { stale_ns: 10, outlier: Fraction::new(50_000_000), sources_min: 2 };

    fn of(prices: &[(i64, i128)]) -> Result<i128, Reason> {
        let mut sources = IndexSources::new(prices.len());
        for (source, (ts, price)) in prices.iter().enumerate() {
            assert!(sources.push(source, Ts::new(*ts), Amount::new(*price)));
        }
        sources.price(Ts::new(100), &RULES).map(Amount::get).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn it_is_the_median_of_what_is_fresh_and_not_apart() {
        assert_eq!(of(&[(100, 1_000), (100, 1_010), (100, 1_020)]), Ok(1_010));
        assert_eq!(of(&[(100, 1_000), (100, 1_011)]), Ok(1_005));
        assert_eq!(of(&[(100, 1_000), (100, 1_010), (100, 9_000)]), Ok(1_005));
        assert_eq!(of(&[(89, 1), (100, 1_010), (95, 1_020)]), Ok(1_015));
    }

    #[test]
    fn too_few_sources_give_no_index() {
        assert_eq!(of(&[(100, 1_000), (10, 1_000)]), Err(Reason::StaleIndex));
        assert_eq!(of(&[]), Err(Reason::StaleIndex));
        let mut sources = IndexSources::new(1);
        assert!(!sources.push(0, Ts::ZERO, Amount::ZERO) && !sources.push(1, Ts::ZERO, Amount::new(1)));
    }
}
