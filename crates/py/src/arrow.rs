//! Tables handed to Python through the Arrow C stream interface: one batch, columns without nulls, no copy on the way.
//!
//! The interface is the three C structs of the Arrow specification ("The Arrow C data interface", "The Arrow C stream
//! interface"). A stream owns its table; an array that the consumer takes keeps the table alive until it is released.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// One column.
pub(crate) enum Column {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    /// Decimal of 38 digits, none after the point.
    I128(Vec<i128>),
    /// One bit a row, least significant first.
    Bool(Vec<u8>),
}

impl Column {
    /// A column of booleans.
    pub(crate) fn bits(values: Vec<bool>) -> Self {
        let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        Self::Bool(values.chunks(8).map(byte).collect())
    }

    fn format(&self) -> &'static CStr {
        match self {
            Self::U8(_) => c"C",
            Self::U16(_) => c"S",
            Self::U32(_) => c"I",
            Self::U64(_) => c"L",
            Self::I64(_) => c"l",
            Self::I128(_) => c"d:38,0",
            Self::Bool(_) => c"b",
        }
    }
    fn pointer(&self) -> *const c_void {
        match self {
            Self::U8(v) | Self::Bool(v) => v.as_ptr().cast(),
            Self::U16(v) => v.as_ptr().cast(),
            Self::U32(v) => v.as_ptr().cast(),
            Self::U64(v) => v.as_ptr().cast(),
            Self::I64(v) => v.as_ptr().cast(),
            Self::I128(v) => v.as_ptr().cast(),
        }
    }
}

/// Columns of one length with their names.
pub(crate) struct Columns {
    pub(crate) len: usize,
    pub(crate) columns: Vec<(&'static str, Column)>,
}

/// A table that polars, DuckDB and pyarrow read through `__arrow_c_stream__`.
#[pyclass(frozen, module = "tiderace._core")]
pub(crate) struct Table {
    columns: Arc<Columns>,
}

impl From<Columns> for Table {
    fn from(columns: Columns) -> Self {
        Self { columns: Arc::new(columns) }
    }
}

#[pymethods]
impl Table {
    fn __len__(&self) -> usize {
        self.columns.len
    }

    #[getter]
    fn columns(&self) -> Vec<&'static str> {
        self.columns.columns.iter().map(|(name, _)| *name).collect()
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The specification lets a producer ignore the request and give its own schema.
        drop(requested_schema);
        let stream = Stream::new(Arc::clone(&self.columns));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }
}

#[repr(C)]
struct Schema {
    format: *const c_char,
    name: *const c_char,
    metadata: *const c_char,
    flags: i64,
    n_children: i64,
    children: *mut *mut Schema,
    dictionary: *mut Schema,
    release: Option<unsafe extern "C" fn(*mut Schema)>,
    private_data: *mut c_void,
}

#[repr(C)]
struct Array {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *mut *const c_void,
    children: *mut *mut Array,
    dictionary: *mut Array,
    release: Option<unsafe extern "C" fn(*mut Array)>,
    private_data: *mut c_void,
}

/// Every function may be null: a consumer that moves a stream out of its capsule may leave zeros behind.
#[repr(C)]
struct Stream {
    get_schema: Option<unsafe extern "C" fn(*mut Stream, *mut Schema) -> c_int>,
    get_next: Option<unsafe extern "C" fn(*mut Stream, *mut Array) -> c_int>,
    get_last_error: Option<unsafe extern "C" fn(*mut Stream) -> *const c_char>,
    release: Option<unsafe extern "C" fn(*mut Stream)>,
    private_data: *mut c_void,
}

#[expect(unsafe_code, reason = "the stream is only touched by the one consumer of its capsule")]
// SAFETY: `private_data` points to a `StreamState` owned by this stream, which is Send (Arc of plain vectors).
unsafe impl Send for Stream {}

struct StreamState {
    columns: Arc<Columns>,
    is_done: bool,
}

/// What a schema node owns.
struct SchemaParts {
    name: CString,
    children: Vec<*mut Schema>,
}

/// What an array node owns.
struct ArrayParts {
    _columns: Arc<Columns>,
    buffers: Vec<*const c_void>,
    children: Vec<*mut Array>,
}

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

impl Stream {
    fn new(columns: Arc<Columns>) -> Self {
        let state = Box::new(StreamState { columns, is_done: false });
        Self {
            get_schema: Some(stream_schema),
            get_next: Some(stream_next),
            get_last_error: Some(stream_error),
            release: Some(stream_release),
            private_data: Box::into_raw(state).cast(),
        }
    }
}

impl Drop for Stream {
    #[expect(unsafe_code, reason = "a stream that no consumer took frees its state")]
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: `self` is a live stream made by `Stream::new` and not yet released.
            unsafe { release(self) }
        }
    }
}

