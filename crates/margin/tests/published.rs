//! Published margins, computed again.

mod common;

use common::{Product, arrays, factor};
use tiderace_margin::{Params, Portfolio, sets};
use tiderace_model::risk_array::Market;
use tiderace_types::PutOrCall::{Call, Put};

/// Parameters of Derive's own test cases (github.com/derivexyz/v2-core, test/risk-managers/unit-tests/PMRM_2/
/// portfolio_cases): spot shocks as factors.
fn derive_case(skew: &str, linear_damping: &str) -> Params {
    let mut scenarios = vec![("1.18", "up")];
    for spot in ["1.135", "1.09", "1.045", "1", "0.955", "0.91", "0.865"] {
        scenarios.extend([(spot, "down"), (spot, "none"), (spot, "up")]);
    }
    scenarios.push(("0.82", "up"));
    let mut text = String::from("scenarios = [\n");
    for (spot, vol) in scenarios {
        text += &format!("{{ spot = \"{spot}\", vol = \"{vol}\" }},\n");
    }
    let tails = [
        ("0.34", "0.054545454545454536"),
        ("0.67", "0.10909090909090907"),
        ("1.5", "0.072"),
        ("2", "0.036"),
        ("3", "0.018"),
        ("4", "0.011999999999999999"),
    ];
    for (spot, damping) in tails {
        text += &format!("{{ spot = \"{spot}\", vol = \"up\", damping = \"{damping}\", kind = \"tail\" }},\n");
    }
    text += &format!("{{ spot = \"1\", vol = \"linear\", damping = \"{linear_damping}\", kind = \"skew\" }},\n");
    text += "{ spot = \"1\", vol = \"abs\", kind = \"skew\" }]\n";
    text += skew;
    text += r#"
        [vol_shock]
        up = "0.5"
        down = "0.275"
        short_term_power = "0.3"
        long_term_power = "0.13"
        days_floor = "1"
        reference_days = "30"
        min_vol_up = "0.45"
        [loss_factor]
        initial = "1"
        maintenance = "0.8"
        [discount]
        long_static = "0.95"
        long_rate_mult = "1"
        long_rate_add = "0.08"
        short_static = "1.04"
        short_rate_mult = "0.5"
        short_rate_add = "0.08"
        [forward_contingency]
        up = "1.045"
        down = "0.955"
        add = "0.5"
        mult = "2"
        [contingency]
        perpetual = { initial = "0.005", maintenance = "0.015" }
        option = { initial = "0.002", maintenance = "0.003" }
    "#;
    sets::parse(&text).unwrap()
}

const YEAR: f64 = 31_536_000.0;
const INDEX: f64 = 2_681.602_985_099_999_4;

fn near_market() -> Market {
    Market { forward: 2_682.999_743_601_671_5, discount: 0.996_226_449_068_872_9, rate: 0.15, t: 794_852.0 / YEAR }
}

/// The rows of a portfolio, in USDC.
fn rows(portfolio: &Portfolio, arrays: &tiderace_margin::RiskArrays) -> Vec<f64> {
    portfolio.report(arrays).unwrap().rows.iter().map(|row| row.pnl.get() as f64 / 1e6).collect()
}

#[test]
fn derives_in_the_money_call_spread_comes_out_as_published() {
    let skew = "skew = { linear_cap = \"0.15\", linear_slope = \"-0.05\", abs_cap = \"0.15\", abs_slope = \"-0.05\", \
                min_width = \"0.01\", width_scale = \"4\", vol_static = \"0.6\", vol_slope = \"-0.1\" }";
    let params = derive_case(skew, "1");
    let call = |strike, vol| Product::Option { expiry: 0, strike, put_or_call: Call, vol };
    let products = [call(2_000.0, 1.055_668_159_178_37), call(2_200.0, 0.888_773_959_492_836_2)];
    let arrays = arrays(&params, INDEX, &[near_market()], &products);
    let portfolio = Portfolio::of(&arrays, &[(0, -1_000), (1, 1_000)]).unwrap();
    let report = portfolio.report(&arrays).unwrap();
    let published = [
        -5.204_154, -6.877_324, -6.366_563, -3.494_362, -6.860_092, -5.614_451, -0.907_626, -6.761_166, -3.990_379,
        2.862_926, -6.283_027, -0.731_508, 8.175_988, -4.371_965, 5.324_444, 15.420_910, 1.806_240, 15.681_360,
        24.976_060, 17.550_719, 31.840_447, 37.142_349, 52.052_421, 10.514_582, 12.753_396, -0.533_775, -0.249_390,
        -0.123_847, -0.082_563, -1.192_891, -0.972_480,
    ];
    let rows = rows(&portfolio, &arrays);
    assert_eq!(rows.len(), published.len());
    for (scenario, (ours, theirs)) in rows.iter().zip(published).enumerate() {
        assert!((ours - theirs).abs() < 3e-6, "scenario {scenario}: {ours} for {theirs}");
    }
    // IM = MtM - 6.877324 - 8.044809 - 5.363206, MM = MtM - 0.8 x 6.877324 - 8.044809.
    let (mtm, im, mm) = (-193.119_752_281, -213.405_091_293, -206.666_420_506);
    assert!((report.option_value.get() as f64 / 1e6 - mtm).abs() < 2e-6);
    assert!((report.requirement.initial.get() as f64 / 1e6 - (mtm - im)).abs() < 3e-6);
    assert!((report.requirement.maintenance.get() as f64 / 1e6 - (mtm - mm)).abs() < 3e-6);
    assert!((report.contingencies.forward.get() as f64 / 1e6 - 1.786_944).abs() < 3e-6);
    assert_eq!(report.worst.scenario, 1);
}

