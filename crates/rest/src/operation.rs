//! One row of the operation table: what REST serves, and everything that is derived from it.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{Method, StatusCode};
use frontdesk_model::{Env, Permission, Result, error};
use frontdesk_store::Tx;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::call::Call;
use crate::parameters::Record;
use crate::stream::{Feed, Reader};

/// The parameters of an operation that has none beyond its path.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct NoParameters {}

/// How an operation runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// In a read-only transaction.
    Read,
    /// In a transaction that may write.
    Write,
    /// As [`Kind::Write`], after the request's `file` part has been received.
    Upload,
    /// Begins in a read-only transaction; its answer has no end.
    Stream,
}

/// Slow work before the transaction.
#[derive(Clone, Copy)]
pub(crate) struct Prepare {
    /// The parameter that it is about.
    pub(crate) parameter: &'static str,
    /// What is worked on: the parameter itself if there is none.
    pub(crate) gather: Option<Gather>,
    pub(crate) work: fn(&Env, &str) -> Result<String>,
}

/// Makes of a parameter and of what the store holds what there is to work on.
pub(crate) type Gather = fn(&Call, &str, &mut dyn Tx) -> Result<String>;
/// Whether an answer that was kept may be told to the caller again.
pub(crate) type Replay = fn(&Call, &Value, &mut dyn Tx) -> Result<()>;
/// Begins a stream.
pub(crate) type Open =
    Box<dyn Fn(&Call, Reader, &Map<String, Value>, &mut dyn Tx) -> Result<Box<dyn Feed>> + Send + Sync>;
pub(crate) type Run = Box<dyn Fn(&Call, &Map<String, Value>, &mut dyn Tx) -> Result<Vec<u8>> + Send + Sync>;

/// One operation. Routing, coercion, permission checks and the OpenAPI document all come from here.
pub struct Operation {
    /// The operationId of the public API description, such as `getThread`; unique.
    pub id: &'static str,
    /// GET, POST, PUT or DELETE.
    pub method: Method,
    /// Below `/1.0`, such as `/content_threads/{threadId}`.
    pub path: &'static str,
    /// Other methods and paths that run the same.
    pub aliases: Vec<(Method, &'static str)>,
    /// The heading under which the documentation shows it.
    pub tag: &'static str,
    /// One line, without a full stop.
    pub summary: &'static str,
    /// What the summary does not say: states, side effects, refusals.
    pub notes: &'static str,
    /// The caller's role needs any one of these; empty: any token may.
    pub permissions: &'static [Permission],
    /// Whether it is Frontdesk's own and not part of the public API description.
    pub extension: bool,
    /// 200, or 201 for the one operation that is documented so.
    pub success: StatusCode,
    /// How it runs.
    pub kind: Kind,
    schema: Value,
    answer: fn(&mut SchemaGenerator) -> Schema,
    pub(crate) record: Record,
    pub(crate) prepare: Option<Prepare>,
    pub(crate) replay: Option<Replay>,
    pub(crate) is_kept: bool,
    pub(crate) run: Run,
    /// Set in streams, and only there.
    pub(crate) open: Option<Open>,
}

impl Operation {
    /// An operation that only reads. `P` names its parameters, path excepted; its doc comments document them. `handler`
    /// may run more than once, so it must not act outside its transaction.
    pub fn read<P, A>(
        id: &'static str,
        method: Method,
        path: &'static str,
        handler: impl Fn(&Call, P, &mut dyn Tx) -> Result<A> + Send + Sync + 'static,
    ) -> Operation
    where
        P: DeserializeOwned + JsonSchema,
        A: Serialize + JsonSchema,
    {
        Operation::new(Kind::Read, id, method, path, handler)
    }

    /// An operation that may write: as [`Operation::read`], in a writing transaction. POST takes an `Idempotency-Key`.
    pub fn write<P, A>(
        id: &'static str,
        method: Method,
        path: &'static str,
        handler: impl Fn(&Call, P, &mut dyn Tx) -> Result<A> + Send + Sync + 'static,
    ) -> Operation
    where
        P: DeserializeOwned + JsonSchema,
        A: Serialize + JsonSchema,
    {
        Operation::new(Kind::Write, id, method, path, handler)
    }

