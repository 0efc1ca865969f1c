//! Mail that goes out: one message to one person, by SMTP, through the operator's own mail server. Its address is the
//! operator's word, so the guard of other calls is not asked.
//!
//! Each mail has a connection of its own: there are few, and one that was given up half-way must not serve another.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use frontdesk_model::Timestamp;
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::{Error, commands};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// For one attempt by the wall clock: name, connection, sign-in, message and answer.
pub const ATTEMPT_DEADLINE: Duration = Duration::from_secs(60);
/// Of it, for one of the server's addresses.
const CONNECT_DEADLINE: Duration = Duration::from_secs(15);
/// A mail that was taken is sent, whether the server says goodbye by then or not.
const GOODBYE_DEADLINE: Duration = Duration::from_secs(5);
/// A longer subject is cut: people read the beginning.
pub const SUBJECT_CHARACTERS_MAX: usize = 200;
/// What a server says is told up to here.
const REASON_CHARACTERS_MAX: usize = 300;

/// The operator's mail server.
#[derive(Clone)]
pub struct MailServer {
    /// A name or an address, without brackets.
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
}

#[derive(Clone)]
enum Security {
    /// Nothing is encrypted.
    None,
    /// The connection begins in clear, and nothing is said on it before it is encrypted.
    Starttls(TlsParameters),
    /// Encrypted from the first byte.
    Tls(TlsParameters),
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl MailServer {
    /// Reads `smtps://user:password@host:port` (TLS, port 465), `smtp+starttls://…` (TLS after a greeting, port 587) or
    /// `smtp://…` (in clear, port 25). User and password are percent-encoded. The error never repeats the text.
    pub fn parse(text: &str) -> Result<MailServer, String> {
        let shape = || "it should look like smtps://user:password@mail.example.com".to_owned();
        let url = Url::parse(text).map_err(|_| shape())?;
        let host = match Host::parse(url.host_str().unwrap_or_default()).map_err(|_| shape())? {
            Host::Domain(name) => name,
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(shape());
        }
        let tls = || {
            let parameters = TlsParameters::builder(host.clone()).certificate_store(CertificateStore::WebpkiRoots);
            parameters.build_rustls().map_err(|error| format!("TLS cannot be set up: {}", reason(&error)))
        };
        let (security, port) = match url.scheme() {
            "smtps" => (Security::Tls(tls()?), 465),
            "smtp+starttls" => (Security::Starttls(tls()?), 587),
            "smtp" => (Security::None, 25),
            _ => return Err("it should begin with smtps://, smtp+starttls:// or smtp://".into()),
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => Some(Credentials::new(decoded(user)?, decoded(password)?)),
            _ => return Err("a user has a password, and a password a user".into()),
        };
        let is_own_machine = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if credentials.is_some() && matches!(security, Security::None) && !is_own_machine {
            return Err("a password would travel in clear: use smtps:// or smtp+starttls://".into());
        }
        Ok(MailServer { host, port: url.port().unwrap_or(port), security, credentials })
    }

    async fn connect(&self, hello: &ClientId) -> Result<AsyncSmtpConnection, Error> {
        let at_once = match &self.security {
            Security::Tls(tls) => Some(tls.clone()),
            Security::None | Security::Starttls(_) => None,
        };
        let place = (self.host.as_str(), self.port);
        let deadline = Some(CONNECT_DEADLINE);
        let mut connection = AsyncSmtpConnection::connect_tokio1(place, deadline, hello, at_once, None).await?;
        if let Security::Starttls(tls) = &self.security {
            connection.starttls(tls.clone(), hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await?;
        }
        Ok(connection)
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| "user and password should be UTF-8".to_owned())?;
    Ok(decoded.into_owned())
}

/// Who our mails are from.
#[derive(Clone, Debug)]
pub struct MailSender(Mailbox);

impl MailSender {
    /// Reads `desk@example.com` or `Frontdesk <desk@example.com>`.
    pub fn parse(text: &str) -> Result<MailSender, String> {
        let wrong = || "it should look like Frontdesk <desk@example.com>".to_owned();
        if text.contains(char::is_control) {
            return Err(wrong());
        }
        let Mailbox { name, email } = text.parse().map_err(|_| wrong())?;
        let email = address(email.as_ref()).map_err(|_| wrong())?;
        Ok(MailSender(Mailbox::new(name, email)))
    }
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub struct Mail<'m> {
    /// Unlike that of any other mail, and the same when this one is tried again: receivers tell a repeat by it. Letters,
    /// digits, dots and hyphens.
    pub id: &'m str,
    /// When it was written.
    pub at: Timestamp,
    /// One address, without a name.
    pub to: &'m str,
    /// What it is about; one line, cut to [`SUBJECT_CHARACTERS_MAX`].
    pub subject: &'m str,
    /// Plain text.
    pub text: &'m str,
    /// The same for programs that show HTML.
    pub html: Option<&'m str>,
    /// Where a POST makes that no such mail comes any more (RFC 8058), and a GET asks.
    pub unsubscribe_url: Option<&'m str>,
}

/// Why a mail was not sent. The texts are for operators and hold no password.
#[derive(Debug, PartialEq, Eq)]
pub enum MailError {
    /// It will not be taken later either: there is no such address, or the server refuses this mail.
    Refused(String),
    /// It may go out later: no connection, no sign-in, or a server that has no time. It may even have arrived, when the
    /// server broke off at the very end.
    Failed(String),
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MailError::Refused(reason) => write!(f, "refused: {reason}"),
            MailError::Failed(reason) => write!(f, "not sent: {reason}"),
        }
    }
}

