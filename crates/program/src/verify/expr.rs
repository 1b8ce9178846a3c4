//! Types, units and cost of expressions and places.

use super::{Body, Chain, bit, units};
use crate::code::{Addr, Argument, Base, Cast, Ex, Index, Local, Node, Value};
use crate::error::{Fault, FormError};
use crate::form::{Const, Expr, Place, Root, Scalar, Step, Type, TypeDef};
use crate::layout::{PARAMS_AT, Rep};

const CALL: u64 = 4;
const READ: u64 = 1;
const INDEX: u64 = 2;

/// A verified expression.
pub(super) struct Typed {
    pub(super) node: Node,
    pub(super) scalar: Scalar,
    pub(super) fuel: u64,
}

/// A verified place.
pub(super) struct Placed {
    pub(super) to: Target,
    pub(super) ty: Type,
    pub(super) fuel: u64,
    pub(super) is_read_only: bool,
}

pub(super) enum Target {
    Local(u16),
    Memory(Addr),
}

impl Body<'_, '_> {
    pub(super) const fn fault<T>(&self, fault: Fault) -> Result<T, FormError> {
        Err(FormError { fault, at: self.at })
    }

    pub(super) fn type_name(&self, ty: Type) -> String {
        match ty {
            Type::Scalar(scalar) => scalar.name().to_owned(),
            Type::Table(entry) => match self.verifier.form.types.get(usize::from(entry)) {
                Some(TypeDef::Record { name, .. }) => name.clone(),
                Some(TypeDef::Array { element: Type::Scalar(element), len }) => format!("{}[{len}]", element.name()),
                Some(TypeDef::Array { len, .. }) => format!("array of {len}"),
                None => format!("type {entry}"),
            },
        }
    }

    pub(super) fn mismatch<T>(&self, what: &'static str, expected: Type, found: Type) -> Result<T, FormError> {
        self.fault(Fault::Type { what, expected: self.type_name(expected), found: self.type_name(found) })
    }

    /// An expression that must have this type.
    pub(super) fn expect(&mut self, expr: &Expr, scalar: Scalar, what: &'static str) -> Result<(Node, u64), FormError> {
        let typed = self.expr(expr)?;
        if typed.scalar != scalar {
            return self.mismatch(what, Type::Scalar(scalar), Type::Scalar(typed.scalar));
        }
        Ok((typed.node, typed.fuel))
    }

    pub(super) fn expr(&mut self, expr: &Expr) -> Result<Typed, FormError> {
        match self.value(expr)? {
            (node, Some(scalar), fuel) => Ok(Typed { node, scalar, fuel }),
            (_, None, _) => self.fault(Fault::NotACall),
        }
    }

    /// An expression, with or without a value.
    pub(super) fn value(&mut self, expr: &Expr) -> Result<(Node, Option<Scalar>, u64), FormError> {
        self.verifier.nodes = self.verifier.nodes.saturating_add(1);
        self.depth = self.depth.saturating_add(1);
        self.depth_max = self.depth_max.max(self.depth);
        let (ex, scalar, fuel) = match expr {
            Expr::Call(function, args) => self.call(*function, args)?,
            Expr::Host(import, args) => self.host(*import, args)?,
            Expr::Const(_)
            | Expr::Read(_)
            | Expr::Unary(..)
            | Expr::Binary(..)
            | Expr::And(..)
            | Expr::Or(..)
            | Expr::Choose(..)
            | Expr::Tee(..)
            | Expr::Cast(..) => {
                let (ex, scalar, fuel) = self.scalar(expr)?;
                (ex, Some(scalar), fuel)
            }
        };
        self.depth = self.depth.saturating_sub(1);
        let rep = scalar.map_or(Rep::I64, Rep::of);
        Ok((Node { rep, ex }, scalar, fuel))
    }

