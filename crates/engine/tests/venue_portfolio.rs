//! Portfolio margin at the venue: after any commands what an account needs is what its positions come to from scratch
//! under the last surface, and a twin read back from its bytes goes on alike. A failure prints its seed.

mod venue_draw;
mod venue_world;

use std::collections::BTreeMap;

use tiderace_engine::risk_arrays::{Maturity, Product, RiskModel, Underlying};
use tiderace_engine::venue::{MarginTerms, PortfolioRules, Venue, VenueConfig, sets};
use tiderace_margin::{Factor, Portfolio, RiskArrays};
use tiderace_types::venue::{
    ANY_INSTRUMENT, CancelAll, Clock, Command, CommandRefused, Event, IndexSet, MarkSet, NewOrder, SURFACE_VOLS_MAX,
    StateSet, SurfaceForward, SurfacePublished, SurfaceVol,
};
use tiderace_types::{
    AccountId, Amount, AssetId, ClOrdId, Instrument, InstrumentId, InstrumentKind, Price, PutOrCall, Qty, Rate, Reason,
    Side, Style, TradingState, Ts,
};
use venue_draw::Draw;
use venue_world::{BTC, USDC, apply, config, listing};

const ONE: i128 = 1_000_000_000_000;
const HOUR_NS: i64 = 3_600_000_000_000;
const YEAR_NS: i64 = 365 * 24 * HOUR_NS;
const PORTFOLIO: [AccountId; 2] = [AccountId(0), AccountId(1)];

/// A perpetual, one in coin, a call and a put of one strike; of three accounts two are margined by scenarios.
fn scenarios(set: &str) -> VenueConfig {
    let mut config = config();
    let perpetual = config.instruments[0].instrument.clone();
    let option = |id, put_or_call| Instrument {
        id: InstrumentId(id),
        symbol: format!("O{id}"),
        kind: InstrumentKind::Option,
        maturity_ns: Some(YEAR_NS),
        strike_price: Some(Price::new(100)),
        put_or_call: Some(put_or_call),
        ..perpetual.clone()
    };
    config.instruments.truncate(2);
    config.instruments.extend([option(2, PutOrCall::Call), option(3, PutOrCall::Put)].map(listing));
    for listing in &mut config.instruments {
        let [initial, maintenance] = ["0.1", "0.05"].map(|text| Factor::parse(text).unwrap());
        listing.clearing.margin = Some(MarginTerms::Tiered { initial, maintenance, per_unit: Factor::default() });
    }
    for account in &mut config.accounts {
        account.balances = vec![(USDC, Amount::new(250_000_000)), (BTC, Amount::new(4_000_000))];
    }
    for account in PORTFOLIO {
        config.accounts[usize::try_from(account.0).unwrap()].clearing.is_portfolio = true;
    }
    config.fund = vec![(USDC, Amount::new(50_000_000)), (BTC, Amount::new(1_000_000))];
    let params = sets::parse(sets::text(set).unwrap()).unwrap();
    config.clearing.portfolio = vec![PortfolioRules { base: BTC, params, max_age_ns: None }];
    config
}

fn surface(version: u64, forward: i128, vol: i128) -> SurfacePublished {
    let steps = |percent: i128| Amount::new(percent * ONE / 100);
    let forward = SurfaceForward {
        maturity: Ts::new(YEAR_NS),
        forward: steps(100 * forward),
        discount: steps(98),
        rate: steps(2),
    };
    let vols = [2, 3].map(|id| SurfaceVol { instrument: InstrumentId(id), vol: steps(vol) });
    SurfacePublished { base: BTC, version, forwards: vec![forward], vols: vols.into() }
}

fn venue(set: &str) -> Venue {
    let mut venue = Venue::new(scenarios(set)).unwrap();
    apply(&mut venue, IndexSet { base: BTC, price: Amount::new(100 * ONE) });
    venue
}

