//! How a run ends: done, or trapped with a reason.

use std::fmt;

/// Why a program was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrapReason {
    /// A result does not fit.
    Overflow,
    /// Division by zero.
    DivZero,
    /// An index below 0 or beyond.
    Bounds,
    /// A shift count outside 0..63.
    Shift,
    /// A range with step 0.
    RangeStep,
    /// NaN, or a float beyond i64.
    FloatToInt,
    /// All fuel is used.
    OutOfFuel,
    /// The host refused.
    Host,
}

impl TrapReason {
    /// Every reason, by number from 1.
    pub const ALL: [Self; 8] = [
        Self::Overflow,
        Self::DivZero,
        Self::Bounds,
        Self::Shift,
        Self::RangeStep,
        Self::FloatToInt,
        Self::OutOfFuel,
        Self::Host,
    ];

    /// Its number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Overflow => 1,
            Self::DivZero => 2,
            Self::Bounds => 3,
            Self::Shift => 4,
            Self::RangeStep => 5,
            Self::FloatToInt => 6,
            Self::OutOfFuel => 7,
            Self::Host => 8,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overflow => "overflow",
            Self::DivZero => "div_zero",
            Self::Bounds => "bounds",
            Self::Shift => "shift",
            Self::RangeStep => "range_step",
            Self::FloatToInt => "float_to_int",
            Self::OutOfFuel => "out_of_fuel",
            Self::Host => "host",
        }
    }

    pub(crate) fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| u64::from(reason.code()) == code)
    }
}

/// A program that was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    /// Why.
    pub reason: TrapReason,
    /// Number of the statement.
    pub statement: u32,
    /// Fuel charged until then; all of it at `out_of_fuel`.
    pub fuel_used: u64,
}

/// A program that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// The result in 8-byte slots, low first: a float by its bits, a bool as 0 or 1, nothing as 0.
    pub result: [u64; 2],
    /// Fuel charged: exactly enough for this run.
    pub fuel_used: u64,
}

/// A call of an entry. State and arguments are written only when the call comes to its end.
#[derive(Debug)]
pub struct Call<'a> {
    /// Number of the entry.
    pub entry: usize,
    /// The parameters' record.
    pub params: &'a [u8],
    /// The state's record.
    pub state: &'a mut [u8],
    /// The arguments, flat; arrays and records come back as the program left them.
    pub args: &'a mut [u8],
    /// Fuel for this call; more than `i64::MAX` is as much.
    pub fuel: u64,
}

/// A call that is not made: the caller's mistake, or the machine's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// There is no such entry.
    Entry(usize),
    /// Bytes of another length than the declared type has.
    Bytes {
        /// Which.
        what: &'static str,
        /// How many are needed.
        expected: usize,
        /// How many are there.
        found: usize,
    },
    /// The engine failed, not the program.
    Engine(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(entry) => write!(f, "there is no entry {entry}"),
            Self::Bytes { what, expected, found } => write!(f, "{expected} bytes of {what} needed, {found} given"),
            Self::Engine(text) => write!(f, "the engine failed: {text}"),
        }
    }
}

impl std::error::Error for CallError {}
