//! TWAP: golden plans, progress, pause and catch-up, and what holds for any parameters and any fills.

use proptest::prelude::*;
use tiderace_algo::{ORDER_QTY_MAX, SLICES_MAX, Schedule, SliceDue, Twap, twap_slices};
use tiderace_types::input::SubmitParent;
use tiderace_types::*;

const LOT: Amount = Amount::new(1_000);

fn parent(lots: i128, slices: u32) -> SubmitParent {
    SubmitParent {
        parent_id: ParentId(1),
        cause_seq: 0,
        tags: ids::Tags::default(),
        side: Side::Buy,
        order_qty: Amount::new(lots * LOT.get()),
        limit: Fraction::new(3_000_000),
        ts_start: Ts::ZERO,
        duration_ns: 1_000,
        slices,
        size_jitter: Fraction::ZERO,
        time_jitter: Fraction::ZERO,
        seed: 1,
        catch_up_cap: Fraction::new(2_000_000_000),
        passive_share: Fraction::ZERO,
        instruments: 1,
    }
}

fn jittered(lots: i128, slices: u32, share: i64, seed: u64) -> SubmitParent {
    let share = Fraction::new(share);
    SubmitParent { size_jitter: share, time_jitter: share, seed, ..parent(lots, slices) }
}

fn plan(parent: &SubmitParent) -> Vec<(i64, i128)> {
    let schedule = Schedule::new(parent, Ts::new(10_000), LOT, LOT);
    schedule.slices().iter().map(|slice| (slice.ts.get() - 10_000, slice.target.get() / LOT.get())).collect()
}

fn working(parent: &SubmitParent) -> Twap {
    let mut twap = Twap::new(Ts::new(10_000), parent, LOT).unwrap();
    twap.start(Ts::new(10_000), LOT);
    twap
}

/// Runs the next slice with nothing working and fills `filled` of it.
fn next(twap: &mut Twap, filled: i128) -> SliceDue {
    let due = twap.on_timer(twap.next_timer().unwrap(), Amount::ZERO).unwrap();
    twap.on_fill(Amount::new(filled * LOT.get()));
    due
}

fn lots(amount: Amount) -> i128 {
    assert_eq!(amount.get() % LOT.get(), 0);
    amount.get() / LOT.get()
}

#[test]
fn ten_lots_in_three_slices_are_3_3_4() {
    assert_eq!(twap_slices(10, 3).collect::<Vec<_>>(), [3, 3, 4]);
    assert_eq!(twap_slices(2, 4).collect::<Vec<_>>(), [0, 1, 0, 1]);
    assert_eq!(twap_slices(7, 0).count(), 0);
    assert_eq!(twap_slices(i64::MAX, u32::MAX).take(3).sum::<i64>(), 6_442_450_945);
    assert_eq!(plan(&parent(10, 3)), [(0, 3), (333, 6), (666, 10)]);
}

#[test]
fn a_seeded_plan_is_golden() {
    let golden =
        [(29, 9), (104, 20), (212, 26), (332, 41), (415, 52), (512, 61), (626, 70), (749, 80), (848, 94), (914, 100)];
    assert_eq!(plan(&jittered(100, 10, 500_000_000, 7)), golden);
    assert_eq!(plan(&jittered(100, 10, 500_000_000, 7)), golden, "the seed alone decides");
    assert_ne!(plan(&jittered(100, 10, 500_000_000, 8)), golden);
}

#[test]
fn the_least_jitter_moves_a_time() {
    let short = SubmitParent { duration_ns: 30, ..jittered(100, 10, 500_000_000, 7) };
    assert!(plan(&short).iter().enumerate().any(|(k, (ts, _))| *ts > 3 * i64::try_from(k).unwrap()));
}

#[test]
fn one_jitter_leaves_the_others_draws_alone() {
    let both = jittered(100, 10, 300_000_000, 7);
    let times_only = SubmitParent { size_jitter: Fraction::ZERO, ..both };
    let sizes_only = SubmitParent { time_jitter: Fraction::ZERO, ..both };
    let (both, times, sizes) = (plan(&both), plan(&times_only), plan(&sizes_only));
    assert!(both.iter().zip(&times).all(|(a, b)| a.0 == b.0));
    assert!(both.iter().zip(&sizes).all(|(a, b)| a.1 == b.1));
}

