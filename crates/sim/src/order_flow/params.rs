//! The numbers of a flow: published ones, and those of a BTC market.

use tiderace_types::{Amount, Instrument, InstrumentKind, Price, Qty, Style, Ts};

use super::hawkes::Excitation;
use super::makers::MakerParams;
use crate::rng::float;

/// Most levels a side at which a flow places orders.
pub const LEVELS_MAX: u32 = 4_096;
/// Most makers of one flow.
pub const MAKERS_MAX: u32 = 64;
/// Most events a second that any one intensity may ask for.
pub const PER_S_MAX: f64 = 1e6;

/// How large orders are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderSize {
    /// All alike.
    Fixed(Qty),
    /// Exponential about a mean, in whole lots, at least one.
    Exponential(Qty),
}

/// A value common to all the flows of one seed: a random walk, known to makers, and felt by those who take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FairParams {
    /// Deviation over one second, as a fraction of the value.
    pub volatility: f64,
    /// How far this book trades from the common value, as a fraction of it.
    pub basis: f64,
    /// How far the mid has to be from it, in ticks, for every market order to go its way.
    pub lean_ticks: f64,
}

/// The numbers of one book's flow. Intensities count events a second, on each side.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowParams {
    /// When it begins.
    pub start: Ts,
    /// Where the book opens.
    pub mid: Price,
    /// Ticks from one level to the next: what a distance of 1 is.
    pub level_step: i64,
    /// The greatest distance of a limit order from the opposite best.
    pub max_levels: u32,
    /// Limit orders at distance 1, 2, …: `lambda`.
    pub limit_per_s: Vec<f64>,
    /// Beyond them `k / distance^alpha`: `k` in orders a second, and `alpha`.
    pub limit_tail: (f64, f64),
    /// Cancels of each order at distance 1, 2, …: `theta`. The last holds beyond.
    pub cancel_per_s: Vec<f64>,
    /// Market orders: `mu`.
    pub market_per_s: f64,
    /// Market orders that bring market orders.
    pub excitation: Option<Excitation>,
    /// Size of a limit order.
    pub limit_qty: OrderSize,
    /// Size of a market order.
    pub market_qty: OrderSize,
    /// The common value; without it the flow knows no price but the book's.
    pub fair: Option<FairParams>,
    /// The makers.
    pub makers: Option<MakerParams>,
    /// The first id of its orders; each next order has the next.
    pub order_ids_from: u64,
}

/// A number that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderFlowError {
    /// Which.
    pub key: &'static str,
    /// What it has to be.
    pub rule: &'static str,
}

impl core::fmt::Display for OrderFlowError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "order flow: {} has to be {}", self.key, self.rule)
    }
}

impl std::error::Error for OrderFlowError {}

impl FlowParams {
    /// The published parameters: Sky Perfect Communications, Tokyo, as estimated in table 2 of Cont, Stoikov and Talreja
    /// (2010), there a minute. Orders are of one unit, the mean limit order of the stock.
    #[must_use]
    pub fn cont_stoikov_talreja() -> Self {
        let per_minute = |rates: [f64; 5]| rates.iter().map(|rate| rate / 60.0).collect();
        let unit = OrderSize::Fixed(Qty::new(1).unwrap_or(Qty::ZERO));
        Self {
            start: Ts::ZERO,
            mid: Price::new(1_000),
            level_step: 1,
            max_levels: 30,
            limit_per_s: per_minute([1.85, 1.51, 1.09, 0.88, 0.77]),
            limit_tail: (1.92 / 60.0, 0.52),
            cancel_per_s: per_minute([0.71, 0.81, 0.68, 0.56, 0.47]),
            market_per_s: 0.94 / 60.0,
            excitation: None,
            limit_qty: unit,
            market_qty: unit,
            fair: None,
            makers: None,
            order_ids_from: 1,
        }
    }

