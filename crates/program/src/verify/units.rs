//! Which types go together: the table of units, and what an operation costs.

use crate::code::Cast;
use crate::form::{BinaryOp, Scalar, UnaryOp};
use crate::layout::Rep;

/// How two operands are brought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// As they are.
    Same,
    /// i64 by i64 to i128.
    Wide,
    /// The left one is made i128 first.
    WidenLeft,
    /// The right one is made i128 first.
    WidenRight,
    /// The right one is made i128 first, the result i64 again.
    WidenRightNarrow,
}

const fn is_unit(scalar: Scalar) -> bool {
    matches!(scalar, Scalar::Price | Scalar::Qty | Scalar::Amount | Scalar::Rate)
}

fn is_wide(scalar: Scalar) -> bool {
    Rep::of(scalar) == Rep::I128
}

const fn is_number(scalar: Scalar) -> bool {
    !matches!(scalar, Scalar::Bool)
}

const fn is_integer(scalar: Scalar) -> bool {
    !matches!(scalar, Scalar::Bool | Scalar::Float)
}

/// Result type of an operation on two values, and how to get there.
pub(super) fn binary(op: BinaryOp, left: Scalar, right: Scalar) -> Option<(Scalar, Plan)> {
    let same = left == right;
    let when = |holds: bool, result| holds.then_some((result, Plan::Same));
    match op {
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Min | BinaryOp::Max => when(same && is_number(left), left),
        BinaryOp::Mul => product(left, right),
        BinaryOp::FloorDiv => quotient(left, right),
        BinaryOp::Mod => match right {
            _ if same => when(is_integer(left), left),
            Scalar::Int if is_wide(left) => is_unit(left).then_some((left, Plan::WidenRight)),
            Scalar::Int => when(is_unit(left), left),
            Scalar::Bool
            | Scalar::Float
            | Scalar::I128
            | Scalar::Price
            | Scalar::Qty
            | Scalar::Amount
            | Scalar::Rate => None,
        },
        BinaryOp::Div => when(same && left == Scalar::Float, left),
        BinaryOp::Shl | BinaryOp::Shr | BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => {
            when(same && left == Scalar::Int, left)
        }
        BinaryOp::Eq | BinaryOp::Ne => when(same, Scalar::Bool),
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => when(same && is_number(left), Scalar::Bool),
    }
}

fn product(left: Scalar, right: Scalar) -> Option<(Scalar, Plan)> {
    match (left, right) {
        (Scalar::Int, Scalar::Int) | (Scalar::I128, Scalar::I128) | (Scalar::Float, Scalar::Float) => {
            Some((left, Plan::Same))
        }
        (Scalar::Price, Scalar::Qty) | (Scalar::Qty, Scalar::Price) => Some((Scalar::Amount, Plan::Wide)),
        (unit, Scalar::Int) if is_unit(unit) => Some((unit, if is_wide(unit) { Plan::WidenRight } else { Plan::Same })),
        (Scalar::Int, unit) if is_unit(unit) => Some((unit, if is_wide(unit) { Plan::WidenLeft } else { Plan::Same })),
        (_, _) => None,
    }
}

fn quotient(left: Scalar, right: Scalar) -> Option<(Scalar, Plan)> {
    match (left, right) {
        (Scalar::Int, Scalar::Int) | (Scalar::I128, Scalar::I128) => Some((left, Plan::Same)),
        (Scalar::Price, Scalar::Price) | (Scalar::Qty, Scalar::Qty) => Some((Scalar::Int, Plan::Same)),
        (Scalar::Amount, Scalar::Amount) | (Scalar::Rate, Scalar::Rate) => Some((Scalar::I128, Plan::Same)),
        (Scalar::Amount, Scalar::Qty) => Some((Scalar::Price, Plan::WidenRightNarrow)),
        (Scalar::Amount, Scalar::Price) => Some((Scalar::Qty, Plan::WidenRightNarrow)),
        (unit, Scalar::Int) if is_unit(unit) => Some((unit, if is_wide(unit) { Plan::WidenRight } else { Plan::Same })),
        (_, _) => None,
    }
}

/// Whether an operation applies to one value; the type stays.
pub(super) fn unary(op: UnaryOp, of: Scalar) -> bool {
    match op {
        UnaryOp::Neg | UnaryOp::Abs => is_number(of),
        UnaryOp::Not => of == Scalar::Bool,
        UnaryOp::Invert => of == Scalar::Int,
        UnaryOp::Sqrt | UnaryOp::Exp | UnaryOp::Log | UnaryOp::Sin | UnaryOp::Cos => of == Scalar::Float,
    }
}

/// How a value becomes one of another type: `Some(None)` where only the name changes.
pub(super) fn cast(from: Scalar, to: Scalar) -> Option<Option<Cast>> {
    let by_width = || match (is_wide(from), is_wide(to)) {
        (false, true) => Some(Cast::Widen),
        (true, false) => Some(Cast::Narrow),
        (false, false) | (true, true) => None,
    };
    match (from, to) {
        _ if from == to => None,
        (Scalar::Bool, Scalar::Int) => Some(Some(Cast::BoolToInt)),
        (Scalar::Int, Scalar::Float) => Some(Some(Cast::IntToFloat)),
        (Scalar::I128, Scalar::Float) => Some(Some(Cast::WideToFloat)),
        (Scalar::Float, Scalar::Int) => Some(Some(Cast::FloatToInt)),
        (Scalar::Int | Scalar::I128, to) if is_integer(to) => Some(by_width()),
        (from, Scalar::Int | Scalar::I128) if is_integer(from) => Some(by_width()),
        (_, _) => None,
    }
}

/// Fuel of an operation on one value.
pub(super) const fn unary_fuel(op: UnaryOp) -> u64 {
    match op {
        UnaryOp::Neg | UnaryOp::Not | UnaryOp::Invert | UnaryOp::Abs => 1,
        UnaryOp::Sqrt => 5,
        UnaryOp::Exp | UnaryOp::Log | UnaryOp::Sin | UnaryOp::Cos => 20,
    }
}

/// Fuel of an operation on two values.
pub(super) fn binary_fuel(op: BinaryOp, left: Scalar, right: Scalar) -> u64 {
    let wide = is_wide(left) || is_wide(right);
    match op {
        BinaryOp::Mul if wide => 4,
        BinaryOp::Div => 4,
        BinaryOp::FloorDiv | BinaryOp::Mod if wide => 12,
        BinaryOp::FloorDiv | BinaryOp::Mod => 6,
        BinaryOp::Add
        | BinaryOp::Sub
        | BinaryOp::Mul
        | BinaryOp::Shl
        | BinaryOp::Shr
        | BinaryOp::And
        | BinaryOp::Or
        | BinaryOp::Xor
        | BinaryOp::Min
        | BinaryOp::Max
        | BinaryOp::Eq
        | BinaryOp::Ne
        | BinaryOp::Lt
        | BinaryOp::Le
        | BinaryOp::Gt
        | BinaryOp::Ge => 1,
    }
}

/// Fuel of a cast.
pub(super) const fn cast_fuel(cast: Option<Cast>) -> u64 {
    match cast {
        Some(Cast::WideToFloat) => 10,
        None | Some(Cast::BoolToInt | Cast::Widen | Cast::Narrow | Cast::IntToFloat | Cast::FloatToInt) => 1,
    }
}
