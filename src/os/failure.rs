//! Errors with a file name and the kernel's error number: the number decides what is to blame, the name helps people.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An error of an operation on one file.
#[derive(Debug)]
struct AtPath {
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for AtPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), in_words(&self.source))
    }
}

impl Error for AtPath {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// The same error with the file that it is about; [`errno_of`] still finds its number.
pub fn at(path: &Path, source: io::Error) -> io::Error {
    io::Error::new(source.kind(), AtPath { path: path.to_owned(), source })
}

/// The kernel's error number of an error or of one of its causes; none when the kernel gave none.
pub fn errno_of(error: &(dyn Error + 'static)) -> Option<i32> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        let of_inner = || errno_of(error.get_ref()? as &(dyn Error + 'static));
        return error.raw_os_error().or_else(of_inner);
    }
    error.source().and_then(errno_of)
}

/// An error as people read it: as in strerror(3), without the number.
pub fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(number) => {
            let number = format!(" (os error {number})");
            text.strip_suffix(number.as_str()).unwrap_or(&text).to_lowercase()
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_number_however_often_it_is_wrapped() {
        let raw = || io::Error::from_raw_os_error(nix::libc::EDQUOT);
        let once = at(Path::new("/a"), raw());
        assert_eq!(once.raw_os_error(), None, "the standard library alone loses it");
        assert_eq!(once.to_string(), "/a: disk quota exceeded");
        let twice = io::Error::other(at(Path::new("/b"), once));
        for error in [&raw(), &at(Path::new("/a"), raw()), &twice] {
            assert_eq!(errno_of(error), Some(nix::libc::EDQUOT), "{error}");
        }
        assert_eq!(errno_of(&io::Error::from(io::ErrorKind::NotFound)), None);
        assert_eq!(errno_of(&fmt::Error), None);
    }
}
