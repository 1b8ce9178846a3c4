//! What operations, loops and fuel mean, by number, compiled and interpreted: Python's `//` and `%`, every trap, charges.
#![allow(
    missing_docs,
    clippy::as_conversions,
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "tests"
)]
#![allow(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, reason = "tests")]

use std::sync::Arc;

use tiderace_program::TrapReason::{Bounds, DivZero, FloatToInt, Host, OutOfFuel, Overflow, RangeStep, Shift};
use tiderace_program::{
    Arg, BinaryOp, Call, Compiler, Const, EntryDecl, Expr, Form, Function, HostFunction, HostTable, Import, Instance,
    NoHost, Place, Program, Root, Scalar, Step, Stmt, Trap, TrapReason, Type, TypeDef, UnaryOp, interpret,
};

const INT: Type = Type::Scalar(Scalar::Int);

fn int(value: i64) -> Expr {
    Expr::Const(Const::I64(Scalar::Int, value))
}

fn float(value: f64) -> Expr {
    Expr::Const(Const::Float(value.to_bits()))
}

fn wide(value: i128) -> Expr {
    Expr::Const(Const::I128(Scalar::I128, value))
}

fn local(number: u16) -> Place {
    Place { root: Root::Local(number), steps: Vec::new() }
}

fn get(number: u16) -> Expr {
    Expr::Read(local(number))
}

fn form(result: Scalar, locals: Vec<Type>, body: Vec<Stmt>) -> Form {
    let import = Import { name: "ask".to_owned(), params: Vec::new(), result: Some(Scalar::Int) };
    Form {
        name: "semantics".to_owned(),
        meta: Vec::new(),
        capabilities: Vec::new(),
        labels: Vec::new(),
        types: vec![TypeDef::Array { element: INT, len: 4 }],
        params: None,
        param_decls: Vec::new(),
        state: None,
        imports: vec![import],
        functions: vec![Function { params: Vec::new(), result: Some(result), locals, body }],
        entries: vec![EntryDecl { name: "f0".to_owned(), function: 0, params: Vec::new() }],
        debug: None,
    }
}

/// The result and its fuel, or the trap; the same from both engines.
fn run(form: &Form, fuel: u64) -> Result<(Arg, u64), Trap> {
    let ask = HostFunction {
        name: "ask".to_owned(),
        capability: None,
        params: Vec::new(),
        result: Some(Scalar::Int),
        fuel: 9,
    };
    let table = HostTable { functions: vec![ask], grants: Vec::new() };
    let program = Arc::new(Program::load(&form.encode(), &table).unwrap());
    let call = || Call { entry: 0, params: &[], state: &mut [], args: &mut [], fuel };
    let slow = interpret(&program, &mut NoHost, call()).unwrap();
    let compiled = Compiler::new().unwrap().compile(&program).unwrap();
    let fast = Instance::new(&compiled, NoHost).unwrap().call(call()).unwrap();
    assert_eq!(slow, fast);
    fast.map(|done| (program.result(0, &done).unwrap(), done.fuel_used))
}

fn value_of(result: Scalar, value: Expr) -> Result<Arg, TrapReason> {
    let ended = run(&form(result, Vec::new(), vec![Stmt::Return(Some(value))]), 1_000);
    ended.map(|(value, _)| value).map_err(|trap| trap.reason)
}

fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::Binary(op, Box::new(left), Box::new(right))
}

fn unary(op: UnaryOp, value: Expr) -> Expr {
    Expr::Unary(op, Box::new(value))
}

