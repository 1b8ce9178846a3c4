//! Arbitrage in quotes: trades at the quoted prices that cannot lose, and what each leaves.
//!
//! Five kinds, within one settlement style: verticals, butterflies, boxes and put-call parity within an expiry,
//! calendars between two. `edge` is the profit of one unit at the touch, after the fee of every contract, what comes at
//! expiry discounted. A payoff in the coin is the payoff in money over the price, so under inverse settlement:
//!
//! - a call spread pays at most `1 - K1 / K2` coins, and a put spread has no bound;
//! - parity trades one future of `K` quote units: `C - P = 1 - K / F`;
//! - a box pays a fixed number of coins when the upper strike trades `K1 / K2` of the lower: `1 - K1 / K2`.
//!
//! A calendar compares equal strikes where both expiries have the same forward: their futures' middles, else the
//! forwards beside the quotes, else put-call parity; two expiries of which neither is known count as the same.
//!
//! Quotes that are expired, crossed or not numbers are left out by name. Quotes without sizes give rows without
//! quantity; quotes of different moments give rows that nobody could have traded: both are the caller's to judge.

mod scan;

use tiderace_types::Reason;

use crate::chain::{Quote, Style};
use scan::Lines;

/// The kind of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArbitrageKind {
    /// Two strikes.
    Vertical,
    /// Three strikes.
    Butterfly,
    /// Two expiries.
    Calendar,
    /// A put, a call and the future: conversion or reversal.
    Parity,
    /// Puts and calls at two strikes.
    Box,
}

/// One trade of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// Position of the quote in the input.
    pub quote: usize,
    /// Contracts a unit: above zero bought at the ask, below zero sold at the bid.
    pub qty: f64,
    /// The price that it trades at.
    pub price: f64,
}

/// A trade that cannot lose.
#[derive(Clone, Debug, PartialEq)]
pub struct ArbitrageRow {
    /// Kind.
    pub kind: ArbitrageKind,
    /// What is bought and sold.
    pub legs: Vec<Leg>,
    /// Profit of one unit, above zero, in the settlement asset.
    pub edge: f64,
    /// Units that the thinnest leg allows; `None` where a size is unknown.
    pub qty: Option<f64>,
}

/// Fees, in the settlement asset, a contract.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fees {
    /// Of an option.
    pub option: f64,
    /// Of a future.
    pub future: f64,
}

/// Rows by kind, and one reason a quote.
#[derive(Clone, Debug, PartialEq)]
pub struct Arbitrages {
    /// What was found.
    pub rows: Vec<ArbitrageRow>,
    /// [`Reason::None`] where both sides of the quote were used, [`Reason::MissingQuote`] where one was.
    pub reasons: Vec<Reason>,
}

/// Finds every vertical, butterfly, box, parity and calendar arbitrage in quotes.
///
/// # Errors
/// [`Reason::NotANumber`] where a fee is not a finite number.
pub fn arbitrage(quotes: &[Quote], fees: &Fees) -> Result<Arbitrages, Reason> {
    if !(fees.option.is_finite() && fees.future.is_finite()) {
        return Err(Reason::NotANumber);
    }
    let reasons: Vec<Reason> = quotes.iter().map(|quote| quote.reason(i64::MIN)).collect();
    let mut rows = Vec::new();
    for style in [Style::Linear, Style::Inverse] {
        let expiries = Lines::gather(quotes, &reasons, style);
        for expiry in &expiries {
            expiry.verticals(&mut rows, fees);
            expiry.butterflies(&mut rows, fees);
            expiry.parities(&mut rows, fees);
            expiry.boxes(&mut rows, fees);
        }
        for (at, near) in expiries.iter().enumerate() {
            for far in expiries.iter().skip(at + 1) {
                near.calendars(far, &mut rows, fees);
            }
        }
    }
    for row in &mut rows {
        row.qty = row
            .legs
            .iter()
            .map(|leg| leg.units(quotes))
            .try_fold(f64::INFINITY, |least, units| Some(least.min(units?)));
    }
    rows.sort_by_key(|row| row.kind);
    Ok(Arbitrages { rows, reasons })
}

impl Leg {
    /// Units that the size of the quote allows.
    fn units(&self, quotes: &[Quote]) -> Option<f64> {
        let quote = quotes.get(self.quote)?;
        let size = if self.qty > 0.0 { quote.ask_qty } else { quote.bid_qty };
        (size >= 0.0).then(|| size / self.qty.abs())
    }
}