/// What sends mails.
#[derive(Clone, Debug)]
pub struct Mailer {
    /// Through which server.
    pub server: MailServer,
    /// In whose name.
    pub sender: MailSender,
}

impl Mailer {
    /// Sends one mail, trying once, within [`ATTEMPT_DEADLINE`].
    pub async fn send(&self, mail: &Mail<'_>) -> Result<(), MailError> {
        self.send_within(ATTEMPT_DEADLINE, mail).await
    }

    async fn send_within(&self, deadline: Duration, mail: &Mail<'_>) -> Result<(), MailError> {
        let (envelope, message) = self.compose(mail)?;
        let attempt = tokio::time::timeout(deadline, self.attempt(&envelope, &message));
        attempt.await.unwrap_or_else(|_| Err(MailError::Failed("no answer in time".into())))
    }

    async fn attempt(&self, envelope: &Envelope, message: &[u8]) -> Result<(), MailError> {
        // Receivers look the name up, and the sender's domain is known to have one.
        let hello = ClientId::Domain(self.sender.0.email.domain().to_owned());
        // Whatever a server says before it hears of the recipient is about our settings, not about the mail.
        let failed = |error: Error| MailError::Failed(reason(&error));
        let mut connection = self.server.connect(&hello).await.map_err(failed)?;
        let mut parameters = Vec::new();
        let mut addresses = envelope.to().iter().chain(envelope.from());
        if !addresses.all(|address| AsRef::<str>::as_ref(address).is_ascii()) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let reason = "the mail server takes no address beyond ASCII (SMTPUTF8)";
                return Err(MailError::Refused(reason.into()));
            }
            parameters = vec![MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)];
        }
        connection.command(commands::Mail::new(envelope.from().cloned(), parameters)).await.map_err(failed)?;
        hand_over(&mut connection, envelope, message).await.map_err(|error| match error.is_permanent() {
            true => MailError::Refused(reason(&error)),
            false => MailError::Failed(reason(&error)),
        })?;
        tokio::spawn(async move { tokio::time::timeout(GOODBYE_DEADLINE, connection.quit()).await });
        Ok(())
    }

    /// The message as it travels. Nothing of it can become a header of its own: each value is one line, encoded where it
    /// is not plain.
    fn compose(&self, mail: &Mail) -> Result<(Envelope, Vec<u8>), MailError> {
        let to = address(mail.to).map_err(MailError::Refused)?;
        let from = &self.sender.0;
        // Programs that answer mails by themselves leave such ones alone (RFC 3834).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let mut builder = Message::builder()
            .message_id(Some(format!("<{}@{}>", mail.id, from.email.domain())))
            .date(UNIX_EPOCH + Duration::from_micros(mail.at.micros().try_into().unwrap_or_default()))
            .from(from.clone())
            .to(Mailbox::new(None, to))
            .subject(one_line(mail.subject))
            .raw_header(HeaderValue::new(automatic, "auto-generated".into()));
        if let Some(url) = mail.unsubscribe_url {
            for (name, value) in [
                ("List-Unsubscribe", format!("<{url}>")),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into()),
            ] {
                builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
            }
        }
        let message = match mail.html {
            None => builder.header(MIME_VERSION_1_0).header(ContentType::TEXT_PLAIN).body(mail.text.to_owned()),
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(mail.text.to_owned(), html.to_owned())),
        };
        let message = message.map_err(|error| MailError::Refused(error.to_string()))?;
        Ok((message.envelope().clone(), message.formatted()))
    }
}

/// Names the recipients and sends the text.
async fn hand_over(connection: &mut AsyncSmtpConnection, envelope: &Envelope, message: &[u8]) -> Result<(), Error> {
    for to in envelope.to() {
        connection.command(commands::Rcpt::new(to.clone(), Vec::new())).await?;
    }
    connection.command(commands::Data).await?;
    connection.message(message).await.map(drop)
}

/// One address. Its domain is spelled in ASCII, as every server understands it.
fn address(text: &str) -> Result<Address, String> {
    let wrong = || "this is no address that mail can be sent to".to_owned();
    let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
    let domain = match Host::parse(domain) {
        Ok(Host::Domain(ascii)) => ascii,
        _ => return Err(wrong()),
    };
    Address::new(local, domain).map_err(|_| wrong())
}

fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
    text.trim().chars().map(plain).take(SUBJECT_CHARACTERS_MAX).collect()
}

/// What went wrong, in one bounded line: the server's words are among it.
fn reason(error: &Error) -> String {
    let text = error.to_string();
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    words.join(" ").chars().take(REASON_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests;
