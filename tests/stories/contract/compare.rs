//! Where the description that a server publishes says something else than the platform's public file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Compares the facts of two documents, operation by operation and property by property; the first is the public one.
/// Every difference is one sentence, told once. Operations that are not served are no difference.
pub(super) fn differences(public: &Value, ours: &Value) -> BTreeSet<String> {
    let mut comparison = Comparison { public, ours, seen: BTreeSet::new(), told: BTreeSet::new() };
    for (id, operation) in public["operations"].as_object().expect("operations") {
        if let Some(served) = ours["operations"].get(id) {
            comparison.operation(id, operation, served);
        }
    }
    comparison.told
}

struct Comparison<'d> {
    public: &'d Value,
    ours: &'d Value,
    seen: BTreeSet<(String, String)>,
    told: BTreeSet<String>,
}

impl<'d> Comparison<'d> {
    fn tell(&mut self, sentence: String) {
        self.told.insert(sentence);
    }

    fn operation(&mut self, id: &str, public: &'d Value, ours: &'d Value) {
        for part in ["method", "path", "status"] {
            let text = |operation: &Value| operation[part].as_str().unwrap_or_default().to_owned();
            if text(public) != text(ours) {
                self.tell(format!("`{id}`: the {part} is `{}` and not `{}`", text(ours), text(public)));
            }
        }
        let refusals = |operation: &'d Value| operation["refusals"].as_array().into_iter().flatten();
        for status in refusals(public).filter(|status| !refusals(ours).any(|own| own == *status)) {
            self.tell(format!("`{id}`: is never refused with {}", status.as_str().unwrap_or_default()));
        }
        let (wanted, taken) = (parameters(public), parameters(ours));
        for (name, (kind, required)) in &wanted {
            let Some((own, own_required)) = self.taken(&taken, name) else {
                self.tell(format!("`{id}`: the parameter `{name}` is not taken"));
                continue;
            };
            if *required != own_required {
                self.tell(format!(
                    "`{id}`: the parameter `{name}` is {}",
                    if *required { "optional" } else { "required" }
                ));
            }
            self.values(&format!("`{id}`: the parameter `{name}`"), kind, &own, false);
        }
        for name in taken.keys() {
            let base = |wanted: &String| wanted.split('[').next() == Some(name.as_str());
            if !wanted.keys().any(base) {
                self.tell(format!("`{id}`: takes `{name}` too"));
            }
        }
        self.properties(&format!("{id}Answer"), &public["answer"], &ours["answer"]);
    }

    /// Looks a parameter up; `a[b]` names a member of the hash `a`.
    fn taken(&self, taken: &BTreeMap<String, (Value, bool)>, name: &str) -> Option<(Value, bool)> {
        let (base, key) = name.split_once('[').map_or((name, None), |(base, key)| (base, key.strip_suffix(']')));
        let (kind, required) = taken.get(base)?;
        match (key, self.flat(self.ours, kind)) {
            (None, _) => Some((kind.clone(), *required)),
            (Some(key), Value::Object(members)) => Some((members.get(key)?.clone(), false)),
            // A hash with free keys; the public name is a placeholder.
            (Some(_), _) => (kind == "hash").then(|| ("any".into(), false)),
        }
    }

    fn flat(&self, document: &Value, kind: &Value) -> Value {
        match kind.as_str().and_then(|name| name.strip_prefix('#')) {
            Some(name) => self.flat(document, &document["schemas"][name]),
            None => match kind["allOf"].as_array() {
                Some(parts) => {
                    let parts = parts.iter().map(|part| self.flat(document, part));
                    let parts = parts.filter_map(|part| part.as_object().cloned()).flatten();
                    parts.collect::<Map<_, _>>().into()
                }
                None => kind.clone(),
            },
        }
    }

    /// Compares two types, each of which may be a schema.
    fn properties(&mut self, place: &str, public: &Value, ours: &Value) {
        let name = |kind: &Value| kind.as_str().and_then(|name| name.strip_prefix('#')).map(str::to_owned);
        let place = name(public).unwrap_or_else(|| place.to_owned());
        if !self.seen.insert((place.clone(), ours.to_string())) {
            return;
        }
        let (public, ours) = (self.flat(self.public, public), self.flat(self.ours, ours));
        match (&public, &ours) {
            (Value::Object(wanted), Value::Object(shown)) => {
                for (name, kind) in wanted {
                    match shown.get(name) {
                        Some(own) => self.properties(&format!("{place}.{name}"), kind, own),
                        None => self.tell(format!("`{place}.{name}` is missing")),
                    }
                }
                for name in shown.keys().filter(|name| !wanted.contains_key(name.as_str())) {
                    self.tell(format!("`{place}.{name}` is not in the file"));
                }
            }
            (Value::Array(wanted), Value::Array(shown)) => {
                self.properties(&format!("{place}[]"), &wanted[0], &shown[0])
            }
            _ => self.values(&format!("`{place}`"), &public, &ours, true),
        }
    }

    /// Compares two types by their words and values.
    fn values(&mut self, place: &str, public: &Value, ours: &Value, is_answer: bool) {
        let (public, ours) = (self.flat(self.public, public), self.flat(self.ours, ours));
        if let (Value::Array(wanted), Value::Array(shown)) = (&public, &ours) {
            return self.values(place, &wanted[0], &shown[0], is_answer);
        }
        let (wanted, wanted_values) = word(&public);
        let (shown, shown_values) = word(&ours);
        // A promise may say more than the file; a demand may not.
        let narrower = wanted_values.is_empty() || !shown_values.is_empty() && shown_values.is_subset(&wanted_values);
        let same = wanted == shown
            || matches!((wanted.as_str(), shown.as_str()), ("string", "time") | ("any", _) | (_, "any"));
        if !same {
            self.tell(format!("{place} is {shown} and not {wanted}"));
        } else if wanted_values != shown_values && !(is_answer && narrower) {
            let list = |values: &BTreeSet<String>| {
                if values.is_empty() {
                    "anything".to_owned()
                } else {
                    values.iter().cloned().collect::<Vec<_>>().join(", ")
                }
            };
            self.tell(format!("{place} is one of: {}; and not of: {}", list(&shown_values), list(&wanted_values)));
        }
    }
}

/// Parameters by their bare name, with their type and whether they are required.
fn parameters(operation: &Value) -> BTreeMap<String, (Value, bool)> {
    let required = operation["required"].as_array().expect("names");
    let all = operation["parameters"].as_object().expect("parameters");
    all.iter()
        .map(|(name, kind)| (bare(name).to_owned(), (kind.clone(), required.iter().any(|one| one == name))))
        .collect()
}

fn bare(name: &str) -> &str {
    name.trim_end_matches("[]")
}

fn word(kind: &Value) -> (String, BTreeSet<String>) {
    match kind {
        Value::Array(_) => ("a list".into(), BTreeSet::new()),
        Value::Object(_) => ("hash".into(), BTreeSet::new()),
        kind => {
            let text = kind.as_str().unwrap_or("any");
            let (word, values) = text.split_once(": ").unwrap_or((text, ""));
            (word.into(), values.split('|').filter(|value| !value.is_empty()).map(str::to_owned).collect())
        }
    }
}
