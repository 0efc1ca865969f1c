//! What a channel must do, judged by its answers: the rules behind `frontdesk channel check`. Whoever asks the questions
//! reads the answers with the functions that serve sources, so that what passes here works there.

mod lists;

use frontdesk_model::Timestamp;
use serde_json::{Map, Value};

use super::fields::Fields;
use super::implementation::Implementation;
use super::inbound::{Options, read_content};
use super::outbound::{action_request, explanation, read_answer, request as create_request};
use super::polling::{Info, PolledAnswer, json, read_info};
use super::settings::OPTION_NAMES;
use crate::Settings;
use crate::inbound::{ContentObject, InboundContent};
use crate::outbound::{OutboundContent, Outcome, Request};

pub use lists::{Page, after, list};

/// Objects of the public page; each has actions of its own choice.
const OBJECT_NAMES: [&str; 6] = ["messages", "private_messages", "threads", "users", "status", "typing"];
/// Objects whose contents may have actions of the channel's own (public page on actions).
const WITH_OWN_ACTIONS: [ContentObject; 3] =
    [ContentObject::Message, ContentObject::PrivateMessage, ContentObject::Thread];
/// Actions with a documented meaning.
const STANDARD_ACTIONS: [&str; 8] = ["create", "delete", "destroy", "list", "publish", "reply", "show", "unpublish"];

/// How something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it must be.
    Passed,
    /// It works, and could be better; the text says how.
    Warned(String),
    /// It does not work; the text says why.
    Failed(String),
    /// It could not be judged; the text says why.
    Skipped(String),
}

/// One rule and how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule, as a sentence that is true when it is kept.
    pub rule: String,
    /// How it was found.
    pub verdict: Verdict,
}

impl Finding {
    /// A rule that was found so.
    pub fn new(rule: impl Into<String>, verdict: Verdict) -> Finding {
        Finding { rule: rule.into(), verdict }
    }

    /// A rule that is kept when nothing is wrong.
    fn unless_wrong(rule: impl Into<String>, wrong: Option<String>) -> Finding {
        Finding::new(rule, wrong.map_or(Verdict::Passed, Verdict::Failed))
    }

    /// The same where what is wrong does no harm.
    fn unless_odd(rule: impl Into<String>, odd: Option<String>) -> Finding {
        Finding::new(rule, odd.map_or(Verdict::Passed, Verdict::Warned))
    }
}

/// The request of an action; none while the settings hold no address or no token.
pub fn request(
    settings: &Settings,
    action: &str,
    params: Option<Map<String, Value>>,
    now: Timestamp,
) -> Option<Request> {
    action_request(settings, action, params, now)
}

/// The request that creates a content, as deliveries make it.
pub fn create(settings: &Settings, content: &OutboundContent, now: Timestamp) -> Option<Request> {
    create_request(settings, content, now)
}

/// Judges how the channel answers at all: by its first answer, if that is a good one.
pub fn manners(answer: &PolledAnswer, content_type: Option<&str>, location: Option<&str>) -> Vec<Finding> {
    let rule = "the address answers itself, without a redirect";
    if (300..400).contains(&answer.status) {
        let to = location.map_or_else(|| "another address".into(), explanation);
        let why = format!("it redirects to {to}: redirects are not followed, so give that address");
        return vec![Finding::new(rule, Verdict::Failed(why))];
    }
    let mut findings = vec![Finding::new(rule, Verdict::Passed)];
    if (200..300).contains(&answer.status) {
        let kind = content_type.unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let is_json = kind == "application/json" || kind.ends_with("+json");
        let odd_kind = (!is_json).then(|| match kind.as_str() {
            "" => "there is no Content-Type; application/json is usual".to_owned(),
            kind => format!("the Content-Type is {}; application/json is usual", explanation(kind)),
        });
        findings.push(Finding::unless_odd("answers say that they are JSON", odd_kind));
        let signature = match answer.signature_fits {
            Some(true) => Verdict::Passed,
            Some(false) => {
                Verdict::Failed("the signature is not that of the answer's exact bytes with this secret".into())
            }
            None => Verdict::Warned(
                "there is no X-SMCCSDK-SIGNATURE: nobody can tell that the answer is the channel's".into(),
            ),
        };
        findings.push(Finding::new("answers are signed", signature));
    }
    findings
}

