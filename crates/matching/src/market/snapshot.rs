//! A market's state as bytes, for snapshots: the same state gives the same bytes.
//!
//! Little-endian fields one after the other, lists with their length before them. The first two bytes are the layout's
//! version. The book is written side by side, price by price, in the order of the line.

use tiderace_book::by_order::Order;
use tiderace_types::{DecodeError, Field, Price, Qty, Ts};

use super::limits::Prints;
use super::off_book::OffBook;
use super::stops::Stops;
use super::tables::{Peg, Pegs};
use super::{
    BandRule, Book, CircuitBreaker, Indication, Market, MarketConfig, NewOrder, Owner, PriceBand, RandomEnd, Scheduled,
};
use crate::terms::Terms;

const VERSION: u16 = 1;

type Taken<T> = Result<T, DecodeError>;

pub(super) const fn bad(field: &'static str) -> DecodeError {
    DecodeError::BadValue { field }
}

pub(super) fn put_all<T>(items: impl ExactSizeIterator<Item = T>, out: &mut Vec<u8>, put: impl Fn(T, &mut Vec<u8>)) {
    u64::try_from(items.len()).unwrap_or(u64::MAX).put(out);
    for item in items {
        put(item, out);
    }
}

pub(super) fn take_all<T>(bytes: &mut &[u8], take: impl Fn(&mut &[u8]) -> Taken<T>) -> Taken<Vec<T>> {
    let count = u64::take(bytes)?;
    // Each item takes a byte at least, so a length beyond the bytes ends in an error, before memory does.
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(take(bytes)?);
    }
    Ok(items)
}

pub(super) fn put_option<T: Field>(value: Option<T>, out: &mut Vec<u8>) {
    value.is_some().put(out);
    if let Some(value) = value {
        value.put(out);
    }
}

pub(super) fn take_option<T: Field>(bytes: &mut &[u8]) -> Taken<Option<T>> {
    if bool::take(bytes)? { T::take(bytes).map(Some) } else { Ok(None) }
}

fn put_pair<A: Field, B: Field>(pair: &(A, B), out: &mut Vec<u8>) {
    pair.0.put(out);
    pair.1.put(out);
}

fn take_pair<A: Field, B: Field>(bytes: &mut &[u8]) -> Taken<(A, B)> {
    Ok((A::take(bytes)?, B::take(bytes)?))
}

/// The bytes of a plain struct: its fields in order.
macro_rules! fields {
    ($($ty:ident { $($field:ident),* })*) => {$(
        impl $ty {
            pub(super) fn put(&self, out: &mut Vec<u8>) {
                $(Field::put(&self.$field, out);)*
            }
            pub(super) fn take(bytes: &mut &[u8]) -> Taken<Self> {
                Ok(Self { $($field: Field::take(bytes)?,)* })
            }
        }
    )*};
}

impl Field for Owner {
    const LEN: usize = 8;
    const COLUMN: tiderace_types::layout::Column = tiderace_types::layout::Column::U64;
    fn put(&self, out: &mut Vec<u8>) {
        self.account.put(out);
        self.group.put(out);
    }
    fn take(bytes: &mut &[u8]) -> Taken<Self> {
        Ok(Self { account: Field::take(bytes)?, group: Field::take(bytes)? })
    }
}

fields! {
    NewOrder {
        order_id, owner, side, ord_type, time_in_force, post_only, reduce_only, self_trade_prevention, trigger,
        peg_to, order_qty, price, stop_px, trailing_offset, peg_offset, expire_time, display_qty, min_qty
    }
    CircuitBreaker { move_, window_ns, auction_ns, extension_ns, max_extensions }
    RandomEnd { max_ns, seed }
    Scheduled { time_of_day_ns, state }
}

impl Indication {
    fn put(&self, out: &mut Vec<u8>) {
        put_pair(&(self.price, self.qty), out);
        put_pair(&(self.surplus, self.surplus_side), out);
    }
    fn take(bytes: &mut &[u8]) -> Taken<Self> {
        let ((price, qty), (surplus, surplus_side)) = (take_pair(bytes)?, take_pair(bytes)?);
        Ok(Self { price, qty, surplus, surplus_side })
    }
}

