use std::sync::atomic::{AtomicI64, Ordering};

use frontdesk_model::{Env, Event, Timestamp};
use frontdesk_net::{AddressPolicy, Outbound};
use frontdesk_sources::outbound::{Class, Outcome};
use frontdesk_store::consumer::Consumer;
use frontdesk_store::{Migration, Seal, Store, Tail};

use super::claims::CLAIM_SECONDS;
use super::pushing::Pushed;
use super::*;
use crate::attachments;

/// A store with the product's tables, one source, and a clock that stands still.
pub(crate) struct Desk {
    pub(crate) app: Arc<Conversations>,
    clock: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

const SOURCE: u64 = 100;

pub(crate) fn id(tail: u64) -> Id {
    Id::from_parts(1, tail)
}

/// The product's schema on SQLite.
fn migrations() -> Vec<Migration> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_ours = |name: &str| name.ends_with(".sql") && !name.ends_with(".postgres.sql");
    let mut files: Vec<_> = entries.filter(|path| path.to_str().is_some_and(is_ours)).collect();
    files.sort();
    let texts = files.iter().map(|file| &*std::fs::read_to_string(file).unwrap().leak());
    (1..).zip(texts).map(|(number, sqlite)| Migration { number, name: "test", sqlite, postgres: "" }).collect()
}

fn insert_source(tx: &mut dyn Tx, source_id: Id) -> Result<()> {
    tx.execute(
        "INSERT INTO sources (id, type, community_id, name, active, settings, version, created_at, updated_at)
         VALUES ($1, 'sdk', $2, 'Shop', TRUE, '{\"common\":{},\"own\":{}}', 1, 0, 0)",
        args![&source_id, &id(0)],
    )?;
    Ok(())
}

/// A delivery that is due.
fn insert_delivery(tx: &mut dyn Tx, content_id: Id, source_id: Id, thread_id: Id, seq: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO deliveries (content_id, source_id, thread_id, seq, attempts, started, claim, due_at)
         VALUES ($1, $2, $3, $4, 0, FALSE, 0, 0)",
        args![&content_id, &source_id, &thread_id, seq],
    )?;
    Ok(())
}

impl Desk {
    pub(crate) async fn open() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("desk.sqlite"), &migrations()).unwrap();
        let clock = Arc::new(AtomicI64::new(1_700_000_000_000_000));
        let time = clock.clone();
        let env = Env::new(move || Timestamp::from_micros(time.load(Ordering::Relaxed)), |bytes| bytes.fill(7));
        let app = Conversations {
            tail: Tail::new(store.clone()),
            store,
            seal: Seal::new(&[7; 32], env.clone()).unwrap(),
            env,
            files: attachments::Files::open(&folder.path().join("files")).unwrap(),
            outbound: Outbound::new(AddressPolicy::everywhere()).unwrap(),
            channels: Default::default(),
            calling: Default::default(),
            poll_interval_seconds: 60,
            typing_calls: Default::default(),
            channel_events: Default::default(),
            notifications: Default::default(),
            stream: Default::default(),
            gathering: None,
            typing: Default::default(),
            queue_updates: Default::default(),
            visitor_hints: Default::default(),
            furnish: |_, _, _, _, _| Ok(()),
            node_id: id(999),
            public_url: "https://desk.example".into(),
            sends_mails: false,
        };
        let filling = app.store.write(|tx| {
            let sql = "INSERT INTO communities (id, type, name, active, created_at, updated_at)
                       VALUES ($1, 'sdk', 'Shop', TRUE, 0, 0)";
            tx.execute(sql, args![&id(0)])?;
            insert_source(tx, id(SOURCE))
        });
        filling.await.unwrap();
        Desk { app: Arc::new(app), clock, _folder: folder }
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    /// Writes a content of the source that is to be sent, and its thread.
    pub(crate) fn insert_content(tx: &mut dyn Tx, content_id: Id, thread_id: Id) -> Result<()> {
        tx.execute(
            "INSERT INTO threads (id, source_id, closed, text_input_disabled, extra_data, contents_count,
                                  interventions_count, first_content_at, last_content_at, created_at, updated_at)
             VALUES ($1, $2, FALSE, FALSE, '{}', 0, 0, 0, 0, 0, 0) ON CONFLICT (id) DO NOTHING",
            args![&thread_id, &id(SOURCE)],
        )?;
        tx.execute(
            "INSERT INTO contents (id, source_id, thread_id, type, status, body, body_format, private, first_in_thread,
                                   created_from, approval_required, auto_submitted, published, remotely_deleted,
                                   attachments_count, synchronization_status, created_at, updated_at)
             VALUES ($1, $2, $3, 'message', 'replied', 'Hello', 'text', FALSE, FALSE, 'api', FALSE, FALSE, TRUE, FALSE,
                     0, 'export_pending', 0, 0)",
            args![&content_id, &id(SOURCE), &thread_id],
        )?;
        Ok(())
    }

    /// The log: kind, object and thread.
    pub(crate) async fn events(&self) -> Vec<(String, Id, Option<Id>)> {
        let reading = self.app.store.read(|tx| {
            let rows = tx.query("SELECT kind, object_id, thread_id FROM log ORDER BY seq", args![])?;
            rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
        });
        reading.await.unwrap()
    }

    /// A content's status and error of its synchronisation.
    async fn synchronization(&self, content_id: Id) -> (String, Option<String>) {
        let sql = "SELECT synchronization_status, synchronization_error FROM contents WHERE id = $1";
        let row = self.app.store.read(move |tx| tx.one(sql, args![&content_id])).await.unwrap();
        (row.get(0).unwrap(), row.get(1).unwrap())
    }

    /// The consumer reads that a content is to be sent.
    async fn send(&self, content_id: Id, kind: &str, seq: i64) {
        let event = Event {
            seq,
            id: id(0),
            kind: kind.into(),
            at: self.app.env.now(),
            thread_id: None,
            object_id: content_id,
            user_id: None,
            payload: "{}".into(),
        };
        let (outbox, _) = Delivery::new(&self.app);
        self.app.store.write(move |tx| outbox.handle(tx, std::slice::from_ref(&event))).await.unwrap();
    }

    async fn finish(&self, claim: &Claim, outcome: Outcome) {
        let (env, claim, pushed) = (self.app.env.clone(), claim.clone(), Pushed::from(outcome));
        self.app.store.write(move |tx| finish(tx, &env, &claim, &pushed)).await.unwrap();
    }
}

