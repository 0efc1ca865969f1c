//! What administrators of a website's chat set up: triggers, items of the catalogue, custom variables and style sheets; and
//! what pages and conversations get of it.

use std::sync::OnceLock;

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Answer, Cast, Engine, Person, Transport};
use serde_json::{Value, json};

on_both_engines![
    a_new_source_has_something_to_show,
    a_page_gets_what_is_switched_on,
    triggers_have_an_order,
    wrong_triggers_are_refused_and_named,
    what_is_used_is_not_deleted,
    items_are_of_one_kind,
    custom_variables_have_names_and_types,
    a_conversation_gets_what_its_trigger_says,
    agents_are_counted_as_everywhere,
    a_window_wears_its_sources_colours,
    a_wrong_style_sheet_is_refused_where_it_is_wrong,
    a_style_sheet_that_never_ends_is_ended,
    nobody_puts_a_script_into_somebodys_page,
    each_source_has_its_own,
    who_configures_live_chats_configures_no_messaging,
    there_are_limits,
    the_journal_tells_of_it,
];

fn ids(objects: &[Value]) -> Vec<String> {
    objects.iter().map(id).collect()
}

fn shared(engine: Engine) -> &'static Cast {
    static CASTS: [OnceLock<Cast>; 2] = [OnceLock::new(), OnceLock::new()];
    CASTS[engine as usize].get_or_init(|| Cast::start(engine, &["--trusted-proxy", "127.0.0.1/32"]))
}

/// A website's source.
struct Site<'c> {
    cast: &'c Cast,
    source_id: String,
    token: String,
}

impl<'c> Site<'c> {
    fn new(cast: &'c Cast, kind: &str) -> Site<'c> {
        let community = json!({ "type": "mobile_messaging", "name": unique("Shop ") });
        let community_id = id(&cast.otto.post("/1.0/communities", &community).ok());
        let source = json!({ "type": kind, "name": unique("Window "), "community_id": community_id });
        let source = cast.otto.post("/1.0/content_sources", &source).ok();
        Site { cast, source_id: id(&source), token: source["widget_token"].as_str().expect("a token").to_owned() }
    }

    fn path(&self, what: &str) -> String {
        format!("/1.0/content_sources/{}/{what}", self.source_id)
    }

    fn list(&self, what: &str) -> Vec<Value> {
        records(&self.cast.otto.get(&self.path(what)).ok()).to_vec()
    }

    fn make(&self, what: &str, given: &Value) -> Value {
        self.cast.otto.post(&self.path(what), given).ok()
    }

    fn trigger(&self, given: Value) -> Value {
        let mut trigger = json!({ "label": unique("Trigger "), "actions": { "show": "open" } });
        for (name, value) in given.as_object().expect("an object") {
            trigger[name] = value.clone();
        }
        self.make("triggers", &trigger)
    }

    fn item(&self, kind: &str) -> Value {
        let given = match kind {
            "automatic_message" => json!({ "type": kind, "label": unique("Item "), "text": "May I help?" }),
            _ => json!({ "type": kind, "label": unique("Item "), "html": "<b>Hello</b>" }),
        };
        self.make("catalog_items", &given)
    }

    fn get(&self, path: &str) -> Answer {
        Request::new("GET", &format!("/chat/{}/{path}", self.token))
            .send(self.cast.server.address())
            .expect("an answer")
    }

    fn configuration(&self) -> Value {
        let text = self.get("loader.js").text();
        let (_, config) = text.rsplit_once("\n})(").expect("a function that is called");
        serde_json::from_str(config.trim_end().trim_end_matches(");")).expect("JSON")
    }

    /// A visitor writes a first message.
    fn vera_writes(&self, session: &Value, message: Value) -> Value {
        let vera = self.vera(session);
        self.writes(&vera, message)
    }

    fn vera(&self, session: &Value) -> String {
        let number: u32 = unique("").parse().expect("a number");
        let address = format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255);
        let request = Request::new("POST", &format!("/chat/{}/session", self.token)).json(session);
        let begun = request.header("X-Forwarded-For", &address).send(self.cast.server.address()).expect("an answer");
        assert_eq!(begun.status, 201, "{}", begun.text());
        begun.json()["session"].as_str().expect("a session").to_owned()
    }

    fn writes(&self, session: &str, mut message: Value) -> Value {
        message["client_id"] = json!(unique("m"));
        message["body"] = json!("Hello");
        let request = Request::new("POST", &format!("/chat/{}/contents", self.token)).token(session).json(&message);
        let written = request.send(self.cast.server.address()).expect("an answer");
        assert_eq!(written.status, 201, "{}", written.text());
        written.json()
    }

