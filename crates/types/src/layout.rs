//! Fixed little-endian layouts. A record is its fields one after the other, in order, with no padding.
//!
//! [`layout!`] declares a struct together with its bytes; the kinds of [`crate::Input`] and [`crate::Output`] are
//! numbered once and never renumbered. A decoder takes exactly the bytes of one record: fewer or more is an error.

use crate::{
    AccountId, Amount, AssetId, AtEnd, ClOrdId, ExecId, ExecType, Fraction, InstrumentId, KillScope, OrdStatus,
    OrdType, ParentId, ParentStatus, PegTo, PostOnly, Price, Qty, Rate, Reason, SelfTradePrevention, Side, TimeInForce,
    TradeKind, TradingState, Trigger, Ts, VenueId,
};

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The kind is not one that this build knows.
    UnknownKind(u16),
    /// The record of `kind` is `wanted` bytes long, not `got`.
    WrongLength {
        /// The record's kind.
        kind: u16,
        /// Bytes that this kind has.
        wanted: usize,
        /// Bytes that were there.
        got: usize,
    },
    /// A field holds a value outside its type.
    BadValue {
        /// The field's type.
        field: &'static str,
    },
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::UnknownKind(kind) => write!(f, "record kind {kind} is not known to this build"),
            Self::WrongLength { kind, wanted, got } => write!(f, "record kind {kind} has {wanted} bytes, not {got}"),
            Self::BadValue { field } => write!(f, "a field of type {field} is out of its range"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// How a field shows as a column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Unsigned, 1 byte.
    U8,
    /// Unsigned, 2 bytes.
    U16,
    /// Unsigned, 4 bytes.
    U32,
    /// Unsigned, 8 bytes.
    U64,
    /// Signed, 8 bytes.
    I64,
    /// Signed, 16 bytes.
    I128,
    /// One byte, 0 or 1.
    Bool,
    /// Four labels: the columns `trader algorithm strategy client`, 4 bytes each.
    Tags,
}

/// A value with a fixed number of bytes.
pub trait Field: Sized {
    /// Bytes that the value takes.
    const LEN: usize;
    /// The column that it fills.
    const COLUMN: Column;
    /// Appends the value's bytes.
    fn put(&self, out: &mut Vec<u8>);
    /// Takes the value from the front of `bytes`.
    ///
    /// # Errors
    /// [`DecodeError::BadValue`] when the bytes are too few or outside the type.
    fn take(bytes: &mut &[u8]) -> Result<Self, DecodeError>;
}

/// A whole record: its kind and its bytes.
pub trait Layout: Sized {
    /// The record's kind, never renumbered.
    const KIND: u16;
    /// Bytes of the record without its kind.
    const LEN: usize;
    /// The fields in order, with their columns.
    const FIELDS: &'static [(&'static str, Column)];
    /// Appends the record's bytes.
    fn encode(&self, out: &mut Vec<u8>);
    /// Reads a record from exactly its bytes.
    ///
    /// # Errors
    /// [`DecodeError`].
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
}

macro_rules! field_int {
    ($($ty:ty => $column:ident),*) => {$(
        impl Field for $ty {
            const LEN: usize = size_of::<$ty>();
            const COLUMN: Column = Column::$column;
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn take(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
                let Some((head, tail)) = bytes.split_first_chunk::<{ size_of::<$ty>() }>() else {
                    return Err(DecodeError::BadValue { field: stringify!($ty) });
                };
                *bytes = tail;
                Ok(Self::from_le_bytes(*head))
            }
        }
    )*};
}
field_int!(u8 => U8, u16 => U16, u32 => U32, u64 => U64, i64 => I64, i128 => I128);

macro_rules! field_new {
    ($($ty:ty: $inner:ty, $value:ident => $make:expr;)*) => {$(
        impl Field for $ty {
            const LEN: usize = size_of::<$inner>();
            const COLUMN: Column = <$inner as Field>::COLUMN;
            fn put(&self, out: &mut Vec<u8>) {
                self.raw().put(out);
            }
            fn take(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
                let $value = <$inner>::take(bytes)?;
                $make.ok_or(DecodeError::BadValue { field: stringify!($ty) })
            }
        }
    )*};
}
trait Raw<T> {
    fn raw(&self) -> T;
}
macro_rules! raw {
    ($($ty:ty: $inner:ty, $this:ident => $get:expr;)*) => {$(
        impl Raw<$inner> for $ty {
            fn raw(&self) -> $inner {
                let $this = *self;
                $get
            }
        }
    )*};
}
raw! {
    Price: i64, v => v.get(); Qty: i64, v => v.get(); Amount: i128, v => v.get(); Rate: i128, v => v.get();
    Fraction: i64, v => v.get(); Ts: i64, v => v.get();
    AssetId: u16, v => v.0; InstrumentId: u16, v => v.0; VenueId: u16, v => v.0; AccountId: u32, v => v.0;
    ParentId: u64, v => v.0; ClOrdId: u64, v => v.0; ExecId: u64, v => v.0;
    Side: u8, v => v.fix(); OrdType: u8, v => v.fix(); TimeInForce: u8, v => v.fix(); OrdStatus: u8, v => v.fix();
    ExecType: u8, v => v.fix(); KillScope: u8, v => v.fix(); ParentStatus: u8, v => v.fix();
    SelfTradePrevention: u8, v => v.fix(); PostOnly: u8, v => v.fix(); Trigger: u8, v => v.fix(); PegTo: u8, v => v.fix();
    TradingState: u8, v => v.fix(); TradeKind: u8, v => v.fix(); AtEnd: u8, v => v.fix(); Reason: u16, v => v.code();
}
field_new! {
    Price: i64, v => Some(Price::new(v)); Qty: i64, v => Qty::new(v); Amount: i128, v => Some(Amount::new(v));
    Rate: i128, v => Some(Rate::new(v)); Fraction: i64, v => Some(Fraction::new(v)); Ts: i64, v => Some(Ts::new(v));
    AssetId: u16, v => Some(AssetId(v)); InstrumentId: u16, v => Some(InstrumentId(v)); VenueId: u16, v => Some(VenueId(v));
    AccountId: u32, v => Some(AccountId(v)); ParentId: u64, v => Some(ParentId(v)); ClOrdId: u64, v => Some(ClOrdId(v));
    ExecId: u64, v => Some(ExecId(v));
    Side: u8, v => Side::from_fix(v); OrdType: u8, v => OrdType::from_fix(v); TimeInForce: u8, v => TimeInForce::from_fix(v);
    OrdStatus: u8, v => OrdStatus::from_fix(v); ExecType: u8, v => ExecType::from_fix(v);
    KillScope: u8, v => KillScope::from_fix(v); ParentStatus: u8, v => ParentStatus::from_fix(v);
    SelfTradePrevention: u8, v => SelfTradePrevention::from_fix(v); PostOnly: u8, v => PostOnly::from_fix(v);
    Trigger: u8, v => Trigger::from_fix(v); PegTo: u8, v => PegTo::from_fix(v);
    TradingState: u8, v => TradingState::from_fix(v); TradeKind: u8, v => TradeKind::from_fix(v);
    AtEnd: u8, v => AtEnd::from_fix(v); Reason: u16, v => Reason::from_code(v);
}

