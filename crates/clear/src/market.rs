//! What clearing knows of an instrument's prices, and the sums over time that funding and expiry are made of.

use tiderace_types::num::div_round;
use tiderace_types::{DecodeError, Field, Fraction, Price, Rounding, Ts};

use crate::bytes::{put_option, take_option};
use crate::config::{ContractTerms, Funding, FundingKind, HOUR_NS};
use crate::contract::Contract;
use crate::wide::mul_div;

/// Never.
pub(crate) const NEVER: Ts = Ts::MAX;
/// One, in 10^-18.
pub(crate) const ONE_E18: i128 = 1_000_000_000_000_000_000;
/// 10^-18 in a [`Fraction`].
const PER_FRACTION: i128 = 1_000_000_000;

/// The index of a base asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    /// In steps of 10^-12 of the quote asset.
    pub(crate) price: Option<i128>,
}

/// Prices of an instrument and their sums over time.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) mark: Option<Price>,
    /// Its last trade: the mark where there is no other.
    pub(crate) last: Option<Price>,
    pub(crate) funding: Option<Funding>,
    /// How far the mark may stand from the index.
    pub(crate) basis_max: Option<Fraction>,
    /// Up to when the sums go.
    since: Ts,
    /// Premium x time since the last payment, in 10^-18 x nanoseconds, and the time that it was known for.
    premium: i128,
    premium_ns: i128,
    /// Of the continuous kind: what a long lot has paid since the start, in raw values of 10^-18.
    pub(crate) paid: i128,
    pub(crate) next_funding: Ts,
    pub(crate) maturity: Ts,
    window_start: Ts,
    /// Index x time within the window, and the time that it was known for.
    average: i128,
    average_ns: i128,
    /// Given by the operator, in ticks.
    pub(crate) settlement: Option<Price>,
    pub(crate) is_settled: bool,
    /// Whether the lack of a settlement price was said.
    pub(crate) is_missing: bool,
}

/// The next multiple of an interval.
pub(crate) fn next_multiple(after: Ts, interval_ns: i64) -> Ts {
    let past = after.get().div_euclid(interval_ns.max(1));
    Ts::new(past.saturating_add(1).saturating_mul(interval_ns.max(1)))
}

impl Market {
    pub(crate) fn new(terms: &ContractTerms, start: Ts) -> Self {
        let maturity = terms.instrument.maturity_ns.map_or(NEVER, Ts::new);
        let interval = terms.funding.map(|funding| match funding.kind {
            FundingKind::Periodic => funding.interval_ns,
            FundingKind::Continuous => HOUR_NS,
        });
        Self {
            mark: None,
            last: None,
            funding: terms.funding,
            basis_max: terms.basis_max,
            since: start,
            premium: 0,
            premium_ns: 0,
            paid: 0,
            next_funding: interval.map_or(NEVER, |interval| next_multiple(start, interval)),
            maturity,
            window_start: if maturity == NEVER { NEVER } else { maturity.plus_ns(terms.window_ns.saturating_neg()) },
            average: 0,
            average_ns: 0,
            settlement: None,
            is_settled: false,
            is_missing: false,
        }
    }

    /// When something is due.
    pub(crate) fn due(&self) -> Ts {
        let maturity =
            if self.is_settled || (self.is_missing && self.settlement.is_none()) { NEVER } else { self.maturity };
        self.next_funding.min(maturity)
    }

    /// Carries the sums on to `ts`, at the prices that held until then.
    pub(crate) fn accrue(&mut self, ts: Ts, contract: &Contract, mark: Option<Price>, index: Option<i128>) {
        let elapsed = i128::from(ts.ns_since(self.since).max(0));
        let Some(index) = index.filter(|_| elapsed > 0) else {
            self.since = self.since.max(ts);
            return;
        };
        if let (Some(funding), Some(mark)) = (self.funding, mark) {
            let mark_steps = i128::from(mark.get()).saturating_mul(contract.tick());
            let premium = mul_div(mark_steps.saturating_sub(index), ONE_E18, index, Rounding::Floor);
            match funding.kind {
                FundingKind::Periodic => {
                    self.premium = self.premium.saturating_add(premium.saturating_mul(elapsed));
                    self.premium_ns = self.premium_ns.saturating_add(elapsed);
                }
                FundingKind::Continuous => {
                    let per_lot = contract.cost_at(1, mark).saturating_abs();
                    let rate = funding.rate(premium).saturating_mul(elapsed);
                    let paid = mul_div(per_lot, rate, funding.interval_ns.into(), Rounding::Floor);
                    self.paid = self.paid.saturating_add(paid);
                }
            }
        }
        let (from, to) = (self.since.max(self.window_start), ts.min(self.maturity));
        if self.maturity != NEVER && to > from {
            let within = i128::from(to.ns_since(from));
            self.average = self.average.saturating_add(index.saturating_mul(within));
            self.average_ns = self.average_ns.saturating_add(within);
        }
        self.since = self.since.max(ts);
    }

