//! When each of many slots is due: at most one time a slot, the earliest first, and of equal times the lowest slot.
//!
//! A heap of four children a node, and the place of each slot in it: a slot that is due and names its next time moves down
//! once, where a tree would take it out and put it in.

use tiderace_types::Ts;

type Due = (Ts, usize);

/// Children of a node.
const ARITY: usize = 4;

/// Times by slot.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: Vec<Due>,
    /// Where a slot stands in the heap.
    places: Vec<Option<usize>>,
}

impl Timers {
    /// Who is due first.
    pub(crate) fn first(&self) -> Option<Due> {
        self.heap.first().copied()
    }

    /// Sets or takes away the time of a slot.
    pub(crate) fn set(&mut self, slot: usize, due: Option<Ts>) {
        let place = self.places.get(slot).copied().flatten();
        match (place, due) {
            (None, None) => {}
            (None, Some(ts)) => {
                if slot >= self.places.len() {
                    self.places.resize(slot.saturating_add(1), None);
                }
                let at = self.heap.len();
                self.heap.push((ts, slot));
                self.settle(at, (ts, slot));
            }
            (Some(at), Some(ts)) => self.settle(at, (ts, slot)),
            (Some(at), None) => {
                if let Some(place) = self.places.get_mut(slot) {
                    *place = None;
                }
                if let Some(last) = self.heap.pop()
                    && at < self.heap.len()
                {
                    self.settle(at, last);
                }
            }
        }
    }

    /// Puts an entry into the hole at `at`, or where that moves to: up past later ones, down past earlier ones.
    fn settle(&mut self, mut at: usize, due: Due) {
        while let Some((above, other)) = self.above(at).filter(|(_, other)| due < *other) {
            self.put(at, other);
            at = above;
        }
        while let Some((below, other)) = self.below(at).filter(|(_, other)| *other < due) {
            self.put(at, other);
            at = below;
        }
        self.put(at, due);
    }

    fn above(&self, at: usize) -> Option<(usize, Due)> {
        let above = at.checked_sub(1)? / ARITY;
        Some((above, self.heap.get(above).copied()?))
    }

    /// The earliest child of a node.
    fn below(&self, at: usize) -> Option<(usize, Due)> {
        let first = at.saturating_mul(ARITY).saturating_add(1);
        let end = first.saturating_add(ARITY).min(self.heap.len());
        let children = self.heap.get(first..end)?.iter().copied();
        (first..).zip(children).min_by_key(|(_, due)| *due)
    }

    fn put(&mut self, at: usize, due: Due) {
        if let Some(entry) = self.heap.get_mut(at) {
            *entry = due;
        }
        if let Some(place) = self.places.get_mut(due.1) {
            *place = Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_is_that_of_a_set(steps in prop::collection::vec((0_usize..40, prop::option::of(0_i64..25)), 1..400)) {
            let mut timers = Timers::default();
            let (mut slow, mut of) = (BTreeSet::new(), [None; 40]);
            for (slot, due) in steps {
                let due = due.map(Ts::new);
                if let Some(before) = of[slot] {
                    slow.remove(&(before, slot));
                }
                slow.extend(due.map(|due| (due, slot)));
                of[slot] = due;
                timers.set(slot, due);
                prop_assert_eq!(timers.first(), slow.first().copied());
            }
            while let Some((_, slot)) = timers.first() {
                prop_assert_eq!(timers.first(), slow.pop_first());
                timers.set(slot, None);
            }
            prop_assert!(slow.is_empty());
        }
    }
}
