//! Which resets are asked for.

use rst_storm::watch::Filter;

use crate::{linger_zero, refusal, taken};

#[test]
fn a_filter_keeps_what_all_of_it_wants() {
    let none = Filter::default();
    let filter = |change: fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    };
    for (filter, expected) in [
        (none, [true, true, true]),
        (filter(|filter| filter.pids = vec![40, 41]), [true, false, false]),
        (filter(|filter| filter.pids = vec![42]), [false, false, false]),
        (filter(|filter| filter.ports = vec![40001]), [false, true, true]),
        (filter(|filter| filter.ports = vec![9999, 7]), [true, true, true]),
        (filter(|filter| filter.hosts = vec!["2001:db8::1".parse().expect("an address")]), [false, true, true]),
        (filter(|filter| filter.reasons = vec!["NO_SOCKET".into()]), [false, true, false]),
        (
            filter(|filter| {
                filter.reasons = vec!["TCP_STATE".into()];
                filter.ports = vec![7];
            }),
            [false, false, false],
        ),
    ] {
        let kept = [linger_zero(), refusal(), taken()].map(|reset| filter.keeps(&reset));
        assert_eq!(kept, expected, "{filter:?}");
        assert_eq!(filter.is_empty(), filter == Filter::default());
    }
}
