//! Compiled and interpreted agree: results, what is written, traps, where they happen, fuel.
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

use std::sync::Arc;

use generator::{Echo, Rng, arg, form, table};
use tiderace_program::{Arg, Call, Compiler, Done, Effort, Form, Instance, Program, Trap, TrapReason, Type, interpret};

const FUNCTIONS: usize = 200;
const FEW: usize = 20;
const FUEL: u64 = 3_000;

/// A run: how it ended, state and arguments after it, what the host was asked.
type Ran = (Result<Done, Trap>, Vec<u8>, Vec<u8>, u64);

struct Case<'a> {
    params: &'a [u8],
    state: &'a [u8],
    args: &'a [u8],
    entry: usize,
}

impl Case<'_> {
    fn run(&self, fuel: u64, mut engine: impl FnMut(&mut Echo, Call<'_>) -> Result<Done, Trap>) -> Ran {
        let (mut state, mut args) = (self.state.to_vec(), self.args.to_vec());
        let mut host = Echo::default();
        let call = Call { entry: self.entry, params: self.params, state: &mut state, args: &mut args, fuel };
        let ended = engine(&mut host, call);
        (ended, state, args, host.asked)
    }

    fn interpreted(&self, program: &Program, fuel: u64) -> Ran {
        self.run(fuel, |host, call| interpret(program, host, call).unwrap())
    }

    fn compiled(&self, instance: &mut Instance<Echo>, fuel: u64) -> Ran {
        self.run(fuel, |host, call| {
            *instance.host_mut() = Echo::default();
            let ended = instance.call(call).unwrap();
            *host = instance.host_mut().clone();
            ended
        })
    }
}

fn record(form: &Form, rng: &mut Rng, entry: u16) -> Vec<u8> {
    let ty = Type::Table(entry);
    let mut bytes = Vec::new();
    form.pack(ty, &arg(rng, form, ty), &mut bytes).unwrap();
    bytes
}

/// Reasons by which calls ended, by number; 0 for those that were done.
#[derive(Default)]
struct Tally([usize; 9]);

fn compare(seed: u64, functions: usize, compiler: &mut Compiler, tally: &mut Tally) {
    let form = form(seed, functions);
    if seed == 0 {
        let text = format!("{:?}", form.functions);
        let is_drawn = |import: usize| text.contains(&format!("Host({import}, "));
        assert!((0..form.imports.len()).all(is_drawn), "every function and every field of the host is asked");
    }
    let bytes = form.encode();
    let (decoded, _) = Form::decode(&bytes).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    assert_eq!(decoded, form, "seed {seed}: decoding is the inverse of encoding");
    let program = Program::load(&bytes, &table()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    assert!(functions == FUNCTIONS || program.nodes() <= 1_536, "seed {seed}: small enough for fast code");
    let program = Arc::new(program);
    let compiled = compiler.compile(&program).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    compiler.forget(program.hash());
    let mut instance = Instance::new(&compiled, Echo::default()).unwrap();
    let mut rng = Rng(seed ^ 0xabcd);
    let params = record(&form, &mut rng, 4);
    for (entry, declared) in program.entries().iter().enumerate() {
        let state = record(&form, &mut rng, 3);
        let args: Vec<Arg> = declared.params.iter().map(|(_, ty)| arg(&mut rng, &form, *ty)).collect();
        let args = program.pack_args(entry, &args).unwrap();
        let case = Case { params: &params, state: &state, args: &args, entry };
        let slow = case.interpreted(&program, FUEL);
        let fast = case.compiled(&mut instance, FUEL);
        assert_eq!(slow, fast, "seed {seed} entry {entry}: {:#?}", form.functions[entry]);
        match slow.0 {
            Ok(Done { fuel_used, .. }) => {
                tally.0[0] += 1;
                assert_eq!(case.compiled(&mut instance, fuel_used), slow, "seed {seed} entry {entry}: enough");
                let less = case.compiled(&mut instance, fuel_used - 1);
                assert_eq!(less, case.interpreted(&program, fuel_used - 1), "seed {seed} entry {entry}: one less");
                let trap = less.0.unwrap_err();
                assert_eq!((trap.reason, trap.fuel_used), (TrapReason::OutOfFuel, fuel_used - 1));
            }
            Err(trap) => tally.0[usize::from(trap.reason.code())] += 1,
        }
    }
}

/// One function in eight is compiled with effort, which only small modules get: that is slow, and what is written here is
/// the same.
#[test]
fn generated_programs_run_alike_compiled_and_interpreted() {
    let is_full = std::env::var_os("TIDERACE_FULL").is_some();
    let programs: u64 = if is_full { 1_000_000 } else { 20_000 };
    let mut with_effort = Compiler::new().unwrap();
    let mut with_little = Compiler::with(Effort::Little).unwrap();
    let mut tally = Tally::default();
    for seed in 0..programs / FUNCTIONS as u64 {
        if is_full || seed % 8 == 0 {
            for part in 0..(FUNCTIONS / FEW) as u64 {
                compare((1 << 32) + (seed << 8) + part, FEW, &mut with_effort, &mut tally);
            }
        }
        if is_full || seed % 8 != 0 || seed == 0 {
            compare(seed, FUNCTIONS, &mut with_little, &mut tally);
        }
    }
    println!("done {}, traps {:?}", tally.0[0], &tally.0[1..]);
    assert!(tally.0.iter().all(|count| *count > 0), "every reason is produced: {:?}", tally.0);
    assert!(tally.0[0] as u64 > programs / 4, "a good part comes to its end: {:?}", tally.0);
}
