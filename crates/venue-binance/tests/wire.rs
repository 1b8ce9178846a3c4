//! The decoder of single messages: what it reads, what it refuses, and that JSON read slowly says the same.

mod known;

use proptest::prelude::*;
use serde_json::Value;
use tiderace_types::{Instrument, Price, Side, decimal};
use tiderace_venue_binance::sequence::Diff;
use tiderace_venue_binance::wire::{Body, Level, Message};
use tiderace_venue_binance::{Market, Wire, WireError, WireErrorKind};

const SPOT_DEPTH: &str = r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":50093239189,"u":50093239202,"b":[["61737.63000000","0.00000000"],["56854.58000000","1.50000000"]],"a":[["61837.64000000","1.54698000"]]}}"#;
const SPOT_QUOTE: &str = r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#;
const SPOT_TRADE: &str = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}"#;
const SPOT_SNAPSHOT: &str = r#"{"lastUpdateId":50093239218,"bids":[["61837.63000000","3.78826000"]],"asks":[["61837.64000000","1.00000000"],["61840.00000000","0.00100000"]]}"#;
const USDM_DEPTH: &str = r#"{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1723161256299,"T":1723161256298,"s":"BTCUSDT","U":5123107832006,"u":5123107837557,"pu":5123107831937,"b":[["58710.20","0.014"]],"a":[]}}"#;
const USDM_TRADE: &str = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256322,"T":1723161256321,"s":"BTCUSDT","t":5266583935,"p":"61800.30","q":"0.006","X":"MARKET","m":false}}"#;
const COINM_QUOTE: &str = r#"{"stream":"btcusd_perp@bookTicker","data":{"u":1007198632021,"e":"bookTicker","s":"BTCUSD_PERP","ps":"BTCUSD","b":"61804.7","B":"35","a":"61804.8","A":"1645","T":1723161257465,"E":1723161257476}}"#;
const COINM_SNAPSHOT: &str = r#"{"lastUpdateId":1007198635033,"E":1723161257835,"T":1723161257823,"symbol":"BTCUSD_PERP","pair":"BTCUSD","bids":[["61804.7","35"]],"asks":[["61804.8","1600"]]}"#;

const SAMPLES: [(Market, &str); 8] = [
    (Market::Spot, SPOT_DEPTH),
    (Market::Spot, SPOT_QUOTE),
    (Market::Spot, SPOT_TRADE),
    (Market::Spot, SPOT_SNAPSHOT),
    (Market::UsdM, USDM_DEPTH),
    (Market::UsdM, USDM_TRADE),
    (Market::CoinM, COINM_QUOTE),
    (Market::CoinM, COINM_SNAPSHOT),
];

fn instrument(market: Market) -> Instrument {
    match market {
        Market::Spot => known::spot(),
        Market::UsdM => known::usdm(),
        Market::CoinM => known::coinm(),
    }
}

fn decode(market: Market, text: &str) -> Result<(Message, Vec<Level>), WireError> {
    let mut wire = Wire::new(market, &instrument(market));
    wire.message(text.as_bytes()).map(|message| (message, wire.levels().to_vec()))
}

fn level(ticks: i64, qty_e8: i64, side: Side) -> Level {
    Level { price: Price::new(ticks), qty_e8, side }
}

fn kind(market: Market, text: &str) -> WireErrorKind {
    decode(market, text).unwrap_err().kind
}

#[test]
fn depth_becomes_ids_and_levels_in_ticks() {
    let (message, levels) = decode(Market::Spot, SPOT_DEPTH).unwrap();
    assert_eq!(message.body, Body::Depth(Diff { first: 50_093_239_189, last: 50_093_239_202, prev: None }));
    assert_eq!(message.ts_exchange_ns, Some(1_723_161_255_208_000_000));
    let wanted = [
        level(6_173_763, 0, Side::Buy),
        level(5_685_458, 150_000_000, Side::Buy),
        level(6_183_764, 154_698_000, Side::Sell),
    ];
    assert_eq!(levels, wanted);
    let (message, levels) = decode(Market::UsdM, USDM_DEPTH).unwrap();
    assert_eq!(levels, [level(587_102, 1_400_000, Side::Buy)]);
    assert!(matches!(message.body, Body::Depth(Diff { prev: Some(5_123_107_831_937), .. })));
    assert_eq!(message.ts_exchange_ns, Some(1_723_161_256_298_000_000), "T is preferred");
    assert_eq!(message.ts_sent_ns, Some(1_723_161_256_299_000_000), "E is when it was sent");
}

#[test]
fn quotes_trades_and_snapshots_are_read_in_all_markets() {
    let (message, _) = decode(Market::Spot, SPOT_QUOTE).unwrap();
    let (bid, ask) = (level(6_183_763, 378_826_000, Side::Buy), level(6_183_764, 154_698_000, Side::Sell));
    assert_eq!(message.body, Body::Quote { id: 50_093_239_212, bid, ask });
    assert_eq!(message.ts_exchange_ns, None);
    let (message, _) = decode(Market::Spot, SPOT_TRADE).unwrap();
    let trade = level(6_183_763, 2_000_000, Side::Sell);
    assert_eq!(message.body, Body::Trade { id: 3_735_683_259, trade, is_in_book: true }, "the buyer was the maker");
    let (message, levels) = decode(Market::CoinM, COINM_SNAPSHOT).unwrap();
    assert_eq!(message.body, Body::Snapshot { last: 1_007_198_635_033 });
    assert_eq!(levels, [level(618_047, 3_500_000_000, Side::Buy), level(618_048, 160_000_000_000, Side::Sell)]);
}

