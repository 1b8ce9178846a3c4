//! Forms that mean harm: each file in `tests/programs/hostile_forms` says in its first line how it ends.
//!
//! `# expect: error TEXT`: the decoder or the verifier refuses it with this error. `# expect: trap REASON`: it verifies, and
//! both engines stop it there, at the same statement and fuel. What follows is the form in hex, `#` to the end of a line is
//! a comment; `N*HEX` is so many times these bytes, and `core` the length of what follows.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tiderace_program::{
    Arg, Call, Compiler, Effort, Host, HostFunction, HostTable, Instance, Program, SLOTS_MAX, Scalar, interpret,
};

thread_local! {
    /// Bytes of this thread: held now, and most that were held since it was last set back.
    static HELD: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

struct Counting;

fn hold(bytes: usize) {
    let (held, most) = HELD.get();
    HELD.set((held.wrapping_add(bytes), most.max(held.wrapping_add(bytes))));
}

fn let_go(bytes: usize) {
    let (held, most) = HELD.get();
    HELD.set((held.wrapping_sub(bytes), most));
}

#[expect(unsafe_code, reason = "an allocator that counts")]
// SAFETY: every call goes to the system allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        hold(layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        let_go(layout.size());
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What an act held at most beyond what was held before it.
fn most_held<T>(act: impl FnOnce() -> T) -> (T, usize) {
    let (held, _) = HELD.get();
    HELD.set((held, held));
    let result = act();
    (result, HELD.get().1 - held)
}

const FUEL: u64 = 1_000_000;
/// Most memory that reading a refused form may take: so much, and so many times its bytes.
const MEMORY: (usize, usize) = (65_536, 64);

/// Grants to act on its parent, and refuses each time; no books.
struct Refuses;

impl Host for Refuses {
    fn call(&mut self, _function: usize, _args: &[u64; SLOTS_MAX]) -> Option<[u64; 2]> {
        None
    }
}

fn table() -> HostTable {
    let function = |name: &str, capability: Option<&str>, params: &[Scalar], result| HostFunction {
        name: name.to_owned(),
        capability: capability.map(str::to_owned),
        params: params.to_vec(),
        result,
        fuel: 4,
        is_field: name == "now",
    };
    HostTable {
        functions: vec![
            function("now", None, &[], Some(Scalar::Int)),
            function("price", Some("book:*"), &[Scalar::Int], Some(Scalar::Price)),
            function("take", Some("parent"), &[Scalar::Amount], None),
        ],
        grants: vec!["parent".to_owned()],
    }
}

/// What a file says to expect, and its form.
fn read(text: &str) -> (String, Vec<u8>) {
    let expected = text.lines().next().unwrap().strip_prefix("# expect: ").unwrap().to_owned();
    let words = text.lines().flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace());
    let (mut bytes, mut length_at) = (Vec::new(), None);
    for word in words {
        if word == "core" {
            length_at = Some(bytes.len());
            bytes.extend([0; 4]);
            continue;
        }
        let (times, hex) = word.split_once('*').map_or((1, word), |(times, hex)| (times.parse().unwrap(), hex));
        let unit: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        bytes.extend(unit.repeat(times));
    }
    if let Some(at) = length_at {
        let length = u32::try_from(bytes.len() - at - 4).unwrap();
        bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
    (expected, bytes)
}

fn files() -> BTreeMap<String, (String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/programs/hostile_forms");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
    let named = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files.map(|path| (named(&path), read(&std::fs::read_to_string(&path).unwrap()))).collect()
}

/// How a form ends that verifies: the same in both engines.
fn ended(program: Program) -> String {
    let program = Arc::new(program);
    let mut compiler = Compiler::with(Effort::Little).unwrap();
    let mut instance = Instance::new(&compiler.compile(&program).unwrap(), Refuses).unwrap();
    let entry = program.entries().len() - 1;
    let args = program.pack_args(entry, &[] as &[Arg]).unwrap();
    let mut ends = Vec::new();
    for is_compiled in [false, true] {
        let (mut state, mut args) = (vec![7; program.state_bytes()], args.clone());
        let params = vec![0; program.params_bytes()];
        let call = Call { entry, params: &params, state: &mut state, args: &mut args, fuel: FUEL };
        let end = if is_compiled { instance.call(call) } else { interpret(&program, &mut Refuses, call) };
        assert!(state.iter().all(|byte| *byte == 7), "a call that is stopped leaves the state as it was");
        ends.push(end.unwrap());
    }
    assert_eq!(ends[0], ends[1]);
    match &ends[0] {
        Ok(done) => format!("done {:?}", done.result),
        Err(trap) => format!("trap {}", trap.reason.name()),
    }
}

#[test]
fn each_hostile_form_ends_as_its_file_says_in_bounded_memory() {
    let (files, table) = (files(), table());
    assert!(files.len() >= 100, "{} forms", files.len());
    let mut wrong = Vec::new();
    for (name, (expected, bytes)) in files {
        let (loaded, held) = most_held(|| Program::load(&bytes, &table));
        let end = match loaded {
            Err(error) => format!("error {error}"),
            Ok(program) => ended(program),
        };
        let (most, times) = MEMORY;
        assert!(held <= most + times * bytes.len(), "{name}: {held} bytes held for {}", bytes.len());
        if end != expected {
            wrong.push(format!("{name}: {end}\n    the file says: {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// No prefix of a hostile form, and no form with one of its bytes another, does more harm than the whole.
#[test]
fn hostile_forms_that_are_cut_or_changed_are_bounded_too() {
    let table = table();
    for (name, (_, bytes)) in files() {
        for at in 0..bytes.len().min(400) {
            let (_, held) = most_held(|| Program::load(&bytes[..at], &table).is_ok());
            let mut changed = bytes.clone();
            changed[at] = changed[at].wrapping_add(127);
            let (_, held_changed) = most_held(|| Program::load(&changed, &table).is_ok());
            assert!(held.max(held_changed) <= MEMORY.0 + MEMORY.1 * bytes.len(), "{name} at {at}");
        }
    }
}
