//! The states of a TCP socket, by the kernel's numbers and names (include/net/tcp_states.h).

use std::fmt;

macro_rules! states {
    ($($(#[$doc:meta])* $state:ident = $number:literal $name:literal)*) => {
        /// The state of a TCP socket.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum TcpState {
            $($(#[$doc])* $state = $number,)*
        }

        impl TcpState {
            /// The state behind the kernel's number.
            pub const fn from_number(number: u8) -> Option<TcpState> {
                match number {
                    $($number => Some(TcpState::$state),)*
                    _ => None,
                }
            }

            /// The kernel's name without its `TCP_`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(TcpState::$state => $name,)*
                }
            }
        }
    };
}

states! {
    /// The handshake is done, and no end has closed.
    Established = 1 "ESTABLISHED"
    /// A SYN was sent.
    SynSent = 2 "SYN_SENT"
    /// A SYN was answered by a socket that had sent its own.
    SynRecv = 3 "SYN_RECV"
    /// Closed here; the FIN isn't acknowledged.
    FinWait1 = 4 "FIN_WAIT1"
    /// Closed here, and the FIN is acknowledged.
    FinWait2 = 5 "FIN_WAIT2"
    /// Both ends have closed, this one first.
    TimeWait = 6 "TIME_WAIT"
    /// No connection.
    Close = 7 "CLOSE"
    /// The peer has closed.
    CloseWait = 8 "CLOSE_WAIT"
    /// Both have closed, the peer first; the FIN isn't acknowledged.
    LastAck = 9 "LAST_ACK"
    /// It takes connections.
    Listen = 10 "LISTEN"
    /// Both have closed at once; the FIN isn't acknowledged.
    Closing = 11 "CLOSING"
    /// A SYN was answered by a listener.
    NewSynRecv = 12 "NEW_SYN_RECV"
    /// Bound and not connected; a word of socket dumps alone.
    BoundInactive = 13 "BOUND_INACTIVE"
}

impl TcpState {
    /// The kernel's number.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::TcpState;

    #[test]
    fn numbers_read_back() {
        for number in 1..=13 {
            assert_eq!(TcpState::from_number(number).unwrap().number(), number);
        }
        assert_eq!(TcpState::from_number(0), None);
        assert_eq!(TcpState::from_number(14), None);
        assert_eq!(TcpState::from_number(6).unwrap().to_string(), "TIME_WAIT");
    }
}
