//! Rows as text that belongs to no engine: what was written from one can be loaded into the other.
//!
//! A table is written as lines of JSON. The first is an array of the column names, every further one is an array of one
//! row's values: null, true, false, an integer, a text, or `{"bytes": "…"}` in base64.

use std::io::{BufRead, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use frontdesk_model::{Error, Result, error};
use serde_json::Value as Json;

use crate::args;
use crate::tx::{Dialect, Tx};
use crate::value::{Arg, Row, Value};

/// A longer line is neither written nor read: a row must fit in memory.
const LINE_BYTES_MAX: u64 = 256 << 20;
/// [`Rows::chunk`] stops after this many bytes of lines, so that large rows do not add up in memory.
const CHUNK_BYTES_MAX: usize = 8 << 20;

/// What a column holds, besides NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Boolean,
    Integer,
    Text,
    Bytes,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    kind: Kind,
}

/// The columns of a table, in order; none when there is no such table. SQLite's row numbers (of type `INTEGER`, which
/// nothing else has) are left out: they are that engine's own affair, and given out anew.
pub fn columns(tx: &mut dyn Tx, table: &str) -> Result<Vec<Column>> {
    let sql = match tx.dialect() {
        Dialect::Sqlite => "SELECT name, lower(type) FROM pragma_table_info($1) WHERE type <> 'INTEGER' ORDER BY cid",
        Dialect::Postgres => {
            "SELECT column_name::text, data_type::text FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
        }
    };
    let rows = tx.query(sql, args![table])?;
    let column = |row: &Row| {
        let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
        let kind = match kind.as_str() {
            "boolean" => Kind::Boolean,
            "bigint" => Kind::Integer,
            "text" => Kind::Text,
            "bytea" => Kind::Bytes,
            other => return Err(error::broken(format!("{table}.{name} has the type {other}"))),
        };
        Ok(Column { name, kind })
    };
    rows.iter().map(column).collect()
}

/// Writes a whole table, as this transaction sees it, row by row. Returns how many rows it has.
pub fn write_table(tx: &mut dyn Tx, table: &str, out: &mut dyn Write) -> Result<i64> {
    let columns = columns(tx, table)?;
    if columns.is_empty() {
        return Err(error::broken(format!("there is no table {table}")));
    }
    let unwritable =
        |trouble: std::io::Error| Error::Unavailable(format!("the table {table} cannot be written: {trouble}"));
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut line = serde_json::to_string(&names).map_err(|trouble| error::broken(trouble.to_string()))?;
    line.push('\n');
    out.write_all(line.as_bytes()).map_err(unwritable)?;
    let mut rows = 0;
    tx.each(&format!("SELECT {} FROM \"{table}\"", quoted(&columns)), args![], &mut |row| {
        line.clear();
        push_row(&mut line, &columns, &row).map_err(|column| {
            error::broken(format!("{table}.{} holds a value of another type: the database is damaged", column.name))
        })?;
        if line.len() as u64 > LINE_BYTES_MAX {
            return Err(error::broken(format!("a row of {table} is longer than {LINE_BYTES_MAX} bytes")));
        }
        rows += 1;
        out.write_all(line.as_bytes()).map_err(unwritable)
    })?;
    Ok(rows)
}

fn quoted(columns: &[Column]) -> String {
    columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
}

/// Appends a row and the end of its line. The error is the column whose value is not of its kind.
fn push_row<'c>(line: &mut String, columns: &'c [Column], row: &Row) -> std::result::Result<(), &'c Column> {
    line.push('[');
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        let json = match (column.kind, row.0.get(index)) {
            (_, Some(Value::Null)) => Json::Null,
            (Kind::Boolean, Some(Value::Bool(bool))) => Json::Bool(*bool),
            // SQLite keeps booleans as integers.
            (Kind::Boolean, Some(Value::Int(int @ (0 | 1)))) => Json::Bool(*int == 1),
            (Kind::Integer, Some(Value::Int(int))) => Json::from(*int),
            (Kind::Text, Some(Value::Text(text))) => Json::from(text.as_str()),
            (Kind::Bytes, Some(Value::Id(id))) => serde_json::json!({ "bytes": BASE64.encode(id.0) }),
            (Kind::Bytes, Some(Value::Bytes(bytes))) => serde_json::json!({ "bytes": BASE64.encode(bytes) }),
            _ => return Err(column),
        };
        line.push_str(&json.to_string());
    }
    line.push_str("]\n");
    Ok(())
}

