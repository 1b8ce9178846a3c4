//! A verified program: names and units are gone, addresses are settled, charges stand where they fall due.

use crate::form::{BinaryOp, Form, HASH_BYTES, Import, Scalar, Type, UnaryOp};
use crate::host::Host;
use crate::layout::{Arg, ArgError, Map, Rep, Sizes, from_slots};
use crate::number::canonical;
use crate::trap::{Call, CallError, Done};

/// A value in a register.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    I64(i64),
    I128(i128),
    F64(f64),
    Bool(bool),
}

/// An expression and what holds its value.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) rep: Rep,
    pub(crate) ex: Ex,
}

#[derive(Clone, Debug)]
pub(crate) enum Ex {
    Const(Value),
    Local(u16),
    Load(Addr),
    Unary(UnaryOp, Box<Node>),
    /// Both operands are held alike.
    Binary(BinaryOp, Box<Node>, Box<Node>),
    /// i64 by i64 to i128.
    MulWide(Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Choose(Box<Node>, Box<Node>, Box<Node>),
    Tee(u16, Box<Node>),
    Call(u16, Vec<Argument>),
    /// Place in the host's table, arguments.
    Host(u16, Vec<Node>),
    Cast(Cast, Box<Node>),
}

#[derive(Clone, Debug)]
pub(crate) enum Argument {
    Value(Node),
    Ref(Addr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cast {
    BoolToInt,
    Widen,
    Narrow,
    IntToFloat,
    WideToFloat,
    FloatToInt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// From the begin of memory.
    Fixed,
    /// From where a parameter points.
    Ref(u16),
}

/// A place in memory: base + offset + the sum of index x stride.
#[derive(Clone, Debug)]
pub(crate) struct Addr {
    pub(crate) base: Base,
    pub(crate) offset: u32,
    pub(crate) indices: Vec<Index>,
}

#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) value: Node,
    pub(crate) len: u32,
    pub(crate) stride: u32,
}

/// Statements; the charge of the first segment falls due with what leads here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    pub(crate) charge: u64,
    pub(crate) stmts: Vec<St>,
}

#[derive(Clone, Debug)]
pub(crate) struct St {
    /// Number of the statement.
    pub(crate) number: u32,
    /// Charged before it, where a segment begins.
    pub(crate) charge: u64,
    pub(crate) kind: StKind,
}

#[derive(Clone, Debug)]
pub(crate) enum StKind {
    Set(u16, Node),
    Store(Addr, Node),
    If(Node, Code, Code),
    /// At each test: charge, condition; then the body.
    While(u64, Node, Code),
    /// Local, start, stop, step; at each round: charge; then the body.
    For(u16, [Node; 3], u64, Code),
    Return(Option<Node>),
    Break,
    Continue,
    /// A call, and whether it leaves a value; a host function always does.
    Do(Node, bool),
    Zero(Addr, u32),
    /// Target, source, bytes.
    Copy(Addr, Addr, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    Scalar(Rep),
    /// Address of an array or record of the caller.
    Ref,
    /// An array or record at this address.
    Memory(u32),
}

#[derive(Clone, Debug)]
pub(crate) struct Func {
    pub(crate) params: usize,
    /// Parameters first.
    pub(crate) locals: Vec<Local>,
    pub(crate) result: Option<Rep>,
    /// Address and length of its array and record locals.
    pub(crate) frame: (u32, u32),
    /// Charge on entering, first segment and all.
    pub(crate) charge: u64,
    pub(crate) code: Code,
    /// Number of its first statement, for traps on entering.
    pub(crate) number: u32,
}

/// An entry as its callers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Names and types of its arguments.
    pub params: Vec<(String, Type)>,
    /// Type of its result.
    pub result: Option<Scalar>,
    pub(crate) function: u16,
    pub(crate) args_bytes: u32,
    /// Fields of the host that a call of it may read.
    pub(crate) fields: Vec<HostField>,
}

/// The host function that an import stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Linked {
    pub(crate) host: u16,
    pub(crate) fuel: u32,
    /// Where its value lies, where it is a field.
    pub(crate) field: Option<HostField>,
}

