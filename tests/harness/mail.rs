//! Somebody's mail server: it takes what Frontdesk sends, writes everything down, and fails as it is told.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// A moment of the exchange, named by what the client has just said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing yet.
    Connected,
    /// Who it is.
    Hello,
    /// Its user and password.
    SignIn,
    /// Who the mail is from.
    Sender,
    /// Who it is to.
    Recipient,
    /// That the text follows.
    Data,
    /// The whole text.
    End,
}

/// What the server does at a moment instead of saying that all is well.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Says this, such as `550 no such user`.
    Says(&'static str),
    /// Says nothing more.
    Hangs,
    /// Closes the connection.
    Closes,
}

/// A mail whose whole text arrived.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Whether the server said that it took it.
    pub taken: bool,
    /// The sender's address of the envelope.
    pub from: String,
    /// The recipients' addresses of the envelope.
    pub to: Vec<String>,
    /// The message, dots unstuffed, with its line ends.
    pub data: String,
}

impl Letter {
    /// The headers, unfolded, in order.
    pub fn headers(&self) -> Vec<(String, String)> {
        let (head, _) = self.data.split_once("\r\n\r\n").expect("a head and a body");
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let headers = unfolded.split("\r\n").map(|line| line.split_once(": ").expect("a header"));
        headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// A header's value, in clear.
    pub fn header(&self, name: &str) -> String {
        let headers = self.headers();
        let found: Vec<_> = headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).collect();
        assert_eq!(found.len(), 1, "{name}: {headers:?}");
        decoded_words(&found[0].1)
    }

    /// The text, in clear, with plain line ends.
    pub fn text(&self) -> String {
        let (_, body) = self.data.split_once("\r\n\r\n").expect("a head and a body");
        clear(&self.header("Content-Transfer-Encoding"), body)
    }

    /// The plain text and the HTML of a mail that has both.
    pub fn alternatives(&self) -> (String, String) {
        let kind = self.header("Content-Type");
        let (_, boundary) = kind.split_once("boundary=\"").expect("several parts");
        let boundary = format!("--{}", boundary.split('"').next().expect("the end of it"));
        let part = |kind: &str| {
            let mut parts = self.data.split(&boundary);
            let part = parts.find(|part| part.contains(&format!("Content-Type: {kind}"))).expect("a part");
            let (head, body) = part.trim_start().split_once("\r\n\r\n").expect("a head and a body");
            let encoding = head.lines().find_map(|line| line.strip_prefix("Content-Transfer-Encoding: "));
            clear(encoding.unwrap_or_default(), body)
        };
        (part("text/plain"), part("text/html"))
    }
}

fn clear(encoding: &str, body: &str) -> String {
    let bytes = match encoding {
        "base64" => BASE64.decode(body.replace("\r\n", "")).expect("base64"),
        "quoted-printable" => quoted_printable(&body.replace("=\r\n", "")),
        _ => body.as_bytes().to_vec(),
    };
    String::from_utf8(bytes).expect("UTF-8").replace("\r\n", "\n")
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let (first, rest) = text.split_at(text.find('=').unwrap_or(text.len()));
    let mut bytes = first.as_bytes().to_vec();
    for part in rest.split('=').skip(1) {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("two hex digits"));
        bytes.extend(&part.as_bytes()[2..]);
    }
    bytes
}

/// Decodes `=?utf-8?b?…?=`, which is how the names and subjects are encoded that are not plain.
fn decoded_words(text: &str) -> String {
    let mut parts = text.split("=?utf-8?b?");
    let mut clear = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (word, rest) = part.split_once("?=").expect("the end of an encoded word");
        clear.push_str(&String::from_utf8(BASE64.decode(word).expect("base64")).expect("UTF-8"));
        // Space between two encoded words is none.
        clear.push_str(if rest.trim().is_empty() { "" } else { rest });
    }
    clear
}

