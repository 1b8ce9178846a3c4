//! Sliding windows against sums over everything that ever happened, and snapshots in the middle of it.

use proptest::prelude::*;
use tiderace_risk::venue::*;
use tiderace_types::venue::{ApproveOverride, ProposeOverride};
use tiderace_types::*;

const ALICE: AccountId = AccountId(0);
const WINDOW_NS: i64 = 100;

fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(if std::env::var_os("TIDERACE_FULL").is_some() { 10_000 } else { 256 })
}

fn terms() -> InstrumentTerms {
    InstrumentTerms { lot: Amount::new(1_000_000_000), min_order_qty: None, max_order_qty: None, max_order_value: None }
}

fn genesis() -> (Vec<VenueAccount>, Vec<InstrumentTerms>) {
    let contracts = |value: i128| Some(Amount::new(value * 1_000_000_000_000));
    let limits = AccountLimits {
        max_order_qty: contracts(5),
        position_limit: contracts(9),
        throttle: Some(Throttle { messages: 4, window_ns: WINDOW_NS }),
        order_to_trade: Some(OrderToTrade { orders_per_trade: 2, free_orders: 3, window_ns: WINDOW_NS }),
        ..AccountLimits::default()
    };
    let group = |group, qty| MmpLimits {
        group,
        interval_ns: WINDOW_NS,
        freeze_ns: 50,
        qty: contracts(qty),
        delta: contracts(2),
        vega: None,
        trades: Some(9),
    };
    let account = VenueAccount { limits, mmp: vec![group(1, 4), group(2, 40)], dead_man_ns: Some(70) };
    (vec![account.clone(), account], vec![terms(), terms()])
}

fn controls() -> Controls {
    let (accounts, instruments) = genesis();
    Controls::new(&accounts, &instruments).unwrap()
}

/// The sum of what is younger than the window, over all that was.
fn naive(all: &[(i64, i128)], now: i64, window_ns: i64) -> i128 {
    all.iter().filter(|(ts, _)| now - ts < window_ns).map(|(_, term)| term).sum()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_throttle_equals_a_count_over_all_messages(steps in prop::collection::vec((0_i64..60, any::<bool>()), 1..200)) {
        let (mut controls, mut now, mut all) = (controls(), 0, Vec::new());
        for (pause, is_cancel) in steps {
            now += pause;
            let may_go = naive(&all, now, WINDOW_NS) < 4;
            if is_cancel {
                controls.on_cancel(Ts::new(now), ALICE);
            } else {
                prop_assert_eq!(controls.on_message(Ts::new(now), ALICE).is_ok(), may_go);
            }
            if is_cancel || may_go {
                all.push((now, 1));
            }
        }
    }

    #[test]
    fn protection_equals_sums_over_all_fills(
        steps in prop::collection::vec((0_i64..60, 0_u16..2, -900_i64..900, -3_i128..3), 1..200),
    ) {
        let (mut controls, mut now) = (controls(), 0);
        let (mut qty, mut delta, mut trades) = (Vec::new(), Vec::new(), Vec::new());
        for (pause, instrument, lots, greek) in steps {
            now += pause;
            // Tenths of a base unit a contract, a thousandth of a contract a lot: in ten-thousandths.
            controls.set_greeks(InstrumentId(instrument), Amount::new(greek * 100_000_000_000), Amount::ZERO);
            controls.on_fill(Ts::new(now), ALICE, 1, InstrumentId(instrument), lots);
            qty.push((now, i128::from(lots.abs())));
            delta.push((now, i128::from(lots) * greek));
            trades.push((now, 1));
            let sums = [&qty, &delta, &trades].map(|all| naive(all, now, WINDOW_NS));
            let is_reached = sums[0] >= 4_000 || sums[1].abs() >= 20_000 || sums[2] >= 9;
            let mut out = Vec::new();
            controls.take_triggered(&mut out);
            prop_assert_eq!(out.len(), usize::from(is_reached));
            if is_reached {
                prop_assert_eq!(out[0].ts_until, Ts::new(now + 50));
                (qty, delta, trades) = (Vec::new(), Vec::new(), Vec::new());
            }
        }
    }

    #[test]
    fn orders_for_each_trade_equal_counts_over_all(
        steps in prop::collection::vec((0_i64..60, any::<bool>()), 1..200),
    ) {
        let (mut controls, mut now) = (controls(), 0);
        let (mut orders, mut trades) = (Vec::new(), Vec::new());
        for (pause, is_trade) in steps {
            now += pause;
            if is_trade {
                controls.on_trade(Ts::new(now), ALICE);
                trades.push((now, 1));
                continue;
            }
            let ask = ask();
            let may_go = naive(&orders, now, WINDOW_NS) < 3 + 2 * naive(&trades, now, WINDOW_NS);
            prop_assert_eq!(controls.check_new(Ts::new(now), &ask).is_ok(), may_go);
            if may_go {
                controls.on_order(Ts::new(now), ALICE);
                orders.push((now, 1));
            }
        }
    }

    /// However many times fall into a window: nothing is forgotten early, and nothing counts a 512th of it too long.
    #[test]
    fn a_crowded_window_errs_by_a_step_to_the_safe_side(
        pauses in prop::collection::vec(1_i64..3, 3_000..6_000), messages in 1_000_u32..4_000,
    ) {
        let window_ns = 4_000;
        let throttle = Some(Throttle { messages, window_ns });
        let limits = AccountLimits { throttle, ..AccountLimits::default() };
        let mut controls = Controls::new(&[VenueAccount { limits, ..VenueAccount::default() }], &[]).unwrap();
        let (mut now, mut all) = (0_i64, Vec::new());
        for (row, pause) in pauses.into_iter().enumerate() {
            now += pause;
            if row % 50 > 0 {
                controls.on_cancel(Ts::new(now), ALICE);
                all.push((now, 1));
                continue;
            }
            let is_free = controls.clone().on_message(Ts::new(now), ALICE).is_ok();
            let max = i128::from(messages);
            if naive(&all, now, window_ns) >= max {
                prop_assert!(!is_free, "a message was forgotten early");
            }
            if naive(&all, now, window_ns + window_ns / 512 + 1) < max {
                prop_assert!(is_free, "a message counts too long");
            }
        }
    }

    #[test]
    fn a_snapshot_at_any_moment_restores_the_same_controls(steps in prop::collection::vec((0_i64..40, 0_u8..12, 0_u32..2), 1..150)) {
        let (mut controls, mut now) = (controls(), 0);
        for (row, (pause, what, account)) in steps.into_iter().enumerate() {
            now += pause;
            step(&mut controls, Ts::new(now), what, AccountId(account), row);
            let mut bytes = Vec::new();
            controls.encode(&mut bytes);
            let mut rest = bytes.as_slice();
            let restored = self::controls().restored(&mut rest).unwrap();
            prop_assert!(rest.is_empty());
            prop_assert_eq!(&restored, &controls);
        }
    }

    #[test]
    fn damaged_snapshots_are_refused_or_read_and_never_panic(cut in 0_usize..600, at in 0_usize..600, bits in 1_u8..=255) {
        let mut live = controls();
        for row in 0..40 {
            step(&mut live, Ts::new(i64::try_from(row).unwrap()), u8::try_from(row % 12).unwrap(), ALICE, row);
        }
        let mut bytes = Vec::new();
        live.encode(&mut bytes);
        let shorter = cut.min(bytes.len() - 1);
        prop_assert!(controls().restored(&mut &bytes[..shorter]).is_err());
        let at = at % bytes.len();
        bytes[at] ^= bits;
        drop(controls().restored(&mut bytes.as_slice()));
    }
}

