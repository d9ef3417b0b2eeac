//! The lab's namespaces: nameless ones that end with the process, or the three named ones.

use std::fmt;

use rst_storm_linux::named::Process;
use rst_storm_linux::privilege::{Capability, has_capability, namespace_limits};
use rst_storm_linux::user_namespace::enter_user_namespace;
use rst_storm_linux::{Cause, Error, named};

use super::network::Hosts;
use super::topology::{DESTINATION_NAME, MARK, OBSERVER_NAME, SOURCE_NAME};

/// The names, in the order in which they are made.
pub const NAMES: [&str; 3] = [SOURCE_NAME, OBSERVER_NAME, DESTINATION_NAME];

/// What kind of namespaces a lab stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Nameless ones of this process.
    Private,
    /// Nameless ones inside a user namespace of this process.
    User,
    /// pp-source, pp-observer and pp-dest.
    Named,
}

/// Why there is no lab.
#[derive(Debug)]
pub enum LabError {
    /// This machine does not let us make namespaces: what it refused, and which setting says so.
    Forbidden(Error, String),
    /// Named namespaces need more than this user has.
    NeedsRoot(Error),
    /// Something of these names is not ours.
    Foreign(Vec<String>),
    /// Another run is using the named lab.
    Busy(u32),
    /// Something else failed on the way.
    Failed(Error),
}

impl From<Error> for LabError {
    fn from(error: Error) -> LabError {
        LabError::Failed(error)
    }
}

/// Three joined namespaces without a name: plain ones if that is allowed, else inside a user namespace. Must be called while
/// the process has a single thread.
pub fn create_nameless() -> Result<(Hosts, Kind), LabError> {
    let (hosts, kind) = bare()?;
    hosts.join()?;
    Ok((hosts, kind))
}

/// Three namespaces without a name, not joined yet.
///
/// Root in a container often can't make plain ones and may make those inside a user namespace, so it is tried and not guessed
/// from the uid. Must be called while the process has a single thread.
pub fn bare() -> Result<(Hosts, Kind), LabError> {
    if has_capability(Capability::NetAdmin)? {
        // With NET_ADMIN but without SYS_ADMIN this fails, and the second way is left.
        if let Ok(hosts) = Hosts::create() {
            return Ok((hosts, Kind::Private));
        }
    }
    // Inside the user namespace the settings read as its own, and not as those that forbid.
    let limits = namespace_limits();
    let forbidden = |error| LabError::Forbidden(error, why_forbidden(&limits));
    enter_user_namespace().map_err(forbidden)?;
    let hosts = Hosts::create().map_err(forbidden)?;
    Ok((hosts, Kind::User))
}

/// What stands under one of the names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Absent,
    /// A namespace of this program's, made by `lab up` or for `--keep`.
    Ours,
    /// One that a `run --named` made for itself, with its process id.
    OfRun(u32),
    /// A namespace that somebody else made.
    Foreign,
    /// A file that is no namespace: what a kill in the middle of making one leaves, or somebody else's.
    NoNamespace,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Standing::Absent => f.write_str("absent"),
            Standing::Ours => f.write_str("up"),
            Standing::OfRun(pid) => write!(f, "up, made by run of process {pid}"),
            Standing::Foreign => f.write_str("not ours (no mark of rst-storm on its lo)"),
            Standing::NoNamespace => f.write_str("a file, not a namespace"),
        }
    }
}

/// Who the named lab is made for, which its mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The user, until `lab down`.
    User,
    /// One run, until its end.
    Run(u32),
}

impl Owner {
    fn mark(self) -> String {
        match self {
            Owner::User => MARK.to_owned(),
            Owner::Run(pid) => format!("{MARK} of run {pid}"),
        }
    }
}

/// What stands under `name`. To look inside a namespace takes as much privilege as to make it.
pub fn look(name: &str) -> Result<Standing, LabError> {
    look_inside(name).map_err(refused)
}

