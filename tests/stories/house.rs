//! The house: which crate may stand on which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// On which nearly everything stands.
const GROUND: [&str; 5] =
    ["frontdesk-model", "frontdesk-store", "frontdesk-net", "frontdesk-sources", "frontdesk-rest"];

/// For each crate, the crates of ours that it may depend on: `model ← store, rest, net, sources ← people ←
/// conversations ← {routing, web_messaging, webhooks} ← frontdesk`, and `web ← web_messaging, frontdesk`.
fn arrows() -> BTreeMap<&'static str, Vec<&'static str>> {
    let people = [&GROUND[..], &["frontdesk-people"]].concat();
    let conversations = [&people[..], &["frontdesk-conversations"]].concat();
    let web_messaging = [&conversations[..], &["frontdesk-web"]].concat();
    let all = [&web_messaging[..], &["frontdesk-routing", "frontdesk-web-messaging", "frontdesk-webhooks"]].concat();
    BTreeMap::from([
        ("frontdesk-model", Vec::new()),
        ("frontdesk-web", Vec::new()),
        ("frontdesk-store", vec!["frontdesk-model"]),
        ("frontdesk-net", vec!["frontdesk-model"]),
        ("frontdesk-sources", vec!["frontdesk-model"]),
        ("frontdesk-rest", vec!["frontdesk-model", "frontdesk-store"]),
        ("frontdesk-people", GROUND.to_vec()),
        ("frontdesk-conversations", people),
        ("frontdesk-routing", conversations.clone()),
        ("frontdesk-webhooks", conversations),
        ("frontdesk-web-messaging", web_messaging),
        ("frontdesk", all),
    ])
}

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
    let allowed = arrows();
    let manifests = manifests();
    for manifest in &manifests {
        let name = manifest["package"]["name"].as_str().expect("a name");
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("{name} has no place in the house yet"));
        let ours = dependencies(manifest, &["dependencies", "dev-dependencies", "build-dependencies"]);
        for dependency in ours.into_iter().filter(|dependency| dependency.starts_with("frontdesk")) {
            assert!(allowed.contains(&dependency), "{name} must not depend on {dependency}");
        }
    }
    assert_eq!(manifests.len(), allowed.len());
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

/// A newcomer finds a feature's home by the README of its crate: every file and folder has its line there.
#[test]
fn every_crates_readme_names_its_files() {
    let crates = std::fs::read_dir(workspace().join("crates")).expect("crates").flatten();
    for folder in crates.map(|folder| folder.path()) {
        let readme = std::fs::read_to_string(folder.join("README.md")).expect("a README");
        for file in std::fs::read_dir(folder.join("src")).expect("src").flatten() {
            let name = file.file_name().into_string().expect("a name");
            let is_folder = file.file_type().expect("a type").is_dir();
            let shown = if is_folder { format!("`{name}/") } else { format!("`{name}`") };
            // A folder beside the file of the same name is the same noun.
            let is_said_by_its_file = is_folder && folder.join(format!("src/{name}.rs")).exists();
            let needs_no_line = matches!(name.as_str(), "lib.rs" | "main.rs" | "tests.rs") || is_said_by_its_file;
            assert!(needs_no_line || readme.contains(&shown), "{}: {name} has no line in README.md", folder.display());
        }
    }
}
