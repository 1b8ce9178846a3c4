//! The bytes of the venue's records. A sample's numbers count up from byte to byte, so a field that moved or grew shows;
//! letters and flags are those of the table below, by the field's name.

use tiderace_types::layout::Column;
use tiderace_types::venue::{
    CONDITION_FORM_MAX, CONDITION_PARAMS_MAX, CONDITION_READS_MAX, Command, Event, ListPayoff, MassQuote, NewOrder,
    PAYOFF_FORM_MAX, PAYOFF_PARAMS_MAX, PAYOFF_TIMES_MAX, PayoffTerms, QUOTE_ENTRIES_MAX, QuoteEntry,
    SURFACE_FORWARDS_MAX, SURFACE_VOLS_MAX, Single, SubmitConditional, SurfaceForward, SurfacePublished, SurfaceVol,
};
use tiderace_types::venue_data::MarketData;
use tiderace_types::{
    AccountId, Amount, AssetId, ClOrdId, DecodeError, Fraction, InstrumentId, Layout, Price, Qty, Side, Ts,
};

type Row = (u16, &'static str, &'static [(&'static str, Column)]);

const LETTERS: &[(&str, u8)] = &[
    ("side", b'2'),
    ("ord_type", b'4'),
    ("time_in_force", b'B'),
    ("post_only", b'2'),
    ("self_trade_prevention", b'T'),
    ("trigger", b'M'),
    ("peg_to", b'5'),
    ("state", b'V'),
    ("scope", b'A'),
    ("exec_type", b'F'),
    ("ord_status", b'1'),
    ("aggressor", b'2'),
    ("surplus_side", b'1'),
    ("kind", b'A'),
    ("fields", 0x15),
    ("limit", 7),
    ("layer", 3),
    ("entry", 2),
    ("trap", 7),
    ("what", 3),
];

fn field(name: &str, column: Column, at: u8) -> Vec<u8> {
    let count = |len: u8| (0..len).map(|byte| (at + byte) % 0x7f).collect();
    match column {
        Column::Bool => vec![1],
        Column::U8 => vec![LETTERS.iter().find(|row| row.0 == name).unwrap_or_else(|| panic!("{name}")).1],
        Column::U16 if name == "reason" => 4008u16.to_le_bytes().to_vec(),
        Column::U16 => count(2),
        Column::U32 => count(4),
        Column::U64 | Column::I64 => count(8),
        Column::I128 | Column::Tags => count(16),
    }
}

fn sample(row: &Row) -> (String, Vec<u8>) {
    let (mut line, mut bytes) = (format!("{} {}", row.0, row.1), Vec::new());
    for (name, column) in row.2 {
        let value = field(name, *column, u8::try_from(bytes.len() % 0x70).unwrap());
        line += " ";
        line.extend(value.iter().map(|byte| format!("{byte:02x}")));
        bytes.extend(value);
    }
    (line + "\n", bytes)
}

fn tables() -> impl Iterator<Item = &'static Row> {
    Single::TABLE.iter().chain(Event::TABLE).chain(MarketData::TABLE)
}

/// Decodes and encodes again.
fn again(kind: u16, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::new();
    if kind < 300 {
        Command::decode(kind, bytes)?.encode(&mut out);
    } else if kind < 320 || kind > 340 {
        Event::decode(kind, bytes)?.encode(&mut out);
    } else {
        MarketData::decode(kind, bytes)?.encode(&mut out);
    }
    Ok(out)
}

#[test]
fn venue_records_have_their_golden_bytes() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/venue_v1.hex");
    let lines: String = tables().map(|row| sample(row).0).collect();
    if std::env::var_os("TIDERACE_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &lines).unwrap();
    }
    assert_eq!(lines, std::fs::read_to_string(path).unwrap());
    for row in tables() {
        let (_, bytes) = sample(row);
        assert_eq!(again(row.0, &bytes).as_ref(), Ok(&bytes), "{}", row.1);
    }
}

#[test]
fn a_venue_record_of_another_length_is_refused() {
    for row in tables() {
        let (_, bytes) = sample(row);
        for len in (0..bytes.len() + 8).filter(|len| *len != bytes.len()) {
            let mut cut = bytes.clone();
            cut.resize(len, 0);
            assert!(again(row.0, &cut).is_err(), "{} of {len} bytes", row.1);
        }
    }
}

#[test]
fn a_mass_quote_survives_its_bytes_and_is_bounded() {
    let entry = QuoteEntry {
        instrument: InstrumentId(0x0302),
        bid_px: Price::new(-5),
        bid_qty: Qty::new(7).unwrap(),
        ask_px: Price::new(11),
        ask_qty: Qty::ZERO,
    };
    let quote = |len| MassQuote {
        account: AccountId(9),
        quote_id: ClOrdId(0x0807_0605_0403_0201),
        mmp_group: 3,
        entries: vec![entry; len],
    };
    for len in [0, 1, 2, QUOTE_ENTRIES_MAX] {
        let (command, mut bytes) = (Command::from(quote(len)), Vec::new());
        command.encode(&mut bytes);
        assert_eq!(Command::decode(MassQuote::KIND, &bytes), Ok(command));
        assert!(Command::decode(MassQuote::KIND, &bytes[..bytes.len() - 1]).is_err());
    }
    let mut bytes = Vec::new();
    Command::from(quote(QUOTE_ENTRIES_MAX + 1)).encode(&mut bytes);
    assert!(Command::decode(MassQuote::KIND, &bytes).is_err());
}

#[test]
fn a_payoff_survives_its_bytes_and_is_bounded() {
    let terms = PayoffTerms {
        instrument: InstrumentId(0x0302),
        first: Ts::new(0x0102_0304_0506_0708),
        interval_ns: 60_000_000_000,
        vol: Amount::new(600_000_000_000),
        vol_shock: Fraction::new(3),
        price_shock: Fraction::new(4),
        maintenance: Fraction::ONE,
        paths: 64,
        seed: 9,
    };
    let payoff = |times, params, form| ListPayoff {
        terms,
        times: vec![Ts::new(5); times],
        params: vec![6; params],
        form: vec![7; form],
    };
    let most = (PAYOFF_TIMES_MAX, PAYOFF_PARAMS_MAX, PAYOFF_FORM_MAX);
    for (times, params, form) in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (2, 3, 4), most] {
        let (command, mut bytes) = (Command::from(payoff(times, params, form)), Vec::new());
        command.encode(&mut bytes);
        assert_eq!(Command::decode(ListPayoff::KIND, &bytes), Ok(command));
        let head = bytes.len() - form;
        assert!(Command::decode(ListPayoff::KIND, &bytes[..head.saturating_sub(1)]).is_err());
    }
    for (times, params, form) in [(most.0 + 1, 0, 0), (0, most.1 + 1, 0), (0, 0, most.2 + 1)] {
        let mut bytes = Vec::new();
        assert!(!payoff(times, params, form).is_within_bounds());
        Command::from(payoff(times, params, form)).encode(&mut bytes);
        assert!(Command::decode(ListPayoff::KIND, &bytes).is_err());
    }
}

