//! An hour of AAPL on NASDAQ (21 June 2012) in LOBSTER's form: messages, and the ten levels after each of the first 999.
//!
//! The messages do not tell the book that they open on. Levels from the record stand as one order of ours each, at the
//! front of their price, under an id that no message has.

use std::collections::BTreeMap;

use tiderace_book::by_order::Book;
use tiderace_matching::{Command, Event, Matcher, NewOrder};
use tiderace_types::{Price, Qty, Side, TimeInForce};

use super::{RANKS, enter, fields, qty, recording, top};

const FOLDER: &str = "lobster_aapl_sample";
/// Ids from here on are ours.
const NAMELESS: u64 = 1 << 63;

#[derive(Clone, Copy, Debug)]
struct Message {
    kind: u8,
    order_id: u64,
    size: i64,
    price: i64,
    side: Side,
}

impl Message {
    fn read(line: &str) -> Self {
        let f = fields(line);
        let side = if f[5] == "1" { Side::Buy } else { Side::Sell };
        let (size, price) = (f[3].parse().unwrap(), f[4].parse().unwrap());
        Self { kind: f[1].parse().unwrap(), order_id: f[2].parse().unwrap(), size, price, side }
    }
}

/// A recorded side, best first.
fn recorded(row: &[i64], side: Side) -> Vec<(i64, i64)> {
    let first = if side == Side::Buy { 2 } else { 0 };
    (0..RANKS).map(|rank| (row[4 * rank + first], row[4 * rank + first + 1])).collect()
}

struct Replay {
    book: Book<()>,
    /// The order that stands for what the record shows at a price and no message explains.
    nameless: BTreeMap<(Side, i64), u64>,
    ids: u64,
}

impl Replay {
    fn open(row: &[i64], first: &Message) -> Self {
        let mut replay = Self { book: Book::new(1_000, 0), nameless: BTreeMap::new(), ids: NAMELESS };
        for side in [Side::Buy, Side::Sell] {
            for (price, lots) in recorded(row, side) {
                replay.add_nameless(side, price, lots);
            }
        }
        // Row 1 is the book after the first message: its order has a name.
        replay.shrink(replay.nameless[&(first.side, first.price)], first.size);
        enter(&mut replay.book, first.order_id, first.side, first.price, first.size);
        replay
    }

    fn add_nameless(&mut self, side: Side, price: i64, lots: i64) {
        self.ids += 1;
        enter(&mut self.book, self.ids, side, price, lots);
        self.nameless.insert((side, price), self.ids);
    }

    fn shrink(&mut self, order_id: u64, lots: i64) {
        let before = self.book.get(order_id).expect("an order to shrink").leaves_qty().get();
        assert!(before >= lots, "{lots} of {before} lots of {order_id}");
        self.book.reduce(order_id, qty(lots));
    }

    fn apply(&mut self, message: &Message) {
        let &Message { kind, order_id, size, price, side } = message;
        match kind {
            1 => enter(&mut self.book, order_id, side, price, size),
            2..=4 => {
                let known = self.book.get(order_id).map(|order| order.order_id);
                self.shrink(known.unwrap_or_else(|| self.nameless[&(side, price)]), size);
            }
            5 => {}
            _ => panic!("kind {kind} is not in this record"),
        }
    }

    /// Takes rank 10 from the record, and off the book what stands at or before it and not in the record.
    fn take_last(&mut self, side: Side, price: i64, lots: i64) {
        let beyond: Vec<i64> = self.levels(side).split_off(RANKS - 1).into_iter().map(|level| level.0).collect();
        for stale in beyond.into_iter().filter(|p| *p == price || is_better(side, *p, price)) {
            let orders: Vec<u64> = self.book.orders(side, Price::new(stale)).map(|order| order.order_id).collect();
            let mut keeps = if stale == price { lots } else { 0 };
            for order_id in orders {
                let leaves_qty = self.book.get(order_id).unwrap().leaves_qty().get();
                let kept = leaves_qty.min(keeps);
                self.shrink(order_id, leaves_qty - kept);
                keeps -= kept;
            }
        }
        let stands = self.book.level(side, Price::new(price)).visible_qty.get();
        if stands < lots {
            self.add_nameless(side, price, lots - stands);
        }
    }

