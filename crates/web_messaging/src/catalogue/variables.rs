//! Custom variables: what a website tells of its visitors, for conditions and for agents.

use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Paging};
use frontdesk_store::Tx;
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::objects::{self, Kind, Object};
use super::{TAG, checked_label, triggers, window_of};
use crate::settings::{self, Channel, PERMISSIONS};

/// Variables of one source.
pub(crate) const VARIABLES_MAX: usize = 100;
const NAME_CHARACTERS_MAX: usize = 100;
const SELECTOR_CHARACTERS_MAX: usize = 500;
/// Begins every name.
pub(crate) const PREFIX: &str = "custom_";

/// Of what type a variable's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CustomVariableType")]
pub(crate) enum Type {
    String,
    Number,
    Boolean,
}

impl Type {
    fn named(name: &str) -> Option<Type> {
        match name {
            "string" => Some(Type::String),
            "number" => Some(Type::Number),
            "boolean" => Some(Type::Boolean),
            _ => None,
        }
    }

    /// A value of this type, where it can be one; else as it came, so that nothing is lost.
    pub(crate) fn coerced(self, value: Value) -> Value {
        let word = value.as_str().map(|text| text.trim().to_lowercase());
        match (self, word.as_deref()) {
            (Type::Number, Some(word)) => match (word.parse::<i64>(), word.parse::<f64>()) {
                (Ok(whole), _) => whole.into(),
                (_, Ok(number)) if number.is_finite() => number.into(),
                _ => value,
            },
            (Type::Boolean, Some("true" | "1" | "yes" | "on")) => true.into(),
            (Type::Boolean, Some("false" | "0" | "no" | "off")) => false.into(),
            (Type::String, None) if value.is_number() || value.is_boolean() => value.to_string().into(),
            _ => value,
        }
    }
}

/// A variable, as it is stored, shown and handed to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Definition {
    /// What people call it.
    pub(crate) label: String,
    /// What pages and conditions call it: custom_ and more.
    pub(crate) name: String,
    /// string, number or boolean.
    pub(crate) r#type: Type,
    /// A CSS selector, if the page fills it in by itself.
    pub(crate) selector: Option<String>,
}

