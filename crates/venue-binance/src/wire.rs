//! One raw message to plain numbers: depthUpdate, bookTicker, trade, and the REST depth snapshot of all three markets.
//!
//! Keys may come in any order and unknown ones are passed over, however they nest. Prices become ticks and quantities
//! 10^-8 as they are read, exactly or not at all. Valid JSON that is none of the four, or of another symbol, is
//! [`Body::Ignored`]; what is not valid, or lacks a field, is refused with the byte.
//!
//! Sources: Binance Spot API docs, "WebSocket Streams"; Binance Derivatives docs, "Diff. Book Depth Streams",
//! "Individual Symbol Book Ticker Streams". The futures `@trade` stream is not documented there; it was recorded with
//! `X`, the kind of trade: only `MARKET` trades come from the book, others (insurance fund, deleveraging) do not.
//!
//! Sketch: a level is 20 to 35 bytes and becomes 24; at two passes of byte-wise digits it costs about 40 ns.

use tiderace_types::{Instrument, Price, Side};

use crate::json::{Cursor, KEEP_MAX, Raw};
use crate::sequence::Diff;

/// Which of Binance's markets a message is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Market {
    /// Spot.
    Spot,
    /// USD-M futures: linear.
    UsdM,
    /// COIN-M futures: inverse.
    CoinM,
}

impl Market {
    /// The market of a name in a config: `spot`, `usdm`, `coinm`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "spot" => Some(Self::Spot),
            "usdm" => Some(Self::UsdM),
            "coinm" => Some(Self::CoinM),
            _ => None,
        }
    }
}

/// Why a message is refused, and at which byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireError {
    /// Offset in the message, from 0.
    pub offset: usize,
    /// Why.
    pub kind: WireErrorKind,
}

/// Why a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireErrorKind {
    /// The message ends too early.
    Ended,
    /// Another character belongs here.
    Expected(char),
    /// Something follows the message.
    Trailing,
    /// A string with a bad escape or a control character.
    BadString,
    /// Not a number, or not one that this field can hold.
    BadNumber,
    /// Not a JSON value.
    BadValue,
    /// Unknown values nest too deep.
    TooDeep,
    /// Not digits with at most one point, in quotes.
    NotDecimal,
    /// Too many digits.
    TooLarge,
    /// A quantity finer than eight decimals.
    TooFine,
    /// A price that is not a whole number of ticks.
    OffTick {
        /// Whether it is of a level, so that the book has lost something.
        is_level: bool,
    },
    /// A field that this message must have.
    Missing(&'static str),
    /// A field that is there twice.
    Duplicate,
    /// A snapshot without a bid or without an ask, so without reach.
    EmptySide,
}

impl core::fmt::Display for WireError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "byte {}: ", self.offset)?;
        match self.kind {
            WireErrorKind::Ended => write!(f, "the message ends too early"),
            WireErrorKind::Expected(wanted) => write!(f, "expected '{wanted}'"),
            WireErrorKind::Trailing => write!(f, "something follows the message"),
            WireErrorKind::BadString => write!(f, "a string is not valid JSON"),
            WireErrorKind::BadNumber => write!(f, "expected a whole number"),
            WireErrorKind::BadValue => write!(f, "expected a JSON value"),
            WireErrorKind::TooDeep => write!(f, "values nest too deep"),
            WireErrorKind::NotDecimal => write!(f, "expected a decimal like \"12.5\""),
            WireErrorKind::TooLarge => write!(f, "the number has too many digits"),
            WireErrorKind::TooFine => write!(f, "the quantity has more than eight decimals"),
            WireErrorKind::OffTick { .. } => write!(f, "the price is not a whole number of ticks"),
            WireErrorKind::Missing(field) => write!(f, "the field {field} is missing"),
            WireErrorKind::Duplicate => write!(f, "a field is there twice"),
            WireErrorKind::EmptySide => write!(f, "a snapshot has no level on one side"),
        }
    }
}

impl std::error::Error for WireError {}

/// The quantity displayed at a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// In ticks.
    pub price: Price,
    /// In 10^-8.
    pub qty_e8: i64,
    /// Bid (buy) or ask (sell).
    pub side: Side,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Changed levels, in [`Wire::levels`].
    Depth(Diff),
    /// A REST snapshot; its levels are in [`Wire::levels`], bids first.
    Snapshot {
        /// `lastUpdateId`.
        last: u64,
    },
    /// The venue's best bid and ask.
    Quote {
        /// `u`.
        id: u64,
        /// `b` and `B`.
        bid: Level,
        /// `a` and `A`.
        ask: Level,
    },
    /// A trade.
    Trade {
        /// `t`.
        id: u64,
        /// Price, quantity, and the aggressor's side: `m` says that the buyer was the maker, so the aggressor sold.
        trade: Level,
        /// Whether it took place in the book (`X` is `MARKET`, or the market has no `X`).
        is_in_book: bool,
    },
    /// Valid, and nothing for us.
    Ignored,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// When it happened, on the venue's clock: `T`, the transaction time, where the message has one, else `E`.
    pub ts_exchange_ns: Option<i64>,
    /// When the venue sent it: `E` where the message has one, else `T`.
    pub ts_sent_ns: Option<i64>,
    /// Quantities that are not a whole number of lots.
    pub off_lot: u64,
    /// What it says.
    pub body: Body,
}

