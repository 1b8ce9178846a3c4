//! The venue's words: commands that its journal holds, and the events that they cause.
//!
//! Prices are ticks and quantities lots of the command's instrument. What a client sent and no layout can hold (a price
//! between two ticks, a negative quantity, a letter that no enumeration has) arrives as [`Malformed`], so that every
//! refusal is the answer to something in the journal. A [`ClOrdId`] is a number here; a gateway that speaks text keeps
//! the table.

use crate::{
    AccountId, Amount, AssetId, ClOrdId, DecodeError, ExecId, ExecType, Field, Fraction, InstrumentId, KillScope,
    Layout, OrdStatus, OrdType, PegTo, PostOnly, Price, Qty, Reason, SelfTradePrevention, Side, TimeInForce, TradeKind,
    TradingState, Trigger, Ts,
};

/// No group: orders outside of market-maker protection.
pub const NO_GROUP: u16 = u16::MAX;
/// No entry: a report that is not about a quote.
pub const NO_ENTRY: u16 = u16::MAX;
/// Every instrument, where a command may name one.
pub const ANY_INSTRUMENT: InstrumentId = InstrumentId(u16::MAX);
/// Every side or kind, where a command may name one.
pub const ANY: u8 = 0;
/// The most entries of one mass quote.
pub const QUOTE_ENTRIES_MAX: usize = 1_000;
/// The most maturities of one published surface.
pub const SURFACE_FORWARDS_MAX: usize = 256;
/// The most vols of one published surface.
pub const SURFACE_VOLS_MAX: usize = 16_384;
/// The most observation times that a listed payoff names.
pub const PAYOFF_TIMES_MAX: usize = 1_024;
/// The most bytes of a listed payoff's parameters.
pub const PAYOFF_PARAMS_MAX: usize = 65_536;
/// The most bytes of a listed payoff's form, frame and debug section included.
pub const PAYOFF_FORM_MAX: usize = 524_288;
/// The most instruments that a condition reads.
pub const CONDITION_READS_MAX: usize = 8;
/// The most bytes of a condition's parameters.
pub const CONDITION_PARAMS_MAX: usize = 4_096;
/// The most bytes of a condition's form, frame and debug section included.
pub const CONDITION_FORM_MAX: usize = 32_768;

