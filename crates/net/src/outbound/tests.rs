use std::convert::Infallible;
use std::net::Ipv4Addr;

use axum::Router;
use axum::body::Body;
use axum::response::Redirect;
use axum::routing::{get, post};
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::InboundLimits;

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(10);

fn outbound(allowed: &[&str]) -> Outbound {
    let allowed = allowed.iter().map(|network| network.parse().expect("a network")).collect();
    Outbound::new(AddressPolicy { allowed }).expect("a client")
}

fn get_request(url: &str) -> OutboundRequest {
    OutboundRequest {
        method: Method::GET,
        url: url.into(),
        headers: Vec::new(),
        body: Bytes::new(),
        deadline: LONG,
        answer_bytes_max: 1000,
        verify_tls: true,
        http2: false,
    }
}

/// The root of a server that runs as long as the test does.
async fn serve(router: Router) -> String {
    serve_at(Ipv4Addr::LOCALHOST, router).await
}

async fn serve_at(address: Ipv4Addr, router: Router) -> String {
    let listener = TcpListener::bind((address, 0)).await.expect("a port");
    let root = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(crate::serve(listener, router, InboundLimits::default(), Vec::new(), std::future::pending()));
    root
}

/// A server that sends these bytes to whoever connects, and closes.
async fn send_raw(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    address
}

async fn slow() -> Body {
    Body::from_stream(stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b"drip")), ()))
    }))
}

async fn endless() -> Body {
    Body::from_stream(stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[7; 4096]))))
}

#[tokio::test]
async fn own_addresses_are_forbidden_unless_the_operator_allows_them() {
    let root = serve(Router::new().route("/", get(|| async { "hello" }))).await;
    let by_name = root.replace("127.0.0.1", "localhost");
    for url in [&root, &by_name] {
        let error = outbound(&[]).send(get_request(url)).await.expect_err("a refusal");
        assert!(matches!(&error, OutboundError::Forbidden(text) if text.contains("a loopback address")), "{error:?}");
        let answer = outbound(&["127.0.0.0/8"]).send(get_request(url)).await.expect("an answer");
        assert_eq!((answer.status, &answer.body[..], answer.truncated), (StatusCode::OK, &b"hello"[..], false));
    }
    let error = outbound(&[]).send(get_request(&by_name)).await.expect_err("a refusal").to_string();
    assert!(error.starts_with("localhost leads to no address that may be called: "), "{error}");
    assert!(error.contains("--allow-outbound"), "{error}");
}

