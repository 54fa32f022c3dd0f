//! Lists too long for one snapshot or for memory: they are read page by page.
//!
//! What belongs to a list, and in which order, is settled by the first page; each item is as it is when its page is read. What is gone
//! by then is left out.

use serde::Serialize;

use crate::kernel::error::VerbError;
use crate::kernel::query::Query;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store::PageBounds;

/// A page, and what is still to be read; none at the end.
pub type PageOf<T, R> = (Vec<T>, Option<R>);

/// A request that is answered by a list.
pub trait Paged: Send + 'static {
    /// What the list has.
    type Item: Serialize + Send + 'static;
    /// What is still to be read.
    type Rest: Send + 'static;
    /// Its name, on every surface.
    const NAME: &'static str;

    /// The first page.
    ///
    /// # Errors
    /// A refusal or a fault.
    fn first(
        &self,
        snapshot: &Snapshot<'_>,
        bounds: PageBounds,
    ) -> Result<PageOf<Self::Item, Self::Rest>, VerbError>;

    /// The page after that.
    ///
    /// # Errors
    /// A fault.
    fn next(
        rest: Self::Rest,
        snapshot: &Snapshot<'_>,
        bounds: PageBounds,
    ) -> Result<PageOf<Self::Item, Self::Rest>, VerbError>;
}

/// The whole list from one snapshot, for those who ask for a short one.
impl<P: Paged> Query for P {
    type Reply = Vec<P::Item>;
    const NAME: &'static str = P::NAME;

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Vec<P::Item>, VerbError> {
        let bounds = PageBounds { items: usize::MAX, bytes: usize::MAX };
        let (mut items, mut rest) = self.first(snapshot, bounds)?;
        while let Some(more) = rest {
            let (page, after) = P::next(more, snapshot, bounds)?;
            items.extend(page);
            rest = after;
        }
        Ok(items)
    }
}
