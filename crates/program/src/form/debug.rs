//! Positions in the source and names of locals: for people, outside of a program's identity.

use super::read::Reader;
use super::{Form, Stmt, limits};
use crate::error::{Fault, FormError};

const DEBUG_VERSION: u8 = 1;

/// Where statements stand in the source, and what things are called there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debug {
    /// The source file.
    pub file: String,
    /// Line and column of each statement.
    pub positions: Vec<(u32, u32)>,
    /// Names, for each function.
    pub functions: Vec<DebugFunction>,
}

/// Names of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugFunction {
    /// Its own.
    pub name: String,
    /// Of its parameters and locals.
    pub locals: Vec<String>,
}

impl Debug {
    /// Line and column of a statement.
    #[must_use]
    pub fn position(&self, statement: u32) -> Option<(u32, u32)> {
        self.positions.get(usize::try_from(statement).ok()?).copied()
    }

    /// Reads the debug section of `form`; nothing at all is fine.
    pub(super) fn read(bytes: &[u8], at: usize, form: &Form) -> Result<Option<Self>, FormError> {
        let left = bytes.len().saturating_sub(at);
        if left == 0 {
            return Ok(None);
        }
        let mut reader = Reader::new(bytes, at);
        reader.count(u64::try_from(left).unwrap_or(u64::MAX), limits::DEBUG_BYTES, "bytes of the debug section")?;
        match reader.u8()? {
            DEBUG_VERSION => {}
            tag => return Err(reader.fault(Fault::Tag { what: "version of the debug section", tag: tag.into() })),
        }
        let file = reader.text("file name")?;
        let statements = form.functions.iter().map(|function| count(&function.body)).sum();
        let listed = reader.u32()?;
        if reader.count(listed, statements, "positions")? != statements {
            return Err(reader.fault(Fault::None("position for a statement")));
        }
        let positions = (0..statements).map(|_| Ok((reader.u32()?, reader.u32()?))).collect::<Result<_, _>>()?;
        let listed = reader.u16()?;
        if reader.count(listed, form.functions.len(), "names of functions")? != form.functions.len() {
            return Err(reader.fault(Fault::None("name for a function")));
        }
        let mut functions = Vec::with_capacity(form.functions.len());
        for function in &form.functions {
            let name = reader.text("function name")?;
            let locals = function.params.len().saturating_add(function.locals.len());
            let listed = reader.u16()?;
            if reader.count(listed, locals, "names of locals")? != locals {
                return Err(reader.fault(Fault::None("name for a local")));
            }
            let locals = (0..locals).map(|_| reader.text("name of a local")).collect::<Result<_, _>>()?;
            functions.push(DebugFunction { name, locals });
        }
        reader.end()?;
        Ok(Some(Self { file, positions, functions }))
    }

    /// Appends the section's bytes; what is longer than the format holds is cut.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(DEBUG_VERSION);
        super::encode::text(out, &self.file);
        out.extend(u32::try_from(self.positions.len()).unwrap_or(u32::MAX).to_le_bytes());
        for (line, column) in &self.positions {
            out.extend(line.to_le_bytes());
            out.extend(column.to_le_bytes());
        }
        super::encode::count(out, self.functions.len());
        for function in &self.functions {
            super::encode::text(out, &function.name);
            super::encode::count(out, function.locals.len());
            function.locals.iter().for_each(|local| super::encode::text(out, local));
        }
    }
}

/// Statements of a block with those inside.
fn count(block: &[Stmt]) -> usize {
    block
        .iter()
        .map(|stmt| match stmt {
            Stmt::If(_, then, or) => 1 + count(then) + count(or),
            Stmt::While(_, body) | Stmt::For { body, .. } => 1 + count(body),
            Stmt::Assign(..)
            | Stmt::Return(_)
            | Stmt::Break
            | Stmt::Continue
            | Stmt::Expr(_)
            | Stmt::Zero(_)
            | Stmt::Copy(..) => 1,
        })
        .sum()
}
