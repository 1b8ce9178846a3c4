//! The instruments of a day and what they are worth when spot and vols have moved.

use tiderace_model::black::Black76;
use tiderace_types::venue::{SurfaceForward, SurfacePublished, SurfaceVol};
use tiderace_types::{
    Amount, AssetId, Instrument, InstrumentId, InstrumentKind, Price, PutOrCall, Qty, Style, Ts, VenueId,
};

use super::chain::{Chain, Quote, years};
use crate::rng::{float, floor};

const STEP: i64 = 1_000_000_000_000;
/// Base asset and coin.
pub(super) const BTC: AssetId = AssetId(0);
/// Quote asset.
pub(super) const USDC: AssetId = AssetId(1);
/// The perpetual that is settled in the coin.
pub(super) const INVERSE: InstrumentId = InstrumentId(0);
/// The perpetual that is settled in the quote asset.
pub(super) const LINEAR: InstrumentId = InstrumentId(1);
/// Perpetuals; options follow.
const PERPETUALS: u16 = 2;
/// The first of the options.
pub(super) const FIRST_OPTION: InstrumentId = InstrumentId(PERPETUALS);
/// Quote currency of a contract of the inverse perpetual.
pub(super) const INVERSE_USD: f64 = 10.0;
/// Base of a lot of the linear perpetual.
pub(super) const LINEAR_LOT: f64 = 0.001;
/// Contracts of a lot of an option.
pub(super) const OPTION_LOT: f64 = 0.1;
const PERPETUAL_TICK: f64 = 0.5;
const OPTION_TICK: f64 = 0.0001;

/// What is listed.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) source: String,
    pub(super) ts_ns: i64,
    pub(super) index: f64,
    pub(super) quotes: Vec<Quote>,
    pub(super) instruments: Vec<Instrument>,
}

/// Prices at one moment.
#[derive(Clone, Debug)]
pub(super) struct Prices {
    pub(super) index: f64,
    /// By instrument.
    pub(super) marks: Vec<Price>,
}

impl Scene {
    pub(super) fn new(chain: &Chain, options: usize, until: i64) -> Self {
        let quotes = chain.largest(options, until);
        let mut instruments = vec![inverse(), linear()];
        instruments.extend((PERPETUALS..).zip(&quotes).map(|(id, quote)| option(id, quote)));
        Self { source: chain.source.clone(), ts_ns: chain.ts_ns, index: chain.index, quotes, instruments }
    }

    /// The quote of an option.
    pub(super) fn quote(&self, at: InstrumentId) -> Option<&Quote> {
        self.quotes.get(usize::from(at.0.checked_sub(FIRST_OPTION.0)?))
    }

    /// Instruments by id.
    pub(super) fn ids(&self) -> impl Iterator<Item = InstrumentId> + use<> {
        (0..u16::try_from(self.instruments.len()).unwrap_or(u16::MAX)).map(InstrumentId)
    }

    /// The price of an option in the coin, when the index is `spot` times what it was and its vol `vol` times. Every
    /// strike keeps its own vol.
    pub(super) fn coin_price(&self, quote: &Quote, ts_ns: i64, spot: f64, vol: f64) -> f64 {
        let terms = Black76 {
            forward: quote.forward * spot,
            strike: quote.strike,
            t: years(ts_ns, quote.maturity_ns),
            vol: quote.vol * vol,
            discount: 1.0,
            put_or_call: if quote.is_call { PutOrCall::Call } else { PutOrCall::Put },
        };
        terms.inverse_price().unwrap_or(0.0)
    }

