//! What a resting order keeps with it, in three bytes: with them it fills one cache line.

use tiderace_types::{DecodeError, Field, SelfTradePrevention, TimeInForce};

/// What a resting order keeps for when it is met, replaced, or its time comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What happens where it comes in again and meets its owner's.
    pub self_trade_prevention: SelfTradePrevention,
    /// How long it works.
    pub time_in_force: TimeInForce,
    marks: u8,
}

const POST_ONLY: u8 = 1;
const REDUCE_ONLY: u8 = 2;
const PEGGED: u8 = 4;
const BAD_TERMS: DecodeError = DecodeError::BadValue { field: "Terms" };

impl Terms {
    /// Terms with nothing special.
    #[must_use]
    pub const fn new(self_trade_prevention: SelfTradePrevention, time_in_force: TimeInForce) -> Self {
        Self { self_trade_prevention, time_in_force, marks: 0 }
    }

    /// Marks it as post-only: a replace that would trade is refused.
    #[must_use]
    pub const fn with_post_only(self, is_post_only: bool) -> Self {
        self.with(POST_ONLY, is_post_only)
    }

    /// Marks it as reduce-only.
    #[must_use]
    pub const fn with_reduce_only(self, is_reduce_only: bool) -> Self {
        self.with(REDUCE_ONLY, is_reduce_only)
    }

    /// Marks it as a peg.
    #[must_use]
    pub const fn with_pegged(self, is_pegged: bool) -> Self {
        self.with(PEGGED, is_pegged)
    }

    /// Whether a replace that would trade is refused.
    #[must_use]
    pub const fn is_post_only(self) -> bool {
        self.marks & POST_ONLY != 0
    }

    /// Whether it may only make a position smaller.
    #[must_use]
    pub const fn is_reduce_only(self) -> bool {
        self.marks & REDUCE_ONLY != 0
    }

    /// Whether its price follows a reference.
    #[must_use]
    pub const fn is_pegged(self) -> bool {
        self.marks & PEGGED != 0
    }

    /// Whether a table beside the book knows the order too.
    pub(crate) const fn is_listed(self) -> bool {
        self.is_pegged() || matches!(self.time_in_force, TimeInForce::Gtd)
    }

    /// Whether nothing of it ever rests.
    pub(crate) const fn is_immediate(self) -> bool {
        matches!(self.time_in_force, TimeInForce::Ioc | TimeInForce::Fok)
    }

    pub(crate) fn put(self, out: &mut Vec<u8>) {
        self.self_trade_prevention.put(out);
        self.time_in_force.put(out);
        self.marks.put(out);
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let (self_trade_prevention, time_in_force) = (Field::take(bytes)?, Field::take(bytes)?);
        let marks = u8::take(bytes)?;
        let is_known = marks & !(POST_ONLY | REDUCE_ONLY | PEGGED) == 0;
        if is_known { Ok(Self { self_trade_prevention, time_in_force, marks }) } else { Err(BAD_TERMS) }
    }

    const fn with(self, mark: u8, is_set: bool) -> Self {
        Self { marks: if is_set { self.marks | mark } else { self.marks & !mark }, ..self }
    }
}
