//! `name=value` pairs whose names carry brackets, as one tree: `a[]=1`, `h[key]=v`, `h[key][]=v`,
//! `list[][id]=1&list[][max]=2&list[][id]=3` (a repeated key begins the next element).

use frontdesk_model::{Result, error, hex};
use serde_json::{Map, Value};

/// At most this many pairs in one query string or one form.
pub const PAIRS_MAX: usize = 2_000;
/// At most this many bytes in a parameter's name, brackets included.
pub const NAME_BYTES_MAX: usize = 200;
/// At most this many levels in a parameter's name; `a[b][]` has three.
pub const NAME_LEVELS_MAX: usize = 6;

/// Reads a query string or a urlencoded body. Empty pairs are ignored, the last of two plain pairs wins. 400 when a text
/// is not UTF-8, holds U+0000, passes a limit, or when one name is used in two shapes (`a=1&a[]=2`).
pub fn parse_pairs(text: &[u8]) -> Result<Map<String, Value>> {
    let mut tree = PairTree::default();
    for pair in text.split(|byte| *byte == b'&') {
        let equals = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = equals.map_or((pair, &b""[..]), |at| (&pair[..at], &pair[at + 1..]));
        if name.is_empty() {
            continue;
        }
        let name = decode(name).ok_or_else(|| error::bad_request("A parameter's name is not valid UTF-8."))?;
        let value = decode(value).ok_or_else(|| error::bad_request(format!("{name}: is not valid UTF-8.")))?;
        tree.add(&name, value)?;
    }
    Ok(tree.finish())
}

/// Undoes `+` and `%XX`. A percent sign that begins no pair of hex digits stands for itself, as browsers have it.
/// None when the bytes are not UTF-8.
pub(crate) fn decode(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let escaped = match byte {
            b'%' => text.get(at + 1..at + 3).and_then(hex::pair),
            _ => None,
        };
        match (byte, escaped) {
            (_, Some(value)) => {
                bytes.push(value);
                at += 2;
            }
            (b'+', None) => bytes.push(b' '),
            (other, None) => bytes.push(*other),
        }
        at += 1;
    }
    String::from_utf8(bytes).ok()
}

/// The tree while pairs are added to it, in the order in which they arrived.
#[derive(Default)]
pub(crate) struct PairTree {
    values: Map<String, Value>,
    pairs: usize,
}

impl PairTree {
    /// Adds one decoded pair.
    pub(crate) fn add(&mut self, name: &str, value: String) -> Result<()> {
        self.pairs += 1;
        if self.pairs > PAIRS_MAX {
            return Err(error::bad_request(format!("More than {PAIRS_MAX} parameters; send fewer at once.")));
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(error::bad_request(format!("A parameter's name is longer than {NAME_BYTES_MAX} bytes.")));
        }
        if name.contains('\0') || value.contains('\0') {
            return Err(error::bad_request(format!("{name}: must not contain the character U+0000.")));
        }
        let (root, path) = split(name);
        if path.len() >= NAME_LEVELS_MAX {
            return Err(error::bad_request(format!("{name}: has more than {NAME_LEVELS_MAX} levels of brackets.")));
        }
        if path.is_empty() {
            // The commonest case by far, kept free of a second lookup.
            return match self.values.insert(root.to_owned(), Value::String(value)) {
                None | Some(Value::String(_)) => Ok(()),
                Some(_) => Err(misfit(name)),
            };
        }
        let slot = self.values.entry(root).or_insert(Value::Null);
        put(slot, &path, value).ok_or_else(|| misfit(name))
    }

    /// What was added so far.
    pub(crate) fn so_far(&self) -> &Map<String, Value> {
        &self.values
    }

    /// The tree: texts, lists and objects only.
    pub(crate) fn finish(self) -> Map<String, Value> {
        self.values
    }
}

fn misfit(name: &str) -> error::Error {
    error::bad_request(format!(
        "{name}: this name is also used in another shape (plain, name[] or name[key]); use one."
    ))
}

/// One pair of brackets.
enum Step<'a> {
    /// `[]`
    Element,
    /// `[key]`
    Key(&'a str),
}

