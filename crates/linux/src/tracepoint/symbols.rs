//! The kernel's functions by address, from /proc/kallsyms.

use std::fs;

use crate::error::{During, Result};

/// Where the kernel lists them.
pub const KALLSYMS: &str = "/proc/kallsyms";

/// The kernel's functions, in the order of their addresses.
#[derive(Clone, Debug)]
pub struct Symbols {
    functions: Vec<(u64, String)>,
}

impl Symbols {
    /// Reads them all. There are none where the kernel hides addresses (kernel.kptr_restrict, or no CAP_SYSLOG).
    pub fn read() -> Result<Symbols> {
        let text = fs::read_to_string(KALLSYMS).during("read", KALLSYMS)?;
        Ok(Symbols::parse(&text))
    }

    /// Those of a text of that form: `ffffffff81000000 T _stext`, with a module's name in brackets behind.
    pub fn parse(text: &str) -> Symbols {
        let function = |line: &str| {
            let mut words = line.split_ascii_whitespace();
            let address = u64::from_str_radix(words.next()?, 16).ok()?;
            let kind = words.next()?;
            let is_code = matches!(kind, "t" | "T" | "w" | "W");
            (address != 0 && is_code).then_some(())?;
            Some((address, words.next()?.to_owned()))
        };
        let mut functions: Vec<(u64, String)> = text.lines().filter_map(function).collect();
        functions.sort_by_key(|(address, _)| *address);
        Symbols { functions }
    }

    /// Whether the kernel hides its addresses.
    pub fn are_hidden(&self) -> bool {
        self.functions.is_empty()
    }

    /// The function in which an address lies; `None` below the first. A compiler's suffix (`.isra.0`, `.cold`) is left out.
    pub fn function(&self, address: u64) -> Option<&str> {
        let behind = self.functions.partition_point(|(start, _)| *start <= address);
        let (_, name) = self.functions.get(behind.checked_sub(1)?)?;
        name.split('.').next().filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::Symbols;

    #[test]
    fn addresses_lie_in_functions() {
        let symbols = Symbols::parse(
            "ffffffff81000200 t tcp_abort\nffffffff81000100 T tcp_close.part.0\nffffffff81000300 d data\n\
             ffffffffc0000000 t inside\t[module]\nnonsense\n",
        );
        for (address, name) in [
            (0xffff_ffff_8100_00ff, None),
            (0xffff_ffff_8100_0100, Some("tcp_close")),
            (0xffff_ffff_8100_01ff, Some("tcp_close")),
            (0xffff_ffff_8100_0301, Some("tcp_abort")),
            (0xffff_ffff_c000_0001, Some("inside")),
        ] {
            assert_eq!(symbols.function(address), name, "{address:x}");
        }
        assert!(!symbols.are_hidden());
    }

    #[test]
    fn hidden_addresses_are_none() {
        assert!(Symbols::parse("0000000000000000 T _stext\n0000000000000000 T tcp_close\n").are_hidden());
    }
}
