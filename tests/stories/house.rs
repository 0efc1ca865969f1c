//! The house: which crate may stand on which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// For each crate, the crates of ours that it may depend on: `model ← store, rest, net, sources ← people ←
/// conversations ← {routing, web_messaging, webhooks} ← frontdesk`, and `web ← web_messaging, frontdesk`.
const ARROWS: [(&str, &[&str]); 12] = [
    ("frontdesk-model", &[]),
    ("frontdesk-store", &["frontdesk-model"]),
    ("frontdesk-net", &["frontdesk-model"]),
    ("frontdesk-web", &[]),
    ("frontdesk-sources", &["frontdesk-model"]),
    ("frontdesk-rest", &["frontdesk-model", "frontdesk-store"]),
    (
        "frontdesk-people",
        &["frontdesk-model", "frontdesk-store", "frontdesk-net", "frontdesk-sources", "frontdesk-rest"],
    ),
    (
        "frontdesk-conversations",
        &[
            "frontdesk-model",
            "frontdesk-store",
            "frontdesk-net",
            "frontdesk-sources",
            "frontdesk-rest",
            "frontdesk-people",
        ],
    ),
    (
        "frontdesk-routing",
        &[
            "frontdesk-model",
            "frontdesk-store",
            "frontdesk-net",
            "frontdesk-sources",
            "frontdesk-rest",
            "frontdesk-people",
            "frontdesk-conversations",
        ],
    ),
    (
        "frontdesk-web-messaging",
        &[
            "frontdesk-model",
            "frontdesk-store",
            "frontdesk-net",
            "frontdesk-sources",
            "frontdesk-rest",
            "frontdesk-people",
            "frontdesk-conversations",
            "frontdesk-web",
        ],
    ),
    (
        "frontdesk-webhooks",
        &[
            "frontdesk-model",
            "frontdesk-store",
            "frontdesk-net",
            "frontdesk-sources",
            "frontdesk-rest",
            "frontdesk-people",
            "frontdesk-conversations",
        ],
    ),
    (
        "frontdesk",
        &[
            "frontdesk-model",
            "frontdesk-store",
            "frontdesk-net",
            "frontdesk-sources",
            "frontdesk-rest",
            "frontdesk-people",
            "frontdesk-conversations",
            "frontdesk-routing",
            "frontdesk-web",
            "frontdesk-web-messaging",
            "frontdesk-webhooks",
        ],
    ),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn manifests() -> Vec<toml::Table> {
    let crates = std::fs::read_dir(workspace().join("crates")).expect("crates").flatten();
    let manifests = crates.map(|folder| folder.path().join("Cargo.toml")).filter(|path| path.exists());
    manifests.map(|path| std::fs::read_to_string(path).expect("a manifest").parse().expect("a manifest")).collect()
}

fn dependencies<'m>(manifest: &'m toml::Table, tables: &[&str]) -> BTreeSet<&'m str> {
    let tables = tables.iter().filter_map(|name| manifest.get(*name)?.as_table());
    tables.flat_map(|table| table.keys().map(String::as_str)).collect()
}

#[test]
fn crates_depend_on_each_other_only_downwards() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let manifests = manifests();
    for manifest in &manifests {
        let name = manifest["package"]["name"].as_str().expect("a name");
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("{name} has no place in the house yet"));
        let ours = dependencies(manifest, &["dependencies", "dev-dependencies", "build-dependencies"]);
        for dependency in ours.into_iter().filter(|dependency| dependency.starts_with("frontdesk")) {
            assert!(allowed.contains(&dependency), "{name} must not depend on {dependency}");
        }
    }
    assert_eq!(manifests.len(), ARROWS.len());
}

#[test]
fn what_a_crate_may_not_know_it_does_not_depend_on() {
    for manifest in manifests() {
        let name = manifest["package"]["name"].as_str().expect("a name").to_owned();
        let all = dependencies(&manifest, &["dependencies"]);
        let has = |dependency: &str| all.contains(dependency);
        // The engines are the store's business, calls abroad the guarded client's, and channels are plain values.
        assert!(!has("rusqlite") || name == "frontdesk-store", "{name}");
        assert!(!has("postgres") || name == "frontdesk-store", "{name}");
        assert!(!has("reqwest") || name == "frontdesk-net", "{name}");
        assert!(!has("lettre") || name == "frontdesk-net", "{name}");
        assert!(name != "frontdesk-sources" || !(has("tokio") || has("axum") || has("http")), "{name}");
        assert!(name != "frontdesk-model" || !(has("tokio") || has("axum")), "{name}");
    }
}

#[test]
fn versions_are_chosen_in_one_place() {
    for manifest in manifests() {
        for table in ["dependencies", "dev-dependencies"] {
            let Some(table) = manifest.get(table).and_then(toml::Value::as_table) else { continue };
            for (name, dependency) in table {
                let shared = dependency.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                assert!(shared, "{}: {name} has a version of its own", manifest["package"]["name"]);
            }
        }
    }
}

#[test]
fn every_crate_says_what_it_is() {
    for folder in std::fs::read_dir(workspace().join("crates")).expect("crates").flatten() {
        let source = folder.path().join("src");
        for root in ["lib.rs", "main.rs"].map(|name| source.join(name)) {
            if let Ok(text) = std::fs::read_to_string(&root) {
                assert!(text.starts_with("//! "), "{} does not say what it is", root.display());
            }
        }
    }
}