fn look_inside(name: &str) -> Result<Standing, Error> {
    let namespace = match named::open_named(name) {
        Ok(None) => return Ok(Standing::Absent),
        Ok(Some(namespace)) => namespace,
        Err(error) if *error.cause() == Cause::NotANamespace => return Ok(Standing::NoNamespace),
        Err(error) => return Err(error),
    };
    let mark = named::mark_of(&namespace)?.unwrap_or_default();
    Ok(match mark.strip_prefix(MARK) {
        None => Standing::Foreign,
        Some("") => Standing::Ours,
        Some(rest) => match rest.strip_prefix(" of run ").and_then(|pid| pid.parse().ok()) {
            Some(pid) => Standing::OfRun(pid),
            None => Standing::Foreign,
        },
    })
}

/// Whether [`create_named`] found the lab standing or had to make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It stood already.
    Standing,
    /// It was made.
    Made,
}

/// The named lab: the one that stands, if it is ours and whole, else a fresh one. What a killed run has left is
/// removed first; what is somebody else's is neither used nor deleted.
pub fn create_named(owner: Owner) -> Result<(Hosts, Found), LabError> {
    let standing = look_at_all()?;
    if standing.iter().all(|standing| *standing == Standing::Ours) {
        let hosts = open_named()?;
        if hosts.find_fault()?.is_none() {
            return Ok((hosts, Found::Standing));
        }
    }
    remove(&standing)?;
    let made = make_named(owner);
    if made.is_err() {
        // A half-made lab is no use to anyone; the first error is the one worth telling.
        let _ = remove_named();
    }
    made.map(|hosts| (hosts, Found::Made))
}

fn make_named(owner: Owner) -> Result<Hosts, LabError> {
    let make = |name| named::create_named(name, &owner.mark()).map_err(refused);
    let hosts =
        Hosts { source: make(SOURCE_NAME)?, observer: make(OBSERVER_NAME)?, destination: make(DESTINATION_NAME)? };
    hosts.join()?;
    Ok(hosts)
}

/// Opens the three named namespaces, which must all be there.
pub fn open_named() -> Result<Hosts, Error> {
    const ENOENT: i32 = 2;
    let open = |name: &str| {
        named::open_named(name)?.ok_or_else(|| Error::from_errno("open the named network namespace", name, ENOENT))
    };
    Ok(Hosts { source: open(SOURCE_NAME)?, observer: open(OBSERVER_NAME)?, destination: open(DESTINATION_NAME)? })
}

/// The processes that live in the named lab and keep its namespaces alive when their names are gone.
pub fn residents() -> Result<Vec<Process>, LabError> {
    let mut residents = Vec::new();
    for name in NAMES {
        if let Ok(Some(namespace)) = named::open_named(name) {
            residents.extend(named::processes_in(&namespace)?);
        }
    }
    Ok(residents)
}

/// Removes the named lab, whatever is left of it, and says how many namespaces that were.
pub fn remove_named() -> Result<usize, LabError> {
    remove(&look_at_all()?)
}

/// What stands under each of [`NAMES`]; an error if any of it is somebody else's or in use by another run.
fn look_at_all() -> Result<Vec<Standing>, LabError> {
    let mut standing = Vec::new();
    for name in NAMES {
        standing.push(look(name)?);
    }
    let named = || NAMES.iter().zip(&standing);
    let foreign: Vec<String> =
        named().filter(|(_, standing)| **standing == Standing::Foreign).map(|(name, _)| (*name).to_owned()).collect();
    if !foreign.is_empty() {
        return Err(LabError::Foreign(foreign));
    }
    let other_run = standing.iter().find_map(|standing| match standing {
        Standing::OfRun(pid) if *pid != std::process::id() && is_alive(*pid) => Some(*pid),
        _ => None,
    });
    match other_run {
        Some(pid) => Err(LabError::Busy(pid)),
        None => Ok(standing),
    }
}

