//! Kernel settings under /proc/sys. Those below net/ are the opening thread's namespace's own.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::error::{During, Error, Result};

/// Sets e.g. `net/ipv6/conf/all/disable_ipv6` to `1`.
pub fn write(setting: &str, value: &str) -> Result<()> {
    const OPERATION: &str = "write sysctl";
    let path = locate(OPERATION, setting)?;
    // Not fs::write: it would create the file in a place where none may be made, and say so instead of ENOENT.
    let mut file = fs::OpenOptions::new().write(true).open(path).during(OPERATION, setting)?;
    std::io::Write::write_all(&mut file, value.as_bytes()).during(OPERATION, setting)
}

/// The value of a setting, without the line's end.
pub fn read(setting: &str) -> Result<String> {
    const OPERATION: &str = "read sysctl";
    let text = fs::read_to_string(locate(OPERATION, setting)?).during(OPERATION, setting)?;
    Ok(text.trim_end().to_owned())
}

/// Whether this kernel has the setting, in the calling thread's namespace.
pub fn exists(setting: &str) -> bool {
    locate("find sysctl", setting).is_ok_and(|path| path.exists())
}

/// Only plain names lead further down: a `..` would leave /proc/sys.
fn locate(operation: &'static str, setting: &str) -> Result<PathBuf> {
    let relative = Path::new(setting);
    let plain = relative.components().all(|component| matches!(component, Component::Normal(_)));
    if setting.is_empty() || !plain {
        return Err(Error::from_errno(operation, setting, libc::EINVAL));
    }
    Ok(Path::new("/proc/sys").join(relative))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_setting_of_the_calling_threads_namespace() {
        assert_eq!(read("kernel/ostype").unwrap(), "Linux");
        assert!(exists("net/ipv4/ip_forward"));
    }

    #[test]
    fn a_missing_setting_is_enoent_and_a_way_out_is_einval() {
        assert!(!exists("net/ipv4/no_such_setting"));
        assert_eq!(read("net/ipv4/no_such_setting").unwrap_err().errno(), Some(libc::ENOENT));
        assert_eq!(write("net/ipv4/no_such_setting", "1").unwrap_err().errno(), Some(libc::ENOENT));
        for outside in ["", "/etc/passwd", "../version", "net/../../version"] {
            assert_eq!(read(outside).unwrap_err().errno(), Some(libc::EINVAL), "{outside}");
            assert!(!exists(outside), "{outside}");
        }
    }
}
