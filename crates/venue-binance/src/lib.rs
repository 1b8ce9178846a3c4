//! Binance market data: spot, USD-M and COIN-M, from recorded raw messages to records of a tape.
//!
//! [`wire`] reads one JSON message without allocating and refuses what is malformed by byte offset; [`sequence`] is the
//! venue's own rule of which depth message follows which; [`decode`] walks a recording with both. The venue's words
//! stop here: what leaves is a [`tiderace_feed::Tape`] of [`tiderace_types::MarketEvent`] and a [`Summary`] in plain numbers.
//! No clock, no socket, no thread.

mod json;

pub mod decode;
pub mod sequence;
pub mod wire;

pub use decode::{Decoded, Decoder, Summary, decode_all, read};
pub use wire::{Market, Wire, WireError, WireErrorKind};
