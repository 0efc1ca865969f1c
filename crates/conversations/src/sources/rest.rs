//! The operations on sources.

use std::sync::Arc;

use frontdesk_model::{Env, Id, Permission, Permissions, Result, SourceRight, SourceRights, Timestamp, error, hex};
use frontdesk_people::{checked, time_sheets};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_sources::push::Service;
use frontdesk_sources::{Settings, SourceKind};
use frontdesk_store::{Filter, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::{AutoResponseTrigger, Known, OwnSettings, Signature, TriggerFlags, TriggerPeriods, Update};
use super::{
    COLUMNS, Channel, CommonSettings, Source, StoredSettings, by_id, channel, find, forget_troubles, grant, source,
    told_id,
};
use crate::{Conversations, categories, channel_events, communities, events, identities, polling, quotas};

/// Random bytes in a widget token.
const WIDGET_TOKEN_BYTES: usize = 10;
/// Icon colours, by number.
const COLOURS: [&str; 10] =
    ["#64748b", "#2563eb", "#16a34a", "#0d9488", "#7c3aed", "#ca8a04", "#ea580c", "#dc2626", "#334155", "#9ca3af"];

/// A source as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Source")]
struct Answer {
    id: Id,
    r#type: String,
    name: String,
    active: bool,
    community_id: Id,
    channel_id: Option<Id>,
    color: i64,
    color_hex: String,
    /// `ok`, or `error` while the channel cannot be reached.
    status: String,
    error_message: Option<String>,
    time_sheet_ids: Vec<Id>,
    sla_response: Option<i64>,
    sla_threshold: i64,
    sla_filtering_categories_strategy: String,
    sla_filtering_category_ids: Vec<Id>,
    #[schemars(extend("enum" = ["max", "half", "base"]))]
    sla_expired_strategy: String,
    attachments_security_level: String,
    intervention_messages_boost: i64,
    transferred_tasks_boost: i64,
    hidden_from_stats: bool,
    default_category_ids: Vec<Id>,
    user_thread_default_category_ids: Vec<Id>,
    signatures: Vec<Signature>,
    auto_response_triggers: Vec<AutoResponseTrigger>,
    auto_response_trigger_enabled: TriggerFlags,
    auto_response_trigger_grace_periods: TriggerPeriods,
    default_content_language: Option<String>,
    auto_detect_content_language: bool,
    content_languages: Vec<String>,
    content_archiving: bool,
    content_archiving_period: Option<i64>,
    from_name: Option<String>,
    default_task_priority: Option<i64>,
    time_for_thread_inclusion: Option<i64>,
    /// Messaging sources only.
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_android: Option<bool>,
    /// Messaging sources only.
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_ios: Option<bool>,
    /// Messaging sources only.
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_web: Option<bool>,
    /// Messaging sources only: whether it is a live chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    live_chat: Option<bool>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// The settings of the source's kind (`extended=true`, and in the answers of our own operations). Secrets only for
    /// those who may change sources; of credentials that are never shown, such as `apns_key`, whether there is one
    /// (`has_apns_key`).
    #[serde(flatten)]
    own: serde_json::Map<String, serde_json::Value>,
}

fn answer(source: Source) -> Answer {
    let Source { id, kind, community_id, name, active, stored, error_message, created_at, updated_at, channel_id } =
        source;
    let common = stored.common;
    let colour = usize::try_from(common.color).ok().and_then(|number| COLOURS.get(number)).unwrap_or(&COLOURS[0]);
    let messaging = |flag: bool| kind.is_messaging.then_some(flag);
    Answer {
        id,
        r#type: kind.type_name.into(),
        name,
        active,
        community_id,
        channel_id,
        color: common.color,
        color_hex: (*colour).into(),
        status: if error_message.is_some() { "error" } else { "ok" }.into(),
        error_message,
        time_sheet_ids: Vec::new(),
        sla_response: common.sla_response,
        sla_threshold: common.sla_threshold,
        sla_filtering_categories_strategy: common.sla_filtering_categories_strategy,
        sla_filtering_category_ids: common.sla_filtering_category_ids,
        sla_expired_strategy: common.sla_expired_strategy,
        attachments_security_level: common.attachments_security_level,
        intervention_messages_boost: common.intervention_messages_boost,
        transferred_tasks_boost: common.transferred_tasks_boost,
        hidden_from_stats: common.hidden_from_stats,
        default_category_ids: common.default_category_ids,
        user_thread_default_category_ids: common.user_thread_default_category_ids,
        signatures: common.signatures,
        auto_response_triggers: common.auto_response_triggers,
        auto_response_trigger_enabled: common.auto_response_trigger_enabled,
        auto_response_trigger_grace_periods: common.auto_response_trigger_grace_periods,
        default_content_language: common.default_content_language,
        auto_detect_content_language: common.auto_detect_content_language,
        content_languages: common.content_languages,
        content_archiving: common.content_archiving,
        content_archiving_period: common.content_archiving_period,
        from_name: common.from_name,
        default_task_priority: common.default_task_priority,
        time_for_thread_inclusion: common.time_for_thread_inclusion,
        enable_android: messaging(common.enable_android),
        enable_ios: messaging(common.enable_ios),
        enable_web: messaging(common.enable_web),
        live_chat: messaging(kind.is_live_chat),
        created_at,
        updated_at,
        own: serde_json::Map::new(),
    }
}

/// Adds the settings of the source's kind; the secrets among them for those who may change sources.
fn extended(app: &Conversations, call: &Call, tx: &mut dyn Tx, source: Source) -> Result<Answer> {
    let id = source.id;
    let mut answer = with_time_sheets(tx, vec![answer(source)])?.remove(0);
    let channel = Channel::load(tx, &app.seal, id)?.ok_or_else(|| error::not_found("source"))?;
    answer.own = channel.settings.public();
    answer.own.extend(polling::shown(tx, id)?);
    let quota = quotas::shown(tx, id, channel.kind, &channel.settings, app.poll_interval_seconds, call.env.now())?;
    if let Some(quota) = quota {
        answer.own.insert("quota".into(), quota);
    }
    if channel.kind.is_messaging {
        answer.own.insert("widget_token".into(), widget_token(tx, id)?.into());
        let services = Service::ALL.into_iter().filter(|service| service.access(&channel.settings).is_some());
        answer.own.insert("push_services".into(), services.map(Service::as_str).collect());
    }
    if call.caller.may(Permission::UpdateContentSource) {
        for (name, secret) in channel.settings.shown_secrets(channel.kind) {
            answer.own.insert(name.into(), secret.reveal().into());
        }
        for (name, is_there) in channel.settings.credentials(channel.kind) {
            answer.own.insert(format!("has_{name}"), is_there.into());
        }
    }
    Ok(answer)
}

fn shown(app: &Conversations, call: &Call, tx: &mut dyn Tx, source: Source) -> Result<Answer> {
    if call.extended {
        extended(app, call, tx, source)
    } else {
        Ok(with_time_sheets(tx, vec![answer(source)])?.remove(0))
    }
}

fn with_time_sheets(tx: &mut dyn Tx, mut answers: Vec<Answer>) -> Result<Vec<Answer>> {
    let ids: Vec<Id> = answers.iter().map(|answer| answer.id).collect();
    let of_sources = time_sheets::ids_of_sources(tx, &ids)?;
    for answer in &mut answers {
        let own = of_sources.iter().filter(|(source_id, _)| *source_id == answer.id);
        answer.time_sheet_ids = own.map(|(_, sheet_id)| *sheet_id).collect();
    }
    Ok(answers)
}

/// Parameters of `getAllSources`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// Only sources on which the caller has this right; read when absent.
    permission: Option<ListPermission>,
    /// Only active or only inactive sources.
    active: Option<bool>,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ListPermission {
    Read,
    InitiateDiscussion,
}

/// Parameters of `updateSourceEmailCredentials`.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "no kind of source takes them yet")]
struct EmailCredentials {
    /// How to sign in where mail is read.
    imap: Option<SignIn>,
    /// How to sign in where mail is sent.
    smtp: Option<SignIn>,
}

/// A user's name and password at a mail server.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "no kind of source takes them yet")]
struct SignIn {
    /// The user's name.
    username: Option<String>,
    /// Their password.
    password: Option<String>,
}

/// Parameters of `createSource`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// The kind: chat, facebook, messenger, mobile_messaging, sdk or youtube.
    r#type: String,
    /// A name for people.
    name: String,
    /// The community that its identities live in; of the same kind.
    community_id: Id,
    /// Whether it takes and sends contents; true when absent.
    active: Option<bool>,
    #[serde(flatten)]
    own: OwnSettings,
}