    fn style(&self) -> Option<String> {
        let window = self.get("window").text();
        let (_, rest) = window.split_once("/style-")?;
        Some(format!("style-{}", rest.split_once('"')?.0))
    }
}

fn a_new_source_has_something_to_show(engine: Engine) {
    let cast = shared(engine);
    for kind in ["mobile_messaging", "chat"] {
        let site = Site::new(cast, kind);
        let items = site.list("catalog_items");
        let kinds: Vec<_> = items.iter().map(|item| (item["type"].as_str(), item["position"].as_str())).collect();
        let expected =
            [(Some("button"), Some("floating")), (Some("button"), Some("fixed")), (Some("invitation"), None)];
        assert_eq!(kinds, expected);
        for item in &items {
            let (html, css) = (item["html"].as_str().expect("HTML"), item["compiled_css"].as_str().expect("CSS"));
            assert!(html.contains("dimelo_chat_item_action") && html.contains("<svg") && css.contains("#53cca4"));
        }
        let place = format!("dimelo_chat_item_markup_{}", id(&items[1]));
        assert!(items[1]["markup"].as_str().expect("a place").contains(&place));
        // Nothing is shown before somebody says when.
        let config = site.configuration();
        assert_eq!((&config["triggers"], &config["items"]), (&json!([]), &json!([])));
    }
}

fn a_page_gets_what_is_switched_on(engine: Engine) {
    let site = Site::new(shared(engine), "chat");
    let button = id(&site.list("catalog_items")[0]);
    let message = site.item("automatic_message");
    site.item("invitation");
    site.make("custom_variables", &json!({ "name": "custom_cart", "type": "number", "selector": "#cart" }));
    let trigger = site.trigger(json!({
        "label": "Full cart",
        "conditions": [
            { "criterion": "custom_cart", "operator": "greater_or_equal", "value": "50" },
            { "criterion": "page_path", "position": "any_previous", "operator": "starts_with", "value": "/shop/" },
        ],
        "actions": { "button": button, "message": message["id"] },
        "only_if_available": true, "once_per_visit": true, "language": "fr",
    }));
    assert_eq!(trigger["human_id"], json!(format!("Full cart #{}", id(&trigger))));
    let other = site.trigger(json!({ "active": false, "actions": { "show": "minimized" } }));
    let config = site.configuration();
    let expected = json!([{
        "id": trigger["id"],
        "label": "Full cart",
        "conditions": [
            { "criterion": "custom_cart", "position": "current", "operator": "greater_or_equal", "value": 50 },
            { "criterion": "page_path", "position": "any_previous", "operator": "starts_with", "value": "/shop/" },
        ],
        "only_if_available": true,
        "actions": { "button": button, "message": "May I help?" },
        "stops_others": false,
        "once_per_visit": true,
        "language": "fr",
    }]);
    assert_eq!(config["triggers"], expected);
    assert_eq!(config["variables"], json!([{ "name": "custom_cart", "type": "number", "selector": "#cart" }]));
    let [item] = &config["items"].as_array().expect("items")[..] else { panic!("{}", config["items"]) };
    assert_eq!((&item["id"], &item["type"]), (&json!(button), &json!("button")));
    assert_eq!((&item["position"], &item["offline"]), (&json!("floating"), &json!(true)));
    assert!(item["css"].as_str().expect("CSS").contains(".fd_button{"));

    let path = site.path(&format!("triggers/{}", id(&other)));
    site.cast.otto.put(&path, &json!({ "active": true })).ok();
    assert_eq!(ids(&site.configuration()["triggers"].as_array().expect("triggers")[..]), [id(&trigger), id(&other)]);
    site.cast.otto.delete(&path).ok();
    assert_eq!(site.cast.otto.get(&path).status, 404);
    assert_eq!(site.configuration()["triggers"].as_array().expect("triggers").len(), 1);
}

fn triggers_have_an_order(engine: Engine) {
    let site = Site::new(shared(engine), "mobile_messaging");
    let [one, two, three] = std::array::from_fn(|_| id(&site.trigger(json!({}))));
    let move_to = |id: &str, position: i64| {
        site.cast.otto.put(&site.path(&format!("triggers/{id}/move")), &json!({ "position": position }))
    };
    let order = || ids(&site.list("triggers"));
    assert_eq!(order(), [one.clone(), two.clone(), three.clone()]);
    for (moved, position, expected) in
        [(&three, 1, [&three, &one, &two]), (&three, 2, [&one, &three, &two]), (&one, 99, [&three, &two, &one])]
    {
        move_to(moved, position).ok();
        assert_eq!(order(), expected.map(String::clone));
        assert_eq!(ids(site.configuration()["triggers"].as_array().expect("triggers")), order());
    }
    assert_eq!(move_to(&one, 0).invalid(), ["position"]);
    let four = id(&site.trigger(json!({})));
    assert_eq!(order().last(), Some(&four), "a new one is behind the others");
    let page = site.cast.otto.get(&site.path("triggers?offset=1&limit=2")).ok();
    assert_eq!((page["count"].as_i64(), ids(records(&page))), (Some(4), order()[1..3].to_vec()));
}

