//! Pieces of a log's output, each with its position.

use super::reader::window_begin;

/// Farthest that the beginning of a line is looked for before a mark, bytes: what draws its progress into one line has none.
const LINE_BYTES_MAX: usize = 4_096;

/// Output that hangs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPiece {
    /// Position of its first byte.
    pub at: u64,
    /// Bytes just before it that were overwritten and not read.
    pub gone: u64,
    /// The output.
    pub bytes: Vec<u8>,
}

impl LogPiece {
    /// Position behind its last byte.
    pub fn end(&self) -> u64 {
        self.at.saturating_add(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }

    /// Bytes of it that lie before `position`.
    fn before(&self, position: u64) -> &[u8] {
        let count = usize::try_from(position.saturating_sub(self.at)).unwrap_or(usize::MAX);
        self.bytes.get(..count).unwrap_or(&self.bytes)
    }
}

/// What of `pieces` lies behind `position`. Of a gap that `position` is in, the rest is counted.
pub fn from_position(mut pieces: Vec<LogPiece>, position: u64) -> Vec<LogPiece> {
    pieces.retain_mut(|piece| {
        let cut = piece.before(position).len();
        piece.bytes.drain(..cut);
        piece.at = piece.at.saturating_add(u64::try_from(cut).unwrap_or(u64::MAX));
        piece.gone = piece.gone.min(piece.at.saturating_sub(position));
        !piece.bytes.is_empty()
    });
    pieces
}

/// The last `window` bytes of the output in `pieces`, less the broken line that they may begin with.
pub fn last_bytes(pieces: Vec<LogPiece>, window: u64) -> Vec<LogPiece> {
    let text: Vec<u8> = pieces.iter().flat_map(|piece| &piece.bytes).copied().collect();
    let mut left = window_begin(&text, window);
    if left == 0 {
        return pieces;
    }
    let mut begin = pieces.last().map_or(0, LogPiece::end);
    for piece in &pieces {
        if left < piece.bytes.len() {
            begin = piece.at.saturating_add(u64::try_from(left).unwrap_or(u64::MAX));
            break;
        }
        left -= piece.bytes.len();
    }
    from_position(pieces, begin)
}

/// Where the line begins that `position` is in, when that is near.
pub fn line_begin(pieces: &[LogPiece], position: u64) -> u64 {
    let holds = |piece: &&LogPiece| piece.at <= position && position < piece.end();
    let Some(piece) = pieces.iter().find(holds) else { return position };
    let before = piece.before(position);
    let of_line = before.iter().rev().take_while(|byte| **byte != b'\n').count();
    if of_line > LINE_BYTES_MAX {
        return position;
    }
    position - u64::try_from(of_line).unwrap_or(0)
}

/// Whether the byte before `position` is there and ends no line.
pub fn is_line_begun(pieces: &[LogPiece], position: u64) -> bool {
    let holds = |piece: &&LogPiece| piece.at < position && position <= piece.end();
    let last = pieces.iter().find(holds).and_then(|piece| piece.before(position).last());
    last.is_some_and(|byte| *byte != b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(at: u64, gone: u64, text: &str) -> LogPiece {
        LogPiece { at, gone, bytes: text.as_bytes().to_vec() }
    }

    fn pieces() -> Vec<LogPiece> {
        vec![piece(0, 0, "one\ntwo\n"), piece(100, 92, "three\nfour\n")]
    }

    #[test]
    fn what_lies_behind_a_position_is_left_with_the_rest_of_a_gap() {
        for (position, expected) in [
            (0, pieces()),
            (4, vec![piece(4, 0, "two\n"), piece(100, 92, "three\nfour\n")]),
            (8, vec![piece(100, 92, "three\nfour\n")]),
            (60, vec![piece(100, 40, "three\nfour\n")]),
            (100, vec![piece(100, 0, "three\nfour\n")]),
            (106, vec![piece(106, 0, "four\n")]),
            (111, vec![]),
            (9_000, vec![]),
        ] {
            assert_eq!(from_position(pieces(), position), expected, "{position}");
        }
    }

    #[test]
    fn a_window_begins_with_a_whole_line_and_names_a_gap_that_it_holds() {
        for (window, expected) in [
            (99, pieces()),
            (19, pieces()),
            (16, vec![piece(4, 0, "two\n"), piece(100, 92, "three\nfour\n")]),
            (11, vec![piece(100, 0, "three\nfour\n")]),
            (10, vec![piece(106, 0, "four\n")]),
            (5, vec![piece(106, 0, "four\n")]),
            (3, vec![piece(108, 0, "ur\n")]),
            (0, vec![]),
        ] {
            assert_eq!(last_bytes(pieces(), window), expected, "{window}");
        }
        assert_eq!(last_bytes(vec![], 5), vec![]);
    }

    #[test]
    fn a_position_is_moved_to_the_beginning_of_its_line_when_that_is_near() {
        for (position, begin, is_begun) in [
            (0, 0, false),
            (3, 0, true),
            (4, 4, false),
            (8, 8, false),
            (60, 60, false),
            (100, 100, false),
            (103, 100, true),
            (106, 106, false),
            (111, 111, false),
        ] {
            assert_eq!(line_begin(&pieces(), position), begin, "{position}");
            assert_eq!(is_line_begun(&pieces(), position), is_begun, "{position}");
        }
        let long = [piece(0, 0, &"x".repeat(9_000))];
        assert_eq!((line_begin(&long, 4_096), line_begin(&long, 4_097)), (0, 4_097));
    }
}
