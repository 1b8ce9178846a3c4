//! Recordings on disk: text lines of `<local receive time, ns since 1970 UTC> <what the venue sent>`, plain or gzip.
//!
//! [`read`] gives the whole text or an error, never a part: a gzip that ends early, a corrupt one, an empty one, and one
//! that inflates beyond [`INFLATED_BYTES_MAX`] are refused. [`Lines`] walks the text and refuses a line without its time.
//! [`RecordingError`] is also what a codec answers when a file is cut in the middle of a line.

use std::io::Read;
use std::path::Path;

use crate::FileHash;

/// Most bytes that one file may have, stored and inflated. At the limit the file is refused: split it.
pub const INFLATED_BYTES_MAX: u64 = 4 << 30;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// Why a recording is not usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingError {
    /// No such file.
    Missing {
        /// Path.
        file: String,
    },
    /// The system refuses it.
    Unreadable {
        /// Path.
        file: String,
        /// What the system says.
        error: std::io::ErrorKind,
    },
    /// No line in it.
    Empty {
        /// Path.
        file: String,
    },
    /// The gzip stream ends before its end mark.
    GzipCut {
        /// Path.
        file: String,
        /// Bytes that could be inflated.
        inflated: u64,
    },
    /// The gzip stream is damaged.
    GzipCorrupt {
        /// Path.
        file: String,
        /// Bytes that could be inflated.
        inflated: u64,
    },
    /// Stored or inflated, it is too large.
    TooLarge {
        /// Path.
        file: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file ends in the middle of a line.
    CutLine {
        /// Path.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// A line does not start with a time in nanoseconds and a space.
    BadLocalTime {
        /// Path.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// No line is a depth message of the instrument.
    NoDepth {
        /// Its symbol.
        symbol: String,
        /// Lines read.
        lines: u64,
    },
    /// A file starts before the one named ahead of it ends.
    OutOfOrder {
        /// Path.
        file: String,
        /// Its first local time.
        ts_first_ns: i64,
        /// Last local time of the file ahead.
        ts_last_ns: i64,
    },
}

impl core::fmt::Display for RecordingError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Missing { file } => write!(f, "{file} does not exist: check the path and TIDERACE_DATA (or --data)"),
            Self::Unreadable { file, error } => write!(f, "{file} cannot be read ({error}): check its rights"),
            Self::Empty { file } => write!(f, "{file} holds no line: a recording has at least one; record it again"),
            Self::GzipCut { file, inflated } => write!(
                f,
                "{file} is cut short: its gzip stream ends after {inflated} inflated bytes without its end mark; \
                 copy the file again"
            ),
            Self::GzipCorrupt { file, inflated } => write!(
                f,
                "{file} is damaged: its gzip stream cannot be inflated past {inflated} bytes; copy the file again"
            ),
            Self::TooLarge { file, limit } => {
                write!(
                    f,
                    "{file} is larger than {limit} bytes, the most that is read at once; split it into more files"
                )
            }
            Self::CutLine { file, line } => write!(
                f,
                "{file} ends in the middle of line {line}: each line ends with its message and a newline; \
                 copy the file again, or remove that line"
            ),
            Self::BadLocalTime { file, line } => write!(
                f,
                "line {line} of {file} does not start with a receive time in nanoseconds since 1970 and a space; \
                 correct or remove that line"
            ),
            Self::NoDepth { symbol, lines } => write!(
                f,
                "none of the {lines} lines is a depth message of {symbol} on this market: a book needs its own symbol's \
                 and market's updates; correct symbol, feed or files"
            ),
            Self::OutOfOrder { file, ts_first_ns, ts_last_ns } => write!(
                f,
                "{file} starts at {ts_first_ns}, before the file ahead of it ends at {ts_last_ns}: \
                 name the files of a recording in order of time, each once"
            ),
        }
    }
}

impl std::error::Error for RecordingError {}

