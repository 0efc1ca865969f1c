//! The OpenAPI 3.1 document of a table.

use std::collections::BTreeSet;

use axum::http::Method;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::operation::{Kind, Operation, path_parameters};

/// Marks what is Frontdesk's own in the document: an operation, or a property that `extended=true` adds to an answer.
pub const OURS: &str = "x-frontdesk-extension";

const INTRODUCTION: &str = "\
Parameters travel in the query string, in a form (`application/x-www-form-urlencoded` or `multipart/form-data`) or in \
JSON; the body wins over the query string. In forms and queries a list is written `name[]=a&name[]=b` and a hash \
`name[key]=value`; in JSON both are written as JSON. Unknown parameters are ignored.\n\n\
Lists answer `{count, offset, limit, records}`. Ids are 24 hex digits, times are UTC. Operations marked as extensions \
are Frontdesk's own and not part of the platform's published API; properties marked so appear on `extended=true`.";

/// The refusals that every operation shares: status, component name, meaning.
const REFUSALS: [(u16, &str, &str); 9] = [
    (400, "BadRequest", "A parameter cannot be read, or acting as another user is not allowed."),
    (401, "Unauthorized", "There is no access token, or it is unknown or disabled."),
    (403, "Forbidden", "The role or the rights on the source do not allow this, or the object's state forbids it."),
    (404, "NotFound", "There is no such object, or you may not read it."),
    (409, "Conflict", "The same thing is in progress, or exists already."),
    (413, "TooLarge", "The request has more bytes than the server takes."),
    (422, "Invalid", "Some attributes are missing or not valid; `errors` names each of them."),
    (429, "RateLimited", "Too many requests in a minute with this token; `Retry-After` says when to try again."),
    (503, "Unavailable", "The server cannot serve this now; `Retry-After` says when to try again."),
];

/// Describes a table. `public_url` is where the server is reached, without a slash at its end; empty gives relative
/// addresses.
pub fn openapi(operations: &[Operation], public_url: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut document = Document { generator: settings.into_generator(), schemas: Map::new(), paths: Map::new() };
    let mut tags = Vec::new();
    for operation in operations {
        let tag = json!({ "name": operation.tag });
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        document.add(operation);
    }
    document.schemas.extend(document.generator.take_definitions(true));
    document.schemas.insert("Error".into(), error_schema());
    let responses: Map<String, Value> =
        REFUSALS.iter().map(|(status, name, text)| ((*name).into(), refusal(*status, text))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Frontdesk API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": format!("{public_url}/1.0") }],
        "security": [{ "bearer": [] }, { "parameter": [] }],
        "tags": tags,
        "paths": document.paths,
        "components": {
            "schemas": document.schemas,
            "responses": responses,
            "parameters": shared_parameters(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "parameter": { "type": "apiKey", "in": "query", "name": "access_token" },
            },
        },
    })
}

struct Document {
    generator: SchemaGenerator,
    schemas: Map<String, Value>,
    paths: Map<String, Value>,
}

impl Document {
    fn add(&mut self, operation: &Operation) {
        let answer = self.answer(operation);
        let own = (operation.method.clone(), operation.path);
        let mut ids = BTreeSet::new();
        for (method, path) in std::iter::once(own).chain(operation.aliases.iter().cloned()) {
            let mut id = operation.id.to_owned();
            while !ids.insert(id.clone()) {
                id = format!("{id}By{}", capitalised(&method.as_str().to_ascii_lowercase()));
            }
            let described = self.operation(operation, &id, &method, path, &answer);
            let item = self.paths.entry(path).or_insert_with(|| json!({}));
            item[method.as_str().to_ascii_lowercase()] = described;
        }
    }

    /// The schema of an answer. One without a name of its own, such as a page, is named after the operation.
    fn answer(&mut self, operation: &Operation) -> Value {
        let schema = Value::from(operation.answer(&mut self.generator));
        if schema.get("$ref").is_some() {
            return schema;
        }
        let name = format!("{}Response", capitalised(operation.id));
        self.schemas.insert(name.clone(), schema);
        reference("schemas", &name)
    }

