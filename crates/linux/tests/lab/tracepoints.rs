//! What the kernel counts and what it hands over.

use std::collections::HashMap;
use std::time::Duration;

use rst_storm_core::kernel::Format;
use rst_storm_linux::processors::{online, stay_on};
use rst_storm_linux::tracepoint::{LONGEST_UNDER_WAY, Tracefs, TracepointConfig, Tracepoints};

use crate::{Case, Outcome};

pub const ALL: [Case; 1] = [("each_waking_is_handed_over_or_lost", each_waking_is_handed_over_or_lost)];

/// How often a thread sleeps on each processor.
const SLEEPS: u64 = 20;

/// The timer that wakes a thread interrupts the idle task, where nobody else is there: kernels have been seen to hand over none of
/// these of one processor, and all of another (Linux 6.18).
fn each_waking_is_handed_over_or_lost() -> Outcome {
    let text = match Tracefs::open().and_then(|tracefs| tracefs.format("sched", "sched_wakeup")) {
        Ok(Some(text)) => text,
        Ok(None) => return Outcome::Skipped("this kernel has no tracepoint sched_wakeup".to_owned()),
        Err(error) => return Outcome::Skipped(error.to_string()),
    };
    let format = Format::parse(&text).unwrap();
    let woken = format.field("comm").unwrap();
    let mut tracepoints = match Tracepoints::open(&TracepointConfig { ids: vec![format.id], with_stack: Vec::new() }) {
        Ok(tracepoints) => tracepoints,
        Err(error) => return Outcome::Skipped(error.to_string()),
    };
    // Known by their names: the record's numbers are those of the first pid namespace.
    let name = |processor: u32| format!("w{processor}-{}", std::process::id());
    let sleeps_on = |processor: &u32| {
        let processor = *processor;
        let sleep = move || {
            let stays = stay_on(processor).is_ok();
            (0..SLEEPS).for_each(|_| std::thread::sleep(Duration::from_millis(1)));
            stays
        };
        std::thread::Builder::new().name(name(processor)).spawn(sleep).unwrap().join().unwrap()
    };
    let tried: Vec<u32> = online().unwrap().into_iter().filter(sleeps_on).collect();
    assert!(!tried.is_empty());
    tracepoints.stop().unwrap();
    std::thread::sleep(LONGEST_UNDER_WAY);
    let mut handed_over = HashMap::<String, u64>::new();
    tracepoints.read(|sample| {
        let name = woken.octets(sample.raw).unwrap().split(|octet| *octet == 0).next().unwrap();
        *handed_over.entry(String::from_utf8_lossy(name).into_owned()).or_default() += 1;
    });
    let lost = tracepoints.lost();
    assert_eq!(tracepoints.lost_by_processor().map(|(_, lost)| lost).sum::<u64>(), lost);
    for processor in tried {
        let came = handed_over.get(&name(processor)).copied().unwrap_or(0);
        assert!(came + lost >= SLEEPS, "{came} of {SLEEPS} of processor {processor} handed over, {lost} lost");
    }
    tracepoints.read(|_| panic!("nothing is counted any more"));
    assert_eq!(tracepoints.lost(), lost);
    Outcome::Passed
}
