//! Payoffs that are programs: the shipped examples against computations of their own, and what goes wrong in them.

mod world;

use tiderace_clear::config::HOUR_NS;
use tiderace_clear::{Action, ClearConfig, Clearing};
use tiderace_program::{Arg, HostTable, Program, Type, TypeDef};
use tiderace_types::venue::{ListPayoff, PayoffTerms};
use tiderace_types::{Amount, Fraction, Instrument, InstrumentKind, Price, Reason, Ts};
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
