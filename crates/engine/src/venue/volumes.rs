//! What accounts traded in the last 30 days, for fee tiers.
//!
//! A sum for each account and quote asset that a table of tiers counts in: amounts of one asset add up, amounts of two
//! would need a rate. Days are UTC; today is the last of the 30. An account that meets itself adds nothing.

use std::collections::VecDeque;

use tiderace_types::{AccountId, AssetId, DecodeError, Field, Ts};

use super::config::VenueConfig;
use super::orders::account_index;
use super::snapshot::{bad, put_len, take_list};

const DAY_NS: i64 = 86_400_000_000_000;
/// Days that count, today among them.
const WINDOW_DAYS: i64 = 30;

/// The sums.
#[derive(Debug)]
pub(super) struct Volumes {
    /// Place of an asset among those that tiers count in.
    places: Vec<Option<usize>>,
    counted: usize,
    rows: Vec<Rolling>,
}

/// One account's days with trades, oldest first, and their sum.
#[derive(Clone, Debug, Default)]
struct Rolling {
    days: VecDeque<(i64, i128)>,
    sum: i128,
}

impl Volumes {
    /// Nothing traded yet. None where the tables would be too large.
    pub(super) fn new(config: &VenueConfig) -> Option<Self> {
        let mut places = vec![None; config.assets.len()];
        let mut counted = 0usize;
        for listing in config.instruments.iter().filter(|listing| !listing.fee_tiers.is_empty()) {
            let place = places.get_mut(listing.instrument.quote.index())?;
            if place.is_none() {
                *place = Some(counted);
                counted = counted.checked_add(1)?;
            }
        }
        let rows = vec![Rolling::default(); config.accounts.len().checked_mul(counted)?];
        Some(Self { places, counted, rows })
    }

    /// Whether no tier asks.
    pub(super) const fn is_empty(&self) -> bool {
        self.counted == 0
    }

    fn at(&self, account: AccountId, quote: AssetId) -> Option<usize> {
        let place = self.places.get(quote.index()).copied().flatten()?;
        account_index(account).checked_mul(self.counted)?.checked_add(place)
    }

    /// What an account traded in the days that count at `ts`, in base units of `quote`; zero where no tier asks.
    pub(super) fn of(&self, ts: Ts, account: AccountId, quote: AssetId) -> i128 {
        let Some(row) = self.at(account, quote).and_then(|at| self.rows.get(at)) else { return 0 };
        let first = first_day(ts);
        let gone = row.days.iter().take_while(|(day, _)| *day < first);
        gone.fold(row.sum, |sum, (_, amount)| sum.saturating_sub(*amount))
    }

    /// Counts a trade at its time, or with an amount below zero takes one of then back.
    pub(super) fn add(&mut self, now: Ts, ts: Ts, account: AccountId, quote: AssetId, amount: i128) {
        let Some(row) = self.at(account, quote).and_then(|at| self.rows.get_mut(at)) else { return };
        let (first, day) = (first_day(now), day_of(ts));
        while let Some((_, gone)) = row.days.pop_front_if(|(day, _)| *day < first) {
            row.sum = row.sum.saturating_sub(gone);
        }
        if day < first {
            return;
        }
        row.sum = row.sum.saturating_add(amount);
        let at = row.days.partition_point(|(of, _)| *of < day);
        match row.days.get_mut(at).filter(|(of, _)| *of == day) {
            Some((_, of_day)) => *of_day = of_day.saturating_add(amount),
            None => row.days.insert(at, (day, amount)),
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_len(self.rows.len(), out);
        for row in &self.rows {
            put_len(row.days.len(), out);
            for (day, amount) in &row.days {
                day.put(out);
                amount.put(out);
            }
        }
    }

    pub(super) fn restore(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        super::snapshot::take_into(&mut self.rows, bytes, |bytes| {
            let days: VecDeque<_> = take_list(bytes, |bytes| Ok((i64::take(bytes)?, i128::take(bytes)?)))?.into();
            if !days.iter().is_sorted_by(|(before, _), (after, _)| before < after) {
                return Err(bad("days of a volume"));
            }
            let sum = days.iter().fold(0i128, |sum, (_, amount)| sum.saturating_add(*amount));
            Ok(Rolling { days, sum })
        })
    }
}

const fn day_of(ts: Ts) -> i64 {
    ts.get().div_euclid(DAY_NS)
}

const fn first_day(now: Ts) -> i64 {
    day_of(now).saturating_sub(WINDOW_DAYS - 1)
}
