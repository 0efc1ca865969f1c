//! Many messages with one statement, for PostgreSQL: there every statement is a journey, and a message takes a dozen.
//! A message is taken along when nothing but itself changes: its author is new or as they were, its thread is new or without
//! interventions, nobody is muted, nothing is attached. That is most of them; the others go the common way,
//! [`ingest::content`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use frontdesk_model::{Env, Error, Id, Result, Timestamp};
use frontdesk_sources::inbound::{ContentObject, InboundAuthor, InboundContent};
use frontdesk_store::{Store, Tx, args, search};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use crate::identities::{self, NewIdentity};
use crate::ingest::{self, Ingested};
use crate::sources::Channel;
use crate::threads::{self, NewThread};

/// At most this many messages with one statement.
const MESSAGES_MAX: usize = 128;

/// A message that waits for its batch.
struct Waiting {
    channel: Arc<Channel>,
    content: Arc<InboundContent>,
    reply: oneshot::Sender<Result<Ingested>>,
}

/// Where messages gather while the batch before them is written.
pub struct Gathering {
    queue: mpsc::UnboundedSender<Waiting>,
}

impl Gathering {
    /// Starts taking messages.
    pub fn start(store: Store, env: Env) -> Gathering {
        let (queue, waiting) = mpsc::unbounded_channel();
        tokio::spawn(write_batches(store, env, waiting));
        Gathering { queue }
    }

    /// Whether a message can be tried here at all.
    pub(crate) fn suits(content: &InboundContent) -> bool {
        matches!(content.object, ContentObject::Message | ContentObject::Comment)
            && content.published != Some(false)
            && content.author.as_ref().is_some_and(|author| !author.puppetizable)
            && content.thread_foreign_id.is_some()
            && content.in_reply_to.is_none()
            && content.attachments.is_empty()
    }

