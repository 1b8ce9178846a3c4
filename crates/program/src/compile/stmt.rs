//! Statements of one function, its locals, charges and traps.

use wasm_encoder::{BlockType, Function as Body, InstructionSink, ValType};

use super::module::{local_types, slot};
use crate::code::{Addr, Base, Code, Ex, Func, Node, St, StKind, Value};
use crate::layout::{FUEL_AT, Rep, TRAP_AT};
use crate::trap::TrapReason;

/// One function while it is written.
pub(super) struct Emit<'p> {
    pub(super) func: &'p Func,
    bytes: Vec<u8>,
    /// Where a branch to a trap stands.
    cold: Vec<usize>,
    /// First register of each local.
    registers: Vec<u32>,
    /// Types of the registers after the parameters.
    types: Vec<ValType>,
    first: u32,
    free: Vec<(u32, ValType)>,
    pub(super) fuel: u32,
    trap: u32,
    /// Labels open.
    pub(super) depth: u32,
    /// Labels to leave the loops, and to go on with them.
    loops: Vec<(u32, u32)>,
    number: u32,
}

/// Registers of a value in use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) rep: Rep,
    pub(super) low: u32,
    pub(super) high: u32,
}

impl<'p> Emit<'p> {
    pub(super) fn new(func: &'p Func) -> Self {
        let params = func.locals.iter().take(func.params).flat_map(|local| local_types(*local)).count();
        let fuel = u32::try_from(params).unwrap_or(u32::MAX);
        let first = fuel.saturating_add(1);
        let mut emit = Self {
            func,
            bytes: Vec::with_capacity(1024),
            cold: Vec::new(),
            registers: Vec::with_capacity(func.locals.len()),
            types: Vec::new(),
            first,
            free: Vec::new(),
            fuel,
            trap: 0,
            depth: 0,
            loops: Vec::new(),
            number: func.number,
        };
        let mut next = 0_u32;
        for (local, kind) in func.locals.iter().enumerate() {
            let types = local_types(*kind);
            if local < func.params {
                emit.registers.push(next);
                next = next.saturating_add(u32::try_from(types.len()).unwrap_or(0));
            } else {
                let register = emit.first.saturating_add(u32::try_from(emit.types.len()).unwrap_or(0));
                emit.registers.push(register);
                emit.types.extend(types);
            }
        }
        emit.trap = emit.take(ValType::I64);
        emit
    }

    /// The function, and where its branches to traps stand.
    pub(super) fn function(mut self) -> (Body, Vec<u32>) {
        self.open(|sink| sink.block(BlockType::Empty));
        self.charge(self.func.charge);
        let (at, bytes) = self.func.frame;
        self.zero_words(at, bytes);
        self.code(&self.func.code);
        if self.func.result.is_none() {
            let fuel = self.fuel;
            self.sink().local_get(fuel).return_();
        } else {
            self.sink().unreachable();
        }
        self.close();
        let (fuel, trap) = (self.fuel, self.trap);
        let mut sink = self.sink();
        sink.i32_const(0).local_get(fuel).i64_store(slot(FUEL_AT));
        sink.i32_const(0).local_get(trap).i64_store(slot(TRAP_AT));
        sink.unreachable().end();
        let mut body = Body::new_with_locals_types(self.types);
        let prefix = body.byte_len();
        body.raw(self.bytes);
        let offset = |at: usize| u32::try_from(at.saturating_add(prefix)).unwrap_or(u32::MAX);
        let cold = self.cold.into_iter().map(offset).collect();
        (body, cold)
    }

