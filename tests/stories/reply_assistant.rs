//! The reply assistant: answers that are kept ready.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine, Person};
use serde_json::{Value, json};

use crate::attachments::{PNG, target, upload};

on_both_engines![
    an_entry_has_versions_and_a_group,
    what_cannot_be_kept_is_refused,
    an_agent_is_offered_what_fits_where_they_answer,
    what_is_offered_is_found_by_words_and_shortcuts,
    variables_are_filled_in_for_whom_it_is,
    a_version_has_files_which_go_out_with_it,
    a_versions_files_are_seen_and_sent_only_where_it_is_offered,
    what_was_used_is_in_the_journal,
    entries_follow_their_categories,
];

const ENTRIES: &str = "/1.0/reply_assistant/entries";
const VERSIONS: &str = "/1.0/reply_assistant/versions";
const GROUPS: &str = "/1.0/reply_assistant/groups";

/// An entry with this name, these fields and one version for each text.
fn entry(otto: &Person, label: &str, fields: &Value, versions: &[Value]) -> Value {
    let made = otto.post(ENTRIES, &json!({ "label": label })).ok();
    for version in versions {
        let mut version = version.clone();
        version["entry_id"] = made["id"].clone();
        otto.post(VERSIONS, &version).ok();
    }
    otto.put(&format!("{ENTRIES}/{}", id(&made)), fields).ok()
}

/// Without those of the example.
fn nothing_kept(otto: &Person) {
    for one in ids(&otto.get(&format!("{ENTRIES}?limit=150")).ok()) {
        otto.delete(&format!("{ENTRIES}/{one}")).ok();
    }
}

fn labels(page: &Value) -> Vec<&str> {
    records(page).iter().map(|one| one["label"].as_str().expect("a label")).collect()
}

fn an_entry_has_versions_and_a_group(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let label = unique("Delay ");
    let made = otto.post(ENTRIES, &json!({ "label": format!(" {label} ") })).ok();
    assert_eq!(
        (&made["label"], &made["shortcuts"], &made["version_ids"], &made["entry_group_id"], &made["foreign_id"]),
        (&json!(label), &json!(""), &json!([]), &json!(null), &json!(null))
    );
    let path = format!("{ENTRIES}/{}", id(&made));
    let text = json!({ "entry_id": made["id"], "body": "Sorry for the delay.", "language": "en" });
    let english = otto.post(VERSIONS, &text).ok();
    assert_eq!(
        (&english["format"], &english["attachments_count"], &english["entry_id"], &english["language"]),
        (&json!("text"), &json!(0), &made["id"], &json!("en"))
    );
    let text = json!({ "entry_id": made["id"], "body": "<p>Désolé</p>", "language": "fr", "format": "html" });
    let french = otto.post(VERSIONS, &text).ok();
    let group = otto.post(GROUPS, &json!({ "name": unique("Group "), "entry_ids": [made["id"]] })).ok();
    let category = otto.create_category(&json!({}));
    let (source, _channel) = cast.new_source();
    let fields = json!({
        "foreign_id": "KB042", "shortcuts": ["/late", "sorry"], "category_ids": [category["id"]],
        "source_ids": [source.id],
    });
    let changed = otto.put(&path, &fields).ok();
    assert_eq!(
        (&changed["shortcuts"], &changed["foreign_id"], &changed["category_ids"], &changed["source_ids"]),
        (&json!("late,sorry"), &json!("KB042"), &json!([category["id"]]), &json!([source.id]))
    );
    assert_eq!(changed["version_ids"], json!([english["id"], french["id"]]), "oldest first");
    assert_eq!(changed["entry_group_id"], group["id"]);
    assert_eq!(otto.get(&path).ok(), changed);
    assert!(ids(&otto.get(&format!("{ENTRIES}?limit=150")).ok()).contains(&id(&made)));

    // Another group takes it over.
    let other = otto.post(GROUPS, &json!({ "name": unique("Group "), "autocomplete": true })).ok();
    assert!(other["position"].as_i64() > group["position"].as_i64(), "behind the others: {other}");
    otto.put(&path, &json!({ "entry_group_id": other["id"] })).ok();
    let of = |group: &Value| otto.get(&format!("{GROUPS}/{}", id(group))).ok()["entry_ids"].clone();
    assert_eq!((of(&group), of(&other)), (json!([]), json!([made["id"]])));
    let group_path = format!("{GROUPS}/{}", id(&group));
    let moved = otto.put(&group_path, &json!({ "entry_ids": [made["id"]], "position": 0, "name": "First" })).ok();
    assert_eq!((&moved["position"], &moved["name"], of(&other)), (&json!(0), &json!("First"), json!([])));
    assert_eq!(otto.delete(&group_path).ok()["entry_ids"], json!([made["id"]]));
    assert_eq!(otto.get(&path).ok()["entry_group_id"], json!(null));

    // A version moves to another entry, and an entry goes with its versions.
    let second = otto.post(ENTRIES, &json!({ "label": unique("Second ") })).ok();
    let version_path = format!("{VERSIONS}/{}", id(&french));
    let moved = json!({ "entry_id": second["id"], "format": "text", "body": "Désolé", "language": "" });
    let moved = otto.put(&version_path, &moved).ok();
    assert_eq!((&moved["format"], &moved["language"]), (&json!("text"), &json!(null)));
    assert_eq!(otto.get(&path).ok()["version_ids"], json!([english["id"]]));
    assert_eq!(otto.delete(&path).ok()["id"], made["id"]);
    for gone in [path, format!("{VERSIONS}/{}", id(&english)), group_path] {
        otto.get(&gone).refused(404);
        otto.delete(&gone).refused(404);
    }
    assert_eq!(otto.delete(&version_path).ok()["id"], french["id"]);
    assert_eq!(otto.get(&format!("{ENTRIES}/{}", id(&second))).ok()["version_ids"], json!([]));
}