/// The name before the first bracket, and the brackets. A name whose brackets do not pair up is a plain name.
fn split(name: &str) -> (&str, Vec<Step<'_>>) {
    match name.find('[') {
        Some(open) if open > 0 => steps(&name[open..]).map_or((name, Vec::new()), |path| (&name[..open], path)),
        _ => (name, Vec::new()),
    }
}

fn steps(mut brackets: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    while !brackets.is_empty() {
        let (inner, rest) = brackets.strip_prefix('[')?.split_once(']')?;
        steps.push(if inner.is_empty() { Step::Element } else { Step::Key(inner) });
        brackets = rest;
    }
    Some(steps)
}

/// Puts a text at the end of a path; None when what is there has another shape. Null marks a slot not yet used.
fn put(slot: &mut Value, path: &[Step], text: String) -> Option<()> {
    let Some((step, rest)) = path.split_first() else {
        return match slot {
            Value::Null | Value::String(_) => {
                *slot = Value::String(text);
                Some(())
            }
            _ => None,
        };
    };
    match step {
        Step::Key(key) => {
            if slot.is_null() {
                *slot = Value::Object(Map::new());
            }
            put(slot.as_object_mut()?.entry(*key).or_insert(Value::Null), rest, text)
        }
        Step::Element => {
            if slot.is_null() {
                *slot = Value::Array(Vec::new());
            }
            let list = slot.as_array_mut()?;
            match (rest.first(), list.last()) {
                (None, Some(Value::Object(_))) => return None,
                // Brackets cannot say where an inner list ends, so lists of lists need a JSON body.
                (Some(Step::Element), _) => return None,
                (Some(Step::Key(_)), Some(Value::Object(last))) if !holds(last, rest) => {}
                (Some(Step::Key(_)), Some(other)) if !other.is_object() => return None,
                _ => list.push(Value::Null),
            }
            put(list.last_mut()?, rest, text)
        }
    }
}