/// Reads a recording whole, inflated where it is gzip, with the hash of the file as stored.
///
/// # Errors
/// [`RecordingError`].
pub fn read(path: &Path) -> Result<(Vec<u8>, FileHash), RecordingError> {
    let file = path.display().to_string();
    let stored = read_stored(path, &file, INFLATED_BYTES_MAX)?;
    let hash = FileHash::of_bytes(&file, &stored);
    let is_gzip = stored.starts_with(GZIP_MAGIC) || path.extension().is_some_and(|ext| ext == "gz");
    let text = if is_gzip { inflate(&stored, &file, INFLATED_BYTES_MAX)? } else { stored };
    if text.is_empty() { Err(RecordingError::Empty { file }) } else { Ok((text, hash)) }
}

fn read_stored(path: &Path, file: &str, limit: u64) -> Result<Vec<u8>, RecordingError> {
    let unreadable = |error: std::io::Error| {
        let (file, error) = (file.to_owned(), error.kind());
        if error == std::io::ErrorKind::NotFound {
            RecordingError::Missing { file }
        } else {
            RecordingError::Unreadable { file, error }
        }
    };
    let mut source = std::fs::File::open(path).map_err(unreadable)?;
    let length = source.metadata().map_err(unreadable)?.len();
    if length > limit {
        return Err(RecordingError::TooLarge { file: file.to_owned(), limit });
    }
    let mut stored = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    source.read_to_end(&mut stored).map_err(unreadable)?;
    Ok(stored)
}

/// Inflates gzip members one after the other, as gzip itself does.
fn inflate(stored: &[u8], file: &str, limit: u64) -> Result<Vec<u8>, RecordingError> {
    if stored.is_empty() {
        return Err(RecordingError::Empty { file: file.to_owned() });
    }
    let mut text = Vec::with_capacity(stored.len().saturating_mul(8));
    let result = flate2::read::MultiGzDecoder::new(stored).take(limit.saturating_add(1)).read_to_end(&mut text);
    let inflated = u64::try_from(text.len()).unwrap_or(u64::MAX);
    let file = file.to_owned();
    match result {
        Ok(_) if inflated > limit => Err(RecordingError::TooLarge { file, limit }),
        Ok(_) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(RecordingError::GzipCut { file, inflated })
        }
        Err(_) => Err(RecordingError::GzipCorrupt { file, inflated }),
    }
}

/// One line of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number, from 1.
    pub number: u64,
    /// When it was received, nanoseconds since 1970 UTC on the recorder's clock.
    pub ts_recv_ns: i64,
    /// What was received.
    pub message: &'a [u8],
    /// Whether a newline closes it.
    pub is_closed: bool,
    /// Whether it is the last of its file.
    pub is_last: bool,
}

/// A line without its time; the codec that walks the lines adds the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineError {
    /// Its number, from 1.
    pub number: u64,
    /// Whether the file ended within it.
    pub is_cut: bool,
}

impl LineError {
    /// This error as one of `file`.
    #[must_use]
    pub fn of(self, file: &str) -> RecordingError {
        let (file, line) = (file.to_owned(), self.number);
        if self.is_cut { RecordingError::CutLine { file, line } } else { RecordingError::BadLocalTime { file, line } }
    }
}

/// The lines of a recording.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    rest: &'a [u8],
    number: u64,
}

