//! What of the kernel's resets is to be watched, the formats that tell it, and why it can't be.

use rst_storm_core::kernel::{Decoder, Direction, ExitFields, Format, FormatError, SignalFields};
use rst_storm_linux::Error;
use rst_storm_linux::privilege::{Capability, has_capability};
use rst_storm_linux::tracepoint::Tracefs;
use thiserror::Error;

/// What is watched beside the resets that are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelWatchPlan {
    /// Which functions of the kernel led to each. It slows a storm down (docs/trace.md has figures).
    pub stacks: bool,
    /// Whether the process was ending.
    pub deaths: bool,
    /// Also those that are taken in.
    pub taken: bool,
    /// Whether processors are kept from idling where this kernel doesn't hand over what happens on idle ones (docs/trace.md). Each
    /// then runs a thread that gives way to all others.
    pub awake: bool,
}

/// Why the kernel's resets are not watched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotWatched {
    /// There is no trace file system, and none can be mounted.
    #[error("cannot {}; {}", .0, remedy(&[Capability::SysAdmin], MOUNT))]
    NoTracefs(Error),
    /// A file of it can't be read.
    #[error("cannot {}; {}", .0, remedy(&[Capability::DacReadSearch, Capability::Perfmon], OUTSIDE))]
    Unreadable(Error),
    /// This kernel hasn't got the tracepoint.
    #[error("this kernel has no tracepoint {0}; it takes Linux 4.16 or later, and CONFIG_FTRACE")]
    Absent(&'static str),
    /// Its format is none that is known.
    #[error("the format of the tracepoint {name} {why}; report it with the kernel's version")]
    Unknown {
        /// The tracepoint.
        name: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The kernel refused to open it.
    #[error("cannot {}; {}", .0, remedy(&[Capability::Perfmon], OUTSIDE))]
    Refused(Error),
    /// The addresses of the kernel's functions are hidden.
    #[error(
        "the kernel hides the addresses of its functions; set kernel.kptr_restrict to 1 or less and hold CAP_SYSLOG, or \
             do without stacks"
    )]
    Hidden,
}

/// Where the capabilities are there and don't help: they are a user namespace's.
const OUTSIDE: &str = "run it as root of the machine, outside of user namespaces";
const MOUNT: &str = "as root of the machine, mount it: mount -t tracefs tracefs /sys/kernel/tracing";

/// Which of these capabilities is missing, or else what to do.
fn remedy(needed: &[Capability], otherwise: &str) -> String {
    let missing: Vec<&str> = needed
        .iter()
        .filter(|capability| !has_capability(**capability).unwrap_or(false))
        .map(|capability| capability.name())
        .collect();
    match missing.as_slice() {
        [] => otherwise.to_owned(),
        missing => format!("it takes root, or {} in the machine's own user namespace", missing.join(" and ")),
    }
}

/// The tracepoints as the running kernel describes them.
#[derive(Debug)]
pub(super) struct Formats {
    pub(super) sent: Decoder,
    pub(super) taken: Option<Decoder>,
    pub(super) signal: Option<SignalFields>,
    pub(super) exit: Option<ExitFields>,
}

impl Formats {
    pub(super) fn read(plan: &KernelWatchPlan) -> Result<Formats, NotWatched> {
        let tracefs = Tracefs::open().map_err(|error| match error.operation() {
            Tracefs::FIND => NotWatched::NoTracefs(error),
            _ => NotWatched::Unreadable(error),
        })?;
        let resets = |name: &'static str, direction| {
            let format = format(&tracefs, "tcp", name)?;
            Decoder::new(format, direction)
                .ok_or_else(|| NotWatched::Unknown { name, why: "has no addresses that are known".to_owned() })
        };
        let sent = resets("tcp_send_reset", Direction::Sent)?;
        let taken = if plan.taken { Some(resets("tcp_receive_reset", Direction::Taken)?) } else { None };
        let (mut signal, mut exit) = (None, None);
        if plan.deaths {
            let name = "signal_deliver";
            let known = SignalFields::new(&format(&tracefs, "signal", name)?);
            let why = || NotWatched::Unknown { name, why: "has no signal".to_owned() };
            signal = Some(known.ok_or_else(why)?);
            exit = Some(ExitFields::new(&format(&tracefs, "sched", "sched_process_exit")?));
        }
        Ok(Formats { sent, taken, signal, exit })
    }

    pub(super) fn resets(&self) -> impl Iterator<Item = &Decoder> {
        std::iter::once(&self.sent).chain(&self.taken)
    }

    /// The numbers of the tracepoints that tell how processes end.
    pub(super) fn ends(&self) -> impl Iterator<Item = u16> {
        self.signal.iter().map(SignalFields::id).chain(self.exit.iter().map(ExitFields::id))
    }
}

fn format(tracefs: &Tracefs, group: &str, name: &'static str) -> Result<Format, NotWatched> {
    let text = tracefs.format(group, name).map_err(NotWatched::Unreadable)?.ok_or(NotWatched::Absent(name))?;
    Format::parse(&text).map_err(|error: FormatError| NotWatched::Unknown { name, why: error.to_string() })
}
