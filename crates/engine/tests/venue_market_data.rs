//! A client that starts anywhere ends with the same book: snapshot, then the increments above its number.

mod venue_draw;
mod venue_world;

use std::collections::BTreeMap;

use tiderace_engine::venue::{MarketDatum, Venue};
use tiderace_types::venue_data::{BookSnapshot, MarketData};
use tiderace_types::{InstrumentId, Price, Qty, Side, TradingState};
use venue_draw::Draw;
use venue_world::config;

const INSTRUMENTS: [InstrumentId; 4] = [InstrumentId(0), InstrumentId(1), InstrumentId(2), InstrumentId(3)];

/// The book of a client: slow and obvious.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Client {
    rpt_seq: u64,
    state: Option<TradingState>,
    last_px: Option<Price>,
    /// Orders of a side and price, first in line first.
    levels: BTreeMap<(Side, Price), Vec<(u64, Qty)>>,
}

impl Client {
    fn of_snapshot(records: &[MarketData]) -> Self {
        let MarketData::BookSnapshot(head) = records[0] else { panic!("{records:?}") };
        let state = Some(head.state);
        let last_px = head.has_traded.then_some(head.last_px);
        let mut client = Self { rpt_seq: head.rpt_seq, state, last_px, ..Self::default() };
        let (mut levels, mut orders) = (Vec::new(), 0);
        for record in &records[1..] {
            match record {
                MarketData::LevelListed(level) => levels.push(*level),
                MarketData::OrderListed(of) => {
                    client.levels.entry((of.side, of.price)).or_default().push((of.order_id, of.visible_qty));
                    orders += 1;
                }
                MarketData::IndicationPublished(of) => assert_eq!(of.rpt_seq, head.rpt_seq),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((head.levels, head.orders), (u64::try_from(levels.len()).unwrap(), orders));
        assert_eq!(levels.len(), client.levels.len());
        for level in levels {
            let queue = &client.levels[&(level.side, level.price)];
            let shown: i64 = queue.iter().map(|(_, qty)| qty.get()).sum();
            assert_eq!((level.visible_qty.get(), level.orders), (shown, u64::try_from(queue.len()).unwrap()));
        }
        client.check_best(&head);
        client
    }

    fn check_best(&self, head: &BookSnapshot) {
        let level = |side| self.levels.iter().filter(move |((of, _), _)| *of == side);
        let told = |best: Option<(&(Side, Price), &Vec<(u64, Qty)>)>| {
            best.map_or((Price::ZERO, 0), |((_, px), queue)| (*px, queue.iter().map(|(_, qty)| qty.get()).sum()))
        };
        assert_eq!((head.bid_px, head.bid_qty.get()), told(level(Side::Buy).next_back()));
        assert_eq!((head.ask_px, head.ask_qty.get()), told(level(Side::Sell).next()));
    }

    fn place(&mut self, order_id: u64) -> ((Side, Price), usize) {
        let found = self.levels.iter().find_map(|(key, queue)| {
            let at = queue.iter().position(|(of, _)| *of == order_id)?;
            Some((*key, at))
        });
        found.unwrap_or_else(|| panic!("order {order_id} is in no level"))
    }

    /// Applies an increment, unless the snapshot holds it.
    fn apply(&mut self, record: &MarketData, rpt_seq: u64) {
        if rpt_seq <= self.rpt_seq {
            return;
        }
        assert_eq!(rpt_seq, self.rpt_seq + 1, "a gap before {record:?}");
        self.rpt_seq = rpt_seq;
        match record {
            MarketData::OrderAdded(of) => {
                self.levels.entry((of.side, of.price)).or_default().push((of.order_id, of.visible_qty));
            }
            MarketData::OrderShown(of) => {
                let (key, at) = self.place(of.order_id);
                self.levels.get_mut(&key).unwrap()[at].1 = of.visible_qty;
            }
            MarketData::OrderRemoved(of) => {
                let (key, at) = self.place(of.order_id);
                self.levels.get_mut(&key).unwrap().remove(at);
                self.levels.retain(|_, queue| !queue.is_empty());
            }
            MarketData::TradePrinted(of) => self.last_px = Some(of.price),
            MarketData::StatePublished(of) => self.state = Some(of.state),
            MarketData::IndicationPublished(_) => {}
            MarketData::BookSnapshot(_) | MarketData::LevelListed(_) | MarketData::OrderListed(_) => {
                panic!("{record:?} is no increment")
            }
        }
    }
}

/// The record over its bytes.
fn over_the_wire(record: &MarketData) -> MarketData {
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    let read = MarketData::decode(record.kind(), &bytes).unwrap();
    assert_eq!(read, *record);
    read
}

fn join(venue: &Venue, at: InstrumentId) -> Client {
    let mut records = Vec::new();
    venue.market_data_snapshot(at, &mut records);
    Client::of_snapshot(&records.iter().map(over_the_wire).collect::<Vec<_>>())
}

/// Clients join at drawn times; all of them end as one that asks for a snapshot at the end. Gives the changes seen.
fn run(seed: u64, commands: u64) -> usize {
    let mut draw = Draw(seed);
    let mut venue = Venue::new(config()).unwrap();
    venue.enable_market_data();
    let mut clients: Vec<(InstrumentId, Client)> = INSTRUMENTS.map(|at| (at, join(&venue, at))).into();
    let (mut events, mut data, mut seen) = (Vec::new(), Vec::<MarketDatum>::new(), 0);
    for id in 1..=commands {
        let ts = venue.now().plus_ns(draw.small(20));
        let command = draw.command(id, ts);
        events.clear();
        venue.apply(ts, &command, &mut events);
        // A client may ask before it is given the increments of this command: it passes over those.
        if draw.one_in(200) {
            let at = draw.instrument();
            clients.push((at, join(&venue, at)));
        }
        data.clear();
        venue.drain_market_data(&mut data);
        seen += data.len();
        for datum in &data {
            let record = over_the_wire(&MarketData::from(datum));
            for (_, client) in clients.iter_mut().filter(|(at, _)| *at == datum.instrument) {
                client.apply(&record, datum.rpt_seq);
            }
        }
        if id % 500 == 0 {
            for (at, client) in &clients {
                assert_eq!(*client, join(&venue, *at), "seed {seed}, command {id}");
            }
        }
    }
    assert!(clients.len() > 10);
    seen
}

#[test]
fn a_client_that_starts_anywhere_ends_with_the_same_book() {
    let (seeds, commands) = if std::env::var_os("TIDERACE_FULL").is_some() { (100, 10_000) } else { (8, 4_000) };
    let seen: usize = (1..=seeds).map(|seed| run(seed * 0x9E37_79B9, commands)).sum();
    println!("{} commands, {seen} changes of market data", seeds * commands);
    assert!(seen > 10_000);
}

#[test]
fn an_unknown_instrument_has_no_snapshot() {
    let mut records = Vec::new();
    Venue::new(config()).unwrap().market_data_snapshot(InstrumentId(99), &mut records);
    assert_eq!(records, []);
}
