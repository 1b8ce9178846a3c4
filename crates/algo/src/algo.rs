//! A form and its parameters, checked.

use std::fmt;
use std::sync::Arc;

use tiderace_program::{Arg, CompileError, Const, FormError, Program, Type, TypeDef};
use tiderace_types::Reason;

use crate::meta::Meta;
use crate::table::host_table;

/// A program that may work parents, and its parameters.
#[derive(Clone, Debug)]
pub struct Algo {
    /// The program.
    pub program: Arc<Program>,
    /// What it states.
    pub meta: Arc<Meta>,
    /// Its parameters, packed.
    pub params: Arc<[u8]>,
}

/// Why it may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlgoError {
    /// Not a program, or it asks for what the desk does not offer.
    Form(FormError),
    /// Its meta says what means nothing.
    Meta {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// An entry that is none of an algorithm, of other arguments, without its capability; or `on_start` is missing.
    Entry(String),
    /// A parameter out of its range, or bytes that are no parameters of this program.
    Params(String),
    /// No machine code came out.
    Compile(CompileError),
    /// There are too many.
    TooMany(usize),
}

impl AlgoError {
    /// As which refusal it is put out.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Params(_) | Self::TooMany(_) => Reason::BadParameter,
            Self::Form(_) | Self::Meta { .. } | Self::Entry(_) | Self::Compile(_) => Reason::BadForm,
        }
    }
}

impl fmt::Display for AlgoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(error) => write!(f, "{error}"),
            Self::Meta { key, value } => write!(f, "meta {key} is {value:?}"),
            Self::Entry(name) => {
                write!(f, "entry {name}: an algorithm has on_start and what docs/ALGO.md names, with those arguments")
            }
            Self::Params(field) => write!(f, "parameter {field} is out of its range"),
            Self::Compile(error) => write!(f, "{error}"),
            Self::TooMany(count) => write!(f, "{count} algorithms are loaded, and no more may be"),
        }
    }
}

impl std::error::Error for AlgoError {}

impl Algo {
    /// Reads and checks a form and its parameters. Without parameters, its defaults are taken.
    ///
    /// # Errors
    /// [`AlgoError`].
    pub fn load(form: &[u8], params: Option<&[u8]>) -> Result<Self, AlgoError> {
        let program = Program::load(form, &host_table()).map_err(AlgoError::Form)?;
        let meta = Meta::of(&program)?;
        let params = match params {
            Some(params) => params.to_vec(),
            None => defaults(&program)?,
        };
        check_params(&program, &params)?;
        Ok(Self { program: Arc::new(program), meta: Arc::new(meta), params: params.into() })
    }
}

/// The packed defaults; a parameter without one is refused.
fn defaults(program: &Program) -> Result<Vec<u8>, AlgoError> {
    let form = program.form();
    let mut bytes = Vec::with_capacity(program.params_bytes());
    for (field, decl) in fields(program).iter().zip(&form.param_decls) {
        let value = decl.default.map(Arg::from).ok_or_else(|| AlgoError::Params(field.0.clone()))?;
        form.pack(field.1, &value, &mut bytes).map_err(|_| AlgoError::Params(field.0.clone()))?;
    }
    Ok(bytes)
}

fn fields(program: &Program) -> Vec<(String, Type)> {
    let form = program.form();
    match form.params.and_then(|entry| form.types.get(usize::from(entry))) {
        Some(TypeDef::Record { fields, .. }) => fields.iter().map(|field| (field.name.clone(), field.ty)).collect(),
        Some(TypeDef::Array { .. }) | None => Vec::new(),
    }
}

/// Every field within its range, and of the bytes that its value packs to.
fn check_params(program: &Program, params: &[u8]) -> Result<(), AlgoError> {
    let form = program.form();
    if params.len() != program.params_bytes() {
        return Err(AlgoError::Params(format!("bytes: {} for {}", params.len(), program.params_bytes())));
    }
    let mut rest = params;
    for ((name, ty), decl) in fields(program).iter().zip(&form.param_decls) {
        let refused = || AlgoError::Params(name.clone());
        let before = rest;
        let value = form.unpack(*ty, &mut rest).map_err(|_| refused())?;
        let mut packed = Vec::new();
        form.pack(*ty, &value, &mut packed).map_err(|_| refused())?;
        let is_canonical = before.starts_with(&packed);
        let is_low = decl.min.is_some_and(|min| !is_at_most(&Arg::from(min), &value));
        let is_high = decl.max.is_some_and(|max: Const| !is_at_most(&value, &Arg::from(max)));
        if !is_canonical || is_low || is_high {
            return Err(refused());
        }
    }
    Ok(())
}

/// NaN is at most nothing.
fn is_at_most(low: &Arg, high: &Arg) -> bool {
    match (low, high) {
        (Arg::Int(low), Arg::Int(high)) => low <= high,
        (Arg::Float(low), Arg::Float(high)) => low <= high,
        (Arg::Int(_) | Arg::Float(_) | Arg::Bool(_) | Arg::List(_), _) => false,
    }
}