/// The arrays of a surface that was published just now, from scratch.
fn arrays(venue: &Venue, of: &SurfacePublished) -> BTreeMap<AssetId, RiskArrays> {
    let rate = |steps: i128| Rate::new(steps * 1_000_000);
    let maturities = of.forwards.iter().map(|row| Maturity {
        maturity_ns: row.maturity.get(),
        forward: rate(row.forward.get()),
        discount: rate(row.discount.get()),
        rate: rate(row.rate.get()),
    });
    let maturities: Vec<_> = maturities.collect();
    let model = RiskModel::new(venue.config().clearing.portfolio[0].params.clone()).unwrap();
    [(USDC, 6), (BTC, 8)]
        .map(|(settle, settle_decimals)| {
            let listed = venue.config().instruments.iter().map(|listing| &listing.instrument);
            let products = listed.filter(|of| of.settle == settle).map(|instrument| Product {
                instrument,
                vol: of.vols.iter().find(|row| row.instrument == instrument.id).map(|row| rate(row.vol.get())),
                mark: venue
                    .clearing()
                    .mark(instrument.id)
                    .filter(|_| instrument.kind == InstrumentKind::Perpetual)
                    .and_then(|mark| instrument.rate(mark)),
            });
            let products: Vec<_> = products.collect();
            let index = rate(venue.clearing().index(BTC).unwrap());
            let (now_ns, maturities) = (venue.now().get(), &maturities[..]);
            let of = Underlying { now_ns, index, maturities, products: &products, settle_decimals };
            (settle, model.arrays(&of).unwrap())
        })
        .into()
}

/// Every portfolio account needs what its positions come to; how many of them needed something.
fn checked(venue: &Venue, all: &BTreeMap<AssetId, RiskArrays>, what: &str) -> usize {
    let mut needy = 0;
    for account in PORTFOLIO {
        for (settle, arrays) in all {
            let leg = |id| arrays.legs().iter().position(|leg| leg.instrument == id);
            let held = venue.clearing().positions(account);
            let held = held.filter_map(|held| Some((u32::try_from(leg(held.instrument)?).unwrap(), held.qty)));
            let held: Vec<_> = held.collect();
            let wanted = Portfolio::of(arrays, &held).unwrap().requirement_of_positions(arrays).unwrap();
            let got = venue.clearing().standing(account, *settle);
            assert_eq!((got.initial, got.maintenance), (wanted.initial, wanted.maintenance), "{what}: {held:?}");
            needy += usize::from(wanted.initial > Amount::ZERO);
        }
    }
    needy
}

fn command(draw: &mut Draw, id: u64, now: Ts, version: u64) -> (Ts, Command) {
    match id % 30 {
        0 => (now.plus_ns(draw.small(HOUR_NS)), Clock { ts_now: now }.into()),
        // What rests would hold all that there is.
        5 => {
            let account = AccountId(u32::try_from(draw.below(3)).unwrap());
            (now, CancelAll { account, instrument: ANY_INSTRUMENT, side: 0, kind: 0 }.into())
        }
        15 => (now, StateSet { instrument: draw.instrument(), state: TradingState::Continuous }.into()),
        10 => {
            let price = Price::new(70 + draw.small(61));
            (now, MarkSet { instrument: draw.instrument(), price }.into())
        }
        20 => (now, IndexSet { base: BTC, price: Amount::new(i128::from(70 + draw.small(61)) * ONE) }.into()),
        25 => (now, surface(version, i128::from(70 + draw.small(61)), i128::from(20 + draw.small(60))).into()),
        _ => {
            let ts = now.plus_ns(draw.small(20));
            (ts, draw.command(id, ts))
        }
    }
}