    fn operation(
        &mut self,
        operation: &Operation,
        id: &str,
        method: &Method,
        path: &'static str,
        answer: &Value,
    ) -> Value {
        let writes = matches!(operation.kind, Kind::Write | Kind::Upload);
        let has_body = matches!(*method, Method::POST | Method::PUT);
        let mut parameters: Vec<Value> = path_parameters(path).map(path_parameter).collect();
        if !has_body {
            parameters.extend(query_parameters(operation.parameters()));
        }
        parameters.extend(["impersonated_user_id", "extended"].map(|name| reference("parameters", name)));
        if *method == Method::POST && writes && operation.is_kept {
            parameters.push(reference("parameters", "IdempotencyKey"));
        }
        let mut responses = Map::new();
        if operation.kind == Kind::Stream {
            let events = json!({ "description": "Messages without an end, each of this shape.",
                "content": { "text/event-stream": { "schema": answer } } });
            responses.insert("200".into(), events);
            let upgraded = "The same messages as texts of a WebSocket, for whoever asks to upgrade to one.";
            responses.insert("101".into(), json!({ "description": upgraded }));
            parameters.push(reference("parameters", "LastEventId"));
        } else {
            responses.insert(
                operation.success.as_str().into(),
                json!({ "description": "Done.", "content": { "application/json": { "schema": answer } } }),
            );
        }
        for (status, name, _) in REFUSALS {
            if writes || has_body || !matches!(status, 409 | 413) {
                responses.insert(status.to_string(), reference("responses", name));
            }
        }
        let permissions: Vec<_> = operation.permissions.iter().map(|permission| permission.name()).collect();
        let mut described = json!({
            "operationId": id,
            "tags": [operation.tag],
            "summary": operation.summary,
            "description": description(operation.notes, &permissions),
            "parameters": parameters,
            "responses": responses,
            "x-permissions": permissions,
        });
        if has_body && let Some(body) = self.body(operation) {
            described["requestBody"] = body;
        }
        if operation.extension {
            described[OURS] = json!(true);
        }
        described
    }

    fn body(&mut self, operation: &Operation) -> Option<Value> {
        let schema = operation.parameters();
        let upload = operation.kind == Kind::Upload;
        if !upload && properties(schema).next().is_none() && others(schema).is_none() {
            return None;
        }
        let name = format!("{}Parameters", capitalised(operation.id));
        self.schemas.insert(name.clone(), schema.clone());
        let required = upload || schema.get("required").is_some();
        let (form, encoding) = form_schema(schema, upload);
        let form = json!({ "schema": form, "encoding": encoding });
        let content = if upload {
            json!({ "multipart/form-data": form })
        } else {
            json!({
                "application/x-www-form-urlencoded": form,
                "application/json": { "schema": reference("schemas", &name) },
                "multipart/form-data": form,
            })
        };
        Some(json!({ "required": required, "content": content }))
    }
}

fn description(notes: &str, permissions: &[&str]) -> String {
    let names: Vec<_> = permissions.iter().map(|name| format!("`{name}`")).collect();
    let needs = match names.len() {
        0 => String::new(),
        1 => format!("Needs the permission {}.", names[0]),
        _ => format!("Needs one of the permissions {}.", names.join(", ")),
    };
    [notes, &needs].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("\n\n")
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// What parameters of free names are.
fn others(schema: &Value) -> Option<&Value> {
    schema.get("additionalProperties").filter(|others| others.is_object())
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema.get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|known| known == name))
}

/// Whether a value may be of this type; `Option` makes several of one.
fn may_be(schema: &Value, kind: &str) -> bool {
    let variants = ["anyOf", "oneOf"].iter().filter_map(|name| schema.get(name)?.as_array()).flatten();
    match schema.get("type") {
        Some(Value::String(only)) => only == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => variants.into_iter().any(|variant| may_be(variant, kind)),
    }
}

fn path_parameter(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
}

fn query_parameters(schema: &Value) -> Vec<Value> {
    let parameter = |(name, property): (&String, &Value)| {
        let mut property = property.clone();
        let description = property.as_object_mut().and_then(|property| property.remove("description"));
        let description = description.unwrap_or_else(|| Value::from(""));
        let (name_on_wire, style) = if may_be(&property, "array") {
            (format!("{name}[]"), "form")
        } else if may_be(&property, "object") {
            (name.clone(), "deepObject")
        } else {
            (name.clone(), "form")
        };
        let required = is_required(schema, name);
        json!({
            "name": name_on_wire, "in": "query", "required": required, "style": style, "explode": true,
            "description": description, "schema": property,
        })
    };
    properties(schema).map(parameter).collect()
}

