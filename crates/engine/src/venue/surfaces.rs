//! Published surfaces: inputs of portfolio margin, each a whole of one underlying.
//!
//! A surface becomes risk arrays at once, with the index and the marks of that moment, and stands until the next one.
//! All of it is checked and priced before anything changes: a surface is taken whole or refused. What went into the last
//! arrays is part of the state's bytes, so that a restored venue makes the same arrays again.

use std::collections::BTreeMap;

use tiderace_clear::Vintage;
use tiderace_margin::RiskArrays;
use tiderace_types::venue::{SURFACE_FORWARDS_MAX, SURFACE_VOLS_MAX, SurfaceForward, SurfacePublished};
use tiderace_types::{
    Amount, AssetId, DecodeError, Field, InstrumentId, InstrumentKind, Price, Rate, Reason, Refusal, Style, Ts,
};

use super::config::{ConfigError, Listing, VenueConfig};
use super::snapshot::{bad, put_len, take_bytes, take_list};
use super::{Clearing, Venue};
use crate::risk_arrays::{Maturity, Product, RiskArraysError, RiskModel, Underlying};

/// 10^-18 in a step of 10^-12.
const RATE_PER_STEP: i128 = 1_000_000;

/// Models by underlying with the greatest age of what they are given, and what was published last.
#[derive(Debug)]
pub(super) struct Surfaces {
    models: BTreeMap<AssetId, (RiskModel, Option<i64>)>,
    taken: BTreeMap<AssetId, Taken>,
}

/// All that the arrays of an underlying were made of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Taken {
    surface: SurfacePublished,
    ts: Ts,
    /// In steps of 10^-12.
    index: i128,
    /// What traded, with the mark of what is not an option.
    products: Vec<(InstrumentId, Option<Price>)>,
}

fn count(len: usize) -> i128 {
    i128::try_from(len).unwrap_or(i128::MAX)
}

fn rate(steps: i128) -> Option<Rate> {
    steps.checked_mul(RATE_PER_STEP).map(Rate::new)
}

/// What scenarios speak of, where it settles in the quote or in coin.
fn is_product(listing: &Listing) -> bool {
    let of = &listing.instrument;
    let is_known = match of.kind {
        InstrumentKind::Perpetual | InstrumentKind::Future | InstrumentKind::Option | InstrumentKind::Binary => true,
        InstrumentKind::Spot | InstrumentKind::Program => false,
    };
    is_known && of.style != Style::Quanto
}

fn has_vol(listing: &Listing) -> bool {
    is_product(listing) && matches!(listing.instrument.kind, InstrumentKind::Option | InstrumentKind::Binary)
}

/// A perpetual has none, whatever its definition says.
fn maturity_of(listing: &Listing) -> Option<i64> {
    listing.instrument.maturity_ns.filter(|_| listing.instrument.kind != InstrumentKind::Perpetual)
}

impl Surfaces {
    /// Nothing published yet.
    pub(super) fn new(config: &VenueConfig) -> Result<Self, ConfigError> {
        let mut models = BTreeMap::new();
        for (row, rules) in config.clearing.portfolio.iter().enumerate() {
            let model = RiskModel::new(rules.params.clone());
            let model = model.map_err(|error| ConfigError::Portfolio { row, error })?;
            models.insert(rules.base, (model, rules.max_age_ns));
        }
        Ok(Self { models, taken: BTreeMap::new() })
    }

    pub(super) fn version(&self, base: AssetId) -> Option<u64> {
        self.taken.get(&base).map(|taken| taken.surface.version)
    }

    /// Vol of an option as published last, in steps of 10^-12.
    pub(super) fn vol(&self, at: InstrumentId) -> Option<i128> {
        self.taken.values().find_map(|taken| {
            let vols = &taken.surface.vols;
            let row = vols.binary_search_by_key(&at, |vol| vol.instrument).ok()?;
            vols.get(row).map(|row| row.vol.get())
        })
    }