/// The rows of a written table. Nothing in it is trusted: every value is checked against its column.
pub struct Rows<R> {
    input: R,
    columns: Vec<Column>,
    lines: u64,
}

impl<R: BufRead> Rows<R> {
    /// Reads the first line. `columns` are those of the table that the rows are for; the written ones must be the same,
    /// in any order.
    pub fn open(input: R, columns: &[Column]) -> Result<Rows<R>> {
        let mut rows = Rows { input, columns: Vec::new(), lines: 0 };
        let line =
            rows.line()?.ok_or_else(|| error::bad_request("the file is empty: it should begin with the columns"))?;
        let names: Vec<String> =
            serde_json::from_slice(&line).map_err(|_| rows.refuse("should be a list of columns"))?;
        for name in &names {
            let column = columns.iter().find(|column| column.name == *name && !rows.columns.contains(column));
            let column =
                column.ok_or_else(|| rows.refuse("names a column that the table does not have, or one twice"))?;
            rows.columns.push(column.clone());
        }
        if rows.columns.len() != columns.len() {
            return Err(rows.refuse("lacks a column of the table"));
        }
        Ok(rows)
    }

    /// The columns in the order of the values.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next rows, at most `rows_max` and 8 MiB of them and at least one; none at the end.
    pub fn chunk(&mut self, rows_max: usize) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut bytes = 0;
        while rows.len() < rows_max && bytes < CHUNK_BYTES_MAX {
            let Some(line) = self.line()? else { break };
            bytes += line.len();
            rows.push(self.row(&line)?);
        }
        Ok(rows)
    }

    fn row(&self, line: &[u8]) -> Result<Row> {
        let values: Vec<Json> = serde_json::from_slice(line).map_err(|_| self.refuse("is no list of values"))?;
        if values.len() != self.columns.len() {
            return Err(self.refuse("has another number of values than there are columns"));
        }
        let values = values.into_iter().zip(&self.columns).map(|(json, column)| {
            let value = value(column.kind, json);
            value.ok_or_else(|| self.refuse(&format!("has a value of another type in {}", column.name)))
        });
        values.collect::<Result<_>>().map(Row)
    }

    fn line(&mut self) -> Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        self.lines += 1;
        let read = (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        read.map_err(|trouble| self.refuse(&format!("cannot be read: {trouble}")))?;
        match line.last() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(line)),
            Some(_) => Err(self.refuse("has no end")),
        }
    }

    fn refuse(&self, what: &str) -> Error {
        error::bad_request(format!("line {} {what}", self.lines))
    }
}

/// None when the value is not of this kind.
fn value(kind: Kind, json: Json) -> Option<Value> {
    Some(match (kind, json) {
        (_, Json::Null) => Value::Null,
        (Kind::Boolean, Json::Bool(bool)) => Value::Bool(bool),
        (Kind::Integer, Json::Number(number)) => Value::Int(number.as_i64()?),
        (Kind::Text, Json::String(text)) => Value::Text(text.into()),
        (Kind::Bytes, Json::Object(members)) if members.len() == 1 => {
            Value::from_bytes(&BASE64.decode(members.get("bytes")?.as_str()?).ok()?)
        }
        _ => return None,
    })
}

/// Inserts rows whose values are in the order of `columns`.
pub fn insert_rows(tx: &mut dyn Tx, table: &str, columns: &[Column], rows: &[Row]) -> Result<()> {
    if tx.dialect() == Dialect::Postgres {
        return insert_at_once(tx, table, columns, rows);
    }
    let places: Vec<String> = (1..=columns.len()).map(|number| format!("${number}")).collect();
    let sql = format!("INSERT INTO \"{table}\" ({}) VALUES ({})", quoted(columns), places.join(", "));
    for row in rows {
        let values: Vec<Arg> = row.0.iter().map(arg).collect();
        tx.execute(&sql, &values)?;
    }
    Ok(())
}

