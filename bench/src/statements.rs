//! The statements of one inbound message, as the product runs them on SQLite, by hand: no queue of closures, no rows in
//! between, no JSON. `trace.rs` proves that product and reference run the same ones in the same order.

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::messages::Message;

/// The product's schema.
pub(crate) const MIGRATIONS: [(&str, &str); 44] = [
    ("0001_log.sql", include_str!("../../migrations/0001_log.sql")),
    ("0002_people.sql", include_str!("../../migrations/0002_people.sql")),
    ("0003_conversations.sql", include_str!("../../migrations/0003_conversations.sql")),
    ("0004_contents.sqlite.sql", include_str!("../../migrations/0004_contents.sqlite.sql")),
    ("0005_people.sql", include_str!("../../migrations/0005_people.sql")),
    ("0006_time.sql", include_str!("../../migrations/0006_time.sql")),
    ("0007_customers.sql", include_str!("../../migrations/0007_customers.sql")),
    ("0008_desk.sql", include_str!("../../migrations/0008_desk.sql")),
    ("0009_journal.sqlite.sql", include_str!("../../migrations/0009_journal.sqlite.sql")),
    ("0010_contents_life.sql", include_str!("../../migrations/0010_contents_life.sql")),
    ("0011_plans.sqlite.sql", include_str!("../../migrations/0011_plans.sqlite.sql")),
    ("0012_category_jobs.sql", include_str!("../../migrations/0012_category_jobs.sql")),
    ("0013_identity_lists.sql", include_str!("../../migrations/0013_identity_lists.sql")),
    ("0014_webhooks.sql", include_str!("../../migrations/0014_webhooks.sql")),
    ("0015_mails.sql", include_str!("../../migrations/0015_mails.sql")),
    ("0016_polling.sql", include_str!("../../migrations/0016_polling.sql")),
    ("0017_routing.sql", include_str!("../../migrations/0017_routing.sql")),
    ("0018_tasks.sql", include_str!("../../migrations/0018_tasks.sql")),
    ("0019_service_levels.sql", include_str!("../../migrations/0019_service_levels.sql")),
    ("0020_web_messaging.sql", include_str!("../../migrations/0020_web_messaging.sql")),
    ("0021_visitor_notices.sql", include_str!("../../migrations/0021_visitor_notices.sql")),
    ("0022_tasks_kept.sql", include_str!("../../migrations/0022_tasks_kept.sql")),
    ("0023_visitor_mails.sqlite.sql", include_str!("../../migrations/0023_visitor_mails.sqlite.sql")),
    ("0024_unread_mails.sql", include_str!("../../migrations/0024_unread_mails.sql")),
    ("0025_sessions.sql", include_str!("../../migrations/0025_sessions.sql")),
    ("0026_passwords.sql", include_str!("../../migrations/0026_passwords.sql")),
    ("0027_single_sign_on.sql", include_str!("../../migrations/0027_single_sign_on.sql")),
    ("0028_visitor_pages.sql", include_str!("../../migrations/0028_visitor_pages.sql")),
    ("0029_push.sql", include_str!("../../migrations/0029_push.sql")),
    ("0030_thread_drafts.sql", include_str!("../../migrations/0030_thread_drafts.sql")),
    ("0031_visitors_known.sql", include_str!("../../migrations/0031_visitors_known.sql")),
    ("0032_task_lines.sql", include_str!("../../migrations/0032_task_lines.sql")),
    ("0033_reply_assistant.sql", include_str!("../../migrations/0033_reply_assistant.sql")),
    ("0034_channel_quotas.sql", include_str!("../../migrations/0034_channel_quotas.sql")),
    ("0035_channel_events.sql", include_str!("../../migrations/0035_channel_events.sql")),
    ("0036_openid.sql", include_str!("../../migrations/0036_openid.sql")),
    ("0037_channel_tokens.sql", include_str!("../../migrations/0037_channel_tokens.sql")),
    ("0038_channel_profiles.sql", include_str!("../../migrations/0038_channel_profiles.sql")),
    ("0039_user_notifications.sql", include_str!("../../migrations/0039_user_notifications.sql")),
    ("0040_reply_assistant_files.sql", include_str!("../../migrations/0040_reply_assistant_files.sql")),
    ("0041_deliveries_begun.sql", include_str!("../../migrations/0041_deliveries_begun.sql")),
    ("0042_first_numbers.sqlite.sql", include_str!("../../migrations/0042_first_numbers.sqlite.sql")),
    ("0043_made_by.sql", include_str!("../../migrations/0043_made_by.sql")),
    ("0044_log_sources.sql", include_str!("../../migrations/0044_log_sources.sql")),
];

