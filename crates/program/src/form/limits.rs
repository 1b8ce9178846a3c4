//! Every limit of a form, by name. `docs/PROGRAM.md` has the same table.

/// Bytes of the core.
pub const CORE_BYTES: usize = 262_144;
/// Bytes of the debug section.
pub const DEBUG_BYTES: usize = 1_048_576;
/// Functions of a program.
pub const FUNCTIONS: usize = 1024;
/// Entries of a program.
pub const ENTRIES: usize = 1024;
/// Parameters of a function.
pub const PARAMS: usize = 32;
/// Parameters of an import, in 8-byte slots.
pub const IMPORT_SLOTS: usize = 6;
/// Locals of a function, with its parameters.
pub const LOCALS: usize = 1024;
/// Entries of the type table.
pub const TYPES: usize = 256;
/// Fields of a record.
pub const FIELDS: usize = 256;
/// Elements of an array.
pub const ARRAY_LEN: u32 = 65_536;
/// Bytes of one type, of the state, of the parameters, of an entry's arguments.
pub const TYPE_BYTES: u32 = 65_536;
/// Bytes of the array and record locals of all functions.
pub const FRAME_BYTES: u32 = 262_144;
/// Statements and expressions of a program.
pub const NODES: usize = 8_192;
/// Statements and expressions of a function.
pub const FUNCTION_NODES: usize = 2_048;
/// Nesting of statements.
pub const STATEMENT_DEPTH: usize = 32;
/// Nesting of expressions.
pub const EXPRESSION_DEPTH: usize = 64;
/// Functions on the stack at once.
pub const CALL_DEPTH: u32 = 32;
/// 8-byte slots of scalar locals along a chain of calls.
pub const CHAIN_SLOTS: u32 = 8_192;
/// Nesting of statements and expressions added up along a chain of calls.
pub const CHAIN_DEPTH: u32 = 256;
/// Steps of a place.
pub const STEPS: usize = 8;
/// Capabilities of a program.
pub const CAPABILITIES: usize = 32;
/// Meta entries of a program.
pub const META: usize = 32;
/// Imports of a program.
pub const IMPORTS: usize = 64;
/// Labels of a program.
pub const LABELS: usize = 256;
/// Bytes of an identifier or a word.
pub const NAME_BYTES: usize = 64;
