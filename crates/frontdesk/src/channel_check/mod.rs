//! `frontdesk channel check`: asks somebody's channel what a server would ask it, and more, and tells what is not as it
//! should be, with the exact request and answer. The rules are `frontdesk_sources::sdk::check`; here is who asks.

mod asking;
mod report;

use std::collections::HashSet;
use std::time::Duration;

use frontdesk_conversations::polling::ANSWER_DEADLINE;
use frontdesk_model::{Env, Error, Secret};
use frontdesk_net::{AddressPolicy, Outbound, sdk_signature};
use frontdesk_sources::inbound::{BodyFormat, ContentObject, InboundContent};
use frontdesk_sources::outbound::{ContentAction, Formats, OutboundContent};
use frontdesk_sources::sdk::check::{self, Finding, Page, Verdict};
use frontdesk_sources::sdk::{Implementation, formats, list_action};
use frontdesk_sources::{Settings, kind, validate_settings};
use http::header::{CONTENT_TYPE, LOCATION};
use serde_json::json;

use asking::{Exchange, Signed};
use report::Report;

/// An answer that takes longer is told: agents wait for it.
const SLOW: Duration = Duration::from_secs(5);
/// How often a list is asked on, until there is nothing new.
const SLICES_MAX: usize = 20;
/// Whom the test message is by.
const AUTHOR: &str = "frontdesk-check";
/// The test message, by the channel's options.
const TEXT: &str = "This is a test of the channel. It is about to be deleted.";
const HTML: &str = "<p>This is a test of the channel. It is about to be deleted.</p>";
/// An id that no channel has.
const UNKNOWN_ID: &str = "frontdesk-check-unknown";

/// What is to be checked, and how.
pub(crate) struct Asked {
    /// The channel's address.
    pub(crate) url: String,
    /// The secret of both directions.
    pub(crate) secret: Secret,
    /// Whether a message may be written.
    pub(crate) write: bool,
    /// Whether to print JSON.
    pub(crate) json: bool,
    /// Private networks that may be called.
    pub(crate) policy: AddressPolicy,
    /// For one answer.
    pub(crate) deadline: Duration,
}

/// Checks a channel and prints what was found, as it is found or as JSON at the end. What fails is an error.
pub(crate) async fn run(asked: Asked, env: Env) -> Result<(), String> {
    if asked.secret.reveal().is_empty() {
        return Err(
            "secret: it is empty; give the channel's with --secret, or as CHANNEL_SECRET in the environment".into()
        );
    }
    let kind = kind("sdk").ok_or("there is no kind of source named sdk")?;
    let given = json!({ "base_uri": asked.url, "access_token": asked.secret.reveal() });
    let outbound = Outbound::new(asked.policy)?;
    outbound.check_url(&asked.url).map_err(|error| format!("url: {error}"))?;
    let settings = given.as_object().ok_or("settings")?;
    let settings = validate_settings(kind, settings).map_err(refusal)?;
    let mut checking = Checking {
        outbound,
        settings,
        url: asked.url,
        secret: asked.secret,
        deadline: asked.deadline,
        env,
        slowest: None,
        report: Report::new(asked.json),
    };
    checking.everything(asked.write).await?;
    match checking.report.finish(&checking.url, checking.secret.reveal())? {
        true => Ok(()),
        false => Err("the channel is not as it should be".into()),
    }
}

/// Why a server would not take the address and the secret as those of a source, by what they are called here.
fn refusal(error: Error) -> String {
    let Error::Refused(refusal) = error else { return error.to_string() };
    let told = refusal.errors.into_iter().map(|error| match error.attribute.as_str() {
        "access_token" => format!("--secret: {}", error.message),
        "base_uri" => format!("url: {}", error.message),
        other => format!("{other}: {}", error.message),
    });
    told.collect::<Vec<_>>().join("; ")
}

struct Checking {
    outbound: Outbound,
    settings: Settings,
    url: String,
    secret: Secret,
    deadline: Duration,
    env: Env,
    /// The slowest answer: what was asked, and how long it took.
    slowest: Option<(String, Duration)>,
    report: Report,
}

