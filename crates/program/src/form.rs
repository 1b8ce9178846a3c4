//! The intermediate form as a tree: what the bytes say, nothing checked but their shape.

mod debug;
mod decode;
mod encode;
pub mod limits;
mod read;

pub use debug::{Debug, DebugFunction};

/// Length of a program's identity.
pub const HASH_BYTES: usize = 32;
/// First bytes of a form.
pub(crate) const MAGIC: [u8; 4] = *b"TRPF";
/// Version of the layout.
pub(crate) const VERSION: u16 = 1;
/// Magic, version, length of the core.
pub(crate) const FRAME_BYTES: usize = 10;
/// First number of a type of the table.
pub(crate) const TABLE_FROM: u16 = 16;

macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $code:literal $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$item_doc])* $item),+ }

        impl $name {
            /// Every one, in the order of codes.
            pub const ALL: &'static [Self] = &[$(Self::$item),+];

            /// Its number in the form.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self { $(Self::$item => $code),+ }
            }

            /// What the form's number means.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$item),)+ _ => None }
            }

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$item => $text),+ }
            }
        }
    };
}

coded! {
    /// Types that fit a register or two.
    Scalar {
        /// i64 without a unit.
        Int = 1 "int",
        /// True or false.
        Bool = 2 "bool",
        /// IEEE double.
        Float = 3 "float",
        /// i128 without a unit.
        I128 = 4 "i128",
        /// Ticks, i64.
        Price = 5 "Price",
        /// Lots, i64.
        Qty = 6 "Qty",
        /// Base units, i128.
        Amount = 7 "Amount",
        /// 1e-18, i128.
        Rate = 8 "Rate",
    }
}

coded! {
    /// Operations on one value.
    UnaryOp {
        /// Minus.
        Neg = 1 "-",
        /// Logical not.
        Not = 2 "not",
        /// All bits turned.
        Invert = 3 "~",
        /// Absolute value.
        Abs = 4 "abs",
        /// Square root.
        Sqrt = 5 "sqrt",
        /// e to the power.
        Exp = 6 "exp",
        /// Natural logarithm.
        Log = 7 "log",
        /// Sine of radians.
        Sin = 8 "sin",
        /// Cosine of radians.
        Cos = 9 "cos",
    }
}

coded! {
    /// Operations on two values, both evaluated.
    BinaryOp {
        /// Sum.
        Add = 1 "+",
        /// Difference.
        Sub = 2 "-",
        /// Product.
        Mul = 3 "*",
        /// Floored quotient.
        FloorDiv = 4 "//",
        /// Remainder with the divisor's sign.
        Mod = 5 "%",
        /// Quotient of floats.
        Div = 6 "/",
        /// Shift to the left, checked.
        Shl = 7 "<<",
        /// Arithmetic shift to the right.
        Shr = 8 ">>",
        /// Bits of both.
        And = 9 "&",
        /// Bits of either.
        Or = 10 "|",
        /// Bits of one.
        Xor = 11 "^",
        /// The right one if it is less.
        Min = 12 "min",
        /// The right one if it is more.
        Max = 13 "max",
        /// Equal.
        Eq = 14 "==",
        /// Not equal.
        Ne = 15 "!=",
        /// Less.
        Lt = 16 "<",
        /// Less or equal.
        Le = 17 "<=",
        /// More.
        Gt = 18 ">",
        /// More or equal.
        Ge = 19 ">=",
    }
}

/// A type by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A scalar.
    Scalar(Scalar),
    /// An entry of the type table.
    Table(u16),
}

/// An entry of the type table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeDef {
    /// `len` elements.
    Array {
        /// Type of each.
        element: Type,
        /// How many.
        len: u32,
    },
    /// Named fields.
    Record {
        /// The record's name.
        name: String,
        /// In the order of memory.
        fields: Vec<RecordField>,
    },
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordField {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// A constant; a float by its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Const {
    /// Int, Price, Qty.
    I64(Scalar, i64),
    /// I128, Amount, Rate.
    I128(Scalar, i128),
    /// Bool.
    Bool(bool),
    /// Float, as bits.
    Float(u64),
}

