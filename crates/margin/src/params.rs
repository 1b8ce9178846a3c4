//! Parameters of portfolio margin: scenarios, shocks, discounts and contingencies, as a TOML file or a mapping holds
//! them. Every number is decimal text.
//!
//! A spot shock may be written as a factor (`"1.16"`, `"0.84"`) or as a move (`"0.16"`, `"-0.16"`); one set uses one
//! form throughout. Factors are all above zero and at least one of them is 1 or more, which no set of moves is that has
//! a fall or the unmoved price in it.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::factor::Factor;

/// Scenarios that a set holds at most: rows of them live on the stack.
pub const SCENARIOS_MAX: usize = 64;

/// One set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// What may happen.
    pub scenarios: Vec<Scenario>,
    /// What vol up and down mean.
    pub vol_shock: VolShock,
    /// What the skew rows do to a smile; needed where there are such rows.
    #[serde(default)]
    pub skew: Option<Skew>,
    /// What of the worst loss is asked for.
    pub loss_factor: Share,
    /// What an expiry's shocked value counts for; where there is none it counts as it is.
    #[serde(default)]
    pub discount: Option<Discount>,
    /// Basis risk of each expiry by itself.
    #[serde(default)]
    pub forward_contingency: Option<ForwardContingency>,
    /// Shares of notional on top.
    #[serde(default)]
    pub contingency: Contingency,
}

/// One thing that may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Spot and forwards, as a factor or a move.
    pub spot: Factor,
    /// Vols.
    #[serde(default)]
    pub vol: VolMove,
    /// Share of its profit or loss that counts.
    #[serde(default = "Factor::one")]
    pub damping: Factor,
    /// What sort of row it is.
    #[serde(default)]
    pub kind: ScenarioKind,
}

/// What happens to vols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolMove {
    /// Nothing.
    #[default]
    None,
    /// Up by term.
    Up,
    /// Down by term.
    Down,
    /// One wing up, the other down.
    Linear,
    /// Both wings up.
    Abs,
}

/// Sorts of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScenarioKind {
    /// A move that is expected to happen.
    #[default]
    Regular,
    /// A far move, damped.
    Tail,
    /// A twist of the smile: every expiry may go either way, so that each counts as a loss; without perpetuals.
    Skew,
}

/// Vol up and down: vol x (1 +- range x (`reference_days` / max(days, `days_floor`))^power).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolShock {
    /// Range up.
    pub up: Factor,
    /// Range down.
    pub down: Factor,
    /// Power up to `reference_days`.
    pub short_term_power: Factor,
    /// Power beyond.
    pub long_term_power: Factor,
    /// Fewest days that count.
    pub days_floor: Factor,
    /// Days at which the range counts as it is.
    pub reference_days: Factor,
    /// A vol that went up is at least this.
    #[serde(default)]
    pub min_vol_up: Factor,
}

/// Skew rows: vol x (1 + clip(k cap / width, -cap, cap)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skew {
    /// Cap of the linear row at no time left.
    pub linear_cap: Factor,
    /// What it grows by with the root of time.
    pub linear_slope: Factor,
    /// Cap of the row of both wings at no time left.
    pub abs_cap: Factor,
    /// What it grows by with the root of time.
    pub abs_slope: Factor,
    /// Least width in log-moneyness.
    pub min_width: Factor,
    /// Deviations after which the cap is reached.
    pub width_scale: Factor,
    /// Vol that the width is taken from.
    pub vol_static: Factor,
    /// What it grows by with the root of time.
    pub vol_slope: Factor,
}

/// Two shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// For the initial requirement; a contingency's comes on top of its maintenance share.
    pub initial: Factor,
    /// For the maintenance requirement.
    pub maintenance: Factor,
}

/// An expiry's shocked value is multiplied, when positive, by `long_static` exp(-t (rate `long_rate_mult` +
/// `long_rate_add`)), when negative by min(1 / discount, `short_static` exp(t (rate `short_rate_mult` +
/// `short_rate_add`))).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discount {
    /// See above.
    pub long_static: Factor,
    /// See above.
    pub long_rate_mult: Factor,
    /// See above.
    pub long_rate_add: Factor,
    /// See above.
    pub short_static: Factor,
    /// See above.
    pub short_rate_mult: Factor,
    /// See above.
    pub short_rate_add: Factor,
}

/// Summed over expiries: (`add` + `mult` t) x the worse of the two moves at unshocked vol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardContingency {
    /// The rise, written like the scenarios' spot.
    pub up: Factor,
    /// The fall, written like the scenarios' spot; a move may be written without its sign.
    pub down: Factor,
    /// Share at no time left.
    pub add: Factor,
    /// What it grows by a year.
    pub mult: Factor,
}

/// Shares of index notional.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contingency {
    /// On perpetuals.
    #[serde(default)]
    pub perpetual: Share,
    /// On short options less long ones of the other kind at the same strike and expiry.
    #[serde(default)]
    pub option: Share,
}