fn what_cannot_be_kept_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let nobody = "0123456789abcdef01234567";
    let made = otto.post(ENTRIES, &json!({ "label": unique("Entry ") })).ok();
    let path = format!("{ENTRIES}/{}", id(&made));
    assert_eq!(otto.post(ENTRIES, &json!({})).invalid(), ["label"]);
    for (fields, wrong) in [
        (json!({ "label": "" }), "label"),
        (json!({ "label": "x".repeat(256) }), "label"),
        (json!({ "foreign_id": "a\nb" }), "foreign_id"),
        (json!({ "shortcuts": ["two words"] }), "shortcuts"),
        (json!({ "shortcuts": ["a,b"] }), "shortcuts"),
        (json!({ "category_ids": [nobody] }), "category_ids"),
        (json!({ "source_ids": [nobody] }), "source_ids"),
        (json!({ "entry_group_id": nobody }), "entry_group_id"),
    ] {
        assert_eq!(otto.put(&path, &fields).invalid(), [wrong], "{fields}");
    }
    for (fields, wrong) in [
        (json!({ "name": " " }), "name"),
        (json!({ "name": "x", "position": -1 }), "position"),
        (json!({ "name": "x", "entry_ids": [nobody] }), "entry_ids"),
    ] {
        assert_eq!(otto.post(GROUPS, &fields).invalid(), [wrong], "{fields}");
    }
    for (fields, wrong) in [
        (json!({ "body": " " }), "body"),
        (json!({ "body": "<p></p>", "format": "html" }), "body"),
        (json!({ "body": "x".repeat(20_001) }), "body"),
        (json!({ "body": "x", "language": "english" }), "language"),
        (json!({ "body": "x", "source_ids": [nobody] }), "source_ids"),
    ] {
        let mut fields = fields;
        fields["entry_id"] = made["id"].clone();
        assert_eq!(otto.post(VERSIONS, &fields).invalid(), [wrong], "{fields}");
    }
    // As documented, an unknown entry is missing.
    for unknown in [nobody, "nonsense"] {
        otto.post(VERSIONS, &json!({ "body": "x", "entry_id": unknown })).refused(404);
    }
    assert_eq!(otto.post(VERSIONS, &json!({ "body": "x" })).invalid(), ["entry_id"]);
}

