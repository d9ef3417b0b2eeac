//! Raw records of the tracepoints into values, by the running kernel's formats.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::event::{Context, Direction, Kind};
use super::format::{Field, Format, Name};
use crate::tcp::Endpoint;

/// common_flags (enum trace_flag_type): in a hardware interrupt, a soft one, a non-maskable one; bottom halves held off
/// (since Linux 5.17, and thus wherever there are reasons).
const HARD_INTERRUPT: i64 = 0x08;
const SOFT_INTERRUPT: i64 = 0x10;
const NON_MASKABLE: i64 = 0x40;
const BH_OFF: i64 = 0x80;

/// Address families, as Linux numbers them.
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// Reads records of tcp_send_reset or tcp_receive_reset.
#[derive(Clone, Debug)]
pub struct Decoder {
    format: Format,
    direction: Direction,
    flags: Option<Field>,
    skb: Option<Field>,
    socket: Option<Field>,
    state: Option<Field>,
    reason: Option<Field>,
    addresses: Addresses,
}

/// How the two ends are told.
#[derive(Clone, Debug)]
enum Addresses {
    /// Two socket addresses (since Linux 6.10).
    Sockets(Field, Field),
    /// Ports in this machine's byte order; addresses as IPv6, those of IPv4 mapped.
    Apart { ports: [Field; 2], addresses: [Field; 2] },
}

/// What a record tells of a reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which tracepoint it was.
    pub direction: Direction,
    /// Who sent the RST.
    pub source: Endpoint,
    /// Whom it is for.
    pub destination: Endpoint,
    /// The reason by name.
    pub reason: Option<Name>,
    /// The socket's state by name.
    pub state: Option<Name>,
    /// What it was sent for.
    pub kind: Option<Kind>,
    /// Whether there was a socket.
    pub has_socket: bool,
    /// In what context the kernel was.
    pub context: Context,
}

impl Decoder {
    /// A decoder by this format; `None` where the format doesn't tell the two ends.
    pub fn new(format: Format, direction: Direction) -> Option<Decoder> {
        let field = |name: &str| format.field(name).cloned();
        let ends = [field("saddr")?, field("daddr")?];
        let addresses = if ends.iter().all(|end| end.size >= SOCKADDR_IN6) {
            let [source, destination] = ends;
            Addresses::Sockets(source, destination)
        } else {
            Addresses::Apart {
                ports: [field("sport")?, field("dport")?],
                addresses: [field("saddr_v6")?, field("daddr_v6")?],
            }
        };
        Some(Decoder {
            direction,
            flags: field("common_flags"),
            skb: field("skbaddr"),
            socket: field("skaddr"),
            state: field("state"),
            reason: field("reason"),
            addresses,
            format,
        })
    }

    /// The tracepoint's number.
    pub fn id(&self) -> u16 {
        self.format.id
    }

    /// The names of the reasons that this kernel knows; none where its records have no reason.
    pub fn reasons(&self) -> impl Iterator<Item = &Name> {
        self.format.names_of("reason").filter(|_| self.reason.is_some())
    }

    /// What a record tells; `None` where it is too short, or its addresses are no IP addresses.
    pub fn read(&self, record: &[u8]) -> Option<Told> {
        let [local, remote] = self.ends(record)?;
        // The socket that takes a RST in tells its own end as the source.
        let (source, destination) = match self.direction {
            Direction::Sent => (local, remote),
            Direction::Taken => (remote, local),
        };
        let number = |field: &Option<Field>| field.as_ref()?.number(record);
        let name = |field: &Option<Field>| {
            let field = field.as_ref()?;
            self.format.name_of(&field.name, field.number(record)?).cloned()
        };
        let flags = number(&self.flags)?;
        let skb = number(&self.skb).filter(|_| self.direction == Direction::Sent);
        Some(Told {
            direction: self.direction,
            source,
            destination,
            reason: name(&self.reason),
            state: name(&self.state),
            kind: skb.map(|skb| if skb == 0 { Kind::Active } else { Kind::Reply }),
            has_socket: number(&self.socket).is_some_and(|socket| socket != 0),
            context: context(flags),
        })
    }

