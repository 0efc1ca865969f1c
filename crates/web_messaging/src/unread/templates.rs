//! Templates of the mail about unread messages: an ordered list, of which the first that is on and fits the conversation is
//! used.

use std::sync::Arc;

use frontdesk_conversations::Conversations;
use frontdesk_conversations::sources::IS_MESSAGING;
use frontdesk_conversations::visitors::Unread;
use frontdesk_model::error::AttributeError;
use frontdesk_model::event::NewEvent;
use frontdesk_model::{Id, Result, SourceRight, Timestamp, error};
use frontdesk_people::mails::{self, NewMail, To};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::letter::{self, EXAMPLE, Letter, SUBJECT_CHARACTERS_MAX};
use crate::settings::PERMISSIONS;

const TEMPLATES_MAX: usize = 100;
const NAME_CHARACTERS_MAX: usize = 255;
const HTML_CHARACTERS_MAX: usize = 100_000;
/// Sources, categories or languages of one template.
const WISHES_MAX: usize = 150;
const LANGUAGE_CHARACTERS_MAX: usize = 20;
/// Between two previews to one person.
const PREVIEW_PAUSE_SECONDS: i64 = 5;
const SUBJECT: &str = "New messages from {{source_name}}";

/// What a mail is written by.
pub(crate) struct Template {
    pub(crate) subject: String,
    pub(crate) html: String,
}

/// A template of the mail about unread messages.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct MessagingMailTemplate {
    id: Id,
    /// What people call it.
    name: String,
    /// Its place in the order, the first being 1.
    position: i64,
    /// Whether it is used.
    active: bool,
    /// The sources whose conversations it fits; an empty list fits all.
    source_ids: Vec<Id>,
    /// The categories of which a conversation must have one; an empty list fits all.
    category_ids: Vec<Id>,
    /// Languages of visitors, such as `fr`, which fits `fr-CA` too; an empty list fits all.
    languages: Vec<String>,
    subject: String,
    html: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str =
    "SELECT id, name, position, active, source_ids, category_ids, languages, subject, html, created_at,
    updated_at FROM messaging_mail_templates";

fn template(row: &Row) -> Result<MessagingMailTemplate> {
    let broken = |trouble: serde_json::Error| error::broken(format!("messaging_mail_templates: {trouble}"));
    Ok(MessagingMailTemplate {
        id: row.get(0)?,
        name: row.get(1)?,
        position: row.get(2)?,
        active: row.get(3)?,
        source_ids: serde_json::from_str(&row.get::<String>(4)?).map_err(broken)?,
        category_ids: serde_json::from_str(&row.get::<String>(5)?).map_err(broken)?,
        languages: serde_json::from_str(&row.get::<String>(6)?).map_err(broken)?,
        subject: row.get(7)?,
        html: row.get(8)?,
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
    })
}

/// Whether a template's languages hold one, or what it is a kind of.
fn speaks(languages: &[String], locale: &str) -> bool {
    languages.is_empty()
        || languages.iter().any(|language| {
            let rest = locale.get(..language.len()).filter(|begin| begin.eq_ignore_ascii_case(language));
            rest.is_some() && locale[language.len()..].chars().next().is_none_or(|next| !next.is_ascii_alphanumeric())
        })
}

/// The first that is on and fits; none: our own words.
pub(crate) fn matching(tx: &mut dyn Tx, source_id: Id, category_ids: &[Id], locale: &str) -> Result<Option<Template>> {
    for row in tx.query(&format!("{SELECT} WHERE active ORDER BY position, id"), args![])? {
        let found = template(&row)?;
        let fits = (found.source_ids.is_empty() || found.source_ids.contains(&source_id))
            && (found.category_ids.is_empty() || found.category_ids.iter().any(|id| category_ids.contains(id)))
            && speaks(&found.languages, locale);
        if fits {
            return Ok(Some(Template { subject: found.subject, html: found.html }));
        }
    }
    Ok(None)
}

