//! Processors that are kept from idling, where what happens on an idle one isn't handed over.
//!
//! Seen with Linux 6.18 (docs/trace.md): a counter has the passages during which a processor's idle task is current, and the ring
//! never gets their samples. While any other thread is there to run, the idle task isn't current.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rst_storm_core::kernel::Format;
use rst_storm_linux::processors::{give_way, online, stay_on};
use rst_storm_linux::tracepoint::{LONGEST_UNDER_WAY, Tracefs, TracepointConfig, Tracepoints};

/// How often a thread sleeps on each processor, and how long. A timer wakes it, and interrupts the idle task, if nobody else is
/// there.
const SLEEPS: u32 = 8;
const SLEEP: Duration = Duration::from_millis(1);

/// Threads that do nothing, on as many processors, and give way to everybody. They end with this value, each as soon as it runs
/// again: that isn't waited for, as on a busy processor it may take long.
#[derive(Debug, Default)]
pub(super) struct Wakefulness {
    _wanted: Arc<()>,
}

impl Wakefulness {
    /// Keeps those processors awake of which it isn't shown that their idle task's samples arrive. Where that can't be found out,
    /// or a thread may not have its processor or be of the lowest rank, it is done without.
    pub(super) fn where_needed() -> Wakefulness {
        let wanted = Arc::default();
        for processor in unheard_when_idle().unwrap_or_default() {
            let wanted = Arc::downgrade(&wanted);
            let stay_awake = move || {
                if stay_on(processor).is_ok() && give_way().is_ok() {
                    while wanted.strong_count() > 0 {
                        std::hint::spin_loop();
                    }
                }
            };
            // Where no thread can be started, it is done without too.
            let _ = thread::Builder::new().name(format!("awake-{processor}")).spawn(stay_awake);
        }
        Wakefulness { _wanted: wanted }
    }
}

/// The processors that lost a waking of tasks while a thread went to sleep on each a few times, and those of which none came that
/// interrupted the idle task; of those only that a thread of ours may be on. `None` where it can't be tried.
fn unheard_when_idle() -> Option<Vec<u32>> {
    let text = Tracefs::open().ok()?.format("sched", "sched_wakeup").ok()??;
    let format = Format::parse(&text).ok()?;
    // Not the sample's: in a pid namespace that one is 0 for all tasks of others too.
    let interrupted = format.field("common_pid")?;
    let mut tracepoints = Tracepoints::open(&TracepointConfig { ids: vec![format.id], with_stack: Vec::new() }).ok()?;
    let processors = online().ok()?;
    let tried: Vec<u32> = thread::scope(|scope| {
        let threads: Vec<_> = processors.iter().map(|&processor| scope.spawn(move || sleep_on(processor))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
    });
    tracepoints.stop().ok()?;
    thread::sleep(LONGEST_UNDER_WAY);
    let mut heard = HashSet::new();
    tracepoints.read(|sample| {
        if interrupted.number(sample.raw) == Some(0) {
            heard.insert(sample.cpu);
        }
    });
    let lossy: HashSet<u32> =
        tracepoints.lost_by_processor().filter(|(_, lost)| *lost > 0).map(|(processor, _)| processor).collect();
    Some(tried.into_iter().filter(|processor| lossy.contains(processor) || !heard.contains(processor)).collect())
}

/// Sleeps there a few times; `None` where it may not be there.
fn sleep_on(processor: u32) -> Option<u32> {
    stay_on(processor).ok()?;
    (0..SLEEPS).for_each(|_| thread::sleep(SLEEP));
    Some(processor)
}
