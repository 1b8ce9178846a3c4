//! The one matching loop: an order that comes in meets those that rest, best price first, then first come.
//!
//! It trades until prices meet no more, the order is used up, or [`Watch`] forbids the next price. What else follows a
//! fill is the watch's: the bare [`crate::Matcher`] has one that does nothing, and is compiled away; that of a
//! [`crate::market::Market`] tells its host and counts prints.

use tiderace_book::by_order::{Book, InsertError, Order};
use tiderace_types::{Price, Qty, Reason, SelfTradePrevention, Side, TradeKind};

use crate::event::Event;
use crate::market::{BookChange, Fill, Resting};
use crate::terms::Terms;

/// An order on its way in.
#[derive(Clone, Copy)]
pub(crate) struct Taker {
    pub(crate) order_id: u64,
    pub(crate) owner: u32,
    /// Of self-trade prevention.
    pub(crate) group: u32,
    pub(crate) side: Side,
    /// The worst price it takes; the end of the number line for a market order.
    pub(crate) limit: Price,
    /// It has no limit of its own and never rests.
    pub(crate) is_market: bool,
    pub(crate) leaves_qty: Qty,
    pub(crate) cum_qty: Qty,
    pub(crate) display_qty: Qty,
    pub(crate) terms: Terms,
}

impl Taker {
    /// An order that was in the book, on its way in again at another price.
    pub(crate) const fn again(order: &Order<Terms>, group: u32, limit: Price, leaves_qty: Qty) -> Self {
        let &Order { order_id, owner, side, cum_qty, display_qty, terms, .. } = order;
        Self { order_id, owner, group, side, limit, is_market: false, leaves_qty, cum_qty, display_qty, terms }
    }

    /// Whether it may trade at a price.
    pub(crate) const fn reaches(&self, price: Price) -> bool {
        match self.side {
            Side::Buy => price.get() <= self.limit.get(),
            Side::Sell => price.get() >= self.limit.get(),
        }
    }

    /// Whether it would meet a price on its way in.
    pub(crate) fn crosses(&self, book: &Book<Terms>) -> bool {
        book.best(self.side.opposite()).is_some_and(|level| self.reaches(level.price))
    }

    /// It as it would rest.
    pub(crate) const fn resting(&self) -> Order<Terms> {
        let visible_qty = self.leaves_qty.min(self.display_qty);
        Order {
            order_id: self.order_id,
            price: self.limit,
            visible_qty,
            hidden_qty: self.leaves_qty.saturating_sub(visible_qty),
            display_qty: self.display_qty,
            cum_qty: self.cum_qty,
            owner: self.owner,
            side: self.side,
            terms: self.terms,
        }
    }

    /// Ends what is left of it.
    pub(crate) fn cancel(&mut self, reason: Reason, events: &mut Vec<Event>) {
        if self.leaves_qty > Qty::ZERO {
            events.push(Event::Canceled { order_id: self.order_id, qty: self.leaves_qty, reason });
            self.leaves_qty = Qty::ZERO;
        }
    }
}

/// What surrounds a book while an order sweeps it.
pub(crate) trait Watch {
    /// Whether self-trade prevention keeps a taker from an order of this owner.
    fn is_same(&self, taker: &Taker, maker_owner: u32) -> bool;
    /// Whether a trade at this price may happen.
    fn may_trade(&mut self, price: Price) -> bool;
    /// Whether a fill takes nothing from the book but what it trades, and reduce-only orders trade like others.
    fn is_whole(&self) -> bool;
    /// Whether a trade at this price might happen within a sweep that traded at `first_px` first.
    fn would_trade(&mut self, price: Price, first_px: Option<Price>) -> bool;
    /// The order that the first fill of this one cancels.
    fn linked(&self, order_id: u64) -> Option<u64>;
    /// Why an order that rests may not have this fill; nobody is refused where nobody asks.
    fn refuses(&mut self, maker: &Resting, qty: Qty) -> Option<Reason> {
        let _ = (maker, qty);
        None
    }
    /// The same in thought, where its account would have traded `traded` lots by then, at that price or better for it.
    /// What is answered holds for the sweep that follows: a fill-or-kill order cancels no maker and then nothing.
    fn would_refuse(&mut self, maker: &Resting, qty: Qty, traded: Qty) -> bool {
        let _ = (maker, qty, traded);
        false
    }
    /// How much of `qty` a reduce-only order may trade.
    fn cap(&mut self, order_id: u64, owner: u32, side: Side, qty: Qty) -> Qty;
    /// A fill happened; `taker` and the book may change in turn.
    fn filled(&mut self, fill: &Fill, book: &mut Book<Terms>, taker: &mut Taker, events: &mut Vec<Event>);
    /// An order left the book for good.
    fn left(&mut self, order_id: u64, terms: Terms);
    /// The book changed.
    fn changed(&mut self, change: BookChange);
}

