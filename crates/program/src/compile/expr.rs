//! Expressions: each leaves its value on the stack, 128 bits as low and high half.

use wasm_encoder::{BlockType, Ieee64, ValType};

use super::module::{COS, EXP, HOST, LOG, SIN, TO_FLOAT, function_index, load};
use super::stmt::{Emit, Held};
use crate::code::{Argument, Cast, Ex, Node, Value};
use crate::form::UnaryOp;
use crate::host::SLOTS_MAX;
use crate::layout::Rep;
use crate::number::{I64_END, halves};
use crate::trap::TrapReason;

const NAN: u64 = 0x7ff8_0000_0000_0000;

impl Emit<'_> {
    pub(super) fn node(&mut self, node: &Node) {
        match &node.ex {
            Ex::Const(value) => self.constant(*value),
            Ex::Local(local) => self.get(self.local(*local, node.rep)),
            Ex::Load(addr) => {
                self.address(addr, false);
                if node.rep == Rep::I128 {
                    let base = self.take(ValType::I32);
                    self.sink().local_tee(base);
                    load(&mut self.sink(), node.rep, addr.offset, Some(base));
                    self.give(base, ValType::I32);
                } else {
                    load(&mut self.sink(), node.rep, addr.offset, None);
                }
            }
            Ex::Unary(op, value) => self.unary(*op, value),
            Ex::Binary(op, left, right) => self.binary(*op, left, right),
            Ex::MulWide(left, right) => {
                self.node(left);
                self.node(right);
                self.sink().i64_mul_wide_s();
            }
            Ex::And(left, right) => {
                self.node(left);
                self.open(|sink| sink.if_(BlockType::Result(ValType::I32)));
                self.node(right);
                self.sink().else_().i32_const(0);
                self.close();
            }
            Ex::Or(left, right) => {
                self.node(left);
                self.open(|sink| sink.if_(BlockType::Result(ValType::I32)));
                self.sink().i32_const(1).else_();
                self.node(right);
                self.close();
            }
            Ex::Choose(condition, then, or) => {
                let held = self.take_for(node.rep);
                self.node(condition);
                self.open(|sink| sink.if_(BlockType::Empty));
                self.node(then);
                self.set(held);
                self.sink().else_();
                self.node(or);
                self.set(held);
                self.close();
                self.get(held);
                self.drop_held(held);
            }
            Ex::Tee(local, value) => {
                self.node(value);
                let held = self.local(*local, node.rep);
                self.set(held);
                self.get(held);
            }
            Ex::Call(number, args) => {
                for arg in args {
                    match arg {
                        Argument::Value(value) => self.node(value),
                        Argument::Ref(addr) => self.address(addr, true),
                    }
                }
                let fuel = self.fuel;
                self.sink().local_get(fuel).call(function_index(*number)).local_set(fuel);
            }
            Ex::Host(number, args) => self.host(*number, args, node.rep),
            Ex::Cast(to, value) => self.cast(*to, value),
        }
    }

    fn constant(&mut self, value: Value) {
        let mut sink = self.sink();
        match value {
            Value::I64(value) => sink.i64_const(value),
            Value::F64(value) => sink.f64_const(Ieee64::new(value.to_bits())),
            Value::Bool(value) => sink.i32_const(value.into()),
            Value::I128(value) => {
                let [low, high] = halves(value).map(u64::cast_signed);
                sink.i64_const(low).i64_const(high)
            }
        };
    }

    /// Arguments in slots; then low and high slot and whether the host agreed.
    fn host(&mut self, number: u16, args: &[Node], rep: Rep) {
        self.sink().i32_const(number.into());
        let mut slots = 0_usize;
        for arg in args {
            self.node(arg);
            slots = slots.saturating_add(if arg.rep == Rep::I128 { 2 } else { 1 });
            match arg.rep {
                Rep::I64 | Rep::I128 => {}
                Rep::F64 => {
                    self.sink().i64_reinterpret_f64();
                }
                Rep::Bool => {
                    self.sink().i64_extend_i32_u();
                }
            }
        }
        for _ in slots..SLOTS_MAX {
            self.sink().i64_const(0);
        }
        self.sink().call(HOST).i32_eqz();
        self.trap_if(TrapReason::Host);
        match rep {
            Rep::I128 => {}
            Rep::I64 => {
                self.sink().drop();
            }
            Rep::F64 => {
                self.sink().drop().f64_reinterpret_i64();
                self.one_nan();
            }
            Rep::Bool => {
                self.sink().drop().i64_const(0).i64_ne();
            }
        }
    }

    /// The float on the stack, a NaN by its canonical bits.
    fn one_nan(&mut self) {
        let value = self.take(ValType::F64);
        let mut sink = self.sink();
        sink.local_tee(value).f64_const(Ieee64::new(NAN)).local_get(value).local_get(value).f64_eq().select();
        self.give(value, ValType::F64);
    }

    fn unary(&mut self, op: UnaryOp, value: &Node) {
        self.node(value);
        match (op, value.rep) {
            (UnaryOp::Neg, Rep::F64) => {
                self.sink().f64_neg();
                self.one_nan();
            }
            (UnaryOp::Abs, Rep::F64) => {
                self.sink().f64_abs();
            }
            (UnaryOp::Neg | UnaryOp::Abs, rep) => {
                let held = self.hold(rep);
                self.negate_or_abs(held, op == UnaryOp::Abs);
                self.drop_held(held);
            }
            (UnaryOp::Not, _) => {
                self.sink().i32_eqz();
            }
            (UnaryOp::Invert, _) => {
                self.sink().i64_const(-1).i64_xor();
            }
            (UnaryOp::Sqrt, _) => {
                self.sink().f64_sqrt();
            }
            (UnaryOp::Exp, _) => {
                self.sink().call(EXP);
            }
            (UnaryOp::Log, _) => {
                self.sink().call(LOG);
            }
            (UnaryOp::Sin, _) => {
                self.sink().call(SIN);
            }
            (UnaryOp::Cos, _) => {
                self.sink().call(COS);
            }
        }
    }

    /// The least number has no opposite.
    fn negate_or_abs(&mut self, held: Held, is_abs: bool) {
        let Held { rep, low, high } = held;
        if rep == Rep::I128 {
            self.sink().local_get(low).i64_eqz().local_get(high).i64_const(i64::MIN).i64_eq().i32_and();
            self.trap_if(TrapReason::Overflow);
            let top = high;
            if is_abs {
                self.sink().local_get(top).i64_const(0).i64_lt_s();
                self.open(|sink| sink.if_(BlockType::Empty));
            }
            let mut sink = self.sink();
            sink.i64_const(0).i64_const(0).local_get(low).local_get(high).i64_sub128();
            sink.local_set(high).local_set(low);
            if is_abs {
                self.close();
            }
            self.get(held);
        } else {
            self.sink().local_get(low).i64_const(i64::MIN).i64_eq();
            self.trap_if(TrapReason::Overflow);
            self.sink().i64_const(0).local_get(low).i64_sub();
            if is_abs {
                self.sink().local_get(low).local_get(low).i64_const(0).i64_lt_s().select();
            }
        }
    }

    fn cast(&mut self, to: Cast, value: &Node) {
        self.node(value);
        match to {
            Cast::BoolToInt => {
                self.sink().i64_extend_i32_u();
            }
            Cast::Widen => {
                let low = self.take(ValType::I64);
                self.sink().local_tee(low).local_get(low).i64_const(63).i64_shr_s();
                self.give(low, ValType::I64);
            }
            Cast::Narrow => {
                let held = self.hold(Rep::I128);
                self.narrow(held);
                self.drop_held(held);
            }
            Cast::IntToFloat => {
                self.sink().f64_convert_i64_s();
            }
            Cast::WideToFloat => {
                self.sink().call(TO_FLOAT);
            }
            Cast::FloatToInt => {
                let float = self.take(ValType::F64);
                let mut sink = self.sink();
                sink.local_tee(float).f64_const((-I64_END).into()).f64_ge();
                sink.local_get(float).f64_const(I64_END.into()).f64_lt().i32_and().i32_eqz();
                self.trap_if(TrapReason::FloatToInt);
                self.sink().local_get(float).i64_trunc_sat_f64_s();
                self.give(float, ValType::F64);
            }
        }
    }

    /// Puts the low half on the stack if it is the whole value, else traps.
    pub(super) fn narrow(&mut self, held: Held) {
        let Held { low, high, .. } = held;
        self.sink().local_get(low).i64_const(63).i64_shr_s().local_get(high).i64_ne();
        self.trap_if(TrapReason::Overflow);
        self.sink().local_get(low);
    }
}
