//! Calling the services that sources are at, in a source's name: signed or with a token that lets us in for a while, which
//! is asked for when it is needed, kept in memory and for other nodes (`tokens.rs`), and changed before it ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use frontdesk_model::{Error, Id, Result, Secret, Timestamp, error};
use frontdesk_net::{OutboundAnswer, OutboundError, OutboundRequest};
use frontdesk_sources::SignIn;
use frontdesk_sources::oauth::Granted;
use frontdesk_sources::outbound::{Answer, Class, Failure, Method, Request};
use frontdesk_store::{Tx, args};
use http::{HeaderName, HeaderValue};
use url::Url;

use crate::Conversations;
use crate::sources::Channel;
use crate::tokens::{self, Claim, Taken};

/// For one question for a token.
const SIGN_IN_DEADLINE: Duration = Duration::from_secs(10);
/// Of an answer with a token this much is read.
const SIGN_IN_BYTES_MAX: usize = 64 * 1024;
/// Who was refused a token is not asked for one again at once by everything that waits, seconds.
const REFUSED_SECONDS: i64 = 30;
/// While another asks for the same token, it is looked for this often.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A token that cannot be written down is tried to be so often, and so long from one time to the next.
const KEEPS_MAX: u32 = 5;
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// What calls need beside the source.
#[derive(Default)]
pub struct Calling {
    stand_ins: StandIns,
    known: Mutex<HashMap<Id, Arc<tokio::sync::Mutex<Known>>>>,
}

impl Calling {
    /// Calls services at their own places, but for those that something else stands in for.
    pub fn new(stand_ins: StandIns) -> Calling {
        Calling { stand_ins, known: Mutex::default() }
    }
}

/// Places that are called instead of services': for tests and for trying things out.
#[derive(Clone, Debug, Default)]
pub struct StandIns(HashMap<String, String>);

impl StandIns {
    /// Reads pairs such as `https://www.googleapis.com=http://127.0.0.1:4000`.
    pub fn read(pairs: &[String]) -> Result<StandIns, String> {
        let mut read = HashMap::new();
        for pair in pairs {
            let wrong = || format!("{pair} is not like https://www.googleapis.com=http://127.0.0.1:4000");
            let (service, place) = pair.split_once('=').ok_or_else(wrong)?;
            let origin = |text: &str| {
                let url = Url::parse(text).ok()?;
                (matches!(url.scheme(), "http" | "https") && url.has_host() && matches!(url.path(), "" | "/"))
                    .then(|| url.origin().ascii_serialization())
            };
            read.insert(origin(service).ok_or_else(wrong)?, origin(place).ok_or_else(wrong)?);
        }
        Ok(StandIns(read))
    }

    /// Where a call for this address goes.
    fn place(&self, url: String) -> String {
        if self.0.is_empty() {
            return url;
        }
        let Ok(parsed) = Url::parse(&url) else { return url };
        let origin = parsed.origin().ascii_serialization();
        let rest = url.get(origin.len()..).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        match (self.0.get(&origin), rest) {
            (Some(place), Some(rest)) => format!("{place}{rest}"),
            _ => url,
        }
    }
}

/// What is known of one source's token.
#[derive(Default)]
struct Known {
    /// Of the source when it was asked for: another one has other credentials.
    version: i64,
    granted: Option<Granted>,
    refused: Option<(Timestamp, Failure)>,
}

impl Conversations {
    /// Calls in a source's name. A token that does not hold is changed for another, once. The failure is one of the
    /// service or of the way to it; what it answered may be one, too.
    pub(crate) async fn call(
        &self,
        channel: &Channel,
        request: Request,
        deadline: Duration,
        answer_bytes_max: usize,
    ) -> Result<Result<OutboundAnswer, Failure>> {
        let began = Instant::now();
        let sign_in = channel.kind.delivery.as_ref().and_then(|delivery| delivery.sign_in.as_ref());
        let mut worn = None;
        loop {
            let mut signed = request.clone();
            if let Some(sign_in) = sign_in {
                match self.token(channel, sign_in, worn.as_ref()).await? {
                    Ok(token) => {
                        signed = signed.with_bearer(&token);
                        worn = if worn.is_none() { Some(token) } else { None };
                    }
                    Err(failure) => return Ok(Err(failure)),
                }
            }
            let left = deadline.saturating_sub(began.elapsed());
            let answer = match self.ask(signed, left, answer_bytes_max).await? {
                Ok(answer) => answer,
                Err(failure) => return Ok(Err(failure)),
            };
            if answer.status != http::StatusCode::UNAUTHORIZED || worn.is_none() {
                return Ok(Ok(answer));
            }
        }
    }