    /// Stores a message; returns when it is durable.
    pub(crate) async fn store(&self, channel: Arc<Channel>, content: Arc<InboundContent>) -> Result<Ingested> {
        let (reply, answer) = oneshot::channel();
        let closed = || Error::Unavailable("the server is stopping".into());
        self.queue.send(Waiting { channel, content, reply }).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

async fn write_batches(store: Store, env: Env, mut waiting: mpsc::UnboundedReceiver<Waiting>) {
    let mut batch = Vec::with_capacity(MESSAGES_MAX);
    while waiting.recv_many(&mut batch, MESSAGES_MAX).await > 0 {
        let messages: Arc<[(Arc<Channel>, Arc<InboundContent>)]> =
            batch.iter().map(|waiting| (waiting.channel.clone(), waiting.content.clone())).collect();
        let (of_batch, time) = (messages.clone(), env.clone());
        let written = match messages.len() {
            // Alone it is no faster than the common way.
            1 => Ok(vec![None]),
            _ => store.write(move |tx| write(tx, &time, &of_batch)).await,
        };
        for (index, Waiting { channel, content, reply }) in batch.drain(..).enumerate() {
            match written.as_ref().ok().and_then(|taken| taken[index]) {
                Some(ingested) => {
                    let _ = reply.send(Ok(ingested));
                }
                // What could not be taken along, or whose batch failed, has its own try and its own error.
                None => {
                    let (store, env) = (store.clone(), env.clone());
                    tokio::spawn(async move {
                        let alone = store.write(move |tx| ingest::content(tx, &env, &channel, &content, &[])).await;
                        let _ = reply.send(alone);
                    });
                }
            }
        }
    }
}

/// Writes those messages that can be taken along; says what became of them, and nothing of the others.
pub(crate) fn write(
    tx: &mut dyn Tx,
    env: &Env,
    messages: &[(Arc<Channel>, Arc<InboundContent>)],
) -> Result<Vec<Option<Ingested>>> {
    let mut taken = vec![None; messages.len()];
    let mut rows = Vec::new();
    let mut seen = HashSet::new();
    let mut newcomers = Newcomers::default();
    let now = env.now();
    for found in look_up(tx, messages)? {
        let index: i64 = found.get(0)?;
        let Some((channel, content)) = usize::try_from(index).ok().and_then(|index| messages.get(index)) else {
            continue;
        };
        let (Some(author), Some(key)) = (&content.author, content.thread_foreign_id.as_deref()) else { continue };
        if found.get::<Option<i64>>(8)? != Some(channel.version) {
            continue;
        }
        if found.get::<Option<Id>>(1)?.is_some() {
            taken[index as usize] = Some(Ingested::Repeat);
            continue;
        }
        let thread: Option<Id> = found.get(5)?;
        let has_begun = thread.is_some() && found.get::<i64>(6)? > 0;
        let thread_suits = match thread {
            Some(_) => found.get::<i64>(7)? == 0 && !found.get::<bool>(10)?,
            None => channel.common.default_category_ids.is_empty(),
        };
        let author_suits = match found.get::<Option<Id>>(2)? {
            Some(_) => {
                let unchanged = found.get::<i64>(3)? == identities::fingerprint(author);
                unchanged && !found.get::<bool>(4)? && !found.get::<bool>(9)?
            }
            None => channel.mappings.is_empty() && newcomers.is_unchanged(channel, author),
        };
        let suits = thread_suits && author_suits && (has_begun || !newcomers.is_passed_over(channel, key));
        if !suits || !seen.insert((channel.source_id, content.foreign_id.as_str())) {
            newcomers.pass_over(channel, key);
            continue;
        }
        taken[index as usize] = Some(Ingested::Created);
        let author_id = match found.get(2)? {
            Some(id) => id,
            None => newcomers.identity(tx, env, channel, author),
        };
        let thread_id = match thread {
            Some(id) => id,
            None => newcomers.thread(env, channel, key, author_id),
        };
        let first_in_thread = !has_begun && newcomers.begins(thread_id);
        let categories: Option<String> = found.get(11)?;
        let category_ids: Vec<Id> =
            categories.iter().flat_map(|ids| ids.split(' ')).filter_map(|id| id.parse().ok()).collect();
        let place = Place { author_id, thread_id, first_in_thread, category_ids };
        rows.push(row(tx, env, channel, content, &place, now));
    }
    identities::insert_many(tx, env, &newcomers.identities)?;
    threads::create_many(tx, &newcomers.threads, now)?;
    newcomers.count(tx)?;
    if !rows.is_empty() {
        insert(tx, &serde_json::Value::Array(rows).to_string(), now)?;
    }
    Ok(taken)
}

/// Where a message belongs.
struct Place {
    author_id: Id,
    thread_id: Id,
    first_in_thread: bool,
    category_ids: Vec<Id>,
}

/// Customers and threads that a batch brings.
#[derive(Default)]
struct Newcomers<'m> {
    identities: Vec<NewIdentity<'m>>,
    threads: Vec<(Id, NewThread<'m>)>,
    /// Where the identity of a community and a foreign id is in the list.
    known_identities: HashMap<(Id, &'m str), usize>,
    known_threads: HashMap<(Id, &'m str), Id>,
    /// Threads without contents that have their first now.
    begun: HashSet<Id>,
    /// Threads of which a message was not taken along: it would have been the first.
    passed_over: HashSet<(Id, &'m str)>,
}

impl<'m> Newcomers<'m> {
    /// Whether the batch has not told anything else of this author.
    fn is_unchanged(&self, channel: &Channel, author: &InboundAuthor) -> bool {
        let known = self.known_identities.get(&(channel.community_id, author.foreign_id.as_str()));
        known.is_none_or(|at| self.identities[*at].fingerprint == identities::fingerprint(author))
    }

    fn identity(&mut self, tx: &mut dyn Tx, env: &Env, channel: &'m Channel, author: &'m InboundAuthor) -> Id {
        let key = (channel.community_id, author.foreign_id.as_str());
        if let Some(at) = self.known_identities.get(&key) {
            return self.identities[*at].id;
        }
        let id = env.id();
        self.known_identities.insert(key, self.identities.len());
        self.identities.push(NewIdentity {
            id,
            community_id: channel.community_id,
            community_type: channel.kind.community_type,
            author,
            fingerprint: identities::fingerprint(author),
        });
        tx.append(identities::created(env, None, id, channel.community_id));
        id
    }

    fn thread(&mut self, env: &Env, channel: &Channel, key: &'m str, author_id: Id) -> Id {
        let source_id = channel.source_id;
        *self.known_threads.entry((source_id, key)).or_insert_with(|| {
            let id = env.id();
            let new = NewThread { source_id, foreign_id: Some(key), title: None, author_id: Some(author_id) };
            self.threads.push((id, new));
            id
        })
    }

    fn begins(&mut self, thread_id: Id) -> bool {
        self.begun.insert(thread_id)
    }

    fn pass_over(&mut self, channel: &Channel, key: &'m str) {
        self.passed_over.insert((channel.source_id, key));
    }

    fn is_passed_over(&self, channel: &Channel, key: &'m str) -> bool {
        self.passed_over.contains(&(channel.source_id, key))
    }

    /// Adds the threads to the counters of their sources.
    fn count(&self, tx: &mut dyn Tx) -> Result<()> {
        let mut grown: HashMap<Id, i64> = HashMap::new();
        for (_, thread) in &self.threads {
            *grown.entry(thread.source_id).or_default() += 1;
        }
        for (source_id, threads) in grown {
            ingest::count(tx, source_id, threads, 0)?;
        }
        Ok(())
    }
}

fn look_up(tx: &mut dyn Tx, messages: &[(Arc<Channel>, Arc<InboundContent>)]) -> Result<Vec<frontdesk_store::Row>> {
    let wanted: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(index, (channel, content))| {
            json!({
                "index": index, "source_id": channel.source_id, "community_id": channel.community_id,
                "object": content.object.as_str(),
                "foreign_id": content.foreign_id, "thread": content.thread_foreign_id,
                "author": content.author.as_ref().map(|author| &author.foreign_id),
            })
        })
        .collect();
    tx.query(
        "SELECT wanted.index, content_keys.content_id, identities.id, identities.fingerprint, identities.controlled,
                threads.id, threads.contents_count, threads.interventions_count, sources.version,
                identities.muted, threads.muted,
                (SELECT string_agg(encode(category_id, 'hex'), ' ' ORDER BY position, category_id)
                 FROM categorisations WHERE object_id = threads.id)
         FROM json_to_recordset(CAST(CAST($1 AS text) AS json)) AS wanted
           (index BIGINT, source_id TEXT, community_id TEXT, object TEXT, foreign_id TEXT, thread TEXT, author TEXT)
         LEFT JOIN sources ON sources.id = decode(wanted.source_id, 'hex')
         LEFT JOIN content_keys ON content_keys.source_id = decode(wanted.source_id, 'hex')
           AND content_keys.object = wanted.object AND content_keys.foreign_id = wanted.foreign_id
         LEFT JOIN identities ON identities.community_id = decode(wanted.community_id, 'hex')
           AND identities.foreign_id = wanted.author
         LEFT JOIN threads ON threads.source_id = decode(wanted.source_id, 'hex')
           AND threads.foreign_id = wanted.thread
         ORDER BY wanted.index",
        args![&serde_json::Value::Array(wanted).to_string()],
    )
}

/// One message as the statement reads it, and its event.
fn row(
    tx: &mut dyn Tx,
    env: &Env,
    channel: &Channel,
    content: &InboundContent,
    place: &Place,
    now: Timestamp,
) -> serde_json::Value {
    let id = env.id();
    let told = ingest::Imported {
        id,
        thread_id: place.thread_id,
        author_id: place.author_id,
        in_reply_to_id: None,
        intervention_id: None,
        status: "new",
        first_in_thread: place.first_in_thread,
        category_ids: &place.category_ids,
    };
    tx.append(ingest::imported(env, channel, content.object, &told));
    json!({
        "id": id, "type": content.object.as_str(), "source_id": channel.source_id, "thread_id": place.thread_id, "author_id": place.author_id,
        "first_in_thread": place.first_in_thread,
        "foreign_id": content.foreign_id, "body": content.body, "body_format": content.format.as_str(),
        "language": ingest::language(channel, content), "source_url": content.source_url,
        "extras": ingest::extras(content),
        "created_at": content.created_at.filter(|at| *at <= now).unwrap_or(now).micros(),
        "words": search::words(&search::text(None, &content.body, content.format.as_str())),
    })
}

fn insert(tx: &mut dyn Tx, rows: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "WITH messages AS MATERIALIZED (
           SELECT decode(id, 'hex') AS id, decode(source_id, 'hex') AS source_id, decode(thread_id, 'hex') AS thread_id,
                  decode(author_id, 'hex') AS author_id, type, foreign_id, body, body_format, language, source_url, extras,
                  created_at, words, first_in_thread
           FROM json_to_recordset(CAST(CAST($1 AS text) AS json)) AS given
             (id TEXT, type TEXT, source_id TEXT, thread_id TEXT, author_id TEXT, foreign_id TEXT, body TEXT, body_format TEXT,
              language TEXT, source_url TEXT, extras TEXT, created_at BIGINT, words TEXT, first_in_thread BOOLEAN)),
         new_contents AS (
           INSERT INTO contents (id, source_id, thread_id, author_id, foreign_id, type, status, body, body_format,
             private, first_in_thread, created_from, language, source_url, approval_required, auto_submitted, published,
             remotely_deleted, attachments_count, synchronization_status, extras, created_at, updated_at)
           SELECT id, source_id, thread_id, author_id, foreign_id, type, 'new', body, body_format, FALSE,
                  first_in_thread, 'synchronizer', language, source_url, FALSE, FALSE, TRUE, FALSE, 0, 'success', extras, created_at, $2
           FROM messages),
         new_keys AS (
           INSERT INTO content_keys (source_id, object, foreign_id, content_id)
           SELECT source_id, type, foreign_id, id FROM messages),
         new_words AS (
           INSERT INTO contents_search (id, words)
           SELECT id, array_to_tsvector(string_to_array(words, ' ')) FROM messages WHERE words <> ''),
         counted AS (
           UPDATE threads SET contents_count = threads.contents_count + grown.contents, updated_at = $2,
             first_content_at = CASE WHEN threads.contents_count = 0 THEN grown.first_at
                                     ELSE least(threads.first_content_at, grown.first_at) END,
             last_content_at = CASE WHEN threads.contents_count = 0 THEN grown.last_at
                                    ELSE greatest(threads.last_content_at, grown.last_at) END
           FROM (SELECT thread_id, count(*) AS contents, min(created_at) AS first_at, max(created_at) AS last_at
                 FROM messages GROUP BY thread_id) AS grown
           WHERE threads.id = grown.thread_id)
         UPDATE source_counters SET contents = source_counters.contents + grown.contents
         FROM (SELECT source_id, count(*) AS contents FROM messages GROUP BY source_id) AS grown
         WHERE source_counters.source_id = grown.source_id",
        args![rows, now],
    )?;
    Ok(())
}