fn remove(standing: &[Standing]) -> Result<usize, LabError> {
    let mut removed = 0;
    for (name, standing) in NAMES.iter().zip(standing) {
        match standing {
            Standing::Absent => continue,
            Standing::NoNamespace => named::remove_stale(name).map_err(refused)?,
            _ => named::delete_named(name).map_err(refused)?,
        }
        removed += 1;
    }
    Ok(removed)
}

/// Whether a process of that id lives and is this program; ids come round again.
fn is_alive(pid: u32) -> bool {
    let name = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    name(&pid.to_string()).is_some_and(|other| Some(other) == name("self"))
}

fn refused(error: Error) -> LabError {
    const EPERM: i32 = 1;
    const EACCES: i32 = 13;
    match error.errno() {
        Some(EPERM | EACCES) => LabError::NeedsRoot(error),
        _ => LabError::Failed(error),
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LabError::Forbidden(error, why) => write!(f, "{error}: {why}"),
            LabError::NeedsRoot(error) => write!(
                f,
                "{error}: the named lab needs root with CAP_SYS_ADMIN and CAP_NET_ADMIN; 'rst-storm run' without \
                 --named and --keep needs neither"
            ),
            LabError::Foreign(names) => write!(
                f,
                "{} {} not made by rst-storm (JitterTrap uses the same names), so nothing was used or deleted: remove \
                 {} yourself (ip netns delete NAME), or use 'rst-storm run', whose lab has no names",
                names.join(", "),
                if names.len() == 1 { "was" } else { "were" },
                if names.len() == 1 { "it" } else { "them" },
            ),
            LabError::Busy(pid) => write!(
                f,
                "the named lab is in use by the rst-storm run of process {pid}: wait for its end, or run without --named"
            ),
            LabError::Failed(error) => error.fmt(f),
        }
    }
}

/// Which setting forbids namespaces, where that can be read; else all that may.
fn why_forbidden(limits: &[(&str, String)]) -> String {
    let forbids = |path: &str, value: &str| match path.rsplit('/').next() {
        Some("max_user_namespaces" | "max_net_namespaces" | "unprivileged_userns_clone") => value == "0",
        Some("apparmor_restrict_unprivileged_userns") => value != "0",
        _ => false,
    };
    let settings: Vec<String> = limits
        .iter()
        .filter(|(path, value)| forbids(path, value))
        .map(|(path, value)| format!("{} is {value}", path.trim_start_matches("/proc/sys/").replace('/', ".")))
        .collect();
    if settings.is_empty() {
        "no setting that can be read forbids it. Candidates: a container's seccomp profile or missing capabilities, a \
         chroot (no user namespaces in one), a limit in a parent namespace (user.max_user_namespaces, \
         user.max_net_namespaces), kernel.unprivileged_userns_clone, \
         kernel.apparmor_restrict_unprivileged_userns. As root with CAP_SYS_ADMIN none of them matters"
            .to_owned()
    } else {
        format!(
            "{}. An administrator can change that with sysctl -w; root needs no user namespace",
            settings.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_forbids_is_named_by_its_sysctl_name() {
        let limits = [
            ("/proc/sys/user/max_user_namespaces", "0".to_owned()),
            ("/proc/sys/user/max_net_namespaces", "96365".to_owned()),
            ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1".to_owned()),
        ];
        let why = why_forbidden(&limits);
        assert!(why.starts_with("user.max_user_namespaces is 0, kernel.apparmor_restrict_unprivileged_userns is 1."));
    }

    #[test]
    fn settings_that_allow_are_not_accused() {
        let limits = [
            ("/proc/sys/user/max_user_namespaces", "96365".to_owned()),
            ("/proc/sys/kernel/unprivileged_userns_clone", "1".to_owned()),
            ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0".to_owned()),
        ];
        assert!(why_forbidden(&limits).starts_with("no setting that can be read forbids it."));
    }

    #[test]
    fn what_is_foreign_is_named_and_left_alone() {
        let message = LabError::Foreign(vec!["pp-source".to_owned()]).to_string();
        assert!(message.starts_with("pp-source was not made by rst-storm"), "{message}");
    }
}
