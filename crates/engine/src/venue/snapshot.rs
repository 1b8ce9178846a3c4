//! The venue's state as bytes, for snapshots: layout version first; the same state gives the same bytes.
//!
//! The genesis is not in it. Little-endian fields one after the other, lists with their length before them. It is
//! written between two commands, so nothing of a sweep is under way.

use std::collections::BTreeMap;

use tiderace_clear::Clearing;
use tiderace_journal::OutputsDigest;
use tiderace_matching::market::Market;
use tiderace_types::venue::NewOrder;
use tiderace_types::{AccountId, DecodeError, Field, InstrumentId, Layout, Ts};

use super::orders::{Orders, Row, Stage};
use super::{NEVER, Venue, VenueConfig};

/// Version of the layout.
const VERSION: u16 = 5;

pub(super) const fn bad(field: &'static str) -> DecodeError {
    DecodeError::BadValue { field }
}

pub(super) fn put_len(len: usize, out: &mut Vec<u8>) {
    u64::try_from(len).unwrap_or(u64::MAX).put(out);
}

/// Reads a list; each item takes a byte at least, so a length beyond the bytes ends in an error before memory does.
pub(super) fn take_list<T>(
    bytes: &mut &[u8],
    take: impl Fn(&mut &[u8]) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let len = u64::take(bytes)?;
    let mut list = Vec::new();
    for _ in 0..len {
        list.push(take(bytes)?);
    }
    Ok(list)
}

/// Fills a table whose length the genesis says.
pub(super) fn take_into<T>(
    table: &mut [T],
    bytes: &mut &[u8],
    take: impl Fn(&mut &[u8]) -> Result<T, DecodeError>,
) -> Result<(), DecodeError> {
    if u64::take(bytes)? != u64::try_from(table.len()).unwrap_or(u64::MAX) {
        return Err(bad("a table of another genesis"));
    }
    for row in table {
        *row = take(bytes)?;
    }
    Ok(())
}

pub(super) fn take_bytes<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], DecodeError> {
    let (head, tail) = bytes.split_at_checked(len).ok_or(bad("bytes"))?;
    *bytes = tail;
    Ok(head)
}

impl Row {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        self.order_id.put(out);
        self.cl_ord_id.put(out);
        self.price.put(out);
        self.order_qty.put(out);
        self.cum_qty.put(out);
        self.cum_value.put(out);
        self.oco.put(out);
        self.parent.put(out);
        self.account.put(out);
        self.strategy.put(out);
        self.instrument.put(out);
        self.quote_entry.put(out);
        self.mmp_group.put(out);
        self.side.put(out);
        self.ord_type.put(out);
        self.time_in_force.put(out);
        (self.stage == Stage::Waiting).put(out);
        self.reduce_only.put(out);
        self.has_children.put(out);
    }

    pub(super) fn take(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            order_id: Field::take(bytes)?,
            cl_ord_id: Field::take(bytes)?,
            price: Field::take(bytes)?,
            order_qty: Field::take(bytes)?,
            cum_qty: Field::take(bytes)?,
            cum_value: Field::take(bytes)?,
            oco: Field::take(bytes)?,
            parent: Field::take(bytes)?,
            account: Field::take(bytes)?,
            strategy: Field::take(bytes)?,
            instrument: Field::take(bytes)?,
            quote_entry: Field::take(bytes)?,
            mmp_group: Field::take(bytes)?,
            side: Field::take(bytes)?,
            ord_type: Field::take(bytes)?,
            time_in_force: Field::take(bytes)?,
            stage: if bool::take(bytes)? { Stage::Waiting } else { Stage::Working },
            reduce_only: Field::take(bytes)?,
            has_children: Field::take(bytes)?,
            ..Self::blank()
        })
    }
}

