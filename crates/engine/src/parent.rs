//! One parent order: what the desk promises of it, whatever its program asks for.
//!
//! A child goes only within the limit and while the gates are open, and is cut to what is neither filled nor working, to
//! the participation and to a clip; what is then below what its venue accepts does not go. Exposure that may still fill
//! is never sent a second time, nor are fills of closed children that the venue counts and has yet to report.

use tiderace_algo::{Ask, AtKind, Chance, Kind};
use tiderace_route::{Candidate, Child, Plan, Request, Router, smallest_qty};
use tiderace_types::event::{
    ArrivalTaken, FillBooked, OrderSent, OrderUpdated, ParentUpdated, ProgramNoted, SliceStarted, VenueSkipped,
};
use tiderace_types::input::{CancelParent, SubmitParent};
use tiderace_types::layout::Layout;
use tiderace_types::num::div_round;
use tiderace_types::{
    Amount, AtEnd, ClOrdId, Fraction, InstrumentId, OrdStatus, OrdType, Output, ParentId, ParentStatus, Price, Qty,
    Reason, Refusal, Rounding, Side, Tags, TimeInForce, Ts,
};

use crate::Desk;
use crate::desk::{NO_INSTRUMENT, refused};
use crate::ground::{Ground, Prints, moved};

/// How long a stopped parent waits before it asks again to cancel a child, where a venue refused to; and how long the
/// desk waits before it takes by itself again, where that was refused.
const RETRY_NS: i64 = 1_000_000_000;
/// How often a program is woken in so long at most: none keeps the desk.
const WAKES_MAX: u32 = 1_000;
const WAKES_NS: i64 = 1_000_000_000;

/// How far below the book a price may fall while a child is on its way: bought there, an inverse contract is more
/// exposure than it was planned for. Children are sized for this much; beyond it a parent may get more than its order.
const PRICE_IMPROVEMENT: Fraction = Fraction::new(2_000_000);

/// Parts the stream of clips from the program's own draws.
const CLIPS: u64 = 0x636C_6970_735F_5F5F;

/// Who decides about an open parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its program.
    Running,
    /// Nobody: its program was stopped for this, and its children stay.
    Left(Reason),
    /// The desk, which takes the rest; and what was filled before the last try.
    Ending(Option<i128>),
}

/// A venue of a parent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Venue {
    pub(crate) instrument: InstrumentId,
    pub(crate) bid: Price,
    pub(crate) ask: Price,
    mid2: i64,
    /// Of a buy and of a sell.
    limits: (Price, Price),
    /// What had traded at the arrival.
    pub(crate) prints: Prints,
}

impl Venue {
    fn new(instrument: InstrumentId) -> Self {
        let limits = (Price::ZERO, Price::ZERO);
        Self { instrument, bid: Price::ZERO, ask: Price::ZERO, mid2: 0, limits, prints: Prints::default() }
    }

    pub(crate) const fn limit(&self, side: Side) -> Price {
        match side {
            Side::Buy => self.limits.0,
            Side::Sell => self.limits.1,
        }
    }

    fn is_within(&self, side: Side, price: Price) -> bool {
        match side {
            Side::Buy => price <= self.limits.0,
            Side::Sell => price >= self.limits.1,
        }
    }
}

/// A child that may still fill, as the oms had it when the parent was last synced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenChild {
    pub(crate) cl_ord_id: ClOrdId,
    /// The program's number of it; zero: the desk's own, or one that a bust opened again.
    pub(crate) number: i64,
    /// Where, among the parent's own.
    pub(crate) venue: usize,
    side: Side,
    pub(crate) price: Price,
    order_qty: Qty,
    /// Lots that may still be booked.
    pub(crate) unbooked: Qty,
    /// Exposure that it was planned for, whole.
    exposure: Amount,
    is_posted: bool,
    is_would: bool,
    pub(crate) is_canceling: bool,
}

