//! Which process has a socket, as far as `/proc` shows it.

use std::net::SocketAddr;
use std::path::Path;

use crate::os::host::sock_diag::owner_of_listener;
use crate::os::processes::user::user_name;

/// Who listens at a port, in words: "pid 812 (node), user ada", or the user alone where the process is out of sight. None when nobody
/// does, or the kernel does not say.
pub fn listener_in_words(address: SocketAddr) -> Option<String> {
    let owner = owner_of_listener(address).ok().flatten()?;
    let user = user_name(owner.uid).unwrap_or_else(|| format!("uid {}", owner.uid));
    Some(match process_with_socket(owner.inode) {
        Some((pid, name)) => format!("pid {pid} ({name}), user {user}"),
        None => format!("a process of user {user}"),
    })
}

/// The first process that has the socket with this number open.
fn process_with_socket(inode: u32) -> Option<(i32, String)> {
    let wanted = format!("socket:[{inode}]");
    let has_it = |process: &Path| {
        let descriptors = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        let mut links = descriptors.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        links.any(|link| link.as_os_str() == wanted.as_str())
    };
    std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let path = entry.path();
        has_it(&path).then(|| {
            let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
            (pid, name.trim().to_owned())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_is_named_by_process_and_user() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let words = listener_in_words(address).unwrap();
        assert!(words.starts_with(&format!("pid {} (", std::process::id())), "{words}");
        drop(listener);
        assert_eq!(listener_in_words(address), None);
    }
}
