//! The host of a call: reads go to what is lent, asks gather until the call has come to its end.

use tiderace_program::{self as program, SLOTS_MAX};
use tiderace_types::{Amount, Price, Qty, Side};

use crate::chance::Chance;

/// Asks in one call, at most.
pub const ASKS_MAX: usize = 32;

/// How an order at a price enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtKind {
    /// Immediate or cancel.
    Take,
    /// Refused rather than taking.
    Post,
    /// Takes up to its price, and rests.
    Rest,
}

/// What a program asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Displayed depth over all venues.
    Take(Amount),
    /// A rest where it costs least.
    Post {
        /// Its number.
        child: i64,
        /// Exposure.
        amount: Amount,
    },
    /// An order at a price.
    At {
        /// Its number.
        child: i64,
        /// How it enters.
        kind: AtKind,
        /// Where, among the parent's own.
        venue: usize,
        /// Buy or sell.
        side: Side,
        /// Lots; below zero is none.
        qty: Qty,
        /// Ticks.
        price: Price,
    },
    /// Cancel of a child.
    Cancel(i64),
    /// Cancel of all that rests.
    CancelAll,
    /// A call at a time.
    Wake(i64),
    /// Where the plan stands.
    Step {
        /// Number of the step.
        number: i64,
        /// Exposure that should then be filled.
        target: Amount,
    },
    /// The parent is done.
    Finish,
    /// A line of its own.
    Note {
        /// Label.
        label: i64,
        /// Value.
        value: i64,
    },
}

/// What a program may look at: the desk as it stands, and its own parent. A venue is a number among the parent's own;
/// `None` where there is none of this number.
#[expect(missing_docs, reason = "each is the function of its name in docs/ALGO.md")]
pub trait View {
    fn now(&self) -> i64;
    fn start(&self) -> i64;
    fn end(&self) -> i64;
    fn is_buy(&self) -> bool;
    fn order_qty(&self) -> i128;
    fn filled(&self) -> i128;
    fn working(&self) -> i128;
    fn smallest(&self) -> i128;
    fn lot(&self) -> i128;
    fn pending(&self) -> i64;
    fn children(&self) -> i64;
    fn is_open(&self, child: i64) -> bool;
    fn child_left(&self, child: i64) -> i64;
    fn child_price(&self, child: i64) -> i64;
    fn child_venue(&self, child: i64) -> i64;
    fn venues(&self) -> i64;
    fn is_live(&self, venue: i64) -> Option<bool>;
    fn price(&self, venue: i64, side: Side, level: i64) -> Option<i64>;
    fn depth(&self, venue: i64, side: Side, level: i64) -> Option<i64>;
    fn qty_at(&self, venue: i64, side: Side, price: i64) -> Option<i64>;
    fn last(&self, venue: i64) -> Option<i64>;
    fn traded(&self, venue: i64) -> Option<i64>;
    fn others(&self) -> i128;
    fn limit(&self, venue: i64) -> Option<i64>;
    fn arrival(&self, venue: i64, side: Side) -> Option<i64>;
    fn exposure(&self, venue: i64, qty: i64, price: i64) -> Option<i128>;
    fn lots(&self, venue: i64, amount: i128, price: i64) -> Option<i64>;
    fn least(&self, venue: i64, price: i64) -> Option<i64>;
    fn position(&self, venue: i64) -> Option<i64>;
    fn vol(&self, venue: i64) -> Option<i64>;
    fn price_at_vol(&self, venue: i64, vol: i64, is_up: bool) -> Option<i64>;
    fn vol_at_price(&self, venue: i64, price: i64) -> Option<i64>;
    fn delta(&self, venue: i64) -> Option<i64>;
    fn vega(&self, venue: i64) -> Option<i64>;
    fn price_at_value(&self, venue: i64, value: i64, in_coin: bool, is_up: bool) -> Option<i64>;
}

/// Answers a program's calls out of a [`View`].
pub struct Host<V> {
    /// What it looks at; lent for the length of a call.
    pub view: V,
    /// The parent's stream of draws.
    pub chance: Chance,
    /// Children that were numbered so far: the next one's number is one more.
    pub children: i64,
    /// So many are allowed.
    pub children_max: i64,
    /// What was asked for, in order.
    pub asks: Vec<Ask>,
    /// Whether an ask went over a budget.
    pub is_over_budget: bool,
}

type Slots = [u64; 2];

const fn word(value: i64) -> Slots {
    [value.cast_unsigned(), 0]
}

fn flag(value: bool) -> Slots {
    [u64::from(value), 0]
}

fn wide(value: i128) -> Slots {
    let bits = value.cast_unsigned();
    let low = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
    [low, u64::try_from(bits >> 64).unwrap_or(0)]
}

fn whole(low: u64, high: u64) -> i128 {
    (u128::from(low) | u128::from(high) << 64).cast_signed()
}

