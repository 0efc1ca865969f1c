//! Attachments: uploaded, sent along, received, downloaded by who may.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use frontdesk_tests::cast::unique;
use frontdesk_tests::http::{Request, encode};
use frontdesk_tests::pages::{id, ids};
use frontdesk_tests::{Answer, Cast, Engine, Person, eventually};
use serde_json::{Value, json};

on_both_engines![
    an_upload_goes_out_with_an_answer_and_is_fetched_through_its_signed_link,
    an_upload_is_its_owners_until_a_content_uses_it,
    a_download_needs_a_token_or_a_link,
    a_file_that_is_gone_from_the_disk_is_not_there_and_its_operator_is_told,
    attachments_are_listed_and_filtered,
    a_customers_files_come_along_or_are_fetched,
    a_channel_says_whether_an_mp4_is_to_be_seen_or_heard,
    a_file_that_cannot_be_fetched_does_not_stop_the_message,
    a_wrong_upload_is_refused,
    whatever_a_file_is_browsers_only_save_it,
    a_source_lets_through_only_the_files_of_its_security_level,
];

pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n not really a picture";

pub(crate) fn upload(person: &Person, name: &str, bytes: &[u8], private: Option<&str>) -> Answer {
    let mut body = Vec::new();
    if let Some(private) = private {
        body.extend_from_slice(b"--XX\r\nContent-Disposition: form-data; name=\"private\"\r\n\r\n");
        body.extend_from_slice(private.as_bytes());
        body.extend_from_slice(b"\r\n");
    }
    let head = format!("--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--XX--\r\n");
    person.send(Request::new("POST", "/1.0/attachments").body("multipart/form-data; boundary=XX", body))
}

/// The path and query of an address on our server.
pub(crate) fn target(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    format!("/{}", rest.split_once('/').expect("a path").1)
}

fn an_upload_goes_out_with_an_answer_and_is_fetched_through_its_signed_link(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "What does it look like?");
    let file = upload(&cast.otto, "kettle \u{e9}.png", PNG, None).ok();
    assert_eq!((&file["filename"], &file["content_type"]), (&json!("kettle \u{e9}.png"), &json!("image/png")));
    assert_eq!((&file["size"], &file["public?"], &file["embed"]), (&json!(PNG.len()), &json!(true), &json!(false)));
    let second = upload(&cast.otto, "manual.pdf", b"%PDF-1.4", Some("=1")).ok();
    assert_eq!(second["public?"], false);
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let body = json!({ "in_reply_to_id": content, "body": "Like this", "attachment_ids": [second["id"], file["id"]] });
    let reply = cast.otto.post("/1.0/contents", &body).ok();
    assert_eq!(reply["attachments_count"], 2);
    let shown: Vec<_> = reply["attachments"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(shown, [second["id"].clone(), file["id"].clone()]);

    let push = channel.push_of("Like this");
    let sent = push.params()["attachments"].as_array().unwrap().clone();
    let told: Vec<_> = sent.iter().map(|one| (one["type"].clone(), one["filename"].clone())).collect();
    let image = (json!("image"), json!("kettle \u{e9}.png"));
    assert_eq!((told.len(), &told[1], &told[0].1), (2, &image, &json!("manual.pdf")));
    let link = sent[1]["url"].as_str().unwrap();
    assert!(link.starts_with(&format!("http://localhost:{}/attachments/", cast.server.address().port())), "{link}");
    let fetched = cast.server.send(&Request::new("GET", &target(link)));
    assert_eq!((fetched.status, fetched.body.as_slice()), (200, PNG));
    assert_eq!(fetched.header("content-type"), Some("image/png"));
    // The link opens this file and no other, and not after its time.
    let other = target(link).replace(&id(&file), &id(&second));
    assert_eq!(cast.server.send(&Request::new("GET", &other)).status, 403);
    let (path, query) = target(link).split_once('?').map(|(path, query)| (path.to_owned(), query.to_owned())).unwrap();
    let (expires, signature) = query.split_once('&').unwrap();
    let seconds: u64 = expires.strip_prefix("expires=").unwrap().parse().unwrap();
    let longer = format!("{path}?expires={}&{signature}", seconds + 1);
    assert_eq!(cast.server.send(&Request::new("GET", &longer)).status, 403);
    assert_eq!(cast.server.send(&Request::new("GET", &format!("{path}?expires=1&{signature}"))).status, 403);
    assert_eq!(cast.server.send(&Request::new("GET", &path)).status, 401);
    // An upload is used once.
    let again = json!({ "in_reply_to_id": content, "body": "Again", "attachment_ids": [file["id"]] });
    assert_eq!(cast.otto.post("/1.0/contents", &again).invalid(), ["attachment_ids"]);
    // A file alone is an answer, too.
    let third = upload(&cast.otto, "alone.txt", b"hello", None).ok();
    let alone = json!({ "in_reply_to_id": content, "attachment_ids": [third["id"]] });
    assert_eq!(cast.otto.post("/1.0/contents", &alone).ok()["attachments_count"], 1);
}