    fn scalar(&mut self, expr: &Expr) -> Result<(Ex, Scalar, u64), FormError> {
        match expr {
            Expr::Const(constant) => Ok((Ex::Const(value_of(*constant)), constant.scalar(), 0)),
            Expr::Read(place) => {
                let placed = self.place(place)?;
                let Type::Scalar(scalar) = placed.ty else {
                    return self.mismatch("value", Type::Scalar(Scalar::Int), placed.ty);
                };
                Ok(match placed.to {
                    Target::Local(local) => (Ex::Local(local), scalar, placed.fuel),
                    Target::Memory(addr) => (Ex::Load(addr), scalar, placed.fuel),
                })
            }
            Expr::Unary(op, value) => {
                let value = self.expr(value)?;
                if !units::unary(*op, value.scalar) {
                    return self.fault(Fault::Units { op: op.name(), left: value.scalar.name(), right: "" });
                }
                let fuel = value.fuel.saturating_add(units::unary_fuel(*op));
                Ok((Ex::Unary(*op, Box::new(value.node)), value.scalar, fuel))
            }
            Expr::Binary(..) => self.binary(expr),
            Expr::And(left, right) | Expr::Or(left, right) => {
                let (left, left_fuel) = self.expect(left, Scalar::Bool, "and, or")?;
                let (right, right_fuel) = self.expect(right, Scalar::Bool, "and, or")?;
                let fuel = left_fuel.saturating_add(right_fuel).saturating_add(1);
                let (left, right) = (Box::new(left), Box::new(right));
                let is_and = matches!(expr, Expr::And(..));
                Ok((if is_and { Ex::And(left, right) } else { Ex::Or(left, right) }, Scalar::Bool, fuel))
            }
            Expr::Choose(condition, then, or) => {
                let (condition, fuel) = self.expect(condition, Scalar::Bool, "condition")?;
                let then = self.expr(then)?;
                let (or, or_fuel) = self.expect(or, then.scalar, "else")?;
                let fuel = fuel.saturating_add(then.fuel).saturating_add(or_fuel).saturating_add(1);
                Ok((Ex::Choose(Box::new(condition), Box::new(then.node), Box::new(or)), then.scalar, fuel))
            }
            Expr::Tee(local, value) => {
                let scalar = self.scalar_local(*local)?;
                let (value, fuel) = self.expect(value, scalar, "assignment")?;
                Ok((Ex::Tee(*local, Box::new(value)), scalar, fuel.saturating_add(1)))
            }
            Expr::Cast(to, value) => {
                let value = self.expr(value)?;
                let Some(cast) = units::cast(value.scalar, *to) else {
                    return self.fault(Fault::Units { op: "as", left: value.scalar.name(), right: to.name() });
                };
                let fuel = value.fuel.saturating_add(units::cast_fuel(cast));
                let ex = match cast {
                    Some(cast) => Ex::Cast(cast, Box::new(value.node)),
                    None => value.node.ex,
                };
                Ok((ex, *to, fuel))
            }
            Expr::Call(..) | Expr::Host(..) => self.fault(Fault::NotACall),
        }
    }

    fn binary(&mut self, expr: &Expr) -> Result<(Ex, Scalar, u64), FormError> {
        let Expr::Binary(op, left, right) = expr else { return self.fault(Fault::NotACall) };
        let (left, right) = (self.expr(left)?, self.expr(right)?);
        let Some((scalar, plan)) = units::binary(*op, left.scalar, right.scalar) else {
            return self.fault(Fault::Units { op: op.name(), left: left.scalar.name(), right: right.scalar.name() });
        };
        let own = units::binary_fuel(*op, left.scalar, right.scalar);
        let fuel = left.fuel.saturating_add(right.fuel).saturating_add(own);
        let wide = |node| Node { rep: Rep::I128, ex: Ex::Cast(Cast::Widen, Box::new(node)) };
        let both = |left, right| Ex::Binary(*op, Box::new(left), Box::new(right));
        let (left, right) = (left.node, right.node);
        let ex = match plan {
            units::Plan::Same => both(left, right),
            units::Plan::Wide => Ex::MulWide(Box::new(left), Box::new(right)),
            units::Plan::WidenLeft => both(wide(left), right),
            units::Plan::WidenRight => both(left, wide(right)),
            units::Plan::WidenRightNarrow => {
                let quotient = Node { rep: Rep::I128, ex: both(left, wide(right)) };
                Ex::Cast(Cast::Narrow, Box::new(quotient))
            }
        };
        Ok((ex, scalar, fuel))
    }

