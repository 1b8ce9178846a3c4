//! Fits a surface to a chain: each expiry alone, then again where neighbours cross.

use tiderace_types::Reason;

use super::{Quality, Slice, Surface};
use crate::chain::{DayWeights, Quote, QuoteKind, Style};
use crate::forward::{self, ForwardPoint};
use crate::normal;
use crate::otm::{self, OtmPrice};
use crate::ssvi::Ssvi;
use crate::svi::Svi;
use crate::svi::VariancePoint;
use crate::svi::fit::{Anchor, Neighbours, POINTS_MIN, PricePoint, implied, prices};

/// What a fit is told besides its quotes.
#[derive(Clone, Copy, Debug)]
pub struct FitOptions {
    /// The version that the surface gets.
    pub version: u64,
    /// The time that it gets, UTC nanoseconds.
    pub ts_ns: i64,
    /// Quotes older than this are stale.
    pub age_ns_max: u64,
    /// Weights of days, for interpolation; with [`DayWeights::CALENDAR`] expiries need not be times.
    pub weights: DayWeights,
}

/// A fit: the surface, and a reason for everything that was left out of it.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The surface.
    pub surface: Surface,
    /// One an input quote: [`Reason::None`] where it was used.
    pub reasons: Vec<Reason>,
    /// Expiries without a slice.
    pub refused: Vec<(i64, Reason)>,
    /// The forward curve from futures and put-call parity.
    pub forwards: Vec<ForwardPoint>,
}

/// One expiry on its way to a slice.
struct Expiry {
    key: i64,
    t: f64,
    t_weighted: f64,
    forward: f64,
    discount: f64,
    points: Vec<PricePoint>,
    /// Those of its quotes that have a vol.
    variances: Vec<VariancePoint>,
}

impl Surface {
    /// Fits a surface to a chain of one style. Futures serve the forwards; an option is placed by the forward beside
    /// it where it has one, else by its expiry's.
    ///
    /// # Errors
    /// Where no expiry could be fitted the first one's reason, [`Reason::TooFewQuotes`] where there is none;
    /// [`Reason::BadSurface`] where the slices found are no surface, [`Reason::BadTime`] for weights of days that weigh
    /// nothing.
    pub fn fit(quotes: &[Quote], options: &FitOptions) -> Result<Fit, Reason> {
        let ts_ns_min = options.ts_ns.saturating_sub_unsigned(options.age_ns_max);
        let mut reasons: Vec<Reason> = quotes.iter().map(|quote| quote.reason(ts_ns_min)).collect();
        let forwards = forward::curve(quotes, ts_ns_min);
        let mut order: Vec<usize> = (0..quotes.len()).collect();
        order.retain(|at| quotes.get(*at).is_some_and(|quote| quote.kind != QuoteKind::Future));
        order.sort_by_key(|at| quotes.get(*at).map(|quote| quote.expiry));
        let mut expiries = Vec::new();
        let mut refused = Vec::new();
        for group in order.chunk_by(|x, y| quotes.get(*x).map(|q| q.expiry) == quotes.get(*y).map(|q| q.expiry)) {
            match expiry(quotes, group, &mut reasons, &forwards, options) {
                Ok(expiry) => expiries.push(expiry),
                Err((key, reason)) => refused.push((key, reason)),
            }
        }
        let style = quotes.first().map_or(Style::Linear, |quote| quote.style);
        let (slices, lost) = free_of_calendars(&expiries);
        refused.extend(lost);
        if slices.is_empty() {
            return Err(refused.first().map_or(Reason::TooFewQuotes, |(_, reason)| *reason));
        }
        let surface = Self::new(options.version, options.ts_ns, style, options.weights, slices)?;
        Ok(Fit { surface, reasons, refused, forwards })
    }
}