/// A custom variable as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CustomVariable")]
struct Answer {
    id: Id,
    source_id: Id,
    #[serde(flatten)]
    definition: Definition,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn answer(channel: Channel, object: Object<Definition>) -> Answer {
    let Object { id, definition, created_at, updated_at } = object;
    Answer { id, source_id: channel.source_id, definition, created_at, updated_at }
}

/// Parameters of `createCustomVariable` and `updateCustomVariable`.
#[derive(Deserialize, JsonSchema)]
struct Given {
    /// What people call it; its name when absent.
    #[schemars(length(max = super::LABEL_CHARACTERS_MAX))]
    label: Option<String>,
    /// What pages and conditions call it: custom_, then a-z, 0-9 and _. It stays while a condition asks about it.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    name: Option<String>,
    /// string (when absent), number or boolean. It stays while a condition asks about it.
    r#type: Option<String>,
    /// A CSS selector, if the page fills it in by itself: the value of a field, else the attribute content, else the text
    /// of the first element that it finds. Empty: the page's script fills it in.
    #[schemars(length(max = SELECTOR_CHARACTERS_MAX))]
    selector: Option<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    let path = "/content_sources/{sourceId}/custom_variables";
    let one = "/content_sources/{sourceId}/custom_variables/{customVariableId}";
    vec![
        Operation::read("getAllCustomVariables", Method::GET, path, |call, paging: Paging, tx| {
            let channel = settings::source(call, tx, "source")?;
            let all = objects::all(tx, channel.source_id, Kind::Variable)?;
            Ok(window_of(all, paging, |object| answer(channel, object)))
        })
        .tag(TAG)
        .summary("Lists the custom variables of a messaging source, oldest first.")
        .permissions(PERMISSIONS)
        .extension(),
        Operation::read("getCustomVariable", Method::GET, one, |call, _: NoParameters, tx| {
            let channel = settings::source(call, tx, "custom variable")?;
            Ok(answer(channel, find(call, tx, channel)?))
        })
        .tag(TAG)
        .summary("Reads a custom variable.")
        .permissions(PERMISSIONS)
        .extension(),
        Operation::write("createCustomVariable", Method::POST, path, create)
            .tag(TAG)
            .summary("Makes a custom variable: something that a website tells of its visitors.")
            .notes("Pages fill it in with _fillCustomVariable, or by its selector.")
            .permissions(PERMISSIONS)
            .extension(),
        Operation::write("updateCustomVariable", Method::PUT, one, update)
            .tag(TAG)
            .summary("Changes a custom variable.")
            .permissions(PERMISSIONS)
            .extension(),
        Operation::write("deleteCustomVariable", Method::DELETE, one, delete)
            .tag(TAG)
            .summary("Deletes a custom variable that no trigger's condition asks about.")
            .permissions(PERMISSIONS)
            .extension(),
    ]
}

fn find(call: &Call, tx: &mut dyn Tx, channel: Channel) -> Result<Object<Definition>> {
    objects::find(call, tx, channel, Kind::Variable, "customVariableId")
}

/// Names and types of a source's variables.
pub(super) fn types(tx: &mut dyn Tx, source_id: Id) -> Result<Vec<(String, Type)>> {
    let all: Vec<Object<Definition>> = objects::all(tx, source_id, Kind::Variable)?;
    Ok(all.into_iter().map(|object| (object.definition.name, object.definition.r#type)).collect())
}

/// What a page told, with the types that its source's variables have.
pub(super) fn typed(tx: &mut dyn Tx, source_id: Id, facts: &mut Map<String, Value>) -> Result<()> {
    if facts.keys().any(|name| name.starts_with(PREFIX)) {
        for (name, kind) in types(tx, source_id)? {
            if let Some(value) = facts.get_mut(&name) {
                *value = kind.coerced(value.take());
            }
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    }) && name.len() <= NAME_CHARACTERS_MAX
}

impl Given {
    fn applied(self, before: Option<&Definition>) -> Result<Definition> {
        let name = self.name.as_deref().map(str::trim).or(before.map(|before| before.name.as_str()));
        let name = name.unwrap_or_default().to_owned();
        if !is_name(&name) {
            let message = format!(
                "name is custom_ and a word of a-z, 0-9 and _, such as custom_cart_amount; at most \
                 {NAME_CHARACTERS_MAX} characters."
            );
            return Err(error::invalid("name", "invalid", message));
        }
        let kind = match self.r#type.as_deref().filter(|text| !text.is_empty()) {
            None => before.map_or(Type::String, |before| before.r#type),
            Some(word) => Type::named(word)
                .ok_or_else(|| error::invalid("type", "inclusion", "type must be string, number or boolean."))?,
        };
        let label = self.label.or(before.map(|before| before.label.clone())).filter(|label| !label.trim().is_empty());
        let label = checked_label(&label.unwrap_or_else(|| name.clone()))?;
        let selector = self.selector.map_or_else(
            || before.and_then(|before| before.selector.clone()),
            |selector| Some(selector.trim().to_owned()).filter(|selector| !selector.is_empty()),
        );
        if selector.as_ref().is_some_and(|selector| selector.chars().count() > SELECTOR_CHARACTERS_MAX) {
            let message = format!("selector has at most {SELECTOR_CHARACTERS_MAX} characters.");
            return Err(error::invalid("selector", "too_long", message));
        }
        Ok(Definition { label, name, r#type: kind, selector })
    }
}

fn require_free(tx: &mut dyn Tx, source_id: Id, name: &str, but: Option<Id>) -> Result<()> {
    let all: Vec<Object<Definition>> = objects::all(tx, source_id, Kind::Variable)?;
    match all.iter().any(|other| other.definition.name == name && Some(other.id) != but) {
        true => Err(error::invalid("name", "taken", "name: this source has a custom variable of this name already.")),
        false => Ok(()),
    }
}

/// 409 while a trigger's condition asks about it.
fn require_unused(tx: &mut dyn Tx, source_id: Id, name: &str) -> Result<()> {
    match triggers::asking_about(tx, source_id, name)? {
        None => Ok(()),
        Some(label) => Err(error::conflict(format!(
            "A condition of the trigger \"{label}\" asks about {name}: change that trigger first."
        ))),
    }
}

fn create(call: &Call, given: Given, tx: &mut dyn Tx) -> Result<Answer> {
    let channel = settings::source(call, tx, "source")?;
    let definition = given.applied(None)?;
    require_free(tx, channel.source_id, &definition.name, None)?;
    let id = objects::insert(tx, &call.env, channel.source_id, Kind::Variable, &definition)?;
    objects::tell(call, tx, channel, "custom_variable", "created", id)?;
    shown(tx, channel, id)
}

fn update(call: &Call, given: Given, tx: &mut dyn Tx) -> Result<Answer> {
    let channel = settings::source(call, tx, "custom variable")?;
    let before = find(call, tx, channel)?;
    let after = given.applied(Some(&before.definition))?;
    if after == before.definition {
        return Ok(answer(channel, before));
    }
    if after.name != before.definition.name || after.r#type != before.definition.r#type {
        require_free(tx, channel.source_id, &after.name, Some(before.id))?;
        require_unused(tx, channel.source_id, &before.definition.name)?;
    }
    objects::save(tx, &call.env, before.id, &after)?;
    objects::tell(call, tx, channel, "custom_variable", "updated", before.id)?;
    shown(tx, channel, before.id)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Answer> {
    let channel = settings::source(call, tx, "custom variable")?;
    let gone = find(call, tx, channel)?;
    require_unused(tx, channel.source_id, &gone.definition.name)?;
    objects::remove(tx, gone.id)?;
    objects::tell(call, tx, channel, "custom_variable", "destroyed", gone.id)?;
    Ok(answer(channel, gone))
}

fn shown(tx: &mut dyn Tx, channel: Channel, id: Id) -> Result<Answer> {
    let object = objects::get(tx, channel.source_id, Kind::Variable, id)?;
    Ok(answer(channel, object.ok_or_else(|| error::broken("a custom variable vanished"))?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_words_of_pages() {
        for (name, expected) in [
            ("custom_cart", true),
            ("custom_cart_2", true),
            ("custom_", false),
            ("cart", false),
            ("custom_Cart", false),
            ("custom_a b", false),
            ("custom_<script>", false),
            ("page_url", false),
        ] {
            assert_eq!(is_name(name), expected, "{name}");
        }
        assert!(!is_name(&format!("custom_{}", "a".repeat(94))));
    }

    #[test]
    fn values_get_their_type_where_they_can() {
        for (kind, value, expected) in [
            (Type::Number, json!("58"), json!(58)),
            (Type::Number, json!("58.5"), json!(58.5)),
            (Type::Number, json!(58), json!(58)),
            (Type::Number, json!("58 euros"), json!("58 euros")),
            (Type::Number, json!("inf"), json!("inf")),
            (Type::Boolean, json!("yes"), json!(true)),
            (Type::Boolean, json!("OFF"), json!(false)),
            (Type::Boolean, json!("perhaps"), json!("perhaps")),
            (Type::String, json!(58), json!("58")),
            (Type::String, json!("a"), json!("a")),
        ] {
            assert_eq!(kind.coerced(value.clone()), expected, "{kind:?} {value}");
        }
    }
}