/// Whether a path is taken already, so that the same key again means the next element. A list within an element is
/// never taken: it grows.
fn holds(object: &Map<String, Value>, path: &[Step]) -> bool {
    let Some((Step::Key(key), rest)) = path.split_first() else { return false };
    match object.get(*key) {
        None => false,
        Some(_) if rest.is_empty() => true,
        Some(Value::Object(inner)) => holds(inner, rest),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn refusal(text: &str) -> String {
        match parse_pairs(text.as_bytes()) {
            Err(error::Error::Refused(refusal)) => {
                assert_eq!(refusal.status, 400, "{text}");
                refusal.message
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn pairs_become_a_tree() {
        for (text, expected) in [
            ("", json!({})),
            ("&&", json!({})),
            ("=1&a=2", json!({"a": "2"})),
            ("a", json!({"a": ""})),
            ("a=1&&b=2&", json!({"a": "1", "b": "2"})),
            ("a=1&a=2", json!({"a": "2"})),
            ("a=b=c", json!({"a": "b=c"})),
            ("a[]=1&a[]=2", json!({"a": ["1", "2"]})),
            ("a%5B%5D=1&a%5b%5d=2", json!({"a": ["1", "2"]})),
            ("a[]=", json!({"a": [""]})),
            ("c[k]=v&c[l]=w", json!({"c": {"k": "v", "l": "w"}})),
            ("c[k]=v&c[k]=w", json!({"c": {"k": "w"}})),
            ("c[k][]=1&c[k][]=2", json!({"c": {"k": ["1", "2"]}})),
            ("f[only][]=a", json!({"f": {"only": ["a"]}})),
            ("h[][d]=1&h[][t]=2&h[][d]=3", json!({"h": [{"d": "1", "t": "2"}, {"d": "3"}]})),
            ("c[][id]=1&c[][max]=2&c[][id]=3", json!({"c": [{"id": "1", "max": "2"}, {"id": "3"}]})),
            ("c[][id]=1&c[][t][]=2&c[][t][]=3&c[][id]=4", json!({"c": [{"id": "1", "t": ["2", "3"]}, {"id": "4"}]})),
            ("c[][a][x]=1&c[][a][y]=2&c[][a][x]=3", json!({"c": [{"a": {"x": "1", "y": "2"}}, {"a": {"x": "3"}}]})),
            ("q=a+b%20c%2Bd", json!({"q": "a b c+d"})),
            ("q=100%&r=%zz", json!({"q": "100%", "r": "%zz"})),
            ("q=%C3%A9é", json!({"q": "éé"})),
            (
                "[]=1&a[b=2&a]c=3&a[b]c=4&a[b[c]]=5",
                json!({"[]": "1", "a[b": "2", "a]c": "3", "a[b]c": "4", "a[b[c]]": "5"}),
            ),
            ("a[b][c][d][e][f]=1", json!({"a": {"b": {"c": {"d": {"e": {"f": "1"}}}}}})),
        ] {
            assert_eq!(Value::Object(parse_pairs(text.as_bytes()).expect(text)), expected, "{text}");
        }
    }

    #[test]
    fn pairs_that_cannot_be_read_are_refused_by_name() {
        for text in [
            "a=1&a[]=2",
            "a[]=2&a=1",
            "a[k]=1&a[]=2",
            "a[k]=1&a=2",
            "a[]=1&a[][k]=2",
            "a[][k]=2&a[]=1",
            "a[][]=1",
            "a[][k]=1&a[][k][l]=2",
            "a=%00",
            "a=%ff",
            "a[b][c][d][e][f][g]=1",
        ] {
            assert!(refusal(text).starts_with('a'), "{text}");
        }
        assert!(refusal("%ff=1").contains("UTF-8"));
    }

    #[test]
    fn more_than_the_limits_is_refused() {
        assert!(parse_pairs("a[]=1&".repeat(PAIRS_MAX).as_bytes()).is_ok());
        assert!(refusal(&"a[]=1&".repeat(PAIRS_MAX + 1)).contains("2000"));
        assert!(parse_pairs(format!("{}=1", "n".repeat(NAME_BYTES_MAX)).as_bytes()).is_ok());
        assert!(refusal(&format!("{}=1", "n".repeat(NAME_BYTES_MAX + 1))).contains("200"));
    }

    /// Writes a tree as a client would.
    fn write(name: &str, value: &Value, pairs: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| write(&format!("{name}[{key}]"), value, pairs)),
            Value::Array(list) => list.iter().for_each(|value| write(&format!("{name}[]"), value, pairs)),
            Value::String(text) => pairs.push(format!("{}={}", encode(name), encode(text))),
            other => panic!("{other}"),
        }
    }

    fn encode(text: &str) -> String {
        text.bytes()
            .map(|byte| match byte {
                b' ' => "+".to_owned(),
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect()
    }

    fn texts() -> impl Strategy<Value = Value> {
        "[^\0]{0,12}".prop_map(Value::String)
    }

    fn bags() -> impl Strategy<Value = Map<String, Value>> {
        let element = prop::collection::btree_map("[a-z]{1,4}", texts(), 1..4);
        let value = prop_oneof![
            texts(),
            prop::collection::vec(texts(), 1..5).prop_map(Value::Array),
            prop::collection::btree_map("[a-z0-9_ é-]{1,6}", texts(), 1..5).prop_map(|map| json!(map)),
            prop::collection::btree_map("[a-z]{1,4}", prop::collection::vec(texts(), 1..3), 1..3)
                .prop_map(|map| json!(map)),
            // Elements need a first key in common: it is what separates them.
            prop::collection::vec(element, 1..4).prop_map(|list| {
                let with_first = |mut object: std::collections::BTreeMap<String, Value>| {
                    object.insert("Aa".into(), json!("first"));
                    json!(object)
                };
                Value::Array(list.into_iter().map(with_first).collect())
            }),
        ];
        prop::collection::btree_map("[a-zA-Zé_ .-]{1,8}", value, 0..6).prop_map(|map| map.into_iter().collect())
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_pairs(&bytes);
        }

        #[test]
        fn any_names_are_read_or_refused(text in "([ab]|\\[|\\]|=|&|%5B){0,60}") {
            let _ = parse_pairs(text.as_bytes());
        }

        #[test]
        fn a_bag_survives_being_written_and_read(bag in bags()) {
            let mut pairs = Vec::new();
            bag.iter().for_each(|(name, value)| write(name, value, &mut pairs));
            prop_assert_eq!(parse_pairs(pairs.join("&").as_bytes()).unwrap(), bag);
        }
    }
}
