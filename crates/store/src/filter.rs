//! Conditions of a list, with their values, and counting that stays cheap.

use frontdesk_model::Result;

use crate::tx::Tx;
use crate::value::{Arg, Row};

/// Up to this many matches a count is exact. Beyond it is a lower bound that always exceeds `offset + limit` while
/// records follow, because counting without a bound takes time that grows with the store.
pub const COUNT_EXACT_MAX: i64 = 10_000;

/// Conditions joined by AND, and the values that they refer to.
pub struct Filter<'a> {
    conditions: Vec<String>,
    values: Vec<Bound<'a>>,
}

enum Bound<'a> {
    Borrowed(Arg<'a>),
    Text(String),
}

impl Default for Filter<'_> {
    fn default() -> Self {
        Filter { conditions: vec!["TRUE".into()], values: Vec::new() }
    }
}

impl<'a> Filter<'a> {
    /// Binds a value and returns its placeholder, such as `$3`.
    pub fn bind(&mut self, value: impl Into<Arg<'a>>) -> String {
        self.values.push(Bound::Borrowed(value.into()));
        format!("${}", self.values.len())
    }

    /// Binds a text that was made for this filter; returns the number of its placeholder.
    pub fn bind_owned(&mut self, text: String) -> usize {
        self.values.push(Bound::Text(text));
        self.values.len()
    }

    /// The condition that `column` is one of `ids`, to be built into another one.
    pub fn list(&mut self, tx: &dyn Tx, column: &str, ids: &'a [frontdesk_model::Id]) -> String {
        // One id compared by equality lets the engine read an index in its order.
        if let [id] = ids {
            return format!("{column} = {}", self.bind(id));
        }
        self.values.push(Bound::Borrowed(Arg::Ids(ids)));
        tx.in_list(column, self.values.len())
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
    pub fn and_in(&mut self, tx: &dyn Tx, column: &str, ids: &'a [frontdesk_model::Id]) {
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
                Bound::Text(text) => Arg::Text(text),
            })
            .collect()
    }

    /// How many rows of `from` match: exact up to [`COUNT_EXACT_MAX`], and always more than `offset + limit` while
    /// records follow.
    pub fn count(&self, tx: &mut dyn Tx, from: &str, offset: i64, limit: i64) -> Result<i64> {
        let bound = COUNT_EXACT_MAX.max(offset.saturating_add(limit)).saturating_add(1);
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {from} WHERE {} LIMIT ${}) AS matches",
            self.condition(),
            self.values.len() + 1
        );
        let mut values = self.values();
        values.push(Arg::Int(bound));
        tx.one(&sql, &values)?.get(0)
    }

    /// One page of rows: `select` is everything up to WHERE, `order` what follows ORDER BY.
    pub fn page(&self, tx: &mut dyn Tx, select: &str, order: &str, offset: i64, limit: i64) -> Result<Vec<Row>> {
        let (limit_at, offset_at) = (self.values.len() + 1, self.values.len() + 2);
        let sql = format!("{select} WHERE {} ORDER BY {order} LIMIT ${limit_at} OFFSET ${offset_at}", self.condition());
        let mut values = self.values();
        values.extend([Arg::Int(limit), Arg::Int(offset)]);
        tx.query(&sql, &values)
    }
}
