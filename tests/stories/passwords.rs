//! Passwords: chosen, changed, forgotten, expired; and second factors.

use frontdesk_tests::browser::somebody;
use frontdesk_tests::cast::unique;
use frontdesk_tests::mail::{FakeMailServer, Letter};
use frontdesk_tests::pages::records;
use frontdesk_tests::processes::{free_port, run};
use frontdesk_tests::server::{Launch, fails};
use frontdesk_tests::totp::code;
use frontdesk_tests::{Browser, Cast, Engine, Server, eventually};
use serde_json::{Value, json};

on_both_engines![
    somebody_changes_their_own_password,
    an_expired_password_is_replaced_on_the_way_in,
    a_forgotten_password_is_replaced_by_mail_once,
    who_is_invited_chooses_a_password,
    who_no_mail_reaches_gets_a_link_by_a_colleague,
    a_link_of_a_colleague_ends_when_its_user_rises_above_them,
    an_operator_lets_somebody_in,
    a_second_factor_is_asked_for_and_taken_once,
    an_account_may_ask_everybody_for_a_second_factor,
    codes_cannot_be_guessed,
    example_agents_have_a_known_password_on_this_machine_only,
];

const PASSWORD: &str = "correct horse battery";
const OTHER: &str = "another horse battery";

fn with_mail(engine: Engine) -> (FakeMailServer, Cast) {
    let mails = FakeMailServer::start();
    let launch = Launch::new(engine).with(&["--demo", "--mail-from", "Frontdesk <desk@example.com>"]);
    let cast = Cast::at(launch.env("FRONTDESK_SMTP_URL", &mails.url()).start());
    (mails, cast)
}

fn signs_in(server: &Server, email: &str, password: &str) -> bool {
    let answer = Browser::at(server).sign_in(email, password);
    assert!(matches!(answer.status, 200 | 401), "{}", answer.text());
    answer.status == 200
}

/// The secret of the link in a mail.
#[track_caller]
fn token_in(text: &str) -> String {
    let line = text.lines().find(|line| line.contains("/password#")).expect("a link");
    line.split_once('#').expect("a secret").1.to_owned()
}

fn somebody_changes_their_own_password(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (user_id, email) = somebody(&cast, &[], PASSWORD);
    let (mut desk, mut phone) = (Browser::at(&cast.server), Browser::at(&cast.server));
    desk.sign_in(&email, PASSWORD).ok();
    phone.sign_in(&email, PASSWORD).ok();
    let change = |browser: &mut Browser, password: &str, new: &str| {
        browser.put("/session/password", &json!({ "password": password, "new_password": new }))
    };
    change(&mut Browser::at(&cast.server), PASSWORD, OTHER).refused(401);
    assert_eq!(change(&mut desk, "a wrong guess", OTHER).invalid(), ["password"]);
    assert_eq!(change(&mut desk, PASSWORD, "short").invalid(), ["new_password"]);
    cast.otto.put("/1.0/settings", &json!({ "password_numbers": true, "password_non_word": true })).ok();
    assert_eq!(change(&mut desk, PASSWORD, "lettersonly").invalid(), ["new_password", "new_password"]);
    cast.otto.put("/1.0/settings", &json!({ "password_numbers": false, "password_non_word": false })).ok();
    change(&mut desk, PASSWORD, OTHER).ok();
    // This place stays, others are out.
    desk.get("/1.0/users/me").ok();
    phone.get("/1.0/users/me").refused(401);
    assert!(signs_in(&cast.server, &email, OTHER) && !signs_in(&cast.server, &email, PASSWORD));
    let events = cast.otto.search("/1.0/events", &format!("user:{user_id} name_in:password.updated"));
    assert_eq!(records(&events)[0]["extra_infos"]["user_id"], user_id.as_str());

    // What one had before is not taken again, as far back as the account wants it.
    let archive = json!({ "password_archivable_enabled": true, "password_archivable_size": 2 });
    cast.otto.put("/1.0/settings", &archive).ok();
    assert_eq!(change(&mut desk, OTHER, OTHER).invalid(), ["new_password"]);
    let chosen = ["first horse 1", "second horse 2", "third horse 3"];
    let mut now = OTHER;
    for new in chosen {
        change(&mut desk, now, new).ok();
        now = new;
    }
    for taken in [chosen[2], chosen[1], chosen[0]] {
        assert_eq!(change(&mut desk, now, taken).invalid(), ["new_password"], "{taken}");
    }
    change(&mut desk, now, OTHER).ok();
}