/// As long as the product's, so that the pages fill alike.
const CONTENT_IMPORTED: &str = r#"{"source_id":"019a0123456789abcdef0123","author_id":"019a0123456789abcdef0123","intervention_id":null,"in_reply_to_id":null,"status":"new","type":"message","first_in_thread":false,"private":false}"#;
const IDENTITY_CREATED: &str = r#"{"community_id":"019a0123456789abcdef0123"}"#;
/// 2026-01-02, in microseconds: where the reference's clock begins.
const CLOCK_BEGINS: i64 = 1_767_323_045_000_000;
/// Of the reference's clock, between two readings.
const CLOCK_STEP: i64 = 50;

const COMMUNITY: Id = Id([1; 12]);
const SOURCE: Id = Id([2; 12]);

#[derive(Clone, Copy)]
pub(crate) struct Id([u8; 12]);

/// What the producers hand to the writer.
pub(crate) struct Inbound {
    pub(crate) author: String,
    pub(crate) screenname: String,
    pub(crate) thread: String,
    pub(crate) foreign_id: String,
    pub(crate) body: String,
}

impl From<&Message<'_>> for Inbound {
    fn from(message: &Message) -> Inbound {
        Inbound {
            author: message.author(),
            screenname: message.screenname(),
            thread: message.thread(),
            foreign_id: message.foreign_id.clone(),
            body: message.body.to_owned(),
        }
    }
}

/// An entry of the log that waits for the end of its batch.
struct Event {
    id: Id,
    kind: &'static str,
    at: i64,
    thread_id: Option<Id>,
    object_id: Id,
    payload: &'static str,
}

/// The write connection of the reference.
pub(crate) struct Writer {
    connection: Connection,
    ticks: i64,
    seq: i64,
    events: Vec<Event>,
}

/// Makes the tables and the one source.
pub(crate) fn create(connection: &Connection) -> Result<()> {
    for (_, sql) in MIGRATIONS {
        connection.execute_batch(sql)?;
    }
    connection.execute(
        "INSERT INTO communities (id, type, name, active, created_at, updated_at) VALUES (?1, 'sdk', 'x', 1, 0, 0)",
        [&COMMUNITY.0[..]],
    )?;
    connection.execute(
        "INSERT INTO sources (id, type, community_id, name, active, settings, version, created_at, updated_at)
         VALUES (?1, 'sdk', ?2, 'x', 1, '{}', 1, 0, 0)",
        [&SOURCE.0[..], &COMMUNITY.0[..]],
    )?;
    connection
        .execute("INSERT INTO source_counters (source_id, threads, contents) VALUES (?1, 0, 0)", [&SOURCE.0[..]])?;
    Ok(())
}