impl Checking {
    async fn everything(&mut self, write: bool) -> Result<(), String> {
        let (is_there, implementation) = self.information().await?;
        if !is_there {
            return Ok(());
        }
        self.envelope().await?;
        let Some(implementation) = implementation else { return Ok(()) };
        let mut newest = None;
        let mut lists = implementation.lists(implementation.options());
        // What is answered is a message, rather than a thread.
        lists.sort_by_key(|object| *object == ContentObject::Thread);
        for object in lists {
            let page = self.list(object, &implementation).await?;
            newest = newest.or_else(|| page.filter(|page| !page.contents.is_empty()).map(|page| (object, page)));
        }
        self.showing(newest.as_ref(), &implementation).await?;
        if write {
            self.writing(newest.as_ref(), &implementation).await?;
        }
        let slow = self.slowest.take().filter(|(_, took)| *took >= SLOW);
        let limit = ANSWER_DEADLINE.as_secs();
        let slow =
            slow.map(|(what, took)| format!("{what} took {} s; after {limit} s a server gives up", took.as_secs()));
        self.tell(Finding::new("answers come soon", slow.map_or(Verdict::Passed, Verdict::Warned)), None)
    }

    /// Asks what the channel can do. Whether somebody is there who answers, and what they told.
    async fn information(&mut self) -> Result<(bool, Option<Implementation>), String> {
        let exchange = self.ask("implementation.info", None).await?;
        let Some(answer) = self.answered("the channel answers", &exchange)? else { return Ok((false, None)) };
        let header = |name| {
            let headers = exchange.answer.as_ref().ok().map(|answer| &answer.headers)?;
            headers.get(name)?.to_str().ok()
        };
        for finding in check::manners(&answer, header(CONTENT_TYPE), header(LOCATION)) {
            self.tell(finding, Some(&exchange))?;
        }
        let (implementation, findings) = check::info(&answer);
        for finding in findings {
            self.tell(finding, Some(&exchange))?;
        }
        Ok((!(300..400).contains(&answer.status), implementation))
    }

    /// Signatures, and requests that make no sense.
    async fn envelope(&mut self) -> Result<(), String> {
        let body = self.body("implementation.info", None)?;
        let key = self.secret.reveal().to_owned();
        let other_body = sdk_signature(key.as_bytes(), b"{}");
        let other_key = sdk_signature(b"not the secret", &body);
        for (rule, signed) in [
            ("a request without a signature is refused", Signed::Not),
            ("a signature made with another secret is refused", Signed::Wrongly(other_key.clone())),
            ("a signature of another body is refused", Signed::Wrongly(other_body)),
            ("a signature that is none is refused", Signed::Wrongly("x".into())),
            ("a wrong signature in the address is refused", Signed::WronglyInAddress(other_key)),
        ] {
            let exchange = self.send(body.clone(), signed).await?;
            if let Some(answer) = self.answered(rule, &exchange)? {
                self.tell(check::refused(rule, &answer), Some(&exchange))?;
            }
        }

        let rule = "the parameter signature is taken in place of the header";
        let exchange = self.send(body, Signed::InAddress).await?;
        if let Some(answer) = self.answered(rule, &exchange)? {
            let refused = !(200..300).contains(&answer.status);
            let why = "it is not, which does no harm while the header arrives".to_owned();
            let verdict = if refused { Verdict::Warned(why) } else { Verdict::Passed };
            self.tell(Finding::new(rule, verdict), Some(&exchange))?;
        }

        let unknown = self.body("messages.frontdesk_check", Some(json!({ "id": UNKNOWN_ID })))?;
        for (rule, body) in [
            ("a body that is not JSON is refused", b"{\"action\":".to_vec()),
            ("a body that is no object is refused", b"[]".to_vec()),
            ("a request without an action is refused", b"{\"params\":{}}".to_vec()),
            ("an unknown action is refused", unknown),
        ] {
            let exchange = self.send(body, Signed::Rightly).await?;
            if let Some(answer) = self.answered(rule, &exchange)? {
                self.tell(check::refused(rule, &answer), Some(&exchange))?;
            }
        }
        Ok(())
    }