#[test]
fn derives_skew_case_over_two_expiries_comes_out_as_published() {
    let skew = "skew = { linear_cap = \"9.5\", linear_slope = \"-0.05\", abs_cap = \"0.15\", abs_slope = \"-0.05\", \
                min_width = \"0.01\", width_scale = \"4\", vol_static = \"4.5\", vol_slope = \"0.9\" }";
    let params = derive_case(skew, "2");
    let far = Market {
        forward: 2_695.781_494_276_333_4,
        discount: 0.978_824_856_100_975_5,
        rate: 0.21,
        t: 3_214_052.0 / YEAR,
    };
    let option = |expiry, strike, put_or_call, vol| Product::Option { expiry, strike, put_or_call, vol };
    let products = [
        option(0, 6_000.0, Call, 0.883_325_540_219_036_2),
        option(0, 7_500.0, Put, 0.883_325_540_219_036_2),
        option(1, 4_000.0, Call, 0.770_330_444_535_825_1),
    ];
    let arrays = arrays(&params, INDEX, &[near_market(), far], &products);
    let portfolio = Portfolio::of(&arrays, &[(0, -2_000), (1, -4_000), (2, 15_000)]).unwrap();
    let rows = rows(&portfolio, &arrays);
    // The case also holds 1.5 weETH that moves with spot; its part of each row is taken out.
    let collateral = 1.5 * 2_840.575_164_415_104 / 1.000_190_886_35;
    let published = [
        (0, 5_176.569_650, 0.18, 1.0),
        (3, 3_994.293_691, 0.135, 1.0),
        (11, -93.763_739, 0.0, 1.0),
        (22, -2_722.114_585, -0.18, 1.0),
        (23, -558.463_345, -0.66, 0.054_545_454_545),
        (24, -569.715_047, -0.33, 0.109_090_909_091),
        (25, 1_101.163_505, 0.5, 0.072),
        (28, 1_366.372_358, 3.0, 0.012),
        (29, -3_097.508_647, 0.0, 2.0),
        (30, -83.309_687, 0.0, 1.0),
    ];
    for (scenario, theirs, spot, damping) in published {
        let theirs = theirs - collateral * spot * damping;
        let ours = rows[scenario];
        assert!((ours - theirs).abs() < 5e-6, "scenario {scenario}: {ours} for {theirs}");
    }
    let report = portfolio.report(&arrays).unwrap();
    assert!((report.option_value.get() as f64 / 1e6 + 18_924.200_367_6).abs() < 3e-6);
    assert!((report.contingencies.forward.get() as f64 / 1e6 - 337.456_875_7).abs() < 5e-6);
    assert!((report.contingencies.option.maintenance.get() as f64 / 1e6 - 48.268_853_7).abs() < 3e-6);
    assert!((report.contingencies.option.initial.get() as f64 / 1e6 - 32.179_235_8).abs() < 3e-6);
}

#[test]
fn shipped_sets_are_sound_and_say_what_they_follow() {
    for name in sets::NAMES {
        let params = sets::parse(sets::text(name).unwrap()).unwrap();
        assert!(!params.is_in_factors(), "{name}");
        let text = serde_json::to_string(&params).unwrap();
        assert_eq!(serde_json::from_str::<Params>(&text).unwrap(), params);
    }
    let deribit = sets::parse(sets::DERIBIT_PM).unwrap();
    assert_eq!((deribit.scenarios.len(), deribit.loss_factor.maintenance), (35, factor("0.8")));
    let derive = sets::parse(sets::DERIVE_PMRM).unwrap();
    assert_eq!(derive.scenarios.len(), 33);
    assert_eq!(derive.forward_factors(), Some([factor("1.045"), factor("0.955")]));
    assert_eq!(sets::text("span"), None);
}
