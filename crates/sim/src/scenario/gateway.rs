//! The tables between names and numbers: what a gateway that speaks text keeps beside the venue.
//!
//! Names that the venue does not know get numbers beyond its tables, so that the venue itself refuses them. A ClOrdID
//! that is a whole number is that number; others are numbered from [`NAMED`] on within their account, in the order in
//! which they are first said. The tables decide nothing: the venue knows numbers only.

use std::collections::BTreeMap;

use tiderace_types::id_map::{Handle, IdMap};
use tiderace_types::instrument::STEP_DECIMALS;
use tiderace_types::venue::{Event, NO_ENTRY, NO_GROUP};
use tiderace_types::{
    AccountId, AssetId, ClOrdId, DecimalError, ExecType, Instrument, InstrumentId, InstrumentKind, Price, Qty, Reason,
    Refusal, Ts, decimal,
};

/// No account: a number that no name gets.
pub(super) const NOBODY: AccountId = AccountId(u32::MAX);

/// ClOrdIDs from here on stand for names that are no numbers.
const NAMED: u64 = 1 << 62;

/// Where ClOrdIDs fall in the tables; no order of them is ever seen.
const SEED: u64 = 0x7469_6465_7261_6365;

/// Longest name that a command may be the first to say, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 64;

/// Names in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    ids: BTreeMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    /// The number of a name; a new one gets the next.
    pub(super) fn id(&mut self, name: &str) -> u32 {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.ids.insert(name.to_owned(), id);
        self.names.push(name.to_owned());
        id
    }

    /// The number of a name that is there.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.ids.get(name).copied()
    }

    /// The name of a number.
    pub(super) fn name(&self, id: u32) -> &str {
        usize::try_from(id).ok().and_then(|row| self.names.get(row)).map_or("", String::as_str)
    }
}

/// What one account said.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    ids: Names,
    /// Groups of market-maker protection, the configured ones first.
    pub(super) groups: Names,
    placed: Placed,
}

/// Where accepted orders are.
#[derive(Clone, Debug)]
struct Placed {
    /// The handle's row is the instrument.
    instruments: IdMap<u64>,
    /// Each once.
    cl_ord_ids: Vec<ClOrdId>,
}

impl Default for Placed {
    fn default() -> Self {
        Self { instruments: IdMap::new(0, SEED), cl_ord_ids: Vec::new() }
    }
}

impl Placed {
    fn put(&mut self, cl_ord_id: ClOrdId, instrument: InstrumentId) {
        let handle = Handle { row: instrument.0.into(), generation: 0 };
        if self.instruments.insert_new(cl_ord_id.0, handle) {
            self.cl_ord_ids.push(cl_ord_id);
        } else {
            self.instruments.insert(cl_ord_id.0, handle);
        }
    }

    fn get(&self, cl_ord_id: ClOrdId) -> Option<InstrumentId> {
        let handle = self.instruments.get(cl_ord_id.0)?;
        u16::try_from(handle.row).ok().map(InstrumentId)
    }

    /// All, in the order of their ClOrdIDs.
    fn sorted(&self) -> impl Iterator<Item = (ClOrdId, InstrumentId)> + '_ {
        let mut cl_ord_ids = self.cl_ord_ids.clone();
        cl_ord_ids.sort_unstable();
        cl_ord_ids.into_iter().filter_map(|cl_ord_id| Some((cl_ord_id, self.get(cl_ord_id)?)))
    }
}

/// A table of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Account,
    Symbol,
    Asset,
    Strategy,
    Member,
    /// Of an account.
    Group,
    /// Of an account.
    ClOrdId,
}

const TABLES: [Table; 7] =
    [Table::Account, Table::Symbol, Table::Asset, Table::Strategy, Table::Member, Table::Group, Table::ClOrdId];

/// A name that just got the next number of its table.
#[derive(Clone, Debug)]
pub(super) struct Name {
    table: Table,
    account: AccountId,
    name: String,
}

impl Name {
    /// Table u8, account u32, then the name's UTF-8.
    pub(super) fn encode(&self) -> Vec<u8> {
        let table = TABLES.iter().position(|table| *table == self.table).and_then(|row| u8::try_from(row).ok());
        let mut bytes = vec![table.unwrap_or(u8::MAX)];
        bytes.extend_from_slice(&self.account.0.to_le_bytes());
        bytes.extend_from_slice(self.name.as_bytes());
        bytes
    }
}