fn ids(claims: &[(Claim, Place)]) -> Vec<Id> {
    claims.iter().map(|(claim, _)| claim.content_id).collect()
}

#[tokio::test]
async fn a_source_gets_eight_attempts_at_once_and_no_more() {
    let desk = Desk::open().await;
    let filling = desk.app.store.write(|tx| {
        insert_source(tx, id(SOURCE + 1))?;
        for number in 1..=20 {
            let source = if number <= 17 { SOURCE } else { SOURCE + 1 };
            insert_delivery(tx, id(number), id(source), id(number), number as i64)?;
        }
        Ok(())
    });
    filling.await.unwrap();
    let (_, delivery) = Delivery::new(&desk.app);
    let mut first = delivery.claim(ATTEMPTS_MAX).await.unwrap();
    assert_eq!(ids(&first), [1, 2, 3, 4, 5, 6, 7, 8, 18, 19, 20].map(id));
    assert!(delivery.claim(ATTEMPTS_MAX).await.unwrap().is_empty());
    drop(first.remove(0));
    let next = delivery.claim(ATTEMPTS_MAX).await.unwrap();
    assert_eq!(ids(&next), [id(9)]);
    drop((first, next));
    assert!(delivery.running().is_empty());
}

#[tokio::test]
async fn a_delivery_that_cannot_be_prepared_ends_visibly_and_frees_its_thread() {
    let desk = Desk::open().await;
    let filling = desk.app.store.write(|tx| {
        for number in 1..=2 {
            Desk::insert_content(tx, id(number), id(50))?;
            insert_delivery(tx, id(number), id(SOURCE), id(50), number as i64)?;
        }
        let secrets: &[u8] = b"sealed with another key";
        tx.execute("UPDATE sources SET secrets = $1", args![secrets])
    });
    filling.await.unwrap();
    let (_, delivery) = Delivery::new(&desk.app);
    for seconds in [0, 30, 300] {
        desk.pass(seconds);
        let mut claims = delivery.claim(ATTEMPTS_MAX).await.unwrap();
        assert_eq!(ids(&claims), [id(1)]);
        let (claim, place) = claims.remove(0);
        delivery.attempt(claim, place).await;
    }
    assert_eq!(desk.synchronization(id(1)).await, ("export_failure".into(), Some(UNPREPARED.into())));
    assert_eq!(desk.events().await, [("content.exported".to_owned(), id(1), Some(id(50)))]);
    assert_eq!(ids(&delivery.claim(ATTEMPTS_MAX).await.unwrap()), [id(2)]);
}

#[tokio::test]
async fn a_delivery_whose_content_is_gone_ends() {
    let desk = Desk::open().await;
    desk.app.store.write(|tx| insert_delivery(tx, id(1), id(SOURCE), id(50), 1)).await.unwrap();
    let (_, delivery) = Delivery::new(&desk.app);
    let (claim, place) = delivery.claim(ATTEMPTS_MAX).await.unwrap().remove(0);
    delivery.attempt(claim, place).await;
    assert_eq!(desk.app.store.read(waiting).await.unwrap(), 0);
}

