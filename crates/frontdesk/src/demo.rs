//! Example conversations, made the way that real ones come to be: a channel sends them through the signed Send API, and
//! an administrator sets the rest up through REST. The requests go straight to the router, without a network.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use frontdesk_conversations::{Conversations, sources};
use frontdesk_model::{Env, Id, Permission, Secret, SourceRight, SourceRights};
use frontdesk_people::users::NewUser;
use frontdesk_people::{access_tokens, password, roles, setup, users};
use frontdesk_store::{Store, Tx, args};
use http::{Method, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::settings::Settings;
use crate::shop;

const ANSWER_BYTES_MAX: usize = 1 << 20;

/// People who work with the examples: e-mail, first and last name, rights on the example source. The last one is a
/// program: `examples/bots` signs in as it.
const PEOPLE: [(&str, &str, &str, &[SourceRight]); 4] = [
    ("ada@frontdesk.local", "Ada", "Agent", &[SourceRight::Read, SourceRight::Reply, SourceRight::InitiateDiscussion]),
    ("bo@frontdesk.local", "Bo", "Bot", &[SourceRight::Read, SourceRight::Reply]),
    ("rita@frontdesk.local", "Rita", "Reader", &[SourceRight::Read]),
    (BOT_EMAIL, "Kettle", "Bot", &[SourceRight::Read, SourceRight::Reply]),
];
const BOT_EMAIL: &str = "bot@frontdesk.local";

/// What the example agents sign in with, where nobody but this machine's own people can get at them: it is published.
const PASSWORD: &str = "kettle-and-tea";

/// Who can sign in as an example, as the first start says it. Where the server is reached from elsewhere their password is
/// made now, because everybody knows the other one.
pub(crate) fn example_sign_in(settings: &Settings, env: &Env) -> (&'static str, Secret) {
    let is_own = is_own(settings.listen, &settings.public_url);
    (PEOPLE[0].0, if is_own { Secret::new(PASSWORD) } else { password::generate(env) })
}

/// Whether only programs of this machine reach a server.
fn is_own(listen: SocketAddr, public_url: &str) -> bool {
    let Ok(uri) = public_url.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_local = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    is_local && listen.ip().is_loopback()
}

/// Takes the published password from examples that still have it, where the server is reached from elsewhere by now.
pub(crate) async fn retire(store: &Store, env: &Env, settings: &Settings) -> Result<(), String> {
    if is_own(settings.listen, &settings.public_url) {
        return Ok(());
    }
    let look = |tx: &mut dyn Tx| {
        let mut found: Vec<(Id, String)> = Vec::new();
        for (email, ..) in PEOPLE {
            let sql = "SELECT id, password_hash FROM users WHERE email_key = $1 AND password_hash IS NOT NULL";
            if let Some(row) = tx.first(sql, args![email])? {
                found.push((row.get(0)?, row.get(1)?));
            }
        }
        Ok(found)
    };
    let found = store.read(look).await.map_err(|error| error.to_string())?;
    let known = tokio::task::spawn_blocking(move || {
        let published = Secret::new(PASSWORD);
        found.into_iter().filter(|(_, hash)| password::matches(&published, hash)).map(|(id, _)| id).collect::<Vec<_>>()
    });
    let known = known.await.map_err(|error| error.to_string())?;
    if known.is_empty() {
        return Ok(());
    }
    tracing::warn!(
        "the examples had the published password and have none any more: frontdesk user password lets them in"
    );
    let env = env.clone();
    let take = move |tx: &mut dyn Tx| known.iter().try_for_each(|id| users::take_password_away(tx, &env, *id));
    store.write(take).await.map_err(|error| error.to_string())
}

/// Who writes: the customers by their first letter, and the shop itself.
const AUTHORS: [(&str, &str, &str); 5] = [
    ("vera", "Vera Visitor", "vera@example.com"),
    ("marc", "Marc Martin", "marc@example.com"),
    ("yuki", "Yuki Tanaka", "yuki@example.com"),
    ("omar", "Omar Haddad", "omar@example.com"),
    ("shop", "Kettle & Co.", "help@kettle.example"),
];

/// Thread, author, language, minutes ago, text.
const MESSAGES: [(&str, &str, &str, i64, &str); 14] = [
    (
        "order-1042",
        "vera",
        "en",
        190,
        "Hello, I ordered a blue kettle last week and it shows as delivered, but nothing has arrived. Can you check?",
    ),
    (
        "order-1042",
        "shop",
        "en",
        182,
        "Hello Vera, I am sorry about that. I have asked the courier and will write as soon as I know more.",
    ),
    ("order-1042", "vera", "en", 40, "Thank you! Meanwhile a neighbour found the parcel. All is well."),
    (
        "refund-77",
        "marc",
        "fr",
        95,
        "Bonjour, la bouilloire fuit dès la première utilisation. Comment me faire rembourser ?",
    ),
    ("refund-77", "marc", "fr", 93, "J'ai gardé la facture et l'emballage."),
    ("question-8", "yuki", "ja", 61, "こんにちは。100V の電源でも使えますか？"),
    ("question-8", "shop", "ja", 55, "はい、日本向けモデルは 100V 対応です。"),
    ("question-8", "yuki", "ja", 52, "ありがとうございます！"),
    (
        "wholesale",
        "omar",
        "en",
        30,
        "We run three hotels and would like 120 kettles with our logo. Whom can I talk to?",
    ),
    ("spare-part", "vera", "en", 22, "One more thing: where do I get a new lid for the 2019 model?"),
    ("delivery-9", "marc", "fr", 15, "Peut-on livrer en point relais ?"),
    ("praise", "yuki", "en", 12, "The quietest kettle that I have ever had. Well done!"),
    ("invoice-3", "omar", "en", 8, "The invoice INV-2031 has the wrong VAT number. Could you send a corrected one?"),
    ("invoice-3", "omar", "en", 6, "Ours is FR40303265045."),
];

/// Answers that are kept ready: the group's place, name, shortcut, English, French.
const ANSWERS: &[(usize, &str, &str, &str, &str)] = &[
    (
        0,
        "Good day",
        "hello",
        "Good day {{customer_firstname|to you}}! This is {{agent_firstname}} of Kettle & Co.",
        "Bonjour {{customer_firstname|et bienvenue}} ! Ici {{agent_firstname}} de Kettle & Co.",
    ),
    (0, "Kind regards", "bye", "Kind regards,\n{{agent_name}}", "Bien cordialement,\n{{agent_name}}"),
    (
        1,
        "Delivery takes three days",
        "days",
        "Your order leaves us today and is with you within three working days.",
        "Votre commande part aujourd’hui et arrive sous trois jours ouvrés.",
    ),
    (
        1,
        "A parcel is lost",
        "lost",
        "I am sorry for the trouble. I have asked the carrier where your parcel is, and write to you tomorrow at the latest.",
        "Je suis désolé de ce contretemps. J’ai demandé au transporteur où est votre colis, et vous écris au plus tard demain.",
    ),
    (
        1,
        "Money back",
        "refund",
        "The money is on its way back, and on your account within five days.",
        "Le remboursement est en route, et sur votre compte sous cinq jours.",
    ),
];

/// Fills an installation that has no communities yet; any other is left as it is.
pub(crate) async fn fill(app: &Conversations, router: Router, password: &Secret) -> Result<(), String> {
    let is_empty = app.store.read(|tx| Ok(tx.first("SELECT 1 FROM communities LIMIT 1", args![])?.is_none()));
    if !is_empty.await.map_err(|error| error.to_string())? {
        return Ok(());
    }
    let cast = hire(app, password).await?;
    let script = Script { router, token: cast.token };
    let community = script.post("/1.0/communities", json!({ "type": "sdk", "name": "Kettle & Co. customers" })).await?;
    let source = json!({
        "type": "sdk", "name": "Kettle shop messages", "community_id": community["id"],
        "base_uri": format!("{}/shop/messages", app.public_url),
    });
    let source = script.post("/1.0/content_sources", source).await?;
    let source_id: Id = id(&source)?;
    let website = script.website(app).await?;
    let sources = [&source["id"], &website["id"]];
    script.post("/1.0/channels", json!({ "name": "Messages", "source_ids": sources })).await?;
    let website_id: Id = id(&website)?;
    let users = cast.user_ids.clone();
    app.store
        .write(move |tx| {
            for (user_id, (_, _, _, rights)) in users.iter().zip(PEOPLE) {
                for source_id in [source_id, website_id] {
                    sources::grant(tx, *user_id, source_id, rights.iter().copied().collect::<SourceRights>())?;
                }
            }
            Ok(())
        })
        .await
        .map_err(|error| error.to_string())?;
    let categories = script.categories().await?;
    script.answers_kept_ready(&categories).await?;
    // What the example bots note.
    let field = json!({ "associated_type_name": "IdentityGroup", "label": "Last topic" });
    script.post("/1.0/custom_fields", field).await?;
    script.send_messages(app, source_id, source["access_token"].as_str().unwrap_or_default()).await?;
    script.engage(&cast.user_ids, &categories).await?;
    let token_id = cast.token_id;
    app.store
        .write(move |tx| tx.execute("DELETE FROM access_tokens WHERE id = $1", args![&token_id]))
        .await
        .map_err(|error| error.to_string())?;
    Ok(())
}

struct Cast {
    user_ids: Vec<Id>,
    token_id: Id,
    token: String,
}

/// Creates the example users, and a token for the script that acts as the administrator.
async fn hire(app: &Conversations, password: &Secret) -> Result<Cast, String> {
    let env = app.env.clone();
    let hash = password::hash(&env, password).map_err(|error| error.to_string())?;
    app.store
        .write(move |tx| {
            let agent: Id =
                tx.one("SELECT id FROM roles WHERE label = 'Agent' ORDER BY created_at LIMIT 1", args![])?.get(0)?;
            // It reads and answers by its rights on sources, notes what it learns of customers, and looks who is there.
            let rights = [Permission::UpdateIdentity, Permission::MonitorTasks];
            let bot = roles::create(tx, &env, "Bot", rights.into_iter().collect())?;
            let mut user_ids = Vec::new();
            for (email, firstname, lastname, _) in PEOPLE {
                let (role_id, password_hash) =
                    if email == BOT_EMAIL { (bot, None) } else { (agent, Some(hash.as_str())) };
                user_ids.push(match users::id_by_email(tx, email)? {
                    Some(id) => id,
                    None => users::create(tx, &env, &NewUser { email, firstname, lastname, role_id, password_hash })?,
                });
            }
            let administrator = users::id_by_email(tx, setup::ADMINISTRATOR_EMAIL)?
                .ok_or_else(|| frontdesk_model::error::broken("there is no administrator"))?;
            let (token_id, token) = access_tokens::create(tx, &env, None, administrator, "Example conversations")?;
            Ok(Cast { user_ids, token_id, token: token.reveal().to_owned() })
        })
        .await
        .map_err(|error| error.to_string())
}

fn id(record: &Value) -> Result<Id, String> {
    record["id"].as_str().and_then(|id| id.parse().ok()).ok_or_else(|| format!("no id in {record}"))
}

struct Script {
    router: Router,
    token: String,
}

impl Script {
    async fn post(&self, path: &str, body: Value) -> Result<Value, String> {
        self.request(Method::POST, path, body).await
    }

    async fn request(&self, method: Method, path: &str, body: Value) -> Result<Value, String> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .map_err(|error| error.to_string())?;
        let text = self.call(path, request).await?;
        serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
    }

    async fn call(&self, path: &str, request: Request) -> Result<String, String> {
        let answer = self.router.clone().oneshot(request).await.map_err(|error| format!("{path}: {error}"))?;
        let status = answer.status();
        let body = http_body_util::Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let text = String::from_utf8_lossy(&body.map_err(|error| format!("{path}: {error}"))?.to_bytes()).into_owned();
        if status.is_success() { Ok(text) } else { Err(format!("{path}: {status}: {text}")) }
    }

    /// The chat of the shop in `shop.rs`, which signs its customers.
    async fn website(&self, app: &Conversations) -> Result<Value, String> {
        let community = json!({ "type": "mobile_messaging", "name": "Kettle & Co. website" });
        let community = self.post("/1.0/communities", community).await?;
        let key = json!({ "key_id": shop::KEY_ID, "algorithm": "HS256", "key": shop::key(&app.seal) });
        let path = format!("/1.0/communities/{}/jwt_keys", community["id"].as_str().unwrap_or_default());
        self.post(&path, key).await?;
        let source = json!({ "type": "mobile_messaging", "name": shop::SOURCE, "community_id": community["id"] });
        let source = self.post("/1.0/content_sources", source).await?;
        let settings = json!({
            "avatar_url": format!("{}/shop/icon.svg", app.public_url),
            "email_request": true,
            "back_to_chat_url": format!("{}/shop/help", app.public_url),
            "welcome_messages": ["Good day! Ask us about kettles, tea, or your order."],
            "translations": {
                "en": { "default_title": "Kettle & Co." },
                "fr": {
                    "default_title": "Kettle & Co.",
                    "welcome_messages": ["Bonjour ! Une question sur une bouilloire, un thé, une commande ?"],
                },
            },
        });
        let path = format!("/1.0/content_sources/{}/messaging", source["id"].as_str().unwrap_or_default());
        self.request(Method::PUT, &path, settings).await?;
        self.offers(&source).await?;
        Ok(source)
    }

    /// When the shop offers its chat: by a button everywhere, to whoever looks at a full cart for a while, and to whoever
    /// goes back from the checkout.
    async fn offers(&self, source: &Value) -> Result<(), String> {
        let path = format!("/1.0/content_sources/{}", source["id"].as_str().unwrap_or_default());
        for (name, kind) in
            [("custom_cart_amount", "number"), ("custom_cart_items", "number"), ("custom_product", "string")]
        {
            let variable = json!({ "name": name, "type": kind });
            self.post(&format!("{path}/custom_variables"), variable).await?;
        }
        let items = self.request(Method::GET, &format!("{path}/catalog_items"), json!({})).await?;
        let items = items["records"].as_array().cloned().unwrap_or_default();
        let item = |kind: &str, position: Value| {
            let is_it = |item: &&Value| item["type"] == kind && (position.is_null() || item["position"] == position);
            items.iter().find(is_it).map_or(Value::Null, |item| item["id"].clone())
        };
        let message = json!({
            "type": "automatic_message", "label": "Back from the checkout",
            "text": "Is there anything that I can help you with? Orders up to ten kettles are a pleasure.",
        });
        let message = self.post(&format!("{path}/catalog_items"), message).await?;
        let when = |criterion: &str, position: &str, operator: &str, value: &str| json!({ "criterion": criterion, "position": position, "operator": operator, "value": value });
        let triggers = [
            json!({
                "label": "Back from the checkout", "once_per_visit": true,
                "conditions": [
                    when("page_path", "current", "starts_with", "/shop/cart"),
                    when("page_path", "previous", "starts_with", "/shop/checkout"),
                ],
                "actions": { "show": "open", "message": message["id"] },
            }),
            json!({
                "label": "A full cart", "once_per_visit": true,
                "conditions": [
                    when("page_path", "current", "starts_with", "/shop/cart"),
                    when("custom_cart_amount", "current", "greater_or_equal", "50"),
                    when("page_visit_duration", "current", "greater_or_equal", "8"),
                ],
                "actions": { "invitation": item("invitation", Value::Null) },
            }),
            json!({
                "label": "Everywhere but where the chat is in the page",
                "conditions": [when("page_path", "current", "does_not_contain", "/shop/help")],
                "actions": { "button": item("button", "floating".into()) },
            }),
        ];
        for trigger in triggers {
            self.post(&format!("{path}/triggers"), trigger).await?;
        }
        Ok(())
    }

    async fn categories(&self) -> Result<Vec<Value>, String> {
        let topic = self.post("/1.0/categories", json!({ "name": "Topic", "color": 1 })).await?;
        let outcome = json!({ "name": "Outcome", "color": 2, "post_qualification": true, "mandatory": true });
        let outcome = self.post("/1.0/categories", outcome).await?;
        let mut children = Vec::new();
        for (parent, name) in [(&topic, "Delivery"), (&topic, "Refund"), (&topic, "Product"), (&outcome, "Solved")] {
            let child = json!({ "name": name, "parent_id": parent["id"] });
            children.push(self.post("/1.0/categories", child).await?);
        }
        Ok(children)
    }

    /// Of each its group, name, shortcut, and text in English and French.
    async fn answers_kept_ready(&self, categories: &[Value]) -> Result<(), String> {
        let mut groups = Vec::new();
        for (name, autocomplete) in [("Greetings", true), ("Orders", false)] {
            let group = json!({ "name": name, "autocomplete": autocomplete });
            groups.push(self.post("/1.0/reply_assistant/groups", group).await?);
        }
        for (group, label, shortcut, english, french) in ANSWERS {
            let made = self.post("/1.0/reply_assistant/entries", json!({ "label": label })).await?;
            let mut fields = json!({ "shortcuts": [shortcut], "entry_group_id": groups[*group]["id"] });
            if *shortcut == "refund" {
                fields["category_ids"] = json!([categories[1]["id"]]);
            }
            let path = format!("/1.0/reply_assistant/entries/{}", id(&made)?);
            self.request(Method::PUT, &path, fields).await?;
            for (language, body) in [("en", english), ("fr", french)] {
                let version = json!({ "entry_id": made["id"], "body": body, "language": language });
                self.post("/1.0/reply_assistant/versions", version).await?;
            }
        }
        Ok(())
    }

    async fn send_messages(&self, app: &Conversations, source_id: Id, secret: &str) -> Result<(), String> {
        for (number, (thread, author, language, minutes, text)) in MESSAGES.into_iter().enumerate() {
            let (author_id, screenname, email) =
                AUTHORS.into_iter().find(|(id, _, _)| *id == author).ok_or_else(|| format!("who is {author}?"))?;
            let message = json!({
                "action": "messages.create",
                "params": {
                    "id": format!("example-{number}"), "thread_id": thread, "body": text, "format": "text",
                    "language": language, "created_at": app.env.now().plus_seconds(-60 * minutes).rest(),
                    "author": {
                        "id": author_id, "screenname": screenname, "email": email, "created_at": "2026-01-15",
                        "puppetizable": author == "shop",
                    },
                },
            })
            .to_string();
            let path = format!("/realtime/sdk/{source_id}");
            let request = Request::builder()
                .method(Method::POST)
                .uri(&path)
                .header(
                    frontdesk_sources::sdk::SIGNATURE_HEADER,
                    frontdesk_net::sdk_signature(secret.as_bytes(), message.as_bytes()),
                )
                .body(Body::from(message))
                .map_err(|error| error.to_string())?;
            self.call(&path, request).await?;
        }
        Ok(())
    }

    /// Ada is at one conversation, Bo at another; the rest waits.
    async fn engage(&self, users: &[Id], categories: &[Value]) -> Result<(), String> {
        for (foreign_id, user, category) in [("refund-77", 0, 1), ("spare-part", 1, 2)] {
            let path = format!("/1.0/content_threads?q=foreign:{foreign_id}");
            let threads = self.request(Method::GET, &path, json!({})).await?;
            let thread_id = threads["records"][0]["id"].as_str().ok_or("a thread is missing")?.to_owned();
            let path = format!("/1.0/contents?q=thread:{thread_id}%20order:created_at.asc");
            let contents = self.request(Method::GET, &path, json!({})).await?;
            let user_id = users.get(user).ok_or("a user is missing")?;
            let engaged = json!({ "content_id": contents["records"][0]["id"], "impersonated_user_id": user_id });
            self.post("/1.0/interventions", engaged).await?;
            let category = categories.get(category).map(|category| category["id"].clone());
            let path = format!("/1.0/content_threads/{thread_id}/update_categories");
            self.request(Method::PUT, &path, json!({ "thread_category_ids": [category] })).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_nobody_else_reaches_has_the_published_password() {
        for (listen, public_url, is_so) in [
            ("127.0.0.1:8080", "http://localhost:8080", true),
            ("127.0.0.2:8080", "http://127.0.0.2:8080", true),
            ("[::1]:8080", "http://[::1]:8080", true),
            ("0.0.0.0:8080", "http://localhost:8080", false),
            ("[::]:8080", "http://localhost:8080", false),
            ("192.168.0.7:8080", "http://localhost:8080", false),
            ("127.0.0.1:8080", "https://desk.example.com", false),
            ("127.0.0.1:8080", "http://localhost.example.com", false),
            ("127.0.0.1:8080", "http://192.168.0.7", false),
            ("127.0.0.1:8080", "nonsense", false),
        ] {
            assert_eq!(is_own(listen.parse().unwrap(), public_url), is_so, "{listen} {public_url}");
        }
    }
}
