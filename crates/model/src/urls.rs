//! Which addresses are taken from others.

use url::Url;

/// At most this many characters in an address.
pub const URL_CHARACTERS_MAX: usize = 2_048;

/// Schemes that run or embed what they carry: a click on such a link would act inside our own pages.
/// Or they start what a system has been attacked by: diagnosis, searches in folders of strangers, archives as pages.
const ACTIVE_SCHEMES: [&str; 13] = [
    "about",
    "blob",
    "data",
    "file",
    "filesystem",
    "intent",
    "jar",
    "javascript",
    "ms-msdt",
    "ms-officecmd",
    "search-ms",
    "vbscript",
    "view-source",
];

/// Whether this is a complete address on the web: http or https, and a host.
pub fn is_web_url(text: &str) -> bool {
    parse(text).is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && text.contains("://"))
}

/// Whether this is an address that may be clicked: on the web, or one that opens an app.
pub fn is_link(text: &str) -> bool {
    parse(text).is_some_and(|url| !ACTIVE_SCHEMES.contains(&url.scheme()))
}

/// Whether the address names a user or a password: it shows one host to who glances at it and leads to another, and it
/// hands a secret to everybody who reads it.
pub fn names_a_user(text: &str) -> bool {
    parse(text).is_some_and(|url| !url.username().is_empty() || url.password().is_some())
}

fn parse(text: &str) -> Option<Url> {
    if text.chars().count() > URL_CHARACTERS_MAX || text.chars().any(char::is_control) {
        return None;
    }
    Url::parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_in_addresses_are_seen() {
        for text in ["http://user:pw@example.com/", "https://user@example.com", "https://:pw@example.com", "app://a@b"]
        {
            assert!(names_a_user(text), "{text}");
        }
        for text in
            ["https://example.com/a@b?c=d:e@f#g@h", "https://@example.com/", "mailto:a@example.com", "tel:+33", ""]
        {
            assert!(!names_a_user(text), "{text}");
        }
    }

    #[test]
    fn web_addresses_and_links_are_told_apart() {
        for (text, web, link) in [
            ("https://example.com/a b.png", true, true),
            ("HTTP://example.com", true, true),
            ("github://github.com/example", false, true),
            ("tel:+33123456789", false, true),
            ("ftp://example.com/file", false, true),
            ("http:example.com", false, true),
            ("//example.com", false, false),
            ("/avatar.png", false, false),
            ("https://", false, false),
            ("javascript:alert(1)", false, false),
            ("JavaScript://x/%0aalert(1)", false, false),
            ("java\tscript:alert(1)", false, false),
            ("data:text/html,x", false, false),
            ("jar:http://example.com", false, false),
            ("ms-msdt:/id", false, false),
            ("intent://x#Intent;scheme=javascript;end", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_web_url(text), is_link(text)), (web, link), "{text:?}");
        }
        let long = format!("https://example.com/{}", "a".repeat(URL_CHARACTERS_MAX));
        assert!(!is_web_url(&long) && !is_link(&long));
    }
}
