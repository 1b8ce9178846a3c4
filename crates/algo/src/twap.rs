//! TWAP as a state machine: the plan, how much of it is filled, and what the next slice should do about it.
//!
//! A slice wants what of its target is neither filled nor working, and no more than the largest of its own planned size,
//! `catch_up_cap` times the even slice, and the smallest child. What the cap cuts off, and what is below the smallest
//! child, joins later slices (so the last slice's cap is a smallest child wider than its own size); what is left when the
//! end is reached expires. Time goes on during a pause: the slices that passed are not made up one by
//! one, the latest of them is due at once on resumption, within its cap.
//!
//! Part of a slice (`passive_share`) is posted. What was posted and has not filled when the next slice comes is canceled
//! by the engine and simply still missing. The last slice posts nothing. What it misses (an immediate order finds less
//! than was displayed) is taken again, [`RETRIES`] times an interval until the end, all tries together within its cap.

use tiderace_types::input::SubmitParent;
use tiderace_types::num::div_round;
use tiderace_types::{Amount, Fraction, ParentStatus, Reason, Refusal, Rounding, Ts};

use crate::schedule::{ORDER_QTY_MAX, SLICES_MAX, Schedule};

/// Tries at what the last slice missed, in one even interval.
pub const RETRIES: i64 = 8;

/// What a slice asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceDue {
    /// Slice number from zero, as planned; numbers that a pause or a late start passed over do not come.
    pub slice: u32,
    /// Exposure that should be filled when this slice is done.
    pub target: Amount,
    /// Exposure to be taken now.
    pub take: Amount,
    /// Exposure to be posted now.
    pub post: Amount,
    /// [`Reason::CatchUpCap`] where the cap cut off a part.
    pub reason: Reason,
}

/// A parent order worked by TWAP.
#[derive(Clone, Debug)]
pub struct Twap {
    parent: SubmitParent,
    lot: Amount,
    smallest_child: Amount,
    schedule: Option<Schedule>,
    ts_end: Option<Ts>,
    /// Index of the next slice of the schedule.
    next: usize,
    /// When the last slice is tried again.
    ts_retry: Option<Ts>,
    /// What was filled when the last slice came due.
    cum_qty_before_last: Amount,
    cum_qty: Amount,
    status: ParentStatus,
    reason: Reason,
}

impl Twap {
    /// A parent that waits for its start. `lot` is the smallest step of exposure that sizes are planned in.
    ///
    /// # Errors
    /// 7001 or 7002 with the parameter's value and the bound that it broke. In order: `lot`, `order_qty`, `limit`,
    /// `slices`, the jitters, `catch_up_cap`, `passive_share`, `instruments`; `duration_ns`, `ts_start`.
    pub fn new(ts: Ts, parent: &SubmitParent, lot: Amount) -> Result<Self, Refusal> {
        let one = Fraction::ONE.get();
        within(lot.get(), 1, ORDER_QTY_MAX.get())?;
        within(parent.order_qty.get(), lot.get(), ORDER_QTY_MAX.get())?;
        within(parent.limit.get(), 1, one.saturating_sub(1))?;
        within(parent.slices, 1, SLICES_MAX)?;
        within(parent.size_jitter.get(), 0, one)?;
        within(parent.time_jitter.get(), 0, one)?;
        within(parent.catch_up_cap.get(), one, i64::MAX)?;
        within(parent.passive_share.get(), 0, one)?;
        within(parent.instruments, 1, u64::MAX)?;
        let ts_end = check_times(ts, parent)?;
        Ok(Self {
            parent: *parent,
            lot,
            smallest_child: lot,
            schedule: None,
            ts_end,
            next: 0,
            ts_retry: None,
            cum_qty_before_last: Amount::ZERO,
            cum_qty: Amount::ZERO,
            status: ParentStatus::Waiting,
            reason: Reason::None,
        })
    }

    /// Makes the plan, once, when the arrival is known: from `ts_arrival`, or from the command's own start. No slice
    /// smaller than `smallest_child` (what any venue accepts, as exposure) is planned at the end.
    pub fn start(&mut self, ts_arrival: Ts, smallest_child: Amount) {
        if self.schedule.is_some() || self.status.is_closed() {
            return;
        }
        let ts_start = if self.parent.ts_start == Ts::ZERO { ts_arrival } else { self.parent.ts_start };
        self.smallest_child = smallest_child.max(self.lot);
        self.schedule = Some(Schedule::new(&self.parent, ts_start, self.lot, self.smallest_child));
        self.ts_end = Some(ts_start.plus_ns(self.parent.duration_ns));
        if self.status == ParentStatus::Waiting {
            self.status = ParentStatus::Working;
        }
    }

    /// What any venue accepts, as exposure, moves with the prices; the plan stays.
    pub fn set_smallest_child(&mut self, smallest_child: Amount) {
        if self.schedule.is_some() {
            self.smallest_child = smallest_child.max(self.lot);
        }
    }

