//! Instruments that tests start from.

use tiderace_margin::Model;
use tiderace_types::{AssetId, Instrument, InstrumentId, InstrumentKind, Qty, Style, VenueId};

use crate::config::ContractTerms;

/// A perpetual of 1 BTC in steps of 0.5 USDC and lots of 0.001.
pub(crate) fn linear(id: u16) -> Instrument {
    Instrument {
        id: InstrumentId(id),
        version: 1,
        venue: VenueId(0),
        symbol: "BTC-PERP".into(),
        kind: InstrumentKind::Perpetual,
        style: Style::Linear,
        base: AssetId(0),
        quote: AssetId(1),
        settle: AssetId(1),
        base_decimals: 8,
        quote_decimals: 6,
        tick_size: 500_000_000_000,
        lot_size: 1_000_000_000,
        contract_multiplier: 1_000_000_000_000,
        min_order_qty: Qty::new(1).unwrap(),
        max_order_qty: Qty::MAX,
        min_notional: tiderace_types::Amount::ZERO,
        maturity_ns: None,
        strike_price: None,
        put_or_call: None,
    }
}

/// A perpetual of 10 USD a contract, paid in BTC.
pub(crate) fn inverse(id: u16) -> Instrument {
    Instrument {
        style: Style::Inverse,
        settle: AssetId(0),
        symbol: "BTCUSD-PERP".into(),
        lot_size: 1_000_000_000_000,
        contract_multiplier: 10_000_000_000_000,
        ..linear(id)
    }
}

pub(crate) fn tiered(initial: &str, maintenance: &str, per_unit: &str) -> Model {
    let of = |text| tiderace_margin::Factor::parse(text).unwrap();
    Model::Tiered { initial: of(initial), maintenance: of(maintenance), per_unit: of(per_unit) }
}

pub(crate) fn terms(instrument: Instrument) -> ContractTerms {
    ContractTerms {
        instrument,
        margin: None,
        funding: None,
        window_ns: crate::config::HOUR_NS / 2,
        floor: None,
        cap: None,
        liquidation_fee: tiderace_types::Fraction::ZERO,
        basis_max: None,
    }
}