    /// Makes a request as it is. The failure is one of the way to the service.
    pub(crate) async fn ask(
        &self,
        request: Request,
        deadline: Duration,
        answer_bytes_max: usize,
    ) -> Result<Result<OutboundAnswer, Failure>> {
        let request = self.outbound_request(request, deadline, answer_bytes_max)?;
        let sent = self.outbound.send(request).await;
        Ok(sent.map_err(|trouble| Failure::new(Class::Retry, trouble.to_string())))
    }

    /// A token that holds. `worn`: the one that does not, as the service has just said.
    async fn token(
        &self,
        channel: &Channel,
        sign_in: &'static SignIn,
        worn: Option<&Secret>,
    ) -> Result<Result<Secret, Failure>> {
        let source_id = channel.source_id;
        let known =
            self.calling.known.lock().unwrap_or_else(PoisonError::into_inner).entry(source_id).or_default().clone();
        let mut known = known.lock().await;
        if known.version < channel.version {
            *known = Known { version: channel.version, ..Known::default() };
        }
        let now = self.env.now();
        if let Some((_, failure)) = known.refused.as_ref().filter(|(until, _)| *until > now) {
            return Ok(Err(failure.clone()));
        }
        let holds = |granted: &&Granted| granted.until > now && worn.is_none_or(|worn| *worn != granted.token);
        if let Some(granted) = known.granted.as_ref().filter(holds) {
            return Ok(Ok(granted.token.clone()));
        }
        let claim = match self.claim(source_id, worn).await? {
            Taken::Ours(claim) => claim,
            Taken::Here(version, granted) => {
                let token = granted.token.clone();
                *known = Known { version, granted: Some(granted), refused: None };
                return Ok(Ok(token));
            }
            Taken::Busy => {
                let message = format!("Another server asks {} for a token.", channel.kind.display_name);
                return Ok(Err(Failure::new(Class::Retry, message)));
            }
        };
        let asked = match (sign_in.request)(&claim.channel.settings) {
            Ok(request) => match self.ask(request, SIGN_IN_DEADLINE, SIGN_IN_BYTES_MAX).await? {
                Ok(answer) => (sign_in.read)(&answer_of(&answer, self.env.now())),
                Err(failure) => Err(failure),
            },
            Err(why) => Err(Failure::new(Class::Auth, why)),
        };
        match asked {
            Ok(granted) => {
                let token = granted.token.clone();
                known.version = self.keep(*claim, sign_in, granted.clone()).await?;
                (known.granted, known.refused) = (Some(granted), None);
                Ok(Ok(token))
            }
            Err(failure) => {
                let number = claim.number;
                self.store.write(move |tx| tokens::give_up(tx, source_id, number)).await?;
                known.granted = None;
                known.refused = Some((now.plus_seconds(REFUSED_SECONDS), failure.clone()));
                Ok(Err(failure))
            }
        }
    }

    /// A token that another node got, or the right to ask for one; busy where another asks for longer than that takes.
    async fn claim(&self, source_id: Id, worn: Option<&Secret>) -> Result<Taken> {
        let began = Instant::now();
        loop {
            let (seal, worn, now) = (self.seal.clone(), worn.cloned(), self.env.now());
            let taking = move |tx: &mut dyn Tx| tokens::take(tx, &seal, source_id, worn.as_ref(), now);
            match self.store.write(taking).await? {
                Taken::Busy if began.elapsed() < SIGN_IN_DEADLINE => tokio::time::sleep(LOOK_EVERY).await,
                taken => return Ok(taken),
            }
        }
    }

    /// Keeps what was given out. What it was asked for with may be worth nothing any more, so a store that cannot serve is
    /// waited for. Returns the source's version from then on.
    async fn keep(&self, claim: Claim, sign_in: &'static SignIn, granted: Granted) -> Result<i64> {
        let kept = Arc::new((claim, granted));
        let mut tries = 0;
        loop {
            let (seal, kept) = (self.seal.clone(), kept.clone());
            let keeping = move |tx: &mut dyn Tx| tokens::keep(tx, &seal, &kept.0, sign_in, &kept.1);
            match self.store.write(keeping).await {
                Err(Error::Unavailable(trouble)) if tries < KEEPS_MAX => {
                    tracing::warn!(trouble, "a token waits for the store");
                    tries += 1;
                    tokio::time::sleep(KEEP_EVERY).await;
                }
                kept => return kept,
            }
        }
    }