#[test]
fn a_last_slice_below_the_smallest_child_joins_the_one_before() {
    let three = parent(10, 3);
    let merged = |smallest| {
        let schedule = Schedule::new(&three, Ts::ZERO, LOT, Amount::new(smallest));
        schedule.slices().iter().map(|slice| lots(slice.target)).collect::<Vec<_>>()
    };
    assert_eq!(merged(4_000), [3, 6, 10]);
    assert_eq!(merged(4_001), [3, 10]);
    assert_eq!(merged(7_001), [10]);
    assert_eq!(merged(90_000), [10]);
}

#[test]
fn what_joins_the_last_slice_keeps_the_later_time() {
    let times = |smallest| {
        let schedule = Schedule::new(&parent(10, 3), Ts::ZERO, LOT, Amount::new(smallest));
        schedule.slices().iter().map(|slice| slice.ts.get()).collect::<Vec<_>>()
    };
    assert_eq!(times(4_001), [0, 666]);
    assert_eq!(times(7_001), [666]);
}

#[test]
fn small_slices_wait_until_a_venue_accepts_them() {
    // Ten lots in twenty slices, even slice a half, cap one; a venue takes four and up.
    let mut twap = Twap::new(Ts::new(10_000), &parent(10, 20), LOT).unwrap();
    twap.start(Ts::new(10_000), Amount::new(4_000));
    let mut takes = Vec::new();
    while let Some(ts) = twap.next_timer() {
        if let Some(due) = twap.on_timer(ts, Amount::ZERO).filter(|due| due.take > Amount::ZERO) {
            takes.push((ts.get() - 10_000, lots(due.take)));
            twap.on_fill(due.take);
        }
    }
    assert_eq!(takes, [(350, 4), (950, 6)]);
    assert_eq!((twap.status(), twap.leaves_qty()), (ParentStatus::Completed, Amount::ZERO));
}

#[test]
fn what_is_below_a_lot_goes_with_the_last_slice() {
    let odd = SubmitParent { order_qty: Amount::new(10_300), ..parent(10, 2) };
    let schedule = Schedule::new(&odd, Ts::ZERO, LOT, LOT);
    assert_eq!(schedule.slices().iter().map(|slice| slice.target.get()).collect::<Vec<_>>(), [5_000, 10_300]);
}

#[test]
fn a_parent_filled_slice_by_slice_completes() {
    let mut twap = working(&parent(10, 3));
    let takes: Vec<i128> = [3, 3, 4].into_iter().map(|filled| lots(next(&mut twap, filled).take)).collect();
    assert_eq!(takes, [3, 3, 4]);
    assert!(twap.is_complete(LOT) && twap.leaves_qty() == Amount::ZERO);
    twap.complete();
    assert_eq!((twap.status(), twap.reason(), twap.next_timer()), (ParentStatus::Completed, Reason::None, None));
}

#[test]
fn a_rest_that_no_venue_accepts_is_dust_7005() {
    let mut twap = working(&parent(10, 1));
    next(&mut twap, 9);
    assert!(!twap.is_complete(LOT) && twap.is_complete(Amount::new(1_001)));
    twap.complete();
    assert_eq!((twap.status(), twap.reason()), (ParentStatus::Completed, Reason::Dust));
}

#[test]
fn what_is_behind_joins_later_slices_within_the_cap_7004() {
    // Even slice 10, cap 20.
    let mut twap = working(&parent(100, 10));
    assert_eq!(lots(next(&mut twap, 0).take), 10);
    assert_eq!(lots(next(&mut twap, 0).take), 20);
    let third = next(&mut twap, 20);
    assert_eq!((lots(third.target), lots(third.take), third.reason), (30, 20, Reason::CatchUpCap));
    let fourth = next(&mut twap, 20);
    assert_eq!((lots(fourth.take), fourth.reason), (20, Reason::None));
    assert_eq!(lots(next(&mut twap, 10).take), 10);
}

#[test]
fn the_cap_never_cuts_a_slice_below_its_own_plan() {
    let strict = SubmitParent { catch_up_cap: Fraction::ONE, ..jittered(100, 10, 500_000_000, 7) };
    let mut twap = working(&strict);
    for _ in 0..10 {
        let due = twap.on_timer(twap.next_timer().unwrap(), Amount::ZERO).unwrap();
        assert_eq!(due.reason, Reason::None);
        twap.on_fill(due.take);
    }
    assert_eq!(twap.leaves_qty(), Amount::ZERO);
}

