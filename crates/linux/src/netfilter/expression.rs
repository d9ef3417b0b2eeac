//! A rule as the kernel's expressions: loads into registers, comparisons, verdicts.

use std::net::{IpAddr, SocketAddr};

use super::rule::{ConnectionDirection, Match, Rule, Statement};
use crate::netlink::raw::Attributes;

/// An expression's name and its attributes.
type Expression = (&'static str, Attributes);

// enum nft_registers: of 16 octets each.
const VERDICT: u32 = 0;
const FIRST: u32 = 1;
const SECOND: u32 = 2;

// enum nft_payload_bases
const NETWORK_HEADER: u32 = 1;
const TRANSPORT_HEADER: u32 = 2;

// enum nft_meta_keys
const META_LENGTH: u32 = 0;
const META_PROTOCOL: u32 = 1;
const META_INTERFACE_IN: u32 = 6;
const META_INTERFACE_OUT: u32 = 7;
const META_TRANSPORT_PROTOCOL: u32 = 16;

// enum nft_ct_keys
const CT_STATE: u32 = 0;
const CT_DIRECTION: u32 = 1;

// enum nft_cmp_ops
const EQUAL: u32 = 0;
const NOT_EQUAL: u32 = 1;

/// enum nft_data_attributes
const DATA_VALUE: u16 = 1;
const DATA_VERDICT: u16 = 2;

pub(super) fn encode(rule: &Rule) -> Vec<Expression> {
    let mut expressions: Vec<Expression> = rule.matches.iter().flat_map(encode_match).collect();
    if rule.counter {
        // Both numbers are wanted, to begin with: bytes, packets.
        expressions.push(("counter", Attributes::new().u64(1, 0).u64(2, 0)));
    }
    expressions.extend(encode_statement(&rule.then));
    expressions
}

fn encode_match(asked: &Match) -> Vec<Expression> {
    match asked {
        Match::SourcePort(port) => is_tcp([payload(TRANSPORT_HEADER, 0, 2), is(&port.to_be_bytes())]),
        Match::DestinationPort(port) => is_tcp([payload(TRANSPORT_HEADER, 2, 2), is(&port.to_be_bytes())]),
        Match::Flags { mask, value } => is_tcp([payload(TRANSPORT_HEADER, 13, 1), and(&[mask.0]), is(&[value.0])]),
        Match::Window(window) => is_tcp([payload(TRANSPORT_HEADER, 14, 2), is(&window.to_be_bytes())]),
        Match::SourceAddress(IpAddr::V4(address)) => is_ip(0x0800, 12, &address.octets()),
        Match::DestinationAddress(IpAddr::V4(address)) => is_ip(0x0800, 16, &address.octets()),
        Match::SourceAddress(IpAddr::V6(address)) => is_ip(0x86dd, 8, &address.octets()),
        Match::DestinationAddress(IpAddr::V6(address)) => is_ip(0x86dd, 24, &address.octets()),
        // The packet's memory holds it from its IP header on, at each of the hooks.
        Match::TotalLength(length) => vec![meta(META_LENGTH), is(&u32::from(*length).to_ne_bytes())],
        Match::State(states) => {
            vec![connection(CT_STATE), and(&states.0.to_ne_bytes()), compare(NOT_EQUAL, &[0; 4])]
        }
        Match::Direction(direction) => {
            vec![connection(CT_DIRECTION), is(&[u8::from(*direction == ConnectionDirection::Reply)])]
        }
        Match::InterfaceIn(name) => vec![meta(META_INTERFACE_IN), is(&interface(name))],
        Match::InterfaceOut(name) => vec![meta(META_INTERFACE_OUT), is(&interface(name))],
        // enum nft_connlimit_attributes: count; flags, of which 1 (NFT_CONNLIMIT_F_INV) turns "up to" into "over".
        Match::ConnectionsOver(count) => vec![("connlimit", Attributes::new().u32(1, *count).u32(2, 1))],
    }
}

fn encode_statement(statement: &Statement) -> Vec<Expression> {
    match *statement {
        Statement::Continue => Vec::new(),
        Statement::Drop => vec![verdict(libc::NF_DROP)],
        Statement::Accept => vec![verdict(libc::NF_ACCEPT)],
        // enum nft_reject_attributes: type, NFT_REJECT_TCP_RST.
        Statement::RejectWithReset => vec![("reject", Attributes::new().u32(1, 1))],
        Statement::NoTrack => vec![("notrack", Attributes::new())],
        Statement::Dnat(to) => translate_destination(to),
        Statement::SynProxy { mss, wscale, timestamps, sack } => {
            // linux/netfilter/nf_synproxy.h
            let flags = 0x01 | 0x02 | if sack { 0x04 } else { 0 } | if timestamps { 0x08 } else { 0 };
            vec![("synproxy", Attributes::new().u16(1, mss).u8(2, wscale).u32(3, flags))]
        }
    }
}

fn translate_destination(to: SocketAddr) -> Vec<Expression> {
    // enum nft_nat_attributes: the port's register is the fifth.
    let nat = nat(1, to.ip()).u32(5, SECOND);
    vec![load(FIRST, &octets(to.ip())), load(SECOND, &to.port().to_be_bytes()), ("nat", nat)]
}

/// enum nft_nat_attributes: type, family, the address's register.
fn nat(kind: u32, to: IpAddr) -> Attributes {
    let family = if to.is_ipv4() { super::Family::Ip } else { super::Family::Ip6 };
    Attributes::new().u32(1, kind).u32(2, family.number().into()).u32(3, FIRST)
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn is_tcp<const N: usize>(then: [Expression; N]) -> Vec<Expression> {
    let mut expressions = vec![meta(META_TRANSPORT_PROTOCOL), is(&[libc::IPPROTO_TCP as u8])];
    expressions.extend(then);
    expressions
}

/// Octets of the IP header, if it is one of the version that this EtherType stands for.
fn is_ip(ether_type: u16, offset: u32, value: &[u8]) -> Vec<Expression> {
    vec![
        meta(META_PROTOCOL),
        is(&ether_type.to_be_bytes()),
        payload(NETWORK_HEADER, offset, value.len() as u32),
        is(value),
    ]
}

/// A link's name as the kernel compares it: sixteen octets (IFNAMSIZ), of which a link's last is zero. A longer name is
/// none's.
fn interface(name: &str) -> [u8; 16] {
    let mut octets = [0; 16];
    for (place, octet) in octets.iter_mut().zip(name.bytes()) {
        *place = octet;
    }
    octets
}

/// enum nft_meta_attributes: register, key.
fn meta(key: u32) -> Expression {
    ("meta", Attributes::new().u32(1, FIRST).u32(2, key))
}

/// enum nft_ct_attributes: register, key.
fn connection(key: u32) -> Expression {
    ("ct", Attributes::new().u32(1, FIRST).u32(2, key))
}

/// enum nft_payload_attributes: register, base, offset, length.
fn payload(base: u32, offset: u32, length: u32) -> Expression {
    ("payload", Attributes::new().u32(1, FIRST).u32(2, base).u32(3, offset).u32(4, length))
}

/// enum nft_bitwise_attributes: source, destination, length, mask, xor.
fn and(mask: &[u8]) -> Expression {
    let data = |value: &[u8]| Attributes::new().octets(DATA_VALUE, value);
    let registers = Attributes::new().u32(1, FIRST).u32(2, FIRST).u32(3, mask.len() as u32);
    ("bitwise", registers.nest(4, data(mask)).nest(5, data(&vec![0; mask.len()])))
}

fn is(value: &[u8]) -> Expression {
    compare(EQUAL, value)
}

/// enum nft_cmp_attributes: register, operation, data.
fn compare(operation: u32, value: &[u8]) -> Expression {
    let data = Attributes::new().octets(DATA_VALUE, value);
    ("cmp", Attributes::new().u32(1, FIRST).u32(2, operation).nest(3, data))
}

/// enum nft_immediate_attributes: register, data.
fn load(register: u32, value: &[u8]) -> Expression {
    ("immediate", Attributes::new().u32(1, register).nest(2, Attributes::new().octets(DATA_VALUE, value)))
}

fn verdict(code: libc::c_int) -> Expression {
    // enum nft_verdict_attributes: code.
    let verdict = Attributes::new().u32(1, code.cast_unsigned());
    ("immediate", Attributes::new().u32(1, VERDICT).nest(2, Attributes::new().nest(DATA_VERDICT, verdict)))
}
