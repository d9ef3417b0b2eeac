//! What explaining a capture costs, by its parts, in one thread: `measure_explaining FILE`.

use std::fs::File;
use std::hint::black_box;
use std::time::Duration;

use rst_storm_core::capture::{CaptureReader, Frame, FrameSource};
use rst_storm_core::explain::{Briefs, Explainer, Limits, Record};
use rst_storm_core::tcp::Segment;
use rst_storm_core::wire::decode_onto;
use rst_storm_linux::usage::thread_cpu_time;

/// As many as are handed over at once by the command.
const BATCH: usize = 2048;

fn main() {
    let Some(name) = std::env::args_os().nth(1) else {
        eprintln!("usage: measure_explaining FILE");
        return;
    };
    let mut reader = CaptureReader::open(File::open(name).expect("a file")).expect("a capture");
    let mut explainer = Explainer::of_sums(Limits::default());
    let (mut segments, mut briefs) = (Vec::with_capacity(BATCH), Briefs::default());
    let (mut reading, mut finding, mut taking) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut frames, mut taken) = (0, 0u64);
    loop {
        let begun = now();
        read(&mut reader, &mut segments, &mut frames);
        let read = now();
        briefs.find(&segments, &[]);
        let found = now();
        explainer.take(&segments, &[], &briefs, &mut |record: &mut Record| _ = black_box(record));
        reading += read - begun;
        finding += found - read;
        taking += now() - found;
        taken += segments.len() as u64;
        if segments.is_empty() {
            break;
        }
        segments.clear();
    }
    let ended = now();
    let summary = explainer.finish(&mut |record: &mut Record| _ = black_box(record));
    taking += now() - ended;
    for (what, time) in [("read and decoded", reading), ("put together", finding), ("taken and judged", taking)] {
        println!("{what:<20} {:>6.1} ns a segment", time.as_nanos() as f64 / taken.max(1) as f64);
    }
    println!("{taken} segments, {} resets", summary.tally.resets);
}

/// Processor time: what else the machine does is no part of it.
fn now() -> Duration {
    thread_cpu_time().total()
}

fn read(reader: &mut CaptureReader<File>, segments: &mut Vec<Segment>, frames: &mut u64) {
    let mut take = |frame: &Frame<'_>| {
        *frames += 1;
        // What is no segment is nobody's here.
        let _ = decode_onto(segments, frame, *frames);
    };
    let mut left = BATCH;
    loop {
        left -= reader.take_at_hand(left, &mut take);
        let Some(less) = left.checked_sub(1) else { break };
        let Ok(Some(frame)) = reader.next_frame() else { break };
        take(&frame);
        left = less;
    }
}
