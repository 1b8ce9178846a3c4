//! Journal, then apply, then emit.
//!
//! A run of market records is journaled by reference, as one record, when anything else comes in (or the run is long);
//! the outputs of its records carry the sequence that the reference then gets. Everything else is journaled before the
//! desk sees it. A batch is handed to the operating system when it is full: durability mode `os`.

use tiderace_journal::{JournalError, Writer};
use tiderace_types::input::{End, MarketData};
use tiderace_types::{Input, MarketEvent, Output, Ts};

use crate::emit::Emitter;
use crate::{Desk, OutputLog};

/// Kind of the first record of a journal: the genesis JSON.
pub const KIND_GENESIS: u16 = 1;
/// Kind of the last record of a journal that was closed: the digest of all outputs, then their number.
pub const KIND_SEAL: u16 = 0x7fff;
/// A reference to market data covers at most this many records.
pub const MARKET_RUN_MAX: u32 = 1 << 20;

/// A desk with a journal under it.
pub struct Engine {
    desk: Desk,
    writer: Option<Writer>,
    emitter: Emitter,
    /// Digest of all outputs before the open batch.
    batch_digest: [u8; 32],
    out: Vec<Output>,
    payload: Vec<u8>,
    seq: u64,
    run: MarketRun,
    inputs: u64,
    events: u64,
}

/// Market records applied and not yet journaled.
#[derive(Clone, Copy, Debug, Default)]
struct MarketRun {
    offset: u64,
    count: u32,
    ts: Ts,
    outputs_crc: u32,
}

