//! A play as it is read before it is played: a line for each step.

use core::fmt;

use super::cast::{Host, Tap};
use super::forgery::{Ack, Disguise, Forgery, Number};
use super::play::{Count, Ending, Play, Quantity, Told};
use super::step::{Connecting, Direction, Fate, SocketOption, Step, Until};

impl Play {
    /// What is done, a line for each step, each with its depth in rounds.
    pub fn lines(&self) -> Vec<(usize, String)> {
        let mut lines = Vec::new();
        list(self.steps, 0, &mut lines);
        lines
    }

    /// What must be seen, a line for each witness.
    pub fn expectations(&self) -> Vec<String> {
        let shows = &self.shows;
        let mut lines = vec![format!("wire: {}", shows.ending)];
        for tap in Tap::ALL {
            if shows.at(tap) != shows.ending {
                lines.push(format!("wire at {tap}: {}", shows.at(tap)));
            }
        }
        let elsewhere = shows.seen_as.iter().map(|(tap, cause)| format!("wire at {tap}: it looks like {cause}"));
        lines.extend(elsewhere);
        if shows.between {
            lines.push("wire at both ports of the middle as one: the cause, which neither shows alone".to_owned());
        }
        lines.push(match shows.kernel {
            Some((host, mechanism)) => format!("kernel of the {host}: {}", mechanism.name()),
            None => "kernel: no host's TCP sends a reset that counts".to_owned(),
        });
        for (host, told) in [(Host::Client, shows.client), (Host::Middle, shows.middle), (Host::Server, shows.server)] {
            if !told.is_empty() {
                let told: Vec<String> = told.iter().map(Told::to_string).collect();
                lines.push(format!("{host}'s program: {}", told.join(", then ")));
            }
        }
        lines.extend(shows.counts.iter().map(Count::to_string));
        lines.extend(shows.occasion.map(|occasion| format!("all together: {occasion}")));
        lines
    }
}

fn list(steps: &[Step], depth: usize, lines: &mut Vec<(usize, String)>) {
    for step in steps {
        match step {
            Step::Do(steps) => list(steps, depth, lines),
            Step::Rounds(count, steps) => {
                lines.push((depth, format!("{count} times:")));
                list(steps, depth + 1, lines);
            }
            Step::Volley(forgeries) => {
                lines.push((depth, "at once:".to_owned()));
                lines.extend(forgeries.iter().map(|forgery| (depth + 1, forgery.to_string())));
            }
            step => lines.push((depth, step.to_string())),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Do(steps) => write!(f, "{} steps", steps.len()),
            Step::Rounds(count, _) => write!(f, "{count} times"),
            Step::Set(host, setting, value) => write!(f, "{host}: {} = {value}", setting.replace('/', ".")),
            Step::Filter(rule) => write!(f, "{}: rule {rule}", rule.host),
            Step::Unfilter(name) => write!(f, "remove the rule {name}"),
            Step::FlushConntrack(host) => write!(f, "{host}: forget all tracked connections"),
            Step::LinkChecksums(tap) => write!(f, "{tap}: checksums are left to the link"),
            Step::BridgeAddress => f.write_str("middle: an address for the bridge"),
            Step::Listen(host, name, port, backlog) => write!(f, "{host}: {name}: listen on {port}, backlog {backlog}"),
            Step::Bind(host, name, port) => write!(f, "{host}: {name}: bind to {port}, don't listen"),
            Step::Open(host, name) => write!(f, "{host}: {name}: socket()"),
            Step::Option(name, option) => write!(f, "{name}: {option}"),
            Step::Connect(host, name, peer, how) => write!(f, "{host}: {name}: connect to {peer}{how}"),
            Step::Accept(listener, name) => write!(f, "{listener}: accept {name}"),
            Step::Write(name, octets) => write!(f, "{name}: send {octets} octets"),
            Step::Read(name, Until::Bytes(octets)) => write!(f, "{name}: receive {octets} octets"),
            Step::Read(name, Until::End) => write!(f, "{name}: receive to the end"),
            Step::TakeError(name) => write!(f, "{name}: read SO_ERROR"),
            Step::Shutdown(name, direction) => write!(f, "{name}: shutdown({direction})"),
            Step::Close(name) => write!(f, "{name}: close"),
            Step::Disconnect(name) => write!(f, "{name}: connect(AF_UNSPEC)"),
            Step::Vanish(name) => write!(f, "{name}: its host forgets it (TCP_REPAIR)"),
            Step::Destroy(name) => write!(f, "{name}: SOCK_DESTROY"),
            Step::Hand(socket, process) => write!(f, "{socket}: becomes the process {process}'s alone"),
            Step::End(process, fate) => write!(f, "{process}: {fate}"),
            Step::Await(condition) => write!(f, "wait until {condition}"),
            Step::Pause(milliseconds) => write!(f, "wait {milliseconds} ms: the time is the cause"),
            Step::Forge(forgery) => write!(f, "{forgery}"),
            Step::Volley(forgeries) => write!(f, "{} forgeries at once", forgeries.len()),
            Step::Probe(forgery, reply) => write!(f, "{forgery}; expect {reply:?}"),
        }
    }
}

