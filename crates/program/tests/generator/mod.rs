//! Programs from a seed: well typed, with every statement and operation, numbers from the edges, and loops that may not end.

use tiderace_program::{
    Arg, BinaryOp, Block, Const, EntryDecl, Expr, Form, Function, Host, HostFunction, HostTable, Import, ParamDecl,
    Place, RecordField, Root, SLOTS_MAX, Scalar, Step, Stmt, Type, TypeDef, UnaryOp,
};

/// splitmix64.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub(crate) fn int(&mut self) -> i64 {
        let random = self.next() as i64;
        match self.below(10) {
            0 => self.pick(&[i64::MIN, i64::MAX, i64::MIN + 1, i64::MAX - 1]),
            1 => random,
            2 => random >> 32,
            3 => 1 << (random & 63),
            4 => self.pick(&[3_037_000_499, 3_037_000_500, -3_037_000_500]),
            _ => random.rem_euclid(21) - 10,
        }
    }

    pub(crate) fn wide(&mut self) -> i128 {
        match self.below(6) {
            0 => {
                self.pick(&[i128::MIN, i128::MAX, i128::MIN + 1, 1 << 64, 1 << 63, -(1 << 63), -(1 << 63) - 1, 1 << 96])
            }
            1 => (i128::from(self.next() as i64) << 64) | i128::from(self.next()),
            2 => i128::from(self.next() as i64) << (self.next() & 63),
            _ => self.int().into(),
        }
    }

    pub(crate) fn float(&mut self) -> f64 {
        match self.below(6) {
            0 => self.pick(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 9.3e18, -9.3e18]),
            1 => f64::from_bits(self.next()),
            2 => self.int() as f64,
            3 => self.pick(&[9_223_372_036_854_775_808.0, -9_223_372_036_854_775_808.0, 1e308, 5e-324]),
            _ => (self.next() as i64 >> 40) as f64 / 1024.0,
        }
    }

    pub(crate) fn constant(&mut self, scalar: Scalar) -> Const {
        match scalar {
            Scalar::Int | Scalar::Price | Scalar::Qty => Const::I64(scalar, self.int()),
            Scalar::I128 | Scalar::Amount | Scalar::Rate => Const::I128(scalar, self.wide()),
            Scalar::Bool => Const::Bool(self.one_in(2)),
            Scalar::Float => Const::Float(tiderace_program::canonical(self.float()).to_bits()),
        }
    }
}

const INTS: Type = Type::Table(0);
const QUOTE: Type = Type::Table(1);
const STATE: Type = Type::Table(3);

fn types() -> Vec<TypeDef> {
    let field = |name: &str, ty| RecordField { name: name.to_owned(), ty };
    let scalars = |skip: usize| {
        Scalar::ALL
            .iter()
            .skip(skip)
            .map(|scalar| RecordField { name: format!("f_{}", scalar.name()), ty: Type::Scalar(*scalar) })
    };
    let quote = scalars(0).chain([field("ints", INTS)]).collect();
    let state =
        scalars(0).chain([field("quotes", Type::Table(2)), field("ints", INTS), field("quote", QUOTE)]).collect();
    vec![
        TypeDef::Array { element: Type::Scalar(Scalar::Int), len: 5 },
        TypeDef::Record { name: "Quote".to_owned(), fields: quote },
        TypeDef::Array { element: QUOTE, len: 3 },
        TypeDef::Record { name: "State".to_owned(), fields: state },
        TypeDef::Record { name: "Params".to_owned(), fields: scalars(0).chain([field("ints", INTS)]).collect() },
    ]
}

/// What the generated programs may ask.
pub(crate) fn table() -> HostTable {
    let function = |name: &str, params: &[Scalar], result| HostFunction {
        name: name.to_owned(),
        capability: (name == "echo.int").then(|| "read".to_owned()),
        params: params.to_vec(),
        result,
        fuel: 7,
        is_field: name.starts_with("still."),
    };
    HostTable {
        functions: vec![
            function("echo.int", &[Scalar::Int, Scalar::Float], Some(Scalar::Int)),
            function("echo.wide", &[Scalar::I128, Scalar::Bool, Scalar::Amount], Some(Scalar::Amount)),
            function("echo.float", &[Scalar::Float], Some(Scalar::Float)),
            function("echo.bool", &[], Some(Scalar::Bool)),
            function("tell", &[Scalar::Price, Scalar::Qty], None),
            function("still.int", &[], Some(Scalar::Int)),
            function("still.wide", &[], Some(Scalar::Amount)),
            function("still.float", &[], Some(Scalar::Float)),
            function("still.bool", &[], Some(Scalar::Bool)),
        ],
        grants: vec!["read".to_owned()],
    }
}

