//! Which depth message follows which: the rule of each market, on ids alone.
//!
//! Spot (Binance Spot API docs, "How to manage a local order book correctly"): after a snapshot, drop every event where
//! `u` is <= `lastUpdateId`; the first event applied has `U <= lastUpdateId + 1 <= u`; each next one has `U` equal to
//! the previous `u + 1`.
//! Futures (Binance Derivatives docs, same title, USD-M and COIN-M alike): "Drop any event where u is < lastUpdateId in
//! the snapshot"; the first event processed "should have U <= lastUpdateId AND u >= lastUpdateId"; "each new event's pu
//! should be equal to the previous event's u", else start again from a snapshot. One case beyond the letter is taken as
//! in sequence: a first event whose `pu` is the snapshot's `lastUpdateId`, since nothing can lie between the two (ids are
//! shared among symbols, so `U` may be higher).
//!
//! An event that is wholly behind the book (`u` not above it) is a repeat and is dropped. Anything else out of sequence
//! is a gap: the book is stale until a snapshot that joins what was kept since. A snapshot that is older than a live
//! book is dropped, for what came between the two is gone.

/// The ids of a depth message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diff {
    /// `U`: first update id in it.
    pub first: u64,
    /// `u`: last update id in it.
    pub last: u64,
    /// `pu`: last update id of the message before; futures only.
    pub prev: Option<u64>,
}

/// What to do with a depth message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDiff {
    /// It follows: apply it.
    Apply,
    /// It is behind the book: drop it.
    Drop,
    /// There is no live book: keep it for the next snapshot.
    Keep,
    /// Something is missing before it: the book is stale; keep it for the next snapshot.
    Gap,
}

/// What to do with a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSnapshot {
    /// Apply it, then offer what was kept.
    Apply,
    /// It is older than the live book: drop it.
    Older,
    /// It ends before what was kept begins: drop it and wait for a later one.
    Apart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Stale,
    /// The last thing applied is a snapshot.
    Snapshot(u64),
    /// The last thing applied is a depth message.
    Following(u64),
}

/// Where one book stands in its sequence.
#[derive(Clone, Copy, Debug)]
pub struct Sequencer {
    state: State,
}

impl Default for Sequencer {
    fn default() -> Self {
        Self { state: State::Stale }
    }
}

impl Diff {
    const fn is_behind_snapshot(&self, id: u64) -> bool {
        match self.prev {
            None => self.last <= id,
            Some(_) => self.last < id,
        }
    }
    const fn joins_snapshot(&self, id: u64) -> bool {
        match self.prev {
            None => self.first <= id.saturating_add(1) && self.last > id,
            Some(prev) => (self.first <= id && self.last >= id) || prev == id,
        }
    }
    const fn follows(&self, id: u64) -> bool {
        match self.prev {
            None => self.first == id.saturating_add(1),
            Some(prev) => prev == id,
        }
    }
}

