//! Forms that are refused: by their bytes, by their types and units, by what they ask for. And none of them panics.
#![allow(
    missing_docs,
    clippy::as_conversions,
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "tests"
)]
#![allow(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, reason = "tests")]

mod generator;

use generator::{Echo, Rng, arg, form as generated, table};
use tiderace_program::{
    Arg, At, BinaryOp, Call, Const, EntryDecl, Expr, Fault, Form, Function, HostTable, Import, ParamDecl, Place,
    Program, RecordField, Root, Scalar, Step, Stmt, Type, TypeDef, UnaryOp, interpret,
};

const INT: Type = Type::Scalar(Scalar::Int);

fn int(value: i64) -> Expr {
    Expr::Const(Const::I64(Scalar::Int, value))
}

fn of(scalar: Scalar) -> Expr {
    Rng(1).constant(scalar).into_expr()
}

trait IntoExpr {
    fn into_expr(self) -> Expr;
}

impl IntoExpr for Const {
    fn into_expr(self) -> Expr {
        Expr::Const(self)
    }
}

fn local(number: u16) -> Place {
    Place { root: Root::Local(number), steps: Vec::new() }
}

fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::Binary(op, Box::new(left), Box::new(right))
}

/// One function without parameters that gives an int.
fn body(locals: Vec<Type>, body: Vec<Stmt>) -> Form {
    Form {
        name: "refused".to_owned(),
        meta: Vec::new(),
        capabilities: Vec::new(),
        labels: Vec::new(),
        types: vec![
            TypeDef::Array { element: INT, len: 4 },
            TypeDef::Record {
                name: "Pair".to_owned(),
                fields: vec![
                    RecordField { name: "a".to_owned(), ty: INT },
                    RecordField { name: "b".to_owned(), ty: Type::Table(0) },
                ],
            },
        ],
        params: Some(1),
        param_decls: vec![
            ParamDecl { default: None, min: None, max: None, unit: String::new() },
            ParamDecl { default: None, min: None, max: None, unit: String::new() },
        ],
        state: None,
        imports: Vec::new(),
        functions: vec![Function { params: Vec::new(), result: Some(Scalar::Int), locals, body }],
        entries: vec![EntryDecl { name: "f0".to_owned(), function: 0, params: Vec::new() }],
        debug: None,
    }
}

fn give(value: Expr) -> Form {
    body(Vec::new(), vec![Stmt::Return(Some(value))])
}

fn fault(form: &Form) -> Fault {
    Program::load(&form.encode(), &HostTable::default()).map(|_| ()).expect_err("refused").fault
}

fn is_fine(form: &Form) {
    Program::load(&form.encode(), &HostTable::default()).unwrap();
}

#[test]
fn units_do_not_mix() {
    use BinaryOp::{Add, Div, Eq, FloorDiv, Lt, Mod, Mul, Shl};
    use Scalar::{Amount, Bool, Float, I128, Int, Price, Qty, Rate};
    let forged = [
        (Add, Price, Qty),
        (Add, Price, Int),
        (Add, Amount, I128),
        (Mul, Price, Price),
        (Mul, Qty, Qty),
        (Mul, Amount, Qty),
        (Mul, Rate, Qty),
        (Mul, Int, I128),
        (Mul, Int, Float),
        (FloorDiv, Int, Price),
        (FloorDiv, Price, Qty),
        (FloorDiv, Float, Float),
        (Mod, Price, Qty),
        (Mod, Float, Float),
        (Div, Int, Int),
        (Shl, I128, Int),
        (Shl, Price, Int),
        (Eq, Price, Int),
        (Eq, Bool, Int),
        (Lt, Bool, Bool),
        (Lt, Amount, Rate),
    ];
    for (op, left, right) in forged {
        let expected = Fault::Units { op: op.name(), left: left.name(), right: right.name() };
        assert_eq!(fault(&give(binary(op, of(left), of(right)))), expected);
    }
    for (op, left) in [(UnaryOp::Not, Int), (UnaryOp::Neg, Bool), (UnaryOp::Invert, Price), (UnaryOp::Exp, Int)] {
        let refused = give(Expr::Unary(op, Box::new(of(left))));
        assert_eq!(fault(&refused), Fault::Units { op: op.name(), left: left.name(), right: "" });
    }
    for (from, to) in [(Price, Qty), (Int, Int), (Float, Price), (Int, Bool), (Float, I128), (Amount, Rate)] {
        let refused = give(Expr::Cast(to, Box::new(of(from))));
        assert_eq!(fault(&refused), Fault::Units { op: "as", left: from.name(), right: to.name() });
    }
    assert!(matches!(fault(&give(of(Price))), Fault::Type { what: "result", .. }));
}

