//! Where things lie: sizes of types, the memory map of a program, values packed into flat records.

use std::fmt;

use crate::error::Fault;
use crate::form::{Const, Form, Scalar, Type, TypeDef, limits};
use crate::number::{canonical, whole};

/// Fuel: given before a call, left after it.
pub(crate) const FUEL_AT: u32 = 0;
/// Reason and statement of a trap: `statement << 8 | reason`.
pub(crate) const TRAP_AT: u32 = 8;
/// Two slots of the result.
pub(crate) const RESULT_AT: u32 = 16;
/// Parameters; fields of the host, state, arguments and frames follow.
pub(crate) const PARAMS_AT: u32 = 32;

/// What holds a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rep {
    I64,
    I128,
    F64,
    Bool,
}

impl Rep {
    pub(crate) const fn of(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Int | Scalar::Price | Scalar::Qty => Self::I64,
            Scalar::I128 | Scalar::Amount | Scalar::Rate => Self::I128,
            Scalar::Float => Self::F64,
            Scalar::Bool => Self::Bool,
        }
    }

    pub(crate) const fn bytes(self) -> u32 {
        match self {
            Self::I64 | Self::F64 | Self::Bool => 8,
            Self::I128 => 16,
        }
    }
}

/// Sizes of the type table's entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sizes(Vec<u32>);

impl Sizes {
    /// Entries may name only what comes before them.
    pub(crate) fn new(types: &[TypeDef]) -> Result<Self, Fault> {
        let mut sizes = Self(Vec::with_capacity(types.len()));
        for def in types {
            let bytes = match def {
                TypeDef::Array { element, len } => u64::from(sizes.bytes(*element)?).saturating_mul((*len).into()),
                TypeDef::Record { fields, .. } => {
                    fields.iter().try_fold(0_u64, |sum, field| Ok(sum.saturating_add(sizes.bytes(field.ty)?.into())))?
                }
            };
            sizes.0.push(within("bytes of a type", bytes, limits::TYPE_BYTES)?);
        }
        Ok(sizes)
    }

    pub(crate) fn bytes(&self, ty: Type) -> Result<u32, Fault> {
        match ty {
            Type::Scalar(scalar) => Ok(Rep::of(scalar).bytes()),
            Type::Table(entry) => {
                self.0.get(usize::from(entry)).copied().ok_or(Fault::Unknown { what: "type", number: entry.into() })
            }
        }
    }
}

/// A size that a limit allows.
pub(crate) fn within(what: &'static str, count: u64, max: u32) -> Result<u32, Fault> {
    match u32::try_from(count) {
        Ok(fits) if fits <= max => Ok(fits),
        _ => Err(Fault::TooMany { what, count, max: max.into() }),
    }
}

/// Where a program's memory lies. All regions are multiples of 8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Map {
    pub(crate) params_bytes: u32,
    pub(crate) fields_bytes: u32,
    pub(crate) state_bytes: u32,
    pub(crate) args_bytes: u32,
    pub(crate) frames_bytes: u32,
}

impl Map {
    pub(crate) const fn fields_at(&self) -> u32 {
        PARAMS_AT.saturating_add(self.params_bytes)
    }

    pub(crate) const fn state_at(&self) -> u32 {
        self.fields_at().saturating_add(self.fields_bytes)
    }

    pub(crate) const fn args_at(&self) -> u32 {
        self.state_at().saturating_add(self.state_bytes)
    }

    pub(crate) const fn frames_at(&self) -> u32 {
        self.args_at().saturating_add(self.args_bytes)
    }

    pub(crate) const fn end(&self) -> u32 {
        self.frames_at().saturating_add(self.frames_bytes)
    }
}

/// A value from outside: an argument, a parameter, a state.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// Every integer, with or without unit.
    Int(i128),
    /// A bool.
    Bool(bool),
    /// A float.
    Float(f64),
    /// An array's elements or a record's fields.
    List(Vec<Arg>),
}

/// A value that is not of the declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgError {
    /// Another number of them.
    Count {
        /// How many are needed.
        expected: usize,
        /// How many are there.
        found: usize,
    },
    /// Another kind than this type holds.
    Kind(Scalar),
    /// A list is needed, or a list is given where none is.
    List,
    /// Beyond i64.
    Range(Scalar),
    /// The form has no such type.
    Type,
}

impl fmt::Display for ArgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { expected, found } => write!(f, "{expected} values needed, {found} given"),
            Self::Kind(scalar) => write!(f, "{} needed", scalar.name()),
            Self::List => f.write_str("an array or record where a scalar is needed, or the other way round"),
            Self::Range(scalar) => write!(f, "beyond what {} holds (64 bits)", scalar.name()),
            Self::Type => f.write_str("no such type"),
        }
    }
}

