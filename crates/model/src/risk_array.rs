//! Risk arrays: what one lot of a product is worth in every scenario of portfolio margin, as whole numbers.
//!
//! Owns the step from floats to the integers that decide margin. Only basic IEEE operations and the pinned `libm` of
//! [`crate::normal`], no fused multiply-add, one fixed order: every build gives the same integers, and golden digests
//! say so. All entries are in 10^-12 of the settlement asset a lot, rounded half to even by [`to_entry`] (an array serves
//! longs and shorts alike, so no direction is safe for both; what is off is half of 10^-12); factors that multiply sums
//! are rounded against whoever holds them, by [`scale_down`] and [`scale_up`]. Nothing that is not finite leaves: there
//! is a [`Reason`] instead.
//!
//! A row holds the scenarios, then the unshocked value, then the rise and the fall of the forward contingency. An
//! option's entries are values, a delta-one product's are profit and loss against its mark.

use tiderace_types::{PutOrCall, Rate, Reason};

use crate::{black, normal};

/// Entries of a row beyond the scenarios.
pub const EXTRA: usize = 3;
/// Units of an entry in one settlement asset.
const ENTRY_ONE: f64 = 1e12;
/// No entry is larger: 2^60.
const ENTRY_MAX: f64 = 1_152_921_504_606_846_976.0;
/// Units of a scale: 2^40.
const SCALE_ONE: f64 = 1_099_511_627_776.0;
/// No scale is 64 or more.
const SCALE_MAX: f64 = 64.0 * SCALE_ONE;
/// Days of a year.
const DAYS: f64 = 365.0;

/// What happens to vols in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolMove {
    /// Nothing.
    None,
    /// Up by term.
    Up,
    /// Down by term.
    Down,
    /// One wing up, the other down.
    Linear,
    /// Both wings up.
    Abs,
}

/// One scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shock {
    /// Factor of spot and forward, above zero.
    pub spot: f64,
    /// What happens to vols.
    pub vol: VolMove,
}

/// Vol up and down: vol x (1 +- range x (`reference_days` / max(days, `days_floor`))^power).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VolShock {
    /// Range up.
    pub up: f64,
    /// Range down.
    pub down: f64,
    /// Power up to `reference_days`.
    pub short_term_power: f64,
    /// Power beyond.
    pub long_term_power: f64,
    /// Fewest days that count, above zero.
    pub days_floor: f64,
    /// Days at which the range counts as it is.
    pub reference_days: f64,
    /// A vol that went up is at least this.
    pub min_vol_up: f64,
}

/// Skew rows: vol x (1 + clip(k cap / width, -cap, cap)), cap = slope sqrt(t) + cap, width = max(`min_width`, sqrt(t)
/// `width_scale` (`vol_static` + `vol_slope` sqrt(t))), k = ln(K / F) or its size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Skew {
    /// Cap of the linear row at no time left.
    pub linear_cap: f64,
    /// What it grows by with the root of time.
    pub linear_slope: f64,
    /// Cap of the row of both wings at no time left.
    pub abs_cap: f64,
    /// What it grows by with the root of time.
    pub abs_slope: f64,
    /// Least width.
    pub min_width: f64,
    /// Deviations after which the cap is reached.
    pub width_scale: f64,
    /// Vol that the width is taken from.
    pub vol_static: f64,
    /// What it grows by with the root of time.
    pub vol_slope: f64,
}

/// What an expiry's shocked value counts for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discount {
    /// Factor of a positive value.
    pub long_static: f64,
    /// What its rate is multiplied by.
    pub long_rate_mult: f64,
    /// What is added to its rate.
    pub long_rate_add: f64,
    /// Factor of a negative value.
    pub short_static: f64,
    /// What its rate is multiplied by.
    pub short_rate_mult: f64,
    /// What is added to its rate.
    pub short_rate_add: f64,
}

