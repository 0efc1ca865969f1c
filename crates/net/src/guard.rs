//! Which addresses the server may call. URLs come from agents, subscribers and strangers' messages, so that without
//! this check anybody could make the server talk to its own neighbours (server-side request forgery).
//!
//! The rule is an allow-list at heart: public unicast addresses minus every special block. An IPv4 address hidden in an
//! IPv6 one is judged as what it leads to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Why an address may not be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// The address as it was given.
    pub address: IpAddr,
    /// What kind of address it is, such as `a private address`.
    pub reason: &'static str,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.address, self.reason)
    }
}

impl std::error::Error for Forbidden {}

/// Which addresses the server may call.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    /// Networks that the operator opened (`--allow-outbound`), beside all public addresses. An entry overrides every
    /// other rule.
    pub allowed: Vec<IpNet>,
}

impl AddressPolicy {
    /// Every address. For commands that somebody runs on their own machine with one URL of theirs; never for the server.
    pub fn everywhere() -> AddressPolicy {
        let (v4, v6) = (Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0), Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0));
        AddressPolicy { allowed: vec![v4.into(), v6.into()] }
    }

    /// Whether the server may connect to this address, and if not, why.
    pub fn verdict(&self, address: IpAddr) -> Result<(), Forbidden> {
        // An IPv4-mapped address is that IPv4 address on the wire, so every rule sees it as such.
        let target = address.to_canonical();
        if self.allowed.iter().any(|network| network.contains(&target)) {
            return Ok(());
        }
        let special = match target {
            IpAddr::V4(v4) => special_v4(v4),
            IpAddr::V6(v6) => match embedded_v4(v6) {
                Some(inner) => self.verdict(inner.into()).err().map(|forbidden| forbidden.reason),
                None => special_v6(v6),
            },
        };
        special.map_or(Ok(()), |reason| Err(Forbidden { address, reason }))
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// IPv4 blocks that are not public, after the IANA registry of special-purpose addresses.
const SPECIAL_V4: [(Ipv4Net, &str); 17] = [
    (v4(0, 0, 0, 0, 8), "an address of \"this network\""),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "a shared address of a provider's network"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    // Public by the registry, but on Azure it reaches the machine's own host agent.
    (v4(168, 63, 129, 16, 32), "a cloud platform's internal address"),
    // The best known one of these is 169.254.169.254, which hands out a cloud machine's credentials.
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "reserved for protocol assignments"),
    (v4(192, 0, 2, 0, 24), "reserved for documentation"),
    (v4(192, 88, 99, 0, 24), "a 6to4 relay address"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "reserved for benchmarks"),
    (v4(198, 51, 100, 0, 24), "reserved for documentation"),
    (v4(203, 0, 113, 0, 24), "reserved for documentation"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(255, 255, 255, 255, 32), "the broadcast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
];

/// Where public IPv6 addresses live; all outside it is special without being named.
const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 3);

/// IPv6 blocks that are not public. Those outside [`GLOBAL_UNICAST`] stand here only to give a better reason. The
/// embeddings of this table are refused whatever they embed: no honest receiver is reached that way today.
const SPECIAL_V6: [(Ipv6Net, &str); 15] = [
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), "the unspecified address"),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "a loopback address"),
    (v6(0, 0, 0, 96), "an IPv4-compatible address"),
    (Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96), "an IPv4-translated address"),
    (v6(0x64, 0xff9b, 1, 48), "a local translation (NAT64) address"),
    (v6(0x100, 0, 0, 64), "a discard-only address"),
    // Teredo (2001::/32), benchmarks (2001:2::/48) and ORCHID are parts of this block.
    (v6(0x2001, 0, 0, 23), "reserved for protocol assignments (Teredo, benchmarks)"),
    (v6(0x2001, 0xdb8, 0, 32), "reserved for documentation"),
    (v6(0x2002, 0, 0, 16), "a 6to4 address"),
    (v6(0x3fff, 0, 0, 20), "reserved for documentation"),
    (v6(0x5f00, 0, 0, 16), "a segment-routing address"),
    (v6(0xfc00, 0, 0, 7), "a private (unique local) address"),
    (v6(0xfe80, 0, 0, 10), "a link-local address"),
    (v6(0xfec0, 0, 0, 10), "a site-local address"),
    (v6(0xff00, 0, 0, 8), "a multicast address"),
];

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    SPECIAL_V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, reason)| *reason)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let named = SPECIAL_V6.iter().find(|(network, _)| network.contains(&address)).map(|(_, reason)| *reason);
    named.or_else(|| (!GLOBAL_UNICAST.contains(&address)).then_some("not a public unicast address"))
}

