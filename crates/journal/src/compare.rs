//! Two journals side by side: the first record in which they differ.

use std::path::Path;

use crate::{Batch, JournalError, Reader};

/// Where two journals part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// First sequence at which they differ.
    pub seq: u64,
    /// First byte of that record in the first journal; `None` where it has ended.
    pub offset: Option<u64>,
}

/// The first record in which two journals differ (kind, time or payload), or `None` where all are equal. How the
/// records are cut into batches makes no difference.
///
/// # Errors
/// [`JournalError`] of either.
pub fn first_difference(left: &Path, right: &Path) -> Result<Option<Difference>, JournalError> {
    let (mut left, mut right) = (Records::open(left)?, Records::open(right)?);
    let mut seq = 0_u64;
    loop {
        let (a, b) = (left.next()?, right.next()?);
        let is_same = match (&a, &b) {
            (None, None) => return Ok(None),
            (Some(a), Some(b)) => (a.kind, a.ts, &a.payload) == (b.kind, b.ts, &b.payload),
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !is_same {
            return Ok(Some(Difference { seq, offset: a.map(|record| record.offset) }));
        }
        seq = seq.saturating_add(1);
    }
}

struct Owned {
    offset: u64,
    kind: u16,
    ts: i64,
    payload: Vec<u8>,
}

/// The records of a journal one after the other.
struct Records {
    reader: Reader,
    ready: std::vec::IntoIter<Owned>,
}

impl Records {
    fn open(path: &Path) -> Result<Self, JournalError> {
        Ok(Self { reader: Reader::open(path)?, ready: Vec::new().into_iter() })
    }

    fn next(&mut self) -> Result<Option<Owned>, JournalError> {
        loop {
            if let Some(record) = self.ready.next() {
                return Ok(Some(record));
            }
            let Some(batch) = self.reader.next_batch()? else { return Ok(None) };
            self.ready = owned(&batch).into_iter();
        }
    }
}

fn owned(batch: &Batch) -> Vec<Owned> {
    let records = batch.records();
    records
        .map(|r| Owned { offset: r.offset, kind: r.header.kind, ts: r.header.ts, payload: r.payload.to_vec() })
        .collect()
}