#[test]
fn whole_numbers_are_pythons() {
    use BinaryOp::{Add, FloorDiv, Max, Min, Mod, Mul, Shl, Shr, Sub};
    let rows: [(BinaryOp, i64, i64, Result<i64, TrapReason>); 24] = [
        (FloorDiv, 7, 2, Ok(3)),
        (FloorDiv, -7, 2, Ok(-4)),
        (FloorDiv, 7, -2, Ok(-4)),
        (FloorDiv, -7, -2, Ok(3)),
        (FloorDiv, -8, 8, Ok(-1)),
        (FloorDiv, i64::MIN, -1, Err(Overflow)),
        (FloorDiv, 1, 0, Err(DivZero)),
        (Mod, -7, 3, Ok(2)),
        (Mod, 7, -3, Ok(-2)),
        (Mod, -8, 8, Ok(0)),
        (Mod, -9, 8, Ok(7)),
        (Mod, i64::MIN, -1, Ok(0)),
        (Mod, 1, 0, Err(DivZero)),
        (Add, i64::MAX, 1, Err(Overflow)),
        (Sub, i64::MIN, 1, Err(Overflow)),
        (Mul, 3_037_000_500, 3_037_000_500, Err(Overflow)),
        (Mul, i64::MIN, 1, Ok(i64::MIN)),
        (Shl, 1, 62, Ok(1 << 62)),
        (Shl, 1, 63, Err(Overflow)),
        (Shl, 0, 64, Err(Shift)),
        (Shr, -1, 63, Ok(-1)),
        (Shr, 1, -1, Err(Shift)),
        (Min, 3, -3, Ok(-3)),
        (Max, 3, -3, Ok(3)),
    ];
    for (op, left, right, expected) in rows {
        let expected = expected.map(|value| Arg::Int(value.into()));
        assert_eq!(value_of(Scalar::Int, binary(op, int(left), int(right))), expected, "{left} {} {right}", op.name());
    }
    assert_eq!(value_of(Scalar::Int, unary(UnaryOp::Neg, int(i64::MIN))), Err(Overflow));
    assert_eq!(value_of(Scalar::Int, unary(UnaryOp::Abs, int(i64::MIN))), Err(Overflow));
    let product = binary(Mul, wide(i128::MAX / 3), wide(4));
    assert_eq!(value_of(Scalar::I128, product), Err(Overflow));
    let floored = binary(FloorDiv, wide(-(1 << 100)), wide((1 << 70) + 1));
    assert_eq!(value_of(Scalar::I128, floored), Ok(Arg::Int(-(1 << 30))));
    let narrowed = Expr::Cast(Scalar::Int, Box::new(wide(1 << 63)));
    assert_eq!(value_of(Scalar::Int, narrowed), Err(Overflow));
    let price = Expr::Const(Const::I64(Scalar::Price, i64::MIN));
    let qty = Expr::Const(Const::I64(Scalar::Qty, i64::MIN));
    assert_eq!(value_of(Scalar::Amount, binary(Mul, price, qty)), Ok(Arg::Int(1 << 126)));
}

#[test]
fn floats_have_one_nan_and_trap_at_zero() {
    use BinaryOp::{Div, Min, Sub};
    let nan = || binary(Sub, float(f64::INFINITY), float(f64::INFINITY));
    let bits = |value: Expr| match value_of(Scalar::Float, value) {
        Ok(Arg::Float(value)) => value.to_bits(),
        other => panic!("{other:?}"),
    };
    for made in [nan(), unary(UnaryOp::Neg, nan()), unary(UnaryOp::Abs, nan()), unary(UnaryOp::Sqrt, float(-1.0))] {
        assert_eq!(bits(made), 0x7ff8_0000_0000_0000);
    }
    assert_eq!(bits(unary(UnaryOp::Log, float(-1.0))), 0x7ff8_0000_0000_0000);
    assert_eq!(bits(unary(UnaryOp::Log, float(0.0))), f64::NEG_INFINITY.to_bits());
    assert_eq!(bits(binary(Min, float(1.0), nan())), 1.0_f64.to_bits(), "min(1.0, nan) is 1.0");
    assert_eq!(bits(binary(Min, float(0.0), float(-0.0))), 0, "min(0.0, -0.0) is 0.0");
    assert_eq!(value_of(Scalar::Float, binary(Div, float(1.0), float(-0.0))), Err(DivZero));
    let cast = |value| value_of(Scalar::Int, Expr::Cast(Scalar::Int, Box::new(value)));
    assert_eq!(cast(nan()), Err(FloatToInt));
    assert_eq!(cast(float(9_223_372_036_854_775_808.0)), Err(FloatToInt));
    assert_eq!(cast(float(-9_223_372_036_854_775_808.0)), Ok(Arg::Int(i64::MIN.into())));
    assert_eq!(cast(float(-1.9)), Ok(Arg::Int(-1)));
}

