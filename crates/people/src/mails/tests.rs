use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use frontdesk_model::{Event, Permissions};
use frontdesk_net::MailError;
use frontdesk_store::consumer::Consumer;
use frontdesk_store::{Migration, Store};
use serde_json::{Value, json};

use super::sending::{Claim, Turn, finish, turn};
use super::*;
use crate::users::NewUser;
use crate::{roles, users};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// A store with a user, and a clock that stands still.
struct Office {
    store: Store,
    env: Env,
    ada: Id,
    clock: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

fn migrations() -> Vec<Migration> {
    let texts = [
        include_str!("../../../../migrations/0001_log.sql"),
        include_str!("../../../../migrations/0002_people.sql"),
        include_str!("../../../../migrations/0003_conversations.sql"),
        include_str!("../../../../migrations/0004_contents.sqlite.sql"),
        include_str!("../../../../migrations/0005_people.sql"),
        include_str!("../../../../migrations/0006_time.sql"),
        include_str!("../../../../migrations/0007_customers.sql"),
        include_str!("../../../../migrations/0008_desk.sql"),
        include_str!("../../../../migrations/0015_mails.sql"),
        include_str!("../../../../migrations/0023_visitor_mails.sqlite.sql"),
        "ALTER TABLE log ADD COLUMN source_id BYTEA;",
    ];
    (1..).zip(texts).map(|(number, sqlite)| Migration { number, name: "test", sqlite, postgres: "" }).collect()
}

impl Office {
    async fn open() -> Office {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("office.sqlite"), &migrations()).unwrap();
        let clock = Arc::new(AtomicI64::new(1_700_000_000_000_000));
        let time = clock.clone();
        let env = Env::new(move || Timestamp::from_micros(time.load(Ordering::Relaxed)), |bytes| bytes.fill(7));
        let making = env.clone();
        let ada = store.write(move |tx| {
            let role_id = roles::create(tx, &making, "Agent", Permissions::ALL)?;
            let email = "ada@example.com";
            let ada = NewUser { email, firstname: "Ada", lastname: "Agent", role_id, password_hash: None };
            users::create(tx, &making, &ada)
        });
        let ada = ada.await.unwrap();
        Office { store, env, ada, clock, _folder: folder }
    }

    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    async fn queue(&self, key: &'static str, text: &'static str) -> bool {
        let (env, user_id) = (self.env.clone(), self.ada);
        let mail = move |tx: &mut dyn Tx| queue(tx, &env, &NewMail::plain(key, user_id, "A subject", text, HOUR));
        self.store.write(mail).await.unwrap()
    }

    async fn turn_of(&self, sends: bool, free: usize) -> Turn {
        let now = self.env.now();
        self.store.write(move |tx| turn(tx, now, sends, free)).await.unwrap()
    }

    async fn turn(&self) -> Vec<Claim> {
        self.turn_of(true, 4).await.claims
    }

    async fn finish(&self, claim: &Claim, outcome: Result<(), MailError>) {
        let (env, claim) = (self.env.clone(), claim.clone());
        self.store.write(move |tx| finish(tx, &env, &claim, &outcome)).await.unwrap();
    }

    /// Status, subject, text and error of every mail.
    async fn mails(&self) -> Vec<(String, String, String, Option<String>)> {
        let reading = self.store.read(|tx| {
            let rows = tx.query("SELECT status, subject, body, error FROM mails ORDER BY key", args![])?;
            rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).collect()
        });
        reading.await.unwrap()
    }

    /// The consumer reads an event about a webhook.
    async fn hear(&self, kind: &str, age_seconds: i64, payload: &Value) {
        let event = Event {
            seq: 1,
            id: Id::from_parts(1, 1),
            kind: kind.into(),
            at: self.env.now().plus_seconds(-age_seconds),
            thread_id: None,
            object_id: Id::from_parts(1, 42),
            user_id: None,
            payload: payload.to_string(),
        };
        let seal = frontdesk_store::Seal::new(&[7; 32], self.env.clone()).unwrap();
        let links = crate::password_links::Links::new(&seal, "https://desk.example.com");
        let letters = Letters::new(&self.env, links, &Arc::default());
        assert!(letters.wants(kind));
        let hearing = self.store.write(move |tx| {
            let chosen = letters.choose(tx, vec![event.clone()])?;
            letters.handle(tx, &chosen)
        });
        hearing.await.unwrap();
    }
}

