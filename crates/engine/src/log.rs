//! The outputs of a run, kept by kind as fixed rows: what tables and reports are made of.

use tiderace_types::{Output, Ts};

/// Rows of every output kind: sequence u64, time i64, then the record's bytes.
#[derive(Clone, Debug, Default)]
pub struct OutputLog {
    rows: Vec<Vec<u8>>,
}

impl OutputLog {
    /// Bytes of a row before the record's own.
    pub const ROW_HEADER_LEN: usize = 16;

    /// Takes in one output. Gives the record's bytes.
    pub fn push(&mut self, seq: u64, ts: Ts, output: &Output) -> &[u8] {
        let index = usize::from(output.kind().saturating_sub(Self::first_kind()));
        if self.rows.len() <= index {
            self.rows.resize_with(index.saturating_add(1), Vec::new);
        }
        let Some(rows) = self.rows.get_mut(index) else { return &[] };
        rows.extend_from_slice(&seq.to_le_bytes());
        rows.extend_from_slice(&ts.get().to_le_bytes());
        let record = rows.len();
        output.encode(rows);
        rows.get(record..).unwrap_or_default()
    }

    /// The rows of a kind, one after the other.
    #[must_use]
    pub fn rows(&self, kind: u16) -> &[u8] {
        let index = usize::from(kind.saturating_sub(Self::first_kind()));
        self.rows.get(index).map_or(&[], Vec::as_slice)
    }

    fn first_kind() -> u16 {
        Output::TABLE.first().map_or(0, |(kind, _, _)| *kind)
    }
}