/// The tables.
#[derive(Clone, Debug)]
pub(super) struct Gateway {
    /// Accounts of the genesis.
    pub(super) opened: u32,
    /// Names since these were last taken.
    pub(super) fresh: Vec<Name>,
    /// Why the last name that got no number got none, since this was last taken.
    pub(super) refused: Option<Refusal>,
    /// Time of the last command.
    pub(super) now: Ts,
    /// Definitions, by number.
    pub(super) instruments: Vec<Instrument>,
    /// Digits of each asset, by number.
    pub(super) decimals: Vec<u32>,
    pub(super) assets: Names,
    pub(super) symbols: Names,
    pub(super) accounts: Names,
    pub(super) strategies: Names,
    pub(super) members: Names,
    pub(super) said: BTreeMap<AccountId, Said>,
}

impl Gateway {
    /// Tables of a venue that opens at `now`.
    pub(super) fn new(now: Ts) -> Self {
        Self {
            opened: 0,
            fresh: Vec::new(),
            refused: None,
            now,
            instruments: Vec::new(),
            decimals: Vec::new(),
            assets: Names::default(),
            symbols: Names::default(),
            accounts: Names::default(),
            strategies: Names::default(),
            members: Names::default(),
            said: BTreeMap::new(),
        }
    }

    fn names_of(&mut self, table: Table, account: AccountId) -> &mut Names {
        match table {
            Table::Account => &mut self.accounts,
            Table::Symbol => &mut self.symbols,
            Table::Asset => &mut self.assets,
            Table::Strategy => &mut self.strategies,
            Table::Member => &mut self.members,
            Table::Group => &mut self.said.entry(account).or_default().groups,
            Table::ClOrdId => &mut self.said.entry(account).or_default().ids,
        }
    }

    fn intern(&mut self, table: Table, account: AccountId, name: &str) -> u32 {
        let names = self.names_of(table, account);
        if let Some(id) = names.find(name) {
            return id;
        }
        let id = names.id(name);
        self.fresh.push(Name { table, account, name: name.to_owned() });
        id
    }

    /// The number of a name that somebody says. One that is new and too long, or an empty ClOrdID, gets none and is
    /// refused: 4294967295 is beyond every table.
    fn say(&mut self, table: Table, account: AccountId, name: &str) -> u32 {
        let refusal = if name.len() > NAME_BYTES_MAX {
            let [len, limit] = [name.len(), NAME_BYTES_MAX].map(|len| i128::try_from(len).unwrap_or(i128::MAX));
            Refusal::new(Reason::BadField, len, limit)
        } else if name.is_empty() && table == Table::ClOrdId {
            Refusal::new(Reason::BadClOrdId, 0, 1)
        } else {
            return self.intern(table, account, name);
        };
        let known = self.names_of(table, account).find(name);
        known.unwrap_or_else(|| {
            self.refused = Some(refusal);
            u32::MAX
        })
    }

    /// Takes a name back from the bytes of [`Name::encode`]; in the order of the journal it gets its number again.
    pub(super) fn learn(&mut self, bytes: &[u8]) {
        let Some((head, name)) = bytes.split_first_chunk::<5>() else { return };
        let [table, account @ ..] = *head;
        let Some(table) = TABLES.get(usize::from(table)) else { return };
        self.intern(*table, AccountId(u32::from_le_bytes(account)), &String::from_utf8_lossy(name));
        self.fresh.clear();
    }

