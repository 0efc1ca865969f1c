//! The shape that an operation's parameter struct gives its bag. It is derived once from the struct's JSON Schema, so
//! that a request walks a small tree of enums and no schema.

use std::fmt;

use frontdesk_model::error::AttributeError;
use frontdesk_model::{Id, Result, Timestamp, error};
use serde_json::{Map, Value};

/// What one value must be, and what it is turned into when it arrives as text.
#[derive(Debug, PartialEq)]
enum Shape {
    /// Free JSON.
    Any,
    Text {
        characters_max: Option<u64>,
    },
    Id,
    Time,
    Boolean,
    Integer {
        min: i64,
        max: i64,
    },
    Number,
    Choice(Vec<String>),
    List {
        element: Box<Shape>,
        elements_max: Option<u64>,
    },
    /// An object with free keys.
    Hash(Box<Shape>),
    Record(Record),
}

/// An object with known members.
#[derive(Debug, PartialEq, Default)]
pub(crate) struct Record {
    fields: Vec<Field>,
    /// The shape of members beyond the fields; none when they are ignored.
    others: Option<Box<Shape>>,
}

#[derive(Debug, PartialEq)]
struct Field {
    name: String,
    shape: Shape,
    required: bool,
    nullable: bool,
}

/// Where in the bag a value stands; written out only when there is something to say about it.
#[derive(Clone, Copy)]
struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.parent, self.step) {
            (None, Step::Name(name)) => f.write_str(name),
            (None, Step::Index(index)) => write!(f, "{index}"),
            (Some(parent), Step::Name(name)) => write!(f, "{parent}[{name}]"),
            (Some(parent), Step::Index(index)) => write!(f, "{parent}[{index}]"),
        }
    }
}

impl Place<'_> {
    fn must_be(&self, what: &str) -> error::Error {
        error::bad_request(format!("{self}: must be {what}."))
    }

    fn invalid(&self, kind: &str, reason: &str) -> AttributeError {
        let attribute = self.to_string();
        AttributeError { message: format!("{attribute} {reason}."), attribute, kind: kind.to_owned() }
    }
}

impl Record {
    /// From the JSON Schema of a struct.
    pub(crate) fn of(schema: &Value) -> Record {
        let required: Vec<&str> = list(schema, "required").iter().filter_map(Value::as_str).collect();
        let field = |(name, schema): (&String, &Value)| {
            let (shape, nullable) = shape_of(schema);
            Field { name: name.clone(), shape, required: required.contains(&name.as_str()), nullable }
        };
        let fields = schema.get("properties").and_then(Value::as_object);
        let others = match schema.get("additionalProperties") {
            None | Some(Value::Bool(false)) => None,
            Some(others) => Some(Box::new(shape_of(others).0)),
        };
        Record { fields: fields.into_iter().flatten().map(field).collect(), others }
    }

    /// Whether members beyond the named ones are parameters too.
    pub(crate) fn takes_any(&self) -> bool {
        self.others.is_some()
    }

    /// Turns a bag into what the struct can be read from; its members come in the struct's order. A value of a wrong
    /// type is a 400; what is missing or out of bounds is a 422, all told at once. `errors` is what else is known to
    /// be wrong.
    pub(crate) fn coerce(
        &self,
        bag: Map<String, Value>,
        mut errors: Vec<AttributeError>,
    ) -> Result<Map<String, Value>> {
        let values = self.members(bag, None, &mut errors)?;
        if errors.is_empty() { Ok(values) } else { Err(error::invalid_all(errors)) }
    }

    fn members(
        &self,
        mut bag: Map<String, Value>,
        parent: Option<&Place>,
        errors: &mut Vec<AttributeError>,
    ) -> Result<Map<String, Value>> {
        let mut values = Map::new();
        for field in &self.fields {
            let place = Place { parent, step: Step::Name(&field.name) };
            match bag.remove(&field.name) {
                Some(value) if !field.is_blank(&value) => {
                    values.insert(field.name.clone(), field.shape.coerce(value, &place, errors)?);
                }
                _ if field.required => errors.push(place.invalid("blank", "can't be blank")),
                Some(_) if field.nullable => {
                    values.insert(field.name.clone(), Value::Null);
                }
                _ => {}
            }
        }
        if let Some(shape) = &self.others {
            for (name, value) in bag {
                let place = Place { parent, step: Step::Name(&name) };
                let value = shape.coerce(value, &place, errors)?;
                values.insert(name, value);
            }
        }
        Ok(values)
    }
}

