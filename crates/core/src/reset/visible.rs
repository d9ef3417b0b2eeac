//! Text from the wire that is safe to print.

use core::fmt::{self, Write};

/// Characters of a text that are shown in one line.
const SHOWN_CHARACTERS: usize = 160;

/// The octets as text, without the zeros at their end; `None` if they are none. What was `cut` may end within a character.
pub(super) fn text(octets: &[u8], cut: bool) -> Option<&str> {
    let end = octets.iter().rposition(|octet| *octet != 0)? + 1;
    let octets = &octets[..end];
    let text = match str::from_utf8(octets) {
        Ok(text) => text,
        Err(error) if cut && error.error_len().is_none() => str::from_utf8(&octets[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let is_text = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\x1b');
    (text.chars().all(is_text) && text.contains(|c: char| !c.is_control() && !c.is_whitespace())).then_some(text)
}

/// The text with everything escaped that isn't plainly visible, as Rust would write it: `\n`, `\u{1b}`, `\\`.
///
/// It is at most six times as long.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' => escaped.push(c),
            _ => escaped.extend(c.escape_debug()),
        }
    }
    escaped
}

/// The beginning of a text, with a mark where it goes on.
pub(super) struct Shortened<'a>(pub(super) &'a str);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN_CHARACTERS) {
            Some((end, _)) => {
                f.write_str(&self.0[..end])?;
                f.write_char('…')
            }
            None => f.write_str(self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{escape, text};

    #[test]
    fn words_are_text_and_records_are_not() {
        assert_eq!(text(b"No listener", false), Some("No listener"));
        assert_eq!(text(b"Access Denied\r\n\0\0", false), Some("Access Denied\r\n"));
        assert_eq!(text("zurückgesetzt".as_bytes(), false), Some("zurückgesetzt"));
        // A TLS alert, zeros, white space, and octets that are no UTF-8.
        for other in [&[0x15, 3, 3, 0, 2, 2, 0x28][..], &[0; 9], b" \r\n", &[0xff, b'a'], b""] {
            assert_eq!(text(other, false), None, "{other:x?}");
        }
    }

    #[test]
    fn a_cut_text_may_end_within_a_character() {
        let cut = &"ab ü".as_bytes()[..4];
        assert_eq!(text(cut, true), Some("ab "));
        assert_eq!(text(cut, false), None);
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(escape("\x1b[31m\r\n\t"), r"\u{1b}[31m\r\n\t");
        assert_eq!(escape("\u{202e}\u{9b}\u{2028}\u{feff}"), r"\u{202e}\u{9b}\u{2028}\u{feff}");
        assert_eq!(escape(r#"it's "so" ü \"#), r#"it's "so" ü \\"#);
    }
}