layout! {
    /// Enter an order.
    NewOrder = 201 {
        /// Whose.
        account: AccountId,
        /// Where.
        instrument: InstrumentId,
        /// The account's key, never accepted before, above zero.
        cl_ord_id: ClOrdId,
        /// Label of the strategy that decided; kills may name it.
        strategy: u32,
        /// Buy or sell.
        side: Side,
        /// What kind of order.
        ord_type: OrdType,
        /// How long it works.
        time_in_force: TimeInForce,
        /// Whether it must not take.
        post_only: PostOnly,
        /// Whether it may only make the position smaller.
        reduce_only: bool,
        /// What happens where it meets an order of its owner.
        self_trade_prevention: SelfTradePrevention,
        /// What a stop listens to.
        trigger: Trigger,
        /// What a peg follows.
        peg_to: PegTo,
        /// In lots.
        order_qty: Qty,
        /// The limit in ticks, for types that have one.
        price: Price,
        /// The trigger price in ticks, for stops and take-profits.
        stop_px: Price,
        /// Distance of a trailing stop, in ticks, > 0.
        trailing_offset: Price,
        /// Signed distance from the peg's reference, in ticks.
        peg_offset: Price,
        /// When a good-till-date order ends.
        expire_time: Ts,
        /// The most it shows at a time; zero shows all.
        display_qty: Qty,
        /// The least to be filled at once, or nothing is; zero for none.
        min_qty: Qty,
        /// Group of market-maker protection, or [`NO_GROUP`].
        mmp_group: u16,
        /// The partner of a one-cancels-other pair; zero for none.
        oco: ClOrdId,
        /// The parent whose whole fill lets this order in; zero for none.
        oto: ClOrdId,
    }
    /// Change a working order. Fields whose bit of `fields` is not set stay as they are.
    Replace = 202 {
        /// Whose.
        account: AccountId,
        /// The order.
        orig_cl_ord_id: ClOrdId,
        /// Its new key.
        cl_ord_id: ClOrdId,
        /// Which of the following are meant: see the constants of [`Replace`].
        fields: u8,
        /// New limit in ticks.
        price: Price,
        /// New total in lots, filled part included.
        order_qty: Qty,
        /// New trigger price.
        stop_px: Price,
        /// New display quantity.
        display_qty: Qty,
        /// New time in force.
        time_in_force: TimeInForce,
        /// New end.
        expire_time: Ts,
    }
    /// Cancel a working order.
    Cancel = 203 {
        /// Whose.
        account: AccountId,
        /// The order.
        orig_cl_ord_id: ClOrdId,
    }
    /// Cancel an account's working orders.
    CancelAll = 204 {
        /// Whose.
        account: AccountId,
        /// Where, or [`ANY_INSTRUMENT`].
        instrument: InstrumentId,
        /// FIX byte of a side, or [`ANY`].
        side: u8,
        /// 1 + row of [`crate::InstrumentKind`] in its declaration, or [`ANY`].
        kind: u8,
    }
    /// Unfreeze a group of market-maker protection.
    MmpReset = 206 {
        /// Whose.
        account: AccountId,
        /// Which.
        mmp_group: u16,
    }
    /// The clock, where no command carries it on: timers due until then fire.
    Clock = 207 {
        /// The time reached.
        ts_now: Ts,
    }
    /// An index price.
    IndexSet = 208 {
        /// Base asset.
        base: AssetId,
        /// In ticks of 10^-12 of the quote unit.
        price: Amount,
    }
    /// A mark price.
    MarkSet = 209 {
        /// Where.
        instrument: InstrumentId,
        /// In ticks.
        price: Price,
    }
    /// A settlement price.
    SettlementSet = 210 {
        /// Where.
        instrument: InstrumentId,
        /// In ticks.
        price: Price,
    }
    /// Greeks of one contract, for market-maker protection.
    GreeksSet = 211 {
        /// Where.
        instrument: InstrumentId,
        /// In 10^-12 of a base unit per contract.
        delta: Amount,
        /// In 10^-12 of a quote unit per contract.
        vega: Amount,
    }
    /// An operator changes what may happen in an instrument.
    StateSet = 212 {
        /// Where.
        instrument: InstrumentId,
        /// To what.
        state: TradingState,
    }
    /// Money arrives.
    Deposit = 213 {
        /// Whose.
        account: AccountId,
        /// What.
        asset: AssetId,
        /// In base units, > 0.
        amount: Amount,
    }
    /// Money leaves.
    Withdraw = 214 {
        /// Whose.
        account: AccountId,
        /// What.
        asset: AssetId,
        /// In base units, > 0.
        amount: Amount,
    }
    /// A kill switch on or off.
    KillSet = 215 {
        /// What `id` names.
        scope: KillScope,
        /// Account, strategy or instrument; ignored for all.
        id: u32,
        /// On or off.
        is_on: bool,
        /// Admit what makes a position smaller.
        reduce_only: bool,
    }
    /// A session of an account went or came back.
    ConnectionSet = 216 {
        /// Whose.
        account: AccountId,
        /// Whether it is up.
        is_up: bool,
    }
    /// An operator undoes a trade.
    BustTrade = 217 {
        /// Which.
        trade_id: ExecId,
        /// Who decided (label of the genesis table).
        operator: u32,
    }
    /// An operator moves a trade to another price.
    AdjustTrade = 218 {
        /// Which.
        trade_id: ExecId,
        /// The price it should have had, in ticks.
        price: Price,
        /// Who decided.
        operator: u32,
    }
    /// A person proposes to lift a limit of an account for a while.
    ProposeOverride = 219 {
        /// The proposal's key.
        override_id: u64,
        /// Whose limit.
        account: AccountId,
        /// Which limit: row of the table of controls.
        limit: u8,
        /// The value to have until `expire_time`.
        value: Amount,
        /// When it ends.
        expire_time: Ts,
        /// Who proposes.
        operator: u32,
    }
    /// Another person lets it be.
    ApproveOverride = 220 {
        /// The proposal's key.
        override_id: u64,
        /// Who approves: not who proposed.
        operator: u32,
    }
    /// A command that no layout holds. It is refused with what is named here.
    Malformed = 221 {
        /// Kind of the command that it should have been.
        kind: u16,
        /// Whose; an account that no table has is `u32::MAX`.
        account: AccountId,
        /// Where; [`ANY_INSTRUMENT`] where none.
        instrument: InstrumentId,
        /// Key of the command: for a cancel the order's.
        cl_ord_id: ClOrdId,
        /// Why.
        reason: Reason,
        /// The value that was refused, in the unit of the rule.
        value: Amount,
        /// The bound of the rule.
        limit: Amount,
    }
    /// Money for the mutual fund.
    FundContribution = 222 {
        /// Label of the member.
        member: u32,
        /// What.
        asset: AssetId,
        /// In base units, > 0.
        amount: Amount,
    }
    /// A bid for a defaulter's portfolio: what the bidder pays on top of the marks.
    AuctionBid = 223 {
        /// Who bids.
        account: AccountId,
        /// Whose portfolio.
        defaulter: AccountId,
        /// In base units of the auction's asset; below zero the bidder wants to be paid.
        price: Amount,
    }
    /// Money moves between accounts of one tree.
    Transfer = 224 {
        /// From whom.
        account: AccountId,
        /// To whom.
        receiver: AccountId,
        /// What.
        asset: AssetId,
        /// In base units, > 0.
        amount: Amount,
    }
    /// The customers of a member go over to another, with all that they have.
    PortCustomers = 225 {
        /// Label of the member that they leave.
        member: u32,
        /// Label of the member that takes them.
        receiver: u32,
    }
}

