//! The page: items with hanging indents, wrapped at 80 columns, coloured where that is wanted.

use crate::report::style::Style;

/// How wide a line may be.
const COLUMNS: usize = 80;

/// Where the text of an item begins.
const INDENT: usize = 10;

/// What a piece of text is, as far as colour goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// A heading.
    Strong,
    /// What was found.
    Finding,
    /// What did harm.
    Bad,
    /// Beside the point.
    Faint,
}

/// How text is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    style: Style,
}

impl Page {
    /// A page of this style.
    pub fn new(style: Style) -> Page {
        Page { style }
    }

    /// The text in its colour.
    pub fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Strong => "1",
            Ink::Finding => "36",
            Ink::Bad => "31",
            Ink::Faint => "2",
        };
        match self.style {
            Style::Plain => text.to_owned(),
            Style::Coloured => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }

    /// A labelled item.
    pub fn item(&self, label: &str, text: &str) -> String {
        let first = format!("  {label:<width$}", width = INDENT - 2);
        wrap(&first, INDENT, text)
    }

    /// A name and what it is about, the names in a column of their own.
    pub fn row(&self, name: &str, text: &str) -> String {
        wrap(&format!("{name}  "), width(name) + 2, text)
    }

    /// A point below an item.
    pub fn point(&self, text: &str) -> String {
        wrap(&format!("{:INDENT$}- ", ""), INDENT + 2, text)
    }

    /// A line that begins at the margin, as far as it is one.
    pub fn heading(&self, text: &str) -> String {
        wrap("", 2, text)
    }

    /// A paragraph.
    pub fn paragraph(&self, text: &str) -> String {
        wrap("  ", 2, text)
    }
}

/// Words after `first`, with all further lines indented.
fn wrap(first: &str, indent: usize, text: &str) -> String {
    let mut wrapped = first.to_owned();
    let mut column = width(first);
    let mut fresh = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let wide = width(word);
        if !fresh && column + 1 + wide > COLUMNS {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            column = indent;
            fresh = true;
        }
        if !fresh {
            wrapped.push(' ');
            column += 1;
        }
        column = push_broken(&mut wrapped, word, column, indent);
        fresh = false;
    }
    wrapped.push('\n');
    wrapped
}

/// Appends a word from this column on, broken where it is wider than the rest of the line; gives the column after it.
fn push_broken(wrapped: &mut String, word: &str, mut column: usize, indent: usize) -> usize {
    let mut escape = false;
    for c in word.chars() {
        escape |= c == '\x1b';
        if !escape && column == COLUMNS {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            column = indent;
        }
        wrapped.push(c);
        column += usize::from(!escape);
        escape &= c != 'm';
    }
    column
}

/// The columns that a word takes on a terminal: colours take none.
fn width(word: &str) -> usize {
    let mut columns = 0;
    let mut escape = false;
    for c in word.chars() {
        match c {
            '\x1b' => escape = true,
            'm' if escape => escape = false,
            _ if !escape => columns += 1,
            _ => {}
        }
    }
    columns
}

/// A number with its thousands apart: `440,000`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share of a whole in percent, with `<1` and `>99` where rounding would lie.
pub fn percent(part: u64, whole: u64) -> String {
    match (part * 100).checked_div(whole) {
        None => "-".to_owned(),
        Some(0) if part > 0 => "<1 %".to_owned(),
        Some(share) if share == 99 && part * 100 != 99 * whole => ">99 %".to_owned(),
        Some(share) => format!("{share} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, percent, thousands};
    use crate::report::style::Style;

    #[test]
    fn long_items_hang() {
        let page = Page::new(Style::Plain);
        let text = page.item("why", &"word ".repeat(20));
        assert_eq!(text.lines().map(str::len).collect::<Vec<_>>(), [79, 39]);
        assert!(text.lines().nth(1).expect("two lines").starts_with("          word"));
    }

    #[test]
    fn a_word_that_fits_no_line_is_broken() {
        let page = Page::new(Style::Coloured);
        let text = page.item("says", &format!("ab {}", page.ink(super::Ink::Bad, &"x".repeat(140))));
        let widths: Vec<usize> = text.lines().map(super::width).collect();
        assert_eq!(widths, [12, 80, 80]);
        assert_eq!(text.matches('x').count(), 140);
    }

    #[test]
    fn colours_take_no_columns() {
        let page = Page::new(Style::Coloured);
        let text = page.item("why", &page.ink(super::Ink::Bad, &"word ".repeat(14)));
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn numbers_are_apart_by_thousands() {
        assert_eq!((thousands(7).as_str(), thousands(440_000).as_str()), ("7", "440,000"));
        assert_eq!(thousands(1_760_000), "1,760,000");
    }

    #[test]
    fn shares_do_not_round_to_all_or_nothing() {
        for (part, whole, text) in
            [(0, 0, "-"), (0, 5, "0 %"), (1, 1000, "<1 %"), (999, 1000, ">99 %"), (5, 5, "100 %")]
        {
            assert_eq!(percent(part, whole), text);
        }
    }
}
