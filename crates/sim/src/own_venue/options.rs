//! Options on our own venue: makers who quote them around a vol, takers, and the surface that tells it.
//!
//! The vol is one for all strikes and maturities, a lognormal walk out of the seed. Makers look ten times a second: they
//! price each option at that vol and the mid of its underlying (the forward: no carry), and quote `half_spread` of vol
//! below and above it, each further level as far again. A quote that its price has left is canceled and entered anew;
//! one that crosses who rests there trades. Takers come at random, buy or sell as likely, at the market. The surface
//! that is published has the makers' vol and the mid as it was then.
//!
//! Refused: a number out of its range, and an option without an underlying.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tiderace_engine::underlying_of;
use tiderace_model::black::Black76;
use tiderace_model::quoted::{Quoted, VOL_MAX_E9};
use tiderace_model::risk_array::from_rate;
use tiderace_types::input::SurfaceTaken;
use tiderace_types::venue::{Cancel, Command, NewOrder, Report, SurfaceForward, SurfacePublished, SurfaceVol};
use tiderace_types::{
    AccountId, Amount, AssetId, ClOrdId, ExecType, Instrument, InstrumentId, InstrumentKind, OrdType, Price, Qty, Rate,
    Side, Ts,
};

use super::OwnVenueError;
use super::gate::PLAIN;
use crate::rng::{self, Rng};

/// The stream of the seed that vols and takers are drawn from.
const STREAM: u64 = 0x6f70_7469_6f6e;
/// How often makers look.
const LOOK_NS: i64 = 100_000_000;
const NS_A_YEAR: f64 = 365.0 * 86_400.0 * 1e9;
/// From 10^-12 to 10^-18.
const STEP_TO_RATE: i128 = 1_000_000;
const STEP_ONE: i128 = 1_000_000_000_000;
/// Most levels a side.
const LEVELS_MAX: u32 = 16;

/// How options are quoted; what is a fraction, or vol, is in 10^-9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionsConfig {
    /// The vol at the start: 0.5 is 50 %.
    pub vol: i64,
    /// From the vol to a quote, in vol: 0.005 is half a point.
    pub half_spread: i64,
    /// Deviation of the vol over a second, as a fraction of it.
    pub walk: i64,
    /// Levels a side.
    pub levels: u32,
    /// Exposure at each level, in base units.
    pub qty: Amount,
    /// Takers a second, in each option.
    pub takers_per_s: i64,
    /// From one surface to the next.
    pub publish_ns: i64,
}

impl OptionsConfig {
    fn check(&self) -> Result<(), OwnVenueError> {
        let rules = [
            ((10_000_000..=VOL_MAX_E9 / 2).contains(&self.vol), "vol"),
            ((1..=self.vol / 4).contains(&self.half_spread), "half_spread"),
            ((0..=10_000_000).contains(&self.walk), "walk"),
            ((1..=LEVELS_MAX).contains(&self.levels), "levels"),
            (self.qty > Amount::ZERO, "qty"),
            ((0..=100_000_000_000).contains(&self.takers_per_s), "takers_per_s"),
            ((LOOK_NS..=86_400_000_000_000).contains(&self.publish_ns), "publish"),
        ];
        let bad = rules.into_iter().find(|(holds, _)| !holds);
        bad.map_or(Ok(()), |(_, key)| Err(OwnVenueError::Options(key)))
    }
}

/// A quote that rests.
#[derive(Clone, Copy)]
struct Quote {
    side: Side,
    price: Price,
}

/// One option.
struct Listed {
    instrument: Instrument,
    underlying: Instrument,
    qty: Qty,
    quotes: BTreeMap<ClOrdId, Quote>,
    next_id: u64,
    ts_take: Ts,
}

/// What happens at a turn.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) commands: Vec<(InstrumentId, Command)>,
    pub(super) surface: Option<SurfaceTaken>,
}

/// The options of a venue, their makers and takers.
pub(super) struct Options {
    params: OptionsConfig,
    listed: Vec<Listed>,
    rng: Rng,
    vol: f64,
    maker: AccountId,
    taker: AccountId,
    ts_look: Ts,
    ts_publish: Ts,
    version: u64,
}

/// A fraction of 10^-9.
fn of_e9(value: i64) -> f64 {
    rng::float(value) / 1e9
}