/// Trades; false where the watch forbade the next price.
pub(crate) fn sweep<W: Watch>(
    book: &mut Book<Terms>,
    taker: &mut Taker,
    watch: &mut W,
    events: &mut Vec<Event>,
) -> bool {
    let opposite = taker.side.opposite();
    while taker.leaves_qty > Qty::ZERO {
        let Some(maker) = book.front(opposite).filter(|maker| taker.reaches(maker.price)) else {
            break;
        };
        let prevents = taker.terms.self_trade_prevention != SelfTradePrevention::None;
        if prevents && watch.is_same(taker, maker.owner) {
            let maker = *maker;
            prevent(book, taker, &maker, watch, events);
            continue;
        }
        let &Order { order_id: maker, price, visible_qty, owner: maker_account, terms, .. } = maker;
        let mut qty = taker.leaves_qty.min(visible_qty);
        if taker.terms.is_reduce_only() || terms.is_reduce_only() {
            qty = capped(book, taker, watch, qty, events);
            if qty == Qty::ZERO {
                continue;
            }
        }
        if !watch.may_trade(price) {
            return false;
        }
        let resting = Resting { order_id: maker, account: maker_account, side: opposite, price };
        if let Some(reason) = watch.refuses(&resting, qty) {
            if let Some(maker) = book.front(opposite).copied() {
                end_maker(book, &maker, reason, watch, events);
            }
            continue;
        }
        let maker_leaves_qty = book.fill_front(opposite, qty).unwrap_or(Qty::ZERO);
        taker.leaves_qty = taker.leaves_qty.saturating_sub(qty);
        // What is filled and what is left make the order's quantity, so the sum fits.
        taker.cum_qty = taker.cum_qty.checked_add(qty).unwrap_or(Qty::MAX);
        let fill = Fill {
            maker,
            taker: taker.order_id,
            maker_account,
            taker_account: taker.owner,
            aggressor: taker.side,
            price,
            qty,
            kind: TradeKind::Continuous,
            maker_leaves_qty,
            taker_leaves_qty: taker.leaves_qty,
        };
        events.push(trade(&fill));
        if maker_leaves_qty == Qty::ZERO {
            watch.changed(BookChange::Remove { order_id: maker });
            watch.left(maker, terms);
        } else if qty == visible_qty {
            watch.changed(BookChange::Remove { order_id: maker });
            let visible_qty = book.get(maker).map_or(Qty::ZERO, |order| order.visible_qty);
            watch.changed(BookChange::Add { order_id: maker, side: opposite, price, visible_qty });
        } else {
            watch.changed(BookChange::Set { order_id: maker, visible_qty: visible_qty.saturating_sub(qty) });
        }
        watch.filled(&fill, book, taker, events);
    }
    true
}

/// The event of a fill.
pub(crate) const fn trade(fill: &Fill) -> Event {
    let &Fill { maker, taker, aggressor, price, qty, kind, maker_leaves_qty, taker_leaves_qty, .. } = fill;
    Event::Trade { maker, taker, aggressor, price, qty, maker_leaves_qty, taker_leaves_qty, kind }
}