fn unreachable() -> Result<(), MailError> {
    Err(MailError::Failed("no connection".into()))
}

fn row(status: &str, subject: &str, text: &str, error: Option<&str>) -> (String, String, String, Option<String>) {
    (status.into(), subject.into(), text.into(), error.map(str::to_owned))
}

#[tokio::test]
async fn a_mail_that_was_sent_is_not_sent_again_and_its_text_is_erased() {
    let office = Office::open().await;
    assert!(office.queue("k", "Hello").await);
    let claims = office.turn().await;
    assert_eq!(claims.len(), 1);
    assert!(office.turn().await.is_empty());
    office.finish(&claims[0], Ok(())).await;
    assert_eq!(office.mails().await, [row("sent", "", "", None)]);
    office.pass(HOUR);
    assert!(office.turn().await.is_empty());
    office.pass(DAY);
    office.turn().await;
    assert!(office.mails().await.is_empty());
}

#[tokio::test]
async fn what_fails_is_tried_for_a_day_with_growing_pauses_and_then_given_up() {
    let office = Office::open().await;
    office.queue("k", "Hello").await;
    let began = office.env.now();
    let mut tries = Vec::new();
    while office.mails().await[0].0 == "waiting" {
        for claim in office.turn().await {
            tries.push(office.env.now().seconds_since(began) / MINUTE);
            office.finish(&claim, unreachable()).await;
        }
        office.pass(MINUTE);
    }
    assert_eq!(tries, [0, 2, 7, 22, 52, 112, 232, 472, 712, 952, 1_192, 1_432]);
    assert_eq!(office.mails().await, [row("failed", "A subject", "", Some("no connection"))]);
    let counted = office.store.read(|tx| Ok((waiting(tx)?, failed(tx)?, list(tx)?))).await.unwrap();
    assert_eq!((counted.0, counted.1, counted.2.len(), counted.2[0].attempts), (0, 1, 1, 12));
    // Seen for a month.
    office.pass(29 * DAY);
    office.turn().await;
    assert_eq!(office.mails().await.len(), 1);
    office.pass(2 * DAY);
    office.turn().await;
    assert!(office.mails().await.is_empty());
}

#[tokio::test]
async fn what_the_server_refuses_is_not_tried_again() {
    let office = Office::open().await;
    office.queue("k", "Hello").await;
    let claim = office.turn().await.remove(0);
    office.finish(&claim, Err(MailError::Refused("no such user".into()))).await;
    assert_eq!(office.mails().await, [row("failed", "A subject", "", Some("no such user"))]);
    office.pass(HOUR);
    assert!(office.turn().await.is_empty());
}

#[tokio::test]
async fn an_attempt_that_never_ends_is_followed_by_another_and_cannot_finish_after_it() {
    let office = Office::open().await;
    office.queue("k", "Hello").await;
    let lost = office.turn().await.remove(0);
    office.pass(119);
    assert!(office.turn().await.is_empty());
    office.pass(1);
    let second = office.turn().await.remove(0);
    office.finish(&lost, Err(MailError::Refused("no".into()))).await;
    assert_eq!(office.mails().await[0].0, "waiting");
    office.finish(&second, Ok(())).await;
    office.finish(&second, unreachable()).await;
    assert_eq!(office.mails().await, [row("sent", "", "", None)]);
}

#[tokio::test]
async fn of_one_key_the_newest_waits_and_keeps_its_distance() {
    let office = Office::open().await;
    office.queue("k", "Suspended").await;
    let first = office.turn().await.remove(0);
    // While the first is on its way, there are two more.
    office.pass(10);
    office.queue("k", "Restored").await;
    office.queue("k", "Suspended again").await;
    office.finish(&first, Ok(())).await;
    assert_eq!(office.mails().await, [row("waiting", "A subject", "Suspended again", None)]);
    office.pass(HOUR - 11);
    assert!(office.turn().await.is_empty());
    office.pass(1);
    let second = office.turn().await.remove(0);
    office.finish(&second, Ok(())).await;
    // Another key has a time of its own, and after an hour of quiet so has this one.
    office.queue("other", "Hello").await;
    let other = office.turn().await.remove(0);
    office.finish(&other, Ok(())).await;
    office.pass(HOUR);
    office.queue("k", "Later").await;
    assert_eq!(office.turn().await.iter().map(|claim| claim.key.as_str()).collect::<Vec<_>>(), ["k"]);
}