    /// When [`Twap::on_timer`] is wanted next: the next slice's time (in the past after a resumption: at once), or the
    /// end. `None` when closed, or while an arrival is waited for that gives the start.
    #[must_use]
    pub fn next_timer(&self) -> Option<Ts> {
        match self.status {
            ParentStatus::Waiting | ParentStatus::Paused => self.ts_end,
            ParentStatus::Working => self.next_slice_ts().or(self.ts_retry).min(self.ts_end).or(self.ts_end),
            ParentStatus::Completed | ParentStatus::Expired | ParentStatus::Canceled | ParentStatus::Rejected => None,
        }
    }

    /// The clock is at `ts`; `working` is the exposure of children that may still fill (those on their way to be
    /// canceled included). Gives the latest slice that has come due. At the end it gives none and the status becomes
    /// [`ParentStatus::Expired`], or `Completed` where what is left is dust.
    pub fn on_timer(&mut self, ts: Ts, working: Amount) -> Option<SliceDue> {
        if self.status.is_closed() {
            return None;
        }
        if self.ts_end.is_some_and(|end| ts >= end) {
            self.expire();
            return None;
        }
        if self.status != ParentStatus::Working {
            return None;
        }
        let mut due = None;
        while self.next_slice_ts().is_some_and(|next| next <= ts) {
            due = Some(self.next);
            self.next = self.next.saturating_add(1);
        }
        match due {
            Some(index) => {
                if self.next_slice_ts().is_none() {
                    self.cum_qty_before_last = self.cum_qty;
                    self.ts_retry = self.ts_after(ts);
                }
                self.slice_due(index, working, 0)
            }
            None => self.retry(ts, working),
        }
    }

    /// The last slice again, where it missed something.
    fn retry(&mut self, ts: Ts, working: Amount) -> Option<SliceDue> {
        self.ts_retry.filter(|due| *due <= ts)?;
        self.ts_retry = self.ts_after(ts);
        // A bust of earlier slices does not widen the cap; what works may still fill, and counts as tried.
        let filled = self.cum_qty.get().saturating_sub(self.cum_qty_before_last.get()).max(0);
        let tried = filled.saturating_add(working.get().max(0));
        let due = self.slice_due(self.next.saturating_sub(1), working, tried)?;
        (due.take > Amount::ZERO).then_some(due)
    }

    /// The next try after `ts`.
    fn ts_after(&self, ts: Ts) -> Option<Ts> {
        let tries = i64::from(self.parent.slices).saturating_mul(RETRIES).max(1);
        let step_ns = self.parent.duration_ns.div_euclid(tries).max(1);
        Some(ts.plus_ns(step_ns)).filter(|due| self.ts_end.is_none_or(|end| *due < end))
    }

    /// Exposure filled (below zero: a fill undone).
    pub fn on_fill(&mut self, exposure: Amount) {
        self.cum_qty = Amount::new(self.cum_qty.get().saturating_add(exposure.get()));
    }

    /// Stops slices until [`Twap::resume`]; time goes on.
    ///
    /// # Errors
    /// 1014 when the parent has closed.
    pub fn pause(&mut self) -> Result<(), Refusal> {
        self.check_open()?;
        self.status = ParentStatus::Paused;
        Ok(())
    }

    /// Goes on after a pause.
    ///
    /// # Errors
    /// 1014 when the parent has closed.
    pub fn resume(&mut self) -> Result<(), Refusal> {
        self.check_open()?;
        self.status = if self.schedule.is_some() { ParentStatus::Working } else { ParentStatus::Waiting };
        Ok(())
    }

    /// Stops for good.
    ///
    /// # Errors
    /// 1014 when the parent has closed.
    pub fn cancel(&mut self) -> Result<(), Refusal> {
        self.check_open()?;
        self.close(ParentStatus::Canceled, Reason::CanceledByUser);
        Ok(())
    }

    /// Closes as [`ParentStatus::Completed`]; the engine calls it once [`Twap::is_complete`] says so.
    pub fn complete(&mut self) {
        if !self.status.is_closed() {
            let reason = if self.leaves_qty() > Amount::ZERO { Reason::Dust } else { Reason::None };
            self.close(ParentStatus::Completed, reason);
        }
    }

    /// Closes as [`ParentStatus::Rejected`]: what only the arrival shows, such as a quantity that no venue accepts.
    pub fn reject(&mut self, reason: Reason) {
        if !self.status.is_closed() {
            self.close(ParentStatus::Rejected, reason);
        }
    }

    /// Whether what is left is below `smallest_child`, what any venue would accept.
    #[must_use]
    pub fn is_complete(&self, smallest_child: Amount) -> bool {
        self.leaves_qty() == Amount::ZERO || self.leaves_qty() < smallest_child
    }

    /// Where it stands.
    #[must_use]
    pub const fn status(&self) -> ParentStatus {
        self.status
    }

    /// Why it stands there, where there is a why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The command.
    #[must_use]
    pub const fn parent(&self) -> &SubmitParent {
        &self.parent
    }

    /// The plan, once started.
    #[must_use]
    pub const fn schedule(&self) -> Option<&Schedule> {
        self.schedule.as_ref()
    }

