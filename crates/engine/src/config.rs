//! What the genesis of a journal says: the rules version, the tables, every stage's configuration.
//!
//! It is JSON with whole numbers only, kept byte for byte as it was given, so that its hash is the run's identity.

use serde::{Deserialize, Serialize};
use tiderace_algo::{Algo, AlgoError};
use tiderace_oms::OmsConfig;
use tiderace_risk::RiskConfig;
use tiderace_route::RouteConfig;
use tiderace_types::input::SubmitParent;
use tiderace_types::{
    AccountId, Amount, Asset, AssetId, AtEnd, Fraction, Instrument, InstrumentError, ParentId, Side, Tags, Ts, VenueId,
};

/// The rules that this build applies. A journal of other rules is refused by name.
pub const RULES_VERSION: u32 = 2;
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
    /// Algorithms, by number.
    pub algos: Vec<AlgoSpec>,
    /// Parent orders submitted at the start.
    pub parents: Vec<ParentSpec>,
    /// Whether the market data prints our own trades.
    #[serde(default)]
    pub prints_own: bool,
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

/// A parent order as the config gives it: the fields of [`SubmitParent`], its algorithm by number or otherwise.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is documented where it counts, in SubmitParent")]
pub struct ParentSpec<A = u32> {
    pub parent_id: ParentId,
    pub tags: Tags,
    pub side: Side,
    pub order_qty: Amount,
    pub limit: Fraction,
    pub ts_start: Ts,
    pub duration_ns: i64,
    pub algo: A,
    pub seed: u64,
    pub instruments: u64,
    pub would: Fraction,
    pub would_qty: Amount,
    pub max_participation: Fraction,
    pub clip_min: Amount,
    pub clip_max: Amount,
    pub at_end: AtEnd,
    pub spread_max: Fraction,
    pub range_max: Fraction,
}

impl ParentSpec {
    /// The command, as answered to by the input `cause_seq`.
    #[must_use]
    pub fn command(&self, cause_seq: u64) -> SubmitParent {
        let Self { parent_id, tags, side, order_qty, limit, ts_start, duration_ns, algo, seed, instruments, .. } =
            *self;
        let Self { would, would_qty, max_participation, clip_min, clip_max, at_end, spread_max, range_max, .. } = *self;
        SubmitParent {
            parent_id,
            cause_seq,
            tags,
            side,
            order_qty,
            limit,
            ts_start,
            duration_ns,
            algo,
            seed,
            instruments,
            would,
            would_qty,
            max_participation,
            clip_min,
            clip_max,
            at_end,
            spread_max,
            range_max,
        }
    }
}

impl<A> ParentSpec<A> {
    /// The same parent, worked by the algorithm of a number.
    #[must_use]
    pub fn numbered(self, row: u32) -> ParentSpec {
        let Self { parent_id, tags, side, order_qty, limit, ts_start, duration_ns, seed, instruments, .. } = self;
        let Self { would, would_qty, max_participation, clip_min, clip_max, at_end, spread_max, range_max, .. } = self;
        ParentSpec {
            parent_id,
            tags,
            side,
            order_qty,
            limit,
            ts_start,
            duration_ns,
            algo: row,
            seed,
            instruments,
            would,
            would_qty,
            max_participation,
            clip_min,
            clip_max,
            at_end,
            spread_max,
            range_max,
        }
    }
}

/// A program with its parameters as the config gives it: bytes in hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlgoSpec {
    /// The program's form.
    #[serde(with = "hex")]
    pub form: Vec<u8>,
    /// Its parameters, packed.
    #[serde(with = "hex")]
    pub params: Vec<u8>,
}

impl AlgoSpec {
    /// Checks that it can be loaded. Gives the identity of its form.
    ///
    /// # Errors
    /// [`AlgoError`].
    pub fn check(&self) -> Result<[u8; 32], AlgoError> {
        Ok(*Algo::load(&self.form, Some(&self.params))?.program.hash())
    }
}

/// Bytes as hex text.
mod hex {
    use core::fmt::Write;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(bytes.len().saturating_mul(2));
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let byte = |[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
        let bytes = pairs.iter().map(byte).collect::<Option<Vec<u8>>>().filter(|_| rest.is_empty());
        bytes.ok_or_else(|| D::Error::custom("hex digits needed, two a byte"))
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
    /// An algorithm cannot be loaded.
    Algo {
        /// Its number.
        row: usize,
        /// Why.
        error: AlgoError,
    },
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
            Self::Algo { row, error } => write!(f, "algos[{row}]: {error}"),
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