/// Judges the answer to `implementation.info`. Nothing is told when the channel does not know the question, or answers
/// it badly.
pub fn info(answer: &PolledAnswer) -> (Option<Implementation>, Vec<Finding>) {
    let rule = "implementation.info tells what the channel can do";
    let implementation = match read_info(answer) {
        Ok(Info::Told(implementation)) => implementation,
        Ok(Info::NotImplemented) => {
            let why = "the channel does not know the question: it is asked for nothing and gets messages only".into();
            return (None, vec![Finding::new(rule, Verdict::Warned(why))]);
        }
        Err(why) => return (None, vec![Finding::new(rule, Verdict::Failed(why))]),
    };
    let told = json(answer).unwrap_or_default();
    let findings = vec![
        Finding::new(rule, Verdict::Passed),
        Finding::unless_odd("its objects are known ones", odd_objects(&told)),
        Finding::unless_odd("its options are known ones and fit together", odd_options(&told, &implementation)),
        Finding::unless_odd("its locales name actions that it has", odd_locales(&told, &implementation)),
    ];
    (Some(implementation), findings)
}

fn odd_objects(told: &Value) -> Option<String> {
    let names: Vec<&str> = match told.get("objects")? {
        Value::Object(objects) => objects.keys().map(String::as_str).collect(),
        Value::Array(names) => names
            .iter()
            .filter_map(|name| Some(name.as_str()?.split_once('.').map_or("?", |(object, _)| object)))
            .collect(),
        _ => Vec::new(),
    };
    let is_known =
        |name: &str| OBJECT_NAMES.iter().any(|known| *known == name || known.strip_suffix('s') == Some(name));
    let unknown: Vec<&str> = names.into_iter().filter(|name| !is_known(name)).collect();
    (!unknown.is_empty()).then(|| {
        let named = explanation(&unknown.join(", "));
        format!("nothing is known of {named}; there are {}", OBJECT_NAMES.join(", "))
    })
}

