//! Impact and fair value: the papers' own examples, and data made with a known answer.

mod grid;

use grid::Draw;
use tiderace_model::fair_value::{
    Bar, Level, TopOfBook, abdi_ranaldo_spread, corwin_schultz_spread, depth_within, realised_variance, roll_spread,
    subsampled_variance, sweep_price, two_scale_variance,
};
use tiderace_model::impact::{AlmgrenOrder, ObservedCost, PowerLaw, impact_almgren2005};
use tiderace_model::micro_price::{MicroPrice, MicroPriceGrid};
use tiderace_model::normal;
use tiderace_types::Reason;

fn gauss(draw: &mut Draw) -> f64 {
    normal::inverse_cdf(draw.between(1e-12, 1.0 - 1e-12))
}

#[test]
fn almgren_2005_gives_the_papers_example() {
    // Table 3: IBM and DRI, a tenth of a day's volume over 0.1, 0.2 and 0.5 days; basis points.
    let ibm = AlmgrenOrder { qty: 656_100.0, adv: 6.561e6, shares_outstanding: 1728e6, sigma: 0.0157, horizon: 0.1 };
    let dri = AlmgrenOrder { qty: 192_900.0, adv: 1.929e6, shares_outstanding: 168e6, sigma: 0.0226, horizon: 0.1 };
    let rows = [
        (ibm, 0.1, 20.0, 22.0, 32.0),
        (ibm, 0.2, 20.0, 15.0, 25.0),
        (ibm, 0.5, 20.0, 8.0, 18.0),
        (dri, 0.1, 22.0, 32.0, 43.0),
        (dri, 0.2, 22.0, 21.0, 32.0),
        (dri, 0.5, 22.0, 12.0, 23.0),
    ];
    for (order, horizon, permanent, temporary, cost) in rows {
        let impact = impact_almgren2005(&AlmgrenOrder { horizon, ..order }).unwrap();
        for (ours, printed) in [(impact.permanent, permanent), (impact.temporary, temporary), (impact.cost, cost)] {
            assert!((ours * 1e4 - printed).abs() < 0.75, "{ours} {printed}");
        }
        let sale = impact_almgren2005(&AlmgrenOrder { horizon, qty: -order.qty, ..order }).unwrap();
        assert_eq!(sale.cost, -impact.cost);
    }
    assert_eq!(impact_almgren2005(&AlmgrenOrder { qty: 0.0, ..ibm }).unwrap().cost, 0.0);
    for (order, reason) in [
        (AlmgrenOrder { qty: f64::NAN, ..ibm }, Reason::NotANumber),
        (AlmgrenOrder { adv: 0.0, ..ibm }, Reason::BadQuantity),
        (AlmgrenOrder { shares_outstanding: -1.0, ..ibm }, Reason::BadQuantity),
        (AlmgrenOrder { sigma: -0.1, ..ibm }, Reason::BadVol),
        (AlmgrenOrder { horizon: 0.0, ..ibm }, Reason::BadTime),
    ] {
        assert_eq!(impact_almgren2005(&order), Err(reason));
    }
}