    pub(super) fn scalar_local(&self, local: u16) -> Result<Scalar, FormError> {
        match self.types.get(usize::from(local)) {
            Some(Type::Scalar(scalar)) => Ok(*scalar),
            Some(ty @ Type::Table(_)) => self.mismatch("local", Type::Scalar(Scalar::Int), *ty),
            None => self.fault(Fault::Unknown { what: "local", number: local.into() }),
        }
    }

    pub(super) fn place(&mut self, place: &Place) -> Result<Placed, FormError> {
        let form = self.verifier.form;
        let missing = Fault::None("parameters or state");
        let (base, mut offset, mut ty) = match place.root {
            Root::Params => match form.params {
                Some(entry) => (Base::Fixed, PARAMS_AT, Type::Table(entry)),
                None => return self.fault(missing),
            },
            Root::State => match form.state {
                Some(entry) => (Base::Fixed, self.verifier.map.state_at(), Type::Table(entry)),
                None => return self.fault(missing),
            },
            Root::Local(local) => match self.locals.get(usize::from(local)).zip(self.types.get(usize::from(local))) {
                Some((Local::Memory(at), ty)) => (Base::Fixed, *at, *ty),
                Some((Local::Ref, ty)) => (Base::Ref(local), 0, *ty),
                Some((Local::Scalar(_), ty)) if place.steps.is_empty() => {
                    return Ok(Placed { to: Target::Local(local), ty: *ty, fuel: 0, is_read_only: false });
                }
                Some((Local::Scalar(_), ty)) => {
                    let found = self.type_name(*ty);
                    return self.fault(Fault::Type { what: "place", expected: "array or record".to_owned(), found });
                }
                None => return self.fault(Fault::Unknown { what: "local", number: local.into() }),
            },
        };
        let mut fuel = READ;
        let mut indices = Vec::new();
        for step in &place.steps {
            let Type::Table(entry) = ty else {
                let found = self.type_name(ty);
                return self.fault(Fault::Type { what: "place", expected: "array or record".to_owned(), found });
            };
            match (step, form.types.get(usize::from(entry))) {
                (Step::Field(field), Some(TypeDef::Record { fields, .. })) => {
                    let mut before = 0_u32;
                    for earlier in fields.iter().take(usize::from(*field)) {
                        before = before.saturating_add(self.bytes(earlier.ty)?);
                    }
                    let Some(field_of) = fields.get(usize::from(*field)) else {
                        return self.fault(Fault::Unknown { what: "field", number: (*field).into() });
                    };
                    offset = offset.saturating_add(before);
                    ty = field_of.ty;
                }
                (Step::Index(index), Some(TypeDef::Array { element, len })) => {
                    let (value, index_fuel) = self.expect(index, Scalar::Int, "index")?;
                    fuel = fuel.saturating_add(index_fuel).saturating_add(INDEX);
                    indices.push(Index { value, len: *len, stride: self.bytes(*element)? });
                    ty = *element;
                }
                (Step::Field(_) | Step::Index(_), _) => {
                    let expected = if matches!(step, Step::Field(_)) { "record" } else { "array" };
                    let found = self.type_name(ty);
                    return self.fault(Fault::Type { what: "place", expected: expected.to_owned(), found });
                }
            }
        }
        let is_read_only = place.root == Root::Params;
        Ok(Placed { to: Target::Memory(Addr { base, offset, indices }), ty, fuel, is_read_only })
    }

