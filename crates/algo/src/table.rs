//! The host table: names, types, capabilities and fuel. Numbers are append-only.

use tiderace_program::Scalar::{Amount, Bool, Int, Price, Qty};
use tiderace_program::{HostFunction, HostTable, Scalar};

/// Fuel of a read.
const READ: u32 = 4;
/// Fuel of what plans over all venues.
const PLAN: u32 = 200;
/// Fuel of what prices an option.
const PRICES: u32 = 50;
/// Fuel of what looks for a price's vol.
const SEEKS: u32 = 1_000;
/// Fuel of any other ask.
const ASK: u32 = 50;

const NONE: &str = "";
const PARENT: &str = "parent";
/// All books of the parent.
pub(crate) const BOOKS: &str = "book:*";
/// A timer of its own.
pub(crate) const TIMER: &str = "timer";

/// Name, capability, arguments, result, fuel.
type Row = (&'static str, &'static str, &'static [Scalar], Option<Scalar>, u32);

const ROWS: [Row; 47] = [
    ("now", NONE, &[], Some(Int), READ),
    ("start", NONE, &[], Some(Int), READ),
    ("end", NONE, &[], Some(Int), READ),
    ("random", NONE, &[Int], Some(Int), READ),
    ("is_buy", PARENT, &[], Some(Bool), READ),
    ("order_qty", PARENT, &[], Some(Amount), READ),
    ("filled", PARENT, &[], Some(Amount), READ),
    ("working", PARENT, &[], Some(Amount), READ),
    ("smallest", PARENT, &[], Some(Amount), READ),
    ("lot", PARENT, &[], Some(Amount), READ),
    ("pending", PARENT, &[], Some(Int), READ),
    ("children", PARENT, &[], Some(Int), READ),
    ("is_open", PARENT, &[Int], Some(Bool), READ),
    ("child_left", PARENT, &[Int], Some(Qty), READ),
    ("child_price", PARENT, &[Int], Some(Price), READ),
    ("child_venue", PARENT, &[Int], Some(Int), READ),
    ("venues", NONE, &[], Some(Int), READ),
    ("is_live", BOOKS, &[Int], Some(Bool), READ),
    ("price", BOOKS, &[Int, Bool, Int], Some(Price), READ),
    ("depth", BOOKS, &[Int, Bool, Int], Some(Qty), READ),
    ("qty_at", BOOKS, &[Int, Bool, Price], Some(Qty), READ),
    ("last", BOOKS, &[Int], Some(Price), READ),
    ("traded", BOOKS, &[Int], Some(Qty), READ),
    ("others", BOOKS, &[], Some(Amount), READ),
    ("limit", PARENT, &[Int], Some(Price), READ),
    ("arrival", PARENT, &[Int, Bool], Some(Price), READ),
    ("exposure", NONE, &[Int, Qty, Price], Some(Amount), READ),
    ("lots", NONE, &[Int, Amount, Price], Some(Qty), READ),
    ("least", NONE, &[Int, Price], Some(Qty), READ),
    ("position", PARENT, &[Int], Some(Int), READ),
    ("take", PARENT, &[Amount], None, PLAN),
    ("post", PARENT, &[Amount], Some(Int), PLAN),
    ("take_at", PARENT, &[Int, Bool, Qty, Price], Some(Int), ASK),
    ("post_at", PARENT, &[Int, Bool, Qty, Price], Some(Int), ASK),
    ("rest_at", PARENT, &[Int, Bool, Qty, Price], Some(Int), ASK),
    ("cancel", PARENT, &[Int], None, ASK),
    ("cancel_all", PARENT, &[], None, ASK),
    ("wake", TIMER, &[Int], None, ASK),
    ("step", PARENT, &[Int, Amount], None, ASK),
    ("finish", PARENT, &[], None, ASK),
    ("note", NONE, &[Int, Int], None, ASK),
    ("vol", BOOKS, &[Int], Some(Int), READ),
    ("price_at_vol", BOOKS, &[Int, Int, Bool], Some(Price), PRICES),
    ("vol_at_price", BOOKS, &[Int, Price], Some(Int), SEEKS),
    ("delta", BOOKS, &[Int], Some(Int), PRICES),
    ("vega", BOOKS, &[Int], Some(Int), PRICES),
    ("price_at_value", BOOKS, &[Int, Int, Bool, Bool], Some(Price), PRICES),
];

/// What stands still while a call runs, and is known without work: asks are done only after it.
const FIELDS: [&str; 10] =
    ["now", "start", "end", "is_buy", "order_qty", "filled", "lot", "pending", "children", "venues"];

/// What the desk offers to an algorithm, all of it granted.
#[must_use]
pub fn host_table() -> HostTable {
    let functions = ROWS.iter().map(|(name, capability, params, result, fuel)| HostFunction {
        name: (*name).to_owned(),
        capability: (!capability.is_empty()).then(|| (*capability).to_owned()),
        params: params.to_vec(),
        result: *result,
        fuel: *fuel,
        is_field: FIELDS.contains(name),
    });
    let grants = [PARENT, BOOKS, TIMER].map(str::to_owned).to_vec();
    HostTable { functions: functions.collect(), grants }
}
