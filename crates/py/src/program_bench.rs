//! The benches of programs, as Python calls them: calls, fuel, compiling.

use std::sync::Arc;
use std::time::Instant;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tiderace_program::{Arg, Call, Compiler, Host, HostTable, Instance, Program, SLOTS_MAX, Trap, interpret};

use crate::program::{PyProgram, failed, from_python};

/// A host that answers every question at once, and counts them.
#[derive(Default)]
struct Answers {
    asked: u64,
}

impl Host for Answers {
    fn call(&mut self, _function: usize, args: &[u64; SLOTS_MAX]) -> Option<[u64; 2]> {
        self.asked = self.asked.wrapping_add(1);
        let [first, ..] = args;
        Some([*[1, 2, 3, 4].get(usize::try_from(*first & 3).ok()?)?, 0])
    }
}

/// Bytes of a call: which entry, its arguments, parameters and state.
struct Bytes {
    entry: usize,
    args: Vec<u8>,
    params: Vec<u8>,
    state: Vec<u8>,
}

impl Bytes {
    fn of(program: &Program, entry: &str, args: &[Bound<'_, PyAny>]) -> PyResult<Self> {
        let entry = program.entry(entry).ok_or_else(|| PyValueError::new_err(format!("there is no entry {entry}")))?;
        let args = args.iter().map(from_python).collect::<PyResult<Vec<Arg>>>()?;
        let args = program.pack_args(entry, &args).map_err(failed)?;
        Ok(Self { entry, args, params: vec![0; program.params_bytes()], state: vec![0; program.state_bytes()] })
    }

    fn call(&mut self, fuel: u64) -> Call<'_> {
        Call { entry: self.entry, params: &self.params, state: &mut self.state, args: &mut self.args, fuel }
    }
}

fn instance(program: &Arc<Program>) -> PyResult<Instance<Answers>> {
    let compiled = Compiler::new().and_then(|mut compiler| compiler.compile(program)).map_err(failed)?;
    Instance::new(&compiled, Answers::default()).map_err(failed)
}

/// Nanoseconds of a call of an entry, one figure a repetition of `calls` calls, the fuel of one, and the sum of all results
/// (low halves, wrapping). The host answers every question with a small number.
#[pyfunction]
pub(crate) fn bench_program(
    program: &Bound<'_, PyProgram>,
    entry: &str,
    args: Vec<Bound<'_, PyAny>>,
    calls: u32,
    repetitions: u32,
) -> PyResult<(Vec<f64>, u64, u64)> {
    let program = &program.get().program;
    let mut bytes = Bytes::of(program, entry, &args)?;
    let mut instance = instance(program)?;
    let (mut times, mut fuel_used, mut sum) = (Vec::new(), 0, 0_u64);
    for _ in 0..repetitions {
        let begin = Instant::now();
        for _ in 0..calls {
            let done = instance.call(bytes.call(u64::MAX)).map_err(failed)?;
            let done = done.map_err(|trap| failed(trap.reason.name()))?;
            fuel_used = done.fuel_used;
            let [low, _] = done.result;
            sum = sum.wrapping_add(low);
        }
        times.push(begin.elapsed().as_secs_f64() * 1e9 / f64::from(calls.max(1)));
    }
    Ok((times, fuel_used, sum))
}

/// How a run ended: the trap or nothing, fuel used, questions asked of the host, nanoseconds.
type Stopped = (Option<&'static str>, u64, u64, f64);

/// Runs an entry with so much fuel, `runs` times, each with fresh state.
#[pyfunction]
pub(crate) fn bench_program_fuel(
    program: &Bound<'_, PyProgram>,
    entry: &str,
    args: Vec<Bound<'_, PyAny>>,
    fuel: u64,
    runs: u32,
    is_interpreted: bool,
) -> PyResult<Vec<Stopped>> {
    let program = &program.get().program;
    let mut compiled = instance(program)?;
    let once = |_| {
        let mut bytes = Bytes::of(program, entry, &args)?;
        let mut host = Answers::default();
        let begin = Instant::now();
        let ended = if is_interpreted {
            interpret(program, &mut host, bytes.call(fuel)).map_err(failed)?
        } else {
            compiled.host_mut().asked = 0;
            compiled.call(bytes.call(fuel)).map_err(failed)?
        };
        let ns = begin.elapsed().as_secs_f64() * 1e9;
        let asked = if is_interpreted { host.asked } else { compiled.host_mut().asked };
        Ok(match ended {
            Ok(done) => (None, done.fuel_used, asked, ns),
            Err(Trap { reason, fuel_used, .. }) => (Some(reason.name()), fuel_used, asked, ns),
        })
    };
    (0..runs).map(once).collect()
}

/// Milliseconds of a compiler's start, from the bytes of a form to what can be called, and of the same with a form whose
/// machine code the compiler has in memory: decoded, verified and made an instance anew.
#[pyfunction]
pub(crate) fn bench_program_compile(
    program: &Bound<'_, PyProgram>,
    repetitions: u32,
) -> PyResult<Vec<(f64, f64, f64)>> {
    let own = program.get();
    let form = own.program.form();
    let bytes = form.encode();
    let table = HostTable { functions: own.functions.clone(), grants: form.capabilities.clone() };
    let once = |_| {
        let begin = Instant::now();
        let mut compiler = Compiler::new().map_err(failed)?;
        let started = begin.elapsed().as_secs_f64() * 1e3;
        let mut ready = || {
            let begin = Instant::now();
            let program = Program::load(&bytes, &table).map_err(failed)?;
            let compiled = compiler.compile(&Arc::new(program)).map_err(failed)?;
            Instance::new(&compiled, Answers::default()).map_err(failed)?;
            Ok::<f64, PyErr>(begin.elapsed().as_secs_f64() * 1e3)
        };
        Ok((started, ready()?, ready()?))
    };
    (0..repetitions).map(once).collect()
}
