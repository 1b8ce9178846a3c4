//! The bench of many live programs: one form, ten thousand holders of its state, one feed, a few woken an event.
//!
//! What stands for the desk here is a host that answers out of a holder's own numbers by the desk's table of functions, and
//! fills what is asked for when the call has come to its end, at the book's best ask: calls, copies of state, draws, plans
//! and timers are all there; routing, controls and orders, which an order costs by whomever it is asked for, are not.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tiderace_algo::Algo;
use tiderace_book::Book;
use tiderace_program::{Arg, Call, Compiler, Host, Instance, SLOTS_MAX, Type};
use tiderace_types::{InstrumentId, MarketEvent, MarketKind, Price, Side, Ts};

use crate::program::{PyProgram, failed, from_python};

const FUEL: u64 = 1_000_000;
const LOT: i128 = 1_000;
const ORDER_QTY: i128 = 1_000_000_000;
/// Nanoseconds from one event to the next.
const STEP: i64 = 1_000_000;

/// One parent's numbers.
#[derive(Clone, Copy, Default)]
struct Holder {
    start: i64,
    end: i64,
    filled: i128,
    draws: u64,
    due: i64,
}

/// The host: the feed's book, and the parent that is lent to it for a call.
struct Desk {
    book: Book,
    now: i64,
    holder: Holder,
    /// What this call asks to take, and what was taken so far.
    asked: i128,
    taken: i128,
}

impl Desk {
    /// `SplitMix64`, scaled to a bound.
    fn random(&mut self, bound: i64) -> i64 {
        self.holder.draws = self.holder.draws.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = self.holder.draws;
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let scaled = u128::from(z ^ (z >> 31)).wrapping_mul(u128::try_from(bound).unwrap_or(0)) >> 64;
        i64::try_from(scaled).unwrap_or(0)
    }

    /// Does what was asked for.
    fn fill(&mut self) {
        let amount = core::mem::take(&mut self.asked);
        if self.book.best(Side::Sell).is_some() {
            self.holder.filled = self.holder.filled.saturating_add(amount);
            self.taken = self.taken.wrapping_add(amount);
        }
    }
}

const fn int(value: i64) -> [u64; 2] {
    [value.cast_unsigned(), 0]
}

/// Halves of a number that is not below zero.
fn amount(value: i128) -> [u64; 2] {
    [u64::try_from(value).unwrap_or(u64::MAX), 0]
}

impl Host for Desk {
    fn call(&mut self, function: usize, args: &[u64; SLOTS_MAX]) -> Option<[u64; 2]> {
        let [low, high, ..] = *args;
        // The numbers of `docs/ALGO.md`, as far as TWAP asks.
        Some(match function {
            0 => int(self.now),
            1 => int(self.holder.start),
            2 => int(self.holder.end),
            3 => int(self.random(low.cast_signed())),
            5 => amount(ORDER_QTY),
            6 => amount(self.holder.filled),
            8 | 9 => amount(LOT),
            7 | 10 | 11 | 36 | 38 => int(0),
            30 => {
                let amount = (i128::from(high.cast_signed()) << 64) | i128::from(low);
                self.asked = self.asked.saturating_add(amount);
                int(0)
            }
            37 => {
                self.holder.due = low.cast_signed().max(self.now.saturating_add(1));
                int(0)
            }
            _ => return None,
        })
    }
}

/// What a run of the fleet gives: activations, events, nanoseconds of them, and what was taken as a checksum.
type Ran = (u64, u64, u64, i128);

/// The holders, and when each is due.
struct Fleet {
    instance: Instance<Desk>,
    holders: Vec<Holder>,
    states: Vec<u8>,
    state_bytes: usize,
    params: Vec<u8>,
    dues: BinaryHeap<Reverse<(i64, usize)>>,
}

impl Fleet {
    /// Calls an entry for a holder.
    fn wake(&mut self, at: usize, entry: usize) -> PyResult<()> {
        let from = at.saturating_mul(self.state_bytes);
        let state = self.states.get_mut(from..from.saturating_add(self.state_bytes));
        let (Some(holder), Some(state)) = (self.holders.get_mut(at), state) else { return Ok(()) };
        holder.due = i64::MAX;
        self.instance.host_mut().holder = *holder;
        let call = Call { entry, params: &self.params, state, args: &mut [], fuel: FUEL };
        let done = self.instance.call(call).map_err(failed)?;
        done.map_err(|trap| failed(trap.reason.name()))?;
        let host = self.instance.host_mut();
        host.fill();
        *holder = host.holder;
        // The desk closes a parent that is filled, and wakes it no more.
        if holder.filled < ORDER_QTY && holder.due < i64::MAX {
            self.dues.push(Reverse((holder.due, at)));
        }
        Ok(())
    }

