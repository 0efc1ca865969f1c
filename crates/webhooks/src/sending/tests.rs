//! Sending with a clock that the test moves: hours pass in seconds.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_conversations::{Conversations, attachments};
use frontdesk_model::Secret;
use frontdesk_model::event::NewEvent;
use frontdesk_net::{AddressPolicy, Outbound};
use frontdesk_people::setup;
use frontdesk_store::{Migration, Seal, Store, Tail, Tx, args, consumer};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::schedule::PAUSES_SECONDS;
use super::*;
use crate::replay;

const BEGIN: i64 = 1_700_000_000_000_000;

fn id(tail: u64) -> Id {
    Id::from_parts(1, tail)
}

fn migrations() -> Vec<Migration> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| {
        let name = file.file_name().unwrap().to_string_lossy();
        name.ends_with(".sql") && !name.ends_with(".postgres.sql")
    });
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    (1..)
        .zip(texts)
        .map(|(number, text)| Migration {
            number,
            name: "test",
            sqlite: Box::leak(text.into_boxed_str()),
            postgres: "",
        })
        .collect()
}

/// What a request told: when it came by the test's clock, its id, the ids of its events, and what it was answered.
#[derive(Clone, Debug)]
struct Push {
    at: i64,
    request_id: String,
    seqs: Vec<i64>,
    status: u16,
}

/// Says how a request is answered.
type Answer = dyn Fn(&[i64], i64) -> u16 + Send + Sync;

struct Desk {
    app: Arc<Conversations>,
    clock: Arc<AtomicI64>,
    pushes: Arc<Mutex<Vec<Push>>>,
    stop: watch::Sender<bool>,
    stopped: Arc<AtomicBool>,
    address: std::net::SocketAddr,
    _folder: tempfile::TempDir,
}

impl Desk {
    /// A store with one webhook for messages, whose receiver answers as `answer` says: by the numbers of the events and
    /// the seconds since the beginning.
    async fn open(ordering: &'static str, answer: impl Fn(&[i64], i64) -> u16 + Send + Sync + 'static) -> Desk {
        let desk = Desk::idle(ordering, answer).await;
        tokio::spawn(desk.sender().run(desk.stop.subscribe()));
        tokio::spawn(replay::run(desk.app.clone(), desk.stop.subscribe()));
        desk
    }