    /// An operation that takes a file: as [`Operation::write`], with [`Call::upload`] set.
    pub fn upload<P, A>(
        id: &'static str,
        method: Method,
        path: &'static str,
        handler: impl Fn(&Call, P, &mut dyn Tx) -> Result<A> + Send + Sync + 'static,
    ) -> Operation
    where
        P: DeserializeOwned + JsonSchema,
        A: Serialize + JsonSchema,
    {
        Operation::new(Kind::Upload, id, method, path, handler)
    }

    /// An operation whose answer has no end: server-sent events, or a WebSocket for whoever asks to upgrade to one. `M` is
    /// what its messages look like. A parameter `after` is the place after which it goes on; browsers that come back give
    /// it in the header `Last-Event-ID`.
    pub fn stream<P, M>(
        id: &'static str,
        path: &'static str,
        handler: impl Fn(&Call, Reader, P, &mut dyn Tx) -> Result<Box<dyn Feed>> + Send + Sync + 'static,
    ) -> Operation
    where
        P: DeserializeOwned + JsonSchema,
        M: Serialize + JsonSchema,
    {
        let no_answer = |_: &Call, _: P, _: &mut dyn Tx| Err::<M, _>(error::broken("a stream has no end"));
        let open: Open = Box::new(move |call, reader, values, tx| handler(call, reader, parameters(values)?, tx));
        Operation { open: Some(open), ..Operation::new(Kind::Stream, id, Method::GET, path, no_answer) }
    }

    /// Runs it within a transaction that is open already, with parameters of the declared types; returns the JSON of its
    /// answer. The permissions of the operation's row are the caller's own business here.
    pub fn perform(&self, call: &Call, values: &Map<String, Value>, tx: &mut dyn Tx) -> Result<Vec<u8>> {
        (self.run)(call, values, tx)
    }

    fn new<P, A>(
        kind: Kind,
        id: &'static str,
        method: Method,
        path: &'static str,
        handler: impl Fn(&Call, P, &mut dyn Tx) -> Result<A> + Send + Sync + 'static,
    ) -> Operation
    where
        P: DeserializeOwned + JsonSchema,
        A: Serialize + JsonSchema,
    {
        // The next answer will be about as long as the last one: making room at once spares copying it as it grows.
        let last_bytes = AtomicUsize::new(0);
        let run: Run = Box::new(move |call, values, tx| {
            let answer = handler(call, parameters(values)?, tx)?;
            let mut bytes = Vec::with_capacity(last_bytes.load(Ordering::Relaxed));
            sonic_rs::to_writer(&mut bytes, &answer)
                .map_err(|reason| error::broken(format!("an answer was not written: {reason}")))?;
            last_bytes.store(bytes.len(), Ordering::Relaxed);
            Ok(bytes)
        });
        let schema = parameter_schema::<P>();
        Operation {
            id,
            method,
            path,
            aliases: Vec::new(),
            tag: "",
            summary: "",
            notes: "",
            permissions: &[],
            extension: false,
            success: StatusCode::OK,
            kind,
            record: Record::of(&schema),
            schema,
            answer: |generator| generator.subschema_for::<A>(),
            prepare: None,
            replay: None,
            is_kept: true,
            run,
            open: None,
        }
    }

    /// Sets the heading, such as `Threads`.
    pub fn tag(self, tag: &'static str) -> Operation {
        Operation { tag, ..self }
    }

    /// Sets the line that says what it does.
    pub fn summary(self, summary: &'static str) -> Operation {
        Operation { summary, ..self }
    }

    /// Sets what the summary does not say.
    pub fn notes(self, notes: &'static str) -> Operation {
        Operation { notes, ..self }
    }

    /// Asks for any one of these permissions of the caller's role.
    pub fn permissions(self, permissions: &'static [Permission]) -> Operation {
        Operation { permissions, ..self }
    }

    /// Marks it as Frontdesk's own.
    pub fn extension(self) -> Operation {
        Operation { extension: true, ..self }
    }

    /// Answers 201 instead of 200.
    pub fn created(self) -> Operation {
        Operation { success: StatusCode::CREATED, ..self }
    }