impl NewOrder {
    /// A plain limit order, good till canceled; other terms by struct update.
    #[must_use]
    pub const fn limit(
        account: AccountId,
        instrument: InstrumentId,
        cl_ord_id: ClOrdId,
        side: Side,
        price: Price,
        order_qty: Qty,
    ) -> Self {
        Self {
            account,
            instrument,
            cl_ord_id,
            strategy: 0,
            side,
            ord_type: OrdType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: PostOnly::Off,
            reduce_only: false,
            self_trade_prevention: SelfTradePrevention::None,
            trigger: Trigger::Last,
            peg_to: PegTo::Best,
            order_qty,
            price,
            stop_px: Price::ZERO,
            trailing_offset: Price::ZERO,
            peg_offset: Price::ZERO,
            expire_time: Ts::ZERO,
            display_qty: Qty::ZERO,
            min_qty: Qty::ZERO,
            mmp_group: NO_GROUP,
            oco: ClOrdId(0),
            oto: ClOrdId(0),
        }
    }
}

impl Replace {
    /// `price` is meant.
    pub const PRICE: u8 = 1;
    /// `order_qty` is meant.
    pub const ORDER_QTY: u8 = 2;
    /// `stop_px` is meant.
    pub const STOP_PX: u8 = 4;
    /// `display_qty` is meant.
    pub const DISPLAY_QTY: u8 = 8;
    /// `time_in_force` is meant.
    pub const TIME_IN_FORCE: u8 = 16;
    /// `expire_time` is meant.
    pub const EXPIRE_TIME: u8 = 32;

    /// Whether a field is meant.
    #[must_use]
    pub const fn has(&self, field: u8) -> bool {
        self.fields & field != 0
    }
}

records! {
    /// Commands of fixed size.
    #[derive(Copy)]
    Single {
        /// New order.
        NewOrder,
        /// Replace.
        Replace,
        /// Cancel.
        Cancel,
        /// Cancel of many.
        CancelAll,
        /// End of a freeze.
        MmpReset,
        /// Clock.
        Clock,
        /// Index price.
        IndexSet,
        /// Mark price.
        MarkSet,
        /// Settlement price.
        SettlementSet,
        /// Greeks.
        GreeksSet,
        /// Trading state.
        StateSet,
        /// Deposit.
        Deposit,
        /// Withdrawal.
        Withdraw,
        /// Kill switch.
        KillSet,
        /// Session.
        ConnectionSet,
        /// Bust.
        BustTrade,
        /// Adjustment.
        AdjustTrade,
        /// Override, first person.
        ProposeOverride,
        /// Override, second person.
        ApproveOverride,
        /// What no layout holds.
        Malformed,
        /// Fund.
        FundContribution,
        /// Bid in an auction of a portfolio.
        AuctionBid,
        /// Transfer.
        Transfer,
        /// Porting.
        PortCustomers,
    }
}

layout! {
    /// One instrument of a mass quote. A side with quantity zero is absent.
    QuoteEntry = 230 {
        /// Where.
        instrument: InstrumentId,
        /// Bid in ticks.
        bid_px: Price,
        /// Bid in lots.
        bid_qty: Qty,
        /// Ask in ticks.
        ask_px: Price,
        /// Ask in lots.
        ask_qty: Qty,
    }
}

/// Replace all quotes of an account and group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MassQuote {
    /// Whose.
    pub account: AccountId,
    /// The account's key of this quote, never accepted before.
    pub quote_id: ClOrdId,
    /// Group of market-maker protection.
    pub mmp_group: u16,
    /// At most [`QUOTE_ENTRIES_MAX`].
    pub entries: Vec<QuoteEntry>,
}

impl MassQuote {
    /// The record's kind.
    pub const KIND: u16 = 205;

    fn encode(&self, out: &mut Vec<u8>) {
        self.account.put(out);
        self.quote_id.put(out);
        self.mmp_group.put(out);
        for entry in &self.entries {
            entry.encode(out);
        }
    }

    fn decode(mut bytes: &[u8]) -> Result<Self, DecodeError> {
        let got = bytes.len();
        let (account, quote_id, mmp_group) =
            (Field::take(&mut bytes)?, Field::take(&mut bytes)?, Field::take(&mut bytes)?);
        let entries = bytes.chunks_exact(QuoteEntry::LEN);
        if !entries.remainder().is_empty() || entries.len() > QUOTE_ENTRIES_MAX {
            let wanted = QuoteEntry::LEN;
            return Err(DecodeError::WrongLength { kind: Self::KIND, wanted, got });
        }
        let entries = entries.map(QuoteEntry::decode).collect::<Result<_, _>>()?;
        Ok(Self { account, quote_id, mmp_group, entries })
    }
}

