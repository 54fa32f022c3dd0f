//! From a neutral notice to the text of each provider: parts and their order, lengths in its unit, its markup kept out of texts of others.

pub mod markup;
pub mod measure;
pub mod outline;
