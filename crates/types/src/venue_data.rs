//! The venue's market data as records: increments of one instrument, and the snapshot that a late client starts from.
//!
//! Every change of an instrument has the next `rpt_seq` (FIX 83). A snapshot is [`BookSnapshot`], then as many
//! [`LevelListed`] and [`OrderListed`] as it says, all with the number of the last change that they hold: a client that
//! applies the increments above that number, in order and without a gap, has the book as everyone has it. Hidden
//! quantities are in none of them.

use crate::{InstrumentId, Price, Qty, Side, TradeKind, TradingState, Ts};

layout! {
    /// An order joined the back of a price. One that shows a fresh slice is removed first.
    OrderAdded = 321 {
        /// When.
        ts: Ts,
        /// Where.
        instrument: InstrumentId,
        /// Number of the change.
        rpt_seq: u64,
        /// Which.
        order_id: u64,
        /// Which side.
        side: Side,
        /// In ticks.
        price: Price,
        /// What it shows, in lots.
        visible_qty: Qty,
    }
    /// An order shows another quantity in the same place.
    OrderShown = 322 {
        /// When.
        ts: Ts,
        /// Where.
        instrument: InstrumentId,
        /// Number of the change.
        rpt_seq: u64,
        /// Which.
        order_id: u64,
        /// What it shows now, in lots.
        visible_qty: Qty,
    }
    /// An order left the book.
    OrderRemoved = 323 {
        /// When.
        ts: Ts,
        /// Where.
        instrument: InstrumentId,
        /// Number of the change.
        rpt_seq: u64,
        /// Which.
        order_id: u64,
    }
    /// A trade; what it takes from the book is said apart.
    TradePrinted = 324 {
        /// When.
        ts: Ts,
        /// Where.
        instrument: InstrumentId,
        /// Number of the change.
        rpt_seq: u64,
        /// In ticks.
        price: Price,
        /// In lots.
        qty: Qty,
        /// Side of the order that came in.
        aggressor: Side,
        /// How it came about.
        kind: TradeKind,
    }
    /// The trading state changed.
    StatePublished = 325 {
        /// When.
        ts: Ts,
        /// Where.
        instrument: InstrumentId,
        /// Number of the change.
        rpt_seq: u64,
        /// To what.
        state: TradingState,
    }
    /// Where an auction would uncross now. No quantity: it would not.
    IndicationPublished = 326 {
        /// When.
        ts: Ts,
        /// Where.
        instrument: InstrumentId,
        /// Number of the change.
        rpt_seq: u64,
        /// In ticks.
        price: Price,
        /// In lots.
        qty: Qty,
        /// What one side would have left at that price, in lots.
        surplus: Qty,
        /// Which side.
        surplus_side: Side,
    }
    /// A snapshot begins: state and best prices, and how many records of levels and orders follow.
    BookSnapshot = 331 {
        /// When it was taken.
        ts: Ts,
        /// Where.
        instrument: InstrumentId,
        /// Number of the last change that it holds.
        rpt_seq: u64,
        /// What may happen.
        state: TradingState,
        /// Best bid in ticks.
        bid_px: Price,
        /// Shown there, in lots; zero where there is no bid.
        bid_qty: Qty,
        /// Best ask in ticks.
        ask_px: Price,
        /// Shown there, in lots; zero where there is no ask.
        ask_qty: Qty,
        /// Whether there was a trade.
        has_traded: bool,
        /// Price of the last trade, in ticks.
        last_px: Price,
        /// Levels that follow, bids first, best first.
        levels: u64,
        /// Orders that follow, bids first, best first, at a price in order of time.
        orders: u64,
    }
    /// A level of a snapshot.
    LevelListed = 332 {
        /// Where.
        instrument: InstrumentId,
        /// Number of the snapshot.
        rpt_seq: u64,
        /// Which side.
        side: Side,
        /// In ticks.
        price: Price,
        /// What is shown there, in lots.
        visible_qty: Qty,
        /// Orders there.
        orders: u64,
    }
    /// An order of a snapshot.
    OrderListed = 333 {
        /// Where.
        instrument: InstrumentId,
        /// Number of the snapshot.
        rpt_seq: u64,
        /// Which.
        order_id: u64,
        /// Which side.
        side: Side,
        /// In ticks.
        price: Price,
        /// What it shows, in lots.
        visible_qty: Qty,
    }
}

records! {
    /// Everything that the venue publishes to all.
    #[derive(Copy)]
    MarketData {
        /// Order in.
        OrderAdded,
        /// Order changed.
        OrderShown,
        /// Order out.
        OrderRemoved,
        /// Trade.
        TradePrinted,
        /// Trading state.
        StatePublished,
        /// Auction.
        IndicationPublished,
        /// Head of a snapshot.
        BookSnapshot,
        /// Level of a snapshot.
        LevelListed,
        /// Order of a snapshot.
        OrderListed,
    }
}