/// A field of the host: its place in the table, where it lies, what holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostField {
    pub(crate) host: u16,
    pub(crate) at: u32,
    pub(crate) rep: Rep,
}

impl HostField {
    /// The slots as they lie in memory: a float by its canonical bits.
    pub(crate) fn slots(self, host: &mut (impl Host + ?Sized)) -> [u64; 2] {
        let [low, high] = host.field(self.host.into());
        match self.rep {
            Rep::F64 => [canonical(f64::from_bits(low)).to_bits(), 0],
            Rep::I64 | Rep::I128 | Rep::Bool => [low, high],
        }
    }
}

/// A program that passed verification.
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) form: Form,
    pub(crate) hash: [u8; HASH_BYTES],
    pub(crate) sizes: Sizes,
    pub(crate) map: Map,
    /// What the host's table made of its imports.
    pub(crate) imports: Vec<Linked>,
    pub(crate) functions: Vec<Func>,
    pub(crate) entries: Vec<Entry>,
    /// Statements and expressions.
    pub(crate) nodes: usize,
}

impl Program {
    /// The form it came from; loaded from bytes, without the bodies of its functions.
    #[must_use]
    pub const fn form(&self) -> &Form {
        &self.form
    }

    /// How many statements and expressions it has.
    #[must_use]
    pub const fn nodes(&self) -> usize {
        self.nodes
    }

    /// Its identity: BLAKE3 of the form without the debug section.
    #[must_use]
    pub const fn hash(&self) -> &[u8; HASH_BYTES] {
        &self.hash
    }

    /// What may be called.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Number of an entry.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.name == name)
    }

    /// Host functions it asks for.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.form.imports
    }

    /// Bytes of a type's flat record.
    #[must_use]
    pub fn bytes_of(&self, ty: Type) -> Option<usize> {
        self.sizes.bytes(ty).ok().and_then(|bytes| usize::try_from(bytes).ok())
    }

    /// Bytes of the state's record: what a snapshot of an instance takes.
    #[must_use]
    pub fn state_bytes(&self) -> usize {
        usize::try_from(self.map.state_bytes).unwrap_or(usize::MAX)
    }

    /// Bytes of the parameters' record.
    #[must_use]
    pub fn params_bytes(&self) -> usize {
        usize::try_from(self.map.params_bytes).unwrap_or(usize::MAX)
    }

    /// Packs the arguments of an entry.
    ///
    /// # Errors
    /// Too many, too few, or not of the declared types.
    pub fn pack_args(&self, entry: usize, args: &[Arg]) -> Result<Vec<u8>, ArgError> {
        let entry = self.entries.get(entry).ok_or(ArgError::Type)?;
        let types: Vec<Type> = entry.params.iter().map(|(_, ty)| *ty).collect();
        let mut bytes = Vec::with_capacity(64);
        self.form.pack_all(&types, args, &mut bytes)?;
        Ok(bytes)
    }

    /// The result of a call of `entry`; `None` where it has none.
    #[must_use]
    pub fn result(&self, entry: usize, done: &Done) -> Option<Arg> {
        Some(from_slots(self.entries.get(entry)?.result?, done.result))
    }

    /// Checks that a call's bytes have the declared lengths.
    pub(crate) fn check<'p>(&'p self, call: &Call<'_>) -> Result<&'p Entry, CallError> {
        let entry = self.entries.get(call.entry).ok_or(CallError::Entry(call.entry))?;
        let lengths = [
            ("parameters", self.map.params_bytes, call.params.len()),
            ("state", self.map.state_bytes, call.state.len()),
            ("arguments", entry.args_bytes, call.args.len()),
        ];
        for (what, expected, found) in lengths {
            let expected = usize::try_from(expected).unwrap_or(usize::MAX);
            if expected != found {
                return Err(CallError::Bytes { what, expected, found });
            }
        }
        Ok(entry)
    }
}

/// Most fuel that one call can have.
pub(crate) fn fuel_of(call: &Call<'_>) -> i64 {
    i64::try_from(call.fuel).unwrap_or(i64::MAX)
}