#[derive(Default)]
struct Shared {
    letters: Mutex<Vec<Letter>>,
    commands: Mutex<Vec<String>>,
    fault: Mutex<Option<(Moment, Fault)>>,
    password: Mutex<Option<(String, String)>>,
    stopped: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A mail server on a port of its own.
pub struct FakeMailServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl FakeMailServer {
    /// A server that takes everything.
    pub fn start() -> FakeMailServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = accepting.clone();
                if let Ok(stream) = stream {
                    std::thread::spawn(move || converse(&shared, stream));
                }
            }
        });
        FakeMailServer { address, shared }
    }

    /// Wants this user and password before anything else.
    pub fn with_password(self, user: &str, password: &str) -> FakeMailServer {
        *lock(&self.shared.password) = Some((user.into(), password.into()));
        self
    }

    /// Its address for the setting `smtp-url`, without a user.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on does this at this moment of every exchange.
    pub fn fail(&self, moment: Moment, fault: Fault) {
        *lock(&self.shared.fault) = Some((moment, fault));
    }

    /// From now on takes everything again.
    pub fn recover(&self) {
        *lock(&self.shared.fault) = None;
    }

    /// Every mail whose text arrived, whether it was taken or not.
    pub fn letters(&self) -> Vec<Letter> {
        lock(&self.shared.letters).clone()
    }

    /// Everything that clients said outside of mails.
    pub fn commands(&self) -> Vec<String> {
        lock(&self.shared.commands).clone()
    }

    /// The mails to somebody that were taken, once there are `count`.
    #[track_caller]
    pub fn wait_for(&self, to: &str, count: usize) -> Vec<Letter> {
        crate::eventually(&format!("{count} mails to {to}"), || {
            let letters = self.letters().into_iter();
            let found: Vec<Letter> = letters.filter(|letter| letter.taken && letter.to == [to]).collect();
            (found.len() >= count).then_some(found)
        })
    }
}

impl Drop for FakeMailServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then closes the port.
        let _ = TcpStream::connect(self.address);
    }
}

/// One connection.
struct Exchange<'s> {
    shared: &'s Shared,
    reader: BufReader<TcpStream>,
}

impl Exchange<'_> {
    /// Says that all is well, or does what it was told to; false when the exchange is over.
    fn answer(&mut self, moment: Moment, well: &str) -> bool {
        let fault = lock(&self.shared.fault).filter(|(at, _)| *at == moment).map(|(_, fault)| fault);
        match fault {
            None => self.say(well),
            Some(Fault::Says(text)) => self.say(text),
            Some(Fault::Hangs) => {
                // Until the client goes away.
                let _ = std::io::copy(&mut self.reader, &mut std::io::sink());
                false
            }
            Some(Fault::Closes) => false,
        }
    }

    fn say(&mut self, text: &str) -> bool {
        self.reader.get_mut().write_all(format!("{text}\r\n").as_bytes()).is_ok()
    }

    fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line).ok()?;
        (read > 0).then_some(line)
    }
}

fn converse(shared: &Shared, stream: TcpStream) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(120))).ok()?;
    let mut exchange = Exchange { shared, reader: BufReader::new(stream) };
    let password = lock(&shared.password).clone();
    let (mut from, mut to, mut signed_in) = (String::new(), Vec::new(), password.is_none());
    let mut goes_on = exchange.answer(Moment::Connected, "220 mail.example.com");
    while goes_on {
        let line = exchange.hear()?;
        let said = line.trim_end();
        lock(&shared.commands).push(said.to_owned());
        let address = |text: &str| text.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        goes_on = match said.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => {
                let auth = if password.is_some() { "250-AUTH PLAIN\r\n" } else { "" };
                exchange.answer(Moment::Hello, &format!("250-mail.example.com\r\n{auth}250 8BITMIME"))
            }
            "AUTH" => {
                let expected = password.as_ref().map(|(user, password)| format!("\0{user}\0{password}"));
                let given = BASE64.decode(said.rsplit(' ').next().unwrap_or_default()).unwrap_or_default();
                signed_in = expected.is_some_and(|expected| expected.as_bytes() == given);
                exchange.answer(Moment::SignIn, if signed_in { "235 welcome" } else { "535 wrong user or password" })
            }
            "MAIL" if !signed_in => exchange.say("530 sign in first"),
            "MAIL" => {
                (from, to) = (address(said), Vec::new());
                exchange.answer(Moment::Sender, "250 ok")
            }
            "RCPT" => {
                to.push(address(said));
                exchange.answer(Moment::Recipient, "250 ok")
            }
            "DATA" => {
                let is_next = lock(&shared.fault).is_none_or(|(at, _)| at != Moment::Data);
                let goes_on = exchange.answer(Moment::Data, "354 go on");
                if goes_on && is_next {
                    let data = text(&mut exchange)?;
                    let taken = lock(&shared.fault).is_none_or(|(at, _)| at != Moment::End);
                    let (from, to) = (std::mem::take(&mut from), std::mem::take(&mut to));
                    lock(&shared.letters).push(Letter { taken, from, to, data });
                    exchange.answer(Moment::End, "250 taken")
                } else {
                    goes_on
                }
            }
            "QUIT" => {
                exchange.say("221 bye");
                false
            }
            _ => exchange.say("500 what?"),
        };
    }
    Some(())
}

fn text(exchange: &mut Exchange) -> Option<String> {
    let mut data = String::new();
    loop {
        let line = exchange.hear()?;
        if line == ".\r\n" {
            return Some(data);
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
