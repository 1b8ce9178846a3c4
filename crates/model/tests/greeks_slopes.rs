//! Every greek is the slope of the one below it: closed forms against finite differences of fourth order.

use proptest::prelude::*;
use tiderace_model::bachelier::Bachelier;
use tiderace_model::black::{Black76, BlackScholes};
use tiderace_model::greeks::{GreekUnits, Greeks};
use tiderace_types::{PutOrCall, Reason};

/// What a greek is differentiated by.
#[derive(Clone, Copy, Debug)]
enum By {
    Forward,
    Vol,
    Time,
    Rate,
}

/// The option moved by a step in one of its inputs.
trait Moved: Copy {
    fn moved(self, by: By, step: f64) -> Self;
    fn all(self) -> Result<Greeks, Reason>;
}

fn with_rate(discount: f64, t: f64, t_next: f64, step: f64) -> f64 {
    (-(-discount.ln() / t + step) * t_next).exp()
}

impl Moved for Black76 {
    fn moved(self, by: By, step: f64) -> Self {
        match by {
            By::Forward => Self { forward: self.forward + step, ..self },
            By::Vol => Self { vol: self.vol + step, ..self },
            By::Time => {
                let t = self.t - step;
                Self { t, discount: with_rate(self.discount, self.t, t, 0.0), ..self }
            }
            By::Rate => Self { discount: with_rate(self.discount, self.t, self.t, step), ..self },
        }
    }
    fn all(self) -> Result<Greeks, Reason> {
        self.greeks()
    }
}

#[derive(Clone, Copy)]
struct Digital(Black76);

impl Moved for Digital {
    fn moved(self, by: By, step: f64) -> Self {
        Self(self.0.moved(by, step))
    }
    fn all(self) -> Result<Greeks, Reason> {
        self.0.digital_greeks()
    }
}

impl Moved for Bachelier {
    fn moved(self, by: By, step: f64) -> Self {
        match by {
            By::Forward => Self { forward: self.forward + step, ..self },
            By::Vol => Self { vol: self.vol + step, ..self },
            By::Time => {
                let t = self.t - step;
                Self { t, discount: with_rate(self.discount, self.t, t, 0.0), ..self }
            }
            By::Rate => Self { discount: with_rate(self.discount, self.t, self.t, step), ..self },
        }
    }
    fn all(self) -> Result<Greeks, Reason> {
        self.greeks()
    }
}

impl Moved for BlackScholes {
    fn moved(self, by: By, step: f64) -> Self {
        match by {
            By::Forward => Self { spot: self.spot + step, ..self },
            By::Vol => Self { vol: self.vol + step, ..self },
            By::Time => Self { t: self.t - step, ..self },
            By::Rate => Self { rate: self.rate + step, ..self },
        }
    }
    fn all(self) -> Result<Greeks, Reason> {
        self.greeks()
    }
}

/// Sizes to step and to judge by: of the forward's move to expiry, of vol, of time.
struct Scale {
    spread: f64,
    vol: f64,
    t: f64,
    /// The size of the price.
    price: f64,
}

fn check(option: impl Moved, scale: &Scale) -> Result<(), TestCaseError> {
    let slope = |pick: fn(&Greeks) -> f64, by: By, step: f64| -> f64 {
        let at = |steps: f64| pick(&option.moved(by, steps * step).all().unwrap());
        (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * step)
    };
    let exact = option.all().unwrap();
    let Scale { spread, vol, t, price } = *scale;
    let (in_forward, in_vol, in_time) = (price / spread, price / vol, price / t);
    let rows: [(&str, f64, f64, f64); 9] = [
        ("delta", exact.delta, slope(|it| it.price, By::Forward, 1e-2 * spread), in_forward),
        ("gamma", exact.gamma, slope(|it| it.delta, By::Forward, 1e-2 * spread), in_forward / spread),
        ("speed", exact.speed, slope(|it| it.gamma, By::Forward, 1e-2 * spread), in_forward / spread / spread),
        ("vega", exact.vega, slope(|it| it.price, By::Vol, 4e-3 * vol), in_vol),
        ("vanna", exact.vanna, slope(|it| it.delta, By::Vol, 4e-3 * vol), in_forward / vol),
        ("volga", exact.volga, slope(|it| it.vega, By::Vol, 4e-3 * vol), in_vol / vol),
        ("theta", exact.theta, slope(|it| it.price, By::Time, 4e-3 * t), in_time),
        ("charm", exact.charm, slope(|it| it.delta, By::Time, 4e-3 * t), in_forward / t),
        ("rho", exact.rho, slope(|it| it.price, By::Rate, 1e-2 * (spread / price).min(1.0) / t), price * t),
    ];
    for (name, closed, finite, size) in rows {
        prop_assert!((closed - finite).abs() <= 1e-6 * (closed.abs() + size), "{} {} {}", name, closed, finite);
    }
    Ok(())
}

