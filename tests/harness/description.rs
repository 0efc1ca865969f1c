//! The server's own description, `/openapi.json`, held against every answer that a story gets.
//!
//! A documented answer holds what its schema says and nothing else: typed clients fail on unknown properties.

use std::net::SocketAddr;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::http::{Answer, Request};

/// Marks an operation, or a property of an answer, that is Frontdesk's own.
pub const OURS: &str = "x-frontdesk-extension";

/// A published description.
pub struct Description {
    document: Value,
    /// Method, path, and the path's parts.
    routes: Vec<(String, String, Vec<String>)>,
}

/// One described operation.
#[derive(Clone, Copy)]
pub struct Operation<'d> {
    /// Its method, in capitals.
    pub method: &'d str,
    /// Its path below `/1.0`, with names in braces.
    pub path: &'d str,
    /// Its entry.
    pub entry: &'d Value,
}

impl Operation<'_> {
    /// Its operationId.
    #[track_caller]
    pub fn id(&self) -> &str {
        self.entry["operationId"].as_str().expect("an operationId")
    }
}

impl Description {
    /// Asks a server for it.
    #[track_caller]
    pub fn of(address: SocketAddr) -> Description {
        let answer = Request::new("GET", "/openapi.json").send(address).expect("the description is served");
        let document = answer.json();
        let mut routes = Vec::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            let parts: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
            let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase());
            routes.extend(methods.map(|method| (method, path.clone(), parts.clone())));
        }
        Description { document, routes }
    }

    /// The one that all servers of this process publish, asked for once.
    fn shared(address: SocketAddr) -> &'static Description {
        static SHARED: OnceLock<Description> = OnceLock::new();
        SHARED.get_or_init(|| Description::of(address))
    }

    /// The document.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Every operation that answers and is done, in the document's order. Streams have no end to wait for: what is asked
    /// of every operation here, `stories/stream/` asks of them.
    pub fn operations(&self) -> Vec<Operation<'_>> {
        let all = self.routes.iter().map(|(method, path, _)| self.at(method, path));
        all.filter(|operation| operation.entry["responses"]["200"]["content"]["text/event-stream"].is_null()).collect()
    }

    fn at<'d>(&'d self, method: &'d str, path: &'d str) -> Operation<'d> {
        Operation { method, path, entry: &self.document["paths"][path][method.to_lowercase()] }
    }

    /// The operation that a target leads to; literal words win over names in braces.
    fn operation(&self, method: &str, target: &str) -> Option<Operation<'_>> {
        let path = target.split(['?', '#']).next()?.strip_prefix("/1.0/")?;
        let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
        let fits = |parts: &[String]| {
            parts.len() == words.len()
                && parts.iter().zip(&words).all(|(part, word)| part.starts_with('{') || part == word)
        };
        let candidates = self.routes.iter().filter(|(known, _, parts)| known == method && fits(parts));
        let (method, path, _) = candidates.min_by_key(|(_, path, _)| path.matches('{').count())?;
        Some(self.at(method, path))
    }

    /// What is wrong with an answer; none when it is as described.
    pub fn fault(&self, request: &Request, answer: &Answer) -> Option<String> {
        if !request.target.starts_with("/1.0/") {
            return None;
        }
        if answer.header("content-type") != Some("application/json; charset=utf-8") {
            return Some(format!("the media type is {:?}", answer.header("content-type")));
        }
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
            return Some("the body is no JSON".into());
        };
        let Some(operation) = self.operation(&request.method, &request.target) else {
            let refused = matches!(answer.status, 400 | 401 | 404 | 405 | 413 | 429);
            return if refused {
                self.check(&body, "/components/schemas/Error")
            } else {
                Some("nothing describes it".into())
            };
        };
        let response = &operation.entry["responses"][answer.status.to_string()];
        let Some(schema) = self.resolve(response).pointer("/content/application~1json/schema") else {
            return Some(format!("{}: the status {} is not described", operation.id(), answer.status));
        };
        // What is ours may say more than the schemas that it shares with documented answers.
        let own = answer.status < 300 && (operation.entry[OURS] == true || asks_for_more(request));
        self.mismatch(schema, &body, own).map(|fault| format!("{}: {fault}", operation.id()))
    }

    fn check(&self, body: &Value, pointer: &str) -> Option<String> {
        self.mismatch(self.document.pointer(pointer)?, body, false)
    }

    fn resolve<'d>(&'d self, schema: &'d Value) -> &'d Value {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => self
                .document
                .pointer(reference.trim_start_matches('#'))
                .unwrap_or_else(|| panic!("{reference} leads nowhere")),
            None => schema,
        }
    }

    /// The first place where a value is not as its schema says. `own` lets properties of ours pass.
    fn mismatch(&self, schema: &Value, value: &Value, own: bool) -> Option<String> {
        let Some(keywords) = schema.as_object() else {
            return (schema == false).then(|| "nothing may stand here".into());
        };
        keywords.iter().find_map(|(keyword, told)| self.broken(keywords, keyword, told, value, own))
    }

    fn broken(
        &self,
        all: &Map<String, Value>,
        keyword: &str,
        told: &Value,
        value: &Value,
        own: bool,
    ) -> Option<String> {
        let variants = || told.as_array().into_iter().flatten();
        let is = |fine: bool| (!fine).then(|| format!("{value} is not {keyword} {told}"));
        let bound = |fine: fn(f64, f64) -> bool| {
            is(value.as_f64().is_none_or(|number| fine(number, told.as_f64().unwrap_or(0.0))))
        };
        let size = |size: Option<usize>, fine: fn(u64, u64) -> bool| {
            is(size.is_none_or(|size| fine(size as u64, told.as_u64().unwrap_or(0))))
        };
        let characters = value.as_str().map(|text| text.chars().count());
        let elements = value.as_array().map(Vec::len);
        match keyword {
            "$ref" => self.mismatch(self.resolve(&Value::Object(all.clone())), value, own),
            "type" => is(match told {
                Value::String(kind) => is_a(value, kind),
                kinds => kinds
                    .as_array()
                    .is_some_and(|kinds| kinds.iter().any(|kind| is_a(value, kind.as_str().unwrap_or("")))),
            }),
            "enum" => is(variants().any(|known| known == value)),
            "const" => is(told == value),
            "anyOf" | "oneOf" => {
                let faults: Vec<String> = variants().map_while(|variant| self.mismatch(variant, value, own)).collect();
                (faults.len() == variants().count()).then(|| faults.join(", and "))
            }
            "allOf" => variants().find_map(|part| self.mismatch(part, value, own)),
            "required" => variants().filter_map(Value::as_str).find_map(|name| {
                value.is_object().then(|| value.get(name).is_none().then(|| format!("{name} is missing")))?
            }),
            "properties" => self.properties(all, told, value, own),
            "additionalProperties" => {
                let known = |name: &str| all.get("properties").is_some_and(|properties| properties.get(name).is_some());
                value
                    .as_object()?
                    .iter()
                    .filter(|(name, _)| !known(name))
                    .find_map(|(name, value)| Some(format!("{name}: {}", self.mismatch(told, value, own)?)))
            }
            "items" => value
                .as_array()?
                .iter()
                .enumerate()
                .find_map(|(at, value)| Some(format!("[{at}]: {}", self.mismatch(told, value, own)?))),
            "format" => match told.as_str() {
                Some("date-time") => is(value.as_str().is_none_or(is_time)),
                Some(
                    "int64" | "uint64" | "uint" | "uint32" | "uint16" | "uint8" | "int32" | "double" | "float" | "uri"
                    | "binary",
                ) => None,
                _ => panic!("a format that no answer has had so far: {told}"),
            },
            "pattern" => match told.as_str() {
                Some("^[0-9a-f]{24}$") => is(value.as_str().is_none_or(is_id)),
                _ => panic!("a pattern that no answer has had so far: {told}"),
            },
            "minimum" => bound(|number, bound| number >= bound),
            "maximum" => bound(|number, bound| number <= bound),
            "minLength" => size(characters, |size, bound| size >= bound),
            "maxLength" => size(characters, |size, bound| size <= bound),
            "minItems" => size(elements, |size, bound| size >= bound),
            "maxItems" => size(elements, |size, bound| size <= bound),
            "description" | "title" | "default" | "examples" | OURS => None,
            _ => panic!("a keyword that no answer has had so far: {keyword}"),
        }
    }

    fn properties(&self, all: &Map<String, Value>, told: &Value, value: &Value, own: bool) -> Option<String> {
        // An object that also takes free keys does so for what is ours only.
        let free = own || all.get("additionalProperties").is_some_and(Value::is_object);
        value.as_object()?.iter().find_map(|(name, value)| match told.get(name) {
            None => (!free).then(|| format!("{name} is not described")),
            Some(schema) if schema[OURS] == true && !own => Some(format!("{name} is ours and was not asked for")),
            Some(schema) => Some(format!("{name}: {}", self.mismatch(schema, value, own)?)),
        })
    }
}

/// Fails the story when an answer is not as the server describes it.
#[track_caller]
pub fn check(address: SocketAddr, request: &Request, answer: &Answer) {
    if let Some(fault) = Description::shared(address).fault(request, answer) {
        panic!("{} {} answers {} {}: {fault}", request.method, request.target, answer.status, answer.text());
    }
}

fn asks_for_more(request: &Request) -> bool {
    let word = b"extended";
    request.target.contains("extended") || request.body.windows(word.len()).any(|bytes| bytes == word)
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("a type that no answer has had so far: {kind}"),
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// `2012-05-21T01:15:28Z`, and no other spelling: some clients read nothing else.
fn is_time(text: &str) -> bool {
    let shape = "dddd-dd-ddTdd:dd:ddZ";
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, is)| if is == b'd' { byte.is_ascii_digit() } else { byte == is })
}