fn an_agent_is_offered_what_fits_where_they_answer(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (otto, ada) = (&cast.otto, &cast.ada);
    nothing_kept(otto);
    let category = otto.create_category(&json!({}));
    let (other_source, _channel) = cast.new_source();
    let here = &cast.shop;
    here.says("vera", "offered", "Bonjour, où est ma bouilloire ?");
    let content = here.contents(otto, "offered").remove(0);
    let thread = id(&here.thread(otto, "offered"));
    let text = |body: &str| json!({ "body": body });
    let everywhere = entry(otto, "Everywhere", &json!({}), &[text("Everywhere")]);
    entry(otto, "Elsewhere", &json!({ "source_ids": [other_source.id] }), &[text("x")]);
    entry(otto, "Without a text", &json!({}), &[]);
    entry(otto, "For a category", &json!({ "category_ids": [category["id"]] }), &[text("x")]);
    let versions = [
        json!({ "body": "Any" }),
        json!({ "body": "Here", "source_ids": [here.id] }),
        json!({ "body": "Français", "language": "fr" }),
        json!({ "body": "Deutsch", "language": "de" }),
        json!({ "body": "Not here", "language": "it", "source_ids": [other_source.id] }),
    ];
    entry(otto, "Many languages", &json!({}), &versions);
    let first = otto.post(GROUPS, &json!({ "name": "First", "position": 0, "entry_ids": [everywhere["id"]] })).ok();
    let path = format!("/1.0/content_threads/{thread}/reply_suggestions");
    let page = ada.get(&path).ok();
    assert_eq!((labels(&page), &page["count"]), (vec!["Everywhere", "Many languages"], &json!(2)));
    assert_eq!(records(&page)[0]["group"], first["name"]);
    let many = |more: &str| records(&ada.get(&format!("{path}?{more}")).ok())[1]["body"].clone();
    assert_eq!(many(""), "Here", "one for this source before one for all");
    assert_eq!(many("language=fr"), "Français");
    assert_eq!(many("language=de"), "Deutsch");
    assert_eq!(many("language=it"), "Here");
    assert_eq!(labels(&ada.get(&format!("{path}?offset=1&limit=1")).ok()), ["Many languages"]);
    // What is answered has a category by now.
    let categories = json!({ "category_ids": [category["id"]] });
    otto.put(&format!("/1.0/contents/{}/update_categories", id(&content)), &categories).ok();
    let answering = format!("{path}?in_reply_to_id={}", id(&content));
    assert_eq!(labels(&ada.get(&answering).ok()), ["Everywhere", "For a category", "Many languages"]);
    assert_eq!(labels(&ada.get(&path).ok()).len(), 2, "the thread itself has none");
    // Who may not answer here is offered nothing.
    cast.rita.get(&path).refused(403);
    cast.hire(&[]).get(&path).refused(404);
    let wrong = format!("{path}?in_reply_to_id=0123456789abcdef01234567");
    assert_eq!(ada.get(&wrong).invalid(), ["in_reply_to_id"]);
    ada.get(ENTRIES).refused(403);
}

fn what_is_offered_is_found_by_words_and_shortcuts(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (otto, ada) = (&cast.otto, &cast.ada);
    nothing_kept(otto);
    cast.shop.says("vera", "found", "Hello?");
    let thread = id(&cast.shop.thread(otto, "found"));
    let texts = |body: &str| [json!({ "body": body })];
    entry(otto, "Délai de livraison", &json!({ "shortcuts": ["delai", "late"] }), &texts("Votre colis arrive demain."));
    entry(
        otto,
        "Refund",
        &json!({ "shortcuts": ["refund"] }),
        &texts("The parcel comes back, 100% of your money too."),
    );
    let greeting = entry(otto, "Good morning", &json!({}), &texts("Good morning!"));
    otto.post(GROUPS, &json!({ "name": "Greetings", "autocomplete": true, "entry_ids": [greeting["id"]] })).ok();
    let path = format!("/1.0/content_threads/{thread}/reply_suggestions");
    let found = |search: &str| -> Vec<String> {
        let page = ada.get(&format!("{path}?{search}")).ok();
        labels(&page).iter().map(|label| (*label).to_owned()).collect()
    };
    for (search, expected) in [
        ("words=DELAI", &["Délai de livraison"][..]),
        ("words=livr+colis", &["Délai de livraison"]),
        ("words=parcel", &["Refund"]),
        ("words=100%25", &["Refund"]),
        ("words=_", &["Good morning", "Délai de livraison", "Refund"]),
        ("words=olis", &[]),
        ("words=parcel+kettle", &[]),
        ("shortcut=", &["Délai de livraison", "Refund", "Good morning"]),
        ("shortcut=/la", &["Délai de livraison"]),
        ("shortcut=REFUND", &["Refund"]),
        ("shortcut=good", &["Good morning"]),
        // Names are completed in groups that say so.
        ("shortcut=livraison", &[]),
    ] {
        assert_eq!(found(search), expected, "{search}");
    }
    let long = "x".repeat(256);
    assert_eq!(ada.get(&format!("{path}?words={long}")).invalid(), ["words"]);
}

