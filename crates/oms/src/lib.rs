//! Order life: the state of every order that the desk sent, from the first key to the last late report.
//!
//! This crate owns the keys (ClOrdID, never reused in the life of a journal), the OrdStatus machine, the fills, and what
//! differs between us and a venue. A command may be refused ([`Oms::submit`], [`Oms::request_cancel`],
//! [`Oms::request_replace`]); a report never is: an execution that should not be is booked all the same, and a break is
//! raised that stands until a person clears it. OrdStatus is computed from quantities and from what is under way; what a
//! venue says of it is compared and never trusted.
//!
//! Invariants, for every order at all times: working means `order_qty == cum_qty + leaves_qty`, closed means
//! `leaves_qty == 0`; `cum_qty` is the sum of the fills booked less those undone; a key that was seen once is refused
//! ever after, for 16 bytes each.
//!
//! It does not send, price, limit or route, and it never looks at the clock: silence of a venue reaches it as
//! [`Oms::on_timer`].

mod deadlines;
mod executions;
mod oms;
mod order;
mod report;

pub use oms::{ConfigError, KEPT_MAX, Oms, OmsConfig};
pub use order::Order;
pub use report::AMOUNT_BOUND;