/// The fields that we know, as they stand in the message.
#[derive(Default)]
struct Fields<'a> {
    event: Option<Raw<'a>>,
    event_time: Option<Raw<'a>>,
    transact_time: Option<Raw<'a>>,
    stream: Option<Raw<'a>>,
    symbol: Option<Raw<'a>>,
    first: Option<Raw<'a>>,
    last: Option<Raw<'a>>,
    prev: Option<Raw<'a>>,
    pair: Option<Raw<'a>>,
    bid: Option<Raw<'a>>,
    bid_qty: Option<Raw<'a>>,
    ask: Option<Raw<'a>>,
    ask_qty: Option<Raw<'a>>,
    trade: Option<Raw<'a>>,
    price: Option<Raw<'a>>,
    qty: Option<Raw<'a>>,
    is_buyer_maker: Option<Raw<'a>>,
    trade_kind: Option<Raw<'a>>,
    snapshot: Option<Raw<'a>>,
    snapshot_bids: Option<Raw<'a>>,
    snapshot_asks: Option<Raw<'a>>,
}

impl<'a> Fields<'a> {
    fn slot(&mut self, key: &[u8], is_top: bool) -> Option<&mut Option<Raw<'a>>> {
        Some(match key {
            b"e" => &mut self.event,
            b"E" => &mut self.event_time,
            b"T" => &mut self.transact_time,
            b"s" => &mut self.symbol,
            b"U" => &mut self.first,
            b"u" => &mut self.last,
            b"ps" => &mut self.pair,
            b"pu" => &mut self.prev,
            b"b" => &mut self.bid,
            b"B" => &mut self.bid_qty,
            b"a" => &mut self.ask,
            b"A" => &mut self.ask_qty,
            b"t" => &mut self.trade,
            b"p" => &mut self.price,
            b"q" => &mut self.qty,
            b"m" => &mut self.is_buyer_maker,
            b"X" => &mut self.trade_kind,
            b"stream" if is_top => &mut self.stream,
            b"symbol" if is_top => &mut self.symbol,
            b"lastUpdateId" if is_top => &mut self.snapshot,
            b"bids" if is_top => &mut self.snapshot_bids,
            b"asks" if is_top => &mut self.snapshot_asks,
            _ => return None,
        })
    }

    const fn has_quote(&self) -> bool {
        self.last.is_some()
            && self.bid.is_some()
            && self.bid_qty.is_some()
            && self.ask.is_some()
            && self.ask_qty.is_some()
    }
}

/// Decodes the messages of one instrument, with the memory for one message's levels.
#[derive(Debug)]
pub struct Wire {
    market: Market,
    symbol: Box<[u8]>,
    grid: Grid,
    /// Quantities in 10^-8 that are whole lots are multiples of this.
    lot_step: i64,
    levels: Vec<Level>,
    off_lot: u64,
}

/// The tick as `step` x 10^-`decimals`.
#[derive(Clone, Copy, Debug)]
struct Grid {
    decimals: usize,
    step: i64,
}

impl Grid {
    /// Prices keep the fewest decimals that hold a tick, so that most need no division.
    fn of_tick(tick_size: i64) -> Self {
        let (mut decimals, mut step) = (KEEP_MAX, tick_size.max(1));
        while decimals > 0 && step.checked_rem(10) == Some(0) {
            step = step.checked_div(10).unwrap_or(step);
            decimals = decimals.saturating_sub(1);
        }
        Self { decimals, step }
    }
}

/// What turns 10^-8 of a feed quantity into the 10^-12 of a lot size.
const QTY_TO_STEP: i64 = 10_000;
const QTY_DECIMALS: usize = 8;
const NS_PER_MS: i64 = 1_000_000;

const fn greatest_common_divisor(mut a: i64, mut b: i64) -> i64 {
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a
}

impl Wire {
    /// A decoder of `instrument`'s messages on `market`.
    #[must_use]
    pub fn new(market: Market, instrument: &Instrument) -> Self {
        let lot_size = instrument.lot_size.max(1);
        let lot_step = lot_size.checked_div(greatest_common_divisor(lot_size, QTY_TO_STEP)).unwrap_or(1);
        Self {
            market,
            symbol: instrument.symbol.as_bytes().into(),
            grid: Grid::of_tick(instrument.tick_size),
            lot_step,
            levels: Vec::with_capacity(4096),
            off_lot: 0,
        }
    }