impl Field for bool {
    const LEN: usize = 1;
    const COLUMN: Column = Column::Bool;
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn take(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        match u8::take(bytes)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::BadValue { field: "bool" }),
        }
    }
}

/// Declares record structs with their kind and bytes.
#[macro_export]
macro_rules! layout {
    ($($(#[$meta:meta])* $name:ident = $kind:literal { $($(#[$fmeta:meta])* $field:ident: $ty:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[$fmeta])* pub $field: $ty,)* }

        impl $crate::layout::Layout for $name {
            const KIND: u16 = $kind;
            const LEN: usize = 0 $(+ <$ty as $crate::layout::Field>::LEN)*;
            const FIELDS: &'static [(&'static str, $crate::layout::Column)] =
                &[$((stringify!($field), <$ty as $crate::layout::Field>::COLUMN),)*];
            fn encode(&self, out: &mut Vec<u8>) {
                $($crate::layout::Field::put(&self.$field, out);)*
            }
            fn decode(bytes: &[u8]) -> Result<Self, $crate::layout::DecodeError> {
                if bytes.len() != Self::LEN {
                    return Err($crate::layout::DecodeError::WrongLength {
                        kind: $kind, wanted: Self::LEN, got: bytes.len(),
                    });
                }
                #[allow(unused_mut, reason = "a record without fields takes nothing")]
                let mut rest = bytes;
                Ok(Self { $($field: <$ty as $crate::layout::Field>::take(&mut rest)?,)* })
            }
        }
    )*};
}

/// Declares an enum over record structs, with encoding by kind. Records of varying length stand behind `varying` and
/// bring `KIND`, `encode` and `decode` of their own.
#[macro_export]
macro_rules! records {
    (
        $(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident,)* }
        $(varying { $($(#[$wmeta:meta])* $varying:ident,)* })?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$vmeta])* $variant($variant),)*
            $($($(#[$wmeta])* $varying($varying),)*)?
        }

        impl $name {
            /// The record's kind.
            #[must_use]
            pub const fn kind(&self) -> u16 {
                match self {
                    $(Self::$variant(_) => <$variant as $crate::layout::Layout>::KIND,)*
                    $($(Self::$varying(_) => $varying::KIND,)*)?
                }
            }
            /// The record's name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => stringify!($variant),)*
                    $($(Self::$varying(_) => stringify!($varying),)*)?
                }
            }
            /// Every record of fixed length: kind, name, fields.
            pub const TABLE: &'static [(u16, &'static str, &'static [(&'static str, $crate::layout::Column)])] = &[$((
                <$variant as $crate::layout::Layout>::KIND,
                stringify!($variant),
                <$variant as $crate::layout::Layout>::FIELDS,
            ),)*];
            /// Appends the record's bytes, without its kind.
            pub fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(record) => $crate::layout::Layout::encode(record, out),)*
                    $($(Self::$varying(record) => record.encode(out),)*)?
                }
            }
            /// Reads the record of `kind` from exactly its bytes.
            ///
            /// # Errors
            /// [`DecodeError`](crate::layout::DecodeError).
            pub fn decode(kind: u16, bytes: &[u8]) -> Result<Self, $crate::layout::DecodeError> {
                match kind {
                    $(<$variant as $crate::layout::Layout>::KIND =>
                        <$variant as $crate::layout::Layout>::decode(bytes).map(Self::$variant),)*
                    $($(kind if kind == $varying::KIND => $varying::decode(bytes).map(Self::$varying),)*)?
                    _ => Err($crate::layout::DecodeError::UnknownKind(kind)),
                }
            }
        }
        $(impl From<$variant> for $name {
            fn from(record: $variant) -> Self { Self::$variant(record) }
        })*
        $($(impl From<$varying> for $name {
            fn from(record: $varying) -> Self { Self::$varying(record) }
        })*)?
    };
}
