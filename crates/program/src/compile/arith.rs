//! Operations on two values, checked, with Python's `//` and `%`.

use wasm_encoder::{InstructionSink, ValType};

use super::module::{DIV, MOD, MUL};
use super::stmt::{Emit, Held};
use crate::code::{Ex, Node, Value};
use crate::form::BinaryOp;
use crate::layout::Rep;
use crate::trap::TrapReason;

/// Floored quotient or remainder of registers, the divisor above 0. Uses nothing but the stack.
pub(super) fn floor_positive(sink: &mut InstructionSink<'_>, is_mod: bool, left: u32, right: u32) {
    // Truncated remainders below 0 are one divisor short; `r >> 63` is -1 for them.
    if is_mod {
        sink.local_get(left).local_get(right).i64_rem_s();
        sink.local_get(left).local_get(right).i64_rem_s().i64_const(63).i64_shr_s().local_get(right).i64_and();
    } else {
        sink.local_get(left).local_get(right).i64_div_s();
        sink.local_get(left).local_get(right).i64_rem_s().i64_const(63).i64_shr_s();
    }
    sink.i64_add();
}

impl Emit<'_> {
    pub(super) fn binary(&mut self, op: BinaryOp, left: &Node, right: &Node) {
        self.node(left);
        let a = self.hold(left.rep);
        self.node(right);
        let b = self.hold(right.rep);
        match left.rep {
            Rep::I64 => self.int_binary(op, a, b, right),
            Rep::I128 => self.wide_binary(op, a, b),
            Rep::F64 => self.float_binary(op, a.low, b.low),
            Rep::Bool => {
                let mut sink = self.sink();
                sink.local_get(a.low).local_get(b.low);
                if op == BinaryOp::Eq {
                    sink.i32_eq()
                } else {
                    sink.i32_ne()
                };
            }
        }
        self.drop_held(a);
        self.drop_held(b);
    }

    fn int_binary(&mut self, op: BinaryOp, a: Held, b: Held, right: &Node) {
        let (x, y) = (a.low, b.low);
        let positive = matches!(right.ex, Ex::Const(Value::I64(1..)));
        match op {
            BinaryOp::Add | BinaryOp::Sub => self.int_sum(op == BinaryOp::Sub, x, y),
            BinaryOp::Mul => {
                self.sink().local_get(x).local_get(y).i64_mul_wide_s();
                let product = self.hold(Rep::I128);
                self.narrow(product);
                self.drop_held(product);
            }
            BinaryOp::FloorDiv | BinaryOp::Mod => self.int_div(op == BinaryOp::Mod, x, y, right, positive),
            BinaryOp::Shl | BinaryOp::Shr => {
                self.sink().local_get(y).i64_const(63).i64_gt_u();
                self.trap_if(TrapReason::Shift);
                if op == BinaryOp::Shr {
                    self.sink().local_get(x).local_get(y).i64_shr_s();
                } else {
                    let shifted = self.take(ValType::I64);
                    self.sink().local_get(x).local_get(y).i64_shl().local_tee(shifted).local_get(y).i64_shr_s();
                    self.sink().local_get(x).i64_ne();
                    self.trap_if(TrapReason::Overflow);
                    self.sink().local_get(shifted);
                    self.give(shifted, ValType::I64);
                }
            }
            BinaryOp::And => {
                self.sink().local_get(x).local_get(y).i64_and();
            }
            BinaryOp::Or => {
                self.sink().local_get(x).local_get(y).i64_or();
            }
            BinaryOp::Xor => {
                self.sink().local_get(x).local_get(y).i64_xor();
            }
            BinaryOp::Min => {
                self.sink().local_get(y).local_get(x).local_get(y).local_get(x).i64_lt_s().select();
            }
            BinaryOp::Max => {
                self.sink().local_get(y).local_get(x).local_get(y).local_get(x).i64_gt_s().select();
            }
            BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                let mut sink = self.sink();
                int_compare(sink.local_get(x).local_get(y), op);
            }
            BinaryOp::Div => {}
        }
    }

    fn int_sum(&mut self, is_sub: bool, x: u32, y: u32) {
        let sum = self.take(ValType::I64);
        let mut sink = self.sink();
        sink.local_get(x).local_get(y);
        if is_sub {
            sink.i64_sub()
        } else {
            sink.i64_add()
        };
        sink.local_set(sum);
        overflow_sign(&mut sink, is_sub, x, y, sum);
        self.trap_if(TrapReason::Overflow);
        self.sink().local_get(sum);
        self.give(sum, ValType::I64);
    }

    fn int_div(&mut self, is_mod: bool, x: u32, y: u32, right: &Node, positive: bool) {
        if let Ex::Const(Value::I64(by)) = right.ex
            && positive
            && by.count_ones() == 1
        {
            let mut sink = self.sink();
            if is_mod {
                sink.local_get(x).i64_const(by.saturating_sub(1)).i64_and();
            } else {
                sink.local_get(x).i64_const(by.trailing_zeros().into()).i64_shr_s();
            }
            return;
        }
        if positive {
            floor_positive(&mut self.sink(), is_mod, x, y);
            return;
        }
        self.sink().local_get(y).i64_eqz();
        self.trap_if(TrapReason::DivZero);
        if !is_mod {
            self.sink().local_get(x).i64_const(i64::MIN).i64_eq().local_get(y).i64_const(-1).i64_eq().i32_and();
            self.trap_if(TrapReason::Overflow);
        }
        let rest = self.take(ValType::I64);
        let mut sink = self.sink();
        sink.local_get(x).local_get(y).i64_rem_s().local_set(rest);
        if is_mod {
            sink.local_get(rest).local_get(y).i64_const(0);
        } else {
            sink.local_get(x).local_get(y).i64_div_s().i64_const(-1).i64_const(0);
        }
        sink.local_get(rest).local_get(y).i64_xor().i64_const(0).i64_lt_s();
        sink.local_get(rest).i64_const(0).i64_ne().i32_and().select().i64_add();
        self.give(rest, ValType::I64);
    }

    fn wide_binary(&mut self, op: BinaryOp, a: Held, b: Held) {
        match op {
            BinaryOp::Add | BinaryOp::Sub => {
                let is_sub = op == BinaryOp::Sub;
                self.get(a);
                self.get(b);
                let mut sink = self.sink();
                if is_sub {
                    sink.i64_sub128()
                } else {
                    sink.i64_add128()
                };
                let sum = self.hold(Rep::I128);
                overflow_sign(&mut self.sink(), is_sub, a.high, b.high, sum.high);
                self.trap_if(TrapReason::Overflow);
                self.get(sum);
                self.drop_held(sum);
            }
            BinaryOp::Mul => self.checked(MUL, a, b),
            BinaryOp::FloorDiv => self.checked(DIV, a, b),
            BinaryOp::Mod => self.checked(MOD, a, b),
            BinaryOp::Min | BinaryOp::Max => {
                let (first, second) = if op == BinaryOp::Min { (b, a) } else { (a, b) };
                wide_less(&mut self.sink(), first, second);
                let chosen = self.take(ValType::I32);
                let mut sink = self.sink();
                sink.local_set(chosen);
                sink.local_get(b.low).local_get(a.low).local_get(chosen).select();
                sink.local_get(b.high).local_get(a.high).local_get(chosen).select();
                self.give(chosen, ValType::I32);
            }
            BinaryOp::Eq | BinaryOp::Ne => {
                let mut sink = self.sink();
                sink.local_get(a.low).local_get(b.low).i64_eq().local_get(a.high).local_get(b.high).i64_eq().i32_and();
                if op == BinaryOp::Ne {
                    sink.i32_eqz();
                }
            }
            BinaryOp::Lt => wide_less(&mut self.sink(), a, b),
            BinaryOp::Gt => wide_less(&mut self.sink(), b, a),
            BinaryOp::Le => {
                wide_less(&mut self.sink(), b, a);
                self.sink().i32_eqz();
            }
            BinaryOp::Ge => {
                wide_less(&mut self.sink(), a, b);
                self.sink().i32_eqz();
            }
            BinaryOp::Div | BinaryOp::Shl | BinaryOp::Shr | BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => {}
        }
    }

    /// A function that gives low, high, and the reason of a trap or 0.
    fn checked(&mut self, function: u32, a: Held, b: Held) {
        self.get(a);
        self.get(b);
        let reason = self.take(ValType::I32);
        self.sink().call(function).local_set(reason);
        self.trap_by(reason);
        self.give(reason, ValType::I32);
    }

    fn float_binary(&mut self, op: BinaryOp, x: u32, y: u32) {
        if op == BinaryOp::Div {
            self.sink().local_get(y).f64_const(0.0.into()).f64_eq();
            self.trap_if(TrapReason::DivZero);
        }
        let mut sink = self.sink();
        match op {
            BinaryOp::Add => sink.local_get(x).local_get(y).f64_add(),
            BinaryOp::Sub => sink.local_get(x).local_get(y).f64_sub(),
            BinaryOp::Mul => sink.local_get(x).local_get(y).f64_mul(),
            BinaryOp::Div => sink.local_get(x).local_get(y).f64_div(),
            BinaryOp::Min => sink.local_get(y).local_get(x).local_get(y).local_get(x).f64_lt().select(),
            BinaryOp::Max => sink.local_get(y).local_get(x).local_get(y).local_get(x).f64_gt().select(),
            BinaryOp::Eq => sink.local_get(x).local_get(y).f64_eq(),
            BinaryOp::Ne => sink.local_get(x).local_get(y).f64_ne(),
            BinaryOp::Lt => sink.local_get(x).local_get(y).f64_lt(),
            BinaryOp::Le => sink.local_get(x).local_get(y).f64_le(),
            BinaryOp::Gt => sink.local_get(x).local_get(y).f64_gt(),
            BinaryOp::Ge => sink.local_get(x).local_get(y).f64_ge(),
            BinaryOp::FloorDiv
            | BinaryOp::Mod
            | BinaryOp::Shl
            | BinaryOp::Shr
            | BinaryOp::And
            | BinaryOp::Or
            | BinaryOp::Xor => sink.local_get(x),
        };
    }
}

