//! What a payoff costs the venue: an index update values it anew for margin.
//!
//! `cargo run --release -p tiderace-clear --example payoff_bench -- tests/programs/payoffs`

use std::time::Instant;

use tiderace_clear::config::{AccountTerms, AssetTerms, ContractTerms};
use tiderace_clear::{ClearConfig, Clearing};
use tiderace_program::{Arg, HostTable, Program, Type, TypeDef};
use tiderace_types::venue::{ListPayoff, PayoffTerms};
use tiderace_types::{
    Amount, Asset, AssetId, Fraction, Instrument, InstrumentId, InstrumentKind, Qty, Style, Ts, VenueId,
};

const HOUR_NS: i64 = 3_600_000_000_000;
const UPDATES: u32 = 2_000;

fn config() -> ClearConfig {
    let asset = |name: &str, decimals| AssetTerms { asset: Asset { asset: name.into(), decimals }, collateral: None };
    let instrument = Instrument {
        id: InstrumentId(0),
        version: 1,
        venue: VenueId(0),
        symbol: "PAY".into(),
        kind: InstrumentKind::Program,
        style: Style::Linear,
        base: AssetId(0),
        quote: AssetId(1),
        settle: AssetId(1),
        base_decimals: 8,
        quote_decimals: 6,
        tick_size: 10_000_000_000,
        lot_size: 1_000_000_000_000,
        contract_multiplier: 1_000_000_000_000,
        min_order_qty: Qty::ZERO,
        max_order_qty: Qty::MAX,
        min_notional: Amount::ZERO,
        maturity_ns: Some(100 * HOUR_NS),
        strike_price: None,
        put_or_call: None,
    };
    let terms = serde_json::json!({ "instrument": instrument });
    let terms: ContractTerms = serde_json::from_value(terms).expect("terms");
    let text = serde_json::json!({
        "assets": [asset("BTC", 8), asset("USDC", 6)], "contracts": [terms],
        "accounts": [AccountTerms::default(), AccountTerms::default()],
    });
    serde_json::from_value(text).expect("a genesis")
}

fn listing(form: Vec<u8>, named: &[(&str, i128)], times: i64) -> ListPayoff {
    let program = Program::load(&form, &HostTable::default()).expect("a program");
    let of = program.form();
    let record = of.params.expect("parameters");
    let TypeDef::Record { fields, .. } = &of.types[usize::from(record)] else { return unlisted() };
    let value = |(field, decl): (&tiderace_program::RecordField, &tiderace_program::ParamDecl)| {
        let given = named.iter().find(|(name, _)| *name == field.name).map(|(_, value)| Arg::Int(*value));
        given.or(decl.default.map(Arg::from)).unwrap_or(Arg::Int(0))
    };
    let values = fields.iter().zip(&of.param_decls).map(value).collect();
    let mut params = Vec::new();
    of.pack(Type::Table(record), &Arg::List(values), &mut params).expect("parameters of their types");
    let part = Fraction::new(200_000_000);
    let terms = PayoffTerms {
        instrument: InstrumentId(0),
        first: Ts::ZERO,
        interval_ns: 0,
        vol: Amount::new(500_000_000_000),
        vol_shock: part,
        price_shock: part,
        maintenance: Fraction::ONE,
        paths: 64,
        seed: 1,
    };
    ListPayoff { terms, times: (1..=times).map(|hour| Ts::new(hour * HOUR_NS)).collect(), params, form }
}

fn unlisted() -> ListPayoff {
    unreachable!("the shipped programs have parameters")
}

fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "tests/programs/payoffs".into());
    let cases: [(&str, &[(&str, i128)], i64); 4] = [
        ("call_spread", &[("low", 10_000), ("high", 12_000), ("payout_max", 2_000)], 0),
        ("range_accrual", &[("low", 9_000), ("high", 11_000), ("coupon", 5), ("flow_max", 5)], 8),
        ("asian", &[("strike", 10_000), ("payout_max", 9_000)], 8),
        ("unruly", &[("limit", 11_000), ("payout_max", 20_000), ("flow_max", 10)], 1),
    ];
    for (name, named, times) in cases {
        let text = std::fs::read_to_string(format!("{folder}/{name}.hex")).expect("a form");
        let bytes = text.trim().as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or("x"));
        let form: Vec<u8> = bytes.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect();
        let mut clearing = Clearing::new(config()).expect("a venue");
        let began = Instant::now();
        clearing.list_payoff(&listing(form, named, times)).expect("it is listed");
        let listed = began.elapsed();
        let began = Instant::now();
        for update in 0..UPDATES {
            let price = 9_900 + i128::from(update % 100);
            clearing.set_index(AssetId(0), Amount::new(price * 10_000_000_000)).expect("a price");
        }
        let each = began.elapsed() / UPDATES;
        println!("{name}: listed in {listed:?}, an index update {each:?}, digest {:02x?}", &clearing.digest()[..4]);
    }
}