impl Field {
    /// Whether a value stands for "none". An empty text does, except where an empty text is a value of its own.
    fn is_blank(&self, value: &Value) -> bool {
        match (value, &self.shape) {
            (Value::Null, _) => true,
            (Value::String(text), Shape::Text { .. }) => self.required && text.trim().is_empty(),
            (Value::String(text), Shape::Any) => self.required && text.is_empty(),
            (Value::String(text), Shape::Choice(choices)) => text.is_empty() && !choices.contains(text),
            (Value::String(text), Shape::List { .. }) => self.required && text.is_empty(),
            (Value::String(text), Shape::Id | Shape::Time | Shape::Boolean | Shape::Integer { .. } | Shape::Number) => {
                text.is_empty()
            }
            _ => false,
        }
    }
}

impl Shape {
    fn coerce(&self, value: Value, place: &Place, errors: &mut Vec<AttributeError>) -> Result<Value> {
        match self {
            Shape::Any => Ok(value),
            Shape::Text { characters_max } => {
                let text = text_of(value).ok_or_else(|| place.must_be("a text"))?;
                // Bytes are counted first: no text has more characters than bytes.
                if let Some(max) = characters_max
                    && text.len() as u64 > *max
                    && text.chars().count() as u64 > *max
                {
                    errors.push(place.invalid("too_long", &format!("is too long (at most {max} characters)")));
                }
                Ok(Value::String(text))
            }
            Shape::Id => match &value {
                Value::String(text) if text.parse::<Id>().is_ok() => Ok(value),
                _ => Err(place.must_be("an id of 24 hex digits")),
            },
            Shape::Time => match &value {
                Value::String(text) if Timestamp::parse_iso(text).is_some() => Ok(value),
                _ => Err(place.must_be("a time such as 2012-05-21T01:15:28Z")),
            },
            Shape::Boolean => boolean(&value).map(Value::Bool).ok_or_else(|| place.must_be("true or false")),
            Shape::Integer { min, max } => {
                let integer = integer(&value).ok_or_else(|| place.must_be("an integer"))?;
                if integer < *min || integer > *max {
                    errors.push(place.invalid("out_of_range", &format!("must be from {min} to {max}")));
                }
                Ok(Value::from(integer))
            }
            Shape::Number => number(value).ok_or_else(|| place.must_be("a number")),
            Shape::Choice(choices) => {
                let text = text_of(value).filter(|text| choices.contains(text));
                text.map(Value::String).ok_or_else(|| place.must_be(&format!("one of {}", choices.join(", "))))
            }
            Shape::List { element, elements_max } => {
                let mut values = Vec::new();
                for (index, value) in elements(value, element).into_iter().enumerate() {
                    let place = Place { parent: Some(place), step: Step::Index(index) };
                    values.push(element.coerce(value, &place, errors)?);
                }
                if let Some(max) = elements_max.filter(|max| values.len() as u64 > *max) {
                    errors.push(place.invalid("too_long", &format!("has too many elements (at most {max})")));
                }
                Ok(Value::Array(values))
            }
            Shape::Hash(shape) => {
                let mut values = Map::new();
                for (key, value) in hash(value, place)? {
                    let place = Place { parent: Some(place), step: Step::Name(&key) };
                    let value = shape.coerce(value, &place, errors)?;
                    values.insert(key, value);
                }
                Ok(Value::Object(values))
            }
            Shape::Record(record) => Ok(Value::Object(record.members(hash(value, place)?, Some(place), errors)?)),
        }
    }
}

fn hash(value: Value, place: &Place) -> Result<Map<String, Value>> {
    match value {
        Value::Object(map) => Ok(map),
        // PHP writes an empty hash as an empty list.
        Value::Array(list) if list.is_empty() => Ok(Map::new()),
        _ => Err(error::bad_request(format!("{place}: must be a hash, such as {place}[key]=value."))),
    }
}

