//! Where an auction uncrosses.
//!
//! The price is a pure function of the levels: every tick from the lowest ask to the highest bid is a candidate. What
//! buyers want at a price falls as it rises and what sellers want rises, so the candidates of most volume, and of
//! those the ones of least surplus, lie side by side: two ends say all, and no tick between two levels is looked at.

use tiderace_types::{Price, Qty, Side};

use super::Indication;

/// A level of an auction: price and all that rests there, hidden parts included.
pub(super) type Depth = (Price, Qty);

/// A run of candidates at which both sides want the same.
#[derive(Clone, Copy)]
struct Run {
    from: i64,
    to: i64,
    demand: i64,
    supply: i64,
}

impl Run {
    const fn volume(&self) -> i64 {
        if self.demand < self.supply { self.demand } else { self.supply }
    }
    /// Above zero where buyers would have something left.
    const fn surplus(&self) -> i64 {
        self.demand.saturating_sub(self.supply)
    }
}

/// The price that trades most; then leaves the least surplus; then the highest where the surplus is all buyers', the
/// lowest where it is all sellers'; then the nearest to `reference`, or to the middle of the range. None where the
/// sides do not meet. Levels best first, of sums that fit a quantity.
pub(super) fn uncross_price(bids: &[Depth], asks: &[Depth], reference: Option<Price>) -> Option<Indication> {
    let (highest, lowest) = (bids.first()?.0.get(), asks.first()?.0.get());
    if highest < lowest {
        return None;
    }
    let mut best: Option<(Run, Run)> = None;
    each_run(bids, asks, lowest, highest, |run| {
        let rank = |run: &Run| (run.volume(), std::cmp::Reverse(run.surplus().saturating_abs()));
        best = match best {
            Some((first, last)) if rank(&run) < rank(&first) => Some((first, last)),
            Some((first, _)) if rank(&run) == rank(&first) => Some((first, run)),
            Some(_) | None => Some((run, run)),
        };
    });
    let (first, last) = best?;
    // The surplus falls from run to run, so the ends tell of all.
    let price = if last.surplus() > 0 {
        last.to
    } else if first.surplus() < 0 {
        first.from
    } else {
        // Half the sum, rounded down, without the sum.
        let middle = (lowest & highest).saturating_add((lowest ^ highest) >> 1);
        reference.map_or(middle, Price::get).clamp(first.from, last.to)
    };
    let demand = sum(bids.iter().take_while(|(px, _)| px.get() >= price));
    let supply = sum(asks.iter().take_while(|(px, _)| px.get() <= price));
    let at = Run { from: price, to: price, demand, supply };
    Some(Indication {
        price: Price::new(price),
        qty: Qty::new(at.volume())?,
        surplus: Qty::new(at.surplus().saturating_abs())?,
        surplus_side: if at.surplus() < 0 { Side::Sell } else { Side::Buy },
    })
}

/// Visits the candidates, rising, in runs at which both sides want the same.
fn each_run(bids: &[Depth], asks: &[Depth], lowest: i64, highest: i64, mut visit: impl FnMut(Run)) {
    let mut bids = bids.iter().rev().skip_while(|(px, _)| px.get() < lowest).peekable();
    let mut asks = asks.iter().peekable();
    let (mut from, mut supply, mut demand) = (lowest, 0_i64, sum(bids.clone()));
    loop {
        while let Some((_, qty)) = asks.next_if(|(px, _)| px.get() <= from) {
            supply = supply.saturating_add(qty.get());
        }
        let before_ask = asks.peek().map_or(highest, |(px, _)| px.get().saturating_sub(1));
        let to = bids.peek().map_or(highest, |(px, _)| px.get()).min(before_ask).min(highest);
        visit(Run { from, to, demand, supply });
        if to >= highest {
            return;
        }
        while let Some((_, qty)) = bids.next_if(|(px, _)| px.get() <= to) {
            demand = demand.saturating_sub(qty.get());
        }
        from = to.saturating_add(1);
    }
}

/// All of a side fits a quantity, so the sum does.
fn sum<'a>(levels: impl Iterator<Item = &'a Depth>) -> i64 {
    levels.fold(0, |sum, (_, qty)| sum.saturating_add(qty.get()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule word by word, tick by tick: price, quantity, signed surplus.
    fn slow(bids: &[Depth], asks: &[Depth], reference: Option<i64>) -> Option<(i64, i64, i64)> {
        let (high, low) = (bids.first()?.0.get(), asks.first()?.0.get());
        let of = |levels: &[Depth], counts: &dyn Fn(i64) -> bool| -> i64 {
            levels.iter().filter(|(px, _)| counts(px.get())).map(|(_, qty)| qty.get()).sum()
        };
        let mut all: Vec<_> = (low..=high)
            .map(|p| {
                let (demand, supply) = (of(bids, &|px| px >= p), of(asks, &|px| px <= p));
                (p, demand.min(supply), demand - supply)
            })
            .collect();
        let most = all.iter().map(|c| c.1).max()?;
        all.retain(|c| c.1 == most);
        let least = all.iter().map(|c| c.2.abs()).min()?;
        all.retain(|c| c.2.abs() == least);
        if all.iter().all(|c| c.2 > 0) {
            return all.last().copied();
        }
        if all.iter().all(|c| c.2 < 0) {
            return all.first().copied();
        }
        let reference = reference.unwrap_or((low + high).div_euclid(2));
        all.into_iter().min_by_key(|c| ((c.0 - reference).abs(), c.0))
    }

    fn side() -> impl Strategy<Value = Vec<Depth>> {
        prop::collection::btree_map(-12i64..12, 1i64..6, 0..7)
            .prop_map(|levels| levels.into_iter().map(|(px, qty)| (Price::new(px), Qty::new(qty).unwrap())).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn the_price_is_the_one_that_trying_every_tick_finds(
            mut bids in side(), asks in side(), reference in prop::option::of(-15i64..15),
        ) {
            bids.reverse();
            let found = uncross_price(&bids, &asks, reference.map(Price::new));
            let signed = |at: Indication| match at.surplus_side {
                Side::Buy => at.surplus.get(),
                Side::Sell => -at.surplus.get(),
            };
            let found = found.map(|at| (at.price.get(), at.qty.get(), signed(at)));
            prop_assert_eq!(found, slow(&bids, &asks, reference));
        }
    }

    #[test]
    fn prices_at_the_ends_of_the_number_line_uncross() {
        let lot = Qty::new(1).unwrap();
        let at = uncross_price(&[(Price::MAX, lot)], &[(Price::MIN, lot)], None).unwrap();
        assert_eq!((at.price.get(), at.qty), (-1, lot));
    }
}