#[test]
fn a_power_law_is_found_again_in_noisy_orders() {
    let mut draw = Draw(11);
    let law = PowerLaw { coefficient: 0.8, exponent: 0.55 };
    let mut observed: Vec<ObservedCost> = (0..4_000)
        .map(|_| {
            let share = 10f64.powf(draw.between(-4.0, -0.5));
            let sigma = draw.between(0.01, 0.08);
            let noise = (0.5 * gauss(&mut draw)).exp();
            ObservedCost { share, sigma, cost: law.cost(share, sigma).unwrap() * noise }
        })
        .collect();
    observed.push(ObservedCost { share: 0.1, sigma: 0.02, cost: -0.001 });
    let fit = PowerLaw::fit(&observed).unwrap();
    assert!((fit.law.exponent - 0.55).abs() < 0.02 && (fit.law.coefficient - 0.8).abs() < 0.05, "{fit:?}");
    let [low, high] = fit.exponent_interval;
    assert!(low < fit.law.exponent && fit.law.exponent < high && high - low < 0.05 && fit.r_squared > 0.7);
    assert!(fit.coefficient_interval[0] < fit.law.coefficient && fit.law.coefficient < fit.coefficient_interval[1]);
    assert_eq!((fit.used, fit.left_out), (4_000, 1));
    assert_eq!(PowerLaw::fit(&observed[..2]), Err(Reason::TooFewObservations));
    assert_eq!(PowerLaw::fit(&[observed[0]; 10]), Err(Reason::TooFewObservations));
    let first = observed[0];
    let sold = ObservedCost { share: -first.share, ..first };
    assert_eq!(PowerLaw::fit(&[first, sold]), Err(Reason::BadQuantity));
    assert_eq!(PowerLaw::fit(&[first, ObservedCost { sigma: 0.0, ..first }]), Err(Reason::BadVol));
    assert_eq!(PowerLaw::SQUARE_ROOT.cost(0.25, 0.02), Ok(0.01));
    assert_eq!(PowerLaw::SQUARE_ROOT.cost(-0.25, 0.02), Err(Reason::BadQuantity));
}

/// Trades at the bid or ask around a random walk, in bars of `per_bar` trades.
fn bounced(spread: f64, vol: f64, bars: usize, per_bar: usize) -> (Vec<f64>, Vec<Bar>) {
    let mut draw = Draw(5);
    let (mut log, mut trades, mut ranges) = (0.0, vec![], vec![]);
    for _ in 0..bars {
        let start = trades.len();
        for _ in 0..per_bar {
            log += vol / (per_bar as f64).sqrt() * gauss(&mut draw);
            let side = if draw.unit() < 0.5 { -0.5 } else { 0.5 };
            trades.push(100.0 * f64::exp(log + side * spread));
        }
        let day = &trades[start..];
        ranges.push(Bar {
            high: day.iter().copied().fold(f64::MIN, f64::max),
            low: day.iter().copied().fold(f64::MAX, f64::min),
            close: day[day.len() - 1],
        });
    }
    (trades, ranges)
}

#[test]
fn spread_estimators_find_a_known_spread() {
    let (trades, bars) = bounced(0.01, 0.02, 3_000, 200);
    assert!((roll_spread(&trades).unwrap() - 0.01).abs() < 0.0005);
    let corwin_schultz = corwin_schultz_spread(&bars).unwrap();
    assert!((corwin_schultz - 0.01).abs() < 0.003, "{corwin_schultz}");
    let abdi_ranaldo = abdi_ranaldo_spread(&bars).unwrap();
    assert!((abdi_ranaldo - 0.01).abs() < 0.002, "{abdi_ranaldo}");
    assert_eq!(roll_spread(&[1.0, 1.1, 1.3, 1.8, 3.0, 7.0]), Ok(0.0), "a trend denies a bounce");
    assert_eq!(roll_spread(&trades[..3]), Err(Reason::TooFewObservations));
    assert_eq!(roll_spread(&[1.0, -1.0, 1.0, 1.0]), Err(Reason::BadForward));
    assert_eq!(corwin_schultz_spread(&bars[..1]), Err(Reason::TooFewObservations));
    assert_eq!(abdi_ranaldo_spread(&[]), Err(Reason::TooFewObservations));
}

#[test]
fn two_scales_take_the_noise_out_of_realised_variance() {
    let (trades, _) = bounced(0.002, 0.02, 1, 200_000);
    let truth = 0.02 * 0.02;
    let raw = realised_variance(&trades).unwrap();
    assert!(raw > 100.0 * truth, "noise dominates the finest grid");
    let subsampled = subsampled_variance(&trades, 2_000).unwrap();
    let two_scale = two_scale_variance(&trades, 2_000).unwrap();
    assert!((two_scale / truth - 1.0).abs() < 0.35, "{two_scale}");
    assert!((subsampled - truth).abs() > (two_scale - truth).abs());
    let one = subsampled_variance(&trades, 1).unwrap();
    assert!((one / raw - 1.0).abs() < 1e-12, "a stride of one is the plain estimator");
    assert_eq!(subsampled_variance(&trades[..3], 3), Err(Reason::TooFewObservations));
    assert_eq!(two_scale_variance(&trades, 1), Err(Reason::TooFewObservations));
    assert_eq!(realised_variance(&[1.0, f64::NAN]), Err(Reason::NotANumber));
}