/// The schema of a form, whose lists carry brackets, and how its hashes are written.
fn form_schema(schema: &Value, upload: bool) -> (Value, Value) {
    let mut form = Map::new();
    let mut encoding = Map::new();
    let mut required = Vec::new();
    if upload {
        form.insert("file".into(), json!({ "type": "string", "format": "binary", "description": "The file." }));
        required.push("file".to_owned());
    }
    for (name, property) in properties(schema) {
        let name_on_wire = if may_be(property, "array") { format!("{name}[]") } else { name.clone() };
        if may_be(property, "object") && !may_be(property, "array") {
            encoding.insert(name_on_wire.clone(), json!({ "style": "deepObject", "explode": true }));
        }
        if is_required(schema, name) {
            required.push(name_on_wire.clone());
        }
        form.insert(name_on_wire, property.clone());
    }
    let mut described = json!({ "type": "object", "properties": form, "required": required });
    if let Some(others) = others(schema) {
        described["additionalProperties"] = others.clone();
    }
    (described, Value::Object(encoding))
}

fn shared_parameters() -> Value {
    json!({
        "impersonated_user_id": {
            "name": "impersonated_user_id", "in": "query", "schema": { "type": "string" },
            "description": "Act as this user; needs the permission `impersonate_user`.",
        },
        "extended": {
            "name": "extended", "in": "query", "schema": { "type": "boolean" },
            "description": "Add the properties that are Frontdesk's own to the answer.",
        },
        "LastEventId": {
            "name": "Last-Event-ID", "in": "header", "schema": { "type": "integer", "format": "int64" },
            "description": "The `seq` after which to go on: browsers that come back send it. It wins over `after`.",
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "maxLength": crate::KEY_CHARACTERS_MAX },
            "description": "A text of your choice, new for every request: sent again within 24 hours, the request is not \
                run again and its answer is repeated.",
        },
    })
}

fn error_schema() -> Value {
    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    struct ErrorBody {
        /// A stable identifier, such as `not_found`.
        error: String,
        /// What is wrong and what to change.
        message: String,
        /// The HTTP status.
        status: u16,
        /// On 422: what is wrong, attribute by attribute.
        #[serde(default)]
        errors: Vec<frontdesk_model::error::AttributeError>,
    }
    crate::operation::parameter_schema::<ErrorBody>()
}