/// A parent order.
pub(crate) struct Parent {
    pub(crate) command: SubmitParent,
    pub(crate) kind: Kind,
    pub(crate) phase: Phase,
    /// Whether the shipped TWAP works it now.
    pub(crate) is_fallback: bool,
    /// The program's state.
    pub(crate) state: Vec<u8>,
    pub(crate) chance: Chance,
    clips: Chance,
    /// Children that the program was given a number for.
    pub(crate) numbered: i64,
    /// Those of a program before, which was stopped.
    pub(crate) numbered_before: i64,
    /// By instrument id.
    pub(crate) venues: Vec<Venue>,
    /// The finest lot of exposure among its venues.
    pub(crate) lot: Amount,
    /// Exposure filled; of two sides, net.
    pub(crate) cum: i128,
    /// Exposure filled on either side.
    gross: i128,
    /// What was filled when the fallback began: it works the rest.
    pub(crate) rest_from: i128,
    /// Exposure that the desk took by itself.
    would_cum: i128,
    /// Children that may still fill, in ClOrdID order.
    pub(crate) open: Vec<OpenChild>,
    /// Closed children of which the venue counts fills that have not come; by when they closed.
    late: Vec<OpenChild>,
    pub(crate) status: ParentStatus,
    pub(crate) reason: Reason,
    told: (ParentStatus, i128),
    pub(crate) is_arrived: bool,
    /// Whether its start is to come.
    pub(crate) awaits_start: bool,
    /// Whether its program was called for the arrival.
    pub(crate) is_started: bool,
    pub(crate) ts_start: Ts,
    pub(crate) ts_end: Option<Ts>,
    /// When its program wants to be called.
    pub(crate) ts_wake: Option<Ts>,
    /// How often it was woken since a time.
    wakes: u32,
    ts_wakes: Ts,
    /// When to ask again to cancel what should not work any more.
    pub(crate) ts_retry: Option<Ts>,
    /// No taking by itself before this.
    ts_would: Ts,
    /// Children that never went and of which the program is told then.
    pub(crate) refused: Vec<i64>,
    pub(crate) ts_refused: Option<Ts>,
    /// Whether it counts among the open ones.
    pub(crate) is_counted: bool,
    /// Under which time it stands among the timers.
    pub(crate) ts_due: Option<Ts>,
}

impl Default for Parent {
    /// Nobody's: what stands in for one that is lent.
    fn default() -> Self {
        let command = SubmitParent {
            parent_id: ParentId(0),
            cause_seq: 0,
            tags: Tags::default(),
            side: Side::Buy,
            order_qty: Amount::ZERO,
            limit: Fraction::ZERO,
            ts_start: Ts::ZERO,
            duration_ns: 0,
            algo: 0,
            seed: 0,
            instruments: 0,
            would: Fraction::ZERO,
            would_qty: Amount::ZERO,
            max_participation: Fraction::ZERO,
            clip_min: Amount::ZERO,
            clip_max: Amount::ZERO,
            at_end: AtEnd::Expire,
            spread_max: Fraction::ZERO,
            range_max: Fraction::ZERO,
        };
        Self::new(&command, Kind::Parent, Vec::new(), Amount::ZERO)
    }
}

/// What a parent acts on: the desk at a time, and where its outputs go.
pub(crate) struct Act<'a> {
    pub(crate) desk: &'a mut Desk,
    pub(crate) ts: Ts,
    pub(crate) plan: &'a mut Plan,
    pub(crate) out: &'a mut Vec<Output>,
}

/// On whose behalf displayed depth is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    /// The program, which may have so many children.
    Program(i64),
    Would,
    End,
}

/// How a child enters.
#[derive(Clone, Copy)]
struct Entering {
    number: i64,
    is_posted: bool,
    post_only: bool,
    is_would: bool,
}

impl Parent {
    pub(crate) fn new(command: &SubmitParent, kind: Kind, venues: Vec<InstrumentId>, lot: Amount) -> Self {
        let has_end = command.ts_start != Ts::ZERO && command.duration_ns > 0;
        Self {
            kind,
            phase: Phase::Running,
            is_fallback: false,
            state: Vec::new(),
            chance: Chance::new(command.seed),
            clips: Chance::new(command.seed ^ CLIPS),
            numbered: 0,
            numbered_before: 0,
            venues: venues.into_iter().map(Venue::new).collect(),
            lot,
            cum: 0,
            gross: 0,
            rest_from: 0,
            would_cum: 0,
            open: Vec::new(),
            late: Vec::new(),
            status: ParentStatus::Waiting,
            reason: Reason::None,
            told: (ParentStatus::Rejected, 0),
            is_arrived: false,
            awaits_start: false,
            is_started: false,
            ts_start: command.ts_start,
            ts_end: has_end.then(|| command.ts_start.plus_ns(command.duration_ns)),
            ts_wake: None,
            wakes: 0,
            ts_wakes: Ts::ZERO,
            ts_retry: None,
            ts_would: Ts::MIN,
            refused: Vec::new(),
            ts_refused: None,
            is_counted: true,
            ts_due: None,
            command: *command,
        }
    }

    /// Whether its program may be called.
    pub(crate) fn is_running(&self) -> bool {
        self.status == ParentStatus::Working && self.phase == Phase::Running
    }

    /// When something is to be done for it by the clock.
    pub(crate) fn next_timer(&self) -> Option<Ts> {
        if self.status.is_closed() {
            return self.ts_retry;
        }
        let start = self.awaits_start.then_some(self.ts_start);
        let has_end = self.command.at_end != AtEnd::Keep && !matches!(self.phase, Phase::Ending(_));
        let end = self.ts_end.filter(|_| has_end);
        let program = [self.ts_wake, self.ts_refused].into_iter().flatten().min().filter(|_| self.is_running());
        [start, end, self.ts_retry, program].into_iter().flatten().min()
    }