/// Answers by what it was asked so far, and refuses now and then.
#[derive(Clone, Default)]
pub(crate) struct Echo {
    pub(crate) asked: u64,
}

impl Host for Echo {
    fn call(&mut self, function: usize, args: &[u64; SLOTS_MAX]) -> Option<[u64; 2]> {
        let mut rng = Rng(self.asked ^ function as u64);
        for arg in args {
            rng.0 ^= arg.rotate_left(7);
            rng.next();
        }
        self.asked = rng.next();
        (!self.asked.is_multiple_of(37)).then(|| match function {
            0 => [args[0].wrapping_add(1), 0],
            3 => [self.asked & 1, 0],
            _ => [self.asked, args[0]],
        })
    }
}

struct Gen {
    rng: Rng,
    functions: Vec<Function>,
    types: Vec<TypeDef>,
    locals: Vec<Type>,
    result: Option<Scalar>,
    loops: u32,
    budget: i32,
}

/// A program of so many functions, each an entry.
pub(crate) fn form(seed: u64, functions: usize) -> Form {
    let mut generator = Gen {
        rng: Rng(seed),
        functions: Vec::new(),
        types: types(),
        locals: Vec::new(),
        result: None,
        loops: 0,
        budget: 0,
    };
    (0..functions).for_each(|_| generator.function());
    let Gen { types, functions, mut rng, .. } = generator;
    let TypeDef::Record { fields, .. } = &types[4] else { panic!("a record") };
    let param_decls = fields
        .iter()
        .map(|field| match field.ty {
            Type::Scalar(scalar) if scalar != Scalar::Float => {
                ParamDecl { default: Some(rng.constant(scalar)), min: None, max: None, unit: "1".to_owned() }
            }
            _ => ParamDecl { default: None, min: None, max: None, unit: String::new() },
        })
        .collect();
    let entries = functions.iter().enumerate().map(|(number, function)| EntryDecl {
        name: format!("f{number}"),
        function: number as u16,
        params: (0..function.params.len()).map(|param| format!("p{param}")).collect(),
    });
    Form {
        name: format!("seed_{seed}"),
        meta: vec![("a".to_owned(), "b".to_owned())],
        capabilities: vec!["read".to_owned()],
        labels: vec!["label".to_owned()],
        params: Some(4),
        param_decls,
        state: Some(3),
        imports: table()
            .functions
            .into_iter()
            .map(|function| Import { name: function.name, params: function.params, result: function.result })
            .collect(),
        entries: entries.collect(),
        functions,
        types,
        debug: None,
    }
}

/// Arguments for a function, from the edges.
pub(crate) fn arg(rng: &mut Rng, form: &Form, ty: Type) -> Arg {
    match ty {
        Type::Scalar(scalar) => rng.constant(scalar).into(),
        Type::Table(entry) => Arg::List(match &form.types[usize::from(entry)] {
            TypeDef::Array { element, len } => (0..*len).map(|_| arg(rng, form, *element)).collect(),
            TypeDef::Record { fields, .. } => fields.iter().map(|field| arg(rng, form, field.ty)).collect(),
        }),
    }
}

impl Gen {
    fn scalar(&mut self) -> Scalar {
        self.rng.pick(&[
            Scalar::Int,
            Scalar::Int,
            Scalar::Int,
            Scalar::Bool,
            Scalar::Float,
            Scalar::I128,
            Scalar::Price,
            Scalar::Qty,
            Scalar::Amount,
            Scalar::Rate,
        ])
    }

    fn ty(&mut self) -> Type {
        if self.rng.one_in(6) { self.rng.pick(&[INTS, QUOTE, Type::Table(2)]) } else { Type::Scalar(self.scalar()) }
    }

    fn function(&mut self) {
        let params: Vec<Type> = (0..self.rng.below(5)).map(|_| self.ty()).collect();
        let locals: Vec<Type> = (0..1 + self.rng.below(6)).map(|_| self.ty()).collect();
        self.result = if self.rng.one_in(8) { None } else { Some(self.scalar()) };
        self.locals = params.iter().chain(&locals).copied().collect();
        self.budget = 20 + self.rng.below(50) as i32;
        let mut body = self.block(3);
        if !matches!(body.last(), Some(Stmt::Return(_))) {
            body.push(self.leave());
        }
        self.functions.push(Function { params, result: self.result, locals, body });
    }

