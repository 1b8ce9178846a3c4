//! From parameters, instruments and a market to risk arrays: what the engine does between `model` and `margin`.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::as_conversions, reason = "helpers of tests")]

use tiderace_margin::arrays::Scale;
use tiderace_margin::{Expiry, Factor, Leg, LegKind, Params, RiskArrays, Terms, VolMove};
use tiderace_model::risk_array::{
    DeltaOne, Discount, ExpiryShocks, ForwardMove, Market, OptionTerms, Payoff, Shock, Shocks, Skew, VolMove as Move,
    VolShock, from_rate, to_entry_up,
};
use tiderace_types::{
    Amount, AssetId, Instrument, InstrumentId, InstrumentKind, Price, PutOrCall, Qty, Rate, Style, VenueId,
};

pub const STEP: i64 = 1_000_000_000_000;

pub fn factor(text: &str) -> Factor {
    Factor::parse(text).unwrap()
}

pub fn rate(text: &str) -> Rate {
    factor(text).rate()
}

pub fn shocks(params: &Params) -> Shocks {
    let f = |factor: Factor| from_rate(factor.rate());
    let v = &params.vol_shock;
    Shocks {
        scenarios: params
            .scenarios
            .iter()
            .map(|s| Shock {
                spot: f(params.spot_factor(s.spot)),
                vol: match s.vol {
                    VolMove::None => Move::None,
                    VolMove::Up => Move::Up,
                    VolMove::Down => Move::Down,
                    VolMove::Linear => Move::Linear,
                    VolMove::Abs => Move::Abs,
                },
            })
            .collect(),
        vol: VolShock {
            up: f(v.up),
            down: f(v.down),
            short_term_power: f(v.short_term_power),
            long_term_power: f(v.long_term_power),
            days_floor: f(v.days_floor),
            reference_days: f(v.reference_days),
            min_vol_up: f(v.min_vol_up),
        },
        skew: params.skew.as_ref().map(|s| Skew {
            linear_cap: f(s.linear_cap),
            linear_slope: f(s.linear_slope),
            abs_cap: f(s.abs_cap),
            abs_slope: f(s.abs_slope),
            min_width: f(s.min_width),
            width_scale: f(s.width_scale),
            vol_static: f(s.vol_static),
            vol_slope: f(s.vol_slope),
        }),
        discount: params.discount.as_ref().map(|d| Discount {
            long_static: f(d.long_static),
            long_rate_mult: f(d.long_rate_mult),
            long_rate_add: f(d.long_rate_add),
            short_static: f(d.short_static),
            short_rate_mult: f(d.short_rate_mult),
            short_rate_add: f(d.short_rate_add),
        }),
        forward: params.forward_contingency.as_ref().map(|c| {
            let [up, down] = params.forward_factors().unwrap();
            ForwardMove { up: f(up), down: f(down), add: f(c.add), mult: f(c.mult) }
        }),
    }
}

/// An option with a tick of 0.0001 and a lot of 0.001, linear in USDC (6 decimals) or in the coin (8 decimals).
pub fn option(id: u16, strike: f64, put_or_call: PutOrCall, style: Style) -> Instrument {
    Instrument {
        id: InstrumentId(id),
        version: 1,
        venue: VenueId(0),
        symbol: format!("BTC-{strike}-{put_or_call:?}"),
        kind: InstrumentKind::Option,
        style,
        base: AssetId(0),
        quote: AssetId(1),
        settle: AssetId(if style == Style::Inverse { 0 } else { 1 }),
        base_decimals: 8,
        quote_decimals: 6,
        tick_size: STEP / 10_000,
        lot_size: STEP / 1_000,
        contract_multiplier: STEP,
        min_order_qty: Qty::ZERO,
        max_order_qty: Qty::MAX,
        min_notional: Amount::ZERO,
        maturity_ns: Some(1),
        strike_price: Some(Price::new((strike * 10_000.0).round() as i64)),
        put_or_call: Some(put_or_call),
    }
}

pub fn perpetual(id: u16, style: Style, multiplier: i64) -> Instrument {
    Instrument {
        kind: InstrumentKind::Perpetual,
        symbol: "BTC-PERP".into(),
        contract_multiplier: multiplier,
        maturity_ns: None,
        strike_price: None,
        put_or_call: None,
        ..option(id, 1.0, PutOrCall::Call, style)
    }
}

/// What stands in a book of the tests.
#[derive(Clone, Copy, Debug)]
pub enum Product {
    Perpetual { mark: f64 },
    Option { expiry: usize, strike: f64, put_or_call: PutOrCall, vol: f64 },
}

/// Linear products, in the order that arrays want: perpetuals, then options by expiry.
pub fn arrays(params: &Params, index: f64, markets: &[Market], products: &[Product]) -> RiskArrays {
    let shocks = shocks(params);
    let expiries: Vec<ExpiryShocks> = markets.iter().map(|m| ExpiryShocks::new(&shocks, m).unwrap()).collect();
    let (mut rows, mut legs) = (Vec::new(), Vec::new());
    for (id, product) in products.iter().enumerate() {
        let (instrument, kind, mark) = match *product {
            Product::Perpetual { mark } => {
                shocks.delta_one(&DeltaOne { mark, unit: 0.001, is_inverse: false }, &mut rows).unwrap();
                (perpetual(id as u16, Style::Linear, STEP), LegKind::Perpetual, mark)
            }
            Product::Option { expiry, strike, put_or_call, vol } => {
                let terms = OptionTerms { strike, put_or_call, vol, unit: 0.001, payoff: Payoff::Linear };
                expiries[expiry].option(&terms, &mut rows).unwrap();
                let kind = LegKind::Option { expiry: expiry as u16 };
                (option(id as u16, strike, put_or_call, Style::Linear), kind, 0.0)
            }
        };
        let pair = products.iter().position(|other| match (*product, *other) {
            (
                Product::Option { expiry, strike, put_or_call, .. },
                Product::Option { expiry: e, strike: k, put_or_call: p, .. },
            ) => expiry == e && strike == k && put_or_call != p,
            _ => false,
        });
        legs.push(Leg {
            instrument: instrument.id,
            kind,
            notional: to_entry_up(index * 0.001).unwrap(),
            pair: pair.map(|p| p as u32),
            terms: Terms::of(&instrument, 12).unwrap(),
            mark: rate(&format!("{mark}")),
        });
    }
    let scale = |value: i64| Scale::new(value).unwrap();
    let expiries = expiries.iter().enumerate().map(|(at, e)| Expiry {
        maturity_ns: at as i64,
        long: scale(e.long),
        short: scale(e.short),
        forward: scale(e.share),
    });
    RiskArrays::new(params, 6, expiries.collect(), legs, rows).unwrap()
}
