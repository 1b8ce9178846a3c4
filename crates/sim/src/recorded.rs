//! A recording as the world of a run: its tape for the desk, and simulated venues that see the same tape at venue time.
//!
//! A venue without orders of ours is brought up to date only when one arrives. A venue's own best prices come over a
//! stream of their own, and where the venue does not stamp them they carry the time of their receipt: the venue's side
//! skips them, or they would hold back what happened before. Recorded participants never react to us.

use tiderace_types::{InstrumentId, MarketEvent, MarketKind, Output, Ts};

use crate::driver::{Link, World, venue_of};
use crate::surfaces::Surfaces;
use crate::{Latency, Leg, Reports, SimConfig, SimExchange};

/// A tape, and the venues of its instruments.
pub struct Recorded<'a> {
    exchange: SimExchange,
    tape: &'a [MarketEvent],
    /// Next market record for the desk.
    next: usize,
    /// Where each venue's own side goes on: no record of its market that it has not seen lies before.
    venue_next: Vec<usize>,
    orders: Link<Output>,
    /// Whether an order of ours rests anywhere: only then do the venues' own clocks count.
    is_resting: bool,
    /// The market that moves next, before the next order arrives.
    market_due: Option<InstrumentId>,
    surfaces: Surfaces,
    /// A surface comes next, before any order or market.
    is_surface_due: bool,
}

impl<'a> Recorded<'a> {
    /// A tape of so many instruments from its first record on.
    #[must_use]
    pub fn new(exchange: SimExchange, config: &SimConfig, tape: &'a [MarketEvent], instruments: usize) -> Self {
        Self {
            exchange,
            tape,
            next: 0,
            venue_next: vec![0; instruments],
            orders: Link::new(Latency::new(config.order_entry, config.seed, Leg::OrderEntry)),
            is_resting: false,
            market_due: None,
            surfaces: Surfaces::new(&config.surfaces),
            is_surface_due: false,
        }
    }

    /// The next record of a venue where an order rests.
    fn venue_due(&mut self) -> Option<(InstrumentId, Ts)> {
        let mut first = None;
        for row in 0..self.venue_next.len() {
            let Ok(instrument) = u16::try_from(row).map(InstrumentId) else { break };
            if self.exchange.has_resting(instrument)
                && let Some(event) = self.venue_peek(instrument)
                && first.is_none_or(|(_, ts)| event.ts_event < ts)
            {
                first = Some((instrument, event.ts_event));
            }
        }
        first
    }

    /// The next record of an instrument's own market. What is passed over is not looked at again.
    fn venue_peek(&mut self, instrument: InstrumentId) -> Option<&'a MarketEvent> {
        let next = self.venue_next.get_mut(instrument.index())?;
        let rest = self.tape.get(*next..)?;
        let is_next = |event: &MarketEvent| event.instrument == instrument && event.kind != MarketKind::Best;
        let ahead = rest.iter().position(is_next).unwrap_or(rest.len());
        *next = next.saturating_add(ahead);
        self.tape.get(*next)
    }

    /// Brings a venue's own side one record further.
    fn venue_market(&mut self, instrument: InstrumentId, out: &mut Reports) {
        let Some(event) = self.venue_peek(instrument) else { return };
        if let Some(next) = self.venue_next.get_mut(instrument.index()) {
            *next = next.saturating_add(1);
        }
        self.exchange.on_market(event, out);
    }

    fn order(&mut self, out: &mut Reports) {
        let Some((ts, message)) = self.orders.receive() else { return };
        let Some(instrument) = venue_of(&message) else { return };
        while self.venue_peek(instrument).is_some_and(|event| event.ts_event <= ts) {
            self.venue_market(instrument, out);
        }
        if let Output::OrderSent(sent) = &message {
            self.exchange.on_order(ts, sent, out);
        } else if let Output::CancelSent(sent) = &message {
            self.exchange.on_cancel(ts, sent, out);
        } else if let Output::ReplaceSent(sent) = &message {
            self.exchange.on_replace(ts, sent, out);
        } else if let Output::StatusRequested(sent) = &message {
            self.exchange.on_status_request(ts, sent, out);
        }
    }
}

impl World for Recorded<'_> {
    fn ts_start(&self) -> Ts {
        self.tape.first().map_or(Ts::ZERO, |event| event.ts_recv)
    }

    fn ts_end(&self) -> Ts {
        self.tape.last().map_or(Ts::ZERO, |event| event.ts_recv)
    }

    fn due(&mut self) -> Ts {
        let (ts_order, ts_surface) = (self.orders.ts_next(), self.surfaces.ts_next());
        self.market_due = None;
        self.is_surface_due = false;
        if self.is_resting
            && let Some((instrument, ts)) = self.venue_due()
            && ts <= ts_order.min(ts_surface)
        {
            self.market_due = Some(instrument);
            return ts;
        }
        self.is_surface_due = ts_surface <= ts_order && ts_surface != Ts::MAX;
        ts_order.min(ts_surface)
    }

    fn step(&mut self, out: &mut Reports) {
        if std::mem::take(&mut self.is_surface_due) {
            return self.surfaces.step(out);
        }
        match self.market_due.take() {
            Some(instrument) => self.venue_market(instrument, out),
            None => self.order(out),
        }
        let mut rows = 0..self.venue_next.len();
        self.is_resting =
            rows.any(|row| u16::try_from(row).is_ok_and(|row| self.exchange.has_resting(InstrumentId(row))));
    }

    fn send(&mut self, ts: Ts, message: &Output) {
        self.orders.send(ts, *message);
    }

    fn ts_record(&self) -> Ts {
        self.tape.get(self.next).map_or(Ts::MAX, |event| event.ts_recv)
    }

    fn take_record(&mut self) -> Option<(u64, MarketEvent)> {
        let index = self.next;
        let event = self.tape.get(index)?;
        self.next = index.saturating_add(1);
        Some((u64::try_from(index).unwrap_or(u64::MAX), *event))
    }

    fn progress(&self) -> (u64, u64) {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        (count(self.next), count(self.tape.len()))
    }
}
