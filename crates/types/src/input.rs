//! Commands and reports that go into the desk: everything that the journal holds.

use crate::ids::Tags;
use crate::layout::{DecodeError, Field};
use crate::venue::SurfacePublished;
use crate::{
    AccountId, Amount, AssetId, AtEnd, ClOrdId, ExecId, ExecType, Fraction, InstrumentId, KillScope, OrdStatus,
    OrdType, ParentId, Price, Qty, Reason, Side, TimeInForce, Ts, layout, records,
};

layout! {
    /// `count` market records of the tape from `offset` on, by reference.
    MarketData = 2 {
        /// Index of the first record on the tape.
        offset: u64,
        /// Records, one after the other.
        count: u32,
    }
    /// Work a parent order by an algorithm. Where a field bounds something, zero is no bound.
    SubmitParent = 3 {
        /// The submitter's key.
        parent_id: ParentId,
        /// Input that this answers; zero where a person or a config submits.
        cause_seq: u64,
        /// Who it is for.
        tags: Tags,
        /// Buy or sell.
        side: Side,
        /// Exposure to trade, in base units of the base asset, > 0; of two sides: net exposure either way, at most.
        order_qty: Amount,
        /// No child beyond its instrument's arrival mid x (1 +- limit); zero only where the algorithm has no limit.
        limit: Fraction,
        /// When it starts; `Ts::ZERO` is the arrival (all its books live).
        ts_start: Ts,
        /// Nanoseconds from start to end; zero only with [`AtEnd::Keep`].
        duration_ns: i64,
        /// Number of the algorithm.
        algo: u32,
        /// Seed of all that is drawn for it.
        seed: u64,
        /// Bit i set: instrument i may be used.
        instruments: u64,
        /// The desk takes by itself where a price is better than the arrival mid by this share.
        would: Fraction,
        /// So much of it at most; zero is all.
        would_qty: Amount,
        /// Own / (own + others) of what traded since the start, at most.
        max_participation: Fraction,
        /// Children are no larger than an exposure drawn from here,
        clip_min: Amount,
        /// to here.
        clip_max: Amount,
        /// What becomes of the rest.
        at_end: AtEnd,
        /// No child while its book's spread is a larger share of the mid.
        spread_max: Fraction,
        /// No child while the mid ranged over a larger share of itself in the last minute.
        range_max: Fraction,
    }
    /// Stop a parent for good and cancel its children.
    CancelParent = 4 {
        /// Which.
        parent_id: ParentId,
        /// Input that this answers.
        cause_seq: u64,
    }
    /// Stop sending children until resumed; working children are canceled.
    PauseParent = 5 {
        /// Which.
        parent_id: ParentId,
        /// Input that this answers.
        cause_seq: u64,
    }
    /// Go on with a paused parent.
    ResumeParent = 6 {
        /// Which.
        parent_id: ParentId,
        /// Input that this answers.
        cause_seq: u64,
    }
    /// Send a child order (a strategy's own).
    SubmitOrder = 7 {
        /// The submitter's key of the order, unique for the life of the journal.
        cl_ord_id: ClOrdId,
        /// Input that this answers.
        cause_seq: u64,
        /// Who it is for.
        tags: Tags,
        /// Where.
        instrument: InstrumentId,
        /// Buy or sell.
        side: Side,
        /// Market or limit. A market order leaves the desk as an immediate limit order (IOC, or FOK where that is asked
        /// for) at the collar's edge: it trades at any price that the collar admits, and at no other.
        ord_type: OrdType,
        /// How long it works.
        time_in_force: TimeInForce,
        /// Refused by the venue rather than taking.
        post_only: bool,
        /// Lots.
        order_qty: Qty,
        /// Ticks; ignored for market orders.
        price: Price,
    }
    /// Change price or quantity of a working order.
    ReplaceOrder = 8 {
        /// The new key.
        cl_ord_id: ClOrdId,
        /// The key so far.
        orig_cl_ord_id: ClOrdId,
        /// Input that this answers.
        cause_seq: u64,
        /// New total, filled part included, in lots.
        order_qty: Qty,
        /// New price in ticks.
        price: Price,
    }
    /// Cancel a working order.
    CancelOrder = 9 {
        /// Which.
        orig_cl_ord_id: ClOrdId,
        /// Input that this answers.
        cause_seq: u64,
    }
    /// Cancel every working order of one scope.
    CancelAll = 10 {
        /// What `id` names.
        scope: KillScope,
        /// Account, strategy or instrument; ignored for all.
        id: u32,
        /// Input that this answers.
        cause_seq: u64,
    }
    /// Switch a kill on or off: block new orders of the scope and cancel its working ones.
    Kill = 11 {
        /// What `id` names.
        scope: KillScope,
        /// Account, strategy or instrument; ignored for all.
        id: u32,
        /// On or off.
        is_on: bool,
    }
    /// Let a strategy trade again after its repeated-execution throttle, by a named person.
    EnableStrategy = 12 {
        /// The strategy.
        strategy: u32,
        /// Who re-enabled it (label of the genesis table).
        operator: u32,
    }
    /// A person has reconciled with the venue: the breaks of an instrument are closed.
    ClearBreak = 13 {
        /// Whose breaks.
        instrument: InstrumentId,
        /// Who cleared them (label of the genesis table).
        operator: u32,
    }
    /// A venue's execution report (FIX 35=8).
    ExecutionReport = 14 {
        /// Whose order.
        instrument: InstrumentId,
        /// Our key (for a replace: the new one).
        cl_ord_id: ClOrdId,
        /// The key before a replace or cancel; zero otherwise.
        orig_cl_ord_id: ClOrdId,
        /// The venue's key.
        order_id: u64,
        /// The venue's key of this report.
        exec_id: ExecId,
        /// The execution that a correct or cancel is about; zero otherwise.
        exec_ref_id: ExecId,
        /// What happened.
        exec_type: ExecType,
        /// Where the venue says the order stands (compared, never trusted).
        ord_status: OrdStatus,
        /// Buy or sell.
        side: Side,
        /// Lots of the order as the venue sees it.
        order_qty: Qty,
        /// Limit price in ticks.
        price: Price,
        /// Lots of this fill.
        last_qty: Qty,
        /// Price of this fill.
        last_px: Price,
        /// Lots filled so far as the venue counts.
        cum_qty: Qty,
        /// Lots left as the venue counts.
        leaves_qty: Qty,
        /// Whether our order rested.
        is_maker: bool,
        /// Fee of this fill, > 0 is paid, in base units of `fee_asset`.
        fee: Amount,
        /// Asset of the fee.
        fee_asset: AssetId,
        /// Why, for rejects and unasked cancels.
        reason: Reason,
        /// When, by the venue.
        transact_time: Ts,
    }
    /// A venue refused a cancel or a replace (FIX 35=9).
    CancelReject = 15 {
        /// Key of the cancel or replace request.
        cl_ord_id: ClOrdId,
        /// Order that it was about.
        orig_cl_ord_id: ClOrdId,
        /// Whether a replace was refused (FIX 434).
        is_replace: bool,
        /// Where the venue says the order stands.
        ord_status: OrdStatus,
        /// Why.
        reason: Reason,
    }
    /// The clock reached a time that a stage waited for.
    Timer = 16 {
        /// The time waited for.
        ts_due: Ts,
    }
    /// A client asks to be told when a time has come.
    SetTimer = 17 {
        /// The client's key.
        id: u64,
        /// When.
        ts_due: Ts,
        /// Input that this answers.
        cause_seq: u64,
    }
    /// An account's free balance at a venue.
    BalanceSet = 18 {
        /// Whose.
        account: AccountId,
        /// Row of the venue.
        venue: crate::VenueId,
        /// What.
        asset: AssetId,
        /// Free amount in base units.
        amount: Amount,
    }
    /// The run is over; nothing follows.
    End = 19 {
        /// Whether it was cut short by a person.
        interrupted: bool,
    }
}