/// Why a set is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamsError {
    /// Not TOML of this shape.
    Text(String),
    /// No scenario, or more than [`SCENARIOS_MAX`].
    Scenarios(usize),
    /// A number of this name is outside its range.
    OutOfRange(&'static str, Factor),
    /// There are skew rows and no `skew`.
    NoSkew,
}

impl fmt::Display for ParamsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text}"),
            Self::Scenarios(count) => write!(f, "{count} scenarios; a set has 1 to {SCENARIOS_MAX}"),
            Self::OutOfRange(name, value) => write!(f, "{name} of {value} is outside its range"),
            Self::NoSkew => write!(f, "rows of vol linear or abs need the parameters of \"skew\""),
        }
    }
}

impl std::error::Error for ParamsError {}

/// No shock or share is larger.
const LARGEST: Factor = Factor::new(1_000 * Factor::ONE.get());

impl Params {
    /// Checks that the numbers can be computed with.
    ///
    /// # Errors
    /// [`ParamsError`].
    pub fn check(&self) -> Result<(), ParamsError> {
        if self.scenarios.is_empty() || self.scenarios.len() > SCENARIOS_MAX {
            return Err(ParamsError::Scenarios(self.scenarios.len()));
        }
        if self.skew.is_none() && self.scenarios.iter().any(Scenario::is_twist) {
            return Err(ParamsError::NoSkew);
        }
        let within = |name: &'static str, value: Factor, low: Factor| {
            let is_within = value >= low && value <= LARGEST;
            if is_within { Ok(()) } else { Err(ParamsError::OutOfRange(name, value)) }
        };
        for scenario in &self.scenarios {
            within("spot", self.spot_factor(scenario.spot), Factor::new(1))?;
            within("damping", scenario.damping, Factor::ZERO)?;
        }
        let (shock, contingency) = (&self.vol_shock, &self.contingency);
        let mut shares = vec![
            ("vol_shock.up", shock.up),
            ("vol_shock.down", shock.down),
            ("vol_shock.min_vol_up", shock.min_vol_up),
            ("loss_factor.initial", self.loss_factor.initial),
            ("loss_factor.maintenance", self.loss_factor.maintenance),
            ("contingency.perpetual.initial", contingency.perpetual.initial),
            ("contingency.perpetual.maintenance", contingency.perpetual.maintenance),
            ("contingency.option.initial", contingency.option.initial),
            ("contingency.option.maintenance", contingency.option.maintenance),
        ];
        if let Some(discount) = &self.discount {
            shares.extend([
                ("discount.long_static", discount.long_static),
                ("discount.short_static", discount.short_static),
            ]);
        }
        if let Some(forward) = &self.forward_contingency {
            let [up, down] = self.forward_factors().unwrap_or_default();
            within("forward_contingency.up", up, Factor::new(1))?;
            within("forward_contingency.down", down, Factor::new(1))?;
            shares.extend([("forward_contingency.add", forward.add), ("forward_contingency.mult", forward.mult)]);
        }
        shares.into_iter().try_for_each(|(name, value)| within(name, value, Factor::ZERO))?;
        within("vol_shock.days_floor", shock.days_floor, Factor::new(1))?;
        within("vol_shock.reference_days", shock.reference_days, Factor::new(1))
    }

    /// Whether spot shocks are written as factors.
    #[must_use]
    pub fn is_in_factors(&self) -> bool {
        let forward = self.forward_contingency.iter().flat_map(|forward| [forward.up, forward.down]);
        let mut shocks = self.scenarios.iter().map(|scenario| scenario.spot).chain(forward);
        let all_above_zero = shocks.clone().all(|spot| spot > Factor::ZERO);
        all_above_zero && shocks.any(|spot| spot >= Factor::ONE)
    }

    /// A spot shock as the factor that prices are multiplied by.
    #[must_use]
    pub fn spot_factor(&self, spot: Factor) -> Factor {
        if self.is_in_factors() { spot } else { Factor::new(Factor::ONE.get().saturating_add(spot.get())) }
    }

    /// The moves of the forward contingency as factors, up and down.
    #[must_use]
    pub fn forward_factors(&self) -> Option<[Factor; 2]> {
        let forward = self.forward_contingency.as_ref()?;
        let down = if self.is_in_factors() {
            forward.down
        } else {
            Factor::new(forward.down.get().saturating_abs().saturating_neg())
        };
        Some([forward.up, down].map(|spot| self.spot_factor(spot)))
    }
}

impl Scenario {
    /// Whether it twists the smile.
    #[must_use]
    pub const fn is_twist(&self) -> bool {
        match self.vol {
            VolMove::Linear | VolMove::Abs => true,
            VolMove::None | VolMove::Up | VolMove::Down => false,
        }
    }
    /// Whether every expiry counts as a loss and perpetuals not at all.
    #[must_use]
    pub const fn is_skew(&self) -> bool {
        match self.kind {
            ScenarioKind::Skew => true,
            ScenarioKind::Regular | ScenarioKind::Tail => self.is_twist(),
        }
    }
}
