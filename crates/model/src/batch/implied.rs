//! The kernel of implied vols: a closed guess, then three steps of third order on the logarithm of the price.
//!
//! With x = -|ln(F/K)| and s = vol sqrt(t) the out-of-the-money price over sqrt(F K) is b(s) = e^(x/2) N(d1) -
//! e^(-x/2) N(d2). Below its inflection s² = 2|x| the root is sought of ln b, above it of ln(e^(x/2) - b), both nearly
//! straight there, and both computed without cancellation as n times tail ratios. The guess below: |x| / s as a function
//! of b / |x| as in the normal model (a rational fit, 0.2 %); above: a normal quantile matched at the inflection. It is
//! within 21 % for |x| <= 3.2, and two steps then reach the last digits; the third proves it, and a row whose third step
//! is not tiny goes to the scalar solver.
//!
//! # References
//! P. Jäckel, "Let's be rational" (2015), for the objective functions and the order of the step.

use super::elementary::{exp, fma, larger, ln, ln_ratio, smaller, tail_ratio, within};
use super::{BLOCK, BlockIn, BlockOut};
use crate::normal::INV_SQRT_2PI;

/// The vol to expiry below which the difference of the two tails has too few digits for this kernel.
const S_MIN: f64 = 5e-4;
/// A third step of this relative size or less proves the root: its own error is of the fourth order.
const PROVEN: f64 = 1e-7;

#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "row < BLOCK, the length of every array; checked access does not vectorise"
)]
pub(super) fn implied<const FMA: bool>(input: &BlockIn, output: &mut BlockOut<1>) {
    let [price, forward, strike, t, discount] = &input.columns;
    for row in 0..BLOCK {
        let quote = [price[row], forward[row], strike[row], t[row], discount[row]];
        let (vol, sound) = solve::<FMA>(quote, input.sign[row]);
        output.columns[0][row] = vol;
        output.sound[row] = sound;
    }
}

/// A price to invert, in units of sqrt(F K).
struct Target {
    /// -|ln(F/K)|.
    x: f64,
    /// The price of the out-of-the-money option, its bound e^(x/2), and what lies between.
    beta: f64,
    bound: f64,
    room: f64,
    /// Whether the root lies below the inflection.
    low: bool,
}

#[inline(always)]
fn solve<const FMA: bool>([price, forward, strike, t, discount]: [f64; 5], sign: f64) -> (f64, f64) {
    let gain = sign * (forward - strike);
    let time_value = (price - discount * larger(gain, 0.0)) / discount;
    let (low_side, high_side) = (smaller(forward, strike), larger(forward, strike));
    let ratio = low_side / high_side;
    let x = ln_ratio::<FMA>(low_side, high_side, ratio);
    let scale = 1.0 / (forward * strike).sqrt();
    let (beta, bound) = (time_value * scale, low_side * scale);
    let room = (low_side - time_value) * scale;
    let sound = within(low_side, 1e-60, 1e60)
        & within(high_side, 1e-60, 1e60)
        & within(t, 1e-12, 1e6)
        & within(discount, 1e-60, 1e60)
        & (x > -8.0)
        & (beta > 1e-280)
        & (room > 1e-5 * bound);
    let (target, guess) = start::<FMA>(x, beta, bound, room);
    let first = guess + step::<FMA>(&target, guess);
    let second = first + step::<FMA>(&target, first);
    let last = step::<FMA>(&target, second);
    let s = second + last;
    let proven = sound & (s > S_MIN) & (last.abs() < PROVEN * s);
    (s / t.sqrt(), if proven { 1.0 } else { 0.0 })
}

#[inline(always)]
fn start<const FMA: bool>(x: f64, beta: f64, bound: f64, room: f64) -> (Target, f64) {
    let distance = larger(-x, 1e-300);
    let turn = (2.0 * distance).sqrt();
    // At the inflection d1 = 0 and d2 = -turn, and the density term is the bound over sqrt(2 pi).
    let at_turn = bound * (0.5 - INV_SQRT_2PI * tail_ratio::<FMA>(turn));
    let low = beta < at_turn;
    let argument = if low { 1.0 + INV_SQRT_2PI * distance / beta } else { 0.5 * room / (bound - at_turn) };
    let log = ln::<FMA>(argument);
    let u = (if low { log } else { -2.0 * log }).sqrt();
    let (low_top, low_bottom) = (
        poly4::<FMA>([0.996_757_55, 0.527_139_45, -0.230_448_88, 0.329_444_39, 0.0], u) * u * u,
        poly4::<FMA>([1.0, 0.464_825_95, 0.873_727_28, -0.108_368_75, 0.231_890_56], u),
    );
    let (high_top, high_bottom) = (
        poly4::<FMA>([2.515_517, 0.802_853, 0.010_328, 0.0, 0.0], u),
        poly4::<FMA>([1.0, 1.432_788, 0.189_269, 0.001_308, 0.0], u),
    );
    let quotient = if low { distance * low_bottom } else { high_top } / if low { low_top } else { high_bottom };
    let guess = if low { smaller(quotient, turn) } else { fma::<FMA>(2.0, u - quotient, turn) };
    (Target { x, beta, bound, room, low }, guess)
}

#[inline(always)]
fn poly4<const FMA: bool>([a, b, c, d, e]: [f64; 5], x: f64) -> f64 {
    fma::<FMA>(x, fma::<FMA>(x, fma::<FMA>(x, fma::<FMA>(x, e, d), c), b), a)
}

/// The step of third order from `s` towards the root.
#[inline(always)]
fn step<const FMA: bool>(target: &Target, s: f64) -> f64 {
    let inverse_s = 1.0 / s;
    let (far, near) = (target.x * inverse_s, 0.5 * s);
    let (d1, d2) = (far + near, far - near);
    // b' = db/ds, the density term of both tails.
    let slope = INV_SQRT_2PI * exp::<FMA>(-0.5 * fma::<FMA>(far, far, near * near));
    let (tail1, tail2) = (slope * tail_ratio::<FMA>(d1.abs()), slope * tail_ratio::<FMA>(-d2));
    let inside = d1 < 0.0;
    let below = if inside { tail1 } else { target.bound - tail1 } - tail2;
    let above = if inside { target.bound - tail1 } else { tail1 } + tail2;
    let (value, wanted) = if target.low { (below, target.beta) } else { (above, target.room) };
    let log = ln::<FMA>(value / wanted);
    let towards = if target.low { -log } else { log };
    let newton = towards * value / slope;
    let relative = slope / value;
    let bend = if target.low { -relative } else { relative };
    // b''/b' and b'''/b'.
    let second = fma::<FMA>(far * far, inverse_s, -0.25 * s);
    let ratio = far * inverse_s;
    let third = fma::<FMA>(second, second, fma::<FMA>(-3.0 * ratio, ratio, -0.25));
    let halley = bend + second;
    let order3 = fma::<FMA>(2.0 * relative, relative, fma::<FMA>(3.0 * bend, second, third));
    let top = fma::<FMA>(0.5 * halley, newton, 1.0);
    let bottom = fma::<FMA>(newton, fma::<FMA>(order3 * (1.0 / 6.0), newton, halley), 1.0);
    newton * top / bottom
}