    fn ends(&self, record: &[u8]) -> Option<[Endpoint; 2]> {
        match &self.addresses {
            Addresses::Sockets(source, destination) => {
                Some([socket_address(source.octets(record)?)?, socket_address(destination.octets(record)?)?])
            }
            Addresses::Apart { ports, addresses } => {
                let end = |place: usize| {
                    let octets: [u8; 16] = addresses[place].octets(record)?.try_into().ok()?;
                    let port = u16::try_from(ports[place].number(record)?).ok()?;
                    Some(Endpoint::new(Ipv6Addr::from(octets).to_canonical(), port))
                };
                Some([end(0)?, end(1)?])
            }
        }
    }
}

/// sizeof(struct sockaddr_in6).
const SOCKADDR_IN6: usize = 28;

/// A sockaddr_in or sockaddr_in6. An IPv4 connection of an IPv6 socket has its IPv4 addresses, as the wire has.
fn socket_address(octets: &[u8]) -> Option<Endpoint> {
    let family = u16::from_ne_bytes(octets.get(..2)?.try_into().ok()?);
    let port = u16::from_be_bytes(octets.get(2..4)?.try_into().ok()?);
    let addr: IpAddr = match family {
        AF_INET => Ipv4Addr::from(<[u8; 4]>::try_from(octets.get(4..8)?).ok()?).into(),
        AF_INET6 => Ipv6Addr::from(<[u8; 16]>::try_from(octets.get(8..24)?).ok()?).to_canonical(),
        _ => return None,
    };
    Some(Endpoint::new(addr, port))
}

fn context(flags: i64) -> Context {
    if flags & (HARD_INTERRUPT | NON_MASKABLE) != 0 {
        Context::HardInterrupt
    } else if flags & SOFT_INTERRUPT != 0 {
        Context::SoftInterrupt
    } else if flags & BH_OFF != 0 {
        Context::TaskBhOff
    } else {
        Context::Task
    }
}

/// Reads records of signal:signal_deliver.
#[derive(Clone, Debug)]
pub struct SignalFields {
    id: u16,
    signal: Field,
    handler: Field,
}

impl SignalFields {
    /// By this format; `None` where it lacks a field that is needed.
    pub fn new(format: &Format) -> Option<SignalFields> {
        Some(SignalFields {
            id: format.id,
            signal: format.field("sig")?.clone(),
            handler: format.field("sa_handler")?.clone(),
        })
    }

    /// The tracepoint's number.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// The signal, where the process has no handler for it (SIG_DFL is 0, and what is ignored is never delivered).
    pub fn unhandled(&self, record: &[u8]) -> Option<i32> {
        let handler = self.handler.number(record)?;
        let signal = i32::try_from(self.signal.number(record)?).ok()?;
        (handler == 0).then_some(signal)
    }
}

/// Reads records of sched:sched_process_exit.
#[derive(Clone, Debug)]
pub struct ExitFields {
    id: u16,
    comm: Option<Field>,
}

impl ExitFields {
    /// By this format.
    pub fn new(format: &Format) -> ExitFields {
        // Anything but TASK_COMM_LEN octets isn't the name itself.
        let comm = format.field("comm").filter(|comm| comm.size == 16);
        ExitFields { id: format.id, comm: comm.cloned() }
    }

    /// The tracepoint's number.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// The ending thread's name.
    pub fn comm(&self, record: &[u8]) -> Option<Name> {
        let octets = self.comm.as_ref()?.octets(record)?;
        let octets = octets.split(|octet| *octet == 0).next()?;
        Some(Name::from(String::from_utf8_lossy(octets)))
    }
}
