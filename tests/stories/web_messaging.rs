//! Visitors: what a website loads, and what Vera does in its chat over the published protocol.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Answer, Cast, Engine, Heard, Person, Stream, TRANSPORTS, Transport, clock, eventually};
use ring::hmac;
use serde_json::{Value, json};

on_both_engines![
    a_website_loads_what_it_needs,
    a_source_that_is_off_is_silent,
    a_visitor_writes_and_an_agent_answers,
    who_may_not_read_on_a_source_vouches_for_none_of_its_visitors,
    the_same_message_again_is_the_same_message,
    a_visitor_has_their_own_conversations_only,
    what_happens_is_told_on_every_device,
    a_lost_stream_goes_on_where_it_was,
    a_live_chat_is_one_conversation_that_ends,
    a_signed_visitor_takes_along_what_they_began,
    what_is_not_rightly_signed_is_refused,
    an_unsigned_word_never_reaches_a_signed_person,
    nobody_speaks_with_an_agents_voice,
    nobody_takes_the_name_of_the_source,
    a_visitor_sends_files,
    pages_of_other_sites_are_sent_away,
    bad_input_is_refused_and_named,
    a_flood_slows_only_its_visitor,
    a_network_is_counted_whatever_it_makes_up,
    visitors_leave_streams_to_agents_and_to_visitors_of_elsewhere,
    a_session_that_ends_says_why,
    who_only_said_who_they_are_ends_when_the_person_is_signed,
    what_is_known_of_a_visitor_fills_their_persons_card,
    who_is_forgotten_is_forgotten_by_the_chat,
    files_that_nobody_sends_go_again,
    one_history_for_web_and_mobile,
    both_sides_see_the_other_type,
    who_waits_hears_where_they_stand,
    what_a_stranger_waits_for_is_the_customers,
    in_a_closed_thread_nobody_is_asked,
];

/// The server of these stories. Every visitor comes from an address of their own, as behind a proxy.
pub(crate) fn shared(engine: Engine) -> &'static Cast {
    static CASTS: [OnceLock<Cast>; 2] = [OnceLock::new(), OnceLock::new()];
    CASTS[engine as usize].get_or_init(|| Cast::start(engine, &["--trusted-proxy", "127.0.0.1/32"]))
}

/// A website's source.
pub(crate) struct Site<'c> {
    pub(crate) cast: &'c Cast,
    pub(crate) source_id: String,
    pub(crate) community_id: String,
    pub(crate) token: String,
}

impl<'c> Site<'c> {
    pub(crate) fn new(cast: &'c Cast, kind: &str) -> Site<'c> {
        let community = json!({ "type": "mobile_messaging", "name": unique("Shop ") });
        let community_id = id(&cast.otto.post("/1.0/communities", &community).ok());
        let source = json!({ "type": kind, "name": unique("Window "), "community_id": community_id });
        let source = cast.otto.post("/1.0/content_sources", &source).ok();
        let token = source["widget_token"].as_str().expect("a token").to_owned();
        Site { cast, source_id: id(&source), community_id, token }
    }

    pub(crate) fn path(&self, path: &str) -> String {
        format!("/chat/{}/{path}", self.token)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Request::new("GET", &self.path(path)).send(self.cast.server.address()).expect("an answer")
    }

    pub(crate) fn mode(&self, mode: &str) {
        let path = format!("/1.0/communities/{}/signed_identities", self.community_id);
        self.cast.otto.put(&path, &json!({ "mode": mode })).ok();
    }

    pub(crate) fn key(&self, key_id: &str, algorithm: &str, key: &str) {
        let key = json!({ "key_id": key_id, "algorithm": algorithm, "key": key });
        self.cast.otto.post(&format!("/1.0/communities/{}/jwt_keys", self.community_id), &key).ok();
    }

    pub(crate) fn configure(&self, settings: &Value) -> Value {
        self.cast.otto.put(&format!("/1.0/content_sources/{}/messaging", self.source_id), settings).ok()
    }

    /// Somebody comes, with these parameters.
    #[track_caller]
    pub(crate) fn vera(&self, parameters: &Value) -> Vera<'_> {
        let mut vera = Vera { site: self, session: String::new(), address: address(), begun: Value::Null };
        let answer = vera.send("POST", "session", parameters);
        assert_eq!(answer.status, 201, "{}", answer.text());
        vera.begun = answer.json();
        vera.session = vera.begun["session"].as_str().expect("a session").to_owned();
        vera
    }

    /// A beginning that is refused.
    pub(crate) fn stranger(&self, parameters: &Value) -> Answer {
        let vera = Vera { site: self, session: String::new(), address: address(), begun: Value::Null };
        vera.send("POST", "session", parameters)
    }

    pub(crate) fn threads(&self) -> Vec<Value> {
        let q = format!("source:{}", self.source_id);
        records(&self.cast.otto.search("/1.0/content_threads", &q)).to_vec()
    }
}

/// An address that nobody else has.
fn address() -> String {
    let number: u32 = unique("").parse().expect("a number");
    format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

pub(crate) struct Vera<'s> {
    site: &'s Site<'s>,
    pub(crate) session: String,
    address: String,
    pub(crate) begun: Value,
}

impl Vera<'_> {
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        let request = Request::new(method, &self.site.path(path)).header("X-Forwarded-For", &self.address);
        if self.session.is_empty() { request } else { request.token(&self.session) }
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path);
        let request = if method == "GET" { request } else { request.json(body) };
        request.send(self.site.cast.server.address()).expect("an answer")
    }

    #[track_caller]
    pub(crate) fn writes(&self, thread_id: Option<&str>, text: &str) -> Value {
        let message = json!({ "client_id": unique("m"), "thread_id": thread_id, "body": text });
        let answer = self.send("POST", "contents", &message);
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    #[track_caller]
    pub(crate) fn threads(&self) -> Vec<Value> {
        self.send("GET", "threads", &Value::Null).ok()["threads"].as_array().expect("threads").clone()
    }

    #[track_caller]
    pub(crate) fn bodies(&self, thread_id: &str) -> Vec<String> {
        let page = self.send("GET", &format!("threads/{thread_id}/contents"), &Value::Null).ok();
        let contents = page["contents"].as_array().expect("contents").iter().rev();
        contents.map(|content| content["body"].as_str().expect("a text").to_owned()).collect()
    }

    #[track_caller]
    pub(crate) fn listens(&self, transport: Transport, after: Option<i64>) -> Stream {
        self.tries_to_listen(transport, after).unwrap_or_else(|refusal| panic!("{} {}", refusal.status, refusal.text()))
    }

    pub(crate) fn tries_to_listen(&self, transport: Transport, after: Option<i64>) -> Result<Stream, Answer> {
        let query = after.map_or(String::new(), |after| format!("?after={after}"));
        let (bearer, offered) = (format!("Bearer {}", self.session), format!("frontdesk, session.{}", self.session));
        let headers = match transport {
            Transport::Events => ("Authorization", bearer.as_str()),
            Transport::WebSocket => ("Sec-WebSocket-Protocol", offered.as_str()),
        };
        let target = self.site.path(&format!("stream{query}"));
        Stream::open_at(self.site.cast.server.address(), transport, &target, &[headers]).expect("an answer")
    }
}

fn answers(agent: &Person, content: &Value, text: &str) -> Value {
    agent.reply(&id(content), text)
}

pub(crate) fn thread_of(content: &Value) -> String {
    content["thread_id"].as_str().expect("a thread").to_owned()
}

pub(crate) const KEY: &str = "0123456789abcdef01234567";

