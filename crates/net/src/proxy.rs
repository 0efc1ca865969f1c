//! Whose request it is when reverse proxies stand in front of the server.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// The client's address. `X-Forwarded-For` is believed only as far as trusted proxies wrote it: from the right, each
/// entry was added by the hop before it, so the first address that is not a trusted proxy is the client. Everything
/// left of it came from the client itself and may be a lie. Addresses are canonical: IPv4 is never shown as IPv6.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_proxy = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    if !is_proxy(&client) {
        return client;
    }
    // Several header lines count as one list, in order.
    for line in headers.get_all("x-forwarded-for").iter().rev() {
        let Ok(line) = line.to_str() else { return client };
        for entry in line.rsplit(',') {
            // What cannot be read ends the walk: the proxy that wrote it is the last known hop.
            let Some(address) = entry_address(entry.trim()) else { return client };
            client = address;
            if !is_proxy(&client) {
                return client;
            }
        }
    }
    client
}

/// Reads `192.0.2.1`, `2001:db8::1`, and both with the port that some proxies add.
fn entry_address(entry: &str) -> Option<IpAddr> {
    let unbracketed = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let address = unbracketed.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn client(peer: &str, lines: &[&str], trusted: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().expect("a network")).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line.as_bytes()).expect("a header value"));
        }
        client_address(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    #[test]
    fn the_forwarded_address_is_believed_only_from_trusted_proxies() {
        const INSIDE: &[&str] = &["10.0.0.0/8", "fd00::/8"];
        for (peer, lines, trusted, expected) in [
            ("198.51.100.9", &[][..], &[][..], "198.51.100.9"),
            // A direct client may say what it likes.
            ("198.51.100.9", &["192.0.2.1"], &[], "198.51.100.9"),
            ("198.51.100.9", &["192.0.2.1"], INSIDE, "198.51.100.9"),
            // One proxy.
            ("10.0.0.1", &["192.0.2.1"], INSIDE, "192.0.2.1"),
            ("::ffff:10.0.0.1", &["192.0.2.1"], INSIDE, "192.0.2.1"),
            ("fd00::1", &["2001:db8::5"], INSIDE, "2001:db8::5"),
            ("10.0.0.1", &[], INSIDE, "10.0.0.1"),
            ("10.0.0.1", &[""], INSIDE, "10.0.0.1"),
            // The client's own claim stands left of what the proxy wrote.
            ("10.0.0.1", &["127.0.0.1, 192.0.2.1"], INSIDE, "192.0.2.1"),
            ("10.0.0.1", &["10.9.9.9,192.0.2.1"], INSIDE, "192.0.2.1"),
            // Two proxies, and two header lines.
            ("10.0.0.1", &["192.0.2.1, 10.0.0.2"], INSIDE, "192.0.2.1"),
            ("10.0.0.1", &["8.8.8.8, 192.0.2.1", "10.0.0.2"], INSIDE, "192.0.2.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], INSIDE, "10.0.0.3"),
            // Ports, brackets and mapped addresses.
            ("10.0.0.1", &["192.0.2.1:4711"], INSIDE, "192.0.2.1"),
            ("10.0.0.1", &["[2001:db8::5]:443"], INSIDE, "2001:db8::5"),
            ("10.0.0.1", &["[2001:db8::5]"], INSIDE, "2001:db8::5"),
            ("10.0.0.1", &["::ffff:192.0.2.1"], INSIDE, "192.0.2.1"),
            // Unreadable entries end the walk.
            ("10.0.0.1", &["192.0.2.1, unknown"], INSIDE, "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1, unknown, 10.0.0.2"], INSIDE, "10.0.0.2"),
            ("10.0.0.1", &["192.0.2.1, é"], INSIDE, "10.0.0.1"),
        ] {
            assert_eq!(client(peer, lines, trusted), expected, "{peer} {lines:?} {trusted:?}");
        }
    }

    proptest! {
        #[test]
        fn an_untrusted_peer_is_always_the_client(line in "[ -~]{0,60}") {
            prop_assert_eq!(client("198.51.100.9", &[&line], &["10.0.0.0/8"]), "198.51.100.9");
        }

        #[test]
        fn the_entry_of_the_trusted_proxy_cannot_be_displaced(claim in "[ -~]{0,60}") {
            let line = format!("{claim},192.0.2.1");
            prop_assert_eq!(client("10.0.0.1", &[&line], &["10.0.0.0/8"]), "192.0.2.1");
        }
    }
}