#[test]
fn places_are_checked() {
    let read = |root, steps| give(Expr::Read(Place { root, steps }));
    assert!(matches!(fault(&read(Root::Local(0), Vec::new())), Fault::Unknown { what: "local", .. }));
    assert!(matches!(fault(&read(Root::State, Vec::new())), Fault::None(_)));
    assert!(matches!(fault(&read(Root::Params, vec![Step::Field(2)])), Fault::Unknown { what: "field", .. }));
    assert!(matches!(fault(&read(Root::Params, vec![Step::Index(int(0))])), Fault::Type { .. }));
    assert!(matches!(fault(&read(Root::Params, vec![Step::Field(1)])), Fault::Type { what: "value", .. }));
    let through_int = vec![Step::Field(0), Step::Field(0)];
    assert!(matches!(fault(&read(Root::Params, through_int)), Fault::Type { what: "place", .. }));
    let by_float = vec![Step::Field(1), Step::Index(of(Scalar::Float))];
    assert!(matches!(fault(&read(Root::Params, by_float)), Fault::Type { what: "index", .. }));
    is_fine(&read(Root::Params, vec![Step::Field(1), Step::Index(int(99))]));
    let deep = vec![Step::Field(0); 9];
    assert!(matches!(fault(&read(Root::Params, deep)), Fault::TooMany { what: "steps of a place", .. }));
}

#[test]
fn parameters_are_read_only() {
    let last = || Stmt::Return(Some(int(0)));
    let field = |field| Place { root: Root::Params, steps: vec![Step::Field(field)] };
    let store = body(Vec::new(), vec![Stmt::Assign(field(0), int(1)), last()]);
    assert_eq!(fault(&store), Fault::ReadOnly);
    assert_eq!(fault(&body(Vec::new(), vec![Stmt::Zero(field(1)), last()])), Fault::ReadOnly);
    let copy = Stmt::Copy(field(1), local(0));
    assert_eq!(fault(&body(vec![Type::Table(0)], vec![copy, last()])), Fault::ReadOnly);
    let mut passed = give(int(0));
    passed.functions[0].params = vec![Type::Table(0)];
    passed.entries[0].params = vec!["a".to_owned()];
    let call = Expr::Call(0, vec![Expr::Read(field(1))]);
    passed.functions.push(Function {
        params: Vec::new(),
        result: Some(Scalar::Int),
        locals: Vec::new(),
        body: vec![Stmt::Return(Some(call))],
    });
    assert_eq!(fault(&passed), Fault::ReadOnly);
}

#[test]
fn control_flow_is_checked() {
    let last = || Stmt::Return(Some(int(0)));
    let truth = |value| Expr::Const(Const::Bool(value));
    assert_eq!(fault(&body(Vec::new(), Vec::new())), Fault::NoReturn);
    assert_eq!(fault(&body(Vec::new(), vec![Stmt::Return(None)])), Fault::NoReturn);
    assert_eq!(fault(&body(Vec::new(), vec![last(), last()])), Fault::Unreachable);
    assert_eq!(fault(&body(Vec::new(), vec![Stmt::Break, last()])), Fault::OutsideLoop);
    assert_eq!(fault(&body(Vec::new(), vec![Stmt::Continue])), Fault::OutsideLoop);
    assert_eq!(fault(&body(Vec::new(), vec![Stmt::Expr(int(1)), last()])), Fault::NotACall);
    assert_eq!(fault(&body(Vec::new(), vec![Stmt::If(truth(true), vec![last()], Vec::new())])), Fault::NoReturn);
    is_fine(&body(Vec::new(), vec![Stmt::If(truth(true), vec![last()], vec![last()])]));
    is_fine(&body(Vec::new(), vec![Stmt::While(truth(true), Vec::new())]));
    assert_eq!(fault(&body(Vec::new(), vec![Stmt::While(truth(true), vec![Stmt::Break])])), Fault::NoReturn);
    assert!(matches!(fault(&body(Vec::new(), vec![Stmt::If(int(1), vec![last()], vec![last()])])), Fault::Type { .. }));
    let float_counter = Stmt::For { local: 0, start: int(0), stop: int(1), step: int(1), body: Vec::new() };
    let float_counter = body(vec![Type::Scalar(Scalar::Float)], vec![float_counter, last()]);
    assert!(matches!(fault(&float_counter), Fault::Type { what: "counter of a loop", .. }));
}

