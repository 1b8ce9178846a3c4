//! The algorithms that are loaded, each form compiled once, and the call of a program for one of its parents.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tiderace_algo::{Algo, AlgoError, Ask, Entry, Meta, Outcome, Program, Runner, TWAP_FORM, View};
use tiderace_model::quoted::Quoted;
use tiderace_program::{Call, CompileError, Compiled, Compiler};
use tiderace_route::{Router, smallest_qty};
use tiderace_types::{Amount, Fraction, Instrument, InstrumentKind, Price, Qty, Rounding, Side, Ts};

use crate::ground::Ground;
use crate::parent::{Parent, Venue};

/// Algorithms of one desk, at most.
pub const ALGOS_MAX: usize = 1 << 16;

/// Machine code of the forms that this process compiled last: runs over the same forms compile each of them once. What is
/// found here and what is compiled anew do the same.
static CODE: Mutex<Option<Code>> = Mutex::new(None);
/// So many forms at most.
const CODE_MAX: usize = 64;
/// Levels of a book's side that a program may look at: a read costs the same wherever it looks.
const LEVELS_MAX: usize = 64;

struct Code {
    compiler: Compiler,
    /// By when they came.
    kept: VecDeque<[u8; 32]>,
}

fn compile(program: &Arc<tiderace_program::Program>) -> Result<Compiled, CompileError> {
    // Whoever panicked with the lock left a map whose entries are whole.
    let mut code = CODE.lock().unwrap_or_else(PoisonError::into_inner);
    let code = match &mut *code {
        Some(code) => code,
        none => none.insert(Code { compiler: Compiler::new()?, kept: VecDeque::with_capacity(CODE_MAX) }),
    };
    let hash = *program.hash();
    if !code.kept.contains(&hash) {
        if code.kept.len() >= CODE_MAX
            && let Some(oldest) = code.kept.pop_front()
        {
            code.compiler.forget(&oldest);
        }
        code.kept.push_back(hash);
    }
    code.compiler.compile(program)
}

/// A program with its parameters.
pub(crate) struct Loaded {
    pub(crate) meta: Arc<Meta>,
    params: Arc<[u8]>,
    state_bytes: usize,
    hash: [u8; 32],
    runner: usize,
}

/// Algorithms by number, and what runs them.
#[derive(Default)]
pub(crate) struct Algos {
    rows: Vec<Loaded>,
    /// What goes on where a program was stopped that asks for it.
    fallback: Option<Loaded>,
    runners: Vec<Runner<Lens>>,
    by_hash: BTreeMap<[u8; 32], usize>,
    is_interpreted: bool,
    router: Option<Router>,
}

