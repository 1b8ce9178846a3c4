//! The search within one expiry, and between two: best bids and asks by strike, and the payoff bounds of each style.

use tiderace_types::Reason;

use super::{ArbitrageKind, ArbitrageRow, Fees, Leg};
use crate::chain::{Quote, QuoteKind, Style};
use crate::forward;

/// A side of a line: the best price, and whose quote it is.
type Side = Option<(f64, usize)>;

/// The best bid and ask of one contract.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    bid: Side,
    ask: Side,
}

/// One strike.
#[derive(Clone, Copy, Debug)]
struct Strike {
    strike: f64,
    call: Line,
    put: Line,
}

/// One expiry of one style: its strikes in order, and its future.
pub(super) struct Lines {
    expiry: i64,
    /// Years: what is near and what is far, whatever expiries are called.
    t: f64,
    style: Style,
    discount: f64,
    /// The forward, where something tells it.
    forward: Option<f64>,
    strikes: Vec<Strike>,
    future: Line,
}

/// A trade under construction: cost to enter, fees, legs.
#[derive(Default)]
struct Trade {
    legs: Vec<Leg>,
    cost: f64,
}

/// Forwards this near, relative to themselves, are the same.
const SAME_FORWARD: f64 = 1e-6;

/// A butterfly of strikes whose distances have no common measure trades no more contracts than this a unit.
const CONTRACTS_MAX: f64 = 1_000.0;

impl Line {
    fn add(&mut self, at: usize, quote: &Quote) {
        if quote.bid > 0.0 && self.bid.is_none_or(|(best, _)| quote.bid > best) {
            self.bid = Some((quote.bid, at));
        }
        if quote.ask > 0.0 && self.ask.is_none_or(|(best, _)| quote.ask < best) {
            self.ask = Some((quote.ask, at));
        }
    }
}

impl Trade {
    /// Buys (`qty` above zero, at the ask) or sells (below, at the bid) options; `None` where that side is missing.
    fn option(mut self, line: &Line, qty: f64, fees: &Fees) -> Option<Self> {
        let (price, quote) = if qty > 0.0 { line.ask? } else { line.bid? };
        self.legs.push(Leg { quote, qty, price });
        self.cost += qty * price + qty.abs() * fees.option;
        Some(self)
    }

    /// A future costs nothing to enter but its fee.
    fn future(mut self, line: &Line, qty: f64, fees: &Fees) -> Option<(Self, f64)> {
        let (price, quote) = if qty > 0.0 { line.ask? } else { line.bid? };
        self.legs.push(Leg { quote, qty, price });
        self.cost += qty.abs() * fees.future;
        Some((self, price))
    }

    /// Keeps the trade as a row where what it surely pays, discounted, is more than it costs.
    fn book(self, kind: ArbitrageKind, surely: f64, rows: &mut Vec<ArbitrageRow>) {
        let edge = surely - self.cost;
        // The rounding of sums of prices is no profit.
        let scale: f64 = self.legs.iter().map(|leg| (leg.qty * leg.price).abs()).sum();
        if edge > 1e-14 * scale {
            rows.push(ArbitrageRow { kind, legs: self.legs, edge, qty: None });
        }
    }
}

impl Lines {
    /// The expiries of one style, by time.
    pub(super) fn gather(quotes: &[Quote], reasons: &[Reason], style: Style) -> Vec<Self> {
        let is_used = |reason: Reason| matches!(reason, Reason::None | Reason::MissingQuote);
        let mut order: Vec<(usize, &Quote)> =
            quotes.iter().enumerate().filter(|(_, quote)| quote.style == style).collect();
        order.retain(|(at, _)| reasons.get(*at).is_some_and(|reason| is_used(*reason)));
        order.sort_by_key(|(_, quote)| quote.expiry);
        let mut all: Vec<Self> = order.chunk_by(|x, y| x.1.expiry == y.1.expiry).filter_map(Self::expiry).collect();
        all.sort_by(|x, y| x.t.total_cmp(&y.t));
        all
    }