/// The IPv4 address that this one stands for, where honest public servers are reached like that: NAT64 with the
/// well-known prefix (all an IPv6-only machine has), and ISATAP under a public prefix.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let nat64 = [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0];
    // The two bits are the "universal" and "group" flags of the interface identifier.
    let isatap = e & !0x0300 == 0 && f == 0x5efe && special_v6(address).is_none();
    (nat64 || isatap).then(|| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(allowed: &[&str], address: &str) -> Result<(), Forbidden> {
        let allowed = allowed.iter().map(|network| network.parse().expect("a network")).collect();
        AddressPolicy { allowed }.verdict(address.parse().expect("an address"))
    }

    #[test]
    fn public_addresses_may_be_called() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.88.98.255",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.112.255",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2000::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "2a00:1450::5efe:808:808",
            "3ffe:ffff::1",
        ] {
            assert_eq!(verdict(&[], address), Ok(()), "{address}");
        }
    }

    #[test]
    fn special_addresses_may_not_be_called() {
        for address in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "192.168.255.255",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "233.252.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.254",
            "255.255.255.255",
            // IPv4 in IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP.
            "::ffff:127.0.0.1",
            "::ffff:a9fe:a9fe",
            "::ffff:10.1.2.3",
            "::127.0.0.1",
            "::a9fe:a9fe",
            "::8.8.8.8",
            "::ffff:0:127.0.0.1",
            "::ffff:0:a9fe:a9fe",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:0:0:0:1::",
            "64:ff9b:1::10.0.0.1",
            "64:ff9b:1:a9fe:a9:fe00::",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2002:a00:1::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:5601:5601",
            "2a00:1450::5efe:7f00:1",
            "2a00:1450::200:5efe:a00:1",
            "2a00:1450::300:5efe:a9fe:a9fe",
            "fe80::5efe:808:808",
            // IPv6 of its own.
            "::",
            "::1",
            "::2",
            "100::1",
            "100:0:0:1::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "3fff:fff:ffff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "feff::1",
            "ff02::1",
            "ff0e::1",
        ] {
            let forbidden = verdict(&[], address).expect_err(address);
            assert_eq!(forbidden.address.to_string().parse::<IpAddr>(), address.parse(), "{address}");
        }
    }

    #[test]
    fn the_operators_networks_override_every_rule() {
        for (allowed, address, open) in [
            ("127.0.0.0/8", "127.0.0.1", true),
            ("127.0.0.0/8", "::ffff:127.0.0.1", true),
            ("127.0.0.0/8", "::1", false),
            ("127.0.0.0/8", "10.0.0.1", false),
            ("127.0.0.0/8", "::127.0.0.1", false),
            ("10.1.0.0/16", "10.1.2.3", true),
            ("10.1.0.0/16", "10.2.0.1", false),
            ("10.1.0.0/16", "64:ff9b::10.1.2.3", true),
            ("10.1.0.0/16", "64:ff9b::10.2.2.3", false),
            ("fd00::/8", "fd12:3456::1", true),
            ("64:ff9b:1::/48", "64:ff9b:1::10.0.0.1", true),
            ("::1/128", "::1", true),
            ("::1/128", "127.0.0.1", false),
        ] {
            assert_eq!(verdict(&[allowed], address).is_ok(), open, "{address} with {allowed}");
        }
    }

    #[test]
    fn everywhere_is_everywhere() {
        for address in ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "64:ff9b::7f00:1", "8.8.8.8"] {
            assert!(AddressPolicy::everywhere().verdict(address.parse().expect("an address")).is_ok(), "{address}");
        }
    }

    #[test]
    fn a_refusal_says_what_the_address_is() {
        let text = |address| verdict(&[], address).expect_err("a refusal").to_string();
        assert_eq!(text("10.0.0.1"), "10.0.0.1 is a private address");
        assert_eq!(text("::ffff:127.0.0.1"), "::ffff:127.0.0.1 is a loopback address");
        assert_eq!(text("64:ff9b::a9fe:a9fe"), "64:ff9b::a9fe:a9fe is a link-local address");
    }

    proptest! {
        #[test]
        fn no_embedding_makes_a_forbidden_address_callable(bits: u32) {
            let inner = Ipv4Addr::from(bits);
            let [high, low] = [(bits >> 16) as u16, bits as u16];
            let policy = AddressPolicy::default();
            let open = policy.verdict(inner.into()).is_ok();
            for judged_by_content in [
                inner.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2a00, 0x1450, 1, 2, 0, 0x5efe, high, low),
            ] {
                prop_assert_eq!(policy.verdict(judged_by_content.into()).is_ok(), open, "{}", judged_by_content);
            }
            for always_refused in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !low),
            ] {
                prop_assert!(policy.verdict(always_refused.into()).is_err(), "{}", always_refused);
            }
        }

        #[test]
        fn nothing_outside_global_unicast_is_callable_but_nat64(bits: u128) {
            let address = Ipv6Addr::from(bits);
            let inside = bits >> 125 == 1;
            let translated = bits >> 32 == 0x64_ff9b_0000_0000_0000_0000;
            let mapped = bits >> 32 == 0xffff;
            prop_assert!(inside || translated || mapped || AddressPolicy::default().verdict(address.into()).is_err());
        }
    }
}
