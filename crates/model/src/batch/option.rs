//! The kernels of price, digital and greeks: the formulae of `black.rs` and `greeks.rs`, one exponential for both normal
//! densities, since K n(d2) = F n(d1).

use super::elementary::{exp, fma, larger, ln, ln_ratio, tail_ratio, within};
use super::{BLOCK, BlockIn, BlockOut, GREEKS};
use crate::normal::INV_SQRT_2PI;

/// What the kernels share of a row.
struct Row {
    forward: f64,
    strike: f64,
    vol: f64,
    t: f64,
    discount: f64,
    sign: f64,
    root_t: f64,
    inverse_s: f64,
    d1: f64,
    d2: f64,
    /// n(d1) and n(d2).
    density1: f64,
    density2: f64,
    /// 1 where every number is of a size that the kernel can bear.
    sound: f64,
}

impl Row {
    #[inline(always)]
    fn new<const FMA: bool>([forward, strike, t, vol, discount]: [f64; 5], sign: f64) -> Self {
        let root_t = t.sqrt();
        let s = vol * root_t;
        let sound = within(forward, 1e-60, 1e60)
            & within(strike, 1e-60, 1e60)
            & within(t, 1e-12, 1e6)
            & within(vol, 1e-6, 1e3)
            & within(s, 1e-6, 1e3)
            & within(discount, 1e-60, 1e60);
        let ratio = forward / strike;
        let inverse_s = 1.0 / s;
        let far = ln_ratio::<FMA>(forward, strike, ratio) * inverse_s;
        let (d1, d2) = (fma::<FMA>(0.5, s, far), fma::<FMA>(-0.5, s, far));
        let density1 = INV_SQRT_2PI * exp::<FMA>(-0.5 * d1 * d1);
        Self {
            forward,
            strike,
            vol,
            t,
            discount,
            sign,
            root_t,
            inverse_s,
            d1,
            d2,
            density1,
            density2: density1 * ratio,
            sound: if sound { 1.0 } else { 0.0 },
        }
    }

    /// N(-|d1|).
    #[inline(always)]
    fn tail1<const FMA: bool>(&self) -> f64 {
        self.density1 * tail_ratio::<FMA>(self.d1.abs())
    }

    /// N(-|d2|).
    #[inline(always)]
    fn tail2<const FMA: bool>(&self) -> f64 {
        self.density2 * tail_ratio::<FMA>(self.d2.abs())
    }

    /// The intrinsic value and the price of the option out of the money, from both tails.
    #[inline(always)]
    fn price(&self, tail1: f64, tail2: f64) -> f64 {
        let inside = self.sign * (self.forward - self.strike);
        let out = if inside > 0.0 { -self.sign } else { self.sign };
        let legs = self.forward * cdf(out * self.d1, tail1) - self.strike * cdf(out * self.d2, tail2);
        self.discount * larger(inside, 0.0) + self.discount * larger(out * legs, 0.0)
    }
}

/// N(d) from d and N(-|d|).
#[inline(always)]
fn cdf(d: f64, tail: f64) -> f64 {
    if d > 0.0 { 1.0 - tail } else { tail }
}

#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "row < BLOCK, the length of every array; checked access does not vectorise"
)]
pub(super) fn price<const FMA: bool>(input: &BlockIn, output: &mut BlockOut<1>) {
    let [forward, strike, t, vol, discount] = &input.columns;
    for row in 0..BLOCK {
        let it = Row::new::<FMA>([forward[row], strike[row], t[row], vol[row], discount[row]], input.sign[row]);
        output.columns[0][row] = it.price(it.tail1::<FMA>(), it.tail2::<FMA>());
        output.sound[row] = it.sound;
    }
}

#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "row < BLOCK, the length of every array; checked access does not vectorise"
)]
pub(super) fn digital<const FMA: bool>(input: &BlockIn, output: &mut BlockOut<1>) {
    let [forward, strike, t, vol, discount] = &input.columns;
    for row in 0..BLOCK {
        let it = Row::new::<FMA>([forward[row], strike[row], t[row], vol[row], discount[row]], input.sign[row]);
        output.columns[0][row] = it.discount * cdf(it.sign * it.d2, it.tail2::<FMA>());
        output.sound[row] = it.sound;
    }
}

#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "row < BLOCK, the length of every array; checked access does not vectorise"
)]
pub(super) fn greeks<const FMA: bool>(input: &BlockIn, output: &mut BlockOut<GREEKS>) {
    let [forward, strike, t, vol, discount] = &input.columns;
    let [price, delta, gamma, vega, theta, rho, vanna, volga, charm, speed] = &mut output.columns;
    for row in 0..BLOCK {
        let it = Row::new::<FMA>([forward[row], strike[row], t[row], vol[row], discount[row]], input.sign[row]);
        let tail1 = it.tail1::<FMA>();
        let inverse_forward = 1.0 / it.forward;
        let inverse_t = 1.0 / it.t;
        let inverse_vol = it.root_t * it.inverse_s;
        let rate = -ln::<FMA>(it.discount) * inverse_t;
        let density = it.discount * it.density1;
        let value = it.price(tail1, it.tail2::<FMA>());
        let slope = it.discount * it.sign * cdf(it.sign * it.d1, tail1);
        let curve = density * inverse_forward * it.inverse_s;
        let per_vol = density * it.forward * it.root_t;
        price[row] = value;
        delta[row] = slope;
        gamma[row] = curve;
        vega[row] = per_vol;
        theta[row] = fma::<FMA>(rate, value, -0.5 * per_vol * it.vol * inverse_t);
        rho[row] = -it.t * value;
        vanna[row] = -density * it.d2 * inverse_vol;
        volga[row] = per_vol * it.d1 * it.d2 * inverse_vol;
        charm[row] = fma::<FMA>(rate, slope, 0.5 * density * it.d2 * inverse_t);
        speed[row] = -curve * inverse_forward * fma::<FMA>(it.d1, it.inverse_s, 1.0);
        output.sound[row] = it.sound;
    }
}