layout! {
    /// One maturity of a published surface.
    SurfaceForward = 231 {
        /// When.
        maturity: Ts,
        /// The underlying's forward, in 10^-12 of the quote unit.
        forward: Amount,
        /// Value today of one unit paid then, 10^-12.
        discount: Amount,
        /// Continuous rate a year, 10^-12.
        rate: Amount,
    }
    /// The vol of one option of a published surface.
    SurfaceVol = 232 {
        /// Which.
        instrument: InstrumentId,
        /// Annualised, 10^-12: 0.5 is 50 %.
        vol: Amount,
    }
}

/// A surface that was fitted outside: what portfolio margin prices the products of one underlying with. It is whole
/// numbers, so that nothing in it is infinite or no number, and replaces the last one of its underlying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurfacePublished {
    /// The underlying.
    pub base: AssetId,
    /// Higher with every surface of the underlying.
    pub version: u64,
    /// By rising maturity; at most [`SURFACE_FORWARDS_MAX`].
    pub forwards: Vec<SurfaceForward>,
    /// By rising instrument; at most [`SURFACE_VOLS_MAX`].
    pub vols: Vec<SurfaceVol>,
}

impl SurfacePublished {
    /// The record's kind.
    pub const KIND: u16 = 226;

    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.base.put(out);
        self.version.put(out);
        // Beyond the bound the bytes are refused when they are read.
        u16::try_from(self.forwards.len()).unwrap_or(u16::MAX).put(out);
        for forward in &self.forwards {
            forward.encode(out);
        }
        for vol in &self.vols {
            vol.encode(out);
        }
    }

    /// Reads it from exactly its bytes.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(mut bytes: &[u8]) -> Result<Self, DecodeError> {
        let got = bytes.len();
        let wrong = |wanted| DecodeError::WrongLength { kind: Self::KIND, wanted, got };
        let (base, version) = (Field::take(&mut bytes)?, Field::take(&mut bytes)?);
        let count = usize::from(u16::take(&mut bytes)?);
        let forwards = count.saturating_mul(SurfaceForward::LEN);
        let (forwards, vols) = bytes.split_at_checked(forwards).ok_or(wrong(forwards))?;
        let (forwards, vols) = (forwards.chunks_exact(SurfaceForward::LEN), vols.chunks_exact(SurfaceVol::LEN));
        if count > SURFACE_FORWARDS_MAX || !vols.remainder().is_empty() || vols.len() > SURFACE_VOLS_MAX {
            return Err(wrong(SurfaceVol::LEN));
        }
        let forwards = forwards.map(SurfaceForward::decode).collect::<Result<_, _>>()?;
        Ok(Self { base, version, forwards, vols: vols.map(SurfaceVol::decode).collect::<Result<_, _>>()? })
    }
}

layout! {
    /// Terms of a listed payoff: when the index is observed, and what margin values it by.
    PayoffTerms = 233 {
        /// Which instrument, of the kind program.
        instrument: InstrumentId,
        /// First observation of a regular schedule; nothing where `interval_ns` is zero.
        first: Ts,
        /// From one observation of a regular schedule to the next; zero where times are named instead, or none are.
        interval_ns: i64,
        /// Annualised vol that margin values it by, 10^-12.
        vol: Amount,
        /// How far scenarios move the vol, as a part of it.
        vol_shock: Fraction,
        /// How far scenarios move the index, as a part of it.
        price_shock: Fraction,
        /// Maintenance requirement as a part of the initial one.
        maintenance: Fraction,
        /// Paths of a valuation by paths.
        paths: u32,
        /// Of the paths.
        seed: u64,
    }
}

/// Lists the payoff of an instrument: from now on it trades. A second one of the same payoff moves its margin terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPayoff {
    /// When and by what.
    pub terms: PayoffTerms,
    /// Observation times, rising; at most [`PAYOFF_TIMES_MAX`].
    pub times: Vec<Ts>,
    /// The parameters' record as the program's form lays it out; at most [`PAYOFF_PARAMS_MAX`] bytes.
    pub params: Vec<u8>,
    /// The program; at most [`PAYOFF_FORM_MAX`] bytes.
    pub form: Vec<u8>,
}

impl ListPayoff {
    /// The record's kind.
    pub const KIND: u16 = 227;

