//! The rules for names that a person makes up: of experiments and of phases. Each rule stands once, in words, as a test
//! and as a pattern for editors.

/// Longest name in characters.
pub const MAX_NAME: usize = 64;

/// What a name may be.
#[derive(Debug)]
pub struct NameRule {
    /// The rule in words.
    pub words: &'static str,
    /// The rule as a regular expression (ECMA-262).
    pub pattern: &'static str,
    /// Whether a digit may come first.
    digit_first: bool,
    /// What may follow the first character, besides letters and digits.
    signs: &'static str,
}

/// Name of an experiment: part of folders, charts and tables.
pub static LABEL: NameRule = NameRule {
    words: "a-z, 0-9, `.`, `_`, `-`, beginning with a letter or digit, at most 64 characters",
    pattern: "^[a-z0-9][a-z0-9._-]{0,63}$",
    digit_first: true,
    signs: "._-",
};

/// Name of a phase: also part of key paths, so without dots.
pub static PHASE_NAME: NameRule = NameRule {
    words: "a-z, 0-9, `_`, `-`, beginning with a letter, at most 64 characters",
    pattern: "^[a-z][a-z0-9_-]{0,63}$",
    digit_first: false,
    signs: "_-",
};

impl NameRule {
    /// Whether a word may be such a name.
    #[must_use]
    pub fn accepts(&self, word: &str) -> bool {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let starts =
            word.starts_with(|c: char| plain(c) && (self.digit_first || !c.is_ascii_digit()));
        starts && word.len() <= MAX_NAME && word.chars().all(|c| plain(c) || self.signs.contains(c))
    }

    /// The name that a word was probably meant to be: small letters, and a sign in place of what is not allowed.
    #[must_use]
    pub fn nearest(&self, word: &str) -> Option<String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let letter = |c: char| match c {
            c if plain(c) || self.signs.contains(c) => c,
            _ => '-',
        };
        let fixed: String = word
            .to_lowercase()
            .chars()
            .map(letter)
            .take(MAX_NAME)
            .collect();
        let fixed = fixed.trim_matches(['-', '_', '.']);
        self.accepts(fixed).then(|| fixed.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_phase_names_are_told_apart() {
        for (word, label, phase) in [
            ("keras-supcon", true, true),
            ("v1.2_a", true, false),
            ("3", true, false),
            ("", false, false),
            ("-a", false, false),
            ("A", false, false),
            ("a b", false, false),
            ("\u{e4}", false, false),
        ] {
            assert_eq!(LABEL.accepts(word), label, "{word}");
            assert_eq!(PHASE_NAME.accepts(word), phase, "{word}");
        }
        assert!(LABEL.accepts(&"a".repeat(MAX_NAME)) && !LABEL.accepts(&"a".repeat(MAX_NAME + 1)));
    }

    #[test]
    fn words_and_patterns_name_the_same_length() {
        for rule in [&LABEL, &PHASE_NAME] {
            assert!(rule.words.contains(&format!("at most {MAX_NAME} ")));
            assert!(rule.pattern.ends_with(&format!("{{0,{}}}$", MAX_NAME - 1)));
        }
    }
}