#[tokio::test]
async fn every_spelling_of_a_forbidden_address_is_forbidden() {
    for url in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://127.0.0.1./",
        "http://①②⑦.0.0.1/",
        "http://127。0。0。1/",
        "http://%31%32%37.0.0.1/",
        "http:127.0.0.1",
        "http:\\\\127.0.0.1\\",
        "ht\ntp://127.0.0.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[0:0:0:0:0:ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/",
        "https://10.0.0.1:8443/",
    ] {
        let error = outbound(&[]).send(get_request(url)).await.expect_err(url);
        assert!(matches!(error, OutboundError::Forbidden(_)), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn urls_that_cannot_be_called_are_told_apart_and_leak_nothing() {
    for url in [
        "",
        "example.com",
        "//example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "data:text/plain,x",
        "http://",
        "https://user:hunter2@example.com/",
        "https://hunter2@example.com/",
        "https://1.1.1.1@127.0.0.1/hunter2",
        "http://exa mple.com/?hunter2",
        "http://[::1/hunter2",
    ] {
        let error = outbound(&[]).send(get_request(url)).await.expect_err(url);
        assert!(matches!(error, OutboundError::Url(_)), "{url}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let echo = |headers: HeaderMap, body: Bytes| async move {
        let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        format!("{:?} {:?} {:?} {:?}", text("x-own"), text("host"), text("content-length"), body)
    };
    let root = serve(Router::new().route("/", post(echo))).await;
    let mut request = get_request(&root);
    request.method = Method::POST;
    request.body = Bytes::from_static(b"body");
    request.headers = [("x-own", "1"), ("host", "other"), ("content-length", "1"), ("transfer-encoding", "chunked")]
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .to_vec();
    let answer = outbound(&["127.0.0.0/8"]).send(request).await.expect("an answer");
    let host = root.trim_start_matches("http://");
    assert_eq!(String::from_utf8_lossy(&answer.body), format!("Some(\"1\") Some({host:?}) Some(\"4\") b\"body\""));
}

#[tokio::test]
async fn the_deadline_covers_the_body_too() {
    let never = || async { std::future::pending::<()>().await };
    let root = serve(Router::new().route("/slow", get(slow)).route("/never", get(never))).await;
    for path in ["/slow", "/never"] {
        let began = tokio::time::Instant::now();
        let mut request = get_request(&format!("{root}{path}"));
        request.deadline = SHORT;
        let error = outbound(&["127.0.0.0/8"]).send(request).await.expect_err("a timeout");
        assert_eq!(error, OutboundError::Timeout, "{path}");
        assert!(began.elapsed() >= SHORT && began.elapsed() < SHORT * 10, "{path}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_huge_body_is_cut_at_the_limit() {
    let exact = || async { vec![7_u8; 1000] };
    let root = serve(Router::new().route("/endless", get(endless)).route("/exact", get(exact))).await;
    let client = outbound(&["127.0.0.0/8"]);
    let cut = client.send(get_request(&format!("{root}/endless"))).await.expect("an answer");
    assert_eq!((cut.body.len(), cut.truncated), (1000, true));
    let whole = client.send(get_request(&format!("{root}/exact"))).await.expect("an answer");
    assert_eq!((whole.body.len(), whole.truncated), (1000, false));
    let mut nothing = get_request(&format!("{root}/exact"));
    nothing.answer_bytes_max = 0;
    let none = client.send(nothing).await.expect("an answer");
    assert_eq!((none.body.len(), none.truncated), (0, true));
}

#[tokio::test]
async fn a_call_does_not_follow_redirects() {
    let root = serve(Router::new().route("/", get(|| async { Redirect::temporary("/other") }))).await;
    let answer = outbound(&["127.0.0.0/8"]).send(get_request(&root)).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(answer.headers[header::LOCATION], "/other");
}

#[tokio::test]
async fn failures_are_told_apart() {
    let client = outbound(&["127.0.0.0/8"]);
    let closed = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        listener.local_addr().expect("an address")
    };
    let refused = client.send(get_request(&format!("http://{closed}/?hunter2"))).await.expect_err("no connection");
    assert!(matches!(&refused, OutboundError::Connect(_)), "{refused:?}");
    assert!(!refused.to_string().contains("hunter2"), "{refused}");

    let unknown = client.send(get_request("http://no-such-host.invalid/?hunter2")).await.expect_err("no such host");
    assert!(matches!(&unknown, OutboundError::Connect(_)), "{unknown:?}");
    assert!(!unknown.to_string().contains("hunter2"), "{unknown}");

    let plain = send_raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let untrusted = client.send(get_request(&format!("https://{plain}/"))).await.expect_err("no TLS");
    assert!(matches!(&untrusted, OutboundError::Tls(_)), "{untrusted:?}");
    let silent = send_raw(b"").await;
    let broken_off = client.send(get_request(&format!("https://{silent}/"))).await.expect_err("no TLS");
    assert!(matches!(&broken_off, OutboundError::Tls(_)), "{broken_off:?}");

    for broken in [&b"220 mail.example ESMTP\r\n"[..], b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", b""] {
        let address = send_raw(broken).await;
        let error = client.send(get_request(&format!("http://{address}/"))).await.expect_err("no answer");
        assert!(matches!(&error, OutboundError::Protocol(_)), "{error:?}");
    }
}

/// A place for downloads that vanishes with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn request(&self, url: String) -> DownloadRequest {
        DownloadRequest { url, headers: Vec::new(), path: self.path(), deadline: LONG, bytes_max: 1000 }
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("file")
    }
}

#[tokio::test]
async fn a_file_is_downloaded_through_redirects() {
    let file = || async {
        let headers =
            [(header::CONTENT_TYPE, "image/png"), (header::CONTENT_DISPOSITION, "attachment; filename=\"../a b.png\"")];
        (headers, vec![7_u8; 1000])
    };
    let router = Router::new()
        .route("/1", get(|| async { Redirect::permanent("2") }))
        .route("/2", get(|| async { Redirect::to("/3?query") }))
        .route("/3", get(|| async { Redirect::temporary("/files/cat%20%C3%A9.png") }))
        .route("/files/{name}", get(file))
        .route("/0", get(|| async { Redirect::permanent("/1") }))
        .route("/plain%20name.txt", get(|| async { "text" }));
    let root = serve(router).await;
    let client = outbound(&["127.0.0.0/8"]);

    let folder = Folder::new();
    let download = client.download(folder.request(format!("{root}/1"))).await.expect("a file");
    let expected = Download { content_type: Some("image/png".into()), name: Some("a b.png".into()), bytes: 1000 };
    assert_eq!(download, expected);
    assert_eq!(std::fs::read(folder.path()).expect("the file"), [7; 1000]);
    let again = client.download(folder.request(format!("{root}/1"))).await.expect_err("the file exists");
    assert!(matches!(again, OutboundError::File(_)), "{again:?}");
    assert!(folder.path().exists(), "what was there before stays");

    let folder = Folder::new();
    let download = client.download(folder.request(format!("{root}/plain%20name.txt"))).await.expect("a file");
    assert_eq!((download.name.as_deref(), download.bytes), (Some("plain name.txt"), 4));

    let folder = Folder::new();
    let too_many = client.download(folder.request(format!("{root}/0"))).await.expect_err("four redirects");
    assert_eq!(too_many, OutboundError::Protocol("more than 3 redirects".into()));
    assert!(!folder.path().exists());
}

#[tokio::test]
async fn a_redirect_to_a_forbidden_address_is_refused() {
    let canary = serve(Router::new().route("/", get(|| async { "secret" }))).await;
    let by_name = canary.replace("127.0.0.1", "localhost");
    for target in [canary, by_name] {
        let redirect = move || async move { Redirect::temporary(&target) };
        let root = serve_at(Ipv4Addr::new(127, 0, 0, 2), Router::new().route("/", get(redirect))).await;
        let folder = Folder::new();
        let error = outbound(&["127.0.0.2/32"]).download(folder.request(root.clone())).await.expect_err("a refusal");
        assert!(matches!(&error, OutboundError::Forbidden(text) if text.contains("127.0.0.1")), "{error:?}");
        assert!(!folder.path().exists());
        // The same walk with the address allowed, so that only the guard can have stopped it.
        outbound(&["127.0.0.0/8"]).download(folder.request(root)).await.expect("the canary");
        assert_eq!(std::fs::read(folder.path()).expect("the file"), b"secret");
    }
    let root = serve(Router::new().route("/", get(|| async { Redirect::temporary("file:///etc/passwd") }))).await;
    let error = outbound(&["127.0.0.0/8"]).download(Folder::new().request(root)).await.expect_err("a refusal");
    assert!(matches!(error, OutboundError::Url(_)), "{error:?}");
}

/// A name server whose every answer is the next of these; the last one stays.
fn answering(answers: &[&[&str]]) -> Lookup {
    let addresses = |answer: &&[&str]| -> Vec<SocketAddr> {
        answer.iter().map(|address| SocketAddr::new(address.parse().expect("an address"), 0)).collect()
    };
    let answers: Vec<_> = answers.iter().map(addresses).collect();
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Arc::new(move |_| {
        let number = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst).min(answers.len() - 1);
        let answer = answers[number].clone();
        Box::pin(async move { Ok(answer) })
    })
}

fn outbound_by(allowed: &str, lookup: Lookup) -> Outbound {
    let allowed = vec![allowed.parse().expect("a network")];
    Outbound::with_lookup(AddressPolicy { allowed }, lookup).expect("a client")
}

/// Two servers on one port: the first at 127.0.0.2, which stands for a public address, the second at home.
async fn twins() -> (u16, Arc<std::sync::atomic::AtomicUsize>) {
    let called = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    loop {
        let public = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).await.expect("a port");
        let port = public.local_addr().expect("an address").port();
        let Ok(home) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await else { continue };
        // Every call is to make a connection of its own.
        let close = || [(header::CONNECTION, "close")];
        let away = move || async move { Redirect::temporary(&format!("http://name.example:{port}/")) };
        let outside =
            Router::new().route("/", get(move || async move { (close(), "public") })).route("/away", get(away));
        let counting = called.clone();
        let inside = Router::new().route(
            "/",
            get(move || async move {
                counting.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                (close(), "secret")
            }),
        );
        tokio::spawn(crate::serve(public, outside, InboundLimits::default(), Vec::new(), std::future::pending()));
        tokio::spawn(crate::serve(home, inside, InboundLimits::default(), Vec::new(), std::future::pending()));
        return (port, called);
    }
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_means_when_the_connection_is_made() {
    let (port, called) = twins().await;
    let url = format!("http://name.example:{port}/");
    let public: &[&str] = &["127.0.0.2"];
    // It was fine when it was saved and when it was first called; then it leads home.
    let client = outbound_by("127.0.0.2/32", answering(&[public, &["127.0.0.1"], &["127.0.0.1", "127.0.0.2"]]));
    client.check_url(&url).expect("a URL that can be saved");
    assert_eq!(&client.send(get_request(&url)).await.expect("an answer").body[..], b"public");
    let error = client.send(get_request(&url)).await.expect_err("a refusal");
    let told = "name.example leads to no address that may be called: 127.0.0.1 is a loopback address";
    assert!(matches!(&error, OutboundError::Forbidden(text) if text == told), "{error:?}");
    // Of several addresses only those are tried that may be.
    assert_eq!(&client.send(get_request(&url)).await.expect("an answer").body[..], b"public");
    // So it is after a redirect.
    let away = format!("http://127.0.0.2:{port}/away");
    let client = outbound_by("127.0.0.2/32", answering(&[&["127.0.0.1"]]));
    let error = client.download(Folder::new().request(away.clone())).await.expect_err("a refusal");
    assert!(matches!(&error, OutboundError::Forbidden(text) if text == told), "{error:?}");
    assert_eq!(called.load(std::sync::atomic::Ordering::SeqCst), 0);
    // The same calls reach home where that is allowed: only the guard can have stopped them.
    let client = outbound_by("127.0.0.0/8", answering(&[&["127.0.0.1"]]));
    assert_eq!(&client.send(get_request(&url)).await.expect("an answer").body[..], b"secret");
    client.download(Folder::new().request(away)).await.expect("a file");
    assert_eq!(called.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test]
async fn no_answer_of_a_name_server_hides_a_forbidden_address() {
    for address in [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "::1",
        "::",
        "fd00:ec2::254",
        "fe80::1",
        // IPv4 in IPv6: mapped, compatible, translated, NAT64, local NAT64, 6to4, Teredo, ISATAP.
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "2a00:1450::5efe:7f00:1",
    ] {
        let client = outbound_by("127.0.0.2/32", answering(&[&[address]]));
        let error = client.send(get_request("http://name.example/")).await.expect_err(address);
        assert!(matches!(&error, OutboundError::Forbidden(_)), "{address}: {error:?}");
    }
}

#[tokio::test]
async fn a_name_server_that_does_not_answer_holds_up_its_own_names_alone() {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    let root = serve(Router::new().route("/", get(|| async { "fine" }))).await;
    let url = root.replace("127.0.0.1", "fine.example");
    let (asked, asking) = (Arc::new(AtomicUsize::new(0)), Arc::new(tokio::sync::Semaphore::new(0)));
    let (counting, answers) = (asked.clone(), asking.clone());
    let lookup: Lookup = Arc::new(move |name| {
        let (asked, answers) = (counting.clone(), answers.clone());
        Box::pin(async move {
            if name == "mute.example" {
                asked.fetch_add(1, SeqCst);
                drop(answers.acquire().await);
            }
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], 0))])
        })
    });
    let client = outbound_by("127.0.0.0/8", lookup);
    for _ in 0..3 {
        let calls = (0..LOOK_UPS_PER_NAME_MAX).map(|_| {
            let mut request = get_request("http://mute.example/");
            request.deadline = SHORT;
            client.send(request)
        });
        for answer in futures_util::future::join_all(calls).await {
            assert_eq!(answer.expect_err("nobody answers"), OutboundError::Timeout);
        }
    }
    // Whoever gave up has not made room for another.
    assert_eq!(asked.load(SeqCst), LOOK_UPS_PER_NAME_MAX);
    assert_eq!(&client.send(get_request(&url)).await.expect("an answer").body[..], b"fine");
    asking.add_permits(1);
    let again = client.send(get_request(&root.replace("127.0.0.1", "mute.example"))).await;
    assert_eq!(&again.expect("an answer at last").body[..], b"fine");
}

