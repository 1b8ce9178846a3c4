//! One SVI slice: its density against prices, its jump wings both ways, and its fit.

use proptest::prelude::*;
use tiderace_model::black::Black76;
use tiderace_model::ssvi::Ssvi;
use tiderace_model::svi::{JumpWings, Svi};
use tiderace_types::{PutOrCall, Reason};

/// The slice that Axel Vogt posted: a small negative density right of the money (Gatheral, Jacquier, example 3.1).
fn vogt() -> Svi {
    Svi::new(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153).unwrap()
}

#[test]
fn the_slice_of_vogt_has_its_published_wings_and_holds_a_butterfly() {
    let wings = vogt().jump_wings(1.0).unwrap();
    let published = [0.01742625, -0.1752111, 0.6997381, 1.316798, 0.0116249];
    for (ours, theirs) in [wings.v, wings.psi, wings.p, wings.c, wings.v_min].into_iter().zip(published) {
        assert!((ours - theirs).abs() < 1e-6, "{ours} {theirs}");
    }
    assert!(!vogt().is_butterfly_free());
    assert!((0..200).any(|i| vogt().density_g(f64::from(i) * 0.01) < -1e-3));
    // Their repair: the right slope lowered to p + 2 psi, the least variance raised.
    let (v, p, psi) = (wings.v, wings.p, wings.psi);
    let c = p + 2.0 * psi;
    let repaired = JumpWings { v, psi, p, c, v_min: v * 4.0 * p * c / ((p + c) * (p + c)) };
    assert!(Svi::from_jump_wings(repaired, 1.0).unwrap().is_butterfly_free());
}

#[test]
fn density_g_is_the_second_slope_of_the_price_over_that_of_black() {
    let slice = Svi::new(0.02, 0.1, -0.3, 0.01, 0.2).unwrap();
    let price = |k: f64| {
        let vol = slice.total_variance(k).sqrt();
        Black76 { forward: 1.0, strike: k.exp(), t: 1.0, vol, put_or_call: PutOrCall::Call, discount: 1.0 }
            .price()
            .unwrap()
    };
    for i in -10..=10 {
        let k = f64::from(i) * 0.06;
        let (strike, h) = (k.exp(), 1e-3);
        let near = |x: f64| price((strike + x).ln());
        let density = (near(h) - 2.0 * near(0.0) + near(-h)) / (h * h);
        let sd = slice.total_variance(k).sqrt();
        let d2 = -k / sd - 0.5 * sd;
        let black = (-0.5 * d2 * d2).exp() / (strike * sd * (2.0 * std::f64::consts::PI).sqrt());
        assert!((density / black - slice.density_g(k)).abs() < 1e-3, "{k}");
    }
}

#[test]
fn parameters_outside_the_family_are_refused() {
    let bad = [
        (0.1, -0.1, 0.0, 0.0, 0.1, Reason::BadSlice),
        (0.1, 0.1, 1.0, 0.0, 0.1, Reason::BadSlice),
        (0.1, 0.1, 0.0, 0.0, 0.0, Reason::BadSlice),
        (-0.1, 0.1, 0.0, 0.0, 0.1, Reason::BadSlice),
        (f64::NAN, 0.1, 0.0, 0.0, 0.1, Reason::NotANumber),
        (0.1, 0.1, 0.0, f64::INFINITY, 0.1, Reason::NotANumber),
        (1e308, 1e308, 0.0, 0.0, 1e308, Reason::NotANumber),
    ];
    for (a, b, rho, m, sigma, reason) in bad {
        assert_eq!(Svi::new(a, b, rho, m, sigma), Err(reason), "{a} {b} {rho} {m} {sigma}");
    }
}

#[test]
fn no_number_that_is_none_goes_in_or_out_without_its_reason() {
    for k in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e200, 1e308] {
        assert_eq!(vogt().checked_total_variance(k), Err(Reason::NotANumber), "{k}");
        assert_eq!(vogt().checked_density_g(k), Err(Reason::NotANumber), "{k}");
    }
    assert_eq!(vogt().checked_total_variance(0.3), Ok(vogt().total_variance(0.3)));
    assert_eq!(vogt().checked_density_g(-3.0), Ok(vogt().density_g(-3.0)));
    let nothing = Svi::new(0.0, 0.0, 0.0, 0.0, 1.0).unwrap();
    assert_eq!(nothing.checked_total_variance(0.1), Ok(0.0));
    assert_eq!(nothing.checked_density_g(0.1), Err(Reason::BadVol));
    assert_eq!(nothing.jump_wings(1.0), Err(Reason::BadVol));
    assert_eq!(vogt().jump_wings(0.0), Err(Reason::BadTime));
    assert_eq!(vogt().jump_wings(-1.0), Err(Reason::BadTime));
    for t in [f64::NAN, f64::INFINITY, 1e-320] {
        assert_eq!(vogt().jump_wings(t), Err(Reason::NotANumber), "{t}");
    }
}

#[test]
fn wings_that_no_slice_has_are_refused_by_their_own_rule() {
    let wings = vogt().jump_wings(1.0).unwrap();
    let bad = [
        JumpWings { v: -1.0, ..wings },
        JumpWings { v: 0.0, ..wings },
        JumpWings { psi: 9.0, ..wings },
        JumpWings { psi: -9.0, ..wings },
        JumpWings { psi: 0.5 * wings.c, ..wings },
        JumpWings { psi: 0.0, ..wings },
        JumpWings { p: -0.5, ..wings },
        JumpWings { c: 0.0, ..wings },
        JumpWings { v_min: wings.v, ..wings },
        JumpWings { v_min: -1e-9, ..wings },
    ];
    for wings in bad {
        assert_eq!(Svi::from_jump_wings(wings, 1.0), Err(Reason::BadWings), "{wings:?}");
    }
    assert_eq!(Svi::from_jump_wings(wings, 0.0), Err(Reason::BadTime));
    assert_eq!(Svi::from_jump_wings(wings, f64::INFINITY), Err(Reason::NotANumber));
    assert_eq!(Svi::from_jump_wings(JumpWings { v: f64::NAN, ..wings }, 1.0), Err(Reason::NotANumber));
}

