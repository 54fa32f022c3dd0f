//! The body of a request that is sent from a file.

use std::fs::File;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// Bytes sent at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// A file on its way. It is read where it is sent: this client does one thing at a time.
pub(super) struct FileBody {
    file: File,
    left: u64,
}

impl FileBody {
    /// The first `length` bytes of `file`.
    pub(super) fn new(file: File, length: u64) -> Self {
        Self { file, left: length }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let mut chunk = vec![0; wanted];
        Poll::Ready(Some(match self.file.read(&mut chunk) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                chunk.truncate(length);
                self.left -= length as u64;
                Ok(Frame::data(chunk.into()))
            }
            Err(error) => Err(error),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