    /// When time runs out, once known.
    #[must_use]
    pub const fn ts_end(&self) -> Option<Ts> {
        self.ts_end
    }

    /// Exposure filled.
    #[must_use]
    pub const fn cum_qty(&self) -> Amount {
        self.cum_qty
    }

    /// Exposure not yet filled, never below zero.
    #[must_use]
    pub fn leaves_qty(&self) -> Amount {
        Amount::new(self.parent.order_qty.get().saturating_sub(self.cum_qty.get()).max(0))
    }

    fn next_slice_ts(&self) -> Option<Ts> {
        self.schedule.as_ref()?.slices().get(self.next).map(|slice| slice.ts)
    }

    /// What a slice asks for, where `tried` of its cap is used up.
    fn slice_due(&self, index: usize, working: Amount, tried: i128) -> Option<SliceDue> {
        let schedule = self.schedule.as_ref()?;
        let slice = schedule.slices().get(index)?;
        let is_last = index.saturating_add(1) == schedule.slices().len();
        // What works may still fill: a slice that left it out would run ahead of its target.
        let covered = self.cum_qty.get().saturating_add(working.get().max(0));
        let wanted = slice.target.get().saturating_sub(covered).max(0);
        let smallest = self.smallest_child_in_lots();
        let own_qty = schedule.own_qty(index);
        // Slices before the last leave less than a smallest child waiting, which only the last can still send.
        let own_cap = if is_last { own_qty.saturating_add(smallest) } else { own_qty.max(smallest) };
        let cap = self.catch_up().max(own_cap).saturating_sub(tried).max(0);
        let (reason, qty) = if wanted > cap { (Reason::CatchUpCap, cap) } else { (Reason::None, wanted) };
        let qty = if is_last { qty } else { self.whole_lots(qty) };
        let (take, post) = match qty < self.smallest_child.get() {
            true => (0, 0),
            false if is_last => (qty, 0),
            false => self.split(qty),
        };
        Some(SliceDue {
            slice: u32::try_from(index).unwrap_or(u32::MAX),
            target: slice.target,
            take: Amount::new(take),
            post: Amount::new(post),
            reason,
        })
    }

    /// `catch_up_cap` times the even slice, rounded down.
    fn catch_up(&self) -> i128 {
        let capped = self.parent.order_qty.times(self.parent.catch_up_cap, Rounding::Floor).unwrap_or(Amount::MAX);
        capped.get().div_euclid(i128::from(self.parent.slices.max(1)))
    }

    fn whole_lots(&self, qty: i128) -> i128 {
        qty.saturating_sub(qty.checked_rem_euclid(self.lot.get()).unwrap_or(0))
    }

    fn smallest_child_in_lots(&self) -> i128 {
        let lot = self.lot.get();
        let lots = div_round(self.smallest_child.get(), lot, Rounding::Ceil).and_then(|lots| lots.checked_mul(lot));
        lots.unwrap_or(i128::MAX)
    }

    /// What of `qty` is taken and what is posted. Neither part is dust: a part that no venue would accept goes with the
    /// other one.
    fn split(&self, qty: i128) -> (i128, i128) {
        let share = Amount::new(qty).times(self.parent.passive_share, Rounding::Floor).unwrap_or(Amount::ZERO);
        let post = self.whole_lots(share.get());
        let take = qty.saturating_sub(post);
        let smallest = self.smallest_child.get();
        if post < smallest {
            (qty, 0)
        } else if take < smallest {
            (0, qty)
        } else {
            (take, post)
        }
    }

    fn check_open(&self) -> Result<(), Refusal> {
        match self.status.is_closed() {
            true => Err(Refusal::new(Reason::UnknownParent, self.parent.parent_id.0, 0)),
            false => Ok(()),
        }
    }

    fn expire(&mut self) {
        if self.is_complete(self.smallest_child) {
            self.complete();
        } else {
            self.close(ParentStatus::Expired, Reason::EndReached);
        }
    }

    fn close(&mut self, status: ParentStatus, reason: Reason) {
        self.status = status;
        self.reason = reason;
    }
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

/// The end, where the command's own start gives it.
fn check_times(ts: Ts, parent: &SubmitParent) -> Result<Option<Ts>, Refusal> {
    let (start, duration) = (parent.ts_start.get(), parent.duration_ns);
    // A slice needs a nanosecond of its own.
    if duration < i64::from(parent.slices) {
        return Err(Refusal::new(Reason::BadTimes, duration, parent.slices));
    }
    if start < 0 {
        return Err(Refusal::new(Reason::BadTimes, start, 0));
    }
    let end = i128::from(start).saturating_add(duration.into());
    if end > i64::MAX.into() {
        return Err(Refusal::new(Reason::BadTimes, end, i64::MAX));
    }
    if start == 0 {
        return Ok(None);
    }
    let end = parent.ts_start.plus_ns(duration);
    if end <= ts { Err(Refusal::new(Reason::BadTimes, end.get(), ts.get())) } else { Ok(Some(end)) }
}
