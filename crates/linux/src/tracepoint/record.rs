//! The body of a perf record into a sample: who, when, where, the call chain, and the tracepoint's own octets.

const PERF_RECORD_LOST: u32 = 2;
const PERF_RECORD_SAMPLE: u32 = 9;

/// Call chains have marks between their parts, numbers near the end of all (enum perf_callchain_context).
const MARKS: u64 = (-4095_i64).cast_unsigned();

/// One passage of a tracepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample<'a> {
    /// Nanoseconds of CLOCK_MONOTONIC.
    pub at: u64,
    /// The running process, in the opener's pid namespace; 0 where it isn't in it, or for the idle task.
    pub pid: i32,
    /// The running thread.
    pub tid: i32,
    /// The processor.
    pub cpu: u32,
    /// The tracepoint's number: the record's common_type.
    pub id: u16,
    /// The tracepoint's record, as its format file describes it.
    pub raw: &'a [u8],
    /// Return addresses in the kernel, innermost first; empty where no call chain was asked for.
    pub chain: &'a [u64],
}

/// What a record is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    Sample(Sample<'a>),
    /// So many records found no room before this one.
    Lost(u64),
    Other,
}

/// Reads a record's body. What doesn't fit is `Other`.
pub(super) fn read_record<'a>(kind: u32, body: &'a [u8], chain: &'a mut Vec<u64>) -> Record<'a> {
    match kind {
        PERF_RECORD_SAMPLE => sample(body, chain).map_or(Record::Other, Record::Sample),
        PERF_RECORD_LOST => {
            let mut body = body;
            let count = word(&mut body).and_then(|_id| word(&mut body));
            count.map_or(Record::Other, Record::Lost)
        }
        _ => Record::Other,
    }
}

/// In the kernel's order: pid and tid, time, processor, call chain, raw (perf_event_open(2), PERF_RECORD_SAMPLE).
///
/// Whether there is a call chain the octets tell. Without one, the next number is the length of all the rest; with one, it
/// is the count of its addresses, and as each takes eight octets, never so much.
fn sample<'a>(mut body: &'a [u8], chain: &'a mut Vec<u64>) -> Option<Sample<'a>> {
    let (pid, tid) = (half(&mut body)?.cast_signed(), half(&mut body)?.cast_signed());
    let at = word(&mut body)?;
    let (cpu, _reserved) = (half(&mut body)?, half(&mut body)?);
    chain.clear();
    let raw = match raw(body) {
        Some(raw) => raw,
        None => {
            let count = word(&mut body)?;
            for _ in 0..count {
                let address = word(&mut body)?;
                if address < MARKS {
                    chain.push(address);
                }
            }
            raw(body)?
        }
    };
    let id = u16::from_ne_bytes(*raw.first_chunk()?);
    Some(Sample { at, pid, tid, cpu, id, raw, chain })
}

/// The raw part, where that is all the rest: its length, itself, padded so that the record ends at a multiple of 8.
fn raw(mut rest: &[u8]) -> Option<&[u8]> {
    let length = half(&mut rest)? as usize;
    (length == rest.len()).then_some(rest)
}

fn half(body: &mut &[u8]) -> Option<u32> {
    let (first, rest) = body.split_first_chunk()?;
    *body = rest;
    Some(u32::from_ne_bytes(*first))
}

fn word(body: &mut &[u8]) -> Option<u64> {
    let (first, rest) = body.split_first_chunk()?;
    *body = rest;
    Some(u64::from_ne_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pid 7, thread 8, time 9, processor 1, then what follows.
    fn body(parts: &[&[u8]]) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend([7u32, 8].map(u32::to_ne_bytes).concat());
        body.extend(9u64.to_ne_bytes());
        body.extend([1u32, 0].map(u32::to_ne_bytes).concat());
        body.extend(parts.concat());
        body
    }

    #[test]
    fn a_sample_without_a_call_chain() {
        let body = body(&[&4u32.to_ne_bytes(), &[0xe8, 0x08, 1, 2]]);
        let mut chain = vec![1];
        let Record::Sample(sample) = read_record(PERF_RECORD_SAMPLE, &body, &mut chain) else { panic!("a sample") };
        assert_eq!((sample.pid, sample.tid, sample.at, sample.cpu), (7, 8, 9, 1));
        assert_eq!(sample.id, u16::from_ne_bytes([0xe8, 0x08]));
        assert_eq!((sample.raw, sample.chain), (&[0xe8, 0x08, 1, 2][..], &[][..]));
    }

    #[test]
    fn a_sample_with_a_call_chain_without_its_marks() {
        let chain = [MARKS + 100, 0xffff_ffff_8100_0000, 0xffff_ffff_8100_0010].map(u64::to_ne_bytes).concat();
        let body = body(&[&3u64.to_ne_bytes(), &chain, &4u32.to_ne_bytes(), &[1, 0, 0, 0]]);
        let mut room = Vec::new();
        let Record::Sample(sample) = read_record(PERF_RECORD_SAMPLE, &body, &mut room) else { panic!("a sample") };
        assert_eq!(sample.chain, [0xffff_ffff_8100_0000, 0xffff_ffff_8100_0010]);
        assert_eq!(sample.raw, [1, 0, 0, 0]);
    }

    #[test]
    fn what_was_lost_is_counted_and_what_is_cut_is_nothing() {
        let mut room = Vec::new();
        let lost = [5u64, 365].map(u64::to_ne_bytes).concat();
        assert_eq!(read_record(PERF_RECORD_LOST, &lost, &mut room), Record::Lost(365));
        assert_eq!(read_record(PERF_RECORD_LOST, &lost[..15], &mut room), Record::Other);
        assert_eq!(read_record(99, &lost, &mut room), Record::Other);
        let whole = body(&[&4u32.to_ne_bytes(), &[1, 0, 0, 0]]);
        for length in 0..whole.len() {
            assert_eq!(read_record(PERF_RECORD_SAMPLE, &whole[..length], &mut room), Record::Other, "{length}");
        }
        let nameless = body(&[&1u32.to_ne_bytes(), &[1]]);
        assert_eq!(read_record(PERF_RECORD_SAMPLE, &nameless, &mut room), Record::Other);
        let endless = body(&[&u64::MAX.to_ne_bytes(), &[0; 16]]);
        assert_eq!(read_record(PERF_RECORD_SAMPLE, &endless, &mut room), Record::Other);
    }
}