#[tokio::test]
async fn a_worker_that_was_overtaken_cannot_finish_what_is_sent_again() {
    let desk = Desk::open().await;
    desk.app.store.write(|tx| Desk::insert_content(tx, id(1), id(50))).await.unwrap();
    desk.send(id(1), "content.replied", 5).await;
    let (_, delivery) = Delivery::new(&desk.app);
    let overtaken = delivery.claim(1).await.unwrap().remove(0).0;
    desk.pass(CLAIM_SECONDS);
    let overtaker = delivery.claim(1).await.unwrap().remove(0).0;
    desk.finish(&overtaker, Outcome::failed(Class::Invalid, "No.")).await;
    let again = "UPDATE contents SET synchronization_status = 'export_pending'";
    desk.app.store.write(move |tx| tx.execute(again, args![])).await.unwrap();
    desk.send(id(1), "content.retried_synchronization", 9).await;
    let new = delivery.claim(1).await.unwrap().remove(0).0;
    assert_eq!((new.number, new.seq, new.started_before), (overtaken.number, 9, true));

    desk.finish(&overtaken, Outcome::Delivered { foreign_id: None }).await;
    assert_eq!(desk.synchronization(id(1)).await.0, "export_pending");
    desk.finish(&new, Outcome::Delivered { foreign_id: None }).await;
    assert_eq!(desk.synchronization(id(1)).await, ("success".into(), None));
    assert_eq!(desk.app.store.read(waiting).await.unwrap(), 0);
}

#[tokio::test]
async fn what_takes_long_is_held_anew_and_what_was_taken_over_goes_no_further() {
    let desk = Desk::open().await;
    desk.app.store.write(|tx| Desk::insert_content(tx, id(1), id(50))).await.unwrap();
    desk.send(id(1), "content.replied", 5).await;
    let (_, delivery) = Delivery::new(&desk.app);
    let first = delivery.claim(1).await.unwrap().remove(0).0;
    for _ in 0..3 {
        desk.pass(CLAIM_SECONDS - 1);
        assert!(delivery.claim(1).await.unwrap().is_empty());
        delivery.hold(&first).await.unwrap();
    }
    desk.pass(CLAIM_SECONDS);
    let second = delivery.claim(1).await.unwrap().remove(0).0;
    assert!(matches!(delivery.hold(&first).await, Err(Error::Unavailable(_))));
    delivery.hold(&second).await.unwrap();
}

#[tokio::test]
async fn within_a_thread_the_order_of_the_log_is_kept() {
    let desk = Desk::open().await;
    // The older content was approved, or sent again, after the newer one was written.
    let filling = desk.app.store.write(|tx| {
        insert_delivery(tx, id(1), id(SOURCE), id(50), 9)?;
        insert_delivery(tx, id(2), id(SOURCE), id(50), 5)
    });
    filling.await.unwrap();
    let (_, delivery) = Delivery::new(&desk.app);
    assert_eq!(ids(&delivery.claim(ATTEMPTS_MAX).await.unwrap()), [id(2)]);
}

#[tokio::test]
async fn a_clock_that_is_set_back_stops_nothing() {
    let desk = Desk::open().await;
    desk.app.store.write(|tx| Desk::insert_content(tx, id(1), id(50))).await.unwrap();
    desk.send(id(1), "content.replied", 5).await;
    let (_, delivery) = Delivery::new(&desk.app);
    let first = delivery.claim(1).await.unwrap().remove(0).0;
    desk.finish(&first, Outcome::failed(Class::Retry, "Busy")).await;
    assert!(delivery.claim(1).await.unwrap().is_empty(), "it pauses");
    desk.pass(-86_400);
    let second = delivery.claim(1).await.unwrap().remove(0).0;
    assert!(delivery.claim(1).await.unwrap().is_empty(), "it is being tried");
    desk.pass(-86_400);
    assert_eq!(delivery.claim(1).await.unwrap().remove(0).0.number, second.number + 1);
}

#[tokio::test]
async fn what_a_channel_tells_of_an_author_is_not_looked_for_among_all_that_they_wrote() {
    let desk = Desk::open().await;
    let plan = desk.app.store.read(|tx| {
        let sql = format!("EXPLAIN QUERY PLAN {}", outcomes::begun_by(tx));
        let rows = tx.query(&sql, args![&id(SOURCE), &id(1), "message"])?;
        rows.iter().map(|row| row.get(3)).collect::<Result<Vec<String>>>()
    });
    let plan = plan.await.unwrap().join("; ");
    assert!(plan.starts_with("SEARCH deliveries USING INDEX deliveries_begun"), "{plan}");
    assert!(!plan.contains("contents_author") && !plan.contains("TEMP B-TREE"), "{plan}");
}