    /// Where a customer's file is fetched, and with what: those that only the account itself may see, with its token. A
    /// redirect to another place does not get it.
    pub(crate) async fn file_request(
        &self,
        attachment_id: Id,
        url: &str,
    ) -> Result<(String, Vec<(HeaderName, HeaderValue)>), OutboundError> {
        let as_it_is = (url.to_owned(), Vec::new());
        if !frontdesk_sources::kinds().iter().any(|kind| (kind.is_own_file)(url)) {
            return Ok(as_it_is);
        }
        let trouble = |trouble: String| OutboundError::Connect(trouble);
        let seal = self.seal.clone();
        let loading = move |tx: &mut dyn Tx| {
            let sql = "SELECT contents.source_id FROM attachments JOIN contents ON contents.id = attachments.content_id
                       WHERE attachments.id = $1";
            match tx.first(sql, args![&attachment_id])? {
                Some(row) => Channel::load(tx, &seal, row.get(0)?),
                None => Ok(None),
            }
        };
        let channel = self.store.read(loading).await.map_err(|broken| trouble(broken.to_string()))?;
        // At another kind of source such an address is one as any other.
        let Some(channel) = channel.filter(|channel| (channel.kind.is_own_file)(url)) else { return Ok(as_it_is) };
        let delivery = channel.kind.delivery.as_ref();
        let Some(sign_in) = delivery.and_then(|delivery| delivery.sign_in.as_ref()) else { return Ok(as_it_is) };
        let token = self.token(&channel, sign_in, None).await.map_err(|broken| trouble(broken.to_string()))?;
        let token = token.map_err(|failure| trouble(failure.message))?;
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
            .map_err(|_| trouble("the token is no header".into()))?;
        value.set_sensitive(true);
        Ok((self.calling.stand_ins.place(url.to_owned()), vec![(http::header::AUTHORIZATION, value)]))
    }

    /// A source's request, signed, for the guarded client.
    pub(crate) fn outbound_request(
        &self,
        request: Request,
        deadline: Duration,
        answer_bytes_max: usize,
    ) -> Result<OutboundRequest> {
        let broken = |trouble: String| error::broken(format!("a request to a channel: {trouble}"));
        let value = |text: &str| HeaderValue::try_from(text).map_err(|trouble| broken(trouble.to_string()));
        let name = |text: &str| HeaderName::try_from(text).map_err(|trouble| broken(trouble.to_string()));
        let mut headers = vec![(http::header::CONTENT_TYPE, HeaderValue::from_static(request.content_type))];
        for (header, secret) in &request.headers {
            let mut secret = value(secret.reveal())?;
            secret.set_sensitive(true);
            headers.push((name(header)?, secret));
        }
        if let Some(signature) = &request.signature {
            let signed = frontdesk_net::sdk_signature(signature.key.reveal().as_bytes(), &request.body);
            headers.push((name(signature.header)?, value(&signed)?));
        }
        let method = match request.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Delete => http::Method::DELETE,
        };
        Ok(OutboundRequest {
            method,
            url: self.calling.stand_ins.place(request.url),
            headers,
            body: request.body.into(),
            deadline,
            answer_bytes_max,
            verify_tls: true,
            http2: false,
        })
    }
}

/// An answer in the words of every channel.
pub(crate) fn answer_of(answer: &OutboundAnswer, now: Timestamp) -> Answer<'_> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Answer {
        status: answer.status.as_u16(),
        headers: answer.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: &answer.body,
        truncated: answer.truncated,
        now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_is_called_instead_of_its_service_and_of_nothing_else() {
        let pairs =
            ["https://a.example=http://127.0.0.1:4000".to_owned(), "https://b.example/=https://c.example".into()];
        let stand_ins = StandIns::read(&pairs).unwrap();
        for (url, expected) in [
            ("https://a.example/x?y=z", "http://127.0.0.1:4000/x?y=z"),
            ("https://a.example:443/x", "https://a.example:443/x"),
            ("https://a.example.org/x", "https://a.example.org/x"),
            ("http://a.example/x", "http://a.example/x"),
            ("https://b.example/", "https://c.example/"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(stand_ins.place(url.into()), expected, "{url}");
        }
        for wrong in ["https://a.example", "a=b", "https://a.example/x=http://b.example", "ftp://a=http://b"] {
            assert!(StandIns::read(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