#[test]
fn keys_come_in_any_order_and_unknown_ones_nest() {
    let shuffled = r#" { "zz" : {"a":[1,{"b":[-1.5e3,null,true,"x\"\u00e9"]}]} , "data":{"a":[ ["61837.64" , "1.5", []] ],"b":[],
        "u":20,"extra":[[[]]],"U":10,"s":"BTCUSDT","e":"depthUpdate"}}"#;
    let (message, levels) = decode(Market::Spot, shuffled).unwrap();
    assert_eq!(message.body, Body::Depth(Diff { first: 10, last: 20, prev: None }));
    assert_eq!(levels, [level(6_183_764, 150_000_000, Side::Sell)]);
}

#[test]
fn what_is_not_for_us_is_ignored() {
    for text in [
        r#"{"result":null,"id":1}"#,
        r#"{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":1,"o":"1"}}}"#,
        r#"{"e":"24hrTicker","E":1,"s":"BTCUSDT","p":"-12.5","b":"1","a":"2"}"#,
        &SPOT_TRADE.replace("\"BTCUSDT\"", "\"ETHUSDT\""),
        "{}",
    ] {
        assert_eq!(decode(Market::Spot, text).unwrap().0.body, Body::Ignored, "{text}");
    }
    let (message, _) = decode(Market::UsdM, &USDM_TRADE.replace("MARKET", "INSURANCE_FUND")).unwrap();
    assert!(matches!(message.body, Body::Trade { is_in_book: false, .. }));
}

#[test]
fn off_lot_is_counted_and_off_tick_refused() {
    let (message, levels) = decode(Market::Spot, &SPOT_DEPTH.replace("1.54698000", "1.54698001")).unwrap();
    assert_eq!((message.off_lot, levels[2].qty_e8), (1, 154_698_001));
    let off_tick = SPOT_DEPTH.replace("61837.64000000", "61837.64500000");
    assert_eq!(kind(Market::Spot, &off_tick), WireErrorKind::OffTick { is_level: true });
    let off_tick = SPOT_TRADE.replace("61837.63000000", "61837.63500000");
    assert_eq!(kind(Market::Spot, &off_tick), WireErrorKind::OffTick { is_level: false });
}