fn wrong_triggers_are_refused_and_named(engine: Engine) {
    let site = Site::new(shared(engine), "mobile_messaging");
    let button = id(&site.item("button"));
    let message = id(&site.item("automatic_message"));
    let category = site.cast.otto.create_category(&json!({ "name": unique("Category ") }));
    let condition = |given: Value| json!({ "conditions": [{ "criterion": "time", "operator": "is_present" }, given] });
    let good = json!({ "label": "Good", "actions": { "show": "open" } });
    let tries: Vec<(Value, &[&str])> = vec![
        (json!({ "label": " " }), &["label"]),
        (json!({ "label": "x".repeat(256) }), &["label"]),
        (json!({ "actions": {} }), &["actions"]),
        (json!({ "actions": { "show": "wide" } }), &["actions.show"]),
        (json!({ "actions": { "message": message } }), &["actions.message"]),
        (json!({ "actions": { "hide_items": true, "message": message } }), &["actions.message"]),
        (json!({ "actions": { "button": message } }), &["actions.button"]),
        (json!({ "actions": { "invitation": button } }), &["actions.invitation"]),
        (json!({ "actions": { "button": "nonsense" } }), &["actions.button"]),
        (json!({ "queuing_factor": -1 }), &["queuing_factor"]),
        (json!({ "queuing_factor": "much" }), &["queuing_factor"]),
        (json!({ "language": "klingon" }), &["language"]),
        (json!({ "category_ids": ["0123456789abcdef01234567"] }), &["category_ids"]),
        (condition(json!({})), &["conditions[1].criterion"]),
        (condition(json!({ "criterion": "weather", "operator": "is", "value": "x" })), &["conditions[1].criterion"]),
        (condition(json!({ "criterion": "custom_x", "operator": "is", "value": "x" })), &["conditions[1].criterion"]),
        (
            condition(json!({ "criterion": "identity", "operator": "contains", "value": "x" })),
            &["conditions[1].operator"],
        ),
        (condition(json!({ "criterion": "page_url", "operator": "is", "value": {} })), &["conditions[1].value"]),
        (condition(json!({ "criterion": "visit_count", "operator": "is", "value": "x" })), &["conditions[1].value"]),
        (
            condition(json!({ "criterion": "time", "position": "next", "operator": "is", "value": "8:10" })),
            &["conditions[1].position", "conditions[1].value"],
        ),
        (json!({ "conditions": vec![json!({ "criterion": "time", "operator": "is_present" }); 51] }), &["conditions"]),
    ];
    let trigger = id(&site.trigger(json!({ "category_ids": [id(&category)] })));
    for (given, expected) in tries {
        let mut whole = good.clone();
        for (name, value) in given.as_object().expect("an object") {
            whole[name] = value.clone();
        }
        assert_eq!(site.cast.otto.post(&site.path("triggers"), &whole).invalid(), expected, "{given}");
        let changed = site.cast.otto.put(&site.path(&format!("triggers/{trigger}")), &given);
        assert_eq!(changed.invalid(), expected, "{given}");
    }
    assert_eq!(site.list("triggers").len(), 1);
    for good in [
        json!({ "actions": { "hide_items": true } }),
        json!({ "actions": { "button": button, "message": message } }),
        json!({ "conditions": [{ "criterion": "page_url", "operator": "is_not", "value": "" }] }),
        json!({ "queuing_factor": "0.25", "language": "" }),
    ] {
        site.trigger(good);
    }
}

fn what_is_used_is_not_deleted(engine: Engine) {
    let site = Site::new(shared(engine), "mobile_messaging");
    let otto = &site.cast.otto;
    let item = site.item("button");
    let variable = site.make("custom_variables", &json!({ "name": "custom_vip", "type": "boolean" }));
    let trigger = site.trigger(json!({
        "label": "Important",
        "conditions": [{ "criterion": "custom_vip", "operator": "is", "value": true }],
        "actions": { "button": item["id"] },
    }));
    let item = site.path(&format!("catalog_items/{}", id(&item)));
    let variable = site.path(&format!("custom_variables/{}", id(&variable)));
    for path in [&item, &variable] {
        let refused = otto.delete(path).refused(409);
        assert!(refused["message"].as_str().expect("why").contains("Important"), "{refused}");
        otto.get(path).ok();
    }
    otto.put(&variable, &json!({ "type": "string" })).refused(409);
    otto.put(&variable, &json!({ "name": "custom_other" })).refused(409);
    assert_eq!(otto.put(&variable, &json!({ "label": "Very important" })).ok()["label"], "Very important");
    let path = site.path(&format!("triggers/{}", id(&trigger)));
    otto.put(&path, &json!({ "conditions": [], "actions": { "show": "open" } })).ok();
    for path in [&item, &variable] {
        otto.delete(path).ok();
        assert_eq!(otto.get(path).status, 404);
    }
}

