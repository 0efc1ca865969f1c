//! Backup and restore. A backup is one file that no engine owns: written from SQLite, it restores into PostgreSQL, and
//! the other way round.
//!
//! It is a tar, compressed with gzip, of plain files in this order: `manifest.json`, `tables/<name>.jsonl` as
//! [`frontdesk_store::dump`] writes them, `attachments/<sha256 in hex>`. Sealed secrets stay sealed in it, and the key
//! that opens them is never in it.

mod restore;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use frontdesk_model::{Error, Result, error, hex};
use frontdesk_store::dump::{self, Column};
use frontdesk_store::{Tx, args};
use ring::digest;
use serde::{Deserialize, Serialize};

pub(crate) use restore::{migrations_of, refuse_unfinished, restore};
pub(crate) use write::write;

/// The version of the format; it grows when older programs could not read what is written.
const FORMAT: i64 = 1;
const MANIFEST: &str = "manifest.json";
/// A row of `meta` with this name says that a restore has begun and has not ended.
const UNFINISHED: &str = "restore_unfinished";

/// A table that is backed up.
struct Table {
    name: &'static str,
    /// The column by which rows refer to others of the same table: it is filled when all of them are there.
    parent: Option<&'static str>,
    /// Whether its rows are contents, which are found by their words.
    searched: bool,
}

const fn table(name: &'static str) -> Table {
    Table { name, parent: None, searched: false }
}

/// Every table of this and of earlier versions, those first that others refer to. Not here: `migrations` and `log_head`,
/// which the manifest stands for, and the full-text indexes, which are made anew.
const TABLES: &[Table] = &[
    table("meta"),
    table("roles"),
    table("user_capacities"),
    table("users"),
    table("access_tokens"),
    table("sessions"),
    table("sign_in_attempts"),
    table("former_passwords"),
    table("password_links"),
    table("second_factors"),
    table("recovery_codes"),
    table("single_sign_on"),
    table("single_sign_on_tokens"),
    table("user_signatures"),
    table("user_notifications"),
    table("mails"),
    table("settings"),
    table("time_sheets"),
    table("teams"),
    table("team_users"),
    table("team_leaders"),
    table("communities"),
    table("channels"),
    table("user_capacity_channels"),
    table("sources"),
    table("source_counters"),
    table("source_permissions"),
    table("time_sheet_sources"),
    table("tags"),
    table("custom_fields"),
    table("identity_groups"),
    table("identity_group_contacts"),
    table("identity_group_tags"),
    table("identities"),
    table("identity_users"),
    table("identity_lists"),
    table("identity_list_members"),
    table("topologies"),
    table("presence_statuses"),
    table("agent_presences"),
    table("agent_channels"),
    table("threads"),
    table("thread_jobs"),
    table("thread_drafts"),
    Table { parent: Some("parent_id"), ..table("categories") },
    table("category_jobs"),
    table("user_categories"),
    Table { parent: Some("parent_id"), ..table("folders") },
    table("reply_assistant_groups"),
    table("reply_assistant_entries"),
    table("reply_assistant_versions"),
    table("categorisations"),
    table("interventions"),
    table("intervention_comments"),
    Table { searched: true, ..table("contents") },
    table("content_keys"),
    table("attachments"),
    table("deliveries"),
    table("polls"),
    table("poll_cursors"),
    table("channel_events"),
    table("channel_health"),
    table("conversation_control"),
    table("channel_sign_ins"),
    table("channel_tokens"),
    table("channel_profiles"),
    table("channel_quotas"),
    table("watched_threads"),
    table("automatic_answers"),
    table("sweeps"),
    table("erasures"),
    table("service_levels"),
    table("tasks"),
    table("task_agents"),
    table("task_traces"),
    table("jwt_keys"),
    table("signed_visitors"),
    table("visitor_sessions"),
    table("visitor_devices"),
    table("pushes"),
    table("source_troubles"),
    table("visitor_uploads"),
    table("visitor_notices"),
    table("visitor_waits"),
    table("visitor_pages"),
    table("visitor_unread"),
    table("visitor_mails"),
    table("unsubscribed_addresses"),
    table("messaging_mail_templates"),
    table("messaging_settings"),
    table("messaging_objects"),
    table("webhooks"),
    table("webhook_deliveries"),
    table("webhook_replays"),
    table("idempotency_keys"),
    table("consumers"),
    table("leases"),
    table("log"),
];