/// The elements that a value stands for: a single value is a list of one, one empty text is the empty list, and
/// `a[0]=x&a[1]=y`, as PHP writes lists, is a list too.
fn elements(value: Value, element: &Shape) -> Vec<Value> {
    let mut values = match value {
        Value::Array(list) => list,
        Value::Null => Vec::new(),
        Value::Object(map) if is_numbered(&map) => {
            let mut numbered: Vec<_> = map.into_iter().collect();
            numbered.sort_by_key(|(index, _)| index.parse::<u32>().unwrap_or(u32::MAX));
            numbered.into_iter().map(|(_, value)| value).collect()
        }
        single => vec![single],
    };
    let keeps_empty_texts = values.len() > 1 && matches!(element, Shape::Text { .. } | Shape::Any);
    if !keeps_empty_texts {
        values.retain(|value| value.as_str() != Some(""));
    }
    values
}

fn is_numbered(map: &Map<String, Value>) -> bool {
    !map.is_empty() && map.keys().all(|key| key.len() <= 9 && key.bytes().all(|byte| byte.is_ascii_digit()))
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        _ => None,
    }
}

/// true/false, 1/0, on/off, yes/no.
pub(crate) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(bool) => Some(*bool),
        Value::String(text) => frontdesk_model::query::boolean(text),
        Value::Number(number) => match number.as_u64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        _ => None,
    }
}

/// Integers past 64 bits are the largest there are, so that paging clamps them and bounds refuse them.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or(number.as_u64().map(|_| i64::MAX)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| {
                let digits = text.strip_prefix('-').unwrap_or(text);
                let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                is_number.then_some(if digits.len() < text.len() { i64::MIN } else { i64::MAX })
            })
        }
        _ => None,
    }
}

fn number(value: Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value),
        Value::String(text) => {
            let text = text.trim();
            if let Ok(integer) = text.parse::<i64>() {
                return Some(Value::from(integer));
            }
            text.parse().ok().and_then(serde_json::Number::from_f64).map(Value::Number)
        }
        _ => None,
    }
}

/// The shape behind a schema, and whether null is legal. What it cannot tell is free JSON, which the struct then checks.
fn shape_of(schema: &Value) -> (Shape, bool) {
    for name in ["anyOf", "oneOf", "allOf"] {
        let all = list(schema, name);
        if all.is_empty() {
            continue;
        }
        let variants: Vec<&Value> =
            all.iter().filter(|variant| variant.get("type") != Some(&Value::from("null"))).collect();
        let nullable = variants.len() < all.len();
        if let [only] = variants[..] {
            let (shape, also_nullable) = shape_of(only);
            return (shape, nullable || also_nullable);
        }
        // Documented variants of an enum: one constant each, or several under one heading.
        let mut choices = Vec::new();
        for variant in &variants {
            match shape_of(variant) {
                (Shape::Choice(more), _) => choices.extend(more),
                _ => return (Shape::Any, nullable),
            }
        }
        return (Shape::Choice(choices), nullable);
    }
    if let Some(Value::String(only)) = schema.get("const") {
        return (Shape::Choice(vec![only.clone()]), false);
    }
    let constants = list(schema, "enum");
    let nullable = is_type(schema, "null") || constants.contains(&Value::Null);
    if !constants.is_empty() {
        let choices: Vec<String> = constants.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let all_texts =
            choices.len() + constants.iter().filter(|constant| constant.is_null()).count() == constants.len();
        return (if all_texts { Shape::Choice(choices) } else { Shape::Any }, nullable);
    }
    let shape = if is_type(schema, "boolean") {
        Shape::Boolean
    } else if is_type(schema, "integer") {
        integer_shape(schema)
    } else if is_type(schema, "number") {
        Shape::Number
    } else if is_type(schema, "string") {
        match (text(schema, "pattern"), text(schema, "format")) {
            (Some("^[0-9a-f]{24}$"), _) => Shape::Id,
            (_, Some("date-time")) => Shape::Time,
            _ => Shape::Text { characters_max: schema.get("maxLength").and_then(Value::as_u64) },
        }
    } else if is_type(schema, "array") {
        let element = Box::new(schema.get("items").map_or(Shape::Any, |items| shape_of(items).0));
        Shape::List { element, elements_max: schema.get("maxItems").and_then(Value::as_u64) }
    } else if is_type(schema, "object") {
        match schema.get("properties") {
            Some(_) => Shape::Record(Record::of(schema)),
            None => Shape::Hash(Box::new(
                schema.get("additionalProperties").map_or(Shape::Any, |others| shape_of(others).0),
            )),
        }
    } else {
        Shape::Any
    };
    // Free JSON takes null as it takes anything else.
    let nullable = nullable || shape == Shape::Any;
    (shape, nullable)
}

