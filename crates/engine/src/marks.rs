//! What the desk goes by for its options: the vol and the forward of the last published surface, and the underlying.
//!
//! A surface is a picture of one moment. Between two of them vols stand still and the forward moves with the underlying:
//!
//! ```text
//! forward now = published forward x mid of the underlying now / its mid when the surface came
//! ```
//!
//! The underlying of an option is the first perpetual of its base asset in the instrument table, else the first other
//! instrument that is no option. Where its book was not live when the surface came, its first mid after that counts.
//! Time to expiry is that of the call. Floats stay in `model::quoted`: whole numbers come out.
//!
//! Refused, whole and with its reason: a surface that is not newer than the last, unsorted, beyond its bounds, or about
//! what is no option of its underlying.

use std::collections::BTreeMap;

use tiderace_model::black::Black76;
use tiderace_model::quoted::Quoted;
use tiderace_model::risk_array::from_rate;
use tiderace_types::venue::{SURFACE_FORWARDS_MAX, SURFACE_VOLS_MAX, SurfacePublished};
use tiderace_types::{Amount, AssetId, Instrument, InstrumentId, InstrumentKind, Rate, Reason, Refusal, Style, Ts};

const NS_A_YEAR: f64 = 365.0 * 86_400.0 * 1e9;
/// From 10^-12 to 10^-18.
const STEP_TO_RATE: i128 = 1_000_000;
/// From 10^-12 to 10^-9.
const STEP_TO_E9: i128 = 1_000;
/// The least vol: 10^-9.
const VOL_MIN: i128 = STEP_TO_E9;
/// The highest: 1000 %.
const VOL_MAX: i128 = 10_000_000_000_000;

/// What the last surface said of an option.
#[derive(Clone, Copy, Debug)]
struct Mark {
    vol_e9: i64,
    forward: Rate,
    discount: Rate,
    /// Twice the underlying's mid when the surface came.
    mid2: Option<i64>,
}

/// Marks by instrument.
#[derive(Default)]
pub(crate) struct Marks {
    marks: Vec<Option<Mark>>,
    /// Of options: whose mid moves their forward.
    underlyings: Vec<Option<InstrumentId>>,
    versions: BTreeMap<AssetId, u64>,
    /// Whether a mark waits for its underlying's first mid.
    is_waiting: bool,
}

/// Whose mid moves an option's forward: the first perpetual of its base asset, else the first that is no option.
#[must_use]
pub fn underlying_of<'a>(instruments: &'a [Instrument], option: &Instrument) -> Option<&'a Instrument> {
    let others = || instruments.iter().filter(|other| other.base == option.base && !is_option(other));
    others().find(|other| other.kind == InstrumentKind::Perpetual).or_else(|| others().next())
}

fn is_option(instrument: &Instrument) -> bool {
    instrument.kind == InstrumentKind::Option
}

/// A published number that is above zero, and fits.
fn rate(value: Amount) -> Result<Rate, Refusal> {
    let rate = value.get().checked_mul(STEP_TO_RATE).filter(|rate| *rate > 0);
    rate.map(Rate::new).ok_or(Refusal::new(Reason::BadField, value.get(), 1))
}

impl Marks {
    pub(crate) fn new(instruments: &[Instrument]) -> Self {
        let underlyings = instruments.iter().map(|instrument| {
            let underlying = is_option(instrument).then(|| underlying_of(instruments, instrument));
            underlying.flatten().map(|underlying| underlying.id)
        });
        Self { marks: vec![None; instruments.len()], underlyings: underlyings.collect(), ..Self::default() }
    }

