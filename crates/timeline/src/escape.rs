//! What comes from a picture is never read as markup: text is escaped, and so are the characters of JSON that could end a script.

use std::io::{self, Write};

/// Text as it may stand in an element or between the double quotes of an attribute.
pub(crate) fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Takes JSON, and writes it so that it can stand in a `script` element: no `<` and no `>`, so no tag and no comment begins or
/// ends in it. In JSON these occur within strings only, where an escape means the same.
pub(crate) struct InScript<W>(pub(crate) W);

impl<W: Write> Write for InScript<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| matches!(byte, b'<' | b'>' | b'&')) {
            let (last, rest) = part.split_last().map_or((None, part), |(last, rest)| (Some(*last), rest));
            let escape: &[u8] = match last {
                Some(b'<') => b"\\u003c",
                Some(b'>') => b"\\u003e",
                Some(b'&') => b"\\u0026",
                _ => {
                    self.0.write_all(part)?;
                    continue;
                }
            };
            self.0.write_all(rest)?;
            self.0.write_all(escape)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_holds_no_markup() {
        assert_eq!(text("</title><a b=\"'&"), "&lt;/title&gt;&lt;a b=&quot;&#39;&amp;");
    }

    #[test]
    fn json_in_a_script_means_the_same_and_holds_no_tag() {
        let names = ["</script><img onerror=alert(1)>", "<!--", "a & b", "żółw \u{2028}"];
        let mut written = Vec::new();
        serde_json::to_writer(InScript(&mut written), &names).unwrap();
        let text = String::from_utf8(written).unwrap();
        assert!(!text.contains(['<', '>', '&']), "{text}");
        let read: Vec<String> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, names);
    }
}
