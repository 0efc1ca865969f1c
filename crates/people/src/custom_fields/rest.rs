//! The operations on custom fields.

use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{COLUMNS, FIELDS_MAX, Field, Owner, Type, field, of, values};
use crate::checked::{self, NAME_CHARACTERS_MAX};
use crate::events;

const KEY_CHARACTERS_MAX: usize = 100;
const CHOICES_MAX: usize = 500;
const CHOICE_CHARACTERS_MAX: usize = 255;
const REGEX_CHARACTERS_MAX: usize = 500;
/// Behind all others.
const LAST: i64 = -1;

/// A custom field as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CustomField")]
struct Answer {
    id: Id,
    /// IdentityGroup or Intervention.
    associated_type_name: String,
    /// Under which values are given and shown.
    key: String,
    label: String,
    /// string, boolean, text, integer, float, single_choice or multiple_choice.
    r#type: String,
    /// Whether a value is a list; always so for multiple_choice.
    multiple: bool,
    /// From 0, among the fields of its kind of object.
    position: i64,
    /// The values to choose from (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    choices: Option<Vec<String>>,
    /// Whether only those who manage custom fields write it (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    read_only: Option<bool>,
    /// What a whole value must match; empty: anything (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    regex: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn answer(call: &Call, field: Field) -> Answer {
    Answer {
        id: field.id,
        associated_type_name: field.object,
        key: field.key,
        label: field.label,
        r#type: field.kind.as_str().into(),
        multiple: field.multiple,
        position: field.position,
        choices: call.extended.then_some(field.choices),
        read_only: call.extended.then_some(field.read_only),
        regex: call.extended.then(|| field.regex.unwrap_or_default()),
        created_at: field.created_at,
        updated_at: field.updated_at,
    }
}

/// What a custom field belongs to.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
enum AssociatedType {
    IdentityGroup,
    Intervention,
}

impl From<AssociatedType> for Owner {
    fn from(name: AssociatedType) -> Owner {
        match name {
            AssociatedType::IdentityGroup => Owner::IdentityGroup,
            AssociatedType::Intervention => Owner::Intervention,
        }
    }
}

/// Parameters of `createCustomField`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// What it belongs to.
    associated_type_name: AssociatedType,
    /// What people call it.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    label: String,
    /// Under which values are given and shown: letters, digits, `_` and `-`, unique for what it belongs to. Made from the
    /// label when absent.
    #[schemars(length(max = KEY_CHARACTERS_MAX))]
    key: Option<String>,
    /// What its values are; string when absent.
    r#type: Option<Type>,
    /// Whether a value is a list; without effect on choices and booleans.
    multiple: Option<bool>,
    #[serde(flatten)]
    attributes: Attributes,
}

/// Parameters of `updateCustomField`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// What people call it.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    label: Option<String>,
    #[serde(flatten)]
    attributes: Attributes,
}

/// What can be changed later.
#[derive(Deserialize, JsonSchema)]
struct Attributes {
    /// The values to choose from; needed for single_choice and multiple_choice, and refused for others.
    #[schemars(length(max = CHOICES_MAX))]
    choices: Option<Vec<String>>,
    /// Where it stands among the others, from 0; -1: behind them.
    position: Option<i64>,
    /// Whether only those who manage custom fields write its values; false when absent.
    read_only: Option<bool>,
    /// A regular expression that a whole value must match, for string and text; empty: none. Frontdesk's own.
    #[schemars(length(max = REGEX_CHARACTERS_MAX))]
    regex: Option<String>,
}

pub(crate) fn operations() -> Vec<Operation> {
    let tag = "Custom fields";
    let permissions = &[Permission::ManageCustomFields];
    let path = "/custom_fields/{customFieldId}";
    vec![
        Operation::read("getAllCustomFields", Method::GET, "/custom_fields", list)
            .tag(tag)
            .summary("Lists custom fields by position.")
            .permissions(permissions),
        Operation::read("describeCustomFields", Method::GET, "/custom_fields/descriptions", list)
            .tag(tag)
            .summary("Lists what custom fields are called, of which kind they are and what there is to choose from.")
            .notes("As the list of custom fields, for everybody who shows their values or fills them in.")
            .extension(),
        Operation::read("getCustomField", Method::GET, path, |call, _: NoParameters, tx| {
            Ok(answer(call, find(tx, id(call)?)?))
        })
        .tag(tag)
        .summary("Reads a custom field.")
        .permissions(permissions),
        Operation::write("createCustomField", Method::POST, "/custom_fields", create)
            .tag(tag)
            .summary("Creates a custom field.")
            .notes("What it belongs to, its key, type and multiple stay as they are for ever.")
            .permissions(permissions),
        Operation::write("updateCustomField", Method::PUT, path, update)
            .tag(tag)
            .summary("Updates a custom field.")
            .notes("Values that are no longer among the choices stay until they are changed.")
            .permissions(permissions),
        Operation::write("deleteCustomField", Method::DELETE, path, delete)
            .tag(tag)
            .summary("Deletes a custom field.")
            .notes("Its values are shown no more, also not by a later field with the same key.")
            .permissions(permissions),
    ]
}

