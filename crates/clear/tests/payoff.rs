//! Payoffs that are programs: the shipped examples against computations of their own, and what goes wrong in them.

mod world;

use proptest::prelude::*;
use tiderace_clear::config::HOUR_NS;
use tiderace_clear::{Action, ClearConfig, Clearing, House, LedgerAccount, OrderAsk, OrderHold, PayoffEntry};
use tiderace_program::{Arg, Form, HostTable, Program, Type, TypeDef};
use tiderace_types::venue::{ListPayoff, PayoffTerms};
use tiderace_types::{Amount, Fraction, Instrument, InstrumentKind, Price, Qty, Reason, Side, Ts};
use world::*;

/// An instrument of lots of 1 and ticks of 0.01 USDC: 10,000 base units in a tick of a lot.
const UNIT: i128 = 10_000;

fn instrument(maturity: Option<Ts>) -> Instrument {
    Instrument {
        kind: InstrumentKind::Program,
        tick_size: 10_000_000_000,
        lot_size: 1_000_000_000_000,
        maturity_ns: maturity.map(Ts::get),
        ..perp(0)
    }
}

fn setup(maturity: Option<Ts>) -> ClearConfig {
    config(vec![terms(instrument(maturity))], vec![with(&[(USDC, usdc(1_000_000))]); 3])
}