    /// Whether no part is longer than its bound.
    #[must_use]
    pub const fn is_within_bounds(&self) -> bool {
        self.times.len() <= PAYOFF_TIMES_MAX
            && self.params.len() <= PAYOFF_PARAMS_MAX
            && self.form.len() <= PAYOFF_FORM_MAX
    }

    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.terms.encode(out);
        // Beyond the bounds the bytes are refused when they are read.
        u16::try_from(self.times.len()).unwrap_or(u16::MAX).put(out);
        u32::try_from(self.params.len()).unwrap_or(u32::MAX).put(out);
        for time in &self.times {
            time.put(out);
        }
        out.extend_from_slice(&self.params);
        out.extend_from_slice(&self.form);
    }

    /// Reads it from exactly its bytes.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let got = bytes.len();
        let wrong = |wanted| DecodeError::WrongLength { kind: Self::KIND, wanted, got };
        let (terms, mut rest) = bytes.split_at_checked(PayoffTerms::LEN).ok_or(wrong(PayoffTerms::LEN))?;
        let terms = PayoffTerms::decode(terms)?;
        let times = usize::from(u16::take(&mut rest)?);
        let params = usize::try_from(u32::take(&mut rest)?).unwrap_or(usize::MAX);
        if times > PAYOFF_TIMES_MAX || params > PAYOFF_PARAMS_MAX {
            return Err(wrong(PAYOFF_PARAMS_MAX));
        }
        let times = (0..times).map(|_| Ts::take(&mut rest)).collect::<Result<_, _>>()?;
        let (params, form) = rest.split_at_checked(params).ok_or(wrong(params))?;
        if form.len() > PAYOFF_FORM_MAX {
            return Err(wrong(PAYOFF_FORM_MAX));
        }
        Ok(Self { terms, times, params: params.to_vec(), form: form.to_vec() })
    }
}

/// Enter an order when a program says that it is time (`docs/CONDITION.md`). A cancel of the order's key takes it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmitConditional {
    /// What enters.
    pub order: NewOrder,
    /// Until when it waits; zero for no end.
    pub expire_time: Ts,
    /// From one question that nothing but the clock asks to the next; zero for none.
    pub interval_ns: i64,
    /// What the program reads, in the order in which it numbers them; at most [`CONDITION_READS_MAX`].
    pub reads: Vec<InstrumentId>,
    /// The parameters' record as the program's form lays it out; at most [`CONDITION_PARAMS_MAX`] bytes.
    pub params: Vec<u8>,
    /// The program; at most [`CONDITION_FORM_MAX`] bytes.
    pub form: Vec<u8>,
}

impl SubmitConditional {
    /// The record's kind.
    pub const KIND: u16 = 228;

    /// Whether no part is longer than its bound.
    #[must_use]
    pub const fn is_within_bounds(&self) -> bool {
        self.reads.len() <= CONDITION_READS_MAX
            && self.params.len() <= CONDITION_PARAMS_MAX
            && self.form.len() <= CONDITION_FORM_MAX
    }

    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.order.encode(out);
        self.expire_time.put(out);
        self.interval_ns.put(out);
        // Beyond the bounds the bytes are refused when they are read.
        u8::try_from(self.reads.len()).unwrap_or(u8::MAX).put(out);
        u16::try_from(self.params.len()).unwrap_or(u16::MAX).put(out);
        for read in &self.reads {
            read.put(out);
        }
        out.extend_from_slice(&self.params);
        out.extend_from_slice(&self.form);
    }

    /// Reads it from exactly its bytes.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let got = bytes.len();
        let wrong = |wanted| DecodeError::WrongLength { kind: Self::KIND, wanted, got };
        let (order, mut rest) = bytes.split_at_checked(NewOrder::LEN).ok_or(wrong(NewOrder::LEN))?;
        let order = NewOrder::decode(order)?;
        let (expire_time, interval_ns) = (Field::take(&mut rest)?, Field::take(&mut rest)?);
        let (reads, params) = (usize::from(u8::take(&mut rest)?), usize::from(u16::take(&mut rest)?));
        if reads > CONDITION_READS_MAX || params > CONDITION_PARAMS_MAX {
            return Err(wrong(CONDITION_PARAMS_MAX));
        }
        let reads = (0..reads).map(|_| InstrumentId::take(&mut rest)).collect::<Result<_, _>>()?;
        let (params, form) = rest.split_at_checked(params).ok_or(wrong(params))?;
        if form.len() > CONDITION_FORM_MAX {
            return Err(wrong(CONDITION_FORM_MAX));
        }
        Ok(Self { order, expire_time, interval_ns, reads, params: params.to_vec(), form: form.to_vec() })
    }
}

/// Everything that goes into the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A command of fixed size.
    Single(Single),
    /// A ladder of quotes.
    MassQuote(MassQuote),
    /// A surface.
    SurfacePublished(SurfacePublished),
    /// A payoff.
    ListPayoff(ListPayoff),
    /// An order that waits for a program.
    SubmitConditional(Box<SubmitConditional>),
}