    /// Checks all but the numbers, which the model refuses, and says what the arrays are made of.
    fn check(
        &self,
        config: &VenueConfig,
        clearing: &Clearing,
        surface: &SurfacePublished,
        ts: Ts,
    ) -> Result<Taken, Refusal> {
        let SurfacePublished { base, version, forwards, vols } = surface;
        if !self.models.contains_key(base) {
            return Err(Refusal::new(Reason::UnknownAsset, base.0, 0));
        }
        if let Some(last) = self.version(*base).filter(|last| last >= version) {
            return Err(Refusal::new(Reason::OldSurface, *version, last));
        }
        for (len, max) in [(forwards.len(), SURFACE_FORWARDS_MAX), (vols.len(), SURFACE_VOLS_MAX)] {
            if len > max {
                return Err(Refusal::new(Reason::BadField, count(len), count(max)));
            }
        }
        let are_rising = forwards.is_sorted_by(|one, two| one.maturity < two.maturity)
            && vols.is_sorted_by(|one, two| one.instrument < two.instrument);
        if !are_rising {
            return Err(Refusal::plain(Reason::BadField));
        }
        let of_base = |listing: &&Listing| listing.instrument.base == *base;
        for vol in vols {
            let listing = config.instruments.get(vol.instrument.index()).filter(of_base);
            if !listing.is_some_and(has_vol) {
                return Err(Refusal::new(Reason::UnknownSymbol, vol.instrument.0, 0));
            }
        }
        let is_listed = |forward: &SurfaceForward| {
            let mut listed = config.instruments.iter().filter(of_base);
            listed.any(|listing| maturity_of(listing) == Some(forward.maturity.get()))
        };
        if let Some(forward) = forwards.iter().find(|forward| !is_listed(forward)) {
            return Err(Refusal::new(Reason::UnknownMaturity, forward.maturity.get(), 0));
        }
        let mut products = Vec::new();
        let is_over = |maturity_ns: i64| maturity_ns <= ts.get();
        for listing in config.instruments.iter().filter(of_base).filter(|listing| is_product(listing)) {
            let (id, maturity) = (listing.instrument.id, maturity_of(listing));
            if clearing.is_settled(id) || maturity.is_some_and(is_over) {
                continue;
            }
            let has_forward = |ns: i64| forwards.binary_search_by_key(&ns, |forward| forward.maturity.get()).is_ok();
            let is_complete = maturity.is_none_or(has_forward)
                && (!has_vol(listing) || vols.binary_search_by_key(&id, |vol| vol.instrument).is_ok());
            if !is_complete {
                return Err(Refusal::new(Reason::IncompleteSurface, id.0, 0));
            }
            products.push((id, if has_vol(listing) { None } else { clearing.mark(id) }));
        }
        let index = clearing.index(*base).ok_or(Refusal::new(Reason::NoReferencePrice, base.0, 0))?;
        Ok(Taken { surface: surface.clone(), ts, index, products })
    }

    /// The arrays of each settlement asset.
    fn arrays(&self, config: &VenueConfig, taken: &Taken) -> Result<Vec<RiskArrays>, Refusal> {
        let surface = &taken.surface;
        let too_large =
            |value: Amount| Refusal::new(Reason::BadField, value.get(), i128::MAX.wrapping_div(RATE_PER_STEP));
        let of = |value: Amount| rate(value.get()).ok_or(too_large(value));
        let mut maturities = Vec::new();
        for row in surface.forwards.iter().filter(|row| row.maturity > taken.ts) {
            let (forward, discount, rate) = (of(row.forward)?, of(row.discount)?, of(row.rate)?);
            maturities.push(Maturity { maturity_ns: row.maturity.get(), forward, discount, rate });
        }
        let mut by_settle: BTreeMap<AssetId, Vec<Product<'_>>> = BTreeMap::new();
        for (id, mark) in &taken.products {
            let Some(listing) = config.instruments.get(id.index()) else { continue };
            let instrument = &listing.instrument;
            let vol = surface.vols.binary_search_by_key(id, |vol| vol.instrument).ok();
            let vol = vol.and_then(|row| surface.vols.get(row)).map(|row| of(row.vol)).transpose()?;
            let mark = mark.and_then(|mark| instrument.rate(mark));
            by_settle.entry(instrument.settle).or_default().push(Product { instrument, vol, mark });
        }
        let (model, _) = self.models.get(&surface.base).ok_or(Refusal::new(Reason::UnknownAsset, surface.base.0, 0))?;
        let mut all = Vec::with_capacity(by_settle.len());
        for (settle, products) in &by_settle {
            let settle_decimals = config.assets.get(settle.index()).map_or(0, |asset| asset.decimals);
            let index = rate(taken.index).ok_or(too_large(Amount::new(taken.index)))?;
            let (now_ns, maturities) = (taken.ts.get(), &maturities[..]);
            let underlying = Underlying { now_ns, index, maturities, products, settle_decimals };
            all.push(model.arrays(&underlying).map_err(|error| refusal(config, error))?);
        }
        Ok(all)
    }