fn items_are_of_one_kind(engine: Engine) {
    let site = Site::new(shared(engine), "mobile_messaging");
    let otto = &site.cast.otto;
    for (given, expected) in [
        (json!({ "type": "popup", "label": "a", "html": "<b>a</b>" }), "type"),
        (json!({ "type": "button", "html": "<b>a</b>" }), "label"),
        (json!({ "type": "button", "label": "a" }), "html"),
        (json!({ "type": "button", "label": "a", "html": "<script>1</script>" }), "html"),
        (json!({ "type": "button", "label": "a", "html": "x".repeat(40_000) }), "html"),
        (json!({ "type": "button", "label": "a", "html": "<i>".repeat(2_000) }), "html"),
        (json!({ "type": "button", "label": "a", "html": "<b>a</b>", "position": "here" }), "position"),
        (json!({ "type": "button", "label": "a", "html": "<b>a</b>", "text": "b" }), "text"),
        (json!({ "type": "invitation", "label": "a", "html": "<b>a</b>", "position": "fixed" }), "position"),
        (json!({ "type": "automatic_message", "label": "a" }), "text"),
        (json!({ "type": "automatic_message", "label": "a", "text": "x".repeat(1_001) }), "text"),
        (json!({ "type": "automatic_message", "label": "a", "text": "b", "html": "c" }), "html"),
        (json!({ "type": "automatic_message", "label": "a", "text": "b", "css": "c{d:e}" }), "css"),
    ] {
        assert_eq!(otto.post(&site.path("catalog_items"), &given).invalid(), [expected], "{given}");
    }
    let item = site.item("button");
    assert_eq!((&item["position"], &item["css"]), (&json!("floating"), &Value::Null));
    let path = site.path(&format!("catalog_items/{}", id(&item)));
    let changed = json!({ "position": "fixed", "label": "Mine", "css": ".a { .b { color: red } }" });
    let changed = otto.put(&path, &changed).ok();
    assert_eq!((&changed["label"], &changed["html"]), (&json!("Mine"), &item["html"]));
    assert_eq!(changed["compiled_css"], ".a .b{color:red}");
    // What is left out stays, an empty style is none.
    let changed = otto.put(&path, &json!({ "html": "<b>Other</b>" })).ok();
    assert_eq!((&changed["compiled_css"], &changed["html"]), (&json!(".a .b{color:red}"), &json!("<b>Other</b>")));
    let changed = otto.put(&path, &json!({ "css": "" })).ok();
    assert_eq!((&changed["compiled_css"], &changed["css"]), (&Value::Null, &Value::Null));
}

fn custom_variables_have_names_and_types(engine: Engine) {
    let site = Site::new(shared(engine), "mobile_messaging");
    let otto = &site.cast.otto;
    let made = site.make("custom_variables", &json!({ "name": "custom_plan" }));
    assert_eq!(
        (&made["type"], &made["label"], &made["selector"]),
        (&json!("string"), &json!("custom_plan"), &json!(null))
    );
    for (given, expected) in [
        (json!({ "name": "plan" }), "name"),
        (json!({}), "name"),
        (json!({ "name": "custom_plan" }), "name"),
        (json!({ "name": "custom_a", "type": "date" }), "type"),
        (json!({ "name": "custom_a", "selector": "x".repeat(501) }), "selector"),
        (json!({ "name": "custom_a", "label": "x".repeat(256) }), "label"),
    ] {
        assert_eq!(otto.post(&site.path("custom_variables"), &given).invalid(), [expected], "{given}");
    }
    let path = site.path(&format!("custom_variables/{}", id(&made)));
    let changed = otto.put(&path, &json!({ "name": "custom_level", "type": "number", "selector": "#l" })).ok();
    assert_eq!((&changed["name"], &changed["type"]), (&json!("custom_level"), &json!("number")));
    assert_eq!(otto.put(&path, &json!({ "selector": "" })).ok()["selector"], Value::Null);
}