impl Command {
    /// The record's kind.
    #[must_use]
    pub const fn kind(&self) -> u16 {
        match self {
            Self::Single(single) => single.kind(),
            Self::MassQuote(_) => MassQuote::KIND,
            Self::SurfacePublished(_) => SurfacePublished::KIND,
            Self::ListPayoff(_) => ListPayoff::KIND,
            Self::SubmitConditional(_) => SubmitConditional::KIND,
        }
    }

    /// Whether a command only takes risk away. Such a command is still taken when the disk takes nothing more.
    #[must_use]
    pub const fn is_rescue(&self) -> bool {
        match self {
            Self::Single(Single::Cancel(_) | Single::CancelAll(_)) => true,
            Self::Single(Single::KillSet(kill)) => kill.is_on,
            Self::Single(
                Single::NewOrder(_)
                | Single::Replace(_)
                | Single::MmpReset(_)
                | Single::Clock(_)
                | Single::IndexSet(_)
                | Single::MarkSet(_)
                | Single::SettlementSet(_)
                | Single::GreeksSet(_)
                | Single::StateSet(_)
                | Single::Deposit(_)
                | Single::Withdraw(_)
                | Single::ConnectionSet(_)
                | Single::BustTrade(_)
                | Single::AdjustTrade(_)
                | Single::ProposeOverride(_)
                | Single::ApproveOverride(_)
                | Single::Malformed(_)
                | Single::FundContribution(_)
                | Single::AuctionBid(_)
                | Single::Transfer(_)
                | Single::PortCustomers(_),
            )
            | Self::MassQuote(_)
            | Self::SurfacePublished(_)
            | Self::ListPayoff(_)
            | Self::SubmitConditional(_) => false,
        }
    }

    /// Appends the record's bytes, without its kind.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Single(single) => single.encode(out),
            Self::MassQuote(quote) => quote.encode(out),
            Self::SurfacePublished(surface) => surface.encode(out),
            Self::ListPayoff(payoff) => payoff.encode(out),
            Self::SubmitConditional(conditional) => conditional.encode(out),
        }
    }

    /// Reads the record of `kind` from exactly its bytes.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(kind: u16, bytes: &[u8]) -> Result<Self, DecodeError> {
        if kind == MassQuote::KIND {
            return MassQuote::decode(bytes).map(Self::MassQuote);
        }
        if kind == SurfacePublished::KIND {
            return SurfacePublished::decode(bytes).map(Self::SurfacePublished);
        }
        if kind == ListPayoff::KIND {
            return ListPayoff::decode(bytes).map(Self::ListPayoff);
        }
        if kind == SubmitConditional::KIND {
            return SubmitConditional::decode(bytes).map(Self::from);
        }
        Single::decode(kind, bytes).map(Self::Single)
    }
}

impl<T: Into<Single>> From<T> for Command {
    fn from(record: T) -> Self {
        Self::Single(record.into())
    }
}

impl From<MassQuote> for Command {
    fn from(quote: MassQuote) -> Self {
        Self::MassQuote(quote)
    }
}

impl From<SurfacePublished> for Command {
    fn from(surface: SurfacePublished) -> Self {
        Self::SurfacePublished(surface)
    }
}

impl From<ListPayoff> for Command {
    fn from(payoff: ListPayoff) -> Self {
        Self::ListPayoff(payoff)
    }
}

impl From<SubmitConditional> for Command {
    fn from(conditional: SubmitConditional) -> Self {
        Self::SubmitConditional(Box::new(conditional))
    }
}

