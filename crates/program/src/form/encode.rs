//! Form to bytes: the inverse of decoding. What is longer than the format holds is cut; the verifier then refuses it.

use super::{Block, Const, Expr, FRAME_BYTES, Form, MAGIC, ParamDecl, Place, Root, Scalar, Step, Stmt, Type, TypeDef};
use super::{TABLE_FROM, VERSION};

impl Form {
    /// The form's bytes, debug section and all.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend([0; 4]);
        self.core(&mut out);
        let core_bytes = u32::try_from(out.len().saturating_sub(FRAME_BYTES)).unwrap_or(u32::MAX);
        if let Some(field) = out.get_mut(FRAME_BYTES.saturating_sub(4)..FRAME_BYTES) {
            field.copy_from_slice(&core_bytes.to_le_bytes());
        }
        if let Some(debug) = &self.debug {
            debug.write(&mut out);
        }
        out
    }

    fn core(&self, out: &mut Vec<u8>) {
        text(out, &self.name);
        short(out, self.meta.len());
        for (key, value) in &self.meta {
            text(out, key);
            text(out, value);
        }
        short(out, self.capabilities.len());
        self.capabilities.iter().for_each(|capability| text(out, capability));
        count(out, self.labels.len());
        self.labels.iter().for_each(|label| text(out, label));
        count(out, self.types.len());
        self.types.iter().for_each(|def| type_def(out, def));
        entry_number(out, self.params);
        self.param_decls.iter().for_each(|decl| param(out, decl));
        entry_number(out, self.state);
        short(out, self.imports.len());
        for import in &self.imports {
            text(out, &import.name);
            short(out, import.params.len());
            import.params.iter().for_each(|scalar| scalar_number(out, Some(*scalar)));
            scalar_number(out, import.result);
        }
        count(out, self.functions.len());
        for function in &self.functions {
            short(out, function.params.len());
            function.params.iter().for_each(|ty| type_number(out, *ty));
            scalar_number(out, function.result);
            count(out, function.locals.len());
            function.locals.iter().for_each(|ty| type_number(out, *ty));
            block(out, &function.body);
        }
        count(out, self.entries.len());
        for entry in &self.entries {
            text(out, &entry.name);
            out.extend(entry.function.to_le_bytes());
            entry.params.iter().for_each(|name| text(out, name));
        }
    }
}

pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    let len = u8::try_from(text.len()).unwrap_or(u8::MAX);
    out.push(len);
    out.extend(text.bytes().take(len.into()));
}

fn short(out: &mut Vec<u8>, count: usize) {
    out.push(u8::try_from(count).unwrap_or(u8::MAX));
}