impl PriceBand {
    fn put(&self, out: &mut Vec<u8>) {
        put_option(self.static_, out);
        put_option(self.dynamic, out);
        matches!(self.market, BandRule::Clamp).put(out);
    }
    fn take(bytes: &mut &[u8]) -> Taken<Self> {
        let (static_, dynamic) = (take_option(bytes)?, take_option(bytes)?);
        Ok(Self { static_, dynamic, market: if bool::take(bytes)? { BandRule::Clamp } else { BandRule::Reject } })
    }
}

impl MarketConfig {
    fn put(&self, out: &mut Vec<u8>) {
        self.allows_negative.put(out);
        put_all(self.band.iter(), out, PriceBand::put);
        put_all(self.breaker.iter(), out, CircuitBreaker::put);
        self.state.put(out);
        put_all(self.random_end.iter(), out, RandomEnd::put);
        put_all(self.schedule.iter(), out, Scheduled::put);
        self.start.put(out);
    }
    fn take(bytes: &mut &[u8]) -> Taken<Self> {
        Ok(Self {
            allows_negative: Field::take(bytes)?,
            band: take_all(bytes, PriceBand::take)?.pop(),
            breaker: take_all(bytes, CircuitBreaker::take)?.pop(),
            state: Field::take(bytes)?,
            random_end: take_all(bytes, RandomEnd::take)?.pop(),
            schedule: take_all(bytes, Scheduled::take)?,
            start: Field::take(bytes)?,
        })
    }
}

fn put_order(order: &Order<Terms>, out: &mut Vec<u8>) {
    put_pair(&(order.order_id, order.price), out);
    put_pair(&(order.visible_qty, order.hidden_qty), out);
    put_pair(&(order.display_qty, order.cum_qty), out);
    put_pair(&(order.owner, order.side), out);
    order.terms.put(out);
}

fn take_order(bytes: &mut &[u8]) -> Taken<Order<Terms>> {
    let ((order_id, price), (visible_qty, hidden_qty)) = (take_pair(bytes)?, take_pair(bytes)?);
    let ((display_qty, cum_qty), (owner, side)) = (take_pair(bytes)?, take_pair(bytes)?);
    let terms = Terms::take(bytes)?;
    Ok(Order { order_id, price, visible_qty, hidden_qty, display_qty, cum_qty, owner, side, terms })
}

impl Pegs {
    fn put(&self, out: &mut Vec<u8>) {
        put_all(self.rows.iter(), out, |peg, out| {
            put_pair(&(peg.order_id, peg.side), out);
            put_pair(&(peg.peg_to, peg.offset), out);
            peg.is_post_only.put(out);
            put_all(self.suspended(peg.order_id).into_iter(), out, put_order);
        });
    }

    /// Those that rest are not told yet where.
    fn take(bytes: &mut &[u8]) -> Taken<Self> {
        let mut pegs = Self::default();
        let rows = take_all(bytes, |bytes| {
            let ((order_id, side), (peg_to, offset)) = (take_pair(bytes)?, take_pair(bytes)?);
            let is_post_only = Field::take(bytes)?;
            let suspended = take_all(bytes, take_order)?.pop();
            Ok((Peg { order_id, side, peg_to, is_post_only, offset, price: None }, suspended))
        })?;
        for (peg, suspended) in rows {
            pegs.insert(peg);
            if let Some(order) = suspended {
                if order.order_id != peg.order_id {
                    return Err(bad("Peg"));
                }
                pegs.suspend(order);
            }
        }
        Ok(pegs)
    }

