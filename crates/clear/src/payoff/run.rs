//! Calls of a payoff's program: one compiled instance a program, whoever's state it works on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tiderace_program::{Call, Compiler, HASH_BYTES, Instance, NoHost, Program, Trap, TrapReason, interpret};

use super::{Payoff, Told};

/// Payoffs by instrument, and what runs them.
pub(crate) struct Payoffs {
    pub(crate) rows: Vec<Option<Payoff>>,
    pub(super) engine: Engine,
}

impl fmt::Debug for Payoffs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.rows).finish()
    }
}

impl Payoffs {
    /// None listed yet.
    pub(crate) fn of(instruments: usize) -> Self {
        Self { rows: vec![None; instruments], engine: Engine::default() }
    }
}

/// Machine code by a program's identity. Without any the interpreter does the same.
#[derive(Default)]
pub(super) struct Engine {
    /// Whether nothing is compiled.
    pub(super) is_interpreted: bool,
    compiler: Option<Compiler>,
    instances: BTreeMap<[u8; HASH_BYTES], Instance<NoHost>>,
    args: Vec<u8>,
}

/// A call that came to its end, or was stopped; and its fuel.
pub(super) type Ended = (Result<i128, (u8, u32)>, u64);

/// What a call is about.
pub(super) struct Run<'a> {
    pub(super) program: &'a Arc<Program>,
    pub(super) entry: &'a super::Entry,
    pub(super) params: &'a [u8],
    pub(super) told: &'a Told,
    pub(super) fuel: u64,
}

impl Run<'_> {
    fn call<'a>(&'a self, state: &'a mut [u8], args: &'a mut [u8]) -> Call<'a> {
        Call { entry: self.entry.number, params: self.params, state, args, fuel: self.fuel }
    }
}

impl Engine {
    /// Compiles a program, unless it is or cannot be.
    pub(super) fn prepare(&mut self, program: &Arc<Program>) {
        if self.is_interpreted || self.instances.contains_key(program.hash()) {
            return;
        }
        if self.compiler.is_none() {
            self.compiler = Compiler::new().ok();
        }
        let Some(compiler) = &mut self.compiler else { return };
        let instance = compiler.compile(program).and_then(|compiled| Instance::new(&compiled, NoHost));
        if let Ok(instance) = instance {
            self.instances.insert(*program.hash(), instance);
        }
    }

    /// Lets go of a program's machine code.
    pub(super) fn forget(&mut self, hash: &[u8; HASH_BYTES]) {
        self.instances.remove(hash);
        if let Some(compiler) = &mut self.compiler {
            compiler.forget(hash);
        }
    }

    /// Calls an entry; the state stays as it was where it traps. What has no result gives zero.
    pub(super) fn call(&mut self, run: &Run<'_>, state: &mut [u8]) -> Ended {
        run.entry.args(run.told, &mut self.args);
        let hash = run.program.hash();
        let (args, instances) = (&mut self.args, &mut self.instances);
        let compiled = instances.get_mut(hash).map(|of| of.call(run.call(state, args)));
        let ended = match compiled {
            Some(Ok(ended)) => Ok(ended),
            Some(Err(_)) | None => {
                // The machine failed, not the program: from here on the interpreter does it.
                instances.remove(hash);
                interpret(run.program, &mut NoHost, run.call(state, args))
            }
        };
        match ended {
            Ok(Ok(done)) => {
                let [low, high] = done.result;
                let amount = (u128::from(high) << 64) | u128::from(low);
                (Ok(amount.cast_signed()), done.fuel_used)
            }
            Ok(Err(Trap { reason, statement, fuel_used })) => (Err((reason.code(), statement)), fuel_used),
            // Entries and lengths were settled at the listing.
            Err(_) => (Err((TrapReason::Host.code(), u32::MAX)), run.fuel),
        }
    }
}
