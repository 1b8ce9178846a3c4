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
    Arg, BinaryOp, Call, Compiler, Const, Done, EntryDecl, Expr, Form, Function, HostFunction, HostTable, Import,
    Instance, NoHost, ParamDecl, Place, Program, RecordField, Root, SLOTS_MAX, Scalar, Step, Stmt, Trap, TrapReason,
    Type, TypeDef, UnaryOp, interpret, limits,
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
        is_field: false,
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

/// Gives what it was made with, and counts how often it was asked.
#[derive(Clone)]
struct Counts(Option<[u64; 2]>, u64);

impl tiderace_program::Host for Counts {
    fn call(&mut self, _function: usize, _args: &[u64; SLOTS_MAX]) -> Option<[u64; 2]> {
        self.1 += 1;
        self.0
    }
}

/// How an entry of a form ended whose import `ask` is a field or not, and how often the host was asked; the same from
/// both engines.
fn asked(form: &Form, is_field: bool, entry: usize, given: Option<[u64; 2]>) -> (Result<Done, Trap>, u64) {
    let [Import { name, params, result }] = form.imports.as_slice() else { panic!("one import") };
    let (name, params, result) = (name.clone(), params.clone(), *result);
    let ask = HostFunction { name, capability: None, params, result, fuel: 9, is_field };
    let program = Program::load(&form.encode(), &HostTable { functions: vec![ask], grants: Vec::new() });
    let program = Arc::new(program.unwrap());
    let call = || Call { entry, params: &[], state: &mut [], args: &mut [], fuel: 1_000 };
    let mut host = Counts(given, 0);
    let slow = (interpret(&program, &mut host, call()).unwrap(), host.1);
    let compiled = Compiler::new().unwrap().compile(&program).unwrap();
    let mut instance = Instance::new(&compiled, Counts(given, 0)).unwrap();
    let fast = (instance.call(call()).unwrap(), instance.host_mut().1);
    assert_eq!(slow, fast);
    fast
}

/// Two functions: one that asks five times, and lets go of what it got once more; one that calls it; one that does not.
fn asking(scalar: Scalar) -> Form {
    let ask = || Expr::Host(0, Vec::new());
    let round = Stmt::For { local: 0, start: int(0), stop: int(5), step: int(1), body: vec![Stmt::Expr(ask())] };
    let mut form = form(scalar, vec![INT], vec![round, Stmt::Return(Some(ask()))]);
    form.imports[0].result = Some(scalar);
    let calling = vec![Stmt::Return(Some(Expr::Call(0, Vec::new())))];
    form.functions.push(Function { params: Vec::new(), result: Some(scalar), locals: Vec::new(), body: calling });
    form.functions.push(Function { params: Vec::new(), result: None, locals: Vec::new(), body: Vec::new() });
    form.entries.extend((1..3).map(|function| EntryDecl {
        name: format!("f{function}"),
        function,
        params: Vec::new(),
    }));
    form
}

#[test]
fn a_field_is_asked_once_a_call_and_only_where_it_may_be_read() {
    let form = asking(Scalar::Int);
    for entry in 0..2 {
        let ((by_call, calls), (by_field, asks)) =
            (asked(&form, false, entry, Some([7, 0])), asked(&form, true, entry, Some([7, 0])));
        assert_eq!(by_call, by_field, "result and fuel are those of a function");
        assert_eq!((by_field.unwrap().result, calls, asks), ([7, 0], 6, 1));
    }
    assert_eq!(asked(&form, true, 2, Some([7, 0])).1, 0);
}

#[test]
fn a_field_has_one_nan_and_is_zero_where_the_host_refuses() {
    let result = |scalar, given| asked(&asking(scalar), true, 1, given).0.unwrap().result;
    assert_eq!(result(Scalar::Float, Some([0xfff8_0000_0000_0001, 3])), [0x7ff8_0000_0000_0000, 0]);
    assert_eq!(result(Scalar::Bool, Some([2, 3])), [1, 0]);
    assert_eq!(result(Scalar::Int, Some([u64::MAX, 3])), [u64::MAX, 0]);
    assert_eq!(result(Scalar::Rate, Some([1, u64::MAX])), [1, u64::MAX]);
    for scalar in Scalar::ALL {
        assert_eq!(result(*scalar, None), [0, 0]);
    }
}

#[test]
fn a_field_with_arguments_is_a_function() {
    let mut form = form(Scalar::Int, Vec::new(), vec![Stmt::Return(Some(Expr::Host(0, vec![int(5)])))]);
    form.imports[0].params = vec![Scalar::Int];
    let (ended, asks) = asked(&form, true, 0, None);
    assert_eq!((ended.unwrap_err().reason, asks), (Host, 1));
}