    /// One book of a BTC market around 61,800: spot at the common value, linear perpetuals 3.6 bp and inverse ones 2.8 bp
    /// below, as in the recording of August 2024. Limit orders lie up to 125 in either direction, 0.5 apart; order ids are
    /// those of the instrument's own range of 2^40.
    ///
    /// # Errors
    /// [`OrderFlowError`] when 61,800 and 0.5 are no prices of the instrument, or its lots are too coarse for orders of
    /// a twentieth of a BTC.
    pub fn btc_like(instrument: &Instrument, start: Ts) -> Result<Self, OrderFlowError> {
        let on_grid = OrderFlowError { key: "tick_size", rule: "a divisor of 0.5" };
        let mid = instrument.parse_price("61800").map_err(|_| on_grid)?;
        let level_step = instrument.parse_price("0.5").map_err(|_| on_grid)?.get();
        let lots_of = |thousandths: i128| {
            let btc = tiderace_types::instrument::pow10(instrument.base_decimals).unwrap_or(0);
            instrument.qty_within(Amount::new(btc.saturating_mul(thousandths) / 1_000), mid)
        };
        if lots_of(50) == Qty::ZERO {
            return Err(OrderFlowError { key: "lot_size", rule: "at most 0.05 BTC" });
        }
        let basis = match (instrument.kind == InstrumentKind::Spot, instrument.style == Style::Inverse) {
            (true, _) => 0.0,
            (false, false) => -0.000_36,
            (false, true) => -0.000_28,
        };
        let step = float(level_step);
        Ok(Self {
            start,
            mid,
            level_step,
            max_levels: 250,
            limit_per_s: Vec::new(),
            limit_tail: (0.5, 0.52),
            cancel_per_s: vec![0.2, 0.15, 0.1, 0.05],
            market_per_s: 0.5,
            excitation: Some(Excitation { own_per_s: 1.5, cross_per_s: 0.5, decay_per_s: 4.0 }),
            limit_qty: OrderSize::Exponential(lots_of(60)),
            market_qty: OrderSize::Exponential(lots_of(50)),
            fair: Some(FairParams { volatility: 0.000_04, basis, lean_ticks: 8.0 * step }),
            makers: Some(MakerParams {
                count: 3,
                levels: 6,
                level_step: level_step.saturating_mul(2),
                qty: lots_of(150),
                half_spread: step,
                skew: 6.0 * step,
                max_inventory: lots_of(5_000),
                fair_weight: 0.9,
                noise: step,
                turns_per_s: 2.0,
                reaction_ns: 5_000_000,
            }),
            order_ids_from: (u64::from(instrument.id.0) << 40) + 1,
        })
    }

    /// The intensity of limit orders at a distance, on one side.
    #[must_use]
    pub fn limit_rate(&self, distance: u32) -> f64 {
        let (k, alpha) = self.limit_tail;
        let row = usize::try_from(distance.saturating_sub(1)).ok().and_then(|row| self.limit_per_s.get(row));
        row.copied().unwrap_or_else(|| k / libm::pow(f64::from(distance.max(1)), alpha))
    }

    /// The intensity of the cancel of one order at a distance.
    #[must_use]
    pub fn cancel_rate(&self, distance: i64) -> f64 {
        let row = usize::try_from(distance.saturating_sub(1)).ok().and_then(|row| self.cancel_per_s.get(row));
        row.or(self.cancel_per_s.last()).copied().unwrap_or(0.0)
    }

    /// Checks every number against its range.
    ///
    /// # Errors
    /// [`OrderFlowError`], the first found.
    pub fn check(&self) -> Result<(), OrderFlowError> {
        let span = self.level_step.saturating_mul(i64::from(self.max_levels)).saturating_mul(4);
        let (k, alpha) = self.limit_tail;
        let is_rate = |rate: f64| (0.0..=PER_S_MAX).contains(&rate);
        let is_size = |size: OrderSize| match size {
            OrderSize::Fixed(qty) | OrderSize::Exponential(qty) => qty > Qty::ZERO && qty.get() <= i64::MAX / 1_000_000,
        };
        let rules = [
            (self.start.get().unsigned_abs() < 1 << 62, "start", "within 146 years of 1970"),
            (self.level_step > 0, "level_step", "above zero"),
            ((1..=LEVELS_MAX).contains(&self.max_levels), "max_levels", "1 to 4096"),
            (span < i64::MAX / 4 && self.mid.get().unsigned_abs() < 1 << 61, "mid", "far from the ends of the numbers"),
            (self.limit_per_s.iter().all(|rate| is_rate(*rate)), "limit_per_s", "0 to a million a second"),
            (is_rate(k) && (0.0..=10.0).contains(&alpha), "limit_tail", "k 0 to a million, alpha 0 to 10"),
            (self.cancel_per_s.iter().all(|rate| is_rate(*rate)), "cancel_per_s", "0 to a million a second"),
            ((1e-3..=PER_S_MAX).contains(&self.market_per_s), "market_per_s", "0.001 to a million a second"),
            (is_size(self.limit_qty), "limit_qty", "one lot to 9 * 10^12"),
            (is_size(self.market_qty), "market_qty", "one lot to 9 * 10^12"),
            (self.order_ids_from <= 1 << 63, "order_ids_from", "at most 2^63"),
        ];
        for (holds, key, rule) in rules {
            if !holds {
                return Err(OrderFlowError { key, rule });
            }
        }
        if let Some(fair) = self.fair {
            fair.check()?;
        }
        if let Some(makers) = &self.makers {
            makers.check()?;
        }
        self.excitation.map_or(Ok(()), Excitation::check)
    }
}

impl FairParams {
    fn check(self) -> Result<(), OrderFlowError> {
        if !(0.0..=0.01).contains(&self.volatility) {
            return Err(OrderFlowError { key: "volatility", rule: "0 to 0.01 a second" });
        }
        if !(-0.1..=0.1).contains(&self.basis) {
            return Err(OrderFlowError { key: "basis", rule: "within a tenth" });
        }
        if !(self.lean_ticks > 0.0 && self.lean_ticks.is_finite()) {
            return Err(OrderFlowError { key: "lean_ticks", rule: "above zero" });
        }
        Ok(())
    }
}