#[tokio::test]
async fn without_a_server_mails_wait_a_day() {
    let office = Office::open().await;
    office.queue("k", "Hello").await;
    office.pass(DAY - 1);
    let turn = office.turn_of(false, 4).await;
    assert!(turn.claims.is_empty() && turn.given_up.is_empty());
    office.pass(1);
    assert_eq!(office.turn_of(false, 4).await.given_up, [Some(office.ada)]);
    let [(status, _, text, error)] = &office.mails().await[..] else { panic!("a mail") };
    assert_eq!((status.as_str(), text.as_str()), ("failed", ""));
    assert!(error.as_deref().unwrap().contains("smtp-url"));
    // And one that a server finds too late does not go out either.
    office.queue("late", "Hello").await;
    office.pass(DAY);
    let turn = office.turn_of(true, 4).await;
    assert_eq!((turn.claims.len(), turn.given_up.len()), (0, 1));
}

#[tokio::test]
async fn within_an_hour_only_so_many_mails_go_out_and_only_so_many_wait() {
    let office = Office::open().await;
    let (env, user_id) = (office.env.clone(), office.ada);
    let filling = office.store.write(move |tx| {
        for number in 0..510 {
            let key = format!("k{number}");
            queue(tx, &env, &NewMail::plain(&key, user_id, "s", "t", 0))?;
        }
        Ok(())
    });
    filling.await.unwrap();
    let mut sent = 0;
    loop {
        let claims = office.turn_of(true, 64).await.claims;
        if claims.is_empty() {
            break;
        }
        for claim in claims {
            sent += 1;
            office.finish(&claim, Ok(())).await;
        }
    }
    assert_eq!(sent, 500);
    office.pass(HOUR);
    assert_eq!(office.turn_of(true, 64).await.claims.len(), 10);
    let copying = office.store.write(|tx| {
        let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
             INSERT INTO mails (key, id, user_id, subject, body, status, attempts, claim, created_at, due_at, give_up_at)
             SELECT 'x' || i, id, user_id, 's', 't', 'waiting', 0, 0, 0, 0, 0 FROM n, mails WHERE key = 'k0'";
        tx.execute(numbers, args![WAITING_MAX])
    });
    copying.await.unwrap();
    assert!(!office.queue("one more", "Hello").await);
}

#[tokio::test]
async fn owners_are_told_of_their_webhooks_and_nobody_of_what_is_old_or_unreadable() {
    let office = Office::open().await;
    let payload = json!({ "user_id": office.ada, "name": "Orders", "url_host": "hooks.example.com", "reason": "500" });
    office.hear("webhook.suspended", DAY + 1, &payload).await;
    for wrong in [json!({}), json!([1]), json!({ "user_id": "x" }), json!({ "user_id": Id::from_parts(9, 9) })] {
        office.hear("webhook.suspended", 0, &wrong).await;
    }
    assert!(office.mails().await.is_empty());
    office.hear("webhook.suspended", DAY, &payload).await;
    let mails = office.mails().await;
    assert_eq!((mails.len(), mails[0].1.as_str()), (1, "Webhook suspended: Orders"));
    office.hear("webhook.disabled", 0, &payload).await;
    office.hear("webhook.restored", 0, &json!({ "user_id": office.ada })).await;
    let told = format!("Webhook restored: {}", Id::from_parts(1, 42));
    let mails = office.mails().await;
    assert_eq!((mails.len(), mails[0].1.as_str()), (1, told.as_str()));
}

#[tokio::test]
async fn a_clock_that_is_set_back_stops_nothing() {
    let office = Office::open().await;
    office.queue("invitation", "Come in").await;
    let first = office.turn().await.remove(0);
    office.finish(&first, Err(MailError::Failed("no".into()))).await;
    assert!(office.turn().await.is_empty(), "it pauses");
    office.pass(-2 * DAY);
    assert_eq!(office.turn().await.len(), 1);
    assert!(office.turn().await.is_empty(), "it is being tried");
}
