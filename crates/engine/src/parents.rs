//! Parent orders at work: arrival, slices, children, completion.
//!
//! A parent waits until every book that it may use is live (and its own start has come); that moment is its arrival,
//! and each instrument's mid then is the fair value that costs and limits refer to. When a slice comes due, what was
//! posted before is canceled first, and the slice waits for the venue's answer. Where the venue refuses the cancel, or
//! says nothing in time, the slice is worked all the same, and what may still fill counts as working: exposure that may
//! still fill is never planned a second time, nor are fills of closed children that the venue counts and has yet to
//! report. Part of a slice is swept over the books, part is posted, as the algorithm says. A parent that is paused or
//! closed goes on asking until each of its children is canceled.

use std::collections::BTreeMap;

use tiderace_algo::{SliceDue, Twap};
use tiderace_route::{Candidate, Child, Plan, Request};
use tiderace_types::event::{
    ArrivalTaken, FillBooked, OrderSent, OrderUpdated, ParentUpdated, SliceStarted, VenueSkipped,
};
use tiderace_types::input::{CancelParent, PauseParent, ResumeParent, SubmitParent};
use tiderace_types::layout::Layout;
use tiderace_types::num::div_round;
use tiderace_types::{
    Amount, ClOrdId, Fraction, Instrument, InstrumentId, OrdStatus, OrdType, Output, ParentId, ParentStatus, Price,
    Qty, Reason, Refusal, Rounding, Side, TimeInForce, Ts,
};

use crate::Desk;
use crate::desk::{NO_INSTRUMENT, refused};

/// How long a paused or closed parent waits before it asks again to cancel a child, where a venue refused to.
const CANCEL_RETRY_NS: i64 = 1_000_000_000;

/// How far below the book a price may fall while a child is on its way: bought there, an inverse contract is more
/// exposure than it was planned for. Children are sized for this much; beyond it a parent may get more than its order.
const PRICE_IMPROVEMENT: Fraction = Fraction::new(2_000_000);

/// Parents of one desk, by id.
#[derive(Default)]
pub(crate) struct Parents {
    /// Those at work: open, or with children that may still fill.
    parents: BTreeMap<ParentId, Parent>,
    /// The others, which a late report may put to work again; no scan looks at them.
    done: BTreeMap<ParentId, Parent>,
    waiting: usize,
    ts_next: Option<Ts>,
    /// Those whose children changed since they last settled, each once.
    touched: Vec<ParentId>,
    plan: Plan,
}

struct Parent {
    twap: Twap,
    /// By instrument id, once arrived; `None` for those not selected.
    arrivals: Vec<Option<Arrival>>,
    /// Children that may still fill, in ClOrdID order.
    open: Vec<OpenChild>,
    /// Closed children of which the venue counts fills that have not come; by when they closed.
    late: Vec<OpenChild>,
    /// A slice is due and waits for the cancels of what was posted before.
    is_clearing: bool,
    /// When to ask again to cancel what should not work any more.
    ts_retry: Option<Ts>,
    told: (ParentStatus, Amount),
}

#[derive(Clone, Copy)]
struct Arrival {
    mid2: i64,
    limit_px: Price,
}

/// What the oms does not know of a child.
#[derive(Clone, Copy)]
struct OpenChild {
    cl_ord_id: ClOrdId,
    /// Exposure that it was planned for, whole.
    exposure: Amount,
    is_posted: bool,
}

impl Parents {
    /// Whether a parent waits for its books.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// Whether a parent may still send children.
    pub(crate) fn has_open(&self) -> bool {
        self.parents.values().any(|parent| !parent.twap.status().is_closed())
    }

    /// When a slice or an end comes due next.
    pub(crate) fn next_timer(&self) -> Option<Ts> {
        self.ts_next
    }

    /// Whether children changed since [`Parents::settle`].
    pub(crate) fn has_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Brings up to date what is asked often.
    pub(crate) fn refresh(&mut self) {
        self.done.extend(self.parents.extract_if(.., |_, parent| parent.is_done()));
        self.waiting = self.parents.values().filter(|parent| parent.is_waiting()).count();
        self.ts_next = self.parents.values().filter_map(Parent::next_timer).min();
    }