#[test]
fn what_is_malformed_is_refused_with_its_reason_and_byte() {
    let depth = |from: &str, to: &str| kind(Market::Spot, &SPOT_DEPTH.replacen(from, to, 1));
    assert_eq!(depth("\"u\":50093239202,", ""), WireErrorKind::Missing("u"));
    assert_eq!(depth("50093239202", "1.5"), WireErrorKind::BadNumber);
    assert_eq!(depth("50093239202", "9999999999999999999"), WireErrorKind::TooLarge);
    assert_eq!(depth("50093239202", "nil"), WireErrorKind::BadValue);
    assert_eq!(depth("\"U\"", "\"u\""), WireErrorKind::Duplicate);
    assert_eq!(depth("1.54698000", "1.546980001"), WireErrorKind::TooFine);
    assert_eq!(depth("1.54698000", "99999999999999.0"), WireErrorKind::TooLarge);
    assert_eq!(depth("BTCUSDT", "BTC\\qUSDT"), WireErrorKind::BadString);
    assert_eq!(depth("}}", "}}x"), WireErrorKind::Trailing);
    assert_eq!(depth("]]", "]"), WireErrorKind::Expected('['));
    for text in ["-1.0", "1e3", ".5", "5.", "", "+1", "1 "] {
        assert_eq!(depth("1.54698000", text), WireErrorKind::NotDecimal, "{text}");
    }
    let empty = SPOT_SNAPSHOT.replace(r#"[["61837.63000000","3.78826000"]]"#, "[]");
    assert_eq!(kind(Market::Spot, &empty), WireErrorKind::EmptySide);
    assert_eq!(kind(Market::UsdM, &USDM_DEPTH.replace("\"pu\":5123107831937,", "")), WireErrorKind::Missing("pu"));
    assert_eq!(kind(Market::Spot, &format!("{{\"x\":{}", "[".repeat(100))), WireErrorKind::TooDeep);
    let error = decode(Market::Spot, &SPOT_DEPTH[..100]).unwrap_err();
    assert_eq!(error, WireError { offset: 100, kind: WireErrorKind::Ended });
    assert_eq!(error.to_string(), "byte 100: the message ends too early");
}

#[test]
fn every_cut_of_a_message_is_refused_as_ended() {
    for (market, text) in SAMPLES {
        for cut in 0..text.len() {
            assert_eq!(kind(market, &text[..cut]), WireErrorKind::Ended, "{}", &text[..cut]);
        }
    }
}

/// The slow reading of a message: a JSON tree, then exact decimals.
fn slow_levels(data: &Value, names: [&str; 2], instrument: &Instrument) -> Option<Vec<Level>> {
    let mut levels = Vec::new();
    for (name, side) in names.into_iter().zip([Side::Buy, Side::Sell]) {
        for pair in data.get(name)?.as_array()? {
            let price = instrument.parse_price(pair.get(0)?.as_str()?).ok()?;
            let qty_e8 = decimal::parse(pair.get(1)?.as_str()?, 8).ok()?.try_into().ok()?;
            levels.push(Level { price, qty_e8, side });
        }
    }
    levels.sort_by_key(|level| level.side);
    Some(levels)
}

fn assert_slow_agrees(market: Market, bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut wire = Wire::new(market, &instrument(market));
    let Ok(message) = wire.message(bytes) else { return Ok(()) };
    // Lone surrogates and bytes that are no UTF-8 pass unseen here inside unknown strings: we read no such string.
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
    let parsed = serde_json::from_str::<Value>(text);
    // Nor do we read numbers that no float holds, which that reader refuses.
    let is_excused = |error: &serde_json::Error| text.contains("\\u") || error.to_string().contains("out of range");
    prop_assert!(parsed.as_ref().err().is_none_or(is_excused), "accepted what is no JSON: {text}");
    let Ok(tree) = parsed else { return Ok(()) };
    let data = tree.get("data").filter(|data| data.is_object()).unwrap_or(&tree);
    let id = |name: &str| data.get(name).or(tree.get(name)).and_then(Value::as_u64);
    let mut levels = wire.levels().to_vec();
    levels.sort_by_key(|level| level.side);
    match message.body {
        Body::Depth(diff) => {
            prop_assert_eq!((Some(diff.first), Some(diff.last)), (id("U"), id("u")));
            prop_assert_eq!(Some(levels), slow_levels(data, ["b", "a"], &instrument(market)));
        }
        Body::Snapshot { last } => {
            prop_assert_eq!(Some(last), id("lastUpdateId"));
            prop_assert_eq!(Some(levels), slow_levels(&tree, ["bids", "asks"], &instrument(market)));
        }
        Body::Quote { id: update, bid, .. } => {
            prop_assert_eq!(Some(update), id("u"));
            let price = data.get("b").and_then(Value::as_str).and_then(|t| instrument(market).parse_price(t).ok());
            prop_assert_eq!(Some(bid.price), price);
        }
        Body::Trade { id: trade, .. } => prop_assert_eq!(Some(trade), id("t")),
        Body::Ignored => {}
    }
    Ok(())
}

#[test]
fn the_slow_reading_agrees_on_every_sample() {
    for (market, text) in SAMPLES {
        assert!(decode(market, text).is_ok());
        assert_slow_agrees(market, text.as_bytes()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_message_is_read_as_json_reads_it_or_refused(
        sample in 0..SAMPLES.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4u8, prop_oneof![
            prop::sample::select(b"{}[]\",:.0159-eEtu\\ n".to_vec()), any::<u8>()]), 1..4),
    ) {
        let (market, text) = SAMPLES[sample];
        let mut bytes = text.as_bytes().to_vec();
        for (at, edit, byte) in edits {
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => { let copy = bytes[at..(at + 12).min(bytes.len())].to_vec(); bytes.splice(at..at, copy); }
            }
        }
        assert_slow_agrees(market, &bytes)?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for market in [Market::Spot, Market::UsdM, Market::CoinM] {
            let _ = Wire::new(market, &instrument(market)).message(&bytes);
        }
    }

    #[test]
    fn decimals_are_exact(whole in 0u64..100_000_000, fraction in 0u32..100_000_000, digits in 1usize..=8) {
        let fraction = format!("{fraction:08}");
        let text = format!("{whole}.{}", &fraction[..digits]);
        let line = SPOT_TRADE.replace("0.02000000", &text);
        let Body::Trade { trade, .. } = decode(Market::Spot, &line).unwrap().0.body else { panic!("a trade") };
        prop_assert_eq!(i128::from(trade.qty_e8), decimal::parse(&text, 8).unwrap());
    }

    #[test]
    fn prices_are_whole_ticks_or_refused(tick in 1i64..2_000_000_000_000, value in 0u64..100_000_000, digits in 1usize..=8) {
        let mut instrument = known::spot();
        instrument.tick_size = tick;
        let text = format!("{}.{:0digits$}", value / 1000, value % 10);
        let line = SPOT_TRADE.replace("61837.63000000", &text);
        let decoded = Wire::new(Market::Spot, &instrument).message(line.as_bytes());
        match (decoded, instrument.parse_price(&text)) {
            (Ok(Message { body: Body::Trade { trade, .. }, .. }), Ok(price)) => prop_assert_eq!(trade.price, price),
            (Err(error), Err(_)) => prop_assert_eq!(error.kind, WireErrorKind::OffTick { is_level: false }),
            other => prop_assert!(false, "{text} by {tick}: {other:?}"),
        }
    }
}