/// The same in one statement: a journey for each row would take far longer than the rows.
fn insert_at_once(tx: &mut dyn Tx, table: &str, columns: &[Column], rows: &[Row]) -> Result<()> {
    let values = columns.iter().map(|column| match column.kind {
        Kind::Bytes => format!("decode(\"{}\", 'base64')", column.name),
        _ => format!("\"{}\"", column.name),
    });
    let fields = columns.iter().map(|column| {
        let kind = match column.kind {
            Kind::Boolean => "BOOLEAN",
            Kind::Integer => "BIGINT",
            Kind::Text | Kind::Bytes => "TEXT",
        };
        format!("\"{}\" {kind}", column.name)
    });
    let sql = format!(
        "INSERT INTO \"{table}\" ({}) SELECT {} FROM json_to_recordset($1::text::json) AS rows ({})",
        quoted(columns),
        values.collect::<Vec<_>>().join(", "),
        fields.collect::<Vec<_>>().join(", ")
    );
    let record = |row: &Row| -> serde_json::Map<String, Json> {
        columns.iter().zip(&row.0).map(|(column, value)| (column.name.clone(), plain(value))).collect()
    };
    let records: Vec<_> = rows.iter().map(record).collect();
    let text = serde_json::to_string(&records).map_err(|trouble| error::broken(trouble.to_string()))?;
    tx.execute(&sql, args![&text])?;
    Ok(())
}

/// A value as PostgreSQL reads it out of JSON.
fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) => Json::from(*int),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Id(id) => Json::from(BASE64.encode(id.0)),
        Value::Bytes(bytes) => Json::from(BASE64.encode(bytes)),
    }
}

