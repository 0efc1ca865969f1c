//! Mail that goes out: what is told to whom, and what happens when the mail server does not play along.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::mail::{FakeMailServer, Fault, Moment};
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::processes::{free_port, run};
use frontdesk_tests::random::Random;
use frontdesk_tests::server::{Launch, fails, frontdesk};
use frontdesk_tests::{Browser, Cast, Engine, FakeChannel, Person, Reply, Server, eventually};
use serde_json::{Value, json};

on_both_engines![
    who_is_invited_gets_a_mail_in_their_language,
    names_and_addresses_of_others_smuggle_nothing_into_a_mail,
    a_mail_that_the_server_cannot_take_waits_and_goes_out_once,
    a_mail_that_the_server_refuses_is_given_up_and_seen,
    a_mail_whose_answer_was_lost_is_sent_again_as_the_same,
    whoever_is_gone_gets_no_mail_and_a_corrected_address_gets_it,
    without_a_mail_server_mails_wait_and_the_start_says_so,
    an_invitation_that_waited_is_true_when_it_goes_out,
    no_mail_is_lost_when_the_server_is_killed,
    owners_hear_of_their_webhooks_once_an_hour_at_most,
];

const SENDER: &str = "Frontdesk <desk@example.com>";

fn launch(engine: Engine, mails: &FakeMailServer) -> Launch {
    Launch::new(engine).with(&["--demo", "--mail-from", SENDER]).env("FRONTDESK_SMTP_URL", &mails.url())
}

/// Invites somebody new, with these fields beside the necessary ones; the address is returned.
#[track_caller]
fn invite(inviter: &Person, otto: &Person, fields: &Value) -> (String, String) {
    let roles = otto.get("/1.0/roles").ok();
    let agent = records(&roles).iter().find(|role| role["label"] == "Agent").expect("agents").clone();
    let email = format!("{}@example.com", unique("nina"));
    let mut user = json!({ "email": email, "firstname": "Nina", "lastname": "New", "role_id": agent["id"] });
    for (name, value) in fields.as_object().into_iter().flatten() {
        user[name] = value.clone();
    }
    let user = inviter.post("/1.0/users/invite", &user).ok();
    (user["email"].as_str().expect("an address").to_owned(), id(&user))
}

/// The secret of the link in a text.
fn token_in(text: &str) -> String {
    let (_, rest) = text.split_once("/password#").expect("a link");
    rest.split_whitespace().next().expect("a secret").to_owned()
}

fn listed(server: &Server) -> String {
    run(&mut server.command(&["mail", "list"]))
}

/// Waits until the list of mails holds a line with all of these words.
#[track_caller]
fn wait_for_line(server: &Server, words: &[&str]) -> String {
    eventually(&format!("a line with {words:?}"), || {
        let list = listed(server);
        list.lines().find(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned)
    })
}

/// The pauses are long: the time comes at once.
fn let_it_be_due(server: &Server) {
    server.sql("UPDATE mails SET due_at = 0, tried_at = NULL WHERE status = 'waiting'");
}

fn metric(server: &Server, name: &str) -> String {
    let text = server.send(&Request::new("GET", "/metrics")).text();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no {name}")).to_owned()
}

fn who_is_invited_gets_a_mail_in_their_language(engine: Engine) {
    let mails = FakeMailServer::start();
    let cast = Cast::at(launch(engine, &mails).start());
    let place = format!("http://localhost:{}", cast.server.address().port());
    for (locale, subject, hello) in [
        (Value::Null, "Your account on Frontdesk", "Hello,"),
        (json!("de"), "Your account on Frontdesk", "Hello,"),
        (json!("fr-CA"), "Votre compte Frontdesk", "Bonjour,"),
    ] {
        let (email, _) = invite(&cast.otto, &cast.otto, &json!({ "locale": locale }));
        let letter = mails.wait_for(&email, 1).remove(0);
        assert_eq!((letter.header("Subject").as_str(), letter.from.as_str()), (subject, "desk@example.com"));
        assert_eq!((letter.header("To"), letter.header("From").as_str()), (email, SENDER));
        assert_eq!(letter.header("Auto-Submitted"), "auto-generated");
        let text = letter.text();
        assert!(text.starts_with(hello) && text.contains("Otto Operator (admin@frontdesk.local)"), "{text}");
        assert!(text.contains(&format!("\n{place}\n")) && text.contains(&format!("\n{place}/password#")), "{text}");
        assert!(!text.contains(&cast.otto.token));
    }
    // The account's language is that of whoever has none of their own.
    cast.otto.put("/1.0/settings", &json!({ "locale": "fr" })).ok();
    let (email, _) = invite(&cast.otto, &cast.otto, &json!({}));
    assert_eq!(mails.wait_for(&email, 1)[0].header("Subject"), "Votre compte Frontdesk");
    // Each once, nothing is left, and creating somebody with a password tells nobody.
    cast.hire(&["read_user"]);
    eventually("all is sent", || listed(&cast.server).is_empty().then_some(()));
    assert_eq!(mails.letters().len(), 4);
    let ids: BTreeSet<String> = mails.letters().iter().map(|letter| letter.header("Message-ID")).collect();
    assert_eq!(ids.len(), 4);
    assert_eq!(metric(&cast.server, "frontdesk_waiting_mails"), "0");
    assert_eq!(metric(&cast.server, "frontdesk_failed_mails"), "0");
}

