//! How fast, by hand: `cargo test --release -p tiderace-program --test speed -- --ignored --nocapture`.
#![allow(missing_docs, clippy::as_conversions, clippy::unwrap_used, clippy::expect_used, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests")]

use std::sync::Arc;
use std::time::Instant;

use tiderace_program::{
    BinaryOp, Call, Compiler, Const, EntryDecl, Expr, Form, Function, Host, HostFunction, HostTable, Import, Instance,
    Place, Program, Root, SLOTS_MAX, Scalar, Stmt, Type,
};

const INT: Type = Type::Scalar(Scalar::Int);

fn int(value: i64) -> Expr {
    Expr::Const(Const::I64(Scalar::Int, value))
}

fn local(local: u16) -> Place {
    Place { root: Root::Local(local), steps: Vec::new() }
}

fn get(number: u16) -> Expr {
    Expr::Read(local(number))
}

fn op(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::Binary(op, Box::new(left), Box::new(right))
}

fn function(params: usize, locals: usize, body: Vec<Stmt>) -> Function {
    Function { params: vec![INT; params], result: Some(Scalar::Int), locals: vec![INT; locals], body }
}

fn form(functions: Vec<Function>, imports: Vec<Import>) -> Form {
    let entries = functions.iter().enumerate().map(|(number, function)| EntryDecl {
        name: format!("f{number}"),
        function: number as u16,
        params: (0..function.params.len()).map(|param| format!("p{param}")).collect(),
    });
    Form {
        name: "speed".to_owned(),
        meta: Vec::new(),
        capabilities: Vec::new(),
        labels: Vec::new(),
        types: Vec::new(),
        params: None,
        param_decls: Vec::new(),
        state: None,
        imports,
        entries: entries.collect(),
        functions,
        debug: None,
    }
}

/// A capped call of seven tenths on a spot that walks by a linear congruence.
fn payoff() -> Form {
    use BinaryOp::{Add, FloorDiv, Max, Min, Mod, Mul, Sub};
    let intrinsic = op(Max, op(Sub, get(0), get(1)), int(0));
    let capped = op(FloorDiv, op(Mul, op(Min, intrinsic, get(2)), int(7)), int(10));
    let payoff = function(3, 0, vec![Stmt::Return(Some(capped))]);
    // Locals: n, i, spot, total.
    let next = op(Mod, op(Add, op(Mul, get(2), int(1_103_515_245)), int(12_345)), int(100_003));
    let paid = Expr::Call(0, vec![get(2), int(50_000), int(20_000)]);
    let body = vec![Stmt::Assign(local(2), next), Stmt::Assign(local(3), op(Add, get(3), paid))];
    let run = vec![Stmt::For { local: 1, start: int(0), stop: get(0), step: int(1), body }, Stmt::Return(Some(get(3)))];
    form(vec![payoff, function(1, 3, run)], Vec::new())
}

/// One read of the host and a sum.
fn read() -> (Form, HostTable) {
    let import = Import { name: "book.bid".to_owned(), params: vec![Scalar::Int], result: Some(Scalar::Int) };
    let body = vec![Stmt::Return(Some(op(BinaryOp::Add, Expr::Host(0, vec![get(0)]), int(1))))];
    let function_of = HostFunction {
        name: import.name.clone(),
        capability: None,
        params: import.params.clone(),
        result: import.result,
        fuel: 10,
        is_field: false,
    };
    (form(vec![function(1, 0, body)], vec![import]), HostTable { functions: vec![function_of], grants: Vec::new() })
}

struct Bids([u64; 4]);

impl Host for Bids {
    fn call(&mut self, _function: usize, args: &[u64; SLOTS_MAX]) -> Option<[u64; 2]> {
        Some([*self.0.get(args[0] as usize)?, 0])
    }
}

fn compile(form: &Form, table: &HostTable) -> Instance<Bids> {
    let bytes = form.encode();
    let begin = Instant::now();
    let program = Arc::new(Program::load(&bytes, table).unwrap());
    let mut compiler = Compiler::new().unwrap();
    let ready = Instant::now();
    let compiled = compiler.compile(&program).unwrap();
    let instance = Instance::new(&compiled, Bids([5, 6, 7, 8])).unwrap();
    println!("{} bytes: engine {:?}, compile {:?}", bytes.len(), ready - begin, ready.elapsed());
    instance
}

fn call(instance: &mut Instance<Bids>, entry: usize, arg: u64, fuel: u64) -> (u64, u64) {
    let mut args = arg.to_le_bytes();
    let call = Call { entry, params: &[], state: &mut [], args: &mut args, fuel };
    let done = instance.call(call).unwrap().unwrap();
    (done.result[0], done.fuel_used)
}

#[test]
#[ignore = "measures"]
fn speed() {
    const ROUNDS: u64 = 20_000_000;
    let mut instance = compile(&payoff(), &HostTable::default());
    for _ in 0..3 {
        let begin = Instant::now();
        let (result, fuel) = call(&mut instance, 1, ROUNDS, u64::MAX);
        let ns = begin.elapsed().as_nanos() as f64 / ROUNDS as f64;
        println!("payoff in a loop: {ns:.2} ns, {:.1} fuel, sum {result}", fuel as f64 / ROUNDS as f64);
    }
    let (form, table) = read();
    let mut instance = compile(&form, &table);
    for _ in 0..3 {
        let calls = 5_000_000;
        let begin = Instant::now();
        let sum: u64 = (0..calls).map(|call_of| call(&mut instance, 0, call_of & 3, 1000).0).sum();
        println!("call with one read: {:.2} ns, sum {sum}", begin.elapsed().as_nanos() as f64 / calls as f64);
    }
}