pub(super) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let [for_list, for_show, for_create, for_update, for_synchronize, for_delete] =
        std::array::from_fn(|_| app.clone());
    vec![
        Operation::read("getAllSources", Method::GET, "/content_sources", move |call, parameters, tx| {
            list(&for_list, call, parameters, tx)
        })
        .tag("Sources")
        .summary("Lists the sources that the caller may read, oldest first."),
        Operation::read("getSource", Method::GET, "/content_sources/{sourceId}", move |call, _: NoParameters, tx| {
            let source = find(tx, &call.caller, call.id("sourceId", "source")?)?;
            shown(&for_show, call, tx, source)
        })
        .tag("Sources")
        .summary("Reads a source."),
        Operation::write("createSource", Method::POST, "/content_sources", move |call, parameters, tx| {
            create(&for_create, call, parameters, tx)
        })
        .tag("Sources")
        .summary("Creates a source. Administrators get every right on it.")
        .notes(
            "Its community is one whose identities the caller may see, or one that they made and that nothing is in yet. \
             The answer holds the settings of the source's kind. For a Channel SDK source that is base_uri and \
             access_token, the shared secret of both directions. For mobile_messaging and chat it is widget_token, by \
             which websites name it: /chat/{widget_token}/loader.js, and push_services, those that are set up for apps. \
             Credentials of push services are never shown again.",
        )
        .permissions(&[Permission::CreateContentSource])
        .replay(|call, answer, tx| find(tx, &call.caller, told_id(answer, "id")?).map(drop))
        .extension(),
        Operation::write("updateSource", Method::PUT, "/content_sources/{sourceId}", move |call, parameters, tx| {
            update(&for_update, call, parameters, tx)
        })
        .tag("Sources")
        .summary("Updates a source.")
        .notes("A parameter that belongs to another kind of source is refused.")
        .permissions(&[Permission::UpdateContentSource]),
        Operation::write(
            "updateSourceEmailCredentials",
            Method::PUT,
            "/content_sources/{sourceId}/email_credentials",
            |call, _: EmailCredentials, tx| -> Result<Answer> {
                let source = find(tx, &call.caller, call.id("sourceId", "source")?)?;
                let message = format!(
                    "Sources of type {} have no e-mail credentials: only e-mail sources do.",
                    source.kind.type_name
                );
                Err(error::unprocessable("no_email_source", message))
            },
        )
        .tag("Sources")
        .summary("Changes how an e-mail source signs in at its mail servers.")
        .notes("There are no e-mail sources yet, and every other source is 422.")
        .permissions(&[Permission::UpdateContentSource]),
        Operation::write(
            "synchronizeSource",
            Method::POST,
            "/content_sources/{sourceId}/synchronize",
            move |call, _: NoParameters, tx| {
                let source = find(tx, &call.caller, call.id("sourceId", "source")?)?;
                polling::synchronize(call, &source, tx)?;
                extended(&for_synchronize, call, tx, source)
            },
        )
        .tag("Sources")
        .summary("Asks a Channel SDK source's channel now what it can do and what is new.")
        .notes(
            "The answer does not wait for that: synchronization in it tells when the last run ended, how many contents \
             were imported so far, and what stopped the run.",
        )
        .permissions(&[Permission::UpdateContentSource])
        .extension(),
        Operation::write(
            "deleteSource",
            Method::DELETE,
            "/content_sources/{sourceId}",
            move |call, _: NoParameters, tx| delete(&for_delete, call, tx),
        )
        .tag("Sources")
        .summary("Deletes a source without threads. Deactivate one that has been used.")
        .permissions(&[Permission::CreateContentSource])
        .extension(),
    ]
}

