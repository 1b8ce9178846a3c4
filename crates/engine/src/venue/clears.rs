//! What clearing brings about by itself: funding, settlements, expiries, and the way down of who cannot pay.
//!
//! Clearing decides and says what is to be done; here it is done in the markets, and answered. A liquidation is an
//! immediate-or-cancel order of the account that is short, without a client's id and without the account's controls; of
//! it only its fills are reported. Where its market does not trade it waits, for a while: an auction of the portfolio
//! costs more than a halt does.

use tiderace_clear::{Action, Layer, OrderHold, PayoffEntry, PayoffTrap, Stage};
use tiderace_types::venue::{
    AuctionBid, AuctionClosed, AuctionOpened, ClearingStalled, Deleveraged, Event, FundingPaid, InstrumentSettled,
    LayerUsed, MarginCalled, NewOrder, PayoffObserved, PayoffPaid, PayoffTrapped,
};
use tiderace_types::{
    AccountId, Amount, ClOrdId, InstrumentId, Price, Qty, Reason, Refusal, Side, TimeInForce, TradingState, Ts,
};

use super::Venue;
use super::core::Asked;
use super::enter::Links;
use super::orders::Row;

/// The last time that something can be due at: the end of time itself never comes.
const LAST: Ts = Ts::new(i64::MAX - 1);
/// How long a liquidation waits for its market, where the genesis does not say.
const LIQUIDATION_WAIT_NS: i64 = 300_000_000_000;
/// Nobody, where an event names an account or a member.
const NOBODY: u32 = u32::MAX;

impl Venue {
    /// Carries clearing on to a time, and does what follows.
    pub(super) fn clearing_timer(&mut self, ts: Ts, out: &mut Vec<Event>) {
        let mut actions = ::core::mem::take(&mut self.actions);
        self.core.clearing.advance(ts.min(LAST), &mut actions);
        self.act(actions, out);
    }

    /// Looks at who is short of margin; false where nobody is.
    pub(super) fn settle_clearing(&mut self, out: &mut Vec<Event>) -> bool {
        let mut actions = ::core::mem::take(&mut self.actions);
        self.core.clearing.review(&mut actions);
        let any = !actions.is_empty();
        self.act(actions, out);
        any
    }

    /// A bid for a defaulter's portfolio.
    pub(super) fn bid(&mut self, of: &AuctionBid, out: &mut Vec<Event>) -> Result<(), Refusal> {
        let mut actions = ::core::mem::take(&mut self.actions);
        let result = self.core.clearing.bid(of.account, of.defaulter, of.price, &mut actions);
        self.act(actions, out);
        result
    }

    /// Does what clearing asks for, in its order; the list goes back to be used again.
    fn act(&mut self, mut actions: Vec<Action>, out: &mut Vec<Event>) {
        for action in &actions {
            self.act_on(action, out);
        }
        actions.clear();
        self.actions = actions;
    }