/// Gathers the usable quotes of one expiry and fits them alone.
fn expiry(
    quotes: &[Quote],
    group: &[usize],
    reasons: &mut [Reason],
    forwards: &[ForwardPoint],
    options: &FitOptions,
) -> Result<Expiry, (i64, Reason)> {
    let key = group.first().and_then(|at| quotes.get(*at)).map_or(0, |quote| quote.expiry);
    let fail = |reason: Reason| (key, reason);
    let is_used = |at: &&usize| reasons.get(**at) == Some(&Reason::None);
    let usable: Vec<&Quote> = group.iter().filter(is_used).filter_map(|at| quotes.get(*at)).collect();
    let Some(first) = usable.first() else {
        // An expiry that lost every quote is named by the first one's reason.
        let named = group.first().and_then(|at| reasons.get(*at)).copied();
        return Err(fail(named.unwrap_or(Reason::TooFewQuotes)));
    };
    let curve = forwards.iter().find(|point| point.expiry == key).map(|point| point.forward);
    let Some(forward) = median(usable.iter().map(|quote| quote.forward).filter(|f| *f > 0.0)).or(curve) else {
        return Err(fail(Reason::NoForward));
    };
    let mut points = Vec::with_capacity(group.len());
    for at in group {
        let (Some(quote), Some(reason)) = (quotes.get(*at), reasons.get_mut(*at)) else { continue };
        if *reason == Reason::None {
            match point(quote, forward) {
                Ok(point) => points.push(point),
                Err(found) => *reason = found,
            }
        }
    }
    if points.len() < POINTS_MIN {
        return Err(fail(Reason::TooFewQuotes));
    }
    let t_weighted = if options.weights == DayWeights::CALENDAR {
        first.t
    } else {
        options.weights.years(options.ts_ns, key).map_err(fail)?
    };
    let variances = implied(&points);
    if variances.is_empty() {
        return Err(fail(Reason::TooFewQuotes));
    }
    Ok(Expiry { key, t: first.t, t_weighted, forward, discount: first.discount, points, variances })
}

/// A quote as a point of its slice: its out-of-the-money side, in forwards.
fn point(quote: &Quote, forward: f64) -> Result<PricePoint, Reason> {
    let QuoteKind::Option { strike, call } = quote.kind else { return Err(Reason::BadStrike) };
    let forward = if quote.forward > 0.0 { quote.forward } else { forward };
    let unit = quote.forward_unit(forward);
    let price = OtmPrice::new((strike / forward).ln());
    let mid = match (call, price.k >= 0.0) {
        (true, true) | (false, false) => quote.mid() * unit,
        (true, false) => quote.mid() * unit + price.put_less_call(),
        (false, true) => quote.mid() * unit - price.put_less_call(),
    };
    let half = quote.half_spread() * unit;
    let bound = if price.k >= 0.0 { 1.0 } else { price.k.exp() };
    if mid + half <= 0.0 {
        return Err(Reason::BelowIntrinsic);
    }
    if mid - half >= bound {
        return Err(Reason::AboveBound);
    }
    let implied = otm::implied_sd(price, mid);
    if implied.is_some_and(|sd| quote.is_vol_mis_unit(sd / quote.t.sqrt())) {
        return Err(Reason::VolUnit);
    }
    let is_far = implied.is_none_or(|sd| (price.k / sd).abs() > 1.75);
    // A locked quote has no spread; a millionth of its price keeps its weight finite.
    Ok(PricePoint { price, mid, half: half.max(1e-9 + 1e-6 * mid.abs()), is_far })
}

/// An expiry with the slice of the surface that all expiries share, and the one that its own quotes ask for.
struct Candidate<'a> {
    expiry: &'a Expiry,
    anchor: Anchor,
    alone: Svi,
}

/// How hard slices are held to the shared surface, and the weight of quotes far from the money, in turn, until enough quotes are met: where quotes of one expiry
/// leave its wings open, a loose hold lets them cross the next one's, whose quotes then pay for it.
const HOLDS: [(f64, f64); 4] = [(2.0, 0.1), (4.0, 0.02), (1.0, 0.02), (6.0, 0.1)];

/// Enough: no other hold is tried.
const SHARE_ENOUGH: f64 = 0.96;