#[test]
fn the_weighted_mid_leans_to_the_thin_side() {
    let level = |price, qty| Level { price, qty };
    let top = TopOfBook { bid: level(99.0, 30.0), ask: level(101.0, 10.0) };
    assert_eq!(top.mid(), Ok(100.0));
    assert_eq!(top.imbalance(), Ok(0.75));
    assert_eq!(top.weighted_mid(), Ok(100.5));
    let empty = TopOfBook { bid: level(99.0, 0.0), ask: level(101.0, 0.0) };
    assert_eq!(empty.weighted_mid(), Err(Reason::BadQuantity));
    assert_eq!(TopOfBook { bid: level(99.0, f64::NAN), ..top }.weighted_mid(), Err(Reason::NotANumber));
}

#[test]
fn depth_counts_what_lies_within_the_band() {
    let asks = [Level { price: 100.1, qty: 5.0 }, Level { price: 100.4, qty: 7.0 }, Level { price: 102.0, qty: 50.0 }];
    assert_eq!(depth_within(&asks, 100.0, 0.005), Ok(12.0));
    assert_eq!(depth_within(&asks, 0.0, 0.005), Err(Reason::BadForward));
    assert_eq!(sweep_price(&asks, 10.0), Ok((5.0 * 100.1 + 5.0 * 100.4) / 10.0));
    assert_eq!(sweep_price(&asks, 63.0), Err(Reason::NoDepth));
    assert_eq!(sweep_price(&asks, 0.0), Err(Reason::BadQuantity));
}

/// A book whose mid moves up with the odds of its imbalance, one tick at a time.
fn leaning(count: usize) -> Vec<TopOfBook> {
    let mut draw = Draw(3);
    let (mut bid, mut imbalance) = (1000.0, 0.5);
    (0..count)
        .map(|_| {
            if draw.unit() < 0.2 {
                bid += if draw.unit() < imbalance { 1.0 } else { -1.0 };
                imbalance = draw.unit();
            }
            let level = |price: f64, qty: f64| Level { price: price * 0.5, qty };
            TopOfBook { bid: level(bid, imbalance * 100.0 + 1e-9), ask: level(bid + 1.0, 100.0 - imbalance * 100.0) }
        })
        .collect()
}

#[test]
fn the_micro_price_learns_where_the_mid_goes() {
    let quotes = leaning(300_000);
    let grid = MicroPriceGrid { tick: 0.5, buckets: 10, spreads: 2 };
    let fitted = MicroPrice::fit(&quotes, grid).unwrap();
    // The next move is +-1 tick with the odds of the imbalance, and nothing is known after it.
    for imbalance in [0.05, 0.25, 0.55, 0.95] {
        let level = |price, qty| Level { price, qty };
        let top = TopOfBook { bid: level(500.0, imbalance), ask: level(500.5, 1.0 - imbalance) };
        let want = 500.25 + 0.5 * (2.0 * imbalance - 1.0);
        assert!((fitted.price(&top).unwrap() - want).abs() < 0.015, "{imbalance}");
        let mirror = TopOfBook { bid: level(500.0, 1.0 - imbalance), ask: level(500.5, imbalance) };
        let sum = fitted.price(&top).unwrap() + fitted.price(&mirror).unwrap();
        assert!((sum - 1000.5).abs() < 1e-9, "odd in the imbalance");
    }
    assert_eq!(MicroPrice::fit(&quotes[..1], grid), Err(Reason::TooFewObservations));
    assert_eq!(MicroPrice::fit(&quotes, MicroPriceGrid { buckets: 1, ..grid }), Err(Reason::BadQuantity));
    assert_eq!(MicroPrice::fit(&quotes, MicroPriceGrid { tick: f64::NAN, ..grid }), Err(Reason::NotANumber));
}
