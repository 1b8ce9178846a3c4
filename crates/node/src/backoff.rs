//! How a thread waits for a ring: first it spins, then it lets others run, then it sleeps a little.

use std::thread;
use std::time::Duration;

use rtrb::Producer;
use rtrb::chunks::ChunkError;

/// Turns of a spinning wait: about a microsecond.
const SPINS: u32 = 64;
/// Turns of letting others run: where threads outnumber the cores this is what keeps them moving.
const YIELDS: u32 = 256;
const SLEEP: Duration = Duration::from_micros(50);

/// One wait.
#[derive(Default)]
pub(crate) struct Backoff {
    turns: u32,
}

impl Backoff {
    /// Something came: the next wait begins anew.
    pub(crate) const fn reset(&mut self) {
        self.turns = 0;
    }

    /// Nothing came.
    pub(crate) fn wait(&mut self) {
        if self.turns < SPINS {
            std::hint::spin_loop();
        } else if self.turns < SPINS.saturating_add(YIELDS) {
            thread::yield_now();
        } else {
            thread::sleep(SLEEP);
        }
        self.turns = self.turns.saturating_add(1);
    }
}

/// Pushes all of `items`, `count` of them, and waits where the ring is full. Where nobody takes them any more, what is
/// left of them is dropped.
pub(crate) fn push_all<T>(ring: &mut Producer<T>, mut items: impl Iterator<Item = T>, count: usize) {
    let mut left = count;
    let mut backoff = Backoff::default();
    while left > 0 {
        let room = match ring.write_chunk_uninit(left) {
            Ok(chunk) => {
                chunk.fill_from_iter(&mut items);
                return;
            }
            Err(ChunkError::TooFewSlots(room)) => room,
        };
        match ring.write_chunk_uninit(room) {
            Ok(chunk) if room > 0 => {
                left = left.saturating_sub(chunk.fill_from_iter(&mut items));
                backoff.reset();
            }
            Ok(_) | Err(_) => {
                if ring.is_abandoned() {
                    return;
                }
                backoff.wait();
            }
        }
    }
}