    /// Every name with its table, those of a table in the order of their numbers.
    fn names(&self) -> impl Iterator<Item = Name> + '_ {
        let shared = [
            (Table::Account, &self.accounts),
            (Table::Symbol, &self.symbols),
            (Table::Asset, &self.assets),
            (Table::Strategy, &self.strategies),
            (Table::Member, &self.members),
        ];
        let shared = shared.into_iter().map(|(table, names)| (table, NOBODY, names));
        let own = self.said.iter().flat_map(|(account, said)| {
            [(Table::Group, *account, &said.groups), (Table::ClOrdId, *account, &said.ids)]
        });
        shared.chain(own).flat_map(|(table, account, names)| {
            names.names.iter().map(move |name| Name { table, account, name: name.clone() })
        })
    }

    /// Appends what was learned since the genesis: time i64; number of names u64, each as length u32 and the bytes of
    /// [`Name::encode`]; number of accepted orders u64, each as account u32, ClOrdID u64, instrument u16.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let len = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        out.extend_from_slice(&self.now.get().to_le_bytes());
        out.extend_from_slice(&len(self.names().count()).to_le_bytes());
        for name in self.names() {
            let bytes = name.encode();
            out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
            out.extend_from_slice(&bytes);
        }
        out.extend_from_slice(&len(self.said.values().map(|said| said.placed.cl_ord_ids.len()).sum()).to_le_bytes());
        for (account, said) in &self.said {
            for (cl_ord_id, instrument) in said.placed.sorted() {
                out.extend_from_slice(&account.0.to_le_bytes());
                out.extend_from_slice(&cl_ord_id.0.to_le_bytes());
                out.extend_from_slice(&instrument.0.to_le_bytes());
            }
        }
    }

    /// Takes into tables as they are at the genesis what [`Gateway::encode`] gave; `None` where it is not that.
    pub(super) fn take(&mut self, bytes: &mut &[u8]) -> Option<()> {
        self.now = Ts::new(i64::from_le_bytes(take(bytes)?));
        for _ in 0..u64::from_le_bytes(take(bytes)?) {
            let len = usize::try_from(u32::from_le_bytes(take(bytes)?)).ok()?;
            let (name, rest) = bytes.split_at_checked(len)?;
            self.learn(name);
            *bytes = rest;
        }
        for _ in 0..u64::from_le_bytes(take(bytes)?) {
            let account = AccountId(u32::from_le_bytes(take(bytes)?));
            let cl_ord_id = ClOrdId(u64::from_le_bytes(take(bytes)?));
            let instrument = InstrumentId(u16::from_le_bytes(take(bytes)?));
            self.said.entry(account).or_default().placed.put(cl_ord_id, instrument);
        }
        Some(())
    }

    pub(super) fn account(&mut self, name: &str) -> AccountId {
        AccountId(self.say(Table::Account, NOBODY, name))
    }

    /// 65535 means every instrument, so that no name gets it.
    pub(super) fn symbol(&mut self, name: &str) -> InstrumentId {
        let id = self.say(Table::Symbol, NOBODY, name);
        InstrumentId(u16::try_from(id).unwrap_or(u16::MAX).min(u16::MAX - 1))
    }

    pub(super) fn asset(&mut self, name: &str) -> AssetId {
        AssetId(u16::try_from(self.say(Table::Asset, NOBODY, name)).unwrap_or(u16::MAX))
    }

    /// Number 0 is the strategy without a name.
    pub(super) fn strategy(&mut self, name: Option<&str>) -> u32 {
        name.map_or(0, |name| self.say(Table::Strategy, NOBODY, name))
    }

    pub(super) fn member(&mut self, name: &str) -> u32 {
        self.say(Table::Member, NOBODY, name)
    }

    pub(super) fn group(&mut self, account: AccountId, name: Option<&str>) -> u16 {
        let Some(name) = name else { return NO_GROUP };
        let id = self.say(Table::Group, account, name);
        u16::try_from(id).unwrap_or(NO_GROUP).min(NO_GROUP - 1)
    }

    pub(super) fn cl_ord_id(&mut self, account: AccountId, name: &str) -> ClOrdId {
        plain(name).unwrap_or_else(|| ClOrdId(NAMED | u64::from(self.say(Table::ClOrdId, account, name))))
    }

    /// The number of an account that was named.
    pub(super) fn known_account(&self, name: &str) -> Option<AccountId> {
        self.accounts.find(name).map(AccountId)
    }

    /// Whether the genesis has the account.
    pub(super) const fn is_open(&self, account: AccountId) -> bool {
        account.0 < self.opened
    }

    /// The number of an instrument that is listed.
    pub(super) fn listed(&self, name: &str) -> Option<InstrumentId> {
        let id = InstrumentId(u16::try_from(self.symbols.find(name)?).ok()?);
        self.definition(id).map(|_| id)
    }

    /// The number of an asset that was named.
    pub(super) fn known_asset(&self, name: &str) -> Option<AssetId> {
        self.assets.find(name).and_then(|id| u16::try_from(id).ok()).map(AssetId)
    }

    /// The number of a ClOrdID that was said.
    pub(super) fn find_cl_ord_id(&self, account: AccountId, name: &str) -> Option<ClOrdId> {
        let named = || self.said.get(&account)?.ids.find(name).map(|row| ClOrdId(NAMED | u64::from(row)));
        plain(name).or_else(named)
    }

    pub(super) fn definition(&self, instrument: InstrumentId) -> Option<&Instrument> {
        self.instruments.get(instrument.index())
    }

    /// Digits of an asset; of one that nobody named, as many as there can be.
    pub(super) fn asset_decimals(&self, asset: AssetId) -> u32 {
        self.decimals.get(asset.index()).copied().unwrap_or(STEP_DECIMALS)
    }

    /// The instrument of an order that was accepted.
    pub(super) fn instrument_of(&self, account: AccountId, cl_ord_id: ClOrdId) -> Option<InstrumentId> {
        self.said.get(&account)?.placed.get(cl_ord_id)
    }

    /// The name under which an order reports.
    pub(super) fn name_of(&self, account: AccountId, cl_ord_id: ClOrdId) -> String {
        let row = cl_ord_id.0.checked_sub(NAMED).and_then(|row| u32::try_from(row).ok());
        match row.zip(self.said.get(&account)) {
            Some((row, said)) => said.ids.name(row).to_owned(),
            None => cl_ord_id.0.to_string(),
        }
    }

    /// Learns from what the venue said.
    pub(super) fn heard(&mut self, event: &Event) {
        if let Event::Report(report) = event {
            let is_new = matches!(report.exec_type, ExecType::New | ExecType::Replaced);
            if is_new && report.quote_entry == NO_ENTRY {
                let said = self.said.entry(report.account).or_default();
                said.placed.put(report.cl_ord_id, report.instrument);
            }
        }
    }
}