    /// Bytes that the holders take, all told.
    fn bytes(&self) -> usize {
        let dues = self.dues.capacity().saturating_mul(size_of::<Reverse<(i64, usize)>>());
        let holders = self.holders.capacity().saturating_mul(size_of::<Holder>());
        self.states.capacity().saturating_add(holders).saturating_add(dues)
    }

    /// Runs events until every holder is filled, each event a change of the book.
    fn run(&mut self, entry: usize) -> PyResult<Ran> {
        let (mut activations, mut events) = (0_u64, 0_u64);
        let begin = Instant::now();
        while !self.dues.is_empty() {
            let now = STEP.saturating_mul(i64::try_from(events).unwrap_or(i64::MAX)).saturating_add(1);
            let host = self.instance.host_mut();
            host.now = now;
            host.book.apply(&level(now, i64::try_from(events & 7).unwrap_or(0)));
            events = events.saturating_add(1);
            while let Some(Reverse((_, at))) = self.dues.peek().copied().filter(|Reverse((due, _))| *due <= now) {
                self.dues.pop();
                self.wake(at, entry)?;
                activations = activations.saturating_add(1);
            }
        }
        let ns = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Ok((activations, events, ns, self.instance.host_mut().taken))
    }
}

/// A depth message of one level: the best ask with another size.
fn level(now: i64, size: i64) -> MarketEvent {
    MarketEvent {
        ts_event: Ts::new(now),
        ts_recv: Ts::new(now),
        price: Price::new(100_001),
        qty_e8: size.saturating_add(1).saturating_mul(100_000_000),
        seq: 0,
        instrument: InstrumentId(0),
        kind: MarketKind::Level,
        flags: MarketEvent::ASK | MarketEvent::LAST,
    }
}

/// Works `holders` parents by one program, `slices` slices each, started evenly so that `woken` are due an event. Gives
/// bytes a holder, activations, events, nanoseconds, and all that was taken.
#[pyfunction]
pub(crate) fn bench_program_fleet(
    program: &Bound<'_, PyProgram>,
    params: Vec<Bound<'_, PyAny>>,
    holders: u32,
    slices: i64,
    woken: u32,
) -> PyResult<(f64, u64, u64, u64, i128)> {
    // As the desk loads it: what stands still in a call is asked for once.
    let form = program.get().program.form();
    let program = &Algo::load(&form.encode(), None).map_err(failed)?.program;
    let entry = |name| program.entry(name).ok_or_else(|| PyValueError::new_err(format!("there is no entry {name}")));
    let (on_start, on_timer) = (entry("on_start")?, entry("on_timer")?);
    let mut packed = Vec::new();
    if let Some(record) = program.form().params {
        let values = Arg::List(params.iter().map(from_python).collect::<PyResult<_>>()?);
        program.form().pack(Type::Table(record), &values, &mut packed).map_err(failed)?;
    }
    let compiled = Compiler::new().and_then(|mut compiler| compiler.compile(program)).map_err(failed)?;
    let desk = Desk { book: Book::new(), now: 0, holder: Holder::default(), asked: 0, taken: 0 };
    let groups = i64::from(holders.div_ceil(woken.max(1)));
    let started = |at: u32| {
        let start = STEP.saturating_mul(i64::from(at / woken.max(1)));
        let end = start.saturating_add(STEP.saturating_mul(groups).saturating_mul(slices));
        Holder { start, end, draws: u64::from(at), ..Holder::default() }
    };
    let count = usize::try_from(holders).unwrap_or(0);
    let mut fleet = Fleet {
        instance: Instance::new(&compiled, desk).map_err(failed)?,
        holders: (0..holders).map(started).collect(),
        states: vec![0; program.state_bytes().saturating_mul(count)],
        state_bytes: program.state_bytes(),
        params: packed,
        dues: BinaryHeap::with_capacity(count),
    };
    let host = fleet.instance.host_mut();
    let clear = MarketEvent { kind: MarketKind::Clear, flags: MarketEvent::SNAPSHOT, ..level(0, 0) };
    host.book.apply(&clear);
    host.book.apply(&MarketEvent { flags: MarketEvent::SNAPSHOT | level(0, 0).flags, ..level(0, 0) });
    for at in 0..count {
        let start = fleet.holders.get(at).map_or(0, |holder| holder.start);
        fleet.instance.host_mut().now = start;
        fleet.wake(at, on_start)?;
    }
    let bytes = fleet.bytes();
    let (activations, events, ns, taken) = fleet.run(on_timer)?;
    #[expect(clippy::as_conversions, reason = "bytes of a bench are far below 2^53")]
    let each = bytes as f64 / f64::from(holders.max(1));
    Ok((each, activations, events, ns, taken))
}
