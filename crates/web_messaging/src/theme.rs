//! A source's own style sheet: of its window, and its variables for its items.

use axum::body::Body;
use axum::response::Response;
use frontdesk_model::error::Error;
use frontdesk_model::{Env, Id, Result, error, hex};
use frontdesk_rest::Call;
use frontdesk_store::Tx;
use http::{HeaderValue, header};
use ring::digest;
use serde::{Deserialize, Serialize};

use crate::catalogue::items::{self, Definition};
use crate::catalogue::objects::{self, Kind, Object};
use crate::settings::{self, Channel};
use crate::styles::{self, Compiled, SCSS_BYTES_MAX, Sheet};

/// A theme, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Theme {
    /// SCSS, as it was written.
    pub(crate) custom_css: String,
    /// What the window loads.
    pub(crate) compiled: String,
    /// Names it in its address.
    pub(crate) hash: String,
}

fn stored(tx: &mut dyn Tx, source_id: Id) -> Result<Option<Object<Theme>>> {
    Ok(objects::all(tx, source_id, Kind::Theme)?.into_iter().next())
}

/// That of a source; an empty one where there is none.
pub(crate) fn of(tx: &mut dyn Tx, source_id: Id) -> Result<Theme> {
    Ok(stored(tx, source_id)?.map(|object| object.definition).unwrap_or_default())
}

/// The address of what the window loads, if there is anything.
pub(crate) fn address(theme: &Theme, token: &str) -> Option<String> {
    (!theme.compiled.is_empty()).then(|| format!("/chat/{token}/style-{}.css", theme.hash))
}

/// Answers with the style sheet. By a hash that is not its own it is not kept: the window was loaded before a change.
pub(crate) fn served(theme: Theme, hash: &str) -> Response {
    let kept = match theme.hash == hash {
        true => "public, max-age=31536000, immutable",
        false => "no-store",
    };
    let mut response = Response::new(Body::from(theme.compiled));
    for (name, value) in [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, kept),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What there is to compile before a change.
#[derive(Serialize, Deserialize)]
struct Gathered {
    theme: String,
    /// The items whose sheets stand behind that of the theme, with what they were made from.
    items: Vec<(Id, String)>,
    sheets: Vec<Sheet>,
}

/// What was compiled, and for what.
#[derive(Deserialize, Serialize)]
pub(crate) struct Prepared {
    pub(crate) theme: String,
    items: Vec<(Id, String)>,
    pub(crate) compiled: Vec<Compiled>,
}

impl Prepared {
    /// What was prepared for a call that gave a style sheet.
    pub(crate) fn of(call: &Call) -> Result<Prepared> {
        let text = call.prepared.as_deref().ok_or_else(|| error::broken("a style sheet was not compiled"))?;
        serde_json::from_str(text).map_err(|trouble| error::broken(trouble.to_string()))
    }
}

pub(crate) fn gathered(theme: String, items: Vec<(Id, String)>, sheets: Vec<Sheet>) -> Result<String> {
    let gathered = Gathered { theme, items, sheets };
    serde_json::to_string(&gathered).map_err(|trouble| error::broken(trouble.to_string()))
}

/// Compiles what was gathered.
pub(crate) fn work(_: &Env, text: &str) -> Result<String> {
    let broken = |trouble: serde_json::Error| error::broken(trouble.to_string());
    let Gathered { theme, items, sheets } = serde_json::from_str(text).map_err(broken)?;
    let prepared = Prepared { theme, items, compiled: styles::compile(&sheets)? };
    serde_json::to_string(&prepared).map_err(broken)
}

/// Who compiled for something that is no longer so begins anew.
pub(crate) fn changed_meanwhile() -> Error {
    error::conflict("The style sheets of this source were changed at the same time: try again.")
}

/// The sheets that a new theme changes: the window's and its items'.
pub(crate) fn gather(call: &Call, custom_css: &str, tx: &mut dyn Tx) -> Result<String> {
    let channel = settings::source(call, tx, "source")?;
    if custom_css.len() > SCSS_BYTES_MAX {
        let message = format!("custom_css has at most {SCSS_BYTES_MAX} bytes.");
        return Err(error::invalid("custom_css", "too_long", message));
    }
    let items = styled(tx, channel.source_id)?;
    let items: Vec<(Id, String)> = items.into_iter().map(|(item, css)| (item.id, css)).collect();
    let mut sheets = vec![styles::theme(custom_css)];
    sheets.extend(items.iter().map(|(_, css)| styles::item(custom_css, css)));
    gathered(custom_css.to_owned(), items, sheets)
}

/// Items with style sheets.
fn styled(tx: &mut dyn Tx, source_id: Id) -> Result<Vec<(Object<Definition>, String)>> {
    let all: Vec<Object<Definition>> = objects::all(tx, source_id, Kind::Item)?;
    Ok(all.into_iter().filter_map(|item| item.definition.css.clone().map(|css| (item, css))).collect())
}

/// Gives a source a theme; whether that changed anything.
pub(crate) fn change(call: &Call, tx: &mut dyn Tx, channel: Channel, custom_css: &str) -> Result<bool> {
    let before = stored(tx, channel.source_id)?;
    if before.as_ref().map_or("", |before| before.definition.custom_css.as_str()) == custom_css {
        return Ok(false);
    }
    let Prepared { theme, items, compiled } = Prepared::of(call)?;
    let now = styled(tx, channel.source_id)?;
    let is_so = theme == custom_css
        && now.len() == items.len()
        && now.iter().zip(&items).all(|((item, css), (id, compiled))| item.id == *id && css == compiled);
    if !is_so {
        return Err(changed_meanwhile());
    }
    let mut compiled = compiled.into_iter();
    let window = match compiled.next() {
        Some(Compiled::Css(css)) => css,
        Some(Compiled::Wrong(fault)) => return Err(fault.of("custom_css")),
        None => return Err(error::broken("a theme was not compiled")),
    };
    for ((mut item, _), compiled) in now.into_iter().zip(compiled) {
        let css = match compiled {
            Compiled::Css(css) => css,
            Compiled::Wrong(fault) => {
                let label = &item.definition.label;
                let message = format!("custom_css: with it, the item \"{label}\" has no style: {}", fault.why);
                return Err(error::invalid("custom_css", &fault.kind, message));
            }
        };
        if item.definition.compiled_css.as_ref() != Some(&css) {
            item.definition.compiled_css = Some(css);
            objects::save(tx, &call.env, item.id, &item.definition)?;
        }
    }
    items::require_light(tx, channel.source_id, "custom_css")?;
    let hash = digest::digest(&digest::SHA256, window.as_bytes());
    let hash = hex::encode(&hash.as_ref()[..8]);
    let theme = Theme { custom_css: custom_css.to_owned(), compiled: window, hash };
    match before {
        Some(before) => objects::save(tx, &call.env, before.id, &theme)?,
        None => objects::insert(tx, &call.env, channel.source_id, Kind::Theme, &theme).map(drop)?,
    }
    Ok(true)
}