    pub(crate) fn submit(&mut self, desk: &mut Desk, ts: Ts, command: &SubmitParent, out: &mut Vec<Output>) {
        let parent_id = command.parent_id;
        let refusal = if self.find(parent_id).is_some() || parent_id.0 == 0 {
            Err(Refusal::new(Reason::DuplicateParentId, parent_id.0, 0))
        } else {
            lot_of(desk, command.instruments).and_then(|lot| Twap::new(ts, command, lot))
        };
        let twap = match refusal {
            Ok(twap) => twap,
            Err(refusal) => return out.push(refused(parent_id.0, SubmitParent::KIND, NO_INSTRUMENT, refusal)),
        };
        let mut parent = Parent {
            twap,
            arrivals: Vec::new(),
            open: Vec::new(),
            late: Vec::new(),
            is_clearing: false,
            ts_retry: None,
            told: (ParentStatus::Rejected, Amount::ZERO),
        };
        parent.tell(out);
        self.parents.insert(parent_id, parent);
        self.on_books(desk, ts, out);
    }

    pub(crate) fn cancel(&mut self, desk: &mut Desk, ts: Ts, command: &CancelParent, out: &mut Vec<Output>) {
        self.change(desk, ts, command.parent_id, CancelParent::KIND, Twap::cancel, out);
    }

    pub(crate) fn pause(&mut self, desk: &mut Desk, ts: Ts, command: &PauseParent, out: &mut Vec<Output>) {
        self.change(desk, ts, command.parent_id, PauseParent::KIND, Twap::pause, out);
    }

    pub(crate) fn resume(&mut self, desk: &mut Desk, ts: Ts, command: &ResumeParent, out: &mut Vec<Output>) {
        self.change(desk, ts, command.parent_id, ResumeParent::KIND, Twap::resume, out);
    }

    fn change(
        &mut self,
        desk: &mut Desk,
        ts: Ts,
        parent_id: ParentId,
        kind: u16,
        act: fn(&mut Twap) -> Result<(), Refusal>,
        out: &mut Vec<Output>,
    ) {
        let unknown = Refusal::new(Reason::UnknownParent, parent_id.0, 0);
        let Some(parent) = self.find(parent_id) else {
            return out.push(refused(parent_id.0, kind, NO_INSTRUMENT, unknown));
        };
        if let Err(refusal) = act(&mut parent.twap) {
            return out.push(refused(parent_id.0, kind, NO_INSTRUMENT, refusal));
        }
        parent.stop_children(desk, ts, out);
        parent.tell(out);
        self.on_timer(desk, ts, out);
    }

    /// The parent of an id, among those at work from now on.
    fn find(&mut self, parent_id: ParentId) -> Option<&mut Parent> {
        if let Some(parent) = self.done.remove(&parent_id) {
            self.parents.insert(parent_id, parent);
        }
        self.parents.get_mut(&parent_id)
    }

    /// Books changed: a parent whose books are all live, and whose start has come, arrives.
    pub(crate) fn on_books(&mut self, desk: &mut Desk, ts: Ts, out: &mut Vec<Output>) {
        let mut has_arrived = false;
        for parent in self.parents.values_mut().filter(|parent| parent.is_waiting()) {
            has_arrived |= parent.arrive(desk, ts, out);
        }
        if has_arrived {
            self.on_timer(desk, ts, out);
        }
    }

    /// Time has come to `ts`.
    pub(crate) fn on_timer(&mut self, desk: &mut Desk, ts: Ts, out: &mut Vec<Output>) {
        for parent in self.parents.values_mut() {
            if parent.next_timer().is_some_and(|due| due <= ts) {
                parent.on_due(desk, ts, &mut self.plan, out);
            }
        }
    }

    /// A child's fill, or one undone.
    pub(crate) fn on_fill(&mut self, fill: &FillBooked) {
        if let Some(parent) = self.find(fill.parent_id) {
            parent.on_fill(fill);
            touch(&mut self.touched, fill.parent_id);
        }
    }

    /// A child's new state; `unbooked` lots of it may still be booked.
    pub(crate) fn on_update(&mut self, update: &OrderUpdated, unbooked: Qty) {
        if let Some(parent) = self.find(update.parent_id) {
            parent.on_update(update, unbooked);
            touch(&mut self.touched, update.parent_id);
        }
    }

    /// After the reports: parents whose children changed go on.
    pub(crate) fn settle(&mut self, desk: &mut Desk, ts: Ts, out: &mut Vec<Output>) {
        for parent_id in self.touched.drain(..) {
            if let Some(parent) = self.parents.get_mut(&parent_id) {
                parent.settle(desk, ts, &mut self.plan, out);
            }
        }
    }
}

fn touch(touched: &mut Vec<ParentId>, parent_id: ParentId) {
    if !touched.contains(&parent_id) {
        touched.push(parent_id);
    }
}

