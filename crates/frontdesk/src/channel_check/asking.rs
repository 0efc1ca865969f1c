//! The requests of the check, as a server makes them but for what is wrong with them on purpose.

use std::time::Duration;

use frontdesk_conversations::polling::polled_answer;
use frontdesk_net::{OutboundAnswer, OutboundRequest, sdk_signature};
use frontdesk_sources::sdk::check::{self, Finding, Verdict};
use frontdesk_sources::sdk::limits::LIST_BYTES_MAX;
use frontdesk_sources::sdk::{PolledAnswer, SIGNATURE_HEADER};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method};
use serde_json::Value;
use tokio::time::Instant;

use super::Checking;

/// Where the signature goes.
pub(super) enum Signed {
    /// Into the header, as it should be.
    Rightly,
    /// Into the address, as it should be.
    InAddress,
    /// Nowhere.
    Not,
    /// This one, into the header.
    Wrongly(String),
    /// This one, into the address.
    WronglyInAddress(String),
}

/// A request and what came of it.
pub(super) struct Exchange {
    pub(super) url: String,
    /// The header's value.
    pub(super) signature: Option<String>,
    pub(super) body: Vec<u8>,
    /// The answer, or why there was none.
    pub(super) answer: Result<OutboundAnswer, String>,
    pub(super) took: Duration,
}

impl Checking {
    /// The body of an action's request.
    pub(super) fn body(&self, action: &str, params: Option<Value>) -> Result<Vec<u8>, String> {
        let params = params.map(|params| params.as_object().cloned().unwrap_or_default());
        let request = check::request(&self.settings, action, params, self.env.now());
        Ok(request.ok_or("the request cannot be made")?.body)
    }

    /// Asks for an action.
    pub(super) async fn ask(&mut self, action: &str, params: Option<Value>) -> Result<Exchange, String> {
        let body = self.body(action, params)?;
        self.send(body, Signed::Rightly).await
    }

    /// Posts a body.
    pub(super) async fn send(&mut self, body: Vec<u8>, signed: Signed) -> Result<Exchange, String> {
        let right = || sdk_signature(self.secret.reveal().as_bytes(), &body);
        let (signature, parameter) = match signed {
            Signed::Rightly => (Some(right()), None),
            Signed::InAddress => (None, Some(right())),
            Signed::Not => (None, None),
            Signed::Wrongly(signature) => (Some(signature), None),
            Signed::WronglyInAddress(signature) => (None, Some(signature)),
        };
        let mut url = self.url.clone();
        if let Some(signature) = &parameter {
            let mut with_parameter = self.outbound.check_url(&url).map_err(|error| error.to_string())?;
            with_parameter.query_pairs_mut().append_pair("signature", signature);
            url = with_parameter.into();
        }
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        if let Some(signature) = &signature {
            let name = HeaderName::try_from(SIGNATURE_HEADER).map_err(|error| error.to_string())?;
            headers.push((name, HeaderValue::try_from(signature).map_err(|error| error.to_string())?));
        }
        let request = OutboundRequest {
            method: Method::POST,
            url: url.clone(),
            headers,
            body: body.clone().into(),
            deadline: self.deadline,
            answer_bytes_max: LIST_BYTES_MAX,
            verify_tls: true,
            http2: false,
        };
        let started = Instant::now();
        let answer = self.outbound.send(request).await.map_err(|error| error.to_string());
        let took = started.elapsed();
        if self.slowest.as_ref().is_none_or(|(_, slowest)| took > *slowest) {
            let named = serde_json::from_slice::<Value>(&body).ok();
            let action = named.and_then(|body| body["action"].as_str().map(str::to_owned));
            self.slowest = Some((action.unwrap_or_else(|| "a request".into()), took));
        }
        Ok(Exchange { url, signature, body, answer, took })
    }

    /// The answer, if there is one; if not, that is told as a failure of this rule.
    pub(super) fn answered<'e>(
        &mut self,
        rule: &str,
        exchange: &'e Exchange,
    ) -> Result<Option<PolledAnswer<'e>>, String> {
        match &exchange.answer {
            Ok(answer) => Ok(Some(polled_answer(answer, Some(&self.secret)))),
            Err(why) => {
                self.tell(Finding::new(rule, Verdict::Failed(why.clone())), Some(exchange))?;
                Ok(None)
            }
        }
    }

    /// Tells what was found.
    pub(super) fn tell(&mut self, finding: Finding, exchange: Option<&Exchange>) -> Result<(), String> {
        self.report.tell(finding, exchange, self.secret.reveal())
    }
}