fn names_and_addresses_of_others_smuggle_nothing_into_a_mail(engine: Engine) {
    let mails = FakeMailServer::start();
    let cast = Cast::at(launch(engine, &mails).start());
    let mallory = cast.hire(&["invite_user"]);
    let names = json!({ "firstname": "Win now: https://evil.example.net/?a=1 ", "lastname": "a@evil.example.net" });
    cast.otto.put(&format!("/1.0/users/{}", mallory.user_id), &names).ok();
    let turned = json!({ "lastname": "\u{202e}a@evil.example.net" });
    assert_eq!(cast.otto.put(&format!("/1.0/users/{}", mallory.user_id), &turned).invalid(), ["lastname"]);
    let role = cast.hire(&[]);
    let role = cast.otto.get(&format!("/1.0/users/{}", role.user_id)).ok()["role_id"].clone();
    for (address, to) in [
        ("o'neil+x@ex-ample.co", "o'neil+x@ex-ample.co"),
        ("ada@exämple.com", "ada@xn--exmple-cua.com"),
        ("{|}~!#$%&*/=?^`@example.com", "{|}~!#$%&*/=?^`@example.com"),
    ] {
        let mut fields = json!({ "email": address, "role_id": role, "firstname": "Bcc: <b@evil.example.net>", "lastname": ".\nQUIT" });
        assert_eq!(mallory.post("/1.0/users/invite", &fields).invalid(), ["lastname"]);
        fields["lastname"] = json!(". QUIT");
        // The name of whoever is invited is not in the mail at all.
        mallory.post("/1.0/users/invite", &fields).ok();
        let letter = mails.wait_for(to, 1).remove(0);
        let names: Vec<String> = letter.headers().into_iter().map(|(name, _)| name).collect();
        let expected = [
            "Message-ID",
            "Date",
            "From",
            "To",
            "Subject",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
            "Content-Transfer-Encoding",
        ];
        assert_eq!(names, expected);
        let text = letter.text();
        assert!(text.contains("Win now https evil example net a 1 a evil example net"), "{text}");
        assert!(!text.contains("evil.example.net") && !text.contains('\u{202e}'), "{text}");
    }
    // What is no address is refused where it comes in.
    for address in ["a@b\r\nBcc: c@d", "a@b, c@d", "<a@b>", "a@b>\r\nDATA\r\n", "a b@c"] {
        let user = json!({ "email": address, "firstname": "N", "lastname": "N", "role_id": role });
        assert_eq!(mallory.post("/1.0/users/invite", &user).invalid(), ["email"], "{address:?}");
    }
    // This one can be written to by few servers, and this is none of them.
    let user = json!({ "email": "véra@example.com", "firstname": "N", "lastname": "N", "role_id": role });
    mallory.post("/1.0/users/invite", &user).ok();
    wait_for_line(&cast.server, &["failed", "véra@example.com", "SMTPUTF8"]);
    assert!(mails.letters().iter().all(|letter| letter.to.len() == 1 && letter.taken));
    assert!(mails.commands().iter().all(|command| !command.contains("evil")), "{:?}", mails.commands());
}

