//! The view against a sort of every level.

use proptest::prelude::*;
use tiderace_book::{Book, Ranked, Source, View};
use tiderace_types::{InstrumentId, MarketEvent, MarketKind, Price, Rate, Side, Ts};

fn book(side: Side, levels: &[(i64, i64)]) -> Book {
    let mut book = Book::new();
    for (price, qty_e8) in levels {
        book.apply(&MarketEvent {
            ts_event: Ts::new(0),
            ts_recv: Ts::new(0),
            price: Price::new(*price),
            qty_e8: *qty_e8,
            seq: 0,
            instrument: InstrumentId(0),
            kind: MarketKind::Level,
            flags: if side == Side::Sell { MarketEvent::ASK } else { 0 },
        });
    }
    book
}

fn sources(books: &[Book], side: Side) -> Vec<Source<'_, impl Fn(Price) -> Option<Rate>>> {
    let cost = move |price: Price| Some(Rate::new(i128::from(side.opposite().sign() * price.get() / 4)));
    let id = |n: usize| InstrumentId(u16::try_from(books.len() - n).unwrap());
    books.iter().enumerate().map(|(n, book)| Source { book, instrument: id(n), side, cost }).collect()
}

proptest! {
    #[test]
    fn levels_of_all_books_come_in_order_of_cost_ties_by_id(
        books in prop::collection::vec(prop::collection::vec((-300i64..300, 1i64..9), 0..40), 1..5),
        side in prop::sample::select(vec![Side::Buy, Side::Sell]),
    ) {
        let books: Vec<Book> = books.iter().map(|levels| book(side, levels)).collect();
        let mut wanted = Vec::new();
        for (n, source) in sources(&books, side).into_iter().enumerate() {
            for level in source.book.levels(side) {
                let cost = (source.cost)(level.price).unwrap();
                wanted.push(Ranked { source: n, instrument: source.instrument, level, cost });
            }
        }
        // A stable sort keeps each book's own order among equals.
        wanted.sort_by_key(|ranked| (ranked.cost, ranked.instrument));
        prop_assert_eq!(View::new(sources(&books, side)).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn a_cost_of_none_or_a_close_ends_its_book_only() {
    let books = [book(Side::Sell, &[(1, 1), (5, 1)]), book(Side::Sell, &[(2, 1), (3, 1), (9, 1)])];
    let ends = [1, 3];
    let cost = |at: usize| move |price: Price| (price.get() <= ends[at]).then(|| Rate::new(price.get().into()));
    let source = |(at, book)| Source { book, instrument: InstrumentId(0), side: Side::Sell, cost: cost(at) };
    let prices = |view: &mut dyn Iterator<Item = Ranked>| view.map(|r| r.level.price.get()).collect::<Vec<_>>();
    assert_eq!(prices(&mut View::new(books.iter().enumerate().map(source))), [1, 2, 3]);
    let mut view = View::new(books.iter().enumerate().map(source));
    view.next();
    view.close(1);
    view.close(7);
    assert_eq!(prices(&mut view), []);
}
