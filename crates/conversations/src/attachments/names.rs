//! What files are called and what they are. Both come from the name alone: what a sender claims is not trusted.

use frontdesk_model::invisible::is_invisible;

/// Longer file names are cut, and keep their extension.
const FILENAME_CHARACTERS_MAX: usize = 255;
/// Whatever is longer behind the last dot is no extension.
const EXTENSION_CHARACTERS_MAX: usize = 16;

/// What a file is when its extension tells nothing.
const UNKNOWN: &str = "application/octet-stream";

/// Media types by extension. Types that browsers run as pages, such as HTML, are left out on purpose.
const TYPES: &[(&str, &str)] = &[
    ("3gp", "video/3gpp"),
    ("aac", "audio/aac"),
    ("amr", "audio/amr"),
    ("avi", "video/x-msvideo"),
    ("bmp", "image/bmp"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docm", "application/vnd.ms-word.document.macroenabled.12"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("dotm", "application/vnd.ms-word.template.macroenabled.12"),
    ("dotx", "application/vnd.openxmlformats-officedocument.wordprocessingml.template"),
    ("eml", "message/rfc822"),
    ("flv", "video/x-flv"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("heic", "image/heic"),
    ("ics", "text/calendar"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("key", "application/vnd.apple.keynote"),
    ("log", "text/plain"),
    ("m4a", "audio/mp4"),
    ("m4v", "video/x-m4v"),
    ("mkv", "video/x-matroska"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpeg", "video/mpeg"),
    ("mpeg4", "video/mp4"),
    ("mpg", "video/mpeg"),
    ("msg", "application/vnd.ms-outlook"),
    ("numbers", "application/vnd.apple.numbers"),
    ("odp", "application/vnd.oasis.opendocument.presentation"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("ogg", "audio/ogg"),
    ("otp", "application/vnd.oasis.opendocument.presentation-template"),
    ("ott", "application/vnd.oasis.opendocument.text-template"),
    ("pages", "application/vnd.apple.pages"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("pot", "application/vnd.ms-powerpoint"),
    ("pps", "application/vnd.ms-powerpoint"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("qt", "video/quicktime"),
    ("rtf", "application/rtf"),
    ("svg", "image/svg+xml"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("txt", "text/plain"),
    ("vcard", "text/vcard"),
    ("vcf", "text/vcard"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("wmv", "video/x-ms-wmv"),
    ("xlc", "application/vnd.ms-excel"),
    ("xlm", "application/vnd.ms-excel"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsm", "application/vnd.ms-excel.sheet.macroenabled.12"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xlt", "application/vnd.ms-excel"),
    ("xltm", "application/vnd.ms-excel.template.macroenabled.12"),
    ("xltx", "application/vnd.openxmlformats-officedocument.spreadsheetml.template"),
    ("zip", "application/zip"),
];

/// A name that shows as it is and stays where it is put: the last component of whatever path was given, without control
/// characters and without those that are invisible or turn the direction of the text. Never empty.
pub(super) fn clean(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|c| !is_invisible(*c)).collect();
    let name = shown.trim();
    if name.chars().all(|c| c == '.') {
        return "file".to_owned();
    }
    if name.chars().count() <= FILENAME_CHARACTERS_MAX {
        return name.to_owned();
    }
    let end = match extension(name) {
        none if none.is_empty() => String::new(),
        extension => format!(".{extension}"),
    };
    let start: String = name.chars().take(FILENAME_CHARACTERS_MAX - end.len()).collect();
    start + &end
}

/// What stands behind the last dot, in lower case; empty when that is no extension.
pub(super) fn extension(filename: &str) -> String {
    let Some((start, end)) = filename.rsplit_once('.') else { return String::new() };
    let is_extension = !start.is_empty()
        && (1..=EXTENSION_CHARACTERS_MAX).contains(&end.len())
        && end.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_extension { end.to_ascii_lowercase() } else { String::new() }
}

/// The media type of a file with this extension. `kind_hint` decides about containers that hold sound or pictures.
pub(super) fn content_type(extension: &str, kind_hint: Option<&str>) -> &'static str {
    match (extension, kind_hint) {
        ("mp4" | "mpeg4", Some("audio")) => "audio/mp4",
        ("webm", Some("audio")) => "audio/webm",
        ("ogg", Some("video")) => "video/ogg",
        _ => TYPES.iter().find(|(known, _)| *known == extension).map_or(UNKNOWN, |(_, content_type)| content_type),
    }
}

/// Whether a file's extension says what it is.
pub(super) fn is_known(extension: &str) -> bool {
    TYPES.iter().any(|(known, _)| *known == extension)
}

/// The media type that a third party claims, if it is one that a known extension would give as well.
pub(super) fn claimed_type(claim: &str) -> Option<&'static str> {
    let essence = claim.split(';').next().unwrap_or_default().trim();
    TYPES.iter().map(|(_, content_type)| *content_type).find(|known| known.eq_ignore_ascii_case(essence))
}

/// What channels call a file of this media type.
pub(super) fn kind(content_type: &str) -> &'static str {
    match content_type.split('/').next() {
        Some("image") => "image",
        Some("video") => "video",
        Some("audio") => "audio",
        _ => "file",
    }
}

/// Whether a source of this security level lets a file of this type through: strict takes images and media,
/// relaxed also documents, permissive anything.
pub(super) fn is_allowed(level: &str, content_type: &str) -> bool {
    match level {
        "strict" => kind(content_type) != "file",
        "relaxed" => content_type != UNKNOWN,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn file_names_are_cleaned() {
        for (given, expected) in [
            ("", "file"),
            (".", "file"),
            ("...", "file"),
            ("  ", "file"),
            ("a/", "file"),
            ("\u{202e}\u{200b}", "file"),
            ("invoice.pdf", "invoice.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\vera\\été 1.png", "été 1.png"),
            ("a\r\nSet-Cookie: x\u{1b}.png", "aSet-Cookie: x.png"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("zero\u{200b}width\u{feff}.txt", "zerowidth.txt"),
            (" .profile ", ".profile"),
        ] {
            assert_eq!(clean(given), expected, "{given:?}");
        }
    }

    #[test]
    fn long_names_are_cut_before_their_extension() {
        let cut = clean(&format!("{}.pdf", "é".repeat(300)));
        assert_eq!((cut.chars().count(), cut.ends_with("é.pdf")), (FILENAME_CHARACTERS_MAX, true));
        assert_eq!(clean(&"x".repeat(300)).len(), FILENAME_CHARACTERS_MAX);
    }

    #[test]
    fn extensions_are_the_end_of_the_name() {
        for (filename, expected) in [
            ("a.PDF", "pdf"),
            ("a.tar.gz", "gz"),
            ("a", ""),
            ("a.", ""),
            (".profile", ""),
            ("a.b c", ""),
            ("a.é", ""),
            ("a.12345678901234567", ""),
        ] {
            assert_eq!(extension(filename), expected, "{filename}");
        }
    }

    #[test]
    fn types_come_from_the_extension_and_the_hint() {
        for (extension, hint, expected, kind_expected) in [
            ("png", None, "image/png", "image"),
            ("mp4", None, "video/mp4", "video"),
            ("mp4", Some("audio"), "audio/mp4", "audio"),
            ("mp4", Some("video"), "video/mp4", "video"),
            ("png", Some("audio"), "image/png", "image"),
            ("html", None, UNKNOWN, "file"),
            ("js", None, UNKNOWN, "file"),
            ("", None, UNKNOWN, "file"),
            ("pdf", None, "application/pdf", "file"),
        ] {
            let found = content_type(extension, hint);
            assert_eq!((found, kind(found)), (expected, kind_expected), "{extension} {hint:?}");
        }
    }

    #[test]
    fn security_levels_let_through_what_they_say() {
        for (content_type, strict, relaxed) in [
            ("image/png", true, true),
            ("audio/mp4", true, true),
            ("application/pdf", false, true),
            (UNKNOWN, false, false),
        ] {
            let allowed = ["strict", "relaxed", "permissive"].map(|level| is_allowed(level, content_type));
            assert_eq!(allowed, [strict, relaxed, true], "{content_type}");
        }
    }

    #[test]
    fn only_known_types_are_believed() {
        assert_eq!(claimed_type("IMAGE/JPEG; q=1"), Some("image/jpeg"));
        for claim in ["text/html", "", "application/javascript", "image/png\r\nx: y"] {
            assert_eq!(claimed_type(claim), None, "{claim}");
        }
    }

    #[test]
    fn the_table_is_in_order_and_holds_nothing_that_runs() {
        assert!(TYPES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(
            !TYPES.iter().any(|(_, content_type)| content_type.contains("html") || content_type.contains("script"))
        );
    }

    proptest! {
        #[test]
        fn any_name_becomes_a_harmless_one(given in "(\\PC|[./\\\\ \n\u{202e}]){0,400}") {
            let name = clean(&given);
            prop_assert!(!name.is_empty() && name.chars().count() <= FILENAME_CHARACTERS_MAX);
            prop_assert!(!name.contains(['/', '\\']) && name != "." && name != "..");
            prop_assert!(!name.chars().any(is_invisible));
            prop_assert_eq!(clean(&name), name);
        }
    }
}
