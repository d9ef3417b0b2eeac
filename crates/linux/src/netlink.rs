//! One blocking netlink conversation: a request out, its acknowledgement or its answers back.

pub(crate) mod raw;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkBuffer, NetlinkDeserializable, NetlinkHeader,
    NetlinkMessage, NetlinkPayload, NetlinkSerializable,
};
use netlink_sys::{Socket, SocketAddr, protocols};

use crate::error::{Cause, During, Error, Result};

/// A dump is repeated this often when what it lists changes meanwhile.
const INTERRUPTED_DUMPS: usize = 16;

/// What can be asked and answered over one of the families.
pub(crate) trait Message: NetlinkSerializable + NetlinkDeserializable + Clone {}

impl<M: NetlinkSerializable + NetlinkDeserializable + Clone> Message for M {}

/// The part of the kernel that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// rtnetlink: links, addresses, routes, neighbours.
    Route,
    /// sock_diag: sockets.
    SockDiag,
    /// nfnetlink: nf_tables, connection tracking.
    Netfilter,
}

/// A netlink socket of the namespace that it was opened in.
#[derive(Debug)]
pub(crate) struct Conversation {
    socket: Socket,
    sequence: u32,
}

/// How an answer ended.
enum Ending {
    Complete,
    /// What was being listed changed under the list.
    Interrupted,
}

impl Conversation {
    /// Opens the socket in the calling thread's namespace.
    pub(crate) fn open(family: Family) -> Result<Conversation> {
        const OPERATION: &str = "open netlink socket";
        let (protocol, name) = match family {
            Family::Route => (protocols::NETLINK_ROUTE, "NETLINK_ROUTE"),
            Family::SockDiag => (protocols::NETLINK_SOCK_DIAG, "NETLINK_SOCK_DIAG"),
            Family::Netfilter => (protocols::NETLINK_NETFILTER, "NETLINK_NETFILTER"),
        };
        let mut socket = Socket::new(protocol).during(OPERATION, name)?;
        socket.bind_auto().during(OPERATION, name)?;
        socket.connect(&SocketAddr::new(0, 0)).during(OPERATION, name)?;
        Ok(Conversation { socket, sequence: 0 })
    }

    /// Asks for a change, and waits until the kernel has made or refused it. `flags` beyond REQUEST and ACK.
    pub(crate) fn change<M: Message>(
        &mut self,
        operation: &'static str,
        object: &str,
        message: M,
        flags: u16,
    ) -> Result<()> {
        self.send(operation, object, [(message, flags | NLM_F_ACK)])?;
        self.receive::<M>(operation, object, &mut Vec::new()).map(drop)
    }

    /// Asks for a change by several messages in one datagram, one of which asks for the acknowledgement; what the kernel
    /// tells meanwhile. `flags` of each beyond REQUEST.
    pub(crate) fn batch<M: Message>(
        &mut self,
        operation: &'static str,
        object: &str,
        messages: impl IntoIterator<Item = (M, u16)>,
    ) -> Result<Vec<M>> {
        self.send(operation, object, messages)?;
        let mut answers = Vec::new();
        self.receive(operation, object, &mut answers)?;
        Ok(answers)
    }

    /// Asks for one object; the kernel gives it and then acknowledges.
    pub(crate) fn ask<M: Message>(&mut self, operation: &'static str, object: &str, message: M) -> Result<Vec<M>> {
        self.send(operation, object, [(message, NLM_F_ACK)])?;
        let mut answers = Vec::new();
        self.receive(operation, object, &mut answers)?;
        Ok(answers)
    }

    /// Asks for a whole table.
    pub(crate) fn dump<M: Message>(&mut self, operation: &'static str, object: &str, message: &M) -> Result<Vec<M>> {
        for _ in 0..INTERRUPTED_DUMPS {
            self.send(operation, object, [(message.clone(), NLM_F_DUMP)])?;
            let mut answers = Vec::new();
            if let Ending::Complete = self.receive(operation, object, &mut answers)? {
                return Ok(answers);
            }
        }
        Err(Error::from_errno(operation, object, libc::EAGAIN))
    }

    /// All messages go in one datagram, under one sequence number.
    fn send<M: Message>(
        &mut self,
        operation: &'static str,
        object: &str,
        messages: impl IntoIterator<Item = (M, u16)>,
    ) -> Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut datagram = Vec::new();
        for (message, flags) in messages {
            let mut header = NetlinkHeader::default();
            header.flags = NLM_F_REQUEST | flags;
            header.sequence_number = self.sequence;
            let mut request = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
            request.finalize();
            let start = datagram.len();
            datagram.resize(start + request.buffer_len(), 0);
            request.serialize(&mut datagram[start..]);
            datagram.resize(datagram.len().next_multiple_of(4), 0);
        }
        self.socket.send(&datagram, 0).during(operation, object).map(drop)
    }

    /// Collects answers until the acknowledgement (of a single request) or the end (of a dump).
    fn receive<M: Message>(&mut self, operation: &'static str, object: &str, answers: &mut Vec<M>) -> Result<Ending> {
        let malformed = |what: String| Error::from_cause(operation, object, Cause::Malformed(what));
        let mut interrupted = false;
        loop {
            let (datagram, _) = self.socket.recv_from_full().during(operation, object)?;
            let mut rest = datagram.as_slice();
            while !rest.is_empty() {
                let length = NetlinkBuffer::new_checked(rest).map_err(|error| malformed(error.to_string()))?.length();
                let message = NetlinkMessage::<M>::deserialize(rest).map_err(|error| malformed(error.to_string()))?;
                // Messages are padded to four bytes, the last one perhaps not.
                rest = rest.get((length as usize).next_multiple_of(4)..).unwrap_or_default();
                if message.header.sequence_number != self.sequence {
                    continue; // what is left of an earlier request that ended in an error
                }
                interrupted |= message.header.flags & NLM_F_DUMP_INTR != 0;
                let complete = || if interrupted { Ending::Interrupted } else { Ending::Complete };
                match message.payload {
                    NetlinkPayload::InnerMessage(answer) => answers.push(answer),
                    NetlinkPayload::Error(error) => {
                        return match error.code {
                            None => Ok(complete()),
                            Some(code) => Err(Error::from_errno(operation, object, code.get().wrapping_neg())),
                        };
                    }
                    NetlinkPayload::Done(done) if done.code < 0 => {
                        return Err(Error::from_errno(operation, object, done.code.wrapping_neg()));
                    }
                    NetlinkPayload::Done(_) => return Ok(complete()),
                    NetlinkPayload::Overrun(_) => return Err(Error::from_errno(operation, object, libc::ENOBUFS)),
                    _ => {}
                }
            }
        }
    }
}