    fn expiry(quotes: &[(usize, &Quote)]) -> Option<Self> {
        // A future's price is not paid today: what is said of options tells the discount.
        let is_option = |(_, quote): &&(usize, &Quote)| quote.kind != QuoteKind::Future;
        let (_, first) = quotes.iter().find(is_option).or_else(|| quotes.first())?;
        let mut future = Line::default();
        let mut strikes: Vec<Strike> = Vec::new();
        for (at, quote) in quotes {
            match quote.kind {
                QuoteKind::Future => future.add(*at, quote),
                QuoteKind::Option { strike, call } => {
                    let place = strikes.partition_point(|found| found.strike < strike);
                    if strikes.get(place).is_none_or(|found| found.strike > strike) {
                        strikes.insert(place, Strike { strike, call: Line::default(), put: Line::default() });
                    }
                    if let Some(found) = strikes.get_mut(place) {
                        if call { found.call.add(*at, quote) } else { found.put.add(*at, quote) }
                    }
                }
            }
        }
        let middle = future.bid.zip(future.ask).map(|(bid, ask)| 0.5 * (bid.0 + ask.0));
        let beside = || quotes.iter().map(|(_, quote)| quote.forward).find(|forward| *forward > 0.0);
        let by_parity = || {
            let all: Vec<Quote> = quotes.iter().map(|(_, quote)| **quote).collect();
            forward::curve(&all, i64::MIN).first().map(|point| point.forward)
        };
        let forward = middle.or_else(beside).or_else(by_parity);
        let Quote { expiry, t, style, discount, .. } = **first;
        Some(Self { expiry, t, style, discount, forward, strikes, future })
    }

    fn pairs(&self) -> impl Iterator<Item = (&Strike, &Strike)> {
        self.strikes
            .iter()
            .enumerate()
            .flat_map(|(at, low)| self.strikes.iter().skip(at + 1).map(move |high| (low, high)))
    }

    /// A call is worth no less than one of a higher strike, nor more by more than the spread can pay; puts the other
    /// way round.
    pub(super) fn verticals(&self, rows: &mut Vec<ArbitrageRow>, fees: &Fees) {
        for (low, high) in self.pairs() {
            let spread = |buy: &Line, sell: &Line| Trade::default().option(buy, 1.0, fees)?.option(sell, -1.0, fees);
            let mut book = |trade: Option<Trade>, surely: f64| {
                if let Some(trade) = trade {
                    trade.book(ArbitrageKind::Vertical, surely * self.discount, rows);
                }
            };
            book(spread(&low.call, &high.call), 0.0);
            book(spread(&high.put, &low.put), 0.0);
            match self.style {
                Style::Linear => {
                    book(spread(&high.call, &low.call), low.strike - high.strike);
                    book(spread(&low.put, &high.put), low.strike - high.strike);
                }
                Style::Inverse => book(spread(&high.call, &low.call), low.strike / high.strike - 1.0),
            }
        }
    }

    /// Prices are convex in the strike.
    pub(super) fn butterflies(&self, rows: &mut Vec<ArbitrageRow>, fees: &Fees) {
        for (at, middle) in self.strikes.iter().enumerate() {
            for low in self.strikes.iter().take(at) {
                for high in self.strikes.iter().skip(at + 1) {
                    for side in [|strike: &Strike| strike.call, |strike: &Strike| strike.put] {
                        butterfly([low, middle, high], side, rows, fees);
                    }
                }
            }
        }
    }

    /// Conversion and reversal against the future: it trades one contract for one option of each kind.
    pub(super) fn parities(&self, rows: &mut Vec<ArbitrageRow>, fees: &Fees) {
        for found in &self.strikes {
            for side in [1.0, -1.0] {
                let trade = Trade::default()
                    .option(&found.put, side, fees)
                    .and_then(|trade| trade.option(&found.call, -side, fees))
                    .and_then(|trade| trade.future(&self.future, side, fees));
                let Some((trade, price)) = trade else { continue };
                let pays = match self.style {
                    Style::Linear => found.strike - price,
                    Style::Inverse => found.strike / price - 1.0,
                };
                trade.book(ArbitrageKind::Parity, side * pays * self.discount, rows);
            }
        }
    }