fn an_upload_is_its_owners_until_a_content_uses_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let borrowed = cast.borrow_shop();
    let file = upload(&cast.ada, "draft.txt", b"hello", None).ok();
    let path = format!("/1.0/attachments/{}", id(&file));
    assert_eq!(cast.ada.get(&path).ok(), file);
    cast.bo.get(&path).refused(404);
    cast.otto.get(&path).refused(404);
    assert!(!ids(&cast.bo.get("/1.0/attachments?limit=150").ok()).contains(&id(&file)));
    let thread = frontdesk_tests::cast::unique("attachments-");
    borrowed.shop.says("vera", &thread, "Hello?");
    let content = id(&borrowed.shop.contents(&cast.ada, &thread)[0]);
    let body = json!({ "in_reply_to_id": content, "body": "Here", "attachment_ids": [file["id"]] });
    assert_eq!(cast.bo.post("/1.0/contents", &body).invalid(), ["attachment_ids"]);
    cast.ada.post("/1.0/contents", &body).ok();
    cast.rita.get(&path).ok();
    // On a source that Ada may not read, neither are its files.
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let hidden = upload(&cast.otto, "hidden.txt", b"secret", None).ok();
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let body = json!({ "in_reply_to_id": content, "body": "Here", "attachment_ids": [hidden["id"]] });
    cast.otto.post("/1.0/contents", &body).ok();
    cast.ada.get(&format!("/1.0/attachments/{}", id(&hidden))).refused(404);
    assert_eq!(cast.ada.get(&target(hidden["url"].as_str().unwrap())).status, 404);
}

fn a_download_needs_a_token_or_a_link(engine: Engine) {
    let cast = Cast::shared(engine);
    let file = upload(&cast.ada, "mine.txt", b"hello", None).ok();
    let target = target(file["url"].as_str().unwrap());
    let answer = cast.ada.get(&target);
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    let by_parameter = Request::new("GET", &format!("{target}?access_token={}", cast.ada.token));
    assert_eq!(cast.server.send(&by_parameter).text(), "hello");
    let stranger = cast.server.send(&Request::new("GET", &target));
    stranger.refused(401);
    assert!(stranger.header("www-authenticate").is_some());
    cast.bo.get(&target).refused(404);
    cast.ada.get("/attachments/0123456789abcdef01234567").refused(404);
    cast.ada.get("/attachments/nonsense").refused(404);
    cast.ada.get("/attachments/%ff").refused(404);
    // Whoever has it already need not fetch it again.
    let etag = answer.header("etag").unwrap().to_owned();
    let same = cast.ada.send(Request::new("GET", &target).header("If-None-Match", &etag));
    assert_eq!((same.status, same.body.len()), (304, 0));
}

