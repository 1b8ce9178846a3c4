//! What a price costs, against figures worked out by hand.

mod market;

use market::{config, inverse, linear, spot};
use proptest::prelude::*;
use tiderace_route::{Fee, RouteConfig, RouteConfigError, Yardstick};
use tiderace_types::{Fraction, Instrument, Price, Rate, Side};

fn cost(instrument: &Instrument, side: Side, mid2: i64, fee: Fee, price: i64, config: &RouteConfig) -> Option<Rate> {
    Yardstick::new(instrument, side, mid2, fee, config)?.cost(Price::new(price))
}

#[test]
fn a_buy_pays_its_distance_from_the_mid_the_fee_and_the_funding() {
    // 10 + 61 810 x 1.7 bp + 61 800 x 1 bp = 26.6877
    let got = cost(&linear(), Side::Buy, 1_236_000, Fee::Taker, 618_100, &config()).unwrap();
    assert_eq!(got, Rate::new(26_687_700_000_000_000_000));
}

#[test]
fn a_sell_receives_the_funding_that_a_buy_pays() {
    // 10 + 61 790 x 1.7 bp - 6.18 = 14.3243
    let got = cost(&linear(), Side::Sell, 1_236_000, Fee::Taker, 617_900, &config()).unwrap();
    assert_eq!(got, Rate::new(14_324_300_000_000_000_000));
}

#[test]
fn a_maker_rebate_lowers_the_cost_and_half_the_holding_time_halves_the_funding() {
    let mut config = config();
    config.holding_ns /= 2;
    // 61 799.9 - 61 800 - 61 799.9 x 0.9 bp + 3.09 = -2.571991
    let got = cost(&inverse(), Side::Buy, 1_236_000, Fee::Maker, 617_999, &config).unwrap();
    assert_eq!(got, Rate::new(-2_571_991_000_000_000_000));
}

#[test]
fn a_quote_worth_less_than_one_scales_the_cost() {
    let mut config = config();
    config.costs[0].quote_rate = Fraction::new(999_000_000);
    // (0.005 + 61 800.01 x 2.3 bp) x 0.999
    let got = cost(&spot(), Side::Buy, 12_360_001, Fee::Taker, 6_180_001, &config).unwrap();
    assert_eq!(got, Rate::new(14_204_783_297_700_000_000));
}

#[test]
fn every_division_rounds_against_us() {
    let mut config = config();
    config.holding_ns = 1;
    // The funding of a nanosecond does not come out even: a buy pays the part, a sell does not get it.
    let funding = |side| {
        let with = cost(&linear(), side, 1_236_000, Fee::Taker, 618_000, &config).unwrap().get();
        let mut without = config.clone();
        without.costs[1].funding_rate = Fraction::ZERO;
        with - cost(&linear(), side, 1_236_000, Fee::Taker, 618_000, &without).unwrap().get()
    };
    // 6.18e18 / 28.8e12 = 214 583.33
    assert_eq!((funding(Side::Buy), funding(Side::Sell)), (214_584, -214_583));
}

proptest! {
    #[test]
    fn a_worse_price_never_costs_less(
        price in any::<i64>(), step in 0i64..1_000_000, mid2 in any::<i64>(),
        fee in -999_999_999i64..1_000_000_000, funding in any::<i64>(), quote_rate in 1i64..2_000_000_000,
    ) {
        let mut config = config();
        config.costs[1].taker_fee = Fraction::new(fee);
        config.costs[1].funding_rate = Fraction::new(funding);
        config.costs[1].quote_rate = Fraction::new(quote_rate);
        for (side, worse) in [(Side::Buy, price.saturating_add(step)), (Side::Sell, price.saturating_sub(step))] {
            let cost = |price| cost(&linear(), side, mid2, Fee::Taker, price, &config);
            if let (Some(near), Some(far)) = (cost(price), cost(worse)) {
                prop_assert!(near <= far);
            }
        }
    }

    #[test]
    fn the_level_of_an_instrument_cancels_out(away in -1_000i64..1_000, mid in 1_000i64..10_000_000, shift in 0i64..1_000_000) {
        let mut config = config();
        config.costs[1].taker_fee = Fraction::ZERO;
        config.costs[1].funding_rate = Fraction::ZERO;
        for side in [Side::Buy, Side::Sell] {
            let at = |mid: i64| cost(&linear(), side, 2 * mid, Fee::Taker, mid + away, &config);
            prop_assert_eq!(at(mid), at(mid + shift));
        }
    }
}

#[test]
fn a_config_outside_its_ranges_is_refused_with_its_number() {
    let refused = |change: fn(&mut RouteConfig)| {
        let mut config = config();
        change(&mut config);
        config.check(3).unwrap_err()
    };
    assert_eq!(refused(|c| c.holding_ns = -1), RouteConfigError::NegativeHolding(-1));
    assert_eq!(refused(|c| c.costs.truncate(2)), RouteConfigError::WrongLength { costs: 2, instruments: 3 });
    assert_eq!(
        refused(|c| c.costs[1].maker_fee = Fraction::new(-1_000_000_000)),
        RouteConfigError::FeeTooLarge { instrument: 1, fee: Fraction::new(-1_000_000_000) }
    );
    assert_eq!(refused(|c| c.costs[2].funding_interval_ns = -1), RouteConfigError::NegativeInterval { instrument: 2 });
    assert_eq!(
        refused(|c| c.costs[0].quote_rate = Fraction::ZERO),
        RouteConfigError::QuoteRateNotPositive { instrument: 0 }
    );
    assert_eq!(refused(|c| c.holding_ns = -7).to_string(), "holding_ns is -7; it must not be below zero");
}
