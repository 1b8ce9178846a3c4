//! Form to program: everything that a hostile form could get wrong is refused here, and only here.
//!
//! Invariants of what comes out: every operation has operands of its types and units; every address without an index lies
//! in memory, every index has a length to be checked against; calls go to lower functions only; stack, memory and fuel of
//! a segment are bounded by `limits`.

mod expr;
mod stmt;
mod units;

use crate::code::{Entry, Func, HostField, Linked, Local, Program};
use crate::error::{At, Fault, FormError};
use crate::form::{Const, EntryDecl, Form, Function, HASH_BYTES, Import, ParamDecl, Scalar, Type, TypeDef, limits};
use crate::host::{HostTable, SLOTS_MAX};
use crate::layout::{Map, Rep, Sizes, within};

/// Fuel of entering a function.
const ENTER: u64 = 2;

impl Program {
    /// Reads and verifies a form, and keeps it without the bodies of its functions: they are several times the bytes
    /// read, and what runs is made of them.
    ///
    /// # Errors
    /// What is wrong first, and where.
    pub fn load(bytes: &[u8], table: &HostTable) -> Result<Self, FormError> {
        let (mut form, hash) = Form::decode(bytes)?;
        let verified = Verified::of(&form, table)?;
        form.functions.iter_mut().for_each(|function| function.body = Vec::new());
        Ok(verified.program(form, hash))
    }

    /// Verifies a form against what the host offers and grants, and keeps it whole.
    ///
    /// # Errors
    /// What is wrong first, and where.
    pub fn verify(form: &Form, hash: [u8; HASH_BYTES], table: &HostTable) -> Result<Self, FormError> {
        Ok(Verified::of(form, table)?.program(form.clone(), hash))
    }
}

/// What comes out of a form.
struct Verified {
    sizes: Sizes,
    map: Map,
    imports: Vec<Linked>,
    functions: Vec<Func>,
    entries: Vec<Entry>,
    nodes: usize,
}

impl Verified {
    fn program(self, form: Form, hash: [u8; HASH_BYTES]) -> Program {
        let Self { sizes, map, imports, functions, entries, nodes } = self;
        Program { form, hash, sizes, map, imports, functions, entries, nodes }
    }

    fn of(form: &Form, table: &HostTable) -> Result<Self, FormError> {
        let header = |fault| FormError { fault, at: At::Header };
        let sizes = Sizes::new(&form.types).map_err(header)?;
        check_params(form).map_err(header)?;
        if let Some(refused) = form.capabilities.iter().find(|named| !table.grants.contains(named)) {
            return Err(header(Fault::NotGranted(refused.clone())));
        }
        let imports = form.imports.iter().map(|import| link(import, form, table)).collect::<Result<Vec<_>, _>>();
        let mut imports = imports.map_err(header)?;
        distinct(form.imports.iter().map(|import| &import.name), "imports").map_err(header)?;
        distinct(form.entries.iter().map(|entry| &entry.name), "entries").map_err(header)?;
        let entries = form.entries.iter().map(|entry| entry_of(entry, form, &sizes)).collect::<Result<Vec<_>, _>>();
        let mut entries = entries.map_err(header)?;
        if entries.is_empty() {
            return Err(header(Fault::None("entry")));
        }
        let mut map = map_of(form, &sizes, &entries).map_err(header)?;
        place_fields(&mut imports, &mut map);
        let mut verifier = Verifier { form, map, sizes, imports, chains: Vec::new(), statements: 0, nodes: 0 };
        let functions =
            (0..).zip(&form.functions).map(|(number, f)| verifier.function(number, f)).collect::<Result<_, _>>()?;
        let Verifier { sizes, map, imports, chains, nodes, .. } = verifier;
        for entry in &mut entries {
            let asks = chains.get(usize::from(entry.function)).map_or(0, |chain| chain.fields);
            let asked = imports.iter().enumerate().filter(|(number, _)| asks & bit(*number) != 0);
            entry.fields = asked.filter_map(|(_, linked)| linked.field).collect();
        }
        Ok(Self { sizes, map, imports, functions, entries, nodes })
    }
}

/// What a function needs with all that it may call.
#[derive(Clone, Copy, Debug, Default)]
struct Chain {
    calls: u32,
    slots: u32,
    depth: u32,
    /// Imports that are fields, a bit each.
    fields: u64,
}

/// An import's bit; none beyond what a form may have.
pub(super) fn bit(number: usize) -> u64 {
    u32::try_from(number).ok().and_then(|number| 1_u64.checked_shl(number)).unwrap_or(0)
}