    /// The open child of a number.
    pub(crate) fn child(&self, number: i64) -> Option<&OpenChild> {
        self.open.iter().find(|child| child.number == number && number > 0)
    }

    /// The number of a child, open or late.
    pub(crate) fn number_of(&self, cl_ord_id: ClOrdId) -> i64 {
        let children = self.open.iter().chain(&self.late);
        children.into_iter().find(|child| child.cl_ord_id == cl_ord_id).map_or(0, |child| child.number)
    }

    pub(crate) fn venue_of(&self, instrument: InstrumentId) -> Option<usize> {
        self.venues.binary_search_by_key(&instrument, |venue| venue.instrument).ok()
    }

    /// Takes the reference prices once all books are live; gives the instrument whose book is waited for otherwise. A
    /// parent below what any of its venues accepts is rejected then.
    pub(crate) fn arrive(&mut self, act: &mut Act<'_>) -> Result<(), InstrumentId> {
        let SubmitParent { parent_id, side, limit, order_qty, duration_ns, clip_max, .. } = self.command;
        let ground = &act.desk.ground;
        let mut venues = self.venues.clone();
        for venue in &mut venues {
            let at = venue.instrument.index();
            let found = ground.books.get(at).zip(ground.prints.get(at)).and_then(|(book, prints)| {
                let (bid, ask) = (book.best(Side::Buy)?.price, book.best(Side::Sell)?.price);
                let mid2 = book.mid2()?;
                Some(Venue { bid, ask, mid2, limits: limits_of(mid2, limit)?, prints: *prints, ..*venue })
            });
            *venue = found.ok_or(venue.instrument)?;
        }
        for venue in &venues {
            let (instrument, bid_px, ask_px, limit_px) = (venue.instrument, venue.bid, venue.ask, venue.limit(side));
            act.out.push(ArrivalTaken { parent_id, instrument, bid_px, ask_px, limit_px }.into());
        }
        (self.venues, self.is_arrived) = (venues, true);
        if self.ts_start == Ts::ZERO {
            self.ts_start = act.ts;
            self.ts_end = (duration_ns > 0).then(|| act.ts.plus_ns(duration_ns));
        }
        let smallest = self.smallest(ground, &act.desk.router);
        let most = if clip_max > Amount::ZERO { order_qty.get().min(clip_max.get()) } else { order_qty.get() };
        if most < smallest {
            (self.status, self.reason) = (ParentStatus::Rejected, Reason::TooSmall);
            let refusal = Refusal::new(Reason::TooSmall, most, smallest);
            act.out.push(refused(parent_id.0, SubmitParent::KIND, NO_INSTRUMENT, refusal));
        } else if self.status == ParentStatus::Waiting {
            self.status = ParentStatus::Working;
        }
        Ok(())
    }

    /// Brings what is known of the children up to date.
    pub(crate) fn sync(&mut self, desk: &Desk) {
        for child in self.open.iter_mut().chain(&mut self.late) {
            match desk.oms().order(child.cl_ord_id) {
                Some(order) => {
                    (child.unbooked, child.price) = (order.unbooked_qty(), order.price);
                    child.is_canceling = order.ord_status() == OrdStatus::PendingCancel;
                }
                None => child.unbooked = Qty::ZERO,
            }
        }
    }

    /// Exposure of what may still be booked of children (on a side): at its limit, and no less than was planned for it,
    /// since an inverse contract bought below its limit is more exposure than at it.
    pub(crate) fn working(&self, ground: &Ground, side: Option<Side>) -> i128 {
        let children = self.open.iter().chain(&self.late).filter(|child| side.is_none_or(|side| child.side == side));
        children.filter_map(|child| self.exposure_of(ground, child)).fold(0, i128::saturating_add)
    }

    fn exposure_of(&self, ground: &Ground, child: &OpenChild) -> Option<i128> {
        let instrument = ground.instruments.get(self.venues.get(child.venue)?.instrument.index())?;
        let at_limit = instrument.exposure(child.unbooked, child.price, Rounding::Ceil)?;
        let (part, whole) = (i128::from(child.unbooked.get()), i128::from(child.order_qty.get()));
        let planned = div_round(child.exposure.get().checked_mul(part)?, whole, Rounding::Ceil)?;
        Some(at_limit.get().max(planned))
    }

    /// Exposure that others traded on its venues since its start.
    pub(crate) fn others(&self, ground: &Ground) -> i128 {
        let others = self.venues.iter().filter_map(|venue| {
            let now = ground.prints.get(venue.instrument.index())?;
            let printed = now.exposure.saturating_sub(venue.prints.exposure);
            let own = if ground.prints_own { now.own.saturating_sub(venue.prints.own) } else { 0 };
            Some(printed.saturating_sub(own))
        });
        others.fold(0_i128, i128::saturating_add).max(0)
    }