#[test]
fn what_is_left_at_the_end_expires_7003() {
    let mut twap = working(&parent(100, 10));
    for _ in 0..10 {
        next(&mut twap, 5);
    }
    assert!(twap.next_timer().unwrap() < Ts::new(11_000), "what the last slice missed is tried again first");
    assert_eq!(twap.on_timer(Ts::new(11_000), Amount::ZERO), None);
    assert_eq!(
        (twap.status(), twap.reason(), twap.leaves_qty()),
        (ParentStatus::Expired, Reason::EndReached, Amount::new(50_000))
    );
    assert_eq!(twap.next_timer(), None);
    assert_eq!(twap.pause().unwrap_err().reason, Reason::UnknownParent);
    assert_eq!(twap.resume().unwrap_err().reason, Reason::UnknownParent);
    assert_eq!(twap.cancel().unwrap_err().reason, Reason::UnknownParent);
}

#[test]
fn what_the_last_slice_missed_is_taken_again_within_its_cap() {
    // Even slice 10, cap 20; 30 are missing when the last slice comes.
    let mut twap = working(&parent(100, 10));
    for filled in [10, 10, 10, 10, 10, 10, 5, 5, 0] {
        next(&mut twap, filled);
    }
    let last = next(&mut twap, 5);
    assert_eq!((last.slice, lots(last.take), last.reason), (9, 20, Reason::CatchUpCap));
    let first_try = next(&mut twap, 0);
    assert_eq!((first_try.slice, lots(first_try.take), first_try.post), (9, 15, Amount::ZERO));
    assert_eq!(twap.next_timer(), Some(Ts::new(11_000 - 100 + 24)), "every 12 ns: an eighth of the interval");
    let due = twap.next_timer().unwrap();
    assert_eq!(twap.on_timer(due, LOT), Some(tiderace_algo::SliceDue { take: Amount::new(14_000), ..first_try }));
    twap.on_fill(Amount::new(15_000));
    let mut tries = 0;
    while twap.status() == ParentStatus::Working {
        assert_eq!(twap.on_timer(twap.next_timer().unwrap(), Amount::ZERO), None, "the cap is used up");
        tries += 1;
    }
    assert!(tries <= 8, "{tries}");
    assert_eq!((twap.status(), twap.leaves_qty()), (ParentStatus::Expired, Amount::new(10_000)));
}

#[test]
fn time_goes_on_during_a_pause_and_the_cap_holds_after_it() {
    let mut twap = working(&parent(100, 10));
    next(&mut twap, 10);
    twap.pause().unwrap();
    assert_eq!(twap.next_timer(), Some(Ts::new(11_000)), "only the end is waited for");
    assert_eq!(twap.on_timer(Ts::new(10_500), Amount::ZERO), None);
    twap.resume().unwrap();
    let at_once = twap.next_timer().unwrap();
    assert!(at_once <= Ts::new(10_500));
    let due = twap.on_timer(Ts::new(10_550), Amount::ZERO).unwrap();
    assert_eq!((due.slice, lots(due.target), lots(due.take), due.reason), (5, 60, 20, Reason::CatchUpCap));
    assert_eq!(twap.next_timer(), Some(Ts::new(10_600)));
}

#[test]
fn a_pause_before_the_arrival_ends_in_waiting() {
    let mut twap = Twap::new(Ts::new(1), &parent(10, 2), LOT).unwrap();
    assert_eq!((twap.status(), twap.next_timer()), (ParentStatus::Waiting, None));
    twap.pause().unwrap();
    twap.resume().unwrap();
    assert_eq!(twap.status(), ParentStatus::Waiting);
    twap.pause().unwrap();
    twap.start(Ts::new(5), LOT);
    assert_eq!(twap.status(), ParentStatus::Paused);
    twap.resume().unwrap();
    twap.start(Ts::new(6), LOT);
    assert_eq!((twap.status(), twap.next_timer()), (ParentStatus::Working, Some(Ts::new(5))), "it arrives once");
    twap.cancel().unwrap();
    assert_eq!(
        (twap.status(), twap.reason(), twap.next_timer()),
        (ParentStatus::Canceled, Reason::CanceledByUser, None)
    );
}

#[test]
fn a_start_of_its_own_holds_and_ends_without_books() {
    let timed = SubmitParent { ts_start: Ts::new(20_000), ..parent(10, 2) };
    let mut twap = Twap::new(Ts::new(10_000), &timed, LOT).unwrap();
    assert_eq!(twap.next_timer(), Some(Ts::new(21_000)));
    let mut late = twap.clone();
    twap.start(Ts::new(15_000), LOT);
    assert_eq!(twap.next_timer(), Some(Ts::new(20_000)));
    assert_eq!(late.on_timer(Ts::new(21_000), Amount::ZERO), None);
    assert_eq!((late.status(), late.reason()), (ParentStatus::Expired, Reason::EndReached));
}