struct Verifier<'f> {
    form: &'f Form,
    sizes: Sizes,
    map: Map,
    imports: Vec<Linked>,
    chains: Vec<Chain>,
    statements: u32,
    /// Statements and expressions.
    nodes: usize,
}

/// One function while it is verified.
struct Body<'v, 'f> {
    verifier: &'v mut Verifier<'f>,
    function: &'f Function,
    number: u16,
    types: Vec<Type>,
    locals: Vec<Local>,
    at: At,
    loops: u32,
    depth: u32,
    depth_max: u32,
    callees: Chain,
}

impl<'f> Verifier<'f> {
    fn function(&mut self, number: u16, function: &'f Function) -> Result<Func, FormError> {
        let at = At::Function(number);
        let fault = |fault| FormError { fault, at };
        let frame_at = self.map.end();
        let types: Vec<Type> = function.params.iter().chain(&function.locals).copied().collect();
        let params = function.params.len();
        let locals = types.iter().enumerate().map(|(local, ty)| self.local(*ty, local < params));
        let locals = locals.collect::<Result<Vec<_>, _>>().map_err(fault)?;
        let frame_bytes = self.map.end().saturating_sub(frame_at);
        let first = self.statements;
        let mut body = Body {
            verifier: self,
            function,
            number,
            types,
            locals,
            at,
            loops: 0,
            depth: 0,
            depth_max: 0,
            callees: Chain::default(),
        };
        let code = body.block(&function.body)?;
        if function.result.is_some() && stmt::completes(&function.body) {
            return Err(fault(Fault::NoReturn));
        }
        let Body { locals, callees, depth_max, .. } = body;
        let own: u32 = locals.iter().map(|local| slots(*local)).sum();
        let chain = Chain {
            calls: within("calls within calls", u64::from(callees.calls) + 1, limits::CALL_DEPTH).map_err(fault)?,
            slots: within("slots of locals", u64::from(callees.slots) + u64::from(own), limits::CHAIN_SLOTS)
                .map_err(fault)?,
            depth: within("levels of nesting", u64::from(callees.depth) + u64::from(depth_max), limits::CHAIN_DEPTH)
                .map_err(fault)?,
            fields: callees.fields,
        };
        self.chains.push(chain);
        let scalars: u32 = locals.iter().skip(params).map(|local| slots(*local)).sum();
        let kept = u64::from((frame_bytes / 8).saturating_add(scalars) / 4);
        let charge = ENTER.saturating_add(kept).saturating_add(code.charge);
        let result = function.result.map(Rep::of);
        Ok(Func { params, locals, result, frame: (frame_at, frame_bytes), charge, code, number: first })
    }

    fn local(&mut self, ty: Type, is_param: bool) -> Result<Local, Fault> {
        let bytes = self.sizes.bytes(ty)?;
        match ty {
            Type::Scalar(scalar) => Ok(Local::Scalar(Rep::of(scalar))),
            Type::Table(_) if is_param => Ok(Local::Ref),
            Type::Table(_) => {
                let at = self.map.end();
                let frames = u64::from(self.map.frames_bytes).saturating_add(bytes.into());
                self.map.frames_bytes = within("bytes of array and record locals", frames, limits::FRAME_BYTES)?;
                Ok(Local::Memory(at))
            }
        }
    }
}

const fn slots(local: Local) -> u32 {
    match local {
        Local::Scalar(Rep::I128) => 2,
        Local::Scalar(Rep::I64 | Rep::F64 | Rep::Bool) | Local::Ref => 1,
        Local::Memory(_) => 0,
    }
}

fn map_of(form: &Form, sizes: &Sizes, entries: &[Entry]) -> Result<Map, Fault> {
    let record = |entry: Option<u16>| match entry {
        None => Ok(0),
        Some(entry) => match form.types.get(usize::from(entry)) {
            Some(TypeDef::Record { .. }) => sizes.bytes(Type::Table(entry)),
            Some(TypeDef::Array { .. }) | None => Err(Fault::Unknown { what: "record", number: entry.into() }),
        },
    };
    let args_bytes = entries.iter().map(|entry| entry.args_bytes).max().unwrap_or(0);
    let (params_bytes, state_bytes) = (record(form.params)?, record(form.state)?);
    Ok(Map { params_bytes, state_bytes, args_bytes, ..Map::default() })
}

