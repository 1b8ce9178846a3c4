//! What comes out of the desk: digested for the journal, kept by kind for tables. A run and its replay share this code,
//! so that they can differ only in what the desk put out.

use tiderace_journal::OutputsDigest;
use tiderace_types::{Output, Ts};

use crate::OutputLog;

/// Digest and log of all outputs.
#[derive(Default)]
pub(crate) struct Emitter {
    pub(crate) digest: OutputsDigest,
    pub(crate) log: OutputLog,
}

impl Emitter {
    /// Takes in the outputs of the input `seq`.
    pub(crate) fn emit(&mut self, seq: u64, ts: Ts, outputs: &[Output]) {
        for output in outputs {
            let record = self.log.push(seq, ts, output);
            self.digest.push(seq, ts.get(), output.kind(), |bytes| bytes.extend_from_slice(record));
        }
    }
}
