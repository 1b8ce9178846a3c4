//! The words of Tiderace: numbers with units, ids, instruments, commands, events and reason codes.
//!
//! This crate owns meaning and arithmetic and nothing else. Money is integers: [`Price`] is ticks, [`Qty`] is lots,
//! [`Amount`] is an asset's base units, [`Rate`] is a price per unit of exposure for comparisons across instruments.
//! A value crosses the border from text through [`decimal`], exactly or not at all.
//! Commands ([`Input`]) and events ([`Output`]) have a fixed little-endian layout (see [`layout`]) whose bytes are golden.

pub mod decimal;
pub mod enums;
pub mod event;
pub mod id_map;
pub mod ids;
pub mod input;
pub mod instrument;
#[macro_use]
pub mod layout;
pub mod market;
pub mod num;
pub mod reason;
pub mod venue;
pub mod venue_data;

pub use decimal::DecimalError;
pub use enums::{
    AtEnd, ExecType, KillScope, OrdStatus, OrdType, ParentStatus, PegTo, PostOnly, PutOrCall, SelfTradePrevention,
    Side, TimeInForce, TradeKind, TradingState, Trigger,
};
pub use event::Output;
pub use ids::{AccountId, AssetId, ClOrdId, ExecId, InstrumentId, ParentId, Tags, VenueId};
pub use input::Input;
pub use instrument::{Asset, Instrument, InstrumentError, InstrumentKind, Style};
pub use layout::{DecodeError, Field, Layout};
pub use market::{MarketEvent, MarketKind};
pub use num::{Amount, Fraction, Price, Qty, Rate, Rounding, Ts};
pub use reason::{Reason, Refusal};
