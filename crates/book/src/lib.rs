//! Order books by price and by order, and one view over instruments.
//!
//! [`Book`] holds one instrument's displayed depth as its feed tells it: nothing is inferred, repaired or uncrossed.
//! [`by_order::Book`] holds every order of one instrument in price-time priority and matches nothing.
//! [`view`] walks several books at once in the order of a cost that the caller states. The crate knows no fees, no
//! lots and no limits: those belong to who walks.

pub mod book;
pub mod by_order;
mod ladder;
mod pages;
pub mod view;

pub use book::{Book, BookState, Level, Levels};
pub use ladder::Ladder;
pub use view::{Ranked, Source, View};