const fn bids_if(is_bid: u64) -> Side {
    if is_bid == 0 { Side::Sell } else { Side::Buy }
}

impl<V: View> Host<V> {
    /// A host over a view, with room for a call's asks.
    pub fn new(view: V) -> Self {
        Self {
            view,
            chance: Chance::default(),
            children: 0,
            children_max: 0,
            asks: Vec::with_capacity(ASKS_MAX),
            is_over_budget: false,
        }
    }

    fn ask(&mut self, ask: Ask) -> Option<()> {
        if self.asks.len() >= ASKS_MAX {
            self.is_over_budget = true;
            return None;
        }
        self.asks.push(ask);
        Some(())
    }

    /// Its children are numbered when it is known how many they are.
    fn take(&mut self, amount: i128) -> Option<()> {
        if self.children >= self.children_max {
            self.is_over_budget = true;
            return None;
        }
        self.ask(Ask::Take(Amount::new(amount)))
    }

    /// Numbers a child and asks for it.
    fn child(&mut self, ask: impl FnOnce(i64) -> Ask) -> Option<Slots> {
        if self.children >= self.children_max {
            self.is_over_budget = true;
            return None;
        }
        let child = self.children.saturating_add(1);
        self.ask(ask(child))?;
        self.children = child;
        Some(word(child))
    }

    fn at(&mut self, kind: AtKind, args: &[u64; SLOTS_MAX]) -> Option<Slots> {
        let [venue, is_buy, qty, price, ..] = *args;
        let venue = usize::try_from(venue.cast_signed()).ok()?;
        // Out of range traps, as with every venue.
        self.view.is_live(i64::try_from(venue).ok()?)?;
        let qty = Qty::new(qty.cast_signed()).unwrap_or(Qty::ZERO);
        let (side, price) = (bids_if(is_buy), Price::new(price.cast_signed()));
        self.child(|child| Ask::At { child, kind, venue, side, qty, price })
    }

    fn act(&mut self, function: usize, args: &[u64; SLOTS_MAX]) -> Option<Slots> {
        let [first, second, third, ..] = *args;
        let (int, amount) = (first.cast_signed(), whole(first, second));
        match function {
            30 => self.take(amount)?,
            31 => return self.child(|child| Ask::Post { child, amount: Amount::new(amount) }),
            32 => return self.at(AtKind::Take, args),
            33 => return self.at(AtKind::Post, args),
            34 => return self.at(AtKind::Rest, args),
            35 => self.ask(Ask::Cancel(int))?,
            36 => self.ask(Ask::CancelAll)?,
            37 => self.ask(Ask::Wake(int))?,
            38 => self.ask(Ask::Step { number: int, target: Amount::new(whole(second, third)) })?,
            39 => self.ask(Ask::Finish)?,
            40 => self.ask(Ask::Note { label: int, value: second.cast_signed() })?,
            _ => return None,
        }
        Some([0, 0])
    }
}

impl<V: View> program::Host for Host<V> {
    fn call(&mut self, function: usize, args: &[u64; SLOTS_MAX]) -> Option<Slots> {
        let view = &self.view;
        let [first, second, third, fourth, ..] = args.map(u64::cast_signed);
        Some(match function {
            0 => word(view.now()),
            1 => word(view.start()),
            2 => word(view.end()),
            3 => {
                let draw = self.chance.below(u64::try_from(first).unwrap_or(0));
                word(draw.cast_signed())
            }
            4 => flag(view.is_buy()),
            5 => wide(view.order_qty()),
            6 => wide(view.filled()),
            7 => wide(view.working()),
            8 => wide(view.smallest()),
            9 => wide(view.lot()),
            10 => word(view.pending()),
            11 => word(view.children()),
            12 => flag(view.is_open(first)),
            13 => word(view.child_left(first)),
            14 => word(view.child_price(first)),
            15 => word(view.child_venue(first)),
            16 => word(view.venues()),
            17 => flag(view.is_live(first)?),
            18 => word(view.price(first, bids_if(args[1]), third)?),
            19 => word(view.depth(first, bids_if(args[1]), third)?),
            20 => word(view.qty_at(first, bids_if(args[1]), third)?),
            21 => word(view.last(first)?),
            22 => word(view.traded(first)?),
            23 => wide(view.others()),
            24 => word(view.limit(first)?),
            25 => word(view.arrival(first, bids_if(args[1]))?),
            26 => wide(view.exposure(first, second, third)?),
            27 => word(view.lots(first, whole(args[1], args[2]), fourth)?),
            28 => word(view.least(first, second)?),
            29 => word(view.position(first)?),
            41 => word(view.vol(first)?),
            42 => word(view.price_at_vol(first, second, third != 0)?),
            43 => word(view.vol_at_price(first, second)?),
            44 => word(view.delta(first)?),
            45 => word(view.vega(first)?),
            46 => word(view.price_at_value(first, second, third != 0, fourth != 0)?),
            _ => return self.act(function, args),
        })
    }
}