#[test]
fn an_index_is_checked_and_a_refusing_host_traps() {
    for (index, expected) in [(-1, Err(Bounds)), (0, Ok(0)), (3, Ok(0)), (4, Err(Bounds)), (i64::MIN, Err(Bounds))] {
        let place = Place { root: Root::Local(0), steps: vec![Step::Index(int(index))] };
        let ended = run(&form(Scalar::Int, vec![Type::Table(0)], vec![Stmt::Return(Some(Expr::Read(place)))]), 100);
        assert_eq!(ended.map(|(value, _)| value).map_err(|trap| trap.reason), expected.map(Arg::Int), "{index}");
    }
    assert_eq!(value_of(Scalar::Int, Expr::Host(0, Vec::new())), Err(Host));
}

/// Rounds and last value of `for i in range(start, stop, step)`, as 100 x rounds + i.
fn rounds(start: i64, stop: i64, step: i64) -> Result<Arg, TrapReason> {
    let sum = |left, right| binary(BinaryOp::Add, left, right);
    let count = Stmt::Assign(local(1), sum(get(1), int(100)));
    let shadow = Stmt::Assign(local(2), get(0));
    let lose = Stmt::Assign(local(0), int(5));
    let body = vec![count, shadow, lose];
    let each = Stmt::For { local: 0, start: int(start), stop: int(stop), step: int(step), body };
    let last = Stmt::Return(Some(sum(get(1), get(2))));
    let ended = run(&form(Scalar::Int, vec![INT; 3], vec![each, last]), 1_000);
    ended.map(|(value, _)| value).map_err(|trap| trap.reason)
}

#[test]
fn ranges_are_pythons() {
    assert_eq!(rounds(0, 4, 1), Ok(Arg::Int(403)));
    assert_eq!(rounds(0, 5, 2), Ok(Arg::Int(304)));
    assert_eq!(rounds(5, 0, -2), Ok(Arg::Int(301)));
    assert_eq!(rounds(0, 0, 1), Ok(Arg::Int(0)));
    assert_eq!(rounds(0, 9, 0), Err(RangeStep));
    assert_eq!(rounds(i64::MAX - 300, i64::MAX, 1 << 62), Ok(Arg::Int(i128::from(i64::MAX) - 200)));
    assert_eq!(rounds(i64::MAX, i64::MIN, i64::MIN), Ok(Arg::Int(200 - 1)));
    assert_eq!(rounds(i64::MIN, i64::MIN + 4, 3), Ok(Arg::Int(200 + 3 + i128::from(i64::MIN))));
}

#[test]
fn charges_are_those_of_the_document() {
    // Entering 2, for 3, return 1 + `+` 1; ten rounds of 2 + assign 1 + `+` 1.
    let body = vec![Stmt::Assign(local(1), binary(BinaryOp::Add, get(1), get(0)))];
    let each = Stmt::For { local: 0, start: int(0), stop: int(10), step: int(1), body };
    let last = Stmt::Return(Some(binary(BinaryOp::Add, get(1), int(0))));
    let sum = form(Scalar::Int, vec![INT; 2], vec![each, last]);
    assert_eq!(run(&sum, 47), Ok((Arg::Int(45), 47)));
    let less = run(&sum, 46).unwrap_err();
    assert_eq!((less.reason, less.fuel_used), (OutOfFuel, 46));
    let endless = form(Scalar::Int, Vec::new(), vec![Stmt::While(Expr::Const(Const::Bool(true)), Vec::new())]);
    let stopped = run(&endless, 1_000_000).unwrap_err();
    assert_eq!((stopped.reason, stopped.fuel_used), (OutOfFuel, 1_000_000));
    // Entering 2, return 1 + `//` 6: charged though it traps.
    let by_zero = form(Scalar::Int, Vec::new(), vec![Stmt::Return(Some(binary(BinaryOp::FloorDiv, int(1), int(0))))]);
    assert_eq!(run(&by_zero, 100).unwrap_err(), Trap { reason: DivZero, statement: 0, fuel_used: 9 });
}
