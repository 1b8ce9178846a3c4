//! Reads fixed-width values from bytes that nobody vouches for.

use super::limits;
use crate::error::{At, Fault, FormError};

/// Bytes and how far they are read.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(super) const fn fault(&self, fault: Fault) -> FormError {
        FormError { fault, at: At::Byte(self.at) }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], FormError> {
        let end = self.at.checked_add(count);
        let Some(taken) = end.and_then(|end| self.bytes.get(self.at..end)) else {
            return Err(self.fault(Fault::Truncated));
        };
        self.at = self.at.saturating_add(count);
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FormError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, FormError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, FormError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, FormError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, FormError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, FormError> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn i128(&mut self) -> Result<i128, FormError> {
        self.array().map(i128::from_le_bytes)
    }

    /// A count of things, refused before anything is stored for it.
    pub(super) fn count(&self, count: impl Into<u64>, max: usize, what: &'static str) -> Result<usize, FormError> {
        let (count, max_u64) = (count.into(), u64::try_from(max).unwrap_or(u64::MAX));
        match usize::try_from(count) {
            Ok(fits) if count <= max_u64 => Ok(fits),
            _ => Err(self.fault(Fault::TooMany { what, count, max: max_u64 })),
        }
    }

    pub(super) fn text(&mut self, what: &'static str) -> Result<String, FormError> {
        let len = self.u8()?.into();
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| self.fault(Fault::Text(what)))
    }

    pub(super) fn identifier(&mut self, what: &'static str) -> Result<String, FormError> {
        let text = self.text(what)?;
        let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
        let is_name = text.starts_with(is_start) && text.chars().all(|c| is_start(c) || c.is_ascii_digit());
        if is_name && text.len() <= limits::NAME_BYTES { Ok(text) } else { Err(self.fault(Fault::Text(what))) }
    }

    pub(super) fn word(&mut self, what: &'static str) -> Result<String, FormError> {
        let text = self.text(what)?;
        let is_word = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.:*-".contains(&b));
        let is_sized = (1..=limits::NAME_BYTES).contains(&text.len());
        if is_word && is_sized { Ok(text) } else { Err(self.fault(Fault::Text(what))) }
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), FormError> {
        match self.bytes.len().saturating_sub(self.at) {
            0 => Ok(()),
            left => Err(self.fault(Fault::LeftOver(left))),
        }
    }
}
