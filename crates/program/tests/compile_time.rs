//! What the limits keep a form from: time of the thread that compiles it, stack of the one that interprets it, memory.
#![allow(
    missing_docs,
    clippy::as_conversions,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]
#![allow(clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use tiderace_program::{
    BinaryOp, Call, Compiler, Const, EntryDecl, Expr, Fault, Form, Function, HostTable, NoHost, Place, Program, Root,
    Scalar, Step, Stmt, Type, TypeDef, UnaryOp, interpret, limits,
};

const INT: Type = Type::Scalar(Scalar::Int);
/// Operations of one statement.
const CHAIN: usize = 28;

fn int(value: i64) -> Expr {
    Expr::Const(Const::I64(Scalar::Int, value))
}

fn local(number: u16) -> Place {
    Place { root: Root::Local(number), steps: Vec::new() }
}

fn get(number: u16) -> Expr {
    Expr::Read(local(number))
}

fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::Binary(op, Box::new(left), Box::new(right))
}

fn form(functions: Vec<Function>) -> Form {
    let last = functions.last().unwrap();
    let entry = EntryDecl {
        name: "run".to_owned(),
        function: (functions.len() - 1) as u16,
        params: (0..last.params.len()).map(|param| format!("p{param}")).collect(),
    };
    Form {
        name: "worst".to_owned(),
        meta: Vec::new(),
        capabilities: Vec::new(),
        labels: Vec::new(),
        types: vec![TypeDef::Array { element: INT, len: 4 }],
        params: None,
        param_decls: Vec::new(),
        state: None,
        imports: Vec::new(),
        functions,
        entries: vec![entry],
        debug: None,
    }
}

/// `x = ((x op y) op y) ...` as often as the nodes allow.
fn chains(scalar: Scalar, nodes: usize, each: impl Fn(Expr) -> (Expr, usize)) -> Function {
    let mut body = Vec::new();
    let mut left = nodes.saturating_sub(4);
    loop {
        let mut value = get(0);
        let mut used = 2;
        for _ in 0..CHAIN {
            let (next, nodes) = each(value);
            (value, used) = (next, used + nodes);
        }
        if used > left {
            break;
        }
        left -= used;
        body.push(Stmt::Assign(local(0), value));
    }
    body.push(Stmt::Return(Some(get(0))));
    Function { params: vec![Type::Scalar(scalar); 2], result: Some(scalar), locals: Vec::new(), body }
}

fn operation(scalar: Scalar, op: BinaryOp, nodes: usize) -> Function {
    chains(scalar, nodes, |value| (binary(op, value, get(1)), 2))
}

/// Every local is set, alive over each of many branches or loops, and summed in the end.
fn alive(nodes: usize, is_loop: bool) -> Function {
    let locals = 1_000_u16.min((nodes / 8) as u16);
    let mut body: Vec<Stmt> = (1..=locals).map(|at| Stmt::Assign(local(at), get(0))).collect();
    let each = if is_loop { 8 } else { 6 };
    let rest = nodes - 6 * usize::from(locals) - 8;
    for at in 0..rest / each {
        let at = 1 + (at % usize::from(locals)) as u16;
        let step = Stmt::Assign(local(at), binary(BinaryOp::Xor, get(at), int(1)));
        body.push(if is_loop {
            Stmt::For { local: 0, start: int(0), stop: get(0), step: int(1), body: vec![step] }
        } else {
            Stmt::If(Expr::Const(Const::Bool(true)), vec![step], Vec::new())
        });
    }
    body.extend((1..=locals).map(|at| Stmt::Assign(local(0), binary(BinaryOp::Xor, get(0), get(at)))));
    body.push(Stmt::Return(Some(get(0))));
    Function { params: vec![INT], result: Some(Scalar::Int), locals: vec![INT; usize::from(locals)], body }
}

/// Functions that call the one before them, as often as the nodes of a program allow: what is inlined doubles.
fn tower(nodes: usize) -> Vec<Function> {
    let twice = |number: usize| {
        let below = |arg| Expr::Call((number - 1) as u16, vec![arg]);
        let sum = binary(BinaryOp::Add, below(get(0)), below(binary(BinaryOp::Add, get(0), int(1))));
        Function {
            params: vec![INT],
            result: Some(Scalar::Int),
            locals: Vec::new(),
            body: vec![Stmt::Return(Some(sum))],
        }
    };
    let mut functions = vec![operation(Scalar::Int, BinaryOp::Mul, 8)];
    functions[0].params.truncate(1);
    functions[0].body = vec![Stmt::Return(Some(binary(BinaryOp::Mul, get(0), get(0))))];
    let floors = 28;
    for number in 1..(nodes / 8).min(1_000) {
        functions.push(if number <= floors { twice(number) } else { twice(number % floors + 1) });
    }
    functions
}

/// One small function, called as often as the nodes of a function allow.
fn callers(nodes: usize, of_function: usize) -> Vec<Function> {
    let mut functions = vec![operation(Scalar::Int, BinaryOp::FloorDiv, 100)];
    for _ in 0..nodes / of_function {
        functions.push(chains(Scalar::Int, of_function, |value| (Expr::Call(0, vec![value, get(1)]), 2)));
    }
    functions
}