/// Parameters, state, arguments and frames as large as they may be, and a field for each import that may be: none of them
/// lies where another one does.
#[test]
fn fields_fit_beside_all_that_a_program_may_have() {
    const BYTES: usize = limits::TYPE_BYTES as usize;
    const LAST: i64 = limits::TYPE_BYTES as i64 / 8 - 1;
    let mut form = form(Scalar::Amount, Vec::new(), Vec::new());
    let field = RecordField { name: "ints".to_owned(), ty: Type::Table(0) };
    form.types = vec![
        TypeDef::Array { element: INT, len: limits::TYPE_BYTES / 8 },
        TypeDef::Record { name: "All".to_owned(), fields: vec![field] },
    ];
    (form.params, form.state) = (Some(1), Some(1));
    form.param_decls = vec![ParamDecl { default: None, min: None, max: None, unit: String::new() }];
    let frames = limits::FRAME_BYTES / limits::TYPE_BYTES;
    let at = |root, is_record: bool, index| Place {
        root,
        steps: is_record.then_some(Step::Field(0)).into_iter().chain([Step::Index(int(index))]).collect(),
    };
    let regions = [(Root::State, true), (Root::Local(0), false)].into_iter();
    let regions = regions.chain((1..=frames as u16).map(|local| (Root::Local(local), false)));
    let written =
        regions.flat_map(|(root, is_record)| [0, LAST].map(|index| Stmt::Assign(at(root, is_record, index), int(-1))));
    let total = frames as u16 + 1;
    let ends = [0, LAST].map(|index| Expr::Cast(Scalar::Amount, Box::new(Expr::Read(at(Root::Params, true, index)))));
    let summed = (0..limits::IMPORTS as u8).map(|number| Expr::Host(number, Vec::new())).chain(ends);
    let summed = summed.map(|value| Stmt::Assign(local(total), binary(BinaryOp::Add, get(total), value)));
    form.functions[0] = Function {
        params: vec![Type::Table(0)],
        result: Some(Scalar::Amount),
        locals: (0..frames).map(|_| Type::Table(0)).chain([Type::Scalar(Scalar::Amount)]).collect(),
        body: written.chain(summed).chain([Stmt::Return(Some(get(total)))]).collect(),
    };
    form.entries[0].params = vec!["a".to_owned()];
    let (params, result) = (Vec::new(), Some(Scalar::Amount));
    form.imports = (0..limits::IMPORTS)
        .map(|number| Import { name: format!("f{number}"), params: params.clone(), result })
        .collect();
    let functions = form.imports.iter().map(|import| HostFunction {
        name: import.name.clone(),
        capability: None,
        params: Vec::new(),
        result,
        fuel: 1,
        is_field: true,
    });
    let table = HostTable { functions: functions.collect(), grants: Vec::new() };
    let program = Arc::new(Program::load(&form.encode(), &table).unwrap());
    let (mut state, mut args) = (vec![0; BYTES], vec![0; BYTES]);
    let mut params = vec![0; BYTES];
    (params[0], params[BYTES - 8]) = (3, 4);
    let mut call = |ended: &mut dyn FnMut(Call<'_>) -> Result<Done, Trap>| {
        (state.fill(0), args.fill(0));
        let call = Call { entry: 0, params: &params, state: &mut state, args: &mut args, fuel: 1_000_000 };
        (ended(call).unwrap(), state.clone(), args.clone())
    };
    let given = Some([5, 0]);
    let slow = call(&mut |call| interpret(&program, &mut Counts(given, 0), call).unwrap());
    let compiled = Compiler::new().unwrap().compile(&program).unwrap();
    let mut instance = Instance::new(&compiled, Counts(given, 0)).unwrap();
    let fast = call(&mut |call| instance.call(call).unwrap());
    assert!(slow == fast);
    let (done, state, args) = fast;
    assert_eq!(done.result, [5 * limits::IMPORTS as u64 + 7, 0]);
    let written: Vec<usize> = (0..BYTES).filter(|at| state[*at] != 0).collect();
    assert_eq!(written, (0..8).chain(BYTES - 8..BYTES).collect::<Vec<_>>());
    assert_eq!(state, args);
}

/// What is kept is a form with what a host's table made of it: under another table it is compiled anew.
#[test]
fn a_form_is_compiled_for_the_table_that_it_was_verified_against() {
    let form = form(Scalar::Int, Vec::new(), vec![Stmt::Return(Some(Expr::Host(0, Vec::new())))]);
    let function = |name: &str, fuel, is_field| HostFunction {
        name: name.to_owned(),
        capability: None,
        params: Vec::new(),
        result: Some(Scalar::Int),
        fuel,
        is_field,
    };
    let mut compiler = Compiler::new().unwrap();
    let tables = [
        vec![function("ask", 9, false)],
        vec![function("other", 9, false), function("ask", 9, false)],
        vec![function("ask", 8, false)],
        vec![function("ask", 9, true)],
    ];
    for functions in tables.into_iter().cycle().take(8) {
        let place = functions.iter().position(|function| function.name == "ask").unwrap();
        let fuel = functions[place].fuel;
        let program = Program::load(&form.encode(), &HostTable { functions, grants: Vec::new() });
        let compiled = compiler.compile(&Arc::new(program.unwrap())).unwrap();
        let call = Call { entry: 0, params: &[], state: &mut [], args: &mut [], fuel: 100 };
        let done = Instance::new(&compiled, Places).unwrap().call(call).unwrap().unwrap();
        assert_eq!((done.result, done.fuel_used), ([place as u64, 0], 3 + u64::from(fuel)));
    }
}

/// Gives the place of the function that is asked.
struct Places;

impl tiderace_program::Host for Places {
    fn call(&mut self, function: usize, _args: &[u64; SLOTS_MAX]) -> Option<[u64; 2]> {
        Some([function as u64, 0])
    }
}

#[test]
fn entering_a_function_costs_its_locals() {
    let last = || vec![Stmt::Return(Some(int(7)))];
    let i128_type = Type::Scalar(Scalar::I128);
    // 2 for entering and 1 for returning, and a quarter of the slots: scalars as arrays, together.
    for (locals, fuel) in [
        (Vec::new(), 3),
        (vec![INT; 3], 3),
        (vec![INT; 4], 4),
        (vec![i128_type; 2], 4),
        (vec![INT, Type::Table(0), INT, INT, INT], 5),
        (vec![INT; 1_000], 253),
    ] {
        let count = locals.len();
        assert_eq!(run(&form(Scalar::Int, locals, last()), 1_000), Ok((Arg::Int(7), fuel)), "{count} locals");
    }
}