    /// Takes a surface whole; `mid2` tells twice the mid of an instrument whose book is live.
    pub(crate) fn take(
        &mut self,
        instruments: &[Instrument],
        surface: &SurfacePublished,
        mid2: impl Fn(InstrumentId) -> Option<i64>,
    ) -> Result<(), Refusal> {
        let SurfacePublished { base, version, forwards, vols } = surface;
        let last = self.versions.get(base).copied().unwrap_or(0);
        if *version <= last {
            return Err(Refusal::new(Reason::OldSurface, *version, last));
        }
        let are_rising = forwards.is_sorted_by(|one, two| one.maturity < two.maturity)
            && vols.is_sorted_by(|one, two| one.instrument < two.instrument);
        if forwards.len() > SURFACE_FORWARDS_MAX || vols.len() > SURFACE_VOLS_MAX || !are_rising {
            return Err(Refusal::plain(Reason::BadField));
        }
        let mut marks = Vec::with_capacity(vols.len());
        for row in vols {
            let (id, vol) = (row.instrument, row.vol.get());
            let option = instruments.get(id.index()).filter(|option| option.base == *base && is_option(option));
            let option = option.ok_or(Refusal::new(Reason::UnknownSymbol, id.0, 0))?;
            let maturity = option.maturity_ns.unwrap_or(0);
            let forward = forwards.binary_search_by_key(&maturity, |forward| forward.maturity.get()).ok();
            let forward = forward.and_then(|at| forwards.get(at));
            let forward = forward.ok_or(Refusal::new(Reason::IncompleteSurface, id.0, 0))?;
            if !(VOL_MIN..=VOL_MAX).contains(&vol) {
                return Err(Refusal::new(Reason::BadVol, vol, VOL_MAX));
            }
            let vol_e9 = i64::try_from(vol.div_euclid(STEP_TO_E9)).unwrap_or(i64::MAX);
            let (forward, discount) = (rate(forward.forward)?, rate(forward.discount)?);
            let mid2 = self.underlying(id).and_then(&mid2);
            marks.push((id, Mark { vol_e9, forward, discount, mid2 }));
        }
        self.versions.insert(*base, *version);
        for (id, mark) in marks {
            self.is_waiting |= mark.mid2.is_none();
            if let Some(place) = self.marks.get_mut(id.index()) {
                *place = Some(mark);
            }
        }
        Ok(())
    }

    /// A book's mid moved.
    pub(crate) fn on_moved(&mut self, instrument: InstrumentId, mid2: i64) {
        if !self.is_waiting {
            return;
        }
        self.is_waiting = false;
        for (mark, underlying) in self.marks.iter_mut().zip(&self.underlyings) {
            let Some(mark) = mark.as_mut().filter(|mark| mark.mid2.is_none()) else { continue };
            if *underlying == Some(instrument) {
                mark.mid2 = Some(mid2);
            } else {
                self.is_waiting = true;
            }
        }
    }

    /// Whose mid moves an option's forward.
    pub(crate) fn underlying(&self, option: InstrumentId) -> Option<InstrumentId> {
        self.underlyings.get(option.index()).copied().flatten()
    }

    /// The vol of an option, 10^-9.
    pub(crate) fn vol_e9(&self, option: InstrumentId) -> Option<i64> {
        self.marks.get(option.index()).copied().flatten().map(|mark| mark.vol_e9)
    }

    /// An option as it stands at a time, with twice the underlying's mid of now. None without a surface, without a mid,
    /// or once it is over.
    pub(crate) fn quoted(&self, option: &Instrument, ts: Ts, mid2: i64) -> Option<Quoted> {
        let Mark { vol_e9, forward, discount, mid2: then } = self.marks.get(option.id.index()).copied().flatten()?;
        let whole = |value: i64| from_rate(Rate::new(value.into()));
        let left_ns = option.maturity_ns?.checked_sub(ts.get()).filter(|left_ns| *left_ns > 0)?;
        let forward = from_rate(forward) * (whole(mid2) / whole(then?));
        let option_of = Black76 {
            forward,
            strike: from_rate(option.rate(option.strike_price?)?),
            t: whole(left_ns) * (1e18 / NS_A_YEAR),
            vol: whole(vol_e9) * 1e9,
            discount: from_rate(discount),
            put_or_call: option.put_or_call?,
        };
        let tick = from_rate(Rate::new(i128::from(option.tick_size).saturating_mul(STEP_TO_RATE)));
        // An option whose prices are in its own base asset is paid for, and pays, in the coin.
        let is_coin = option.style == Style::Inverse || option.quote == option.base;
        Some(Quoted { option: option_of, tick, is_coin })
    }
}