impl Parent {
    fn command(&self) -> &SubmitParent {
        self.twap.parent()
    }

    fn is_waiting(&self) -> bool {
        self.arrivals.is_empty() && !self.twap.status().is_closed()
    }

    /// Closed for good, unless a report tells otherwise.
    fn is_done(&self) -> bool {
        self.twap.status().is_closed() && self.open.is_empty() && self.ts_retry.is_none()
    }

    /// While the venue is asked to cancel, the slice waits for its answers, not for the clock.
    fn next_timer(&self) -> Option<Ts> {
        let next = if self.is_clearing { self.twap.ts_end() } else { self.twap.next_timer() };
        next.into_iter().chain(self.ts_retry).min()
    }

    fn is_selected(&self, instrument: InstrumentId) -> bool {
        selects(self.command().instruments, instrument)
    }

    /// Takes the reference prices once all books are live. A parent below what any of its venues accepts is refused then.
    fn arrive(&mut self, desk: &Desk, ts: Ts, out: &mut Vec<Output>) -> bool {
        if ts < self.command().ts_start {
            return false;
        }
        let SubmitParent { parent_id, side, limit, .. } = *self.command();
        let (mut arrivals, mut taken) = (Vec::with_capacity(desk.books.len()), Vec::new());
        for (instrument, book) in desk.instruments.iter().zip(&desk.books) {
            if !self.is_selected(instrument.id) {
                arrivals.push(None);
                continue;
            }
            let best = |side| book.best(side).map(|level| level.price);
            let Some((mid2, (bid_px, ask_px))) = book.mid2().zip(best(Side::Buy).zip(best(Side::Sell))) else {
                return false;
            };
            let Some(limit_px) = limit_px(mid2, side, limit) else { return false };
            arrivals.push(Some(Arrival { mid2, limit_px }));
            taken.push(ArrivalTaken { parent_id, instrument: instrument.id, bid_px, ask_px, limit_px }.into());
        }
        out.append(&mut taken);
        self.arrivals = arrivals;
        let (order_qty, smallest) = (self.command().order_qty, self.smallest_child(desk));
        if order_qty < smallest {
            self.twap.reject(Reason::TooSmall);
            let refusal = Refusal::new(Reason::TooSmall, order_qty.get(), smallest.get());
            out.push(refused(parent_id.0, SubmitParent::KIND, NO_INSTRUMENT, refusal));
        } else {
            self.twap.start(ts, smallest);
        }
        self.tell(out);
        true
    }

