//! Market data as the desk takes it in: one small fixed record a change, the same for every venue.
//!
//! A venue's message becomes one or more records; the last one carries [`MarketEvent::LAST`], and only then are the
//! books consistent and anybody woken. Quantities keep the wire's eight decimals (in contracts or base units as the
//! venue counts), since a lot binds orders, not what others were able to trade.

use crate::{InstrumentId, Price, Side, Ts};

/// What a [`MarketEvent`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MarketKind {
    /// The quantity displayed at a price is now `qty_e8` (zero: the level is gone).
    Level = 1,
    /// A trade; the side is the aggressor's.
    Trade = 2,
    /// The venue's own best price of one side. A check of the book, never its source.
    Best = 3,
    /// A snapshot begins: the book is empty and not yet live.
    Clear = 4,
    /// Deepest price of one side that the snapshot reached; what lies beyond is unknown, not zero.
    Reach = 5,
    /// The book is complete up to its reach and live.
    Live = 6,
    /// A gap in the sequence: the book is stale until the next `Live`.
    Gap = 7,
}

impl MarketKind {
    /// The kind of a byte.
    #[must_use]
    pub const fn from_u8(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Level),
            2 => Some(Self::Trade),
            3 => Some(Self::Best),
            4 => Some(Self::Clear),
            5 => Some(Self::Reach),
            6 => Some(Self::Live),
            7 => Some(Self::Gap),
            _ => None,
        }
    }
}

/// One change of one market: 48 bytes, little-endian, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct MarketEvent {
    /// When the venue says it happened, on the recorder's clock (shifted by the recording's clock offset).
    pub ts_event: Ts,
    /// When it reached us, on the recorder's clock.
    pub ts_recv: Ts,
    /// In ticks.
    pub price: Price,
    /// In 10^-8 of what the venue counts in.
    pub qty_e8: i64,
    /// The venue's update id, or a trade's id.
    pub seq: u64,
    /// Whose market.
    pub instrument: InstrumentId,
    /// What it says.
    pub kind: MarketKind,
    /// [`MarketEvent::ASK`], [`MarketEvent::LAST`], [`MarketEvent::SNAPSHOT`], [`MarketEvent::UNTIMED`].
    pub flags: u8,
}

impl MarketEvent {
    /// Bytes of a record.
    pub const LEN: usize = 48;
    /// The ask side; for a trade, the aggressor sold.
    pub const ASK: u8 = 1;
    /// Last record of the venue's message.
    pub const LAST: u8 = 2;
    /// Part of a snapshot.
    pub const SNAPSHOT: u8 = 4;
    /// The message named no venue time: `ts_event` is `ts_recv`, whatever the clock offset.
    pub const UNTIMED: u8 = 8;

    /// The book side of a level, best price or reach (bid: buy); for a trade the aggressor's side.
    #[must_use]
    pub const fn side(&self) -> Side {
        if self.flags & Self::ASK == 0 { Side::Buy } else { Side::Sell }
    }
    /// Whether this closes the venue's message.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.flags & Self::LAST != 0
    }
    /// The record's bytes: the fields in order, then four zero bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let words = [self.ts_event.get(), self.ts_recv.get(), self.price.get(), self.qty_e8];
        let (parts, _) = bytes.as_chunks_mut::<8>();
        for (part, word) in parts.iter_mut().zip(words) {
            *part = word.to_le_bytes();
        }
        let instrument = self.instrument.0.to_le_bytes();
        let last = [instrument[0], instrument[1], self.kind.to_u8(), self.flags, 0, 0, 0, 0];
        for (part, word) in parts.iter_mut().skip(4).zip([self.seq.to_le_bytes(), last]) {
            *part = word;
        }
        bytes
    }
    /// Reads a record; `None` when the kind is unknown or the padding is not zero.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let (parts, _) = bytes.as_chunks::<8>();
        let [ts_event, ts_recv, price, qty_e8, seq, [i0, i1, kind, flags, 0, 0, 0, 0]] = parts else {
            return None;
        };
        Some(Self {
            ts_event: Ts::new(i64::from_le_bytes(*ts_event)),
            ts_recv: Ts::new(i64::from_le_bytes(*ts_recv)),
            price: Price::new(i64::from_le_bytes(*price)),
            qty_e8: i64::from_le_bytes(*qty_e8),
            seq: u64::from_le_bytes(*seq),
            instrument: InstrumentId(u16::from_le_bytes([*i0, *i1])),
            kind: MarketKind::from_u8(*kind)?,
            flags: *flags,
        })
    }
}

impl MarketKind {
    /// The byte of a kind.
    #[must_use]
    pub const fn to_u8(self) -> u8 {
        match self {
            Self::Level => 1,
            Self::Trade => 2,
            Self::Best => 3,
            Self::Clear => 4,
            Self::Reach => 5,
            Self::Live => 6,
            Self::Gap => 7,
        }
    }
}
