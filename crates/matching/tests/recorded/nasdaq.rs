//! A day of ARL on NASDAQ (17 July 2025), every order, and the ten levels that its source published after each event.

use tiderace_book::by_order::Book;
use tiderace_types::Side;

use super::{RANKS, enter, fields, qty, recording, top};

const FOLDER: &str = "nasdaq_mbo_arl_2025-07-17";
const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

struct Message<'a> {
    action: &'a str,
    side: &'a str,
    price: i64,
    size: i64,
    order_id: u64,
    sequence: &'a str,
}

impl<'a> Message<'a> {
    fn read(line: &'a str) -> Self {
        let f = fields(line);
        let (size, order_id) = (f[8].parse().unwrap(), f[10].parse().unwrap());
        Self { action: f[5], side: f[6], price: nanos(f[7]), size, order_id, sequence: f[13] }
    }

    /// Whether it stands for this message's event in the published levels.
    fn is_published_in(&self, row: &[&str]) -> bool {
        let is_order = self.action == "T" || row[row.len() - 1].parse() == Ok(self.order_id);
        is_order && row[6] == self.action && row[13] == self.sequence && nanos(row[9]) == self.price
    }

    fn apply(&self, book: &mut Book<()>) {
        match (self.action, self.side) {
            ("A", "B") => enter(book, self.order_id, Side::Buy, self.price, self.size),
            ("A", "A") => enter(book, self.order_id, Side::Sell, self.price, self.size),
            ("C", _) => {
                let before = book.get(self.order_id).expect("a cancel names an order").leaves_qty().get();
                assert!(before >= self.size, "a cancel of {} finds {before} of {}", self.size, self.order_id);
                book.reduce(self.order_id, qty(self.size));
            }
            ("R", _) => assert!(book.is_empty(), "the record is cleared before it begins"),
            // A fill is told again by the cancel that follows; a trade moves nothing by itself.
            ("T" | "F", _) => {}
            (action, side) => panic!("{action} {side} is not in the record's description"),
        }
    }
}

/// Dollars as a decimal to billionths; nothing where a row has no price.
fn nanos(text: &str) -> i64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().unwrap() };
    whole * 1_000_000_000 + format!("{fraction:0<9}").parse::<i64>().unwrap()
}

/// A published side: price, size and number of orders of each level that is there.
fn published(row: &[&str], side: Side) -> Vec<(i64, i64, usize)> {
    let first = if side == Side::Buy { 14 } else { 17 };
    let levels = (0..RANKS).map(|rank| first + 6 * rank).filter(|at| !row[*at].is_empty());
    levels.map(|at| (nanos(row[at]), row[at + 1].parse().unwrap(), row[at + 2].parse().unwrap())).collect()
}

/// Goal: prices, sizes and numbers of orders of ten levels equal the published ones at every published row, and where
/// no row is published the ten levels did not move. Method: rows are claimed in order by the message they name; a trade,
/// its fill and its cancel are one event.
#[test]
fn ten_levels_equal_every_published_row_of_the_nasdaq_day() {
    let Some(orders) = recording(FOLDER, "mbo.csv.gz") else { return };
    let Some(levels) = recording(FOLDER, "mbp.csv.gz") else { return };
    let mut messages = orders.lines().skip(1).map(Message::read).peekable();
    let mut rows = levels.lines().skip(1).map(fields).peekable();
    let (mut book, mut before) = (Book::new(1_000, 0), [vec![], vec![]]);
    let (mut read, mut equal, mut still, mut events) = (0, 0, 0, 0);
    let mut differing = Vec::new();

    while let Some(message) = messages.next() {
        read += 1;
        message.apply(&mut book);
        if message.action == "T" && message.side != "N" {
            for action in ["F", "C"] {
                let part = messages.next().filter(|part| part.action == action && part.sequence == message.sequence);
                part.expect("a trade of the book is told with its fill and its cancel").apply(&mut book);
                read += 1;
            }
            events += 1;
        }
        let now = SIDES.map(|side| top(&book, side));
        match rows.next_if(|row| message.is_published_in(row)) {
            Some(row) if SIDES.map(|side| published(&row, side)) == now => equal += 1,
            Some(row) => differing.push(format!("row {}: ours {now:?}", row[0])),
            None if now == before => still += 1,
            None => differing.push(format!("message {read}: the levels moved, and no row says so: {now:?}")),
        }
        before = now;
    }
    println!("{read} messages, {equal} rows equal, {events} trades of the book, {still} events without a row");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert!(rows.next().is_none(), "every published row has its message");
    assert_eq!((read, equal, events), (5_886, 3_928, 11));
}