fn list(app: &Conversations, call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let readable = match parameters.permission {
        None | Some(ListPermission::Read) => call.caller.sources_with(SourceRight::Read),
        Some(ListPermission::InitiateDiscussion) => call.caller.sources_with(SourceRight::InitiateDiscussion),
    };
    let mut filter = Filter::default();
    filter.and_in(tx, "sources.id", &readable);
    if let Some(active) = parameters.active {
        filter.and_equal("active", active);
    }
    let Paging { offset, limit } = parameters.paging;
    let count = filter.count(tx, "sources", offset, limit)?;
    let rows = filter.page(tx, &format!("SELECT {COLUMNS} FROM sources"), "created_at, sources.id", offset, limit)?;
    let records = match call.extended {
        true => rows.iter().map(|row| extended(app, call, tx, source(row)?)).collect::<Result<_>>()?,
        false => with_time_sheets(tx, rows.iter().map(|row| source(row).map(answer)).collect::<Result<_>>()?)?,
    };
    Ok(Page::new(count, parameters.paging, records))
}

fn create(app: &Conversations, call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<Answer> {
    let name = checked::name("name", &parameters.name)?;
    let kind = frontdesk_sources::kind(&parameters.r#type).ok_or_else(|| {
        let known: Vec<_> = frontdesk_sources::kinds().iter().map(|kind| kind.type_name).collect();
        error::invalid("type", "inclusion", format!("type must be one of {}.", known.join(", ")))
    })?;
    let unknown = || error::invalid("community_id", "unknown", "community_id: there is no such community.");
    let community = communities::find(tx, parameters.community_id).map_err(|e| e.or_missing(unknown))?;
    if community.r#type != kind.community_type {
        let message = format!(
            "community_id: a source of type {} needs a community of type {}.",
            kind.type_name, kind.community_type
        );
        return Err(error::invalid("community_id", "invalid", message));
    }
    require_entitled(call, community.id, tx)?;
    parameters.own.require_of(kind)?;
    let mut settings = frontdesk_sources::validate_settings(kind, &parameters.own.given())?;
    settings.generate_missing(kind, &call.env);

    let (id, now) = (call.env.id(), call.env.now());
    let stored = StoredSettings { common: CommonSettings::default(), own: settings.public() };
    let secret_hash = distinct_secret(app, tx, id, kind, &settings)?;
    tx.execute(
        "INSERT INTO sources (id, type, community_id, name, active, settings, secrets, secret_hash, version,
                              created_at, updated_at, widget_token)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9, $10)",
        args![
            &id,
            kind.type_name,
            &parameters.community_id,
            &name,
            parameters.active.unwrap_or(true),
            &json(&stored)?,
            channel::close(&app.seal, id, &settings)?.as_ref().map_or(frontdesk_store::Arg::Null, Into::into),
            secret_hash.as_ref().map_or(frontdesk_store::Arg::Null, Into::into),
            now,
            &new_widget_token(kind, &call.env)
        ],
    )?;
    let source = by_id(tx, id)?.ok_or_else(|| error::broken("a source vanished while it was created"))?;
    if polling::is_polled(&source) {
        polling::ask_soon(tx, id, now)?;
    }
    tx.execute("INSERT INTO source_counters (source_id, threads, contents) VALUES ($1, 0, 0)", args![&id])?;
    grant_to_administrators(tx, id, call.caller.user_id)?;
    tx.append(events::by(call, "content_source.created", id, None, serde_json::json!({ "source_id": id })));
    if kind.is_messaging {
        (app.furnish)(tx, &call.env, call.caller.user_id, id, kind.is_live_chat)?;
    }
    extended(app, call, tx, source)
}