#[tokio::test]
async fn headers_do_not_follow_to_another_origin() {
    let seen = |headers: HeaderMap| async move { format!("{:?}", headers.get("authorization").is_some()) };
    let root = serve(Router::new().route("/seen", get(seen))).await;
    let elsewhere = format!("{}/seen", serve(Router::new().route("/seen", get(seen))).await);
    let away = move || async move { Redirect::temporary(&elsewhere) };
    let router = Router::new()
        .route("/seen", get(seen))
        .route("/here", get(|| async { Redirect::temporary("/seen") }))
        .route("/away", get(away));
    let with_redirects = serve(router).await;
    for (url, expected) in [
        (format!("{root}/seen"), "true"),
        (format!("{with_redirects}/here"), "true"),
        (format!("{with_redirects}/away"), "false"),
    ] {
        let folder = Folder::new();
        let mut request = folder.request(url);
        request.headers = vec![(header::AUTHORIZATION, HeaderValue::from_static("Bearer secret"))];
        outbound(&["127.0.0.0/8"]).download(request).await.expect("a file");
        assert_eq!(std::fs::read_to_string(folder.path()).expect("the file"), expected);
    }
}

#[tokio::test]
async fn a_download_that_fails_leaves_no_file() {
    let large = || async { vec![7_u8; 1001] };
    let router = Router::new()
        .route("/large", get(large))
        .route("/endless", get(endless))
        .route("/slow", get(slow))
        .route("/missing", get(|| async { StatusCode::NOT_FOUND }))
        .route("/nowhere", get(|| async { StatusCode::FOUND }));
    let root = serve(router).await;
    for (path, expected) in [
        ("/large", OutboundError::TooLarge(1000)),
        ("/endless", OutboundError::TooLarge(1000)),
        ("/slow", OutboundError::Timeout),
        ("/missing", OutboundError::Status(StatusCode::NOT_FOUND)),
        ("/nowhere", OutboundError::Status(StatusCode::FOUND)),
    ] {
        let folder = Folder::new();
        let mut request = folder.request(format!("{root}{path}"));
        request.deadline = SHORT;
        let error = outbound(&["127.0.0.0/8"]).download(request).await.expect_err(path);
        assert_eq!(error, expected, "{path}");
        assert!(!folder.path().exists(), "{path}");
    }
}

