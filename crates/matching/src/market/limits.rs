//! How far prices go: bands around references, and prints that a circuit breaker counts from.

use std::collections::VecDeque;

use tiderace_types::{Fraction, Price, Side, Ts};

use super::{CircuitBreaker, PriceBand};

/// `price` moved by `fraction` of its size: up and down, rounded towards it.
fn around(price: Price, fraction: Fraction) -> (i64, i64) {
    let (px, one) = (i128::from(price.get()), Fraction::ONE.get().unsigned_abs());
    let (size, fraction) = (price.get().unsigned_abs(), fraction.get().unsigned_abs());
    let by = match size.checked_mul(fraction) {
        // Most prices: a division of one word.
        Some(product) => i128::from(product.checked_div(one).unwrap_or(0)),
        None => {
            let product = u128::from(size).saturating_mul(u128::from(fraction));
            i128::try_from(product).unwrap_or(i128::MAX).checked_div(i128::from(one)).unwrap_or(0)
        }
    };
    let clamp = |px: i128| i64::try_from(px).unwrap_or(if px > 0 { i64::MAX } else { i64::MIN });
    (clamp(px.saturating_add(by)), clamp(px.saturating_sub(by)))
}

/// The worst prices that a band leaves to each side; the ends of the number line where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) buy: i64,
    pub(super) sell: i64,
}

impl Bounds {
    pub(super) const NONE: Self = Self { buy: i64::MAX, sell: i64::MIN };

    pub(super) const fn of(self, side: Side) -> i64 {
        match side {
            Side::Buy => self.buy,
            Side::Sell => self.sell,
        }
    }
}

impl PriceBand {
    /// The narrower of the bounds whose references there are, itself inside.
    pub(super) fn bounds(&self, mark: Option<Price>, last: Option<Price>) -> Bounds {
        let mut bounds = Bounds::NONE;
        for (fraction, px) in [(self.static_, mark), (self.dynamic, last)] {
            if let (Some(fraction), Some(px)) = (fraction, px) {
                let (upper, lower) = around(px, fraction);
                bounds = Bounds { buy: bounds.buy.min(upper), sell: bounds.sell.max(lower) };
            }
        }
        bounds
    }
}

/// The prints that may be the lowest or the highest of the window, now or later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prints {
    /// Rising, the lowest first.
    pub(super) lows: VecDeque<(Ts, Price)>,
    /// Falling, the highest first.
    pub(super) highs: VecDeque<(Ts, Price)>,
}

impl Prints {
    pub(super) fn clear(&mut self) {
        self.lows.clear();
        self.highs.clear();
    }

    pub(super) fn push(&mut self, ts: Ts, px: Price) {
        while self.lows.back().is_some_and(|&(_, low)| low >= px) {
            self.lows.pop_back();
        }
        while self.highs.back().is_some_and(|&(_, high)| high <= px) {
            self.highs.pop_back();
        }
        self.lows.push_back((ts, px));
        self.highs.push_back((ts, px));
    }

    /// Whether a trade at `px` would be too far from the window's prints, or from the last where there are none.
    pub(super) fn would_break(&mut self, breaker: &CircuitBreaker, ts: Ts, px: Price, last: Option<Price>) -> bool {
        self.would_break_after(breaker, ts, px, (None, last))
    }

    /// The same after a sweep that printed at `first` before anything else: it goes one way, so that its first print is
    /// the one of its own to count from.
    pub(super) fn would_break_after(
        &mut self,
        breaker: &CircuitBreaker,
        ts: Ts,
        px: Price,
        (first, last): (Option<Price>, Option<Price>),
    ) -> bool {
        for prints in [&mut self.lows, &mut self.highs] {
            while prints.front().is_some_and(|&(at, _)| ts.ns_since(at) >= breaker.window_ns) {
                prints.pop_front();
            }
        }
        let front = |prints: &VecDeque<(Ts, Price)>| prints.front().map(|&(_, px)| px);
        let low = front(&self.lows).into_iter().chain(first).min().or(last);
        let high = front(&self.highs).into_iter().chain(first).max().or(last);
        low.is_some_and(|low| exceeds(px, low, low, breaker.move_))
            || high.is_some_and(|high| exceeds(high, px, high, breaker.move_))
    }
}

/// Whether `above` less `below` is more than `fraction` of `of`.
fn exceeds(above: Price, below: Price, of: Price, fraction: Fraction) -> bool {
    let wide = |px: Price| i128::from(px.get());
    let apart = wide(above).saturating_sub(wide(below)).saturating_mul(i128::from(Fraction::ONE.get()));
    apart > wide(of).saturating_abs().saturating_mul(i128::from(fraction.get()))
}
