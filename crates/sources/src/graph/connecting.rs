//! What connecting a page takes, step by step, and how it is tried out.

use frontdesk_model::Secret;
use serde_json::Value;

use super::{API, address, failure, id_of, request, settings};
use crate::Settings;
use crate::connecting::{Connecting, Exchange, SignIn, Step, Trial, Trip};
use crate::outbound::{Answer, Method, Request};

/// What the page is to tell the app of.
const FIELDS: &str = "feed,mention,ratings,messages,messaging_postbacks,message_echoes,message_deliveries,message_reads,\
                      message_reactions,message_edits,messaging_handovers,messaging_referrals,standby";

/// How a page is connected.
pub(crate) static PAGE: Connecting = Connecting {
    steps: &[
        Step {
            name: "app",
            doc: "Make an app of type Business at developers.facebook.com, and enter its id and secret, from its basic \
                  settings, as facebook_app_id and facebook_app_secret.",
            settings: &[settings::APP_ID, settings::APP_SECRET],
        },
        Step { name: "page", doc: "Enter the page's id as facebook_page_id.", settings: &[settings::PAGE_ID] },
        Step {
            name: "token",
            doc: "Let Facebook give out a token: authorize the connection, open the address that the answer tells, and \
                  complete the connection with what Facebook sends you back with. Or get an access token of the page \
                  yourself, with the rights pages_manage_metadata, pages_read_engagement, \
                  pages_read_user_content, pages_manage_engagement and pages_messaging, and enter it as \
                  facebook_page_token.",
            settings: &[settings::TOKEN],
        },
        Step {
            name: "webhook",
            doc: "In the app, under Webhooks, object Page: enter callback_url and facebook_verify_token, and subscribe to \
                  the fields that you need. One address serves a page and its Messenger.",
            settings: &[],
        },
    ],
    trials: &[
        Trial { name: "page", request: page, judge: is_page },
        Trial { name: "subscribe", request: subscribe, judge: is_done },
        Trial { name: "subscribed", request: subscribed, judge: is_subscribed },
    ],
    sign_in: Some(SignIn {
        dialog,
        exchanges: &[
            Exchange { request: for_code, read: read_token },
            Exchange { request: for_longer, read: read_token },
            Exchange { request: accounts, read: read_page_token },
        ],
        setting: settings::TOKEN,
    }),
};

/// Where people let an app in.
const DIALOG: &str = "https://www.facebook.com";
/// What they let it do.
const RIGHTS: &str = "pages_show_list,pages_manage_metadata,pages_read_engagement,pages_read_user_content,\
                      pages_manage_engagement,pages_messaging";

fn dialog(known: &Settings, trip: &Trip, state: &str) -> Result<String, String> {
    let app_id = known.text(settings::APP_ID).filter(|_| known.secret(settings::APP_SECRET).is_some());
    let app_id = app_id.ok_or("Enter facebook_app_id and facebook_app_secret first.")?;
    let path = address(known, &["dialog", "oauth"]).unwrap_or_default().replacen(API, DIALOG, 1);
    let query = [
        ("client_id", app_id),
        ("redirect_uri", trip.redirect_uri.as_str()),
        ("state", state),
        ("scope", RIGHTS),
        ("response_type", "code"),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    Ok(format!("{path}?{query}"))
}

fn for_code(known: &Settings, trip: &Trip, code: &Secret) -> Option<Request> {
    ask(known, &[("redirect_uri", &trip.redirect_uri), ("code", code.reveal())])
}

/// What a code is good for ends within hours; this lasts, and so do the tokens of pages that are got by it.
fn for_longer(known: &Settings, _: &Trip, token: &Secret) -> Option<Request> {
    ask(known, &[("grant_type", "fb_exchange_token"), ("fb_exchange_token", token.reveal())])
}

fn ask(known: &Settings, more: &[(&str, &str)]) -> Option<Request> {
    let mut fields = vec![
        ("client_id", known.text(settings::APP_ID)?),
        ("client_secret", known.secret(settings::APP_SECRET)?.reveal()),
    ];
    fields.extend(more);
    Some(Request::form(address(known, &["oauth", "access_token"])?, &fields))
}

fn read_token(known: &Settings, _: &Secret, answer: &Answer) -> Result<Secret, String> {
    is_done(known, answer)?;
    token(&answer.json()["access_token"]).ok_or_else(|| "Facebook gave out no token.".into())
}

fn token(value: &Value) -> Option<Secret> {
    let text = value.as_str().filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()))?;
    Some(Secret::new(text))
}

fn accounts(known: &Settings, _: &Trip, token: &Secret) -> Option<Request> {
    let mut url = address(known, &["me", "accounts"])?;
    url.push_str("?fields=id,access_token&limit=100");
    Some(Request::bare(Method::Get, url).with_bearer(token))
}

fn read_page_token(known: &Settings, _: &Secret, answer: &Answer) -> Result<Secret, String> {
    is_done(known, answer)?;
    let told = answer.json();
    let mut pages = told["data"].as_array().into_iter().flatten();
    let is_ours = |page: &&Value| id_of(&page["id"]).as_deref() == known.text(settings::PAGE_ID);
    let page =
        pages.find(is_ours).ok_or("Whoever let us in has no page with the id facebook_page_id, or left it out.")?;
    token(&page["access_token"]).ok_or_else(|| "Facebook gave out no token of the page.".into())
}

fn page(known: &Settings) -> Option<Request> {
    // Whose token it is.
    let mut request = request(known, Method::Get, &["me"], None)?;
    request.url.push_str("?fields=id,name");
    Some(request)
}

fn is_page(known: &Settings, answer: &Answer) -> Result<(), String> {
    is_done(known, answer)?;
    match id_of(&answer.json()["id"]) {
        Some(id) if Some(id.as_str()) == known.text(settings::PAGE_ID) => Ok(()),
        _ => Err("The token is of another page than facebook_page_id.".into()),
    }
}

fn subscribe(known: &Settings) -> Option<Request> {
    let mut request = request(known, Method::Post, &[known.text(settings::PAGE_ID)?, "subscribed_apps"], None)?;
    request.url.push_str("?subscribed_fields=");
    request.url.push_str(FIELDS);
    Some(request)
}

fn is_done(_: &Settings, answer: &Answer) -> Result<(), String> {
    if answer.is_success() { Ok(()) } else { Err(failure(answer).message) }
}

fn subscribed(known: &Settings) -> Option<Request> {
    request(known, Method::Get, &[known.text(settings::PAGE_ID)?, "subscribed_apps"], None)
}

fn is_subscribed(known: &Settings, answer: &Answer) -> Result<(), String> {
    is_done(known, answer)?;
    let told = answer.json();
    let apps = told["data"].as_array().into_iter().flatten();
    let is_ours = |app: &Value| id_of(&app["id"]).as_deref() == known.text(settings::APP_ID);
    match apps.into_iter().any(is_ours) {
        true => Ok(()),
        false => {
            Err("The page does not tell this app of anything: facebook_app_id is not among those it tells.".into())
        }
    }
}
