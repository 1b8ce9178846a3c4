//! Programs: verified here, run compiled or interpreted, timed.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList};
use tiderace_program::{
    Arg, Call, Compiler, Done, Form, Host, HostFunction, HostTable, Instance, Program, SLOTS_MAX, Scalar, Trap, Type,
    TypeDef, interpret,
};

use crate::errors::ProgramFault;

/// Name, capability, types of the arguments, type of the result, fuel.
type FunctionRow = (String, Option<String>, Vec<String>, Option<String>, u32);
/// Name, names and types of the arguments, type of the result.
type EntryRow = (String, Vec<(String, String)>, Option<&'static str>);
/// Trap, line, result, fuel used, arguments and state as they are afterwards.
type Ran = (Option<&'static str>, Option<u32>, Option<Py<PyAny>>, u64, Py<PyAny>, Py<PyBytes>);

/// A host whose functions are one Python callable: `host(name, *arguments)`; None, or an exception, stops the program.
struct Asked {
    functions: Vec<HostFunction>,
    callable: Option<Py<PyAny>>,
}

impl Host for Asked {
    fn call(&mut self, function: usize, args: &[u64; SLOTS_MAX]) -> Option<[u64; 2]> {
        let (callable, function) = (self.callable.as_ref()?, self.functions.get(function)?);
        let bytes: Vec<u8> = args.iter().flat_map(|slot| slot.to_le_bytes()).collect();
        let form = bare();
        let mut rest = bytes.as_slice();
        Python::attach(|py| {
            let mut given = vec![function.name.clone().into_pyobject(py).ok()?.into_any()];
            for scalar in &function.params {
                let value = form.unpack(Type::Scalar(*scalar), &mut rest).ok()?;
                given.push(to_python(py, &value).ok()?);
            }
            let given = pyo3::types::PyTuple::new(py, given).ok()?;
            let answer = callable.bind(py).call1(given).ok()?;
            let Some(scalar) = function.result else { return Some([0; 2]) };
            let mut out = Vec::with_capacity(16);
            form.pack(Type::Scalar(scalar), &from_python(&answer).ok()?, &mut out).ok()?;
            out.resize(16, 0);
            let (low, high) = out.split_first_chunk::<8>()?;
            Some([u64::from_le_bytes(*low), u64::from_le_bytes(*high.first_chunk()?)])
        })
    }
}

/// A form without types: enough to pack scalars.
const fn bare() -> Form {
    Form {
        name: String::new(),
        meta: Vec::new(),
        capabilities: Vec::new(),
        labels: Vec::new(),
        types: Vec::new(),
        params: None,
        param_decls: Vec::new(),
        state: None,
        imports: Vec::new(),
        functions: Vec::new(),
        entries: Vec::new(),
        debug: None,
    }
}

fn to_python<'py>(py: Python<'py>, value: &Arg) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Arg::Int(value) => value.into_pyobject(py)?.into_any(),
        Arg::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
        Arg::Float(value) => PyFloat::new(py, *value).into_any(),
        Arg::List(values) => {
            let values = values.iter().map(|value| to_python(py, value)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, values)?.into_any()
        }
    })
}

pub(crate) fn from_python(value: &Bound<'_, PyAny>) -> PyResult<Arg> {
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(Arg::Bool(value.is_true()));
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(Arg::Int(value.extract()?));
    }
    if let Ok(value) = value.cast::<PyFloat>() {
        return Ok(Arg::Float(value.value()));
    }
    let values = value.try_iter().map_err(|_| PyTypeError::new_err(format!("{value} is no value of a program")))?;
    Ok(Arg::List(values.map(|value| from_python(&value?)).collect::<PyResult<_>>()?))
}

fn scalar(name: &str) -> PyResult<Scalar> {
    let found = Scalar::ALL.iter().copied().find(|scalar| scalar.name() == name);
    found.ok_or_else(|| PyValueError::new_err(format!("{name} is no scalar type")))
}

fn type_name(form: &Form, ty: Type) -> String {
    let entry = match ty {
        Type::Scalar(scalar) => return scalar.name().to_owned(),
        Type::Table(entry) => entry,
    };
    match form.types.get(usize::from(entry)) {
        Some(TypeDef::Record { name, .. }) => name.clone(),
        Some(TypeDef::Array { element, len }) => format!("Array[{}, {len}]", type_name(form, *element)),
        None => String::new(),
    }
}

pub(crate) fn failed(error: impl std::fmt::Display) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

fn table_of(functions: Vec<FunctionRow>, grants: Vec<String>) -> PyResult<HostTable> {
    let functions = functions.into_iter().map(|(name, capability, params, result, fuel)| {
        let params = params.iter().map(|name| scalar(name)).collect::<PyResult<_>>()?;
        let result = result.as_deref().map(scalar).transpose()?;
        Ok(HostFunction { name, capability, params, result, fuel, is_field: false })
    });
    Ok(HostTable { functions: functions.collect::<PyResult<_>>()?, grants })
}

/// A verified program.
#[pyclass(frozen, name = "Program")]
pub(crate) struct PyProgram {
    pub(crate) program: Arc<Program>,
    pub(crate) functions: Vec<HostFunction>,
    instance: Mutex<Option<Instance<Asked>>>,
}

