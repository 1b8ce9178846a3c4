//! Events that come out of the desk: derived from the inputs, hashed into the journal's digests, never journaled.

use crate::ids::Tags;
use crate::{
    Amount, AssetId, ClOrdId, ExecId, InstrumentId, KillScope, OrdStatus, OrdType, ParentId, ParentStatus, Price, Qty,
    Reason, Side, TimeInForce, Ts, layout, records,
};

layout! {
    /// A new order goes to its venue.
    OrderSent = 101 {
        /// Our key.
        cl_ord_id: ClOrdId,
        /// Parent; zero for a strategy's own order.
        parent_id: ParentId,
        /// Who it is for.
        tags: Tags,
        /// Where.
        instrument: InstrumentId,
        /// Buy or sell.
        side: Side,
        /// Market or limit.
        ord_type: OrdType,
        /// How long it works.
        time_in_force: TimeInForce,
        /// Refused rather than taking.
        post_only: bool,
        /// Lots.
        order_qty: Qty,
        /// Ticks.
        price: Price,
    }
    /// A cancel goes to the venue.
    CancelSent = 102 {
        /// Key of the cancel request.
        cl_ord_id: ClOrdId,
        /// The order.
        orig_cl_ord_id: ClOrdId,
        /// Where.
        instrument: InstrumentId,
    }
    /// A replace goes to the venue.
    ReplaceSent = 103 {
        /// The new key.
        cl_ord_id: ClOrdId,
        /// The key so far.
        orig_cl_ord_id: ClOrdId,
        /// Where.
        instrument: InstrumentId,
        /// New total in lots.
        order_qty: Qty,
        /// New price in ticks.
        price: Price,
    }
    /// The venue is asked where an order stands (FIX 35=H).
    StatusRequested = 104 {
        /// The order.
        cl_ord_id: ClOrdId,
        /// Where.
        instrument: InstrumentId,
    }
    /// An order's state changed.
    OrderUpdated = 105 {
        /// Our key.
        cl_ord_id: ClOrdId,
        /// Parent; zero for a strategy's own order.
        parent_id: ParentId,
        /// Where.
        instrument: InstrumentId,
        /// Buy or sell.
        side: Side,
        /// Recomputed from quantities.
        ord_status: OrdStatus,
        /// Lots.
        order_qty: Qty,
        /// Lots filled.
        cum_qty: Qty,
        /// Lots left to trade.
        leaves_qty: Qty,
        /// Limit price in ticks.
        price: Price,
        /// Why, where there is a why.
        reason: Reason,
    }
    /// A fill was booked (or, with `is_reversal`, undone).
    FillBooked = 106 {
        /// Our key.
        cl_ord_id: ClOrdId,
        /// Parent; zero for a strategy's own order.
        parent_id: ParentId,
        /// The venue's key.
        exec_id: ExecId,
        /// Who it is for.
        tags: Tags,
        /// Where.
        instrument: InstrumentId,
        /// Buy or sell.
        side: Side,
        /// Lots.
        last_qty: Qty,
        /// Ticks.
        last_px: Price,
        /// Base asset units gained (a buy: rounded down) or given (a sale: rounded up); frozen at the fill.
        exposure: Amount,
        /// Quote asset units paid (a buy: rounded up) or received (a sale: rounded down).
        notional: Amount,
        /// Fee, > 0 is paid.
        fee: Amount,
        /// Asset of the fee.
        fee_asset: AssetId,
        /// Whether our order rested.
        is_maker: bool,
        /// Undoes an earlier booking of the same `exec_id`.
        is_reversal: bool,
        /// When, by the venue.
        transact_time: Ts,
    }
    /// A command or a planned order was refused; nothing changed.
    Refused = 107 {
        /// The order or parent key that was refused.
        id: u64,
        /// Kind of the refused input.
        kind: u16,
        /// Where; `u16::MAX` where no instrument is concerned.
        instrument: InstrumentId,
        /// Why.
        reason: Reason,
        /// The value that was refused, in the unit of the rule.
        value: Amount,
        /// The bound of the rule.
        limit: Amount,
    }
    /// A parent's state changed.
    ParentUpdated = 108 {
        /// Which.
        parent_id: ParentId,
        /// Where it stands.
        status: ParentStatus,
        /// Exposure filled.
        cum_qty: Amount,
        /// Exposure left.
        leaves_qty: Amount,
        /// Why.
        reason: Reason,
    }
    /// A parent's program says where its plan stands.
    SliceStarted = 109 {
        /// Which parent.
        parent_id: ParentId,
        /// Number of the slice.
        slice: u32,
        /// Exposure that should be filled when this slice is done.
        target: Amount,
        /// Exposure filled so far.
        cum_qty: Amount,
        /// Exposure that it then asks to take.
        take: Amount,
        /// Exposure that it then asks to post.
        post: Amount,
    }
    /// A parent's reference price of one instrument was taken.
    ArrivalTaken = 110 {
        /// Which parent.
        parent_id: ParentId,
        /// Where.
        instrument: InstrumentId,
        /// Best bid in ticks.
        bid_px: Price,
        /// Best ask in ticks.
        ask_px: Price,
        /// Price beyond which no child goes, in ticks.
        limit_px: Price,
    }
    /// A venue got nothing of a slice, and why.
    VenueSkipped = 111 {
        /// Which parent.
        parent_id: ParentId,
        /// Where.
        instrument: InstrumentId,
        /// Why.
        reason: Reason,
    }
    /// A book became live or stale.
    BookChanged = 112 {
        /// Which.
        instrument: InstrumentId,
        /// Live or not.
        is_live: bool,
        /// Why not.
        reason: Reason,
    }
    /// What a venue says and what we know differ; opening orders are blocked until a person clears it.
    BreakRaised = 113 {
        /// Where.
        instrument: InstrumentId,
        /// The order.
        cl_ord_id: ClOrdId,
        /// The execution.
        exec_id: ExecId,
        /// What differs.
        reason: Reason,
        /// What we have.
        ours: Qty,
        /// What the venue has.
        theirs: Qty,
    }
    /// Breaks of an instrument were cleared.
    BreakCleared = 114 {
        /// Where.
        instrument: InstrumentId,
        /// By whom (label of the genesis table).
        operator: u32,
    }
    /// A kill switch went on or off.
    KillChanged = 115 {
        /// What `id` names.
        scope: KillScope,
        /// Account, strategy or instrument.
        id: u32,
        /// On or off.
        is_on: bool,
    }
    /// A strategy was stopped by its repeated-execution throttle, or re-enabled.
    StrategyEnabled = 116 {
        /// Which.
        strategy: u32,
        /// Enabled or stopped.
        is_enabled: bool,
        /// By whom; zero for the throttle itself.
        operator: u32,
    }
    /// A client's timer fired.
    TimerFired = 117 {
        /// The client's key.
        id: u64,
        /// The time asked for.
        ts_due: Ts,
    }
    /// A parent's program was stopped; what it asked for in that call is not done.
    ProgramStopped = 118 {
        /// Which parent.
        parent_id: ParentId,
        /// Number of the trap; zero: it went over a budget.
        trap: u8,
        /// Number of the statement.
        statement: u32,
        /// Fuel that the call had used.
        fuel_used: u64,
        /// Why.
        reason: Reason,
    }
    /// A line of a program's own.
    ProgramNoted = 119 {
        /// Which parent.
        parent_id: ParentId,
        /// Label of its form.
        label: u32,
        /// What it says.
        value: i64,
    }
}

records! {
    /// Everything that comes out of the desk.
    #[derive(Copy)]
    Output {
        /// New order out.
        OrderSent,
        /// Cancel out.
        CancelSent,
        /// Replace out.
        ReplaceSent,
        /// Status request out.
        StatusRequested,
        /// Order state.
        OrderUpdated,
        /// Fill.
        FillBooked,
        /// Refusal.
        Refused,
        /// Parent state.
        ParentUpdated,
        /// Slice.
        SliceStarted,
        /// Reference price.
        ArrivalTaken,
        /// Venue left out.
        VenueSkipped,
        /// Book state.
        BookChanged,
        /// Break.
        BreakRaised,
        /// Break cleared.
        BreakCleared,
        /// Kill switch.
        KillChanged,
        /// Throttle.
        StrategyEnabled,
        /// Timer.
        TimerFired,
        /// Program stopped.
        ProgramStopped,
        /// Program's own line.
        ProgramNoted,
    }
}
