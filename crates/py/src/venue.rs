//! A venue in process: one command in words, or a batch of commands in rows.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::Value;
use tiderace_journal::checkpoint::SigningKey;
use tiderace_journal::{Config, Disk, FileSystem, Keeper, KeeperThread, Mode};
use tiderace_sim::scenario::{Place, SNAPSHOT_EVERY, Session, SessionError, Words};
use tiderace_types::layout::Column as Field;
use tiderace_types::venue::{
    ANY_INSTRUMENT, Cancel, CancelAll, Command, Event, Malformed, NewOrder, Replace, Report, Trade,
};
use tiderace_types::{AccountId, Amount, ClOrdId, DecodeError, InstrumentId, Layout, Reason, Ts};

use crate::arrow::Table;
use crate::errors;
use crate::run::columns;

type Fields = &'static [(&'static str, Field)];

/// Longest line. The names in it then fit into records of the journal, and the largest quote into a line.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// Kinds that rows may hold: name, kind, fields.
const KINDS: [(&str, u16, Fields); 4] = [
    ("new_order", NewOrder::KIND, NewOrder::FIELDS),
    ("replace", Replace::KIND, Replace::FIELDS),
    ("cancel", Cancel::KIND, Cancel::FIELDS),
    ("cancel_all", CancelAll::KIND, CancelAll::FIELDS),
];

const fn width(field: Field) -> usize {
    match field {
        Field::U8 | Field::Bool => 1,
        Field::U16 => 2,
        Field::U32 => 4,
        Field::U64 | Field::I64 => 8,
        Field::I128 | Field::Tags => 16,
    }
}

/// The type of a field in NumPy's letters.
const fn letters(field: Field) -> &'static str {
    match field {
        Field::U8 => "u1",
        Field::Bool => "?",
        Field::U16 => "<u2",
        Field::U32 => "<u4",
        Field::U64 => "<u8",
        Field::I64 => "<i8",
        Field::I128 | Field::Tags => "V16",
    }
}

/// Fields of a row that holds any of [`KINDS`]: its kind, then every field once, those of a new order first and in
/// order, so that one is a single piece.
fn union() -> Vec<(&'static str, Field)> {
    let mut fields = vec![("kind", Field::U16)];
    for (name, field) in KINDS.iter().flat_map(|(_, _, fields)| fields.iter()) {
        // `kind` of a cancel of many would hide that of the row.
        let name = if *name == "kind" { "instrument_kind" } else { name };
        if !fields.iter().any(|(known, _)| *known == name) {
            fields.push((name, *field));
        }
    }
    fields
}