    fn leave(&mut self) -> Stmt {
        Stmt::Return(self.result.map(|scalar| self.expr(scalar, 3)))
    }

    fn block(&mut self, depth: usize) -> Block {
        let mut block = Vec::new();
        for _ in 0..self.rng.below(5) {
            if self.budget <= 0 {
                break;
            }
            let stmt = self.stmt(depth);
            let jumps = matches!(stmt, Stmt::Return(_) | Stmt::Break | Stmt::Continue);
            block.push(stmt);
            if jumps {
                break;
            }
        }
        block
    }

    fn stmt(&mut self, depth: usize) -> Stmt {
        self.budget -= 1;
        match self.rng.below(16) {
            0..=2 if depth > 0 => Stmt::If(self.expr(Scalar::Bool, 3), self.block(depth - 1), self.block(depth - 1)),
            3 if depth > 0 => {
                let condition = self.expr(Scalar::Bool, 2);
                Stmt::While(condition, self.round(depth))
            }
            4 | 5 if depth > 0 => match self.local(Type::Scalar(Scalar::Int)) {
                Some(local) => {
                    let start = self.expr(Scalar::Int, 1);
                    let stop = self.expr(Scalar::Int, 1);
                    let step = if self.rng.one_in(2) { int(1) } else { self.expr(Scalar::Int, 1) };
                    Stmt::For { local, start, stop, step, body: self.round(depth) }
                }
                None => self.assign(),
            },
            6 if self.loops > 0 => self.rng.pick(&[Stmt::Break, Stmt::Continue].each_ref()).clone(),
            7 if self.rng.one_in(3) => self.leave(),
            8 => self.call(None, 2).map_or_else(|| self.assign(), Stmt::Expr),
            9 => {
                let ty = self.rng.pick(&[INTS, QUOTE]);
                match self.place(ty, 1, true) {
                    Some(place) => Stmt::Zero(place),
                    None => self.assign(),
                }
            }
            10 => {
                let ty = self.rng.pick(&[INTS, QUOTE]);
                match (self.place(ty, 1, true), self.place(ty, 1, false)) {
                    (Some(target), Some(source)) => Stmt::Copy(target, source),
                    (_, _) => self.assign(),
                }
            }
            _ => self.assign(),
        }
    }

    fn round(&mut self, depth: usize) -> Block {
        self.loops += 1;
        let block = self.block(depth - 1);
        self.loops -= 1;
        block
    }

    fn assign(&mut self) -> Stmt {
        let scalar = self.scalar();
        let place = self.place(Type::Scalar(scalar), 2, true).expect("the state has every scalar");
        Stmt::Assign(place, self.expr(scalar, 4))
    }

    fn local(&mut self, ty: Type) -> Option<u16> {
        let found: Vec<u16> =
            (0..).zip(&self.locals).filter(|(_, local)| **local == ty).map(|(number, _)| number).collect();
        if found.is_empty() { None } else { Some(self.rng.pick(&found)) }
    }

    fn index(&mut self, len: i64, depth: usize) -> Step {
        Step::Index(match self.rng.below(8) {
            0 => self.expr(Scalar::Int, depth),
            1 | 2 if depth > 0 => {
                let any = self.expr(Scalar::Int, depth - 1);
                Expr::Binary(BinaryOp::Mod, Box::new(any), Box::new(int(len)))
            }
            _ => int(self.rng.below(len as usize) as i64),
        })
    }

