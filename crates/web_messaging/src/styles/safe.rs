//! Whether a style sheet keeps to itself: it names nothing that a browser would fetch elsewhere, brings no behaviour, and
//! ends nothing that it stands in.

use cssparser::{BasicParseErrorKind, ParseError, Parser, Token};

/// Functions that fetch, also those whose address is a plain text, and one that runs in ancient browsers.
const FUNCTIONS: [&str; 7] = ["url", "src", "image", "image-set", "-webkit-image-set", "cross-fade", "expression"];
/// Rules that fetch, or change what the rest means.
const RULES: [&str; 4] = ["import", "namespace", "charset", "document"];
/// Properties that bring behaviour.
const PROPERTIES: [&str; 2] = ["behavior", "-moz-binding"];
/// What an address may begin with: a picture in place, or a part of the same document.
const ADDRESSES: [&str; 6] =
    ["data:image/png", "data:image/jpeg", "data:image/gif", "data:image/webp", "data:image/svg+xml", "#"];

const UNREADABLE: &str = "it is nested too deeply.";

/// What is wrong with it; none if nothing is.
pub(crate) fn fault(css: &str) -> Option<String> {
    let lower = css.to_ascii_lowercase();
    if lower.contains("</style") || lower.contains("<!--") {
        return Some("it holds markup.".into());
    }
    look(&mut Parser::new(css)).err()
}

fn look(parser: &mut Parser<'_>) -> Result<(), String> {
    loop {
        let token = match parser.next_including_whitespace_and_comments() {
            Ok(token) => token,
            Err(end) if end.kind == BasicParseErrorKind::EndOfInput => return Ok(()),
            Err(_) => return Err(UNREADABLE.into()),
        };
        let is_one_of = |name: &str, names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        let is_block = match token {
            Token::UnquotedUrl(address) | Token::BadUrl(address) => {
                require_here(address)?;
                false
            }
            Token::Function(name) if name.eq_ignore_ascii_case("url") => {
                let inner = parser.parse_nested_block(|inner| -> Result<Option<String>, ParseError<()>> {
                    Ok(inner.expect_string().ok().map(|address| address.as_ref().to_owned()))
                });
                require_here(&inner.ok().flatten().unwrap_or_default())?;
                false
            }
            Token::Function(name) if is_one_of(name, &FUNCTIONS) => {
                return Err(format!("{name}() is not allowed: a style sheet fetches nothing."));
            }
            Token::AtKeyword(name) if is_one_of(name, &RULES) => {
                return Err(format!("@{name} is not allowed."));
            }
            Token::Ident(name) if is_one_of(name, &PROPERTIES) => {
                return Err(format!("{name} is not allowed."));
            }
            Token::Function(_) | Token::ParenthesisBlock | Token::SquareBracketBlock | Token::CurlyBracketBlock => true,
            _ => false,
        };
        if is_block {
            let mut found = Ok(());
            let read = parser.parse_nested_block(|inner| -> Result<(), ParseError<()>> {
                found = look(inner);
                Ok(())
            });
            found?;
            // The parser goes only so deep: what was not seen is not safe.
            read.map_err(|_| UNREADABLE)?;
        }
    }
}

fn require_here(address: &str) -> Result<(), String> {
    let address = address.trim().to_ascii_lowercase();
    match ADDRESSES.iter().any(|beginning| address.starts_with(beginning)) {
        true => Ok(()),
        false => Err("url() may hold a picture as data:image/… only: a style sheet fetches nothing.".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn sheets_fetch_nothing() {
        for (css, is_safe) in [
            (".a{color:red;background:linear-gradient(red,blue)}", true),
            (".a{background:url(data:image/png;base64,AA==)}", true),
            (".a{background:url(\"data:image/svg+xml,%3Csvg/%3E\")}", true),
            (".a{fill:url(#paint)}", true),
            (".a:hover::before{content:\"\\201c url(x)\"}", true),
            ("@media (max-width:400px){.a{margin:0}}@keyframes k{from{opacity:0}}", true),
            (".a{background:url(https://evil.example/x)}", false),
            (".a{background:url( 'https://evil.example/x' )}", false),
            (".a{background:URL(//evil.example)}", false),
            (".a{background:\\75rl(//evil.example)}", false),
            (".a{background:u\\72l('//evil.example')}", false),
            (".a{background:url()}", false),
            (".a{background:url(data:text/html,x)}", false),
            (".a{background:image-set('//evil.example' 1x)}", false),
            (".a{background:-webkit-image-set('//evil.example' 1x)}", false),
            (".a{background:var(--x, url(//evil.example))}", false),
            ("@media all{.a{background:url(//evil.example)}}", false),
            (":root{--x: url(//evil.example)}", false),
            ("@import '//evil.example';", false),
            ("@\\69mport '//evil.example';", false),
            ("@font-face{font-family:x;src:url(//evil.example)}", false),
            (".a{width:expression(alert(1))}", false),
            (".a{behavior:url(#x)}", false),
            (".a{-moz-binding:none}", false),
            (".a{content:'</style><script>'}", false),
            (".a{background:url(//evil.example", false),
        ] {
            assert_eq!(fault(css).is_none(), is_safe, "{css} {:?}", fault(css));
        }
        for depth in [10, 100, 1_000, 10_000] {
            let deep = format!(".a{{b:{}url(//evil.example){}}}", "(".repeat(depth), ")".repeat(depth));
            assert!(fault(&deep).is_some(), "{depth}");
        }
    }
}