fn shapes(of_function: usize, of_program: usize) -> Vec<(&'static str, Form)> {
    use BinaryOp::{Add, FloorDiv, Min, Mod, Mul, Shl};
    use Scalar::{Float, I128, Int};
    let many = |function: Function| form(vec![function; (of_program / of_function).max(1)]);
    let index = |value: Expr| Expr::Read(Place { root: Root::Local(2), steps: vec![Step::Index(value)] });
    let mut bounds = chains(Int, of_function, |value| (index(value), 1));
    bounds.locals = vec![Type::Table(0)];
    let widened = |value| (Expr::Cast(Int, Box::new(Expr::Cast(I128, Box::new(value)))), 2);
    let truncated = |value| (Expr::Cast(Int, Box::new(Expr::Cast(Float, Box::new(value)))), 2);
    let absolute = |value| (Expr::Unary(UnaryOp::Abs, Box::new(value)), 1);
    let less = || Box::new(binary(BinaryOp::Lt, get(0), get(1)));
    let chosen = |value| (Expr::Choose(less(), Box::new(value), Box::new(get(1))), 5);
    vec![
        ("int //", many(operation(Int, FloorDiv, of_function))),
        ("int %", many(operation(Int, Mod, of_function))),
        ("int *", many(operation(Int, Mul, of_function))),
        ("int +", many(operation(Int, Add, of_function))),
        ("int <<", many(operation(Int, Shl, of_function))),
        ("int abs", many(chains(Int, of_function, absolute))),
        ("int []", many(bounds)),
        ("int to float and back", many(chains(Int, of_function, truncated))),
        ("int to i128 and back", many(chains(Int, of_function, widened))),
        ("int choose", many(chains(Int, of_function, chosen))),
        ("i128 //", many(operation(I128, FloorDiv, of_function))),
        ("i128 *", many(operation(I128, Mul, of_function))),
        ("i128 +", many(operation(I128, Add, of_function))),
        ("i128 min", many(operation(I128, Min, of_function))),
        ("i128 abs", many(chains(I128, of_function, absolute))),
        ("locals over branches", many(alive(of_function, false))),
        ("locals over loops", many(alive(of_function, true))),
        ("tower of calls", form(tower(of_program))),
        ("many calls of one", form(callers(of_program, of_function))),
    ]
}

/// Nanoseconds of this thread on a processor: others may use the machine.
fn worked() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

fn seconds_of(form: &Form) -> f64 {
    let program = Arc::new(Program::load(&form.encode(), &HostTable::default()).unwrap());
    let mut compiler = Compiler::new().unwrap();
    let begin = worked();
    compiler.compile(&program).unwrap();
    (worked() - begin) as f64 / 1e9
}

/// Far above what they take (below a second), far below what a form without these limits took (minutes).
const SECONDS: f64 = 6.0;

#[test]
fn the_worst_form_that_the_limits_allow_is_compiled_in_seconds() {
    // As large as fast code is made for, and as large as the limits allow.
    for (of_function, of_program) in [(1_500, 1_500), (limits::FUNCTION_NODES, limits::NODES)] {
        for (name, form) in shapes(of_function, of_program) {
            let seconds = seconds_of(&form);
            println!("{of_program:6} {name:24} {:7} bytes {seconds:7.3} s", form.encode().len());
            assert!(seconds < SECONDS, "{name}: {seconds} s");
        }
    }
}

fn in_thread(stack_bytes: usize, run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(stack_bytes).spawn(run).unwrap().join().unwrap();
}

/// Functions that call one another at the limits, each with `blocks` of statements and the call within operations.
fn deepest(blocks: usize) -> Form {
    let levels = limits::CHAIN_DEPTH as usize / limits::CALL_DEPTH as usize;
    let functions = (0..limits::CALL_DEPTH as u16).map(|number| {
        // A call is a level, its argument another, the block of the function one more.
        let mut value = number.checked_sub(1).map_or(get(0), |below| Expr::Call(below, vec![get(0)]));
        let used = if number == 0 { 2 } else { 3 };
        (0..levels - used - blocks).for_each(|_| value = binary(BinaryOp::Xor, int(1), value.clone()));
        let mut body = vec![Stmt::Return(Some(value))];
        for _ in 0..blocks {
            body = vec![Stmt::If(Expr::Const(Const::Bool(true)), body.clone(), body)];
            let Stmt::If(_, _, or) = &mut body[0] else { return function(body) };
            *or = vec![Stmt::Return(Some(int(0)))];
        }
        function(body)
    });
    form(functions.collect())
}

fn function(body: Vec<Stmt>) -> Function {
    Function { params: vec![INT], result: Some(Scalar::Int), locals: Vec::new(), body }
}

#[test]
fn the_deepest_form_is_interpreted_in_half_a_megabyte_of_stack() {
    let stack_bytes = std::env::var("STACK_BYTES").map_or(512 << 10, |text| text.parse().unwrap());
    for blocks in 0..=5 {
        let form = deepest(blocks);
        in_thread(stack_bytes, move || {
            let program = Program::load(&form.encode(), &HostTable::default()).unwrap();
            let mut args = 7_u64.to_le_bytes();
            let call = Call { entry: 0, params: &[], state: &mut [], args: &mut args, fuel: 100_000 };
            interpret(&program, &mut NoHost, call).unwrap().unwrap();
        });
    }
}

#[test]
fn a_form_one_level_deeper_is_refused() {
    let mut form = deepest(0);
    let Stmt::Return(Some(value)) = &mut form.functions[5].body[0] else { panic!("it returns") };
    *value = binary(BinaryOp::Xor, int(1), value.clone());
    let error = Program::load(&form.encode(), &HostTable::default()).map(|_| ()).unwrap_err();
    let max = limits::CHAIN_DEPTH.into();
    assert_eq!(error.fault, Fault::TooMany { what: "levels of nesting", count: max + 1, max });
}

#[test]
fn a_loaded_program_lets_go_of_the_bodies() {
    let form = form(vec![operation(Scalar::Int, BinaryOp::Add, 500)]);
    let program = Program::load(&form.encode(), &HostTable::default()).unwrap();
    assert!(program.form().functions.iter().all(|function| function.body.is_empty()));
    assert_eq!((&program.form().types, &program.form().entries), (&form.types, &form.entries));
}
