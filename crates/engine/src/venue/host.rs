//! What the venue answers to a market in the middle of a sweep: positions, partners, counts.

use tiderace_clear::{Filled, OrderAsk, OrderHold};
use tiderace_matching::market::{BookChange, Fill, Host, Owner, Resting};
use tiderace_types::venue::NO_GROUP;
use tiderace_types::{AccountId, ExecId, InstrumentId, Qty, Reason, Side, TradeKind, Ts};

use super::core::Core;
use super::data::Update;
use super::holds::Wanted;
use super::orders::{Row, Stage};
use super::tariffs::Counted;

/// One fill, booked: its reports follow when the market is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) trade_id: ExecId,
    pub(super) maker_fee: i128,
    pub(super) taker_fee: i128,
    /// Whether the order named as the taker is the one that rested: an uncross names the buyer as the maker.
    pub(super) is_swapped: bool,
}

/// The venue, as a market of one instrument sees it.
pub(super) struct Desk<'a> {
    pub(super) core: &'a mut Core,
    pub(super) instrument: InstrumentId,
    pub(super) ts: Ts,
}

impl Host for Desk<'_> {
    fn cap(&mut self, _: u64, owner: Owner, side: Side, qty: Qty) -> Qty {
        qty.min(self.core.clearing.reducible(AccountId(owner.account), self.instrument, side))
    }

    fn refuses(&mut self, maker: &Resting, qty: Qty) -> Option<Reason> {
        let Resting { account, side, price, .. } = *maker;
        // A peg moves to where nobody asked what it is worth.
        if !self.core.clearing.contract(self.instrument).is_some_and(|contract| contract.fits(qty, price)) {
            return Some(Reason::TooMuchValue);
        }
        if !self.core.holds.is_margined(self.instrument) {
            return None;
        }
        let (account, instrument) = (AccountId(account), self.instrument);
        let fees = self.core.tariffs.fees(self.ts, account, instrument);
        // Who rested longer than its other side in an uncross is not known yet.
        let fee = if self.core.is_in_auction { fees.maker.max(fees.taker) } else { fees.maker };
        let ask = OrderAsk { account, instrument, side, qty, price: Some(price), fee };
        self.core.clearing.may_fill(&ask).err().map(|refusal| refusal.reason)
    }

    fn linked(&self, order_id: u64) -> Option<u64> {
        self.core.orders.get(order_id).map(|row| row.oco).filter(|&partner| partner != 0)
    }

    fn filled(&mut self, fill: &Fill, gone: &mut Vec<(u64, Reason)>) {
        let (maker, taker) = (AccountId(fill.maker_account), AccountId(fill.taker_account));
        let buyer_is_maker = fill.kind == TradeKind::Auction || fill.aggressor == Side::Sell;
        let taker_side = if buyer_is_maker { Side::Sell } else { Side::Buy };
        // In an uncross the buyer is named as the maker; who rested, and pays as a maker, is the older order.
        let is_swapped = taker_side != fill.aggressor;
        let (rested, came) = if is_swapped { (taker, maker) } else { (maker, taker) };
        let Filled { trade_id, maker_fee: of_rested, taker_fee: of_came } = self.book(fill, rested, came, taker_side);
        let (maker_fee, taker_fee) = if is_swapped { (of_came, of_rested) } else { (of_rested, of_came) };
        self.core.fills.push_back(Done { trade_id, maker_fee, taker_fee, is_swapped });
        let Fill { price, qty, aggressor, .. } = *fill;
        let kind = self.core.kind_of(fill.kind);
        self.core.feed.push(self.ts, self.instrument, Update::Trade { price, qty, aggressor, kind });
        self.count(fill.maker, maker, taker_side.opposite(), qty);
        self.count(fill.taker, taker, taker_side, qty);
        self.core.controls.on_trade(self.ts, maker);
        self.core.controls.on_trade(self.ts, taker);
        if self.are_partners(fill.maker, fill.taker) {
            gone.extend([fill.maker, fill.taker].map(|order_id| (order_id, Reason::LinkedOrder)));
        } else {
            self.part(fill.maker, gone);
            self.part(fill.taker, gone);
        }
        self.core.flat(maker, self.instrument, fill.taker, gone);
        if taker != maker {
            self.core.flat(taker, self.instrument, fill.taker, gone);
        }
    }

    fn triggered(&mut self, order_id: u64, gone: &mut Vec<(u64, Reason)>) {
        self.part(order_id, gone);
        if let Err(reason) = self.admit_stop(order_id) {
            gone.push((order_id, reason));
        }
    }

    fn book_changed(&mut self, change: &BookChange) {
        self.core.feed.push(self.ts, self.instrument, Update::Book(*change));
    }
}

