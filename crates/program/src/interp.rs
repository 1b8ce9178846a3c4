//! The second opinion: walks the verified tree, slowly and plainly. Outputs, traps and fuel equal those of compiled code.

use crate::code::{
    Addr, Argument, Base, Cast, Code, Entry, Ex, Func, Local, Node, Program, St, StKind, Value, fuel_of,
};
use crate::form::{BinaryOp, UnaryOp};
use crate::host::{Host, SLOTS_MAX};
use crate::layout::{PARAMS_AT, Rep};
use crate::number::{self, floor_div, floor_mod, halves, whole};
use crate::trap::{Call, CallError, Done, Trap, TrapReason};

/// Runs an entry by walking its tree.
///
/// # Errors
/// The outer error is the caller's: no such entry, bytes of the wrong length. The inner one is the program's trap.
pub fn interpret(program: &Program, host: &mut dyn Host, call: Call<'_>) -> Result<Result<Done, Trap>, CallError> {
    let entry = program.check(&call)?;
    let limit = fuel_of(&call);
    let map = program.map;
    let mut memory = vec![0; index(map.end())];
    let regions = [(PARAMS_AT, call.params), (map.state_at(), &*call.state), (map.args_at(), &*call.args)];
    for (at, bytes) in regions {
        span(&mut memory, at, bytes.len()).copy_from_slice(bytes);
    }
    for field in &entry.fields {
        for (slot, value) in
            span(&mut memory, field.at, index(field.rep.bytes())).as_chunks_mut().0.iter_mut().zip(field.slots(host))
        {
            *slot = value.to_le_bytes();
        }
    }
    let mut machine = Machine { program, host, memory, stack: Vec::new(), base: 0, fuel: limit, number: 0 };
    let used = |left: i64| u64::try_from(limit.saturating_sub(left)).unwrap_or(0);
    match machine.enter(entry, map.args_at()) {
        Ok(result) => {
            let (state_bytes, args_bytes) = (call.state.len(), call.args.len());
            call.state.copy_from_slice(span(&mut machine.memory, map.state_at(), state_bytes));
            call.args.copy_from_slice(span(&mut machine.memory, map.args_at(), args_bytes));
            Ok(Ok(Done { result: result.map_or([0; 2], slots), fuel_used: used(machine.fuel) }))
        }
        Err(reason) => {
            let fuel_used = if reason == TrapReason::OutOfFuel { used(0) } else { used(machine.fuel) };
            Ok(Err(Trap { reason, statement: machine.number, fuel_used }))
        }
    }
}

#[expect(clippy::as_conversions, reason = "u32 fits usize on every target of the engine")]
const fn index(at: u32) -> usize {
    at as usize
}

/// The verifier settled every address: one outside of memory is a bug, and stops.
#[expect(clippy::indexing_slicing, reason = "an address outside of memory is a broken invariant")]
fn span(memory: &mut [u8], at: u32, bytes: usize) -> &mut [u8] {
    &mut memory[index(at)..][..bytes]
}

fn slots(value: Value) -> [u64; 2] {
    match value {
        Value::I64(value) => [value.cast_unsigned(), 0],
        Value::I128(value) => halves(value),
        Value::F64(value) => [number::canonical(value).to_bits(), 0],
        Value::Bool(value) => [value.into(), 0],
    }
}

fn of_slots(rep: Rep, slots: [u64; 2]) -> Value {
    let [low, _] = slots;
    match rep {
        Rep::I64 => Value::I64(low.cast_signed()),
        Rep::I128 => Value::I128(whole(slots)),
        Rep::F64 => Value::F64(f64::from_bits(low)),
        Rep::Bool => Value::Bool(low != 0),
    }
}

/// What a local holds: a value, or the address of an array or record.
#[derive(Clone, Copy, Debug)]
enum Held {
    Value(Value),
    At(u32),
}

/// How a block ended.
enum Flow {
    Next,
    Break,
    Continue,
    Return(Option<Value>),
}

struct Machine<'a> {
    program: &'a Program,
    host: &'a mut dyn Host,
    memory: Vec<u8>,
    /// Locals of the functions that run, and arguments that are ready.
    stack: Vec<Held>,
    /// Where those of the innermost function begin.
    base: usize,
    fuel: i64,
    number: u32,
}

