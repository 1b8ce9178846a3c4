//! The bytes of every record, which later builds and other languages must go on reading. One line a record in
//! `tests/golden`: kind, name, then the fields' bytes in hex.

mod samples;

use proptest::prelude::*;
use tiderace_types::input::{FORM_BYTES_MAX, LoadAlgo, PARAMS_BYTES_MAX, SurfaceTaken};
use tiderace_types::layout::Column;
use tiderace_types::{DecodeError, Input, MarketEvent, Output};

type Table = &'static [(u16, &'static str, &'static [(&'static str, Column)])];

fn path(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name)
}

const fn width(column: Column) -> usize {
    match column {
        Column::U8 | Column::Bool => 1,
        Column::U16 => 2,
        Column::U32 => 4,
        Column::U64 | Column::I64 => 8,
        Column::I128 | Column::Tags => 16,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// A record as its line.
fn line(kind: u16, name: &str, fields: &[(&str, Column)], bytes: &[u8]) -> String {
    let mut rest = bytes;
    let mut line = format!("{kind} {name}");
    for (_, column) in fields {
        let (field, tail) = rest.split_at(width(*column));
        line += &format!(" {}", hex(field));
        rest = tail;
    }
    assert!(rest.is_empty(), "{name}: the fields are the record");
    line
}

fn lines<T>(table: Table, samples: &[T], kind: fn(&T) -> u16, encode: fn(&T, &mut Vec<u8>)) -> String {
    let is_fixed = |sample: &&T| table.iter().any(|row| row.0 == kind(sample));
    let samples: Vec<&T> = samples.iter().filter(is_fixed).collect();
    assert_eq!(
        samples.iter().map(|it| kind(it)).collect::<Vec<_>>(),
        table.iter().map(|row| row.0).collect::<Vec<_>>()
    );
    let rows = samples.into_iter().zip(table).map(|(sample, (kind, name, fields))| {
        let mut bytes = Vec::new();
        encode(sample, &mut bytes);
        line(*kind, name, fields, &bytes) + "\n"
    });
    rows.collect()
}

fn input_lines() -> String {
    let mut bytes = Vec::new();
    samples::load_algo().encode(&mut bytes);
    let mut surface = Vec::new();
    samples::surface_taken().encode(&mut surface);
    let varying = format!("20 LoadAlgo {}\n21 SurfaceTaken {}\n", hex(&bytes), hex(&surface));
    lines(Input::TABLE, &samples::inputs(), Input::kind, Input::encode) + &varying
}

fn output_lines() -> String {
    lines(Output::TABLE, &samples::outputs(), Output::kind, Output::encode)
}

fn market_lines() -> String {
    let line = |event: &MarketEvent| {
        let parts: Vec<String> = event.to_bytes().chunks(8).map(hex).collect();
        format!("{} {:?} {}\n", event.kind.to_u8(), event.kind, parts.join(" "))
    };
    samples::market_events().iter().map(line).collect()
}

/// Kind and bytes of each line of a golden file.
fn golden(name: &str) -> Vec<(u16, Vec<u8>)> {
    let text = std::fs::read_to_string(path(name)).unwrap();
    let row = |line: &str| {
        let (kind, rest) = line.split_once(' ').unwrap();
        let (_, fields) = rest.split_once(' ').unwrap();
        (kind.parse().unwrap(), unhex(&fields.replace(' ', "")))
    };
    text.lines().map(row).collect()
}

#[test]
fn records_encode_to_their_golden_bytes() {
    let read = |name| std::fs::read_to_string(path(name)).unwrap();
    assert_eq!(input_lines(), read("inputs_v1.hex"));
    assert_eq!(output_lines(), read("outputs_v1.hex"));
    assert_eq!(market_lines(), read("market_v1.hex"));
}

#[test]
fn golden_bytes_decode_to_their_records() {
    let decode = |(kind, bytes): (u16, Vec<u8>)| Input::decode(kind, &bytes).unwrap();
    assert_eq!(golden("inputs_v1.hex").into_iter().map(decode).collect::<Vec<_>>(), samples::inputs());
    let decode = |(kind, bytes): (u16, Vec<u8>)| Output::decode(kind, &bytes).unwrap();
    assert_eq!(golden("outputs_v1.hex").into_iter().map(decode).collect::<Vec<_>>(), samples::outputs());
    let decode = |(_, bytes): (u16, Vec<u8>)| MarketEvent::from_bytes(bytes.as_slice().try_into().unwrap()).unwrap();
    assert_eq!(golden("market_v1.hex").into_iter().map(decode).collect::<Vec<_>>(), samples::market_events());
}

#[test]
fn every_shorter_or_longer_record_is_refused() {
    let is_wrong = |error, kind, wanted, got| error == DecodeError::WrongLength { kind, wanted, got };
    for (file, is_input) in [("inputs_v1.hex", true), ("outputs_v1.hex", false)] {
        // A surface that ends after any of its vols is one with fewer.
        for (kind, bytes) in golden(file).into_iter().filter(|(kind, _)| *kind != SurfaceTaken::KIND) {
            let whole = bytes.len();
            for len in (0..=whole + 16).filter(|len| *len != whole) {
                let mut cut = bytes.clone();
                cut.resize(len, 0);
                let error = if is_input {
                    Input::decode(kind, &cut).unwrap_err()
                } else {
                    Output::decode(kind, &cut).unwrap_err()
                };
                // What ends before it says how long it is cannot be told its length.
                let is_told = kind != LoadAlgo::KIND || len >= whole - 2;
                if !is_told {
                    continue;
                }
                assert!(is_wrong(error, kind, whole, len), "kind {kind}, {len} bytes: {error}");
            }
        }
    }
}

/// Kinds are in journals for ever: this table only grows.
#[test]
fn kinds_are_never_renumbered() {
    let of = |table: Table| table.iter().map(|(kind, name, _)| format!("{kind} {name}")).collect::<Vec<_>>();
    let inputs = [
        "2 MarketData",
        "3 SubmitParent",
        "4 CancelParent",
        "5 PauseParent",
        "6 ResumeParent",
        "7 SubmitOrder",
        "8 ReplaceOrder",
        "9 CancelOrder",
        "10 CancelAll",
        "11 Kill",
        "12 EnableStrategy",
        "13 ClearBreak",
        "14 ExecutionReport",
        "15 CancelReject",
        "16 Timer",
        "17 SetTimer",
        "18 BalanceSet",
        "19 End",
    ];
    let outputs = [
        "101 OrderSent",
        "102 CancelSent",
        "103 ReplaceSent",
        "104 StatusRequested",
        "105 OrderUpdated",
        "106 FillBooked",
        "107 Refused",
        "108 ParentUpdated",
        "109 SliceStarted",
        "110 ArrivalTaken",
        "111 VenueSkipped",
        "112 BookChanged",
        "113 BreakRaised",
        "114 BreakCleared",
        "115 KillChanged",
        "116 StrategyEnabled",
        "117 TimerFired",
        "118 ProgramStopped",
        "119 ProgramNoted",
    ];
    assert_eq!(of(Input::TABLE), inputs);
    assert_eq!((LoadAlgo::KIND, SurfaceTaken::KIND), (20, 21));
    assert_eq!(of(Output::TABLE), outputs);
}

#[test]
fn an_algorithm_beyond_its_bounds_is_refused() {
    let with = |form, params| LoadAlgo { algo: 1, form: vec![7; form], params: vec![8; params] };
    let back = |load: &LoadAlgo| {
        let mut bytes = Vec::new();
        load.encode(&mut bytes);
        LoadAlgo::decode(&bytes)
    };
    let largest = with(FORM_BYTES_MAX, PARAMS_BYTES_MAX);
    assert_eq!(back(&largest), Ok(largest));
    assert!(back(&with(FORM_BYTES_MAX + 1, 0)).is_err());
    assert!(back(&with(0, PARAMS_BYTES_MAX + 1)).is_err());
}

#[test]
fn a_market_record_has_48_bytes_in_memory_and_on_disk() {
    assert_eq!(MarketEvent::LEN, 48);
    assert_eq!(size_of::<MarketEvent>(), 48);
    let good = samples::market_events()[0].to_bytes();
    for at in 44..48 {
        let mut bad = good;
        bad[at] = 1;
        assert_eq!(MarketEvent::from_bytes(&bad), None, "padding byte {at} is zero");
    }
    for kind in (0..=u8::MAX).filter(|kind| !(1..=7).contains(kind)) {
        let mut bad = good;
        bad[42] = kind;
        assert_eq!(MarketEvent::from_bytes(&bad), None, "kind {kind} is unknown");
    }
}

proptest! {
    /// What decodes at all encodes to the same bytes: nothing is read and lost.
    #[test]
    fn any_bytes_decode_to_what_encodes_back_or_are_refused(
        kind in prop_oneof![0_u16..25, 100_u16..120, any::<u16>()],
        bytes in prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(b'1'), any::<u8>()], 0..220),
    ) {
        let len = Input::TABLE.iter().chain(Output::TABLE).find(|row| row.0 == kind);
        let len = len.map_or(bytes.len(), |row| row.2.iter().map(|field| width(field.1)).sum());
        let mut fitted = bytes.clone();
        fitted.resize(len, 0);
        for bytes in [bytes, fitted] {
            let mut back = Vec::new();
            if let Ok(input) = Input::decode(kind, &bytes) {
                input.encode(&mut back);
                prop_assert_eq!(&back, &bytes);
            }
            back.clear();
            if let Ok(output) = Output::decode(kind, &bytes) {
                output.encode(&mut back);
                prop_assert_eq!(&back, &bytes);
            }
        }
    }

    #[test]
    fn any_48_bytes_are_a_market_record_that_encodes_back_or_are_refused(mut bytes in any::<[u8; 48]>(), kind in 0_u8..9) {
        bytes[42] = kind;
        bytes[44..].fill(0);
        match MarketEvent::from_bytes(&bytes) {
            Some(event) => prop_assert_eq!(event.to_bytes(), bytes),
            None => prop_assert!(!(1..=7).contains(&kind)),
        }
    }

    /// A golden record with one byte changed is another record or is refused, and never the same.
    #[test]
    fn a_changed_byte_changes_the_record(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        for (sample, (kind, bytes)) in samples::inputs().into_iter().zip(golden("inputs_v1.hex")) {
            let mut changed = bytes.clone();
            let at = at.index(bytes.len());
            changed[at] = to;
            prop_assert_eq!(Input::decode(kind, &changed) == Ok(sample), changed == bytes);
        }
    }
}
