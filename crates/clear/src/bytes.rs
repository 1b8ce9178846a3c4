//! Lists and tables as bytes: their length, then their rows.

use tiderace_types::{DecodeError, Field};

pub(crate) const fn bad(field: &'static str) -> DecodeError {
    DecodeError::BadValue { field }
}

pub(crate) fn put_len(len: usize, out: &mut Vec<u8>) {
    u64::try_from(len).unwrap_or(u64::MAX).put(out);
}

/// Reads a list; each item takes a byte at least, so a length beyond the bytes ends in an error before memory does.
pub(crate) fn take_list<T>(
    bytes: &mut &[u8],
    take: impl Fn(&mut &[u8]) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let len = u64::take(bytes)?;
    let mut list = Vec::new();
    for _ in 0..len {
        list.push(take(bytes)?);
    }
    Ok(list)
}

/// Fills a table whose length the genesis says.
pub(crate) fn take_into<T>(
    table: &mut [T],
    bytes: &mut &[u8],
    take: impl Fn(&mut &[u8]) -> Result<T, DecodeError>,
) -> Result<(), DecodeError> {
    if u64::take(bytes)? != u64::try_from(table.len()).unwrap_or(u64::MAX) {
        return Err(bad("a table of another genesis"));
    }
    for row in table {
        *row = take(bytes)?;
    }
    Ok(())
}

/// An option as a flag and its value.
pub(crate) fn put_option<T: Field + Default + Copy>(value: Option<T>, out: &mut Vec<u8>) {
    value.is_some().put(out);
    value.unwrap_or_default().put(out);
}

pub(crate) fn take_option<T: Field>(bytes: &mut &[u8]) -> Result<Option<T>, DecodeError> {
    let is_some = bool::take(bytes)?;
    let value = T::take(bytes)?;
    Ok(is_some.then_some(value))
}
