//! Values of custom fields: one way to read, check and show them, for every object that has some.

use std::collections::BTreeMap;

use frontdesk_model::error::AttributeError;
use frontdesk_model::{Caller, Id, Permission, Result, error, query};
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::{Field, Type};

/// A line has at most this many characters.
const STRING_CHARACTERS_MAX: usize = 1_000;
/// A text has at most this many characters.
const TEXT_CHARACTERS_MAX: usize = 20_000;
/// A list has at most this many values.
const VALUES_MAX: usize = 100;
/// At most this many fields are given at once: as many as there can be.
const KEYS_MAX: usize = super::FIELDS_MAX;
/// What a compiled expression may take: matching is linear in the value, whatever the expression.
const REGEX_BYTES_MAX: usize = 256 * 1024;

/// What became of values that somebody gave.
#[derive(Debug)]
pub struct Change {
    /// What the store keeps from now on.
    pub stored: String,
    /// The keys whose values differ from before.
    pub keys: Vec<String>,
}

/// The stored values, by the field's id.
fn stored_values(stored: &str) -> Result<BTreeMap<Id, Value>> {
    if stored == "{}" {
        return Ok(BTreeMap::new());
    }
    let values: Map<String, Value> =
        serde_json::from_str(stored).map_err(|trouble| error::broken(format!("custom field values: {trouble}")))?;
    // What is not an id is of no field.
    Ok(values.into_iter().filter_map(|(id, value)| Some((id.parse().ok()?, value))).collect())
}

fn to_stored(fields: &[Field], mut values: BTreeMap<Id, Value>) -> String {
    values.retain(|id, _| fields.iter().any(|field| field.id == *id));
    let map: Map<String, Value> = values.into_iter().map(|(id, value)| (id.hex(), value)).collect();
    Value::Object(map).to_string()
}

/// Stored values as REST shows them: by key, in the fields' order; those that are not set are left out.
pub fn shown(fields: &[Field], stored: &str) -> Result<Map<String, Value>> {
    let mut values = stored_values(stored)?;
    Ok(fields.iter().filter_map(|field| Some((field.key.clone(), values.remove(&field.id)?))).collect())
}

/// Sets the given values, by key; an empty one unsets. 422 that names `custom_field_values[key]` for what is unknown, does
/// not fit, or is read-only for the caller: only who manages custom fields writes those.
pub fn change(caller: &Caller, fields: &[Field], stored: &str, given: &Map<String, Value>) -> Result<Change> {
    if given.len() > KEYS_MAX {
        let message = format!("custom_field_values: at most {KEYS_MAX} at once.");
        return Err(error::invalid("custom_field_values", "too_many", message));
    }
    let mut values = stored_values(stored)?;
    let mut errors = Vec::new();
    let mut keys = Vec::new();
    for (key, value) in given {
        let read = match fields.iter().find(|field| field.key == *key) {
            None => Err(("unknown", "there is no custom field with this key".to_owned())),
            Some(field) if field.read_only && !caller.may(Permission::ManageCustomFields) => {
                Err(("read_only", "the field is read-only; writing it needs manage_custom_fields".to_owned()))
            }
            Some(field) => read(field, value).map(|value| (field, value)).map_err(|reason| ("invalid", reason)),
        };
        match read {
            Ok((field, value)) => {
                if values.get(&field.id) != value.as_ref() {
                    keys.push(key.clone());
                }
                match value {
                    Some(value) => values.insert(field.id, value),
                    None => values.remove(&field.id),
                };
            }
            Err((kind, reason)) => {
                let attribute = format!("custom_field_values[{key}]");
                errors.push(AttributeError {
                    message: format!("{attribute}: {reason}."),
                    attribute,
                    kind: kind.to_owned(),
                });
            }
        }
    }
    if !errors.is_empty() {
        return Err(error::invalid_all(errors));
    }
    Ok(Change { stored: to_stored(fields, values), keys })
}

/// Gives fields that are not set the values of others where they fit; what is set stays. Returns what the store keeps from
/// now on if that changes anything. For values that nobody checked: those that do not fit are passed over.
pub fn fill(fields: &[Field], stored: &str, told: &[(&str, &Value)]) -> Result<Option<String>> {
    let mut values = stored_values(stored)?;
    let mut changed = false;
    for (key, value) in told {
        let Some(field) = fields.iter().find(|field| field.key == *key) else { continue };
        if let (false, Ok(Some(value))) = (values.contains_key(&field.id), read(field, value)) {
            values.insert(field.id, value);
            changed = true;
        }
    }
    Ok(changed.then(|| to_stored(fields, values)))
}

/// Stored values of two objects as one; those of the first win.
pub fn merged(first: &str, second: &str) -> Result<String> {
    let mut values = stored_values(second)?;
    values.extend(stored_values(first)?);
    let map: Map<String, Value> = values.into_iter().map(|(id, value)| (id.hex(), value)).collect();
    Ok(Value::Object(map).to_string())
}

