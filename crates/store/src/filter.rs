//! Conditions of a list, with their values, and counting that stays cheap.

mod ways;

use frontdesk_model::{Id, Result};
pub(crate) use ways::{FIRST, LATEST_ENTRIES, Latest};
pub use ways::{Order, Route, Searched};

use crate::tx::{Dialect, Tx};
use crate::value::{Arg, Row};

/// Up to this many matches a count is exact. Beyond it is a lower bound that always exceeds `offset + limit` while
/// records follow, because counting without a bound takes time that grows with the store.
pub const COUNT_EXACT_MAX: i64 = 10_000;

/// A piece of SQL with the values of its `?`, in order.
#[derive(Clone, Debug)]
pub struct Piece {
    sql: String,
    values: Vec<Owned>,
}

/// A value that a piece keeps.
#[derive(Clone, Debug)]
pub enum Owned {
    /// An id.
    Id(Id),
    /// A list of ids.
    Ids(Vec<Id>),
    /// A text.
    Text(String),
    /// A number or a time.
    Int(i64),
}

impl Owned {
    fn arg(&self) -> Arg<'_> {
        match self {
            Owned::Id(id) => Arg::from(id),
            Owned::Ids(ids) => Arg::from(ids),
            Owned::Text(text) => Arg::from(text),
            Owned::Int(int) => Arg::Int(*int),
        }
    }
}

impl From<Id> for Owned {
    fn from(id: Id) -> Owned {
        Owned::Id(id)
    }
}

impl From<String> for Owned {
    fn from(text: String) -> Owned {
        Owned::Text(text)
    }
}

impl From<i64> for Owned {
    fn from(int: i64) -> Owned {
        Owned::Int(int)
    }
}

impl Piece {
    /// A piece of SQL; `?` stands for a value.
    pub fn new(sql: impl Into<String>, values: Vec<Owned>) -> Piece {
        Piece { sql: sql.into(), values }
    }

    /// The condition that `column` is one of `ids`. One id is compared by equality, so that an index is read in its
    /// order.
    pub fn one_of(dialect: Dialect, column: &str, ids: &[Id]) -> Piece {
        match (ids, dialect) {
            ([], _) => Piece::new("FALSE", Vec::new()),
            ([id], _) => Piece::new(format!("{column} = ?"), vec![Owned::Id(*id)]),
            (ids, Dialect::Sqlite) => Piece::new(format!("{column} IN rarray(?)"), vec![Owned::Ids(ids.to_vec())]),
            (ids, Dialect::Postgres) => Piece::new(format!("{column} = ANY(?)"), vec![Owned::Ids(ids.to_vec())]),
        }
    }

    /// The same with SQL around it: `{}` in `around` stands for the piece.
    pub fn within(self, around: &str) -> Piece {
        Piece { sql: around.replacen("{}", &self.sql, 1), values: self.values }
    }

    /// This and then the other, as one text.
    pub fn followed_by(mut self, other: Piece) -> Piece {
        self.sql += &other.sql;
        self.values.extend(other.values);
        self
    }

    /// Both hold.
    pub fn and(mut self, other: Piece) -> Piece {
        self.sql += " AND ";
        self.sql += &other.sql;
        self.values.extend(other.values);
        self
    }

    /// Writes it with the placeholders that follow the first `bound` ones.
    fn numbered(&self, bound: usize) -> String {
        let mut sql = String::with_capacity(self.sql.len() + 8);
        let mut number = bound;
        for (index, part) in self.sql.split('?').enumerate() {
            if index > 0 {
                number += 1;
                sql += &format!("${number}");
            }
            sql += part;
        }
        sql
    }
}

/// Conditions joined by AND, and the values that they refer to.
#[derive(Clone)]
pub struct Filter<'a> {
    conditions: Vec<String>,
    values: Vec<Bound<'a>>,
    /// Each: any of these routes.
    routes: Vec<Vec<Route>>,
    /// Conditions on the rows themselves that an index answers.
    own: Vec<Route>,
}

#[derive(Clone)]
enum Bound<'a> {
    Borrowed(Arg<'a>),
    Owned(Owned),
}

impl Default for Filter<'_> {
    fn default() -> Self {
        Filter { conditions: vec!["TRUE".into()], values: Vec::new(), routes: Vec::new(), own: Vec::new() }
    }
}

impl<'a> Filter<'a> {
    /// Binds a value and returns its placeholder, such as `$3`.
    pub fn bind(&mut self, value: impl Into<Arg<'a>>) -> String {
        self.values.push(Bound::Borrowed(value.into()));
        format!("${}", self.values.len())
    }