fn an_expired_password_is_replaced_on_the_way_in(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (_, email) = somebody(&cast, &[], PASSWORD);
    let hour = json!({ "expire_password_enabled": true, "expire_password_after": 3_600 });
    cast.otto.put("/1.0/settings", &hour).ok();
    assert!(signs_in(&cast.server, &email, PASSWORD));
    cast.server.sql("UPDATE users SET password_changed_at = password_changed_at - 3601000000");
    let mut browser = Browser::at(&cast.server);
    assert_eq!(browser.sign_in(&email, PASSWORD).refused(403)["error"], "password_expired");
    browser.sign_in(&email, "a wrong guess").refused(401);
    let body = |new: &str| json!({ "email": email, "password": PASSWORD, "new_password": new });
    assert_eq!(browser.post("/session", &body("short")).invalid(), ["new_password"]);
    browser.get("/1.0/users/me").refused(401);
    browser.post("/session", &body(OTHER)).ok();
    browser.get("/1.0/users/me").ok();
    assert!(signs_in(&cast.server, &email, OTHER) && !signs_in(&cast.server, &email, PASSWORD));
    // A password that has not expired is not changed on the way.
    let body = json!({ "email": email, "password": OTHER, "new_password": PASSWORD });
    Browser::at(&cast.server).post("/session", &body).ok();
    assert!(signs_in(&cast.server, &email, OTHER));
}

fn a_forgotten_password_is_replaced_by_mail_once(engine: Engine) {
    let (mails, cast) = with_mail(engine);
    let (user_id, email) = somebody(&cast, &[], PASSWORD);
    let mut session = Browser::at(&cast.server);
    session.sign_in(&email, PASSWORD).ok();
    let mut page = Browser::at(&cast.server);
    assert_eq!(page.get("/session/options").ok()["password_recovery"], true);
    let forgot = |email: &str| Browser::at(&cast.server).post("/session/password_links", &json!({ "email": email }));
    // Nobody learns whether there is such an account.
    assert_eq!(forgot("nobody@example.com").ok(), json!({}));
    assert_eq!(forgot("bot@frontdesk.local").ok(), json!({}));
    assert_eq!(forgot(&email.to_uppercase()).ok(), json!({}));
    let letter: Letter = mails.wait_for(&email, 1).remove(0);
    assert_eq!(letter.header("Subject"), "A new password for Frontdesk");
    let token = token_in(&letter.text());
    session.get("/1.0/users/me").ok();

    let look = |token: &str| Browser::at(&cast.server).post("/session/password_link", &json!({ "token": token }));
    let choose = |token: &str, password: &str| {
        Browser::at(&cast.server).put("/session/password_link", &json!({ "token": token, "password": password }))
    };
    assert_eq!(look(&token).ok(), json!({ "email": email, "purpose": "recovery" }));
    for wrong in ["", "x", "\u{0}", &token[1..], &token.to_uppercase(), &"0".repeat(64)] {
        assert_eq!(look(wrong).refused(404)["error"], "link_over");
        choose(wrong, OTHER).refused(404);
    }
    assert_eq!(choose(&token, "short").invalid(), ["password"]);
    assert_eq!(choose(&token, OTHER).ok(), json!({ "email": email }));
    choose(&token, "a third password").refused(404);
    look(&token).refused(404);
    session.get("/1.0/users/me").refused(401);
    assert!(signs_in(&cast.server, &email, OTHER) && !signs_in(&cast.server, &email, PASSWORD));

    // An older link makes way for a newer one, and one that is too old is none.
    let due = || cast.server.sql("UPDATE mails SET due_at = 0, tried_at = NULL WHERE status = 'waiting'");
    forgot(&email).ok();
    due();
    let first = token_in(&mails.wait_for(&email, 2)[1].text());
    forgot(&email).ok();
    due();
    let second = token_in(&mails.wait_for(&email, 3)[2].text());
    look(&first).refused(404);
    look(&second).ok();
    // Enough for now: nobody's mailbox is filled, and the link stays.
    assert_eq!(forgot(&email).ok(), json!({}));
    look(&second).ok();
    cast.server.sql("UPDATE password_links SET ends_at = ends_at - 3600000000");
    look(&second).refused(404);
    choose(&second, PASSWORD).refused(404);
    let events = cast.otto.search("/1.0/events", "name_in:user.password_recovery_instructions_sent");
    assert_eq!((&events["count"], &records(&events)[0]["extra_infos"]["user_id"]), (&json!(3), &json!(user_id)));
    assert_eq!(mails.letters().len(), 3);
    // One address asks for so many and no more.
    let statuses: Vec<u16> = (0..20).map(|number| forgot(&format!("n{number}@example.com")).status).collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    cast.server.sql("DELETE FROM sign_in_attempts");
    cast.otto.put("/1.0/settings", &json!({ "password_recovery_disabled": true })).ok();
    assert_eq!(forgot(&email).refused(403)["error"], "recovery_disabled");
    assert_eq!(page.get("/session/options").ok()["password_recovery"], false);

    // Where no mail can go out, none is promised.
    let cast = Cast::shared(engine);
    let mut page = Browser::at(&cast.server);
    assert_eq!(page.get("/session/options").ok()["password_recovery"], false);
    let refused = page.post("/session/password_links", &json!({ "email": email })).refused(403);
    assert_eq!(refused["error"], "recovery_disabled");
}

