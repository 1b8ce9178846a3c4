//! Market-maker protection of one group: sums of its fills, and the freeze that a sum brings about.

use tiderace_types::{AccountId, Amount, Rounding, Ts, num::div_round};

use super::limits::MmpLimits;
use super::windows::{Sums, TERM_MAX};

/// 10^12: greeks and contracts are in 10^-12.
const UNIT: i128 = 1_000_000_000_000;

/// A group that reached a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub group: u16,
    /// Until when it is frozen; at that time it no longer is.
    pub ts_until: Ts,
}

/// Greeks of one contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Greeks {
    pub(super) delta: Amount,
    pub(super) vega: Amount,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) limits: MmpLimits,
    /// Contracts of both sides, signed delta, signed vega, fills.
    pub(super) fills: Sums<4>,
    /// A limit was reached by the fill at this time, and the sweep goes on.
    pub(super) ts_reached: Option<Ts>,
    pub(super) ts_until: Option<Ts>,
}

impl Group {
    pub(super) fn new(limits: MmpLimits) -> Self {
        Self { limits, fills: Sums::new(limits.interval_ns), ts_reached: None, ts_until: None }
    }

    /// Counts a fill of `contracts` (10^-12), below zero sold. Gives whether it is the first of its sweep to reach a limit.
    pub(super) fn fill(&mut self, ts: Ts, contracts: i128, greeks: Greeks) -> bool {
        let terms = [contracts.saturating_abs(), times(contracts, greeks.delta), times(contracts, greeks.vega), 1];
        let sums = self.fills.push(ts, terms);
        let limits = &self.limits;
        let trades = limits.trades.map(|trades| Amount::new(trades.into()));
        let reached = |limit: Option<Amount>, sum: i128| limit.is_some_and(|limit| sum.saturating_abs() >= limit.get());
        let is_reached = [limits.qty, limits.delta, limits.vega, trades]
            .into_iter()
            .zip(sums)
            .any(|(limit, sum)| reached(limit, sum));
        let is_first = is_reached && self.ts_reached.is_none();
        if is_first {
            self.ts_reached = Some(ts);
        }
        is_first
    }

    /// Freezes where a limit was reached; gives until when. The sums start again at zero.
    pub(super) fn freeze(&mut self) -> Option<Ts> {
        let ts = self.ts_reached.take()?;
        let ts_until = ts.plus_ns(self.limits.freeze_ns);
        self.ts_until = Some(ts_until);
        self.fills.clear();
        Some(ts_until)
    }

    /// Unfreezes. The sums start again at zero.
    pub(super) fn reset(&mut self) {
        (self.ts_reached, self.ts_until) = (None, None);
        self.fills.clear();
    }

    /// Until when it is frozen, if it is at `ts`.
    pub(super) fn frozen(&self, ts: Ts) -> Option<Ts> {
        self.ts_until.filter(|until| ts < *until)
    }
}

/// `contracts` of a greek, away from zero where 10^-12 is too coarse: protection errs to the safe side.
fn times(contracts: i128, greek: Amount) -> i128 {
    let greek = greek.get();
    let is_negative = (contracts < 0) != (greek < 0);
    let size = contracts.saturating_abs().checked_mul(greek.saturating_abs());
    let size = size.and_then(|size| div_round(size, UNIT, Rounding::Ceil)).unwrap_or(TERM_MAX).min(TERM_MAX);
    if is_negative { size.saturating_neg() } else { size }
}
