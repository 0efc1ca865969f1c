//! What conditions may say: criteria, positions and operators of the published protocol. Evaluated
//! they are in the browser, by `web/widget/targeting`.

use frontdesk_model::error::AttributeError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::variables::Type;

/// Conditions of one trigger.
pub(crate) const CONDITIONS_MAX: usize = 50;
/// Characters of what a text is compared with.
pub(crate) const VALUE_CHARACTERS_MAX: usize = 1_000;
/// Minutes between the times that there are.
const TIME_STEP_MINUTES: u32 = 15;

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// What can be asked about.
const CRITERIA: [(&str, Sort); 13] = [
    ("chat_opened", Sort::Boolean),
    ("chat_shown", Sort::Boolean),
    ("day_of_week", Sort::Day),
    ("time", Sort::Time),
    ("identity", Sort::Boolean),
    ("page_path", Sort::String),
    ("page_url", Sort::String),
    ("page_title", Sort::String),
    ("page_visit_count", Sort::Number),
    ("page_visit_duration", Sort::Number),
    ("signed_identity", Sort::Boolean),
    ("visit_count", Sort::Number),
    ("visit_duration", Sort::Number),
];

/// On which pages of the visit.
const POSITIONS: [&str; 17] = [
    "current",
    "previous",
    "previous_2",
    "previous_3",
    "previous_4",
    "previous_5",
    "among_previous_2",
    "among_previous_3",
    "among_previous_4",
    "among_previous_5",
    "current_or_previous",
    "current_or_among_previous_2",
    "current_or_among_previous_3",
    "current_or_among_previous_4",
    "any",
    "any_previous",
    "first",
];

const COMMON: &[&str] = &["is", "is_present", "is_not_present"];
const ORDERED: &[&str] = &["is", "is_present", "is_not_present", "greater_or_equal", "lesser_or_equal"];
const TEXTS: &[&str] =
    &["is", "is_present", "is_not_present", "is_not", "contains", "does_not_contain", "starts_with", "ends_with"];

/// Of what sort a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sort {
    Boolean,
    Number,
    String,
    Day,
    Time,
}

impl Sort {
    fn operators(self) -> &'static [&'static str] {
        match self {
            Sort::Boolean => COMMON,
            Sort::Number | Sort::Day | Sort::Time => ORDERED,
            Sort::String => TEXTS,
        }
    }

    /// A value of this sort, as it is stored; else what it has to be.
    fn value(self, given: &Value) -> Result<Value, &'static str> {
        let text = match given {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => given.to_string(),
            _ => String::new(),
        };
        let word = text.trim().to_lowercase();
        match self {
            Sort::Boolean => match word.as_str() {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => Err("must be true or false."),
            },
            Sort::Number => {
                let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
                let number = number.and_then(serde_json::Number::from_f64).ok_or("must be a number.")?;
                // What is whole is shown so.
                Ok(word.parse::<i64>().map_or(Value::Number(number), Value::from))
            }
            Sort::String => match given {
                Value::Object(_) | Value::Array(_) => Err("must be a text."),
                _ if text.chars().count() > VALUE_CHARACTERS_MAX => Err("has at most 1000 characters."),
                _ => Ok(text.into()),
            },
            Sort::Day if DAYS.contains(&word.as_str()) => Ok(word.into()),
            Sort::Day => Err("must be a day, monday to sunday."),
            Sort::Time => match time(&word) {
                true => Ok(word.into()),
                false => Err("must be a time from 00:00 to 23:45 in steps of 15 minutes."),
            },
        }
    }
}

fn time(word: &str) -> bool {
    let Some((hours, minutes)) = word.split_once(':') else { return false };
    let number = |text: &str| (text.len() == 2).then(|| text.parse::<u32>().ok()).flatten();
    matches!((number(hours), number(minutes)), (Some(0..24), Some(minutes)) if minutes < 60 && minutes % TIME_STEP_MINUTES == 0)
}

/// What has to be so on a page of the visit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TriggerCondition")]
pub(crate) struct Condition {
    /// What is looked at: one of the predefined criteria, or the name of a custom variable.
    pub(crate) criterion: String,
    /// On which pages of the visit.
    pub(crate) position: String,
    /// How it is compared.
    pub(crate) operator: String,
    /// With what; null for is_present and is_not_present.
    pub(crate) value: Value,
}

/// A condition as it is given.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "TriggerConditionParameters")]
pub(crate) struct Given {
    /// What is looked at: chat_opened, chat_shown, day_of_week, time, identity, page_path, page_url, page_title,
    /// page_visit_count, page_visit_duration, signed_identity, visit_count, visit_duration, or the name of a custom
    /// variable of the source.
    pub(crate) criterion: Option<String>,
    /// On which pages of the visit: current (when absent), previous, previous_2 to previous_5, among_previous_2 to
    /// among_previous_5, current_or_previous, current_or_among_previous_2 to current_or_among_previous_4, any,
    /// any_previous or first.
    pub(crate) position: Option<String>,
    /// is, is_present or is_not_present; for numbers, days and times also greater_or_equal and lesser_or_equal; for texts
    /// also is_not, contains, does_not_contain, starts_with and ends_with.
    pub(crate) operator: Option<String>,
    /// With what it is compared; a text with commas is a list. None for is_present and is_not_present.
    pub(crate) value: Value,
}

