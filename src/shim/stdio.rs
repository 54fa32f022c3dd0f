//! Where the standard descriptors of a worker or a command lead.
//!
//! Every pipe belongs to the worker's user, who may want to open `/dev/stdin` or `/dev/stdout`.

use std::io;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use crate::os::processes::status_pipe::set_nonblocking;
use crate::os::processes::user::{RunAs, with_file_rights_of};
use crate::os::run_files::directory::StdioSpec;

/// A pipe on an output.
#[derive(Debug)]
pub struct Output {
    /// Its reading end. Never blocks.
    pub output: OwnedFd,
    /// Its writing end.
    pub worker_end: OwnedFd,
}

/// The standard descriptors.
#[derive(Debug)]
pub struct Stdio {
    /// What is read.
    pub input: OwnedFd,
    /// Reading end of the pipe on the standard output. Never blocks.
    pub output: OwnedFd,
    /// Its writing end.
    pub worker_end: OwnedFd,
    /// The pipe on the standard error, where it has one of its own.
    pub errors: Option<Output>,
}

/// Opens them. Without a `spec` nothing is read, and there is one pipe.
///
/// # Errors
/// There are no descriptors left, or the input is longer than a pipe holds.
pub fn open(spec: Option<&StdioSpec>, run_as: Option<&RunAs>) -> io::Result<Stdio> {
    let input = match spec {
        Some(spec) => filled(&spec.input, run_as)?,
        None => std::fs::File::open("/dev/null")?.into(),
    };
    let Output { output, worker_end } = output_pipe(run_as)?;
    let errors = spec.map(|_| output_pipe(run_as)).transpose()?;
    Ok(Stdio { input, output, worker_end, errors })
}

fn output_pipe(run_as: Option<&RunAs>) -> io::Result<Output> {
    let (output, worker_end) = pipe_of(run_as)?;
    set_nonblocking(&output)?;
    Ok(Output { output, worker_end })
}

fn pipe_of(run_as: Option<&RunAs>) -> io::Result<(OwnedFd, OwnedFd)> {
    let make = || nix::unistd::pipe2(OFlag::O_CLOEXEC);
    match run_as {
        Some(who) => Ok(with_file_rights_of(who, make)??),
        None => Ok(make()?),
    }
}

/// A pipe with `text` in it, and its end behind that. Nobody waits for the reader.
///
/// A pipe, and not a file in memory (memfd_create(2)), because programs take a pipe for their input: what waits for it with epoll(7), as
/// asyncio does, is refused a file. It holds 64 KiB; a user with very many pipes gets one of 8 KiB, and a longer text is refused then
/// (EMSGSIZE) and sent with the next attempt.
fn filled(text: &str, run_as: Option<&RunAs>) -> io::Result<OwnedFd> {
    let (input, writer) = pipe_of(run_as)?;
    set_nonblocking(&writer)?;
    let mut left = text.as_bytes();
    while !left.is_empty() {
        match nix::unistd::write(&writer, left) {
            Ok(written) => left = left.get(written..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return Err(Errno::EMSGSIZE.into()),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(input)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_a_command_reads_is_in_its_pipe_and_ends_there() {
        let mut text = String::new();
        std::fs::File::from(filled("a row\n", None).unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "a row\n");
    }

    #[test]
    fn more_than_a_pipe_holds_is_refused_and_nobody_waits() {
        let long = "x".repeat(1 << 20);
        let error = filled(&long, None).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::EMSGSIZE as i32));
    }
}