impl Options {
    /// None where no instrument is an option. Accounts are `maker` and the one behind it.
    pub(super) fn new(
        instruments: &[Instrument],
        params: Option<OptionsConfig>,
        seed: u64,
        start: Ts,
        maker: AccountId,
    ) -> Result<Option<Self>, OwnVenueError> {
        let mut listed = Vec::new();
        for instrument in instruments.iter().filter(|instrument| instrument.kind == InstrumentKind::Option) {
            let params = params.ok_or(OwnVenueError::Options("surface"))?;
            params.check()?;
            let underlying = underlying_of(instruments, instrument).ok_or(OwnVenueError::Options("underlying"))?;
            let qty = instrument.qty_within(params.qty, Price::ZERO);
            if qty == Qty::ZERO {
                return Err(OwnVenueError::Options("qty"));
            }
            listed.push(Listed {
                instrument: instrument.clone(),
                underlying: underlying.clone(),
                qty,
                quotes: BTreeMap::new(),
                next_id: (u64::from(instrument.id.0) << 40) + 1,
                ts_take: start,
            });
        }
        let Some(params) = params.filter(|_| !listed.is_empty()) else { return Ok(None) };
        let mut options = Self {
            params,
            listed,
            rng: Rng::new(seed, STREAM),
            vol: of_e9(params.vol),
            maker,
            taker: AccountId(maker.0.saturating_add(1)),
            ts_look: start,
            ts_publish: start,
            version: 0,
        };
        for row in 0..options.listed.len() {
            options.wait(row);
        }
        Ok(Some(options))
    }

    /// The first quotes.
    pub(super) fn open(&mut self, mid2: impl Fn(InstrumentId) -> Option<i64>) -> Vec<(InstrumentId, Command)> {
        let mut commands = Vec::new();
        let (ts, params, vol, maker) = (self.ts_look, self.params, self.vol, self.maker);
        for listed in &mut self.listed {
            if let Some(mid2) = mid2(listed.underlying.id) {
                listed.quote(ts, mid2, vol, &params, maker, &mut commands);
            }
        }
        self.ts_look = ts.plus_ns(LOOK_NS);
        commands
    }

    /// When something happens next.
    pub(super) fn ts_next(&self) -> Ts {
        let takers = self.listed.iter().map(|listed| listed.ts_take);
        takers.fold(self.ts_look.min(self.ts_publish), Ts::min)
    }

    /// What happens then; `mid2` tells twice the mid of a book, in ticks.
    pub(super) fn turn(&mut self, mid2: impl Fn(InstrumentId) -> Option<i64>) -> Turn {
        let ts = self.ts_next();
        let mut turn = Turn::default();
        if self.ts_look <= ts {
            self.walk();
            self.ts_look = ts.plus_ns(LOOK_NS);
            let (params, vol, maker) = (self.params, self.vol, self.maker);
            for listed in &mut self.listed {
                if let Some(mid2) = mid2(listed.underlying.id) {
                    listed.quote(ts, mid2, vol, &params, maker, &mut turn.commands);
                }
            }
        }
        for row in 0..self.listed.len() {
            self.take(ts, row, &mut turn.commands);
        }
        if self.ts_publish <= ts {
            self.ts_publish = ts.plus_ns(self.params.publish_ns);
            turn.surface = self.publish(&mid2);
        }
        turn
    }

    /// Moves the vol by one look, within 1 % and half of what a price is turned into.
    fn walk(&mut self) {
        let step = of_e9(self.params.walk) * libm::sqrt(of_e9(LOOK_NS));
        self.vol = (self.vol * libm::exp(step * self.rng.normal())).clamp(0.01, of_e9(VOL_MAX_E9 / 2));
    }

    fn wait(&mut self, row: usize) {
        let per_s = of_e9(self.params.takers_per_s);
        let Some(listed) = self.listed.get_mut(row) else { return };
        listed.ts_take = match per_s > 0.0 {
            true => listed.ts_take.plus_ns(rng::floor(self.rng.exponential() / per_s * 1e9).max(1)),
            false => Ts::MAX,
        };
    }

    /// Lets a taker come whose time it is: half a level, exponential.
    fn take(&mut self, ts: Ts, row: usize, commands: &mut Vec<(InstrumentId, Command)>) {
        if self.listed.get(row).is_none_or(|listed| listed.ts_take > ts) {
            return;
        }
        let side = if self.rng.below(2) == 0 { Side::Buy } else { Side::Sell };
        let size = self.rng.exponential() / 2.0;
        if let Some(listed) = self.listed.get_mut(row) {
            let lots = rng::floor(rng::float(listed.qty.get()) * size).max(1);
            let order = NewOrder {
                account: self.taker,
                instrument: listed.instrument.id,
                cl_ord_id: listed.new_id(),
                side,
                ord_type: OrdType::Market,
                order_qty: Qty::new(lots).unwrap_or(listed.qty),
                ..PLAIN
            };
            commands.push((listed.instrument.id, order.into()));
        }
        self.wait(row);
    }

    /// The surface as it is now; none where an underlying has no mid.
    fn publish(&mut self, mid2: &impl Fn(InstrumentId) -> Option<i64>) -> Option<SurfaceTaken> {
        let vol = Amount::new(i128::from(rng::floor(self.vol * 1e9)).saturating_mul(1_000));
        let mut forwards: BTreeMap<i64, SurfaceForward> = BTreeMap::new();
        let mut base: Option<AssetId> = None;
        let mut vols = Vec::new();
        for Listed { instrument, underlying, .. } in &self.listed {
            // The options of a run have one base asset.
            if *base.get_or_insert(instrument.base) != instrument.base {
                continue;
            }
            let maturity = instrument.maturity_ns?;
            let steps = i128::from(mid2(underlying.id)?).saturating_mul(underlying.tick_size.into());
            let forward = Amount::new(steps.div_euclid(2));
            let (one, none) = (Amount::new(STEP_ONE), Amount::ZERO);
            let row = SurfaceForward { maturity: Ts::new(maturity), forward, discount: one, rate: none };
            forwards.insert(maturity, row);
            vols.push(SurfaceVol { instrument: instrument.id, vol });
        }
        self.version = self.version.saturating_add(1);
        let forwards = forwards.into_values().collect();
        Some(SurfaceTaken { surface: SurfacePublished { base: base?, version: self.version, forwards, vols } })
    }