    /// Synthetic futures at two strikes differ by a fixed amount.
    pub(super) fn boxes(&self, rows: &mut Vec<ArbitrageRow>, fees: &Fees) {
        for (low, high) in self.pairs() {
            let (upper, pays) = match self.style {
                Style::Linear => (1.0, high.strike - low.strike),
                Style::Inverse => (low.strike / high.strike, 1.0 - low.strike / high.strike),
            };
            for side in [1.0, -1.0] {
                let trade = Trade::default()
                    .option(&low.call, side, fees)
                    .and_then(|trade| trade.option(&low.put, -side, fees))
                    .and_then(|trade| trade.option(&high.call, -side * upper, fees))
                    .and_then(|trade| trade.option(&high.put, side * upper, fees));
                if let Some(trade) = trade {
                    trade.book(ArbitrageKind::Box, side * pays * self.discount, rows);
                }
            }
        }
    }

    /// At equal strikes and one forward, more time is worth no less before discounting: one near option is sold
    /// against as many far ones as pay the same undiscounted.
    pub(super) fn calendars(&self, far: &Self, rows: &mut Vec<ArbitrageRow>, fees: &Fees) {
        let is_same = match (self.forward, far.forward) {
            (Some(near), Some(far)) => (near - far).abs() <= SAME_FORWARD * far,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !is_same || self.expiry == far.expiry {
            return;
        }
        let ratio = self.discount / far.discount;
        let mut others = far.strikes.iter().peekable();
        for near in &self.strikes {
            while others.next_if(|other| other.strike < near.strike).is_some() {}
            let Some(other) = others.next_if(|other| other.strike <= near.strike) else { continue };
            for (sold, bought) in [(&near.call, &other.call), (&near.put, &other.put)] {
                let trade =
                    Trade::default().option(bought, ratio, fees).and_then(|trade| trade.option(sold, -1.0, fees));
                if let Some(trade) = trade {
                    trade.book(ArbitrageKind::Calendar, 0.0, rows);
                }
            }
        }
    }
}

/// Buys the wings and sells the body, in the smallest whole numbers that balance the strikes.
fn butterfly(strikes: [&Strike; 3], side: fn(&Strike) -> Line, rows: &mut Vec<ArbitrageRow>, fees: &Fees) {
    let [low, body, high] = strikes.map(side);
    let (Some(low_ask), Some(body_bid), Some(high_ask)) = (low.ask, body.bid, high.ask) else { return };
    let [below, above] = [strikes[1].strike - strikes[0].strike, strikes[2].strike - strikes[1].strike];
    // The sign does not hang on the measure, and the measure is slow to find.
    let is_convex = above * low_ask.0 + below * high_ask.0 >= (above + below) * body_bid.0;
    if is_convex && fees.option >= 0.0 {
        return;
    }
    let measure = common_measure(below, above);
    let (below, above) = (below / measure, above / measure);
    let trade = Trade::default()
        .option(&low, above, fees)
        .and_then(|trade| trade.option(&body, -(above + below), fees))
        .and_then(|trade| trade.option(&high, below, fees));
    if let Some(trade) = trade {
        trade.book(ArbitrageKind::Butterfly, 0.0, rows);
    }
}

/// The largest length of which two are whole multiples; the smaller one where they have none within
/// [`CONTRACTS_MAX`].
fn common_measure(x: f64, y: f64) -> f64 {
    let (mut large, mut small) = (x.max(y), x.min(y));
    let least = small;
    while small > large * 1e-9 && small > (x + y) / CONTRACTS_MAX {
        let rest = large % small;
        // A remainder that is all but the divisor is the rounding of none.
        let rest = if small - rest < 1e-9 * small { 0.0 } else { rest };
        (large, small) = (small, rest);
    }
    if small <= 1e-9 * least { large } else { least }
}