    /// The smallest child that any of its venues accepts now.
    pub(crate) fn smallest(&self, ground: &Ground, router: &Router) -> i128 {
        let side = self.command.side;
        let smallest = self.venues.iter().map(|venue| {
            ground.smallest(venue.instrument, side, || {
                let candidate = candidate(ground, venue, venue.limit(side), true);
                candidate.map_or(i128::MAX, |candidate| router.smallest_child(side, &[candidate]).get())
            })
        });
        smallest.min().unwrap_or(i128::MAX)
    }

    fn leaves(&self) -> i128 {
        let filled = if self.kind == Kind::TwoSided { self.cum.saturating_abs() } else { self.cum };
        self.command.order_qty.get().saturating_sub(filled).max(0)
    }

    /// Exposure that may still be sent on a side.
    fn left(&self, ground: &Ground, side: Side) -> i128 {
        let order_qty = self.command.order_qty.get();
        match (self.kind, side) {
            (Kind::Parent, _) => order_qty.saturating_sub(self.cum).saturating_sub(self.working(ground, None)),
            (Kind::TwoSided, Side::Buy) => {
                order_qty.saturating_sub(self.cum).saturating_sub(self.working(ground, Some(side)))
            }
            (Kind::TwoSided, Side::Sell) => {
                order_qty.saturating_add(self.cum).saturating_sub(self.working(ground, Some(side)))
            }
        }
    }

    /// What of an ask may go: cut to what is left, to the participation and to a clip.
    fn room(&mut self, act: &Act<'_>, side: Side, asked: i128) -> Result<i128, Refusal> {
        let ground = &act.desk.ground;
        let left = self.left(ground, side);
        if left <= 0 {
            return Err(Refusal::new(Reason::NothingLeft, asked, left));
        }
        let SubmitParent { max_participation, clip_min, clip_max, .. } = self.command;
        let mut room = asked.min(left);
        let (share, one) = (max_participation, Fraction::ONE);
        if share > Fraction::ZERO && share < one {
            let rest = one.get().saturating_sub(share.get());
            let most = self.others(ground).saturating_mul(share.get().into()).div_euclid(rest.into());
            let most = most.saturating_sub(self.gross).saturating_sub(self.working(ground, None));
            if most < self.smallest(ground, &act.desk.router) {
                return Err(Refusal::new(Reason::ParticipationCap, asked, most));
            }
            room = room.min(most);
        }
        if clip_max > Amount::ZERO {
            let smallest = self.smallest(ground, &act.desk.router);
            let clip = self.clips.between(clip_min.get().max(smallest).min(clip_max.get()), clip_max.get());
            // What is below a smallest child joins later ones.
            room = room.min(clip);
        }
        Ok(room)
    }

    fn is_gated(&self, act: &Act<'_>, venue: &Venue) -> bool {
        let SubmitParent { spread_max, range_max, .. } = self.command;
        act.desk.ground.is_gated(act.ts, venue.instrument, spread_max, range_max)
    }

    /// Candidates of a request, in the order of its venues; those whose gate is shut are not selected.
    fn candidates<'a>(&self, act: &'a Act<'_>, limit: impl Fn(&Venue) -> Price) -> Vec<Candidate<'a>> {
        let candidates = self.venues.iter();
        let of = |venue: &Venue| candidate(&act.desk.ground, venue, limit(venue), !self.is_gated(act, venue));
        candidates.filter_map(of).collect()
    }

    /// Does what the program asks for, in order; what does not go is put out with its reason.
    pub(crate) fn perform(&mut self, act: &mut Act<'_>, asks: &[Ask], children_max: i64) {
        for (at, ask) in asks.iter().enumerate() {
            if self.status != ParentStatus::Working {
                return;
            }
            match *ask {
                Ask::Take(amount) => self.take(act, amount, children_max),
                Ask::Post { child, amount } => self.post(act, child, amount),
                Ask::At { child, .. } => {
                    if let Err((instrument, refusal)) = self.place(act, ask) {
                        self.refuse(act, Some(child), instrument, refusal);
                    }
                }
                Ask::Cancel(child) => self.cancel(act, |open| open.number == child && child > 0),
                Ask::CancelAll => self.cancel(act, |open| open.is_posted),
                Ask::Wake(ts) => {
                    let is_over = self.wakes >= WAKES_MAX;
                    let least = if is_over { self.ts_wakes.plus_ns(WAKES_NS) } else { Ts::ZERO };
                    self.ts_wake = Some(Ts::new(ts.max(act.ts.get().saturating_add(1))).max(least));
                }
                Ask::Step { number, target } => self.step(act, number, target, asks.get(at..).unwrap_or_default()),
                Ask::Finish => self.finish(act),
                Ask::Note { label, value } => {
                    let label = u32::try_from(label).unwrap_or(u32::MAX);
                    act.out.push(ProgramNoted { parent_id: self.command.parent_id, label, value }.into());
                }
            }
        }
    }