/// Parameters of `createMessagingMailTemplate` and `updateMessagingMailTemplate`: what is left out stays, or is as in a new
/// one, whose `html` is that of our own mail.
#[derive(Default, Deserialize, JsonSchema)]
struct Given {
    /// What people call it. Mandatory in a new one.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    name: Option<String>,
    /// Its place in the order, the first being 1; a new one is the last.
    position: Option<i64>,
    /// Whether it is used; a new one is.
    active: Option<bool>,
    /// The sources whose conversations it fits; an empty list fits all.
    #[schemars(length(max = WISHES_MAX))]
    source_ids: Option<Vec<Id>>,
    /// The categories of which a conversation must have one; an empty list fits all.
    #[schemars(length(max = WISHES_MAX))]
    category_ids: Option<Vec<Id>>,
    /// Languages of visitors, such as `fr`; an empty list fits all.
    #[schemars(length(max = WISHES_MAX))]
    languages: Option<Vec<String>>,
    /// May hold the names that `html` may hold in two braces.
    #[schemars(length(max = SUBJECT_CHARACTERS_MAX))]
    subject: Option<String>,
    /// HTML. `{{name}}` stands for a value, escaped: `screenname`, `agent_name`, `source_name`, `messages_count`, `messages`.
    /// `{{{messages}}}`, `{{{back_to_chat_link}}}` and `{{{unsubscribe_link}}}` are put in as they are; the last is mandatory.
    #[schemars(length(max = HTML_CHARACTERS_MAX))]
    html: Option<String>,
}

/// Where a preview went.
#[derive(Serialize, JsonSchema)]
struct PreviewSent {
    /// The caller's address.
    to: String,
}

pub(crate) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let (tag, all) = ("Web Messaging", "/messaging_mail_templates");
    let one = "/messaging_mail_templates/{templateId}";
    let previewing = app.clone();
    vec![
        Operation::read("getAllMessagingMailTemplates", Method::GET, all, list)
            .tag(tag)
            .summary("Lists the templates of the mail about unread messages, in their order.")
            .permissions(PERMISSIONS)
            .extension(),
        Operation::read("getMessagingMailTemplate", Method::GET, one, |call, _: NoParameters, tx| find(call, tx))
            .tag(tag)
            .summary("Reads a template of the mail about unread messages.")
            .permissions(PERMISSIONS)
            .extension(),
        Operation::write("createMessagingMailTemplate", Method::POST, all, create)
            .tag(tag)
            .summary("Creates a template of the mail about unread messages.")
            .permissions(PERMISSIONS)
            .extension(),
        Operation::write("updateMessagingMailTemplate", Method::PUT, one, update)
            .tag(tag)
            .summary("Changes a template of the mail about unread messages, or its place.")
            .permissions(PERMISSIONS)
            .extension(),
        Operation::write("deleteMessagingMailTemplate", Method::DELETE, one, delete)
            .tag(tag)
            .summary("Deletes a template of the mail about unread messages.")
            .permissions(PERMISSIONS)
            .extension(),
        Operation::write(
            "previewMessagingMailTemplate",
            Method::POST,
            "/messaging_mail_templates/{templateId}/preview",
            move |call, _: NoParameters, tx| preview(call, &previewing, tx),
        )
        .tag(tag)
        .summary("Sends the caller a mail as the template makes it, of messages that are made up.")
        .permissions(PERMISSIONS)
        .extension(),
    ]
}

fn find(call: &Call, tx: &mut dyn Tx) -> Result<MessagingMailTemplate> {
    let id = call.id("templateId", "template")?;
    let row = tx.first(&format!("{SELECT} WHERE id = $1"), args![&id])?;
    template(&row.ok_or_else(|| error::not_found("template"))?)
}