fn who_is_invited_chooses_a_password(engine: Engine) {
    let (mails, cast) = with_mail(engine);
    let role = cast.otto.get(&format!("/1.0/users/{}", cast.ada.user_id)).ok()["role_id"].clone();
    let email = format!("{}@example.com", unique("nina"));
    let user = json!({ "email": email, "firstname": "Nina", "lastname": "New", "role_id": role });
    let user = cast.otto.post("/1.0/users/invite", &user).ok();
    assert_eq!(user["invitation_pending"], true);
    let text = mails.wait_for(&email, 1)[0].text();
    let place = format!("http://localhost:{}/password#", cast.server.address().port());
    assert!(text.contains(&place), "{text}");
    let mut browser = Browser::at(&cast.server);
    // The page that the link leads to stands alone, and may be in no frame.
    let page = browser.send_as_any_page(frontdesk_tests::Request::new("GET", "/password"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(page.status == 200 && page.text().contains("/session/password_link"), "{}", page.status);
    assert!(policy.contains("frame-ancestors 'none'") && policy.matches("'sha256-").count() == 2, "{policy}");
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    let token = token_in(&text);
    // Who asks for a mail in their name takes the invitation from nobody.
    browser.post("/session/password_links", &json!({ "email": email })).ok();
    mails.wait_for(&email, 2);
    assert_eq!(browser.post("/session/password_link", &json!({ "token": token })).ok()["purpose"], "invitation");
    browser.put("/session/password_link", &json!({ "token": token, "password": PASSWORD })).ok();
    browser.sign_in(&email, PASSWORD).ok();
    let me = browser.get("/1.0/users/me").ok();
    assert_eq!((&me["id"], &me["invitation_pending"]), (&user["id"], &json!(false)));
}

fn who_no_mail_reaches_gets_a_link_by_a_colleague(engine: Engine) {
    let invite = |cast: &Cast| {
        let role = cast.otto.get(&format!("/1.0/users/{}", cast.ada.user_id)).ok()["role_id"].clone();
        let email = format!("{}@example.com", unique("nina"));
        let user = json!({ "email": email, "firstname": "Nina", "lastname": "New", "role_id": role });
        let user = cast.otto.post("/1.0/users/invite", &user).ok();
        (format!("/1.0/users/{}/invitation", user["id"].as_str().expect("an id")), email)
    };
    // Where mails go out they are the way.
    let (mails, cast) = with_mail(engine);
    let (path, email) = invite(&cast);
    mails.wait_for(&email, 1);
    let told = json!({ "pending": true, "mail_server": true, "mailed": true, "mail_error": null });
    assert_eq!(cast.otto.get(&path).ok(), told);
    let refused = cast.otto.post(&format!("{path}/link"), &json!({})).refused(422);
    assert_eq!(refused["error"], "sent_by_mail");
    // The address was wrong: what went to it leads nowhere any more, and nothing goes to the right one by itself.
    let user = path.trim_end_matches("/invitation");
    cast.otto.put(user, &json!({ "email": format!("{}@example.com", unique("nina")) })).ok();
    assert_eq!(cast.otto.get(&path).ok()["mailed"], false);
    cast.otto.put(user, &json!({ "enabled": false })).ok();
    let refused = cast.otto.post(&format!("{path}/link"), &json!({})).refused(422);
    assert_eq!(refused["error"], "disabled");
    cast.otto.put(user, &json!({ "enabled": true })).ok();
    cast.otto.post(&format!("{path}/link"), &json!({})).ok();

    let cast = Cast::start(engine, &[]);
    let (path, email) = invite(&cast);
    assert_eq!(
        cast.otto.get(&path).ok(),
        json!({ "pending": true, "mail_server": false, "mailed": false, "mail_error": null })
    );
    let link = format!("{path}/link");
    cast.ada.post(&link, &json!({})).refused(403);
    let first = cast.otto.post(&link, &json!({})).ok();
    let second = cast.otto.post(&link, &json!({})).ok();
    let token = |told: &Value| token_in(told["url"].as_str().expect("an address"));
    let mut browser = Browser::at(&cast.server);
    let choose = |token: &str| json!({ "token": token, "password": PASSWORD });
    browser.put("/session/password_link", &choose(&token(&first))).refused(404);
    browser.put("/session/password_link", &choose(&token(&second))).ok();
    browser.put("/session/password_link", &choose(&token(&second))).refused(404);
    assert!(signs_in(&cast.server, &email, PASSWORD));
    assert_eq!(cast.otto.get(&path).ok()["pending"], false);
    assert_eq!(cast.otto.post(&link, &json!({})).refused(422)["error"], "no_invitation");
    // Who may not set a password may make no link either, and the journal tells who made one.
    let somebody = cast.hire(&["invite_user", "read_user"]);
    let (path, _) = invite(&cast);
    somebody.get(&path).ok();
    somebody.post(&format!("{path}/link"), &json!({})).refused(403);
    let events = cast.otto.search("/1.0/events", "name_in:user.password_recovery_instructions_sent");
    assert_eq!(records(&events).iter().filter(|event| event["user_id"] == cast.otto.user_id.as_str()).count(), 2);

    // A mail server that nobody answers at is as none.
    let nowhere = format!("smtp://127.0.0.1:{}", free_port());
    let launch = Launch::new(engine).with(&["--demo", "--mail-from", "Frontdesk <desk@example.com>"]);
    let cast = Cast::at(launch.env("FRONTDESK_SMTP_URL", &nowhere).start());
    let (path, _) = invite(&cast);
    eventually("the mail has failed", || Some(cast.otto.get(&path).ok()).filter(|told| told["mail_error"].is_string()));
    cast.otto.post(&format!("{path}/link"), &json!({})).ok();
}

fn a_link_of_a_colleague_ends_when_its_user_rises_above_them(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let mallory = cast.hire(&["invite_user", "read_user", "update_user"]);
    let role_of = |user: &str| cast.otto.get(&format!("/1.0/users/{user}")).ok()["role_id"].clone();
    let (lesser, administrator) = (role_of(&cast.hire(&[]).user_id), role_of(&cast.otto.user_id));
    let invited = || {
        let email = format!("{}@example.com", unique("nina"));
        let user = json!({ "email": email, "firstname": "Nina", "lastname": "New", "role_id": lesser });
        let user = cast.otto.post("/1.0/users/invite", &user).ok();
        let path = format!("/1.0/users/{}", user["id"].as_str().expect("an id"));
        let link = mallory.post(&format!("{path}/invitation/link"), &json!({})).ok();
        (path, token_in(link["url"].as_str().expect("an address")))
    };
    let mut browser = Browser::at(&cast.server);
    let mut looks = |token: &str| browser.post("/session/password_link", &json!({ "token": token })).status;
    let (_, untouched) = invited();
    // They become an administrator, their role comes to allow more, they get a source: Mallory has the link still.
    let (promoted, of_promoted) = invited();
    assert_eq!(looks(&of_promoted), 200);
    cast.otto.put(&promoted, &json!({ "role_id": administrator })).ok();
    let (given, of_given) = invited();
    let rights = json!({ &cast.shop.id: "read" });
    cast.otto.put(&format!("{given}/sources_permissions"), &rights).ok();
    assert_eq!((looks(&of_promoted), looks(&of_given), looks(&untouched)), (404, 404, 200));
    let mut thief = Browser::at(&cast.server);
    thief.put("/session/password_link", &json!({ "token": of_promoted, "password": PASSWORD })).refused(404);
    cast.otto.put(&format!("/1.0/roles/{}", lesser.as_str().expect("an id")), &json!({ "update_settings": true })).ok();
    assert_eq!(looks(&untouched), 404);
    // Whoever may do all that makes another, and it works.
    let link = cast.otto.post(&format!("{promoted}/invitation/link"), &json!({})).ok();
    let token = token_in(link["url"].as_str().expect("an address"));
    thief.put("/session/password_link", &json!({ "token": token, "password": PASSWORD })).ok();
}

fn an_operator_lets_somebody_in(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (user_id, email) = somebody(&cast, &[], PASSWORD);
    let mut session = Browser::at(&cast.server);
    session.sign_in(&email, PASSWORD).ok();
    let link = run(&mut cast.server.command(&["user", "password", "--user", &email]));
    let token = token_in(&link);
    assert_eq!(link.lines().count(), 1);
    // Until it is used nothing changes.
    session.get("/1.0/users/me").ok();
    let mut browser = Browser::at(&cast.server);
    assert_eq!(browser.post("/session/password_link", &json!({ "token": token })).ok()["purpose"], "setup");
    browser.put("/session/password_link", &json!({ "token": token, "password": OTHER })).ok();
    assert!(signs_in(&cast.server, &email, OTHER));
    // Also somebody who had no password until now.
    let newcomer = cast.hire(&[]);
    let path = format!("/1.0/users/{}", newcomer.user_id);
    let address = cast.otto.get(&path).ok()["email"].as_str().expect("an e-mail").to_owned();
    let token = token_in(&run(&mut cast.server.command(&["user", "password", "--user", &address])));
    browser.put("/session/password_link", &json!({ "token": token, "password": OTHER })).ok();
    assert_eq!(cast.otto.get(&path).ok()["no_password"], false);
    assert!(signs_in(&cast.server, &address, OTHER));
    let none = fails(&mut cast.server.command(&["user", "password", "--user", "nobody@example.com"]));
    assert!(String::from_utf8_lossy(&none.stderr).contains("there is no user"));
    // A link does not outlive its user's right to sign in, nor a password that was set meanwhile.
    let token = token_in(&run(&mut cast.server.command(&["user", "password", "--user", &email])));
    cast.otto.put(&format!("/1.0/users/{user_id}"), &json!({ "password": PASSWORD })).ok();
    browser.put("/session/password_link", &json!({ "token": token, "password": OTHER })).refused(404);
    let token = token_in(&run(&mut cast.server.command(&["user", "password", "--user", &email])));
    cast.otto.put(&format!("/1.0/users/{user_id}"), &json!({ "enabled": false })).ok();
    browser.put("/session/password_link", &json!({ "token": token, "password": OTHER })).refused(404);
    fails(&mut cast.server.command(&["user", "password", "--user", &email]));
}

/// Sets a second factor up; the app's secret and the recovery codes.
#[track_caller]
fn enrol(browser: &mut Browser) -> (String, Vec<String>) {
    let begun = browser.post("/session/second_factor", &json!({ "password": PASSWORD })).ok();
    let secret = begun["secret"].as_str().expect("a secret").to_owned();
    let uri = begun["uri"].as_str().expect("an address");
    assert!(uri.starts_with("otpauth://totp/") && uri.contains(&format!("?secret={secret}&")), "{uri}");
    assert!(begun["qr_svg"].as_str().is_some_and(|svg| svg.starts_with("<svg") && !svg.contains("<script")), "{begun}");
    assert_eq!(browser.get("/session/second_factor").ok()["enabled"], false);
    assert_eq!(browser.put("/session/second_factor", &json!({ "code": "12345" })).invalid(), ["code"]);
    // The step before: the one of now is still to be used.
    let confirmed = browser.put("/session/second_factor", &json!({ "code": code(&secret, -1) })).ok();
    let codes = confirmed["recovery_codes"].as_array().expect("codes").iter();
    (secret, codes.map(|code| code.as_str().expect("a code").to_owned()).collect())
}

fn with_code(email: &str, code: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "code": code })
}