#[test]
fn a_share_is_posted_unless_a_part_would_be_dust() {
    let shared = |share| SubmitParent { passive_share: Fraction::new(share), ..parent(100, 10) };
    let split = |share, smallest| {
        let mut twap = Twap::new(Ts::new(1), &shared(share), LOT).unwrap();
        twap.start(Ts::new(1), Amount::new(smallest));
        let due = twap.on_timer(Ts::new(1), Amount::ZERO).unwrap();
        (lots(due.take), lots(due.post))
    };
    assert_eq!(split(360_000_000, 1), (7, 3));
    assert_eq!(split(360_000_000, 3_001), (10, 0), "three posted would be dust");
    assert_eq!(split(800_000_000, 2_001), (0, 10), "two taken would be dust");
    assert_eq!(split(0, 1), (10, 0));
    assert_eq!(split(1_000_000_000, 1), (0, 10));
}

#[test]
fn what_was_posted_and_did_not_fill_is_in_the_next_slice() {
    let mut twap = working(&SubmitParent { passive_share: Fraction::new(500_000_000), ..parent(40, 4) });
    let first = next(&mut twap, 5);
    assert_eq!((lots(first.take), lots(first.post)), (5, 5));
    let second = next(&mut twap, 15);
    assert_eq!(lots(second.take) + lots(second.post), 15);
    next(&mut twap, 10);
    let last = next(&mut twap, 0);
    assert_eq!((lots(last.take), lots(last.post)), (10, 0), "the last slice posts nothing");
}

#[test]
fn bad_parameters_are_refused_with_value_and_bound_7001() {
    let one = Fraction::ONE.get();
    let refusal = |parent: SubmitParent| Twap::new(Ts::new(10), &parent, LOT).unwrap_err();
    let bad = |value: i128, limit: i128| Refusal::new(Reason::BadParameter, value, limit);
    let good = parent(10, 3);
    let fraction = Fraction::new;
    assert_eq!(refusal(SubmitParent { order_qty: Amount::new(999), ..good }), bad(999, 1_000));
    assert_eq!(refusal(SubmitParent { order_qty: Amount::MAX, ..good }), bad(i128::MAX, ORDER_QTY_MAX.get()));
    assert_eq!(refusal(SubmitParent { limit: Fraction::ZERO, ..good }), bad(0, 1));
    assert_eq!(refusal(SubmitParent { limit: Fraction::ONE, ..good }), bad(one.into(), i128::from(one) - 1));
    assert_eq!(refusal(SubmitParent { slices: 0, ..good }), bad(0, 1));
    assert_eq!(refusal(SubmitParent { slices: u32::MAX, ..good }), bad(u32::MAX.into(), SLICES_MAX.into()));
    assert_eq!(refusal(SubmitParent { size_jitter: fraction(-1), ..good }), bad(-1, 0));
    assert_eq!(refusal(SubmitParent { time_jitter: fraction(one + 1), ..good }), bad(i128::from(one) + 1, one.into()));
    assert_eq!(refusal(SubmitParent { catch_up_cap: fraction(one - 1), ..good }), bad(i128::from(one) - 1, one.into()));
    assert_eq!(refusal(SubmitParent { passive_share: fraction(-7), ..good }), bad(-7, 0));
    assert_eq!(refusal(SubmitParent { instruments: 0, ..good }), bad(0, 1));
    assert_eq!(Twap::new(Ts::new(10), &good, Amount::ZERO).unwrap_err(), bad(0, 1));
}

#[test]
fn bad_times_are_refused_with_value_and_bound_7002() {
    let refusal = |ts_start, duration_ns| {
        let parent = SubmitParent { ts_start: Ts::new(ts_start), duration_ns, ..parent(10, 3) };
        Twap::new(Ts::new(1_000), &parent, LOT).unwrap_err()
    };
    let bad = |value: i128, limit: i128| Refusal::new(Reason::BadTimes, value, limit);
    assert_eq!(refusal(0, 0), bad(0, 3));
    assert_eq!(refusal(0, 2), bad(2, 3), "a slice needs a nanosecond of its own");
    assert_eq!(refusal(0, -1), bad(-1, 3));
    assert_eq!(refusal(-5, 100), bad(-5, 0));
    assert_eq!(refusal(5, i64::MAX), bad(i128::from(i64::MAX) + 5, i64::MAX.into()));
    assert_eq!(refusal(500, 500), bad(1_000, 1_000), "over before it began");
}