impl Engine {
    /// A desk over `writer` (none: nothing is journaled), whose first record becomes `genesis`.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn new(desk: Desk, genesis: &str, writer: Option<Writer>) -> Result<Self, JournalError> {
        let mut emitter = Emitter::default();
        let batch_digest = emitter.digest.digest();
        let mut engine = Self {
            desk,
            writer,
            emitter,
            batch_digest,
            out: Vec::with_capacity(256),
            payload: Vec::with_capacity(256),
            seq: 0,
            run: MarketRun::default(),
            inputs: 0,
            events: 0,
        };
        engine.append(KIND_GENESIS, Ts::ZERO, 0, genesis.as_bytes())?;
        Ok(engine)
    }

    /// The desk, to look at.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// What the last call put out.
    #[must_use]
    pub fn outputs(&self) -> &[Output] {
        &self.out
    }

    /// All outputs of the run, by kind.
    #[must_use]
    pub fn into_log(self) -> OutputLog {
        self.emitter.log
    }

    /// All outputs so far, by kind.
    #[must_use]
    pub fn log(&self) -> &OutputLog {
        &self.emitter.log
    }

    /// Sequence of the input that is being applied, or that comes next: what an answer names as its cause.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Inputs journaled, market references included.
    #[must_use]
    pub fn inputs(&self) -> u64 {
        self.inputs
    }

    /// Market records applied.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Digest of all outputs so far.
    #[must_use]
    pub fn digest(&mut self) -> [u8; 32] {
        self.emitter.digest.digest()
    }

    /// CRC of all outputs so far.
    #[must_use]
    pub fn outputs_crc(&self) -> u32 {
        self.emitter.digest.crc()
    }

    /// Applies the market record at `index` of the tape.
    ///
    /// # Errors
    /// [`JournalError`].
    #[inline]
    pub fn market(&mut self, index: u64, event: &MarketEvent) -> Result<(), JournalError> {
        if self.run.count == 0 {
            self.close_full_batch()?;
            self.run.offset = index;
            self.run.outputs_crc = self.emitter.digest.crc();
        }
        self.run.count = self.run.count.saturating_add(1);
        self.run.ts = event.ts_recv;
        self.out.clear();
        self.desk.on_market(event, &mut self.out);
        self.emitter.emit(self.seq, event.ts_recv, &self.out);
        if self.run.count >= MARKET_RUN_MAX { self.close_market_run() } else { Ok(()) }
    }

    /// Journals and applies one input. A market reference is no input from outside (see [`Engine::market`]): it is
    /// neither journaled nor applied.
    ///
    /// # Errors
    /// [`JournalError`]; the desk has not seen the input then.
    pub fn input(&mut self, ts: Ts, input: &Input) -> Result<(), JournalError> {
        self.out.clear();
        if matches!(input, Input::MarketData(_)) {
            return Ok(());
        }
        self.close_market_run()?;
        self.close_full_batch()?;
        let seq = self.append_input(input, ts, self.emitter.digest.crc())?;
        self.desk.apply(ts, input, &mut self.out);
        self.emitter.emit(seq, ts, &self.out);
        Ok(())
    }

    fn close_market_run(&mut self) -> Result<(), JournalError> {
        let MarketRun { offset, count, ts, outputs_crc } = self.run;
        if count == 0 {
            return Ok(());
        }
        self.run.count = 0;
        self.events = self.events.saturating_add(u64::from(count));
        self.append_input(&Input::from(MarketData { offset, count }), ts, outputs_crc).map(|_| ())
    }

    fn append_input(&mut self, input: &Input, ts: Ts, outputs_crc: u32) -> Result<u64, JournalError> {
        // The buffer is lent to the call and comes back, so that an input allocates nothing.
        let mut payload = core::mem::take(&mut self.payload);
        payload.clear();
        input.encode(&mut payload);
        let appended = self.append(input.kind(), ts, outputs_crc, &payload);
        self.payload = payload;
        appended
    }

    /// Hands everything applied so far to the operating system, so that a process that dies leaves a journal up to here.
    /// Called at steps of the run, never by the clock: it decides where references to market data are cut.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn flush(&mut self) -> Result<(), JournalError> {
        self.close_market_run()?;
        if let Some(writer) = self.writer.as_mut().filter(|writer| !writer.is_empty()) {
            writer.close_batch(self.batch_digest)?;
            self.batch_digest = self.emitter.digest.digest();
        }
        Ok(())
    }

    /// Closes the open batch if it is full. Called before the first output of a record, never between its outputs and
    /// its append, so that the digest in the next header is that of the outputs before its first record.
    fn close_full_batch(&mut self) -> Result<(), JournalError> {
        if let Some(writer) = self.writer.as_mut().filter(|writer| writer.is_full()) {
            writer.close_batch(self.batch_digest)?;
            self.batch_digest = self.emitter.digest.digest();
        }
        Ok(())
    }

    fn append(&mut self, kind: u16, ts: Ts, outputs_crc: u32, payload: &[u8]) -> Result<u64, JournalError> {
        let seq = self.seq;
        if let Some(writer) = &mut self.writer {
            writer.append(kind, ts.get(), outputs_crc, payload)?;
        }
        self.seq = seq.saturating_add(1);
        self.inputs = self.inputs.saturating_add(1);
        Ok(seq)
    }

    /// Ends the run: applies [`End`], seals the journal, makes it durable. Returns the digest of all outputs.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn finish(&mut self, ts: Ts, interrupted: bool) -> Result<[u8; 32], JournalError> {
        self.input(ts, &Input::from(End { interrupted }))?;
        let digest = self.emitter.digest.digest();
        let seal = seal(digest, self.emitter.digest.count());
        if let Some(writer) = &mut self.writer {
            writer.close_batch(self.batch_digest)?;
            self.batch_digest = digest;
        }
        self.append(KIND_SEAL, ts, self.emitter.digest.crc(), &seal)?;
        if let Some(writer) = self.writer.take() {
            writer.finish(digest)?;
        }
        Ok(digest)
    }
}

/// Payload of the seal.
pub(crate) fn seal(digest: [u8; 32], count: u64) -> Vec<u8> {
    let mut payload = digest.to_vec();
    payload.extend_from_slice(&count.to_le_bytes());
    payload
}
