//! Time sheets: when sources are open.

use frontdesk_tests::cast::unique;
use frontdesk_tests::clock::seconds_after;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine, Source};
use serde_json::{Value, json};

on_both_engines![
    time_sheets_are_kept,
    a_source_has_at_most_one_time_sheet,
    a_region_brings_its_holidays,
    a_wrong_time_sheet_is_refused,
    time_sheets_are_for_those_who_may_change_them,
    replies_are_timed_within_the_sources_hours,
    searches_count_the_business_hours_of_the_source_that_they_name,
];

const PATH: &str = "/1.0/time_sheets";

fn at(sheet: &Value) -> String {
    format!("{PATH}/{}", id(sheet))
}

fn time_sheets_are_kept(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let form = "label=Office&monday_hours=32400-43200, 50400-64800&sunday_hours=&holidays[0][name]=Christmas\
                &holidays[0][date]=12/25/2026&holidays[1][name]=New year&holidays[1][date]=2027-01-01";
    let request = Request::new("POST", PATH).body("application/x-www-form-urlencoded", form.as_bytes());
    let office = otto.send(request).ok();
    for (name, value) in [
        ("label", json!("Office")),
        ("active", json!(true)),
        ("source_ids", json!([])),
        ("monday_hours", json!("32400-43200,50400-64800")),
        ("tuesday_hours", json!("")),
        (
            "holidays[]",
            json!([{ "name": "Christmas", "date": "2026-12-25" }, { "name": "New year", "date": "2027-01-01" }]),
        ),
        ("timezone", json!("UTC")),
    ] {
        assert_eq!(office[name], value, "{name}");
    }
    assert_eq!(otto.get(&at(&office)).ok(), office);
    assert_eq!(
        otto.put(&at(&office), &json!({ "label": "Office" })).ok(),
        office,
        "a change of nothing changes no time"
    );
    // The public description types holidays as a text.
    let text = json!({ "holidays": r#"[{"name":"May","date":"2026-05-01"}]"#, "timezone": "Europe/Paris" });
    let changed = otto.put(&at(&office), &text).ok();
    assert_eq!(changed["holidays[]"], json!([{ "name": "May", "date": "2026-05-01" }]));
    assert_eq!(changed["timezone"], "Europe/Paris");
    assert_eq!(otto.put(&at(&office), &json!({ "holidays": [] })).ok()["holidays[]"], json!([]));

    // Active ones first, then by label.
    let create = |label: &str, active: bool| id(&otto.post(PATH, &json!({ "label": label, "active": active })).ok());
    let (zebra, apple, closed) = (create("Zebra", true), create("apple", true), create("Aardvark", false));
    assert_eq!(ids(&otto.get(PATH).ok()), [apple.clone(), id(&office), zebra, closed]);
    assert_eq!(ids(&otto.get(&format!("{PATH}?offset=1&limit=1")).ok()), [id(&office)]);
    let gone = otto.delete(&format!("{PATH}/{apple}")).ok();
    assert_eq!(id(&gone), apple);
    otto.get(&format!("{PATH}/{apple}")).refused(404);
    otto.delete(&format!("{PATH}/{apple}")).refused(404);
    // Dates follow the account's language, and sheets without a zone its zone.
    otto.put("/1.0/settings", &json!({ "locale": "fr", "timezone": "Asia/Tokyo" })).ok();
    let french = json!({ "label": "Bureau", "holidays": [{ "name": "Mai", "date": "01/05/2026" }] });
    let french = otto.post(PATH, &french).ok();
    assert_eq!((&french["holidays[]"][0]["date"], &french["timezone"]), (&json!("2026-05-01"), &json!("Asia/Tokyo")));
}

fn a_source_has_at_most_one_time_sheet(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let (source, _channel) = cast.new_source();
    let path = format!("/1.0/content_sources/{}", source.id);
    let shown = || source.shown(otto)["time_sheet_ids"].clone();
    let sheet = |sources: &Value| otto.post(PATH, &json!({ "label": unique("Sheet "), "source_ids": sources })).ok();
    assert_eq!(shown(), json!([]));
    let first = sheet(&json!([source.id]));
    assert_eq!((&first["source_ids"], shown()), (&json!([source.id]), json!([first["id"]])));
    // Another sheet takes it over.
    let second = sheet(&json!([source.id]));
    assert_eq!(shown(), json!([second["id"]]));
    assert_eq!(otto.get(&at(&first)).ok()["source_ids"], json!([]));
    // From the source's side it is the same fact.
    let told = otto.put(&path, &json!({ "time_sheet_ids": [first["id"]] })).ok();
    assert_eq!(told["time_sheet_ids"], json!([first["id"]]));
    assert_eq!(otto.get(&at(&first)).ok()["source_ids"], json!([source.id]));
    assert_eq!(otto.get(&at(&second)).ok()["source_ids"], json!([]));
    // Other stories make sources meanwhile: this one is among the last.
    let count = otto.get("/1.0/content_sources?limit=0").ok()["count"].as_i64().unwrap();
    let listed = otto.get(&format!("/1.0/content_sources?limit=150&offset={}", (count - 100).max(0))).ok();
    let listed = records(&listed).iter().find(|record| record["id"] == json!(source.id)).unwrap();
    assert_eq!(listed["time_sheet_ids"], json!([first["id"]]));
    assert_eq!(otto.put(&path, &json!({ "color": 2 })).ok()["time_sheet_ids"], json!([first["id"]]));
    assert_eq!(
        otto.put(&path, &json!({ "time_sheet_ids": [first["id"], second["id"]] })).invalid(),
        ["time_sheet_ids"]
    );
    let unknown = json!({ "time_sheet_ids": ["0123456789abcdef01234567"] });
    assert_eq!(otto.put(&path, &unknown).invalid(), ["time_sheet_ids"]);
    assert_eq!(shown(), json!([first["id"]]), "a refused change changes nothing");
    assert_eq!(otto.put(&path, &json!({ "time_sheet_ids": [] })).ok()["time_sheet_ids"], json!([]));
    otto.put(&at(&first), &json!({ "source_ids": [source.id] })).ok();
    otto.delete(&at(&first)).ok();
    assert_eq!(shown(), json!([]));
    otto.put(&at(&second), &json!({ "source_ids": [source.id] })).ok();
    otto.delete(&path).ok();
    assert_eq!(otto.get(&at(&second)).ok()["source_ids"], json!([]));
}

fn a_region_brings_its_holidays(engine: Engine) {
    let cast = Cast::shared(engine);
    let may = json!([{ "name": "Closed", "date": "2026-05-01" }]);
    for region in ["de", "es", "fr", "gb", "it", "nl", "us"] {
        let sheet = json!({ "label": unique(region), "holidays_region": region });
        let sheet = cast.otto.post(PATH, &sheet).ok();
        let holidays = sheet["holidays[]"].as_array().unwrap();
        assert!(holidays.len() >= 5 * 8, "{region}: five years");
        assert!(holidays.is_sorted_by_key(|holiday| holiday["date"].as_str().unwrap().to_owned()));
    }
    let both = json!({ "label": unique("fr"), "holidays_region": "fr", "holidays": may });
    let both = cast.otto.post(PATH, &both).ok();
    let named: Vec<_> =
        both["holidays[]"].as_array().unwrap().iter().filter(|holiday| holiday["date"] == "2026-05-01").collect();
    assert_eq!(named, [&json!({ "name": "Closed", "date": "2026-05-01" })], "what was given stays");
    cast.otto.post(PATH, &json!({ "label": "x", "holidays_region": "xx" })).refused(400);
}

fn a_wrong_time_sheet_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    for (name, value) in [
        ("label", json!(" ")),
        ("label", json!("x".repeat(256))),
        ("monday_hours", json!("9-")),
        ("tuesday_hours", json!("3600-1800")),
        ("wednesday_hours", json!("0-86401")),
        ("thursday_hours", json!("0-20,10-30")),
        ("sunday_hours", json!("1-2,".repeat(30))),
        ("timezone", json!("Paris")),
        ("holidays", json!("christmas")),
        ("holidays", json!([{ "name": "x" }])),
        ("holidays", json!([{ "name": "x", "date": "2026-02-30" }])),
        ("holidays", json!([{ "name": "", "date": "2026-02-03" }])),
        ("holidays", json!(vec![json!({ "name": "x", "date": "2026-02-03" }); 501])),
        ("source_ids", json!(["0123456789abcdef01234567"])),
    ] {
        let mut body = json!({ "label": "x" });
        body[name] = value.clone();
        assert_eq!(cast.otto.post(PATH, &body).invalid(), [name], "{name}: {value}");
    }
    assert_eq!(cast.otto.post(PATH, &json!({})).invalid(), ["label"]);
    let both = json!({ "label": "x", "monday_hours": "x", "friday_hours": "y" });
    assert_eq!(cast.otto.post(PATH, &both).invalid(), ["monday_hours", "friday_hours"]);
    cast.otto.get(&format!("{PATH}/nonsense")).refused(404);
    cast.otto.put(&format!("{PATH}/0123456789abcdef01234567"), &json!({ "label": "x" })).refused(404);
}

fn time_sheets_are_for_those_who_may_change_them(engine: Engine) {
    let cast = Cast::shared(engine);
    let sheet = cast.otto.post(PATH, &json!({ "label": unique("Sheet ") })).ok();
    cast.ada.get(PATH).refused(403);
    cast.ada.get(&at(&sheet)).refused(403);
    cast.ada.post(PATH, &json!({ "label": "x" })).refused(403);
    cast.ada.put(&at(&sheet), &json!({ "label": "x" })).refused(403);
    cast.ada.delete(&at(&sheet)).refused(403);
}

fn replies_are_timed_within_the_sources_hours(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let all_week = |hours: &str| {
        let mut sheet = json!({ "label": unique("Sheet ") });
        for day in ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] {
            sheet[format!("{day}_hours")] = json!(hours);
        }
        sheet
    };
    for (sheet, is_closed) in [
        (all_week(""), true),
        (all_week("0-86400"), false),
        // An inactive sheet is none.
        (
            {
                let mut sheet = all_week("");
                sheet["active"] = json!(false);
                sheet
            },
            false,
        ),
    ] {
        let (source, _channel) = cast.new_source();
        let sheet = otto.post(PATH, &sheet).ok();
        otto.put(&at(&sheet), &json!({ "source_ids": [source.id] })).ok();
        source.says("vera", "t", "Hello?");
        let content = id(&source.contents(otto, "t")[0]);
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        let reply = otto.reply(&content, "Hello");
        let path = format!("/1.0/interventions/{}", reply["intervention_id"].as_str().unwrap());
        let intervention = otto.get(&path).ok();
        let figure = |name: &str| intervention[name].as_i64().unwrap();
        for name in ["first_user_reply_in", "last_user_reply_in", "user_reply_in_average"] {
            let (seconds, open) = (figure(name), figure(&format!("{name}_bh")));
            assert!(seconds >= 1, "{name}");
            assert_eq!(open, if is_closed { 0 } else { seconds }, "{name}");
        }
    }
}