    /// The time that it asked for has come.
    pub(crate) fn woken(&mut self, ts: Ts) {
        self.ts_wake = None;
        if ts.ns_since(self.ts_wakes) >= WAKES_NS {
            (self.wakes, self.ts_wakes) = (0, ts);
        }
        self.wakes = self.wakes.saturating_add(1);
    }

    fn refuse(&mut self, act: &mut Act<'_>, child: Option<i64>, instrument: InstrumentId, refusal: Refusal) {
        act.out.push(refused(self.command.parent_id.0, SubmitParent::KIND, instrument, refusal));
        self.refused.extend(child);
    }

    /// Tells where the plan stands, with what is asked for until the next step.
    fn step(&self, act: &mut Act<'_>, number: i64, target: Amount, asks: &[Ask]) {
        let (mut take, mut post) = (0_i128, 0_i128);
        for ask in asks.iter().skip(1).take_while(|ask| !matches!(ask, Ask::Step { .. })) {
            match *ask {
                Ask::Take(amount) => take = take.saturating_add(amount.get()),
                Ask::Post { amount, .. } => post = post.saturating_add(amount.get()),
                Ask::At { kind, venue, qty, price, .. } => {
                    let instrument = self.venues.get(venue).map(|venue| venue.instrument.index());
                    let instrument = instrument.and_then(|at| act.desk.ground.instruments.get(at));
                    let exposure = instrument.and_then(|it| it.exposure(qty, price, Rounding::Ceil));
                    let sum = if kind == AtKind::Take { &mut take } else { &mut post };
                    *sum = sum.saturating_add(exposure.map_or(0, Amount::get));
                }
                Ask::Cancel(_) | Ask::CancelAll | Ask::Wake(_) | Ask::Step { .. } | Ask::Finish | Ask::Note { .. } => {}
            }
        }
        let slice = SliceStarted {
            parent_id: self.command.parent_id,
            slice: u32::try_from(number).unwrap_or(u32::MAX),
            target,
            cum_qty: Amount::new(self.cum),
            take: Amount::new(take),
            post: Amount::new(post),
        };
        act.out.push(slice.into());
    }

    fn take(&mut self, act: &mut Act<'_>, amount: Amount, children_max: i64) {
        if amount <= Amount::ZERO {
            return;
        }
        match self.room(act, self.command.side, amount.get()) {
            Ok(room) => {
                self.sweep(act, room, For::Program(children_max));
            }
            Err(refusal) => self.refuse(act, None, NO_INSTRUMENT, refusal),
        }
    }

    /// Takes displayed depth. Gives whether all of it went that was planned.
    fn sweep(&mut self, act: &mut Act<'_>, exposure: i128, whose: For) -> bool {
        let SubmitParent { parent_id, side, would, .. } = self.command;
        let is_would = whose == For::Would;
        let limit = |venue: &Venue| if is_would { venue.would(side, would) } else { venue.limit(side) };
        let mut plan = core::mem::take(act.plan);
        let candidates = self.candidates(act, limit);
        let request = Request { side, exposure: Amount::new(exposure), candidates: &candidates };
        act.desk.router.sweep_into(&request, &mut plan);
        if !is_would {
            for &(instrument, reason) in &plan.skipped {
                // All its venues are selected, but for those whose gate is shut.
                let reason = if reason == Reason::NotSelected { Reason::GateClosed } else { reason };
                act.out.push(VenueSkipped { parent_id, instrument, reason }.into());
            }
        }
        let mut has_gone = true;
        for child in &plan.children {
            let number = match whose {
                For::Program(most) if self.numbered >= most => break,
                For::Program(_) => self.numbered.saturating_add(1),
                For::Would | For::End => 0,
            };
            self.numbered = self.numbered.max(number);
            has_gone &= self.send(act, child, Entering { number, is_posted: false, post_only: false, is_would });
        }
        *act.plan = plan;
        has_gone
    }

    /// Takes by itself where a price is better than the arrival mid by as much as the command says.
    pub(crate) fn take_would(&mut self, act: &mut Act<'_>) {
        let SubmitParent { side, would, would_qty, .. } = self.command;
        let is_idle = would == Fraction::ZERO || !self.is_running() || act.ts < self.ts_would;
        if is_idle || !self.venues.iter().any(|venue| venue.is_good(&act.desk.ground, side, would)) {
            return;
        }
        let working = self.open.iter().chain(&self.late).filter(|child| child.is_would);
        let working =
            working.filter_map(|child| self.exposure_of(&act.desk.ground, child)).fold(0, i128::saturating_add);
        let most = if would_qty > Amount::ZERO { would_qty.get() } else { i128::MAX };
        let asked = most.saturating_sub(self.would_cum).saturating_sub(working);
        if asked <= 0 {
            return;
        }
        if let Ok(room) = self.room(act, side, asked)
            && !self.sweep(act, room, For::Would)
        {
            self.ts_would = act.ts.plus_ns(RETRY_NS);
        }
    }