/// A row type: its name, its kind, its fields with NumPy's letters.
type RowType = (&'static str, u16, Vec<(&'static str, &'static str)>);

/// Row types: name, kind (0: any, named in each row), and fields with NumPy's letters.
#[pyfunction]
pub(crate) fn venue_rows() -> Vec<RowType> {
    let show = |fields: &[(&'static str, Field)]| fields.iter().map(|(name, field)| (*name, letters(*field))).collect();
    let mut rows = vec![("command", 0, show(&union()))];
    rows.extend(KINDS.iter().map(|(name, kind, fields)| (*name, *kind, show(fields))));
    rows
}

/// Where the pieces of a record stand in a row.
struct Plan {
    kind: u16,
    pieces: Vec<(usize, usize)>,
    /// Account, instrument, and the key that a refusal reports under.
    names: [Option<usize>; 3],
}

impl Plan {
    fn new(kind: u16, fields: Fields, row: &[(&'static str, Field)]) -> Self {
        let place = |wanted: &str| {
            let wanted = if wanted == "kind" && row.first().is_some_and(|(first, _)| *first == "kind") {
                "instrument_kind"
            } else {
                wanted
            };
            let at = row.iter().position(|(name, _)| *name == wanted)?;
            Some(row.iter().take(at).map(|(_, field)| width(*field)).sum::<usize>())
        };
        let mut pieces: Vec<(usize, usize)> = Vec::new();
        for (name, field) in fields {
            let Some(start) = place(name) else { continue };
            match pieces.last_mut() {
                Some((at, len)) if *at + *len == start => *len += width(*field),
                Some(_) | None => pieces.push((start, width(*field))),
            }
        }
        let has = |name: &str| fields.iter().any(|(field, _)| *field == name);
        let key = if has("cl_ord_id") { "cl_ord_id" } else { "orig_cl_ord_id" };
        let names = ["account", "instrument", key].map(|name| if has(name) { place(name) } else { None });
        Self { kind, pieces, names }
    }

    /// The command of a row; one that no layout holds becomes a refusal of the venue.
    fn command(&self, row: &[u8], bytes: &mut Vec<u8>) -> Command {
        bytes.clear();
        for (start, len) in &self.pieces {
            bytes.extend_from_slice(row.get(*start..start + len).unwrap_or_default());
        }
        Command::decode(self.kind, bytes).unwrap_or_else(|error| self.malformed(row, error).into())
    }

    fn malformed(&self, row: &[u8], error: DecodeError) -> Malformed {
        fn read<const N: usize>(row: &[u8], at: Option<usize>) -> Option<[u8; N]> {
            row.get(at?..)?.first_chunk::<N>().copied()
        }
        let [account, instrument, key] = self.names;
        let is_qty = matches!(error, DecodeError::BadValue { field: "Qty" });
        Malformed {
            kind: self.kind,
            account: AccountId(read(row, account).map_or(u32::MAX, u32::from_le_bytes)),
            instrument: read(row, instrument).map_or(ANY_INSTRUMENT, |bytes| InstrumentId(u16::from_le_bytes(bytes))),
            cl_ord_id: ClOrdId(read(row, key).map_or(0, u64::from_le_bytes)),
            reason: if is_qty { Reason::BadQty } else { Reason::BadField },
            value: Amount::ZERO,
            limit: Amount::ZERO,
        }
    }
}

/// Rows of one batch, read one after the other.
struct Rows {
    plans: Vec<Plan>,
    /// Whether each row says its kind first.
    is_union: bool,
    len: usize,
}

impl Rows {
    /// None for a kind that rows do not hold.
    fn of(kind: u16) -> Option<Self> {
        let is_union = kind == 0;
        let kinds = KINDS.iter().filter(|(_, known, _)| is_union || *known == kind);
        let mut len = 0;
        let mut plans = Vec::new();
        for (_, kind, fields) in kinds {
            let row = if is_union { union() } else { fields.to_vec() };
            len = row.iter().map(|(_, field)| width(*field)).sum();
            plans.push(Plan::new(*kind, fields, &row));
        }
        (!plans.is_empty()).then_some(Self { plans, is_union, len })
    }

    fn commands<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Command> + 'a {
        let mut scratch = Vec::new();
        bytes.chunks_exact(self.len.max(1)).map(move |row| {
            let kind = if self.is_union { row.first_chunk::<2>().map(|kind| u16::from_le_bytes(*kind)) } else { None };
            let plan = self.plans.iter().find(|plan| kind.is_none_or(|kind| plan.kind == kind));
            match (plan, self.plans.first()) {
                (Some(plan), _) => plan.command(row, &mut scratch),
                (None, first) => {
                    let malformed = |plan: &Plan| plan.malformed(row, DecodeError::UnknownKind(0));
                    let kind = kind.unwrap_or(0);
                    let none = Malformed {
                        kind,
                        account: AccountId(u32::MAX),
                        instrument: ANY_INSTRUMENT,
                        cl_ord_id: ClOrdId(0),
                        reason: Reason::BadField,
                        value: Amount::new(kind.into()),
                        limit: Amount::ZERO,
                    };
                    Malformed { kind, ..first.map_or(none, malformed) }.into()
                }
            }
        })
    }
}

/// A venue in process.
#[pyclass(frozen, module = "tiderace._core", name = "Venue")]
pub(crate) struct PyVenue {
    session: Mutex<Option<Session>>,
    /// Trees of closed segments; none without a journal.
    keeper: Mutex<Option<KeeperThread>>,
}

fn session_error(error: SessionError) -> PyErr {
    match error {
        SessionError::Bad(_) | SessionError::Config(_) => errors::ConfigError::new_err(error.to_string()),
        SessionError::Journal(_)
        | SessionError::OtherGenesis
        | SessionError::Differs { .. }
        | SessionError::NoStart { .. }
        | SessionError::Failed { .. }
        | SessionError::Record { .. } => errors::JournalError::new_err(error.to_string()),
    }
}

fn text(words: Option<Words>) -> Option<String> {
    words.map(|words| Value::Object(words).to_string())
}

impl PyVenue {
    fn lock(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&mut Session) -> Result<T, SessionError> + Send,
    ) -> PyResult<T> {
        let done = py.detach(|| self.lock().as_mut().map(act));
        match done {
            Some(done) => done.map_err(session_error),
            None => Err(PyValueError::new_err("the venue is closed; make a new one")),
        }
    }
}

#[pymethods]
impl PyVenue {
    /// A venue from the object of a scenario's venue line, as JSON; `journal` is a folder, `mode` is `os` or `disk`,
    /// `snapshot_every` counts records, `sign_with` is name and seed file of a key that signs the roots of closed segments.
    #[new]
    #[pyo3(signature = (venue, *, journal = None, mode = "disk", snapshot_every = SNAPSHOT_EVERY, sign_with = None))]
    fn new(
        py: Python<'_>,
        venue: &str,
        journal: Option<PathBuf>,
        mode: &str,
        snapshot_every: u64,
        sign_with: Option<(String, PathBuf)>,
    ) -> PyResult<Self> {
        let mode = match mode {
            "os" => Mode::Os,
            "disk" => Mode::Disk,
            _ => return Err(PyValueError::new_err(format!("mode {mode:?} is unknown; known are os and disk"))),
        };
        let value: Value =
            serde_json::from_str(venue).map_err(|error| errors::ConfigError::new_err(format!("venue: {error}")))?;
        let config = Config { mode, ..Config::default() };
        let fs: Arc<dyn FileSystem> = Arc::new(Disk);
        let place = journal.map(|dir| Place { fs: Arc::clone(&fs), dir, config, snapshot_every: Some(snapshot_every) });
        let key = sign_with.map(|(name, file)| SigningKey::from_seed_file(&name, &file)).transpose();
        let key = key.map_err(|error| errors::ConfigError::new_err(error.to_string()))?;
        let session = py.detach(|| Session::open(&value, place.as_ref())).map_err(session_error)?;
        let start = |place: Place| KeeperThread::start(Keeper::new(fs, &place.dir, key.into_iter().collect())?, mode);
        let keeper = place.map(start).transpose().map_err(|error| session_error(error.into()))?;
        Ok(Self { session: Mutex::new(Some(session)), keeper: Mutex::new(keeper) })
    }

    /// Does what a `do` line says; events as a JSON list.
    fn say(&self, py: Python<'_>, line: &str) -> PyResult<String> {
        if line.len() > LINE_BYTES_MAX {
            let message = format!("a line of {} bytes; write at most {LINE_BYTES_MAX}", line.len());
            return Err(errors::ConfigError::new_err(message));
        }
        let words = self.with(py, |session| session.say(line))?;
        Ok(Value::Array(words.into_iter().map(Value::Object).collect()).to_string())
    }

    /// Applies rows of `kind` (0: each says its own), all at `ts_ns` or now. Returns the tables of reports and trades
    /// and the number of other events.
    #[pyo3(signature = (kind, rows, *, ts_ns = None))]
    fn apply(
        &self,
        py: Python<'_>,
        kind: u16,
        rows: PyBuffer<u8>,
        ts_ns: Option<i64>,
    ) -> PyResult<(Table, Table, usize)> {
        let reader = Rows::of(kind).ok_or_else(|| PyValueError::new_err(format!("no rows hold kind {kind}")))?;
        let bytes = rows.to_vec(py)?;
        if bytes.len() % reader.len.max(1) != 0 {
            let message = format!("{} bytes are not whole rows of {}", bytes.len(), reader.len);
            return Err(PyValueError::new_err(message));
        }
        let (mut reports, mut trades, mut others) = (Vec::new(), Vec::new(), 0_usize);
        self.with(py, |session| {
            let ts = ts_ns.map_or(session.now(), Ts::new);
            let commands = reader.commands(&bytes).map(|command| (ts, command));
            session.apply(commands, |row, ts, events| {
                for event in events {
                    let rows = match event {
                        Event::Report(_) => &mut reports,
                        Event::Trade(_) => &mut trades,
                        Event::StateChanged(_)
                        | Event::Indication(_)
                        | Event::MmpChanged(_)
                        | Event::VenueKillChanged(_)
                        | Event::TradeCorrected(_)
                        | Event::CommandRefused(_)
                        | Event::BalanceChanged(_)
                        | Event::LimitChanged(_)
                        | Event::MarginCalled(_)
                        | Event::AuctionOpened(_)
                        | Event::AuctionClosed(_)
                        | Event::LayerUsed(_)
                        | Event::Deleveraged(_)
                        | Event::FundingPaid(_)
                        | Event::InstrumentSettled(_)
                        | Event::ClearingStalled(_)
                        | Event::PayoffListed(_)
                        | Event::PayoffObserved(_)
                        | Event::PayoffPaid(_)
                        | Event::PayoffTrapped(_)
                        | Event::ConditionChanged(_) => {
                            others = others.saturating_add(1);
                            continue;
                        }
                    };
                    rows.extend_from_slice(&u64::try_from(row).unwrap_or(u64::MAX).to_le_bytes());
                    rows.extend_from_slice(&ts.get().to_le_bytes());
                    event.encode(rows);
                }
            })
        })?;
        Ok((table(&reports, Report::FIELDS), table(&trades, Trade::FIELDS), others))
    }

    /// A book as JSON; `None` for a symbol that is not listed.
    fn book(&self, py: Python<'_>, symbol: &str, depth: usize) -> PyResult<Option<String>> {
        self.with(py, |session| Ok(text(session.book(symbol, depth)?)))
    }

    /// A live order as JSON.
    fn order(&self, py: Python<'_>, account: &str, cl_ord_id: &str) -> PyResult<Option<String>> {
        self.with(py, |session| Ok(text(session.order(account, cl_ord_id)?)))
    }

    /// A position as JSON.
    fn position(&self, py: Python<'_>, account: &str, symbol: &str) -> PyResult<Option<String>> {
        self.with(py, |session| Ok(text(session.position(account, symbol)?)))
    }

    /// Cash as JSON.
    fn balance(&self, py: Python<'_>, account: &str, asset: &str) -> PyResult<Option<String>> {
        self.with(py, |session| Ok(text(session.balance(account, asset)?)))
    }

    /// Accounts, symbols and assets in the order of their numbers.
    fn tables(&self, py: Python<'_>) -> PyResult<(Vec<String>, Vec<String>, Vec<String>)> {
        self.with(py, |session| {
            let config = session.venue()?.config();
            Ok((
                config.accounts.iter().map(|account| account.name.clone()).collect(),
                config.instruments.iter().map(|listing| listing.instrument.symbol.clone()).collect(),
                config.assets.iter().map(|asset| asset.asset.clone()).collect(),
            ))
        })
    }

    /// The state's bytes.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.with(py, |session| session.snapshot())?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Digest of the state, as hex.
    fn digest(&self, py: Python<'_>) -> PyResult<String> {
        let digest = self.with(py, |session| Ok(session.venue()?.digest()))?;
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// How it came back from its journal: sequence of the snapshot, commands replayed, snapshots passed over and why,
    /// cancels and kills adopted from the emergency segment.
    fn opening(&self, py: Python<'_>) -> PyResult<(Option<u64>, u64, Vec<String>, u64)> {
        self.with(py, |session| {
            let opening = session.opening();
            let passed_over = opening.passed_over.iter().map(ToString::to_string).collect();
            Ok((opening.from_snapshot, opening.replayed, passed_over, opening.adopted))
        })
    }

    /// Why the journal takes no more; `None` while it does.
    fn failure(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.with(py, |session| Ok(session.failure().map(str::to_owned)))
    }

    /// The time reached.
    fn now_ns(&self, py: Python<'_>) -> PyResult<i64> {
        self.with(py, |session| Ok(session.now().get()))
    }

    /// Ends the journal. Returns why snapshots could not be written, where some could not. Closing a closed venue does
    /// nothing. Damage that the keeper met in closed segments is raised.
    fn close(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let done = py.detach(|| {
            let session = self.lock().take();
            let finished = session.map_or(Ok(Vec::new()), |mut session| {
                session.finish().map(|()| session.take_not_written().iter().map(ToString::to_string).collect())
            });
            let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
            let kept = keeper.map_or(Ok(()), KeeperThread::stop);
            let not_written = finished?;
            kept.map(|()| not_written).map_err(SessionError::from)
        });
        done.map_err(session_error)
    }
}

fn table(rows: &[u8], fields: Fields) -> Table {
    let mut columns = columns(rows, fields);
    if let Some(first) = columns.columns.first_mut() {
        first.0 = "row";
    }
    columns.into()
}