    /// The levels of the last message: its bids and its asks, as they came.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Decodes one message.
    ///
    /// # Errors
    /// [`WireError`]: the byte, and what belongs there.
    pub fn message(&mut self, text: &[u8]) -> Result<Message, WireError> {
        self.levels.clear();
        self.off_lot = 0;
        let mut fields = Fields::default();
        let mut cursor = Cursor::new(text);
        self.object(&mut cursor, &mut fields, true)?;
        cursor.finish()?;
        let body = if self.is_ours(&fields) { self.body(&fields, text.len())? } else { Body::Ignored };
        let (sent, transacted) = match body {
            Body::Ignored => (None, None),
            Body::Depth(_) | Body::Snapshot { .. } | Body::Quote { .. } | Body::Trade { .. } => {
                (time(fields.event_time)?, time(fields.transact_time)?)
            }
        };
        let (ts_exchange_ns, ts_sent_ns) = (transacted.or(sent), sent.or(transacted));
        Ok(Message { ts_exchange_ns, ts_sent_ns, off_lot: self.off_lot, body })
    }

    fn is_ours(&self, fields: &Fields<'_>) -> bool {
        fields.symbol.is_none_or(|symbol| symbol.unquoted() == &*self.symbol)
    }

    fn is_our_depth(&self, fields: &Fields<'_>) -> bool {
        fields.event.is_some_and(|event| event.unquoted() == b"depthUpdate") && self.is_ours(fields)
    }