    /// Learns from the book where those stand that are not suspended.
    fn find_prices(&mut self, book: &Book<Terms>) -> Taken<()> {
        let Self { rows, suspended, .. } = self;
        for peg in rows.iter_mut().filter(|peg| !suspended.contains_key(&peg.order_id)) {
            let order = book.get(peg.order_id).filter(|order| order.terms.is_pegged()).ok_or(bad("Peg"))?;
            peg.price = Some(order.price);
        }
        Ok(())
    }
}

impl Prints {
    fn put(&self, out: &mut Vec<u8>) {
        put_all(self.lows.iter(), out, put_pair);
        put_all(self.highs.iter(), out, put_pair);
    }
    fn take(bytes: &mut &[u8]) -> Taken<Self> {
        let (lows, highs): (Vec<(Ts, Price)>, Vec<_>) = (take_all(bytes, take_pair)?, take_all(bytes, take_pair)?);
        Ok(Self { lows: lows.into(), highs: highs.into() })
    }
}

impl OffBook {
    fn put(&self, out: &mut Vec<u8>) {
        self.config.put(out);
        self.seed.put(out);
        put_pair(&(self.state, self.is_gathering), out);
        self.newest_id.put(out);
        for px in [self.last_px, self.mark, self.index] {
            put_option(px, out);
        }
        self.stops.encode(out);
        self.pegs.put(out);
        put_all(self.expiries.in_order().iter(), out, put_pair);
        put_all(self.groups.rows.iter(), out, put_pair);
        self.prints.put(out);
        put_option(self.auction_end, out);
        self.extensions.put(out);
        put_all(self.scheduled.iter(), out, put_pair);
        put_all(self.put_off.iter(), out, put_pair);
        self.draws.put(out);
        put_all(self.indicated.iter(), out, Indication::put);
    }

    fn take(bytes: &mut &[u8]) -> Taken<Self> {
        let (config, seed) = (MarketConfig::take(bytes)?, u64::take(bytes)?);
        let mut off = Self::new(config, seed);
        (off.state, off.is_gathering) = take_pair(bytes)?;
        off.newest_id = Field::take(bytes)?;
        for px in [&mut off.last_px, &mut off.mark, &mut off.index] {
            *px = take_option(bytes)?;
        }
        off.stops = Stops::decode(bytes, seed)?;
        off.pegs = Pegs::take(bytes)?;
        for (ts, order_id) in take_all(bytes, take_pair)? {
            off.expiries.set(order_id, ts);
        }
        off.groups.rows = take_all(bytes, take_pair)?;
        off.prints = Prints::take(bytes)?;
        off.auction_end = take_option(bytes)?;
        off.extensions = Field::take(bytes)?;
        off.scheduled = take_all(bytes, take_pair)?.pop();
        off.put_off = take_all(bytes, take_pair)?.pop();
        off.draws = Field::take(bytes)?;
        off.indicated = take_all(bytes, Indication::take)?.pop();
        off.find_bounds();
        Ok(off)
    }
}

impl Market {
    /// Appends all of the market's state.
    pub fn encode(&self, out: &mut Vec<u8>) {
        VERSION.put(out);
        self.off.put(out);
        let orders: Vec<_> = super::in_line(&self.book).collect();
        put_all(orders.into_iter(), out, put_order);
    }

    /// Reads a market back from exactly the bytes of [`Self::encode`].
    ///
    /// # Errors
    /// [`DecodeError`] where they are of another version, cut short, too long, or hold what no market holds.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, DecodeError> {
        let bytes = &mut bytes;
        if u16::take(bytes)? != VERSION {
            return Err(bad("Market version"));
        }
        let mut off = OffBook::take(bytes)?;
        let orders = take_all(bytes, take_order)?;
        let mut book = Book::new(orders.len(), off.seed);
        for order in orders {
            if order.visible_qty.checked_add(order.hidden_qty).is_none_or(|leaves| leaves == Qty::ZERO) {
                return Err(bad("Order"));
            }
            book.insert(order).map_err(|_| bad("Book"))?;
        }
        off.pegs.find_prices(&book)?;
        if bytes.is_empty() { Ok(Self { book, off }) } else { Err(bad("Market")) }
    }
}
