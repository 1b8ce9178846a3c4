//! The real recordings: nothing unparsable, no gap, and where depth and bookTicker carry the same update id, the book
//! kept slowly from depth has exactly the venue's best bid and ask.

mod known;

use std::collections::BTreeMap;
use std::io::Write;

use tiderace_feed::Tape;
use tiderace_types::{MarketKind, Side};
use tiderace_venue_binance::{Decoded, read};

#[derive(Default)]
struct SlowBook {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl SlowBook {
    fn best(&self, side: Side) -> Option<(i64, i64)> {
        match side {
            Side::Buy => self.bids.last_key_value(),
            Side::Sell => self.asks.first_key_value(),
        }
        .map(|(price, qty)| (*price, *qty))
    }
}

/// Quotes compared and equal: each bookTicker against the book at the same update id, whichever of the two came first.
fn compare(tape: &Tape) -> (u64, u64) {
    let mut quotes: BTreeMap<u64, [Option<(i64, i64)>; 2]> = BTreeMap::new();
    for event in tape.events.iter().filter(|event| event.kind == MarketKind::Best) {
        let best = (event.qty_e8 != 0).then_some((event.price.get(), event.qty_e8));
        quotes.entry(event.seq).or_default()[usize::from(event.side() == Side::Sell)] = best;
    }
    let (mut book, mut is_live, mut compared, mut equal) = (SlowBook::default(), false, 0, 0);
    for event in &tape.events {
        match event.kind {
            MarketKind::Clear => book = SlowBook::default(),
            MarketKind::Live => is_live = true,
            MarketKind::Gap => is_live = false,
            MarketKind::Level => {
                let side = if event.side() == Side::Buy { &mut book.bids } else { &mut book.asks };
                match event.qty_e8 {
                    0 => side.remove(&event.price.get()),
                    qty_e8 => side.insert(event.price.get(), qty_e8),
                };
            }
            MarketKind::Trade | MarketKind::Best | MarketKind::Reach => continue,
        }
        if let Some(quote) = quotes.get(&event.seq).filter(|_| is_live && event.is_last()) {
            compared += 1;
            equal += u64::from(*quote == [book.best(Side::Buy), book.best(Side::Sell)]);
        }
    }
    (compared, equal)
}

#[test]
fn the_recordings_decode_without_a_gap_and_agree_with_the_venues_best_prices() {
    let Ok(data) = std::env::var("TIDERACE_DATA") else {
        // Written past the test runner, which shows no line of a test that passes.
        let _ = writeln!(std::io::stderr(), "SKIPPED: needs TIDERACE_DATA");
        assert!(std::env::var_os("TIDERACE_REQUIRE_ALL").is_none(), "SKIPPED: needs TIDERACE_DATA");
        return;
    };
    let wanted = [("spot", 99_574, 1_000), ("usdm", 93_954, 600), ("coinm", 98_386, 1_800)];
    let (mut tapes, mut off_lot) = (Vec::new(), 0);
    for ((market, instrument, files), (name, lines, compared_min)) in known::recordings(&data).into_iter().zip(wanted) {
        let (Decoded { tape, summary }, hashes) = read(&files, market, &instrument).unwrap();
        assert_eq!((summary.lines, summary.unparsable, summary.gaps, summary.off_tick), (lines, 0, 0, 0), "{name}");
        assert_eq!(summary.depth + summary.quotes + summary.trades + summary.snapshots, lines, "{name}");
        assert_eq!((summary.snapshots, summary.time_steps_back), (1, 0), "{name}");
        assert_eq!(hashes.len(), files.len());
        let (compared, equal) = compare(&tape);
        println!("{name}: {compared} compared, {equal} equal, offset {} ns", summary.clock_offset_ns);
        assert!(compared >= compared_min, "{name}: {compared} compared");
        assert_eq!(compared, equal, "{name}");
        off_lot += summary.off_lot;
        tapes.push(tape);
    }
    // Three of them on the first day, all far from the touch.
    assert_eq!(off_lot, 7);
    let merged = Tape::merge(&tapes);
    assert_eq!(merged.events.len(), tapes.iter().map(|tape| tape.events.len()).sum::<usize>());
    assert_eq!(merged.clock_offset_ns, -1_276_670_531);
    assert!(merged.events.is_sorted_by_key(|event| event.ts_recv));
    assert!(merged.events.iter().all(|event| event.ts_event <= event.ts_recv));
}
