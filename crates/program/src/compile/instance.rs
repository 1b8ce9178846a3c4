//! A module that can be called: memory written before, read after.

use std::sync::Arc;

use wasmtime::{Caller, Linker, Memory, Store, TypedFunc};

use super::module::IMPORTS;
use super::{CompileError, Compiled, failed};
use crate::code::{Program, fuel_of};
use crate::host::Host;
use crate::layout::{FUEL_AT, PARAMS_AT, RESULT_AT, Rep};
use crate::number::{self, floor_div, floor_mod, halves, whole, wide_to_float};
use crate::trap::{Call, CallError, Done, Trap, TrapReason};

/// One instance serves every holder of a program's state: parameters, state and arguments are copied in, state and
/// arguments out.
pub struct Instance<H: 'static> {
    program: Arc<Program>,
    store: Store<H>,
    memory: Memory,
    entries: Vec<TypedFunc<(), ()>>,
}

impl<H: Host + 'static> Instance<H> {
    /// An instance that asks this host.
    ///
    /// # Errors
    /// The machine has no memory left, or the compiler failed.
    pub fn new(compiled: &Compiled, host: H) -> Result<Self, CompileError> {
        let program = Arc::clone(&compiled.program);
        let mut store = Store::new(compiled.module.engine(), host);
        let instance = linker(compiled)?.instantiate(&mut store, &compiled.module).map_err(failed)?;
        let memory = instance.get_memory(&mut store, "memory").ok_or_else(|| failed("no memory"))?;
        let entries = (0..program.entries().len())
            .map(|number| instance.get_typed_func(&mut store, &format!("e{number}")).map_err(failed))
            .collect::<Result<_, _>>()?;
        Ok(Self { program, store, memory, entries })
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// The host, to be told what it answers next.
    pub fn host_mut(&mut self) -> &mut H {
        self.store.data_mut()
    }

    /// Calls an entry. Nothing is allocated and no system call made, but by a host that does, or at a trap.
    ///
    /// # Errors
    /// The outer error is the caller's or the machine's; the inner one is the program's trap.
    pub fn call(&mut self, call: Call<'_>) -> Result<Result<Done, Trap>, CallError> {
        let entry = self.program.check(&call)?;
        let map = self.program.map;
        let limit = fuel_of(&call);
        let (memory, host) = self.memory.data_and_store_mut(&mut self.store);
        for field in &entry.fields {
            let [low, high] = field.slots(host);
            write(memory, field.at, &low.to_le_bytes());
            if field.rep == Rep::I128 {
                write(memory, field.at.saturating_add(8), &high.to_le_bytes());
            }
        }
        let mut control = [0; 32];
        control[..8].copy_from_slice(&limit.to_le_bytes());
        write(memory, FUEL_AT, &control);
        write(memory, PARAMS_AT, call.params);
        write(memory, map.state_at(), call.state);
        write(memory, map.args_at(), call.args);
        let entry = self.entries.get(call.entry).ok_or(CallError::Entry(call.entry))?;
        let ended = entry.call(&mut self.store, ());
        let memory = self.memory.data(&self.store);
        let control = read::<32>(memory, FUEL_AT);
        let word = |at: u32| u64::from_le_bytes(read::<8>(&control, at));
        let used = |left: i64| u64::try_from(limit.saturating_sub(left)).unwrap_or(0);
        let left = word(FUEL_AT).cast_signed();
        match ended {
            Ok(()) => {
                copy(memory, map.state_at(), call.state);
                copy(memory, map.args_at(), call.args);
                let result = [word(RESULT_AT), word(RESULT_AT.saturating_add(8))];
                Ok(Ok(Done { result, fuel_used: used(left) }))
            }
            Err(error) => {
                let trap = word(crate::layout::TRAP_AT);
                let Some(reason) = TrapReason::from_code(trap & 0xff) else {
                    return Err(CallError::Engine(format!("{error:#}")));
                };
                let fuel_used = used(if reason == TrapReason::OutOfFuel { 0 } else { left });
                Ok(Err(Trap { reason, statement: u32::try_from(trap >> 8).unwrap_or(u32::MAX), fuel_used }))
            }
        }
    }
}

/// Where something lies in memory: the module was made with as much as its map says.
#[expect(clippy::as_conversions, reason = "u32 fits usize on every target of the engine")]
const fn index(at: u32) -> usize {
    at as usize
}

#[expect(clippy::indexing_slicing, reason = "a region outside of memory is a broken invariant")]
fn write(memory: &mut [u8], at: u32, bytes: &[u8]) {
    memory[index(at)..][..bytes.len()].copy_from_slice(bytes);
}

#[expect(clippy::indexing_slicing, reason = "a region outside of memory is a broken invariant")]
fn copy(memory: &[u8], at: u32, bytes: &mut [u8]) {
    bytes.copy_from_slice(&memory[index(at)..][..bytes.len()]);
}

fn read<const N: usize>(memory: &[u8], at: u32) -> [u8; N] {
    let mut bytes = [0; N];
    copy(memory, at, &mut bytes);
    bytes
}

type Wide = (i64, i64, i32);

fn checked(value: Result<i128, TrapReason>) -> Wide {
    match value {
        Ok(value) => {
            let [low, high] = halves(value).map(u64::cast_signed);
            (low, high, 0)
        }
        Err(reason) => (0, 0, reason.code().into()),
    }
}

fn wide(low: i64, high: i64) -> i128 {
    whole([low.cast_unsigned(), high.cast_unsigned()])
}

fn linker<H: Host + 'static>(compiled: &Compiled) -> Result<Linker<H>, CompileError> {
    const MODULE: &str = "tiderace";
    let mut linker = Linker::new(compiled.module.engine());
    let [host, mul, div, rem, to_float, floats @ ..] = IMPORTS;
    let ask = |mut caller: Caller<'_, H>, function: u32, a: i64, b: i64, c: i64, d: i64, e: i64, f: i64| -> Wide {
        let args = [
            a.cast_unsigned(),
            b.cast_unsigned(),
            c.cast_unsigned(),
            d.cast_unsigned(),
            e.cast_unsigned(),
            f.cast_unsigned(),
        ];
        match caller.data_mut().call(index(function), &args) {
            Some([low, high]) => (low.cast_signed(), high.cast_signed(), 1),
            None => (0, 0, 0),
        }
    };
    linker.func_wrap(MODULE, host, ask).map_err(failed)?;
    let slow_mul = |a: i64, b: i64, c: i64, d: i64| -> Wide {
        checked(wide(a, b).checked_mul(wide(c, d)).ok_or(TrapReason::Overflow))
    };
    linker.func_wrap(MODULE, mul, slow_mul).map_err(failed)?;
    let slow_div = |a: i64, b: i64, c: i64, d: i64| -> Wide { checked(floor_div(wide(a, b), wide(c, d))) };
    linker.func_wrap(MODULE, div, slow_div).map_err(failed)?;
    let slow_mod = |a: i64, b: i64, c: i64, d: i64| -> Wide { checked(floor_mod(wide(a, b), wide(c, d))) };
    linker.func_wrap(MODULE, rem, slow_mod).map_err(failed)?;
    linker.func_wrap(MODULE, to_float, |low: i64, high: i64| wide_to_float(wide(low, high))).map_err(failed)?;
    let functions = [number::exp, number::log, number::sin, number::cos];
    for (name, function) in floats.into_iter().zip(functions) {
        linker.func_wrap(MODULE, name, move |value: f64| function(value)).map_err(failed)?;
    }
    Ok(linker)
}