/// How often an account needed something, and how often one fell below what it needed.
fn run(seed: u64, commands: u64, set: &str) -> [usize; 2] {
    let mut draw = Draw(seed);
    let mut venue = venue(set);
    let mut all = BTreeMap::new();
    let mut twin: Option<Venue> = None;
    let (mut events, mut of_twin, mut needy, mut falls, mut version) = (Vec::new(), Vec::new(), 0, 0, 1);
    for id in 1..=commands {
        let (ts, command) = command(&mut draw, id, venue.now(), version);
        events.clear();
        venue.apply(ts, &command, &mut events);
        if let Command::SurfacePublished(of) = &command {
            assert_eq!(events.iter().filter(|event| matches!(event, Event::CommandRefused(_))).count(), 0);
            assert_eq!(venue.surface_version(BTC), Some(version));
            version += 1;
            all = arrays(&venue, of);
        }
        if let Some(twin) = &mut twin {
            of_twin.clear();
            twin.apply(ts, &command, &mut of_twin);
            assert_eq!(of_twin, events, "seed {seed}, command {id}: {command:?}");
        }
        falls += events.iter().filter(|event| matches!(event, Event::MarginCalled(of) if of.is_liquidation)).count();
        needy += checked(&venue, &all, &format!("seed {seed}, command {id}"));
        if id % 100 == 0 {
            let mut bytes = Vec::new();
            venue.encode(&mut bytes);
            if let Some(twin) = &twin {
                assert_eq!(twin.digest(), venue.digest(), "seed {seed}, command {id}");
            }
            let back = Venue::decode(venue.config().clone(), &bytes).unwrap();
            assert_eq!(back.digest(), venue.digest(), "restored, seed {seed}, command {id}");
            checked(&back, &all, "restored");
            twin = Some(back);
        }
    }
    assert!(venue.clearing().is_balanced());
    [needy, falls]
}

#[test]
fn a_portfolio_needs_what_its_positions_come_to_from_scratch() {
    let (seeds, commands) = if std::env::var_os("TIDERACE_FULL").is_some() { (100, 20_000) } else { (8, 8_000) };
    for set in sets::NAMES {
        let all = (1..=seeds).map(|seed| run(seed * 0x9E37_79B9, commands, set));
        let [needy, falls] = all.fold([0; 2], |sum, of| [sum[0] + of[0], sum[1] + of[1]]);
        println!("{set}: {} commands, {needy} times something was needed, {falls} falls", seeds * commands);
        assert!(needy > 1_000 && falls > 5);
    }
}