/// Takes `N` bytes from the front.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

/// The number that a ClOrdID is, where it is one.
fn plain(name: &str) -> Option<ClOrdId> {
    let number = name.parse().ok().filter(|number| (1..NAMED).contains(number))?;
    (number.to_string() == name).then_some(ClOrdId(number))
}

/// A price in ticks; off the grid, or too large for any book, it is refused.
pub(super) fn price(instrument: &Instrument, text: &str) -> Result<Price, Refusal> {
    let below = |value: i128| value <= 0 && instrument.kind != InstrumentKind::Future;
    let tick = i128::from(instrument.tick_size);
    let value = match decimal::parse(text, STEP_DECIMALS) {
        Ok(value) => value,
        Err(DecimalError::TooFine { .. }) if below(if text.starts_with('-') { -1 } else { 1 }) => {
            return Err(Refusal::plain(Reason::BadPrice));
        }
        Err(DecimalError::TooFine { .. }) => return Err(Refusal::new(Reason::BadTick, 0, tick)),
        Err(DecimalError::TooLarge | DecimalError::NotDecimal) => return Err(Refusal::plain(Reason::BadPrice)),
    };
    if value % tick != 0 {
        let refusal = if below(value) { (Reason::BadPrice, 0) } else { (Reason::BadTick, tick) };
        return Err(Refusal::new(refusal.0, value, refusal.1));
    }
    i64::try_from(value / tick).map(Price::new).map_err(|_| Refusal::new(Reason::BadPrice, value, 0))
}

/// A quantity in lots; below zero, off the grid, or too large for any order, it is refused.
pub(super) fn qty(instrument: &Instrument, text: &str) -> Result<Qty, Refusal> {
    let lot = i128::from(instrument.lot_size);
    let value = match decimal::parse(text, STEP_DECIMALS) {
        Ok(value) => value,
        Err(_) if text.starts_with('-') => return Err(Refusal::plain(Reason::BadQty)),
        Err(DecimalError::TooLarge) => return Err(Refusal::plain(Reason::TooLarge)),
        Err(DecimalError::TooFine { .. } | DecimalError::NotDecimal) => {
            return Err(Refusal::new(Reason::BadLot, 0, lot));
        }
    };
    if value < 0 {
        return Err(Refusal::new(Reason::BadQty, value, 0));
    }
    if value % lot != 0 {
        return Err(Refusal::new(Reason::BadLot, value, lot));
    }
    let lots = i64::try_from(value / lot).ok().and_then(Qty::new);
    lots.ok_or_else(|| Refusal::new(Reason::TooLarge, value, i128::from(instrument.max_order_qty.get())))
}