    pub(super) fn sink(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.bytes)
    }

    /// A register that nobody uses.
    pub(super) fn take(&mut self, ty: ValType) -> u32 {
        if let Some(found) = self.free.iter().position(|(_, free)| *free == ty) {
            return self.free.swap_remove(found).0;
        }
        let register = self.first.saturating_add(u32::try_from(self.types.len()).unwrap_or(u32::MAX));
        self.types.push(ty);
        register
    }

    pub(super) fn give(&mut self, register: u32, ty: ValType) {
        self.free.push((register, ty));
    }

    /// Takes the value on the stack into registers.
    pub(super) fn hold(&mut self, rep: Rep) -> Held {
        let held = self.take_for(rep);
        self.set(held);
        held
    }

    pub(super) fn take_for(&mut self, rep: Rep) -> Held {
        let (low, high) = match rep {
            Rep::I64 => (self.take(ValType::I64), 0),
            Rep::F64 => (self.take(ValType::F64), 0),
            Rep::Bool => (self.take(ValType::I32), 0),
            Rep::I128 => (self.take(ValType::I64), self.take(ValType::I64)),
        };
        Held { rep, low, high }
    }

    pub(super) fn drop_held(&mut self, held: Held) {
        match held.rep {
            Rep::I64 => self.give(held.low, ValType::I64),
            Rep::F64 => self.give(held.low, ValType::F64),
            Rep::Bool => self.give(held.low, ValType::I32),
            Rep::I128 => {
                self.give(held.low, ValType::I64);
                self.give(held.high, ValType::I64);
            }
        }
    }

    pub(super) fn set(&mut self, held: Held) {
        match held.rep {
            Rep::I128 => self.sink().local_set(held.high).local_set(held.low),
            Rep::I64 | Rep::F64 | Rep::Bool => self.sink().local_set(held.low),
        };
    }

    pub(super) fn get(&mut self, held: Held) {
        match held.rep {
            Rep::I128 => self.sink().local_get(held.low).local_get(held.high),
            Rep::I64 | Rep::F64 | Rep::Bool => self.sink().local_get(held.low),
        };
    }

    /// Registers of a scalar local.
    pub(super) fn local(&self, local: u16, rep: Rep) -> Held {
        let low = self.register(local);
        Held { rep, low, high: low.saturating_add(1) }
    }

    pub(super) fn register(&self, local: u16) -> u32 {
        self.registers.get(usize::from(local)).copied().unwrap_or(0)
    }

    /// Opens a label, and says which.
    pub(super) fn open(
        &mut self,
        write: impl for<'a, 'b> FnOnce(&'a mut InstructionSink<'b>) -> &'a mut InstructionSink<'b>,
    ) -> u32 {
        write(&mut self.sink());
        self.depth = self.depth.saturating_add(1);
        self.depth
    }

    pub(super) fn close(&mut self) {
        self.sink().end();
        self.depth = self.depth.saturating_sub(1);
    }

    /// How far out a label is.
    fn out(&self, label: u32) -> u32 {
        self.depth.saturating_sub(label)
    }

    /// Traps if the condition on the stack holds.
    pub(super) fn trap_if(&mut self, reason: TrapReason) {
        self.cold.push(self.bytes.len());
        let word = (i64::from(self.number) << 8) | i64::from(reason.code());
        self.trap_when(|sink| sink.i64_const(word));
    }

    /// Traps with the reason in an i32 register, unless it is 0.
    pub(super) fn trap_by(&mut self, register: u32) {
        self.sink().local_get(register);
        self.cold.push(self.bytes.len());
        let number = i64::from(self.number) << 8;
        self.trap_when(|sink| sink.local_get(register).i64_extend_i32_u().i64_const(number).i64_or());
    }

    fn trap_when(&mut self, word: impl for<'a, 'b> FnOnce(&'a mut InstructionSink<'b>) -> &'a mut InstructionSink<'b>) {
        let (trap, depth) = (self.trap, self.depth);
        let mut sink = self.sink();
        word(sink.if_(BlockType::Empty)).local_set(trap).br(depth).end();
    }

    pub(super) fn charge(&mut self, fuel: u64) {
        if fuel == 0 {
            return;
        }
        let (register, fuel) = (self.fuel, i64::try_from(fuel).unwrap_or(i64::MAX));
        self.sink().local_get(register).i64_const(fuel).i64_sub().local_tee(register).i64_const(0).i64_lt_s();
        self.trap_if(TrapReason::OutOfFuel);
    }

    fn code(&mut self, code: &Code) {
        code.stmts.iter().for_each(|st| self.stmt(st));
    }

    fn stmt(&mut self, st: &St) {
        self.number = st.number;
        self.charge(st.charge);
        match &st.kind {
            StKind::Set(local, value) => {
                self.node(value);
                self.set(self.local(*local, value.rep));
            }
            StKind::Store(addr, value) => self.store(addr, value),
            StKind::If(condition, then, or) => {
                self.node(condition);
                self.open(|sink| sink.if_(BlockType::Empty));
                self.charge(then.charge);
                self.code(then);
                if or.charge != 0 {
                    self.number = st.number;
                    self.sink().else_();
                    self.charge(or.charge);
                    self.code(or);
                }
                self.close();
            }
            StKind::While(charge, condition, body) => {
                let leave = self.open(|sink| sink.block(BlockType::Empty));
                let again = self.open(|sink| sink.loop_(BlockType::Empty));
                self.charge(*charge);
                self.node(condition);
                let out = self.out(leave);
                self.sink().i32_eqz().br_if(out);
                self.loops.push((leave, again));
                self.code(body);
                self.loops.pop();
                let out = self.out(again);
                self.sink().br(out);
                self.close();
                self.close();
            }
            StKind::For(local, range, charge, body) => self.rounds(st.number, *local, range, *charge, body),
            StKind::Return(value) => {
                if let Some(value) = value {
                    self.node(value);
                }
                let fuel = self.fuel;
                self.sink().local_get(fuel).return_();
            }
            StKind::Break => {
                let out = self.loops.last().map_or(0, |(leave, _)| self.out(*leave));
                self.sink().br(out);
            }
            StKind::Continue => {
                let out = self.loops.last().map_or(0, |(_, again)| self.out(*again));
                self.sink().br(out);
            }
            StKind::Do(node, has_value) => {
                self.node(node);
                if *has_value {
                    let held = self.hold(node.rep);
                    self.drop_held(held);
                }
            }
            StKind::Zero(target, bytes) => {
                self.address(target, true);
                self.sink().i32_const(0).i32_const(bytes.cast_signed()).memory_fill(0);
            }
            StKind::Copy(target, source, bytes) => {
                self.address(source, true);
                let from = self.take(ValType::I32);
                self.sink().local_set(from);
                self.address(target, true);
                self.sink().local_get(from).i32_const(bytes.cast_signed()).memory_copy(0, 0);
                self.give(from, ValType::I32);
            }
        }
    }

    /// `for`: rounds are counted before the first, so that the counter cannot overflow.
    fn rounds(&mut self, number: u32, local: u16, range: &[Node; 3], charge: u64, body: &Code) {
        let [start, stop, step] = range;
        let [at, end, by, left] = [(); 4].map(|()| self.take(ValType::I64));
        for (node, register) in [(start, at), (stop, end), (step, by)] {
            self.node(node);
            self.sink().local_set(register);
        }
        let is_unit_step = matches!(step.ex, Ex::Const(Value::I64(1)));
        if !is_unit_step {
            self.sink().local_get(by).i64_eqz();
            self.trap_if(TrapReason::RangeStep);
            self.count_rounds(at, end, by, left);
        }
        let leave = self.open(|sink| sink.block(BlockType::Empty));
        let again = self.open(|sink| sink.loop_(BlockType::Empty));
        let out = self.out(leave);
        if is_unit_step {
            self.sink().local_get(at).local_get(end).i64_ge_s().br_if(out);
        } else {
            self.sink().local_get(left).i64_eqz().br_if(out);
        }
        self.number = number;
        self.charge(charge);
        let counter = self.register(local);
        self.sink().local_get(at).local_set(counter);
        let next = self.open(|sink| sink.block(BlockType::Empty));
        self.loops.push((leave, next));
        self.code(body);
        self.loops.pop();
        self.close();
        self.sink().local_get(at).local_get(by).i64_add().local_set(at);
        if !is_unit_step {
            self.sink().local_get(left).i64_const(1).i64_sub().local_set(left);
        }
        let out = self.out(again);
        self.sink().br(out);
        self.close();
        self.close();
        [at, end, by, left].into_iter().for_each(|register| self.give(register, ValType::I64));
    }

    /// Unsigned: a range of all i64 has rounds up to 2^64 - 1.
    fn count_rounds(&mut self, at: u32, end: u32, by: u32, left: u32) {
        let mut sink = self.sink();
        sink.local_get(by).i64_const(0).i64_gt_s().if_(BlockType::Empty);
        sink.local_get(at).local_get(end).i64_lt_s().if_(BlockType::Empty);
        sink.local_get(end).local_get(at).i64_sub().i64_const(1).i64_sub();
        sink.local_get(by).i64_div_u().i64_const(1).i64_add().local_set(left);
        sink.else_().i64_const(0).local_set(left).end();
        sink.else_();
        sink.local_get(at).local_get(end).i64_gt_s().if_(BlockType::Empty);
        sink.local_get(at).local_get(end).i64_sub().i64_const(1).i64_sub();
        sink.i64_const(0).local_get(by).i64_sub().i64_div_u().i64_const(1).i64_add().local_set(left);
        sink.else_().i64_const(0).local_set(left).end();
        sink.end();
    }

    /// Makes fixed memory zero.
    fn zero_words(&mut self, at: u32, bytes: u32) {
        match bytes {
            0 => {}
            1..=64 => {
                let mut offset = 0;
                while offset < bytes {
                    self.sink().i32_const(0).i64_const(0).i64_store(slot(at.saturating_add(offset)));
                    offset = offset.saturating_add(8);
                }
            }
            _ => {
                self.sink().i32_const(at.cast_signed()).i32_const(0).i32_const(bytes.cast_signed()).memory_fill(0);
            }
        }
    }

    /// Puts the address on the stack, with the offset or leaving it to the instruction that follows.
    pub(super) fn address(&mut self, addr: &Addr, with_offset: bool) {
        let offset = if with_offset { addr.offset.cast_signed() } else { 0 };
        match addr.base {
            Base::Fixed => {
                self.sink().i32_const(offset);
            }
            Base::Ref(local) => {
                let register = self.register(local);
                self.sink().local_get(register);
                if offset != 0 {
                    self.sink().i32_const(offset).i32_add();
                }
            }
        }
        for index in &addr.indices {
            self.node(&index.value);
            let value = self.take(ValType::I64);
            self.sink().local_tee(value).i64_const(index.len.into()).i64_ge_u();
            self.trap_if(TrapReason::Bounds);
            self.sink().local_get(value).i32_wrap_i64().i32_const(index.stride.cast_signed()).i32_mul().i32_add();
            self.give(value, ValType::I64);
        }
    }

    fn store(&mut self, addr: &Addr, value: &Node) {
        self.node(value);
        let held = self.hold(value.rep);
        self.address(addr, false);
        let base = self.take(ValType::I32);
        self.give(base, ValType::I32);
        let (low, high, at) = (held.low, held.high, addr.offset);
        let mut sink = self.sink();
        match held.rep {
            Rep::I64 => sink.local_get(low).i64_store(slot(at)),
            Rep::F64 => sink.local_get(low).f64_store(slot(at)),
            Rep::Bool => sink.local_get(low).i64_extend_i32_u().i64_store(slot(at)),
            Rep::I128 => {
                sink.local_tee(base).local_get(low).i64_store(slot(at));
                sink.local_get(base).local_get(high).i64_store(slot(at.saturating_add(8)))
            }
        };
        self.drop_held(held);
    }
}
