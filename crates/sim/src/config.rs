//! What a simulated venue charges, how its queues are modelled, and how long messages take.

use serde::{Deserialize, Serialize};
use tiderace_types::{AssetId, Fraction, Instrument, Style};

use crate::latency::LatencyModel;
use crate::own_venue::OwnVenueConfig;
use crate::queue::QueueModel;
use crate::surfaces::RecordedSurface;

/// The simulation of a run: part of its genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimConfig {
    /// One entry an instrument, in id order.
    pub instruments: Vec<VenueTerms>,
    /// Where makers stand in the queue.
    pub queue: QueueModel,
    /// Venue to us, market data.
    pub feed: LatencyModel,
    /// Us to the venue.
    pub order_entry: LatencyModel,
    /// Venue to us, reports.
    pub response: LatencyModel,
    /// Seed of every draw.
    pub seed: u64,
    /// The run is on our own venue, in place of a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_venue: Option<OwnVenueConfig>,
    /// What was published of the recording's options, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surfaces: Vec<RecordedSurface>,
}

/// What a venue charges for one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VenueTerms {
    /// Fee of a fill that took, > 0 is paid.
    pub taker_fee: Fraction,
    /// Fee of a fill that rested; below zero is a rebate.
    pub maker_fee: Fraction,
    /// Asset of the fee: the base of an inverse contract, the quote of any other.
    pub fee_asset: AssetId,
}

/// Why a [`SimConfig`] is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimConfigError {
    /// There is not one entry an instrument.
    InstrumentCount {
        /// Instruments of the run.
        wanted: usize,
        /// Entries in the config.
        got: usize,
    },
    /// Fees are computed in the base of an inverse contract and in the quote of any other.
    FeeAsset {
        /// Row of the instrument.
        instrument: usize,
        /// The asset that fees are computed in.
        wanted: AssetId,
        /// The asset in the config.
        got: AssetId,
    },
    /// A fee is within -100 % and 100 %.
    Fee {
        /// Row of the instrument.
        instrument: usize,
        /// The fee in the config.
        fee: Fraction,
    },
    /// Surfaces come in order of time.
    Surface {
        /// Row of the surface.
        row: usize,
    },
    /// A latency is between zero and an hour, low before high; `recorded` is for the feed only.
    Latency {
        /// Which key of the config.
        key: &'static str,
    },
}

impl core::fmt::Display for SimConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::InstrumentCount { wanted, got } => {
                write!(f, "sim has {got} entries for {wanted} instruments; give one each, in order")
            }
            Self::FeeAsset { instrument, wanted, got } => write!(
                f,
                "fee_asset of instrument {instrument} is asset {}, its fees are computed in asset {}: name that",
                got.0, wanted.0
            ),
            Self::Fee { instrument, fee } => write!(
                f,
                "fee of instrument {instrument} is {} x 10^-9; a fee is within -1 and 1, and 1 bp is 0.0001",
                fee.get()
            ),
            Self::Surface { row } => {
                write!(f, "surface {row} is not later than the one before; give them in order of time")
            }
            Self::Latency { key } => write!(
                f,
                "latency {key} is out of range: 0 to 3600 s, low before high, and \"recorded\" for the feed only"
            ),
        }
    }
}

impl std::error::Error for SimConfigError {}

impl SimConfig {
    /// Checks every number against its range and the instruments of the run.
    ///
    /// # Errors
    /// [`SimConfigError`], the first found.
    pub fn check(&self, instruments: &[Instrument]) -> Result<(), SimConfigError> {
        if self.instruments.len() != instruments.len() {
            return Err(SimConfigError::InstrumentCount { wanted: instruments.len(), got: self.instruments.len() });
        }
        for (row, (terms, instrument)) in self.instruments.iter().zip(instruments).enumerate() {
            let wanted = match instrument.style {
                Style::Inverse => instrument.base,
                Style::Linear | Style::Quanto => instrument.quote,
            };
            if terms.fee_asset != wanted {
                return Err(SimConfigError::FeeAsset { instrument: row, wanted, got: terms.fee_asset });
            }
            for fee in [terms.taker_fee, terms.maker_fee] {
                if fee.get().unsigned_abs() > Fraction::ONE.get().unsigned_abs() {
                    return Err(SimConfigError::Fee { instrument: row, fee });
                }
            }
        }
        let pairs = self.surfaces.iter().zip(self.surfaces.iter().skip(1));
        if let Some(row) = pairs.enumerate().find_map(|(row, (one, next))| (one.ts >= next.ts).then_some(row)) {
            return Err(SimConfigError::Surface { row: row.saturating_add(1) });
        }
        let legs = [("feed", self.feed), ("order_entry", self.order_entry), ("response", self.response)];
        for (key, model) in legs {
            if !model.is_valid() || (model == LatencyModel::Recorded && key != "feed") {
                return Err(SimConfigError::Latency { key });
            }
        }
        Ok(())
    }
}
