//! A seeded flow of commands in five market regimes: most orders are canceled, 15 % are immediate, one in five is
//! replaced. Orders that the market is about to run over are mostly pulled first.

use std::collections::BTreeSet;

use tiderace_matching::{Command, Event, Matcher, NewOrder, SelfTradePrevention};
use tiderace_types::{OrdType, Price, Qty, Side, TimeInForce};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Regime {
    Calm,
    Trending,
    Swing25,
    Swing40,
    FlashCrash,
}

impl Regime {
    pub(crate) const ALL: [Self; 5] = [Self::Calm, Self::Trending, Self::Swing25, Self::Swing40, Self::FlashCrash];

    /// The middle of the market in parts per thousand of where it began, `at` of 1,000 steps along.
    fn path(self, at: i64) -> i64 {
        // Two waves between -1,000 and 1,000.
        let wave = ((at * 8 + 1_000) % 4_000 - 2_000).abs() - 1_000;
        match self {
            Self::Calm => 1_000,
            Self::Trending => 1_000 + at / 5,
            Self::Swing25 => 1_000 - wave * 250 / 1_000,
            Self::Swing40 => 1_000 - wave * 400 / 1_000,
            Self::FlashCrash => match at {
                500..510 => 1_000 - 30 * (at - 500),
                510..600 => 700 + (at - 510) * 3,
                _ => 1_000,
            },
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) regime: Regime,
    /// Orders that rest, about.
    pub(crate) resting: usize,
    /// New orders stand up to 2 to this power ticks away.
    pub(crate) reach_log2: u32,
    /// Commands from start to end.
    pub(crate) len: i64,
    /// The middle of the market at the start, in ticks.
    pub(crate) base: i64,
    /// Whether all kinds of orders come, or limit orders (good till canceled, or immediate) alone.
    pub(crate) is_varied: bool,
}

/// An order that rests, as far as its sender knows.
#[derive(Clone, Copy)]
struct Sent {
    side: Side,
    price: i64,
    qty: i64,
    /// Where in `live`; none where it does not rest.
    place: Option<usize>,
}

pub(crate) struct Flow {
    shape: Shape,
    step: i64,
    news: u64,
    replaces: u64,
    mid: i64,
    state: u64,
    /// By row; an order's id is its row scrambled, and is used again once the order is gone.
    sent: Vec<Sent>,
    live: Vec<usize>,
    /// The live by price, bids and asks.
    by_price: [BTreeSet<(i64, usize)>; 2],
    free: Vec<usize>,
}

const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
const INVERSE: u64 = 0xF1DE_83E1_9937_733D;

fn id(row: usize) -> u64 {
    (row as u64).wrapping_mul(ODD)
}

impl Flow {
    pub(crate) fn new(shape: Shape, seed: u64) -> Self {
        let rows = shape.resting * 2 + 64;
        let none = Sent { side: Side::Buy, price: 0, qty: 0, place: None };
        let mut flow = Self {
            shape,
            step: 0,
            news: 0,
            replaces: 0,
            mid: shape.base,
            state: seed | 1,
            sent: vec![none; rows],
            live: Vec::new(),
            by_price: [BTreeSet::new(), BTreeSet::new()],
            free: (0..rows).collect(),
        };
        flow.draw(1);
        flow
    }

    /// The next command.
    pub(crate) fn next(&mut self) -> Command {
        let at = |step: i64| self.shape.regime.path(step * 1_000 / self.shape.len);
        let (from, to) = (at(self.step), at(self.step + self.shape.len / 1_000));
        let within = (self.step % (self.shape.len / 1_000).max(1)) * 1_000 / (self.shape.len / 1_000).max(1);
        self.mid = self.shape.base * (from * 1_000 + (to - from) * within) / 1_000_000 + self.draw(3) - 1;
        self.step += 1;
        if self.draw(4) != 0
            && let Some(row) = self.run_over()
        {
            return Command::Cancel { order_id: id(row) };
        }
        if self.replaces * 5 < self.news && !self.live.is_empty() {
            return self.replace();
        }
        let wants_more = match self.live.len() * 10 {
            live if live < self.shape.resting * 9 => true,
            live if live > self.shape.resting * 11 => false,
            _ => self.draw(2) == 0,
        };
        if wants_more { self.new_order() } else { Command::Cancel { order_id: id(self.pick()) } }
    }

    /// Hears what became of a command.
    pub(crate) fn hear(&mut self, command: &Command, events: &[Event], market: &Matcher) {
        let order_id = match *command {
            Command::New(order) => order.order_id,
            Command::Cancel { order_id } | Command::Replace { order_id, .. } => order_id,
        };
        for event in events {
            match *event {
                Event::Trade { maker: ended, maker_leaves_qty: Qty::ZERO, .. }
                | Event::Canceled { order_id: ended, .. }
                    if ended != order_id =>
                {
                    self.end(ended);
                }
                _ => {}
            }
        }
        self.stands(command, market.book().get(order_id).map(|order| order.price));
    }

