//! Parent orders at work: arrival, slices, children, completion.
//!
//! A parent waits until every book that it may use is live (and its own start has come); that moment is its arrival,
//! and each instrument's mid then is the fair value that costs and limits refer to. When a slice comes due, what was
//! posted before is canceled first, and the slice is worked once the venue has answered: exposure that may still fill is
//! never planned a second time. Part of a slice is swept over the books, part is posted, as the algorithm says.

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
    Amount, ClOrdId, Fraction, Instrument, InstrumentId, OrdType, Output, ParentId, ParentStatus, Price, Qty, Reason,
    Refusal, Rounding, Side, TimeInForce, Ts,
};

use crate::Desk;
use crate::desk::{NO_INSTRUMENT, refused};

/// Parents of one desk, by id.
#[derive(Default)]
pub(crate) struct Parents {
    parents: BTreeMap<ParentId, Parent>,
    waiting: usize,
    plan: Plan,
}

struct Parent {
    twap: Twap,
    /// By instrument id, once arrived; `None` for those not selected.
    arrivals: Vec<Option<Arrival>>,
    /// Children that may still fill.
    open: BTreeMap<ClOrdId, OpenChild>,
    /// A slice is due and waits for the cancels of what was posted before.
    is_clearing: bool,
    told: (ParentStatus, Amount),
}

#[derive(Clone, Copy)]
struct Arrival {
    mid2: i64,
    limit_px: Price,
}

#[derive(Clone, Copy)]
struct OpenChild {
    instrument: InstrumentId,
    leaves_qty: Qty,
    price: Price,
    is_posted: bool,
    is_cancel_sent: bool,
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
        self.parents.values().filter_map(Parent::next_timer).min()
    }

    pub(crate) fn submit(&mut self, desk: &mut Desk, ts: Ts, command: &SubmitParent, out: &mut Vec<Output>) {
        let parent_id = command.parent_id;
        let refusal = if self.parents.contains_key(&parent_id) || parent_id.0 == 0 {
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
            open: BTreeMap::new(),
            is_clearing: false,
            told: (ParentStatus::Rejected, Amount::ZERO),
        };
        parent.tell(out);
        self.parents.insert(parent_id, parent);
        self.waiting = self.waiting.saturating_add(1);
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
        let Some(parent) = self.parents.get_mut(&parent_id) else {
            return out.push(refused(parent_id.0, kind, NO_INSTRUMENT, unknown));
        };
        if let Err(refusal) = act(&mut parent.twap) {
            return out.push(refused(parent_id.0, kind, NO_INSTRUMENT, refusal));
        }
        if parent.twap.status() != ParentStatus::Working {
            parent.cancel_open(desk, ts, |_| true, out);
        }
        parent.tell(out);
        self.count_waiting();
        self.on_timer(desk, ts, out);
    }

    /// Books changed: a parent whose books are all live, and whose start has come, arrives.
    pub(crate) fn on_books(&mut self, desk: &mut Desk, ts: Ts, out: &mut Vec<Output>) {
        let mut has_arrived = false;
        for parent in self.parents.values_mut().filter(|parent| parent.is_waiting()) {
            has_arrived |= parent.arrive(desk, ts, out);
        }
        if has_arrived {
            self.count_waiting();
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
        self.count_waiting();
    }

    /// What the oms put out: fills and states of children.
    pub(crate) fn on_outputs(&mut self, desk: &mut Desk, ts: Ts, outputs: &[Output], out: &mut Vec<Output>) {
        let mut last = None;
        for output in outputs {
            let parent_id = match output {
                Output::FillBooked(fill) => fill.parent_id,
                Output::OrderUpdated(update) => update.parent_id,
                _ => ParentId(0),
            };
            let Some(parent) = self.parents.get_mut(&parent_id) else { continue };
            match output {
                Output::FillBooked(fill) => parent.on_fill(fill),
                Output::OrderUpdated(update) => parent.on_update(update),
                _ => {}
            }
            last = Some(parent_id);
        }
        if let Some(parent) = last.and_then(|parent_id| self.parents.get_mut(&parent_id)) {
            parent.settle(desk, ts, &mut self.plan, out);
        }
        self.count_waiting();
    }

    fn count_waiting(&mut self) {
        self.waiting = self.parents.values().filter(|parent| parent.is_waiting()).count();
    }
}

impl Parent {
    fn command(&self) -> &SubmitParent {
        self.twap.parent()
    }

    fn is_waiting(&self) -> bool {
        self.arrivals.is_empty() && !self.twap.status().is_closed()
    }

    /// While the venue is asked to cancel, the slice waits for its answers, not for the clock.
    fn next_timer(&self) -> Option<Ts> {
        if self.is_clearing { self.twap.ts_end() } else { self.twap.next_timer() }
    }

    fn is_selected(&self, instrument: InstrumentId) -> bool {
        selects(self.command().instruments, instrument)
    }