    fn candidates<'a>(&self, desk: &'a Desk) -> Vec<Candidate<'a>> {
        let rows = desk.instruments.iter().zip(&desk.books).zip(&self.arrivals);
        rows.map(|((instrument, book), arrival)| {
            let limits = desk.risk().limits(instrument.id);
            Candidate {
                instrument,
                book,
                arrival_mid2: arrival.map_or(0, |arrival| arrival.mid2),
                limit_px: arrival.map_or(Price::ZERO, |arrival| arrival.limit_px),
                is_selected: arrival.is_some(),
                max_order_qty: limits.map_or(Qty::ZERO, |limits| limits.max_order_qty).min(instrument.max_order_qty),
                max_order_value: limits.map_or(Amount::ZERO, |limits| limits.max_order_value),
                price_improvement: PRICE_IMPROVEMENT,
            }
        })
        .collect()
    }

    fn smallest_child(&self, desk: &Desk) -> Amount {
        desk.router.smallest_child(self.command().side, &self.candidates(desk))
    }

    /// Exposure of what may still be booked of children: at its limit, and no less than was planned for it, since an
    /// inverse contract bought below its limit is more exposure than at it.
    fn working(&self, desk: &Desk) -> Amount {
        let exposure = |child: &OpenChild| {
            let order = desk.oms().order(child.cl_ord_id)?;
            let instrument = desk.instruments.get(order.instrument.index())?;
            let unbooked = order.unbooked_qty();
            let at_limit = instrument.exposure(unbooked, order.price, Rounding::Ceil)?;
            let (part, whole) = (i128::from(unbooked.get()), i128::from(order.order_qty.get()));
            let planned = div_round(child.exposure.get().checked_mul(part)?, whole, Rounding::Ceil)?;
            Some(at_limit.get().max(planned))
        };
        let children = self.open.iter().chain(&self.late);
        Amount::new(children.filter_map(exposure).fold(0_i128, i128::saturating_add))
    }

    fn on_due(&mut self, desk: &mut Desk, ts: Ts, plan: &mut Plan, out: &mut Vec<Output>) {
        let has_ended = self.twap.ts_end().is_some_and(|end| ts >= end);
        if !has_ended && self.twap.status() == ParentStatus::Working {
            self.cancel_open(desk, ts, |child| child.is_posted, out);
            self.is_clearing = self.is_held(desk);
            if self.is_clearing {
                return;
            }
        }
        self.work(desk, ts, plan, out);
    }

    /// Whether the venue has yet to answer the cancel of what was posted.
    fn is_held(&self, desk: &Desk) -> bool {
        self.open.iter().any(|child| child.is_posted && is_canceling(desk, child))
    }

    /// A parent that does not work has no children that do, and no slice that waits for them.
    fn stop_children(&mut self, desk: &mut Desk, ts: Ts, out: &mut Vec<Output>) {
        self.ts_retry = None;
        if self.twap.status() != ParentStatus::Working {
            self.is_clearing = false;
            self.cancel_open(desk, ts, |_| true, out);
            self.retry_cancels(desk, ts);
        }
    }

    fn retry_cancels(&mut self, desk: &Desk, ts: Ts) {
        let has_uncanceled = self.open.iter().any(|child| !is_canceling(desk, child));
        let is_stopped = self.twap.status() != ParentStatus::Working;
        let ts_retry = self.ts_retry.unwrap_or(ts.plus_ns(CANCEL_RETRY_NS));
        self.ts_retry = (is_stopped && has_uncanceled).then_some(ts_retry);
    }

    /// Works the slice that is due, or the end.
    fn work(&mut self, desk: &mut Desk, ts: Ts, plan: &mut Plan, out: &mut Vec<Output>) {
        self.is_clearing = false;
        self.twap.set_smallest_child(self.smallest_child(desk));
        let due = self.twap.on_timer(ts, self.working(desk));
        self.stop_children(desk, ts, out);
        if let Some(due) = due {
            self.work_slice(desk, ts, due, plan, out);
        }
        self.complete_if_done(desk);
        self.tell(out);
    }

    fn work_slice(&mut self, desk: &mut Desk, ts: Ts, due: SliceDue, plan: &mut Plan, out: &mut Vec<Output>) {
        let SubmitParent { parent_id, side, .. } = *self.command();
        let SliceDue { slice, target, take, post, .. } = due;
        out.push(SliceStarted { parent_id, slice, target, cum_qty: self.twap.cum_qty(), take, post }.into());
        if take > Amount::ZERO {
            let candidates = self.candidates(desk);
            desk.router.sweep_into(&Request { side, exposure: take, candidates: &candidates }, plan);
            for &(instrument, reason) in &plan.skipped {
                out.push(VenueSkipped { parent_id, instrument, reason }.into());
            }
            for child in &plan.children {
                self.send(desk, ts, child, false, out);
            }
        }
        if post > Amount::ZERO {
            let candidates = self.candidates(desk);
            if let Some(child) = desk.router.post(&Request { side, exposure: post, candidates: &candidates }) {
                self.send(desk, ts, &child, true, out);
            }
        }
    }

    fn send(&mut self, desk: &mut Desk, ts: Ts, child: &Child, is_posted: bool, out: &mut Vec<Output>) {
        let cl_ord_id = desk.new_cl_ord_id();
        let Child { instrument, side, order_qty, price, exposure } = *child;
        let order = OrderSent {
            cl_ord_id,
            parent_id: self.command().parent_id,
            tags: self.command().tags,
            instrument,
            side,
            ord_type: OrdType::Limit,
            time_in_force: if is_posted { TimeInForce::Gtc } else { TimeInForce::Ioc },
            post_only: is_posted,
            order_qty,
            price,
        };
        if desk.send(ts, order, SubmitParent::KIND, out) {
            // Keys of the desk only grow, so the list stays sorted.
            self.open.push(OpenChild { cl_ord_id, exposure, is_posted });
        }
    }

    /// Asks to cancel the children that `which` names, but for those that are being canceled.
    fn cancel_open(&self, desk: &mut Desk, ts: Ts, which: fn(&OpenChild) -> bool, out: &mut Vec<Output>) {
        for child in &self.open {
            if which(child) && !is_canceling(desk, child) {
                desk.request_cancel(ts, child.cl_ord_id, CancelParent::KIND, out);
            }
        }
    }

    fn on_fill(&mut self, fill: &FillBooked) {
        let exposure = if fill.is_reversal { fill.exposure.checked_neg() } else { Some(fill.exposure) };
        self.twap.on_fill(exposure.unwrap_or(Amount::ZERO));
    }

    fn on_update(&mut self, update: &OrderUpdated, unbooked: Qty) {
        let cl_ord_id = update.cl_ord_id;
        match self.open.binary_search_by_key(&cl_ord_id, |child| child.cl_ord_id) {
            Ok(at) if update.ord_status.is_closed() => {
                let child = self.open.remove(at);
                if unbooked > Qty::ZERO {
                    self.late.push(child);
                }
            }
            // A fill undone made it work again; like what is posted it goes before the next slice.
            Err(at) if !update.ord_status.is_closed() => {
                self.open.insert(at, OpenChild { cl_ord_id, exposure: Amount::ZERO, is_posted: true });
            }
            Ok(_) | Err(_) => {}
        }
        if unbooked == Qty::ZERO || !update.ord_status.is_closed() {
            self.late.retain(|child| child.cl_ord_id != cl_ord_id);
        }
    }

    /// After reports: works the slice that waited for its cancels, and completes the parent when it is done.
    fn settle(&mut self, desk: &mut Desk, ts: Ts, plan: &mut Plan, out: &mut Vec<Output>) {
        if self.is_clearing && !self.is_held(desk) {
            return self.work(desk, ts, plan, out);
        }
        self.retry_cancels(desk, ts);
        self.complete_if_done(desk);
        self.tell(out);
    }

    fn complete_if_done(&mut self, desk: &Desk) {
        if self.twap.status().is_closed() || self.is_waiting() || !self.open.is_empty() {
            return;
        }
        if self.twap.is_complete(self.smallest_child(desk)) {
            self.twap.complete();
        }
    }

    /// Puts out the parent's state where it changed.
    fn tell(&mut self, out: &mut Vec<Output>) {
        let now = (self.twap.status(), self.twap.cum_qty());
        if now != self.told {
            self.told = now;
            let (parent_id, reason) = (self.command().parent_id, self.twap.reason());
            let (status, cum_qty) = now;
            out.push(ParentUpdated { parent_id, status, cum_qty, leaves_qty: self.twap.leaves_qty(), reason }.into());
        }
    }
}