impl Desk<'_> {
    /// Books a fill between the account that rested and the one that came in. Its orders hold less from now on.
    fn book(&mut self, fill: &Fill, rested: AccountId, came: AccountId, taker_side: Side) -> Filled {
        let at = self.instrument;
        let (maker, taker) = (AccountId(fill.maker_account), AccountId(fill.taker_account));
        self.core.hold_for(fill.maker, (maker, at, taker_side.opposite()), fill.maker_leaves_qty);
        self.core.hold_for(fill.taker, (taker, at, taker_side), fill.taker_leaves_qty);
        let fees = |account| self.core.tariffs.fees(self.ts, account, at);
        let booked = self.core.clearing.fill(&tiderace_clear::Fill {
            instrument: at,
            maker: rested,
            taker: came,
            taker_side: fill.aggressor,
            price: fill.price,
            qty: fill.qty,
            maker_fee: fees(rested).maker,
            taker_fee: fees(came).taker,
            kind: self.core.kind_of(fill.kind),
        });
        let Ok(booked) = booked else {
            // Entry checked the account, the instrument and the worth.
            debug_assert!(false, "{booked:?}");
            return Filled { trade_id: ExecId(0), maker_fee: 0, taker_fee: 0 };
        };
        let counted = Counted { instrument: at, accounts: [maker, taker], price: fill.price, qty: fill.qty };
        self.core.tariffs.on_trade(self.ts, booked.trade_id, &counted);
        booked
    }

    /// Asks margin of a stop that enters; it holds from now on.
    fn admit_stop(&mut self, order_id: u64) -> Result<(), Reason> {
        let Some(row) = self.core.orders.get(order_id).copied() else { return Ok(()) };
        if !self.core.holds.is_margined(row.instrument) {
            return Ok(());
        }
        let Row { account, instrument, side, reduce_only, .. } = row;
        let fees = self.core.tariffs.fees(self.ts, account, instrument);
        // Without a limit it is taken at the mark: its book is at work.
        let price = row.ord_type.has_limit().then_some(row.price);
        let (leaves_qty, fee) = (row.leaves_qty(), fees.maker.max(fees.taker));
        let wanted = Wanted { account, instrument, side, leaves_qty, price, reduce_only, fee };
        let hold = self.core.check_margin(&wanted, OrderHold::default()).map_err(|refusal| refusal.reason)?;
        self.core.hold_in(order_id, &row, hold);
        Ok(())
    }

    /// Market-maker protection: a fill of a group's order counts, whether it rested or came in.
    fn count(&mut self, order_id: u64, account: AccountId, side: Side, qty: Qty) {
        let group = self.core.orders.get(order_id).map_or(NO_GROUP, |row| row.mmp_group);
        if group != NO_GROUP {
            let lots = qty.get().saturating_mul(side.sign());
            self.core.is_counted = true;
            self.core.controls.on_fill(self.ts, account, group, self.instrument, lots);
        }
    }

    /// Whether two orders that met are the legs of one pair, which they are no more then. The one that comes in knows
    /// its partner before it is known there.
    fn are_partners(&mut self, maker: u64, taker: u64) -> bool {
        let names = |core: &Core, one, other| core.orders.get(one).is_some_and(|row| row.oco == other);
        let are = names(self.core, taker, maker) || names(self.core, maker, taker);
        for order_id in [maker, taker].into_iter().filter(|_| are) {
            if let Some(row) = self.core.orders.get_mut(order_id) {
                row.oco = 0;
            }
        }
        are
    }

    /// The first fill or trigger of one leg ends the other: at once where it is in this market, else after the sweep.
    fn part(&mut self, order_id: u64, gone: &mut Vec<(u64, Reason)>) {
        let Some(row) = self.core.orders.get_mut(order_id).filter(|row| row.oco != 0) else { return };
        let partner = core::mem::take(&mut row.oco);
        let Some(row) = self.core.orders.get_mut(partner) else { return };
        row.oco = 0;
        if row.instrument == self.instrument && matches!(row.stage, Stage::Working | Stage::Entering) {
            gone.push((partner, Reason::LinkedOrder));
        } else {
            self.core.aside.push((partner, Reason::LinkedOrder));
        }
    }
}
