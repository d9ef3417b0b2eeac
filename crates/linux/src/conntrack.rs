//! The table of tracked connections, of the calling thread's namespace (ctnetlink).

use crate::error::Result;
use crate::netfilter::body;
use crate::netlink::raw::{Attributes, RawMessage};
use crate::netlink::{Conversation, Family};

// linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h
const NFNL_SUBSYS_CTNETLINK: u16 = 1;
const IPCTNL_MSG_CT_DELETE: u16 = 2;

/// Forgets all tracked connections, and with them their address translation.
pub fn flush() -> Result<()> {
    // Without a tuple all of them go; family 0 is any.
    let kind = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
    let request = RawMessage { kind, body: body(0, 0, &Attributes::new()) };
    Conversation::open(Family::Netfilter)?.change("flush", "tracked connections", request, 0)
}