    fn act_on(&mut self, action: &Action, out: &mut Vec<Event>) {
        match *action {
            Action::Warn { account } => self.call(account, false, out),
            Action::CancelRiskAdding { account } => {
                self.call(account, true, out);
                self.cancel_risk(account, out);
            }
            Action::Liquidate { account, instrument, .. } if self.waits_for(account, instrument, out) => {}
            Action::Liquidate { account, instrument, side, qty, limit } => {
                let before = self.core.clearing.qty(account, instrument);
                self.liquidate(account, instrument, (side, qty, limit), out);
                let filled = before.abs_diff(self.core.clearing.qty(account, instrument));
                let filled = i64::try_from(filled).ok().and_then(Qty::new).unwrap_or(Qty::MAX);
                self.core.clearing.liquidated(account, instrument, filled);
            }
            Action::AuctionOpened { account, ends } => {
                out.push(AuctionOpened { account, ts_ends: ends }.into());
                self.cancel_where(account, Reason::InDefault, |_| true, out);
            }
            Action::AuctionClosed { account, winner, price } => {
                // Positions changed hands wherever the portfolio had some.
                let all = self.config.instruments.iter().map(|listing| listing.instrument.id);
                all.for_each(|at| self.conditions.stir(at));
                out.push(AuctionClosed { account, winner: winner.unwrap_or(AccountId(NOBODY)), price }.into());
                self.cancel_flat(out);
            }
            Action::LayerUsed { account, layer, member, asset, amount } => {
                let (layer, member) = (layer_code(layer), member.unwrap_or(NOBODY));
                out.push(LayerUsed { account, layer, member, asset, amount }.into());
            }
            Action::Deleveraged { bankrupt, account, instrument, side, qty, price } => {
                let (defaulter, side) = (bankrupt, side.opposite());
                self.conditions.stir(instrument);
                out.push(Deleveraged { account, defaulter, instrument, side, qty, price }.into());
                self.cancel_flat(out);
            }
            Action::FundingPaid { instrument, rate } => {
                out.push(FundingPaid { instrument, rate: Amount::new(rate) }.into());
            }
            Action::Settled { .. } => {}
            Action::Expired { instrument, price } => {
                out.push(InstrumentSettled { instrument, price: Amount::new(price) }.into());
                self.close_market(instrument, out);
            }
            Action::PayoffObserved { instrument, number, price, amount } => {
                out.push(PayoffObserved { instrument, number, price, amount }.into());
            }
            Action::PayoffPaid { instrument, price, amount } => {
                out.push(PayoffPaid { instrument, price, amount }.into());
            }
            Action::PayoffTrapped { instrument, trap: PayoffTrap { entry, trap, statement, amount } } => {
                let (entry, amount) = (entry_code(entry), Amount::new(amount));
                out.push(PayoffTrapped { instrument, entry, trap, statement, amount }.into());
            }
            Action::Missing { instrument, reason } => out.push(ClearingStalled { instrument, reason }.into()),
        }
    }

    /// Whether a liquidation waits for its market to trade again; it does so until its time is over.
    fn waits_for(&mut self, account: AccountId, instrument: InstrumentId, out: &mut Vec<Event>) -> bool {
        let reason = self.market(instrument).and_then(|market| closed_by(market.state()));
        let wait_ns = self.config.clearing.liquidation_wait_ns.unwrap_or(LIQUIDATION_WAIT_NS);
        let Some(reason) = reason.filter(|_| wait_ns > 0) else { return false };
        let until = self.now.plus_ns(wait_ns);
        let is_new = !self.waiting.contains_key(&account);
        self.waiting.entry(account).or_insert((instrument, until)).0 = instrument;
        if is_new {
            out.push(ClearingStalled { instrument, reason }.into());
        }
        true
    }