    fn levels(&self, side: Side) -> Vec<(i64, i64)> {
        self.book.levels(side).map(|level| (level.price.get(), level.visible_qty.get())).collect()
    }
}

fn is_better(side: Side, a: i64, b: i64) -> bool {
    if side == Side::Buy { a > b } else { a < b }
}

/// Goal: from row 1 on, our ten levels equal the recorded ones after each message. Method: where they differ, the row is
/// listed; all that may differ is rank 10, which the record fills from below its ten levels without a message.
#[test]
fn ten_levels_equal_the_recorded_ones_after_each_message_of_the_lobster_sample() {
    let Some(messages) = recording(FOLDER, "AAPL_2012-06-21_message_10_head.csv.gz") else { return };
    let Some(levels) = recording(FOLDER, "AAPL_2012-06-21_orderbook_10_head.csv.gz") else { return };
    let messages: Vec<Message> = messages.lines().map(Message::read).collect();
    let rows: Vec<Vec<i64>> = levels.lines().map(|row| row.split(',').map(|n| n.parse().unwrap()).collect()).collect();
    let mut replay = Replay::open(&rows[0], &messages[0]);
    let mut from_outside = Vec::new();
    let mut equal = 0;
    for (index, (message, row)) in messages.iter().zip(&rows).enumerate().skip(1) {
        replay.apply(message);
        let mut is_equal = true;
        for side in [Side::Buy, Side::Sell] {
            let (mut ours, theirs) = (replay.levels(side), recorded(row, side));
            ours.truncate(RANKS);
            if ours == theirs {
                continue;
            }
            is_equal = false;
            let (price, lots) = theirs[RANKS - 1];
            from_outside.push(format!(
                "row {}: {side:?} rank 10 is {lots} at {price}, ours {:?}: it comes from outside the record",
                index + 1,
                ours.get(RANKS - 1)
            ));
            assert_eq!(
                ours[..RANKS - 1],
                theirs[..RANKS - 1],
                "{message:?} explains ranks 1 to 9 of row {}",
                index + 1
            );
            replay.take_last(side, price, lots);
            let after: Vec<(i64, i64)> = replay.levels(side).into_iter().take(RANKS).collect();
            assert_eq!(after, theirs, "row {}", index + 1);
        }
        equal += usize::from(is_equal);
    }
    println!("{equal} rows equal, {} with a level from outside:\n{}", from_outside.len(), from_outside.join("\n"));
    assert_eq!((rows.len() - 1, equal, from_outside.len()), (998, 984, 14));
    assert_eq!(top(&replay.book, Side::Buy).len(), RANKS);
}

/// What the record does to our market besides executions, and how much of it names an order it never told.
#[derive(Debug, Default, PartialEq)]
struct Told {
    entered: u32,
    canceled: u32,
    of_unknown: u32,
}

/// Goal: our price-time priority is the market's. Method: the hour's messages drive a [`Matcher`]; each visible
/// execution is sent as an immediate order of the other side at its price, and has to trade its whole size with the
/// recorded order. Where that order is not the first in line the execution is listed with the reason, and taken off
/// the order where it stands.
#[test]
fn each_visible_execution_of_the_lobster_hour_hits_the_recorded_order() {
    let Some(text) = recording(FOLDER, "AAPL_2012-06-21_34200000_37800000_message_50.csv.gz") else { return };
    let mut market = Matcher::new(10_000, 0);
    let mut told = Told::default();
    let (mut hits, mut executions, mut exceptions) = (0, 0, Vec::new());
    for (index, line) in text.lines().enumerate() {
        let message = Message::read(line);
        if message.kind != 4 {
            tell(&mut market, &message, &mut told, index, &mut exceptions);
            continue;
        }
        executions += 1;
        match why_not_first(&market, &message) {
            None => {
                hit(&mut market, &message, index);
                hits += 1;
            }
            Some(reason) => {
                exceptions.push(format!("line {}: {line}: {reason}", index + 1));
                if market.book().get(message.order_id).is_some() {
                    shrink(&mut market, &message);
                }
            }
        }
    }
    println!("{executions} executions, {hits} hit the recorded order; {told:?}");
    println!("{} others:\n{}", exceptions.len(), exceptions.join("\n"));
    assert_eq!((executions, hits, exceptions.len()), (4_067, 4_031, 36));
}