fn ask() -> OrderAsk {
    OrderAsk {
        account: ALICE,
        instrument: InstrumentId(0),
        strategy: 0,
        side: Side::Buy,
        order_qty: Qty::new(1).unwrap(),
        leaves_qty: Qty::new(1).unwrap(),
        replaced_qty: Qty::ZERO,
        value: None,
        position: 0,
        mmp_group: 1,
        is_replace: false,
    }
}

/// One of everything that changes state.
fn step(controls: &mut Controls, ts: Ts, what: u8, account: AccountId, row: usize) {
    let (instrument, id) = (InstrumentId(u16::try_from(row % 2).unwrap()), u64::try_from(row).unwrap());
    let lots = Qty::new(i64::try_from(row % 700).unwrap()).unwrap();
    match what {
        0 => drop(controls.on_message(ts, account)),
        1 => controls.on_cancel(ts, account),
        2 => controls.on_order(ts, account),
        3 => controls.on_trade(ts, account),
        4 => controls.on_leaves(account, instrument, Side::Sell, Qty::ZERO, lots),
        5 => controls.on_fill(ts, account, 1, instrument, lots.get() * 5),
        6 => controls.take_triggered(&mut Vec::new()),
        7 => drop(controls.kill(KillScope::Strategy, account.0, row % 3 > 0, row % 2 == 0)),
        8 => drop(controls.connection(ts, account, row % 3 == 0)),
        9 => while controls.due(ts).is_some() {},
        10 => {
            controls.set_greeks(instrument, Amount::new(id.into()), Amount::new(-5));
            let (limit, value) = (Limit::PositionLimit.code(), Amount::new(id.into()));
            let expire_time = ts.plus_ns(90);
            let proposal = ProposeOverride { override_id: id, account, limit, value, expire_time, operator: 1 };
            controls.propose(ts, &proposal).unwrap();
        }
        _ => {
            for override_id in id.saturating_sub(3)..id {
                let _ = controls.approve(&ApproveOverride { override_id, operator: 2 });
            }
        }
    }
}