    /// A place of this type: a local, or somewhere in an array, a record, the state, the parameters.
    fn place(&mut self, ty: Type, depth: usize, is_written: bool) -> Option<Place> {
        if self.rng.below(4) < 2
            && let Some(local) = self.local(ty)
        {
            return Some(Place { root: Root::Local(local), steps: Vec::new() });
        }
        let mut roots = vec![(Root::State, STATE)];
        if !is_written {
            roots.push((Root::Params, Type::Table(4)));
        }
        roots.extend(
            (0..).zip(&self.locals).filter(|(_, ty)| matches!(ty, Type::Table(_))).map(|(n, ty)| (Root::Local(n), *ty)),
        );
        for _ in 0..6 {
            let (root, mut at) = self.rng.pick(&roots);
            let mut steps = Vec::new();
            while at != ty {
                let Type::Table(entry) = at else { break };
                let step;
                (step, at) = match self.types[usize::from(entry)].clone() {
                    TypeDef::Array { element, len } => (self.index(len.into(), depth), element),
                    TypeDef::Record { fields, .. } => {
                        let exact: Vec<usize> = (0..fields.len()).filter(|field| fields[*field].ty == ty).collect();
                        let field = if !exact.is_empty() && self.rng.one_in(2) {
                            self.rng.pick(&exact)
                        } else {
                            self.rng.below(fields.len())
                        };
                        (Step::Field(field as u16), fields[field].ty)
                    }
                };
                steps.push(step);
            }
            if at == ty {
                return Some(Place { root, steps });
            }
        }
        match ty {
            Type::Scalar(scalar) => {
                let field = Scalar::ALL.iter().position(|one| *one == scalar)? as u16;
                Some(Place { root: Root::State, steps: vec![Step::Field(field)] })
            }
            Type::Table(_) => None,
        }
    }

    /// A call with this result.
    fn call(&mut self, result: Option<Scalar>, depth: usize) -> Option<Expr> {
        if self.rng.one_in(2) {
            let imports = table().functions;
            let fitting: Vec<usize> = (0..imports.len()).filter(|number| imports[*number].result == result).collect();
            if !fitting.is_empty() {
                let number = self.rng.pick(&fitting);
                let args = imports[number].params.iter().map(|scalar| self.expr(*scalar, depth.saturating_sub(1)));
                return Some(Expr::Host(number as u8, args.collect()));
            }
        }
        let recent = self.functions.len().saturating_sub(12);
        let fitting: Vec<usize> =
            (recent..self.functions.len()).filter(|number| self.functions[*number].result == result).collect();
        if fitting.is_empty() || !self.rng.one_in(3) {
            return None;
        }
        let number = self.rng.pick(&fitting);
        let params = self.functions[number].params.clone();
        let mut args = Vec::new();
        for ty in params {
            args.push(match ty {
                Type::Scalar(scalar) => self.expr(scalar, depth.saturating_sub(1)),
                Type::Table(_) => Expr::Read(self.place(ty, 1, true)?),
            });
        }
        Some(Expr::Call(number as u16, args))
    }

    fn expr(&mut self, scalar: Scalar, depth: usize) -> Expr {
        self.budget -= 1;
        let leaf = depth == 0 || self.budget <= 0;
        match self.rng.below(if leaf { 4 } else { 16 }) {
            0 | 1 => Expr::Const(self.rng.constant(scalar)),
            2 | 3 => match self.place(Type::Scalar(scalar), depth.saturating_sub(1).min(1), false) {
                Some(place) => Expr::Read(place),
                None => Expr::Const(self.rng.constant(scalar)),
            },
            4 => {
                let condition = self.boxed(Scalar::Bool, depth);
                Expr::Choose(condition, self.boxed(scalar, depth), self.boxed(scalar, depth))
            }
            5 => match self.local(Type::Scalar(scalar)) {
                Some(local) => Expr::Tee(local, self.boxed(scalar, depth)),
                None => self.operation(scalar, depth),
            },
            6 => match self.call(Some(scalar), depth) {
                Some(call) => call,
                None => self.operation(scalar, depth),
            },
            7 => self.cast(scalar, depth),
            8 => self.unary(scalar, depth),
            _ => self.operation(scalar, depth),
        }
    }

    fn boxed(&mut self, scalar: Scalar, depth: usize) -> Box<Expr> {
        Box::new(self.expr(scalar, depth - 1))
    }

    fn cast(&mut self, to: Scalar, depth: usize) -> Expr {
        use Scalar::{Amount, Bool, Float, I128, Int, Price, Qty, Rate};
        let from = match to {
            Int => self.rng.pick(&[Bool, Float, I128, Price, Qty, Amount, Rate]),
            Float => self.rng.pick(&[Int, I128]),
            I128 => self.rng.pick(&[Int, Price, Qty, Amount, Rate]),
            Price | Qty | Amount | Rate => self.rng.pick(&[Int, I128]),
            Bool => return self.operation(to, depth),
        };
        Expr::Cast(to, self.boxed(from, depth))
    }