fn refused(events: &[Event]) -> Option<Reason> {
    match events {
        [] => None,
        [Event::CommandRefused(CommandRefused { kind: SurfacePublished::KIND, reason, .. })] => Some(*reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refused_surface_leaves_every_byte_as_it_was() {
    let mut venue = venue("deribit_pm");
    assert_eq!(refused(&apply(&mut venue, surface(5, 100, 50))), None);
    let before = venue.digest();
    let good = surface(6, 100, 50);
    let with = |change: &dyn Fn(&mut SurfacePublished)| {
        let mut surface = good.clone();
        change(&mut surface);
        surface
    };
    let wrong = [
        (surface(5, 100, 50), Reason::OldSurface),
        (with(&|of| of.base = USDC), Reason::UnknownAsset),
        (with(&|of| of.base = AssetId(u16::MAX)), Reason::UnknownAsset),
        (with(&|of| of.vols.truncate(1)), Reason::IncompleteSurface),
        (with(&|of| of.forwards.clear()), Reason::IncompleteSurface),
        (with(&|of| of.forwards[0].maturity = Ts::new(1)), Reason::UnknownMaturity),
        (with(&|of| of.forwards[0].forward = Amount::ZERO), Reason::BadForward),
        (with(&|of| of.forwards[0].discount = Amount::new(-1)), Reason::BadDiscount),
        (with(&|of| of.forwards[0].rate = Amount::new(i128::MAX)), Reason::BadField),
        (with(&|of| of.vols[1].vol = Amount::new(-1)), Reason::BadVol),
        (with(&|of| of.vols[1].vol = Amount::new(i128::MIN)), Reason::BadField),
        (with(&|of| of.vols[0].instrument = InstrumentId(1)), Reason::UnknownSymbol),
        (with(&|of| of.vols[1].instrument = InstrumentId(u16::MAX)), Reason::UnknownSymbol),
        (with(&|of| of.vols.reverse()), Reason::BadField),
        (with(&|of| of.vols = vec![of.vols[0]; SURFACE_VOLS_MAX + 1]), Reason::BadField),
    ];
    for (surface, reason) in wrong {
        assert_eq!(refused(&apply(&mut venue, surface.clone())), Some(reason), "{reason:?}");
        assert_eq!(venue.digest(), before, "{reason:?}");
    }
    assert_eq!(refused(&apply(&mut venue, good)), None);
    assert_ne!(venue.digest(), before);
    assert_eq!(Venue::new(scenarios("derive_pmrm")).unwrap().surface_version(BTC), None);
}

#[test]
fn any_numbers_in_a_surface_are_taken_or_refused() {
    let mut venue = venue("derive_pmrm");
    let mut draw = Draw(77);
    let wild = |draw: &mut Draw| {
        let shift = u32::try_from(draw.below(127)).unwrap();
        let value = (i128::from(draw.below(1 << 40)) << 64 | i128::from(draw.below(1 << 63))) >> shift;
        Amount::new(if draw.one_in(4) { -value } else { value })
    };
    let mut taken = 0;
    for version in 1..3_000 {
        let mut surface = surface(version, 100, 50);
        match draw.below(4) {
            0 => surface.forwards[0].forward = wild(&mut draw),
            1 => surface.forwards[0].discount = wild(&mut draw),
            2 => surface.forwards[0].rate = wild(&mut draw),
            _ => surface.vols[1].vol = wild(&mut draw),
        }
        if draw.one_in(3) {
            apply(&mut venue, IndexSet { base: BTC, price: wild(&mut draw) });
        }
        taken += usize::from(refused(&apply(&mut venue, surface)).is_none());
    }
    println!("{taken} taken");
    assert!(taken > 10);
    let mut bytes = Vec::new();
    venue.encode(&mut bytes);
    assert_eq!(Venue::decode(venue.config().clone(), &bytes).unwrap().digest(), venue.digest());
}

#[test]
fn what_a_quanto_settles_is_no_part_of_a_surface() {
    let mut config = scenarios("deribit_pm");
    config.instruments[1].instrument.style = Style::Quanto;
    config.instruments[1].instrument.settle = USDC;
    let mut venue = Venue::new(config).unwrap();
    apply(&mut venue, IndexSet { base: BTC, price: Amount::new(100 * ONE) });
    assert_eq!(refused(&apply(&mut venue, surface(1, 100, 50))), None);
}

#[test]
fn a_restored_venue_knows_how_old_its_surface_is() {
    let mut config = scenarios("deribit_pm");
    config.clearing.portfolio[0].max_age_ns = Some(60);
    let mut venue = Venue::new(config.clone()).unwrap();
    apply(&mut venue, IndexSet { base: BTC, price: Amount::new(100 * ONE) });
    assert_eq!(refused(&apply(&mut venue, surface(1, 100, 50))), None);
    let made = venue.now();
    let order = |id| {
        NewOrder::limit(PORTFOLIO[0], InstrumentId(0), ClOrdId(id), Side::Buy, Price::new(90), Qty::new(1).unwrap())
    };
    let mut bytes = Vec::new();
    venue.encode(&mut bytes);
    for mut venue in [Venue::decode(config, &bytes).unwrap(), venue] {
        let mut events = Vec::new();
        let mut reason = |age_ns, id| {
            events.clear();
            venue.apply(made.plus_ns(age_ns), &order(id).into(), &mut events);
            events.iter().find_map(|event| match event {
                Event::Report(report) => Some(report.reason),
                _ => None,
            })
        };
        assert_eq!(reason(60, 1), Some(Reason::None));
        assert_eq!(reason(61, 2), Some(Reason::StaleSurface));
    }
}
