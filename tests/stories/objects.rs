//! One of everything: what a request can be about, made when it is named.

use std::collections::BTreeMap;

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, FakeChannel, Person, Reply, Source, eventually};
use serde_json::{Value, json};

/// All rights on a source, as the store has them.
pub(crate) const FULL: i64 = 31;

/// What the channels take from nobody.
const REFUSED: &str = "Refuse this";

/// Two places for objects to be: the second is kept from everybody but the administrator.
pub(crate) struct Places<'c> {
    pub(crate) cast: &'c Cast,
    pub(crate) sources: [(Source, FakeChannel); 2],
    /// The same of a kind whose threads can be closed.
    pub(crate) messaging: [String; 2],
}

impl Places<'_> {
    pub(crate) fn new(cast: &Cast) -> Places<'_> {
        let sources = [cast.new_source(), cast.new_source()];
        for (_, channel) in &sources {
            channel.answer(|push| match push.text().as_str() {
                REFUSED => Reply::json(&json!({ "error": { "fatal": true, "message": "No." } })),
                _ => Reply::json(&json!({ "id": unique("pushed-") })),
            });
        }
        Places { cast, sources, messaging: [messaging_source(&cast.otto), messaging_source(&cast.otto)] }
    }

    /// The objects of one request of somebody's, all new.
    pub(crate) fn ids<'p>(&'p self, place: usize, me: &'p Person) -> Ids<'p> {
        Ids { places: self, place, me, known: BTreeMap::new() }
    }
}

/// The objects of one request, made by the administrator as they are named.
pub(crate) struct Ids<'p> {
    places: &'p Places<'p>,
    place: usize,
    me: &'p Person,
    pub(crate) known: BTreeMap<String, String>,
}

