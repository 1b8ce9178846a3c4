//! The module around the functions: types, imports, memory, entries, branch hints.

use wasm_encoder::{
    BlockType, BranchHint, BranchHints, CodeSection, EntityType, ExportKind, ExportSection, Function as Body,
    FunctionSection, ImportSection, InstructionSink, MemArg, MemorySection, MemoryType, Module, TypeSection, ValType,
};

use super::stmt::Emit;
use crate::code::{Entry, Func, Local, Program};
use crate::form::Type;
use crate::host::SLOTS_MAX;
use crate::layout::{FUEL_AT, RESULT_AT, Rep};

/// Bytes of a page of memory.
const PAGE: u32 = 65_536;

/// Functions of the host, in the order of imports.
pub(super) const HOST: u32 = 0;
pub(super) const SLOW_MUL: u32 = 1;
pub(super) const SLOW_DIV: u32 = 2;
pub(super) const SLOW_MOD: u32 = 3;
pub(super) const TO_FLOAT: u32 = 4;
pub(super) const EXP: u32 = 5;
pub(super) const LOG: u32 = 6;
pub(super) const SIN: u32 = 7;
pub(super) const COS: u32 = 8;
/// Functions of the module before the program's.
pub(super) const MUL: u32 = 9;
pub(super) const DIV: u32 = 10;
pub(super) const MOD: u32 = 11;
const PROGRAM: u32 = 12;

/// Names of the imports, as `instance` links them.
pub(super) const IMPORTS: [&str; 9] = ["host", "mul", "div", "mod", "to_float", "exp", "log", "sin", "cos"];

const I64: ValType = ValType::I64;

/// Function of the module that is the program's function `number`.
pub(super) fn function_index(number: u16) -> u32 {
    PROGRAM.saturating_add(number.into())
}

/// Registers of a value.
pub(super) const fn val_types(rep: Rep) -> &'static [ValType] {
    match rep {
        Rep::I64 => &[ValType::I64],
        Rep::I128 => &[ValType::I64, ValType::I64],
        Rep::F64 => &[ValType::F64],
        Rep::Bool => &[ValType::I32],
    }
}

pub(super) const fn local_types(local: Local) -> &'static [ValType] {
    match local {
        Local::Scalar(rep) => val_types(rep),
        Local::Ref => &[ValType::I32],
        Local::Memory(_) => &[],
    }
}

/// 8 bytes at `offset` from the address on the stack.
pub(super) fn slot(offset: u32) -> MemArg {
    MemArg { offset: offset.into(), align: 3, memory_index: 0 }
}

/// Module, custom section of hints and all.
pub(super) fn module(program: &Program) -> Vec<u8> {
    let mut types = TypeSection::new();
    let mut imports = ImportSection::new();
    let mut functions = FunctionSection::new();
    let mut exports = ExportSection::new();
    let mut hints = BranchHints::new();
    let mut code = CodeSection::new();

    let mut next_type = 0_u32;
    let mut declare = |params: Vec<ValType>, results: Vec<ValType>| {
        types.ty().function(params, results);
        next_type = next_type.saturating_add(1);
        next_type.saturating_sub(1)
    };
    let mut host = vec![I64; SLOTS_MAX];
    host.insert(0, ValType::I32);
    let checked = vec![I64, I64, ValType::I32];
    let host = declare(host, checked.clone());
    let wide = declare(vec![I64; 4], checked);
    let to_float = declare(vec![I64; 2], vec![ValType::F64]);
    let float = declare(vec![ValType::F64], vec![ValType::F64]);
    let run = declare(Vec::new(), Vec::new());
    let by_import = [host, wide, wide, wide, to_float, float, float, float, float];
    for (name, ty) in IMPORTS.into_iter().zip(by_import) {
        imports.import("tiderace", name, EntityType::Function(ty));
    }

    for body in [mul_body(), div_body(SLOW_DIV), div_body(SLOW_MOD)] {
        functions.function(wide);
        code.function(&body);
    }
    for (number, func) in (0_u16..).zip(&program.functions) {
        functions.function(declare(params_of(func), results_of(func)));
        let (body, cold) = Emit::new(func).function();
        let cold = cold.into_iter().map(|at| BranchHint { branch_func_offset: at, branch_hint_value: 0 });
        hints.function_hints(function_index(number), cold.collect::<Vec<_>>());
        code.function(&body);
    }
    let mut index = function_index(u16::try_from(program.functions.len()).unwrap_or(u16::MAX));
    for (number, entry) in program.entries.iter().enumerate() {
        functions.function(run);
        code.function(&entry_body(program, entry));
        exports.export(&format!("e{number}"), ExportKind::Func, index);
        index = index.saturating_add(1);
    }
    exports.export("memory", ExportKind::Memory, 0);

    let pages = u64::from(program.map.end().div_ceil(PAGE));
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: pages,
        maximum: Some(pages),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&memories).section(&exports);
    module.section(&hints).section(&code);
    module.finish()
}

