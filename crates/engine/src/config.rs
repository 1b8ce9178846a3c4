//! What the genesis of a journal says: the rules version, the tables, every stage's configuration.
//!
//! It is JSON with whole numbers only, kept byte for byte as it was given, so that its hash is the run's identity.

use serde::{Deserialize, Serialize};
use tiderace_oms::OmsConfig;
use tiderace_risk::RiskConfig;
use tiderace_route::RouteConfig;
use tiderace_types::input::SubmitParent;
use tiderace_types::{
    AccountId, Amount, Asset, AssetId, Fraction, Instrument, InstrumentError, ParentId, Side, Tags, Ts, VenueId,
};

/// The rules that this build applies. A journal of other rules is refused by name.
pub const RULES_VERSION: u32 = 1;
/// Instruments that a desk holds at most: a parent names its own by one bit each.
pub const INSTRUMENTS_MAX: usize = 64;

/// The genesis.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskConfig {
    /// Version of the rules.
    pub rules_version: u32,
    /// Assets, by id.
    pub assets: Vec<Asset>,
    /// Venue names, by id.
    pub venues: Vec<String>,
    /// Labels that tags name, row 0 empty.
    pub labels: Vec<String>,
    /// Instruments, by id.
    pub instruments: Vec<Instrument>,
    /// Order life.
    pub oms: OmsConfig,
    /// Controls.
    pub risk: RiskConfig,
    /// Costs.
    pub route: RouteConfig,
    /// The world outside the desk: read by the simulator, opaque here.
    pub sim: serde_json::Value,
    /// The files of the recording with their hashes: read by who loads it, opaque here.
    pub recording: serde_json::Value,
    /// Whether the market data was made up.
    pub synthetic: bool,
    /// Parent orders submitted at the start.
    pub parents: Vec<ParentSpec>,
    /// Free balances at the start.
    pub balances: Vec<Balance>,
    /// Places ids in hash tables and decides nothing else; made from the genesis itself.
    #[serde(skip)]
    pub seed: u64,
}

/// A free balance at the start.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balance {
    /// Whose.
    #[serde(default)]
    pub account: AccountId,
    /// Where.
    pub venue: VenueId,
    /// What.
    pub asset: AssetId,
    /// Base units.
    pub amount: Amount,
}

/// A parent order as the config gives it; the fields of [`SubmitParent`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is documented where it counts, in SubmitParent")]
pub struct ParentSpec {
    pub parent_id: ParentId,
    pub tags: Tags,
    pub side: Side,
    pub order_qty: Amount,
    pub limit: Fraction,
    pub ts_start: Ts,
    pub duration_ns: i64,
    pub slices: u32,
    pub size_jitter: Fraction,
    pub time_jitter: Fraction,
    pub seed: u64,
    pub catch_up_cap: Fraction,
    pub passive_share: Fraction,
    pub instruments: u64,
}

impl ParentSpec {
    /// The command, as answered to by the input `cause_seq`.
    #[must_use]
    pub fn command(&self, cause_seq: u64) -> SubmitParent {
        let Self { parent_id, tags, side, order_qty, limit, ts_start, duration_ns, slices, .. } = *self;
        let Self { size_jitter, time_jitter, seed, catch_up_cap, passive_share, instruments, .. } = *self;
        SubmitParent {
            parent_id,
            cause_seq,
            tags,
            side,
            order_qty,
            limit,
            ts_start,
            duration_ns,
            slices,
            size_jitter,
            time_jitter,
            seed,
            catch_up_cap,
            passive_share,
            instruments,
        }
    }
}