#[test]
fn names_of_downloads_are_hints_without_tricks() {
    for (value, expected) in [
        ("attachment", None),
        ("attachment; filename=", None),
        ("attachment; filename=cat.png", Some("cat.png")),
        ("attachment;FileName = cat.png ; size=3", Some("cat.png")),
        (r#"attachment; filename="a;b=c \"d\".png"; x=y"#, Some("a;b=c \"d\".png")),
        ("inline; filename=plain.png; filename*=UTF-8''na%C3%AFve.png", Some("naïve.png")),
        ("inline; filename*=UTF-8'en'na%C3%AFve.png; filename=plain.png", Some("naïve.png")),
        ("attachment; filename=\"unclosed", Some("unclosed")),
        ("attachment; filename=\"../../etc/passwd\"", Some("passwd")),
        (r"attachment; filename=C:\fakepath\cat.png", Some("cat.png")),
        ("attachment; filename*=UTF-8''a%0D%0Ab%00.png", Some("ab.png")),
        ("attachment; filename*=UTF-8''photo%E2%80%AEgnp.exe", Some("photognp.exe")),
        ("attachment; filename*=UTF-8''%2E%2E%2F%2E%2E", None),
        ("attachment; filename=..", None),
        (";;;===\"\\", None),
        ("", None),
    ] {
        assert_eq!(disposition_name(value).as_deref(), expected, "{value}");
    }
    assert_eq!(clean_name(&"é".repeat(200)).map(|name| name.len()), Some(254));
}

proptest::proptest! {
    #[test]
    fn any_header_gives_a_clean_name_or_none(value in "(attachment; )?(filename\\*?=)?.{0,40}") {
        if let Some(name) = disposition_name(&value) {
            proptest::prop_assert!(!name.is_empty() && name.len() <= NAME_BYTES_MAX);
            proptest::prop_assert!(!name.contains(['/', '\\']) && !name.chars().any(char::is_control));
        }
    }
}

/// A server with a certificate that nobody vouches for, which answers every request with this.
fn serve_tls() -> u16 {
    use std::io::{Read, Write};

    use rustls::pki_types::PrivateKeyDer;
    use rustls::pki_types::pem::PemObject;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let chain = vec![CertificateDer::from_pem_slice(include_bytes!("../mail/localhost.pem")).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../mail/key.pem")).expect("a key");
    let config = config.expect("versions").with_no_client_auth().with_single_cert(chain, key).expect("a pair");
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), Ok(mut tls)) = (stream, rustls::ServerConnection::new(config.clone())) else {
                continue;
            };
            let mut stream = rustls::Stream::new(&mut tls, &mut stream);
            let mut bytes = [0; 4096];
            if stream.read(&mut bytes).is_ok_and(|read| read > 0) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
            }
        }
    });
    port
}

#[tokio::test]
async fn a_certificate_is_looked_at_unless_somebody_asked_that_it_be_not() {
    let (client, port) = (outbound(&["127.0.0.0/8"]), serve_tls());
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{port}/");
        let refused = client.send(get_request(&url)).await.expect_err("nobody vouches for it");
        assert!(matches!(refused, OutboundError::Tls(_)), "{refused}");
        let answer = client.send(OutboundRequest { verify_tls: false, ..get_request(&url) }).await.expect("an answer");
        assert_eq!(answer.body.as_ref(), b"hello");
    }
    // The guard holds all the same.
    let guarded = outbound(&[]);
    let request = OutboundRequest { verify_tls: false, ..get_request(&format!("https://localhost:{port}/")) };
    assert!(matches!(guarded.send(request).await, Err(OutboundError::Forbidden(_))));
}
