//! Text that others chose, such as a file's name, made safe to print.

use std::fmt::{self, Display, Write};

/// A text whose characters that a terminal would obey are escaped: what moves its cursor, or turns its line around.
#[derive(Clone, Copy, Debug)]
pub struct Visible<'a>(pub &'a str);

impl Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| if obeyed(c) { c.escape_default().fmt(f) } else { f.write_char(c) })
    }
}

/// Control characters, separators of lines, and marks of direction (Unicode Standard Annex 9).
fn obeyed(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::Visible;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        let text = Visible("a\x1b[2J\u{9b}\u{202e}\n").to_string();
        assert_eq!(text, r"a\u{1b}[2J\u{9b}\u{202e}\n");
        assert_eq!(Visible("it's zurück: C:\\a.pcap").to_string(), "it's zurück: C:\\a.pcap");
    }
}
