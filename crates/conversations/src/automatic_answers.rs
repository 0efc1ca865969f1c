//! Automatic answers: what a source itself says to a customer's first message, and outside business hours. A
//! consumer of the log: each message is answered at most once, also after a crash.
//!
//! Outside business hours the answer is the one about that; otherwise a thread's first message gets the one for first
//! messages. An automatic answer is nobody's reply: it opens no intervention and stops no clock.

use std::collections::HashMap;
use std::sync::Arc;

use frontdesk_model::event::{NewEvent, id_in};
use frontdesk_model::{Event, Id, Result, Timestamp};
use frontdesk_people::time_sheets;
use frontdesk_sources::inbound::{BodyFormat, ContentObject};
use frontdesk_store::consumer::Consumer;
use frontdesk_store::{Tx, args};
use serde_json::{Value, json};

use crate::contents::{self, NewContent};
use crate::sources::{self, AutoResponseTrigger, Channel, CommonSettings};
use crate::{Conversations, identities};

/// Nobody wants to hear now that their question of long ago has arrived: older events are passed over, for example when
/// a new version meets an old log.
const AGE_SECONDS_MAX: i64 = 3_600;
/// Between two answers of one occasion to one customer, where the source does not say: nobody is answered all the time.
const GRACE_SECONDS_DEFAULT: i64 = 3_600;

/// At most this many automatic answers in one thread within [`LOOP_SECONDS`]: whoever goes on beyond is a machine that
/// answers answers.
const ANSWERS_IN_A_ROW_MAX: i64 = 10;
const LOOP_SECONDS: i64 = 3_600;

/// When there is something to say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Occasion {
    FirstMessage,
    OutOfOffice,
}

impl Occasion {
    fn name(self) -> &'static str {
        match self {
            Occasion::FirstMessage => "first_message_from_user",
            Occasion::OutOfOffice => "out_of_office_hours_message",
        }
    }

    fn is_on(self, settings: &CommonSettings) -> bool {
        let enabled = &settings.auto_response_trigger_enabled;
        match self {
            Occasion::FirstMessage => enabled.first_message_from_user,
            Occasion::OutOfOffice => enabled.out_of_office_hours_message,
        }
        .unwrap_or(false)
    }

    fn grace_seconds(self, settings: &CommonSettings) -> i64 {
        let periods = &settings.auto_response_trigger_grace_periods;
        match self {
            Occasion::FirstMessage => periods.first_message_from_user,
            Occasion::OutOfOffice => periods.out_of_office_hours_message,
        }
        .unwrap_or(GRACE_SECONDS_DEFAULT)
    }
}

/// The consumer.
pub struct AutomaticAnswers {
    app: Arc<Conversations>,
}

impl AutomaticAnswers {
    /// It starts where it was before.
    pub fn new(app: &Arc<Conversations>) -> Arc<AutomaticAnswers> {
        Arc::new(AutomaticAnswers { app: app.clone() })
    }
}