fn variables_are_filled_in_for_whom_it_is(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let (source, _channel) = cast.new_source();
    source.says("Vera <b>", "filled", "Hello?");
    let content = source.contents(otto, "filled").remove(0);
    let thread = id(&source.thread(otto, "filled"));
    let name = unique("Variables ");
    let html = "<p>{{customer_name}}, {{agent_firstname}} of {{source_name}}<script>alert(1)</script></p>";
    let body = "Hello {{customer_firstname|there}}, {{customer_lastname}} {{ unknown }}";
    let only = json!({ "source_ids": [source.id], "shortcuts": ["v"] });
    entry(otto, &name, &only, &[json!({ "body": body }), json!({ "body": html, "format": "html", "language": "fr" })]);
    let path = format!("/1.0/content_threads/{thread}/reply_suggestions?shortcut=v&in_reply_to_id={}", id(&content));
    let offered = |more: &str| {
        let page = otto.get(&format!("{path}{more}")).ok();
        records(&page).iter().find(|one| one["label"] == json!(name)).expect("it is offered").clone()
    };
    let plain = offered("");
    assert_eq!(
        (&plain["body"], &plain["body_html"], &plain["unfilled"]),
        (&json!("Hello there, {{customer_lastname}} {{ unknown }}"), &json!(null), &json!(["customer_lastname"]))
    );
    // What colleagues know of the customer counts.
    let group = otto
        .put(&format!("/1.0/identities/{}/identity_group", content["author_id"].as_str().unwrap()), &json!({}))
        .ok();
    let known = json!({ "firstname": "Véra", "lastname": "Vogel" });
    otto.put(&format!("/1.0/identity_groups/{}", id(&group)), &known).ok();
    assert_eq!(offered("")["body"], "Hello Véra, Vogel {{ unknown }}");
    let french = offered("&language=fr");
    let html = french["body_html"].as_str().unwrap();
    assert!(html.starts_with("<p>Véra Vogel, Otto of ") && !html.contains("script"), "{html}");
    assert!(french["body"].as_str().unwrap().starts_with("Véra Vogel, Otto of "), "{french}");
}

fn names_of(files: &Value) -> Vec<&str> {
    let files = files.as_array().expect("files");
    files.iter().map(|file| file["filename"].as_str().expect("a name")).collect()
}

