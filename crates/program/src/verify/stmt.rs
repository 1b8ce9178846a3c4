//! Statements: types, reachability, and where charges fall due.

use super::Body;
use super::expr::{Placed, Target};
use crate::code::{Addr, Code, Node, St, StKind};
use crate::error::{At, Fault, FormError};
use crate::form::{Block, Const, Expr, Place, Scalar, Stmt, Type};

const STATEMENT: u64 = 1;
const LOOP_BEGIN: u64 = 3;
const ROUND: u64 = 2;
const BULK: u64 = 2;

impl Body<'_, '_> {
    /// A block: its segments charged where they begin, the first by what leads here.
    pub(super) fn block(&mut self, block: &Block) -> Result<Code, FormError> {
        self.depth = self.depth.saturating_add(1);
        self.depth_max = self.depth_max.max(self.depth);
        let mut code = Code::default();
        // The statement that begins the open segment: none for the first one.
        let mut segment: Option<usize> = None;
        let mut opens = false;
        let mut has_jumped = false;
        for stmt in block {
            let number = self.verifier.statements;
            self.verifier.statements = number.saturating_add(1);
            self.verifier.nodes = self.verifier.nodes.saturating_add(1);
            self.at = At::Statement(number);
            if has_jumped {
                return self.fault(Fault::Unreachable);
            }
            let (kind, head) = self.stmt(stmt)?;
            has_jumped = matches!(kind, StKind::Return(_) | StKind::Break | StKind::Continue);
            if opens {
                segment = Some(code.stmts.len());
            }
            opens = matches!(kind, StKind::If(..) | StKind::While(..) | StKind::For(..));
            code.stmts.push(St { number, charge: 0, kind });
            match segment.and_then(|first| code.stmts.get_mut(first)) {
                Some(first) => first.charge = first.charge.saturating_add(head),
                None => code.charge = code.charge.saturating_add(head),
            }
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(code)
    }

    /// A statement and the cost of its head.
    fn stmt(&mut self, stmt: &Stmt) -> Result<(StKind, u64), FormError> {
        match stmt {
            Stmt::Assign(place, value) => self.assign(place, value),
            Stmt::If(condition, then, or) => {
                let (condition, fuel) = self.expect(condition, Scalar::Bool, "condition")?;
                let (then, or) = (self.block(then)?, self.block(or)?);
                Ok((StKind::If(condition, then, or), fuel.saturating_add(STATEMENT)))
            }
            Stmt::While(condition, body) => {
                let (condition, fuel) = self.expect(condition, Scalar::Bool, "condition")?;
                let body = self.round(body)?;
                let test = fuel.saturating_add(STATEMENT).saturating_add(body.charge);
                Ok((StKind::While(test, condition, body), STATEMENT))
            }
            Stmt::For { local, start, stop, step, body } => {
                if self.scalar_local(*local)? != Scalar::Int {
                    return self.fault(Fault::Type {
                        what: "counter of a loop",
                        expected: Scalar::Int.name().to_owned(),
                        found: self.scalar_local(*local)?.name().to_owned(),
                    });
                }
                let (start, start_fuel) = self.expect(start, Scalar::Int, "range")?;
                let (stop, stop_fuel) = self.expect(stop, Scalar::Int, "range")?;
                let (step, step_fuel) = self.expect(step, Scalar::Int, "range")?;
                let body = self.round(body)?;
                let head = LOOP_BEGIN.saturating_add(start_fuel).saturating_add(stop_fuel).saturating_add(step_fuel);
                let round = ROUND.saturating_add(body.charge);
                Ok((StKind::For(*local, [start, stop, step], round, body), head))
            }
            Stmt::Return(value) => self.leave(value.as_ref()),
            Stmt::Break | Stmt::Continue if self.loops == 0 => self.fault(Fault::OutsideLoop),
            Stmt::Break => Ok((StKind::Break, STATEMENT)),
            Stmt::Continue => Ok((StKind::Continue, STATEMENT)),
            Stmt::Expr(expr) => match expr {
                Expr::Call(..) | Expr::Host(..) => {
                    let (node, scalar, fuel) = self.value(expr)?;
                    let has_value = scalar.is_some() || matches!(expr, Expr::Host(..));
                    Ok((StKind::Do(node, has_value), fuel.saturating_add(STATEMENT)))
                }
                Expr::Const(_)
                | Expr::Read(_)
                | Expr::Unary(..)
                | Expr::Binary(..)
                | Expr::And(..)
                | Expr::Or(..)
                | Expr::Choose(..)
                | Expr::Tee(..)
                | Expr::Cast(..) => self.fault(Fault::NotACall),
            },
            Stmt::Zero(place) => {
                let (target, ty, fuel) = self.aggregate(place, true)?;
                let bytes = self.bytes(ty)?;
                Ok((StKind::Zero(target, bytes), bulk(fuel, bytes)))
            }
            Stmt::Copy(target, source) => {
                let (source, source_ty, source_fuel) = self.aggregate(source, false)?;
                let (target, ty, fuel) = self.aggregate(target, true)?;
                if ty != source_ty {
                    return self.mismatch("copy", ty, source_ty);
                }
                let bytes = self.bytes(ty)?;
                Ok((StKind::Copy(target, source, bytes), bulk(fuel.saturating_add(source_fuel), bytes)))
            }
        }
    }

    fn round(&mut self, body: &Block) -> Result<Code, FormError> {
        self.loops = self.loops.saturating_add(1);
        let code = self.block(body);
        self.loops = self.loops.saturating_sub(1);
        code
    }

    fn assign(&mut self, place: &Place, value: &Expr) -> Result<(StKind, u64), FormError> {
        let Placed { to, ty, fuel, is_read_only } = self.place(place)?;
        let value = self.expr(value)?;
        if is_read_only {
            return self.fault(Fault::ReadOnly);
        }
        if ty != Type::Scalar(value.scalar) {
            return self.mismatch("assignment", ty, Type::Scalar(value.scalar));
        }
        let fuel = fuel.saturating_add(value.fuel).saturating_add(STATEMENT);
        Ok((
            match to {
                Target::Local(local) => StKind::Set(local, value.node),
                Target::Memory(addr) => StKind::Store(addr, value.node),
            },
            fuel,
        ))
    }

    fn leave(&mut self, value: Option<&Expr>) -> Result<(StKind, u64), FormError> {
        match (self.function.result, value) {
            (None, None) => Ok((StKind::Return(None), STATEMENT)),
            (Some(scalar), Some(value)) => {
                let (node, fuel): (Node, u64) = self.expect(value, scalar, "result")?;
                Ok((StKind::Return(Some(node)), fuel.saturating_add(STATEMENT)))
            }
            (Some(_), None) => self.fault(Fault::NoReturn),
            (None, Some(value)) => {
                let found = self.expr(value)?.scalar.name().to_owned();
                self.fault(Fault::Type { what: "result", expected: "nothing".to_owned(), found })
            }
        }
    }

    fn aggregate(&mut self, place: &Place, is_written: bool) -> Result<(Addr, Type, u64), FormError> {
        let placed = self.place(place)?;
        match (placed.to, placed.ty) {
            (Target::Memory(_), Type::Table(_)) if is_written && placed.is_read_only => self.fault(Fault::ReadOnly),
            (Target::Memory(addr), Type::Table(_)) => Ok((addr, placed.ty, placed.fuel)),
            (Target::Memory(_) | Target::Local(_), ty) => {
                let found = self.type_name(ty);
                self.fault(Fault::Type { what: "zero, copy", expected: "array or record".to_owned(), found })
            }
        }
    }
}

fn bulk(fuel: u64, bytes: u32) -> u64 {
    fuel.saturating_add(BULK).saturating_add(u64::from(bytes / 8 / 4))
}

/// Whether control can come to the end of a block.
pub(super) fn completes(block: &Block) -> bool {
    block.iter().all(|stmt| match stmt {
        Stmt::Return(_) | Stmt::Break | Stmt::Continue => false,
        Stmt::If(_, then, or) => completes(then) || completes(or),
        Stmt::While(Expr::Const(Const::Bool(true)), body) => breaks(body),
        Stmt::While(..) | Stmt::For { .. } | Stmt::Assign(..) | Stmt::Expr(_) | Stmt::Zero(_) | Stmt::Copy(..) => true,
    })
}

/// Whether a `break` of this loop stands in its body.
fn breaks(body: &Block) -> bool {
    body.iter().any(|stmt| match stmt {
        Stmt::Break => true,
        Stmt::If(_, then, or) => breaks(then) || breaks(or),
        Stmt::While(..)
        | Stmt::For { .. }
        | Stmt::Assign(..)
        | Stmt::Return(_)
        | Stmt::Continue
        | Stmt::Expr(_)
        | Stmt::Zero(_)
        | Stmt::Copy(..) => false,
    })
}