/// Moves at unshocked vol and the share of the worse one, (`add` + `mult` t).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForwardMove {
    /// Factor of the rise.
    pub up: f64,
    /// Factor of the fall.
    pub down: f64,
    /// Share at no time left.
    pub add: f64,
    /// What it grows by a year.
    pub mult: f64,
}

/// All that a set of parameters says about prices.
#[derive(Clone, Debug, PartialEq)]
pub struct Shocks {
    /// The scenarios.
    pub scenarios: Vec<Shock>,
    /// Vol up and down.
    pub vol: VolShock,
    /// Skew rows.
    pub skew: Option<Skew>,
    /// Discounts of whole expiries; where there is none a value counts as it is, not even 1 / discount bounds it.
    pub discount: Option<Discount>,
    /// Forward contingency.
    pub forward: Option<ForwardMove>,
}

/// One maturity of one underlying.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Market {
    /// Forward price.
    pub forward: f64,
    /// Value today of one unit paid then.
    pub discount: f64,
    /// Continuous rate a year; below zero counts as zero.
    pub rate: f64,
    /// Years of 365 days.
    pub t: f64,
}

/// An option or a binary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionTerms {
    /// Strike.
    pub strike: f64,
    /// Put or call.
    pub put_or_call: PutOrCall,
    /// Its vol, 1.00 = 100 % a year.
    pub vol: f64,
    /// Base (binary: money) a lot.
    pub unit: f64,
    /// How it pays.
    pub payoff: Payoff,
}

/// How an option pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payoff {
    /// The difference, in the quote asset.
    Linear,
    /// The difference divided by the price, in the coin.
    Coin,
    /// One, in the quote asset, when strictly beyond the strike.
    Binary,
}

/// A perpetual or a future.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeltaOne {
    /// Its mark, above zero for an inverse one.
    pub mark: f64,
    /// Base (inverse: quote) a lot.
    pub unit: f64,
    /// Pays in the coin.
    pub is_inverse: bool,
}

/// A decimal of 10^-18 as the nearest double.
#[must_use]
pub fn from_rate(rate: Rate) -> f64 {
    #[expect(clippy::as_conversions, reason = "rounds to nearest, on every machine alike")]
    let whole = rate.get() as f64;
    whole / 1e18
}

/// An amount of the settlement asset in 10^-12, rounded half to even.
///
/// # Errors
/// `NotANumber`, where it is not finite or beyond 2^60.
pub fn to_entry(value: f64) -> Result<i64, Reason> {
    whole((value * ENTRY_ONE).round_ties_even(), ENTRY_MAX)
}

/// An amount of the settlement asset in 10^-12, rounded up.
///
/// # Errors
/// As [`to_entry`].
pub fn to_entry_up(value: f64) -> Result<i64, Reason> {
    whole((value * ENTRY_ONE).ceil(), ENTRY_MAX)
}

/// A factor in 2^-40, rounded down: of what is to a holder's credit.
///
/// # Errors
/// `NotANumber`, where it is not finite, or not within 0 and 64.
pub fn scale_down(value: f64) -> Result<i64, Reason> {
    let scaled = (value * SCALE_ONE).floor();
    if scaled < 0.0 { Err(Reason::NotANumber) } else { whole(scaled, SCALE_MAX) }
}

/// A factor in 2^-40, rounded up: of what is to a holder's debit.
///
/// # Errors
/// As [`scale_down`].
pub fn scale_up(value: f64) -> Result<i64, Reason> {
    let scaled = (value * SCALE_ONE).ceil();
    if scaled < 0.0 { Err(Reason::NotANumber) } else { whole(scaled, SCALE_MAX) }
}

pub(crate) fn whole(value: f64, largest: f64) -> Result<i64, Reason> {
    if value.abs() < largest {
        #[expect(clippy::as_conversions, reason = "a whole number within 2^60, checked above")]
        return Ok(value as i64);
    }
    Err(Reason::NotANumber)
}

