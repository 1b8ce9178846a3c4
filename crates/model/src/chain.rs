//! A chain: the quotes of one underlying at one time, each checked before anything is fitted to it.
//!
//! Owns what a quote is in `model`, and the one reason why it is not used. A quote is refused alone: the rest of the
//! chain stands. Missing numbers are NaN, as columns carry them.

use tiderace_types::Reason;

/// What is quoted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QuoteKind {
    /// A European option.
    Option {
        /// Strike, in the quote currency of the forward.
        strike: f64,
        /// A call, or a put.
        call: bool,
    },
    /// The dated future of the same expiry.
    Future,
}

/// How a contract settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// In the quote currency.
    Linear,
    /// In the coin: an option's price is per coin of notional, its payoff over the settlement price.
    Inverse,
}

/// One quote.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    /// Option or future.
    pub kind: QuoteKind,
    /// The expiry's key: equal for equal expiries, later for later ones (UTC nanoseconds, say).
    pub expiry: i64,
    /// Years of 365 days to expiry.
    pub t: f64,
    /// Best bid, NaN where there is none.
    pub bid: f64,
    /// Best ask, NaN where there is none.
    pub ask: f64,
    /// Contracts at the bid, NaN where unknown.
    pub bid_qty: f64,
    /// Contracts at the ask, NaN where unknown.
    pub ask_qty: f64,
    /// Settlement.
    pub style: Style,
    /// Value now of one paid at expiry, in the settlement asset.
    pub discount: f64,
    /// The forward that the venue quoted beside it, NaN where it gave none.
    pub forward: f64,
    /// The vol that the venue quoted beside it, decimal, NaN where it gave none.
    pub mark_vol: f64,
    /// When it was quoted, UTC nanoseconds.
    pub ts_ns: i64,
}

/// A vol of the file this many times the vol of the price (or its inverse) is in another unit.
const VOL_UNIT_RATIO: f64 = 20.0;

impl Quote {
    /// Why the quote is not used; [`Reason::None`] where it is. Quotes before `ts_ns_min` are stale.
    ///
    /// Checked in this order: numbers, time, discount, forward, strike, missing sides, crossed, stale, sizes. Where the
    /// forward is known, a fit goes on: the bounds of the price, the unit of the vol.
    #[must_use]
    pub fn reason(&self, ts_ns_min: i64) -> Reason {
        let strike = match self.kind {
            QuoteKind::Option { strike, .. } => strike,
            QuoteKind::Future => 1.0,
        };
        if !(self.t.is_finite() && self.discount.is_finite() && strike.is_finite())
            || [self.bid, self.ask, self.forward].iter().any(|x| x.is_infinite())
        {
            return Reason::NotANumber;
        }
        let is_missing = |price: f64| price.is_nan() || price <= 0.0;
        let is_no_size = |qty: f64| qty < 0.0 || qty.is_infinite();
        match () {
            () if self.t <= 0.0 => Reason::ExpiredQuote,
            () if self.discount <= 0.0 => Reason::BadDiscount,
            () if self.forward <= 0.0 => Reason::BadForward,
            () if strike <= 0.0 => Reason::BadStrike,
            () if is_missing(self.bid) || is_missing(self.ask) => Reason::MissingQuote,
            () if self.bid > self.ask => Reason::CrossedQuote,
            () if self.ts_ns < ts_ns_min => Reason::StaleQuote,
            () if is_no_size(self.bid_qty) || is_no_size(self.ask_qty) => Reason::BadQuantity,
            () => Reason::None,
        }
    }

    /// Middle of the quote.
    #[must_use]
    pub fn mid(&self) -> f64 {
        0.5 * (self.bid + self.ask)
    }

    /// Half the spread.
    #[must_use]
    pub fn half_spread(&self) -> f64 {
        0.5 * (self.ask - self.bid)
    }

    /// What one unit of the price is worth in undiscounted forwards.
    pub(crate) fn forward_unit(&self, forward: f64) -> f64 {
        match self.style {
            Style::Linear => 1.0 / (self.discount * forward),
            Style::Inverse => 1.0 / self.discount,
        }
    }

    /// Whether the vol given beside the price is in another unit than `vol`, the decimal one of the price.
    pub(crate) fn is_vol_mis_unit(&self, vol: f64) -> bool {
        self.mark_vol > VOL_UNIT_RATIO * vol || (self.mark_vol > 0.0 && self.mark_vol * VOL_UNIT_RATIO < vol)
    }
}

/// Years to expiry in weighted time: each day counts by its weight, and a whole week counts seven days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DayWeights {
    /// Weight of a day from Monday to Friday (UTC).
    pub weekday: f64,
    /// Weight of a Saturday or Sunday.
    pub weekend: f64,
}

const DAY_NS: i64 = 86_400_000_000_000;

impl DayWeights {
    /// Calendar days: every day counts the same.
    pub const CALENDAR: Self = Self { weekday: 1.0, weekend: 1.0 };

    /// Weighted years between two times, 0 where the second is not later.
    ///
    /// # Errors
    /// [`Reason::BadTime`] where a weight is below zero, or a week weighs nothing.
    pub fn years(&self, from_ns: i64, to_ns: i64) -> Result<f64, Reason> {
        let week = 5.0 * self.weekday + 2.0 * self.weekend;
        let is_bad = |x: f64| !(x >= 0.0 && x.is_finite());
        if is_bad(self.weekday) || is_bad(self.weekend) || !(week > 0.0 && week.is_finite()) {
            return Err(Reason::BadTime);
        }
        if to_ns <= from_ns {
            return Ok(0.0);
        }
        Ok((self.days_to(to_ns) - self.days_to(from_ns)) * 7.0 / week / 365.0)
    }

    /// Weighted days since Monday 29 December 1969.
    fn days_to(&self, ts_ns: i64) -> f64 {
        let days = ts_ns.div_euclid(DAY_NS) + 3;
        let part = nanos(ts_ns.rem_euclid(DAY_NS)) / nanos(DAY_NS);
        let (weeks, day) = (nanos(days.div_euclid(7)), nanos(days.rem_euclid(7)) + part);
        weeks * (5.0 * self.weekday + 2.0 * self.weekend)
            + day.min(5.0) * self.weekday
            + (day - 5.0).max(0.0) * self.weekend
    }
}

#[expect(clippy::as_conversions, reason = "at most a day of nanoseconds, or days: exact in a double")]
fn nanos(count: i64) -> f64 {
    count as f64
}