/// Stored values of an object but for those that another has just so.
pub fn without(first: &str, second: &str) -> Result<String> {
    let (mut values, other) = (stored_values(first)?, stored_values(second)?);
    values.retain(|id, value| other.get(id) != Some(value));
    let map: Map<String, Value> = values.into_iter().map(|(id, value)| (id.hex(), value)).collect();
    Ok(Value::Object(map).to_string())
}

/// A given value as the field keeps it; none: unset. The error says what it must be.
fn read(field: &Field, given: &Value) -> std::result::Result<Option<Value>, String> {
    if !field.is_list() {
        return match given {
            Value::Array(_) => Err("must be one value".into()),
            given if is_empty(given) => Ok(None),
            given => one(field, given).map(Some),
        };
    }
    let given = match given {
        Value::Array(values) => values.as_slice(),
        single => std::slice::from_ref(single),
    };
    if given.len() > VALUES_MAX {
        return Err(format!("has at most {VALUES_MAX} values"));
    }
    let mut values = Vec::new();
    for value in given.iter().filter(|value| !is_empty(value)) {
        let value = one(field, value)?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok((!values.is_empty()).then_some(Value::Array(values)))
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

fn one(field: &Field, given: &Value) -> std::result::Result<Value, String> {
    let text = match given {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(bool) => bool.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return Err("must be a plain value".into()),
    };
    match field.kind {
        Type::String if text.contains(['\n', '\r']) => Err("must be one line".into()),
        Type::String | Type::Text => {
            let max = if field.kind == Type::String { STRING_CHARACTERS_MAX } else { TEXT_CHARACTERS_MAX };
            if text.chars().count() > max {
                return Err(format!("has at most {max} characters"));
            }
            match &field.regex {
                Some(expression) if !compiled(expression)?.is_match(&text) => {
                    Err("does not have the form that the field asks for".into())
                }
                _ => Ok(text.into()),
            }
        }
        Type::Boolean => query::boolean(text.trim()).map(Value::Bool).ok_or_else(|| "must be true or false".into()),
        Type::Integer => text.trim().parse::<i64>().map(Value::from).map_err(|_| "must be an integer".into()),
        Type::Float => {
            let number = text.trim().parse().ok().and_then(serde_json::Number::from_f64);
            number.map(Value::Number).ok_or_else(|| "must be a number".into())
        }
        Type::SingleChoice | Type::MultipleChoice => match field.choices.contains(&text) {
            true => Ok(text.into()),
            false => Err(format!("must be one of {}", field.choices.join(", "))),
        },
    }
}

/// An expression that a whole value must match.
pub(super) fn compiled(expression: &str) -> std::result::Result<Regex, String> {
    let build = |expression: &str| {
        let mut builder = RegexBuilder::new(expression);
        let built = builder.size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build();
        built.map_err(|_| "is not a regular expression, or one that is too large".to_owned())
    };
    // By itself first: it must not close the group that makes it whole.
    build(expression)?;
    build(&format!(r"\A(?:{expression})\z"))
}

#[cfg(test)]
mod tests {
    use frontdesk_model::{Permissions, Timestamp};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn field(number: u8, kind: Type) -> Field {
        let mut id = Id::default();
        id.0[0] = number;
        Field {
            id,
            object: "Intervention".into(),
            key: format!("k{number}"),
            label: "K".into(),
            kind,
            choices: vec!["red".into(), "blue".into()],
            multiple: false,
            read_only: false,
            regex: None,
            position: 0,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
        }
    }

    #[test]
    fn values_become_what_their_field_keeps() {
        for (kind, given, expected) in [
            (Type::String, json!("x"), Ok(Some(json!("x")))),
            (Type::String, json!(7), Ok(Some(json!("7")))),
            (Type::String, json!(""), Ok(None)),
            (Type::String, json!(null), Ok(None)),
            (Type::String, json!("=1+1"), Ok(Some(json!("=1+1")))),
            (Type::String, json!("a\nb"), Err(())),
            (
                Type::String,
                json!("é".repeat(STRING_CHARACTERS_MAX)),
                Ok(Some(json!("é".repeat(STRING_CHARACTERS_MAX)))),
            ),
            (Type::String, json!("é".repeat(STRING_CHARACTERS_MAX + 1)), Err(())),
            (Type::String, json!(["x"]), Err(())),
            (Type::String, json!({"x": 1}), Err(())),
            (Type::Text, json!("a\nb"), Ok(Some(json!("a\nb")))),
            (Type::Boolean, json!("on"), Ok(Some(json!(true)))),
            (Type::Boolean, json!(0), Ok(Some(json!(false)))),
            (Type::Boolean, json!("maybe"), Err(())),
            (Type::Integer, json!(" 12 "), Ok(Some(json!(12)))),
            (Type::Integer, json!(1.5), Err(())),
            (Type::Integer, json!("99999999999999999999"), Err(())),
            (Type::Float, json!("1.5"), Ok(Some(json!(1.5)))),
            (Type::Float, json!("inf"), Err(())),
            (Type::Float, json!("NaN"), Err(())),
            (Type::SingleChoice, json!("red"), Ok(Some(json!("red")))),
            (Type::SingleChoice, json!("Red"), Err(())),
            (Type::SingleChoice, json!(["red"]), Err(())),
            (Type::MultipleChoice, json!(["red", "", "blue", "red"]), Ok(Some(json!(["red", "blue"])))),
            (Type::MultipleChoice, json!("red"), Ok(Some(json!(["red"])))),
            (Type::MultipleChoice, json!([]), Ok(None)),
            (Type::MultipleChoice, json!(["pink"]), Err(())),
            (Type::MultipleChoice, json!([["red"]]), Err(())),
            (Type::MultipleChoice, json!(vec!["red"; VALUES_MAX + 1]), Err(())),
        ] {
            let read = read(&field(1, kind), &given).map_err(|_| ());
            assert_eq!(read, expected, "{kind:?} {given}");
        }
        let many = Field { multiple: true, ..field(1, Type::Integer) };
        assert_eq!(read(&many, &json!(["1", 2])), Ok(Some(json!([1, 2]))));
        assert!(read(&many, &json!(["1", "x"])).is_err());
    }

    #[test]
    fn an_expression_is_matched_by_the_whole_value() {
        let guarded = Field { regex: Some("A[0-9]+|B".into()), ..field(1, Type::String) };
        for (text, fits) in [("A12", true), ("B", true), ("A", false), ("xA1", false), ("B\u{e9}", false)] {
            assert_eq!(read(&guarded, &json!(text)).is_ok(), fits, "{text}");
        }
        assert!(compiled("(").is_err() && compiled("((a{100}){100}){100}").is_err());
        assert!(compiled(")|(").is_err());
    }

    fn caller(permissions: Permissions) -> Caller {
        Caller {
            user_id: Id::default(),
            owner_id: Id::default(),
            token_id: None,
            session_id: None,
            permissions,
            sources: Default::default(),
        }
    }

    #[test]
    fn values_are_set_unset_and_refused_by_name() {
        let fields =
            [field(1, Type::Integer), field(2, Type::String), Field { read_only: true, ..field(3, Type::Text) }];
        let nobody = caller(Permissions::default());
        let given = |value: Value| value.as_object().cloned().unwrap();
        let first = change(&nobody, &fields, "{}", &given(json!({"k2": "x", "k1": "5"}))).unwrap();
        assert_eq!(first.keys, ["k2", "k1"]);
        assert_eq!(Value::Object(shown(&fields, &first.stored).unwrap()), json!({"k1": 5, "k2": "x"}));
        let again = change(&nobody, &fields, &first.stored, &given(json!({"k1": 5}))).unwrap();
        assert!(again.keys.is_empty() && again.stored == first.stored);
        let unset = change(&nobody, &fields, &first.stored, &given(json!({"k1": ""}))).unwrap();
        assert_eq!(Value::Object(shown(&fields, &unset.stored).unwrap()), json!({"k2": "x"}));
        // What has gone is shown no more, and kept no longer than to the next change.
        assert!(shown(&fields[..1], &unset.stored).unwrap().is_empty());
        assert_eq!(change(&nobody, &fields[..1], &unset.stored, &Map::new()).unwrap().stored, "{}");
        let wrong = given(json!({"k1": "x", "k3": "y", "k9": 1}));
        let Err(error::Error::Refused(refusal)) = change(&nobody, &fields, "{}", &wrong) else { panic!("refused") };
        let told: Vec<_> = refusal.errors.iter().map(|e| (e.attribute.as_str(), e.kind.as_str())).collect();
        let expected = [
            ("custom_field_values[k1]", "invalid"),
            ("custom_field_values[k3]", "read_only"),
            ("custom_field_values[k9]", "unknown"),
        ];
        assert_eq!(told, expected);
        assert!(change(&caller(Permissions::ALL), &fields, "{}", &given(json!({"k3": "y"}))).is_ok());
    }

    #[test]
    fn what_is_set_is_not_filled() {
        let fields = [field(1, Type::Integer), field(2, Type::String)];
        let (five, six, word) = (json!(5), json!(6), json!("x"));
        let filled =
            fill(&fields, "{}", &[("k1", &word), ("k1", &five), ("k1", &six), ("k9", &five)]).unwrap().unwrap();
        assert_eq!(Value::Object(shown(&fields, &filled).unwrap()), json!({"k1": 5}));
        assert!(fill(&fields, &filled, &[("k1", &six)]).unwrap().is_none());
        let other = fill(&fields, "{}", &[("k1", &six), ("k2", &word)]).unwrap().unwrap();
        let both = merged(&filled, &other).unwrap();
        assert_eq!(Value::Object(shown(&fields, &both).unwrap()), json!({"k1": 5, "k2": "x"}));
    }

    proptest! {
        #[test]
        fn any_value_is_read_or_refused(text in ".*", kind in prop::sample::select(Type::ALL.to_vec()), multiple: bool) {
            let _ = read(&Field { multiple, ..field(1, kind) }, &json!(text));
            let _ = read(&Field { multiple, ..field(1, kind) }, &json!([text, null, 1.5, {}]));
        }

        #[test]
        fn any_expression_is_compiled_or_refused(expression in ".{0,40}") {
            let _ = compiled(&expression);
        }
    }
}
