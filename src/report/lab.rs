//! What the lab says of itself.

use rst_storm_linux::named::Process;

use crate::lab::namespaces::Standing;
use crate::lab::topology::{
    BRIDGE, DESTINATION, DESTINATION_LINK, DESTINATION_NAME, OBSERVER_NAME, SOURCE, SOURCE_LINK, SOURCE_NAME,
};

/// After `lab up`.
pub fn up(stood_already: bool) -> String {
    let state = if stood_already { "The lab is up already" } else { "The lab is up" };
    format!(
        "{state}: {SOURCE_NAME} ({SOURCE}, {SOURCE_LINK}) -- {OBSERVER_NAME} ({BRIDGE}) -- {DESTINATION_NAME} \
         ({DESTINATION}, {DESTINATION_LINK})\n\n\
         Terminal 1: ip netns exec {DESTINATION_NAME} rst-storm server\n\
         Terminal 2: ip netns exec {SOURCE_NAME} rst-storm client\n\
         Watch:      ip netns exec {OBSERVER_NAME} tcpdump -i {BRIDGE} -n 'tcp port 9999'\n\
         Remove:     rst-storm lab down\n"
    )
}

/// After `lab down`. A namespace without a name lives on for as long as a process is in it.
pub fn down(removed: usize, residents: &[Process]) -> String {
    let mut text = match removed {
        0 => return "There was no lab to remove\n".to_owned(),
        _ => format!("The lab is gone: {removed} namespaces removed\n"),
    };
    for Process { pid, comm } in residents {
        text.push_str(&format!(
            "Still running inside, and keeping its namespace until it ends: {comm} (process {pid})\n"
        ));
    }
    text
}

/// `lab status`.
pub fn status(standing: &[(&str, Standing)], whole: bool, fault: Option<&str>) -> String {
    let mut text = String::new();
    for (name, standing) in standing {
        text.push_str(&format!("{name:<12} {standing}\n"));
    }
    text.push_str(&match (whole, fault) {
        (true, None) => "The lab stands and forwards\n".to_owned(),
        (true, Some(fault)) => format!("The lab is broken: {fault}. 'rst-storm lab up' makes it anew\n"),
        (false, _) => "The lab does not stand. 'rst-storm lab up' makes it (root)\n".to_owned(),
    });
    text
}
