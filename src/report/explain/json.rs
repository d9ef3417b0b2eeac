//! Records of connections as JSON: the names that other tools' logs have, then ours. The schema is schema/explain.schema.json.

use std::net::IpAddr;

use rst_storm_core::causes::CauseId;
use rst_storm_core::explain::{Judged, Record, Signature, Verdict};
use rst_storm_core::flow::PerSide;
use rst_storm_core::flow::zeek::{ConnState, History};
use rst_storm_core::reset::payload::Payload;
use rst_storm_core::reset::{Evidence, Finding, Grounds, Harm};
use rst_storm_core::tcp::Side;
use serde::{Serialize, Serializer};

use super::grounds::{Told, elsewhere, number};
use super::kernel::{Heard, KernelSays};
use super::moment;
use super::moving::{Counted, Moving, Still};
use super::names::Names;
use super::shown::{Shown, Word};
use super::words;

/// The name of this format.
pub const SCHEMA: &str = "rst-storm/explain/1";

/// One connection. What moves is what is measured of each; words stand still.
#[derive(Debug, PartialEq, Serialize)]
pub struct Connection<'a> {
    schema: Word,
    #[serde(rename = "type")]
    kind: Word,
    file: &'a str,
    ts: Moving<f64>,
    uid: Moving<String>,
    community_id: Option<Moving<String>>,
    orig_h: Moving<IpAddr>,
    orig_p: Moving<u16>,
    resp_h: Moving<IpAddr>,
    resp_p: Moving<u16>,
    duration: Moving<f64>,
    conn_state: Shown<ConnState>,
    history: Shown<History>,
    orig_pkts: Counted,
    resp_pkts: Counted,
    orig_bytes: Counted,
    resp_bytes: Counted,
    syn: bool,
    synack: bool,
    rst_from: Word,
    rst_first: Option<Word>,
    rst_count: u32,
    fin_from: Word,
    fin_count: u32,
    stage: Word,
    signature: Option<Shown<Signature>>,
    tshark_completeness: u8,
    rst_storm: bool,
    orig_hops: Option<u8>,
    resp_hops: Option<u8>,
    capture_point: Word,
    resets: Vec<Reset<'a>>,
    unlisted_resets: u32,
}

/// One reset of a connection.
#[derive(Debug, PartialEq, Serialize)]
pub struct Reset<'a> {
    frame: Moving<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    ts: Moving<f64>,
    from: Word,
    shape: Word,
    progress: Word,
    sender: Sender<'a>,
    cause: Still<CauseOf>,
    evidence: Told<'a, Grounds>,
    ruled_out: Told<'a, Vec<(CauseId, Evidence)>>,
    would_decide: Option<&'static str>,
    harm: Still<HarmDone>,
    remedy: Option<&'static str>,
    payload: Vec<Said>,
    group: Option<Moving<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<KernelSays>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Sender<'a> {
    who: Word,
    confidence: Shown<Finding>,
    evidence: Told<'a, Grounds>,
}

/// The best cause of a verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
struct CauseOf(Verdict);

#[derive(Debug, Serialize)]
struct Cause {
    id: Word,
    confidence: Shown<Finding>,
    twins: Vec<Word>,
}

/// What a reset cost.
#[derive(Clone, Copy, Debug, PartialEq)]
struct HarmDone(Harm);

