use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use lettre::transport::smtp::client::Certificate;
use proptest::prelude::*;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;

fn mailer() -> Mailer {
    Mailer {
        server: MailServer::parse("smtp://localhost").unwrap(),
        sender: MailSender::parse("Frontdesk <desk@exämple.com>").unwrap(),
    }
}

fn composed(to: &str, subject: &str, text: &str) -> Result<String, MailError> {
    let mail = Mail {
        id: "0123",
        at: Timestamp::from_micros(1_767_323_045_000_000),
        to,
        subject,
        text,
        html: None,
        unsubscribe_url: None,
    };
    mailer().compose(&mail).map(|(_, bytes)| String::from_utf8(bytes).expect("text"))
}

#[test]
fn servers_are_read_and_wrong_ones_refused_without_repeating_them() {
    for (text, host, port, has_credentials) in [
        ("smtps://u:p@mail.example.com", "mail.example.com", 465, true),
        ("smtps://mail.example.com:2465/", "mail.example.com", 2465, false),
        ("smtp+starttls://u%40x:p%2Fw%3A@mail.example.com", "mail.example.com", 587, true),
        ("smtp://mail.example.com", "mail.example.com", 25, false),
        ("smtp://u:p@localhost:2525", "localhost", 2525, true),
        ("smtp://u:p@127.0.0.1:2525", "127.0.0.1", 2525, true),
        ("smtp://u:p@[::1]:2525", "::1", 2525, true),
    ] {
        let server = MailServer::parse(text).expect(text);
        assert_eq!((server.host.as_str(), server.port), (host, port), "{text}");
        assert_eq!(server.credentials.is_some(), has_credentials, "{text}");
        assert_eq!(format!("{server:?}"), format!("{host}:{port}"));
    }
    for text in [
        "",
        "mail.example.com",
        "http://hunter2@mail.example.com",
        "smtps://",
        "smtps:///x",
        "smtps://hunter2@mail.example.com",
        "smtps://:hunter2@mail.example.com",
        "smtps://u:hunter2@mail.example.com/path",
        "smtps://u:hunter2@mail.example.com?tls=none",
        "smtps://u:hunter2%ff@mail.example.com",
        "smtps://u:hunter2@mail.example.com:port",
        // The password would be read on the way.
        "smtp://u:hunter2@mail.example.com",
        "smtp://u:hunter2@10.0.0.1",
    ] {
        let error = MailServer::parse(text).expect_err(text);
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn senders_are_read() {
    assert_eq!(MailSender::parse("desk@example.com").unwrap().0.to_string(), "desk@example.com");
    assert_eq!(mailer().sender.0.to_string(), "Frontdesk <desk@xn--exmple-cua.com>");
    for wrong in ["", "desk", "desk@", "a@b, c@d", "Desk <a@b>\r\nBcc: <c@d>", "Desk <a@b"] {
        assert!(MailSender::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_message_holds_what_receivers_need() {
    let text = composed("ada@example.com", "Déjà vu", "Bonjour\nAda\n.\nFin\n").unwrap();
    for line in [
        "Message-ID: <0123@xn--exmple-cua.com>",
        "Date: Fri, 02 Jan 2026 03:04:05 +0000",
        "From: Frontdesk <desk@xn--exmple-cua.com>",
        "To: ada@example.com",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
    assert!(text.contains("Subject: =?utf-8?"), "{text}");
    assert!(text.ends_with("Bonjour\r\nAda\r\n.\r\nFin\r\n"), "{text:?}");
}

#[test]
fn addresses_that_would_be_two_are_none() {
    for to in [
        "",
        "ada",
        "a@b, c@d",
        "a@b\r\nBcc: c@d",
        "a@b>\r\nDATA",
        "a\r\nRCPT TO:<c@d>@b",
        "a@1.2.3.4",
        "<a@b>",
        "a b@c",
    ] {
        assert!(matches!(composed(to, "x", "x"), Err(MailError::Refused(_))), "{to:?}");
    }
    assert!(composed("o'neil+x@ex-ample.co", "x", "x").is_ok());
    assert!(composed("ada@exämple.com", "x", "x").unwrap().contains("\r\nTo: ada@xn--exmple-cua.com\r\n"));
}

proptest! {
    #[test]
    fn nothing_becomes_a_header_of_its_own(subject in any::<String>(), text in any::<String>(), to in any::<String>()) {
        let _ = composed(&to, "x", "x");
        let evil = format!("{subject}\r\nBcc: x@example.com\n\nbody{subject}");
        let message = composed("ada@example.com", &evil, &text).unwrap();
        let (head, _) = message.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap_or_default())
            .collect();
        prop_assert_eq!(names, [
            "Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type",
            "Content-Transfer-Encoding",
        ]);
        prop_assert!(head.split('\n').rev().skip(1).all(|line| line.ends_with('\r')));
    }
}

/// Of nobody's mail server: for `localhost`, signed by itself, until 2120.
const CERTIFICATE: &[u8] = include_bytes!("localhost.pem");
const KEY: &[u8] = include_bytes!("key.pem");

/// What a client said in clear and what it said over TLS.
type Heard = (Vec<String>, Vec<String>);

/// A mail server for one connection, which speaks TLS from the first byte or when it is asked to.
fn serve(tls_at_once: bool) -> (u16, JoinHandle<Heard>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let clear = if tls_at_once { Vec::new() } else { converse(&mut stream, true, "STARTTLS") };
        if !tls_at_once && clear.last().map(String::as_str) != Some("STARTTLS") {
            return (clear, Vec::new());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
        let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let mut tls = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let secret = converse(&mut rustls::Stream::new(&mut tls, &mut stream), tls_at_once, "AUTH PLAIN");
        (clear, secret)
    });
    (port, serving)
}

/// Says that all is well to everything, until the client goes away or has said STARTTLS.
fn converse(stream: &mut (impl Read + Write), greets: bool, offer: &str) -> Vec<String> {
    let mut heard = Vec::new();
    let mut stream = BufReader::new(stream);
    if greets && stream.get_mut().write_all(b"220 hello\r\n").is_err() {
        return heard;
    }
    let mut is_text = false;
    loop {
        let mut line = String::new();
        if !matches!(stream.read_line(&mut line), Ok(1..)) {
            return heard;
        }
        let line = line.trim_end().to_owned();
        let answer = match line.split(' ').next().unwrap_or_default() {
            "." => "250 taken\r\n".to_owned(),
            _ if is_text => continue,
            "EHLO" => format!("250-here\r\n250 {offer}\r\n"),
            "AUTH" => "235 welcome\r\n".to_owned(),
            "DATA" => "354 go on\r\n".to_owned(),
            _ => "250 ok\r\n".to_owned(),
        };
        is_text = line == "DATA";
        heard.push(line);
        if stream.get_mut().write_all(answer.as_bytes()).is_err() || heard.last().is_some_and(|said| said == "STARTTLS")
        {
            return heard;
        }
    }
}

const MAIL: Mail<'_> = Mail {
    id: "0123",
    at: Timestamp::from_micros(0),
    to: "ada@example.com",
    subject: "Hello",
    text: "Hello",
    html: None,
    unsubscribe_url: None,
};

/// Trusts the certificate above, which no authority signed.
fn trusting(server: MailServer) -> MailServer {
    let own = Certificate::from_pem(CERTIFICATE).unwrap();
    let tls = TlsParameters::builder("localhost".into()).add_root_certificate(own);
    let tls = tls.certificate_store(CertificateStore::None).build_rustls().unwrap();
    let security = match server.security {
        Security::Starttls(_) => Security::Starttls(tls),
        Security::Tls(_) => Security::Tls(tls),
        Security::None => Security::None,
    };
    MailServer { security, ..server }
}

#[tokio::test]
async fn a_password_goes_over_tls_only_and_to_whom_the_certificate_names() {
    for (scheme, tls_at_once) in [("smtps", true), ("smtp+starttls", false)] {
        let (port, serving) = serve(tls_at_once);
        let server = trusting(MailServer::parse(&format!("{scheme}://desk:hunter2@localhost:{port}")).unwrap());
        let trusts = Mailer { server, ..mailer() };
        assert_eq!(trusts.send(&MAIL).await, Ok(()), "{scheme}");
        let (clear, secret) = tokio::task::spawn_blocking(|| serving.join().unwrap()).await.unwrap();
        let verbs = |said: &[String]| said.iter().map(|line| line[..4.min(line.len())].to_owned()).collect::<Vec<_>>();
        assert_eq!(verbs(&clear), if tls_at_once { vec![] } else { vec!["EHLO", "STAR"] }, "{scheme}");
        let said = verbs(&secret);
        assert_eq!(said[..5], ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"], "{scheme}");

        // Nobody vouches for that certificate: nothing is said to its server.
        let (port, serving) = serve(tls_at_once);
        let server = MailServer::parse(&format!("{scheme}://desk:hunter2@localhost:{port}")).unwrap();
        let Err(MailError::Failed(reason)) = (Mailer { server, ..mailer() }).send(&MAIL).await else { panic!("sent") };
        assert!(reason.contains("certificate"), "{reason}");
        let (_, secret) = tokio::task::spawn_blocking(|| serving.join().unwrap()).await.unwrap();
        assert!(secret.is_empty(), "{secret:?}");
    }
    // Who pretends to know no TLS hears no password either.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || converse(&mut listener.accept().unwrap().0, true, "AUTH PLAIN"));
    let server = MailServer::parse(&format!("smtp+starttls://desk:hunter2@localhost:{port}")).unwrap();
    assert!(matches!((Mailer { server, ..mailer() }).send(&MAIL).await, Err(MailError::Failed(_))));
    let heard = tokio::task::spawn_blocking(|| serving.join().unwrap()).await.unwrap();
    assert!(heard.iter().all(|line| line.starts_with("EHLO") || line == "QUIT"), "{heard:?}");
}

#[tokio::test]
async fn a_server_that_drips_or_says_nothing_is_left_in_time() {
    for drips in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = std::thread::spawn(move || {
            let mut stream: TcpStream = listener.accept().unwrap().0;
            if !drips {
                let _ = stream.read(&mut [0; 1]);
                return;
            }
            while stream.write_all(b"220-hello\r\n").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let server = MailServer::parse(&format!("smtp://localhost:{port}")).unwrap();
        let sent = Mailer { server, ..mailer() }.send_within(Duration::from_millis(500), &MAIL).await;
        assert_eq!(sent, Err(MailError::Failed("no answer in time".into())));
        tokio::task::spawn_blocking(|| serving.join().unwrap()).await.unwrap();
    }
}