fn any_parent() -> impl Strategy<Value = SubmitParent> {
    (1i128..3_000, 1u32..60, 0i64..=1_000_000_000, 0i64..=1_000_000_000, any::<u64>(), 60i64..100_000, 0i128..1_000)
        .prop_map(|(lots, slices, size, time, seed, duration_ns, rest)| SubmitParent {
            order_qty: Amount::new(lots * LOT.get() + rest),
            size_jitter: Fraction::new(size),
            time_jitter: Fraction::new(time),
            seed,
            duration_ns,
            ..parent(lots, slices)
        })
}

/// Four slices of 5, of which nothing fills. The venue is silent about the last: what it was asked for may still fill, so
/// that the next try has only what is left of the cap.
#[test]
fn what_works_of_the_last_slice_counts_within_its_cap() {
    let mut twap = working(&SubmitParent { catch_up_cap: Fraction::new(1_400_000_000), ..parent(20, 4) });
    for _ in 0..3 {
        next(&mut twap, 0);
    }
    assert_eq!(lots(next(&mut twap, 0).take), 7);
    let due = twap.next_timer().unwrap();
    assert_eq!(twap.on_timer(due, Amount::new(7 * LOT.get())), None, "7 are out");
    let due = twap.next_timer().unwrap();
    assert_eq!(lots(twap.on_timer(due, Amount::new(3 * LOT.get())).unwrap().take), 4, "3 are out, 4 were missed");
}

/// Four slices of 5; the last fills nothing, then all that came before is busted: its next try asks no more than its cap.
#[test]
fn a_bust_does_not_widen_the_cap_of_the_last_slice() {
    let parent = SubmitParent { catch_up_cap: Fraction::ONE, ..parent(20, 4) };
    let mut twap = working(&parent);
    for _ in 0..3 {
        assert_eq!(lots(next(&mut twap, 5).take), 5);
    }
    assert_eq!(lots(next(&mut twap, 0).take), 5);
    twap.on_fill(Amount::new(-15 * LOT.get()));
    assert_eq!(lots(next(&mut twap, 0).take), 6, "its own size and the smallest child");
}