/// Why a genesis is refused.
#[derive(Debug)]
pub enum ConfigError {
    /// Not the JSON of a genesis.
    Json(serde_json::Error),
    /// Rules of another version.
    RulesVersion(u32),
    /// An instrument cannot be computed with.
    Instrument {
        /// Its symbol.
        symbol: String,
        /// Why.
        error: InstrumentError,
    },
    /// An instrument's id is not its row, or an id in it names no row.
    Table {
        /// Where.
        symbol: String,
    },
    /// An instrument counts an asset in other base units than the asset's own.
    Decimals {
        /// The instrument's symbol.
        symbol: String,
        /// The asset.
        asset: String,
        /// The instrument's digits.
        ours: u32,
        /// The asset's.
        theirs: u32,
    },
    /// A balance names a venue or an asset that is no row of the tables.
    Balance {
        /// Row of the balance.
        row: usize,
        /// The venue.
        venue: VenueId,
        /// The asset.
        asset: AssetId,
    },
    /// A stage refuses its part.
    Stage {
        /// Which stage.
        stage: &'static str,
        /// What it says.
        error: String,
    },
    /// No instrument, or more than [`INSTRUMENTS_MAX`].
    Instruments(usize),
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the genesis is not valid: {error}"),
            Self::RulesVersion(version) => write!(
                f,
                "rules version {version} is not in this build (it applies {RULES_VERSION}); use the build that wrote it"
            ),
            Self::Instrument { symbol, error } => write!(f, "instrument {symbol}: {error}"),
            Self::Table { symbol } => {
                write!(f, "instrument {symbol}: its id, venue and assets must be rows of the genesis tables")
            }
            Self::Decimals { symbol, asset, ours, theirs } => {
                write!(
                    f,
                    "instrument {symbol} counts {asset} at {ours} decimals, the asset has {theirs}; they must be equal"
                )
            }
            Self::Balance { row, venue, asset } => write!(
                f,
                "balances[{row}] names venue {} and asset {}; both must be rows of the genesis tables",
                venue.0, asset.0
            ),
            Self::Stage { stage, error } => write!(f, "{stage}: {error}"),
            Self::Instruments(count) => write!(f, "{count} instruments; a desk holds 1 to {INSTRUMENTS_MAX}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    pub(crate) fn stage(stage: &'static str, error: &dyn core::fmt::Display) -> Self {
        Self::Stage { stage, error: error.to_string() }
    }
}

impl DeskConfig {
    /// Reads and checks a genesis.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_json(json: &str) -> Result<Self, ConfigError> {
        let mut config: Self = serde_json::from_str(json).map_err(ConfigError::Json)?;
        // FNV-1a: enough, since the desk is not attacked by whoever writes its genesis.
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        config.seed = json.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.rules_version != RULES_VERSION {
            return Err(ConfigError::RulesVersion(self.rules_version));
        }
        let wanted = self.instruments.len();
        if wanted == 0 || wanted > INSTRUMENTS_MAX {
            return Err(ConfigError::Instruments(wanted));
        }
        for (row, instrument) in self.instruments.iter().enumerate() {
            let symbol = || instrument.symbol.clone();
            instrument.check().map_err(|error| ConfigError::Instrument { symbol: symbol(), error })?;
            let is_asset = |id: AssetId| id.index() < self.assets.len();
            let is_in_table = instrument.id.index() == row
                && instrument.venue.index() < self.venues.len()
                && [instrument.base, instrument.quote, instrument.settle].into_iter().all(is_asset);
            if !is_in_table {
                return Err(ConfigError::Table { symbol: symbol() });
            }
            let counted = [(instrument.base, instrument.base_decimals), (instrument.quote, instrument.quote_decimals)];
            for (id, ours) in counted {
                let Some(asset) = self.assets.get(id.index()).filter(|asset| asset.decimals != ours) else { continue };
                let (symbol, asset, theirs) = (symbol(), asset.asset.clone(), asset.decimals);
                return Err(ConfigError::Decimals { symbol, asset, ours, theirs });
            }
        }
        for (row, &Balance { venue, asset, .. }) in self.balances.iter().enumerate() {
            if venue.index() >= self.venues.len() || asset.index() >= self.assets.len() {
                return Err(ConfigError::Balance { row, venue, asset });
            }
        }
        Ok(())
    }
}
