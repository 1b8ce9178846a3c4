//! A cursor over the bytes of one JSON text: what the decoder needs of RFC 8259, nothing built, nothing allocated.
//!
//! It never reads past the end and never panics; every refusal names the byte. Strings come back raw: a key or value
//! that Binance spells with escapes is not one of those that the decoder knows.

use crate::wire::{WireError, WireErrorKind};

/// How deep unknown values may nest. Binance's own messages nest four deep.
const DEPTH_MAX: u32 = 64;
/// Digits that always fit a u64, and an i64 too.
const DIGITS_MAX: usize = 18;

/// A value's text, and where in the message it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a> {
    pub(crate) text: &'a [u8],
    offset: usize,
}

impl<'a> Raw<'a> {
    pub(crate) fn cursor(self) -> Cursor<'a> {
        Cursor { end: self.offset.saturating_add(self.text.len()), rest: self.text }
    }
    /// The inside of a string; of anything else, its text.
    pub(crate) fn unquoted(self) -> &'a [u8] {
        match self.text {
            [b'"', inside @ .., b'"'] => inside,
            text => text,
        }
    }
    pub(crate) fn error(self, kind: WireErrorKind) -> WireError {
        WireError { offset: self.offset, kind }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    /// Offset in the message at which `rest` ends.
    end: usize,
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { end: text.len(), rest: text }
    }

    pub(crate) const fn offset(&self) -> usize {
        self.end.saturating_sub(self.rest.len())
    }

    #[cold]
    pub(crate) fn error(&self, kind: WireErrorKind) -> WireError {
        let kind = if self.rest.is_empty() { WireErrorKind::Ended } else { kind };
        WireError { offset: self.offset(), kind }
    }

    /// The next byte that is not white space, not yet taken.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some((byte, tail)) = self.rest.split_first() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.rest = tail,
                byte => return Some(*byte),
            }
        }
        None
    }

    #[inline]
    pub(crate) fn try_take(&mut self, wanted: u8) -> bool {
        let is_next = self.peek() == Some(wanted);
        if is_next {
            self.rest = self.rest.split_first().map_or(self.rest, |(_, tail)| tail);
        }
        is_next
    }

    #[inline]
    pub(crate) fn take(&mut self, wanted: u8) -> Result<(), WireError> {
        if self.try_take(wanted) { Ok(()) } else { Err(self.error(WireErrorKind::Expected(char::from(wanted)))) }
    }

    /// Nothing but white space may follow.
    pub(crate) fn finish(&mut self) -> Result<(), WireError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.error(WireErrorKind::Trailing)) }
    }

    /// A member's key and its colon.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<&'a [u8], WireError> {
        let key = self.string()?;
        self.take(b':')?;
        Ok(key)
    }

    /// A string's raw inside.
    #[inline]
    fn string(&mut self) -> Result<&'a [u8], WireError> {
        self.take(b'"')?;
        let inside = self.rest;
        loop {
            match self.rest.split_first() {
                Some((b'"', tail)) => {
                    let len = inside.len().saturating_sub(self.rest.len());
                    self.rest = tail;
                    return Ok(inside.get(..len).unwrap_or_default());
                }
                Some((b'\\', tail)) => {
                    self.rest = tail;
                    self.escape()?;
                }
                Some((0..=0x1f, _)) | None => return Err(self.error(WireErrorKind::BadString)),
                Some((_, tail)) => self.rest = tail,
            }
        }
    }

    #[cold]
    fn escape(&mut self) -> Result<(), WireError> {
        self.rest = match self.rest {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', tail @ ..] => tail,
            [b'u', a, b, c, d, tail @ ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_hexdigit()) => tail,
            _ => return Err(self.error(WireErrorKind::BadString)),
        };
        Ok(())
    }

    /// One whole value of any kind, checked and passed over.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Raw<'a>, WireError> {
        let first = self.peek();
        let (text, offset) = (self.rest, self.offset());
        match first {
            Some(b'"') => self.string().map(|_| ())?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.other(0)?,
        }
        let len = text.len().saturating_sub(self.rest.len());
        Ok(Raw { text: text.get(..len).unwrap_or_default(), offset })
    }

    #[inline]
    fn skip_digits(&mut self) -> usize {
        let before = self.rest.len();
        while let Some((b'0'..=b'9', tail)) = self.rest.split_first() {
            self.rest = tail;
        }
        before.saturating_sub(self.rest.len())
    }

    fn skip_byte_if(&mut self, is_wanted: impl Fn(u8) -> bool) -> bool {
        match self.rest.split_first() {
            Some((byte, tail)) if is_wanted(*byte) => {
                self.rest = tail;
                true
            }
            Some(_) | None => false,
        }
    }

    fn number(&mut self) -> Result<(), WireError> {
        self.skip_byte_if(|byte| byte == b'-');
        if !self.skip_byte_if(|byte| byte == b'0') && self.skip_digits() == 0 {
            return Err(self.error(WireErrorKind::BadNumber));
        }
        if self.skip_byte_if(|byte| byte == b'.') && self.skip_digits() == 0 {
            return Err(self.error(WireErrorKind::BadNumber));
        }
        if self.skip_byte_if(|byte| byte == b'e' || byte == b'E') {
            self.skip_byte_if(|byte| byte == b'+' || byte == b'-');
            if self.skip_digits() == 0 {
                return Err(self.error(WireErrorKind::BadNumber));
            }
        }
        Ok(())
    }

    /// A literal, an array or an object.
    fn other(&mut self, depth: u32) -> Result<(), WireError> {
        if depth > DEPTH_MAX {
            return Err(self.error(WireErrorKind::TooDeep));
        }
        let (is_object, close) = match self.peek() {
            Some(b'"') => return self.string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => return self.number(),
            Some(b'{') => (true, b'}'),
            Some(b'[') => (false, b']'),
            Some(_) | None => return self.literal(),
        };
        self.rest = self.rest.split_first().map_or(self.rest, |(_, tail)| tail);
        if self.try_take(close) {
            return Ok(());
        }
        loop {
            if is_object {
                self.key()?;
            }
            self.other(depth.saturating_add(1))?;
            if !self.try_take(b',') {
                return self.take(close);
            }
        }
    }

    fn literal(&mut self) -> Result<(), WireError> {
        for word in [&b"true"[..], b"false", b"null"] {
            if let Some(tail) = self.rest.strip_prefix(word) {
                self.rest = tail;
                return Ok(());
            }
        }
        Err(self.error(WireErrorKind::BadValue))
    }

    /// An empty value at this place.
    pub(crate) const fn nothing(&self) -> Raw<'a> {
        Raw { text: &[], offset: self.offset() }
    }

    /// All of the text as a whole number, not negative.
    pub(crate) fn whole_integer(mut self) -> Result<u64, WireError> {
        let mut value = 0;
        match self.digits(&mut value) {
            _ if !self.rest.is_empty() => Err(self.error(WireErrorKind::BadNumber)),
            1..=DIGITS_MAX => Ok(value),
            0 => Err(self.error(WireErrorKind::BadNumber)),
            _ => Err(self.error(WireErrorKind::TooLarge)),
        }
    }

    /// Takes digits into `value`, which is right while there are no more than [`DIGITS_MAX`].
    #[inline]
    fn digits(&mut self, value: &mut u64) -> usize {
        let (mut rest, mut sum) = (self.rest, *value);
        while let Some((byte, tail)) = rest.split_first() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            sum = sum.wrapping_mul(10).wrapping_add(u64::from(digit));
            rest = tail;
        }
        let count = self.rest.len().saturating_sub(rest.len());
        (self.rest, *value) = (rest, sum);
        count
    }

    /// A decimal between quotes, not negative, as an integer of 10^-`keep`, and whether digits beyond were not zero.
    #[inline]
    pub(crate) fn quoted_decimal(&mut self, keep: usize) -> Result<(i64, bool), WireError> {
        self.take(b'"')?;
        let mut value = 0;
        let whole = self.digits(&mut value);
        let (mut kept, mut is_finer) = (0, false);
        if whole != 0 && self.skip_byte_if(|byte| byte == b'.') {
            let (fraction, beyond) = self.rest.split_at_checked(keep).unwrap_or((self.rest, &[]));
            let mut head = Cursor { end: 0, rest: fraction };
            kept = head.digits(&mut value);
            self.rest = if head.rest.is_empty() { beyond } else { self.rest.get(kept..).unwrap_or_default() };
            let mut tail = 0;
            let extra = self.digits(&mut tail);
            is_finer = tail != 0 || extra > DIGITS_MAX;
            if kept == 0 && extra == 0 {
                return Err(self.error(WireErrorKind::NotDecimal));
            }
        }
        if whole == 0 || self.rest.first() != Some(&b'"') {
            return Err(self.error(WireErrorKind::NotDecimal));
        }
        let scaled = POW10.get(keep.saturating_sub(kept)).and_then(|scale| value.checked_mul(*scale));
        let fits = whole.saturating_add(kept) <= DIGITS_MAX;
        let Some(value) = scaled.and_then(|value| i64::try_from(value).ok()).filter(|_| fits) else {
            return Err(self.error(WireErrorKind::TooLarge));
        };
        self.rest = self.rest.split_first().map_or(self.rest, |(_, tail)| tail);
        Ok((value, is_finer))
    }
}

/// The largest `keep` of [`Cursor::quoted_decimal`].
pub(crate) const KEEP_MAX: usize = 12;
const POW10: [u64; KEEP_MAX + 1] = {
    let mut table = [1; KEEP_MAX + 1];
    let mut rest: &mut [u64] = &mut table;
    let mut power: u64 = 1;
    while let Some((first, tail)) = rest.split_first_mut() {
        *first = power;
        power *= 10;
        rest = tail;
    }
    table
};