    fn post(&mut self, act: &mut Act<'_>, number: i64, amount: Amount) {
        let side = self.command.side;
        let room = match self.room(act, side, amount.get()) {
            Ok(room) => room,
            Err(refusal) => return self.refuse(act, Some(number), NO_INSTRUMENT, refusal),
        };
        let smallest = self.smallest(&act.desk.ground, &act.desk.router);
        let candidates = self.candidates(act, |venue| venue.limit(side));
        let request = Request { side, exposure: Amount::new(room), candidates: &candidates };
        let child = act.desk.router.post(&request).ok_or_else(|| {
            match candidates.iter().any(|candidate| candidate.is_selected) {
                false => Reason::GateClosed,
                true if room < smallest => Reason::BelowMinimum,
                true if candidates.iter().any(|candidate| candidate.book.is_live()) => Reason::BeyondLimit,
                true => Reason::BookNotLive,
            }
        });
        let entering = Entering { number, is_posted: true, post_only: true, is_would: false };
        match child {
            Ok(child) if self.send(act, &child, entering) => {}
            Ok(_) => self.refused.push(number),
            Err(reason) => self.refuse(act, Some(number), NO_INSTRUMENT, Refusal::new(reason, room, smallest)),
        }
    }

    /// An order at a price of the program's own.
    fn place(&mut self, act: &mut Act<'_>, ask: &Ask) -> Result<(), (InstrumentId, Refusal)> {
        let Ask::At { child: number, kind, venue: at, side, qty, price } = *ask else { return Ok(()) };
        let Some(venue) = self.venues.get(at).copied() else { return Ok(()) };
        let refuse = |refusal| (venue.instrument, refusal);
        if self.kind == Kind::Parent && side != self.command.side {
            return Err(refuse(Refusal::plain(Reason::BadSide)));
        }
        if !venue.is_within(side, price) {
            return Err(refuse(Refusal::new(Reason::BeyondLimit, price.get(), venue.limit(side).get())));
        }
        if self.is_gated(act, &venue) {
            return Err(refuse(Refusal::plain(Reason::GateClosed)));
        }
        let room = self.room(act, side, i128::MAX).map_err(refuse)?;
        let ground = &act.desk.ground;
        let Some(candidate) = candidate(ground, &venue, venue.limit(side), true) else { return Ok(()) };
        if !candidate.book.is_live() {
            return Err(refuse(Refusal::plain(Reason::BookNotLive)));
        }
        // What only rests is filled at its price.
        let sizing = if kind == AtKind::Post { price } else { candidate.sizing_price(side, price) };
        let instrument = candidate.instrument;
        let order_qty = qty.min(instrument.qty_within(Amount::new(room), sizing)).min(candidate.most_lots(side, price));
        let least = smallest_qty(instrument, price).unwrap_or(Qty::MAX);
        let Some(exposure) = instrument.exposure(order_qty, sizing, Rounding::Ceil) else {
            return Err(refuse(Refusal::new(Reason::Unpriced, price.get(), 0)));
        };
        if order_qty < least || order_qty == Qty::ZERO {
            return Err(refuse(Refusal::new(Reason::BelowMinimum, order_qty.get(), least.get())));
        }
        let child = Child { instrument: venue.instrument, side, order_qty, price, exposure };
        let entering =
            Entering { number, is_posted: kind != AtKind::Take, post_only: kind == AtKind::Post, is_would: false };
        if !self.send(act, &child, entering) {
            self.refused.push(number);
        }
        Ok(())
    }

    fn send(&mut self, act: &mut Act<'_>, child: &Child, entering: Entering) -> bool {
        let Entering { number, is_posted, post_only, is_would } = entering;
        let Some(venue) = self.venue_of(child.instrument) else { return false };
        let cl_ord_id = act.desk.new_cl_ord_id();
        let Child { instrument, side, order_qty, price, exposure } = *child;
        let order = OrderSent {
            cl_ord_id,
            parent_id: self.command.parent_id,
            tags: self.command.tags,
            instrument,
            side,
            ord_type: OrdType::Limit,
            time_in_force: if is_posted { TimeInForce::Gtc } else { TimeInForce::Ioc },
            post_only,
            order_qty,
            price,
        };
        let has_gone = act.desk.send(act.ts, order, SubmitParent::KIND, act.out);
        if has_gone {
            // Keys of the desk only grow, so the list stays sorted.
            self.open.push(OpenChild {
                cl_ord_id,
                number,
                venue,
                side,
                price,
                order_qty,
                unbooked: order_qty,
                exposure,
                is_posted,
                is_would,
                is_canceling: false,
            });
        }
        has_gone
    }

