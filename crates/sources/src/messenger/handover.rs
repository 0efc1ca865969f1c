//! Several apps take part in one conversation: a bot and this one. One of them has it; the others are only told.

use serde_json::{Value, json};

use crate::Settings;
use crate::graph::{self, settings};
use crate::ingress::{Control, Happening};
use crate::outbound::{Method, Request};

/// Reads what happens to a conversation; none where it is something else.
pub(super) fn read(item: &Value) -> Result<Option<Happening>, String> {
    let app = |part: &str, name: &str| graph::id_of(&item[part][name]);
    let is = |part: &str| item.get(part).is_some();
    let change = if is("pass_thread_control") {
        Control::Passed { to_app_id: app("pass_thread_control", "new_owner_app_id") }
    } else if is("take_thread_control") {
        Control::Taken { by_app_id: app("take_thread_control", "new_owner_app_id") }
    } else if is("request_thread_control") {
        Control::Requested { by_app_id: app("request_thread_control", "requested_owner_app_id") }
    } else {
        return Ok(None);
    };
    let author_foreign_id = graph::id_of(&item["sender"]["id"]).ok_or("It does not say whose conversation it is.")?;
    Ok(Some(Happening::Control { author_foreign_id, change }))
}

/// Makes a conversation ours: it is taken where our app leads, else asked for.
pub(super) fn ask(known: &Settings, customer: &str) -> Option<Request> {
    let leads = known.boolean(settings::IS_PRIMARY) == Some(true);
    let what = if leads { "take_thread_control" } else { "request_thread_control" };
    call(known, what, json!({ "recipient": { "id": customer } }))
}

/// Gives a conversation to this app, or to whom Facebook says where none is named.
pub(super) fn give(known: &Settings, customer: &str, to_app_id: Option<&str>) -> Option<Request> {
    match to_app_id {
        Some(app) => {
            let body = json!({ "recipient": { "id": customer }, "target_app_id": app });
            call(known, "pass_thread_control", body)
        }
        None => call(known, "release_thread_control", json!({ "recipient": { "id": customer } })),
    }
}

fn call(known: &Settings, what: &str, body: Value) -> Option<Request> {
    graph::request(known, Method::Post, &[known.text(settings::PAGE_ID)?, what], Some(&body))
}
