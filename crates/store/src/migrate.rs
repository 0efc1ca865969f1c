//! The migrations runner: forward only, numbered, each in one transaction with its own record, so that a kill between
//! two leaves a state from which the next start goes on.

use frontdesk_model::{Result, error};

use crate::{postgres, sqlite};

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Position in the list, from 1, never reused.
    pub number: i64,
    /// What it does, as its file name says.
    pub name: &'static str,
    /// The statements for SQLite.
    pub sqlite: &'static str,
    /// The statements for PostgreSQL; mostly the same text.
    pub postgres: &'static str,
}

const RECORDS: &str = "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL)";

/// The advisory lock that lets one node migrate while the others wait.
const POSTGRES_LOCK: i64 = 0x66_72_6f_6e_74;

pub(crate) fn sqlite(connection: &mut rusqlite::Connection, migrations: &[Migration]) -> Result<()> {
    connection.execute_batch(RECORDS).map_err(sqlite::failure)?;
    let done: i64 = connection
        .query_row("SELECT coalesce(max(number), 0) FROM migrations", [], |row| row.get(0))
        .map_err(sqlite::failure)?;
    refuse_newer(done, migrations)?;
    for migration in migrations.iter().filter(|migration| migration.number > done) {
        let step = connection.transaction().map_err(sqlite::failure)?;
        step.execute_batch(migration.sqlite)
            .map_err(|trouble| error::broken(format!("migration {}: {trouble}", migration.name)))?;
        step.execute("INSERT INTO migrations (number, name) VALUES (?1, ?2)", (migration.number, migration.name))
            .map_err(sqlite::failure)?;
        step.commit().map_err(sqlite::failure)?;
    }
    Ok(())
}

pub(crate) fn postgres(client: &mut ::postgres::Client, migrations: &[Migration]) -> Result<()> {
    client.query("SELECT pg_advisory_lock($1)", &[&POSTGRES_LOCK]).map_err(postgres::failure)?;
    let outcome = postgres_locked(client, migrations);
    client.query("SELECT pg_advisory_unlock($1)", &[&POSTGRES_LOCK]).map_err(postgres::failure)?;
    outcome
}

fn postgres_locked(client: &mut ::postgres::Client, migrations: &[Migration]) -> Result<()> {
    client.batch_execute(RECORDS).map_err(postgres::failure)?;
    let done: i64 =
        client.query_one("SELECT coalesce(max(number), 0) FROM migrations", &[]).map_err(postgres::failure)?.get(0);
    refuse_newer(done, migrations)?;
    for migration in migrations.iter().filter(|migration| migration.number > done) {
        let mut step = client.transaction().map_err(postgres::failure)?;
        step.batch_execute(migration.postgres)
            .map_err(|trouble| error::broken(format!("migration {}: {trouble}", migration.name)))?;
        step.execute("INSERT INTO migrations (number, name) VALUES ($1, $2)", &[&migration.number, &migration.name])
            .map_err(postgres::failure)?;
        step.commit().map_err(postgres::failure)?;
    }
    Ok(())
}

fn refuse_newer(done: i64, migrations: &[Migration]) -> Result<()> {
    let known = migrations.iter().map(|migration| migration.number).max().unwrap_or(0);
    if done > known {
        return Err(error::broken(format!(
            "the database has migration {done}, this program knows {known}: start the newer version again"
        )));
    }
    Ok(())
}