/// What of `qty` the reduce-only ones of taker and first in line may trade; one that may trade nothing is canceled.
fn capped<W: Watch>(
    book: &mut Book<Terms>,
    taker: &mut Taker,
    watch: &mut W,
    mut qty: Qty,
    events: &mut Vec<Event>,
) -> Qty {
    if taker.terms.is_reduce_only() {
        qty = qty.min(watch.cap(taker.order_id, taker.owner, taker.side, qty));
        if qty == Qty::ZERO {
            taker.cancel(Reason::NotReducing, events);
            return qty;
        }
    }
    let Some(maker) = book.front(taker.side.opposite()).copied() else { return Qty::ZERO };
    if maker.terms.is_reduce_only() {
        qty = qty.min(watch.cap(maker.order_id, maker.owner, maker.side, qty));
        if qty == Qty::ZERO {
            end_maker(book, &maker, Reason::NotReducing, watch, events);
        }
    }
    qty
}

/// Cancels an order that the sweep met.
fn end_maker<W: Watch>(
    book: &mut Book<Terms>,
    maker: &Order<Terms>,
    reason: Reason,
    watch: &mut W,
    events: &mut Vec<Event>,
) {
    let order_id = maker.order_id;
    book.remove(order_id);
    events.push(Event::Canceled { order_id, qty: maker.leaves_qty(), reason });
    watch.changed(BookChange::Remove { order_id });
    watch.left(order_id, maker.terms);
}

/// Ends what self-trade prevention ends where `taker` meets `maker`, the first in line, of the same owner.
fn prevent<W: Watch>(
    book: &mut Book<Terms>,
    taker: &mut Taker,
    maker: &Order<Terms>,
    watch: &mut W,
    events: &mut Vec<Event>,
) {
    let (maker_cut, taker_cut) = match taker.terms.self_trade_prevention {
        SelfTradePrevention::None => (Qty::ZERO, Qty::ZERO),
        SelfTradePrevention::CancelTaker => (Qty::ZERO, taker.leaves_qty),
        SelfTradePrevention::CancelMaker => (maker.leaves_qty(), Qty::ZERO),
        SelfTradePrevention::CancelBoth => (maker.leaves_qty(), taker.leaves_qty),
        SelfTradePrevention::Decrement => {
            let both = maker.leaves_qty().min(taker.leaves_qty);
            (both, both)
        }
    };
    if maker_cut > Qty::ZERO {
        let order_id = maker.order_id;
        let leaves_qty = book.reduce(order_id, maker_cut).unwrap_or(Qty::ZERO);
        events.push(cut(order_id, maker.price, maker_cut, leaves_qty));
        if leaves_qty == Qty::ZERO {
            watch.changed(BookChange::Remove { order_id });
            watch.left(order_id, maker.terms);
        } else {
            watch.changed(BookChange::Set { order_id, visible_qty: maker.visible_qty.min(leaves_qty) });
        }
    }
    if taker_cut > Qty::ZERO {
        taker.leaves_qty = taker.leaves_qty.saturating_sub(taker_cut);
        // How far a market order may go is no price of its own.
        let price = if taker.is_market { Price::ZERO } else { taker.limit };
        events.push(cut(taker.order_id, price, taker_cut, taker.leaves_qty));
    }
}

/// Puts what is left of an order at the back of its price.
pub(crate) fn rest<W: Watch>(book: &mut Book<Terms>, taker: &Taker, watch: &mut W) -> Result<(), InsertError> {
    let order = taker.resting();
    book.insert(order)?;
    let Order { order_id, side, price, visible_qty, .. } = order;
    watch.changed(BookChange::Add { order_id, side, price, visible_qty });
    Ok(())
}

/// What is said of an order that lost `qty` to self-trade prevention.
const fn cut(order_id: u64, price: Price, qty: Qty, leaves_qty: Qty) -> Event {
    let reason = Reason::SelfTrade;
    if leaves_qty.get() == 0 {
        Event::Canceled { order_id, qty, reason }
    } else {
        Event::Restated { order_id, price, leaves_qty, reason }
    }
}
