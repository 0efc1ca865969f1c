//! The contract: what the public file promises, what the server's description promises, and what answers hold. A
//! documented answer holds the documented properties and no others: typed clients fail on unknown ones.

mod api;
mod compare;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use frontdesk_tests::description::{Description, OURS};
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::records;
use frontdesk_tests::{Cast, Engine};
use serde_json::{Value, json};
use yaml_rust2::YamlLoader;

on_both_engines![
    our_own_properties_appear_when_they_are_asked_for,
    an_answer_that_is_not_as_described_is_noticed,
    the_description_says_what_the_public_file_says,
];

fn our_own_properties_appear_when_they_are_asked_for(engine: Engine) {
    let cast = Cast::shared(engine);
    let extended = |path: &str| cast.otto.get(&format!("/1.0/{path}?extended=true")).ok();
    let (source, _channel) = cast.new_source();
    let source = extended(&format!("content_sources/{}", source.id));
    assert!(source.get("base_uri").is_some() && source.get("access_token").is_some());
    let roles = extended("roles");
    let permissions = |role: &Value| role.as_object().unwrap().values().filter(|value| value.is_boolean()).count();
    assert_eq!(permissions(&records(&roles)[0]), 74);
    assert_eq!(permissions(&records(&cast.otto.get("/1.0/roles").ok())[0]), 69);
    for list in ["content_threads", "contents", "identities", "interventions", "users", "communities"] {
        extended(list);
    }
}

