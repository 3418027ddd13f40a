//! Text that others wrote, as it may stand in a sentence: one line, of a bounded length, and nothing in it that a terminal or a
//! reader's eye would obey instead of showing.

use core::fmt::{self, Write as _};

/// So many characters of a name are shown, which is more than a definition may have.
const LONGEST_NAME: usize = 256;

/// Text that others wrote, made fit to be shown.
///
/// Whatever [hides](is_hidden) is written as its code, `\u001b`, as JSON writes it; what is longer ends with an ellipsis.
#[derive(Clone, Copy, Debug)]
pub struct Visible<'a> {
    text: &'a str,
    most: usize,
}

/// A name as it may stand in a sentence.
#[must_use]
pub const fn visible(text: &str) -> Visible<'_> {
    Visible { text, most: LONGEST_NAME }
}

impl Visible<'_> {
    /// With at most so many characters.
    #[must_use]
    pub const fn within(self, most: usize) -> Self {
        Self { most, ..self }
    }
}

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, letter) in self.text.chars().enumerate() {
            if at == self.most {
                return f.write_char('…');
            }
            if is_hidden(letter) { write_code(f, letter)? } else { f.write_char(letter)? }
        }
        Ok(())
    }
}

/// Whether this character acts or hides instead of being shown: controls, marks that turn the direction of writing, what has no
/// width, and what breaks a line. The joiners of scripts and of emoji count among them, since two names that differ in them alone
/// look the same.
#[must_use]
pub const fn is_hidden(letter: char) -> bool {
    matches!(
        letter,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Writes a character as JSON writes it, so that a document in which it is written so stays the same document.
///
/// # Errors
///
/// When writing fails.
pub fn write_code(out: &mut impl fmt::Write, letter: char) -> fmt::Result {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        write!(out, "\\u{unit:04x}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn what_a_terminal_or_an_eye_would_obey_is_shown_as_its_code() {
        for (hostile, shown) in [
            ("a\u{1b}[2Jb", "a\\u001b[2Jb"),
            ("\u{1b}]52;c;ZXZpbA==\u{7}", "\\u001b]52;c;ZXZpbA==\\u0007"),
            ("\u{9b}31m", "\\u009b31m"),
            ("two\nlines\r\t", "two\\u000alines\\u000d\\u0009"),
            ("gnp.\u{202e}exe", "gnp.\\u202eexe"),
            ("a\u{2066}b\u{2069}", "a\\u2066b\\u2069"),
            ("zero\u{200b}width\u{feff}", "zero\\u200bwidth\\ufeff"),
            ("tag\u{e0041}", "tag\\udb40\\udc41"),
            ("düsseldorf 日本語 🚀", "düsseldorf 日本語 🚀"),
        ] {
            assert_eq!(visible(hostile).to_string(), shown);
        }
    }

    #[test]
    fn a_long_name_ends_with_an_ellipsis() {
        let long = "x".repeat(1 << 20);
        assert_eq!(visible(&long).to_string().chars().count(), LONGEST_NAME + 1);
        assert!(visible(&long).within(3).to_string().ends_with("xxx…"));
        assert_eq!(visible("abc").within(3).to_string(), "abc");
    }
}