fn a_mail_that_the_server_cannot_take_waits_and_goes_out_once(engine: Engine) {
    let mails = FakeMailServer::start();
    let cast = Cast::at(launch(engine, &mails).start());
    for (moment, fault, told) in [
        (Moment::Connected, Fault::Says("421 busy"), "busy"),
        (Moment::Connected, Fault::Says("554 not you"), "not you"),
        (Moment::Hello, Fault::Closes, "incomplete"),
        (Moment::Sender, Fault::Says("452 full"), "full"),
        // Not the mail's fault: the settings may become right within the day.
        (Moment::Sender, Fault::Says("550 not from there"), "not from there"),
        (Moment::Recipient, Fault::Says("450 greylisted"), "greylisted"),
        (Moment::Data, Fault::Closes, "incomplete"),
        (Moment::End, Fault::Says("451 try again\u{7} later"), "try again later"),
    ] {
        mails.fail(moment, fault);
        let (email, _) = invite(&cast.otto, &cast.otto, &json!({}));
        let line = wait_for_line(&cast.server, &[&email, told]);
        assert!(line.starts_with("waiting ") && line.contains("attempts: 1"), "{line}");
        assert_eq!(metric(&cast.server, "frontdesk_waiting_mails"), "1");
        mails.recover();
        let_it_be_due(&cast.server);
        mails.wait_for(&email, 1);
        eventually("nothing waits", || listed(&cast.server).is_empty().then_some(()));
        let to_her = mails.letters().into_iter().filter(|letter| letter.to == [email.as_str()]);
        assert_eq!(to_her.filter(|letter| letter.taken).count(), 1, "{moment:?}");
    }
    // A server that says nothing holds up no stop.
    mails.fail(Moment::Recipient, Fault::Hangs);
    let (email, _) = invite(&cast.otto, &cast.otto, &json!({}));
    eventually("it hangs", || mails.commands().iter().any(|said| said.contains(&email)).then_some(()));
    let mut cast = cast;
    cast.server.stop();
    mails.recover();
    cast.server.restart();
    let_it_be_due(&cast.server);
    assert_eq!(mails.wait_for(&email, 1).len(), 1);
}

fn a_mail_that_the_server_refuses_is_given_up_and_seen(engine: Engine) {
    let mails = FakeMailServer::start();
    let cast = Cast::at(launch(engine, &mails).start());
    for (moment, told) in [(Moment::Recipient, "550 no such user here"), (Moment::End, "554 looks like advertising")] {
        mails.fail(moment, Fault::Says(told));
        let (email, _) = invite(&cast.otto, &cast.otto, &json!({}));
        let line = wait_for_line(&cast.server, &[&email, "failed", &told[4..]]);
        assert!(line.contains("Your account on Frontdesk") && line.contains("attempts: 1"), "{line}");
    }
    mails.recover();
    assert_eq!(metric(&cast.server, "frontdesk_failed_mails"), "2");
    assert_eq!(metric(&cast.server, "frontdesk_waiting_mails"), "0");
    // The log tells the operator, and nothing of it the text.
    cast.server.logged("no such user here");
    let log = cast.server.log().join("\n");
    assert!(!log.contains("access token"), "{log}");
}

fn a_mail_whose_answer_was_lost_is_sent_again_as_the_same(engine: Engine) {
    let mails = FakeMailServer::start();
    let cast = Cast::at(launch(engine, &mails).start());
    // The server has it, and breaks off before it says so: nobody can tell.
    mails.fail(Moment::End, Fault::Closes);
    let (email, _) = invite(&cast.otto, &cast.otto, &json!({}));
    wait_for_line(&cast.server, &[&email, "waiting", "attempts: 1", "incomplete"]);
    mails.recover();
    let_it_be_due(&cast.server);
    mails.wait_for(&email, 1);
    let both: Vec<_> = mails.letters().into_iter().filter(|letter| letter.to == [email.as_str()]).collect();
    assert_eq!(both.len(), 2);
    assert_eq!(both[0].data, both[1].data, "receivers know it by its Message-ID");
}