pub(super) fn count(out: &mut Vec<u8>, count: usize) {
    out.extend(u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
}

fn entry_number(out: &mut Vec<u8>, entry: Option<u16>) {
    out.extend(entry.map_or(0, |entry| entry.saturating_add(TABLE_FROM)).to_le_bytes());
}

fn scalar_number(out: &mut Vec<u8>, scalar: Option<Scalar>) {
    out.extend(scalar.map_or(0, |scalar| u16::from(scalar.code())).to_le_bytes());
}

fn type_number(out: &mut Vec<u8>, ty: Type) {
    match ty {
        Type::Scalar(scalar) => scalar_number(out, Some(scalar)),
        Type::Table(entry) => entry_number(out, Some(entry)),
    }
}

fn type_def(out: &mut Vec<u8>, def: &TypeDef) {
    match def {
        TypeDef::Array { element, len } => {
            out.push(1);
            type_number(out, *element);
            out.extend(len.to_le_bytes());
        }
        TypeDef::Record { name, fields } => {
            out.push(2);
            text(out, name);
            count(out, fields.len());
            for field in fields {
                text(out, &field.name);
                type_number(out, field.ty);
            }
        }
    }
}

fn param(out: &mut Vec<u8>, decl: &ParamDecl) {
    let constants = [decl.default, decl.min, decl.max];
    let flags = constants.iter().zip([1_u8, 2, 4]).filter(|(constant, _)| constant.is_some()).map(|(_, flag)| flag);
    out.push(flags.sum());
    constants.iter().flatten().for_each(|constant| constant_bytes(out, *constant));
    text(out, &decl.unit);
}

fn constant_bytes(out: &mut Vec<u8>, constant: Const) {
    match constant {
        Const::I64(_, value) => out.extend(value.to_le_bytes()),
        Const::I128(_, value) => out.extend(value.to_le_bytes()),
        Const::Bool(value) => out.push(value.into()),
        Const::Float(bits) => out.extend(bits.to_le_bytes()),
    }
}

fn block(out: &mut Vec<u8>, block: &Block) {
    count(out, block.len());
    block.iter().for_each(|each| stmt(out, each));
}

fn stmt(out: &mut Vec<u8>, each: &Stmt) {
    match each {
        Stmt::Assign(target, value) => {
            out.push(1);
            place(out, target);
            expr(out, value);
        }
        Stmt::If(condition, then, or) => {
            out.push(2);
            expr(out, condition);
            block(out, then);
            block(out, or);
        }
        Stmt::While(condition, body) => {
            out.push(3);
            expr(out, condition);
            block(out, body);
        }
        Stmt::For { local, start, stop, step, body } => {
            out.push(4);
            out.extend(local.to_le_bytes());
            [start, stop, step].into_iter().for_each(|each| expr(out, each));
            block(out, body);
        }
        Stmt::Return(value) => {
            out.extend([5, u8::from(value.is_some())]);
            value.iter().for_each(|value| expr(out, value));
        }
        Stmt::Break => out.push(6),
        Stmt::Continue => out.push(7),
        Stmt::Expr(value) => {
            out.push(8);
            expr(out, value);
        }
        Stmt::Zero(target) => {
            out.push(9);
            place(out, target);
        }
        Stmt::Copy(target, source) => {
            out.push(10);
            place(out, target);
            place(out, source);
        }
    }
}

fn place(out: &mut Vec<u8>, place: &Place) {
    match place.root {
        Root::Local(local) => {
            out.push(0);
            out.extend(local.to_le_bytes());
        }
        Root::Params => out.push(1),
        Root::State => out.push(2),
    }
    short(out, place.steps.len());
    for step in &place.steps {
        match step {
            Step::Field(field) => {
                out.push(0);
                out.extend(field.to_le_bytes());
            }
            Step::Index(index) => {
                out.push(1);
                expr(out, index);
            }
        }
    }
}

fn expr(out: &mut Vec<u8>, each: &Expr) {
    match each {
        Expr::Const(constant) => {
            out.push(1);
            scalar_number(out, Some(constant.scalar()));
            constant_bytes(out, *constant);
        }
        Expr::Read(source) => {
            out.push(2);
            place(out, source);
        }
        Expr::Unary(op, value) => {
            out.extend([3, op.code()]);
            expr(out, value);
        }
        Expr::Binary(op, left, right) => {
            out.extend([4, op.code()]);
            expr(out, left);
            expr(out, right);
        }
        Expr::And(left, right) | Expr::Or(left, right) => {
            out.push(if matches!(each, Expr::And(..)) { 5 } else { 6 });
            expr(out, left);
            expr(out, right);
        }
        Expr::Choose(condition, then, or) => {
            out.push(7);
            [condition, then, or].into_iter().for_each(|each| expr(out, each));
        }
        Expr::Tee(local, value) => {
            out.push(8);
            out.extend(local.to_le_bytes());
            expr(out, value);
        }
        Expr::Call(function, args) => {
            out.push(9);
            out.extend(function.to_le_bytes());
            short(out, args.len());
            args.iter().for_each(|arg| expr(out, arg));
        }
        Expr::Host(import, args) => {
            out.extend([10, *import]);
            short(out, args.len());
            args.iter().for_each(|arg| expr(out, arg));
        }
        Expr::Cast(scalar, value) => {
            out.push(11);
            scalar_number(out, Some(*scalar));
            expr(out, value);
        }
    }
}