impl Const {
    /// The constant's type.
    #[must_use]
    pub const fn scalar(self) -> Scalar {
        match self {
            Self::I64(scalar, _) | Self::I128(scalar, _) => scalar,
            Self::Bool(_) => Scalar::Bool,
            Self::Float(_) => Scalar::Float,
        }
    }
}

/// What is declared of a parameter beside name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamDecl {
    /// Taken where none is given.
    pub default: Option<Const>,
    /// Least that is accepted.
    pub min: Option<Const>,
    /// Most that is accepted.
    pub max: Option<Const>,
    /// The unit, for people.
    pub unit: String,
}

/// A host function as the program expects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The host's name of it.
    pub name: String,
    /// Types of its arguments.
    pub params: Vec<Scalar>,
    /// Type of its result.
    pub result: Option<Scalar>,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Types of its parameters: locals from 0.
    pub params: Vec<Type>,
    /// Type of its result.
    pub result: Option<Scalar>,
    /// Types of the locals after the parameters.
    pub locals: Vec<Type>,
    /// What it does.
    pub body: Block,
}

/// A function that the host calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryDecl {
    /// Its name.
    pub name: String,
    /// Number of the function.
    pub function: u16,
    /// Names of its parameters.
    pub params: Vec<String>,
}

/// Statements in order.
pub type Block = Vec<Stmt>;

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stmt {
    /// Stores a scalar.
    Assign(Place, Expr),
    /// Either block.
    If(Expr, Block, Block),
    /// While it holds.
    While(Expr, Block),
    /// Over a range.
    For {
        /// Local that counts.
        local: u16,
        /// First.
        start: Expr,
        /// Beyond the last.
        stop: Expr,
        /// From one to the next.
        step: Expr,
        /// Each round.
        body: Block,
    },
    /// Leaves the function.
    Return(Option<Expr>),
    /// Leaves the loop.
    Break,
    /// Goes to the loop's next round.
    Continue,
    /// A call for its effect.
    Expr(Expr),
    /// Makes an array or record zero.
    Zero(Place),
    /// Copies an array or record.
    Copy(Place, Place),
}

/// Where a place begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// A local.
    Local(u16),
    /// The parameters of the program.
    Params,
    /// Its state.
    State,
}

/// From a place to a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A field of a record.
    Field(u16),
    /// An element of an array.
    Index(Expr),
}

/// Something that is read or stored to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it begins.
    pub root: Root,
    /// How it goes on.
    pub steps: Vec<Step>,
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// A constant.
    Const(Const),
    /// Reads a place.
    Read(Place),
    /// One operand.
    Unary(UnaryOp, Box<Expr>),
    /// Two operands.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// The right one only if the left one holds.
    And(Box<Expr>, Box<Expr>),
    /// The right one only if the left one does not hold.
    Or(Box<Expr>, Box<Expr>),
    /// Condition, then, else.
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Assigns a scalar local and is its value.
    Tee(u16, Box<Expr>),
    /// Calls a function of the program.
    Call(u16, Vec<Expr>),
    /// Calls an import.
    Host(u8, Vec<Expr>),
    /// As another type.
    Cast(Scalar, Box<Expr>),
}

/// A whole program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The program's name.
    pub name: String,
    /// What others say of it, sorted by key.
    pub meta: Vec<(String, String)>,
    /// What it needs to be allowed, sorted.
    pub capabilities: Vec<String>,
    /// Texts that constants name.
    pub labels: Vec<String>,
    /// Arrays and records.
    pub types: Vec<TypeDef>,
    /// Record of the parameters.
    pub params: Option<u16>,
    /// A declaration for each of its fields.
    pub param_decls: Vec<ParamDecl>,
    /// Record of the state.
    pub state: Option<u16>,
    /// Host functions.
    pub imports: Vec<Import>,
    /// Callees before callers.
    pub functions: Vec<Function>,
    /// What the host may call.
    pub entries: Vec<EntryDecl>,
    /// Positions and names, outside of the identity.
    pub debug: Option<Debug>,
}
