//! Parent orders by id, who of them is woken, and the calls of their programs.
//!
//! A parent is looked at only where something concerns it: a timer of its own, a book that it waits for or reads, a report
//! of a child, a command. What a program asks for is done when its call has come to its end (see [`crate::parent`]); a
//! program that traps or goes over a budget is stopped, and everything else goes on.

use std::collections::BTreeMap;

use tiderace_algo::{Ask, Control, Entry, Kind, Meta, OnStop, Outcome};
use tiderace_route::Plan;
use tiderace_types::event::{FillBooked, OrderUpdated, ProgramStopped};
use tiderace_types::input::{CancelParent, LoadAlgo, PauseParent, ResumeParent, SubmitParent};
use tiderace_types::layout::Layout;
use tiderace_types::{
    Amount, AtEnd, Fraction, Instrument, InstrumentId, Output, ParentId, ParentStatus, Price, Qty, Reason, Refusal,
    Rounding, Ts,
};

use crate::Desk;
use crate::algos::Algos;
use crate::desk::{NO_INSTRUMENT, refused};
use crate::parent::{Act, Parent, Phase};
use crate::timers::Timers;

/// Most base units of one parent: what keeps products with it within an i128.
pub const ORDER_QTY_MAX: Amount = Amount::new(1_000_000_000_000_000_000_000_000);

/// How long a program waits to be told of children that were refused while it was told of others: one that answers every
/// refusal with the same ask does so ten times a second.
const TELL_AGAIN_NS: i64 = 100_000_000;

type Slot = usize;

/// Parents of one desk.
#[derive(Default)]
pub(crate) struct Parents {
    pub(crate) algos: Algos,
    /// In the order of their commands; empty only while one is at work.
    slots: Vec<Option<Box<Parent>>>,
    by_id: BTreeMap<ParentId, Slot>,
    timers: Timers,
    /// Those that wait for a book to be live, by instrument.
    waiting: Vec<Vec<Slot>>,
    /// Those that read an instrument's book, and its trades.
    readers: Vec<Vec<Slot>>,
    trade_readers: Vec<Vec<Slot>>,
    /// How many may still send children.
    open: usize,
    /// Those whose children changed since they last settled, each once.
    touched: Vec<Slot>,
    /// What their programs are told then.
    notices: Vec<(Slot, Entry, [i64; 4])>,
    /// Trades of the message that is coming in.
    trades: Vec<(InstrumentId, Price, Qty, bool)>,
    asks: Vec<Ask>,
    plan: Plan,
}

impl Parents {
    pub(crate) fn new(algos: Algos, instruments: usize) -> Self {
        let lists = || vec![Vec::new(); instruments];
        Self { algos, waiting: lists(), readers: lists(), trade_readers: lists(), ..Self::default() }
    }

    /// Whether a parent may still send children.
    pub(crate) fn has_open(&self) -> bool {
        self.open > 0
    }

    /// When a parent wants to be looked at next.
    pub(crate) fn next_timer(&self) -> Option<Ts> {
        self.timers.first().map(|(ts, _)| ts)
    }

    /// Whether children changed since [`Parents::settle`].
    pub(crate) fn has_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Whether anybody waits for a message of this instrument.
    pub(crate) fn is_read(&self, instrument: InstrumentId) -> bool {
        let at = instrument.index();
        let has = |lists: &[Vec<Slot>]| lists.get(at).is_some_and(|list| !list.is_empty());
        !self.trades.is_empty() || has(&self.readers) || has(&self.waiting)
    }

    pub(crate) fn load(&mut self, command: &LoadAlgo, out: &mut Vec<Output>) {
        let LoadAlgo { algo, form, params } = command;
        let next = u32::try_from(self.algos.len()).unwrap_or(u32::MAX);
        let refusal = match *algo == next {
            false => Refusal::new(Reason::UnknownAlgo, *algo, next),
            true => match self.algos.load(form, params) {
                Ok(()) => return,
                Err(error) => Refusal::new(error.reason(), *algo, next),
            },
        };
        out.push(refused((*algo).into(), LoadAlgo::KIND, NO_INSTRUMENT, refusal));
    }