/// Bytes of a form, at most: frame, core and debug section of the largest program.
pub const FORM_BYTES_MAX: usize = 10 + (1 << 18) + (1 << 20);
/// Bytes of a program's parameters, at most.
pub const PARAMS_BYTES_MAX: usize = 1 << 16;

/// Make a program with its parameters an algorithm that parents name by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadAlgo {
    /// Its number: as many as are loaded, those of the genesis included.
    pub algo: u32,
    /// The program's form; at most [`FORM_BYTES_MAX`].
    pub form: Vec<u8>,
    /// Its parameters, packed; at most [`PARAMS_BYTES_MAX`].
    pub params: Vec<u8>,
}

impl LoadAlgo {
    /// The record's kind.
    pub const KIND: u16 = 20;

    /// Appends its bytes: the number, then form and parameters, each behind its length.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.algo.put(out);
        for part in [&self.form, &self.params] {
            // Beyond the bound the bytes are refused when they are read.
            u32::try_from(part.len()).unwrap_or(u32::MAX).put(out);
            out.extend_from_slice(part);
        }
    }

    /// Reads it from exactly its bytes.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(mut bytes: &[u8]) -> Result<Self, DecodeError> {
        let got = bytes.len();
        let algo = u32::take(&mut bytes)?;
        let mut wanted = size_of::<u32>();
        let mut part = |most: usize| {
            let len = usize::try_from(u32::take(&mut bytes)?).unwrap_or(usize::MAX);
            wanted = wanted.saturating_add(len).saturating_add(size_of::<u32>());
            let wrong = DecodeError::WrongLength { kind: Self::KIND, wanted, got };
            let (part, rest) = bytes.split_at_checked(len).filter(|_| len <= most).ok_or(wrong)?;
            bytes = rest;
            Ok(part.to_vec())
        };
        let (form, params) = (part(FORM_BYTES_MAX)?, part(PARAMS_BYTES_MAX)?);
        if !bytes.is_empty() {
            return Err(DecodeError::WrongLength { kind: Self::KIND, wanted, got });
        }
        Ok(Self { algo, form, params })
    }
}

