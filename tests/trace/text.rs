//! A trace for people.

use rst_storm::report::explain::layout::Page;
use rst_storm::report::style::Style;
use rst_storm::report::trace::text;
use rst_storm::watch::KernelTally;
use rst_storm_core::capture::Timestamp;
use rst_storm_core::kernel::{Life, Name};

use crate::{linger_zero, refusal, taken};

#[test]
fn a_line_tells_all_and_fits() {
    let page = Page::new(Style::Plain);
    let mut dying = linger_zero();
    dying.life = Life::Dying { signal: Some(11) };
    dying.stack.clear();
    let told = [linger_zero(), refusal(), taken(), dying].map(|reset| text::reset(&reset, &page)).concat();
    assert_eq!(
        told,
        "11:08:43.123456 sent   10.0.1.2:9999 > 10.0.1.1:40000 TCP_STATE TCP_CLOSE active\n\
         \x20                      server[41]: close-linger-zero\n\
         \x20                      tcp_disconnect < __tcp_close\n\
         11:08:43.123456 sent   [2001:db8::2]:7 > [2001:db8::1]:40001 NO_SOCKET reply:\n\
         \x20                      no-socket\n\
         11:08:43.123456 taken  [2001:db8::2]:7 > [2001:db8::1]:40001\n\
         11:08:43.123456 sent   10.0.1.2:9999 > 10.0.1.1:40000 TCP_STATE TCP_CLOSE active\n\
         \x20                      server[41], killed by signal 11: close-linger-zero or\n\
         \x20                      disconnect\n"
    );
    assert!(told.lines().all(|line| line.len() <= 80), "{told}");
}

#[test]
fn colours_change_no_words_and_names_move_no_cursor() {
    let mut reset = linger_zero();
    if let Some(process) = &mut reset.process {
        process.comm = Some(Name::from("a\x1b[2Jb"));
    }
    let plain = text::reset(&reset, &Page::new(Style::Plain));
    assert!(!plain.contains('\x1b') && plain.contains("a\\u{1b}[2Jb[41]"), "{plain}");
    let mut coloured = text::reset(&reset, &Page::new(Style::Coloured));
    assert!(coloured.contains("\x1b["));
    for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[36m"] {
        coloured = coloured.replace(code, "");
    }
    assert_eq!(coloured, plain);
}

#[test]
fn the_summary_counts() {
    let mut tally = KernelTally::default();
    for reset in [linger_zero(), refusal(), refusal(), taken()] {
        tally.tell(&reset);
    }
    tally.leave_out();
    let told = text::summary(&tally.summary(Timestamp(0), 1234), &Page::new(Style::Plain));
    assert_eq!(
        told,
        "\n3 resets sent and 1 taken in; 1 left out by the filter, 1,234 records lost\n\
         \x20         2  no-socket\n\
         \x20         1  close-linger-zero\n"
    );
}
