//! Program to machine code: WebAssembly written here, compiled by wasmtime, without signals, threads or traps of its own.
//!
//! Every function takes its arguments and the fuel left, and gives its result and the fuel left. A trap writes fuel, reason
//! and statement into memory and stops. An entry is called without arguments: they lie in memory.

mod arith;
mod expr;
mod instance;
mod module;
mod stmt;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use wasmtime::{Config, Engine, Inlining, Module, OptLevel, RegallocAlgorithm};

pub use instance::Instance;

use crate::code::Program;
use crate::form::HASH_BYTES;

/// Stack of a call: the verifier's limits on locals, nesting and calls keep well below.
const STACK_BYTES: usize = 1 << 20;

/// Statements and expressions up to which a program is compiled to fast code. What that takes grows with the square of the
/// checks in a function and with what is inlined; a larger program gets little effort.
const THOROUGH_NODES: usize = 1_536;

/// Why no machine code came out: the machine's fault, never the program's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError(String);

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the compiler failed: {}", self.0)
    }
}

impl std::error::Error for CompileError {}

fn failed(error: impl fmt::Display) -> CompileError {
    CompileError(format!("{error:#}"))
}

/// A program as machine code; instances share it.
#[derive(Clone, Debug)]
pub struct Compiled {
    program: Arc<Program>,
    module: Module,
}

impl Compiled {
    /// The program.
    #[must_use]
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }
}

fn engine(inlining: Inlining, level: OptLevel, registers: RegallocAlgorithm) -> Result<Engine, CompileError> {
    let mut config = Config::new();
    config
        .signals_based_traps(false)
        .memory_reservation(0)
        .memory_reservation_for_growth(0)
        .memory_guard_size(0)
        .guard_before_linear_memory(false)
        .memory_init_cow(false)
        .max_wasm_stack(STACK_BYTES)
        .wasm_backtrace_max_frames(None)
        .native_unwind_info(false)
        .generate_address_map(false)
        .wasm_wide_arithmetic(true)
        .wasm_branch_hinting(true)
        .compiler_inlining(inlining)
        .cranelift_nan_canonicalization(true)
        .cranelift_regalloc_algorithm(registers)
        .cranelift_opt_level(level);
    Engine::new(&config).map_err(failed)
}

/// What a compiler spends its time on; what programs do is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// On fast code, but for programs too large for it: for programs that run often.
    Code,
    /// On nothing: for programs that run once.
    Little,
}

/// Compiles programs and keeps what it compiled, by identity.
#[derive(Debug)]
pub struct Compiler {
    /// None where every program gets little.
    thorough: Option<Engine>,
    quick: Engine,
    kept: BTreeMap<[u8; HASH_BYTES], Compiled>,
}

impl Compiler {
    /// A compiler for this machine and fast code.
    ///
    /// # Errors
    /// The machine is not supported.
    pub fn new() -> Result<Self, CompileError> {
        Self::with(Effort::Code)
    }

    /// A compiler for this machine.
    ///
    /// # Errors
    /// The machine is not supported.
    pub fn with(effort: Effort) -> Result<Self, CompileError> {
        let thorough = match effort {
            Effort::Code => Some(engine(Inlining::Yes, OptLevel::Speed, RegallocAlgorithm::Backtracking)?),
            Effort::Little => None,
        };
        let quick = engine(Inlining::No, OptLevel::None, RegallocAlgorithm::SinglePass)?;
        Ok(Self { thorough, quick, kept: BTreeMap::new() })
    }

    /// Compiles a program, or finds it compiled. What is kept is let go with [`Compiler::forget`].
    ///
    /// # Errors
    /// The compiler failed.
    pub fn compile(&mut self, program: &Arc<Program>) -> Result<Compiled, CompileError> {
        // One form under two tables is two programs: functions have other numbers, other fuel, fields another place.
        let is_same = |compiled: &&Compiled| compiled.program.imports == program.imports;
        if let Some(compiled) = self.kept.get(program.hash()).filter(is_same) {
            return Ok(compiled.clone());
        }
        let bytes = module::module(program);
        let thorough = self.thorough.as_ref().filter(|_| program.nodes <= THOROUGH_NODES);
        let module = Module::new(thorough.unwrap_or(&self.quick), bytes).map_err(failed)?;
        let compiled = Compiled { program: Arc::clone(program), module };
        self.kept.insert(*program.hash(), compiled.clone());
        Ok(compiled)
    }

    /// Lets go of a program's machine code; instances keep theirs.
    pub fn forget(&mut self, hash: &[u8; HASH_BYTES]) {
        self.kept.remove(hash);
    }
}