#[test]
fn a_fit_needs_five_usable_points_and_equal_lengths() {
    let k = [-0.2, -0.1, 0.0, 0.1, 0.2];
    let w = [0.06, 0.05, 0.04, f64::NAN, 0.05];
    assert_eq!(Svi::fit(&k, &w, None), Err(Reason::TooFewQuotes));
    assert_eq!(Svi::fit(&k, &w[..4], None), Err(Reason::BadSurface));
    assert_eq!(Svi::fit(&k, &[0.04; 5], Some(&[1.0; 4])), Err(Reason::BadSurface));
    assert_eq!(Svi::fit(&[], &[], None), Err(Reason::TooFewQuotes));
}

#[test]
fn points_at_fewer_than_five_strikes_determine_no_slice() {
    let w = [0.06, 0.05, 0.04, 0.045, 0.05];
    for k in [[0.0; 5], [0.0, 0.0, 0.0, 0.1, 0.1], [0.0, 0.1, 0.2, 0.3, 0.3 + 1e-12]] {
        assert_eq!(Svi::fit(&k, &w, None), Err(Reason::TooFewStrikes), "{k:?}");
    }
    assert!(Svi::fit(&[-0.2, -0.1, 0.0, 0.1, 0.2, 0.2], &[0.06, 0.05, 0.04, 0.045, 0.05, 0.05], None).is_ok());
}

#[test]
fn a_fit_to_a_butterfly_is_free_of_it_and_near() {
    let k: Vec<f64> = (-15..=15).map(|i| f64::from(i) * 0.1).collect();
    let w: Vec<f64> = k.iter().map(|k| vogt().total_variance(*k)).collect();
    let fit = Svi::fit(&k, &w, None).unwrap();
    assert!(fit.is_butterfly_free());
    for (k, w) in k.iter().zip(&w) {
        assert!((fit.total_variance(*k) - w).abs() < 0.012, "{k} {} {w}", fit.total_variance(*k));
    }
}

fn slices() -> impl Strategy<Value = Svi> {
    (0.01..0.3_f64, -0.8..0.8_f64, -0.3..0.3_f64, 0.02..0.5_f64, 0.002..0.1_f64).prop_map(
        |(b, rho, m, sigma, least)| Svi::new(least - b * sigma * (1.0 - rho * rho).sqrt(), b, rho, m, sigma).unwrap(),
    )
}

proptest! {
    #[test]
    fn jump_wings_lead_back_to_the_slice(slice in slices(), t in 0.01..2.0_f64) {
        let back = Svi::from_jump_wings(slice.jump_wings(t).unwrap(), t).unwrap();
        for i in -20..=20 {
            let k = f64::from(i) * 0.1;
            let (ours, was) = (back.total_variance(k), slice.total_variance(k));
            prop_assert!((ours - was).abs() <= 1e-6 * was, "{k} {ours} {was}");
        }
    }

    #[test]
    fn a_fit_finds_the_slice_that_made_its_points(slice in slices()) {
        prop_assume!(slice.is_butterfly_free());
        let k: Vec<f64> = (-30..=30).map(|i| f64::from(i) * 0.03).collect();
        prop_assume!(k.iter().all(|k| slice.density_g(*k) > 0.02));
        let w: Vec<f64> = k.iter().map(|k| slice.total_variance(*k)).collect();
        let fit = Svi::fit(&k, &w, Some(&vec![2.0; 61])).unwrap();
        for (k, w) in k.iter().zip(&w) {
            prop_assert!((fit.total_variance(*k) - w).abs() < 2e-3 * w, "{k}: {fit:?} {slice:?}");
        }
    }

    #[test]
    fn no_numbers_panic(numbers in prop::collection::vec(any::<f64>(), 14)) {
        let n = |i: usize| numbers[i];
        let _ = Svi::new(n(0), n(1), n(2), n(3), n(4)).map(|s| (s.jump_wings(n(5)), s.density_g(n(6)), s.is_butterfly_free()));
        let _ = Svi::from_jump_wings(JumpWings { v: n(0), psi: n(1), p: n(2), c: n(3), v_min: n(4) }, n(5));
        let _ = Svi::fit(&numbers[..7], &numbers[7..], None);
        let _ = Ssvi::new(n(0), n(1), n(2)).map(|s| s.slice(n(3)));
    }

    #[test]
    fn an_ssvi_within_its_inequalities_is_free(rho in -0.95..0.95_f64, part in 0.05..1.0_f64, gamma in 0.05..0.5_f64) {
        let surface = Ssvi::new(rho, part * 2.0 / (1.0 + rho.abs()), gamma).unwrap();
        let slices: Vec<Svi> = [0.001, 0.01, 0.04, 0.1, 0.5].map(|theta| surface.slice(theta).unwrap()).to_vec();
        for pair in slices.windows(2) {
            prop_assert!(pair[0].is_butterfly_free() && pair[1].is_above(&pair[0]), "{pair:?}");
        }
        let w = surface.total_variance(0.3, 0.04);
        prop_assert!((slices[2].total_variance(0.3) - w).abs() < 1e-12);
        prop_assert!(Ssvi::new(rho, 2.1 / (1.0 + rho.abs()), gamma) == Err(Reason::BadSurface));
    }
}