impl std::error::Error for ArgError {}

impl Form {
    fn members(&self, ty: Type) -> Result<Vec<Type>, ArgError> {
        let Type::Table(entry) = ty else { return Err(ArgError::List) };
        Ok(match self.types.get(usize::from(entry)).ok_or(ArgError::Type)? {
            TypeDef::Array { element, len } => vec![*element; usize::try_from(*len).map_err(|_| ArgError::Type)?],
            TypeDef::Record { fields, .. } => fields.iter().map(|field| field.ty).collect(),
        })
    }

    /// Appends a value's bytes.
    ///
    /// # Errors
    /// It is not of this type.
    pub fn pack(&self, ty: Type, value: &Arg, out: &mut Vec<u8>) -> Result<(), ArgError> {
        match (ty, value) {
            (Type::Scalar(scalar), value) => pack_scalar(scalar, value, out),
            (Type::Table(_), Arg::List(values)) => self.pack_all(&self.members(ty)?, values, out),
            (Type::Table(_), Arg::Int(_) | Arg::Bool(_) | Arg::Float(_)) => Err(ArgError::List),
        }
    }

    /// Appends several values' bytes.
    ///
    /// # Errors
    /// There are more or fewer, or one is not of its type.
    pub fn pack_all(&self, types: &[Type], values: &[Arg], out: &mut Vec<u8>) -> Result<(), ArgError> {
        if types.len() != values.len() {
            return Err(ArgError::Count { expected: types.len(), found: values.len() });
        }
        types.iter().zip(values).try_for_each(|(ty, value)| self.pack(*ty, value, out))
    }

    /// Reads a value from the first of `bytes` and leaves the rest.
    ///
    /// # Errors
    /// There are too few bytes, or no such type.
    pub fn unpack(&self, ty: Type, bytes: &mut &[u8]) -> Result<Arg, ArgError> {
        match ty {
            Type::Scalar(scalar) => unpack_scalar(scalar, bytes).ok_or(ArgError::Type),
            Type::Table(_) => {
                let members = self.members(ty)?;
                Ok(Arg::List(members.into_iter().map(|ty| self.unpack(ty, bytes)).collect::<Result<_, _>>()?))
            }
        }
    }
}

fn pack_scalar(scalar: Scalar, value: &Arg, out: &mut Vec<u8>) -> Result<(), ArgError> {
    match (Rep::of(scalar), value) {
        (_, Arg::List(_)) => return Err(ArgError::List),
        (Rep::I64, Arg::Int(value)) => {
            out.extend(i64::try_from(*value).map_err(|_| ArgError::Range(scalar))?.to_le_bytes());
        }
        (Rep::I128, Arg::Int(value)) => out.extend(value.to_le_bytes()),
        (Rep::Bool, Arg::Bool(value)) => out.extend(u64::from(*value).to_le_bytes()),
        (Rep::F64, Arg::Float(value)) => out.extend(canonical(*value).to_bits().to_le_bytes()),
        (Rep::I64 | Rep::I128 | Rep::Bool | Rep::F64, Arg::Int(_) | Arg::Bool(_) | Arg::Float(_)) => {
            return Err(ArgError::Kind(scalar));
        }
    }
    Ok(())
}

fn unpack_scalar(scalar: Scalar, bytes: &mut &[u8]) -> Option<Arg> {
    let mut slot = || {
        let (slot, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(u64::from_le_bytes(*slot))
    };
    let low = slot()?;
    let high = if Rep::of(scalar) == Rep::I128 { slot()? } else { 0 };
    Some(from_slots(scalar, [low, high]))
}

/// A scalar from its slots.
pub(crate) fn from_slots(scalar: Scalar, slots: [u64; 2]) -> Arg {
    let [low, _] = slots;
    match Rep::of(scalar) {
        Rep::I64 => Arg::Int(low.cast_signed().into()),
        Rep::I128 => Arg::Int(whole(slots)),
        Rep::F64 => Arg::Float(canonical(f64::from_bits(low))),
        Rep::Bool => Arg::Bool(low != 0),
    }
}

impl From<Const> for Arg {
    fn from(constant: Const) -> Self {
        match constant {
            Const::I64(_, value) => Self::Int(value.into()),
            Const::I128(_, value) => Self::Int(value),
            Const::Bool(value) => Self::Bool(value),
            Const::Float(bits) => Self::Float(f64::from_bits(bits)),
        }
    }
}
