//! Recorded markets, order by order: our book against the recorded one, our matching against the recorded executions.
//!
//! The recordings are private; without them each test says `SKIPPED`, or fails where `TIDERACE_REQUIRE_ALL` is set.
//! What a recording does not explain is listed line by line and counted: nothing is filtered, and nothing that differs
//! is overwritten without a line.

mod lobster;
mod nasdaq;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use flate2::read::GzDecoder;
use tiderace_book::by_order::{Book, Order};
use tiderace_types::{Price, Qty, Side};

/// The recordings show the ten best levels of a side.
const RANKS: usize = 10;

/// The text of a compressed recording; `None` where there is none.
fn recording(folder: &str, file: &str) -> Option<String> {
    let path = std::env::var_os("TIDERACE_DATA").map(|data| Path::new(&data).join(folder).join(file));
    let Some(path) = path.filter(|path| path.exists()) else {
        // Not `println!`: the harness would keep it to itself.
        let _ = writeln!(std::io::stderr(), "SKIPPED: needs {folder}/{file} in TIDERACE_DATA");
        assert!(std::env::var_os("TIDERACE_REQUIRE_ALL").is_none(), "SKIPPED: needs {folder}/{file} in TIDERACE_DATA");
        return None;
    };
    let mut text = String::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    Some(text)
}

/// Price, quantity and number of orders of the ten best levels of a side.
fn top(book: &Book<()>, side: Side) -> Vec<(i64, i64, usize)> {
    let levels = book.levels(side).take(RANKS);
    levels.map(|level| (level.price.get(), level.visible_qty.get(), book.orders(side, level.price).count())).collect()
}

fn enter(book: &mut Book<()>, order_id: u64, side: Side, price: i64, lots: i64) {
    book.insert(Order {
        order_id,
        price: Price::new(price),
        visible_qty: qty(lots),
        hidden_qty: Qty::ZERO,
        display_qty: qty(lots),
        cum_qty: Qty::ZERO,
        owner: 0,
        side,
        terms: (),
    })
    .unwrap();
}

fn qty(lots: i64) -> Qty {
    Qty::new(lots).unwrap()
}

/// A line of numbers and words between commas.
fn fields(line: &str) -> Vec<&str> {
    line.split(',').collect()
}