    /// The same while nobody sends.
    async fn idle(ordering: &'static str, answer: impl Fn(&[i64], i64) -> u16 + Send + Sync + 'static) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("desk.sqlite"), &migrations()).unwrap();
        let clock = Arc::new(AtomicI64::new(BEGIN));
        let (time, chance) = (clock.clone(), AtomicI64::new(1));
        let env = Env::new(
            move || Timestamp::from_micros(time.load(Ordering::Relaxed)),
            move |bytes| {
                let next = chance.fetch_add(1, Ordering::Relaxed).to_be_bytes();
                bytes.iter_mut().zip(next.iter().cycle()).for_each(|(byte, next)| *byte = *next);
            },
        );
        let seal = Seal::new(&[7; 32], env.clone()).unwrap();
        let app = Arc::new(Conversations {
            tail: Tail::new(store.clone()),
            store,
            seal,
            files: attachments::Files::open(&folder.path().join("files")).unwrap(),
            outbound: Outbound::new(AddressPolicy { allowed: vec!["127.0.0.0/8".parse().unwrap()] }).unwrap(),
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
            env,
        });
        let (pushes, stopped) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let address = receive(clock.clone(), pushes.clone(), stopped.clone(), Box::new(answer));
        let filling = app.clone();
        let url = format!("http://{address}/hook");
        app.store.write(move |tx| fill(tx, &filling, &url, ordering)).await.unwrap();
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(app.tail.clone().run(stopping));
        Desk { app, clock, pushes, stop, stopped, address, _folder: folder }
    }

    fn sender(&self) -> Arc<Sender> {
        let look = Duration::from_millis(1);
        Arc::new(Sender { app: self.app.clone(), domain_id: "d".into(), log_days: 30, look })
    }

    /// A message comes in.
    async fn message(&self, thread: u64) {
        let env = self.app.env.clone();
        let writing = self.app.store.write(move |tx| {
            let payload = json!({ "source_id": id(100), "status": "new" });
            tx.append(NewEvent::new(&env, None, "content.imported", env.id(), Some(id(thread)), payload));
            Ok(())
        });
        writing.await.unwrap();
    }

    /// Time passes, in steps in which everybody gets their turn.
    async fn pass(&self, seconds: i64, step: i64) {
        for _ in 0..seconds / step {
            self.clock.fetch_add(step * 1_000_000, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(6)).await;
        }
    }

    fn pushes(&self) -> Vec<Push> {
        self.pushes.lock().unwrap().clone()
    }

    fn seconds(&self) -> i64 {
        (self.clock.load(Ordering::Relaxed) - BEGIN) / 1_000_000
    }

    async fn count(&self, state: &'static str) -> i64 {
        let sql = "SELECT count(*) FROM webhook_deliveries WHERE state = $1";
        self.app.store.read(move |tx| tx.one(sql, args![state])?.get(0)).await.unwrap()
    }

    async fn head(&self) -> i64 {
        self.app.store.read(|tx| tx.one("SELECT seq FROM log_head", args![])?.get(0)).await.unwrap()
    }

    async fn status(&self) -> String {
        self.app.store.read(|tx| tx.one("SELECT status FROM webhooks", args![])?.get(0)).await.unwrap()
    }

    /// Waits until something is so, without the clock.
    async fn until(&self, what: impl AsyncFn() -> bool) {
        for _ in 0..2_000 {
            if what().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let arrived = self.pushes().iter().filter(|push| push.status == 200).count();
        let counts = [self.count("waiting").await, self.count("failed").await, self.count("delivered").await];
        panic!("it never came to be: {arrived} arrived, {counts:?}, {}", self.status().await);
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn fill(tx: &mut dyn Tx, app: &Conversations, url: &str, ordering: &str) -> Result<()> {
    setup::first_start(tx, &app.env, &Secret::new("password"), "hash")?;
    tx.execute(
        "INSERT INTO communities (id, type, name, active, created_at, updated_at) VALUES ($1, 'sdk', 'Shop', TRUE, 0, 0)",
        args![&id(0)],
    )?;
    tx.execute(
        "INSERT INTO sources (id, type, community_id, name, active, settings, version, created_at, updated_at)
         VALUES ($1, 'sdk', $2, 'Shop', TRUE, '{\"common\":{},\"own\":{}}', 1, 0, 0)",
        args![&id(100), &id(0)],
    )?;
    let row = tx.one("SELECT id, user_id FROM access_tokens", args![])?;
    let (token_id, user_id): (Id, Id) = (row.get(0)?, row.get(1)?);
    tx.execute(
        "INSERT INTO source_permissions (user_id, source_id, rights) VALUES ($1, $2, 1)",
        args![&user_id, &id(100)],
    )?;
    let secrets = app
        .seal
        .seal(&format!("webhook:{}", id(7)), &Secret::new(r#"{"verify_token":"","secret":null,"signing":[]}"#))?;
    tx.execute(
        "INSERT INTO webhooks (id, access_token_id, name, url, active, staging_use, secrets, registered_events,
           source_filter, source_ids, ignore_tls_validity, ordering, events_per_request, status, error, lease,
           leased_until, created_at, updated_at)
         VALUES ($1, $2, 'Bot', $3, TRUE, FALSE, $4, '[\"content.imported\"]', 'except', '[]', FALSE, $5, 1, 'enabled', NULL,
                 0, 0, 0, 0)",
        args![&id(7), &token_id, url, &secrets, ordering],
    )?;
    consumer::join(tx, &subscriptions::reader(id(7)))
}

fn receive(
    clock: Arc<AtomicI64>,
    pushes: Arc<Mutex<Vec<Push>>>,
    stopped: Arc<AtomicBool>,
    answer: Box<Answer>,
) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer: Arc<Answer> = answer.into();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if stopped.load(Ordering::SeqCst) {
                return;
            }
            let (clock, pushes, answer) = (clock.clone(), pushes.clone(), answer.clone());
            let stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                while let Some(body) = read(&mut reader) {
                    let at = (clock.load(Ordering::Relaxed) - BEGIN) / 1_000_000;
                    let seqs: Vec<i64> =
                        body["events"].as_array().unwrap().iter().map(|event| event["seq"].as_i64().unwrap()).collect();
                    let status = answer(&seqs, at);
                    let request_id = body["id"].as_str().unwrap().to_owned();
                    pushes.lock().unwrap().push(Push { at, request_id, seqs, status });
                    let reply = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
                    if reader.get_mut().write_all(reply.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_receiver_missed_in_ten_minutes_arrives_within_two_of_its_return() {
    // Steady traffic, sparse traffic, and hardly any: suspended by many failures, or by none.
    for (every, returns_at) in [(2, 600), (50, 600), (290, 600)] {
        let desk = Desk::open("none", move |_, at| if at < returns_at { 503 } else { 200 }).await;
        let mut sent = 0;
        while desk.seconds() < returns_at - 2 {
            desk.message(1).await;
            sent += 1;
            desk.pass(every, 1).await;
        }
        desk.pass(returns_at - desk.seconds(), 1).await;
        desk.pass(120, 1).await;
        let pushes = desk.pushes();
        let mut arrived: Vec<&Push> = pushes.iter().filter(|push| push.status == 200).collect();
        let count = arrived.len();
        arrived.sort_by_key(|push| push.seqs[0]);
        arrived.dedup_by_key(|push| push.seqs[0]);
        assert_eq!((arrived.len(), count), (sent, sent), "every {every} s: none is missing, none came twice");
        let last = arrived.iter().map(|push| push.at).max().unwrap();
        assert!(last <= returns_at + 120, "every {every} s: the last came at {last}");
        // Repeats carry the same id.
        for push in arrived {
            let of_event = pushes.iter().filter(|other| other.seqs == push.seqs);
            assert!(of_event.clone().all(|other| other.request_id == push.request_id));
        }
        desk.until(async || desk.status().await == "enabled" && desk.count("waiting").await == 0).await;
    }
}

/// Rights are read again when the log tells of them: what comes after that must not be looked at before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_follows_a_right_at_once_is_told() {
    let desk = Desk::idle("none", |_, _| 200).await;
    let rights = async |sql: &'static str| {
        let env = desk.app.env.clone();
        let writing = desk.app.store.write(move |tx| {
            tx.execute(sql, args![])?;
            tx.append(NewEvent::new(&env, None, "user.updated", id(1), None, json!({})));
            Ok(())
        });
        writing.await.unwrap();
    };
    rights("UPDATE source_permissions SET rights = 0").await;
    let (sent, mut results) = mpsc::unbounded_channel();
    let mut sending = Sending {
        env: desk.app.env.clone(),
        sender: desk.sender(),
        receivers: HashMap::new(),
        attempts: JoinSet::new(),
        sent,
        writing: None,
        seen: 0,
        loaded_at: None,
    };
    sending.turn().await.unwrap();
    // Both come between the look at the log and the sending.
    sending.reload_if_needed().await.unwrap();
    let before = desk.head().await;
    rights("UPDATE source_permissions SET rights = 1").await;
    desk.message(1).await;
    desk.until(async || desk.app.tail.last() == before + 2).await;
    sending.send_new(desk.app.env.now()).await.unwrap();
    sending.turn().await.unwrap();
    let done = results.recv().await.unwrap();
    assert!(matches!(done.sent, Sent::Acknowledged(_)));
    assert_eq!(desk.pushes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_its_receiver_never_takes_is_tried_six_times_as_documented() {
    let first = Arc::new(AtomicI64::new(0));
    let poison = first.clone();
    let desk = Desk::open("none", move |seqs, _| {
        let poison = match poison.compare_exchange(0, seqs[0], Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => seqs[0],
            Err(known) => known,
        };
        if seqs[0] == poison { 500 } else { 200 }
    })
    .await;
    desk.message(1).await;
    desk.until(async || desk.count("waiting").await == 1).await;
    let whole: i64 = PAUSES_SECONDS.iter().sum();
    // Others arrive all the time, so that the receiver is never thought to be away.
    while desk.seconds() < whole + 600 {
        desk.message(2).await;
        desk.pass(20, 5).await;
    }
    let poison = first.load(Ordering::SeqCst);
    let tries: Vec<i64> = desk.pushes().iter().filter(|push| push.seqs == [poison]).map(|push| push.at).collect();
    assert_eq!(tries.len(), 6, "{tries:?}");
    for (pause, expected) in tries.windows(2).map(|pair| pair[1] - pair[0]).zip(PAUSES_SECONDS) {
        // The clock goes on while a busy machine sends.
        assert!(
            (expected - 6..=expected + expected / 20 + 30).contains(&pause),
            "{pause} and not {expected}: {tries:?}"
        );
    }
    assert_eq!((desk.count("failed").await, desk.status().await.as_str()), (1, "enabled"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_day_what_a_receiver_missed_is_given_up_and_can_be_told_again_exactly() {
    const DAY: i64 = 24 * 60 * 60;
    let is_back = Arc::new(AtomicBool::new(false));
    let back = is_back.clone();
    let desk = Desk::open("none", move |_, _| if back.load(Ordering::SeqCst) { 200 } else { 503 }).await;
    for _ in 0..60 {
        desk.message(1).await;
    }
    desk.until(async || desk.status().await == "suspended").await;
    // Every other probe is one of the events: they are given up a day after that.
    desk.pass(DAY + 10_800, 60).await;
    for _ in 0..20 {
        if desk.count("waiting").await == 0 && desk.count("failed").await > 0 {
            break;
        }
        desk.pass(120, 20).await;
    }
    assert!(desk.count("failed").await > 0 && desk.count("waiting").await == 0);
    is_back.store(true, Ordering::SeqCst);
    desk.message(2).await;
    desk.pass(180, 20).await;
    desk.until(async || desk.status().await == "enabled").await;
    let arrived = |desk: &Desk| -> Vec<i64> {
        desk.pushes().iter().filter(|push| push.status == 200).flat_map(|push| push.seqs.clone()).collect()
    };
    assert_eq!(arrived(&desk).len(), 1, "only what is new");
    let writing = desk.app.store.write(|tx| {
        tx.execute(
            "INSERT INTO webhook_replays (id, webhook_id, next_seq, last_seq, only_failed, deliveries, created_at)
             VALUES ($1, $2, 1, (SELECT seq FROM log_head), TRUE, 0, 0)",
            args![&id(50), &id(7)],
        )
    });
    writing.await.unwrap();
    for _ in 0..300 {
        if arrived(&desk).len() >= 61 {
            break;
        }
        desk.pass(5, 1).await;
    }
    assert_eq!(arrived(&desk).len(), 61);
    let mut all = arrived(&desk);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 61, "each once");
    desk.until(async || desk.count("failed").await == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_log_no_longer_holds_is_tidied_also_where_nothing_arrives() {
    let desk = Desk::open("none", |_, _| 503).await;
    // Given up long ago.
    let writing = desk.app.store.write(|tx| {
        let old = Timestamp::default();
        for seq in 1..=3 {
            let delivery = Delivery::of(id(7), vec![seq], None, old, old);
            deliveries::save(tx, &Delivery { state: deliveries::State::Failed, due_at: None, ..delivery })?;
        }
        Ok(())
    });
    writing.await.unwrap();
    for _ in 0..30 {
        desk.message(1).await;
    }
    desk.until(async || desk.status().await == "suspended").await;
    assert_eq!(desk.count("failed").await, 3);
    desk.pass(120, 20).await;
    desk.until(async || desk.count("failed").await == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_strict_order_nothing_overtakes_within_a_thread_and_no_thread_waits_for_another() {
    // A receiver that refuses every third request, whatever it is.
    let number = AtomicI64::new(0);
    let desk =
        Desk::open("thread", move |_, _| if number.fetch_add(1, Ordering::SeqCst) % 3 == 0 { 500 } else { 200 }).await;
    for message in 0..120 {
        desk.message(message % 8).await;
    }
    for _ in 0..200 {
        desk.pass(40, 20).await;
        if desk.pushes().iter().filter(|push| push.status == 200).count() == 120 {
            break;
        }
    }
    let read = desk.app.store.read(|tx| log::read(tx, 0, 1_000)).await.unwrap();
    let threads: HashMap<i64, Option<Id>> = read.iter().map(|event| (event.seq, event.thread_id)).collect();
    let mut last: HashMap<Option<Id>, i64> = HashMap::new();
    let mut count = 0;
    for push in desk.pushes().iter().filter(|push| push.status == 200) {
        let latest = last.entry(threads[&push.seqs[0]]).or_insert(0);
        assert!(push.seqs[0] > *latest, "{} came after {latest}", push.seqs[0]);
        *latest = push.seqs[0];
        count += 1;
    }
    assert_eq!(count, 120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_overtaken_writes_nothing_and_stops() {
    let desk = Desk::open("none", |_, _| 200).await;
    desk.message(1).await;
    desk.until(async || desk.count("delivered").await == 1).await;
    desk.pass(10, 1).await;
    let place = async || {
        let name = subscriptions::reader(id(7));
        let reading = desk.app.store.read(move |tx| consumer::place(tx, &name));
        reading.await.unwrap().unwrap()
    };
    let before = place().await;
    // Another node takes the webhook over, as if this one had slept through its lease.
    let until = desk.app.env.now().plus_seconds(3_600);
    let taking = desk.app.store.write(move |tx| {
        let sql = "UPDATE webhooks SET lease = lease + 1, leased_by = $1, leased_until = $2";
        tx.execute(sql, args![&id(12_345), until])
    });
    taking.await.unwrap();
    for _ in 0..100 {
        desk.message(1).await;
    }
    desk.pass(60, 1).await;
    assert_eq!((place().await, desk.count("delivered").await, desk.count("waiting").await), (before, 1, 0));
    // It sends nothing any more either, but for what it began before it noticed.
    assert!(desk.pushes().len() < 40, "{}", desk.pushes().len());
    // When nobody holds it any more, it goes on where the place is.
    desk.pass(3_600, 60).await;
    desk.until(async || desk.count("delivered").await == 101).await;
    assert!(place().await > before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_good_does_not_make_a_receiver_look_dead() {
    // Three events that it will never take, among others a minute and twenty seconds apart.
    for every in [20, 60] {
        let desk = Desk::open("none", move |seqs, _| if refused(seqs) { 500 } else { 200 }).await;
        let first = desk.head().await + 1;
        REFUSED_FROM.store(first, Ordering::SeqCst);
        for _ in 0..3 {
            desk.message(1).await;
        }
        let mut sent = 0;
        while desk.seconds() < 1_800 {
            desk.message(2).await;
            sent += 1;
            desk.pass(every, 5).await;
            assert_ne!(desk.status().await, "suspended", "every {every} s, after {} s", desk.seconds());
        }
        desk.until(async || desk.pushes().iter().filter(|push| push.status == 200).count() == sent).await;
        let pushes = desk.pushes();
        // The plan, a few probes and what an end of an outage sends again; not a try for every success.
        let tries = pushes.iter().filter(|push| push.seqs == [first]).count();
        assert!(tries <= 15, "every {every} s: {tries} tries");
    }
}

/// The first of three events that are refused.
static REFUSED_FROM: AtomicI64 = AtomicI64::new(i64::MAX);

fn refused(seqs: &[i64]) -> bool {
    let from = REFUSED_FROM.load(Ordering::SeqCst);
    (from..from.saturating_add(3)).contains(&seqs[0])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_token_is_disabled_what_happens_waits() {
    let desk = Desk::open("none", |_, _| 200).await;
    let enable = async |enabled: bool| {
        let env = desk.app.env.clone();
        let writing = desk.app.store.write(move |tx| {
            tx.execute("UPDATE access_tokens SET enabled = $1", args![enabled])?;
            tx.append(NewEvent::new(&env, None, "api_access_token.updated", id(1), None, json!({})));
            Ok(())
        });
        writing.await.unwrap();
        desk.pass(5, 1).await;
    };
    enable(false).await;
    for _ in 0..5 {
        desk.message(1).await;
    }
    desk.pass(120, 5).await;
    assert!(desk.pushes().is_empty());
    enable(true).await;
    desk.until(async || desk.count("delivered").await == 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telling_goes_on_while_the_disk_is_slow_and_leaves_little_to_be_repeated() {
    let desk = Desk::open("none", |_, _| 200).await;
    desk.message(1).await;
    desk.until(async || desk.count("delivered").await == 1).await;
    for _ in 0..20 {
        let env = desk.app.env.clone();
        let many = desk.app.store.write(move |tx| {
            for thread in 0..20 {
                let payload = json!({ "source_id": id(100), "status": "new" });
                tx.append(NewEvent::new(&env, None, "content.imported", env.id(), Some(id(thread)), payload));
            }
            Ok(())
        });
        many.await.unwrap();
    }
    // Nothing can be written from here on, and it goes on telling; but no more than it may tell twice.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(held);
    let store = desk.app.store.clone();
    let holding = tokio::spawn(async move { store.write(move |_| Ok(held.lock().unwrap().recv().is_ok())).await });
    let unwritten = async || desk.pushes().len() - desk.count("delivered").await as usize;
    let is_whole = async || desk.pushes().len() == 401;
    desk.until(async || unwritten().await > 2 * SLOTS_MAX || is_whole().await).await;
    assert!(!is_whole().await, "the writer was to be held before all was told");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(unwritten().await <= receiver::UNWRITTEN_MAX + SLOTS_MAX, "{}", unwritten().await);
    release.send(()).unwrap();
    assert!(holding.await.unwrap().unwrap());
    desk.until(async || desk.count("delivered").await == 401).await;
    assert_eq!(desk.pushes().len(), 401, "none was told twice");
}

#[tokio::test]
async fn a_clock_that_is_set_back_stops_nothing() {
    let desk = Desk::open("none", |_, at| if at >= 0 { 500 } else { 200 }).await;
    desk.message(1).await;
    desk.until(async || desk.count("waiting").await == 1).await;
    desk.clock.fetch_add(-SECONDS_PER_DAY * 1_000_000, Ordering::Relaxed);
    desk.message(2).await;
    let arrived = || {
        let pushes = desk.pushes().into_iter().filter(|push| push.status == 200);
        pushes.flat_map(|push| push.seqs).collect::<std::collections::BTreeSet<i64>>().len()
    };
    desk.until(async || {
        desk.pass(1, 1).await;
        arrived() == 2
    })
    .await;
}
