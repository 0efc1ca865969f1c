//! What an OpenAPI document says, brought down to the facts that two documents can be compared by: operations, names,
//! types, values.

use serde_json::{Map, Value, json};

use frontdesk_tests::description::OURS;

/// Facts of a document: `operations` by id, and `schemas` by name, property by property. A type is a word such as
/// `string`, a list of one type, an object of types, or `#Name` for a schema; `string: a|b` has these values only.
pub(super) fn facts(document: &Value) -> Value {
    let mut operations = Map::new();
    for (path, item) in members(&document["paths"]) {
        for (method, entry) in members(item) {
            operations
                .insert(entry["operationId"].as_str().expect(path).into(), operation(document, path, method, entry));
        }
    }
    let schemas = members(&document["components"]["schemas"]);
    let schemas = schemas.map(|(name, schema)| (name.clone(), kind(schema))).collect::<Map<_, _>>();
    json!({ "operations": operations, "schemas": schemas })
}

/// Facts as text: one line for each operation and schema, in alphabetical order.
pub(super) fn text(facts: &Value) -> String {
    let mut lines = Vec::new();
    for part in ["operations", "schemas"] {
        let mut entries: Vec<String> =
            members(&facts[part]).map(|(name, entry)| format!("{}: {entry}", json!(name))).collect();
        entries.sort_unstable();
        lines.push(format!("\"{part}\": {{\n{}\n}}", entries.join(",\n")));
    }
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).expect(reference),
        None => value,
    }
}

fn operation(document: &Value, path: &str, method: &str, entry: &Value) -> Value {
    let mut parameters = Map::new();
    let mut required = Vec::new();
    for parameter in entry["parameters"].as_array().into_iter().flatten().map(|one| resolve(document, one)) {
        // Headers and what every operation takes are described once, for all.
        let shared = parameter["in"] == "header"
            || matches!(parameter["name"].as_str(), Some("impersonated_user_id" | "extended"));
        if parameter["in"] == "path" || shared {
            continue;
        }
        let name = parameter["name"].as_str().expect("a name");
        parameters.insert(name.into(), kind(&parameter["schema"]));
        if parameter["required"] == true {
            required.push(name);
        }
    }
    let content = &entry["requestBody"]["content"];
    let carriers =
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data:"];
    if let Some(body) = carriers.iter().find_map(|carrier| content.get(carrier)) {
        let schema = resolve(document, &body["schema"]);
        parameters.extend(members(&schema["properties"]).map(|(name, schema)| (name.clone(), kind(schema))));
        required.extend(schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
    }
    let (status, response) = members(&entry["responses"]).find(|(status, _)| status.starts_with('2')).expect(path);
    let answer = kind(&resolve(document, response)["content"]["application/json"]["schema"]);
    let mut told = json!({
        "method": method, "path": path, "parameters": parameters, "required": required, "status": status, "answer": answer,
    });
    let mut refusals: Vec<&String> = members(&entry["responses"]).map(|(status, _)| status).collect();
    refusals.retain(|status| status.starts_with('4'));
    refusals.sort_unstable();
    if !refusals.is_empty() {
        told["refusals"] = json!(refusals);
    }
    if entry[OURS] == true {
        told[OURS] = true.into();
    }
    told
}

/// The type that a schema describes, null aside.
fn kind(schema: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return format!("#{}", reference.rsplit('/').next().unwrap_or_default()).into();
    }
    for several in ["anyOf", "oneOf"] {
        let variants: Vec<&Value> =
            schema[several].as_array().into_iter().flatten().filter(|variant| variant["type"] != "null").collect();
        if variants.iter().any(|variant| variant.get("const").is_some() || variant.get("enum").is_some()) {
            let of = |variant: &Value| {
                variant
                    .get("const")
                    .map_or_else(|| variant["enum"].as_array().cloned().unwrap_or_default(), |one| vec![one.clone()])
            };
            return limited("string", &variants.into_iter().flat_map(of).collect::<Vec<_>>());
        }
        match variants[..] {
            [] => {}
            [only] => return kind(only),
            _ => return "any".into(),
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return json!({ "allOf": parts.iter().map(kind).collect::<Vec<_>>() });
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().find(|one| *one != "null").and_then(Value::as_str),
        one => one.as_str().or(schema["format"].as_str()),
    };
    let has_properties = schema.get("properties").is_some();
    match types {
        Some("array") => json!([kind(&schema["items"])]),
        Some("object") | None if has_properties => {
            let ours = |property: &Value| property[OURS] == true;
            let properties = members(&schema["properties"]).filter(|(_, property)| !ours(property));
            properties.map(|(name, property)| (name.clone(), kind(property))).collect::<Map<_, _>>().into()
        }
        Some("object") => "hash".into(),
        None if schema.get("additionalProperties").is_some() => "hash".into(),
        Some("string") if schema["format"] == "date-time" => "time".into(),
        Some(word) => limited(word, schema["enum"].as_array().map_or(&[], Vec::as_slice)),
        None if schema.get("enum").is_some() => limited("string", schema["enum"].as_array().map_or(&[], Vec::as_slice)),
        None => "any".into(),
    }
}

fn limited(word: &str, values: &[Value]) -> Value {
    let mut values: Vec<String> = values
        .iter()
        .filter(|value| !value.is_null())
        .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        .collect();
    values.sort_unstable();
    if values.is_empty() { word.into() } else { format!("{word}: {}", values.join("|")).into() }
}

/// YAML as JSON. Of YAML's kinds of scalars only those that JSON has too are expected.
pub(super) fn from_yaml(yaml: &yaml_rust2::Yaml) -> Value {
    use yaml_rust2::Yaml;
    match yaml {
        Yaml::Real(number) => number.parse::<f64>().expect("a number").into(),
        Yaml::Integer(number) => (*number).into(),
        Yaml::String(text) => text.as_str().into(),
        Yaml::Boolean(flag) => (*flag).into(),
        Yaml::Array(list) => list.iter().map(from_yaml).collect::<Vec<_>>().into(),
        Yaml::Hash(hash) => {
            let name = |key: &Yaml| match key {
                Yaml::Integer(number) => number.to_string(),
                key => key.as_str().expect("a name").to_owned(),
            };
            hash.iter().map(|(key, value)| (name(key), from_yaml(value))).collect::<Map<_, _>>().into()
        }
        Yaml::Null => Value::Null,
        Yaml::Alias(_) | Yaml::BadValue => panic!("{yaml:?}"),
    }
}