    pub(crate) fn submit(&mut self, desk: &mut Desk, ts: Ts, command: &SubmitParent, out: &mut Vec<Output>) {
        let parent_id = command.parent_id;
        let mut parent = match self.check(desk, ts, command) {
            Ok(parent) => parent,
            Err(refusal) => return out.push(refused(parent_id.0, SubmitParent::KIND, NO_INSTRUMENT, refusal)),
        };
        parent.state = self.algos.new_state(&parent);
        parent.tell(out);
        let slot = self.slots.len();
        self.slots.push(None);
        self.by_id.insert(parent_id, slot);
        self.open = self.open.saturating_add(1);
        parent.awaits_start = command.ts_start > ts;
        if !parent.awaits_start {
            self.arrive(desk, ts, slot, &mut parent, out);
        }
        self.put(slot, parent);
    }

    fn check(&self, desk: &Desk, ts: Ts, command: &SubmitParent) -> Result<Box<Parent>, Refusal> {
        let parent_id = command.parent_id;
        if self.by_id.contains_key(&parent_id) || parent_id.0 == 0 {
            return Err(Refusal::new(Reason::DuplicateParentId, parent_id.0, 0));
        }
        let count = i128::try_from(self.algos.len()).unwrap_or(i128::MAX);
        let loaded = self.algos.get(command.algo).ok_or(Refusal::new(Reason::UnknownAlgo, command.algo, count))?;
        let (lot, venues) = venues_of(&desk.ground.instruments, command.instruments)?;
        within(lot.get(), 1, ORDER_QTY_MAX.get())?;
        within(command.order_qty.get(), lot.get(), ORDER_QTY_MAX.get())?;
        check_controls(command, &loaded.meta)?;
        check_times(ts, command)?;
        Ok(Box::new(Parent::new(command, loaded.meta.kind, venues, lot)))
    }

    pub(crate) fn cancel(&mut self, desk: &mut Desk, ts: Ts, command: &CancelParent, out: &mut Vec<Output>) {
        self.change(desk, ts, (command.parent_id, CancelParent::KIND), out, |parent| {
            parent.close(ParentStatus::Canceled, Reason::CanceledByUser);
        });
    }

    pub(crate) fn pause(&mut self, desk: &mut Desk, ts: Ts, command: &PauseParent, out: &mut Vec<Output>) {
        self.change(desk, ts, (command.parent_id, PauseParent::KIND), out, |parent| {
            parent.status = ParentStatus::Paused;
        });
    }

    pub(crate) fn resume(&mut self, desk: &mut Desk, ts: Ts, command: &ResumeParent, out: &mut Vec<Output>) {
        self.change(desk, ts, (command.parent_id, ResumeParent::KIND), out, |parent| {
            parent.status = if parent.is_arrived { ParentStatus::Working } else { ParentStatus::Waiting };
        });
    }

    fn change(
        &mut self,
        desk: &mut Desk,
        ts: Ts,
        (parent_id, kind): (ParentId, u16),
        out: &mut Vec<Output>,
        act: fn(&mut Parent),
    ) {
        let slot = self.by_id.get(&parent_id).copied();
        let found = slot.and_then(|slot| Some((slot, self.take(desk, slot)?)));
        match found {
            Some((slot, mut parent)) if !parent.status.is_closed() => {
                act(&mut parent);
                parent.stop_children(&mut self.act(desk, ts, out));
                parent.tell(out);
                self.on_due(desk, ts, slot, &mut parent, out);
                self.put(slot, parent);
            }
            other => {
                if let Some((slot, parent)) = other {
                    self.put(slot, parent);
                }
                let unknown = Refusal::new(Reason::UnknownParent, parent_id.0, 0);
                out.push(refused(parent_id.0, kind, NO_INSTRUMENT, unknown));
            }
        }
    }

    /// A trade of the message that is coming in.
    pub(crate) fn on_trade(&mut self, instrument: InstrumentId, price: Price, lots: Qty, is_buy: bool) {
        if self.trade_readers.get(instrument.index()).is_some_and(|readers| !readers.is_empty()) {
            self.trades.push((instrument, price, lots, is_buy));
        }
    }