#[test]
fn calls_go_down_only() {
    assert_eq!(fault(&give(Expr::Call(0, Vec::new()))), Fault::Recursion(0));
    assert_eq!(fault(&give(Expr::Call(7, Vec::new()))), Fault::Recursion(7));
    let mut chain = give(int(0));
    for number in 0..40 {
        let mut next = chain.functions[0].clone();
        next.body = vec![Stmt::Return(Some(Expr::Call(number, Vec::new())))];
        chain.functions.push(next);
    }
    assert!(matches!(fault(&chain), Fault::TooMany { what: "calls within calls", .. }));
    chain.functions.truncate(32);
    is_fine(&chain);
    chain.functions[1].body = vec![Stmt::Return(Some(Expr::Call(0, vec![int(1)])))];
    assert_eq!(fault(&chain), Fault::Arguments { expected: 0, found: 1 });
}

#[test]
fn only_what_is_granted_can_be_asked() {
    let ask = |name: &str, capabilities: &[&str]| {
        let mut form = give(Expr::Host(0, vec![int(1), of(Scalar::Float)]));
        form.capabilities = capabilities.iter().map(|name| (*name).to_owned()).collect();
        let params = vec![Scalar::Int, Scalar::Float];
        form.imports = vec![Import { name: name.to_owned(), params, result: Some(Scalar::Int) }];
        Program::load(&form.encode(), &table()).map(|_| ()).map_err(|error| error.fault)
    };
    assert_eq!(ask("echo.int", &["read"]), Ok(()));
    let needed = Fault::Capability { function: "echo.int".to_owned(), capability: "read".to_owned() };
    assert_eq!(ask("echo.int", &[]), Err(needed));
    assert_eq!(ask("echo.int", &["read", "write"]), Err(Fault::NotGranted("write".to_owned())));
    assert_eq!(ask("echo.float", &["read"]), Err(Fault::Import("echo.float".to_owned())));
    assert_eq!(ask("nothing", &[]), Err(Fault::Import("nothing".to_owned())));
    assert_eq!(ask("echo.int", &["write", "read"]), Err(Fault::Order("capabilities")));
}

#[test]
fn sizes_are_bounded() {
    let mut deep = int(1);
    (0..70).for_each(|_| deep = Expr::Unary(UnaryOp::Neg, Box::new(deep.clone())));
    assert!(matches!(fault(&give(deep)), Fault::TooMany { what: "nested expressions", .. }));
    let mut nested = Vec::new();
    (0..40).for_each(|_| nested = vec![Stmt::If(Expr::Const(Const::Bool(true)), nested.clone(), Vec::new())]);
    assert!(matches!(fault(&body(Vec::new(), nested)), Fault::TooMany { what: "nested statements", .. }));
    let long = vec![Stmt::Assign(local(0), int(0)); 9_000];
    assert!(matches!(fault(&body(vec![INT], long)), Fault::TooMany { .. }));
    assert!(matches!(fault(&body(vec![INT; 1_025], Vec::new())), Fault::TooMany { what: "locals of a function", .. }));
    let mut huge = give(int(0));
    huge.types.push(TypeDef::Array { element: Type::Table(1), len: 65_536 });
    assert!(matches!(fault(&huge), Fault::TooMany { what: "bytes of a type", .. }));
    let mut frames = body(vec![Type::Table(2); 9], vec![Stmt::Return(Some(int(0)))]);
    frames.types.push(TypeDef::Array { element: INT, len: 8_192 });
    assert!(matches!(fault(&frames), Fault::TooMany { what: "bytes of array and record locals", .. }));
    let mut forward = give(int(0));
    forward.types.push(TypeDef::Array { element: Type::Table(9), len: 1 });
    assert!(matches!(fault(&forward), Fault::Unknown { what: "type", .. }));
    let mut nan = give(int(0));
    nan.types = vec![TypeDef::Record {
        name: "Only".to_owned(),
        fields: vec![RecordField { name: "f".to_owned(), ty: Type::Scalar(Scalar::Float) }],
    }];
    nan.params = Some(0);
    let not_a_number = Some(Const::Float(0x7ff8_0000_0000_0000));
    nan.param_decls = vec![ParamDecl { default: not_a_number, min: None, max: None, unit: String::new() }];
    assert!(matches!(fault(&nan), Fault::Constant(_)));
    nan.param_decls[0].default = Some(Const::Float(0xfff8_0000_0000_0000));
    assert!(matches!(fault(&nan), Fault::Constant("NaN")));
}

