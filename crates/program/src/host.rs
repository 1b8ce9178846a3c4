//! What a program may ask of its host: a table of functions, and one call.

use crate::form::Scalar;

/// 8-byte slots of a host function's arguments.
pub const SLOTS_MAX: usize = 6;

/// A function that the host offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFunction {
    /// Its name in forms.
    pub name: String,
    /// What a program must name to use it.
    pub capability: Option<String>,
    /// Types of its arguments, at most [`SLOTS_MAX`] slots (128-bit ones take two).
    pub params: Vec<Scalar>,
    /// Type of its result.
    pub result: Option<Scalar>,
    /// Fuel of a call.
    pub fuel: u32,
    /// Whether it takes no argument and gives the same while a program's call runs: it is then asked once, before the
    /// call, and read from memory in it.
    pub is_field: bool,
}

/// What a host offers, and which capabilities it grants to this program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostTable {
    /// Functions; a [`Host`] is called with a function's place in this list.
    pub functions: Vec<HostFunction>,
    /// Capabilities granted.
    pub grants: Vec<String>,
}

/// Answers a program's calls.
pub trait Host {
    /// Calls a function of the table. Arguments lie in slots from the first (128-bit ones low half first, floats by
    /// their bits, bools as 0 or 1), unused slots are 0; so does the result. `None` stops the program.
    fn call(&mut self, function: usize, args: &[u64; SLOTS_MAX]) -> Option<[u64; 2]>;

    /// What a field of the table is in the call that begins. A field is never refused: it is 0 where a call would be.
    fn field(&mut self, function: usize) -> [u64; 2] {
        self.call(function, &[0; SLOTS_MAX]).unwrap_or_default()
    }
}

/// A host that offers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn call(&mut self, _function: usize, _args: &[u64; SLOTS_MAX]) -> Option<[u64; 2]> {
        None
    }
}