    /// A message of an instrument is complete: who waited for its book arrives, who reads it is woken.
    pub(crate) fn on_message(
        &mut self,
        desk: &mut Desk,
        ts: Ts,
        (instrument, is_changed): (InstrumentId, bool),
        out: &mut Vec<Output>,
    ) {
        let trades = core::mem::take(&mut self.trades);
        for (instrument, price, lots, is_buy) in &trades {
            let args = [price.get(), lots.get(), i64::from(*is_buy)];
            self.wake_readers(desk, ts, *instrument, Some(args), out);
        }
        self.trades = trades;
        self.trades.clear();
        if !is_changed {
            return;
        }
        self.wake_readers(desk, ts, instrument, None, out);
        let waiting = self.waiting.get_mut(instrument.index()).map(core::mem::take).unwrap_or_default();
        for slot in waiting {
            if let Some(mut parent) = self.take(desk, slot) {
                if !parent.is_arrived && !parent.status.is_closed() {
                    self.arrive(desk, ts, slot, &mut parent, out);
                }
                self.put(slot, parent);
            }
        }
    }

    /// Wakes who reads a book (or its trades); those that have closed are left out from now on.
    fn wake_readers(
        &mut self,
        desk: &mut Desk,
        ts: Ts,
        instrument: InstrumentId,
        trade: Option<[i64; 3]>,
        out: &mut Vec<Output>,
    ) {
        fn list_of(parents: &mut Parents, at: usize, is_trade: bool) -> Option<&mut Vec<Slot>> {
            let lists = if is_trade { &mut parents.trade_readers } else { &mut parents.readers };
            lists.get_mut(at)
        }
        let at = instrument.index();
        let Some(mut slots) = list_of(self, at, trade.is_some()).map(core::mem::take) else { return };
        slots.retain(|slot| {
            let Some(mut parent) = self.take(desk, *slot) else { return false };
            if parent.is_running()
                && let Some(venue) = parent.venue_of(instrument)
            {
                let venue = i64::try_from(venue).unwrap_or(i64::MAX);
                match trade {
                    Some([price, lots, is_buy]) => {
                        self.run(desk, ts, &mut parent, (Entry::Trade, [venue, price, lots, is_buy]), out);
                    }
                    None => {
                        parent.take_would(&mut self.act(desk, ts, out));
                        self.run(desk, ts, &mut parent, (Entry::Book, [venue, 0, 0, 0]), out);
                    }
                }
                parent.settle(&mut self.act(desk, ts, out));
            }
            let is_open = !parent.status.is_closed();
            self.put(*slot, parent);
            is_open
        });
        if let Some(list) = list_of(self, at, trade.is_some()) {
            // Who arrived meanwhile stands behind who was there.
            slots.append(list);
            *list = slots;
        }
    }

    /// Time has come to `ts`.
    pub(crate) fn on_timer(&mut self, desk: &mut Desk, ts: Ts, out: &mut Vec<Output>) {
        while let Some((_, slot)) = self.timers.first().filter(|(due, _)| *due <= ts) {
            let Some(mut parent) = self.take(desk, slot) else {
                self.timers.set(slot, None);
                continue;
            };
            self.on_due(desk, ts, slot, &mut parent, out);
            self.put(slot, parent);
        }
    }

    /// Does what is due of a parent: its start, its end, cancels to be asked for again, its program's time.
    fn on_due(&mut self, desk: &mut Desk, ts: Ts, slot: Slot, parent: &mut Box<Parent>, out: &mut Vec<Output>) {
        let has_end = parent.command.at_end != AtEnd::Keep && !matches!(parent.phase, Phase::Ending(_));
        if has_end && !parent.status.is_closed() && parent.ts_end.is_some_and(|end| end <= ts) {
            parent.end(&mut self.act(desk, ts, out));
        }
        if parent.awaits_start && !parent.status.is_closed() && parent.ts_start <= ts {
            parent.awaits_start = false;
            self.arrive(desk, ts, slot, parent, out);
        }
        if parent.ts_retry.is_some_and(|due| due <= ts) {
            parent.stop_children(&mut self.act(desk, ts, out));
        }
        self.start(desk, ts, parent, out);
        if parent.is_running() && parent.ts_refused.is_some_and(|due| due <= ts) {
            self.tell_refused(desk, ts, parent, out);
        }
        if parent.is_running() && parent.ts_wake.is_some_and(|due| due <= ts) {
            parent.woken(ts);
            self.run(desk, ts, parent, (Entry::Timer, [0; 4]), out);
        }
        parent.settle(&mut self.act(desk, ts, out));
    }