#[test]
fn names_are_names_and_nothing_is_there_twice() {
    let mut form = give(int(0));
    form.name = "two words".to_owned();
    assert_eq!(fault(&form), Fault::Text("name of a program"));
    let mut form = give(int(0));
    form.entries.push(form.entries[0].clone());
    assert_eq!(fault(&form), Fault::Order("entries"));
    let mut form = give(int(0));
    form.entries.clear();
    assert_eq!(fault(&form), Fault::None("entry"));
    let mut form = give(int(0));
    form.entries[0].function = 3;
    assert!(matches!(fault(&form), Fault::Unknown { what: "function", .. }));
    let mut form = give(int(0));
    form.meta = vec![("b".to_owned(), String::new()), ("a".to_owned(), String::new())];
    assert_eq!(fault(&form), Fault::Order("meta entries"));
}

#[test]
fn an_error_names_its_statement() {
    let bad = Stmt::Assign(local(0), of(Scalar::Price));
    let refused = body(vec![INT], vec![Stmt::Assign(local(0), int(1)), bad, Stmt::Return(Some(int(0)))]);
    let error = Program::load(&refused.encode(), &HostTable::default()).map(|_| ()).unwrap_err();
    assert_eq!(error.at, At::Statement(1));
}

#[test]
fn the_hash_leaves_the_debug_section_out() {
    let mut form = give(int(7));
    let (_, bare) = Form::decode(&form.encode()).unwrap();
    let functions = vec![tiderace_program::DebugFunction { name: "f".to_owned(), locals: Vec::new() }];
    form.debug = Some(tiderace_program::Debug { file: "a.py".to_owned(), positions: vec![(3, 5)], functions });
    let (decoded, named) = Form::decode(&form.encode()).unwrap();
    assert_eq!((decoded, named), (form.clone(), bare));
    form.functions[0].body = vec![Stmt::Return(Some(int(8)))];
    assert_ne!(Form::decode(&form.encode()).unwrap().1, bare);
    form.debug.as_mut().unwrap().positions.clear();
    assert!(Form::decode(&form.encode()).is_err());
}

#[test]
fn truncated_and_changed_bytes_are_refused_or_run_without_panic() {
    let whole = generated(3, 12).encode();
    for end in 0..whole.len() {
        assert!(Program::load(&whole[..end], &table()).is_err(), "cut at {end}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(Program::load(&longer, &table()).is_err());
    let rounds = if std::env::var_os("TIDERACE_FULL").is_some() { 2_000_000 } else { 40_000 };
    let mut rng = Rng(11);
    let mut accepted = 0;
    for _ in 0..rounds {
        let mut bytes = whole.clone();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(bytes.len());
            bytes[at] = if rng.one_in(2) { rng.next() as u8 } else { bytes[at] ^ (1 << rng.below(8)) };
        }
        let Ok(program) = Program::load(&bytes, &table()) else { continue };
        accepted += 1;
        let entry = rng.below(program.entries().len());
        let params = vec![0; program.params_bytes()];
        let mut state = vec![0; program.state_bytes()];
        let types: Vec<Type> = program.entries()[entry].params.iter().map(|(_, ty)| *ty).collect();
        let args: Vec<Arg> = types.iter().map(|ty| arg(&mut rng, program.form(), *ty)).collect();
        let mut args = program.pack_args(entry, &args).unwrap();
        let call = Call { entry, params: &params, state: &mut state, args: &mut args, fuel: 500 };
        let _ended = interpret(&program, &mut Echo::default(), call).unwrap();
    }
    assert!(accepted > 0);
}