fn integer_shape(schema: &Value) -> Shape {
    let (min, max) = match text(schema, "format") {
        Some("int8") => (i64::from(i8::MIN), i64::from(i8::MAX)),
        Some("int16") => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Some("uint32") => (0, i64::from(u32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let bound = |name| schema.get(name).and_then(Value::as_f64).map(|bound| bound as i64);
    Shape::Integer { min: bound("minimum").unwrap_or(min), max: bound("maximum").unwrap_or(max) }
}

fn is_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

fn text<'a>(schema: &'a Value, name: &str) -> Option<&'a str> {
    schema.get(name).and_then(Value::as_str)
}

fn list<'a>(schema: &'a Value, name: &str) -> &'a [Value] {
    schema.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
#[allow(dead_code, reason = "the structs below are read from bags and compared as wholes")]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::operation::parameter_schema;
    use crate::paging::Paging;

    #[derive(Deserialize, JsonSchema, Debug)]
    struct Capacity {
        channel_id: Id,
        #[schemars(range(min = 1, max = 9))]
        max_capacity: Option<i64>,
    }

    #[derive(Deserialize, JsonSchema, Debug)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        /// The sea.
        Blue,
        Green,
        /// The sun.
        DarkRed,
    }

    #[derive(Deserialize, JsonSchema, Debug)]
    struct Everything {
        name: String,
        #[schemars(length(max = 3))]
        short: Option<String>,
        parent_id: Option<Id>,
        #[serde(default)]
        tag_ids: Vec<Id>,
        words: Option<Vec<String>>,
        #[serde(default)]
        enabled: bool,
        maybe: Option<bool>,
        #[serde(default)]
        position: i64,
        small: Option<u8>,
        ratio: Option<f64>,
        colour: Option<Colour>,
        #[serde(default)]
        colours: Vec<Colour>,
        fields: Option<HashMap<String, Vec<String>>>,
        capacities: Option<Vec<Capacity>>,
        free: Option<Value>,
        #[serde(flatten)]
        paging: Paging,
    }

    fn coerced(bag: Value) -> Result<Value> {
        let record = Record::of(&parameter_schema::<Everything>());
        let Value::Object(bag) = bag else { panic!("{bag}") };
        let values = record.coerce(bag, Vec::new())?;
        Everything::deserialize(&values).expect("what was coerced can be read");
        Ok(Value::Object(values))
    }

    const ID: &str = "018bcfe56800010203040506";

    #[test]
    fn texts_become_what_the_struct_wants() {
        for (bag, expected) in [
            (json!({}), json!({})),
            (json!({"unknown": "1"}), json!({})),
            (json!({"name": 5}), json!({"name": "5"})),
            (json!({"short": ""}), json!({"short": ""})),
            (json!({"short": null}), json!({"short": null})),
            (json!({"parent_id": ""}), json!({"parent_id": null})),
            (json!({"parent_id": ID}), json!({"parent_id": ID})),
            (json!({"tag_ids": [""]}), json!({"tag_ids": []})),
            (json!({"tag_ids": ""}), json!({"tag_ids": []})),
            (json!({"tag_ids": null}), json!({})),
            (json!({"tag_ids": ID}), json!({"tag_ids": [ID]})),
            (json!({"tag_ids": ["", ID]}), json!({"tag_ids": [ID]})),
            (json!({"words": ["a", ""]}), json!({"words": ["a", ""]})),
            (json!({"words": {"10": "b", "2": "a"}}), json!({"words": ["a", "b"]})),
            (json!({"enabled": "on"}), json!({"enabled": true})),
            (json!({"enabled": 0}), json!({"enabled": false})),
            (json!({"enabled": ""}), json!({})),
            (json!({"maybe": ""}), json!({"maybe": null})),
            (json!({"maybe": "No"}), json!({"maybe": false})),
            (json!({"position": " 7 "}), json!({"position": 7})),
            (json!({"position": "-99999999999999999999"}), json!({"position": i64::MIN})),
            (json!({"small": "255"}), json!({"small": 255})),
            (json!({"ratio": "1.5"}), json!({"ratio": 1.5})),
            (json!({"ratio": "2"}), json!({"ratio": 2})),
            (json!({"colour": "dark_red"}), json!({"colour": "dark_red"})),
            (json!({"colour": ""}), json!({"colour": null})),
            (json!({"colours": ["blue", "green"]}), json!({"colours": ["blue", "green"]})),
            (json!({"fields": {"k": "v", "l": ["w"]}}), json!({"fields": {"k": ["v"], "l": ["w"]}})),
            (json!({"fields": []}), json!({"fields": {}})),
            (
                json!({"capacities": [{"channel_id": ID, "max_capacity": "2", "x": 1}]}),
                json!({"capacities": [{"channel_id": ID, "max_capacity": 2}]}),
            ),
            (json!({"free": {"a": [1, null]}}), json!({"free": {"a": [1, null]}})),
            (json!({"offset": "5", "limit": "1000"}), json!({"offset": 5, "limit": 1000})),
        ] {
            let (mut bag, mut expected) = (bag, expected);
            for value in [&mut bag, &mut expected] {
                if value.get("name").is_none() {
                    value["name"] = json!("n");
                }
            }
            assert_eq!(coerced(bag.clone()).expect("a bag"), expected, "{bag}");
        }
    }

    #[test]
    fn wrong_types_are_a_400_that_names_the_parameter() {
        for (bag, start) in [
            (json!({"name": ["a"]}), "name: must be a text"),
            (json!({"parent_id": "x"}), "parent_id: must be an id"),
            (json!({"tag_ids": [ID, "x"]}), "tag_ids[1]: must be an id"),
            (json!({"tag_ids": {"a": ID}}), "tag_ids[0]: must be an id"),
            (json!({"enabled": "maybe"}), "enabled: must be true or false"),
            (json!({"enabled": 2}), "enabled: must be true or false"),
            (json!({"position": "1.5"}), "position: must be an integer"),
            (json!({"position": "x"}), "position: must be an integer"),
            (json!({"position": 1.5}), "position: must be an integer"),
            (json!({"ratio": "NaN"}), "ratio: must be a number"),
            (json!({"colour": "pink"}), "colour: must be one of green, blue, dark_red"),
            (json!({"fields": "x"}), "fields: must be a hash"),
            (json!({"fields": ""}), "fields: must be a hash"),
            (json!({"fields": ["x"]}), "fields: must be a hash"),
            (json!({"capacities": "x"}), "capacities[0]: must be a hash"),
            (json!({"capacities": [{"channel_id": "x"}]}), "capacities[0][channel_id]: must be an id"),
            (json!({"limit": "many"}), "limit: must be an integer"),
        ] {
            let mut bag = bag;
            if bag.get("name").is_none() {
                bag["name"] = json!("n");
            }
            match coerced(bag.clone()) {
                Err(error::Error::Refused(refusal)) => {
                    assert_eq!(refusal.status, 400, "{bag}");
                    assert!(refusal.message.starts_with(start), "{bag}: {}", refusal.message);
                }
                other => panic!("{bag}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_missing_or_out_of_bounds_is_told_at_once_as_a_422() {
        let bag = json!({"name": " ", "short": "four", "small": "256", "capacities": [{"max_capacity": "10"}]});
        let Err(error::Error::Refused(refusal)) = coerced(bag) else { panic!("it is refused") };
        assert_eq!((refusal.status, refusal.code.as_ref()), (422, "validation_error"));
        let errors: Vec<_> =
            refusal.errors.iter().map(|error| (error.attribute.as_str(), error.kind.as_str())).collect();
        let expected = [
            ("name", "blank"),
            ("short", "too_long"),
            ("small", "out_of_range"),
            ("capacities[0][channel_id]", "blank"),
            ("capacities[0][max_capacity]", "out_of_range"),
        ];
        assert_eq!(errors, expected);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            Just(json!(ID)),
            "[a-z0-9 .-]{0,8}".prop_map(Value::from),
            prop::sample::select(vec!["blue", "on", "1", "", "-3", "1e5", "inf"]).prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            let keys = prop::sample::select(vec!["channel_id", "max_capacity", "0", "1", "k"]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(keys, inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        /// `coerced` itself asserts that whatever is accepted can be read into the struct.
        #[test]
        fn what_is_accepted_can_always_be_read(
            name in prop::sample::select(vec![
                "short", "parent_id", "tag_ids", "words", "enabled", "maybe", "position", "small", "ratio", "colour",
                "colours", "fields", "capacities", "free", "offset", "limit", "name",
            ]),
            value in values(),
        ) {
            let mut bag = json!({"name": "n"});
            bag[name] = value;
            let _ = coerced(bag);
        }
    }
}