/// What a backup says of itself.
#[derive(Serialize, Deserialize)]
struct Manifest {
    format: i64,
    /// The version of the program that wrote it.
    program: String,
    created_at: String,
    /// The number of the last migration: what the tables look like.
    migration: i64,
    /// The number of the last event.
    log_seq: i64,
    /// In the order of the files.
    tables: Vec<Count>,
    attachments: u64,
}

/// How many rows a table has.
#[derive(Serialize, Deserialize)]
struct Count {
    name: String,
    rows: i64,
}

/// What was backed up or restored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    rows: i64,
    attachments: u64,
    log_seq: i64,
}

impl Summary {
    fn of(manifest: &Manifest) -> Summary {
        let rows = manifest.tables.iter().map(|table| table.rows).sum();
        Summary { rows, attachments: manifest.attachments, log_seq: manifest.log_seq }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { rows, attachments, log_seq } = self;
        write!(f, "{rows} rows and {attachments} attachments, up to event {log_seq}")
    }
}

/// The tables that this store has, with their columns.
fn tables(tx: &mut dyn Tx) -> Result<Vec<(&'static Table, Vec<Column>)>> {
    let mut found = Vec::new();
    for table in TABLES {
        let columns = dump::columns(tx, table.name)?;
        if !columns.is_empty() {
            found.push((table, columns));
        }
    }
    Ok(found)
}

fn migration(tx: &mut dyn Tx) -> Result<i64> {
    tx.one("SELECT max(number) FROM migrations", args![])?.get(0)
}

fn is_unfinished(tx: &mut dyn Tx) -> Result<bool> {
    Ok(tx.first("SELECT 1 FROM meta WHERE name = $1", args![UNFINISHED])?.is_some())
}

/// The hashes of the files that attachments refer to, in order: 32 bytes in memory for each.
fn attachments(tx: &mut dyn Tx) -> Result<Vec<[u8; 32]>> {
    let mut hashes = Vec::new();
    let sql = "SELECT DISTINCT sha256 FROM attachments WHERE sha256 IS NOT NULL ORDER BY sha256";
    tx.each(sql, args![], &mut |row| {
        let hash: Vec<u8> = row.get(0)?;
        hashes.push(hash.try_into().map_err(|_| error::broken("attachments.sha256 holds something else"))?);
        Ok(())
    })?;
    Ok(hashes)
}

fn table_entry(name: &str) -> String {
    format!("tables/{name}.jsonl")
}

fn attachment_entry(sha256: &[u8; 32]) -> String {
    format!("attachments/{}", hex::encode(sha256))
}

/// Hashes what is read through it.
struct Hashing<R> {
    inner: R,
    context: digest::Context,
    bytes: u64,
}

impl<R> Hashing<R> {
    fn new(inner: R) -> Hashing<R> {
        Hashing { inner, context: digest::Context::new(&digest::SHA256), bytes: 0 }
    }

    /// The hash and the number of all bytes that were read.
    fn finish(self) -> ([u8; 32], u64) {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.context.finish().as_ref());
        (sha256, self.bytes)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.context.update(&buffer[..length]);
        self.bytes += length as u64;
        Ok(length)
    }
}

/// Trouble with a file, for people.
fn about(path: &Path) -> impl Fn(io::Error) -> String + '_ {
    move |trouble| format!("{}: {trouble}", path.display())
}

/// Trouble with a file, inside of a transaction.
fn about_in_tx(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    move |trouble| Error::Unavailable(about(path)(trouble))
}
