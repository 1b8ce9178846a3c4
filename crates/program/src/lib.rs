//! Programs: a small typed intermediate form, verified, compiled to metered machine code, and run the same everywhere.
//!
//! The form (`docs/PROGRAM.md`) is the trust boundary: [`Form::decode`] reads its bytes, [`Program::verify`] checks types,
//! units, bounds, capabilities and sizes, and nothing that passed can do more than use up its fuel. [`Compiler`] turns a
//! program into WebAssembly run by wasmtime; [`interpret`] is the second opinion: outputs, traps and fuel are equal. A
//! program knows its host only through the trait [`Host`] and the table of functions that the host shows.

mod code;
mod compile;
mod error;
mod form;
mod host;
mod interp;
mod layout;
mod number;
mod trap;
mod verify;

pub use code::{Entry, Program};
pub use compile::{CompileError, Compiled, Compiler, Effort, Instance};
pub use error::{At, Fault, FormError};
pub use form::limits;
pub use form::{
    BinaryOp, Block, Const, Debug, DebugFunction, EntryDecl, Expr, Form, Function, HASH_BYTES, Import, ParamDecl,
    Place, RecordField, Root, Scalar, Step, Stmt, Type, TypeDef, UnaryOp,
};
pub use host::{Host, HostFunction, HostTable, NoHost, SLOTS_MAX};
pub use interp::interpret;
pub use layout::{Arg, ArgError};
pub use number::{canonical, cos, exp, log, sin, sqrt};
pub use trap::{Call, CallError, Done, Trap, TrapReason};
