//! Keeps a patch within its limit while it is read. Pure. Whole files are left out, in favour of those behind them that still fit;
//! when only one file is wanted, the end of its diff is cut off instead, at the end of a line.

use crate::os::workspaces::diff_report::{LEFT_OUT_MAX, LeftOut};

/// How the part of a file begins. No other line does: lines of content begin with a sign.
const BEGINNING: &[u8] = b"diff --git ";

/// Most that is read of a patch, bytes. What is behind it is left out unread.
const READ_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A patch that is being read.
#[derive(Debug)]
pub struct PatchKeeper {
    limit: usize,
    /// The name of the file of each part, in the order of the parts; none where it is not wanted.
    sections: std::vec::IntoIter<Option<String>>,
    is_only_one: bool,
    kept: Vec<u8>,
    /// Where the part that is being read begins in `kept`.
    begun_at: usize,
    current: Option<Section>,
    /// The beginning of a line that may be the beginning of a part.
    head: Vec<u8>,
    is_inside_line: bool,
    read: usize,
    left_out: LeftOut,
}

/// The part that is being read.
#[derive(Debug)]
struct Section {
    name: String,
    is_left_out: bool,
}

impl PatchKeeper {
    /// Keeps at most `limit` bytes of a patch whose parts are of these files.
    pub fn new(limit: usize, sections: Vec<Option<String>>) -> Self {
        let mut names: Vec<&String> = sections.iter().flatten().collect();
        names.dedup();
        Self {
            limit,
            is_only_one: names.len() == 1,
            sections: sections.into_iter(),
            kept: Vec::new(),
            begun_at: 0,
            current: None,
            head: Vec::new(),
            is_inside_line: false,
            read: 0,
            left_out: LeftOut::default(),
        }
    }

    /// Takes a piece of the patch; false when no more is read.
    pub fn push(&mut self, mut piece: &[u8]) -> bool {
        self.read = self.read.saturating_add(piece.len());
        while let Some(first) = piece.first() {
            if self.is_inside_line {
                let end = piece.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
                let (line, rest) = piece.split_at(end.unwrap_or(piece.len()));
                self.keep(line);
                self.is_inside_line = end.is_none();
                piece = rest;
                continue;
            }
            self.head.push(*first);
            piece = piece.get(1..).unwrap_or_default();
            let is_beginning = self.head == BEGINNING;
            if is_beginning {
                self.begin();
            }
            if is_beginning || !BEGINNING.starts_with(&self.head) {
                let head = std::mem::take(&mut self.head);
                self.is_inside_line = !head.ends_with(b"\n");
                self.keep(&head);
            }
        }
        if self.read > READ_BYTES_MAX {
            self.left_out.is_more = true;
            return false;
        }
        true
    }

    /// A new part begins.
    fn begin(&mut self) {
        self.begun_at = self.kept.len();
        // Nothing stands behind a cut.
        let is_left_out = self.left_out.cut_bytes > 0;
        self.current = self.sections.next().flatten().map(|name| Section { name, is_left_out });
    }

    fn keep(&mut self, bytes: &[u8]) {
        let Some(section) = &mut self.current else { return };
        let room = self.limit.saturating_sub(self.kept.len());
        if !section.is_left_out && bytes.len() <= room {
            self.kept.extend_from_slice(bytes);
            return;
        }
        if self.is_only_one {
            self.left_out.cut_bytes += count(bytes.len());
            if !section.is_left_out {
                let is_line = |byte: &u8| *byte == b'\n';
                let end = self.kept.iter().rposition(is_line).map_or(0, |at| at + 1);
                self.left_out.cut_bytes += count(self.kept.len() - end);
                self.kept.truncate(end);
            }
        } else if !section.is_left_out {
            self.kept.truncate(self.begun_at);
            let name = section.name.clone();
            leave_out(&mut self.left_out, name);
        }
        if let Some(section) = &mut self.current {
            section.is_left_out = true;
        }
    }

    /// The patch, and what was left out of it.
    pub fn finish(mut self) -> (Vec<u8>, LeftOut) {
        let head = std::mem::take(&mut self.head);
        self.keep(&head);
        if self.left_out.is_more {
            if let Some(section) = self.current.take().filter(|section| !section.is_left_out)
                && !self.is_only_one
            {
                self.kept.truncate(self.begun_at);
                leave_out(&mut self.left_out, section.name);
            }
            for name in self.sections.by_ref().flatten() {
                leave_out(&mut self.left_out, name);
            }
        }
        (self.kept, self.left_out)
    }
}

fn leave_out(left_out: &mut LeftOut, name: String) {
    left_out.file_count += 1;
    if left_out.files.len() < LEFT_OUT_MAX {
        left_out.files.push(name);
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(limit: usize, names: &[Option<&str>], text: &str, step: usize) -> (String, LeftOut) {
        let sections = names.iter().map(|name| name.map(str::to_owned)).collect();
        let mut keeper = PatchKeeper::new(limit, sections);
        for piece in text.as_bytes().chunks(step) {
            assert!(keeper.push(piece));
        }
        let (patch, left_out) = keeper.finish();
        (String::from_utf8(patch).unwrap(), left_out)
    }

    const A: &str = "diff --git a/a b/a\n@@\n+diff --git x\n-y\n";
    const B: &str = "diff --git a/b b/b\n@@\n+1234567890123456789012345678901234567890\n";
    const C: &str = "diff --git a/c b/c\n\\ No newline";

    #[test]
    fn a_patch_within_its_limit_is_kept_as_it_is_however_it_is_cut_into_pieces() {
        let whole = [A, B, C].concat();
        for step in [1, 2, 7, 1000] {
            let (patch, left_out) = kept(1000, &[Some("a"), Some("b"), Some("c")], &whole, step);
            assert_eq!((patch, left_out.line()), (whole.clone(), None), "{step}");
        }
    }

    #[test]
    fn a_file_that_does_not_fit_is_left_out_whole_and_the_next_one_is_not() {
        let whole = [A, B, C].concat();
        for step in [1, 5, 1000] {
            let names = [Some("a"), Some("b"), Some("c")];
            let (patch, left_out) = kept(A.len() + C.len(), &names, &whole, step);
            assert_eq!(patch, [A, C].concat(), "{step}");
            assert_eq!((left_out.file_count, left_out.files), (1, vec!["b".to_owned()]));
        }
    }

    #[test]
    fn what_is_not_wanted_is_neither_kept_nor_left_out() {
        let (patch, left_out) = kept(B.len(), &[None, Some("b"), None], &[A, B, C].concat(), 3);
        assert_eq!((patch.as_str(), left_out), (B, LeftOut::default()));
    }

    #[test]
    fn the_only_file_is_cut_at_the_end_of_a_line() {
        let (patch, left_out) = kept(25, &[Some("b")], B, 1000);
        assert_eq!(patch, "diff --git a/b b/b\n@@\n");
        assert_eq!(left_out.cut_bytes, (B.len() - patch.len()) as u64);
        let (again, same) = kept(25, &[Some("b")], B, 1);
        assert_eq!((again, same), (patch, left_out));
    }
}