/// Reads the condition of this number; what is wrong with it is added to the faults.
pub(crate) fn read(
    given: &Given,
    number: usize,
    variables: &[(String, Type)],
    faults: &mut Vec<AttributeError>,
) -> Option<Condition> {
    let before = faults.len();
    let mut wrong = |name: &str, kind: &str, what: &str| {
        let attribute = format!("conditions[{number}].{name}");
        let message = format!("{attribute} {what}");
        faults.push(AttributeError { attribute, kind: kind.into(), message });
    };
    let criterion = given.criterion.as_deref().unwrap_or_default().trim();
    let variable = variables.iter().find(|(name, _)| name == criterion).map(|(_, kind)| match kind {
        Type::String => Sort::String,
        Type::Number => Sort::Number,
        Type::Boolean => Sort::Boolean,
    });
    let sort = CRITERIA.iter().find(|(name, _)| *name == criterion).map(|(_, sort)| *sort).or(variable);
    if sort.is_none() {
        let names: Vec<&str> = CRITERIA.iter().map(|(name, _)| *name).collect();
        let what = format!("must be one of {}, or a custom variable of this source.", names.join(", "));
        wrong("criterion", "inclusion", &what);
    }
    let position = given.position.as_deref().map(str::trim).filter(|text| !text.is_empty()).unwrap_or("current");
    if !POSITIONS.contains(&position) {
        wrong("position", "inclusion", &format!("must be one of {}.", POSITIONS.join(", ")));
    }
    let operator = given.operator.as_deref().unwrap_or_default().trim();
    let sort = sort?;
    if !sort.operators().contains(&operator) {
        wrong("operator", "inclusion", &format!("must be one of {} for {criterion}.", sort.operators().join(", ")));
        return None;
    }
    let is_blank = given.value.is_null() || given.value.as_str().is_some_and(|text| text.trim().is_empty());
    let value = if matches!(operator, "is_present" | "is_not_present") {
        if !is_blank {
            wrong("value", "present", &format!("must be empty: {operator} compares with nothing."));
        }
        Value::Null
    } else {
        match sort.value(&given.value) {
            Ok(value) => value,
            Err(what) => {
                wrong("value", "invalid", what);
                Value::Null
            }
        }
    };
    let condition =
        Condition { criterion: criterion.into(), position: position.into(), operator: operator.into(), value };
    (faults.len() == before).then_some(condition)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_one(criterion: &str, operator: &str, value: Value) -> Result<Value, String> {
        let given =
            Given { criterion: Some(criterion.into()), operator: Some(operator.into()), value, ..Given::default() };
        let variables = [("custom_cart".to_owned(), Type::Number), ("custom_vip".to_owned(), Type::Boolean)];
        let mut faults = Vec::new();
        match read(&given, 2, &variables, &mut faults) {
            Some(condition) => Ok(condition.value),
            None => Err(faults.remove(0).attribute),
        }
    }

    #[test]
    fn every_sort_has_its_operators_and_values() {
        for (criterion, operator, value, expected) in [
            ("page_url", "contains", json!("/cart"), Ok(json!("/cart"))),
            ("page_url", "is_not", json!(""), Ok(json!(""))),
            ("page_url", "is", json!(58), Ok(json!("58"))),
            ("page_url", "is", json!(["a"]), Err("value")),
            ("page_url", "greater_or_equal", json!("a"), Err("operator")),
            ("page_url", "is_present", json!(null), Ok(json!(null))),
            ("page_url", "is_present", json!("x"), Err("value")),
            ("page_title", "starts_with", json!("x".repeat(1_001)), Err("value")),
            ("page_visit_count", "greater_or_equal", json!(2), Ok(json!(2))),
            ("page_visit_count", "greater_or_equal", json!("2.5"), Ok(json!(2.5))),
            ("page_visit_count", "is", json!("two"), Err("value")),
            ("page_visit_count", "is", json!("NaN"), Err("value")),
            ("page_visit_count", "is", json!(null), Err("value")),
            ("page_visit_count", "contains", json!("2"), Err("operator")),
            ("identity", "is", json!("true"), Ok(json!(true))),
            ("identity", "is", json!(false), Ok(json!(false))),
            ("identity", "is", json!("maybe"), Err("value")),
            ("identity", "is_not", json!(true), Err("operator")),
            ("day_of_week", "greater_or_equal", json!("Saturday"), Ok(json!("saturday"))),
            ("day_of_week", "is", json!("someday"), Err("value")),
            ("time", "lesser_or_equal", json!("19:45"), Ok(json!("19:45"))),
            ("time", "lesser_or_equal", json!("19:50"), Err("value")),
            ("time", "lesser_or_equal", json!("24:00"), Err("value")),
            ("time", "lesser_or_equal", json!("7:15"), Err("value")),
            ("custom_cart", "greater_or_equal", json!("1"), Ok(json!(1))),
            ("custom_vip", "is_present", json!(""), Ok(json!(null))),
            ("custom_other", "is", json!("1"), Err("criterion")),
            ("", "is", json!("1"), Err("criterion")),
        ] {
            let found = read_one(criterion, operator, value.clone());
            let expected = expected.map_err(|name: &str| format!("conditions[2].{name}"));
            assert_eq!(found, expected, "{criterion} {operator} {value}");
        }
    }

    #[test]
    fn the_browser_knows_the_same_words() {
        let types = include_str!("../../../../web/widget/targeting/types.ts");
        let positions = include_str!("../../../../web/widget/targeting/positions.ts");
        for (name, _) in CRITERIA {
            assert!(types.contains(&format!("  {name}: '")), "{name}");
        }
        for operator in TEXTS.iter().chain(ORDERED) {
            assert!(types.contains(&format!("| '{operator}'")), "{operator}");
        }
        for position in POSITIONS {
            assert!(positions.contains(&format!("  {position}: [")), "{position}");
        }
        assert_eq!(positions.matches(": [").count(), POSITIONS.len());
    }
}