    /// The rate of the period that ends, in 10^-18; the next period starts.
    pub(crate) fn take_rate(&mut self) -> Option<i128> {
        let funding = self.funding?;
        let (premium, known) = (core::mem::take(&mut self.premium), core::mem::take(&mut self.premium_ns));
        let premium = premium.checked_div(known)?;
        Some(funding.rate(premium))
    }

    /// Mean of the index over the window so far, in steps of 10^-12.
    pub(crate) fn average(&self) -> Option<i128> {
        div_round(self.average, self.average_ns, Rounding::Floor)
    }

    /// Part of the window that is over, in 10^-18: what no longer moves with the index.
    pub(crate) fn part_set(&self) -> i128 {
        let window = i128::from(self.maturity.ns_since(self.window_start)).max(1);
        if self.maturity == NEVER { 0 } else { mul_div(self.average_ns, ONE_E18, window, Rounding::Floor) }
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_option(self.mark, out);
        put_option(self.last, out);
        self.since.put(out);
        for sum in [self.premium, self.premium_ns, self.paid, self.average, self.average_ns] {
            sum.put(out);
        }
        self.next_funding.put(out);
        put_option(self.settlement, out);
        self.is_settled.put(out);
        self.is_missing.put(out);
    }

    pub(crate) fn restore(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        self.mark = take_option(bytes)?;
        self.last = take_option(bytes)?;
        self.since = Field::take(bytes)?;
        for sum in [&mut self.premium, &mut self.premium_ns, &mut self.paid, &mut self.average, &mut self.average_ns] {
            *sum = Field::take(bytes)?;
        }
        self.next_funding = Field::take(bytes)?;
        self.settlement = take_option(bytes)?;
        self.is_settled = Field::take(bytes)?;
        self.is_missing = Field::take(bytes)?;
        Ok(())
    }
}

fn e18(fraction: Fraction) -> i128 {
    i128::from(fraction.get()).saturating_mul(PER_FRACTION)
}

impl Funding {
    /// The rate of a full interval at a premium, both in 10^-18.
    pub(crate) fn rate(&self, premium: i128) -> i128 {
        let (clamp, cap) = (e18(self.clamp).max(0), e18(self.cap).max(0));
        let rate = match self.kind {
            FundingKind::Periodic => {
                let pull = e18(self.interest).saturating_sub(premium).clamp(clamp.saturating_neg(), clamp);
                premium.saturating_add(pull)
            }
            FundingKind::Continuous => premium.max(clamp).saturating_add(premium.min(clamp.saturating_neg())),
        };
        rate.clamp(cap.saturating_neg(), cap)
    }
}

/// The mark of a perpetual: its index plus the basis at which it trades, no further from the index than `basis_max`.
/// `fair` is what the venue or the operator takes for its fair price (a mid, an average).
#[must_use]
pub fn basis_mark(contract: &Contract, fair: Price, index: i128, basis_max: Fraction) -> Price {
    let room = mul_div(index.max(0), i128::from(basis_max.get().max(0)), PER_FRACTION, Rounding::Floor);
    let ticks = |steps: i128, rounding| {
        let ticks = div_round(steps, contract.tick(), rounding).unwrap_or(0);
        Price::new(i64::try_from(ticks).unwrap_or(i64::MAX))
    };
    let low = ticks(index.saturating_sub(room), Rounding::Ceil);
    let high = ticks(index.saturating_add(room), Rounding::Floor);
    contract.bounded(fair.max(low).min(high))
}