    /// One list: its beginning, what follows some of it, and what follows all of it.
    async fn list(&mut self, object: ContentObject, implementation: &Implementation) -> Result<Option<Page>, String> {
        let action = list_action(object);
        let (first, _) = self.slice(object, implementation, None, true).await?;
        let Some(first) = first else { return Ok(None) };
        let ids: Vec<String> = first.ids().map(str::to_owned).collect();
        let (Some(newest), Some(oldest)) = (first.newest_id.clone(), ids.last().cloned()) else {
            let why = "the list is empty: write something there, and check again".to_owned();
            self.tell(Finding::new(format!("{action} takes a since_id"), Verdict::Skipped(why)), None)?;
            return Ok(Some(first));
        };
        // After the oldest comes the next one, unless there is only one.
        for since in [Some(oldest), Some(newest.clone())].into_iter().flatten().skip(usize::from(ids.len() == 1)) {
            if let (Some(page), Some(exchange)) = self.slice(object, implementation, Some(&since), false).await? {
                self.tell(check::after(&action, &since, &first, &page), Some(&exchange))?;
            }
        }
        let rule = format!("{action} with an id that it does not know is answered");
        if let (Some(_), Some(exchange)) = self.slice(object, implementation, Some(UNKNOWN_ID), false).await? {
            self.tell(Finding::new(rule, Verdict::Passed), Some(&exchange))?;
        }
        self.read_to_the_end(object, implementation, ids, newest).await?;
        Ok(Some(first))
    }

    /// Asks on until there is nothing new, as an import does.
    async fn read_to_the_end(
        &mut self,
        object: ContentObject,
        implementation: &Implementation,
        ids: Vec<String>,
        newest: String,
    ) -> Result<(), String> {
        let rule = format!("{} comes to an end", list_action(object));
        let mut known: HashSet<String> = ids.into_iter().collect();
        let mut since = newest;
        for _ in 0..SLICES_MAX {
            let (Some(page), exchange) = self.slice(object, implementation, Some(&since), false).await? else {
                return Ok(());
            };
            if let Some(again) = page.ids().find(|id| known.contains(*id)) {
                let why = format!("after {since} it tells {again}, which it has told before");
                return self.tell(Finding::new(rule, Verdict::Failed(why)), exchange.as_ref());
            }
            known.extend(page.ids().map(str::to_owned));
            match page.newest_id {
                Some(newest) => since = newest,
                None => return self.tell(Finding::new(rule, Verdict::Passed), exchange.as_ref()),
            }
        }
        let why = format!("after {SLICES_MAX} answers there was more: that may be right");
        self.tell(Finding::new(rule, Verdict::Skipped(why)), None)
    }

    /// One answer of a list. What is good is told only when `aloud`; what is not, always.
    async fn slice(
        &mut self,
        object: ContentObject,
        implementation: &Implementation,
        since: Option<&str>,
        aloud: bool,
    ) -> Result<(Option<Page>, Option<Exchange>), String> {
        let action = list_action(object);
        let params = since.map_or_else(|| json!({}), |since| json!({ "since_id": since }));
        let exchange = self.ask(&action, Some(params)).await?;
        let Some(answer) = self.answered(&format!("{action} is answered"), &exchange)? else { return Ok((None, None)) };
        let (page, findings) = check::list(&answer, object, implementation);
        for finding in findings {
            if aloud || matches!(finding.verdict, Verdict::Failed(_)) {
                self.tell(finding, Some(&exchange))?;
            }
        }
        Ok((page, Some(exchange)))
    }

    /// Asks for one content.
    async fn showing(
        &mut self,
        newest: Option<&(ContentObject, Page)>,
        implementation: &Implementation,
    ) -> Result<(), String> {
        let Some((object, page)) = newest else { return Ok(()) };
        let Some(id) = page.newest_id.clone().filter(|_| implementation.can(*object, "show")) else { return Ok(()) };
        let action = format!("{}s.show", object.as_str());
        let rule = format!("{action} tells the content");
        let exchange = self.ask(&action, Some(json!({ "id": id }))).await?;
        if let Some(answer) = self.answered(&rule, &exchange)? {
            self.tell(check::shown(&rule, *object, &id, implementation.options(), &answer), Some(&exchange))?;
        }
        let rule = format!("{action} of an id that is not there is refused");
        let exchange = self.ask(&action, Some(json!({ "id": UNKNOWN_ID }))).await?;
        if let Some(answer) = self.answered(&rule, &exchange)? {
            self.tell(check::refused(&rule, &answer), Some(&exchange))?;
        }
        Ok(())
    }