    /// Takes the arrival, or waits for the book that is missing.
    fn arrive(&mut self, desk: &mut Desk, ts: Ts, slot: Slot, parent: &mut Box<Parent>, out: &mut Vec<Output>) {
        if let Err(instrument) = parent.arrive(&mut self.act(desk, ts, out)) {
            if let Some(waiting) = self.waiting.get_mut(instrument.index())
                && !waiting.contains(&slot)
            {
                waiting.push(slot);
            }
            return;
        }
        parent.tell(out);
        if parent.status.is_closed() {
            return;
        }
        let meta = self.algos.of(parent).map(|loaded| loaded.meta.clone());
        let has = |entry| meta.as_ref().is_some_and(|meta| meta.entry(entry).is_some());
        let (reads, reads_trades) = (has(Entry::Book) || parent.command.would > Fraction::ZERO, has(Entry::Trade));
        for venue in &parent.venues {
            let at = venue.instrument.index();
            if let Some(list) = self.readers.get_mut(at).filter(|_| reads) {
                list.push(slot);
            }
            if let Some(list) = self.trade_readers.get_mut(at).filter(|_| reads_trades) {
                list.push(slot);
            }
        }
        self.start(desk, ts, parent, out);
        parent.settle(&mut self.act(desk, ts, out));
    }

    /// Calls the program for the arrival, once, when the parent works.
    fn start(&mut self, desk: &mut Desk, ts: Ts, parent: &mut Box<Parent>, out: &mut Vec<Output>) {
        if parent.is_running() && !parent.is_started {
            parent.is_started = true;
            parent.take_would(&mut self.act(desk, ts, out));
            self.run(desk, ts, parent, (Entry::Start, [0; 4]), out);
        }
    }

    /// Calls the program, does what it asks for, and tells it of children that never went.
    fn run(
        &mut self,
        desk: &mut Desk,
        ts: Ts,
        parent: &mut Box<Parent>,
        call: (Entry, [i64; 4]),
        out: &mut Vec<Output>,
    ) {
        self.call(desk, ts, parent, call, out);
        if !parent.refused.is_empty() && parent.ts_refused.is_none() {
            self.tell_refused(desk, ts, parent, out);
        }
    }

    /// Tells the program of children that never went. Of those that are refused meanwhile it is told later.
    fn tell_refused(&mut self, desk: &mut Desk, ts: Ts, parent: &mut Box<Parent>, out: &mut Vec<Output>) {
        parent.ts_refused = None;
        for child in core::mem::take(&mut parent.refused) {
            self.call(desk, ts, parent, (Entry::Child, [child, 0, 0, 0]), out);
        }
        parent.ts_refused = (!parent.refused.is_empty()).then_some(ts.plus_ns(TELL_AGAIN_NS));
    }

    fn call(
        &mut self,
        desk: &mut Desk,
        ts: Ts,
        parent: &mut Box<Parent>,
        call: (Entry, [i64; 4]),
        out: &mut Vec<Output>,
    ) {
        if !parent.is_running() {
            return;
        }
        let mut asks = core::mem::take(&mut self.asks);
        let outcome = self.algos.call(&mut desk.ground, parent, ts, call, &mut asks);
        if !asks.is_empty() {
            let children = self.algos.of(parent).map_or(0, |loaded| loaded.meta.children);
            let children_max = parent.numbered_before.saturating_add(children.into());
            parent.perform(&mut self.act(desk, ts, out), &asks, children_max);
            asks.clear();
        }
        self.asks = asks;
        if let Some(Outcome::Stopped { trap, statement, fuel_used, reason }) = outcome {
            let parent_id = parent.command.parent_id;
            out.push(ProgramStopped { parent_id, trap, statement, fuel_used, reason }.into());
            self.stop(desk, ts, parent, reason, out);
        }
    }

    /// Handles the working orders of a program that was stopped, as its contract says.
    fn stop(&mut self, desk: &mut Desk, ts: Ts, parent: &mut Box<Parent>, reason: Reason, out: &mut Vec<Output>) {
        let on_stop = match self.algos.of(parent) {
            Some(loaded) if !parent.is_fallback => loaded.meta.on_stop,
            Some(_) | None => OnStop::Cancel,
        };
        let has_end = parent.ts_end.is_some();
        parent.refused.clear();
        (parent.ts_wake, parent.ts_refused) = (None, None);
        match on_stop {
            OnStop::Leave => parent.phase = Phase::Left(reason),
            OnStop::Twap if has_end && self.algos.has_fallback() => {
                (parent.is_fallback, parent.is_started) = (true, false);
                (parent.rest_from, parent.ts_start) = (parent.cum, ts);
                parent.numbered_before = parent.numbered;
                parent.state = self.algos.new_state(parent);
                parent.cancel(&mut self.act(desk, ts, out), |_| true);
                self.start(desk, ts, parent, out);
            }
            OnStop::Cancel | OnStop::Twap => {
                parent.close(ParentStatus::Canceled, reason);
                parent.stop_children(&mut self.act(desk, ts, out));
            }
        }
    }