fn a_file_that_is_gone_from_the_disk_is_not_there_and_its_operator_is_told(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let file = upload(&cast.ada, "mine.txt", b"hello", None).ok();
    let target = target(file["url"].as_str().unwrap());
    assert_eq!(cast.ada.get(&target).text(), "hello");
    std::fs::remove_dir_all(cast.server.data().join("attachments")).unwrap();
    let answer = cast.ada.get(&target);
    answer.refused(404);
    assert!(answer.text().contains("missing on the server"), "{}", answer.text());
    cast.server.logged("the file of an attachment is missing");
}

fn attachments_are_listed_and_filtered(engine: Engine) {
    let cast = Cast::shared(engine);
    let one = upload(&cast.rita, "one.pdf", b"1", None).ok();
    let two = upload(&cast.rita, "two.PDF", b"2", None).ok();
    let three = upload(&cast.rita, "three.txt", b"3", None).ok();
    let mine = [id(&one), id(&two), id(&three)];
    let list = |filter: &str| -> Vec<String> {
        let all = ids(&cast.rita.get(&format!("/1.0/attachments?limit=150&{filter}")).ok());
        all.into_iter().filter(|id| mine.contains(id)).collect()
    };
    let [one_id, two_id, three_id] = &mine;
    assert_eq!(list(""), [three_id.clone(), two_id.clone(), one_id.clone()], "newest first");
    assert_eq!(list("extension=pdf"), [two_id.clone(), one_id.clone()]);
    assert_eq!(list("extension=.TXT"), std::slice::from_ref(three_id));
    let made = encode(three["created_at"].as_str().unwrap());
    assert_eq!(list(&format!("created_before={made}")).len(), 3, "the second that is named is included");
    assert_eq!(list("created_before=2020-01-01"), [""; 0]);
    assert_eq!(list("created_after=2020-01-01T00:00:00Z").len(), 3);
    cast.rita.get("/1.0/attachments?created_after=yesterday").refused(400);
}

fn a_customers_files_come_along_or_are_fetched(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let url = channel.offer("/files/cat.png", "image/png", PNG);
    let mut message = source.message("m", "t", "vera", "");
    message["attachments"] = json!([
        { "content": BASE64.encode(b"a letter"), "filename": "../letter.txt" },
        { "url": url, "filename": "cat.png" },
    ]);
    source.tells("messages.create", &message);
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let files = eventually("the file is fetched", || {
        let files = cast.otto.content(&content)["attachments"].clone();
        (files[1]["size"] != 0).then_some(files)
    });
    let files: Vec<Value> = files.as_array().unwrap().clone();
    let shown: Vec<_> = files.iter().map(|file| (file["filename"].clone(), file["size"].clone())).collect();
    assert_eq!(shown, [(json!("letter.txt"), json!(8)), (json!("cat.png"), json!(PNG.len()))]);
    assert_eq!((&files[0]["content_type"], &files[1]["content_type"]), (&json!("text/plain"), &json!("image/png")));
    let bytes = |file: &Value| cast.otto.get(&target(file["url"].as_str().unwrap())).body;
    assert_eq!((bytes(&files[0]), bytes(&files[1])), (b"a letter".to_vec(), PNG.to_vec()));
    cast.ada.get(&target(files[0]["url"].as_str().unwrap())).refused(404);
    // A repeat brings nothing twice.
    source.tells("messages.create", &message);
    assert_eq!(cast.otto.content(&content)["attachments_count"], 2);
}

fn a_channel_says_whether_an_mp4_is_to_be_seen_or_heard(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let url = channel.offer("/files/song.mp4", "application/octet-stream", b"....ftypisom");
    for (hint, content_type) in [("audio", "audio/mp4"), ("video", "video/mp4")] {
        let thread = unique("thread-");
        let mut message = source.message(&unique("message-"), &thread, "vera", "");
        message["attachments"] = json!([
            { "url": url, "type": hint },
            { "content": BASE64.encode(b"....ftypisom"), "filename": "other.mp4", "type": hint },
        ]);
        source.tells("messages.create", &message);
        let content = id(&source.contents(&cast.otto, &thread)[0]);
        let files = eventually("the file is fetched", || {
            let files = cast.otto.content(&content)["attachments"].clone();
            (files[0]["size"] != 0).then_some(files)
        });
        assert_eq!(
            (&files[0]["content_type"], &files[1]["content_type"]),
            (&json!(content_type), &json!(content_type))
        );
    }
}