fn a_conversation_gets_what_its_trigger_says(engine: Engine) {
    let site = Site::new(shared(engine), "mobile_messaging");
    let otto = &site.cast.otto;
    let category = id(&otto.create_category(&json!({ "name": unique("Orders ") })));
    site.make("custom_variables", &json!({ "name": "custom_cart", "type": "number" }));
    let trigger = site.trigger(json!({ "label": "Order page", "category_ids": [category], "language": "fr" }));
    let page = json!({ "url": "https://shop.example/order", "title": "Order" });
    let session =
        json!({ "trigger_id": trigger["id"], "custom": { "custom_cart": "58", "custom_free": "a" }, "page": page });
    let vera = site.vera(&session);
    let mut told = otto.stream(Transport::Events, "types[]=content.imported");
    told.heartbeat();
    let hello = site.writes(&vera, json!({ "trigger_id": trigger["id"] }));
    // Whoever hears of the first message hears of its categories: routing does.
    let first = loop {
        let told = told.event_named("content.imported");
        if told["resource"]["id"] == hello["id"] {
            break told;
        }
    };
    assert_eq!(first["resource"]["metadata"]["category_ids"], json!([category]), "{first}");
    let thread_id = hello["thread_id"].as_str().expect("a thread");
    let thread = otto.get(&format!("/1.0/content_threads/{thread_id}")).ok();
    assert_eq!(thread["thread_category_ids"], json!([category]));
    let data = &thread["extra_data"];
    assert_eq!((&data["trigger_id"], &data["trigger_name"]), (&trigger["id"], &json!("Order page")));
    assert_eq!((&data["custom_cart"], &data["custom_free"]), (&json!(58), &json!("a")));
    assert_eq!((&data["page_title"], &data["identity_initiated_thread"]), (&json!("Order"), &json!(true)));
    assert_eq!(otto.content(&id(&hello))["language"], "fr");
    // Every message of the conversation, and none of another.
    let more = site.writes(&vera, json!({ "thread_id": thread_id }));
    assert_eq!(otto.content(&id(&more))["language"], "fr");
    let answer = otto.reply(&id(&more), "Bonjour");
    assert_eq!(otto.content(&id(&answer))["language"], "fr", "what agents write, too");

    let foreign =
        Site::new(site.cast, "mobile_messaging").trigger(json!({ "language": "fr", "category_ids": [category] }));
    for unknown in [&foreign["id"], &json!("0123456789abcdef01234567"), &Value::Null] {
        let written = site.vera_writes(&json!({}), json!({ "trigger_id": unknown }));
        let thread =
            otto.get(&format!("/1.0/content_threads/{}", written["thread_id"].as_str().expect("a thread"))).ok();
        assert_eq!(thread["thread_category_ids"], json!([]));
        assert_eq!(thread["extra_data"]["trigger_id"], Value::Null);
        assert_eq!(otto.content(&id(&written))["language"], Value::Null);
    }
}

fn agents_are_counted_as_everywhere(engine: Engine) {
    let cast = Cast::shared(engine);
    let site = Site::new(&cast, "chat");
    let [own, others] =
        ["0.5", ""].map(|factor| id(&site.trigger(json!({ "only_if_available": true, "queuing_factor": factor }))));
    let ask = || site.get(&format!("availability?trigger_ids={own},{others},0123456789abcdef01234567")).ok();
    let told = |own_is: i64, others_are: i64| json!({ (own.as_str()): own_is, (others.as_str()): others_are });
    // A source that is in no channel has nobody.
    let answer = ask();
    assert_eq!((&answer["triggers"], &answer["retry_after"]), (&told(0, 0), &json!(60)));
    let channel = json!({
        "name": unique("Live "), "source_ids": [site.source_id], "soft_capability": 1, "hard_capability": 1,
    });
    cast.otto.post("/1.0/channels", &channel).ok();
    let agents: [Person; 2] = std::array::from_fn(|_| cast.hire(&["receive_tasks"]));
    for agent in &agents {
        let rights = json!({ (site.source_id.as_str()): "read,reply" });
        cast.otto.put(&format!("/1.0/users/{}/sources_permissions", agent.user_id), &rights).ok();
        agent.post("/1.0/status/me/connect", &json!({})).ok();
    }
    let answer = ask();
    assert_eq!((&answer["triggers"], &answer["retry_after"]), (&told(1, 1), &Value::Null));
    // Two slots are taken: the trigger of the factor has one more.
    let taken = |count: i64| {
        let shown = cast.otto.get(&format!("/1.0/availability?source_id={}", site.source_id));
        let shown = shown.ok();
        let all = shown["taken"].as_i64().unwrap_or(0) + shown["waiting"].as_i64().unwrap_or(0);
        (all == count).then_some(())
    };
    for count in 1..=2 {
        site.vera_writes(&json!({}), json!({}));
        frontdesk_tests::eventually("the conversation is counted", || taken(count));
    }
    assert_eq!(ask()["triggers"], told(1, 0));
    site.vera_writes(&json!({}), json!({}));
    frontdesk_tests::eventually("the conversation is counted", || taken(3));
    assert_eq!(ask()["triggers"], told(0, 0));
    // Who is switched off is not asked about.
    cast.otto.put(&site.path(&format!("triggers/{own}")), &json!({ "active": false })).ok();
    assert_eq!(ask()["triggers"], json!({ (others.as_str()): 0 }));
}

