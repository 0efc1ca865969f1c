//! Feeds every fuzz target its seed corpus, and mutations of it that are the same in every run.

use std::path::Path;

/// So many mutations for each target: some seconds without optimisation.
const MUTATIONS: u64 = 20_000;
/// Longer inputs only take longer.
const INPUT_BYTES_MAX: usize = 4_096;

/// Pieces that the parsers look for; plain noise would seldom hold one.
const PIECES: &[&str] = &[
    "\n",
    "&",
    "=",
    "[",
    "]",
    "[]",
    "%00",
    "%5B",
    "%5D",
    "%FF",
    "+",
    "a[b][c][d][e][f]=1",
    "a[]=1&a=2",
    "application/x-www-form-urlencoded",
    "application/json",
    "multipart/form-data; boundary=x",
    "\r\n--x\r\n",
    "--x--",
    "Content-Disposition: form-data; name=\"a\"\r\n\r\n",
    "null",
    "\"\"",
    "{}",
    "{",
    "}",
    "\":",
    ",",
    "\\u0000",
    "\\ud800",
    "1e999",
    "-0",
    "18446744073709551616",
    "\"id\":",
    "\"author\":",
    "\"body\":",
    "\"thread_id\":",
    "\"attachments\":[{\"url\":\"http://a/b.png\"}]",
    "messages.create",
    "threads.create",
    "private_messages.create",
    "users.create",
    "typing.start",
    "status.mark_as_read",
    "view.messaging",
    "messages.unthreaded",
    "\"objects\":{\"messages\":[\"list\",\"warn\"]}",
    "\"locales\":{\"fr\":{\"warn\":\"Avertir\"}}",
    "\"options\":[\"threads.no_content\"]",
    "\"error\":{\"message\":\"Busy\"}",
    "private_message",
    "rich_link",
    "\"items\":[{\"title\":\"A\",\"type\":\"reply\"}]",
    "\"attachment_id\":\"0123456789abcdef01234567\"",
    "\"url\":\"https://a.example\"",
    "0",
    "f",
    " ago",
    "il y a ",
    "last ",
    " dernier",
    "friday",
    " at ",
    "4pm",
    " business hours",
    "25 déc",
    "_events\":[{",
    "\"id\":\"1445880548472328192\"",
    "\"user\":{\"id\":2}",
    "\"topLevelComment\":",
    "<yt:videoId>a</yt:videoId>",
    "\"steps\":[",
    "{\"name\":\"a\",\"agents\":{\"everyone\":true},\"for\":60,\"next\":\"b\"},",
    "\"next\":\"a\"",
    "\"queues\":[{\"name\":\"q\",\"next\":\"a\"}]",
    "/2011",
    "-",
    "\u{feff}",
    "\0",
];

#[test]
fn parameters_hold_their_promises() {
    replay("parameters", frontdesk_fuzz::parameters);
}

#[test]
fn the_send_api_holds_its_promises() {
    replay("send_api", frontdesk_fuzz::send_api);
}

#[test]
fn what_channels_say_of_themselves_holds_its_promises() {
    replay("info", frontdesk_fuzz::info);
}

#[test]
fn what_channels_list_holds_its_promises() {
    replay("lists", frontdesk_fuzz::lists);
}

#[test]
fn what_services_tell_holds_its_promises() {
    replay("hooks", frontdesk_fuzz::hooks);
    replay("posts", frontdesk_fuzz::posts);
    replay("comments", frontdesk_fuzz::comments);
}

#[test]
fn structured_messages_hold_their_promises() {
    replay("structured", frontdesk_fuzz::structured);
}

#[test]
fn signatures_hold_their_promises() {
    replay("signature", frontdesk_fuzz::signature);
}

#[test]
fn dates_hold_their_promises() {
    replay("dates", frontdesk_fuzz::dates);
}

#[test]
fn searches_hold_their_promises() {
    replay("searches", frontdesk_fuzz::searches);
}

#[test]
fn topologies_hold_their_promises() {
    replay("topologies", frontdesk_fuzz::topologies);
}

fn replay(target: &str, run: fn(&[u8])) {
    let seeds = seeds(target);
    for (name, seed) in &seeds {
        checked(run, seed, name);
    }
    // A whole number turned over and over (xorshift): no clock, no chance, so a failure comes back.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap_or(0) % below.max(1)
    };
    for number in 0..MUTATIONS {
        let mut input = seeds[random(seeds.len())].1.clone();
        for _ in 0..=random(4) {
            mutate(&mut input, &seeds, &mut random);
        }
        input.truncate(INPUT_BYTES_MAX);
        checked(run, &input, &format!("mutation {number}"));
    }
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut seeds: Vec<_> = std::fs::read_dir(&folder)
        .expect("a corpus")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            (path.display().to_string(), std::fs::read(&path).expect("a seed"))
        })
        .collect();
    seeds.sort();
    assert!(seeds.len() >= 5, "{target}: the corpus has {} seeds", seeds.len());
    seeds
}

fn checked(run: fn(&[u8]), input: &[u8], name: &str) {
    if std::panic::catch_unwind(|| run(input)).is_err() {
        panic!("{name} broke a promise; put it into the corpus: {:?}", String::from_utf8_lossy(input));
    }
}

fn mutate(input: &mut Vec<u8>, seeds: &[(String, Vec<u8>)], random: &mut impl FnMut(usize) -> usize) {
    let place = random(input.len() + 1);
    match random(7) {
        0 if place < input.len() => input[place] ^= 1 << random(8),
        1 if place < input.len() => input[place] = u8::try_from(random(256)).unwrap_or(0),
        2 => {
            let end = (place + random(16)).min(input.len());
            input.drain(place..end);
        }
        3 => {
            // Twice the same is where "the last one wins" and "the next element begins" are decided.
            let end = (place + random(64)).min(input.len());
            let again = input[place..end].to_vec();
            input.splice(place..place, again);
        }
        4 => {
            let other = &seeds[random(seeds.len())].1;
            let from = random(other.len() + 1);
            input.truncate(place);
            input.extend_from_slice(&other[from..]);
        }
        _ => {
            let piece = PIECES[random(PIECES.len())].as_bytes().iter().copied();
            input.splice(place..place, piece);
        }
    }
}