#[pymethods]
impl PyProgram {
    /// Verifies a form against the functions of a host and the capabilities it grants.
    #[new]
    #[pyo3(signature = (form, *, functions=Vec::new(), grants=Vec::new()))]
    fn new(form: &[u8], functions: Vec<FunctionRow>, grants: Vec<String>) -> PyResult<Self> {
        let table = table_of(functions, grants)?;
        let fault = |text: String, position: Option<(u32, u32)>| {
            let (line, column) = position.unzip();
            ProgramFault::new_err((text, line, column))
        };
        let (form, hash) = Form::decode(form).map_err(|error| fault(error.to_string(), None))?;
        let program = Program::verify(&form, hash, &table)
            .map_err(|error| fault(error.to_string(), error.position(form.debug.as_ref())))?;
        Ok(Self { program: Arc::new(program), functions: table.functions, instance: Mutex::new(None) })
    }

    /// Identity, in hex.
    #[getter]
    fn hash(&self) -> String {
        self.program.hash().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Name.
    #[getter]
    fn name(&self) -> &str {
        &self.program.form().name
    }

    /// Capabilities that it names.
    #[getter]
    fn capabilities(&self) -> Vec<String> {
        self.program.form().capabilities.clone()
    }

    /// What may be called.
    #[getter]
    fn entries(&self) -> Vec<EntryRow> {
        let form = self.program.form();
        let rows = self.program.entries().iter().map(|entry| {
            let params = entry.params.iter().map(|(name, ty)| (name.clone(), type_name(form, *ty))).collect();
            (entry.name.clone(), params, entry.result.map(Scalar::name))
        });
        rows.collect()
    }

    /// Bytes of the state: what a snapshot takes.
    #[getter]
    fn state_bytes(&self) -> usize {
        self.program.state_bytes()
    }

    /// Calls an entry, "compiled" or "interpreted". A state that is not given is zero.
    #[pyo3(signature = (engine, entry, args, *, fuel, params=None, state=None, host=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments")]
    fn run(
        &self,
        py: Python<'_>,
        engine: &str,
        entry: &str,
        args: Vec<Bound<'_, PyAny>>,
        fuel: u64,
        params: Option<Vec<Bound<'_, PyAny>>>,
        state: Option<Vec<u8>>,
        host: Option<Py<PyAny>>,
    ) -> PyResult<Ran> {
        let program = &self.program;
        let number = program.entry(entry).ok_or_else(|| PyValueError::new_err(format!("there is no entry {entry}")))?;
        let values = |given: &[Bound<'_, PyAny>]| given.iter().map(from_python).collect::<PyResult<Vec<_>>>();
        let ill_typed = |error: tiderace_program::ArgError| PyTypeError::new_err(error.to_string());
        let mut args = program.pack_args(number, &values(&args)?).map_err(ill_typed)?;
        let mut state = state.unwrap_or_else(|| vec![0; program.state_bytes()]);
        let mut packed = Vec::new();
        if let (Some(params), Some(record)) = (params, program.form().params) {
            let values = Arg::List(values(&params)?);
            program.form().pack(Type::Table(record), &values, &mut packed).map_err(ill_typed)?;
        }
        let asked = Asked { functions: self.functions.clone(), callable: host };
        let call = Call { entry: number, params: &packed, state: &mut state, args: &mut args, fuel };
        let ended = match engine {
            "interpreted" => interpret(program, &mut { asked }, call).map_err(failed)?,
            "compiled" => self.compiled(asked, call)?,
            other => return Err(PyValueError::new_err(format!("{other:?} is neither compiled nor interpreted"))),
        };
        let after = self.unpack_args(py, number, &args)?;
        let state = PyBytes::new(py, &state).unbind();
        Ok(match ended {
            Ok(done) => {
                let result = program.result(number, &done).map(|value| to_python(py, &value)).transpose()?;
                (None, None, result.map(Bound::unbind), done.fuel_used, after, state)
            }
            Err(Trap { reason, statement, fuel_used }) => {
                let line =
                    program.form().debug.as_ref().and_then(|debug| debug.position(statement)).map(|(line, _)| line);
                (Some(reason.name()), line, None, fuel_used, after, state)
            }
        })
    }
}

impl PyProgram {
    fn compiled(&self, asked: Asked, call: Call<'_>) -> PyResult<Result<Done, Trap>> {
        // Not held while it runs: a host may call this program again, and then gets an instance of its own.
        let kept = self.instance.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut instance = match kept {
            Some(instance) => instance,
            None => {
                let empty = Asked { functions: Vec::new(), callable: None };
                let compiled = Compiler::new().and_then(|mut compiler| compiler.compile(&self.program));
                compiled.and_then(|compiled| Instance::new(&compiled, empty)).map_err(failed)?
            }
        };
        *instance.host_mut() = asked;
        let ended = instance.call(call).map_err(failed);
        instance.host_mut().callable = None;
        *self.instance.lock().unwrap_or_else(PoisonError::into_inner) = Some(instance);
        ended
    }

    fn unpack_args(&self, py: Python<'_>, entry: usize, mut bytes: &[u8]) -> PyResult<Py<PyAny>> {
        let params = self.program.entries().get(entry).map_or(&[][..], |entry| &entry.params);
        let values = params.iter().map(|(_, ty)| self.program.form().unpack(*ty, &mut bytes));
        let values = Arg::List(values.collect::<Result<_, _>>().map_err(failed)?);
        Ok(to_python(py, &values)?.unbind())
    }
}

/// `exp`, `log`, `sqrt`, `sin` or `cos` as programs compute them, on every machine alike.
#[pyfunction]
pub(crate) fn program_math(name: &str, value: f64) -> PyResult<f64> {
    Ok(match name {
        "exp" => tiderace_program::exp(value),
        "log" => tiderace_program::log(value),
        "sqrt" => tiderace_program::sqrt(value),
        "sin" => tiderace_program::sin(value),
        "cos" => tiderace_program::cos(value),
        other => return Err(PyValueError::new_err(format!("programs have no {other}"))),
    })
}