fn schema(name: &str, format: &'static CStr, children: Vec<*mut Schema>) -> Schema {
    let name = CString::new(name).unwrap_or_default();
    let n_children = count(children.len());
    let mut parts = Box::new(SchemaParts { name, children });
    let (name, children) = (parts.name.as_ptr(), parts.children.as_mut_ptr());
    Schema {
        format: format.as_ptr(),
        name,
        metadata: ptr::null(),
        flags: 0,
        n_children,
        children,
        dictionary: ptr::null_mut(),
        release: Some(schema_release),
        private_data: Box::into_raw(parts).cast(),
    }
}

fn array(columns: &Arc<Columns>, buffers: Vec<*const c_void>, children: Vec<*mut Array>) -> Array {
    let (n_buffers, n_children) = (count(buffers.len()), count(children.len()));
    let mut parts = Box::new(ArrayParts { _columns: Arc::clone(columns), buffers, children });
    let (buffers, children) = (parts.buffers.as_mut_ptr(), parts.children.as_mut_ptr());
    Array {
        length: count(columns.len),
        null_count: 0,
        offset: 0,
        n_buffers,
        n_children,
        buffers,
        children,
        dictionary: ptr::null_mut(),
        release: Some(array_release),
        private_data: Box::into_raw(parts).cast(),
    }
}

#[expect(unsafe_code, reason = "Arrow C stream interface")]
// SAFETY: called by the consumer with the stream made above and a place for the schema.
unsafe extern "C" fn stream_schema(stream: *mut Stream, out: *mut Schema) -> c_int {
    // SAFETY: `private_data` is the `StreamState` put there by `Stream::new`, alive until release.
    let state = unsafe { &*(*stream).private_data.cast::<StreamState>() };
    let children = state
        .columns
        .columns
        .iter()
        .map(|(name, column)| Box::into_raw(Box::new(schema(name, column.format(), Vec::new()))))
        .collect();
    // SAFETY: the consumer gives uninitialised memory of the right size.
    unsafe { out.write(schema("", c"+s", children)) };
    0
}

#[expect(unsafe_code, reason = "Arrow C stream interface")]
// SAFETY: called by the consumer with the stream made above and a place for the array.
unsafe extern "C" fn stream_next(stream: *mut Stream, out: *mut Array) -> c_int {
    // SAFETY: `private_data` is the `StreamState` put there by `Stream::new`; one consumer calls at a time.
    let state = unsafe { &mut *(*stream).private_data.cast::<StreamState>() };
    let columns = &state.columns;
    let mut next = if state.is_done {
        array(columns, Vec::new(), Vec::new())
    } else {
        let child =
            |column: &Column| Box::into_raw(Box::new(array(columns, vec![ptr::null(), column.pointer()], Vec::new())));
        array(columns, vec![ptr::null()], columns.columns.iter().map(|(_, column)| child(column)).collect())
    };
    if state.is_done {
        // The end of a stream is an array that is already released.
        release_array(&mut next);
    }
    state.is_done = true;
    // SAFETY: the consumer gives uninitialised memory of the right size.
    unsafe { out.write(next) };
    0
}

#[expect(unsafe_code, reason = "Arrow C stream interface")]
// SAFETY: nothing is read; no call of this stream fails.
unsafe extern "C" fn stream_error(_stream: *mut Stream) -> *const c_char {
    ptr::null()
}

#[expect(unsafe_code, reason = "Arrow C stream interface")]
// SAFETY: called once, by the consumer or by drop, with a live stream.
unsafe extern "C" fn stream_release(stream: *mut Stream) {
    // SAFETY: `private_data` came from `Box::into_raw` in `Stream::new` and is freed once: `release` is cleared.
    unsafe {
        drop(Box::from_raw((*stream).private_data.cast::<StreamState>()));
        (*stream).release = None;
        (*stream).private_data = ptr::null_mut();
    }
}

#[expect(unsafe_code, reason = "Arrow C data interface")]
// SAFETY: called once by the consumer, or by its parent, with a live schema.
unsafe extern "C" fn schema_release(node: *mut Schema) {
    // SAFETY: `private_data` and the children came from `Box::into_raw`; each is freed once.
    unsafe {
        let parts = Box::from_raw((*node).private_data.cast::<SchemaParts>());
        for child in parts.children {
            if let Some(release) = (*child).release {
                release(child);
            }
            drop(Box::from_raw(child));
        }
        (*node).release = None;
    }
}

fn release_array(node: &mut Array) {
    #[expect(unsafe_code, reason = "Arrow C data interface")]
    if let Some(release) = node.release {
        // SAFETY: `node` is a live array made by `array`.
        unsafe { release(node) }
    }
}

#[expect(unsafe_code, reason = "Arrow C data interface")]
// SAFETY: called once by the consumer, or by its parent, with a live array.
unsafe extern "C" fn array_release(node: *mut Array) {
    // SAFETY: `private_data` and the children came from `Box::into_raw`; each is freed once. A child that the consumer
    // moved out has its `release` cleared, and only its shell is freed here.
    unsafe {
        let parts = Box::from_raw((*node).private_data.cast::<ArrayParts>());
        for child in parts.children {
            release_array(&mut *child);
            drop(Box::from_raw(child));
        }
        (*node).release = None;
    }
}