layout! {
    /// What happened to one order, for its account alone (FIX 35=8; a refused cancel or replace is FIX 35=9).
    Report = 301 {
        /// Whose.
        account: AccountId,
        /// Where.
        instrument: InstrumentId,
        /// The order's key; of a refused replace its new key, of a quote the quote's.
        cl_ord_id: ClOrdId,
        /// Entry of the mass quote from zero, or [`NO_ENTRY`]; the side tells which leg.
        quote_entry: u16,
        /// The venue's key of the order; zero where it was refused.
        order_id: u64,
        /// The venue's key of a trade; zero otherwise.
        trade_id: ExecId,
        /// What happened.
        exec_type: ExecType,
        /// Where the order stands.
        ord_status: OrdStatus,
        /// Buy or sell.
        side: Side,
        /// Whether this order rested (an auction: it is the older of the two), and pays as a maker.
        is_maker: bool,
        /// Its limit now, in ticks.
        price: Price,
        /// Its total in lots.
        order_qty: Qty,
        /// Lots of this fill.
        last_qty: Qty,
        /// Price of this fill.
        last_px: Price,
        /// Lots filled.
        cum_qty: Qty,
        /// Lots left; zero once it is closed.
        leaves_qty: Qty,
        /// Sum of last_qty x last_px over its fills, in lots x ticks: `avg_px` is this over `cum_qty`.
        cum_value: Amount,
        /// Fee of this fill, > 0 is paid, in base units of the settlement asset.
        fee: Amount,
        /// Why.
        reason: Reason,
        /// The value that was refused, in the unit of the rule.
        value: Amount,
        /// The bound of the rule.
        limit: Amount,
    }
    /// A trade, for everyone.
    Trade = 302 {
        /// Its key, unique for the life of the journal.
        trade_id: ExecId,
        /// Where.
        instrument: InstrumentId,
        /// In ticks.
        price: Price,
        /// In lots.
        qty: Qty,
        /// The account whose order rested (an auction: the buyer).
        maker: AccountId,
        /// The account whose order came in (an auction: the seller).
        taker: AccountId,
        /// Side of the taker.
        aggressor: Side,
        /// How it came about.
        kind: TradeKind,
    }
    /// What may happen in an instrument changed.
    StateChanged = 303 {
        /// Where.
        instrument: InstrumentId,
        /// To what.
        state: TradingState,
        /// Why.
        reason: Reason,
    }
    /// Where an auction would uncross now. No quantity: it would not.
    Indication = 304 {
        /// Where.
        instrument: InstrumentId,
        /// In ticks.
        price: Price,
        /// In lots.
        qty: Qty,
        /// What one side would have left at that price, in lots.
        surplus: Qty,
        /// Which side.
        surplus_side: Side,
    }
    /// A group of market-maker protection was frozen or unfrozen.
    MmpChanged = 305 {
        /// Whose.
        account: AccountId,
        /// Which.
        mmp_group: u16,
        /// Frozen or not.
        is_frozen: bool,
        /// Until when it is.
        ts_until: Ts,
    }
    /// A kill switch went on or off.
    VenueKillChanged = 306 {
        /// What `id` names.
        scope: KillScope,
        /// Account, strategy or instrument.
        id: u32,
        /// On or off.
        is_on: bool,
        /// Whether it admits what makes a position smaller.
        reduce_only: bool,
    }
    /// A trade was busted (quantity zero) or moved to another price.
    TradeCorrected = 307 {
        /// Which.
        trade_id: ExecId,
        /// Where.
        instrument: InstrumentId,
        /// Its price now.
        price: Price,
        /// Its quantity now.
        qty: Qty,
        /// Who decided.
        operator: u32,
    }
    /// A command that is about no order was refused; nothing changed.
    CommandRefused = 308 {
        /// Kind of the refused command.
        kind: u16,
        /// Whose; `u32::MAX` where no account is concerned.
        account: AccountId,
        /// Where; [`ANY_INSTRUMENT`] where none.
        instrument: InstrumentId,
        /// Why.
        reason: Reason,
        /// The value that was refused, in the unit of the rule.
        value: Amount,
        /// The bound of the rule.
        limit: Amount,
    }
    /// Cash of an account changed.
    BalanceChanged = 309 {
        /// Whose.
        account: AccountId,
        /// What.
        asset: AssetId,
        /// Cash now, in base units.
        total: Amount,
    }
    /// A limit was overridden, or is again as it was (value and time of the table).
    LimitChanged = 310 {
        /// The proposal.
        override_id: u64,
        /// Whose limit.
        account: AccountId,
        /// Which limit: row of the table of controls.
        limit: u8,
        /// Its value now.
        value: Amount,
        /// When that ends.
        expire_time: Ts,
    }
    /// An account comes near its maintenance margin, or is below it: its orders that add risk are gone then, and the
    /// book is asked to take its positions.
    MarginCalled = 311 {
        /// Whose.
        account: AccountId,
        /// In which asset.
        asset: AssetId,
        /// What it has, in base units.
        collateral: Amount,
        /// What it needs, in base units.
        maintenance: Amount,
        /// Whether it is below.
        is_liquidation: bool,
    }
    /// The book did not take all of an account's portfolio: bids are taken.
    AuctionOpened = 312 {
        /// Whose portfolio.
        account: AccountId,
        /// Until when.
        ts_ends: Ts,
    }
    /// An auction of a portfolio ended.
    AuctionClosed = 313 {
        /// Whose portfolio.
        account: AccountId,
        /// Who takes it; `u32::MAX` where nobody does.
        winner: AccountId,
        /// What the winner pays on top of the marks, in base units.
        price: Amount,
    }
    /// A layer of the waterfall paid for a default.
    LayerUsed = 314 {
        /// Whose default.
        account: AccountId,
        /// Which: 1 the defaulter's share, 2 insurance, 3 house, 4 mutual, 5 assessment, 6 gains, 7 nobody.
        layer: u8,
        /// Label of the member; `u32::MAX` where none.
        member: u32,
        /// Of what.
        asset: AssetId,
        /// In base units.
        amount: Amount,
    }
    /// A position was closed against a defaulter's.
    Deleveraged = 315 {
        /// Whose position.
        account: AccountId,
        /// Who defaulted.
        defaulter: AccountId,
        /// Where.
        instrument: InstrumentId,
        /// Side of the account.
        side: Side,
        /// In lots.
        qty: Qty,
        /// In ticks.
        price: Price,
    }
    /// Funding was paid.
    FundingPaid = 316 {
        /// Where.
        instrument: InstrumentId,
        /// Rate of the interval, 10^-18; a long pays when positive.
        rate: Amount,
    }
    /// An instrument was settled and trades no more.
    InstrumentSettled = 317 {
        /// Which.
        instrument: InstrumentId,
        /// In 10^-12 of the quote unit.
        price: Amount,
    }
    /// Something that was due could not be done.
    ClearingStalled = 318 {
        /// Where.
        instrument: InstrumentId,
        /// Why.
        reason: Reason,
    }
    /// An instrument has its payoff, or new margin terms for it.
    PayoffListed = 341 {
        /// Which.
        instrument: InstrumentId,
        /// The program's identity, bytes 0 to 15, little-endian.
        program_low: i128,
        /// The program's identity, bytes 16 to 31, little-endian.
        program_high: i128,
    }
    /// A payoff observed the index.
    PayoffObserved = 342 {
        /// Which.
        instrument: InstrumentId,
        /// Number of the observation, from zero.
        number: u32,
        /// The index in ticks, rounded down.
        price: Price,
        /// What a long lot is paid, in ticks of a lot; a short one pays as much.
        amount: Amount,
    }
    /// A payoff was paid out at expiry.
    PayoffPaid = 343 {
        /// Which.
        instrument: InstrumentId,
        /// The settlement price in ticks, rounded down.
        price: Price,
        /// What a long lot is paid, in ticks of a lot; a short one pays as much.
        amount: Amount,
    }
    /// A payoff's program was stopped, or said what is outside of its bounds: its declared amount counts instead.
    PayoffTrapped = 344 {
        /// Which.
        instrument: InstrumentId,
        /// In what: 1 an observation, 2 the payout, 3 a valuation.
        entry: u8,
        /// Number of the trap (`docs/PROGRAM.md`); 0: outside of the declared bounds.
        trap: u8,
        /// Number of the statement; [`u32::MAX`] where none.
        statement: u32,
        /// What counts instead, in ticks of a lot: of a valuation the most that a short lot may lose.
        amount: Amount,
    }
    /// Something became of a condition.
    ConditionChanged = 345 {
        /// Whose.
        account: AccountId,
        /// Of which order.
        cl_ord_id: ClOrdId,
        /// Where the order would enter.
        instrument: InstrumentId,
        /// What: see the constants of [`ConditionChanged`].
        what: u8,
        /// Why it ended; none where it stands, or its order enters now.
        reason: Reason,
        /// Number of the trap (`docs/PROGRAM.md`) of one that was stopped, else 0.
        trap: u8,
        /// Number of the statement that trapped; [`u32::MAX`] where none.
        statement: u32,
    }
}

