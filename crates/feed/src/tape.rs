//! A tape: market records of one or more instruments in the order in which they reached the recorder.
//!
//! Invariants after [`Tape::align`] and [`Tape::merge`]: `ts_recv` never decreases; no `ts_event` is after its
//! `ts_recv`; within one instrument, `ts_event` never decreases over the records that a market is rebuilt from (all but
//! `Best`, which is a check, comes over a stream of its own, and on some venues carries no time at all). So the same
//! order replays the venue's side and ours.
//!
//! Refused: bytes that are not whole records of known kinds.

use tiderace_types::{InstrumentId, MarketEvent, MarketKind, Ts};

/// Market records sorted by `ts_recv`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tape {
    /// The records.
    pub events: Vec<MarketEvent>,
    /// What was added to the venue's clock to make it the recorder's: the smallest (local - exchange) seen.
    pub clock_offset_ns: i64,
}

/// Why bytes are not a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapeError {
    /// The length is not a whole number of records.
    Length {
        /// Bytes given.
        bytes: usize,
    },
    /// A record of unknown kind or with padding that is not zero.
    Record {
        /// Its place, from 0.
        index: usize,
    },
    /// A record earlier than the one before it.
    Unsorted {
        /// Its place, from 0.
        index: usize,
    },
}

impl core::fmt::Display for TapeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let len = MarketEvent::LEN;
        match self {
            Self::Length { bytes } => {
                write!(f, "{bytes} bytes are not a whole number of {len}-byte records: pass the buffer whole")
            }
            Self::Record { index } => write!(
                f,
                "record {index} (byte {}) has an unknown kind or padding that is not zero: \
                 build records with tiderace.data.MARKET_EVENT",
                index.saturating_mul(len)
            ),
            Self::Unsorted { index } => write!(
                f,
                "record {index} was received before record {}: a tape is in order of ts_recv; sort the records by it",
                index.saturating_sub(1)
            ),
        }
    }
}

impl std::error::Error for TapeError {}

impl Tape {
    /// Reads records of 48 bytes each.
    ///
    /// # Errors
    /// [`TapeError`], which names the first record that is at fault.
    pub fn from_bytes(bytes: &[u8], clock_offset_ns: i64) -> Result<Self, TapeError> {
        let (records, rest) = bytes.as_chunks::<{ MarketEvent::LEN }>();
        if !rest.is_empty() {
            return Err(TapeError::Length { bytes: bytes.len() });
        }
        let mut events = Vec::with_capacity(records.len());
        let mut ts_last = Ts::MIN;
        for (index, record) in records.iter().enumerate() {
            let event = MarketEvent::from_bytes(record).ok_or(TapeError::Record { index })?;
            if event.ts_recv < ts_last {
                return Err(TapeError::Unsorted { index });
            }
            ts_last = event.ts_recv;
            events.push(event);
        }
        Ok(Self { events, clock_offset_ns })
    }

    /// The records' bytes, one after the other.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.events.len().saturating_mul(MarketEvent::LEN));
        for event in &self.events {
            bytes.extend_from_slice(&event.to_bytes());
        }
        bytes
    }

    /// Moves venue times so that they lie `clock_offset_ns` from the venue's clock, and restores the invariants.
    /// Times that an earlier alignment had raised stay where their cause puts them.
    pub fn align(&mut self, clock_offset_ns: i64) {
        let shift = clock_offset_ns.saturating_sub(self.clock_offset_ns);
        let mut newest = NewestTime::default();
        for event in &mut self.events {
            let ts =
                if event.flags & MarketEvent::UNTIMED == 0 { event.ts_event.plus_ns(shift) } else { event.ts_recv };
            event.ts_event = ts.min(event.ts_recv);
            if event.kind != MarketKind::Best {
                event.ts_event = newest.raise(event.instrument, event.ts_event);
            }
        }
        self.clock_offset_ns = clock_offset_ns;
    }

    /// One tape of many, by `ts_recv`; ties go to the tape that is named first. All are of one recorder, so all get the
    /// smallest clock offset among them; a tape without a record has no say in it.
    #[must_use]
    pub fn merge(tapes: &[Self]) -> Self {
        let offsets = tapes.iter().filter(|tape| !tape.events.is_empty()).map(|tape| tape.clock_offset_ns);
        let clock_offset_ns = offsets.min().unwrap_or(0);
        let total = tapes.iter().map(|tape| tape.events.len()).fold(0_usize, usize::saturating_add);
        let mut merged = Self { events: Vec::with_capacity(total), clock_offset_ns };
        let shift_of = |tape: &Self| clock_offset_ns.saturating_sub(tape.clock_offset_ns);
        let mut rests: Vec<_> = tapes.iter().map(|tape| (tape.events.as_slice(), shift_of(tape))).collect();
        // There are few tapes (one a book): a scan needs no heap, and its first minimum is the tie's answer.
        while let Some((rest, shift)) = rests.iter_mut().min_by_key(|(rest, _)| ts_next(rest)) {
            let Some((event, tail)) = rest.split_first() else { break };
            merged.events.push(MarketEvent { ts_event: event.ts_event.plus_ns(*shift), ..*event });
            *rest = tail;
        }
        merged.align(clock_offset_ns);
        merged
    }
}

/// When the next record was received; a tape that is through comes last.
fn ts_next(rest: &[MarketEvent]) -> (bool, Ts) {
    rest.first().map_or((true, Ts::MAX), |event| (false, event.ts_recv))
}