    /// Asks to cancel the children that `which` names, but for those that are being canceled.
    pub(crate) fn cancel(&mut self, act: &mut Act<'_>, which: impl Fn(&OpenChild) -> bool) {
        for child in self.open.iter_mut().filter(|child| which(child)) {
            if !is_canceling(act.desk, child) {
                act.desk.request_cancel(act.ts, child.cl_ord_id, CancelParent::KIND, act.out);
                child.is_canceling = is_canceling(act.desk, child);
            }
        }
    }

    /// A parent that is to have no children asks until it has none.
    pub(crate) fn stop_children(&mut self, act: &mut Act<'_>) {
        self.ts_retry = None;
        if self.is_clearing() {
            self.cancel(act, |_| true);
            self.retry_cancels(act);
        }
    }

    fn is_clearing(&self) -> bool {
        self.status != ParentStatus::Working || self.phase == Phase::Ending(None)
    }

    pub(crate) fn retry_cancels(&mut self, act: &Act<'_>) {
        let has_uncanceled = self.open.iter().any(|child| !is_canceling(act.desk, child));
        let ts_retry = self.ts_retry.unwrap_or(act.ts.plus_ns(RETRY_NS));
        self.ts_retry = (self.is_clearing() && has_uncanceled).then_some(ts_retry);
    }

    /// A fill, or one undone. Gives the number of its child.
    pub(crate) fn on_fill(&mut self, fill: &FillBooked) -> i64 {
        let sign = if fill.is_reversal { -1 } else { 1 };
        let exposure = fill.exposure.get().saturating_mul(sign);
        let is_against = self.kind == Kind::TwoSided && fill.side == Side::Sell;
        self.cum = self.cum.saturating_add(if is_against { exposure.saturating_neg() } else { exposure });
        self.gross = self.gross.saturating_add(exposure);
        let cl_ord_id = fill.cl_ord_id;
        let child = self.open.iter().chain(&self.late).find(|child| child.cl_ord_id == cl_ord_id);
        if child.is_some_and(|child| child.is_would) {
            self.would_cum = self.would_cum.saturating_add(exposure);
        }
        child.map_or(0, |child| child.number)
    }

    /// A child's new state. Gives its number where it closed.
    pub(crate) fn on_update(&mut self, update: &OrderUpdated, unbooked: Qty) -> Option<i64> {
        let cl_ord_id = update.cl_ord_id;
        let mut closed = None;
        match self.open.binary_search_by_key(&cl_ord_id, |child| child.cl_ord_id) {
            Ok(at) if update.ord_status.is_closed() => {
                let child = self.open.remove(at);
                closed = Some(child.number);
                if unbooked > Qty::ZERO {
                    self.late.push(OpenChild { unbooked, ..child });
                }
            }
            // A fill undone made it work again.
            Err(at) if !update.ord_status.is_closed() => {
                let venue = self.venue_of(update.instrument)?;
                let child = OpenChild {
                    cl_ord_id,
                    number: self.number_of(cl_ord_id),
                    venue,
                    side: update.side,
                    price: update.price,
                    order_qty: update.order_qty,
                    unbooked,
                    exposure: Amount::ZERO,
                    is_posted: true,
                    is_would: false,
                    is_canceling: false,
                };
                self.open.insert(at, child);
            }
            Ok(_) | Err(_) => {}
        }
        if unbooked == Qty::ZERO || !update.ord_status.is_closed() {
            self.late.retain(|child| child.cl_ord_id != cl_ord_id);
        }
        closed
    }

    /// Its time is over: the rest expires, or the desk takes it.
    pub(crate) fn end(&mut self, act: &mut Act<'_>) {
        let is_taking = self.command.at_end == AtEnd::Take && self.status == ParentStatus::Working;
        if is_taking {
            (self.phase, self.ts_wake, self.ts_refused) = (Phase::Ending(None), None, None);
        } else {
            self.expire(act);
        }
        self.stop_children(act);
    }

    fn expire(&mut self, act: &Act<'_>) {
        if self.is_dust(act) {
            self.complete();
        } else {
            self.close(ParentStatus::Expired, Reason::EndReached);
        }
    }

    fn is_dust(&self, act: &Act<'_>) -> bool {
        let leaves = self.leaves();
        let is_two_sided = self.kind == Kind::TwoSided;
        self.is_arrived && !is_two_sided && (leaves == 0 || leaves < self.smallest(&act.desk.ground, &act.desk.router))
    }