fn searches_count_the_business_hours_of_the_source_that_they_name(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let [(always, _one), (seldom, _other)] = [(); 2].map(|()| cast.new_source());
    for source in [&always, &seldom] {
        source.says("vera", "t", "Hello?");
    }
    let now = seconds_after(0);
    cast.server.sql(&format!("UPDATE threads SET last_content_at = {}", (now - 10 * 3_600) * 1_000_000));
    // One never closes. The other is open for an hour a day, the last time more than twelve hours ago.
    let hours = |begin: i64, end: i64, sources: Value| {
        let mut sheet = json!({ "label": unique("Sheet "), "timezone": "UTC", "source_ids": sources });
        for day in ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] {
            sheet[format!("{day}_hours")] = json!(format!("{begin}-{end}"));
        }
        otto.post(PATH, &sheet).ok()
    };
    hours(0, 86_400, json!([always.id]));
    let begin = (now / 3_600 + 6) % 24 * 3_600;
    let sheet = hours(begin, begin + 3_600, json!([seldom.id]));
    let finds = |sources: &[&Source], q: &str| {
        let named: String = sources.iter().map(|source| format!("source:\"{}\" ", source.id)).collect();
        otto.search("/1.0/content_threads", &format!("{named}{q}"))["count"].clone()
    };
    for (locale, ago) in [("en", "6 business hours ago"), ("fr", "il y a 6 heures ouvrées")] {
        otto.put("/1.0/settings", &json!({ "locale": locale })).ok();
        let (before, after) = (format!("last_content_before:\"{ago}\""), format!("last_content_after:\"{ago}\""));
        assert_eq!((finds(&[&always], &before), finds(&[&always], &after)), (json!(1), json!(0)), "{ago}");
        assert_eq!((finds(&[&seldom], &before), finds(&[&seldom], &after)), (json!(0), json!(1)), "{ago}");
        // Of several sources, and of all, every hour counts.
        assert_eq!(finds(&[&always, &seldom], &before), 2, "{ago}");
        let both = format!("-source:{} {before}", cast.shop.id);
        assert_eq!(finds(&[], &both), 2, "{ago}");
    }
    // What is found follows the sheet.
    otto.put(&at(&sheet), &json!({ "active": false })).ok();
    assert_eq!(finds(&[&seldom], "last_content_before:\"6 business hours ago\""), 1);
}
