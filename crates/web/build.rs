//! Puts what `make web` built into the binary. Without it the chat is a stub that says so: the server builds and is
//! tested without Node.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The parts that pages are made of.
const PARTS: [&str; 4] = ["manager", "launcher", "debug", "chat"];
const MISSING: &str = "/* The chat is not in this build of the server: run `make web` and build again. */";

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let dist = here.join("../../web/dist");
    // A missing file that is watched would have cargo build this crate again every time. `make web` touches this one.
    println!("cargo::rerun-if-changed=build.rs");
    if dist.join("manifest.json").exists() {
        println!("cargo::rerun-if-changed={}", dist.join("manifest.json").display());
    }
    let manifest = fs::read_to_string(dist.join("manifest.json")).ok();
    let manifest: Option<BTreeMap<String, String>> = manifest.and_then(|text| serde_json::from_str(&text).ok());
    let mut parts: Vec<(String, String, PathBuf)> = Vec::new();
    match manifest {
        Some(manifest) => {
            for (part, path) in manifest {
                let file = dist.join(&path);
                println!("cargo::rerun-if-changed={}", file.display());
                parts.push((part, format!("/{path}"), file));
            }
        }
        None => {
            let stub = out.join("stub.js");
            fs::write(&stub, MISSING).expect("the build folder takes files");
            parts.push(("loader".into(), "/loader.js".into(), stub.clone()));
            parts.push(("webview".into(), "/webview.js".into(), stub.clone()));
            parts.extend(PARTS.map(|part| (part.into(), format!("/assets/{part}-stub.js"), stub.clone())));
        }
    }
    let mut code = String::from("static FILES: &[File] = &[\n");
    for (part, path, file) in &parts {
        let packed = packed(file);
        let packed = packed.map_or("None".to_owned(), |packed| format!("Some(include_bytes!({packed:?}))"));
        let _ = writeln!(
            code,
            "File {{ part: {part:?}, path: {path:?}, bytes: include_bytes!({file:?}), packed: {packed} }},"
        );
    }
    code.push_str("];\n");
    fs::write(out.join("files.rs"), code).expect("the build folder takes files");
}

/// The same file, packed with gzip by whoever built it.
fn packed(file: &Path) -> Option<PathBuf> {
    let mut name = file.file_name()?.to_owned();
    name.push(".gz");
    Some(file.with_file_name(name)).filter(|packed| packed.exists())
}