fn id(call: &Call) -> Result<Id> {
    call.id("customFieldId", "custom field")
}

fn find(tx: &mut dyn Tx, id: Id) -> Result<Field> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM custom_fields WHERE id = $1"), args![&id])?;
    field(&row.ok_or_else(|| error::not_found("custom field"))?)
}

fn list(call: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let filter = Filter::default();
    let count = filter.count(tx, "custom_fields", paging.offset, paging.limit)?;
    let select = format!("SELECT {COLUMNS} FROM custom_fields");
    let rows = filter.page(tx, &select, "position, id", paging.offset, paging.limit)?;
    let records = rows.iter().map(|row| Ok(answer(call, field(row)?))).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, records))
}

fn create(call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<Answer> {
    let owner = Owner::from(parameters.associated_type_name);
    let others = of(tx, owner)?;
    if others.len() >= FIELDS_MAX {
        let message =
            format!("associated_type_name: there are {FIELDS_MAX} custom fields of it, the most there can be.");
        return Err(error::invalid("associated_type_name", "too_many", message));
    }
    let kind = parameters.r#type.unwrap_or_default();
    let (id, now) = (call.env.id(), call.env.now());
    let label = checked::name("label", &parameters.label)?;
    let mut field = Field {
        id,
        object: owner.as_str().into(),
        key: match parameters.key.as_deref().map(str::trim).filter(|key| !key.is_empty()) {
            Some(key) => checked_key(&others, key)?,
            None => derived_key(&others, &label),
        },
        label,
        kind,
        choices: Vec::new(),
        multiple: parameters.multiple.unwrap_or(false) && !kind.has_choices() && kind != Type::Boolean,
        read_only: false,
        regex: None,
        position: others.len() as i64,
        created_at: now,
        updated_at: now,
    };
    let position = parameters.attributes.position.unwrap_or(LAST);
    apply(&mut field, parameters.attributes)?;
    if kind.has_choices() && field.choices.is_empty() {
        return Err(error::invalid("choices", "blank", "choices can't be blank: this type is chosen from them."));
    }
    tx.execute(
        &format!("INSERT INTO custom_fields ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)"),
        args![
            &field.id,
            &field.object,
            &field.key,
            &field.label,
            kind.as_str(),
            &json!(field.choices).to_string(),
            field.multiple,
            field.read_only,
            &field.regex,
            field.position,
            now
        ],
    )?;
    place(tx, owner, field.id, position)?;
    tx.append(events::caused_by(Some(call.caller.user_id), &call.env, "custom_field.created", field.id));
    Ok(answer(call, find(tx, field.id)?))
}

fn update(call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<Answer> {
    let before = find(tx, id(call)?)?;
    let mut field = before.clone();
    let position = parameters.attributes.position;
    if let Some(label) = &parameters.label {
        field.label = checked::name("label", label)?;
    }
    apply(&mut field, parameters.attributes)?;
    if field.kind.has_choices() && field.choices.is_empty() {
        return Err(error::invalid("choices", "blank", "choices can't be blank: this type is chosen from them."));
    }
    if field != before {
        change(call, &field, tx)?;
    }
    if let Some(position) = position {
        place(tx, owner_of(&field), field.id, position)?;
    }
    let after = find(tx, field.id)?;
    if after != before {
        tx.append(events::caused_by(Some(call.caller.user_id), &call.env, "custom_field.updated", field.id));
    }
    Ok(answer(call, after))
}

fn change(call: &Call, field: &Field, tx: &mut dyn Tx) -> Result<()> {
    tx.execute(
        "UPDATE custom_fields SET label = $2, choices = $3, read_only = $4, regex = $5, updated_at = $6 WHERE id = $1",
        args![
            &field.id,
            &field.label,
            &json!(field.choices).to_string(),
            field.read_only,
            &field.regex,
            call.env.now()
        ],
    )?;
    Ok(())
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Answer> {
    let field = find(tx, id(call)?)?;
    tx.execute("DELETE FROM custom_fields WHERE id = $1", args![&field.id])?;
    tx.execute(
        "UPDATE custom_fields SET position = position - 1 WHERE object = $1 AND position > $2",
        args![&field.object, field.position],
    )?;
    tx.append(events::caused_by(Some(call.caller.user_id), &call.env, "custom_field.destroyed", field.id));
    Ok(answer(call, field))
}

fn owner_of(field: &Field) -> Owner {
    if field.object == Owner::Intervention.as_str() { Owner::Intervention } else { Owner::IdentityGroup }
}

/// Moves a field to a position among those of its object, and the others along.
fn place(tx: &mut dyn Tx, owner: Owner, id: Id, position: i64) -> Result<()> {
    let mut fields = of(tx, owner)?;
    let Some(from) = fields.iter().position(|field| field.id == id) else { return Ok(()) };
    let moved = fields.remove(from);
    let to = usize::try_from(position).map_or(fields.len(), |position| position.min(fields.len()));
    fields.insert(to, moved);
    for (index, field) in fields.iter().enumerate().filter(|(index, field)| field.position != *index as i64) {
        tx.execute("UPDATE custom_fields SET position = $2 WHERE id = $1", args![&field.id, index as i64])?;
    }
    Ok(())
}

/// Takes over what was given; 422 for what cannot be.
fn apply(field: &mut Field, given: Attributes) -> Result<()> {
    if let Some(choices) = given.choices {
        field.choices = checked_choices(field.kind, choices)?;
    }
    if given.position.is_some_and(|position| position < LAST) {
        return Err(error::invalid("position", "out_of_range", "position is -1 or more."));
    }
    field.read_only = given.read_only.unwrap_or(field.read_only);
    if let Some(expression) = given.regex {
        if !field.kind.is_text() && !expression.is_empty() {
            return Err(error::invalid("regex", "invalid", "regex: only string and text fields have one."));
        }
        values::compiled(&expression)
            .map_err(|reason| error::invalid("regex", "invalid", format!("regex: {reason}.")))?;
        field.regex = Some(expression).filter(|expression| !expression.is_empty());
    }
    Ok(())
}

fn checked_choices(kind: Type, given: Vec<String>) -> Result<Vec<String>> {
    let mut choices: Vec<String> = Vec::with_capacity(given.len());
    for choice in given.iter().map(|choice| choice.trim()).filter(|choice| !choice.is_empty()) {
        if choice.chars().count() > CHOICE_CHARACTERS_MAX {
            let message = format!("choices: each has at most {CHOICE_CHARACTERS_MAX} characters.");
            return Err(error::invalid("choices", "too_long", message));
        }
        if !choices.iter().any(|known| known == choice) {
            choices.push(choice.to_owned());
        }
    }
    if !choices.is_empty() && !kind.has_choices() {
        return Err(error::invalid("choices", "invalid", "choices: only single_choice and multiple_choice have them."));
    }
    Ok(choices)
}

fn checked_key(others: &[Field], key: &str) -> Result<String> {
    if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
        let message = "key: only letters, digits, _ and - are possible.";
        return Err(error::invalid("key", "invalid", message));
    }
    if others.iter().any(|other| other.key == key) {
        return Err(error::invalid("key", "taken", "key: there is a custom field with this key already."));
    }
    Ok(key.to_owned())
}

/// The label in lower case, with `_` between its words; with a number behind where that is taken.
fn derived_key(others: &[Field], label: &str) -> String {
    let words = frontdesk_store::search::fold(label);
    let mut base = String::new();
    for character in words.chars().take(KEY_CHARACTERS_MAX / 2) {
        if character.is_ascii_alphanumeric() {
            base.push(character);
        } else if !base.is_empty() && !base.ends_with('_') {
            base.push('_');
        }
    }
    let base = match base.trim_end_matches('_') {
        "" => "field",
        base => base,
    };
    let is_free = |key: &String| others.iter().all(|other| other.key != *key);
    let numbered = (2..).map(|number| format!("{base}_{number}"));
    std::iter::once(base.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_from_labels() {
        for (label, key) in [
            ("Customer ID", "customer_id"),
            ("  Numéro (client) ", "numero_client"),
            ("顧客", "field"),
            ("!!!", "field"),
            ("a-b", "a_b"),
        ] {
            assert_eq!(derived_key(&[], label), key, "{label}");
        }
        assert!(derived_key(&[], &"é".repeat(255)).len() <= KEY_CHARACTERS_MAX);
    }

    #[test]
    fn keys_may_stand_between_brackets() {
        assert!(checked_key(&[], "customer_ID-2").is_ok());
        for wrong in ["a b", "a]", "é", "a.b", "[]"] {
            assert!(checked_key(&[], wrong).is_err(), "{wrong}");
        }
    }
}