impl Ids<'_> {
    /// The target of a path with names in braces: with `objects`, which commas part, or with what the path names.
    pub(crate) fn target(&mut self, path: &str, objects: &str) -> String {
        let mut target = "/1.0".to_owned();
        // The last one stands for every further id of the path.
        let (mut objects, mut object) = (objects.split(',').filter(|object| !object.is_empty()), None);
        for part in path.split('/').skip(1) {
            target.push('/');
            match part.strip_prefix('{').and_then(|part| part.strip_suffix("Id}")) {
                Some(name) => {
                    object = objects.next().or(object);
                    target += &self.of(&object.map_or_else(|| snake(name), str::to_owned));
                }
                None => target += part,
            }
        }
        target
    }

    /// Puts ids in the place of every `$name`.
    pub(crate) fn fill(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(name) = text.strip_prefix('$') {
                    *text = self.of(name);
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.fill(value)),
            Value::Object(map) => {
                for (name, mut value) in std::mem::take(map) {
                    self.fill(&mut value);
                    let name = name.strip_prefix('$').map_or(name.clone(), |object| self.of(object));
                    map.insert(name, value);
                }
            }
            _ => {}
        }
    }

    /// A text with what its first `$name` stands for.
    pub(crate) fn filled(&mut self, text: &str) -> String {
        let Some((before, rest)) = text.split_once('$') else { return text.to_owned() };
        let end = rest.find(|letter: char| !letter.is_ascii_lowercase() && letter != '_').unwrap_or(rest.len());
        format!("{before}{}{}", self.of(&rest[..end]), &rest[end..])
    }

    /// The id, or another value, of what a name says; the same each time.
    pub(crate) fn of(&mut self, name: &str) -> String {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let made = self.make(name);
        self.known.insert(name.into(), made.clone());
        made
    }

    fn make(&mut self, name: &str) -> String {
        let otto = &self.places.cast.otto;
        let source = &self.places.sources[self.place].0;
        let created = |path: &str, body: Value| id(&otto.post(&format!("/1.0/{path}"), &body).ok());
        match name {
            "me" => self.me.user_id.clone(),
            "word" => unique("Word "),
            "variable_name" => unique("custom_"),
            "token" => otto.token.clone(),
            "source" => source.id.clone(),
            "source_community" => source.community_id.clone(),
            "empty_source" => {
                let channel = &self.places.sources[self.place].1;
                let source = Source::create(otto, &channel.base_uri(), &json!({})).id;
                // Some get rights on whatever is new.
                if self.me.user_id != otto.user_id {
                    let bits = if self.place == 0 { FULL } else { 0 };
                    self.places.cast.server.sql(&rights(self.places.cast, &self.me.user_id, &source, bits));
                }
                source
            }
            // One that could not be read.
            "failed_event" => {
                let event =
                    format!("{:024x}", 0x7300_0000_0000_0000_u64 + unique("").parse::<u64>().expect("a number"));
                let (cast, key) = (self.places.cast, unique("key-"));
                let (event_id, source_id) = (blob(cast, &event), blob(cast, &source.id));
                cast.server.sql(&format!(
                    "INSERT INTO channel_events (id, source_id, key, name, state, attempts, received_at)
                     VALUES ({event_id}, {source_id}, '{key}', 'feed', 'failed', 0, 0);"
                ));
                event
            }
            // Whom agents write as.
            "voice" => {
                let voices = otto.get(&format!("/1.0/identities?source_id={}&foreign_id=desk", source.id)).ok();
                id(&records(&voices)[0])
            }
            // One that takes imports, and has a source by which it is seen.
            "mailing_community" => {
                let source = self.of("empty_source");
                let read = otto.get(&format!("/1.0/content_sources/{source}")).ok();
                let community = read["community_id"].as_str().expect("a community").to_owned();
                let own = blob(self.places.cast, &community);
                self.places.cast.server.sql(&format!("UPDATE communities SET type = 'emails' WHERE id = {own}"));
                community
            }
            "mail_community" => created("communities", json!({ "type": "emails", "name": unique("Mail ") })),
            "community" => created("communities", json!({ "type": "sdk", "name": unique("Community ") })),
            "content" | "thread" | "identity" => {
                let thread = unique("thread-");
                source.says(&unique("author-"), &thread, "Hello?");
                let content = source.contents(otto, &thread).remove(0);
                let of = |name: &str| content[name].as_str().expect("an id").to_owned();
                self.known.extend([
                    ("thread".into(), of("thread_id")),
                    ("identity".into(), of("author_id")),
                    ("content".into(), of("id")),
                ]);
                self.known[name].clone()
            }
            "muted_thread" => {
                let thread = self.of("thread");
                otto.put(&format!("/1.0/content_threads/{thread}/mute"), &json!({})).ok();
                thread
            }
            "muted_identity" => {
                let identity = self.of("identity");
                otto.put(&format!("/1.0/identities/{identity}/mute"), &json!({})).ok();
                identity
            }
            "other_identity" => {
                let thread = unique("thread-");
                source.says(&unique("author-"), &thread, "Hello?");
                source.contents(otto, &thread)[0]["author_id"].as_str().expect("an id").to_owned()
            }
            "messaging_source" => self.places.messaging[self.place].clone(),
            "trigger" => {
                let path = format!("content_sources/{}/triggers", self.of("messaging_source"));
                created(&path, json!({ "label": unique("Trigger "), "actions": { "show": "open" } }))
            }
            "catalog_item" => {
                let path = format!("content_sources/{}/catalog_items", self.of("messaging_source"));
                created(&path, json!({ "type": "invitation", "label": unique("Item "), "html": "<b>Hello</b>" }))
            }
            "custom_variable" => {
                let path = format!("content_sources/{}/custom_variables", self.of("messaging_source"));
                created(&path, json!({ "name": unique("custom_") }))
            }
            "messaging_community" => {
                created("communities", json!({ "type": "mobile_messaging", "name": unique("Shop ") }))
            }
            "mail_template" => {
                let made = created("messaging_mail_templates", json!({ "name": unique("Mail ") }));
                // There are not to be too many.
                let all = otto.get("/1.0/messaging_mail_templates?limit=150").ok();
                for old in records(&all).iter().rev().skip(20) {
                    otto.delete(&format!("/1.0/messaging_mail_templates/{}", id(old)));
                }
                made
            }
            // Its key has its name.
            "keyed_community" => {
                let community = self.of("messaging_community");
                let key = json!({ "key_id": community, "algorithm": "HS256", "key": "0123456789abcdef01234567" });
                otto.post(&format!("/1.0/communities/{community}/jwt_keys"), &key).ok();
                community
            }
            "messaging_thread" => {
                let source = &self.places.messaging[self.place];
                let content = json!({ "source_id": source, "body": "News", "to": unique("visitor-") });
                otto.post("/1.0/contents", &content).ok()["thread_id"].as_str().expect("a thread").to_owned()
            }
            "closed_thread" => {
                let thread = self.of("messaging_thread");
                otto.put(&format!("/1.0/content_threads/{thread}/close"), &json!({})).ok();
                thread
            }
            "speechless_thread" => {
                let thread = self.of("messaging_thread");
                otto.put(&format!("/1.0/content_threads/{thread}/disable_text_input"), &json!({})).ok();
                thread
            }
            "own_session" => {
                let session = unique("").parse::<u64>().expect("a number");
                let session = format!("{:024x}", 0x7100_0000_0000_0000_u64 + session);
                let [own, user] = [&session, &self.me.user_id].map(|id| blob(self.places.cast, id));
                self.places.cast.server.sql(&format!(
                    "INSERT INTO sessions (id, hash, user_id, method, address, browser, created_at, seen_at)
                     VALUES ({own}, {own}, {user}, 'password', '', '', 9000000000000000, 9000000000000000)"
                ));
                session
            }
            // What an agent wrote whose answers need approval.
            "waiting_content" => {
                let (content, ada) = (self.of("content"), &self.places.cast.ada);
                let rights = json!({ &source.id: "read,reply,approval_required" });
                otto.put(&format!("/1.0/users/{}/sources_permissions", ada.user_id), &rights).ok();
                id(&ada.reply(&content, "Please"))
            }
            "own_waiting_content" => {
                let (own, author) = (self.of("waiting_content"), &self.me.user_id);
                let [own_id, author] = [&own, author].map(|id| blob(self.places.cast, id));
                self.places.cast.server.sql(&format!("UPDATE contents SET creator_id = {author} WHERE id = {own_id}"));
                own
            }
            "failed_content" => {
                let content = self.of("content");
                let reply = id(&otto.reply(&content, REFUSED));
                eventually("the channel's refusal", || {
                    (otto.content(&reply)["synchronization_status"] == "export_failure").then_some(reply.clone())
                })
            }
            "publishable_content" => {
                source.has_described_itself(otto);
                let (message, thread) = (unique("message-"), unique("thread-"));
                source.tells("messages.create", &source.public_message(&message, &thread));
                id(&source.contents(otto, &thread)[0])
            }
            "intervention" => id(&otto.engage(&self.of("content"))),
            "intervention_comment" => {
                created("intervention_comments", json!({ "intervention_id": self.of("intervention"), "body": "Hm" }))
            }
            // In a workbin: the administrator's, or one's own.
            "task" | "own_task" => {
                let owner = if name == "task" { otto.user_id.clone() } else { self.me.user_id.clone() };
                let (content, task) = (self.of("content"), unique("").parse::<u64>().expect("a number"));
                let task = format!("{:024x}", 0x7000_0000_0000_0000_u64 + task);
                let (thread, identity) = (self.of("thread"), self.of("identity"));
                let ids = [&task, &content, &thread, &source.id, &identity, &owner];
                let [own, content, thread, source, identity, owner] = ids.map(|id| blob(self.places.cast, id));
                self.places.cast.server.sql(&format!(
                    "INSERT INTO tasks (id, content_id, thread_id, source_id, channel_id, identity_id, owner_id, state,
                       place, held, step_entered_at, agent_ids, category_ids, asked, urgency, priority, segment_index,
                       waiting_since, created_at, updated_at, version)
                     VALUES ({own}, {content}, {thread}, {source}, {source}, {identity}, {owner}, 'accepted',
                       'workbins', FALSE, 0, '[]', '[]', '[]', '{{}}', 0, 1, 0, 0, 0, 0)"
                ));
                task
            }
            "own_folder" => id(&self.me.post("/1.0/folders", &json!({ "label": unique("Folder "), "own": true })).ok()),
            "restricted_folder" => {
                let only = json!({ "only": [otto.user_id] });
                created("folders", json!({ "label": unique("Folder "), "user_restriction": only }))
            }
            "folder" => created("folders", json!({ "label": unique("Folder ") })),
            "answered_intervention" => {
                let content = self.of("content");
                otto.reply(&content, "Yes")["intervention_id"].as_str().expect("an intervention").to_owned()
            }
            "deferred_intervention" => {
                let intervention = self.of("intervention");
                let until = json!({ "rate": 3600 });
                otto.put(&format!("/1.0/interventions/{intervention}/defer"), &until).ok();
                intervention
            }
            "attachment" => {
                let thread = unique("thread-");
                let mut message = source.message(&unique("message-"), &thread, &unique("author-"), "See");
                message["attachments"] = json!([{ "content": "aGVsbG8=", "filename": "a.txt" }]);
                source.tells("messages.create", &message);
                id(&source.contents(otto, &thread).remove(0)["attachments"][0])
            }
            "upload" => id(&otto.send(upload("/1.0/attachments")).ok()),
            "identity_group" => {
                let identity = self.of("identity");
                id(&otto.put(&format!("/1.0/identities/{identity}/identity_group"), &json!({})).ok())
            }
            "identity_list" => created("identity_lists", json!({ "name": unique("List ") })),
            "locked_identity_group" => {
                let group = self.of("identity_group");
                otto.put(&format!("/1.0/identity_groups/{group}/lock"), &json!({})).ok();
                group
            }
            "full_identity_list" => {
                let (list, identity) = (self.of("identity_list"), self.of("identity"));
                let them = json!({ "identity_ids": [identity] });
                otto.put(&format!("/1.0/identity_lists/{list}/add"), &them).ok();
                list
            }
            "grouped_identity" => {
                self.of("identity_group");
                self.of("identity")
            }
            "category" | "other_category" => created("categories", json!({ "name": unique("Category ") })),
            "team" => created("teams", json!({ "name": unique("Team ") })),
            "channel" => created("channels", json!({ "name": unique("Channel ") })),
            "topology_document" => {
                json!({ "version": 1, "steps": [{ "name": "all", "agents": { "everyone": true } }] }).to_string()
            }
            "topology" => {
                let document = self.of("topology_document");
                created("topologies", json!({ "name": unique("Topology "), "json_config": document }))
            }
            "user_capacity" => created("user_capacities", json!({ "name": unique("Capacity ") })),
            "presence_status" => created("presence_status", json!({ "name": unique("Reason ") })),
            "agent" => {
                let user = self.of("user");
                self.connected(user)
            }
            "connected_me" => self.connected(self.me.user_id.clone()),
            "tag" => created("tags", json!({ "name": unique("Tag ") })),
            "reply_assistant_entry" => created("reply_assistant/entries", json!({ "label": unique("Entry ") })),
            "reply_assistant_group" => created("reply_assistant/groups", json!({ "name": unique("Group ") })),
            "reply_assistant_version" => {
                let entry = self.of("reply_assistant_entry");
                created("reply_assistant/versions", json!({ "body": "Yes", "entry_id": entry }))
            }
            "time_sheet" => created("time_sheets", json!({ "label": unique("Sheet ") })),
            "custom_field" => {
                created("custom_fields", json!({ "associated_type_name": "Intervention", "label": unique("Field ") }))
            }
            "choice_field" => created(
                "custom_fields",
                json!({
                    "associated_type_name": "Intervention", "label": unique("Field "), "type": "single_choice",
                    "choices": ["One", "Two"],
                }),
            ),
            "event" => {
                let thread = self.of("thread");
                let found = self.places.cast.otto.search("/1.0/events", &format!("content_thread:{thread}"));
                id(&records(&found)[0])
            }
            "email" => format!("{}@example.com", unique("word")),
            "empty_role" => created("roles", json!({ "label": unique("Role ") })),
            "led_team" => created("teams", json!({ "name": unique("Team "), "leader_ids": [self.me.user_id] })),
            // Somebody who may do nothing, in a team of the caller's.
            "user" => {
                let (role, team) = (self.of("empty_role"), self.of("led_team"));
                let user = json!({
                    "email": self.of("email"), "firstname": "Una", "lastname": "User", "no_password": true,
                    "role_id": role, "team_ids": [team],
                });
                created("users", user)
            }
            "signature" => {
                let user = self.of("user");
                created(&format!("users/{user}/signatures"), json!({ "body": "Yours" }))
            }
            "role" => id(&records(&otto.get("/1.0/roles").ok())[0]),
            "own_access_token" => {
                created("access_tokens", json!({ "label": unique("Token "), "user_id": self.me.user_id }))
            }
            // Of who may do everything.
            "stronger_role" => {
                let me = otto.get(&format!("/1.0/users/{}", otto.user_id)).ok();
                me["role_id"].as_str().expect("a role").to_owned()
            }
            "stronger_user" => {
                let (role, team) = (self.of("stronger_role"), self.of("led_team"));
                let user = json!({
                    "email": self.of("email"), "firstname": "Una", "lastname": "User", "no_password": true,
                    "role_id": role, "team_ids": [team],
                });
                created("users", user)
            }
            "stronger_access_token" => created("access_tokens", json!({ "label": unique("Token ") })),
            "stronger_webhook" => {
                let hook = json!({
                    "url": self.of("hook"), "registered_events": ["task.created"],
                    "access_token_id": self.of("stronger_access_token"),
                });
                created("webhooks", hook)
            }
            "stronger_delivery" => {
                let webhook = self.of("stronger_webhook");
                created(&format!("webhooks/{webhook}/test"), json!({}))
            }
            "hook" => format!("{}/{}", self.places.sources[0].1.hook_url(), unique("hook-")),
            "own_webhook" | "webhook" => {
                let hook = json!({
                    "url": self.of("hook"), "registered_events": ["task.created"],
                    "access_token_id": self.of("own_access_token"),
                });
                created("webhooks", hook)
            }
            "delivery" => {
                let webhook = self.of("webhook");
                created(&format!("webhooks/{webhook}/test"), json!({}))
            }
            _ => panic!("nobody makes a {name} here"),
        }
    }

    /// Connected to tasks, and never silent.
    fn connected(&self, user_id: String) -> String {
        let cast = self.places.cast;
        cast.server.sql(&format!(
            "INSERT INTO agent_presences (user_id, connected, lost, connected_at, last_seen_at, idle_since)
             VALUES ({}, TRUE, FALSE, 0, 4102444800000000, 0)
             ON CONFLICT (user_id) DO UPDATE SET connected = TRUE, last_seen_at = 4102444800000000",
            blob(cast, &user_id)
        ));
        user_id
    }
}

