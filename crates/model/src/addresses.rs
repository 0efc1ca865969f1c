//! Whose an address of the internet is, as far as limits can tell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network that limits count as one customer's: an IPv4 address, or the /64 that one customer of a provider has of
/// IPv6. None for this machine and for private and carriers' networks: a proxy that nobody named may stand there, and
/// behind it everybody.
pub fn one_customer(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let is_shared =
                address.is_loopback() || address.is_private() || address.is_link_local() || is_of_carrier(address);
            (!is_shared).then_some(address.into())
        }
        IpAddr::V6(address) => {
            let is_shared = address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local();
            (!is_shared).then(|| Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into())
        }
    }
}

/// 100.64.0.0/10 (RFC 6598), where load balancers of clouds and private overlays live too.
fn is_of_carrier(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && second & 0b1100_0000 == 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_are_told_apart_and_proxies_are_none() {
        let customer = |text: &str| one_customer(text.parse().expect("an address"));
        for (one, other, is_same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::1", "2001:db8:0:0:ffff::2", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            assert!(customer(one).is_some() && customer(other).is_some());
            assert_eq!(customer(one) == customer(other), is_same, "{one} {other}");
        }
        for shared in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "::ffff:10.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.1",
            "fd00::1",
            "fe80::1",
        ] {
            assert_eq!(customer(shared), None, "{shared}");
        }
        assert!(customer("100.63.0.1").is_some() && customer("100.128.0.1").is_some());
    }
}