impl fmt::Display for SocketOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocketOption::LingerZero => f.write_str("SO_LINGER {1, 0}"),
            SocketOption::Linger2(seconds) => write!(f, "TCP_LINGER2 {seconds}"),
            SocketOption::Keepalive(idle, interval, count) => {
                write!(f, "SO_KEEPALIVE idle {idle} s, interval {interval} s, count {count}")
            }
            SocketOption::UserTimeout(milliseconds) => write!(f, "TCP_USER_TIMEOUT {milliseconds} ms"),
            SocketOption::Ttl(ttl) => write!(f, "time to live {ttl}"),
            SocketOption::ReceiveBuffer(octets) => write!(f, "SO_RCVBUF {octets}"),
            SocketOption::Port(port) => write!(f, "bind to port {port}"),
        }
    }
}

impl fmt::Display for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Connecting::Done => "",
            Connecting::Fails => ", in vain",
            Connecting::UnderWay => ", without waiting",
        })
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Read => "SHUT_RD",
            Direction::Write => "SHUT_WR",
            Direction::Both => "SHUT_RDWR",
        })
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fate::Terminate => "is ended by SIGTERM",
            Fate::Kill => "is killed by SIGKILL",
            Fate::Segfault => "dies of SIGSEGV",
        })
    }
}

impl fmt::Display for Forgery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: forge to the {} as {}: {}", self.by, self.to, self.disguise, self.flags)?;
        match self.seq {
            Number::Next(offset) => write!(f, ", seq next{offset:+}")?,
            Number::Plain(seq) => write!(f, ", seq {seq}")?,
        }
        match self.ack {
            Ack::Sent(offset) => write!(f, ", ack sent{offset:+}")?,
            Ack::Plain(ack) => write!(f, ", ack {ack}")?,
        }
        if self.payload > 0 {
            write!(f, ", {} octets", self.payload)?;
        }
        if let Some(ttl) = self.ttl {
            write!(f, ", ttl {ttl}")?;
        }
        if self.count > 1 {
            write!(f, ", {} of them, {} apart", self.count, self.stride)?;
        }
        Ok(())
    }
}

impl fmt::Display for Disguise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Disguise::PeerOf(name) => write!(f, "the peer of {name}"),
            Disguise::As(name) => write!(f, "{name} itself"),
            Disguise::Nobody(port) => write!(f, "nobody, to port {port}"),
            Disguise::Own(from, to) => write!(f, "itself, from port {from} to {to}"),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Reset(host) => write!(f, "a reset under the {host}'s address"),
            Ending::Challenged(host) => write!(f, "a reset that the {host} answers with an acknowledgment"),
            Ending::Ignored(host) => write!(f, "a reset that the {host} ignores"),
            Ending::Fin => f.write_str("FIN and no reset"),
            Ending::Silence => f.write_str("no reset and no FIN"),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Told::Error(errno) => f.write_str(errno),
            Told::Eof => f.write_str("end of file"),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Count::Counter(host, counter, quantity) => write!(f, "{counter} of the {host}: {quantity}"),
            Count::Rule(rule, quantity) => write!(f, "packets that met {rule}: {quantity}"),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Quantity::Exactly(count) => write!(f, "{count}"),
            Quantity::AtLeast(count) => write!(f, "at least {count}"),
        }
    }
}
