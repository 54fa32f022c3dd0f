//! What a client reads of its own files: the bytes of one that it attaches, path, size and SHA-256 of those that a worker
//! declares as its results. The files are opened here, under the rights of the caller, never by the daemon.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::api::client::error::ClientError;
use crate::api::client::exchange::Client;
use crate::api::client::task_path::task_path;
use crate::kernel::artifact::Artifact;
use crate::kernel::error::ErrorCode;
use crate::kernel::limits::ATTACHMENT_BYTES_MAX;
use crate::kernel::verbs::AttachReply;
use crate::os::processes::run_view::{has_own_tmp, is_in_own_directory};

/// Bytes read at once.
const CHUNK_BYTES: usize = 256 * 1024;

impl Client {
    /// Attaches a file of this side to a task, under its own name unless another is given.
    ///
    /// # Errors
    /// [`ClientError`]; a file that cannot be read is refused before anything is sent.
    pub fn attach(
        &self,
        id: &str,
        file: &Path,
        name: Option<&str>,
        board: Option<&str>,
    ) -> Result<AttachReply, ClientError> {
        let path = task_path(id, "attach")?;
        let own_name = || file.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.map(str::to_owned).or_else(own_name).unwrap_or_default();
        let bytes = read_whole(file)?;
        let mut query: Vec<(&str, &str)> = vec![("filename", &name)];
        query.extend(board.map(|board| ("board", board)));
        self.post_bytes(&path, &query, bytes)
    }
}

/// A file as the bytes of an attachment.
fn read_whole(path: &Path) -> Result<Bytes, ClientError> {
    let (mut file, size) = open_regular(path)?;
    if size > ATTACHMENT_BYTES_MAX {
        let text = format!(
            "{} is too large: {size} bytes, maximum {ATTACHMENT_BYTES_MAX}",
            path.display()
        );
        return Err(ClientError::refused(ErrorCode::TooLarge, text));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    Ok(bytes.into())
}

/// Opens what has to be a regular file; a device or a pipe has no size and maybe no end.
fn open_regular(path: &Path) -> Result<(File, u64), ClientError> {
    let at = |error: io::Error| unreadable(path, &error);
    // Looked at before it is opened: opening a pipe waits for a writer.
    let is_regular = |meta: &std::fs::Metadata| meta.is_file();
    let refuse = || {
        let text = format!("{} is not a regular file", path.display());
        Err(ClientError::refused(ErrorCode::InvalidValue, text))
    };
    if !is_regular(&std::fs::metadata(path).map_err(at)?) {
        return refuse();
    }
    let file = File::open(path).map_err(at)?;
    let meta = file.metadata().map_err(at)?;
    if !is_regular(&meta) {
        return refuse();
    }
    Ok((file, meta.len()))
}

fn unreadable(path: &Path, error: &io::Error) -> ClientError {
    let text = format!("cannot read {}: {error}", path.display());
    ClientError::refused(ErrorCode::InvalidValue, text)
}

/// What is declared of a file: its absolute path, its length and the SHA-256 of its bytes.
///
/// # Errors
/// [`ClientError::Refused`] when it is missing, is no regular file or cannot be read.
pub fn artifact_of(path: &Path) -> Result<Artifact, ClientError> {
    let absolute: PathBuf = std::path::absolute(path).map_err(|error| unreadable(path, &error))?;
    let Some(name) = absolute.to_str() else {
        let text = format!("cannot record {}: the path is not valid UTF-8", path.display());
        return Err(ClientError::refused(ErrorCode::InvalidValue, text));
    };
    if is_in_own_directory(&absolute) && has_own_tmp() {
        let text = format!(
            "cannot record {name}: this run has a /tmp of its own, which ends with it and nobody else sees; write the file to the \
             workspace, or attach it (`kanban attach`)"
        );
        return Err(ClientError::refused(ErrorCode::InvalidValue, text));
    }
    let (mut file, _) = open_regular(&absolute)?;
    let mut hash = Sha256::new();
    let mut size_bytes: u64 = 0;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(path, &error)),
        };
        hash.update(chunk.get(..length).unwrap_or_default());
        size_bytes += length as u64;
    }
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Artifact { path: name.to_owned(), size_bytes, sha256 })
}

/// Artifacts as the field of a request.
///
/// # Errors
/// As [`artifact_of`], for the first file that cannot be taken.
pub fn artifacts_field<'p>(paths: impl IntoIterator<Item = &'p str>) -> Result<Value, ClientError> {
    let artifacts: Result<Vec<Artifact>, ClientError> =
        paths.into_iter().map(|path| artifact_of(Path::new(path))).collect();
    Ok(json!(artifacts?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_is_a_regular_file_with_its_size_and_hash() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("abc");
        std::fs::write(&file, "abc").unwrap();
        let artifact = artifact_of(&file).unwrap();
        assert_eq!((artifact.path.as_str(), artifact.size_bytes), (file.to_str().unwrap(), 3));
        assert!(artifact.sha256.starts_with("ba7816bf"), "{}", artifact.sha256);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(artifact_of(&link).unwrap().sha256, artifact.sha256);
        for (path, phrase) in [
            (dir.path().join("none"), "cannot read"),
            (dir.path().to_owned(), "not a regular file"),
            (PathBuf::from("/dev/zero"), "not a regular file"),
        ] {
            let Err(ClientError::Refused(detail)) = artifact_of(&path) else { panic!("{path:?}") };
            assert!(detail.message.contains(phrase), "{}", detail.message);
        }
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large");
        File::create(&path).unwrap().set_len(ATTACHMENT_BYTES_MAX + 1).unwrap();
        let Err(ClientError::Refused(detail)) = read_whole(&path) else { panic!() };
        assert_eq!(detail.code, ErrorCode::TooLarge);
        File::options().write(true).open(&path).unwrap().set_len(ATTACHMENT_BYTES_MAX).unwrap();
        assert_eq!(read_whole(&path).unwrap().len() as u64, ATTACHMENT_BYTES_MAX);
    }
}
