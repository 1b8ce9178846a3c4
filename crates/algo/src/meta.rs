//! What a program states of itself: its meta and its entries.

use tiderace_program::{Program, Scalar, Type};

use crate::algo::AlgoError;
use crate::table::BOOKS;

/// Fuel of one call, where the meta names none.
const FUEL: u64 = 1_000_000;
/// Most fuel that a meta may name: a tenth of a second of sums, several of reads.
const FUEL_MAX: u64 = 100_000_000;
/// Children of a life, where the meta names none.
const CHILDREN: u32 = 10_000;
/// Most that a meta may name.
const CHILDREN_MAX: u32 = 10_000_000;

/// Which orders it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One side, a quantity.
    Parent,
    /// Both sides, the net bounded.
    TwoSided,
}

/// What becomes of its working orders when it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStop {
    /// They are canceled.
    Cancel,
    /// They stay.
    Leave,
    /// They are canceled, and the rest goes on by the shipped TWAP.
    Twap,
}

/// What the desk holds a parent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// A limit price.
    Limit,
    /// Taking by itself at a good price.
    Would,
    /// A largest share of what traded.
    Participation,
    /// A largest child.
    Clip,
    /// An end.
    End,
    /// Spread and range.
    Gates,
}

impl Control {
    /// Every control, with its name in a meta.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Limit, "limit"),
        (Self::Would, "would"),
        (Self::Participation, "participation"),
        (Self::Clip, "clip"),
        (Self::End, "end"),
        (Self::Gates, "gates"),
    ];

    /// Its number from 1: what a refusal names.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Limit => 1,
            Self::Would => 2,
            Self::Participation => 3,
            Self::Clip => 4,
            Self::End => 5,
            Self::Gates => 6,
        }
    }
}

/// A set of controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controls(u8);

impl Controls {
    /// Whether a control is one of them.
    #[must_use]
    pub const fn has(self, control: Control) -> bool {
        self.0 & (1 << control.number()) != 0
    }

    fn parse(text: &str) -> Result<Self, AlgoError> {
        text.split_whitespace().try_fold(Self(0), |set, word| {
            let (control, _) =
                Control::ALL.into_iter().find(|(_, name)| *name == word).ok_or_else(|| bad("controls", text))?;
            Ok(Self(set.0 | 1 << control.number()))
        })
    }

    const fn all() -> Self {
        Self(u8::MAX)
    }
}

/// When a program is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Arrival.
    Start,
    /// Its time has come.
    Timer,
    /// A book changed.
    Book,
    /// A trade printed.
    Trade,
    /// Own fill.
    Fill,
    /// A child closed.
    Child,
}

impl Entry {
    const INT: Type = Type::Scalar(Scalar::Int);
    const PRICE: Type = Type::Scalar(Scalar::Price);
    const QTY: Type = Type::Scalar(Scalar::Qty);
    const BOOL: Type = Type::Scalar(Scalar::Bool);

    /// Every entry with its name and the types of its arguments.
    const ALL: [(Self, &'static str, &'static [Type]); 6] = [
        (Self::Start, "on_start", &[]),
        (Self::Timer, "on_timer", &[]),
        (Self::Book, "on_book", &[Self::INT]),
        (Self::Trade, "on_trade", &[Self::INT, Self::PRICE, Self::QTY, Self::BOOL]),
        (Self::Fill, "on_fill", &[Self::INT, Self::INT, Self::PRICE, Self::QTY]),
        (Self::Child, "on_child", &[Self::INT]),
    ];
}

impl Entry {
    /// Bytes of its arguments.
    #[must_use]
    pub const fn args_bytes(self) -> usize {
        match self {
            Self::Start | Self::Timer => 0,
            Self::Book | Self::Child => 8,
            Self::Trade | Self::Fill => 32,
        }
    }
}

