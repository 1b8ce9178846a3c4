//! Latencies: within their bounds, of their distribution, and nothing overtakes on one line.

use tiderace_feed::Tape;
use tiderace_sim::latency::LATENCY_NS_MAX;
use tiderace_sim::{Latency, LatencyModel, Leg, retime};
use tiderace_types::{InstrumentId, MarketEvent, MarketKind, Price, Ts};

fn draws(model: LatencyModel, leg: Leg) -> Vec<i64> {
    let mut latency = Latency::new(model, 5, leg);
    (0..20_000).map(|_| latency.draw_ns()).collect()
}

#[test]
fn draws_stay_within_their_bounds_and_have_their_median() {
    assert!(draws(LatencyModel::ConstantNs(7), Leg::Response).iter().all(|ns| *ns == 7));
    assert!(draws(LatencyModel::Recorded, Leg::Feed).iter().all(|ns| *ns == 0));
    let uniform = draws(LatencyModel::UniformNs(10, 12), Leg::OrderEntry);
    assert!([10, 11, 12].iter().all(|ns| uniform.iter().filter(|d| *d == ns).count() > 6_000));
    assert!(uniform.iter().all(|ns| (10..=12).contains(ns)));
    let mut lognormal = draws(LatencyModel::Lognormal { median_ns: 1_000_000, sigma_e9: 500_000_000 }, Leg::Feed);
    lognormal.sort_unstable();
    assert!((980_000..1_020_000).contains(&lognormal[10_000]), "{}", lognormal[10_000]);
    // One deviation up: exp(0.5) = 1.6487 times the median.
    assert!((1_600_000..1_700_000).contains(&lognormal[16_827]), "{}", lognormal[16_827]);
    let wild = draws(LatencyModel::Lognormal { median_ns: LATENCY_NS_MAX, sigma_e9: u32::MAX }, Leg::Feed);
    assert!(wild.iter().all(|ns| (0..=LATENCY_NS_MAX).contains(ns)));
}

#[test]
fn each_leg_draws_for_itself_and_a_seed_draws_the_same_again() {
    let model = LatencyModel::UniformNs(0, 1 << 40);
    assert!(draws(LatencyModel::UniformNs(0, 1 << 40), Leg::Feed) == draws(model, Leg::Feed));
    assert!(draws(model, Leg::Feed) != draws(model, Leg::OrderEntry));
    assert!(draws(model, Leg::Response) != draws(model, Leg::OrderEntry));
}

#[test]
fn a_retimed_tape_is_sorted_and_each_line_keeps_its_order_and_its_messages_whole() {
    let event = |n: u64| {
        let ts = Ts::new(i64::try_from(n / 3).unwrap() * 1_000);
        MarketEvent {
            ts_event: ts,
            ts_recv: ts,
            price: Price::new(1),
            qty_e8: 1,
            seq: n,
            instrument: InstrumentId(u16::try_from(n / 3 % 4).unwrap()),
            kind: if n / 12 % 3 == 0 { MarketKind::Best } else { MarketKind::Level },
            flags: if n % 3 == 2 { MarketEvent::LAST } else { 0 },
        }
    };
    let mut tape = Tape { events: (0..9_000).map(event).collect(), clock_offset_ns: 0 };
    let before = tape.clone();
    retime(&mut tape, LatencyModel::Recorded, 1);
    assert_eq!(tape, before);
    retime(&mut tape, LatencyModel::UniformNs(0, 50_000), 1);
    assert_ne!(tape, before);
    assert!(tape.events.is_sorted_by_key(|event| event.ts_recv));
    let mut last = std::collections::BTreeMap::new();
    for message in tape.events.chunks(3) {
        assert!(message[2].is_last() && message.iter().all(|e| e.seq / 3 == message[0].seq / 3), "{message:?}");
        assert!(message.iter().all(|e| e.ts_recv == message[0].ts_recv && e.ts_recv >= e.ts_event));
        let line = (message[0].instrument, message[0].kind);
        assert!(last.insert(line, message[0].seq).is_none_or(|seq| seq < message[0].seq), "overtaken");
    }
    let mut again = before;
    retime(&mut again, LatencyModel::UniformNs(0, 50_000), 1);
    assert_eq!(tape, again);
}
