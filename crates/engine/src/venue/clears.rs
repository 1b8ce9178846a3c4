//! What clearing brings about by itself: funding, settlements, expiries, and the way down of who cannot pay.

use tiderace_clear::Action;
use tiderace_types::venue::Event;
use tiderace_types::{InstrumentId, Reason, TradingState, Ts};

use super::Venue;
use super::core::Asked;
use super::orders::Row;

/// The last time that something can be due at.
const LAST: Ts = Ts::new(i64::MAX - 1);

impl Venue {
    /// Carries clearing on to a time, and does what follows.
    pub(super) fn clearing_timer(&mut self, ts: Ts, out: &mut Vec<Event>) {
        let mut actions = ::core::mem::take(&mut self.actions);
        // The end of time itself never comes: what is due then is due never.
        self.core.clearing.advance(ts.min(LAST), &mut actions);
        for action in actions.drain(..) {
            self.on_action(&action, out);
        }
        self.actions = actions;
    }

    fn on_action(&mut self, action: &Action, out: &mut Vec<Event>) {
        match *action {
            Action::Expired { instrument, .. } => self.close_market(instrument, out),
            Action::Warn { .. }
            | Action::CancelRiskAdding { .. }
            | Action::Liquidate { .. }
            | Action::AuctionOpened { .. }
            | Action::AuctionClosed { .. }
            | Action::LayerUsed { .. }
            | Action::Deleveraged { .. }
            | Action::FundingPaid { .. }
            | Action::Settled { .. }
            | Action::Missing { .. } => {}
        }
    }

    /// An instrument that is settled trades no more: its orders end.
    fn close_market(&mut self, at: InstrumentId, out: &mut Vec<Event>) {
        let is_there = |row: &Row| row.instrument == at;
        let mut ids: Vec<u64> = self.core.orders.all().filter(|row| is_there(row)).map(|row| row.order_id).collect();
        ids.sort_unstable();
        for order_id in ids {
            self.cancel_one(order_id, Reason::InstrumentExpired, out);
        }
        self.core.asked = Asked::Nothing;
        self.with_market(at, out, |market, desk, now, events| {
            market.set_state(now, TradingState::Closed, Reason::InstrumentExpired, desk, events);
        });
    }
}