/// By what websites name a messaging source. It is no secret: every visitor's browser knows it.
fn widget_token(tx: &mut dyn Tx, id: Id) -> Result<String> {
    let row = tx.one("SELECT widget_token FROM sources WHERE id = $1", args![&id])?;
    Ok(row.get::<Option<String>>(0)?.unwrap_or_else(|| id.hex()))
}

/// A new one; none for other kinds.
fn new_widget_token(kind: &SourceKind, env: &Env) -> Option<String> {
    kind.is_messaging.then(|| hex::encode(env.random::<WIDGET_TOKEN_BYTES>()))
}

/// Who makes a source in a community sees its customers and writes what is known of them: 422 unless they may see those
/// already, or made the community and nobody has put anything into it.
fn require_entitled(call: &Call, community_id: Id, tx: &mut dyn Tx) -> Result<()> {
    if identities::readable_communities(tx, &call.caller, None)?.contains(&community_id) {
        return Ok(());
    }
    let is_own_and_empty = tx.first(
        "SELECT 1 FROM log WHERE object_id = $1 AND kind = 'community.created' AND user_id = $2
           AND NOT EXISTS (SELECT 1 FROM sources WHERE community_id = $1)
           AND NOT EXISTS (SELECT 1 FROM identities WHERE community_id = $1)",
        args![&community_id, &call.caller.user_id],
    )?;
    if is_own_and_empty.is_some() {
        return Ok(());
    }
    let message = "community_id: you may read no source of this community, so you may not put one into it.";
    Err(error::invalid("community_id", "forbidden", message))
}