    /// What became of an order at an option.
    pub(super) fn on_report(&mut self, report: &Report) {
        let is_over = match report.exec_type {
            ExecType::Trade => report.leaves_qty == Qty::ZERO,
            ExecType::Canceled | ExecType::Rejected | ExecType::Expired => true,
            ExecType::New
            | ExecType::Replaced
            | ExecType::Suspended
            | ExecType::Restated
            | ExecType::TradeCorrect
            | ExecType::TradeCancel
            | ExecType::OrderStatus
            | ExecType::Triggered => false,
        };
        let listed = self.listed.iter_mut().find(|listed| listed.instrument.id == report.instrument);
        if let Some(listed) = listed.filter(|_| is_over && report.account == self.maker) {
            listed.quotes.remove(&report.cl_ord_id);
        }
    }
}

impl Listed {
    const fn new_id(&mut self) -> ClOrdId {
        let id = ClOrdId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        id
    }

    fn quoted(&self, ts: Ts, mid2: i64) -> Option<Quoted> {
        let instrument = &self.instrument;
        let left_ns = instrument.maturity_ns?.checked_sub(ts.get()).filter(|left_ns| *left_ns > 0)?;
        let step = |steps: i64| from_rate(Rate::new(i128::from(steps).saturating_mul(STEP_TO_RATE)));
        let option = Black76 {
            forward: rng::float(mid2) / 2.0 * step(self.underlying.tick_size),
            strike: from_rate(instrument.rate(instrument.strike_price?)?),
            t: rng::float(left_ns) / NS_A_YEAR,
            vol: 0.0,
            discount: 1.0,
            put_or_call: instrument.put_or_call?,
        };
        Some(Quoted { option, tick: step(instrument.tick_size), is_coin: instrument.quote == instrument.base })
    }

    /// Enters the quotes that are missing, and cancels those that stand where none is wanted.
    fn quote(
        &mut self,
        ts: Ts,
        mid2: i64,
        vol: f64,
        params: &OptionsConfig,
        account: AccountId,
        commands: &mut Vec<(InstrumentId, Command)>,
    ) {
        let (id, quoted) = (self.instrument.id, self.quoted(ts, mid2));
        let mut wanted: Vec<(Side, Price)> = Vec::new();
        let sides = [Side::Buy, Side::Sell].into_iter();
        for (side, level) in sides.flat_map(|side| (1..=params.levels).map(move |level| (side, level))) {
            let away = of_e9(params.half_spread) * f64::from(level);
            let at = if side == Side::Buy { vol - away } else { vol + away };
            let ticks = quoted.and_then(|quoted| quoted.price_at_vol(rng::floor(at * 1e9), side == Side::Sell));
            let price = ticks.filter(|ticks| *ticks > 0).map(|ticks| (side, Price::new(ticks)));
            wanted.extend(price.filter(|place| !wanted.contains(place)));
        }
        let mut kept = Vec::new();
        let mut stale = Vec::new();
        for (cl_ord_id, quote) in &self.quotes {
            let place = (quote.side, quote.price);
            if wanted.contains(&place) && !kept.contains(&place) {
                kept.push(place);
            } else {
                stale.push((*cl_ord_id, *quote));
            }
        }
        // A maker does not leave the book empty while it moves, but does not meet its own stale quotes either.
        let meets = |(side, price): &(Side, Price)| {
            let is_met = |of: &Quote| {
                of.side != *side && if *side == Side::Buy { of.price <= *price } else { of.price >= *price }
            };
            stale.iter().any(|(_, quote)| is_met(quote))
        };
        let missing = wanted.into_iter().filter(|place| !kept.contains(place));
        let (late, early): (Vec<_>, Vec<_>) = missing.partition(meets);
        for place in early {
            commands.push((id, self.enter(account, place).into()));
        }
        for (orig_cl_ord_id, _) in &stale {
            commands.push((id, Cancel { account, orig_cl_ord_id: *orig_cl_ord_id }.into()));
        }
        for place in late {
            commands.push((id, self.enter(account, place).into()));
        }
    }

    fn enter(&mut self, account: AccountId, (side, price): (Side, Price)) -> NewOrder {
        let (instrument, cl_ord_id) = (self.instrument.id, self.new_id());
        self.quotes.insert(cl_ord_id, Quote { side, price });
        NewOrder { account, instrument, cl_ord_id, side, price, order_qty: self.qty, ..PLAIN }
    }
}