    /// Does slow work on a parameter, such as hashing a password, where it is given: before the transaction, away from
    /// the threads that serve, and only for callers who may run the operation. Its result is [`Call::prepared`]. The
    /// parameter is taken for a secret.
    pub fn prepare(self, parameter: &'static str, work: fn(&Env, &str) -> Result<String>) -> Operation {
        Operation { prepare: Some(Prepare { parameter, gather: None, work }), ..self }
    }

    /// The same for work that needs more than the parameter: `gather` reads the rest in a transaction of its own. The
    /// handler has to see whether that still holds.
    pub fn prepare_from(
        self,
        parameter: &'static str,
        gather: fn(&Call, &str, &mut dyn Tx) -> Result<String>,
        work: fn(&Env, &str) -> Result<String>,
    ) -> Operation {
        Operation { prepare: Some(Prepare { parameter, gather: Some(gather), work }), ..self }
    }

    /// Asks, before an answer is told again that was kept for its `Idempotency-Key`, whether the caller may still see it.
    /// The permissions of the row are asked anyway.
    pub fn replay(self, may_see: fn(&Call, &Value, &mut dyn Tx) -> Result<()>) -> Operation {
        Operation { replay: Some(may_see), ..self }
    }

    /// Keeps no answers: it takes no `Idempotency-Key`, and does its work again. For what copies much that may be hidden
    /// or erased meanwhile.
    pub fn unkept(self) -> Operation {
        Operation { is_kept: false, ..self }
    }

    /// Serves it under another method or path as well. The parameters in the path must have the same names.
    pub fn alias(mut self, method: Method, path: &'static str) -> Operation {
        self.aliases.push((method, path));
        self
    }

    /// The JSON Schema of its parameters, path excepted; self-contained.
    pub fn parameters(&self) -> &Value {
        &self.schema
    }

    /// The JSON Schema of its answer; named types go to the generator's definitions.
    pub fn answer(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.answer)(generator)
    }
}

/// Coercion has left only what the struct's own checks refuse.
fn parameters<P: DeserializeOwned>(values: &Map<String, Value>) -> Result<P> {
    P::deserialize(values).map_err(|reason| error::bad_request(format!("{reason}.")))
}

/// The self-contained schema of a parameter struct, as it is read.
pub(crate) fn parameter_schema<P: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = Value::from(settings.into_generator().into_root_schema_for::<P>());
    if let Some(schema) = schema.as_object_mut() {
        // The struct's own name and comment say nothing to the reader of the API.
        schema.remove("title");
        schema.remove("description");
    }
    schema
}

/// The names between braces in a path, in order.
pub(crate) fn path_parameters(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// What is wrong with a table, one line each: undocumented rows or parameters, ids and routes used twice. Empty is good;
/// a test over the whole table asserts that.
pub fn faults(operations: &[Operation]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut ids = std::collections::HashSet::new();
    for operation in operations {
        let id = operation.id;
        if !ids.insert(id) {
            faults.push(format!("{id}: the id is used twice"));
        }
        if operation.tag.is_empty() || operation.summary.is_empty() {
            faults.push(format!("{id}: has no tag or no summary"));
        }
        let properties = operation.schema.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            if schema.get("description").is_none() {
                faults.push(format!("{id}: the parameter {name} has no doc comment"));
            }
        }
        let names: Vec<_> = path_parameters(operation.path).collect();
        for (_, path) in &operation.aliases {
            if path_parameters(path).collect::<Vec<_>>() != names {
                faults.push(format!("{id}: the alias {path} names other parameters"));
            }
        }
    }
    faults.extend(crate::routes::Routes::new(operations).1);
    faults
}

/// The table as text for a terminal: method, path, id, permissions, and a mark on Frontdesk's own; one line each.
pub fn list(operations: &[Operation]) -> String {
    let path_width = operations.iter().map(|operation| operation.path.len()).max().unwrap_or(0);
    let id_width = operations.iter().map(|operation| operation.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for operation in operations {
        let names: Vec<_> = operation.permissions.iter().map(|permission| permission.name()).collect();
        let extension = if operation.extension { "extension" } else { "" };
        let methods = std::iter::once((&operation.method, operation.path))
            .chain(operation.aliases.iter().map(|(method, path)| (method, *path)));
        for (method, path) in methods {
            let (id, method) = (operation.id, method.as_str());
            let line = format!("{method:6} {path:path_width$}  {id:id_width$}  {extension:9}  {}", names.join(" | "));
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}