type Run<T> = Result<T, TrapReason>;

impl Machine<'_> {
    fn charge(&mut self, fuel: u64) -> Run<()> {
        match i64::try_from(fuel).ok().and_then(|fuel| self.fuel.checked_sub(fuel)) {
            Some(left) if left >= 0 => {
                self.fuel = left;
                Ok(())
            }
            _ => Err(TrapReason::OutOfFuel),
        }
    }

    /// Calls an entry's function with the arguments that lie in memory.
    fn enter(&mut self, entry: &Entry, mut at: u32) -> Run<Option<Value>> {
        let program = self.program;
        let func = function(program, entry.function);
        for (local, (_, ty)) in func.locals.iter().zip(&entry.params) {
            let held = match local {
                Local::Scalar(rep) => Held::Value(self.load(*rep, at)),
                Local::Ref | Local::Memory(_) => Held::At(at),
            };
            self.stack.push(held);
            at = at.saturating_add(program.sizes.bytes(*ty).unwrap_or(0));
        }
        self.call(func)
    }

    /// Calls a function whose arguments are the last on the stack.
    fn call(&mut self, func: &Func) -> Run<Option<Value>> {
        let (caller, callers) = (self.number, self.base);
        self.number = func.number;
        self.charge(func.charge)?;
        let (at, bytes) = func.frame;
        span(&mut self.memory, at, index(bytes)).fill(0);
        self.base = self.stack.len().saturating_sub(func.params);
        self.stack.extend(func.locals.iter().skip(func.params).map(|local| match local {
            Local::Scalar(rep) => Held::Value(of_slots(*rep, [0; 2])),
            Local::Memory(at) => Held::At(*at),
            Local::Ref => Held::At(0),
        }));
        let flow = self.block(&func.code)?;
        self.stack.truncate(self.base);
        (self.number, self.base) = (caller, callers);
        Ok(if let Flow::Return(value) = flow { value } else { None })
    }

    fn local(&self, local: u16) -> Option<Held> {
        self.stack.get(self.base.saturating_add(local.into())).copied()
    }

    fn set(&mut self, local: u16, value: Value) {
        if let Some(held) = self.stack.get_mut(self.base.saturating_add(local.into())) {
            *held = Held::Value(value);
        }
    }

    fn block(&mut self, code: &Code) -> Run<Flow> {
        for st in &code.stmts {
            match self.stmt(st)? {
                Flow::Next => {}
                flow @ (Flow::Break | Flow::Continue | Flow::Return(_)) => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    fn stmt(&mut self, st: &St) -> Run<Flow> {
        self.number = st.number;
        self.charge(st.charge)?;
        match &st.kind {
            StKind::Set(local, value) => {
                let value = self.eval(value)?;
                self.set(*local, value);
            }
            StKind::Store(addr, value) => {
                let value = self.eval(value)?;
                let at = self.address(addr)?;
                self.store(at, value);
            }
            StKind::If(condition, then, or) => {
                let code = if self.holds(condition)? { then } else { or };
                self.charge(code.charge)?;
                return self.block(code);
            }
            StKind::While(charge, condition, body) => loop {
                self.number = st.number;
                self.charge(*charge)?;
                if !self.holds(condition)? {
                    break;
                }
                match self.block(body)? {
                    Flow::Next | Flow::Continue => {}
                    Flow::Break => break,
                    flow @ Flow::Return(_) => return Ok(flow),
                }
            },
            StKind::For(local, range, charge, body) => {
                return self.rounds(st.number, *local, range, *charge, body);
            }
            StKind::Return(None) => return Ok(Flow::Return(None)),
            StKind::Return(Some(value)) => return Ok(Flow::Return(Some(self.eval(value)?))),
            StKind::Break => return Ok(Flow::Break),
            StKind::Continue => return Ok(Flow::Continue),
            StKind::Do(node, _) => {
                self.value(node)?;
            }
            StKind::Zero(target, bytes) => {
                let at = self.address(target)?;
                span(&mut self.memory, at, index(*bytes)).fill(0);
            }
            StKind::Copy(target, source, bytes) => {
                let from = index(self.address(source)?);
                let to = index(self.address(target)?);
                self.memory.copy_within(from..from.saturating_add(index(*bytes)), to);
            }
        }
        Ok(Flow::Next)
    }

    fn rounds(&mut self, number: u32, local: u16, range: &[Node; 3], charge: u64, body: &Code) -> Run<Flow> {
        let [start, stop, step] = range;
        let (start, stop, step) = (self.int(start)?, self.int(stop)?, self.int(step)?);
        if step == 0 {
            return Err(TrapReason::RangeStep);
        }
        let (mut at, stop, step) = (i128::from(start), i128::from(stop), i128::from(step));
        while if step > 0 { at < stop } else { at > stop } {
            self.number = number;
            self.charge(charge)?;
            self.set(local, Value::I64(i64::try_from(at).unwrap_or(0)));
            match self.block(body)? {
                Flow::Next | Flow::Continue => {}
                Flow::Break => break,
                flow @ Flow::Return(_) => return Ok(flow),
            }
            at = at.saturating_add(step);
        }
        Ok(Flow::Next)
    }

    fn int(&mut self, node: &Node) -> Run<i64> {
        Ok(if let Value::I64(value) = self.eval(node)? { value } else { 0 })
    }

    fn holds(&mut self, node: &Node) -> Run<bool> {
        Ok(matches!(self.eval(node)?, Value::Bool(true)))
    }

    fn address(&mut self, addr: &Addr) -> Run<u32> {
        let base = match addr.base {
            Base::Fixed => 0,
            Base::Ref(local) => match self.local(local) {
                Some(Held::At(at)) => at,
                Some(Held::Value(_)) | None => 0,
            },
        };
        let mut at = base.saturating_add(addr.offset);
        for step in &addr.indices {
            let value = self.int(&step.value)?;
            let within = u32::try_from(value).ok().filter(|value| *value < step.len).ok_or(TrapReason::Bounds)?;
            at = at.saturating_add(within.saturating_mul(step.stride));
        }
        Ok(at)
    }

    fn slot(&mut self, at: u32) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(span(&mut self.memory, at, 8));
        u64::from_le_bytes(bytes)
    }

    fn load(&mut self, rep: Rep, at: u32) -> Value {
        let low = self.slot(at);
        let high = if rep == Rep::I128 { self.slot(at.saturating_add(8)) } else { 0 };
        of_slots(rep, [low, high])
    }

    fn store(&mut self, at: u32, value: Value) {
        let [low, high] = slots(value);
        span(&mut self.memory, at, 8).copy_from_slice(&low.to_le_bytes());
        if let Value::I128(_) = value {
            span(&mut self.memory, at.saturating_add(8), 8).copy_from_slice(&high.to_le_bytes());
        }
    }

    /// An expression that has a value.
    fn eval(&mut self, node: &Node) -> Run<Value> {
        Ok(self.value(node)?.unwrap_or(Value::I64(0)))
    }

    fn value(&mut self, node: &Node) -> Run<Option<Value>> {
        Ok(Some(match &node.ex {
            Ex::Const(value) => *value,
            Ex::Local(local) => match self.local(*local) {
                Some(Held::Value(value)) => value,
                Some(Held::At(_)) | None => Value::I64(0),
            },
            Ex::Load(addr) => {
                let at = self.address(addr)?;
                self.load(node.rep, at)
            }
            Ex::Unary(op, value) => unary(*op, self.eval(value)?)?,
            Ex::Binary(op, left, right) => {
                let left = self.eval(left)?;
                binary(*op, left, self.eval(right)?)?
            }
            Ex::MulWide(left, right) => {
                let left = self.int(left)?;
                Value::I128(i128::from(left).saturating_mul(self.int(right)?.into()))
            }
            Ex::And(left, right) => Value::Bool(self.holds(left)? && self.holds(right)?),
            Ex::Or(left, right) => Value::Bool(self.holds(left)? || self.holds(right)?),
            Ex::Choose(condition, then, or) => {
                let chosen = if self.holds(condition)? { then } else { or };
                self.eval(chosen)?
            }
            Ex::Tee(local, value) => {
                let value = self.eval(value)?;
                self.set(*local, value);
                value
            }
            Ex::Call(number, args) => return self.call_with(*number, args),
            Ex::Host(number, args) => {
                let mut given = Vec::with_capacity(SLOTS_MAX);
                for arg in args {
                    let count = if arg.rep == Rep::I128 { 2 } else { 1 };
                    given.extend(slots(self.eval(arg)?).into_iter().take(count));
                }
                let mut args = [0; SLOTS_MAX];
                args.iter_mut().zip(given).for_each(|(slot, value)| *slot = value);
                of_host(node.rep, self.host.call(usize::from(*number), &args).ok_or(TrapReason::Host)?)
            }
            Ex::Cast(to, value) => cast(*to, self.eval(value)?)?,
        }))
    }

    fn call_with(&mut self, number: u16, args: &[Argument]) -> Run<Option<Value>> {
        for arg in args {
            let held = match arg {
                Argument::Value(node) => Held::Value(self.eval(node)?),
                Argument::Ref(addr) => Held::At(self.address(addr)?),
            };
            self.stack.push(held);
        }
        self.call(function(self.program, number))
    }
}

/// The verifier settled every call: a function that is not there is a bug, and stops.
#[expect(clippy::indexing_slicing, reason = "a missing function is a broken invariant")]
fn function(program: &Program, number: u16) -> &Func {
    &program.functions[usize::from(number)]
}

/// What a host gave, a float by its canonical bits.
fn of_host(rep: Rep, given: [u64; 2]) -> Value {
    match of_slots(rep, given) {
        Value::F64(value) => Value::F64(number::canonical(value)),
        value @ (Value::I64(_) | Value::I128(_) | Value::Bool(_)) => value,
    }
}

fn unary(op: UnaryOp, value: Value) -> Run<Value> {
    let overflow = TrapReason::Overflow;
    Ok(match (op, value) {
        (UnaryOp::Neg, Value::I64(value)) => Value::I64(value.checked_neg().ok_or(overflow)?),
        (UnaryOp::Neg, Value::I128(value)) => Value::I128(value.checked_neg().ok_or(overflow)?),
        (UnaryOp::Neg, Value::F64(value)) => Value::F64(number::canonical(-value)),
        (UnaryOp::Abs, Value::I64(value)) => Value::I64(value.checked_abs().ok_or(overflow)?),
        (UnaryOp::Abs, Value::I128(value)) => Value::I128(value.checked_abs().ok_or(overflow)?),
        (UnaryOp::Abs, Value::F64(value)) => Value::F64(value.abs()),
        (UnaryOp::Invert, Value::I64(value)) => Value::I64(!value),
        (UnaryOp::Not, Value::Bool(value)) => Value::Bool(!value),
        (UnaryOp::Sqrt, Value::F64(value)) => Value::F64(number::sqrt(value)),
        (UnaryOp::Exp, Value::F64(value)) => Value::F64(number::exp(value)),
        (UnaryOp::Log, Value::F64(value)) => Value::F64(number::log(value)),
        (UnaryOp::Sin, Value::F64(value)) => Value::F64(number::sin(value)),
        (UnaryOp::Cos, Value::F64(value)) => Value::F64(number::cos(value)),
        (_, value) => value,
    })
}

fn binary(op: BinaryOp, left: Value, right: Value) -> Run<Value> {
    match (left, right) {
        (Value::I64(left), Value::I64(right)) => int_binary(op, left, right),
        (Value::I128(left), Value::I128(right)) => wide_binary(op, left, right),
        (Value::F64(left), Value::F64(right)) => float_binary(op, left, right),
        (Value::Bool(left), Value::Bool(right)) => Ok(Value::Bool((op == BinaryOp::Eq) == (left == right))),
        (left, _) => Ok(left),
    }
}

fn int_binary(op: BinaryOp, left: i64, right: i64) -> Run<Value> {
    let shift = || u32::try_from(right).ok().filter(|count| *count < 64).ok_or(TrapReason::Shift);
    let (wide_left, wide_right) = (i128::from(left), i128::from(right));
    let exact = match op {
        BinaryOp::Shl => wide_left << shift()?,
        BinaryOp::Shr => wide_left >> shift()?,
        BinaryOp::And => (left & right).into(),
        BinaryOp::Or => (left | right).into(),
        BinaryOp::Xor => (left ^ right).into(),
        BinaryOp::Add
        | BinaryOp::Sub
        | BinaryOp::Mul
        | BinaryOp::FloorDiv
        | BinaryOp::Mod
        | BinaryOp::Div
        | BinaryOp::Min
        | BinaryOp::Max
        | BinaryOp::Eq
        | BinaryOp::Ne
        | BinaryOp::Lt
        | BinaryOp::Le
        | BinaryOp::Gt
        | BinaryOp::Ge => match wide_binary(op, wide_left, wide_right)? {
            Value::I128(exact) => exact,
            value @ (Value::I64(_) | Value::F64(_) | Value::Bool(_)) => return Ok(value),
        },
    };
    i64::try_from(exact).map(Value::I64).map_err(|_| TrapReason::Overflow)
}

fn wide_binary(op: BinaryOp, left: i128, right: i128) -> Run<Value> {
    let checked = |value: Option<i128>| value.ok_or(TrapReason::Overflow);
    Ok(Value::I128(match op {
        BinaryOp::Add => checked(left.checked_add(right))?,
        BinaryOp::Sub => checked(left.checked_sub(right))?,
        BinaryOp::Mul => checked(left.checked_mul(right))?,
        BinaryOp::FloorDiv => floor_div(left, right)?,
        BinaryOp::Mod => floor_mod(left, right)?,
        BinaryOp::Min => left.min(right),
        BinaryOp::Max => left.max(right),
        BinaryOp::Eq => return Ok(Value::Bool(left == right)),
        BinaryOp::Ne => return Ok(Value::Bool(left != right)),
        BinaryOp::Lt => return Ok(Value::Bool(left < right)),
        BinaryOp::Le => return Ok(Value::Bool(left <= right)),
        BinaryOp::Gt => return Ok(Value::Bool(left > right)),
        BinaryOp::Ge => return Ok(Value::Bool(left >= right)),
        BinaryOp::Div | BinaryOp::Shl | BinaryOp::Shr | BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => left,
    }))
}

fn float_binary(op: BinaryOp, left: f64, right: f64) -> Run<Value> {
    #[expect(clippy::float_cmp, reason = "the program compares exactly")]
    let value = match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div if right == 0.0 => return Err(TrapReason::DivZero),
        BinaryOp::Div => left / right,
        BinaryOp::Min if right < left => right,
        BinaryOp::Max if right > left => right,
        BinaryOp::Eq => return Ok(Value::Bool(left == right)),
        BinaryOp::Ne => return Ok(Value::Bool(left != right)),
        BinaryOp::Lt => return Ok(Value::Bool(left < right)),
        BinaryOp::Le => return Ok(Value::Bool(left <= right)),
        BinaryOp::Gt => return Ok(Value::Bool(left > right)),
        BinaryOp::Ge => return Ok(Value::Bool(left >= right)),
        BinaryOp::Min
        | BinaryOp::Max
        | BinaryOp::FloorDiv
        | BinaryOp::Mod
        | BinaryOp::Shl
        | BinaryOp::Shr
        | BinaryOp::And
        | BinaryOp::Or
        | BinaryOp::Xor => left,
    };
    Ok(Value::F64(number::canonical(value)))
}

fn cast(to: Cast, value: Value) -> Run<Value> {
    Ok(match (to, value) {
        (Cast::BoolToInt, Value::Bool(value)) => Value::I64(value.into()),
        (Cast::Widen, Value::I64(value)) => Value::I128(value.into()),
        (Cast::Narrow, Value::I128(value)) => Value::I64(i64::try_from(value).map_err(|_| TrapReason::Overflow)?),
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "rounds to nearest, ties to even")]
        (Cast::IntToFloat, Value::I64(value)) => Value::F64(value as f64),
        (Cast::WideToFloat, Value::I128(value)) => Value::F64(number::wide_to_float(value)),
        (Cast::FloatToInt, Value::F64(value)) => Value::I64(number::float_to_int(value)?),
        (_, value) => value,
    })
}