    /// A child's fill, or one undone.
    pub(crate) fn on_fill(&mut self, fill: &FillBooked) {
        let Some((slot, parent)) = self.find(fill.parent_id) else { return };
        let child = parent.on_fill(fill);
        let venue = parent.venue_of(fill.instrument).and_then(|venue| i64::try_from(venue).ok());
        if let Some(venue) = venue.filter(|_| !fill.is_reversal) {
            self.notices.push((slot, Entry::Fill, [venue, child, fill.last_px.get(), fill.last_qty.get()]));
        }
        self.touch(slot);
    }

    /// A child's new state; `unbooked` lots of it may still be booked.
    pub(crate) fn on_update(&mut self, update: &OrderUpdated, unbooked: Qty) {
        let Some((slot, parent)) = self.find(update.parent_id) else { return };
        if let Some(child) = parent.on_update(update, unbooked) {
            self.notices.push((slot, Entry::Child, [child, 0, 0, 0]));
        }
        self.touch(slot);
    }

    fn find(&mut self, parent_id: ParentId) -> Option<(Slot, &mut Parent)> {
        let slot = self.by_id.get(&parent_id).copied()?;
        Some((slot, self.slots.get_mut(slot)?.as_mut()?))
    }

    fn touch(&mut self, slot: Slot) {
        if !self.touched.contains(&slot) {
            self.touched.push(slot);
        }
    }

    /// After the reports: programs are told of them, and parents whose children changed go on.
    pub(crate) fn settle(&mut self, desk: &mut Desk, ts: Ts, out: &mut Vec<Output>) {
        let mut notices = core::mem::take(&mut self.notices);
        let mut touched = core::mem::take(&mut self.touched);
        for slot in touched.drain(..) {
            let Some(mut parent) = self.take(desk, slot) else { continue };
            for (_, entry, args) in notices.iter().filter(|(of, ..)| *of == slot) {
                if parent.is_running() {
                    self.run(desk, ts, &mut parent, (*entry, *args), out);
                }
            }
            parent.settle(&mut self.act(desk, ts, out));
            self.put(slot, parent);
        }
        notices.clear();
        (self.notices, self.touched) = (notices, touched);
    }

    fn act<'a>(&'a mut self, desk: &'a mut Desk, ts: Ts, out: &'a mut Vec<Output>) -> Act<'a> {
        Act { desk, ts, plan: &mut self.plan, out }
    }

    /// Takes a parent out of its slot to work with it.
    fn take(&mut self, desk: &Desk, slot: Slot) -> Option<Box<Parent>> {
        let mut parent = self.slots.get_mut(slot)?.take()?;
        parent.sync(desk);
        Some(parent)
    }

    /// Puts a parent back, and its time among the timers.
    fn put(&mut self, slot: Slot, mut parent: Box<Parent>) {
        let due = parent.next_timer();
        if due != parent.ts_due {
            self.timers.set(slot, due);
            parent.ts_due = due;
        }
        if parent.status.is_closed() && parent.is_counted {
            parent.is_counted = false;
            parent.state = Vec::new();
            self.open = self.open.saturating_sub(1);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(parent);
        }
    }
}

fn selects(instruments: u64, instrument: InstrumentId) -> bool {
    instruments.checked_shr(u32::from(instrument.0)).unwrap_or(0) & 1 == 1
}