fn a_version_has_files_which_go_out_with_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let (source, channel) = cast.new_source();
    let made = otto.post(ENTRIES, &json!({ "label": unique("Manual ") })).ok();
    otto.put(&format!("{ENTRIES}/{}", id(&made)), &json!({ "source_ids": [source.id] })).ok();
    let [manual, picture] = [("manual.pdf", &b"%PDF-1.4"[..]), ("kettle.png", PNG)]
        .map(|(name, bytes)| id(&upload(otto, name, bytes, None).ok()));
    let text = json!({ "entry_id": made["id"], "body": "See below.", "attachment_ids": [picture, manual] });
    let version = otto.post(VERSIONS, &text).ok();
    assert_eq!((&version["attachments_count"], version.get("attachments")), (&json!(2), None));
    let path = format!("{VERSIONS}/{}", id(&version));
    let extended = format!("{path}?extended=true");
    assert_eq!(names_of(&otto.get(&extended).ok()["attachments"]), ["kettle.png", "manual.pdf"]);
    assert_eq!(otto.get(&path).ok(), version);

    source.says("vera", "files", "How does it work?");
    let content = source.contents(otto, "files").remove(0);
    let thread = id(&source.thread(otto, "files"));
    let offered = otto.get(&format!("/1.0/content_threads/{thread}/reply_suggestions")).ok();
    let offered = records(&offered).iter().find(|one| one["version_id"] == version["id"]).expect("it is offered");
    let files: Vec<&Value> = offered["attachments"].as_array().unwrap().iter().map(|file| &file["id"]).collect();
    assert_eq!(files, [&json!(picture), &json!(manual)]);
    // It goes out with each answer that is written with it.
    for body in ["See below, once.", "See below, twice."] {
        let answer = json!({ "in_reply_to_id": content["id"], "body": body, "attachment_ids": files });
        let reply = otto.post("/1.0/contents", &answer).ok();
        assert_eq!(reply["attachments_count"], 2);
        assert_eq!(names_of(&reply["attachments"]), ["kettle.png", "manual.pdf"]);
        let sent = channel.push_of(body).params()["attachments"].clone();
        let fetched = cast.server.send(&Request::new("GET", &target(sent[0]["url"].as_str().unwrap())));
        assert_eq!((fetched.status, fetched.body.as_slice()), (200, PNG));
    }
    // Another order, one less, another one; what was sent stays sent.
    let more = id(&upload(otto, "warranty.pdf", b"%PDF-1.4", None).ok());
    let changed = otto.put(&extended, &json!({ "attachment_ids": [more, picture, picture] })).ok();
    assert_eq!(
        (&changed["attachments_count"], names_of(&changed["attachments"])),
        (&json!(2), vec!["warranty.pdf", "kettle.png"])
    );
    assert_eq!(otto.put(&path, &json!({ "body": "See below!" })).ok()["attachments_count"], 2, "it keeps them");
    otto.get(&format!("/1.0/attachments/{manual}")).refused(404);
    let told = format!("name_in:reply_assistant_knowledge_base_version.updated content:{}", id(&version));
    assert_eq!(otto.search("/1.0/events", &told)["count"], 2);
    otto.put(&path, &json!({ "attachment_ids": [more, picture] })).ok();
    assert_eq!(otto.search("/1.0/events", &told)["count"], 2, "nothing changed");
    assert_eq!(otto.put(&path, &json!({ "attachment_ids": [] })).ok()["attachments_count"], 0);
    let replies = source.contents(otto, "files");
    assert_eq!(replies.iter().filter(|reply| reply["attachments_count"] == 2).count(), 2);

    // With the entry everything of it goes.
    let last = id(&upload(otto, "last.pdf", b"%PDF-1.4", None).ok());
    otto.put(&path, &json!({ "attachment_ids": [last] })).ok();
    otto.get(&format!("/1.0/attachments/{last}")).ok();
    otto.delete(&format!("{ENTRIES}/{}", id(&made))).ok();
    otto.get(&format!("/1.0/attachments/{last}")).refused(404);
}