fn whoever_is_gone_gets_no_mail_and_a_corrected_address_gets_it(engine: Engine) {
    let mails = FakeMailServer::start();
    let cast = Cast::at(launch(engine, &mails).start());
    mails.fail(Moment::Connected, Fault::Says("421 busy"));
    let invited: Vec<(String, String)> = (0..3).map(|_| invite(&cast.otto, &cast.otto, &json!({}))).collect();
    for (email, _) in &invited {
        wait_for_line(&cast.server, &[email, "busy"]);
    }
    let path = |number: usize| format!("/1.0/users/{}", invited[number].1);
    cast.otto.delete(&path(0)).ok();
    cast.otto.put(&path(1), &json!({ "enabled": false })).ok();
    let corrected = format!("{}@example.com", unique("corrected"));
    cast.otto.put(&path(2), &json!({ "email": corrected })).ok();
    mails.recover();
    let_it_be_due(&cast.server);
    // What was to go to the wrong address opens nothing any more; this one does.
    let letter = mails.wait_for(&corrected, 1).remove(0).text();
    let works = json!({ "token": token_in(&letter) });
    let told = Browser::at(&cast.server).post("/session/password_link", &works).ok();
    assert_eq!((&told["email"], &told["purpose"]), (&json!(corrected), &json!("invitation")));
    eventually("nothing waits", || listed(&cast.server).is_empty().then_some(()));
    assert_eq!(mails.letters().len(), 1);
}

fn without_a_mail_server_mails_wait_and_the_start_says_so(engine: Engine) {
    let mut cast = Cast::at(Launch::new(engine).with(&["--demo"]).start());
    let (email, _) = invite(&cast.otto, &cast.otto, &json!({}));
    wait_for_line(&cast.server, &["waiting", &email, "attempts: 0"]);
    cast.server.stop();
    assert!(listed(&cast.server).contains(&email), "also while no server runs");
    cast.server.restart();
    cast.server.logged("1 mails wait: set --smtp-url");
    cast.server.stop();
    let mails = FakeMailServer::start();
    let url = mails.url();
    cast.server.relaunch(|launch| launch.with(&["--mail-from", SENDER]).env("FRONTDESK_SMTP_URL", &url));
    cast.server.restart();
    assert_eq!(mails.wait_for(&email, 1).len(), 1);
    cast.server.stop();
    assert_eq!(cast.server.log(), [""; 0]);
    // A day later it would have been dropped, with a warning.
    cast.server.relaunch(|launch| launch.env("FRONTDESK_SMTP_URL", ""));
    cast.server.restart();
    let (email, _) = invite(&cast.otto, &cast.otto, &json!({}));
    wait_for_line(&cast.server, &["waiting", &email]);
    cast.server.sql("UPDATE mails SET give_up_at = 0 WHERE status = 'waiting'");
    wait_for_line(&cast.server, &["failed", &email, "smtp-url"]);
    cast.server.logged("given up");
}

fn an_invitation_that_waited_is_true_when_it_goes_out(engine: Engine) {
    let mut cast = Cast::at(Launch::new(engine).with(&["--demo"]).start());
    let [(one, one_id), (other, _), (third, third_id)] = [(); 3].map(|()| invite(&cast.otto, &cast.otto, &json!({})));
    for email in [&one, &other, &third] {
        wait_for_line(&cast.server, &["waiting", email]);
    }
    // An administrator hands the first one a link, which is used, and gives the third one a password.
    let link = cast.otto.post(&format!("/1.0/users/{one_id}/invitation/link"), &json!({})).ok();
    let choice = json!({ "token": token_in(link["url"].as_str().unwrap()), "password": "correct horse 5!" });
    Browser::at(&cast.server).put("/session/password_link", &choice).ok();
    eventually("their mail is over", || (!listed(&cast.server).contains(&one)).then_some(()));
    cast.otto.put(&format!("/1.0/users/{third_id}"), &json!({ "password": "correct horse 6!" })).ok();
    // The other one's mail waited longer than its link works.
    cast.server.sql("UPDATE password_links SET ends_at = 0");
    cast.server.stop();
    let mails = FakeMailServer::start();
    let url = mails.url();
    let moved = ["--mail-from", SENDER, "--public-url", "https://desk.example.com"];
    cast.server.relaunch(|launch| launch.with(&moved).env("FRONTDESK_SMTP_URL", &url));
    cast.server.restart();
    let letter = mails.wait_for(&other, 1).remove(0).text();
    assert!(letter.contains("\nhttps://desk.example.com\n") && !letter.contains("localhost"), "{letter}");
    assert!(letter.contains("\nhttps://desk.example.com/password#"), "{letter}");
    let told = Browser::at(&cast.server).post("/session/password_link", &json!({ "token": token_in(&letter) })).ok();
    assert_eq!((&told["email"], &told["purpose"]), (&json!(other), &json!("invitation")));
    eventually("nothing waits", || listed(&cast.server).is_empty().then_some(()));
    assert_eq!(mails.letters().len(), 1);
}