fn arg(value: &Value) -> Arg<'_> {
    match value {
        Value::Null => Arg::Null,
        Value::Bool(bool) => Arg::Bool(*bool),
        Value::Int(int) => Arg::Int(*int),
        Value::Text(text) => Arg::Text(text),
        Value::Id(id) => Arg::Bytes(&id.0),
        Value::Bytes(bytes) => Arg::Bytes(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::{Migration, Store};

    const SCHEMA: &str = "CREATE TABLE log_head (seq BIGINT NOT NULL);
        INSERT INTO log_head (seq) VALUES (0);
        CREATE TABLE things (
          number INTEGER PRIMARY KEY, id BYTEA NOT NULL UNIQUE, name TEXT, \"position\" BIGINT, active BOOLEAN NOT NULL);";

    fn store(path: &Path) -> Store {
        let migration = Migration { number: 1, name: "0001_things", sqlite: SCHEMA, postgres: SCHEMA };
        Store::open_sqlite(path, &[migration]).unwrap()
    }

    fn columns_of_things() -> Vec<Column> {
        [("id", Kind::Bytes), ("name", Kind::Text), ("position", Kind::Integer), ("active", Kind::Boolean)]
            .map(|(name, kind)| Column { name: name.into(), kind })
            .to_vec()
    }

    async fn dump(store: &Store) -> (i64, Vec<u8>) {
        store
            .read(|tx| {
                let mut out = Vec::new();
                Ok((write_table(tx, "things", &mut out)?, out))
            })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_table_is_the_same_after_it_was_written_and_loaded_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (store(&dir.path().join("from.db")), store(&dir.path().join("to.db")));
        from.write(|tx| {
            let sql = "INSERT INTO things (id, name, position, active) VALUES ($1, $2, $3, $4)";
            tx.execute(sql, args![&[0_u8, 255][..], "é \"\n\u{2028}", i64::MIN, true])?;
            tx.execute(sql, args![b"".as_slice(), None::<&str>, None::<i64>, false])
        })
        .await
        .unwrap();
        let (rows, written) = dump(&from).await;
        assert_eq!(rows, 2);
        assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), 3);

        let found = to.read(|tx| columns(tx, "things")).await.unwrap();
        assert_eq!(found, columns_of_things());
        let mut rows = Rows::open(&written[..], &found).unwrap();
        let first = rows.chunk(1).unwrap();
        assert_eq!(first.len(), 1);
        let mut all = first;
        all.extend(rows.chunk(500).unwrap());
        assert!(rows.chunk(500).unwrap().is_empty());
        let order = rows.columns().to_vec();
        to.write(move |tx| insert_rows(tx, "things", &order, &all)).await.unwrap();
        assert_eq!(dump(&to).await, (2, written));
        from.close();
        to.close();
    }

    #[tokio::test]
    async fn what_is_not_of_its_columns_type_is_noticed_when_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir.path().join("store.db"));
        let damaged = "INSERT INTO things (id, position, active) VALUES ($1, 'text', TRUE)";
        store.write(move |tx| tx.execute(damaged, args![&[1_u8][..]])).await.unwrap();
        let outcome = store.read(|tx| write_table(tx, "things", &mut Vec::new())).await;
        assert!(matches!(outcome, Err(Error::Broken(text)) if text.contains("things.position")));
        assert!(store.read(|tx| write_table(tx, "nothing", &mut Vec::new())).await.is_err());
        assert!(store.read(|tx| columns(tx, "nothing")).await.unwrap().is_empty());
        store.close();
    }

    #[test]
    fn columns_are_taken_in_any_order_and_must_be_the_tables() {
        let open = |text: &'static str| Rows::open(text.as_bytes(), &columns_of_things());
        let mut rows =
            open("[\"active\",\"position\",\"id\",\"name\"]\n[true,-5,{\"bytes\":\"AP8=\"},null]\n").ok().unwrap();
        let row = rows.chunk(10).unwrap().remove(0);
        assert_eq!(row.0, [Value::Bool(true), Value::Int(-5), Value::Bytes(vec![0, 255]), Value::Null]);
        for wrong in [
            "",
            "{}\n",
            "[\"id\",\"name\",\"position\",\"active\"]",
            "[\"id\",\"name\",\"position\"]\n",
            "[\"id\",\"name\",\"position\",\"position\"]\n",
            "[\"id\",\"name\",\"position\",\"active\",\"colour\"]\n",
        ] {
            assert!(open(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rows_of_other_types_are_refused_with_their_line() {
        for wrong in [
            "[null,null,null]",
            "[null,null,null,null,null]",
            "[\"AP8=\",null,null,true]",
            "[{\"bytes\":\"?\"},null,null,true]",
            "[{\"bytes\":\"AP8=\",\"more\":1},null,null,true]",
            "[null,5,null,true]",
            "[null,null,1.5,true]",
            "[null,null,9223372036854775808,true]",
            "[null,null,\"1\",true]",
            "[null,null,null,1]",
            "[null,null,null,true",
            "",
        ] {
            let text = format!("[\"id\",\"name\",\"position\",\"active\"]\n[null,null,null,true]\n{wrong}\n");
            let mut rows = Rows::open(text.as_bytes(), &columns_of_things()).ok().unwrap();
            match rows.chunk(10) {
                Err(Error::Refused(refusal)) => assert!(refusal.message.starts_with("line 3 "), "{}", refusal.message),
                other => panic!("{wrong}: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn every_row_survives(
            bytes in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
            text in prop::option::of(".*"),
            int in prop::option::of(any::<i64>()),
            bool in prop::option::of(any::<bool>()),
        ) {
            let row = Row(vec![
                bytes.map_or(Value::Null, |bytes: Vec<u8>| Value::from_bytes(&bytes)),
                text.map_or(Value::Null, |text: String| Value::Text(text.into())),
                int.map_or(Value::Null, Value::Int),
                bool.map_or(Value::Null, Value::Bool),
            ]);
            let mut line = String::from("[\"id\",\"name\",\"position\",\"active\"]\n");
            prop_assert!(push_row(&mut line, &columns_of_things(), &row).is_ok());
            prop_assert_eq!(line.matches('\n').count(), 2);
            let mut rows = Rows::open(line.as_bytes(), &columns_of_things()).unwrap();
            let found = rows.chunk(2).unwrap();
            prop_assert_eq!(&found[0].0, &row.0);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let text = [&b"[\"id\",\"name\",\"position\",\"active\"]\n"[..], &bytes[..]].concat();
            let mut rows = Rows::open(&text[..], &columns_of_things()).unwrap();
            let _ = rows.chunk(10);
            let _ = Rows::open(&bytes[..], &columns_of_things());
        }
    }
}