fn form(name: &str) -> Vec<u8> {
    let path = format!("{}/../../tests/programs/payoffs/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.trim();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Parameters by name; what is not named has its default.
fn params(form: &[u8], named: &[(&str, i128)]) -> Vec<u8> {
    let program = Program::load(form, &HostTable::default()).unwrap();
    let form = program.form();
    let record = form.params.unwrap();
    let TypeDef::Record { fields, .. } = &form.types[usize::from(record)] else { panic!("no record") };
    assert!(named.iter().all(|(name, _)| fields.iter().any(|field| field.name == *name)));
    let value = |(field, decl): (&tiderace_program::RecordField, &tiderace_program::ParamDecl)| {
        let given = named.iter().find(|(name, _)| *name == field.name).map(|(_, value)| Arg::Int(*value));
        given.or(decl.default.map(Arg::from)).unwrap_or(Arg::Int(0))
    };
    let values = fields.iter().zip(&form.param_decls).map(value).collect();
    let mut bytes = Vec::new();
    form.pack(Type::Table(record), &Arg::List(values), &mut bytes).unwrap();
    bytes
}

fn margin_terms() -> PayoffTerms {
    PayoffTerms {
        instrument: PERP,
        first: Ts::ZERO,
        interval_ns: 0,
        vol: Amount::new(500_000_000_000),
        vol_shock: Fraction::new(250_000_000),
        price_shock: Fraction::new(200_000_000),
        maintenance: Fraction::new(800_000_000),
        paths: 64,
        seed: 1,
    }
}

fn listing(name: &str, named: &[(&str, i128)], times: Vec<Ts>) -> ListPayoff {
    let form = form(name);
    ListPayoff { terms: margin_terms(), times, params: params(&form, named), form }
}

fn at(hours: i64) -> Ts {
    START.plus_ns(hours * HOUR_NS)
}

/// An index price in ticks of 0.01.
fn set_index(c: &mut Clearing, ticks: i64) {
    c.set_index(BTC, Amount::new(i128::from(ticks) * 10_000_000_000)).unwrap();
}

const SPREAD: &[(&str, i128)] = &[("low", 10_000), ("high", 12_000), ("payout_max", 2_000)];

#[test]
fn a_listed_payoff_is_traded_margined_and_paid_at_expiry() {
    let mut c = Clearing::new(setup(Some(at(24)))).unwrap();
    let early = c.fill(&fill(PERP, 0, 1, 500, 10)).map_err(|refusal| refusal.reason);
    assert_eq!(early, Err(Reason::PayoffNotListed));
    set_index(&mut c, 10_500);
    c.list_payoff(&listing("call_spread", SPREAD, Vec::new())).unwrap();
    c.fill(&fill(PERP, 0, 1, 500, 10)).unwrap();
    // The buyer paid 5.00 a lot; the seller is margined by the worst of its scenarios beyond its mark.
    assert_eq!(total(&c, 0, USDC), 1_000_000_000_000 - 500 * 10 * UNIT);
    let (long, short) = (c.margin(account(0)), c.margin(account(1)));
    assert_eq!((long.initial.get(), long.equity.get()), (0, 1_000_000_000_000));
    assert!(short.initial.get() > 0 && short.initial.get() <= 1_500 * 10 * UNIT, "{short:?}");
    assert_eq!(short.maintenance.get(), short.initial.get() * 4 / 5);
    c.set_settlement(PERP, Price::new(11_250)).unwrap();
    let mut out = Vec::new();
    c.advance(at(24), &mut out);
    let (price, amount) = (Price::new(11_250), Amount::new(1_250));
    assert!(out.contains(&Action::PayoffPaid { instrument: PERP, price, amount }));
    assert_eq!(total(&c, 0, USDC), 1_000_000_000_000 + (1_250 - 500) * 10 * UNIT);
    assert_eq!(total(&c, 1, USDC), 1_000_000_000_000 - (1_250 - 500) * 10 * UNIT);
    assert_eq!((c.margin(account(1)).initial, c.qty(account(1), PERP)), (Amount::ZERO, 0));
    assert!(c.is_balanced());
}

fn hours(count: i64) -> Vec<Ts> {
    (1..=count).map(at).collect()
}

/// Lists, lets account 0 buy ten lots from account 1 at `price`, observes the prices hour by hour, settles at the last
/// after a day; what account 0 has more than before, a lot, in ticks.
fn gain(name: &str, named: &[(&str, i128)], observed: &[i64], last: i64, price: i64) -> i128 {
    let mut c = Clearing::new(setup(Some(at(24)))).unwrap();
    set_index(&mut c, observed.first().copied().unwrap_or(last));
    let times = hours(observed.len().try_into().unwrap());
    c.list_payoff(&listing(name, named, times)).unwrap();
    c.fill(&fill(PERP, 0, 1, price, 10)).unwrap();
    let mut out = Vec::new();
    for (hour, price) in (1..).zip(observed) {
        set_index(&mut c, *price);
        c.advance(at(hour), &mut out);
    }
    set_index(&mut c, last);
    c.set_settlement(PERP, Price::new(last)).unwrap();
    c.advance(at(24), &mut out);
    assert!(c.is_balanced() && c.is_settled(PERP));
    assert!(!out.iter().any(|action| matches!(action, Action::PayoffTrapped { .. })), "{out:?}");
    let [long, short] = [0, 1].map(|id| total(&c, id, USDC) - 1_000_000_000_000);
    assert_eq!(long, -short, "what one is paid the other pays");
    assert_eq!(long % (10 * UNIT), 0);
    long / (10 * UNIT)
}

/// Index paths of eight observations.
fn walk() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(1_000i64..40_000, 8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_call_spread_pays_the_difference_of_two_calls(low in 1i64..20_000, width in 1i64..5_000, last in 1i64..40_000) {
        let high = low + width;
        let named = [("low", low.into()), ("high", high.into()), ("payout_max", width.into())];
        let wanted = (last - low).max(0) - (last - high).max(0);
        prop_assert_eq!(gain("call_spread", &named, &[], last, 7), i128::from(wanted - 7));
    }

    #[test]
    fn an_asian_call_pays_by_the_mean(walk in walk(), strike in 1_000i64..40_000, last in 1i64..40_000) {
        let mean = walk.iter().sum::<i64>().div_euclid(8);
        let wanted = (mean - strike).clamp(0, 9_000);
        let named = [("strike", strike.into()), ("payout_max", 9_000)];
        prop_assert_eq!(gain("asian", &named, &walk, last, 11), i128::from(wanted - 11));
    }

    #[test]
    fn a_barrier_knocks_out_within_its_window(walk in walk(), barrier in 1_000i64..15_000, last in 1i64..40_000) {
        let (from, to) = (3usize, 6usize);
        let out = (from..=to).any(|hour| walk[hour - 1] <= barrier);
        let wanted = if out { 0 } else { (last - 10_000).clamp(0, 20_000) };
        let named = [
            ("strike", 10_000),
            ("barrier", barrier.into()),
            ("window_begin_ns", at(3).get().into()),
            ("window_end_ns", at(6).get().into()),
            ("payout_max", 20_000),
        ];
        prop_assert_eq!(gain("barrier", &named, &walk, last, 5), i128::from(wanted - 5));
    }

    #[test]
    fn a_variance_swap_pays_the_realised_variance(walk in walk()) {
        let returns: Vec<f64> = walk.windows(2).map(|pair| (pair[1] as f64 / pair[0] as f64).ln()).collect();
        let variance = returns.iter().map(|r| r * r).sum::<f64>() / returns.len() as f64 * 365.0;
        let wanted = (variance * 100.0).min(30_000.0).floor() as i128;
        let got = gain("variance_swap", &[("unit", 100), ("payout_max", 30_000)], &walk, 10_000, 3) + 3;
        // Another logarithm may round the last bit the other way.
        prop_assert!((got - wanted).abs() <= 1, "{} against {}", got, wanted);
    }

    #[test]
    fn a_range_accrual_pays_for_every_observation_in_range(walk in walk(), low in 1_000i64..20_000, high in 20_000i64..40_000) {
        let inside = walk.iter().filter(|price| (low..=high).contains(*price)).count() as i128;
        let named = [("low", low.into()), ("high", high.into()), ("coupon", 9), ("flow_max", 9)];
        prop_assert_eq!(gain("range_accrual", &named, &walk, 10_000, 4), inside * 9 - 4);
    }

    #[test]
    fn a_power_perpetual_pays_the_bounded_difference(walk in walk(), mark in 1i64..60_000) {
        let mut c = Clearing::new(setup(None)).unwrap();
        set_index(&mut c, walk[0]);
        let named = [("scale", 10_000), ("periods", 24), ("payout_max", 40_000), ("flow_min", -700), ("flow_max", 700)];
        let mut of = listing("power_perpetual", &named, Vec::new());
        (of.terms.first, of.terms.interval_ns) = (at(1), HOUR_NS);
        c.list_payoff(&of).unwrap();
        c.fill(&fill(PERP, 0, 1, mark, 3)).unwrap();
        c.set_mark(PERP, Price::new(mark)).unwrap();
        let (mut out, mut wanted) = (Vec::new(), -i128::from(mark));
        for (hour, price) in (1..).zip(&walk) {
            set_index(&mut c, *price);
            let counted = c.mark(PERP).unwrap().get();
            c.advance(at(hour), &mut out);
            let worth = (price * price / 10_000).min(40_000);
            wanted += i128::from((worth - counted).div_euclid(24).clamp(-700, 700));
        }
        prop_assert_eq!(total(&c, 0, USDC) - 1_000_000_000_000, wanted * 3 * UNIT);
        prop_assert_eq!(total(&c, 0, USDC) + total(&c, 1, USDC), 2_000_000_000_000);
        prop_assert!(c.is_balanced());
    }
}

/// Black (1976) without discount, by the error function's series: another way than the program's.
fn black_call(forward: f64, strike: f64, deviation: f64) -> f64 {
    let normal = |x: f64| {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= x * x / f64::from(2 * n + 1);
            sum += term;
        }
        0.5 + sum * (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
    };
    let d1 = (forward / strike).ln() / deviation + deviation / 2.0;
    forward * normal(d1) - strike * normal(d1 - deviation)
}

/// The short lot's initial requirement without a mark: the most of all scenarios, in ticks.
fn high(c: &Clearing) -> i128 {
    let order = |qty| OrderAsk {
        account: account(2),
        instrument: PERP,
        side: Side::Sell,
        qty: Qty::new(qty).unwrap(),
        price: Some(Price::new(0)),
        fee: Fraction::ZERO,
    };
    // The largest order that is admitted says what a lot holds.
    let (mut least, mut most) = (0i64, 1 << 40);
    while most - least > 1 {
        let middle = least + (most - least) / 2;
        if c.check_order(&order(middle), OrderHold::default()).is_ok() { least = middle } else { most = middle }
    }
    1_000_000_000_000 / UNIT / i128::from(least.max(1))
}

#[test]
fn margin_of_a_closed_form_is_its_worst_scenario() {
    let mut c = Clearing::new(setup(Some(at(24 * 30)))).unwrap();
    set_index(&mut c, 10_500);
    c.list_payoff(&listing("call_spread", SPREAD, Vec::new())).unwrap();
    c.fill(&fill(PERP, 0, 1, 500, 10)).unwrap();
    let years = 30.0 / 365.0;
    let worth = |price: f64, vol: f64| {
        let deviation = vol * f64::sqrt(years);
        black_call(price, 10_000.0, deviation) - black_call(price, 12_000.0, deviation)
    };
    // At +20 % the index is beyond both strikes: were it to stay there, all of the spread is paid.
    let worst = [0.8, 0.9, 1.0, 1.1, 1.2]
        .into_iter()
        .flat_map(|shock| [0.375, 0.625].map(|vol| worth((10_500.0f64 * shock).floor(), vol)))
        .fold(2_000.0, f64::max);
    assert!(worth(12_600.0, 0.375) < 1_800.0);
    let initial = c.margin(account(1)).initial.get();
    let got = (initial / (10 * UNIT)) as f64;
    assert!((got - (worst - 500.0)).abs() <= 1.0, "{got} against {}", worst - 500.0);
}

#[test]
fn a_closed_form_that_is_the_worst_is_what_counts() {
    // A call far below its strike pays nothing where the index stays: its value alone is what its writer holds.
    let mut c = Clearing::new(setup(Some(at(24 * 30)))).unwrap();
    set_index(&mut c, 8_000);
    c.list_payoff(&listing("call_spread", SPREAD, Vec::new())).unwrap();
    let deviation = 0.625 * f64::sqrt(30.0 / 365.0);
    let worst = black_call(9_600.0, 10_000.0, deviation) - black_call(9_600.0, 12_000.0, deviation);
    let got = high(&c) as f64;
    assert!((got - worst).abs() <= 2.0, "{got} against {worst}");
}

/// A value is its author's word: who writes holds what the program itself says that it will pay.
#[test]
fn a_value_that_lies_writes_nothing_for_free() {
    for (trick, wanted) in [(0, 50_000), (1, 50_000), (2, 40_000)] {
        for index in [1_000, 10_500] {
            let mut c = Clearing::new(setup(Some(at(24)))).unwrap();
            set_index(&mut c, index);
            let named = [("trick", trick), ("payout_max", 50_000), ("flow_max", 20_000)];
            c.list_payoff(&listing("liar", &named, hours(2))).unwrap();
            assert!(high(&c) >= wanted, "trick {trick} at {index}: {}", high(&c));
        }
    }
}

#[test]
fn margin_over_paths_is_near_its_closed_form() {
    // Without observations to come a capped barrier call is a call: its value over paths is that of Black.
    let mut c = Clearing::new(setup(Some(at(24 * 30)))).unwrap();
    set_index(&mut c, 10_000);
    let named = [("strike", 10_000), ("barrier", 1), ("payout_max", 200_000)];
    let mut of = listing("barrier", &named, hours(1));
    (of.terms.price_shock, of.terms.vol_shock, of.terms.paths) = (Fraction::ZERO, Fraction::ZERO, 1_000);
    c.list_payoff(&of).unwrap();
    let wanted = black_call(10_000.0, 10_000.0, 0.5 * f64::sqrt(30.0 / 365.0));
    let got = high(&c) as f64;
    assert!((got - wanted).abs() < 0.1 * wanted, "{got} against {wanted}");
    // The same seed says the same, another one something else nearby.
    let again = |seed| {
        let mut c = Clearing::new(setup(Some(at(24 * 30)))).unwrap();
        set_index(&mut c, 10_000);
        c.list_payoff(&ListPayoff { terms: PayoffTerms { seed, ..of.terms }, ..of.clone() }).unwrap();
        high(&c)
    };
    assert_eq!((again(1), again(2) == again(1)), (high(&c), false));
}

/// Paths are of the index: flows that hang on the mark would be valued at an index that is no mark.
#[test]
fn observations_of_the_mark_are_not_valued_by_paths() {
    let mut c = Clearing::new(setup(Some(at(24)))).unwrap();
    set_index(&mut c, 10_000);
    let of = listing("asian", &[("strike", 9_000), ("payout_max", 5_000)], hours(8));
    let (mut form, _) = Form::decode(&of.form).unwrap();
    let observation = form.entries.iter_mut().find(|entry| entry.name == "on_observation").unwrap();
    observation.params[0] = "mark".to_owned();
    let of_mark = ListPayoff { form: form.encode(), ..of.clone() };
    assert_eq!(c.list_payoff(&of_mark).map_err(|refusal| refusal.reason), Err(Reason::NoValuation));
    c.list_payoff(&of).unwrap();
}

#[test]
fn a_state_between_observations_survives_its_bytes() {
    let build = || {
        let mut c = Clearing::new(setup(Some(at(24)))).unwrap();
        set_index(&mut c, 10_000);
        let named = [("strike", 9_000), ("payout_max", 5_000)];
        c.list_payoff(&listing("asian", &named, hours(8))).unwrap();
        c.fill(&fill(PERP, 0, 1, 900, 10)).unwrap();
        c
    };
    let finish = |c: &mut Clearing, from: i64| {
        let mut out = Vec::new();
        for hour in from..=24 {
            set_index(c, 10_000 + hour * 37);
            c.advance(at(hour), &mut out);
        }
        (out, c.digest())
    };
    let mut live = build();
    let mut out = Vec::new();
    for hour in 1..=3 {
        set_index(&mut live, 10_000 + hour * 37);
        live.advance(at(hour), &mut out);
    }
    let mut bytes = Vec::new();
    live.encode(&mut bytes);
    let mut again = Clearing::decode(setup(Some(at(24))), &mut &bytes[..]).unwrap();
    assert_eq!(again.digest(), live.digest());
    assert_eq!(finish(&mut again, 4), finish(&mut live, 4));
    for len in [bytes.len() - 1, bytes.len() - 40, bytes.len() / 2] {
        assert!(Clearing::decode(setup(Some(at(24))), &mut &bytes[..len]).is_err());
    }
}

#[test]
fn machine_code_and_the_interpreter_give_the_same_state() {
    let run = |is_interpreted: bool| {
        let mut c = Clearing::new(setup(Some(at(24)))).unwrap();
        c.interpret_payoffs(is_interpreted);
        set_index(&mut c, 10_000);
        let named = [("unit", 100), ("payout_max", 30_000)];
        c.list_payoff(&listing("variance_swap", &named, hours(8))).unwrap();
        c.fill(&fill(PERP, 0, 1, 900, 10)).unwrap();
        let mut out = Vec::new();
        for hour in 1..=24 {
            set_index(&mut c, 10_000 + (hour * 7_919) % 1_000);
            c.advance(at(hour), &mut out);
        }
        (out, c.digest())
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn a_missing_index_misses_an_observation_and_says_so() {
    let mut c = Clearing::new(setup(Some(at(24)))).unwrap();
    let named = [("low", 1), ("high", 20_000), ("coupon", 5), ("flow_max", 5)];
    c.list_payoff(&listing("range_accrual", &named, hours(2))).unwrap();
    let mut out = Vec::new();
    c.advance(at(1), &mut out);
    assert_eq!(out, [Action::Missing { instrument: PERP, reason: Reason::StaleIndex }]);
    set_index(&mut c, 10_000);
    out.clear();
    c.advance(at(2), &mut out);
    let (price, amount) = (Price::new(10_000), Amount::new(5));
    assert_eq!(out, [Action::PayoffObserved { instrument: PERP, number: 1, price, amount }]);
}

#[test]
fn a_runaway_program_is_stopped_at_its_fuel() {
    let mut c = Clearing::new(setup(Some(at(24)))).unwrap();
    set_index(&mut c, 8_000);
    let named = [("limit", 11_000), ("payout_max", 20_000), ("fallback", 123), ("flow_max", 10)];
    c.list_payoff(&listing("unruly", &named, hours(1))).unwrap();
    for _ in 0..100 {
        set_index(&mut c, 9_900);
    }
    let mut out = Vec::new();
    c.review(&mut out);
    let [Action::PayoffTrapped { trap, .. }] = &out[..] else { panic!("told once: {out:?}") };
    let out_of_fuel = tiderace_program::TrapReason::OutOfFuel.code();
    assert_eq!((trap.entry, trap.trap, trap.amount), (PayoffEntry::Value, out_of_fuel, 20_010));
}

/// What happens between an observation and the next.
#[derive(Clone, Debug)]
enum Act {
    Fill { buyer: u32, seller: u32, price: i64, qty: i64 },
    Index(i64),
    Mark(i64),
    Hour,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0u32..3, 0u32..3, 1i64..20_000, 1i64..500).prop_map(|(buyer, seller, price, qty)| Act::Fill {
            buyer,
            seller,
            price,
            qty
        }),
        (1i64..20_000).prop_map(Act::Index),
        (1i64..20_000).prop_map(Act::Mark),
        Just(Act::Hour),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A program that traps, runs away and passes its bounds beyond a price, under whatever happens: nothing is made or
    /// lost, nothing is left to a rounding account, and who replays it from its bytes at any time ends where it does.
    #[test]
    fn money_is_neither_made_nor_lost_between_the_sides(acts in prop::collection::vec(act(), 1..40), cut in 0usize..40) {
        let mut c = Clearing::new(setup(Some(at(48)))).unwrap();
        set_index(&mut c, 8_000);
        let named = [("limit", 11_000), ("payout_max", 20_000), ("fallback", 123), ("flow_max", 10)];
        c.list_payoff(&listing("unruly", &named, hours(48))).unwrap();
        let (mut out, mut hour) = (Vec::new(), 0);
        for (row, act) in acts.into_iter().chain([Act::Hour]).enumerate() {
            if row == cut {
                let mut bytes = Vec::new();
                c.review(&mut out);
                c.encode(&mut bytes);
                c = Clearing::decode(setup(Some(at(48))), &mut &bytes[..]).unwrap();
            }
            match act {
                Act::Fill { buyer, seller, price, qty } => {
                    c.fill(&fill(PERP, buyer, seller, price, qty)).unwrap();
                }
                Act::Index(price) => set_index(&mut c, price),
                Act::Mark(price) => c.set_mark(PERP, Price::new(price)).unwrap(),
                Act::Hour => {
                    hour += 1;
                    c.advance(at(hour), &mut out);
                }
            }
            let sums: i128 = (0..3).map(|id| total(&c, id, USDC)).sum();
            prop_assert_eq!(sums, 3_000_000_000_000);
            prop_assert!(c.is_balanced());
        }
        c.advance(at(48), &mut out);
        let funds: i128 = [House::Rounding, House::Novation, House::Default]
            .map(|house| c.total(LedgerAccount::House(house), USDC).get())
            .iter()
            .sum();
        let sums: i128 = (0..3).map(|id| total(&c, id, USDC)).sum();
        prop_assert_eq!(sums + funds, 3_000_000_000_000);
        prop_assert_eq!(c.total(LedgerAccount::House(House::Rounding), USDC), Amount::ZERO);
        prop_assert!(c.is_balanced() && c.is_settled(PERP));
    }
}

#[test]
fn a_portfolio_account_has_a_program_margined_by_itself() {
    let mut config = setup(Some(at(24)));
    config.accounts[2].is_portfolio = true;
    let mut c = Clearing::new(config).unwrap();
    set_index(&mut c, 10_500);
    let ask = OrderAsk {
        account: account(2),
        instrument: PERP,
        side: Side::Sell,
        qty: Qty::new(10).unwrap(),
        price: Some(Price::new(500)),
        fee: Fraction::ZERO,
    };
    let early = c.check_order(&ask, OrderHold::default()).map_err(|refusal| refusal.reason);
    assert_eq!(early, Err(Reason::PayoffNotListed));
    c.list_payoff(&listing("call_spread", SPREAD, Vec::new())).unwrap();
    c.check_order(&ask, OrderHold::default()).unwrap();
    c.fill(&fill(PERP, 0, 2, 500, 10)).unwrap();
    assert!(c.margin(account(2)).initial > Amount::ZERO);
}

#[test]
fn no_more_lots_trade_than_a_payoff_can_pay() {
    let mut c = Clearing::new(setup(Some(at(24)))).unwrap();
    let named = [("low", 1), ("high", 20_000), ("coupon", 5), ("flow_max", 1 << 40)];
    c.list_payoff(&listing("range_accrual", &named, hours(2))).unwrap();
    let refused = |c: &mut Clearing, qty| c.fill(&fill(PERP, 0, 1, 1, qty)).map_err(|refusal| refusal.reason).err();
    assert_eq!(refused(&mut c, 1 << 40), Some(Reason::OverLimit));
    assert_eq!(refused(&mut c, 1 << 30), None);
}
