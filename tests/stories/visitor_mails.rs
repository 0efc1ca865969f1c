//! Mails about messages that Vera has not read: who gets one, how it looks, and how she gets no more.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::mail::{FakeMailServer, Fault, Letter, Moment};
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Cast, Engine, Transport, eventually};
use serde_json::{Value, json};

use crate::web_messaging::{Site, thread_of};

on_both_engines![
    what_is_not_read_is_mailed_once,
    who_is_there_or_has_read_or_is_unknown_gets_no_mail,
    who_wants_no_more_mails_gets_none,
    the_first_template_that_fits_is_used,
    what_is_wrong_with_a_template_is_said,
    no_mail_is_lost_or_doubled_by_a_kill,
    a_strangers_word_makes_no_flood_of_mails,
];

struct Office {
    mails: FakeMailServer,
    cast: Cast,
}

impl Office {
    fn open(engine: Engine) -> Office {
        let mails = FakeMailServer::start();
        let launch =
            Launch::new(engine).with(&["--demo", "--mail-from", "desk@example.com", "--trusted-proxy", "127.0.0.1/32"]);
        let cast = Cast::at(launch.env("FRONTDESK_SMTP_URL", &mails.url()).start());
        Office { mails, cast }
    }

    /// A source whose mails lead to a page.
    fn site(&self) -> Site<'_> {
        let site = Site::new(&self.cast, "mobile_messaging");
        site.mode("reject");
        site.configure(&json!({ "back_to_chat_url": "https://shop.example/chat?from=mail&x=1" }));
        site
    }

    /// A quarter of an hour has passed.
    fn later(&self) {
        self.cast.server.sql("UPDATE visitor_unread SET due_at = due_at - 900000000 WHERE due_at IS NOT NULL");
    }

    /// What is due was looked at, and nothing was mailed to this address but so much.
    fn nothing_more(&self, email: &str, count: usize) {
        let other = self.site();
        let address = format!("{}@example.com", unique("other"));
        let vera = other.vera(&json!({ "identity": { "email": address } }));
        self.cast.otto.reply(&id(&vera.writes(None, "Hello")), "Good day");
        self.is_noted();
        self.later();
        self.mails.wait_for(&address, 1);
        self.mails.wait_for(email, count);
        assert_eq!(self.to(email).len(), count);
    }

    fn to(&self, email: &str) -> Vec<Letter> {
        self.mails.letters().into_iter().filter(|letter| letter.to == [email]).collect()
    }

    /// The server has noted what visitors have not read.
    fn is_noted(&self) {
        let metrics = || self.cast.server.send(&Request::new("GET", "/metrics")).text();
        let lag = "frontdesk_consumer_lag{consumer=\"visitors\"} 0";
        eventually("all is noted", || metrics().lines().any(|line| line == lag).then_some(()));
    }
}

fn email() -> String {
    format!("{}@example.com", unique("vera"))
}