fn params_of(func: &Func) -> Vec<ValType> {
    let params = func.locals.iter().take(func.params).flat_map(|local| local_types(*local));
    params.copied().chain([I64]).collect()
}

fn results_of(func: &Func) -> Vec<ValType> {
    func.result.map_or(&[][..], val_types).iter().copied().chain([I64]).collect()
}

/// Loads the arguments, calls, and leaves result and fuel in memory.
fn entry_body(program: &Program, entry: &Entry) -> Body {
    let func = program.functions.get(usize::from(entry.function));
    let mut body = Body::new([(3, I64), (1, ValType::I32), (1, ValType::F64)]);
    let [fuel, low, high, flag, float] = [0, 1, 2, 3, 4];
    let mut sink = body.instructions();
    let mut at = program.map.args_at();
    let locals = func.map_or(&[][..], |func| func.locals.as_slice());
    for ((_, ty), local) in entry.params.iter().zip(locals) {
        match (ty, local) {
            (Type::Scalar(_), Local::Scalar(rep)) => {
                sink.i32_const(0);
                load(&mut sink, *rep, at, None);
            }
            (Type::Scalar(_) | Type::Table(_), _) => {
                sink.i32_const(at.cast_signed());
            }
        }
        at = at.saturating_add(program.sizes.bytes(*ty).unwrap_or(0));
    }
    sink.i32_const(0).i64_load(slot(FUEL_AT));
    sink.call(function_index(entry.function)).local_set(fuel);
    match func.and_then(|func| func.result) {
        None => {}
        Some(Rep::I64) => {
            sink.local_set(low);
        }
        Some(Rep::I128) => {
            sink.local_set(high).local_set(low);
        }
        Some(Rep::F64) => {
            sink.local_set(float).local_get(float).i64_reinterpret_f64().local_set(low);
        }
        Some(Rep::Bool) => {
            sink.local_set(flag).local_get(flag).i64_extend_i32_u().local_set(low);
        }
    }
    for (at, local) in [(FUEL_AT, fuel), (RESULT_AT, low), (RESULT_AT.saturating_add(8), high)] {
        sink.i32_const(0).local_get(local).i64_store(slot(at));
    }
    sink.end();
    body
}

/// Loads a value; the address without offset is on the stack and, for 128 bits, in `address` or 0.
pub(super) fn load(sink: &mut InstructionSink<'_>, rep: Rep, offset: u32, address: Option<u32>) {
    match rep {
        Rep::I64 => sink.i64_load(slot(offset)),
        Rep::F64 => sink.f64_load(slot(offset)),
        Rep::Bool => sink.i64_load(slot(offset)).i64_const(0).i64_ne(),
        Rep::I128 => {
            sink.i64_load(slot(offset));
            match address {
                Some(address) => sink.local_get(address),
                None => sink.i32_const(0),
            };
            sink.i64_load(slot(offset.saturating_add(8)))
        }
    };
}

/// Puts 1 where (low, high) in these locals is an i64, else 0.
fn is_narrow(sink: &mut InstructionSink<'_>, low: u32, high: u32) {
    sink.local_get(low).i64_const(63).i64_shr_s().local_get(high).i64_eq();
}

/// i128 by i128: in two instructions where both are i64, else by the host.
fn mul_body() -> Body {
    let mut body = Body::new([]);
    let mut sink = body.instructions();
    is_narrow(&mut sink, 0, 1);
    is_narrow(&mut sink, 2, 3);
    sink.i32_and().if_(BlockType::Empty);
    sink.local_get(0).local_get(2).i64_mul_wide_s().i32_const(0).return_();
    sink.end();
    sink.local_get(0).local_get(1).local_get(2).local_get(3).call(SLOW_MUL);
    sink.end();
    body
}

/// `//` or `%` of i128: in 64 bits where both are i64 and the divisor is above 0, else by the host.
fn div_body(slow: u32) -> Body {
    let mut body = Body::new([(1, I64)]);
    let mut sink = body.instructions();
    let result = 4;
    is_narrow(&mut sink, 0, 1);
    is_narrow(&mut sink, 2, 3);
    sink.i32_and().local_get(2).i64_const(0).i64_gt_s().i32_and().if_(BlockType::Empty);
    super::arith::floor_positive(&mut sink, slow == SLOW_MOD, 0, 2);
    sink.local_tee(result).local_get(result).i64_const(63).i64_shr_s().i32_const(0).return_();
    sink.end();
    sink.local_get(0).local_get(1).local_get(2).local_get(3).call(slow);
    sink.end();
    body
}