impl Venue {
    /// Appends all of the state that the genesis does not say.
    pub fn encode(&self, out: &mut Vec<u8>) {
        VERSION.put(out);
        self.now.put(out);
        let core = &self.core;
        core.orders.encode(out);
        for ids in &core.ids {
            ids.encode(out);
        }
        put_len(core.waiting.len(), out);
        for ((parent, child), order) in &core.waiting {
            parent.put(out);
            child.put(out);
            order.encode(out);
        }
        put_len(core.reduce_only.len(), out);
        for (account, instrument, order_id) in &core.reduce_only {
            account.put(out);
            instrument.put(out);
            order_id.put(out);
        }
        put_len(core.quotes.len(), out);
        for ((account, group), quotes) in &core.quotes {
            account.put(out);
            group.put(out);
            let live: Vec<_> = quotes.iter().filter(|quote| core.orders.get(**quote).is_some()).collect();
            put_len(live.len(), out);
            live.iter().for_each(|quote| quote.put(out));
        }
        core.clearing.encode(out);
        core.tariffs.encode(out);
        core.holds.encode(out);
        core.controls.encode(out);
        core.feed.encode(out);
        for market in &self.markets {
            let mut bytes = Vec::new();
            market.encode(&mut bytes);
            put_len(bytes.len(), out);
            out.extend_from_slice(&bytes);
        }
        self.surfaces.encode(out);
        put_len(self.waiting.len(), out);
        for (account, (instrument, until)) in &self.waiting {
            account.put(out);
            instrument.put(out);
            until.put(out);
        }
        self.conditions.encode(out);
    }

    /// A venue of this genesis with the state of exactly the bytes of [`Self::encode`].
    ///
    /// # Errors
    /// [`DecodeError`] where the bytes are of another version or genesis, too few, too many, or no state.
    pub fn decode(config: VenueConfig, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut venue = Self::new(config).map_err(|_| bad("VenueConfig"))?;
        let rest = &mut { bytes };
        if u16::take(rest)? != VERSION {
            return Err(bad("version of the venue"));
        }
        venue.now = Ts::take(rest)?;
        venue.take_orders(rest)?;
        let core = &mut venue.core;
        core.clearing = Clearing::decode(venue.config.clear_config(), rest)?;
        core.tariffs.restore(rest)?;
        core.holds.restore(rest)?;
        core.controls = venue.config.controls().map_err(|_| bad("VenueConfig"))?.restored(rest)?;
        core.feed.restore(rest)?;
        for market in &mut venue.markets {
            let len = usize::try_from(u64::take(rest)?).map_err(|_| bad("Market"))?;
            *market = Market::decode(take_bytes(rest, len)?)?;
        }
        venue.take_surfaces(rest)?;
        let waiting =
            take_list(rest, |rest| Ok((AccountId::take(rest)?, (InstrumentId::take(rest)?, Ts::take(rest)?))))?;
        venue.waiting = waiting.into_iter().collect();
        venue.conditions.restore(rest)?;
        venue.timers = venue.markets.iter().map(|market| market.next_timer().unwrap_or(NEVER)).collect();
        venue.timer = venue.timers.iter().copied().min().unwrap_or(NEVER);
        if rest.is_empty() { Ok(venue) } else { Err(bad("Venue")) }
    }

    fn take_orders(&mut self, rest: &mut &[u8]) -> Result<(), DecodeError> {
        let core = &mut self.core;
        core.orders = Orders::decode(self.config.accounts.len(), rest)?;
        for ids in &mut core.ids {
            ids.restore(rest)?;
        }
        for row in core.orders.all().filter(|row| !row.is_quote()) {
            let ids = core.ids.get_mut(super::orders::account_index(row.account)).ok_or(bad("account"))?;
            ids.point(row.cl_ord_id, Orders::handle(row.order_id));
        }
        let waiting = take_list(rest, |rest| {
            let key = (u64::take(rest)?, u64::take(rest)?);
            let order = NewOrder::decode(take_bytes(rest, NewOrder::LEN)?)?;
            Ok((key, order))
        })?;
        for (key, child) in waiting {
            core.keep_child(key, child);
        }
        core.reduce_only =
            take_list(rest, |rest| Ok((AccountId::take(rest)?, InstrumentId::take(rest)?, u64::take(rest)?)))?;
        let quotes = take_list(rest, |rest| {
            let key = (AccountId::take(rest)?, u16::take(rest)?);
            Ok((key, take_list(rest, u64::take)?))
        })?;
        core.quotes = quotes.into_iter().collect::<BTreeMap<_, _>>();
        Ok(())
    }

    /// BLAKE3 of the state: what two replicas must agree on.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = OutputsDigest::default();
        digest.push(0, self.now.get(), VERSION, |out| self.encode(out));
        digest.digest()
    }
}