/// Two sources that share a secret could be played one request off against the other: refused (threat T15).
fn distinct_secret(
    app: &Conversations,
    tx: &mut dyn Tx,
    id: Id,
    kind: &SourceKind,
    settings: &Settings,
) -> Result<Option<Vec<u8>>> {
    let Some((name, secret)) = settings.shown_secrets(kind).into_iter().next() else { return Ok(None) };
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &app.seal.derive("distinct source secrets"));
    let hash = ring::hmac::sign(&key, secret.reveal().as_bytes()).as_ref().to_vec();
    if tx.first("SELECT 1 FROM sources WHERE secret_hash = $1 AND id <> $2", args![&hash, &id])?.is_some() {
        return Err(error::invalid(
            name,
            "taken",
            format!("{name}: another source has this secret; choose another one."),
        ));
    }
    Ok(Some(hash))
}

/// An administrator (and whoever created it) has every right on a new source without approval.
fn grant_to_administrators(tx: &mut dyn Tx, source_id: Id, creator_id: Id) -> Result<()> {
    let sql = "SELECT users.id, roles.permissions FROM users JOIN roles ON roles.id = users.role_id
         WHERE users.deleted_at IS NULL";
    let rows = tx.query(sql, &[])?;
    for row in rows {
        let (user_id, permissions): (Id, String) = (row.get(0)?, row.get(1)?);
        if user_id == creator_id || Permissions::from_text(&permissions) == Permissions::ALL {
            grant(tx, user_id, source_id, SourceRights::FULL)?;
        }
    }
    Ok(())
}

struct InStore<'t>(&'t mut dyn Tx);

impl Known for InStore<'_> {
    fn category(&mut self, id: Id) -> Result<bool> {
        let sql = format!("SELECT 1 FROM categories WHERE id = $1 AND {}", categories::jobs::IS_THERE);
        Ok(self.0.first(&sql, args![&id])?.is_some())
    }

    fn channel(&mut self, id: Id) -> Result<bool> {
        Ok(self.0.first("SELECT 1 FROM channels WHERE id = $1", args![&id])?.is_some())
    }
}

