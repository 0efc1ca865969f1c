//! A public fuzzer reads the description and tries everything that it allows, and much that it does not.

use std::path::Path;
use std::process::{Command, Stdio};

use frontdesk_tests::{Cast, Engine, processes};

on_both_engines![a_public_fuzzer_finds_nothing];

/// What must hold for every answer. Left out, with the reason:
///
/// - `unsupported_method` wants 405 where the platform answers an unknown method with 404;
/// - `positive_data_acceptance`, `negative_data_rejection`: the platform's texts ignore unknown parameters and read
///   numbers from texts, and no schema can say that an id must be known or a name not taken;
/// - `missing_required_header`, `object_level_authorization`, `use_after_free`, `ensure_resource_availability`: the
///   matrix and the stories of each noun say this exactly, where the fuzzer guesses;
/// - every check of `openStream`, whose answer has no end to wait for.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,ignored_auth";

/// Random requests for each operation and phase, beside the systematic ones.
const EXAMPLES: &str = "4";

fn a_public_fuzzer_finds_nothing(engine: Engine) {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    processes::run(Command::new(workspace.join("tests/python")).arg("schemathesis"));
    let cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let address = cast.server.address();
    let run = Command::new(workspace.join("target/schemathesis/bin/schemathesis"))
        .args(["run", &format!("http://{address}/openapi.json"), "--url", &format!("http://{address}/1.0")])
        .args(["--header", &format!("Authorization: Bearer {}", cast.otto.token), "--checks", CHECKS])
        .args(["--exclude-operation-id", "openStream"])
        .args(["--max-examples", EXAMPLES, "--seed", "1", "--generation-database", "none"])
        .args(["--warnings", "off", "--no-color"])
        // It leaves files behind.
        .current_dir(processes::folder("schemathesis"))
        .stdin(Stdio::null())
        .output()
        .expect("the fuzzer runs");
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{told}\n{}", String::from_utf8_lossy(&run.stderr));
    let cases = told.lines().find_map(|line| line.trim().split_once(" generated")?.0.parse::<u32>().ok());
    assert!(cases.is_some_and(|cases| cases > 2_000), "the fuzzer gets everywhere: {told}");
    // It has not locked itself out on its way.
    cast.otto.get("/1.0/users/me").ok();
    assert!(cast.server.log().iter().all(|line| !line.contains("ERROR")), "{:?}", cast.server.log());
}