fn a_second_factor_is_asked_for_and_taken_once(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (user_id, email) = somebody(&cast, &[], PASSWORD);
    let (mut desk, mut phone) = (Browser::at(&cast.server), Browser::at(&cast.server));
    desk.sign_in(&email, PASSWORD).ok();
    phone.sign_in(&email, PASSWORD).ok();
    assert_eq!(desk.post("/session/second_factor", &json!({ "password": "x" })).invalid(), ["password"]);
    assert_eq!(desk.post("/session/second_factor", &json!({})).invalid(), ["password"]);
    desk.put("/session/second_factor", &json!({ "code": "123456" })).refused(409);
    let (secret, recovery) = enrol(&mut desk);
    assert_eq!(recovery.len(), 10);
    phone.get("/1.0/users/me").refused(401);
    let standing = desk.get("/session/second_factor").ok();
    assert_eq!(standing, json!({ "enabled": true, "required": false, "recovery_codes_left": 10 }));
    let again = desk.post("/session/second_factor", &json!({ "password": PASSWORD })).refused(409);
    assert_eq!(again["error"], "second_factor_exists");

    // The password alone is no longer enough, and a wrong one is told of first.
    let mut browser = Browser::at(&cast.server);
    assert_eq!(browser.sign_in(&email, PASSWORD).refused(401)["error"], "second_factor_needed");
    let wrong = json!({ "email": email, "password": "a wrong guess", "code": code(&secret, 0) });
    assert_eq!(browser.post("/session", &wrong).refused(401)["error"], "sign_in_failed");
    for wrong in ["000", "0000000", &code(&secret, 40), "abcde-abcde"] {
        assert_eq!(browser.post("/session", &with_code(&email, wrong)).refused(401)["error"], "second_factor_wrong");
    }
    browser.get("/1.0/users/me").refused(401);
    let now = code(&secret, 0);
    browser.post("/session", &with_code(&email, &now)).ok();
    // Whoever looked over the shoulder comes too late.
    let mut mallory = Browser::at(&cast.server);
    assert_eq!(mallory.post("/session", &with_code(&email, &now)).refused(401)["error"], "second_factor_wrong");
    // A recovery code works once, however it is typed.
    let typed = recovery[3].to_uppercase().replace('-', " ");
    browser.post("/session", &with_code(&email, &typed)).ok();
    mallory.post("/session", &with_code(&email, &recovery[3])).refused(401);
    assert_eq!(browser.get("/session/second_factor").ok()["recovery_codes_left"], 9);

    // Without it again, by who knows both.
    let remove = |browser: &mut Browser, password: &str, code: &str| {
        let body = json!({ "password": password, "code": code });
        browser.send(frontdesk_tests::Request::new("DELETE", "/session/second_factor").json(&body))
    };
    assert_eq!(remove(&mut browser, "x", &recovery[0]).invalid(), ["password"]);
    assert_eq!(remove(&mut browser, PASSWORD, "000000").invalid(), ["code"]);
    remove(&mut browser, PASSWORD, &recovery[0]).ok();
    assert!(signs_in(&cast.server, &email, PASSWORD));
    // An administrator helps who has lost everything; who may do less does not.
    let (_, _) = enrol(&mut browser);
    let reset = format!("/1.0/users/{user_id}/second_factor");
    cast.ada.delete(&reset).refused(403);
    assert_eq!(cast.otto.delete(&reset).ok(), json!({ "user_id": user_id, "removed": true }));
    browser.get("/1.0/users/me").refused(401);
    assert!(signs_in(&cast.server, &email, PASSWORD));
    assert_eq!(cast.otto.delete(&reset).ok()["removed"], false);
    let mallory = cast.hire(&["update_user"]);
    mallory.delete(&format!("/1.0/users/{}/second_factor", cast.otto.user_id)).refused(403);
    // And so does an operator.
    browser.sign_in(&email, PASSWORD).ok();
    enrol(&mut browser);
    let link = run(&mut cast.server.command(&["user", "password", "--user", &email, "--reset-second-factor"]));
    let body = json!({ "token": token_in(&link), "password": OTHER });
    browser.put("/session/password_link", &body).ok();
    assert!(signs_in(&cast.server, &email, OTHER));
}

