//! One program with its host, for all parents that it works.

use std::sync::Arc;

use tiderace_program::{self as program, Call, CompileError, Compiled, Instance, Trap, TrapReason};
use tiderace_types::Reason;

use crate::host::{Host, View};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It came to its end.
    Done,
    /// The program is stopped.
    Stopped {
        /// Number of the trap; zero: over a budget.
        trap: u8,
        /// Number of the statement.
        statement: u32,
        /// Fuel that the call had used.
        fuel_used: u64,
        /// Why.
        reason: Reason,
    },
}

/// What runs: the compiled program, or for comparison the interpreter of its form.
pub enum Program {
    /// Compiled.
    Compiled(Compiled),
    /// Interpreted.
    Interpreted(Arc<program::Program>),
}

enum Machine<V: 'static> {
    Compiled(Instance<Host<V>>),
    Interpreted(Arc<program::Program>, Host<V>),
}

/// A program that can be called for any of its parents.
pub struct Runner<V: 'static>(Machine<V>);

impl<V: View + 'static> Runner<V> {
    /// A runner over a view.
    ///
    /// # Errors
    /// The machine has no memory left, or the compiler failed.
    pub fn new(program: Program, view: V) -> Result<Self, CompileError> {
        let host = Host::new(view);
        Ok(Self(match program {
            Program::Compiled(compiled) => Machine::Compiled(Instance::new(&compiled, host)?),
            Program::Interpreted(program) => Machine::Interpreted(program, host),
        }))
    }

    /// Its host, to lend to before a call and to take back from after it.
    pub fn host(&mut self) -> &mut Host<V> {
        match &mut self.0 {
            Machine::Compiled(instance) => instance.host_mut(),
            Machine::Interpreted(_, host) => host,
        }
    }

    /// Calls the program. After a trap the state is as before; what it asked for is still in the host.
    pub fn call(&mut self, call: Call<'_>) -> Outcome {
        let host = self.host();
        host.asks.clear();
        host.is_over_budget = false;
        let ended = match &mut self.0 {
            Machine::Compiled(instance) => instance.call(call),
            Machine::Interpreted(program, host) => program::interpret(program, host, call),
        };
        match ended {
            Ok(Ok(_)) => Outcome::Done,
            Ok(Err(trap)) => self.stopped(trap),
            // The bytes were checked when the algorithm was loaded: what fails here is the machine.
            Err(_) => Outcome::Stopped { trap: 0, statement: 0, fuel_used: 0, reason: Reason::ProgramTrapped },
        }
    }

    fn stopped(&mut self, trap: Trap) -> Outcome {
        let Trap { reason, statement, fuel_used } = trap;
        let is_over_budget = reason == TrapReason::Host && self.host().is_over_budget;
        let (trap, reason) =
            if is_over_budget { (0, Reason::ProgramBudget) } else { (reason.code(), Reason::ProgramTrapped) };
        Outcome::Stopped { trap, statement, fuel_used, reason }
    }
}