impl Consumer for AutomaticAnswers {
    fn name(&self) -> &'static str {
        "automatic_answers"
    }

    fn wants(&self, kind: &str) -> bool {
        kind == "content.imported"
    }

    fn is_choosy(&self) -> bool {
        true
    }

    /// Messages of customers on sources that answer by themselves: most sources do not.
    fn choose(&self, tx: &mut dyn Tx, events: Vec<Event>) -> Result<Vec<Event>> {
        let answering = answering(tx)?;
        if answering.is_empty() {
            return Ok(Vec::new());
        }
        let oldest = self.app.env.now().plus_seconds(-AGE_SECONDS_MAX);
        let is_for_us = |event: &Event| {
            let payload = event.told();
            let waits = matches!(payload.get("status").and_then(Value::as_str), Some("new" | "assigned"));
            waits && event.at >= oldest && id_in(&payload, "source_id").is_some_and(|id| answering.contains_key(&id))
        };
        Ok(events.into_iter().filter(is_for_us).collect())
    }

    fn handle(&self, tx: &mut dyn Tx, events: &[Event]) -> Result<()> {
        let answering = answering(tx)?;
        for event in events {
            let payload = event.told();
            let source = id_in(&payload, "source_id").and_then(|id| Some((id, answering.get(&id)?)));
            let (Some((source_id, settings)), Some(thread_id)) = (source, event.thread_id) else { continue };
            let is_first = payload.get("first_in_thread") == Some(&Value::Bool(true));
            let Some(customer_id) = id_in(&payload, "author_id") else { continue };
            let is_closed = Occasion::OutOfOffice.is_on(settings) && !time_sheets::is_open(tx, source_id, event.at)?;
            let is_first = is_first && Occasion::FirstMessage.is_on(settings);
            let occasions = [(Occasion::OutOfOffice, is_closed), (Occasion::FirstMessage, is_first)];
            // One without a text has nothing to say, and leaves the turn to the other.
            let mut said =
                occasions.into_iter().filter(|(occasion, is_on)| *is_on && texts(settings, *occasion).next().is_some());
            let Some((occasion, _)) = said.next() else { continue };
            let message = Message { id: event.object_id, source_id, thread_id, customer_id, at: event.at };
            answer(&self.app, tx, &message, occasion, settings)?;
        }
        Ok(())
    }
}

/// The settings of the active sources that have an automatic answer switched on.
fn answering(tx: &mut dyn Tx) -> Result<HashMap<Id, CommonSettings>> {
    let texts = ["\"first_message_from_user\":true", "\"out_of_office_hours_message\":true"];
    let sources = sources::with_settings(tx, &texts, |_| false)?;
    Ok(sources.into_iter().filter(|source| source.active).map(|source| (source.id, source.stored.common)).collect())
}

/// A customer's message.
struct Message {
    id: Id,
    source_id: Id,
    thread_id: Id,
    customer_id: Id,
    at: Timestamp,
}

fn answer(
    app: &Conversations,
    tx: &mut dyn Tx,
    message: &Message,
    occasion: Occasion,
    settings: &CommonSettings,
) -> Result<()> {
    let Some(channel) = Channel::load(tx, &app.seal, message.source_id)? else { return Ok(()) };
    // It may have been erased, or the thread closed, since.
    let row = tx.first(
        "SELECT contents.language, contents.private, contents.anonymized_at IS NOT NULL, threads.closed, contents.body
         FROM contents JOIN threads ON threads.id = contents.thread_id WHERE contents.id = $1",
        args![&message.id],
    )?;
    let Some(row) = row else { return Ok(()) };
    let (language, private): (Option<String>, bool) = (row.get(0)?, row.get(1)?);
    let is_over = row.get::<bool>(2)? || row.get::<bool>(3)?;
    let Some(body) = text(settings, occasion, language.as_deref()).filter(|_| !is_over) else { return Ok(()) };
    // A channel may send our own answer back, under whatever author.
    let said: String = row.get(4)?;
    let is_echo = settings.auto_response_triggers.iter().any(|text| text.body.trim() == said.trim());
    if is_echo || is_going_round(tx, message)? {
        return Ok(());
    }
    if !has_turn(tx, message, occasion, occasion.grace_seconds(settings))? {
        return Ok(());
    }
    let author_id = voice(app, tx, &channel)?;
    let (content_id, now) = (app.env.id(), app.env.now());
    let object = if private { ContentObject::PrivateMessage } else { channel.kind.public_object };
    let recipient_id = private.then_some(message.customer_id);
    let status = if channel.kind.delivery.is_some() { "export_pending" } else { "success" };
    let new = NewContent {
        id: content_id,
        source_id: message.source_id,
        thread_id: message.thread_id,
        is_new_thread: false,
        first_in_thread: false,
        author_id,
        creator_id: None,
        recipient_id,
        intervention_id: None,
        in_reply_to_id: Some(message.id),
        foreign_id: None,
        object,
        private,
        status: "user_reply",
        title: None,
        body,
        format: BodyFormat::Text,
        language: language.as_deref(),
        created_from: "auto_response",
        source_url: None,
        approval_required: false,
        auto_submitted: true,
        published: true,
        attachments_count: 0,
        synchronization_status: status,
        scheduled_at: None,
        extras: None,
        created_at: now,
    };
    contents::insert(tx, &new, now)?;
    let told = json!({
        "source_id": message.source_id, "author_id": author_id, "in_reply_to_id": message.id, "status": "user_reply",
        "type": object.as_str(), "private": private, "occasion": occasion.name(),
    });
    tx.append(NewEvent::new(&app.env, None, "content.auto_answered", content_id, Some(message.thread_id), told));
    Ok(())
}

