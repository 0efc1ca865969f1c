//! The items that every new messaging source has: a floating button, a fixed one and an invitation.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use frontdesk_model::{Env, Id, Result, error};
use frontdesk_store::{Tx, args};
use serde::Deserialize;

use super::items::{Definition, Position, Type};
use super::objects::{self, Kind};
use crate::settings::Channel;
use crate::styles::{self, Compiled};

/// One of `web/widget/items/defaults.json`.
#[derive(Deserialize)]
struct Default {
    r#type: Type,
    position: Option<Position>,
    html: String,
    css: String,
    /// What it is called, by language. What it says is in all languages: the page's decides.
    labels: BTreeMap<String, String>,
}

const FILES: [(&str, &str); 4] = [
    ("button.html", include_str!("../../../../web/widget/items/button.html")),
    ("button.scss", include_str!("../../../../web/widget/items/button.scss")),
    ("invitation.html", include_str!("../../../../web/widget/items/invitation.html")),
    ("invitation.scss", include_str!("../../../../web/widget/items/invitation.scss")),
];

/// With their style sheets as browsers take them. These are our own, so they are compiled here and now.
static DEFAULTS: LazyLock<Vec<(Default, String)>> = LazyLock::new(|| {
    let defaults: Vec<Default> =
        serde_json::from_str(include_str!("../../../../web/widget/items/defaults.json")).unwrap_or_default();
    defaults
        .into_iter()
        .map(|default| {
            let compiled = match styles::worker::compile(&styles::item("", file(&default.css))) {
                Compiled::Css(css) => css,
                Compiled::Wrong(_) => String::new(),
            };
            (default, compiled)
        })
        .collect()
});

fn file(name: &str) -> &'static str {
    FILES.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
}

/// Makes them for a new source, called in the language of who makes it.
pub(crate) fn make(tx: &mut dyn Tx, env: &Env, user_id: Id, channel: Channel) -> Result<()> {
    let row = tx.first("SELECT locale FROM users WHERE id = $1", args![&user_id])?;
    let locale: Option<String> = row.map(|row| row.get(0)).transpose()?.flatten();
    for (default, compiled) in &*DEFAULTS {
        let definition = default.written(locale.as_deref().unwrap_or("en"), compiled)?;
        let subject = definition.r#type.subject();
        let id = objects::insert(tx, env, channel.source_id, Kind::Item, &definition)?;
        tx.append(objects::event(env, Some(user_id), channel, subject, "created", id)?);
    }
    Ok(())
}

impl Default {
    /// Called in a language, or in English.
    fn written(&self, locale: &str, compiled: &str) -> Result<Definition> {
        let label = self.labels.get(locale).or_else(|| self.labels.get("en"));
        Ok(Definition {
            label: label.cloned().ok_or_else(|| error::broken("a default item has no name"))?,
            r#type: self.r#type,
            position: self.position,
            html: frontdesk_conversations::contents::fragment(file(&self.html)),
            css: Some(file(&self.css).to_owned()),
            text: None,
            compiled_css: Some(compiled.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_whole() {
        assert_eq!(DEFAULTS.len(), 3);
        for (default, compiled) in &*DEFAULTS {
            assert!(compiled.contains("#53cca4"), "{compiled}");
            for locale in ["en", "fr", "xx"] {
                let written = default.written(locale, compiled).expect("an item");
                let html = written.html.expect("HTML");
                assert!(!written.label.is_empty(), "{html}");
                for kept in [
                    "dimelo_chat_item_action",
                    "<svg",
                    "<path d=\"M",
                    "<button",
                    "viewBox",
                    "lang=\"en\"",
                    "lang=\"fr\"",
                ] {
                    assert!(html.contains(kept), "{kept}: {html}");
                }
            }
        }
    }
}