proptest! {
    /// Sum exact, targets monotone and in whole lots, each slice within its jitter, times strictly increasing within the
    /// interval of their slice, no dust at the end.
    #[test]
    fn a_plan_keeps_its_word(parent in any_parent(), smallest in 1i128..20_000) {
        let schedule = Schedule::new(&parent, Ts::new(5_000), LOT, Amount::new(smallest));
        let slices = schedule.slices();
        let (n, total) = (i128::from(parent.slices), parent.order_qty.get());
        prop_assert_eq!(slices.last().unwrap().target, parent.order_qty);
        prop_assert!(slices.iter().all(|s| s.target.get() % LOT.get() == 0 || s.target == parent.order_qty));
        prop_assert!(slices.windows(2).all(|pair| pair[0].ts < pair[1].ts && pair[0].target <= pair[1].target));
        let mut before = 0;
        for (k, slice) in slices.iter().enumerate() {
            let own = slice.target.get() - before;
            before = slice.target.get();
            let is_last = k + 1 == slices.len();
            // What joined the last slice keeps the later time.
            let k = if is_last { usize::try_from(n - 1).unwrap() } else { k };
            prop_assert!(!is_last || slices.len() == 1 || own >= smallest);
            // Each target is floored to a lot, and the rest below a lot goes with the last.
            let slack = LOT.get() * (n + 1) * 1_000_000_000;
            let size = own * n * 1_000_000_000;
            let stray = total * i128::from(parent.size_jitter.get()) + slack;
            prop_assert!(is_last || (size - total * 1_000_000_000).abs() <= stray, "{} {}", k, own);
            let ns = i128::from(slice.ts.get() - 5_000);
            let k = i128::try_from(k).unwrap();
            let (from, to) = (i128::from(parent.duration_ns) * k / n, i128::from(parent.duration_ns) * (k + 1) / n);
            prop_assert!(from <= ns && ns < to);
            prop_assert!((ns - from) * 1_000_000_000 <= (to - from) * i128::from(parent.time_jitter.get()));
        }
    }

    /// Whatever fills, pauses and busts: no slice asks for more than is neither filled nor working, none is above its cap,
    /// and a parent that fills all that it asks for is filled whole.
    #[test]
    fn no_slice_asks_for_too_much(
        parent in any_parent(),
        share in 0i64..=1_000_000_000,
        cap in 1_000_000_000i64..5_000_000_000,
        fills in proptest::collection::vec((0i128..=100, 0i128..3_000, 0u8..8), 60),
    ) {
        let parent =
            SubmitParent { passive_share: Fraction::new(share), catch_up_cap: Fraction::new(cap), ..parent };
        let mut twap = working(&parent);
        let mut perfect = working(&parent);
        let (n, total) = (i128::from(parent.slices), parent.order_qty.get());
        let even_capped = total * i128::from(cap) / 1_000_000_000 / n;
        let (mut last_target, mut own) = (Amount::ZERO, 0);
        for (percent, busy, what) in fills {
            match what {
                0 => drop(twap.pause()),
                1 => twap.on_fill(Amount::new(-busy)),
                _ => drop(twap.resume()),
            }
            let Some(ts) = twap.next_timer() else { break };
            let (leaves, working) = (twap.leaves_qty(), Amount::new(busy));
            let Some(due) = twap.on_timer(ts, working) else { continue };
            let asked = due.take.get() + due.post.get();
            // A slice that is tried again has the size that it had.
            if due.target > last_target {
                own = due.target.get() - last_target.get();
            }
            prop_assert!(due.take >= Amount::ZERO && due.post >= Amount::ZERO);
            prop_assert!(asked == 0 || asked + busy <= leaves.get());
            let waiting = if due.target == parent.order_qty { LOT.get() } else { 0 };
            prop_assert!(asked <= even_capped.max(own + waiting).max(LOT.get()));
            prop_assert!(due.target >= last_target && due.target <= parent.order_qty);
            last_target = due.target;
            twap.on_fill(Amount::new(asked * percent / 100));
        }
        while let Some(ts) = perfect.next_timer() {
            if let Some(due) = perfect.on_timer(ts, Amount::ZERO) {
                perfect.on_fill(Amount::new(due.take.get() + due.post.get()));
            }
        }
        prop_assert_eq!((perfect.leaves_qty(), perfect.status()), (Amount::ZERO, ParentStatus::Completed));
    }

    /// However small the slices and strict the cap: what is sent is what a venue accepts, and an order whose children all
    /// fill completes.
    #[test]
    fn a_parent_of_any_size_completes(parent in any_parent(), smallest in 1i128..40_000, share in 0i64..=1_000_000_000) {
        let parent = SubmitParent { passive_share: Fraction::new(share), catch_up_cap: Fraction::ONE, ..parent };
        let mut twap = Twap::new(Ts::new(10_000), &parent, LOT).unwrap();
        twap.start(Ts::new(10_000), Amount::new(smallest));
        while let Some(ts) = twap.next_timer() {
            let Some(due) = twap.on_timer(ts, Amount::ZERO) else { continue };
            for part in [due.take, due.post] {
                prop_assert!(part == Amount::ZERO || part.get() >= smallest);
                twap.on_fill(part);
            }
        }
        prop_assert_eq!(twap.status(), ParentStatus::Completed);
        prop_assert!(twap.leaves_qty() == Amount::ZERO || parent.order_qty.get() < smallest.max(LOT.get()));
    }

    /// Any command at all: a refusal or a plan, and never a panic.
    #[test]
    fn any_command_is_answered(numbers in proptest::collection::vec(any::<i64>(), 8), slices in 0u32..2_000, seed: u64, ts: i64) {
        let order_qty = Amount::new(i128::from(numbers[0]) << (seed % 64));
        let clip = |i: usize| Fraction::new(if seed & (1 << i) == 0 { numbers[i].rem_euclid(1_000_000_001) } else { numbers[i] });
        let parent = SubmitParent {
            order_qty, ts_start: Ts::new(numbers[1]), duration_ns: numbers[2], slices, limit: clip(3), size_jitter: clip(4),
            time_jitter: clip(5), catch_up_cap: Fraction::new(numbers[6]), passive_share: clip(7), seed, ..parent(1, 1)
        };
        if let Ok(mut twap) = Twap::new(Ts::new(ts), &parent, LOT) {
            twap.start(Ts::new(ts), Amount::new(numbers[0].into()));
            for _ in 0..5 {
                let Some(next) = twap.next_timer() else { break };
                twap.on_timer(next, Amount::new(numbers[3].into()));
                twap.on_fill(Amount::MAX);
                twap.on_fill(Amount::MIN);
            }
        }
    }
}