fn refusal(status: u16, text: &str) -> Value {
    let mut response = json!({
        "description": text,
        "content": { "application/json": { "schema": reference("schemas", "Error") } },
    });
    if matches!(status, 429 | 503) {
        response["headers"] =
            json!({ "Retry-After": { "schema": { "type": "integer" }, "description": "Seconds to wait." } });
    }
    response
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashMap;

    use frontdesk_model::{Id, Permission, Timestamp};
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{NoParameters, Page, Paging, faults, list};

    #[derive(Serialize, JsonSchema)]
    struct Shell {
        /// Its id.
        id: Id,
        /// Its colour.
        colour: Option<Colour>,
        /// When it was found.
        created_at: Timestamp,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        /// As milk.
        White,
        Pink,
    }

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    struct ListShells {
        /// Only shells from these beaches.
        #[serde(default)]
        beach_ids: Vec<Id>,
        /// What to look for, such as `colour:pink order:created_at.desc`.
        q: Option<String>,
        /// Only shells of this colour.
        colour: Option<Colour>,
        #[serde(flatten)]
        paging: Paging,
    }

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    struct CreateShell {
        /// What it is called.
        #[schemars(length(max = 100))]
        name: String,
        /// The tags it carries.
        tag_ids: Option<Vec<Id>>,
        /// Free fields.
        custom_fields: Option<HashMap<String, Vec<String>>>,
        /// Its weight in grams.
        #[schemars(range(min = 1, max = 1000))]
        weight: Option<i64>,
        /// Whether others may see it.
        #[serde(default)]
        public: bool,
        colour: Option<Colour>,
    }

    /// A table of every kind of operation, made up for tests.
    pub(crate) fn shells() -> Vec<Operation> {
        let shell = || Shell { id: Id::default(), colour: None, created_at: Timestamp::default() };
        vec![
            Operation::read("getAllShells", Method::GET, "/shells", |_, list: ListShells, _| {
                Ok(Page::<Shell>::new(0, list.paging, Vec::new()))
            })
            .tag("Shells")
            .summary("List shells")
            .notes("Newest first."),
            Operation::write("createShell", Method::POST, "/shells", move |_, _: CreateShell, _| Ok(shell()))
                .tag("Shells")
                .summary("Create a shell")
                .permissions(&[Permission::ManageCategories, Permission::ManageFolders]),
            Operation::read("getShell", Method::GET, "/shells/{shellId}", move |call, _: NoParameters, _| {
                call.id("shellId", "shell").map(|_| shell())
            })
            .tag("Shells")
            .summary("Read a shell"),
            Operation::write("openShell", Method::GET, "/shells/{shellId}/open", move |_, _: NoParameters, _| {
                Ok(shell())
            })
            .alias(Method::PUT, "/shells/{shellId}/open")
            .tag("Shells")
            .summary("Open a shell")
            .permissions(&[Permission::ManageChat])
            .extension(),
            Operation::upload("createPicture", Method::POST, "/pictures", move |_, _: NoParameters, _| Ok(shell()))
                .tag("Pictures")
                .summary("Upload a picture")
                .created(),
        ]
    }

    #[test]
    fn undocumented_and_doubled_operations_are_told() {
        assert_eq!(faults(&shells()), ["createShell: the parameter colour has no doc comment"]);
        let mut twice = shells();
        twice.push(Operation::read("getShell", Method::GET, "/shells/{id}", |_, _: NoParameters, _| Ok(1)));
        assert_eq!(
            faults(&twice)[1..],
            [
                "getShell: the id is used twice",
                "getShell: has no tag or no summary",
                "getShell: GET /shells/{id} is taken"
            ]
        );
    }

    #[test]
    fn the_table_is_listed_line_by_line() {
        let text = list(&shells());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0], "GET    /shells                 getAllShells");
        assert!(lines[1].ends_with("manage_categories | manage_folders"));
        assert!(lines[4].starts_with("PUT    /shells/{shellId}/open") && lines[4].contains("extension"));
    }

    #[test]
    fn the_document_describes_every_operation_once() {
        let document = openapi(&shells(), "https://desk.example.com");
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["servers"][0]["url"], "https://desk.example.com/1.0");
        let mut ids: Vec<&str> = Vec::new();
        for item in document["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                ids.push(operation["operationId"].as_str().unwrap());
                for status in ["400", "401", "403", "404", "422", "429", "503"] {
                    assert!(operation["responses"][status]["$ref"].is_string(), "{operation}");
                }
            }
        }
        ids.sort_unstable();
        assert_eq!(ids, ["createPicture", "createShell", "getAllShells", "getShell", "openShell", "openShellByPut"]);
    }

    #[test]
    fn lists_and_hashes_carry_brackets_in_queries_and_forms() {
        let document = openapi(&shells(), "");
        let parameters = document["paths"]["/shells"]["get"]["parameters"].as_array().unwrap();
        let names: Vec<_> = parameters.iter().filter_map(|parameter| parameter["name"].as_str()).collect();
        assert_eq!(names, ["beach_ids[]", "q", "colour", "offset", "limit"]);
        let content = &document["paths"]["/shells"]["post"]["requestBody"]["content"];
        let form = &content["application/x-www-form-urlencoded"];
        assert!(form["schema"]["properties"]["tag_ids[]"].is_object());
        assert_eq!(form["encoding"]["custom_fields"]["style"], "deepObject");
        assert_eq!(form["schema"]["required"], json!(["name"]));
        assert_eq!(content["application/json"]["schema"]["$ref"], "#/components/schemas/CreateShellParameters");
        let upload = &document["paths"]["/pictures"]["post"];
        assert_eq!(upload["requestBody"]["content"]["multipart/form-data"]["schema"]["required"], json!(["file"]));
        assert!(upload["responses"]["201"].is_object());
    }

    #[test]
    fn permissions_extensions_and_answers_are_named() {
        let document = openapi(&shells(), "");
        let create = &document["paths"]["/shells"]["post"];
        assert_eq!(create["description"], "Needs one of the permissions `manage_categories`, `manage_folders`.");
        let open = &document["paths"]["/shells/{shellId}/open"]["put"];
        assert_eq!(open["x-frontdesk-extension"], true);
        let schemas = &document["components"]["schemas"];
        assert_eq!(
            schemas["GetAllShellsResponse"]["properties"]["records"]["items"]["$ref"],
            "#/components/schemas/Shell"
        );
        assert!(schemas["Shell"]["properties"]["colour"].is_object());
    }

    /// Every `$ref` of the document leads somewhere.
    #[test]
    fn references_hold() {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(map) => {
                    found.extend(map.get("$ref").and_then(Value::as_str));
                    map.values().for_each(|value| references(value, found));
                }
                Value::Array(list) => list.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = openapi(&shells(), "");
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20);
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }
}