/// The slices with the hold that meets most quotes, and the expiries that have none.
fn free_of_calendars(expiries: &[Expiry]) -> (Vec<Slice>, Vec<(i64, Reason)>) {
    let variances: Vec<Vec<VariancePoint>> = expiries.iter().map(|expiry| expiry.variances.clone()).collect();
    let Ok((shape, thetas)) = Ssvi::fit(&variances) else { return (Vec::new(), Vec::new()) };
    let mut best = (-1.0, (Vec::new(), Vec::new()));
    for (hold, far) in HOLDS {
        let mut refused = Vec::new();
        let mut candidates = Vec::with_capacity(expiries.len());
        for (expiry, theta) in expiries.iter().zip(&thetas) {
            match candidate(expiry, &shape, *theta, hold, far) {
                Ok(candidate) => candidates.push(candidate),
                Err(reason) => refused.push((expiry.key, reason)),
            }
        }
        let slices = in_order(&candidates, &mut refused);
        let share = share_inside(&slices, &refused);
        if share > best.0 {
            best = (share, (slices, refused));
        }
        if share >= SHARE_ENOUGH {
            break;
        }
    }
    best.1
}

/// An expiry alone, held to what all of them share.
fn candidate<'a>(expiry: &'a Expiry, shape: &Ssvi, theta: f64, hold: f64, far: f64) -> Result<Candidate<'a>, Reason> {
    let anchor = Anchor { svi: shape.slice(theta)?, hold, far };
    let alone = prices(&expiry.points, Neighbours::default(), &anchor, &anchor.svi)?;
    Ok(Candidate { expiry, anchor, alone })
}

/// From the first expiry to the last: keeps what its quotes alone ask for where that crosses neither neighbour.
fn in_order(candidates: &[Candidate<'_>], refused: &mut Vec<(i64, Reason)>) -> Vec<Slice> {
    let mut slices: Vec<Slice> = Vec::with_capacity(candidates.len());
    for (at, Candidate { expiry, anchor, alone }) in candidates.iter().enumerate() {
        let earlier = slices.last().map(|slice| slice.svi);
        let later = candidates.get(at + 1).map(|next| next.alone);
        // A later slice that crosses the earlier one bounds nothing: it will itself be fitted again.
        let later = later.filter(|later| earlier.is_none_or(|earlier| later.is_above(&earlier)));
        let is_kept =
            earlier.is_none_or(|earlier| alone.is_above(&earlier)) && later.is_none_or(|later| later.is_above(alone));
        let found =
            if is_kept { Ok(*alone) } else { prices(&expiry.points, Neighbours { earlier, later }, anchor, alone) };
        match found {
            Ok(svi) => slices.push(expiry.slice(svi)),
            Err(reason) => refused.push((expiry.key, reason)),
        }
    }
    slices
}

/// Share of the judged quotes that are met; an expiry without a slice counts against it.
fn share_inside(slices: &[Slice], refused: &[(i64, Reason)]) -> f64 {
    let sum = |count: fn(&Quality) -> u32| slices.iter().map(|slice| f64::from(count(&slice.quality))).sum::<f64>();
    let lost = 50.0 * f64::from(u32::try_from(refused.len()).unwrap_or(u32::MAX));
    sum(|quality| quality.inside) / (sum(|quality| quality.judged) + lost).max(1.0)
}

impl Expiry {
    fn slice(&self, svi: Svi) -> Slice {
        let Self { key, t, t_weighted, forward, discount, .. } = *self;
        Slice { expiry: key, t, t_weighted, forward, discount, svi, quality: self.quality(svi) }
    }

    fn quality(&self, svi: Svi) -> Quality {
        let mut quality =
            Quality { quotes: u32::try_from(self.points.len()).unwrap_or(u32::MAX), ..Quality::default() };
        let (mut squares, mut vegas) = (0.0, 0.0);
        for point in &self.points {
            let w = svi.total_variance(point.price.k);
            let sd = w.sqrt();
            let (price, by_variance) = point.price.at(w);
            let delta = normal::cdf(0.5 * sd - point.price.k / sd);
            if !(0.05..=0.95).contains(&delta) {
                continue;
            }
            quality.judged += 1;
            let error = price - point.mid;
            if error.abs() <= point.half * (1.0 + 1e-9) {
                quality.inside += 1;
            }
            let vega = by_variance * 2.0 * sd * self.t.sqrt();
            squares += error * error / vega;
            vegas += vega;
        }
        quality.rmse_vol = if vegas > 0.0 { (squares / vegas).sqrt() } else { f64::NAN };
        quality
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