/// A file, sent as forms send it.
pub(crate) fn upload(target: &str) -> Request {
    let file = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nHello\r\n--XX--\r\n";
    Request::new("POST", target).body("multipart/form-data; boundary=XX", file)
}

/// `customField` as `custom_field`.
fn snake(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, letter| {
        if letter.is_uppercase() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
        text
    })
}

/// A new source that is an app.
pub(crate) fn messaging_source(otto: &Person) -> String {
    let community = json!({ "type": "mobile_messaging", "name": unique("Messaging ") });
    let community = otto.post("/1.0/communities", &community).ok();
    let source = json!({ "type": "mobile_messaging", "name": unique("App "), "community_id": community["id"] });
    id(&otto.post("/1.0/content_sources", &source).ok())
}

/// The statement that gives somebody these rights on a source.
pub(crate) fn rights(cast: &Cast, user_id: &str, source_id: &str, rights: i64) -> String {
    let (user, source) = (blob(cast, user_id), blob(cast, source_id));
    format!(
        "INSERT INTO source_permissions (user_id, source_id, rights) VALUES ({user}, {source}, {rights})
         ON CONFLICT (user_id, source_id) DO UPDATE SET rights = excluded.rights;\n"
    )
}

/// An id as the engine writes it.
pub(crate) fn blob(cast: &Cast, hex: &str) -> String {
    match cast.server.database_url() {
        Some(_) => format!("'\\x{hex}'::bytea"),
        None => format!("x'{hex}'"),
    }
}