fn kind(call: bool) -> PutOrCall {
    if call { PutOrCall::Call } else { PutOrCall::Put }
}

fn any_option() -> impl Strategy<Value = Black76> {
    (0.5..1e5f64, -3.0..3.0f64, 0.003..3.0f64, 0.05..1.5f64, 0.8..1.05f64, any::<bool>()).prop_map(
        |(forward, far, t, vol, discount, call)| {
            let strike = forward * (far * vol * t.sqrt()).exp();
            Black76 { forward, strike, t, vol, discount, put_or_call: kind(call) }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("TIDERACE_FULL").is_some() { 50_000 } else { 1_500 }))]

    #[test]
    fn of_an_option_on_a_forward(it in any_option()) {
        let s = it.vol * it.t.sqrt();
        let spread = it.forward * s.min(0.5);
        check(it, &Scale { spread, vol: it.vol, t: it.t, price: it.forward.max(it.strike) })?;
        check(Digital(it), &Scale { spread: it.forward * s.min(0.3), vol: it.vol * 0.5, t: it.t * 0.5, price: 4.0 })?;
    }

    #[test]
    fn of_an_option_on_a_spot_price(it in any_option(), rate in -0.05..0.15f64, asset_yield in -0.05..0.15f64) {
        let option = BlackScholes {
            spot: it.forward, strike: it.strike, t: it.t, vol: it.vol, rate, asset_yield, put_or_call: it.put_or_call,
        };
        let spread = it.forward * (it.vol * it.t.sqrt()).min(0.5);
        check(option, &Scale { spread, vol: it.vol, t: it.t, price: it.forward.max(it.strike) })?;
    }

    #[test]
    fn of_a_normal_option(
        far in -3.0..3.0f64, strike in -100.0..100.0f64, t in 0.003..3.0f64, vol in 0.1..50.0f64,
        discount in 0.8..1.05f64, call in any::<bool>(),
    ) {
        let s = vol * t.sqrt();
        let option = Bachelier { forward: strike + far * s, strike, t, vol, discount, put_or_call: kind(call) };
        check(option, &Scale { spread: s, vol, t, price: s * 3.0 })?;
    }

    #[test]
    fn of_an_inverse_option(it in any_option()) {
        let greeks = it.inverse_greeks().unwrap();
        let spread = it.forward * (it.vol * it.t.sqrt()).min(0.5);
        let step = 1e-2 * spread;
        let coin = |forward: f64| Black76 { forward, ..it }.inverse_price().unwrap();
        let slope = |at: &dyn Fn(f64) -> f64, step: f64| {
            (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step)
        };
        let size = it.forward.max(it.strike) / spread;
        let delta = it.forward * slope(&|step| coin(it.forward + step), step);
        prop_assert!((greeks.delta_coin - delta).abs() < 1e-6 * size);
        prop_assert!((greeks.delta_usd - greeks.usd.delta).abs() == 0.0);
        let coin_slope = |forward: f64| Black76 { forward, ..it }.inverse_greeks().unwrap().delta_coin / forward;
        let gamma = slope(&|step| coin_slope(it.forward + step), step);
        prop_assert!((greeks.gamma_coin - gamma).abs() < 1e-6 * size / spread);
        prop_assert!((greeks.vega_coin * it.forward / it.greeks().unwrap().vega - 1.0).abs() < 1e-12);
        prop_assert!((greeks.theta_coin * it.forward - it.greeks().unwrap().theta).abs() <= 1e-12 * greeks.usd.theta.abs());
    }
}

#[test]
fn units_scale_each_greek_once_for_each_rate_in_it() {
    let ones = Greeks {
        price: 1.0,
        delta: 1.0,
        gamma: 1.0,
        vega: 1.0,
        theta: 1.0,
        rho: 1.0,
        vanna: 1.0,
        volga: 1.0,
        charm: 1.0,
        speed: 1.0,
    };
    assert_eq!(ones.in_units(GreekUnits::PLAIN), ones);
    let (day, point) = (1.0 / 365.0, 0.01);
    let screen = ones.in_units(GreekUnits::SCREEN).columns();
    assert_eq!(screen, [1.0, 1.0, 1.0, point, day, point, point, point * point, day, 1.0]);
}