    fn arrive(&mut self, desk: &Desk, ts: Ts, out: &mut Vec<Output>) -> bool {
        if ts < self.command().ts_start {
            return false;
        }
        let mut arrivals = Vec::with_capacity(desk.books.len());
        for (instrument, book) in desk.instruments.iter().zip(&desk.books) {
            if !self.is_selected(instrument.id) {
                arrivals.push(None);
                continue;
            }
            let Some(mid2) = book.mid2() else { return false };
            let Some(limit_px) = limit_px(mid2, self.command().side, self.command().limit) else { return false };
            arrivals.push(Some(Arrival { mid2, limit_px }));
        }
        for (instrument, arrival) in desk.instruments.iter().zip(&arrivals) {
            let Some(Arrival { limit_px, .. }) = *arrival else { continue };
            let best = |side| desk.book(instrument.id).and_then(|book| book.best(side)).map(|level| level.price);
            let (Some(bid_px), Some(ask_px)) = (best(Side::Buy), best(Side::Sell)) else { continue };
            let parent_id = self.command().parent_id;
            out.push(ArrivalTaken { parent_id, instrument: instrument.id, bid_px, ask_px, limit_px }.into());
        }
        self.arrivals = arrivals;
        self.twap.start(ts, self.smallest_child(desk));
        self.tell(out);
        true
    }

    fn candidates<'a>(&self, desk: &'a Desk) -> Vec<Candidate<'a>> {
        let rows = desk.instruments.iter().zip(&desk.books).zip(&self.arrivals);
        rows.map(|((instrument, book), arrival)| Candidate {
            instrument,
            book,
            arrival_mid2: arrival.map_or(0, |arrival| arrival.mid2),
            limit_px: arrival.map_or(Price::ZERO, |arrival| arrival.limit_px),
            is_selected: arrival.is_some(),
        })
        .collect()
    }

    fn smallest_child(&self, desk: &Desk) -> Amount {
        desk.router.smallest_child(self.command().side, &self.candidates(desk))
    }

    /// Exposure of children that may still fill.
    fn working(&self, desk: &Desk) -> Amount {
        let exposure = |child: &OpenChild| {
            let instrument = desk.instruments.get(child.instrument.index())?;
            instrument.exposure(child.leaves_qty, child.price, Rounding::Ceil)
        };
        let sum = self.open.values().filter_map(exposure).fold(0_i128, |sum, e| sum.saturating_add(e.get()));
        Amount::new(sum)
    }

    fn on_due(&mut self, desk: &mut Desk, ts: Ts, plan: &mut Plan, out: &mut Vec<Output>) {
        let has_ended = self.twap.ts_end().is_some_and(|end| ts >= end);
        if !has_ended && self.open.values().any(|child| child.is_posted) {
            self.is_clearing = true;
            self.cancel_open(desk, ts, |child| child.is_posted, out);
            return;
        }
        self.work(desk, ts, plan, out);
    }

    /// Works the slice that is due, or the end.
    fn work(&mut self, desk: &mut Desk, ts: Ts, plan: &mut Plan, out: &mut Vec<Output>) {
        self.is_clearing = false;
        let due = self.twap.on_timer(ts, self.working(desk));
        if self.twap.status().is_closed() {
            self.cancel_open(desk, ts, |_| true, out);
        }
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
        let Child { instrument, side, order_qty, price, .. } = *child;
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
            let open = OpenChild { instrument, leaves_qty: order_qty, price, is_posted, is_cancel_sent: false };
            self.open.insert(cl_ord_id, open);
        }
    }

    fn cancel_open(&mut self, desk: &mut Desk, ts: Ts, which: fn(&OpenChild) -> bool, out: &mut Vec<Output>) {
        for (cl_ord_id, child) in &mut self.open {
            if which(child) && !child.is_cancel_sent {
                child.is_cancel_sent = true;
                desk.request_cancel(ts, *cl_ord_id, CancelParent::KIND, out);
            }
        }
    }

    fn on_fill(&mut self, fill: &FillBooked) {
        let exposure = if fill.is_reversal { fill.exposure.checked_neg() } else { Some(fill.exposure) };
        self.twap.on_fill(exposure.unwrap_or(Amount::ZERO));
    }

    fn on_update(&mut self, update: &OrderUpdated) {
        if update.ord_status.is_closed() {
            self.open.remove(&update.cl_ord_id);
        } else if let Some(child) = self.open.get_mut(&update.cl_ord_id) {
            child.leaves_qty = update.leaves_qty;
        }
    }

    /// After reports: works the slice that waited for its cancels, and completes the parent when it is done.
    fn settle(&mut self, desk: &mut Desk, ts: Ts, plan: &mut Plan, out: &mut Vec<Output>) {
        if self.is_clearing && !self.open.values().any(|child| child.is_posted) {
            return self.work(desk, ts, plan, out);
        }
        self.complete_if_done(desk);
        self.tell(out);
    }

    fn complete_if_done(&mut self, desk: &Desk) {
        if self.twap.status().is_closed() || !self.open.is_empty() {
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

fn selects(instruments: u64, instrument: InstrumentId) -> bool {
    instruments.checked_shr(u32::from(instrument.0)).unwrap_or(0) & 1 == 1
}

/// The finest lot of exposure among the selected instruments: what sizes are planned in. Inverse contracts have no fixed
/// exposure and leave it to the others, or to the base unit.
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