/// The latest venue time seen of each instrument.
#[derive(Default)]
struct NewestTime {
    by_instrument: Vec<Ts>,
}

impl NewestTime {
    fn raise(&mut self, instrument: InstrumentId, ts: Ts) -> Ts {
        let index = instrument.index();
        if index >= self.by_instrument.len() {
            self.by_instrument.resize(index.saturating_add(1), Ts::MIN);
        }
        match self.by_instrument.get_mut(index) {
            Some(newest) => {
                *newest = ts.max(*newest);
                *newest
            }
            None => ts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tiderace_types::Price;

    fn event(ts_event: i64, ts_recv: i64, instrument: u16, kind: MarketKind, flags: u8) -> MarketEvent {
        MarketEvent {
            ts_event: Ts::new(ts_event),
            ts_recv: Ts::new(ts_recv),
            price: Price::new(ts_recv),
            qty_e8: 1,
            seq: 7,
            instrument: InstrumentId(instrument),
            kind,
            flags,
        }
    }

    fn tape(times: &[(i64, i64)], instrument: u16, clock_offset_ns: i64) -> Tape {
        let level = |(ts_event, ts_recv): &(i64, i64)| {
            event(*ts_event, *ts_recv, instrument, MarketKind::Level, MarketEvent::LAST)
        };
        Tape { events: times.iter().map(level).collect(), clock_offset_ns }
    }

    #[test]
    fn merge_orders_by_receipt_and_ties_go_to_the_first_named() {
        let merged = Tape::merge(&[tape(&[(1, 10), (2, 20)], 0, 0), tape(&[(1, 10), (5, 15)], 1, 0)]);
        let order: Vec<_> = merged.events.iter().map(|e| (e.ts_recv.get(), e.instrument.0)).collect();
        assert_eq!(order, [(10, 0), (10, 1), (15, 1), (20, 0)]);
    }

    #[test]
    fn merge_gives_every_tape_the_smallest_clock_offset() {
        let merged = Tape::merge(&[tape(&[(90, 100)], 0, -5), tape(&[(80, 101)], 1, -8), Tape::default()]);
        assert_eq!(merged.clock_offset_ns, -8);
        let times: Vec<_> = merged.events.iter().map(|e| e.ts_event.get()).collect();
        assert_eq!(times, [87, 80]);
    }

    #[test]
    fn a_record_without_a_venue_time_keeps_its_receipt_time() {
        let mut tape = tape(&[(100, 100)], 0, 0);
        tape.events[0].flags |= MarketEvent::UNTIMED;
        tape.align(-50);
        assert_eq!(tape.events[0].ts_event.get(), 100);
    }

    #[test]
    fn a_best_record_moves_no_other_time() {
        let mut tape = tape(&[(50, 100), (60, 110)], 0, 0);
        tape.events.insert(1, event(100, 100, 0, MarketKind::Best, MarketEvent::LAST | MarketEvent::UNTIMED));
        tape.align(0);
        assert_eq!(tape.events[2].ts_event.get(), 60);
    }

    #[test]
    fn bytes_that_are_no_tape_are_refused_by_place() {
        let bytes = tape(&[(1, 10), (2, 20)], 0, 0).to_bytes();
        assert_eq!(Tape::from_bytes(&bytes[..95], 0), Err(TapeError::Length { bytes: 95 }));
        let mut unknown = bytes.clone();
        unknown[48 + 42] = 99;
        assert_eq!(Tape::from_bytes(&unknown, 0), Err(TapeError::Record { index: 1 }));
        let mut swapped = bytes[48..].to_vec();
        swapped.extend_from_slice(&bytes[..48]);
        assert_eq!(Tape::from_bytes(&swapped, 0), Err(TapeError::Unsorted { index: 1 }));
    }

    prop_compose! {
        fn any_tape(instrument: u16)(steps in prop::collection::vec((-50i64..50, 0i64..5), 0..40), offset in -30i64..30)
            -> Tape {
            let mut now = 0;
            let times: Vec<_> = steps.iter().map(|(lag, step)| { now += step; (now + lag, now) }).collect();
            tape(&times, instrument, offset)
        }
    }

    proptest! {
        #[test]
        fn merge_keeps_every_record_and_the_invariants(a in any_tape(0), b in any_tape(1), c in any_tape(1)) {
            let merged = Tape::merge(&[a.clone(), b.clone(), c.clone()]);
            let mut slow: Vec<_> = [a, b, c].into_iter().flat_map(|t| t.events).collect();
            slow.sort_by_key(|e| e.ts_recv);
            let key = |e: &MarketEvent| (e.ts_recv, e.instrument, e.price);
            prop_assert_eq!(merged.events.iter().map(key).collect::<Vec<_>>(), slow.iter().map(key).collect::<Vec<_>>());
            for instrument in [0, 1] {
                let of = merged.events.iter().filter(|e| e.instrument.0 == instrument);
                prop_assert!(of.map(|e| e.ts_event).is_sorted());
            }
            prop_assert!(merged.events.iter().all(|e| e.ts_event <= e.ts_recv));
            prop_assert_eq!(&Tape::merge(std::slice::from_ref(&merged)), &merged);
        }

        #[test]
        fn bytes_come_back(a in any_tape(3)) {
            prop_assert_eq!(Tape::from_bytes(&a.to_bytes(), a.clock_offset_ns).unwrap(), a);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Tape::from_bytes(&bytes, 0);
        }
    }
}