/// Whether a cancel of the child is under way. One that the venue leaves unanswered is not: it may be asked for again.
fn is_canceling(desk: &Desk, child: &OpenChild) -> bool {
    desk.oms().order(child.cl_ord_id).is_some_and(|order| order.ord_status() == OrdStatus::PendingCancel)
}

fn selects(instruments: u64, instrument: InstrumentId) -> bool {
    instruments.checked_shr(u32::from(instrument.0)).unwrap_or(0) & 1 == 1
}

/// The finest lot of exposure among the selected instruments: what sizes are planned in. Inverse contracts have no fixed
/// exposure and leave it to the others, or to the base unit. All have one base asset: exposures are summed.
fn lot_of(desk: &Desk, instruments: u64) -> Result<Amount, Refusal> {
    let count = i128::try_from(desk.instruments.len()).unwrap_or(i128::MAX);
    if instruments.checked_shr(u32::try_from(desk.instruments.len()).unwrap_or(u32::MAX)).unwrap_or(0) != 0 {
        return Err(Refusal::new(Reason::UnknownInstrument, instruments, count));
    }
    let lot = |instrument: &Instrument| match instrument.style {
        tiderace_types::Style::Inverse => None,
        tiderace_types::Style::Linear | tiderace_types::Style::Quanto => {
            instrument.exposure(Qty::new(1)?, Price::ZERO, Rounding::Ceil)
        }
    };
    let selected = desk.instruments.iter().filter(|instrument| selects(instruments, instrument.id));
    let base = selected.clone().next().map(|instrument| instrument.base);
    if let Some(other) = selected.clone().find(|instrument| Some(instrument.base) != base) {
        return Err(Refusal::new(Reason::BadParameter, other.base.0, base.unwrap_or_default().0));
    }
    Ok(selected.filter_map(lot).min().unwrap_or(Amount::new(1)))
}

/// The price that lies `limit` beyond the mid: floor for a buy, ceil for a sell.
fn limit_px(mid2: i64, side: Side, limit: Fraction) -> Option<Price> {
    let one = i128::from(Fraction::ONE.get());
    let (factor, rounding) = match side {
        Side::Buy => (one.checked_add(limit.get().into())?, Rounding::Floor),
        Side::Sell => (one.checked_sub(limit.get().into())?, Rounding::Ceil),
    };
    let px = div_round(i128::from(mid2).checked_mul(factor)?, one.checked_mul(2)?, rounding)?;
    i64::try_from(px).ok().map(Price::new)
}
