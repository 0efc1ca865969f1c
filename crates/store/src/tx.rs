//! A transaction, the same for both engines.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Result, error};

use crate::value::{Arg, Row};

/// The two engines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// The embedded default.
    Sqlite,
    /// For several nodes.
    Postgres,
}

/// An open transaction. SQL is written once, with `$1`, `$2` … as placeholders; see `migrations/README.md` for the
/// types that both engines share. What an engine cannot share stands in `search.rs`, `migrate.rs`, `dump.rs` and the engines' files.
pub trait Tx {
    /// Which engine this is; ask only in the files named above.
    fn dialect(&self) -> Dialect;

    /// Runs a statement and returns its rows.
    fn query(&mut self, sql: &str, args: &[Arg]) -> Result<Vec<Row>>;

    /// Runs a statement and returns how many rows it changed.
    fn execute(&mut self, sql: &str, args: &[Arg]) -> Result<u64>;

    /// Runs a statement and hands its rows over one by one, for answers too large to hold.
    fn each(&mut self, sql: &str, args: &[Arg], row: &mut dyn FnMut(Row) -> Result<()>) -> Result<()>;

    /// Lets the statements of this transaction take as long as they need: for reading the whole store.
    fn lift_time_limit(&mut self) -> Result<()>;

    /// Appends to the log. The event gets its number when the transaction commits, and vanishes with it.
    fn append(&mut self, event: NewEvent);

    /// Whether somebody waits for this transaction to end. What can go on in another one ends here. Always false on
    /// PostgreSQL, where a batch is put together before it begins.
    fn is_awaited(&self) -> bool {
        false
    }

    /// The condition that `column` is in the list bound to `$number`.
    fn in_list(&self, column: &str, number: usize) -> String {
        match self.dialect() {
            Dialect::Sqlite => format!("{column} IN rarray(${number})"),
            Dialect::Postgres => format!("{column} = ANY(${number})"),
        }
    }

    /// The list bound to `$number` as rows of one column, `wanted.value`, to be joined with. Each value is then looked up
    /// where it is needed; for [`Tx::in_list`] SQLite first sorts the list into a table of its own.
    fn wanted(&self, number: usize) -> String {
        match self.dialect() {
            Dialect::Sqlite => format!("rarray(${number}) AS wanted"),
            Dialect::Postgres => format!("unnest(CAST(${number} AS BYTEA[])) AS wanted (value)"),
        }
    }

    /// A column that SQLite is not to look up in an index: it would take any equality for rare, and sort what it finds.
    /// PostgreSQL knows how common a value is.
    fn unindexed(&self, column: &str) -> String {
        match self.dialect() {
            Dialect::Sqlite => format!("+{column}"),
            Dialect::Postgres => column.to_owned(),
        }
    }

    /// The first row, if there is one.
    fn first(&mut self, sql: &str, args: &[Arg]) -> Result<Option<Row>> {
        Ok(self.query(sql, args)?.into_iter().next())
    }

    /// The only row of a statement that always has one, such as a RETURNING or a count.
    fn one(&mut self, sql: &str, args: &[Arg]) -> Result<Row> {
        self.first(sql, args)?.ok_or_else(|| error::broken(format!("no row from: {sql}")))
    }
}
