//! What people look at, in a small store and in a large one: every kind of list, searches with few and with many matches,
//! pages far behind.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{self, Connection};
use crate::messages::Dice;
use crate::server::rest;
use crate::stores::Store;
use crate::table::{Line, Sample};

/// Both stores are asked in turns, so often.
const ROUNDS: u64 = 5;
/// Requests of a round, unless its time is over first.
const REQUESTS_MAX: usize = 100;
const ROUND_TIME: Duration = Duration::from_millis(400);
/// The same list may take so much longer in the large store.
const LIST_GROWTH: f64 = 1.5;
/// The same for searches of words.
const TEXT_GROWTH: f64 = 2.0;

/// What is measured: the paths of one kind, of which each request takes one.
struct Look {
    what: &'static str,
    growth: f64,
    /// A list of everything: as fast, however much that is.
    is_whole: bool,
    paths: Vec<String>,
}

/// A line for each look: the small store is the reference.
pub(crate) fn compare(small: &Store, large: &Store, sizes: &[u64]) -> Result<Vec<Line>, String> {
    let servers = [small.serve()?, large.serve()?];
    let tokens = [small.administrator()?, large.administrator()?];
    let mut looks = Vec::new();
    for ((server, token), contents) in servers.iter().zip(&tokens).zip(sizes) {
        looks.push(of_store(&Landmarks::find(server.address, token, *contents)?));
    }
    let [of_small, of_large] = &looks[..] else { return Err("two stores are compared".into()) };
    let mut lines = Vec::new();
    for (small_look, large_look) in of_small.iter().zip(of_large) {
        let both = [small_look, large_look];
        let mut times = [Sample::default(), Sample::default()];
        let mut counts = [0, 0];
        for round in 0..ROUNDS {
            for (number, look) in both.iter().enumerate() {
                let (time, count) = ask(servers[number].address, &tokens[number], &look.paths, round)?;
                times[number].0.push(time);
                counts[number] = count;
            }
        }
        let what = format!("{} ({} / {})", small_look.what, counts[0], counts[1]);
        // What finds more in the larger store may take longer.
        let are_equal = are_equal(counts) || small_look.is_whole;
        lines.push(Line::growth(&what, &times[0], &times[1], are_equal.then_some(small_look.growth)));
    }
    let [first, second] = servers;
    first.process.stop()?;
    second.process.stop()?;
    Ok(lines)
}

/// Whether a search finds about the same number in both stores.
fn are_equal([small, large]: [i64; 2]) -> bool {
    small.abs_diff(large) as f64 <= 0.25 * small.max(large) as f64 || small.max(large) <= 10
}

/// The median time of a round in microseconds, and how many matches the last answer counted.
fn ask(address: SocketAddr, token: &str, paths: &[String], round: u64) -> Result<(f64, i64), String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let mut connection = Connection::open(address).await?;
        let mut dice = Dice::new(round);
        let mut times = Vec::new();
        let began = Instant::now();
        let mut count = -1;
        while times.len() < REQUESTS_MAX && (times.is_empty() || began.elapsed() < ROUND_TIME) {
            let path = paths.get(dice.below(paths.len().max(1))).ok_or("this store is too small")?;
            let request = client::get(path, token);
            let sent = Instant::now();
            let status = connection.exchange(&request).await?;
            times.push(sent.elapsed().as_micros() as f64);
            if status != 200 {
                return Err(format!("{path}: {status}: {}", connection.text()));
            }
            if count < 0 {
                let answer: Value = serde_json::from_str(&connection.text()).map_err(|error| error.to_string())?;
                count = answer["count"].as_i64().unwrap_or(1);
            }
        }
        Ok((Sample(times).median(), count))
    })
}

/// Ids and moments of a store that its looks name.
struct Landmarks {
    contents: Vec<String>,
    source: String,
    forum_threads: Vec<String>,
    agent: String,
    category: String,
    /// A day before the last content.
    yesterday: String,
    identities: Vec<String>,
    interventions: Vec<String>,
    customers: usize,
}

impl Landmarks {
    fn find(address: SocketAddr, token: &str, contents: u64) -> Result<Landmarks, String> {
        let get = |path: &str| rest(address, "GET", path, token, &Value::Null);
        let ids = |path: &str, name: &str| -> Result<Vec<String>, String> {
            let answer = get(path)?;
            let records = answer["records"].as_array().cloned().unwrap_or_default();
            Ok(records.iter().filter_map(|record| record[name].as_str().map(str::to_owned)).collect())
        };
        let by_name = |path: &str, name: &str| -> Result<String, String> {
            let answer = get(path)?;
            let found = answer["records"].as_array().into_iter().flatten().find(|record| record["name"] == name);
            let id = found.and_then(|record| record["id"].as_str());
            id.map(str::to_owned).ok_or_else(|| format!("{path}: there is no {name}"))
        };
        let mut landmarks = Landmarks {
            contents: Vec::new(),
            source: by_name("/1.0/content_sources?limit=150", "Shop messages")?,
            forum_threads: Vec::new(),
            agent: ids("/1.0/users?email=agent07@simulated.example", "id")?.pop().ok_or("there is no agent07")?,
            category: by_name("/1.0/categories?limit=150", "Refund")?,
            yesterday: String::new(),
            identities: ids("/1.0/identities?offset=3000&limit=50", "id")?,
            interventions: ids("/1.0/interventions?offset=500&limit=100", "id")?,
            customers: (contents / 8) as usize,
        };
        for window in 0..30 {
            landmarks.contents.extend(ids(&format!("/1.0/contents?limit=30&offset={}", window * 1_000), "id")?);
        }
        let forum = by_name("/1.0/content_sources?limit=150", "Forum")?;
        landmarks.forum_threads = ids(&format!("/1.0/content_threads?q=source:{forum}&limit=30"), "id")?;
        // Time passes in these stores by 10,000 contents a day.
        let day_ago = get("/1.0/contents?offset=10000&limit=1")?;
        landmarks.yesterday = day_ago["records"][0]["created_at"].as_str().ok_or("no content of yesterday")?.into();
        Ok(landmarks)
    }
}