/// The shocks of one maturity, ready for its options.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpiryShocks {
    market: Market,
    root_t: f64,
    columns: Vec<Column>,
    up: f64,
    down: f64,
    min_vol_up: f64,
    /// Cap and width of the two skew rows.
    skew: Option<[Twist; 2]>,
    /// What a positive shocked value counts for, in 2^-40, rounded down.
    pub long: i64,
    /// What a negative one counts for, in 2^-40, rounded up.
    pub short: i64,
    /// Share of the forward contingency, in 2^-40, rounded up; zero where there is none.
    pub share: i64,
}

/// A scenario's forward.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Column {
    forward: f64,
    /// ln(forward / unshocked forward).
    log: f64,
    vol: VolMove,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Twist {
    cap: f64,
    width: f64,
}

impl Shocks {
    fn columns(&self, forward: f64) -> Vec<Column> {
        let (up, down) = self.forward.map_or((1.0, 1.0), |forward| (forward.up, forward.down));
        let extra = [1.0, up, down].map(|spot| Shock { spot, vol: VolMove::None });
        let column =
            |shock: &Shock| Column { forward: forward * shock.spot, log: normal::ln(shock.spot), vol: shock.vol };
        self.scenarios.iter().chain(&extra).map(column).collect()
    }

    /// Entries of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.scenarios.len().saturating_add(EXTRA)
    }

    /// The row of a perpetual or a future: profit and loss against its mark when prices move in proportion.
    ///
    /// # Errors
    /// `BadForward` for an inverse mark that is not above zero, `NotANumber` where an entry leaves its range.
    pub fn delta_one(&self, product: &DeltaOne, out: &mut Vec<i64>) -> Result<(), Reason> {
        if product.is_inverse && product.mark <= 0.0 {
            return Err(Reason::BadForward);
        }
        let entry = |column: Column| {
            let moved = product.mark * column.forward;
            to_entry(if product.is_inverse {
                product.unit / product.mark - product.unit / moved
            } else {
                product.unit * (moved - product.mark)
            })
        };
        whole_row(self.columns(1.0).into_iter().map(entry), out)
    }
}

impl ExpiryShocks {
    /// The shocks of a maturity.
    ///
    /// # Errors
    /// `NotANumber`, `BadForward`, `BadTime`, `BadDiscount`, as in [`crate::black::Black76::check`]; `NotANumber` also
    /// where a discount or a share leaves its range.
    pub fn new(shocks: &Shocks, market: &Market) -> Result<Self, Reason> {
        let Market { forward, discount, rate, t } = *market;
        if [forward, discount, rate, t].iter().any(|value| !value.is_finite()) {
            return Err(Reason::NotANumber);
        }
        let rules =
            [(forward > 0.0, Reason::BadForward), (t >= 0.0, Reason::BadTime), (discount > 0.0, Reason::BadDiscount)];
        if let Some((_, reason)) = rules.into_iter().find(|(holds, _)| !holds) {
            return Err(reason);
        }
        let root_t = t.sqrt();
        let term = shocks.vol.term(t);
        let (long, short) = shocks.discount.map_or((1.0, 1.0), |discount| discount.of(market));
        Ok(Self {
            market: *market,
            root_t,
            columns: shocks.columns(forward),
            up: 1.0 + shocks.vol.up * term,
            down: (1.0 - shocks.vol.down * term).max(0.0),
            min_vol_up: shocks.vol.min_vol_up,
            skew: shocks.skew.map(|skew| skew.twists(root_t)),
            long: scale_down(long)?,
            short: scale_up(short)?,
            share: shocks.forward.map_or(Ok(0), |forward| scale_up(forward.add + forward.mult * t))?,
        })
    }