impl Algos {
    /// None loaded; each call is made by the interpreter where that is asked for.
    pub(crate) fn new(router: &Router, is_interpreted: bool) -> Self {
        Self { router: Some(router.clone()), is_interpreted, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The algorithm of a form and its parameters.
    pub(crate) fn find(&self, form_hash: &[u8; 32], params: &[u8]) -> Option<usize> {
        self.rows.iter().position(|row| row.hash == *form_hash && *row.params == *params)
    }

    pub(crate) fn load(&mut self, form: &[u8], params: &[u8]) -> Result<(), AlgoError> {
        if self.rows.len() >= ALGOS_MAX {
            return Err(AlgoError::TooMany(self.rows.len()));
        }
        let row = self.prepare(Algo::load(form, Some(params))?)?;
        if row.meta.on_stop == tiderace_algo::OnStop::Twap && self.fallback.is_none() {
            self.fallback = Some(self.prepare(Algo::load(TWAP_FORM, None)?)?);
        }
        self.rows.push(row);
        Ok(())
    }

    /// Compiles a form, unless it is compiled.
    fn prepare(&mut self, algo: Algo) -> Result<Loaded, AlgoError> {
        let hash = *algo.program.hash();
        let (state_bytes, Algo { program, meta, params }) = (algo.program.state_bytes(), algo);
        let runner = match self.by_hash.get(&hash).copied() {
            Some(runner) => runner,
            None => {
                let program = match self.is_interpreted {
                    true => Program::Interpreted(program),
                    false => Program::Compiled(compile(&program).map_err(AlgoError::Compile)?),
                };
                let lens = Lens { ground: Box::default(), parent: Box::default(), router: self.router.clone(), now: 0 };
                self.runners.push(Runner::new(program, lens).map_err(AlgoError::Compile)?);
                let runner = self.runners.len().saturating_sub(1);
                self.by_hash.insert(hash, runner);
                runner
            }
        };
        Ok(Loaded { meta, params, state_bytes, hash, runner })
    }

    pub(crate) fn get(&self, row: u32) -> Option<&Loaded> {
        self.rows.get(usize::try_from(row).ok()?)
    }

    /// Zeros, as long as the state of a parent's program.
    pub(crate) fn new_state(&self, parent: &Parent) -> Vec<u8> {
        vec![0; self.of(parent).map_or(0, |loaded| loaded.state_bytes)]
    }

    /// What works a parent now.
    pub(crate) fn of(&self, parent: &Parent) -> Option<&Loaded> {
        if parent.is_fallback { self.fallback.as_ref() } else { self.get(parent.command.algo) }
    }

    pub(crate) fn has_fallback(&self) -> bool {
        self.fallback.is_some()
    }

    /// Calls an entry of the parent's program, `None` where it has none. What it asks for stands in `asks` after it; a
    /// program that was stopped asks for nothing, and its state, draws and numbers are as before.
    pub(crate) fn call(
        &mut self,
        ground: &mut Box<Ground>,
        parent: &mut Box<Parent>,
        ts: Ts,
        (entry, args): (Entry, [i64; 4]),
        asks: &mut Vec<Ask>,
    ) -> Option<Outcome> {
        let Self { rows, fallback, runners, .. } = self;
        let loaded = match parent.is_fallback {
            true => fallback.as_ref()?,
            false => rows.get(usize::try_from(parent.command.algo).ok()?)?,
        };
        let number = loaded.meta.entry(entry)?;
        let runner = runners.get_mut(loaded.runner)?;
        let mut bytes = [0; 32];
        for (slot, arg) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(args) {
            *slot = arg.to_le_bytes();
        }
        let args = bytes.get_mut(..entry.args_bytes())?;
        let mut state = core::mem::take(&mut parent.state);
        let host = runner.host();
        (host.chance, host.children) = (parent.chance, parent.numbered);
        host.children_max = parent.numbered_before.saturating_add(loaded.meta.children.into());
        host.view.now = ts.get();
        // What is lent goes into the host for the length of the call and comes back whatever happens in it.
        core::mem::swap(&mut host.view.ground, ground);
        core::mem::swap(&mut host.view.parent, parent);
        let call = Call { entry: number, params: &loaded.params, state: &mut state, args, fuel: loaded.meta.fuel };
        let outcome = runner.call(call);
        let host = runner.host();
        core::mem::swap(&mut host.view.ground, ground);
        core::mem::swap(&mut host.view.parent, parent);
        parent.state = state;
        core::mem::swap(&mut host.asks, asks);
        match outcome {
            Outcome::Done => (parent.chance, parent.numbered) = (host.chance, host.children),
            Outcome::Stopped { .. } => asks.clear(),
        }
        Some(outcome)
    }
}

/// What a program sees: the markets, and its parent.
pub(crate) struct Lens {
    ground: Box<Ground>,
    parent: Box<Parent>,
    router: Option<Router>,
    now: i64,
}

impl Lens {
    fn at(&self, venue: i64) -> Option<(&Venue, &Instrument)> {
        let venue = self.parent.venues.get(usize::try_from(venue).ok()?)?;
        Some((venue, self.ground.instruments.get(venue.instrument.index())?))
    }

    /// The option that a venue is, as it stands; the inner `None` is no option, or one that nothing is known of.
    fn quoted(&self, venue: i64) -> Option<Option<Quoted>> {
        let (_, instrument) = self.at(venue)?;
        let Ground { marks, .. } = &*self.ground;
        let mid2 = marks.underlying(instrument.id).and_then(|underlying| self.ground.mid2(underlying));
        Some(mid2.and_then(|mid2| marks.quoted(instrument, Ts::new(self.now), mid2)))
    }

    fn book(&self, venue: i64) -> Option<(Option<&tiderace_book::Book>, &Instrument)> {
        let (venue, instrument) = self.at(venue)?;
        Some((self.ground.books.get(venue.instrument.index()).filter(|book| book.is_live()), instrument))
    }

    fn level(&self, venue: i64, side: Side, level: i64) -> Option<Option<(i64, i64)>> {
        let (book, instrument) = self.book(venue)?;
        let level = usize::try_from(level).ok().filter(|level| *level < LEVELS_MAX);
        let found = book.zip(level).and_then(|(book, level)| match level {
            0 => book.best(side),
            level => book.levels(side).nth(level),
        });
        Some(found.map(|level| (level.price.get(), instrument.lots_of_feed_qty(level.qty_e8).get())))
    }
}

impl View for Lens {
    fn now(&self) -> i64 {
        self.now
    }
    fn start(&self) -> i64 {
        self.parent.ts_start.get()
    }
    fn end(&self) -> i64 {
        self.parent.ts_end.map_or(i64::MAX, Ts::get)
    }
    fn is_buy(&self) -> bool {
        self.parent.command.side == Side::Buy
    }
    fn order_qty(&self) -> i128 {
        self.parent.command.order_qty.get().saturating_sub(self.parent.rest_from)
    }
    fn filled(&self) -> i128 {
        self.parent.cum.saturating_sub(self.parent.rest_from)
    }
    fn working(&self) -> i128 {
        self.parent.working(&self.ground, None)
    }
    fn smallest(&self) -> i128 {
        self.router.as_ref().map_or(i128::MAX, |router| self.parent.smallest(&self.ground, router))
    }
    fn lot(&self) -> i128 {
        self.parent.lot.get()
    }
    fn pending(&self) -> i64 {
        count(self.parent.open.iter().filter(|child| child.is_canceling).count())
    }
    fn children(&self) -> i64 {
        count(self.parent.open.len())
    }
    fn is_open(&self, child: i64) -> bool {
        self.parent.child(child).is_some()
    }
    fn child_left(&self, child: i64) -> i64 {
        self.parent.child(child).map_or(0, |child| child.unbooked.get())
    }
    fn child_price(&self, child: i64) -> i64 {
        self.parent.child(child).map_or(0, |child| child.price.get())
    }
    fn child_venue(&self, child: i64) -> i64 {
        self.parent.child(child).map_or(-1, |child| count(child.venue))
    }
    fn venues(&self) -> i64 {
        count(self.parent.venues.len())
    }
    fn is_live(&self, venue: i64) -> Option<bool> {
        Some(self.book(venue)?.0.is_some())
    }
    fn price(&self, venue: i64, side: Side, level: i64) -> Option<i64> {
        Some(self.level(venue, side, level)?.map_or(0, |(price, _)| price))
    }
    fn depth(&self, venue: i64, side: Side, level: i64) -> Option<i64> {
        Some(self.level(venue, side, level)?.map_or(0, |(_, lots)| lots))
    }
    fn qty_at(&self, venue: i64, side: Side, price: i64) -> Option<i64> {
        let (book, instrument) = self.book(venue)?;
        Some(book.map_or(0, |book| instrument.lots_of_feed_qty(book.qty_at(side, Price::new(price))).get()))
    }
    fn last(&self, venue: i64) -> Option<i64> {
        let (venue, _) = self.at(venue)?;
        let prints = self.ground.prints.get(venue.instrument.index())?;
        Some(if prints.trades > venue.prints.trades { prints.last.get() } else { 0 })
    }
    fn traded(&self, venue: i64) -> Option<i64> {
        let (venue, instrument) = self.at(venue)?;
        let prints = self.ground.prints.get(venue.instrument.index())?;
        let qty_e8 = prints.qty_e8.saturating_sub(venue.prints.qty_e8);
        Some(instrument.lots_of_feed_qty(i64::try_from(qty_e8).unwrap_or(i64::MAX)).get())
    }
    fn others(&self) -> i128 {
        self.parent.others(&self.ground)
    }
    fn limit(&self, venue: i64) -> Option<i64> {
        Some(self.at(venue)?.0.limit(self.parent.command.side).get())
    }
    fn arrival(&self, venue: i64, side: Side) -> Option<i64> {
        let (venue, _) = self.at(venue)?;
        Some(if side == Side::Buy { venue.bid.get() } else { venue.ask.get() })
    }
    fn exposure(&self, venue: i64, qty: i64, price: i64) -> Option<i128> {
        let (_, instrument) = self.at(venue)?;
        let exposure = instrument.exposure(Qty::new(qty).unwrap_or(Qty::ZERO), Price::new(price), Rounding::Ceil);
        Some(exposure.map_or(0, Amount::get))
    }
    fn lots(&self, venue: i64, amount: i128, price: i64) -> Option<i64> {
        Some(self.at(venue)?.1.qty_within(Amount::new(amount), Price::new(price)).get())
    }
    fn least(&self, venue: i64, price: i64) -> Option<i64> {
        Some(smallest_qty(self.at(venue)?.1, Price::new(price)).map_or(i64::MAX, Qty::get))
    }
    fn position(&self, venue: i64) -> Option<i64> {
        self.ground.positions.get(self.at(venue)?.0.instrument.index()).copied()
    }
    fn vol(&self, venue: i64) -> Option<i64> {
        let (venue, _) = self.at(venue)?;
        Some(self.ground.marks.vol_e9(venue.instrument).unwrap_or(0))
    }
    fn price_at_vol(&self, venue: i64, vol: i64, is_up: bool) -> Option<i64> {
        Some(self.quoted(venue)?.and_then(|option| option.price_at_vol(vol, is_up)).unwrap_or(0))
    }
    fn vol_at_price(&self, venue: i64, price: i64) -> Option<i64> {
        Some(self.quoted(venue)?.and_then(|option| option.vol_at_price(price)).unwrap_or(0))
    }
    fn delta(&self, venue: i64) -> Option<i64> {
        if self.at(venue)?.1.kind != InstrumentKind::Option {
            return Some(Fraction::ONE.get());
        }
        Some(self.quoted(venue)?.and_then(|option| option.delta_e9()).unwrap_or(0))
    }
    fn vega(&self, venue: i64) -> Option<i64> {
        Some(self.quoted(venue)?.and_then(|option| option.vega_e9()).unwrap_or(0))
    }
    fn price_at_value(&self, venue: i64, value: i64, in_coin: bool, is_up: bool) -> Option<i64> {
        Some(self.quoted(venue)?.and_then(|option| option.price_at_value(value, in_coin, is_up)).unwrap_or(0))
    }
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
