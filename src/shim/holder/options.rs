//! The command line of the holder.

use std::ffi::OsString;
use std::path::PathBuf;

/// For wrong calls.
pub const USAGE: &str = "usage: kanban-shim --hold [--socket PATH] [--daemon-user NAME] [--users PATH] [--shim PATH] \
                         [--cgroup-base DIR | --no-groups] [--no-mounts]";

/// Where the control groups of the runs are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupChoice {
    /// Below the group that the holder is in.
    Own,
    /// Below this group.
    Below(PathBuf),
    /// Nowhere.
    None,
}

/// See the module `holder`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where it listens.
    pub socket: PathBuf,
    /// Name of the user that may ask.
    pub daemon_user: String,
    /// The users' file.
    pub users: PathBuf,
    /// The shim; none for its own file.
    pub shim: Option<PathBuf>,
    /// The control groups.
    pub groups: GroupChoice,
    /// Whether no run gets mounts of its own.
    pub has_no_mounts: bool,
}

impl Options {
    /// Reads them.
    ///
    /// # Errors
    /// One line about the word that is wrong.
    pub fn of(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut options = Self {
            socket: PathBuf::from("/run/kanband-runs/holder.sock"),
            daemon_user: "kanband".to_owned(),
            users: PathBuf::from("/etc/kanband/users"),
            shim: None,
            groups: GroupChoice::Own,
            has_no_mounts: false,
        };
        while let Some(option) = arguments.next() {
            let option = option.to_string_lossy().into_owned();
            if option == "--no-groups" {
                options.groups = GroupChoice::None;
                continue;
            }
            if option == "--no-mounts" {
                options.has_no_mounts = true;
                continue;
            }
            let mut path = || match arguments.next() {
                Some(value) if !value.is_empty() => {
                    // The working directory changes later on.
                    std::path::absolute(PathBuf::from(value)).map_err(|error| error.to_string())
                }
                Some(_) | None => Err(format!("`{option}` requires a value")),
            };
            match option.as_str() {
                "--socket" => options.socket = path()?,
                "--users" => options.users = path()?,
                "--shim" => options.shim = Some(path()?),
                "--cgroup-base" => options.groups = GroupChoice::Below(path()?),
                "--daemon-user" => {
                    let name = arguments.next().and_then(|name| name.into_string().ok());
                    options.daemon_user = name
                        .filter(|name| !name.is_empty())
                        .ok_or_else(|| "`--daemon-user` requires a name".to_owned())?;
                }
                _ => return Err(format!("unknown option `{option}`")),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Result<Options, String> {
        Options::of(words.iter().map(OsString::from))
    }

    #[test]
    fn without_options_it_is_where_the_package_puts_things() {
        let options = of(&[]).unwrap();
        assert_eq!(options.socket, PathBuf::from("/run/kanband-runs/holder.sock"));
        assert_eq!(options.users, PathBuf::from("/etc/kanband/users"));
        assert_eq!((options.daemon_user.as_str(), options.shim), ("kanband", None));
        assert_eq!((options.groups, options.has_no_mounts), (GroupChoice::Own, false));
    }

    #[test]
    fn every_option_is_read_and_a_wrong_one_is_named() {
        let options =
            of(&["--socket", "/a", "--users", "/b", "--shim", "/c", "--daemon-user", "d"]);
        let options = options.unwrap();
        assert_eq!((options.socket, options.users), (PathBuf::from("/a"), PathBuf::from("/b")));
        assert_eq!((options.shim, options.daemon_user), (Some(PathBuf::from("/c")), "d".into()));
        let below = GroupChoice::Below(PathBuf::from("/e"));
        assert_eq!(of(&["--cgroup-base", "/e"]).unwrap().groups, below);
        assert!(of(&["--no-mounts"]).unwrap().has_no_mounts);
        assert_eq!(of(&["--no-groups"]).unwrap().groups, GroupChoice::None);
        for wrong in ["--socket", "--users", "--daemon-user", "--what", "word"] {
            assert!(of(&[wrong]).unwrap_err().contains(wrong), "{wrong}");
        }
        assert!(of(&["--socket", ""]).is_err());
    }
}
