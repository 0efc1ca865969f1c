//! What a list of threads shows of each: who it is with, what was said last, whose it is, and since when somebody waits.
//! All of it for a page of threads in two queries.

use std::collections::HashMap;

use frontdesk_model::{Id, Result, Timestamp};
use frontdesk_store::{Text, Tx, args};
use schemars::JsonSchema;
use serde::Serialize;

use super::Thread;
use crate::contents::body;
use crate::identities::display_name;

/// Characters of what was said last.
const EXCERPT_CHARACTERS_MAX: usize = 160;
/// What stands for headings, items and lines of tables where HTML becomes text.
const MARKS: &str = "#*>-─│┬┼┴";
/// Bytes of a body that are looked at for it: cleaning a whole letter would take too long for every line of a list.
const EXCERPT_BODY_BYTES_MAX: usize = 8 * 1024;
/// Who waits is looked for among so many of a thread's latest contents.
const LATEST_CONTENTS: i64 = 50;

/// Ours, of a thread.
#[derive(Serialize, JsonSchema)]
pub(super) struct Glance {
    /// Whom it is with; absent when nobody is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    customer: Option<Customer>,
    /// Its latest content; absent in a thread without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    last_content: Option<LastContent>,
    /// The intervention that is open, or else the latest; absent when nobody has ever engaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    intervention: Option<LatestIntervention>,
    /// When the customer wrote what has no answer yet, as far as its latest 50 contents tell; absent when nobody waits,
    /// such as under an intervention that was closed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    waiting_since: Option<Timestamp>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ThreadCustomer")]
struct Customer {
    id: Id,
    display_name: Option<String>,
    avatar_url: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ThreadLastContent")]
struct LastContent {
    id: Id,
    /// The identity that wrote it.
    author_id: Option<Id>,
    /// The user who wrote it; null: a customer.
    creator_id: Option<Id>,
    status: String,
    /// The beginning of its text, on one line.
    excerpt: String,
    language: Option<String>,
    attachments_count: i64,
    created_at: Timestamp,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ThreadIntervention")]
struct LatestIntervention {
    id: Id,
    identity_id: Id,
    /// Whose it is; null when it waits for somebody to take it.
    user_id: Option<Id>,
    /// When it comes back; null: it is not deferred.
    deferred_at: Option<Timestamp>,
    /// When it was closed; null: it is open.
    closed_at: Option<Timestamp>,
}

/// Of each of these threads.
pub(super) fn of(tx: &mut dyn Tx, threads: &[Thread]) -> Result<HashMap<Id, Glance>> {
    let ids: Vec<Id> = threads.iter().map(|thread| thread.id).collect();
    let mut found = HashMap::with_capacity(ids.len());
    if ids.is_empty() {
        return Ok(found);
    }
    let engaged = interventions(tx, &ids)?;
    let sql = format!(
        "SELECT t.id, c.id, c.author_id, c.creator_id, c.status, c.body, c.body_format, c.language, c.attachments_count,
                c.created_at, i.id, i.firstname, i.lastname, i.screenname, i.avatar_url,
                (SELECT MIN(created_at) FROM
                   (SELECT created_at, status, intervention_id FROM contents WHERE thread_id = t.id
                    ORDER BY created_at DESC, id DESC LIMIT {LATEST_CONTENTS}) AS latest
                 WHERE status = 'new' OR status = 'assigned' AND NOT EXISTS
                   (SELECT 1 FROM interventions WHERE id = latest.intervention_id AND closed_at IS NOT NULL))
         FROM threads t
         LEFT JOIN contents c ON c.id =
           (SELECT id FROM contents WHERE thread_id = t.id ORDER BY created_at DESC, id DESC LIMIT 1)
         LEFT JOIN identities i ON i.id = COALESCE(t.author_id,
           (SELECT CASE WHEN creator_id IS NULL THEN author_id ELSE recipient_id END FROM contents
            WHERE thread_id = t.id ORDER BY created_at, id LIMIT 1),
           CASE WHEN c.creator_id IS NULL THEN c.author_id END)
         WHERE {}",
        tx.in_list("t.id", 1)
    );
    for row in tx.query(&sql, args![&ids])? {
        let thread_id: Id = row.get(0)?;
        let customer = match row.get::<Option<Id>>(10)? {
            Some(id) => {
                let names: [Option<String>; 3] = [row.get(11)?, row.get(12)?, row.get(13)?];
                let [first, last, screen] = names.each_ref().map(Option::as_deref);
                Some(Customer { id, display_name: display_name(first, last, screen), avatar_url: row.get(14)? })
            }
            None => None,
        };
        let last_content = match row.get::<Option<Id>>(1)? {
            Some(id) => Some(LastContent {
                id,
                author_id: row.get(2)?,
                creator_id: row.get(3)?,
                status: row.get(4)?,
                excerpt: excerpt(&row.get::<Text>(5)?, &row.get::<String>(6)?),
                language: row.get(7)?,
                attachments_count: row.get(8)?,
                created_at: row.get(9)?,
            }),
            None => None,
        };
        let glance = Glance { customer, last_content, intervention: None, waiting_since: row.get(15)? };
        found.insert(thread_id, glance);
    }
    for (thread_id, intervention) in engaged {
        if let Some(glance) = found.get_mut(&thread_id) {
            glance.intervention = Some(intervention);
        }
    }
    Ok(found)
}

/// The one of each thread that counts.
fn interventions(tx: &mut dyn Tx, thread_ids: &[Id]) -> Result<HashMap<Id, LatestIntervention>> {
    let sql = format!(
        "SELECT thread_id, id, identity_id, user_id, deferred_at, closed_at FROM interventions WHERE {}
         ORDER BY CASE WHEN closed_at IS NULL THEN 1 ELSE 0 END, updated_at, id",
        tx.in_list("thread_id", 1)
    );
    let mut found = HashMap::new();
    for row in tx.query(&sql, args![thread_ids])? {
        let intervention = LatestIntervention {
            id: row.get(1)?,
            identity_id: row.get(2)?,
            user_id: row.get(3)?,
            deferred_at: row.get(4)?,
            closed_at: row.get(5)?,
        };
        found.insert(row.get(0)?, intervention);
    }
    Ok(found)
}

/// The beginning of a body as plain words on one line.
fn excerpt(stored: &Text, format: &str) -> String {
    let mut end = stored.len().min(EXCERPT_BODY_BYTES_MAX);
    while !stored.is_char_boundary(end) {
        end -= 1;
    }
    let text = body::text(&stored[..end], format);
    let mut line = String::new();
    let mut characters = 0;
    for word in text.split_whitespace().filter(|word| format != "html" || word.contains(|c| !MARKS.contains(c))) {
        if characters > 0 {
            line.push(' ');
        }
        for character in word.chars() {
            if characters >= EXCERPT_CHARACTERS_MAX {
                return line + "…";
            }
            line.push(character);
            characters += 1;
        }
        characters += 1;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{EXCERPT_CHARACTERS_MAX, excerpt};

    #[test]
    fn an_excerpt_is_one_line_of_plain_words() {
        for (body, format, expected) in [
            ("Where is\n\n my  kettle?", "text", "Where is my kettle?"),
            ("<b>bold</b>", "text", "<b>bold</b>"),
            ("<p>Where <b>is</b></p><p>my&nbsp;kettle?</p><script>alert(1)</script>", "html", "Where is my kettle?"),
            ("<h2>Order 7</h2><ul><li>one</li></ul>", "html", "Order 7 one"),
            ("", "text", ""),
        ] {
            assert_eq!(excerpt(&body.into(), format), expected);
        }
        let long = excerpt(&"é".repeat(100_000).as_str().into(), "text");
        assert_eq!(long.chars().count(), EXCERPT_CHARACTERS_MAX + 1);
        assert!(long.ends_with('…'));
    }
}
