//! The tables between names and numbers: what a gateway that speaks text keeps beside the venue.
//!
//! Names that the venue does not know get numbers beyond its tables, so that the venue itself refuses them. ClOrdIDs
//! are numbered from 1 within their account, in the order in which they are first said. The tables hold nothing that
//! decides: the venue's journal has numbers only.

use std::collections::BTreeMap;

use tiderace_types::instrument::STEP_DECIMALS;
use tiderace_types::venue::{Event, NO_ENTRY, NO_GROUP};
use tiderace_types::{
    AccountId, AssetId, ClOrdId, DecimalError, ExecType, Instrument, InstrumentId, InstrumentKind, Price, Qty, Reason,
    Refusal, Ts, decimal,
};

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
    /// Where an accepted order is.
    instruments: BTreeMap<ClOrdId, InstrumentId>,
}

/// The tables.
#[derive(Clone, Debug)]
pub(super) struct Gateway {
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

    pub(super) fn account(&mut self, name: &str) -> AccountId {
        AccountId(self.accounts.id(name))
    }

    /// 65535 means every instrument, so that no name gets it.
    pub(super) fn symbol(&mut self, name: &str) -> InstrumentId {
        InstrumentId(u16::try_from(self.symbols.id(name)).unwrap_or(u16::MAX).min(u16::MAX - 1))
    }

    pub(super) fn asset(&mut self, name: &str) -> AssetId {
        AssetId(u16::try_from(self.assets.id(name)).unwrap_or(u16::MAX))
    }

    /// Number 0 is the strategy without a name.
    pub(super) fn strategy(&mut self, name: Option<&str>) -> u32 {
        self.strategies.id("");
        name.map_or(0, |name| self.strategies.id(name))
    }

    pub(super) fn group(&mut self, account: AccountId, name: Option<&str>) -> u16 {
        let groups = &mut self.said.entry(account).or_default().groups;
        name.map_or(NO_GROUP, |name| u16::try_from(groups.id(name)).unwrap_or(NO_GROUP).min(NO_GROUP - 1))
    }

    pub(super) fn cl_ord_id(&mut self, account: AccountId, name: &str) -> ClOrdId {
        let id = self.said.entry(account).or_default().ids.id(name);
        ClOrdId(u64::from(id) + 1)
    }

    /// The number of a ClOrdID that was said.
    pub(super) fn find_cl_ord_id(&self, account: AccountId, name: &str) -> Option<ClOrdId> {
        let id = self.said.get(&account)?.ids.find(name)?;
        Some(ClOrdId(u64::from(id) + 1))
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
        self.said.get(&account)?.instruments.get(&cl_ord_id).copied()
    }

    /// The name under which an order reports.
    pub(super) fn name_of(&self, account: AccountId, cl_ord_id: ClOrdId) -> &str {
        let row = cl_ord_id.0.checked_sub(1).and_then(|row| u32::try_from(row).ok());
        self.said.get(&account).zip(row).map_or("", |(said, row)| said.ids.name(row))
    }

    /// Learns from what the venue said.
    pub(super) fn heard(&mut self, event: &Event) {
        if let Event::Report(report) = event {
            let is_new = matches!(report.exec_type, ExecType::New | ExecType::Replaced);
            if is_new && report.quote_entry == NO_ENTRY {
                let said = self.said.entry(report.account).or_default();
                said.instruments.insert(report.cl_ord_id, report.instrument);
            }
        }
    }
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