/// Why an execution would not hit the recorded order: another stands before it, or it was never told.
fn why_not_first(market: &Matcher, message: &Message) -> Option<String> {
    let Some(order) = market.book().get(message.order_id) else {
        return Some("the order entered before the record began".into());
    };
    let front = market.book().front(message.side).expect("the order rests");
    if front.order_id == message.order_id {
        assert_eq!(order.price.get(), message.price);
        assert!(order.leaves_qty().get() >= message.size);
        return None;
    }
    let (id, lots, price) = (front.order_id, front.leaves_qty().get(), front.price.get());
    assert_eq!(front.price, order.price, "no better price stands when an order executes");
    let age = if message.order_id < id {
        "but is the younger: the record told the executed one late, when its price came into view"
    } else {
        "and is the older: the market passed it over"
    };
    Some(format!("order {id}, {lots} at {price}, stands before it by the record, {age}"))
}

/// Sends an execution as an immediate order; it fills whole against the recorded order.
fn hit(market: &mut Matcher, message: &Message, index: usize) {
    let taker = NAMELESS + index as u64;
    let order = NewOrder::limit(taker, message.side.opposite(), Price::new(message.price), qty(message.size));
    let mut events = Vec::new();
    market.apply(&Command::New(NewOrder { time_in_force: TimeInForce::Ioc, ..order }), &mut events);
    let [Event::Accepted { .. }, Event::Trade { maker, price, qty, taker_leaves_qty, .. }] = events[..] else {
        panic!("line {}: {message:?} gave {events:?}", index + 1);
    };
    assert_eq!((maker, price.get(), qty.get()), (message.order_id, message.price, message.size));
    assert_eq!(taker_leaves_qty, Qty::ZERO);
}

/// Tells our market what entered and what was canceled. An order that would trade on entry is an exception: the market
/// showed it resting.
fn tell(market: &mut Matcher, message: &Message, told: &mut Told, index: usize, exceptions: &mut Vec<String>) {
    let mut events = Vec::new();
    match message.kind {
        1 => {
            let &Message { order_id, side, price, size, .. } = message;
            market.apply(&Command::New(NewOrder::limit(order_id, side, Price::new(price), qty(size))), &mut events);
            told.entered += 1;
            if events.len() != 1 {
                exceptions.push(format!("line {}: {message:?} rests there, and trades here: {events:?}", index + 1));
            }
        }
        2 | 3 if market.book().get(message.order_id).is_some() => {
            shrink(market, message);
            told.canceled += 1;
        }
        2 | 3 => told.of_unknown += 1,
        5 => {}
        kind => panic!("kind {kind} is not in this record"),
    }
}

/// Makes an order smaller where it stands; one with nothing left is gone.
fn shrink(market: &mut Matcher, message: &Message) {
    let order = market.book().get(message.order_id).unwrap();
    assert!(order.leaves_qty().get() >= message.size, "{message:?} of {order:?}");
    let total = order.leaves_qty().get() + order.cum_qty.get() - message.size;
    let (order_id, price) = (message.order_id, order.price);
    market.apply(&Command::Replace { order_id, price, order_qty: qty(total) }, &mut Vec::new());
}