fn of_store(at: &Landmarks) -> Vec<Look> {
    let list = |what, path: &str| {
        let is_whole = !path.contains("?q=") && !path.contains("status=");
        Look { what, growth: LIST_GROWTH, is_whole, paths: vec![path.into()] }
    };
    let text = |what, path: &str| Look { what, growth: TEXT_GROWTH, is_whole: false, paths: vec![path.into()] };
    let each = |what, ids: &[String], path: &str| Look {
        what,
        growth: LIST_GROWTH,
        is_whole: false,
        paths: ids.iter().map(|id| path.replace("{}", id)).collect(),
    };
    let (source, agent, category, yesterday) = (&at.source, &at.agent, &at.category, &at.yesterday);
    let customers: Vec<String> = (0..50).map(|number| (number * 7_919 % at.customers).to_string()).collect();
    vec![
        each("GET a content", &at.contents, "/1.0/contents/{}"),
        list("contents", "/1.0/contents"),
        list("contents, offset 30,000", "/1.0/contents?offset=30000"),
        each("contents of a thread", &at.forum_threads, "/1.0/contents?q=thread:%22{}%22"),
        list("contents of a source", &format!("/1.0/contents?q=source:{source}")),
        list("contents in a state", "/1.0/contents?q=status_in:replied"),
        each(
            "contents by 3 keywords",
            &at.identities,
            &format!("/1.0/contents?q=source:{source}+-status_in:ignored+identity:{{}}"),
        ),
        text("contents with a rare word", "/1.0/contents?q=SAVE00007"),
        text("contents with a rare word, offset 900", "/1.0/contents?q=SAVE00007&offset=900"),
        text(
            "contents with a rare word by 3 keywords",
            &format!("/1.0/contents?q=SAVE00007+source:{source}+status_in:new+-intervention:{agent}"),
        ),
        text("contents with a common word", "/1.0/contents?q=delivery"),
        text("contents with two common words", "/1.0/contents?q=delivery+refund"),
        text("contents with a rare and a common word", "/1.0/contents?q=delivery+SAVE00007"),
        text("contents with a common word, offset 5,000", "/1.0/contents?q=delivery&offset=5000"),
        list("threads", "/1.0/content_threads"),
        list("threads, offset 30,000", "/1.0/content_threads?offset=30000"),
        list("threads of a source", &format!("/1.0/content_threads?q=source:{source}")),
        list(
            "threads by 3 keywords, of a day",
            &format!("/1.0/content_threads?q=source:{source}+status_in:new+last_content_after:%22{yesterday}%22"),
        ),
        list(
            "threads by 3 keywords, all days",
            &format!("/1.0/content_threads?q=source:{source}+language:fr+categorized_in:{category}"),
        ),
        list(
            "threads with an open intervention of an agent",
            &format!("/1.0/content_threads?q=opened_and_assigned_to:{agent}"),
        ),
        list("threads without an intervention", "/1.0/content_threads?q=-assigned:true"),
        text("threads with a rare word", "/1.0/content_threads?q=SAVE00007"),
        text(
            "threads with a rare word by 3 keywords",
            &format!("/1.0/content_threads?q=SAVE00007+source:{source}+status_in:new+language:en"),
        ),
        text("threads with a common word", "/1.0/content_threads?q=delivery"),
        text("threads with two common words", "/1.0/content_threads?q=delivery+refund"),
        list("interventions", "/1.0/interventions"),
        list("interventions, offset 30,000", "/1.0/interventions?offset=30000"),
        list("open interventions of an agent", &format!("/1.0/interventions?user_id={agent}&status=opened")),
        each("interventions of a customer", &at.identities, "/1.0/interventions?identity_id[]={}"),
        each("GET an intervention", &at.interventions, "/1.0/interventions/{}"),
        list("identities", "/1.0/identities"),
        list("identities, offset 30,000", "/1.0/identities?offset=30000"),
        each("identities by the channel's id", &customers, "/1.0/identities?foreign_id=c{}"),
        list("attachments", "/1.0/attachments"),
        list("comments", "/1.0/intervention_comments"),
        list("journal", "/1.0/events"),
        list("journal, offset 30,000", "/1.0/events?offset=30000"),
        list(
            "journal by 3 keywords",
            &format!("/1.0/events?q=name_in:intervention.closed+user:{agent}+created_after:%22{yesterday}%22"),
        ),
    ]
}
