//! What a browser loads: the loader, the window, style sheets, the demo.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use frontdesk_model::{Error, Result};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{Visit, no_such_page, theme_hash};
use crate::{catalogue, pages, sessions, settings, theme};

impl Visit {
    pub(super) async fn page(&self, name: &str) -> Result<Response> {
        if !matches!(self.parts.method, Method::GET | Method::HEAD) {
            return Err(no_such_page());
        }
        let token = self.token.clone();
        if name == "loader.js" {
            let config = self
                .read(move |tx, place| {
                    let config = pages::configuration(place, &token, catalogue::configuration(tx, place.source_id())?);
                    let settings = settings::of(tx, place.source_id())?;
                    Ok(Some((config, settings)).filter(|_| place.serves_web()))
                })
                .await;
            let config = match config {
                Err(Error::Refused(_)) => None,
                other => other?,
            };
            return pages::loader(config.as_ref(), &self.parts.headers);
        }
        if let Some(hash) = theme_hash(name) {
            let theme = self.read(|tx, place| theme::of(tx, place.source_id())).await?;
            return Ok(theme::served(theme, hash));
        }
        if name == "demo" {
            let fresh = self.request_id;
            return self
                .read(move |tx, place| {
                    let settings = settings::of(tx, place.source_id())?;
                    Ok(pages::demo(&token, &settings.locale, place.serves_web(), fresh))
                })
                .await;
        }
        let query = self.query()?;
        let (is_frame, is_trial) = (name == "web", name == "try");
        let (env, seal) = sessions::store_of(&self.app.desk);
        let public_url = self.app.desk.public_url.clone();
        self.read(move |tx, place| {
            let settings = settings::of(tx, place.source_id())?;
            let name = place.name(tx)?;
            let theme = theme::address(&theme::of(tx, place.source_id())?, &token);
            if !is_frame {
                // Whoever sets a source up sees what visitors see, as a visitor whom nobody knows.
                let standalone = is_trial.then(|| json!({ "jwt": null, "custom": {} }));
                return Ok(pages::window(place, &token, &name, &settings, &public_url, standalone, theme.as_deref()));
            }
            let jwt = query.get("jwt_identity").and_then(Value::as_str).unwrap_or_default();
            match sessions::check(tx, &env, &seal, place, jwt) {
                Ok(()) => {}
                Err(Error::Refused(why)) => {
                    return Ok(pages::refusal(why.status, &name, &settings, &public_url, &why.message));
                }
                Err(other) => return Err(other),
            }
            let custom: Map<String, Value> = query
                .clone()
                .into_iter()
                .filter(|(name, value)| name.starts_with("custom_") && value.is_string())
                .collect();
            let standalone = Some(json!({ "jwt": jwt, "custom": custom }));
            Ok(pages::window(place, &token, &name, &settings, &public_url, standalone, theme.as_deref()))
        })
        .await
    }
}

/// The script for pages above a conversation: under a published name, so browsers ask again now and then.
pub(super) async fn webview(request: Request) -> Response {
    match *request.method() {
        Method::GET | Method::HEAD => pages::webview(request.headers()),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}