/// A surface as it was published for an underlying of the desk's: forwards and vols from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurfaceTaken {
    /// In the words that a venue's clearing takes it in.
    pub surface: SurfacePublished,
}

impl SurfaceTaken {
    /// The record's kind.
    pub const KIND: u16 = 21;

    /// Appends its bytes: those of the surface.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.surface.encode(out);
    }

    /// Reads it from exactly its bytes.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        SurfacePublished::decode(bytes).map(|surface| Self { surface })
    }
}

records! {
    /// Everything that goes into the desk.
    Input {
        /// Market data by reference.
        MarketData,
        /// A parent order.
        SubmitParent,
        /// Cancel of a parent.
        CancelParent,
        /// Pause of a parent.
        PauseParent,
        /// Resumption of a parent.
        ResumeParent,
        /// A child order.
        SubmitOrder,
        /// Replace of a child order.
        ReplaceOrder,
        /// Cancel of a child order.
        CancelOrder,
        /// Cancel of a scope.
        CancelAll,
        /// Kill switch.
        Kill,
        /// End of a throttle.
        EnableStrategy,
        /// End of a break.
        ClearBreak,
        /// A venue's report.
        ExecutionReport,
        /// A venue's refusal of a cancel or replace.
        CancelReject,
        /// Time.
        Timer,
        /// A client's timer.
        SetTimer,
        /// A balance.
        BalanceSet,
        /// The end.
        End,
    }
    varying {
        /// An algorithm.
        LoadAlgo,
        /// Vols and forwards.
        SurfaceTaken,
    }
}
