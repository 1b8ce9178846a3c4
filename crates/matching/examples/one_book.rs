//! One instrument's market as a plain library: new, cancel, replace, best bid and ask, quantity at a price.
//!
//! `cargo run -p tiderace-matching --example one_book`

use tiderace_matching::{Command, Event, Matcher, NewOrder};
use tiderace_types::{Price, Qty, Side};

fn main() {
    // Room for a thousand resting orders before the tables grow. The events of a command go into our own buffer.
    let mut market = Matcher::new(1_000, 0);
    let mut events = Vec::new();
    let qty = |lots| Qty::new(lots).unwrap_or(Qty::ZERO);
    let limit = |id, side, price, lots| Command::New(NewOrder::limit(id, side, Price::new(price), qty(lots)));

    for command in [
        limit(1, Side::Buy, -3, 10), // a spread's price may be negative
        limit(2, Side::Buy, -3, 5),
        limit(3, Side::Buy, -5, 20),
        limit(4, Side::Sell, 2, 7),
        Command::Cancel { order_id: 3 },
        Command::Replace { order_id: 1, price: Price::new(-3), order_qty: qty(6) }, // smaller: keeps its place
        limit(5, Side::Sell, -4, 8),                                                // trades 6 with 1, then 2 with 2
    ] {
        market.apply(&command, &mut events);
    }
    for event in &events {
        if let Event::Trade { maker, taker, price, qty, .. } = event {
            println!("{taker} took {} of {maker} at {}", qty.get(), price.get());
        }
    }

    let book = market.book();
    for (name, side) in [("bid", Side::Buy), ("ask", Side::Sell)] {
        if let Some(best) = book.best(side) {
            println!("best {name}: {} lots at {}", best.visible_qty.get(), best.price.get());
        }
    }
    println!("at -3: {} lots to buy", book.level(Side::Buy, Price::new(-3)).total_qty.get());
    println!("at -5: {} lots to buy", book.level(Side::Buy, Price::new(-5)).total_qty.get());
}
