//! Surfaces of a recording: what was published of vols and forwards when, part of a run's genesis.
//!
//! They reach the desk like a report, at their time. Refused: times that do not rise.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use tiderace_types::input::SurfaceTaken;
use tiderace_types::venue::{SurfaceForward, SurfacePublished, SurfaceVol};
use tiderace_types::{Amount, AssetId, InstrumentId, Ts};

use crate::Reports;

/// What was published at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedSurface {
    /// When.
    pub ts: Ts,
    /// Whose options.
    pub base: AssetId,
    /// (Maturity, forward, discount) in order of maturity; 10^-12.
    pub forwards: Vec<(Ts, Amount, Amount)>,
    /// (Option, vol) in order of options; 10^-12.
    pub vols: Vec<(InstrumentId, Amount)>,
}

impl RecordedSurface {
    fn taken(&self, version: u64) -> SurfaceTaken {
        let forwards = self.forwards.iter().map(|(maturity, forward, discount)| SurfaceForward {
            maturity: *maturity,
            forward: *forward,
            discount: *discount,
            rate: Amount::ZERO,
        });
        let vols = self.vols.iter().map(|(instrument, vol)| SurfaceVol { instrument: *instrument, vol: *vol });
        let (forwards, vols) = (forwards.collect(), vols.collect());
        SurfaceTaken { surface: SurfacePublished { base: self.base, version, forwards, vols } }
    }
}

/// Those that are still to come.
pub(crate) struct Surfaces {
    rest: VecDeque<RecordedSurface>,
    version: u64,
}

impl Surfaces {
    pub(crate) fn new(all: &[RecordedSurface]) -> Self {
        Self { rest: all.iter().cloned().collect(), version: 0 }
    }

    pub(crate) fn ts_next(&self) -> Ts {
        self.rest.front().map_or(Ts::MAX, |surface| surface.ts)
    }

    pub(crate) fn step(&mut self, out: &mut Reports) {
        let Some(surface) = self.rest.pop_front() else { return };
        self.version = self.version.saturating_add(1);
        out.push((surface.ts, surface.taken(self.version).into()));
    }
}
