//! The three instruments of the recordings in `binance_btc_3books_raw_ws`, and where the recordings are.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::PathBuf;

use tiderace_types::{Amount, AssetId, Instrument, InstrumentId, InstrumentKind, Qty, Style, VenueId};
use tiderace_venue_binance::Market;

const ONE: i64 = 1_000_000_000_000;

pub(crate) fn spot() -> Instrument {
    Instrument {
        id: InstrumentId(0),
        version: 1,
        venue: VenueId(0),
        symbol: "BTCUSDT".into(),
        kind: InstrumentKind::Spot,
        style: Style::Linear,
        base: AssetId(0),
        quote: AssetId(1),
        settle: AssetId(1),
        base_decimals: 8,
        quote_decimals: 8,
        tick_size: ONE / 100,
        lot_size: ONE / 100_000,
        contract_multiplier: ONE,
        min_order_qty: Qty::new(1).unwrap(),
        max_order_qty: Qty::MAX,
        min_notional: Amount::new(500_000_000),
        maturity_ns: None,
        strike_price: None,
        put_or_call: None,
    }
}

pub(crate) fn usdm() -> Instrument {
    Instrument {
        id: InstrumentId(1),
        kind: InstrumentKind::Perpetual,
        tick_size: ONE / 10,
        lot_size: ONE / 1000,
        min_notional: Amount::new(10_000_000_000),
        ..spot()
    }
}

pub(crate) fn coinm() -> Instrument {
    Instrument {
        id: InstrumentId(2),
        kind: InstrumentKind::Perpetual,
        style: Style::Inverse,
        symbol: "BTCUSD_PERP".into(),
        settle: AssetId(0),
        tick_size: ONE / 10,
        lot_size: ONE,
        contract_multiplier: 100 * ONE,
        ..spot()
    }
}

/// A recording: its market, instrument and files in order of time.
pub(crate) fn recordings(data: &str) -> [(Market, Instrument, Vec<PathBuf>); 3] {
    let folder = PathBuf::from(data).join("binance_btc_3books_raw_ws");
    let files = |names: &[&str]| names.iter().map(|name| folder.join(name)).collect();
    [
        (Market::Spot, spot(), files(&["spot_btcusdt_20240808.raw.gz", "spot_btcusdt_20240809.raw.gz"])),
        (Market::UsdM, usdm(), files(&["usdm_btcusdt_20240808.raw.gz"])),
        (Market::CoinM, coinm(), files(&["cm_btcusd_perp_20240808.raw.gz", "cm_btcusd_perp_20240809.raw.gz"])),
    ]
}
