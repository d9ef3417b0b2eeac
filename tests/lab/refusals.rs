//! What is refused: named labs without privilege, namespaces where they are forbidden, targets that nobody may storm.

use std::process::Command;

use crate::common::{Folder, alike, run};
use crate::players::{by, can_play, is_root, need, program_of, storm_by};
use crate::trials::{Once, Outcome, Player};

pub const ONCE: &[Once] = &[
    ("named labs without privilege name what they need", named_needs_privilege),
    ("where user namespaces are forbidden the setting is named", forbidden_namespaces_name_the_setting),
    ("in a chroot the candidates are named", a_chroot_names_the_candidates),
    ("a refused target gets no packet and a permitted one does", a_refused_target_gets_no_packet),
];

fn named_needs_privilege() -> Outcome {
    can_play(Player::Rootless)?;
    for line in ["run --named --auto --duration 0.1", "run --keep --auto --duration 0.1", "lab up"] {
        let done = run(storm_by(Player::Rootless, line)).exits(3);
        assert_eq!(done.out, "", "{line}: {done}");
        assert_eq!(done.err.lines().count(), 1, "{line}: {done}");
        assert!(done.err.contains("needs root") && done.err.contains("CAP_SYS_ADMIN"), "{line}: {done}");
    }
    Ok(())
}

/// The limit is set inside a fresh user namespace, where it binds nobody else.
fn forbidden_namespaces_name_the_setting() -> Outcome {
    can_play(Player::Rootless)?;
    need(&["setpriv"])?;
    let mut command = by(Player::Rootless, "unshare");
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && \
                  exec setpriv --bounding-set -all --inh-caps -all \"$BIN\" run --auto --duration 0.1";
    command.args(["-Ur", "sh", "-c", script]).env("BIN", program_of(Player::Rootless));
    let done = run(command);
    if done.err.contains("/proc/sys/user/max_user_namespaces") {
        return Err(format!("the setting can't be written here: {}", done.err.trim()));
    }
    let done = done.exits(3);
    assert_eq!(done.out, "", "{done}");
    assert!(done.err.contains("user.max_user_namespaces is 0") && done.err.contains("ENOSPC"), "{done}");
    Ok(())
}

fn a_chroot_names_the_candidates() -> Outcome {
    can_play(Player::Root)?;
    can_play(Player::Rootless)?;
    need(&["chroot", "mount"])?;
    let folder = Folder::new();
    let mut command = Command::new("unshare");
    let script = "mount --rbind / \"$ROOT\" && exec chroot \"$ROOT\" \
                  setpriv --reuid 65534 --regid 65534 --clear-groups \"$BIN\" run --auto --duration 0.1";
    command.args(["--mount", "--propagation", "private", "sh", "-c", script]);
    command.env("ROOT", folder.path()).env("BIN", program_of(Player::Rootless));
    alike(&mut command);
    let done = run(command).exits(3);
    assert_eq!(done.out, "", "{done}");
    for part in [
        "create user namespace",
        "EPERM",
        "chroot",
        "user.max_user_namespaces",
        "kernel.unprivileged_userns_clone",
        "kernel.apparmor_restrict_unprivileged_userns",
    ] {
        assert!(done.err.contains(part), "{part}: {done}");
    }
    Ok(())
}

/// In a namespace where every address has a route, the kernel's counter shows whether a SYN was sent.
fn a_refused_target_gets_no_packet() -> Outcome {
    let player = if is_root() { Player::Root } else { Player::Rootless };
    can_play(player)?;
    need(&["ip"])?;
    let attempts = |options: &str| {
        let script = "ip link set lo up && ip link add d0 type veth peer name d1 && ip link set d0 up && ip link set d1 up && \
                      ip address add 10.9.9.9/24 dev d0 && ip route add default dev d0 && \
                      ip -6 route add default dev d0; \
                      \"$BIN\" client --duration 0.1 --timeout 0.1 --rate 100 $OPTIONS; \
                      echo \"exit $?\"; cat /proc/net/snmp";
        let mut command = by(player, "unshare");
        command.args(["-Urn", "sh", "-c", script]).env("OPTIONS", options).env("BIN", program_of(player));
        let done = run(command);
        let tcp: Vec<Vec<&str>> =
            done.out.lines().filter(|line| line.starts_with("Tcp: ")).map(|line| line.split(' ').collect()).collect();
        let place = tcp[0].iter().position(|name| *name == "ActiveOpens").expect("the counter ActiveOpens");
        assert!(tcp.len() == 2, "the kernel's counters: {done}");
        let code = done.out.lines().find_map(|line| line.strip_prefix("exit ")).expect("an exit code").to_owned();
        (tcp[1][place].parse::<u64>().expect("a count"), code)
    };
    assert_eq!(
        attempts("--host 10.9.9.1"),
        (10, "1".to_owned()),
        "a permitted target gets its SYNs: the counter works"
    );
    for host in ["8.8.8.8", "::ffff:8.8.8.8", "239.1.1.1", "255.255.255.255", "0.0.0.0", "::", "2001:db8::1"] {
        assert_eq!(attempts(&format!("--host {host}")), (0, "2".to_owned()), "{host}");
    }
    assert_eq!(attempts(""), (0, "3".to_owned()), "no --host, and this is not the lab's source");
    Ok(())
}
