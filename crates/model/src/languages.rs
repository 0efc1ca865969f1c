//! Languages of people, as far as work is shared out by them.

/// Whether one who speaks `spoken` understands `wanted`: `fr` and `fr-CH` understand each other. Both are codes of
/// `/locales`; case and the sign between the parts do not matter.
pub fn speaks(spoken: &str, wanted: &str) -> bool {
    let general = |language: &str| language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    general(spoken) == general(wanted)
}

#[cfg(test)]
mod tests {
    use super::speaks;

    #[test]
    fn countries_do_not_part_who_speaks_the_same() {
        for (spoken, wanted, expected) in [
            ("fr", "fr", true),
            ("fr", "fr-CH", true),
            ("fr-CA", "FR_ch", true),
            ("fr", "de", false),
            ("fr", "fro", false),
            ("pt-BR", "pt-PT", true),
        ] {
            assert_eq!(speaks(spoken, wanted), expected, "{spoken} {wanted}");
            assert_eq!(speaks(wanted, spoken), expected, "{wanted} {spoken}");
        }
    }
}