fn an_account_may_ask_everybody_for_a_second_factor(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (_, email) = somebody(&cast, &[], PASSWORD);
    let mut browser = Browser::at(&cast.server);
    let begin = json!({ "email": email, "password": PASSWORD });
    browser.post("/session/second_factor", &begin).refused(403);
    let set = cast.otto.put("/1.0/settings?extended=true", &json!({ "second_factor_required": true })).ok();
    assert_eq!(set["second_factor_required"], true);
    assert_eq!(browser.sign_in(&email, PASSWORD).refused(403)["error"], "second_factor_enrolment_needed");
    browser.post("/session/second_factor", &json!({ "email": email, "password": "x" })).refused(401);
    let begun = browser.post("/session/second_factor", &begin).ok();
    let secret = begun["secret"].as_str().expect("a secret").to_owned();
    assert_eq!(browser.sign_in(&email, PASSWORD).refused(403)["error"], "second_factor_enrolment_needed");
    browser.post("/session", &with_code(&email, "000000")).refused(401);
    let told = browser.post("/session", &with_code(&email, &code(&secret, 0))).ok();
    assert_eq!(told["recovery_codes"].as_array().expect("codes").len(), 10);
    // From now on it is asked for, and nobody begins another without it.
    let mut mallory = Browser::at(&cast.server);
    assert_eq!(mallory.sign_in(&email, PASSWORD).refused(401)["error"], "second_factor_needed");
    mallory.post("/session/second_factor", &begin).refused(409);
    let body = json!({ "password": PASSWORD, "code": told["recovery_codes"][0] });
    let removed = browser.send(frontdesk_tests::Request::new("DELETE", "/session/second_factor").json(&body));
    assert_eq!(removed.refused(403)["error"], "second_factor_required");
}