fn a_file_that_cannot_be_fetched_does_not_stop_the_message(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let missing = format!("http://{}/missing.png", channel.address());
    let mut message = source.message("m", "t", "vera", "See below");
    message["attachments"] = json!([{ "url": missing }, { "url": "http://10.255.255.1/private.png" }]);
    source.tells("messages.create", &message);
    let content = source.contents(&cast.otto, "t").remove(0);
    assert_eq!((&content["body"], &content["attachments_count"]), (&json!("See below"), &json!(2)));
    let path = target(content["attachments"][0]["url"].as_str().unwrap());
    cast.otto.get(&path).refused(404);
    cast.otto.reply(&id(&content), "I cannot see it");
}

fn a_wrong_upload_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let post = |kind: &str, body: &[u8]| cast.otto.send(Request::new("POST", "/1.0/attachments").body(kind, body));
    assert_eq!(post("application/json", b"{}").invalid(), ["file"]);
    assert_eq!(post("application/x-www-form-urlencoded", b"file=x").invalid(), ["file"]);
    let no_file = b"--XX\r\nContent-Disposition: form-data; name=\"private\"\r\n\r\ntrue\r\n--XX--\r\n";
    assert_eq!(post("multipart/form-data; boundary=XX", no_file).invalid(), ["file"]);
    post("multipart/form-data; boundary=XX", b"--XX\r\nContent-Dis").refused(400);
    post("multipart/form-data", b"--XX--\r\n").refused(400);
    upload(&cast.otto, "x.txt", b"x", Some("perhaps")).refused(400);
    let large = vec![0; 26 * 1024 * 1024];
    upload(&cast.otto, "large.txt", &large, None).refused(413);
    // A stranger's bytes are not even received.
    upload(&cast.otto.but_with("nonsense"), "x.txt", b"x", None).refused(401);
}

fn whatever_a_file_is_browsers_only_save_it(engine: Engine) {
    let cast = Cast::shared(engine);
    for (name, bytes) in [
        ("page.html", &b"<script>alert(1)</script>"[..]),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("page.xhtml", b"<html/>"),
        ("quote\\\"d.txt", b"x"),
        ("noextension", b"x"),
    ] {
        let file = upload(&cast.ada, name, bytes, None).ok();
        let answer = cast.ada.get(&target(file["url"].as_str().unwrap()));
        assert_eq!((answer.status, answer.body.as_slice()), (200, bytes), "{name}");
        let disposition = answer.header("content-disposition").unwrap();
        assert!(disposition.starts_with("attachment"), "{name}: {disposition}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{name}");
        assert!(answer.header("content-security-policy").unwrap().contains("sandbox"), "{name}");
        assert!(!answer.header("content-type").unwrap().contains("html"), "{name}");
    }
}

fn a_source_lets_through_only_the_files_of_its_security_level(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let sends = |name: &str| {
        let file = upload(&cast.otto, name, b"x", None).ok();
        let body = json!({ "in_reply_to_id": content, "body": name, "attachment_ids": [file["id"]] });
        cast.otto.post("/1.0/contents", &body).status
    };
    for (level, picture, document, program) in
        [("permissive", 200, 200, 200), ("relaxed", 200, 200, 422), ("strict", 200, 422, 422)]
    {
        let level_is = json!({ "attachments_security_level": level });
        cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &level_is).ok();
        assert_eq!((sends("a.png"), sends("a.pdf"), sends("a.exe")), (picture, document, program), "{level}");
    }
}
