//! Option prices, implied vols, greeks, surfaces, impact, fair value, risk arrays: floats live here, and leave by named rounding only.

pub mod arbitrage;
pub mod bachelier;
pub mod batch;
pub mod black;
pub mod chain;
pub mod digital;
pub mod fair_value;
pub mod forward;
pub mod greeks;
pub mod impact;
pub mod implied;
pub mod inverse;
pub mod micro_price;
pub mod normal;
mod otm;
pub mod quoted;
pub mod risk_array;
pub mod ssvi;
pub mod surface;
pub mod svi;