    fn vintage(&self, taken: &Taken) -> Vintage {
        let max_age_ns = self.models.get(&taken.surface.base).and_then(|(_, max_age_ns)| *max_age_ns);
        Vintage { ts: taken.ts, max_age_ns }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_len(self.taken.len(), out);
        for taken in self.taken.values() {
            let mut bytes = Vec::new();
            taken.surface.encode(&mut bytes);
            put_len(bytes.len(), out);
            out.extend_from_slice(&bytes);
            taken.ts.put(out);
            taken.index.put(out);
            put_len(taken.products.len(), out);
            for (id, mark) in &taken.products {
                id.put(out);
                mark.is_some().put(out);
                mark.unwrap_or(Price::ZERO).put(out);
            }
        }
    }

    fn restore(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        let all = take_list(bytes, |bytes| {
            let len = usize::try_from(u64::take(bytes)?).map_err(|_| bad("surface"))?;
            let surface = SurfacePublished::decode(take_bytes(bytes, len)?)?;
            let (ts, index) = (Ts::take(bytes)?, Field::take(bytes)?);
            let products = take_list(bytes, |bytes| {
                let (id, has_mark) = (InstrumentId::take(bytes)?, bool::take(bytes)?);
                let mark = Price::take(bytes)?;
                Ok((id, has_mark.then_some(mark)))
            })?;
            Ok(Taken { surface, ts, index, products })
        })?;
        self.taken = all.into_iter().map(|taken| (taken.surface.base, taken)).collect();
        Ok(())
    }
}

/// Why a surface made no arrays, as a refusal: the instrument or the maturity is its value.
fn refusal(config: &VenueConfig, error: RiskArraysError) -> Refusal {
    let named = |symbol: &str| {
        let listing = config.instruments.iter().find(|listing| listing.instrument.symbol == symbol);
        listing.map_or(0, |listing| i128::from(listing.instrument.id.0))
    };
    match error {
        RiskArraysError::Index(index) => Refusal::new(Reason::BadPrice, index.get(), 0),
        RiskArraysError::Maturity(ns, reason) => Refusal::new(reason, ns, 0),
        RiskArraysError::Product(symbol, reason) => Refusal::new(reason, named(&symbol), 0),
        RiskArraysError::NoForward(symbol) | RiskArraysError::NoVol(symbol) => {
            Refusal::new(Reason::IncompleteSurface, named(&symbol), 0)
        }
        RiskArraysError::NotOfTheBook(symbol) | RiskArraysError::Terms(symbol) => {
            Refusal::new(Reason::UnknownSymbol, named(&symbol), 0)
        }
        RiskArraysError::Arrays(_) => Refusal::plain(Reason::NotANumber),
    }
}

impl Venue {
    /// Takes a surface whole, or refuses it.
    pub(super) fn publish(&mut self, surface: &SurfacePublished) -> Result<(), Refusal> {
        let taken = self.surfaces.check(&self.config, &self.core.clearing, surface, self.now)?;
        let (all, vintage) = (self.surfaces.arrays(&self.config, &taken)?, self.surfaces.vintage(&taken));
        for arrays in all {
            self.core.clearing.set_risk_arrays(arrays, vintage)?;
        }
        self.surfaces.taken.insert(surface.base, taken);
        Ok(())
    }

    /// Restores what was published, and makes its arrays again.
    pub(super) fn take_surfaces(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        self.surfaces.restore(bytes)?;
        let wrong = |_| bad("surface");
        for taken in self.surfaces.taken.values() {
            for arrays in self.surfaces.arrays(&self.config, taken).map_err(wrong)? {
                self.core.clearing.restore_risk_arrays(arrays, self.surfaces.vintage(taken)).map_err(wrong)?;
            }
        }
        Ok(())
    }

    /// Version of the surface that portfolio margin of an underlying goes by.
    #[must_use]
    pub fn surface_version(&self, base: AssetId) -> Option<u64> {
        self.surfaces.version(base)
    }
}