    /// Hears where the order that a command named waits now, if it does.
    pub(crate) fn stands(&mut self, command: &Command, price: Option<Price>) {
        let order_id = match *command {
            Command::New(order) => order.order_id,
            Command::Cancel { order_id } | Command::Replace { order_id, .. } => order_id,
        };
        let row = order_id.wrapping_mul(INVERSE) as usize;
        match (command, price) {
            (Command::New(_), None) => self.free.push(row),
            (Command::New(_), Some(price)) => {
                self.sent[row].place = Some(self.live.len());
                self.live.push(row);
                self.set_price(row, price.get());
            }
            (_, None) => self.end(order_id),
            (_, Some(price)) => self.set_price(row, price.get()),
        }
    }

    fn set_price(&mut self, row: usize, price: i64) {
        let sent = &mut self.sent[row];
        let prices = &mut self.by_price[usize::from(sent.side == Side::Sell)];
        prices.remove(&(sent.price, row));
        prices.insert((price, row));
        sent.price = price;
    }

    /// Hears that an order is gone.
    pub(crate) fn end(&mut self, order_id: u64) {
        let row = order_id.wrapping_mul(INVERSE) as usize;
        let Some(place) = self.sent[row].place.take() else { return };
        let Sent { side, price, .. } = self.sent[row];
        self.by_price[usize::from(side == Side::Sell)].remove(&(price, row));
        self.live.swap_remove(place);
        if let Some(&moved) = self.live.get(place) {
            self.sent[moved].place = Some(place);
        }
        self.free.push(row);
    }

    fn new_order(&mut self) -> Command {
        self.news += 1;
        let at = self.draw(self.free.len() as i64) as usize;
        let row = self.free.swap_remove(at);
        let side = if self.draw(2) == 0 { Side::Buy } else { Side::Sell };
        let is_immediate = self.draw(100) < 15;
        let qty = 1 + self.draw(if is_immediate { 40 } else { 100 });
        let price = if is_immediate { self.mid + side.sign() * self.draw(12) } else { self.passive(side) };
        self.sent[row] = Sent { side, price, qty, place: None };
        let plain = NewOrder::limit(id(row), side, Price::new(price), Qty::new(qty).unwrap());
        let time_in_force = if is_immediate { TimeInForce::Ioc } else { TimeInForce::Gtc };
        let order = NewOrder { time_in_force, owner: self.draw(16) as u32, ..plain };
        Command::New(if self.shape.is_varied { self.vary(order) } else { order })
    }

    fn vary(&mut self, mut order: NewOrder) -> NewOrder {
        order.self_trade_prevention = match self.draw(8) {
            0 => SelfTradePrevention::CancelTaker,
            1 => SelfTradePrevention::CancelMaker,
            2 => SelfTradePrevention::CancelBoth,
            3 => SelfTradePrevention::Decrement,
            _ => SelfTradePrevention::None,
        };
        match self.draw(20) {
            0 => order.post_only = true,
            1..5 if order.time_in_force == TimeInForce::Ioc => {
                order.min_qty = Qty::new(1 + self.draw(order.order_qty.get())).unwrap()
            }
            1 | 2 => order.display_qty = Qty::new(1 + self.draw(20)),
            5 if order.time_in_force == TimeInForce::Ioc => order.ord_type = OrdType::Market,
            6..12 if order.time_in_force == TimeInForce::Ioc => order.time_in_force = TimeInForce::Fok,
            // Far from the touch, now and then at the ends of the number line.
            3 => order.price = Price::new(order.price.get() - order.side.sign() * (1 << self.draw(40))),
            4 if self.draw(50) == 0 => {
                order.price = Price::new(if order.side == Side::Buy { i64::MIN } else { i64::MAX });
            }
            _ => {}
        }
        order
    }

    fn replace(&mut self) -> Command {
        self.replaces += 1;
        let row = self.pick();
        let Sent { side, price, qty, .. } = self.sent[row];
        let (price, qty) = match self.draw(4) {
            0 => (price, (qty - self.draw(qty)).max(1)),
            1 => (price, qty + 1 + self.draw(20)),
            _ => (self.passive(side), qty),
        };
        self.sent[row].qty = qty;
        Command::Replace { order_id: id(row), price: Price::new(price), order_qty: Qty::new(qty).unwrap() }
    }

    /// The order furthest on the wrong side of the middle.
    fn run_over(&self) -> Option<usize> {
        let [bids, asks] = &self.by_price;
        let bid = bids.last().filter(|(price, _)| *price >= self.mid);
        bid.or_else(|| asks.first().filter(|(price, _)| *price <= self.mid)).map(|(_, row)| *row)
    }

    /// The row of an order that rests.
    fn pick(&mut self) -> usize {
        let at = self.draw(self.live.len() as i64) as usize;
        self.live[at]
    }

    /// A price on the own side of the middle, the nearer the likelier; one in two hundred crosses it.
    fn passive(&mut self, side: Side) -> i64 {
        let log2 = self.draw(i64::from(self.shape.reach_log2) + 1);
        let away = if self.draw(200) == 0 { -self.draw(4) } else { 2 + self.draw(1 << log2) };
        self.mid - side.sign() * away
    }

    /// The middle of the market now.
    #[allow(dead_code, reason = "for benches of whole markets")]
    pub(crate) fn mid(&self) -> Price {
        Price::new(self.mid)
    }

    fn draw(&mut self, below: i64) -> i64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        ((self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below.unsigned_abs()) as i64
    }
}
