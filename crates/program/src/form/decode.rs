//! Bytes to form: shape, sizes, counts, names; never more memory than a few times the bytes read.

use super::read::Reader;
use super::{
    BinaryOp, Block, Const, Debug, EntryDecl, Expr, FRAME_BYTES, Form, Function, HASH_BYTES, Import, MAGIC, ParamDecl,
    Place, RecordField, Root, Scalar, Step, Stmt, TABLE_FROM, Type, TypeDef, UnaryOp, VERSION, limits,
};
use crate::error::{Fault, FormError};

impl Form {
    /// Reads a form and its identity.
    ///
    /// # Errors
    /// The first byte that is not as `docs/PROGRAM.md` says.
    pub fn decode(bytes: &[u8]) -> Result<(Self, [u8; HASH_BYTES]), FormError> {
        let mut reader = Reader::new(bytes, 0);
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(Reader::new(bytes, 0).fault(Fault::Magic));
        }
        match reader.u16()? {
            VERSION => {}
            version => return Err(reader.fault(Fault::Version(version))),
        }
        let core_bytes = reader.u32()?;
        let core_bytes = reader.count(core_bytes, limits::CORE_BYTES, "bytes of the core")?;
        reader.take(core_bytes)?;
        let core_end = FRAME_BYTES.saturating_add(core_bytes);
        let core = bytes.get(..core_end).unwrap_or(bytes);
        let mut form = Decoder { reader: Reader::new(core, FRAME_BYTES), nodes: 0, function_nodes: 0 }.form()?;
        form.debug = Debug::read(bytes, core_end, &form)?;
        Ok((form, *blake3::hash(core).as_bytes()))
    }
}

struct Decoder<'a> {
    reader: Reader<'a>,
    nodes: usize,
    function_nodes: usize,
}