    fn unary(&mut self, scalar: Scalar, depth: usize) -> Expr {
        let op = match scalar {
            Scalar::Bool => UnaryOp::Not,
            Scalar::Int => self.rng.pick(&[UnaryOp::Neg, UnaryOp::Abs, UnaryOp::Invert]),
            Scalar::Float => self.rng.pick(&[
                UnaryOp::Neg,
                UnaryOp::Abs,
                UnaryOp::Sqrt,
                UnaryOp::Exp,
                UnaryOp::Log,
                UnaryOp::Sin,
                UnaryOp::Cos,
            ]),
            Scalar::I128 | Scalar::Price | Scalar::Qty | Scalar::Amount | Scalar::Rate => {
                self.rng.pick(&[UnaryOp::Neg, UnaryOp::Abs])
            }
        };
        Expr::Unary(op, self.boxed(scalar, depth))
    }

    /// An operation on two values with this result, by the table of `docs/PROGRAM.md`.
    fn operation(&mut self, scalar: Scalar, depth: usize) -> Expr {
        use BinaryOp::{Add, And, Div, FloorDiv, Max, Min, Mod, Mul, Or, Shl, Shr, Sub, Xor};
        use Scalar::{Amount, Bool, Float, I128, Int, Price, Qty, Rate};
        if scalar == Bool {
            return self.claim(depth);
        }
        let unit = matches!(scalar, Price | Qty | Amount | Rate);
        let (op, left, right) = match self.rng.below(12) {
            0..=3 => (self.rng.pick(&[Add, Sub]), scalar, scalar),
            4 => (self.rng.pick(&[Min, Max]), scalar, scalar),
            _ => match scalar {
                Float => (self.rng.pick(&[Mul, Div, Add, Sub]), Float, Float),
                Int => match self.rng.below(8) {
                    0 => (FloorDiv, Price, Price),
                    1 => (FloorDiv, Qty, Qty),
                    2 => (self.rng.pick(&[Shl, Shr]), Int, Int),
                    3 => (self.rng.pick(&[And, Or, Xor]), Int, Int),
                    _ => (self.rng.pick(&[Mul, FloorDiv, Mod]), Int, Int),
                },
                I128 => match self.rng.below(5) {
                    0 => (FloorDiv, Amount, Amount),
                    1 => (FloorDiv, Rate, Rate),
                    _ => (self.rng.pick(&[Mul, FloorDiv, Mod]), I128, I128),
                },
                Amount if self.rng.one_in(3) => self.rng.pick(&[(Mul, Price, Qty), (Mul, Qty, Price)]),
                Price if self.rng.one_in(3) => (FloorDiv, Amount, Qty),
                Qty if self.rng.one_in(3) => (FloorDiv, Amount, Price),
                _ if unit => self.rng.pick(&[
                    (Mul, scalar, Int),
                    (Mul, Int, scalar),
                    (FloorDiv, scalar, Int),
                    (Mod, scalar, Int),
                    (Mod, scalar, scalar),
                ]),
                _ => (Add, scalar, scalar),
            },
        };
        let left = self.boxed(left, depth);
        let is_int = right == Int && !matches!(op, Add | Sub);
        let right = if is_int && self.rng.one_in(3) {
            Box::new(int(self.rng.pick(&[1, 2, 3, 7, 8, 1024, -1, -3, 63, 64, 0])))
        } else {
            self.boxed(right, depth)
        };
        Expr::Binary(op, left, right)
    }

    fn claim(&mut self, depth: usize) -> Expr {
        use BinaryOp::{Eq, Ge, Gt, Le, Lt, Ne};
        match self.rng.below(8) {
            0 => Expr::And(self.boxed(Scalar::Bool, depth), self.boxed(Scalar::Bool, depth)),
            1 => Expr::Or(self.boxed(Scalar::Bool, depth), self.boxed(Scalar::Bool, depth)),
            2 => {
                let op = self.rng.pick(&[Eq, Ne]);
                Expr::Binary(op, self.boxed(Scalar::Bool, depth), self.boxed(Scalar::Bool, depth))
            }
            _ => {
                let of = loop {
                    let scalar = self.scalar();
                    if scalar != Scalar::Bool {
                        break scalar;
                    }
                };
                let op = self.rng.pick(&[Eq, Ne, Lt, Le, Gt, Ge]);
                Expr::Binary(op, self.boxed(of, depth), self.boxed(of, depth))
            }
        }
    }
}

fn int(value: i64) -> Expr {
    Expr::Const(Const::I64(Scalar::Int, value))
}
