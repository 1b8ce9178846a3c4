//! One order: what was asked, what was filled, what is under way, and the OrdStatus that follows from these.

use tiderace_types::event::{OrderSent, OrderUpdated};
use tiderace_types::ids::Tags;
use tiderace_types::{ClOrdId, InstrumentId, OrdStatus, OrdType, ParentId, Price, Qty, Reason, Side, TimeInForce};

/// How far the venue has taken the order, fills aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// No word of the venue yet.
    PendingNew,
    /// The venue has it.
    Live,
    /// Ended by cancel, by us or by the venue.
    Canceled,
    /// Ended by its time in force.
    Expired,
    /// Never accepted.
    Rejected,
}

/// A replace under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replace {
    pub(crate) cl_ord_id: ClOrdId,
    pub(crate) order_qty: Qty,
    pub(crate) price: Price,
}

/// One order.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Our key; after a replace the new one.
    pub cl_ord_id: ClOrdId,
    /// Parent; zero for a strategy's own order.
    pub parent_id: ParentId,
    /// Who it is for.
    pub tags: Tags,
    /// The venue's key (FIX 37); zero until known.
    pub order_id: u64,
    /// Where.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Market or limit.
    pub ord_type: OrdType,
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// Refused rather than taking.
    pub post_only: bool,
    /// Lots.
    pub order_qty: Qty,
    /// Ticks.
    pub price: Price,
    /// Lots filled: the sum of what is booked.
    pub cum_qty: Qty,
    /// Lots filled as the venue counts, at the most that it has said.
    pub(crate) venue_cum_qty: Qty,
    pub(crate) life: Life,
    /// Key of a cancel under way.
    pub(crate) cancel: Option<ClOrdId>,
    /// A replace under way.
    pub(crate) replace: Option<Replace>,
    /// The venue called the order closed in passing; its own report of that is waited for.
    pub(crate) is_suspect: bool,
    /// An answer did not come in time.
    pub(crate) is_overdue: bool,
    /// The difference to the venue's CumQty was raised as a break already.
    pub(crate) is_mismatch_raised: bool,
}

impl Order {
    pub(crate) const fn new(sent: &OrderSent) -> Self {
        Self {
            cl_ord_id: sent.cl_ord_id,
            parent_id: sent.parent_id,
            tags: sent.tags,
            order_id: 0,
            instrument: sent.instrument,
            side: sent.side,
            ord_type: sent.ord_type,
            time_in_force: sent.time_in_force,
            post_only: sent.post_only,
            order_qty: sent.order_qty,
            price: sent.price,
            cum_qty: Qty::ZERO,
            venue_cum_qty: Qty::ZERO,
            life: Life::PendingNew,
            cancel: None,
            replace: None,
            is_suspect: false,
            is_overdue: false,
            is_mismatch_raised: false,
        }
    }

    /// Where the order stands, computed from quantities and from what is under way. Filled outweighs what else a venue
    /// may have said; an unanswered request outweighs New and PartiallyFilled.
    #[must_use]
    pub fn ord_status(&self) -> OrdStatus {
        if self.is_filled() {
            return OrdStatus::Filled;
        }
        match self.life {
            Life::Canceled => OrdStatus::Canceled,
            Life::Expired => OrdStatus::Expired,
            Life::Rejected if self.cum_qty > Qty::ZERO => OrdStatus::Canceled,
            Life::Rejected => OrdStatus::Rejected,
            Life::PendingNew | Life::Live if self.is_overdue => OrdStatus::Unknown,
            Life::PendingNew | Life::Live if self.cancel.is_some() => OrdStatus::PendingCancel,
            Life::PendingNew | Life::Live if self.replace.is_some() => OrdStatus::PendingReplace,
            Life::PendingNew => OrdStatus::PendingNew,
            Life::Live if self.cum_qty > Qty::ZERO => OrdStatus::PartiallyFilled,
            Life::Live => OrdStatus::New,
        }
    }

    /// Whether the order can trade no more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_filled() || matches!(self.life, Life::Canceled | Life::Expired | Life::Rejected)
    }

    /// Lots left to trade; zero once closed.
    #[must_use]
    pub fn leaves_qty(&self) -> Qty {
        if self.is_closed() { Qty::ZERO } else { self.order_qty.saturating_sub(self.cum_qty) }
    }

    /// Lots that may still be booked: what is left to trade; once closed, what the venue counts and has not reported.
    #[must_use]
    pub fn unbooked_qty(&self) -> Qty {
        let total = if self.is_closed() { self.venue_cum_qty.min(self.order_qty) } else { self.order_qty };
        total.saturating_sub(self.cum_qty)
    }

    /// Nothing left to fill, not even by a larger total that is under way.
    fn is_filled(&self) -> bool {
        let total = self.replace.map_or(self.order_qty, |replace| replace.order_qty.max(self.order_qty));
        self.cum_qty >= total
    }

    /// The venue counts fills that have not come, and nobody was told.
    pub(crate) fn is_missing_fills(&self) -> bool {
        self.venue_cum_qty > self.cum_qty && !self.is_mismatch_raised
    }

    /// An open order waits for a word about itself.
    pub(crate) fn is_unanswered(&self) -> bool {
        let is_pending = self.life == Life::PendingNew || self.cancel.is_some() || self.replace.is_some();
        !self.is_closed() && (is_pending || self.is_suspect)
    }

    /// The replace under way took effect.
    pub(crate) fn adopt_replace(&mut self) {
        if let Some(replace) = self.replace.take() {
            self.cl_ord_id = replace.cl_ord_id;
            self.order_qty = replace.order_qty;
            self.price = replace.price;
        }
    }

    pub(crate) fn updated(&self, reason: Reason) -> OrderUpdated {
        OrderUpdated {
            cl_ord_id: self.cl_ord_id,
            parent_id: self.parent_id,
            instrument: self.instrument,
            side: self.side,
            ord_status: self.ord_status(),
            order_qty: self.order_qty,
            cum_qty: self.cum_qty,
            leaves_qty: self.leaves_qty(),
            price: self.price,
            reason,
        }
    }
}