    /// The row of an option.
    ///
    /// # Errors
    /// `NotANumber`, `BadStrike`, `BadVol` for its terms; `NotANumber` where an entry leaves its range.
    pub fn option(&self, terms: &OptionTerms, out: &mut Vec<i64>) -> Result<(), Reason> {
        let OptionTerms { strike, vol, unit, .. } = *terms;
        if [strike, vol, unit].iter().any(|value| !value.is_finite()) {
            return Err(Reason::NotANumber);
        }
        if strike <= 0.0 {
            return Err(Reason::BadStrike);
        }
        if vol < 0.0 {
            return Err(Reason::BadVol);
        }
        let k = normal::ln_ratio(strike, self.market.forward);
        let [linear, abs] = match &self.skew {
            Some([linear, abs]) => [linear.of(k), abs.of(k.abs())],
            None => [1.0, 1.0],
        };
        let up = (vol * self.up).max(self.min_vol_up);
        let (down, linear, abs) = (vol * self.down, (vol * linear).max(0.0), (vol * abs).max(0.0));
        let entry = |column: &Column| {
            let vol = match column.vol {
                VolMove::None => vol,
                VolMove::Up => up,
                VolMove::Down => down,
                VolMove::Linear => linear,
                VolMove::Abs => abs,
            };
            let price = price(terms, column.forward, column.log - k, vol * self.root_t);
            let price = match terms.payoff {
                Payoff::Linear | Payoff::Binary => price,
                Payoff::Coin => price / column.forward,
            };
            to_entry(unit * self.market.discount * price)
        };
        whole_row(self.columns.iter().map(entry), out)
    }
}

/// Appends a row, or nothing where an entry has none.
fn whole_row(entries: impl Iterator<Item = Result<i64, Reason>>, out: &mut Vec<i64>) -> Result<(), Reason> {
    let start = out.len();
    for entry in entries {
        match entry {
            Ok(entry) => out.push(entry),
            Err(reason) => {
                out.truncate(start);
                return Err(reason);
            }
        }
    }
    Ok(())
}

/// The undiscounted price at `s` deviations to expiry, where x = ln(forward / strike).
fn price(terms: &OptionTerms, forward: f64, x: f64, s: f64) -> f64 {
    let sign = black::sign_of(terms.put_or_call);
    let strike = terms.strike;
    let is_binary = terms.payoff == Payoff::Binary;
    let inside = sign * (forward - strike);
    if s <= 0.0 {
        return if !is_binary {
            inside.max(0.0)
        } else if inside > 0.0 {
            1.0
        } else {
            0.0
        };
    }
    let (d1, d2) = (x / s + 0.5 * s, x / s - 0.5 * s);
    if is_binary {
        return normal::cdf(sign * d2);
    }
    inside.max(0.0) + black::time_value(forward, strike, sign, d1, d2)
}

impl VolShock {
    /// (`reference_days` / max(days, `days_floor`))^power.
    fn term(&self, t: f64) -> f64 {
        let days = t * DAYS;
        let power = if days <= self.reference_days { self.short_term_power } else { self.long_term_power };
        let ratio = self.reference_days / days.max(self.days_floor);
        normal::exp(power * normal::ln(ratio))
    }
}

impl Skew {
    fn twists(&self, root_t: f64) -> [Twist; 2] {
        let width = root_t * self.width_scale * (self.vol_static + self.vol_slope * root_t);
        let width = width.max(self.min_width);
        let twist = |cap: f64, slope: f64| Twist { cap: slope * root_t + cap, width };
        [twist(self.linear_cap, self.linear_slope), twist(self.abs_cap, self.abs_slope)]
    }
}

impl Twist {
    /// What vol is multiplied by at log-moneyness `k`.
    fn of(&self, k: f64) -> f64 {
        let bend = k * self.cap / self.width;
        // Long dates may turn the cap's sign: the bend is bounded by it on its own side, as published.
        let bend = if k >= 0.0 { bend.min(self.cap) } else { bend.max(-self.cap) };
        1.0 + if bend.is_nan() { 0.0 } else { bend }
    }
}

impl Discount {
    fn of(&self, market: &Market) -> (f64, f64) {
        let (rate, t) = (market.rate.max(0.0), market.t);
        let long = self.long_static * normal::exp(-t * (rate * self.long_rate_mult + self.long_rate_add));
        let short = self.short_static * normal::exp(t * (rate * self.short_rate_mult + self.short_rate_add));
        (long, short.min(1.0 / market.discount))
    }
}
