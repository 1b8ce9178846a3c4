//! The crowd's resting orders, by side and price: whom a cancel can choose from.

use std::collections::BTreeMap;

use tiderace_types::Side;

#[derive(Default)]
pub(super) struct Live {
    bids: BTreeMap<i64, Vec<u64>>,
    asks: BTreeMap<i64, Vec<u64>>,
    places: BTreeMap<u64, (Side, i64)>,
}

impl Live {
    pub(super) fn add(&mut self, order_id: u64, side: Side, price: i64) {
        self.places.insert(order_id, (side, price));
        self.side_mut(side).entry(price).or_default().push(order_id);
    }

    pub(super) fn remove(&mut self, order_id: u64) {
        let Some((side, price)) = self.places.remove(&order_id) else { return };
        let levels = self.side_mut(side);
        if let Some(level) = levels.get_mut(&price) {
            level.retain(|id| *id != order_id);
            if level.is_empty() {
                levels.remove(&price);
            }
        }
    }

    /// The prices of a side and the orders at each.
    pub(super) fn levels(&self, side: Side) -> impl Iterator<Item = (i64, &[u64])> {
        self.side(side).iter().map(|(price, ids)| (*price, ids.as_slice()))
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    const fn side(&self, side: Side) -> &BTreeMap<i64, Vec<u64>> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    const fn side_mut(&mut self, side: Side) -> &mut BTreeMap<i64, Vec<u64>> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}
