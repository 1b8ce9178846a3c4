//! Option prices, implied vols, greeks, surfaces, impact, fair value, risk arrays: floats live here, and leave by named rounding only.