    /// The condition that `column` is one of `ids`, to be built into another one.
    pub fn list(&mut self, tx: &dyn Tx, column: &str, ids: &'a [Id]) -> String {
        // One id compared by equality lets the engine read an index in its order.
        if let [id] = ids {
            return format!("{column} = {}", self.bind(id));
        }
        self.values.push(Bound::Borrowed(Arg::Ids(ids)));
        tx.in_list(column, self.values.len())
    }

    /// Binds the values of a piece and returns its SQL.
    fn place(&mut self, piece: Piece) -> String {
        let sql = piece.numbered(self.values.len());
        self.values.extend(piece.values.into_iter().map(Bound::Owned));
        sql
    }

    /// Adds a piece as a condition.
    pub fn and_piece(&mut self, piece: Piece) {
        let sql = self.place(piece);
        self.conditions.push(sql);
    }

    /// Adds the condition that any of these routes leads to the row, or that none does.
    pub fn and_any(&mut self, routes: Vec<Route>, holds: bool) {
        if holds {
            self.routes.push(routes);
        } else {
            self.and_routes(routes, "NOT ");
        }
    }

    /// Adds a condition on the rows themselves that an index answers: another way in when a search asks for more.
    pub fn and_own(&mut self, route: Route) {
        self.own.push(route);
    }

    fn and_routes(&mut self, routes: Vec<Route>, not: &str) {
        let any = self.any_of(routes);
        self.conditions.push(format!("{not}{any}"));
    }

    fn any_of(&mut self, routes: Vec<Route>) -> String {
        let conditions: Vec<String> = routes.into_iter().map(|route| self.place(route.one)).collect();
        if conditions.is_empty() { "FALSE".into() } else { format!("({})", conditions.join(" OR ")) }
    }

    /// Adds a condition.
    pub fn and(&mut self, condition: impl Into<String>) {
        self.conditions.push(condition.into());
    }

    /// Adds the condition that `column` equals `value`.
    pub fn and_equal(&mut self, column: &str, value: impl Into<Arg<'a>>) {
        let placeholder = self.bind(value);
        self.conditions.push(format!("{column} = {placeholder}"));
    }

    /// Adds the condition that `column` is one of `ids`.
    pub fn and_in(&mut self, tx: &dyn Tx, column: &str, ids: &'a [Id]) {
        let condition = self.list(tx, column, ids);
        self.conditions.push(condition);
    }

    /// All conditions as one.
    pub fn condition(&self) -> String {
        self.conditions.join(" AND ")
    }

    /// The bound values, in the order of their placeholders.
    pub fn values(&self) -> Vec<Arg<'_>> {
        self.values
            .iter()
            .map(|bound| match bound {
                Bound::Borrowed(value) => *value,
                Bound::Owned(value) => value.arg(),
            })
            .collect()
    }

    /// How many rows of `table` match: exact up to [`COUNT_EXACT_MAX`], and always more than `offset + limit` while
    /// records follow.
    pub fn count(&self, tx: &mut dyn Tx, table: &str, offset: i64, limit: i64) -> Result<i64> {
        debug_assert!(self.routes.is_empty() && self.own.is_empty(), "what leads through an index is searched");
        self.count_to(tx, table, COUNT_EXACT_MAX.max(offset.saturating_add(limit)).saturating_add(1))
    }

    fn count_to(&self, tx: &mut dyn Tx, table: &str, most: i64) -> Result<i64> {
        let mut values = self.values();
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {} LIMIT ${}) AS matches",
            self.condition(),
            values.len() + 1
        );
        values.push(Arg::Int(most));
        tx.one(&sql, &values)?.get(0)
    }

    /// One page of rows: `select` is everything up to WHERE, `order` what follows ORDER BY.
    pub fn page(&self, tx: &mut dyn Tx, select: &str, order: &str, offset: i64, limit: i64) -> Result<Vec<Row>> {
        debug_assert!(self.routes.is_empty() && self.own.is_empty(), "what leads through an index is searched");
        let mut values = self.values();
        let condition = self.condition();
        let (limit_at, offset_at) = (values.len() + 1, values.len() + 2);
        let sql = format!("{select} WHERE {condition} ORDER BY {order} LIMIT ${limit_at} OFFSET ${offset_at}");
        values.extend([Arg::Int(limit), Arg::Int(offset)]);
        tx.query(&sql, &values)
    }
}