fn no_mail_is_lost_when_the_server_is_killed(engine: Engine) {
    let mails = FakeMailServer::start();
    let mut cast = Cast::at(launch(engine, &mails).start());
    let mut random = Random::new(4);
    let mut invited = Vec::new();
    for round in 0..6 {
        // Some kills come while the mail server has the whole text and has not answered.
        if round % 3 == 2 {
            mails.fail(Moment::End, Fault::Hangs);
        }
        for _ in 0..3 {
            invited.push(invite(&cast.otto, &cast.otto, &json!({})).0);
        }
        std::thread::sleep(Duration::from_millis(random.below(1_000) as u64));
        cast.server.kill();
        mails.recover();
        cast.server.restart();
    }
    eventually("all is queued", || {
        let_it_be_due(&cast.server);
        std::thread::sleep(Duration::from_millis(500));
        let arrived: BTreeSet<String> = mails.letters().into_iter().filter(|l| l.taken).flat_map(|l| l.to).collect();
        invited.iter().all(|email| arrived.contains(email)).then_some(())
    });
    let mut copies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for letter in mails.letters() {
        copies.entry(letter.to[0].clone()).or_default().insert(letter.data.clone());
    }
    assert_eq!(copies.len(), invited.len());
    assert!(copies.values().all(|copies| copies.len() == 1), "what comes twice is the same mail");
}

fn owners_hear_of_their_webhooks_once_an_hour_at_most(engine: Engine) {
    let mails = FakeMailServer::start();
    let cast = Cast::at(launch(engine, &mails).start());
    cast.otto.put(&format!("/1.0/users/{}", cast.otto.user_id), &json!({ "locale": "fr" })).ok();
    let (source, receiver) = cast.new_source();
    let webhook = json!({
        "name": "Orders: https://evil.example.net/", "url": format!("{}?key=sesame", receiver.hook_url()),
        "registered_events": ["content.imported"],
    });
    let webhook_id = id(&cast.otto.post("/1.0/webhooks", &webhook).ok());
    let path = format!("/1.0/webhooks/{webhook_id}");
    let status = |wanted: &str| {
        eventually(&format!("the webhook is {wanted}"), || {
            (cast.otto.get(&path).ok()["webhook_status"] == wanted).then_some(())
        });
    };
    status("enabled");
    receiver.answer(|_| Reply::status(503, "down"));
    for number in 0..40 {
        source.says("vera", &format!("t{number}"), "Hello?");
    }
    status("suspended");
    let letter = mails.wait_for("admin@frontdesk.local", 1).remove(0);
    assert_eq!(letter.header("Subject"), "Webhook suspendu : Orders https evil example net");
    let text = letter.text();
    assert!(text.starts_with("Bonjour,") && text.contains("127.0.0.1") && text.contains("503"), "{text}");
    assert!(text.contains(&path) && !text.contains("evil.example.net") && !text.contains("sesame"), "{text}");
    receiver.answer(|_| Reply::status(200, ""));
    let waiting = cast.otto.get(&format!("{path}/deliveries?state=waiting")).ok();
    let first = id(&records(&waiting)[0]);
    cast.otto.post(&format!("{path}/deliveries/{first}/resend"), &json!({})).ok();
    status("enabled");
    // That it works again waits for its hour.
    wait_for_line(&cast.server, &["waiting", "Webhook rétabli", "attempts: 0"]);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(mails.letters().len(), 1);
    let_it_be_due(&cast.server);
    let letter = mails.wait_for("admin@frontdesk.local", 2).remove(1);
    assert_eq!(letter.header("Subject"), "Webhook rétabli : Orders https evil example net");
    // Another one has an hour of its own.
    let other = FakeChannel::start();
    other.refuse_challenges(Some(Reply::status(204, "")));
    let webhook = json!({ "url": other.hook_url(), "registered_events": ["content.imported"] });
    let webhook_id = id(&cast.otto.post("/1.0/webhooks", &webhook).ok());
    let letter = mails.wait_for("admin@frontdesk.local", 3).remove(2);
    assert!(letter.header("Subject").starts_with("Webhook désactivé : "), "{}", letter.header("Subject"));
    assert!(letter.text().contains(&webhook_id) && letter.text().contains("204"), "{}", letter.text());
}