fn texts(settings: &CommonSettings, occasion: Occasion) -> impl Iterator<Item = &AutoResponseTrigger> + Clone {
    let all = settings.auto_response_triggers.iter();
    all.filter(move |text| text.created_from_trigger == occasion.name() && !text.body.trim().is_empty())
}

/// The text in the customer's language, else in the source's, else the first there is.
fn text<'s>(settings: &'s CommonSettings, occasion: Occasion, language: Option<&str>) -> Option<&'s str> {
    let mut texts = texts(settings, occasion);
    let wanted = [language, settings.default_content_language.as_deref()];
    // `fr-CH` is best served in `fr-CH`, and well in `fr`.
    let general = |language: &str| language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let in_language = wanted.into_iter().flatten().find_map(|language| {
        let exact = texts.clone().find(|text| text.language.eq_ignore_ascii_case(language));
        exact.or_else(|| texts.clone().find(|text| general(&text.language) == general(language)))
    });
    in_language.or_else(|| texts.next()).map(|text| text.body.as_str())
}

/// Whether the thread has had so many automatic answers lately that a machine must be answering them.
fn is_going_round(tx: &mut dyn Tx, message: &Message) -> Result<bool> {
    let answers: i64 = tx
        .one(
            "SELECT count(*) FROM contents
             WHERE thread_id = $1 AND created_at >= $2 AND auto_submitted AND created_from = 'auto_response'",
            args![&message.thread_id, message.at.plus_seconds(-LOOP_SECONDS)],
        )?
        .get(0)?;
    Ok(answers >= ANSWERS_IN_A_ROW_MAX)
}

/// Whether the customer has not been answered on this occasion within the grace period, and takes the turn if so.
fn has_turn(tx: &mut dyn Tx, message: &Message, occasion: Occasion, grace_seconds: i64) -> Result<bool> {
    let changed = tx.execute(
        "INSERT INTO automatic_answers (source_id, identity_id, occasion, answered_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (source_id, identity_id, occasion) DO UPDATE SET answered_at = excluded.answered_at
         WHERE automatic_answers.answered_at <= $5",
        args![
            &message.source_id,
            &message.customer_id,
            occasion.name(),
            message.at,
            message.at.minus_seconds(grace_seconds)
        ],
    )?;
    Ok(changed == 1)
}

/// The identity that a source itself speaks as: the first one that all agents may write as, or one named after the source.
/// What is linked to a user is that user's own voice.
fn voice(app: &Conversations, tx: &mut dyn Tx, channel: &Channel) -> Result<Id> {
    if let Some(account) = (channel.kind.account)(&channel.settings) {
        return identities::account(tx, &app.env, channel, account);
    }
    let first = tx.first(
        "SELECT id FROM identities
         WHERE community_id = $1 AND controlled
           AND NOT EXISTS (SELECT 1 FROM identity_users WHERE identity_id = identities.id)
         ORDER BY created_at, id LIMIT 1",
        args![&channel.community_id],
    )?;
    if let Some(row) = first {
        return row.get(0);
    }
    let author = identities::source_author(tx, &app.env, channel)?;
    Ok(identities::store_author(tx, &app.env, channel.community_id, channel.kind.community_type, &author, &[])?.id)
}