fn update(app: &Conversations, call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<Answer> {
    let source = find(tx, &call.caller, call.id("sourceId", "source")?)?;
    let (id, kind) = (source.id, source.kind);
    let channel = Channel::load(tx, &app.seal, id)?.ok_or_else(|| error::not_found("source"))?;
    let name = checked::name("name", parameters.name.as_deref().unwrap_or(&source.name))?;
    let active = parameters.active.unwrap_or(source.active);
    parameters.own.require_of(kind)?;
    let mut settings = channel.settings.changed(kind, &parameters.own.given())?;
    settings.generate_missing(kind, &call.env);
    let before = json(&source.stored)?;
    let sheets_before: Vec<Id> = time_sheets::ids_of_sources(tx, &[id])?.into_iter().map(|(_, sheet)| sheet).collect();
    let sheets = parameters.time_sheet_ids.clone().unwrap_or_else(|| sheets_before.clone());
    if sheets != sheets_before {
        time_sheets::set_of_source(tx, id, sheets.first().copied())?;
    }
    // Checked with the others: what cannot be read is empty.
    let channel_id = parameters.channel_id.as_ref().map_or(source.channel_id, |text| text.parse().ok());
    let common = parameters.apply(source.stored.common.clone(), kind, &mut InStore(tx))?;
    let stored = StoredSettings { common, own: settings.public() };
    let is_same = (name.as_str(), active, settings == channel.settings, json(&stored)?, sheets, channel_id)
        == (source.name.as_str(), source.active, true, before, sheets_before, source.channel_id);
    if polling::is_polled(&source) {
        polling::ask_soon(tx, id, call.env.now())?;
    }
    if is_same {
        return by_id(tx, id)?
            .ok_or_else(|| error::not_found("source"))
            .and_then(|source| shown(app, call, tx, source));
    }
    let secret_hash = distinct_secret(app, tx, id, kind, &settings)?;
    tx.execute(
        "UPDATE sources SET name = $2, active = $3, settings = $4, secrets = $5, secret_hash = $6,
                            version = version + 1, updated_at = $7, channel_id = $8
         WHERE id = $1",
        args![
            &id,
            &name,
            active,
            &json(&stored)?,
            channel::close(&app.seal, id, &settings)?.as_ref().map_or(frontdesk_store::Arg::Null, Into::into),
            secret_hash.as_ref().map_or(frontdesk_store::Arg::Null, Into::into),
            call.env.now(),
            &channel_id
        ],
    )?;
    // Whatever was wrong may be right now; who uses it says so again if not.
    forget_troubles(tx, id)?;
    quotas::resume(tx, id)?;
    tx.append(events::by(call, "content_source.updated", id, None, serde_json::json!({ "source_id": id })));
    let source = by_id(tx, id)?.ok_or_else(|| error::not_found("source"))?;
    shown(app, call, tx, source)
}

fn delete(app: &Conversations, call: &Call, tx: &mut dyn Tx) -> Result<Answer> {
    let source = find(tx, &call.caller, call.id("sourceId", "source")?)?;
    let id = source.id;
    if tx.first("SELECT 1 FROM threads WHERE source_id = $1 LIMIT 1", args![&id])?.is_some() {
        let message = "The source has threads, which would be lost. Deactivate it instead (active=false).";
        return Err(error::unprocessable("source_in_use", message));
    }
    let answer = extended(app, call, tx, source)?;
    tx.execute("DELETE FROM source_permissions WHERE source_id = $1", args![&id])?;
    for table in ["source_counters", "sweeps", "automatic_answers"] {
        tx.execute(&format!("DELETE FROM {table} WHERE source_id = $1"), args![&id])?;
    }
    polling::forget(tx, id)?;
    quotas::forget(tx, id)?;
    channel_events::forget(tx, id)?;
    time_sheets::set_of_source(tx, id, None)?;
    tx.execute("DELETE FROM sources WHERE id = $1", args![&id])?;
    tx.append(events::by(call, "content_source.destroyed", id, None, serde_json::json!({ "source_id": id })));
    Ok(answer)
}

fn json(stored: &StoredSettings) -> Result<String> {
    serde_json::to_string(stored).map_err(|trouble| error::broken(trouble.to_string()))
}