impl ConditionChanged {
    /// It stands.
    pub const ACCEPTED: u8 = 1;
    /// It is due: its order enters now.
    pub const TRIGGERED: u8 = 2;
    /// Its program trapped: its order is not sent.
    pub const STOPPED: u8 = 3;
    /// It was taken back.
    pub const CANCELED: u8 = 4;
    /// Its time ran out.
    pub const EXPIRED: u8 = 5;
}

records! {
    /// Everything that comes out of the venue, market data aside.
    #[derive(Copy)]
    Event {
        /// Report on an order.
        Report,
        /// Trade.
        Trade,
        /// Trading state.
        StateChanged,
        /// Auction.
        Indication,
        /// Market-maker protection.
        MmpChanged,
        /// Kill switch.
        VenueKillChanged,
        /// Bust or adjustment.
        TradeCorrected,
        /// Refusal of a command that is about no order.
        CommandRefused,
        /// Cash.
        BalanceChanged,
        /// Override.
        LimitChanged,
        /// Margin call.
        MarginCalled,
        /// Auction of a portfolio.
        AuctionOpened,
        /// Its end.
        AuctionClosed,
        /// Waterfall.
        LayerUsed,
        /// Deleveraging.
        Deleveraged,
        /// Funding.
        FundingPaid,
        /// Expiry.
        InstrumentSettled,
        /// What could not be done.
        ClearingStalled,
        /// Payoff.
        PayoffListed,
        /// Observation.
        PayoffObserved,
        /// Payout.
        PayoffPaid,
        /// Program that was stopped.
        PayoffTrapped,
        /// Condition.
        ConditionChanged,
    }
}