    fn complete(&mut self) {
        let reason = if self.leaves() > 0 { Reason::Dust } else { Reason::None };
        self.close(ParentStatus::Completed, reason);
    }

    fn finish(&mut self, act: &mut Act<'_>) {
        if self.leaves() == 0 || self.is_dust(act) {
            self.complete();
        } else {
            self.close(ParentStatus::Completed, Reason::ProgramFinished);
        }
        self.stop_children(act);
    }

    pub(crate) fn close(&mut self, status: ParentStatus, reason: Reason) {
        if !self.status.is_closed() {
            (self.status, self.reason) = (status, reason);
            (self.ts_wake, self.ts_refused) = (None, None);
            self.refused.clear();
        }
    }

    /// What the desk itself does next: the tries at its end, its completion; then it tells what changed.
    pub(crate) fn settle(&mut self, act: &mut Act<'_>) {
        if let Phase::Ending(before) = self.phase
            && self.status == ParentStatus::Working
            && self.open.is_empty()
        {
            self.try_end(act, before);
        }
        self.retry_cancels(act);
        if self.is_arrived && !self.status.is_closed() && self.open.is_empty() {
            if self.is_dust(act) {
                self.complete();
            } else if let Phase::Left(reason) = self.phase {
                self.close(ParentStatus::Canceled, reason);
            }
        }
        self.tell(act.out);
    }

    /// Takes what is left; again for as long as that fills.
    fn try_end(&mut self, act: &mut Act<'_>, before: Option<i128>) {
        let has_filled = before.is_none_or(|before| self.cum > before);
        self.phase = Phase::Ending(Some(self.cum));
        if has_filled
            && !self.is_dust(act)
            && let Ok(room) = self.room(act, self.command.side, i128::MAX)
        {
            self.sweep(act, room, For::End);
        }
        if self.open.is_empty() {
            self.expire(act);
        }
    }

    /// Puts out the parent's state where it changed.
    pub(crate) fn tell(&mut self, out: &mut Vec<Output>) {
        let now = (self.status, self.cum);
        if now != self.told {
            self.told = now;
            let (parent_id, status, reason) = (self.command.parent_id, self.status, self.reason);
            let (cum_qty, leaves_qty) = (Amount::new(self.cum), Amount::new(self.leaves()));
            out.push(ParentUpdated { parent_id, status, cum_qty, leaves_qty, reason }.into());
        }
    }
}

impl Venue {
    /// The limit of what the desk takes by itself.
    fn would(&self, side: Side, would: Fraction) -> Price {
        let limit = self.limit(side);
        match side {
            Side::Buy => {
                moved(self.mid2, would.get().saturating_neg(), Rounding::Floor).map_or(Price::MIN, |px| px.min(limit))
            }
            Side::Sell => moved(self.mid2, would.get(), Rounding::Ceil).map_or(Price::MAX, |px| px.max(limit)),
        }
    }

    /// Whether the book offers that.
    fn is_good(&self, ground: &Ground, side: Side, would: Fraction) -> bool {
        let book = ground.books.get(self.instrument.index()).filter(|book| book.is_live());
        let best = book.and_then(|book| book.best(side.opposite()));
        let limit = self.would(side, would);
        best.is_some_and(|best| match side {
            Side::Buy => best.price <= limit,
            Side::Sell => best.price >= limit,
        })
    }
}

fn candidate<'a>(ground: &'a Ground, venue: &Venue, limit_px: Price, is_selected: bool) -> Option<Candidate<'a>> {
    let at = venue.instrument.index();
    let (instrument, book) = ground.instruments.get(at).zip(ground.books.get(at))?;
    let (max_order_qty, max_order_value) = ground.limits.get(at).copied()?;
    Some(Candidate {
        instrument,
        book,
        arrival_mid2: venue.mid2,
        limit_px,
        is_selected,
        max_order_qty: max_order_qty.min(instrument.max_order_qty),
        max_order_value,
        price_improvement: PRICE_IMPROVEMENT,
    })
}

/// Whether a cancel of the child is under way. One that the venue leaves unanswered is not: it may be asked for again.
fn is_canceling(desk: &Desk, child: &OpenChild) -> bool {
    desk.oms().order(child.cl_ord_id).is_some_and(|order| order.ord_status() == OrdStatus::PendingCancel)
}

/// The prices that lie `limit` beyond the mid, of a buy (rounded down) and of a sell (rounded up); no limit is the end of
/// the range.
fn limits_of(mid2: i64, limit: Fraction) -> Option<(Price, Price)> {
    if limit == Fraction::ZERO {
        return Some((Price::MAX, Price::MIN));
    }
    let buy = moved(mid2, limit.get(), Rounding::Floor)?;
    Some((buy, moved(mid2, limit.get().saturating_neg(), Rounding::Ceil)?))
}