/// Numbers of a program's entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    start: usize,
    timer: Option<usize>,
    book: Option<usize>,
    trade: Option<usize>,
    fill: Option<usize>,
    child: Option<usize>,
}

/// What a program states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// What a config calls it.
    pub name: String,
    /// Which orders it works.
    pub kind: Kind,
    /// Which controls it works with.
    pub controls: Controls,
    /// What becomes of its working orders when it is stopped.
    pub on_stop: OnStop,
    /// Fuel of one call.
    pub fuel: u64,
    /// Children of a life.
    pub children: u32,
    pub(crate) entries: Entries,
}

impl Meta {
    /// The number of an entry that it has.
    #[must_use]
    pub const fn entry(&self, entry: Entry) -> Option<usize> {
        match entry {
            Entry::Start => Some(self.entries.start),
            Entry::Timer => self.entries.timer,
            Entry::Book => self.entries.book,
            Entry::Trade => self.entries.trade,
            Entry::Fill => self.entries.fill,
            Entry::Child => self.entries.child,
        }
    }

    pub(crate) fn of(program: &Program) -> Result<Self, AlgoError> {
        let form = program.form();
        let mut meta = Self {
            name: form.name.to_lowercase(),
            kind: Kind::Parent,
            controls: Controls::all(),
            on_stop: OnStop::Cancel,
            fuel: FUEL,
            children: CHILDREN,
            entries: entries_of(program)?,
        };
        for (key, value) in &form.meta {
            match key.as_str() {
                "name" => meta.name.clone_from(value),
                "kind" => {
                    meta.kind = match value.as_str() {
                        "parent" => Kind::Parent,
                        "two_sided" => Kind::TwoSided,
                        _ => return Err(bad("kind", value)),
                    }
                }
                "controls" => meta.controls = Controls::parse(value)?,
                "on_stop" => {
                    meta.on_stop = match value.as_str() {
                        "cancel" => OnStop::Cancel,
                        "leave" => OnStop::Leave,
                        "twap" => OnStop::Twap,
                        _ => return Err(bad("on_stop", value)),
                    }
                }
                "fuel" => meta.fuel = bounded("fuel", value, FUEL_MAX)?,
                "children" => {
                    let children = bounded("children", value, CHILDREN_MAX.into())?;
                    meta.children = u32::try_from(children).unwrap_or(CHILDREN_MAX);
                }
                // What others say of it is theirs.
                _ => {}
            }
        }
        if meta.kind == Kind::TwoSided && meta.on_stop == OnStop::Twap {
            return Err(bad("on_stop", "twap"));
        }
        Ok(meta)
    }
}

fn entries_of(program: &Program) -> Result<Entries, AlgoError> {
    let mut entries = Entries::default();
    let has_books = program.form().capabilities.iter().any(|capability| capability == BOOKS);
    for (number, found) in program.entries().iter().enumerate() {
        let named = Entry::ALL
            .into_iter()
            .find(|(_, name, types)| *name == found.name && found.params.iter().map(|(_, ty)| ty).eq(types.iter()));
        let Some((entry, ..)) = named else { return Err(AlgoError::Entry(found.name.clone())) };
        match entry {
            Entry::Book | Entry::Trade if !has_books => return Err(AlgoError::Entry(found.name.clone())),
            Entry::Start => entries.start = number,
            Entry::Timer => entries.timer = Some(number),
            Entry::Book => entries.book = Some(number),
            Entry::Trade => entries.trade = Some(number),
            Entry::Fill => entries.fill = Some(number),
            Entry::Child => entries.child = Some(number),
        }
    }
    if program.entry("on_start").is_none() {
        return Err(AlgoError::Entry("on_start".to_owned()));
    }
    Ok(entries)
}

fn bounded(key: &'static str, value: &str, most: u64) -> Result<u64, AlgoError> {
    let number = value.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| bad(key, value))
}

fn bad(key: &'static str, value: &str) -> AlgoError {
    AlgoError::Meta { key, value: value.to_owned() }
}