fn a_window_wears_its_sources_colours(engine: Engine) {
    let site = Site::new(shared(engine), "mobile_messaging");
    let otto = &site.cast.otto;
    let settings = site.path("messaging");
    assert_eq!((otto.get(&settings).ok()["custom_css"].as_str(), site.style()), (Some(""), None));
    let theme = "$highlight-color: #b5179e;\n.mine { color: $gray700 }";
    assert_eq!(otto.put(&settings, &json!({ "custom_css": theme })).ok()["custom_css"], theme);
    let address = site.style().expect("a style sheet");
    let style = site.get(&address);
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(style.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(style.text(), ".mine{color:#a1a1a1}:root{--highlight-color: #b5179e}");
    // Items know the variables, and none of the rules.
    let item = site.list("catalog_items").remove(0);
    let css = item["compiled_css"].as_str().expect("CSS");
    assert!(css.contains("#b5179e") && !css.contains("#53cca4") && !css.contains(".mine"), "{css}");
    assert!(css.contains("color:#fff") || css.contains("color:white"), "dark as it is, it is read in white: {css}");
    let own = json!({ "type": "button", "label": "a", "html": "<b>a</b>", "css": ".a { color: $highlight-color }" });
    assert_eq!(site.make("catalog_items", &own)["compiled_css"], ".a{color:#b5179e}");
    // Something else has another address, and the old one is kept by nobody.
    otto.put(&settings, &json!({ "custom_css": "$highlight-color: #00f;" })).ok();
    assert_ne!(site.style().expect("a style sheet"), address);
    let late = site.get(&address);
    assert_eq!((late.header("cache-control"), late.text().contains("#b5179e")), (Some("no-store"), false));
    // Other settings leave it alone; nothing takes it away.
    otto.put(&settings, &json!({ "locale": "fr" })).ok();
    assert!(site.style().is_some());
    otto.put(&settings, &json!({ "custom_css": "" })).ok();
    assert_eq!(site.style(), None);
    assert!(site.list("catalog_items")[0]["compiled_css"].as_str().expect("CSS").contains("#53cca4"));
    assert_eq!(Site::new(site.cast, "chat").get("style-.css").text(), "");
    assert_eq!(site.get("style").status, 404);
}

fn a_wrong_style_sheet_is_refused_where_it_is_wrong(engine: Engine) {
    let site = Site::new(shared(engine), "mobile_messaging");
    let otto = &site.cast.otto;
    let theme = ".a { color: $gray700 }";
    otto.put(&site.path("messaging"), &json!({ "custom_css": theme })).ok();
    for (css, place) in [
        (".a { color: red }\n.b { color: $nothing }", "line 2, column 13"),
        (".a { color: red", "line 1, column 16"),
        ("@import 'other';", "line 1, column 9"),
        (".a { background: url(https://evil.example/a.png) }", "url()"),
        ("$a: 'https://evil.example/'; .a { background: url($a) }", "url()"),
        ("@import url(https://evil.example/a.css);", "@import"),
        (".a { width: expression(alert(1)) }", "expression()"),
        (".a { content: '</style>' }", "markup"),
    ] {
        let refused = otto.put(&site.path("messaging"), &json!({ "custom_css": css })).refused(422);
        let [error] = &refused["errors"].as_array().expect("errors")[..] else { panic!("{refused}") };
        assert_eq!(error["attribute"], "custom_css");
        assert!(error["message"].as_str().expect("why").contains(place), "{css}: {error}");
        let item = json!({ "type": "button", "label": "a", "html": "<b>a</b>", "css": css });
        assert_eq!(otto.post(&site.path("catalog_items"), &item).invalid(), ["css"], "{css}");
    }
    assert_eq!(otto.get(&site.path("messaging")).ok()["custom_css"], theme);
    assert_eq!(site.list("catalog_items").len(), 3);
    // An item that the new theme would leave without style is named.
    let item =
        json!({ "type": "button", "label": "Colourful", "html": "<b>a</b>", "css": ".a { color: lighten($own, 5%) }" });
    assert_eq!(otto.post(&site.path("catalog_items"), &item).invalid(), ["css"]);
    otto.put(&site.path("messaging"), &json!({ "custom_css": "$own: #123456;" })).ok();
    site.make("catalog_items", &item);
    let refused = otto.put(&site.path("messaging"), &json!({ "custom_css": theme })).refused(422);
    assert!(refused["errors"][0]["message"].as_str().expect("why").contains("Colourful"), "{refused}");
}

fn a_style_sheet_that_never_ends_is_ended(engine: Engine) {
    let site = Site::new(shared(engine), "mobile_messaging");
    let otto = &site.cast.otto;
    let doubled = format!("$a: 'xxxxxxxx'; {} .a {{ b: $a }}", "$a: $a + $a;".repeat(40));
    let nested = format!("{} c: d {}", "a, b {".repeat(25), "}".repeat(25));
    for css in [
        ".a { @while true { b: c } }",
        "@function f($x) { @return f($x + 1) } .a { b: f(1) }",
        "@mixin m { @include m } .a { @include m }",
        ".a { @for $i from 1 through 1000000000 { b: $i } }",
        &doubled,
        &nested,
    ] {
        let begun = std::time::Instant::now();
        let refused = otto.put(&site.path("messaging"), &json!({ "custom_css": css })).refused(422);
        let what: String = css.chars().take(40).collect();
        assert_eq!(refused["errors"][0]["attribute"], "custom_css", "{what}");
        println!("{what}: {:?} {}", begun.elapsed(), refused["errors"][0]["message"]);
    }
    let long = json!({ "custom_css": format!("/* {} */", "x".repeat(70_000)) });
    assert_eq!(otto.put(&site.path("messaging"), &long).invalid(), ["custom_css"]);
    // The server has gone on, and does what it should.
    otto.put(&site.path("messaging"), &json!({ "custom_css": "@each $c in red, blue { .#{$c} { color: $c } }" })).ok();
    assert_eq!(site.get(&site.style().expect("a style sheet")).text(), ".red{color:red}.blue{color:blue}");
}

fn nobody_puts_a_script_into_somebodys_page(engine: Engine) {
    let site = Site::new(shared(engine), "mobile_messaging");
    for html in [
        "<b onclick=\"alert(1)\">a</b><script>alert(1)</script>",
        "<svg onload=\"alert(1)\"><script>alert(1)</script><path d=\"M0 0\"/></svg>a",
        "<a href=\"javascript:alert(1)\">a</a>",
        "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>a",
        "<img src=x onerror=alert(1)>a",
        "<style>@import 'https://evil.example/a.css';</style>a",
        "<form action=\"https://evil.example\"><button formaction=\"javascript:alert(1)\">a</button></form>",
        "<p style=\"background:url(https://evil.example/a)\">a</p>",
        "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">a",
    ] {
        let item = site.make(
            "catalog_items",
            &json!({ "type": "button", "label": "</script><script>alert(1)//", "html": format!("a{html}") }),
        );
        site.trigger(json!({ "label": "</script><b>", "actions": { "button": item["id"] } }));
        let shown = item["html"].as_str().expect("HTML");
        for word in
            ["<script", "onclick", "onload", "javascript:", "<iframe", "<form", "formaction", "<style", "evil.example"]
        {
            assert!(!shown.contains(word), "{html} -> {shown}");
        }
    }
    let loader = site.get("loader.js").text();
    assert!(!loader.contains("</script>") && loader.contains("\\u003c/script>"));
    let served = site.configuration()["items"].clone();
    for item in served.as_array().expect("items") {
        assert_eq!(item["label"], "</script><script>alert(1)//", "a text stays the text that it is");
    }
}

fn each_source_has_its_own(engine: Engine) {
    let cast = shared(engine);
    let (site, other) = (Site::new(cast, "mobile_messaging"), Site::new(cast, "mobile_messaging"));
    let foreign = [
        ("triggers", id(&other.trigger(json!({})))),
        ("catalog_items", id(&other.item("button"))),
        ("custom_variables", id(&other.make("custom_variables", &json!({ "name": "custom_a" })))),
    ];
    for (what, id) in &foreign {
        let path = site.path(&format!("{what}/{id}"));
        assert_eq!(cast.otto.get(&path).status, 404);
        assert_eq!(cast.otto.put(&path, &json!({ "label": "Mine" })).status, 404);
        assert_eq!(cast.otto.delete(&path).status, 404);
        cast.otto.get(&other.path(&format!("{what}/{id}"))).ok();
    }
    let taken = json!({ "label": "a", "actions": { "button": foreign[1].1 } });
    assert_eq!(cast.otto.post(&site.path("triggers"), &taken).invalid(), ["actions.button"]);
    let asking = json!({
        "label": "a", "actions": { "show": "open" },
        "conditions": [{ "criterion": "custom_a", "operator": "is_present" }],
    });
    assert_eq!(cast.otto.post(&site.path("triggers"), &asking).invalid(), ["conditions[0].criterion"]);
    cast.otto.post(&other.path("triggers"), &asking).ok();
    // An availability of another source's trigger is none.
    let asked = site.get(&format!("availability?trigger_ids={}", foreign[0].1)).ok();
    assert_eq!(asked["triggers"], json!({}));
    // Of a source that has no visitors there is nothing.
    let (plain, _channel) = cast.new_source();
    for what in ["triggers", "catalog_items", "custom_variables"] {
        let refused = cast.otto.get(&format!("/1.0/content_sources/{}/{what}", plain.id)).refused(422);
        assert_eq!(refused["error"], "no_messaging_source");
    }
    // With the source it goes.
    cast.otto.delete(&format!("/1.0/content_sources/{}", other.source_id)).ok();
    assert_eq!(cast.otto.get(&other.path("triggers")).status, 404);
}

fn who_configures_live_chats_configures_no_messaging(engine: Engine) {
    let cast = shared(engine);
    for (permission, kind, other) in
        [("manage_chat", "chat", "mobile_messaging"), ("manage_messaging", "mobile_messaging", "chat")]
    {
        let person = cast.hire(&[permission]);
        for (kind, may) in [(kind, true), (other, false)] {
            let site = Site::new(cast, kind);
            let trigger = json!({ "label": "a", "actions": { "show": "open" } });
            // Without the right to read the source there is none.
            assert_eq!(person.post(&site.path("triggers"), &trigger).status, 404);
            let rights = json!({ (site.source_id.as_str()): "read" });
            cast.otto.put(&format!("/1.0/users/{}/sources_permissions", person.user_id), &rights).ok();
            let status = if may { 200 } else { 403 };
            assert_eq!(person.post(&site.path("triggers"), &trigger).status, status, "{permission} {kind}");
            assert_eq!(person.put(&site.path("messaging"), &json!({ "custom_css": "a { b: c }" })).status, status);
            assert_eq!(person.get(&site.path("messaging")).status, status);
        }
    }
}

fn there_are_limits(engine: Engine) {
    let site = Site::new(shared(engine), "mobile_messaging");
    let given = json!({ "label": "a", "actions": { "show": "open" } });
    for _ in 0..100 {
        site.make("triggers", &given);
    }
    let refused = site.cast.otto.post(&site.path("triggers"), &given).refused(422);
    assert_eq!(refused["error"], "too_many");
    // All items of a source have a limit together, which every page loads.
    let heavy = json!({ "type": "button", "label": "a", "html": format!("<p>{}</p>", "x".repeat(32_000)) });
    let answer =
        (0..20).map(|_| site.cast.otto.post(&site.path("catalog_items"), &heavy)).find(|made| made.status != 200);
    assert_eq!(answer.expect("a refusal").invalid(), ["html"]);
    let most = json!({ "type": "automatic_message", "label": "a", "text": "b" });
    let held = site.list("catalog_items").len();
    for _ in held..200 {
        site.make("catalog_items", &most);
    }
    assert_eq!(site.cast.otto.post(&site.path("catalog_items"), &most).refused(422)["error"], "too_many");
}

fn the_journal_tells_of_it(engine: Engine) {
    let cast = &Cast::start(engine, &[]);
    for (kind, family) in [("chat", "chat"), ("mobile_messaging", "mobile_messaging")] {
        let site = Site::new(cast, kind);
        let variable = site.make("custom_variables", &json!({ "name": "custom_a" }));
        let trigger = site.trigger(json!({}));
        // A new source is told of with the two buttons and the invitation that it begins with.
        for (what, subject, object, created) in [
            ("catalog_items", "catalog.button", site.item("button"), 3),
            ("catalog_items", "catalog.invitation", site.item("invitation"), 2),
            ("catalog_items", "catalog.automatic_message", site.item("automatic_message"), 1),
            ("custom_variables", "custom_variable", variable, 1),
            ("triggers", "trigger", trigger, 1),
        ] {
            let path = site.path(&format!("{what}/{}", id(&object)));
            cast.otto.put(&path, &json!({ "label": "Other" })).ok();
            // What changes nothing is not told.
            cast.otto.put(&path, &json!({ "label": "Other" })).ok();
            cast.otto.delete(&path).ok();
            for (verb, expected) in [("created", created), ("updated", 1), ("destroyed", 1)] {
                let found = cast.otto.search("/1.0/events", &format!("name_in:{family}.{subject}.{verb}"));
                let here = |event: &&Value| event["extra_infos"]["content_source_id"] == json!(site.source_id);
                let told = records(&found).iter().filter(here).count();
                assert_eq!(told, expected, "{family}.{subject}.{verb}: {found}");
            }
        }
    }
}