fn a_versions_files_are_seen_and_sent_only_where_it_is_offered(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let [(source, _channel), (elsewhere, _other)] = [cast.new_source(), cast.new_source()];
    let [ada, rita] = ["read,reply", "read"].map(|rights| {
        let person = cast.hire(&[]);
        let path = format!("/1.0/users/{}/sources_permissions", person.user_id);
        otto.put(&path, &json!({ &source.id: rights })).ok();
        person
    });
    let [file, hidden, pending] =
        ["a.pdf", "b.pdf", "c.pdf"].map(|name| id(&upload(otto, name, b"%PDF-1.4", None).ok()));
    let here = json!({ "body": "Here", "attachment_ids": [file], "source_ids": [source.id] });
    let there = json!({ "body": "There", "attachment_ids": [hidden] });
    entry(otto, &unique("Here "), &json!({}), &[here]);
    let other = entry(otto, &unique("There "), &json!({ "source_ids": [elsewhere.id] }), &[there]);
    // Whoever answers where it is offered sees it; it is in the list of who manages the assistant.
    let of = |id: &str| format!("/1.0/attachments/{id}");
    let mine = ada.get(&of(&file)).ok();
    assert_eq!(ada.get(&target(mine["url"].as_str().unwrap())).status, 200);
    let listed = |person: &Person| ids(&person.get("/1.0/attachments?extension=pdf&limit=150").ok());
    assert!(listed(otto).contains(&file) && !listed(&ada).contains(&file));
    for unseen in [&hidden, &pending] {
        ada.get(&of(unseen)).refused(404);
    }
    rita.get(&of(&file)).refused(404);
    source.says("vera", "files", "Hello?");
    let content = source.contents(otto, "files").remove(0);
    let answer = |ids: &Value| json!({ "in_reply_to_id": content["id"], "body": "Here", "attachment_ids": ids });
    assert_eq!(ada.post("/1.0/contents", &answer(&json!([file]))).ok()["attachments_count"], 1);
    for wrong in [&hidden, &pending] {
        assert_eq!(ada.post("/1.0/contents", &answer(&json!([wrong]))).invalid(), ["attachment_ids"]);
    }
    assert_eq!(otto.post("/1.0/contents", &answer(&json!([hidden]))).invalid(), ["attachment_ids"]);
    // A version takes nobody else's uploads, and nothing that is used already.
    let path = format!("{VERSIONS}/{}", other["version_ids"][0].as_str().unwrap());
    let hers = id(&upload(&ada, "hers.pdf", b"%PDF-1.4", None).ok());
    let many: Vec<&str> = vec![&pending; 21];
    assert_eq!(
        otto.put(&path, &json!({ "attachment_ids": many })).ok()["attachments_count"],
        1,
        "one file, named often"
    );
    for wrong in [hers.as_str(), &file, "0123456789abcdef01234567"] {
        assert_eq!(otto.put(&path, &json!({ "attachment_ids": [wrong] })).invalid(), ["attachment_ids"], "{wrong}");
    }
    let many: Vec<String> = (0..21).map(|_| id(&upload(otto, "x.txt", b"x", None).ok())).collect();
    assert_eq!(otto.put(&path, &json!({ "attachment_ids": many })).invalid(), ["attachment_ids"]);
    ada.put(&path, &json!({ "attachment_ids": [hers] })).refused(403);
    // What the source lets nobody send is not sent this way either.
    otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({ "attachments_security_level": "strict" })).ok();
    assert_eq!(ada.post("/1.0/contents", &answer(&json!([file]))).invalid(), ["attachment_ids"]);
}

fn what_was_used_is_in_the_journal(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let (source, _channel) = cast.new_source();
    source.says("vera", "used", "Hello?");
    let content = source.contents(otto, "used").remove(0);
    let made = entry(otto, &unique("Used "), &json!({}), &[json!({ "body": "Hello!" })]);
    let version = made["version_ids"][0].clone();
    let gone = "0123456789abcdef01234567";
    let answer = json!({
        "in_reply_to_id": content["id"], "body": "Hello!", "reply_assistant_version_ids": [version, version, gone],
    });
    let reply = otto.post("/1.0/contents", &answer).ok();
    let search = format!("name_in:content.reply_assistant_used content:{}", id(&reply));
    let events = otto.search("/1.0/events", &search);
    assert_eq!(events["count"], 1, "{events}");
    assert_eq!(records(&events)[0]["extra_infos"].get("entry_id"), None);
    let event = otto.get(&format!("/1.0/events/{}?extended=true", id(&records(&events)[0]))).ok();
    let told = &event["extra_infos"];
    assert_eq!((&told["entry_id"], &told["version_id"]), (&made["id"], &version));
    assert_eq!(event["user_id"], json!(otto.user_id));
    let many: Vec<&str> = vec![gone; 21];
    let too_many = json!({ "in_reply_to_id": content["id"], "body": "x", "reply_assistant_version_ids": many });
    assert_eq!(otto.post("/1.0/contents", &too_many).invalid(), ["reply_assistant_version_ids"]);
    // Changes of the assistant itself are there, too.
    let search = format!("name_in:reply_assistant_knowledge_base_entry.created content:{}", id(&made));
    assert_eq!(otto.search("/1.0/events", &search)["count"], 1);
}

fn entries_follow_their_categories(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let [old, gone, heir] = [(); 3].map(|()| otto.create_category(&json!({})));
    let made = entry(otto, &unique("Sorted "), &json!({ "category_ids": [old["id"], gone["id"]] }), &[]);
    otto.delete(&format!("/1.0/categories/{}?take_over_category_id={}", id(&old), id(&heir))).ok();
    otto.delete(&format!("/1.0/categories/{}", id(&gone))).ok();
    let path = format!("{ENTRIES}/{}", id(&made));
    assert_eq!(otto.get(&path).ok()["category_ids"], json!([heir["id"]]));
    otto.put(&path, &json!({ "category_ids": [gone["id"]] })).invalid();
}