    /// Collects the fields that we know. Levels are read on sight where it is already clear whose and what they are,
    /// which in Binance's own order of keys is always.
    fn object<'a>(&mut self, cursor: &mut Cursor<'a>, fields: &mut Fields<'a>, is_top: bool) -> Result<(), WireError> {
        cursor.take(b'{')?;
        if cursor.try_take(b'}') {
            return Ok(());
        }
        loop {
            let key = cursor.key()?;
            let levels_side = match key {
                b"bids" if is_top => Some(Side::Buy),
                b"asks" if is_top => Some(Side::Sell),
                b"b" if self.is_our_depth(fields) => Some(Side::Buy),
                b"a" if self.is_our_depth(fields) => Some(Side::Sell),
                _ => None,
            };
            match fields.slot(key, is_top) {
                Some(Some(_)) => return Err(cursor.error(WireErrorKind::Duplicate)),
                Some(slot) => {
                    *slot = Some(match levels_side {
                        Some(side) => self.levels_of(cursor, side)?,
                        None => cursor.value()?,
                    })
                }
                None if is_top && key == b"data" && cursor.peek() == Some(b'{') => {
                    self.object(cursor, fields, false)?
                }
                None => {
                    cursor.value()?;
                }
            }
            if !cursor.try_take(b',') {
                return cursor.take(b'}');
            }
        }
    }

    fn body(&mut self, fields: &Fields<'_>, end: usize) -> Result<Body, WireError> {
        let need = |field, name| need(field, name, end);
        let is_quote = || fields.stream.is_some_and(|stream| stream.unquoted().ends_with(b"@bookTicker"));
        match fields.event.map(Raw::unquoted) {
            Some(b"depthUpdate") => {
                self.late_levels(need(fields.bid, "b")?, Side::Buy)?;
                self.late_levels(need(fields.ask, "a")?, Side::Sell)?;
                let prev = match self.market {
                    Market::Spot => None,
                    Market::UsdM => Some(need(fields.prev, "pu")?.integer()?),
                    Market::CoinM => {
                        // Only COIN-M names the pair: files of USD-M under its name would else pass for it.
                        need(fields.pair, "ps")?;
                        Some(need(fields.prev, "pu")?.integer()?)
                    }
                };
                let first = need(fields.first, "U")?.integer()?;
                Ok(Body::Depth(Diff { first, last: need(fields.last, "u")?.integer()?, prev }))
            }
            Some(b"trade") => self.trade(fields, end),
            Some(b"bookTicker") => self.quote(fields, end),
            Some(_) => Ok(Body::Ignored),
            None if fields.snapshot.is_some() || fields.snapshot_bids.is_some() => {
                need(fields.snapshot_bids, "bids")?;
                need(fields.snapshot_asks, "asks")?;
                let last = need(fields.snapshot, "lastUpdateId")?.integer()?;
                let has = |side| self.levels.iter().any(|level| level.side == side);
                if has(Side::Buy) && has(Side::Sell) {
                    Ok(Body::Snapshot { last })
                } else {
                    Err(WireError { offset: end, kind: WireErrorKind::EmptySide })
                }
            }
            None if is_quote() || fields.has_quote() => self.quote(fields, end),
            None => Ok(Body::Ignored),
        }
    }

    fn trade(&mut self, fields: &Fields<'_>, end: usize) -> Result<Body, WireError> {
        let need = |field, name| need(field, name, end);
        let is_buyer_maker = need(fields.is_buyer_maker, "m")?;
        let side = match is_buyer_maker.text {
            b"true" => Side::Sell,
            b"false" => Side::Buy,
            _ => return Err(is_buyer_maker.error(WireErrorKind::BadValue)),
        };
        let id = need(fields.trade, "t")?.integer()?;
        let is_in_book = fields.trade_kind.is_none_or(|kind| kind.unquoted() == b"MARKET");
        Ok(Body::Trade {
            id,
            trade: self.level_of(need(fields.price, "p")?, need(fields.qty, "q")?, side)?,
            is_in_book,
        })
    }

    fn quote(&mut self, fields: &Fields<'_>, end: usize) -> Result<Body, WireError> {
        let need = |field, name| need(field, name, end);
        let id = need(fields.last, "u")?.integer()?;
        let bid = self.level_of(need(fields.bid, "b")?, need(fields.bid_qty, "B")?, Side::Buy)?;
        let ask = self.level_of(need(fields.ask, "a")?, need(fields.ask_qty, "A")?, Side::Sell)?;
        Ok(Body::Quote { id, bid, ask })
    }

    fn level_of(&mut self, price: Raw<'_>, qty: Raw<'_>, side: Side) -> Result<Level, WireError> {
        Ok(Level { price: self.price(&mut price.cursor(), false)?, qty_e8: self.qty(&mut qty.cursor())?, side })
    }

    /// Reads levels on sight; what is left of them in [`Fields`] is empty.
    fn levels_of<'a>(&mut self, cursor: &mut Cursor<'a>, side: Side) -> Result<Raw<'a>, WireError> {
        self.read_levels(cursor, side)?;
        Ok(cursor.nothing())
    }

    /// Reads levels that came before it was clear what they are.
    fn late_levels(&mut self, levels: Raw<'_>, side: Side) -> Result<(), WireError> {
        if levels.text.is_empty() { Ok(()) } else { self.read_levels(&mut levels.cursor(), side) }
    }

    fn read_levels(&mut self, cursor: &mut Cursor<'_>, side: Side) -> Result<(), WireError> {
        cursor.take(b'[')?;
        if cursor.try_take(b']') {
            return Ok(());
        }
        loop {
            cursor.take(b'[')?;
            let price = self.price(cursor, true)?;
            cursor.take(b',')?;
            let qty_e8 = self.qty(cursor)?;
            // Recordings of spot before 2019 carry an empty third element.
            while cursor.try_take(b',') {
                cursor.value()?;
            }
            cursor.take(b']')?;
            self.levels.push(Level { price, qty_e8, side });
            if !cursor.try_take(b',') {
                return cursor.take(b']');
            }
        }
    }

    #[inline]
    fn price(&self, cursor: &mut Cursor<'_>, is_level: bool) -> Result<Price, WireError> {
        let offset = cursor.offset();
        let (value, is_finer) = cursor.quoted_decimal(self.grid.decimals)?;
        let (ticks, rest) = match self.grid.step {
            1 => (Some(value), Some(0)),
            step => (value.checked_div(step), value.checked_rem(step)),
        };
        match ticks {
            Some(ticks) if rest == Some(0) && !is_finer => Ok(Price::new(ticks)),
            Some(_) | None => Err(WireError { offset, kind: WireErrorKind::OffTick { is_level } }),
        }
    }

    #[inline]
    fn qty(&mut self, cursor: &mut Cursor<'_>) -> Result<i64, WireError> {
        let offset = cursor.offset();
        let (value, is_finer) = cursor.quoted_decimal(QTY_DECIMALS)?;
        if is_finer {
            return Err(WireError { offset, kind: WireErrorKind::TooFine });
        }
        let is_off_lot = value.checked_rem(self.lot_step) != Some(0);
        self.off_lot = self.off_lot.saturating_add(u64::from(is_off_lot));
        Ok(value)
    }
}

fn need<'a>(field: Option<Raw<'a>>, name: &'static str, end: usize) -> Result<Raw<'a>, WireError> {
    field.ok_or(WireError { offset: end, kind: WireErrorKind::Missing(name) })
}

fn time(field: Option<Raw<'_>>) -> Result<Option<i64>, WireError> {
    let Some(field) = field else { return Ok(None) };
    let ms = field.integer()?;
    let ns = i64::try_from(ms).ok().and_then(|ms| ms.checked_mul(NS_PER_MS));
    ns.map(Some).ok_or(field.error(WireErrorKind::TooLarge))
}
