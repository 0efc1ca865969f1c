//! Variables: `{{name}}` in a version stands for a value, and `{{name|words}}` for the words where there is none.

use std::borrow::Cow;

/// What variables can name.
pub(super) const NAMES: [&str; 9] = [
    "customer_name",
    "customer_firstname",
    "customer_lastname",
    "customer_email",
    "agent_name",
    "agent_firstname",
    "agent_lastname",
    "source_name",
    "thread_title",
];

/// The values, in the order of [`NAMES`]; none where nothing is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(pub(super) [Option<String>; NAMES.len()]);

impl Values {
    fn of(&self, name: &str) -> Option<Option<&str>> {
        let at = NAMES.iter().position(|known| *known == name)?;
        Some(self.0[at].as_deref().map(str::trim).filter(|value| !value.is_empty()))
    }
}

/// A text with its variables filled in.
#[derive(Debug, PartialEq)]
pub(super) struct Filled {
    pub(super) body: String,
    /// The variables that stayed, because nothing is known and no words stand in.
    pub(super) unfilled: Vec<&'static str>,
}

/// Fills in what is known; braces around anything else stay what they are. In HTML a value is words, whatever it holds.
pub(super) fn filled(text: &str, values: &Values, html: bool) -> Filled {
    let mut filled = Filled { body: String::with_capacity(text.len()), unfilled: Vec::new() };
    let mut rest = text;
    while let Some(begin) = rest.find("{{") {
        let Some(length) = rest[begin + 2..].find("}}") else { break };
        let inner = &rest[begin + 2..begin + 2 + length];
        let (name, words) = match inner.split_once('|') {
            Some((name, words)) => (name.trim(), Some(words.trim())),
            None => (inner.trim(), None),
        };
        let Some(value) = values.of(name) else {
            // A pair of braces further in may be one.
            filled.body.push_str(&rest[..begin + 1]);
            rest = &rest[begin + 1..];
            continue;
        };
        filled.body.push_str(&rest[..begin]);
        match (value, words) {
            (Some(value), _) => filled.body.push_str(&if html { escaped(value) } else { Cow::Borrowed(value) }),
            // These were written by whoever wrote the text around them.
            (None, Some(words)) => filled.body.push_str(words),
            (None, None) => {
                filled.body.push_str(&rest[begin..begin + length + 4]);
                if let Some(name) = NAMES.into_iter().find(|known| *known == name)
                    && !filled.unfilled.contains(&name)
                {
                    filled.unfilled.push(name);
                }
            }
        }
        rest = &rest[begin + length + 4..];
    }
    filled.body.push_str(rest);
    filled
}

fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(value);
    }
    let mut escaped = String::with_capacity(value.len() + 16);
    for c in value.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> Values {
        let mut values = Values::default();
        values.0[0] = Some("Vera <b>{{agent_name}}</b>".into());
        values.0[1] = Some(" Vera ".into());
        values.0[4] = Some("Ada".into());
        values.0[5] = Some("  ".into());
        values
    }

    #[test]
    fn what_is_known_is_filled_in() {
        for (text, expected, unfilled) in [
            ("Hello {{customer_firstname}}, {{ agent_name }} here", "Hello Vera, Ada here", &[][..]),
            ("Hello {{customer_lastname|there}}!", "Hello there!", &[]),
            ("Hello {{customer_firstname|there}}!", "Hello Vera!", &[]),
            ("Hello{{customer_lastname|}}!", "Hello!", &[]),
            (
                "{{customer_lastname}} {{customer_lastname}} {{agent_firstname}}",
                "{{customer_lastname}} {{customer_lastname}} {{agent_firstname}}",
                &["customer_lastname", "agent_firstname"],
            ),
            // A value is no text to be filled in again.
            ("{{customer_name}}", "Vera <b>{{agent_name}}</b>", &[]),
            ("{{unknown}} {{}} {{{agent_name}}} {{agent_name", "{{unknown}} {{}} {Ada} {{agent_name", &[]),
            ("{{a {{agent_name}}", "{{a Ada", &[]),
        ] {
            let filled = filled(text, &values(), false);
            assert_eq!((filled.body.as_str(), filled.unfilled.as_slice()), (expected, unfilled), "{text}");
        }
        let html = filled("<p>{{customer_name}}</p>", &values(), true);
        assert_eq!(html.body, "<p>Vera &lt;b&gt;{{agent_name}}&lt;/b&gt;</p>");
    }

    proptest! {
        #[test]
        fn any_text_can_be_filled_in(text in "([{}|a ]|agent_name|customer_email|é){0,40}", html: bool) {
            let filled = filled(&text, &values(), html);
            if !text.contains("{{") {
                prop_assert_eq!(filled.body, text);
            }
        }
    }
}
