//! What a tool is, and the list of them.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use frontdesk_model::{Caller, Id, Result, error};
use frontdesk_rest::Rest;
use futures_util::FutureExt;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::text::Fence;
use super::{Visit, acting, reading};

/// What calling a tool does to what is stored.
pub(super) enum Effect {
    /// Nothing.
    Reads,
    /// Something more is there; once more, and there is more of it.
    Adds,
    /// Something is other than it was; once more changes nothing.
    Replaces,
}

/// What a tool tells: the same as values and as text.
pub(super) struct Answer {
    pub(super) structured: Value,
    pub(super) text: String,
}

type Running = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;

/// Something that a model can call.
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) effect: Effect,
    /// The JSON Schema of its arguments.
    pub(super) input: Arc<Map<String, Value>>,
    /// The JSON Schema of its structured answer.
    pub(super) output: Arc<Map<String, Value>>,
    /// Whether the caller could do anything with it.
    pub(super) is_offered: fn(&Caller) -> bool,
    run: Box<dyn Fn(Desk, Map<String, Value>) -> Running + Send + Sync>,
}

/// What a tool answers with.
pub(super) trait Told: Serialize + JsonSchema {
    /// The same for a reader of text.
    fn tell(&self, fence: &Fence) -> String;
}

impl Tool {
    /// A tool. The comments of `P` and its fields describe its arguments, those of `A` its answer.
    pub(super) fn new<P, A, F>(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        effect: Effect,
        is_offered: fn(&Caller) -> bool,
        work: impl Fn(Desk, P) -> F + Clone + Send + Sync + 'static,
    ) -> Tool
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        A: Told,
        F: Future<Output = Result<A>> + Send,
    {
        let run = move |desk: Desk, arguments: Map<String, Value>| -> Running {
            let work = work.clone();
            Box::pin(async move {
                let fence = Fence::new(desk.0.rest.env().id());
                let arguments = serde_json::from_value(Value::Object(arguments))
                    .map_err(|reason| error::bad_request(format!("{reason}.")))?;
                let told = work(desk, arguments).await?;
                let structured = serde_json::to_value(&told)
                    .map_err(|reason| error::broken(format!("an answer of {name} was not written: {reason}")))?;
                Ok(Answer { structured, text: told.tell(&fence) })
            })
        };
        Tool {
            name,
            title,
            description,
            effect,
            input: schema::<P>(SchemaSettings::draft2020_12().for_deserialize()),
            output: schema::<A>(SchemaSettings::draft2020_12().for_serialize()),
            is_offered,
            run: Box::new(run),
        }
    }

    /// Does its work. The protocol's crate runs it on a task of its own, where a panic would leave the caller without an
    /// answer: here it is a trouble of ours like any other.
    pub(super) async fn call(&self, desk: Desk, arguments: Map<String, Value>) -> Result<Answer> {
        guarded(self.name, async { (self.run)(desk, arguments).await }).await
    }

    /// Adds to the description of an argument what is only known when everything is there.
    pub(super) fn explain(mut self, argument: &str, more: &str) -> Tool {
        let properties = Arc::make_mut(&mut self.input).get_mut("properties").and_then(|all| all.get_mut(argument));
        if let Some(Value::String(description)) = properties.and_then(|found| found.get_mut("description")) {
            description.push_str(more);
        }
        self
    }
}

/// What some work came to, also when that was a panic.
async fn guarded<T>(name: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let ended = AssertUnwindSafe(work).catch_unwind().await;
    ended.unwrap_or_else(|_| Err(error::broken(format!("the tool {name} panicked"))))
}

/// A schema without references, as some clients follow none.
fn schema<T: JsonSchema>(settings: SchemaSettings) -> Arc<Map<String, Value>> {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = Value::from(settings.into_generator().into_root_schema_for::<T>());
    let mut schema = schema.as_object_mut().map(std::mem::take).unwrap_or_default();
    schema.remove("title");
    Arc::new(schema)
}

/// The table of operations, as the caller may use it.
pub(super) struct Desk(pub(super) Arc<Visit>);

impl Desk {
    /// Runs an operation and reads what it answers. `path` holds the parameters of its path.
    pub(super) async fn run<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &[(&'static str, &str)],
        parameters: Value,
    ) -> Result<T> {
        let Visit { rest, token, request_id, .. } = self.0.as_ref();
        let path: Vec<_> = path.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let parameters = match parameters {
            Value::Object(parameters) => parameters,
            _ => Map::new(),
        };
        let answer = rest.run(token, *request_id, operation, &path, parameters).await?;
        serde_json::from_value(answer)
            .map_err(|trouble| error::broken(format!("the answer of {operation} is read otherwise: {trouble}")))
    }
}

/// A page of a list.
#[derive(serde::Deserialize)]
pub(super) struct Page<T> {
    pub(super) count: i64,
    pub(super) records: Vec<T>,
}

/// An id that a model gave. It is checked here where it becomes part of a search; elsewhere operations say what is wrong.
pub(super) fn id(text: &str, noun: &str) -> Result<Id> {
    text.parse().map_err(|_| error::not_found(noun))
}

/// Every tool, in the order in which models see them.
pub(super) fn all(rest: &Rest) -> Vec<Tool> {
    reading::tools(rest).into_iter().chain(acting::tools()).collect()
}

#[cfg(test)]
mod tests {
    use frontdesk_model::error::Error;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_of_the_call_and_no_more() {
        assert_eq!(guarded("fine", async { Ok(1) }).await.unwrap(), 1);
        let nothing: [i32; 0] = [];
        let at_once = guarded("broken", async { Ok(nothing[std::hint::black_box(0)]) }).await;
        assert!(matches!(at_once, Err(Error::Broken(text)) if text == "the tool broken panicked"));
        let later = guarded("broken", async {
            tokio::task::yield_now().await;
            Ok(nothing[std::hint::black_box(0)])
        });
        assert!(matches!(later.await, Err(Error::Broken(_))));
    }
}