    /// Answers the newest content, and takes the answer back.
    async fn writing(
        &mut self,
        newest: Option<&(ContentObject, Page)>,
        implementation: &Implementation,
    ) -> Result<(), String> {
        let Some((object, content)) = self.answer_to(newest, implementation) else {
            let why = "there is nothing in its lists to answer, or it does not take answers".to_owned();
            return self.tell(Finding::new("a message can be created", Verdict::Skipped(why)), None);
        };
        let name = object.as_str();
        let rule = format!("{name}s.create is taken");
        let exchange = self.create(&content).await?;
        let Some(answer) = self.answered(&rule, &exchange)? else { return Ok(()) };
        let (id, finding) = check::created(&rule, &answer);
        let failed = matches!(finding.verdict, Verdict::Failed(_));
        self.tell(finding, Some(&exchange))?;
        if failed {
            return Ok(());
        }
        if let Some(id) = &id {
            let rule = format!("the same {name}s.create with retry gives the same id");
            let exchange = self.create(&OutboundContent { retry: true, ..content.clone() }).await?;
            if let Some(answer) = self.answered(&rule, &exchange)? {
                self.tell(check::repeated(&rule, id, &answer), Some(&exchange))?;
            }
        }
        let rule = format!("{name}s.create without anything in it is refused");
        let exchange = self.ask(&format!("{name}s.create"), Some(json!({}))).await?;
        if let Some(answer) = self.answered(&rule, &exchange)? {
            self.tell(check::refused(&rule, &answer), Some(&exchange))?;
        }
        self.taking_back(object, id, implementation).await
    }

    async fn taking_back(
        &mut self,
        object: ContentObject,
        id: Option<String>,
        implementation: &Implementation,
    ) -> Result<(), String> {
        let name = object.as_str();
        let mut gone = false;
        for action in [ContentAction::Unpublish, ContentAction::Publish, ContentAction::Delete] {
            let Some(named) = implementation.act(object, action, implementation.options()) else { continue };
            let Some(id) = &id else { continue };
            let rule = format!("{name}s.{named} is taken");
            let exchange = self.ask(&format!("{name}s.{named}"), Some(json!({ "id": id }))).await?;
            let Some(answer) = self.answered(&rule, &exchange)? else { continue };
            let finding = check::taken(&rule, &answer);
            gone = action == ContentAction::Delete && finding.verdict == Verdict::Passed;
            self.tell(finding, Some(&exchange))?;
        }
        if gone {
            return Ok(());
        }
        let why =
            "the message of this check is still there: the channel cannot delete it, so do that by hand".to_owned();
        self.tell(Finding::new("nothing is left behind", Verdict::Warned(why)), None)
    }

    /// The message that is written: an answer to the newest content that takes one.
    fn answer_to(
        &self,
        newest: Option<&(ContentObject, Page)>,
        implementation: &Implementation,
    ) -> Option<(ContentObject, OutboundContent)> {
        let (listed, page) = newest?;
        let object = if *listed == ContentObject::Thread { ContentObject::Message } else { *listed };
        let takes_answers = |content: &&InboundContent| {
            !implementation.can(object, "reply") || content.actions.iter().any(|action| action == "reply")
        };
        let to = page.contents.iter().find(takes_answers).filter(|_| implementation.can(object, "create"))?;
        let thread =
            if *listed == ContentObject::Thread { Some(&to.foreign_id) } else { to.thread_foreign_id.as_ref() };
        let author = to.author.as_ref().map(|author| author.foreign_id.clone());
        let now = self.env.now();
        let (body, format) = match formats(object, Some(implementation.options())) {
            Formats::Html => (HTML, BodyFormat::Html),
            Formats::Text | Formats::Both => (TEXT, BodyFormat::Text),
        };
        let content = OutboundContent {
            object,
            content_id: self.env.id(),
            author_foreign_id: AUTHOR.into(),
            body: body.into(),
            format,
            created_at: now,
            updated_at: now,
            in_reply_to_foreign_id: Some(to.foreign_id.clone()).filter(|_| *listed == object),
            thread_foreign_id: thread.cloned(),
            recipient_foreign_id: author.filter(|_| object == ContentObject::PrivateMessage),
            title: None,
            sender_name: Some("Frontdesk".into()),
            retry: false,
            attachments: Vec::new(),
            structured_content: None,
            customer_foreign_id: None,
            customer_wrote_at: None,
            part: 0,
        };
        Some((object, content))
    }

    async fn create(&mut self, content: &OutboundContent) -> Result<Exchange, String> {
        let request = check::create(&self.settings, content, self.env.now()).ok_or("the request cannot be made")?;
        self.send(request.body, Signed::Rightly).await
    }
}