#[test]
fn the_password_of_the_mail_server_is_never_logged() {
    let mails = FakeMailServer::start().with_password("desk", "hunter2-hunter2");
    let url = format!("smtp://desk:wrong-hunter2@{}", mails.address());
    let launch = Launch::new(Engine::Sqlite).with(&["--demo", "--mail-from", SENDER]).log("debug");
    let mut cast = Cast::at(launch.env("FRONTDESK_SMTP_URL", &url).start());
    let (email, _) = invite(&cast.otto, &cast.otto, &json!({}));
    wait_for_line(&cast.server, &[&email, "waiting", "wrong user or password"]);
    assert!(!cast.server.log().join("\n").contains("hunter2"));
    // Nobody gives a mail up because of a wrong password: it goes out once that is right.
    cast.server.stop();
    let url = url.replace("wrong-hunter2", "hunter2-hunter2");
    cast.server.relaunch(|launch| launch.env("FRONTDESK_SMTP_URL", &url));
    cast.server.restart();
    let_it_be_due(&cast.server);
    mails.wait_for(&email, 1);
}

#[test]
fn an_operator_checks_the_settings_with_a_mail() {
    let mails = FakeMailServer::start().with_password("desk", "s3cret: /x");
    let url = format!("smtp://desk:s3cret%3A%20%2Fx@{}", mails.address());
    let mut command = frontdesk();
    let command = command.args(["mail", "test", "--to", "otto@example.com", "--mail-from", SENDER]);
    let printed = run(command.env("FRONTDESK_SMTP_URL", &url));
    assert!(printed.contains("otto@example.com") && !printed.contains("s3cret"), "{printed}");
    let letter = mails.wait_for("otto@example.com", 1).remove(0);
    assert_eq!((letter.from.as_str(), letter.header("From").as_str()), ("desk@example.com", SENDER));
    assert_eq!(letter.header("To"), "otto@example.com");
    assert_eq!(letter.header("Auto-Submitted"), "auto-generated");
    assert!(letter.header("Message-ID").ends_with("@example.com>"));
    assert!(letter.text().contains("http://localhost:8080"), "{}", letter.text());
    assert!(mails.commands().contains(&"EHLO example.com".to_owned()), "{:?}", mails.commands());
}

#[test]
fn an_operator_reads_what_is_wrong_with_the_settings() {
    let mails = FakeMailServer::start().with_password("desk", "right");
    let (place, nobody) = (mails.address(), free_port());
    let test = |url: &str, to: &str| {
        let mut command = frontdesk();
        let output = fails(command.args(["mail", "test", "--to", to, "--smtp-url", url, "--mail-from", SENDER]));
        assert!(output.stdout.is_empty());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for (url, to, told) in [
        (format!("smtp://desk:wrong@{place}"), "otto@example.com", "wrong user or password"),
        (format!("smtp://{place}"), "otto@example.com", "530"),
        (format!("smtp://desk:right@{place}"), "otto", "no address"),
        (format!("smtp://desk:right@{place}"), "o@example.com\r\nRCPT TO:<x@example.com>", "no address"),
        (format!("smtp+starttls://desk:right@{place}"), "otto@example.com", "STARTTLS"),
        (format!("smtps://desk:right@{place}"), "otto@example.com", "corrupt message"),
        (format!("smtp://127.0.0.1:{nobody}"), "otto@example.com", "refused"),
        ("smtp://desk:right@mail.example.com".to_owned(), "otto@example.com", "smtp-url"),
    ] {
        let said = test(&url, to);
        assert!(said.contains(told) && !said.contains("right@") && !said.contains(":wrong"), "{url}: {said}");
    }
    for (moment, fault, told) in [
        (Moment::Connected, Fault::Says("554 go away"), "go away"),
        (Moment::Hello, Fault::Closes, "incomplete"),
        (Moment::Sender, Fault::Says("550 not from there"), "not from there"),
        (Moment::Recipient, Fault::Says("550 no such user"), "no such user"),
        (Moment::Data, Fault::Says("451 later"), "later"),
        (Moment::End, Fault::Says("554 looks like advertising"), "advertising"),
    ] {
        mails.fail(moment, fault);
        let said = test(&format!("smtp://desk:right@{place}"), "otto@example.com");
        assert!(said.contains(told), "{moment:?}: {said}");
    }
    let output = fails(frontdesk().args(["mail", "test", "--to", "otto@example.com"]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("smtp-url"), "{output:?}");
    // Over a connection that was not encrypted, whoever asked for encryption said nothing, and no mail was taken.
    assert!(mails.letters().iter().all(|letter| !letter.taken));
}