impl Sequencer {
    /// Whether the book is complete.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state != State::Stale
    }

    /// Something of the stream was lost. Returns whether the book was live until now.
    pub fn lose(&mut self) -> bool {
        let was_live = self.is_live();
        self.state = State::Stale;
        was_live
    }

    /// Takes the next depth message.
    pub fn diff(&mut self, diff: &Diff) -> OnDiff {
        let (is_behind, follows) = match self.state {
            State::Stale => return OnDiff::Keep,
            State::Snapshot(id) => (diff.is_behind_snapshot(id), diff.joins_snapshot(id)),
            State::Following(id) => (diff.last <= id, diff.follows(id)),
        };
        if is_behind {
            OnDiff::Drop
        } else if follows && diff.first <= diff.last {
            self.state = State::Following(diff.last);
            OnDiff::Apply
        } else {
            self.state = State::Stale;
            OnDiff::Gap
        }
    }

    /// Takes a snapshot up to `last`, where `kept` are the messages kept since the book went stale, oldest first.
    pub fn snapshot<'a>(&mut self, last: u64, kept: impl IntoIterator<Item = &'a Diff>) -> OnSnapshot {
        match self.state {
            State::Snapshot(id) | State::Following(id) if last < id => return OnSnapshot::Older,
            State::Snapshot(_) | State::Following(_) | State::Stale => {}
        }
        let next = kept.into_iter().find(|diff| !diff.is_behind_snapshot(last));
        if next.is_some_and(|diff| !diff.joins_snapshot(last)) {
            return OnSnapshot::Apart;
        }
        self.state = State::Snapshot(last);
        OnSnapshot::Apply
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spot(first: u64, last: u64) -> Diff {
        Diff { first, last, prev: None }
    }
    fn futures(prev: u64, first: u64, last: u64) -> Diff {
        Diff { first, last, prev: Some(prev) }
    }
    fn after(last: u64) -> Sequencer {
        let mut sequencer = Sequencer::default();
        assert_eq!(sequencer.snapshot(last, []), OnSnapshot::Apply);
        sequencer
    }

    #[test]
    fn spot_follows_its_documented_rule() {
        let mut s = Sequencer::default();
        assert_eq!(s.diff(&spot(90, 95)), OnDiff::Keep);
        s = after(100);
        assert_eq!(s.diff(&spot(95, 100)), OnDiff::Drop);
        assert_eq!(s.diff(&spot(99, 103)), OnDiff::Apply);
        assert_eq!(s.diff(&spot(104, 104)), OnDiff::Apply);
        assert_eq!(s.diff(&spot(104, 104)), OnDiff::Drop);
        assert_eq!(s.diff(&spot(106, 107)), OnDiff::Gap);
        assert_eq!(s.diff(&spot(108, 109)), OnDiff::Keep);
        assert_eq!(after(100).diff(&spot(101, 101)), OnDiff::Apply);
        assert_eq!(after(100).diff(&spot(102, 103)), OnDiff::Gap);
    }

    #[test]
    fn futures_follow_their_documented_rule() {
        let mut s = after(100);
        assert_eq!(s.diff(&futures(90, 91, 99)), OnDiff::Drop);
        assert_eq!(s.diff(&futures(95, 97, 100)), OnDiff::Apply);
        assert_eq!(s.diff(&futures(100, 130, 140)), OnDiff::Apply);
        assert_eq!(s.diff(&futures(141, 142, 150)), OnDiff::Gap);
        assert_eq!(after(100).diff(&futures(100, 130, 140)), OnDiff::Apply);
        assert_eq!(after(100).diff(&futures(99, 101, 140)), OnDiff::Gap);
    }

    #[test]
    fn a_snapshot_must_join_what_was_kept() {
        let mut s = Sequencer::default();
        assert_eq!(s.snapshot(100, &[spot(90, 99), spot(102, 105)]), OnSnapshot::Apart);
        assert!(!s.is_live());
        assert_eq!(s.snapshot(103, &[spot(90, 99), spot(102, 105)]), OnSnapshot::Apply);
    }

    #[test]
    fn a_live_book_drops_an_older_snapshot() {
        let mut s = after(100);
        assert_eq!(s.diff(&spot(101, 110)), OnDiff::Apply);
        assert_eq!(s.snapshot(105, []), OnSnapshot::Older);
        assert_eq!(s.diff(&spot(111, 112)), OnDiff::Apply);
        assert_eq!(s.snapshot(120, []), OnSnapshot::Apply);
    }

    proptest! {
        #[test]
        fn any_ids_are_answered(ids in prop::collection::vec((any::<u64>(), any::<u64>(), any::<Option<u64>>(), any::<bool>()), 0..20)) {
            let mut s = Sequencer::default();
            for (first, last, prev, is_snapshot) in ids {
                let diff = Diff { first, last, prev };
                if is_snapshot {
                    s.snapshot(last, [&diff]);
                } else {
                    s.diff(&diff);
                }
            }
        }

        #[test]
        fn one_message_left_out_is_one_gap(lengths in prop::collection::vec(1u64..5, 3..20), is_spot: bool, at: prop::sample::Index) {
            let mut s = after(100);
            let mut last = 100;
            let lost = at.index(lengths.len() - 1);
            let mut gaps = 0;
            for (i, length) in lengths.iter().enumerate() {
                let diff = Diff { first: last + 1, last: last + length, prev: (!is_spot).then_some(last) };
                last = diff.last;
                if i != lost {
                    gaps += u32::from(s.diff(&diff) == OnDiff::Gap);
                }
            }
            prop_assert_eq!(gaps, 1);
        }
    }
}
