//! The forward curve: each expiry's forward from its future and from put-call parity.
//!
//! Every future, and every strike with a usable put and call, is an interval in which the forward lies; the estimate
//! is their mean, weighted by the inverse square of the width, with outliers pulled in by a Cauchy weight.

use tiderace_types::Reason;

use crate::chain::{Quote, QuoteKind, Style};

/// One expiry's forward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForwardPoint {
    /// The expiry's key.
    pub expiry: i64,
    /// Years to it.
    pub t: f64,
    /// The estimate from everything.
    pub forward: f64,
    /// Its standard error, were the half spreads independent deviations.
    pub error: f64,
    /// Middle of the future, NaN without one.
    pub from_future: f64,
    /// The estimate from put-call parity alone, NaN without a pair.
    pub from_parity: f64,
    /// Strikes with both a put and a call.
    pub pairs: u32,
}

/// An estimate of the forward and the half width of its interval.
#[derive(Clone, Copy, Debug)]
struct Interval {
    mid: f64,
    half: f64,
}

/// The forward of every expiry that has one, by expiry. Quotes before `ts_ns_min` are stale and left out, as is every
/// other quote that has a reason.
#[must_use]
pub fn curve(quotes: &[Quote], ts_ns_min: i64) -> Vec<ForwardPoint> {
    let mut usable: Vec<&Quote> = quotes.iter().filter(|quote| quote.reason(ts_ns_min) == Reason::None).collect();
    usable.sort_by(|x, y| x.expiry.cmp(&y.expiry).then_with(|| x.strike_order().total_cmp(&y.strike_order())));
    usable.chunk_by(|x, y| x.expiry == y.expiry).filter_map(expiry_forward).collect()
}

impl Quote {
    /// Options by strike, futures first.
    fn strike_order(&self) -> f64 {
        match self.kind {
            QuoteKind::Option { strike, .. } => strike,
            QuoteKind::Future => 0.0,
        }
    }
}

fn expiry_forward(quotes: &[&Quote]) -> Option<ForwardPoint> {
    let first = quotes.first()?;
    let futures: Vec<Interval> = quotes
        .iter()
        .filter(|quote| quote.kind == QuoteKind::Future)
        .map(|quote| Interval { mid: quote.mid(), half: quote.half_spread() })
        .collect();
    let pairs: Vec<Interval> =
        quotes.chunk_by(|x, y| x.strike_order().total_cmp(&y.strike_order()).is_eq()).filter_map(parity).collect();
    let all: Vec<Interval> = futures.iter().chain(&pairs).copied().collect();
    let (forward, error) = consensus(&all)?;
    Some(ForwardPoint {
        expiry: first.expiry,
        t: first.t,
        forward,
        error,
        from_future: consensus(&futures).map_or(f64::NAN, |(forward, _)| forward),
        from_parity: consensus(&pairs).map_or(f64::NAN, |(forward, _)| forward),
        pairs: u32::try_from(pairs.len()).unwrap_or(u32::MAX),
    })
}

/// The forward that put-call parity gives at one strike: `C - P = D (F - K)`, or `1 - K / F` in the coin.
fn parity(quotes: &[&Quote]) -> Option<Interval> {
    let of = |wanted: bool| quotes.iter().find(|q| matches!(q.kind, QuoteKind::Option { call, .. } if call == wanted));
    let (call, put) = (of(true)?, of(false)?);
    let strike = call.strike_order();
    let forward = |gap: f64| match call.style {
        Style::Linear => strike + gap / call.discount,
        Style::Inverse => strike / (1.0 - gap / call.discount),
    };
    let (low, high) = (forward(call.bid - put.ask), forward(call.ask - put.bid));
    // In the coin the forward is not linear in the gap: the middle of the gap is not that of the interval.
    let mid = forward(call.mid() - put.mid());
    let is_pair = call.style == put.style && low.is_finite() && low > 0.0 && high >= low && high.is_finite();
    is_pair.then_some(Interval { mid, half: 0.5 * (high - low) })
}

/// The robust weighted mean, and its standard error.
fn consensus(intervals: &[Interval]) -> Option<(f64, f64)> {
    let half = |interval: &Interval| interval.half.max(1e-9 * interval.mid);
    let tightest = intervals.iter().min_by(|x, y| half(x).total_cmp(&half(y)))?;
    // The median is where the iteration starts, weighted by widths no finer than the usual one: one absurd quote with a
    // tight spread does not move it.
    let mut halves: Vec<f64> = intervals.iter().map(half).collect();
    halves.sort_by(f64::total_cmp);
    let usual = halves.get(halves.len() / 2).copied()?;
    let weight = |interval: &Interval| half(interval).max(usual).recip();
    let mut by_mid: Vec<&Interval> = intervals.iter().collect();
    by_mid.sort_by(|x, y| x.mid.total_cmp(&y.mid));
    let total: f64 = intervals.iter().map(weight).sum();
    let mut sum = 0.0;
    let mut forward = tightest.mid;
    for interval in by_mid {
        sum += weight(interval);
        if sum >= 0.5 * total {
            forward = interval.mid;
            break;
        }
    }
    let mut error = half(tightest);
    for _ in 0..20 {
        let (mut top, mut bottom) = (0.0, 0.0);
        for interval in intervals {
            let away = (interval.mid - forward) / half(interval);
            let weight = 1.0 / (half(interval) * half(interval) * (1.0 + away * away));
            top += weight * (interval.mid - forward);
            bottom += weight;
        }
        forward += top / bottom;
        error = bottom.sqrt().recip();
    }
    (forward.is_finite() && forward > 0.0).then_some((forward, error))
}
