//! One blocking rtnetlink conversation: a request out, its acknowledgement or its answers back.

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use crate::error::{Cause, During, Error, Result};

/// A dump is repeated this often when what it lists changes meanwhile.
const INTERRUPTED_DUMPS: usize = 16;

/// A socket to the kernel's routing tables of the namespace that it was opened in.
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
    pub(crate) fn open() -> Result<Conversation> {
        const OPERATION: &str = "open rtnetlink socket";
        let mut socket = Socket::new(NETLINK_ROUTE).during(OPERATION, "")?;
        socket.bind_auto().during(OPERATION, "")?;
        socket.connect(&SocketAddr::new(0, 0)).during(OPERATION, "")?;
        Ok(Conversation { socket, sequence: 0 })
    }

    /// Asks for a change, and waits until the kernel has made or refused it. `flags` beyond REQUEST and ACK.
    pub(crate) fn change(
        &mut self,
        operation: &'static str,
        object: &str,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<()> {
        self.send(operation, object, message, flags | NLM_F_ACK)?;
        self.receive(operation, object, &mut Vec::new()).map(drop)
    }

    /// Asks for one object; the kernel gives it and then acknowledges.
    pub(crate) fn ask(
        &mut self,
        operation: &'static str,
        object: &str,
        message: RouteNetlinkMessage,
    ) -> Result<Vec<RouteNetlinkMessage>> {
        self.send(operation, object, message, NLM_F_ACK)?;
        let mut answers = Vec::new();
        self.receive(operation, object, &mut answers)?;
        Ok(answers)
    }

    /// Asks for a whole table.
    pub(crate) fn dump(
        &mut self,
        operation: &'static str,
        object: &str,
        message: &RouteNetlinkMessage,
    ) -> Result<Vec<RouteNetlinkMessage>> {
        for _ in 0..INTERRUPTED_DUMPS {
            self.send(operation, object, message.clone(), NLM_F_DUMP)?;
            let mut answers = Vec::new();
            if let Ending::Complete = self.receive(operation, object, &mut answers)? {
                return Ok(answers);
            }
        }
        Err(Error::from_errno(operation, object, libc::EAGAIN))
    }

    fn send(&mut self, operation: &'static str, object: &str, message: RouteNetlinkMessage, flags: u16) -> Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut request = NetlinkMessage::new(header, NetlinkPayload::from(message));
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.socket.send(&bytes, 0).during(operation, object).map(drop)
    }

    /// Collects answers until the acknowledgement (of a single request) or the end (of a dump).
    fn receive(
        &mut self,
        operation: &'static str,
        object: &str,
        answers: &mut Vec<RouteNetlinkMessage>,
    ) -> Result<Ending> {
        let malformed = |what: String| Error::from_cause(operation, object, Cause::Malformed(what));
        let mut interrupted = false;
        loop {
            let (datagram, _) = self.socket.recv_from_full().during(operation, object)?;
            let mut rest = datagram.as_slice();
            while !rest.is_empty() {
                let length = NetlinkBuffer::new_checked(rest).map_err(|error| malformed(error.to_string()))?.length();
                let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                    .map_err(|error| malformed(error.to_string()))?;
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