impl<'a> Lines<'a> {
    /// Walks `text`.
    #[must_use]
    pub const fn new(text: &'a [u8]) -> Self {
        Self { rest: text, number: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<Line<'a>, LineError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let newline = memchr::memchr(b'\n', self.rest);
        let (text, tail) = match newline.and_then(|at| self.rest.split_at_checked(at)) {
            Some((text, tail)) => (text, tail.split_first().map_or(tail, |(_, tail)| tail)),
            None => (self.rest, self.rest.get(self.rest.len()..).unwrap_or_default()),
        };
        self.rest = tail;
        self.number = self.number.saturating_add(1);
        let is_closed = newline.is_some();
        Some(match local_time(text) {
            Some((ts_recv_ns, message)) => {
                Ok(Line { number: self.number, ts_recv_ns, message, is_closed, is_last: self.rest.is_empty() })
            }
            None => Err(LineError { number: self.number, is_cut: !is_closed }),
        })
    }
}

/// Most digits of a local time: 19 reach the year 2262, where an i64 of nanoseconds ends.
const LOCAL_TIME_DIGITS_MAX: usize = 19;

#[inline]
fn local_time(text: &[u8]) -> Option<(i64, &[u8])> {
    let mut ns: i64 = 0;
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let digits = text.len().checked_sub(rest.len())?;
            let is_time = *byte == b' ' && (1..=LOCAL_TIME_DIGITS_MAX).contains(&digits);
            return is_time.then_some((ns, tail));
        }
        ns = ns.checked_mul(10)?.checked_add(i64::from(digit))?;
        rest = tail;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn with_file<T>(name: &str, bytes: &[u8], run: impl FnOnce(&Path) -> T) -> T {
        let path = std::env::temp_dir().join(format!("tiderace-recording-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let result = run(&path);
        std::fs::remove_file(&path).unwrap();
        result
    }

    #[test]
    fn plain_and_gzip_give_the_same_text() {
        let text = b"1 {}\n2 {}\n".repeat(1000);
        let plain = with_file("a.raw", &text, |path| read(path).unwrap());
        let packed = with_file("a.raw.gz", &gzip(&text), |path| read(path).unwrap());
        assert_eq!(plain.0, text);
        assert_eq!(packed.0, text);
        assert_eq!(plain.1.bytes, 10_000);
        let two_members = [gzip(b"1 {}\n"), gzip(b"2 {}\n")].concat();
        assert_eq!(with_file("b.raw.gz", &two_members, |path| read(path).unwrap().0), b"1 {}\n2 {}\n");
    }

    #[test]
    fn what_cannot_be_read_whole_is_refused_with_its_reason() {
        let missing = read(Path::new("/nowhere/x.raw.gz")).unwrap_err();
        assert!(matches!(missing, RecordingError::Missing { .. }));
        for (name, bytes) in [("c.raw", vec![]), ("c.raw.gz", vec![]), ("d.raw.gz", gzip(b""))] {
            let error = with_file(name, &bytes, |path| read(path).unwrap_err());
            assert!(matches!(error, RecordingError::Empty { .. }), "{name}: {error:?}");
        }
        let packed = gzip(&b"1723161256172216566 {\"u\":1}\n".repeat(500));
        for cut in [5, 15, packed.len() / 2, packed.len() - 1] {
            let error = with_file("e.raw.gz", &packed[..cut], |path| read(path).unwrap_err());
            assert!(matches!(error, RecordingError::GzipCut { .. }), "{cut}: {error:?}");
        }
        let mut damaged = packed.clone();
        let at = damaged.len() - 6;
        damaged[at] ^= 0xff;
        let error = with_file("f.raw.gz", &damaged, |path| read(path).unwrap_err());
        assert!(matches!(error, RecordingError::GzipCorrupt { .. }), "{error:?}");
        assert!(matches!(inflate(&packed, "g", 1000), Err(RecordingError::TooLarge { limit: 1000, .. })));
        let error = with_file("h.raw", b"12345", |path| read_stored(path, "h", 4).unwrap_err());
        assert!(matches!(error, RecordingError::TooLarge { limit: 4, .. }));
    }

    #[test]
    fn lines_carry_time_number_and_whether_they_are_closed() {
        let lines: Vec<_> = Lines::new(b"12 a\n13 b c").map(Result::unwrap).collect();
        assert_eq!(lines[0], Line { number: 1, ts_recv_ns: 12, message: b"a", is_closed: true, is_last: false });
        assert_eq!(lines[1], Line { number: 2, ts_recv_ns: 13, message: b"b c", is_closed: false, is_last: true });
    }

    #[test]
    fn a_line_without_its_time_is_refused() {
        for text in ["{}\n", " 1 {}\n", "1x {}\n", "99999999999999999999 {}\n", "-1 {}\n", "\n", "12\n"] {
            let error = Lines::new(text.as_bytes()).next().unwrap().unwrap_err();
            assert!(matches!(error.of("f"), RecordingError::BadLocalTime { line: 1, .. }), "{text}");
        }
        let error = Lines::new(b"1 {}\n172").nth(1).unwrap().unwrap_err();
        assert!(matches!(error.of("f"), RecordingError::CutLine { line: 2, .. }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_their_end(bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b' '), b'0'..=b'9', any::<u8>()], 0..100)) {
            prop_assert!(Lines::new(&bytes).count() <= bytes.len());
            let _ = inflate(&bytes, "x", 1000);
        }
    }
}
