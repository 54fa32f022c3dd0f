//! Ids of requests.

use crate::kernel::ids::EpochSeconds;

/// An id for a new request: the time and 24 random hex digits. It begins with the time, so that the replies that the daemon keeps by these
/// ids stand in the order of their coming and share a page of the file.
pub fn request_id(now: EpochSeconds, random: &str) -> String {
    format!("{:08x}{random}", now & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_request_has_a_greater_id_of_32_digits() {
        let random = "0123456789abcdef01234567";
        let (first, second) = (request_id(7, random), request_id(1_796_023_153, random));
        assert!(first < second);
        assert_eq!((first.len(), second.len()), (32, 32));
        assert_eq!(request_id(1_796_023_153, random), "6b0d23710123456789abcdef01234567");
    }
}