pub(crate) fn signed(key_id: &str, key: &str, payload: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "HS256", "kid": key_id })), part(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

pub(crate) fn in_hours(hours: i64) -> i64 {
    clock::seconds_after(hours * 3600)
}

fn a_website_loads_what_it_needs(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let loader = site.get("loader.js");
    assert_eq!((loader.status, loader.header("cache-control")), (200, Some("public, max-age=60")));
    assert_eq!(loader.header("content-type"), Some("text/javascript; charset=utf-8"));
    let text = loader.text();
    let (code, config) = text.rsplit_once("\n})(").expect("a function that is called");
    assert!(code.starts_with("(frontdesk=>{"));
    let config: Value = serde_json::from_str(config.trim_end().trim_end_matches(");")).expect("JSON");
    assert_eq!(
        (&config["token"], &config["mode"], &config["active"]),
        (&json!(site.token), &json!("messaging"), &json!(true))
    );
    // Pages with Google Analytics of their own are told by it, where the source wants that.
    site.configure(&json!({ "analytics": "universal" }));
    let text = site.get("loader.js").text();
    assert!(text.trim_end().ends_with("})(\"universal\");") && text.contains("(analytics=>{"), "{text}");
    site.configure(&json!({ "analytics": "" }));
    let tag = loader.header("etag").expect("a tag");
    let again = Request::new("GET", &site.path("loader.js")).header("If-None-Match", tag);
    let again = again.send(cast.server.address()).expect("an answer");
    assert_eq!((again.status, again.body.len()), (304, 0));

    for part in ["manager", "launcher", "debug"] {
        let path = config["assets"][part].as_str().expect("an address");
        let asset = Request::new("GET", path).send(cast.server.address()).expect("an answer");
        assert_eq!((asset.status, asset.header("access-control-allow-origin")), (200, Some("*")), "{path}");
        assert_eq!(asset.header("cache-control"), Some("public, max-age=31536000, immutable"));
    }
    for path in ["/assets/", "/assets/../loader.js", "/assets/nothing.js", "/assets/%2e%2e/x"] {
        let asset = Request::new("GET", path).send(cast.server.address()).expect("an answer");
        assert_eq!(asset.status, 404, "{path}");
    }

    site.configure(&json!({
        "allowed_sites": ["https://shop.example", "https://*.shop.example"],
        "welcome_messages": ["</script><b>How can we help?"],
    }));
    // On a tab of its own it is called as its source.
    let renamed = json!({ "name": "Tea & <b>Books</b>" });
    cast.otto.put(&format!("/1.0/content_sources/{}", site.source_id), &renamed).ok();
    let window = site.get("window");
    assert!(window.text().contains("<title>Tea &amp; &lt;b&gt;Books&lt;/b&gt;</title>"), "{}", window.text());
    let policy = window.header("content-security-policy").expect("a policy").to_owned();
    assert!(policy.contains("script-src 'self';"), "{policy}");
    assert!(policy.ends_with("frame-ancestors 'self' https://shop.example https://*.shop.example"), "{policy}");
    let text = window.text();
    let (_, data) = text.split_once("<script type=\"application/json\" id=\"settings\">").expect("settings");
    let data: Value = serde_json::from_str(data.split_once("</script>").expect("an end").0).expect("JSON");
    assert_eq!(data["welcome_messages"], json!(["</script><b>How can we help?"]));
    assert_eq!((&data["mode"], &data["standalone"]), (&json!("messaging"), &Value::Null));
    assert_eq!(site.get("web?jwt_identity=none").status, 401, "a frame needs a signed visitor");
    site.key("one", "HS256", KEY);
    let jwt = signed("one", KEY, &json!({ "uuid": unique("u"), "exp": in_hours(2) }));
    let frame = site.get(&format!("web?jwt_identity={jwt}&custom_a=1&other=2"));
    assert!(frame.status == 200 && frame.text().contains(r#""custom":{"custom_a":"1"}"#), "{}", frame.text());
}

fn a_source_that_is_off_is_silent(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "chat");
    cast.otto.put(&format!("/1.0/content_sources/{}", site.source_id), &json!({ "active": false })).ok();
    for path in [site.path("loader.js"), "/chat/nobody/loader.js".into(), "/chat/%00/loader.js".into()] {
        let loader = Request::new("GET", &path).send(cast.server.address()).expect("an answer");
        assert_eq!((loader.status, loader.text().trim()), (200, "/* There is no chat here. */"), "{path}");
    }
    site.stranger(&json!({})).refused(404);
    assert_eq!(site.get("window").status, 404);
    let shop = format!("/chat/{}/session", cast.shop.id);
    let request = Request::new("POST", &shop).json(&json!({}));
    request.send(cast.server.address()).expect("an answer").refused(404);
}

fn a_visitor_writes_and_an_agent_answers(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let page = json!({ "url": "https://shop.example/cart", "title": "Cart", "from": 0 });
    let vera = site.vera(&json!({ "page": page, "custom": { "custom_cart_amount": 58 } }));
    assert_eq!((&vera.begun["threads"], &vera.begun["identity"]["id"]), (&json!([]), &Value::Null));
    assert!(vera.session.starts_with("fds_"));
    let first = vera.writes(None, "Where is my parcel?");
    assert_eq!((&first["from"], &first["body"]), (&json!("visitor"), &json!("Where is my parcel?")));
    let seen = cast.otto.content(&id(&first));
    assert_eq!(
        (&seen["status"], &seen["type"], &seen["source_type"]),
        (&json!("new"), &json!("message"), &json!("mobile_messaging"))
    );
    assert_eq!(seen["context_data"]["identity_initiated_thread"], true);
    let thread = cast.otto.get(&format!("/1.0/content_threads/{}", thread_of(&first))).ok();
    assert_eq!(thread["extra_data"]["custom_cart_amount"], 58);
    assert_eq!(thread["extra_data"]["page_url"], "https://shop.example/cart");

    let answer = answers(&cast.otto, &first, "On its way.");
    assert_eq!(answer["synchronization_status"], "success");
    let thread_id = thread_of(&first);
    assert_eq!(vera.bodies(&thread_id), ["Where is my parcel?", "On its way."]);
    let threads = vera.threads();
    assert_eq!((&threads[0]["unread"], &threads[0]["opened"]), (&json!(1), &json!(true)));
    assert_eq!(threads[0]["last_content"]["from"], "agent");
    let read = format!("threads/{thread_id}/read");
    assert_eq!(vera.send("POST", &read, &json!({ "content_id": answer["id"] })).status, 204);
    assert_eq!(vera.threads()[0]["unread"], 0);
    let status = vera.send("POST", "status", &json!({ "session": vera.session }));
    assert_eq!(status.ok(), json!({ "open_threads": 1, "unread": 0 }));

    // Where she is later is known with her next conversation, which is another one.
    let second = vera.writes(None, "Something else");
    assert_ne!(thread_of(&second), thread_id);
    assert_eq!(vera.writes(Some(&thread_id), "And when?")["thread_id"], json!(thread_id));
    assert_eq!(vera.threads().iter().map(id).collect::<Vec<_>>(), [thread_id.clone(), thread_of(&second)]);
    cast.otto.put(&format!("/1.0/content_threads/{thread_id}/close"), &json!({})).ok();
    let late = json!({ "client_id": unique("m"), "thread_id": thread_id, "body": "Hello?" });
    assert_eq!(vera.send("POST", "contents", &late).refused(409)["error"], "thread_closed");
    assert_eq!(vera.send("DELETE", "session", &json!({})).status, 204);
    assert_eq!(vera.send("GET", "threads", &Value::Null).refused(401)["error"], "invalid_session");
}

fn the_same_message_again_is_the_same_message(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let (vera, other) = (site.vera(&json!({})), site.vera(&json!({})));
    let message = json!({ "client_id": "once", "body": "Hello" });
    let first = vera.send("POST", "contents", &message);
    assert_eq!(first.status, 201, "{}", first.text());
    let again = vera.send("POST", "contents", &message);
    assert_eq!((again.status, again.json()), (200, first.json()));
    assert_eq!(other.send("POST", "contents", &message).status, 201, "each visitor has names of their own");
    let sent: Vec<u16> = std::thread::scope(|scope| {
        let send = || vera.send("POST", "contents", &json!({ "client_id": "at-once", "body": "Hello" })).status;
        let tries: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
        tries.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    assert_eq!(sent.iter().filter(|status| **status == 201).count(), 1, "{sent:?}");
    assert_eq!((vera.threads().len(), other.threads().len()), (2, 1));
}

fn a_visitor_has_their_own_conversations_only(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let (vera, mallory) = (site.vera(&json!({})), site.vera(&json!({})));
    let first = vera.writes(None, "A secret");
    mallory.writes(None, "Hello");
    let thread = thread_of(&first);
    mallory.send("GET", &format!("threads/{thread}/contents"), &Value::Null).refused(404);
    let into = json!({ "client_id": unique("m"), "thread_id": thread, "body": "Me too" });
    mallory.send("POST", "contents", &into).refused(404);
    mallory.send("POST", &format!("threads/{thread}/read"), &json!({ "content_id": first["id"] })).refused(404);
    mallory.send("POST", &format!("threads/{thread}/typing"), &json!({ "typing": true })).refused(404);
    mallory.send("POST", &format!("threads/{thread}/close"), &json!({})).refused(404);
    mallory.send("GET", &format!("threads?before={thread}"), &Value::Null).refused(404);
    let reply = json!({
        "client_id": unique("m"), "thread_id": mallory.threads()[0]["id"], "body": "x",
        "structured_reply": { "content_id": first["id"], "payload": "x" },
    });
    assert_eq!(mallory.send("POST", "contents", &reply).invalid(), ["structured_reply[content_id]"]);
    // A session of one source is none of another.
    let elsewhere = Site::new(cast, "mobile_messaging");
    let stray = Vera { site: &elsewhere, session: vera.session.clone(), address: address(), begun: Value::Null };
    stray.send("GET", "threads", &Value::Null).refused(401);
    assert!(stray.tries_to_listen(Transport::Events, None).is_err());
    // An access token of the desk is none, either, and a session opens nothing of the desk.
    let otto = Vera { site: &site, session: cast.otto.token.clone(), address: address(), begun: Value::Null };
    otto.send("GET", "threads", &Value::Null).refused(401);
    cast.otto.but_with(&vera.session).get("/1.0/content_threads").refused(401);
}

fn what_happens_is_told_on_every_device(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let (vera, other) = (site.vera(&json!({})), site.vera(&json!({})));
    let mut streams = TRANSPORTS.map(|transport| vera.listens(transport, None));
    let mut others = other.listens(Transport::Events, None);
    for stream in streams.iter_mut().chain([&mut others]) {
        stream.heartbeat();
    }
    let first = vera.writes(None, "Hello");
    let thread_id = thread_of(&first);
    let answer = answers(&cast.otto, &first, "Good day");
    let thread = format!("/1.0/content_threads/{thread_id}");
    cast.otto.put(&format!("{thread}/close"), &json!({})).ok();
    for stream in &mut streams {
        let told = stream.event();
        assert_eq!((&told["type"], &told["thread"]["id"]), (&json!("thread"), &json!(thread_id)));
        let told = stream.event_named("content");
        assert_eq!((&told["content"]["id"], &told["content"]["client_id"]), (&first["id"], &first["client_id"]));
        let told = stream.event_named("content");
        assert_eq!((&told["content"]["id"], &told["content"]["from"]), (&answer["id"], &json!("agent")));
        let told = stream.event_named("thread");
        assert_eq!(told["thread"]["opened"], false);
    }
    let read = format!("threads/{thread_id}/read");
    assert_eq!(vera.send("POST", &read, &json!({ "content_id": answer["id"] })).status, 204);
    for stream in &mut streams {
        let told = stream.event_named("read");
        assert_eq!((&told["content_id"], &told["from"]), (&answer["id"], &json!("visitor")));
    }
    other.writes(None, "Mine");
    let told = others.event_named("content");
    assert_eq!(told["content"]["body"], "Mine", "nobody hears of others");
    assert_eq!(vera.send("DELETE", "session", &json!({})).status, 204);
    for stream in &mut streams {
        assert_eq!(stream.event_named("end")["error"], "invalid_session");
    }
}

fn a_lost_stream_goes_on_where_it_was(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let vera = site.vera(&json!({}));
    let first = vera.writes(None, "0");
    let thread_id = thread_of(&first);
    let mut place = vera.begun["seq"].as_i64().expect("a place");
    let mut heard: Vec<String> = Vec::new();
    let mut written = 1;
    for round in 0..4 {
        let mut stream = vera.listens(TRANSPORTS[round % 2], Some(place));
        for _ in 0..3 {
            vera.writes(Some(&thread_id), &written.to_string());
            written += 1;
        }
        // What was written while nobody listened comes first, then what comes now; then the connection is lost.
        while heard.len() < written - 2 {
            let told = stream.event();
            place = told["seq"].as_i64().expect("a place");
            if told["type"] == "content" {
                heard.push(told["content"]["body"].as_str().expect("a text").to_owned());
            }
        }
    }
    let mut stream = vera.listens(Transport::WebSocket, Some(place));
    while heard.len() < written {
        let told = stream.event_named("content");
        heard.push(told["content"]["body"].as_str().expect("a text").to_owned());
    }
    assert_eq!(heard, (0..written).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(heard, vera.bodies(&thread_id));
    assert!(vera.tries_to_listen(Transport::Events, Some(i64::MAX)).is_err());
}

fn a_live_chat_is_one_conversation_that_ends(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "chat");
    let vera = site.vera(&json!({}));
    let first = vera.writes(None, "Hello");
    assert_eq!(thread_of(&vera.writes(None, "Anybody?")), thread_of(&first));
    let source = cast.otto.get(&format!("/1.0/content_sources/{}", site.source_id)).ok();
    assert_eq!((&source["type"], &source["live_chat"]), (&json!("chat"), &json!(true)));
    let close = format!("threads/{}/close", thread_of(&first));
    assert_eq!(vera.send("POST", &close, &json!({})).status, 204);
    assert_eq!(vera.send("POST", &close, &json!({})).status, 204, "again changes nothing");
    let thread = cast.otto.get(&format!("/1.0/content_threads/{}", thread_of(&first))).ok();
    assert_eq!((&thread["closed"], &thread["extra_data"]["close_cause"]), (&json!(true), &json!("visitor_closed")));
    assert_ne!(thread_of(&vera.writes(None, "Me again")), thread_of(&first));
    let messaging = Site::new(cast, "mobile_messaging");
    let vera = messaging.vera(&json!({}));
    let close = format!("threads/{}/close", thread_of(&vera.writes(None, "Hello")));
    vera.send("POST", &close, &json!({})).refused(403);
}

fn a_signed_visitor_takes_along_what_they_began(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    site.key("one", "HS256", KEY);
    let uuid = unique("customer-");
    let payload = json!({
        "uuid": uuid, "exp": in_hours(2), "firstname": "Vera", "lastname": "Visitor", "email": "vera@example.com",
        "company": "Purple", "extra_values": { "customer_id": "A1" },
    });
    let jwt = signed("one", KEY, &payload);
    for round in 0..2 {
        let anonymous = site.vera(&json!({}));
        let message = json!({ "client_id": format!("m{round}"), "body": "Before I signed in" });
        let before = anonymous.send("POST", "contents", &message).json();
        let comment = json!({ "intervention_id": cast.otto.engage(&id(&before))["id"], "body": "Who is she?" });
        let comment = cast.otto.post("/1.0/intervention_comments", &comment).ok();
        let vera = site.vera(&json!({ "session": anonymous.session, "jwt": jwt }));
        assert_eq!((&vera.begun["identity"]["uuid"], &vera.begun["identity"]["signed"]), (&json!(uuid), &json!(true)));
        assert_eq!(vera.threads().len(), round + 1, "what she began is hers");
        assert_eq!(vera.bodies(&thread_of(&before)), ["Before I signed in"]);
        anonymous.send("GET", "threads", &Value::Null).refused(401);
        let again = vera.send("POST", "contents", &message);
        assert_eq!((again.status, id(&again.json())), (200, id(&before)), "a repeat is one across the sign-in, too");
        let answer = answers(&cast.otto, &before, "Good day");
        assert_eq!(vera.bodies(&thread_of(&before)).len(), 2);
        assert_eq!(answer["status"], "user_reply");
        let seen = cast.otto.content(&id(&vera.writes(Some(&thread_of(&before)), "Thanks")));
        assert_eq!(seen["status"], "assigned", "{seen}");
        let author = cast.otto.get(&format!("/1.0/identities/{}", seen["author_id"].as_str().expect("an id"))).ok();
        assert_eq!(
            (&author["uuid"], &author["firstname"], &author["company"]),
            (&json!(uuid), &json!("Vera"), &json!("Purple"))
        );
        assert_eq!(author["extra_values"]["customer_id"], "A1");
        let of_hers = format!("/1.0/intervention_comments?identity_id={}", id(&author));
        assert!(ids(&cast.otto.get(&of_hers).ok()).contains(&id(&comment)), "what was noted about her, too");
        // A new token renews, one of somebody else does not.
        let renewed = signed("one", KEY, &json!({ "uuid": uuid, "exp": in_hours(3) }));
        assert_eq!(vera.send("PUT", "session", &json!({ "jwt": renewed })).status, 204);
        let other = signed("one", KEY, &json!({ "uuid": unique("u"), "exp": in_hours(3) }));
        assert_eq!(vera.send("PUT", "session", &json!({ "jwt": other })).refused(409)["error"], "other_identity");
    }
    assert_eq!(site.threads().len(), 2);
}

fn what_is_not_rightly_signed_is_refused(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    site.key("one", "HS256", KEY);
    site.key("rsa", "RS256", PUBLIC_KEY);
    let (uuid, exp) = (unique("u"), in_hours(2));
    let right = json!({ "uuid": uuid, "exp": exp });
    for (why, jwt) in [
        ("another key", signed("one", "0123456789abcdef01234568", &right)),
        ("an unknown key", signed("two", KEY, &right)),
        ("the public key as a secret", signed("rsa", PUBLIC_KEY, &right)),
        ("no uuid", signed("one", KEY, &json!({ "exp": exp }))),
        ("no exp", signed("one", KEY, &json!({ "uuid": uuid }))),
        ("exp as text", signed("one", KEY, &json!({ "uuid": uuid, "exp": exp.to_string() }))),
        ("a far exp", signed("one", KEY, &json!({ "uuid": uuid, "exp": i64::MAX }))),
        ("exp too soon", signed("one", KEY, &json!({ "uuid": uuid, "exp": in_hours(1) - 60 }))),
        ("an anonymous uuid", signed("one", KEY, &json!({ "uuid": "anonymous-1", "exp": exp }))),
        ("a zero", signed("one", KEY, &json!({ "uuid": "a\0b", "exp": exp }))),
        ("rubbish", "a.b.c".to_owned()),
    ] {
        let refusal = site.stranger(&json!({ "jwt": jwt })).refused(401);
        assert_eq!(refusal["error"], "invalid_identity", "{why}");
    }
    let late = signed("one", KEY, &json!({ "uuid": uuid, "exp": in_hours(0) - 60 }));
    assert_eq!(site.stranger(&json!({ "jwt": late })).refused(401)["error"], "identity_expired");
    site.vera(&json!({ "jwt": rsa_signed(&right) }));
    let keys = format!("/1.0/communities/{}/jwt_keys", site.community_id);
    let taken = json!({ "key_id": "one", "algorithm": "RS256", "key": PUBLIC_KEY });
    assert_eq!(cast.otto.post(&keys, &taken).invalid(), ["key_id"], "a key id stands for one algorithm");
    cast.otto.delete(&format!("{keys}/rsa")).ok();
    site.stranger(&json!({ "jwt": rsa_signed(&right) })).refused(401);
    site.mode("reject");
    let jwt = signed("one", KEY, &right);
    assert_eq!(site.stranger(&json!({ "jwt": jwt })).refused(403)["error"], "signed_identity_rejected");
}

fn who_may_not_read_on_a_source_vouches_for_none_of_its_visitors(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    site.key("one", "HS256", KEY);
    let mallory = cast.hire(&["read_community", "update_community"]);
    let community = format!("/1.0/communities/{}", site.community_id);
    let key = json!({ "key_id": "evil", "algorithm": "HS256", "key": KEY });
    let mappings = json!({ "extra_value_mappings": [{ "key": "x", "field": "company" }] });
    let tries = || {
        [
            mallory.post(&format!("{community}/jwt_keys"), &key),
            mallory.put(&format!("{community}/signed_identities"), &json!({ "mode": "reject" })),
            mallory.put(&community, &mappings),
            mallory.delete(&format!("{community}/jwt_keys/one")),
        ]
    };
    for answer in tries() {
        answer.refused(403);
    }
    let stands = cast.otto.get(&format!("{community}/signed_identities")).ok();
    assert_eq!((stands["keys"].as_array().map(Vec::len), &stands["mode"]), (Some(1), &json!("require")));
    let rights = json!({ &site.source_id: "read" });
    cast.otto.put(&format!("/1.0/users/{}/sources_permissions", mallory.user_id), &rights).ok();
    for answer in tries() {
        answer.ok();
    }
}

fn an_unsigned_word_never_reaches_a_signed_person(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    site.key("one", "HS256", KEY);
    let uuid = unique("customer-");
    let claim = json!({ "identity": { "uuid": uuid, "screenname": "Mallory" } });
    assert_eq!(site.stranger(&claim).refused(403)["error"], "signed_identity_required", "as a community begins");
    let vera = site.vera(&json!({ "jwt": signed("one", KEY, &json!({ "uuid": uuid, "exp": in_hours(2) })) }));
    vera.writes(None, "My account number");
    site.mode("reject");
    assert_eq!(site.stranger(&claim).refused(403)["error"], "signed_identity_required", "once signed, always");
    let status = vera.site.stranger_status(&json!({ "uuid": uuid }));
    assert_eq!(status, json!({ "open_threads": 0, "unread": 0 }));
    // Who was never signed is who they say they are.
    let other = unique("customer-");
    let claim = json!({ "identity": { "uuid": other, "screenname": "Willa" } });
    let first = site.vera(&claim);
    first.writes(None, "Hello");
    let again = site.vera(&claim);
    assert_eq!((again.threads().len(), &again.begun["identity"]["screenname"]), (1, &json!("Willa")));
    assert_ne!(again.session, first.session);
    // Facts without a uuid complete the same visitor.
    let anonymous = site.vera(&json!({}));
    let known = site.vera(&json!({ "session": anonymous.session, "identity": { "email": "v@example.com" } }));
    assert_eq!(known.session, anonymous.session);
    assert_eq!(known.begun["identity"]["email"], "v@example.com");
    assert_eq!(known.begun["identity"]["uuid"], anonymous.begun["identity"]["uuid"]);
    let taken = json!({ "identity": { "uuid": anonymous.begun["identity"]["uuid"] } });
    assert_eq!(site.stranger(&taken).invalid(), ["identity[uuid]"], "an anonymous visitor is nobody's to claim");
}

impl Site<'_> {
    fn stranger_status(&self, body: &Value) -> Value {
        let request = Request::new("POST", &self.path("status")).header("X-Forwarded-For", &address());
        request.body("text/plain", body.to_string()).send(self.cast.server.address()).expect("an answer").ok()
    }
}

fn nobody_speaks_with_an_agents_voice(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    site.mode("reject");
    let vera = site.vera(&json!({}));
    let first = vera.writes(None, "Hello");
    let answer = answers(&cast.otto, &first, "Good day");
    let author = cast.otto.get(&format!("/1.0/identities/{}", answer["author_id"].as_str().expect("an id"))).ok();
    let voice = json!({ "identity": { "uuid": author["uuid"] } });
    assert_eq!(site.stranger(&voice).invalid(), ["uuid"]);
    // What the page says by itself is marked, and waits for nobody.
    let mut message =
        json!({ "client_id": unique("m"), "thread_id": first["thread_id"], "body": "Sale!", "from": "agent" });
    assert_eq!(vera.send("POST", "contents", &message).invalid(), ["from"]);
    message["automated"] = true.into();
    let said = vera.send("POST", "contents", &message);
    assert_eq!(said.status, 201, "{}", said.text());
    assert_eq!((&said.json()["from"], &said.json()["automated"]), (&json!("agent"), &json!(true)));
    assert_eq!(cast.otto.content(&id(&said.json()))["status"], "user_reply");
}

fn file(name: &str, client_id: &str, bytes: &[u8]) -> Vec<u8> {
    let mut body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\n{client_id}\r\n--XX\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: image/png\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--XX--\r\n");
    body
}

fn nobody_takes_the_name_of_the_source(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    site.key("one", "HS256", KEY);
    let author = |content: &Value| cast.otto.content(&id(content))["author_id"].clone();
    let jwt = signed("one", KEY, &json!({ "uuid": site.source_id, "exp": in_hours(2) }));
    let customer = author(&site.vera(&json!({ "jwt": jwt })).writes(None, "I am the shop"));
    let [first, second] = [0, 1].map(|_| {
        let message = json!({ "client_id": unique("m"), "body": "Need help?", "from": "agent", "automated": true });
        author(&site.vera(&json!({})).send("POST", "contents", &message).json())
    });
    assert_ne!(first, customer);
    assert_eq!(first, second, "it keeps its voice");
}

fn a_visitor_sends_files(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let (vera, mallory) = (site.vera(&json!({})), site.vera(&json!({})));
    let upload = |vera: &Vera, body: Vec<u8>| {
        let request = vera.request("POST", "attachments").body("multipart/form-data; boundary=XX", body);
        request.send(cast.server.address()).expect("an answer")
    };
    let taken = upload(&vera, file("cat.png", "f1", b"meow"));
    assert_eq!(taken.status, 201, "{}", taken.text());
    let again = upload(&vera, file("cat.png", "f1", b"meow"));
    assert_eq!(again.json()["id"], taken.json()["id"], "the same again is the same file");
    for (name, bytes, attribute) in [("evil.html", &b"<b>"[..], "file"), ("none", b"x", "file"), ("a.png", b"", "file")]
    {
        assert_eq!(upload(&vera, file(name, "f2", bytes)).invalid(), [attribute], "{name}");
    }
    assert_eq!(upload(&vera, file("a.png", "not a name", b"x")).invalid(), ["client_id"]);
    upload(&vera, file("big.png", "f3", &vec![0; 10 * 1024 * 1024])).refused(413);
    let with = |client_id: &str| json!({ "client_id": client_id, "attachment_ids": [taken.json()["id"]] });
    assert_eq!(mallory.send("POST", "contents", &with("m1")).invalid(), ["attachment_ids"], "it is not theirs");
    let sent = vera.send("POST", "contents", &with("m1"));
    assert_eq!(sent.status, 201, "{}", sent.text());
    let sent = sent.json();
    let attachment = &sent["attachments"][0];
    assert_eq!((&attachment["name"], &attachment["size"]), (&json!("cat.png"), &json!(4)));
    let url = attachment["url"].as_str().expect("an address");
    let path = url.find("/attachments/").map(|start| &url[start..]).expect("a path");
    let download = Request::new("GET", path).send(cast.server.address()).expect("an answer");
    assert_eq!((download.status, download.body.as_slice()), (200, &b"meow"[..]));
    assert_eq!(vera.send("POST", "contents", &with("m1")).status, 200, "a repeat needs the file no more");
    assert_eq!(vera.send("POST", "contents", &with("m2")).invalid(), ["attachment_ids"], "it was used");
    assert_eq!(cast.otto.content(&id(&sent))["attachments"].as_array().map(Vec::len), Some(1));
}

fn pages_of_other_sites_are_sent_away(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let ask = |method: &str, path: &str, origin: &str| {
        let request =
            Request::new(method, &site.path(path)).header("Origin", origin).header("X-Forwarded-For", &address());
        let request = if method == "POST" { request.json(&json!({})) } else { request };
        request.send(cast.server.address()).expect("an answer")
    };
    assert_eq!(ask("POST", "session", "https://anywhere.example").status, 201, "without a list every site may");
    site.configure(&json!({ "allowed_sites": ["https://shop.example"] }));
    let good = ask("POST", "session", "https://shop.example");
    assert_eq!((good.status, good.header("access-control-allow-origin")), (201, Some("https://shop.example")));
    assert_eq!(ask("POST", "session", "http://desk.example").status, 201, "the window is ours");
    let preflight = ask("OPTIONS", "session", "https://shop.example");
    assert_eq!(
        (preflight.status, preflight.header("access-control-allow-headers")),
        (204, Some("Authorization, Content-Type"))
    );
    for origin in ["https://evil.example", "null", "https://shop.example.evil", "http://shop.example", "\u{e9}", ""] {
        for (method, path) in
            [("POST", "session"), ("GET", "availability?trigger_ids=a"), ("POST", "status"), ("OPTIONS", "session")]
        {
            let answer = ask(method, path, origin);
            assert_eq!(answer.refused(403)["error"], "site_not_allowed", "{origin} {method}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    let vera = site.vera(&json!({}));
    let offered = format!("frontdesk, session.{}", vera.session);
    let headers = [("Sec-WebSocket-Protocol", offered.as_str()), ("Origin", "https://evil.example")];
    let refused = Stream::open_at(cast.server.address(), Transport::WebSocket, &site.path("stream"), &headers);
    assert_eq!(refused.expect("an answer").err().map(|answer| answer.status), Some(403));
}

fn bad_input_is_refused_and_named(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let vera = site.vera(&json!({}));
    let of = |body: Value| vera.send("POST", "contents", &body).invalid();
    assert_eq!(of(json!({ "body": "x" })), ["client_id"]);
    assert_eq!(of(json!({ "client_id": "a b", "body": "x" })), ["client_id"]);
    assert_eq!(of(json!({ "client_id": "a" })), ["body"]);
    assert_eq!(of(json!({ "client_id": "a", "body": " " })), ["body"]);
    assert_eq!(of(json!({ "client_id": "a", "body": 7 })), ["body"]);
    assert_eq!(of(json!({ "client_id": "a", "body": "x".repeat(10_001) })), ["body"]);
    assert_eq!(of(json!({ "client_id": "a", "body": "x", "thread_id": "x" })), ["thread_id"]);
    assert_eq!(of(json!({ "client_id": "a", "body": "x", "attachment_ids": ["x"] })), ["attachment_ids"]);
    assert_eq!(of(json!({ "client_id": "a", "body": "x", "structured_reply": {} })), ["structured_reply"]);
    vera.send("POST", "contents", &json!({ "client_id": "a", "body": "x\0" })).refused(400);
    let raw = |method: &str, path: &str, body: &[u8]| {
        vera.request(method, path).body("application/json", body).send(cast.server.address()).expect("an answer")
    };
    for body in [&b"{"[..], b"[]", b"\xff", b"7", b"null", &[b'['; 5000]] {
        raw("POST", "contents", body).refused(400);
        raw("POST", "session", body).refused(400);
        raw("PUT", "page", body).refused(400);
    }
    raw("POST", "contents", &vec![b' '; 70_000]).refused(413);
    let beginning = |body: Value| site.stranger(&body);
    assert_eq!(beginning(json!({ "identity": "Vera" })).invalid(), ["identity"]);
    assert_eq!(beginning(json!({ "identity": { "email": 7 } })).invalid(), ["identity[email]"]);
    assert_eq!(beginning(json!({ "custom": { "cart": 1 } })).invalid(), ["custom"]);
    assert_eq!(beginning(json!({ "page": { "url": "x".repeat(3000) } })).invalid(), ["page[url]"]);
    assert_eq!(vera.send("PUT", "email", &json!({ "email": "nobody" })).invalid(), ["email"]);
    for (method, path) in [
        ("GET", "session"),
        ("POST", "nothing"),
        ("GET", "threads/x/contents"),
        ("GET", "threads?before=x"),
        ("PATCH", "page"),
        ("GET", ""),
        ("GET", "threads//contents"),
        ("POST", "loader.js"),
        ("GET", "%ff"),
        ("DELETE", "window"),
    ] {
        vera.send(method, path, &json!({})).refused(404);
    }
    for limit in ["-1", "x", "99999999999999999999"] {
        assert_eq!(vera.send("GET", &format!("threads?limit={limit}"), &Value::Null).invalid(), ["limit"]);
    }
    let mute = Vera { site: &site, session: String::new(), address: address(), begun: Value::Null };
    mute.send("GET", "threads", &Value::Null).refused(401);
    let settings = format!("/1.0/content_sources/{}/messaging", site.source_id);
    let wrong = json!({
        "allowed_sites": ["shop"], "locale": "<", "avatar_url": "javascript:", "welcome_messages": ["x".repeat(1_001)],
        "translations": { "en": 7 }, "queuing_factor": -1, "analytics": "all",
    });
    let mut named = cast.otto.put(&settings, &wrong).invalid();
    named.sort();
    assert_eq!(
        named,
        ["allowed_sites", "analytics", "avatar_url", "locale", "queuing_factor", "translations", "welcome_messages"]
    );
    let sdk = format!("/1.0/content_sources/{}/messaging", cast.shop.id);
    cast.otto.get(&sdk).refused(422);
}

fn a_flood_slows_only_its_visitor(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    site.mode("reject");
    let who = json!({ "identity": { "uuid": unique("flood-") } });
    // Many sessions, from everywhere, are still one visitor.
    let (floods, vera) = ([site.vera(&who), site.vera(&who), site.vera(&who)], site.vera(&json!({})));
    let statuses: Vec<u16> = (0..40)
        .map(|number| {
            let answer =
                floods[number % 3].send("POST", "contents", &json!({ "client_id": format!("m{number}"), "body": "x" }));
            if answer.status == 429 {
                assert!(answer.header("retry-after").is_some());
            }
            answer.status
        })
        .collect();
    assert!(statuses[..30].iter().all(|status| *status == 201), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    vera.writes(None, "I am heard");
    // Whoever is known may come again and again.
    for _ in 0..24 {
        let again = vera.send("POST", "session", &json!({ "session": vera.session }));
        assert_eq!((again.status, again.json()["session"].as_str()), (201, Some(vera.session.as_str())));
    }
    let mut streams: Vec<_> = (0..10).map(|_| vera.listens(Transport::Events, None)).collect();
    let refused = vera.tries_to_listen(Transport::Events, None).err().map(|answer| answer.status);
    assert_eq!(refused, Some(429));
    streams.pop();
    eventually("a place is free again", || vera.tries_to_listen(Transport::Events, None).ok());
}

fn a_network_is_counted_whatever_it_makes_up(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let network = unique("").parse::<u32>().expect("a number");
    let from = |number: usize, method: &str, path: &str| {
        // One customer of a provider has a whole /64.
        let address = format!("2001:db8:{:x}:{:x}::{number:x}", network >> 16, network & 0xffff);
        Request::new(method, &site.path(path)).header("X-Forwarded-For", &address)
    };
    let send = |request: Request| request.send(cast.server.address()).expect("an answer").status;
    let begin =
        |number: usize| send(from(number, "POST", "session").json(&json!({ "session": format!("fds_{number}") })));
    let begun: Vec<u16> = (0..24).map(begin).collect();
    assert!(
        begun[..20].iter().all(|status| *status == 201) && begun[20..].iter().all(|status| *status == 429),
        "{begun:?}"
    );
    site.vera(&json!({}));
    // Secrets that are made up are one network's, too.
    let made_up: Vec<u16> = (0..1_200)
        .map(|number| send(from(number, "PUT", "session").token(&format!("fds_{number}")).json(&json!({}))))
        .collect();
    assert_eq!((made_up[0], made_up.last()), (401, Some(&429)));
    assert_eq!(send(from(0, "GET", "loader.js")), 429);
    assert_eq!(site.get("loader.js").status, 200);
}

/// What a stream says when it ends.
fn end_of(stream: &mut Stream) -> Value {
    stream.event_named("end")["error"].clone()
}

fn visitors_leave_streams_to_agents_and_to_visitors_of_elsewhere(engine: Engine) {
    let cast = Cast::start(engine, &["--trusted-proxy", "127.0.0.1/32", "--streams-max", "40"]);
    let site = Site::new(&cast, "mobile_messaging");
    let opens = |visitor: &Vera, network: &str| {
        let bearer = format!("Bearer {}", visitor.session);
        let headers = [("Authorization", bearer.as_str()), ("X-Forwarded-For", network)];
        Stream::open_at(cast.server.address(), Transport::Events, &site.path("stream"), &headers).expect("an answer")
    };
    let refusal = |opened: Result<Stream, Answer>| {
        let refused = opened.err().expect("a refusal");
        assert_eq!((refused.status, refused.header("retry-after").is_some()), (429, true), "{}", refused.text());
        refused.text()
    };
    let mut streams = Vec::new();
    // Each time somebody new, as anybody can be.
    for (network, visitors) in [("192.0.2.1", 2), ("192.0.2.2", 1)] {
        for _ in 0..visitors {
            let vera = site.vera(&json!({}));
            streams
                .extend((0..10).map(|_| opens(&vera, network).unwrap_or_else(|refusal| panic!("{}", refusal.text()))));
        }
        if visitors == 2 {
            assert!(refusal(opens(&site.vera(&json!({})), network)).contains("Your network"));
        }
    }
    assert!(refusal(opens(&site.vera(&json!({})), "192.0.2.3")).contains("streams of visitors"));
    for transport in TRANSPORTS {
        cast.ada.stream(transport, "").heartbeat();
    }
    streams.pop();
    eventually("a place is free again", || opens(&site.vera(&json!({})), "192.0.2.3").ok());
}

fn a_session_that_ends_says_why(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    site.key("one", "HS256", KEY);
    site.key("two", "HS256", KEY);
    let sign =
        |key_id: &str| json!({ "jwt": signed(key_id, KEY, &json!({ "uuid": unique("u"), "exp": in_hours(2) })) });
    // What signed her runs out while she listens: ten seconds later at most, as clocks differ.
    let late = site.vera(&sign("one"));
    let hash = late.begun["identity"]["uuid"].as_str().expect("a uuid").to_owned();
    let over = clock::seconds_after(-8) * 1_000_000;
    cast.server.sql(&format!("UPDATE visitor_sessions SET expires_at = {over} WHERE uuid = '{hash}'"));
    let mut streams = TRANSPORTS.map(|transport| late.listens(transport, None));
    for stream in &mut streams {
        stream.heartbeat();
        assert_eq!(end_of(stream), "identity_expired");
    }
    for transport in TRANSPORTS {
        let refused = late.tries_to_listen(transport, None).err().map(|answer| answer.refused(401)["error"].clone());
        assert_eq!(refused, Some(json!("identity_expired")));
    }
    assert_eq!(late.send("GET", "threads", &Value::Null).refused(401)["error"], "identity_expired");
    // A key that is deleted takes along what it signed, and nothing else.
    let (one, two) = (site.vera(&sign("one")), site.vera(&sign("two")));
    let (mut first, mut second) = (one.listens(Transport::Events, None), two.listens(Transport::WebSocket, None));
    first.heartbeat();
    second.heartbeat();
    cast.otto.delete(&format!("/1.0/communities/{}/jwt_keys/one", site.community_id)).ok();
    assert_eq!(end_of(&mut first), "invalid_session");
    assert_eq!(one.send("GET", "threads", &Value::Null).refused(401)["error"], "invalid_session");
    assert_eq!(two.send("GET", "threads", &Value::Null).status, 200);
    assert_eq!(two.send("DELETE", "session", &Value::Null).status, 204);
    assert_eq!(end_of(&mut second), "invalid_session");
    // A token that says that it holds for a thousand years does so for a month.
    let ever = json!({ "jwt": signed("two", KEY, &json!({ "uuid": unique("u"), "exp": in_hours(8_760_000) })) });
    let until = site.vera(&ever).begun["expires_at"].as_str().expect("a time").to_owned();
    assert!(until < clock::after(32 * 86_400) && until > clock::after(30 * 86_400), "{until}");
}

fn who_only_said_who_they_are_ends_when_the_person_is_signed(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    site.mode("reject");
    let uuid = unique("customer-");
    let claim = |uuid: &str| json!({ "identity": { "uuid": uuid, "screenname": "Mallory" } });
    let (mallory, willa) = (site.vera(&claim(&uuid)), site.vera(&claim(&unique("customer-"))));
    let anonymous = site.vera(&json!({}));
    anonymous.writes(None, "Hello");
    let mut streams = [&mallory, &willa].map(|one| one.listens(Transport::Events, None));
    for stream in &mut streams {
        stream.heartbeat();
    }
    assert_eq!(mallory.send("GET", "threads", &Value::Null).status, 200);
    site.mode("require");
    for (one, stream) in [&mallory, &willa].into_iter().zip(&mut streams) {
        assert_eq!(end_of(stream), "invalid_session");
        assert_eq!(one.send("GET", "threads", &Value::Null).refused(401)["error"], "invalid_session");
    }
    assert_eq!(anonymous.threads().len(), 1, "who said nothing goes on");
    // Once signed, always, whatever is asked for later.
    site.key("one", "HS256", KEY);
    let vera = site.vera(&json!({ "jwt": signed("one", KEY, &json!({ "uuid": uuid, "exp": in_hours(2) })) }));
    vera.writes(None, "My account number");
    site.mode("reject");
    assert_eq!(willa.send("GET", "threads", &Value::Null).status, 200);
    mallory.send("GET", "threads", &Value::Null).refused(401);
    vera.send("GET", "threads", &Value::Null).refused(401);
}

fn what_is_known_of_a_visitor_fills_their_persons_card(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    site.key("one", "HS256", KEY);
    let field = json!({ "associated_type_name": "IdentityGroup", "label": unique("Number "), "regex": "C-[0-9]+" });
    let key = cast.otto.post("/1.0/custom_fields", &field).ok()["key"].as_str().expect("a key").to_owned();
    let mappings = json!([{ "key": "uuid", "custom_field_key": key }, { "key": "shop", "field": "company" }]);
    let community = format!("/1.0/communities/{}", site.community_id);
    cast.otto.put(&community, &json!({ "extra_value_mappings": mappings })).ok();
    let anonymous = site.vera(&json!({}));
    let first = anonymous.writes(None, "Hello");
    let group = |content: &Value| {
        let author = cast.otto.content(&id(content))["author_id"].as_str().expect("an author").to_owned();
        cast.otto.get(&format!("/1.0/identities/{author}")).ok()["identity_group_id"].clone()
    };
    assert_eq!(group(&first), Value::Null, "nothing of an anonymous visitor fits");
    let uuid = format!("C-{}", unique(""));
    let payload = json!({ "uuid": uuid, "exp": in_hours(2), "extra_values": { "shop": "Kettles", "other": 1 } });
    site.vera(&json!({ "session": anonymous.session, "jwt": signed("one", KEY, &payload) }));
    let group = group(&first).as_str().expect("a group").to_owned();
    let group = cast.otto.get(&format!("/1.0/identity_groups/{group}")).ok();
    assert_eq!((&group["company"], &group["custom_field_values"]), (&json!("Kettles"), &json!({ key: uuid })));
}

fn who_is_forgotten_is_forgotten_by_the_chat(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    site.mode("reject");
    let (vera, willa) = (site.vera(&json!({ "identity": { "email": "vera@example.com" } })), site.vera(&json!({})));
    let first = vera.writes(None, "Hello");
    let author = cast.otto.content(&id(&first))["author_id"].as_str().expect("an author").to_owned();
    let device = json!({ "platform": "fcm", "push_token": unique("token-") });
    assert_eq!(vera.send("PUT", "devices/phone", &device).status, 204);
    assert_eq!(cast.otto.put(&format!("/1.0/identities/{author}/anonymize"), &json!({})).status, 200);
    assert_eq!(vera.send("GET", "threads", &Value::Null).refused(401)["error"], "invalid_session");
    assert_eq!(willa.send("GET", "threads", &Value::Null).status, 200);
}

fn files_that_nobody_sends_go_again(engine: Engine) {
    let mut cast = Cast::start(engine, &["--trusted-proxy", "127.0.0.1/32"]);
    let files = |cast: &Cast| {
        let folders = std::fs::read_dir(cast.server.data().join("attachments")).expect("a folder").flatten();
        let folders = folders.filter(|folder| folder.file_name() != "tmp" && folder.path().is_dir());
        folders
            .flat_map(|folder| std::fs::read_dir(folder.path()).expect("a folder").flatten())
            .map(|file| file.path())
            .collect::<Vec<_>>()
    };
    {
        let site = Site::new(&cast, "mobile_messaging");
        let vera = site.vera(&json!({}));
        let upload = |client_id: &str, bytes: &[u8]| {
            let request = vera
                .request("POST", "attachments")
                .body("multipart/form-data; boundary=XX", file("a.png", client_id, bytes));
            let taken = request.send(cast.server.address()).expect("an answer");
            assert_eq!(taken.status, 201, "{}", taken.text());
            taken.json()["id"].clone()
        };
        let sent = upload("f1", b"sent");
        upload("f2", b"sent");
        upload("f3", b"never sent");
        let message = json!({ "client_id": "m1", "attachment_ids": [sent] });
        assert_eq!(vera.send("POST", "contents", &message).status, 201);
    }
    assert_eq!(files(&cast).len(), 2);
    cast.server.sql("UPDATE visitor_uploads SET created_at = created_at - 172800000000");
    cast.server.kill();
    for path in files(&cast) {
        let file = std::fs::OpenOptions::new().write(true).open(path).expect("a file");
        file.set_modified(std::time::UNIX_EPOCH).expect("a time");
    }
    cast.server.restart();
    let left = eventually("what nobody sent is gone", || Some(files(&cast)).filter(|left| left.len() == 1));
    assert_eq!(std::fs::read(&left[0]).expect("bytes"), b"sent");
}

fn one_history_for_web_and_mobile(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    site.key("one", "HS256", KEY);
    let jwt = signed("one", KEY, &json!({ "uuid": unique("customer-"), "exp": in_hours(2) }));
    let (web, phone) = (site.vera(&json!({ "jwt": jwt })), site.vera(&json!({ "jwt": jwt })));
    assert_ne!(web.session, phone.session);
    let mut stream = phone.listens(Transport::Events, None);
    stream.heartbeat();
    let first = web.writes(None, "From the desk at home");
    assert_eq!(stream.event_named("content")["content"]["id"], first["id"]);
    // An app with one conversation goes on with the last one.
    let message = json!({ "client_id": unique("m"), "body": "From the bus", "single_thread": true });
    let second = phone.send("POST", "contents", &message).json();
    assert_eq!(second["thread_id"], first["thread_id"]);
    assert_eq!(web.bodies(&thread_of(&first)), ["From the desk at home", "From the bus"]);
    assert!(matches!(stream.next(std::time::Duration::from_secs(20)), Heard::Message(_)));
}

/// Made for these stories, and used nowhere else.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0AZmdeIlnRMM2KNSixoX
uq808ks5loP06QUs6qKbV8KuzsQfsg1s9enUDiKyKbK+eIKk0oEdy/a+fqj1uhve
XLTA2yolXMchj+J/PM1WV6pcmD2JvK/SGJOb512XeheqASHwM/QPt5ydw+jMbulW
Hc39wvnAl62OgZwGSwl5irstxbOzUVUsOPpoti93KB25YeOujO9z4awymdi7ByD1
jomk9/BoCxrS9gI9AUT2p7O0sVZTxa8J+oibc3cwxMIeRn5g1AZ1AMz86/KsQQhF
uP/on6n04yfoipMIH0eCbJzXP1mmeCCcSvVl4HkgNzVvT4W6auUP/Wa4sJ8W4meN
0QIDAQAB
-----END PUBLIC KEY-----
";
const PRIVATE_KEY: &str =
    "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDQBmZ14iWdEwzYo1KLGhe6rzTySzmWg/TpBSzqoptXwq7OxB+yDWz16dQOIr
Ipsr54gqTSgR3L9r5+qPW6G95ctMDbKiVcxyGP4n88zVZXqlyYPYm8r9IYk5vnXZd6F6oBIfAz9A+3nJ3D6Mxu6VYdzf3C+cCXrY6BnAZLCXmK
uy3Fs7NRVSw4+mi2L3coHblh466M73PhrDKZ2LsHIPWOiaT38GgLGtL2Aj0BRPans7SxVlPFrwn6iJtzdzDEwh5GfmDUBnUAzPzr8qxBCEW4/+
ifqfTjJ+iKkwgfR4JsnNc/WaZ4IJxK9WXgeSA3NW9Phbpq5Q/9ZriwnxbiZ43RAgMBAAECggEAY4PETT1/v+ommZZb/PZhBqodWpGY/YOnzDdx
GtfqF2wnQvu4q+1XRDb1fkOj1mXPT4g0AA3LatDhpWb/kmYVlGTV46KAWCdcy1/PfY8/cFWr0RqTQyQbDi3DBcYUmlAqwDrzlW76e9xc7qT181
MFouFxtW3T79uTkjZJHmlsbuwpdtlO9G+aJITN+kg9D5XVroBVr61mRx88VcyWvTh1VgY9iXasxPIHc2/nWk/AuQpB7fqpKJJrUIvljYYO+7Lk
k6dhG0Iv9pAzeHo+z1qcW7ztJlNvlqDE/vYDecSeuvs+onNwpiG4/wZ2Pet6sBCEHZf+MRJJ30vQxmlyvuNwhwKBgQD95QSG4koXvkFiz5tgsa
oK97jcoWslKGlF5fMECM0hrBy5on708sWq0Vwo9x4vlSFlWKdDOgBDXD0MoGDhqhx/Vg/G5BAMMKaBPvtLKHSATF9b4vNRnts8lHcZGW4KZ5C/
Mc31WBAnGElftgoh8MGqqG93pArbyV8l+/G2NNbV6wKBgQDRwAIEnezG+tbrxTyvjO+2do/0wgXzgLtRGNTYOXTGYQCDjY36VbXJta1Pfq0TMV
0bpyY209xfcIvcOMEuA/XOxKH9FvI7IRfnQzWZDqtILesECGHZHybdUuntxnsCtaRqek0S+LpnpTJ9snPKI2Vqds24ceL6altoTworOmTQMwKB
gQDtQWfbi/bk/Rso9QwjbaKTIS6Urhrr3DmT4fAX4wmd37HwHtM4nuzsVTwj49lHabqNdCzJe5fnWniKJgyilE6RB6EyoMgGPCg8OtilQSatBb
FOsmPh7+q7T5mD0Omtu13d7PKjxClD/0QBtqD9Wnf/u+p+CMNE44aQfkE/nVztBQKBgE01XIjOiSYFl69Z/yivvF1x7zOtZ/tmW41Skqa1H6MW
edXy+Vw4yJ3jXlRw0MzL0vYm5Q4xlmEbUKBT0+hYVNcz0l0TYT8aw23Bc61PlQUQwf3OCBagPPIjXzDDauxoaIk5U720CQm16YwTcEPsG5zA9q
D6aw66r8MJtTiMWie5AoGBAOktyZCGmDma5tLyVSA4FI2EeGzHmKPF10EeF6UzSLTB6YsxZhJhKex2o3tO/OVwiBas80ZSvKHsjkRciUTydTZY
S/a46u0G1iiQ9d6U+aSRV/OxW2ryrU+1SS4ZeIzP3Hr/7XHnj2uznD2YzcV4TexipEUD9jc+tdbnmAhO3B2I";

fn rsa_signed(payload: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "RS256", "kid": "rsa" })), part(payload));
    let der = PRIVATE_KEY.split_whitespace().collect::<String>();
    let der = base64::engine::general_purpose::STANDARD.decode(der).expect("base64");
    let key = ring::signature::RsaKeyPair::from_pkcs8(&der).expect("a key");
    let mut tag = vec![0; key.public().modulus_len()];
    #[expect(clippy::disallowed_methods, reason = "a signature made in a test")]
    let random = ring::rand::SystemRandom::new();
    key.sign(&ring::signature::RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut tag).expect("a signature");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn both_sides_see_the_other_type(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "chat");
    let vera = site.vera(&json!({}));
    let thread = thread_of(&vera.writes(None, "Hello"));
    for transport in TRANSPORTS {
        let mut stream = vera.listens(transport, None);
        let mut desk = cast.otto.stream(transport, "types[]=typing.*");
        stream.heartbeat();
        desk.heartbeat();
        let path = format!("/1.0/content_threads/{thread}/typing");
        for typing in [true, false] {
            cast.otto.post(&path, &json!({ "typing": typing })).ok();
            let told = stream.event_named("typing");
            assert_eq!((&told["thread_id"], &told["typing"]), (&json!(thread), &json!(typing)));
            let typed = vera.send("POST", &format!("threads/{thread}/typing"), &json!({ "typing": typing }));
            assert_eq!(typed.status, 204);
            let told = desk.event_named(if typing { "typing.started" } else { "typing.stopped" });
            assert_eq!(told["resource"]["id"], json!(thread));
        }
    }
    let sdk = cast.shop.says("vera", &unique("t"), "Hello");
    let found = cast.shop.all_contents(&cast.otto).into_iter().find(|content| content["foreign_id"] == json!(sdk));
    let thread = thread_of(&found.expect("the message"));
    cast.otto.post(&format!("/1.0/content_threads/{thread}/typing"), &json!({})).refused(404);
}

/// The queue is routing's; who waits hears of it on every device, also when they open the window late.
fn who_waits_hears_where_they_stand(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "chat");
    let limits = json!({
        "name": unique("Live "), "source_ids": [site.source_id], "soft_capability": 1, "hard_capability": 1,
    });
    let channel_id = id(&cast.otto.post("/1.0/channels", &limits).ok());
    let agent = cast.hire(&["receive_tasks", "update_own_intervention"]);
    let rights = json!({ &site.source_id: "read,reply" });
    cast.otto.put(&format!("/1.0/users/{}/sources_permissions", agent.user_id), &rights).ok();
    agent.post("/1.0/status/me/connect", &json!({})).ok();
    let rings = || {
        eventually("it rings", || {
            let found = cast.otto.get(&format!("/1.0/tasks?channel_id={channel_id}")).ok();
            records(&found).iter().find(|task| !task["locked_at"].is_null()).cloned()
        })
    };
    let accept = |task: &Value| agent.post(&format!("/1.0/tasks/{}/accept", id(task)), &json!({})).ok();
    let (first, second) = (site.vera(&json!({})), site.vera(&json!({})));
    first.writes(None, "Hello");
    accept(&rings());
    let thread = thread_of(&second.writes(None, "Hello, too"));
    for transport in TRANSPORTS {
        let mut stream = second.listens(transport, None);
        let told = stream.event_named("queue");
        assert_eq!((&told["thread_id"], &told["state"]), (&json!(thread), &json!("queued")));
        assert_eq!((&told["position"], &told["estimated_wait_seconds"]), (&json!(1), &json!(300)));
    }
    // Room for one more: it rings, is accepted, and nobody waits.
    let mut stream = second.listens(Transport::Events, None);
    stream.heartbeat();
    cast.otto.put(&format!("/1.0/channels/{channel_id}"), &json!({ "soft_capability": 2, "hard_capability": 2 })).ok();
    accept(&rings());
    let over = loop {
        let told = stream.event_named("queue");
        if told["state"] != "queued" {
            break told;
        }
    };
    assert_eq!((&over["state"], &over["position"]), (&json!("done"), &Value::Null));
    assert_eq!(over["thread_id"], json!(thread));
}

/// Who signs in while they wait goes on waiting: for the same agent, and by the same promise.
fn what_a_stranger_waits_for_is_the_customers(engine: Engine) {
    let cast = shared(engine);
    let otto = &cast.otto;
    let site = Site::new(cast, "mobile_messaging");
    site.key("one", "HS256", KEY);
    let path = format!("/1.0/content_sources/{}", site.source_id);
    otto.put(&path, &json!({ "sla_response": 3600 })).ok();
    let group = json!({ "name": unique("Live "), "source_ids": [site.source_id] });
    let channel_id = id(&otto.post("/1.0/channels", &group).ok());
    let agent = cast.hire(&["receive_tasks", "update_own_intervention"]);
    let rights = json!({ &site.source_id: "read,reply" });
    otto.put(&format!("/1.0/users/{}/sources_permissions", agent.user_id), &rights).ok();
    let jwt = signed("one", KEY, &json!({ "uuid": unique("customer-"), "exp": in_hours(2), "firstname": "Vera" }));
    // She is known already, from another conversation.
    site.vera(&json!({ "jwt": jwt })).writes(None, "Another matter");
    let stranger = site.vera(&json!({}));
    let asked = stranger.writes(None, "Hello?");
    let thread = format!("/1.0/content_threads/{}?extended=true", thread_of(&asked));
    let promise_is = |state: &str| {
        eventually(&format!("the promise is {state}"), || (otto.get(&thread).ok()["sla_state"] == state).then_some(()));
    };
    promise_is("ok");
    let task = eventually("a task", || {
        let found = otto.get(&format!("/1.0/tasks?channel_id={channel_id}")).ok();
        records(&found).iter().find(|task| task["content_id"] == asked["id"]).cloned()
    });
    let vera = site.vera(&json!({ "session": stranger.session, "jwt": jwt }));
    assert_eq!(vera.threads().len(), 2);
    agent.post("/1.0/status/me/connect", &json!({})).ok();
    let task = format!("/1.0/tasks/{}", id(&task));
    eventually("it rings", || (!otto.get(&task).ok()["locked_at"].is_null()).then_some(()));
    agent.post(&format!("{task}/accept"), &json!({})).ok();
    answers(&agent, &asked, "Good day");
    promise_is("none");
    eventually("it can be completed", || {
        (agent.post(&format!("{task}/complete"), &json!({})).status == 200).then_some(())
    });
    assert_eq!(otto.get(&thread).ok()["sla_state"], "none");
}

/// Nobody can answer in a closed thread, so nothing of it waits for anybody.
fn in_a_closed_thread_nobody_is_asked(engine: Engine) {
    let cast = shared(engine);
    let otto = &cast.otto;
    let site = Site::new(cast, "mobile_messaging");
    let group = json!({ "name": unique("Live "), "source_ids": [site.source_id] });
    let channel_id = id(&otto.post("/1.0/channels", &group).ok());
    let agent = cast.hire(&["receive_tasks", "update_own_intervention"]);
    let rights = json!({ &site.source_id: "read,reply" });
    otto.put(&format!("/1.0/users/{}/sources_permissions", agent.user_id), &rights).ok();
    agent.post("/1.0/status/me/connect", &json!({})).ok();
    let queue = |name: &str| {
        let found = otto.get(&format!("/1.0/tasks?queue={name}&channel_id={channel_id}")).ok();
        records(&found).to_vec()
    };
    let rings = || eventually("it rings", || queue("global").into_iter().find(|task| !task["locked_at"].is_null()));
    let vera = site.vera(&json!({}));
    let thread = thread_of(&vera.writes(None, "Hello?"));
    let path = format!("/1.0/content_threads/{thread}");
    let first = rings();
    otto.put(&format!("{path}/close"), &json!({})).ok();
    eventually("it is over", || (queue("history").len() == 1).then_some(()));
    let trace = otto.get(&format!("/1.0/tasks/{}/trace", id(&first))).ok();
    assert_eq!(
        (&trace["state"], &trace["entries"].as_array().unwrap().last().unwrap()["action"]),
        (&json!("destroyed"), &json!("thread_closed"))
    );
    // Open again, the customer's next words find somebody; who has accepted them ends it as they see fit.
    otto.put(&format!("{path}/open"), &json!({})).ok();
    vera.writes(Some(&thread), "Still there?");
    let second = rings();
    assert_ne!(second["id"], first["id"]);
    let task = format!("/1.0/tasks/{}", id(&second));
    agent.post(&format!("{task}/accept"), &json!({})).ok();
    otto.put(&format!("{path}/close"), &json!({})).ok();
    otto.put(&format!("{path}/open"), &json!({})).ok();
    site.vera(&json!({})).writes(None, "Somebody else");
    rings();
    assert_eq!(queue("workbins").iter().map(id).collect::<Vec<_>>(), [id(&second)]);
    agent.post(&format!("{task}/complete"), &json!({})).ok();
}
