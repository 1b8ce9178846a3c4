//! Columns in and out: a slice or one number for all rows, cut into blocks and into shares for threads.

use super::{BLOCK, BlockIn, INPUTS};

/// A column of numbers, or one number for every row.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// A number a row.
    Each(&'a [f64]),
    /// The same number in every row.
    All(f64),
}

/// A column that says which rows are calls, or one answer for every row.
#[derive(Clone, Copy, Debug)]
pub enum Calls<'a> {
    /// True a row for a call.
    Each(&'a [bool]),
    /// The same in every row.
    All(bool),
}

/// Five columns and calls or puts, for [`super::rows_of`].
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The numbers of an option, in the order that the formula takes them.
    pub columns: [Column<'a>; INPUTS],
    /// Calls or puts.
    pub call: Calls<'a>,
}

/// Where results go: `C` columns and the reasons, all of one length. An empty column is not asked for.
#[derive(Debug)]
pub struct Rows<'a, const C: usize> {
    /// The results; NaN where there is a reason.
    pub columns: [&'a mut [f64]; C],
    /// Codes of [`tiderace_types::Reason`]; 0 where there is a result.
    pub reason: &'a mut [u16],
}

/// A column was not as long as the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthMismatch {
    /// Rows of the reason column.
    pub rows: usize,
    /// Rows of the column that differs.
    pub column: usize,
}

impl Column<'_> {
    pub(super) const fn len(&self) -> Option<usize> {
        match self {
            Self::Each(values) => Some(values.len()),
            Self::All(_) => None,
        }
    }

    pub(super) fn split_at(self, row: usize) -> (Self, Self) {
        match self {
            Self::Each(values) => {
                let (head, tail) = values.split_at(row);
                (Self::Each(head), Self::Each(tail))
            }
            Self::All(_) => (self, self),
        }
    }

    fn load(self, to: &mut [f64; BLOCK]) {
        match self {
            Self::Each(values) => to.iter_mut().zip(values).for_each(|(to, from)| *to = *from),
            Self::All(value) => to.fill(value),
        }
    }
}

impl Calls<'_> {
    pub(super) const fn len(&self) -> Option<usize> {
        match self {
            Self::Each(values) => Some(values.len()),
            Self::All(_) => None,
        }
    }

    pub(super) fn split_at(self, row: usize) -> (Self, Self) {
        match self {
            Self::Each(values) => {
                let (head, tail) = values.split_at(row);
                (Self::Each(head), Self::Each(tail))
            }
            Self::All(_) => (self, self),
        }
    }
}

impl Inputs<'_> {
    pub(super) fn split_at(self, row: usize) -> (Self, Self) {
        let halves = self.columns.map(|column| column.split_at(row));
        let calls = self.call.split_at(row);
        (
            Self { columns: halves.map(|(head, _)| head), call: calls.0 },
            Self { columns: halves.map(|(_, tail)| tail), call: calls.1 },
        )
    }

    /// Fills a block; the rows of a short last block beyond its end keep what stood there.
    pub(super) fn load(self, block: &mut BlockIn) {
        for (to, from) in block.columns.iter_mut().zip(self.columns) {
            from.load(to);
        }
        let sign = |call: bool| if call { 1.0 } else { -1.0 };
        match self.call {
            Calls::Each(values) => {
                block.sign.iter_mut().zip(values).for_each(|(to, call)| *to = sign(*call));
            }
            Calls::All(call) => block.sign.fill(sign(call)),
        }
    }
}

impl<'a, const C: usize> Rows<'a, C> {
    pub(super) fn split_at(self, row: usize) -> (Self, Self) {
        let (reason, reason_rest) = self.reason.split_at_mut(row);
        let mut rest: [&'a mut [f64]; C] = std::array::from_fn(|_| Default::default());
        let mut tails = rest.iter_mut();
        let columns = self.columns.map(|column| {
            let middle = row.min(column.len());
            let (head, tail) = column.split_at_mut(middle);
            if let Some(to) = tails.next() {
                *to = tail;
            }
            head
        });
        (Self { columns, reason }, Self { columns: rest, reason: reason_rest })
    }
}