impl Writer {
    pub(crate) fn new(connection: Connection) -> Writer {
        Writer { connection, ticks: 0, seq: 0, events: Vec::new() }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn begin(&mut self) -> Result<()> {
        self.events.clear();
        self.run("BEGIN IMMEDIATE")
    }

    /// Ends the batch: the log, its head, the commit.
    pub(crate) fn commit(&mut self) -> Result<()> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO log (seq, id, kind, at, thread_id, object_id, user_id, payload, source_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        for event in &self.events {
            self.seq += 1;
            let thread_id = event.thread_id.map(|id| id.0);
            insert.execute(params![
                self.seq,
                event.id.0,
                event.kind,
                event.at,
                thread_id,
                event.object_id.0,
                None::<i64>,
                event.payload,
                event.thread_id.map(|_| SOURCE.0)
            ])?;
        }
        drop(insert);
        self.connection.prepare_cached("UPDATE log_head SET seq = ?1")?.execute([self.seq])?;
        self.run("COMMIT")
    }

    /// One message, in a savepoint of its own.
    pub(crate) fn ingest(&mut self, inbound: &Inbound) -> Result<()> {
        self.run("SAVEPOINT job")?;
        self.content(inbound)?;
        self.run("RELEASE job")
    }

    fn content(&mut self, inbound: &Inbound) -> Result<()> {
        let version: i64 = self
            .connection
            .prepare_cached("SELECT version FROM sources WHERE id = ?1")?
            .query_row([&SOURCE.0[..]], |row| row.get(0))?;
        assert_eq!(version, 1);
        let known: Option<[u8; 12]> = self
            .connection
            .prepare_cached(
                "SELECT content_id FROM content_keys WHERE source_id = ?1 AND object = ?2 AND foreign_id = ?3",
            )?
            .query_row(params![SOURCE.0, "message", inbound.foreign_id], |row| row.get(0))
            .optional()?;
        assert_eq!(known, None);
        let now = self.now();
        let author_id = self.author(inbound, now)?;
        let (thread_id, contents_count) = self.thread(inbound, author_id, now)?;

        let content_id = self.id();
        self.connection
            .prepare_cached(
                "INSERT INTO contents (id, source_id, thread_id, first_in_thread, author_id, creator_id, recipient_id,
                   intervention_id, in_reply_to_id, foreign_id, type, private, status, title, body, body_format, language,
                   created_from, source_url, approval_required, auto_submitted, published, remotely_deleted,
                   attachments_count, synchronization_status, scheduled_at, extras, created_at, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
                   ?22, FALSE, ?23, ?24, ?25, ?26, ?27, ?28)",
            )?
            .execute(params![
                content_id.0,
                SOURCE.0,
                thread_id.0,
                contents_count == 0,
                author_id.0,
                None::<i64>,
                None::<i64>,
                None::<i64>,
                None::<i64>,
                inbound.foreign_id,
                "message",
                false,
                "new",
                None::<i64>,
                inbound.body,
                "text",
                None::<i64>,
                "synchronizer",
                None::<i64>,
                false,
                false,
                true,
                0,
                "success",
                None::<i64>,
                None::<i64>,
                now,
                now
            ])?;
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO contents_search (rowid, words) VALUES ((SELECT number FROM contents WHERE id = ?1), ?2)",
            )?
            .execute(params![content_id.0, inbound.body])?;
        self.connection
            .prepare_cached(
                "UPDATE threads SET contents_count = contents_count + 1, updated_at = ?3,
                   first_content_at = CASE WHEN contents_count > 0 AND first_content_at <= ?2 THEN first_content_at ELSE ?2 END,
                   last_content_at = CASE WHEN contents_count > 0 AND last_content_at >= ?2 THEN last_content_at ELSE ?2 END
                 WHERE id = ?1",
            )?
            .execute(params![thread_id.0, now, now])?;
        self.connection
            .prepare_cached(
                "UPDATE source_counters SET threads = threads + ?2, contents = contents + ?3 WHERE source_id = ?1",
            )?
            .execute(params![SOURCE.0, i64::from(contents_count == 0), 1])?;
        self.connection
            .prepare_cached(
                "INSERT INTO content_keys (source_id, object, foreign_id, content_id) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (source_id, object, foreign_id) DO NOTHING",
            )?
            .execute(params![SOURCE.0, "message", inbound.foreign_id, content_id.0])?;
        self.append("content.imported", now, Some(thread_id), content_id, CONTENT_IMPORTED);
        Ok(())
    }

    fn author(&mut self, inbound: &Inbound, now: i64) -> Result<Id> {
        let known = self
            .connection
            .prepare_cached(
                "SELECT id, fingerprint, controlled, extra_values, muted FROM identities
                 WHERE community_id = ?1 AND foreign_id = ?2",
            )?
            .query_row(params![COMMUNITY.0, inbound.author], |row| {
                Ok((
                    row.get(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, bool>(2)?,
                    row.get_ref(3)?.as_str()?.len(),
                    row.get::<_, bool>(4)?,
                ))
            })
            .optional()?;
        if let Some((id, ..)) = known {
            return Ok(Id(id));
        }
        let id = self.id();
        self.connection
            .prepare_cached(
                "INSERT INTO identities (id, community_id, foreign_id, uuid, type, screenname, firstname, lastname, email,
                   home_phone, mobile_phone, gender, avatar_url, extra_values, controlled, fingerprint, created_at,
                   updated_at)
                 VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?16)",
            )?
            .execute(params![
                id.0,
                COMMUNITY.0,
                inbound.author,
                "sdk",
                inbound.screenname,
                None::<i64>,
                None::<i64>,
                None::<i64>,
                None::<i64>,
                None::<i64>,
                None::<i64>,
                None::<i64>,
                "{}",
                false,
                i64::MAX,
                now
            ])?;
        self.append("identity.created", now, None, id, IDENTITY_CREATED);
        Ok(id)
    }

    fn thread(&mut self, inbound: &Inbound, author_id: Id, now: i64) -> Result<(Id, i64)> {
        let known = self
            .connection
            .prepare_cached(
                "SELECT id, title, contents_count, interventions_count, muted FROM threads
                 WHERE source_id = ?1 AND foreign_id = ?2",
            )?
            .query_row(params![SOURCE.0, inbound.thread], |row| Ok((Id(row.get(0)?), row.get::<_, i64>(2)?)))
            .optional()?;
        if let Some((id, contents_count)) = known {
            // What the content is told with, where it has no categories of its own.
            let told: Option<[u8; 12]> = self
                .connection
                .prepare_cached(
                    "SELECT category_id FROM categorisations WHERE object_id = ?1 ORDER BY position, category_id",
                )?
                .query_row([&id.0[..]], |row| row.get(0))
                .optional()?;
            assert_eq!(told, None);
            return Ok((id, contents_count));
        }
        let id = self.id();
        self.connection
            .prepare_cached(
                "INSERT INTO threads (id, source_id, foreign_id, title, closed, author_id, text_input_disabled,
                   extra_data, contents_count, interventions_count, first_content_at, last_content_at, created_at,
                   updated_at)
                 VALUES (?1, ?2, ?3, ?4, FALSE, ?5, FALSE, '{}', 0, 0, ?6, ?6, ?6, ?6)",
            )?
            .execute(params![id.0, SOURCE.0, inbound.thread, None::<i64>, author_id.0, now])?;
        Ok((id, 0))
    }

    fn append(&mut self, kind: &'static str, at: i64, thread_id: Option<Id>, object_id: Id, payload: &'static str) {
        let id = self.id();
        self.events.push(Event { id, kind, at, thread_id, object_id, payload });
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    fn now(&mut self) -> i64 {
        self.ticks += 1;
        CLOCK_BEGINS + self.ticks * CLOCK_STEP
    }

    /// Twelve bytes in time order, as the product's.
    fn id(&mut self) -> Id {
        self.ticks += 1;
        let mut id = [0; 12];
        id[4..].copy_from_slice(&self.ticks.to_be_bytes());
        Id(id)
    }
}
