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
    pub(crate) const fn error(self, kind: WireErrorKind) -> WireError {
        WireError { offset: self.offset, kind }
    }
    /// The whole number, not negative, that is all of the text.
    pub(crate) fn integer(self) -> Result<u64, WireError> {
        let (mut cursor, mut value) = (self.cursor(), 0);
        match cursor.digits(&mut value) {
            0 => Err(self.error(WireErrorKind::BadNumber)),
            _ if !cursor.rest.is_empty() => Err(self.error(WireErrorKind::BadNumber)),
            1..=DIGITS_MAX => Ok(value),
            _ => Err(self.error(WireErrorKind::TooLarge)),
        }
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
        // Nearly every key of Binance's streams is one letter, and nothing stands between it and its colon.
        if let [b'"', letter @ (b'a'..=b'z' | b'A'..=b'Z'), b'"', b':', tail @ ..] = self.rest {
            self.rest = tail;
            return Ok(std::slice::from_ref(letter));
        }
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

    fn skip_digits(&mut self) -> usize {
        self.digits(&mut 0)
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
            if word.starts_with(self.rest) {
                let offset = self.end;
                return Err(WireError { offset, kind: WireErrorKind::Ended });
            }
        }
        Err(self.error(WireErrorKind::BadValue))
    }

    /// An empty value at this place.
    pub(crate) const fn nothing(&self) -> Raw<'a> {
        Raw { text: &[], offset: self.offset() }
    }

    /// Takes digits into `value`, which is right while there are no more than [`DIGITS_MAX`].
    #[inline]
    fn digits(&mut self, value: &mut u64) -> usize {
        let before = self.rest.len();
        while let Some((chunk, tail)) = self.rest.split_first_chunk::<8>() {
            let (count, digits) = eight_digits(u64::from_le_bytes(*chunk));
            let scale = POW10.get(count).copied().unwrap_or(0);
            *value = value.wrapping_mul(scale).wrapping_add(digits);
            if count < 8 {
                self.rest = self.rest.get(count..).unwrap_or_default();
                return before.saturating_sub(self.rest.len());
            }
            self.rest = tail;
        }
        while let Some((byte @ b'0'..=b'9', tail)) = self.rest.split_first() {
            *value = value.wrapping_mul(10).wrapping_add(u64::from(byte.wrapping_sub(b'0')));
            self.rest = tail;
        }
        before.saturating_sub(self.rest.len())
    }

    /// A decimal between quotes, not negative, as an integer of 10^-`keep`, and whether digits beyond were not zero.
    #[inline]
    pub(crate) fn quoted_decimal(&mut self, keep: usize) -> Result<(i64, bool), WireError> {
        self.take(b'"')?;
        let (mut whole, mut fraction) = (0, 0);
        let whole_digits = self.digits(&mut whole);
        let has_point = self.skip_byte_if(|byte| byte == b'.');
        let fraction_digits = if has_point { self.digits(&mut fraction) } else { 0 };
        let is_decimal = whole_digits != 0 && has_point == (fraction_digits != 0);
        if !is_decimal || self.rest.first() != Some(&b'"') {
            return Err(self.error(WireErrorKind::NotDecimal));
        }
        let power = |digits: usize| POW10.get(digits).copied();
        let kept = match fraction_digits.checked_sub(keep) {
            None | Some(0) => power(keep.saturating_sub(fraction_digits)).and_then(|scale| fraction.checked_mul(scale)),
            Some(beyond) => power(beyond).and_then(|scale| fraction.checked_div(scale)),
        };
        let is_finer = match fraction_digits.checked_sub(keep) {
            None | Some(0) => false,
            Some(beyond) => power(beyond).and_then(|scale| fraction.checked_rem(scale)) != Some(0),
        };
        let value = power(keep).and_then(|scale| whole.checked_mul(scale)).zip(kept);
        let value = value.and_then(|(whole, kept)| i64::try_from(whole.checked_add(kept)?).ok());
        match value {
            Some(value) if whole_digits <= DIGITS_MAX && fraction_digits <= DIGITS_MAX => {
                self.rest = self.rest.split_first().map_or(self.rest, |(_, tail)| tail);
                Ok((value, is_finer))
            }
            Some(_) | None => Err(self.error(WireErrorKind::TooLarge)),
        }
    }
}

/// How many of eight bytes are digits before the first that is none, and their value: no branch, no loop.
///
/// Each byte less `0` is at most 9 for a digit; adding 0x76 sets the top bit of any other (a carry out of a byte only
/// reaches bytes behind it, which no longer matter). Then neighbours are joined: ones to tens, hundreds, ten thousands.
#[inline]
fn eight_digits(chunk: u64) -> (usize, u64) {
    let less_zero = chunk ^ 0x3030_3030_3030_3030;
    let others = (less_zero.wrapping_add(0x7676_7676_7676_7676) | less_zero) & 0x8080_8080_8080_8080;
    let bits = others.trailing_zeros() & !7;
    let digits = less_zero.checked_shl(64_u32.saturating_sub(bits)).unwrap_or(0);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    let value = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff;
    (usize::try_from(bits >> 3).unwrap_or(0), value)
}

/// The largest `keep` of [`Cursor::quoted_decimal`].
pub(crate) const KEEP_MAX: usize = 12;
const POW10: [u64; DIGITS_MAX + 1] = {
    let mut table = [1; DIGITS_MAX + 1];
    let mut rest: &mut [u64] = &mut table;
    let mut power: u64 = 1;
    while let Some((first, tail)) = rest.split_first_mut() {
        *first = power;
        power *= 10;
        rest = tail;
    }
    table
};