fn codes_cannot_be_guessed(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (_, email) = somebody(&cast, &[], PASSWORD);
    let mut browser = Browser::at(&cast.server);
    browser.sign_in(&email, PASSWORD).ok();
    let (secret, _) = enrol(&mut browser);
    let guesses: Vec<_> = (0..30)
        .map(|number| {
            let (mut browser, body) = (Browser::at(&cast.server), with_code(&email, &format!("{number:06}")));
            std::thread::spawn(move || browser.post("/session", &body).status)
        })
        .collect();
    let statuses: Vec<u16> = guesses.into_iter().map(|guess| guess.join().expect("an answer")).collect();
    let evaluated = statuses.iter().filter(|status| **status == 401).count();
    assert!(evaluated <= 10 && statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    browser.post("/session", &with_code(&email, &code(&secret, 0))).refused(429);
    cast.server.sql("DELETE FROM sign_in_attempts");
    browser.post("/session", &with_code(&email, &code(&secret, 0))).ok();
}

fn example_agents_have_a_known_password_on_this_machine_only(engine: Engine) {
    let told = |server: &Server| {
        let said = server.output();
        let line = said.lines().find(|line| line.contains("example agent")).expect("how to sign in as an example");
        assert!(line.contains("ada@frontdesk.local"), "{line}");
        line.rsplit_once(' ').expect("a password").1.to_owned()
    };
    let mut here = Server::start(engine, &["--demo"]);
    let known = told(&here);
    for email in ["ada@frontdesk.local", "bo@frontdesk.local", "rita@frontdesk.local"] {
        assert!(signs_in(&here, email, &known), "{email}");
    }
    for email in ["bot@frontdesk.local", "admin@frontdesk.local"] {
        assert!(!signs_in(&here, email, &known), "{email}");
    }
    let mut passwords = vec![known.clone()];
    for url in ["http://desk.example.com", "http://localhost.example.com", "http://10.0.0.1:8080"] {
        let there = Launch::new(engine).with(&["--demo", "--public-url", url]).start();
        let own = told(&there);
        assert!(
            signs_in(&there, "ada@frontdesk.local", &own) && !signs_in(&there, "ada@frontdesk.local", &known),
            "{url}"
        );
        passwords.push(own);
    }
    passwords.sort();
    passwords.dedup();
    assert_eq!(passwords.len(), 4);
    // What was filled here and is reached from elsewhere later.
    let mut browser = Browser::at(&here);
    browser.sign_in("ada@frontdesk.local", &known).ok();
    here.stop();
    here.relaunch(|launch| launch.with(&["--public-url", "http://desk.example.com"]));
    here.restart();
    assert!(!signs_in(&here, "ada@frontdesk.local", &known) && browser.get("/session").status == 401);
}
