//! How much an order would fill at once, self-trade prevention counted in, without touching the book.

use tiderace_book::by_order::Book;
use tiderace_types::{Price, Qty, SelfTradePrevention};

use crate::sweep::{Taker, Watch};
use crate::terms::Terms;

/// A sweep in thought.
struct Walk {
    filled: Qty,
    leaves: Qty,
}

impl Walk {
    fn fill(&mut self, qty: Qty) {
        let qty = qty.min(self.leaves);
        self.leaves = self.leaves.saturating_sub(qty);
        // No more is filled than the order is large.
        self.filled = self.filled.checked_add(qty).unwrap_or(Qty::MAX);
    }
}

/// Whether `taker` would at once fill `wanted` at least.
pub(crate) fn would_fill<W: Watch>(book: &Book<Terms>, taker: &Taker, wanted: Qty, watch: &W) -> bool {
    let mut walk = Walk { filled: Qty::ZERO, leaves: taker.leaves_qty };
    for level in book.levels(taker.side.opposite()) {
        if walk.filled >= wanted || walk.leaves == Qty::ZERO || !taker.reaches(level.price) {
            break;
        }
        match taker.terms.self_trade_prevention {
            SelfTradePrevention::None => walk.fill(level.total_qty),
            SelfTradePrevention::CancelTaker
            | SelfTradePrevention::CancelMaker
            | SelfTradePrevention::CancelBoth
            | SelfTradePrevention::Decrement => {
                if !walk_queue(book, taker, level.price, &mut walk, watch) {
                    break;
                }
            }
        }
    }
    walk.filled >= wanted
}

/// Walks one price; false where the order's own ends the walk. Slices after the first come behind every order of the
/// price, so all that is shown is met before anything that is hidden.
fn walk_queue<W: Watch>(book: &Book<Terms>, taker: &Taker, price: Price, walk: &mut Walk, watch: &W) -> bool {
    let mut hidden = Qty::ZERO;
    for maker in book.orders(taker.side.opposite(), price) {
        if walk.leaves == Qty::ZERO {
            return true;
        }
        if !watch.is_same(taker, maker.owner) {
            walk.fill(maker.visible_qty);
            // All of a side fits a quantity.
            hidden = hidden.checked_add(maker.hidden_qty).unwrap_or(Qty::MAX);
            continue;
        }
        match taker.terms.self_trade_prevention {
            SelfTradePrevention::None | SelfTradePrevention::CancelMaker => {}
            SelfTradePrevention::CancelTaker | SelfTradePrevention::CancelBoth => return false,
            SelfTradePrevention::Decrement => walk.leaves = walk.leaves.saturating_sub(maker.leaves_qty()),
        }
    }
    walk.fill(hidden);
    true
}