fn list(_: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<MessagingMailTemplate>> {
    let filter = Filter::default();
    let count = filter.count(tx, "messaging_mail_templates", paging.offset, paging.limit)?;
    let rows = filter.page(tx, SELECT, "position, id", paging.offset, paging.limit)?;
    Ok(Page::new(count, paging, rows.iter().map(template).collect::<Result<_>>()?))
}

fn create(call: &Call, given: Given, tx: &mut dyn Tx) -> Result<MessagingMailTemplate> {
    let others = order(tx)?;
    if others.len() >= TEMPLATES_MAX {
        let message = format!("There are {TEMPLATES_MAX} templates, and there can be no more: delete one first.");
        return Err(error::unprocessable("too_many_templates", message));
    }
    let now = call.env.now();
    let new = MessagingMailTemplate {
        id: call.env.id(),
        name: String::new(),
        position: others.len() as i64 + 1,
        active: true,
        source_ids: Vec::new(),
        category_ids: Vec::new(),
        languages: Vec::new(),
        subject: SUBJECT.into(),
        html: EXAMPLE.into(),
        created_at: now,
        updated_at: now,
    };
    let new = given.applied(call, new, tx)?;
    tx.execute(
        "INSERT INTO messaging_mail_templates (id, name, position, active, source_ids, category_ids, languages, subject, html,
           created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
        args![
            &new.id,
            &new.name,
            new.position,
            new.active,
            &json!(new.source_ids).to_string(),
            &json!(new.category_ids).to_string(),
            &json!(new.languages).to_string(),
            &new.subject,
            &new.html,
            now
        ],
    )?;
    tell(call, "mobile_messaging.email_notifications.template.created", new.id, tx);
    placed(others, &new, tx)
}

fn update(call: &Call, given: Given, tx: &mut dyn Tx) -> Result<MessagingMailTemplate> {
    let before = find(call, tx)?;
    let mut new = given.applied(call, before.clone(), tx)?;
    if new == before {
        return Ok(before);
    }
    new.updated_at = call.env.now();
    tx.execute(
        "UPDATE messaging_mail_templates SET name = $2, active = $3, source_ids = $4, category_ids = $5, languages = $6,
           subject = $7, html = $8, updated_at = $9 WHERE id = $1",
        args![
            &new.id,
            &new.name,
            new.active,
            &json!(new.source_ids).to_string(),
            &json!(new.category_ids).to_string(),
            &json!(new.languages).to_string(),
            &new.subject,
            &new.html,
            new.updated_at
        ],
    )?;
    tell(call, "mobile_messaging.email_notifications.template.updated", new.id, tx);
    let others = order(tx)?.into_iter().filter(|id| *id != new.id).collect();
    placed(others, &new, tx)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<MessagingMailTemplate> {
    let gone = find(call, tx)?;
    tx.execute("DELETE FROM messaging_mail_templates WHERE id = $1", args![&gone.id])?;
    let rest = order(tx)?;
    number(&rest, tx)?;
    tell(call, "mobile_messaging.email_notifications.template.destroyed", gone.id, tx);
    Ok(gone)
}

fn tell(call: &Call, kind: &'static str, id: Id, tx: &mut dyn Tx) {
    tx.append(NewEvent::new(&call.env, Some(call.caller.user_id), kind, id, None, json!({})));
}

/// All templates, in their order.
fn order(tx: &mut dyn Tx) -> Result<Vec<Id>> {
    let rows = tx.query("SELECT id FROM messaging_mail_templates ORDER BY position, id", args![])?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Puts one at its place among the others.
fn placed(mut others: Vec<Id>, new: &MessagingMailTemplate, tx: &mut dyn Tx) -> Result<MessagingMailTemplate> {
    let place = usize::try_from(new.position - 1).unwrap_or_default().min(others.len());
    others.insert(place, new.id);
    number(&others, tx)?;
    template(&tx.one(&format!("{SELECT} WHERE id = $1"), args![&new.id])?)
}

fn number(ids: &[Id], tx: &mut dyn Tx) -> Result<()> {
    for (id, position) in ids.iter().zip(1_i64..) {
        let sql = "UPDATE messaging_mail_templates SET position = $2 WHERE id = $1 AND position <> $2";
        tx.execute(sql, args![id, position])?;
    }
    Ok(())
}

impl Given {
    fn applied(
        self,
        call: &Call,
        mut template: MessagingMailTemplate,
        tx: &mut dyn Tx,
    ) -> Result<MessagingMailTemplate> {
        let mut errors = Vec::new();
        let mut wrong = |attribute: &str, message: String| {
            errors.push(AttributeError { attribute: attribute.into(), kind: "invalid".into(), message });
        };
        if let Some(name) = self.name {
            template.name = name.trim().to_owned();
        }
        if !(1..=NAME_CHARACTERS_MAX).contains(&template.name.chars().count()) {
            wrong("name", format!("name must have 1 to {NAME_CHARACTERS_MAX} characters."));
        }
        if let Some(position) = self.position {
            match position >= 1 {
                true => template.position = position,
                false => wrong("position", "position must be at least 1.".into()),
            }
        }
        template.active = self.active.unwrap_or(template.active);
        if let Some(ids) = self.source_ids {
            let mut known = ids.len() <= WISHES_MAX;
            for id in ids.iter().take(WISHES_MAX) {
                let sql = format!("SELECT 1 FROM sources WHERE id = $1 AND {IS_MESSAGING}");
                known &= call.caller.may_on(*id, SourceRight::Read) && tx.first(&sql, args![id])?.is_some();
            }
            match known {
                true => template.source_ids = ids,
                false => wrong("source_ids", format!("source_ids holds at most {WISHES_MAX} messaging sources.")),
            }
        }
        if let Some(ids) = self.category_ids {
            let mut known = ids.len() <= WISHES_MAX;
            for id in ids.iter().take(WISHES_MAX) {
                known &= tx.first("SELECT 1 FROM categories WHERE id = $1", args![id])?.is_some();
            }
            match known {
                true => template.category_ids = ids,
                false => wrong("category_ids", format!("category_ids holds at most {WISHES_MAX} categories.")),
            }
        }
        if let Some(languages) = self.languages {
            let is_code = |text: &String| {
                (2..=LANGUAGE_CHARACTERS_MAX).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            };
            match languages.len() <= WISHES_MAX && languages.iter().all(is_code) {
                true => template.languages = languages,
                false => wrong("languages", "languages holds codes, such as fr or pt-BR.".into()),
            }
        }
        template.subject = self.subject.unwrap_or(template.subject);
        template.html = self.html.unwrap_or(template.html);
        for (attribute, text, most) in
            [("subject", &template.subject, SUBJECT_CHARACTERS_MAX), ("html", &template.html, HTML_CHARACTERS_MAX)]
        {
            if text.trim().is_empty() || text.chars().count() > most {
                wrong(attribute, format!("{attribute} must have 1 to {most} characters."));
            } else if let Some(name) = letter::unknown(text) {
                wrong(attribute, format!("{attribute}: there is nothing to put in for \"{name}\"."));
            }
        }
        if !template.html.contains("{{{unsubscribe_link}}}") && template.html.len() <= 4 * HTML_CHARACTERS_MAX {
            wrong("html", "html must hold {{{unsubscribe_link}}}: readers must be able to say no.".into());
        }
        if errors.is_empty() { Ok(template) } else { Err(error::invalid_all(errors)) }
    }
}

/// Mails the caller what a visitor would get.
fn preview(call: &Call, app: &Conversations, tx: &mut dyn Tx) -> Result<PreviewSent> {
    let found = find(call, tx)?;
    let row = tx.one("SELECT email, firstname FROM users WHERE id = $1", args![&call.caller.user_id])?;
    let (to, name): (String, String) = (row.get(0)?, row.get(1)?);
    let messages = ["Hello!", "Your parcel is on its way."].map(|text| Unread {
        id: Id::default(),
        at: call.env.now(),
        author: name.clone(),
        text: text.to_owned(),
    });
    let letter = Letter {
        locale: "en",
        source_name: "Shop",
        screenname: "Vera",
        messages: &messages,
        back_url: &app.public_url,
        unsubscribe_url: &app.public_url,
    };
    let written = letter.written(Some(&Template { subject: found.subject, html: found.html }));
    let mail = NewMail {
        key: &format!("preview {}", call.caller.user_id),
        to: To::User(call.caller.user_id),
        subject: &written.subject,
        text: &written.text,
        html: Some(&written.html),
        unsubscribe_url: None,
        pause_seconds: PREVIEW_PAUSE_SECONDS,
    };
    match mails::queue(tx, &call.env, &mail)? {
        true => Ok(PreviewSent { to }),
        false => Err(error::too_many("Too many mails wait: try again later.", 60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_fits_its_kinds() {
        for (languages, locale, expected) in [
            (&[][..], "en", true),
            (&["fr"], "fr", true),
            (&["fr"], "fr-CA", true),
            (&["FR"], "fr-CA", true),
            (&["fr"], "frx", false),
            (&["fr-CA"], "fr", false),
            (&["en", "de"], "de-AT", true),
            (&["é"], "e", false),
        ] {
            let languages: Vec<String> = languages.iter().map(|language: &&str| (*language).to_owned()).collect();
            assert_eq!(speaks(&languages, locale), expected, "{languages:?} {locale}");
        }
    }
}