    /// The surface that portfolio margin is computed from, when the index is `spot` times what it was, and every vol
    /// `vol` times.
    pub(super) fn surface(&self, version: u64, spot: f64, vol: f64) -> SurfacePublished {
        let steps = |value: f64| Amount::new(i128::from(floor(value * 1e12)));
        let mut forwards: Vec<SurfaceForward> = self
            .quotes
            .iter()
            .map(|quote| SurfaceForward {
                maturity: Ts::new(quote.maturity_ns),
                forward: steps(quote.forward * spot),
                discount: steps(1.0),
                rate: Amount::ZERO,
            })
            .collect();
        forwards.dedup_by_key(|forward| forward.maturity);
        let quotes = (PERPETUALS..).zip(&self.quotes);
        let vols = quotes.map(|(id, quote)| SurfaceVol { instrument: InstrumentId(id), vol: steps(quote.vol * vol) });
        SurfacePublished { base: BTC, version, forwards, vols: vols.collect() }
    }

    /// Prices when the index is `spot` times what it was, and every vol `vol` times.
    pub(super) fn prices(&self, ts_ns: i64, spot: f64, vol: f64) -> Prices {
        let index = self.index * spot;
        let mut marks = vec![ticks(index, PERPETUAL_TICK); usize::from(PERPETUALS)];
        marks.extend(self.quotes.iter().map(|quote| ticks(self.coin_price(quote, ts_ns, spot, vol), OPTION_TICK)));
        Prices { index, marks }
    }
}

impl Prices {
    /// The index as commands carry it.
    pub(super) fn index_amount(&self) -> Amount {
        Amount::new(i128::from(floor(self.index * 100.0)).saturating_mul(i128::from(STEP / 100)))
    }

    pub(super) fn mark(&self, at: InstrumentId) -> Price {
        self.marks.get(at.index()).copied().unwrap_or(Price::ZERO)
    }

    /// What so many lots are worth in the quote currency: of a perpetual its notional, of an option its price.
    pub(super) fn worth_usd(&self, at: InstrumentId, lots: i64) -> f64 {
        match at {
            INVERSE => float(lots) * INVERSE_USD,
            LINEAR => float(lots) * LINEAR_LOT * self.index,
            _ => float(lots) * OPTION_LOT * float(self.mark(at).get()) * OPTION_TICK * self.index,
        }
    }

    /// Underlying of so many lots in the quote currency.
    pub(super) fn notional_usd(&self, at: InstrumentId, lots: i64) -> f64 {
        match at {
            INVERSE | LINEAR => self.worth_usd(at, lots),
            _ => float(lots) * OPTION_LOT * self.index,
        }
    }
}

/// The nearest price above zero.
fn ticks(value: f64, tick: f64) -> Price {
    Price::new(floor(value / tick + 0.5).max(1))
}

fn perpetual(id: InstrumentId, symbol: &str) -> Instrument {
    Instrument {
        id,
        version: 1,
        venue: VenueId(0),
        symbol: symbol.to_owned(),
        kind: InstrumentKind::Perpetual,
        style: Style::Linear,
        base: BTC,
        quote: USDC,
        settle: USDC,
        base_decimals: 8,
        quote_decimals: 6,
        tick_size: STEP / 2,
        lot_size: STEP / 1_000,
        contract_multiplier: STEP,
        min_order_qty: Qty::ZERO,
        max_order_qty: Qty::MAX,
        min_notional: Amount::ZERO,
        maturity_ns: None,
        strike_price: None,
        put_or_call: None,
    }
}

fn linear() -> Instrument {
    perpetual(LINEAR, "BTC_USDC-PERPETUAL")
}

fn inverse() -> Instrument {
    Instrument {
        style: Style::Inverse,
        settle: BTC,
        lot_size: STEP,
        contract_multiplier: STEP.saturating_mul(10),
        ..perpetual(INVERSE, "BTC-PERPETUAL")
    }
}

fn option(id: u16, quote: &Quote) -> Instrument {
    Instrument {
        kind: InstrumentKind::Option,
        style: Style::Inverse,
        settle: BTC,
        tick_size: STEP / 10_000,
        lot_size: STEP / 10,
        maturity_ns: Some(quote.maturity_ns),
        strike_price: Some(ticks(quote.strike, OPTION_TICK)),
        put_or_call: Some(if quote.is_call { PutOrCall::Call } else { PutOrCall::Put }),
        ..perpetual(InstrumentId(id), &quote.symbol)
    }
}