fn odd_options(told: &Value, implementation: &Implementation) -> Option<String> {
    let options = implementation.options();
    let is_list = |options: &Value| match options {
        Value::Null | Value::Array(_) => true,
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    if !told.get("options").is_none_or(is_list) {
        return Some("options should be a list of texts".into());
    }
    let unknown: Vec<&str> =
        options.iter().map(String::as_str).filter(|option| !OPTION_NAMES.contains(option)).collect();
    if !unknown.is_empty() {
        return Some(format!(
            "nothing is known of {}; there are {}",
            explanation(&unknown.join(", ")),
            OPTION_NAMES.join(", ")
        ));
    }
    let remarks = implementation.remarks();
    (!remarks.is_empty()).then(|| remarks.join("; "))
}

fn odd_locales(told: &Value, implementation: &Implementation) -> Option<String> {
    let locales = match told.get("locales")? {
        Value::Object(locales) => locales,
        Value::Null => return None,
        Value::Array(list) if list.is_empty() => return None,
        _ => return Some("locales should be a map of languages, each with a map of actions".into()),
    };
    for (language, labels) in locales {
        let Value::Object(labels) = labels else {
            return Some(format!("the locale {} should be a map of actions", explanation(language)));
        };
        let is_own = |action: &str| {
            !STANDARD_ACTIONS.contains(&action)
                && WITH_OWN_ACTIONS.iter().any(|object| implementation.can(*object, action))
        };
        if let Some((action, _)) = labels.iter().find(|(action, _)| !is_own(action)) {
            let (language, action) = (explanation(language), explanation(action));
            return Some(format!("the locale {language} names {action}, which is no action of the channel's own"));
        }
    }
    None
}

/// Judges the answer to something that must be refused.
pub fn refused(rule: &str, answer: &PolledAnswer) -> Finding {
    let said = explanation(&String::from_utf8_lossy(answer.body));
    let verdict = match answer.status {
        200..300 => match read_answer(answer.status, answer.body, answer.truncated) {
            Outcome::Failed(_) => odd_error(answer.body).map_or(Verdict::Passed, Verdict::Warned),
            Outcome::Delivered { .. } => Verdict::Failed(format!("it was taken: the status is {}", answer.status)),
        },
        300..400 => Verdict::Failed("it was answered with a redirect".into()),
        500.. => Verdict::Warned(format!("it was answered {}, as if something had broken there", answer.status)),
        _ if said.is_empty() => Verdict::Warned("the refusal does not say why".into()),
        _ => Verdict::Passed,
    };
    Finding::new(rule, verdict)
}

/// What is odd about an error that is told in a success.
fn odd_error(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let error = answer.get("error")?;
    let is_whole = error["message"].is_string() && error.get("fatal").is_none_or(Value::is_boolean);
    (!is_whole).then(|| r#"errors look like {"error": {"fatal": true, "message": "…"}}"#.into())
}

/// Judges the answer to something that must be taken, such as a publication.
pub fn taken(rule: &str, answer: &PolledAnswer) -> Finding {
    Finding::unless_wrong(
        rule,
        match read_answer(answer.status, answer.body, answer.truncated) {
            Outcome::Delivered { .. } => None,
            Outcome::Failed(failure) => Some(failure.message),
        },
    )
}

/// Judges the answer to the creation of a content: the channel's id of it.
pub fn created(rule: &str, answer: &PolledAnswer) -> (Option<String>, Finding) {
    match read_answer(answer.status, answer.body, answer.truncated) {
        Outcome::Delivered { foreign_id: Some(id) } => (Some(id), Finding::new(rule, Verdict::Passed)),
        Outcome::Delivered { foreign_id: None } => {
            let why = "the answer tells no id: nothing can be done with the content later, nor is it known when listed";
            (None, Finding::new(rule, Verdict::Warned(why.into())))
        }
        Outcome::Failed(failure) => (None, Finding::new(rule, Verdict::Failed(failure.message))),
    }
}

/// Judges the answer to the same content sent again, as after an answer that was lost.
pub fn repeated(rule: &str, id: &str, answer: &PolledAnswer) -> Finding {
    Finding::unless_wrong(
        rule,
        match created("", answer) {
            (Some(again), _) if again == id => None,
            (Some(again), _) => {
                Some(format!("it got the id {}, and had {}: it is there twice", explanation(&again), explanation(id)))
            }
            (None, Finding { verdict: Verdict::Failed(why), .. }) => Some(why),
            (None, _) => Some("the answer tells no id".into()),
        },
    )
}

/// Judges the answer to `show`: it must be the content with this id.
pub fn shown(rule: &str, object: ContentObject, id: &str, options: &[String], answer: &PolledAnswer) -> Finding {
    Finding::unless_wrong(
        rule,
        match read_one(object, options, answer) {
            Ok(content) if content.foreign_id == id => None,
            Ok(content) => {
                Some(format!("it tells {}, and {} was asked for", explanation(&content.foreign_id), explanation(id)))
            }
            Err(why) => Some(why),
        },
    )
}

fn read_one(object: ContentObject, options: &[String], answer: &PolledAnswer) -> Result<InboundContent, String> {
    let Value::Object(fields) = json(answer)? else { return Err("the answer is no object".into()) };
    let fields = Fields::new(fields, object.as_str());
    read_content(object, fields, Options(Some(options))).map_err(|refusal| refusal.detail().into_owned())
}

#[cfg(test)]
mod tests;