    pub(super) fn bytes(&self, ty: Type) -> Result<u32, FormError> {
        self.verifier.sizes.bytes(ty).map_err(|fault| FormError { fault, at: self.at })
    }

    fn call(&mut self, number: u16, args: &[Expr]) -> Result<(Ex, Option<Scalar>, u64), FormError> {
        if number >= self.number {
            return self.fault(Fault::Recursion(number));
        }
        let form = self.verifier.form;
        let found = form.functions.get(usize::from(number)).zip(self.verifier.chains.get(usize::from(number)));
        let Some((callee, chain)) = found else {
            return self.fault(Fault::Unknown { what: "function", number: number.into() });
        };
        self.callees = Chain {
            calls: self.callees.calls.max(chain.calls),
            slots: self.callees.slots.max(chain.slots),
            depth: self.callees.depth.max(chain.depth),
            fields: self.callees.fields | chain.fields,
        };
        self.check_count(callee.params.len(), args.len())?;
        let mut fuel = CALL;
        let mut arguments = Vec::with_capacity(args.len());
        for (ty, arg) in callee.params.iter().zip(args) {
            let (argument, arg_fuel) = self.argument(*ty, arg)?;
            fuel = fuel.saturating_add(arg_fuel);
            arguments.push(argument);
        }
        Ok((Ex::Call(number, arguments), callee.result, fuel))
    }

    fn argument(&mut self, ty: Type, arg: &Expr) -> Result<(Argument, u64), FormError> {
        match (ty, arg) {
            (Type::Scalar(scalar), _) => {
                let (node, fuel) = self.expect(arg, scalar, "argument")?;
                Ok((Argument::Value(node), fuel))
            }
            (Type::Table(_), Expr::Read(place)) => {
                let placed = self.place(place)?;
                if placed.ty != ty {
                    return self.mismatch("argument", ty, placed.ty);
                }
                match placed.to {
                    Target::Memory(_) if placed.is_read_only => self.fault(Fault::ReadOnly),
                    Target::Memory(addr) => Ok((Argument::Ref(addr), placed.fuel)),
                    Target::Local(_) => self.mismatch("argument", ty, placed.ty),
                }
            }
            (Type::Table(_), _) => {
                let found = "a value".to_owned();
                self.fault(Fault::Type { what: "argument", expected: self.type_name(ty), found })
            }
        }
    }

    fn host(&mut self, number: u8, args: &[Expr]) -> Result<(Ex, Option<Scalar>, u64), FormError> {
        let form = self.verifier.form;
        let found = form.imports.get(usize::from(number)).zip(self.verifier.imports.get(usize::from(number)).copied());
        let Some((import, linked)) = found else {
            return self.fault(Fault::Unknown { what: "import", number: number.into() });
        };
        self.check_count(import.params.len(), args.len())?;
        let mut fuel = u64::from(linked.fuel);
        if let Some(field) = linked.field {
            self.callees.fields |= bit(number.into());
            let addr = Addr { base: Base::Fixed, offset: field.at, indices: Vec::new() };
            return Ok((Ex::Load(addr), import.result, fuel));
        }
        let mut nodes = Vec::with_capacity(args.len());
        for (scalar, arg) in import.params.iter().zip(args) {
            let (node, arg_fuel) = self.expect(arg, *scalar, "argument")?;
            fuel = fuel.saturating_add(arg_fuel);
            nodes.push(node);
        }
        Ok((Ex::Host(linked.host, nodes), import.result, fuel))
    }

    const fn check_count(&self, expected: usize, found: usize) -> Result<(), FormError> {
        if expected == found { Ok(()) } else { self.fault(Fault::Arguments { expected, found }) }
    }
}

const fn value_of(constant: Const) -> Value {
    match constant {
        Const::I64(_, value) => Value::I64(value),
        Const::I128(_, value) => Value::I128(value),
        Const::Bool(value) => Value::Bool(value),
        Const::Float(bits) => Value::F64(f64::from_bits(bits)),
    }
}