impl Decoder<'_> {
    fn form(mut self) -> Result<Form, FormError> {
        let name = self.reader.identifier("name of a program")?;
        let meta =
            self.short(limits::META, "meta entries", |d| Ok((d.reader.word("key")?, d.reader.text("value")?)))?;
        self.sorted(meta.iter().map(|(key, _)| key), "meta entries")?;
        let capabilities = self.short(limits::CAPABILITIES, "capabilities", |d| d.reader.word("capability"))?;
        self.sorted(capabilities.iter(), "capabilities")?;
        let labels = self.long(limits::LABELS, "labels", |d| d.reader.text("label"))?;
        let types = self.long(limits::TYPES, "types", Self::type_def)?;
        let (params, param_decls) = self.params(&types)?;
        let state = self.record("type of the state")?;
        let imports = self.short(limits::IMPORTS, "imports", Self::import)?;
        let functions = self.long(limits::FUNCTIONS, "functions", Self::function)?;
        let entries = self.long(limits::ENTRIES, "entries", |d| d.entry(&functions))?;
        self.reader.end()?;
        let debug = None;
        Ok(Form {
            name,
            meta,
            capabilities,
            labels,
            types,
            params,
            param_decls,
            state,
            imports,
            functions,
            entries,
            debug,
        })
    }

    /// As many things as a byte says.
    fn short<T>(
        &mut self,
        max: usize,
        what: &'static str,
        each: impl Fn(&mut Self) -> Result<T, FormError>,
    ) -> Result<Vec<T>, FormError> {
        let count = self.reader.u8()?;
        let count = self.reader.count(count, max, what)?;
        (0..count).map(|_| each(self)).collect()
    }

    /// As many things as two bytes say. Nothing is reserved before it is read.
    fn long<T>(
        &mut self,
        max: usize,
        what: &'static str,
        each: impl Fn(&mut Self) -> Result<T, FormError>,
    ) -> Result<Vec<T>, FormError> {
        let count = self.reader.u16()?;
        let count = self.reader.count(count, max, what)?;
        let mut things = Vec::new();
        for _ in 0..count {
            things.push(each(self)?);
        }
        Ok(things)
    }

    fn sorted<'s>(&self, names: impl Iterator<Item = &'s String>, what: &'static str) -> Result<(), FormError> {
        let mut before: Option<&String> = None;
        for name in names {
            if before.is_some_and(|before| before >= name) {
                return Err(self.reader.fault(Fault::Order(what)));
            }
            before = Some(name);
        }
        Ok(())
    }

    fn ty(&mut self) -> Result<Type, FormError> {
        let number = self.reader.u16()?;
        let tag = Fault::Tag { what: "type", tag: number.into() };
        match number.checked_sub(TABLE_FROM) {
            Some(entry) => Ok(Type::Table(entry)),
            None => match u8::try_from(number).ok().and_then(Scalar::from_code) {
                Some(scalar) => Ok(Type::Scalar(scalar)),
                None => Err(self.reader.fault(tag)),
            },
        }
    }

    fn scalar(&mut self) -> Result<Scalar, FormError> {
        match self.scalar_or_none()? {
            Some(scalar) => Ok(scalar),
            None => Err(self.reader.fault(Fault::Tag { what: "scalar type", tag: 0 })),
        }
    }

    fn scalar_or_none(&mut self) -> Result<Option<Scalar>, FormError> {
        let number = self.reader.u16()?;
        match (number, u8::try_from(number).ok().and_then(Scalar::from_code)) {
            (0, _) => Ok(None),
            (_, Some(scalar)) => Ok(Some(scalar)),
            (_, None) => Err(self.reader.fault(Fault::Tag { what: "scalar type", tag: number.into() })),
        }
    }

    fn type_def(&mut self) -> Result<TypeDef, FormError> {
        match self.reader.u8()? {
            1 => {
                let element = self.ty()?;
                let len = self.reader.u32()?;
                let max = usize::try_from(limits::ARRAY_LEN).unwrap_or(usize::MAX);
                self.reader.count(len, max, "elements of an array")?;
                if len == 0 {
                    return Err(self.reader.fault(Fault::None("element of an array")));
                }
                Ok(TypeDef::Array { element, len })
            }
            2 => {
                let name = self.reader.identifier("name of a record")?;
                let fields = self.long(limits::FIELDS, "fields of a record", |d| {
                    Ok(RecordField { name: d.reader.identifier("name of a field")?, ty: d.ty()? })
                })?;
                if fields.is_empty() {
                    return Err(self.reader.fault(Fault::None("field of a record")));
                }
                self.distinct(fields.iter().map(|field| &field.name), "fields")?;
                Ok(TypeDef::Record { name, fields })
            }
            tag => Err(self.reader.fault(Fault::Tag { what: "kind of type", tag: tag.into() })),
        }
    }

    fn distinct<'s>(&self, names: impl Iterator<Item = &'s String>, what: &'static str) -> Result<(), FormError> {
        let mut names: Vec<&String> = names.collect();
        names.sort_unstable();
        self.sorted(names.into_iter(), what)
    }

    fn record(&mut self, what: &'static str) -> Result<Option<u16>, FormError> {
        let number = self.reader.u16()?;
        match (number, number.checked_sub(TABLE_FROM)) {
            (0, _) => Ok(None),
            (_, Some(entry)) => Ok(Some(entry)),
            (_, None) => Err(self.reader.fault(Fault::Tag { what, tag: number.into() })),
        }
    }

    fn params(&mut self, types: &[TypeDef]) -> Result<(Option<u16>, Vec<ParamDecl>), FormError> {
        let Some(entry) = self.record("type of the parameters")? else { return Ok((None, Vec::new())) };
        let Some(TypeDef::Record { fields, .. }) = types.get(usize::from(entry)) else {
            return Err(self.reader.fault(Fault::Unknown { what: "record", number: entry.into() }));
        };
        let decls = fields.iter().map(|field| self.param(field.ty)).collect::<Result<_, _>>()?;
        Ok((Some(entry), decls))
    }

    fn param(&mut self, ty: Type) -> Result<ParamDecl, FormError> {
        let flags = self.reader.u8()?;
        let allowed = match ty {
            Type::Scalar(Scalar::Bool) => 1,
            Type::Scalar(_) => 7,
            Type::Table(_) => 0,
        };
        if flags > allowed {
            return Err(self.reader.fault(Fault::Tag { what: "flag of this parameter", tag: flags.into() }));
        }
        let mut constant = |flag: u8| match ty {
            Type::Scalar(scalar) if flags & flag != 0 => self.constant(scalar).map(Some),
            Type::Scalar(_) | Type::Table(_) => Ok(None),
        };
        let (default, min, max) = (constant(1)?, constant(2)?, constant(4)?);
        Ok(ParamDecl { default, min, max, unit: self.reader.text("unit")? })
    }

    fn constant(&mut self, scalar: Scalar) -> Result<Const, FormError> {
        match scalar {
            Scalar::Int | Scalar::Price | Scalar::Qty => Ok(Const::I64(scalar, self.reader.i64()?)),
            Scalar::I128 | Scalar::Amount | Scalar::Rate => Ok(Const::I128(scalar, self.reader.i128()?)),
            Scalar::Bool => match self.reader.u8()? {
                0 => Ok(Const::Bool(false)),
                1 => Ok(Const::Bool(true)),
                _ => Err(self.reader.fault(Fault::Constant("bool"))),
            },
            Scalar::Float => {
                let bits = self.reader.u64()?;
                if crate::number::canonical(f64::from_bits(bits)).to_bits() == bits {
                    Ok(Const::Float(bits))
                } else {
                    Err(self.reader.fault(Fault::Constant("NaN")))
                }
            }
        }
    }

    fn import(&mut self) -> Result<Import, FormError> {
        let name = self.reader.word("name of an import")?;
        let params = self.short(limits::IMPORT_SLOTS, "parameters of an import", Self::scalar)?;
        Ok(Import { name, params, result: self.scalar_or_none()? })
    }

    fn function(&mut self) -> Result<Function, FormError> {
        self.function_nodes = 0;
        let params = self.short(limits::PARAMS, "parameters of a function", Self::ty)?;
        let result = self.scalar_or_none()?;
        let locals = self.long(limits::LOCALS.saturating_sub(params.len()), "locals of a function", Self::ty)?;
        Ok(Function { params, result, locals, body: self.block(1)? })
    }

    fn entry(&mut self, functions: &[Function]) -> Result<EntryDecl, FormError> {
        let name = self.reader.identifier("name of an entry")?;
        let function = self.reader.u16()?;
        let Some(called) = functions.get(usize::from(function)) else {
            return Err(self.reader.fault(Fault::Unknown { what: "function", number: function.into() }));
        };
        let params =
            called.params.iter().map(|_| self.reader.identifier("name of a parameter")).collect::<Result<_, _>>()?;
        Ok(EntryDecl { name, function, params })
    }

    /// Counts a statement or expression at this depth.
    fn node(&mut self, depth: usize, max: usize, what: &'static str) -> Result<(), FormError> {
        self.nodes = self.nodes.saturating_add(1);
        self.function_nodes = self.function_nodes.saturating_add(1);
        let over = if depth > max {
            Some((what, depth, max))
        } else if self.nodes > limits::NODES {
            Some(("statements and expressions", self.nodes, limits::NODES))
        } else if self.function_nodes > limits::FUNCTION_NODES {
            Some(("statements and expressions of a function", self.function_nodes, limits::FUNCTION_NODES))
        } else {
            None
        };
        over.map_or(Ok(()), |(what, count, max)| {
            let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
            Err(self.reader.fault(Fault::TooMany { what, count: wide(count), max: wide(max) }))
        })
    }

    fn block(&mut self, depth: usize) -> Result<Block, FormError> {
        let count = self.reader.u16()?;
        let mut block = Vec::new();
        for _ in 0..count {
            block.push(self.stmt(depth)?);
        }
        Ok(block)
    }

    fn stmt(&mut self, depth: usize) -> Result<Stmt, FormError> {
        self.node(depth, limits::STATEMENT_DEPTH, "nested statements")?;
        let inner = depth.saturating_add(1);
        Ok(match self.reader.u8()? {
            1 => Stmt::Assign(self.place(1)?, self.expr(1)?),
            2 => Stmt::If(self.expr(1)?, self.block(inner)?, self.block(inner)?),
            3 => Stmt::While(self.expr(1)?, self.block(inner)?),
            4 => Stmt::For {
                local: self.reader.u16()?,
                start: self.expr(1)?,
                stop: self.expr(1)?,
                step: self.expr(1)?,
                body: self.block(inner)?,
            },
            5 => match self.reader.u8()? {
                0 => Stmt::Return(None),
                1 => Stmt::Return(Some(self.expr(1)?)),
                tag => return Err(self.reader.fault(Fault::Tag { what: "kind of return", tag: tag.into() })),
            },
            6 => Stmt::Break,
            7 => Stmt::Continue,
            8 => Stmt::Expr(self.expr(1)?),
            9 => Stmt::Zero(self.place(1)?),
            10 => Stmt::Copy(self.place(1)?, self.place(1)?),
            tag => return Err(self.reader.fault(Fault::Tag { what: "statement", tag: tag.into() })),
        })
    }

    fn place(&mut self, depth: usize) -> Result<Place, FormError> {
        let root = match self.reader.u8()? {
            0 => Root::Local(self.reader.u16()?),
            1 => Root::Params,
            2 => Root::State,
            tag => return Err(self.reader.fault(Fault::Tag { what: "root of a place", tag: tag.into() })),
        };
        let steps = self.short(limits::STEPS, "steps of a place", |d| match d.reader.u8()? {
            0 => Ok(Step::Field(d.reader.u16()?)),
            1 => Ok(Step::Index(d.expr(depth)?)),
            tag => Err(d.reader.fault(Fault::Tag { what: "step of a place", tag: tag.into() })),
        })?;
        Ok(Place { root, steps })
    }

    fn boxed(&mut self, depth: usize) -> Result<Box<Expr>, FormError> {
        self.expr(depth).map(Box::new)
    }

    fn expr(&mut self, depth: usize) -> Result<Expr, FormError> {
        self.node(depth, limits::EXPRESSION_DEPTH, "nested expressions")?;
        let inner = depth.saturating_add(1);
        Ok(match self.reader.u8()? {
            1 => {
                let scalar = self.scalar()?;
                Expr::Const(self.constant(scalar)?)
            }
            2 => Expr::Read(self.place(inner)?),
            3 => {
                let code = self.reader.u8()?;
                let Some(op) = UnaryOp::from_code(code) else {
                    return Err(self.reader.fault(Fault::Tag { what: "operation on one value", tag: code.into() }));
                };
                Expr::Unary(op, self.boxed(inner)?)
            }
            4 => {
                let code = self.reader.u8()?;
                let Some(op) = BinaryOp::from_code(code) else {
                    return Err(self.reader.fault(Fault::Tag { what: "operation on two values", tag: code.into() }));
                };
                Expr::Binary(op, self.boxed(inner)?, self.boxed(inner)?)
            }
            5 => Expr::And(self.boxed(inner)?, self.boxed(inner)?),
            6 => Expr::Or(self.boxed(inner)?, self.boxed(inner)?),
            7 => Expr::Choose(self.boxed(inner)?, self.boxed(inner)?, self.boxed(inner)?),
            8 => Expr::Tee(self.reader.u16()?, self.boxed(inner)?),
            9 => Expr::Call(self.reader.u16()?, self.short(limits::PARAMS, "arguments", |d| d.expr(inner))?),
            10 => Expr::Host(self.reader.u8()?, self.short(limits::IMPORT_SLOTS, "arguments", |d| d.expr(inner))?),
            11 => Expr::Cast(self.scalar()?, self.boxed(inner)?),
            tag => return Err(self.reader.fault(Fault::Tag { what: "expression", tag: tag.into() })),
        })
    }
}