fn entry_of(decl: &EntryDecl, form: &Form, sizes: &Sizes) -> Result<Entry, Fault> {
    let unknown = Fault::Unknown { what: "function", number: decl.function.into() };
    let function = form.functions.get(usize::from(decl.function)).ok_or(unknown)?;
    let sum = function.params.iter().try_fold(0_u64, |sum, ty| Ok(sum.saturating_add(sizes.bytes(*ty)?.into())))?;
    if decl.params.len() != function.params.len() {
        return Err(Fault::Arguments { expected: function.params.len(), found: decl.params.len() });
    }
    distinct(decl.params.iter(), "parameters of an entry")?;
    Ok(Entry {
        name: decl.name.clone(),
        params: decl.params.iter().cloned().zip(function.params.iter().copied()).collect(),
        result: function.result,
        function: decl.function,
        args_bytes: within("bytes of arguments", sum, limits::TYPE_BYTES)?,
        fields: Vec::new(),
    })
}

fn distinct<'s>(names: impl Iterator<Item = &'s String>, what: &'static str) -> Result<(), Fault> {
    let mut names: Vec<&String> = names.collect();
    names.sort_unstable();
    let twice = names.iter().zip(names.iter().skip(1)).any(|(one, next)| one == next);
    if twice { Err(Fault::Order(what)) } else { Ok(()) }
}

/// Finds the host function of an import; the program must name the capability that it needs.
fn link(import: &Import, form: &Form, table: &HostTable) -> Result<Linked, Fault> {
    let found = table.functions.iter().enumerate().find(|(_, function)| {
        function.name == import.name && function.params == import.params && function.result == import.result
    });
    let slots: u32 = import.params.iter().map(|scalar| Rep::of(*scalar).bytes() / 8).sum();
    within("slots of an import's arguments", slots.into(), u32::try_from(SLOTS_MAX).unwrap_or(u32::MAX))?;
    let Some((number, function)) = found else { return Err(Fault::Import(import.name.clone())) };
    if let Some(capability) = &function.capability
        && !form.capabilities.contains(capability)
    {
        return Err(Fault::Capability { function: import.name.clone(), capability: capability.clone() });
    }
    let host = u16::try_from(number).map_err(|_| Fault::Import(import.name.clone()))?;
    let is_field = function.is_field && function.params.is_empty();
    let field = function.result.filter(|_| is_field).map(|scalar| HostField { host, at: 0, rep: Rep::of(scalar) });
    Ok(Linked { host, fuel: function.fuel, field })
}

/// Gives each field that is imported its place: at most 16 bytes for each import.
fn place_fields(imports: &mut [Linked], map: &mut Map) {
    for (number, linked) in imports.iter_mut().enumerate() {
        linked.field = linked.field.filter(|_| bit(number) != 0);
        if let Some(field) = &mut linked.field {
            field.at = map.state_at();
            map.fields_bytes = map.fields_bytes.saturating_add(field.rep.bytes());
        }
    }
}

fn check_params(form: &Form) -> Result<(), Fault> {
    let Some(entry) = form.params else { return Ok(()) };
    let Some(TypeDef::Record { fields, .. }) = form.types.get(usize::from(entry)) else {
        return Err(Fault::Unknown { what: "record", number: entry.into() });
    };
    if fields.len() != form.param_decls.len() {
        return Err(Fault::Arguments { expected: fields.len(), found: form.param_decls.len() });
    }
    fields.iter().zip(&form.param_decls).try_for_each(|(field, decl)| check_range(field.ty, decl))
}

fn check_range(ty: Type, decl: &ParamDecl) -> Result<(), Fault> {
    let constants = [decl.min, decl.default, decl.max];
    let given = || constants.iter().flatten();
    let is_typed = given().all(|constant| ty == Type::Scalar(constant.scalar()));
    let is_number = given().all(|constant| !matches!(constant, Const::Float(bits) if f64::from_bits(*bits).is_nan()));
    let is_ranged = given().zip(given().skip(1)).all(|(low, high)| is_ordered(*low, *high));
    let has_no_range = decl.min.is_none() && decl.max.is_none();
    let is_sound = is_typed && is_number && is_ranged && (has_no_range || ty != Type::Scalar(Scalar::Bool));
    if is_sound { Ok(()) } else { Err(Fault::Constant("default or range of a parameter")) }
}

fn is_ordered(low: Const, high: Const) -> bool {
    match (low, high) {
        (Const::I64(_, low), Const::I64(_, high)) => low <= high,
        (Const::I128(_, low), Const::I128(_, high)) => low <= high,
        (Const::Float(low), Const::Float(high)) => f64::from_bits(low) <= f64::from_bits(high),
        (Const::I64(..) | Const::I128(..) | Const::Bool(_) | Const::Float(_), _) => false,
    }
}