fn what_is_not_read_is_mailed_once(engine: Engine) {
    let office = Office::open(engine);
    let (site, otto) = (office.site(), &office.cast.otto);
    let address = email();
    let vera = site.vera(&json!({ "identity": { "email": address, "screenname": "Vera <V>" } }));
    let first = vera.writes(None, "Hello");
    otto.reply(&id(&first), "One < two & \"three\"\n<script>alert(1)</script>");
    otto.reply(&id(&first), "And {{{unsubscribe_link}}}");
    office.is_noted();
    office.later();
    let letter = office.mails.wait_for(&address, 1).remove(0);
    let source = otto.get(&format!("/1.0/content_sources/{}", site.source_id)).ok();
    let name = source["name"].as_str().expect("a name");
    assert_eq!(letter.header("Subject"), format!("New messages from {name}"));
    let unsubscribe = letter.header("List-Unsubscribe");
    assert!(unsubscribe.contains("/unsubscribe?address=") && !unsubscribe.contains(&address), "{unsubscribe}");
    assert_eq!(letter.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    let (text, html) = letter.alternatives();
    assert!(text.starts_with("Hello Vera <V>,\n") && text.contains("\nOne < two & \"three\"\n"), "{text}");
    assert!(text.contains("\nhttps://shop.example/chat?from=mail&x=1\n"), "{text}");
    assert!(text.contains(unsubscribe.trim_matches(['<', '>'])), "{text}");
    assert!(html.contains("Vera &lt;V&gt;") && html.contains("One &lt; two &amp; &quot;three&quot;<br>"), "{html}");
    assert!(html.contains("{{{unsubscribe_link}}}") && !html.contains("<script"), "{html}");
    assert!(html.contains("href=\"https://shop.example/chat?from=mail&amp;x=1\""), "{html}");

    // Nothing is mailed twice, and what is new is.
    office.later();
    office.nothing_more(&address, 1);
    otto.reply(&id(&first), "Are you there?");
    office.is_noted();
    office.later();
    let letter = office.mails.wait_for(&address, 2).remove(1);
    let (text, _) = letter.alternatives();
    assert!(text.contains("Are you there?") && !text.contains("One <"), "{text}");

    // In her language, and back to the page that she saw last.
    site.configure(&json!({ "back_to_chat_url": "", "allowed_sites": ["https://shop.example"] }));
    for (page, expected) in
        [("https://shop.example/cart?a='b'", 1), ("https://evil.example/", 0), ("javascript:alert(1)", 0)]
    {
        let address = email();
        let place =
            json!({ "identity": { "email": address }, "locale": "fr-CA", "page": { "url": page, "title": "Cart" } });
        let vera = site.vera(&place);
        otto.reply(&id(&vera.writes(None, "Hello")), "Good day");
        office.is_noted();
        office.later();
        office.nothing_more(&address, expected);
        for letter in office.to(&address) {
            assert_eq!(letter.header("Subject"), format!("Nouveaux messages de {name}"));
            let (text, html) = letter.alternatives();
            assert!(text.starts_with("Bonjour ") && text.contains("https://shop.example/cart?a=%27b%27"), "{text}");
            assert!(!html.contains("a='b'"), "{html}");
        }
    }
}

fn who_is_there_or_has_read_or_is_unknown_gets_no_mail(engine: Engine) {
    let office = Office::open(engine);
    let (site, otto) = (office.site(), &office.cast.otto);
    let (present, reader) = (email(), email());
    let vera = site.vera(&json!({ "identity": { "email": present } }));
    let mut stream = vera.listens(Transport::Events, None);
    stream.heartbeat();
    otto.reply(&id(&vera.writes(None, "Hello")), "Good day");
    office.is_noted();
    office.later();
    let other = site.vera(&json!({ "identity": { "email": reader } }));
    let answer = otto.reply(&id(&other.writes(None, "Hello")), "Good day");
    let read = format!("threads/{}/read", answer["thread_id"].as_str().expect("a thread"));
    assert_eq!(other.send("POST", &read, &json!({ "content_id": answer["id"] })).status, 204);
    let unknown = site.vera(&json!({}));
    otto.reply(&id(&unknown.writes(None, "Hello")), "Good day");
    // In a live chat people are there, or it is over.
    let chat = Site::new(&office.cast, "chat");
    chat.mode("reject");
    let chatting = email();
    let chatter = chat.vera(&json!({ "identity": { "email": chatting } }));
    otto.reply(&id(&chatter.writes(None, "Hello")), "Good day");
    office.is_noted();
    office.later();
    for address in [&present, &reader, &chatting] {
        office.nothing_more(address, 0);
    }
    // Who goes away without reading gets it after all.
    drop(stream);
    office.cast.server.sql("UPDATE visitor_unread SET due_at = due_at - 60000000 WHERE due_at IS NOT NULL");
    office.mails.wait_for(&present, 1);
    // Who tells their address late, too.
    let late = email();
    assert_eq!(unknown.send("PUT", "email", &json!({ "email": late })).status, 204);
    office.later();
    office.mails.wait_for(&late, 1);
}

fn who_wants_no_more_mails_gets_none(engine: Engine) {
    let office = Office::open(engine);
    let (site, otto) = (office.site(), &office.cast.otto);
    let address = email();
    let vera = site.vera(&json!({ "identity": { "email": address } }));
    let first = vera.writes(None, "Hello");
    otto.reply(&id(&first), "Good day");
    office.is_noted();
    office.later();
    let letter = office.mails.wait_for(&address, 1).remove(0);
    let link = letter.header("List-Unsubscribe");
    let (_, path) = link.trim_matches(['<', '>']).split_once("/chat/").expect("a link to us");
    let path = format!("/chat/{path}");
    let send = |request: Request| request.send(office.cast.server.address()).expect("an answer");
    let get = |path: &str| send(Request::new("GET", path));
    let says_again = |text: &str, count: usize| {
        otto.reply(&id(&first), text);
        office.is_noted();
        office.later();
        office.nothing_more(&address, count);
    };
    // Who only looks, as programs do that check links, changes nothing.
    let page = get(&path);
    assert!(page.status == 200 && page.text().contains("No more mails about unread messages?"), "{}", page.text());
    assert!(page.header("content-security-policy").expect("a policy").starts_with("default-src 'none'"));
    says_again("Still here", 2);
    let clicked = send(Request::new("POST", &path).form(&[("List-Unsubscribe", "One-Click")]));
    assert!(clicked.status == 200 && clicked.text().contains("You get no more mails"), "{}", clicked.text());
    says_again("Gone", 2);
    let french = send(Request::new("GET", &path).header("Accept-Language", "fr-FR,en;q=0.5")).text();
    assert!(french.contains("Vous ne recevrez plus"), "{french}");
    // It is for one source and one address, and nobody can make up another's.
    let other = office.site();
    for wrong in [
        path.replace(&site.token, &other.token),
        path.replace("signature=", "signature=0"),
        path.replace("address=", "address=00"),
        path.split('?').next().expect("a path").to_owned(),
    ] {
        assert_eq!(get(&wrong).status, 404, "{wrong}");
        assert_eq!(send(Request::new("POST", &wrong)).status, 404, "{wrong}");
    }
    // What was clicked by mistake is taken back.
    assert!(send(Request::new("POST", &path).form(&[("again", "1")])).text().contains("No more mails"));
    says_again("Back", 3);
}

fn the_first_template_that_fits_is_used(engine: Engine) {
    let office = Office::open(engine);
    let (site, otto) = (office.site(), &office.cast.otto);
    let make = |fields: Value| otto.post("/1.0/messaging_mail_templates", &fields).ok();
    let html = |word: &str| {
        format!(
            "<p>{word} {{{{screenname}}}}</p>{{{{{{messages}}}}}}<a href=\"{{{{{{back_to_chat_link}}}}}}\">back</a><a href=\"{{{{{{unsubscribe_link}}}}}}\">no</a>"
        )
    };
    let all = make(json!({ "name": "All", "subject": "All of {{messages_count}}", "html": html("Everybody") }));
    assert_eq!((&all["position"], &all["active"], &all["languages"]), (&json!(1), &json!(true), &json!([])));
    let french = make(json!({ "name": "French", "languages": ["fr"], "html": html("Salut") }));
    let off = make(json!({ "name": "Off", "position": 1, "active": false, "html": html("Never") }));
    let elsewhere = make(
        json!({ "name": "Elsewhere", "position": 1, "source_ids": [office.site().source_id], "html": html("Elsewhere") }),
    );
    let category = id(&otto.create_category(&json!({ "name": unique("Sales ") })));
    let sales = make(json!({ "name": "Sales", "position": 1, "category_ids": [category], "html": html("Sales") }));
    // The French one comes before the one for all.
    let moved = otto.put(&format!("/1.0/messaging_mail_templates/{}", id(&french)), &json!({ "position": 4 })).ok();
    assert_eq!(moved["position"], 4);
    let listed = otto.get("/1.0/messaging_mail_templates").ok();
    let order: Vec<String> = records(&listed).iter().map(id).collect();
    assert_eq!(order, [id(&sales), id(&elsewhere), id(&off), id(&french), id(&all)]);
    let mailed = |locale: &str, categories: Value| {
        let address = email();
        let vera = site.vera(&json!({ "identity": { "email": address, "screenname": "<Vera>" }, "locale": locale }));
        let first = vera.writes(None, "Hello");
        if categories != json!([]) {
            let path = format!("/1.0/content_threads/{}/update_categories", thread_of(&first));
            otto.put(&path, &json!({ "thread_category_ids": categories })).ok();
        }
        otto.reply(&id(&first), "Good day");
        office.is_noted();
        office.later();
        let letter = office.mails.wait_for(&address, 1).remove(0);
        (letter.header("Subject"), letter.alternatives().1)
    };
    let (subject, html) = mailed("en", json!([]));
    assert!(subject == "All of 1" && html.starts_with("<p>Everybody &lt;Vera&gt;</p>"), "{subject} {html}");
    assert!(html.contains("<a href=\"https://shop.example/chat?from=mail&x=1\">back</a>"), "{html}");
    assert!(mailed("fr-CA", json!([])).1.starts_with("<p>Salut "));
    assert!(mailed("fr", json!([category])).1.starts_with("<p>Sales "));

    // A preview comes to whoever asks for it, and to nobody else.
    let ada = office.cast.hire(&["manage_messaging"]);
    let address = otto.get(&format!("/1.0/users/{}", ada.user_id)).ok()["email"].as_str().expect("one").to_owned();
    let sent = ada.post(&format!("/1.0/messaging_mail_templates/{}/preview", id(&french)), &json!({})).ok();
    assert_eq!(sent, json!({ "to": address }));
    let letter = office.mails.wait_for(&address, 1).remove(0);
    assert!(letter.alternatives().1.starts_with("<p>Salut Vera</p>"), "{}", letter.data);
    for template in [&all, &french, &off, &elsewhere, &sales] {
        otto.delete(&format!("/1.0/messaging_mail_templates/{}", id(template))).ok();
    }
    assert_eq!(mailed("en", json!([])).0.split(" from ").next(), Some("New messages"));
}

fn what_is_wrong_with_a_template_is_said(engine: Engine) {
    let cast = Cast::shared(engine);
    let make = |fields: &Value| cast.otto.post("/1.0/messaging_mail_templates", fields);
    let made = make(&json!({ "name": "Begin" })).ok();
    assert!(made["html"].as_str().expect("HTML").contains("{{{messages}}}"), "a new one begins with an example");
    for (field, wrong) in [
        ("name", json!(" ")),
        ("position", json!(0)),
        ("source_ids", json!([cast.shop.id])),
        ("source_ids", json!(["000000000000000000000001"])),
        ("category_ids", json!(["000000000000000000000001"])),
        ("languages", json!(["<b>"])),
        ("subject", json!("{{{screenname}}}")),
        ("subject", json!("")),
        ("html", json!("<p>{{password}}</p>{{{unsubscribe_link}}}")),
        ("html", json!("<p>{{{screenname}}}</p>{{{unsubscribe_link}}}")),
        ("html", json!("<p>no way out</p>")),
        ("html", json!("x".repeat(100_001))),
    ] {
        let mut fields = json!({ "name": "Wrong" });
        fields[field] = wrong.clone();
        assert_eq!(make(&fields).invalid(), [field], "{wrong}");
        let path = format!("/1.0/messaging_mail_templates/{}", id(&made));
        assert_eq!(cast.otto.put(&path, &json!({ field: wrong })).invalid(), [field]);
    }
    cast.otto.delete(&format!("/1.0/messaging_mail_templates/{}", id(&made))).ok();
    cast.otto.get(&format!("/1.0/messaging_mail_templates/{}", id(&made))).refused(404);
    for what in ["created", "destroyed"] {
        let name = format!("mobile_messaging.email_notifications.template.{what}");
        let told = cast.otto.search("/1.0/events", &format!("name_in:{name} user:{}", cast.otto.user_id));
        assert_ne!(told["count"], 0, "{name}");
    }
}

fn no_mail_is_lost_or_doubled_by_a_kill(engine: Engine) {
    let mut office = Office::open(engine);
    let address = email();
    // While the mail server takes nothing, the mail waits, also over a kill.
    office.mails.fail(Moment::Recipient, Fault::Says("451 later"));
    {
        let site = office.site();
        let vera = site.vera(&json!({ "identity": { "email": address } }));
        office.cast.otto.reply(&id(&vera.writes(None, "Hello")), "Good day");
        office.is_noted();
    }
    office.cast.server.kill();
    office.cast.server.restart();
    office.later();
    eventually("it was tried", || office.mails.commands().iter().any(|said| said.contains(&address)).then_some(()));
    office.cast.server.kill();
    office.mails.recover();
    office.cast.server.sql("UPDATE mails SET due_at = 0 WHERE status = 'waiting'");
    office.cast.server.restart();
    office.mails.wait_for(&address, 1);
    office.nothing_more(&address, 1);
}

fn a_strangers_word_makes_no_flood_of_mails(engine: Engine) {
    let office = Office::open(engine);
    let (site, otto) = (office.site(), &office.cast.otto);
    // Whatever conversations it is given in, an address that nobody has vouched for gets four mails a day.
    let address = email();
    let told = |vera: &crate::web_messaging::Vera, text: &str| otto.reply(&id(&vera.writes(None, "Hello")), text);
    let veras: Vec<_> = (0..6)
        .map(|_| site.vera(&json!({ "identity": { "email": address, "screenname": "Win at www.evil.example" } })))
        .collect();
    for (number, vera) in veras.iter().enumerate() {
        told(vera, &format!("Answer {number}"));
    }
    office.is_noted();
    office.later();
    let letters = office.mails.wait_for(&address, 4);
    office.nothing_more(&address, 4);
    assert!(letters.iter().all(|letter| !letter.alternatives().0.contains("evil")), "nobody is called by an address");
    // The rest is not lost: it comes the next day.
    office.cast.server.sql("UPDATE visitor_mails SET mailed_at = mailed_at - 86400000000");
    office.later();
    office.mails.wait_for(&address, 6);
    // Without sites or an address of the source's own, a stranger's word is no place to lead anybody to.
    site.configure(&json!({ "back_to_chat_url": "", "allowed_sites": [] }));
    let lost = email();
    told(&site.vera(&json!({ "identity": { "email": lost }, "page": { "url": "https://evil.example/" } })), "Good day");
    office.is_noted();
    office.later();
    office.nothing_more(&lost, 0);
    site.configure(&json!({ "back_to_chat_url": "https://shop.example/" }));
    // Who has told no address may be known by their person's.
    let known = email();
    let vera = site.vera(&json!({}));
    let first = vera.writes(None, "Hello");
    let author = office.cast.otto.content(&id(&first))["author_id"].as_str().expect("an author").to_owned();
    otto.put(&format!("/1.0/identities/{author}/identity_group"), &json!({ "emails": [known] })).ok();
    otto.reply(&id(&first), "Good day");
    office.is_noted();
    office.later();
    office.mails.wait_for(&known, 1);
}