    /// Goes on with liquidations whose market trades again, and with those that waited long enough: their portfolios
    /// are put up. False where none goes on.
    pub(super) fn settle_waiting(&mut self) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let mut any = false;
        for (account, (instrument, until)) in core::mem::take(&mut self.waiting) {
            if !matches!(self.stage(account), Stage::Reducing { .. }) {
                continue;
            }
            let trades = self.market(instrument).is_none_or(|market| closed_by(market.state()).is_none());
            if trades || until <= self.now {
                // One lot stands for a book that may have something to give, none for one that has not.
                let filled = Qty::new(i64::from(trades)).unwrap_or(Qty::ZERO);
                self.core.clearing.liquidated(account, instrument, filled);
                any = true;
            } else {
                self.waiting.insert(account, (instrument, until));
            }
        }
        any
    }

    fn call(&self, account: AccountId, is_liquidation: bool, out: &mut Vec<Event>) {
        let of = self.core.clearing.margin(account);
        let (asset, collateral, maintenance) = (of.asset, of.collateral, of.maintenance);
        out.push(MarginCalled { account, asset, collateral, maintenance, is_liquidation }.into());
    }

    /// Cancels the orders of an account that do not make a position smaller.
    fn cancel_risk(&mut self, account: AccountId, out: &mut Vec<Event>) {
        let clearing = &self.core.clearing;
        let adds = |row: &&Row| row.leaves_qty() > clearing.reducible(account, row.instrument, row.side);
        let rows = self.core.orders.of_account(account).filter(adds);
        let ids: Vec<u64> = rows.map(|row| row.order_id).collect();
        for order_id in ids {
            self.cancel_one(order_id, Reason::Liquidation, out);
        }
        self.cancel_conditions(Reason::Liquidation, |row| row.account == account && !row.reduce_only, out);
    }

    /// Cancels reduce-only orders that have nothing to reduce any more: positions went without a trade.
    fn cancel_flat(&mut self, out: &mut Vec<Event>) {
        let mut gone = Vec::new();
        let mut seen: Vec<(AccountId, InstrumentId)> = Vec::new();
        for (account, instrument, _) in &self.core.reduce_only {
            if !seen.contains(&(*account, *instrument)) {
                seen.push((*account, *instrument));
                self.core.flat(*account, *instrument, 0, &mut gone);
            }
        }
        for (order_id, reason) in gone {
            self.cancel_one(order_id, reason, out);
        }
    }

    /// Enters a liquidation order.
    fn liquidate(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        (side, qty, limit): (Side, Qty, Price),
        out: &mut Vec<Event>,
    ) {
        let limit = self.within_band(instrument, side, limit);
        let order = NewOrder::limit(account, instrument, ClOrdId(0), side, limit, qty);
        let order = NewOrder { time_in_force: TimeInForce::Ioc, reduce_only: true, ..order };
        self.core.is_liquidation = true;
        self.admit(&order, Row::of(&order), Links::default(), OrderHold::default(), out);
        self.core.is_liquidation = false;
    }

    /// A limit that the price band of its instrument lets in.
    fn within_band(&self, instrument: InstrumentId, side: Side, limit: Price) -> Price {
        let bound = self.market(instrument).and_then(|market| market.bound(side));
        match side {
            Side::Buy => bound.map_or(limit, |bound| limit.min(bound)),
            Side::Sell => bound.map_or(limit, |bound| limit.max(bound)),
        }
    }

    /// An instrument that is settled trades no more: its orders end.
    fn close_market(&mut self, at: InstrumentId, out: &mut Vec<Event>) {
        let there = self.core.orders.all().filter(|row| row.instrument == at);
        let mut ids: Vec<u64> = there.map(|row| row.order_id).collect();
        ids.sort_unstable();
        for order_id in ids {
            self.cancel_one(order_id, Reason::InstrumentExpired, out);
        }
        self.cancel_conditions(Reason::InstrumentExpired, |row| row.instrument == at, out);
        self.core.asked = Asked::Nothing;
        self.with_market(at, out, |market, desk, now, events| {
            market.set_state(now, TradingState::Closed, Reason::InstrumentExpired, desk, events);
        });
    }

    /// Where an account stands on the way down.
    #[must_use]
    pub fn stage(&self, account: AccountId) -> Stage {
        self.core.clearing.stage(account)
    }
}

/// Why no immediate order trades in a state, where none does.
const fn closed_by(state: TradingState) -> Option<Reason> {
    match state {
        TradingState::Continuous => None,
        TradingState::OpeningAuction | TradingState::VolatilityAuction | TradingState::ClosingAuction => {
            Some(Reason::NotInAuction)
        }
        TradingState::PostOnly => Some(Reason::PostOnlyState),
        TradingState::CancelOnly => Some(Reason::CancelOnlyState),
        TradingState::Halted => Some(Reason::Halted),
        TradingState::Closed => Some(Reason::Closed),
    }
}

const fn entry_code(entry: PayoffEntry) -> u8 {
    match entry {
        PayoffEntry::Observation => 1,
        PayoffEntry::Payout => 2,
        PayoffEntry::Value => 3,
    }
}

const fn layer_code(layer: Layer) -> u8 {
    match layer {
        Layer::DefaulterShare => 1,
        Layer::Insurance => 2,
        Layer::House => 3,
        Layer::Mutual => 4,
        Layer::Assessment => 5,
        Layer::Haircut => 6,
        Layer::Nobody => 7,
    }
}