#[derive(Debug, Serialize)]
struct Cost {
    kind: Word,
    harmful: bool,
    lost_by_sender: u32,
    lost_by_victim: u32,
    says: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct Said {
    kind: Word,
    says: String,
    #[serde(flatten)]
    detail: Detail,
}

/// What is in a payload of one kind.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Detail {
    BigIp { code: u64, line: u32, relayed_from_peer: bool, cause: String },
    Diagnostic { form: &'static str, code: Option<u16>, enterprise: u32, description: Option<String> },
    Mptcp { transient: bool, code: u8 },
    Text { text: String },
    Binary { octets: u32 },
}

impl<'a> Connection<'a> {
    /// The record of a connection.
    pub fn new(record: &Record, names: &'a Names) -> Connection<'a> {
        let connection = &record.connection;
        let (packets, bytes) = (connection.packets(), connection.bytes());
        let (rst, fin) = (connection.rst_count(), connection.fin_count());
        Connection {
            schema: Word(SCHEMA),
            kind: Word("connection"),
            file: names.of(connection.first_frame),
            ts: Moving(moment::seconds(connection.started)),
            uid: Moving(connection.uid()),
            community_id: connection.community_id().map(Moving),
            orig_h: Moving(connection.originator.addr),
            orig_p: Moving(connection.originator.port),
            resp_h: Moving(connection.responder.addr),
            resp_p: Moving(connection.responder.port),
            duration: Moving(moment::span_seconds(connection.duration_nanos())),
            conn_state: Shown(connection.conn_state()),
            history: Shown(connection.history.clone()),
            orig_pkts: Counted(packets.originator),
            resp_pkts: Counted(packets.responder),
            orig_bytes: Counted(bytes.originator),
            resp_bytes: Counted(bytes.responder),
            syn: connection.syn(),
            synack: connection.syn_ack(),
            rst_from: from(rst),
            rst_first: record.rst_first().map(side),
            rst_count: rst.originator.saturating_add(rst.responder),
            fin_from: from(fin),
            fin_count: fin.originator.saturating_add(fin.responder),
            stage: Word(record.stage.word()),
            signature: record.signature.map(Shown),
            tshark_completeness: connection.tshark_completeness.0,
            rst_storm: record.rst_storm,
            orig_hops: record.vantage.originator_hops,
            resp_hops: record.vantage.responder_hops,
            capture_point: Word(record.vantage.words()),
            resets: record.resets.iter().map(|judged| Reset::new(judged, record, names)).collect(),
            unlisted_resets: record.unlisted,
        }
    }

    /// The same with the kernel's word on each reset, in the order of the record's.
    pub fn with_kernel(mut self, heard: &[Heard]) -> Connection<'a> {
        for (reset, heard) in self.resets.iter_mut().zip(heard) {
            reset.kernel = Some(heard.word());
        }
        self
    }
}

impl<'a> Reset<'a> {
    /// A reset of this record.
    pub fn new(judged: &Judged, record: &Record, names: &'a Names) -> Reset<'a> {
        let (reset, verdict) = (&judged.reset, &judged.verdict);
        let (frame, home) = (reset.segment.frame, record.connection.first_frame);
        let payload = reset.carried.as_ref().map(|carried| carried.decode()).unwrap_or_default();
        Reset {
            frame: number(frame),
            file: elsewhere(frame, home, names),
            ts: Moving(moment::seconds(reset.segment.at)),
            from: side(reset.by),
            shape: Word(reset.facts.shape.word()),
            progress: Word(reset.facts.progress.word()),
            sender: Sender {
                who: Word(reset.sender.who.word()),
                confidence: Shown(reset.sender.finding),
                evidence: Told { list: reset.sender.grounds, home, names },
            },
            cause: Still(CauseOf(*verdict)),
            evidence: Told { list: verdict.grounds(reset), home, names },
            ruled_out: Told { list: verdict.ruled_out(reset), home, names },
            would_decide: verdict.would_decide(),
            harm: Still(HarmDone(reset.harm)),
            remedy: verdict.card().map(|card| card.remedy),
            payload: payload.into_iter().map(Said::new).collect(),
            group: judged.group.map(|group| Moving(group.0)),
            kernel: None,
        }
    }
}

impl Serialize for CauseOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let CauseOf(verdict) = self;
        let cause = verdict.cause().zip(verdict.finding()).map(|(id, finding)| Cause {
            id: Word(id.0),
            confidence: Shown(finding),
            twins: verdict.twins().into_iter().map(|(id, _)| Word(id.0)).collect(),
        });
        cause.serialize(serializer)
    }
}

impl Serialize for HarmDone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let HarmDone(harm) = *self;
        let (lost_by_sender, lost_by_victim) = match harm {
            Harm::Lost { of_sender, of_victim } => (of_sender, of_victim),
            _ => (0, 0),
        };
        let (kind, harmful) = (Word(harm.word()), harm.is_harmful());
        Cost { kind, harmful, lost_by_sender, lost_by_victim, says: words::harm(harm) }.serialize(serializer)
    }
}

impl Said {
    fn new(payload: Payload) -> Said {
        let (kind, says) = (Word(payload.kind()), payload.to_string());
        let detail = match payload {
            Payload::BigIp { code, line, relayed_from_peer, cause } => {
                Detail::BigIp { code, line, relayed_from_peer, cause }
            }
            Payload::Diagnostic(diagnostic) => Detail::Diagnostic {
                form: diagnostic.form.word(),
                code: diagnostic.code,
                enterprise: diagnostic.enterprise,
                description: diagnostic.description,
            },
            Payload::MptcpReset { transient, reason, .. } => Detail::Mptcp { transient, code: reason },
            Payload::Text(text) => Detail::Text { text },
            Payload::Binary { len, .. } => Detail::Binary { octets: len },
        };
        Said { kind, says, detail }
    }
}

fn side(side: Side) -> Word {
    match side {
        Side::Originator => Word("orig"),
        Side::Responder => Word("resp"),
    }
}

fn from(counts: PerSide<u32>) -> Word {
    match (counts.originator > 0, counts.responder > 0) {
        (true, true) => Word("both"),
        (true, false) => Word("orig"),
        (false, true) => Word("resp"),
        (false, false) => Word("none"),
    }
}
