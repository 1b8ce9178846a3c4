//! Why a form is refused, and where.

use std::fmt;

use crate::form::Debug;

/// Where a fault lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// At this byte of the form.
    Byte(usize),
    /// In the declarations.
    Header,
    /// In a function, before or after its statements.
    Function(u16),
    /// In a statement, by its number in the program.
    Statement(u32),
}

/// What is wrong with a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The first bytes are not those of a form.
    Magic,
    /// Another version.
    Version(u16),
    /// The bytes end too early.
    Truncated,
    /// Bytes are left over.
    LeftOver(usize),
    /// A number that means nothing there.
    Tag {
        /// What is numbered.
        what: &'static str,
        /// The number.
        tag: u32,
    },
    /// More than a limit allows.
    TooMany {
        /// What is limited.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many there may be.
        max: u64,
    },
    /// None, where one is needed.
    None(&'static str),
    /// Not a name, a word or UTF-8.
    Text(&'static str),
    /// Not sorted, or one is there twice.
    Order(&'static str),
    /// A NaN or a bool that is not canonical, or a range that is none.
    Constant(&'static str),
    /// No such thing.
    Unknown {
        /// What is named.
        what: &'static str,
        /// Its number.
        number: u32,
    },
    /// Another type is needed.
    Type {
        /// Where.
        what: &'static str,
        /// What is needed.
        expected: String,
        /// What is there.
        found: String,
    },
    /// These types, above all their units, do not go together.
    Units {
        /// The operation.
        op: &'static str,
        /// On the left.
        left: &'static str,
        /// On the right, empty for an operation on one value.
        right: &'static str,
    },
    /// The wrong number of arguments.
    Arguments {
        /// How many are needed.
        expected: usize,
        /// How many are there.
        found: usize,
    },
    /// The host has no such function, or another type of it.
    Import(String),
    /// A host function needs a capability that the program does not name.
    Capability {
        /// The function.
        function: String,
        /// What it needs.
        capability: String,
    },
    /// The program names a capability that is not granted.
    NotGranted(String),
    /// A call to itself or to a later function.
    Recursion(u16),
    /// Parameters are read-only.
    ReadOnly,
    /// A statement that is never reached.
    Unreachable,
    /// A function with a result ends without one.
    NoReturn,
    /// `break` or `continue` outside of a loop.
    OutsideLoop,
    /// An expression statement that is no call, or a call without a result that is used.
    NotACall,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("not a program: the first bytes are not TRPF"),
            Self::Version(version) => write!(f, "version {version} of the form; this build reads 1"),
            Self::Truncated => f.write_str("the bytes end too early"),
            Self::LeftOver(bytes) => write!(f, "{bytes} bytes are left over"),
            Self::Tag { what, tag } => write!(f, "{tag} is no {what}"),
            Self::TooMany { what, count, max } => write!(f, "{count} {what}; the limit is {max}"),
            Self::None(what) => write!(f, "no {what}; at least one is needed"),
            Self::Text(what) => write!(f, "not a {what}"),
            Self::Order(what) => write!(f, "{what} not sorted or there twice"),
            Self::Constant(what) => write!(f, "a constant that is not canonical: {what}"),
            Self::Unknown { what, number } => write!(f, "there is no {what} {number}"),
            Self::Type { what, expected, found } => write!(f, "{what}: {expected} needed, {found} found"),
            Self::Units { op, left, right: "" } => write!(f, "{op} does not apply to {left}"),
            Self::Units { op, left, right } => write!(f, "{left} {op} {right} has no meaning"),
            Self::Arguments { expected, found } => write!(f, "{expected} arguments needed, {found} found"),
            Self::Import(name) => write!(f, "the host has no function {name} of this type"),
            Self::Capability { function, capability } => {
                write!(f, "{function} needs the capability {capability}; name it in the program's capabilities")
            }
            Self::NotGranted(capability) => write!(f, "the capability {capability} is not granted"),
            Self::Recursion(function) => {
                write!(f, "a call to function {function}, which does not come before its caller: no recursion")
            }
            Self::ReadOnly => f.write_str("parameters are read-only"),
            Self::Unreachable => f.write_str("a statement that is never reached"),
            Self::NoReturn => f.write_str("the function ends without a result"),
            Self::OutsideLoop => f.write_str("outside of a loop"),
            Self::NotACall => f.write_str("a statement that is only an expression must be a call"),
        }
    }
}

/// Why a form is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormError {
    /// What is wrong.
    pub fault: Fault,
    /// Where.
    pub at: At,
}

impl FormError {
    /// Line and column of the source, where the debug section has them.
    #[must_use]
    pub fn position(&self, debug: Option<&Debug>) -> Option<(u32, u32)> {
        match self.at {
            At::Statement(number) => debug?.position(number),
            At::Byte(_) | At::Header | At::Function(_) => None,
        }
    }
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            At::Byte(byte) => write!(f, "byte {byte}: ")?,
            At::Header => {}
            At::Function(number) => write!(f, "function {number}: ")?,
            At::Statement(number) => write!(f, "statement {number}: ")?,
        }
        self.fault.fmt(f)
    }
}

impl std::error::Error for FormError {}