/// The selected instruments and the finest lot of exposure among them: what sizes are planned in. Inverse contracts have
/// no fixed exposure and leave it to the others, or to the base unit. All have one base asset: exposures are summed.
fn venues_of(table: &[Instrument], instruments: u64) -> Result<(Amount, Vec<InstrumentId>), Refusal> {
    let count = i128::try_from(table.len()).unwrap_or(i128::MAX);
    if instruments.checked_shr(u32::try_from(table.len()).unwrap_or(u32::MAX)).unwrap_or(0) != 0 {
        return Err(Refusal::new(Reason::UnknownInstrument, instruments, count));
    }
    within(instruments, 1, u64::MAX)?;
    let lot = |instrument: &Instrument| match instrument.style {
        tiderace_types::Style::Inverse => None,
        tiderace_types::Style::Linear | tiderace_types::Style::Quanto => {
            instrument.exposure(Qty::new(1)?, Price::ZERO, Rounding::Ceil)
        }
    };
    let selected = table.iter().filter(|instrument| selects(instruments, instrument.id));
    let base = selected.clone().next().map(|instrument| instrument.base);
    if let Some(other) = selected.clone().find(|instrument| Some(instrument.base) != base) {
        return Err(Refusal::new(Reason::BadParameter, other.base.0, base.unwrap_or_default().0));
    }
    let lot = selected.clone().filter_map(lot).min().unwrap_or(Amount::new(1));
    Ok((lot, selected.map(|instrument| instrument.id).collect()))
}

/// 7001 with the bound that `value` broke.
fn within<T: Into<i128>>(value: T, low: T, high: T) -> Result<(), Refusal> {
    let (value, low, high) = (value.into(), low.into(), high.into());
    if value < low {
        return Err(Refusal::new(Reason::BadParameter, value, low));
    }
    if value > high {
        return Err(Refusal::new(Reason::BadParameter, value, high));
    }
    Ok(())
}

/// Controls within their ranges, and none that the algorithm does not work with (7013 with the control's number).
fn check_controls(command: &SubmitParent, meta: &Meta) -> Result<(), Refusal> {
    let SubmitParent { limit, would, would_qty, max_participation, clip_min, clip_max, .. } = *command;
    let SubmitParent { duration_ns, at_end, spread_max, range_max, .. } = *command;
    let has_end = duration_ns != 0 || at_end != AtEnd::Keep;
    let given = [
        (Control::Limit, limit != Fraction::ZERO),
        (Control::Would, would != Fraction::ZERO || would_qty != Amount::ZERO),
        (Control::Participation, max_participation != Fraction::ZERO),
        (Control::Clip, clip_min != Amount::ZERO || clip_max != Amount::ZERO),
        (Control::End, has_end),
        (Control::Gates, spread_max != Fraction::ZERO || range_max != Fraction::ZERO),
    ];
    let is_two_sided = meta.kind == Kind::TwoSided;
    for (control, is_given) in given {
        let is_of_one_side = match control {
            Control::Would => true,
            Control::End => at_end == AtEnd::Take,
            Control::Limit | Control::Participation | Control::Clip | Control::Gates => false,
        };
        if is_given && (!meta.controls.has(control) || (is_two_sided && is_of_one_side)) {
            return Err(Refusal::new(Reason::ControlRefused, control.number(), 0));
        }
    }
    let (most, one) = (Fraction::ONE.get().saturating_sub(1), Fraction::ONE.get());
    if meta.controls.has(Control::Limit) {
        within(limit.get(), 1, most)?;
    }
    within(would.get(), i64::from(would_qty != Amount::ZERO), most)?;
    within(would_qty.get(), 0, ORDER_QTY_MAX.get())?;
    within(max_participation.get(), 0, one)?;
    within(clip_max.get(), 0, ORDER_QTY_MAX.get())?;
    within(clip_min.get(), i128::from(clip_max > Amount::ZERO), clip_max.get())?;
    within(spread_max.get(), 0, i64::MAX)?;
    within(range_max.get(), 0, i64::MAX)
}

/// The times make sense: 7002.
fn check_times(ts: Ts, command: &SubmitParent) -> Result<(), Refusal> {
    let (start, duration) = (command.ts_start.get(), command.duration_ns);
    let least = i64::from(command.at_end != AtEnd::Keep);
    if duration < least {
        return Err(Refusal::new(Reason::BadTimes, duration, least));
    }
    if start < 0 {
        return Err(Refusal::new(Reason::BadTimes, start, 0));
    }
    let end = i128::from(start).saturating_add(duration.into());
    if end > i64::MAX.into() {
        return Err(Refusal::new(Reason::BadTimes, end, i64::MAX));
    }
    if start > 0 && duration > 0 && end <= ts.get().into() {
        return Err(Refusal::new(Reason::BadTimes, end, ts.get()));
    }
    Ok(())
}
