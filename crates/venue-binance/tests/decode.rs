//! Whole recordings made by hand: sequence, gaps, snapshots, and files that are refused.

mod known;

use tiderace_feed::RecordingError;
use tiderace_types::{Instrument, MarketEvent, MarketKind};
use tiderace_venue_binance::{Decoded, Market, decode_all, read};

fn depth(first: u64, last: u64) -> String {
    format!(
        r#"{{"e":"depthUpdate","E":1000,"s":"BTCUSDT","U":{first},"u":{last},"b":[["100.00","1.0"]],"a":[["101.00","{last}"]]}}"#
    )
}

fn snapshot(last: u64) -> String {
    format!(r#"{{"lastUpdateId":{last},"bids":[["100.00","1"],["99.00","2"]],"asks":[["101.00","1"],["103.00","2"]]}}"#)
}

fn text(messages: &[String]) -> String {
    messages.iter().enumerate().map(|(i, message)| format!("{} {message}\n", 2_000_000_000 + i)).collect()
}

fn decode(messages: &[String]) -> Decoded {
    decode_all(&[("a", text(messages).as_bytes())], Market::Spot, &known::spot()).unwrap()
}

fn kinds(decoded: &Decoded) -> String {
    let letter = |event: &MarketEvent| match event.kind {
        MarketKind::Level if event.flags & MarketEvent::SNAPSHOT != 0 => 's',
        MarketKind::Level => 'l',
        MarketKind::Trade => 't',
        MarketKind::Best => 'b',
        MarketKind::Clear => 'C',
        MarketKind::Reach => 'R',
        MarketKind::Live => 'V',
        MarketKind::Gap => 'G',
    };
    let mark = |event: &MarketEvent| if event.is_last() { "." } else { "" };
    decoded.tape.events.iter().map(|event| format!("{}{}", letter(event), mark(event))).collect()
}

#[test]
fn diffs_before_the_snapshot_are_kept_and_applied_by_the_rule() {
    let decoded = decode(&[depth(1, 5), depth(6, 9), depth(10, 12), snapshot(8), depth(13, 13)]);
    assert_eq!(kinds(&decoded), "CssssRRllllV.ll.", "live only once it is up to date");
    assert_eq!(decoded.tape.events.iter().filter(|e| e.is_last()).map(|e| e.seq).collect::<Vec<_>>(), [12, 13]);
    assert_eq!((decoded.summary.depth, decoded.summary.gaps), (4, 0));
    let reach: Vec<_> = decoded.tape.events.iter().filter(|e| e.kind == MarketKind::Reach).collect();
    assert_eq!((reach[0].price.get(), reach[1].price.get()), (9_900, 10_300));
    assert_eq!((reach[0].flags & MarketEvent::ASK, reach[1].flags & MarketEvent::ASK), (0, MarketEvent::ASK));
}

#[test]
fn a_gap_is_marked_and_ends_with_the_next_snapshot() {
    let messages = [snapshot(8), depth(9, 9), depth(11, 12), depth(13, 14), snapshot(12), depth(15, 15)];
    let decoded = decode(&messages);
    assert_eq!(kinds(&decoded), "CssssRRV.ll.G.CssssRRllV.ll.");
    assert_eq!(decoded.summary.gaps, 1);
}

#[test]
fn a_snapshot_that_does_not_join_is_not_used() {
    let apart = decode(&[depth(20, 25), snapshot(8), depth(26, 27), snapshot(24)]);
    assert_eq!(kinds(&apart), "CssssRRllllV.");
    assert_eq!(apart.summary.snapshots_unused, 1);
    let older = decode(&[snapshot(8), depth(9, 20), snapshot(10), depth(21, 22)]);
    assert_eq!(kinds(&older), "CssssRRV.ll.ll.");
    assert_eq!((older.summary.snapshots_unused, older.summary.gaps), (1, 0));
}

#[test]
fn a_gap_among_the_kept_keeps_the_book_from_being_live() {
    let decoded = decode(&[depth(5, 9), depth(11, 12), snapshot(8), depth(13, 13), snapshot(12)]);
    assert_eq!(kinds(&decoded), "CssssRRllG.CssssRRllV.");
    assert_eq!(decoded.summary.gaps, 1);
}

#[test]
fn an_off_tick_level_makes_the_book_stale_and_an_off_tick_quote_does_not() {
    let off_tick = depth(9, 9).replace("100.00", "100.005");
    let decoded = decode(&[snapshot(8), off_tick, depth(10, 10), snapshot(9)]);
    assert_eq!(kinds(&decoded), "CssssRRV.G.CssssRRllV.");
    assert_eq!((decoded.summary.off_tick, decoded.summary.gaps, decoded.summary.unparsable), (1, 1, 0));
    let quote = r#"{"u":9,"s":"BTCUSDT","b":"100.005","B":"1","a":"101.00","A":"1"}"#.to_owned();
    let decoded = decode(&[snapshot(8), quote, depth(9, 9)]);
    assert_eq!(kinds(&decoded), "CssssRRV.ll.");
    assert_eq!((decoded.summary.off_tick, decoded.summary.gaps), (1, 0));
}

#[test]
fn a_line_not_understood_is_counted_and_its_loss_is_a_gap() {
    let decoded = decode(&[snapshot(8), "{\"e\":\"depthUpdate\"}".into(), depth(10, 10), depth(11, 11)]);
    assert_eq!(kinds(&decoded), "CssssRRV.G.");
    assert_eq!((decoded.summary.unparsable, decoded.summary.gaps), (1, 1));
    let fault = decoded.summary.first_error.unwrap().to_string();
    assert_eq!(fault, "a line 2, message byte 19: the field b is missing");
}

#[test]
fn files_of_a_recording_are_chained() {
    let first = text(&[snapshot(8), depth(9, 9)]);
    let second = text(&[depth(10, 10)]).replace("2000000000", "2000000002");
    let chained = decode_all(&[("a", first.as_bytes()), ("b", second.as_bytes())], Market::Spot, &known::spot());
    assert_eq!(kinds(&chained.unwrap()), "CssssRRV.ll.ll.");
    let swapped = decode_all(&[("b", second.as_bytes()), ("a", first.as_bytes())], Market::Spot, &known::spot());
    assert!(matches!(swapped, Err(RecordingError::OutOfOrder { .. })));
}

#[test]
fn a_file_that_ends_within_a_line_is_refused() {
    let whole = text(&[snapshot(8), depth(9, 9)]);
    let decode = |text: &str| decode_all(&[("a", text.as_bytes())], Market::Spot, &known::spot());
    assert!(decode(whole.trim_end()).is_ok(), "a whole message without its newline");
    let second = whole.find('\n').unwrap() + 1;
    for cut in second + 1..whole.len() - 1 {
        let error = decode(&whole[..cut]).unwrap_err();
        assert!(matches!(error, RecordingError::CutLine { line: 2, .. }), "{cut}: {error:?}");
    }
    let closed = format!("{}\n", &whole[..whole.len() - 9]);
    assert!(matches!(decode(&closed), Err(RecordingError::CutLine { line: 2, .. })));
    assert!(matches!(decode("x {}\n"), Err(RecordingError::BadLocalTime { line: 1, .. })));
    assert!(matches!(decode(""), Err(RecordingError::Empty { .. })));
}

#[test]
fn times_are_moved_by_the_smallest_offset_and_never_ahead_of_receipt() {
    let trade = |id: u64, sent: u64, done: u64| {
        format!(r#"{{"e":"trade","E":{sent},"T":{done},"s":"BTCUSDT","t":{id},"p":"100.00","q":"1","m":true}}"#)
    };
    let decoded = decode(&[trade(1, 3270, 3269), snapshot(8), trade(2, 3280, 3260), trade(3, 3250, 3255)]);
    assert_eq!(decoded.summary.clock_offset_ns, 2_000_000_002 - 3_280_000_000);
    assert_eq!(decoded.tape.clock_offset_ns, decoded.summary.clock_offset_ns);
    let events = &decoded.tape.events;
    assert!(events.iter().all(|event| event.ts_event <= event.ts_recv));
    assert!(events.is_sorted_by_key(|event| event.ts_event));
    assert_eq!(events[0].ts_event.get(), 3_269_000_000 + decoded.tape.clock_offset_ns);
    assert!(events[1].flags & MarketEvent::UNTIMED != 0 && events[1].ts_event == events[1].ts_recv);
    assert_eq!(events[0].flags & MarketEvent::ASK, MarketEvent::ASK, "the buyer was the maker: the aggressor sold");
}

#[test]
fn a_smallest_delay_above_zero_is_latency_and_stays() {
    let trade = r#"{"e":"trade","E":1990,"T":1990,"s":"BTCUSDT","t":1,"p":"100.00","q":"1","m":true}"#.to_owned();
    let decoded = decode(&[trade]);
    assert_eq!(decoded.summary.clock_offset_ns, 10_000_000, "reported as it was seen");
    assert_eq!((decoded.tape.clock_offset_ns, decoded.tape.events[0].ts_event.get()), (0, 1_990_000_000));
}

#[test]
fn a_step_back_of_the_local_clock_is_counted() {
    let text = format!("20 {}\n10 {}\n", snapshot(8), depth(9, 9));
    let decoded = decode_all(&[("a", text.as_bytes())], Market::Spot, &known::spot()).unwrap();
    assert_eq!(decoded.summary.time_steps_back, 1);
    assert!(decoded.tape.events.iter().all(|event| event.ts_recv.get() == 20));
}

/// A snapshot names no symbol: without this check a book of another symbol, or of another market, would stand still for
/// ever and pass for a live one.
#[test]
fn files_of_another_symbol_or_market_are_refused() {
    let path = std::env::temp_dir().join(format!("tiderace-decode-{}.raw", std::process::id()));
    std::fs::write(&path, text(&[snapshot(10), depth(11, 12)])).unwrap();
    let other = Instrument { symbol: "ETHUSDT".into(), ..known::spot() };
    for (market, instrument) in [(Market::Spot, &other), (Market::CoinM, &known::spot())] {
        let refused = read(&[&path], market, instrument).unwrap_err();
        assert_eq!(refused, RecordingError::NoDepth { symbol: instrument.symbol.clone(), lines: 2 }, "{market:?}");
    }
    assert!(read(&[&path], Market::Spot, &known::spot()).is_ok());
    std::fs::remove_file(&path).unwrap();
}