/// Whether a sum or difference left the range: both operands (the first and the opposite of the second) have the other sign.
fn overflow_sign(sink: &mut InstructionSink<'_>, is_sub: bool, x: u32, y: u32, sum: u32) {
    sink.local_get(x).local_get(if is_sub { y } else { sum }).i64_xor();
    sink.local_get(if is_sub { x } else { y }).local_get(sum).i64_xor();
    sink.i64_and().i64_const(0).i64_lt_s();
}

fn wide_less(sink: &mut InstructionSink<'_>, a: Held, b: Held) {
    sink.local_get(a.high).local_get(b.high).i64_lt_s();
    sink.local_get(a.high).local_get(b.high).i64_eq();
    sink.local_get(a.low).local_get(b.low).i64_lt_u().i32_and().i32_or();
}

fn int_compare(sink: &mut InstructionSink<'_>, op: BinaryOp) {
    match op {
        BinaryOp::Eq => sink.i64_eq(),
        BinaryOp::Ne => sink.i64_ne(),
        BinaryOp::Lt => sink.i64_lt_s(),
        BinaryOp::Le => sink.i64_le_s(),
        BinaryOp::Gt => sink.i64_gt_s(),
        BinaryOp::Ge
        | BinaryOp::Add
        | BinaryOp::Sub
        | BinaryOp::Mul
        | BinaryOp::FloorDiv
        | BinaryOp::Mod
        | BinaryOp::Div
        | BinaryOp::Shl
        | BinaryOp::Shr
        | BinaryOp::And
        | BinaryOp::Or
        | BinaryOp::Xor
        | BinaryOp::Min
        | BinaryOp::Max => sink.i64_ge_s(),
    };
}
