//! The book by order against a slow one: a list of orders in order of arrival, searched and sorted each time.

use proptest::prelude::*;

use super::*;

/// Orders in order of arrival, or of their last slice.
struct Slow(Vec<Order<u8>>);

impl Slow {
    fn side(&self, side: Side) -> Vec<Order<u8>> {
        let mut orders: Vec<_> = self.0.iter().filter(|order| order.side == side).copied().collect();
        orders.sort_by_key(|order| key(side, order.price));
        orders
    }
    fn at(&self, order_id: u64) -> Option<usize> {
        self.0.iter().position(|order| order.order_id == order_id)
    }
    fn insert(&mut self, order: Order<u8>) -> Result<(), InsertError> {
        if self.at(order.order_id).is_some() {
            return Err(InsertError::DuplicateOrderId);
        }
        if order.visible_qty == Qty::ZERO || (order.hidden_qty != Qty::ZERO && order.display_qty == Qty::ZERO) {
            return Err(InsertError::NothingShown);
        }
        let of_order = |order: &Order<u8>| i128::from(order.visible_qty.get()) + i128::from(order.hidden_qty.get());
        if self.side(order.side).iter().chain([&order]).map(of_order).sum::<i128>() > i128::from(i64::MAX) {
            return Err(InsertError::SideFull);
        }
        self.0.push(order);
        Ok(())
    }
    fn requeue(&mut self, order_id: u64, price: Price, visible: Qty, hidden: Qty) -> Result<bool, InsertError> {
        let Some(at) = self.at(order_id) else { return Ok(false) };
        let before = self.0.remove(at);
        let inserted = self.insert(Order { price, visible_qty: visible, hidden_qty: hidden, ..before });
        if inserted.is_err() {
            self.0.insert(at, before);
        }
        inserted.map(|()| true)
    }
    fn reduce(&mut self, order_id: u64, qty: Qty) -> Option<Qty> {
        let at = self.at(order_id)?;
        let order = &mut self.0[at];
        let hidden = qty.get().min(order.hidden_qty.get());
        order.hidden_qty = Qty::new(order.hidden_qty.get() - hidden)?;
        order.visible_qty = Qty::new((order.visible_qty.get() - (qty.get() - hidden)).max(0))?;
        let leaves_qty = order.leaves_qty();
        if leaves_qty == Qty::ZERO {
            self.0.remove(at);
        }
        Some(leaves_qty)
    }
    fn fill_front(&mut self, side: Side, qty: Qty) -> Option<Qty> {
        let front = *self.side(side).first()?;
        let mut order = self.0.remove(self.at(front.order_id)?);
        let qty = qty.get().min(order.visible_qty.get());
        order.cum_qty = Qty::new(order.cum_qty.get().saturating_add(qty))?;
        order.visible_qty = Qty::new(order.visible_qty.get() - qty)?;
        let leaves_qty = order.leaves_qty();
        if order.visible_qty != Qty::ZERO {
            // Its place in the whole list does not matter but against its own price: the first stays the first.
            self.0.insert(0, order);
        } else if leaves_qty != Qty::ZERO {
            order.visible_qty = order.display_qty.min(order.hidden_qty);
            order.hidden_qty = order.hidden_qty.checked_sub(order.visible_qty)?;
            self.0.push(order);
        }
        Some(leaves_qty)
    }
    fn fill_front_whole(&mut self, side: Side, qty: Qty) -> Option<Qty> {
        let front = *self.side(side).first()?;
        let mut order = self.0.remove(self.at(front.order_id)?);
        let qty = qty.min(order.leaves_qty());
        let leaves_qty = order.leaves_qty().checked_sub(qty)?;
        let slice = if order.hidden_qty == Qty::ZERO { leaves_qty } else { order.display_qty.min(leaves_qty) };
        order.cum_qty = Qty::new(order.cum_qty.get().saturating_add(qty.get()))?;
        order.visible_qty = slice;
        order.hidden_qty = leaves_qty.checked_sub(slice)?;
        if leaves_qty != Qty::ZERO {
            self.0.insert(0, order);
        }
        Some(leaves_qty)
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert(Order<u8>),
    Remove(u64),
    Reduce(u64, Qty),
    Requeue(u64, Price, Qty, Qty),
    Fill(Side, Qty),
    FillWhole(Side, Qty),
    Terms(u64, u8),
}

/// Prices that meet, on the edges of pages and regions, and at the ends of the number line.
fn prices() -> impl Strategy<Value = Price> {
    let ends = prop::sample::select(vec![i64::MIN, i64::MIN + 1, -1, 0, 1 << 18, i64::MAX - 1, i64::MAX]);
    prop_oneof![8 => -4i64..4, 1 => -70i64..70, 1 => ends].prop_map(Price::new)
}

fn quantities() -> impl Strategy<Value = Qty> {
    let qty = |lots| Qty::new(lots).unwrap();
    prop_oneof![12 => (0i64..6).prop_map(qty), 1 => (i64::MAX - 9..=i64::MAX).prop_map(qty)]
}

fn steps() -> impl Strategy<Value = Step> {
    let ids = || prop_oneof![9 => 0u64..12, 1 => Just(u64::MAX)];
    let sides = || prop::sample::select(vec![Side::Buy, Side::Sell]);
    let order = (ids(), sides(), prices(), quantities(), quantities(), quantities(), any::<u8>());
    prop_oneof![
        5 => order.prop_map(|(order_id, side, price, visible_qty, hidden_qty, display_qty, terms)| {
            let cum_qty = Qty::ZERO;
            Step::Insert(Order { order_id, price, visible_qty, hidden_qty, display_qty, cum_qty, owner: 3, side, terms })
        }),
        2 => ids().prop_map(Step::Remove),
        2 => (ids(), quantities()).prop_map(|(id, qty)| Step::Reduce(id, qty)),
        2 => (ids(), prices(), quantities(), quantities()).prop_map(|(id, price, a, b)| Step::Requeue(id, price, a, b)),
        3 => (sides(), quantities()).prop_map(|(side, qty)| Step::Fill(side, qty)),
        2 => (sides(), quantities()).prop_map(|(side, qty)| Step::FillWhole(side, qty)),
        1 => (ids(), any::<u8>()).prop_map(|(id, terms)| Step::Terms(id, terms)),
    ]
}

fn check(book: &Book<u8>, slow: &Slow) {
    for side in [Side::Buy, Side::Sell] {
        let wanted = slow.side(side);
        assert_eq!(book.front(side), wanted.first());
        let sum = |orders: &[Order<u8>]| {
            let of =
                |part: fn(&Order<u8>) -> Qty| Qty::new(orders.iter().map(|order| part(order).get()).sum()).unwrap();
            (of(|order| order.visible_qty), of(Order::leaves_qty))
        };
        let mut levels = Vec::new();
        for queue in wanted.chunk_by(|a, b| a.price == b.price) {
            let (visible_qty, total_qty) = sum(queue);
            levels.push(Level { price: queue[0].price, visible_qty, total_qty });
            assert_eq!(book.orders(side, queue[0].price).copied().collect::<Vec<_>>(), queue);
            assert_eq!(book.level(side, queue[0].price), *levels.last().unwrap());
        }
        assert_eq!(book.levels(side).collect::<Vec<_>>(), levels);
        assert_eq!(book.best(side).as_ref(), levels.first());
        assert_eq!(book.len(side), levels.len());
        assert_eq!(book.total_qty(side), sum(&wanted).1);
    }
    assert_eq!(book.is_empty(), slow.0.is_empty());
    for order_id in (0..12).chain([u64::MAX]) {
        assert_eq!(book.get(order_id), slow.at(order_id).map(|at| &slow.0[at]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_book_equals_the_slow_book_after_every_step(steps in prop::collection::vec(steps(), 1..120), seed: u64) {
        let (mut book, mut slow) = (Book::new(0, seed), Slow(Vec::new()));
        for step in steps {
            match step {
                Step::Insert(order) => prop_assert_eq!(book.insert(order), slow.insert(order)),
                Step::Remove(id) => {
                    let wanted = slow.at(id).map(|at| slow.0.remove(at));
                    prop_assert_eq!(book.remove(id), wanted);
                }
                Step::Reduce(id, qty) => prop_assert_eq!(book.reduce(id, qty), slow.reduce(id, qty)),
                Step::Requeue(id, price, a, b) => {
                    prop_assert_eq!(book.requeue(id, price, a, b), slow.requeue(id, price, a, b));
                }
                Step::Fill(side, qty) => prop_assert_eq!(book.fill_front(side, qty), slow.fill_front(side, qty)),
                Step::FillWhole(side, qty) => {
                    prop_assert_eq!(book.fill_front_whole(side, qty), slow.fill_front_whole(side, qty));
                }
                Step::Terms(id, terms) => {
                    let place = slow.at(id).map(|at| &mut slow.0[at].terms);
                    prop_assert_eq!(book.terms_mut(id).map(|old| std::mem::replace(old, terms)), place.map(|old| std::mem::replace(old, terms)));
                }
            }
            check(&book, &slow);
        }
    }
}