#[test]
fn a_conditional_order_survives_its_bytes_and_is_bounded() {
    let (at, qty) = (InstrumentId(0x0302), Qty::new(7).unwrap());
    let order = NewOrder::limit(AccountId(9), at, ClOrdId(0x0807_0605), Side::Sell, Price::new(11), qty);
    let conditional = |reads, params, form| SubmitConditional {
        order,
        expire_time: Ts::new(0x0102_0304_0506_0708),
        interval_ns: 60_000_000_000,
        reads: vec![at; reads],
        params: vec![6; params],
        form: vec![7; form],
    };
    let most = (CONDITION_READS_MAX, CONDITION_PARAMS_MAX, CONDITION_FORM_MAX);
    for (reads, params, form) in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (2, 3, 4), most] {
        let (command, mut bytes) = (Command::from(conditional(reads, params, form)), Vec::new());
        command.encode(&mut bytes);
        assert_eq!(bytes.len(), NewOrder::LEN + 19 + 2 * reads + params + form);
        assert_eq!(Command::decode(SubmitConditional::KIND, &bytes), Ok(command));
        let head = bytes.len() - form;
        assert!(Command::decode(SubmitConditional::KIND, &bytes[..head.saturating_sub(1)]).is_err());
    }
    for (reads, params, form) in [(most.0 + 1, 0, 0), (0, most.1 + 1, 0), (0, 0, most.2 + 1)] {
        let mut bytes = Vec::new();
        assert!(!conditional(reads, params, form).is_within_bounds());
        Command::from(conditional(reads, params, form)).encode(&mut bytes);
        assert!(Command::decode(SubmitConditional::KIND, &bytes).is_err());
    }
}

#[test]
fn a_surface_survives_its_bytes_and_is_bounded() {
    let forward = SurfaceForward {
        maturity: Ts::new(0x0102_0304_0506_0708),
        forward: Amount::new(7),
        discount: Amount::new(8),
        rate: Amount::new(-9),
    };
    let vol = SurfaceVol { instrument: InstrumentId(0x0302), vol: Amount::new(11) };
    let surface = |forwards, vols| SurfacePublished {
        base: AssetId(1),
        version: 0x0807_0605_0403_0201,
        forwards: vec![forward; forwards],
        vols: vec![vol; vols],
    };
    for (forwards, vols) in [(0, 0), (1, 0), (0, 1), (2, 3), (SURFACE_FORWARDS_MAX, SURFACE_VOLS_MAX)] {
        let (command, mut bytes) = (Command::from(surface(forwards, vols)), Vec::new());
        command.encode(&mut bytes);
        assert_eq!(Command::decode(SurfacePublished::KIND, &bytes), Ok(command));
        assert!(Command::decode(SurfacePublished::KIND, &bytes[..bytes.len() - 1]).is_err());
    }
    for (forwards, vols) in [(SURFACE_FORWARDS_MAX + 1, 0), (0, SURFACE_VOLS_MAX + 1)] {
        let mut bytes = Vec::new();
        Command::from(surface(forwards, vols)).encode(&mut bytes);
        assert!(Command::decode(SurfacePublished::KIND, &bytes).is_err());
    }
}
