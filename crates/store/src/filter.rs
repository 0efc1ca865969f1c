//! Conditions of a list, with their values, and counting that stays cheap.

use frontdesk_model::{Id, Result};

use crate::tx::{Dialect, Tx};
use crate::value::{Arg, Row};

/// Up to this many matches a count is exact. Beyond it is a lower bound that always exceeds `offset + limit` while
/// records follow, because counting without a bound takes time that grows with the store.
pub const COUNT_EXACT_MAX: i64 = 10_000;

/// At most this many rows that a condition leads to are looked up one by one.
const FEW_ROWS_MAX: i64 = 20_000;

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

/// A condition that leads through other rows, in both directions.
#[derive(Clone, Debug)]
pub struct Route {
    /// SELECT of the ids of all rows that match, AS id.
    all: Piece,
    /// Whether the row at hand matches.
    one: Piece,
}

impl Route {
    /// `all` selects the ids of all rows that match, AS id; `one` selects something if the row at hand does.
    pub fn new(all: Piece, one: &Piece) -> Route {
        // As a value, not EXISTS: PostgreSQL would make that a join, and read all of the other table for a page of 30.
        Route { all, one: one.clone().within("coalesce(({} LIMIT 1), FALSE)") }
    }

    /// Through the rows of `from` where `condition` holds; `key` is their column that holds the `column` of the list.
    pub fn through(from: &str, key: &str, column: &str, condition: &Piece) -> Route {
        let all = condition.clone().within(&format!("SELECT {key} AS id FROM {from} WHERE {{}}"));
        Route::new(all, &condition.clone().within(&format!("SELECT TRUE FROM {from} WHERE {key} = {column} AND {{}}")))
    }

    /// A condition on the row itself that an index can answer: `all` selects the ids.
    pub fn plain(all: Piece, condition: Piece) -> Route {
        Route { all, one: condition }
    }
}

/// Conditions joined by AND, and the values that they refer to.
pub struct Filter<'a> {
    conditions: Vec<String>,
    values: Vec<Bound<'a>>,
    /// Each: any of these routes.
    routes: Vec<Vec<Route>>,
    /// A condition that leads to many rows: counting follows it, pages ask every row of the list.
    long_way: Option<Vec<Route>>,
}

enum Bound<'a> {
    Borrowed(Arg<'a>),
    Owned(Owned),
}

impl Default for Filter<'_> {
    fn default() -> Self {
        Filter { conditions: vec!["TRUE".into()], values: Vec::new(), routes: Vec::new(), long_way: None }
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

    fn and_routes(&mut self, routes: Vec<Route>, not: &str) {
        let any = self.any_of(routes);
        self.conditions.push(format!("{not}{any}"));
    }

    fn any_of(&mut self, routes: Vec<Route>) -> String {
        let conditions: Vec<String> = routes.into_iter().map(|route| self.place(route.one)).collect();
        if conditions.is_empty() { "FALSE".into() } else { format!("({})", conditions.join(" OR ")) }
    }

    /// Chooses the way that is walked: from the rows that a route leads to, if those are few, else along the list of
    /// `table`, which has some `rows` in all, to the end of `window`. Call it before [`Filter::count`] and
    /// [`Filter::page`].
    pub fn choose_way(&mut self, tx: &mut dyn Tx, table: &str, rows: i64, window: i64) -> Result<()> {
        // Walking the list to the end of the window meets rows / matches rows for each match: below the square root
        // looking up the matches costs less.
        let even = (rows.max(1) as f64 * window.max(1) as f64).sqrt() as i64;
        let mut routes = std::mem::take(&mut self.routes);
        let mut fewest: Option<(usize, Vec<Id>)> = None;
        for (place, any) in routes.iter().enumerate() {
            let fewer = fewest.as_ref().map_or(even.min(FEW_ROWS_MAX), |(_, ids)| ids.len() as i64);
            if let Some(ids) = few(tx, any, fewer)? {
                fewest = Some((place, ids));
            }
        }
        match fewest {
            Some((place, ids)) => {
                routes.remove(place);
                self.and_piece(Piece::one_of(tx.dialect(), &format!("{table}.id"), &ids));
            }
            None if !routes.is_empty() => self.long_way = Some(routes.remove(0)),
            None => {}
        }
        for any in routes {
            self.and_routes(any, "");
        }
        Ok(())
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
        let mut values = self.values();
        let from = match &self.long_way {
            None => format!("SELECT 1 FROM {table} WHERE {}", self.condition()),
            // SQLite keeps the order of a cross join.
            Some(way) => format!(
                "SELECT DISTINCT {table}.id FROM ({}) AS way CROSS JOIN {table} WHERE {table}.id = way.id AND {}",
                joined(way.iter().map(|route| &route.all), " UNION ALL ", &mut values),
                self.condition()
            ),
        };
        let sql = format!("SELECT count(*) FROM ({from} LIMIT ${}) AS matches", values.len() + 1);
        values.push(Arg::Int(COUNT_EXACT_MAX.max(offset.saturating_add(limit)).saturating_add(1)));
        tx.one(&sql, &values)?.get(0)
    }

    /// One page of rows: `select` is everything up to WHERE, `order` what follows ORDER BY.
    pub fn page(&self, tx: &mut dyn Tx, select: &str, order: &str, offset: i64, limit: i64) -> Result<Vec<Row>> {
        let mut values = self.values();
        let mut condition = self.condition();
        if let Some(way) = &self.long_way {
            condition += &format!(" AND ({})", joined(way.iter().map(|route| &route.one), " OR ", &mut values));
        }
        let (limit_at, offset_at) = (values.len() + 1, values.len() + 2);
        let sql = format!("{select} WHERE {condition} ORDER BY {order} LIMIT ${limit_at} OFFSET ${offset_at}");
        values.extend([Arg::Int(limit), Arg::Int(offset)]);
        tx.query(&sql, &values)
    }
}

/// Pieces with something between them, and their values after those that are bound already.
fn joined<'p>(pieces: impl Iterator<Item = &'p Piece>, between: &str, values: &mut Vec<Arg<'p>>) -> String {
    let mut written = Vec::new();
    for piece in pieces {
        written.push(piece.numbered(values.len()));
        values.extend(piece.values.iter().map(Owned::arg));
    }
    written.join(between)
}

/// The ids that any of these routes leads to, if they are at most `most`.
fn few(tx: &mut dyn Tx, routes: &[Route], most: i64) -> Result<Option<Vec<Id>>> {
    let mut ids: Vec<Id> = Vec::new();
    for route in routes {
        let sql = format!("{} LIMIT ${}", route.all.numbered(0), route.all.values.len() + 1);
        let mut values: Vec<Arg> = route.all.values.iter().map(Owned::arg).collect();
        values.push(Arg::Int(most + 1));
        let rows = tx.query(&sql, &values)?;
        if rows.len() as i64 > most {
            return Ok(None);
        }
        for row in rows {
            ids.push(row.get(0)?);
        }
        ids.sort_unstable();
        ids.dedup();
    }
    Ok(Some(ids).filter(|ids| ids.len() as i64 <= most))
}