/// Every answer that a story gets through a person or a server is held against the description. This shows that it
/// would be noticed.
fn an_answer_that_is_not_as_described_is_noticed(engine: Engine) {
    let cast = Cast::shared(engine);
    let description = Description::of(cast.server.address());
    let request = Request::new("GET", &format!("/1.0/users/{}", cast.ada.user_id)).token(&cast.otto.token);
    let right = cast.server.send(&request);
    assert_eq!(description.fault(&request, &right), None);
    let changed = |change: &dyn Fn(&mut Value)| {
        let (mut body, mut answer) = (right.json(), right.clone());
        change(&mut body);
        answer.body = body.to_string().into_bytes();
        description.fault(&request, &answer).expect("a fault")
    };
    assert!(changed(&|user| user["surprise"] = json!(1)).contains("surprise is not described"));
    assert!(changed(&|user| user["enabled"] = json!("true")).contains("enabled"));
    assert!(changed(&|user| user["role_id"] = json!("role")).contains("role_id"));
    assert!(changed(&|user| user["created_at"] = json!("2026-01-01")).contains("created_at"));
    assert!(changed(&|user| user["team_ids"] = json!([1])).contains("team_ids: [0]"));
    assert!(changed(&|user| _ = user.as_object_mut().unwrap().remove("email")).contains("email is missing"));
    let mut teapot = right.clone();
    teapot.status = 418;
    assert!(description.fault(&request, &teapot).unwrap().contains("418 is not described"));
    let role = Request::new("GET", "/1.0/roles").token(&cast.otto.token);
    let mut extended = cast.server.send(&Request::new("GET", "/1.0/roles?extended=true").token(&cast.otto.token));
    assert!(description.fault(&role, &extended).unwrap().contains("is ours and was not asked for"));
    extended.status = 404;
    assert!(description.fault(&role, &extended).is_some());
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// The facts of the public file: names and types in our own form, without any of its texts.
const PUBLIC: &str = "tests/stories/contract/public.json";

/// The public file itself, when it is at hand: the setting `PUBLIC_OPENAPI`, or where it lies beside the workspace.
fn public_file() -> Option<String> {
    let beside = workspace().join("../shared/contract/engage-digital-openapi.yaml");
    let place = std::env::var_os("PUBLIC_OPENAPI").map_or(beside, PathBuf::from);
    std::fs::read_to_string(place).ok()
}

/// The committed facts are what the public file says. `PUBLIC_FACTS=write` writes them anew.
#[test]
fn the_facts_of_the_public_file_are_its_facts() {
    let Some(file) = public_file() else {
        println!("not run: the public file is not here; its facts are still compared with the server's description");
        return;
    };
    let document = YamlLoader::load_from_str(&file).expect("YAML").remove(0);
    let facts = api::text(&api::facts(&api::from_yaml(&document)));
    let place = workspace().join(PUBLIC);
    if std::env::var("PUBLIC_FACTS").is_ok_and(|what| what == "write") {
        std::fs::write(&place, &facts).expect("the facts are written");
    }
    assert!(std::fs::read_to_string(&place).unwrap_or_default() == facts, "{PUBLIC} is not what the file says");
}

fn the_description_says_what_the_public_file_says(engine: Engine) {
    let cast = Cast::shared(engine);
    let public: Value = serde_json::from_str(&std::fs::read_to_string(workspace().join(PUBLIC)).unwrap()).unwrap();
    let ours = api::facts(Description::of(cast.server.address()).document());
    let page = Page::read();
    let mut faults = Vec::new();

    // Every difference has a row with its reason, and every row a difference.
    let differences = compare::differences(&public, &ours);
    let rows: Vec<&str> = page.rows("Differences from the public file").iter().map(|row| row[0]).collect();
    let unlisted = differences.iter().filter(|told| !rows.iter().any(|row| fits(row, told)));
    faults.extend(unlisted.map(|told| format!("no row for the difference: | {told} | |")));
    let stale = rows.iter().filter(|row| !differences.iter().any(|told| fits(row, told)));
    faults.extend(stale.map(|row| format!("a row for what does not differ: {row}")));

    // What is still to come is listed, and so is what is ours.
    let ids = |facts: &Value| facts["operations"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let (all, served) = (ids(&public), ids(&ours));
    let pending: BTreeSet<String> = all.difference(&served).cloned().collect();
    faults.extend(apart("still to come", &page.names("Still to come"), &pending));
    let own = ours["operations"].as_object().unwrap().values().filter(|operation| operation[OURS] == true);
    let own = own.map(|operation| {
        format!("{} /1.0{}", operation["method"].as_str().unwrap().to_uppercase(), operation["path"].as_str().unwrap())
    });
    faults.extend(apart("ours", &page.names("Operations of our own"), &own.collect()));
    let is_alias = |id: &str| id.ends_with("ByPut") || id.ends_with("ByDelete");
    let unmarked = served.difference(&all).filter(|id| ours["operations"][*id][OURS] != true && !is_alias(id));
    faults.extend(unmarked.map(|id| format!("{id} is not public and not marked as ours")));
    let sentence = format!("{} of the {} public operations are served", all.len() - pending.len(), all.len());
    if !page.0.contains(&sentence) {
        faults.push(format!("the page does not say: {sentence}"));
    }
    assert!(faults.is_empty(), "docs/compatibility.md, {} faults:\n{}", faults.len(), faults.join("\n"));
}

fn apart(what: &str, listed: &BTreeSet<String>, real: &BTreeSet<String>) -> Vec<String> {
    let missing = real.difference(listed).map(|name| format!("not listed as {what}: `{name}`"));
    missing.chain(listed.difference(real).map(|name| format!("listed as {what} and not so: `{name}`"))).collect()
}

/// Whether a difference is what a row says; `*` in a row stands for anything.
fn fits(row: &str, told: &str) -> bool {
    let parts: Vec<&str> = row.split('*').collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    if parts.len() == 1 {
        return row == told;
    }
    let Some(mut rest) = told.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return false };
    parts[1..parts.len() - 1].iter().all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// The page that tells integrators what to expect.
struct Page(String);

impl Page {
    fn read() -> Page {
        Page(std::fs::read_to_string(workspace().join("docs/compatibility.md")).expect("the page"))
    }

    fn section(&self, heading: &str) -> &str {
        let start = format!("## {heading}\n");
        let rest = self.0.split_once(&start).unwrap_or_else(|| panic!("no section {heading}")).1;
        rest.split("\n## ").next().unwrap_or_default()
    }

    /// The cells of a section's tables, without their heads.
    fn rows(&self, heading: &str) -> Vec<Vec<&str>> {
        let mut rows: Vec<Vec<&str>> = Vec::new();
        for line in self.section(heading).lines().filter(|line| line.starts_with('|') && !line.starts_with("| ---")) {
            rows.push(line.trim_matches('|').split(" | ").map(str::trim).collect());
        }
        rows.retain(|row| row[0] != "difference");
        for row in &rows {
            assert!(row.len() == 2 && !row[1].is_empty(), "a difference without a reason: {row:?}");
        }
        rows
    }

    /// What a section names between backticks.
    fn names(&self, heading: &str) -> BTreeSet<String> {
        self.section(heading).split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }
}
